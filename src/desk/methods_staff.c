/* desk/methods_staff.c - what supervisors do about contacts and queues, and figures. */
#include <math.h>
#include <string.h>

#include "desk/inner.h"

#define LIST_MOST 100 /* contacts in a list unless asked otherwise */

static struct router *
router_of(const struct desk *desk)
{
	return desk->parts.router;
}

/* ---- contacts ---- */

/* Waiting contacts, in the order of service, that the session may see. */
static json_t *
waiting_json(struct desk *desk, const struct session *s, int queue, int most)
{
	const struct centre *c = router_centre(router_of(desk));
	json_t *all =
		router_waiting_json(router_of(desk), desk_now_ms(desk), queue, most);
	json_t *list, *contact;
	size_t i;

	if (s->role != RPC_SUPERVISOR)
		return all;
	list = json_array();
	json_array_foreach(all, i, contact)
	{
		int at = centre_queue(
			c, json_string_value(json_object_get(contact, "queue")));

		if (at < 0 || scope_queue(desk, s, at))
			json_array_append(list, contact);
	}
	json_decref(all);
	return list;
}

static void
add_held(struct desk *desk, const struct session *s, int agent, int queue, int most,
	json_t *list)
{
	uint64_t held[HELD_MAX];
	int n = router_agent_held(router_of(desk), agent, held, HELD_MAX);

	for (int i = 0; i < n && i < HELD_MAX && (int)json_array_size(list) < most; i++) {
		json_t *contact;

		if (!scope_contact(desk, s, held[i]) ||
			(queue >= 0 &&
				router_contact_queue(router_of(desk), held[i]) != queue))
			continue;
		contact = router_contact_json(
			router_of(desk), desk_now_ms(desk), held[i], DESCRIBE_BRIEF);
		if (contact != NULL)
			json_array_append_new(list, contact);
	}
}

void
on_contact_list(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct session *s = desk_session_of(desk, call);
	int most = (int)rpc_integer(call, "most", LIST_MOST);
	json_t *waiting, *held = json_array();
	int queue, agent;

	if (!find_queue(desk, call, "queue", &queue) ||
		!find_agent(desk, call, "agent", &agent)) {
		json_decref(held);
		return;
	}
	/* Who asks for one agent's contacts asks for what he holds. */
	waiting = rpc_flag(call, "waiting", agent < 0)
			  ? waiting_json(desk, s, queue, most)
			  : json_array();
	if (rpc_flag(call, "held", true) && agent >= 0)
		add_held(desk, s, agent, queue, most, held);
	else if (rpc_flag(call, "held", true))
		for (int i = 0; i < router_centre(router_of(desk))->n_agents; i++)
			add_held(desk, s, i, queue, most, held);
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:o}", "waiting", waiting, "held", held));
}

void
on_contact_move(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct contact_change change = {.tier = -1,
		.deadline_ms = -1,
		.points = NAN,
		.reason = rpc_text(call, "reason")};
	enum contact_state state;
	uint64_t contact;
	int queue, agent;

	if (!find_contact(desk, call, &contact) ||
		!find_queue(desk, call, "queue", &queue) ||
		!find_agent(desk, call, "agent", &agent))
		return;
	if ((queue < 0) == (agent < 0)) {
		rpc_refuse_param(call->rpc, call->tag, "queue",
			"or agent must be given, and only one of them");
		return;
	}
	if (!audit(desk, call, rpc_text(call, "contact"),
		    queue >= 0 ? rpc_text(call, "queue") : rpc_text(call, "agent")))
		return;
	state = router_contact_state(router_of(desk), contact);
	change.queue = queue;
	change.retarget = agent >= 0;
	change.agent = agent;
	/* Who talks to somebody now is transferred; who waits just waits elsewhere. */
	if (state == CONTACT_CONNECTED || state == CONTACT_PARKED ||
		state == CONTACT_WRAPUP)
		router_transfer(router_of(desk), desk_now_ms(desk), contact, -1, queue,
			agent, desk_reply(desk, call));
	else
		router_change(router_of(desk), desk_now_ms(desk), contact, &change,
			desk_reply(desk, call));
}

void
on_contact_prioritise(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const char *tier = rpc_text(call, "tier");
	struct contact_change change = {.queue = -1,
		.tier = -1,
		.deadline_ms = -1,
		.sooner_ms = rpc_integer(call, "sooner_ms", 0),
		.points = NAN,
		.reason = rpc_text(call, "reason")};
	uint64_t contact;

	if (!find_contact(desk, call, &contact))
		return;
	if (tier != NULL)
		change.tier = centre_tier(router_centre(router_of(desk)), tier);
	if (tier != NULL && change.tier < 0) {
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_tier",
			"No such tier in the settings.", NULL);
		return;
	}
	if (tier == NULL && change.sooner_ms == 0) {
		rpc_refuse_param(
			call->rpc, call->tag, "sooner_ms", "or tier must be given");
		return;
	}
	if (!audit(desk, call, rpc_text(call, "contact"), change.reason))
		return;
	router_change(router_of(desk), desk_now_ms(desk), contact, &change,
		desk_reply(desk, call));
}

void
on_contact_withdraw(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	uint64_t contact;

	if (!find_contact(desk, call, &contact))
		return;
	if (!audit(desk, call, rpc_text(call, "contact"), rpc_text(call, "reason")))
		return;
	router_cancel(router_of(desk), desk_now_ms(desk), contact,
		rpc_text(call, "reason"), desk_reply(desk, call));
}

/* ---- queues ---- */

void
on_queue_list(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct session *s = desk_session_of(desk, call);
	const struct centre *c = router_centre(router_of(desk));
	const char *after = rpc_text(call, "after");
	int at = after != NULL ? centre_queue(c, after) + 1 : 0, n = 0;
	json_t *list = json_array();

	for (; at < c->n_queues; at++) {
		if (c->queues[at].removed || !scope_queue(desk, s, at))
			continue;
		if (n++ == OBJECTS_PER_FRAME)
			break;
		json_array_append_new(
			list, router_queue_json(router_of(desk), desk_now_ms(desk), at));
	}
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:b}", "queues", list, "more", at < c->n_queues));
}

void
on_queue_show(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	int queue;

	if (!find_queue(desk, call, "queue", &queue))
		return;
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:o}", "queue",
			router_queue_json(router_of(desk), desk_now_ms(desk), queue),
			"waiting",
			router_waiting_json(router_of(desk), desk_now_ms(desk), queue,
				(int)rpc_integer(call, "most", 20))));
}

static void
set_open(struct desk *desk, const struct rpc_call *call, bool open)
{
	int queue;

	if (!find_queue(desk, call, "queue", &queue))
		return;
	if (!audit(desk, call, rpc_text(call, "queue"), rpc_text(call, "reason")))
		return;
	router_open_queue(
		router_of(desk), desk_now_ms(desk), queue, open, desk_reply(desk, call));
}

void
on_queue_open(void *owner, const struct rpc_call *call)
{
	set_open(owner, call, true);
}

void
on_queue_close(void *owner, const struct rpc_call *call)
{
	set_open(owner, call, false);
}

/* ---- figures ---- */

static json_t *
counts_json(const struct router_counts *c)
{
	json_t *o = json_object();
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"submitted", c->submitted},
		{"duplicates", c->duplicates},
		{"refused", c->refused},
		{"offered", c->offered},
		{"accepted", c->accepted},
		{"rejected", c->rejected},
		{"timeouts", c->timeouts},
		{"rescinded", c->rescinded},
		{"offers_cancelled", c->offers_cancelled},
		{"connected", c->connected},
		{"completed", c->completed},
		{"abandoned", c->abandoned},
		{"expired", c->expired},
		{"cancelled", c->cancelled},
		{"lost", c->lost},
		{"answered", c->answered},
		{"transferred", c->transferred},
		{"requeued", c->requeued},
		{"parked", c->parked},
		{"steps", c->steps},
		{"decisions", c->decisions},
		{"waiting", (uint64_t)c->waiting},
		{"offered_now", (uint64_t)c->offered_now},
		{"connected_now", (uint64_t)c->connected_now},
		{"wrapup_now", (uint64_t)c->wrapup_now},
		{"parked_now", (uint64_t)c->parked_now},
		{"scheduled_now", (uint64_t)c->scheduled_now},
		{"live", (uint64_t)c->live},
		{"agents_logged_in", (uint64_t)c->agents_logged_in},
		{"agents_ready", (uint64_t)c->agents_ready},
		{"steps_in_flight", (uint64_t)c->steps_in_flight},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		json_object_set_new(
			o, rows[i].name, json_integer((json_int_t)rows[i].value));
	return o;
}

void
on_server_status(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct centre *c = router_centre(router_of(desk));
	struct router_counts counts;

	router_counts(router_of(desk), &counts);
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:s, s:s, s:I, s:I, s:i, s:i, s:o, s:o}", "version",
			desk->parts.version, "centre", c->name != NULL ? c->name : "",
			"config", (json_int_t)c->version, "uptime_ms",
			(json_int_t)(clock_boot_ms() - desk->started_ms), "sessions",
			desk->counts.sessions, "away", desk->counts.away, "at",
			desk_time(desk_now_ms(desk)), "counts", counts_json(&counts)));
}
