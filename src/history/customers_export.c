/*
 * history/customers_export.c - all that is kept about one customer, handed out a page at
 * a time: what he is, then what each part keeps. A page is bounded, the whole is not.
 *
 *   card --> parts that keep something elsewhere, on the loop --> parts of the database
 *
 * What moves into the records meanwhile (a chat that ends) is found there, so those that
 * keep it before come first: the part that was added last begins.
 *
 * The cursor of the next page is text: "PART:PLACE", the part by its number in this
 * order, the place as that part writes it; "card:PLACE" while the card goes on
 * (customers_card.c). Who he is and which contacts are his is read
 * for each page anew, so nothing is held between two of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/moment.h"
#include "history/customers_inner.h"

#define PAGE_BYTES 65536 /* of JSON, about; what makes a page full is still in it */
#define CARD_ROOM 98304	 /* of the card, likewise: its last part has a page behind it */
#define CARD "card:"

struct export
{
	struct subject_page page; /* first: a part hands it back */
	struct customers *c;
	struct rpc *rpc;
	uint64_t tag;
	struct customer_rules *rules; /* a reference */
	int64_t party;
	int part; /* -1: what he is */
	int64_t card_place;

	/* results */
	struct traces traces;
	json_t *card; /* owned; NULL */
	bool more;
};

/* In the order of the export; NULL: behind the last, or before the first. */
static const struct customer_part *
part_of(const struct export *x)
{
	return x->part >= 0 && x->part < x->c->n_parts
		       ? &x->c->part[x->c->n_parts - 1 - x->part]
		       : NULL;
}

static bool
has_records(const struct export *x)
{
	return json_array_size(x->page.records) > 0;
}

/* True: the page ends here. */
static bool
part_ends(struct export *x)
{
	x->part++;
	x->page.place[0] = '\0';
	x->more = has_records(x) && part_of(x) != NULL;
	return x->more;
}

/* ---- on a reader's thread ---- */

static void
add_listings(struct query *q, json_t *list)
{
	while (query_row(q)) {
		json_t *one =
			json_pack("{s:s, s:s, s:s, s:s, s:s*}", "list", query_text(q, 0),
				"kind", query_text(q, 1), "pattern", query_text(q, 2),
				"set_by", query_text(q, 6), "reason", query_text(q, 4));
		char until[MOMENT_TEXT];

		if (!query_is_null(q, 3))
			json_object_set_new(one, "points", json_real(query_number(q, 3)));
		if (query_int(q, 5) > 0) {
			moment_format(until, query_int(q, 5));
			json_object_set_new(one, "until", json_string(until));
		}
		json_array_append_new(list, one);
	}
	query_end(q);
}

/* Listings by his identities, or by himself. */
static json_t *
listings(struct database_session *s, const struct party_view *v)
{
	char id[NUMBER_ID_TEXT];
	json_t *list = json_array();
	struct query *q = query_start(s,
		"SELECT l.list, l.kind, l.pattern, l.points, l.reason, l.until_ms, "
		"l.set_by FROM listing l JOIN identity i ON i.kind = l.kind AND i.value "
		"= l.pattern JOIN party p ON p.id = i.party WHERE p.root = $1 ORDER BY "
		"l.id");

	query_put_int(q, 1, v->root);
	add_listings(q, list);
	for (int i = 0; i < v->n_merged; i++) {
		party_id_format(id, v->merged[i]);
		q = query_start(s,
			"SELECT list, kind, pattern, points, reason, until_ms, set_by "
			"FROM listing WHERE kind = 'customer' AND pattern = $1");
		query_put_text(q, 1, id);
		add_listings(q, list);
	}
	return list;
}

static void
read_card(struct database_session *s, struct export *x)
{
	struct party_view *v = xcalloc(1, sizeof *v);

	if (party_read(s, x->party, x->rules, clock_wall_ms(), v)) {
		x->card = party_card(s, v, x->rules);
		json_object_set_new(x->card, "listings", listings(s, v));
	}
	party_view_finish(v);
	free(v);
	x->more = x->card != NULL && card_part(x->card, CARD_ROOM, &x->card_place);
	x->part = x->more ? -1 : 0;
}

/* As far as the database goes: until the page is full, or somebody else is to be asked.
 */
static bool
read_page(struct database_session *s, void *arg)
{
	struct export *x = arg;
	const struct customer_part *part;

	traces_read(s, x->party, &x->traces);
	if (x->traces.root == 0)
		return true;
	if (x->part < 0)
		read_card(s, x);
	while ((part = part_of(x)) != NULL && part->tell == NULL) {
		if (part->export != NULL &&
			part->export(part->owner, s, x->traces.root, x->page.place,
				PAGE_BYTES, x->page.records)) {
			x->more = true;
			break;
		}
		if (part_ends(x))
			break;
	}
	return true;
}

/* ---- the answer ---- */

static void
destroy(struct export *x)
{
	customer_rules_unref(x->rules);
	traces_finish(&x->traces);
	json_decref(x->card);
	json_decref(x->page.records);
	free(x);
}

static void
answer(struct export *x)
{
	char next[SUBJECT_PLACE + 16];
	json_t *o = json_pack("{s:O}", "records", x->page.records);

	if (x->card != NULL)
		json_object_set(o, "customer", x->card);
	if (x->more) {
		if (x->part < 0)
			snprintf(
				next, sizeof next, CARD "%lld", (long long)x->card_place);
		else
			snprintf(next, sizeof next, "%d:%s", x->part, x->page.place);
		json_object_set_new(o, "next", json_string(next));
	}
	rpc_answer(x->rpc, x->tag, o);
	destroy(x);
}

static void
refuse_later(struct export *x, const char *type, const char *message)
{
	rpc_refuse(x->rpc, x->tag, RPC_LATER, type, message,
		json_pack("{s:i}", "retry_ms", 1000));
	destroy(x);
}

static void go_on(struct export *x);

static void
on_read(void *arg, enum database_result result)
{
	struct export *x = arg;

	traces_end(x->c);
	if (result != DATABASE_OK) {
		refuse_later(x, "database_away",
			"The database of customers cannot be read now; try again later.");
	} else if (x->traces.root == 0) {
		rpc_refuse(x->rpc, x->tag, RPC_NOT_FOUND, "no_customer",
			party_result_text(PARTY_NONE), NULL);
		destroy(x);
	} else {
		traces_settle(x->c, &x->traces);
		go_on(x);
	}
}

static void
read_on(struct export *x)
{
	traces_begin(x->c);
	if (!database_read(x->c->parts.database, read_page, on_read, x))
		on_read(x, DATABASE_AWAY);
}

static void
on_told(struct subject_page *page, enum subject_told told)
{
	struct export *x = (struct export *)page;

	switch (told) {
	case SUBJECT_ALL:
		(void)part_ends(x);
		go_on(x);
		return;
	case SUBJECT_MORE:
		x->more = true;
		go_on(x);
		return;
	case SUBJECT_LATER:
		refuse_later(x, "store_away",
			"Not all that is kept of him can be read now; ask for this page "
			"again in a moment.");
		return;
	}
}

static void
go_on(struct export *x)
{
	const struct customer_part *part = part_of(x);

	if (x->more || part == NULL) {
		answer(x);
	} else if (part->tell != NULL) {
		x->page.subject = &x->traces.subject;
		part->tell(part->owner, &x->page);
	} else {
		read_on(x);
	}
}

/* False: it is no cursor of ours. */
static bool
read_cursor(struct export *x, const char *text)
{
	char *rest;
	long part;

	x->part = -1;
	if (text == NULL)
		return true;
	if (strncmp(text, CARD, strlen(CARD)) == 0)
		return card_place_read(text + strlen(CARD), &x->card_place);
	part = strtol(text, &rest, 10);
	if (rest == text || *rest != ':' || part < 0 || part >= x->c->n_parts ||
		strlen(rest + 1) >= sizeof x->page.place)
		return false;
	x->part = (int)part;
	snprintf(x->page.place, sizeof x->page.place, "%s", rest + 1);
	return true;
}

void
on_customer_export(void *owner, const struct rpc_call *call)
{
	struct customers *c = owner;
	const char *after = rpc_text(call, "after");
	struct export *x;
	int64_t party;

	if (!find_customer(c, call, "customer", &party))
		return;
	x = xcalloc(1, sizeof *x);
	*x = (struct export){.page = {.room = PAGE_BYTES, .told = on_told},
		.c = c,
		.rpc = call->rpc,
		.tag = call->tag,
		.party = party};
	x->page.records = json_array();
	if (!read_cursor(x, after)) {
		destroy(x);
		rpc_refuse_param(
			call->rpc, call->tag, "after", "is `next` of the answer before");
		return;
	}
	if (!c->parts.people.audit(
		    c->parts.people.owner, call, rpc_text(call, "customer"), "export")) {
		destroy(x);
		return;
	}
	x->rules = customer_rules_ref(c->rules);
	read_on(x);
}
