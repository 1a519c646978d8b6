/* base/redact_inner.h - what the files of the redaction share; nobody else includes it.
 */
#ifndef USHER_BASE_REDACT_INNER_H
#define USHER_BASE_REDACT_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One character as a person reads it: a UTF-8 sequence, a character reference (&#49;), or
 * a whole tag (<b>). */
struct redact_char {
	size_t n;      /* bytes */
	uint32_t code; /* 0: a tag, or bytes that mean nothing */
	int digit;     /* 0..9; -1: none */
	bool joins;    /* may stand between groups of one number */
};

/* Reads the character at text[at]; at < n. */
struct redact_char redact_char_at(const char *text, size_t n, size_t at);

/* Whether n digits may be a card number: issuer range of that length, Luhn. */
bool redact_is_card(const uint8_t *digit, int n);

/* A piece to take out. */
struct redact_cut {
	size_t from, to; /* bytes */
	bool code;	 /* verification code; else card number */
	int ending;	 /* 0..9999: the last four digits to show; -1: none */
};

struct redact_cuts {
	struct redact_cut *cut; /* owned */
	size_t n, room;
};
void redact_cuts_add(struct redact_cuts *cuts, struct redact_cut cut);

/* Verification codes named as such. *asked: the text ends by naming one without giving
 * it. */
void redact_find_codes(const char *text, size_t n, struct redact_cuts *cuts, bool *asked);
/* One that follows a card number which ends at `at`. */
void redact_find_code_after(
	const char *text, size_t n, size_t at, struct redact_cuts *cuts);
/* A message that consists of a code: 3 or 4 digits and little else. */
bool redact_find_bare_code(const char *text, size_t n, struct redact_cuts *cuts);

#endif
