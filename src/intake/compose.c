/* intake/compose.c - mails of ours, written by GMime. */
#include "intake/compose.h"

#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HEADER_TEXT_MAX 998 /* bytes of a subject or a name */

static void
begin_once(void)
{
	static gsize begun;

	if (g_once_init_enter(&begun)) {
		g_mime_init();
		g_once_init_leave(&begun, 1);
	}
}

static const char *
what_is_wrong(const struct outgoing *mail)
{
	if (!mailer_address_valid(mail->from))
		return "The mailbox has no sound address.";
	if (mail->n_to < 1 || mail->n_to + mail->n_cc > MAILER_RECIPIENTS_MAX)
		return "A mail has 1 to 50 recipients.";
	for (int i = 0; i < mail->n_to; i++)
		if (!mailer_address_valid(mail->to[i]))
			return "A recipient is no address; write name@example.com.";
	for (int i = 0; i < mail->n_cc; i++)
		if (!mailer_address_valid(mail->cc[i]))
			return "A recipient is no address; write name@example.com.";
	if (!g_utf8_validate(mail->text, -1, NULL))
		return "The text is not UTF-8.";
	if (mail->n_files > COMPOSE_FILES_MAX)
		return "A mail has at most 64 files.";
	return NULL;
}

static void
set_id_list(GMimeObject *message, const char *name, const char *const *ids, int n)
{
	GString *list = g_string_new(NULL);

	for (int i = 0; i < n; i++) {
		/* The first names the case, the latest what is answered. */
		if (n > COMPOSE_REFERENCES_MAX && i > 0 &&
			i < n - COMPOSE_REFERENCES_MAX + 1)
			continue;
		if (strpbrk(ids[i], "<> \t\r\n") != NULL || !mailer_text_valid(ids[i]))
			continue;
		g_string_append_printf(list, "%s<%s>", list->len > 0 ? " " : "", ids[i]);
	}
	if (list->len > 0)
		g_mime_object_set_header(message, name, list->str, NULL);
	g_string_free(list, TRUE);
}

static void
add_header(GMimeMessage *message, const struct outgoing *mail)
{
	GMimeObject *object = GMIME_OBJECT(message);
	char clean[HEADER_TEXT_MAX + 1];
	GDateTime *date;

	mailer_text_clean(mail->from_name, clean, sizeof clean);
	g_mime_message_add_mailbox(message, GMIME_ADDRESS_TYPE_FROM,
		clean[0] != '\0' ? clean : NULL, mail->from);
	for (int i = 0; i < mail->n_to; i++)
		g_mime_message_add_mailbox(
			message, GMIME_ADDRESS_TYPE_TO, NULL, mail->to[i]);
	for (int i = 0; i < mail->n_cc; i++)
		g_mime_message_add_mailbox(
			message, GMIME_ADDRESS_TYPE_CC, NULL, mail->cc[i]);
	mailer_text_clean(mail->subject, clean, sizeof clean);
	g_mime_message_set_subject(message, clean, "utf-8");
	g_mime_message_set_message_id(message, mail->message_id);
	date = g_date_time_new_from_unix_utc(mail->date_ms / 1000);
	g_mime_message_set_date(message, date);
	g_date_time_unref(date);
	if (mail->in_reply_to != NULL)
		set_id_list(object, "In-Reply-To", &mail->in_reply_to, 1);
	set_id_list(object, "References", mail->references, mail->n_references);
	if (mail->automatic) {
		g_mime_object_set_header(object, "Auto-Submitted", "auto-replied", NULL);
		/* For responders that never heard of RFC 3834. */
		g_mime_object_set_header(object, "X-Auto-Response-Suppress", "All", NULL);
	}
}

static GMimeObject *
text_part(const struct outgoing *mail)
{
	GMimeTextPart *part = g_mime_text_part_new_with_subtype("plain");

	g_mime_text_part_set_charset(part, "utf-8");
	g_mime_text_part_set_text(part, mail->text);
	/* Always encoded: no line is too long, no "From " is changed on the way, and
	 * trailing blanks arrive. */
	g_mime_part_set_content_encoding(
		GMIME_PART(part), GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
	return GMIME_OBJECT(part);
}

/* A type as a sender named it, made harmless: parts within parts go as mere bytes. */
static GMimePart *
part_of_type(const char *type)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
				      "YZ0123456789.+-";
	size_t n = strspn(type, letters), m = 0;
	char kind[64];

	if (type[n] == '/')
		m = strspn(type + n + 1, letters);
	if (n == 0 || n >= sizeof kind || m == 0 || type[n + 1 + m] != '\0' ||
		strncasecmp(type, "multipart", n) == 0 ||
		strncasecmp(type, "message", n) == 0)
		return g_mime_part_new_with_type("application", "octet-stream");
	memcpy(kind, type, n);
	kind[n] = '\0';
	return g_mime_part_new_with_type(kind, type + n + 1);
}

static GMimeObject *
file_part(const struct outgoing_file *file)
{
	GMimePart *part = part_of_type(file->type);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(file->data, file->n);
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(
		stream, GMIME_CONTENT_ENCODING_DEFAULT);
	char name[HEADER_TEXT_MAX + 1];

	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
	g_mime_object_set_disposition(GMIME_OBJECT(part), GMIME_DISPOSITION_ATTACHMENT);
	mailer_text_clean(file->name, name, sizeof name);
	if (name[0] != '\0')
		g_mime_part_set_filename(part, name);
	g_object_unref(content);
	g_object_unref(stream);
	return GMIME_OBJECT(part);
}

/* The text alone, or with files behind it. */
static GMimeObject *
body_of(const struct outgoing *mail)
{
	GMimeObject *text = text_part(mail), *part;
	GMimeMultipart *mixed;
	char *boundary;

	if (mail->n_files == 0)
		return text;
	mixed = g_mime_multipart_new_with_subtype("mixed");
	/* Its own for each mail, and the same each time; "=_" stands in no encoded part.
	 */
	boundary = g_strdup_printf("=_%.60s", mail->message_id);
	g_strdelimit(boundary, "@\"\\() <>,;:/[]?", '.');
	g_mime_multipart_set_boundary(mixed, boundary);
	g_free(boundary);
	g_mime_multipart_add(mixed, text);
	g_object_unref(text);
	for (int i = 0; i < mail->n_files; i++) {
		part = file_part(&mail->files[i]);
		g_mime_multipart_add(mixed, part);
		g_object_unref(part);
	}
	return GMIME_OBJECT(mixed);
}

char *
compose_mail(const struct outgoing *mail, size_t *n, const char **fault)
{
	GMimeMessage *message;
	GMimeObject *body;
	char *made, *out;

	*fault = what_is_wrong(mail);
	if (*fault != NULL)
		return NULL;
	begin_once();
	message = g_mime_message_new(TRUE);
	add_header(message, mail);
	body = body_of(mail);
	g_mime_message_set_mime_part(message, body);
	g_object_unref(body);
	made = g_mime_object_to_string(GMIME_OBJECT(message), NULL);
	g_object_unref(message);
	out = xstrdup(made);
	g_free(made);
	*n = strlen(out);
	*fault = mailer_check(out, *n);
	if (*fault == NULL)
		return out;
	free(out);
	return NULL;
}

/* Behind "Re:", "AW:", "Fwd:" and their like, in any number. */
static const char *
behind_prefixes(const char *subject)
{
	static const char *const known[] = {"re:", "aw:", "sv:", "antw:", "rif:", "rv:",
		"fw:", "fwd:", "wg:", "tr:", NULL};
	bool more = true;

	while (more) {
		more = false;
		subject += strspn(subject, " \t");
		for (int i = 0; known[i] != NULL; i++) {
			size_t n = strlen(known[i]);

			if (strncasecmp(subject, known[i], n) == 0) {
				subject += n;
				more = true;
				break;
			}
		}
	}
	return subject;
}

char *
compose_reply_subject(const char *subject, const char *prefix, const char *token)
{
	const char *rest = behind_prefixes(subject != NULL ? subject : "");
	bool known = token == NULL || *token == '\0' || strstr(rest, token) != NULL;

	return xasprintf("%s%s%s%s", prefix, rest,
		known		? ""
		: *rest != '\0' ? " "
				: "",
		known ? "" : token);
}

char *
compose_quote(const char *text, const char *who, int64_t date_ms, size_t most)
{
	GString *out = g_string_new(NULL);
	time_t seconds = (time_t)(date_ms / 1000);
	struct tm when;
	char date[32], *copy;

	gmtime_r(&seconds, &when);
	strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &when);
	g_string_append_printf(out, "On %s, %s wrote:\n", date, who);
	while (*text != '\0' && out->len < most) {
		size_t n = strcspn(text, "\n");

		if (out->len + n + 3 > most) {
			g_string_append(out, "> [...]\n");
			break;
		}
		g_string_append(out, *text == '>' ? ">" : n > 0 ? "> " : ">");
		g_string_append_len(out, text, (gssize)n);
		g_string_append_c(out, '\n');
		text += n;
		text += *text == '\n';
	}
	copy = xstrdup(out->str);
	g_string_free(out, TRUE);
	return copy;
}
