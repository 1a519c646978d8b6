/*
 * desk/scope.c - who may touch what (docs/protocol.md, section 5; FEATURES I6).
 *
 * An agent: himself and what he holds. A supervisor: agents and queues of teams that name
 * him, and those that no team guards. Administrator, auditor: all. Which methods a role
 * has at all, the command table says.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "desk/inner.h"

static const struct centre *
centre_of(const struct desk *desk)
{
	return router_centre(desk->parts.router);
}

/* A team without supervisors is open to every supervisor. */
static bool
supervises(const struct team *team, const char *account)
{
	for (int i = 0; i < team->n_supervisors; i++) {
		if (account != NULL && strcmp(team->supervisors[i], account) == 0)
			return true;
	}
	return team->n_supervisors == 0;
}

bool
scope_team(const struct desk *desk, const struct session *s, int team)
{
	if (s->role == RPC_ADMINISTRATOR || s->role == RPC_AUDITOR)
		return true;
	return s->role == RPC_SUPERVISOR &&
	       (team < 0 || supervises(&centre_of(desk)->teams[team], s->account));
}

bool
scope_agent(const struct desk *desk, const struct session *s, int agent)
{
	const struct centre *c = centre_of(desk);

	switch (s->role) {
	case RPC_ADMINISTRATOR:
	case RPC_AUDITOR:
	case RPC_SUPERVISOR:
		return scope_team(desk, s, c->agents[agent].team);
	case RPC_AGENT:
		return s->agent == agent;
	case RPC_LINK:
	case RPC_INTAKE:
	case RPC_NOBODY:
	case RPC_ROLES:
		return false;
	}
	return false;
}

bool
scope_queue(const struct desk *desk, const struct session *s, int queue)
{
	const struct centre *c = centre_of(desk);
	const struct queue *q = &c->queues[queue];

	if (s->role == RPC_ADMINISTRATOR || s->role == RPC_AUDITOR ||
		s->role == RPC_AGENT)
		return true;
	if (s->role != RPC_SUPERVISOR)
		return false;
	for (int i = 0; i < q->n_teams; i++) {
		if (supervises(&c->teams[q->teams[i]], s->account))
			return true;
	}
	return q->n_teams == 0;
}

/* An API key's channels and queues. */
static bool
key_sees(const struct desk *desk, const struct session *s, uint64_t contact)
{
	struct key *key = keys_by_id(desk->parts.vault->keys, s->key);
	json_t *o = router_contact_json(
		desk->parts.router, desk_now_ms(desk), contact, DESCRIBE_BRIEF);
	const char *channel = json_string_value(json_object_get(o, "channel"));
	const char *queue = json_string_value(json_object_get(o, "queue"));
	bool sees = key != NULL && key_takes(key, channel, queue);

	json_decref(o);
	return sees;
}

bool
scope_contact(const struct desk *desk, const struct session *s, uint64_t contact)
{
	struct router *router = desk->parts.router;
	int queue = router_contact_queue(router, contact);

	switch (s->role) {
	case RPC_ADMINISTRATOR:
	case RPC_AUDITOR:
	case RPC_LINK:
		return true;
	case RPC_SUPERVISOR:
		return queue < 0 || scope_queue(desk, s, queue);
	case RPC_AGENT:
		return router_contact_agent(router, contact) == s->agent;
	case RPC_INTAKE:
		return key_sees(desk, s, contact);
	case RPC_NOBODY:
	case RPC_ROLES:
		return false;
	}
	return false;
}

/* One record. Its words are for people; the log gets the same for those who grep. */
static bool
record_act(struct desk *desk, const struct rpc_call *call, const char *object,
	const char *detail, const char *outcome)
{
	const struct session *s = desk_session_of(desk, call);
	struct audit_act act = {.who = s->who,
		.role = rpc_role_name[s->role],
		.from = s->address,
		.what = call->command->name,
		.object = object,
		.detail = detail,
		.outcome = outcome};

	log_info("audit: %s who=%s role=%s from=%s object=%s outcome=%s", act.what,
		act.who, act.role, act.from, object != NULL ? object : "-", outcome);
	return audit_write(desk->parts.vault->audit, &act, clock_wall_ms());
}

static void
refuse_scope(struct desk *desk, const struct rpc_call *call, const char *what,
	const char *name)
{
	char text[200];

	/* An attempt is worth a record, and is refused whether there is one or not. */
	if (!record_act(desk, call, name, "out of scope", "refused"))
		log_error("audit: a refusal could not be recorded");
	snprintf(text, sizeof text, "%s %s belongs to teams that you do not supervise.",
		what, name);
	rpc_refuse(call->rpc, call->tag, RPC_IDENTITY, "not_permitted", text, NULL);
}

static void
refuse_name(const struct rpc_call *call, const char *type, const char *what,
	const char *name, const char *list)
{
	char text[200];

	snprintf(text, sizeof text, "There is no %s %s; %s names them all.", what, name,
		list);
	rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, type, text, NULL);
}

bool
find_agent(struct desk *desk, const struct rpc_call *call, const char *param, int *out)
{
	const char *name = rpc_text(call, param);

	*out = -1;
	if (name == NULL)
		return true;
	*out = centre_agent(centre_of(desk), name);
	if (*out < 0) {
		refuse_name(call, "no_agent", "agent", name, "agent.list");
		return false;
	}
	/* Agents hand work to anybody; what they may do with others ends there. */
	if (call->role != RPC_AGENT &&
		!scope_agent(desk, desk_session_of(desk, call), *out)) {
		refuse_scope(desk, call, "Agent", name);
		return false;
	}
	return true;
}

bool
find_queue(struct desk *desk, const struct rpc_call *call, const char *param, int *out)
{
	const char *name = rpc_text(call, param);

	*out = -1;
	if (name == NULL)
		return true;
	*out = centre_queue(centre_of(desk), name);
	if (*out < 0) {
		refuse_name(call, "no_queue", "queue", name, "queue.list");
		return false;
	}
	if (!scope_queue(desk, desk_session_of(desk, call), *out)) {
		refuse_scope(desk, call, "Queue", name);
		return false;
	}
	return true;
}

bool
find_team(struct desk *desk, const struct rpc_call *call, const char *param, int *out)
{
	const char *name = rpc_text(call, param);

	*out = -1;
	if (name == NULL)
		return true;
	*out = centre_team(centre_of(desk), name);
	if (*out < 0)
		rpc_refuse_param(call->rpc, call->tag, param,
			"names no team of the settings; they list them under `teams`");
	return *out >= 0;
}

bool
find_contact(struct desk *desk, const struct rpc_call *call, uint64_t *out)
{
	*out = rpc_number_id(call, "contact");
	if (router_contact_state(desk->parts.router, *out) == CONTACT_STATES) {
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_contact",
			"No such contact is live: it may have ended.", NULL);
		return false;
	}
	if (scope_contact(desk, desk_session_of(desk, call), *out))
		return true;
	if (call->role == RPC_AGENT)
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "not_yours",
			"This contact is not yours: it may have been moved.", NULL);
	else
		refuse_scope(desk, call, "Contact", rpc_text(call, "contact"));
	return false;
}

bool
audit(struct desk *desk, const struct rpc_call *call, const char *object,
	const char *detail)
{
	if (record_act(desk, call, object, detail, "begun"))
		return true;
	rpc_refuse(call->rpc, call->tag, RPC_LATER, "storage",
		"The audit cannot be written, so nothing was done: is there room on the "
		"disk "
		"of the state directory?",
		NULL);
	return false;
}

void
audit_login(struct desk *desk, const char *who, const char *role, const char *from,
	const char *outcome)
{
	struct audit_act act = {.who = who,
		.role = role,
		.from = from,
		.what = "session.login",
		.outcome = outcome};

	log_info("audit: login who=%s role=%s from=%s outcome=%s",
		who != NULL ? who : "-", role != NULL ? role : "-", from, outcome);
	/* Who may come in is not kept out by a full disk: somebody must repair it. */
	if (!audit_write(desk->parts.vault->audit, &act, clock_wall_ms()))
		log_error("audit: a login could not be recorded");
}
