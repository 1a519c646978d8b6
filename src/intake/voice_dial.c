/*
 * intake/voice_dial.c - customers called back. Each attempt is written with the contact
 * before the switch is asked, so that none is made twice after a crash (RELIABILITY I8).
 *
 *   agent first:    accepted -> attempt written -> his telephone, then the customer's
 *   customer first: its turn -> summoned -> attempt written -> the customer's telephone
 *                   -> he waits at his old place -> an agent
 *   not reached -> scheduled to the next attempt;  the last one -> unreachable
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "intake/voice_inner.h"
#include "model/calendar.h"

#define LOOK_MS 1000	  /* how often hours are looked at */
#define NEVER_MS 86400000 /* hours without an opening are looked at again after it */

/* A contact that waits to be called back. */
struct callback {
	uint64_t contact;
	char number[NUMBER_MOST + 1];
	char *zone;	      /* owned; of the customer; NULL: the centre's */
	struct calendar *day; /* owned; permitted hours where he is */
};

static int
dial_channel(const struct voice *v)
{
	return centre_channel(
		router_centre(v->parts.router), v->settings->dialling.channel);
}

static struct voice_switch *
dial_switch(const struct voice *v)
{
	const char *name = v->settings->dialling.on;

	if (name == NULL && v->settings->n_switches > 0)
		name = v->settings->switches[0].name;
	return name != NULL ? voice_switch_of(v, name) : NULL;
}

/* ---- numbers ---- */

/* Under the number plan, if there is one; else what can be a number at all. */
static bool
read_number(const struct voice *v, const char *text, char out[NUMBER_MOST + 1])
{
	size_t n = 0;

	if (text == NULL)
		return false;
	if (v->parts.number != NULL)
		return v->parts.number(v->parts.number_owner, text, out, NUMBER_MOST + 1);
	for (; *text != '\0'; text++) {
		if (strchr(" -()./", *text) != NULL)
			continue;
		if (!((*text >= '0' && *text <= '9') || (*text == '+' && n == 0)) ||
			n == NUMBER_MOST)
			return false;
		out[n++] = *text;
	}
	out[n] = '\0';
	return n >= 3;
}

static bool
number_of(const struct voice *v, uint64_t contact, char out[NUMBER_MOST + 1])
{
	static const char *const names[] = {"callback.number", "ani"};
	const char *own = router_attempts(v->parts.router, contact).number;

	if (own != NULL)
		return read_number(v, own, out);
	for (size_t i = 0; i < 2; i++)
		if (read_number(v,
			    router_contact_text(v->parts.router, contact, names[i]), out))
			return true;
	return false;
}

/* ---- who waits to be called ---- */

static void
callback_destroy(struct callback *b)
{
	free(b->zone);
	calendar_destroy(b->day);
	free(b);
}

static struct calendar *
day_of(const struct voice *v, const char *zone)
{
	const struct dial_settings *d = &v->settings->dialling;
	struct calendar *day = calendar_create(zone);

	for (int weekday = 0; day != NULL && weekday < 7; weekday++)
		if (!calendar_add_hours(day, weekday, d->earliest_min, d->latest_min))
			break; /* never: the settings were checked */
	return day;
}

static void
set_day(const struct voice *v, struct callback *b)
{
	calendar_destroy(b->day);
	b->day = b->zone != NULL ? day_of(v, b->zone) : NULL;
	if (b->day == NULL)
		b->day = day_of(v, router_centre(v->parts.router)->timezone);
}

static struct callback *
callback_create(const struct voice *v, uint64_t contact)
{
	struct callback *b = xcalloc(1, sizeof *b);

	b->contact = contact;
	if (!number_of(v, contact, b->number))
		b->number[0] = '\0';
	b->zone = xstrdup(
		router_contact_text(v->parts.router, contact, "callback.timezone"));
	set_day(v, b);
	return b;
}

static void
remember(struct voice *v, uint64_t contact)
{
	if (idmap_get(&v->callbacks, contact) == NULL)
		idmap_put(&v->callbacks, contact, callback_create(v, contact));
}

static void
forget(struct voice *v, uint64_t contact)
{
	struct callback *b = idmap_remove(&v->callbacks, contact);

	if (b != NULL)
		callback_destroy(b);
}

void
voice_dial_configure(struct voice *v)
{
	size_t at = 0;
	void *b;

	while (idmap_next(&v->callbacks, &at, NULL, &b))
		set_day(v, b);
}

void
voice_dial_finish(struct voice *v)
{
	size_t at = 0;
	void *b;

	while (idmap_next(&v->callbacks, &at, NULL, &b))
		callback_destroy(b);
	idmap_finish(&v->callbacks);
}

/* ---- hours ---- */

/* The next moment, from wall_ms on, at which he may be dialled. */
static int64_t
next_open_ms(const struct voice *v, const struct callback *b, int64_t wall_ms)
{
	const struct centre *c = router_centre(v->parts.router);
	int hours = v->settings->dialling.calendar;

	for (int i = 0; i < 100; i++) {
		int64_t at_ms = wall_ms;

		if (hours >= 0)
			at_ms = calendar_next_open_ms(c->calendars[hours], at_ms);
		if (b->day != NULL)
			at_ms = calendar_next_open_ms(b->day, at_ms);
		if (at_ms == wall_ms || at_ms >= CALENDAR_FOREVER_MS)
			return at_ms;
		wall_ms = at_ms;
	}
	return wall_ms;
}

/* The same in centre time, from at_ms on. */
static int64_t
opens_ms(const struct voice *v, const struct callback *b, int64_t at_ms)
{
	int64_t ahead_ms = clock_wall_ms() - voice_now_ms(v);
	int64_t open_ms = next_open_ms(v, b, at_ms + ahead_ms);

	return open_ms < CALENDAR_FOREVER_MS ? open_ms - ahead_ms : at_ms + NEVER_MS;
}

int64_t
voice_dial_opens_ms(void *owner, uint64_t contact, int64_t at_ms)
{
	const struct voice *v = owner;
	struct callback *b;

	/* Whoever is on the line already is not dialled. */
	if (v->settings == NULL || v->settings->n_switches == 0 ||
		router_contact_channel(v->parts.router, contact) != dial_channel(v) ||
		voice_call_of(v, contact) != NULL)
		return at_ms;
	b = idmap_get(&v->callbacks, contact);
	if (b != NULL)
		return opens_ms(v, b, at_ms);
	b = callback_create(v, contact); /* it is remembered once it is stored */
	at_ms = opens_ms(v, b, at_ms);
	callback_destroy(b);
	return at_ms;
}

/* Outside the hours it waits for the next opening; once that is behind its deadline a
 * second time its time is over (CONTRACTS 8.9). */
static void
look_at_hours(struct voice *v, const struct callback *b)
{
	int64_t now_ms = voice_now_ms(v), open_ms = opens_ms(v, b, now_ms);
	struct estimate e;
	json_t *o;
	bool late;

	if (open_ms <= now_ms ||
		!router_estimate(v->parts.router, now_ms, b->contact, &e))
		return;
	o = router_contact_json(v->parts.router, now_ms, b->contact, DESCRIBE_BRIEF);
	late = json_integer_value(json_object_get(o, "deadline_ms")) < now_ms;
	json_decref(o);
	if (late && router_missed(v->parts.router, b->contact) > 1)
		router_expire(v->parts.router, now_ms, b->contact, "window_missed",
			voice_no_reply);
	else
		router_suspend(v->parts.router, now_ms, b->contact, open_ms,
			"outside_hours", voice_no_reply);
}

void
voice_dial_beat(struct voice *v, int64_t boot_ms)
{
	size_t at = 0;
	void *value;

	if (boot_ms - v->hours_ms < LOOK_MS)
		return;
	v->hours_ms = boot_ms;
	while (idmap_next(&v->callbacks, &at, NULL, &value)) {
		const struct callback *b = value;

		if (router_contact_state(v->parts.router, b->contact) == CONTACT_QUEUED &&
			voice_call_of(v, b->contact) == NULL)
			look_at_hours(v, b);
	}
}

/* ---- how an attempt ended ---- */

static void
not_reached(struct voice *v, uint64_t contact, const char *reason)
{
	const struct dial_settings *d = &v->settings->dialling;
	int64_t now_ms = voice_now_ms(v);
	struct pass_on how = {.channel = -1,
		.until_ms = now_ms + (d->gap_ms > 0 ? d->gap_ms : 1),
		.by_agent = -1,
		.reason = reason};

	router_attempt_over(v->parts.router, contact);
	log_info("voice: customer not reached contact=%" PRIu64 " attempt=%d reason=%s",
		contact, router_attempts(v->parts.router, contact).n, reason);
	if (router_attempts(v->parts.router, contact).n >= d->attempts)
		router_unreachable(
			v->parts.router, now_ms, contact, -1, reason, voice_no_reply);
	else
		router_pass_on(v->parts.router, now_ms, contact, &how, voice_no_reply);
}

void
voice_dial_ended(struct voice *v, struct voice_call *c, bool agents_telephone,
	enum usher_leg_reason reason)
{
	struct usher_switch_action a = voice_action(USHER_ACTION_HANG_UP, c);
	uint64_t contact = c->contact;
	int agent = router_contact_agent(v->parts.router, contact);

	if (c->reached || c->dial_over || contact == 0)
		return;
	c->dial_over = true;
	if (!c->gone)
		voice_order(v, c->on, &a);
	voice_call_detach(v, c);
	if (agents_telephone && agent >= 0 && reason != USHER_REASON_CANCELLED)
		router_set_state(v->parts.router, voice_now_ms(v), agent, AGENT_NOT_READY,
			reason == USHER_REASON_NO_ANSWER ? "no_answer" : "device", false,
			voice_no_reply);
	not_reached(v, contact,
		agents_telephone ? "agent_telephone" : cti_reason_name(reason));
}

bool
voice_not_reached(struct voice *v, uint64_t contact, const char *result)
{
	struct voice_call *c = voice_call_of(v, contact);
	struct usher_switch_action a = voice_action(USHER_ACTION_HANG_UP, c);

	if (c == NULL || !c->ours ||
		router_contact_state(v->parts.router, contact) != CONTACT_CONNECTED)
		return false;
	voice_order(v, c->on, &a);
	c->told_over = true;
	voice_call_detach(v, c);
	if (strcmp(result, "wrong_number") == 0)
		router_unreachable(v->parts.router, voice_now_ms(v), contact, -1, result,
			voice_no_reply);
	else
		not_reached(v, contact, result);
	return true;
}

/* ---- dialling ---- */

/* The hours ended after it was offered: he is not dialled, whoever accepted. */
static bool
put_off(struct voice *v, uint64_t contact)
{
	int64_t now_ms = voice_now_ms(v);
	struct pass_on how = {.channel = -1,
		.until_ms = voice_dial_opens_ms(v, contact, now_ms),
		.by_agent = -1,
		.reason = "outside_hours"};

	if (how.until_ms <= now_ms)
		return false;
	router_attempt_over(v->parts.router, contact);
	router_pass_on(v->parts.router, now_ms, contact, &how, voice_no_reply);
	return true;
}

static void
carry_out(struct voice *v, uint64_t contact)
{
	struct voice_switch *s = dial_switch(v);
	int agent = router_contact_agent(v->parts.router, contact);
	int n = router_attempts(v->parts.router, contact).n;
	struct usher_switch_action a;
	char id[NUMBER_ID_TEXT], call[64], action[64], number[NUMBER_MOST + 1];
	struct voice_call *c;

	number_id_format(id, 'c', contact);
	snprintf(call, sizeof call, "usher-%s-%d", id, n);
	snprintf(action, sizeof action, "d%s-%d", id, n);
	if (s == NULL || !number_of(v, contact, number)) {
		not_reached(v, contact, s == NULL ? "no_switch" : "no_number");
		return;
	}
	c = voice_call_find(v, s, call);
	if (c == NULL)
		c = voice_call_make(v, s, call, true);
	voice_call_attach(v, c, contact);
	a = voice_action(v->settings->dialling.customer_first ? USHER_ACTION_DIAL
							      : USHER_ACTION_ORIGINATE,
		c);
	a.action = action;
	a.number = number;
	a.caller_number = v->settings->dialling.number;
	a.ring_ms = v->settings->dialling.ring_ms;
	a.device = router_agent_device(v->parts.router, agent);
	a.answer = voice_answers(v, s, agent);
	v->counts.dialled++;
	if (a.kind == USHER_ACTION_ORIGINATE && a.device == NULL)
		voice_dial_ended(v, c, true, USHER_REASON_UNAVAILABLE);
	else if (!voice_order(v, s, &a))
		voice_dial_ended(v, c, false, USHER_REASON_LOST);
}

/* The intent is written: now, and only now, it is carried out. */
static void
attempt_written(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct voice *v = owner;

	if (outcome->kind != OUTCOME_OK || v->dying)
		return;
	if (!put_off(v, who)) /* Redis may have been away meanwhile */
		carry_out(v, who);
}

static void
attempt(struct voice *v, uint64_t contact)
{
	if (router_attempts(v->parts.router, contact).n >= v->settings->dialling.attempts)
		not_reached(v, contact, "attempts_used");
	else if (!put_off(v, contact))
		router_attempt(v->parts.router, voice_now_ms(v), contact,
			(struct reply){attempt_written, v, contact, 0});
}

void
voice_dial_event(struct voice *v, const struct event *e)
{
	if (v->settings->n_switches == 0 || e->contact == 0)
		return;
	if (router_contact_state(v->parts.router, e->contact) == CONTACT_STATES) {
		forget(v, e->contact);
		return;
	}
	if (router_contact_channel(v->parts.router, e->contact) != dial_channel(v)) {
		forget(v, e->contact); /* it became something else */
		return;
	}
	if (e->kind == EVENT_CONTACT_CREATED || e->kind == EVENT_CONTACT_UPDATED ||
		e->kind == EVENT_CONTACT_QUEUED)
		remember(v, e->contact);
	if (voice_call_of(v, e->contact) != NULL)
		return;
	if (e->kind == EVENT_CONTACT_CONNECTED && !v->settings->dialling.customer_first)
		attempt(v, e->contact);
	else if (e->kind == EVENT_CONTACT_UPDATED && e->reason != NULL &&
		 strcmp(e->reason, "summoned") == 0)
		attempt(v, e->contact);
}

/* ---- after a start ---- */

static void
resume(void *owner, uint64_t contact, const char *external_id, enum contact_state state)
{
	struct voice *v = owner;

	if (router_contact_channel(v->parts.router, contact) != dial_channel(v))
		return;
	remember(v, contact);
	/* The switch knows no such call, or never heard of it: this attempt was made. */
	if (router_attempts(v->parts.router, contact).open &&
		voice_call_of(v, contact) == NULL &&
		(state == CONTACT_CONNECTED || state == CONTACT_SCHEDULED))
		not_reached(v, contact, "attempt_lost");
}

void
voice_dial_settle(struct voice *v, const struct voice_switch *s)
{
	if (s == dial_switch(v))
		router_each(v->parts.router, NULL, resume, v);
}

/* ---- from the queue, and back into it ---- */

/* He keeps his place: the contact goes on as a callback, and the call may end. */
static bool
swap(struct voice *v, struct voice_call *c, const char *number)
{
	const struct dial_settings *d = &v->settings->dialling;
	int64_t now_ms = voice_now_ms(v);
	char text[NUMBER_MOST + 1];
	struct pass_on how = {.channel = dial_channel(v),
		.until_ms = now_ms + d->delay_ms,
		.by_agent = -1,
		.same_place = true,
		.reason = "callback"};
	uint64_t contact = c->contact;

	if (how.channel < 0 || !read_number(v, number, text))
		return false;
	router_set_number(v->parts.router, contact, text);
	c->told_over = true;
	voice_call_detach(v, c);
	router_pass_on(v->parts.router, now_ms, contact, &how, voice_no_reply);
	if (router_contact_channel(v->parts.router, contact) == how.channel)
		return true;
	c->told_over = false; /* no queue takes it as that */
	voice_call_attach(v, c, contact);
	return false;
}

void
voice_wants_callback(struct voice *v, const struct cti_event *event)
{
	const struct usher_switch_event *e = event->is;
	struct voice_switch *s = voice_switch_of(v, event->on);
	struct voice_call *c = voice_call_find(v, s, e->call);
	struct usher_switch_action a = voice_action(USHER_ACTION_ANNOUNCE, c);

	if (c == NULL || c->contact == 0 ||
		router_contact_state(v->parts.router, c->contact) != CONTACT_QUEUED)
		return; /* somebody rings for him already */
	a.device =
		swap(v, c,
			e->number != NULL && e->number[0] != '\0' ? e->number : c->number)
			? "callback"
			: "nocallback";
	if (strcmp(a.device, "callback") == 0)
		v->counts.callbacks++;
	voice_order(v, s, &a);
}

/* A customer who waits to be called back rings himself: he has his place in that queue.
 */
bool
voice_dial_joins(struct voice *v, struct voice_call *c)
{
	const struct centre *centre = router_centre(v->parts.router);
	char number[NUMBER_MOST + 1];
	size_t at = 0;
	void *value;

	if (v->callbacks.n == 0 || !read_number(v, c->number, number))
		return false;
	while (idmap_next(&v->callbacks, &at, NULL, &value)) {
		const struct callback *b = value;
		uint64_t contact = b->contact;
		enum contact_state state = router_contact_state(v->parts.router, contact);
		struct pass_on how = {
			.channel =
				c->on->settings != NULL
					? centre_channel(centre, c->on->settings->channel)
					: -1,
			.by_agent = -1,
			.same_place = true,
			.reason = "rang_in"};

		if (strcmp(b->number, number) != 0 || how.channel < 0 ||
			voice_call_of(v, contact) != NULL ||
			(state != CONTACT_QUEUED && state != CONTACT_SCHEDULED))
			continue;
		voice_call_attach(v, c, contact);
		router_pass_on(
			v->parts.router, voice_now_ms(v), contact, &how, voice_no_reply);
		return true;
	}
	return false;
}
