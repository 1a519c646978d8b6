/* route/able.c - who may serve which class, and how many of them there are now. */
#include "route/able.h"

#include <stdlib.h>
#include <string.h>

#define RESERVE_AUTO_SHARE 20 /* one idle agent is kept for each 20 (ROUTING 9) */

static bool
takes_channel(const struct agent_settings *a, int channel)
{
	if (a->n_channels == 0)
		return true;
	for (int i = 0; i < a->n_channels; i++)
		if (a->channels[i] == channel)
			return true;
	return false;
}

static bool
in_team(int team, const int *teams, int n_teams)
{
	for (int i = 0; i < n_teams; i++)
		if (teams[i] == team)
			return true;
	return false;
}

bool
able_serves(const struct router *r, const struct agent *a, const struct class *k)
{
	const struct agent_settings *s = &r->centre->agents[a->index];
	const struct queue *q = &r->centre->queues[k->queue];

	if (s->removed || !takes_channel(s, k->channel))
		return false;
	if (k->only >= 0 && k->only != a->index)
		return false;
	if (k->only < 0 && q->n_teams > 0 && !in_team(s->team, q->teams, q->n_teams) &&
		!in_team(s->team, k->teams, k->n_teams))
		return false;
	return require_met(&k->need, a->skills, a->n_skills);
}

bool
able_agent(const struct router *r, const struct agent *a, const struct contact *c)
{
	const struct queue *q = &r->centre->queues[c->queue];
	const struct agent_settings *s = &r->centre->agents[a->index];

	if (s->removed || !takes_channel(s, c->channel))
		return false;
	if (q->n_teams > 0 && !in_team(s->team, q->teams, q->n_teams) &&
		!in_team(s->team, c->teams, c->n_teams))
		return false;
	return require_met(&c->need, a->skills, a->n_skills);
}

bool
able_anyone(const struct router *r, const struct contact *c)
{
	for (int i = 0; i < r->n_agents; i++)
		if (r->agents[i].login_ms != 0 && able_agent(r, &r->agents[i], c))
			return true;
	return false;
}

/* ---- lists ---- */

static void
agent_add_class(struct agent *a, struct class *k)
{
	if (a->n_classes == a->room_classes) {
		a->room_classes = a->room_classes != 0 ? a->room_classes * 2 : 16;
		a->classes = xreallocarray(
			a->classes, (size_t)a->room_classes, sizeof(struct class *));
		a->bounds = xreallocarray(
			a->bounds, (size_t)a->room_classes, sizeof a->bounds[0]);
	}
	a->bounds[a->n_classes] = k->bound;
	a->classes[a->n_classes++] = k;
}

static void
agent_drop_class(struct agent *a, const struct class *k)
{
	for (int i = 0; i < a->n_classes; i++) {
		if (a->classes[i] != k)
			continue;
		a->classes[i] = a->classes[--a->n_classes];
		a->bounds[i] = a->bounds[a->n_classes];
		return;
	}
}

/* Keeps the list in file order. */
static void
class_add_agent(struct class *k, const struct agent *a)
{
	int at = k->n_able;

	if (k->n_able == k->room_able) {
		k->room_able = k->room_able != 0 ? k->room_able * 2 : 8;
		k->able = xreallocarray(k->able, (size_t)k->room_able, sizeof k->able[0]);
	}
	while (at > 0 && k->able[at - 1] > a->index)
		at--;
	memmove(&k->able[at + 1], &k->able[at],
		(size_t)(k->n_able - at) * sizeof k->able[0]);
	k->able[at] = a->index;
	k->n_able++;
	if (a->index / 64 >= k->able_words) {
		int words = a->index / 64 + 1;

		k->able_bits = xreallocarray(
			k->able_bits, (size_t)words, sizeof k->able_bits[0]);
		memset(k->able_bits + k->able_words, 0,
			(size_t)(words - k->able_words) * sizeof k->able_bits[0]);
		k->able_words = words;
	}
	k->able_bits[a->index / 64] |= UINT64_C(1) << (a->index % 64);
	k->n_logged_in += a->login_ms != 0;
	k->standing[a->standing]++;
	k->n_idle += a->counted_idle;
}

static void
class_drop_agent(struct class *k, const struct agent *a)
{
	for (int i = 0; i < k->n_able; i++) {
		if (k->able[i] != a->index)
			continue;
		memmove(&k->able[i], &k->able[i + 1],
			(size_t)(k->n_able - i - 1) * sizeof k->able[0]);
		k->n_able--;
		k->able_bits[a->index / 64] &= ~(UINT64_C(1) << (a->index % 64));
		k->n_logged_in -= a->login_ms != 0;
		k->standing[a->standing]--;
		k->n_idle -= a->counted_idle;
		return;
	}
}

void
able_add_class(struct router *r, struct class *k)
{
	int from = k->only >= 0 ? k->only : 0,
	    to = k->only >= 0 ? k->only + 1 : r->n_agents;

	for (int i = from; i < to && i < r->n_agents; i++) {
		if (!able_serves(r, &r->agents[i], k))
			continue;
		class_add_agent(k, &r->agents[i]);
		agent_add_class(&r->agents[i], k);
	}
}

void
able_remove_class(struct router *r, struct class *k)
{
	for (int i = 0; i < k->n_able; i++)
		agent_drop_class(&r->agents[k->able[i]], k);
	k->n_able = 0;
}

void
able_rebuild_agent(struct router *r, struct agent *a)
{
	for (int i = 0; i < a->n_classes; i++)
		class_drop_agent(a->classes[i], a);
	a->n_classes = 0;
	for (size_t i = 0; i < r->n_classes; i++) {
		if (!able_serves(r, a, r->classes[i]))
			continue;
		class_add_agent(r->classes[i], a);
		agent_add_class(a, r->classes[i]);
	}
}

bool
able_share(const struct class *a, const struct class *b)
{
	int words = a->able_words < b->able_words ? a->able_words : b->able_words;

	for (int i = 0; i < words; i++)
		if ((a->able_bits[i] & b->able_bits[i]) != 0)
			return true;
	return a == b;
}

/* ---- reserve ---- */

int
able_reserve(const struct router *r, const struct class *k)
{
	int reserve = r->centre->queues[k->queue].reserve;

	return reserve >= 0 ? reserve : k->n_logged_in / RESERVE_AUTO_SHARE;
}

/* Beyond R idle ones it goes out; R 0 is off (CONTRACTS 3), also for who has room beside
 * other work. */
static bool
holds_back(int reserve, int idle)
{
	return reserve > 0 && idle <= reserve;
}

/* A class held for its last agent: the reserve is that of all who could serve it. A named
 * agent's is his alone. */
static bool
held_for_one(const struct router *r, const struct class *k)
{
	const struct contact *c = k->first_item;
	int reserve = r->centre->queues[k->queue].reserve, idle = 0, logged_in = 0;

	if (k->n == 0 || c->target >= 0)
		return false;
	for (int i = 0; i < r->n_agents; i++) {
		const struct agent *a = &r->agents[i];

		if (a->login_ms == 0 || !able_agent(r, a, c))
			continue;
		logged_in++;
		idle += a->counted_idle;
	}
	return holds_back(reserve >= 0 ? reserve : logged_in / RESERVE_AUTO_SHARE, idle);
}

bool
able_held_back(const struct router *r, const struct class *k, const struct agent *a)
{
	if (!k->deferrable || (a != NULL && !a->takes_live))
		return false;
	if (k->only >= 0)
		return held_for_one(r, k);
	return holds_back(able_reserve(r, k), k->n_idle);
}

void
able_count_login(struct router *r, struct agent *a, bool logged_in)
{
	for (int i = 0; i < a->n_classes; i++)
		a->classes[i]->n_logged_in += logged_in ? 1 : -1;
	for (int i = 0; i < a->n_skills; i++)
		if (a->skills[i].skill < r->n_skills)
			r->skilled[a->skills[i].skill] += logged_in ? 1 : -1;
}

void
able_count_idle(struct router *r, struct agent *a, bool idle)
{
	idle = idle && a->takes_live;
	if (idle == a->counted_idle)
		return;
	a->counted_idle = idle;
	for (int i = 0; i < a->n_classes; i++)
		a->classes[i]->n_idle += idle ? 1 : -1;
}

void
able_count_standing(struct agent *a, enum able_reason standing)
{
	if (standing == a->standing)
		return;
	for (int i = 0; i < a->n_classes; i++) {
		a->classes[i]->standing[a->standing]--;
		a->classes[i]->standing[standing]++;
	}
	a->standing = standing;
}
