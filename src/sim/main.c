/* sim/main.c - usher-sim: a trace through the router on a virtual clock (CONTRACTS 4). */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "control/config.h"
#include "control/plugins.h"
#include "route/law.h"
#include "sim/drive.h"
#include "sim/figures.h"
#include "sim/scenario.h"
#include "sim/trace.h"
#include "usher-config.h"

#define LAWS 7

struct options {
	const char *config, *trace, *out, *report, *explain;
	bool own_law; /* law stands instead of the scenario's */
	enum law_kind law;
	int n_compare;
	enum law_kind compare[LAWS];
	bool quiet;
};

static const char usage[] =
	"usher-sim - plays a trace of arrivals through usher's router on a virtual "
	"clock\n"
	"\n"
	"usage: usher-sim --config SCENARIO.yaml --trace TRACE.csv[.gz] --out "
	"STARTS.csv\n"
	"                 [--compare LAW,...] [--report FILE.json] [--explain "
	"FILE.jsonl]\n"
	"\n"
	"  --config FILE    settings with a sim: section (--print-scenario shows one)\n"
	"  --trace FILE     seq,t_ms,class,handle_ms,patience_ms; plain or gzip; - is\n"
	"                   standard input\n"
	"  --out FILE       seq,start_ms,agent for every row of the trace; - is "
	"standard\n"
	"                   output\n"
	"  --law LAW        play under another law than the scenario's\n"
	"  --compare LAWS   also play under these laws, and print a table: fcfs,\n"
	"                   strict_tier, fixed_priority, queue_weights, apq, edf, dpv, "
	"or "
	"all;\n"
	"                   with --out STARTS.csv their starts go to STARTS.LAW.csv\n"
	"  --report FILE    figures by class, tier, channel and in all, as JSON\n"
	"  --explain FILE   one JSON line for each decision of the router\n"
	"  --print-scenario print an example of a scenario\n"
	"  --quiet          no table\n"
	"  --version, --help\n"
	"\n"
	"Exit status: 0 done; 1 a file is wrong or cannot be written; 2 wrong usage.\n";

static const char scenario[] =
	"# A scenario: settings of a centre, and a sim: section. Play it with\n"
	"#   usher-sim --config scenario.yaml --trace trace.csv --out starts.csv\n"
	"# where trace.csv begins, for example, with\n"
	"#   seq,t_ms,class,handle_ms,patience_ms\n"
	"#   1,0,0,186000,\n"
	"#   2,1500,1,93000,60000\n"
	"centre: example\n"
	"channels:\n"
	"  voice: {cost: 100, sla: 20s}\n"
	"  email: {cost: 25, sla: 4h, interruptible: true, deferrable: true}\n"
	"tiers:\n"
	"  - {name: bronze, value: 1}\n"
	"  - {name: gold, value: 8, never_demoted: true}\n"
	"skills: [english, billing]\n"
	"queues:\n"
	"  billing: {channels: [voice, email], require: {billing: 1}}\n"
	"default_queue: billing\n"
	"sim:\n"
	"  accept: 0ms              # time from offer to answer\n"
	"  wrapup: false            # take wrap-up times from the channels\n"
	"  classes:                 # the trace's class column\n"
	"    0: {queue: billing, channel: voice, tier: gold}\n"
	"    1: {queue: billing, channel: email, tier: bronze}\n"
	"  agents:                  # instead of agents:, in file order\n"
	"    - {count: 3, id: \"a-%d\", skills: {english: 5, billing: 5}}\n";

/* ---- options ---- */

static bool
parse_law(const char *name, size_t n, enum law_kind *out)
{
	for (int i = 0; i < LAWS; i++) {
		if (strlen(law_name[i]) == n && memcmp(law_name[i], name, n) == 0) {
			*out = (enum law_kind)i;
			return true;
		}
	}
	fprintf(stderr, "usher-sim: no law is called \"%.*s\"; there are", (int)n, name);
	for (int i = 0; i < LAWS; i++)
		fprintf(stderr, "%s %s", i > 0 ? "," : "", law_name[i]);
	fputs("\n", stderr);
	return false;
}

static bool
parse_compare(const char *list, struct options *o)
{
	if (strcmp(list, "all") == 0)
		list = "fcfs,strict_tier,fixed_priority,queue_weights,apq,edf,dpv";
	for (;;) {
		size_t n = strcspn(list, ",");
		enum law_kind law;

		if (!parse_law(list, n, &law))
			return false;
		for (int i = 0; i < o->n_compare; i++) {
			if (o->compare[i] == law) {
				fprintf(stderr, "usher-sim: --compare names %s twice\n",
					law_name[law]);
				return false;
			}
		}
		o->compare[o->n_compare++] = law;
		if (list[n] == '\0')
			return true;
		list += n + 1;
	}
}

enum long_option {
	OPT_CONFIG = 256,
	OPT_TRACE,
	OPT_OUT,
	OPT_LAW,
	OPT_COMPARE,
	OPT_REPORT,
	OPT_EXPLAIN,
	OPT_PRINT,
	OPT_QUIET,
	OPT_VERSION,
	OPT_HELP
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"trace", required_argument, NULL, OPT_TRACE},
	{"out", required_argument, NULL, OPT_OUT},
	{"law", required_argument, NULL, OPT_LAW},
	{"compare", required_argument, NULL, OPT_COMPARE},
	{"report", required_argument, NULL, OPT_REPORT},
	{"explain", required_argument, NULL, OPT_EXPLAIN},
	{"print-scenario", no_argument, NULL, OPT_PRINT},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

/* Returns -1 to go on, else the exit status. */
static int
take_option(struct options *o, int option)
{
	switch (option) {
	case OPT_CONFIG:
		o->config = optarg;
		return -1;
	case OPT_TRACE:
		o->trace = optarg;
		return -1;
	case OPT_OUT:
		o->out = optarg;
		return -1;
	case OPT_LAW:
		o->own_law = true;
		return parse_law(optarg, strlen(optarg), &o->law) ? -1 : 2;
	case OPT_COMPARE:
		return parse_compare(optarg, o) ? -1 : 2;
	case OPT_REPORT:
		o->report = optarg;
		return -1;
	case OPT_EXPLAIN:
		o->explain = optarg;
		return -1;
	case OPT_PRINT:
		fputs(scenario, stdout);
		return 0;
	case OPT_QUIET:
		o->quiet = true;
		return -1;
	case OPT_VERSION:
		puts("usher-sim " USHER_VERSION);
		return 0;
	case OPT_HELP:
		fputs(usage, stdout);
		return 0;
	default:
		fputs("usher-sim: --help shows the options\n", stderr);
		return 2;
	}
}

static int
parse_options(struct options *o, int argc, char **argv)
{
	int option, status;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		status = take_option(o, option);
		if (status >= 0)
			return status;
	}
	if (optind < argc) {
		fprintf(stderr, "usher-sim: \"%s\" is not an option; --help shows them\n",
			argv[optind]);
		return 2;
	}
	if (o->config == NULL || o->trace == NULL) {
		fputs("usher-sim: --config and --trace are needed; --help shows how\n",
			stderr);
		return 2;
	}
	return -1;
}

/* ---- files ---- */

static FILE *
open_output(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

	if (file == NULL)
		fprintf(stderr, "usher-sim: %s: cannot be written: %s\n", path,
			strerror(errno));
	return file;
}

static bool
close_output(FILE *file, const char *path)
{
	bool bad = fflush(file) != 0 || ferror(file);

	if (file != stdout)
		bad = fclose(file) != 0 || bad;
	if (bad)
		fprintf(stderr, "usher-sim: %s: cannot be written: %s\n", path,
			strerror(errno));
	return !bad;
}

static int
by_seq(const void *a, const void *b, void *arg)
{
	const struct trace *trace = arg;
	int64_t x = trace->rows[*(const size_t *)a].seq,
		y = trace->rows[*(const size_t *)b].seq;

	return (x > y) - (x < y);
}

/* Every row of the trace in seq order: seq,start_ms,agent. */
static bool
write_starts(const char *path, const struct config *config, const struct trace *trace,
	const struct drive_run *run)
{
	FILE *file = open_output(path);
	size_t *order = xcalloc(trace->n, sizeof(size_t));

	if (file == NULL) {
		free(order);
		return false;
	}
	for (size_t i = 0; i < trace->n; i++)
		order[i] = i;
	qsort_r(order, trace->n, sizeof(size_t), by_seq, (void *)(uintptr_t)trace);
	fputs("seq,start_ms,agent\n", file);
	for (size_t i = 0; i < trace->n; i++) {
		const struct drive_result *r = &run->results[order[i]];

		if (r->start_ms == DRIVE_NEVER)
			fprintf(file, "%" PRId64 ",,\n", trace->rows[order[i]].seq);
		else
			fprintf(file, "%" PRId64 ",%" PRId64 ",%s\n",
				trace->rows[order[i]].seq, r->start_ms,
				config->centre->agents[r->agent].id);
	}
	free(order);
	return close_output(file, path);
}

/* "starts.csv" and fcfs give "starts.fcfs.csv". Owned by the caller. */
static char *
starts_path(const char *path, enum law_kind law)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');

	if (dot == NULL || (slash != NULL && dot < slash))
		return xasprintf("%s.%s", path, law_name[law]);
	return xasprintf("%.*s.%s%s", (int)(dot - path), path, law_name[law], dot);
}

static bool
write_report(const char *path, json_t *report)
{
	FILE *file = open_output(path);

	if (file == NULL)
		return false;
	json_dumpf(report, file, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	fputs("\n", file);
	return close_output(file, path);
}

/* ---- the plays ---- */

struct session {
	struct options options;
	struct config *config;
	struct plugins *plugins;
	struct trace trace;
	json_t *report;
	double seconds; /* CPU time of the plays */
	bool told_full;
};

static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The table goes to standard output, but for when the starts go there. */
static FILE *
table_of(const struct session *s)
{
	bool taken = s->options.out != NULL && strcmp(s->options.out, "-") == 0;

	return taken ? stderr : stdout;
}

/* Once, though several plays may meet it: people do not expect a limit that they have not
 * set, and a trace with too much work reaches it. */
static void
tell_full(struct session *s, const struct drive_run *run)
{
	const struct queue *q;

	if (run->unnamed_queue < 0 || s->told_full)
		return;
	s->told_full = true;
	q = &s->config->centre->queues[run->unnamed_queue];
	fprintf(stderr,
		"%s:%d: warning: refused, as others may be: %" PRId64
		" contacts wait in queue %s, the limit where the scenario names none; "
		"set `limits: {length: N}` of the queue\n",
		s->options.trace, s->trace.rows[run->unnamed_row].line, q->length_limit,
		q->name);
}

/* One play under a law. starts: where its starts go; NULL: nowhere. */
static bool
play(struct session *s, enum law_kind law, const char *starts, FILE *explain,
	json_t **out)
{
	struct drive_run run;
	struct figures all;
	double began = cpu_seconds();
	bool good = true;

	/* Nobody else holds these settings, and each play makes its own router. */
	s->config->centre->kind = law;
	drive(s->config, &s->trace, plugins_hooks(s->plugins), explain, &run);
	s->seconds += cpu_seconds() - began;
	tell_full(s, &run);
	*out = figures_json(s->config, &s->trace, &run);
	json_object_set_new(*out, "law", json_string(law_name[law]));
	json_object_set_new(*out, "decisions", json_integer((json_int_t)run.decisions));
	all = figures_of(s->config, &s->trace, &run, FIGURES_ALL, 0);
	if (!s->options.quiet)
		figures_print(table_of(s), law_name[law], &all);
	if (starts != NULL)
		good = write_starts(starts, s->config, &s->trace, &run);
	drive_run_finish(&run);
	return good;
}

static bool
play_own(struct session *s, enum law_kind law)
{
	const struct options *o = &s->options;
	FILE *explain = NULL;
	bool good;

	if (o->explain != NULL) {
		explain = open_output(o->explain);
		if (explain == NULL)
			return false;
	}
	good = play(s, law, o->out, explain, &s->report);
	if (explain != NULL)
		good = close_output(explain, o->explain) && good;
	return good;
}

static bool
play_others(struct session *s)
{
	const struct options *o = &s->options;
	json_t *laws = json_object();
	bool good = true;

	for (int i = 0; i < o->n_compare && good; i++) {
		bool file = o->out != NULL && strcmp(o->out, "-") != 0;
		char *starts = file ? starts_path(o->out, o->compare[i]) : NULL;
		json_t *figures = NULL;

		good = play(s, o->compare[i], starts, NULL, &figures);
		json_object_set_new(laws, law_name[o->compare[i]], figures);
		free(starts);
	}
	json_object_set_new(s->report, "laws", laws);
	return good;
}

static struct plugins *
load_plugins(const struct session *s, struct config_problems *problems)
{
	char *folder = plugins_folder();
	struct plugins *plugins =
		plugins_load(folder, s->config, s->options.config, problems);

	free(folder);
	return plugins;
}

static bool
load(struct session *s)
{
	struct config_problems problems = {0};
	struct trace_error error;
	char message[256];
	int line;

	s->config = config_load(s->options.config, NULL, 1, &problems);
	if (s->config != NULL)
		s->plugins = load_plugins(s, &problems);
	config_problems_print(&problems, stderr);
	config_problems_finish(&problems);
	if (s->plugins == NULL)
		return false;
	if (!trace_load(s->options.trace, &s->trace, &error)) {
		if (error.line > 0)
			fprintf(stderr, "%s:%d:%d: error: %s\n", s->options.trace,
				error.line, error.column, error.message);
		else
			fprintf(stderr, "%s: error: %s\n", s->options.trace,
				error.message);
		return false;
	}
	if (!scenario_check(s->config, &s->trace, &line, message, sizeof(message))) {
		if (line > 0)
			fprintf(stderr, "%s:%d:1: error: %s\n", s->options.trace, line,
				message);
		else
			fprintf(stderr, "%s: error: %s\n", s->options.config, message);
		return false;
	}
	return true;
}

static bool
run(struct session *s)
{
	enum law_kind law;
	bool good;

	if (!load(s))
		return false;
	law = s->options.own_law ? s->options.law : s->config->centre->kind;
	if (!s->options.quiet)
		figures_print_header(table_of(s));
	good = play_own(s, law) && (s->options.n_compare == 0 || play_others(s));
	if (good && s->options.report != NULL) {
		json_object_set_new(s->report, "cpu_seconds", json_real(s->seconds));
		good = write_report(s->options.report, s->report);
	}
	return good;
}

int
main(int argc, char **argv)
{
	struct session s = {0};
	int status = parse_options(&s.options, argc, argv);

	if (status >= 0)
		return status;
	log_set_level(LOG_LEVEL_WARN);
	status = run(&s) ? 0 : 1;
	json_decref(s.report);
	trace_finish(&s.trace);
	plugins_destroy(s.plugins);
	config_destroy(s.config);
	return status;
}
