/* intake/mime_head.c - who, what about, when, and in answer to what. */
#include <gmime/gmime.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "intake/mime.h"
#include "intake/mime_text.h"

#define GROUP_DEPTH_MAX 4

/* ---- addresses ---- */

/* "local@domain" with the domain in lower case; NULL: it is no address. */
static char *
address_of(const char *given)
{
	char *address = mime_clean_line(given != NULL ? given : "", MAIL_ADDRESS_MAX + 4);
	char *at = strrchr(address, '@');

	if (at == NULL || at == address || at[1] == '\0' ||
		strlen(address) > MAIL_ADDRESS_MAX || strpbrk(address, " <>,;") != NULL) {
		free(address);
		return NULL;
	}
	for (char *c = at; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return address;
}

/* At most n bytes of text, cut between characters; NULL: nothing is left. */
static char *
cut_line(const char *s, size_t n)
{
	char *line = mime_clean_line(s != NULL ? s : "", MIME_VALUE_MAX);
	size_t size = strlen(line);

	if (size > n) {
		while (n > 0 && ((unsigned char)line[n] & 0xc0) == 0x80)
			n--;
		line[n] = '\0';
	}
	if (line[0] == '\0') {
		free(line);
		return NULL;
	}
	return line;
}

static void
add_list(InternetAddressList *list, struct mail_people *out, int depth)
{
	int n = list != NULL ? internet_address_list_length(list) : 0;

	for (int i = 0; i < n && out->n < MAIL_PEOPLE_MAX; i++) {
		InternetAddress *one = internet_address_list_get_address(list, i);

		if (INTERNET_ADDRESS_IS_GROUP(one)) {
			if (depth < GROUP_DEPTH_MAX)
				add_list(internet_address_group_get_members(
						 INTERNET_ADDRESS_GROUP(one)),
					out, depth + 1);
		} else if (INTERNET_ADDRESS_IS_MAILBOX(one)) {
			char *address = address_of(internet_address_mailbox_get_addr(
				INTERNET_ADDRESS_MAILBOX(one)));

			if (address != NULL)
				out->list[out->n++] = (struct mail_person){
					cut_line(internet_address_get_name(one),
						MAIL_NAME_MAX),
					address};
		}
	}
}

void
mime_addresses(const char *value, struct mail_people *out)
{
	InternetAddressList *list = internet_address_list_parse(NULL, value);

	if (list == NULL)
		return;
	add_list(list, out, 0);
	g_object_unref(list);
}

static struct mail_person
first_person(const struct mime *mime, const char *field)
{
	struct mail_people all = {0};
	struct mail_person first = {0};
	const char *value = mime_field(mime, field);

	if (value != NULL)
		mime_addresses(value, &all);
	if (all.n > 0)
		first = all.list[0];
	for (int i = 1; i < all.n; i++) {
		free(all.list[i].name);
		free(all.list[i].address);
	}
	return first;
}

static void
all_people(const struct mime *mime, const char *field, struct mail_people *out)
{
	for (int i = 0; i < mime->n_fields; i++)
		if (strcmp(mime->field[i].name, field) == 0)
			mime_addresses(mime->field[i].value, out);
}

/* ---- ids ---- */

/* Message-IDs in a value, the first and the latest of them. */
static void
add_ids(const char *value, struct mail_ids *out)
{
	while (value != NULL && (value = strchr(value, '<')) != NULL) {
		size_t n = strcspn(value + 1, "<> \t");
		char *id;

		value++;
		if (value[n] != '>' || n == 0 || n > MAIL_MESSAGE_ID_MAX)
			continue;
		id = xstrndup(value, n);
		if (out->n == MAIL_REFERENCES_MAX) {
			/* The first names the beginning; the oldest behind it goes. */
			free(out->list[1]);
			memmove(&out->list[1], &out->list[2],
				(MAIL_REFERENCES_MAX - 2) * sizeof out->list[0]);
			out->n--;
		}
		out->list[out->n++] = id;
		value += n + 1;
	}
}

static char *
hash_name(const char *data, size_t n, const char *what)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct text t = {0};

	SHA256((const unsigned char *)data, n, hash);
	text_add(&t, "sha256.");
	for (size_t i = 0; i < sizeof hash; i++)
		text_addf(&t, "%02x", hash[i]);
	text_addf(&t, "@%s.invalid", what);
	return text_take(&t);
}

static bool
is_plain_id(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 0x7f ||
			s[i] == '<' || s[i] == '>')
			return false;
	return n > 0 && n <= MAIL_MESSAGE_ID_MAX;
}

/* What makes the same mail one contact: its own name, or a hash in its place. */
static char *
message_id(const struct mime *mime, const char *raw, size_t n)
{
	const char *value = mime_field(mime, "message-id");
	const char *from, *to;

	if (value == NULL || value[0] == '\0')
		return hash_name(raw, n, "missing");
	from = strchr(value, '<');
	to = from != NULL ? strchr(from, '>') : NULL;
	from = to != NULL ? from + 1 : value;
	if (to == NULL)
		to = value + strlen(value);
	if (is_plain_id(from, (size_t)(to - from)))
		return xstrndup(from, (size_t)(to - from));
	return hash_name(from, (size_t)(to - from), "unusual");
}

/* ---- the whole ---- */

static int64_t
date_of(const struct mime *mime)
{
	const char *value = mime_field(mime, "date");
	GDateTime *date = value != NULL ? g_mime_utils_header_decode_date(value) : NULL;
	int64_t ms = 0;

	if (date != NULL) {
		ms = (int64_t)g_date_time_to_unix(date) * 1000;
		g_date_time_unref(date);
	}
	return ms > 0 ? ms : 0;
}

/* Behind the next encoded word that ends with padding; the end: there is none. GMime
 * reads words in a row as one stream, which such padding would end. */
static const char *
behind_padding(const char *s)
{
	const char *end = s;

	while ((end = strstr(end, "=?=")) != NULL) {
		end += 3;
		if (end[0] == ' ' || end[0] == '\t')
			return end;
	}
	return s + strlen(s);
}

static char *
decoded_line(const char *value, size_t most)
{
	struct text whole = {0};
	char *line;

	text_add(&whole, "");
	while (*value != '\0') {
		const char *end = behind_padding(value);
		char *piece = xstrndup(value, (size_t)(end - value));
		char *decoded = g_mime_utils_header_decode_text(NULL, piece);

		text_add(&whole, decoded != NULL ? decoded : "");
		g_free(decoded);
		free(piece);
		/* Blanks between two encoded words are none. */
		value = end;
		if (strncmp(end + strspn(end, " \t"), "=?", 2) == 0)
			value += strspn(end, " \t");
	}
	line = cut_line(whole.s, most);
	text_finish(&whole);
	return line;
}

void
mime_head(const struct mime *mime, const char *raw, size_t n, struct mail *mail)
{
	const char *subject = mime_field(mime, "subject");

	mail->from = first_person(mime, "from");
	if (mail->from.address == NULL) {
		free(mail->from.name);
		mail->from = first_person(mime, "sender");
	}
	mail->reply_to = first_person(mime, "reply-to");
	all_people(mime, "to", &mail->to);
	all_people(mime, "cc", &mail->cc);
	if (subject != NULL)
		mail->subject = decoded_line(subject, MAIL_SUBJECT_MAX);
	mail->message_id = message_id(mime, raw, n);
	add_ids(mime_field(mime, "in-reply-to"), &mail->in_reply_to);
	add_ids(mime_field(mime, "references"), &mail->references);
	mail->date_ms = date_of(mime);
	mail->hops = mime->hops;
}
