/* suggest/propose.c - learner, rules and library together. */
#include "suggest/propose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct candidate {
	const char *label;  /* borrowed */
	double score;	    /* over T, with boosts */
	bool learnt, named; /* a rule speaks for it */
	bool forced, out;
};

struct candidates {
	struct candidate *list; /* owned */
	int n, n_learnt;
	double none; /* score of none; -INFINITY: never learnt */
};

/* ---- who may be proposed ---- */

static bool
may_be_proposed(const struct proposer *p, const char *label)
{
	const char *lang = p->learner != NULL ? learner_language(p->learner) : "";
	const struct response *r =
		p->library != NULL ? library_find(p->library, label) : NULL;

	return p->library == NULL || (r != NULL && response_speaks(r, lang));
}

static void
add_learnt(const struct proposer *p, const struct bag *bag, struct candidates *c)
{
	int n = learner_labels(p->learner);
	float *score = xcalloc((size_t)n, sizeof *score);
	double t = learner_temperature(p->learner);

	learner_score(p->learner, bag, score);
	c->none = (double)score[LEARNER_NONE] / t;
	for (int k = 1; k < n; k++) {
		if (isinf(score[k]) || !may_be_proposed(p, learner_name(p->learner, k)))
			continue;
		c->list[c->n++] = (struct candidate){.label = learner_name(p->learner, k),
			.score = (double)score[k] / t,
			.learnt = true};
	}
	c->n_learnt = c->n;
	free(score);
}

static struct candidate *
find(struct candidates *c, const char *label)
{
	for (int i = 0; i < c->n; i++)
		if (strcmp(c->list[i].label, label) == 0)
			return &c->list[i];
	return NULL;
}

/* Does the learner know what to do with it: has it cases, or is it off its list? */
static bool
is_settled(const struct learner *l, const char *id)
{
	int label = l != NULL ? learner_find(l, id) : -1;

	return label > 0 && (learner_seen(l, label) > 0 || !learner_is_listed(l, label));
}

/* Responses that nobody has learnt; they matter when a rule names them, or when nothing
 * was learnt at all. */
static void
add_unlearnt(const struct proposer *p, struct candidates *c)
{
	for (int i = 0; p->library != NULL && i < p->library->n; i++) {
		const char *id = p->library->list[i].id;

		if (may_be_proposed(p, id) && !is_settled(p->learner, id))
			c->list[c->n++] = (struct candidate){.label = id};
	}
}

static int
upwards(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median_of_learnt(const struct candidates *c)
{
	double *score = xcalloc((size_t)c->n_learnt + 1, sizeof *score), median;

	for (int i = 0; i < c->n_learnt; i++)
		score[i] = c->list[i].score;
	qsort(score, (size_t)c->n_learnt, sizeof *score, upwards);
	median = score[c->n_learnt / 2];
	free(score);
	return median;
}

/* ---- what rules say ---- */

static void
apply(const struct rule_hit *hit, struct candidates *c, struct suggestions *out)
{
	struct candidate *one = NULL;

	if (hit->effect == RULE_BOOST || hit->effect == RULE_FORCE ||
		hit->effect == RULE_FORBID)
		one = find(c, hit->target);
	switch (hit->effect) {
	case RULE_BOOST:
		if (one != NULL) {
			one->score += hit->boost;
			one->named |= hit->boost > 0;
		}
		break;
	case RULE_FORCE:
		if (one != NULL)
			one->forced = one->named = true;
		break;
	case RULE_FORBID:
		if (one != NULL)
			one->out = true;
		break;
	case RULE_NEVER_AUTOMATIC:
		out->never_automatic = true;
		break;
	case RULE_QUEUE:
		if (out->queue == NULL)
			out->queue = hit->target;
		break;
	case RULE_SKILL:
		if (out->n_skills < PROPOSE_SKILLS_MAX)
			out->skill[out->n_skills++] = hit->target;
		break;
	}
}

/* ---- probabilities ---- */

/* Scores become probabilities. Among learnt ones an unlearnt one counts only when a rule
 * names it. */
static void
weigh(struct candidates *c, struct suggestions *out)
{
	double most = c->none, total;

	for (int i = 0; i < c->n; i++) {
		struct candidate *one = &c->list[i];

		one->out |= !one->learnt && !one->named && c->n_learnt > 0;
		if (!one->out && one->score > most)
			most = one->score;
	}
	total = isinf(c->none) ? 0 : exp(c->none - most);
	out->none = total;
	for (int i = 0; i < c->n; i++) {
		struct candidate *one = &c->list[i];

		one->score = one->out ? 0 : exp(one->score - most);
		total += one->score;
	}
	for (int i = 0; i < c->n && total > 0; i++)
		c->list[i].score /= total;
	out->none = total > 0 ? out->none / total : 0;
}

/* Is a shown before b? Forced ones first, then by probability. */
static bool
stands_before(const struct candidate *a, const struct candidate *b)
{
	return a->forced != b->forced ? a->forced : a->score > b->score;
}

static const struct candidate *
next_best(const struct candidates *c, double floor, const bool *taken)
{
	const struct candidate *best = NULL;

	for (int i = 0; i < c->n; i++) {
		const struct candidate *one = &c->list[i];

		if (one->out || taken[i] || (!one->learnt && !one->named) ||
			(!one->named && one->score < floor))
			continue;
		if (best == NULL || stands_before(one, best))
			best = one;
	}
	return best;
}

static void
list_best(const struct proposer *p, const struct candidates *c, struct suggestions *out)
{
	bool *taken = xcalloc((size_t)c->n + 1, sizeof *taken);
	const struct candidate *one;
	double least = 0;

	while (out->n < PROPOSALS_MAX && (one = next_best(c, p->floor, taken)) != NULL) {
		const struct response *r =
			p->library != NULL ? library_find(p->library, one->label) : NULL;

		taken[one - c->list] = true;
		out->list[out->n++] = (struct suggestion){.label = one->label,
			.p = one->score,
			.forced = one->forced,
			.learnt = one->learnt,
			.never_automatic = r != NULL && r->never_automatic};
	}
	/* Set first, it is held for as probable as what it was set before. */
	for (int i = out->n - 1; i >= 0; i--) {
		least = fmax(least, out->list[i].p);
		out->list[i].p = least;
	}
	free(taken);
}

void
propose(const struct proposer *p, const struct words *words, const struct bag *bag,
	struct suggestions *out)
{
	struct candidates c = {.none = -INFINITY};
	size_t room = (size_t)(p->learner != NULL ? learner_labels(p->learner) : 0) +
		      (size_t)(p->library != NULL ? p->library->n : 0);
	double start;

	*out = (struct suggestions){0};
	c.list = xcalloc(room + 1, sizeof *c.list);
	if (p->learner != NULL)
		add_learnt(p, bag, &c);
	add_unlearnt(p, &c);
	start = median_of_learnt(&c);
	for (int i = c.n_learnt; i < c.n; i++)
		c.list[i].score = start;
	if (p->matcher != NULL)
		out->n_hits = rules_match(p->matcher, words, out->hit);
	for (int i = 0; i < out->n_hits; i++)
		apply(&out->hit[i], &c, out);
	weigh(&c, out);
	list_best(p, &c, out);
	free(c.list);
}

/* ---- why ---- */

static void
add_words(const struct proposer *p, const struct words *words,
	const struct features *features, const struct bag *bag,
	const struct suggestions *made, int label, int most, struct text *out)
{
	struct proposal shown[PROPOSALS_MAX];
	struct reason why[WHY_WORDS_MAX];
	int n = 0;

	for (int i = 0; i < made->n; i++)
		if (made->list[i].learnt)
			shown[n++].label = learner_find(p->learner, made->list[i].label);
	n = learner_explain(p->learner, words, features, bag, label, shown, n, why,
		most < WHY_WORDS_MAX ? most : WHY_WORDS_MAX);
	for (int i = 0; i < n; i++) {
		bool pair = why[i].words == 2;

		if (out->n > 0)
			text_add(out, ", ");
		text_addf(out, "%s%s%s", word_text(words, why[i].word), pair ? " " : "",
			pair ? word_text(words, why[i].word + 1) : "");
	}
}

void
propose_why(const struct proposer *p, const struct words *words,
	const struct features *features, const struct bag *bag,
	const struct suggestions *made, int which, int words_most, struct text *out)
{
	const struct suggestion *one = &made->list[which];

	for (int i = 0; i < made->n_hits; i++) {
		const struct rule_hit *hit = &made->hit[i];

		if ((hit->effect == RULE_BOOST || hit->effect == RULE_FORCE) &&
			strcmp(hit->target, one->label) == 0)
			text_addf(
				out, "%srule \"%s\"", out->n > 0 ? ", " : "", hit->name);
	}
	if (one->learnt)
		add_words(p, words, features, bag, made,
			learner_find(p->learner, one->label), words_most, out);
}
