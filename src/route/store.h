/*
 * route/store.h - where steps are committed: Redis (store_redis.c), or memory for tests
 * and simulation.
 *
 * A step is one atomic change. The router decides and hands steps over in order; the
 * store commits them in that order, repeats unanswered ones after a reconnect (a function
 * that knows the op id gives its stored answer), and calls `done` once for each, in
 * order. A step that is refused STALE ends the process: another router owns the centre.
 */
#ifndef USHER_ROUTE_STORE_H
#define USHER_ROUTE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/contact.h"

#define STEP_PARTS_MAX                                                                   \
	16 /* contacts that one step moves: the one concerned, and work parked or        \
	      resumed with it */
#define STEP_AGENTS_MAX 2

enum step_kind {
	STEP_ADD,	/* a contact, waiting (or scheduled) */
	STEP_ADD_OFFER, /* a contact, offered at once */
	STEP_OFFER,
	STEP_BACK,    /* an offer ended, or work returned: waits again */
	STEP_CONNECT, /* accepted */
	STEP_HOLD,    /* parked, resumed, wrap-up: still with its agent */
	STEP_MOVE,    /* another class: step, tier, queue, deadline, window opened */
	STEP_FINISH,  /* a terminal state */
	STEP_AGENT,   /* an agent's record alone */
	STEP_QUEUE,   /* a queue's record alone */
	STEP_KINDS,
};

extern const char *const
	step_name[STEP_KINDS]; /* the Redis function's name: "add", "add_offer", ... */

/* What happens to one contact. All text owned by the step. */
struct step_part {
	uint64_t contact;
	unsigned expect; /* mask of 1 << enum contact_state that the store must find; 0 on
			    add */
	enum contact_state state; /* the new one */
	char *record;	  /* packed routing state (route/record.h); replaces the old */
	char *payload;	  /* the submission as JSON; on add only */
	char *from_class; /* class key to leave; NULL: was not waiting */
	char *to_class;	  /* class key to enter; NULL: does not wait */
	double key;	  /* d in Unix ms, exact */
	char *external;	  /* "source external_id", on add and finish; NULL: none */
	char *decision;	  /* packed decision record (route/explain.h); NULL: none */
	int n_decisions;  /* how many the contact has with this one: names the field */
};

struct step_agent {
	char *id;     /* owned */
	char *record; /* owned; packed */
};

struct step {
	struct step *next; /* the store's */
	enum step_kind kind;
	uint64_t op; /* rises with each step of this epoch */
	int64_t at_ms;
	int n_parts;
	struct step_part part[STEP_PARTS_MAX]; /* part[0] is the one concerned */
	int n_agents;
	struct step_agent agent[STEP_AGENTS_MAX];
	char *queue, *queue_record; /* STEP_QUEUE */
	int64_t external_ttl_ms;    /* on finish: the external id is known that long */
	int64_t keep_ms;	    /* on finish: the contact stays in Redis that long */
	struct text_pairs *event;   /* owned: name, value, ... of the stream entry */
	/* the router's own: what to say once it is committed */
	struct effect *effects;
};

/* Flat text for the event stream. */
struct text_pairs {
	int n;
	struct {
		const char *name; /* static */
		char *value;	  /* owned */
	} pair[16];
};

enum step_result {
	STEP_COMMITTED,
	STEP_DUPLICATE, /* add: the external id is another contact's, `existing` */
	STEP_REFUSED,	/* the state did not match, or the store cannot write: nothing was
			   changed */
};

/* A contact as the store holds it, for recovery and look-up. Borrowed text. */
struct stored_contact {
	uint64_t contact;
	enum contact_state state;
	const char *record;
	const char *payload;
	int n_decisions;
	const char *const *decisions;
};

struct store {
	/* Takes the step over; calls done later or before it returns; frees it with
	 * step_destroy afterwards. */
	void (*commit)(struct store *store, struct step *step);
	/* Looks a contact up, finished or not; fn gets NULL when unknown. */
	void (*fetch)(struct store *store, uint64_t contact,
		void (*fn)(void *owner, const struct stored_contact *found), void *owner);
	/* Set by the router. */
	void (*done)(void *router, struct step *step, enum step_result result,
		uint64_t existing);
	void *router;
};

void step_destroy(
	struct step *step); /* NULL is fine; frees effects through effects_destroy */
void effects_destroy(struct effect *effects); /* route/effect.c */

/* Memory: commits at once (or, with `later`, when store_memory_run is called). */
struct store *store_memory_create(bool later);
void store_memory_run(struct store *store);
void store_memory_destroy(struct store *store);

#endif
