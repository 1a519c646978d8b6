/* route/choose.h - which agent for a contact (ROUTING 7, 9: agent choice). Reads state,
 * changes none. */
#ifndef USHER_ROUTE_CHOOSE_H
#define USHER_ROUTE_CHOOSE_H

#include "route/state.h"

#define CHOICE_RIVALS_MAX 10 /* agents that a decision record lists */

/* The sort keys of one agent, in order; the smallest wins. */
struct choice {
	struct agent *agent; /* NULL: nobody */
	bool affinity;	     /* the customer's last agent: first of all */
	bool parks;	     /* his work would be parked: last of all */
	int64_t scarcity;    /* sum over his skills of (share of demand + 1) / agents with
				it, in 1e-9; 0 when off */
	double strategy;     /* what the queue's strategy ranks by */
	bool part_filled;
	int64_t idle_since_ms;
	int order; /* place in the file */
};

/* Why an able agent cannot take a contact now. */
enum able_reason {
	ABLE_FREE,
	ABLE_OFFLINE,
	ABLE_NOT_READY,
	ABLE_NOT_RESPONDING,
	ABLE_NOT_ROUTABLE, /* draining, or a state is pending */
	ABLE_DESK_LOST,
	ABLE_CHANNEL_OFF,
	ABLE_FULL,
	ABLE_COOLED, /* he rejected it a moment ago */
	ABLE_REASONS,
};

extern const char *const able_reason_name[ABLE_REASONS];

/* What the channel costs this agent, in points. */
int agent_cost_pts(const struct router *r, const struct agent *a, int channel);
/* The class may be offered to him as far as state and room go; *parks: only by parking
 * interruptible work. */
enum able_reason agent_room(
	const struct router *r, const struct agent *a, int channel, bool *parks);

/*
 * choose_agent - the agent for a waiting contact.
 *
 * rivals  room for CHOICE_RIVALS_MAX next best, or NULL; *n_rivals how many are filled
 * n_free  how many could take it, the chosen one included
 */
struct choice choose_agent(struct router *r, const struct contact *c, int64_t now_ms,
	struct choice *rivals, int *n_rivals, int *n_free);

#endif
