/*
 * suggest/rules.h - keyword rules: what an administrator knows before anything is learnt.
 * Pure.
 *
 * A rule names phrases of which all, any or none must stand in a mail, or some near each
 * other, and what follows. Words of phrase and mail are normalised (suggest/words.h) and
 * stemmed, so that "cancel order" meets "Cancelled orders". In scripts without spaces,
 * and in Hangul, each character counts as a word. "<number>", "<address>" and "<link>"
 * stand for any of their kind.
 */
#ifndef USHER_SUGGEST_RULES_H
#define USHER_SUGGEST_RULES_H

#include "base/xalloc.h"
#include "suggest/words.h"

#define RULES_MAX 10000
#define RULE_PHRASES_MAX 64 /* in each of all, any, none */
#define RULE_NEAR_MAX 4
#define RULE_WITHIN_MAX 100 /* words */
#define PHRASE_WORDS_MAX 16
#define RULE_TEXT_MAX 200 /* bytes of a phrase, name or target */
#define RULE_BOOST_MAX 20.0
#define RULE_HITS_MAX 64 /* of one mail; further ones are left out */
#define RULE_PROBLEM 320 /* bytes of a message */

enum keyword_effect {
	RULE_BOOST,  /* target: a response; its score rises (falls if negative) */
	RULE_FORCE,  /* target: a response; stands first */
	RULE_FORBID, /* target: a response; is not proposed */
	RULE_NEVER_AUTOMATIC, /* the mail goes to an agent */
	RULE_QUEUE,	      /* target: a queue */
	RULE_SKILL	      /* target: a skill; is required */
};

struct phrase_list {
	const char *phrase[RULE_PHRASES_MAX]; /* borrowed */
	int n;
};

/* As written; texts are borrowed and copied by rules_add. */
struct keyword_rule {
	const char *name; /* told as the reason; NULL: made of its phrases */
	struct phrase_list all, any, none;
	const char *near[RULE_NEAR_MAX]; /* within so many words in a row, in any order */
	int n_near, within;
	unsigned fields;  /* 1 << enum word_field; 0: subject and body */
	const char *lang; /* languages, with commas; NULL: all */
	enum keyword_effect effect;
	double boost;	    /* of RULE_BOOST; -RULE_BOOST_MAX..RULE_BOOST_MAX, not 0 */
	const char *target; /* see enum keyword_effect; NULL for RULE_NEVER_AUTOMATIC */
	const char *place;  /* "FILE:LINE" for messages; NULL: unknown */
};

struct rules;

struct rules *rules_create(void);
void rules_destroy(struct rules *rules);
int rules_count(const struct rules *rules);

/*
 * rules_add - checks and copies a rule.
 *
 * Returns  false with a sentence in problem that says what to do
 */
bool rules_add(struct rules *rules, const struct keyword_rule *rule,
	char problem[RULE_PROBLEM]) USHER_MUST_CHECK;

/* The response that rule i is about; NULL: it is about none. *place: where it stands. */
const char *rules_response(const struct rules *rules, int i, const char **place);

/* ---- matching ---- */

/* The rules that hold for one language, compiled; for one thread at a time. Borrows the
 * rules, which must not be added to meanwhile. */
struct rule_matcher;

/* NULL with the reason logged: words of the language cannot be read. */
struct rule_matcher *rule_matcher_create(
	const struct rules *rules, const char *lang) USHER_MUST_CHECK;
void rule_matcher_destroy(struct rule_matcher *m);

struct rule_hit {
	const char *name;   /* borrowed from the rules */
	const char *target; /* the same; NULL: none */
	enum keyword_effect effect;
	double boost;
	uint16_t word; /* where the first phrase found begins */
};

/* The rules that a mail meets, in their order. */
int rules_match(struct rule_matcher *m, const struct words *words,
	struct rule_hit hits[RULE_HITS_MAX]);

#endif
