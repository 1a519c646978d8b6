/* desk/floor_methods.c - queue.outlook, agent.figures, agent.colleagues,
 * help.*, message.send, alarm.list. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "desk/floor.h"

#define MISSES_MAX 50	   /* contacts told in one outlook */
#define COLLEAGUES_MAX 300 /* in one reply */

static struct router *
router_of(const struct desk *desk)
{
	return desk->parts.router;
}

static json_t *
number_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *
floor_figures_json(const struct trend_sum *sum)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:o, s:o}", "arrived",
		(json_int_t)sum->arrived, "answered", (json_int_t)sum->answered,
		"in_time", (json_int_t)sum->in_time, "abandoned",
		(json_int_t)sum->abandoned, "expired", (json_int_t)sum->expired,
		"service_level", number_or_null(trend_service_level(sum)), "wait_p50_ms",
		(json_int_t)trend_quantile_ms(sum, 0.5), "wait_p90_ms",
		(json_int_t)trend_quantile_ms(sum, 0.9), "wait_mean_ms",
		number_or_null(sum->answered > 0 ? round((double)sum->waited_ms /
							   (double)sum->answered)
						 : NAN),
		"handle_mean_ms",
		number_or_null(sum->handled > 0 ? round((double)sum->handled_ms /
							  (double)sum->handled)
						: NAN));
}

/* ---- queue.outlook ---- */

static json_t *
outlook_json(struct desk *desk, int queue, int64_t midnight_ms, int64_t now_ms)
{
	const struct centre *c = router_centre(router_of(desk));
	const struct outlook *o = floor_outlook(desk->floor, queue);
	const struct trend *t = floor_trend(desk->floor);
	struct trend_sum today = {0}, lately = {0};
	json_t *out;

	trend_add(t, queue, -1, midnight_ms, now_ms + 1, &today);
	trend_add(t, queue, -1, now_ms - 30 * MINUTE_MS, now_ms + 1, &lately);
	out = json_pack("{s:s, s:o, s:o, s:I, s:I, s:I}", "queue", c->queues[queue].name,
		"today", floor_figures_json(&today), "lately",
		floor_figures_json(&lately), "waiting", (json_int_t)o->waiting, "late",
		(json_int_t)o->late, "will_miss", (json_int_t)o->will_miss);

	json_object_set_new(out, "rate_per_hour",
		number_or_null(o->rate_per_ms > 0 ? o->rate_per_ms * 3600000 : NAN));
	if (o->first_miss_ms != 0)
		json_object_set_new(out, "first_miss_at", desk_time(o->first_miss_ms));
	if (o->rate_per_ms > 0)
		json_object_set_new(out, "expected_wait_ms",
			json_integer(
				(json_int_t)((double)(o->waiting + 1) / o->rate_per_ms)));
	return out;
}

/* Who will miss, and when; the soonest in the order of service first. */
static json_t *
misses_json(struct desk *desk, const struct session *s, int64_t now_ms)
{
	const struct floor *f = desk->floor;
	const struct centre *c = router_centre(router_of(desk));
	json_t *list = json_array();

	for (int i = 0; i < f->n_waiting && json_array_size(list) < MISSES_MAX; i++) {
		const struct waiting_contact *w = &f->waiting[i];

		if (w->deadline_ms <= now_ms || f->expected_ms[i] <= w->deadline_ms ||
			!scope_queue(desk, s, w->queue))
			continue;
		json_array_append_new(
			list, json_pack("{s:o, s:s, s:o, s:o}", "contact",
				      desk_contact_id(w->contact), "queue",
				      c->queues[w->queue].name, "deadline_at",
				      desk_time(w->deadline_ms), "expected_at",
				      desk_time(f->expected_ms[i])));
	}
	return list;
}

void
on_queue_outlook(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct session *s = desk_session_of(desk, call);
	const struct centre *c = router_centre(router_of(desk));
	const char *after = rpc_text(call, "after");
	int at = after != NULL ? centre_queue(c, after) + 1 : 0, n = 0;
	int64_t now_ms = desk_now_ms(desk), midnight_ms = floor_midnight_ms(desk, now_ms);
	json_t *list = json_array();

	for (; at < c->n_queues; at++) {
		if (c->queues[at].removed || !scope_queue(desk, s, at))
			continue;
		if (n++ == OBJECTS_PER_FRAME)
			break;
		json_array_append_new(list, outlook_json(desk, at, midnight_ms, now_ms));
	}
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:o, s:f, s:b}", "queues", list, "misses",
			misses_json(desk, s, now_ms), "target", c->alarms.service_level,
			"more", at < c->n_queues));
}

/* ---- an agent's own ---- */

/* The agent that a call is about: the one named, else the caller himself; -1: refused
 * already. Agents name nobody else. */
static int
agent_meant(struct desk *desk, const struct rpc_call *call)
{
	const struct session *s = desk_session_of(desk, call);
	int agent;

	if (!find_agent(desk, call, "agent", &agent))
		return -1;
	if (agent >= 0 && call->role == RPC_AGENT && agent != s->agent) {
		rpc_refuse(call->rpc, call->tag, RPC_IDENTITY, "not_permitted",
			"Agents ask about themselves only.", NULL);
		return -1;
	}
	agent = agent >= 0 ? agent : s->agent;
	if (agent < 0)
		rpc_refuse_param(call->rpc, call->tag, "agent", "is missing");
	return agent;
}

void
on_agent_figures(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct centre *c = router_centre(router_of(desk));
	int64_t now_ms = desk_now_ms(desk);
	const struct trend_agent *a, none = {0};
	int agent = agent_meant(desk, call);
	json_t *channels, *states;

	if (agent < 0)
		return;
	channels = json_object();
	states = json_object();
	a = trend_agent(floor_trend(desk->floor), agent);
	a = a != NULL ? a : &none;
	for (int i = 0; i < a->n_channels && i < c->n_channels; i++)
		if (a->by_channel[i] > 0)
			json_object_set_new(channels, c->channels[i].name,
				json_integer((json_int_t)a->by_channel[i]));
	for (int i = 0; i < AGENT_STATES; i++)
		json_object_set_new(states, agent_state_name[i],
			json_integer((json_int_t)(a->state_ms[i] +
						  (a->since_ms != 0 && (int)a->state == i
								  ? now_ms - a->since_ms
								  : 0))));
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o}", "offered",
			(json_int_t)a->offered, "accepted", (json_int_t)a->accepted,
			"rejected", (json_int_t)a->rejected, "timeouts",
			(json_int_t)a->timeouts, "completed", (json_int_t)a->completed,
			"transferred", (json_int_t)a->transferred, "handled_ms",
			(json_int_t)a->handled_ms, "amount", a->amount, "by_channel",
			channels, "state_ms", states));
}

/* To whom one may transfer. */
void
on_agent_colleagues(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct centre *c = router_centre(router_of(desk));
	int self = desk_session_of(desk, call)->agent;
	json_t *list = json_array();

	for (int i = 0; i < c->n_agents && json_array_size(list) < COLLEAGUES_MAX; i++) {
		enum agent_state state = router_agent_state(router_of(desk), i);

		if (i == self || c->agents[i].removed || state == AGENT_OFFLINE)
			continue;
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:b}", "id", c->agents[i].id, "name",
				c->agents[i].name, "state", agent_state_name[state],
				"busy",
				router_agent_held(router_of(desk), i, NULL, 0) > 0));
	}
	rpc_answer(call->rpc, call->tag, json_pack("{s:o}", "agents", list));
}

/* ---- help ---- */

static json_t *
help_json(struct desk *desk, const struct help *h)
{
	const struct agent_settings *a =
		&router_centre(router_of(desk))->agents[h->agent];
	json_t *o = json_pack("{s:s, s:s, s:o}", "agent", a->id, "name", a->name, "since",
		desk_time(h->since_ms));

	if (h->contact != 0)
		json_object_set_new(o, "contact", desk_contact_id(h->contact));
	if (h->text != NULL)
		json_object_set_new(o, "text", json_string(h->text));
	return o;
}

static struct help **
help_of(struct floor *f, int agent)
{
	struct help **at = &f->helps;

	while (*at != NULL && (*at)->agent != agent)
		at = &(*at)->next;
	return at;
}

bool
floor_help_over(struct floor *f, int agent, const char *by)
{
	struct help **at = help_of(f, agent), *h = *at;
	struct session *s;
	json_t *o;

	if (h == NULL)
		return false;
	*at = h->next;
	o = json_pack("{s:s, s:s*}", "agent",
		router_centre(router_of(f->desk))->agents[agent].id, "by", by);
	s = desk_agent_session(f->desk, agent);
	if (s != NULL && s->ready)
		session_tell_json(f->desk, s, "help.ended", desk_now_ms(f->desk),
			json_deep_copy(o));
	desk_tell_watchers(f->desk, -1, agent, "help.ended", o);
	free(h->text);
	free(h);
	return true;
}

void
floor_help_finish(struct floor *f)
{
	for (struct help *h = f->helps, *next; h != NULL; h = next) {
		next = h->next;
		free(h->text);
		free(h);
	}
}

static void
accept(const struct rpc_call *call)
{
	rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", 1));
}

void
on_help_request(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct floor *f = desk->floor;
	int agent = desk_session_of(desk, call)->agent;
	struct help **at = help_of(f, agent), *h = *at;
	uint64_t contact = 0;

	if (json_object_get(call->params, "contact") != NULL &&
		!find_contact(desk, call, &contact))
		return;
	if (h == NULL) {
		h = *at = xcalloc(1, sizeof *h);
		h->agent = agent;
		h->since_ms = desk_now_ms(desk);
	}
	h->contact = contact;
	free(h->text);
	h->text = xstrdup(rpc_text(call, "text"));
	desk_tell_watchers(desk, -1, agent, "help.requested", help_json(desk, h));
	accept(call);
}

void
on_help_end(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	int agent = agent_meant(desk, call);

	if (agent < 0)
		return;
	floor_help_over(desk->floor, agent, desk_session_of(desk, call)->who);
	accept(call);
}

void
on_help_list(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct session *s = desk_session_of(desk, call);
	json_t *list = json_array();

	for (const struct help *h = desk->floor->helps;
		h != NULL && json_array_size(list) < OBJECTS_PER_FRAME; h = h->next)
		if (scope_agent(desk, s, h->agent))
			json_array_append_new(list, help_json(desk, h));
	rpc_answer(call->rpc, call->tag, json_pack("{s:o}", "helps", list));
}

/* ---- messages to agents ---- */

void
on_message_send(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct session *s = desk_session_of(desk, call);
	const struct centre *c = router_centre(router_of(desk));
	int agent, team, n = 0;

	if (!find_agent(desk, call, "agent", &agent) ||
		!find_team(desk, call, "team", &team))
		return;
	if (!audit(desk, call,
		    agent >= 0	? rpc_text(call, "agent")
		    : team >= 0 ? rpc_text(call, "team")
				: "all agents",
		    "message"))
		return;
	for (int i = 0; i < c->n_agents; i++) {
		struct session *to = desk_agent_session(desk, i);

		if (to == NULL || !to->ready || (agent >= 0 && i != agent) ||
			(team >= 0 && c->agents[i].team != team) ||
			!scope_agent(desk, s, i))
			continue;
		session_tell_json(desk, to, "message.received", desk_now_ms(desk),
			json_pack("{s:s, s:s}", "from", s->who, "text",
				rpc_text(call, "text")));
		n++;
	}
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:b, s:i}", "accepted", 1, "reached", n));
}

void
on_alarm_list(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;

	alarms_answer(desk->floor->alarms, call);
}
