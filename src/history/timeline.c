/*
 * history/timeline.c - what happened with a customer, over all channels and all who were
 * merged into him: contacts, notes, cases. The part of his card that the history keeps.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history/inner.h"
#include "history/party.h"

#define TIMELINE_MOST 50
#define TIMELINE_BYTES (RPC_REPLY_MAX / 2) /* about; the last entry is still in it */
#define CARD_MOST 5			   /* contacts, cases and notes on a card */
#define PLACE_TEXT 64			   /* bytes of a place as text, with the NUL */

/* Kinds of entries, as they stand within one millisecond: what comes of a contact stands
 * above it. */
enum {
	KIND_CASE,
	KIND_NOTE,
	KIND_CONTACT,
	N_KINDS
};

static const struct timeline_place beginning = {INT64_MAX, N_KINDS, 0};

struct entry {
	struct timeline_place place;
	json_t *shown; /* owned */
};

struct line {
	struct entry *list; /* owned */
	size_t n;
};

/* ---- rows ---- */

/* What stands behind the place, the newest first. $2 and $3: time and number that an
 * entry of this kind has to be below. */
static struct query *
of_root(struct database_session *s, const char *sql, int64_t root,
	const struct timeline_place *place, int kind, int most)
{
	struct query *q = query_start(s, sql);

	query_put_int(q, 1, root);
	query_put_int(q, 2, place->at_ms);
	query_put_int(q, 3,
		kind == place->kind  ? place->id
		: kind < place->kind ? INT64_MIN
				     : INT64_MAX);
	query_put_int(q, 4, most);
	return q;
}

/* shown is stolen. */
static void
add(struct line *line, int kind, int64_t at_ms, int64_t id, json_t *shown)
{
	line->list = xreallocarray(line->list, line->n + 1, sizeof line->list[0]);
	line->list[line->n++] = (struct entry){{at_ms, kind, id}, shown};
}

static void
add_contacts(struct database_session *s, int64_t root, const struct timeline_place *place,
	int most, struct line *line)
{
	struct query *q = of_root(s,
		"SELECT c.id, c.created_ms, c.ended_ms, c.state, c.channel, c.queue, "
		"c.agent, "
		"c.disposition, p.title, (SELECT count(*) FROM said WHERE said.contact = "
		"c.id) FROM party y JOIN contact_person p ON p.party = "
		"y.id "
		"JOIN contact c ON c.id = p.contact WHERE y.root = $1 AND (c.created_ms, "
		"c.id) < ($2, $3) ORDER BY c.created_ms DESC, c.id DESC LIMIT $4",
		root, place, KIND_CONTACT, most);

	while (query_row(q))
		add(line, KIND_CONTACT, query_int(q, 1), query_int(q, 0),
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
add_notes(struct database_session *s, int64_t root, const struct timeline_place *place,
	int most, struct line *line)
{
	struct query *q = of_root(s,
		"SELECT n.id, n.at_ms, n.contact, n.case_id, n.who, n.text FROM party y "
		"JOIN note n ON n.party = y.id WHERE y.root = $1 AND (n.at_ms, n.id) < "
		"($2, $3) ORDER BY n.at_ms DESC, n.id DESC LIMIT $4",
		root, place, KIND_NOTE, most);

	while (query_row(q))
		add(line, KIND_NOTE, query_int(q, 1), query_int(q, 0),
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "kind", "note", "at",
				column_moment(q, 1), "contact",
				query_is_null(q, 2) ? json_null()
						    : contact_json(query_int(q, 2)),
				"case", column_int(q, 3), "who", column_text(q, 4),
				"text", column_text(q, 5)));
	query_end(q);
}

static void
add_cases(struct database_session *s, int64_t root, const struct timeline_place *place,
	int most, bool open, struct line *line)
{
	struct query *q = of_root(s,
		open ? "SELECT i.id, i.opened_ms, i.state, i.title, i.changed_ms, "
		       "i.opened_by FROM party y JOIN issue i ON i.party = y.id WHERE "
		       "y.root = $1 AND (i.opened_ms, i.id) < ($2, $3) AND i.state <> "
		       "'resolved' ORDER BY i.opened_ms DESC, i.id DESC LIMIT $4"
		     : "SELECT i.id, i.opened_ms, i.state, i.title, i.changed_ms, "
		       "i.opened_by FROM party y JOIN issue i ON i.party = y.id WHERE "
		       "y.root = $1 AND (i.opened_ms, i.id) < ($2, $3) ORDER BY "
		       "i.opened_ms DESC, i.id DESC LIMIT $4",
		root, place, KIND_CASE, most);

	while (query_row(q))
		add(line, KIND_CASE, query_int(q, 1), query_int(q, 0),
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", "case",
				"at", column_moment(q, 1), "case", column_int(q, 0),
				"state", column_text(q, 2), "title", column_text(q, 3),
				"changed_at", column_moment(q, 4), "who",
				column_text(q, 5)));
	query_end(q);
}

static int
newest_first(const void *a, const void *b)
{
	const struct timeline_place *x = &((const struct entry *)a)->place;
	const struct timeline_place *y = &((const struct entry *)b)->place;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? 1 : -1;
	if (x->kind != y->kind)
		return x->kind - y->kind;
	return (x->id < y->id) - (x->id > y->id);
}

/* The newest of the line, `most` and as many as fit a message; empties it. last: place of
 * the last one; NULL. */
static json_t *
newest(struct line *line, size_t most, struct timeline_place *last)
{
	json_t *out = json_array();
	size_t bytes = 0;

	if (line->n > 0)
		qsort(line->list, line->n, sizeof line->list[0], newest_first);
	for (size_t i = 0; i < line->n; i++) {
		struct entry *e = &line->list[i];

		if (i < most && bytes < TIMELINE_BYTES) {
			bytes += json_dumpb(e->shown, NULL, 0, 0);
			json_array_append(out, e->shown);
			if (last != NULL)
				*last = e->place;
		}
		json_decref(e->shown);
	}
	free(line->list);
	*line = (struct line){0};
	return out;
}

/* ---- the part of the card ---- */

static void
card(void *owner, struct database_session *s, const int64_t *parties, int n, json_t *out)
{
	int64_t root = n > 0 ? party_root(s, parties[0]) : 0;
	struct line contacts = {0}, notes = {0}, cases = {0};

	add_contacts(s, root, &beginning, CARD_MOST, &contacts);
	add_notes(s, root, &beginning, CARD_MOST, &notes);
	add_cases(s, root, &beginning, CARD_MOST, true, &cases);
	json_object_set_new(out, "last_contacts", newest(&contacts, CARD_MOST, NULL));
	json_object_set_new(out, "notes", newest(&notes, CARD_MOST, NULL));
	json_object_set_new(out, "open_cases", newest(&cases, CARD_MOST, NULL));
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

/* `next` of an answer: text of a place. */
static json_t *
place_json(const struct timeline_place *place)
{
	char text[PLACE_TEXT];

	snprintf(text, sizeof text, "%" PRId64 ".%d.%" PRId64, place->at_ms, place->kind,
		place->id);
	return json_string(text);
}

/* False: it is no place of ours. */
static bool
read_place(const char *text, struct timeline_place *place)
{
	int used = 0;

	return sscanf(text, "%" SCNd64 ".%d.%" SCNd64 "%n", &place->at_ms, &place->kind,
		       &place->id, &used) == 3 &&
	       text[used] == '\0' && place->kind >= 0 && place->kind < N_KINDS;
}

static bool
read_timeline(struct database_session *s, struct asking *a)
{
	int most = json_object_get(a->params, "most") != NULL
			   ? (int)json_integer_value(json_object_get(a->params, "most"))
			   : TIMELINE_MOST;
	int64_t root = party_root(s, a->party);
	struct timeline_place last = beginning;
	struct line line = {0};
	json_t *entries;
	char id[NUMBER_ID_TEXT];
	size_t found;
	bool more;

	if (root == 0) {
		a->refused_type = "no_customer";
		a->refused = "There is no such customer.";
		return false;
	}
	/* One more of each, so that it is known whether there are more. */
	add_contacts(s, root, &a->place, most + 1, &line);
	add_notes(s, root, &a->place, most + 1, &line);
	add_cases(s, root, &a->place, most + 1, false, &line);
	found = line.n;
	party_id_format(id, root);
	entries = newest(&line, (size_t)most, &last);
	more = found > json_array_size(entries);
	a->result = json_pack(
		"{s:s, s:o, s:b}", "customer", id, "entries", entries, "more", more);
	if (more)
		json_object_set_new(a->result, "next", place_json(&last));
	return true;
}

/* Where the answer begins: behind `after`, and only what was `before`. False: refused. */
static bool
find_place(const struct rpc_call *call, struct timeline_place *place)
{
	const char *after = rpc_text(call, "after");
	int64_t before_ms = rpc_time_ms(call, "before");

	*place = beginning;
	if (after != NULL && !read_place(after, place)) {
		rpc_refuse_param(
			call->rpc, call->tag, "after", "is `next` of the answer before");
		return false;
	}
	if (before_ms != 0 && before_ms <= place->at_ms)
		*place = (struct timeline_place){before_ms, N_KINDS, 0};
	return true;
}

void
on_customer_timeline(void *owner, const struct rpc_call *call)
{
	struct history *h = owner;
	const struct people *p = h->parts.people;
	const char *customer = rpc_text(call, "customer");
	struct timeline_place place;
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
	if (!find_place(call, &place))
		return;
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
	a->place = place;
	asking_send(a, false);
}
