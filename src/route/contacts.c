/* route/contacts.c - the table of live contacts, their states' counts and their timers.
 */
#include <stdlib.h>

#include <math.h>

#include "route/class.h"
#include "route/stage.h"

/* ---- due heap: 4-ary, by due_ms, then id ---- */

static bool
sooner(const struct contact *a, const struct contact *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->id < b->id;
}

static void
due_put(struct router *r, size_t at, struct contact *c)
{
	r->due[at] = c;
	c->due_slot = at;
}

static void
due_up(struct router *r, size_t at)
{
	struct contact *c = r->due[at];

	while (at > 0 && sooner(c, r->due[(at - 1) / 4])) {
		due_put(r, at, r->due[(at - 1) / 4]);
		at = (at - 1) / 4;
	}
	due_put(r, at, c);
}

static void
due_down(struct router *r, size_t at)
{
	struct contact *c = r->due[at];

	for (;;) {
		size_t child = 4 * at + 1, best = child;

		if (child >= r->n_due)
			break;
		for (size_t i = child + 1; i < child + 4 && i < r->n_due; i++)
			if (sooner(r->due[i], r->due[best]))
				best = i;
		if (!sooner(r->due[best], c))
			break;
		due_put(r, at, r->due[best]);
		at = best;
	}
	due_put(r, at, c);
}

static void
due_remove(struct router *r, struct contact *c)
{
	size_t at = c->due_slot;
	struct contact *last;

	if (at == SIZE_MAX)
		return;
	last = r->due[--r->n_due];
	c->due_slot = SIZE_MAX;
	if (last == c)
		return;
	due_put(r, at, last);
	due_up(r, at);
	due_down(r, last->due_slot);
}

static void
due_set(struct router *r, struct contact *c, int64_t due_ms)
{
	if (due_ms == c->due_ms && (c->due_slot != SIZE_MAX || due_ms == INT64_MAX))
		return;
	due_remove(r, c);
	c->due_ms = due_ms;
	if (due_ms == INT64_MAX)
		return;
	if (r->n_due == r->room_due) {
		r->room_due = r->room_due != 0 ? r->room_due * 2 : 64;
		r->due = xreallocarray(r->due, r->room_due, sizeof(struct contact *));
	}
	r->due[r->n_due++] = c;
	c->due_slot = r->n_due - 1;
	due_up(r, c->due_slot);
}

/* ---- when a contact needs a look ---- */

static void
earliest(int64_t *due_ms, int64_t at_ms)
{
	if (at_ms < *due_ms)
		*due_ms = at_ms;
}

static int64_t
waiting_due_ms(const struct router *r, const struct contact *c, int64_t now_ms)
{
	const struct queue *q = &r->centre->queues[c->queue];
	int64_t due_ms = INT64_MAX, limit_ms = queue_wait_limit_ms(q, c->channel);

	if (c->affinity >= 0)
		earliest(&due_ms, c->hold_until_ms);
	if (c->target >= 0)
		earliest(&due_ms, c->target_until_ms);
	if (c->step < q->n_steps)
		earliest(
			&due_ms, open_add_ms(r, c, c->t0_ms, q->steps[c->step].after_ms));
	if (limit_ms > 0)
		earliest(&due_ms, waited_ms_at(r, c, limit_ms));
	if (wait_overflow_to(r, c) >= 0)
		earliest(&due_ms, waited_ms_at(r, c, q->overflow_ms));
	for (int i = 0; i < c->n_cooldowns; i++)
		if (c->cooldowns[i].until_ms > now_ms)
			earliest(&due_ms, c->cooldowns[i].until_ms);
	return due_ms;
}

void
contact_plan(struct router *r, struct contact *c, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;

	switch (c->state) {
	case CONTACT_QUEUED:
		due_ms = waiting_due_ms(r, c, now_ms);
		break;
	case CONTACT_SCHEDULED:
		due_ms = c->eligible_ms;
		break;
	case CONTACT_OFFERED:
		due_ms = carry_rings(r, c) ? carry_due_ms(c) : c->expires_ms;
		break;
	case CONTACT_WRAPUP:
		due_ms = c->wrapup_end_ms;
		break;
	case CONTACT_PARKED:
		due_ms = c->park_until_ms != 0 ? c->park_until_ms
					       : c->parked_ms + r->centre->park_limit_ms;
		break;
	case CONTACT_NEW:
	case CONTACT_CONNECTED:
	case CONTACT_PENDING:
	case CONTACT_COMPLETED:
	case CONTACT_ANSWERED:
	case CONTACT_ABANDONED:
	case CONTACT_EXPIRED:
	case CONTACT_CANCELLED:
	case CONTACT_UNREACHABLE:
	case CONTACT_LOST:
	case CONTACT_ERASED:
	case CONTACT_STATES:
		break;
	}
	due_set(r, c, due_ms);
}

void
contact_unplan(struct router *r, struct contact *c)
{
	due_set(r, c, INT64_MAX);
}

/* ---- table ---- */

struct contact *
contact_find(const struct router *r, uint64_t id)
{
	return idmap_get(&r->contacts, id);
}

struct contact *
contact_create(struct router *r, uint64_t id)
{
	struct contact *c = xcalloc(1, sizeof *c);

	c->id = id;
	c->target = c->affinity = c->last_agent = c->agent = c->calendar = -1;
	c->due_ms = INT64_MAX;
	c->due_slot = SIZE_MAX;
	c->expires_ms = INT64_MAX;
	c->amount = c->satisfaction = NAN;
	c->measured = MEASURES_NONE;
	idmap_put(&r->contacts, id, c);
	return c;
}

static int64_t *
count_of(struct router *r, const struct contact *c)
{
	if (c->state == CONTACT_QUEUED)
		return &r->counts.waiting;
	if (c->state == CONTACT_SCHEDULED)
		return &r->counts.scheduled_now;
	if (c->state == CONTACT_OFFERED)
		return &r->counts.offered_now;
	if (c->state == CONTACT_CONNECTED)
		return &r->counts.connected_now;
	if (c->state == CONTACT_PARKED)
		return &r->counts.parked_now;
	if (c->state == CONTACT_WRAPUP)
		return &r->counts.wrapup_now;
	return &r->elsewhere;
}

void
contact_set_state(struct router *r, struct contact *c, enum contact_state state)
{
	--*count_of(r, c);
	c->state = state;
	++*count_of(r, c);
}

static void
forget(struct contact **list, size_t n, const struct contact *c)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == c)
			list[i] = NULL;
}

void
contact_free(struct contact *c)
{
	for (int i = 0; i < c->n_attributes; i++)
		attribute_finish(&c->attributes[i]);
	free(c->attributes);
	free(c->legs);
	free(c->number);
	free(c->source);
	free(c->title);
	free(c->customer);
	free(c->payload);
	free(c->external);
	free(c->cooldowns);
	free(c->stored_class);
	free(c->decision);
	free(c->end_reason);
	free(c->disposition);
	free(c->currency);
	free(c);
}

void
contact_destroy(struct router *r, struct contact *c)
{
	if (c == NULL)
		return;
	if (c->class != NULL)
		wait_leave(r, c);
	if (c->agent >= 0 && agent_at(r, c->agent) != NULL)
		agent_release(r, agent_at(r, c->agent), c, r->latest_ms);
	due_remove(r, c);
	if (c->dirty)
		forget(r->dirty, r->n_dirty, c);
	if (c->due_now)
		forget(r->acting, r->n_acting, c);
	--*count_of(r, c);
	idmap_remove(&r->contacts, c->id);
	if (c->offer != 0)
		idmap_remove(&r->offers, c->offer);
	if (c->external != NULL && map_get(&r->externals, c->external) == c)
		map_remove(&r->externals, c->external);
	contact_free(c);
}

void
contact_dirty(struct router *r, struct contact *c)
{
	if (c->dirty)
		return;
	if (r->n_dirty == r->room_dirty) {
		r->room_dirty = r->room_dirty != 0 ? r->room_dirty * 2 : 32;
		r->dirty =
			xreallocarray(r->dirty, r->room_dirty, sizeof(struct contact *));
	}
	c->dirty = true;
	r->dirty[r->n_dirty++] = c;
}

void
contact_cool(struct contact *c, int agent, int64_t until_ms)
{
	if (c->class != NULL)
		c->class->cooled = true;
	for (int i = 0; i < c->n_cooldowns; i++) {
		if (c->cooldowns[i].agent != agent)
			continue;
		c->cooldowns[i].until_ms = until_ms;
		return;
	}
	c->cooldowns = xreallocarray(
		c->cooldowns, (size_t)c->n_cooldowns + 1, sizeof c->cooldowns[0]);
	c->cooldowns[c->n_cooldowns++] = (struct cooldown){agent, until_ms};
}
