/* tests/flow/side_calls.c - what parts keep beside the routing keys, on a real
 * redis-server: functions are loaded, a router that lost the centre writes nothing, a
 * lost connection answers every call once and comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/redis_server.h"
#include "base/side.h"

#define LIMIT_MS 20000

static const char library[] =
	"#!lua name=usher_test_1\n"
	"local function put(keys, args)\n"
	"  if redis.call('GET', keys[1]) ~= args[1] then\n"
	"    return redis.error_reply('STALE another router owns this centre')\n"
	"  end\n"
	"  return redis.call('RPUSH', keys[2], args[2])\n"
	"end\n"
	"redis.register_function{function_name = 'usher_test_1_put', callback = put}\n";

struct rig {
	char dir[64];
	struct event_base *base;
	struct rserver *server;
	struct rlink *plain; /* sets the owner, as a router would */
	struct side *side;
	const char *token;
	int ups, downs, stales, answers, nulls;
	long long last;
	char text[64];
};

static const char *
token(void *owner)
{
	return ((struct rig *)owner)->token;
}

static void
stale(void *owner)
{
	((struct rig *)owner)->stales++;
}

static void
state(void *owner, bool up)
{
	struct rig *rig = owner;

	rig->ups += up;
	rig->downs += !up;
}

static void
answer(void *owner, uint64_t tag, const struct redisReply *reply)
{
	struct rig *rig = owner;

	rig->answers++;
	rig->nulls += reply == NULL;
	rig->last = -1;
	if (reply == NULL)
		return;
	rig->last = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0)
		snprintf(rig->text, sizeof rig->text, "%s", reply->element[0]->str);
}

/* Turns the loop until *count reaches `enough`. */
static void
until(struct rig *rig, const int *count, int enough)
{
	int64_t end_ms = clock_boot_ms() + LIMIT_MS;

	while (*count < enough) {
		struct timeval wait = {0, 20000};

		assert_true(clock_boot_ms() < end_ms);
		event_base_loopexit(rig->base, &wait);
		event_base_dispatch(rig->base);
	}
}

static void
set_owner(struct rig *rig, const char *owner)
{
	const char *words[] = {"SET", "usher:{side}:owner", owner, NULL};
	int before = rig->answers;

	while (!rlink_send_words(rig->plain, answer, rig, 0, words)) {
		struct timeval wait = {0, 20000};

		event_base_loopexit(rig->base, &wait);
		event_base_dispatch(rig->base);
	}
	until(rig, &rig->answers, before + 1);
}

static void
nothing(void *owner)
{
}

static void
nothing_said(void *owner, const char *reason)
{
}

static int
set_up(void **state_out)
{
	struct rig *rig = calloc(1, sizeof *rig);
	char error[256];
	struct rserver_settings server = {rig->dir, "everysec", NULL, 0, NULL};
	struct rlink_handler handler = {nothing, nothing_said, NULL};

	snprintf(rig->dir, sizeof rig->dir, "/tmp/usher-side-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	rig->base = event_base_new();
	rig->server =
		rserver_create(rig->base, &server, nothing, NULL, error, sizeof error);
	assert_non_null(rig->server);
	rig->token = "7:one";
	{
		struct rlink_settings link = {
			rserver_address(rig->server), NULL, LIMIT_MS, 100};
		struct side_settings side = {.address = rserver_address(rig->server),
			.centre = "side",
			.token = token,
			.stale = stale,
			.owner = rig};

		rig->plain =
			rlink_create(rig->base, &link, &handler, error, sizeof error);
		assert_non_null(rig->plain);
		rig->side = side_create(rig->base, &side, error, sizeof error);
		assert_non_null(rig->side);
	}
	side_add_library(rig->side, "usher_test_1", library);
	side_listen(rig->side, state, rig);
	set_owner(rig, "7:one");
	until(rig, &rig->ups, 1);
	*state_out = rig;
	return 0;
}

static int
tear_down(void **state_in)
{
	struct rig *rig = *state_in;
	char command[128];

	side_destroy(rig->side);
	rlink_destroy(rig->plain);
	rserver_destroy(rig->server);
	event_base_free(rig->base);
	snprintf(command, sizeof command, "rm -rf '%s'", rig->dir);
	assert_int_equal(system(command), 0);
	free(rig);
	return 0;
}

static bool
put(struct rig *rig, const char *value)
{
	const char *key = "t:1";

	return side_call(
		rig->side, answer, rig, 0, "usher_test_1_put", 1, &key, 1, &value, NULL);
}

static void
a_call_writes_below_the_centres_prefix(void **state_in)
{
	struct rig *rig = *state_in;
	const char *range[] = {"0", "-1"};
	int n = rig->answers;

	assert_true(put(rig, "hello"));
	until(rig, &rig->answers, n + 1);
	assert_int_equal(rig->last, 1);
	assert_true(side_read(rig->side, answer, rig, 0, "LRANGE", "t:1", 2, range));
	until(rig, &rig->answers, n + 2);
	assert_string_equal(rig->text, "hello");
	assert_int_equal(rig->stales, 0);
}

static void
a_router_that_lost_the_centre_writes_nothing(void **state_in)
{
	struct rig *rig = *state_in;
	int n;

	set_owner(rig, "8:other");
	n = rig->answers;
	assert_true(put(rig, "late"));
	assert_true(put(rig, "later"));
	until(rig, &rig->answers, n + 2);
	assert_int_equal(rig->last, -1);
	assert_int_equal(rig->stales, 1);
	assert_true(side_read(rig->side, answer, rig, 0, "LLEN", "t:1", 0, NULL));
	until(rig, &rig->answers, n + 3);
	assert_int_equal(rig->last, 0);
}

static void
a_killed_redis_answers_each_call_once_and_comes_back(void **state_in)
{
	struct rig *rig = *state_in;
	int n = rig->answers;

	assert_int_equal(kill(rserver_pid(rig->server), SIGSTOP), 0);
	assert_true(put(rig, "unsure"));
	assert_int_equal(kill(rserver_pid(rig->server), SIGKILL), 0);
	until(rig, &rig->downs, 1);
	until(rig, &rig->answers, n + 1);
	assert_int_equal(rig->nulls, 1);
	assert_false(put(rig, "refused"));
	until(rig, &rig->ups, 2);
	n = rig->answers;
	assert_true(put(rig, "again"));
	until(rig, &rig->answers, n + 1);
	assert_true(rig->last >= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_call_writes_below_the_centres_prefix, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_router_that_lost_the_centre_writes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_killed_redis_answers_each_call_once_and_comes_back, set_up,
			tear_down),
	};

	signal(SIGPIPE, SIG_IGN); /* as usherd does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
