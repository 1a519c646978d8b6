/* history/said.c - see said.h; contact.transcript. */
#include "history/said.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "history/apply.h"
#include "history/inner.h"
#include "history/party.h"

#define PATIENCE_MS 5000
#define PAGE 100		       /* lines of an answer */
#define PAGE_BYTES (RPC_REPLY_MAX / 2) /* of them, about; the last one is still in it */

/* ---- kept ---- */

struct keeping_said {
	struct history *history;
	struct said said;
	int64_t contact; /* in the tables */
	bool known;	 /* result: the contact has a record */
	int64_t party;	 /* result; 0 */
};

bool
satisfaction_keep(struct database_session *s, int64_t contact, int64_t party,
	double satisfaction, const char *source, const char *key, int64_t at_ms)
{
	struct query *q = query_start(s,
		"INSERT INTO outcome (contact, kind, value, source, at_ms, key) VALUES "
		"($1, 'satisfaction', $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING");
	json_t *value;

	query_put_int(q, 1, contact);
	query_put_number(q, 2, satisfaction);
	query_put_text(q, 3, source);
	query_put_int(q, 4, at_ms);
	query_put_text(q, 5, key);
	if (query_run(q) == 0)
		return false;
	if (party == 0 || party_root(s, party) == 0)
		return true;
	value = json_real(satisfaction);
	party_set_attribute(s, party, "satisfaction", source, value, at_ms);
	json_decref(value);
	return true;
}

static const char *
member(const json_t *message, const char *name)
{
	return json_string_value(json_object_get(message, name));
}

/* What a line says: words, the name of a file, what happened. */
static const char *
words_of(const json_t *message)
{
	const char *text = member(message, "text");

	if (text == NULL)
		text = member(json_object_get(message, "file"), "name");
	return text != NULL ? text : member(message, "code");
}

static void
keep_line(struct database_session *s, int64_t contact, const json_t *message)
{
	struct query *q = query_start(s,
		"INSERT INTO said (contact, seq, at_ms, who, kind, name, text) VALUES "
		"($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (contact, seq) DO NOTHING");

	query_put_int(q, 1, contact);
	query_put_int(q, 2, json_integer_value(json_object_get(message, "seq")));
	query_put_int(q, 3, json_integer_value(json_object_get(message, "at")));
	query_put_text(
		q, 4, member(message, "from") != NULL ? member(message, "from") : "");
	query_put_text(
		q, 5, member(message, "kind") != NULL ? member(message, "kind") : "");
	query_put_text(q, 6, member(message, "name"));
	query_put_text(q, 7, words_of(message));
	query_run(q);
}

/* The record, and whose it is; false: there is none yet. */
static bool
find_record(struct database_session *s, struct keeping_said *k, bool *forgotten)
{
	struct query *q = query_start(s,
		"SELECT p.contact, p.party FROM contact c LEFT JOIN contact_person p ON "
		"p.contact = c.id WHERE c.id = $1");

	query_put_int(q, 1, k->contact);
	k->known = query_row(q);
	*forgotten = k->known && query_is_null(q, 0);
	k->party = k->known ? query_int(q, 1) : 0;
	query_end(q);
	return k->known;
}

static bool
keep(struct database_session *s, void *arg)
{
	struct keeping_said *k = arg;
	bool forgotten = false;
	json_t *message;
	size_t i;

	if (!find_record(s, k, &forgotten))
		return true;
	if (!isnan(k->said.satisfaction)) {
		char key[NUMBER_ID_TEXT + 24], number[NUMBER_ID_TEXT];

		number_id_format(number, 'c', k->said.contact);
		snprintf(key, sizeof key, "chat %lld %s",
			(long long)(k->contact >> GENERATION_BITS), number);
		(void)satisfaction_keep(s, k->contact, k->party, k->said.satisfaction,
			"chat", key, clock_wall_ms());
	}
	if (forgotten)
		return true;
	json_array_foreach(k->said.messages, i, message)
		keep_line(s, k->contact, message);
	return true;
}

static void
kept(void *arg, enum database_result result)
{
	struct keeping_said *k = arg;
	bool done = result == DATABASE_OK && k->known;

	if (done && !isnan(k->said.satisfaction) && k->party != 0 &&
		k->history->parts.customers != NULL)
		customers_refresh(k->history->parts.customers, k->party);
	k->said.done(k->said.owner, k->said.tag, done);
	json_decref(k->said.messages);
	free(k);
}

void
said_keep(struct history *h, const struct said *said)
{
	struct keeping_said *k = xcalloc(1, sizeof *k);

	k->history = h;
	k->said = *said;
	k->said.messages = json_incref(said->messages);
	k->contact = recorder_contact(h->parts.recorder, said->contact);
	if (!database_write(h->parts.db, keep, kept, k, PATIENCE_MS))
		kept(k, DATABASE_AWAY);
}

/* ---- read ---- */

json_t *
said_read(struct database_session *s, int64_t contact, int64_t after, int most, bool all,
	bool *more)
{
	struct query *q = query_start(s,
		"SELECT seq, at_ms, who, kind, name, text FROM said WHERE contact = $1 "
		"AND seq > $2 AND ($3 = 1 OR kind NOT IN ('note', 'whisper')) ORDER BY "
		"seq LIMIT $4");
	json_t *list = json_array();
	size_t bytes = 0;

	query_put_int(q, 1, contact);
	query_put_int(q, 2, after);
	query_put_int(q, 3, all);
	query_put_int(q, 4, most + 1);
	*more = false;
	while (query_row(q)) {
		json_t *one;

		*more = (int)json_array_size(list) == most || bytes >= PAGE_BYTES;
		if (*more)
			break;
		one = json_pack("{s:o, s:o, s:o, s:o}", "seq", column_int(q, 0), "at",
			column_moment(q, 1), "from", column_text(q, 2), "kind",
			column_text(q, 3));

		if (!query_is_null(q, 4))
			json_object_set_new(one, "name", column_text(q, 4));
		if (!query_is_null(q, 5))
			json_object_set_new(one, "text", column_text(q, 5));
		bytes += json_dumpb(one, NULL, 0, 0);
		json_array_append_new(list, one);
	}
	query_end(q);
	return list;
}

/* An agent reads what was said with the customer whom he serves now. */
static bool
is_his(struct database_session *s, const struct asking *a)
{
	struct query *q = query_start(s,
		"SELECT 1 FROM contact_person p JOIN party y ON y.id = p.party WHERE "
		"p.contact = $1 AND y.root = (SELECT root FROM party WHERE id = $2)");
	bool found;

	query_put_int(q, 1, a->contact);
	query_put_int(q, 2, a->party);
	found = query_row(q);
	query_end(q);
	return found;
}

static bool
read_transcript(struct database_session *s, struct asking *a)
{
	int64_t after = json_integer_value(json_object_get(a->params, "after"));
	bool more;
	json_t *list;

	if (a->role == RPC_AGENT && !is_his(s, a)) {
		a->refused_type = "no_contact";
		a->refused = "There is no such contact of this customer.";
		return false;
	}
	list = said_read(s, a->contact, after, PAGE, true, &more);
	a->result = json_pack("{s:o, s:b, s:o}", "contact", contact_json(a->contact),
		"more", more, "messages", list);
	return true;
}

void
on_contact_transcript(void *owner, const struct rpc_call *call)
{
	struct history *h = owner;
	const struct people *p = h->parts.people;
	uint64_t held = 0;
	struct asking *a;

	if (call->role == RPC_AGENT) {
		if (rpc_text(call, "contact") == NULL) {
			rpc_refuse_param(call->rpc, call->tag, "contact",
				"name the contact of this customer that you hold");
			return;
		}
		if (!p->contact(p->owner, call, &held))
			return;
	} else if (!p->audit(p->owner, call, rpc_text(call, "of"), "transcript")) {
		return;
	}
	a = asking_create(h, call, read_transcript);
	a->contact = recorder_contact(h->parts.recorder, rpc_number_id(call, "of"));
	a->party = held != 0 ? party_of(h, held) : 0;
	asking_send(a, false);
}
