/*
 * route/alarms.c - alarms of supervisors as events: when they are raised and cleared is
 * the desk's decision (desk/alarms.c); here it becomes a step, so that it stands in the
 * event stream in its order, and outlives a restart in the record of its queue.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "route/record.h"
#include "route/stage.h"

#define ALARMS_OF_QUEUE 8 /* kinds that one queue, or the floor, may have at once */
#define FLOOR_RECORD "*"  /* the name under which the floor's are kept */

/* ---- the record of a queue: closed, and its open alarms ---- */

static char *
alarm_text(const struct alarm_note *a)
{
	return xasprintf("%s:%" PRIu64 ":%" PRId64 ":%.17g:%.17g", a->kind, a->id,
		a->raised_ms, a->value, a->limit);
}

char *
queue_record(const struct router *r, int queue)
{
	struct text t = {0};
	char name[16];
	int n = 0;

	record_put_text(&t, "closed", queue >= 0 && r->queue_closed[queue] ? "1" : "0");
	for (size_t i = 0; i < r->n_alarms && n < ALARMS_OF_QUEUE; i++) {
		char *text;

		if (r->alarms[i].queue != queue)
			continue;
		text = alarm_text(&r->alarms[i]);
		snprintf(name, sizeof name, "alarm%d", ++n);
		record_put_text(&t, name, text);
		free(text);
	}
	return text_take(&t);
}

static void
keep(struct router *r, const struct alarm_note *alarm)
{
	r->alarms = xreallocarray(r->alarms, r->n_alarms + 1, sizeof r->alarms[0]);
	r->alarms[r->n_alarms++] = *alarm;
}

static bool
read_alarm(const char *text, struct alarm_note *out)
{
	const char *colon = strchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;

	if (n == 0 || n >= sizeof out->kind)
		return false;
	memcpy(out->kind, text, n);
	out->kind[n] = '\0';
	return sscanf(colon + 1, "%" SCNu64 ":%" SCNd64 ":%lf:%lf", &out->id,
		       &out->raised_ms, &out->value, &out->limit) == 4;
}

static void
load_alarms(struct router *r, int queue, const char *record)
{
	for (int i = 1; i <= ALARMS_OF_QUEUE; i++) {
		struct alarm_note alarm = {.queue = queue};
		char name[16], *text;

		snprintf(name, sizeof name, "alarm%d", i);
		text = record_get(record, name);
		if (text == NULL)
			return;
		if (read_alarm(text, &alarm))
			keep(r, &alarm);
		else
			log_warn("recover: an alarm cannot be read");
		free(text);
	}
}

bool
router_load_queue(struct router *r, const char *queue, const char *record)
{
	int index = centre_queue(r->centre, queue);
	char *closed;

	if (index < 0 && strcmp(queue, FLOOR_RECORD) != 0)
		return false;
	load_alarms(r, index, record);
	if (index < 0)
		return true;
	closed = record_get(record, "closed");
	r->queue_closed[index] = closed != NULL && closed[0] == '1';
	free(closed);
	return true;
}

/* ---- raised and cleared ---- */

static void
commit(struct router *r, int64_t now_ms, enum event_kind kind, const struct alarm_note *a)
{
	struct step *step = step_begin(r, STEP_QUEUE, now_ms);
	struct effect *e;

	step->queue =
		xstrdup(a->queue >= 0 ? r->centre->queues[a->queue].name : FLOOR_RECORD);
	step->queue_record = queue_record(r, a->queue);
	e = step_event(step, kind, NULL, NULL);
	e->event.queue = a->queue;
	e->event.alarm = a->id;
	e->event.value = a->value;
	e->event.limit = a->limit;
	effect_reason(e, a->kind);
	step_commit(r, step);
}

void
router_raise_alarm(struct router *r, int64_t now_ms, const struct alarm_note *alarm)
{
	router_enter(r, now_ms);
	keep(r, alarm);
	commit(r, now_ms, EVENT_ALARM_RAISED, alarm);
	router_leave_command(r);
}

void
router_clear_alarm(struct router *r, int64_t now_ms, uint64_t id, double value)
{
	struct alarm_note alarm;
	size_t i = 0;

	router_enter(r, now_ms);
	while (i < r->n_alarms && r->alarms[i].id != id)
		i++;
	if (i < r->n_alarms) {
		alarm = r->alarms[i];
		alarm.value = value;
		r->alarms[i] = r->alarms[--r->n_alarms];
		commit(r, now_ms, EVENT_ALARM_CLEARED, &alarm);
	}
	router_leave_command(r);
}

const struct alarm_note *
router_alarms(const struct router *r, size_t *n)
{
	*n = r->n_alarms;
	return r->alarms;
}
