/*
 * history/customers_erase.c - a customer erased: nothing that names him stays anywhere,
 * only a record that it was done (RELIABILITY I15, T21).
 *
 *   who, and his contacts --> waiting ones withdrawn --> out of whoever keeps content
 *   --> contacts out of Redis, its log written anew --> rows out of the database -->
 * record
 *
 * The database comes last: until then the whole can be repeated.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "history/apply.h"
#include "history/customers_inner.h"

struct erasure {
	struct customers *c;
	struct rpc *rpc;
	uint64_t tag;
	char who[128];
	int64_t party, root;
	int n_merged;
	int64_t merged[MERGED_MAX];
	size_t n_contacts, room;
	uint64_t *contacts;		     /* owned */
	struct subject_identity *identities; /* owned, with their texts */
	size_t n_identities;
	struct subject subject; /* the same, as parts are told */
	int part;		/* the one that forgets now */
	int withdrawing; /* answers of the router that are awaited; 1 more while asking
			  */
	json_t *counts;	 /* owned */
};

static void
destroy(struct erasure *e)
{
	json_decref(e->counts);
	free(e->contacts);
	for (size_t i = 0; i < e->n_identities; i++) {
		free((char *)(uintptr_t)e->identities[i].kind);
		free((char *)(uintptr_t)e->identities[i].value);
	}
	free(e->identities);
	free(e);
}

static void
refuse(struct erasure *e, enum rpc_code code, const char *type, const char *message)
{
	rpc_refuse(e->rpc, e->tag, code, type, message,
		code == RPC_LATER ? json_pack("{s:i}", "retry_ms", 1000) : NULL);
	destroy(e);
}

static void
add_contact(struct erasure *e, uint64_t contact)
{
	for (size_t i = 0; i < e->n_contacts; i++)
		if (e->contacts[i] == contact)
			return;
	if (e->n_contacts == e->room) {
		e->room = e->room != 0 ? 2 * e->room : 64;
		e->contacts = xreallocarray(e->contacts, e->room, sizeof e->contacts[0]);
	}
	e->contacts[e->n_contacts++] = contact;
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
			e->c->part[i].erase(e->c->part[i].owner, s, e->merged,
				e->n_merged, e->counts);
	for (int i = 0; i < e->n_merged; i++) {
		int64_t party = e->merged[i];

		listings += delete_listings(s, party);
		identities += delete (s, "DELETE FROM identity WHERE party = $1", party);
		attributes += delete (s, "DELETE FROM attribute WHERE party = $1", party);
		links += delete (s, "DELETE FROM link WHERE party = $1", party);
		links += delete (s, "DELETE FROM link WHERE other = $1", party);
	}
	json_object_set_new(e->counts, "customers", json_integer(e->n_merged));
	json_object_set_new(e->counts, "identities", json_integer(identities));
	json_object_set_new(e->counts, "attributes", json_integer(attributes));
	json_object_set_new(e->counts, "links", json_integer(links));
	json_object_set_new(e->counts, "listings", json_integer(listings));
	for (int i = 0; i < e->n_merged; i++) {
		record(s, e, e->merged[i]);
		delete (s, "DELETE FROM party WHERE id = $1", e->merged[i]);
	}
	return true;
}

static void
erased(void *arg, enum database_result result)
{
	struct erasure *e = arg;
	char id[NUMBER_ID_TEXT];

	if (result != DATABASE_OK) {
		refuse(e, RPC_LATER, "database_away",
			"The database of customers cannot be written now; erase him "
			"again later.");
		return;
	}
	party_id_format(id, e->root);
	log_info("customers: erased customer=%s contacts=%zu", id, e->n_contacts);
	lists_reload(e->c);
	database_compact(e->c->parts.database);
	rpc_answer(e->rpc, e->tag,
		json_pack("{s:b, s:s, s:O}", "accepted", true, "customer", id, "erased",
			e->counts));
	destroy(e);
}

/* ---- contacts out of Redis and of whoever keeps content ---- */

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
	if (!database_write(e->c->parts.database, erase, erased, e, PATIENCE_MS))
		erased(e, DATABASE_AWAY);
}

static void
remove_contacts(struct erasure *e)
{
	struct customers *c = e->c;

	if (c->eraser == NULL)
		contacts_gone(e, true);
	else
		c->eraser->contacts(
			c->eraser->owner, e->contacts, e->n_contacts, contacts_gone, e);
}

static void forget_next(struct erasure *e);

static void
part_has_forgotten(void *arg, bool gone)
{
	struct erasure *e = arg;

	if (!gone) {
		refuse(e, RPC_LATER, "store_away",
			"Content of his could not be removed now; erase him again "
			"later.");
		return;
	}
	forget_next(e);
}

/* One part after the other, so that nothing is half done when one cannot. */
static void
forget_next(struct erasure *e)
{
	struct customers *c = e->c;

	while (e->part < c->n_parts && c->part[e->part].forget == NULL)
		e->part++;
	if (e->part < c->n_parts) {
		const struct customer_part *part = &c->part[e->part++];

		part->forget(part->owner, &e->subject, part_has_forgotten, e);
	} else {
		remove_contacts(e);
	}
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
forget_content(struct erasure *e)
{
	if (e->n_contacts > 0)
		qsort(e->contacts, e->n_contacts, sizeof e->contacts[0], by_number);
	e->subject = (struct subject){
		e->contacts, e->n_contacts, e->identities, e->n_identities};
	forget_next(e);
}

/* ---- what waits is withdrawn ---- */

static void
withdrawn(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct erasure *e = owner;

	if (--e->withdrawing == 0)
		forget_content(e);
}

/* Contacts of his that have ended, but were not among the records that were read. */
static void
add_ended(struct erasure *e, const struct idmap *ended)
{
	size_t at = 0;
	uint64_t contact;
	void *root;

	while (idmap_next(ended, &at, &contact, &root))
		for (int i = 0; i < e->n_merged; i++)
			if (e->merged[i] == (int64_t)(uintptr_t)root)
				add_contact(e, contact);
}

static void
withdraw(struct erasure *e)
{
	struct customers *c = e->c;
	const struct group *g = idmap_get(&c->groups, (uint64_t)e->root);
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
		add_contact(e, l->contact);
	}
	add_ended(e, &c->ended);
	add_ended(e, &c->recorded);
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

/* ---- first: who, and his contacts ---- */

static bool
gather(struct database_session *s, void *arg)
{
	struct erasure *e = arg;
	struct query *q;

	e->root = party_root(s, e->party);
	if (e->root == 0)
		return true;
	q = query_start(s, "SELECT id FROM party WHERE root = $1");
	query_put_int(q, 1, e->root);
	while (e->n_merged < MERGED_MAX && query_row(q))
		e->merged[e->n_merged++] = query_int(q, 0);
	query_end(q);
	q = query_start(s, "SELECT r.contact FROM contact_person r JOIN party p ON p.id "
			   "= r.party WHERE p.root = $1");
	query_put_int(q, 1, e->root);
	while (query_row(q))
		add_contact(e, apply_number(query_int(q, 0)));
	query_end(q);
	q = query_start(s, "SELECT i.kind, i.value FROM identity i JOIN party p ON p.id "
			   "= i.party WHERE p.root = $1");
	query_put_int(q, 1, e->root);
	while (query_row(q)) {
		e->identities = xreallocarray(
			e->identities, e->n_identities + 1, sizeof e->identities[0]);
		e->identities[e->n_identities++] = (struct subject_identity){
			xstrdup(query_text(q, 0)), xstrdup(query_text(q, 1))};
	}
	query_end(q);
	return true;
}

static void
gathered(void *arg, enum database_result result)
{
	struct erasure *e = arg;
	struct customers *c = e->c; /* e may be gone below */

	if (result != DATABASE_OK)
		refuse(e, RPC_LATER, "database_away",
			"The database of customers cannot be read now; try again later.");
	else if (e->root == 0)
		refuse(e, RPC_NOT_FOUND, "no_customer", party_result_text(PARTY_NONE));
	else
		withdraw(e);
	if (--c->n_gathering == 0)
		idmap_finish(&c->recorded);
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
	c->n_gathering++;
	e->counts = json_object();
	snprintf(e->who, sizeof e->who, "%s", people->who(people->owner, call));
	if (!database_read(c->parts.database, gather, gathered, e))
		gathered(e, DATABASE_AWAY);
}
