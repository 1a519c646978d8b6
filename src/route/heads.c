/*
 * route/heads.c - see heads.h.
 *
 * A thousand classes have two thousand heads, and reading them all from memory is dear.
 * The bounds of the classes (state.h) are read instead, from the cache; the classes are
 * then scored exactly in the order of their bounds until none that is left could still be
 * among the best. The exact scores alone decide.
 */
#include "route/heads.h"

#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "route/able.h"
#include "route/ask.h"
#include "route/choose.h"

#define CHANNELS_CACHED                                                                  \
	64 /* channels whose room is looked up once for all classes of an agent */
#define WANTED_MAX (1 + EXPLAIN_RIVALS_MAX) /* the winner, and whom the record names */
#define NEAR_MAX 24	/* classes that one look at the bounds picks out, */
#define NEAR_LEAST 2	/* and where only the winner counts */
#define BOUND_ERROR 0.1 /* ms; what sums of Unix ms in doubles are wrong by at most */

/* ---- the exact scores ---- */

static void
keep_rival(struct heads *h, const struct rival *one)
{
	int at = h->n_rivals;

	while (at > 0 && candidate_before(&one->candidate, &h->rival[at - 1].candidate))
		at--;
	if (at == EXPLAIN_RIVALS_MAX)
		return;
	if (h->n_rivals < EXPLAIN_RIVALS_MAX)
		h->n_rivals++;
	for (int i = h->n_rivals - 1; i > at; i--)
		h->rival[i] = h->rival[i - 1];
	h->rival[at] = *one;
}

static void
consider(struct heads *h, const struct rival *one, bool recording)
{
	if (!candidate_before(&one->candidate, &h->best.candidate)) {
		if (recording)
			keep_rival(h, one);
		return;
	}
	if (recording && h->best.candidate.contact != NULL)
		keep_rival(h, &h->best);
	h->best = *one;
}

/* Room by channel: -1 not looked up yet, 0 none, 1 yes, 2 by parking. */
static int
room_for(const struct router *r, const struct agent *a, int channel,
	signed char cache[CHANNELS_CACHED])
{
	bool parks;
	int room;

	if (channel < CHANNELS_CACHED && cache[channel] >= 0)
		return cache[channel];
	room = agent_room(r, a, channel, &parks) != ABLE_FREE ? 0 : parks ? 2 : 1;
	if (channel < CHANNELS_CACHED)
		cache[channel] = (signed char)room;
	return room;
}

/* False: the class has nobody for him. */
static bool
score(struct router *r, struct agent *a, struct class *k, int64_t now_ms, struct heads *h)
{
	struct rival one = {.class = k};

	one.candidate = class_best(r, k, a, able_held_back(r, k, a), now_ms);
	if (one.candidate.contact == NULL)
		return false;
	consider(h, &one, r->recording);
	return true;
}

/* ---- the bounds ---- */

/* What the bound of a class must reach for it to be listed. */
static double
least_value(const struct router *r, const struct heads *h)
{
	double log2_score;

	if (h->best.candidate.contact == NULL)
		return -INFINITY;
	if (!r->recording)
		log2_score = h->best.candidate.log2_score;
	else if (h->n_rivals == EXPLAIN_RIVALS_MAX)
		log2_score = h->rival[EXPLAIN_RIVALS_MAX - 1].candidate.log2_score;
	else
		return -INFINITY;
	return log2_score * r->centre->half_life_ms - BOUND_ERROR;
}

/* The highest bounds, the highest first, of those not scored yet; and the highest of the
 * rest. */
struct near_list {
	struct near {
		double value;
		uint32_t place; /* in router.bounds */
	} near[NEAR_MAX];
	int n, most;
	double rest;
};

static void
keep_near(struct near_list *list, double value, uint32_t place)
{
	int at;

	if (list->n == list->most) {
		list->rest = fmax(list->rest, list->near[list->n - 1].value);
		at = list->n - 1;
	} else {
		at = list->n++;
	}
	while (at > 0 && list->near[at - 1].value < value) {
		list->near[at] = list->near[at - 1];
		at--;
	}
	list->near[at] = (struct near){value, place};
}

/* Reads the bounds of all classes that wait, have room and were not scored yet (NULL:
 * none was). */
static void
look(const struct router *r, const struct agent *a, int64_t now_ms,
	signed char cache[CHANNELS_CACHED], const unsigned char *scored,
	struct near_list *list)
{
	const struct class_bound *bounds = r->bounds;
	const uint32_t *place = a->bounds; /* NULL without classes */
	const uint32_t *end = place != NULL ? place + a->n_classes : NULL;
	double least = -INFINITY, rest = -INFINITY; /* least: the lowest that is near */
	double now = (double)now_ms;

	list->n = 0;
	list->rest = -INFINITY;
	for (; place != end; place++) {
		double value = class_bound_at(&bounds[*place], now);

		/* The usual case first; where nobody waits the value is the least. */
		if (value <= rest || (scored != NULL && scored[*place]) ||
			room_for(r, a, r->bound_owner[*place].channel, cache) == 0)
			continue;
		if (value <= least) {
			rest = value;
			continue;
		}
		keep_near(list, value, *place);
		if (list->n < list->most)
			continue;
		least = list->near[list->n - 1].value;
		rest = fmax(rest, list->rest);
	}
	list->rest = rest;
}

/* Classes that wait and for which he has room. */
static int
count_classes(
	const struct router *r, const struct agent *a, signed char cache[CHANNELS_CACHED])
{
	int n = 0;

	for (int i = 0; i < a->n_classes; i++) {
		uint32_t place = a->bounds[i];

		n += r->bounds[place].value != -INFINITY &&
		     room_for(r, a, r->bound_owner[place].channel, cache) != 0;
	}
	return n;
}

/* Marks those that one look picked out, so that the next passes them over. */
static const unsigned char *
mark_scored(struct router *r, const struct near_list *list, bool first)
{
	if (r->room_scored < r->n_bounds) {
		r->room_scored = r->room_bounds;
		r->scored = xreallocarray(r->scored, r->room_scored, 1);
	}
	if (first)
		memset(r->scored, 0, r->n_bounds);
	for (int i = 0; i < list->n; i++)
		r->scored[list->near[i].place] = 1;
	return r->scored;
}

void
heads_find(struct router *r, struct agent *a, int64_t now_ms, struct heads *h)
{
	struct near_list list;
	signed char cache[CHANNELS_CACHED];
	const unsigned char *scored = NULL;

	list.most = r->recording ? NEAR_MAX : NEAR_LEAST;
	memset(cache, -1, sizeof cache);
	h->best = (struct rival){0};
	h->n_rivals = 0;
	h->n = r->recording ? count_classes(r, a, cache) : 0;
	look(r, a, now_ms, cache, NULL, &list);
	for (;;) {
		for (int i = 0; i < list.n; i++) {
			if (list.near[i].value < least_value(r, h))
				return;
			h->n -= !score(r, a, r->bound_owner[list.near[i].place].class,
				now_ms, h);
		}
		if (list.rest == -INFINITY || list.rest < least_value(r, h))
			return;
		scored = mark_scored(r, &list, scored == NULL);
		look(r, a, now_ms, cache, scored, &list);
	}
}
