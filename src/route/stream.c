/* route/stream.c - what became true, for whoever reads the stream: see stream.h. */
#include "route/stream.h"

#include <math.h>
#include <string.h>

#include "route/record.h"
#include "route/stage.h"

static void
put_int(struct text *t, const char *name, int64_t value)
{
	text_add_n(t, " ", 1);
	text_add(t, name);
	text_add_n(t, "=", 1);
	text_add_int(t, value);
}

/* A length of time; -1: not told. */
static void
put_told_ms(struct text *t, const char *name, int64_t ms)
{
	if (ms >= 0)
		put_int(t, name, ms);
}

static void
put_number(struct text *t, const char *name, double value)
{
	if (isnan(value))
		return;
	text_add_n(t, " ", 1);
	text_add(t, name);
	text_add_n(t, "=", 1);
	text_add_number(t, value);
}

static void
put_id(struct text *t, const char *name, char letter, uint64_t id)
{
	char text[NUMBER_ID_TEXT];

	if (id == 0)
		return;
	number_id_format(text, letter, id);
	text_add_n(t, " ", 1);
	text_add(t, name);
	text_add_n(t, "=", 1);
	text_add_n(t, text, NUMBER_ID_TEXT - 1);
}

/* The number that was dialled, where the contact has one. */
static const char *
dnis_of(const struct contact *c)
{
	for (int i = 0; i < c->n_attributes; i++)
		if (c->attributes[i].kind == VALUE_TEXT &&
			strcmp(c->attributes[i].name, "dnis") == 0)
			return c->attributes[i].text;
	return NULL;
}

/* Until when it is to be completed, where that is promised. */
static void
put_resolution(struct text *t, struct router *r, const struct contact *c)
{
	int64_t promised_ms = queue_resolve_ms(
		r->centre, &r->centre->queues[c->queue], c->channel, c->tier);

	if (promised_ms > 0)
		put_int(t, "rd", open_add_ms(r, c, c->t0_ms, promised_ms));
}

/* Where a wait begins or changes: since when, and until when its service level holds. */
static void
put_wait(struct text *t, struct router *r, const struct event *e, const struct contact *c)
{
	bool created = e->kind == EVENT_CONTACT_CREATED;
	bool older = !created && e->reason != NULL && strcmp(e->reason, "resumed") == 0;

	put_int(t, "sd",
		open_add_ms(r, c, created || older ? c->t0_ms : e->at_ms, c->sla_ms));
	put_resolution(t, r, c);
	if (created || older)
		put_int(t, "t0", c->t0_ms);
	if (!created)
		return;
	record_put_text(t, "src", c->source);
	record_put_text(t, "dn", dnis_of(c));
}

static void
put_contact(struct text *t, struct router *r, const struct event *e)
{
	const struct contact *c = contact_find(r, e->contact);
	const struct centre *s = r->centre;

	put_id(t, "c", 'c', e->contact);
	put_id(t, "o", 'o', e->offer);
	if (e->agent >= 0)
		record_put_text(t, "a", s->agents[e->agent].id);
	if (e->queue >= 0)
		record_put_text(t, "q", s->queues[e->queue].name);
	if (e->channel >= 0)
		record_put_text(t, "ch", s->channels[e->channel].name);
	if (e->tier >= 0)
		record_put_text(t, "ti", s->tiers[e->tier].name);
	if (c == NULL)
		return;
	if (c->party != 0)
		put_int(t, "pa", (int64_t)c->party);
	if (e->kind == EVENT_CONTACT_CREATED || e->kind == EVENT_CONTACT_QUEUED ||
		e->kind == EVENT_CONTACT_UPDATED || e->kind == EVENT_CONTACT_TRANSFERRED)
		put_wait(t, r, e, c);
}

/* The state that an agent is in when it is told. */
static void
put_agent_state(struct text *t, struct router *r, const struct event *e)
{
	const struct agent *a = agent_at(r, e->agent);

	if (a == NULL || e->contact != 0)
		return;
	record_put_text(t, "st", agent_state_name[a->state]);
	if (!a->routable)
		put_int(t, "drain", 1);
	if (a->pending)
		record_put_text(t, "pending", a->pending_reason);
}

static void
put_event(struct text *t, struct router *r, const struct event *e)
{
	record_put_text(t, "e", event_name[e->kind]);
	put_int(t, "at", e->at_ms);
	put_contact(t, r, e);
	if (e->kind == EVENT_AGENT_STATE)
		put_agent_state(t, r, e);
	if (e->kind == EVENT_CONTACT_COMPLETED && e->end == CONTACT_UNREACHABLE)
		record_put_text(t, "st", contact_state_name[e->end]);
	put_told_ms(t, "waited_ms", e->waited_ms);
	put_told_ms(t, "handled_ms", e->handled_ms);
	put_told_ms(t, "ivr_ms", e->measured.ivr_ms);
	put_told_ms(t, "queue_ms", e->measured.queue_ms);
	put_told_ms(t, "ring_ms", e->measured.ring_ms);
	put_told_ms(t, "talk_ms", e->measured.talk_ms);
	put_told_ms(t, "hold_ms", e->measured.hold_ms);
	record_put_text(t, "reason", e->reason);
	put_number(t, "amount", e->amount);
	put_number(t, "satisfaction", e->satisfaction);
	if (e->alarm != 0)
		put_int(t, "al", (int64_t)e->alarm);
	put_number(t, "val", e->value);
	put_number(t, "lim", e->limit);
	put_int(t, "v", (int64_t)r->centre->version);
}

char *
stream_entry(struct router *r, const struct step *step)
{
	struct text t = {0};

	for (const struct effect *e = step->effects; e != NULL; e = e->next)
		if (!e->is_reply)
			put_event(&t, r, &e->event);
	return t.n > 0 ? text_take(&t) : NULL;
}
