/* history/customers_listing.c - VIP and block lists over the protocol. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "history/customers_inner.h"

/* One entry on its way to the database. */
struct entry {
	struct customers *c;
	struct rpc *rpc;
	uint64_t tag;
	struct listing listing; /* its reason is owned */
	bool remove;
	int64_t changed;
	char who[128];
};

static bool
write_entry(struct database_session *s, void *arg)
{
	struct entry *e = arg;
	const struct listing *l = &e->listing;
	struct query *q;

	if (e->remove) {
		q = query_start(s, "DELETE FROM listing WHERE list = $1 AND kind = $2 "
				   "AND pattern = $3");
		query_put_text(q, 1, l->vip ? "vip" : "block");
		query_put_text(q, 2, l->kind);
		query_put_text(q, 3, l->pattern);
		e->changed = query_run(q);
		return true;
	}
	q = query_start(s,
		"INSERT INTO listing (list, kind, pattern, points, reason, until_ms, "
		"set_by, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT "
		"(list, kind, pattern) DO UPDATE SET points = excluded.points, reason = "
		"excluded.reason, until_ms = excluded.until_ms, set_by = "
		"excluded.set_by, at_ms = excluded.at_ms");
	query_put_text(q, 1, l->vip ? "vip" : "block");
	query_put_text(q, 2, l->kind);
	query_put_text(q, 3, l->pattern);
	query_put_number(q, 4, l->points);
	query_put_text(q, 5, l->reason);
	query_put_int(q, 6, l->until_ms);
	query_put_text(q, 7, e->who);
	query_put_int(q, 8, clock_wall_ms());
	e->changed = query_run(q);
	return true;
}

static void
entry_written(void *arg, enum database_result result)
{
	struct entry *e = arg;

	if (result != DATABASE_OK) {
		rpc_refuse(e->rpc, e->tag, RPC_LATER, "database_away",
			"The database of customers cannot be written now; try again "
			"later.",
			json_pack("{s:i}", "retry_ms", 1000));
	} else if (e->remove && e->changed == 0) {
		rpc_refuse(e->rpc, e->tag, RPC_NOT_FOUND, "not_listed",
			"That is not on the list; customer.lists shows what is.", NULL);
	} else {
		if (e->remove)
			lists_drop(e->c, e->listing.vip, e->listing.kind,
				e->listing.pattern);
		else
			lists_put(e->c, &e->listing);
		rpc_answer(e->rpc, e->tag, json_pack("{s:b}", "accepted", true));
		/* Whoever waits may be on it. */
		live_walk(e->c);
	}
	free(e->listing.reason);
	free(e);
}

/* Kind and pattern in the form of identities; false: refused already. */
static bool
read_pattern(struct customers *c, const struct rpc_call *call, struct listing *l)
{
	const char *kind = rpc_text(call, "kind"), *pattern = rpc_text(call, "pattern");
	struct identity identity;
	const char *why = "\"customer\" wants the id of a customer: \"k\" and 12 digits";
	int64_t party;

	snprintf(l->kind, sizeof l->kind, "%.32s", kind);
	snprintf(l->pattern, sizeof l->pattern, "%.254s", pattern);
	if (strcmp(kind, "customer") == 0 ? party_id_parse(pattern, &party)
		: strchr(pattern, '*') != NULL
			? true
			: identity_normalise(
				  &identity, kind, pattern, c->rules->country, &why)) {
		if (strcmp(kind, "customer") != 0 && strchr(pattern, '*') == NULL)
			snprintf(l->pattern, sizeof l->pattern, "%s", identity.value);
		return true;
	}
	rpc_refuse_param(call->rpc, call->tag, "pattern", why);
	return false;
}

static void
begin(struct customers *c, const struct rpc_call *call, bool remove)
{
	const struct people *people = &c->parts.people;
	struct entry *e = xcalloc(1, sizeof *e);
	struct listing *l = &e->listing;

	e->c = c;
	e->rpc = call->rpc;
	e->tag = call->tag;
	e->remove = remove;
	l->vip = strcmp(rpc_text(call, "list"), "vip") == 0;
	l->points = remove ? NAN : rpc_number(call, "points");
	l->until_ms = remove ? 0 : rpc_time_ms(call, "until");
	if (!read_pattern(c, call, l) ||
		!people->audit(people->owner, call, NULL, rpc_text(call, "list"))) {
		free(e);
		return;
	}
	if (!remove && c->n_listings >= LISTINGS_MAX) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "too_many",
			"The lists are full; remove entries that have run out.", NULL);
		free(e);
		return;
	}
	if (!remove)
		l->reason = xstrdup(rpc_text(call, "reason"));
	snprintf(e->who, sizeof e->who, "%s", people->who(people->owner, call));
	if (!database_write(
		    c->parts.database, write_entry, entry_written, e, PATIENCE_MS))
		entry_written(e, DATABASE_AWAY);
}

void
on_customer_list_add(void *owner, const struct rpc_call *call)
{
	begin(owner, call, false);
}

void
on_customer_list_remove(void *owner, const struct rpc_call *call)
{
	begin(owner, call, true);
}

void
on_customer_lists(void *owner, const struct rpc_call *call)
{
	rpc_answer(call->rpc, call->tag, lists_json(owner, rpc_text(call, "after")));
}
