/* control/config_keep.c - the lists of the settings in force, as the beginning of the new
 * ones: everything is removed until it is named again. */
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"

static void *
copy(const void *from, int n, size_t size)
{
	void *to = xcalloc((size_t)n + 1, size);

	if (n > 0)
		memcpy(to, from, (size_t)n * size);
	return to;
}

static char **
copy_texts(char *const *from, int n)
{
	char **to = xcalloc((size_t)n + 1, sizeof to[0]);

	for (int i = 0; i < n; i++)
		to[i] = xstrdup(from[i]);
	return to;
}

static void *
number(int index)
{
	return (void *)((intptr_t)index + 1);
}

static struct queue_sla *
copy_promises(const struct queue_sla *from, int n)
{
	struct queue_sla *list = copy(from, n, sizeof list[0]);

	for (int i = 0; i < n; i++)
		list[i].tier_ms =
			copy(from[i].tier_ms, from[i].n_tiers, sizeof list[i].tier_ms[0]);
	return list;
}

static struct queue
copy_queue(const struct queue *from)
{
	struct queue q = *from;

	q.removed = true;
	q.name = xstrdup(from->name);
	q.channels = copy(from->channels, q.n_channels, sizeof q.channels[0]);
	q.teams = copy(from->teams, q.n_teams, sizeof q.teams[0]);
	q.sla = copy_promises(from->sla, q.n_sla);
	q.resolve = copy_promises(from->resolve, q.n_resolve);
	q.laws = copy(from->laws, q.n_laws, sizeof q.laws[0]);
	q.wait_limits = copy(from->wait_limits, q.n_wait_limits, sizeof q.wait_limits[0]);
	q.wrapups = copy(from->wrapups, q.n_wrapups, sizeof q.wrapups[0]);
	q.alternatives =
		copy(from->alternatives, q.n_alternatives, sizeof q.alternatives[0]);
	q.dispositions = copy_texts(from->dispositions, q.n_dispositions);
	return q;
}

static struct agent_settings
copy_agent(const struct agent_settings *from)
{
	struct agent_settings a = *from;

	a.removed = true;
	a.id = xstrdup(from->id);
	a.name = xstrdup(from->name);
	a.device = xstrdup(from->device);
	a.skills = copy(from->skills, a.n_skills, sizeof a.skills[0]);
	a.channels = copy(from->channels, a.n_channels, sizeof a.channels[0]);
	a.costs = copy(from->costs, a.n_costs, sizeof a.costs[0]);
	return a;
}

static void
keep_small_lists(struct centre *to, const struct centre *from)
{
	to->n_channels = from->n_channels;
	to->channels = copy(from->channels, from->n_channels, sizeof to->channels[0]);
	for (int i = 0; i < to->n_channels; i++) {
		to->channels[i].removed = true;
		to->channels[i].name = xstrdup(from->channels[i].name);
		map_put(&to->channel_by_name, to->channels[i].name, number(i));
	}
	to->n_tiers = from->n_tiers;
	to->tiers = copy(from->tiers, from->n_tiers, sizeof to->tiers[0]);
	for (int i = 0; i < to->n_tiers; i++) {
		to->tiers[i].removed = true;
		to->tiers[i].name = xstrdup(from->tiers[i].name);
		map_put(&to->tier_by_name, to->tiers[i].name, number(i));
	}
	to->n_skills = from->n_skills;
	to->skills = copy_texts(from->skills, from->n_skills);
	for (int i = 0; i < to->n_skills; i++)
		map_put(&to->skill_by_name, to->skills[i], number(i));
	to->n_calendars = from->n_calendars;
	to->calendar_names = copy_texts(from->calendar_names, from->n_calendars);
	to->calendars = xcalloc((size_t)to->n_calendars + 1, sizeof to->calendars[0]);
	for (int i = 0; i < to->n_calendars; i++)
		to->calendars[i] = calendar_copy(from->calendars[i]);
	to->n_teams = from->n_teams;
	to->teams = copy(from->teams, from->n_teams, sizeof to->teams[0]);
	for (int i = 0; i < to->n_teams; i++) {
		to->teams[i].removed = true;
		to->teams[i].name = xstrdup(from->teams[i].name);
		to->teams[i].supervisors = copy_texts(
			from->teams[i].supervisors, from->teams[i].n_supervisors);
		map_put(&to->team_by_name, to->teams[i].name, number(i));
	}
}

void
compile_keep(struct compile *c)
{
	const struct centre *from = c->previous;
	struct centre *to = c->centre;

	if (from == NULL)
		return;
	keep_small_lists(to, from);
	to->n_queues = from->n_queues;
	to->queues = xcalloc((size_t)from->n_queues + 1, sizeof to->queues[0]);
	for (int i = 0; i < to->n_queues; i++) {
		to->queues[i] = copy_queue(&from->queues[i]);
		map_put(&to->queue_by_name, to->queues[i].name, number(i));
	}
	to->n_agents = from->n_agents;
	to->agents = xcalloc((size_t)from->n_agents + 1, sizeof to->agents[0]);
	for (int i = 0; i < to->n_agents; i++) {
		to->agents[i] = copy_agent(&from->agents[i]);
		map_put(&to->agent_by_id, to->agents[i].id, number(i));
	}
}

/* ---- an element is named again: its old settings go, its name stays ---- */

void
compile_clear_channel(struct channel *channel)
{
	*channel = (struct channel){.name = channel->name};
}

void
compile_clear_tier(struct tier *tier)
{
	*tier = (struct tier){.name = tier->name};
}

void
compile_clear_team(struct team *team)
{
	for (int i = 0; i < team->n_supervisors; i++)
		free(team->supervisors[i]);
	free(team->supervisors);
	*team = (struct team){.name = team->name};
}

static void
free_promises(struct queue_sla *list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i].tier_ms);
	free(list);
}

void
compile_clear_queue(struct queue *q)
{
	free(q->channels);
	free(q->teams);
	free_promises(q->sla, q->n_sla);
	free_promises(q->resolve, q->n_resolve);
	free(q->laws);
	free(q->wait_limits);
	free(q->wrapups);
	free(q->alternatives);
	for (int i = 0; i < q->n_dispositions; i++)
		free(q->dispositions[i]);
	free(q->dispositions);
	*q = (struct queue){.name = q->name};
}

void
compile_clear_agent(struct agent_settings *a)
{
	free(a->name);
	free(a->skills);
	free(a->device);
	free(a->channels);
	free(a->costs);
	*a = (struct agent_settings){.id = a->id};
}
