/*
 * history/trim.c - see trim.h.
 *
 *   IDLE --hour--> a lot --there may be more--> PAUSE --> a lot ... --> IDLE
 *
 *   a lot: contacts that are due --> out of whoever keeps content of them --> rows
 *
 * The rows come last: what was cut short is due again.
 *
 * Only what has ended goes: a live contact keeps its record, an open case stays with what
 * is left of it.
 */
#include "history/trim.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "history/apply.h"

#define FIRST_S 60
#define EVERY_S 3600
#define SOON_S 1     /* after new settings: who lowers what is kept waits for it to go */
#define PAUSE_MS 200 /* between lots: others write too */
#define PATIENCE_MS 60000 /* of a lot while the database is away */
#define GENERATION_SHIFT 60

struct trim {
	struct trim_parts parts;
	struct keeping keeping; /* owned */
	struct event *timer;
	bool working;
	bool changed; /* the settings, while it works */
	bool removed; /* something, by the lots since the log was emptied */
};

/* A lot on its way. */
struct lot {
	struct trim *trim;
	struct keeping keeping; /* owned */
	int64_t now_ms;
	int n;
	int64_t contact[TRIM_LOT]; /* that are due */
	uint64_t number[TRIM_LOT];
	struct subject subject; /* the same, as others are told */
	bool kept;		/* others could not forget them now */
	struct trim_counts counts;
	bool more;
};

/* The ids that a query tells, a lot at most; ends it. Returns how many. */
static int
read_lot(struct query *q, int64_t id[TRIM_LOT])
{
	int n = 0;

	while (n < TRIM_LOT && query_row(q))
		id[n++] = query_int(q, 0);
	query_end(q);
	return n;
}

/* Statements that all take one id. */
static void
run_each(struct database_session *s, const char *const *sql, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++) {
		struct query *q = query_start(s, sql[i]);

		query_put_int(q, 1, id);
		query_run(q);
	}
}

/* ---- rows by time ---- */

static int64_t
remove_before(struct database_session *s, const char *sql, int64_t before_ms)
{
	struct query *q = query_start(s, sql);

	query_put_int(q, 1, before_ms);
	query_put_int(q, 2, TRIM_LOT);
	return query_run(q);
}

/* How many of the oldest events no webhook may be told any more. */
static int64_t
count_unread(struct database_session *s, int64_t before_ms)
{
	struct query *q = query_start(s,
		"SELECT count(*) FROM (SELECT n FROM event WHERE at_ms < $1 ORDER BY "
		"at_ms LIMIT $2) AS old WHERE old.n > (SELECT min(n) FROM webhook)");
	int64_t n = 0;

	query_put_int(q, 1, before_ms);
	query_put_int(q, 2, TRIM_LOT);
	if (query_row(q))
		n = query_int(q, 0);
	query_end(q);
	return n;
}

static bool
trim_events(struct database_session *s, int64_t before_ms, struct trim_counts *counts)
{
	int64_t n;

	counts->unread += count_unread(s, before_ms);
	n = remove_before(s,
		"DELETE FROM event WHERE n IN (SELECT n FROM event WHERE at_ms < $1 "
		"ORDER BY at_ms LIMIT $2)",
		before_ms);
	counts->events += n;
	return n == TRIM_LOT;
}

static bool
trim_spans(struct database_session *s, int64_t before_ms, struct trim_counts *counts)
{
	int64_t n = remove_before(s,
		"DELETE FROM agent_span WHERE (agent, from_ms, op) IN (SELECT agent, "
		"from_ms, op FROM agent_span WHERE to_ms < $1 ORDER BY to_ms LIMIT $2)",
		before_ms);

	counts->spans += n;
	return n == TRIM_LOT;
}

static bool
trim_estimates(struct database_session *s, int64_t before_ms, struct trim_counts *counts)
{
	int64_t n = remove_before(s,
		"DELETE FROM estimate WHERE contact IN (SELECT contact FROM estimate "
		"WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)",
		before_ms);

	counts->estimates += n;
	return n == TRIM_LOT;
}

/* Cases that are resolved and have lost their last contact. */
static bool
trim_cases(struct database_session *s, int64_t before_ms, struct trim_counts *counts)
{
	static const char *const with[] = {
		"DELETE FROM note WHERE case_id = $1 AND contact IS NULL",
		"DELETE FROM issue_change WHERE issue = $1",
		"DELETE FROM issue WHERE id = $1"};
	int64_t id[TRIM_LOT];
	int n;
	struct query *q = query_start(s,
		"SELECT i.id FROM issue i WHERE i.state = 'resolved' AND i.resolved_ms < "
		"$1 AND NOT EXISTS (SELECT 1 FROM issue_contact c WHERE c.issue = i.id) "
		"LIMIT $2");

	query_put_int(q, 1, before_ms);
	query_put_int(q, 2, TRIM_LOT);
	n = read_lot(q, id);
	for (int i = 0; i < n; i++)
		run_each(s, with, sizeof with / sizeof with[0], id[i]);
	counts->cases += n;
	return n == TRIM_LOT;
}

/* ---- contacts ---- */

static void
remove_contact(struct database_session *s, int64_t contact)
{
	static const char *const from[] = {"DELETE FROM visit WHERE contact = $1",
		"DELETE FROM leg WHERE contact = $1",
		"DELETE FROM outcome WHERE contact = $1",
		"DELETE FROM estimate WHERE contact = $1",
		"DELETE FROM note WHERE contact = $1",
		"DELETE FROM said WHERE contact = $1",
		"DELETE FROM issue_contact WHERE contact = $1",
		"DELETE FROM contact_person WHERE contact = $1",
		"DELETE FROM contact WHERE id = $1"};

	run_each(s, from, sizeof from / sizeof from[0], contact);
}

static int
ended_before(struct database_session *s, const char *channel, int64_t before_ms,
	int64_t id[TRIM_LOT])
{
	struct query *q = query_start(s,
		"SELECT id FROM contact WHERE channel = $1 AND ended_ms < $2 ORDER BY "
		"ended_ms LIMIT $3");

	query_put_text(q, 1, channel);
	query_put_int(q, 2, before_ms);
	query_put_int(q, 3, TRIM_LOT);
	return read_lot(q, id);
}

/* Those whose channel nobody knows, and those of a Redis that began anew meanwhile, who
 * have no end. */
static int
left_over(struct database_session *s, int64_t before_ms, int64_t id[TRIM_LOT])
{
	struct query *q = query_start(s,
		"SELECT id FROM contact WHERE created_ms < $1 AND (channel IS NULL OR "
		"(closed = 0 AND id < (SELECT generation FROM progress WHERE id = 1) << "
		"$2)) ORDER BY created_ms LIMIT $3");

	query_put_int(q, 1, before_ms);
	query_put_int(q, 2, GENERATION_SHIFT);
	query_put_int(q, 3, TRIM_LOT);
	return read_lot(q, id);
}

/* The channel behind `after`, by name; the caller owns it; NULL: none. Without a look at
 * each contact. */
static char *
next_channel(struct database_session *s, const char *after)
{
	struct query *q =
		query_start(s, "SELECT min(channel) FROM contact WHERE channel > $1");
	char *channel = NULL;

	query_put_text(q, 1, after);
	if (query_row(q) && !query_is_null(q, 0))
		channel = xstrdup(query_text(q, 0));
	query_end(q);
	return channel;
}

static int64_t
kept_ms(const struct keeping *keeping, const char *channel)
{
	for (int i = 0; i < keeping->n_channels; i++)
		if (strcmp(keeping->channels[i].channel, channel) == 0)
			return keeping->channels[i].ms;
	return keeping->records_ms;
}

int
trim_due(struct database_session *s, const struct keeping *keeping, int64_t now_ms,
	int64_t contact[TRIM_LOT])
{
	int n = 0;
	char *channel = next_channel(s, ""), *next;

	/* One channel that has some is enough for a lot. */
	for (; channel != NULL && n == 0; channel = next) {
		n = ended_before(s, channel, now_ms - kept_ms(keeping, channel), contact);
		next = next_channel(s, channel);
		free(channel);
	}
	free(channel);
	return n > 0 ? n : left_over(s, now_ms - keeping->records_ms, contact);
}

bool
trim_lot(struct database_session *s, const struct keeping *keeping, int64_t now_ms,
	const int64_t *contact, int n, struct trim_counts *counts)
{
	int64_t records_ms = now_ms - keeping->records_ms;
	bool more = trim_events(s, now_ms - keeping->events_ms, counts);

	more = trim_spans(s, now_ms - keeping->agents_ms, counts) || more;
	more = trim_estimates(s, records_ms, counts) || more;
	for (int i = 0; i < n; i++)
		remove_contact(s, contact[i]);
	counts->contacts += n;
	/* Another channel may have some, too. */
	return trim_cases(s, records_ms, counts) || n > 0 || more;
}

/* ---- lots, one after the other ---- */

static bool
look(struct database_session *s, void *arg)
{
	struct lot *lot = arg;

	lot->n = trim_due(s, &lot->keeping, lot->now_ms, lot->contact);
	lot->subject = (struct subject){.contacts = lot->number,
		.n_contacts = apply_numbers(s, lot->contact, (size_t)lot->n, lot->number),
		.by_time = true};
	return true;
}

static bool
work(struct database_session *s, void *arg)
{
	struct lot *lot = arg;

	lot->counts = (struct trim_counts){0}; /* it may be another try */
	lot->more = trim_lot(s, &lot->keeping, lot->now_ms, lot->contact,
		lot->kept ? 0 : lot->n, &lot->counts);
	return true;
}

/* Returns whether there was anything. */
static bool
say(const struct trim_counts *n)
{
	if (n->contacts + n->events + n->spans + n->estimates + n->cases == 0)
		return false;
	log_info("history: trimmed contacts=%lld events=%lld spans=%lld estimates=%lld "
		 "cases=%lld",
		(long long)n->contacts, (long long)n->events, (long long)n->spans,
		(long long)n->estimates, (long long)n->cases);
	if (n->unread > 0)
		log_warn("history: a webhook is further behind than events are kept "
			 "lost=%lld",
			(long long)n->unread);
	return true;
}

static void
done(void *arg, enum database_result result)
{
	struct lot *lot = arg;
	struct trim *trim = lot->trim;
	bool more = result == DATABASE_OK && lot->more;
	bool soon = more || trim->changed;
	struct timeval again = {soon ? 0 : EVERY_S, soon ? PAUSE_MS * 1000 : 0};

	if (result == DATABASE_OK)
		trim->removed = say(&lot->counts) || trim->removed;
	else if (result == DATABASE_UNDONE)
		log_error("history: what is too old could not be removed");
	if (trim->removed && !more) {
		trim->removed = false;
		database_compact(trim->parts.db); /* it leaves the files too */
	}
	trim->working = trim->changed = false;
	event_add(trim->timer, &again);
	keeping_finish(&lot->keeping);
	free(lot);
}

static void
content_gone(void *arg, bool gone)
{
	struct lot *lot = arg;

	lot->kept = !gone;
	if (!gone)
		log_warn("history: what is too old could not be removed contacts=%d",
			lot->n);
	if (!database_write(lot->trim->parts.db, work, done, lot, PATIENCE_MS))
		done(lot, DATABASE_AWAY);
}

static void
looked(void *arg, enum database_result result)
{
	struct lot *lot = arg;
	const struct trim_parts *parts = &lot->trim->parts;

	if (result != DATABASE_OK) {
		done(lot, result);
	} else if (lot->subject.n_contacts == 0 || parts->forget == NULL) {
		content_gone(lot, true);
	} else {
		parts->forget(parts->forget_owner, &lot->subject, content_gone, lot);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *owner)
{
	struct trim *trim = owner;
	struct lot *lot;

	if (trim->working)
		return;
	lot = xcalloc(1, sizeof *lot);
	lot->trim = trim;
	lot->now_ms = trim->parts.now_ms(trim->parts.owner);
	keeping_copy(&lot->keeping, &trim->keeping);
	trim->working = true;
	if (!database_read(trim->parts.db, look, looked, lot))
		looked(lot, DATABASE_AWAY);
}

struct trim *
trim_create(const struct trim_parts *parts)
{
	struct trim *trim = xcalloc(1, sizeof *trim);
	struct timeval first = {FIRST_S, 0};

	trim->parts = *parts;
	keeping_copy(&trim->keeping, parts->keeping);
	trim->timer = evtimer_new(parts->base, on_timer, trim);
	event_add(trim->timer, &first);
	return trim;
}

void
trim_destroy(struct trim *trim)
{
	if (trim == NULL)
		return;
	event_free(trim->timer);
	keeping_finish(&trim->keeping);
	free(trim);
}

void
trim_configure(struct trim *trim, const struct keeping *keeping)
{
	struct timeval soon = {SOON_S, 0};

	keeping_finish(&trim->keeping);
	keeping_copy(&trim->keeping, keeping);
	trim->changed = trim->working;
	if (!trim->working)
		event_add(trim->timer, &soon);
}
