/*
 * route/pass_on.c - a contact that goes on otherwise: as another channel (a chat becomes
 * a call-me request), or later (nobody answered, the customer asked for another hour). It
 * stays the same contact: t0, and what moved its deadline, are kept (FEATURES X8, H1).
 * Or its customer was answered, so that the next response is what is due.
 *
 *   waiting, offered, connected, parked, wrap-up --> scheduled (without a time) -->
 * waiting
 */
#include <stdlib.h>

#include "route/class.h"
#include "route/stage.h"

/* The queue that will take it as that channel; -1: none does. */
static int
queue_for(const struct router *r, const struct contact *c, int channel)
{
	const struct centre *s = r->centre;

	if (queue_takes(&s->queues[c->queue], channel))
		return c->queue;
	return queue_takes(&s->queues[s->default_queue], channel) ? s->default_queue : -1;
}

/* Out of whatever hands it is in, to where nobody is offered it. */
static void
put_aside(struct router *r, struct contact *c, const char *reason, int64_t now_ms)
{
	struct reply none = {0};

	c->eligible_ms = INT64_MAX;
	if (c->state == CONTACT_OFFERED)
		offer_back(r, c, OFFER_CANCELLED, reason, NULL, now_ms, none);
	else if (c->state != CONTACT_QUEUED && c->state != CONTACT_SCHEDULED)
		work_requeue(r, c, now_ms, none, EVENT_CONTACT_QUEUED, reason);
}

static void
become(struct router *r, struct contact *c, int channel, int queue, bool same_place)
{
	c->channel = channel;
	c->own_deadline = c->own_deadline || same_place;
	if (queue != c->queue) {
		c->queue = c->law_queue = queue;
		c->fixed_queue = true;
		c->step = 0;
		c->n_overflows = 0;
	}
	classify_promise(r, c, -1);
	classify_need(r, c);
}

/* A window of its own, or none any more: the wait counts from another moment. */
static void
promise(struct router *r, struct contact *c, const struct pass_on *how, int64_t now_ms)
{
	const struct queue *q = &r->centre->queues[c->law_queue];

	c->t0_ms = how->due_ms > 0 && how->until_ms > now_ms ? how->until_ms : now_ms;
	c->sla_ms = how->due_ms > c->t0_ms
			    ? how->due_ms - c->t0_ms
			    : queue_sla_ms(r->centre, q, c->channel, c->tier);
	c->own_deadline = false;
	classify_law(r, c, true);
	c->own_deadline = how->due_ms > 0;
}

static void
pass_on(struct router *r, struct contact *c, const struct pass_on *how, int queue,
	int64_t now_ms, struct reply reply)
{
	struct step *step;

	put_aside(r, c, how->reason, now_ms);
	step = step_begin(r, STEP_MOVE, now_ms);
	if (c->class != NULL)
		wait_leave(r, c);
	if (how->channel >= 0)
		become(r, c, how->channel, queue, how->same_place);
	if (how->due_ms != 0)
		promise(r, c, how, now_ms);
	c->target = -1;
	c->target_until_ms = 0;
	c->eligible_ms = how->until_ms > now_ms ? how->until_ms : 0;
	wait_enter(r, c, now_ms);
	step_contact(r, step, c);
	step_reply(step, reply, c);
	effect_reason(step_event(step, EVENT_CONTACT_UPDATED, c, NULL), how->reason);
	step_commit(r, step);
	match_contact(r, c, now_ms, NULL, "changed");
}

void
router_pass_on(struct router *r, int64_t now_ms, uint64_t contact,
	const struct pass_on *how, struct reply reply)
{
	struct contact *c;
	int queue = -1;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c != NULL && how->channel >= 0 && how->channel < r->centre->n_channels &&
		!r->centre->channels[how->channel].removed)
		queue = queue_for(r, c, how->channel);
	if (c == NULL)
		reply_now(reply, OUTCOME_NO_CONTACT,
			"No such live contact; it may be finished.", contact, 0);
	else if (how->by_agent >= 0 && c->agent != how->by_agent)
		reply_now(reply, OUTCOME_NOT_YOURS, "The contact is not in your hands.",
			contact, 0);
	else if (how->channel >= 0 && queue < 0)
		reply_now(reply, OUTCOME_NO_CHANNEL,
			"No queue takes this contact as that channel.", contact, 0);
	else
		pass_on(r, c, how, queue, now_ms, reply);
	router_leave_command(r);
}

void
router_respond_by(struct router *r, int64_t now_ms, uint64_t contact, int64_t from_ms)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c != NULL && from_ms == 0 && c->state == CONTACT_PARKED)
		from_ms = c->park_until_ms;
	if (c != NULL && from_ms != 0) {
		bool waits = c->class != NULL;
		struct step *step = step_begin(r, waits ? STEP_MOVE : STEP_HOLD, now_ms);

		if (waits)
			wait_leave(r, c);
		c->d_ms = open_add_ms(r, c, from_ms, c->sla_ms);
		if (waits)
			wait_enter(r, c, now_ms);
		step_contact(r, step, c);
		effect_reason(
			step_event(step, EVENT_CONTACT_UPDATED, c, agent_at(r, c->agent)),
			"next_response");
		step_commit(r, step);
		match_contact(r, c, now_ms, NULL, "changed");
	}
	router_leave_command(r);
}

void
router_unreachable(struct router *r, int64_t now_ms, uint64_t contact, int by_agent,
	const char *reason, struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c == NULL)
		reply_now(reply, OUTCOME_NO_CONTACT,
			"No such live contact; it may be finished.", contact, 0);
	else if (by_agent >= 0 && c->agent != by_agent)
		reply_now(reply, OUTCOME_NOT_YOURS, "The contact is not in your hands.",
			contact, 0);
	else
		work_finish(r, c, CONTACT_UNREACHABLE, reason, now_ms, reply);
	router_leave_command(r);
}
