/* control/config_history.c - `history` as its parts use it. Times are of the real world,
 * whatever is played. */
#include <math.h>

#include "control/config_compile.h"

void
compile_history(struct compile *c, struct config *config)
{
	const struct entry *e = entry_section(c->top, TOP_HISTORY);
	const struct entry *keep = entry_section(e, HISTORY_KEEP);
	struct keeping *to = &config->keeping;

	to->records_ms = llround(entry_number(e, HISTORY_KEEP_RECORDS));
	to->events_ms = llround(entry_number(e, HISTORY_KEEP_EVENTS));
	to->agents_ms = llround(entry_number(e, HISTORY_KEEP_AGENTS));
	to->channels = xcalloc((size_t)keep->n_others + 1, sizeof to->channels[0]);
	for (int i = 0; i < keep->n_others; i++) {
		const struct slot *slot = &keep->other[i];

		if (compile_find(c, NAME_CHANNEL, slot->key, slot->key->text) < 0)
			continue;
		to->channels[to->n_channels++] = (struct channel_keeping){
			xstrdup(slot->key->text), llround(slot->number)};
	}
}
