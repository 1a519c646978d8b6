/*
 * intake/voice_inner.h - what the files of voice share; nobody else includes it.
 *
 * A call here is a call of a switch that is, or becomes, a contact. What the switch says
 * of it and what the router decides of the contact are kept apart: the router's state is
 * asked for each time, never copied.
 */
#ifndef USHER_INTAKE_VOICE_INNER_H
#define USHER_INTAKE_VOICE_INNER_H

#include <sys/queue.h>

#include "base/map.h"
#include "base/text.h"
#include "intake/cti_wire.h"
#include "intake/voice.h"

#define VOICE_BEAT_MS 250
#define CALL_LEGS_MAX 16    /* of a call, that are followed at a time */
#define SUBMIT_RETRY_MS 500 /* while the store is away */
#define ODD_MS 3000	    /* switch and router disagree so long: the switch is right */
#define NUMBER_MOST 24	    /* bytes of a number that is dialled */
#define OFFER_TEXT NUMBER_ID_TEXT

/* A link's switch. */
struct voice_switch {
	char *name;				/* owned */
	const struct switch_settings *settings; /* borrowed */
	int n_wires;
	struct cti_wire *wire[SWITCH_ADDRESSES_MAX]; /* owned */
	bool up;				     /* and its calls are known */
	bool settled; /* they were known once since we started */
	bool removed;
	int64_t down_ms; /* boot time */
	bool clock_known;
	int64_t ahead_us; /* its clock before our boot time */
	struct voice_switch *next;
};

enum voice_leg_state {
	VOICE_LEG_RINGS,
	VOICE_LEG_TALKS
};

struct voice_leg {
	char *id, *device; /* owned */
	int agent;	   /* -1: nobody of ours */
	uint64_t offer;	   /* whose order had it rung; 0 */
	bool consult;
	enum voice_leg_state state;
	int64_t rang_us, answered_us, held_us; /* clock of the switch; 0: not (now) */
	int64_t hold_us;		       /* holds that are over */
	int64_t at_ms;			       /* centre time of its beginning */
};

enum voice_with {
	VOICE_WITH_NOBODY,
	VOICE_WITH_TALKS,
	VOICE_WITH_HOLDS
};

struct voice_call {
	char *key; /* owned; switch, line end, id */
	const char *id;
	struct voice_switch *on;
	char *number, *name, *dialled; /* owned; "" */
	uint64_t contact;	       /* 0: not one (yet) */
	bool ours;		       /* we had it dialled */
	bool reached;		       /* of ours: the customer was on the line */
	bool dial_over;		       /* of ours: its attempt has a result */
	bool submitting;	       /* the router has not answered yet */
	bool waits;		       /* in the switch's music */
	bool gone;
	bool refused;	/* the router does not want it */
	bool told_over; /* we ended it ourselves */
	enum usher_call_outcome outcome;
	json_t *attributes;	 /* owned; of the submission, while it is not in */
	int64_t begun_centre_ms; /* t0 for the submission */
	int64_t retry_ms;	 /* boot time; 0: not */

	/* the connect order on its way */
	uint64_t connect; /* offer; 0: none */
	int connect_agent;
	bool connect_overdue; /* we withdrew it, its time being over */

	int n_legs;
	struct voice_leg leg[CALL_LEGS_MAX];
	int64_t odd_ms; /* boot time since when switch and router disagree; 0 */

	/* measures, switch's clock: what is over, and since when the rest is so */
	int64_t ivr_ms, ring_us, talk_us, hold_us;
	int64_t queue_us; /* of his last wait; -1: not known */
	int transfers;
	enum voice_with with;
	int64_t with_us;
	int64_t gone_us;
	int64_t waited_us; /* he waits since; 0: he does not, or nobody saw it begin */
	int64_t before_us; /* what counts before it: menus, an old place */
	bool served;	   /* an agent had him */
	bool seen_whole;   /* its link told all of it, from its first wait on */
	bool outsiders;	   /* somebody who is no agent of ours talked to him */
	uint64_t recalled; /* whose measures are in these */

	/* announcements */
	int64_t said_ms; /* boot time; 0: never */
	int64_t said_position;
	TAILQ_ENTRY(voice_call) due; /* in voice.saying, oldest said first */
	bool in_saying;
};
TAILQ_HEAD(saying, voice_call);

TAILQ_HEAD(abandoners, abandoner);

/* Of those who hung up while waiting (voice_places.c). */
struct voice_places {
	struct map by_who;	/* by what he is known; owned */
	struct abandoners list; /* by when they left */
	size_t n_kept;		/* of them in Redis */
	bool known;		/* what Redis has was read */
	bool reading;
	bool differ;	 /* Redis may have what is true no more */
	int64_t made_ms; /* boot time */
};

struct voice_agent {
	char *device;	 /* owned; as it is in the maps; NULL */
	char *extension; /* owned */
	enum usher_device_state device_state;
	bool outside; /* told to the router */
	bool look;    /* something changed: look again at the next beat */
};

struct voice_counts {
	uint64_t calls, refused, abandoned, short_abandoned, lost, resumed;
	uint64_t connects, answered, no_answer, busy, unavailable, withdrawn;
	uint64_t announced, callbacks, dialled;
	uint64_t ignored; /* events of legs that no open offer had rung */
};

struct voice {
	struct voice_parts parts;
	const struct voice_settings *settings; /* borrowed */
	struct cti *cti;		       /* owned */
	struct evdns_base *dns;		       /* owned; NULL: not needed yet */
	struct event *beat;
	struct voice_switch *switches; /* owned */
	struct map calls;	       /* by key; owned */
	struct idmap by_contact;       /* borrowed calls */
	struct map by_device;	       /* device and extension to agent index + 1 */
	int n_agents;
	struct voice_agent *agents; /* owned */
	struct saying saying;
	struct voice_places places;
	struct idmap callbacks; /* struct callback by contact; owned */
	int64_t hours_ms;	/* boot time: when hours were looked at */
	struct idmap asked;	/* submissions on their way: tag to key, owned */
	struct rpc *rpc;	/* borrowed; of the desk; NULL before its first call */
	uint64_t n_tags, n_orders;
	int64_t event_us; /* the switch's moment of what is being taken in; 0 */
	bool dying;
	struct voice_counts counts;
};

/* ---- voice.c ---- */

int64_t voice_now_ms(const struct voice *v); /* centre time */
struct voice_switch *voice_switch_of(const struct voice *v, const char *name);
bool voice_link_is_up(const struct voice_switch *s);
/* We stood still until a moment ago: what it said meanwhile may lie unread, so nothing is
 * concluded from its not having said something. */
bool voice_is_behind(const struct voice_switch *s);
/* Sends an order over the first link that is up. The action's id is filled in when it has
 * none. False: there is no link. */
bool voice_order(struct voice *v, const struct voice_switch *s,
	struct usher_switch_action *action);
struct usher_switch_action voice_action(
	enum usher_action_kind kind, const struct voice_call *c);
struct voice_call *voice_call_of(const struct voice *v, uint64_t contact);

/* ---- voice_calls.c: what switches say ---- */

void voice_told(void *voice, const struct cti_event *event);
struct voice_call *voice_call_find(
	const struct voice *v, const struct voice_switch *s, const char *id);
struct voice_call *voice_call_make(
	struct voice *v, struct voice_switch *s, const char *id, bool ours);
void voice_call_attach(struct voice *v, struct voice_call *c, uint64_t contact);
void voice_call_detach(struct voice *v, struct voice_call *c);
void voice_call_destroy(struct voice *v, struct voice_call *c);
/* Hands it to the router, now or as soon as the store is there. */
void voice_submit(struct voice *v, struct voice_call *c);
/* All who wait to be handed in. */
void voice_calls_submit(struct voice *v);
void voice_calls_beat(struct voice *v, int64_t boot_ms);
void voice_calls_finish(struct voice *v);

/* ---- voice_measures.c: by the switch's clock ---- */

/* A live event bore this time. */
void voice_clock_heard(struct voice_switch *s, int64_t t_us);
/* The switch's moment of what is being taken in, else its time now. */
int64_t voice_moment_us(const struct voice *v, const struct voice_switch *s);
/* A telephone got, held, took back or left the caller. */
void voice_with_changed(struct voice_call *c, int64_t at_us);
void voice_wait_begins(struct voice_call *c, int64_t at_us);
void voice_wait_ends(struct voice_call *c, int64_t at_us);
void voice_wait_abandoned(struct voice_call *c);
/* Measures of what is over go to the router; come back from it. */
void voice_measure(struct voice *v, const struct voice_call *c);
void voice_measures_recall(struct voice *v, struct voice_call *c);
/* With what goes on; for the carrier, owner is the voice. */
struct measures voice_measures_now(void *owner, uint64_t contact);

/* ---- voice_legs.c: telephones of a call ---- */

void voice_leg_event(
	struct voice *v, struct voice_call *c, const struct cti_event *event);
struct voice_leg *voice_leg_of(struct voice_call *c, const char *id);
/* All of them at once, when the call is over. */
void voice_legs_over(struct voice *v, struct voice_call *c, int64_t at_us);
/* The leg of the agent who has the contact, that talks or rings; NULL. */
struct voice_leg *voice_agent_leg(struct voice *v, struct voice_call *c);
void voice_legs_finish(struct voice_call *c);
/* Where switch and router disagree for ODD_MS the router follows. */
void voice_reconcile(struct voice *v, struct voice_call *c, int64_t boot_ms);

/* ---- voice_offers.c: what the router decides ---- */

void voice_overdue(void *voice, uint64_t contact, uint64_t offer);
/* Whether the agent's telephone is to pick up by itself. */
bool voice_answers(const struct voice *v, const struct voice_switch *s, int agent);
void voice_connect(struct voice *v, struct voice_call *c, uint64_t offer, int agent,
	int64_t ring_ms);
/* The attempt of an offer ended; leg may be NULL. */
void voice_dial_result(struct voice *v, struct voice_call *c, uint64_t offer,
	enum usher_leg_reason reason);
void voice_order_failed(struct voice *v, const struct cti_event *event);
/* Back to music: what rings or talks for him ends. */
void voice_withdraw(struct voice *v, struct voice_call *c);

/* ---- voice_resync.c: links and snapshots ---- */

void voice_link_down(struct voice *v, struct voice_switch *s);
void voice_link_up(struct voice *v, struct voice_switch *s);
void voice_switch_lost(struct voice *v, struct voice_switch *s);

/* ---- voice_agents.c: devices, and calls outside usher ---- */

void voice_agents_configure(struct voice *v);
void voice_agent_changed(struct voice *v, int agent);
/* -1: nobody's. */
int voice_agent_of(const struct voice *v, const char *device);
void voice_device_state(struct voice *v, const struct usher_switch_event *e);
void voice_agent_look(struct voice *v, int agent);
void voice_agents_beat(struct voice *v);
void voice_agents_finish(struct voice *v);

/* ---- voice_dial.c: customers called back ---- */

void voice_dial_event(struct voice *v, const struct event *e);
/* Hours, or time zone, are others: so they are for those who wait. */
void voice_dial_configure(struct voice *v);
/* The first moment from at_ms on, centre time, at which its customer may be dialled, so
 * that it may be offered; at_ms if it is no callback. For the carrier, owner is the
 * voice. */
int64_t voice_dial_opens_ms(void *owner, uint64_t contact, int64_t at_ms);
void voice_dial_beat(struct voice *v, int64_t boot_ms);
/* The attempt of a call of ours came to nothing. */
void voice_dial_ended(struct voice *v, struct voice_call *c, bool agents_telephone,
	enum usher_leg_reason reason);
/* All calls of the switch are known: attempts that are not among them are over. */
void voice_dial_settle(struct voice *v, const struct voice_switch *s);
void voice_wants_callback(struct voice *v, const struct cti_event *event);
/* True: the caller joined his own open callback. */
bool voice_dial_joins(struct voice *v, struct voice_call *c);
void voice_dial_finish(struct voice *v);

/* ---- voice_callers.c: announcements, menus ---- */

void voice_say_enlist(struct voice *v, struct voice_call *c);
void voice_say_delist(struct voice *v, struct voice_call *c);
/* Announcements may be on now: who waits already gets them, too. */
void voice_callers_configure(struct voice *v);
void voice_callers_beat(struct voice *v, int64_t boot_ms);
void voice_asks(struct voice *v, const struct cti_event *event);

/* ---- voice_places.c: who comes back ---- */

void voice_places_begin(struct voice *v);
/* False: Redis is still to tell who left before we were started; newcomers wait. */
bool voice_places_are_known(const struct voice *v);
/* Not handed in yet: he has his first arrival's place, if he abandoned just now. */
void voice_comes_back(struct voice *v, struct voice_call *c);
/* It is known now which customer he is: he has the place of another telephone of his. */
void voice_is_recognised(struct voice *v, struct voice_call *c);
void voice_remember_abandon(struct voice *v, const struct voice_call *c, int64_t t0_ms);
void voice_places_beat(struct voice *v);
void voice_places_finish(struct voice *v);

/* The switch's answer to no question: nobody wants to know. */
extern const struct reply voice_no_reply;

#endif
