/* route/stream.h - the entry of the event stream: all that became true by a step, as text
 * (docs/redis.md). */
#ifndef USHER_ROUTE_STREAM_H
#define USHER_ROUTE_STREAM_H

#include "route/state.h"

/*
 * stream_entry - the events of a step, one behind the other, each beginning with "e".
 *
 * Names instead of indexes, values encoded as in records. The contacts concerned are as
 * the step leaves them. Returns  owned by the caller; NULL: nothing happened that anybody
 * should hear of
 */
char *stream_entry(struct router *r, const struct step *step);

#endif
