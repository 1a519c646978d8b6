/* route/commit.c - steps to the store, and what is said once they are committed: effect
 * after commit. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "route/record.h"
#include "route/stage.h"
#include "route/stream.h"

const char *const event_name[EVENT_KINDS] = {"contact.created", "contact.queued",
	"contact.updated", "offer.created", "offer.accepted", "offer.rejected",
	"offer.timeout", "offer.rescinded", "offer.cancelled", "contact.connected",
	"contact.transferred", "contact.parked", "contact.resumed", "contact.wrapup",
	"contact.completed", "contact.abandoned", "contact.expired", "contact.cancelled",
	"contact.lost", "contact.answered", "agent.state_changed",
	"agent.channel_changed", "agent.skills_changed", "queue.state_changed",
	"config.changed", "alarm.raised", "alarm.cleared"};

static const char *const outcome_names[OUTCOME_KINDS] = {"ok", "no_contact", "no_agent",
	"no_queue", "no_channel", "no_tier", "no_skill", "offer_gone", "not_yours",
	"wrong_state", "bad_value", "queue_full", "ewt_over", "no_agents", "queue_closed",
	"store_away", "disposition_required", "blocked"};

const char *
outcome_name(enum outcome_kind kind)
{
	return outcome_names[kind];
}

/* ---- effects ---- */

static void
effect_destroy(struct effect *e)
{
	free(e->reason);
	free(e->why);
	free(e->message);
	free(e);
}

void
effects_destroy(struct effect *effects)
{
	while (effects != NULL) {
		struct effect *next = effects->next;

		effect_destroy(effects);
		effects = next;
	}
}

static struct effect *
effect_add(struct step *step)
{
	struct effect *e = xcalloc(1, sizeof *e), **end = &step->effects;

	while (*end != NULL)
		end = &(*end)->next;
	*end = e;
	return e;
}

struct effect *
step_event(struct step *step, enum event_kind kind, const struct contact *c,
	const struct agent *a)
{
	struct effect *e = effect_add(step);

	e->event = (struct event){.kind = kind,
		.at_ms = step->at_ms,
		.agent = a != NULL ? a->index : -1,
		.queue = -1,
		.channel = -1,
		.tier = -1,
		.waited_ms = -1,
		.handled_ms = -1,
		.amount = NAN,
		.satisfaction = NAN,
		.measured = MEASURES_NONE,
		.value = NAN,
		.limit = NAN};
	if (c != NULL) {
		e->event.contact = c->id;
		e->event.offer = c->offer;
		e->event.queue = c->queue;
		e->event.channel = c->channel;
		e->event.tier = c->tier;
		e->event.due_ms = c->d_ms;
		e->event.end = c->state;
		e->event.measured = c->measured;
	}
	return e;
}

void
effect_reason(struct effect *e, const char *reason)
{
	free(e->reason);
	e->reason = xstrdup(reason);
	e->event.reason = e->reason;
}

void
step_reply(struct step *step, struct reply reply, const struct contact *c)
{
	struct effect *e;

	if (reply.fn == NULL)
		return;
	e = effect_add(step);
	e->is_reply = true;
	e->reply = reply;
	e->contact = c != NULL ? c->id : 0;
	e->offer = c != NULL ? c->offer : 0;
}

void
reply_now(struct reply reply, enum outcome_kind kind, const char *message,
	uint64_t contact, uint64_t offer)
{
	struct outcome outcome = {
		.kind = kind, .message = message, .contact = contact, .offer = offer};

	if (reply.fn != NULL)
		reply.fn(reply.owner, reply.who, reply.tag, &outcome);
}

void
reply_after(struct router *r, struct contact *c, struct reply reply)
{
	if (c->inflight != NULL)
		step_reply(c->inflight, reply, c);
	else
		reply_now(reply, OUTCOME_OK, NULL, c->id, c->offer);
}

static void
say(struct router *r, struct effect *e)
{
	struct outcome outcome = {.kind = e->outcome,
		.message = e->message,
		.contact = e->contact,
		.offer = e->offer,
		.duplicate = e->duplicate};

	if (e->is_reply) {
		e->reply.fn(e->reply.owner, e->reply.who, e->reply.tag, &outcome);
		return;
	}
	for (int i = 0; i < r->n_listeners; i++)
		r->listeners[i].fn(r->listeners[i].owner, &e->event);
}

/* ---- steps ---- */

struct step *
step_begin(struct router *r, enum step_kind kind, int64_t now_ms)
{
	struct step *step = xcalloc(1, sizeof *step);

	step->kind = kind;
	step->at_ms = now_ms;
	step->op = (uint64_t)r->epoch << 36 | ++r->n_ops;
	return step;
}

void
step_contact(struct router *r, struct step *step, struct contact *c)
{
	struct step_part *p = NULL;

	/* A step carries few contacts; the same one twice is one part with the latest
	 * state. */
	for (int i = 0; i < step->n_parts; i++)
		if (step->part[i].contact == c->id)
			p = &step->part[i];
	if (p == NULL) {
		if (step->n_parts == STEP_PARTS_MAX) {
			log_error("router: step is full contact=%" PRIu64, c->id);
			abort(); /* callers bound what they put together */
		}
		p = &step->part[step->n_parts++];
		p->contact = c->id;
		p->expect = c->stored != CONTACT_NEW ? 1u << c->stored | c->stored_or : 0;
		p->from_class = xstrdup(c->stored_class);
	}
	free(p->record);
	free(p->to_class);
	p->state = c->state;
	p->record = record_pack_contact(r, c);
	p->to_class = c->class != NULL ? xstrdup(c->class->store_key) : NULL;
	p->key = (double)c->d_ms;
	if (c->external != NULL && p->external == NULL &&
		(p->expect == 0 || contact_is_over(c->state)))
		p->external = xstrdup(c->external);
	if (c->decision != NULL) {
		free(p->decision);
		p->decision = c->decision;
		p->n_decisions = ++c->n_decisions;
		c->decision = NULL;
	}
	if (p->expect == 0 || c->stored != c->state || c->stored_agent != c->agent)
		c->moving = step;
	c->stored_agent = c->agent;
	c->stored = c->state;
	if (c->stored_class == NULL || c->class == NULL ||
		strcmp(c->stored_class, c->class->store_key) != 0) {
		free(c->stored_class);
		c->stored_class = xstrdup(p->to_class);
	}
	c->inflight = step;
}

void
step_agent(struct router *r, struct step *step, struct agent *a)
{
	struct step_agent *one;
	const char *id = r->centre->agents[a->index].id;

	for (int i = 0; i < step->n_agents; i++) {
		if (strcmp(step->agent[i].id, id) != 0)
			continue;
		free(step->agent[i].record);
		step->agent[i].record = record_pack_agent(r, a);
		return;
	}
	one = &step->agent[step->n_agents++];
	one->id = xstrdup(id);
	one->record = record_pack_agent(r, a);
}

#ifdef USHER_FAULT_EARLY_OFFER
/* A planted fault, in a program of the flow tests alone (tests/flow/meson.build): offers
 * are told before their commit. The checker of the fault runs must catch it. */
static void
tell_offers_early(struct router *r, struct step *step)
{
	struct effect **at = &step->effects;

	while (*at != NULL) {
		struct effect *e = *at;

		if (e->is_reply || e->event.kind != EVENT_OFFER_CREATED) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		e->event.expires_ms = step->at_ms + 5000;
		say(r, e);
		effect_destroy(e);
	}
}
#endif

/* A call that goes on is measured until this moment. */
static void
measure_calls(struct router *r, struct step *step)
{
	for (struct effect *e = step->effects; e != NULL; e = e->next) {
		const struct contact *c = e->is_reply || e->event.contact == 0
						  ? NULL
						  : contact_find(r, e->event.contact);

		if (c != NULL && c->carried && r->carrier.measure != NULL)
			e->event.measured = r->carrier.measure(r->carrier.owner, c->id);
	}
}

void
step_commit(struct router *r, struct step *step)
{
#ifdef USHER_FAULT_EARLY_OFFER
	tell_offers_early(r, step);
#endif
	measure_calls(r, step);
	step->event = stream_entry(r, step);
	step->keep_ms = r->centre->keep_finished_ms;
	step->external_ttl_ms = r->centre->external_id_ms;
	r->counts.steps++;
	r->in_flight++;
	r->store->commit(r->store, step);
}

/* ---- committed ---- */

struct done {
	struct done *next;
	struct effect *effects;
};

/* The clock of an offer starts when it is committed (CONTRACTS 2). */
static void
start_offer_clock(struct router *r, const struct step *step, int64_t now_ms)
{
	struct contact *c = contact_find(r, step->part[0].contact);

	if (c == NULL || c->state != CONTACT_OFFERED || c->expires_ms != INT64_MAX)
		return;
	for (struct effect *e = step->effects; e != NULL; e = e->next) {
		if (e->is_reply || e->event.kind != EVENT_OFFER_CREATED ||
			e->event.offer != c->offer)
			continue;
		c->expires_ms = now_ms + r->centre->channels[c->channel].offer_timeout_ms;
		e->event.expires_ms = c->expires_ms;
		contact_plan(r, c, now_ms);
	}
}

/* What memory did ahead stands, also where Redis has lost what the step builds on: its
 * effects are said, and what was offered is offered for its time. */
static void
stands(struct router *r, const struct step *step, enum step_result result, int64_t now_ms)
{
	if (result != STEP_COMMITTED)
		log_error("router: step refused, the mirror wins step=%s op=%" PRIu64
			  " contact=%" PRIu64,
			step_name[step->kind], step->op,
			step->n_parts > 0 ? step->part[0].contact : 0);
	if (step->kind == STEP_OFFER || step->kind == STEP_ADD_OFFER)
		start_offer_clock(r, step, now_ms);
}

/* Of a step that did not happen only the replies are said, as the answer to the add. */
static void
only_replies(struct step *step, enum step_result result, uint64_t existing)
{
	struct effect **at = &step->effects;

	while (*at != NULL) {
		struct effect *e = *at;

		if (!e->is_reply) {
			*at = e->next;
			effect_destroy(e);
			continue;
		}
		e->offer = 0;
		e->contact = result == STEP_DUPLICATE ? existing : 0;
		e->duplicate = result == STEP_DUPLICATE;
		if (result == STEP_REFUSED) {
			e->outcome = OUTCOME_STORE_AWAY;
			e->message =
				xstrdup("The store cannot keep it now; try again later.");
		}
		at = &e->next;
	}
}

/* A contact that the store did not take: what memory did ahead is undone; nobody has seen
 * any of it. */
static void
undo_add(struct router *r, struct step *step, enum step_result result, uint64_t existing,
	int64_t now_ms)
{
	struct contact *c = contact_find(r, step->part[0].contact);
	struct agent *a = c != NULL && c->agent >= 0 ? agent_at(r, c->agent) : NULL;

	only_replies(step, result, existing);
	if (result == STEP_DUPLICATE)
		r->counts.duplicates++;
	else
		r->counts.refused++;
	r->counts.submitted--;
	if (c == NULL || c->inflight != NULL) {
		struct not_taken *n = xcalloc(1, sizeof *n); /* for those that follow */

		*n = (struct not_taken){
			result, existing, (uint64_t)r->epoch << 36 | r->n_ops};
		idmap_put(&r->not_taken, step->part[0].contact, n);
	}
	if (c == NULL)
		return;
	/* Work that its offer would have parked goes on; the store undid nothing since it
	 * did nothing. */
	if (a != NULL)
		work_unpark_for(r, a, c->id, now_ms);
	contact_destroy(r, c);
	if (a != NULL)
		agent_freed(r, a, now_ms, "freed");
}

static void
forget_not_taken(struct router *r, uint64_t op)
{
	size_t at = 0;
	uint64_t id;
	void *value;

	while (r->not_taken.n > 0 && idmap_next(&r->not_taken, &at, &id, &value)) {
		if (((struct not_taken *)value)->last_op > op)
			continue;
		free(value);
		idmap_remove(&r->not_taken, id);
	}
}

static void
committed(void *owner, struct step *step, enum step_result result, uint64_t existing)
{
	struct router *r = owner;
	int64_t now_ms = r->clock != NULL ? r->clock(r->clock_owner) : r->latest_ms;
	const struct not_taken *n =
		step->n_parts > 0 ? idmap_get(&r->not_taken, step->part[0].contact)
				  : NULL;
	bool adds = step->kind == STEP_ADD || step->kind == STEP_ADD_OFFER;
	struct done *done;

	r->in_flight--;
	router_enter(r, now_ms);
	for (int i = 0; i < step->n_parts; i++) {
		struct contact *c = contact_find(r, step->part[i].contact);

		if (c != NULL && c->moving == step)
			c->moving = NULL;
		if (c == NULL || c->inflight != step)
			continue;
		c->inflight = NULL;
		c->stored_or = 0;
	}
	if (n != NULL)
		only_replies(step, n->result, n->existing);
	else if (result != STEP_COMMITTED && adds)
		undo_add(r, step, result, existing, now_ms);
	else
		stands(r, step, result, now_ms);
	done = xcalloc(1, sizeof *done);
	done->effects = step->effects;
	step->effects = NULL;
	/* A new contact may be refused ahead of steps before it. */
	if (!adds || result != STEP_REFUSED)
		forget_not_taken(r, step->op);
	*r->done_tail = done;
	r->done_tail = &done->next;
	router_leave_command(r);
}

/* Carries effects out in commit order. What they call in turn may commit more; it joins
 * the end. */
static void
drain(struct router *r)
{
	r->draining = true;
	while (r->done != NULL) {
		struct done *done = r->done;
		struct effect *e = done->effects;

		r->done = done->next;
		if (r->done == NULL)
			r->done_tail = &r->done;
		while (e != NULL) {
			struct effect *next = e->next;

			say(r, e);
			effect_destroy(e);
			e = next;
		}
		free(done);
	}
	r->draining = false;
}

void
router_enter(struct router *r, int64_t now_ms)
{
	r->depth++;
	if (now_ms > r->latest_ms)
		r->latest_ms = now_ms;
}

void
router_leave_command(struct router *r)
{
	if (--r->depth == 0 && !r->draining)
		drain(r);
}

void
commit_attach(struct router *r)
{
	r->done_tail = &r->done;
	r->store->router = r;
	r->store->done = committed;
}

void
commit_finish(struct router *r)
{
	while (r->done != NULL) {
		struct done *done = r->done;

		r->done = done->next;
		effects_destroy(done->effects);
		free(done);
	}
	forget_not_taken(r, UINT64_MAX);
	idmap_finish(&r->not_taken);
}
