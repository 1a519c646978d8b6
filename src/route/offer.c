/*
 * route/offer.c - an offer is a lease of one contact to one agent with a deadline
 * (CONTRACTS 2).
 *
 *   open --accept--> accepted        open --time--> timeout (RONA)     open --customer
 * leaves--> rescinded
 *        --reject--> rejected             --withdrawn, desktop lost--> cancelled
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "route/choose.h"
#include "route/class.h"
#include "route/stage.h"

static uint64_t
next_offer_id(struct router *r)
{
	return (uint64_t)r->epoch << 36 | ++r->n_offer_ids;
}

void
offer_make(struct router *r, struct contact *c, struct agent *a, bool parks,
	int64_t now_ms, struct step *add, const char *why)
{
	struct step *step = add != NULL ? add : step_begin(r, STEP_OFFER, now_ms);
	struct effect *e;

	wait_leave(r, c);
	c->offer = next_offer_id(r);
	c->offered_ms = now_ms;
	c->overdue_ms = 0;
	c->expires_ms = INT64_MAX; /* its clock starts with the commit */
	c->agent = a->index;
	c->cost_pts = agent_cost_pts(r, a, c->channel);
	r->round_robin[c->queue] = r->centre->agents[a->index].order;
	contact_set_state(r, c, CONTACT_OFFERED);
	contact_plan(r, c, now_ms);
	idmap_put(&r->offers, c->offer, c);
	step_contact(r, step, c);
	if (parks)
		work_park_for(r, step, a, c,
			c->cost_pts - (a->capacity_pts - a->load_pts), now_ms);
	agent_hold(r, a, c, now_ms);
	e = step_event(step, EVENT_OFFER_CREATED, c, a);
	e->event.waited_ms = now_ms - c->t0_ms;
	e->why = xstrdup(why);
	e->event.why = e->why;
	r->counts.offered++;
	if (add == NULL)
		step_commit(r, step);
	else
		add->kind = STEP_ADD_OFFER;
}

static void
remember_end(struct router *r, const struct contact *c, enum offer_state how)
{
	struct ended_offer *e;

	if (r->ended == NULL)
		r->ended = xcalloc(ENDED_OFFERS_KEPT, sizeof *r->ended);
	e = &r->ended[r->n_ended++ % ENDED_OFFERS_KEPT];
	if (e->offer != 0)
		idmap_remove(&r->ended_by_id, e->offer);
	*e = (struct ended_offer){
		.offer = c->offer, .contact = c->id, .agent = c->agent, .how = how};
	idmap_put(&r->ended_by_id, c->offer, e);
}

void
offer_end(struct router *r, struct contact *c, enum offer_state how, int64_t now_ms)
{
	idmap_remove(&r->offers, c->offer);
	remember_end(r, c, how);
	c->expires_ms = INT64_MAX;
	if (how == OFFER_ACCEPTED)
		return;
	agent_release(r, agent_at(r, c->agent), c, now_ms);
	c->agent = -1;
	switch (how) {
	case OFFER_OPEN:
	case OFFER_ACCEPTED:
		break;
	case OFFER_REJECTED:
		r->counts.rejected++;
		break;
	case OFFER_TIMEOUT:
		r->counts.timeouts++;
		break;
	case OFFER_RESCINDED:
		r->counts.rescinded++;
		break;
	case OFFER_CANCELLED:
		r->counts.offers_cancelled++;
		break;
	}
}

static enum event_kind
event_of(enum offer_state how)
{
	switch (how) {
	case OFFER_REJECTED:
		return EVENT_OFFER_REJECTED;
	case OFFER_TIMEOUT:
		return EVENT_OFFER_TIMEOUT;
	case OFFER_RESCINDED:
		return EVENT_OFFER_RESCINDED;
	case OFFER_ACCEPTED:
		return EVENT_OFFER_ACCEPTED;
	case OFFER_OPEN:
	case OFFER_CANCELLED:
		break;
	}
	return EVENT_OFFER_CANCELLED;
}

void
offer_back(struct router *r, struct contact *c, enum offer_state how, const char *reason,
	const char *fault, int64_t now_ms, struct reply reply)
{
	struct step *step = step_begin(r, STEP_BACK, now_ms);
	struct agent *a = agent_at(r, c->agent);

	offer_end(r, c, how, now_ms);
	if (how == OFFER_REJECTED)
		contact_cool(c, a->index, now_ms + r->centre->reject_cooldown_ms);
	effect_reason(step_event(step, event_of(how), c, a), reason);
	step_reply(step, reply, c);
	c->offer = 0;
	wait_enter(r, c, now_ms);
	step_contact(r, step, c);
	step_event(step, EVENT_CONTACT_QUEUED, c, NULL);
	if (how == OFFER_TIMEOUT || fault != NULL) {
		/* RONA: no further offers until he, or a supervisor, sets ready. A fault
		 * of his device is not his, but nobody could reach him either. */
		a->state = how == OFFER_TIMEOUT ? AGENT_NOT_RESPONDING : AGENT_NOT_READY;
		snprintf(a->reason, sizeof a->reason, "%.*s", REASON_MAX,
			fault != NULL ? fault : "rona");
		a->since_ms = now_ms;
		step_agent(r, step, a);
		effect_reason(step_event(step, EVENT_AGENT_STATE, NULL, a), a->reason);
	}
	step_commit(r, step);
	agent_settle(r, a, now_ms);
	if (how == OFFER_TIMEOUT || fault != NULL)
		wait_release_holds(r, a, now_ms);
	match_contact(r, c, now_ms, NULL, "returned");
	agent_freed(r, a, now_ms, "freed");
}

void
offer_timed_out(struct router *r, struct contact *c, int64_t now_ms)
{
	const struct agent *a = agent_at(r, c->agent);
	struct reply none = {0};

	/* Lapsing unseen it is no RONA (CONTRACTS 8.2). */
	if (a->lost_ms != 0)
		offer_back(r, c, OFFER_CANCELLED, "desktop_lost", NULL, now_ms, none);
	else
		offer_back(r, c, OFFER_TIMEOUT, "rona", NULL, now_ms, none);
}

void
offer_accept(struct router *r, struct contact *c, int64_t now_ms, struct reply reply)
{
	struct agent *a = agent_at(r, c->agent);
	struct step *step;

	offer_end(r, c, OFFER_ACCEPTED, now_ms);
	step = step_begin(r, STEP_CONNECT, now_ms);
	agent_turn(r, a, c, CONTACT_CONNECTED);
	c->connected_ms = now_ms;
	contact_plan(r, c, now_ms);
	a->handled++;
	step_contact(r, step, c);
	step_reply(step, reply, c);
	step_event(step, EVENT_OFFER_ACCEPTED, c, a)->event.waited_ms = now_ms - c->t0_ms;
	step_event(step, EVENT_CONTACT_CONNECTED, c, a)->event.waited_ms =
		now_ms - c->t0_ms;
	r->counts.accepted++;
	r->counts.connected++;
	if (c->handled_ms == 0) /* who was served before waited twice */
		wait_remember(r, c, now_ms - c->t0_ms);
	step_commit(r, step);
	agent_settle(r, a, now_ms);
	/* What can be parked now makes room for what may park it. */
	if (r->centre->channels[c->channel].interruptible)
		agent_freed(r, a, now_ms, "freed");
}

/* ---- commands ---- */

static const char *const gone_message[] = {"", "The offer ended: accepted already.",
	"The offer ended: rejected already.",
	"The offer ended: timeout. Set yourself ready to get the next one.",
	"The offer ended: rescinded, the customer left before the answer came.",
	"The offer ended: cancelled, it was withdrawn."};

/* Looks an open offer up for its agent; answers and returns NULL when it is not his or
 * not open. */
static struct contact *
open_offer(struct router *r, int64_t now_ms, uint64_t offer, int agent,
	struct reply reply, bool accepting)
{
	struct contact *c = idmap_get(&r->offers, offer);
	const struct ended_offer *e;

	if (c != NULL && c->expires_ms <= now_ms && r->store_up && !carry_rings(r, c)) {
		offer_timed_out(r, c,
			now_ms); /* its moment has passed, though nobody has looked yet */
		c = NULL;
	}
	if (c != NULL && c->agent == agent)
		return c;
	e = idmap_get(&r->ended_by_id, offer);
	if (c != NULL || (e != NULL && e->agent != agent))
		reply_now(reply, OUTCOME_NOT_YOURS, "The offer is another agent's.", 0,
			offer);
	else if (e == NULL)
		reply_now(reply, OUTCOME_OFFER_GONE,
			"No such offer; it may have ended long ago.", 0, offer);
	else if ((e->how == OFFER_ACCEPTED && accepting) ||
		 (e->how == OFFER_REJECTED && !accepting)) {
		/* Said twice: the same answer, once it is committed. */
		c = contact_find(r, e->contact);
		if (c != NULL)
			reply_after(r, c, reply);
		else
			reply_now(reply, OUTCOME_OK, NULL, e->contact, offer);
	} else
		reply_now(reply, OUTCOME_OFFER_GONE, gone_message[e->how], e->contact,
			offer);
	return NULL;
}

void
router_accept(
	struct router *r, int64_t now_ms, uint64_t offer, int agent, struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = open_offer(r, now_ms, offer, agent, reply, true);
	if (c != NULL && carry_rings(r, c))
		reply_now(reply, OUTCOME_WRONG_STATE,
			"The telephone's answer accepts this call: pick it up.", c->id,
			offer);
	else if (c != NULL)
		offer_accept(r, c, now_ms, reply);
	router_leave_command(r);
}

void
router_reject(struct router *r, int64_t now_ms, uint64_t offer, int agent,
	const char *reason, struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = open_offer(r, now_ms, offer, agent, reply, false);
	if (c != NULL)
		offer_back(r, c, OFFER_REJECTED, reason, NULL, now_ms, reply);
	router_leave_command(r);
}
