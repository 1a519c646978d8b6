/* control/config_queues.c - queues. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"

static void
fill_sla_tiers(struct compile *c, struct queue_sla *sla, const struct entry *e)
{
	sla->n_tiers = c->centre->n_tiers;
	sla->tier_ms = xcalloc((size_t)sla->n_tiers + 1, sizeof sla->tier_ms[0]);
	for (int i = 0; i < sla->n_tiers; i++)
		sla->tier_ms[i] = -1;
	for (int i = 0; i < e->n_others; i++) {
		const struct slot *slot = &e->other[i];
		int tier = compile_find(c, NAME_TIER, slot->key, slot->key->text);

		if (tier >= 0 && !isnan(slot->number))
			sla->tier_ms[tier] = compile_ms(c, slot->number);
	}
}

/* The caller owns the list. */
static struct queue_sla *
read_promises(struct compile *c, const struct entry *slas, int *n)
{
	struct queue_sla *list = xcalloc((size_t)slas->n_others + 1, sizeof list[0]);

	*n = 0;
	for (int i = 0; i < slas->n_others; i++) {
		const struct slot *slot = &slas->other[i];
		int channel = compile_find(c, NAME_CHANNEL, slot->key, slot->key->text);
		double otherwise = entry_number(slot->entry, SLA_DEFAULT);
		struct queue_sla *sla;

		if (channel < 0)
			continue;
		sla = &list[(*n)++];
		sla->channel = channel;
		sla->default_ms = isnan(otherwise) ? -1 : compile_ms(c, otherwise);
		fill_sla_tiers(c, sla, slot->entry);
	}
	return list;
}

static void
fill_step_drops(struct compile *c, struct relax_step *step, const struct slot *drop)
{
	int *list = compile_list(c, NAME_SKILL, drop, &step->n_drop);

	if (step->n_drop > REQUIRE_MAX) {
		tree_error(c->tree, drop->node, "drop: more than %d skills", REQUIRE_MAX);
		step->n_drop = REQUIRE_MAX;
	}
	if (step->n_drop > 0)
		memcpy(step->drop, list, (size_t)step->n_drop * sizeof list[0]);
	free(list);
}

/* Teams, written team:NAME, so that other things may be added one day. n_added counts
 * those of all steps: a contact keeps what every step gave it. */
static void
fill_step_teams(
	struct compile *c, struct relax_step *step, const struct slot *add, int *n_added)
{
	for (int i = 0; i < add->n; i++) {
		const struct node *at = add->node->child[i];
		int team;

		if (strncmp(at->text, "team:", 5) != 0 || !id_is_valid(at->text + 5)) {
			tree_error(c->tree, at, "add: \"%s\": write team:NAME", at->text);
			continue;
		}
		team = compile_find(c, NAME_TEAM, at, at->text + 5);
		if (team < 0)
			continue;
		if (++*n_added <= ADDED_TEAMS_MAX)
			step->add[step->n_add++] = team;
		else if (*n_added == ADDED_TEAMS_MAX + 1)
			tree_error(c->tree, at,
				"add: the steps of a queue add more than %d teams in "
				"all; open the queue to some of them from the start "
				"(teams)",
				ADDED_TEAMS_MAX);
	}
}

static void
fill_steps(struct compile *c, struct queue *q, const struct slot *steps)
{
	int64_t before = 0;
	int n_added = 0;

	if (steps->n > STEPS_MAX)
		tree_error(c->tree, steps->items[STEPS_MAX]->node, "steps: more than %d",
			STEPS_MAX);
	for (int i = 0; i < steps->n && i < STEPS_MAX; i++) {
		const struct entry *e = steps->items[i];
		const struct slot *after = &e->slot[STEP_AFTER];
		struct relax_step *step = &q->steps[q->n_steps];

		if (isnan(after->number))
			continue;
		q->n_steps++;
		step->after_ms = compile_ms(c, after->number);
		if (step->after_ms < before)
			tree_error(c->tree, after->node,
				"steps stand in order of time: this one comes before the "
				"one above it");
		before = step->after_ms;
		step->lower = compile_levels(c, entry_section(e, STEP_LOWER));
		fill_step_drops(c, step, &e->slot[STEP_DROP]);
		fill_step_teams(c, step, &e->slot[STEP_ADD_TEAMS], &n_added);
		if (step->lower.n + step->n_drop + step->n_add == 0)
			tree_warn(c->tree, e->node,
				"this step changes nothing: name lower, drop or add");
	}
}

static void
fill_limits(struct compile *c, struct queue *q, const struct entry *e)
{
	const struct entry *limits = entry_section(e, QUEUE_LIMITS);

	q->length_limit = (int64_t)entry_number(limits, LIMIT_LENGTH);
	q->length_given = limits->slot[LIMIT_LENGTH].node != NULL;
	q->wait_limits = compile_by_channel(
		c, entry_section(limits, LIMIT_WAIT), true, &q->n_wait_limits);
	q->wrapups = compile_by_channel(
		c, entry_section(e, QUEUE_WRAPUP), true, &q->n_wrapups);
}

static void
fill_dispositions(struct queue *q, const struct entry *e)
{
	const struct entry *d = entry_section(e, QUEUE_DISPOSITIONS);
	const struct slot *codes = &d->slot[DISPOSITION_CODES];

	q->disposition_required = entry_bool(d, DISPOSITION_REQUIRED);
	q->dispositions = xcalloc((size_t)codes->n + 1, sizeof q->dispositions[0]);
	for (int i = 0; i < codes->n; i++)
		q->dispositions[q->n_dispositions++] =
			xstrdup(codes->node->child[i]->text);
}

static int
find_slot(struct compile *c, enum name_kind kind, const struct slot *slot)
{
	return slot->text != NULL ? compile_find(c, kind, slot->node, slot->text) : -1;
}

static void
fill_queue(struct compile *c, struct queue *q, const struct entry *e)
{
	const struct entry *overflow = entry_section(e, QUEUE_OVERFLOW);

	q->channels =
		compile_list(c, NAME_CHANNEL, &e->slot[QUEUE_CHANNELS], &q->n_channels);
	q->teams = compile_list(c, NAME_TEAM, &e->slot[QUEUE_TEAMS], &q->n_teams);
	q->alternatives = compile_list(
		c, NAME_CHANNEL, &e->slot[QUEUE_ALTERNATIVES], &q->n_alternatives);
	q->require = compile_levels(c, entry_section(e, QUEUE_REQUIRE));
	q->sla = read_promises(c, entry_section(e, QUEUE_SLA), &q->n_sla);
	q->resolve = read_promises(c, entry_section(e, QUEUE_RESOLVE), &q->n_resolve);
	q->weight = entry_number(e, QUEUE_WEIGHT);
	q->strategy = (enum strategy)entry_number(e, QUEUE_STRATEGY);
	q->scarce_last = entry_bool(e, QUEUE_SCARCE_LAST);
	q->reserve = (int)entry_number(e, QUEUE_RESERVE);
	q->affinity_ms = compile_ms(c, entry_number(e, QUEUE_AFFINITY));
	q->target_wait_ms = compile_ms(c, entry_number(e, QUEUE_TARGET_WAIT));
	fill_steps(c, q, &e->slot[QUEUE_STEPS]);
	fill_limits(c, q, e);
	q->overflow_to = find_slot(c, NAME_QUEUE, &overflow->slot[OVERFLOW_TO]);
	if (q->overflow_to >= 0 && !isnan(entry_number(overflow, OVERFLOW_AFTER)))
		q->overflow_ms = compile_ms(c, entry_number(overflow, OVERFLOW_AFTER));
	q->hours = find_slot(c, NAME_CALENDAR, &e->slot[QUEUE_HOURS]);
	q->admit_empty = entry_bool(e, QUEUE_ADMIT_EMPTY);
	fill_dispositions(q, e);
}

static void
settle_default_queue(struct compile *c, int first)
{
	const struct slot *slot = &c->top->slot[TOP_DEFAULT_QUEUE];

	c->centre->default_queue = first;
	if (slot->text != NULL)
		c->centre->default_queue =
			compile_find(c, NAME_QUEUE, slot->node, slot->text);
	else if (c->names[NAME_QUEUE].n > 1)
		tree_warn(c->tree, c->top->slot[TOP_QUEUES].key,
			"default_queue is not set: contacts that no rule places go to "
			"%s, "
			"the first queue",
			c->centre->queues[first].name);
}

/* Names first: queues point at each other. */
void
compile_queues(struct compile *c)
{
	const struct slot *slot = &c->top->slot[TOP_QUEUES];
	const struct entry *all = slot->entry;
	int *index = xcalloc((size_t)all->n_others + 1, sizeof index[0]);

	for (int i = 0; i < all->n_others; i++)
		index[i] = compile_add(
			c, NAME_QUEUE, all->other[i].key, all->other[i].key->text);
	for (int i = 0; i < all->n_others; i++) {
		if (index[i] < 0)
			continue;
		compile_clear_queue(&c->centre->queues[index[i]]);
		c->centre->queues[index[i]].order = i;
		fill_queue(c, &c->centre->queues[index[i]], all->other[i].entry);
	}
	if (all->n_others > 0 && index[0] >= 0)
		settle_default_queue(c, index[0]);
	else if (slot->key != NULL)
		tree_error(c->tree, slot->key,
			"queues: there is none, so nothing could be routed: write for "
			"example queues: {general: {}}");
	free(index);
}
