/* part_history_metrics.c - how far the records, the database and the directory are, for
 * Prometheus. */
#include "history/recorder.h"
#include "part_customers.h"
#include "part_history.h"

static void
put_recorder(const struct usher *u, struct text *out)
{
	struct recorder_figures f;

	recorder_figures(u->recorder, &f);
	metrics_put(out, "usher_history_lag_seconds", "gauge",
		"Between the last event and the last one in the records.",
		(double)f.lag_ms / 1000);
	metrics_put(out, "usher_history_connected", "gauge",
		"Whether the event stream is read.", f.connected);
	metrics_put(out, "usher_history_events_total", "counter",
		"Events recorded since the start.", (double)f.events);
	metrics_put(out, "usher_history_skipped_total", "counter",
		"Entries that the tables did not take.", (double)f.skipped);
}

static void
put_database(const struct usher *u, struct text *out)
{
	struct database_figures f;

	database_figures(u->database, &f);
	metrics_put(out, "usher_database_away", "gauge",
		"Whether the last try to write failed.", f.away);
	metrics_put(out, "usher_database_writes_waiting", "gauge",
		"Writes not yet committed.", f.waiting);
	metrics_put(out, "usher_database_write_lag_seconds", "gauge",
		"Age of the oldest of them.", (double)f.lag_ms / 1000);
	metrics_put(out, "usher_database_writes_total", "counter", "Writes committed.",
		(double)f.written);
	metrics_put(out, "usher_database_retries_total", "counter",
		"Tries to write that failed.", (double)f.retries);
	metrics_put(
		out, "usher_database_reads_total", "counter", "Reads.", (double)f.reads);
	metrics_put(out, "usher_database_bytes", "gauge", "Size of file and log.",
		(double)f.file_bytes);
}

static void
put_directory(const struct usher *u, struct text *out)
{
	struct customers_figures f;

	customers_figures(u->customers, &f);
	metrics_put(out, "usher_lookups_total", "counter",
		"Questions to the directory of customers.", (double)f.asked);
	metrics_put(out, "usher_lookups_late_total", "counter",
		"Contacts that went on without an answer.", (double)f.late);
	metrics_put(out, "usher_lookups_failed_total", "counter",
		"Questions that the database did not answer.", (double)f.failed);
	metrics_put(out, "usher_lookups_waiting", "gauge",
		"Contacts on their way in that wait for an answer.", f.waiting);
}

void
part_history_metrics(void *owner, struct text *out)
{
	const struct usher *u = owner;

	put_recorder(u, out);
	put_database(u, out);
	put_directory(u, out);
}
