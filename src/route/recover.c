/*
 * route/recover.c - what the store holds becomes the router's state again: order, ages,
 * deadlines, offers, work, agents.
 *
 * Loading comes in any order; router_start joins the parts. Agents who were logged in
 * count as such for desk_grace.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "route/able.h"
#include "route/choose.h"
#include "route/class.h"
#include "route/record.h"
#include "route/stage.h"

#define PAYLOAD_JSON_FLAGS JSON_REJECT_DUPLICATES

static void
take_submission(struct contact *c, struct submission *s)
{
	c->source = xstrdup(s->source);
	c->title = xstrdup(s->title);
	c->customer = xstrdup(s->customer);
	c->payload = xstrdup(s->payload);
	c->external = s->external_id != NULL
			      ? xasprintf("%s %s", s->source, s->external_id)
			      : NULL;
	c->own_customer = s->customer != NULL;
	c->n_attributes = c->n_own_attributes = s->n_attributes;
	c->attributes = xcalloc((size_t)s->n_attributes + 1, sizeof c->attributes[0]);
	memcpy(c->attributes, s->attributes,
		(size_t)s->n_attributes * sizeof c->attributes[0]);
	s->n_attributes = 0; /* theirs now */
}

bool
router_load_contact(struct router *r, const struct stored_contact *stored)
{
	struct submission s = {0};
	struct submission_error error = {{0}, {0}};
	json_t *json;
	struct contact *c;

	if (contact_is_over(stored->state))
		return true;
	json = stored->payload != NULL
		       ? json_loads(stored->payload, PAYLOAD_JSON_FLAGS, NULL)
		       : NULL;
	if (json == NULL || !submission_parse(json, &s, &error)) {
		log_error("recover: contact cannot be read and stays in the store "
			  "contact=%" PRIu64 " field=\"%s\"",
			stored->contact, error.field);
		json_decref(json);
		return false;
	}
	json_decref(json);
	c = contact_create(r, stored->contact);
	take_submission(c, &s);
	submission_finish(&s);
	if (!record_unpack_contact(r, stored->record, c)) {
		log_error("recover: contact has no channel and stays in the store "
			  "contact=%" PRIu64,
			stored->contact);
		contact_destroy(r, c);
		return false;
	}
	contact_set_state(r, c, stored->state);
	c->stored = stored->state;
	c->stored_agent = c->agent;
	c->stored_class = xstrdup(stored->class_key);
	c->n_decisions = stored->n_decisions;
	return true;
}

bool
router_load_agent(struct router *r, const char *agent_id, const char *record)
{
	int index = centre_agent(r->centre, agent_id);

	if (index < 0) {
		log_warn("recover: agent is no longer in the settings agent=\"%s\"",
			agent_id);
		return false;
	}
	record_unpack_agent(r, record, &r->agents[index]);
	agent_judge_live(r, &r->agents[index]);
	return true;
}

/* A waiting contact re-enters its class, of other settings as after a reload; its hold
 * goes on. */
static void
rejoin_queue(struct router *r, struct contact *c, int64_t now_ms)
{
	bool had_place = c->stored_class != NULL;
	int64_t d_ms = c->d_ms, sla_ms = c->sla_ms;
	/* What the directory knows of its customer is not stored: without it the rules
	 * would say something else, until it has answered (router_recognise). */
	bool later = c->party != 0 && c->version != r->centre->version;

	if (later)
		c->version = r->centre->version;
	wait_enter(r, c, now_ms);
	if (later)
		c->version = 0;
	if (c->class == NULL ||
		(had_place && strcmp(c->class->store_key, c->stored_class) == 0 &&
			c->stored == c->state && c->d_ms == d_ms && c->sla_ms == sla_ms))
		return;
	/* The settings changed while we were away: the store follows. */
	struct step *step = step_begin(r, STEP_MOVE, now_ms);
	step_contact(r, step, c);
	step_event(step, EVENT_CONTACT_UPDATED, c, NULL);
	step_commit(r, step);
}

static void
rejoin_agent(struct router *r, struct contact *c, struct agent *a, int64_t now_ms)
{
	agent_hold(r, a, c, now_ms);
	if (c->state == CONTACT_OFFERED) {
		/* Keeps its deadline; an answer may still come, lapsing unseen it is no
		 * RONA. */
		c->expires_ms =
			c->offered_ms + r->centre->channels[c->channel].offer_timeout_ms;
		idmap_put(&r->offers, c->offer, c);
	}
	contact_plan(r, c, now_ms);
	agent_settle(r, a, now_ms);
}

/* Its agent is gone from the settings, or was never stored: back to its place. A
 * conversation that was over is not begun again. */
static void
rejoin_without_agent(struct router *r, struct contact *c, int64_t now_ms)
{
	struct reply none = {0};
	struct step *step;

	log_warn("recover: its agent is gone contact=%" PRIu64 " state=%s", c->id,
		contact_state_name[c->state]);
	c->agent = -1;
	if (c->state == CONTACT_WRAPUP) {
		work_finish(r, c, CONTACT_COMPLETED, "agent_gone", now_ms, none);
		return;
	}
	step = step_begin(r, STEP_BACK, now_ms);
	if (c->state == CONTACT_OFFERED) {
		effect_reason(
			step_event(step, EVENT_OFFER_CANCELLED, c, NULL), "agent_gone");
		r->counts.offers_cancelled++;
	}
	c->offer = 0;
	c->connected_ms = c->parked_ms = c->park_until_ms = 0;
	c->parked_by = 0;
	wait_enter(r, c, now_ms);
	step_contact(r, step, c);
	effect_reason(step_event(step, EVENT_CONTACT_QUEUED, c, NULL), "agent_gone");
	step_commit(r, step);
}

static void
rejoin(struct router *r, struct contact *c, int64_t now_ms)
{
	struct agent *a = agent_at(r, c->agent);

	classify_law(r, c, false);
	classify_need(r, c);
	if (c->external != NULL)
		map_put(&r->externals, c->external, c);
	if (c->state == CONTACT_QUEUED || c->state == CONTACT_SCHEDULED ||
		c->state == CONTACT_NEW) {
		rejoin_queue(r, c, now_ms);
	} else if (a != NULL && a->login_ms != 0) {
		rejoin_agent(r, c, a, now_ms);
	} else {
		rejoin_without_agent(r, c, now_ms);
	}
}

static int
by_id(const void *a, const void *b)
{
	const struct contact *const *left = a, *const *right = b;

	return (*left)->id < (*right)->id ? -1 : (*left)->id > (*right)->id;
}

void
router_start(struct router *r, int64_t now_ms)
{
	struct contact **list = xcalloc(r->contacts.n + 1, sizeof(struct contact *));
	size_t n = 0, at = 0;
	void *value;

	router_enter(r, now_ms);
	r->started = true;
	r->started_ms = now_ms;
	router_size_queues(r); /* by what was recalled */
	for (int i = 0; i < r->n_agents; i++) {
		struct agent *a = &r->agents[i];

		agent_configure(r, a);
		if (a->login_ms == 0)
			continue;
		a->lost_ms = now_ms;
		able_count_login(r, a, true);
		able_count_standing(a, agent_standing(a));
		r->counts.agents_logged_in++;
		r->grace_due_ms = now_ms + r->centre->desk_grace_ms;
	}
	while (idmap_next(&r->contacts, &at, NULL, &value))
		list[n++] = value;
	qsort(list, n, sizeof(struct contact *), by_id);
	for (size_t i = 0; i < n; i++)
		rejoin(r, list[i], now_ms);
	free(list);
	router_leave_command(r);
}
