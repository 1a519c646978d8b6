/* control/config_agents.c - agents, and templates of agents for simulations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"

static void
fill_costs(struct compile *c, struct agent_settings *a, const struct entry *e)
{
	a->costs =
		compile_by_channel(c, entry_section(e, AGENT_COSTS), false, &a->n_costs);
}

static void
fill_agent(struct compile *c, struct agent_settings *a, const struct entry *e, int order)
{
	const struct entry *skills = entry_section(e, AGENT_SKILLS);
	const struct slot *team = &e->slot[AGENT_TEAM];

	compile_clear_agent(a);
	a->order = order;
	a->name = xstrdup(
		entry_text(e, AGENT_NAME) != NULL ? entry_text(e, AGENT_NAME) : "");
	a->team = team->text != NULL ? compile_find(c, NAME_TEAM, team->node, team->text)
				     : -1;
	a->capacity_pts = (int)entry_number(e, AGENT_CAPACITY);
	a->rank = (int)entry_number(e, AGENT_RANK);
	a->device = xstrdup(entry_text(e, AGENT_DEVICE));
	a->answer = (enum agent_answer)entry_number(e, AGENT_ANSWER);
	a->channels =
		compile_list(c, NAME_CHANNEL, &e->slot[AGENT_CHANNELS], &a->n_channels);
	fill_costs(c, a, e);
	a->skills = xcalloc((size_t)skills->n_others + 1, sizeof a->skills[0]);
	for (int i = 0; i < skills->n_others; i++) {
		const struct slot *slot = &skills->other[i];
		int skill = compile_find(c, NAME_SKILL, slot->key, slot->key->text), at;

		if (skill < 0 || isnan(slot->number))
			continue;
		for (at = a->n_skills++; at > 0 && a->skills[at - 1].skill > skill; at--)
			a->skills[at] = a->skills[at - 1];
		a->skills[at] = (struct skill_level){skill, (int)slot->number};
	}
}

/* The id of the number-th agent of a template: %d becomes the number. */
static const char *
template_id(struct compile *c, const char *id, int number)
{
	const char *mark = strstr(id, "%d");

	if (mark == NULL)
		return id;
	return tree_printf(c->tree, "%.*s%d%s", (int)(mark - id), id, number, mark + 2);
}

static void
add_agents(struct compile *c, const struct entry *e, int *order)
{
	const struct slot *id = &e->slot[AGENT_ID];
	int count = e->section->n > AGENT_COUNT ? (int)entry_number(e, AGENT_COUNT) : 1;

	if (id->text == NULL)
		return;
	if (count > 1 && strstr(id->text, "%d") == NULL) {
		tree_error(c->tree, id->node,
			"id: %d agents need a %%d in it, for example \"%s-%%d\"", count,
			id->text);
		return;
	}
	for (int i = 1; i <= count; i++) {
		const char *name = e->section->n > AGENT_COUNT
					   ? template_id(c, id->text, i)
					   : id->text;
		int index;

		if (!id_is_valid(name)) {
			tree_error(c->tree, id->node,
				"id: \"%s\" is not a name: 1 to %d of A-Z a-z 0-9 . _ -",
				name, ID_MAX);
			return;
		}
		index = compile_add(c, NAME_AGENT, id->node, name);
		if (index < 0)
			return;
		fill_agent(c, &c->centre->agents[index], e, (*order)++);
	}
}

void
compile_agents(struct compile *c)
{
	const struct slot *all = &c->top->slot[TOP_AGENTS];
	const struct entry *sim = entry_section(c->top, TOP_SIM);
	int order = 0;

	/* A simulation's agents stand in place of the centre's. */
	if (sim->slot[SIM_AGENTS].node != NULL)
		all = &sim->slot[SIM_AGENTS];
	for (int i = 0; i < all->n; i++)
		add_agents(c, all->items[i], &order);
	if (order == 0)
		tree_warn(c->tree, all->key,
			"agents: there is none, so nobody can serve anything");
}
