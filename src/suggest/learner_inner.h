/* suggest/learner_inner.h - what the learner's files share. */
#ifndef USHER_SUGGEST_LEARNER_INNER_H
#define USHER_SUGGEST_LEARNER_INNER_H

#include "base/map.h"
#include "suggest/learner.h"

#define BUCKET_SHIFT 49 /* a feature's bucket: the 15 high bits of its hash */
#define BIAS 0.1f	/* value of the feature that every mail has */
#define LANES 8 /* columns come in multiples, so that loops over them need no rest */

struct learner {
	char lang[WORD_LANG_MAX];
	int n;				   /* labels, with none */
	int room;			   /* columns; a multiple of LANES */
	char (*name)[LEARNER_LABEL_BYTES]; /* owned; room of them */
	struct map number;		   /* of labels by name; without none */
	bool *listed;			   /* owned */
	uint32_t
		*seen; /* owned; cases of each label; without any it has no probability */
	/* Rows of `room` columns; the last one, LEARNER_BUCKETS, is the bias. */
	float *weight;	    /* owned */
	float *sum;	    /* owned; of squared gradients */
	uint32_t *df;	    /* owned; cases with the bucket */
	float *idf;	    /* owned; in use */
	uint64_t n_cases;   /* since it was built anew */
	uint64_t idf_cases; /* n_cases when idf was made */
	bool trained;	    /* idf is frozen */
	double temperature;
};

#define LEARNER_ROWS (LEARNER_BUCKETS + 1)

/* A mail's cells with their values, ready for scoring. */
struct vector {
	int n;
	uint16_t *bucket; /* owned */
	float *value;	  /* owned */
};

void vector_make(struct vector *v, const struct learner *l, const struct bag *bag);
void vector_finish(struct vector *v);

/* score[room]: of every column, 0 beyond n. */
void learner_scores(const struct learner *l, const struct vector *v, float *score);
void learner_make_idf(struct learner *l);
/* Makes the next label; its name is checked and new. */
int learner_name_next(struct learner *l, const char *name);
/* The frame of a learner with room for n labels: no weights yet. */
struct learner *learner_create_empty(int room);

/* Probabilities of score[n] / t, of those that are not -INFINITY, in place. */
void softmax(float *score, int n, double t);

#endif
