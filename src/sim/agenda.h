/* sim/agenda.h - what is still to happen, the earliest first: a binary heap. */
#ifndef USHER_SIM_AGENDA_H
#define USHER_SIM_AGENDA_H

#include <stddef.h>
#include <stdint.h>

struct agenda_entry {
	int64_t at_ms;
	int64_t first, second; /* order within one instant */
	size_t row;	       /* of the trace */
	uint64_t turn; /* the row's own count when it was entered: an older one is stale
			*/
};

/* A zeroed struct is empty. */
struct agenda {
	struct agenda_entry *entry; /* owned */
	size_t n, room;
};

void agenda_add(struct agenda *agenda, struct agenda_entry entry);
const struct agenda_entry *agenda_first(const struct agenda *agenda); /* NULL: empty */
void agenda_drop(struct agenda *agenda); /* removes the first; not from an empty one */
void agenda_finish(struct agenda *agenda);

#endif
