/*
 * plugins/line/orders.c - what usher asks of the switch: a closed list, one message each.
 *
 * Values are JSON, so none can be more than a value. What cannot be a device or a number
 * is not sent; which ones a switch dials for usher is its own affair.
 */
#include <stdio.h>
#include <string.h>

#include "link.h"

#define NUMBER_MAX 64
#define DEVICE_MAX 128

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

/* Which members an order has. */
enum {
	WITH_CALL = 1,
	WITH_LEG = 2,
	WITH_DEVICE = 4,
	WITH_NUMBER = 8,
	WITH_RING = 16,
	WITH_PLACE = 32,
	WITH_OFFER = 64,
	MAY_LEG = 128,
};

struct order {
	enum usher_action_kind kind;
	const char *is;
	int has;
};

static const struct order orders[] = {
	{USHER_ACTION_CONNECT, "connect",
		WITH_CALL | WITH_DEVICE | WITH_RING | WITH_OFFER},
	{USHER_ACTION_ANNOUNCE, "treatment", WITH_CALL | WITH_PLACE},
	{USHER_ACTION_WAIT, "treatment", WITH_CALL},
	{USHER_ACTION_TELL, "tell", WITH_CALL | WITH_PLACE},
	{USHER_ACTION_DIVERT, "divert", WITH_CALL},
	{USHER_ACTION_ORIGINATE, "originate",
		WITH_CALL | WITH_DEVICE | WITH_NUMBER | WITH_RING | WITH_OFFER},
	{USHER_ACTION_DIAL, "dial", WITH_CALL | WITH_NUMBER | WITH_RING},
	{USHER_ACTION_HANG_UP, "hang-up", WITH_CALL | MAY_LEG},
	{USHER_ACTION_PING, "ping", 0},
	{USHER_ACTION_ANSWER, "answer", WITH_CALL | WITH_LEG},
	{USHER_ACTION_HOLD, "hold", WITH_CALL | WITH_LEG},
	{USHER_ACTION_RETRIEVE, "retrieve", WITH_CALL | WITH_LEG},
	{USHER_ACTION_MUTE, "mute", WITH_CALL | WITH_LEG},
	{USHER_ACTION_UNMUTE, "unmute", WITH_CALL | WITH_LEG},
	{USHER_ACTION_TRANSFER, "transfer", WITH_CALL | WITH_LEG | WITH_NUMBER},
	{USHER_ACTION_CONSULT, "consult", WITH_CALL | WITH_LEG | WITH_NUMBER},
	{USHER_ACTION_CONSULT_END, "consult-end", WITH_CALL | WITH_LEG},
	{USHER_ACTION_CONSULT_FINISH, "consult-finish", WITH_CALL | WITH_LEG},
	{USHER_ACTION_CONFERENCE, "conference", WITH_CALL | WITH_LEG | WITH_NUMBER},
	{USHER_ACTION_LISTEN, "listen", WITH_CALL | WITH_LEG | WITH_DEVICE},
};

static const char *
listen_word(enum usher_listen listen)
{
	switch (listen) {
	case USHER_LISTEN_SILENT:
		return "silent";
	case USHER_LISTEN_WHISPER:
		return "whisper";
	case USHER_LISTEN_BARGE:
		return "barge";
	}
	return "silent";
}

static void
put_text(json_t *o, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(o, name, json_string(text));
}

static void
put_place(json_t *o, const struct usher_switch_action *a)
{
	if (a->position >= 0)
		json_object_set_new(o, "position", json_integer(a->position));
	if (a->wait_ms >= 0)
		json_object_set_new(o, "wait_ms", json_integer(a->wait_ms));
	json_object_set_new(o, "callback", json_boolean(a->callback));
}

/* What is wrong with an action; NULL: nothing. */
static const char *
wrong_with(const struct usher_switch_action *a, int has)
{
	if ((has & WITH_CALL) && !line_is_id(a->call))
		return "the call is not named";
	if ((has & WITH_LEG) && !line_is_id(a->leg))
		return "the leg is not named";
	if ((has & WITH_DEVICE) && !is_made_of(a->device, "/@._+;:*#-", DEVICE_MAX))
		return "a device has letters, digits and / @ . _ + ; : * # - only";
	if ((has & WITH_NUMBER) && !is_made_of(a->number, "*#+", NUMBER_MAX))
		return "a number has digits, letters, * # and + only";
	if (a->caller_number != NULL && a->caller_number[0] != '\0' &&
		!is_made_of(a->caller_number, "*#+", NUMBER_MAX))
		return "a caller's number has digits, letters, * # and + only";
	return NULL;
}

static void
put_members(json_t *o, const struct usher_switch_action *a, int has)
{
	if (has & WITH_CALL)
		put_text(o, "call", a->call);
	if (has & (WITH_LEG | MAY_LEG))
		put_text(o, "leg", a->leg);
	if (has & WITH_DEVICE)
		put_text(o, "device", a->device);
	if (has & WITH_NUMBER)
		put_text(o, "number", a->number);
	if ((has & WITH_RING) && a->ring_ms > 0)
		json_object_set_new(o, "ring_ms", json_integer(a->ring_ms));
	if (has & WITH_PLACE)
		put_place(o, a);
	if (has & WITH_OFFER) {
		put_text(o, "offer", a->offer);
		if (a->answer)
			json_object_set_new(o, "auto_answer", json_true());
	}
	put_text(o, "caller_number", a->caller_number);
	put_text(o, "caller_name", a->caller_name);
	if (a->kind == USHER_ACTION_ANNOUNCE)
		put_text(o, "treatment", a->device != NULL ? a->device : "announce");
	else if (a->kind == USHER_ACTION_WAIT)
		put_text(o, "treatment", "wait");
	else if (a->kind == USHER_ACTION_DIVERT)
		put_text(o, "why", a->device);
	else if (a->kind == USHER_ACTION_LISTEN)
		put_text(o, "how", listen_word(a->listen));
}

static const struct order *
order_of(enum usher_action_kind kind)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (orders[i].kind == kind)
			return &orders[i];
	return NULL;
}

bool
line_act(void *link, const struct usher_switch_action *given, char *problem, size_t room)
{
	struct link *l = link;
	struct usher_switch_action a = {.position = -1, .wait_ms = -1};
	const struct order *order;
	const char *wrong = NULL;
	json_t *o;

	/* What an older usher does not know reads as not given. */
	memcpy(&a, given, given->size < sizeof(a) ? given->size : sizeof(a));
	order = order_of(a.kind);
	if (!is_made_of(a.action, "._-", 64))
		wrong = "an action's id has letters, digits and . _ - only";
	else if (l->stage != LINE_UP || l->sink->send == NULL)
		wrong = "the switch is not ready";
	else if (a.kind == USHER_ACTION_SNAPSHOT)
		listing_ask(l, a.action);
	else if (order == NULL)
		wrong = "the adapter does not know this action";
	else
		wrong = wrong_with(&a, order->has);
	if (wrong == NULL && order != NULL) {
		o = json_pack("{s:s, s:s}", "is", order->is, "action", a.action);
		put_members(o, &a, order->has);
		line_send(l, o);
	}
	if (wrong != NULL)
		snprintf(problem, room, "%s", wrong);
	return wrong == NULL;
}
