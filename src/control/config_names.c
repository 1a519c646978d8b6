/* control/config_names.c - names of the settings become indexes of the centre. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"

/* How a kind is called, and the key under which new ones are written. */
static const struct {
	const char *word, *where;
} kinds[NAME_KINDS] = {
	[NAME_CHANNEL] = {"channel", "channels"},
	[NAME_TIER] = {"tier", "tiers"},
	[NAME_SKILL] = {"skill", "skills"},
	[NAME_CALENDAR] = {"calendar", "calendars"},
	[NAME_TEAM] = {"team", "teams"},
	[NAME_QUEUE] = {"queue", "queues"},
	[NAME_AGENT] = {"agent", "agents"},
};

void
compile_names_finish(struct compile *c)
{
	for (int i = 0; i < NAME_KINDS; i++) {
		map_finish(&c->names[i].index);
		free(c->names[i].list);
	}
}

/* The list with room for one zeroed element more. */
static void *
grown(void *list, int n, size_t size)
{
	list = xreallocarray(list, (size_t)n + 1, size);
	memset((char *)list + (size_t)n * size, 0, size);
	return list;
}

static void *
number(int index)
{
	return (void *)((intptr_t)index + 1);
}

static int
old_index(const struct centre *to, enum name_kind kind, const char *name)
{
	switch (kind) {
	case NAME_CHANNEL:
		return centre_channel(to, name);
	case NAME_TIER:
		return centre_tier(to, name);
	case NAME_SKILL:
		return centre_skill(to, name);
	case NAME_TEAM:
		return centre_team(to, name);
	case NAME_QUEUE:
		return centre_queue(to, name);
	case NAME_AGENT:
		return centre_agent(to, name);
	case NAME_CALENDAR:
		for (int i = 0; i < to->n_calendars; i++)
			if (strcmp(to->calendar_names[i], name) == 0)
				return i;
		break;
	case NAME_KINDS:
		break;
	}
	return -1;
}

/* A new element with nothing but its name. */
static int
new_index(struct centre *to, enum name_kind kind, const char *name)
{
	int i = -1;

	switch (kind) {
	case NAME_CHANNEL:
		i = to->n_channels;
		to->channels =
			grown(to->channels, to->n_channels++, sizeof to->channels[0]);
		to->channels[i].name = xstrdup(name);
		map_put(&to->channel_by_name, name, number(i));
		break;
	case NAME_TIER:
		i = to->n_tiers;
		to->tiers = grown(to->tiers, to->n_tiers++, sizeof to->tiers[0]);
		to->tiers[i].name = xstrdup(name);
		map_put(&to->tier_by_name, name, number(i));
		break;
	case NAME_SKILL:
		i = to->n_skills;
		to->skills = grown(to->skills, to->n_skills++, sizeof to->skills[0]);
		to->skills[i] = xstrdup(name);
		map_put(&to->skill_by_name, name, number(i));
		break;
	case NAME_CALENDAR:
		i = to->n_calendars;
		to->calendar_names =
			grown(to->calendar_names, i, sizeof to->calendar_names[0]);
		to->calendars =
			grown(to->calendars, to->n_calendars++, sizeof to->calendars[0]);
		to->calendar_names[i] = xstrdup(name);
		break;
	case NAME_TEAM:
		i = to->n_teams;
		to->teams = grown(to->teams, to->n_teams++, sizeof to->teams[0]);
		to->teams[i].name = xstrdup(name);
		map_put(&to->team_by_name, name, number(i));
		break;
	case NAME_QUEUE:
		i = to->n_queues;
		to->queues = grown(to->queues, to->n_queues++, sizeof to->queues[0]);
		to->queues[i].name = xstrdup(name);
		map_put(&to->queue_by_name, name, number(i));
		break;
	case NAME_AGENT:
		i = to->n_agents;
		to->agents = grown(to->agents, to->n_agents++, sizeof to->agents[0]);
		to->agents[i].id = xstrdup(name);
		map_put(&to->agent_by_id, name, number(i));
		break;
	case NAME_KINDS:
		break;
	}
	return i;
}

int
compile_add(
	struct compile *c, enum name_kind kind, const struct node *at, const char *name)
{
	struct names *names = &c->names[kind];
	int most = kind == NAME_AGENT ? CENTRE_AGENTS_MAX : CENTRE_LIST_MAX, index;

	if (map_get(&names->index, name) != NULL) {
		tree_error(c->tree, at,
			"the %s \"%s\" stands here twice: keep one of them",
			kinds[kind].word, name);
		return -1;
	}
	index = old_index(c->centre, kind, name);
	if (index < 0 &&
		(names->n >= most || c->centre->n_agents >= 2 * CENTRE_AGENTS_MAX)) {
		tree_error(c->tree, at, "there are more than %d %s", most,
			kinds[kind].where);
		return -1;
	}
	if (index < 0)
		index = new_index(c->centre, kind, name);
	else if (kind == NAME_TEAM)
		compile_clear_team(&c->centre->teams[index]); /* known again */
	map_put(&names->index, name, number(index));
	names->list =
		xreallocarray(names->list, (size_t)names->n + 2, sizeof names->list[0]);
	names->list[names->n++] = name;
	names->list[names->n] = NULL;
	return index;
}

static const char *
name_at(const void *owner, int i)
{
	const struct names *names = owner;

	return i < names->n ? names->list[i] : NULL;
}

int
compile_find(
	struct compile *c, enum name_kind kind, const struct node *at, const char *name)
{
	struct names *names = &c->names[kind];
	int index = (int)(intptr_t)map_get(&names->index, name) - 1;
	const char *near;

	if (index >= 0)
		return index;
	if (names->open)
		return compile_add(c, kind, at, name);
	/* Nobody reads the hint of a problem that is only counted. */
	near = tree_is_full(c->tree) ? NULL : settings_nearest(name, name_at, names);
	tree_error(c->tree, at, "there is no %s \"%s\"%s%s%s", kinds[kind].word, name,
		near != NULL ? ": did you mean " : ": see ",
		near != NULL ? near : kinds[kind].where, near != NULL ? "?" : "");
	return -1;
}

int
compile_channel(struct compile *c, const struct slot *slot)
{
	if (slot->key == NULL &&
		map_get(&c->names[NAME_CHANNEL].index, slot->text) == NULL)
		return -1;
	return compile_find(c, NAME_CHANNEL, slot->node, slot->text);
}

int
compile_queue(struct compile *c, const struct slot *slot, int channel)
{
	int queue = slot->text != NULL
			    ? compile_find(c, NAME_QUEUE, slot->node, slot->text)
			    : -1;

	if (queue >= 0 && channel >= 0 &&
		!queue_takes(&c->centre->queues[queue], channel))
		tree_error(c->tree, slot->node,
			"queue: %s does not take %s, so all of it would be refused: name "
			"another queue, or add %s to the channels of this one",
			slot->text, c->centre->channels[channel].name,
			c->centre->channels[channel].name);
	return queue;
}

int *
compile_list(struct compile *c, enum name_kind kind, const struct slot *slot, int *n)
{
	int *list = NULL;

	*n = 0;
	for (int i = 0; i < slot->n; i++) {
		const struct node *at = slot->node->child[i];
		int index = compile_find(c, kind, at, at->text);
		bool again = false;

		for (int j = 0; j < *n; j++)
			again = again || list[j] == index;
		if (again)
			tree_warn(c->tree, at, "\"%s\" stands here twice", at->text);
		if (index < 0 || again)
			continue;
		list = xreallocarray(list, (size_t)*n + 1, sizeof list[0]);
		list[(*n)++] = index;
	}
	return list;
}

struct require
compile_levels(struct compile *c, const struct entry *levels)
{
	struct require require = {0};

	for (int i = 0; i < levels->n_others; i++) {
		const struct slot *slot = &levels->other[i];
		int skill = compile_find(c, NAME_SKILL, slot->key, slot->key->text);

		if (skill < 0 || isnan(slot->number))
			continue;
		if (!require_add(&require, skill, (int)slot->number, true))
			tree_error(
				c->tree, slot->key, "more than %d skills", REQUIRE_MAX);
	}
	return require;
}

char *
compile_path(const struct compile *c, const struct slot *slot)
{
	char *folder, *path;

	if (slot->text == NULL)
		return NULL;
	if (slot->text[0] == '/' || !c->in_files || slot->node == NULL)
		return xstrdup(slot->text);
	folder = config_folder(c->tree->file[slot->node->file]);
	path = xasprintf("%s/%s", folder, slot->text);
	free(folder);
	return path;
}

int64_t
compile_ms(const struct compile *c, double ms)
{
	double scaled = ms / c->speed;

	/* What is there must not vanish by rounding. */
	return scaled > 0 && scaled < 1 ? 1 : (int64_t)llround(scaled);
}

struct queue_limit *
compile_by_channel(struct compile *c, const struct entry *entry, bool scaled, int *n)
{
	struct queue_limit *list = NULL;

	*n = 0;
	for (int i = 0; i < entry->n_others; i++) {
		const struct slot *slot = &entry->other[i];
		int channel = compile_find(c, NAME_CHANNEL, slot->key, slot->key->text);

		if (channel < 0 || isnan(slot->number))
			continue;
		list = xreallocarray(list, (size_t)*n + 1, sizeof list[0]);
		list[(*n)++] = (struct queue_limit){channel,
			scaled ? compile_ms(c, slot->number) : (int64_t)slot->number};
	}
	return list;
}
