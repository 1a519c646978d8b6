/* route/law.h - the scoring law (ROUTING 2). Pure: no I/O, no clock, no globals. */
#ifndef USHER_ROUTE_LAW_H
#define USHER_ROUTE_LAW_H

#include <stdint.h>

#include "model/centre.h"

/* Where a contact stands with its promises. */
enum law_phase {
	LAW_IN_TIME,
	LAW_SECOND_PROMISE,
	LAW_AGEING
};

/* The numbers that all members of a class share. */
struct law_terms {
	enum law_kind kind;
	double value;		      /* V, > 0 */
	double log2_value;	      /* filled by law_settle */
	double log2_late;	      /* log2(V e); filled by law_settle */
	double head_ms, late_head_ms; /* H times those; filled by law_settle */
	int64_t second_ms;	      /* d2 - d; filled by law_settle */
	double ageing_peak_ms;	      /* see law_bound; filled by law_settle */
	double half_life_ms;	      /* H, > 0 */
	struct law law;		      /* e, m, A */
	int64_t sla_ms;		      /* T, >= 0 */
	double rank; /* comparators: the class's fixed place, highest first */
};

void law_settle(struct law_terms *terms);

/* d2 - d = (m - 1) T in ms, rounded; settled. */
static inline int64_t
law_second_ms(const struct law_terms *terms)
{
	return terms->second_ms;
}

/*
 * law_log2_score - log2 of the score, since the score itself underflows (ROUTING 9).
 *
 * terms     settled
 * slack_ms  d - now, in open time where the class has a calendar
 * slack2_ms d2 - now, likewise
 * waited_ms now - t0; only the comparators use it
 * Returns   log2 of the score; the highest is served first
 */
double law_log2_score(const struct law_terms *terms, int64_t slack_ms, int64_t slack2_ms,
	int64_t waited_ms);

/* A line over time that is never below something: its value now, and what it gains a ms.
 */
struct law_bound {
	double value, slope;
};

/*
 * law_bound - what H times the log2 of the score can be at most from now on.
 *
 * Up to the second promise it gains one a ms. The score of a contact that ages is
 * concave, so that its tangent is never below it; while A + x < H / ln 2 that tangent is
 * steeper than one, and the line is laid over the point where it is one. Where a
 * calendar's clock stands still the score gains less.
 *
 * terms     settled, of kind LAW_DPV
 * slack_ms, slack2_ms  as law_log2_score
 * Returns   value in ms, slope 0 to 1; an upper bound but for rounding (1 us)
 */
struct law_bound law_bound(
	const struct law_terms *terms, int64_t slack_ms, int64_t slack2_ms);

enum law_phase law_phase(int64_t slack_ms, int64_t slack2_ms);

/*
 * law_release_ms - the slack at which the reserve lets a deferrable contact go: V
 * 2^(-s/H) >= 0.5 (ROUTING 9). Returns ms, >= 0: at s <= 0 it goes in any case.
 */
int64_t law_release_ms(const struct law_terms *terms);

extern const char *const law_name[]; /* "dpv", "fcfs", ... by enum law_kind */

#endif
