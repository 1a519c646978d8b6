/*
 * plugins/asterisk/adapter.c - what the switch says to what it means: callers who wait
 * and are gone, the switch coming and going. Legs and bridges are dial.c's.
 *
 * A call is the channel that raised UsherWait, or that we had dialled; never one that
 * merely appeared, since a caller may come as two (CTI 3.1, 1).
 *
 *   UsherWait -> waiting --second BridgeEnter--> put through --UsherWait--> waiting ...
 *   Hangup or UsherGone: abandoned while waiting, else ended; whatever the cause says;
 *   who waited left when HangupRequest says
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "link.h"

#define ATTRIBUTES_MAX 32 /* of a UsherWait; further ones are left out */
#define KEY_MAX 96	  /* bytes of a prefixed header's name */

/* ---- helpers of all files ---- */

const char *
known(const char *value)
{
	if (value == NULL || value[0] == '\0' || strcmp(value, "<unknown>") == 0)
		return NULL;
	return value;
}

const char *
get_of(const struct ami_message *m, const char *prefix, const char *name)
{
	char key[KEY_MAX];

	snprintf(key, sizeof(key), "%s%s", prefix, name);
	return ami_get(m, key);
}

void
emit(struct link *l, struct usher_switch_event *e)
{
	e->size = sizeof(*e);
	if (e->t_us == 0)
		e->t_us = l->t_us;
	l->sink->event(l->sink->context, e);
}

void
copy_text(char *out, size_t room, const char *text)
{
	size_t n = strnlen(text, room - 1);

	memcpy(out, text, n);
	out[n] = '\0';
}

struct channel *
see(struct link *l, const struct ami_message *m, const char *prefix, bool make)
{
	const char *id = get_of(m, prefix, "Uniqueid");
	const char *name = get_of(m, prefix, "Channel");
	const char *linkedid = get_of(m, prefix, "Linkedid");
	struct channel *ch = channels_find(&l->channels, id);

	if (ch == NULL && make && known(id) != NULL)
		ch = channels_add(&l->channels, id);
	if (ch != NULL && ch->dead) {
		l->figures.late++;
		return NULL;
	}
	if (ch == NULL)
		return NULL;
	ch->session = l->session;
	if (name != NULL)
		copy_text(ch->name, sizeof(ch->name), name);
	/* It changes without an event of its own (CTI 3.1, 9). */
	if (linkedid != NULL)
		copy_text(ch->linkedid, sizeof(ch->linkedid), linkedid);
	return ch;
}

/* ---- the switch ---- */

void
tell_down(struct link *l, const char *why)
{
	if (!l->up)
		return;
	l->up = false;
	/* It happens now, whatever message was the last: its clock told nothing since. */
	emit(l, &(struct usher_switch_event){.kind = USHER_SWITCH_DOWN,
			.why = why,
			.t_us = l->figures.last_us});
}

static void
on_fully_booted(struct link *l, const struct ami_message *m)
{
	(void)m;
	if (l->up)
		return; /* told after the login and again when it is ready */
	l->up = true;
	emit(l, &(struct usher_switch_event){.kind = USHER_SWITCH_UP});
	send_snapshot(l);
}

static void
on_shutdown(struct link *l, const struct ami_message *m)
{
	(void)m;
	tell_down(l, "shutdown");
}

/* ---- calls ---- */

static void
on_new_channel(struct link *l, const struct ami_message *m)
{
	struct channel *ch;

	if (l->figures.first_channel_us == 0)
		l->figures.first_channel_us = l->t_us;
	ch = see(l, m, "", true);
	if (ch != NULL && ch->born_us == 0)
		ch->born_us = l->t_us;
}

static void
on_rename(struct link *l, const struct ami_message *m)
{
	const char *name = ami_get(m, "Newname");
	struct channel *ch = see(l, m, "", false);

	if (ch != NULL && name != NULL)
		copy_text(ch->name, sizeof(ch->name), name);
}

static void
tell_gone(struct link *l, struct channel *call, int64_t t_us)
{
	/* Who waits is gone when he hangs up; the dialplan's word of it comes later. */
	int64_t left_us = call->put_through ? 0 : call->leaving_us;
	struct usher_switch_event e = {.kind = USHER_CALL_GONE,
		.call = call->id,
		.t_us = t_us != 0 ? t_us : left_us,
		.outcome = USHER_OUTCOME_ENDED,
		.talk_us = call->talk_us,
		.hold_us = call->hold_us};

	if (call->gone)
		return;
	call->gone = true;
	if (!call->put_through)
		e.outcome = call->ours ? USHER_OUTCOME_FAILED : USHER_OUTCOME_ABANDONED;
	emit(l, &e);
}

/* The far end hung up. (SoftHangupRequest is not that: a channel may live on.) */
static void
on_hangup_request(struct link *l, const struct ami_message *m)
{
	struct channel *ch = channels_find(&l->channels, ami_get(m, "Uniqueid"));

	if (ch != NULL && ch->leaving_us == 0)
		ch->leaving_us = l->t_us;
}

static void
on_hangup(struct link *l, const struct ami_message *m)
{
	const char *id = ami_get(m, "Uniqueid");
	struct channel *ch = channels_find(&l->channels, id);

	if (ch == NULL) {
		l->figures.unknown_ends++;
		ch = known(id) != NULL ? channels_add(&l->channels, id) : NULL;
	} else if (ch->dead) {
		l->figures.late++;
		return;
	}
	if (ch == NULL)
		return;
	bridge_leave(l, ch);
	if (ch->role == CHANNEL_LEG || (ch->role == CHANNEL_CALL && ch->ours))
		leg_release(l, ch,
			ch->leg_state == LEG_ANSWERED
				? USHER_REASON_HUNG_UP
				: reason_of_cause(ami_get(m, "Cause")),
			ami_get(m, "Cause-txt"));
	if (ch->role == CHANNEL_CALL)
		tell_gone(l, ch, 0);
	channels_bury(&l->channels, ch, l->t_us);
}

/* ---- waiting ---- */

/* Headers of a UserEvent that are the switch's, not the dialplan's. */
static bool
is_of_switch(const char *key)
{
	static const char *const names[] = {"Event", "Privilege", "Timestamp",
		"UserEvent", "ActionID", "SystemName", "SequenceNumber", "File", "Line",
		"Func", "Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum",
		"CallerIDName", "ConnectedLineNum", "ConnectedLineName", "Language",
		"AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid",
		"ChanVariable", "Dnis", "Ani", "Name", "Reason", "T0", "Number"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(key, names[i]) == 0)
			return true;
	return false;
}

/* The dialplan's own keys. "Enc-NAME" was sent through URIENCODE: its value, decoded, is
 * in a copy, which the caller frees with `owned`. */
static size_t
own_attributes(const struct ami_message *m, struct usher_attribute *out, char **owned)
{
	size_t n = 0;

	for (int i = 0; i < m->n && n < ATTRIBUTES_MAX; i++) {
		const char *key = ami_key(m, i), *value = ami_value(m, i);

		owned[n] = NULL;
		if (is_of_switch(key))
			continue;
		if (strncasecmp(key, "Enc-", 4) == 0) {
			owned[n] = ami_alloc(strlen(value) + 1, 1);
			memcpy(owned[n], value, strlen(value));
			if (!ami_uri_decode(owned[n])) {
				free(owned[n]);
				continue;
			}
			key += 4;
			value = owned[n];
		}
		out[n++] = (struct usher_attribute){
			.name = key, .kind = USHER_VALUE_TEXT, .text = value};
	}
	return n;
}

/* The dialplan's own word, seconds of the switch's clock, else the first of the channel.
 */
static int64_t
begun_us(const struct channel *call, const struct ami_message *m)
{
	const char *t0 = ami_get(m, "T0");
	int64_t us = t0 != NULL ? ami_time_us(t0) : 0;

	return us != 0 ? us : call->born_us;
}

static void
tell_waiting(struct link *l, const struct channel *call, const struct ami_message *m,
	const char *place)
{
	struct usher_attribute attributes[ATTRIBUTES_MAX];
	char *owned[ATTRIBUTES_MAX];
	const char *ani = known(ami_get(m, "Ani")), *name = known(ami_get(m, "Name"));
	const char *why = ami_get(m, "Reason");
	struct usher_switch_event e = {.kind = USHER_CALL_WAITING,
		.call = call->id,
		.number = ani != NULL ? ani : known(ami_get(m, "CallerIDNum")),
		.name = name != NULL ? name : known(ami_get(m, "CallerIDName")),
		.dialled = known(ami_get(m, "Dnis")),
		.device = known(ami_get(m, "Channel")),
		.place = place,
		.begun_us = begun_us(call, m),
		.why = why != NULL ? why : "",
		.attributes = attributes};

	e.n_attributes = place == NULL ? own_attributes(m, attributes, owned) : 0;
	if (place != NULL)
		e.dialled = known(ami_get(m, "Exten"));
	emit(l, &e);
	for (size_t i = 0; i < e.n_attributes; i++)
		free(owned[i]);
}

static void
begin_waiting(struct link *l, const struct ami_message *m, const char *place)
{
	struct channel *ch = channels_find(&l->channels, ami_get(m, "Uniqueid"));

	/* Its end overtook its beginning: he came, and left. */
	if (ch != NULL && ch->dead && !ch->reported) {
		ch->reported = true;
		tell_waiting(l, ch, m, place);
		tell_gone(l, ch, ch->died_us);
		return;
	}
	ch = see(l, m, "", true);
	if (ch == NULL)
		return;
	if (ch->gone || (ch->reported && ch->waiting_us == l->t_us && l->t_us != 0)) {
		l->figures.late++;
		return;
	}
	/* He would not wait again if a telephone still rang for him. */
	legs_give_up(l, ch, reason_of_status(ami_get(m, "Reason")), ami_get(m, "Reason"));
	ch->role = CHANNEL_CALL;
	ch->reported = true;
	ch->put_through = ch->dial_ended = false;
	ch->waiting_us = l->t_us;
	ch->leaving_us = 0;
	tell_waiting(l, ch, m, place);
}

static void
on_usher_gone(struct link *l, const struct ami_message *m)
{
	const char *id = known(ami_get(m, "Uniqueid"));
	struct channel *ch = channels_find(&l->channels, id);

	if (ch != NULL && (ch->dead || ch->gone)) {
		l->figures.late++;
	} else if (ch != NULL && ch->role == CHANNEL_CALL) {
		tell_gone(l, ch, 0);
	} else if (id != NULL) {
		/* Only who waited raises it: his beginning is on its way, or was before
		 * our time. */
		l->figures.unknown_ends++;
		emit(l, &(struct usher_switch_event){.kind = USHER_CALL_GONE,
				.call = id,
				.outcome = USHER_OUTCOME_ABANDONED});
	}
}

/* The dialplan's own word on an attempt. It is the only one when the device is not
 * registered (CTI 3.1, 4); else the switch has told before, or will again. */
static void
on_usher_dial_end(struct link *l, const struct ami_message *m)
{
	const char *status = ami_get(m, "Status");
	struct channel *call = see(l, m, "", false);

	if (call == NULL || call->role != CHANNEL_CALL || call->gone || status == NULL ||
		strcmp(status, "ANSWER") == 0)
		return;
	if (legs_give_up(l, call, reason_of_status(status), status) > 0 ||
		call->dial_ended)
		return;
	call->dial_ended = true;
	emit(l, &(struct usher_switch_event){.kind = USHER_LEG_RELEASED,
			.call = call->id,
			.offer = offer_of(call, ami_get(m, "Agent")),
			.device = known(ami_get(m, "Agent")),
			.reason = reason_of_status(status),
			.why = status});
}

/* Of a call that may not wait yet: the menu asks for the queue that it names. */
static void
on_usher_ask(struct link *l, const struct ami_message *m)
{
	struct usher_attribute attributes[ATTRIBUTES_MAX];
	char *owned[ATTRIBUTES_MAX];
	struct channel *ch = see(l, m, "", true);
	struct usher_switch_event e = {.kind = USHER_CALL_ASKS, .attributes = attributes};

	if (ch == NULL || ch->gone)
		return;
	e.call = ch->id;
	e.n_attributes = own_attributes(m, attributes, owned);
	emit(l, &e);
	for (size_t i = 0; i < e.n_attributes; i++)
		free(owned[i]);
}

static void
on_usher_callback(struct link *l, const struct ami_message *m)
{
	struct channel *ch = see(l, m, "", false);

	if (ch == NULL || ch->role != CHANNEL_CALL || ch->gone)
		return;
	emit(l, &(struct usher_switch_event){.kind = USHER_CALL_WANTS_CALLBACK,
			.call = ch->id,
			.number = known(ami_get(m, "Number"))});
}

static void
on_user_event(struct link *l, const struct ami_message *m)
{
	const char *name = ami_get(m, "UserEvent");

	if (name == NULL)
		return;
	if (strcasecmp(name, "UsherWait") == 0)
		begin_waiting(l, m, NULL);
	else if (strcasecmp(name, "UsherGone") == 0)
		on_usher_gone(l, m);
	else if (strcasecmp(name, "UsherDialEnd") == 0)
		on_usher_dial_end(l, m);
	else if (strcasecmp(name, "UsherAsk") == 0)
		on_usher_ask(l, m);
	else if (strcasecmp(name, "UsherCallback") == 0)
		on_usher_callback(l, m);
}

static void
on_queue_caller_join(struct link *l, const struct ami_message *m)
{
	const char *queue = ami_get(m, "Queue");

	if (l->settings->app_queue && queue != NULL)
		begin_waiting(l, m, queue);
}

/* ---- all messages ---- */

struct event_rule {
	const char *name;
	void (*run)(struct link *l, const struct ami_message *m);
};

/* Sorted, for bsearch; what is not here says nothing that the others do not. */
static const struct event_rule rules[] = {
	{"AttendedTransfer", on_attended_transfer},
	{"BlindTransfer", on_blind_transfer},
	{"BridgeEnter", on_bridge_enter},
	{"BridgeLeave", on_bridge_leave},
	{"CoreShowChannel", on_core_show_channel},
	{"CoreShowChannelsComplete", on_core_show_channels_complete},
	{"DeviceStateChange", on_device_state},
	{"DialBegin", on_dial_begin},
	{"DialEnd", on_dial_end},
	{"FullyBooted", on_fully_booted},
	{"Hangup", on_hangup},
	{"HangupRequest", on_hangup_request},
	{"Hold", on_hold},
	{"Newchannel", on_new_channel},
	{"OriginateResponse", on_originate_response},
	{"QueueCallerJoin", on_queue_caller_join},
	{"Rename", on_rename},
	{"Shutdown", on_shutdown},
	{"Unhold", on_unhold},
	{"UserEvent", on_user_event},
};

static int
by_name(const void *key, const void *rule)
{
	return strcmp(key, ((const struct event_rule *)rule)->name);
}

static void
on_message(void *context, const struct ami_message *m)
{
	struct link *l = context;
	const char *event = ami_get(m, "Event");
	const struct event_rule *rule;

	l->t_us = ami_time_us(ami_get(m, "Timestamp"));
	if (l->figures.first_us == 0)
		l->figures.first_us = l->t_us;
	if (l->t_us > l->figures.last_us)
		l->figures.last_us = l->t_us;
	if (event == NULL) {
		on_response(l, m);
		return;
	}
	l->figures.events++;
	rule = bsearch(event, rules, sizeof(rules) / sizeof(rules[0]), sizeof(rules[0]),
		by_name);
	if (rule != NULL)
		rule->run(l, m);
}

/* ---- the table of the switch stage ---- */

static void *
link_open(void *state, const struct usher_switch_sink *sink)
{
	struct link *l = ami_alloc(1, sizeof(*l));

	l->settings = state;
	l->sink = sink;
	l->session = 1;
	ami_reader_init(&l->reader);
	return l;
}

static void
link_close(void *link)
{
	struct link *l = link;

	ami_reader_finish(&l->reader);
	channels_finish(&l->channels);
	free(l);
}

static bool
link_receive(void *link, const char *bytes, size_t n)
{
	struct link *l = link;

	l->figures.bytes += n;
	if (!ami_reader_feed(&l->reader, bytes, n, on_message, l)) {
		l->problem = "the first line is no greeting of the Asterisk Manager "
			     "Interface; "
			     "is the port manager.conf's?";
		return false;
	}
	if (l->reader.greeted && !l->login_sent)
		send_login(l);
	return !l->turned_away;
}

/* What it told of channels may be wrong by now. Calls are kept, so that the snapshot of
 * the next connection knows which channels are calls, wherever they have got to. */
static void
link_lost(void *link)
{
	struct link *l = link;
	struct channel *next;

	tell_down(l, l->reader.greeted ? "closed" : "no greeting");
	ami_reader_restart(&l->reader);
	l->session++;
	l->login_sent = l->listing = l->turned_away = false;
	for (struct channel *ch = l->channels.oldest; ch != NULL; ch = next) {
		next = ch->newer;
		channels_leave(&l->channels, ch);
		ch->together_us = ch->held_us = 0;
		ch->n_ringing = 0;
		if (ch->role != CHANNEL_CALL)
			channels_forget(&l->channels, ch);
	}
}

static void
link_figures(const void *link, struct usher_switch_figures *out)
{
	const struct link *l = link;
	struct usher_switch_figures f = l->figures;
	const char *problem = l->problem != NULL ? l->problem : l->reader.problem;
	uint32_t size = out->size < sizeof(f) ? out->size : (uint32_t)sizeof(f);

	f.size = size;
	f.messages = l->reader.messages;
	f.refused = l->reader.refused;
	if (problem != NULL)
		snprintf(f.problem, sizeof(f.problem), "%s", problem);
	memcpy(out, &f, size);
}

static const struct usher_switch telephony = {
	.abi = USHER_SWITCH_ABI,
	.size = sizeof(struct usher_switch),
	.open = link_open,
	.close = link_close,
	.receive = link_receive,
	.lost = link_lost,
	.act = link_act,
	.figures = link_figures,
};

static const struct usher_setting settings[] = {
	USHER_SETTING(
		TEXT, struct asterisk, username, 0, 64, "usher", "user of manager.conf"),
	USHER_SETTING(
		TEXT, struct asterisk, secret, 0, 256, "", "his secret in manager.conf"),
	USHER_SETTING(TEXT, struct asterisk, wait_context, 1, 63, "usher-wait",
		"context of the dialplan in which callers wait"),
	USHER_SETTING(TEXT, struct asterisk, agent_context, 1, 63, "usher-agent",
		"context that dials an agent's device"),
	USHER_SETTING(TEXT, struct asterisk, id_prefix, 1, 32, "usher-",
		"how the ids of channels begin that usher has the switch dial"),
	USHER_SETTING(BOOL, struct asterisk, app_queue, 0, 1, "true",
		"whether callers in the switch's own queues are reported too; usher does "
		"not hand them out"),
	USHER_SETTING(TEXT, struct asterisk, auth, 1, 8, "md5",
		"md5: the secret itself does not cross the wire; plain: it does"),
	USHER_SETTING(TEXT, struct asterisk, out_context, 1, 63, "usher-out",
		"context that dials numbers outside"),
	USHER_SETTING(TEXT, struct asterisk, hold_context, 1, 63, "usher-hold",
		"context in which callers hold"),
	USHER_SETTING(TEXT, struct asterisk, conference_context, 1, 63,
		"usher-conference", "context whose extensions are conference rooms"),
	USHER_SETTING(TEXT, struct asterisk, device_prefix, 0, 32, "PJSIP/",
		"technology of agents' devices that are named by their extension alone"),
};

extern const struct usher_plugin usher_plugin;
__attribute__((visibility("default"))) const struct usher_plugin usher_plugin = {
	.abi = USHER_PLUGIN_ABI,
	.size = sizeof(struct usher_plugin),
	.name = "asterisk",
	.version = "1.0",
	.help = "Speaks to Asterisk by its Manager Interface.",
	.state_size = sizeof(struct asterisk),
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.telephony = &telephony,
};
