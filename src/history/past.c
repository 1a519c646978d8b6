/* history/past.c - see past.h. */
#include "history/past.h"

#include <stdlib.h>
#include <string.h>

struct past {
	int64_t from_ms, to_ms;
	void (*tell)(void *arg, const struct past_event *event);
	void (*done)(void *arg, bool whole);
	void *arg;
};

static bool
kind_of(const char *name, enum event_kind *out)
{
	for (int i = 0; name != NULL && i < EVENT_KINDS; i++)
		if (strcmp(event_name[i], name) == 0) {
			*out = (enum event_kind)i;
			return true;
		}
	return false;
}

/* Where the newest PAST_MOST begin, if there are more than that. */
static int64_t
first_ms(struct database_session *s, int64_t from_ms)
{
	struct query *q = query_start(
		s, "SELECT at_ms FROM event ORDER BY n DESC LIMIT 1 OFFSET $1");

	query_put_int(q, 1, PAST_MOST);
	if (query_row(q) && query_int(q, 0) >= from_ms)
		from_ms = query_int(q, 0) + 1;
	query_end(q);
	return from_ms;
}

static int64_t
or_none(struct query *q, int i)
{
	return query_is_null(q, i) ? -1 : query_int(q, i);
}

static bool
read_past(struct database_session *s, void *arg)
{
	const struct past *p = arg;
	struct query *q = query_start(s,
		"SELECT e.kind, e.at_ms, e.contact, e.agent, e.queue, e.channel, "
		"e.state, "
		"e.waited_ms, e.handled_ms, e.amount, CASE WHEN e.kind = "
		"'contact.connected' THEN (SELECT v.sl_due_ms FROM visit v WHERE "
		"v.contact "
		"= e.contact AND v.entered_ms <= e.at_ms ORDER BY v.n DESC LIMIT 1) END "
		"FROM event e WHERE e.at_ms >= $1 AND e.at_ms < $2 ORDER BY e.at_ms, "
		"e.n");
	struct past_event e;

	query_put_int(q, 1, first_ms(s, p->from_ms));
	query_put_int(q, 2, p->to_ms);
	while (query_row(q)) {
		if (!kind_of(query_text(q, 0), &e.kind))
			continue;
		e.at_ms = query_int(q, 1);
		e.contact = query_int(q, 2);
		e.agent = query_text(q, 3);
		e.queue = query_text(q, 4);
		e.channel = query_text(q, 5);
		e.state = query_text(q, 6);
		e.waited_ms = or_none(q, 7);
		e.handled_ms = or_none(q, 8);
		e.amount = query_number(q, 9);
		e.due_ms = query_int(q, 10);
		p->tell(p->arg, &e);
	}
	query_end(q);
	return true;
}

static void
on_read(void *arg, enum database_result result)
{
	struct past *p = arg;

	p->done(p->arg, result == DATABASE_OK);
	free(p);
}

bool
past_read(struct database *db, int64_t from_ms, int64_t to_ms,
	void (*tell)(void *arg, const struct past_event *event),
	void (*done)(void *arg, bool whole), void *arg)
{
	struct past *p = xcalloc(1, sizeof *p);

	*p = (struct past){from_ms, to_ms, tell, done, arg};
	if (database_read(db, read_past, on_read, p))
		return true;
	free(p);
	return false;
}
