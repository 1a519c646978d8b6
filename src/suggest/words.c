/* suggest/words.c - finds what is masked, and cuts the rest into words. */
#include "suggest/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "suggest/words_inner.h"

struct words_reader {
	struct breaker *breaker; /* owned */
};

struct words_reader *
words_reader_create(const char *lang)
{
	struct words_reader *reader = xcalloc(1, sizeof *reader);

	if (lang != NULL && strlen(lang) >= WORD_LANG_MAX)
		lang = NULL;
	reader->breaker = breaker_create(lang);
	if (reader->breaker == NULL) {
		free(reader);
		return NULL;
	}
	return reader;
}

void
words_reader_destroy(struct words_reader *reader)
{
	if (reader == NULL)
		return;
	breaker_destroy(reader->breaker);
	free(reader);
}

void
words_clear(struct words *words)
{
	words->n = 0;
	words->n_text = 0;
	words->cut = false;
}

void
words_finish(struct words *words)
{
	free(words->text);
	*words = (struct words){0};
}

const char *
word_text(const struct words *words, int i)
{
	return words->text + words->word[i].at;
}

const char *
word_type(const struct words *words, int i)
{
	switch ((enum word_kind)words->word[i].kind) {
	case WORD_NUMBER:
		return "<number>";
	case WORD_ADDRESS:
		return "<address>";
	case WORD_LINK:
		return "<link>";
	case WORD_LETTERS:
		break;
	}
	return word_text(words, i);
}

/* ---- characters ---- */

uint32_t
utf8_next(const char *s, size_t n, size_t *i)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *u = (const unsigned char *)s;
	uint32_t c = u[(*i)++];
	int more = c < 0x80		   ? 0
		   : c >= 0xf0 && c < 0xf5 ? 3
		   : c >= 0xe0		   ? 2
		   : c >= 0xc2		   ? 1
					   : -1;
	size_t at = *i;

	if (more == 0)
		return c;
	if (more < 0 || c >= 0xf5 || n - at < (size_t)more)
		return 0xfffd;
	c &= 0x3fu >> more;
	for (int k = 0; k < more; k++, at++) {
		if ((u[at] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (u[at] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0xfffd;
	*i = at;
	return c;
}

static bool
is_digit(uint32_t c)
{
	return c - '0' < 10;
}

static bool
is_ascii_letter(uint32_t c)
{
	return (c | 0x20) - 'a' < 26;
}

static bool
is_ascii_word(uint32_t c)
{
	return is_digit(c) || is_ascii_letter(c);
}

bool
is_apostrophe(uint32_t c)
{
	return c == '\'' || c == 0x2019 || c == 0x02bc || c == 0xff07;
}

bool
mark_joins(uint32_t before, uint32_t mark, uint32_t after)
{
	return (mark == '.' || mark == ',' || mark == ';' || is_apostrophe(mark)) &&
	       is_digit(before) && is_digit(after);
}

/* Scripts without spaces between words, and Hangul, whose syllables carry the meaning. */
static bool
is_dense(uint32_t c)
{
	static const uint32_t range[][2] = {{0x0e00, 0x0eff}, {0x1000, 0x109f},
		{0x1100, 0x11ff}, {0x1780, 0x17ff}, {0x19e0, 0x19ff}, {0x2e80, 0x2fdf},
		{0x3005, 0x3007}, {0x3040, 0x318f}, {0x31f0, 0x31ff}, {0x3400, 0x4dbf},
		{0x4e00, 0x9fff}, {0xa960, 0xa97f}, {0xa9e0, 0xa9ff}, {0xaa60, 0xaa7f},
		{0xac00, 0xd7ff}, {0xf900, 0xfaff}, {0xff66, 0xffdc}, {0x1b000, 0x1b16f},
		{0x20000, 0x3ffff}};

	for (size_t i = 0; c >= 0x0e00 && i < sizeof range / sizeof *range; i++)
		if (c >= range[i][0] && c <= range[i][1])
			return true;
	return false;
}

/* ---- what is masked ---- */

struct mask {
	size_t start, end;
	enum word_kind kind;
};

static bool
is_local_part(unsigned char c)
{
	return is_ascii_word(c) || (c != 0 && strchr("._%+-=~&'*", c) != NULL);
}

static bool
is_host_part(unsigned char c)
{
	return is_ascii_word(c) || c == '.' || c == '-';
}

/* s[at] is '@': does an address lie around it, at or after `from`? */
static bool
address_at(const char *s, size_t from, size_t at, size_t n, struct mask *m)
{
	size_t start = at, end = at + 1, point = 0;

	while (start > from && is_local_part((unsigned char)s[start - 1]))
		start--;
	for (; end < n && is_host_part((unsigned char)s[end]); end++)
		if (s[end] == '.' && end + 1 < n &&
			is_ascii_letter((unsigned char)s[end + 1]))
			point = end;
	while (end > at + 1 && !is_ascii_word((unsigned char)s[end - 1]))
		end--;
	if (start == at || point < at + 2 || end < point + 2)
		return false;
	*m = (struct mask){start, end, WORD_ADDRESS};
	return true;
}

static size_t
link_end(const char *s, size_t at, size_t n)
{
	while (at < n && (unsigned char)s[at] > ' ' && (unsigned char)s[at] < 0x7f &&
		strchr("<>\"`{}|\\^", s[at]) == NULL)
		at++;
	while (at > 0 && strchr(".,;:!?)]'*", s[at - 1]) != NULL)
		at--;
	return at;
}

/* s[at] begins "://" or "www.": does a link lie around it? */
static bool
link_at(const char *s, size_t from, size_t at, size_t n, struct mask *m)
{
	size_t start = at, end;

	if (s[at] == ':') {
		while (start > from && is_ascii_letter((unsigned char)s[start - 1]))
			start--;
		if (start == at)
			return false;
		at += 3;
	} else if (start > from && is_ascii_word((unsigned char)s[start - 1])) {
		return false;
	} else {
		at += 4;
	}
	end = link_end(s, at, n);
	if (end <= at)
		return false;
	*m = (struct mask){start, end, WORD_LINK};
	return true;
}

/* The first mask that begins at or after `from`. */
static bool
next_mask(const char *s, size_t from, size_t n, struct mask *m)
{
	for (size_t i = from; i < n; i++) {
		if (s[i] == '@' && address_at(s, from, i, n, m))
			return true;
		if (s[i] == ':' && n - i > 3 && s[i + 1] == '/' && s[i + 2] == '/' &&
			link_at(s, from, i, n, m))
			return true;
		if ((s[i] | 0x20) == 'w' && n - i > 4 &&
			strncasecmp(s + i, "www.", 4) == 0 && link_at(s, from, i, n, m))
			return true;
	}
	return false;
}

/* ---- adding ---- */

static void
keep_text(struct words *words, const char *s, size_t n)
{
	if (words->room - words->n_text < n + 1) {
		words->room = 2 * words->room + WORD_BYTES_MAX + 1;
		words->text = xreallocarray(words->text, words->room, 1);
	}
	memcpy(words->text + words->n_text, s, n);
	words->text[words->n_text + n] = '\0';
	words->n_text += n + 1;
}

static void
add_word(struct words *words, struct word word, const char *folded, size_t n)
{
	if (words->n == MAIL_WORDS_MAX) {
		words->cut = true;
		return;
	}
	if (words->n > 0 && word.dense) {
		const struct word *before = &words->word[words->n - 1];

		word.joined = before->dense && before->field == word.field &&
			      before->end == word.start;
	}
	word.at = (uint32_t)words->n_text;
	word.n = (uint16_t)n;
	keep_text(words, folded, n);
	words->word[words->n++] = word;
}

/* Words of ASCII letters and digits, the most there are: the same as the breaker's. */
static void
add_ascii(struct words_reader *reader, struct words *words, enum word_field field,
	const char *s, size_t from, size_t to)
{
	size_t i = from;

	while (i < to && !words->cut) {
		char folded[WORD_BYTES_MAX];
		struct word word = {.field = (uint8_t)field, .kind = WORD_NUMBER};
		size_t n = 0;

		while (i < to && !is_ascii_word((unsigned char)s[i]))
			i++;
		if (i == to)
			return;
		word.start = (uint32_t)i;
		for (; i < to; i++) {
			unsigned char c = (unsigned char)s[i];

			if (!is_ascii_word(c) &&
				(i + 1 == to || !is_ascii_word((unsigned char)s[i + 1]) ||
					!mark_joins((unsigned char)s[i - 1], c,
						(unsigned char)s[i + 1])))
				break;
			if (is_ascii_letter(c)) {
				word.kind = WORD_LETTERS;
				c |= 0x20;
			}
			if (c != '\'' && n < sizeof folded - 1)
				folded[n++] = (char)c;
		}
		word.end = (uint32_t)i;
		add_word(words, word, folded, n);
	}
}

static void
add_pieces(struct words_reader *reader, struct words *words, enum word_field field,
	const char *s, size_t from, size_t to)
{
	struct piece piece;

	break_start(reader->breaker, s + from, to - from);
	while (!words->cut && break_next(reader->breaker, &piece)) {
		struct word word = {.start = (uint32_t)from + piece.start,
			.end = (uint32_t)from + piece.end,
			.field = (uint8_t)field,
			.kind = piece.number ? WORD_NUMBER : WORD_LETTERS,
			.dense = is_dense(piece.first)};

		add_word(words, word, piece.folded, piece.n);
	}
}

static bool
is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * No word reaches across a space, so runs of blank-separated chunks that are ASCII alone
 * take the short way, and only those between them the breaker.
 */
static void
add_plain(struct words_reader *reader, struct words *words, enum word_field field,
	const char *s, size_t from, size_t to)
{
	size_t run = from;
	bool run_ascii = true;

	for (size_t i = from; i < to;) {
		size_t chunk = i;
		bool ascii = true;

		for (; i < to && !is_space((unsigned char)s[i]); i++)
			ascii &= (unsigned char)s[i] < 0x80;
		while (i < to && is_space((unsigned char)s[i]))
			i++;
		if (ascii == run_ascii)
			continue;
		if (chunk > run)
			(run_ascii ? add_ascii : add_pieces)(
				reader, words, field, s, run, chunk);
		run = chunk;
		run_ascii = ascii;
	}
	if (to > run)
		(run_ascii ? add_ascii : add_pieces)(reader, words, field, s, run, to);
}

void
words_add(struct words_reader *reader, struct words *words, enum word_field field,
	const char *text, size_t n)
{
	size_t at = 0;
	struct mask m;

	if (n > WORDS_TEXT_MAX) {
		n = WORDS_TEXT_MAX;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		words->cut |= words->n == MAIL_WORDS_MAX;
	}
	while (at < n && words->n < MAIL_WORDS_MAX) {
		bool masked = field != FIELD_SENDER && next_mask(text, at, n, &m);

		add_plain(reader, words, field, text, at, masked ? m.start : n);
		if (!masked)
			return;
		add_word(words,
			(struct word){.start = (uint32_t)m.start,
				.end = (uint32_t)m.end,
				.field = (uint8_t)field,
				.kind = (uint8_t)m.kind},
			m.kind == WORD_LINK ? "<link>" : "<address>",
			m.kind == WORD_LINK ? 6 : 9);
		at = m.end;
	}
	words->cut |= at < n;
}
