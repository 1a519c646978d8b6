/*
 * history/customers_import.c - customers in bulk: a JSON object a line, matched by what
 * they are known by, made or updated. What is wrong is told by line and skipped.
 *
 *   {"account": "A1", "name": "Ann Lee", "kind": "person",
 *    "phone": ["01632 960001"], "email": "ann@example.com", "loyalty": "L1",
 *    "household": "H1", "business": "B1", "link_weight": 0.3,
 *    "attributes": {"revenue": 1200.5, "since": "2019-04-01"}}
 *
 * Each kind of identity in the settings is a member; household and business are the
 * account of the one that he belongs to, which is made where it is unknown.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "history/customers_inner.h"

#define BAD_SHOWN_MOST 100 /* lines told of one call; all are counted */
#define ROW_IDENTITIES_MAX 32

struct import {
	struct customers *c;
	struct rpc *rpc;
	uint64_t tag;
	struct customer_rules *rules; /* a reference */
	char source[ID_MAX + 1];
	bool dry;
	int64_t first_line;
	char *rows; /* owned */

	/* results */
	int64_t created, updated, bad;
	json_t *problems; /* owned */
	int64_t *touched; /* owned */
	int n_touched;
};

/* One line. */
struct row {
	struct import *import;
	int64_t line;
	json_t *json; /* owned */
	int n;
	struct identity identity[ROW_IDENTITIES_MAX]; /* the surest first */
	const char *name, *kind;
	int64_t now_ms;
};

static void USHER_PRINTF(3, 4)
	tell(struct import *i, int64_t line, const char *format, ...)
{
	char message[256];
	va_list args;

	if (json_array_size(i->problems) >= BAD_SHOWN_MOST)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	json_array_append_new(i->problems,
		json_pack("{s:I, s:s}", "line", (json_int_t)line, "message", message));
}

/* ---- reading a line ---- */

static bool
add_value(struct row *row, const char *kind, const json_t *value)
{
	char number[32];
	const char *text = json_string_value(value), *why = "not a text or a number";

	if (json_is_integer(value)) {
		snprintf(number, sizeof number, "%lld",
			(long long)json_integer_value(value));
		text = number;
	}
	if (text != NULL && text[strspn(text, " \t")] == '\0')
		return true; /* an empty field */
	if (row->n == ROW_IDENTITIES_MAX) {
		tell(row->import, row->line, "more than %d identities",
			ROW_IDENTITIES_MAX);
		return false;
	}
	if (text != NULL && identity_normalise(&row->identity[row->n], kind, text,
				    row->import->rules->country, &why)) {
		row->n++;
		return true;
	}
	tell(row->import, row->line, "%s: %s", kind, why);
	return false;
}

static bool
add_identities(struct row *row, const char *kind)
{
	const json_t *value = json_object_get(row->json, kind), *one;
	size_t at;

	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_array(value))
		return add_value(row, kind, value);
	json_array_foreach(value, at, one)
	{
		if (!add_value(row, kind, one))
			return false;
	}
	return true;
}

static bool
is_kind(const struct customer_rules *rules, const char *name)
{
	for (int i = 0; i < rules->n_kinds; i++)
		if (strcmp(rules->kinds[i].kind, name) == 0)
			return true;
	return false;
}

/* Members that mean nothing are slips. */
static bool
members_are_known(struct row *row)
{
	static const char *const known[] = {
		"name", "kind", "attributes", "household", "business", "link_weight"};
	const char *name;
	json_t *value;

	json_object_foreach(row->json, name, value)
	{
		bool good = is_kind(row->import->rules, name);

		for (size_t i = 0; i < sizeof known / sizeof known[0] && !good; i++)
			good = strcmp(known[i], name) == 0;
		if (good)
			continue;
		tell(row->import, row->line,
			"\"%.40s\" is neither a kind of identity nor a member; put what "
			"rules read into attributes",
			name);
		return false;
	}
	return true;
}

static bool
attributes_fit(struct row *row)
{
	const json_t *attributes = json_object_get(row->json, "attributes");
	const char *name;
	json_t *value;

	if (attributes != NULL && !json_is_object(attributes)) {
		tell(row->import, row->line, "attributes must be an object");
		return false;
	}
	json_object_foreach((json_t *)(uintptr_t)attributes, name, value)
	{
		if (id_is_valid(name) && !json_is_object(value) &&
			!json_is_array(value) &&
			json_string_length(value) <= ATTRIBUTE_JSON_MAX / 8)
			continue;
		tell(row->import, row->line,
			"attribute \"%.40s\": a name with a text of at most %d bytes, a "
			"number, true, false or null",
			name, ATTRIBUTE_JSON_MAX / 8);
		return false;
	}
	return true;
}

static bool
text_fits(struct row *row, const char *member, size_t most, const char **out)
{
	const json_t *value = json_object_get(row->json, member);

	*out = json_string_value(value);
	if (value == NULL || json_is_null(value) ||
		(*out != NULL && json_string_length(value) <= most)) {
		if (*out != NULL && **out == '\0')
			*out = NULL;
		return true;
	}
	tell(row->import, row->line, "%s must be text of at most %zu bytes", member,
		most);
	return false;
}

static bool
read_row(struct row *row, const char *text, size_t n)
{
	struct json_problem problem;

	row->json = json_read(text, n, &problem);
	if (row->json == NULL || !json_is_object(row->json)) {
		tell(row->import, row->line, "%s",
			row->json != NULL ? "must be a JSON object" : problem.message);
		return false;
	}
	if (!members_are_known(row) || !attributes_fit(row) ||
		!text_fits(row, "name", PARTY_NAME_MAX, &row->name) ||
		!text_fits(row, "kind", 16, &row->kind))
		return false;
	if (row->kind != NULL && strcmp(row->kind, "person") != 0 &&
		strcmp(row->kind, "household") != 0 &&
		strcmp(row->kind, "business") != 0) {
		tell(row->import, row->line,
			"kind must be person, household or business");
		return false;
	}
	for (int i = 0; i < row->import->rules->n_kinds; i++)
		if (!add_identities(row, row->import->rules->kinds[i].kind))
			return false;
	if (row->n > 0)
		return true;
	tell(row->import, row->line,
		"names no identity: at least an account, telephone number or e-mail "
		"address");
	return false;
}

/* ---- whom it is ---- */

static bool
has_kind(struct database_session *s, int64_t party, const char *kind)
{
	struct query *q = query_start(
		s, "SELECT 1 FROM identity WHERE party = $1 AND kind = $2 LIMIT 1");
	bool has;

	query_put_int(q, 1, party);
	query_put_text(q, 2, kind);
	has = query_row(q);
	query_end(q);
	return has;
}

/* The surest identity that is known decides. Where the line has an account that nobody
 * has, somebody with another account is another one: an address may be shared. */
static int64_t
match(struct database_session *s, const struct row *row)
{
	bool account = strcmp(row->identity[0].kind, "account") == 0;

	for (int i = 0; i < row->n; i++) {
		int64_t party = 0, root;

		if (!party_of_identity(s, &row->identity[i], &party, &root))
			continue;
		if (account && strcmp(row->identity[i].kind, "account") != 0 &&
			has_kind(s, party, "account"))
			continue;
		return party;
	}
	return 0;
}

static void
touch(struct import *i, int64_t root)
{
	if (root == 0)
		return;
	if (i->n_touched % 64 == 0)
		i->touched = xreallocarray(
			i->touched, (size_t)i->n_touched + 64, sizeof i->touched[0]);
	i->touched[i->n_touched++] = root;
}

/* The household or business of that account, made where it is unknown. */
static void
link_to(struct database_session *s, const struct row *row, int64_t party,
	const char *member, const char *link)
{
	struct import *i = row->import;
	double weight = json_number_value(json_object_get(row->json, "link_weight"));
	const char *account = json_string_value(json_object_get(row->json, member)), *why;
	struct identity identity;
	int64_t other = 0, root, taken;

	if (account == NULL || *account == '\0')
		return;
	if (!identity_normalise(&identity, "account", account, i->rules->country, &why)) {
		tell(i, row->line, "%s: %s; not linked", member, why);
		return;
	}
	if (!party_of_identity(s, &identity, &other, &root)) {
		other = customers_take_number(i->c);
		party_create(s, other, member, NULL, false, row->now_ms);
		(void)party_add_identity(
			s, other, &identity, i->source, row->now_ms, &taken);
	}
	if (json_object_get(row->json, "link_weight") == NULL)
		weight = NAN;
	if (party_link(s, party, other, link, weight, i->source, row->now_ms) != PARTY_OK)
		tell(i, row->line, "%s: is the customer himself; not linked", member);
}

static void
put_row(struct database_session *s, struct row *row)
{
	struct import *i = row->import;
	int64_t party = match(s, row), other = 0;
	const char *name;
	json_t *value;

	if (party == 0) {
		party = customers_take_number(i->c);
		party_create(s, party, row->kind, row->name, false, row->now_ms);
		i->created++;
	} else {
		party_update(s, party, row->kind, row->name, row->now_ms);
		i->updated++;
		touch(i, party_root(s, party));
	}
	for (int k = 0; k < row->n; k++)
		if (party_add_identity(s, party, &row->identity[k], i->source,
			    row->now_ms, &other) == PARTY_TAKEN)
			tell(i, row->line,
				"%s is another customer's and stays his; merge the two "
				"if they are one",
				row->identity[k].kind);
	json_object_foreach(json_object_get(row->json, "attributes"), name, value)
		party_set_attribute(s, party, name, i->source, value, row->now_ms);
	link_to(s, row, party, "household", "member_of");
	link_to(s, row, party, "business", "belongs_to");
}

/* ---- all lines ---- */

static void
start_over(struct import *i)
{
	i->created = i->updated = i->bad = 0;
	i->n_touched = 0;
	json_decref(i->problems);
	i->problems = json_array();
}

static bool
import(struct database_session *s, void *arg)
{
	struct import *i = arg;
	const char *at = i->rows;
	int64_t line = i->first_line, now_ms = clock_wall_ms();

	start_over(i); /* it may be called again */
	while (*at != '\0' && !session_failed(s)) {
		size_t n = strcspn(at, "\n");
		struct row row = {.import = i, .line = line, .now_ms = now_ms};

		if (n > strspn(at, " \t\r")) {
			if (read_row(&row, at, n))
				put_row(s, &row);
			else
				i->bad++;
			json_decref(row.json);
		}
		at += n + (at[n] == '\n');
		line++;
	}
	return !i->dry;
}

static void
imported(void *arg, enum database_result result)
{
	struct import *i = arg;

	if (result == DATABASE_AWAY || (result == DATABASE_UNDONE && !i->dry)) {
		rpc_refuse(i->rpc, i->tag, RPC_LATER, "database_away",
			"The database of customers cannot be written now; none of these "
			"lines was taken in. Try again later.",
			json_pack("{s:i}", "retry_ms", 1000));
	} else {
		for (int k = 0; k < i->n_touched && !i->dry; k++)
			live_refresh(i->c, i->touched[k]);
		rpc_answer(i->rpc, i->tag,
			json_pack("{s:I, s:I, s:I, s:O}", "created",
				(json_int_t)i->created, "updated", (json_int_t)i->updated,
				"bad", (json_int_t)i->bad, "problems", i->problems));
	}
	customer_rules_unref(i->rules);
	json_decref(i->problems);
	free(i->touched);
	free(i->rows);
	free(i);
}

void
on_customer_import(void *owner, const struct rpc_call *call)
{
	struct customers *c = owner;
	const char *source = rpc_text(call, "source");
	int64_t line = rpc_integer(call, "line", 1);
	struct import *i;

	/* One record for an import: of its first lines. */
	if (line == 1 && !c->parts.people.audit(c->parts.people.owner, call, NULL,
				 rpc_flag(call, "dry_run", false) ? "dry run" : NULL))
		return;
	i = xcalloc(1, sizeof *i);
	i->c = c;
	i->rpc = call->rpc;
	i->tag = call->tag;
	i->rules = customer_rules_ref(c->rules);
	snprintf(i->source, sizeof i->source, "%s", source != NULL ? source : "import");
	i->dry = rpc_flag(call, "dry_run", false);
	i->first_line = line;
	i->rows = xstrdup(rpc_text(call, "rows"));
	i->problems = json_array();
	if (!database_write(c->parts.database, import, imported, i, PATIENCE_MS))
		imported(i, DATABASE_AWAY);
}
