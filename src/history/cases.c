/* history/cases.c - notes on contacts and customers, and cases that group contacts. */
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "history/inner.h"
#include "history/party.h"

#define CASES_MOST 50

/* Text without card data; the caller owns it. */
static char *
clean(const char *text)
{
	struct text out = {0};

	redact_text(text, strlen(text), &out, NULL);
	return text_take(&out);
}

static const char *
param(const struct asking *a, const char *name)
{
	return json_string_value(json_object_get(a->params, name));
}

static void
put_party(struct query *q, int i, int64_t party)
{
	if (party != 0)
		query_put_int(q, i, party);
	else
		query_put_text(q, i, NULL);
}

/* What the card shows has changed. */
static void
refresh(struct asking *a)
{
	if (a->party != 0 && a->history->parts.customers != NULL)
		customers_refresh(a->history->parts.customers, a->party);
}

static int64_t
last_id(struct database_session *s, const char *sql)
{
	struct query *q = query_start(s, sql);
	int64_t id = query_row(q) ? query_int(q, 0) : 0;

	query_end(q);
	return id;
}

/* ---- notes ---- */

static bool
write_note(struct database_session *s, struct asking *a)
{
	char *text = clean(param(a, "text"));
	struct query *q = query_start(s,
		"INSERT INTO note (contact, party, case_id, who, at_ms, text) VALUES "
		"($1, $2, "
		"(SELECT issue FROM issue_contact WHERE contact = $1), $3, $4, $5)");

	query_put_int(q, 1, a->contact);
	put_party(q, 2, a->party);
	query_put_text(q, 3, a->who);
	query_put_int(q, 4, a->now_ms);
	query_put_text(q, 5, text);
	query_run(q);
	free(text);
	a->result = json_pack("{s:b, s:I}", "accepted", 1, "note",
		(json_int_t)last_id(s, "SELECT max(id) FROM note"));
	return true;
}

void
on_contact_note(void *owner, const struct rpc_call *call)
{
	struct history *h = owner;
	const struct people *p = h->parts.people;
	uint64_t contact;
	struct asking *a;

	if (!p->contact(p->owner, call, &contact))
		return;
	a = asking_create(h, call, write_note);
	a->party = party_of(h, contact);
	a->done = refresh;
	asking_send(a, true);
}

/* ---- cases ---- */

static void
add_change(struct database_session *s, const struct asking *a, int64_t issue,
	const char *state, const char *reason)
{
	char *text = reason != NULL ? clean(reason) : NULL;
	struct query *q = query_start(s, "INSERT INTO issue_change (issue, n, state, "
					 "who, at_ms, reason) VALUES ($1, "
					 "(SELECT count(*) + 1 FROM issue_change WHERE "
					 "issue = $1), $2, $3, $4, $5)");

	query_put_int(q, 1, issue);
	query_put_text(q, 2, state);
	query_put_text(q, 3, a->who);
	query_put_int(q, 4, a->now_ms);
	query_put_text(q, 5, text);
	query_run(q);
	free(text);
}

/* A contact belongs to one case; the latest word counts. */
static void
add_contact(struct database_session *s, int64_t issue, int64_t contact)
{
	struct query *q = query_start(s,
		"INSERT INTO issue_contact (contact, issue) VALUES ($1, $2) ON CONFLICT "
		"(contact) DO UPDATE SET issue = excluded.issue");

	query_put_int(q, 1, contact);
	query_put_int(q, 2, issue);
	query_run(q);
}

static bool
open_case(struct database_session *s, struct asking *a)
{
	char *title = clean(param(a, "title"));
	struct query *q = query_start(s, "INSERT INTO issue (party, state, title, "
					 "opened_ms, opened_by, changed_ms) "
					 "VALUES ($1, 'open', $2, $3, $4, $3)");
	int64_t issue;

	put_party(q, 1, a->party);
	query_put_text(q, 2, title);
	query_put_int(q, 3, a->now_ms);
	query_put_text(q, 4, a->who);
	query_run(q);
	free(title);
	issue = last_id(s, "SELECT max(id) FROM issue");
	add_change(s, a, issue, "open", NULL);
	add_contact(s, issue, a->contact);
	a->result = json_pack("{s:b, s:I}", "accepted", 1, "case", (json_int_t)issue);
	return true;
}

/* Whether the case is of the contact's customer, or has the contact already. */
static bool
fits(struct database_session *s, struct asking *a, int64_t issue)
{
	struct query *q = query_start(s,
		"SELECT 1 FROM issue i LEFT JOIN party y ON y.id = i.party WHERE i.id = "
		"$1 AND "
		"($2 = 0 OR y.root = (SELECT root FROM party WHERE id = $3) OR EXISTS "
		"(SELECT 1 "
		"FROM issue_contact c WHERE c.issue = i.id AND c.contact = $2))");
	bool found;

	query_put_int(q, 1, issue);
	query_put_int(q, 2, a->contact);
	query_put_int(q, 3, a->party);
	found = query_row(q);
	query_end(q);
	if (!found) {
		a->refused_type = "no_case";
		a->refused = "There is no such case of this customer.";
	}
	return found;
}

static bool
join_case(struct database_session *s, struct asking *a)
{
	int64_t issue = json_integer_value(json_object_get(a->params, "case"));

	if (!fits(s, a, issue))
		return false;
	add_contact(s, issue, a->contact);
	a->result = json_pack("{s:b}", "accepted", 1);
	return true;
}

static bool
set_case(struct database_session *s, struct asking *a)
{
	int64_t issue = json_integer_value(json_object_get(a->params, "case"));
	const char *state = param(a, "state");
	struct query *q;

	if (!fits(s, a, issue))
		return false;
	q = query_start(s, "UPDATE issue SET state = $2, changed_ms = $3, resolved_ms = "
			   "CASE WHEN $2 = "
			   "'resolved' THEN $3 ELSE NULL END WHERE id = $1");
	query_put_int(q, 1, issue);
	query_put_text(q, 2, state);
	query_put_int(q, 3, a->now_ms);
	query_run(q);
	add_change(s, a, issue, state, param(a, "reason"));
	a->result = json_pack("{s:b}", "accepted", 1);
	return true;
}

static json_t *
changes_json(struct database_session *s, int64_t issue)
{
	struct query *q = query_start(s, "SELECT state, who, at_ms, reason FROM "
					 "issue_change WHERE issue = $1 ORDER BY n");
	json_t *list = json_array();

	query_put_int(q, 1, issue);
	while (query_row(q))
		json_array_append_new(
			list, json_pack("{s:o, s:o, s:o, s:o}", "state",
				      column_text(q, 0), "who", column_text(q, 1), "at",
				      column_moment(q, 2), "reason", column_text(q, 3)));
	query_end(q);
	return list;
}

static json_t *
contacts_json(struct database_session *s, int64_t issue)
{
	struct query *q = query_start(
		s, "SELECT contact FROM issue_contact WHERE issue = $1 ORDER BY contact");
	json_t *list = json_array();

	query_put_int(q, 1, issue);
	while (query_row(q))
		json_array_append_new(list, contact_json(query_int(q, 0)));
	query_end(q);
	return list;
}

static bool
list_cases(struct database_session *s, struct asking *a)
{
	struct query *q = query_start(s, "SELECT i.id, i.state, i.title, i.opened_ms, "
					 "i.opened_by, i.changed_ms FROM "
					 "party y JOIN issue i ON i.party = y.id WHERE "
					 "y.root = (SELECT root FROM party "
					 "WHERE id = $1) AND ($2 IS NULL OR i.state = "
					 "$2) ORDER BY i.changed_ms DESC, "
					 "i.id DESC LIMIT $3");
	json_t *list = json_array(), *one;
	size_t i;

	query_put_int(q, 1, a->party);
	query_put_text(q, 2, param(a, "state"));
	query_put_int(q, 3, CASES_MOST);
	while (query_row(q))
		json_array_append_new(
			list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "case",
				      column_int(q, 0), "state", column_text(q, 1),
				      "title", column_text(q, 2), "opened_at",
				      column_moment(q, 3), "opened_by", column_text(q, 4),
				      "changed_at", column_moment(q, 5)));
	query_end(q);
	json_array_foreach(list, i, one)
	{
		int64_t issue = json_integer_value(json_object_get(one, "case"));

		json_object_set_new(one, "changes", changes_json(s, issue));
		json_object_set_new(one, "contacts", contacts_json(s, issue));
	}
	a->result = json_pack("{s:o}", "cases", list);
	return true;
}

/* ---- the methods ---- */

/* A live contact in the caller's scope; staff may name a customer or nothing instead
 * where `staff` says so. False: refused. */
static bool
find(struct history *h, const struct rpc_call *call, bool staff, int64_t *party)
{
	const struct people *p = h->parts.people;
	const char *customer = rpc_text(call, "customer");
	uint64_t contact;

	*party = 0;
	if (rpc_text(call, "contact") != NULL) {
		if (!p->contact(p->owner, call, &contact))
			return false;
		*party = party_of(h, contact);
		return true;
	}
	if (call->role == RPC_AGENT || !staff) {
		rpc_refuse_param(
			call->rpc, call->tag, "contact", "name a contact that you hold");
		return false;
	}
	if (customer != NULL && !party_id_parse(customer, party)) {
		rpc_refuse_param(call->rpc, call->tag, "customer",
			"must be the id of a customer: \"k\" and 12 digits");
		return false;
	}
	return true;
}

static void
act(struct history *h, const struct rpc_call *call, bool staff,
	bool (*work)(struct database_session *s, struct asking *asking))
{
	int64_t party;
	struct asking *a;

	if (!find(h, call, staff, &party))
		return;
	if (call->role != RPC_AGENT &&
		!h->parts.people->audit(h->parts.people->owner, call,
			rpc_text(call, "contact"), rpc_text(call, "state")))
		return;
	a = asking_create(h, call, work);
	a->party = party;
	a->done = refresh;
	asking_send(a, true);
}

void
on_case_open(void *owner, const struct rpc_call *call)
{
	act(owner, call, false, open_case);
}

void
on_case_join(void *owner, const struct rpc_call *call)
{
	act(owner, call, false, join_case);
}

void
on_case_set_state(void *owner, const struct rpc_call *call)
{
	act(owner, call, true, set_case);
}

void
on_case_list(void *owner, const struct rpc_call *call)
{
	struct history *h = owner;
	int64_t party;
	struct asking *a;

	if (!find(h, call, true, &party))
		return;
	if (call->role != RPC_AGENT &&
		!h->parts.people->audit(h->parts.people->owner, call,
			rpc_text(call, "customer") != NULL ? rpc_text(call, "customer")
							   : rpc_text(call, "contact"),
			"read"))
		return;
	a = asking_create(h, call, list_cases);
	a->party = party;
	asking_send(a, false);
}
