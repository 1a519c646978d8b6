/* intake/mime_html.c - text out of HTML. */
#include "intake/mime_html.h"

#include <libxml/HTMLparser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PIECE 4096     /* bytes given to the parser at once */
#define QUOTES_MAX 32  /* signs before a line; deeper ones are shown as these */
#define NEWLINES_MAX 2 /* in a row */
#define ORIGINAL "-----Original Message-----"
#define SNIFF_BYTES 1024
#define CHARSET_MAX 40

struct maker {
	struct text *out;
	int hidden;	      /* within so many elements that are not shown */
	int quoted;	      /* within so many that are quoted */
	int pre;	      /* within so many that keep their spaces */
	int depth;	      /* of elements within the quoting or hiding ones */
	int newlines;	      /* at the end of out; NEWLINES_MAX at its beginning */
	bool space;	      /* one is due before the next word */
	bool line_begun;      /* the signs of quoting are there */
	int n_marks;	      /* of elements that quote and are not named so */
	int mark[QUOTES_MAX]; /* div depth at which each began */
	int divs;
};

enum kind {
	KIND_INLINE,
	KIND_BLOCK,
	KIND_PARAGRAPH, /* with a blank line around */
	KIND_HIDDEN,
	KIND_CELL,
	KIND_ITEM,
	KIND_BREAK,
	KIND_RULE,
	KIND_QUOTE,
	KIND_PRE
};

static const struct {
	const char *name;
	enum kind kind;
} elements[] = {{"address", KIND_BLOCK}, {"article", KIND_BLOCK}, {"aside", KIND_BLOCK},
	{"audio", KIND_HIDDEN}, {"blockquote", KIND_QUOTE}, {"br", KIND_BREAK},
	{"caption", KIND_BLOCK}, {"center", KIND_BLOCK}, {"dd", KIND_BLOCK},
	{"div", KIND_BLOCK}, {"dl", KIND_PARAGRAPH}, {"dt", KIND_BLOCK},
	{"embed", KIND_HIDDEN}, {"fieldset", KIND_BLOCK}, {"footer", KIND_BLOCK},
	{"form", KIND_BLOCK}, {"h1", KIND_PARAGRAPH}, {"h2", KIND_PARAGRAPH},
	{"h3", KIND_PARAGRAPH}, {"h4", KIND_PARAGRAPH}, {"h5", KIND_PARAGRAPH},
	{"h6", KIND_PARAGRAPH}, {"head", KIND_HIDDEN}, {"header", KIND_BLOCK},
	{"hr", KIND_RULE}, {"iframe", KIND_HIDDEN}, {"li", KIND_ITEM},
	{"main", KIND_BLOCK}, {"noscript", KIND_HIDDEN}, {"object", KIND_HIDDEN},
	{"ol", KIND_BLOCK}, {"option", KIND_BLOCK}, {"p", KIND_PARAGRAPH},
	{"pre", KIND_PRE}, {"script", KIND_HIDDEN}, {"section", KIND_BLOCK},
	{"style", KIND_HIDDEN}, {"table", KIND_BLOCK}, {"td", KIND_CELL},
	{"template", KIND_HIDDEN}, {"textarea", KIND_HIDDEN}, {"th", KIND_CELL},
	{"title", KIND_HIDDEN}, {"tr", KIND_BLOCK}, {"ul", KIND_BLOCK},
	{"video", KIND_HIDDEN}};

static int
compare(const void *name, const void *element)
{
	return strcasecmp(name, *(const char *const *)element);
}

static enum kind
kind_of(const char *name)
{
	const void *found = bsearch(name, elements, sizeof elements / sizeof elements[0],
		sizeof elements[0], compare);

	return found != NULL ? elements[((const char *)found - (const char *)elements) /
					(long)sizeof elements[0]]
				       .kind
			     : KIND_INLINE;
}

/* ---- writing ---- */

/* At least n line ends before what comes. */
static void
break_line(struct maker *m, int n)
{
	m->space = false;
	m->line_begun = false;
	for (; m->newlines < n; m->newlines++)
		text_add(m->out, "\n");
}

static void
begin_line(struct maker *m)
{
	int signs = m->quoted < QUOTES_MAX ? m->quoted : QUOTES_MAX;

	if (m->line_begun)
		return;
	m->line_begun = true;
	for (int i = 0; i < signs; i++)
		text_add(m->out, ">");
	if (signs > 0)
		text_add(m->out, " ");
}

static void
put(struct maker *m, const char *s, size_t n)
{
	begin_line(m);
	if (m->space && m->newlines == 0)
		text_add(m->out, " ");
	m->space = false;
	m->newlines = 0;
	text_add_n(m->out, s, n);
}

/* Bytes of the space at s; 0: it is none. The no-break space counts. */
static size_t
space_at(const char *s, size_t n)
{
	if (strchr(" \t\r\n\f", *s) != NULL)
		return 1;
	return n >= 2 && s[0] == '\xc2' && s[1] == '\xa0' ? 2 : 0;
}

static void
on_text(void *owner, const xmlChar *text, int length)
{
	struct maker *m = owner;
	const char *s = (const char *)text;
	size_t n = (size_t)length;

	if (m->hidden > 0)
		return;
	while (n > 0) {
		size_t word = 0, space = 0;

		if (m->pre > 0 && *s == '\n') {
			break_line(m, m->newlines + 1 > NEWLINES_MAX ? NEWLINES_MAX
								     : m->newlines + 1);
			s++;
			n--;
			continue;
		}
		while (space < n && space_at(s + space, n - space) > 0 &&
			!(m->pre > 0 && s[space] == '\n'))
			space += space_at(s + space, n - space);
		if (space > 0 && m->pre > 0)
			put(m, s, space);
		else if (space > 0)
			m->space = true;
		s += space;
		n -= space;
		while (word < n && space_at(s + word, n - word) == 0 && s[word] != '\0')
			word++;
		if (word > 0)
			put(m, s, word);
		else if (n > 0 && *s == '\0')
			word = 1; /* a NUL the parser let through */
		s += word;
		n -= word;
	}
}

/* ---- elements ---- */

static const char *
attribute_of(const xmlChar **list, const char *name)
{
	for (; list != NULL && list[0] != NULL; list += 2)
		if (strcasecmp((const char *)list[0], name) == 0 && list[1] != NULL)
			return (const char *)list[1];
	return "";
}

static bool
has_word(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

/* Boxes around the mail that is answered, by the program that made them. */
static bool
is_quoting_box(const xmlChar **list)
{
	static const char *const classes[] = {"gmail_quote", "yahoo_quoted",
		"moz-cite-prefix", "protonmail_quote", "zmail_extra", "tutanota_quote",
		"WordSection1_reply", "gmail_extra_quote"};
	static const char *const ids[] = {"OLK_SRC_BODY_SECTION", "reply-intro",
		"mail-editor-reference-message", "isReplyContent"};

	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (has_word(attribute_of(list, "class"), classes[i]))
			return true;
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
		if (has_word(attribute_of(list, "id"), ids[i]))
			return true;
	return false;
}

static void
begin_div(struct maker *m, const xmlChar **list)
{
	m->divs++;
	/* Outlook marks where the answered mail begins, and does not put it into a box.
	 */
	if (strcasecmp(attribute_of(list, "id"), "divRplyFwdMsg") == 0) {
		put(m, ORIGINAL, strlen(ORIGINAL));
		break_line(m, 1);
	}
	if (m->n_marks == QUOTES_MAX || !is_quoting_box(list))
		return;
	m->mark[m->n_marks++] = m->divs;
	m->quoted++;
}

static void
end_div(struct maker *m)
{
	if (m->n_marks > 0 && m->mark[m->n_marks - 1] == m->divs) {
		m->n_marks--;
		m->quoted--;
	}
	if (m->divs > 0)
		m->divs--;
}

static void
on_start(void *owner, const xmlChar *name, const xmlChar **list)
{
	struct maker *m = owner;
	enum kind kind = kind_of((const char *)name);

	if (kind == KIND_HIDDEN || m->hidden > 0) {
		m->hidden += kind == KIND_HIDDEN;
		return;
	}
	switch (kind) {
	case KIND_INLINE:
	case KIND_HIDDEN:
		break;
	case KIND_BLOCK:
		break_line(m, 1);
		if (strcasecmp((const char *)name, "div") == 0)
			begin_div(m, list);
		break;
	case KIND_PARAGRAPH:
		break_line(m, 2);
		break;
	case KIND_CELL:
		m->space = m->newlines == 0;
		break;
	case KIND_ITEM:
		break_line(m, 1);
		put(m, "-", 1);
		m->space = true;
		break;
	case KIND_BREAK:
		break_line(
			m, m->newlines < NEWLINES_MAX ? m->newlines + 1 : NEWLINES_MAX);
		break;
	case KIND_RULE:
		break_line(m, 1);
		put(m, "________________________________", 32);
		break_line(m, 1);
		break;
	case KIND_QUOTE:
		break_line(m, 1);
		m->quoted++;
		break;
	case KIND_PRE:
		break_line(m, 1);
		m->pre++;
		break;
	}
}

static void
on_end(void *owner, const xmlChar *name)
{
	struct maker *m = owner;
	enum kind kind = kind_of((const char *)name);

	if (kind == KIND_HIDDEN) {
		m->hidden -= m->hidden > 0;
		return;
	}
	if (m->hidden > 0)
		return;
	switch (kind) {
	case KIND_INLINE:
	case KIND_HIDDEN:
	case KIND_BREAK:
	case KIND_RULE:
		break;
	case KIND_BLOCK:
	case KIND_ITEM:
		break_line(m, 1);
		if (strcasecmp((const char *)name, "div") == 0)
			end_div(m);
		break;
	case KIND_PARAGRAPH:
		break_line(m, 2);
		break;
	case KIND_CELL:
		m->space = m->newlines == 0;
		break;
	case KIND_QUOTE:
		break_line(m, 1);
		m->quoted -= m->quoted > m->n_marks;
		break;
	case KIND_PRE:
		break_line(m, 1);
		m->pre -= m->pre > 0;
		break;
	}
}

static void
on_nothing(void *owner, const char *format, ...)
{
	/* What is wrong with a mail's HTML interests nobody. */
}

void
mime_html(struct text *out, const char *html, size_t n)
{
	xmlSAXHandler sax = {.startElement = on_start,
		.endElement = on_end,
		.characters = on_text,
		.cdataBlock = NULL,
		.error = on_nothing,
		.warning = on_nothing,
		.fatalError = on_nothing};
	struct maker m = {.out = out, .newlines = NEWLINES_MAX};
	htmlParserCtxtPtr parser;

	text_add_n(out, "", 0);
	parser =
		htmlCreatePushParserCtxt(&sax, &m, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
	if (parser == NULL)
		return;
	htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
					   HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
					   HTML_PARSE_IGNORE_ENC);
	for (size_t done = 0; done < n; done += PIECE)
		htmlParseChunk(parser, html + done,
			(int)(n - done < PIECE ? n - done : PIECE), 0);
	htmlParseChunk(parser, NULL, 0, 1);
	htmlFreeParserCtxt(parser);
	break_line(&m, 1);
}

char *
mime_html_charset(const char *html, size_t n)
{
	char head[SNIFF_BYTES + 1];
	const char *at;
	size_t size;

	if (n > SNIFF_BYTES)
		n = SNIFF_BYTES;
	for (size_t i = 0; i < n; i++)
		head[i] = html[i] != '\0' ? html[i] : ' ';
	head[n] = '\0';
	at = strcasestr(head, "<meta");
	at = at != NULL ? strcasestr(at, "charset=") : NULL;
	if (at == NULL)
		return NULL;
	at += strlen("charset=");
	at += strspn(at, "\"' ");
	size = strcspn(at, "\"'; />");
	return size > 0 && size <= CHARSET_MAX ? xstrndup(at, size) : NULL;
}
