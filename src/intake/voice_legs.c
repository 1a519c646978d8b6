/*
 * intake/voice_legs.c - telephones' parts in a call: which offer had one rung, who has
 * the caller, how long.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "intake/voice_inner.h"

/* ---- the list ---- */

struct voice_leg *
voice_leg_of(struct voice_call *c, const char *id)
{
	for (int i = 0; i < c->n_legs; i++)
		if (strcmp(c->leg[i].id, id) == 0)
			return &c->leg[i];
	return NULL;
}

static void
leg_finish(struct voice_leg *leg)
{
	free(leg->id);
	free(leg->device);
}

void
voice_legs_finish(struct voice_call *c)
{
	for (int i = 0; i < c->n_legs; i++)
		leg_finish(&c->leg[i]);
	c->n_legs = 0;
}

/* NULL: more than any call has; what is beyond is not followed. */
static struct voice_leg *
leg_add(struct voice *v, struct voice_call *c, const struct usher_switch_event *e)
{
	struct voice_leg *leg;
	uint64_t offer = 0;

	if (c->n_legs == CALL_LEGS_MAX)
		return NULL;
	leg = &c->leg[c->n_legs++];
	*leg = (struct voice_leg){.id = xstrdup(e->leg),
		.device = xstrdup(e->device),
		.consult = e->consult,
		.agent = voice_agent_of(v, e->device),
		.at_ms = voice_now_ms(v)};
	if (e->offer[0] != '\0' && number_id_parse(e->offer, 'o', &offer))
		leg->offer = offer;
	return leg;
}

static void
leg_remove(struct voice_call *c, struct voice_leg *leg)
{
	leg_finish(leg);
	c->n_legs--;
	*leg = c->leg[c->n_legs];
}

struct voice_leg *
voice_agent_leg(struct voice *v, struct voice_call *c)
{
	int agent = router_contact_agent(v->parts.router, c->contact);
	struct voice_leg *rings = NULL;

	for (int i = 0; i < c->n_legs && agent >= 0; i++) {
		if (c->leg[i].agent != agent || c->leg[i].consult)
			continue;
		if (c->leg[i].state == VOICE_LEG_TALKS)
			return &c->leg[i];
		rings = &c->leg[i];
	}
	return rings;
}

/* An agent's telephone in that state, other than `but`. */
static bool
anybody(const struct voice_call *c, enum voice_leg_state state,
	const struct voice_leg *but)
{
	for (int i = 0; i < c->n_legs; i++)
		if (&c->leg[i] != but && c->leg[i].state == state && !c->leg[i].consult &&
			c->leg[i].agent >= 0)
			return true;
	return false;
}

static void
look(struct voice *v, const struct voice_leg *leg)
{
	if (leg->agent >= 0)
		voice_agent_look(v, leg->agent);
}

/* ---- what each leg did ---- */

static void
on_ringing(struct voice *v, struct voice_call *c, const struct usher_switch_event *e)
{
	struct voice_leg *leg = voice_leg_of(c, e->leg);

	if (leg == NULL)
		leg = leg_add(v, c, e);
	if (leg == NULL)
		return;
	leg->rang_us = voice_moment_us(v, c->on);
	if (!leg->consult)
		c->waits = false;
	look(v, leg);
}

/* The caller is with this telephone. */
static void
has_caller(struct voice *v, struct voice_call *c, const struct voice_leg *leg)
{
	uint64_t open = router_contact_offer(v->parts.router, c->contact);
	enum contact_state state = router_contact_state(v->parts.router, c->contact);
	int64_t now_ms = voice_now_ms(v);

	if (open != 0 &&
		(leg->offer == open ||
			(leg->offer == 0 && leg->agent >= 0 &&
				leg->agent == router_contact_agent(
						      v->parts.router, c->contact)))) {
		v->counts.answered++;
		router_answered(v->parts.router, now_ms, open, voice_no_reply);
		return;
	}
	if (leg->agent < 0)
		return; /* somebody outside: handed on, or one of a conference */
	if (leg->offer != 0 && (state == CONTACT_QUEUED || state == CONTACT_OFFERED)) {
		/* An offer that is over had it rung; it is being withdrawn. If it is not
		 * within ODD_MS the switch is right. */
		v->counts.ignored++;
		c->odd_ms = c->odd_ms != 0 ? c->odd_ms : clock_boot_ms();
		return;
	}
	if (state == CONTACT_CONNECTED &&
		router_contact_agent(v->parts.router, c->contact) == leg->agent)
		return;
	if (state == CONTACT_CONNECTED && anybody(c, VOICE_LEG_TALKS, leg))
		c->odd_ms = c->odd_ms != 0 ? c->odd_ms : clock_boot_ms();
	else
		router_seize(v->parts.router, now_ms, c->contact, leg->agent, "switch",
			voice_no_reply);
}

/* Nobody saw it answered: since the router had him with this agent. */
static int64_t
since_connected(const struct voice *v, const struct voice_call *c,
	const struct voice_leg *leg, int64_t at_us)
{
	int64_t since_ms = router_connected_ms(v->parts.router, c->contact);
	int64_t ago_ms = voice_now_ms(v) - since_ms;

	if (c->contact == 0 || since_ms == 0 || ago_ms < 0 || leg->agent < 0 ||
		leg->agent != router_contact_agent(v->parts.router, c->contact))
		return at_us;
	return at_us - ago_ms * 1000;
}

static void
on_answered(struct voice *v, struct voice_call *c, const struct usher_switch_event *e)
{
	struct voice_leg *leg = voice_leg_of(c, e->leg);
	int64_t at_us = voice_moment_us(v, c->on);
	int64_t picked_us = e->picked_up_us != 0 ? e->picked_up_us : at_us;

	if (leg == NULL)
		leg = leg_add(v, c, e);
	if (leg == NULL)
		return;
	if (e->t_us == 0)
		at_us = since_connected(v, c, leg, at_us);
	if (leg->rang_us != 0 && picked_us > leg->rang_us)
		c->ring_us += leg->consult ? 0 : picked_us - leg->rang_us;
	leg->state = VOICE_LEG_TALKS;
	leg->answered_us = at_us;
	look(v, leg);
	if (leg->consult)
		return;
	c->waits = false;
	c->outsiders = c->outsiders || (leg->agent < 0 && leg->offer == 0);
	voice_say_delist(v, c);
	if (c->connect != 0 && leg->offer == c->connect)
		c->connect = 0;
	/* Agent first: the second telephone is the customer's. */
	if (c->ours && strcmp(leg->id, c->id) != 0 && c->contact != 0) {
		c->reached = true;
		router_attempt_over(v->parts.router, c->contact);
	}
	voice_with_changed(c, at_us);
	if (c->contact != 0 && !(c->ours && strcmp(leg->id, c->id) == 0)) {
		voice_measure(v, c);
		has_caller(v, c, leg);
	}
	if (c->contact != 0 &&
		router_contact_state(v->parts.router, c->contact) == CONTACT_CONNECTED) {
		voice_wait_ends(c, at_us);
		voice_measure(v, c);
	}
}

static void
tell_agent(struct voice *v, const struct voice_call *c, const struct voice_leg *leg,
	const char *event)
{
	char contact[NUMBER_ID_TEXT];

	if (c->contact == 0 || leg->agent < 0)
		return;
	number_id_format(contact, 'c', c->contact);
	v->parts.people->tell_agent(v->parts.people->owner, leg->agent, event,
		json_pack("{s:{s:s}, s:s}", "contact", "id", contact, "device",
			leg->device));
}

static void
on_hold(struct voice *v, struct voice_call *c, const struct usher_switch_event *e)
{
	struct voice_leg *leg = voice_leg_of(c, e->leg);
	bool held = e->kind == USHER_LEG_HELD;
	int64_t at_us = voice_moment_us(v, c->on);

	if (leg == NULL)
		return;
	if (held) {
		leg->held_us = at_us;
	} else {
		if (leg->held_us != 0 && at_us > leg->held_us)
			leg->hold_us += at_us - leg->held_us;
		leg->held_us = 0;
	}
	voice_with_changed(c, at_us);
	tell_agent(v, c, leg, held ? "call.held" : "call.retrieved");
}

/* Handed on at the telephone: who got it is connected when he answers; somebody outside
 * ends the agent's part. */
static void
on_transferred(struct voice *v, struct voice_call *c, const struct usher_switch_event *e)
{
	struct voice_leg *to = e->to_leg != NULL ? voice_leg_of(c, e->to_leg) : NULL;
	int agent = to != NULL ? to->agent : voice_agent_of(v, e->target);

	c->transfers++;
	voice_measure(v, c);
	if (to != NULL)
		to->consult = false;
	voice_with_changed(c, voice_moment_us(v, c->on));
	if (to != NULL && to->state == VOICE_LEG_TALKS && agent >= 0 && c->contact != 0)
		router_seize(v->parts.router, voice_now_ms(v), c->contact, agent,
			"transfer", voice_no_reply);
	c->odd_ms = clock_boot_ms();
}

static void
record_leg(struct voice *v, struct voice_call *c, const struct voice_leg *leg,
	int64_t picked_us, int64_t end_us, enum usher_leg_reason reason)
{
	struct leg_record r = {.at_ms = leg->at_ms};
	int64_t hold_us = leg->hold_us;

	if (leg->held_us != 0 && end_us > leg->held_us)
		hold_us += end_us - leg->held_us;
	if (leg->answered_us != 0 && end_us > leg->answered_us)
		r.talk_ms = (end_us - leg->answered_us - hold_us) / 1000;
	r.talk_ms = r.talk_ms > 0 ? r.talk_ms : 0;
	r.hold_ms = hold_us / 1000;
	if (picked_us == 0)
		picked_us = leg->answered_us != 0 ? leg->answered_us : end_us;
	if (leg->rang_us != 0 && picked_us > leg->rang_us)
		r.ring_ms = (picked_us - leg->rang_us) / 1000;
	if (leg->agent >= 0)
		snprintf(r.agent, sizeof r.agent, "%s",
			router_centre(v->parts.router)->agents[leg->agent].id);
	snprintf(r.device, sizeof r.device, "%.64s", leg->device);
	for (char *p = r.device; *p != '\0'; p++)
		if (*p == '|')
			*p = '_';
	snprintf(r.end, sizeof r.end, "%.16s", cti_reason_name(reason));
	if (!leg->consult && leg->state == VOICE_LEG_RINGS)
		c->ring_us += r.ring_ms * 1000;
	router_leg(v->parts.router, c->contact, &r);
}

/* The call ended first: so did its telephones' parts in it. */
void
voice_legs_over(struct voice *v, struct voice_call *c, int64_t at_us)
{
	while (c->n_legs > 0) {
		struct voice_leg *leg = &c->leg[0];

		if (c->contact != 0)
			record_leg(v, c, leg, 0, at_us,
				leg->state == VOICE_LEG_TALKS ? USHER_REASON_HUNG_UP
							      : USHER_REASON_CANCELLED);
		look(v, leg);
		leg_remove(c, leg);
		voice_with_changed(c, at_us);
	}
}

static void
on_released(struct voice *v, struct voice_call *c, const struct usher_switch_event *e)
{
	struct voice_leg *leg = e->leg != NULL ? voice_leg_of(c, e->leg) : NULL;
	uint64_t offer = 0;
	bool rang = leg == NULL || leg->state == VOICE_LEG_RINGS, consult = e->consult;
	bool first = leg != NULL && c->ours && strcmp(leg->id, c->id) == 0;

	if (leg != NULL) {
		offer = leg->offer;
		consult = leg->consult;
		if (c->contact != 0)
			record_leg(v, c, leg, e->picked_up_us, voice_moment_us(v, c->on),
				e->reason);
		look(v, leg);
		if (leg->offer == 0 && leg->agent >= 0 && c->contact != 0 &&
			leg->agent == router_contact_agent(v->parts.router, c->contact))
			offer = router_contact_offer(v->parts.router, c->contact);
		leg_remove(c, leg);
		voice_with_changed(c, voice_moment_us(v, c->on));
	} else if (e->offer[0] != '\0' && !number_id_parse(e->offer, 'o', &offer)) {
		return;
	} else if (e->offer[0] == '\0') {
		offer = c->connect;
	}
	if (c->contact == 0 || consult)
		return;
	voice_measure(v, c);
	if (rang && c->ours && !c->reached)
		voice_dial_ended(
			v, c, first && !v->settings->dialling.customer_first, e->reason);
	else if (rang && !first)
		voice_dial_result(v, c, offer, e->reason);
	else if (!c->gone)
		c->odd_ms = clock_boot_ms(); /* unless he is gone in a moment */
}

void
voice_leg_event(struct voice *v, struct voice_call *c, const struct cti_event *event)
{
	const struct usher_switch_event *e = event->is;

	switch ((int)e->kind) {
	case USHER_LEG_RINGING:
		on_ringing(v, c, e);
		return;
	case USHER_LEG_ANSWERED:
		on_answered(v, c, e);
		return;
	case USHER_LEG_HELD:
	case USHER_LEG_RETRIEVED:
		on_hold(v, c, e);
		return;
	case USHER_LEG_TRANSFERRED:
		on_transferred(v, c, e);
		return;
	case USHER_LEG_RELEASED:
		on_released(v, c, e);
		return;
	default:
		return;
	}
}

/* ---- when switch and router disagree ---- */

static const struct voice_leg *
talking_agent(const struct voice_call *c)
{
	for (int i = 0; i < c->n_legs; i++)
		if (c->leg[i].state == VOICE_LEG_TALKS && !c->leg[i].consult &&
			c->leg[i].agent >= 0)
			return &c->leg[i];
	return NULL;
}

/* boot_ms 0: at once. */
void
voice_reconcile(struct voice *v, struct voice_call *c, int64_t boot_ms)
{
	const struct voice_leg *talks = talking_agent(c);
	enum contact_state state;
	int64_t now_ms = voice_now_ms(v);

	if (boot_ms != 0 && boot_ms - c->odd_ms < ODD_MS)
		return;
	c->odd_ms = 0;
	if (c->contact == 0 || c->gone || !c->on->up)
		return;
	state = router_contact_state(v->parts.router, c->contact);
	if (state == CONTACT_STATES) {
		voice_call_detach(v, c);
	} else if (talks != NULL &&
		   (state == CONTACT_QUEUED || state == CONTACT_OFFERED ||
			   state == CONTACT_SCHEDULED ||
			   (state == CONTACT_CONNECTED &&
				   voice_agent_leg(v, c) == NULL))) {
		router_seize(v->parts.router, now_ms, c->contact, talks->agent, "switch",
			voice_no_reply);
	} else if (state == CONTACT_CONNECTED && c->waits) {
		router_transfer(
			v->parts.router, now_ms, c->contact, -1, -1, -1, voice_no_reply);
	} else if (state == CONTACT_CONNECTED && voice_agent_leg(v, c) == NULL &&
		   !anybody(c, VOICE_LEG_RINGS, NULL) && c->connect == 0 && !c->ours) {
		/* His agent left, the call goes on with others: his part is over. */
		router_leave(v->parts.router, now_ms, c->contact, voice_no_reply);
	}
}
