/*
 * suggest/live.h - the matcher of one mailbox while mail comes in: its library, one
 * learner a language, rules compiled. Any thread may ask it for proposals; verdicts teach
 * it between two mails; a rebuild trains beside it and swaps the learner when it is done.
 *
 *   folder of responses --+                      +--> proposals (many threads at once)
 *   edited responses -----+--> library, rules ---+
 *   models on the shelf, verdicts --> learners --+
 *
 * Weights learnt from verdicts are not saved one by one: the log of verdicts is (by who
 * keeps it), and what came after a model's version is learnt again at the start.
 */
#ifndef USHER_SUGGEST_LIVE_H
#define USHER_SUGGEST_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "suggest/library.h"
#include "suggest/model_file.h"
#include "suggest/propose.h"

#define LIVE_LANGUAGES_MAX 16 /* learners of one mailbox; further languages share "" */
#define LIVE_SCORES_KEPT 400  /* verdicts that the temperature is fitted on */
#define LIVE_FIT_EVERY 25     /* verdicts */
#define LIVE_REASON_WORDS 6

struct live;

/* Copied. */
struct live_settings {
	const char *name;    /* of the mailbox: its models' name */
	const char *library; /* folder; NULL: edited responses alone */
	const char *models;  /* folder; NULL: nothing is kept */
	double floor;	     /* 0..1; what is less probable is not shown */
};

struct live *live_create(const struct live_settings *settings);
void live_destroy(struct live *live);

/* An edited response stands above the file of its id; text: head and body as in a file,
 * NULL: the file holds again. Takes effect at the next live_load(). */
void live_edit(struct live *live, const char *id, const char *text);

/*
 * live_load - reads the folder and the edits; all or nothing.
 *
 * Returns  false with the problems filled: what was in force stays
 */
bool live_load(struct live *live, struct library_problems *problems) USHER_MUST_CHECK;
/* Would it be sound with this edit? The text is not taken. */
bool live_would_load(struct live *live, const char *id, const char *text,
	struct library_problems *problems) USHER_MUST_CHECK;

/* Borrowed by the loop's thread until the next live_load(); NULL: nothing is loaded. */
const struct library *live_library(const struct live *live);

/* ---- a mail ---- */

struct live_mail {
	const char *language;		     /* tag; "" or NULL: unknown */
	const char *subject, *sender, *text; /* UTF-8; NULL: none */
};

/* Texts are owned. */
struct live_found {
	int n;
	struct {
		char *id, *title, *why;
		double p;
	} list[PROPOSALS_MAX];
	double none;
	bool never_automatic;
	char *queue; /* a rule's; NULL: none */
	int n_skills;
	char *skill[PROPOSE_SKILLS_MAX];
	char library[17]; /* which state of it; "": there is none */
	int model;	  /* version; 0: none was built */
};

/* Proposals for a mail; from any thread. */
void live_propose(
	struct live *live, const struct live_mail *mail, struct live_found *out);
void live_found_finish(struct live_found *found);

/* ---- learning ---- */

/*
 * live_learn - a verdict: `response` answers the mail, or nothing does (NULL). The scores
 * before it are remembered for the temperature. From any thread; in the order of time.
 *
 * weight  feedback_weight(); 0: only the scores are remembered
 */
void live_learn(struct live *live, const struct live_mail *mail, const char *response,
	double weight);

struct live_case {
	struct live_mail mail;
	const char *response; /* NULL: none fits */
	double weight;
};

/*
 * live_rebuild - trains a learner of one language anew, beside the one in use, saves it
 * as the next version and swaps it in. For a worker; one at a time a mailbox. Verdicts
 * that are learnt meanwhile are learnt by the old one: hand those over again afterwards.
 *
 * Returns  the version; 0 with the problem filled
 */
int live_rebuild(struct live *live, const char *language, const struct live_case *cases,
	int n, char problem[MODEL_PROBLEM]) USHER_MUST_CHECK;

/* Rejects the newest version of a language and takes the one before. Returns its number;
 * 0: there is none, nothing was rejected. */
int live_roll_back(struct live *live, const char *language);

/* What is known of each language. */
struct live_state {
	char language[WORD_LANG_MAX];
	int version;	  /* 0: none was built */
	int64_t built_ms; /* wall clock; 0 */
	uint64_t cases;	  /* learnt since it was built */
	double temperature;
	int labels;
};
int live_states(const struct live *live, struct live_state *out, int most);

#endif
