/* sim/scenario.c - classes, start and limits of a simulation. */
#include "sim/scenario.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the trace begins when the scenario names no moment: a Monday, 00:00 UTC. */
#define START_MS INT64_C(978307200000) /* 2001-01-01 */
/* From here on (March 1973) a first t_ms must be Unix time itself. */
#define UNIX_FROM_MS INT64_C(100000000000)

static int
class_index(const struct config_sim *sim, int number)
{
	int i = 0;

	while (i < sim->n_classes && sim->classes[i].number != number)
		i++;
	return i;
}

/* An offer that is answered later than it lasts is never accepted. */
static bool
check_accept(const struct config *config, char *message, size_t room)
{
	for (int i = 0; i < config->centre->n_channels; i++) {
		const struct channel *channel = &config->centre->channels[i];

		if (channel->removed ||
			config->sim->accept_ms < channel->offer_timeout_ms)
			continue;
		snprintf(message, room,
			"sim.accept (%" PRId64
			" ms) must be shorter than the offer_timeout of channel %s "
			"(%" PRId64 " ms), or no offer is ever accepted",
			config->sim->accept_ms, channel->name, channel->offer_timeout_ms);
		return false;
	}
	return true;
}

static bool
check_classes(const struct config_sim *sim, const struct trace *trace, int *line,
	char *message, size_t room)
{
	for (size_t i = 0; i < trace->n; i++) {
		int number = trace->rows[i].class;

		if (class_index(sim, number) < sim->n_classes)
			continue;
		*line = trace->rows[i].line;
		snprintf(message, room,
			"class %d is not in the scenario: add it to sim.classes, for "
			"example %d: {channel: voice}",
			number, number);
		return false;
	}
	return true;
}

bool
scenario_check(const struct config *config, const struct trace *trace, int *line,
	char *message, size_t room)
{
	*line = 0;
	if (config->sim == NULL) {
		snprintf(message, room,
			"there is no sim: section; add classes and agents "
			"(usher-sim --print-scenario shows one)");
		return false;
	}
	return check_accept(config, message, room) &&
	       check_classes(config->sim, trace, line, message, room);
}

int64_t
scenario_base_ms(const struct config_sim *sim, const struct trace *trace)
{
	if (sim->start_ms != 0)
		return sim->start_ms;
	return trace->rows[0].t_ms >= UNIX_FROM_MS ? 0 : START_MS;
}

struct submission *
scenario_submissions(const struct config_sim *sim)
{
	struct submission *list =
		xcalloc((size_t)sim->n_classes + 1, sizeof(struct submission));

	for (int i = 0; i < sim->n_classes; i++) {
		const struct config_sim_class *from = &sim->classes[i];
		struct submission *to = &list[i];

		to->channel = from->channel;
		to->queue = from->queue;
		to->tier = from->tier;
		to->source = (char *)"sim";
		to->text = (char *)"{}";
		to->points = NAN;
		to->sla_ms = -1;
		to->n_attributes = from->n_attributes;
		if (from->n_attributes > 0)
			memcpy(to->attributes, from->attributes,
				(size_t)from->n_attributes * sizeof(struct attribute));
	}
	return list;
}

int *
scenario_classes(const struct config_sim *sim, const struct trace *trace)
{
	int *list = xcalloc(trace->n + 1, sizeof(int));

	for (size_t i = 0; i < trace->n; i++)
		list[i] = class_index(sim, trace->rows[i].class);
	return list;
}
