/* intake/voice_resync.c - a link is lost, and comes back with all its calls (CTI 3.2). */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "intake/voice_inner.h"

struct of_switch {
	struct voice *v;
	struct voice_switch *s;
	int64_t now_ms;
	int n;
};

/* ---- down ---- */

/* Nobody can be connected to them now; they keep their places. */
static void
put_off(struct voice *v, struct voice_call *c, int64_t now_ms)
{
	uint64_t offer = router_contact_offer(v->parts.router, c->contact);

	c->connect = 0;
	voice_say_delist(v, c);
	if (offer != 0)
		router_offer_failed(v->parts.router, now_ms, offer, OFFER_CANCELLED,
			"link_down", NULL, INT64_MAX, voice_no_reply);
	else if (router_contact_state(v->parts.router, c->contact) == CONTACT_QUEUED)
		router_suspend(v->parts.router, now_ms, c->contact, INT64_MAX,
			"link_down", voice_no_reply);
}

void
voice_link_down(struct voice *v, struct voice_switch *s)
{
	int64_t now_ms = voice_now_ms(v);
	size_t at = 0;
	void *value;

	if (!s->up)
		return;
	s->up = false;
	s->down_ms = clock_boot_ms();
	log_warn("voice: switch away, its callers keep their places switch=%s", s->name);
	while (map_next(&v->calls, &at, NULL, &value)) {
		struct voice_call *c = value;

		if (c->on != s)
			continue;
		c->seen_whole = false;
		if (c->contact != 0)
			put_off(v, c, now_ms);
	}
}

/* ---- up ---- */

static bool
is_a_call(enum contact_state state)
{
	return state == CONTACT_QUEUED || state == CONTACT_OFFERED ||
	       state == CONTACT_SCHEDULED || state == CONTACT_CONNECTED ||
	       state == CONTACT_PARKED;
}

/* What the switch does not know ended unseen: lost, which is no abandonment. */
static void
lose_unknown(
	void *owner, uint64_t contact, const char *external_id, enum contact_state state)
{
	struct of_switch *o = owner;

	/* Or the snapshot named it as new: it is being handed in at this moment. */
	if (!is_a_call(state) || voice_call_of(o->v, contact) != NULL ||
		(external_id != NULL && voice_call_find(o->v, o->s, external_id) != NULL))
		return;
	o->n++;
	o->v->counts.lost++;
	router_lose(o->v->parts.router, o->now_ms, contact, voice_no_reply);
}

/* He was offered before his call was known, as after a start of ours: it could not be
 * rung for then. Or the word of the ringing's end was lost. */
static void
ring_at_last(struct voice *v, struct voice_call *c)
{
	const struct centre *centre = router_centre(v->parts.router);
	int agent = router_contact_agent(v->parts.router, c->contact);
	int channel = router_contact_channel(v->parts.router, c->contact);

	if (!c->waits || c->connect != 0 || agent < 0 || channel < 0 ||
		router_contact_state(v->parts.router, c->contact) != CONTACT_OFFERED ||
		centre->channels[channel].accept_first || voice_agent_leg(v, c) != NULL)
		return;
	voice_connect(v, c, router_contact_offer(v->parts.router, c->contact), agent,
		centre->channels[channel].offer_timeout_ms);
}

static void
settle_calls(struct voice *v, struct voice_switch *s)
{
	size_t at = 0;
	void *value;

	while (map_next(&v->calls, &at, NULL, &value)) {
		struct voice_call *c = value;

		if (c->on != s || c->contact == 0)
			continue;
		if (c->waits && router_contact_state(v->parts.router, c->contact) ==
					CONTACT_SCHEDULED)
			router_wake(v->parts.router, voice_now_ms(v), c->contact,
				"link_up", voice_no_reply);
		if (c->waits)
			voice_say_enlist(v, c);
		ring_at_last(v, c);
		c->odd_ms = clock_boot_ms();
	}
}

void
voice_link_up(struct voice *v, struct voice_switch *s)
{
	struct of_switch o = {v, s, voice_now_ms(v), 0};

	if (s->up && s->settled)
		return;
	s->up = true;
	s->settled = true;
	s->down_ms = 0;
	router_each(v->parts.router, s->name, lose_unknown, &o);
	settle_calls(v, s);
	voice_dial_settle(v, s);
	log_info("voice: switch is back, calls settled switch=%s lost=%d", s->name, o.n);
}

/* ---- for good ---- */

static void
lose_any(void *owner, uint64_t contact, const char *external_id, enum contact_state state)
{
	struct of_switch *o = owner;

	if (!is_a_call(state))
		return;
	o->n++;
	o->v->counts.lost++;
	router_lose(o->v->parts.router, o->now_ms, contact, voice_no_reply);
}

void
voice_switch_lost(struct voice *v, struct voice_switch *s)
{
	struct of_switch o = {v, s, voice_now_ms(v), 0};
	struct timespec t;

	s->down_ms = 0;
	clock_gettime(CLOCK_REALTIME, &t);
	cti_lose_switch(v->cti, s->name, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	router_each(v->parts.router, s->name, lose_any, &o);
	if (o.n > 0)
		log_error("voice: switch away too long, its calls are lost switch=%s "
			  "lost=%d",
			s->name, o.n);
}
