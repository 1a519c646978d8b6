/*
 * history/feed.c - the event feed: every state change as it was recorded, from a cursor
 * on; event.list over the protocol, GET /v1/events over HTTP.
 *
 * The number of an event rises by at least one with each, so what a reader got last names
 * what he has not seen; a contact's events come in the order in which they happened. Who
 * asks again from the same cursor gets the same events with the same ids.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "history/inner.h"

#define FEED_MOST 200	   /* events of an answer unless asked otherwise */
#define FEED_MOST_MAX 1000 /* of HTTP; the protocol's replies are smaller */

/* One question over HTTP. */
struct feeding {
	struct history *history;
	uint64_t request;
	int64_t after;
	int most;
	json_t *result; /* owned */
};

static json_t *
id_json(char letter, int64_t id)
{
	char text[NUMBER_ID_TEXT];

	number_id_format(text, letter, (uint64_t)id);
	return json_string(text);
}

/* "alarm-N", as alarm.list has it. */
static json_t *
alarm_json(struct query *q, int column)
{
	char name[32];

	if (query_is_null(q, column))
		return json_null();
	snprintf(name, sizeof name, "alarm-%lld", (long long)query_int(q, column));
	return json_string(name);
}

/* Members that are not there are left out. */
static void
put(json_t *o, const char *name, json_t *value)
{
	if (json_is_null(value))
		json_decref(value);
	else
		json_object_set_new_nocheck(o, name, value);
}

static json_t *
event_json(struct query *q)
{
	static const char *const texts[] = {
		"agent", "queue", "channel", "tier", "state", "reason"};
	json_t *o = json_pack("{s:o, s:o, s:o}", "id", column_int(q, 0), "at",
		column_moment(q, 1), "event", column_text(q, 2));

	if (!query_is_null(q, 3))
		put(o, "contact", contact_json(query_int(q, 3)));
	if (!query_is_null(q, 4))
		put(o, "offer", id_json('o', query_int(q, 4)));
	for (int i = 0; i < 6; i++)
		put(o, texts[i], column_text(q, 5 + i));
	put(o, "waited_ms", column_int(q, 11));
	put(o, "handled_ms", column_int(q, 12));
	put(o, "amount", column_number(q, 13));
	put(o, "satisfaction", column_number(q, 14));
	put(o, "version", column_int(q, 15));
	put(o, "alarm", alarm_json(q, 16));
	put(o, "value", column_number(q, 17));
	put(o, "limit", column_number(q, 18));
	return o;
}

/* The first that is kept: who asks for what was before it has missed something. */
static int64_t
oldest(struct database_session *s)
{
	struct query *q = query_start(s, "SELECT min(n) FROM event");
	int64_t n = query_row(q) ? query_int(q, 0) : 0;

	query_end(q);
	return n;
}

json_t *
feed_read(struct database_session *s, int64_t after, int most)
{
	struct query *q =
		query_start(s, "SELECT n, at_ms, kind, contact, offer, agent, "
			       "queue, channel, tier, state, "
			       "reason, waited_ms, handled_ms, amount, "
			       "satisfaction, version, alarm, value, bound FROM "
			       "event WHERE n > $1 ORDER BY n LIMIT $2");
	json_t *list = json_array();
	int64_t next = after;
	bool more = false;

	query_put_int(q, 1, after);
	query_put_int(q, 2, most + 1);
	while (query_row(q)) {
		more = (int)json_array_size(list) == most;
		if (more)
			break;
		next = query_int(q, 0);
		json_array_append_new(list, event_json(q));
	}
	query_end(q);
	return json_pack("{s:o, s:I, s:b, s:I}", "events", list, "next", (json_int_t)next,
		"more", more, "oldest", (json_int_t)oldest(s));
}

static void
put_lag(const struct history *h, json_t *o)
{
	struct recorder_figures figures;

	recorder_figures(h->parts.recorder, &figures);
	json_object_set_new(o, "lag_ms", json_integer(figures.lag_ms));
}

/* ---- over the protocol ---- */

static bool
list_events(struct database_session *s, struct asking *a)
{
	const json_t *most = json_object_get(a->params, "most");

	a->result = feed_read(s, json_integer_value(json_object_get(a->params, "after")),
		most != NULL ? (int)json_integer_value(most) : FEED_MOST);
	return true;
}

static void
listed(struct asking *a)
{
	put_lag(a->history, a->result);
}

void
on_event_list(void *owner, const struct rpc_call *call)
{
	struct asking *a = asking_create(owner, call, list_events);

	a->done = listed;
	asking_send(a, false);
}

/* ---- over HTTP ---- */

static bool
work(struct database_session *s, void *arg)
{
	struct feeding *f = arg;

	f->result = feed_read(s, f->after, f->most);
	return true;
}

static void
done(void *arg, enum database_result result)
{
	struct feeding *f = arg;
	struct http_server *http = f->history->parts.http;
	struct text body = {0};

	if (result != DATABASE_OK) {
		http_answer_error(http, f->request, 503, "history_away",
			"The history cannot be read now; try again later.");
	} else {
		put_lag(f->history, f->result);
		json_write(&body, f->result);
		http_answer(http, f->request,
			&(struct http_reply){.status = 200,
				.type = "application/json",
				.body = body.s,
				.n_body = body.n});
	}
	text_finish(&body);
	json_decref(f->result);
	free(f);
}

/* A whole number of the query within a range; false: it is none. */
static bool
query_number_of(const struct http_request *request, const char *name, int64_t least,
	int64_t most, int64_t *out)
{
	char *text = http_query(request, name), *rest;
	bool ok = true;

	if (text != NULL) {
		*out = strtoll(text, &rest, 10);
		ok = rest != text && *rest == '\0' && *out >= least && *out <= most;
	}
	free(text);
	return ok;
}

void
history_http_events(void *owner, const struct http_request *request)
{
	struct history *h = owner;
	int64_t after = 0, most = FEED_MOST;
	struct feeding *f;

	if (!h->parts.may_read(h->parts.may_owner, request)) {
		http_answer_error(h->parts.http, request->id, 401, "not_authorized",
			"Send an API key that may read everything: usherctl key create "
			"--allow "
			"read.");
		return;
	}
	if (!query_number_of(request, "after", 0, JSON_INTEGER_MAX, &after) ||
		!query_number_of(request, "most", 1, FEED_MOST_MAX, &most)) {
		http_answer_error(h->parts.http, request->id, 422, "invalid_params",
			"after is `next` of the answer before (0 at first), most 1 to "
			"1000.");
		return;
	}
	f = xcalloc(1, sizeof *f);
	*f = (struct feeding){
		.history = h, .request = request->id, .after = after, .most = (int)most};
	if (!database_read(h->parts.db, work, done, f))
		done(f, DATABASE_AWAY);
}
