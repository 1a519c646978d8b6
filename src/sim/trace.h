/*
 * sim/trace.h - arrivals to replay: CSV, plain or gzip.
 *
 *   seq,t_ms,class,handle_ms,patience_ms
 *   1,0,0,186000,
 *   2,1500,0,93000,60000
 *
 * Integers, sorted by t_ms, then seq; an empty patience is infinite. seq is unique.
 */
#ifndef USHER_SIM_TRACE_H
#define USHER_SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

#define TRACE_ROWS_MAX 20000000
#define TRACE_LINE_MAX 256		    /* bytes */
#define TRACE_NUMBER_MAX (INT64_C(1) << 50) /* any number; with 2^51 of base exact */
#define TRACE_FOREVER (-1)		    /* patience without an end */

struct trace_row {
	int64_t seq;
	int64_t t_ms; /* since the start of the simulation */
	int64_t handle_ms;
	int64_t patience_ms; /* TRACE_FOREVER: infinite */
	int class;	     /* number of sim.classes */
	int line;	     /* of the file */
};

struct trace {
	size_t n, room;
	struct trace_row *rows; /* owned */
};

/* What is wrong with a file, and where. */
struct trace_error {
	int line, column; /* from 1; 0: the file as a whole */
	char message[200];
};

/*
 * trace_load - reads and checks a trace.
 *
 * path     of the file; "-" is standard input
 * out      filled; the caller ends it with trace_finish
 * Errors   false with *error filled; *out is then empty
 */
bool trace_load(
	const char *path, struct trace *out, struct trace_error *error) USHER_MUST_CHECK;
void trace_finish(struct trace *trace);

#endif
