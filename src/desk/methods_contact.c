/* desk/methods_contact.c - contact.* of agents, intakes and links. */
#include <math.h>
#include <string.h>

#include "desk/inner.h"

static struct router *
router_of(const struct desk *desk)
{
	return desk->parts.router;
}

/* Who acts: the agent's index, or -1 for a supervisor. The router refuses what is not
 * this agent's. */
static int
by_agent(struct desk *desk, const struct rpc_call *call)
{
	return desk_session_of(desk, call)->agent;
}

void
on_contact_wrapup(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;

	router_wrapup(router_of(desk), desk_now_ms(desk), rpc_number_id(call, "contact"),
		by_agent(desk, call), rpc_integer(call, "extend_ms", 0),
		desk_reply(desk, call));
}

void
on_contact_complete(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct disposition disposition = {
		.code = rpc_text(call, "disposition"),
		.note = rpc_text(call, "note"),
		.amount = rpc_number(call, "amount"),
		.currency = rpc_text(call, "currency"),
		.satisfaction = rpc_number(call, "satisfaction"),
	};

	router_complete(router_of(desk), desk_now_ms(desk),
		rpc_number_id(call, "contact"), by_agent(desk, call), &disposition,
		desk_reply(desk, call));
}

void
on_contact_transfer(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	int queue, agent;

	if (!find_queue(desk, call, "queue", &queue) ||
		!find_agent(desk, call, "agent", &agent))
		return;
	if ((queue < 0) == (agent < 0)) {
		rpc_refuse_param(call->rpc, call->tag, "queue",
			"or agent must be given, and only one of them");
		return;
	}
	router_transfer(router_of(desk), desk_now_ms(desk),
		rpc_number_id(call, "contact"), by_agent(desk, call), queue, agent,
		desk_reply(desk, call));
}

void
on_contact_requeue(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	uint64_t contact;

	if (!find_contact(desk, call, &contact))
		return;
	if (call->role != RPC_AGENT &&
		!audit(desk, call, rpc_text(call, "contact"), NULL))
		return;
	router_transfer(router_of(desk), desk_now_ms(desk), contact, by_agent(desk, call),
		-1, -1, desk_reply(desk, call));
}

void
on_contact_park(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	int64_t until_ms = rpc_time_ms(call, "until");

	if (json_object_get(call->params, "until") != NULL &&
		until_ms <= desk_now_ms(desk)) {
		rpc_refuse_param(call->rpc, call->tag, "until",
			"is over already; leave it out to park until it is resumed");
		return;
	}
	router_park(router_of(desk), desk_now_ms(desk), rpc_number_id(call, "contact"),
		by_agent(desk, call), until_ms, desk_reply(desk, call));
}

void
on_contact_resume(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;

	router_resume(router_of(desk), desk_now_ms(desk), rpc_number_id(call, "contact"),
		by_agent(desk, call), desk_reply(desk, call));
}

/* ---- looking ---- */

/* An answer of router_fetch_json: the asker is looked up again, since he may be gone or
 * somebody else's contact may have been asked for. */
bool
may_see_ended(struct desk *desk, uint64_t who, const json_t *contact)
{
	struct caller *caller = desk_caller(desk, who);
	const struct session *s = caller != NULL ? caller->session : NULL;
	const struct centre *c = router_centre(router_of(desk));
	const char *queue = json_string_value(json_object_get(contact, "queue"));
	const char *agent = json_string_value(json_object_get(contact, "agent"));
	const char *channel = json_string_value(json_object_get(contact, "channel"));
	int index = queue != NULL ? centre_queue(c, queue) : -1;
	struct key *key;

	if (s == NULL)
		return false;
	switch (s->role) {
	case RPC_ADMINISTRATOR:
	case RPC_AUDITOR:
	case RPC_LINK:
		return true;
	case RPC_SUPERVISOR:
		return index < 0 || scope_queue(desk, s, index);
	case RPC_AGENT:
		return agent != NULL && strcmp(agent, c->agents[s->agent].id) == 0;
	case RPC_INTAKE:
		key = keys_by_id(desk->parts.vault->keys, s->key);
		return key != NULL && key_takes(key, channel, queue);
	case RPC_NOBODY:
	case RPC_ROLES:
		return false;
	}
	return false;
}

static void
fetched(void *owner, uint64_t who, uint64_t tag, json_t *contact, bool away)
{
	struct desk *desk = owner;

	if (away)
		rpc_refuse(desk->rpc, tag, RPC_LATER, "store_away",
			"Redis is away, so it is not known; try again later.",
			json_pack("{s:i}", "retry_ms", 1000));
	else if (contact == NULL)
		rpc_refuse(desk->rpc, tag, RPC_NOT_FOUND, "no_contact",
			"No such contact is known: it may have ended long ago.", NULL);
	else if (!may_see_ended(desk, who, contact))
		rpc_refuse(desk->rpc, tag, RPC_IDENTITY, "not_permitted",
			"This contact is not yours to see.", NULL);
	else {
		const char *id = json_string_value(json_object_get(contact, "id"));
		uint64_t number;

		/* What parts say of one that lives: the customer, for one. */
		if (id != NULL && number_id_parse(id, 'c', &number) &&
			router_contact_state(router_of(desk), number) != CONTACT_STATES)
			desk_enrich(desk, number, desk_caller(desk, who)->session->role,
				contact);
		rpc_answer(desk->rpc, tag, json_pack("{s:O}", "contact", contact));
	}
}

static bool
key_allows(struct desk *desk, const struct rpc_call *call, enum key_act act)
{
	struct key *key;

	if (call->role != RPC_INTAKE)
		return true;
	key = keys_by_id(desk->parts.vault->keys, desk_session_of(desk, call)->key);
	if (key != NULL && key_may(key, act))
		return true;
	rpc_refuse(call->rpc, call->tag, RPC_IDENTITY, "not_permitted",
		"This API key does not allow that.", NULL);
	return false;
}

/* What is too large for a message is left out, and that is said. */
static json_t *
fitting_contact(struct desk *desk, uint64_t contact, unsigned flags, enum rpc_role role)
{
	json_t *o =
		router_contact_json(router_of(desk), desk_now_ms(desk), contact, flags);
	static const char *const large[] = {"payload", "attributes"};

	desk_enrich(desk, contact, role, o);
	for (size_t i = 0; i < 2 && json_dumpb(o, NULL, 0, 0) > EVENT_BYTES_MAX; i++) {
		json_object_del(o, large[i]);
		json_object_set_new(o, "truncated", json_true());
	}
	return o;
}

void
on_contact_get(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	uint64_t contact = rpc_number_id(call, "contact");
	unsigned flags = DESCRIBE_ATTRIBUTES | DESCRIBE_PLACE;

	if (!key_allows(desk, call, KEY_READ))
		return;
	if (router_contact_state(router_of(desk), contact) == CONTACT_STATES) {
		router_fetch_json(router_of(desk), desk_now_ms(desk), contact, false,
			fetched, desk, call->who, call->tag);
		return;
	}
	if (!find_contact(desk, call, &contact))
		return;
	if (rpc_flag(call, "payload", false))
		flags |= DESCRIBE_PAYLOAD;
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o}", "contact",
			fitting_contact(desk, contact, flags, call->role)));
}

void
on_explain_contact(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;

	router_fetch_json(router_of(desk), desk_now_ms(desk),
		rpc_number_id(call, "contact"), true, fetched, desk, call->who,
		call->tag);
}

/* ---- changing ---- */

static bool
read_tier(struct desk *desk, const struct rpc_call *call, int *out)
{
	const char *name = rpc_text(call, "tier");

	*out = name != NULL ? centre_tier(router_centre(router_of(desk)), name) : -1;
	if (name == NULL || *out >= 0)
		return true;
	rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_tier",
		"No such tier in the settings.", NULL);
	return false;
}

static bool
read_require(struct desk *desk, const struct rpc_call *call, struct require *out)
{
	const struct centre *c = router_centre(router_of(desk));
	json_t *levels = json_object_get(call->params, "require"), *level;
	const char *name;

	json_object_foreach(levels, name, level)
	{
		int skill = centre_skill(c, name);

		if (skill < 0 ||
			!require_add(out, skill, (int)json_integer_value(level), true)) {
			rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_skill",
				"One of the skills is not in the settings, or there are "
				"more than 16.",
				NULL);
			return false;
		}
	}
	return true;
}

void
on_contact_update(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct require require = {0};
	struct contact_change change = {
		.queue = -1,
		.tier = -1,
		.deadline_ms = rpc_time_ms(call, "deadline"),
		.points = rpc_number(call, "points"),
		.reason = rpc_text(call, "reason"),
	};
	uint64_t contact;

	if (rpc_text(call, "tier") == NULL && isnan(change.points) &&
		json_object_get(call->params, "deadline") == NULL &&
		json_object_get(call->params, "require") == NULL) {
		rpc_refuse_param(call->rpc, call->tag, "tier",
			"or require, deadline or points must be given");
		return;
	}
	if (!find_contact(desk, call, &contact) || !read_tier(desk, call, &change.tier) ||
		!read_require(desk, call, &require))
		return;
	if (json_object_get(call->params, "require") != NULL)
		change.require = &require;
	if (change.deadline_ms == 0)
		change.deadline_ms = -1;
	if (call->role != RPC_AGENT &&
		!audit(desk, call, rpc_text(call, "contact"), change.reason))
		return;
	router_change(router_of(desk), desk_now_ms(desk), contact, &change,
		desk_reply(desk, call));
}

/* ---- handing in ---- */

static void
created(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct desk *desk = owner;

	if (outcome->kind != OUTCOME_OK) {
		desk_refuse_outcome(desk, tag, outcome);
		return;
	}
	rpc_answer(desk->rpc, tag,
		json_pack("{s:b, s:o, s:b}", "accepted", 1, "contact",
			desk_contact_id(outcome->contact), "duplicate",
			outcome->duplicate));
}

/* A key with a source or with certain queues fills what the contact leaves open: the
 * first of its queues, in the settings' order, that takes the channel. */
static void
key_fills(struct desk *desk, const struct rpc_call *call)
{
	const struct centre *c = router_centre(router_of(desk));
	const char *channel = rpc_text(call, "channel");
	int index = channel != NULL ? centre_channel(c, channel) : -1;
	struct key *key = call->role == RPC_INTAKE
				  ? keys_by_id(desk->parts.vault->keys,
					    desk_session_of(desk, call)->key)
				  : NULL;

	if (key == NULL)
		return;
	if (key_source(key) != NULL && json_object_get(call->params, "source") == NULL)
		json_object_set_new(call->params, "source", json_string(key_source(key)));
	if (index < 0 || json_object_get(call->params, "queue") != NULL ||
		key_takes(key, channel, NULL))
		return;
	for (int i = 0; i < c->n_queues; i++) {
		const struct queue *q = &c->queues[i];

		if (q->removed || !queue_takes(q, index) ||
			!key_takes(key, channel, q->name))
			continue;
		json_object_set_new(call->params, "queue", json_string(q->name));
		return;
	}
}

/* What a key may hand in. False: refused. */
static bool
key_admits(struct desk *desk, const struct rpc_call *call, struct submission *s)
{
	struct key *key;

	if (call->role != RPC_INTAKE)
		return true;
	key = keys_by_id(desk->parts.vault->keys, desk_session_of(desk, call)->key);
	if (key == NULL || !key_may(key, KEY_SUBMIT) ||
		!key_takes(key, s->channel, s->queue)) {
		rpc_refuse(call->rpc, call->tag, RPC_IDENTITY, "not_permitted",
			"This API key may not hand contacts in on this channel or queue.",
			NULL);
		return false;
	}
	if (key_source(key) != NULL && strcmp(key_source(key), s->source) != 0) {
		rpc_refuse_param(call->rpc, call->tag, "source",
			"must be the source of this API key");
		return false;
	}
	if (!key_spend(key, clock_boot_ms())) {
		desk_refuse_later(desk, call->tag, "rate_limited",
			"This API key hands in too fast: wait.", 1000);
		return false;
	}
	return true;
}

void
on_contact_create(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct submission_error error;
	struct submission s = {0};

	key_fills(desk, call);
	if (!submission_parse(call->params, &s, &error)) {
		json_t *more = json_pack("{s:s}", "field", error.field);

		rpc_refuse(call->rpc, call->tag, RPC_INVALID_PARAMS, "invalid_params",
			error.message, more);
		return;
	}
	if (key_admits(desk, call, &s))
		router_submit(router_of(desk), desk_now_ms(desk), &s,
			(struct reply){created, desk, call->who, call->tag});
	submission_finish(&s);
}

void
on_contact_leave(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	uint64_t contact;

	if (key_allows(desk, call, KEY_CANCEL) && find_contact(desk, call, &contact))
		router_leave(router_of(desk), desk_now_ms(desk), contact,
			desk_reply(desk, call));
}
