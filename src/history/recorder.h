/*
 * history/recorder.h - the event stream becomes contact records, exactly once: a batch of
 * the stream and how far it was read are written in one transaction, so that a crash of
 * either side repeats a batch whole or not at all. Finished contacts and the stream stay
 * in Redis until then (CONTRACTS 8.5).
 *
 *   READING (reader's thread) --batch--> WRITING (database's thread) --committed-->
 * READING
 *                                          \-> locked, full: tried again, routing goes on
 */
#ifndef USHER_HISTORY_RECORDER_H
#define USHER_HISTORY_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/side.h"
#include "history/database.h"
#include "model/centre.h"
#include "route/events.h"

struct recorder;

/* All borrowed; they outlive the recorder. */
struct recorder_settings {
	struct event_base *base;
	struct database *db; /* with the group `history` */
	struct side *side;
	const char *redis, *password_file; /* as base/redis.h */
	const char *token;		   /* of this owner: "EPOCH:RUN" */
	struct centre *centre;		   /* a reference is taken */
};

/* NULL with a sentence in error. Reads how far the history is, on this thread. */
struct recorder *recorder_create(const struct recorder_settings *settings, char *error,
	size_t room) USHER_MUST_CHECK;
/* Before the database is closed. NULL is fine. */
void recorder_destroy(struct recorder *recorder);
void recorder_configure(struct recorder *recorder, struct centre *centre);

/* The router's listener: how far behind the records are. */
void recorder_hear(void *owner, const struct event *event);

/* fn is called after each batch that was written. */
void recorder_listen(struct recorder *recorder, void (*fn)(void *owner), void *owner);

/* fn is called for each contact whose end was written; one such listener. */
void recorder_on_ended(struct recorder *recorder,
	void (*fn)(void *owner, uint64_t contact), void *owner);

/* Whether all is recorded that ended before this process. */
bool recorder_is_past_start(void *recorder);

/* The number of a contact in the tables, as it is now. */
int64_t recorder_contact(const struct recorder *recorder, uint64_t contact);

struct recorder_figures {
	uint64_t entries, events, batches; /* written since start */
	uint64_t skipped; /* entries that the tables did not take, logged */
	bool connected;	  /* to the stream */
	int64_t lag_ms;	  /* between the last event and the last one recorded */
	int64_t generation;
};
void recorder_figures(const struct recorder *recorder, struct recorder_figures *out);

#endif
