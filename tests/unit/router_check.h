/*
 * tests/unit/router_check.h - whether a router's memory agrees with itself and with the
 * text of ROUTING 9: everything that is counted, listed or derived is found again from
 * contacts, agents and settings alone.
 */
#ifndef USHER_TESTS_ROUTER_CHECK_H
#define USHER_TESTS_ROUTER_CHECK_H

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "route/choose.h"
#include "route/class.h"
#include "route/stage.h"

#define PARKED_AT_ONCE (STEP_PARTS_MAX - 1) /* contacts that one offer may park */

/* What is wrong, for the test to say; empty: nothing. */
static char wrong[600];

static void note_wrong(int line, const char *condition, const char *format, ...)
	USHER_PRINTF(3, 4);

static void
note_wrong(int line, const char *condition, const char *format, ...)
{
	va_list arguments;
	size_t n;

	if (wrong[0] != '\0')
		return;
	n = (size_t)snprintf(wrong, sizeof wrong / 2, "%d: %s: ", line, condition);
	va_start(arguments, format);
	vsnprintf(wrong + n, sizeof wrong - n, format, arguments);
	va_end(arguments);
}

#define REQUIRE(condition, ...)                                                          \
	do {                                                                             \
		if (!(condition))                                                        \
			note_wrong(__LINE__, #condition, __VA_ARGS__);                   \
	} while (0)

/* ---- settings, read anew ---- */

static bool
listed(int one, const int *list, int n)
{
	for (int i = 0; i < n; i++)
		if (list[i] == one)
			return true;
	return false;
}

static void
set_level(struct require *r, int skill, int level, bool raise_only)
{
	int at = 0;

	for (int i = 0; i < r->n; i++)
		if (r->skill[i].skill == skill) {
			if (!raise_only || level > r->skill[i].level)
				r->skill[i].level = level;
			return;
		}
	while (at < r->n && r->skill[at].skill < skill)
		at++;
	for (int i = r->n++; i > at; i--)
		r->skill[i] = r->skill[i - 1];
	r->skill[at] = (struct skill_level){skill, level};
}

/* What holds for a contact now; teams gets the queue's (none: every team) and the steps'.
 */
struct wanted {
	struct require need;
	int n_teams, teams[64];
	bool any_team;
};

static void
take_step(struct wanted *w, const struct relax_step *step)
{
	for (int i = 0; i < step->lower.n; i++)
		for (int j = 0; j < w->need.n; j++)
			if (w->need.skill[j].skill == step->lower.skill[i].skill &&
				w->need.skill[j].level > step->lower.skill[i].level)
				w->need.skill[j].level = step->lower.skill[i].level;
	for (int i = 0; i < step->n_drop; i++)
		for (int j = 0; j < w->need.n; j++)
			if (w->need.skill[j].skill == step->drop[i]) {
				w->need.n--;
				memmove(&w->need.skill[j], &w->need.skill[j + 1],
					(size_t)(w->need.n - j) *
						sizeof w->need.skill[0]);
				j--;
			}
	for (int i = 0; i < step->n_add; i++)
		w->teams[w->n_teams++] = step->add[i];
}

static struct wanted
wanted_by(const struct router *r, const struct contact *c, int steps)
{
	const struct queue *q = &r->centre->queues[c->queue];
	struct wanted w = {.need = q->require, .any_team = q->n_teams == 0};

	for (int i = 0; i < c->own.n; i++)
		set_level(&w.need, c->own.skill[i].skill, c->own.skill[i].level, true);
	for (int i = 0; i < c->given.n; i++)
		set_level(
			&w.need, c->given.skill[i].skill, c->given.skill[i].level, false);
	for (int i = 0; i < q->n_teams; i++)
		w.teams[w.n_teams++] = q->teams[i];
	for (int i = 0; i < steps && i < q->n_steps; i++)
		take_step(&w, &q->steps[i]);
	return w;
}

static bool
takes_this_channel(const struct agent_settings *s, int channel)
{
	return !s->removed &&
	       (s->n_channels == 0 || listed(channel, s->channels, s->n_channels));
}

static bool
could_serve(const struct router *r, const struct agent *a, int channel,
	const struct wanted *w)
{
	const struct agent_settings *s = &r->centre->agents[a->index];

	if (!takes_this_channel(s, channel) ||
		(!w->any_team && !listed(s->team, w->teams, w->n_teams)))
		return false;
	for (int i = 0; i < w->need.n; i++) {
		int level = 0;

		for (int j = 0; j < a->n_skills; j++)
			if (a->skills[j].skill == w->need.skill[i].skill)
				level = a->skills[j].level;
		if (level < w->need.skill[i].level)
			return false;
	}
	return true;
}

static bool
has_live_channel(const struct router *r, const struct agent *a)
{
	const struct agent_settings *s = &r->centre->agents[a->index];

	for (int i = 0; i < r->centre->n_channels; i++)
		if (!r->centre->channels[i].deferrable && !a->channel_off[i] &&
			(s->n_channels == 0 ? !r->centre->channels[i].removed
					    : listed(i, s->channels, s->n_channels)))
			return true;
	return false;
}

/* ---- agents ---- */

struct hand {
	int load, parkable, parked, in_hand;
	int movable; /* what the latest begun that may be parked at once cost */
};

static struct hand
hand_of(const struct router *r, const struct agent *a)
{
	struct hand h = {0};
	int parts = 0;

	for (int i = a->n_held - 1; i >= 0; i--) {
		const struct contact *c = a->held[i];

		if (c->state == CONTACT_PARKED) {
			h.parked++;
			continue;
		}
		h.in_hand++;
		h.load += c->cost_pts;
		if (c->state != CONTACT_CONNECTED ||
			!r->centre->channels[c->channel].interruptible ||
			c->cost_pts == 0)
			continue;
		h.parkable += c->cost_pts;
		if (parts++ < PARKED_AT_ONCE)
			h.movable += c->cost_pts;
	}
	return h;
}

static bool
takes_new(const struct agent *a)
{
	return a->login_ms != 0 && a->lost_ms == 0 && a->state == AGENT_READY &&
	       a->routable && !a->pending;
}

static void
check_agent(const struct router *r, const struct agent *a)
{
	struct hand h = hand_of(r, a);
	bool room = takes_new(a) && (h.load < a->capacity_pts || h.parkable > 0);
	const char *id = r->centre->agents[a->index].id;

	REQUIRE(a->load_pts == h.load, "%s %d %d", id, a->load_pts, h.load);
	REQUIRE(a->parkable_pts == h.parkable, "%s %d %d", id, a->parkable_pts,
		h.parkable);
	REQUIRE(a->n_parked == h.parked, "%s", id);
	REQUIRE((a->room_slot != SIZE_MAX) == room, "%s", id);
	REQUIRE(a->room_slot == SIZE_MAX || r->with_room[a->room_slot] == a, "%s", id);
	REQUIRE(a->takes_live == has_live_channel(r, a), "%s", id);
	REQUIRE(a->counted_idle == (room && h.in_hand == 0 && a->takes_live), "%s", id);
	REQUIRE(a->standing == agent_standing(a), "%s", id);
	REQUIRE(a->n_held == 0 || a->login_ms != 0, "%s holds but is not there", id);
	REQUIRE((a->login_ms != 0) == (a->state != AGENT_OFFLINE), "%s", id);
	REQUIRE((a->busy_since_ms != 0) == (h.in_hand > 0), "%s busy", id);
	for (int i = 0; i < a->n_held; i++) {
		const struct contact *c = a->held[i];

		REQUIRE(contact_find(r, c->id) == c, "%s", id);
		REQUIRE(c->agent == a->index, "%s", id);
		REQUIRE(c->state == CONTACT_OFFERED || c->state == CONTACT_CONNECTED ||
				c->state == CONTACT_PARKED || c->state == CONTACT_WRAPUP,
			"%s", contact_state_name[c->state]);
		for (int j = 0; j < i; j++)
			REQUIRE(a->held[j] != c, "%s holds it twice", id);
	}
}

static void
check_agents(const struct router *r)
{
	int logged_in = 0, skilled[64] = {0};

	for (int i = 0; i < r->n_agents; i++) {
		const struct agent *a = &r->agents[i];

		check_agent(r, a);
		if (a->login_ms == 0)
			continue;
		logged_in++;
		for (int j = 0; j < a->n_skills; j++)
			skilled[a->skills[j].skill]++;
	}
	REQUIRE(logged_in == r->counts.agents_logged_in, "%d %d", logged_in,
		r->counts.agents_logged_in);
	for (int i = 0; i < r->n_skills; i++)
		REQUIRE(skilled[i] == r->skilled[i], "%s", r->centre->skills[i]);
	for (size_t i = 0; i < r->n_with_room; i++)
		REQUIRE(r->with_room[i]->room_slot == i, "%zu", i);
}

/* ---- contacts ---- */

static void
check_need(const struct router *r, const struct contact *c)
{
	struct wanted w = wanted_by(r, c, c->step);

	REQUIRE(w.need.n == c->need.n, "%d %d", w.need.n, c->need.n);
	for (int i = 0; i < w.need.n && i < c->need.n; i++)
		REQUIRE(w.need.skill[i].skill == c->need.skill[i].skill &&
				w.need.skill[i].level == c->need.skill[i].level,
			"step %d", c->step);
}

static void
check_contact(struct router *r, struct contact *c)
{
	const struct agent *a = agent_at(r, c->agent);
	bool held = false, waits = c->state == CONTACT_QUEUED;

	for (int i = 0; a != NULL && i < a->n_held; i++)
		held = held || a->held[i] == c;
	REQUIRE(waits == (c->class != NULL), "%s", contact_state_name[c->state]);
	REQUIRE(held == (c->state != CONTACT_QUEUED && c->state != CONTACT_SCHEDULED),
		"%s agent %d", contact_state_name[c->state], c->agent);
	REQUIRE(held || c->agent < 0, "%s", contact_state_name[c->state]);
	REQUIRE((idmap_get(&r->offers, c->offer != 0 ? c->offer : 1) == c) ==
			(c->state == CONTACT_OFFERED),
		"%s", contact_state_name[c->state]);
	REQUIRE(c->due_slot == SIZE_MAX || r->due[c->due_slot] == c, "slot");
	REQUIRE((c->due_slot == SIZE_MAX) == (c->due_ms == INT64_MAX), "timer");
	REQUIRE(c->external == NULL || map_get(&r->externals, c->external) == c, "%s",
		c->external);
	REQUIRE(c->stored == c->state, "%s, the store's is %s",
		contact_state_name[c->state], contact_state_name[c->stored]);
	REQUIRE(c->state != CONTACT_CONNECTED || c->connected_ms > 0, "connected since");
	REQUIRE(c->state == CONTACT_CONNECTED || c->connected_ms == 0, "not connected");
	if (!waits)
		return;
	check_need(r, c);
	REQUIRE(class_for(r, c) == c->class, "class");
	REQUIRE(c->stored_class != NULL, "no place");
	REQUIRE(c->affinity < 0 || c->affinity == c->last_agent, "%d", c->affinity);
	REQUIRE(c->affinity < 0 || c->target < 0, "%d", c->target);
}

static void
check_due_heap(const struct router *r)
{
	for (size_t i = 1; i < r->n_due; i++)
		REQUIRE(r->due[(i - 1) / 4]->due_ms <= r->due[i]->due_ms, "%zu", i);
	for (size_t i = 0; i < r->n_due; i++)
		REQUIRE(r->due[i]->due_slot == i, "%zu", i);
}

static void
check_contacts(struct router *r)
{
	int64_t in_state[CONTACT_STATES] = {0}, waiting[64] = {0}, externals = 0;
	size_t at = 0, members = 0;
	void *value;

	while (idmap_next(&r->contacts, &at, NULL, &value)) {
		struct contact *c = value;

		check_contact(r, c);
		in_state[c->state]++;
		externals += c->external != NULL;
		if (c->state == CONTACT_QUEUED)
			waiting[c->queue]++;
	}
	for (size_t i = 0; i < r->n_classes; i++)
		members += r->classes[i]->n;
	REQUIRE((int64_t)members == in_state[CONTACT_QUEUED], "%zu", members);
	REQUIRE(r->counts.waiting == in_state[CONTACT_QUEUED], "waiting");
	REQUIRE(r->counts.scheduled_now == in_state[CONTACT_SCHEDULED], "scheduled");
	REQUIRE(r->counts.offered_now == in_state[CONTACT_OFFERED], "offered");
	REQUIRE(r->counts.connected_now == in_state[CONTACT_CONNECTED], "connected");
	REQUIRE(r->counts.parked_now == in_state[CONTACT_PARKED], "parked");
	REQUIRE(r->counts.wrapup_now == in_state[CONTACT_WRAPUP], "wrap-up");
	REQUIRE((int64_t)r->offers.n == in_state[CONTACT_OFFERED], "offers");
	REQUIRE((int64_t)r->externals.n == externals, "external ids");
	for (int i = 0; i < r->n_queues; i++)
		REQUIRE(r->queue_waiting[i] == waiting[i], "%s %" PRId64 " %" PRId64,
			r->centre->queues[i].name, r->queue_waiting[i], waiting[i]);
	check_due_heap(r);
}

/* ---- classes ---- */

static void
check_members(const struct router *r, const struct class *k)
{
	const struct order_entry *e, *last = NULL;
	struct order_at at;
	size_t n = 0;

	for (e = order_first(&k->order, &at); e != NULL; e = order_next(&k->order, &at)) {
		const struct contact *c = e->item;

		REQUIRE(c->class == k, "%s", k->key);
		REQUIRE(contact_find(r, c->id) == c, "%s", k->key);
		REQUIRE(e->key.d_ms == c->d_ms && e->key.t0_ms == c->t0_ms &&
				e->key.id == c->id,
			"%s", k->key);
		REQUIRE(last == NULL || order_compare(&last->key, &e->key) < 0, "%s",
			k->key);
		REQUIRE(n > 0 || k->first_item == c, "%s", k->key);
		last = e;
		n++;
	}
	REQUIRE(n == k->n && n == k->order.n, "%s %zu %zu", k->key, n, k->n);
}

/* A record counts those who could not without looking at each of them. */
static void
check_unable(struct router *r, const struct class *k)
{
	const struct contact *c = k->first_item;
	struct choices choices;
	int unable[ABLE_REASONS] = {0};
	bool parks;

	choose_agent(r, c, r->latest_ms, &choices);
	for (int i = 0; i < k->n_able; i++) {
		enum able_reason why =
			agent_room(r, &r->agents[k->able[i]], c->channel, &parks);

		if (why == ABLE_FREE && !contact_cooled(c, k->able[i], r->latest_ms))
			why = ABLE_COOLED;
		unable[why] += why != ABLE_FREE;
	}
	REQUIRE(memcmp(unable, choices.unable, sizeof unable) == 0, "%s", k->key);
}

static void
check_class(const struct router *r, const struct class *k)
{
	const struct contact *c = k->n > 0 ? k->first_item : NULL;
	int logged_in = 0, idle = 0, able = 0, standing[ABLE_REASONS] = {0};

	check_members(r, k);
	if (c == NULL)
		return;
	for (int i = 0; i < r->n_agents; i++) {
		const struct agent *a = &r->agents[i];
		struct wanted w = wanted_by(r, c, c->step);
		bool serves = c->target >= 0
				      ? c->target == i &&
						takes_this_channel(
							&r->centre->agents[i], c->channel)
				      : (c->affinity < 0 || c->affinity == i) &&
						could_serve(r, a, c->channel, &w);
		bool has = false;

		for (int j = 0; j < a->n_classes; j++)
			has = has || a->classes[j] == k;
		REQUIRE(serves == listed(i, k->able, k->n_able), "%s: %s",
			r->centre->agents[i].id, k->key);
		REQUIRE(serves == has, "%s: %s", r->centre->agents[i].id, k->key);
		able += serves;
		logged_in += serves && a->login_ms != 0;
		idle += serves && a->counted_idle;
		standing[a->standing] += serves;
	}
	REQUIRE(able == k->n_able, "%s", k->key);
	REQUIRE(logged_in == k->n_logged_in, "%s %d %d", k->key, logged_in,
		k->n_logged_in);
	REQUIRE(memcmp(standing, k->standing, sizeof standing) == 0, "%s", k->key);
	REQUIRE(idle == k->n_idle, "%s %d %d", k->key, idle, k->n_idle);
	REQUIRE(!k->deferrable || r->release_at_ms <= k->release_at_ms, "%s", k->key);
}

static void
check_classes(struct router *r)
{
	for (size_t i = 0; i < r->n_classes; i++) {
		REQUIRE(r->classes[i]->index == i, "%zu", i);
		check_class(r, r->classes[i]);
		if (r->classes[i]->n > 0)
			check_unable(r, r->classes[i]);
	}
	REQUIRE(r->class_by_key.n == r->n_classes, "%zu", r->n_classes);
}

/* ---- nobody waits beside an agent who could have him ---- */

static bool
has_place_for(const struct router *r, const struct agent *a, int channel)
{
	const struct agent_settings *s = &r->centre->agents[a->index];
	struct hand h = hand_of(r, a);
	int cost = r->centre->channels[channel].cost_pts;

	for (int i = 0; i < s->n_costs; i++)
		if (s->costs[i].channel == channel)
			cost = (int)s->costs[i].ms;
	if (a->channel_cost[channel] >= 0)
		cost = a->channel_cost[channel];
	if (!takes_new(a) || a->channel_off[channel])
		return false;
	/* Who is full takes nothing more, not even what costs nothing. */
	if (h.load < a->capacity_pts && cost <= a->capacity_pts - h.load)
		return true;
	return !r->centre->channels[channel].interruptible && h.parkable > 0 &&
	       cost <= a->capacity_pts - h.load + h.movable;
}

static bool
is_let_go(const struct router *r, const struct contact *c, int64_t now_ms)
{
	double slack_ms = (double)open_between_ms(r, c, now_ms, c->d_ms);

	return slack_ms <= 0 ||
	       slack_ms <= floor(r->centre->half_life_ms * (log2(c->value) + 1));
}

static bool
reserve_keeps(const struct router *r, const struct contact *c, int64_t now_ms)
{
	struct wanted w = wanted_by(r, c, c->step);
	int logged_in = 0, idle = 0, reserve = r->centre->queues[c->queue].reserve;

	if (!r->centre->channels[c->channel].deferrable || c->target >= 0 ||
		is_let_go(r, c, now_ms))
		return false;
	for (int i = 0; i < r->n_agents; i++) {
		const struct agent *a = &r->agents[i];
		struct hand h = hand_of(r, a);

		if (a->login_ms == 0 || !could_serve(r, a, c->channel, &w))
			continue;
		logged_in++;
		idle += takes_new(a) && h.in_hand == 0 && a->capacity_pts > 0 &&
			has_live_channel(r, a);
	}
	if (reserve < 0)
		reserve = logged_in / 20;
	return reserve > 0 && idle <= reserve;
}

static bool
could_have(const struct router *r, const struct agent *a, const struct contact *c,
	bool kept, int64_t now_ms)
{
	struct wanted w = wanted_by(r, c, c->step);

	if (c->target >= 0) {
		if (c->target != a->index ||
			!takes_this_channel(&r->centre->agents[a->index], c->channel))
			return false;
	} else if ((c->affinity >= 0 && c->affinity != a->index) ||
		   !could_serve(r, a, c->channel, &w)) {
		return false;
	}
	for (int i = 0; i < c->n_cooldowns; i++)
		if (c->cooldowns[i].agent == a->index &&
			c->cooldowns[i].until_ms > now_ms)
			return false;
	return has_place_for(r, a, c->channel) && !(kept && has_live_channel(r, a));
}

/* Nobody there could serve it, and somebody could after its next step. */
static bool
should_skip(const struct router *r, const struct contact *c)
{
	struct wanted now = wanted_by(r, c, c->step), next = wanted_by(r, c, c->step + 1);
	bool later = false;

	if (c->step >= r->centre->queues[c->queue].n_steps)
		return false;
	for (int i = 0; i < r->n_agents; i++) {
		if (r->agents[i].login_ms == 0)
			continue;
		if (could_serve(r, &r->agents[i], c->channel, &now))
			return false;
		later = later || could_serve(r, &r->agents[i], c->channel, &next);
	}
	return later;
}

/* Time that a limit counts: with the customer connected it stood still. */
static int64_t
limit_ends_ms(const struct router *r, const struct contact *c, int64_t limit_ms)
{
	return open_add_ms(r, c, c->t0_ms, limit_ms + c->handled_ms);
}

static void
check_waiting(const struct router *r, const struct contact *c, int64_t now_ms)
{
	const struct queue *q = &r->centre->queues[c->queue];
	int64_t limit_ms = queue_wait_limit_ms(q, c->channel);
	const struct agent *hold = c->affinity >= 0 ? &r->agents[c->affinity] : NULL;
	bool kept = reserve_keeps(r, c, now_ms);

	for (int i = 0; i < r->n_agents; i++)
		REQUIRE(!could_have(r, &r->agents[i], c, kept, now_ms),
			"%s contact %" PRIx64 " of %s waits beside %s with %d of %d, "
			"reserve %d, n_idle %d, target %d, affinity %d, step %d",
			r->centre->channels[c->channel].name, c->id,
			r->centre->queues[c->queue].name, r->centre->agents[i].id,
			r->agents[i].load_pts, r->agents[i].capacity_pts,
			r->centre->queues[c->queue].reserve, c->class->n_idle, c->target,
			c->affinity, c->step);
	REQUIRE(limit_ms == 0 || limit_ends_ms(r, c, limit_ms) > now_ms, "wait limit");
	REQUIRE(wait_overflow_to(r, c) < 0 ||
			limit_ends_ms(r, c, q->overflow_ms) > now_ms,
		"overflow");
	REQUIRE(c->step >= q->n_steps ||
			open_add_ms(r, c, c->t0_ms, q->steps[c->step].after_ms) > now_ms,
		"step %d", c->step);
	REQUIRE(c->target < 0 || c->target_until_ms > now_ms, "named agent");
	REQUIRE(c->target >= 0 || !should_skip(r, c), "step %d", c->step);
	if (hold == NULL)
		return;
	REQUIRE(c->hold_until_ms > now_ms, "hold");
	REQUIRE(hold->state == AGENT_READY && hold->routable && !hold->pending &&
			(hold->lost_ms == 0 || hold->lost_ms == r->started_ms) &&
			!hold->channel_off[c->channel],
		"hold for %s", r->centre->agents[c->affinity].id);
}

static void
check_settled_contact(const struct router *r, const struct contact *c, int64_t now_ms)
{
	int64_t parked_until_ms = c->park_until_ms != 0
					  ? c->park_until_ms
					  : c->parked_ms + r->centre->park_limit_ms;

	if (c->state == CONTACT_QUEUED)
		check_waiting(r, c, now_ms);
	REQUIRE(c->state != CONTACT_SCHEDULED || c->eligible_ms > now_ms, "window");
	REQUIRE(c->state != CONTACT_OFFERED || c->expires_ms > now_ms, "offer");
	REQUIRE(c->state != CONTACT_WRAPUP || c->wrapup_end_ms > now_ms, "wrap-up");
	REQUIRE(c->state != CONTACT_PARKED || parked_until_ms > now_ms, "parked");
}

/* ---- doors ---- */

/* After each command. False: `wrong` says what. */
static bool
router_agrees(struct router *r)
{
	wrong[0] = '\0';
	check_agents(r);
	check_contacts(r);
	check_classes(r);
	return wrong[0] == '\0';
}

/* Once nothing is due any more and the store is there. */
static bool
router_settled(const struct router *r, int64_t now_ms)
{
	size_t at = 0;
	void *value;

	wrong[0] = '\0';
	while (idmap_next(&r->contacts, &at, NULL, &value))
		check_settled_contact(r, value, now_ms);
	for (int i = 0; i < r->n_agents; i++)
		REQUIRE(r->agents[i].lost_ms == 0 || r->agents[i].login_ms == 0 ||
				r->agents[i].lost_ms + r->centre->desk_grace_ms > now_ms,
			"%s is gone too long", r->centre->agents[i].id);
	return wrong[0] == '\0';
}

#endif
