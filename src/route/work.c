/*
 * route/work.c - contacts in agents' hands: parked, resumed, wrapped up, completed, given
 * back.
 *
 *   connected --conversation ends--> wrapup --agent or time--> completed
 *             --more urgent work, or its agent--> parked --that is over, or its agent-->
 * connected
 *             --transfer, requeue, agent gone--> queued
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "route/ask.h"
#include "route/choose.h"
#include "route/class.h"
#include "route/stage.h"

int64_t
work_end_connection(struct router *r, struct contact *c, int64_t now_ms)
{
	int64_t length_ms = c->connected_ms != 0 ? now_ms - c->connected_ms : 0;

	c->handled_ms += length_ms;
	c->owed_ms += open_between_ms(r, c, now_ms - length_ms, now_ms);
	c->connected_ms = 0;
	return length_ms;
}

/* ---- parking ---- */

static void
park(struct router *r, struct step *step, struct agent *a, struct contact *c, uint64_t by,
	int64_t now_ms)
{
	work_end_connection(r, c, now_ms);
	agent_turn(r, a, c, CONTACT_PARKED);
	c->parked_ms = now_ms;
	c->park_until_ms = 0;
	c->parked_by = by;
	r->counts.parked++;
	contact_plan(r, c, now_ms);
	step_contact(r, step, c);
	step_event(step, EVENT_CONTACT_PARKED, c, a);
}

void
work_park_for(struct router *r, struct step *step, struct agent *a, struct contact *by,
	int need_pts, int64_t now_ms)
{
	/* The latest begun first, and no more than needed. */
	for (int i = a->n_held - 1; i >= 0 && need_pts > 0; i--) {
		struct contact *c = a->held[i];

		if (!agent_may_park(r, c) || c->cost_pts == 0)
			continue;
		if (step->n_parts == STEP_PARTS_MAX)
			return; /* cannot be: agent_room asked for no more */
		need_pts -= c->cost_pts;
		park(r, step, a, c, by->id, now_ms);
		c->stored_or = 1u << CONTACT_CONNECTED; /* if `by` is not taken */
	}
}

static void
unpark(struct router *r, struct agent *a, struct contact *c, int64_t now_ms)
{
	agent_turn(r, a, c, CONTACT_CONNECTED);
	c->connected_ms = now_ms;
	c->parked_ms = c->park_until_ms = 0;
	c->parked_by = 0;
	contact_plan(r, c, now_ms);
}

void
work_unpark_for(struct router *r, struct agent *a, uint64_t by, int64_t now_ms)
{
	for (int i = 0; i < a->n_held; i++) {
		struct contact *c = a->held[i];

		if (c->state != CONTACT_PARKED || c->parked_by != by)
			continue;
		unpark(r, a, c, now_ms);
		c->stored = CONTACT_CONNECTED;
	}
}

static void
resume(struct router *r, struct agent *a, struct contact *c, int64_t now_ms,
	struct reply reply)
{
	struct step *step = step_begin(r, STEP_HOLD, now_ms);

	unpark(r, a, c, now_ms);
	step_contact(r, step, c);
	step_reply(step, reply, c);
	step_event(step, EVENT_CONTACT_RESUMED, c, a);
	step_commit(r, step);
}

/* What parked it is no longer in this agent's hands. */
static bool
is_released(const struct agent *a, const struct contact *c)
{
	if (c->parked_by == 0)
		return false; /* its agent put it aside himself */
	for (int i = 0; i < a->n_held; i++)
		if (a->held[i]->id == c->parked_by)
			return false;
	return true;
}

void
work_resume_parked(struct router *r, struct agent *a, int64_t now_ms)
{
	struct reply none = {0};

	if (a->state == AGENT_OFFLINE)
		return; /* he is leaving: it goes back to its place */
	/* Oldest first: the order in which he began them. */
	for (int i = 0; i < a->n_held && a->n_parked > 0; i++) {
		struct contact *c = a->held[i];

		if (c->state != CONTACT_PARKED || !is_released(a, c) ||
			c->cost_pts > a->capacity_pts - a->load_pts)
			continue;
		resume(r, a, c, now_ms, none);
	}
}

/* ---- out of an agent's hands ---- */

void
work_requeue(struct router *r, struct contact *c, int64_t now_ms, struct reply reply,
	enum event_kind kind, const char *reason)
{
	struct step *step = step_begin(r, STEP_BACK, now_ms);
	struct agent *a = agent_at(r, c->agent);
	int64_t length_ms = work_end_connection(r, c, now_ms);
	struct effect *e;

	agent_release(r, a, c, now_ms);
	/* Nobody is punished for having been served (ROUTING 9). */
	c->d_ms = open_add_ms(r, c, c->d_ms, c->owed_ms);
	c->owed_ms = 0;
	c->parked_ms = c->park_until_ms = 0;
	c->parked_by = 0;
	c->wrapup_ms = c->wrapup_end_ms = 0;
	e = step_event(step, kind, c, a);
	e->event.handled_ms = length_ms;
	effect_reason(e, reason);
	c->offer = 0;
	c->agent = -1;
	wait_enter(r, c, now_ms);
	step_contact(r, step, c);
	step_agent(r, step, a);
	step_reply(step, reply, c);
	if (kind != EVENT_CONTACT_QUEUED)
		step_event(step, EVENT_CONTACT_QUEUED, c, NULL);
	r->counts.requeued++;
	step_commit(r, step);
	agent_settle(r, a, now_ms);
	match_contact(r, c, now_ms, NULL, "returned");
	agent_freed(r, a, now_ms, "freed");
}

static enum event_kind
event_of_end(enum contact_state end)
{
	if (end == CONTACT_ABANDONED)
		return EVENT_CONTACT_ABANDONED;
	if (end == CONTACT_EXPIRED)
		return EVENT_CONTACT_EXPIRED;
	if (end == CONTACT_CANCELLED)
		return EVENT_CONTACT_CANCELLED;
	if (end == CONTACT_LOST)
		return EVENT_CONTACT_LOST;
	if (end == CONTACT_ANSWERED)
		return EVENT_CONTACT_ANSWERED;
	return EVENT_CONTACT_COMPLETED;
}

static uint64_t *
counter_of_end(struct router *r, enum contact_state end)
{
	if (end == CONTACT_ABANDONED)
		return &r->counts.abandoned;
	if (end == CONTACT_EXPIRED)
		return &r->counts.expired;
	if (end == CONTACT_CANCELLED)
		return &r->counts.cancelled;
	if (end == CONTACT_LOST)
		return &r->counts.lost;
	if (end == CONTACT_ANSWERED)
		return &r->counts.answered;
	return &r->counts.completed;
}

void
work_finish(struct router *r, struct contact *c, enum contact_state end,
	const char *reason, int64_t now_ms, struct reply reply)
{
	struct step *step = step_begin(r, STEP_FINISH, now_ms);
	struct agent *a = c->agent >= 0 ? agent_at(r, c->agent) : NULL;
	bool waited = c->state == CONTACT_QUEUED || c->state == CONTACT_SCHEDULED ||
		      c->state == CONTACT_OFFERED;
	bool was_offered = c->state == CONTACT_OFFERED;
	struct effect *e;

	if (was_offered) {
		enum offer_state how =
			end == CONTACT_ABANDONED ? OFFER_RESCINDED : OFFER_CANCELLED;

		offer_end(r, c, how, now_ms);
		effect_reason(step_event(step,
				      how == OFFER_RESCINDED ? EVENT_OFFER_RESCINDED
							     : EVENT_OFFER_CANCELLED,
				      c, a),
			contact_state_name[end]);
	} else if (a != NULL) {
		work_end_connection(r, c, now_ms);
		agent_release(r, a, c, now_ms);
	}
	if (c->class != NULL)
		wait_leave(r, c);
	contact_set_state(r, c, end);
	free(c->end_reason);
	c->end_reason = xstrdup(reason);
	step_contact(r, step, c);
	if (a != NULL && !was_offered)
		step_agent(r, step, a);
	step_reply(step, reply, c);
	e = step_event(step, event_of_end(end), c, a);
	e->event.waited_ms = waited ? now_ms - c->t0_ms : -1;
	e->event.handled_ms = a != NULL && !was_offered ? c->handled_ms : -1;
	e->event.amount = c->amount;
	e->event.satisfaction = c->satisfaction;
	effect_reason(e, c->disposition != NULL ? c->disposition : reason);
	++*counter_of_end(r, end);
	if (a != NULL && !was_offered)
		wait_remember_handle(r, c,
			c->handled_ms + (c->wrapup_ms != 0 ? now_ms - c->wrapup_ms : 0));
	ask_complete(r, c, was_offered ? NULL : a, e->event.waited_ms, now_ms);
	step_commit(r, step);
	c->agent = -1; /* released above */
	contact_destroy(r, c);
	if (a != NULL) {
		agent_settle(r, a, now_ms);
		agent_freed(r, a, now_ms, "freed");
	}
}

/* ---- wrap-up ---- */

/* The longest wrap-up of a contact: the queue's own, or what an agent may ask for. */
static int64_t
longest_wrapup_ms(const struct router *r, const struct contact *c)
{
	int64_t own_ms =
		queue_wrapup_ms(r->centre, &r->centre->queues[c->queue], c->channel);
	int64_t cap_ms = r->centre->channels[c->channel].wrapup_cap_ms;

	return own_ms > cap_ms ? own_ms : cap_ms;
}

/* Ends the conversation: wrap-up, or at once completed where there is none. */
static void
begin_wrapup(struct router *r, struct contact *c, int64_t extend_ms, int64_t now_ms,
	struct reply reply)
{
	const struct queue *q = &r->centre->queues[c->queue];
	int64_t length_ms = queue_wrapup_ms(r->centre, q, c->channel) + extend_ms,
		longest_ms = longest_wrapup_ms(r, c), connected_ms;
	struct agent *a = agent_at(r, c->agent);
	struct step *step;

	/* Where a disposition must be given there is time to give it. */
	if (length_ms == 0 && q->disposition_required)
		length_ms = longest_ms;
	if (length_ms > longest_ms)
		length_ms = longest_ms;
	if (length_ms == 0) {
		work_finish(r, c, CONTACT_COMPLETED, NULL, now_ms, reply);
		return;
	}
	step = step_begin(r, STEP_HOLD, now_ms);
	connected_ms = work_end_connection(r, c, now_ms);
	agent_turn(r, a, c, CONTACT_WRAPUP);
	c->wrapup_ms = now_ms;
	c->wrapup_end_ms = now_ms + length_ms;
	contact_plan(r, c, now_ms);
	step_contact(r, step, c);
	step_reply(step, reply, c);
	struct effect *e = step_event(step, EVENT_CONTACT_WRAPUP, c, a);
	e->event.handled_ms = connected_ms;
	e->event.expires_ms = c->wrapup_end_ms;
	step_commit(r, step);
	agent_settle(r, a, now_ms);
}

static void
extend_wrapup(struct router *r, struct contact *c, int64_t extend_ms, int64_t now_ms,
	struct reply reply)
{
	int64_t cap_ms = c->wrapup_ms + longest_wrapup_ms(r, c);
	int64_t end_ms = c->wrapup_end_ms + extend_ms;
	struct step *step;

	if (end_ms > cap_ms)
		end_ms = cap_ms;
	if (end_ms <= c->wrapup_end_ms) {
		reply_now(reply, OUTCOME_BAD_VALUE,
			"Wrap-up cannot be longer than the channel's wrapup_cap.", c->id,
			0);
		return;
	}
	c->wrapup_end_ms = end_ms;
	contact_plan(r, c, now_ms);
	step = step_begin(r, STEP_HOLD, now_ms);
	step_contact(r, step, c);
	step_reply(step, reply, c);
	step_event(step, EVENT_CONTACT_WRAPUP, c, agent_at(r, c->agent))
		->event.expires_ms = end_ms;
	step_commit(r, step);
}

/* ---- what time brings ---- */

void
work_due(struct router *r, struct contact *c, int64_t now_ms)
{
	struct reply none = {0};
	struct agent *a = agent_at(r, c->agent);

	if (c->state == CONTACT_WRAPUP) {
		work_finish(r, c, CONTACT_COMPLETED, "wrapup_over", now_ms, none);
	} else if (c->state == CONTACT_PARKED) {
		/* Put aside until now by its agent: he goes on where he can, else anybody
		 * does. */
		if (c->park_until_ms != 0 && a->login_ms != 0 && a->lost_ms == 0 &&
			c->cost_pts <= a->capacity_pts - a->load_pts) {
			resume(r, a, c, now_ms, none);
			agent_settle(r, a, now_ms);
		} else {
			work_requeue(r, c, now_ms, none, EVENT_CONTACT_QUEUED,
				"parked_too_long");
		}
	}
}

/* ---- commands ---- */

/* The contact, if the agent (-1: staff) may act on it in one of these states; else
 * answers and returns NULL. */
static struct contact *
held_contact(
	struct router *r, uint64_t id, int by_agent, unsigned states, struct reply reply)
{
	struct contact *c = contact_find(r, id);

	if (c == NULL) {
		reply_now(reply, OUTCOME_NO_CONTACT,
			"No such live contact; it may be finished.", id, 0);
		return NULL;
	}
	if (by_agent >= 0 && c->agent != by_agent) {
		reply_now(reply, OUTCOME_NOT_YOURS, "The contact is not in your hands.",
			id, 0);
		return NULL;
	}
	if ((states & 1u << c->state) == 0) {
		reply_now(reply, OUTCOME_WRONG_STATE,
			"The contact's state does not allow this.", id, 0);
		return NULL;
	}
	return c;
}

#define HELD (1u << CONTACT_CONNECTED | 1u << CONTACT_WRAPUP | 1u << CONTACT_PARKED)

static enum outcome_kind
find_target(struct router *r, const struct contact *c, int queue, int agent,
	const char **message)
{
	if (queue >= r->centre->n_queues ||
		(queue >= 0 && r->centre->queues[queue].removed)) {
		*message = "No such queue.";
		return OUTCOME_NO_QUEUE;
	}
	if (queue >= 0 && !queue_takes(&r->centre->queues[queue], c->channel)) {
		*message = "The queue does not take this channel.";
		return OUTCOME_NO_CHANNEL;
	}
	if (queue >= 0 && r->queue_closed[queue]) {
		*message = "The queue is closed; the contact stays with you.";
		return OUTCOME_QUEUE_CLOSED;
	}
	if (agent >= r->n_agents || (agent >= 0 && r->centre->agents[agent].removed)) {
		*message = "No such agent.";
		return OUTCOME_NO_AGENT;
	}
	if (agent >= 0 && r->agents[agent].login_ms == 0) {
		*message = "That agent is not logged in; the contact stays with you.";
		return OUTCOME_WRONG_STATE;
	}
	return OUTCOME_OK;
}

void
router_transfer(struct router *r, int64_t now_ms, uint64_t contact, int by_agent,
	int queue, int agent, struct reply reply)
{
	struct contact *c;
	const char *message = NULL;
	enum outcome_kind kind;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = held_contact(r, contact, by_agent, HELD, reply);
	kind = c != NULL ? find_target(r, c, queue, agent, &message) : OUTCOME_OK;
	if (kind != OUTCOME_OK) {
		reply_now(reply, kind, message, contact, 0);
	} else if (c != NULL) {
		bool moved = queue >= 0 && queue != c->queue;

		if (moved) {
			c->queue = queue;
			c->fixed_queue = true;
			c->law_queue = queue;
			c->step = 0;
			c->n_overflows = 0;
			classify_law(r, c, false);
			classify_need(r, c);
		}
		c->target = agent;
		c->target_until_ms = 0;
		c->last_agent = -1;
		if (moved || agent >= 0)
			r->counts.transferred++;
		work_requeue(r, c, now_ms, reply,
			moved || agent >= 0 ? EVENT_CONTACT_TRANSFERRED
					    : EVENT_CONTACT_QUEUED,
			moved || agent >= 0 ? "transfer" : "requeue");
	}
	router_leave_command(r);
}

void
router_park(struct router *r, int64_t now_ms, uint64_t contact, int by_agent,
	int64_t until_ms, struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = held_contact(r, contact, by_agent, 1u << CONTACT_CONNECTED, reply);
	if (c != NULL) {
		struct agent *a = agent_at(r, c->agent);
		struct step *step = step_begin(r, STEP_HOLD, now_ms);

		park(r, step, a, c, 0, now_ms);
		c->park_until_ms = until_ms > now_ms ? until_ms : 0;
		contact_plan(r, c, now_ms);
		step_contact(r, step, c);
		step_reply(step, reply, c);
		step_commit(r, step);
		agent_settle(r, a, now_ms);
		agent_freed(r, a, now_ms, "freed");
	}
	router_leave_command(r);
}

void
router_resume(struct router *r, int64_t now_ms, uint64_t contact, int by_agent,
	struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = held_contact(r, contact, by_agent, 1u << CONTACT_PARKED, reply);
	if (c != NULL) {
		struct agent *a = agent_at(r, c->agent);

		if (c->cost_pts > a->capacity_pts - a->load_pts)
			reply_now(reply, OUTCOME_WRONG_STATE,
				"Your capacity is used up; finish something first.",
				contact, 0);
		else
			resume(r, a, c, now_ms, reply);
		agent_settle(r, a, now_ms);
	}
	router_leave_command(r);
}

void
router_wrapup(struct router *r, int64_t now_ms, uint64_t contact, int by_agent,
	int64_t extend_ms, struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = held_contact(r, contact, by_agent,
		1u << CONTACT_CONNECTED | 1u << CONTACT_WRAPUP, reply);
	if (c != NULL && c->state == CONTACT_CONNECTED)
		begin_wrapup(r, c, extend_ms, now_ms, reply);
	else if (c != NULL && extend_ms > 0)
		extend_wrapup(r, c, extend_ms, now_ms, reply);
	else if (c != NULL)
		reply_after(r, c, reply); /* said twice */
	router_leave_command(r);
}

static bool
code_is_known(const struct queue *q, const char *code)
{
	if (q->n_dispositions == 0)
		return true;
	for (int i = 0; i < q->n_dispositions; i++)
		if (strcmp(q->dispositions[i], code) == 0)
			return true;
	return false;
}

void
router_complete(struct router *r, int64_t now_ms, uint64_t contact, int by_agent,
	const struct disposition *disposition, struct reply reply)
{
	struct contact *c;
	const struct queue *q;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = held_contact(r, contact, by_agent, HELD, reply);
	if (c != NULL) {
		q = &r->centre->queues[c->queue];
		if (q->disposition_required &&
			(disposition == NULL || disposition->code == NULL))
			reply_now(reply, OUTCOME_DISPOSITION,
				"This queue wants a disposition; give one of its codes.",
				contact, 0);
		else if (disposition != NULL && disposition->code != NULL &&
			 !code_is_known(q, disposition->code))
			reply_now(reply, OUTCOME_DISPOSITION,
				"Not one of the queue's disposition codes.", contact, 0);
		else {
			if (disposition != NULL) {
				c->disposition = xstrdup(disposition->code);
				c->currency = xstrdup(disposition->currency);
				c->amount = disposition->amount;
				c->satisfaction = disposition->satisfaction;
			}
			work_finish(r, c, CONTACT_COMPLETED, NULL, now_ms, reply);
		}
	}
	router_leave_command(r);
}

void
router_leave(struct router *r, int64_t now_ms, uint64_t contact, struct reply reply)
{
	router_abandon(r, now_ms, contact, NULL, reply);
}

void
router_abandon(struct router *r, int64_t now_ms, uint64_t contact, const char *reason,
	struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c == NULL)
		reply_now(reply, OUTCOME_NO_CONTACT,
			"No such live contact; it may be finished.", contact, 0);
	else if (c->state == CONTACT_CONNECTED)
		begin_wrapup(
			r, c, 0, now_ms, reply); /* the customer ended the conversation;
						    the agent wraps up */
	else if (c->state == CONTACT_WRAPUP)
		reply_after(r, c, reply);
	else
		work_finish(r, c, CONTACT_ABANDONED, reason, now_ms, reply);
	router_leave_command(r);
}

static void
finish_command(struct router *r, int64_t now_ms, uint64_t contact, enum contact_state end,
	const char *reason, struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c == NULL)
		reply_now(reply, OUTCOME_NO_CONTACT,
			"No such live contact; it may be finished.", contact, 0);
	else
		work_finish(r, c, end, reason, now_ms, reply);
	router_leave_command(r);
}

void
router_cancel(struct router *r, int64_t now_ms, uint64_t contact, const char *reason,
	struct reply reply)
{
	struct contact *c = contact_find(r, contact);

	if (c != NULL && (c->state == CONTACT_CONNECTED || c->state == CONTACT_WRAPUP))
		reply_now(reply, OUTCOME_WRONG_STATE,
			"An agent has it; only waiting contacts are withdrawn.", contact,
			0);
	else
		finish_command(r, now_ms, contact, CONTACT_CANCELLED, reason, reply);
}

void
router_answer(struct router *r, int64_t now_ms, uint64_t contact, const char *reason,
	struct reply reply)
{
	struct contact *c = contact_find(r, contact);

	if (c != NULL && c->state != CONTACT_SCHEDULED && c->state != CONTACT_QUEUED)
		reply_now(reply, OUTCOME_WRONG_STATE,
			"An agent has it; only waiting contacts are answered by "
			"themselves.",
			contact, 0);
	else
		finish_command(r, now_ms, contact, CONTACT_ANSWERED, reason, reply);
}

void
router_lose(struct router *r, int64_t now_ms, uint64_t contact, struct reply reply)
{
	finish_command(r, now_ms, contact, CONTACT_LOST, "link_failure", reply);
}

void
router_expire(struct router *r, int64_t now_ms, uint64_t contact, const char *reason,
	struct reply reply)
{
	finish_command(r, now_ms, contact, CONTACT_EXPIRED, reason, reply);
}
