/* route/describe.c - the router's state as JSON, for every protocol. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "route/able.h"
#include "route/choose.h"
#include "route/class.h"
#include "route/explain.h"
#include "route/record.h"
#include "route/stage.h"

static void
put(json_t *o, const char *name, json_t *value)
{
	if (value != NULL)
		json_object_set_new_nocheck(o, name, value);
}

static void
put_text(json_t *o, const char *name, const char *value)
{
	if (value != NULL)
		put(o, name, json_string(value));
}

static void
put_ms(json_t *o, const char *name, int64_t value)
{
	if (value != 0)
		put(o, name, json_integer(value));
}

static void
put_id(json_t *o, const char *name, char letter, uint64_t id)
{
	char text[NUMBER_ID_TEXT];

	if (id == 0)
		return;
	number_id_format(text, letter, id);
	put(o, name, json_string_nocheck(text));
}

static json_t *
value_json(const struct attribute *a)
{
	json_t *list;

	switch (a->kind) {
	case VALUE_BOOL:
		return json_boolean(a->boolean);
	case VALUE_NUMBER:
		return a->number == floor(a->number) && fabs(a->number) < 9e15
			       ? json_integer((json_int_t)a->number)
			       : json_real(a->number);
	case VALUE_TEXT:
		return json_string(a->text);
	case VALUE_LIST:
		list = json_array();
		for (int i = 0; i < a->n_list; i++)
			json_array_append_new(list, json_string(a->list[i]));
		return list;
	case VALUE_NONE:
		break;
	}
	return json_null();
}

static json_t *
skills_json(const struct router *r, const struct skill_level *skill, int n)
{
	json_t *o = json_object();

	for (int i = 0; i < n; i++)
		put(o, r->centre->skills[skill[i].skill], json_integer(skill[i].level));
	return o;
}

static const char *
agent_name(const struct router *r, int agent)
{
	return agent >= 0 ? r->centre->agents[agent].id : NULL;
}

static void
put_known_ms(json_t *o, const char *name, int64_t ms)
{
	if (ms >= 0)
		put(o, name, json_integer(ms));
}

/* What the switch measured; nothing of contacts that no switch carried. */
static void
put_measures(json_t *o, const struct contact *c)
{
	json_t *legs;

	put_known_ms(o, "ivr_ms", c->measured.ivr_ms);
	put_known_ms(o, "queue_ms", c->measured.queue_ms);
	put_known_ms(o, "ring_ms", c->measured.ring_ms);
	put_known_ms(o, "talk_ms", c->measured.talk_ms);
	put_known_ms(o, "hold_ms", c->measured.hold_ms);
	put_ms(o, "transfers", c->measured.transfers);
	put_ms(o, "attempts", c->attempts);
	if (c->n_legs == 0)
		return;
	legs = json_array();
	for (int i = 0; i < c->n_legs; i++) {
		const struct leg_record *l = &c->legs[i];
		json_t *leg = json_pack("{s:s, s:I, s:I, s:I, s:I}", "device", l->device,
			"at_ms", (json_int_t)l->at_ms, "ring_ms", (json_int_t)l->ring_ms,
			"talk_ms", (json_int_t)l->talk_ms, "hold_ms",
			(json_int_t)l->hold_ms);

		put_text(leg, "agent", l->agent[0] != '\0' ? l->agent : NULL);
		put_text(leg, "end", l->end[0] != '\0' ? l->end : NULL);
		json_array_append_new(legs, leg);
	}
	put(o, "legs", legs);
}

json_t *
describe_contact(
	struct router *r, int64_t now_ms, const struct contact *c, unsigned flags)
{
	const struct centre *s = r->centre;
	json_t *o = json_object();

	put_id(o, "id", 'c', c->id);
	put_text(o, "state", contact_state_name[c->state]);
	put_text(o, "channel", s->channels[c->channel].name);
	put_text(o, "queue", s->queues[c->queue].name);
	put_text(o, "tier", s->tiers[c->tier].name);
	put_text(o, "source", c->source);
	put_text(o, "external_id",
		c->external != NULL ? strchr(c->external, ' ') + 1 : NULL);
	put_text(o, "customer_id", c->customer);
	put_id(o, "party", 'k', c->party);
	put_text(o, "title", c->title);
	put_text(o, "agent", agent_name(r, c->agent));
	put_id(o, "offer", 'o', c->offer);
	put_ms(o, "created_ms", c->created_ms);
	put_ms(o, "t0_ms", c->t0_ms);
	/* INT64_MAX: held until something happens, which has no moment. */
	put_ms(o, "eligible_ms",
		c->state == CONTACT_SCHEDULED && c->eligible_ms != INT64_MAX
			? c->eligible_ms
			: 0);
	put_ms(o, "deadline_ms", c->d_ms);
	put(o, "sla_ms", json_integer(c->sla_ms));
	if (c->class != NULL || c->state == CONTACT_OFFERED)
		put(o, "waited_ms",
			json_integer(now_ms > c->t0_ms ? now_ms - c->t0_ms : 0));
	if (c->expires_ms != INT64_MAX)
		put_ms(o, "expires_ms", c->expires_ms);
	put_ms(o, "connected_ms", c->connected_ms);
	put_ms(o, "handled_ms",
		c->handled_ms + (c->state == CONTACT_CONNECTED && c->connected_ms != 0
						? now_ms - c->connected_ms
						: 0));
	put_ms(o, "wrapup_end_ms", c->state == CONTACT_WRAPUP ? c->wrapup_end_ms : 0);
	put_ms(o, "parked_ms", c->parked_ms);
	put_id(o, "parked_by", 'c', c->parked_by);
	if (c->value > 0)
		put(o, "value", json_real(c->value));
	put(o, "points", json_real(c->points));
	put(o, "require", skills_json(r, c->need.skill, c->need.n));
	put(o, "step", json_integer(c->step));
	put_text(o, "target", agent_name(r, c->target));
	put(o, "version", json_integer((json_int_t)c->version));
	put_measures(o, c);
	if ((flags & DESCRIBE_ATTRIBUTES) != 0) {
		json_t *attributes = json_object();

		/* What the directory knows is shown by its card, to those who may see it.
		 */
		for (int i = 0; i < c->n_own_attributes; i++)
			put(attributes, c->attributes[i].name,
				value_json(&c->attributes[i]));
		put(o, "attributes", attributes);
	}
	if ((flags & DESCRIBE_PAYLOAD) != 0 && c->payload != NULL)
		put(o, "payload", json_loads(c->payload, JSON_DECODE_ANY, NULL));
	return o;
}

/* Slack, score and place of a waiting contact. */
static void
put_place(json_t *o, struct router *r, int64_t now_ms, const struct contact *c)
{
	struct estimate e;

	if (c->class == NULL)
		return;
	put(o, "slack_ms", json_integer(class_slack_ms(r, c->class, c->d_ms, now_ms)));
	put(o, "log2_score",
		json_real(class_log2_score(r, c->class, c->d_ms, c->t0_ms, now_ms)));
	if (!router_estimate(r, now_ms, c->id, &e))
		return;
	put(o, "position", json_integer(e.position));
	if (e.likely_ms >= 0)
		put(o, "estimated_wait_ms",
			json_pack("{s:I, s:I, s:I}", "low", (json_int_t)e.low_ms,
				"likely", (json_int_t)e.likely_ms, "high",
				(json_int_t)e.high_ms));
}

json_t *
router_contact_json(struct router *r, int64_t now_ms, uint64_t contact, unsigned flags)
{
	const struct contact *c = contact_find(r, contact);
	json_t *o;

	if (c == NULL)
		return NULL;
	o = describe_contact(r, now_ms, c, flags);
	if ((flags & DESCRIBE_PLACE) != 0)
		put_place(o, r, now_ms, c);
	return o;
}

/* ---- finished contacts, decisions ---- */

struct asked {
	struct router *r;
	int64_t now_ms;
	bool explain;
	router_found fn;
	void *owner;
	uint64_t who, tag;
	uint64_t contact;
};

/* A contact that is only in the store: what its record says. */
static json_t *
stored_json(struct router *r, const struct stored_contact *stored)
{
	struct contact *c = xcalloc(1, sizeof *c);
	json_t *o = NULL;

	c->id = stored->contact;
	c->expires_ms = INT64_MAX;
	c->amount = c->satisfaction = NAN;
	if (record_unpack_contact(r, stored->record, c)) {
		c->state = stored->state;
		o = describe_contact(r, 0, c, DESCRIBE_BRIEF);
		put_text(o, "reason", c->end_reason);
		put_text(o, "disposition", c->disposition);
		put_text(o, "currency", c->currency);
		if (!isnan(c->amount))
			put(o, "amount", json_real(c->amount));
		if (!isnan(c->satisfaction))
			put(o, "satisfaction", json_real(c->satisfaction));
	}
	free(c->cooldowns);
	free(c->legs);
	free(c->number);
	free(c->end_reason);
	free(c->disposition);
	free(c->currency);
	free(c);
	return o;
}

static void
fetched(void *owner, const struct stored_contact *stored, bool away)
{
	struct asked *asked = owner;
	json_t *o = router_contact_json(asked->r, asked->now_ms, asked->contact,
		DESCRIBE_ATTRIBUTES | DESCRIBE_PLACE);

	if (o == NULL && stored != NULL)
		o = stored_json(asked->r, stored);
	if (o != NULL && asked->explain) {
		json_t *decisions = json_array();

		for (int i = 0; stored != NULL && i < stored->n_decisions; i++)
			if (stored->decisions[i] != NULL)
				json_array_append_new(
					decisions, explain_json(stored->decisions[i]));
		put(o, "decisions", decisions);
		if (contact_find(asked->r, asked->contact) != NULL)
			put(o, "waiting",
				explain_waiting_json(asked->r,
					contact_find(asked->r, asked->contact),
					asked->now_ms));
	}
	asked->fn(asked->owner, asked->who, asked->tag, o, away && o == NULL);
	json_decref(o);
	free(asked);
}

void
router_fetch_json(struct router *r, int64_t now_ms, uint64_t contact, bool explain,
	router_found fn, void *owner, uint64_t who, uint64_t tag)
{
	struct asked *asked = xcalloc(1, sizeof *asked);

	*asked = (struct asked){.r = r,
		.now_ms = now_ms,
		.explain = explain,
		.fn = fn,
		.owner = owner,
		.who = who,
		.tag = tag,
		.contact = contact};
	r->store->fetch(r->store, contact, fetched, asked);
}

/* ---- agents and queues ---- */

json_t *
router_agent_json(struct router *r, int64_t now_ms, int agent)
{
	const struct agent *a = agent_at(r, agent);
	const struct agent_settings *s;
	json_t *o, *held, *channels;

	if (a == NULL)
		return NULL;
	s = &r->centre->agents[agent];
	o = json_object();
	put_text(o, "id", s->id);
	put_text(o, "name", s->name);
	put_text(o, "team", s->team >= 0 ? r->centre->teams[s->team].name : NULL);
	put_text(o, "state", agent_state_name[a->state]);
	put_text(o, "reason", a->reason[0] != '\0' ? a->reason : NULL);
	put_text(o, "pending", a->pending ? a->pending_reason : NULL);
	put(o, "edited", json_boolean(a->edited));
	put(o, "routable", json_boolean(a->routable));
	put(o, "desktop_lost", json_boolean(a->lost_ms != 0));
	put(o, "since_ms", json_integer(a->since_ms));
	put(o, "in_state_ms", json_integer(now_ms - a->since_ms));
	put_ms(o, "login_ms", a->login_ms);
	put(o, "load", json_integer(a->load_pts));
	if (a->outside_pts > 0)
		put(o, "outside_call", json_true());
	put(o, "capacity", json_integer(a->capacity_pts));
	put(o, "handled", json_integer((json_int_t)a->handled));
	put(o, "occupancy",
		json_real(a->login_ms == 0 || now_ms <= a->login_ms
				  ? 0
				  : (double)(a->busy_ms +
					     (a->busy_since_ms != 0
							     ? now_ms - a->busy_since_ms
							     : 0)) /
					    (double)(now_ms - a->login_ms)));
	put(o, "skills", skills_json(r, a->skills, a->n_skills));
	put_text(o, "device", a->device != NULL ? a->device : s->device);
	held = json_array();
	for (int i = 0; i < a->n_held; i++) {
		json_t *one = json_object();

		put_id(one, "id", 'c', a->held[i]->id);
		put_text(one, "state", contact_state_name[a->held[i]->state]);
		put_text(one, "channel", r->centre->channels[a->held[i]->channel].name);
		put_id(one, "offer", 'o', a->held[i]->offer);
		json_array_append_new(held, one);
	}
	put(o, "contacts", held);
	channels = json_object();
	for (int i = 0; i < a->n_channels; i++)
		if (!r->centre->channels[i].removed)
			put(channels, r->centre->channels[i].name,
				json_pack("{s:b, s:i}", "available", !a->channel_off[i],
					"cost", agent_cost_pts(r, a, i)));
	put(o, "channels", channels);
	return o;
}

struct queue_figures {
	int64_t waiting, oldest_ms, late, offered, connected;
	int logged_in, ready, free;
};

static void
count_queue(struct router *r, int64_t now_ms, int queue, struct queue_figures *f)
{
	for (size_t i = 0; i < r->n_classes; i++) {
		const struct class *k = r->classes[i];

		if (k->queue != queue || k->n == 0)
			continue;
		f->waiting += (int64_t)k->n;
		f->late += (int64_t)order_rank(
			&k->order, (struct order_key){class_in_time_from_ms(r, k, now_ms),
					   INT64_MIN, 0});
		if (now_ms - k->first.t0_ms > f->oldest_ms)
			f->oldest_ms = now_ms - k->first.t0_ms;
	}
	for (int i = 0; i < r->n_agents; i++) {
		const struct agent *a = &r->agents[i];

		for (int j = 0; j < a->n_held; j++) {
			f->offered += a->held[j]->queue == queue &&
				      a->held[j]->state == CONTACT_OFFERED;
			f->connected += a->held[j]->queue == queue &&
					a->held[j]->state == CONTACT_CONNECTED;
		}
	}
}

/* Agents who meet the queue's own requirement and team. */
static void
count_queue_agents(struct router *r, int queue, struct queue_figures *f)
{
	const struct queue *q = &r->centre->queues[queue];

	for (int i = 0; i < r->n_agents; i++) {
		const struct agent *a = &r->agents[i];
		int team = r->centre->agents[i].team;
		bool in_team = q->n_teams == 0;

		for (int j = 0; j < q->n_teams; j++)
			in_team = in_team || q->teams[j] == team;
		if (a->login_ms == 0 || !in_team ||
			!require_met(&q->require, a->skills, a->n_skills))
			continue;
		f->logged_in++;
		f->ready += a->state == AGENT_READY;
		f->free += a->state == AGENT_READY && a->n_held == a->n_parked;
	}
}

json_t *
router_queue_json(struct router *r, int64_t now_ms, int queue)
{
	struct queue_figures f = {0};
	const struct queue *q;
	json_t *o;

	if (queue < 0 || queue >= r->n_queues)
		return NULL;
	q = &r->centre->queues[queue];
	count_queue(r, now_ms, queue, &f);
	count_queue_agents(r, queue, &f);
	o = json_object();
	put_text(o, "name", q->name);
	put(o, "open",
		json_boolean(
			!r->queue_closed[queue] &&
			(q->hours < 0 || calendar_is_open(r->centre->calendars[q->hours],
						 now_ms))));
	put(o, "removed", json_boolean(q->removed));
	put(o, "waiting", json_integer(f.waiting));
	put(o, "late", json_integer(f.late));
	put(o, "oldest_wait_ms", json_integer(f.oldest_ms));
	put(o, "offered", json_integer(f.offered));
	put(o, "connected", json_integer(f.connected));
	put(o, "agents_logged_in", json_integer(f.logged_in));
	put(o, "agents_ready", json_integer(f.ready));
	put(o, "agents_free", json_integer(f.free));
	if (q->n_dispositions > 0 || q->disposition_required) {
		json_t *codes = json_array();

		for (int i = 0; i < q->n_dispositions; i++)
			json_array_append_new(codes, json_string(q->dispositions[i]));
		put(o, "dispositions",
			json_pack("{s:b, s:o}", "required", q->disposition_required,
				"codes", codes));
	}
	return o;
}

/* ---- small questions ---- */

enum contact_state
router_contact_state(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	return c != NULL ? c->state : CONTACT_STATES;
}

int
router_contact_agent(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	return c != NULL ? c->agent : -1;
}

int
router_contact_queue(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	return c != NULL ? c->queue : -1;
}

enum agent_state
router_agent_state(const struct router *r, int agent)
{
	return agent >= 0 && agent < r->n_agents ? r->agents[agent].state : AGENT_OFFLINE;
}

int
router_agent_held(const struct router *r, int agent, uint64_t *contacts, int room)
{
	const struct agent *a =
		agent >= 0 && agent < r->n_agents ? &r->agents[agent] : NULL;

	for (int i = 0; a != NULL && i < a->n_held && i < room; i++)
		contacts[i] = a->held[i]->id;
	return a != NULL ? a->n_held : 0;
}

bool
router_contact_settled(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	return c == NULL || c->inflight == NULL;
}

bool
router_contact_stands(const struct router *r, uint64_t contact)
{
	const struct contact *c = contact_find(r, contact);

	return c == NULL || c->moving == NULL;
}

void
router_counts(const struct router *r, struct router_counts *out)
{
	*out = r->counts;
	out->live = (int64_t)r->contacts.n;
	out->steps_in_flight = r->in_flight;
	for (int i = 0; i < r->n_agents; i++)
		out->agents_ready +=
			r->agents[i].state == AGENT_READY && r->agents[i].lost_ms == 0;
}
