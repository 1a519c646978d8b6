/* route/agent_commands.c - what agents and supervisors tell the router of agents. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/able.h"
#include "route/record.h"
#include "route/stage.h"

/* The agent, or NULL after a refusal. */
static struct agent *
known_agent(struct router *r, int agent, bool logged_in, struct reply reply)
{
	struct agent *a = agent_at(r, agent);

	if (a == NULL) {
		reply_now(reply, OUTCOME_NO_AGENT, "No such agent.", 0, 0);
		return NULL;
	}
	if (logged_in && a->login_ms == 0) {
		reply_now(
			reply, OUTCOME_WRONG_STATE, "The agent is not logged in.", 0, 0);
		return NULL;
	}
	return a;
}

void
router_login(struct router *r, int64_t now_ms, int agent, const char *device,
	struct reply reply)
{
	struct agent *a;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	a = known_agent(r, agent, false, reply);
	if (a != NULL && r->centre->agents[agent].removed && a->login_ms == 0) {
		reply_now(reply, OUTCOME_NO_AGENT,
			"The agent is no longer in the settings.", 0, 0);
	} else if (a != NULL) {
		struct step *step;
		bool was_in = a->login_ms != 0;

		if (was_in)
			a->lost_ms =
				0; /* a new login inherits the work (CONTRACTS 8.2) */
		else
			agent_log_in(r, a, now_ms);
		if (!was_in) {
			a->state = AGENT_NOT_READY;
			a->since_ms = now_ms;
			snprintf(a->reason, sizeof a->reason, "login");
		}
		free(a->device);
		a->device = xstrdup(device);
		step = step_begin(r, STEP_AGENT, now_ms);
		step_agent(r, step, a);
		step_reply(step, reply, NULL);
		effect_reason(step_event(step, EVENT_AGENT_STATE, NULL, a), a->reason);
		step_commit(r, step);
		agent_settle(r, a, now_ms);
		if (!was_in)
			wait_skip_steps(r, now_ms);
		agent_freed(r, a, now_ms, "login");
	}
	router_leave_command(r);
}

void
router_logout(struct router *r, int64_t now_ms, int agent, struct reply reply)
{
	struct agent *a;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	a = known_agent(r, agent, false, reply);
	if (a != NULL) {
		bool connected = false;

		for (int i = 0; i < a->n_held; i++)
			connected = connected || a->held[i]->state == CONTACT_CONNECTED;
		if (connected)
			reply_now(reply, OUTCOME_WRONG_STATE,
				"Contacts are held: finish, move or requeue them first.",
				0, 0);
		else if (a->login_ms != 0)
			agent_log_out(r, a, now_ms, "logout", reply);
		else
			reply_now(reply, OUTCOME_OK, NULL, 0, 0);
	}
	router_leave_command(r);
}

/* Supervisors see it at once; the stored record says nothing of desktops. */
static void
say_presence(struct router *r, struct agent *a, const char *reason, int64_t now_ms)
{
	struct step *step = step_begin(r, STEP_AGENT, now_ms);

	step_agent(r, step, a);
	effect_reason(step_event(step, EVENT_AGENT_STATE, NULL, a), reason);
	step_commit(r, step);
}

void
router_desk_lost(struct router *r, int64_t now_ms, int agent)
{
	struct agent *a = agent_at(r, agent);

	if (a == NULL || a->login_ms == 0 || a->lost_ms != 0)
		return;
	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	a->lost_ms = now_ms;
	if (now_ms + r->centre->desk_grace_ms < r->grace_due_ms)
		r->grace_due_ms = now_ms + r->centre->desk_grace_ms;
	say_presence(r, a, "desktop_lost", now_ms);
	wait_release_holds(r, a, now_ms);
	agent_settle(r, a, now_ms);
	router_leave_command(r);
}

void
router_desk_back(struct router *r, int64_t now_ms, int agent)
{
	struct agent *a = agent_at(r, agent);

	if (a == NULL || a->lost_ms == 0)
		return;
	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	a->lost_ms = 0;
	say_presence(r, a, "desktop_back", now_ms);
	agent_settle(r, a, now_ms);
	agent_freed(r, a, now_ms, "back");
	router_leave_command(r);
}

static void
set_pending(struct router *r, struct agent *a, const char *reason, int64_t now_ms,
	struct reply reply)
{
	struct step *step = step_begin(r, STEP_AGENT, now_ms);

	a->pending = true;
	snprintf(a->pending_reason, sizeof a->pending_reason, "%.*s", REASON_MAX,
		reason != NULL ? reason : "");
	step_agent(r, step, a);
	step_reply(step, reply, NULL);
	effect_reason(step_event(step, EVENT_AGENT_STATE, NULL, a), a->pending_reason);
	step_commit(r, step);
	wait_release_holds(r, a, now_ms);
	agent_settle(r, a, now_ms);
}

void
router_set_state(struct router *r, int64_t now_ms, int agent, enum agent_state state,
	const char *reason, bool after_current, struct reply reply)
{
	struct agent *a;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	a = known_agent(r, agent, true, reply);
	if (a != NULL && state != AGENT_READY && state != AGENT_NOT_READY) {
		reply_now(reply, OUTCOME_BAD_VALUE,
			"A state is set to ready or not_ready; the rest follows by "
			"itself.",
			0, 0);
	} else if (a != NULL && state == AGENT_NOT_READY && after_current &&
		   a->n_held > a->n_parked) {
		set_pending(r, a, reason, now_ms, reply);
	} else if (a != NULL) {
		a->pending = false;
		agent_set(r, a, state, reason, now_ms, reply);
		agent_settle(r, a, now_ms);
		if (state == AGENT_READY)
			agent_freed(r, a, now_ms, "ready");
		else
			agent_withdraw_offers(r, a, "not_ready", now_ms);
	}
	router_leave_command(r);
}

void
router_set_channel(struct router *r, int64_t now_ms, int agent, int channel,
	bool available, int cost_pts, struct reply reply)
{
	struct agent *a;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	a = known_agent(r, agent, true, reply);
	if (a != NULL && (channel < 0 || channel >= a->n_channels)) {
		reply_now(reply, OUTCOME_NO_CHANNEL, "No such channel.", 0, 0);
	} else if (a != NULL) {
		struct step *step = step_begin(r, STEP_AGENT, now_ms);
		struct effect *e;

		a->channel_off[channel] = !available;
		agent_judge_live(r, a);
		if (cost_pts >= 0)
			a->channel_cost[channel] = cost_pts;
		step_agent(r, step, a);
		step_reply(step, reply, NULL);
		e = step_event(step, EVENT_AGENT_CHANNEL, NULL, a);
		e->event.channel = channel;
		effect_reason(e, available ? "available" : "off");
		step_commit(r, step);
		agent_settle(r, a, now_ms);
		wait_release_holds(r, a, now_ms);
		agent_freed(r, a, now_ms, "channel");
	}
	router_leave_command(r);
}

void
router_set_routable(
	struct router *r, int64_t now_ms, int agent, bool routable, struct reply reply)
{
	struct agent *a;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	a = known_agent(r, agent, true, reply);
	if (a != NULL) {
		struct step *step = step_begin(r, STEP_AGENT, now_ms);

		a->routable = routable;
		step_agent(r, step, a);
		step_reply(step, reply, NULL);
		effect_reason(step_event(step, EVENT_AGENT_STATE, NULL, a),
			routable ? "routable" : "draining");
		step_commit(r, step);
		if (!routable)
			wait_release_holds(r, a, now_ms);
		agent_freed(r, a, now_ms, "routable");
	}
	router_leave_command(r);
}

/* His skills or his capacity are others: what he waited for, or who waited for him. */
static void
agent_can_otherwise(struct router *r, struct agent *a, struct step *step,
	struct reply reply, int64_t now_ms)
{
	step_agent(r, step, a);
	step_reply(step, reply, NULL);
	step_event(step, EVENT_AGENT_SKILLS, NULL, a);
	step_commit(r, step);
	agent_settle(r, a, now_ms);
	wait_release_holds(r, a, now_ms);
	wait_skip_steps(r, now_ms);
	agent_freed(r, a, now_ms, "skills");
	match_held_back(r, now_ms); /* an automatic reserve may be smaller */
}

void
router_edit_agent(struct router *r, int64_t now_ms, int agent,
	const struct require *skills, int capacity_pts, struct reply reply)
{
	struct agent *a;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	a = known_agent(r, agent, false, reply);
	if (a != NULL) {
		struct step *step = step_begin(r, STEP_AGENT, now_ms);

		able_count_idle(r, a, false);
		if (skills != NULL) {
			a->skills = xreallocarray(
				a->skills, (size_t)skills->n + 1, sizeof a->skills[0]);
			memcpy(a->skills, skills->skill,
				(size_t)skills->n * sizeof skills->skill[0]);
			a->n_skills = skills->n;
			agents_count_skilled(r);
			able_rebuild_agent(r, a);
		}
		if (capacity_pts >= 0)
			a->capacity_pts = capacity_pts;
		a->edited = true;
		a->edited_over = record_agent_digest(r->centre, agent);
		agent_can_otherwise(r, a, step, reply, now_ms);
	}
	router_leave_command(r);
}

void
router_revert_agent(struct router *r, int64_t now_ms, int agent, struct reply reply)
{
	struct agent *a;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	a = known_agent(r, agent, false, reply);
	if (a != NULL) {
		struct step *step = step_begin(r, STEP_AGENT, now_ms);

		a->edited = false;
		agent_configure(r, a);
		agents_count_skilled(r);
		able_rebuild_agent(r, a);
		agent_can_otherwise(r, a, step, reply, now_ms);
	}
	router_leave_command(r);
}
