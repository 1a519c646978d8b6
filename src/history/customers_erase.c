/*
 * history/customers_erase.c - a customer erased: nothing that names him stays anywhere,
 * only a record that it was done (RELIABILITY I15, T21).
 *
 *   who, and his contacts --> waiting ones withdrawn --> out of whoever keeps content
 *   --> contacts out of Redis, its log written anew --> rows out of the database -->
 * record
 *
 * The database comes last: until then the whole can be repeated. What he sends meanwhile
 * is still his, and withdrawn like the rest, until there is nothing more; then his rows
 * go, and a look-up that has read them, or still does, finds nobody.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "history/customers_inner.h"

#define ROUNDS_MOST 100 /* as long as he sends more */

struct erasure {
	struct customers *c;
	struct rpc *rpc;
	uint64_t tag;
	char who[128];
	int64_t party;
	struct traces traces;
	size_t n_forgotten; /* contacts whose content is gone */
	int rounds;
	int withdrawing; /* answers of the router that are awaited; 1 more while asking
			  */
	json_t *counts;	 /* owned */
};

static void
destroy(struct erasure *e)
{
	traces_end(e->c);
	lookups_erased(e->c);
	json_decref(e->counts);
	traces_finish(&e->traces);
	free(e);
}

static void
refuse(struct erasure *e, enum rpc_code code, const char *type, const char *message)
{
	rpc_refuse(e->rpc, e->tag, code, type, message,
		code == RPC_LATER ? json_pack("{s:i}", "retry_ms", 1000) : NULL);
	destroy(e);
}

/* ---- last: the database ---- */

static int64_t delete (struct database_session *s, const char *sql, int64_t party)
{
	struct query *q = query_start(s, sql);

	query_put_int(q, 1, party);
	return query_run(q);
}

/* Listings name him by his identities, so these go first. */
static int64_t
delete_listings(struct database_session *s, int64_t party)
{
	char id[NUMBER_ID_TEXT];
	struct query *q;
	int64_t n = delete (s,
		"DELETE FROM listing WHERE EXISTS (SELECT 1 FROM identity i WHERE "
		"i.party = $1 AND i.kind = listing.kind AND i.value = listing.pattern)",
		party);

	party_id_format(id, party);
	q = query_start(
		s, "DELETE FROM listing WHERE kind = 'customer' AND pattern = $1");
	query_put_text(q, 1, id);
	return n + query_run(q);
}

static void
record(struct database_session *s, const struct erasure *e, int64_t party)
{
	struct query *q = query_start(s, "INSERT INTO erasure (party, at_ms, done_by, "
					 "counts) VALUES ($1, $2, $3, $4)");
	char *counts = json_dumps(e->counts, JSON_COMPACT);

	query_put_int(q, 1, party);
	query_put_int(q, 2, clock_wall_ms());
	query_put_text(q, 3, e->who);
	query_put_text(q, 4, counts);
	query_run(q);
	free(counts);
}

static bool
erase(struct database_session *s, void *arg)
{
	struct erasure *e = arg;
	int64_t identities = 0, attributes = 0, links = 0, listings = 0;

	json_object_clear(e->counts);
	for (int i = 0; i < e->c->n_parts; i++)
		if (e->c->part[i].erase != NULL)
			e->c->part[i].erase(e->c->part[i].owner, s, e->traces.merged,
				e->traces.n_merged, e->counts);
	for (int i = 0; i < e->traces.n_merged; i++) {
		int64_t party = e->traces.merged[i];

		listings += delete_listings(s, party);
		identities += delete (s, "DELETE FROM identity WHERE party = $1", party);
		attributes += delete (s, "DELETE FROM attribute WHERE party = $1", party);
		links += delete (s, "DELETE FROM link WHERE party = $1", party);
		links += delete (s, "DELETE FROM link WHERE other = $1", party);
	}
	json_object_set_new(e->counts, "customers", json_integer(e->traces.n_merged));
	json_object_set_new(e->counts, "identities", json_integer(identities));
	json_object_set_new(e->counts, "attributes", json_integer(attributes));
	json_object_set_new(e->counts, "links", json_integer(links));
	json_object_set_new(e->counts, "listings", json_integer(listings));
	for (int i = 0; i < e->traces.n_merged; i++) {
		record(s, e, e->traces.merged[i]);
		delete (s, "DELETE FROM party WHERE id = $1", e->traces.merged[i]);
	}
	return true;
}

static void
erased(void *arg, enum database_result result)
{
	struct erasure *e = arg;
	char id[NUMBER_ID_TEXT];

	if (result != DATABASE_OK) {
		for (int i = 0; i < e->traces.n_merged; i++)
			idmap_remove(&e->c->erased, (uint64_t)e->traces.merged[i]);
		refuse(e, RPC_LATER, "database_away",
			"The database of customers cannot be written now; erase him "
			"again later.");
		return;
	}
	party_id_format(id, e->traces.root);
	log_info("customers: erased customer=%s contacts=%zu", id, e->traces.n_contacts);
	lists_reload(e->c);
	database_compact(e->c->parts.database);
	rpc_answer(e->rpc, e->tag,
		json_pack("{s:b, s:s, s:O}", "accepted", true, "customer", id, "erased",
			e->counts));
	destroy(e);
}

static void
delete_rows(struct erasure *e)
{
	struct customers *c = e->c;

	for (int i = 0; i < e->traces.n_merged; i++)
		idmap_put(&c->erased, (uint64_t)e->traces.merged[i], c);
	if (!database_write(c->parts.database, erase, erased, e, PATIENCE_MS))
		erased(e, DATABASE_AWAY);
}

/* ---- contacts out of Redis and of whoever keeps content ---- */

static void go_on(struct erasure *e);

static void
contacts_gone(void *arg, bool done)
{
	struct erasure *e = arg;

	if (!done) {
		refuse(e, RPC_LATER, "store_away",
			"Contacts of his could not be removed from Redis now; erase him "
			"again later.");
		return;
	}
	go_on(e);
}

static void
remove_contacts(struct erasure *e)
{
	struct customers *c = e->c;

	if (c->eraser == NULL)
		contacts_gone(e, true);
	else
		c->eraser->contacts(c->eraser->owner, e->traces.contacts,
			e->traces.n_contacts, contacts_gone, e);
}

static void
content_gone(void *arg, bool gone)
{
	struct erasure *e = arg;

	if (gone)
		remove_contacts(e);
	else
		refuse(e, RPC_LATER, "store_away",
			"Content of his could not be removed now; erase him again "
			"later.");
}

static void
forget_content(struct erasure *e)
{
	e->n_forgotten = e->traces.n_contacts;
	customers_forget(e->c, &e->traces.subject, content_gone, e);
}

/* ---- what waits is withdrawn ---- */

static void
withdrawn(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct erasure *e = owner;

	if (--e->withdrawing == 0)
		forget_content(e);
}

static void
withdraw(struct erasure *e)
{
	struct customers *c = e->c;
	const struct group *g = idmap_get(&c->groups, (uint64_t)e->traces.root);
	size_t n = 0, room = 0;
	uint64_t *live = NULL; /* the group may go while they are withdrawn */

	for (const struct live *l = g != NULL ? g->first : NULL; l != NULL; l = l->next) {
		if (router_contact_agent(c->parts.router, l->contact) >= 0) {
			free(live);
			refuse(e, RPC_CONFLICT, "being_served",
				"An agent has a contact of his; erase him when it has "
				"ended.");
			return;
		}
		if (n == room) {
			room = room != 0 ? 2 * room : 16;
			live = xreallocarray(live, room, sizeof live[0]);
		}
		live[n++] = l->contact;
	}
	traces_settle(c, &e->traces);
	e->withdrawing = 1;
	for (size_t i = 0; i < n; i++) {
		e->withdrawing++;
		router_cancel(c->parts.router, c->parts.now_ms(c->parts.owner), live[i],
			"erased", (struct reply){.fn = withdrawn, .owner = e});
	}
	free(live);
	if (--e->withdrawing == 0)
		forget_content(e);
}

/* Content and contacts are gone: his rows go, too, unless he sent more meanwhile. */
static void
go_on(struct erasure *e)
{
	struct customers *c = e->c;

	traces_settle(c, &e->traces);
	if (e->traces.n_contacts == e->n_forgotten &&
		idmap_get(&c->groups, (uint64_t)e->traces.root) == NULL)
		delete_rows(e);
	else if (++e->rounds == ROUNDS_MOST)
		refuse(e, RPC_LATER, "busy",
			"He goes on sending contacts; erase him again later.");
	else
		withdraw(e);
}

/* ---- first: who, and his contacts ---- */

static bool
gather(struct database_session *s, void *arg)
{
	struct erasure *e = arg;

	traces_read(s, e->party, &e->traces);
	return true;
}

static void
gathered(void *arg, enum database_result result)
{
	struct erasure *e = arg;

	if (result != DATABASE_OK)
		refuse(e, RPC_LATER, "database_away",
			"The database of customers cannot be read now; try again later.");
	else if (e->traces.root == 0)
		refuse(e, RPC_NOT_FOUND, "no_customer", party_result_text(PARTY_NONE));
	else
		withdraw(e);
}

void
on_customer_erase(void *owner, const struct rpc_call *call)
{
	struct customers *c = owner;
	const struct people *people = &c->parts.people;
	struct erasure *e;
	int64_t party;

	if (c->complete != NULL && !c->complete(c->complete_owner)) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "history_behind",
			"The records of what was before the start are not complete yet; "
			"erase him in a moment.",
			json_pack("{s:i}", "retry_ms", 1000));
		return;
	}
	if (!find_customer(c, call, "customer", &party) ||
		!people->audit(people->owner, call, rpc_text(call, "customer"), "erase"))
		return;
	e = xcalloc(1, sizeof *e);
	e->c = c;
	e->rpc = call->rpc;
	e->tag = call->tag;
	e->party = party;
	traces_begin(c);
	e->counts = json_object();
	snprintf(e->who, sizeof e->who, "%s", people->who(people->owner, call));
	if (!database_read(c->parts.database, gather, gathered, e))
		gathered(e, DATABASE_AWAY);
}
