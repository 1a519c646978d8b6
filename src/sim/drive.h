/*
 * sim/drive.h - one trace through the router on a virtual clock.
 *
 * The router is the one that runs live, with the store in memory. At one instant:
 * arrivals in seq order, then ends of handling and answers to offers (in file order of
 * the agents), then hang-ups, then what time alone makes possible.
 */
#ifndef USHER_SIM_DRIVE_H
#define USHER_SIM_DRIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/hooks.h"
#include "control/config.h"
#include "sim/trace.h"

#define DRIVE_NEVER (-1) /* start_ms of a contact that was never served */

enum drive_end {
	DRIVE_WAITS, /* still there when nothing more could happen */
	DRIVE_SERVED,
	DRIVE_ABANDONED,
	DRIVE_EXPIRED, /* a limit of the queue */
	DRIVE_REFUSED, /* admission */
	DRIVE_LOST,    /* cancelled or lost: does not happen in a simulation */
};

/* What became of a row; in the trace's order. */
struct drive_result {
	int64_t start_ms;  /* acceptance, on the trace's clock; DRIVE_NEVER */
	int64_t due_ms;	   /* d, on the router's clock */
	int64_t worked_ms; /* time that agents held it, wrap-up included */
	int agent;	   /* who accepted it first; -1 */
	int tier, channel; /* indexes of the centre; the tier -1 where none was found */
	bool in_time;	   /* accepted by d, in open time */
	enum drive_end end;
};

struct drive_run {
	size_t n;
	struct drive_result *results; /* owned */
	int n_agents;
	int64_t *busy_ms; /* owned; by agent: time with at least one contact in hand */
	int64_t first_ms, last_ms; /* first arrival, last event; the trace's clock */
	uint64_t decisions;	   /* that the router took */
	/* Row and queue of the first refusal by a length that the scenario does not name;
	 * queue -1: there was none. */
	size_t unnamed_row;
	int unnamed_queue;
};

/*
 * drive - plays a trace.
 *
 * config   with a sim section; not changed
 * trace    each class is in config->sim (scenario_check)
 * hooks    of the scenario's plugins; NULL: none
 * explain  one JSON line a decision goes there; NULL: none
 * run      filled; ended with drive_run_finish
 */
void drive(const struct config *config, const struct trace *trace, struct hooks *hooks,
	FILE *explain, struct drive_run *run);
void drive_run_finish(struct drive_run *run);

#endif
