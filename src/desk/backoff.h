/*
 * desk/backoff.h - wrong passwords make the next try wait: per name and address, so that
 * an outsider cannot lock a known name for others; and per address over all names.
 *
 * Five tries are free (50 for an address), then 15 s, doubling to 15 min; an hour without
 * a try forgets. Pure: time is an argument (boot time, ms).
 */
#ifndef USHER_DESK_BACKOFF_H
#define USHER_DESK_BACKOFF_H

#include <stdint.h>

#include "base/map.h"

#define BACKOFF_FREE 5
#define BACKOFF_FREE_ADDRESS 50
#define BACKOFF_FIRST_MS 15000
#define BACKOFF_MOST_MS (15 * 60000)
#define BACKOFF_FORGET_MS (60 * 60000)
#define BACKOFF_ENTRIES_MAX 20000 /* then what is oldest is forgotten first */

/* A zeroed struct is empty. */
struct backoff {
	struct map tries; /* "name address" or "* address" to struct try, owned */
};

/* How long this one must still wait, ms; 0: may try. */
int64_t backoff_wait_ms(
	const struct backoff *b, int64_t now_ms, const char *name, const char *address);
void backoff_failed(
	struct backoff *b, int64_t now_ms, const char *name, const char *address);
/* The right password: forgets the failures of this name from this address. */
void backoff_passed(struct backoff *b, const char *name, const char *address);
void backoff_finish(struct backoff *b);

#endif
