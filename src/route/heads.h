/*
 * route/heads.h - the best of the heads of all classes that an agent may take (ROUTING 2,
 * 9), and the next best beside it.
 */
#ifndef USHER_ROUTE_HEADS_H
#define USHER_ROUTE_HEADS_H

#include "route/explain.h"

struct heads {
	struct rival best; /* contact NULL: nothing for him now */
	struct rival
		rival[EXPLAIN_RIVALS_MAX]; /* the next best, sorted; when recording */
	int n_rivals;
	int n; /* when recording: classes that wait and for which he has room, less those
		* that turned out to have nobody for him now */
};

/*
 * heads_find - scores the heads of an agent's classes; two a class at most.
 *
 * a       with room: state, room and reserve are looked at, skills are the classes' own
 * out     overwritten
 */
void heads_find(struct router *r, struct agent *a, int64_t now_ms, struct heads *out);

#endif
