/* route/ask.h - what plugins are asked at each stage (include/usher/plugin.h). Without
 * hooks all say their default. */
#ifndef USHER_ROUTE_ASK_H
#define USHER_ROUTE_ASK_H

#include "route/state.h"

int ask_points(struct router *r, const struct contact *c, int64_t now_ms);
/* False: a plugin refuses this agent for this contact. */
bool ask_match(
	struct router *r, const struct contact *c, const struct agent *a, int64_t now_ms);
/* `why` with a plugin's line behind it; takes why over, the caller owns what comes back.
 */
char *ask_offer(struct router *r, const struct contact *c, const struct agent *a,
	char *why, int64_t now_ms);
void ask_complete(struct router *r, const struct contact *c, const struct agent *a,
	int64_t waited_ms, int64_t now_ms);

#endif
