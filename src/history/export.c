/* history/export.c - what the history keeps of a customer, handed out a page at a time:
 * contacts, what was answered about them, notes, cases with their changes, what was said.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history/inner.h"

#define ROWS 100 /* asked for at once */

/* A kind of records; its statement takes root ($1), the place behind which to go on
 * ($2, $3) and how many ($4); the first two columns are the place of a row. */
struct kind {
	const char *name, *sql;
	const char *const *columns; /* names of the others; a time begins with "@", a
				       contact with "#", a number with "=" */
};

static const char *const contact_columns[] = {"#contact", "channel", "queue", "tier",
	"agent", "state", "@at", "@answered_at", "@ended_at", "=wait_ms", "=talk_ms",
	"=hold_ms", "=wrapup_ms", "reason", "disposition", "=amount", "currency",
	"=satisfaction", "title", "external_id", "customer", "dnis", NULL};
static const char *const answer_columns[] = {
	"#contact", "about", "=value", "currency", "source", "@at", NULL};
static const char *const note_columns[] = {
	"#contact", "=case", "who", "@at", "text", NULL};
static const char *const case_columns[] = {
	"=case", "state", "title", "@at", "who", "@changed_at", NULL};
static const char *const change_columns[] = {
	"=case", "state", "@at", "who", "reason", NULL};
static const char *const said_columns[] = {
	"#contact", "=seq", "@at", "from", "said", "name", "text", NULL};

/* As an erasure finds them: his own, and those that were opened with a contact of his
 * before it was known whose it is. */
#define HIS_CASES                                                                        \
	"SELECT a.id FROM party y JOIN issue a ON a.party = y.id WHERE y.root = $1 "     \
	"UNION SELECT a.id FROM party y JOIN contact_person p ON p.party = y.id JOIN "   \
	"issue_contact b ON b.contact = p.contact JOIN issue a ON a.id = b.issue AND "   \
	"a.party IS NULL WHERE y.root = $1"

static const struct kind kinds[] = {
	{"contact",
		"SELECT c.id, 0, c.id, c.channel, c.queue, c.tier, c.agent, c.state, "
		"c.created_ms, c.answered_ms, c.ended_ms, c.wait_ms, c.talk_ms, "
		"c.hold_ms, c.wrapup_ms, c.reason, c.disposition, c.amount, c.currency, "
		"c.satisfaction, p.title, p.external_id, p.customer, p.dnis FROM party y "
		"JOIN contact_person p ON p.party = y.id JOIN contact c ON c.id = "
		"p.contact WHERE y.root = $1 AND c.id > $2 AND $3 >= 0 ORDER BY c.id "
		"LIMIT $4",
		contact_columns},
	{"answer",
		"SELECT o.id, 0, o.contact, o.kind, o.value, o.currency, o.source, "
		"o.at_ms FROM party y JOIN contact_person p ON p.party = y.id JOIN "
		"outcome o ON o.contact = p.contact WHERE y.root = $1 AND o.id > $2 AND "
		"$3 >= 0 ORDER BY o.id LIMIT $4",
		answer_columns},
	{"note",
		"SELECT n.id, 0, n.contact, n.case_id, n.who, n.at_ms, n.text FROM note "
		"n WHERE n.id IN (SELECT m.id FROM party y JOIN note m ON m.party = y.id "
		"WHERE y.root = $1 UNION SELECT m.id FROM party y JOIN contact_person p "
		"ON p.party = y.id JOIN note m ON m.contact = p.contact WHERE y.root = "
		"$1) AND n.id > $2 AND $3 >= 0 ORDER BY n.id LIMIT $4",
		note_columns},
	{"case",
		"SELECT i.id, 0, i.id, i.state, i.title, i.opened_ms, i.opened_by, "
		"i.changed_ms FROM issue i WHERE i.id IN (" HIS_CASES ") AND i.id > $2 "
		"AND $3 >= 0 ORDER BY i.id LIMIT $4",
		case_columns},
	{"case_change",
		"SELECT h.issue, h.n, h.issue, h.state, h.at_ms, h.who, h.reason FROM "
		"issue_change h WHERE h.issue IN (" HIS_CASES ") AND (h.issue > $2 OR "
		"(h.issue = $2 AND h.n > $3)) ORDER BY h.issue, h.n LIMIT $4",
		change_columns},
	{"said",
		"SELECT s.contact, s.seq, s.contact, s.seq, s.at_ms, s.who, s.kind, "
		"s.name, s.text FROM party y JOIN contact_person p ON p.party = y.id "
		"JOIN said s ON s.contact = p.contact WHERE y.root = $1 AND (s.contact > "
		"$2 OR (s.contact = $2 AND s.seq > $3)) ORDER BY s.contact, s.seq LIMIT "
		"$4",
		said_columns},
};

#define N_KINDS ((int)(sizeof kinds / sizeof kinds[0]))

struct place {
	int kind;
	int64_t first, second;
};

static json_t *
record_of(const struct kind *kind, struct query *q)
{
	json_t *o = json_pack("{s:s}", "kind", kind->name);

	for (int i = 0; kind->columns[i] != NULL; i++) {
		const char *name = kind->columns[i];

		if (query_is_null(q, 2 + i))
			continue;
		if (*name == '@')
			json_object_set_new(o, name + 1, column_moment(q, 2 + i));
		else if (*name == '#')
			json_object_set_new(
				o, name + 1, contact_json(query_int(q, 2 + i)));
		else if (*name == '=')
			json_object_set_new(o, name + 1, column_number(q, 2 + i));
		else
			json_object_set_new(o, name, column_text(q, 2 + i));
	}
	return o;
}

/* Rows of one kind until it is at its end or `room` is used up. Returns how many rows it
 * got of those it asked for. */
static int
read_rows(struct database_session *s, int64_t root, struct place *at, size_t *used,
	size_t room, json_t *list)
{
	const struct kind *kind = &kinds[at->kind];
	struct query *q = query_start(s, kind->sql);
	int n = 0;

	query_put_int(q, 1, root);
	query_put_int(q, 2, at->first);
	query_put_int(q, 3, at->second);
	query_put_int(q, 4, ROWS);
	while (*used < room && query_row(q)) {
		json_t *record = record_of(kind, q);

		at->first = query_int(q, 0);
		at->second = query_int(q, 1);
		*used += json_dumpb(record, NULL, 0, 0);
		json_array_append_new(list, record);
		n++;
	}
	query_end(q);
	return n;
}

bool
history_export(void *owner, struct database_session *s, int64_t root,
	char place[SUBJECT_PLACE], size_t room, json_t *list)
{
	struct place at = {0, 0, 0};
	size_t used = 0;

	if (place[0] != '\0' && (sscanf(place, "%d.%" SCNd64 ".%" SCNd64, &at.kind,
					 &at.first, &at.second) != 3 ||
					at.kind < 0))
		return false;
	while (at.kind < N_KINDS && used < room) {
		int n = read_rows(s, root, &at, &used, room, list);

		if (n < ROWS && used < room)
			at = (struct place){at.kind + 1, 0, 0};
	}
	snprintf(place, SUBJECT_PLACE, "%d.%" PRId64 ".%" PRId64, at.kind, at.first,
		at.second);
	return at.kind < N_KINDS;
}
