/*
 * suggest/propose.h - the proposals for a mail: what was learnt, with what the rules say
 * and the library holds. Pure.
 *
 * Scores divided by the temperature and the boosts of rules are added up and made
 * probabilities together. A response that rules name but nobody has learnt starts at the
 * median of those learnt. Where nothing was learnt, rules alone propose.
 */
#ifndef USHER_SUGGEST_PROPOSE_H
#define USHER_SUGGEST_PROPOSE_H

#include "suggest/library.h"

#define PROPOSE_SKILLS_MAX 8

/* What proposals are made of; all borrowed. */
struct proposer {
	const struct learner *learner; /* NULL: nothing was learnt */
	struct rule_matcher *matcher;  /* NULL: there are no rules */
	const struct library *library; /* NULL: every label may be proposed */
	double floor; /* 0..1; what is less probable is not shown, unless a rule names it
		       */
};

struct suggestion {
	const char *label;    /* borrowed from library or learner */
	double p;	      /* 0..1; of a list never rising */
	bool forced;	      /* a rule set it first */
	bool learnt;	      /* has cases; else rules alone speak for it */
	bool never_automatic; /* the response says so */
};

struct suggestions {
	struct suggestion list[PROPOSALS_MAX];
	int n;
	double none; /* probability that nothing fits */
	struct rule_hit hit[RULE_HITS_MAX];
	int n_hits;
	bool never_automatic; /* a rule says so of the mail */
	const char *queue;    /* the first that a rule names; NULL: none */
	const char *skill[PROPOSE_SKILLS_MAX];
	int n_skills;
};

void propose(const struct proposer *p, const struct words *words, const struct bag *bag,
	struct suggestions *out);

/*
 * propose_why - the reasons of a proposal, most important first: `rule "NAME"`, then
 * words and pairs of words as they were read, ", " between.
 *
 * words_most  how many of these; 0..16
 */
void propose_why(const struct proposer *p, const struct words *words,
	const struct features *features, const struct bag *bag,
	const struct suggestions *made, int which, int words_most, struct text *out);
#define WHY_WORDS_MAX 16

#endif
