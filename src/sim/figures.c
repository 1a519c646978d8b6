/* sim/figures.c - counts, levels, percentiles. */
#include "sim/figures.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char formula[] =
	"service_level = answered within T / offered; abandoned, expired, refused and "
	"still waiting count as missed; value_weighted weighs each contact with its "
	"tier's value; waits are those of served contacts, percentiles by nearest rank; "
	"occupancy = agents' time with work in hand / agents' time from the first "
	"arrival "
	"to the last event (for a class, tier or channel: the time spent on it)";

static bool
is_member(const struct trace *trace, const struct drive_run *run, size_t row,
	enum figures_by by, int which)
{
	switch (by) {
	case FIGURES_ALL:
		return true;
	case FIGURES_CLASS:
		return trace->rows[row].class == which;
	case FIGURES_TIER:
		return run->results[row].tier == which;
	case FIGURES_CHANNEL:
		return run->results[row].channel == which;
	}
	return false;
}

static int
by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Nearest rank: the smallest value that at least the share p does not exceed. */
static double
percentile(const int64_t *sorted, size_t n, double p)
{
	size_t rank = (size_t)ceil(p * (double)n);

	return (double)sorted[rank > 0 ? rank - 1 : 0];
}

static void
fill_waits(struct figures *f, int64_t *waits, size_t n)
{
	double sum = 0;

	f->mean_ms = f->p50_ms = f->p90_ms = f->p95_ms = f->p99_ms = f->max_ms = NAN;
	if (n == 0)
		return;
	qsort(waits, n, sizeof(waits[0]), by_size);
	for (size_t i = 0; i < n; i++)
		sum += (double)waits[i];
	f->mean_ms = sum / (double)n;
	f->p50_ms = percentile(waits, n, 0.5);
	f->p90_ms = percentile(waits, n, 0.9);
	f->p95_ms = percentile(waits, n, 0.95);
	f->p99_ms = percentile(waits, n, 0.99);
	f->max_ms = (double)waits[n - 1];
}

static void
count_end(struct figures *f, enum drive_end end)
{
	f->offered++;
	f->served += end == DRIVE_SERVED;
	f->abandoned += end == DRIVE_ABANDONED;
	f->expired += end == DRIVE_EXPIRED;
	f->refused += end == DRIVE_REFUSED;
	f->waiting += end == DRIVE_WAITS || end == DRIVE_LOST;
}

static double
agents_time_ms(const struct config *config, const struct drive_run *run)
{
	int agents = 0;

	for (int i = 0; i < run->n_agents; i++)
		agents += !config->centre->agents[i].removed;
	return (double)agents * (double)(run->last_ms - run->first_ms);
}

static double
busy_time_ms(const struct drive_run *run)
{
	double busy = 0;

	for (int i = 0; i < run->n_agents; i++)
		busy += (double)run->busy_ms[i];
	return busy;
}

struct figures
figures_of(const struct config *config, const struct trace *trace,
	const struct drive_run *run, enum figures_by by, int which)
{
	struct figures f = {0};
	int64_t *waits = xcalloc(run->n + 1, sizeof(int64_t));
	double value = 0, kept = 0, worked = 0;
	double span = agents_time_ms(config, run);
	size_t n = 0;

	for (size_t i = 0; i < run->n; i++) {
		const struct drive_result *r = &run->results[i];
		double v = r->tier >= 0 ? config->centre->tiers[r->tier].value : 0;

		if (!is_member(trace, run, i, by, which))
			continue;
		count_end(&f, r->end);
		value += v;
		worked += (double)r->worked_ms;
		if (r->end != DRIVE_SERVED)
			continue;
		waits[n++] = r->start_ms - trace->rows[i].t_ms;
		f.in_time += r->in_time;
		kept += r->in_time ? v : 0;
	}
	fill_waits(&f, waits, n);
	free(waits);
	f.service_level = f.offered > 0 ? (double)f.in_time / (double)f.offered : NAN;
	f.value_level = value > 0 ? kept / value : NAN;
	if (by == FIGURES_ALL)
		worked = busy_time_ms(run);
	f.occupancy = span > 0 ? worked / span : NAN;
	return f;
}

/* JSON has no NAN: what cannot be said is null. */
static json_t *
number(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

static json_t *
one_json(const struct figures *f)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, "
			 "s:{s:o, s:o, s:o, s:o, s:o, s:o}}",
		"offered", (json_int_t)f->offered, "served", (json_int_t)f->served,
		"abandoned", (json_int_t)f->abandoned, "expired", (json_int_t)f->expired,
		"refused", (json_int_t)f->refused, "waiting", (json_int_t)f->waiting,
		"in_time", (json_int_t)f->in_time, "service_level",
		number(f->service_level), "value_weighted", number(f->value_level),
		"occupancy", number(f->occupancy), "wait_ms", "mean", number(f->mean_ms),
		"p50", number(f->p50_ms), "p90", number(f->p90_ms), "p95",
		number(f->p95_ms), "p99", number(f->p99_ms), "max", number(f->max_ms));
}

static void
add_group(json_t *to, const char *name, const struct config *config,
	const struct trace *trace, const struct drive_run *run, enum figures_by by,
	int which)
{
	struct figures f = figures_of(config, trace, run, by, which);

	if (f.offered > 0)
		json_object_set_new(to, name, one_json(&f));
}

json_t *
figures_json(const struct config *config, const struct trace *trace,
	const struct drive_run *run)
{
	struct figures all = figures_of(config, trace, run, FIGURES_ALL, 0);
	json_t *classes = json_object(), *tiers = json_object(),
	       *channels = json_object();

	for (int i = 0; i < config->sim->n_classes; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", config->sim->classes[i].number);
		add_group(classes, name, config, trace, run, FIGURES_CLASS,
			config->sim->classes[i].number);
	}
	for (int i = 0; i < config->centre->n_tiers; i++)
		add_group(tiers, config->centre->tiers[i].name, config, trace, run,
			FIGURES_TIER, i);
	for (int i = 0; i < config->centre->n_channels; i++)
		add_group(channels, config->centre->channels[i].name, config, trace, run,
			FIGURES_CHANNEL, i);
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "formula", formula, "all",
		one_json(&all), "classes", classes, "tiers", tiers, "channels", channels);
}

void
figures_print_header(FILE *out)
{
	fprintf(out, "%-15s %9s %9s %9s %9s %9s %7s %10s %9s %9s %9s %6s\n", "law",
		"offered", "served", "abandoned", "expired", "refused", "SL %",
		"value SL %", "mean s", "p95 s", "max s", "occ %");
}

void
figures_print(FILE *out, const char *law, const struct figures *f)
{
	fprintf(out,
		"%-15s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64
		" %7.2f %10.2f %9.2f %9.2f %9.2f %6.2f\n",
		law, f->offered, f->served, f->abandoned, f->expired, f->refused,
		100 * f->service_level, 100 * f->value_level, f->mean_ms / 1000,
		f->p95_ms / 1000, f->max_ms / 1000, 100 * f->occupancy);
}
