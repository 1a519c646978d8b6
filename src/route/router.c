/* route/router.c - the router's life, intake, changes, time. */
#include "route/router.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "route/able.h"
#include "route/class.h"
#include "route/directory.h"
#include "route/record.h"
#include "route/stage.h"

/* ---- life ---- */

struct router *
router_create(struct store *store, uint32_t epoch)
{
	struct router *r = xcalloc(1, sizeof *r);

	r->store = store;
	r->epoch = epoch;
	r->store_up = true;
	r->recording = true;
	r->release_at_ms = r->grace_due_ms = INT64_MAX;
	commit_attach(r);
	return r;
}

void
router_destroy(struct router *r)
{
	size_t at = 0;
	void *value;

	if (r == NULL)
		return;
	commit_finish(r);
	identify_finish(r);
	while (idmap_next(&r->contacts, &at, NULL, &value))
		contact_free(value); /* what points at it goes, too */
	class_destroy_all(r);
	agents_finish(r);
	for (at = 0; map_next(&r->waits, &at, NULL, &value);)
		free(value);
	map_finish(&r->waits);
	map_finish(&r->externals);
	map_finish(&r->class_by_key);
	idmap_finish(&r->contacts);
	idmap_finish(&r->offers);
	idmap_finish(&r->ended_by_id);
	free(r->ended);
	free(r->due);
	free(r->acting);
	free(r->dirty);
	free(r->alarms);
	free(r->queue_closed);
	free(r->queue_waiting);
	free(r->round_robin);
	text_finish(&r->scratch);
	free(r->scored);
	centre_unref(r->centre);
	r->store->done = NULL;
	free(r);
}

void
router_listen(struct router *r, event_listener fn, void *owner)
{
	if (r->n_listeners == (int)(sizeof r->listeners / sizeof r->listeners[0])) {
		log_error("router: too many listeners");
		abort(); /* a fault of the wiring in main.c */
	}
	r->listeners[r->n_listeners++] = (struct listener){fn, owner};
}

void
router_use_clock(struct router *r, int64_t (*clock)(void *owner), void *owner)
{
	r->clock = clock;
	r->clock_owner = owner;
}

void
router_use_hooks(struct router *r, struct hooks *hooks)
{
	r->hooks = hooks;
}

void
router_record(struct router *r, bool on)
{
	r->recording = on;
}

struct centre *
router_centre(const struct router *r)
{
	return r->centre;
}

/* ---- settings ---- */

void
router_size_queues(struct router *r)
{
	int n = r->centre->n_queues;

	r->queue_closed =
		xreallocarray(r->queue_closed, (size_t)n + 1, sizeof r->queue_closed[0]);
	r->queue_waiting = xreallocarray(
		r->queue_waiting, (size_t)n + 1, sizeof r->queue_waiting[0]);
	r->round_robin =
		xreallocarray(r->round_robin, (size_t)n + 1, sizeof r->round_robin[0]);
	for (int i = r->n_queues; i < n; i++) {
		r->queue_closed[i] = false;
		r->queue_waiting[i] = 0;
		r->round_robin[i] = -1;
	}
	r->n_queues = n;
}

/* Waiting contacts, out of their classes; the caller frees the list. */
static struct contact **
take_waiting(struct router *r, size_t *n)
{
	struct contact **list = xcalloc(r->contacts.n + 1, sizeof(struct contact *));
	size_t at = 0;
	void *value;

	*n = 0;
	while (idmap_next(&r->contacts, &at, NULL, &value)) {
		struct contact *c = value;

		if (c->class == NULL)
			continue;
		wait_leave(r, c);
		list[(*n)++] = c;
	}
	return list;
}

static void
rejoin_waiting(struct router *r, struct contact *c, int64_t now_ms)
{
	int64_t d_ms = c->d_ms, sla_ms = c->sla_ms;

	reclassify(r, c, now_ms);
	wait_enter(r, c, now_ms);
	contact_dirty(r, c);
	if (c->stored_class != NULL && c->class != NULL &&
		strcmp(c->stored_class, c->class->store_key) == 0 &&
		c->stored == c->state && c->d_ms == d_ms && c->sla_ms == sla_ms)
		return;
	struct step *step = step_begin(r, STEP_MOVE, now_ms);
	step_contact(r, step, c);
	effect_reason(step_event(step, EVENT_CONTACT_UPDATED, c, NULL), "reload");
	step_commit(r, step);
}

static void
settle_agents(struct router *r, int64_t now_ms)
{
	for (int i = 0; i < r->n_agents; i++)
		agent_settle(r, &r->agents[i], now_ms);
}

static void
match_everybody(struct router *r, int64_t now_ms)
{
	for (int i = 0; i < r->n_agents; i++)
		if (r->agents[i].room_slot != SIZE_MAX)
			agent_freed(r, &r->agents[i], now_ms, "time");
}

/* What is held has limits of the settings too. */
static void
plan_again(struct router *r, int64_t now_ms)
{
	size_t at = 0;
	void *value;

	while (idmap_next(&r->contacts, &at, NULL, &value))
		contact_plan(r, value, now_ms);
}

void
router_configure(struct router *r, int64_t now_ms, struct centre *centre)
{
	struct centre *old = r->centre;
	struct contact **waiting = NULL;
	size_t n = 0;

	router_enter(r, now_ms);
	if (old != NULL)
		waiting = take_waiting(r, &n);
	class_destroy_all(r);
	r->centre = centre_ref(centre);
	centre_unref(old);
	router_size_queues(r);
	agents_configure(r, now_ms);
	for (size_t i = 0; i < n; i++)
		rejoin_waiting(r, waiting[i], now_ms);
	free(waiting);
	settle_agents(r, now_ms);
	if (r->started)
		plan_again(r, now_ms);
	if (r->started) {
		struct step *step = step_begin(r, STEP_QUEUE, now_ms);

		/* Nothing but the stream's entry: settings are not the store's. */
		step_event(step, EVENT_CONFIGURED, NULL, NULL);
		step_commit(r, step);
		r->grace_due_ms = now_ms; /* the grace may be another one now */
		match_dirty(r, now_ms);
		match_everybody(r, now_ms);
	}
	router_leave_command(r);
}

/* ---- the store comes and goes ---- */

/* The clock of an offer stood still (CONTRACTS 2): since the store went away, or since it
 * began, where the commit was heard of meanwhile. */
static void
offer_stood_still(struct router *r, struct contact *c, int64_t now_ms)
{
	int64_t from_ms = r->away_since_ms, began_ms;

	if (c->expires_ms == INT64_MAX)
		return;
	began_ms = c->expires_ms - r->centre->channels[c->channel].offer_timeout_ms;
	c->expires_ms += now_ms - (began_ms > from_ms ? began_ms : from_ms);
	contact_plan(r, c, now_ms);
}

void
router_store_state(struct router *r, int64_t now_ms, bool up)
{
	size_t at = 0;
	void *value;

	if (up == r->store_up)
		return;
	router_enter(r, now_ms);
	r->store_up = up;
	if (!up) {
		r->away_since_ms = now_ms;
	} else {
		while (idmap_next(&r->offers, &at, NULL, &value))
			offer_stood_still(r, value, now_ms);
		wait_advance(r, now_ms);
		match_dirty(r, now_ms);
		match_everybody(r, now_ms);
	}
	router_leave_command(r);
}

/* ---- time ---- */

/* A scheduled contact begins to wait. */
static void
wake(struct router *r, struct contact *c, int64_t now_ms, const char *reason,
	struct reply reply)
{
	struct step *step = step_begin(r, STEP_MOVE, now_ms);

	wait_enter(r, c, now_ms);
	step_contact(r, step, c);
	step_reply(step, reply, c);
	effect_reason(step_event(step, EVENT_CONTACT_QUEUED, c, NULL), reason);
	step_commit(r, step);
	contact_dirty(r, c);
}

void
router_release(struct router *r, int64_t now_ms, uint64_t contact, struct reply reply)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c == NULL) {
		reply_now(reply, OUTCOME_NO_CONTACT,
			"No such live contact; it may be finished.", contact, 0);
	} else if (c->state != CONTACT_SCHEDULED) {
		reply_after(r, c, reply);
	} else {
		c->eligible_ms = now_ms;
		wake(r, c, now_ms, "released", reply);
		match_dirty(r, now_ms);
	}
	router_leave_command(r);
}

static void
act(struct router *r, struct contact *c, int64_t now_ms)
{
	const struct queue *q = &r->centre->queues[c->queue];
	int64_t limit_ms = queue_wait_limit_ms(q, c->channel);
	struct reply none = {0};

	/* A command may have moved its moment since it was found due. */
	contact_plan(r, c, now_ms);
	if (c->due_ms > now_ms)
		return;
	contact_unplan(r, c);
	if (c->state == CONTACT_QUEUED) {
		if (limit_ms > 0 && waited_ms_at(r, c, limit_ms) <= now_ms)
			work_finish(r, c, CONTACT_EXPIRED, "wait_limit", now_ms, none);
		else if (wait_overflow_to(r, c) >= 0 &&
			 waited_ms_at(r, c, q->overflow_ms) <= now_ms)
			wait_overflow(r, c, now_ms);
		else
			contact_plan(r, c, now_ms);
	} else if (c->state == CONTACT_SCHEDULED && c->eligible_ms <= now_ms) {
		wake(r, c, now_ms, "window_open", none);
	} else if (c->state == CONTACT_OFFERED && carry_rings(r, c)) {
		carry_overdue(r, c, now_ms);
	} else if (c->state == CONTACT_OFFERED && c->expires_ms <= now_ms) {
		offer_timed_out(r, c, now_ms);
	} else if (c->state == CONTACT_WRAPUP || c->state == CONTACT_PARKED) {
		work_due(r, c, now_ms);
	} else {
		contact_plan(r, c, now_ms);
	}
}

void
router_tick(struct router *r, int64_t now_ms)
{
	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	for (size_t i = 0; r->store_up && i < r->n_acting; i++) {
		struct contact *c = r->acting[i];

		if (c == NULL)
			continue; /* it ended meanwhile */
		c->due_now = false;
		r->acting[i] = NULL;
		act(r, c, now_ms);
	}
	if (r->store_up) {
		r->n_acting = 0;
		if (r->grace_due_ms <= now_ms)
			agents_tick(r, now_ms);
		match_dirty(r, now_ms);
	}
	router_leave_command(r);
}

int64_t
router_next_ms(const struct router *r)
{
	int64_t next_ms = r->release_at_ms;

	if (!r->store_up)
		return INT64_MAX;
	if (r->n_dirty > 0 || r->n_acting > 0)
		return r->latest_ms;
	if (r->n_due > 0 && r->due[0]->due_ms < next_ms)
		next_ms = r->due[0]->due_ms;
	return r->grace_due_ms < next_ms ? r->grace_due_ms : next_ms;
}

/* ---- intake ---- */

static void
count_demand(struct router *r, const struct contact *c)
{
	int16_t *slot = r->demand_ring[r->at_demand];

	if (r->n_demand == DEMAND_WINDOW)
		for (int i = 0; i < REQUIRE_MAX && slot[i] >= 0; i++)
			r->demand[slot[i]]--;
	else
		r->n_demand++;
	for (int i = 0; i < c->need.n; i++) {
		slot[i] = (int16_t)c->need.skill[i].skill;
		r->demand[slot[i]]++;
	}
	if (c->need.n < REQUIRE_MAX)
		slot[c->need.n] = -1;
	r->at_demand = (r->at_demand + 1) % DEMAND_WINDOW;
}

static void
copy_submission(struct contact *c, const struct submission *s)
{
	c->source = xstrdup(s->source);
	c->title = xstrdup(s->title);
	c->customer = xstrdup(s->customer);
	c->payload = xstrdup(s->payload);
	c->own_customer = s->customer != NULL;
	c->n_attributes = c->n_own_attributes = s->n_attributes;
	c->attributes = xcalloc((size_t)s->n_attributes + 1, sizeof c->attributes[0]);
	for (int i = 0; i < s->n_attributes; i++)
		attribute_copy(&c->attributes[i], &s->attributes[i]);
}

/* The first contact of this source and external id, if it lives: it is the answer, once
 * it is committed. */
static bool
is_duplicate(struct router *r, const char *external, struct reply reply)
{
	struct contact *c = external != NULL ? map_get(&r->externals, external) : NULL;
	struct effect *e;

	if (c == NULL)
		return false;
	r->counts.duplicates++;
	if (c->inflight == NULL) {
		struct outcome outcome = {
			.kind = OUTCOME_OK, .contact = c->id, .duplicate = true};

		if (reply.fn != NULL)
			reply.fn(reply.owner, reply.who, reply.tag, &outcome);
		return true;
	}
	step_reply(c->inflight, reply, c);
	for (e = c->inflight->effects; e != NULL && e->next != NULL;)
		e = e->next;
	if (e != NULL && reply.fn != NULL)
		e->duplicate = true;
	return true;
}

static void
refuse(struct router *r, struct contact *c, enum outcome_kind kind, const char *message,
	struct reply reply)
{
	const struct queue *q = c->queue >= 0 && c->queue < r->n_queues
					? &r->centre->queues[c->queue]
					: NULL;
	struct outcome outcome = {.kind = kind, .message = message};

	if (q != NULL && kind >= OUTCOME_QUEUE_FULL && kind <= OUTCOME_QUEUE_CLOSED) {
		outcome.queue = c->queue;
		outcome.tier = c->tier;
		outcome.n_alternatives = q->n_alternatives;
		outcome.alternatives = q->alternatives;
	}
	r->counts.refused++;
	contact_destroy(r, c);
	if (reply.fn != NULL)
		reply.fn(reply.owner, reply.who, reply.tag, &outcome);
}

static void
add(struct router *r, struct contact *c, const struct submission *s, char *external,
	int64_t now_ms, struct reply reply)
{
	struct step *step = step_begin(r, STEP_ADD, now_ms);

	c->external = external;
	if (external != NULL)
		map_put(&r->externals, external, c);
	count_demand(r, c);
	r->counts.submitted++;
	step_event(step, EVENT_CONTACT_CREATED, c, NULL);
	step_reply(step, reply, c);
	wait_enter(r, c, now_ms);
	if (!match_contact(r, c, now_ms, step, "arrived"))
		step_contact(r, step, c);
	step->part[0].payload = xstrdup(s->text);
	step_commit(r, step);
}

uint64_t
intake_take(struct router *r, int64_t now_ms, const struct submission *s,
	const struct directory_answer *answer, struct reply reply)
{
	char *external = s->external_id != NULL
				 ? xasprintf("%s %s", s->source, s->external_id)
				 : NULL;
	uint64_t id;
	struct contact *c;
	const char *message = NULL;
	enum outcome_kind kind;

	if (!r->store_up)
		reply_now(reply, OUTCOME_STORE_AWAY,
			"The store is away; try again later.", 0, 0);
	if (!r->store_up || is_duplicate(r, external, reply)) {
		free(external);
		return 0;
	}
	id = (uint64_t)r->epoch << 36 | ++r->n_contact_ids;
	c = contact_create(r, id);
	copy_submission(c, s);
	if (answer != NULL)
		identify_learn(r, c, answer);
	kind = classify(r, c, s, now_ms, &message);
	if (kind == OUTCOME_OK && answer != NULL && answer->refused != NULL) {
		kind = OUTCOME_BLOCKED;
		message = answer->refused;
	}
	if (kind == OUTCOME_OK)
		kind = admit(r, c, now_ms, &message);
	if (kind != OUTCOME_OK) {
		free(external);
		refuse(r, c, kind, message, reply);
		return 0;
	}
	/* A store that does not take it may free it before this returns. */
	add(r, c, s, external, now_ms, reply);
	return id;
}

void
router_submit(
	struct router *r, int64_t now_ms, const struct submission *s, struct reply reply)
{
	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	if (!r->store_up || !identify_ask(r, s, now_ms, reply))
		(void)intake_take(r, now_ms, s, NULL, reply);
	router_leave_command(r);
}

/* ---- changes by staff ---- */

static enum outcome_kind
apply_change(struct router *r, struct contact *c, const struct contact_change *change,
	const char **message)
{
	if (change->queue >= r->n_queues ||
		(change->queue >= 0 && r->centre->queues[change->queue].removed)) {
		*message = "No such queue.";
		return OUTCOME_NO_QUEUE;
	}
	if (change->queue >= 0 &&
		!queue_takes(&r->centre->queues[change->queue], c->channel)) {
		*message = "The queue does not take this channel.";
		return OUTCOME_NO_CHANNEL;
	}
	if (change->tier >= r->centre->n_tiers) {
		*message = "No such tier.";
		return OUTCOME_NO_TIER;
	}
	if (change->retarget &&
		(change->agent >= r->n_agents ||
			(change->agent >= 0 &&
				r->centre->agents[change->agent].removed))) {
		*message = "No such agent.";
		return OUTCOME_NO_AGENT;
	}
	if (change->deadline_ms > 0 && c->calendar >= 0) {
		*message = "A deadline cannot be given for a channel whose SLA runs in a "
			   "calendar's open time.";
		return OUTCOME_BAD_VALUE;
	}
	return OUTCOME_OK;
}

static void
carry_out_change(struct router *r, struct contact *c, const struct contact_change *change)
{
	if (change->queue >= 0 && change->queue != c->queue) {
		c->queue = c->law_queue = change->queue;
		c->fixed_queue = true;
		c->step = 0;
		c->n_overflows = 0;
	}
	if (!isnan(change->points)) {
		c->points += change->points - c->base_points;
		c->base_points = change->points;
		c->own_points = true;
		/* The tier follows: classified again when it (next) waits. */
		c->version = 0;
	}
	if (change->tier >= 0) {
		c->tier = change->tier;
		c->fixed_tier = true;
	}
	if (change->retarget) {
		c->target = change->agent;
		c->target_until_ms = 0;
		c->last_agent = -1;
	}
	if (change->require != NULL)
		c->given = *change->require;
	if (change->tier >= 0)
		classify_promise(r, c, -1);
	else
		classify_law(r, c, false);
	if (change->deadline_ms > 0) {
		c->d_ms = change->deadline_ms;
		c->own_deadline = true;
	}
	if (change->sooner_ms != 0) {
		c->d_ms = open_add_ms(r, c, c->d_ms - change->sooner_ms, 0);
		c->own_deadline = true;
	}
	classify_need(r, c);
}

void
router_change(struct router *r, int64_t now_ms, uint64_t contact,
	const struct contact_change *change, struct reply reply)
{
	const char *message = NULL;
	enum outcome_kind kind;
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	if (c == NULL) {
		reply_now(reply, OUTCOME_NO_CONTACT,
			"No such live contact; it may be finished.", contact, 0);
	} else if ((kind = apply_change(r, c, change, &message)) != OUTCOME_OK) {
		reply_now(reply, kind, message, contact, 0);
	} else {
		bool waits = c->class != NULL;
		struct step *step = step_begin(r, waits ? STEP_MOVE : STEP_HOLD, now_ms);

		if (waits)
			wait_leave(r, c);
		carry_out_change(r, c, change);
		if (waits)
			wait_enter(r, c, now_ms);
		step_contact(r, step, c);
		step_reply(step, reply, c);
		effect_reason(
			step_event(step, EVENT_CONTACT_UPDATED, c, agent_at(r, c->agent)),
			change->reason);
		step_commit(r, step);
		match_contact(r, c, now_ms, NULL, "changed");
	}
	router_leave_command(r);
}

void
router_open_queue(
	struct router *r, int64_t now_ms, int queue, bool open, struct reply reply)
{
	router_enter(r, now_ms);
	if (queue < 0 || queue >= r->n_queues) {
		reply_now(reply, OUTCOME_NO_QUEUE, "No such queue.", 0, 0);
	} else {
		struct step *step = step_begin(r, STEP_QUEUE, now_ms);
		struct effect *e;

		r->queue_closed[queue] = !open;
		step->queue = xstrdup(r->centre->queues[queue].name);
		step->queue_record = queue_record(r, queue);
		e = step_event(step, EVENT_QUEUE_STATE, NULL, NULL);
		e->event.queue = queue;
		effect_reason(e, open ? "open" : "closed");
		step_reply(step, reply, NULL);
		step_commit(r, step);
	}
	router_leave_command(r);
}
