/* history/accuracy.c - see accuracy.h. */
#include "history/accuracy.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "history/inner.h"

#define OPEN_MAX 20000 /* predictions whose contacts still wait */
#define SAMPLES_A_SECOND                                                                 \
	20 /* more are not asked for: an estimate costs the router time */
#define PATIENCE_MS 5000

/* A prediction; -1: nothing was said. */
struct prediction {
	struct accuracy *accuracy;
	int64_t contact, at_ms, real_ms;
	char queue[ID_MAX + 1], channel[ID_MAX + 1];
	int64_t position, low_ms, likely_ms, high_ms;
	int64_t mean_ms;  /* the exponential mean of the queue's last waits */
	int64_t share_ms; /* mean handling x waiting / agents logged in */
};

/* What the baselines remember of a queue. */
struct queue_memory {
	double mean_wait_ms, mean_handle_ms; /* exponential; 0: nothing yet */
};

struct accuracy {
	struct database *db;
	struct recorder *recorder;
	struct router *router;
	struct idmap open; /* struct prediction by contact, owned */
	struct map queues; /* struct queue_memory by name, owned */
	int64_t second;	   /* in which samples were taken last */
	int samples;	   /* in it */
};

static struct queue_memory *
memory_of(struct accuracy *a, const char *queue)
{
	struct queue_memory *m = map_get(&a->queues, queue);

	if (m == NULL) {
		m = xcalloc(1, sizeof *m);
		map_put(&a->queues, queue, m);
	}
	return m;
}

/* new = 3/4 old + 1/4 last. */
static void
remember(double *mean, int64_t last_ms)
{
	*mean = *mean > 0 ? 0.75 * *mean + 0.25 * (double)last_ms : (double)last_ms;
}

static const char *
queue_name(const struct accuracy *a, const struct event *e)
{
	return e->queue >= 0 ? router_centre(a->router)->queues[e->queue].name : "";
}

static int64_t
logged_in(const struct accuracy *a, const struct event *e)
{
	json_t *queue = router_queue_json(a->router, e->at_ms, e->queue);
	int64_t n = json_integer_value(json_object_get(queue, "agents_logged_in"));

	json_decref(queue);
	return n;
}

static bool
may_sample(struct accuracy *a, int64_t now_ms)
{
	if (now_ms / 1000 != a->second) {
		a->second = now_ms / 1000;
		a->samples = 0;
	}
	return a->open.n < OPEN_MAX && a->samples++ < SAMPLES_A_SECOND;
}

static void
predict(struct accuracy *a, const struct event *e)
{
	const struct centre *c = router_centre(a->router);
	const struct queue_memory *m;
	struct prediction *p;
	struct estimate said;
	int64_t agents;

	if (e->queue < 0 || !may_sample(a, e->at_ms) ||
		!router_estimate(a->router, e->at_ms, e->contact, &said))
		return; /* it does not wait */
	m = memory_of(a, queue_name(a, e));
	agents = logged_in(a, e);
	p = xcalloc(1, sizeof *p);
	*p = (struct prediction){.accuracy = a,
		.contact = recorder_contact(a->recorder, e->contact),
		.at_ms = e->at_ms,
		.position = said.position,
		.low_ms = said.likely_ms >= 0 ? said.low_ms : -1,
		.likely_ms = said.likely_ms,
		.high_ms = said.likely_ms >= 0 ? said.high_ms : -1,
		.mean_ms = m->mean_wait_ms > 0 ? (int64_t)m->mean_wait_ms : -1,
		.share_ms =
			m->mean_handle_ms > 0 && agents > 0
				? (int64_t)(m->mean_handle_ms *
					    (double)(said.position + 1) / (double)agents)
				: -1};
	snprintf(p->queue, sizeof p->queue, "%s", queue_name(a, e));
	snprintf(p->channel, sizeof p->channel, "%s",
		e->channel >= 0 ? c->channels[e->channel].name : "");
	free(idmap_put(&a->open, e->contact, p));
}

static void
put_ms(struct query *q, int i, int64_t ms)
{
	if (ms >= 0)
		query_put_int(q, i, ms);
	else
		query_put_text(q, i, NULL);
}

static bool
keep(struct database_session *s, void *arg)
{
	const struct prediction *p = arg;
	struct query *q = query_start(s,
		"INSERT INTO estimate (contact, queue, channel, at_ms, position, low_ms, "
		"likely_ms, high_ms, mean_ms, share_ms, real_ms) VALUES ($1, $2, $3, $4, "
		"$5, "
		"$6, $7, $8, $9, $10, $11) ON CONFLICT (contact) DO NOTHING");

	query_put_int(q, 1, p->contact);
	query_put_text(q, 2, p->queue);
	query_put_text(q, 3, p->channel);
	query_put_int(q, 4, p->at_ms);
	query_put_int(q, 5, p->position);
	put_ms(q, 6, p->low_ms);
	put_ms(q, 7, p->likely_ms);
	put_ms(q, 8, p->high_ms);
	put_ms(q, 9, p->mean_ms);
	put_ms(q, 10, p->share_ms);
	query_put_int(q, 11, p->real_ms);
	query_run(q);
	return true;
}

static void
kept(void *arg, enum database_result result)
{
	free(arg); /* a sample that could not be kept is no loss */
}

static void
answered(struct accuracy *a, const struct event *e)
{
	struct prediction *p = idmap_remove(&a->open, e->contact);

	if (p == NULL)
		return;
	p->real_ms = e->at_ms - p->at_ms;
	remember(&memory_of(a, p->queue)->mean_wait_ms, p->real_ms);
	if (!database_write(a->db, keep, kept, p, PATIENCE_MS))
		free(p);
}

void
accuracy_hear(void *owner, const struct event *e)
{
	struct accuracy *a = owner;

	if (e->kind == EVENT_CONTACT_CREATED)
		predict(a, e);
	else if (e->kind == EVENT_CONTACT_CONNECTED)
		answered(a, e);
	else if (e->kind == EVENT_CONTACT_COMPLETED && e->handled_ms >= 0)
		remember(&memory_of(a, queue_name(a, e))->mean_handle_ms, e->handled_ms);
	if (e->kind == EVENT_CONTACT_COMPLETED || e->kind == EVENT_CONTACT_ABANDONED ||
		e->kind == EVENT_CONTACT_EXPIRED || e->kind == EVENT_CONTACT_CANCELLED ||
		e->kind == EVENT_CONTACT_LOST || e->kind == EVENT_CONTACT_ANSWERED)
		free(idmap_remove(&a->open, e->contact));
}

struct accuracy *
accuracy_create(struct database *db, struct recorder *recorder, struct router *router)
{
	struct accuracy *a = xcalloc(1, sizeof *a);

	a->db = db;
	a->recorder = recorder;
	a->router = router;
	return a;
}

void
accuracy_destroy(struct accuracy *a)
{
	size_t at = 0;
	void *value;

	if (a == NULL)
		return;
	while (idmap_next(&a->open, &at, NULL, &value))
		free(value);
	at = 0;
	while (map_next(&a->queues, &at, NULL, &value))
		free(value);
	idmap_finish(&a->open);
	map_finish(&a->queues);
	free(a);
}

/* ---- report.accuracy ---- */

static bool
measure(struct database_session *s, struct asking *a)
{
	struct query *q = query_start(s,
		"SELECT queue, count(*), sum(likely_ms IS NOT NULL), avg(real_ms), "
		"avg(abs(likely_ms - real_ms)), avg(likely_ms - real_ms), avg(CASE WHEN "
		"likely_ms IS NULL THEN NULL WHEN real_ms BETWEEN low_ms AND high_ms "
		"THEN 1.0 "
		"ELSE 0.0 END), avg(abs(mean_ms - real_ms)), avg(abs(share_ms - "
		"real_ms)) FROM "
		"estimate WHERE at_ms >= $1 AND at_ms < $2 GROUP BY queue ORDER BY "
		"queue");
	json_t *list = json_array();

	query_put_int(q, 1, a->before_ms);
	query_put_int(q, 2, a->until_ms);
	while (query_row(q))
		json_array_append_new(
			list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
				      "queue", column_text(q, 0), "measured",
				      column_int(q, 1), "predicted", column_int(q, 2),
				      "real_ms", column_number(q, 3), "error_ms",
				      column_number(q, 4), "bias_ms", column_number(q, 5),
				      "coverage", column_number(q, 6), "error_of_mean_ms",
				      column_number(q, 7), "error_of_share_ms",
				      column_number(q, 8)));
	query_end(q);
	a->result = json_pack("{s:o}", "queues", list);
	return true;
}

void
on_report_accuracy(void *owner, const struct rpc_call *call)
{
	struct asking *a = asking_create(owner, call, measure);

	a->before_ms = rpc_time_ms(call, "from");
	a->until_ms = rpc_time_ms(call, "to") != 0 ? rpc_time_ms(call, "to") : INT64_MAX;
	asking_send(a, false);
}
