/* history/customers_subject.c - what is kept of customers too long is forgotten. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "history/customers_inner.h"

#define TIDY_MS 3600000	  /* between looks for what is kept too long */
#define TIDY_MOST 5000	  /* customers of one look */
#define TIDY_PAUSE_MS 200 /* between looks while there may be more: others write too */

/* ---- retention ---- */

struct tidying {
	struct customers *c;
	struct customer_rules *rules; /* a reference */
	int64_t contacts, customers, listings;
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

static void
expire_contacts(struct database_session *s, struct tidying *t, int64_t now_ms)
{
	const struct customer_rules *rules = t->rules;
	const char **named = xcalloc((size_t)rules->n_retention + 1, sizeof named[0]);
	int n_named = named_channels(rules, named);

	for (int i = 0; i < rules->n_retention; i++) {
		const struct channel_retention *r = &rules->retention[i];

		for (int k = 0; k < t->c->n_parts; k++)
			if (t->c->part[k].expire != NULL)
				t->contacts += t->c->part[k].expire(t->c->part[k].owner,
					s, r->channel, now_ms - r->ms, named, n_named);
	}
	free(named);
}

static bool
tidy(struct database_session *s, void *arg)
{
	struct tidying *t = arg;
	int64_t now_ms = clock_wall_ms();
	struct query *q;

	t->contacts = 0;
	expire_contacts(s, t, now_ms);
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

/* What was forgotten leaves the files too; what one look could not take follows soon. */
static void
go_on(const struct tidying *t)
{
	const struct timeval soon = {0, TIDY_PAUSE_MS * 1000};

	log_info("customers: forgotten contacts=%lld customers=%lld listings=%lld",
		(long long)t->contacts, (long long)t->customers, (long long)t->listings);
	if (t->contacts >= CUSTOMER_EXPIRE_LOT || t->customers >= TIDY_MOST)
		event_add(t->c->tidy, &soon);
	else
		database_compact(t->c->parts.database);
}

static void
tidied(void *arg, enum database_result result)
{
	struct tidying *t = arg;

	if (result == DATABASE_OK && t->contacts + t->customers + t->listings > 0)
		go_on(t);
	customer_rules_unref(t->rules);
	free(t);
}

void
customers_tidy(int fd, short what, void *owner)
{
	struct customers *c = owner;
	struct timeval again = {TIDY_MS / 1000, 0};
	struct tidying *t;

	event_add(c->tidy, &again);
	if (c->stopped)
		return;
	t = xcalloc(1, sizeof *t);
	t->c = c;
	t->rules = customer_rules_ref(c->rules);
	if (!database_write(c->parts.database, tidy, tidied, t, PATIENCE_MS))
		tidied(t, DATABASE_AWAY);
}
