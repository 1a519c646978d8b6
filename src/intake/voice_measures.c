/*
 * intake/voice_measures.c - how long a caller waited, heard ringing, talked and was held,
 * by the clock of his switch (CTI 3.1, trap 14).
 *
 *   NOBODY --an agent has him--> TALKS <--held, retrieved--> HOLDS --the last one left-->
 * NOBODY
 *
 * Moments of the switch are compared with one another only. A moment that it did not tell
 * (what happened while a link was away, what a desktop decided) is ours, moved by how far
 * its clock is ahead.
 */
#include <time.h>

#include "intake/voice_inner.h"

#define DAY_US INT64_C(86400000000)
#define SLOWLY 64 /* clocks drift by little; an event that is late is no drift */

static int64_t
clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Between two moments; the clocks themselves are not believed. */
static int64_t
span_us(int64_t from_us, int64_t to_us)
{
	int64_t us = from_us != 0 && to_us > from_us ? to_us - from_us : 0;

	return us <= DAY_US ? us : 0;
}

void
voice_clock_heard(struct voice_switch *s, int64_t t_us)
{
	int64_t apart_us = t_us - clock_us(CLOCK_REALTIME), ahead_us;

	if (apart_us > DAY_US || apart_us < -DAY_US)
		return; /* no clock that could be reckoned with */
	/* Against a clock of ours that nobody sets. */
	ahead_us = t_us - clock_us(CLOCK_BOOTTIME);
	if (!s->clock_known || ahead_us > s->ahead_us)
		s->ahead_us = ahead_us;
	else
		s->ahead_us -= (s->ahead_us - ahead_us) / SLOWLY;
	s->clock_known = true;
}

int64_t
voice_moment_us(const struct voice *v, const struct voice_switch *s)
{
	if (v->event_us != 0)
		return v->event_us;
	return s->clock_known ? clock_us(CLOCK_BOOTTIME) + s->ahead_us
			      : clock_us(CLOCK_REALTIME);
}

/* ---- with whom he is ---- */

/* A telephone of ours that has him: not one that is only asked, nor somebody outside. */
static bool
has_him(const struct voice_call *c, const struct voice_leg *leg)
{
	return leg->state == VOICE_LEG_TALKS && !leg->consult &&
	       (leg->agent >= 0 || leg->offer != 0) && (!c->ours || c->reached);
}

static enum voice_with
with_whom(const struct voice_call *c)
{
	enum voice_with with = VOICE_WITH_NOBODY;

	for (int i = 0; i < c->n_legs; i++) {
		if (!has_him(c, &c->leg[i]))
			continue;
		if (c->leg[i].held_us == 0)
			return VOICE_WITH_TALKS;
		with = VOICE_WITH_HOLDS;
	}
	return with;
}

void
voice_with_changed(struct voice_call *c, int64_t at_us)
{
	if (c->with == VOICE_WITH_TALKS)
		c->talk_us += span_us(c->with_us, at_us);
	else if (c->with == VOICE_WITH_HOLDS)
		c->hold_us += span_us(c->with_us, at_us);
	c->with = c->gone ? VOICE_WITH_NOBODY : with_whom(c);
	c->with_us = at_us;
}

/* ---- his wait ---- */

static int64_t
waited(const struct voice_call *c, int64_t at_us)
{
	return c->before_us + span_us(c->waited_us, at_us);
}

void
voice_wait_begins(struct voice_call *c, int64_t at_us)
{
	if (c->waited_us == 0)
		c->waited_us = at_us;
}

void
voice_wait_ends(struct voice_call *c, int64_t at_us)
{
	c->served = true;
	if (c->waited_us == 0)
		return;
	c->queue_us = waited(c, at_us);
	c->waited_us = c->before_us = 0;
}

/* He left: the wait is told with his end. */
void
voice_wait_abandoned(struct voice_call *c)
{
	if (c->waited_us != 0)
		c->queue_us = waited(c, c->gone_us);
}

/* ---- told ---- */

static struct measures
measures(const struct voice_call *c)
{
	return (struct measures){.ivr_ms = c->ivr_ms,
		.queue_ms = c->queue_us >= 0 ? c->queue_us / 1000 : -1,
		.ring_ms = c->ring_us / 1000,
		.talk_ms = c->talk_us / 1000,
		.hold_ms = c->hold_us / 1000,
		.transfers = c->transfers};
}

void
voice_measure(struct voice *v, const struct voice_call *c)
{
	struct measures m = measures(c);

	if (c->contact != 0)
		router_measure(v->parts.router, c->contact, &m);
}

/* What was measured before we were started anew, or in another call of the contact. */
void
voice_measures_recall(struct voice *v, struct voice_call *c)
{
	struct measures m;

	if (c->recalled == c->contact)
		return;
	c->recalled = c->contact;
	m = router_measures(v->parts.router, c->contact);
	if (c->ivr_ms < 0)
		c->ivr_ms = m.ivr_ms;
	if (m.ring_ms > 0)
		c->ring_us += m.ring_ms * 1000;
	if (m.talk_ms > 0)
		c->talk_us += m.talk_ms * 1000;
	if (m.hold_ms > 0)
		c->hold_us += m.hold_ms * 1000;
	c->transfers += m.transfers;
}

struct measures
voice_measures_now(void *owner, uint64_t contact)
{
	struct voice *v = owner;
	struct voice_call *c = voice_call_of(v, contact);
	struct voice_call now;
	int64_t at_us;

	if (c == NULL)
		return router_measures(v->parts.router, contact);
	at_us = c->gone ? c->gone_us : voice_moment_us(v, c->on);
	now = *c;
	voice_with_changed(&now, at_us);
	/* A wait is told with the event that ends it, and not again. */
	now.queue_us = now.waited_us != 0 ? waited(&now, at_us) : -1;
	for (int i = 0; i < now.n_legs; i++)
		if (now.leg[i].state == VOICE_LEG_RINGS && !now.leg[i].consult)
			now.ring_us += span_us(now.leg[i].rang_us, at_us);
	return measures(&now);
}
