/*
 * tests/bench/bench_suggest.c - what the e-mail matcher costs: learning 10,000 short
 * mails of 77 labels, and answering mails of 20, 100 and 400 words, words to ranking, on
 * made-up mails (words by Zipf's law, a few of each label's own). CPU time.
 *
 * The reference is the most that the design allows (SUGGEST 8); ratio is reference /
 * value.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "suggest/propose.h"

#define LABELS 77
#define CASES 10000
#define VOCABULARY 8000
#define OWN_WORDS 12 /* of a label */
#define CASE_WORDS 12
#define QUERIES 400

static char word[VOCABULARY][12];
static double reach[VOCABULARY]; /* cumulated Zipf weights */
static uint64_t random_state = 1;

static double
chance(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) +
		       UINT64_C(1442695040888963407);
	return (double)(random_state >> 11) * 0x1p-53;
}

static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
make_vocabulary(void)
{
	double total = 0;

	for (int i = 0; i < VOCABULARY; i++) {
		int n = 2 + (int)(chance() * 8);

		for (int k = 0; k < n; k++)
			word[i][k] = (char)('a' + (int)(chance() * 26));
		total += 1.0 / (i + 1);
		reach[i] = total;
	}
}

static int
any_word(void)
{
	double at = chance() * reach[VOCABULARY - 1];
	int low = 0, high = VOCABULARY - 1;

	while (low < high) {
		int middle = (low + high) / 2;

		if (reach[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A mail of so many words, a quarter of them its label's own. */
static void
make_text(struct text *out, int label, int words)
{
	text_clear(out);
	for (int i = 0; i < words; i++) {
		int own = VOCABULARY - 1 -
			  (label * OWN_WORDS + (int)(chance() * OWN_WORDS));

		text_addf(out, "%s%s", i > 0 ? " " : "",
			word[chance() < 0.25 ? own : any_word()]);
	}
}

static void
tell(const char *figure, double value, const char *unit, double reference)
{
	printf("{\"figure\": \"suggest.%s\", \"value\": %.4g, \"unit\": \"%s\", "
	       "\"reference\": %g, \"ratio\": %.4g, \"goal\": \">= 1\"}\n",
		figure, value, unit, reference, reference / value);
}

struct bench {
	struct words_reader *reader;
	struct learner *learner;
	struct words words;
	struct features features;
	struct text text;
};

static void
read_bag(struct bench *b, struct bag *bag)
{
	words_clear(&b->words);
	words_add(b->reader, &b->words, FIELD_BODY, b->text.s, b->text.n);
	features_make(&b->features, &b->words);
	bag_make(bag, &b->features);
}

static void
learn(struct bench *b)
{
	struct learner_case *cases = xcalloc(CASES, sizeof *cases);
	struct bag *bag = xcalloc(CASES, sizeof *bag);
	int *label = xcalloc(CASES, sizeof *label);
	char name[16];
	double began;

	for (int i = 0; i < CASES; i++) {
		snprintf(name, sizeof name, "label-%d", i % LABELS);
		make_text(&b->text, i % LABELS, CASE_WORDS);
		read_bag(b, &bag[i]);
		label[i] = learner_label(b->learner, name, true);
		cases[i] = (struct learner_case){&bag[i], &label[i], 1, 1};
	}
	began = cpu_s();
	learner_train(b->learner, cases, CASES, (struct learner_training){.seed = 1});
	tell("train.10000", cpu_s() - began, "s CPU", 5);
	for (int i = 0; i < CASES; i++)
		bag_finish(&bag[i]);
	free(bag);
	free(label);
	free(cases);
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The median of QUERIES mails, each once, so that no cache is warm for it. */
static void
answer(struct bench *b, int words, double reference)
{
	struct proposer p = {.learner = b->learner};
	double took[QUERIES];
	char figure[24];

	for (int i = 0; i < QUERIES; i++) {
		struct suggestions made;
		struct bag bag = {0};
		double began;

		make_text(&b->text, i % LABELS, words);
		began = cpu_s();
		read_bag(b, &bag);
		propose(&p, &b->words, &bag, &made);
		took[i] = (cpu_s() - began) * 1e6;
		bag_finish(&bag);
	}
	qsort(took, QUERIES, sizeof *took, by_value);
	snprintf(figure, sizeof figure, "query.%d", words);
	tell(figure, took[QUERIES / 2], "us CPU", reference);
}

int
main(void)
{
	struct bench b = {.learner = learner_create("en")};

	b.reader = words_reader_create("en");
	if (b.reader == NULL)
		return 1;
	make_vocabulary();
	learn(&b);
	answer(&b, 20, 100);
	answer(&b, 100, 300);
	answer(&b, 400, 1000);
	words_finish(&b.words);
	features_finish(&b.features);
	text_finish(&b.text);
	words_reader_destroy(b.reader);
	learner_destroy(b.learner);
	return 0;
}
