/*
 * route/class.h - classes of waiting contacts: found by what their members share, heads
 * scored (ROUTING 2, 9).
 *
 * Two heads of a class can win: the oldest late member and the first one in time; within
 * each group the deadline orders for good. Nothing is re-keyed and no timer runs at a
 * breach.
 */
#ifndef USHER_ROUTE_CLASS_H
#define USHER_ROUTE_CLASS_H

#include "route/state.h"

/* The class of a waiting contact as it stands now; made when it is new. Borrowed. */
struct class *class_for(struct router *r, const struct contact *c);
struct class *class_known(struct router *r, const struct contact *c); /* NULL: none yet */

/* The contact begins or ends to wait; sets c->class. Leaving may free an empty class. */
void class_enter(struct router *r, struct class *class, struct contact *c);
void class_leave(struct router *r, struct contact *c);

/* What no head of the class is above at that moment (Unix ms). */
static inline double
class_bound_at(const struct class_bound *bound, double now_ms)
{
	return bound->value + bound->slope * now_ms;
}

/* From which d on a member is in time at now_ms: now, or the last closing time of its
 * calendar. */
int64_t class_in_time_from_ms(
	const struct router *r, const struct class *class, int64_t now_ms);
/* Slack to d and to d2, in open time where the class has a calendar. */
int64_t class_slack_ms(
	const struct router *r, const struct class *class, int64_t d_ms, int64_t now_ms);
int64_t class_slack2_ms(
	const struct router *r, const struct class *class, int64_t d_ms, int64_t now_ms);
double class_log2_score(const struct router *r, const struct class *class, int64_t d_ms,
	int64_t t0_ms, int64_t now_ms);

struct candidate {
	struct contact *contact; /* NULL: none */
	double log2_score;
};

/* True when a goes before b: score, then earlier t0, then id. A candidate without a
 * contact goes last. */
bool candidate_before(const struct candidate *a, const struct candidate *b);

/*
 * class_best - the member that this agent should be offered first.
 *
 * agent     NULL: anybody (cool-downs do not count)
 * released  the reserve holds this class back: only members that it lets go count
 * Returns   contact NULL when no member may go to him now
 */
struct candidate class_best(struct router *r, struct class *class,
	const struct agent *agent, bool held_back, int64_t now_ms);

/* Members of the class that go before a contact with this log2 score, t0 and id. */
int64_t class_count_before(struct router *r, struct class *class, double log2_score,
	int64_t t0_ms, uint64_t id, int64_t now_ms);

/* The next moment at which the reserve lets a member go, INT64_MAX for none; sets
 * class->release_at_ms. done: those that it lets go at this very moment are seen to. */
void class_plan_release(struct router *r, struct class *class, int64_t now_ms, bool done);

/* Whether the contact may go to the agent as far as cool-downs are concerned. */
bool contact_cooled(const struct contact *c, int agent, int64_t now_ms);

void class_destroy_all(struct router *r);

#endif
