/* sim/figures.h - what a run came to, as JSON and as a table. Pure. */
#ifndef USHER_SIM_FIGURES_H
#define USHER_SIM_FIGURES_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "control/config.h"
#include "sim/drive.h"
#include "sim/trace.h"

/* Of all contacts, or of a class, tier or channel. Waits are those of the served, ms. */
struct figures {
	uint64_t offered; /* contacts that came in, refused ones included */
	uint64_t served, abandoned, expired, refused, waiting;
	uint64_t in_time;     /* served by the deadline d */
	double service_level; /* in_time / offered, 0..1; NAN without any */
	double value_level;   /* the same, each contact weighted with its tier's V */
	double mean_ms, p50_ms, p90_ms, p95_ms, p99_ms, max_ms; /* NAN when none served */
	double occupancy; /* agents' time spent on these, of all their time; 0..n by load
			   */
};

enum figures_by {
	FIGURES_ALL,
	FIGURES_CLASS,
	FIGURES_TIER,
	FIGURES_CHANNEL
};

/* Figures of those contacts whose class number, tier or channel index is `which`. */
struct figures figures_of(const struct config *config, const struct trace *trace,
	const struct drive_run *run, enum figures_by by, int which);

/* {"formula": ..., "all": {...}, "classes": {...}, "tiers": {...}, "channels": {...}};
 * the caller owns it. */
json_t *figures_json(const struct config *config, const struct trace *trace,
	const struct drive_run *run);

/* A line of the table for people; the header first. */
void figures_print_header(FILE *out);
void figures_print(FILE *out, const char *law, const struct figures *figures);

#endif
