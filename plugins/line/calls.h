/*
 * plugins/line/calls.h - how long a caller talked and was held, by the moments that the
 * switch gives its reports; so it need not count itself.
 */
#ifndef USHER_LINE_CALLS_H
#define USHER_LINE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALLS_MAX 65536 /* followed at a time; further ones have no times */
#define CALLS_ID 129	/* bytes of an id with its NUL */

struct call_times {
	char id[CALLS_ID];
	int talking, holding;		/* legs */
	int64_t talk_since, hold_since; /* moments of the switch */
	int64_t talk_us, hold_us;	/* so far */
	bool put_through;		/* since he waited last */
	struct call_times *next;	/* in its slot */
};

struct calls {
	struct call_times **slot; /* owned; n_slots lists, or NULL before the first */
	size_t n_slots, n;
};

/* The times of a call; NULL: there are none, or no room. */
struct call_times *times_find(const struct calls *c, const char *id);
struct call_times *times_have(struct calls *c, const char *id);
void times_drop(struct calls *c, const char *id);
void times_finish(struct calls *c);

void times_talks(struct call_times *t, int64_t at_us);
void times_talks_no_more(struct call_times *t, int64_t at_us);
void times_held(struct call_times *t, int64_t at_us);
void times_retrieved(struct call_times *t, int64_t at_us);
/* Nobody is with him any more. */
void times_alone(struct call_times *t, int64_t at_us);

#endif
