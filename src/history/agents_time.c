/* history/agents_time.c - see agents_time.h. */
#include "history/agents_time.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_MS (INT64_C(7) * 86400000) /* a conversation is not looked for longer */

struct stretch {
	int64_t from_ms, to_ms;
};

struct stretches {
	struct stretch *list; /* owned */
	size_t n, room;
};

static void
add(struct stretches *s, int64_t from_ms, int64_t to_ms)
{
	if (from_ms >= to_ms)
		return;
	/* Those that touch are one: the lists come in order of their beginning. */
	if (s->n > 0 && from_ms <= s->list[s->n - 1].to_ms) {
		if (to_ms > s->list[s->n - 1].to_ms)
			s->list[s->n - 1].to_ms = to_ms;
		return;
	}
	if (s->n == s->room) {
		s->room = s->room > 0 ? 2 * s->room : 32;
		s->list = xreallocarray(s->list, s->room, sizeof *s->list);
	}
	s->list[s->n++] = (struct stretch){from_ms, to_ms};
}

/* How much of the list lies within [from, to). */
static int64_t
within(const struct stretches *s, int64_t from_ms, int64_t to_ms)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->n; i++) {
		int64_t a = s->list[i].from_ms > from_ms ? s->list[i].from_ms : from_ms;
		int64_t b = s->list[i].to_ms < to_ms ? s->list[i].to_ms : to_ms;

		sum += b > a ? b - a : 0;
	}
	return sum;
}

/* How much of both lists at once lies within [from, to). */
static int64_t
within_both(const struct stretches *s, const struct stretches *other, int64_t from_ms,
	int64_t to_ms)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->n; i++) {
		int64_t a = s->list[i].from_ms > from_ms ? s->list[i].from_ms : from_ms;
		int64_t b = s->list[i].to_ms < to_ms ? s->list[i].to_ms : to_ms;

		if (b > a)
			sum += within(other, a, b);
	}
	return sum;
}

enum list {
	READY,
	NOT_READY,
	NOT_RESPONDING,
	BUSY,
	LISTS
};

/* One agent's day. */
struct agent_day {
	char *agent, *team; /* owned; team NULL: none */
	struct stretches list[LISTS];
};

static void
day_finish(struct agent_day *d)
{
	for (int i = 0; i < LISTS; i++)
		free(d->list[i].list);
	free(d->agent);
	free(d->team);
	*d = (struct agent_day){0};
}

static enum list
list_of(const char *state)
{
	if (strcmp(state, "ready") == 0)
		return READY;
	return strcmp(state, "not_responding") == 0 ? NOT_RESPONDING : NOT_READY;
}

/* What he was busy with, in order. */
static void
read_busy(struct database_session *s, const struct report *r, struct agent_day *d)
{
	struct query *q = query_start(s,
		"SELECT connected_ms, coalesce(ended_ms, $4) FROM leg WHERE agent = $1 "
		"AND "
		"connected_ms < $3 AND connected_ms > $2 - $5 AND (ended_ms IS NULL OR "
		"ended_ms > $2) ORDER BY connected_ms");

	query_put_text(q, 1, d->agent);
	query_put_int(q, 2, r->from_ms);
	query_put_int(q, 3, r->to_ms);
	query_put_int(q, 4, r->now_ms);
	query_put_int(q, 5, LONGEST_MS);
	while (query_row(q))
		add(&d->list[BUSY], query_int(q, 0), query_int(q, 1));
	query_end(q);
}

static void
tell(const struct report *r, const struct agent_day *d,
	void (*fn)(void *owner, const char *agent, const char *team, int bin,
		const struct agent_time *time),
	void *owner)
{
	for (int bin = 0; bin < r->n_bins; bin++) {
		int64_t from_ms = r->bin[bin], to_ms = r->bin[bin + 1];
		struct agent_time t = {
			.ready_ms = within(&d->list[READY], from_ms, to_ms),
			.not_ready_ms = within(&d->list[NOT_READY], from_ms, to_ms),
			.not_responding_ms =
				within(&d->list[NOT_RESPONDING], from_ms, to_ms),
			.busy_ms = within(&d->list[BUSY], from_ms, to_ms)};

		t.logged_in_ms = t.ready_ms + t.not_ready_ms + t.not_responding_ms;
		t.idle_ms = t.ready_ms -
			    within_both(&d->list[READY], &d->list[BUSY], from_ms, to_ms);
		if (t.logged_in_ms > 0 || t.busy_ms > 0)
			fn(owner, d->agent, d->team, bin, &t);
	}
}

void
agents_time(struct database_session *s, const struct report *r,
	void (*fn)(void *owner, const char *agent, const char *team, int bin,
		const struct agent_time *time),
	void *owner)
{
	struct agent_day day = {0};
	struct query *q = query_start(s, "SELECT agent, team, state, from_ms, "
					 "coalesce(to_ms, $3) FROM agent_span WHERE "
					 "from_ms < $2 AND (to_ms IS NULL OR to_ms > $1) "
					 "ORDER BY agent, from_ms, op");

	query_put_int(q, 1, r->from_ms);
	query_put_int(q, 2, r->to_ms);
	query_put_int(q, 3, r->now_ms);
	while (query_row(q)) {
		const char *agent = query_text(q, 0), *team = query_text(q, 1);

		if (day.agent == NULL || strcmp(day.agent, agent) != 0) {
			if (day.agent != NULL)
				tell(r, &day, fn, owner);
			day_finish(&day);
			day.agent = xstrdup(agent);
			read_busy(s, r, &day);
		}
		free(day.team);
		day.team = xstrdup(team);
		add(&day.list[list_of(query_text(q, 2))], query_int(q, 3),
			query_int(q, 4));
	}
	query_end(q);
	if (day.agent != NULL)
		tell(r, &day, fn, owner);
	day_finish(&day);
}
