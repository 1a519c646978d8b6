/* control/config_checks.c - settings that are each right, and wrong or odd together. */
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"

#define CHECK_AGENTS_MAX 20000000 /* looked at in all; some tenths of a second */

/* The entry of a queue that is not removed. */
static const struct slot *
queue_slot(const struct compile *c, const struct queue *q)
{
	return &entry_section(c->top, TOP_QUEUES)->other[q->order];
}

static const struct node *
overflow_node(const struct compile *c, const struct queue *q)
{
	return entry_section(queue_slot(c, q)->entry, QUEUE_OVERFLOW)
		->slot[OVERFLOW_TO]
		.node;
}

/* Every chain of overflows must end. */
static void
check_overflow(struct compile *c, const struct queue *q)
{
	const struct centre *centre = c->centre;
	int at = (int)(q - centre->queues), steps = 0;

	while (at >= 0 && steps++ <= centre->n_queues) {
		at = centre->queues[at].overflow_to;
		if (at == (int)(q - centre->queues)) {
			tree_error(c->tree, overflow_node(c, q),
				"overflow: %s comes back to itself; one queue of the "
				"circle must keep what it has",
				q->name);
			return;
		}
	}
}

/* What overflows must be taken there. */
static void
check_overflow_channels(struct compile *c, const struct queue *q)
{
	const struct queue *to;

	if (q->overflow_to < 0)
		return;
	to = &c->centre->queues[q->overflow_to];
	for (int i = 0; i < c->centre->n_channels; i++)
		if (!c->centre->channels[i].removed && queue_takes(q, i) &&
			!queue_takes(to, i))
			tree_warn(c->tree, overflow_node(c, q),
				"overflow: %s does not take %s, which then stays in %s",
				to->name, c->centre->channels[i].name, q->name);
}

/* What of the channel waits too long in q goes on to another queue. */
static bool
passes_on(const struct centre *centre, const struct queue *q, int channel)
{
	return q->overflow_to >= 0 && q->overflow_ms > 0 &&
	       queue_takes(&centre->queues[q->overflow_to], channel);
}

/* Both times of a queue, limits.wait and overflow.after, count from when a contact came
 * in, not from when it came to this queue (waited_ms_at()). */
static void
check_overflow_times(struct compile *c, const struct queue *q)
{
	const struct centre *centre = c->centre;
	const struct node *at;
	const struct queue *to;
	bool passed = false;

	if (q->overflow_to < 0 || c->tree->errors > 0)
		return; /* nothing goes on in a circle */
	to = &centre->queues[q->overflow_to];
	at = entry_section(queue_slot(c, q)->entry, QUEUE_OVERFLOW)
		     ->slot[OVERFLOW_AFTER]
		     .node;
	for (int i = 0; i < centre->n_channels; i++) {
		int64_t here_ms = queue_wait_limit_ms(q, i);
		int64_t there_ms = queue_wait_limit_ms(to, i);

		if (centre->channels[i].removed || !queue_takes(q, i) ||
			!queue_takes(to, i))
			continue;
		if (here_ms > 0 && here_ms <= q->overflow_ms)
			tree_warn(c->tree, at,
				"overflow: no %s comes from %s to %s, since limits.wait "
				"of %s lets it expire before: write a shorter after, or "
				"a "
				"longer wait",
				centre->channels[i].name, q->name, to->name, q->name);
		else if (there_ms > 0 && there_ms <= q->overflow_ms)
			tree_warn(c->tree, at,
				"overflow: %s expires the moment it comes to %s, whose "
				"limits.wait counts since it came in: write a shorter "
				"after, or a longer wait there",
				centre->channels[i].name, to->name);
		else
			passed |= passes_on(centre, to, i) &&
				  to->overflow_ms <= q->overflow_ms;
	}
	if (passed)
		tree_warn(c->tree, at,
			"overflow: what comes to %s is passed on to %s at once, since "
			"the after of %s counts since it came in too: write a shorter "
			"after here or a longer one there, or name %s here",
			to->name, centre->queues[to->overflow_to].name, to->name,
			centre->queues[to->overflow_to].name);
}

/* The default queue gets whatever no rule places. */
static void
check_default_queue(struct compile *c)
{
	const struct centre *centre = c->centre;
	const struct slot *slot = &c->top->slot[TOP_DEFAULT_QUEUE];
	const struct queue *q;

	if (centre->default_queue < 0)
		return;
	q = &centre->queues[centre->default_queue];
	for (int i = 0; i < centre->n_channels; i++)
		if (!centre->channels[i].removed && !queue_takes(q, i))
			tree_warn(c->tree,
				slot->node != NULL ? slot->node : queue_slot(c, q)->key,
				"default_queue: %s does not take %s: such a contact is "
				"refused when no rule places it",
				q->name, centre->channels[i].name);
}

static bool
takes_team(const struct queue *q, int team)
{
	if (q->n_teams == 0)
		return true;
	for (int i = 0; i < q->n_teams; i++)
		if (q->teams[i] == team)
			return true;
	for (int i = 0; i < q->n_steps; i++)
		for (int j = 0; j < q->steps[i].n_add; j++)
			if (q->steps[i].add[j] == team)
				return true;
	return false;
}

/* The requirement after the last step. */
static struct require
relaxed(const struct queue *q)
{
	struct require require = q->require;

	for (int i = 0; i < q->n_steps; i++) {
		const struct relax_step *step = &q->steps[i];

		for (int j = 0; j < require.n; j++) {
			int lower = require_level(&step->lower, require.skill[j].skill);

			if (lower > 0 && lower < require.skill[j].level)
				require.skill[j].level = lower;
		}
		for (int j = 0; j < step->n_drop; j++)
			require_drop(&require, step->drop[j]);
	}
	return require;
}

static int
agent_cost(const struct centre *centre, const struct agent_settings *a, int channel)
{
	for (int i = 0; i < a->n_costs; i++)
		if (a->costs[i].channel == channel)
			return (int)a->costs[i].ms;
	return centre->channels[channel].cost_pts;
}

static bool
agent_takes(const struct centre *centre, const struct agent_settings *a, int channel)
{
	bool named = a->n_channels == 0;

	for (int i = 0; i < a->n_channels; i++)
		named = named || a->channels[i] == channel;
	return named && agent_cost(centre, a, channel) <= a->capacity_pts;
}

/* In a centre too large to look at everybody for every queue, yes. */
static bool
anybody_serves(struct compile *c, const struct queue *q, int channel)
{
	const struct centre *centre = c->centre;
	struct require require = relaxed(q);

	for (int i = 0; i < centre->n_agents; i++) {
		const struct agent_settings *a = &centre->agents[i];

		if (++c->looked_at > CHECK_AGENTS_MAX)
			return true;
		if (!a->removed && takes_team(q, a->team) &&
			agent_takes(centre, a, channel) &&
			require_met(&require, a->skills, a->n_skills))
			return true;
	}
	return false;
}

static void
check_served(struct compile *c, const struct queue *q)
{
	const struct centre *centre = c->centre;
	int taken = 0, served = 0;

	for (int i = 0; i < centre->n_channels; i++) {
		if (centre->channels[i].removed || !queue_takes(q, i))
			continue;
		taken++;
		served += anybody_serves(c, q, i);
	}
	if (served == 0)
		tree_warn(c->tree, queue_slot(c, q)->key,
			"no agent can serve the queue %s, even after its last step: see "
			"require, teams, and the agents' skills, channels and capacity",
			q->name);
	for (int i = 0; i < centre->n_channels && served > 0 && served < taken; i++)
		if (!centre->channels[i].removed && queue_takes(q, i) &&
			!anybody_serves(c, q, i))
			tree_warn(c->tree, queue_slot(c, q)->key,
				"no agent can serve %s in the queue %s, even after its "
				"last step",
				centre->channels[i].name, q->name);
}

/* Settings by channel for a channel that the queue does not take. */
static void
check_own_channels(struct compile *c, const struct queue *q)
{
	const struct entry *e = queue_slot(c, q)->entry;
	const struct entry *by_channel[] = {entry_section(e, QUEUE_SLA),
		entry_section(e, QUEUE_RESOLVE), entry_section(e, QUEUE_WRAPUP),
		entry_section(entry_section(e, QUEUE_LIMITS), LIMIT_WAIT)};

	for (size_t i = 0; i < sizeof by_channel / sizeof by_channel[0]; i++)
		for (int j = 0; j < by_channel[i]->n_others; j++) {
			const struct node *key = by_channel[i]->other[j].key;
			int channel = centre_channel(c->centre, key->text);

			if (channel >= 0 && !queue_takes(q, channel))
				tree_warn(c->tree, key,
					"the queue %s does not take %s: this has no "
					"effect",
					q->name, key->text);
		}
}

static void
check_steps(struct compile *c, const struct queue *q)
{
	const struct slot *steps = &queue_slot(c, q)->entry->slot[QUEUE_STEPS];

	for (int i = 0; i < steps->n; i++) {
		const struct slot *add = &steps->items[i]->slot[STEP_ADD_TEAMS];

		if (add->n > 0 && q->n_teams == 0)
			tree_warn(c->tree, add->node,
				"add: the queue %s names no teams and so is open to "
				"every "
				"team from the start: say teams: [...] for this to have "
				"an effect",
				q->name);
	}
}

/* ---- what rules require ---- */

/* Of a skill: the best that an agent has, and how far steps of some queue come down. */
struct known_level {
	int best;
	int relaxed;
};

struct known_levels {
	const struct centre *centre;
	struct known_level *skill; /* owned; by index */
};

static void
find_levels(const struct centre *centre, struct known_level *skill)
{
	for (int i = 0; i < centre->n_skills; i++)
		skill[i].relaxed = SKILL_LEVEL_MAX;
	for (int i = 0; i < centre->n_agents; i++) {
		const struct agent_settings *a = &centre->agents[i];

		for (int j = 0; j < a->n_skills && !a->removed; j++) {
			struct known_level *known = &skill[a->skills[j].skill];

			if (a->skills[j].level > known->best)
				known->best = a->skills[j].level;
		}
	}
	for (int i = 0; i < centre->n_queues; i++) {
		const struct queue *q = &centre->queues[i];

		for (int j = 0; j < q->n_steps && !q->removed; j++) {
			const struct relax_step *step = &q->steps[j];

			for (int k = 0; k < step->lower.n; k++) {
				const struct skill_level *to = &step->lower.skill[k];

				if (to->level < skill[to->skill].relaxed)
					skill[to->skill].relaxed = to->level;
			}
			for (int k = 0; k < step->n_drop; k++)
				skill[step->drop[k]].relaxed = 0;
		}
	}
}

/* A skill that somebody has, for a hint. */
static const char *
had_at(const void *owner, int i)
{
	const struct known_levels *known = owner;

	if (i >= known->centre->n_skills)
		return NULL;
	return known->skill[i].best > 0 ? known->centre->skills[i] : "";
}

static void
check_rule_level(
	struct compile *c, const struct known_levels *known, const struct slot *level)
{
	int skill = centre_skill(c->centre, level->key->text);
	const struct known_level *has = &known->skill[skill];
	const char *near;

	if (level->number <= has->best || has->relaxed <= has->best)
		return;
	if (has->best > 0) {
		tree_warn(c->tree, level->node,
			"no agent has %s at more than %d, and no queue's steps come down "
			"to that: nobody can serve what this rule holds for",
			level->key->text, has->best);
		return;
	}
	near = tree_is_full(c->tree) ? NULL
				     : settings_nearest(level->key->text, had_at, known);
	tree_warn(c->tree, level->key,
		"no agent has the skill %s, and no queue's steps drop it: nobody can "
		"serve what this rule holds for%s%s%s",
		level->key->text, near != NULL ? "; did you mean " : "",
		near != NULL ? near : "", near != NULL ? "?" : "");
}

static void
check_rules(struct compile *c)
{
	const struct slot *rules = &c->top->slot[TOP_RULES];
	struct known_levels known = {.centre = c->centre,
		.skill = xcalloc(
			(size_t)c->centre->n_skills + 1, sizeof(struct known_level))};

	find_levels(c->centre, known.skill);
	for (int i = 0; i < rules->n; i++) {
		const struct entry *levels = entry_section(
			entry_section(rules->items[i], RULE_SET), SET_REQUIRE);

		for (int j = 0; j < levels->n_others; j++)
			check_rule_level(c, &known, &levels->other[j]);
	}
	free(known.skill);
}

/* ---- the simulation's classes ---- */

static void
check_sim_class(struct compile *c, const struct slot *slot)
{
	const struct entry *e = slot->entry;
	const struct slot *channel = &e->slot[CLASS_CHANNEL];
	const struct slot *tier = &e->slot[CLASS_TIER];
	int ch = -1;

	if (slot->key->text[strspn(slot->key->text, "0123456789")] != '\0' ||
		strlen(slot->key->text) > 9)
		tree_error(c->tree, slot->key,
			"\"%s\" is no class: the number in the trace's class column",
			slot->key->text);
	if (channel->text != NULL)
		ch = compile_find(c, NAME_CHANNEL, channel->node, channel->text);
	(void)compile_queue(c, &e->slot[CLASS_QUEUE], ch);
	if (tier->text != NULL)
		compile_find(c, NAME_TIER, tier->node, tier->text);
}

void
compile_checks(struct compile *c)
{
	const struct entry *classes =
		entry_section(entry_section(c->top, TOP_SIM), SIM_CLASSES);

	for (int i = 0; i < classes->n_others; i++)
		check_sim_class(c, &classes->other[i]);
	if (c->tree->errors > 0)
		return; /* what follows would complain of the consequences */
	check_default_queue(c);
	if (c->names[NAME_AGENT].n > 0)
		check_rules(c);
	for (int i = 0; i < c->centre->n_queues; i++) {
		const struct queue *q = &c->centre->queues[i];

		if (q->removed)
			continue;
		check_overflow(c, q);
		check_overflow_channels(c, q);
		check_overflow_times(c, q);
		check_own_channels(c, q);
		check_steps(c, q);
		if (c->names[NAME_AGENT].n > 0)
			check_served(c, q);
	}
}
