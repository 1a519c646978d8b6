/*
 * route/store.h - where steps are committed: Redis (store_redis.c), or memory for tests
 * and simulation.
 *
 * A step is one atomic change. The router decides and hands steps over in order; the
 * store commits them in that order, repeats unanswered ones after a reconnect (a function
 * that knows the op id gives its stored answer), and calls `done` once for each, in
 * order; only a new contact that the store cannot keep now is refused ahead of those
 * before it. A step that is refused STALE ends the process: another router owns the
 * centre.
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
	char *event; /* owned: the stream entry, in the form of records; NULL: none */
	/* the router's own: what to say once it is committed */
	struct effect *effects;
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
	const char *class_key; /* the sorted set it waits in; NULL: none */
	int n_decisions;
	const char *const *decisions;
};

/* found NULL: the contact is unknown or, with `away`, the store could not be asked. */
typedef void (*store_found)(void *owner, const struct stored_contact *found, bool away);

struct store {
	/* Takes the step over; calls done later or before it returns; frees it with
	 * step_destroy afterwards. */
	void (*commit)(struct store *store, struct step *step);
	/* Looks a contact up, finished or not. */
	void (*fetch)(struct store *store, uint64_t contact, store_found fn, void *owner);
	/* Set by the router; the step's effects are taken out of it by then or in it. */
	void (*done)(void *router, struct step *step, enum step_result result,
		uint64_t existing);
	void *router;
};

void step_destroy(
	struct step *step); /* NULL is fine; frees effects through effects_destroy */
void effects_destroy(struct effect *effects); /* route/effect.c */

/* What a store holds, for recovery; live contacts only, in no order. The functions return
 * false for what they cannot read; it is counted and kept. Text is borrowed for the call.
 */
struct store_load {
	bool (*contact)(void *owner, const struct stored_contact *stored);
	bool (*agent)(void *owner, const char *agent_id, const char *record);
	bool (*queue)(void *owner, const char *queue, const char *record);
	void *owner;
};

struct store_loaded {
	int64_t contacts, agents, queues;
	int64_t unreadable; /* what the functions above refused */
	int64_t repaired;   /* contacts found in no place or in two (invariant I11) */
};

/*
 * Memory: commits at once (or, with `later`, when store_memory_run is called). A step
 * committed from within `done` is carried out after that `done` has returned.
 *
 * It is stricter than Redis: a step whose states, classes, or parts do not fit what is
 * held is refused, logged, and counted as wrong, since nobody else writes here.
 */
struct store *store_memory_create(bool later);
void store_memory_run(struct store *store);
/* Finished contacts are forgotten at once, not after keep_ms (simulations without end).
 */
void store_memory_forget(struct store *store, bool at_once);
/* Steps refused as wrong so far; *what (may be NULL) gets the last reason, borrowed. */
int store_memory_wrong(const struct store *store, const char **what);
/* Hands everything held to load, at once. */
void store_memory_load(
	struct store *store, const struct store_load *load, struct store_loaded *out);
/* Where a contact waits (borrowed), or NULL: for tests. */
const char *store_memory_class(const struct store *store, uint64_t contact);
/* Drops the steps that were not committed yet, as a crash would: for tests. */
void store_memory_crash(struct store *store);
void store_memory_destroy(struct store *store);

#endif
