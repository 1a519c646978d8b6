/* suggest/words_inner.h - between the reader of words and what cuts and folds them. */
#ifndef USHER_SUGGEST_WORDS_INNER_H
#define USHER_SUGGEST_WORDS_INNER_H

#include "suggest/words.h"

struct piece {
	uint32_t start, end; /* bytes of the text given to break_start */
	uint32_t first;	     /* its first code point, as it stands in the text */
	bool number;	     /* digits and their separators alone */
	uint16_t n;
	char folded[WORD_BYTES_MAX]; /* n bytes; apostrophes left out */
};

/* words_icu.c or words_plain.c */
struct breaker;
struct breaker *breaker_create(const char *lang);
void breaker_destroy(struct breaker *b);
/* n <= WORDS_TEXT_MAX; the text must stay until the last piece was taken. */
void break_start(struct breaker *b, const char *text, size_t n);
bool break_next(struct breaker *b, struct piece *piece);

/*
 * May `mark` between two code points be part of a word? Points, commas and the like are
 * between digits (1,234.56; 1'000); else they end it: "don't" is two words, as is
 * "l'achat", and "sign.Please".
 */
bool mark_joins(uint32_t before, uint32_t mark, uint32_t after);
bool is_apostrophe(uint32_t c);

/* The next code point; wrong bytes give U+FFFD, one each. *i < n. */
uint32_t utf8_next(const char *s, size_t n, size_t *i);

#endif
