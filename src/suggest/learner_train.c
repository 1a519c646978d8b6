/* suggest/learner_train.c - AdaGrad, in passes or one step, and the temperature. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "suggest/learner_inner.h"

#define ETA 0.5f	/* SUGGEST 5.2: 0.2 to 1 differ by less than the noise */
#define SUM_START 1e-2f /* keeps the first steps from being as long as ETA itself */
#define FEW_CASES 2000	/* up to here 12 passes, beyond 6 */
#define FOLDS 10
#define SMOOTH_MOST 0.05f
#define SMOOTH_FROM 150.f    /* features of a mail: about 15 words */
#define SMOOTH_TO 600.f	     /* about 80 words */
#define HELD_OUT_ENOUGH 1000 /* verdicts: more do not move T */

/* ---- one step ---- */

static void
move_row(float *restrict row, float *restrict sum, const float *restrict slope,
	float value, int room)
{
	for (int k = 0; k < room; k += LANES) {
		for (int j = 0; j < LANES; j++) {
			float g = slope[k + j] * value;

			sum[k + j] += g * g;
			row[k + j] -= ETA * g / sqrtf(sum[k + j] + SUM_START);
		}
	}
}

/*
 * How much of the target goes to all labels alike. A long mail says much that has nothing
 * to do with its answer, by which it can be told apart all the same: it is not to be
 * learnt to the last. On 435 long mails this gave 4 points, on short ones it only costs.
 */
static float
smoothing(const struct learner_case *c)
{
	float share = ((float)c->bag->n - SMOOTH_FROM) / (SMOOTH_TO - SMOOTH_FROM);

	return SMOOTH_MOST * (share < 0 ? 0 : share > 1 ? 1 : share);
}

/* The labels without cases have no part in the probabilities. */
static void
make_slope(const struct learner *l, const struct learner_case *c, float *slope)
{
	float spread = smoothing(c), n = 0;

	for (int k = 0; k < l->n; k++) {
		n += l->seen[k] > 0;
		if (l->seen[k] == 0)
			slope[k] = -INFINITY;
	}
	/* A label alone would have probability 1 and learn nothing: held against a score
	 * of 0. */
	if (n == 1)
		slope[c->label[0]] = 1 / (1 + expf(-slope[c->label[0]]));
	else
		softmax(slope, l->n, 1);
	for (int k = 0; k < l->n; k++)
		slope[k] -= l->seen[k] > 0 ? spread / n : 0;
	for (int k = 0; k < c->n_labels; k++)
		slope[c->label[k]] -= (1 - spread) / (float)c->n_labels;
	for (int k = 0; k < l->n; k++)
		slope[k] = l->seen[k] > 0 ? slope[k] * c->weight : 0;
	memset(slope + l->n, 0, (size_t)(l->room - l->n) * sizeof *slope);
}

static void
step(struct learner *l, const struct vector *v, const struct learner_case *c,
	float *slope)
{
	size_t room = (size_t)l->room;

	learner_scores(l, v, slope);
	make_slope(l, c, slope);
	for (int i = 0; i < v->n; i++)
		move_row(l->weight + v->bucket[i] * room, l->sum + v->bucket[i] * room,
			slope, v->value[i], l->room);
	move_row(l->weight + LEARNER_BUCKETS * room, l->sum + LEARNER_BUCKETS * room,
		slope, BIAS, l->room);
}

static void
count_case(struct learner *l, const struct learner_case *c)
{
	for (int i = 0; i < c->bag->n; i++)
		l->df[c->bag->cell[i].bucket]++;
	for (int k = 0; k < c->n_labels; k++)
		l->seen[c->label[k]]++;
	l->n_cases++;
}

void
learner_learn(struct learner *l, const struct learner_case *one)
{
	float *slope;
	struct vector v;

	if (!(one->weight > 0))
		return;
	slope = xcalloc((size_t)l->room, sizeof *slope);
	count_case(l, one);
	if (!l->trained && l->n_cases >= 2 * l->idf_cases)
		learner_make_idf(l);
	vector_make(&v, l, one->bag);
	step(l, &v, one, slope);
	vector_finish(&v);
	free(slope);
}

/* ---- several passes ---- */

/* splitmix64: the order of cases must not depend on the C library's generator. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void
shuffle(int *order, int n, uint64_t *random)
{
	for (int i = n - 1; i > 0; i--) {
		int k = (int)(next_random(random) % (uint64_t)(i + 1)), keep = order[i];

		order[i] = order[k];
		order[k] = keep;
	}
}

struct training {
	struct learner *l;		  /* borrowed */
	const struct learner_case *cases; /* borrowed; n of them */
	struct vector *vector;		  /* owned; n of them */
	int *order;			  /* owned; n of them: which are learnt from */
	int n;
	int passes;
	uint64_t random;
	float *slope; /* owned; a row */
};

static void
forget(struct learner *l)
{
	size_t n = (size_t)LEARNER_ROWS * (size_t)l->room;

	memset(l->weight, 0, n * sizeof *l->weight);
	memset(l->sum, 0, n * sizeof *l->sum);
}

/* Learns from the first n_order cases of t->order. */
static void
run_passes(struct training *t, int n_order)
{
	forget(t->l);
	for (int pass = 0; pass < t->passes; pass++) {
		shuffle(t->order, n_order, &t->random);
		for (int i = 0; i < n_order; i++) {
			int at = t->order[i];

			step(t->l, &t->vector[at], &t->cases[at], t->slope);
		}
	}
}

/* ---- temperature ---- */

/* Minus the mean log probability that one of the right labels has at T. */
static double
surprise(const struct scored *list, int n, int n_scores, double t)
{
	double total = 0;

	for (int i = 0; i < n; i++) {
		double most = -INFINITY, all = 0, right = 0;

		for (int k = 0; k < n_scores; k++)
			most = fmax(most, (double)list[i].score[k]);
		for (int k = 0; k < n_scores; k++)
			all += exp(((double)list[i].score[k] - most) / t);
		for (int k = 0; k < list[i].n_labels; k++)
			right +=
				exp(((double)list[i].score[list[i].label[k]] - most) / t);
		/* A label that was not listed then has probability 0: bounded, so that
		 * one such verdict does not decide alone. */
		total -= log(fmax(right / all, 1e-9));
	}
	return total / n;
}

double
temperature_fit(const struct scored *list, int n, int n_scores, double otherwise)
{
	const double golden = 0.6180339887498949;
	double low = log(0.02), high = log(20);
	double a = high - golden * (high - low), b = low + golden * (high - low), at_a,
	       at_b;

	if (n < TEMPERATURE_LEAST)
		return otherwise;
	at_a = surprise(list, n, n_scores, exp(a));
	at_b = surprise(list, n, n_scores, exp(b));
	while (high - low > 0.005) {
		if (at_a < at_b) {
			high = b;
			b = a;
			at_b = at_a;
			a = high - golden * (high - low);
			at_a = surprise(list, n, n_scores, exp(a));
		} else {
			low = a;
			a = b;
			at_a = at_b;
			b = low + golden * (high - low);
			at_b = surprise(list, n, n_scores, exp(b));
		}
	}
	return exp((low + high) / 2);
}

/* Moves the cases of a fold behind the others; returns how many others there are. */
static int
set_fold_aside(struct training *t, const uint8_t *fold, int which)
{
	int front = 0, back = t->n;

	for (int i = 0; i < t->n; i++) {
		if (fold[i] == which)
			t->order[--back] = i;
		else
			t->order[front++] = i;
	}
	return front;
}

static bool
all_seen(const struct learner *l, const struct learner_case *c)
{
	for (int k = 0; k < c->n_labels; k++)
		if (l->seen[c->label[k]] == 0)
			return false;
	return true;
}

/* Counts the labels of the first n of t->order alone. */
static void
see_only(struct training *t, int n)
{
	memset(t->l->seen, 0, (size_t)t->l->n * sizeof *t->l->seen);
	for (int i = 0; i < n; i++) {
		const struct learner_case *c = &t->cases[t->order[i]];

		for (int k = 0; k < c->n_labels; k++)
			t->l->seen[c->label[k]]++;
	}
}

struct held_out {
	struct scored *list; /* owned, with each score */
	int n;
};

/* Scores of the cases behind the first n of t->order, by what these have taught. */
static void
score_fold(struct training *t, int n, struct held_out *held)
{
	size_t room = (size_t)t->l->room;

	for (int i = n; i < t->n; i++) {
		const struct learner_case *c = &t->cases[t->order[i]];
		float *score;

		/* What a label was never learnt for says nothing about its scores. */
		if (!all_seen(t->l, c))
			continue;
		score = xcalloc(room, sizeof *score);
		learner_scores(t->l, &t->vector[t->order[i]], score);
		for (int k = 0; k < t->l->n; k++)
			if (t->l->seen[k] == 0)
				score[k] = -INFINITY;
		held->list[held->n++] = (struct scored){score, c->label, c->n_labels};
	}
}

/*
 * T from cases that the weights had not seen: each fold in turn is set aside, learnt
 * without, and scored, until there are enough of them.
 */
static double
cross_fit(struct training *t)
{
	struct held_out held = {.list = xcalloc((size_t)t->n + 1, sizeof *held.list)};
	uint8_t *fold = xcalloc((size_t)t->n + 1, 1);
	double temperature;

	for (int i = 0; i < t->n; i++)
		fold[i] = (uint8_t)(next_random(&t->random) % FOLDS);
	for (int which = 0; which < FOLDS && held.n < HELD_OUT_ENOUGH; which++) {
		int n = set_fold_aside(t, fold, which);

		see_only(t, n);
		run_passes(t, n);
		score_fold(t, n, &held);
	}
	temperature = temperature_fit(held.list, held.n, t->l->n, t->l->temperature);
	for (int i = 0; i < held.n; i++)
		free((float *)held.list[i].score);
	free(held.list);
	free(fold);
	return temperature;
}

void
learner_train(struct learner *l, const struct learner_case *cases, int n,
	struct learner_training how)
{
	struct training t = {.l = l, .cases = cases, .n = n, .random = how.seed};

	memset(l->df, 0, LEARNER_BUCKETS * sizeof *l->df);
	memset(l->seen, 0, (size_t)l->n * sizeof *l->seen);
	l->n_cases = 0;
	for (int i = 0; i < n; i++)
		count_case(l, &cases[i]);
	learner_make_idf(l);
	l->trained = n > 0;
	t.passes = how.passes > 0 ? how.passes : n <= FEW_CASES ? 12 : 6;
	t.vector = xcalloc((size_t)n + 1, sizeof *t.vector);
	t.order = xcalloc((size_t)n + 1, sizeof *t.order);
	t.slope = xcalloc((size_t)l->room, sizeof *t.slope);
	for (int i = 0; i < n; i++)
		vector_make(&t.vector[i], l, cases[i].bag);
	if (!how.no_temperature)
		l->temperature = cross_fit(&t);
	for (int i = 0; i < n; i++)
		t.order[i] = i;
	see_only(&t, n);
	t.random = how.seed; /* whether T was fitted must not change the weights */
	run_passes(&t, n);
	for (int i = 0; i < n; i++)
		vector_finish(&t.vector[i]);
	free(t.vector);
	free(t.order);
	free(t.slope);
}
