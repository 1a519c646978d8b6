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
	idmap_finish(&c->ended);
	idmap_finish(&c->recorded);
	idmap_finish(&c->erased);
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
	const struct timeval soon = {1, 0};

	customer_rules_unref(c->rules);
	c->rules = customer_rules_ref(rules);
	live_walk(c);
	/* Who lowers what is kept waits for it to go. */
	event_add(c->tidy, &soon);
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

static void
ended(struct customers *c, const struct event *e)
{
	const struct live *live = live_get(c, e->contact);

	if (live == NULL)
		return;
	idmap_put(&c->ended, e->contact, (void *)(uintptr_t)live->group->root);
	live_remove(c, e->contact);
}

void
customers_use_records(struct customers *c, bool (*complete)(void *owner), void *owner)
{
	c->complete = complete;
	c->complete_owner = owner;
}

void
customers_recorded(void *owner, uint64_t contact)
{
	struct customers *c = owner;
	int64_t root = (int64_t)(uintptr_t)idmap_remove(&c->ended, contact);

	/* An erasure may have read the records before this one was there. */
	if (root != 0 && c->n_gathering > 0)
		idmap_put(&c->recorded, contact, (void *)(uintptr_t)root);
	/* What else he has waiting is a repeated contact now. */
	if (root != 0 && !c->stopped)
		live_refresh(c, root);
}

void
customers_event(void *owner, const struct event *e)
{
	struct customers *c = owner;

	if (c->stopped)
		return;
	if (e->kind == EVENT_CONTACT_COMPLETED || e->kind == EVENT_CONTACT_ABANDONED ||
		e->kind == EVENT_CONTACT_EXPIRED || e->kind == EVENT_CONTACT_CANCELLED ||
		e->kind == EVENT_CONTACT_LOST || e->kind == EVENT_CONTACT_ANSWERED)
		ended(c, e);
}
