/*
 * tests/bench/ceiling_dispatch.c - what raw Redis needs from "a contact comes in" to "a
 * worker has it", durable first: a producer's script writes a 1 KB contact into a hash, a
 * sorted set and a stream; on its answer the process of the workers is woken, where an
 * idle one pops the contact by another script, finishes it by a third and asks again. The
 * reference of P11: two processes and Redis, as whoever builds a queue on Redis has them.
 *
 *   ceiling_dispatch SOCKET [RATE [SECONDS]]      empties what it is pointed at
 */
#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#define WORKERS 50
#define CONTACT_BYTES 1024

static const char *const scripts[] = {
	/* enter */ "redis.call('HSET',KEYS[2],'d',ARGV[3],'s','q') "
		    "redis.call('ZADD',KEYS[1],ARGV[1],ARGV[2]) "
		    "redis.call('XADD',KEYS[3],'MAXLEN','~','10000','*','e','q','id',"
		    "ARGV["
		    "2]) return 1",
	/* pop */
	"local r=redis.call('ZPOPMIN',KEYS[1]) if not r[1] then return false end "
	"redis.call('ZADD',KEYS[2],ARGV[1],r[1]) local k='c:'..r[1] "
	"redis.call('HSET',k,'s','r','a',ARGV[2]) return "
	"{r[1],redis.call('HGET',k,'d')}",
	/* finish */
	"redis.call('ZREM',KEYS[1],ARGV[1]) redis.call('DEL','c:'..ARGV[1]) "
	"redis.call('XADD',KEYS[2],'MAXLEN','~','10000','*','e','d','id',"
	"ARGV[1]) return 1"};
#define SCRIPTS 3

struct run {
	struct event_base *base;
	redisAsyncContext *redis[WORKERS]; /* the producer has one */
	bool idle[WORKERS];
	char hash[SCRIPTS][41], contact[CONTACT_BYTES];
	int rate, worker, wake;
	uint64_t began_ns, entered;
	struct histogram dispatch;
};

static struct run run; /* hiredis hands back one pointer, which carries the worker */

static void
must(const redisReply *reply, const char *what)
{
	if (reply != NULL && reply->type != REDIS_REPLY_ERROR)
		return;
	fprintf(stderr, "ceiling_dispatch: %s: %s\n", what,
		reply != NULL ? reply->str : "connection lost");
	exit(1);
}

/* ---- the workers ---- */

static void ask(int worker);

static void
on_finished(redisAsyncContext *redis, void *reply, void *worker)
{
	if (reply == NULL) /* the run is over */
		return;
	must(reply, "finish");
	ask((int)(intptr_t)worker);
}

static void
on_popped(redisAsyncContext *redis, void *data, void *worker)
{
	const redisReply *reply = data;

	if (reply == NULL)
		return;
	must(reply, "pop");
	if (reply->type != REDIS_REPLY_ARRAY) {
		run.idle[(intptr_t)worker] = true;
		return;
	}
	histogram_add(
		&run.dispatch, measure_ns() - strtoull(reply->element[1]->str, NULL, 10));
	redisAsyncCommand(redis, on_finished, worker, "EVALSHA %s 2 rsv ev %s",
		run.hash[2], reply->element[0]->str);
}

static void
ask(int worker)
{
	run.idle[worker] = false;
	redisAsyncCommand(run.redis[worker], on_popped, (void *)(intptr_t)worker,
		"EVALSHA %s 2 q rsv 1 agent%d", run.hash[1], worker);
}

static void
on_woken(evutil_socket_t fd, short what, void *owner)
{
	uint64_t n = 0;

	if (read(fd, &n, sizeof n) != sizeof n)
		return;
	for (int i = 0; i < WORKERS && n > 0; i++) {
		run.worker = (run.worker + 1) % WORKERS;
		if (run.idle[run.worker]) {
			ask(run.worker);
			n--;
		}
	}
}

/* ---- the producer ---- */

static void
on_entered(redisAsyncContext *redis, void *reply, void *data)
{
	uint64_t one = 1;

	if (reply == NULL)
		return;
	must(reply, "enter");
	if (write(run.wake, &one, sizeof one) != sizeof one)
		exit(1);
}

static void
on_pace(evutil_socket_t fd, short what, void *owner)
{
	double seconds = (double)(measure_ns() - run.began_ns) / 1e9;

	while ((double)run.entered < seconds * run.rate) {
		int n = snprintf(
			run.contact, sizeof run.contact, "%020" PRIu64, measure_ns());

		run.contact[n] = 'x';
		redisAsyncCommand(run.redis[0], on_entered, NULL,
			"EVALSHA %s 3 q c:%llu ev %d %llu %b", run.hash[0],
			(unsigned long long)run.entered, (int)(run.entered % 1000),
			(unsigned long long)run.entered, run.contact, sizeof run.contact);
		run.entered++;
	}
}

static void
load_scripts(const char *path)
{
	redisContext *redis = redisConnectUnix(path);
	redisReply *reply;

	if (redis == NULL || redis->err != 0) {
		fprintf(stderr, "ceiling_dispatch: cannot reach Redis at %s\n", path);
		exit(1);
	}
	freeReplyObject(redisCommand(redis, "FLUSHALL"));
	for (int i = 0; i < SCRIPTS; i++) {
		reply = redisCommand(redis, "SCRIPT LOAD %s", scripts[i]);
		must(reply, "load");
		snprintf(run.hash[i], sizeof run.hash[i], "%s", reply->str);
		freeReplyObject(reply);
	}
	redisFree(redis);
}

static redisAsyncContext *
connect_to(const char *path)
{
	redisAsyncContext *redis = redisAsyncConnectUnix(path);

	if (redis == NULL || redis->err != 0)
		exit(1);
	redisLibeventAttach(redis, run.base);
	return redis;
}

static void
produce(const char *path)
{
	struct timeval tick = {0, 1000};

	memset(run.contact, 'x', sizeof run.contact);
	run.redis[0] = connect_to(path);
	run.began_ns = measure_ns();
	event_add(event_new(run.base, -1, EV_TIMEOUT | EV_PERSIST, on_pace, NULL), &tick);
}

static void
work(const char *path)
{
	event_add(event_new(run.base, run.wake, EV_READ | EV_PERSIST, on_woken, NULL),
		NULL);
	for (int i = 0; i < WORKERS; i++) {
		run.redis[i] = connect_to(path);
		ask(i);
	}
}

int
main(int argc, char **argv)
{
	struct timeval finish = {4, 0};
	pid_t producer;

	if (argc < 2) {
		fprintf(stderr, "usage: ceiling_dispatch SOCKET [RATE [SECONDS]]\n");
		return 2;
	}
	run.rate = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 200;
	if (argc > 3)
		finish.tv_sec = strtol(argv[3], NULL, 10);
	load_scripts(argv[1]);
	run.wake = eventfd(0, EFD_NONBLOCK);
	producer = fork();
	if (producer < 0 || run.wake < 0)
		return 1;
	run.base = event_base_new();
	if (producer == 0)
		produce(argv[1]);
	else
		work(argv[1]);
	event_base_loopexit(run.base, &finish);
	event_base_dispatch(run.base);
	if (producer == 0)
		_exit(0);
	waitpid(producer, NULL, 0);
	printf("{\"figure\":\"raw Redis dispatch\",\"value\":%.0f,\"unit\":\"us\","
	       "\"reference\":null,\"ratio\":null,\"p50_us\":%.0f,\"p99_us\":%.0f}\n",
		histogram_us(&run.dispatch, 0.5), histogram_us(&run.dispatch, 0.5),
		histogram_us(&run.dispatch, 0.99));
	return 0;
}
