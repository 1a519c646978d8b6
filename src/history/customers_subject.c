/*
 * history/customers_subject.c - what is kept of customers too long is forgotten.
 *
 *   contacts that are due --> out of whoever keeps content of them --> out of the
 * database
 *
 * The database comes last: what was cut short is due again. Once a lot, an hour apart
 * when nothing more is due.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "history/apply.h"
#include "history/customers_inner.h"

#define TIDY_MS 3600000	  /* between looks for what is kept too long */
#define TIDY_MOST 5000	  /* customers of one look */
#define TIDY_PAUSE_MS 200 /* between looks while there may be more: others write too */

/* ---- retention ---- */

struct tidying {
	struct customers *c;
	struct customer_rules *rules; /* a reference */
	int n;
	int64_t contacts[CUSTOMER_EXPIRE_LOT]; /* that are due */
	const struct customer_part *of;	       /* whose they are */
	uint64_t numbers[CUSTOMER_EXPIRE_LOT];
	struct subject subject; /* the same, as parts are told */
	int64_t customers, listings;
};

/* Channels that have a rule of their own; out has room for all of them. */
static int
named_channels(const struct customer_rules *rules, const char **out)
{
	int n = 0;

	for (int i = 0; i < rules->n_retention; i++)
		if (strcmp(rules->retention[i].channel, "*") != 0)
			out[n++] = rules->retention[i].channel;
	return n;
}

/* ---- on a thread of the database ---- */

static void
look_for(struct database_session *s, struct tidying *t, const struct customer_part *part,
	int64_t now_ms)
{
	const struct customer_rules *rules = t->rules;
	const char **named = xcalloc((size_t)rules->n_retention + 1, sizeof named[0]);
	int n_named = named_channels(rules, named);

	t->of = part;
	for (int i = 0; i < rules->n_retention && t->n < CUSTOMER_EXPIRE_LOT; i++)
		t->n += part->due(part->owner, s, rules->retention[i].channel,
			now_ms - rules->retention[i].ms, named, n_named,
			t->contacts + t->n, CUSTOMER_EXPIRE_LOT - t->n);
	free(named);
}

/* One part at a time has contacts that are due. */
static bool
look(struct database_session *s, void *arg)
{
	struct tidying *t = arg;
	const struct customers *c = t->c;

	t->n = 0;
	for (int k = 0; k < c->n_parts && t->n == 0; k++)
		if (c->part[k].due != NULL)
			look_for(s, t, &c->part[k], clock_wall_ms());
	t->subject = (struct subject){.contacts = t->numbers,
		.n_contacts = apply_numbers(s, t->contacts, (size_t)t->n, t->numbers),
		.by_time = true};
	return true;
}

static bool
tidy(struct database_session *s, void *arg)
{
	struct tidying *t = arg;
	int64_t now_ms = clock_wall_ms();
	struct query *q;

	if (t->n > 0)
		t->of->expire(t->of->owner, s, t->contacts, t->n);
	q = query_start(s, "DELETE FROM listing WHERE until_ms > 0 AND until_ms < $1");
	query_put_int(q, 1, now_ms);
	t->listings = query_run(q);
	q = query_start(s,
		"DELETE FROM party WHERE id IN (SELECT p.id FROM party p WHERE "
		"p.provisional = 1 AND p.root = p.id AND p.updated_ms < $1 AND NOT "
		"EXISTS (SELECT 1 FROM contact_person d WHERE d.party = p.id) AND NOT "
		"EXISTS "
		"(SELECT 1 FROM party m WHERE m.root = p.id AND m.id <> p.id) LIMIT $2)");
	query_put_int(q, 1, now_ms - t->rules->provisional_ms);
	query_put_int(q, 2, TIDY_MOST);
	t->customers = query_run(q);
	return true;
}

/* ---- on the loop ---- */

/* What was forgotten leaves the files too; what one look could not take follows soon. */
static void
go_on(const struct tidying *t)
{
	const struct timeval soon = {0, TIDY_PAUSE_MS * 1000};

	log_info("customers: forgotten contacts=%d customers=%lld listings=%lld", t->n,
		(long long)t->customers, (long long)t->listings);
	if (t->n == CUSTOMER_EXPIRE_LOT || t->customers >= TIDY_MOST)
		event_add(t->c->tidy, &soon);
	else
		database_compact(t->c->parts.database);
}

static void
tidied(void *arg, enum database_result result)
{
	struct tidying *t = arg;

	if (result == DATABASE_OK && t->n + t->customers + t->listings > 0)
		go_on(t);
	t->c->tidying = false;
	customer_rules_unref(t->rules);
	free(t);
}

static void
content_gone(void *arg, bool gone)
{
	struct tidying *t = arg;

	if (!gone) {
		log_warn("customers: what is kept too long could not be removed "
			 "contacts=%d",
			t->n);
		t->n = 0; /* due again with the next look */
	}
	if (!database_write(t->c->parts.database, tidy, tidied, t, PATIENCE_MS))
		tidied(t, DATABASE_AWAY);
}

static void
looked(void *arg, enum database_result result)
{
	struct tidying *t = arg;

	if (result != DATABASE_OK) {
		tidied(t, result);
	} else if (t->subject.n_contacts == 0) {
		content_gone(t, true);
	} else {
		customers_forget(t->c, &t->subject, content_gone, t);
	}
}

void
customers_tidy(int fd, short what, void *owner)
{
	struct customers *c = owner;
	struct timeval again = {TIDY_MS / 1000, 0};
	struct tidying *t;

	event_add(c->tidy, &again);
	if (c->stopped || c->tidying)
		return;
	c->tidying = true;
	t = xcalloc(1, sizeof *t);
	t->c = c;
	t->rules = customer_rules_ref(c->rules);
	if (!database_read(c->parts.database, look, looked, t))
		looked(t, DATABASE_AWAY);
}
