/* history/customers_status.c - how the directory and its database stand. */
#include <stdlib.h>
#include <string.h>

#include "history/customers_inner.h"

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Puts the median and the 99th percentile of the last look-ups. */
static void
put_times(const struct customers *c, json_t *o)
{
	size_t n = c->n_took < LATENCIES ? (size_t)c->n_took : LATENCIES;
	uint32_t *sorted = xcalloc(n + 1, sizeof sorted[0]);

	memcpy(sorted, c->took_us, n * sizeof sorted[0]);
	qsort(sorted, n, sizeof sorted[0], by_value);
	if (n > 0) {
		json_object_set_new(o, "lookup_p50_us", json_integer(sorted[n / 2]));
		json_object_set_new(
			o, "lookup_p99_us", json_integer(sorted[n * 99 / 100]));
	}
	free(sorted);
}

static json_t *
database_json(const struct database *db)
{
	struct database_figures f;
	json_t *o;

	database_figures(db, &f);
	o = json_pack("{s:I, s:i, s:I, s:I, s:I, s:b}", "written", (json_int_t)f.written,
		"waiting", f.waiting, "lag_ms", (json_int_t)f.lag_ms, "retries",
		(json_int_t)f.retries, "bytes", (json_int_t)f.file_bytes, "away", f.away);
	if (f.why[0] != '\0')
		json_object_set_new(o, "why", json_string(f.why));
	return o;
}

void
on_customer_status(void *owner, const struct rpc_call *call)
{
	const struct customers *c = owner;
	struct customers_figures f;
	json_t *o;

	customers_figures(c, &f);
	o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:o}", "asked",
		(json_int_t)f.asked, "known", (json_int_t)f.known, "unknown",
		(json_int_t)f.unknown, "late", (json_int_t)f.late, "failed",
		(json_int_t)f.failed, "live", (json_int_t)f.live, "sources_asked",
		(json_int_t)f.sources_asked, "sources_found", (json_int_t)f.sources_found,
		"late_now", f.late_now, "database", database_json(c->parts.database));
	put_times(c, o);
	rpc_answer(call->rpc, call->tag, o);
}
