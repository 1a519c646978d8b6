/* route/able.h - who may serve which class: skills, team, channel, named agent (ROUTING
 * 9). */
#ifndef USHER_ROUTE_ABLE_H
#define USHER_ROUTE_ABLE_H

#include "route/state.h"

/* Whether the agent's skills, team and channels allow the class; states and room do not
 * count. */
bool able_serves(
	const struct router *r, const struct agent *a, const struct class *class);
/* Whether this agent, or anybody logged in, could serve what the contact needs now. */
bool able_agent(const struct router *r, const struct agent *a, const struct contact *c);
bool able_anyone(const struct router *r, const struct contact *c);

/* Fills a new class's lists; empties them before it is freed. */
void able_add_class(struct router *r, struct class *class);
void able_remove_class(struct router *r, struct class *class);
/* The agent's skills, team or channels changed (or are new): his classes are found again.
 */
void able_rebuild_agent(struct router *r, struct agent *a);

static inline bool
able_has(const struct class *class, int agent)
{
	return agent / 64 < class->able_words &&
	       (class->able_bits[agent / 64] >> (agent % 64) & 1) != 0;
}

/* Somebody may serve both: members of one can go before members of the other. */
bool able_share(const struct class *a, const struct class *b);

/* R of the class now (ROUTING 9). */
int able_reserve(const struct router *r, const struct class *class);
/* True when the reserve keeps in-time members of the class from this agent (NULL: from
 * anybody with a live channel). */
bool able_held_back(
	const struct router *r, const struct class *class, const struct agent *a);

/* Keeps the classes' counts of agents logged in, idle, and by standing true; call after
 * any change of the agent. */
void able_count_login(struct router *r, struct agent *a, bool logged_in);
void able_count_idle(struct router *r, struct agent *a, bool idle);
void able_count_standing(struct agent *a, enum able_reason standing);

#endif
