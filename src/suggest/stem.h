/*
 * suggest/stem.h - Snowball stems, so that a rule for "cancel" meets "cancelled". Without
 * libstemmer, and in languages it does not know, a word is its own stem.
 */
#ifndef USHER_SUGGEST_STEM_H
#define USHER_SUGGEST_STEM_H

#include <stddef.h>

struct stemmer; /* for one thread at a time */

/* lang: a tag such as "de-AT"; NULL or unknown: the stemmer leaves words as they are. */
struct stemmer *stemmer_create(const char *lang);
void stemmer_destroy(struct stemmer *s);

/* The stem of n bytes of folded UTF-8, *n then its length; valid until the next call or
 * as long as the word. */
const char *stem(struct stemmer *s, const char *word, size_t *n);

#endif
