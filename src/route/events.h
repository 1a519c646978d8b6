/*
 * route/events.h - the door by which others hear what became true: after its commit, in
 * commit order.
 *
 * Listeners (desk, metrics, history, webhooks) only listen; they may call router
 * commands, which are carried out at once, but must not keep pointers of the event beyond
 * the call.
 */
#ifndef USHER_ROUTE_EVENTS_H
#define USHER_ROUTE_EVENTS_H

#include <stdint.h>

#include "model/agent.h"
#include "model/contact.h"

enum event_kind {
	EVENT_CONTACT_CREATED,
	EVENT_CONTACT_QUEUED,  /* returned, transferred, woken: waits again */
	EVENT_CONTACT_UPDATED, /* tier, queue, skills, deadline changed while waiting;
				  step taken; overflowed */
	EVENT_OFFER_CREATED,
	EVENT_OFFER_ACCEPTED, /* followed by contact connected */
	EVENT_OFFER_REJECTED,
	EVENT_OFFER_TIMEOUT,
	EVENT_OFFER_RESCINDED, /* the customer left */
	EVENT_OFFER_CANCELLED, /* withdrawn by staff, desktop lost, unseen over a restart
				*/
	EVENT_CONTACT_CONNECTED,
	EVENT_CONTACT_TRANSFERRED,
	EVENT_CONTACT_PARKED,
	EVENT_CONTACT_RESUMED,
	EVENT_CONTACT_WRAPUP,
	EVENT_CONTACT_COMPLETED,
	EVENT_CONTACT_ABANDONED,
	EVENT_CONTACT_EXPIRED,
	EVENT_CONTACT_CANCELLED,
	EVENT_CONTACT_LOST,
	EVENT_CONTACT_ANSWERED, /* by itself, before an agent had it */
	EVENT_AGENT_STATE,	/* login, logout, state, reason, pending, routable */
	EVENT_AGENT_CHANNEL,
	EVENT_AGENT_SKILLS, /* skills or capacity edited */
	EVENT_QUEUE_STATE,  /* opened, closed */
	EVENT_CONFIGURED,   /* a new version of the settings holds */
	EVENT_ALARM_RAISED, /* of a queue or the floor; reason is its kind */
	EVENT_ALARM_CLEARED,
	EVENT_KINDS,
};

extern const char *const event_name[EVENT_KINDS]; /* "contact.created", "offer.timeout",
						     "agent.state_changed", ... */

struct event {
	enum event_kind kind;
	int64_t at_ms;	    /* centre time of the decision */
	uint64_t contact;   /* 0: none */
	uint64_t offer;	    /* 0: none */
	int agent;	    /* concerned; -1: none */
	int queue;	    /* -1: none */
	int channel;	    /* -1: none */
	int tier;	    /* -1: none */
	int64_t expires_ms; /* offers: centre time of the time-out; wrap-up: its end; 0:
			       none */
	int64_t waited_ms;  /* since t0, where a wait ended; -1 */
	int64_t handled_ms; /* connected time, where it ended; -1 */
	int64_t due_ms;	    /* d; 0: none */
	const char *reason; /* reject reason, not-ready reason, cancel reason, disposition
			       code; NULL */
	double amount;	    /* completed: outcome value; NAN */
	double satisfaction;	  /* completed; NAN */
	const char *why;	  /* offers: one sentence "because ..."; NULL */
	enum contact_state end;	  /* completed: or unreachable */
	struct measures measured; /* of a call that leaves its agent, or ends */
	uint64_t alarm;		  /* 0: none */
	double value, limit;	  /* of the alarm; NAN */
};

typedef void (*event_listener)(void *owner, const struct event *event);

#endif
