/*
 * route/explain.h - decision records: why this contact went to this agent now, complete
 * enough to decide again.
 *
 * A record is packed text, one item a line, written with the offer and kept with the
 * contact; explain_json makes the object that people and checkers read (docs/protocol.md,
 * "explain").
 */
#ifndef USHER_ROUTE_EXPLAIN_H
#define USHER_ROUTE_EXPLAIN_H

#include <jansson.h>

#include "route/choose.h"
#include "route/class.h"

#define EXPLAIN_RIVALS_MAX 10 /* listed; the rest is counted */

/* A contact among those that the agent could have been offered. */
struct rival {
	struct class *class;
	struct candidate candidate;
};

/* An agent's room went to the best of the heads. rivals: the next best, sorted; n_heads:
 * all that were compared. */
void explain_contact_choice(struct router *r, struct contact *c, const struct agent *a,
	const char *trigger, double log2_score, const struct rival *rivals, int n_rivals,
	int n_heads, int64_t now_ms);

/* A contact went to the best of the agents with room. */
void explain_agent_choice(struct router *r, struct contact *c,
	const struct choices *choices, const char *trigger, int64_t now_ms);

/* One sentence for the agent's desktop: why now, why you. The caller owns it. */
char *explain_why_contact(const struct router *r, const struct contact *c,
	double log2_score, const struct rival *next, int n_heads, int64_t now_ms);
char *explain_why_agent(
	const struct router *r, const struct contact *c, const struct choices *choices);

/* Why a contact waits, as of now; NULL when it does not. The caller owns it. */
json_t *explain_waiting_json(struct router *r, const struct contact *c, int64_t now_ms);
/* A contact's class, deadlines and score, in the form of decision records. The caller
 * owns it. */
json_t *explain_standing_json(struct router *r, const struct class *class,
	const struct candidate *c, int64_t now_ms);

/* The packed record as an object; NULL when it cannot be read. The caller owns it. */
json_t *explain_json(const char *packed);

#endif
