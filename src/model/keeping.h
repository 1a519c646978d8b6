/*
 * model/keeping.h - how long the history keeps its tables (the settings' section
 * `history`). Made by control/config_history.c.
 */
#ifndef USHER_MODEL_KEEPING_H
#define USHER_MODEL_KEEPING_H

#include <stdint.h>

struct channel_keeping {
	char *channel;
	int64_t ms;
};

struct keeping {
	int64_t events_ms;  /* events of the feed */
	int64_t agents_ms;  /* what agents were, from when to when */
	int64_t records_ms; /* records of contacts of channels that are not named */
	int n_channels;
	struct channel_keeping *channels; /* owned */
};

/* A copy that shares nothing. */
void keeping_copy(struct keeping *to, const struct keeping *from);
void keeping_finish(struct keeping *keeping);

#endif
