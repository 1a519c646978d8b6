/*
 * desk/floor.c - the floor as it stood lately and as it will stand soon: counts by
 * minute, agents' days, and which waiting contacts will miss their deadline.
 *
 * What is foreseen: the first contacts in the order of service, each queue served at the
 * rate of its last ten minutes. It is made anew every few seconds, for all who ask.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "desk/floor.h"

#define TICK_S 1
#define SAMPLE_MS 10000 /* between samples of the staff */
#define OUTLOOK_MS 3000 /* how old what is foreseen may be */
#define RATE_MINUTES 10 /* that the rate is taken from */
#define RATE_LEAST 2	/* contacts served in them; below, nothing is foreseen */

int64_t
floor_day(const struct desk *desk, int64_t now_ms)
{
	const struct calendar *local = router_centre(desk->parts.router)->local;
	struct calendar_moment m;

	if (local == NULL)
		return now_ms / (24 * 60 * MINUTE_MS);
	calendar_local(local, now_ms, &m);
	return m.year * INT64_C(10000) + m.month * 100 + m.day;
}

int64_t
floor_midnight_ms(const struct desk *desk, int64_t now_ms)
{
	const struct calendar *local = router_centre(desk->parts.router)->local;

	return local != NULL ? calendar_midnight_ms(local, now_ms)
			     : now_ms - now_ms % (24 * 60 * MINUTE_MS);
}

/* ---- samples ---- */

static void
count_staff(struct desk *desk, int agent, struct trend_staff *staff)
{
	struct router *router = desk->parts.router;
	enum agent_state state = router_agent_state(router, agent);
	bool busy = router_agent_held(router, agent, NULL, 0) > 0;

	if (state == AGENT_OFFLINE)
		return;
	staff->logged_in++;
	if (busy)
		staff->busy++;
	else if (state == AGENT_READY)
		staff->ready++;
	else
		staff->not_ready++;
}

static void
sample(struct floor *f, int64_t now_ms)
{
	const struct centre *c = router_centre(f->desk->parts.router);
	struct trend_staff *staff = xcalloc((size_t)c->n_teams + 1, sizeof *staff);

	for (int i = 0; i < c->n_agents; i++)
		if (!c->agents[i].removed)
			count_staff(f->desk, i, &staff[c->agents[i].team + 1]);
	for (int i = -1; i < c->n_teams; i++)
		if (i < 0 || !c->teams[i].removed)
			trend_staff(f->trend, i, &staff[i + 1], now_ms);
	free(staff);
}

/* ---- what is to come ---- */

static void
foresee(struct floor *f, int64_t now_ms)
{
	struct router *router = f->desk->parts.router;
	int n_queues = router_centre(router)->n_queues, *place;

	if (f->foreseen_ms != 0 && now_ms - f->foreseen_ms < OUTLOOK_MS &&
		n_queues == f->n_outlooks)
		return;
	f->foreseen_ms = now_ms;
	f->outlook = xreallocarray(f->outlook, (size_t)n_queues + 1, sizeof *f->outlook);
	memset(f->outlook, 0, ((size_t)n_queues + 1) * sizeof *f->outlook);
	f->n_outlooks = n_queues;
	for (int i = 0; i < n_queues; i++) {
		struct trend_sum sum = {0};

		trend_add(f->trend, i, -1, now_ms - RATE_MINUTES * MINUTE_MS, now_ms + 1,
			&sum);
		if (sum.answered >= RATE_LEAST)
			f->outlook[i].rate_per_ms =
				(double)sum.answered / (RATE_MINUTES * MINUTE_MS);
	}
	f->n_waiting = router_waiting(router, now_ms, -1, FORESEEN_MAX, f->waiting);
	place = xcalloc((size_t)n_queues + 1, sizeof *place);
	for (int i = 0; i < f->n_waiting; i++) {
		const struct waiting_contact *w = &f->waiting[i];
		struct outlook *o = &f->outlook[w->queue];
		int64_t due_ms = w->deadline_ms;

		place[w->queue]++;
		o->waiting++;
		f->expected_ms[i] =
			o->rate_per_ms > 0
				? now_ms + (int64_t)(place[w->queue] / o->rate_per_ms)
				: 0;
		if (due_ms <= now_ms) {
			o->late++;
		} else if (f->expected_ms[i] > due_ms) {
			o->will_miss++;
			if (o->first_miss_ms == 0 || due_ms < o->first_miss_ms)
				o->first_miss_ms = due_ms;
		}
	}
	free(place);
}

const struct outlook *
floor_outlook(struct floor *f, int queue)
{
	foresee(f, desk_now_ms(f->desk));
	return queue >= 0 && queue < f->n_outlooks ? &f->outlook[queue] : NULL;
}

const struct trend *
floor_trend(const struct floor *f)
{
	return f->trend;
}

/* ---- what was before this process ---- */

int64_t
desk_counts_since_ms(const struct desk *desk)
{
	return desk->floor->began_ms;
}

int64_t
desk_midnight_ms(const struct desk *desk, int64_t now_ms)
{
	return floor_midnight_ms(desk, now_ms);
}

void
desk_take_trend(struct desk *desk, const struct trend *past)
{
	trend_take(desk->floor->trend, past, desk->floor->began_ms);
}

/* ---- life ---- */

static void
tick(evutil_socket_t fd, short what, void *arg)
{
	struct floor *f = arg;
	int64_t now_ms = desk_now_ms(f->desk);

	trend_new_day(f->trend, floor_day(f->desk, now_ms), now_ms);
	if (now_ms - f->sampled_ms >= SAMPLE_MS) {
		f->sampled_ms = now_ms;
		sample(f, now_ms);
	}
	alarms_look(f->alarms, now_ms);
}

void
floor_event(struct floor *f, const struct event *e)
{
	struct router *router = f->desk->parts.router;

	trend_event(f->trend, e);
	if (e->kind == EVENT_AGENT_STATE && e->agent >= 0)
		trend_agent_state(f->trend, e->agent,
			router_agent_state(router, e->agent), e->at_ms);
	if (e->kind == EVENT_AGENT_STATE && e->agent >= 0 &&
		router_agent_state(router, e->agent) == AGENT_OFFLINE)
		floor_help_over(f, e->agent, NULL);
}

/* Who was there before this process: known from now on. */
static void
know_agents(struct floor *f, int64_t now_ms)
{
	struct router *router = f->desk->parts.router;

	for (int i = 0; i < router_centre(router)->n_agents; i++)
		if (router_agent_state(router, i) != AGENT_OFFLINE)
			trend_agent_state(
				f->trend, i, router_agent_state(router, i), now_ms);
}

struct floor *
floor_create(struct desk *desk)
{
	struct floor *f = xcalloc(1, sizeof *f);
	struct timeval every = {.tv_sec = TICK_S};
	int64_t now_ms = desk_now_ms(desk);

	f->desk = desk;
	f->began_ms = now_ms;
	f->trend = trend_create();
	f->alarms = alarms_create(desk);
	trend_new_day(f->trend, floor_day(desk, now_ms), now_ms);
	know_agents(f, now_ms);
	f->timer = event_new(desk->parts.base, -1, EV_PERSIST, tick, f);
	event_add(f->timer, &every);
	floor_curves_begin(f);
	return f;
}

void
floor_destroy(struct floor *f)
{
	if (f == NULL)
		return;
	event_free(f->timer);
	floor_curves_finish(f);
	trend_destroy(f->trend);
	alarms_destroy(f->alarms);
	floor_help_finish(f);
	free(f->outlook);
	free(f);
}
