/*
 * intake/mime.c - a mail taken apart by GMime.
 *
 * The tree is walked once, in order. Leaves become parts; the readable ones that are no
 * files are added to the text; of alternatives the plain one is taken if it says
 * anything.
 */
#include "intake/mime.h"

#include <gmime/gmime.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "intake/mime_html.h"
#include "intake/mime_report.h"
#include "intake/mime_text.h"

#define TYPE_MAX 100	      /* bytes of a content type that is kept */
#define CHARSET_MAX 40	      /* the same of a charset */
#define REPORT_MAX (64 << 10) /* bytes of a delivery report that are read */

struct walk {
	struct mime *out;
	bool seen_plain; /* some of the text was plain already */
};

static void walk_into(struct walk *w, GMimeObject *object, int depth, bool quiet);

void
mime_start(void)
{
	static const char *const charsets[] = {"utf-8", "windows-1252", NULL};

	g_mime_init();
	g_mime_parser_options_set_fallback_charsets(
		g_mime_parser_options_get_default(), (const char **)(uintptr_t)charsets);
}

/* ---- leaves ---- */

static char *
lower(const char *s, size_t most)
{
	char *copy = xstrndup(s, most);

	for (char *c = copy; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
		else if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			*c = '_';
	return copy;
}

static char *
type_of(GMimeObject *object)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);
	char *whole = type != NULL ? g_mime_content_type_get_mime_type(type) : NULL;
	char *name = lower(whole != NULL ? whole : "text/plain", TYPE_MAX);

	g_free(whole);
	return name;
}

static char *
parameter(GMimeObject *object, const char *name, size_t most)
{
	const char *value = g_mime_object_get_content_type_parameter(object, name);

	return value != NULL && value[0] != '\0' ? lower(value, most) : NULL;
}

/* The last step of a path, without marks that make it look like another name; the ending
 * is kept. */
static char *
file_name(const char *given)
{
	char *line = mime_clean_line(given != NULL ? given : "", MIME_VALUE_MAX), *name;
	const char *base = line;
	const char *dot;
	size_t n;

	for (const char *c = line; *c != '\0'; c++)
		if (*c == '/' || *c == '\\')
			base = c + 1;
	while (*base == '.')
		base++;
	n = strlen(base);
	if (n > MAIL_FILE_NAME_MAX) {
		dot = strrchr(base, '.');
		if (dot == NULL || strlen(dot) > 16)
			dot = base + n;
		n = MAIL_FILE_NAME_MAX - strlen(dot);
		while (n > 0 && ((unsigned char)base[n] & 0xc0) == 0x80)
			n--;
		name = xasprintf("%.*s%s", (int)n, base, dot);
	} else {
		name = xstrdup(base);
	}
	free(line);
	return name;
}

/* Decoded content of a stream into the part. */
static void
fill_data(struct mime_part *p, const char *data, size_t n)
{
	p->data = xmalloc(n + 1);
	memcpy(p->data, data, n);
	p->data[n] = '\0';
	p->n = n;
	SHA256((const unsigned char *)data, n, p->hash);
}

static struct mime_part *
add_part(struct walk *w, GMimeObject *object)
{
	GMimeContentDisposition *d = g_mime_object_get_content_disposition(object);
	const char *disposition =
		d != NULL ? g_mime_content_disposition_get_disposition(d) : NULL;
	struct mime_part *p;

	if (w->out->n_parts == MIME_PARTS_MAX) {
		w->out->cut = true;
		return NULL;
	}
	p = &w->out->part[w->out->n_parts++];
	p->leaf = true;
	p->type = type_of(object);
	p->charset = parameter(object, "charset", CHARSET_MAX);
	p->disposition = disposition != NULL && disposition[0] != '\0'
				 ? lower(disposition, 32)
				 : NULL;
	p->name = file_name(GMIME_IS_PART(object)
				    ? g_mime_part_get_filename(GMIME_PART(object))
				    : NULL);
	return p;
}

static void
decode_part(struct mime_part *p, GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *stream = g_mime_stream_mem_new();
	GByteArray *bytes;

	if (content != NULL)
		(void)g_mime_data_wrapper_write_to_stream(content, stream);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	fill_data(p, bytes->data != NULL ? (const char *)bytes->data : "", bytes->len);
	g_object_unref(stream);
}

/* ---- text ---- */

static bool
is_blank(const char *s)
{
	for (; *s != '\0'; s++)
		if (strchr(" \t\n\r", *s) == NULL && strncmp(s, "\xc2\xa0", 2) != 0 &&
			(unsigned char)*s != 0xa0)
			return false;
	return true;
}

/* Adds a part's text, cleaned; a blank line between two. */
static void
add_text(struct walk *w, const char *s, size_t n)
{
	struct text *t = &w->out->text;

	if (t->n > 0 && t->s[t->n - 1] != '\n')
		text_add(t, "\n");
	if (t->n > 0)
		text_add(t, "\n");
	if (t->n >= MIME_TEXT_MAX || !mime_clean(t, s, n, MIME_TEXT_MAX - t->n))
		w->out->cut = true;
}

static void
add_plain(struct walk *w, struct mime_part *p, GMimeObject *object)
{
	char *format = parameter(object, "format", 16),
	     *del = parameter(object, "delsp", 8);
	struct text decoded = {0}, clean = {0}, joined = {0};

	mime_decode(&decoded, p->charset, p->data, p->n);
	if (format != NULL && strcmp(format, "flowed") == 0) {
		(void)mime_clean(&clean, decoded.s, decoded.n, MIME_TEXT_MAX);
		mime_unflow(&joined, clean.s, del != NULL && strcmp(del, "yes") == 0);
		add_text(w, joined.s, joined.n);
	} else {
		add_text(w, decoded.s, decoded.n);
	}
	w->seen_plain = true;
	w->out->html = false;
	text_finish(&decoded);
	text_finish(&clean);
	text_finish(&joined);
	free(format);
	free(del);
}

static void
add_html(struct walk *w, struct mime_part *p)
{
	size_t n = p->n < MIME_HTML_MAX ? p->n : MIME_HTML_MAX;
	char *sniffed = p->charset == NULL ? mime_html_charset(p->data, n) : NULL;
	struct text decoded = {0}, text = {0};

	w->out->cut |= n < p->n;
	mime_decode(&decoded, p->charset != NULL ? p->charset : sniffed, p->data, n);
	mime_html(&text, decoded.s, decoded.n);
	if (!w->seen_plain && w->out->text.n == 0)
		w->out->html = true;
	add_text(w, text.s, text.n);
	text_finish(&decoded);
	text_finish(&text);
	free(sniffed);
}

static bool
is_readable(const struct mime_part *p)
{
	return (strcmp(p->type, "text/plain") == 0 || strcmp(p->type, "text/html") == 0 ||
		       strcmp(p->type, "text/enriched") == 0 ||
		       strcmp(p->type, "text/markdown") == 0) &&
	       p->name[0] == '\0' &&
	       (p->disposition == NULL || strcmp(p->disposition, "attachment") != 0);
}

/* quiet: an alternative that was not chosen; it is known as a part, and is neither text
 * nor a file. */
static void
take_leaf(struct walk *w, GMimePart *part, bool quiet)
{
	struct mime_part *p = add_part(w, GMIME_OBJECT(part));

	if (p == NULL)
		return;
	decode_part(p, part);
	if (strcmp(p->type, "message/delivery-status") == 0 ||
		strcmp(p->type, "message/feedback-report") == 0 ||
		strcmp(p->type, "text/rfc822-headers") == 0) {
		report_read(&w->out->bounce, p->data,
			p->n < REPORT_MAX ? p->n : REPORT_MAX,
			strcmp(p->type, "text/rfc822-headers") == 0);
		return;
	}
	if (!quiet && !is_readable(p))
		return; /* a file */
	if (!quiet && strcmp(p->type, "text/html") == 0)
		add_html(w, p);
	else if (!quiet)
		add_plain(w, p, GMIME_OBJECT(part));
	p->is_text = true;
	free(p->data);
	p->data = NULL;
}

/* ---- what holds others ---- */

/* Has a readable leaf of that type that says something? */
static bool
says_something(GMimeObject *object, const char *type, int depth)
{
	if (depth > MIME_DEPTH_MAX)
		return false;
	if (GMIME_IS_MULTIPART(object)) {
		int n = g_mime_multipart_get_count(GMIME_MULTIPART(object));

		for (int i = 0; i < n && i < MIME_PARTS_MAX; i++)
			if (says_something(
				    g_mime_multipart_get_part(GMIME_MULTIPART(object), i),
				    type, depth + 1))
				return true;
		return false;
	}
	if (GMIME_IS_PART(object)) {
		struct mime_part p = {.type = type_of(object)};
		bool it_is = strcmp(p.type, type) == 0;

		if (it_is) {
			decode_part(&p, GMIME_PART(object));
			it_is = !is_blank(p.data);
		}
		free(p.type);
		free(p.data);
		return it_is;
	}
	return false;
}

/* The alternative to read: the last plain one that says something, else the last with
 * HTML, else the last. */
static int
choose(GMimeMultipart *m, int n)
{
	static const char *const types[] = {"text/plain", "text/html"};

	for (size_t k = 0; k < sizeof types / sizeof types[0]; k++)
		for (int i = n - 1; i >= 0; i--)
			if (says_something(g_mime_multipart_get_part(m, i), types[k], 0))
				return i;
	return n - 1;
}

static void
take_multipart(struct walk *w, GMimeMultipart *m, int depth, bool quiet)
{
	char *type = type_of(GMIME_OBJECT(m));
	int n = g_mime_multipart_get_count(m);
	int chosen;

	if (n > MIME_PARTS_MAX) {
		n = MIME_PARTS_MAX;
		w->out->cut = true;
	}
	chosen = !quiet && strcmp(type, "multipart/alternative") == 0 ? choose(m, n) : -1;
	for (int i = 0; i < n; i++)
		walk_into(w, g_mime_multipart_get_part(m, i), depth + 1,
			quiet || (chosen >= 0 && i != chosen));
	free(type);
}

/* A mail within a mail is a file; of one that came back the report reads the head. */
static void
take_message(struct walk *w, GMimeMessagePart *holder)
{
	struct mime_part *p = add_part(w, GMIME_OBJECT(holder));
	GMimeMessage *inner = g_mime_message_part_get_message(holder);
	GMimeStream *stream = g_mime_stream_mem_new();
	const char *subject;
	GByteArray *bytes;

	if (p != NULL) {
		if (inner != NULL)
			(void)g_mime_object_write_to_stream(
				GMIME_OBJECT(inner), NULL, stream);
		bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
		fill_data(p, bytes->data != NULL ? (const char *)bytes->data : "",
			bytes->len);
		report_read(&w->out->bounce, p->data,
			p->n < REPORT_MAX ? p->n : REPORT_MAX, true);
		subject = inner != NULL ? g_mime_message_get_subject(inner) : NULL;
		if (p->name[0] == '\0' && subject != NULL) {
			free(p->name);
			p->name = file_name(subject);
		}
		if (p->name[0] == '\0') {
			free(p->name);
			p->name = xstrdup("mail");
		}
		if (strlen(p->name) <= MAIL_FILE_NAME_MAX - 4 &&
			strcmp(p->type, "message/rfc822") == 0) {
			char *whole = xasprintf("%s.eml", p->name);

			free(p->name);
			p->name = whole;
		}
	}
	g_object_unref(stream);
}

/* Too deep to be walked: one file of what is there. */
static void
take_opaque(struct walk *w, GMimeObject *object)
{
	struct mime_part *p = add_part(w, object);
	GMimeStream *stream;
	GByteArray *bytes;

	w->out->cut = true;
	if (p == NULL)
		return;
	stream = g_mime_stream_mem_new();
	(void)g_mime_object_write_content_to_stream(object, NULL, stream);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	fill_data(p, bytes->data != NULL ? (const char *)bytes->data : "", bytes->len);
	free(p->type);
	p->type = xstrdup("application/octet-stream");
	g_object_unref(stream);
}

static void
walk_into(struct walk *w, GMimeObject *object, int depth, bool quiet)
{
	if (object == NULL)
		return;
	if (depth > MIME_DEPTH_MAX && !GMIME_IS_PART(object))
		take_opaque(w, object);
	else if (GMIME_IS_MULTIPART(object))
		take_multipart(w, GMIME_MULTIPART(object), depth, quiet);
	else if (GMIME_IS_MESSAGE_PART(object))
		take_message(w, GMIME_MESSAGE_PART(object));
	else if (GMIME_IS_PART(object))
		take_leaf(w, GMIME_PART(object), quiet);
}

/* ---- the whole ---- */

/* Raw bytes beyond ASCII are UTF-8 where they can be. */
static char *
field_value(const char *raw)
{
	struct text decoded = {0};
	char *line;

	if (raw == NULL)
		return xstrdup("");
	mime_decode(&decoded, NULL, raw, strlen(raw));
	line = mime_clean_line(decoded.s, MIME_VALUE_MAX);
	text_finish(&decoded);
	return line;
}

static void
take_fields(struct mime *out, GMimeObject *message)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(message);
	int n = g_mime_header_list_get_count(list);

	for (int i = 0; i < n && out->n_fields < MIME_FIELDS_MAX; i++) {
		GMimeHeader *header = g_mime_header_list_get_header_at(list, i);
		const char *raw = g_mime_header_get_raw_value(header);
		char *name = lower(g_mime_header_get_name(header), 100);

		out->hops += strcmp(name, "received") == 0;
		/* Received fields alone may come by the hundred. */
		if (strcmp(name, "received") == 0 && out->hops > 50) {
			free(name);
			continue;
		}
		out->field[out->n_fields].name = name;
		out->field[out->n_fields++].value = field_value(raw);
	}
}

/* Line ends of old Macintosh files, which GMime does not know; the caller's; NULL: they
 * are others. */
static char *
with_line_feeds(const char *raw, size_t n)
{
	char *copy;

	if (memchr(raw, '\n', n) != NULL || memchr(raw, '\r', n) == NULL)
		return NULL;
	copy = xmalloc(n);
	for (size_t i = 0; i < n; i++)
		copy[i] = raw[i] == '\r' ? '\n' : raw[i];
	return copy;
}

/* A multipart without parts, since its boundary is missing or never comes, and a mail
 * that is all body: what stands there is the text. */
static void
take_shapeless(struct walk *w, GMimeObject *root, const char *raw, size_t n)
{
	const char *prologue =
		root != NULL && GMIME_IS_MULTIPART(root)
			? g_mime_multipart_get_prologue(GMIME_MULTIPART(root))
			: NULL;
	struct text decoded = {0};

	if (prologue != NULL && !is_blank(prologue))
		mime_decode(&decoded, NULL, prologue, strlen(prologue));
	else if (w->out->n_fields == 0)
		mime_decode(&decoded, NULL, raw, n < MIME_TEXT_MAX ? n : MIME_TEXT_MAX);
	if (decoded.n > 0)
		add_text(w, decoded.s, decoded.n);
	text_finish(&decoded);
}

/* Blanks before the head would end it before it began. */
static size_t
blank_head(const char *raw, size_t n)
{
	size_t i = 0;

	while (i < n && raw[i] != '\0' && strchr(" \t\r\n", raw[i]) != NULL)
		i++;
	return i;
}

void
mime_read(const char *raw, size_t n, struct mime *out)
{
	size_t blank = blank_head(raw, n);
	char *turned = with_line_feeds(raw, n);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(
		turned != NULL ? turned : raw + blank, turned != NULL ? n : n - blank);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	struct walk w = {.out = out};
	GMimeObject *root;

	text_add_n(&out->text, "", 0);
	if (message != NULL) {
		root = g_mime_message_get_mime_part(message);
		take_fields(out, GMIME_OBJECT(message));
		if (root != NULL) {
			out->root_type = type_of(root);
			out->report = parameter(root, "report-type", 40);
		}
		walk_into(&w, root, 0, false);
		if (is_blank(out->text.s))
			take_shapeless(&w, root, raw, n);
		g_object_unref(message);
	} else {
		take_shapeless(&w, NULL, raw, n);
	}
	if (out->root_type == NULL)
		out->root_type = xstrdup("text/plain");
	g_object_unref(parser);
	g_object_unref(stream);
	free(turned);
}

void
mime_finish(struct mime *mime)
{
	for (int i = 0; i < mime->n_fields; i++) {
		free(mime->field[i].name);
		free(mime->field[i].value);
	}
	for (int i = 0; i < mime->n_parts; i++) {
		free(mime->part[i].type);
		free(mime->part[i].name);
		free(mime->part[i].charset);
		free(mime->part[i].disposition);
		free(mime->part[i].data);
	}
	text_finish(&mime->text);
	free(mime->root_type);
	free(mime->report);
	free(mime->bounce.of);
	free(mime->bounce.recipient);
	free(mime->bounce.status);
	free(mime->bounce.said);
	*mime = (struct mime){0};
}

const char *
mime_field(const struct mime *mime, const char *name)
{
	for (int i = 0; i < mime->n_fields; i++)
		if (strcmp(mime->field[i].name, name) == 0)
			return mime->field[i].value;
	return NULL;
}

int
mime_field_count(const struct mime *mime, const char *name)
{
	int n = 0;

	for (int i = 0; i < mime->n_fields; i++)
		n += strcmp(mime->field[i].name, name) == 0;
	return n;
}
