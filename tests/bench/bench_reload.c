/*
 * tests/bench/bench_reload.c - how fast a starting router reads its waiting contacts back
 * (P14), and what one takes in Redis' memory (P15): N contacts of 1 KB in 20 classes.
 *
 *   bench_reload [--contacts N] [--rounds R]
 *
 * The reference of P14 reads the same hashes by id over one connection, 1,000 asked for
 * at a time, and does nothing with them.
 */
#include <event2/event.h>
#include <ftw.h>
#include <getopt.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
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

#define CONTACT_BYTES 1024
#define CLASSES 20
#define AHEAD 1000
#define ROUNDS_MAX 20
#define P15_REFERENCE                                                                    \
	1700 /* bytes: a hash of state, deadline and payload, and its place */
#define RECORD                                                                           \
	"channel=task queue=general tier=bronze t0=1790000000000 d=1790000060000 "       \
	"sla=60000 created=1790000000000 cost=100 version=1"

struct run {
	struct event_base *base;
	struct store_redis *redis;
	bool ready, ended;
	uint64_t first;
	int contacts, begun, answered, loaded;
	char payload[CONTACT_BYTES + 1];
	/* the raw reading */
	redisAsyncContext *raw;
};

static void
quit(const char *why)
{
	fprintf(stderr, "bench_reload: %s\n", why);
	exit(1);
}

static void
on_ready(void *owner, uint32_t epoch, int64_t centre_ms USHER_UNUSED,
	int64_t wall_ms USHER_UNUSED)
{
	struct run *run = owner;

	run->ready = true;
	if (run->first == 0)
		run->first = ((uint64_t)epoch << 36) + 1;
}

static void
on_state(void *owner USHER_UNUSED, bool up, const char *why)
{
	if (!up)
		fprintf(stderr, "bench_reload: away: %s\n", why);
}

static void
on_stale(void *owner USHER_UNUSED)
{
	quit("stale");
}

static void
on_failed(void *owner USHER_UNUSED, const char *why)
{
	quit(why);
}

static int64_t
on_now(void *owner USHER_UNUSED)
{
	return clock_wall_ms();
}

static void
on_ended(void *owner)
{
	((struct run *)owner)->ended = true;
}

static void
open_store(struct run *run, const char *dir)
{
	struct store_redis_settings settings = {.redis = "managed",
		.fsync = "everysec",
		.state_dir = dir,
		.centre = "bench",
		.stream_length = 10000};
	struct store_redis_hooks hooks = {
		on_ready, on_state, on_stale, on_failed, on_now, run};
	char error[400];

	run->ready = run->ended = false;
	run->redis =
		store_redis_create(run->base, &settings, &hooks, error, sizeof error);
	if (run->redis == NULL)
		quit(error);
	while (!run->ready)
		event_base_loop(run->base, EVLOOP_ONCE);
}

static void
close_store(struct run *run)
{
	store_redis_end(run->redis, on_ended, run);
	while (!run->ended)
		event_base_loop(run->base, EVLOOP_ONCE);
	store_redis_destroy(run->redis);
}

static void
add_one(struct run *run)
{
	struct step *step = xcalloc(1, sizeof *step);
	struct step_part *p = &step->part[0];
	struct store *store = store_redis_door(run->redis);

	step->kind = STEP_ADD;
	step->op = (uint64_t)++run->begun;
	step->n_parts = 1;
	p->contact = run->first + step->op - 1;
	p->state = CONTACT_QUEUED;
	p->record = xstrdup(RECORD);
	p->payload = xstrdup(run->payload);
	p->to_class = xasprintf("general:task:bronze:%08d", (int)(step->op % CLASSES));
	p->key = 1.79e12 + (double)step->op;
	store->commit(store, step);
}

static void
on_added(void *router, struct step *step USHER_UNUSED, enum step_result result,
	uint64_t existing USHER_UNUSED)
{
	struct run *run = router;

	if (result != STEP_COMMITTED)
		quit("a contact was not taken");
	run->answered++;
	if (run->begun < run->contacts)
		add_one(run);
}

static int64_t
used_memory(const struct run *run)
{
	redisContext *c =
		redisConnectUnix(store_redis_address(run->redis) + strlen("unix:"));
	redisReply *reply = redisCommand(c, "INFO memory");
	const char *at = reply != NULL ? strstr(reply->str, "used_memory:") : NULL;
	int64_t used = at != NULL ? atoll(at + strlen("used_memory:")) : 0;

	freeReplyObject(reply);
	redisFree(c);
	return used;
}

static int64_t
fill(struct run *run)
{
	int64_t before = used_memory(run);

	store_redis_door(run->redis)->done = on_added;
	store_redis_door(run->redis)->router = run;
	while (run->begun < AHEAD && run->begun < run->contacts)
		add_one(run);
	while (run->answered < run->contacts)
		event_base_loop(run->base, EVLOOP_ONCE);
	return (used_memory(run) - before) / run->contacts;
}

static bool
take_contact(void *owner, const struct stored_contact *stored)
{
	struct run *run = owner;

	run->loaded += stored->payload != NULL && stored->class_key != NULL;
	return true;
}

static bool
take_record(void *owner USHER_UNUSED, const char *id USHER_UNUSED,
	const char *record USHER_UNUSED)
{
	return true;
}

static void
on_loaded(void *owner, const struct store_loaded *loaded)
{
	struct run *run = owner;

	if (loaded->contacts != run->contacts || loaded->repaired != 0 ||
		run->loaded != run->contacts)
		quit("not all contacts came back as they were");
	run->ended = true;
}

static double
measure_load(struct run *run)
{
	struct store_load load = {take_contact, take_record, take_record, run};
	uint64_t began_ns = measure_ns();

	run->loaded = 0;
	run->ended = false;
	store_redis_load(run->redis, &load, on_loaded, run);
	while (!run->ended)
		event_base_loop(run->base, EVLOOP_ONCE);
	return run->contacts / ((double)(measure_ns() - began_ns) / 1e9);
}

/* ---- the reference ---- */

static void on_raw(redisAsyncContext *raw, void *data, void *owner);

static void
ask_raw(struct run *run)
{
	char id[NUMBER_ID_TEXT], key[64];
	const char *words[] = {"HGETALL", key};
	size_t length[] = {7, 0};

	number_id_format(id, 'c', run->first + (uint64_t)run->begun++);
	length[1] = (size_t)snprintf(key, sizeof key, "usher:{bench}:c:%s", id);
	redisAsyncCommandArgv(run->raw, on_raw, run, 2, words, length);
}

static void
on_raw(redisAsyncContext *raw USHER_UNUSED, void *data, void *owner)
{
	struct run *run = owner;
	const redisReply *reply = data;

	if (reply == NULL)
		return;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
		quit("a contact is not there");
	run->answered++;
	if (run->begun < run->contacts)
		ask_raw(run);
}

static double
measure_raw(struct run *run)
{
	uint64_t began_ns = measure_ns();

	run->raw =
		redisAsyncConnectUnix(store_redis_address(run->redis) + strlen("unix:"));
	redisLibeventAttach(run->raw, run->base);
	run->begun = run->answered = 0;
	while (run->begun < AHEAD && run->begun < run->contacts)
		ask_raw(run);
	while (run->answered < run->contacts)
		event_base_loop(run->base, EVLOOP_ONCE);
	redisAsyncFree(run->raw);
	return run->contacts / ((double)(measure_ns() - began_ns) / 1e9);
}

/* ---- figures ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof *values, by_value);
	return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static int
remove_one(const char *path, const struct stat *st USHER_UNUSED, int flag USHER_UNUSED,
	struct FTW *ftw USHER_UNUSED)
{
	return remove(path);
}

static void
measure_all(int contacts, int rounds)
{
	struct run run = {.contacts = contacts, .base = event_base_new()};
	double mine[ROUNDS_MAX], raw[ROUNDS_MAX], ratio[ROUNDS_MAX];
	char dir[] = "/tmp/usher-bench-XXXXXX";
	int64_t bytes;

	if (mkdtemp(dir) == NULL)
		quit("no temporary directory");
	memset(run.payload, 'p', CONTACT_BYTES);
	open_store(&run, dir);
	bytes = fill(&run);
	for (int i = 0; i < rounds; i++) {
		if (i % 2 == 0)
			mine[i] = measure_load(&run);
		raw[i] = measure_raw(&run);
		if (i % 2 == 1)
			mine[i] = measure_load(&run);
		ratio[i] = mine[i] / raw[i];
		fprintf(stderr, "round %d: %.0f contacts/s, raw %.0f\n", i + 1, mine[i],
			raw[i]);
	}
	close_store(&run);
	event_base_free(run.base);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	printf("{\"figure\": \"P14\", \"value\": %.0f, \"unit\": \"contacts/s read "
	       "back\", "
	       "\"reference\": %.0f, \"ratio\": %.3f, \"goal\": \">= 0.6, aim 0.9\"}\n",
		median(mine, rounds), median(raw, rounds), median(ratio, rounds));
	printf("{\"figure\": \"P15\", \"value\": %" PRId64
	       ", \"unit\": \"bytes of Redis a contact\", \"reference\": %d, "
	       "\"ratio\": %.3f, \"goal\": \"<= 1.25, aim 1.1\"}\n",
		bytes, P15_REFERENCE, (double)bytes / P15_REFERENCE);
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {{"contacts", required_argument, NULL, 'c'},
		{"rounds", required_argument, NULL, 'r'}, {0}};
	int contacts = 100000, rounds = 5, c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'c')
			contacts = atoi(optarg);
		else if (c == 'r')
			rounds = atoi(optarg);
		else
			return 2;
	}
	if (contacts < 1 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "bench_reload: numbers from 1; at most %d rounds\n",
			ROUNDS_MAX);
		return 2;
	}
	log_set_level(LOG_LEVEL_ERROR);
	measure_all(contacts, rounds);
	return 0;
}
