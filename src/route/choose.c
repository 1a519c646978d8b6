/* route/choose.c - the agent choice: affinity, no parking, scarcity, strategy,
 * part-filled, idle, file order. */
#include "route/choose.h"

#include <math.h>

#include "route/able.h"
#include "route/ask.h"
#include "route/class.h"

const char *const able_reason_name[ABLE_REASONS] = {"free", "offline", "not_ready",
	"not_responding", "not_routable", "desk_lost", "channel_off", "full",
	"cool_down"};

int
agent_cost_pts(const struct router *r, const struct agent *a, int channel)
{
	const struct agent_settings *s = &r->centre->agents[a->index];

	if (channel < a->n_channels && a->channel_cost[channel] >= 0)
		return a->channel_cost[channel];
	for (int i = 0; i < s->n_costs; i++)
		if (s->costs[i].channel == channel)
			return (int)s->costs[i].ms;
	return r->centre->channels[channel].cost_pts;
}

/* What one offer may park: the latest begun, as many as fit into its step beside it. */
static int
movable_pts(const struct router *r, const struct agent *a)
{
	int pts = 0, parts = 1;

	for (int i = a->n_held - 1; i >= 0 && parts < STEP_PARTS_MAX; i--) {
		const struct contact *c = a->held[i];

		if (c->state != CONTACT_CONNECTED || c->cost_pts == 0 ||
			!r->centre->channels[c->channel].interruptible)
			continue;
		pts += c->cost_pts;
		parts++;
	}
	return pts;
}

enum able_reason
agent_standing(const struct agent *a)
{
	if (a->login_ms == 0)
		return ABLE_OFFLINE;
	if (a->lost_ms != 0)
		return ABLE_DESK_LOST;
	if (a->state == AGENT_NOT_RESPONDING)
		return ABLE_NOT_RESPONDING;
	if (a->state != AGENT_READY)
		return ABLE_NOT_READY;
	return a->routable && !a->pending ? ABLE_FREE : ABLE_NOT_ROUTABLE;
}

enum able_reason
agent_room(const struct router *r, const struct agent *a, int channel, bool *parks)
{
	int cost, room = a->capacity_pts - a->load_pts;
	enum able_reason standing = agent_standing(a);

	*parks = false;
	if (standing != ABLE_FREE)
		return standing;
	if (room <= 0 && a->parkable_pts <= 0)
		return ABLE_FULL; /* for whatever channel: not in router.with_room */
	if (channel < a->n_channels && a->channel_off[channel])
		return ABLE_CHANNEL_OFF;
	cost = agent_cost_pts(r, a, channel);
	if (cost <= room)
		return ABLE_FREE;
	/* Only what is not interruptible itself may park other work (ROUTING 9). */
	if (r->centre->channels[channel].interruptible || cost > room + a->parkable_pts)
		return ABLE_FULL;
	if (a->n_held >= STEP_PARTS_MAX && cost > room + movable_pts(r, a))
		return ABLE_FULL;
	*parks = true;
	return ABLE_FREE;
}

enum able_reason
agent_room_for(const struct router *r, const struct agent *a, const struct contact *c,
	int64_t now_ms, bool *parks)
{
	enum able_reason why = agent_room(r, a, c->channel, parks);

	return why == ABLE_FREE && !contact_cooled(c, a->index, now_ms) ? ABLE_COOLED
									: why;
}

static int64_t
scarcity(const struct router *r, const struct agent *a)
{
	double sum = 0, arrivals = r->n_demand > 0 ? r->n_demand : 1;

	for (int i = 0; i < a->n_skills; i++) {
		int skill = a->skills[i].skill,
		    agents = r->skilled[skill] > 0 ? r->skilled[skill] : 1;

		sum += (r->demand[skill] / arrivals + 1) / agents;
	}
	return llround(sum * 1e9);
}

/* Sum of his levels in what the contact needs. */
static int
proficiency(const struct require *need, const struct agent *a)
{
	int sum = 0, at = 0;

	for (int i = 0; i < need->n; i++) {
		while (at < a->n_skills && a->skills[at].skill < need->skill[i].skill)
			at++;
		if (at < a->n_skills && a->skills[at].skill == need->skill[i].skill)
			sum += a->skills[at].level;
	}
	return sum;
}

/* Share of the time since login in which he held something. */
static double
occupancy(const struct agent *a, int64_t now_ms)
{
	int64_t busy_ms =
		a->busy_ms + (a->busy_since_ms != 0 ? now_ms - a->busy_since_ms : 0);
	int64_t login_ms = now_ms - a->login_ms;

	return login_ms > 0 ? (double)busy_ms / (double)login_ms : 0;
}

static double
strategy_key(const struct router *r, const struct contact *c, const struct agent *a,
	int64_t now_ms)
{
	const struct queue *q = &r->centre->queues[c->queue];
	const struct agent_settings *s = &r->centre->agents[a->index];
	int after;

	switch (q->strategy) {
	case STRATEGY_LONGEST_IDLE:
		return (double)a->idle_since_ms;
	case STRATEGY_RANKED:
		return s->rank;
	case STRATEGY_LEAST_OCCUPIED:
		return occupancy(a, now_ms);
	case STRATEGY_MOST_SKILLED:
		return -proficiency(&c->need, a);
	case STRATEGY_LEAST_SKILLED:
		return proficiency(&c->need, a);
	case STRATEGY_ROUND_ROBIN:
		after = s->order - r->round_robin[c->queue] - 1;
		return after >= 0 ? after : after + CENTRE_AGENTS_MAX;
	case STRATEGY_FEWEST_CONTACTS:
		return (double)a->handled;
	}
	return 0;
}

/* <0: a goes first. */
static int
compare(const struct choice *a, const struct choice *b)
{
	if (a->affinity != b->affinity)
		return a->affinity ? -1 : 1;
	if (a->parks != b->parks)
		return a->parks ? 1 : -1;
	if (a->scarcity != b->scarcity)
		return a->scarcity < b->scarcity ? -1 : 1;
	if (a->strategy != b->strategy)
		return a->strategy < b->strategy ? -1 : 1;
	if (a->part_filled != b->part_filled)
		return a->part_filled ? -1 : 1;
	if (a->idle_since_ms != b->idle_since_ms)
		return a->idle_since_ms < b->idle_since_ms ? -1 : 1;
	return a->order - b->order;
}

/* Keeps the best CHOICE_RIVALS_MAX + 1 of all in order; list[0] is the winner. */
static void
keep(struct choice *list, int *n, int most, const struct choice *one)
{
	int at = *n;

	while (at > 0 && compare(one, &list[at - 1]) < 0)
		at--;
	if (at == most)
		return;
	if (*n < most)
		(*n)++;
	for (int i = *n - 1; i > at; i--)
		list[i] = list[i - 1];
	list[at] = *one;
}

/* Those of the class who are not among the agents with room: they take nothing, or are
 * full. */
static void
count_roomless(const struct class *k, int with_room, int unable[ABLE_REASONS])
{
	for (int i = 0; i < ABLE_REASONS; i++)
		if (i != ABLE_FREE)
			unable[i] += k->standing[i];
	unable[ABLE_FULL] += k->standing[ABLE_FREE] - with_room;
}

void
choose_agent(struct router *r, const struct contact *c, int64_t now_ms,
	struct choices *choices)
{
	const struct queue *q = &r->centre->queues[c->queue];
	bool by_scarcity = q->scarce_last && q->strategy != STRATEGY_RANKED;
	struct choice best[CHOICE_RIVALS_MAX + 1] = {{0}};
	int n = 0, most = r->recording ? CHOICE_RIVALS_MAX + 1 : 1, with_room = 0;
	bool held_back =
		able_held_back(r, c->class, NULL) &&
		class_slack_ms(r, c->class, c->d_ms, now_ms) > c->class->release_ms;

	choices->n_free = 0;
	memset(choices->unable, 0, sizeof choices->unable);
	for (size_t i = 0; i < r->n_with_room; i++) {
		struct agent *a = r->with_room[i];
		struct choice one = {.agent = a};
		enum able_reason why;

		if (!able_has(c->class, a->index))
			continue;
		with_room++;
		why = agent_room_for(r, a, c, now_ms, &one.parks);
		if (why != ABLE_FREE) {
			choices->unable[why]++;
			continue;
		}
		if ((held_back && a->takes_live) || !ask_match(r, c, a, now_ms))
			continue;
		one.affinity = a->index == c->affinity || a->index == c->last_agent;
		one.scarcity = by_scarcity ? scarcity(r, a) : 0;
		one.strategy = strategy_key(r, c, a, now_ms);
		one.part_filled = a->load_pts > 0;
		one.idle_since_ms = a->idle_since_ms;
		one.order = r->centre->agents[a->index].order;
		choices->n_free++;
		keep(best, &n, most, &one);
	}
	count_roomless(c->class, with_room, choices->unable);
	choices->best = best[0];
	choices->n_rivals = n > 0 ? n - 1 : 0;
	for (int i = 0; i < choices->n_rivals; i++)
		choices->rival[i] = best[i + 1];
}
