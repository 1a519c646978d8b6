/* sim/agenda.c - a binary heap. */
#include "sim/agenda.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/xalloc.h"

static bool
before(const struct agenda_entry *a, const struct agenda_entry *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	if (a->first != b->first)
		return a->first < b->first;
	return a->second < b->second;
}

void
agenda_add(struct agenda *agenda, struct agenda_entry entry)
{
	size_t at = agenda->n++;

	if (agenda->n > agenda->room) {
		agenda->room = agenda->room > 0 ? agenda->room * 2 : 64;
		agenda->entry = xreallocarray(
			agenda->entry, agenda->room, sizeof(agenda->entry[0]));
	}
	while (at > 0 && before(&entry, &agenda->entry[(at - 1) / 2])) {
		agenda->entry[at] = agenda->entry[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	agenda->entry[at] = entry;
}

const struct agenda_entry *
agenda_first(const struct agenda *agenda)
{
	return agenda->n > 0 ? &agenda->entry[0] : NULL;
}

void
agenda_drop(struct agenda *agenda)
{
	struct agenda_entry last = agenda->entry[--agenda->n];
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= agenda->n)
			break;
		if (child + 1 < agenda->n &&
			before(&agenda->entry[child + 1], &agenda->entry[child]))
			child++;
		if (!before(&agenda->entry[child], &last))
			break;
		agenda->entry[at] = agenda->entry[child];
		at = child;
	}
	if (agenda->n > 0)
		agenda->entry[at] = last;
}

void
agenda_finish(struct agenda *agenda)
{
	free(agenda->entry);
	*agenda = (struct agenda){0};
}
