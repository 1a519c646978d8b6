/*
 * plugins/asterisk/channels.h - what the switch told of its channels and bridges.
 *
 * A channel is found by its Uniqueid, which the switch never gives twice. One that hung
 * up stays as a grave for a while, so that what is said of it late, or again, finds it
 * dead and does no harm.
 */
#ifndef USHER_ASTERISK_CHANNELS_H
#define USHER_ASTERISK_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_ID_MAX 128   /* bytes of a Uniqueid or Linkedid */
#define CHANNEL_NAME_MAX 160 /* bytes of a channel's name; longer ones are cut */
#define CHANNELS_MAX 65536   /* alive at a time; more are not followed */
#define CHANNEL_GRAVES 4096  /* dead ones that are remembered */
#define OFFER_MAX 64	     /* bytes of an offer's id */

/* Whom an order had rung for a call. */
struct wanted {
	char extension[CHANNEL_NAME_MAX + 1];
	char offer[OFFER_MAX + 1]; /* "": the order named none */
};

enum channel_role {
	CHANNEL_OTHER, /* half of a Local pair, a call of somebody else, ... */
	CHANNEL_CALL,  /* a caller who waits or waited, or a call that we placed */
	CHANNEL_LEG,   /* a telephone that rings or talks for a call */
};

enum leg_state {
	LEG_RINGING,
	LEG_PICKED_UP, /* not yet put through */
	LEG_ANSWERED,
	LEG_RELEASED
};

struct bridge;

struct channel {
	char id[CHANNEL_ID_MAX + 1], linkedid[CHANNEL_ID_MAX + 1];
	char name[CHANNEL_NAME_MAX + 1];
	enum channel_role role;
	unsigned session; /* connection in which it was last seen */
	bool dead;
	int64_t died_us;

	/* where it is */
	struct bridge *bridge;	     /* NULL: in none */
	struct channel *bridge_next; /* in the same bridge */
	int64_t entered_us;

	/* of a call */
	bool gone;	     /* its end was told */
	int n_ringing;	     /* legs that only ring */
	bool reported;	     /* a beginning was told */
	bool ours;	     /* placed by us, not by a caller */
	bool put_through;    /* talked since it waited last */
	bool dial_ended;     /* the end of an attempt was told since it waited last */
	int64_t together_us; /* since when it is in a bridge with somebody; 0: is not */
	int64_t talk_us, hold_us;
	int64_t waiting_us; /* when it was last told to wait */
	int64_t leaving_us; /* when its receiver was put down while it waited; 0: was not
			     */
	int64_t born_us;    /* when the switch first told of it; 0: before our time */
	struct wanted wanted[2];  /* the latest order first */
	bool picked_up_by_itself; /* the latest order asked for it */

	/* of a leg, and of a call of ours as its own first leg */
	enum leg_state leg_state;
	char call[CHANNEL_ID_MAX + 1];	  /* whom it serves */
	char dialler[CHANNEL_ID_MAX + 1]; /* channel that dialled it; "" */
	bool consult, transferred;
	int64_t picked_up_us;
	int64_t held_us; /* since when it holds; 0: does not */
	bool apart;	 /* it holds by an order of ours: in no bridge with the caller */
	char offer[OFFER_MAX + 1]; /* whose order had it rung; "" */

	/* as the list of channels has it; before one: empty */
	bool listed;
	char context[64], application[64];
	char *number, *caller; /* owned; of who may be a caller; else NULL */
	char *queue;	       /* owned; the switch's own queue he waits in; else NULL */
	int state;	       /* ChannelState: 6 is up */
	int64_t age_us;
	struct channel *shown_leg; /* borrowed; while a snapshot is told */

	struct channel *hash_next, *newer, *older; /* of the table */
};

struct bridge {
	char id[CHANNEL_ID_MAX + 1];
	struct channel *members; /* borrowed from the table of channels */
	int n;
	struct bridge *next;
};

/* A zeroed struct is an empty table. */
struct channels {
	struct channel **slot; /* owned, as are the channels in it */
	size_t room, n_alive, n_dead;
	struct channel *oldest_dead, *newest_dead;
	struct channel *newest, *oldest; /* the living, by age */
	struct bridge *bridges[256];	 /* owned */
};

void channels_finish(struct channels *c);

/* Alive or a grave; NULL: never heard of, or long ago. */
struct channel *channels_find(const struct channels *c, const char *id);
/* Makes one that was not there. NULL: there are too many. */
struct channel *channels_add(struct channels *c, const char *id);
/* It becomes a grave, and leaves its bridge. */
void channels_bury(struct channels *c, struct channel *ch, int64_t t_us);
/* Forgets a living one at once. */
void channels_forget(struct channels *c, struct channel *ch);
/* A living one by its name; NULL. Walks them all: for rare moments. */
struct channel *channels_by_name(const struct channels *c, const char *name);
/* A living call that has, or was given, this Linkedid; NULL. Walks them all. */
struct channel *channels_call_of(const struct channels *c, const char *linkedid);

/* Puts it in a bridge, out of any other. */
struct bridge *channels_enter(
	struct channels *c, struct channel *ch, const char *bridge, int64_t t_us);
/* The bridge that it was in, as long as somebody is left in it; else NULL. */
struct bridge *channels_leave(struct channels *c, struct channel *ch);

#endif
