/* control/metrics.c - figures for Prometheus. */
#include "control/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Upper ends in seconds: what service levels are usually measured by. */
static const int bounds_s[] = {1, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400};

#define N_BOUNDS ((int)(sizeof bounds_s / sizeof *bounds_s))

struct histogram {
	uint64_t count[N_BOUNDS + 1]; /* not yet added up; the last: beyond all */
	uint64_t n;
	double sum_s;
};

struct queue_figures {
	struct histogram waits, handles;
	uint64_t abandoned, expired;
};

struct source {
	void (*write)(void *owner, struct text *out);
	void *owner;
};

struct metrics {
	struct metrics_parts parts;
	struct queue_figures *queues; /* owned; by queue index */
	int n_queues;
	struct source sources[METRICS_SOURCES_MAX];
	int n_sources;
	int64_t started_ms;
};

/* ---- writing ---- */

static void
put_head(struct text *out, const char *name, const char *kind, const char *help)
{
	text_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* Whole numbers without a point; NaN and infinities in Prometheus' words. */
static void
put_number(struct text *out, double value)
{
	if (isnan(value))
		text_add(out, "NaN");
	else if (isinf(value))
		text_add(out, value > 0 ? "+Inf" : "-Inf");
	else if (value == floor(value) && fabs(value) < 1e15)
		text_add_int(out, (int64_t)value);
	else
		text_addf(out, "%.9g", value);
}

void
metrics_put(struct text *out, const char *name, const char *kind, const char *help,
	double value)
{
	put_head(out, name, kind, help);
	text_addf(out, "%s ", name);
	put_number(out, value);
	text_add(out, "\n");
}

static void
put_router(struct text *out, const struct router_counts *c)
{
	const struct {
		const char *name, *kind, *help;
		double value;
	} figures[] = {
		{"usher_contacts_submitted_total", "counter", "Contacts handed in.",
			(double)c->submitted},
		{"usher_contacts_duplicate_total", "counter",
			"Re-sent contacts that found the first one.",
			(double)c->duplicates},
		{"usher_contacts_refused_total", "counter",
			"Contacts refused at the door.", (double)c->refused},
		{"usher_contacts_connected_total", "counter",
			"Contacts connected to an agent.", (double)c->connected},
		{"usher_contacts_completed_total", "counter", "Contacts completed.",
			(double)c->completed},
		{"usher_contacts_abandoned_total", "counter",
			"Contacts whose customer left while waiting.",
			(double)c->abandoned},
		{"usher_contacts_expired_total", "counter",
			"Contacts that waited longer than a limit.", (double)c->expired},
		{"usher_contacts_cancelled_total", "counter", "Contacts withdrawn.",
			(double)c->cancelled},
		{"usher_contacts_lost_total", "counter",
			"Contacts lost by a switch or link.", (double)c->lost},
		{"usher_contacts_answered_total", "counter",
			"Contacts answered without an agent.", (double)c->answered},
		{"usher_contacts_transferred_total", "counter", "Transfers.",
			(double)c->transferred},
		{"usher_contacts_requeued_total", "counter", "Returns to the queue.",
			(double)c->requeued},
		{"usher_contacts_parked_total", "counter", "Contacts put aside.",
			(double)c->parked},
		{"usher_offers_total", "counter", "Offers made.", (double)c->offered},
		{"usher_offers_accepted_total", "counter", "Offers accepted.",
			(double)c->accepted},
		{"usher_offers_rejected_total", "counter", "Offers rejected.",
			(double)c->rejected},
		{"usher_offers_timeout_total", "counter", "Offers nobody answered.",
			(double)c->timeouts},
		{"usher_offers_rescinded_total", "counter", "Offers whose customer left.",
			(double)c->rescinded},
		{"usher_offers_cancelled_total", "counter", "Offers withdrawn.",
			(double)c->offers_cancelled},
		{"usher_decisions_total", "counter", "Routing decisions.",
			(double)c->decisions},
		{"usher_store_steps_total", "counter", "Steps given to the store.",
			(double)c->steps},
		{"usher_store_steps_in_flight", "gauge", "Steps not yet committed.",
			(double)c->steps_in_flight},
		{"usher_rules_missing_total", "counter", "Attributes that a rule missed.",
			(double)c->rules.missing},
		{"usher_rules_mismatched_total", "counter",
			"Comparisons of different types.", (double)c->rules.mismatched},
		{"usher_rules_too_dear_total", "counter", "Rules cut off for their cost.",
			(double)c->rules.too_dear},
		{"usher_contacts_waiting", "gauge", "Contacts waiting.",
			(double)c->waiting},
		{"usher_contacts_offered", "gauge", "Contacts being offered.",
			(double)c->offered_now},
		{"usher_contacts_connected", "gauge", "Contacts with an agent.",
			(double)c->connected_now},
		{"usher_contacts_wrapup", "gauge", "Contacts in wrap-up.",
			(double)c->wrapup_now},
		{"usher_contacts_parked", "gauge", "Contacts put aside now.",
			(double)c->parked_now},
		{"usher_contacts_scheduled", "gauge",
			"Contacts whose window is not open yet.",
			(double)c->scheduled_now},
		{"usher_contacts_live", "gauge", "Contacts not yet over.",
			(double)c->live},
		{"usher_agents_logged_in", "gauge", "Agents logged in.",
			c->agents_logged_in},
		{"usher_agents_ready", "gauge", "Agents ready.", c->agents_ready},
	};

	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
		metrics_put(out, figures[i].name, figures[i].kind, figures[i].help,
			figures[i].value);
}

/* ---- queues ---- */

static const struct {
	const char *name, *help, *member;
	double scale;
} queue_gauges[] = {
	{"usher_queue_waiting", "Contacts waiting in the queue.", "waiting", 1},
	{"usher_queue_late", "Of them, beyond their promised wait.", "late", 1},
	{"usher_queue_oldest_wait_seconds", "The longest wait now.", "oldest_wait_ms",
		0.001},
	{"usher_queue_offered", "Contacts of the queue being offered.", "offered", 1},
	{"usher_queue_connected", "Contacts of the queue with an agent.", "connected", 1},
	{"usher_queue_agents_logged_in", "Agents who may serve the queue.",
		"agents_logged_in", 1},
	{"usher_queue_agents_ready", "Of them, ready.", "agents_ready", 1},
	{"usher_queue_agents_free", "Of them, without work.", "agents_free", 1},
};

static void
put_queue_gauges(struct metrics *m, struct text *out)
{
	const struct centre *centre = router_centre(m->parts.router);
	int64_t now_ms = centre_clock_now_ms(m->parts.clock);
	json_t **all = xcalloc((size_t)centre->n_queues + 1, sizeof *all);

	for (int q = 0; q < centre->n_queues; q++)
		all[q] = centre->queues[q].removed
				 ? NULL
				 : router_queue_json(m->parts.router, now_ms, q);
	for (size_t i = 0; i < sizeof queue_gauges / sizeof *queue_gauges; i++) {
		put_head(out, queue_gauges[i].name, "gauge", queue_gauges[i].help);
		for (int q = 0; q < centre->n_queues; q++) {
			const json_t *value =
				json_object_get(all[q], queue_gauges[i].member);

			if (value == NULL)
				continue;
			text_addf(out, "%s{queue=\"%s\"} ", queue_gauges[i].name,
				centre->queues[q].name);
			put_number(out, json_number_value(value) * queue_gauges[i].scale);
			text_add(out, "\n");
		}
	}
	for (int q = 0; q < centre->n_queues; q++)
		json_decref(all[q]);
	free(all);
}

static void
put_histogram(
	struct text *out, const char *name, const char *queue, const struct histogram *h)
{
	uint64_t sum = 0;

	for (int i = 0; i < N_BOUNDS; i++) {
		sum += h->count[i];
		text_addf(out, "%s_bucket{queue=\"%s\",le=\"%d\"} %" PRIu64 "\n", name,
			queue, bounds_s[i], sum);
	}
	text_addf(out, "%s_bucket{queue=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, queue,
		h->n);
	text_addf(out, "%s_sum{queue=\"%s\"} ", name, queue);
	put_number(out, h->sum_s);
	text_addf(out, "\n%s_count{queue=\"%s\"} %" PRIu64 "\n", name, queue, h->n);
}

static void
put_queue_history(struct metrics *m, struct text *out)
{
	const struct centre *centre = router_centre(m->parts.router);
	int n = m->n_queues < centre->n_queues ? m->n_queues : centre->n_queues;

	put_head(out, "usher_wait_seconds", "histogram",
		"Wait until connected, by queue.");
	for (int q = 0; q < n; q++)
		put_histogram(out, "usher_wait_seconds", centre->queues[q].name,
			&m->queues[q].waits);
	put_head(out, "usher_handle_seconds", "histogram", "Time connected, by queue.");
	for (int q = 0; q < n; q++)
		put_histogram(out, "usher_handle_seconds", centre->queues[q].name,
			&m->queues[q].handles);
	put_head(out, "usher_queue_abandoned_total", "counter",
		"Customers who left while waiting.");
	for (int q = 0; q < n; q++)
		text_addf(out, "usher_queue_abandoned_total{queue=\"%s\"} %" PRIu64 "\n",
			centre->queues[q].name, m->queues[q].abandoned);
	put_head(out, "usher_queue_expired_total", "counter",
		"Contacts that waited longer than the queue's limit.");
	for (int q = 0; q < n; q++)
		text_addf(out, "usher_queue_expired_total{queue=\"%s\"} %" PRIu64 "\n",
			centre->queues[q].name, m->queues[q].expired);
}

/* ---- events ---- */

static void
observe(struct histogram *h, int64_t ms)
{
	double s = (double)ms / 1000;
	int i = 0;

	while (i < N_BOUNDS && s > bounds_s[i])
		i++;
	h->count[i]++;
	h->n++;
	h->sum_s += s;
}

static struct queue_figures *
figures_of(struct metrics *m, int queue)
{
	if (queue >= m->n_queues) {
		m->queues =
			xreallocarray(m->queues, (size_t)queue + 1, sizeof *m->queues);
		memset(m->queues + m->n_queues, 0,
			(size_t)(queue + 1 - m->n_queues) * sizeof *m->queues);
		m->n_queues = queue + 1;
	}
	return &m->queues[queue];
}

void
metrics_event(void *owner, const struct event *event)
{
	struct metrics *m = owner;
	struct queue_figures *f;

	if (event->queue < 0)
		return;
	f = figures_of(m, event->queue);
	if (event->kind == EVENT_CONTACT_CONNECTED && event->waited_ms >= 0)
		observe(&f->waits, event->waited_ms);
	else if (event->kind == EVENT_CONTACT_ABANDONED)
		f->abandoned++;
	else if (event->kind == EVENT_CONTACT_EXPIRED)
		f->expired++;
	else if (event->kind == EVENT_CONTACT_COMPLETED && event->handled_ms >= 0)
		observe(&f->handles, event->handled_ms);
}

/* ---- the page ---- */

void
metrics_write(struct metrics *m, struct text *out)
{
	struct router_counts counts;

	router_counts(m->parts.router, &counts);
	put_head(out, "usher_build_info", "gauge", "The running version.");
	text_addf(out, "usher_build_info{version=\"%s\"} 1\n", m->parts.version);
	metrics_put(out, "usher_uptime_seconds", "gauge", "Since the start.",
		(double)(clock_boot_ms() - m->started_ms) / 1000);
	put_router(out, &counts);
	put_queue_gauges(m, out);
	put_queue_history(m, out);
	for (int i = 0; i < m->n_sources; i++)
		m->sources[i].write(m->sources[i].owner, out);
}

static void
on_metrics(void *owner, const struct http_request *request)
{
	struct metrics *m = owner;
	struct http_reply reply = {
		.status = 200, .type = "text/plain; version=0.0.4; charset=utf-8"};
	struct text out = {0};

	if (m->parts.may_read != NULL &&
		!m->parts.may_read(m->parts.may_owner, request)) {
		http_answer_error(m->parts.http, request->id, 401, "not_authorized",
			"Send Authorization: Bearer with an API key that may read.");
		return;
	}
	metrics_write(m, &out);
	reply.body = out.s;
	reply.n_body = out.n;
	http_answer(m->parts.http, request->id, &reply);
	text_finish(&out);
}

struct metrics *
metrics_create(const struct metrics_parts *parts)
{
	struct metrics *m = xcalloc(1, sizeof *m);

	m->parts = *parts;
	m->started_ms = clock_boot_ms();
	http_route(parts->http, "GET", "/metrics", on_metrics, m);
	return m;
}

void
metrics_destroy(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	free(metrics->queues);
	free(metrics);
}

bool
metrics_add(struct metrics *metrics, void (*write)(void *owner, struct text *out),
	void *owner)
{
	if (metrics->n_sources == METRICS_SOURCES_MAX)
		return false;
	metrics->sources[metrics->n_sources++] = (struct source){write, owner};
	return true;
}
