/* desk/people.c - the desk as other parts know it (base/people.h). */
#include "desk/inner.h"

static int
agent_of(void *owner, const struct rpc_call *call)
{
	const struct session *s = desk_session_of(owner, call);

	return s != NULL ? s->agent : -1;
}

static const char *
who(void *owner, const struct rpc_call *call)
{
	const struct session *s = desk_session_of(owner, call);

	return s != NULL ? s->who : "nobody";
}

static const char *
from(void *owner, const struct rpc_call *call)
{
	const struct session *s = desk_session_of(owner, call);

	return s != NULL ? s->address : "";
}

static const char *
session_of(void *owner, const struct rpc_call *call)
{
	const struct session *s = desk_session_of(owner, call);

	return s != NULL ? s->name : "";
}

static bool
contact(void *owner, const struct rpc_call *call, uint64_t *out)
{
	return find_contact(owner, call, out);
}

static bool
named_agent(void *owner, const struct rpc_call *call, const char *param, int *out)
{
	return find_agent(owner, call, param, out);
}

static bool
named_queue(void *owner, const struct rpc_call *call, const char *param, int *out)
{
	return find_queue(owner, call, param, out);
}

static bool
sees_queue(void *owner, const struct rpc_call *call, int queue)
{
	return scope_queue(owner, desk_session_of(owner, call), queue);
}

static bool
sees_agent(void *owner, const struct rpc_call *call, int agent)
{
	return scope_agent(owner, desk_session_of(owner, call), agent);
}

static bool
sees_ended(void *owner, uint64_t who_asks, const json_t *object)
{
	return may_see_ended(owner, who_asks, object);
}

static bool
audited(void *owner, const struct rpc_call *call, const char *object, const char *detail)
{
	return audit(owner, call, object, detail);
}

static void
refuse(void *owner, uint64_t tag, const void *outcome)
{
	desk_refuse_outcome(owner, tag, outcome);
}

/* ---- what is told ---- */

static bool
tell_agent(void *owner, int agent, const char *event, json_t *object)
{
	struct desk *desk = owner;
	struct session *s = desk_agent_session(desk, agent);

	if (s == NULL || !s->ready) {
		json_decref(object);
		return false;
	}
	session_tell_json(desk, s, event, desk_now_ms(desk), object);
	return true;
}

static bool
watches(const struct desk *desk, const struct session *s, int queue, int agent)
{
	return s->state != SESSION_GONE && s->ready && s->subscription != NULL &&
	       (queue < 0 || scope_queue(desk, s, queue)) &&
	       (agent < 0 || scope_agent(desk, s, agent));
}

void
desk_tell_watchers(
	struct desk *desk, int queue, int agent, const char *event, json_t *object)
{
	const struct text *members = desk_members(desk, object);
	size_t at = 0;
	void *value;

	while (map_next(&desk->sessions, &at, NULL, &value)) {
		struct session *s = value;

		if (s->role != RPC_AGENT && watches(desk, s, queue, agent))
			session_tell(desk, s, event, desk_now_ms(desk), members);
	}
}

static void
tell_watchers(void *owner, int queue, int agent, const char *event, json_t *object)
{
	desk_tell_watchers(owner, queue, agent, event, object);
}

static bool
tell_session(void *owner, const char *name, const char *event, json_t *object)
{
	struct desk *desk = owner;
	struct session *s = map_get(&desk->sessions, name);

	if (s == NULL || s->state == SESSION_GONE || !s->ready) {
		json_decref(object);
		return false;
	}
	session_tell_json(desk, s, event, desk_now_ms(desk), object);
	return true;
}

/* ---- members of contacts ---- */

static void
enrich(void *owner, const char *name, people_member fn, void *member_owner)
{
	struct desk *desk = owner;

	if (desk->n_members_added == MEMBERS_MAX)
		return;
	desk->member[desk->n_members_added++] = (struct member){name, fn, member_owner};
}

void
desk_enrich(struct desk *desk, uint64_t contact_id, enum rpc_role role, json_t *object)
{
	for (int i = 0; object != NULL && i < desk->n_members_added; i++) {
		const struct member *m = &desk->member[i];
		json_t *value = m->fn(m->owner, contact_id, role);

		if (value != NULL)
			json_object_set_new_nocheck(object, m->name, value);
	}
}

static void
changed(void *owner, uint64_t contact_id)
{
	struct desk *desk = owner;
	int agent = router_contact_agent(desk->parts.router, contact_id);
	json_t *o, *whole;

	if (agent < 0 || !router_contact_settled(desk->parts.router, contact_id))
		return;
	whole = router_contact_json(
		desk->parts.router, desk_now_ms(desk), contact_id, DESCRIBE_ATTRIBUTES);
	if (whole == NULL)
		return;
	desk_enrich(desk, contact_id, RPC_AGENT, whole);
	o = json_object();
	json_object_set_new(o, "contact", whole);
	tell_agent(desk, agent, "contact.updated", o);
}

struct people
desk_people(struct desk *desk)
{
	return (struct people){desk, agent_of, who, from, session_of, contact,
		named_agent, named_queue, sees_queue, sees_agent, sees_ended, audited,
		refuse, tell_agent, tell_watchers, tell_session, enrich, changed};
}
