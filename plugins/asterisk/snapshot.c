/*
 * plugins/asterisk/snapshot.c - the list of all channels, told as a snapshot of calls.
 *
 * Events that come while the list is read change the same table at once, so that at the
 * list's end the table is true: what hung up meanwhile is a grave and stays one, what
 * appeared meanwhile is there. A list with items missing is not used: it would make
 * calls lost that are not. But an item that was refused (a caller's name with a line end
 * in it) keeps nobody else from being found: what such a list does not name stays as it
 * was.
 */
#include <stdlib.h>
#include <string.h>

#include "link.h"

static void
keep(char **place, const char *value)
{
	free(*place);
	*place = NULL;
	if (value != NULL) {
		*place = ami_alloc(strlen(value) + 1, 1);
		memcpy(*place, value, strlen(value));
	}
}

/* "01:02:03" as microseconds; -1: it is none. */
static int64_t
duration_us(const char *text)
{
	int64_t field[3] = {0};

	for (int i = 0; i < 3; i++) {
		char *end;
		long value = text != NULL ? strtol(text, &end, 10) : -1;

		if (value < 0 || value > 1000000 || *end != (i < 2 ? ':' : '\0'))
			return -1;
		field[i] = value;
		text = end + 1;
	}
	return (field[0] * 3600 + field[1] * 60 + field[2]) * 1000000;
}

static const char *
action_of(const struct ami_message *m)
{
	const char *id = ami_get(m, "ActionID");

	return id != NULL ? id : "";
}

/* A link that only listens takes any list; else only the one it asked for. */
static bool
is_ours(const struct link *l, const struct ami_message *m)
{
	return l->sink->send == NULL || strcmp(action_of(m), ACTION_LIST) == 0;
}

static void
begin_list(struct link *l, const struct ami_message *m)
{
	if (l->listing && strcmp(l->list, action_of(m)) == 0)
		return;
	l->listing = true;
	l->listed = 0;
	copy_text(l->list, sizeof(l->list), action_of(m));
	for (struct channel *ch = l->channels.oldest; ch != NULL; ch = ch->newer)
		ch->listed = false;
}

static void
place_in_bridge(struct link *l, struct channel *ch, const char *bridge)
{
	if (known(bridge) == NULL)
		bridge_leave(l, ch);
	else if (ch->bridge == NULL || strcmp(ch->bridge->id, bridge) != 0)
		channels_enter(&l->channels, ch, bridge, l->figures.last_us);
}

/* Whether a channel of no known role is a caller by where it stands in the dialplan. */
static bool
is_caller(const struct link *l, const struct channel *ch)
{
	return strcmp(ch->context, l->settings->wait_context) == 0 ||
	       strcmp(ch->context, l->settings->agent_context) == 0 || ch->queue != NULL;
}

void
on_core_show_channel(struct link *l, const struct ami_message *m)
{
	const char *context = ami_get(m, "Context"), *app = ami_get(m, "Application");
	const char *data = ami_get(m, "ApplicationData"), *state, *exten;
	struct channel *ch;

	if (!is_ours(l, m))
		return;
	begin_list(l, m);
	l->listed++;
	ch = see(l, m, "", true);
	if (ch == NULL)
		return;
	state = ami_get(m, "ChannelState");
	exten = ami_get(m, "Exten");
	copy_text(ch->context, sizeof(ch->context), context != NULL ? context : "");
	copy_text(ch->application, sizeof(ch->application), app != NULL ? app : "");
	/* Who is in the extension of hangups is no caller any more. */
	if (exten != NULL && strcmp(exten, "h") == 0)
		ch->context[0] = '\0';
	keep(&ch->queue, NULL);
	if (l->settings->app_queue && strcmp(ch->application, "Queue") == 0 &&
		data != NULL) {
		keep(&ch->queue, data);
		ch->queue[strcspn(ch->queue, ",")] = '\0';
	}
	ch->listed = true;
	ch->state = state != NULL ? atoi(state) : 0;
	ch->age_us = duration_us(ami_get(m, "Duration"));
	place_in_bridge(l, ch, ami_get(m, "BridgeId"));
	if (is_caller(l, ch)) {
		keep(&ch->number, known(ami_get(m, "CallerIDNum")));
		keep(&ch->caller, known(ami_get(m, "CallerIDName")));
	}
}

/* ---- at the end of the list ---- */

/* Calls of the connection before that are not listed: their ends were not seen. usher
 * learns it from their absence. */
static void
forget_the_unlisted(struct link *l)
{
	struct channel *next;

	for (struct channel *ch = l->channels.oldest; ch != NULL; ch = next) {
		next = ch->newer;
		if (ch->session != l->session)
			channels_forget(&l->channels, ch);
	}
}

/* One of them is what could not be read. */
static void
keep_the_unlisted(struct link *l)
{
	for (struct channel *ch = l->channels.oldest; ch != NULL; ch = ch->newer)
		ch->session = l->session;
	l->problem = "a list of channels had entries that could not be read; calls that "
		     "it does not name are kept";
}

static void
find_calls(struct link *l)
{
	for (struct channel *ch = l->channels.oldest; ch != NULL; ch = ch->newer) {
		ch->shown_leg = NULL;
		if (ch->role != CHANNEL_OTHER || !ch->listed || !is_caller(l, ch))
			continue;
		ch->role = CHANNEL_CALL;
		ch->reported = true;
	}
}

/* Who is together with a call in a bridge talks to it. */
static void
find_talking_legs(struct link *l)
{
	for (struct channel *call = l->channels.oldest; call != NULL;
		call = call->newer) {
		if (call->role != CHANNEL_CALL || call->bridge == NULL ||
			call->bridge->n < 2)
			continue;
		call->put_through = true;
		if (call->together_us == 0)
			call->together_us = l->figures.last_us;
		for (struct channel *ch = call->bridge->members; ch != NULL;
			ch = ch->bridge_next) {
			if (ch->role == CHANNEL_OTHER) {
				leg_begin(l, ch, call, "", false);
				ch->leg_state = LEG_ANSWERED;
			}
			if (ch->role == CHANNEL_LEG)
				call->shown_leg = ch;
		}
	}
}

static void
find_ringing_legs(struct link *l)
{
	for (struct channel *ch = l->channels.oldest; ch != NULL; ch = ch->newer) {
		struct channel *call;

		if (ch->role == CHANNEL_LEG && !ch->consult &&
			ch->leg_state < LEG_ANSWERED) {
			call = channels_find(&l->channels, ch->call);
		} else if (ch->role == CHANNEL_OTHER && ch->listed && ch->state < 6 &&
			   (strcmp(ch->application, "AppDial") == 0 ||
				   strcmp(ch->application, "AppQueue") == 0)) {
			call = channels_call_of(&l->channels, ch->linkedid);
			if (call == NULL || call->bridge != NULL)
				continue;
			leg_begin(l, ch, call, call->id, false);
			call->n_ringing++;
		} else {
			continue;
		}
		if (call != NULL && call->shown_leg == NULL)
			call->shown_leg = ch;
	}
}

static enum usher_call_state
state_of(const struct link *l, const struct channel *call)
{
	if (call->shown_leg != NULL)
		return call->shown_leg->leg_state < LEG_ANSWERED ? USHER_STATE_RINGING
								 : USHER_STATE_TALKING;
	if (strcmp(call->context, l->settings->wait_context) == 0 || call->queue != NULL)
		return USHER_STATE_WAITING;
	return call->put_through ? USHER_STATE_TALKING : USHER_STATE_RINGING;
}

static void
tell_call(struct link *l, struct channel *call)
{
	char device[CHANNEL_NAME_MAX + 1];
	struct usher_switch_event e = {.kind = USHER_SNAPSHOT_CALL,
		.call = call->id,
		.state = state_of(l, call),
		.number = call->number,
		.name = call->caller,
		.place = call->queue,
		.age_us = call->listed ? call->age_us : -1};

	if (e.state == USHER_STATE_WAITING)
		call->put_through = call->dial_ended = false;
	if (call->shown_leg != NULL) {
		device_of(device, call->shown_leg->name);
		e.leg = call->shown_leg->id;
		e.device = device;
	}
	emit(l, &e);
}

/* Telephones of a call beside the one that was told with it. */
static void
tell_further_leg(struct link *l, const struct channel *leg)
{
	const char *id = leg->role == CHANNEL_CALL ? leg->id : leg->call;
	const struct channel *call = channels_find(&l->channels, id);
	char device[CHANNEL_NAME_MAX + 1];

	if (call == NULL || call->dead || call->gone || call->shown_leg == leg ||
		leg->leg_state == LEG_RELEASED)
		return;
	device_of(device, leg->name);
	emit(l, &(struct usher_switch_event){.kind = USHER_SNAPSHOT_CALL,
			.call = call->id,
			.leg = leg->id,
			.device = device,
			.consult = leg->consult,
			.state = leg->leg_state < LEG_ANSWERED ? USHER_STATE_RINGING
							       : USHER_STATE_TALKING,
			.age_us = -1});
}

/* Messages that were refused since the list was asked for. */
static uint64_t
unreadable(const struct link *l)
{
	return l->sink->send != NULL ? l->reader.refused - l->refused_before : 0;
}

void
on_core_show_channels_complete(struct link *l, const struct ami_message *m)
{
	const char *items = ami_get(m, "ListItems"), *end = ami_get(m, "EventList");
	int64_t missing;

	if (!is_ours(l, m))
		return;
	begin_list(l, m); /* an empty list has no items before its end */
	l->listing = false;
	missing = items != NULL ? atoll(items) - l->listed : -1;
	if (missing < 0 || end == NULL || strcmp(end, "Complete") != 0 ||
		(uint64_t)missing > unreadable(l)) {
		l->problem = "a list of channels came incomplete and was not used";
		return;
	}
	if (missing > 0)
		keep_the_unlisted(l);
	else
		forget_the_unlisted(l);
	find_calls(l);
	find_talking_legs(l);
	find_ringing_legs(l);
	emit(l, &(struct usher_switch_event){.kind = USHER_SNAPSHOT_BEGIN,
			.instance = l->instance[0] != '\0' ? l->instance : NULL});
	for (struct channel *ch = l->channels.oldest; ch != NULL; ch = ch->newer)
		if (ch->role == CHANNEL_CALL && !ch->gone)
			tell_call(l, ch);
	for (struct channel *ch = l->channels.oldest; ch != NULL; ch = ch->newer)
		if (ch->role == CHANNEL_LEG || (ch->role == CHANNEL_CALL && ch->ours))
			tell_further_leg(l, ch);
	emit(l, &(struct usher_switch_event){.kind = USHER_SNAPSHOT_END});
}
