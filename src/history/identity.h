/*
 * history/identity.h - what customers are known by, in one form each: telephone numbers
 * as E.164 ("+441632960001"), e-mail addresses in lower case, others as they are without
 * space around them. Pure.
 */
#ifndef USHER_HISTORY_IDENTITY_H
#define USHER_HISTORY_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "model/contact.h"
#include "model/customer.h"

#define IDENTITY_KIND_TEXT 33	/* bytes of a kind with its NUL */
#define IDENTITY_VALUE_TEXT 255 /* bytes of a value with its NUL */
#define IDENTITIES_MAX 8	/* of one contact */

struct identity {
	char kind[IDENTITY_KIND_TEXT];
	char value[IDENTITY_VALUE_TEXT];
};

struct identities {
	int n;
	struct identity list[IDENTITIES_MAX];
};

/*
 * identity_normalise - one form for all spellings.
 *
 * country  ISO 3166, of numbers that name none
 * Returns  false with a sentence in why (static) when it is none of its kind: withheld
 *          numbers, extensions, addresses without domain
 */
bool identity_normalise(struct identity *out, const char *kind, const char *value,
	const char *country, const char **why) USHER_MUST_CHECK;

/* Telephone number to E.164: 8 to 15 digits behind "+". */
bool identity_phone(char out[IDENTITY_VALUE_TEXT], const char *number,
	const char *country) USHER_MUST_CHECK;
/* Whether there is such a country (two letters). */
bool identity_country(const char *country);

/* Identities of a contact, the surest first: of each kind the first attribute that is
 * there. customer: the id that the intake gave; NULL. */
void identities_of(struct identities *out, const struct customer_rules *rules,
	const char *customer, int n_attributes, const struct attribute *attributes);

/* For people who may not see it whole: "+44******0001", "a***@example.com". */
void identity_mask(char out[IDENTITY_VALUE_TEXT], const struct identity *identity);

/* Whether a value fits a pattern with "*" for any text. */
bool identity_fits(const char *pattern, const char *value);

#endif
