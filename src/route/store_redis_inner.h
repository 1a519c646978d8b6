/* route/store_redis_inner.h - what the files of the Redis store share; for them alone. */
#ifndef USHER_ROUTE_STORE_REDIS_INNER_H
#define USHER_ROUTE_STORE_REDIS_INNER_H

#include "base/map.h"
#include "base/redis.h"
#include "base/redis_server.h"
#include "base/text.h"
#include "route/store_redis.h"

struct event;
struct redisReply;

#define STORE_LIBRARY "usher_1" /* of functions.lua; a change of its form changes it */
#define STORE_SCHEMA 1		/* of the keys; functions.lua knows it too */
#define STORE_TOKEN_MAX 64	/* bytes with the NUL: epoch, colon, 32 hex digits */
#define STORE_REASON_MAX 300
#define STORE_PREFIX_MAX (ID_MAX + 16)
#define STORE_CALL_MAX                                                                   \
	32 /* steps in one call, so that Redis is never held up for long                 \
	    */
#define STORE_RETRY_LEAST_MS 50
#define STORE_RETRY_MOST_MS 1000

/*
 *   AWAY --connected--> CHECK --library there--> WATCH --owner silent--> TAKE --ours--+
 *                         |                                                            |
 *                         +--- ours already --> CLAIM --> SETTLE --answers read--> FLOWS
 *                                                 ^                                    |
 *                                                 +--------- a step was not done ------+
 *   any --connection lost--> AWAY; any --STALE, cannot be--> ENDED
 */
enum store_phase {
	PHASE_AWAY,
	PHASE_CHECK,
	PHASE_WATCH,
	PHASE_TAKE,
	PHASE_CLAIM,
	PHASE_SETTLE,
	PHASE_FLOWS,
	PHASE_ENDED,
};

/* A step that is here. */
struct slot {
	struct step *step;    /* owned */
	uint64_t sequence;    /* that it was sent with; 0: never sent */
	int64_t confirmed_ms; /* boot time; of kept ones */
	bool replayed;	      /* was answered before: Redis has lost it */
};

/* Slots in order; grows by doubling. */
struct slots {
	struct slot *slot; /* owned */
	size_t room, head, n;
};

static inline struct slot *
slots_at(const struct slots *s, size_t i)
{
	return &s->slot[(s->head + i) & (s->room - 1)];
}

struct load_work;
struct words;

/* What the checks of one connection found. */
struct store_facts {
	int unanswered;
	bool loading, replica, aof, library_there, write_error;
	int major;	/* version of Redis */
	int64_t schema; /* 0: none yet */
	int64_t replicas;
	int64_t keys; /* in the whole database */
	char version[24], policy[24], fsync[16], error[160];
	bool is_transient; /* the error is one to wait for */
};

struct store_redis {
	struct store store; /* first: the door */
	struct event_base *base;
	struct store_redis_hooks hooks;
	struct rserver *server;	       /* owned; NULL: not managed */
	struct rlink *link;	       /* owned */
	char *address;		       /* owned */
	char *centre;		       /* owned */
	char prefix[STORE_PREFIX_MAX]; /* "usher:{centre}:" */
	size_t n_prefix;
	char *owner_key, *epoch_key, *meta_key, *events_key, *schema_key, *held_key,
		*classes_key, *agents_key, *queues_key, *cursor_key, *external_key,
		*leaving_key; /* owned */
	int64_t stream_length, owner_wait_ms;
	bool standby;

	enum store_phase phase;
	bool ready; /* hooks.ready was called */
	bool up;    /* as told by hooks.state */
	void (*ended)(void *owner);
	void *ended_owner;
	char why[STORE_REASON_MAX]; /* of the last failure that is waited out */
	int64_t retry_ms;
	struct event *retry; /* owned */
	struct event *beat;  /* owned; heartbeat, and looks for stalls */
	struct event *sweep; /* owned */
	struct event *watch; /* owned; the old owner */
	struct event *end;   /* owned; the latest moment of store_redis_end */
	int beats;
	bool releasing, sweeping, forgetting;

	/* Checks (store_redis_check.c). */
	enum store_level level;
	char level_text[STORE_REASON_MAX];
	int64_t client_id;    /* of our connection, as Redis calls it; 0: unknown */
	bool lost_connection; /* that one was, and Redis may not know yet */
	struct store_facts facts;

	/* Ownership. */
	char run_id[33];
	char token[STORE_TOKEN_MAX];
	char owner_now[STORE_TOKEN_MAX];
	char seen_owner[STORE_TOKEN_MAX], seen_beat[24];
	bool seen; /* the two above hold something */
	bool told_standby;
	uint32_t epoch;

	/* Steps (store_redis_steps.c). */
	struct slots steps;
	size_t n_sent;	    /* of the first steps: sent */
	size_t n_in_flight; /* answers to come on this connection */
	bool resync;	    /* one was not done: wait for the answers, then settle */
	char trouble[STORE_REASON_MAX]; /* why the first step is not written; "" */
	uint64_t sequence;		/* given out last */
	uint64_t confirmed;		/* the highest that was answered */
	int64_t refuse_until_ms;	/* boot time; intake, since Redis is full */
	int64_t apart_until_ms; /* boot time; intake and the rest in calls of their own */
	struct map classes;	/* known to Redis */
	struct slots kept;	/* confirmed steps that Redis could still lose */
	size_t n_alone; /* steps that go one by one, to find the one that Redis refuses */
	struct event *send;  /* owned; the end of this turn of the loop */
	struct words *words; /* owned; memory for the call that is put together */

	struct load_work *load; /* owned; NULL: none */
	struct store_redis_counts counts;
};

/* ---- store_redis.c ---- */

void store_set_timer(struct event *timer, int64_t ms);
void store_phase(struct store_redis *r, enum store_phase phase);
/* It cannot go on: tells the owner. */
void store_fail(struct store_redis *r, const char *format, ...) USHER_PRINTF(2, 3);
void store_stale(struct store_redis *r);
/* Tells the owner whether we are up, when that changed. */
void store_tell(struct store_redis *r, bool up, const char *why);
/* Waits a moment, then begins with the checks again. */
void store_retry(struct store_redis *r, const char *why);
/* The checks are over: take the centre over, or claim it again. */
void store_checked(struct store_redis *r);
/* How far have our steps come? Then settle. */
void store_claim(struct store_redis *r);
/* Sends a function of the library that steps do not use. n_keys of the words are keys. */
bool store_call(struct store_redis *r, rlink_reply fn, void *owner, const char *name,
	int n_keys, const char *const *words) USHER_MUST_CHECK;
/* All steps are answered: an end that was asked for may go on. */
void store_drained(struct store_redis *r);

/* ---- store_redis_check.c: is Redis what we need, what does it promise ---- */

void store_check(struct store_redis *r);

bool reply_is_error(const struct redisReply *reply, const char *word);
/* An error that goes away by itself or by an operator: wait, then try again. */
bool reply_is_transient(const struct redisReply *reply);
/* The text of a string or status; NULL when it is something else. */
const char *reply_text(const struct redisReply *reply);

extern const char store_functions[]; /* functions.lua */

/* ---- store_redis_steps.c ---- */

void store_commit(struct store *store, struct step *step);
/* Sends what waits, when this turn of the loop ends. */
void store_send_soon(struct store_redis *r);
void store_on_send(int fd, short what, void *data); /* of r->send */
void store_steps_lost(struct store_redis *r);
/* Redis is away: new contacts that it has certainly not got are refused. */
void store_refuse_intake(struct store_redis *r, const char *why);
/* top: the newest sequence that Redis has. */
void store_settle(struct store_redis *r, uint64_t top);
void store_steps_finish(struct store_redis *r);

/* ---- store_redis_words.c: steps as a call ---- */

bool store_is_intake(const struct step *step);
/* The same, of one that may still be refused: not one that was confirmed before. */
static inline bool
slot_is_intake(const struct slot *slot)
{
	return store_is_intake(slot->step) && !slot->replayed;
}
/* Sends up to n steps behind the first n_sent as one call. Returns how many it took; 0
 * when the connection is not up. fn gets their number as its tag. */
size_t store_call_steps(struct store_redis *r, size_t n, rlink_reply fn);
void store_words_finish(struct store_redis *r);

/* ---- store_redis_load.c ---- */

void store_fetch(struct store *store, uint64_t contact, store_found fn, void *owner);
void store_load_lost(struct store_redis *r);
void store_load_finish(struct store_redis *r);

/* ---- store_redis_sweep.c: finished contacts leave, the stream is cut ---- */

void store_sweep(struct store_redis *r);

#endif
