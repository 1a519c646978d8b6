/*
 * intake/voice_offers.c - the router's decisions as orders to switches, and how attempts
 * end.
 *
 *   offer committed -> connect;  no answer -> RONA;  busy, turned down -> reject;
 *   not registered -> the agent is not ready, reason device;  congestion -> nobody's
 * fault offer withdrawn, contact back in its queue -> music;  contact over -> hang up,
 * divert
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "intake/voice_inner.h"

#define CONGESTION_MS 3000 /* a caller is not offered for so long after it */
#define DOUBT_MS 5000	   /* nor after the switch said that he is gone */

/* ---- connecting ---- */

bool
voice_answers(const struct voice *v, const struct voice_switch *s, int agent)
{
	const struct centre *c = router_centre(v->parts.router);
	enum agent_answer answer = agent >= 0 && agent < c->n_agents
					   ? c->agents[agent].answer
					   : ANSWER_AS_SWITCH;

	if (answer != ANSWER_AS_SWITCH)
		return answer == ANSWER_AUTO;
	return s->settings != NULL && s->settings->answer;
}

void
voice_connect(
	struct voice *v, struct voice_call *c, uint64_t offer, int agent, int64_t ring_ms)
{
	struct usher_switch_action a = voice_action(USHER_ACTION_CONNECT, c);
	const char *device = router_agent_device(v->parts.router, agent);
	char id[OFFER_TEXT];

	number_id_format(id, 'o', offer);
	a.action = a.offer = id;
	a.device = device;
	a.ring_ms = ring_ms;
	a.answer = voice_answers(v, c->on, agent);
	c->connect = offer;
	c->connect_agent = agent;
	c->connect_overdue = false;
	voice_say_delist(v, c);
	v->counts.connects++;
	voice_agent_look(v, agent);
	if (device == NULL || device[0] == '\0') {
		/* Nobody could ring him. */
		voice_dial_result(v, c, offer, USHER_REASON_UNAVAILABLE);
	} else if (!voice_order(v, c->on, &a)) {
		c->connect = 0;
		router_offer_failed(v->parts.router, voice_now_ms(v), offer,
			OFFER_CANCELLED, "link_down", NULL, INT64_MAX, voice_no_reply);
	}
}

void
voice_withdraw(struct voice *v, struct voice_call *c)
{
	struct usher_switch_action a = voice_action(USHER_ACTION_WAIT, c);

	c->connect = 0;
	if (c->gone || c->told_over)
		return;
	v->counts.withdrawn++;
	voice_order(v, c->on, &a);
}

/* ---- how an attempt ended ---- */

static void
failed(struct voice *v, uint64_t offer, enum offer_state how, const char *reason,
	const char *fault, int64_t until_ms)
{
	router_offer_failed(v->parts.router, voice_now_ms(v), offer, how, reason, fault,
		until_ms, voice_no_reply);
}

/* A desktop had accepted before its telephone rang (accept_first): his contact goes back,
 * with the same consequences for him. */
static void
accepted_but_not_reached(
	struct voice *v, struct voice_call *c, int agent, enum usher_leg_reason reason)
{
	const char *fault = reason == USHER_REASON_UNAVAILABLE ? "device"
			    : reason == USHER_REASON_NO_ANSWER ? "no_answer"
							       : NULL;

	if (fault != NULL)
		router_set_state(v->parts.router, voice_now_ms(v), agent, AGENT_NOT_READY,
			fault, false, voice_no_reply);
	router_transfer(v->parts.router, voice_now_ms(v), c->contact, agent, -1, -1,
		voice_no_reply);
}

void
voice_dial_result(struct voice *v, struct voice_call *c, uint64_t offer,
	enum usher_leg_reason reason)
{
	uint64_t open = router_contact_offer(v->parts.router, c->contact);
	bool overdue = c->connect_overdue && c->connect == offer;
	int agent = c->connect_agent;
	bool connecting = c->connect != 0 && c->connect == offer;

	if (offer != 0 && c->connect == offer) {
		c->connect = 0;
		c->connect_overdue = false;
	}
	if (open == 0 || open != offer) {
		if (connecting && agent >= 0 && reason != USHER_REASON_CANCELLED &&
			router_contact_state(v->parts.router, c->contact) ==
				CONTACT_CONNECTED &&
			router_contact_agent(v->parts.router, c->contact) == agent)
			accepted_but_not_reached(v, c, agent, reason);
		else
			v->counts.ignored++;
		return;
	}
	if (reason == USHER_REASON_CANCELLED && overdue)
		reason = USHER_REASON_NO_ANSWER; /* we cut the ringing short */
	switch (reason) {
	case USHER_REASON_NO_ANSWER:
		v->counts.no_answer++;
		failed(v, offer, OFFER_TIMEOUT, "no_answer", NULL, 0);
		return;
	case USHER_REASON_BUSY:
		v->counts.busy++;
		failed(v, offer, OFFER_REJECTED, "busy", NULL, 0);
		return;
	case USHER_REASON_UNAVAILABLE:
		v->counts.unavailable++;
		failed(v, offer, OFFER_CANCELLED, "unavailable", "device", 0);
		return;
	case USHER_REASON_CONGESTION:
		failed(v, offer, OFFER_CANCELLED, "congestion", NULL,
			voice_now_ms(v) + CONGESTION_MS);
		return;
	case USHER_REASON_GONE:
	case USHER_REASON_LOST:
		failed(v, offer, OFFER_CANCELLED, cti_reason_name(reason), NULL,
			voice_now_ms(v) + DOUBT_MS);
		return;
	case USHER_REASON_CANCELLED: /* the caller left; we are told in a moment */
		return;
	case USHER_REASON_NONE:
	case USHER_REASON_HUNG_UP:
	case USHER_REASON_OTHER:
		v->counts.no_answer++;
		failed(v, offer, OFFER_REJECTED, "other", NULL, 0);
		return;
	}
}

/* Our own timer, behind the ring time: the leg is withdrawn; its end ends the offer. */
void
voice_overdue(void *owner, uint64_t contact, uint64_t offer)
{
	struct voice *v = owner;
	struct voice_call *c = voice_call_of(v, contact);
	struct voice_leg *leg;

	if (c == NULL || !c->on->up) {
		failed(v, offer, OFFER_CANCELLED, "link_down", NULL,
			c != NULL ? INT64_MAX : 0);
		return;
	}
	if (voice_is_behind(c->on))
		return; /* that it was answered may lie unread; we are asked again */
	leg = voice_agent_leg(v, c);
	if (leg == NULL) {
		/* It never rang, or the word of its end was lost. */
		failed(v, offer, OFFER_CANCELLED, "no_ring", NULL, 0);
		return;
	}
	c->connect_overdue = true;
	c->connect = offer;
	{
		struct usher_switch_action a = voice_action(USHER_ACTION_WAIT, c);

		voice_order(v, c->on, &a);
	}
}

void
voice_order_failed(struct voice *v, const struct cti_event *event)
{
	const struct usher_switch_event *e = event->is;
	struct voice_call *c;
	uint64_t offer = 0;
	size_t at = 0;
	void *value;

	if (e->action[0] == 'd') {
		while (map_next(&v->calls, &at, NULL, &value)) {
			c = value;
			/* "dCONTACT-N" asked for "usher-CONTACT-N". */
			if (c->ours &&
				strcmp(c->id + strlen("usher-"), e->action + 1) == 0) {
				voice_dial_ended(v, c,
					c->n_legs == 0 &&
						!v->settings->dialling.customer_first,
					e->reason);
				return;
			}
		}
		return;
	}
	if (!number_id_parse(e->action, 'o', &offer))
		return; /* what it was for shows in what follows */
	while (map_next(&v->calls, &at, NULL, &value)) {
		c = value;
		if (c->connect == offer) {
			voice_dial_result(v, c, offer,
				e->reason == USHER_REASON_GONE ? USHER_REASON_GONE
							       : USHER_REASON_LOST);
			return;
		}
	}
}

/* ---- what the router decided ---- */

static void
end_call(struct voice *v, struct voice_call *c, enum usher_action_kind kind,
	const char *why)
{
	struct usher_switch_action a = voice_action(kind, c);

	if (c->gone || c->told_over)
		return;
	c->told_over = true;
	a.device = why;
	voice_order(v, c->on, &a);
}

/* Of this offer a telephone rings, or is about to. */
static void
offer_over(struct voice *v, struct voice_call *c, const struct event *e)
{
	if (c->connect == e->offer && c->connect != 0 && !c->waits)
		voice_withdraw(v, c);
	else if (c->connect == e->offer)
		c->connect = 0;
}

static void
back_in_queue(struct voice *v, struct voice_call *c)
{
	/* Handed back by a desktop or by staff while they talked. */
	if (!c->waits && c->n_legs > 0 && c->connect == 0)
		voice_withdraw(v, c);
}

/* The agent ended it at his desktop; a call that he left already goes on without him. */
static void
agent_done(struct voice *v, struct voice_call *c)
{
	for (int i = 0; i < c->n_legs; i++)
		if (c->leg[i].state == VOICE_LEG_TALKS && !c->leg[i].consult &&
			c->leg[i].agent >= 0 && c->transfers == 0) {
			end_call(v, c, USHER_ACTION_HANG_UP, NULL);
			return;
		}
}

void
voice_event(void *owner, const struct event *e)
{
	struct voice *v = owner;
	struct voice_call *c = voice_call_of(v, e->contact);
	const struct centre *centre = router_centre(v->parts.router);

	if (e->kind == EVENT_AGENT_STATE && e->agent >= 0)
		voice_agent_changed(v, e->agent);
	if (e->kind == EVENT_CONFIGURED)
		voice_agents_configure(v);
	if (!v->dying)
		voice_dial_event(v, e);
	c = voice_call_of(v, e->contact);
	if (c == NULL || v->dying)
		return;
	switch ((int)e->kind) {
	case EVENT_CONTACT_UPDATED:
		if (e->reason != NULL && strcmp(e->reason, "customer") == 0)
			voice_is_recognised(v, c);
		return;
	case EVENT_OFFER_CREATED:
		if (!centre->channels[e->channel].accept_first)
			voice_connect(v, c, e->offer, e->agent,
				centre->channels[e->channel].offer_timeout_ms);
		return;
	case EVENT_OFFER_ACCEPTED:
		if (centre->channels[e->channel].accept_first && c->connect == 0 &&
			voice_agent_leg(v, c) == NULL)
			voice_connect(v, c, e->offer, e->agent,
				centre->channels[e->channel].offer_timeout_ms);
		return;
	case EVENT_OFFER_REJECTED:
	case EVENT_OFFER_TIMEOUT:
	case EVENT_OFFER_CANCELLED:
		offer_over(v, c, e);
		return;
	case EVENT_CONTACT_QUEUED:
		back_in_queue(v, c);
		return;
	case EVENT_CONTACT_WRAPUP:
	case EVENT_CONTACT_COMPLETED:
		if (!c->gone)
			agent_done(v, c);
		break;
	case EVENT_CONTACT_EXPIRED:
		end_call(v, c, USHER_ACTION_DIVERT, "expired");
		break;
	case EVENT_CONTACT_CANCELLED:
		end_call(v, c, USHER_ACTION_DIVERT, "cancelled");
		break;
	default:
		break;
	}
	if (router_contact_state(v->parts.router, e->contact) == CONTACT_STATES)
		voice_call_detach(v, c);
}
