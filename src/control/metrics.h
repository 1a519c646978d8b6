/*
 * control/metrics.h - figures for Prometheus (text format 0.0.4) at /metrics: the
 * router's counters and states, each queue's gauges, and waits and handling times heard
 * from the events. Labels are names of the settings, never people (RELIABILITY S22).
 */
#ifndef USHER_CONTROL_METRICS_H
#define USHER_CONTROL_METRICS_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/text.h"
#include "route/router.h"

#define METRICS_SOURCES_MAX 16

struct metrics;

/* All borrowed. */
struct metrics_parts {
	struct http_server *http;
	struct router *router;
	const struct centre_clock *clock;
	/* May this request see the figures? NULL: every one may. */
	bool (*may_read)(void *owner, const struct http_request *request);
	void *may_owner;
	const char *version; /* of usher */
};

/* Adds the route. */
struct metrics *metrics_create(const struct metrics_parts *parts);
void metrics_destroy(struct metrics *metrics);

/* For router_listen(); owner is the metrics. */
void metrics_event(void *owner, const struct event *event);

/* Further figures of other folders, written by their own function. False:
 * METRICS_SOURCES_MAX. */
bool metrics_add(struct metrics *metrics, void (*write)(void *owner, struct text *out),
	void *owner) USHER_MUST_CHECK;

/* The whole page. */
void metrics_write(struct metrics *metrics, struct text *out);

/* One figure without labels, with its HELP and TYPE lines. kind: "counter", "gauge". */
void metrics_put(struct text *out, const char *name, const char *kind, const char *help,
	double value);

#endif
