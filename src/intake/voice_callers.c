/*
 * intake/voice_callers.c - what waiting callers get: place and wait announced, menus'
 * questions answered, the old place for who rings again.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "intake/voice_inner.h"
#include "route/directory.h"

#define SAID_A_BEAT 50	     /* announcements in one beat */
#define ABANDONERS_MAX 10000 /* remembered; older ones are forgotten */

/* ---- announcements ---- */

void
voice_say_enlist(struct voice *v, struct voice_call *c)
{
	if (c->in_saying || v->settings->calls.announce_ms <= 0)
		return;
	if (c->said_ms == 0)
		c->said_position = INT64_MAX;
	/* Not at once: he was greeted a moment ago. */
	c->said_ms = clock_boot_ms();
	c->in_saying = true;
	TAILQ_INSERT_TAIL(&v->saying, c, due);
}

void
voice_say_delist(struct voice *v, struct voice_call *c)
{
	if (!c->in_saying)
		return;
	TAILQ_REMOVE(&v->saying, c, due);
	c->in_saying = false;
}

static void
fill_place(struct usher_switch_action *a, const struct estimate *e)
{
	a->position = e->position;
	a->wait_ms = e->likely_ms;
}

static bool
callback_on_offer(const struct voice *v)
{
	const struct centre *c = router_centre(v->parts.router);
	int channel = centre_channel(c, v->settings->dialling.channel);

	return channel >= 0 && !c->channels[channel].removed;
}

static void
say_place(struct voice *v, struct voice_call *c)
{
	struct usher_switch_action a = voice_action(USHER_ACTION_ANNOUNCE, c);
	struct estimate e;

	if (!c->waits || c->connect != 0 ||
		!router_estimate(v->parts.router, voice_now_ms(v), c->contact, &e) ||
		e.position >= c->said_position)
		return; /* only better news */
	c->said_position = e.position;
	a.device = "announce";
	a.callback = callback_on_offer(v);
	fill_place(&a, &e);
	v->counts.announced++;
	voice_order(v, c->on, &a);
}

void
voice_callers_beat(struct voice *v, int64_t boot_ms)
{
	struct voice_call *c;
	int n = 0;

	while ((c = TAILQ_FIRST(&v->saying)) != NULL && n++ < SAID_A_BEAT &&
		boot_ms - c->said_ms >= v->settings->calls.announce_ms) {
		TAILQ_REMOVE(&v->saying, c, due);
		c->said_ms = boot_ms;
		TAILQ_INSERT_TAIL(&v->saying, c, due);
		say_place(v, c);
	}
}

/* ---- menus' questions ---- */

static const char *
attribute_of(const struct usher_switch_event *e, const char *name)
{
	for (size_t i = 0; i < e->n_attributes; i++)
		if (strcmp(e->attributes[i].name, name) == 0)
			return e->attributes[i].text;
	return NULL;
}

/* A newcomer's: what the queue's figures say. */
static void
fill_newcomer(struct voice *v, struct usher_switch_action *a, const char *queue)
{
	const struct centre *c = router_centre(v->parts.router);
	int index = queue != NULL ? centre_queue(c, queue) : c->default_queue;
	json_t *q = index >= 0
			    ? router_queue_json(v->parts.router, voice_now_ms(v), index)
			    : NULL;

	if (q != NULL)
		a->position = json_integer_value(json_object_get(q, "waiting"));
	json_decref(q);
}

void
voice_asks(struct voice *v, const struct cti_event *event)
{
	const struct usher_switch_event *e = event->is;
	struct voice_switch *s = voice_switch_of(v, event->on);
	struct voice_call *c = voice_call_find(v, s, e->call);
	struct usher_switch_action a = voice_action(USHER_ACTION_TELL, c);
	struct estimate place;

	a.call = e->call;
	a.callback = callback_on_offer(v);
	if (c != NULL && c->contact != 0 &&
		router_estimate(v->parts.router, voice_now_ms(v), c->contact, &place))
		fill_place(&a, &place);
	else
		fill_newcomer(v, &a, attribute_of(e, "queue"));
	voice_order(v, s, &a);
}

/* ---- who comes back ---- */

#define WHO_MAX 160 /* bytes of what a caller is remembered by */

/* By the number he rings from; who hides it is known as a customer only. */
static bool
by_number(char out[WHO_MAX], const struct voice_call *c)
{
	return strlen(c->number) >= 3 &&
	       snprintf(out, WHO_MAX, "n%s", c->number) < WHO_MAX;
}

/* By the customer that he is known to be, whichever telephone he uses. */
static bool
by_customer(char out[WHO_MAX], const struct voice *v, const struct voice_call *c)
{
	struct recognised r;

	if (c->contact == 0 || !router_recognised(v->parts.router, c->contact, &r) ||
		r.party == 0)
		return false;
	snprintf(out, WHO_MAX, "c%" PRIu64, (uint64_t)r.party);
	return true;
}

static void
forget(struct voice *v, struct abandoner *a)
{
	TAILQ_REMOVE(&v->abandoned, a, next);
	(void)map_remove(&v->abandoners, a->who);
	free(a->who);
	free(a);
}

static void
forget_old(struct voice *v, int64_t now_ms)
{
	struct abandoner *a;

	while ((a = TAILQ_FIRST(&v->abandoned)) != NULL &&
		(now_ms - a->gone_ms > v->settings->calls.resume_ms ||
			v->abandoners.n > ABANDONERS_MAX))
		forget(v, a);
}

static void
remember(struct voice *v, const char *who, int64_t t0_ms)
{
	struct abandoner *a = map_get(&v->abandoners, who);

	if (a != NULL)
		forget(v, a);
	a = xcalloc(1, sizeof *a);
	a->who = xstrdup(who);
	a->t0_ms = t0_ms;
	a->gone_ms = voice_now_ms(v);
	map_put(&v->abandoners, a->who, a);
	TAILQ_INSERT_TAIL(&v->abandoned, a, next);
	forget_old(v, a->gone_ms);
}

void
voice_remember_abandon(struct voice *v, const struct voice_call *c, int64_t t0_ms)
{
	char who[WHO_MAX];

	if (v->settings->calls.resume_ms <= 0)
		return;
	if (by_number(who, c))
		remember(v, who, t0_ms);
	if (by_customer(who, v, c))
		remember(v, who, t0_ms);
}

/* His first arrival; he is remembered no more. 0: he is not. */
static int64_t
recall(struct voice *v, const char *who)
{
	struct abandoner *a;
	int64_t t0_ms;

	forget_old(v, voice_now_ms(v));
	a = map_get(&v->abandoners, who);
	if (a == NULL)
		return 0;
	t0_ms = a->t0_ms;
	forget(v, a);
	return t0_ms;
}

int64_t
voice_comes_back(struct voice *v, const struct voice_call *c)
{
	char who[WHO_MAX];
	int64_t t0_ms = by_number(who, c) ? recall(v, who) : 0;

	v->counts.resumed += t0_ms != 0;
	return t0_ms;
}

void
voice_is_recognised(struct voice *v, struct voice_call *c)
{
	char who[WHO_MAX];
	int64_t t0_ms = by_customer(who, v, c) ? recall(v, who) : 0;

	if (t0_ms == 0 || t0_ms >= c->begun_centre_ms ||
		!router_backdate(v->parts.router, voice_now_ms(v), c->contact, t0_ms))
		return;
	c->before_us += (c->begun_centre_ms - t0_ms) * 1000;
	c->begun_centre_ms = t0_ms;
	v->counts.resumed++;
}

void
voice_callers_finish(struct voice *v)
{
	struct abandoner *a;

	while ((a = TAILQ_FIRST(&v->abandoned)) != NULL)
		forget(v, a);
	map_finish(&v->abandoners);
}
