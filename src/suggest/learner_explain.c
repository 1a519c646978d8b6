/* suggest/learner_explain.c - which words of a mail made a proposal. */
#include <stdlib.h>
#include <string.h>

#include "suggest/learner_inner.h"

/* Values and counts by block and bucket, for a walk over all occurrences. */
struct shares {
	float value[BLOCKS][LEARNER_BUCKETS];
	uint16_t count[BLOCKS][LEARNER_BUCKETS];
};

static struct shares *
make_shares(
	const struct learner *l, const struct features *features, const struct bag *bag)
{
	struct shares *s = xcalloc(1, sizeof *s);
	struct vector v;

	vector_make(&v, l, bag);
	for (int i = 0; i < v.n; i++)
		s->value[bag->cell[i].block][v.bucket[i]] = v.value[i];
	for (int i = 0; i < features->n; i++)
		s->count[features->list[i].block]
			[features->list[i].hash >> BUCKET_SHIFT]++;
	vector_finish(&v);
	return s;
}

/* What a bucket says for the label rather than for the others shown; if none are, rather
 * than for all others. */
static float
lean(const struct learner *l, size_t bucket, int label, const struct proposal *shown,
	int n_shown)
{
	const float *row = l->weight + bucket * (size_t)l->room;
	float others = 0;
	int n = 0;

	for (int k = 0; k < n_shown; k++) {
		if (shown[k].label == label)
			continue;
		others += row[shown[k].label];
		n++;
	}
	for (int k = 1; n_shown <= 1 && k < l->n; k++) {
		if (k == label || l->seen[k] == 0)
			continue;
		others += row[k];
		n++;
	}
	return row[label] - (n > 0 ? others / (float)n : 0);
}

static bool
same_text(const struct words *words, int a, int b)
{
	return words->word[a].n == words->word[b].n &&
	       strcmp(word_text(words, a), word_text(words, b)) == 0;
}

/* Moves what equal words and pairs pull to where they stand first. */
static void
join_equal(const struct words *words, float pull[2][MAIL_WORDS_MAX])
{
	for (int i = 1; i < words->n; i++) {
		bool word_done = false, pair_done = pull[1][i] == 0;

		for (int k = 0; k < i && !(word_done && pair_done); k++) {
			if (!same_text(words, k, i))
				continue;
			if (!word_done) {
				pull[0][k] += pull[0][i];
				pull[0][i] = 0;
				word_done = true;
			}
			if (!pair_done && k + 1 < i && same_text(words, k + 1, i + 1)) {
				pull[1][k] += pull[1][i];
				pull[1][i] = 0;
				pair_done = true;
			}
		}
	}
}

static int
insert_reason(struct reason *out, int n, int most, struct reason one)
{
	int at = n;

	while (at > 0 && out[at - 1].pull < one.pull)
		at--;
	if (at == most)
		return n;
	n += n < most;
	memmove(out + at + 1, out + at, (size_t)(n - at - 1) * sizeof *out);
	out[at] = one;
	return n;
}

int
learner_explain(const struct learner *l, const struct words *words,
	const struct features *features, const struct bag *bag, int label,
	const struct proposal *shown, int n_shown, struct reason *out, int most)
{
	struct shares *s = make_shares(l, features, bag);
	float pull[2][MAIL_WORDS_MAX] = {0};
	int n = 0;

	for (int i = 0; i < features->n; i++) {
		const struct feature *f = &features->list[i];
		size_t bucket = f->hash >> BUCKET_SHIFT;
		float share =
			s->value[f->block][bucket] / (float)s->count[f->block][bucket];

		pull[f->words - 1][f->word] +=
			share * lean(l, bucket, label, shown, n_shown);
	}
	free(s);
	join_equal(words, pull);
	for (int i = 0; i < words->n; i++)
		for (int pair = 0; pair < 2; pair++)
			if (pull[pair][i] > 0)
				n = insert_reason(out, n, most,
					(struct reason){.word = (uint16_t)i,
						.words = (uint8_t)(1 + pair),
						.pull = pull[pair][i] /
							(float)l->temperature});
	return n;
}
