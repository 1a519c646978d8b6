/* history/party.c - customers found, made, merged, linked. */
#include "history/party.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static const char *const result_names[] = {"ok", "no_customer", "same_customer",
	"not_merged", "too_many_merged", "identity_taken", "invalid"};
static const char *const result_texts[] = {"", "There is no such customer.",
	"These are one customer already.",
	"This customer was not merged into another one; name the one that was.",
	"Too many customers are merged into one; unmerge some that are wrong.",
	"The identity is another customer's: merge the two, or remove it there first.",
	"The value is wrong."};

const char *
party_result_name(enum party_result result)
{
	return result_names[result];
}

const char *
party_result_text(enum party_result result)
{
	return result_texts[result];
}

void
party_id_format(char out[NUMBER_ID_TEXT], int64_t party)
{
	number_id_format(out, 'k', (uint64_t)party);
}

bool
party_id_parse(const char *text, int64_t *party)
{
	uint64_t number;

	if (!number_id_parse(text, 'k', &number) || number == 0)
		return false;
	*party = (int64_t)number;
	return true;
}

/* ---- found ---- */

bool
party_of_identity(struct database_session *s, const struct identity *identity,
	int64_t *party, int64_t *root)
{
	struct query *q = query_start(s,
		"SELECT p.id, p.root FROM identity i JOIN party p ON p.id = i.party "
		"WHERE i.kind = $1 AND i.value = $2");
	bool found;

	query_put_text(q, 1, identity->kind);
	query_put_text(q, 2, identity->value);
	found = query_row(q);
	if (found) {
		*party = query_int(q, 0);
		*root = query_int(q, 1);
	}
	query_end(q);
	return found;
}

int64_t
party_root(struct database_session *s, int64_t party)
{
	struct query *q = query_start(s, "SELECT root FROM party WHERE id = $1");
	int64_t root = 0;

	query_put_int(q, 1, party);
	if (query_row(q))
		root = query_int(q, 0);
	query_end(q);
	return root;
}

/* ---- made ---- */

void
party_create(struct database_session *s, int64_t party, const char *kind,
	const char *name, bool provisional, int64_t now_ms)
{
	struct query *q = query_start(s,
		"INSERT INTO party (id, kind, name, provisional, root, created_ms, "
		"updated_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)");

	query_put_int(q, 1, party);
	query_put_text(q, 2, kind != NULL ? kind : "person");
	query_put_text(q, 3, name);
	query_put_int(q, 4, provisional);
	query_put_int(q, 5, party);
	query_put_int(q, 6, now_ms);
	query_put_int(q, 7, now_ms);
	query_run(q);
}

int64_t
party_highest(struct database_session *s)
{
	static const char *const sql[] = {
		"SELECT max(id) FROM party", "SELECT max(party) FROM erasure"};
	int64_t highest = 0;

	for (int i = 0; i < 2; i++) {
		struct query *q = query_start(s, sql[i]);

		if (query_row(q) && query_int(q, 0) > highest)
			highest = query_int(q, 0);
		query_end(q);
	}
	return highest;
}

void
party_update(struct database_session *s, int64_t party, const char *kind,
	const char *name, int64_t now_ms)
{
	struct query *q = query_start(s,
		"UPDATE party SET kind = coalesce($1, kind), name = coalesce($2, name), "
		"provisional = 0, updated_ms = $3 WHERE id = $4");

	query_put_text(q, 1, kind);
	query_put_text(q, 2, name);
	query_put_int(q, 3, now_ms);
	query_put_int(q, 4, party);
	query_run(q);
}

enum party_result
party_add_identity(struct database_session *s, int64_t party,
	const struct identity *identity, const char *source, int64_t now_ms,
	int64_t *other)
{
	int64_t has = 0, root = 0, mine = party_root(s, party);
	struct query *q;

	if (mine == 0)
		return PARTY_NONE;
	if (party_of_identity(s, identity, &has, &root)) {
		*other = root;
		return root == mine ? PARTY_OK : PARTY_TAKEN;
	}
	q = query_start(s, "INSERT INTO identity (kind, value, party, source, at_ms) "
			   "VALUES ($1, $2, $3, $4, $5)");
	query_put_text(q, 1, identity->kind);
	query_put_text(q, 2, identity->value);
	query_put_int(q, 3, party);
	query_put_text(q, 4, source);
	query_put_int(q, 5, now_ms);
	query_run(q);
	return PARTY_OK;
}

bool
party_remove_identity(struct database_session *s, const struct identity *identity)
{
	struct query *q =
		query_start(s, "DELETE FROM identity WHERE kind = $1 AND value = $2");

	query_put_text(q, 1, identity->kind);
	query_put_text(q, 2, identity->value);
	return query_run(q) > 0;
}

void
party_set_attribute(struct database_session *s, int64_t party, const char *name,
	const char *source, json_t *value, int64_t at_ms)
{
	struct text text = {0};
	struct query *q;

	if (value == NULL || json_is_null(value)) {
		q = query_start(s, "DELETE FROM attribute WHERE party = $1 AND name = $2 "
				   "AND source = $3");
		query_put_int(q, 1, party);
		query_put_text(q, 2, name);
		query_put_text(q, 3, source);
		query_run(q);
		return;
	}
	json_write(&text, value);
	q = query_start(s,
		"INSERT INTO attribute (party, name, source, value, at_ms) "
		"VALUES ($1, $2, $3, $4, $5) ON CONFLICT (party, name, source) "
		"DO UPDATE SET value = excluded.value, at_ms = excluded.at_ms");
	query_put_int(q, 1, party);
	query_put_text(q, 2, name);
	query_put_text(q, 3, source);
	query_put_text(q, 4, text.s);
	query_put_int(q, 5, at_ms);
	query_run(q);
	text_finish(&text);
}

/* ---- merged ---- */

static int64_t
count_root(struct database_session *s, int64_t root)
{
	struct query *q = query_start(s, "SELECT count(*) FROM party WHERE root = $1");
	int64_t n = 0;

	query_put_int(q, 1, root);
	if (query_row(q))
		n = query_int(q, 0);
	query_end(q);
	return n;
}

static void
set_merged(struct database_session *s, int64_t party, int64_t into, const char *by,
	int64_t now_ms)
{
	struct query *q = query_start(s,
		"UPDATE party SET merged_into = $1, merged_ms = $2, merged_by = $3 "
		"WHERE id = $4");

	query_put_int(q, 1, into);
	query_put_int(q, 2, now_ms);
	query_put_text(q, 3, by);
	query_put_int(q, 4, party);
	query_run(q);
}

enum party_result
party_merge(struct database_session *s, int64_t into, int64_t from, const char *by,
	int64_t now_ms)
{
	int64_t to = party_root(s, into), old = party_root(s, from);
	struct query *q;

	if (to == 0 || old == 0)
		return PARTY_NONE;
	if (to == old)
		return PARTY_SAME;
	if (count_root(s, to) + count_root(s, old) > MERGED_MAX)
		return PARTY_TOO_MANY;
	set_merged(s, old, to, by, now_ms);
	q = query_start(s, "UPDATE party SET root = $1 WHERE root = $2");
	query_put_int(q, 1, to);
	query_put_int(q, 2, old);
	query_run(q);
	return PARTY_OK;
}

enum party_result
party_unmerge(struct database_session *s, int64_t party)
{
	int64_t root = party_root(s, party);
	struct query *q;
	int64_t changed;

	if (root == 0)
		return PARTY_NONE;
	q = query_start(s, "UPDATE party SET merged_into = NULL, merged_ms = NULL, "
			   "merged_by = NULL WHERE id = $1 AND merged_into IS NOT NULL");
	query_put_int(q, 1, party);
	changed = query_run(q);
	if (changed == 0)
		return PARTY_NOT_MERGED;
	q = query_start(s,
		"UPDATE party SET root = $1 WHERE id IN (WITH RECURSIVE under (id) AS "
		"(SELECT CAST($2 AS INTEGER) UNION SELECT p.id FROM party p JOIN under "
		"u ON p.merged_into = u.id) SELECT id FROM under)");
	query_put_int(q, 1, party);
	query_put_int(q, 2, party);
	query_run(q);
	return PARTY_OK;
}

/* ---- linked ---- */

enum party_result
party_link(struct database_session *s, int64_t party, int64_t other, const char *kind,
	double weight, const char *source, int64_t now_ms)
{
	int64_t a = party_root(s, party), b = party_root(s, other);
	struct query *q;

	if (a == 0 || b == 0)
		return PARTY_NONE;
	if (a == b)
		return PARTY_SAME;
	q = query_start(s,
		"INSERT INTO link (party, other, kind, weight, source, at_ms) "
		"VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (party, other, kind) DO "
		"UPDATE SET weight = excluded.weight, source = excluded.source, "
		"at_ms = excluded.at_ms");
	query_put_int(q, 1, party);
	query_put_int(q, 2, other);
	query_put_text(q, 3, kind);
	query_put_number(q, 4, weight);
	query_put_text(q, 5, source);
	query_put_int(q, 6, now_ms);
	query_run(q);
	return PARTY_OK;
}

bool
party_unlink(struct database_session *s, int64_t party, int64_t other, const char *kind)
{
	struct query *q = query_start(s,
		"DELETE FROM link WHERE kind = $1 AND party IN (SELECT id FROM party "
		"WHERE root = $2) AND other IN (SELECT id FROM party WHERE root = $3)");

	query_put_text(q, 1, kind);
	query_put_int(q, 2, party_root(s, party));
	query_put_int(q, 3, party_root(s, other));
	return query_run(q) > 0;
}

int
party_heirs(struct database_session *s, int64_t root, int64_t *heirs, int room)
{
	struct query *q = query_start(s,
		"SELECT DISTINCT p.root FROM link l JOIN party p ON p.id = l.party JOIN "
		"party o ON o.id = l.other WHERE o.root = $1 AND p.root <> $2");
	int n = 0;

	query_put_int(q, 1, root);
	query_put_int(q, 2, root);
	while (n < room && query_row(q))
		heirs[n++] = query_int(q, 0);
	query_end(q);
	return n;
}
