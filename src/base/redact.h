/*
 * base/redact.h - card data leaves texts before they are written anywhere (RELIABILITY
 * I16, S21). One function for chat, mail, notes and attributes.
 *
 * A card number: 12 to 19 digits that begin in an issuer's range of that length and pass
 * Luhn, whole groups of digits joined by what people put between them: blanks, dashes,
 * dots, slashes, line ends, quote marks, tags, character references, zero-width
 * characters. Digits of any script count. It becomes "[card number ending 1111]"; without
 * the ending where more than one reading is possible. A verification code, named as one
 * or standing behind a card number, becomes "[code removed]". Numbers marked as telephone
 * numbers (+), hexadecimal ones, UUIDs, numbers with more digits, and groups that count
 * one by one (2, 3, ... 13) are kept.
 *
 * Pure: no I/O. Time is linear in the text.
 */
#ifndef USHER_BASE_REDACT_H
#define USHER_BASE_REDACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define REDACT_DIGITS_MAX 19 /* of a card number */
#define REDACT_SIDES 2	     /* of a conversation: who writes */

struct redact_found {
	int cards, codes; /* taken out */
	/* Digits at the end of this side's earlier messages that belong to a card number
	 * which this message completed; hand them to redact_ending(). 0: none. */
	int earlier_digits;
};

/*
 * redact_text - copies a text without card data.
 *
 * text, n  UTF-8 or anything else; bytes that are not UTF-8 are copied
 * out      gets the copy; what it held stays in front
 * found    counts are added to; NULL: nobody asks
 * Returns  true when something was taken out
 */
bool redact_text(
	const char *text, size_t n, struct text *out, struct redact_found *found);

/* What one conversation remembers between messages; zeroed at its start. Holds digits of
 * unfinished numbers: never write it to a disk. */
struct redact_join {
	struct redact_tail {
		int n; /* groups */
		struct {
			uint8_t n, digit[REDACT_DIGITS_MAX];
		} group[REDACT_DIGITS_MAX];
		int age; /* messages without digits since */
	} side[REDACT_SIDES];
	bool code_asked; /* the last message asked for a verification code */
};

/*
 * redact_message - the same for a message of a conversation, over the joins of messages.
 *
 * side  0..REDACT_SIDES-1: who wrote it; numbers are joined within a side
 */
bool redact_message(struct redact_join *join, int side, const char *text, size_t n,
	struct text *out, struct redact_found *found);

/*
 * redact_ending - masks the last digits of a text that was written before a later message
 * showed that they are of a card number.
 *
 * digits  how many to mask; fewer are masked when it has fewer
 * Returns how many were masked; the rest belong to the message before it
 */
int redact_ending(const char *text, size_t n, int digits, struct text *out);

/* All texts of a JSON value, and integers that are card numbers; in place, names of
 * members are left. */
bool redact_json(json_t *value, struct redact_found *found);
/* The same for one member of an object, if it is there. */
bool redact_member(json_t *object, const char *name, struct redact_found *found);

#endif
