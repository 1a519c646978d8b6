/* desk/floor_methods.c - trend.get, queue.outlook, agent.figures, agent.colleagues,
 * help.*, message.send, alarm.list. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "desk/floor.h"

#define GROUPS_MAX 24	   /* curves in one reply */
#define POINTS_MAX 288	   /* of a curve */
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

/* ---- trend.get ---- */

struct group {
	int queue, channel; /* -1: all */
};

/* The curves asked for: queues and channels that had something, in the scope. */
static int
list_groups(struct desk *desk, const struct session *s, const struct group *only,
	const char *by, struct group *out)
{
	const struct trend *t = floor_trend(desk->floor);
	int n = 0, queue, channel;

	for (int i = 0; trend_series_at(t, i, &queue, &channel) && n < GROUPS_MAX; i++) {
		struct group g = {strcmp(by, "queue") == 0 ? queue : only->queue,
			strcmp(by, "channel") == 0 ? channel : only->channel};
		bool known = false;

		if ((only->queue >= 0 && queue != only->queue) ||
			(only->channel >= 0 && channel != only->channel) ||
			!scope_queue(desk, s, queue))
			continue;
		for (int j = 0; j < n; j++)
			known = known ||
				(out[j].queue == g.queue && out[j].channel == g.channel);
		if (!known)
			out[n++] = g;
	}
	return n;
}

/* Sums of a group: queue by queue, since some may be out of scope. */
static struct trend_sum
sum_of(struct desk *desk, const struct session *s, const struct group *g, int64_t from_ms,
	int64_t to_ms)
{
	struct trend_sum sum = {0};

	if (g->queue >= 0 || s->role != RPC_SUPERVISOR) {
		trend_add(floor_trend(desk->floor), g->queue, g->channel, from_ms, to_ms,
			&sum);
		return sum;
	}
	for (int i = 0; i < router_centre(router_of(desk))->n_queues; i++)
		if (scope_queue(desk, s, i))
			trend_add(floor_trend(desk->floor), i, g->channel, from_ms, to_ms,
				&sum);
	return sum;
}

static json_t *
figures_json(const struct trend_sum *sum)
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

/* One list a figure, so that names are told once. */
static json_t *
curve_json(struct desk *desk, const struct session *s, const struct group *g,
	int64_t from_ms, int64_t step_ms, int n)
{
	const struct centre *c = router_centre(router_of(desk));
	json_t *o = json_object(), *value;
	const char *name;

	for (int i = 0; i < n; i++) {
		struct trend_sum sum = sum_of(
			desk, s, g, from_ms + i * step_ms, from_ms + (i + 1) * step_ms);
		json_t *point = figures_json(&sum);

		json_object_foreach(point, name, value)
		{
			json_t *list = json_object_get(o, name);

			if (list == NULL) {
				list = json_array();
				json_object_set_new(o, name, list);
			}
			json_array_append(list, value);
		}
		json_decref(point);
	}
	if (g->queue >= 0)
		json_object_set_new(o, "queue", json_string(c->queues[g->queue].name));
	if (g->channel >= 0)
		json_object_set_new(
			o, "channel", json_string(c->channels[g->channel].name));
	return o;
}

/* Agents of the teams in the scope; a point without a sample is null. */
static json_t *
staff_json(struct desk *desk, const struct session *s, int64_t from_ms, int64_t step_ms,
	int n)
{
	static const char *const names[4] = {"logged_in", "ready", "busy", "not_ready"};
	const struct centre *c = router_centre(router_of(desk));
	json_t *list[4], *o = json_object();

	for (int k = 0; k < 4; k++) {
		list[k] = json_array();
		json_object_set_new(o, names[k], list[k]);
	}
	for (int i = 0; i < n; i++) {
		double all[4] = {0}, mean[4];
		bool known = false;

		for (int team = -1; team < c->n_teams; team++) {
			if (!scope_team(desk, s, team) ||
				!trend_staff_mean(floor_trend(desk->floor), team,
					from_ms + i * step_ms,
					from_ms + (i + 1) * step_ms, mean))
				continue;
			known = true;
			for (int k = 0; k < 4; k++)
				all[k] += mean[k];
		}
		for (int k = 0; k < 4; k++)
			json_array_append_new(
				list[k], number_or_null(known ? all[k] : NAN));
	}
	return o;
}

void
on_trend_get(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct session *s = desk_session_of(desk, call);
	const char *by = rpc_text(call, "by"), *channel = rpc_text(call, "channel");
	int64_t step_ms = rpc_integer(call, "step", 5) * MINUTE_MS;
	int64_t n = rpc_integer(call, "minutes", 120) * MINUTE_MS / step_ms, from_ms;
	struct group only = {-1, -1}, groups[GROUPS_MAX];
	json_t *list;
	int n_groups = 1;

	if (!find_queue(desk, call, "queue", &only.queue))
		return;
	if (channel != NULL)
		only.channel = centre_channel(router_centre(router_of(desk)), channel);
	if (channel != NULL && only.channel < 0) {
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_channel",
			"No such channel; queue.list and the settings name them.", NULL);
		return;
	}
	if (n < 1 || n > POINTS_MAX) {
		rpc_refuse_param(call->rpc, call->tag, "step",
			"must divide the minutes into 1 to 288 points");
		return;
	}
	groups[0] = only;
	if (by != NULL && strcmp(by, "none") != 0)
		n_groups = list_groups(desk, s, &only, by, groups);
	from_ms = desk_now_ms(desk) / step_ms * step_ms - (n - 1) * step_ms;
	list = json_array();
	for (int i = 0; i < n_groups; i++)
		json_array_append_new(
			list, curve_json(desk, s, &groups[i], from_ms, step_ms, (int)n));
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:I, s:I, s:o, s:o}", "from", desk_time(from_ms),
			"step_ms", (json_int_t)step_ms, "points", (json_int_t)n, "curves",
			list, "staff", staff_json(desk, s, from_ms, step_ms, (int)n)));
}

/* ---- queue.outlook ---- */

static json_t *
outlook_json(struct desk *desk, const struct session *s, int queue, int64_t now_ms)
{
	const struct centre *c = router_centre(router_of(desk));
	const struct outlook *o = floor_outlook(desk->floor, queue);
	struct trend_sum today = sum_of(desk, s, &(struct group){queue, -1},
		floor_midnight_ms(desk, now_ms), now_ms + 1);
	struct trend_sum lately = sum_of(
		desk, s, &(struct group){queue, -1}, now_ms - 30 * MINUTE_MS, now_ms + 1);
	json_t *out = json_pack("{s:s, s:o, s:o, s:I, s:I, s:I}", "queue",
		c->queues[queue].name, "today", figures_json(&today), "lately",
		figures_json(&lately), "waiting", (json_int_t)o->waiting, "late",
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
	int64_t now_ms = desk_now_ms(desk);
	json_t *list = json_array();

	for (; at < c->n_queues; at++) {
		if (c->queues[at].removed || !scope_queue(desk, s, at))
			continue;
		if (n++ == OBJECTS_PER_FRAME)
			break;
		json_array_append_new(list, outlook_json(desk, s, at, now_ms));
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
	const char *team = rpc_text(call, "team");
	int agent, n = 0;

	if (!find_agent(desk, call, "agent", &agent))
		return;
	if (!audit(desk, call,
		    agent >= 0	   ? rpc_text(call, "agent")
		    : team != NULL ? team
				   : "all agents",
		    "message"))
		return;
	for (int i = 0; i < c->n_agents; i++) {
		struct session *to = desk_agent_session(desk, i);
		int of = c->agents[i].team;

		if (to == NULL || !to->ready || (agent >= 0 && i != agent) ||
			(team != NULL &&
				(of < 0 || strcmp(c->teams[of].name, team) != 0)) ||
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
