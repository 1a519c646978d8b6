/*
 * suggest/learner.h - which response answers a mail: a softmax over hashed features.
 *
 * One learner serves one mailbox and language. Every feature falls into one of 2^15
 * buckets; each bucket has a weight for each label. A feature's value is
 * (1 + ln count) * idf, each block of features (words with pairs, character n-grams,
 * words of the subject) scaled to length 1. Weights are learnt by AdaGrad (SUGGEST 1 and
 * 7), in several passes when built anew and by one step a verdict in between.
 * Probabilities are softmax(score / T) with T fitted on verdicts that the weights had not
 * seen.
 *
 * Mails that no response answers are learnt as the class "none". It is never listed; its
 * probability lowers all others and is told besides, for the gate.
 *
 * Pure: no I/O. Ranking and explaining leave the learner as it is, so several threads may
 * rank by one learner while nobody learns.
 */
#ifndef USHER_SUGGEST_LEARNER_H
#define USHER_SUGGEST_LEARNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"
#include "suggest/feature.h"

#define LEARNER_BUCKETS 32768
#define LEARNER_LABELS_MAX 1000 /* 260 MB at most */
#define LEARNER_LABEL_BYTES 128 /* of a label's name, with the NUL */
#define LEARNER_NONE 0		/* the label of mails that no response answers */
#define PROPOSALS_MAX 5		/* shown to an agent */

/* ---- a mail as the learner keeps it ---- */

struct bag_cell {
	uint16_t bucket;
	uint8_t block;
	float tf; /* 1 + ln count */
};

/* Features counted by bucket and block. A zeroed struct is an empty mail. */
struct bag {
	int n;
	struct bag_cell *cell; /* owned */
};

void bag_make(struct bag *bag, const struct features *features); /* into an empty one */
void bag_finish(struct bag *bag);

/* ---- the learner ---- */

struct learner;

/* lang: the language its mails are in, kept with it; NULL or too long: unknown, "". */
struct learner *learner_create(const char *lang);
const char *learner_language(const struct learner *l);
void learner_destroy(struct learner *l);
struct learner *learner_copy(const struct learner *l);

/*
 * learner_label - the number of a label, from 1 on; LEARNER_NONE is a number, not a name.
 *
 * add      makes a new column if the name is new
 * Returns  -1: not known, or there are LEARNER_LABELS_MAX, or the name is empty or too
 *          long
 */
int learner_label(struct learner *l, const char *name, bool add) USHER_MUST_CHECK;
int learner_find(const struct learner *l, const char *name);
int learner_labels(const struct learner *l); /* numbers are below this */
const char *learner_name(const struct learner *l, int label);
/* A label that is not listed is not proposed and takes no probability; it stays learnt.
 */
void learner_list(struct learner *l, int label, bool listed);
bool learner_is_listed(const struct learner *l, int label);
uint32_t learner_seen(const struct learner *l, int label); /* its cases */

/* ---- learning ---- */

/* A mail and what answers it: one label, or any of several. */
struct learner_case {
	const struct bag *bag; /* borrowed */
	const int *label; /* borrowed; n_labels of them, LEARNER_NONE alone or none */
	int n_labels;	  /* > 0 */
	float weight;	  /* 0..1: how far the verdict is trusted; 0: not */
};

struct learner_training {
	int passes;    /* 0: by the number of cases, 6..12 */
	uint64_t seed; /* of the order of cases; the same seed gives the same weights */
	bool no_temperature; /* keeps T as it is: fitting it costs about two trainings */
};

/*
 * learner_train - builds the weights anew: idf of these cases, several passes, and T by
 * cross-fitting. Labels stay, whether cases are left of them or not.
 */
void learner_train(struct learner *l, const struct learner_case *cases, int n,
	struct learner_training how);

/*
 * learner_learn - one step by a verdict. Document counts go on, but the idf in use is
 * frozen until the next training; a learner that was never trained takes it up at each
 * doubling of its cases.
 */
void learner_learn(struct learner *l, const struct learner_case *one);

uint64_t learner_cases(const struct learner *l); /* learnt since it was built anew */
bool learner_knows_none(const struct learner *l);

/* ---- answering ---- */

struct proposal {
	int label;
	double p; /* 0..1, lowered by the probability of none */
};

/* What an administrator's rules add (suggest/rules.h); NULL: nothing. */
struct learner_boosts {
	int n;
	const int *label; /* borrowed */
	const double
		*score; /* borrowed; added before the softmax, in units of score / T */
};

/*
 * learner_rank - the labels most probable first; equal ones by their number.
 *
 * most     1..; how many are wanted
 * none     probability that nothing answers; 0 if that was never learnt; NULL: not wanted
 * Returns  how many were written to out; 0: there are no labels
 */
int learner_rank(const struct learner *l, const struct bag *bag,
	const struct learner_boosts *boosts, struct proposal *out, int most,
	double *none);

/* Scores of all labels, learner_labels() of them, before the softmax; -INFINITY: takes no
 * part. A log of these is what the temperature is fitted on. */
void learner_score(const struct learner *l, const struct bag *bag, float *score);

/* ---- why ---- */

struct reason {
	uint16_t word; /* the first word, in the struct words the features came from */
	uint8_t words; /* 1, or 2 for a pair */
	float pull;    /* towards this label, in units of score / T; may be negative */
};

/*
 * learner_explain - what a proposal rests on: a feature's weight for the label, less its
 * mean weight for the others shown, times its value. Character n-grams count for the word
 * they lie in, and equal words are told once, where they stand first.
 *
 * shown    labels shown together, `label` among them or not
 * Returns  how many reasons were written, those that pull most first; only such that pull
 *          towards the label
 */
int learner_explain(const struct learner *l, const struct words *words,
	const struct features *features, const struct bag *bag, int label,
	const struct proposal *shown, int n_shown, struct reason *out, int most);

/* ---- probability ---- */

double learner_temperature(const struct learner *l);
void learner_set_temperature(struct learner *l, double t); /* 0.01..100 */

/* One verdict as logged: the scores of the labels, and which were right. */
struct scored {
	const float *score; /* n_labels of them; -INFINITY: not listed */
	const int *label;
	int n_labels;
};
/* The T under which these verdicts are most likely; `otherwise` when there are too few.
 */
double temperature_fit(const struct scored *list, int n, int n_scores, double otherwise);
#define TEMPERATURE_LEAST 20 /* verdicts, to fit one */

#endif
