/*
 * plugins/asterisk/actions.c - what usher asks of the switch, as its bytes, and what the
 * switch answers.
 *
 * Nothing of a value from outside may end a line: a CR or LF in one would be a header, or
 * an action, of somebody else's (CTI 3.1, 13). Such an action is not sent at all.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "link.h"

#define ACTION_ROOM 4096     /* bytes of all that one action sends */
#define ACTION_LINE_MAX 1000 /* bytes of a line: the switch refuses 1024 */
#define EXTENSION_MAX 64
#define DEVICE_MAX 128

/* ---- writing ---- */

struct out {
	char bytes[ACTION_ROOM];
	size_t n;
	const char *wrong; /* NULL: sound so far */
};

static void
put(struct out *o, const char *key, const char *value)
{
	size_t k = strlen(key), v = strlen(value);

	if (strpbrk(value, "\r\n") != NULL)
		o->wrong = "a value holds a line end";
	else if (k + v + 4 > ACTION_LINE_MAX)
		o->wrong = "a value is longer than a line of the switch";
	else if (o->n + k + v + 6 > sizeof(o->bytes))
		o->wrong = "the action is too long";
	if (o->wrong != NULL)
		return;
	o->n += (size_t)snprintf(
		o->bytes + o->n, sizeof(o->bytes) - o->n, "%s: %s\r\n", key, value);
}

/* Begins an action; the one before it is complete. */
static void
begin(struct out *o, const char *name, const char *id)
{
	put(o, "Action", name);
	put(o, "ActionID", id);
}

static void
end(struct out *o)
{
	if (o->wrong == NULL) {
		o->bytes[o->n++] = '\r';
		o->bytes[o->n++] = '\n';
	}
}

static void
flush(struct link *l, const struct out *o)
{
	if (l->sink->send != NULL && o->wrong == NULL)
		l->sink->send(l->sink->context, o->bytes, o->n);
}

void
send_login(struct link *l)
{
	struct out o = {.n = 0};

	l->login_sent = true;
	begin(&o, "Login", ACTION_LOGIN);
	put(&o, "Username", l->settings->username);
	put(&o, "Secret", l->settings->secret);
	end(&o);
	flush(l, &o);
	if (o.wrong != NULL)
		l->problem = "username or secret holds a line end";
}

/* CoreStatus first: the list that follows is then known to be of this or another life of
 * the switch. */
void
send_snapshot(struct link *l)
{
	struct out o = {.n = 0};

	begin(&o, "CoreStatus", ACTION_STATUS);
	end(&o);
	begin(&o, "CoreShowChannels", ACTION_LIST);
	end(&o);
	flush(l, &o);
}

/* ---- actions ---- */

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

static void
put_redirect(const struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id, const char *context)
{
	const char *channel = name_of(l, a->call, o);

	if (!is_made_of(a->device, "_*#+-", EXTENSION_MAX)) {
		o->wrong = "an extension has letters, digits and _ * # + - only";
		return;
	}
	begin(o, "Redirect", id);
	put(o, "Channel", channel);
	put(o, "Context", context);
	put(o, "Exten", a->device);
	put(o, "Priority", "1");
	end(o);
}

/* How long it may ring lies with the channel; the dialplan reads it. */
static void
put_connect(const struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	char seconds[24];

	if (a->ring_ms > 0) {
		begin(o, "Setvar", ACTION_QUIET);
		put(o, "Channel", name_of(l, a->call, o));
		put(o, "Variable", "USHER_RING");
		snprintf(seconds, sizeof(seconds), "%" PRId64, (a->ring_ms + 999) / 1000);
		put(o, "Value", seconds);
		end(o);
	}
	put_redirect(l, o, a, id, l->settings->agent_context);
}

static void
put_originate(const struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	size_t prefix = strlen(l->settings->id_prefix);
	char number[160];

	if (!is_made_of(a->device, "/@._+;-", DEVICE_MAX))
		o->wrong = "a device has letters, digits and / @ . _ + ; - only";
	else if (!is_made_of(a->number, "*#+", EXTENSION_MAX))
		o->wrong = "a number has digits, letters, * # and + only";
	else if (!is_made_of(a->call, "._-", CHANNEL_ID_MAX) ||
		 strncmp(a->call, l->settings->id_prefix, prefix) != 0)
		o->wrong = "the id of a call that is placed begins with id_prefix";
	else if (a->caller_number != NULL &&
		 !is_made_of(a->caller_number, "*#+", EXTENSION_MAX))
		o->wrong = "a caller's number has digits, letters, * # and + only";
	if (o->wrong != NULL)
		return;
	begin(o, "Originate", id);
	put(o, "Channel", a->device);
	put(o, "ChannelId", a->call);
	put(o, "Context", l->settings->agent_context);
	put(o, "Exten", a->number);
	put(o, "Priority", "1");
	put(o, "Async", "true");
	if (a->caller_number != NULL)
		put(o, "CallerID", a->caller_number);
	if (a->ring_ms > 0) {
		snprintf(number, sizeof(number), "%" PRId64, a->ring_ms);
		put(o, "Timeout", number);
	}
	end(o);
}

static void
put_hang_up(const struct link *l, struct out *o, const struct usher_switch_action *a,
	const char *id)
{
	begin(o, "Hangup", id);
	put(o, "Channel", name_of(l, a->leg != NULL ? a->leg : a->call, o));
	put(o, "Cause", "16");
	end(o);
}

bool
link_act(void *link, const struct usher_switch_action *a, char *problem, size_t room)
{
	struct link *l = link;
	struct out o = {.n = 0};
	char id[CHANNEL_ID_MAX + 1];

	if (!is_made_of(a->action, "._-", 64))
		o.wrong = "an action's id has letters, digits and . _ - only";
	else if (!l->up || l->sink->send == NULL)
		o.wrong = "the switch is not ready";
	else
		snprintf(id, sizeof(id), "%s%s", ACTION_OF_USHER, a->action);
	if (o.wrong == NULL) {
		switch (a->kind) {
		case USHER_ACTION_CONNECT:
			put_connect(l, &o, a, id);
			break;
		case USHER_ACTION_ANNOUNCE:
			put_redirect(l, &o, a, id, l->settings->wait_context);
			break;
		case USHER_ACTION_ORIGINATE:
			put_originate(l, &o, a, id);
			break;
		case USHER_ACTION_HANG_UP:
			put_hang_up(l, &o, a, id);
			break;
		case USHER_ACTION_SNAPSHOT:
			send_snapshot(l);
			return true;
		case USHER_ACTION_PING:
			begin(&o, "Ping", id);
			end(&o);
			break;
		}
	}
	flush(l, &o);
	if (o.wrong != NULL)
		snprintf(problem, room, "%s", o.wrong);
	return o.wrong == NULL;
}

/* ---- answers ---- */

/* The id that usher gave the action; NULL: it is none of usher's. */
static const char *
action_of_usher(const struct link *l, const struct ami_message *m)
{
	const char *id = ami_get(m, "ActionID");
	size_t n = strlen(ACTION_OF_USHER);

	if (id == NULL)
		return NULL;
	if (l->sink->send == NULL)
		return id;
	return strncmp(id, ACTION_OF_USHER, n) == 0 ? id + n : NULL;
}

/* The channel went away in between: the caller is gone, no telephone is at fault (CTI
 * 3.1, 10). */
static enum usher_leg_reason
reason_of_message(const char *message)
{
	if (strncasecmp(message, "Channel does not exist", 22) == 0 ||
		strncasecmp(message, "No such channel", 15) == 0)
		return USHER_REASON_GONE;
	return USHER_REASON_OTHER;
}

static void
on_error(struct link *l, const struct ami_message *m)
{
	const char *id = ami_get(m, "ActionID"), *message = ami_get(m, "Message");
	const char *action = action_of_usher(l, m);

	if (message == NULL)
		message = "";
	if (l->sink->send == NULL)
		return; /* what another program asked for is its own affair */
	if (action != NULL) {
		emit(l, &(struct usher_switch_event){.kind = USHER_ACTION_FAILED,
				.action = action,
				.reason = reason_of_message(message),
				.why = message});
	} else if (id != NULL && strcmp(id, ACTION_LOGIN) == 0) {
		l->turned_away = true;
		l->problem = "the switch refused the login: check username, secret and "
			     "permit in manager.conf";
	} else if (id != NULL && strcmp(id, ACTION_LIST) == 0) {
		l->problem = "the switch refuses CoreShowChannels: give the user write = "
			     "system,call,reporting,originate";
	}
}

void
on_response(struct link *l, const struct ami_message *m)
{
	const char *response = ami_get(m, "Response");
	const char *day = ami_get(m, "CoreStartupDate");
	const char *time = ami_get(m, "CoreStartupTime");

	if (response == NULL)
		return;
	if (strcasecmp(response, "Error") == 0)
		on_error(l, m);
	if (day != NULL && time != NULL)
		snprintf(l->instance, sizeof(l->instance), "%.20s %.20s", day, time);
}

/* 4 is answered; it may come before the DialEnd of the same call (CTI 3.1, 2), which
 * therefore is what tells of an answer. */
void
on_originate_response(struct link *l, const struct ami_message *m)
{
	const char *response = ami_get(m, "Response"), *reason = ami_get(m, "Reason");
	const char *action = action_of_usher(l, m);
	enum usher_leg_reason why = USHER_REASON_OTHER;

	if (action == NULL || response == NULL || strcasecmp(response, "Failure") != 0)
		return;
	if (reason != NULL && strcmp(reason, "3") == 0)
		why = USHER_REASON_NO_ANSWER;
	else if (reason != NULL && strcmp(reason, "5") == 0)
		why = USHER_REASON_BUSY;
	else if (reason != NULL && strcmp(reason, "8") == 0)
		why = USHER_REASON_CONGESTION;
	else if (reason != NULL && strcmp(reason, "0") == 0)
		why = USHER_REASON_UNAVAILABLE;
	emit(l, &(struct usher_switch_event){.kind = USHER_ACTION_FAILED,
			.action = action,
			.device = known(ami_get(m, "Channel")),
			.reason = why,
			.why = reason});
}
