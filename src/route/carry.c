/*
 * route/carry.c - calls: contacts that a switch carries (CONTRACTS 2, Voice).
 *
 * The switch holds the call, and what it says is true: a telephone that answered has the
 * caller, whatever was decided meanwhile; a dial result ends the offer; our own timer
 * only asks the carrier to withdraw the leg.
 */
#include <stdlib.h>
#include <string.h>

#include "route/choose.h"
#include "route/stage.h"

/* ---- who carries what ---- */

void
router_use_carrier(struct router *r, const struct carrier *carrier)
{
	r->carrier = *carrier;
}

void
router_carry(struct router *r, uint64_t contact, bool carried)
{
	struct contact *c = contact_find(r, contact);

	if (c == NULL || c->carried == carried)
		return;
	c->carried = carried;
	contact_plan(r, c, r->latest_ms);
}

bool
carry_rings(const struct router *r, const struct contact *c)
{
	return c->carried && !r->centre->channels[c->channel].accept_first;
}

int64_t
carry_due_ms(const struct contact *c)
{
	if (c->expires_ms == INT64_MAX)
		return INT64_MAX;
	return c->overdue_ms != 0 ? c->overdue_ms : c->expires_ms + CARRY_GRACE_MS;
}

void
carry_overdue(struct router *r, struct contact *c, int64_t now_ms)
{
	uint64_t contact = c->id, offer = c->offer;

	c->overdue_ms = now_ms + CARRY_GRACE_MS;
	contact_plan(r, c, now_ms);
	if (r->carrier.overdue != NULL)
		r->carrier.overdue(r->carrier.owner, contact, offer);
}

bool
carry_holds(const struct agent *a)
{
	for (int i = 0; i < a->n_held; i++)
		if (a->held[i]->carried && a->held[i]->state == CONTACT_CONNECTED)
			return true;
	return false;
}

bool
carry_summons(struct router *r, struct contact *c, int64_t now_ms, struct step *add)
{
	struct step *step;

	if (!r->centre->channels[c->channel].dial_first || c->carried)
		return false;
	wait_leave(r, c);
	c->eligible_ms = INT64_MAX;
	wait_enter(r, c, now_ms);
	step = add != NULL ? add : step_begin(r, STEP_MOVE, now_ms);
	step_contact(r, step, c);
	effect_reason(step_event(step, EVENT_CONTACT_UPDATED, c, NULL), "summoned");
	if (add == NULL)
		step_commit(r, step);
	return true;
}

/* ---- looking ---- */

uint64_t
router_find(const struct router *r, const char *source, const char *external_id)
{
	char *external = xasprintf("%s %s", source, external_id);
	const struct contact *c = map_get(&r->externals, external);

	free(external);
	return c != NULL ? c->id : 0;
}

void
router_each(struct router *r, const char *source,
	void (*fn)(void *owner, uint64_t contact, const char *external_id,
		enum contact_state state),
	void *owner)
{
	uint64_t *ids = xcalloc(r->contacts.n + 1, sizeof ids[0]);
	size_t n = 0, at = 0;
	void *value;

	/* fn may end contacts: their ids first. */
	while (idmap_next(&r->contacts, &at, NULL, &value)) {
		const struct contact *c = value;

		if (source == NULL ||
			(c->source != NULL && strcmp(c->source, source) == 0))
			ids[n++] = c->id;
	}
	for (size_t i = 0; i < n; i++) {
		const struct contact *c = contact_find(r, ids[i]);

		if (c == NULL)
			continue;
		char *id = c->external != NULL ? xstrdup(strchr(c->external, ' ') + 1)
					       : NULL;
		fn(owner, ids[i], id, c->state);
		free(id);
	}
	free(ids);
}

uint64_t
router_contact_offer(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	return c != NULL && c->state == CONTACT_OFFERED ? c->offer : 0;
}

int
router_contact_channel(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	return c != NULL ? c->channel : -1;
}

const char *
router_contact_text(const struct router *r, uint64_t contact, const char *attribute)
{
	const struct contact *c = contact_find(r, contact);

	for (int i = 0; c != NULL && i < c->n_attributes; i++)
		if (c->attributes[i].kind == VALUE_TEXT &&
			strcmp(c->attributes[i].name, attribute) == 0)
			return c->attributes[i].text;
	return NULL;
}

const char *
router_agent_device(const struct router *r, int agent)
{
	if (agent < 0 || agent >= r->n_agents)
		return NULL;
	if (r->agents[agent].device != NULL)
		return r->agents[agent].device;
	return r->centre->agents[agent].device;
}

/* ---- what the telephone did ---- */

/* The contact of an open offer; answers and returns NULL when it is open no more. */
static struct contact *
open_offer(struct router *r, uint64_t offer, struct reply reply)
{
	struct contact *c = idmap_get(&r->offers, offer);

	if (c == NULL)
		reply_now(reply, OUTCOME_OFFER_GONE, "The offer is open no more.", 0,
			offer);
	return c;
}

void
router_answered(struct router *r, int64_t now_ms, uint64_t offer, struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = open_offer(r, offer, reply);
	if (c != NULL)
		offer_accept(r, c, now_ms, reply);
	router_leave_command(r);
}

void
router_offer_failed(struct router *r, int64_t now_ms, uint64_t offer,
	enum offer_state how, const char *reason, const char *fault, int64_t until_ms,
	struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = open_offer(r, offer, reply);
	if (c != NULL) {
		if (until_ms > now_ms)
			c->eligible_ms = until_ms;
		/* Lapsing unseen it is no RONA (CONTRACTS 8.2). */
		if (how == OFFER_TIMEOUT && agent_at(r, c->agent)->lost_ms != 0) {
			how = OFFER_CANCELLED;
			reason = "desktop_lost";
		}
		offer_back(r, c, how, reason, fault, now_ms, reply);
	}
	router_leave_command(r);
}

/* Out of other hands, and no step of its own: what follows says it. */
static void
take_from(struct router *r, struct step *step, struct contact *c, const char *reason,
	int64_t now_ms)
{
	struct agent *a = agent_at(r, c->agent);

	if (c->state == CONTACT_OFFERED) {
		offer_end(r, c, OFFER_CANCELLED, now_ms);
		effect_reason(step_event(step, EVENT_OFFER_CANCELLED, c, a), reason);
	} else if (a != NULL) {
		int64_t length_ms = work_end_connection(r, c, now_ms);
		struct effect *e;

		agent_release(r, a, c, now_ms);
		e = step_event(step, EVENT_CONTACT_TRANSFERRED, c, a);
		e->event.handled_ms = length_ms;
		effect_reason(e, reason);
		step_agent(r, step, a);
		r->counts.transferred++;
	}
	c->connected_ms = c->parked_ms = c->park_until_ms = 0;
	c->parked_by = 0;
	c->offer = 0;
	c->agent = -1;
	if (c->class != NULL)
		wait_leave(r, c);
}

static void
seize(struct router *r, struct contact *c, struct agent *a, const char *reason,
	int64_t now_ms, struct reply reply)
{
	struct agent *before = agent_at(r, c->agent);
	struct step *step = step_begin(r, STEP_CONNECT, now_ms);

	take_from(r, step, c, reason, now_ms);
	c->agent = a->index;
	c->cost_pts = agent_cost_pts(r, a, c->channel);
	c->eligible_ms = 0;
	contact_set_state(r, c, CONTACT_CONNECTED);
	c->connected_ms = now_ms;
	agent_hold(r, a, c, now_ms);
	contact_plan(r, c, now_ms);
	a->handled++;
	step_contact(r, step, c);
	step_reply(step, reply, c);
	effect_reason(step_event(step, EVENT_CONTACT_CONNECTED, c, a), reason);
	r->counts.connected++;
	step_commit(r, step);
	agent_settle(r, a, now_ms);
	if (before != NULL) {
		agent_settle(r, before, now_ms);
		agent_freed(r, before, now_ms, "freed");
	}
}

void
router_seize(struct router *r, int64_t now_ms, uint64_t contact, int agent,
	const char *reason, struct reply reply)
{
	struct contact *c;
	struct agent *a = agent_at(r, agent);

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c == NULL)
		reply_now(reply, OUTCOME_NO_CONTACT,
			"No such live contact; it may be finished.", contact, 0);
	else if (a == NULL || a->login_ms == 0)
		reply_now(reply, OUTCOME_NO_AGENT, "That agent is not logged in.",
			contact, 0);
	else if (c->agent == agent && c->state == CONTACT_CONNECTED)
		reply_after(r, c, reply);
	else if (c->agent == agent && c->state == CONTACT_OFFERED)
		offer_accept(r, c, now_ms, reply);
	else if (c->state == CONTACT_QUEUED || c->state == CONTACT_SCHEDULED ||
		 c->state == CONTACT_OFFERED || c->state == CONTACT_CONNECTED)
		seize(r, c, a, reason, now_ms, reply);
	else
		reply_now(reply, OUTCOME_WRONG_STATE,
			"The contact's state does not allow this.", contact, 0);
	router_leave_command(r);
}

/* ---- waits that cannot be served now ---- */

static void
commit_wait(struct router *r, struct contact *c, enum event_kind kind, const char *reason,
	int64_t now_ms, struct reply reply)
{
	struct step *step = step_begin(r, STEP_MOVE, now_ms);

	step_contact(r, step, c);
	step_reply(step, reply, c);
	effect_reason(step_event(step, kind, c, NULL), reason);
	step_commit(r, step);
}

void
router_suspend(struct router *r, int64_t now_ms, uint64_t contact, int64_t until_ms,
	const char *reason, struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c == NULL || (c->state != CONTACT_QUEUED && c->state != CONTACT_SCHEDULED)) {
		reply_now(reply, c == NULL ? OUTCOME_NO_CONTACT : OUTCOME_WRONG_STATE,
			"Only a waiting contact can be put off.", contact, 0);
	} else if (until_ms > now_ms &&
		   (c->state == CONTACT_QUEUED || c->eligible_ms != until_ms)) {
		if (c->class != NULL)
			wait_leave(r, c);
		c->eligible_ms = until_ms;
		wait_enter(r, c, now_ms);
		commit_wait(r, c, EVENT_CONTACT_UPDATED, reason, now_ms, reply);
	} else {
		reply_after(r, c, reply);
	}
	router_leave_command(r);
}

void
router_wake(struct router *r, int64_t now_ms, uint64_t contact, const char *reason,
	struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c == NULL || c->state != CONTACT_SCHEDULED) {
		reply_now(reply, c == NULL ? OUTCOME_NO_CONTACT : OUTCOME_WRONG_STATE,
			"Only a contact that was put off can be woken.", contact, 0);
	} else {
		c->eligible_ms = 0;
		wait_enter(r, c, now_ms);
		commit_wait(r, c, EVENT_CONTACT_QUEUED, reason, now_ms, reply);
		match_contact(r, c, now_ms, NULL, "returned");
	}
	router_leave_command(r);
}

/* ---- attempts to reach a customer ---- */

void
router_attempt(struct router *r, int64_t now_ms, uint64_t contact, struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c == NULL ||
		(c->state != CONTACT_CONNECTED && c->state != CONTACT_SCHEDULED)) {
		reply_now(reply, c == NULL ? OUTCOME_NO_CONTACT : OUTCOME_WRONG_STATE,
			"The contact's state does not allow this.", contact, 0);
	} else {
		struct step *step = step_begin(r, STEP_HOLD, now_ms);

		c->attempts++;
		c->attempt_open = true;
		step_contact(r, step, c);
		step_reply(step, reply, c);
		effect_reason(
			step_event(step, EVENT_CONTACT_UPDATED, c, agent_at(r, c->agent)),
			"attempt");
		step_commit(r, step);
	}
	router_leave_command(r);
}

void
router_attempt_over(struct router *r, uint64_t contact)
{
	struct contact *c = contact_find(r, contact);

	if (c != NULL)
		c->attempt_open = false;
}

struct attempts
router_attempts(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	if (c == NULL)
		return (struct attempts){0};
	return (struct attempts){c->attempts, c->attempt_open, c->missed, c->number};
}

void
router_set_number(struct router *r, uint64_t contact, const char *number)
{
	struct contact *c = contact_find(r, contact);

	if (c == NULL)
		return;
	free(c->number);
	c->number = xstrdup(number);
}

int
router_missed(struct router *r, uint64_t contact)
{
	struct contact *c = contact_find(r, contact);

	return c != NULL ? ++c->missed : 0;
}

bool
router_backdate(struct router *r, int64_t now_ms, uint64_t contact, int64_t t0_ms)
{
	struct contact *c = contact_find(r, contact);
	struct step *step;

	if (c == NULL || c->class == NULL || t0_ms >= c->t0_ms)
		return false;
	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c != NULL && c->class != NULL) {
		step = step_begin(r, STEP_MOVE, now_ms);
		wait_leave(r, c);
		c->t0_ms = t0_ms;
		classify_law(r, c, true);
		wait_enter(r, c, now_ms);
		step_contact(r, step, c);
		effect_reason(
			step_event(step, EVENT_CONTACT_UPDATED, c, NULL), "resumed");
		step_commit(r, step);
		match_contact(r, c, now_ms, NULL, "changed");
	}
	router_leave_command(r);
	return c != NULL;
}

bool
router_agent_takes(const struct router *r, int agent, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);
	const struct agent *a =
		agent >= 0 && agent < r->n_agents ? &r->agents[agent] : NULL;

	return c != NULL && a != NULL && a->state == AGENT_READY && !a->pending &&
	       a->login_ms != 0 && a->lost_ms == 0 && a->routable &&
	       agent_cost_pts(r, a, c->channel) <= a->capacity_pts - a->load_pts;
}

/* ---- measures ---- */

void
router_measure(struct router *r, uint64_t contact, const struct measures *measures)
{
	struct contact *c = contact_find(r, contact);

	if (c != NULL)
		c->measured = *measures;
}

struct measures
router_measures(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	return c != NULL ? c->measured : MEASURES_NONE;
}

int64_t
router_connected_ms(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	return c != NULL && c->state == CONTACT_CONNECTED ? c->connected_ms : 0;
}

int64_t
router_contact_t0_ms(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	return c != NULL ? c->t0_ms : 0;
}

void
router_leg(struct router *r, uint64_t contact, const struct leg_record *leg)
{
	struct contact *c = contact_find(r, contact);

	if (c == NULL)
		return;
	if (c->n_legs == LEGS_KEPT)
		memmove(c->legs, c->legs + 1, --c->n_legs * sizeof c->legs[0]);
	c->legs = xreallocarray(c->legs, (size_t)c->n_legs + 1, sizeof c->legs[0]);
	c->legs[c->n_legs++] = *leg;
}

/* ---- calls outside usher ---- */

void
router_occupy(struct router *r, int64_t now_ms, int agent, int points)
{
	struct agent *a = agent_at(r, agent);
	struct step *step;

	if (a == NULL || a->outside_pts == points)
		return;
	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	a->load_pts += points - a->outside_pts;
	a->outside_pts = points;
	step = step_begin(r, STEP_AGENT, now_ms);
	step_agent(r, step, a);
	effect_reason(step_event(step, EVENT_AGENT_STATE, NULL, a),
		points > 0 ? "outside_call" : "outside_call_over");
	step_commit(r, step);
	if (points == 0) {
		a->idle_since_ms = now_ms; /* he worked (FEATURES D1) */
		agent_freed(r, a, now_ms, "freed");
	} else {
		wait_release_holds(r, a, now_ms);
		agent_settle(r, a, now_ms);
	}
	router_leave_command(r);
}
