/*
 * history/customers_export.c - all that is kept about one customer, handed out a page at
 * a time: what he is, then what each part keeps. A page is bounded, the whole is not.
 *
 * The cursor of the next page is text: "PART:PLACE", the part by its number, the place as
 * that part writes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/moment.h"
#include "history/customers_inner.h"

#define PAGE_BYTES 65536 /* of JSON, about; what makes a page full is still in it */

struct export
{
	struct customers *c;
	struct rpc *rpc;
	uint64_t tag;
	struct customer_rules *rules; /* a reference */
	int64_t party;
	int part; /* -1: what he is */
	char place[EXPORT_PLACE];

	/* results */
	bool found;
	json_t *card, *records; /* owned; NULL */
	bool more;
};

/* ---- on a reader's thread ---- */

/* Listings by his identities, or by himself. */
static json_t *
listings(struct database_session *s, int64_t root)
{
	struct query *q = query_start(s,
		"SELECT l.list, l.kind, l.pattern, l.points, l.reason, l.until_ms, "
		"l.set_by FROM listing l JOIN identity i ON i.kind = l.kind AND i.value "
		"= l.pattern JOIN party p ON p.id = i.party WHERE p.root = $1 ORDER BY "
		"l.id");
	json_t *list = json_array();

	query_put_int(q, 1, root);
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
	return list;
}

static void
read_card(struct database_session *s, struct export *x)
{
	struct party_view *v = xcalloc(1, sizeof *v);

	if (party_read(s, x->party, x->rules, clock_wall_ms(), v)) {
		x->card = party_card(s, v, x->rules);
		json_object_set_new(x->card, "listings", listings(s, v->root));
	}
	party_view_finish(v);
	free(v);
	x->part = 0;
}

static bool
read_page(struct database_session *s, void *arg)
{
	struct export *x = arg;
	const struct customers *c = x->c;
	int64_t root = party_root(s, x->party);

	x->found = root != 0;
	x->records = json_array();
	if (!x->found)
		return true;
	if (x->part < 0)
		read_card(s, x);
	while (x->part < c->n_parts) {
		const struct customer_part *part = &c->part[x->part];

		if (part->export != NULL && part->export(part->owner, s, root, x->place,
						    PAGE_BYTES, x->records)) {
			x->more = true;
			break;
		}
		x->part++;
		x->place[0] = '\0';
		if (json_array_size(x->records) > 0 && x->part < c->n_parts) {
			x->more = true;
			break;
		}
	}
	return true;
}

/* ---- the answer ---- */

static void
destroy(struct export *x)
{
	customer_rules_unref(x->rules);
	json_decref(x->card);
	json_decref(x->records);
	free(x);
}

static void
exported(void *arg, enum database_result result)
{
	struct export *x = arg;
	char next[EXPORT_PLACE + 16];
	json_t *o;

	if (result != DATABASE_OK) {
		rpc_refuse(x->rpc, x->tag, RPC_LATER, "database_away",
			"The database of customers cannot be read now; try again later.",
			json_pack("{s:i}", "retry_ms", 1000));
	} else if (!x->found) {
		rpc_refuse(x->rpc, x->tag, RPC_NOT_FOUND, "no_customer",
			party_result_text(PARTY_NONE), NULL);
	} else {
		o = json_pack("{s:O}", "records", x->records);
		if (x->card != NULL)
			json_object_set(o, "customer", x->card);
		if (x->more) {
			snprintf(next, sizeof next, "%d:%s", x->part, x->place);
			json_object_set_new(o, "next", json_string(next));
		}
		rpc_answer(x->rpc, x->tag, o);
	}
	destroy(x);
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
	part = strtol(text, &rest, 10);
	if (rest == text || *rest != ':' || part < 0 || part >= CUSTOMER_PARTS_MAX ||
		strlen(rest + 1) >= sizeof x->place)
		return false;
	x->part = (int)part;
	snprintf(x->place, sizeof x->place, "%s", rest + 1);
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
	*x = (struct export){.c = c, .rpc = call->rpc, .tag = call->tag, .party = party};
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
	if (!database_read(c->parts.database, read_page, exported, x))
		exported(x, DATABASE_AWAY);
}
