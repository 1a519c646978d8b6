/* tests/bench/store_ceiling.c - see store_ceiling.h. */
#include "store_ceiling.h"

#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"

#define K "ceiling:{c}:"
#define OWNER "0123456789abcdef"
#define STEPS 3
#define WORDS_MAX 16

static const char functions[] =
	"#!lua name=ceiling\n"
	"local function foreign(keys, args)\n"
	"  return redis.call('GET', keys[1]) ~= args[1]\n"
	"end\n"
	"local function tell(stream, what, id)\n"
	"  redis.call('XADD', stream, 'MAXLEN', '~', '100000', '*', 'e', what, 'c', id)\n"
	"end\n"
	"redis.register_function('ceiling_add', function(keys, args)\n"
	"  if foreign(keys, args) then return redis.error_reply('STALE') end\n"
	"  if redis.call('HSETNX', keys[4], args[5], args[2]) == 0 then return 0 end\n"
	"  redis.call('HSET', keys[2], 's', 'o', 'd', args[3], 'p', args[4], 'a', "
	"args[6])\n"
	"  tell(keys[3], 'add', args[2])\n"
	"  return 1\n"
	"end)\n"
	"redis.register_function('ceiling_connect', function(keys, args)\n"
	"  if foreign(keys, args) then return redis.error_reply('STALE') end\n"
	"  if redis.call('HGET', keys[2], 's') ~= 'o' then return 0 end\n"
	"  redis.call('HSET', keys[2], 's', 'c')\n"
	"  tell(keys[3], 'connect', args[2])\n"
	"  return 1\n"
	"end)\n"
	"redis.register_function('ceiling_complete', function(keys, args)\n"
	"  if foreign(keys, args) then return redis.error_reply('STALE') end\n"
	"  if redis.call('HGET', keys[2], 's') ~= 'c' then return 0 end\n"
	"  redis.call('UNLINK', keys[2])\n"
	"  redis.call('HDEL', keys[4], args[3])\n"
	"  tell(keys[3], 'complete', args[2])\n"
	"  return 1\n"
	"end)\n";

struct run {
	struct event_base *base;
	redisAsyncContext *redis;
	int lives, begun, over;
	char contact[CEILING_BYTES + 1];
};

static void life_step(struct run *run, int life, int step);

static void
must(const redisReply *reply, const char *what)
{
	if (reply != NULL && reply->type != REDIS_REPLY_ERROR)
		return;
	fprintf(stderr, "ceiling: %s: %s\n", what,
		reply != NULL ? reply->str : "connection lost");
	exit(1);
}

static void
on_step(redisAsyncContext *redis, void *data, void *at)
{
	struct run *run = redis->data;
	const redisReply *reply = data;
	int life = (int)((uintptr_t)at / STEPS), step = (int)((uintptr_t)at % STEPS);

	must(reply, "step");
	if (reply->integer != 1) {
		fprintf(stderr, "ceiling: a step was refused\n");
		exit(1);
	}
	if (step + 1 < STEPS) {
		life_step(run, life, step + 1);
		return;
	}
	if (run->begun < run->lives)
		life_step(run, run->begun++, 0);
	if (++run->over == run->lives)
		event_base_loopbreak(run->base);
}

static void
send_words(struct run *run, int life, int step, const char *const *words)
{
	const char *argv[WORDS_MAX];
	size_t length[WORDS_MAX];
	int n = 0;

	for (; words[n] != NULL; n++) {
		argv[n] = words[n];
		length[n] = strlen(words[n]);
	}
	redisAsyncCommandArgv(run->redis, on_step,
		(void *)(uintptr_t)((unsigned)life * STEPS + (unsigned)step), n, argv,
		length);
}

static void
life_step(struct run *run, int life, int step)
{
	char key[32], id[16], external[24], score[16];
	const char *add[] = {"FCALL", "ceiling_add", "4", K "own", key, K "ev", K "ext",
		OWNER, id, score, run->contact, external, "agent17", NULL};
	const char *connect[] = {
		"FCALL", "ceiling_connect", "3", K "own", key, K "ev", OWNER, id, NULL};
	const char *complete[] = {"FCALL", "ceiling_complete", "4", K "own", key, K "ev",
		K "ext", OWNER, id, external, NULL};
	const char *const *const all[STEPS] = {add, connect, complete};

	snprintf(id, sizeof id, "%d", life);
	snprintf(key, sizeof key, K "c:%d", life);
	snprintf(external, sizeof external, "web m-%d", life);
	snprintf(score, sizeof score, "%d", 1790000 + life);
	send_words(run, life, step, all[step]);
}

static void
prepare(const char *socket)
{
	redisContext *redis = redisConnectUnix(socket);
	redisReply *reply;

	if (redis == NULL || redis->err != 0) {
		fprintf(stderr, "ceiling: cannot connect to %s\n", socket);
		exit(1);
	}
	reply = redisCommand(redis, "FUNCTION LOAD REPLACE %s", functions);
	must(reply, "functions");
	freeReplyObject(reply);
	reply = redisCommand(redis, "DEL " K "ev " K "ext");
	must(reply, "DEL");
	freeReplyObject(reply);
	reply = redisCommand(redis, "SET " K "own " OWNER);
	must(reply, "SET");
	freeReplyObject(reply);
	redisFree(redis);
}

struct ceiling_result
store_ceiling(const char *socket, int depth, int lives)
{
	struct run run = {.lives = lives};
	struct ceiling_result result;
	double cpu = measure_cpu(getpid());
	uint64_t began_ns;

	prepare(socket);
	memset(run.contact, 'x', CEILING_BYTES);
	run.base = event_base_new();
	run.redis = redisAsyncConnectUnix(socket);
	run.redis->data = &run;
	redisLibeventAttach(run.redis, run.base);
	began_ns = measure_ns();
	while (run.begun < depth && run.begun < lives)
		life_step(&run, run.begun++, 0);
	event_base_dispatch(run.base);
	result.lives_s = lives / ((double)(measure_ns() - began_ns) / 1e9);
	result.client_us = (measure_cpu(getpid()) - cpu) * 1e6 / lives;
	redisAsyncFree(run.redis);
	event_base_free(run.base);
	prepare(socket);
	return result;
}
