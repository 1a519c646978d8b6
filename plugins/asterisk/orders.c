/*
 * plugins/asterisk/orders.c - what usher asks of the switch: a closed list, each as the
 * actions that carry it out.
 *
 * Devices, extensions and numbers consist of few characters; names of channels are the
 * switch's own. Which ones a context of the dialplan takes is the dialplan's affair.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "out.h"

#define EXTENSION_MAX 64
#define DEVICE_MAX 128
#define ROOM_MAX (CHANNEL_ID_MAX + 1)

static bool
is_made_of(const char *text, const char *marks, size_t most)
{
	size_t n = text != NULL ? strlen(text) : 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
			!(c >= 'A' && c <= 'Z') && strchr(marks, c) == NULL)
			return false;
	}
	return n > 0 && n <= most;
}

static bool
is_number(const char *text)
{
	return is_made_of(text, "*#+", EXTENSION_MAX);
}

static bool
is_device(const char *text)
{
	return is_made_of(text, "/@._+;-", DEVICE_MAX);
}

/* The name of a living channel; NULL: there is none, which o says. */
static const char *
name_of(const struct link *l, const char *id, struct out *o)
{
	const struct channel *ch = channels_find(&l->channels, id);

	if (ch != NULL && !ch->dead && ch->name[0] != '\0')
		return ch->name;
	o->wrong = "the switch has no such call any more";
	return "";
}

static const char *
leg_name(const struct link *l, const struct usher_switch_action *a, struct out *o)
{
	if (a->leg == NULL)
		o->wrong = "the leg is not named";
	return a->leg != NULL ? name_of(l, a->leg, o) : "";
}

void
extension_of(char out[CHANNEL_NAME_MAX + 1], const char *device)
{
	const char *slash = strrchr(device, '/');
	const char *from = slash != NULL ? slash + 1 : device;
	size_t n = slash != NULL ? strcspn(from, "@;") : strlen(from);

	if (n > CHANNEL_NAME_MAX)
		n = CHANNEL_NAME_MAX;
	memcpy(out, from, n);
	out[n] = '\0';
}

/* What Originate can dial: a device of the switch; a bare extension by its technology; a
 * number from outside by the dialplan. */
static bool
dial_string(const struct link *l, char out[DEVICE_MAX + 80], const char *device)
{
	const char *outside = l->settings->out_context;

	if (!is_device(device))
		return false;
	if (strchr(device, '/') != NULL)
		snprintf(out, DEVICE_MAX + 80, "%s", device);
	else if (device[0] == '+' || strlen(device) > 6)
		snprintf(out, DEVICE_MAX + 80, "Local/%s@%s/n", device, outside);
	else
		snprintf(
			out, DEVICE_MAX + 80, "%s%s", l->settings->device_prefix, device);
	return true;
}

static void
put_redirect(struct out *o, const char *id, const char *channel, const char *context,
	const char *extension)
{
	if (!is_made_of(extension, "_*#+-", EXTENSION_MAX)) {
		o->wrong = "an extension has letters, digits and _ * # + - only";
		return;
	}
	out_begin(o, "Redirect", id);
	out_put(o, "Channel", channel);
	out_put(o, "Context", context);
	out_put(o, "Exten", extension);
	out_put(o, "Priority", "1");
}

static void
redirect(struct out *o, const char *id, const char *channel, const char *context,
	const char *extension)
{
	put_redirect(o, id, channel, context, extension);
	out_end(o);
}

/* ---- waiting callers ---- */

/* How long it may ring, and whether it picks up by itself, lies with the channel; the
 * dialplan reads it. */
static void
connect_call(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	const char *channel = name_of(l, a->call, o);
	struct channel *call = channels_find(&l->channels, a->call);
	char extension[CHANNEL_NAME_MAX + 1] = "";

	if (!is_device(a->device) && !is_made_of(a->device, "_*#+-", EXTENSION_MAX)) {
		o->wrong = "a device has letters, digits and / @ . _ + ; - only";
		return;
	}
	extension_of(extension, a->device);
	if (a->ring_ms > 0)
		out_set_int(o, channel, "USHER_RING", (a->ring_ms + 999) / 1000);
	if (strchr(a->device, '/') != NULL)
		out_set(o, channel, "USHER_DEVICE", a->device);
	if (a->offer != NULL && is_made_of(a->offer, "._-", OFFER_MAX))
		out_set(o, channel, "__USHER_OFFER", a->offer);
	/* Of the telephone's own channel, as the dialplan reads it before it rings. */
	if (a->answer)
		out_set(o, channel, "__USHER_AUTO", "1");
	else if (call != NULL && call->picked_up_by_itself)
		out_set(o, channel, "__USHER_AUTO", "");
	if (call != NULL)
		call->picked_up_by_itself = a->answer;
	redirect(o, id, channel, l->settings->agent_context, extension);
	if (o->wrong != NULL || call == NULL)
		return;
	call->wanted[1] = call->wanted[0];
	copy_text(
		call->wanted[0].extension, sizeof(call->wanted[0].extension), extension);
	copy_text(call->wanted[0].offer, sizeof(call->wanted[0].offer),
		a->offer != NULL ? a->offer : "");
}

static void
put_place(struct out *o, const char *channel, const struct usher_switch_action *a)
{
	/* People count from one. */
	if (a->position >= 0)
		out_set_int(o, channel, "USHER_POSITION", a->position + 1);
	else
		out_set(o, channel, "USHER_POSITION", "");
	if (a->wait_ms >= 0) {
		out_set_int(o, channel, "USHER_WAIT_SECONDS", (a->wait_ms + 999) / 1000);
		out_set_int(
			o, channel, "USHER_WAIT_MINUTES", (a->wait_ms + 59999) / 60000);
	} else {
		out_set(o, channel, "USHER_WAIT_SECONDS", "");
		out_set(o, channel, "USHER_WAIT_MINUTES", "");
	}
	out_set(o, channel, "USHER_CALLBACK", a->callback ? "1" : "");
}

static void
announce(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	const char *channel = name_of(l, a->call, o);

	put_place(o, channel, a);
	redirect(o, id, channel, l->settings->wait_context,
		a->device != NULL ? a->device : "announce");
}

static void
tell(struct link *l, struct out *o, const struct usher_switch_action *a, const char *id)
{
	const char *channel = name_of(l, a->call, o);

	put_place(o, channel, a);
	out_begin(o, "Setvar", id);
	out_put(o, "Channel", channel);
	out_put(o, "Variable", "USHER_TOLD");
	out_put(o, "Value", "1");
	out_end(o);
}

static void
divert(struct link *l, struct out *o, const struct usher_switch_action *a, const char *id)
{
	const char *channel = name_of(l, a->call, o);

	if (a->device != NULL && is_made_of(a->device, "_", 32))
		out_set(o, channel, "USHER_WHY", a->device);
	redirect(o, id, channel, l->settings->wait_context, "divert");
}

/* ---- dialling ---- */

static bool
placed_id_fits(const struct link *l, struct out *o, const struct usher_switch_action *a)
{
	size_t prefix = strlen(l->settings->id_prefix);

	if (!is_made_of(a->call, "._-", CHANNEL_ID_MAX) ||
		strncmp(a->call, l->settings->id_prefix, prefix) != 0)
		o->wrong = "the id of a call that is placed begins with id_prefix";
	else if (a->caller_number != NULL && !is_number(a->caller_number))
		o->wrong = "a caller's number has digits, letters, * # and + only";
	return o->wrong == NULL;
}

static void
put_dialling(struct out *o, const struct usher_switch_action *a, const char *channel,
	const char *context, const char *extension, const char *id)
{
	char number[48];

	out_begin(o, "Originate", id);
	out_put(o, "Channel", channel);
	out_put(o, "ChannelId", a->call);
	out_put(o, "Context", context);
	out_put(o, "Exten", extension);
	out_put(o, "Priority", "1");
	out_put(o, "Async", "true");
	if (a->caller_number != NULL)
		out_put(o, "CallerID", a->caller_number);
	if (a->ring_ms > 0) {
		snprintf(number, sizeof(number), "%" PRId64, a->ring_ms);
		out_put(o, "Timeout", number);
		/* Of the telephone that the dialplan dials behind the first one. */
		snprintf(number, sizeof(number), "__USHER_OUT_RING=%" PRId64,
			(a->ring_ms + 999) / 1000);
		out_put(o, "Variable", number);
	}
	if (a->answer)
		out_put(o, "Variable", "__USHER_AUTO=1");
	out_end(o);
}

static void
originate(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	char channel[DEVICE_MAX + 80];

	if (!dial_string(l, channel, a->device))
		o->wrong = "a device has letters, digits and / @ . _ + ; - only";
	else if (!is_number(a->number))
		o->wrong = "a number has digits, letters, * # and + only";
	else if (placed_id_fits(l, o, a))
		put_dialling(o, a, channel, l->settings->out_context, a->number, id);
}

static void
dial(struct link *l, struct out *o, const struct usher_switch_action *a, const char *id)
{
	char channel[EXTENSION_MAX + 80];

	if (!is_number(a->number)) {
		o->wrong = "a number has digits, letters, * # and + only";
		return;
	}
	snprintf(channel, sizeof(channel), "Local/%s@%s/n", a->number,
		l->settings->out_context);
	if (placed_id_fits(l, o, a))
		put_dialling(o, a, channel, l->settings->wait_context, "s", id);
}

/* ---- calls that talk ---- */

static void
hang_up(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	out_begin(o, "Hangup", id);
	out_put(o, "Channel", name_of(l, a->leg != NULL ? a->leg : a->call, o));
	out_put(o, "Cause", "16");
	out_end(o);
}

/* The caller and the leg go apart, each to its own extension. */
static void
move_both(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id, const char *context, const char *caller, const char *leg)
{
	const char *channel = name_of(l, a->call, o), *other = leg_name(l, a, o);

	put_redirect(o, id, channel, context, caller);
	out_put(o, "ExtraChannel", other);
	out_put(o, "ExtraContext", context);
	out_put(o, "ExtraExten", leg);
	out_put(o, "ExtraPriority", "1");
	out_end(o);
}

static void
bridge(struct link *l, struct out *o, const struct usher_switch_action *a, const char *id)
{
	const char *channel = name_of(l, a->call, o), *other = leg_name(l, a, o);

	out_begin(o, "Bridge", id);
	out_put(o, "Channel1", channel);
	out_put(o, "Channel2", other);
	out_end(o);
}

static void
pick_up(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	char device[CHANNEL_NAME_MAX + 1], extension[CHANNEL_NAME_MAX + 1];

	device_of(device, leg_name(l, a, o));
	extension_of(extension, device);
	if (strncmp(device, "PJSIP/", 6) != 0 && o->wrong == NULL)
		o->wrong = "only PJSIP telephones can be told to pick up";
	out_begin(o, "PJSIPNotify", id);
	out_put(o, "Endpoint", extension);
	out_put(o, "Variable", "Event=talk");
	out_end(o);
}

static void
mute(struct link *l, struct out *o, const struct usher_switch_action *a, const char *id)
{
	out_begin(o, "MuteAudio", id);
	out_put(o, "Channel", leg_name(l, a, o));
	out_put(o, "Direction", "in");
	out_put(o, "State", a->kind == USHER_ACTION_MUTE ? "on" : "off");
	out_end(o);
}

static void
hand_on(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id, const char *name)
{
	if (!is_number(a->number)) {
		o->wrong = "a number has digits, letters, * # and + only";
		return;
	}
	out_begin(o, name, id);
	out_put(o, "Channel", leg_name(l, a, o));
	out_put(o, "Context", l->settings->out_context);
	out_put(o, "Exten", a->number);
	if (strcmp(name, "Atxfer") == 0)
		out_put(o, "Priority", "1");
	out_end(o);
}

static void
cancel_consult(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	out_begin(o, "CancelAtxfer", id);
	out_put(o, "Channel", leg_name(l, a, o));
	out_end(o);
}

/* Both go to a room of their own, to which the third is dialled. */
static void
conference(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	char channel[DEVICE_MAX + 80], room[ROOM_MAX];
	size_t n = 0;

	if (!dial_string(l, channel, a->number)) {
		o->wrong = "a number has digits, letters, * # and + only";
		return;
	}
	for (const char *p = a->call; *p != '\0' && n < EXTENSION_MAX; p++)
		if (*p >= '0' && *p <= '9')
			room[n++] = *p;
	room[n] = '\0';
	move_both(l, o, a, id, l->settings->conference_context, n > 0 ? room : "0",
		n > 0 ? room : "0");
	out_begin(o, "Originate", ACTION_QUIET);
	out_put(o, "Channel", channel);
	out_put(o, "Context", l->settings->conference_context);
	out_put(o, "Exten", n > 0 ? room : "0");
	out_put(o, "Priority", "1");
	out_put(o, "Async", "true");
	out_end(o);
}

static void
listen_in(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	/* quiet; ends with the call; heard by whom */
	static const char *const options[] = {"qES", "qESw", "qESB"};
	char channel[DEVICE_MAX + 80], data[CHANNEL_NAME_MAX + 16];

	if (!dial_string(l, channel, a->device) || a->listen > USHER_LISTEN_BARGE) {
		o->wrong = "a device has letters, digits and / @ . _ + ; - only";
		return;
	}
	snprintf(data, sizeof(data), "%s,%s", leg_name(l, a, o), options[a->listen]);
	out_begin(o, "Originate", id);
	out_put(o, "Channel", channel);
	out_put(o, "Application", "ChanSpy");
	out_put(o, "Data", data);
	out_put(o, "Async", "true");
	out_end(o);
}

/* ---- all of them ---- */

static void
put_order(struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	switch (a->kind) {
	case USHER_ACTION_CONNECT:
		connect_call(l, o, a, id);
		return;
	case USHER_ACTION_ANNOUNCE:
		announce(l, o, a, id);
		return;
	case USHER_ACTION_ORIGINATE:
		originate(l, o, a, id);
		return;
	case USHER_ACTION_HANG_UP:
	case USHER_ACTION_CONSULT_FINISH: /* who consulted leaves: the switch joins them
					   */
		hang_up(l, o, a, id);
		return;
	case USHER_ACTION_PING:
		/* A global variable, by which the dialplan sees that usher is there. */
		out_begin(o, "Setvar", ACTION_QUIET);
		out_put(o, "Variable", "USHER_ALIVE");
		out_put(o, "Value", id);
		out_end(o);
		out_begin(o, "Ping", id);
		out_end(o);
		return;
	case USHER_ACTION_WAIT:
		redirect(o, id, name_of(l, a->call, o), l->settings->wait_context, "s");
		return;
	case USHER_ACTION_TELL:
		tell(l, o, a, id);
		return;
	case USHER_ACTION_DIVERT:
		divert(l, o, a, id);
		return;
	case USHER_ACTION_DIAL:
		dial(l, o, a, id);
		return;
	case USHER_ACTION_ANSWER:
		pick_up(l, o, a, id);
		return;
	case USHER_ACTION_HOLD:
		move_both(l, o, a, id, l->settings->hold_context, "s", "leg");
		return;
	case USHER_ACTION_RETRIEVE:
		bridge(l, o, a, id);
		return;
	case USHER_ACTION_MUTE:
	case USHER_ACTION_UNMUTE:
		mute(l, o, a, id);
		return;
	case USHER_ACTION_TRANSFER:
		hand_on(l, o, a, id, "BlindTransfer");
		return;
	case USHER_ACTION_CONSULT:
		hand_on(l, o, a, id, "Atxfer");
		return;
	case USHER_ACTION_CONSULT_END:
		cancel_consult(l, o, a, id);
		return;
	case USHER_ACTION_CONFERENCE:
		conference(l, o, a, id);
		return;
	case USHER_ACTION_LISTEN:
		listen_in(l, o, a, id);
		return;
	case USHER_ACTION_SNAPSHOT:
		return;
	}
	o->wrong = "the adapter does not know this action";
}

/* What must be known when the switch says yes. */
static void
remember(struct link *l, const struct usher_switch_action *a)
{
	struct sent *s = &l->sent[l->n_sent++ % SENT_KEPT];

	if (a->kind != USHER_ACTION_HOLD && a->kind != USHER_ACTION_RETRIEVE) {
		l->n_sent--;
		return;
	}
	s->kind = a->kind;
	copy_text(s->action, sizeof(s->action), a->action);
	copy_text(s->leg, sizeof(s->leg), a->leg != NULL ? a->leg : "");
}

bool
link_act(void *link, const struct usher_switch_action *given, char *problem, size_t room)
{
	struct link *l = link;
	struct usher_switch_action action = {.position = -1, .wait_ms = -1};
	struct out o = {.n = 0};
	char id[CHANNEL_ID_MAX + 1];

	memcpy(&action, given,
		given->size < sizeof(action) ? given->size : sizeof(action));
	if (!is_made_of(action.action, "._-", 64))
		o.wrong = "an action's id has letters, digits and . _ - only";
	else if (!l->up || l->sink->send == NULL)
		o.wrong = "the switch is not ready";
	else
		snprintf(id, sizeof(id), "%s%s", ACTION_OF_USHER, action.action);
	if (o.wrong == NULL && action.kind == USHER_ACTION_SNAPSHOT) {
		send_snapshot(l);
		return true;
	}
	if (o.wrong == NULL)
		put_order(l, &o, &action, id);
	if (o.wrong == NULL)
		remember(l, &action);
	out_flush(l, &o);
	if (o.wrong != NULL)
		snprintf(problem, room, "%s", o.wrong);
	return o.wrong == NULL;
}
