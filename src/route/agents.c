/*
 * route/agents.c - agents: login, states, room, and what their freed room is used for.
 *
 *   offline --login--> not_ready <--> ready --offer not answered--> not_responding
 * --ready--> ready any --logout, desktop lost for desk_grace--> offline
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/able.h"
#include "route/choose.h"
#include "route/class.h"
#include "route/record.h"
#include "route/stage.h"

struct agent *
agent_at(struct router *r, int index)
{
	return index >= 0 && index < r->n_agents ? &r->agents[index] : NULL;
}

/* ---- holding ---- */

bool
agent_may_park(const struct router *r, const struct contact *c)
{
	return c->state == CONTACT_CONNECTED &&
	       r->centre->channels[c->channel].interruptible;
}

/* What a contact takes of its agent in its present state (sign 1), or took (-1). */
static void
weigh(const struct router *r, struct agent *a, const struct contact *c, int sign)
{
	if (c->state == CONTACT_PARKED) {
		a->n_parked += sign;
		return;
	}
	a->load_pts += sign * c->cost_pts;
	if (agent_may_park(r, c))
		a->parkable_pts += sign * c->cost_pts;
}

void
agent_turn(struct router *r, struct agent *a, struct contact *c, enum contact_state state)
{
	weigh(r, a, c, -1);
	contact_set_state(r, c, state);
	weigh(r, a, c, 1);
}

void
agent_hold(struct router *r, struct agent *a, struct contact *c, int64_t now_ms)
{
	if (a->n_held == a->room_held) {
		a->room_held = a->room_held != 0 ? a->room_held * 2 : 4;
		a->held = xreallocarray(
			a->held, (size_t)a->room_held, sizeof(struct contact *));
	}
	a->held[a->n_held++] = c;
	weigh(r, a, c, 1);
	agent_settle(r, a, now_ms);
}

/* Busy is who has something in hand; what is parked is not. */
static void
count_busy(struct agent *a, int64_t now_ms)
{
	if (a->n_held > a->n_parked) {
		if (a->busy_since_ms == 0)
			a->busy_since_ms = now_ms;
	} else if (a->busy_since_ms != 0) {
		a->busy_ms += now_ms - a->busy_since_ms;
		a->busy_since_ms = 0;
	}
}

void
agent_release(struct router *r, struct agent *a, struct contact *c, int64_t now_ms)
{
	int at = 0;

	while (at < a->n_held && a->held[at] != c)
		at++;
	if (at == a->n_held)
		return;
	memmove(&a->held[at], &a->held[at + 1],
		(size_t)(a->n_held - at - 1) * sizeof(struct contact *));
	a->n_held--;
	weigh(r, a, c, -1);
	/* An offer that came to nothing is not the end of work: the idle clock runs on.
	 */
	if (c->state != CONTACT_OFFERED)
		a->idle_since_ms = now_ms;
	count_busy(a, now_ms);
}

/* ---- room ---- */

static bool
has_room(const struct agent *a)
{
	return agent_standing(a) == ABLE_FREE &&
	       (a->load_pts < a->capacity_pts || a->parkable_pts > 0);
}

static void
list_room(struct router *r, struct agent *a, bool room)
{
	if (room == (a->room_slot != SIZE_MAX))
		return;
	if (room) {
		a->room_slot = r->n_with_room;
		r->with_room[r->n_with_room++] = a;
		return;
	}
	r->with_room[a->room_slot] = r->with_room[--r->n_with_room];
	r->with_room[a->room_slot]->room_slot = a->room_slot;
	a->room_slot = SIZE_MAX;
}

static void
apply_pending(struct router *r, struct agent *a, int64_t now_ms)
{
	struct reply none = {0};

	a->pending = false;
	agent_set(r, a, AGENT_NOT_READY, a->pending_reason, now_ms, none);
}

void
agent_settle(struct router *r, struct agent *a, int64_t now_ms)
{
	bool in_hand = a->n_held > a->n_parked;

	count_busy(a, now_ms);
	if (a->pending && !in_hand)
		apply_pending(r, a, now_ms);
	list_room(r, a, has_room(a));
	able_count_idle(r, a, has_room(a) && !in_hand);
	able_count_standing(a, agent_standing(a));
}

void
agent_freed(struct router *r, struct agent *a, int64_t now_ms, const char *trigger)
{
	work_resume_parked(r, a, now_ms);
	agent_settle(r, a, now_ms);
	match_agent(r, a, now_ms, trigger);
	/* Still idle: one more idle agent may let the reserve give a contact to another.
	 */
	if (a->counted_idle)
		match_held_back_for(r, a, now_ms);
}

/* ---- states ---- */

void
agent_set(struct router *r, struct agent *a, enum agent_state state, const char *reason,
	int64_t now_ms, struct reply reply)
{
	struct step *step = step_begin(r, STEP_AGENT, now_ms);

	if (state == AGENT_READY && a->state != AGENT_READY)
		a->idle_since_ms = now_ms;
	a->state = state;
	a->since_ms = now_ms;
	snprintf(a->reason, sizeof a->reason, "%.*s", REASON_MAX,
		reason != NULL ? reason : "");
	if (state == AGENT_READY)
		a->pending = false;
	step_agent(r, step, a);
	step_reply(step, reply, NULL);
	effect_reason(step_event(step, EVENT_AGENT_STATE, NULL, a), a->reason);
	step_commit(r, step);
	if (state != AGENT_READY)
		wait_release_holds(r, a, now_ms);
}

/* Open offers of an agent who takes nothing now go to somebody else. */
void
agent_withdraw_offers(
	struct router *r, struct agent *a, const char *reason, int64_t now_ms)
{
	struct reply none = {0};

	for (int i = 0; i < a->n_held;) {
		if (a->held[i]->state == CONTACT_OFFERED) {
			offer_back(r, a->held[i], OFFER_CANCELLED, reason, NULL, now_ms,
				none);
			i = 0;
		} else {
			i++;
		}
	}
}

void
agent_log_in(struct router *r, struct agent *a, int64_t now_ms)
{
	a->login_ms = now_ms;
	a->lost_ms = 0;
	a->routable = true;
	a->pending = false;
	a->busy_ms = 0;
	a->busy_since_ms = 0;
	a->handled = 0;
	a->idle_since_ms = now_ms;
	able_count_login(r, a, true);
	r->counts.agents_logged_in++;
}

void
agent_log_out(struct router *r, struct agent *a, int64_t now_ms, const char *reason,
	struct reply reply)
{
	struct reply none = {0};

	/* First of all he takes nothing new. */
	a->state = AGENT_OFFLINE;
	agent_settle(r, a, now_ms);
	agent_withdraw_offers(r, a, reason, now_ms);
	/* Wrap-ups end, the rest goes back to its place. */
	while (a->n_held > 0) {
		struct contact *c = a->held[0];

		if (c->state == CONTACT_WRAPUP)
			work_finish(r, c, CONTACT_COMPLETED, reason, now_ms, none);
		else
			work_requeue(r, c, now_ms, none, EVENT_CONTACT_QUEUED, reason);
	}
	able_count_login(r, a, false);
	r->counts.agents_logged_in--;
	a->login_ms = 0;
	a->lost_ms = 0;
	a->pending = false;
	agent_set(r, a, AGENT_OFFLINE, reason, now_ms, reply);
	agent_settle(r, a, now_ms);
	wait_skip_steps(r, now_ms);
	match_held_back(r, now_ms);
}

void
agents_tick(struct router *r, int64_t now_ms)
{
	struct reply none = {0};

	r->grace_due_ms = INT64_MAX;
	for (int i = 0; i < r->n_agents; i++) {
		struct agent *a = &r->agents[i];
		int64_t end_ms = a->lost_ms + r->centre->desk_grace_ms;

		if (a->lost_ms == 0 || a->login_ms == 0)
			continue;
		/* What the switch holds up is not torn down (CONTRACTS 8.2). */
		if (end_ms <= now_ms && carry_holds(a))
			end_ms = now_ms + CARRY_GRACE_MS;
		if (end_ms <= now_ms)
			agent_log_out(r, a, now_ms, "desktop_lost", none);
		else if (end_ms < r->grace_due_ms)
			r->grace_due_ms = end_ms;
	}
}

/* ---- settings ---- */

static void
size_channels(struct agent *a, int n)
{
	if (n <= a->n_channels)
		return;
	a->channel_off =
		xreallocarray(a->channel_off, (size_t)n, sizeof a->channel_off[0]);
	a->channel_cost =
		xreallocarray(a->channel_cost, (size_t)n, sizeof a->channel_cost[0]);
	for (int i = a->n_channels; i < n; i++) {
		a->channel_off[i] = false;
		a->channel_cost[i] = -1;
	}
	a->n_channels = n;
}

/* A channel that is not deferrable, and that he has not closed himself. */
static bool
takes_live(const struct router *r, const struct agent *a)
{
	const struct agent_settings *s = &r->centre->agents[a->index];
	int n = s->n_channels > 0 ? s->n_channels : r->centre->n_channels;

	for (int i = 0; i < n; i++) {
		int channel = s->n_channels > 0 ? s->channels[i] : i;

		if (!r->centre->channels[channel].deferrable &&
			!(s->n_channels == 0 && r->centre->channels[i].removed) &&
			!a->channel_off[channel])
			return true;
	}
	return false;
}

void
agent_judge_live(struct router *r, struct agent *a)
{
	able_count_idle(r, a, false);
	a->takes_live = takes_live(r, a);
}

/* Which of his work may be parked follows the channels' settings. */
static void
count_parkable(const struct router *r, struct agent *a)
{
	a->parkable_pts = 0;
	for (int i = 0; i < a->n_held; i++)
		if (agent_may_park(r, a->held[i]))
			a->parkable_pts += a->held[i]->cost_pts;
}

void
agent_configure(struct router *r, struct agent *a)
{
	const struct agent_settings *s = &r->centre->agents[a->index];

	size_channels(a, r->centre->n_channels);
	if (a->edited && a->edited_over != record_agent_digest(r->centre, a->index))
		a->edited = false; /* the file's entry changed: it holds again */
	if (!a->edited) {
		a->skills = xreallocarray(
			a->skills, (size_t)s->n_skills + 1, sizeof a->skills[0]);
		memcpy(a->skills, s->skills, (size_t)s->n_skills * sizeof s->skills[0]);
		a->n_skills = s->n_skills;
		a->capacity_pts = s->capacity_pts;
	}
	agent_judge_live(r, a);
	count_parkable(r, a);
}

void
agents_count_skilled(struct router *r)
{
	r->skilled = xreallocarray(
		r->skilled, (size_t)r->centre->n_skills + 1, sizeof r->skilled[0]);
	r->demand = xreallocarray(
		r->demand, (size_t)r->centre->n_skills + 1, sizeof r->demand[0]);
	for (int i = r->n_skills; i < r->centre->n_skills; i++)
		r->demand[i] = 0;
	r->n_skills = r->centre->n_skills;
	memset(r->skilled, 0, (size_t)r->n_skills * sizeof r->skilled[0]);
	for (int i = 0; i < r->n_agents; i++)
		for (int j = 0; r->agents[i].login_ms != 0 && j < r->agents[i].n_skills;
			j++)
			r->skilled[r->agents[i].skills[j].skill]++;
}

void
agents_configure(struct router *r, int64_t now_ms)
{
	int n = r->centre->n_agents;

	/* Agents are only ever added; nothing but the router points at them between
	 * commands. */
	for (size_t i = 0; i < r->n_with_room; i++)
		r->with_room[i] = NULL;
	r->n_with_room = 0;
	r->agents = xreallocarray(r->agents, (size_t)n + 1, sizeof r->agents[0]);
	r->with_room = xreallocarray(r->with_room, (size_t)n + 1, sizeof(struct agent *));
	for (int i = r->n_agents; i < n; i++)
		r->agents[i] = (struct agent){.index = i,
			.routable = true,
			.since_ms = now_ms,
			.standing = ABLE_OFFLINE};
	r->n_agents = n;
	for (int i = 0; i < n; i++) {
		r->agents[i].room_slot = SIZE_MAX;
		agent_configure(r, &r->agents[i]);
	}
	agents_count_skilled(r);
}

void
agents_finish(struct router *r)
{
	for (int i = 0; i < r->n_agents; i++) {
		struct agent *a = &r->agents[i];

		free(a->device);
		free(a->skills);
		free(a->channel_off);
		free(a->channel_cost);
		free(a->held);
		free(a->classes);
		free(a->bounds);
	}
	free(r->agents);
	free(r->with_room);
	free(r->demand);
	free(r->skilled);
}
