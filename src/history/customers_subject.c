/* history/customers_subject.c - what is kept about one customer handed out, and what is
 * kept too long forgotten. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/moment.h"
#include "history/customers_inner.h"

#define TIDY_MS 3600000 /* between looks for what is kept too long */
#define TIDY_MOST 5000	/* rows of one look and kind */
#define EXPORT_CONTACTS_MOST 2000

/* ---- export ---- */

struct export
{
	struct customers *c;
	struct rpc *rpc;
	uint64_t tag;
	struct customer_rules *rules; /* a reference */
	int64_t party;
	json_t *answer; /* owned; NULL: there is none */
};

static void
add_served(struct database_session *s, const struct party_view *v, json_t *out)
{
	struct query *q = query_start(s,
		"SELECT d.contact, d.channel, d.agent, d.state, d.ended_ms, d.handled_ms "
		"FROM served d JOIN party p ON p.id = d.party WHERE p.root = $1 ORDER BY "
		"d.ended_ms DESC LIMIT $2");
	json_t *list = json_array();

	query_put_int(q, 1, v->root);
	query_put_int(q, 2, EXPORT_CONTACTS_MOST);
	while (query_row(q)) {
		char id[NUMBER_ID_TEXT], at[MOMENT_TEXT];

		number_id_format(id, 'c', (uint64_t)query_int(q, 0));
		moment_format(at, query_int(q, 4));
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s*, s:s, s:s, s:I}", "contact", id,
				"channel", query_text(q, 1), "agent", query_text(q, 2),
				"state", query_text(q, 3), "ended", at, "handled_ms",
				(json_int_t)query_int(q, 5)));
	}
	query_end(q);
	json_object_set_new(out, "served", list);
}

static bool
read_export(struct database_session *s, void *arg)
{
	struct export *x = arg;
	struct party_view *v = xcalloc(1, sizeof *v);

	if (party_read(s, x->party, x->rules, clock_wall_ms(), v)) {
		x->answer = party_card(s, v, x->rules);
		add_served(s, v, x->answer);
		for (int i = 0; i < x->c->n_parts; i++)
			if (x->c->part[i].export != NULL)
				x->c->part[i].export(x->c->part[i].owner, s, v->merged,
					v->n_merged, x->answer);
	}
	party_view_finish(v);
	free(v);
	return true;
}

static void
exported(void *arg, enum database_result result)
{
	struct export *x = arg;

	if (result != DATABASE_OK)
		rpc_refuse(x->rpc, x->tag, RPC_LATER, "database_away",
			"The database of customers cannot be read now; try again later.",
			json_pack("{s:i}", "retry_ms", 1000));
	else if (x->answer == NULL)
		rpc_refuse(x->rpc, x->tag, RPC_NOT_FOUND, "no_customer",
			party_result_text(PARTY_NONE), NULL);
	else
		rpc_answer(x->rpc, x->tag, json_pack("{s:O}", "customer", x->answer));
	customer_rules_unref(x->rules);
	json_decref(x->answer);
	free(x);
}

void
on_customer_export(void *owner, const struct rpc_call *call)
{
	struct customers *c = owner;
	struct export *x;
	int64_t party;

	if (!find_customer(c, call, "customer", &party) ||
		!c->parts.people.audit(c->parts.people.owner, call,
			rpc_text(call, "customer"), "export"))
		return;
	x = xcalloc(1, sizeof *x);
	*x = (struct export){.c = c,
		.rpc = call->rpc,
		.tag = call->tag,
		.rules = customer_rules_ref(c->rules),
		.party = party};
	if (!database_read(c->parts.database, read_export, exported, x))
		exported(x, DATABASE_AWAY);
}

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

static int64_t
forget_served(struct database_session *s, const char *channel, int64_t before_ms)
{
	struct query *q = query_start(s,
		"DELETE FROM served WHERE contact IN (SELECT contact FROM served WHERE "
		"channel = $1 AND ended_ms < $2 LIMIT $3)");

	query_put_text(q, 1, channel);
	query_put_int(q, 2, before_ms);
	query_put_int(q, 3, TIDY_MOST);
	return query_run(q);
}

/* Channels without a rule of their own, as they stand in the table. */
static int64_t
forget_others(
	struct database_session *s, const struct customer_rules *rules, int64_t before_ms)
{
	struct query *q = query_start(s, "SELECT DISTINCT channel FROM served");
	char *channels[256];
	int64_t n = 0;
	int n_channels = 0;

	while (n_channels < 256 && query_row(q))
		channels[n_channels++] = xstrdup(query_text(q, 0));
	query_end(q);
	for (int i = 0; i < n_channels; i++) {
		bool named = false;

		for (int k = 0; k < rules->n_retention; k++)
			named = named ||
				strcmp(rules->retention[k].channel, channels[i]) == 0;
		if (!named)
			n += forget_served(s, channels[i], before_ms);
		free(channels[i]);
	}
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
		bool others = strcmp(r->channel, "*") == 0;

		t->contacts += others ? forget_others(s, rules, now_ms - r->ms)
				      : forget_served(s, r->channel, now_ms - r->ms);
		for (int k = 0; k < t->c->n_parts; k++)
			if (t->c->part[k].expire != NULL)
				t->c->part[k].expire(t->c->part[k].owner, s, r->channel,
					now_ms - r->ms, named, n_named);
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
		"EXISTS (SELECT 1 FROM served d WHERE d.party = p.id) AND NOT EXISTS "
		"(SELECT 1 FROM party m WHERE m.root = p.id AND m.id <> p.id) LIMIT $2)");
	query_put_int(q, 1, now_ms - t->rules->provisional_ms);
	query_put_int(q, 2, TIDY_MOST);
	t->customers = query_run(q);
	return true;
}

static void
tidied(void *arg, enum database_result result)
{
	struct tidying *t = arg;

	if (result == DATABASE_OK && t->contacts + t->customers + t->listings > 0)
		log_info("customers: forgotten contacts=%lld customers=%lld "
			 "listings=%lld",
			(long long)t->contacts, (long long)t->customers,
			(long long)t->listings);
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
