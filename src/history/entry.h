/*
 * history/entry.h - entries of the router's event stream (docs/redis.md) as structs.
 * Pure.
 */
#ifndef USHER_HISTORY_ENTRY_H
#define USHER_HISTORY_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "route/events.h"

#define ENTRY_EVENTS_MAX 64 /* of one entry; a step has far fewer */
#define ENTRY_ID_MAX 48	    /* "EPOCH-SEQUENCE" with the NUL */

/* One event as the stream tells it. Text is borrowed from the entry. */
struct entry_event {
	enum event_kind kind;
	int sub; /* place in its entry, from 0 */
	int64_t at_ms;
	uint64_t contact, offer;		    /* 0: none */
	const char *agent, *queue, *channel, *tier; /* NULL: none */
	const char *reason, *state, *source, *dnis; /* NULL */
	int64_t party;				    /* 0: unknown */
	int64_t t0_ms, sl_due_ms;		    /* 0: not told */
	int64_t waited_ms, handled_ms;		    /* -1: not told */
	/* by the switch's clock, over all legs so far; -1: no switch carried it */
	int64_t ivr_ms, queue_ms, ring_ms, talk_ms, hold_ms;
	int64_t version;
	double amount, satisfaction; /* NAN: none */
	int64_t alarm;		     /* 0: none */
	double value, limit;	     /* of the alarm; NAN */
	int64_t resolve_due_ms;	     /* until when it is to be completed; 0: not told */
	bool drains;
};

struct entry {
	uint64_t op; /* epoch in 24 bits above 36 of the sequence, as ids have it */
	char *text;  /* owned; decoded in place */
	int n;
	struct entry_event *event; /* owned */
};

/*
 * entry_read - reads one entry.
 *
 * id    "EPOCH-SEQUENCE"
 * text  the member "e" of the entry as it stands there: "e=... at=... e=... "; NULL: an
 *       entry of another kind (a step that was not done), which has no events
 * Returns  false: the id is none; unknown events and names are left out
 */
bool entry_read(struct entry *entry, const char *id, const char *text) USHER_MUST_CHECK;
void entry_finish(struct entry *entry);

/* The stream's id of an op. */
void entry_id(char out[ENTRY_ID_MAX], uint64_t op);
/* The op of a stream's id; false: it is none. */
bool entry_op(const char *id, uint64_t *op) USHER_MUST_CHECK;

/* One value of a record in the same form; the caller owns it; NULL: not there. */
char *entry_value(const char *record, const char *name);

#endif
