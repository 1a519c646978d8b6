/* plugins/line/reports.c - what the switch says of calls, legs and telephones. */
#include <string.h>

#include "link.h"

/* ---- words ---- */

struct word {
	const char *word;
	int value;
};

static int
value_of(const struct word *words, size_t n, const char *word, int other)
{
	for (size_t i = 0; word != NULL && i < n; i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].value;
	return other;
}

#define VALUE_OF(words, word, other)                                                     \
	value_of(words, sizeof(words) / sizeof(words[0]), word, other)

static const struct word reasons[] = {
	{"hung_up", USHER_REASON_HUNG_UP},
	{"no_answer", USHER_REASON_NO_ANSWER},
	{"busy", USHER_REASON_BUSY},
	{"unavailable", USHER_REASON_UNAVAILABLE},
	{"congestion", USHER_REASON_CONGESTION},
	{"cancelled", USHER_REASON_CANCELLED},
	{"gone", USHER_REASON_GONE},
	{"lost", USHER_REASON_LOST},
};

static const struct word outcomes[] = {
	{"abandoned", USHER_OUTCOME_ABANDONED},
	{"ended", USHER_OUTCOME_ENDED},
	{"failed", USHER_OUTCOME_FAILED},
	{"lost", USHER_OUTCOME_LOST},
};

static const struct word states[] = {
	{"free", USHER_DEVICE_FREE},
	{"ringing", USHER_DEVICE_RINGING},
	{"in_use", USHER_DEVICE_IN_USE},
	{"away", USHER_DEVICE_AWAY},
};

static const struct word leg_events[] = {
	{"ringing", USHER_LEG_RINGING},
	{"answered", USHER_LEG_ANSWERED},
	{"held", USHER_LEG_HELD},
	{"retrieved", USHER_LEG_RETRIEVED},
	{"transferred", USHER_LEG_TRANSFERRED},
	{"released", USHER_LEG_RELEASED},
	{"waiting", USHER_CALL_WAITING},
	{"placed", USHER_CALL_PLACED},
};

enum usher_leg_reason
line_reason(const char *word)
{
	return (enum usher_leg_reason)VALUE_OF(reasons, word, USHER_REASON_OTHER);
}

/* Members of "attributes": texts as they are, numbers and truth as their text. */
size_t
line_attributes(const json_t *m, struct usher_attribute *out)
{
	json_t *list = json_object_get(m, "attributes");
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach(list, name, value)
	{
		const char *text = json_string_value(value);

		if (json_is_true(value) || json_is_false(value))
			text = json_is_true(value) ? "true" : "false";
		if (text == NULL || n == LINE_ATTRIBUTES_MAX)
			continue;
		out[n++] = (struct usher_attribute){
			.name = name, .kind = USHER_VALUE_TEXT, .text = text};
	}
	return n;
}

/* ---- calls ---- */

static void
tell_waiting(struct link *l, const json_t *m, const char *call, const char *why)
{
	struct usher_attribute attributes[LINE_ATTRIBUTES_MAX];
	struct call_times *times = times_have(&l->calls, call);
	struct usher_switch_event e = {.kind = USHER_CALL_WAITING,
		.call = call,
		.number = line_text(m, "number"),
		.name = line_text(m, "name"),
		.dialled = line_text(m, "dialled"),
		.place = line_text(m, "place"),
		.begun_us = line_moment(m, "begun"),
		.why = why != NULL ? why : "",
		.attributes = attributes};

	if (l->figures.first_channel_us == 0)
		l->figures.first_channel_us = l->t_us;
	if (times != NULL) {
		times_alone(times, l->t_us);
		times->put_through = false;
	}
	e.n_attributes = line_attributes(m, attributes);
	line_emit(l, &e);
}

/* A switch that asks with a deadline, as route dialogues do, is answered at once: the
 * caller waits with music until a connect comes. */
static const char *
on_new_call(struct link *l, const json_t *m)
{
	const char *call = line_id(m, "call");

	if (call == NULL)
		return "new-call needs the id of the call: 1 to 128 printable ASCII "
		       "characters";
	if (line_ms(m, "reply_ms", -1) >= 0)
		line_send(l, json_pack("{s:s, s:s, s:s}", "is", "treatment", "call", call,
				     "treatment", "wait"));
	tell_waiting(l, m, call, NULL);
	return NULL;
}

static enum usher_call_outcome
outcome_of(const json_t *m, const struct call_times *times)
{
	int said = VALUE_OF(outcomes, line_text(m, "outcome"), USHER_OUTCOME_NONE);

	if (said != USHER_OUTCOME_NONE)
		return (enum usher_call_outcome)said;
	return times != NULL && times->put_through ? USHER_OUTCOME_ENDED
						   : USHER_OUTCOME_ABANDONED;
}

static const char *
on_release(struct link *l, const json_t *m)
{
	const char *call = line_id(m, "call");
	struct call_times *times;
	struct usher_switch_event e = {.kind = USHER_CALL_GONE, .call = call};

	if (call == NULL)
		return "release needs the id of the call";
	times = times_find(&l->calls, call);
	if (times != NULL)
		times_alone(times, l->t_us);
	else
		l->figures.unknown_ends++;
	e.outcome = outcome_of(m, times);
	e.talk_us = 1000 * line_ms(m, "talk_ms", 0);
	e.hold_us = 1000 * line_ms(m, "hold_ms", 0);
	if (times != NULL && json_object_get(m, "talk_ms") == NULL)
		e.talk_us = times->talk_us;
	if (times != NULL && json_object_get(m, "hold_ms") == NULL)
		e.hold_us = times->hold_us;
	line_emit(l, &e);
	times_drop(&l->calls, call);
	return NULL;
}

static const char *
on_wish(struct link *l, const json_t *m, enum usher_switch_kind kind)
{
	struct usher_attribute attributes[LINE_ATTRIBUTES_MAX];
	struct usher_switch_event e = {.kind = kind,
		.call = line_id(m, "call"),
		.number = line_text(m, "number"),
		.attributes = attributes};

	if (e.call == NULL)
		return "ask and callback need the id of the call";
	e.n_attributes = line_attributes(m, attributes);
	line_emit(l, &e);
	return NULL;
}

/* ---- legs ---- */

static void
count_times(struct link *l, const struct usher_switch_event *e)
{
	struct call_times *times = times_find(&l->calls, e->call);

	if (times == NULL || e->consult)
		return;
	/* Who was asked has him now. */
	if (e->kind == USHER_LEG_ANSWERED ||
		(e->kind == USHER_LEG_TRANSFERRED && e->by == USHER_TRANSFER_ATTENDED))
		times_talks(times, l->t_us);
	else if (e->kind == USHER_LEG_HELD)
		times_held(times, l->t_us);
	else if (e->kind == USHER_LEG_RETRIEVED)
		times_retrieved(times, l->t_us);
	else if (e->kind == USHER_LEG_RELEASED && e->reason == USHER_REASON_HUNG_UP)
		times_talks_no_more(times, l->t_us);
}

static const char *
on_leg(struct link *l, const json_t *m, struct usher_switch_event *e)
{
	const char *by = line_text(m, "by");

	e->leg = line_id(m, "leg");
	e->device = line_text(m, "device");
	e->offer = line_text(m, "offer");
	e->consult = json_is_true(json_object_get(m, "consult"));
	e->picked_up_us = line_moment(m, "picked_up");
	e->why = line_text(m, "why");
	if (e->kind == USHER_LEG_RELEASED)
		e->reason = line_reason(line_text(m, "reason"));
	else if (e->leg == NULL)
		return "a report of a leg needs its id";
	if (e->leg == NULL && e->device == NULL)
		return "a report of a leg needs its id, or the device that never rang";
	if (e->kind == USHER_LEG_TRANSFERRED) {
		e->to_leg = line_id(m, "to_leg");
		e->target = line_text(m, "target");
		e->by = by != NULL && strcmp(by, "attended") == 0
				? USHER_TRANSFER_ATTENDED
				: USHER_TRANSFER_BLIND;
	}
	count_times(l, e);
	line_emit(l, e);
	return NULL;
}

static const char *
on_report(struct link *l, const json_t *m)
{
	int kind = VALUE_OF(leg_events, line_text(m, "event"), 0);
	struct usher_switch_event e = {
		.kind = (enum usher_switch_kind)kind, .call = line_id(m, "call")};

	if (e.call == NULL)
		return "a report needs the id of the call";
	if (kind == 0)
		return "a report's event is ringing, answered, held, retrieved, "
		       "transferred, released, waiting or placed";
	if (e.kind == USHER_CALL_WAITING) {
		const char *why = line_text(m, "why");

		tell_waiting(l, m, e.call, why != NULL ? why : "back");
		return NULL;
	}
	if (e.kind == USHER_CALL_PLACED) {
		(void)times_have(&l->calls, e.call);
		e.dialled = line_text(m, "dialled");
		line_emit(l, &e);
		return NULL;
	}
	if (l->figures.first_channel_us == 0)
		l->figures.first_channel_us = l->t_us;
	return on_leg(l, m, &e);
}

/* ---- the rest ---- */

static const char *
on_device(struct link *l, const json_t *m)
{
	struct usher_switch_event e = {.kind = USHER_DEVICE_STATE,
		.device = line_text(m, "device"),
		.device_state = (enum usher_device_state)VALUE_OF(
			states, line_text(m, "state"), USHER_DEVICE_UNKNOWN)};

	if (e.device == NULL)
		return "device needs the telephone's name";
	line_emit(l, &e);
	return NULL;
}

static const char *
on_failed(struct link *l, const json_t *m)
{
	struct usher_switch_event e = {.kind = USHER_ACTION_FAILED,
		.action = line_text(m, "action"),
		.device = line_text(m, "device"),
		.reason = line_reason(line_text(m, "reason")),
		.why = line_text(m, "why")};

	if (e.action == NULL)
		return "failed needs the id of the action";
	line_emit(l, &e);
	return NULL;
}

const char *
report(struct link *l, const char *is, const json_t *m)
{
	if (strcmp(is, "new-call") == 0)
		return on_new_call(l, m);
	if (strcmp(is, "report") == 0)
		return on_report(l, m);
	if (strcmp(is, "release") == 0)
		return on_release(l, m);
	if (strcmp(is, "device") == 0)
		return on_device(l, m);
	if (strcmp(is, "failed") == 0)
		return on_failed(l, m);
	return on_wish(l, m,
		strcmp(is, "ask") == 0 ? USHER_CALL_ASKS : USHER_CALL_WANTS_CALLBACK);
}
