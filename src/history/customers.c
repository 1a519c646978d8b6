/* history/customers.c - the directory of customers: its life, what it hears, what it
 * forgets. */
#include "history/customers.h"

#include <event2/event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "history/customers_inner.h"

int64_t
customers_take_number(struct customers *c)
{
	return __atomic_fetch_add(&c->next_party, 1, __ATOMIC_RELAXED);
}

/* ---- life ---- */

static bool
load(struct database_session *s, void *arg)
{
	struct customers *c = arg;

	c->next_party = party_highest(s) + 1;
	return lists_load(s, c);
}

struct customers *
customers_create(const struct customers_parts *parts, char *error, size_t room)
{
	struct customers *c = xcalloc(1, sizeof *c);
	struct timeval soon = {60, 0};

	c->parts = *parts;
	c->rules = customer_rules_ref(parts->rules);
	c->directory = (struct directory){lookup_ask, c};
	c->late = evtimer_new(parts->base, lookup_on_late, c);
	c->tidy = evtimer_new(parts->base, customers_tidy, c);
	if (!identity_country(c->rules->country))
		log_warn("customers: country=%s is not known: telephone numbers without "
			 "\"+\" identify nobody",
			c->rules->country);
	if (database_use(parts->database, load, c) != DATABASE_OK) {
		snprintf(error, room, "the customers cannot be read from the database");
		customers_destroy(c);
		return NULL;
	}
	event_add(c->tidy, &soon);
	return c;
}

void
customers_stop(struct customers *c)
{
	lookups_release_all(c);
	c->stopped = true;
}

void
customers_destroy(struct customers *c)
{
	if (c == NULL)
		return;
	live_finish(c);
	lists_finish(c);
	idmap_finish(&c->asked);
	if (c->late != NULL)
		event_free(c->late);
	if (c->tidy != NULL)
		event_free(c->tidy);
	customer_rules_unref(c->rules);
	free(c);
}

void
customers_configure(struct customers *c, struct customer_rules *rules)
{
	customer_rules_unref(c->rules);
	c->rules = customer_rules_ref(rules);
	live_walk(c);
}

const struct directory *
customers_directory(struct customers *c)
{
	return &c->directory;
}

void
customers_start(struct customers *c)
{
	live_walk(c);
}

void
customers_add_part(struct customers *c, const struct customer_part *part)
{
	if (c->n_parts == CUSTOMER_PARTS_MAX)
		abort(); /* a fault of the wiring */
	c->part[c->n_parts++] = *part;
}

void
customers_use_source(struct customers *c, const struct customers_source *source)
{
	c->source = source;
}

void
customers_figures(const struct customers *c, struct customers_figures *out)
{
	*out = c->figures;
	out->late_now = c->n_overdue;
	out->live = c->live.n;
	out->cards = c->n_cards;
}

void
customers_use_eraser(struct customers *c, const struct customers_eraser *eraser)
{
	c->eraser = eraser;
}

/* ---- what is heard ---- */

static bool
is_among(char *const *list, int n, const char *word)
{
	for (int i = 0; i < n && word != NULL; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

static void
ended(struct customers *c, const struct event *e, const char *state)
{
	const struct centre *centre = router_centre(c->parts.router);
	const struct live *live = live_get(c, e->contact);
	int64_t root;
	int complaint = 0;

	if (live == NULL)
		return;
	root = live->group->root;
	if (e->kind == EVENT_CONTACT_COMPLETED) {
		if (is_among(c->rules->complaints, c->rules->n_complaints, e->reason))
			complaint = 1;
		else if (is_among(c->rules->settled, c->rules->n_settled, e->reason))
			complaint = -1;
	}
	write_served(c,
		&(struct served){.contact = e->contact,
			.party = live->party,
			.channel = e->channel >= 0 ? centre->channels[e->channel].name
						   : "none",
			.agent = e->agent >= 0 && e->handled_ms >= 0
					 ? centre->agents[e->agent].id
					 : NULL,
			.state = state,
			.ended_ms = clock_wall_ms(),
			.handled_ms = e->handled_ms > 0 ? e->handled_ms : 0},
		root, complaint);
	live_remove(c, e->contact);
}

void
customers_event(void *owner, const struct event *e)
{
	struct customers *c = owner;

	if (c->stopped)
		return;
	if (e->kind == EVENT_CONTACT_COMPLETED)
		ended(c, e, "completed");
	else if (e->kind == EVENT_CONTACT_ABANDONED)
		ended(c, e, "abandoned");
	else if (e->kind == EVENT_CONTACT_EXPIRED)
		ended(c, e, "expired");
	else if (e->kind == EVENT_CONTACT_CANCELLED)
		ended(c, e, "cancelled");
	else if (e->kind == EVENT_CONTACT_LOST)
		ended(c, e, "lost");
	else if (e->kind == EVENT_CONTACT_ANSWERED)
		ended(c, e, "answered");
}
