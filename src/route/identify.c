/*
 * route/identify.c - contacts on their way in wait here, shortly, for who they are; and
 * what is learnt of a customer later.
 *
 *   submitted --asked--> arriving --answered, or time over--> classified
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "route/directory.h"
#include "route/stage.h"

/* One on its way in. */
struct arrival {
	struct submission submission; /* owned */
	struct reply reply;
};

void
router_use_directory(struct router *r, const struct directory *directory)
{
	r->directory = directory;
}

/* ---- what an answer says ---- */

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_attribute(const struct attribute *a, const struct attribute *b)
{
	if (strcmp(a->name, b->name) != 0 || a->kind != b->kind ||
		a->boolean != b->boolean || a->number != b->number ||
		!same_text(a->text, b->text) || a->n_list != b->n_list)
		return false;
	for (int i = 0; i < a->n_list; i++)
		if (strcmp(a->list[i], b->list[i]) != 0)
			return false;
	return true;
}

static bool
is_own(const struct contact *c, const char *name)
{
	for (int i = 0; i < c->n_own_attributes; i++)
		if (strcmp(c->attributes[i].name, name) == 0)
			return true;
	return false;
}

/* The answer's attributes, less those that the intake gave. Returns how many. */
static int
wanted(const struct contact *c, const struct directory_answer *answer,
	const struct attribute *list[DIRECTORY_ATTRIBUTES_MAX])
{
	int n = 0;

	for (int i = 0; i < answer->n_attributes && n < DIRECTORY_ATTRIBUTES_MAX; i++)
		if (!is_own(c, answer->attributes[i].name))
			list[n++] = &answer->attributes[i];
	return n;
}

static bool
learn_attributes(struct contact *c, const struct directory_answer *answer)
{
	const struct attribute *list[DIRECTORY_ATTRIBUTES_MAX];
	int n = wanted(c, answer, list), n_own = c->n_own_attributes;
	bool same = n == c->n_attributes - n_own;

	for (int i = 0; same && i < n; i++)
		same = same_attribute(list[i], &c->attributes[n_own + i]);
	if (same)
		return false;
	for (int i = n_own; i < c->n_attributes; i++)
		attribute_finish(&c->attributes[i]);
	c->attributes = xreallocarray(
		c->attributes, (size_t)(n_own + n) + 1, sizeof c->attributes[0]);
	for (int i = 0; i < n; i++)
		attribute_copy(&c->attributes[n_own + i], list[i]);
	c->n_attributes = n_own + n;
	return true;
}

/* The agent who served him last, while nobody else is named and no hold has begun. */
static bool
learn_agent(struct router *r, struct contact *c, const struct directory_answer *answer)
{
	int agent = answer->last_agent != NULL
			    ? centre_agent(r->centre, answer->last_agent)
			    : -1;

	if (agent < 0 || c->last_agent >= 0 || c->target >= 0 || c->hold_until_ms != 0 ||
		c->handled_ms != 0)
		return false;
	c->last_agent = agent;
	return true;
}

/* True: something is new. */
static bool
learn(struct router *r, struct contact *c, const struct directory_answer *answer)
{
	bool news = learn_attributes(c, answer);

	news = learn_agent(r, c, answer) || news;
	if (c->party != answer->party) {
		c->party = answer->party;
		news = true;
	}
	if (!c->own_customer && !same_text(c->customer, answer->customer)) {
		free(c->customer);
		c->customer = xstrdup(answer->customer);
		news = true;
	}
	if (!c->own_points && c->base_points != answer->points) {
		c->points += answer->points - c->base_points;
		c->base_points = answer->points;
		news = true;
	}
	return news;
}

void
identify_learn(struct router *r, struct contact *c, const struct directory_answer *answer)
{
	(void)learn(r, c, answer);
}

/* ---- on the way in ---- */

bool
identify_ask(
	struct router *r, const struct submission *s, int64_t now_ms, struct reply reply)
{
	struct directory_question q = {.channel = s->channel,
		.source = s->source,
		.customer = s->customer,
		.n_attributes = s->n_attributes,
		.attributes = s->attributes};
	struct arrival *arrival;
	uint64_t ticket;

	if (r->directory == NULL || r->arrivals.n >= ARRIVALS_MAX)
		return false;
	arrival = xcalloc(1, sizeof *arrival);
	submission_copy(&arrival->submission, s);
	arrival->reply = reply;
	/* Waiting for an answer is waiting too: its age counts from here. */
	if (arrival->submission.arrived_ms == 0)
		arrival->submission.arrived_ms = now_ms;
	ticket = ++r->n_tickets;
	idmap_put(&r->arrivals, ticket, arrival);
	if (r->directory->ask(r->directory->owner, ticket, &q))
		return true;
	idmap_remove(&r->arrivals, ticket);
	submission_finish(&arrival->submission);
	free(arrival);
	return false;
}

uint64_t
router_identified(struct router *r, int64_t now_ms, uint64_t ticket,
	const struct directory_answer *answer)
{
	struct arrival *arrival = idmap_remove(&r->arrivals, ticket);
	uint64_t contact;

	if (arrival == NULL) {
		log_error("router: a ticket was answered twice ticket=%" PRIu64, ticket);
		return 0;
	}
	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	contact = intake_take(r, now_ms, &arrival->submission, answer, arrival->reply);
	router_leave_command(r);
	submission_finish(&arrival->submission);
	free(arrival);
	return contact;
}

void
identify_finish(struct router *r)
{
	size_t at = 0;
	void *value;

	while (idmap_next(&r->arrivals, &at, NULL, &value)) {
		struct arrival *arrival = value;

		submission_finish(&arrival->submission);
		free(arrival);
	}
	idmap_finish(&r->arrivals);
}

/* ---- later ---- */

/* Classified and scored again at its place and age, as a change by staff. */
static void
rescore(struct router *r, struct contact *c, int64_t now_ms)
{
	bool waits = c->class != NULL;
	struct step *step = step_begin(r, waits ? STEP_MOVE : STEP_HOLD, now_ms);

	if (waits) {
		wait_leave(r, c);
		reclassify(r, c, now_ms);
		wait_enter(r, c, now_ms);
	} else {
		c->version = 0; /* it is classified again when it next waits */
	}
	step_contact(r, step, c);
	effect_reason(step_event(step, EVENT_CONTACT_UPDATED, c, agent_at(r, c->agent)),
		"customer");
	step_commit(r, step);
	if (waits)
		match_contact(r, c, now_ms, NULL, "recognised");
}

void
router_recognise(struct router *r, int64_t now_ms, uint64_t contact,
	const struct directory_answer *answer)
{
	struct contact *c;

	router_enter(r, now_ms);
	wait_advance(r, now_ms);
	c = contact_find(r, contact);
	/* What waits under other settings waited for this answer (route/recover.c). */
	if (c != NULL && (learn(r, c, answer) ||
				 (c->class != NULL && c->version != r->centre->version)))
		rescore(r, c, now_ms);
	router_leave_command(r);
}

/* ---- questions ---- */

bool
router_ask_again(const struct router *r, uint64_t contact,
	void (*fn)(void *owner, uint64_t contact, const struct directory_question *q),
	void *owner)
{
	const struct contact *c = contact_find(r, contact);
	struct directory_question q;

	if (c == NULL)
		return false;
	q = (struct directory_question){.channel = r->centre->channels[c->channel].name,
		.source = c->source,
		.customer = c->own_customer ? c->customer : NULL,
		.n_attributes = c->n_own_attributes,
		.attributes = c->attributes};
	fn(owner, contact, &q);
	return true;
}

bool
router_recognised(const struct router *r, uint64_t contact, struct recognised *out)
{
	const struct contact *c = contact_find(r, contact);

	if (c == NULL)
		return false;
	*out = (struct recognised){.party = c->party,
		.customer = c->customer,
		.channel = c->channel,
		.queue = c->queue,
		.tier = c->tier,
		.agent = c->agent,
		.points = c->points,
		.base_points = c->base_points,
		.own_points = c->own_points};
	return true;
}

size_t
router_live(const struct router *r, uint64_t *contacts, size_t room)
{
	size_t at = 0, n = 0;
	uint64_t id;
	void *value;

	while (idmap_next(&r->contacts, &at, &id, &value) && n < room)
		contacts[n++] = id;
	return r->contacts.n;
}
