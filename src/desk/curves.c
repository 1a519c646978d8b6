/*
 * desk/curves.c - trend.get: the last hours as curves. A day of a thousand queues takes
 * longer than the loop may be held, so that an answer is put together in several turns of
 * it, one answer after the other.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "desk/floor.h"

#define GROUPS_MAX 24	/* curves in one reply */
#define POINTS_MAX 288	/* of a curve */
#define TURN_US 1000	/* of one turn of the loop */
#define WAITING_MOST 64 /* answers at once; further ones are to ask again */

struct group {
	int queue, channel; /* -1: all */
};

struct curves {
	struct curves *next;
	struct rpc *rpc; /* borrowed */
	uint64_t tag;
	int64_t from_ms, step_ms;
	int n;	      /* points */
	bool *sees;   /* owned; by queue: it is in the scope of who asks */
	int n_queues; /* of them */
	bool by_queue, by_channel;
	struct group only;
	int n_groups;
	struct group group[GROUPS_MAX];
	struct trend_sum *sum; /* owned; n of each group; NULL: not begun */
	int at;		       /* the series that is looked at next */
	bool *sees_team;       /* owned; by team + 1 */
	int n_teams, team;     /* the one that is looked at next */
	struct {
		bool known;
		double n[4];
	} * staff;    /* owned; agents, by point */
	json_t *list; /* owned; curves that are done */
};

static void
destroy(struct curves *c)
{
	free(c->sees);
	free(c->sum);
	free(c->sees_team);
	free(c->staff);
	json_decref(c->list);
	free(c);
}

/* ---- sums ---- */

/* The group that a queue's channel belongs to; -1: none that is asked for. */
static int
group_of(struct curves *c, int queue, int channel)
{
	struct group g = {c->by_queue ? queue : c->only.queue,
		c->by_channel ? channel : c->only.channel};

	if ((c->only.queue >= 0 && queue != c->only.queue) ||
		(c->only.channel >= 0 && channel != c->only.channel) ||
		queue >= c->n_queues || !c->sees[queue])
		return -1;
	for (int i = 0; i < c->n_groups; i++)
		if (c->group[i].queue == g.queue && c->group[i].channel == g.channel)
			return i;
	if (c->n_groups == GROUPS_MAX)
		return -1;
	c->group[c->n_groups] = g;
	return c->n_groups++;
}

/* One after the other, one at least. False: the time is over, there may be more. */
static bool
sum_up(const struct trend *t, struct curves *c, int64_t until_us)
{
	int queue, channel;

	if (c->sum == NULL)
		c->sum = xcalloc((size_t)GROUPS_MAX * (size_t)c->n, sizeof *c->sum);
	while (trend_series_at(t, c->at, &queue, &channel)) {
		int group = group_of(c, queue, channel);

		if (group >= 0)
			trend_points(t, c->at, c->from_ms, c->step_ms, c->n,
				&c->sum[group * c->n]);
		c->at++;
		if (clock_boot_us() >= until_us)
			return false;
	}
	return true;
}

/* Team by team, likewise; -1: of agents without one. */
static bool
count_staff(const struct trend *t, struct curves *c, int64_t until_us)
{
	while (c->team < c->n_teams) {
		int team = c->team++;

		for (int i = 0; c->sees_team[team + 1] && i < c->n; i++) {
			double mean[4];

			if (!trend_staff_mean(t, team, c->from_ms + i * c->step_ms,
				    c->from_ms + (i + 1) * c->step_ms, mean))
				continue;
			c->staff[i].known = true;
			for (int k = 0; k < 4; k++)
				c->staff[i].n[k] += mean[k];
		}
		if (clock_boot_us() >= until_us)
			return false;
	}
	return true;
}

/* ---- the answer ---- */

/* One list a figure, so that names are told once. */
static json_t *
curve_json(const struct centre *centre, const struct curves *c, int group)
{
	const struct group *g = &c->group[group];
	json_t *o = json_object(), *value;
	const char *name;

	for (int i = 0; i < c->n; i++) {
		json_t *point = floor_figures_json(&c->sum[group * c->n + i]);

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
		json_object_set_new(
			o, "queue", json_string(centre->queues[g->queue].name));
	if (g->channel >= 0)
		json_object_set_new(
			o, "channel", json_string(centre->channels[g->channel].name));
	return o;
}

static bool
draw(const struct centre *centre, struct curves *c, int64_t until_us)
{
	while (json_array_size(c->list) < (size_t)c->n_groups) {
		json_array_append_new(
			c->list, curve_json(centre, c, (int)json_array_size(c->list)));
		if (clock_boot_us() >= until_us)
			return false;
	}
	return true;
}

/* Agents of the teams in the scope; a point without a sample is null. */
static json_t *
staff_json(const struct curves *c)
{
	static const char *const names[4] = {"logged_in", "ready", "busy", "not_ready"};
	json_t *o = json_object();

	for (int k = 0; k < 4; k++) {
		json_t *list = json_array();

		for (int i = 0; i < c->n; i++)
			json_array_append_new(list, c->staff[i].known
							    ? json_real(c->staff[i].n[k])
							    : json_null());
		json_object_set_new(o, names[k], list);
	}
	return o;
}

static void
answer(struct curves *c)
{
	rpc_answer(c->rpc, c->tag,
		json_pack("{s:o, s:I, s:I, s:O, s:o}", "from", desk_time(c->from_ms),
			"step_ms", (json_int_t)c->step_ms, "points", (json_int_t)c->n,
			"curves", c->list, "staff", staff_json(c)));
}

/* ---- turns ---- */

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct floor *f = arg;
	struct curves *c = f->curves;
	const struct timeval at_once = {0};
	int64_t until_us = clock_boot_us() + TURN_US;

	if (sum_up(f->trend, c, until_us) && count_staff(f->trend, c, until_us) &&
		draw(router_centre(f->desk->parts.router), c, until_us)) {
		f->curves = c->next;
		f->n_curves--;
		answer(c);
		destroy(c);
	}
	if (f->curves != NULL)
		event_add(f->turn, &at_once);
}

void
floor_curves_begin(struct floor *f)
{
	f->turn = evtimer_new(f->desk->parts.base, on_turn, f);
}

void
floor_curves_finish(struct floor *f)
{
	event_free(f->turn);
	while (f->curves != NULL) {
		struct curves *c = f->curves;

		f->curves = c->next;
		destroy(c);
	}
}

/* ---- the question ---- */

static void
ask(struct desk *desk, const struct session *s, struct curves *c)
{
	struct floor *f = desk->floor;
	struct curves **end = &f->curves;

	c->n_queues = router_centre(desk->parts.router)->n_queues;
	c->sees = xcalloc((size_t)c->n_queues + 1, sizeof *c->sees);
	for (int i = 0; i < c->n_queues; i++)
		c->sees[i] = scope_queue(desk, s, i);
	c->n_teams = router_centre(desk->parts.router)->n_teams;
	c->team = -1;
	c->sees_team = xcalloc((size_t)c->n_teams + 1, sizeof *c->sees_team);
	for (int i = -1; i < c->n_teams; i++)
		c->sees_team[i + 1] = scope_team(desk, s, i);
	c->staff = xcalloc((size_t)c->n, sizeof *c->staff);
	c->list = json_array();
	while (*end != NULL)
		end = &(*end)->next;
	*end = c;
	f->n_curves++;
	/* Most are done in their first turn. */
	if (f->curves == c)
		on_turn(-1, 0, f);
}

void
on_trend_get(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct centre *centre = router_centre(desk->parts.router);
	const char *by = rpc_text(call, "by"), *channel = rpc_text(call, "channel");
	int64_t step_ms = rpc_integer(call, "step", 5) * MINUTE_MS;
	int64_t n = rpc_integer(call, "minutes", 120) * MINUTE_MS / step_ms;
	struct group only = {-1, -1};
	struct curves *c;

	if (!find_queue(desk, call, "queue", &only.queue))
		return;
	if (channel != NULL)
		only.channel = centre_channel(centre, channel);
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
	if (desk->floor->n_curves == WAITING_MOST) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "busy",
			"Too many curves are asked for at once; ask again in a moment.",
			json_pack("{s:i}", "retry_ms", 1000));
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->rpc = call->rpc;
	c->tag = call->tag;
	c->only = only;
	c->by_queue = by != NULL && strcmp(by, "queue") == 0;
	c->by_channel = by != NULL && strcmp(by, "channel") == 0;
	if (!c->by_queue && !c->by_channel)
		c->group[c->n_groups++] = only;
	c->n = (int)n;
	c->step_ms = step_ms;
	c->from_ms = desk_now_ms(desk) / step_ms * step_ms - (n - 1) * step_ms;
	ask(desk, desk_session_of(desk, call), c);
}
