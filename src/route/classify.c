/* route/classify.c - rules over attributes choose queue, tier and skills; queue and tier
 * choose law and T. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/ask.h"
#include "route/stage.h"

/* ---- attributes ---- */

struct asked {
	const struct router *r;
	const struct contact *c;
	int64_t now_ms;
	int tier, queue; /* as far as they are known; -1 */
	char date[16];	 /* holds time.date while it is borrowed */
};

static struct value
text_value(const char *text)
{
	return (struct value){
		.kind = text != NULL ? VALUE_TEXT : VALUE_NONE, .text = text};
}

static struct value
number_value(double number)
{
	return (struct value){
		.kind = isnan(number) ? VALUE_NONE : VALUE_NUMBER, .number = number};
}

/* time.hour, time.minute, time.weekday (1 = Monday), time.date, in the centre's time
 * zone. */
static struct value
time_value(struct asked *asked, const char *part)
{
	struct calendar_moment at;

	if (asked->r->centre->local == NULL)
		return text_value(NULL);
	calendar_local(asked->r->centre->local, asked->now_ms, &at);
	if (strcmp(part, "hour") == 0)
		return number_value(at.hour);
	if (strcmp(part, "minute") == 0)
		return number_value(at.minute);
	if (strcmp(part, "weekday") == 0)
		return number_value(at.weekday);
	if (strcmp(part, "date") != 0)
		return text_value(NULL);
	snprintf(asked->date, sizeof asked->date, "%04u-%02u-%02u",
		(unsigned)at.year % 10000, (unsigned)at.month % 100,
		(unsigned)at.day % 100);
	return text_value(asked->date);
}

static struct value
attribute(const struct contact *c, const char *name)
{
	for (int i = 0; i < c->n_attributes; i++)
		if (strcmp(c->attributes[i].name, name) == 0)
			return attribute_value(&c->attributes[i]);
	return text_value(NULL);
}

static struct value
lookup(void *owner, const char *name)
{
	struct asked *asked = owner;
	const struct centre *s = asked->r->centre;
	const struct contact *c = asked->c;
	struct value found;

	if (strncmp(name, "time.", 5) == 0)
		return time_value(asked, name + 5);
	if (strcmp(name, "channel") == 0)
		return text_value(s->channels[c->channel].name);
	if (strcmp(name, "source") == 0)
		return text_value(c->source);
	if (strcmp(name, "title") == 0)
		return text_value(c->title);
	if (strcmp(name, "tier") == 0)
		return text_value(asked->tier >= 0 ? s->tiers[asked->tier].name : NULL);
	if (strcmp(name, "queue") == 0)
		return text_value(
			asked->queue >= 0 ? s->queues[asked->queue].name : NULL);
	if (strcmp(name, "customer.id") == 0)
		return text_value(c->customer);
	if (strcmp(name, "customer.points") == 0)
		return number_value(c->points);
	found = attribute(c, name);
	if (found.kind == VALUE_NONE && strcmp(name, "subject") == 0)
		return text_value(c->title);
	return found;
}

/* ---- rules ---- */

static int
tier_by_points(const struct centre *s, double points)
{
	int tier = s->default_tier;
	double best = -INFINITY;

	for (int i = 0; i < s->n_tiers; i++) {
		const struct tier *t = &s->tiers[i];

		if (t->removed || isnan(t->from_points) || points < t->from_points ||
			t->from_points < best)
			continue;
		best = t->from_points;
		tier = i;
	}
	return tier;
}

static bool
merge(struct require *into, const struct require *from, bool exact)
{
	bool fits = true;

	for (int i = 0; i < from->n; i++)
		fits = require_add(
			       into, from->skill[i].skill, from->skill[i].level, exact) &&
		       fits;
	return fits;
}

/* First queue and tier that are set stand, other effects add up (CONTRACTS 3). otherwise:
 * the queue where none is set. Returns T set by a rule; -1. */
static int64_t
apply_rules(struct router *r, struct contact *c, int otherwise, int64_t now_ms)
{
	const struct centre *s = r->centre;
	struct asked asked = {.r = r, .c = c, .now_ms = now_ms};
	int queue = c->fixed_queue ? c->queue : -1, tier = c->fixed_tier ? c->tier : -1;
	int64_t sla_ms = -1;

	c->n_rules = 0;
	c->own.n = 0;
	c->points = c->base_points + ask_points(r, c, now_ms);
	for (int i = 0; i < s->n_rules; i++) {
		const struct rule *rule = &s->rules[i];

		asked.tier = tier >= 0 ? tier : tier_by_points(s, c->points);
		asked.queue = queue;
		if (rule->when != NULL &&
			!expr_holds(rule->when, lookup, &asked, &r->counts.rules))
			continue;
		if (c->n_rules < RULES_KEPT)
			c->rules[c->n_rules++] = i;
		if (queue < 0 && rule->set.queue >= 0)
			queue = rule->set.queue;
		if (tier < 0 && rule->set.tier >= 0)
			tier = rule->set.tier;
		if (sla_ms < 0)
			sla_ms = rule->set.sla_ms;
		c->points += rule->set.points;
		merge(&c->own, &rule->set.require, false);
	}
	c->queue = queue >= 0 ? queue : otherwise;
	c->tier = tier >= 0 ? tier : tier_by_points(s, c->points);
	return sla_ms;
}

/* ---- law ---- */

int64_t
open_add_ms(
	const struct router *r, const struct contact *c, int64_t from_ms, int64_t open_ms)
{
	return c->calendar >= 0 ? calendar_add_ms(r->centre->calendars[c->calendar],
					  from_ms, open_ms)
				: from_ms + open_ms;
}

int64_t
waited_ms_at(const struct router *r, const struct contact *c, int64_t wait_ms)
{
	return open_add_ms(r, c, c->t0_ms, wait_ms + c->handled_ms);
}

int64_t
open_between_ms(
	const struct router *r, const struct contact *c, int64_t a_ms, int64_t b_ms)
{
	return c->calendar >= 0 ? calendar_between_ms(
					  r->centre->calendars[c->calendar], a_ms, b_ms)
				: b_ms - a_ms;
}

void
classify_law(struct router *r, struct contact *c, bool settle_deadline)
{
	const struct queue *q = &r->centre->queues[c->law_queue];

	c->value = r->centre->tiers[c->tier].value;
	c->law = q->laws[c->tier];
	c->calendar = r->centre->channels[c->channel].calendar;
	if (c->own_deadline || !settle_deadline)
		return;
	c->d_ms = open_add_ms(r, c, c->t0_ms, c->sla_ms);
}

void
classify_need(struct router *r, struct contact *c)
{
	const struct queue *q = &r->centre->queues[c->queue];

	c->need = q->require;
	merge(&c->need, &c->own, false);
	merge(&c->need, &c->given, true);
	c->n_teams = 0;
	for (int i = 0; i < c->step && i < q->n_steps; i++) {
		const struct relax_step *step = &q->steps[i];

		for (int j = 0; j < step->lower.n; j++) {
			const struct skill_level *lower = &step->lower.skill[j];

			if (require_level(&c->need, lower->skill) > lower->level &&
				!require_add(&c->need, lower->skill, lower->level, true))
				continue; /* never: the skill is there */
		}
		for (int j = 0; j < step->n_drop; j++)
			require_drop(&c->need, step->drop[j]);
		for (int j = 0; j < step->n_add && c->n_teams < ADDED_TEAMS_MAX; j++)
			c->teams[c->n_teams++] = step->add[j];
	}
}

/* ---- the whole ---- */

/* Names in a submission; false with *kind and *message set. */
static enum outcome_kind
resolve(struct router *r, struct contact *c, const struct submission *s,
	const char **message)
{
	const struct centre *centre = r->centre;

	c->channel = centre_channel(centre, s->channel);
	if (c->channel < 0 || centre->channels[c->channel].removed) {
		*message = "No such channel; the settings list them under `channels`.";
		return OUTCOME_NO_CHANNEL;
	}
	if (s->queue != NULL) {
		c->queue = centre_queue(centre, s->queue);
		c->fixed_queue = true;
		if (c->queue < 0 || centre->queues[c->queue].removed) {
			*message =
				"No such queue; the settings list them under `queues`.";
			return OUTCOME_NO_QUEUE;
		}
	}
	if (s->tier != NULL) {
		c->tier = centre_tier(centre, s->tier);
		c->fixed_tier = true;
		if (c->tier < 0 || centre->tiers[c->tier].removed) {
			*message = "No such tier; the settings list them under `tiers`.";
			return OUTCOME_NO_TIER;
		}
	}
	for (int i = 0; i < s->n_require; i++) {
		int skill = centre_skill(centre, s->require[i].skill);

		if (skill < 0 ||
			!require_add(&c->given, skill, s->require[i].level, true)) {
			*message =
				"No such skill; the settings list them under `skills`.";
			return OUTCOME_NO_SKILL;
		}
	}
	if (s->agent != NULL && (c->target = centre_agent(centre, s->agent)) < 0) {
		*message = "No such agent; the settings list them under `agents`.";
		return OUTCOME_NO_AGENT;
	}
	/* An unknown last agent is history, not an error. */
	if (s->last_agent != NULL)
		c->last_agent = centre_agent(centre, s->last_agent);
	return OUTCOME_OK;
}

enum outcome_kind
classify(struct router *r, struct contact *c, const struct submission *s, int64_t now_ms,
	const char **message)
{
	enum outcome_kind kind = resolve(r, c, s, message);
	int64_t sla_ms;

	if (kind != OUTCOME_OK)
		return kind;
	if (!isnan(s->points)) {
		c->base_points = s->points;
		c->own_points = true;
	}
	sla_ms = apply_rules(r, c, r->centre->default_queue, now_ms);
	c->law_queue = c->queue;
	c->version = r->centre->version;
	if (!queue_takes(&r->centre->queues[c->queue], c->channel)) {
		*message = "The queue does not take this channel.";
		return OUTCOME_NO_CHANNEL;
	}
	c->created_ms = now_ms;
	c->t0_ms = s->arrived_ms != 0 && s->arrived_ms < now_ms ? s->arrived_ms : now_ms;
	if (s->not_before_ms != 0) {
		c->t0_ms = s->not_before_ms > now_ms || s->window_ms > 0
				   ? s->not_before_ms
				   : c->t0_ms;
		c->eligible_ms = s->not_before_ms;
	}
	if (s->held_until_ms != 0)
		c->eligible_ms = s->held_until_ms;
	c->sla_ms = s->window_ms > 0 ? s->window_ms : s->sla_ms >= 0 ? s->sla_ms : sla_ms;
	if (c->sla_ms < 0)
		c->sla_ms = queue_sla_ms(
			r->centre, &r->centre->queues[c->queue], c->channel, c->tier);
	classify_law(r, c, true);
	if (s->deadline_ms != 0) {
		if (c->calendar >= 0) {
			*message = "A deadline cannot be given for a channel whose SLA "
				   "runs in a calendar's open time.";
			return OUTCOME_BAD_VALUE;
		}
		c->d_ms = s->deadline_ms;
		c->sla_ms = c->d_ms > c->t0_ms ? c->d_ms - c->t0_ms : 0;
	}
	c->own_deadline = s->deadline_ms != 0 || s->window_ms > 0 || s->sla_ms >= 0;
	classify_need(r, c);
	return OUTCOME_OK;
}

void
classify_promise(struct router *r, struct contact *c, int64_t rule_sla_ms)
{
	const struct queue *q = &r->centre->queues[c->law_queue];
	int64_t shift_ms;

	/* What was promised where the settings are not known any more stays promised. */
	if (c->own_deadline ||
		(rule_sla_ms < 0 &&
			(q->recalled || r->centre->channels[c->channel].recalled))) {
		classify_law(r, c, false);
		return;
	}
	/* Time spent connected before a return moved d (ROUTING 9); it stays moved. */
	shift_ms = open_between_ms(r, c, open_add_ms(r, c, c->t0_ms, c->sla_ms), c->d_ms);
	c->sla_ms = rule_sla_ms >= 0 ? rule_sla_ms
				     : queue_sla_ms(r->centre, q, c->channel, c->tier);
	classify_law(r, c, true);
	if (shift_ms > 0)
		c->d_ms = open_add_ms(r, c, c->d_ms, shift_ms);
}

void
reclassify(struct router *r, struct contact *c, int64_t now_ms)
{
	const struct queue *queues = r->centre->queues;
	int queue = c->queue;
	int64_t sla_ms;

	/* What was passed on by overflow stays there. */
	if (c->n_overflows > 0)
		c->fixed_queue = true;
	/* A removed queue drains: what no rule takes out of it stays (CONTRACTS 8.7). */
	sla_ms = apply_rules(
		r, c, queues[queue].removed ? queue : r->centre->default_queue, now_ms);
	/* At intake it would be refused there; here it is not to be lost. */
	if (!queue_takes(&queues[c->queue], c->channel))
		c->queue = queue;
	if (c->n_overflows == 0)
		c->law_queue = c->queue;
	if (c->queue != queue)
		c->step = 0;
	c->version = r->centre->version;
	classify_promise(r, c, sla_ms);
	classify_need(r, c);
}
