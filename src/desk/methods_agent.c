/* desk/methods_agent.c - agent.* and offer.*: what an agent does about himself, and what
 * supervisors do about agents. */
#include <string.h>

#include "desk/inner.h"

static struct router *
router_of(const struct desk *desk)
{
	return desk->parts.router;
}

/* A reason that agents may choose: of the settings' list, if it has one. */
static bool
reason_fits(struct desk *desk, const struct rpc_call *call)
{
	const struct centre *c = router_centre(router_of(desk));
	const char *reason = rpc_text(call, "reason");

	if (reason == NULL || c->n_reasons == 0)
		return true;
	for (int i = 0; i < c->n_reasons; i++) {
		if (strcmp(c->reasons[i], reason) == 0)
			return true;
	}
	rpc_refuse_param(call->rpc, call->tag, "reason",
		"is not one of the settings' reasons; session.ready lists them");
	return false;
}

void
on_agent_set_state(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	enum agent_state state = agent_state_parse(rpc_text(call, "state"));

	if (reason_fits(desk, call))
		router_set_state(router_of(desk), desk_now_ms(desk),
			desk_session_of(desk, call)->agent, state,
			rpc_text(call, "reason"), rpc_flag(call, "after_current", false),
			desk_reply(desk, call));
}

void
on_agent_set_channel(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const char *name = rpc_text(call, "channel");
	int channel = centre_channel(router_centre(router_of(desk)), name);

	if (channel < 0) {
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_channel",
			"No such channel; session.ready lists them.", NULL);
		return;
	}
	router_set_channel(router_of(desk), desk_now_ms(desk),
		desk_session_of(desk, call)->agent, channel,
		rpc_flag(call, "available", true), (int)rpc_integer(call, "cost", -1),
		desk_reply(desk, call));
}

void
on_agent_set_routable(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;

	router_set_routable(router_of(desk), desk_now_ms(desk),
		desk_session_of(desk, call)->agent, rpc_flag(call, "routable", true),
		desk_reply(desk, call));
}

/* ---- offers ---- */

void
on_offer_accept(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;

	router_accept(router_of(desk), desk_now_ms(desk), rpc_number_id(call, "offer"),
		desk_session_of(desk, call)->agent, desk_reply(desk, call));
}

void
on_offer_reject(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;

	router_reject(router_of(desk), desk_now_ms(desk), rpc_number_id(call, "offer"),
		desk_session_of(desk, call)->agent, rpc_text(call, "reason"),
		desk_reply(desk, call));
}

/* ---- by supervisors ---- */

static bool
is_listed(struct desk *desk, const struct rpc_call *call, int agent, int team)
{
	const struct centre *c = router_centre(router_of(desk));
	const struct agent_settings *a = &c->agents[agent];
	const char *state = rpc_text(call, "state");

	if (a->removed || !scope_agent(desk, desk_session_of(desk, call), agent))
		return false;
	if (team >= 0 && a->team != team)
		return false;
	return state == NULL ||
	       router_agent_state(router_of(desk), agent) == agent_state_parse(state);
}

void
on_agent_list(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct centre *c = router_centre(router_of(desk));
	const char *after = rpc_text(call, "after");
	int most = (int)rpc_integer(call, "most", OBJECTS_PER_FRAME);
	int at = after != NULL ? centre_agent(c, after) + 1 : 0, weight = 0, team;
	json_t *list;

	if (!find_team(desk, call, "team", &team))
		return;
	list = json_array();
	for (; at < c->n_agents; at++) {
		json_t *agent;

		if (!is_listed(desk, call, at, team))
			continue;
		if ((int)json_array_size(list) == most || weight >= OBJECTS_PER_FRAME)
			break;
		agent = router_agent_json(router_of(desk), desk_now_ms(desk), at);
		weight += object_weight(agent);
		json_array_append_new(list, agent);
	}
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:b}", "agents", list, "more", at < c->n_agents));
}

void
on_agent_force_state(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	enum agent_state state = agent_state_parse(rpc_text(call, "state"));
	int agent;

	if (!find_agent(desk, call, "agent", &agent))
		return;
	if (!audit(desk, call, rpc_text(call, "agent"), agent_state_name[state]))
		return;
	if (state == AGENT_OFFLINE)
		router_logout(router_of(desk), desk_now_ms(desk), agent,
			desk_reply(desk, call));
	else
		router_set_state(router_of(desk), desk_now_ms(desk), agent, state,
			rpc_text(call, "reason"), false, desk_reply(desk, call));
}

/* Skills by name to a list sorted by index. False: refused. */
static bool
read_skills(struct desk *desk, const struct rpc_call *call, const char *param,
	struct require *out)
{
	const struct centre *c = router_centre(router_of(desk));
	json_t *levels = json_object_get(call->params, param), *level;
	const char *name;

	json_object_foreach(levels, name, level)
	{
		int skill = centre_skill(c, name);

		if (skill < 0) {
			rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_skill",
				"One of the skills is not in the settings.", NULL);
			return false;
		}
		if (!require_add(out, skill, (int)json_integer_value(level), true)) {
			rpc_refuse_param(
				call->rpc, call->tag, param, "has more than 16 skills");
			return false;
		}
	}
	return true;
}

void
on_agent_edit(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	bool skills = json_object_get(call->params, "skills") != NULL;
	int capacity = (int)rpc_integer(call, "capacity", -1);
	struct require wish = {0};
	int agent;

	if (!find_agent(desk, call, "agent", &agent) ||
		!read_skills(desk, call, "skills", &wish))
		return;
	if (!skills && capacity < 0) {
		rpc_refuse_param(
			call->rpc, call->tag, "skills", "or capacity is missing");
		return;
	}
	if (!audit(desk, call, rpc_text(call, "agent"), skills ? "skills" : "capacity"))
		return;
	router_edit_agent(router_of(desk), desk_now_ms(desk), agent,
		skills ? &wish : NULL, capacity, desk_reply(desk, call));
}

void
on_agent_revert(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	int agent;

	if (!find_agent(desk, call, "agent", &agent))
		return;
	if (!audit(desk, call, rpc_text(call, "agent"), "as in the file"))
		return;
	router_revert_agent(
		router_of(desk), desk_now_ms(desk), agent, desk_reply(desk, call));
}
