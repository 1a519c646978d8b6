/* suggest/learner.c - labels, features in buckets, scores, ranking. */
#include "suggest/learner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "suggest/learner_inner.h"

#define LETTERS_VALUE 0.8f /* length of their block; words and pairs have 1 */
#define PAIR_VALUE 0.7f	   /* of a pair's value, beside that of its words */
#define IDF_LEAST 0.3f	   /* what a word counts that every mail has */

/* ---- the frame ---- */

struct learner *
learner_create_empty(int room)
{
	struct learner *l = xcalloc(1, sizeof *l);

	l->room = (room + LANES - 1) / LANES * LANES;
	l->name = xcalloc((size_t)l->room, sizeof *l->name);
	l->listed = xcalloc((size_t)l->room, sizeof *l->listed);
	l->seen = xcalloc((size_t)l->room, sizeof *l->seen);
	l->weight = xcalloc((size_t)LEARNER_ROWS * (size_t)l->room, sizeof *l->weight);
	l->sum = xcalloc((size_t)LEARNER_ROWS * (size_t)l->room, sizeof *l->sum);
	l->df = xcalloc(LEARNER_BUCKETS, sizeof *l->df);
	l->idf = xcalloc(LEARNER_BUCKETS, sizeof *l->idf);
	for (int i = 0; i < LEARNER_BUCKETS; i++)
		l->idf[i] = 1;
	l->temperature = 1;
	return l;
}

struct learner *
learner_create(const char *lang)
{
	struct learner *l = learner_create_empty(LANES);

	if (lang != NULL && strlen(lang) < sizeof l->lang)
		strcpy(l->lang, lang);

	l->n = 1;
	l->listed[LEARNER_NONE] = true;
	return l;
}

void
learner_destroy(struct learner *l)
{
	if (l == NULL)
		return;
	free(l->name);
	map_finish(&l->number);
	free(l->listed);
	free(l->seen);
	free(l->weight);
	free(l->sum);
	free(l->df);
	free(l->idf);
	free(l);
}

static void
copy_rows(float *to, int to_room, const float *from, int from_room)
{
	size_t n = (size_t)(to_room < from_room ? to_room : from_room) * sizeof *to;

	for (size_t r = 0; r < LEARNER_ROWS; r++)
		memcpy(to + r * (size_t)to_room, from + r * (size_t)from_room, n);
}

static struct learner *
copy_with_room(const struct learner *l, int room)
{
	struct learner *c = learner_create_empty(room);
	size_t n = (size_t)l->n;

	c->n = 1;
	for (int i = 1; i < l->n; i++)
		learner_name_next(c, l->name[i]);
	memcpy(c->lang, l->lang, sizeof c->lang);
	memcpy(c->listed, l->listed, n * sizeof *l->listed);
	memcpy(c->seen, l->seen, n * sizeof *l->seen);
	copy_rows(c->weight, c->room, l->weight, l->room);
	copy_rows(c->sum, c->room, l->sum, l->room);
	memcpy(c->df, l->df, LEARNER_BUCKETS * sizeof *l->df);
	memcpy(c->idf, l->idf, LEARNER_BUCKETS * sizeof *l->idf);
	c->n_cases = l->n_cases;
	c->idf_cases = l->idf_cases;
	c->trained = l->trained;
	c->temperature = l->temperature;
	return c;
}

struct learner *
learner_copy(const struct learner *l)
{
	return copy_with_room(l, l->room);
}

static void
grow(struct learner *l)
{
	struct learner *wider = copy_with_room(l, l->room + l->room / 2 + LANES);
	struct learner old = *l;

	*l = *wider;
	*wider = old;
	learner_destroy(wider);
}

/* ---- labels ---- */

int
learner_name_next(struct learner *l, const char *name)
{
	strcpy(l->name[l->n], name);
	l->listed[l->n] = true;
	map_put(&l->number, name, (void *)(intptr_t)l->n);
	return l->n++;
}

int
learner_find(const struct learner *l, const char *name)
{
	intptr_t number = (intptr_t)map_get(&l->number, name);

	return number > 0 ? (int)number : -1;
}

int
learner_label(struct learner *l, const char *name, bool add)
{
	int label = learner_find(l, name);

	if (label > 0 || !add)
		return label;
	if (l->n > LEARNER_LABELS_MAX || name[0] == '\0' ||
		strlen(name) >= LEARNER_LABEL_BYTES)
		return -1;
	if (l->n == l->room)
		grow(l);
	return learner_name_next(l, name);
}

int
learner_labels(const struct learner *l)
{
	return l->n;
}

const char *
learner_name(const struct learner *l, int label)
{
	return l->name[label];
}

void
learner_list(struct learner *l, int label, bool listed)
{
	l->listed[label] = listed;
}

bool
learner_is_listed(const struct learner *l, int label)
{
	return l->listed[label];
}

const char *
learner_language(const struct learner *l)
{
	return l->lang;
}

uint32_t
learner_seen(const struct learner *l, int label)
{
	return l->seen[label];
}

uint64_t
learner_cases(const struct learner *l)
{
	return l->n_cases;
}

bool
learner_knows_none(const struct learner *l)
{
	return l->seen[LEARNER_NONE] > 0;
}

double
learner_temperature(const struct learner *l)
{
	return l->temperature;
}

void
learner_set_temperature(struct learner *l, double t)
{
	l->temperature = t > 100 ? 100 : t > 0.01 ? t : 0.01;
}

/* ---- features ---- */

#define BAG_SLOTS (2 * FEATURES_MAX)

/* Open addressing by bucket and block; the block in the two low bits. */
void
bag_make(struct bag *bag, const struct features *features)
{
	int slots = 64;
	uint32_t *key, *count;

	while (slots < 2 * features->n && slots < BAG_SLOTS)
		slots *= 2;
	key = xcalloc((size_t)slots, sizeof *key);
	count = xcalloc((size_t)slots, sizeof *count);
	bag->cell = xcalloc((size_t)features->n + 1, sizeof *bag->cell);
	for (int i = 0; i < features->n; i++) {
		const struct feature *f = &features->list[i];
		uint32_t bucket = (uint32_t)(f->hash >> BUCKET_SHIFT);
		uint32_t k = (bucket << 2 | f->block) + 1; /* 0: free */
		uint32_t at = (uint32_t)(k * 2654435769u) & (uint32_t)(slots - 1);

		while (key[at] != 0 && key[at] != k)
			at = (at + 1) & (uint32_t)(slots - 1);
		key[at] = k;
		count[at]++;
	}
	for (int i = 0; i < slots; i++) {
		if (key[i] == 0)
			continue;
		bag->cell[bag->n++] =
			(struct bag_cell){.bucket = (uint16_t)((key[i] - 1) >> 2),
				.block = (uint8_t)((key[i] - 1) & 3),
				.tf = 1 + logf((float)count[i])};
	}
	free(key);
	free(count);
}

void
bag_finish(struct bag *bag)
{
	free(bag->cell);
	*bag = (struct bag){0};
}

void
learner_make_idf(struct learner *l)
{
	for (int i = 0; i < LEARNER_BUCKETS; i++) {
		/* A bucket that two features of a mail share is counted twice. */
		uint64_t df = l->df[i] < l->n_cases ? l->df[i] : l->n_cases;

		l->idf[i] = IDF_LEAST + logf((float)(l->n_cases + 1) / (float)(df + 1));
	}
	l->idf_cases = l->n_cases;
}

/* Words and pairs share one length: where there are many pairs, words count less. */
static const uint8_t scaled_as[BLOCKS] = {
	[BLOCK_WORDS] = BLOCK_WORDS,
	[BLOCK_PAIRS] = BLOCK_WORDS,
	[BLOCK_LETTERS] = BLOCK_LETTERS,
	[BLOCK_SUBJECT] = BLOCK_SUBJECT,
};

void
vector_make(struct vector *v, const struct learner *l, const struct bag *bag)
{
	float length[BLOCKS] = {0};

	v->n = bag->n;
	v->bucket = xreallocarray(NULL, (size_t)bag->n + 1, sizeof *v->bucket);
	v->value = xreallocarray(NULL, (size_t)bag->n + 1, sizeof *v->value);
	for (int i = 0; i < bag->n; i++) {
		const struct bag_cell *c = &bag->cell[i];

		v->bucket[i] = c->bucket;
		v->value[i] = c->tf * l->idf[c->bucket];
		if (c->block == BLOCK_PAIRS)
			v->value[i] *= PAIR_VALUE;
		length[scaled_as[c->block]] += v->value[i] * v->value[i];
	}
	for (int b = 0; b < BLOCKS; b++)
		length[b] = length[b] > 0 ? 1 / sqrtf(length[b]) : 0;
	length[BLOCK_LETTERS] *= LETTERS_VALUE;
	for (int i = 0; i < bag->n; i++)
		v->value[i] *= length[scaled_as[bag->cell[i].block]];
}

void
vector_finish(struct vector *v)
{
	free(v->bucket);
	free(v->value);
	*v = (struct vector){0};
}

/* ---- scores ---- */

static void
add_row(float *restrict score, const float *restrict row, float value, int room)
{
	for (int k = 0; k < room; k += LANES)
		for (int j = 0; j < LANES; j++)
			score[k + j] += value * row[k + j];
}

void
learner_scores(const struct learner *l, const struct vector *v, float *score)
{
	size_t room = (size_t)l->room;

	memset(score, 0, room * sizeof *score);
	add_row(score, l->weight + LEARNER_BUCKETS * room, BIAS, l->room);
	for (int i = 0; i < v->n; i++) {
		if (i + 4 < v->n)
			__builtin_prefetch(l->weight + v->bucket[i + 4] * room);
		add_row(score, l->weight + v->bucket[i] * room, v->value[i], l->room);
	}
}

void
softmax(float *score, int n, double t)
{
	float most = -INFINITY, total = 0;

	for (int k = 0; k < n; k++)
		most = score[k] > most ? score[k] : most;
	for (int k = 0; k < n; k++) {
		score[k] = score[k] > -INFINITY ? expf((score[k] - most) / (float)t) : 0;
		total += score[k];
	}
	for (int k = 0; k < n && total > 0; k++)
		score[k] /= total;
}

/* ---- ranking ---- */

/* Puts a label into the list of the best, which is kept sorted. */
static int
insert(struct proposal *out, int n, int most, struct proposal one)
{
	int at = n;

	while (at > 0 && out[at - 1].p < one.p)
		at--;
	if (at == most)
		return n;
	n += n < most;
	memmove(out + at + 1, out + at, (size_t)(n - at - 1) * sizeof *out);
	out[at] = one;
	return n;
}

/* Row-wide: l->room floats. */
static void
score_bag(const struct learner *l, const struct bag *bag, float *score)
{
	struct vector v;

	vector_make(&v, l, bag);
	learner_scores(l, &v, score);
	vector_finish(&v);
	for (int k = 0; k < l->n; k++)
		if (l->seen[k] == 0 || !l->listed[k])
			score[k] = -INFINITY;
}

void
learner_score(const struct learner *l, const struct bag *bag, float *score)
{
	float *row = xcalloc((size_t)l->room, sizeof *row);

	score_bag(l, bag, row);
	memcpy(score, row, (size_t)l->n * sizeof *score);
	free(row);
}

int
learner_rank(const struct learner *l, const struct bag *bag,
	const struct learner_boosts *boosts, struct proposal *out, int most, double *none)
{
	float *score = xcalloc((size_t)l->room, sizeof *score);
	int n = 0;

	score_bag(l, bag, score);
	for (int k = 0; boosts != NULL && k < boosts->n; k++)
		score[boosts->label[k]] += (float)(boosts->score[k] * l->temperature);
	softmax(score, l->n, l->temperature);
	for (int k = 1; k < l->n; k++)
		if (l->seen[k] > 0 && l->listed[k])
			n = insert(out, n, most, (struct proposal){k, (double)score[k]});
	if (none != NULL)
		*none = (double)score[LEARNER_NONE];
	free(score);
	return n;
}
