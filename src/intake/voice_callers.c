/*
 * intake/voice_callers.c - what waiting callers get: place and wait announced, menus'
 * questions answered.
 */
#include <string.h>

#include "intake/voice_inner.h"

#define SAID_A_BEAT 50 /* announcements in one beat */

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

	return channel >= 0 && !c->channels[channel].removed &&
	       (v->parts.any_number == NULL ||
		       v->parts.any_number(v->parts.number_owner));
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
voice_callers_configure(struct voice *v)
{
	size_t at = 0;
	void *value;

	while (map_next(&v->calls, &at, NULL, &value)) {
		struct voice_call *c = value;

		if (c->waits && c->contact != 0)
			voice_say_enlist(v, c);
	}
}

void
voice_callers_beat(struct voice *v, int64_t boot_ms)
{
	struct voice_call *c;
	int n = 0;

	if (v->settings->calls.announce_ms <= 0)
		return;
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
	/* He has a place as soon as the router has him, written or not. */
	uint64_t contact = c != NULL && c->contact != 0
				   ? c->contact
				   : router_find(v->parts.router, event->on, e->call);
	struct estimate place;

	a.call = e->call;
	a.callback = callback_on_offer(v);
	if (contact != 0 &&
		router_estimate(v->parts.router, voice_now_ms(v), contact, &place))
		fill_place(&a, &place);
	else
		fill_newcomer(v, &a, attribute_of(e, "queue"));
	voice_order(v, s, &a);
}
