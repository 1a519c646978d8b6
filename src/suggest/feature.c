/* suggest/feature.c - hashes of words, pairs and n-grams. */
#include "suggest/feature.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define NUMBER_DIGITS_KEPT 4 /* longer numbers count by their length alone */
#define LONG_NUMBER 9

/* FNV-1a, with a last mixing because buckets are taken from few bits of it. */
#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint64_t
hash_byte(uint64_t h, unsigned char c)
{
	return (h ^ c) * UINT64_C(0x100000001b3);
}

static uint64_t
hash_text(uint64_t h, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = hash_byte(h, (unsigned char)s[i]);
	return h;
}

static uint64_t
hash_end(uint64_t h)
{
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static void
add(struct features *f, uint64_t h, int word, int words, enum feature_block block)
{
	if (f->n == FEATURES_MAX)
		return;
	if (f->n == f->room) {
		f->room = f->room != 0 ? 2 * f->room : 1024;
		f->list = xreallocarray(f->list, (size_t)f->room, sizeof *f->list);
	}
	f->list[f->n++] = (struct feature){.hash = hash_end(h),
		.word = (uint16_t)word,
		.words = (uint8_t)words,
		.block = (uint8_t)block};
}

static int
digits_of(const char *s, size_t n)
{
	int digits = 0;

	/* Of digits beyond ASCII the first of their bytes is counted. */
	for (size_t i = 0; i < n; i++)
		digits += (s[i] >= '0' && s[i] <= '9') ||
			  ((unsigned char)s[i] & 0xc0) == 0xc0;
	return digits;
}

/* What a word says to the learner, by itself or in a pair. */
static uint64_t
hash_word(uint64_t h, const struct words *words, int i)
{
	const struct word *w = &words->word[i];
	int digits;

	switch ((enum word_kind)w->kind) {
	case WORD_LETTERS:
		break;
	case WORD_ADDRESS:
	case WORD_LINK:
		return hash_byte(hash_byte(h, 1), w->kind);
	case WORD_NUMBER:
		digits = digits_of(word_text(words, i), w->n);
		if (digits <= NUMBER_DIGITS_KEPT)
			break;
		if (digits > LONG_NUMBER)
			digits = LONG_NUMBER;
		return hash_byte(hash_byte(h, 2), (unsigned char)digits);
	}
	return hash_text(h, word_text(words, i), w->n);
}

static void
add_words(struct features *f, const struct words *words)
{
	const uint64_t single = hash_byte(HASH_START, 'w'),
		       pair = hash_byte(HASH_START, 'p'),
		       subject = hash_byte(HASH_START, 's'),
		       number = hash_byte(HASH_START, 'n');

	for (int i = 0; i < words->n; i++) {
		const struct word *w = &words->word[i];

		if (w->field == FIELD_SENDER)
			continue;
		add(f, hash_word(single, words, i), i, 1, BLOCK_WORDS);
		if (w->kind == WORD_NUMBER)
			add(f, number, i, 1, BLOCK_WORDS);
		if (w->field == FIELD_SUBJECT)
			add(f, hash_word(subject, words, i), i, 1, BLOCK_SUBJECT);
		if (i + 1 < words->n && words->word[i + 1].field == w->field)
			add(f,
				hash_word(hash_byte(hash_word(pair, words, i), 0), words,
					i + 1),
				i, 2, BLOCK_PAIRS);
	}
}

/* Characters of one word or one run, with where each begins and whose it is. */
struct run {
	int n;
	uint16_t at[GRAM_LETTERS_MAX + 3]; /* in text; the last one is the end */
	uint16_t word[GRAM_LETTERS_MAX + 2];
	char text[4 * (GRAM_LETTERS_MAX + 2)];
};

static void
run_put(struct run *run, const char *s, size_t n, int word)
{
	memcpy(run->text + run->at[run->n], s, n);
	run->word[run->n] = (uint16_t)word;
	run->at[run->n + 1] = (uint16_t)(run->at[run->n] + n);
	run->n++;
}

/* Adds the characters of a word from *at on, as long as there is room. */
static void
run_put_word(struct run *run, const struct words *words, int i, size_t *at, int room)
{
	const char *s = word_text(words, i);
	size_t n = words->word[i].n;

	while (*at < n && run->n < room) {
		size_t from = (*at)++;

		while (*at < n && ((unsigned char)s[*at] & 0xc0) == 0x80 &&
			*at - from < 4)
			(*at)++;
		run_put(run, s + from, *at - from, i);
	}
}

/* All n-grams that begin at the first `starts` characters. */
static void
add_grams(struct features *f, const struct run *run, int starts, int least, int most,
	uint64_t seed)
{
	for (int i = 0; i < starts; i++) {
		uint64_t h = seed;

		for (int k = 0; k < most && i + k < run->n; k++) {
			int at = run->at[i + k];

			h = hash_text(
				h, run->text + at, (size_t)(run->at[i + k + 1] - at));
			if (k + 1 >= least)
				add(f, h, run->word[i], 1, BLOCK_LETTERS);
		}
	}
}

static void
add_word_grams(struct features *f, const struct words *words, int i)
{
	struct run run = {0};
	size_t at = 0;

	run_put(&run, "\x02", 1, i);
	run_put_word(&run, words, i, &at, GRAM_LETTERS_MAX + 1);
	run_put(&run, "\x03", 1, i);
	add_grams(f, &run, run.n, 3, 5, hash_byte(HASH_START, 'c'));
}

/* The run of joined dense words that begins at word i; returns the word behind it. */
static int
add_dense_grams(struct features *f, const struct words *words, int i)
{
	const uint64_t seed = hash_byte(HASH_START, 'd');
	struct run run = {0};
	size_t at = 0;

	for (;;) {
		run_put_word(&run, words, i, &at, GRAM_LETTERS_MAX);
		if (at == words->word[i].n) {
			at = 0;
			if (++i == words->n || !words->word[i].joined)
				break;
		}
		if (run.n < GRAM_LETTERS_MAX)
			continue;
		/* Full: all but the last two characters are done, which begin anew. */
		add_grams(f, &run, run.n - 2, 1, 3, seed);
		struct run rest = {0};

		for (int k = run.n - 2; k < run.n; k++)
			run_put(&rest, run.text + run.at[k],
				(size_t)(run.at[k + 1] - run.at[k]), run.word[k]);
		run = rest;
	}
	add_grams(f, &run, run.n, 1, 3, seed);
	return i;
}

static void
add_letters(struct features *f, const struct words *words)
{
	int i = 0;

	while (i < words->n) {
		const struct word *w = &words->word[i];

		if (w->kind != WORD_LETTERS || w->field == FIELD_SENDER) {
			i++;
		} else if (w->dense) {
			i = add_dense_grams(f, words, i);
		} else {
			add_word_grams(f, words, i);
			i++;
		}
	}
}

void
features_make(struct features *features, const struct words *words)
{
	features->n = 0;
	add_words(features, words);
	add_letters(features, words);
}

void
features_finish(struct features *features)
{
	free(features->list);
	*features = (struct features){0};
}
