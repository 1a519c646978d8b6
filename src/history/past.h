/*
 * history/past.h - what was recorded lately, told event by event in its order: for those
 * who keep figures in memory and begin anew.
 */
#ifndef USHER_HISTORY_PAST_H
#define USHER_HISTORY_PAST_H

#include "history/database.h"
#include "route/events.h"

#define PAST_MOST 2000000 /* events told; beyond that only the newest */

/* Texts are borrowed for the call; NULL: none. */
struct past_event {
	enum event_kind kind;
	int64_t at_ms, contact, waited_ms, handled_ms, due_ms; /* as in struct event */
	const char *agent, *queue, *channel, *state;
	double amount; /* NAN: none */
};

/*
 * past_read - tells what came from from_ms on and before to_ms (centre time).
 *
 * tell     called on a reader's thread, for one event after the other
 * done     called on the loop; whole: nothing went wrong
 * Returns  false: too many reads wait; nothing will be called
 */
bool past_read(struct database *db, int64_t from_ms, int64_t to_ms,
	void (*tell)(void *arg, const struct past_event *event),
	void (*done)(void *arg, bool whole), void *arg) USHER_MUST_CHECK;

#endif
