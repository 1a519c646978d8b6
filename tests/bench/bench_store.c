/*
 * tests/bench/bench_store.c - the persistence path alone (P2, P13): lives of three steps
 * through the Redis store as the router commits them, no sockets to agents, against the
 * ceiling on the same server in the same round, in alternating order.
 *
 *   bench_store [--lives N] [--depth D] [--rounds R] [--keep MS]
 *
 * A life is add and offer with a decision, connect, finish with the agent's record; the
 * contact has 1 KB and an external id. As in the ceiling contacts leave when they end;
 * with --keep they stay so long, and removing them is part of what is measured.
 */
#include <event2/event.h>
#include <ftw.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "measure.h"
#include "route/store_redis.h"
#include "store_ceiling.h"

#define ROUNDS_MAX 50
#define RECORD                                                                           \
	"channel=task queue=general tier=bronze t0=1790000000000 d=1790000060000 "       \
	"sla=60000 created=1790000000000 offer=68719476737 offered=1790000000000 "       \
	"agent=b17 cost=100 connected=1790000000000 version=1"
#define AGENT "state=ready reason= since=1790000000000 idle=1790000000000 load=0 device="
#define DECISION_BYTES 400

enum durability {
	NONE,
	EVERYSEC,
	ALWAYS,
	DURABILITIES
};
static const char *const durability_name[] = {"none", "everysec", "always"};

struct options {
	int lives, depth, rounds;
	int64_t keep_ms;
};

struct run {
	struct event_base *base;
	struct store_redis *redis;
	const struct options *options;
	uint64_t op, first;
	int begun, over;
	bool ready, ended;
	char payload[CEILING_BYTES + 1], decision[DECISION_BYTES + 1];
};

struct figures {
	double lives_s, client_us, server_us;
	double ceiling_s, ceiling_client_us, ceiling_server_us;
};

/* ---- steps as the router makes them ---- */

static struct step *
begin_step(struct run *run, enum step_kind kind, uint64_t contact, const char *event)
{
	struct step *step = xcalloc(1, sizeof *step);
	struct step_part *p = &step->part[0];
	char id[NUMBER_ID_TEXT];

	step->kind = kind;
	step->op = ++run->op;
	step->at_ms = clock_wall_ms();
	step->keep_ms = run->options->keep_ms;
	step->external_ttl_ms = 7 * 86400000LL;
	step->n_parts = 1;
	p->contact = contact;
	p->record = xstrdup(RECORD);
	number_id_format(id, 'c', contact);
	step->event = xasprintf("e=%s at=%" PRId64 " c=%s o=o%s a=b17 q=general ch=task "
				"ti=bronze v=1",
		event, step->at_ms, id, id + 1);
	return step;
}

static void
next_step(struct run *run, enum step_kind kind, uint64_t contact)
{
	static const char *const event[STEP_KINDS] = {
		[STEP_ADD_OFFER] = "contact.created",
		[STEP_CONNECT] = "offer.accepted",
		[STEP_FINISH] = "contact.completed"};
	struct step *step = begin_step(run, kind, contact, event[kind]);
	struct step_part *p = &step->part[0];
	struct store *store = store_redis_door(run->redis);

	if (kind == STEP_ADD_OFFER) {
		p->state = CONTACT_OFFERED;
		p->payload = xstrdup(run->payload);
		p->decision = xstrdup(run->decision);
		p->n_decisions = 1;
	} else if (kind == STEP_CONNECT) {
		p->expect = 1u << CONTACT_OFFERED;
		p->state = CONTACT_CONNECTED;
	} else {
		p->expect = 1u << CONTACT_CONNECTED;
		p->state = CONTACT_COMPLETED;
		step->n_agents = 1;
		step->agent[0] = (struct step_agent){xstrdup("b17"), xstrdup(AGENT)};
	}
	if (kind != STEP_CONNECT)
		p->external = xasprintf("web m-%" PRIu64, contact);
	store->commit(store, step);
}

static void
on_done(void *router, struct step *step, enum step_result result,
	uint64_t existing USHER_UNUSED)
{
	struct run *run = router;
	uint64_t contact = step->part[0].contact;

	if (result != STEP_COMMITTED) {
		fprintf(stderr, "bench_store: a step was not committed\n");
		exit(1);
	}
	if (step->kind == STEP_ADD_OFFER) {
		next_step(run, STEP_CONNECT, contact);
	} else if (step->kind == STEP_CONNECT) {
		next_step(run, STEP_FINISH, contact);
	} else {
		if (run->begun < run->options->lives)
			next_step(
				run, STEP_ADD_OFFER, run->first + (uint64_t)run->begun++);
		if (++run->over == run->options->lives)
			event_base_loopbreak(run->base);
	}
}

/* ---- the store ---- */

static void
on_ready(void *owner, uint32_t epoch, int64_t centre_ms USHER_UNUSED,
	int64_t wall_ms USHER_UNUSED)
{
	struct run *run = owner;

	run->ready = true;
	run->first = ((uint64_t)epoch << 36) + 1;
	event_base_loopbreak(run->base);
}

static void
on_state(void *owner USHER_UNUSED, bool up, const char *why)
{
	if (!up)
		fprintf(stderr, "bench_store: away: %s\n", why);
}

static void
on_stale(void *owner USHER_UNUSED)
{
	exit(1);
}

static void
on_failed(void *owner USHER_UNUSED, const char *why)
{
	fprintf(stderr, "bench_store: %s\n", why);
	exit(1);
}

static int64_t
on_now(void *owner USHER_UNUSED)
{
	return clock_wall_ms();
}

static void
on_ended(void *owner)
{
	struct run *run = owner;

	run->ended = true;
	event_base_loopbreak(run->base);
}

static void
begin(struct run *run, const char *dir, enum durability durability)
{
	/* No rewriting of the log while it is measured, for neither side. */
	static const char *const words[] = {
		"--auto-aof-rewrite-percentage", "0", "--appendonly", "no"};
	struct store_redis_settings settings = {.redis = "managed",
		.fsync = durability == ALWAYS ? "always" : "everysec",
		.state_dir = dir,
		.centre = "bench",
		.stream_length = 100000,
		.n_server_words = durability == NONE ? 4 : 2,
		.server_words = words};
	struct store_redis_hooks hooks = {
		on_ready, on_state, on_stale, on_failed, on_now, run};
	char error[400];

	run->base = event_base_new();
	run->redis =
		store_redis_create(run->base, &settings, &hooks, error, sizeof error);
	if (run->redis == NULL)
		on_failed(NULL, error);
	store_redis_door(run->redis)->done = on_done;
	store_redis_door(run->redis)->router = run;
	while (!run->ready)
		event_base_loop(run->base, EVLOOP_ONCE);
}

static void
measure_store(struct run *run, struct figures *out)
{
	pid_t server = store_redis_server_pid(run->redis);
	double mine = measure_cpu(getpid()), theirs = measure_cpu(server);
	uint64_t began_ns = measure_ns();
	int lives = run->options->lives;

	while (run->begun < run->options->depth && run->begun < lives)
		next_step(run, STEP_ADD_OFFER, run->first + (uint64_t)run->begun++);
	event_base_dispatch(run->base);
	out->lives_s = lives / ((double)(measure_ns() - began_ns) / 1e9);
	out->client_us = (measure_cpu(getpid()) - mine) * 1e6 / lives;
	out->server_us = (measure_cpu(server) - theirs) * 1e6 / lives;
}

static void
measure_ceiling(const struct run *run, struct figures *out)
{
	const char *socket = store_redis_address(run->redis) + strlen("unix:");
	pid_t server = store_redis_server_pid(run->redis);
	double theirs = measure_cpu(server);
	struct ceiling_result result =
		store_ceiling(socket, run->options->depth, run->options->lives);

	out->ceiling_s = result.lives_s;
	out->ceiling_client_us = result.client_us;
	out->ceiling_server_us =
		(measure_cpu(server) - theirs) * 1e6 / run->options->lives;
}

static int
remove_one(const char *path, const struct stat *st USHER_UNUSED, int flag USHER_UNUSED,
	struct FTW *ftw USHER_UNUSED)
{
	return remove(path);
}

/* Both sides on one fresh server; which comes first changes from round to round. */
static struct figures
one_round(const struct options *options, enum durability durability, bool ceiling_first)
{
	struct run run = {.options = options};
	struct figures out = {0};
	char dir[] = "/tmp/usher-bench-XXXXXX";

	if (mkdtemp(dir) == NULL)
		on_failed(NULL, "no temporary directory");
	memset(run.payload, 'p', CEILING_BYTES);
	memset(run.decision, 'd', DECISION_BYTES);
	begin(&run, dir, durability);
	if (ceiling_first)
		measure_ceiling(&run, &out);
	measure_store(&run, &out);
	if (!ceiling_first)
		measure_ceiling(&run, &out);
	store_redis_end(run.redis, on_ended, &run);
	while (!run.ended)
		event_base_loop(run.base, EVLOOP_ONCE);
	store_redis_destroy(run.redis);
	event_base_free(run.base);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return out;
}

/* ---- figures ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(const double *values, int n)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, (size_t)n * sizeof *sorted);
	qsort(sorted, (size_t)n, sizeof *sorted, by_value);
	return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void
print_figure(const char *name, double value, double reference, double ratio,
	const char *goal, const char *more)
{
	printf("{\"figure\": \"%s\", \"value\": %.0f, \"unit\": \"lives/s\", "
	       "\"reference\": %.0f, \"ratio\": %.3f, \"goal\": \"%s\"%s}\n",
		name, value, reference, ratio, goal, more);
	fflush(stdout);
}

static void
measure_all(const struct options *options)
{
	double lives[DURABILITIES][ROUNDS_MAX], ceiling[DURABILITIES][ROUNDS_MAX],
		ratio[DURABILITIES][ROUNDS_MAX], cost[ROUNDS_MAX], client[ROUNDS_MAX],
		server[ROUNDS_MAX];
	char more[120];
	int n = options->rounds;

	for (int i = 0; i < n; i++) {
		for (int d = 0; d < DURABILITIES; d++) {
			struct figures f =
				one_round(options, (enum durability)d, i % 2 == 0);

			lives[d][i] = f.lives_s;
			ceiling[d][i] = f.ceiling_s;
			ratio[d][i] = f.lives_s / f.ceiling_s;
			fprintf(stderr,
				"round %d %-8s %6.0f lives/s, CPU %5.1f + %5.1f us; "
				"ceiling %6.0f, CPU %5.1f + %5.1f us\n",
				i + 1, durability_name[d], f.lives_s, f.client_us,
				f.server_us, f.ceiling_s, f.ceiling_client_us,
				f.ceiling_server_us);
			if (d != EVERYSEC)
				continue;
			client[i] = f.client_us;
			server[i] = f.server_us;
		}
		cost[i] = lives[EVERYSEC][i] / lives[NONE][i];
	}
	snprintf(more, sizeof more, ", \"router_us\": %.1f, \"redis_us\": %.1f",
		median(client, n), median(server, n));
	print_figure("P2", median(lives[EVERYSEC], n), median(ceiling[EVERYSEC], n),
		median(ratio[EVERYSEC], n), ">= 0.6, aim 0.85", more);
	print_figure("P13 everysec", median(lives[EVERYSEC], n), median(lives[NONE], n),
		median(cost, n), ">= 0.6, aim 0.8", "");
	print_figure("P13 always", median(lives[ALWAYS], n), median(ceiling[ALWAYS], n),
		median(ratio[ALWAYS], n), ">= 0.5, aim 0.8", "");
}

int
main(int argc, char **argv)
{
	struct options options = {.lives = 60000, .depth = 50, .rounds = 5, .keep_ms = 0};
	static const struct option longs[] = {{"lives", required_argument, NULL, 'l'},
		{"depth", required_argument, NULL, 'd'},
		{"rounds", required_argument, NULL, 'r'},
		{"keep", required_argument, NULL, 'k'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'l')
			options.lives = atoi(optarg);
		else if (c == 'd')
			options.depth = atoi(optarg);
		else if (c == 'r')
			options.rounds = atoi(optarg);
		else if (c == 'k')
			options.keep_ms = atoll(optarg);
		else
			return 2;
	}
	if (options.lives < 1 || options.depth < 1 || options.rounds < 1 ||
		options.rounds > ROUNDS_MAX) {
		fprintf(stderr, "bench_store: numbers from 1; at most %d rounds\n",
			ROUNDS_MAX);
		return 2;
	}
	log_set_level(LOG_LEVEL_ERROR);
	measure_all(&options);
	return 0;
}
