/* history/report_methods.c - report.get over the protocol, GET /v1/reports over HTTP. */
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "base/moment.h"
#include "history/gather.h"
#include "history/inner.h"

#define DAY_MS INT64_C(86400000)

/* One report on its way. */
struct reporting {
	struct history *history;
	struct report_wish wish;
	struct centre *centre; /* a reference; the wish's calendar is its */
	char interval[8];
	const char **queues, **agents; /* owned lists of the centre's names; NULL: all */
	struct report report;
	bool ready; /* the report was made */
	/* who asked */
	struct rpc *rpc;
	uint64_t tag;
	struct http_server *http;
	uint64_t request;
	bool csv;
};

static void
reporting_destroy(struct reporting *r)
{
	report_finish(&r->report);
	centre_unref(r->centre);
	free(r->queues);
	free(r->agents);
	free(r);
}

static bool
work(struct database_session *s, void *arg)
{
	struct reporting *r = arg;

	report_finish(&r->report);
	r->ready = report_begin(&r->report, &r->wish);
	if (r->ready)
		report_gather(&r->report, &r->wish, s);
	return true;
}

/* What hinders an answer; NULL: nothing. */
static const char *
hindrance(const struct reporting *r, enum database_result result)
{
	if (result != DATABASE_OK)
		return "The history cannot be read now; try again later.";
	if (!r->ready)
		return "So many intervals are too many: ask for a shorter time or longer "
		       "intervals.";
	if (r->report.overflow)
		return "So many rows are too many: ask for a shorter time or longer "
		       "intervals.";
	return NULL;
}

static json_t *
result_json(const struct reporting *r)
{
	char from[MOMENT_TEXT], to[MOMENT_TEXT];
	struct recorder_figures figures;

	recorder_figures(r->history->parts.recorder, &figures);
	moment_format(from, r->wish.from_ms);
	moment_format(to, r->wish.to_ms);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "by",
		report_by_name[r->wish.by], "interval", r->interval, "from", from, "to",
		to, "lag_ms", (json_int_t)figures.lag_ms, "rows",
		report_json(&r->report, report_by_name[r->wish.by]));
}

static void
answer_rpc(struct reporting *r, const char *why, bool away)
{
	struct text csv = {0};
	json_t *o;

	if (why != NULL) {
		rpc_refuse(r->rpc, r->tag, away ? RPC_LATER : RPC_INVALID_PARAMS,
			away ? "history_away" : "too_large", why, NULL);
		return;
	}
	if (!r->csv) {
		rpc_answer(r->rpc, r->tag, result_json(r));
		return;
	}
	report_csv(&r->report, report_by_name[r->wish.by], &csv);
	o = json_pack("{s:s%}", "csv", csv.s, csv.n);
	rpc_answer(r->rpc, r->tag, o);
	text_finish(&csv);
}

static void
answer_http(struct reporting *r, const char *why, bool away)
{
	struct text body = {0};
	json_t *o;

	if (why != NULL) {
		http_answer_error(r->http, r->request, away ? 503 : 422,
			away ? "history_away" : "too_large", why);
		return;
	}
	if (r->csv) {
		report_csv(&r->report, report_by_name[r->wish.by], &body);
	} else {
		o = result_json(r);
		json_write(&body, o);
		json_decref(o);
	}
	http_answer(r->http, r->request,
		&(struct http_reply){.status = 200,
			.type = r->csv ? "text/csv; charset=utf-8" : "application/json",
			.body = body.s,
			.n_body = body.n});
	text_finish(&body);
}

static void
done(void *arg, enum database_result result)
{
	struct reporting *r = arg;
	const char *why = hindrance(r, result);

	if (r->rpc != NULL)
		answer_rpc(r, why, result != DATABASE_OK);
	else
		answer_http(r, why, result != DATABASE_OK);
	reporting_destroy(r);
}

static void
start(struct reporting *r)
{
	if (!database_read(r->history->parts.db, work, done, r))
		done(r, DATABASE_AWAY);
}

/* ---- what is asked for ---- */

static bool
by_of(const char *name, enum report_by *by)
{
	for (int i = 0; i < REPORT_BYS; i++)
		if (name == NULL || strcmp(report_by_name[i], name) == 0) {
			*by = name == NULL ? BY_QUEUE : (enum report_by)i;
			return true;
		}
	return false;
}

static bool
interval_is_known(const char *name)
{
	static const char *const all[] = {"15m", "30m", "hour", "day", "all"};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i], name) == 0)
			return true;
	return false;
}

/* from_ms, to_ms 0: the 24 hours until now. short_ms -1: as the settings say. */
static struct reporting *
reporting_create(struct history *h, enum report_by by, const char *interval,
	int64_t from_ms, int64_t to_ms, int64_t short_ms)
{
	struct reporting *r = xcalloc(1, sizeof *r);
	int64_t now_ms = history_now_ms(h);

	r->history = h;
	r->centre = centre_ref(router_centre(h->parts.router));
	snprintf(r->interval, sizeof r->interval, "%s", interval);
	r->wish = (struct report_wish){.by = by,
		.interval = r->interval,
		.to_ms = to_ms != 0 ? to_ms : now_ms,
		.now_ms = now_ms,
		.short_ms = short_ms >= 0 ? short_ms : h->short_ms,
		.local = r->centre->local};
	r->wish.from_ms = from_ms != 0 ? from_ms : r->wish.to_ms - DAY_MS;
	return r;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Supervisors see the queues and agents of their teams. */
static void
limit_to_scope(struct reporting *r, const struct rpc_call *call)
{
	const struct people *p = r->history->parts.people;
	const struct centre *c = r->centre;

	r->queues = xcalloc((size_t)c->n_queues + 1, sizeof *r->queues);
	for (int i = 0; i < c->n_queues; i++)
		if (p->sees_queue(p->owner, call, i))
			r->queues[r->wish.n_queues++] = c->queues[i].name;
	r->agents = xcalloc((size_t)c->n_agents + 1, sizeof *r->agents);
	for (int i = 0; i < c->n_agents; i++)
		if (p->sees_agent(p->owner, call, i))
			r->agents[r->wish.n_agents++] = c->agents[i].id;
	qsort(r->queues, (size_t)r->wish.n_queues, sizeof *r->queues, by_name);
	qsort(r->agents, (size_t)r->wish.n_agents, sizeof *r->agents, by_name);
	/* Agents are seen with all they do; queues decide about everything else. */
	if (!(r->wish.by == BY_AGENT || r->wish.by == BY_TEAM))
		r->wish.queues = r->queues;
	r->wish.agents = r->agents;
}

void
on_report_get(void *owner, const struct rpc_call *call)
{
	struct history *h = owner;
	const char *interval = rpc_text(call, "interval");
	int64_t from_ms = rpc_time_ms(call, "from"), to_ms = rpc_time_ms(call, "to");
	enum report_by by = BY_QUEUE;
	struct reporting *r;

	if (!by_of(rpc_text(call, "by"), &by))
		return; /* the table lets no other word in */
	if (from_ms != 0 && to_ms != 0 && from_ms >= to_ms) {
		rpc_refuse_param(call->rpc, call->tag, "to", "must be later than `from`");
		return;
	}
	r = reporting_create(h, by, interval != NULL ? interval : "hour", from_ms, to_ms,
		rpc_integer(call, "short_ms", -1));
	if (call->role == RPC_SUPERVISOR)
		limit_to_scope(r, call);
	r->rpc = call->rpc;
	r->tag = call->tag;
	r->csv = rpc_flag(call, "csv", false);
	if (r->wish.from_ms >= r->wish.to_ms) {
		rpc_refuse_param(call->rpc, call->tag, "from",
			"is still to come: name a moment before now");
		reporting_destroy(r);
		return;
	}
	start(r);
}

/* ---- HTTP ---- */

/* A moment of the query; 0: absent; false: answered. */
static bool
query_time(struct http_server *http, const struct http_request *request, const char *name,
	int64_t *ms)
{
	char *text = http_query(request, name);
	bool ok = text == NULL || moment_parse(text, ms);

	free(text);
	if (!ok)
		http_answer_error(http, request->id, 422, "invalid_params",
			"from and to are moments such as 2026-11-29T08:00:00Z.");
	return ok;
}

static void
report(struct history *h, const struct http_request *request, const char *by_text,
	const char *interval, const char *format)
{
	struct http_server *http = h->parts.http;
	int64_t from_ms = 0, to_ms = 0;
	enum report_by by;
	struct reporting *r;

	if (!by_of(by_text, &by) || (interval != NULL && !interval_is_known(interval)) ||
		(format != NULL && strcmp(format, "csv") != 0 &&
			strcmp(format, "json") != 0)) {
		http_answer_error(http, request->id, 422, "invalid_params",
			"by is all, queue, channel, tier, dnis, agent or team; interval "
			"15m, "
			"30m, hour, day or all; format json or csv.");
		return;
	}
	if (!query_time(http, request, "from", &from_ms) ||
		!query_time(http, request, "to", &to_ms))
		return;
	if (from_ms != 0 && to_ms != 0 && from_ms >= to_ms) {
		http_answer_error(http, request->id, 422, "invalid_params",
			"`to` must be later than `from`.");
		return;
	}
	r = reporting_create(
		h, by, interval != NULL ? interval : "hour", from_ms, to_ms, -1);
	r->http = http;
	r->request = request->id;
	r->csv = format != NULL && strcmp(format, "csv") == 0;
	if (r->wish.from_ms >= r->wish.to_ms) {
		http_answer_error(http, request->id, 422, "invalid_params",
			"`from` is still to come: name a moment before now.");
		reporting_destroy(r);
		return;
	}
	start(r);
}

void
history_http_report(void *owner, const struct http_request *request)
{
	struct history *h = owner;
	char *by, *interval, *format;

	if (!h->parts.may_read(h->parts.may_owner, request)) {
		http_answer_error(h->parts.http, request->id, 401, "not_authorized",
			"Send an API key that may read everything: usherctl key create "
			"--allow "
			"read.");
		return;
	}
	by = http_query(request, "by");
	interval = http_query(request, "interval");
	format = http_query(request, "format");
	report(h, request, by, interval, format);
	free(by);
	free(interval);
	free(format);
}
