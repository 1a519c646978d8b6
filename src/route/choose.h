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

extern const char *const able_reason_name[ABLE_REASONS];

/* What the channel costs this agent, in points. */
int agent_cost_pts(const struct router *r, const struct agent *a, int channel);
/* The class may be offered to him as far as state and room go; *parks: only by parking
 * interruptible work. */
enum able_reason agent_room(
	const struct router *r, const struct agent *a, int channel, bool *parks);

/* The same for this contact: he may have rejected it a moment ago. */
enum able_reason agent_room_for(const struct router *r, const struct agent *a,
	const struct contact *c, int64_t now_ms, bool *parks);
/* Whether he takes anything at all, whatever channel and room: a reason up to
 * ABLE_DESK_LOST, or ABLE_FREE. */
enum able_reason agent_standing(const struct agent *a);

struct choices {
	struct choice best; /* agent NULL: nobody can take it */
	struct choice rival[CHOICE_RIVALS_MAX];
	int n_rivals;		  /* 0 unless decisions are recorded */
	int n_free;		  /* could take it, the best included */
	int unable[ABLE_REASONS]; /* able ones who could not, by reason */
};

/* The agent for a waiting contact, in a time that grows with those who have room and not
 * with all there are. */
void choose_agent(struct router *r, const struct contact *c, int64_t now_ms,
	struct choices *choices);

#endif
