/*
 * intake/voice_calls.c - what switches say of calls, to the router.
 *
 *   waiting -> contact;  waiting again -> back to its place;  gone -> left, over or lost
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "intake/voice_inner.h"

/* ---- the table ---- */

static char *
key_of(const struct voice_switch *s, const char *id)
{
	return xasprintf("%s\n%s", s->name, id);
}

struct voice_call *
voice_call_find(const struct voice *v, const struct voice_switch *s, const char *id)
{
	char *key = key_of(s, id);
	struct voice_call *c = map_get(&v->calls, key);

	free(key);
	return c;
}

struct voice_call *
voice_call_make(struct voice *v, struct voice_switch *s, const char *id, bool ours)
{
	struct voice_call *c = xcalloc(1, sizeof *c);

	c->key = key_of(s, id);
	c->id = c->key + strlen(s->name) + 1;
	c->on = s;
	c->ours = ours;
	c->number = xstrdup("");
	c->name = xstrdup("");
	c->dialled = xstrdup("");
	c->ivr_ms = c->queue_us = -1;
	c->connect_agent = -1;
	map_put(&v->calls, c->key, c);
	v->counts.calls++;
	return c;
}

void
voice_call_attach(struct voice *v, struct voice_call *c, uint64_t contact)
{
	c->contact = contact;
	idmap_put(&v->by_contact, contact, c);
	voice_measures_recall(v, c);
	router_carry(v->parts.router, contact, true);
	if (c->waits)
		voice_say_enlist(v, c);
}

void
voice_call_detach(struct voice *v, struct voice_call *c)
{
	if (c->contact == 0)
		return;
	if (voice_call_of(v, c->contact) == c)
		(void)idmap_remove(&v->by_contact, c->contact);
	router_carry(v->parts.router, c->contact, false);
	c->contact = 0;
	voice_say_delist(v, c);
}

void
voice_call_destroy(struct voice *v, struct voice_call *c)
{
	voice_say_delist(v, c);
	if (c->contact != 0 && voice_call_of(v, c->contact) == c)
		(void)idmap_remove(&v->by_contact, c->contact);
	(void)map_remove(&v->calls, c->key);
	voice_legs_finish(c);
	json_decref(c->attributes);
	free(c->number);
	free(c->name);
	free(c->dialled);
	free(c->key);
	free(c);
}

void
voice_calls_finish(struct voice *v)
{
	size_t at = 0;
	void *value;

	while (map_next(&v->calls, &at, NULL, &value))
		voice_call_destroy(v, value);
	map_finish(&v->calls);
	at = 0;
	while (idmap_next(&v->asked, &at, NULL, &value))
		free(value);
	idmap_finish(&v->asked);
}

/* ---- handing in ---- */

static void end_contact(struct voice *v, struct voice_call *c);

/* It ended while the router was thinking it over. */
static void
gone_meanwhile(struct voice *v, struct voice_call *c)
{
	voice_measure(v, c);
	end_contact(v, c);
	voice_call_destroy(v, c);
}

static void
turned_away(struct voice *v, struct voice_call *c, const char *why)
{
	struct usher_switch_action a = voice_action(USHER_ACTION_DIVERT, c);

	v->counts.refused++;
	c->refused = true;
	log_info("voice: call refused switch=%s call=%s why=%s", c->on->name, c->id, why);
	if (c->gone) {
		voice_call_destroy(v, c);
		return;
	}
	a.device = why;
	voice_order(v, c->on, &a);
}

static void
submitted(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct voice *v = owner;
	char *key = idmap_remove(&v->asked, tag);
	struct voice_call *c = key != NULL ? map_get(&v->calls, key) : NULL;

	free(key);
	if (c == NULL || v->dying)
		return;
	c->submitting = false;
	if (outcome->kind == OUTCOME_STORE_AWAY) {
		c->retry_ms = clock_boot_ms() + SUBMIT_RETRY_MS;
		return;
	}
	if (outcome->kind != OUTCOME_OK) {
		turned_away(v, c, outcome_name(outcome->kind));
		return;
	}
	json_decref(c->attributes);
	c->attributes = NULL;
	if (router_contact_state(v->parts.router, outcome->contact) == CONTACT_STATES) {
		/* Known, and over: another link, or another life of ours, saw its end. */
		turned_away(v, c, "over");
		return;
	}
	voice_call_attach(v, c, outcome->contact);
	voice_measure(v, c);
	if (c->gone) {
		gone_meanwhile(v, c);
		return;
	}
	voice_is_recognised(v, c);
	if (outcome->duplicate && c->waits)
		voice_reconcile(v, c, 0);
}

void
voice_submit(struct voice *v, struct voice_call *c)
{
	const struct switch_settings *set = c->on->settings;
	struct submission_error error;
	struct submission s = {0};
	json_t *json;

	if (!voice_places_are_known(v)) {
		c->retry_ms = clock_boot_ms() + SUBMIT_RETRY_MS;
		return;
	}
	c->retry_ms = 0;
	voice_comes_back(v, c);
	json = json_pack("{s:s, s:s, s:s, s:O}", "channel",
		set != NULL ? set->channel : "voice", "source", c->on->name,
		"external_id", c->id, "attributes", c->attributes);
	if (!submission_parse(json, &s, &error)) {
		log_error("voice: call not taken switch=%s call=%s field=%s why=\"%s\"",
			c->on->name, c->id, error.field, error.message);
		json_decref(json);
		turned_away(v, c, "not_taken");
		return;
	}
	json_decref(json);
	s.arrived_ms = c->begun_centre_ms;
	c->submitting = true;
	idmap_put(&v->asked, ++v->n_tags, xstrdup(c->key));
	router_submit(v->parts.router, voice_now_ms(v), &s,
		(struct reply){submitted, v, 0, v->n_tags});
	submission_finish(&s);
}

static void
set_attribute(json_t *o, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(o, name, json_string(text));
}

static json_t *
attributes_of(const struct voice_call *c, const struct usher_switch_event *e)
{
	json_t *o = json_object();

	for (size_t i = 0; i < e->n_attributes; i++)
		set_attribute(o, e->attributes[i].name, e->attributes[i].text);
	set_attribute(o, "ani", c->number);
	set_attribute(o, "dnis", c->dialled);
	set_attribute(o, "caller_name", c->name);
	return o;
}

static void
replace(char **text, const char *by)
{
	if (by == NULL || by[0] == '\0')
		return;
	free(*text);
	*text = xstrdup(by);
}

#define DAY_US INT64_C(86400000000)

/* Between two moments of the switch; the clocks themselves are not believed. */
static int64_t
between_ms(int64_t from_us, int64_t to_us)
{
	int64_t us = from_us != 0 && to_us > from_us ? to_us - from_us : 0;

	return us <= DAY_US ? us / 1000 : 0;
}

/* His age: none but his menus', by setting; or since he rang, where a list tells it. */
static void
date_call(struct voice *v, struct voice_call *c, const struct cti_event *event)
{
	const struct usher_switch_event *e = event->is;
	int64_t now_ms = voice_now_ms(v);
	int64_t menus_ms = between_ms(e->begun_us, e->t_us);

	c->begun_centre_ms = now_ms;
	if (e->begun_us != 0 && e->t_us != 0) {
		c->ivr_ms = menus_ms;
		if (c->on->settings != NULL && c->on->settings->count_ivr)
			c->begun_centre_ms -= menus_ms;
	} else if (event->resync && e->age_us > 0 && e->age_us <= DAY_US) {
		c->begun_centre_ms -= e->age_us / 1000;
	}
	c->before_us = (now_ms - c->begun_centre_ms) * 1000;
}

/* ---- waiting ---- */

/* A call that we had dialled names its contact. */
static uint64_t
contact_of_id(const char *id)
{
	const char *at = strstr(id, "usher-c");
	char text[NUMBER_ID_TEXT];
	uint64_t contact = 0;

	if (at != id || strlen(id) < 6 + NUMBER_ID_TEXT - 1)
		return 0;
	memcpy(text, id + 6, NUMBER_ID_TEXT - 1);
	text[NUMBER_ID_TEXT - 1] = '\0';
	return number_id_parse(text, 'c', &contact) ? contact : 0;
}

static void
waits_again(struct voice *v, struct voice_call *c)
{
	enum contact_state state = router_contact_state(v->parts.router, c->contact);

	c->waits = true;
	c->reached = true;
	if (c->served)
		voice_wait_begins(c, voice_moment_us(v, c->on));
	if (c->ours)
		router_attempt_over(v->parts.router, c->contact);
	voice_say_enlist(v, c);
	switch (state) {
	case CONTACT_CONNECTED:
	case CONTACT_PARKED:
		/* An agent handed him back to the queue at his telephone. */
		router_transfer(v->parts.router, voice_now_ms(v), c->contact, -1, -1, -1,
			voice_no_reply);
		return;
	case CONTACT_SCHEDULED:
		if (c->on->up)
			router_wake(v->parts.router, voice_now_ms(v), c->contact, "waits",
				voice_no_reply);
		return;
	case CONTACT_QUEUED:
	case CONTACT_OFFERED: /* by our order, or the end of a dial: told by its leg */
	case CONTACT_NEW:
	case CONTACT_PENDING:
	case CONTACT_WRAPUP:
	case CONTACT_COMPLETED:
	case CONTACT_ANSWERED:
	case CONTACT_ABANDONED:
	case CONTACT_EXPIRED:
	case CONTACT_CANCELLED:
	case CONTACT_UNREACHABLE:
	case CONTACT_LOST:
	case CONTACT_ERASED:
	case CONTACT_STATES:
		return;
	}
}

static void
on_waiting(struct voice *v, struct voice_switch *s, const struct cti_event *event)
{
	const struct usher_switch_event *e = event->is;
	struct voice_call *c = voice_call_find(v, s, e->call);
	uint64_t known;

	if (e->place != NULL && e->place[0] != '\0')
		return; /* the switch hands him out itself */
	if (c != NULL && c->contact != 0 && !event->resync) {
		waits_again(v, c);
		return;
	}
	if (c != NULL && (c->contact != 0 || c->submitting || c->refused)) {
		c->waits =
			e->state == USHER_STATE_NONE || e->state == USHER_STATE_WAITING;
		if (c->contact != 0 && c->waits)
			waits_again(v, c);
		return;
	}
	if (c == NULL)
		c = voice_call_make(v, s, e->call, false);
	c->waits = e->state == USHER_STATE_NONE || e->state == USHER_STATE_WAITING;
	replace(&c->number, e->number);
	replace(&c->name, e->name);
	replace(&c->dialled, e->dialled);
	known = router_find(v->parts.router, s->name, e->call);
	if (known == 0)
		known = contact_of_id(c->id);
	if (known != 0 &&
		router_contact_state(v->parts.router, known) != CONTACT_STATES) {
		/* Known before: we were started anew, or had him dialled. */
		c->ours = c->ours || contact_of_id(c->id) != 0;
		c->reached = c->reached || c->waits || e->state == USHER_STATE_TALKING;
		voice_call_attach(v, c, known);
		if (c->waits)
			waits_again(v, c);
		return;
	}
	c->ours = c->ours || contact_of_id(c->id) != 0;
	if (c->waits && !c->ours && voice_dial_joins(v, c))
		return;
	if (!c->waits || c->ours) {
		/* Served, and not ours, or not any more: his legs make agents busy. */
		return;
	}
	json_decref(c->attributes);
	c->attributes = attributes_of(c, e);
	date_call(v, c, event);
	voice_wait_begins(c, voice_moment_us(v, s));
	c->seen_whole = !event->resync;
	voice_submit(v, c);
}

static void
on_placed(struct voice *v, struct voice_switch *s, const struct usher_switch_event *e)
{
	struct voice_call *c = voice_call_find(v, s, e->call);
	uint64_t contact = contact_of_id(e->call);

	if (c == NULL)
		c = voice_call_make(v, s, e->call, true);
	c->ours = true;
	if (c->contact == 0 && contact != 0 &&
		router_contact_state(v->parts.router, contact) != CONTACT_STATES)
		voice_call_attach(v, c, contact);
}

/* ---- gone ---- */

static const char *
short_reason(struct voice *v, int64_t waited_ms)
{
	if (v->settings->calls.short_ms > 0 && waited_ms < v->settings->calls.short_ms) {
		v->counts.short_abandoned++;
		return "short_abandon";
	}
	return NULL;
}

static void
waiter_left(struct voice *v, struct voice_call *c)
{
	int64_t now_ms = voice_now_ms(v);
	int64_t t0_ms = router_contact_t0_ms(v->parts.router, c->contact);
	int64_t waited_ms = now_ms - t0_ms;

	/* By the switch's clock, where it told of the whole: we may be late. */
	if (!c->served && c->queue_us >= 0)
		waited_ms = c->queue_us / 1000;
	if (t0_ms != 0)
		voice_remember_abandon(v, c, t0_ms);
	v->counts.abandoned++;
	router_abandon(v->parts.router, now_ms, c->contact, short_reason(v, waited_ms),
		voice_no_reply);
}

static void
end_contact(struct voice *v, struct voice_call *c)
{
	enum contact_state state = router_contact_state(v->parts.router, c->contact);

	if (c->outcome == USHER_OUTCOME_LOST) {
		v->counts.lost++;
		if (state != CONTACT_WRAPUP)
			router_lose(v->parts.router, voice_now_ms(v), c->contact,
				voice_no_reply);
	} else if (state == CONTACT_CONNECTED || state == CONTACT_WRAPUP) {
		router_leave(
			v->parts.router, voice_now_ms(v), c->contact, voice_no_reply);
	} else if (state != CONTACT_STATES) {
		waiter_left(v, c);
	}
}

static void
on_gone(struct voice *v, struct voice_switch *s, const struct usher_switch_event *e)
{
	struct voice_call *c = voice_call_find(v, s, e->call);

	if (c == NULL)
		return;
	c->gone_us = voice_moment_us(v, s);
	voice_legs_over(v, c, c->gone_us);
	c->gone = true;
	c->outcome = e->outcome;
	voice_wait_abandoned(c);
	/* A telephone leaves the bridge a little before its end is told. */
	if (c->seen_whole && !c->outsiders && e->talk_us > 0) {
		c->talk_us = e->talk_us > e->hold_us ? e->talk_us - e->hold_us : 0;
		c->hold_us = e->hold_us;
	}
	if (c->submitting || c->retry_ms != 0)
		return; /* its contact is on its way */
	if (c->contact != 0 && c->ours && !c->reached)
		voice_dial_ended(v, c, false,
			e->outcome == USHER_OUTCOME_LOST ? USHER_REASON_LOST
							 : USHER_REASON_NO_ANSWER);
	if (c->contact != 0) {
		voice_measure(v, c);
		end_contact(v, c);
	}
	voice_call_destroy(v, c);
}

/* ---- all events ---- */

static void
on_up_or_down(struct voice *v, struct voice_switch *s, const struct cti_event *event)
{
	if (event->is->kind == USHER_SWITCH_UP)
		s->clock_known = false; /* it may have been set meanwhile */
	else if (event->is->kind == USHER_SWITCH_DOWN && !voice_link_is_up(s))
		voice_link_down(v, s);
	else if (event->is->kind == USHER_SNAPSHOT_END)
		voice_link_up(v, s);
}

static void
take(struct voice *v, struct voice_switch *s, const struct cti_event *event)
{
	const struct usher_switch_event *e = event->is;
	struct voice_call *c;

	switch (e->kind) {
	case USHER_SWITCH_UP:
	case USHER_SWITCH_DOWN:
	case USHER_SNAPSHOT_END:
		on_up_or_down(v, s, event);
		return;
	case USHER_CALL_WAITING:
		on_waiting(v, s, event);
		return;
	case USHER_CALL_PLACED:
		on_placed(v, s, e);
		return;
	case USHER_CALL_GONE:
		on_gone(v, s, e);
		return;
	case USHER_LEG_RINGING:
	case USHER_LEG_ANSWERED:
	case USHER_LEG_HELD:
	case USHER_LEG_RETRIEVED:
	case USHER_LEG_TRANSFERRED:
	case USHER_LEG_RELEASED:
		c = voice_call_find(v, s, e->call);
		if (c != NULL)
			voice_leg_event(v, c, event);
		return;
	case USHER_ACTION_FAILED:
		voice_order_failed(v, event);
		return;
	case USHER_DEVICE_STATE:
		voice_device_state(v, e);
		return;
	case USHER_CALL_ASKS:
		voice_asks(v, event);
		return;
	case USHER_CALL_WANTS_CALLBACK:
		voice_wants_callback(v, event);
		return;
	case USHER_SNAPSHOT_BEGIN:
	case USHER_SNAPSHOT_CALL:
		return; /* the set tells what follows from them */
	}
}

void
voice_told(void *owner, const struct cti_event *event)
{
	struct voice *v = owner;
	const struct usher_switch_event *e = event->is;
	struct voice_switch *s = voice_switch_of(v, event->on);

	if (s == NULL || v->dying)
		return;
	v->event_us = event->resync ? 0 : e->t_us;
	if (v->event_us != 0 && e->kind != USHER_SWITCH_DOWN)
		voice_clock_heard(s, v->event_us);
	take(v, s, event);
	v->event_us = 0;
}
/* ---- time ---- */

void
voice_calls_submit(struct voice *v)
{
	size_t at = 0;
	void *value;

	while (map_next(&v->calls, &at, NULL, &value)) {
		struct voice_call *c = value;

		if (c->retry_ms != 0 && !c->submitting)
			voice_submit(v, c);
	}
}

void
voice_calls_beat(struct voice *v, int64_t boot_ms)
{
	size_t at = 0;
	void *value;

	while (map_next(&v->calls, &at, NULL, &value)) {
		struct voice_call *c = value;

		if (c->retry_ms != 0 && boot_ms >= c->retry_ms && !c->submitting)
			voice_submit(v, c);
		else if (c->odd_ms != 0 && !voice_is_behind(c->on))
			voice_reconcile(v, c, boot_ms);
	}
}
