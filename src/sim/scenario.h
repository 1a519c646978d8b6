/* sim/scenario.h - the settings' sim: section, and whether it can play a trace. */
#ifndef USHER_SIM_SCENARIO_H
#define USHER_SIM_SCENARIO_H

#include "control/config.h"
#include "route/submission.h"
#include "sim/trace.h"

/* Whether the scenario can play the trace. False with what to do in message, and the
 * trace's line where one is concerned, else 0. */
bool scenario_check(const struct config *config, const struct trace *trace, int *line,
	char *message, size_t room) USHER_MUST_CHECK;

/*
 * scenario_base_ms - the router's clock, Unix ms, at the trace's t_ms 0: `start`; without
 * it Monday 1 January 2001, 00:00 UTC, but where the first t_ms is later than 100 000 000
 * 000 (March 1973) it is Unix time itself and the base 0.
 */
int64_t scenario_base_ms(const struct config_sim *sim, const struct trace *trace);

/* What is handed in for each class, by index; the texts are the settings'. The caller
 * frees the array. */
struct submission *scenario_submissions(const struct config_sim *sim);

/* Index of each row's class; the caller frees it. The trace must have passed the check.
 */
int *scenario_classes(const struct config_sim *sim, const struct trace *trace);

#endif
