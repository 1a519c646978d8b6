/*
 * base/redis.h - one pipelined connection to Redis on the event loop, kept up.
 *
 * It connects, logs in, and calls `up`; when the connection ends, however that happens,
 * every unanswered command gets a NULL reply, then `down` is called, and it connects
 * again after a pause that doubles up to back_off_ms, with jitter; it is short again
 * after a connection that was up for as long. What is sent in one turn of the loop leaves
 * in one write. The oldest unanswered command has deadline_ms; then the connection is
 * given up.
 *
 * Addresses:
 *   unix:/path              a Unix socket
 *   redis://[user@]host[:port], rediss:// the same over TLS (where hiredis has it)
 * A host that is not loopback needs a password file (RELIABILITY S3).
 */
#ifndef USHER_BASE_REDIS_H
#define USHER_BASE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

struct event_base;
struct redisReply;
struct rlink;

#define RLINK_ARGS_MAX 1024 /* of one command */

struct rlink_settings {
	const char *address;
	const char *password_file; /* NULL: none; its first line */
	int64_t deadline_ms;	   /* of a command; > 0 */
	int64_t back_off_ms;	   /* the longest pause between attempts; > 0 */
};

struct rlink_handler {
	void (*up)(void *owner);
	void (*down)(void *owner, const char *reason);
	void *owner;
};

/* reply: borrowed for the call; NULL when the connection was lost, and nobody knows
 * whether the command was carried out. */
typedef void (*rlink_reply)(void *owner, uint64_t tag, const struct redisReply *reply);

/* Could rlink_create() begin? Asks no file and no server. False with the reason, and what
 * to do, in error. */
bool rlink_check(const char *address, bool with_password, char *error,
	size_t room) USHER_MUST_CHECK;
/* Checks the address and begins to connect. NULL with the reason, and what to do, in
 * error. */
struct rlink *rlink_create(struct event_base *base, const struct rlink_settings *settings,
	const struct rlink_handler *handler, char *error, size_t room) USHER_MUST_CHECK;
/* Unanswered commands get their NULL; `down` is not called. */
void rlink_destroy(struct rlink *link);

/*
 * rlink_send - sends a command.
 *
 * argv, length  binary-safe; copied
 * Returns       false when the connection is not up: nothing was sent, fn is not called
 */
bool rlink_send(struct rlink *link, rlink_reply fn, void *owner, uint64_t tag, int argc,
	const char *const *argv, const size_t *length) USHER_MUST_CHECK;
/* The same from words, ended by NULL. */
bool rlink_send_words(struct rlink *link, rlink_reply fn, void *owner, uint64_t tag,
	const char *const *words) USHER_MUST_CHECK;

/* Writes what was sent now instead of in the next turn of the loop. Not from within an
 * answer. */
void rlink_flush(struct rlink *link);

bool rlink_is_up(const struct rlink *link);
/* Gives the connection up and connects anew after a pause. Safe from any callback. */
void rlink_drop(struct rlink *link, const char *reason);
/* Ends a pause: there is reason to think that Redis is back. */
void rlink_hurry(struct rlink *link);

int64_t rlink_unanswered(const struct rlink *link);
/* How long the oldest unanswered command has been waiting, in ms; 0 when there is none.
 */
int64_t rlink_waiting_ms(const struct rlink *link);

/* Is the answer of FUNCTION LIST ... WITHCODE the one library with this text? */
bool redis_library_is(const struct redisReply *reply, const char *code);

#endif
