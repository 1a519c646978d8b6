/*
 * route/wait.c - into and out of classes; steps, holds and windows, which time alone
 * changes.
 *
 *   scheduled --window opens--> queued --(named agent, affinity: held)--> anyone
 * --step--> wider --overflow--> elsewhere
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "route/able.h"
#include "route/class.h"
#include "route/stage.h"

#define AFFINITY_SHARE                                                                   \
	0.3 /* of T that the last agent is waited for at most (ROUTING 9) */

/* The last agent is waited for while he is ready or busy, not while he is away (ROUTING
 * 9). Who was there before a start counts as there (CONTRACTS 8.3). */
static bool
worth_waiting_for(struct router *r, const struct contact *c, int agent)
{
	const struct agent *a = agent_at(r, agent);

	if (a == NULL || a->login_ms == 0 || a->state != AGENT_READY || !a->routable ||
		a->pending || (a->lost_ms != 0 && a->lost_ms != r->started_ms))
		return false;
	return c->channel >= a->n_channels || !a->channel_off[c->channel];
}

/* Hold for affinity or a named agent, as it stands when the contact begins to wait. */
static void
begin_hold(struct router *r, struct contact *c, int64_t now_ms)
{
	const struct queue *q = &r->centre->queues[c->queue];
	int64_t hold_ms = llround(AFFINITY_SHARE * (double)c->sla_ms);

	c->affinity = -1;
	if (c->target >= 0 && c->target_until_ms == 0)
		c->target_until_ms =
			q->target_wait_ms > 0 ? now_ms + q->target_wait_ms : INT64_MAX;
	if (c->target >= 0 && c->target_until_ms <= now_ms)
		c->target = -1;
	if (q->affinity_ms == 0)
		c->last_agent = -1;
	if (c->target >= 0 || c->last_agent < 0)
		return;
	if (q->affinity_ms < hold_ms)
		hold_ms = q->affinity_ms;
	if (hold_ms <= 0 || !worth_waiting_for(r, c, c->last_agent) ||
		!contact_cooled(c, c->last_agent, now_ms))
		return;
	/* A hold for somebody who could not serve it would only be a delay. */
	if (!able_agent(r, agent_at(r, c->last_agent), c))
		return;
	/* Once: who returns, or is changed, is not held anew. */
	if (c->hold_until_ms == 0)
		c->hold_until_ms = now_ms + hold_ms;
	if (c->hold_until_ms > now_ms)
		c->affinity = c->last_agent;
}

/* Whether anybody logged in could serve what it needs now. */
static bool
is_servable(struct router *r, struct contact *c)
{
	int affinity = c->affinity;
	const struct class *k = NULL;

	if (c->target < 0) {
		c->affinity = -1; /* the class without the hold, if there is one */
		k = class_known(r, c);
		c->affinity = affinity;
	}
	return k != NULL ? k->n_logged_in > 0 : able_anyone(r, c);
}

/* Takes the steps that are due or senseless to wait for. True when the requirement
 * changed. */
static bool
take_steps(struct router *r, struct contact *c, int64_t now_ms)
{
	const struct queue *q = &r->centre->queues[c->queue];
	bool changed = false;

	while (c->step < q->n_steps) {
		bool due =
			open_add_ms(r, c, c->t0_ms, q->steps[c->step].after_ms) <= now_ms;
		bool present = due || is_servable(r, c);

		if (!due && present)
			break;
		c->step++;
		classify_need(r, c);
		if (!due && !is_servable(r, c)) {
			/* The next step helps nobody either: wait for its time. */
			c->step--;
			classify_need(r, c);
			break;
		}
		changed = true;
	}
	return changed;
}

static void
enter_class(struct router *r, struct contact *c, int64_t now_ms)
{
	struct class *k = class_for(r, c);

	class_enter(r, k, c);
	r->queue_waiting[c->queue]++;
	contact_plan(r, c, now_ms);
	if (k->deferrable)
		class_plan_release(r, k, now_ms, false);
}

/* Not before whoever carries it may (callbacks have hours); INT64_MAX: it is woken. */
static void
wait_for_opening(struct router *r, struct contact *c, int64_t now_ms)
{
	int64_t at_ms = c->eligible_ms > now_ms ? c->eligible_ms : now_ms, opens_ms;

	if (r->carrier.opens_ms == NULL || c->eligible_ms == INT64_MAX)
		return;
	opens_ms = r->carrier.opens_ms(r->carrier.owner, c->id, at_ms);
	if (opens_ms > at_ms)
		c->eligible_ms = opens_ms;
}

void
wait_enter(struct router *r, struct contact *c, int64_t now_ms)
{
	wait_for_opening(r, c, now_ms);
	if (c->eligible_ms > now_ms) {
		contact_set_state(r, c, CONTACT_SCHEDULED);
		contact_plan(r, c, now_ms);
		return;
	}
	/* A reload while it was offered, connected or scheduled takes effect now. */
	if (c->version != r->centre->version)
		reclassify(r, c, now_ms);
	contact_set_state(r, c, CONTACT_QUEUED);
	take_steps(r, c, now_ms);
	begin_hold(r, c, now_ms);
	enter_class(r, c, now_ms);
}

void
wait_leave(struct router *r, struct contact *c)
{
	if (c->class == NULL)
		return;
	r->queue_waiting[c->queue]--;
	class_leave(r, c);
	c->affinity = -1;
}

void
wait_relane(struct router *r, struct contact *c, int64_t now_ms)
{
	struct class *k;

	if (c->class == NULL)
		return;
	k = class_for(r, c);
	if (k != c->class) {
		class_leave(r, c);
		class_enter(r, k, c);
		if (c->class->deferrable)
			class_plan_release(r, c->class, now_ms, false);
	}
	contact_plan(r, c, now_ms);
}

static void
drop_cooldowns(struct contact *c, int64_t now_ms)
{
	int kept = 0;

	for (int i = 0; i < c->n_cooldowns; i++)
		if (c->cooldowns[i].until_ms > now_ms)
			c->cooldowns[kept++] = c->cooldowns[i];
	c->n_cooldowns = kept;
}

static void
commit_move(struct router *r, struct contact *c, int64_t now_ms, const char *reason)
{
	struct step *step = step_begin(r, STEP_MOVE, now_ms);

	step_contact(r, step, c);
	effect_reason(step_event(step, EVENT_CONTACT_UPDATED, c, NULL), reason);
	step_commit(r, step);
}

/* A waiting contact whose moment has come: what it may have changes; the matching is left
 * to router_tick. */
static void
look_at_waiting(struct router *r, struct contact *c, int64_t now_ms)
{
	bool stepped, wider = false;

	drop_cooldowns(c, now_ms);
	if (c->affinity >= 0 && c->hold_until_ms <= now_ms) {
		c->affinity = -1;
		wider = true;
	}
	if (c->target >= 0 && c->target_until_ms <= now_ms) {
		c->target = -1;
		wider = true;
	}
	stepped = take_steps(r, c, now_ms);
	if (stepped || wider)
		wait_relane(r, c, now_ms);
	if (stepped)
		commit_move(r, c, now_ms, "step");
	contact_dirty(r, c);
}

static void
act_later(struct router *r, struct contact *c)
{
	if (c->due_now)
		return;
	if (r->n_acting == r->room_acting) {
		r->room_acting = r->room_acting != 0 ? r->room_acting * 2 : 32;
		r->acting = xreallocarray(
			r->acting, r->room_acting, sizeof(struct contact *));
	}
	c->due_now = true;
	r->acting[r->n_acting++] = c;
}

void
wait_advance(struct router *r, int64_t now_ms)
{
	if (!r->store_up)
		return;
	while (r->n_due > 0 && r->due[0]->due_ms <= now_ms) {
		struct contact *c = r->due[0];

		if (c->state == CONTACT_QUEUED)
			look_at_waiting(r, c, now_ms);
		contact_plan(r, c, now_ms);
		/* What is due still is not a matter of eligibility: router_tick acts on
		 * it. */
		if (c->due_ms <= now_ms) {
			act_later(r, c);
			contact_unplan(r, c);
		}
	}
}

/* Members of one class need the same, but may be at different steps of their queue: those
 * at a step from which one was not moved on are not asked again. */
static void
skip_steps_of(struct router *r, struct class *k, int64_t now_ms)
{
	struct contact **members = xcalloc(k->n, sizeof(struct contact *));
	const struct order_entry *e;
	struct order_at at;
	unsigned stay = 0; /* mask of steps */
	size_t n = 0;

	for (e = order_first(&k->order, &at); e != NULL; e = order_next(&k->order, &at))
		members[n++] = e->item;
	for (size_t i = 0; i < n; i++) {
		struct contact *c = members[i];

		if ((stay & 1u << c->step) != 0)
			continue;
		if (!take_steps(r, c, now_ms)) {
			stay |= 1u << c->step;
			continue;
		}
		wait_relane(r, c, now_ms);
		commit_move(r, c, now_ms, "step");
		contact_dirty(r, c);
	}
	free(members);
}

void
wait_skip_steps(struct router *r, int64_t now_ms)
{
	/* From the end: a class that is left may be freed, the last takes its place. */
	for (size_t i = r->n_classes; i > 0; i--) {
		struct class *k = i <= r->n_classes ? r->classes[i - 1] : NULL;

		if (k != NULL && k->n > 0 && k->n_logged_in == 0 && k->only < 0 &&
			r->centre->queues[k->queue].n_steps > 0)
			skip_steps_of(r, k, now_ms);
	}
}

void
wait_release_holds(struct router *r, const struct agent *a, int64_t now_ms)
{
	for (size_t i = r->n_classes; i > 0; i--) {
		struct class *k = i <= r->n_classes ? r->classes[i - 1] : NULL;

		if (k == NULL || k->only != a->index || k->n == 0 ||
			(worth_waiting_for(r, k->first_item, a->index) &&
				able_agent(r, a, k->first_item)))
			continue;
		while (k->n > 0 && k->first_item->affinity == a->index) {
			struct contact *c = k->first_item;
			bool last = k->n == 1; /* the class goes with it */

			c->affinity = -1;
			wait_relane(r, c, now_ms);
			contact_dirty(r, c);
			if (last)
				break;
		}
	}
}

int
wait_overflow_to(const struct router *r, const struct contact *c)
{
	const struct queue *q = &r->centre->queues[c->queue];
	int to = q->overflow_ms > 0 ? q->overflow_to : -1;

	for (int i = 0; i < c->n_overflows; i++)
		if (c->overflows[i] == to)
			to = -1; /* each target is tried once (CONTRACTS 8.8) */
	if (to < 0 || c->n_overflows == OVERFLOWS_MAX ||
		r->centre->queues[to]
			.removed || /* it takes nothing new (CONTRACTS 8.7) */
		!queue_takes(&r->centre->queues[to], c->channel))
		return -1;
	return to;
}

void
wait_overflow(struct router *r, struct contact *c, int64_t now_ms)
{
	int to = wait_overflow_to(r, c);

	wait_leave(r, c);
	c->overflows[c->n_overflows++] = c->queue;
	c->queue = to;
	c->step = 0;
	classify_need(r, c);
	wait_enter(r, c, now_ms);
	commit_move(r, c, now_ms, "overflow");
	contact_dirty(r, c);
}
