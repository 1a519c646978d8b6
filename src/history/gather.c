/* history/gather.c - stays, legs and contacts into a report; see gather.h. What is
 * counted where is in docs/figures.md. */
#include "history/gather.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "history/agents_time.h"

#define FCR_WINDOW_MS                                                                    \
	(INT64_C(7) * 86400000) /* no other contact of the customer within */

const char *const report_by_name[REPORT_BYS] = {
	"all", "queue", "channel", "tier", "dnis", "agent", "team"};

/* ---- intervals ---- */

static int64_t
minute_of_day(const struct calendar *local, int64_t at_ms)
{
	struct calendar_moment m;

	calendar_local(local, at_ms, &m);
	return m.hour * 60 + m.minute;
}

/* The first moment of the local day in which at_ms lies. */
static int64_t
day_begin(const struct calendar *local, int64_t at_ms)
{
	struct calendar_moment day, m;
	int64_t begin = at_ms - at_ms % 60000;

	calendar_local(local, at_ms, &day);
	begin -= minute_of_day(local, at_ms) * 60000;
	/* A change of the clocks within the day moves its beginning by the difference. */
	calendar_local(local, begin, &m);
	if (m.day != day.day)
		begin += (24 * 60 - (m.hour * 60 + m.minute)) * INT64_C(60000);
	else
		begin -= (m.hour * 60 + m.minute) * INT64_C(60000);
	return begin;
}

static int64_t
width_of(const char *interval)
{
	if (strcmp(interval, "15m") == 0)
		return 15 * 60000;
	if (strcmp(interval, "30m") == 0)
		return 30 * 60000;
	return strcmp(interval, "hour") == 0 ? 60 * 60000 : 0;
}

/* The edge behind `at`. */
static int64_t
next_edge(const struct report_wish *w, int64_t at_ms)
{
	int64_t width = width_of(w->interval);

	if (width > 0)
		return at_ms - at_ms % width + width;
	if (strcmp(w->interval, "day") == 0)
		return day_begin(
			w->local, day_begin(w->local, at_ms) + 36 * INT64_C(3600000));
	return w->to_ms;
}

bool
report_begin(struct report *report, const struct report_wish *w)
{
	int64_t at = w->from_ms;
	int room = 0;

	*report = (struct report){.from_ms = w->from_ms,
		.to_ms = w->to_ms,
		.now_ms = w->now_ms,
		.by_agent = w->by == BY_AGENT || w->by == BY_TEAM};
	if (w->from_ms >= w->to_ms)
		return false;
	for (;;) {
		if (report->n_bins >= FIGURES_BINS_MAX) {
			report_finish(report);
			return false;
		}
		if (report->n_bins + 1 >= room) {
			room = room > 0 ? 2 * room : 16;
			report->bin = xreallocarray(
				report->bin, (size_t)room + 1, sizeof *report->bin);
		}
		report->bin[report->n_bins] = at;
		if (at >= w->to_ms)
			return true;
		at = next_edge(w, at);
		if (at > w->to_ms)
			at = w->to_ms;
		report->n_bins++;
	}
}

/* ---- groups ---- */

struct group {
	const char *queue, *channel, *tier, *dnis, *agent, *team; /* NULL: none */
};

static int
compare(const void *name, const void *one)
{
	return strcmp(name, *(const char *const *)one);
}

static bool
is_among(const char *name, const char *const *list, int n)
{
	return list == NULL ||
	       (name != NULL && n > 0 &&
		       bsearch(name, list, (size_t)n, sizeof *list, compare) != NULL);
}

/* The group's name; NULL: it has none, or may not be seen. */
static const char *
key_of(const struct report_wish *w, const struct group *g)
{
	const char *const of[REPORT_BYS] = {[BY_ALL] = "all",
		[BY_QUEUE] = g->queue,
		[BY_CHANNEL] = g->channel,
		[BY_TIER] = g->tier,
		[BY_DNIS] = g->dnis,
		[BY_AGENT] = g->agent,
		[BY_TEAM] = g->team};

	if (!is_among(g->queue, w->queues, w->n_queues))
		return NULL;
	if ((w->by == BY_AGENT || w->by == BY_TEAM) &&
		!is_among(g->agent, w->agents, w->n_agents))
		return NULL;
	return of[w->by] != NULL ? of[w->by] : w->by == BY_DNIS ? "" : NULL;
}

static struct interval_figures *
at(struct report *r, const struct report_wish *w, const struct group *g, int64_t at_ms)
{
	const char *key = key_of(w, g);

	return key != NULL ? report_at(r, report_bin(r, at_ms), key) : NULL;
}

static struct query *
range(struct database_session *s, const char *sql, const struct report_wish *w)
{
	struct query *q = query_start(s, sql);

	query_put_int(q, 1, w->from_ms);
	query_put_int(q, 2, w->to_ms);
	return q;
}

/* ---- stays in queues ---- */

struct stay {
	struct group group;
	const char *kind, *how; /* how: NULL while it waits */
	int64_t entered_ms, since_ms, due_ms, left_ms;
	int64_t wait_ms; /* by the switch's clock, where it told */
	bool first;	 /* not a return */
};

static void
count_entry(struct report *r, const struct report_wish *w, const struct stay *v)
{
	struct interval_figures *f = at(r, w, &v->group, v->entered_ms);

	if (f == NULL)
		return;
	if (!v->first) {
		f->returned++;
		return;
	}
	f->offered++;
	f->transferred_in += strcmp(v->kind, "transfer") == 0;
	f->overflowed_in += strcmp(v->kind, "overflow") == 0;
	f->moved_in += strcmp(v->kind, "moved") == 0;
}

/* A service level event happens when it is answered or abandoned in time, else when its
 * time has passed. */
static void
count_service(struct report *r, const struct report_wish *w, const struct stay *v)
{
	struct interval_figures *f;
	bool answered = v->how != NULL && strcmp(v->how, "answered") == 0;
	bool in_time = v->how != NULL && v->since_ms + v->wait_ms <= v->due_ms;

	if (!v->first)
		return;
	if (!in_time) {
		f = v->due_ms < r->now_ms ? at(r, w, &v->group, v->due_ms) : NULL;
		if (f != NULL)
			f->passed++;
		return;
	}
	f = at(r, w, &v->group, v->left_ms);
	if (f == NULL)
		return;
	f->in_time += answered;
	f->abandoned_in_time += strcmp(v->how, "abandoned") == 0;
}

/* Promises of waits, kept or not when an agent ends them. */
static void
count_promise(struct interval_figures *f, const struct stay *v)
{
	bool met = v->since_ms + v->wait_ms <= v->due_ms;

	if (strcmp(v->kind, "new") == 0) {
		f->first_met += met;
		f->first_missed += !met;
	} else {
		f->next_met += met;
		f->next_missed += !met;
	}
}

static void
count_answer(struct interval_figures *f, const struct stay *v)
{
	if (v->wait_ms > f->longest_wait_ms)
		f->longest_wait_ms = v->wait_ms;
	count_promise(f, v);
	if (!v->first)
		return;
	f->answered++;
	f->answered_wait_ms += v->wait_ms;
}

static void
count_leaving(struct report *r, const struct report_wish *w, const struct stay *v)
{
	struct interval_figures *f =
		v->how != NULL ? at(r, w, &v->group, v->left_ms) : NULL;

	if (f == NULL)
		return;
	if (strcmp(v->how, "answered") == 0) {
		count_answer(f, v);
	} else if (strcmp(v->how, "abandoned") == 0) {
		f->abandoned++;
		f->abandoned_wait_ms += v->wait_ms;
		f->short_abandoned += v->wait_ms < w->short_ms;
	}
	f->expired += strcmp(v->how, "expired") == 0;
	f->cancelled += strcmp(v->how, "cancelled") == 0;
	f->lost += strcmp(v->how, "lost") == 0;
	f->answered_auto += strcmp(v->how, "auto") == 0;
	f->moved_out += strcmp(v->how, "moved") == 0 || strcmp(v->how, "overflow") == 0;
}

static void
gather_stays(struct report *r, const struct report_wish *w, struct database_session *s)
{
	struct query *q = range(s,
		"SELECT queue, channel, tier, dnis, kind, left_how, entered_ms, "
		"since_ms, "
		"sl_due_ms, left_ms, queue_ms FROM visit WHERE (entered_ms < $2 AND "
		"entered_ms >= "
		"$1) OR "
		"(left_ms < $2 AND left_ms >= $1) OR (sl_due_ms < $2 AND sl_due_ms >= "
		"$1)",
		w);

	while (query_row(q)) {
		struct stay v = {.group = {query_text(q, 0), query_text(q, 1),
					 query_text(q, 2), query_text(q, 3), NULL, NULL},
			.kind = query_text(q, 4),
			.how = query_text(q, 5),
			.entered_ms = query_int(q, 6),
			.since_ms = query_int(q, 7),
			.due_ms = query_int(q, 8),
			.left_ms = query_int(q, 9)};

		v.wait_ms =
			query_is_null(q, 10) ? v.left_ms - v.since_ms : query_int(q, 10);
		v.first = strcmp(v.kind, "return") != 0;
		count_entry(r, w, &v);
		count_service(r, w, &v);
		count_leaving(r, w, &v);
	}
	query_end(q);
}

/* What an agent ended of them is his. */
static void
gather_answers(struct report *r, const struct report_wish *w, struct database_session *s)
{
	struct query *q = range(s,
		"SELECT v.queue, v.channel, v.tier, v.dnis, v.agent, (SELECT l.team FROM "
		"leg l WHERE l.contact = v.contact AND l.agent = v.agent ORDER BY l.n "
		"DESC LIMIT 1), v.kind, v.sl_due_ms, v.left_ms, v.since_ms, "
		"coalesce(v.queue_ms, "
		"v.left_ms - v.since_ms) FROM visit v WHERE "
		"v.left_how = 'answered' AND v.left_ms >= $1 AND v.left_ms < $2",
		w);

	while (query_row(q)) {
		struct stay v = {
			.group = {query_text(q, 0), query_text(q, 1), query_text(q, 2),
				query_text(q, 3), query_text(q, 4), query_text(q, 5)},
			.kind = query_text(q, 6),
			.due_ms = query_int(q, 7),
			.left_ms = query_int(q, 8),
			.since_ms = query_int(q, 9),
			.wait_ms = query_int(q, 10)};
		struct interval_figures *f = at(r, w, &v.group, v.left_ms);

		if (f != NULL)
			count_promise(f, &v);
	}
	query_end(q);
}

/* ---- offers and legs ---- */

static void
count_outcome(struct interval_figures *f, const char *outcome)
{
	f->accepted += strcmp(outcome, "accepted") == 0;
	f->rona += strcmp(outcome, "timeout") == 0;
	f->rejected += strcmp(outcome, "rejected") == 0;
	f->rescinded += strcmp(outcome, "rescinded") == 0;
	f->withdrawn += strcmp(outcome, "cancelled") == 0;
}

static void
gather_legs(struct report *r, const struct report_wish *w, struct database_session *s)
{
	struct query *q = range(s,
		"SELECT queue, channel, tier, dnis, agent, team, outcome, ended_how, "
		"offered_ms, outcome_ms, ended_ms, talk_ms, hold_ms, wrapup_ms FROM leg "
		"WHERE "
		"(offered_ms < $2 AND offered_ms >= $1) OR (outcome_ms < $2 AND "
		"outcome_ms >= "
		"$1) OR (ended_ms < $2 AND ended_ms >= $1)",
		w);

	while (query_row(q)) {
		struct group g = {query_text(q, 0), query_text(q, 1), query_text(q, 2),
			query_text(q, 3), query_text(q, 4), query_text(q, 5)};
		const char *outcome = query_text(q, 6), *how = query_text(q, 7);
		struct interval_figures *f = at(r, w, &g, query_int(q, 8));

		if (f != NULL)
			f->offers++;
		f = outcome != NULL ? at(r, w, &g, query_int(q, 9)) : NULL;
		if (f != NULL)
			count_outcome(f, outcome);
		f = how != NULL ? at(r, w, &g, query_int(q, 10)) : NULL;
		if (f == NULL)
			continue;
		f->handled++;
		f->talk_ms += query_int(q, 11);
		f->hold_ms += query_int(q, 12);
		f->wrapup_ms += query_int(q, 13);
		f->transferred_out += strcmp(how, "transfer") == 0;
	}
	query_end(q);
}

/* ---- contacts that ended, and what was learnt of them ---- */

static void
gather_contacts(struct report *r, const struct report_wish *w, struct database_session *s)
{
	/* First: no other contact of this customer ended within the window before;
	 * resolved: none began within the window behind. */
	struct query *q = range(s,
		"SELECT c.queue, c.channel, c.tier, p.dnis, c.agent, (SELECT l.team FROM "
		"leg l "
		"WHERE l.contact = c.id AND l.agent = c.agent ORDER BY l.n DESC LIMIT "
		"1), "
		"c.ended_ms, c.amount, c.currency, c.satisfaction, "
		"CASE WHEN p.party IS NULL THEN 0 ELSE NOT EXISTS (SELECT 1 FROM "
		"contact_person x JOIN contact o ON o.id = x.contact WHERE x.party = "
		"p.party "
		"AND o.id <> c.id AND o.ended_ms <= c.created_ms AND o.ended_ms > "
		"c.created_ms "
		"- $3) END, "
		"CASE WHEN p.party IS NULL THEN 0 ELSE NOT EXISTS (SELECT 1 FROM "
		"contact_person x JOIN contact o ON o.id = x.contact WHERE x.party = "
		"p.party "
		"AND o.id <> c.id AND o.created_ms >= c.created_ms AND o.created_ms < "
		"c.ended_ms + $3) END FROM contact c LEFT JOIN contact_person p ON "
		"p.contact = "
		"c.id WHERE c.state = 'completed' AND c.closed = 1 AND c.ended_ms >= $1 "
		"AND "
		"c.ended_ms < $2",
		w);

	query_put_int(q, 3, FCR_WINDOW_MS);
	while (query_row(q)) {
		struct group g = {query_text(q, 0), query_text(q, 1), query_text(q, 2),
			query_text(q, 3), query_text(q, 4), query_text(q, 5)};
		struct interval_figures *f = at(r, w, &g, query_int(q, 6));
		double satisfaction = query_number(q, 9);

		if (f == NULL)
			continue;
		f->completed++;
		if (!query_is_null(q, 7))
			figures_add_amount(f, query_number(q, 7), query_text(q, 8));
		f->satisfied += !isnan(satisfaction);
		f->satisfaction += isnan(satisfaction) ? 0 : satisfaction;
		f->first_contacts += query_int(q, 10) != 0;
		f->resolved_first += query_int(q, 10) != 0 && query_int(q, 11) != 0;
	}
	query_end(q);
}

/* A promise to be done with it: kept when it is completed in time, broken when its time
 * passes, whatever comes then; who left or was withdrawn in time makes no difference. */
static void
gather_resolutions(
	struct report *r, const struct report_wish *w, struct database_session *s)
{
	struct query *q = range(s,
		"SELECT c.queue, c.channel, c.tier, p.dnis, c.agent, (SELECT l.team FROM "
		"leg l WHERE l.contact = c.id AND l.agent = c.agent ORDER BY l.n DESC "
		"LIMIT 1), c.resolve_due_ms, c.ended_ms, c.state FROM contact c LEFT "
		"JOIN contact_person p ON p.contact = c.id WHERE c.resolve_due_ms IS NOT "
		"NULL AND ((c.resolve_due_ms >= $1 AND c.resolve_due_ms < $2) OR "
		"(c.ended_ms >= $1 AND c.ended_ms < $2))",
		w);

	while (query_row(q)) {
		struct group g = {query_text(q, 0), query_text(q, 1), query_text(q, 2),
			query_text(q, 3), query_text(q, 4), query_text(q, 5)};
		int64_t due_ms = query_int(q, 6), ended_ms = query_int(q, 7);
		bool in_time = !query_is_null(q, 7) && ended_ms <= due_ms;
		const char *state = query_text(q, 8);
		struct interval_figures *f = NULL;

		if (in_time)
			f = at(r, w, &g, ended_ms);
		else if (due_ms < r->now_ms)
			f = at(r, w, &g, due_ms);
		if (f == NULL)
			continue;
		f->resolve_met += in_time && (strcmp(state, "completed") == 0 ||
						     strcmp(state, "answered") == 0);
		f->resolve_missed += !in_time;
	}
	query_end(q);
}

/* Surveys and amounts that came after the end, in the interval in which they came. */
static void
gather_outcomes(struct report *r, const struct report_wish *w, struct database_session *s)
{
	struct query *q = range(s,
		"SELECT c.queue, c.channel, c.tier, p.dnis, c.agent, (SELECT l.team FROM "
		"leg l "
		"WHERE l.contact = c.id AND l.agent = c.agent ORDER BY l.n DESC LIMIT "
		"1), "
		"o.at_ms, o.kind, o.value, o.currency FROM outcome o JOIN contact c ON "
		"c.id = "
		"o.contact LEFT JOIN contact_person p ON p.contact = c.id WHERE o.at_ms "
		">= $1 "
		"AND o.at_ms < $2",
		w);

	while (query_row(q)) {
		struct group g = {query_text(q, 0), query_text(q, 1), query_text(q, 2),
			query_text(q, 3), query_text(q, 4), query_text(q, 5)};
		struct interval_figures *f = at(r, w, &g, query_int(q, 6));

		if (f == NULL)
			continue;
		if (strcmp(query_text(q, 7), "amount") == 0) {
			figures_add_amount(f, query_number(q, 8), query_text(q, 9));
		} else if (strcmp(query_text(q, 7), "satisfaction") == 0) {
			f->satisfied++;
			f->satisfaction += query_number(q, 8);
		}
	}
	query_end(q);
}

/* ---- agents' time ---- */

struct gathering {
	struct report *r;
	const struct report_wish *w;
};

static void
take_time(void *owner, const char *agent, const char *team, int bin,
	const struct agent_time *t)
{
	struct gathering *g = owner;
	struct group group = {NULL, NULL, NULL, NULL, agent, team};
	const char *key = g->w->by == BY_AGENT ? agent : team;
	struct interval_figures *f;

	if (key == NULL || !is_among(group.agent, g->w->agents, g->w->n_agents))
		return;
	f = report_at(g->r, bin, key);
	if (f == NULL)
		return;
	f->logged_in_ms += t->logged_in_ms;
	f->ready_ms += t->ready_ms;
	f->not_ready_ms += t->not_ready_ms;
	f->not_responding_ms += t->not_responding_ms;
	f->busy_ms += t->busy_ms;
	f->idle_ms += t->idle_ms;
}

void
report_gather(struct report *r, const struct report_wish *w, struct database_session *s)
{
	struct gathering g = {r, w};

	if (r->by_agent)
		gather_answers(r, w, s);
	else
		gather_stays(r, w, s);
	gather_legs(r, w, s);
	gather_contacts(r, w, s);
	gather_resolutions(r, w, s);
	gather_outcomes(r, w, s);
	if (r->by_agent)
		agents_time(s, r, take_time, &g);
}
