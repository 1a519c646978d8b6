/* model/keeping.c - see keeping.h. */
#include "model/keeping.h"

#include <stdlib.h>

#include "base/xalloc.h"

void
keeping_copy(struct keeping *to, const struct keeping *from)
{
	*to = *from;
	to->channels = xcalloc((size_t)from->n_channels + 1, sizeof to->channels[0]);
	for (int i = 0; i < from->n_channels; i++)
		to->channels[i] = (struct channel_keeping){
			xstrdup(from->channels[i].channel), from->channels[i].ms};
}

void
keeping_finish(struct keeping *k)
{
	for (int i = 0; i < k->n_channels; i++)
		free(k->channels[i].channel);
	free(k->channels);
	*k = (struct keeping){0};
}
