/*
 * plugins/line/snapshot.c - all calls as they stand, between snapshot-begin and
 * snapshot-end. Told only when it is whole: one that misses calls, or into which
 * something else came, would make calls lost that are not.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "link.h"

void
listing_ask(struct link *l, const char *action)
{
	if (l->sink->send != NULL)
		line_send(l, json_pack("{s:s, s:s}", "is", "snapshot", "action", action));
}

void
listing_forget(struct link *l)
{
	json_decref(l->listed);
	l->listed = NULL;
	l->listing = false;
}

void
listing_disturbed(struct link *l)
{
	listing_forget(l);
	if (++l->tries < LINE_SNAPSHOT_TRIES) {
		listing_ask(l, "snapshot");
		return;
	}
	l->problem = "the switch says other things within its snapshots; they are not "
		     "used";
}

const char *
listing_begin(struct link *l, const json_t *m)
{
	const char *instance = line_text(m, "instance");

	listing_forget(l);
	if (instance != NULL)
		snprintf(l->instance, sizeof(l->instance), "%s", instance);
	l->listing = true;
	l->listed = json_array();
	return NULL;
}

const char *
listing_call(struct link *l, const json_t *m)
{
	if (!l->listing)
		return "call stands between snapshot-begin and snapshot-end";
	if (line_id(m, "call") == NULL)
		return "a call of a snapshot needs its id";
	if (json_array_size(l->listed) == LINE_SNAPSHOT_MAX)
		return "a snapshot has at most 65536 calls";
	json_array_append(l->listed, (json_t *)(uintptr_t)m);
	return NULL;
}

static enum usher_call_state
state_of(const json_t *m)
{
	const char *word = line_text(m, "state");

	if (word != NULL && strcmp(word, "talking") == 0)
		return USHER_STATE_TALKING;
	if (word != NULL && strcmp(word, "ringing") == 0)
		return USHER_STATE_RINGING;
	return USHER_STATE_WAITING;
}

/* Who talks goes on talking since now: what was before the link is not known. */
static void
set_times(struct link *l, const char *call, enum usher_call_state state)
{
	struct call_times *times = times_have(&l->calls, call);

	if (times == NULL || state != USHER_STATE_TALKING) {
		if (times != NULL)
			times_alone(times, l->figures.last_us);
		return;
	}
	if (times->talking == 0)
		times_talks(times, l->figures.last_us);
	times->talking = 0;
}

static void
tell_call(struct link *l, const json_t *m)
{
	struct usher_switch_event e = {.kind = USHER_SNAPSHOT_CALL,
		.call = line_id(m, "call"),
		.state = state_of(m),
		.number = line_text(m, "number"),
		.name = line_text(m, "name"),
		.dialled = line_text(m, "dialled"),
		.place = line_text(m, "place"),
		.age_us = line_ms(m, "age_ms", -1)};
	json_t *legs = json_object_get(m, "legs"), *leg;
	struct call_times *times;
	size_t i;
	bool told = false;

	if (e.age_us > 0)
		e.age_us *= 1000;
	set_times(l, e.call, e.state);
	times = times_find(&l->calls, e.call);
	json_array_foreach(legs, i, leg)
	{
		if (i == LINE_LEGS_MAX || line_id(leg, "leg") == NULL)
			continue;
		e.leg = line_id(leg, "leg");
		e.device = line_text(leg, "device");
		e.offer = line_text(leg, "offer");
		e.consult = json_is_true(json_object_get(leg, "consult"));
		e.state = state_of(leg);
		if (e.state == USHER_STATE_TALKING && !e.consult && times != NULL)
			times->talking++;
		line_emit(l, &e);
		told = true;
	}
	if (!told)
		line_emit(l, &e);
}

const char *
listing_end(struct link *l, const json_t *m)
{
	const json_t *calls = json_object_get(m, "calls");
	json_t *list = l->listed, *call;
	size_t i;

	if (!l->listing)
		return "snapshot-end without snapshot-begin";
	l->listed = NULL;
	l->listing = false;
	if (!json_is_integer(calls) ||
		json_integer_value(calls) != (json_int_t)json_array_size(list)) {
		json_decref(list);
		listing_disturbed(l);
		return "a snapshot came incomplete and was not used";
	}
	line_emit(l, &(struct usher_switch_event){.kind = USHER_SNAPSHOT_BEGIN,
			     .instance = l->instance[0] != '\0' ? l->instance : NULL});
	json_array_foreach(list, i, call) tell_call(l, call);
	line_emit(l, &(struct usher_switch_event){.kind = USHER_SNAPSHOT_END});
	json_decref(list);
	l->tries = 0;
	return NULL;
}
