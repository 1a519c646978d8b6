/* base/text.h - growing text, ids as text, and checks of names from outside. */
#ifndef USHER_BASE_TEXT_H
#define USHER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/xalloc.h"

/* A zeroed struct is empty text. s is NUL-terminated once anything was added; owned. */
struct text {
	char *s;
	size_t n, room;
};

void text_grow(struct text *t, size_t more); /* room for so many bytes and the NUL */

/* Records and JSON are put together of a thousand small pieces each, so this one is here.
 */
static inline void
text_add_n(struct text *t, const char *s, size_t n)
{
	if (t->n + n + 1 > t->room)
		text_grow(t, n);
	memcpy(t->s + t->n, s, n);
	t->n += n;
	t->s[t->n] = '\0';
}

static inline void
text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

void text_addf(struct text *t, const char *format, ...) USHER_PRINTF(2, 3);
void text_add_int(struct text *t, int64_t value);
/* Twelve decimals below 1000, nine above, without trailing zeros; very large or small
 * ones with 17 digits. Finite. Much faster than printf, which decision records felt. */
void text_add_number(struct text *t, double value);
void text_clear(struct text *t); /* empty, memory kept */
void text_finish(struct text *t);
char *text_take(struct text *t); /* the caller owns it; "" when empty */

/* FNV-1a; the same in every process, so it may be stored. */
uint32_t text_digest(const char *s, size_t n);

#define ID_MAX                                                                           \
	64 /* bytes of an id or name from outside: [A-Za-z0-9._-]{1,64} (RELIABILITY 6)  \
	    */

bool id_is_valid(const char *s); /* the rule above */
/* "a%d" with 17 is "a17"; a form without %d is the id. False: the result is none. */
bool id_numbered(char out[ID_MAX + 1], const char *form, int64_t number) USHER_MUST_CHECK;

/*
 * Numbered ids (contacts, offers): a letter and 12 digits of Crockford's base 32, fixed
 * width, so that text order is number order. Numbers have 60 bits: 24 of the owner's
 * epoch, 36 counted within it.
 */
#define NUMBER_ID_TEXT 14 /* bytes with the NUL */
void number_id_format(char out[NUMBER_ID_TEXT], char letter, uint64_t number);
bool number_id_parse(const char *s, char letter, uint64_t *number) USHER_MUST_CHECK;

/* Edit distance (Damerau, cut off at 3), for "did you mean". */
int text_distance(const char *a, const char *b);

#endif
