/*
 * suggest/gate.h - may a mail be answered without an agent? Pure: all facts are
 * arguments.
 *
 * Four conditions, all of which must hold (SUGGEST 7): (a) the logged verdicts prove the
 * precision aimed at, (b) it is improbable that no response fits, (c) no guard is hit,
 * (d) the mail is not among those that an agent sees all the same, so that evidence keeps
 * coming. Verdicts are those logged before anything was learnt from them; rows that the
 * learner was trained on prove nothing.
 */
#ifndef USHER_SUGGEST_GATE_H
#define USHER_SUGGEST_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- (a) evidence ---- */

/*
 * wilson_lower - the lower end of Wilson's 95 % interval of a share (z = 1.959964).
 *
 * right    0..n
 * Returns  0..1; 0 when n is 0
 * Source   Wilson 1927; without an error n / (n + z^2), so that 98, 99 and 99.5 % take
 *          189, 381 and 765 faultless cases
 */
double wilson_lower(int64_t right, int64_t n);

/* The upper end. */
double wilson_upper(int64_t right, int64_t n);

/* How many cases without an error prove the aim (0 < aim < 1). */
int64_t gate_faultless(double aim);

/* What an agent said of a first proposal, or what a customer's complaint did later. */
struct verdict {
	double p;    /* shown at the time, 0..1 */
	double none; /* probability that nothing fits, at the time */
	bool right;
};

/* Where automatic answers may begin. */
struct gate_threshold {
	bool open;	  /* there is such a place */
	double p;	  /* least probability; when not open: 1 */
	int64_t right, n; /* verdicts at or above it */
	double bound;	  /* wilson_lower of these */
	double coverage;  /* n of all verdicts */
};

/*
 * gate_find_threshold - the least p whose verdicts prove the aim: with it as many mails
 * as possible are answered. Verdicts of equal p are taken together.
 *
 * list     n verdicts in any order, NaN-free
 * aim      precision, 0 < aim < 1
 */
struct gate_threshold gate_find_threshold(const struct verdict *list, int n, double aim);

/*
 * gate_breaks - do the latest automatic answers prove that the aim is missed?
 *
 * right, n  of answers that were sent and then judged, by an agent or by a complaint
 * Returns   true when even the upper bound of their precision is below the aim: an error
 *           among the first few, two or three among dozens. The response is then switched
 *           off until somebody switches it on again.
 */
bool gate_breaks(int64_t right, int64_t n, double aim);

/* ---- (c) guards ---- */

enum gate_guard {
	GUARD_AUTOMATIC = 1 << 0,    /* Auto-Submitted other than "no" */
	GUARD_BULK = 1 << 1,	     /* Precedence bulk, junk or list */
	GUARD_LIST = 1 << 2,	     /* List-Id and its like */
	GUARD_BOUNCE = 1 << 3,	     /* null return path, or a delivery report */
	GUARD_THREAD = 1 << 4,	     /* a reply: a person must read it */
	GUARD_ATTACHMENT = 1 << 5,   /* what it says cannot be read here */
	GUARD_QUESTIONS = 1 << 6,    /* more than one */
	GUARD_CUSTOMER = 1 << 7,     /* of high value */
	GUARD_NEVER = 1 << 8,	     /* the response, or a rule that was hit, says so */
	GUARD_SENDER = 1 << 9,	     /* has had his automatic answers */
	GUARD_PLACEHOLDER = 1 << 10, /* one that cannot be filled */
	GUARD_DAY = 1 << 11,	     /* the response's daily cap */
	GUARD_LANGUAGE = 1 << 12,    /* the response is not in the mail's */
	GUARD_NOT_TO_US = 1 << 13,   /* no address of ours in To or Cc: a blind copy */
	GUARD_UNPROVEN = 1 << 14,    /* the border does not vouch for the sender */
	GUARD_BREAKER = 1 << 15	     /* too many automatic mails of late, of all */
};
#define GUARDS 16

/* Facts of a mail, its sender and the response. */
struct gate_mail {
	bool automatic, bulk, list, bounce, thread, attachment, never, placeholder,
		language, not_to_us, unproven, breaker;
	int questions;		/* gate_questions() */
	double customer_points; /* of value */
	int sender_answers;	/* automatic ones within the window of the settings */
	int response_answers;	/* automatic ones today */
};

struct gate_settings {
	bool on;		/* false unless someone said so, per response */
	double aim;		/* precision, 0.5..0.9999 */
	double none_most;	/* 0..1: a higher probability of none goes to an agent */
	double audit_share;	/* 0..1 of the answers that an agent sees first */
	double customer_points; /* from here on a customer is of high value */
	int sender_most;	/* automatic answers a sender within the window */
	int response_most;	/* automatic answers a response and day */
};
/* aim 0.98, none 0.05, audit 0.05, 80 points, 1 a sender, 100 a day; off. */
struct gate_settings gate_defaults(void);

/* The guards that are hit: a set of enum gate_guard. */
unsigned gate_guards(const struct gate_mail *mail, const struct gate_settings *settings);
/* In words, for the reasons of a proposal; guard: one of the set. */
const char *gate_guard_text(enum gate_guard guard);

/* How many questions a text asks: runs of question marks that end a word; those within
 * links do not count. */
int gate_questions(const char *text, size_t n);

/* ---- (d) audit ---- */

/* Whether an agent sees the answer first; the same contact gives the same answer. */
bool gate_is_audited(const char *contact_id, double share);

/* ---- all together ---- */

enum gate_answer {
	GATE_OPEN,     /* answer by itself */
	GATE_OFF,      /* not switched on for this response */
	GATE_GUARDED,  /* (c) */
	GATE_UNPROVEN, /* (a) no threshold proves the aim */
	GATE_UNSURE,   /* (a) p is below the threshold */
	GATE_NONE,     /* (b) */
	GATE_AUDITED   /* (d): an agent sends it */
};

/*
 * gate_decide - the first condition that does not hold, in the order of enum gate_answer.
 *
 * p, none     of the first proposal
 * guards      gate_guards()
 */
enum gate_answer gate_decide(const struct gate_settings *settings,
	const struct gate_threshold *threshold, double p, double none, unsigned guards,
	const char *contact_id);
const char *gate_answer_text(enum gate_answer answer);

/* ---- how true probabilities are ---- */

#define CALIBRATION_BINS 15

struct calibration_bin {
	int n, right;
	double p; /* mean */
};

/*
 * calibration_error - ECE: the mean distance of p from the share that was right, over
 * bins of equal width, by their verdicts.
 *
 * bins     filled when not NULL
 * Returns  0..1; 0 without verdicts
 */
double calibration_error(
	const struct verdict *list, int n, struct calibration_bin bins[CALIBRATION_BINS]);

#endif
