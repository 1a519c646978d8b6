/*
 * route/record.h - routing state as text for the store and back: "name=value name=value
 * ...", names of settings instead of indexes, values percent-encoded. What cannot be read
 * is logged and left at its default.
 */
#ifndef USHER_ROUTE_RECORD_H
#define USHER_ROUTE_RECORD_H

#include "route/state.h"

char *record_pack_contact(
	const struct router *r, const struct contact *c); /* the caller owns it */
/* Fills c from a record; names that the settings no longer have go to the default queue,
 * tier and so on. Before router_start (the store is loaded) its channel and queue are
 * recalled as removed ones instead (model/centre.h), and its version is 0 unless it was
 * classified under settings like ours. False: no channel can be found at all. */
bool record_unpack_contact(
	const struct router *r, const char *record, struct contact *c) USHER_MUST_CHECK;

char *record_pack_agent(const struct router *r, const struct agent *a);
void record_unpack_agent(const struct router *r, const char *record, struct agent *a);
/* Stands for what the settings file says of an agent's skills and capacity: an edit
 * stands above it until that changes (CONTRACTS 3). */
uint32_t record_agent_digest(const struct centre *s, int agent);

/* One value of a record, decoded; the caller owns it; NULL: not there. */
char *record_get(const char *record, const char *name);
void record_put_text(struct text *t, const char *name,
	const char *value); /* encodes; nothing for NULL */

#endif
