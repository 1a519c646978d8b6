/*
 * route/store_redis.h - steps committed to Redis: one function a step, pipelined, in
 * order, each once.
 *
 *   store_redis_create -> ready (we own the centre) -> store_redis_load -> router_start
 *
 * Redis away: steps stay in order and are sent when it is back; what it has answered
 * meanwhile unheard is read from the event stream, so nothing is lost or done twice.
 * docs/redis.md describes the keys.
 */
#ifndef USHER_ROUTE_STORE_REDIS_H
#define USHER_ROUTE_STORE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "route/store.h"

struct event_base;
struct store_redis;

#define STORE_WINDOW_MAX 4096 /* steps sent and not answered; the rest waits here */
#define STORE_INTAKE_MAX                                                                 \
	16384 /* steps here in all, beyond which new contacts are refused; other steps   \
	       * are bounded by the contacts and agents that there are */
#define STORE_STREAM_LEAST 10000 /* entries; missed answers are read from the stream */
#define STORE_STALL_MS 1000	 /* without an answer: the store counts as away */
#define STORE_DEADLINE_MS 5000	 /* without an answer: the connection is given up */
#define STORE_BACK_OFF_MS 1000	 /* longest pause between attempts to connect */
#define STORE_HEARTBEAT_MS 500
#define STORE_OWNER_WAIT_MS 2000 /* a starting router watches the old owner so long */
#define STORE_SWEEP_MS 1000

/* What is kept when a thing fails (RELIABILITY 3). */
enum store_level {
	STORE_LEVEL_UNKNOWN, /* not connected yet */
	STORE_LEVEL_MEMORY,  /* lost when Redis ends */
	STORE_LEVEL_SECOND,  /* at most about a second is lost in a power cut */
	STORE_LEVEL_DISK,    /* kept through a power cut */
	STORE_LEVELS,
};
extern const char *const store_level_name[STORE_LEVELS];

struct store_redis_settings {
	const char *redis;	   /* "managed", or an address of base/redis.h */
	const char *password_file; /* NULL: none */
	const char *fsync;	   /* of the managed server: always, everysec, no */
	const char *state_dir;	   /* absolute; of the managed server */
	const char *centre;	   /* names the keys; an id (base/text.h) */
	int64_t stream_length;	   /* entries that the event stream keeps */
	bool standby;		   /* wait for a living owner to end, do not give up */
	int64_t deadline_ms;	   /* 0: STORE_DEADLINE_MS */
	int64_t owner_wait_ms;	   /* 0: STORE_OWNER_WAIT_MS */
	int n_server_words;	   /* further words for the managed server, for tests */
	const char *const *server_words;
};

/* All are called from the loop, never from within store_redis_create. */
struct store_redis_hooks {
	/*
	 * Once: the centre is ours. Load now, then begin.
	 * epoch      for router_create
	 * centre_ms  centre time saved last and the wall clock at that moment, both Unix
	 *            ms, for centre_clock_carry; -1 when this is the first start
	 */
	void (*ready)(void *owner, uint32_t epoch, int64_t centre_ms, int64_t wall_ms);
	/* After ready: Redis does not answer, or cannot write (up false, with why); or it
	 * does again. For router_store_state. */
	void (*state)(void *owner, bool up, const char *why);
	/* Another router owns the centre: nothing of ours counts any more, and no `done`
	 * will be called. End the process, without effects. */
	void (*stale)(void *owner);
	/* It cannot start (or not be loaded): what is wrong and what to do. Before ready,
	 * or instead of store_redis_load's answer. */
	void (*failed)(void *owner, const char *why);
	/* Centre time (Unix ms), for heartbeat and sweep; asked after `ready` returned.
	 */
	int64_t (*now_ms)(void *owner);
	void *owner;
};

/* Begins to start the managed server and to connect. NULL with the reason, and what to
 * do, in error. */
struct store_redis *store_redis_create(struct event_base *base,
	const struct store_redis_settings *settings,
	const struct store_redis_hooks *hooks, char *error, size_t room) USHER_MUST_CHECK;

/*
 * store_redis_end - ends in order: waits until all steps are answered (at most 3 s), then
 * gives the centre free, so that the next router need not wait for our heartbeat to stop.
 * `ended` is called once, later, from the loop.
 */
void store_redis_end(struct store_redis *redis, void (*ended)(void *owner), void *owner);

/* Ends the connection and the managed server (which may take it some time). Steps that
 * are not answered are dropped without `done`. */
void store_redis_destroy(struct store_redis *redis);

struct store *store_redis_door(struct store_redis *redis);

/*
 * store_redis_load - hands everything that Redis holds to load, a part a turn of the
 * loop; call it from `ready` or later, before the first commit.
 *
 * load     copied; its functions are called until done is
 * done     called once, with figures; not when Redis goes away meanwhile: then `failed`
 *          is
 */
void store_redis_load(struct store_redis *redis, const struct store_load *load,
	void (*done)(void *owner, const struct store_loaded *loaded), void *owner);

enum store_level store_redis_level(const struct store_redis *redis);
/* A sentence about the level, for people: "appendfsync always; 1 replica ...". Borrowed.
 */
const char *store_redis_level_text(const struct store_redis *redis);
/* For tools/run: "unix:/path" or the address in the settings. Borrowed. */
const char *store_redis_address(const struct store_redis *redis);
/* EPOCH:RUN-ID that the centre's key `owner` holds while it is ours; for base/side.
 * Borrowed. */
const char *store_redis_token(const struct store_redis *redis);
pid_t store_redis_server_pid(const struct store_redis *redis); /* 0: not managed */
bool store_redis_is_up(const struct store_redis *redis);
int64_t store_redis_pending(const struct store_redis *redis); /* steps not answered */

/* Figures since start; counters only go up. */
struct store_redis_counts {
	uint64_t steps;	     /* answered */
	uint64_t refused;    /* of these, refused */
	uint64_t duplicates; /* of these, known external ids */
	uint64_t recovered;  /* answers read from the stream after a lost connection */
	uint64_t repeated;   /* steps sent more than once */
	uint64_t replayed;   /* confirmed steps that Redis had lost and got again */
	uint64_t lost;	     /* confirmed steps that Redis lost and we no longer had */
	uint64_t misplaced;  /* contacts that were not in the set that they left (I11) */
	uint64_t swept;	     /* finished contacts removed */
	uint64_t losses;     /* connections lost */
};
void store_redis_counts(const struct store_redis *redis, struct store_redis_counts *out);

#endif
