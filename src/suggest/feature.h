/*
 * suggest/feature.h - what the learner sees of a mail: words, pairs of words, and
 * character n-grams, as 64-bit hashes. Pure.
 *
 * Of each word 3-, 4- and 5-grams are taken with a mark at each end, so that "card" in
 * front of a word is another feature than within it. In scripts without spaces, and in
 * Hangul, 1-, 2- and 3-grams are taken across words. Numbers count by how long they are;
 * up to four digits also by what they say ("error 404"). The words of a subject count
 * like those of the body and, once more, in a space of their own.
 */
#ifndef USHER_SUGGEST_FEATURE_H
#define USHER_SUGGEST_FEATURE_H

#include "suggest/words.h"

#define FEATURES_MAX                                                                     \
	32768 /* of one mail; what comes later in it is left out (at 400 words of 32     \
		 letters there are 38,000) */
#define GRAM_LETTERS_MAX 40 /* of a word, from its beginning */

enum feature_block {
	BLOCK_WORDS,
	BLOCK_PAIRS,
	BLOCK_LETTERS,
	BLOCK_SUBJECT
};
#define BLOCKS 4

struct feature {
	uint64_t hash;
	uint16_t word; /* the first word it comes from */
	uint8_t words; /* 1; of a pair: 2 */
	uint8_t block; /* enum feature_block */
};

/* A zeroed struct is empty; made again for each mail, its memory is kept. */
struct features {
	struct feature *list; /* owned */
	int n, room;
};

void features_make(struct features *features, const struct words *words);
void features_finish(struct features *features);

#endif
