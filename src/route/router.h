/*
 * route/router.h - the door by which the router is told something. What became true is
 * heard through events.h.
 *
 * Nothing here reads a clock or does I/O: `now_ms` is centre time (Unix ms, above 0),
 * decisions become steps that the store commits, and a reply or an event leaves only
 * after its commit. The router's own state runs ahead of the store by the steps in
 * flight, which are committed in order over one connection.
 *
 * Replies: each command takes a struct reply by value; its fn is called exactly once,
 * maybe before the command returns (a refusal), else after the commit. It names its
 * caller by ids, so that a caller that is gone meanwhile is looked up and not found.
 */
#ifndef USHER_ROUTE_ROUTER_H
#define USHER_ROUTE_ROUTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/agent.h"
#include "model/centre.h"
#include "model/contact.h"
#include "route/events.h"
#include "route/store.h"
#include "route/submission.h"

struct router;

/* Why a command was refused; the name is the protocol's data.type (outcome_name). */
enum outcome_kind {
	OUTCOME_OK,
	OUTCOME_NO_CONTACT, /* no such live contact */
	OUTCOME_NO_AGENT,
	OUTCOME_NO_QUEUE,
	OUTCOME_NO_CHANNEL,
	OUTCOME_NO_TIER,
	OUTCOME_NO_SKILL,
	OUTCOME_OFFER_GONE,  /* the offer ended: message says how (timeout, rescinded,
				cancelled, accepted, rejected) */
	OUTCOME_NOT_YOURS,   /* the contact or offer is another agent's */
	OUTCOME_WRONG_STATE, /* the contact's or agent's state does not allow it */
	OUTCOME_BAD_VALUE,
	OUTCOME_QUEUE_FULL,    /* admission: with alternatives */
	OUTCOME_WAIT_TOO_LONG, /* admission: ewt_over */
	OUTCOME_NO_AGENTS,     /* admission: nobody logged in */
	OUTCOME_QUEUE_CLOSED,  /* admission */
	OUTCOME_STORE_AWAY,    /* Redis is away: try later */
	OUTCOME_DISPOSITION,   /* a disposition is required, or not one of the queue's */
	OUTCOME_BLOCKED,       /* the customer is on a block list that refuses */
	OUTCOME_KINDS,
};

const char *outcome_name(enum outcome_kind kind); /* "offer_gone", "queue_full", ... */

struct outcome {
	enum outcome_kind kind;
	const char
		*message; /* a sentence to act on; borrowed for the call; NULL when OK */
	uint64_t contact; /* 0: none */
	uint64_t offer;	  /* 0: none */
	bool duplicate;	  /* intake: source and external id were known; `contact` is the
			     first one */
	int queue, tier;  /* admission: where it would have waited, by index */
	int n_alternatives; /* admission: channels to offer instead, by index */
	const int *alternatives;
};

struct reply {
	void (*fn)(void *owner, uint64_t who, uint64_t tag,
		const struct outcome *outcome); /* NULL: none wanted */
	void *owner;  /* outlives the router (a server, not a connection) */
	uint64_t who; /* the caller's own id of the connection */
	uint64_t tag; /* the caller's own id of the request */
};

/* ---- life ---- */

/*
 * router_create - a router without settings.
 *
 * store   borrowed; outlives the router
 * epoch   of the owner token, 1..2^24-1, higher than any before: ids made here start with
 * it
 */
struct router *router_create(struct store *store, uint32_t epoch);
void router_destroy(struct router *router);

/* Stamps commits that come between commands (a reply of Redis); without it the latest
 * moment seen counts. */
void router_use_clock(struct router *router, int64_t (*clock)(void *owner), void *owner);
/* Decision records (explain) are kept unless switched off, as the simulator does for
 * speed. */
void router_record(struct router *router, bool on);

struct hooks;
/* Plugins to ask (base/hooks.h), borrowed; NULL: none. Call it before router_configure().
 */
void router_use_hooks(struct router *router, struct hooks *hooks);

void router_listen(
	struct router *router, event_listener fn, void *owner); /* before router_start */

/* Takes a reference on centre; waiting contacts are re-classified, agents and classes
 * follow (ROUTING 9). */
void router_configure(struct router *router, int64_t now_ms, struct centre *centre);
struct centre *router_centre(const struct router *router); /* borrowed */

/* Recovery: what the store holds, in any order, before router_start. False: unreadable;
 * it is logged and kept. */
bool router_load_contact(
	struct router *router, const struct stored_contact *stored) USHER_MUST_CHECK;
bool router_load_agent(
	struct router *router, const char *agent_id, const char *record) USHER_MUST_CHECK;
bool router_load_queue(
	struct router *router, const char *queue, const char *record) USHER_MUST_CHECK;
void router_start(struct router *router, int64_t now_ms);

/* The store went away or came back (clocks of offers stand still meanwhile). */
void router_store_state(struct router *router, int64_t now_ms, bool up);

/* What time alone makes due; call it when router_next_ms() has come. INT64_MAX: nothing
 * is due ever. */
void router_tick(struct router *router, int64_t now_ms);
int64_t router_next_ms(const struct router *router);

/* ---- contacts ---- */

/* Takes a contact in. Outcome: OK with the id (maybe duplicate), or why it is refused.
 * `s` is copied. */
void router_submit(struct router *router, int64_t now_ms, const struct submission *s,
	struct reply reply);

/* The customer leaves (hangs up, closes the chat, withdraws): abandoned while waiting, or
 * the end of a conversation. */
void router_leave(
	struct router *router, int64_t now_ms, uint64_t contact, struct reply reply);

/* The same with a reason for the record: "short_abandon". */
void router_abandon(struct router *router, int64_t now_ms, uint64_t contact,
	const char *reason, struct reply reply);

/* Withdrawn by customer or staff: `cancelled` from any wait. */
void router_cancel(struct router *router, int64_t now_ms, uint64_t contact,
	const char *reason, struct reply reply);

/* An answer went out by itself: `answered`, while no agent has it yet. reason: the
 * response's id. */
void router_answer(struct router *router, int64_t now_ms, uint64_t contact,
	const char *reason, struct reply reply);

/* A contact that is held (submission's held_until, not_before) waits from now on. One
 * that is not held any more stays as it is: OK. */
void router_release(
	struct router *router, int64_t now_ms, uint64_t contact, struct reply reply);

/* Switch or link failure: `lost`, also while connected. */
void router_lose(
	struct router *router, int64_t now_ms, uint64_t contact, struct reply reply);

/* Puts a connected contact back to its queue (or `queue` >= 0), or to a named agent
 * (`agent` >= 0): t0 stays, d moves later by the time it was connected. by_agent -1: a
 * supervisor. */
void router_transfer(struct router *router, int64_t now_ms, uint64_t contact,
	int by_agent, int queue, int agent, struct reply reply);

/* Puts a connected contact aside until `until_ms` (0: until resumed); it costs nothing
 * meanwhile. */
void router_park(struct router *router, int64_t now_ms, uint64_t contact, int by_agent,
	int64_t until_ms, struct reply reply);
void router_resume(struct router *router, int64_t now_ms, uint64_t contact, int by_agent,
	struct reply reply);

/* Ends the conversation and begins wrap-up; with seconds to ask for more (up to the cap)
 * once in wrap-up. */
void router_wrapup(struct router *router, int64_t now_ms, uint64_t contact, int by_agent,
	int64_t extend_ms, struct reply reply);

struct disposition {
	const char *code;     /* NULL: none */
	const char *note;     /* NULL: none; not stored with the routing state */
	double amount;	      /* outcome value; NAN: none */
	const char *currency; /* ISO 4217; NULL: none */
	double satisfaction;  /* 0..10; NAN: none */
};

void router_complete(struct router *router, int64_t now_ms, uint64_t contact,
	int by_agent, const struct disposition *disposition, struct reply reply);

/* Changes of a waiting (or held: on return) contact: at once, place and age kept. Unset:
 * -1, NAN or NULL. */
struct contact_change {
	int queue, tier;
	const struct require *require; /* replaces the contact's own */
	int64_t deadline_ms;	       /* d itself; refused for a class with a calendar */
	int64_t sooner_ms; /* d moves so much earlier (supervisor's "prioritise"); 0:
			      unset */
	double points;
	bool retarget; /* `agent` replaces the named agent it waits for; -1: nobody */
	int agent;
	const char *reason;
};

void router_change(struct router *router, int64_t now_ms, uint64_t contact,
	const struct contact_change *change, struct reply reply);

/* A contact goes on otherwise, as the same contact: t0 and age stay, its deadline follows
 * the promise of the new channel. Out of whatever hands it is in. */
struct pass_on {
	int channel;	    /* -1: the same */
	int64_t until_ms;   /* `scheduled` until then; 0: it waits at once */
	int64_t due_ms;	    /* end of a window that begins at until_ms: from there its
			     * wait counts; -1: the usual promise, from now on; 0: the
			     * promise that it has */
	int by_agent;	    /* who has it; -1: staff or the customer */
	bool same_place;    /* its deadline stays, whatever the channel promises */
	const char *reason; /* a word */
};
void router_pass_on(struct router *router, int64_t now_ms, uint64_t contact,
	const struct pass_on *how, struct reply reply);

/*
 * router_respond_by - the deadline becomes that of the next response: the promise's
 * length after from_ms, in the channel's open time; t0 stays.
 *
 * from_ms  0: when it comes back from where its agent put it aside (router_park with
 *          until_ms); nothing happens to one that is elsewhere
 */
void router_respond_by(
	struct router *router, int64_t now_ms, uint64_t contact, int64_t from_ms);

/* The customer was not to be reached as often as it was to be tried: `unreachable`. */
void router_unreachable(struct router *router, int64_t now_ms, uint64_t contact,
	int by_agent, const char *reason, struct reply reply);

/* ---- offers ---- */

void router_accept(struct router *router, int64_t now_ms, uint64_t offer, int agent,
	struct reply reply);
void router_reject(struct router *router, int64_t now_ms, uint64_t offer, int agent,
	const char *reason, struct reply reply);

/* ---- calls: contacts that a switch carries (CONTRACTS 2, Voice) ---- */

/* Asked when an offer's own timer runs out, CARRY_GRACE_MS behind the ring time, and
 * again as long as the offer stays open: the leg is to be withdrawn; its end, or an
 * answer, ends the offer. */
struct carrier {
	void (*overdue)(void *owner, uint64_t contact, uint64_t offer);
	/* Asked when an event of a carried contact is told: its measures, with what goes
	 * on at this moment. NULL: those of router_measure. */
	struct measures (*measure)(void *owner, uint64_t contact);
	/* Asked whenever a contact begins to wait, carried or not: the first moment from
	 * at_ms (centre time) on at which it may be offered; until then it is
	 * `scheduled`. Calls no commands. NULL: any moment. */
	int64_t (*opens_ms)(void *owner, uint64_t contact, int64_t at_ms);
	void *owner;
};
void router_use_carrier(
	struct router *router, const struct carrier *carrier); /* copied */

/* Whether a switch carries the contact: the telephone's answer then accepts its offers,
 * and its agent is not logged out while they talk. Not stored. */
void router_carry(struct router *router, uint64_t contact, bool carried);
/* The live contact of a source and external id; 0: none. */
uint64_t router_find(
	const struct router *router, const char *source, const char *external_id);
/* Each live contact of a source (NULL: of every one); fn may call commands. */
void router_each(struct router *router, const char *source,
	void (*fn)(void *owner, uint64_t contact, const char *external_id,
		enum contact_state state),
	void *owner);
/* The offer that is open for the contact; 0: none. */
uint64_t router_contact_offer(const struct router *router, uint64_t contact);
int router_contact_channel(const struct router *router, uint64_t contact); /* -1 */
/* Centre time from which it is as old as it is; 0: not live. */
int64_t router_contact_t0_ms(const struct router *router, uint64_t contact);
/* A text attribute of a live contact; borrowed until the next command; NULL: none. */
const char *router_contact_text(
	const struct router *router, uint64_t contact, const char *attribute);

/* The telephone answered: as router_accept, by the switch. */
void router_answered(
	struct router *router, int64_t now_ms, uint64_t offer, struct reply reply);
/*
 * router_offer_failed - the dial result ends an offer.
 *
 * how     OFFER_TIMEOUT: no answer, a RONA; OFFER_REJECTED: busy or turned down, the
 *         agent is not offered it again for a while; OFFER_CANCELLED: neither
 * reason  a word
 * fault   the agent becomes not ready with this reason in the same step; NULL: he does
 * not
 * until_ms  the contact is `scheduled` until then, with its place (router_suspend); 0:
 * not
 */
void router_offer_failed(struct router *router, int64_t now_ms, uint64_t offer,
	enum offer_state how, const char *reason, const char *fault, int64_t until_ms,
	struct reply reply);
/* The switch shows the contact in an agent's hands, whatever was decided: it is connected
 * to him. Waits, offers and connections to others end. */
void router_seize(struct router *router, int64_t now_ms, uint64_t contact, int agent,
	const char *reason, struct reply reply);
/* A waiting contact cannot be served now (its link is down, or outside its hours): it is
 * `scheduled` until until_ms (INT64_MAX: until router_wake), with place and age. */
void router_suspend(struct router *router, int64_t now_ms, uint64_t contact,
	int64_t until_ms, const char *reason, struct reply reply);
void router_wake(struct router *router, int64_t now_ms, uint64_t contact,
	const char *reason, struct reply reply);
/* The intent of one more attempt to reach its customer, written before he is dialled, so
 * that none is made twice (RELIABILITY I8). The reply comes when it is written. */
void router_attempt(
	struct router *router, int64_t now_ms, uint64_t contact, struct reply reply);
/* The attempt has a result, which the next step writes. */
void router_attempt_over(struct router *router, uint64_t contact);
struct attempts {
	int n;		    /* made so far */
	bool open;	    /* the last one has no result */
	int missed;	    /* openings that passed behind its deadline */
	const char *number; /* other than its attributes say; borrowed; NULL */
};
struct attempts router_attempts(const struct router *router, uint64_t contact);
/* The number that the customer gave, or the address, of a chat that goes on as a mail;
 * stored with the next step. */
void router_set_number(struct router *router, uint64_t contact, const char *number);
/* One more opening missed; stored with the next step. How many now. */
int router_missed(struct router *router, uint64_t contact);
/* A limit of ours ended it. */
void router_expire(struct router *router, int64_t now_ms, uint64_t contact,
	const char *reason, struct reply reply);

/* A waiting contact turns out to be a customer who waited already: its wait counts from
 * t0_ms, if that is earlier, and its place is that of then. False: nothing changed. */
bool router_backdate(
	struct router *router, int64_t now_ms, uint64_t contact, int64_t t0_ms);
/* Whether the agent would be rung for the contact now: ready, at his desk, with room. */
bool router_agent_takes(const struct router *router, int agent, uint64_t contact);

/* Measures of what is over; stored with the next step that concerns the contact. */
void router_measure(
	struct router *router, uint64_t contact, const struct measures *measures);
/* As they are stored; MEASURES_NONE when there is no such contact. */
struct measures router_measures(const struct router *router, uint64_t contact);
/* Centre time since when its agent has it; 0: nobody has. */
int64_t router_connected_ms(const struct router *router, uint64_t contact);
/* A leg that ended, into the contact's record. */
void router_leg(struct router *router, uint64_t contact, const struct leg_record *leg);
/* The agent makes or takes a call outside usher: it costs him `points` (0: none now). */
void router_occupy(struct router *router, int64_t now_ms, int agent, int points);
/* The device of his login, else of the settings; borrowed until the next command; NULL.
 */
const char *router_agent_device(const struct router *router, int agent);

/* ---- agents ---- */

void router_login(struct router *router, int64_t now_ms, int agent, const char *device,
	struct reply reply);
void router_logout(struct router *router, int64_t now_ms, int agent, struct reply reply);
/* The desktop vanished / is back: no new offers, work is kept for desk_grace_ms, then
 * requeued. */
void router_desk_lost(struct router *router, int64_t now_ms, int agent);
void router_desk_back(struct router *router, int64_t now_ms, int agent);

/* ready or not_ready(reason). While he holds contacts a not_ready with after_current is
 * pending until they end. */
void router_set_state(struct router *router, int64_t now_ms, int agent,
	enum agent_state state, const char *reason, bool after_current,
	struct reply reply);
/* Per channel: available or not, and own cost in points (-1: unchanged). */
void router_set_channel(struct router *router, int64_t now_ms, int agent, int channel,
	bool available, int cost_pts, struct reply reply);
/* false: finish what there is, take nothing new (drain). */
void router_set_routable(struct router *router, int64_t now_ms, int agent, bool routable,
	struct reply reply);
/* Live edits by supervisors, above the file. Unset: NULL, -1. */
void router_edit_agent(struct router *router, int64_t now_ms, int agent,
	const struct require *skills, int capacity_pts, struct reply reply);

/* The file's entry holds again. */
void router_revert_agent(
	struct router *router, int64_t now_ms, int agent, struct reply reply);

/* ---- queues ---- */

/* Closing stops admission only (CONTRACTS 8.8). */
void router_open_queue(
	struct router *router, int64_t now_ms, int queue, bool open, struct reply reply);

/* ---- alarms ---- */

#define ALARM_KIND_TEXT 32 /* bytes of a kind's name with its NUL */

struct alarm_note {
	uint64_t id; /* its own for ever; rises */
	int queue;   /* -1: of the floor */
	char kind[ALARM_KIND_TEXT];
	double value, limit;
	int64_t raised_ms;
};

/* An alarm begins, or ends: recorded as an event; those that are open outlive a restart.
 * One of an id that is not open: nothing. */
void router_raise_alarm(
	struct router *router, int64_t now_ms, const struct alarm_note *alarm);
void router_clear_alarm(struct router *router, int64_t now_ms, uint64_t id, double value);
/* Those that are open; borrowed until the next of the two above. */
const struct alarm_note *router_alarms(const struct router *router, size_t *n);

/* ---- questions; the caller owns the JSON ---- */

enum describe {
	DESCRIBE_BRIEF = 0,
	DESCRIBE_ATTRIBUTES = 1,
	DESCRIBE_PLACE = 2,
	DESCRIBE_PAYLOAD = 4
};

/* A live contact: {id, state, channel, queue, tier, ...}; NULL when it is not live.
 * flags: enum describe, or-ed. */
json_t *router_contact_json(
	struct router *router, int64_t now_ms, uint64_t contact, unsigned flags);
/* contact is borrowed; NULL: unknown or, with `away`, the store could not be asked. */
typedef void (*router_found)(
	void *owner, uint64_t who, uint64_t tag, json_t *contact, bool away);
/* Also finished ones, from the store. With explain: "decisions". */
void router_fetch_json(struct router *router, int64_t now_ms, uint64_t contact,
	bool explain, router_found fn, void *owner, uint64_t who, uint64_t tag);
json_t *router_agent_json(struct router *router, int64_t now_ms, int agent);
json_t *router_queue_json(struct router *router, int64_t now_ms, int queue);
/* A page of who waits, in the very order in which they would be served. */
#define WAITING_PLACES_MAX 20000 /* no page begins behind so many */
struct waiting_page {
	int queue;			      /* -1: all of those that are seen */
	bool (*sees)(void *owner, int queue); /* NULL: every queue */
	void *owner;
	int most;      /* contacts */
	size_t bytes;  /* of them, about; the one that makes it full is still in it */
	int place;     /* where it begins; where the next one does */
	uint64_t last; /* begins behind this one, wherever it waits now; 0, or when it
			* waits no more: at the place. The last one of this page */
	bool more;     /* result: there are more */
	bool far;      /* result: beyond WAITING_PLACES_MAX */
};
json_t *router_waiting_json(
	struct router *router, int64_t now_ms, struct waiting_page *page);
/* The same, without words: fills out, which has room for `most`; returns how many. */
struct waiting_contact {
	uint64_t contact;
	int queue;
	int64_t t0_ms, deadline_ms;
};
int router_waiting(struct router *router, int64_t now_ms, int queue, int most,
	struct waiting_contact *out);

enum contact_state router_contact_state(
	const struct router *router, uint64_t contact); /* CONTACT_STATES: not live */
int router_contact_agent(const struct router *router,
	uint64_t contact); /* who holds it or has its offer; -1 */
int router_contact_queue(
	const struct router *router, uint64_t contact); /* -1: not live */
enum agent_state router_agent_state(const struct router *router, int agent);
int router_agent_held(const struct router *router, int agent, uint64_t *contacts,
	int room); /* returns how many he holds */
/* All that is decided about it is committed. False: an event of it will follow, and until
 * then nothing of it may be told. */
bool router_contact_settled(const struct router *router, uint64_t contact);
/* Its state is committed, and so is who holds it or has its offer; something else of it
 * may not be yet. False: an event that says where it is will follow. */
bool router_contact_stands(const struct router *router, uint64_t contact);

/* Place and wait of a waiting contact. False when it does not wait. */
struct estimate {
	int64_t position;  /* contacts that would be served before it; 0: next */
	int64_t waited_ms; /* since t0 */
	int64_t low_ms, likely_ms,
		high_ms; /* still to wait; -1: nothing honest can be said */
};
bool router_estimate(
	struct router *router, int64_t now_ms, uint64_t contact, struct estimate *out);

/* Figures since start, for metrics; counters only go up. */
struct router_counts {
	uint64_t submitted, duplicates, refused, offered, accepted, rejected, timeouts,
		rescinded, offers_cancelled;
	uint64_t connected, completed, abandoned, expired, cancelled, lost, answered,
		transferred, requeued, parked;
	uint64_t steps, decisions;
	struct expr_counts rules;
	int64_t waiting, offered_now, connected_now, wrapup_now, parked_now,
		scheduled_now, live;
	int agents_logged_in, agents_ready;
	int64_t steps_in_flight;
};
void router_counts(const struct router *router, struct router_counts *out);

#endif
