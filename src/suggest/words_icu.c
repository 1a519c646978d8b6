/* suggest/words_icu.c - cutting and folding by ICU. */
#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "suggest/words_inner.h"

#define PIECE_UNITS_MAX 64 /* UTF-16 units of a word that are folded */
#define FOLDED_UNITS_MAX                                                                 \
	(18 * PIECE_UNITS_MAX) /* NFKC makes at most 18 units of one (U+FDFA) */

struct breaker {
	UBreakIterator *rules;	  /* owned */
	const UNormalizer2 *fold; /* ICU's own */
	UChar *unit;		  /* owned; the text in UTF-16 */
	uint32_t *byte; /* owned; where each unit stands in the text, and the end */
	int32_t n, room;
	int32_t at, to; /* of the word of the break rules that is being handed out */
};

struct breaker *
breaker_create(const char *lang)
{
	struct breaker *b = xcalloc(1, sizeof *b);
	UErrorCode e = U_ZERO_ERROR;

	b->fold = unorm2_getNFKCCasefoldInstance(&e);
	if (U_SUCCESS(e))
		b->rules = ubrk_open(UBRK_WORD, lang != NULL ? lang : "", NULL, 0, &e);
	if (U_FAILURE(e)) {
		log_error("suggest: ICU cannot load its break rules lang=%s error=%s",
			lang != NULL ? lang : "", u_errorName(e));
		free(b);
		return NULL;
	}
	return b;
}

void
breaker_destroy(struct breaker *b)
{
	if (b == NULL)
		return;
	ubrk_close(b->rules);
	free(b->unit);
	free(b->byte);
	free(b);
}

static void
decode(struct breaker *b, const char *text, size_t n)
{
	size_t i = 0;

	if (b->room < (int32_t)n + 1) {
		b->room = (int32_t)n + 1;
		b->unit = xreallocarray(b->unit, (size_t)b->room, sizeof *b->unit);
		b->byte = xreallocarray(b->byte, (size_t)b->room, sizeof *b->byte);
	}
	b->n = 0;
	while (i < n) {
		uint32_t start = (uint32_t)i, c = utf8_next(text, n, &i);

		b->byte[b->n] = start;
		if (c > 0xffff) {
			/* Four bytes make two units, so they fit. */
			b->unit[b->n++] = U16_LEAD(c);
			b->byte[b->n] = start;
			c = U16_TRAIL(c);
		}
		b->unit[b->n++] = (UChar)c;
	}
	b->byte[b->n] = (uint32_t)n;
}

void
break_start(struct breaker *b, const char *text, size_t n)
{
	UErrorCode e = U_ZERO_ERROR;

	decode(b, text, n);
	ubrk_setText(b->rules, b->unit, b->n, &e);
	if (U_FAILURE(e))
		b->n = 0; /* memory is gone; there is nothing to learn from such a text */
	b->at = b->to = 0;
}

/* The next word of the break rules that has letters or digits. */
static bool
next_span(struct breaker *b)
{
	while (b->to < b->n) {
		int32_t end = ubrk_next(b->rules), status;

		if (end == UBRK_DONE)
			break;
		b->at = b->to;
		b->to = end;
		status = ubrk_getRuleStatus(b->rules);
		if (status >= UBRK_WORD_NUMBER)
			return true;
	}
	b->at = b->to;
	return false;
}

/* ICU 72 takes '@' for a letter, others do not. */
static bool
is_mark(UChar c)
{
	return is_apostrophe(c) || c == '.' || c == ',' || c == ';' || c == ':' ||
	       c == '_' || c == '@' || c == 0xb7 || c == 0x2018 || c == 0x2024 ||
	       c == 0x2027;
}

/* Ends the piece that begins at b->at before a mark that does not join (see
 * words_inner.h): the break rules keep "sign.please" and "a_b" whole. */
static int32_t
piece_end(const struct breaker *b)
{
	int32_t i = b->at;

	while (i < b->to) {
		if (is_mark(b->unit[i]) &&
			(i == b->at || i + 1 == b->to || is_mark(b->unit[i + 1]) ||
				!mark_joins(b->unit[i - 1], b->unit[i], b->unit[i + 1])))
			return i;
		i++;
	}
	return b->to;
}

/* The break rules call a word a number by its last character ("a7"), so they do not help.
 */
static bool
has_letter(const UChar *s, int32_t n)
{
	int32_t at = 0;

	while (at < n) {
		UChar32 c;

		U16_NEXT(s, at, n, c);
		if (u_isalpha(c))
			return true;
	}
	return false;
}

static void
fold(const struct breaker *b, int32_t end, struct piece *piece)
{
	UChar folded[FOLDED_UNITS_MAX];
	UErrorCode e = U_ZERO_ERROR;
	int32_t n = end - b->at, at = 0;

	if (n > PIECE_UNITS_MAX)
		n = PIECE_UNITS_MAX - U16_IS_LEAD(b->unit[b->at + PIECE_UNITS_MAX - 1]);
	n = unorm2_normalize(b->fold, b->unit + b->at, n, folded, FOLDED_UNITS_MAX, &e);
	piece->n = 0;
	while (U_SUCCESS(e) && at < n) {
		char bytes[4];
		int32_t n_bytes = 0;
		UChar32 c;

		U16_NEXT(folded, at, n, c);
		if (is_apostrophe((uint32_t)c) || U_IS_SURROGATE(c) || c == 0)
			continue;
		U8_APPEND_UNSAFE(bytes, n_bytes, c);
		if (piece->n + n_bytes >= WORD_BYTES_MAX)
			break;
		memcpy(piece->folded + piece->n, bytes, (size_t)n_bytes);
		piece->n += (uint16_t)n_bytes;
	}
}

bool
break_next(struct breaker *b, struct piece *piece)
{
	for (;;) {
		int32_t end, from;
		UChar32 c;

		while (b->at < b->to && is_mark(b->unit[b->at]))
			b->at++;
		if (b->at == b->to && !next_span(b))
			return false;
		end = piece_end(b);
		if (end == b->at)
			continue;
		from = b->at;
		piece->start = b->byte[b->at];
		piece->end = b->byte[end];
		piece->number = !has_letter(b->unit + b->at, end - b->at);
		U16_NEXT(b->unit, from, b->n, c);
		piece->first = (uint32_t)c;
		fold(b, end, piece);
		b->at = end;
		if (piece->n > 0)
			return true;
	}
}
