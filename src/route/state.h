/*
 * route/state.h - what the router keeps in memory; for the stages inside route/ alone.
 *
 *   submission -> classify -> class (waiting) -> match -> offer -> work -> finish
 *
 * The state is ahead of the store by the steps in flight; what others may know of it is
 * held back in their effects.
 */
#ifndef USHER_ROUTE_STATE_H
#define USHER_ROUTE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/text.h"
#include "model/agent.h"
#include "model/centre.h"
#include "model/contact.h"
#include "route/events.h"
#include "route/law.h"
#include "route/order.h"
#include "route/router.h"
#include "route/store.h"
#include "route/submission.h"

#define DEMAND_WINDOW 1000	/* arrivals over which demand is measured (ROUTING 9) */
#define ENDED_OFFERS_KEPT 65536 /* ended offers that a late answer can be told about */
#define CLASSES_KEPT 2048	/* empty classes beyond this many are freed */
#define RULES_KEPT 16		/* fired rules that a decision record names */
#define OVERFLOWS_MAX 16	/* queues that a contact may be passed through */
#define CARRY_GRACE_MS 2000	/* our own timer runs so long after the ring time */

struct class;
struct directory;
struct hooks;

/* After his reject an agent is not offered this contact again until then. */
struct cooldown {
	int agent;
	int64_t until_ms;
};

struct contact {
	/* what a decision touches: one cache line, of memory that was not looked at since
	 * the contact came */
	uint64_t id;
	int64_t t0_ms, d_ms;
	struct class *class; /* borrowed; NULL: does not wait */
	enum contact_state state;
	int agent; /* has the offer or holds it; -1 */
	int n_cooldowns;
	int target;	/* named agent; -1 */
	int affinity;	/* = last_agent while he is waited for, until hold_until_ms; -1 */
	int last_agent; /* of this customer; first while the affinity lasts; -1 */

	char *source, *title, *customer, *payload; /* owned; NULL: none */
	int n_attributes;
	struct attribute *attributes;  /* owned; first those of the intake ... */
	int n_own_attributes;	       /* ... so many, then what the directory knows */
	uint64_t party;		       /* of the directory; 0: unknown */
	bool own_customer, own_points; /* the intake (or staff) gave them */
	char *external;		       /* owned; "source external_id"; NULL: none */

	/* classify */
	int channel, queue, tier;
	int law_queue; /* whose law and T hold: the first queue, also after overflow */
	double base_points, points; /* the customer's, and with what rules add */
	bool fixed_queue,
		fixed_tier;   /* given at intake or by staff: rules do not move it */
	struct require given; /* levels given at intake or by staff: above rules */
	struct require own;  /* what rules and `given` require; the queue's come on top */
	struct require need; /* what holds now, after steps */
	int step;	     /* steps taken of the queue's */
	int n_teams, teams[ADDED_TEAMS_MAX];	   /* added by steps */
	int n_rules, rules[RULES_KEPT];		   /* that fired */
	int n_overflows, overflows[OVERFLOWS_MAX]; /* queues it was passed on from */
	uint64_t version; /* of the settings it was classified under */

	/* score */
	int64_t created_ms, sla_ms;
	double value;
	struct law law;
	int calendar;	   /* -1: always open */
	bool own_deadline; /* d was given from outside or by a supervisor: a change of T
			      leaves it */

	/* wait */
	int64_t target_until_ms, hold_until_ms;
	int64_t eligible_ms;	    /* call-me, held: not before; 0 */
	struct cooldown *cooldowns; /* owned */
	bool dirty; /* in router.dirty: what time made possible is still to be matched */

	/* offer, work */
	uint64_t offer;
	int64_t offered_ms,
		expires_ms;   /* expires: INT64_MAX until the offer is committed */
	int cost_pts;	      /* what it costs him */
	int64_t connected_ms; /* 0: not; of the present connection */
	int64_t handled_ms;   /* connected time that is over */
	int64_t owed_ms;      /* of it, in open time: not yet given back to d */
	int64_t wrapup_ms;    /* began */
	int64_t wrapup_end_ms;
	int64_t parked_ms;
	int64_t park_until_ms; /* 0: until resumed, within the park limit */
	uint64_t parked_by;    /* contact that parked it; 0: its agent did */

	/* a call that a switch carries (carry.c); not stored: whoever carries it says so
	 */
	bool carried;
	int64_t overdue_ms; /* when the carrier is asked again; 0: not yet */
	int attempts, missed;
	bool attempt_open;
	char *number; /* owned; to dial; NULL: its attributes tell */
	struct measures measured;
	int n_legs;
	struct leg_record *legs; /* owned; the latest LEGS_KEPT */

	/* timers: the earliest moment at which this contact needs a look */
	int64_t due_ms;	 /* INT64_MAX: none */
	size_t due_slot; /* in router.due; SIZE_MAX: not there */
	bool due_now;	 /* in router.acting */

	/* commit */
	struct step *inflight; /* latest uncommitted step that concerns it; NULL */
	struct step *moving;   /* likewise, one that changed its state or agent; NULL */
	int stored_agent;      /* as stored */
	enum contact_state
		stored;	    /* what the store has or will have once that is committed */
	char *stored_class; /* owned; likewise; NULL: waits in none */
	unsigned stored_or; /* mask of states that it has instead when the step that parks
			       it is refused */
	int n_decisions;
	char *decision;	   /* owned; packed, goes with the next step */
	double log2_score; /* scratch of the matcher */

	/* end */
	char *end_reason, *disposition, *currency; /* owned; NULL: none */
	double amount, satisfaction;		   /* NAN: none */
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

struct agent {
	int index;
	enum agent_state state;
	char reason[REASON_MAX + 1];
	bool pending; /* pending_reason holds when he has no contacts left */
	char pending_reason[REASON_MAX + 1];
	bool routable;
	bool edited;	      /* skills or capacity stand above the file */
	uint32_t edited_over; /* digest of the file's entry that they stand above */
	int64_t login_ms;     /* 0: offline */
	int64_t since_ms;     /* of the state */
	int64_t lost_ms;      /* desktop gone since; 0: there */
	char *device;	      /* owned; of this login; NULL */

	int n_skills;
	struct skill_level *skills; /* owned; what holds: the file's or the edit */
	int capacity_pts, load_pts, parkable_pts;
	int outside_pts; /* of the load: a call that usher did not route; not stored */
	int n_channels;	 /* sized arrays by channel */
	bool *channel_off;
	int *channel_cost; /* -1: the file's */
	bool takes_live;   /* has an open channel that is not deferrable */

	int n_held, room_held; /* contacts offered, connected, wrapup; and parked ones
				  behind them */
	struct contact **held; /* owned array of borrowed contacts */
	int n_parked;
	int64_t idle_since_ms;	   /* last end, or when he became ready */
	int64_t busy_since_ms;	   /* holds something since; 0: does not */
	int64_t busy_ms;	   /* since login */
	uint64_t handled;	   /* contacts accepted since login */
	size_t room_slot;	   /* in router.with_room; SIZE_MAX: not there */
	bool counted_idle;	   /* in the classes' n_idle */
	enum able_reason standing; /* in the classes' standing: agent_standing() */

	int n_classes, room_classes;
	struct class **classes; /* owned array of borrowed classes that he may serve */
	uint32_t *bounds;	/* owned; their places in router.bounds, in that order */
};

/*
 * How high a class can score, in so few bytes that the classes of an agent are compared
 * from the cache: a line over time (Unix ms) that H times the log2 of the score of its
 * heads is never above (law_bound), so that a class in overload is not scored again only
 * because time went by. value -INFINITY: nobody waits; INFINITY: not known.
 */
struct class_bound {
	double value; /* at moment 0 */
	double slope; /* a ms */
};

struct bound_owner {
	struct class *class;
	int channel; /* its; kept here to be at hand */
};

/* Members share every term of the law, what they need, and who may take them (ROUTING 9,
 * and finer). */
struct class
{
	/* what the matcher reads for each agent that frees; a few cache lines, and no
	 * contact's */
	size_t n;		/* = order.n */
	struct order_key first; /* heads; n 0: unset */
	struct contact *first_item;
	struct order_key in_time;     /* d >= every moment asked since it was found */
	struct contact *in_time_item; /* NULL: none */
	bool in_time_known;
	bool cooled; /* a member may have a cool-down; since it was empty last */
	bool deferrable;
	int channel, calendar;
	int only; /* named agent or affinity; -1: any */
	struct law_terms terms;
	int64_t release_ms;    /* slack at which the reserve lets go */
	int64_t release_at_ms; /* next moment at which it lets a member go; INT64_MAX */
	struct order order;
	uint32_t bound; /* in router.bounds */

	int queue, tier;
	struct require need;
	int n_teams, teams[ADDED_TEAMS_MAX]; /* added by steps to the queue's */
	char *key;			     /* owned; of this class */
	char *store_key;  /* owned; of the store's sorted set: without teams, affinity, T
			   */
	char *terms_text; /* owned; for decision records */
	size_t index;	  /* in router.classes */

	int n_able, room_able;
	int *able;	     /* owned; agents that may serve it, in file order */
	uint64_t *able_bits; /* owned; by agent index */
	int able_words;
	int n_logged_in;	    /* of them */
	int standing[ABLE_REASONS]; /* of them, by agent_standing() */
	int n_idle;		    /* ready, with nothing, and with a live channel */
	int64_t released_d_ms; /* the reserve let members with d below it go already */
};

struct ended_offer {
	uint64_t offer, contact;
	int agent;
	enum offer_state how;
};

/* A contact that the store did not take, while steps that follow its add may be on their
 * way: they are refused, and nobody hears of them. */
struct not_taken {
	enum step_result result;
	uint64_t existing; /* who has its external id; 0: none */
	uint64_t last_op;  /* of the last step that may be on its way */
};

/* What is said once a step is committed. */
struct effect {
	struct effect *next;
	bool is_reply;
	struct event event;
	char *reason, *why; /* owned; event.reason and event.why point here */
	struct reply reply;
	enum outcome_kind outcome;
	char *message; /* owned */
	uint64_t contact, offer;
	bool duplicate;
};

struct listener {
	event_listener fn;
	void *owner;
};

/* Waits of the last contacts of a group to enter service (ROUTING 7). */
struct wait_memory {
	int64_t last_ms[3];
	int n;
	double mean_handle_ms; /* exponential mean; 0: none yet */
};

struct router {
	struct store *store;   /* borrowed */
	struct centre *centre; /* a reference */
	struct hooks *hooks;   /* borrowed; NULL: no plugins */
	struct carrier carrier;
	uint32_t epoch;
	uint64_t n_contact_ids, n_offer_ids, n_ops;
	bool started, store_up, recording;
	int depth;			/* of commands in progress */
	bool draining;			/* effects are being carried out */
	struct done *done, **done_tail; /* committed, effects still to be carried out */
	int64_t (*clock)(void *owner);	/* stamps commits; NULL: the latest moment seen */
	void *clock_owner;
	int64_t latest_ms; /* the latest moment seen */
	int64_t started_ms;
	int64_t away_since_ms;
	int64_t grace_until_ms; /* after a start, those logged in before count as logged
				   in */

	const struct directory *directory; /* borrowed; NULL: nobody is asked */
	struct idmap arrivals;		   /* owned struct arrival, by ticket */
	uint64_t n_tickets;
	struct idmap contacts;	   /* live */
	struct idmap not_taken;	   /* owned struct not_taken, by contact */
	struct map externals;	   /* "source external_id" -> contact */
	struct idmap offers;	   /* open -> contact */
	struct ended_offer *ended; /* owned ring */
	size_t n_ended;
	struct idmap ended_by_id;

	struct agent *agents; /* owned; by settings index */
	int n_agents;
	struct agent **with_room;
	size_t n_with_room;
	bool *queue_closed;	   /* by queue index: a supervisor closed it */
	struct alarm_note *alarms; /* owned; those that are open */
	size_t n_alarms;
	int64_t *queue_waiting; /* by queue index */
	int *round_robin;	/* by queue index: order of the agent chosen last */
	int n_queues;

	struct class **classes;
	size_t n_classes, room_classes;
	struct map class_by_key;
	struct class_bound *bounds; /* owned; a place stays a class's while it lives */
	struct bound_owner *bound_owner; /* owned; whose it is */
	uint32_t n_bounds, room_bounds;
	uint32_t *free_bounds; /* owned */
	uint32_t n_free_bounds;
	size_t n_held_classes; /* deferrable ones of an affinity */

	struct contact **due; /* heap by due_ms */
	size_t n_due, room_due;
	struct contact **acting; /* due, waiting for router_tick */
	size_t n_acting, room_acting;
	struct contact **dirty;
	size_t n_dirty, room_dirty;
	int *lost;	       /* agents whose desktop is gone, for the grace */
	int64_t release_at_ms; /* earliest of the classes'; INT64_MAX */
	int64_t grace_due_ms;  /* earliest end of a lost desktop's grace */
	bool recheck; /* deferrable classes may go out to agents other than the freed one
		       */

	int16_t demand_ring[DEMAND_WINDOW]
			   [REQUIRE_MAX]; /* skills of the last arrivals, -1 ends */
	int n_demand, at_demand;
	int *demand;  /* by skill */
	int *skilled; /* logged-in agents by skill */
	int n_skills;

	struct map waits; /* "queue channel tier" indexes -> struct wait_memory, owned */
	struct listener listeners[16];
	int n_listeners;
	struct router_counts counts;
	int64_t in_flight;
	int64_t elsewhere; /* contacts in states that no figure counts */
	struct text scratch;
	unsigned char *scored; /* owned; of route/heads.c */
	size_t room_scored;
};

#endif
