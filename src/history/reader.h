/*
 * history/reader.h - the thread that reads the router's event stream: a connection and an
 * event loop of its own, so that the router's loop parses nothing of it.
 *
 *   reader_next(from) -> (thread: XREAD behind `from`, contacts that ended) -> batch
 *
 * One batch is on its way at a time; the thread sleeps in Redis until there is something.
 */
#ifndef USHER_HISTORY_READER_H
#define USHER_HISTORY_READER_H

#include "history/entry.h"

#define READER_ENTRIES_MAX 512 /* of a batch */

struct event_base;
struct reader;

/* A contact that ended within a batch, as Redis holds it. Text owned; NULL: not there. */
struct ended_contact {
	uint64_t contact;
	char *record, *payload;
	int n_decisions;
	char **decision; /* owned array */
};

struct batch {
	int n; /* entries */
	struct entry *entry;
	int n_ended;
	struct ended_contact *ended;
};
void batch_destroy(struct batch *batch); /* NULL is fine */
/* What a batch has of a contact; NULL: nothing. */
const struct ended_contact *batch_ended(const struct batch *batch, uint64_t contact);

struct reader_settings {
	const char *redis, *password_file; /* as base/redis.h; copied */
	const char *centre;
	/* A batch with at least one entry, on the loop; it becomes the callee's. */
	void (*batch)(void *owner, struct batch *batch);
	/* The connection came or went, on the loop. */
	void (*state)(void *owner, bool up, const char *why);
	void *owner;
};

/* base: the loop that is called. NULL with the reason in error. */
struct reader *reader_create(struct event_base *base,
	const struct reader_settings *settings, char *error,
	size_t room) USHER_MUST_CHECK;
/* Ends the thread; batches that were not handed over are dropped. NULL is fine. */
void reader_destroy(struct reader *reader);
/* Asks for what follows `op`; the answer before must have come. */
void reader_next(struct reader *reader, uint64_t op);

#endif
