/* model/centre.c - look-ups in compiled settings. */
#include "model/centre.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int
by_name(const struct map *m, const char *name)
{
	return (int)(intptr_t)map_get(m, name) - 1;
}

int
centre_channel(const struct centre *c, const char *name)
{
	return by_name(&c->channel_by_name, name);
}

int
centre_tier(const struct centre *c, const char *name)
{
	return by_name(&c->tier_by_name, name);
}

int
centre_skill(const struct centre *c, const char *name)
{
	return by_name(&c->skill_by_name, name);
}

int
centre_team(const struct centre *c, const char *name)
{
	return by_name(&c->team_by_name, name);
}

int
centre_queue(const struct centre *c, const char *name)
{
	return by_name(&c->queue_by_name, name);
}

int
centre_agent(const struct centre *c, const char *id)
{
	return by_name(&c->agent_by_id, id);
}

static void *
put_index(int index)
{
	return (void *)((intptr_t)index + 1);
}

int
centre_recall_channel(struct centre *c, const char *name)
{
	int i = c->n_channels;

	if (i >= CENTRE_LIST_MAX || !id_is_valid(name))
		return -1;
	c->channels = xreallocarray(c->channels, (size_t)i + 2, sizeof c->channels[0]);
	c->channels[i] = (struct channel){.name = xstrdup(name),
		.removed = true,
		.recalled = true,
		.cost_pts = 25,
		.offer_timeout_ms = llround(60000 / c->speed),
		.wrapup_cap_ms = llround(600000 / c->speed),
		.sla_ms = llround(4 * 3600000 / c->speed),
		.calendar = -1};
	c->n_channels++;
	map_put(&c->channel_by_name, name, put_index(i));
	return i;
}

int
centre_recall_queue(struct centre *c, const char *name)
{
	const struct queue *like;
	struct law *laws;
	int i = c->n_queues;

	if (i >= CENTRE_LIST_MAX || !id_is_valid(name))
		return -1;
	c->queues = xreallocarray(c->queues, (size_t)i + 2, sizeof c->queues[0]);
	like = &c->queues[c->default_queue];
	laws = xcalloc((size_t)like->n_laws + 1, sizeof laws[0]);
	memcpy(laws, like->laws, (size_t)like->n_laws * sizeof laws[0]);
	c->queues[i] = (struct queue){.name = xstrdup(name),
		.removed = true,
		.recalled = true,
		.n_laws = like->n_laws,
		.laws = laws,
		.weight = 1,
		.scarce_last = true,
		.reserve = -1,
		.target_wait_ms = llround(60000 / c->speed),
		.length_limit = 1,
		.overflow_to = -1,
		.hours = -1,
		.admit_empty = true};
	c->n_queues++;
	map_put(&c->queue_by_name, name, put_index(i));
	return i;
}

bool
queue_takes(const struct queue *queue, int channel)
{
	if (queue->n_channels == 0)
		return true;
	for (int i = 0; i < queue->n_channels; i++)
		if (queue->channels[i] == channel)
			return true;
	return false;
}

static int64_t
promised_ms(const struct queue_sla *list, int n, int channel, int tier, int64_t otherwise)
{
	for (int i = 0; i < n; i++) {
		const struct queue_sla *sla = &list[i];

		if (sla->channel != channel)
			continue;
		if (tier >= 0 && tier < sla->n_tiers && sla->tier_ms[tier] >= 0)
			return sla->tier_ms[tier];
		if (sla->default_ms >= 0)
			return sla->default_ms;
	}
	return otherwise;
}

int64_t
queue_sla_ms(const struct centre *c, const struct queue *queue, int channel, int tier)
{
	return promised_ms(
		queue->sla, queue->n_sla, channel, tier, c->channels[channel].sla_ms);
}

int64_t
queue_resolve_ms(const struct centre *c, const struct queue *queue, int channel, int tier)
{
	return promised_ms(queue->resolve, queue->n_resolve, channel, tier,
		c->channels[channel].resolve_ms);
}

static int64_t
by_channel(const struct queue_limit *list, int n, int channel, int64_t otherwise)
{
	for (int i = 0; i < n; i++)
		if (list[i].channel == channel)
			return list[i].ms;
	return otherwise;
}

int64_t
queue_wrapup_ms(const struct centre *c, const struct queue *queue, int channel)
{
	return by_channel(queue->wrapups, queue->n_wrapups, channel,
		c->channels[channel].wrapup_ms);
}

int64_t
queue_wait_limit_ms(const struct queue *queue, int channel)
{
	return by_channel(queue->wait_limits, queue->n_wait_limits, channel, 0);
}

int
require_level(const struct require *r, int skill)
{
	for (int i = 0; i < r->n; i++)
		if (r->skill[i].skill == skill)
			return r->skill[i].level;
	return 0;
}

bool
require_add(struct require *r, int skill, int level, bool exact)
{
	int at = 0;

	while (at < r->n && r->skill[at].skill < skill)
		at++;
	if (at < r->n && r->skill[at].skill == skill) {
		if (exact || level > r->skill[at].level)
			r->skill[at].level = level;
		return true;
	}
	if (r->n == REQUIRE_MAX)
		return false;
	memmove(&r->skill[at + 1], &r->skill[at],
		(size_t)(r->n - at) * sizeof r->skill[0]);
	r->skill[at] = (struct skill_level){skill, level};
	r->n++;
	return true;
}

void
require_drop(struct require *r, int skill)
{
	for (int i = 0; i < r->n; i++) {
		if (r->skill[i].skill != skill)
			continue;
		memmove(&r->skill[i], &r->skill[i + 1],
			(size_t)(r->n - i - 1) * sizeof r->skill[0]);
		r->n--;
		return;
	}
}

bool
require_met(const struct require *r, const struct skill_level *held, int n_held)
{
	int at = 0;

	for (int i = 0; i < r->n; i++) {
		while (at < n_held && held[at].skill < r->skill[i].skill)
			at++;
		if (at == n_held || held[at].skill != r->skill[i].skill ||
			held[at].level < r->skill[i].level)
			return false;
	}
	return true;
}

static void
queue_finish(struct queue *q)
{
	free(q->name);
	free(q->channels);
	free(q->teams);
	for (int i = 0; i < q->n_sla; i++)
		free(q->sla[i].tier_ms);
	free(q->sla);
	for (int i = 0; i < q->n_resolve; i++)
		free(q->resolve[i].tier_ms);
	free(q->resolve);
	free(q->laws);
	free(q->wait_limits);
	free(q->wrapups);
	free(q->alternatives);
	for (int i = 0; i < q->n_dispositions; i++)
		free(q->dispositions[i]);
	free(q->dispositions);
}

static void
agent_finish(struct agent_settings *a)
{
	free(a->id);
	free(a->name);
	free(a->skills);
	free(a->device);
	free(a->channels);
	free(a->costs);
}

struct centre *
centre_ref(struct centre *centre)
{
	centre->refs++;
	return centre;
}

void
centre_unref(struct centre *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	for (int i = 0; i < c->n_channels; i++)
		free(c->channels[i].name);
	for (int i = 0; i < c->n_tiers; i++)
		free(c->tiers[i].name);
	for (int i = 0; i < c->n_skills; i++)
		free(c->skills[i]);
	for (int i = 0; i < c->n_calendars; i++) {
		calendar_destroy(c->calendars[i]);
		free(c->calendar_names[i]);
	}
	for (int i = 0; i < c->n_teams; i++) {
		free(c->teams[i].name);
		for (int j = 0; j < c->teams[i].n_supervisors; j++)
			free(c->teams[i].supervisors[j]);
		free(c->teams[i].supervisors);
	}
	for (int i = 0; i < c->n_queues; i++)
		queue_finish(&c->queues[i]);
	for (int i = 0; i < c->n_agents; i++)
		agent_finish(&c->agents[i]);
	for (int i = 0; i < c->n_rules; i++) {
		free(c->rules[i].name);
		free(c->rules[i].text);
		expr_destroy(c->rules[i].when);
	}
	for (int i = 0; i < c->n_reasons; i++)
		free(c->reasons[i]);
	free(c->reasons);
	free(c->channels);
	free(c->tiers);
	free(c->skills);
	free(c->calendars);
	free(c->calendar_names);
	free(c->teams);
	free(c->queues);
	free(c->agents);
	free(c->rules);
	free(c->name);
	free(c->timezone);
	calendar_destroy(c->local);
	map_finish(&c->channel_by_name);
	map_finish(&c->tier_by_name);
	map_finish(&c->skill_by_name);
	map_finish(&c->team_by_name);
	map_finish(&c->queue_by_name);
	map_finish(&c->agent_by_id);
	free(c);
}
