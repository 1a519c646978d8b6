/*
 * desk/alarms.c - alarms of queues and of the floor: raised when a number has been beyond
 * its limit for a while, ended when it has been well within again (FEATURES I5). Both are
 * events of the record (route/alarms.c); who watches is told at once, also while Redis is
 * away. Those that were raised before a restart go on.
 *
 *   CALM --beyond--> RISING --held--> RAISED --within, by a fifth--> FALLING --held-->
 * CALM RISING --not beyond--> CALM        FALLING --not within--> RAISED
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk/inner.h"
#include "desk/trend.h"

#define BETTER 0.2	 /* share of the limit by which it must be better to end */
#define ENDED_KEPT 50	 /* alarms that ended, for the list */
#define LEVEL_MINUTES 30 /* that the service level is taken of */
#define LEVEL_LEAST 10	 /* contacts in them */
#define QUEUE_KINDS 4
#define FLOOR_KINDS 2
#define LOST_SHOWN_MS (60 * MINUTE_MS) /* a loss of the store is alarmed so long */

enum alarm_kind {
	ALARM_KIND_LATE,
	ALARM_KIND_FORECAST,
	ALARM_KIND_WAITING,
	ALARM_KIND_SERVICE_LEVEL,
	ALARM_KIND_NOT_RESPONDING, /* from here on of the floor */
	ALARM_KIND_STORE_LOST	   /* whatever the settings say */
};
static const char *const kind_name[] = {
	"late", "forecast", "waiting", "service_level", "not_responding", "store_lost"};

enum alarm_state {
	CALM,
	RISING,
	RAISED,
	FALLING
};

struct alarm {
	enum alarm_state state;
	int64_t since_ms;  /* of the state */
	int64_t raised_ms; /* of the alarm */
	uint64_t id;
	double value, limit;
};

struct ended {
	uint64_t id;
	enum alarm_kind kind;
	int queue; /* -1: of the floor */
	double value, limit;
	int64_t raised_ms, ended_ms;
};

struct alarms {
	struct desk *desk;
	struct alarm (*queue)[QUEUE_KINDS]; /* owned, by queue */
	int n_queues;
	struct alarm floor[FLOOR_KINDS];
	uint64_t lost_seen;		/* of the store's steps, by this process */
	double lost;			/* lately */
	int64_t lost_until_ms;		/* that is lately */
	struct ended ended[ENDED_KEPT]; /* a ring */
	int n_ended;
	uint64_t last; /* id */
	int64_t started_ms;
};

static void
grow(struct alarms *a)
{
	int n = router_centre(a->desk->parts.router)->n_queues;

	if (a->n_queues >= n)
		return;
	a->queue = xreallocarray(a->queue, (size_t)n, sizeof a->queue[0]);
	memset(a->queue + a->n_queues, 0, (size_t)(n - a->n_queues) * sizeof a->queue[0]);
	a->n_queues = n;
}

/* Where an alarm of the record belongs; NULL: of a version that knew other kinds. */
static struct alarm *
place_of(struct alarms *a, const struct alarm_note *note)
{
	for (int kind = 0; kind < QUEUE_KINDS && note->queue >= 0; kind++)
		if (strcmp(kind_name[kind], note->kind) == 0)
			return &a->queue[note->queue][kind];
	for (int kind = 0; kind < FLOOR_KINDS && note->queue < 0; kind++)
		if (strcmp(kind_name[QUEUE_KINDS + kind], note->kind) == 0)
			return &a->floor[kind];
	return NULL;
}

/* What was raised when the last process ended. */
static void
restore(struct alarms *a)
{
	size_t n;
	const struct alarm_note *note = router_alarms(a->desk->parts.router, &n);

	for (size_t i = 0; i < n; i++) {
		struct alarm *one = place_of(a, &note[i]);

		if (note[i].id > a->last)
			a->last = note[i].id;
		if (one != NULL)
			*one = (struct alarm){.state = RAISED,
				.raised_ms = note[i].raised_ms,
				.id = note[i].id,
				.value = note[i].value,
				.limit = note[i].limit};
		if (one == &a->floor[ALARM_KIND_STORE_LOST - QUEUE_KINDS]) {
			a->lost = note[i].value;
			a->lost_until_ms = note[i].raised_ms + LOST_SHOWN_MS;
		}
	}
}

struct alarms *
alarms_create(struct desk *desk)
{
	struct alarms *a = xcalloc(1, sizeof *a);

	a->desk = desk;
	a->started_ms = desk_now_ms(desk);
	grow(a);
	restore(a);
	return a;
}

void
alarms_destroy(struct alarms *a)
{
	if (a == NULL)
		return;
	free(a->queue);
	free(a);
}

/* ---- what is told ---- */

static json_t *
alarm_json(struct alarms *a, uint64_t id, enum alarm_kind kind, int queue, double value,
	double limit, int64_t raised_ms)
{
	char name[32];
	json_t *o;

	snprintf(name, sizeof name, "alarm-%llu", (unsigned long long)id);
	o = json_pack("{s:s, s:s, s:f, s:f, s:o}", "alarm", name, "kind", kind_name[kind],
		"value", value, "limit", limit, "raised_at", desk_time(raised_ms));
	if (queue >= 0)
		json_object_set_new(o, "queue",
			json_string(router_centre(a->desk->parts.router)
					    ->queues[queue]
					    .name));
	return o;
}

static void
raise_alarm(struct alarms *a, struct alarm *one, enum alarm_kind kind, int queue,
	int64_t now_ms)
{
	struct alarm_note note = {.queue = queue,
		.value = one->value,
		.limit = one->limit,
		.raised_ms = now_ms};

	/* Its time, so that none before a restart had it. */
	a->last = (uint64_t)now_ms > a->last ? (uint64_t)now_ms : a->last + 1;
	one->state = RAISED;
	one->raised_ms = now_ms;
	one->id = note.id = a->last;
	snprintf(note.kind, sizeof note.kind, "%s", kind_name[kind]);
	router_raise_alarm(a->desk->parts.router, now_ms, &note);
	desk_tell_watchers(a->desk, queue, -1, "alarm.raised",
		alarm_json(a, one->id, kind, queue, one->value, one->limit, now_ms));
}

static void
end_alarm(struct alarms *a, struct alarm *one, enum alarm_kind kind, int queue,
	int64_t now_ms)
{
	json_t *o = alarm_json(
		a, one->id, kind, queue, one->value, one->limit, one->raised_ms);

	one->state = CALM;
	a->ended[a->n_ended++ % ENDED_KEPT] = (struct ended){
		one->id, kind, queue, one->value, one->limit, one->raised_ms, now_ms};
	json_object_set_new(o, "ended_at", desk_time(now_ms));
	router_clear_alarm(a->desk->parts.router, now_ms, one->id, one->value);
	desk_tell_watchers(a->desk, queue, -1, "alarm.cleared", o);
}

/* ---- one alarm ---- */

/*
 * alarm_look - moves one alarm on.
 *
 * value, limit  value NAN: nothing can be said; limit 0: there is no such alarm
 * below         true: bad is below the limit (service level), else at or above it
 */
static void
alarm_look(struct alarms *a, struct alarm *one, enum alarm_kind kind, int queue,
	double value, double limit, bool below, int64_t now_ms)
{
	int64_t hold_ms = router_centre(a->desk->parts.router)->alarms.hold_ms;
	bool on = limit > 0 && !isnan(value);
	bool beyond = on && (below ? value < limit : value >= limit);
	/* After a start nothing can be said until as much was seen as it is taken of. */
	bool dumb = limit > 0 && isnan(value) &&
		    now_ms - a->started_ms < LEVEL_MINUTES * MINUTE_MS;
	bool within = !on ? !dumb
			  : (below ? value >= limit + BETTER * (100 - limit)
				   : value <= floor(limit * (1 - BETTER)) || value == 0);

	if (!isnan(value))
		one->value = value;
	one->limit = limit;
	switch (one->state) {
	case CALM:
		if (!beyond)
			return;
		one->state = RISING;
		one->since_ms = now_ms;
		/* fall through */
	case RISING:
		if (!beyond)
			one->state = CALM;
		else if (now_ms - one->since_ms >= hold_ms)
			raise_alarm(a, one, kind, queue, now_ms);
		return;
	case RAISED:
		if (!within)
			return;
		one->state = FALLING;
		one->since_ms = now_ms;
		/* fall through */
	case FALLING:
		if (!within)
			one->state = RAISED;
		else if (now_ms - one->since_ms >= hold_ms)
			end_alarm(a, one, kind, queue, now_ms);
		return;
	}
}

/* ---- all of them ---- */

static void
look_at_queue(struct alarms *a, int queue, int64_t now_ms)
{
	const struct centre *c = router_centre(a->desk->parts.router);
	const struct alarm_settings *set = &c->alarms;
	const struct outlook *o = floor_outlook(a->desk->floor, queue);
	struct alarm *alarm = a->queue[queue];
	struct trend_sum lately = {0};
	double level;

	if (o == NULL)
		return;
	trend_add(floor_trend(a->desk->floor), queue, -1,
		now_ms - LEVEL_MINUTES * MINUTE_MS, now_ms + 1, &lately);
	level = lately.answered + lately.abandoned + lately.expired >= LEVEL_LEAST
			? 100 * trend_service_level(&lately)
			: NAN;
	alarm_look(a, &alarm[ALARM_KIND_LATE], ALARM_KIND_LATE, queue, (double)o->late,
		set->late, false, now_ms);
	alarm_look(a, &alarm[ALARM_KIND_FORECAST], ALARM_KIND_FORECAST, queue,
		(double)o->will_miss, set->forecast, false, now_ms);
	alarm_look(a, &alarm[ALARM_KIND_WAITING], ALARM_KIND_WAITING, queue,
		(double)o->waiting, set->waiting, false, now_ms);
	alarm_look(a, &alarm[ALARM_KIND_SERVICE_LEVEL], ALARM_KIND_SERVICE_LEVEL, queue,
		level, set->service_level, true, now_ms);
}

/* Confirmed steps that the store lost for good: none is too few. */
static void
look_at_store(struct alarms *a, int64_t now_ms)
{
	uint64_t lost = desk_store(a->desk).lost;

	if (lost > a->lost_seen) {
		a->lost += (double)(lost - a->lost_seen);
		a->lost_until_ms = now_ms + LOST_SHOWN_MS +
				   router_centre(a->desk->parts.router)->alarms.hold_ms;
	} else if (now_ms >= a->lost_until_ms) {
		a->lost = 0;
	}
	a->lost_seen = lost;
	alarm_look(a, &a->floor[ALARM_KIND_STORE_LOST - QUEUE_KINDS],
		ALARM_KIND_STORE_LOST, -1, a->lost, 1, false, now_ms);
}

void
alarms_look(struct alarms *a, int64_t now_ms)
{
	struct router *router = a->desk->parts.router;
	const struct centre *c = router_centre(router);
	int n = 0;

	grow(a);
	for (int i = 0; i < c->n_queues; i++)
		look_at_queue(a, i, now_ms);
	for (int i = 0; i < c->n_agents; i++)
		n += router_agent_state(router, i) == AGENT_NOT_RESPONDING;
	alarm_look(a, &a->floor[ALARM_KIND_NOT_RESPONDING - QUEUE_KINDS],
		ALARM_KIND_NOT_RESPONDING, -1, n, c->alarms.not_responding, false,
		now_ms);
	look_at_store(a, now_ms);
}

/* ---- alarm.list ---- */

static void
list_open(struct alarms *a, json_t *list, const struct alarm *one, enum alarm_kind kind,
	int queue)
{
	if (one->state == RAISED || one->state == FALLING)
		json_array_append_new(
			list, alarm_json(a, one->id, kind, queue, one->value, one->limit,
				      one->raised_ms));
}

void
alarms_answer(struct alarms *a, const struct rpc_call *call)
{
	const struct session *s = desk_session_of(a->desk, call);
	json_t *open = json_array(), *over = json_array();

	for (int i = 0; i < a->n_queues && json_array_size(open) < OBJECTS_PER_FRAME; i++)
		for (int k = 0; k < QUEUE_KINDS; k++)
			if (scope_queue(a->desk, s, i))
				list_open(
					a, open, &a->queue[i][k], (enum alarm_kind)k, i);
	for (int k = 0; k < FLOOR_KINDS; k++)
		list_open(a, open, &a->floor[k], (enum alarm_kind)(QUEUE_KINDS + k), -1);
	for (int i = a->n_ended; i-- > 0 && i >= a->n_ended - ENDED_KEPT;) {
		const struct ended *e = &a->ended[i % ENDED_KEPT];
		json_t *o;

		if (e->queue >= 0 && !scope_queue(a->desk, s, e->queue))
			continue;
		o = alarm_json(
			a, e->id, e->kind, e->queue, e->value, e->limit, e->raised_ms);
		json_object_set_new(o, "ended_at", desk_time(e->ended_ms));
		json_array_append_new(over, o);
	}
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:o}", "open", open, "ended", over));
}
