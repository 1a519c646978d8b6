/*
 * base/side.h - data that a part keeps in Redis beside the routing keys (chat messages,
 * outgoing mail, drafts, intents): a connection of its own, functions of its own.
 *
 * All keys begin with the centre's prefix "usher:{CENTRE}:", which is added here. What
 * writes is a Redis Function of the part's library; it gets
 *
 *   KEYS  1 the owner's key, then those that were named
 *   ARGV  1 the owner token of this router, then those that were given
 *
 * and begins with
 *
 *   if redis.call('GET', keys[1]) ~= args[1] then
 *     return redis.error_reply('STALE another router owns this centre')
 *   end
 *
 * so that a router that lost the centre writes nothing any more. A NULL reply says that
 * the connection was lost and nobody knows whether it was written: functions take an id
 * of the caller's and do nothing the second time. What a write causes (an answer, a
 * message shown, a mail sent) happens after its reply.
 */
#ifndef USHER_BASE_SIDE_H
#define USHER_BASE_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/redis.h"

#define SIDE_LIBRARIES_MAX 16
#define SIDE_LISTENERS_MAX 16
#define SIDE_WORDS_MAX 256	 /* keys and arguments of one call */
#define SIDE_DEADLINE_MS 5000	 /* without an answer: the connection is given up */
#define SIDE_UNANSWERED_MAX 8192 /* calls on their way; more are refused */

struct side;
struct event_base;

struct side_settings {
	const char *address;	   /* as base/redis.h */
	const char *password_file; /* NULL: none */
	const char *centre;
	/* The owner token; asked at each call. Borrowed for the call. */
	const char *(*token)(void *owner);
	/* A function said STALE: another router owns the centre. */
	void (*stale)(void *owner);
	void *owner;
};

/* Begins to connect. NULL with the reason, and what to do, in error. */
struct side *side_create(struct event_base *base, const struct side_settings *settings,
	char *error, size_t room) USHER_MUST_CHECK;
/* Unanswered calls get their NULL; further ones are refused, as while Redis is away. For
 * the end: parts that still say something on their way out are not surprised. */
void side_stop(struct side *side);
/* The same, and frees it. NULL is fine in both. */
void side_destroy(struct side *side);

/*
 * side_add_library - functions that are loaded at each connection where they are missing
 * or differ; before the loop runs.
 *
 * name  "usher_chat_1": a change of what the functions mean changes it; static
 * code  begins with "#!lua name=NAME"; static
 */
void side_add_library(struct side *side, const char *name, const char *code);

/* fn is called when calls can be made (up) and when they cannot any more. */
void side_listen(struct side *side, void (*fn)(void *owner, bool up), void *owner);
bool side_is_up(const struct side *side);

/*
 * side_call - calls a function that writes.
 *
 * keys     names without the prefix; binary-safe is not needed: ids only
 * args     n_args of them; length NULL: all are NUL-terminated
 * fn       called once, with NULL when the connection was lost; NULL: nobody listens
 * Returns  false when Redis is away or too many calls are on their way: nothing was sent
 *          and fn is not called; say "try again later"
 */
bool side_call(struct side *side, rlink_reply fn, void *owner, uint64_t tag,
	const char *function, int n_keys, const char *const *keys, int n_args,
	const char *const *args, const size_t *length) USHER_MUST_CHECK;

/* Sends a command that only reads: COMMAND KEY ARGUMENTS...; as side_call. */
bool side_read(struct side *side, rlink_reply fn, void *owner, uint64_t tag,
	const char *command, const char *key, int n_args,
	const char *const *args) USHER_MUST_CHECK;

#define SIDE_READ_AT_ONCE 256 /* values on their way for one side_read_named */

/* One value; name is the member of the set. */
typedef void (*side_value)(void *owner, const char *name, const char *value, size_t n);
/* The end. whole false: the connection was lost, or took no more; what is wanted has to
 * be read anew when it is up again. */
typedef void (*side_read_done)(void *owner, bool whole);

/*
 * side_read_named - reads what a sorted set names, however much that is: of each member
 * NAME the text at KIND:NAME, in the set's order, some at a time.
 *
 * kind     "out", "work"
 * each     for each text that is there
 * done     called once, later, unless false is returned
 * Returns  false when Redis is away
 */
bool side_read_named(struct side *side, const char *set, const char *kind,
	side_value each, side_read_done done, void *owner) USHER_MUST_CHECK;

/* Has Redis write its append-only file anew, without what was deleted; as side_read.
 * Redis answers when it has begun. */
bool side_rewrite(
	struct side *side, rlink_reply fn, void *owner, uint64_t tag) USHER_MUST_CHECK;

#endif
