/*
 * intake/mail_quote.c - which lines a person wrote.
 *
 * Every line gets a class; then, in this order: what stands below a signature's mark
 * goes; lines of devices and lawyers go; below the line that introduces another mail
 * everything goes, unless the answer stands there; headers of other mails go; quotations
 * at the end go.
 */
#include "intake/mail_quote.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "intake/mail_quote_words.h"

#define MARK_BYTES_MAX 400 /* of the lines that introduce another mail */
#define MARK_LINES_MAX 6
#define DEVICE_BYTES_MAX 160
#define AFTERWORD_LINES 7 /* so many lines behind a quotation are no signature */
#define FIELDS_LEAST 3	  /* lines like headers, to be headers */

enum class {
	LINE_EMPTY,
	LINE_TEXT,
	LINE_QUOTE,
	LINE_DELIMITER, /* "-- ", or other signs in a row */
	LINE_SIGNATURE, /* the first of these alone */
	LINE_DEVICE,
	LINE_MARK,  /* introduces another mail */
	LINE_TITLE, /* the same, of a forwarded or whole one */
	LINE_FIELD
};

struct line {
	const char *s;
	size_t n;
	enum class class;
	bool kept;
};

struct lines {
	struct line *list; /* owned */
	int n;
	const char *end; /* of what was divided */
};

/* ---- classes ---- */

static bool
begins(const char *s, size_t n, const char *word)
{
	size_t size = strlen(word);

	return n >= size && strncasecmp(s, word, size) == 0;
}

static bool
begins_any(const char *s, size_t n, const char *const *list)
{
	for (; *list != NULL; list++)
		if (begins(s, n, *list))
			return true;
	return false;
}

/* Without the signs on both sides. */
static void
strip(const char **s, size_t *n, const char *signs)
{
	while (*n > 0 && strchr(signs, **s) != NULL) {
		(*s)++;
		(*n)--;
	}
	while (*n > 0 && strchr(signs, (*s)[*n - 1]) != NULL)
		(*n)--;
}

static bool
is_delimiter(const char *s, size_t n, bool *signature)
{
	const char *inner = s;
	size_t size = n;

	strip(&inner, &size, " \t");
	*signature = size == 2 && memcmp(inner, "--", 2) == 0;
	if ((size == 3 && memcmp(inner, "\xe2\x80\x94", 3) == 0) ||   /* em dash alone */
		(size == 3 && memcmp(inner, "\xe1\x90\xa7", 3) == 0)) /* a tracker's */
		*signature = true;
	if (*signature)
		return true;
	strip(&inner, &size, "-_=#*~+ \t");
	return size == 0 && n >= 3;
}

/* "*From:* Ann", "Von : Ann" */
static bool
is_field(const char *s, size_t n)
{
	strip(&s, &n, "* \t");
	for (const char *const *name = quote_fields; *name != NULL; name++) {
		const char *at = s + strlen(*name);
		size_t rest;

		if (!begins(s, n, *name))
			continue;
		rest = n - strlen(*name);
		while (rest > 0 && strchr("* \t", *at) != NULL) {
			at++;
			rest--;
		}
		if ((rest > 0 && *at == ':') ||
			(rest >= 3 && memcmp(at, "\xef\xbc\x9a", 3) == 0))
			return true;
	}
	return false;
}

static bool
is_title(const char *s, size_t n)
{
	const char *inner = s;
	size_t size = n;
	bool dashed = false, colon;

	strip(&inner, &size, "-_=~*> \t");
	for (const char *c = s; c < inner; c++)
		dashed |= strchr("-_=~*", *c) != NULL;
	colon = size > 0 && inner[size - 1] == ':';
	return (dashed || colon) && size < 100 && begins_any(inner, size, quote_titles);
}

static bool
is_device(const char *s, size_t n)
{
	const char *inner = s;
	size_t size = n;

	strip(&inner, &size, "(<[*_- \t");
	return n <= DEVICE_BYTES_MAX && begins_any(inner, size, quote_devices);
}

static bool
is_quote(const char *s, size_t n)
{
	while (n > 0 && (*s == ' ' || *s == '\t')) {
		s++;
		n--;
	}
	return n > 0 && (*s == '>' || (*s == '|' && (n == 1 || s[1] == ' ')));
}

static enum class classify(const char *s, size_t n) {
	const char *inner = s; size_t size = n; bool signature;

		strip(&inner, &size, " \t\xc2\xa0"); if (size == 0) return LINE_EMPTY;
		if (is_quote(s, n)) return LINE_QUOTE;
		if (is_delimiter(s, n, &signature)) return signature ? LINE_SIGNATURE
								     : LINE_DELIMITER;
		if (is_title(s, n)) return LINE_TITLE;
		if (is_device(s, n)) return LINE_DEVICE;
		return is_field(s, n) ? LINE_FIELD : LINE_TEXT;
}

/* ---- lines that introduce a mail ---- */

static bool
has_digit(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] >= '0' && s[i] <= '9')
			return true;
	return false;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
}

/* A verb as a word of its own; those of scripts without spaces stand anywhere. */
static bool
has_verb(const char *s)
{
	for (const char *const *verb = quote_verbs; *verb != NULL; verb++) {
		size_t n = strlen(*verb);
		bool dense = (unsigned char)(*verb)[0] >= 0xe3;

		for (const char *at = s; (at = strcasestr(at, *verb)) != NULL; at += n)
			if (dense ||
				((at == s || !is_letter(at[-1])) && !is_letter(at[n])))
				return true;
	}
	return false;
}

/* "2016-10-24 15:36 GMT+02:00 Ann <", "2013/7/20 Ann <ann@cust.example>" */
static bool
begins_with_date(const char *s, size_t n)
{
	return n > 10 && strspn(s, "0123456789") == 4 && (s[4] == '-' || s[4] == '/') &&
	       s[5] >= '0' && s[5] <= '9';
}

/* The first line must look like the beginning of one. */
static bool
may_introduce(const char *s, size_t n)
{
	while (n > 0 && (*s == ' ' || *s == '\t' || *s == '*' || *s == '_')) {
		s++;
		n--;
	}
	if (n == 0)
		return false;
	if (begins_any(s, n, quote_openings) && has_digit(s, n))
		return true;
	return (*s >= '0' && *s <= '9') || memchr(s, '<', n) != NULL ||
	       memchr(s, '@', n) != NULL || (unsigned char)*s >= 0xe3;
}

static bool
is_introduction(const char *whole, size_t n)
{
	bool colon, dated;

	while (n > 0 && strchr(" \t*_", whole[n - 1]) != NULL)
		n--;
	if (n == 0)
		return false;
	colon = whole[n - 1] == ':' ||
		(n >= 3 && memcmp(whole + n - 3, "\xef\xbc\x9a", 3) == 0);
	dated = begins_with_date(whole, n);
	if (dated && (strstr(whole, "GMT") != NULL || strchr(whole, '<') != NULL))
		return colon || whole[n - 1] != '<';
	return colon && has_verb(whole) &&
	       (has_digit(whole, n) || strchr(whole, '@') != NULL ||
		       strchr(whole, '<') != NULL);
}

/* With blanks for no-break spaces, which French has before its colons. */
static size_t
copy_plain(char *to, const char *s, size_t n)
{
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		bool blank = i + 1 < n && memcmp(s + i, "\xc2\xa0", 2) == 0;

		to[made++] = blank ? ' ' : s[i];
		i += blank;
	}
	to[made] = '\0';
	return made;
}

/* How many lines from i on introduce a mail together; 0: none do. */
static int
introduction(const struct lines *l, int i)
{
	char whole[MARK_BYTES_MAX + 2];
	size_t n = 0;

	if (!may_introduce(l->list[i].s, l->list[i].n))
		return 0;
	for (int k = i; k < l->n && k < i + MARK_LINES_MAX; k++) {
		const struct line *line = &l->list[k];
		const struct line *next = k + 1 < l->n ? line + 1 : NULL;

		if (line->class == LINE_EMPTY) {
			/* Some programs put the address into a paragraph of its own. */
			if (next == NULL || next->n == 0 || next->s[0] != '<')
				return 0;
			continue;
		}
		/* Behind "<" the rest of an address may look like a quotation. */
		if (k > i && line->class == LINE_QUOTE && line->s[0] != '>' &&
			whole[n > 0 ? n - 1 : 0] != '<')
			return 0;
		if (n + line->n + 1 > MARK_BYTES_MAX)
			return 0;
		n += copy_plain(whole + n, line->s, line->n);
		if (is_introduction(whole, n))
			return k - i + 1;
		whole[n++] = ' ';
		whole[n] = '\0';
	}
	return 0;
}

static void
find_marks(struct lines *l)
{
	for (int i = 0; i < l->n; i++) {
		int n = l->list[i].class == LINE_TEXT || l->list[i].class == LINE_FIELD
				? introduction(l, i)
				: 0;

		for (int k = i; k < i + n; k++)
			l->list[k].class = LINE_MARK;
		i += n > 0 ? n - 1 : 0;
	}
}

/* What lawyers add, to the end of its paragraph. */
static void
find_notices(struct lines *l)
{
	for (int i = 0; i < l->n; i++) {
		const char *s = l->list[i].s;
		size_t n = l->list[i].n;

		strip(&s, &n, "* \t");
		if (l->list[i].class != LINE_TEXT || !begins_any(s, n, quote_notices) ||
			(i > 0 && l->list[i - 1].class == LINE_TEXT))
			continue;
		for (; i < l->n && l->list[i].class != LINE_EMPTY; i++)
			l->list[i].class = LINE_DEVICE;
	}
}

/* Fields fewer than three in a row are text that happens to have a colon. Folded lines
 * and an empty line between two belong to them. */
static void
find_headers(struct lines *l)
{
	for (int i = 0; i < l->n; i++) {
		int fields = 0, last = i, k;

		if (l->list[i].class != LINE_FIELD)
			continue;
		for (k = i; k < l->n; k++) {
			if (l->list[k].class == LINE_FIELD) {
				fields++;
				last = k;
			} else if (k - last > 1 || l->list[k].class == LINE_QUOTE) {
				break;
			}
		}
		for (k = i; k <= last; k++)
			if (l->list[k].class != LINE_MARK)
				l->list[k].class =
					fields >= FIELDS_LEAST ? LINE_FIELD : LINE_TEXT;
		i = last;
	}
}

/* ---- what is kept ---- */

static bool
has_text(const struct lines *l, int from, int to)
{
	for (int i = from; i < to; i++)
		if (l->list[i].class == LINE_TEXT)
			return true;
	return false;
}

static void
drop(struct lines *l, int from, int to)
{
	for (int i = from; i < to; i++)
		l->list[i].kept = false;
}

/* The first line of one of two classes; l->n: none. */
static int
first_of(const struct lines *l, enum class a, enum class b, int from, int to)
{
	for (int i = from; i < to; i++)
		if (l->list[i].class == a || l->list[i].class == b)
			return i;
	return to;
}

/* Groups of text between quotations behind `from`, and lines of the last of them. */
static int
count_answers(const struct lines *l, int from, int to, int *last_lines, bool *quoted)
{
	bool within = false;
	int groups = 0;

	*last_lines = 0;
	*quoted = false;
	for (int i = from; i < to; i++) {
		if (l->list[i].class == LINE_QUOTE || l->list[i].class == LINE_MARK) {
			within = false;
			*quoted |= l->list[i].class == LINE_QUOTE;
		} else if (l->list[i].class == LINE_TEXT) {
			if (!within) {
				groups++;
				*last_lines = 0;
			}
			within = true;
			++*last_lines;
		}
	}
	return groups;
}

static void
drop_all_but_text(struct lines *l, int from, int to)
{
	for (int i = from; i < to; i++)
		if (l->list[i].class != LINE_TEXT && l->list[i].class != LINE_EMPTY)
			l->list[i].kept = false;
}

/* Behind the line that introduces a mail at `mark`. */
static void
drop_answered(struct lines *l, int mark, int to)
{
	bool above = has_text(l, 0, mark), quoted;
	int lines, groups = count_answers(l, mark, to, &lines, &quoted);

	if (l->list[mark].class == LINE_TITLE && !above)
		drop_all_but_text(l, mark, to); /* all there is was forwarded */
	else if (!quoted)
		drop(l, mark, above ? to : first_of(l, LINE_TEXT, LINE_TEXT, mark, to));
	else if (groups > 1 || !above || lines >= AFTERWORD_LINES)
		drop_all_but_text(l, mark, to); /* answers between, or below */
	else
		drop(l, mark, to);
}

/* From the end backwards, as long as nothing was written there. */
static void
drop_last_quotes(struct lines *l, int to)
{
	int i = to;

	while (i > 0 && (!l->list[i - 1].kept || l->list[i - 1].class != LINE_TEXT))
		i--;
	for (int k = i; k < to; k++)
		if (l->list[k].class == LINE_QUOTE || l->list[k].class == LINE_DELIMITER)
			l->list[k].kept = false;
}

static void
choose(struct lines *l)
{
	int end = l->n, mark, head;

	mark = first_of(l, LINE_SIGNATURE, LINE_SIGNATURE, 0, end);
	/* A mark above everything is none: somebody likes lines. */
	if (mark < end && (has_text(l, 0, mark) || !has_text(l, mark, end))) {
		drop(l, mark, end);
		end = mark;
	}
	for (int i = 0; i < end; i++)
		l->list[i].kept &= l->list[i].class != LINE_DEVICE;
	mark = first_of(l, LINE_MARK, LINE_TITLE, 0, end);
	if (mark < end)
		drop_answered(l, mark, end);
	head = first_of(l, LINE_FIELD, LINE_FIELD, 0, mark < end ? mark : end);
	if (head < (mark < end ? mark : end)) {
		if (has_text(l, 0, head))
			drop(l, head, end);
		else
			drop_all_but_text(l, head, end);
	}
	drop_last_quotes(l, end);
}

/* ---- the whole ---- */

static void
divide(struct lines *l, const char *s)
{
	size_t room = 256;

	l->list = xreallocarray(NULL, room, sizeof l->list[0]);
	while (*s != '\0' && l->n < QUOTE_LINES_MAX) {
		size_t n = strcspn(s, "\n");

		if ((size_t)l->n == room) {
			room *= 2;
			l->list = xreallocarray(l->list, room, sizeof l->list[0]);
		}
		l->list[l->n++] = (struct line){s, n, classify(s, n), true};
		s += n + (s[n] == '\n');
	}
	l->end = s;
}

/* Adds the lines that are kept, or those that are not; no more than one empty line in a
 * row is made by what was taken out. */
static void
gather(const struct lines *l, bool kept, struct text *out)
{
	bool gap = false;

	text_add_n(out, "", 0);
	for (int i = 0; i < l->n; i++) {
		const struct line *line = &l->list[i];

		if (line->kept != kept) {
			gap = true;
			continue;
		}
		if (line->class == LINE_EMPTY &&
			(out->n == 0 ||
				(gap && out->n >= 2 && out->s[out->n - 2] == '\n')))
			continue;
		gap = false;
		text_add_n(out, line->s, line->n);
		text_add(out, "\n");
	}
}

static void
trim_end(struct text *t)
{
	while (t->n > 0 && strchr(" \t\n", t->s[t->n - 1]) != NULL)
		t->s[--t->n] = '\0';
	if (t->n > 0)
		text_add(t, "\n");
}

void
mail_quote_split(const char *s, struct text *text, struct text *rest)
{
	struct lines l = {0};

	divide(&l, s);
	find_marks(&l);
	find_notices(&l);
	find_headers(&l);
	choose(&l);
	gather(&l, true, text);
	gather(&l, false, rest);
	text_add(rest, l.end);
	trim_end(text);
	trim_end(rest);
	free(l.list);
}
