/*
 * history/timeline.c - what happened with a customer, over all channels and all who were
 * merged into him: contacts, notes, cases. The part of his card that the history keeps.
 */
#include <stdlib.h>
#include <string.h>

#include "history/inner.h"
#include "history/party.h"

#define TIMELINE_MOST 50
#define TIMELINE_BYTES (RPC_REPLY_MAX / 2) /* about; the last entry is still in it */
#define CARD_MOST 5			   /* contacts, cases and notes on a card */
#define EVER INT64_MAX

/* ---- rows ---- */

static struct query *
of_root(struct database_session *s, const char *sql, int64_t root, int64_t before_ms,
	int most)
{
	struct query *q = query_start(s, sql);

	query_put_int(q, 1, root);
	query_put_int(q, 2, before_ms);
	query_put_int(q, 3, most);
	return q;
}

/* The newest first. */
static void
add_contacts(struct database_session *s, int64_t root, int64_t before_ms, int most,
	json_t *list)
{
	struct query *q = of_root(s,
		"SELECT c.id, c.created_ms, c.ended_ms, c.state, c.channel, c.queue, "
		"c.agent, "
		"c.disposition, p.title, (SELECT count(*) FROM said WHERE said.contact = "
		"c.id) FROM party y JOIN contact_person p ON p.party = "
		"y.id "
		"JOIN contact c ON c.id = p.contact WHERE y.root = $1 AND c.created_ms < "
		"$2 "
		"ORDER BY c.created_ms DESC, c.id DESC LIMIT $3",
		root, before_ms, most);

	while (query_row(q))
		json_array_append_new(list,
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
				  "s:o}",
				"kind", "contact", "at", column_moment(q, 1), "contact",
				contact_json(query_int(q, 0)), "ended_at",
				column_moment(q, 2), "state", column_text(q, 3),
				"channel", column_text(q, 4), "queue", column_text(q, 5),
				"agent", column_text(q, 6), "disposition",
				column_text(q, 7), "title", column_text(q, 8), "lines",
				column_int(q, 9)));
	query_end(q);
}

static void
add_notes(struct database_session *s, int64_t root, int64_t before_ms, int most,
	json_t *list)
{
	struct query *q = of_root(s,
		"SELECT n.contact, n.case_id, n.at_ms, n.who, n.text FROM party y JOIN "
		"note n "
		"ON n.party = y.id WHERE y.root = $1 AND n.at_ms < $2 ORDER BY n.at_ms "
		"DESC, "
		"n.id DESC LIMIT $3",
		root, before_ms, most);

	while (query_row(q))
		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "kind", "note",
				      "at", column_moment(q, 2), "contact",
				      query_is_null(q, 0) ? json_null()
							  : contact_json(query_int(q, 0)),
				      "case", column_int(q, 1), "who", column_text(q, 3),
				      "text", column_text(q, 4)));
	query_end(q);
}

static void
add_cases(struct database_session *s, int64_t root, int64_t before_ms, int most,
	bool open, json_t *list)
{
	struct query *q = of_root(s,
		open ? "SELECT i.id, i.opened_ms, i.state, i.title, i.changed_ms, "
		       "i.opened_by "
		       "FROM party y JOIN issue i ON i.party = y.id WHERE y.root = $1 "
		       "AND "
		       "i.opened_ms < $2 AND i.state <> 'resolved' ORDER BY i.opened_ms "
		       "DESC, "
		       "i.id DESC LIMIT $3"
		     : "SELECT i.id, i.opened_ms, i.state, i.title, i.changed_ms, "
		       "i.opened_by "
		       "FROM party y JOIN issue i ON i.party = y.id WHERE y.root = $1 "
		       "AND "
		       "i.opened_ms < $2 ORDER BY i.opened_ms DESC, i.id DESC LIMIT $3",
		root, before_ms, most);

	while (query_row(q))
		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "kind",
				      "case", "at", column_moment(q, 1), "case",
				      column_int(q, 0), "state", column_text(q, 2),
				      "title", column_text(q, 3), "changed_at",
				      column_moment(q, 4), "who", column_text(q, 5)));
	query_end(q);
}

/* ---- the part of the card ---- */

static void
card(void *owner, struct database_session *s, const int64_t *parties, int n, json_t *out)
{
	int64_t root = n > 0 ? party_root(s, parties[0]) : 0;
	json_t *contacts = json_array(), *notes = json_array(), *cases = json_array();

	add_contacts(s, root, EVER, CARD_MOST, contacts);
	add_notes(s, root, EVER, CARD_MOST, notes);
	add_cases(s, root, EVER, CARD_MOST, true, cases);
	json_object_set_new(out, "last_contacts", contacts);
	json_object_set_new(out, "notes", notes);
	json_object_set_new(out, "open_cases", cases);
}

static int64_t
run_for(struct database_session *s, const char *sql, int64_t party)
{
	struct query *q = query_start(s, sql);

	query_put_int(q, 1, party);
	return query_run(q);
}

static void
count(json_t *counts, const char *name, int64_t n)
{
	json_object_set_new(counts, name,
		json_integer(json_integer_value(json_object_get(counts, name)) + n));
}

/* Cases of his, and those that were opened with a contact of his before it was known
 * whose it is. */
#define HIS_CASES                                                                        \
	"(party = $1 OR (party IS NULL AND id IN (SELECT c.issue FROM issue_contact c "  \
	"JOIN contact_person p ON p.contact = c.contact WHERE p.party = $1)))"

/* Who it was and what was said goes; that something happened stays, and is counted. */
static void
erase(void *owner, struct database_session *s, const int64_t *parties, int n,
	json_t *counts)
{
	for (int i = 0; i < n; i++) {
		count(counts, "lines",
			run_for(s,
				"DELETE FROM said WHERE contact IN (SELECT contact FROM "
				"contact_person WHERE party = $1)",
				parties[i]));
		run_for(s,
			"UPDATE issue_change SET reason = NULL WHERE issue IN (SELECT id "
			"FROM issue WHERE " HIS_CASES ")",
			parties[i]);
		count(counts, "notes",
			run_for(s,
				"DELETE FROM note WHERE party = $1 OR contact IN (SELECT "
				"contact FROM contact_person WHERE party = $1)",
				parties[i]));
		count(counts, "cases",
			run_for(s,
				"UPDATE issue SET title = '', party = NULL "
				"WHERE " HIS_CASES,
				parties[i]));
		count(counts, "contacts",
			run_for(s, "DELETE FROM contact_person WHERE party = $1",
				parties[i]));
	}
}

static bool
is_but(const char *channel, const char *const *but, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(channel, but[i]) == 0)
			return true;
	return false;
}

/* Who it was, what was noted and said. */
static void
forget_contact(struct database_session *s, int64_t contact)
{
	static const char *const from[] = {"DELETE FROM note WHERE contact = $1",
		"DELETE FROM said WHERE contact = $1",
		"DELETE FROM contact_person WHERE contact = $1"};

	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++)
		run_for(s, from[i], contact);
}

static int
due_of_channel(struct database_session *s, const char *channel, int64_t before_ms,
	int64_t *contacts, int room)
{
	struct query *q = query_start(s,
		"SELECT contact FROM contact_person WHERE channel = $1 AND ended_ms < $2 "
		"ORDER BY ended_ms LIMIT $3");
	int n = 0;

	query_put_text(q, 1, channel);
	query_put_int(q, 2, before_ms);
	query_put_int(q, 3, room);
	while (n < room && query_row(q))
		contacts[n++] = query_int(q, 0);
	query_end(q);
	return n;
}

/* The channel behind `after`, by name, without a look at each row; owned; NULL: none. */
static char *
next_channel(struct database_session *s, const char *after)
{
	struct query *q = query_start(
		s, "SELECT min(channel) FROM contact_person WHERE channel > $1");
	char *channel = NULL;

	query_put_text(q, 1, after);
	if (query_row(q) && !query_is_null(q, 0))
		channel = xstrdup(query_text(q, 0));
	query_end(q);
	return channel;
}

static int
due(void *owner, struct database_session *s, const char *channel, int64_t before_ms,
	const char *const *but, int n_but, int64_t *contacts, int room)
{
	int n = 0;
	char *at, *next;

	if (strcmp(channel, "*") != 0)
		return due_of_channel(s, channel, before_ms, contacts, room);
	for (at = next_channel(s, ""); at != NULL; at = next) {
		if (!is_but(at, but, n_but))
			n += due_of_channel(s, at, before_ms, contacts + n, room - n);
		next = next_channel(s, at);
		free(at);
	}
	return n;
}

static void
expire(void *owner, struct database_session *s, const int64_t *contacts, int n)
{
	for (int i = 0; i < n; i++)
		forget_contact(s, contacts[i]);
}

const struct customer_part history_part = {.card = card,
	.export = history_export,
	.erase = erase,
	.due = due,
	.expire = expire};

/* ---- customer.timeline ---- */

static int
newest_first(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	const char *at = json_string_value(json_object_get(x, "at"));
	const char *other = json_string_value(json_object_get(y, "at"));

	return strcmp(other != NULL ? other : "", at != NULL ? at : "");
}

/* The first `most` of the list by time, and as many as fit a message; steals it. */
static json_t *
newest(json_t *list, size_t most)
{
	size_t n = json_array_size(list);
	json_t **all = xcalloc(n + 1, sizeof *all), *out = json_array();
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		all[i] = json_array_get(list, i);
	qsort(all, n, sizeof(json_t *), newest_first);
	for (size_t i = 0; i < n && i < most && bytes < TIMELINE_BYTES; i++) {
		json_array_append(out, all[i]);
		bytes += json_dumpb(all[i], NULL, 0, 0);
	}
	free(all);
	json_decref(list);
	return out;
}

static bool
read_timeline(struct database_session *s, struct asking *a)
{
	int most = json_object_get(a->params, "most") != NULL
			   ? (int)json_integer_value(json_object_get(a->params, "most"))
			   : TIMELINE_MOST;
	int64_t root = party_root(s, a->party);
	int64_t before_ms = a->before_ms != 0 ? a->before_ms : EVER;
	json_t *list = json_array(), *entries;
	char id[NUMBER_ID_TEXT];
	size_t found;

	if (root == 0) {
		json_decref(list);
		a->refused_type = "no_customer";
		a->refused = "There is no such customer.";
		return false;
	}
	/* One more of each, so that it is known whether there are more. */
	add_contacts(s, root, before_ms, most + 1, list);
	add_notes(s, root, before_ms, most + 1, list);
	add_cases(s, root, before_ms, most + 1, false, list);
	found = json_array_size(list);
	party_id_format(id, root);
	entries = newest(list, (size_t)most);
	a->result = json_pack("{s:s, s:o, s:b}", "customer", id, "entries", entries,
		"more", found > json_array_size(entries));
	return true;
}

void
on_customer_timeline(void *owner, const struct rpc_call *call)
{
	struct history *h = owner;
	const struct people *p = h->parts.people;
	const char *customer = rpc_text(call, "customer");
	int64_t party = 0;
	uint64_t contact;
	struct asking *a;

	if (customer != NULL &&
		(call->role == RPC_AGENT || !party_id_parse(customer, &party))) {
		rpc_refuse_param(call->rpc, call->tag, "customer",
			call->role == RPC_AGENT
				? "is for supervisors; name a contact that you hold"
				: "must be the id of a customer: \"k\" and 12 digits");
		return;
	}
	if (customer == NULL && rpc_text(call, "contact") == NULL) {
		rpc_refuse_param(call->rpc, call->tag, "customer",
			"name a customer, or a live contact of his");
		return;
	}
	if (customer == NULL) {
		if (!p->contact(p->owner, call, &contact))
			return;
		party = party_of(h, contact);
	}
	if (call->role != RPC_AGENT &&
		!p->audit(p->owner, call,
			customer != NULL ? customer : rpc_text(call, "contact"),
			"timeline"))
		return;
	a = asking_create(h, call, read_timeline);
	a->party = party;
	a->before_ms = rpc_time_ms(call, "before");
	asking_send(a, false);
}
