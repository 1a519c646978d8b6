/* desk/announce.c - the router's events to the agents whom they concern. All are heard
 * after their commit; each is written as JSON once. */
#include <stdlib.h>
#include <string.h>

#include "desk/inner.h"

static void
set_id(json_t *o, const char *name, char letter, uint64_t number)
{
	char id[NUMBER_ID_TEXT];

	number_id_format(id, letter, number);
	json_object_set_new(o, name, json_string(id));
}

static void
set_reason(json_t *o, const char *name, const char *reason)
{
	if (reason != NULL && reason[0] != '\0')
		json_object_set_new(o, name, json_string(reason));
}

/* A contact of which the desktop knows the rest. */
static json_t *
contact_in(const struct event *e, const char *state)
{
	json_t *contact = json_object();

	set_id(contact, "id", 'c', e->contact);
	if (state != NULL)
		json_object_set_new(contact, "state", json_string(state));
	return contact;
}

/* The whole contact; its id alone if it has ended meanwhile. */
static json_t *
contact_whole(struct desk *desk, const struct event *e)
{
	json_t *contact = router_contact_json(
		desk->parts.router, e->at_ms, e->contact, DESCRIBE_ATTRIBUTES);

	desk_enrich(desk, e->contact, RPC_AGENT, contact);
	return contact != NULL ? contact : contact_in(e, NULL);
}

/* ---- open offers ---- */

static void
offer_destroy(struct open_offer *offer)
{
	if (offer == NULL)
		return;
	free(offer->why);
	free(offer);
}

static void
offer_opened(struct desk *desk, const struct event *e)
{
	struct open_offer *offer = xcalloc(1, sizeof *offer);

	offer->offer = e->offer;
	offer->expires_ms = e->expires_ms;
	offer->why = xstrdup(e->why);
	offer_destroy(idmap_put(&desk->offers, e->contact, offer));
}

static void
offer_ended(struct desk *desk, const struct event *e)
{
	struct open_offer *offer = idmap_get(&desk->offers, e->contact);

	/* The next offer of the contact may have been made already. */
	if (offer != NULL && offer->offer == e->offer)
		offer_destroy(idmap_remove(&desk->offers, e->contact));
}

void
desk_offers_finish(struct desk *desk)
{
	size_t at = 0;
	void *offer;

	while (idmap_next(&desk->offers, &at, NULL, &offer))
		offer_destroy(offer);
	idmap_finish(&desk->offers);
}

/* The contact is stolen. */
static json_t *
offer_json(struct desk *desk, uint64_t offer, int64_t expires_ms, const char *why,
	json_t *contact)
{
	int64_t left_ms = expires_ms - desk_now_ms(desk);
	json_t *o = json_object();

	set_id(o, "offer", 'o', offer);
	json_object_set_new(o, "contact", contact);
	set_reason(o, "why", why);
	json_object_set_new(o, "expires_at", desk_time(expires_ms));
	json_object_set_new(o, "timeout_ms", json_integer(left_ms > 0 ? left_ms : 0));
	return o;
}

/* An offer as it was told, or, if that was before a restart, as the contact knows it. */
static json_t *
open_offer_json(struct desk *desk, uint64_t contact)
{
	const struct open_offer *offer = idmap_get(&desk->offers, contact);
	json_t *o = router_contact_json(
		desk->parts.router, desk_now_ms(desk), contact, DESCRIBE_ATTRIBUTES);
	const char *id = json_string_value(json_object_get(o, "offer"));
	int64_t expires_ms = json_integer_value(json_object_get(o, "expires_ms"));
	uint64_t number = 0;

	desk_enrich(desk, contact, RPC_AGENT, o);
	if (offer != NULL)
		return offer_json(desk, offer->offer, offer->expires_ms, offer->why, o);
	if (id != NULL && number_id_parse(id, 'o', &number))
		return offer_json(desk, number, expires_ms, NULL, o);
	json_decref(o);
	return NULL;
}

json_t *
desk_offers_json(struct desk *desk, int agent)
{
	uint64_t held[HELD_MAX];
	int n = router_agent_held(desk->parts.router, agent, held, HELD_MAX);
	json_t *list = json_array();

	for (int i = 0; i < n && i < HELD_MAX; i++) {
		json_t *offer = NULL;

		if (router_contact_state(desk->parts.router, held[i]) ==
				CONTACT_OFFERED &&
			router_contact_stands(desk->parts.router, held[i]))
			offer = open_offer_json(desk, held[i]);
		if (offer != NULL)
			json_array_append_new(list, offer);
	}
	return list;
}

/* ---- what each event says; NULL: nothing to an agent ---- */

static json_t *
offer_end_json(const struct event *e)
{
	json_t *o = json_object();

	set_id(o, "offer", 'o', e->offer);
	json_object_set_new(o, "contact", contact_in(e, NULL));
	set_reason(o, "reason", e->reason);
	return o;
}

/* What the offer told is not told again. */
static json_t *
connected_json(struct desk *desk, const struct event *e)
{
	const struct centre *c = router_centre(desk->parts.router);
	json_t *o = json_object(), *contact = contact_in(e, "connected");

	if (e->channel >= 0)
		json_object_set_new(
			contact, "channel", json_string(c->channels[e->channel].name));
	if (e->queue >= 0)
		json_object_set_new(
			contact, "queue", json_string(c->queues[e->queue].name));
	if (e->tier >= 0)
		json_object_set_new(contact, "tier", json_string(c->tiers[e->tier].name));
	json_object_set_new(o, "contact", contact);
	if (e->offer != 0)
		set_id(o, "offer", 'o', e->offer);
	return o;
}

static json_t *
ended_json(const struct event *e, const char *state)
{
	json_t *o = json_object();

	json_object_set_new(o, "contact", contact_in(e, state));
	set_reason(o, "reason", e->reason);
	return o;
}

static json_t *
wrapup_json(const struct event *e)
{
	json_t *o = json_object();

	json_object_set_new(o, "contact", contact_in(e, "wrapup"));
	if (e->expires_ms != 0 && e->expires_ms != INT64_MAX)
		json_object_set_new(o, "until", desk_time(e->expires_ms));
	if (e->handled_ms >= 0)
		json_object_set_new(o, "handled_ms", json_integer(e->handled_ms));
	return o;
}

static json_t *
completed_json(const struct event *e)
{
	json_t *o = json_object();

	json_object_set_new(o, "contact",
		contact_in(e, contact_state_name[e->end == CONTACT_UNREACHABLE
							 ? CONTACT_UNREACHABLE
							 : CONTACT_COMPLETED]));
	set_reason(o, "disposition", e->reason);
	if (e->handled_ms >= 0)
		json_object_set_new(o, "handled_ms", json_integer(e->handled_ms));
	return o;
}

static json_t *
agent_json(struct desk *desk, const struct event *e)
{
	json_t *o = json_object();

	json_object_set_new(
		o, "agent", router_agent_json(desk->parts.router, e->at_ms, e->agent));
	if (e->kind == EVENT_AGENT_STATE)
		set_reason(o, "reason", e->reason);
	if (e->kind == EVENT_AGENT_CHANNEL && e->channel >= 0)
		json_object_set_new(o, "channel",
			json_string(router_centre(desk->parts.router)
					    ->channels[e->channel]
					    .name));
	return o;
}

static json_t *
event_json(struct desk *desk, const struct event *e)
{
	json_t *o;

	switch (e->kind) {
	case EVENT_OFFER_CREATED:
		return offer_json(
			desk, e->offer, e->expires_ms, e->why, contact_whole(desk, e));
	case EVENT_OFFER_ACCEPTED:
	case EVENT_OFFER_REJECTED:
	case EVENT_OFFER_TIMEOUT:
	case EVENT_OFFER_RESCINDED:
	case EVENT_OFFER_CANCELLED:
		return offer_end_json(e);
	case EVENT_CONTACT_CONNECTED:
		return connected_json(desk, e);
	case EVENT_CONTACT_UPDATED:
		o = json_object();
		json_object_set_new(o, "contact", contact_whole(desk, e));
		return o;
	case EVENT_CONTACT_WRAPUP:
		return wrapup_json(e);
	case EVENT_CONTACT_COMPLETED:
		return completed_json(e);
	case EVENT_CONTACT_QUEUED:
	case EVENT_CONTACT_TRANSFERRED:
		return ended_json(e, "queued");
	case EVENT_CONTACT_PARKED:
		return ended_json(e, "parked");
	case EVENT_CONTACT_RESUMED:
		return ended_json(e, "connected");
	case EVENT_CONTACT_ABANDONED:
		return ended_json(e, "abandoned");
	case EVENT_CONTACT_EXPIRED:
		return ended_json(e, "expired");
	case EVENT_CONTACT_CANCELLED:
		return ended_json(e, "cancelled");
	case EVENT_CONTACT_LOST:
		return ended_json(e, "lost");
	case EVENT_CONTACT_ANSWERED:
		return ended_json(e, "answered");
	case EVENT_AGENT_STATE:
	case EVENT_AGENT_CHANNEL:
	case EVENT_AGENT_SKILLS:
		return agent_json(desk, e);
	case EVENT_CONTACT_CREATED:
	case EVENT_QUEUE_STATE:
	case EVENT_CONFIGURED:
	case EVENT_ALARM_RAISED:
	case EVENT_ALARM_CLEARED:
	case EVENT_KINDS:
		return NULL;
	}
	return NULL;
}

static void
follow_offer(struct desk *desk, const struct event *e)
{
	if (e->kind == EVENT_OFFER_CREATED)
		offer_opened(desk, e);
	else if (e->kind >= EVENT_OFFER_ACCEPTED && e->kind <= EVENT_OFFER_CANCELLED)
		offer_ended(desk, e);
}

void
desk_event(void *owner, const struct event *e)
{
	struct desk *desk = owner;
	struct session *s = desk_agent_session(desk, e->agent);
	json_t *o;

	follow_offer(desk, e);
	board_mark(desk->board, e->queue, e->agent);
	floor_event(desk->floor, e);
	if (e->kind == EVENT_CONFIGURED)
		board_mark_all(desk->board);
	if (s == NULL || !s->ready)
		return;
	o = event_json(desk, e);
	if (o != NULL)
		session_tell_json(desk, s, event_name[e->kind], e->at_ms, o);
}
