/* tests/flow/store_start.c - the Redis store's start: what it refuses, what it promises,
 * and who owns the centre. With the argument "cluster": on a cluster of one node. */
#include "store_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

#define T "usher:{t}:"

static void
wait_failed(struct side *side)
{
	for (int i = 0; i < 500 && side->failed[0] == '\0'; i++)
		run_ms(side->rig, 10);
	assert_false(side->is_ready);
}

static void
a_newer_form_of_the_keys_is_refused(void **state)
{
	struct rig *rig = *state;
	struct side *side = side_begin(rig, NULL);

	wait_ready(side);
	side_end(side);
	/* The server went with it; a new one comes up on the same log. */
	side = side_begin(rig, NULL);
	wait_ready(side);
	look(rig, "SET " T "schema 2");
	side_begin(rig, NULL);
	wait_failed(rig->b);
	assert_non_null(strstr(rig->b->failed, "newer usher"));
}

static void
eviction_that_could_drop_contacts_is_refused(void **state)
{
	static const char *const words[] = {"--maxmemory-policy", "allkeys-lru"};
	struct side *side =
		side_begin(*state, &(struct store_redis_settings){
					   .n_server_words = 2, .server_words = words});

	wait_failed(side);
	assert_non_null(strstr(side->failed, "maxmemory-policy noeviction"));
}

static void
a_password_is_used(void **state)
{
	static const char *const words[] = {"--requirepass", "open sesame"};
	struct rig *rig = *state;
	char file[128], address[128];
	struct side *side;
	FILE *out;

	if (in_cluster)
		skip(); /* its words are needed for the cluster */
	snprintf(file, sizeof file, "%s/password", rig->dir);
	snprintf(address, sizeof address, "unix:%s/redis.sock", rig->dir);
	out = fopen(file, "w");
	fputs("open sesame\n", out);
	fclose(out);
	chmod(file, 0600);
	side_begin(rig, &(struct store_redis_settings){
				.n_server_words = 2, .server_words = words});
	side = side_begin(rig,
		&(struct store_redis_settings){.redis = address, .password_file = file});
	wait_ready(side);
	assert_false(rig->a->is_ready); /* it has none */
}

static void
the_promise_is_read_from_redis(void **state)
{
	static const char *const no_log[] = {"--appendonly", "no"};
	static const struct {
		const char *fsync;
		int n_words;
		enum store_level level;
	} cases[] = {{"always", 0, STORE_LEVEL_DISK}, {"everysec", 0, STORE_LEVEL_SECOND},
		{"no", 0, STORE_LEVEL_MEMORY}, {"always", 2, STORE_LEVEL_MEMORY}};

	if (in_cluster)
		skip(); /* its words are needed for the cluster */
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct side *side = side_begin(
			*state, &(struct store_redis_settings){.fsync = cases[i].fsync,
					.n_server_words = cases[i].n_words,
					.server_words = no_log});

		wait_ready(side);
		assert_int_equal(store_redis_level(side->redis), cases[i].level);
		assert_non_null(strstr(store_redis_level_text(side->redis), "Redis 7."));
		side_end(side);
	}
}

static void
a_living_owner_is_not_robbed(void **state)
{
	struct rig *rig = *state;
	struct side *a = side_begin(rig, NULL), *b;

	wait_ready(a);
	b = side_begin(rig, NULL);
	wait_failed(b);
	assert_non_null(strstr(b->failed, "is alive"));
	side_finish(b);
	do_add(a, 1, "k", NULL);
	wait_answers(a, 1);
	/* A silent one is: its successor has a higher epoch, and it is stale. */
	look(rig, "HSET " T "meta beat 0"); /* looks silent to who watches now */
	b = side_begin(rig, &(struct store_redis_settings){.owner_wait_ms = 1});
	for (int i = 0; i < 100 && !b->is_ready && b->failed[0] == '\0'; i++)
		run_ms(rig, 20);
	assert_true(b->is_ready);
	assert_int_equal(b->epoch, 2);
	do_offer(a, 1, "k");
	wait_for(rig, &a->is_stale);
	assert_string_equal(look_text(rig, "HGET %s s", contact_key(1)), "queued");
	do_offer(b, 1, "k");
	wait_answers(b, 1);
	assert_int_equal(b->answers[0].result, STEP_COMMITTED);
}

static void
a_standby_takes_over_when_the_owner_ends(void **state)
{
	struct rig *rig = *state;
	struct store_redis_settings outside = {.standby = true, .owner_wait_ms = 900};
	char address[128];
	struct side *a, *b;

	a = side_begin(rig, NULL);
	wait_ready(a);
	snprintf(address, sizeof address, "unix:%s/redis.sock", rig->dir);
	outside.redis = address;
	b = side_begin(rig, &outside);
	run_ms(rig, 2500);
	assert_false(b->is_ready);
	assert_string_equal(b->failed, "");
	rig->now_ms += 12345;
	store_redis_end(a->redis, NULL, NULL);
	wait_for(rig, &b->is_ready);
	assert_int_equal(b->epoch, 2);
	assert_int_equal(b->centre_ms, rig->now_ms); /* saved when it was given free */
	assert_true(b->wall_ms > 1700000000000);
}

/* A heartbeat that was seen before a lost connection says nothing: the owner may have
 * lost his, too. */
static void
a_standby_that_lost_its_connection_waits_anew(void **state)
{
	struct rig *rig = *state;
	struct store_redis_settings outside = {.standby = true, .owner_wait_ms = 900};
	char address[128];
	struct side *a = side_begin(rig, NULL), *b;

	wait_ready(a);
	snprintf(address, sizeof address, "unix:%s/redis.sock", rig->dir);
	outside.redis = address;
	b = side_begin(rig, &outside);
	run_ms(rig, 1000);
	for (int i = 0; i < 8; i++) {
		look(rig, "CLIENT KILL TYPE normal");
		run_ms(rig, 330);
		assert_false(b->is_ready);
		assert_false(a->is_stale);
	}
	assert_string_equal(b->failed, "");
}

static void
who_was_killed_is_waited_for_and_who_ended_is_not(void **state)
{
	struct rig *rig = *state;
	struct side *a = side_begin(rig, NULL);
	int64_t began_ms;

	wait_ready(a);
	run_ms(rig, 600); /* a heartbeat */
	side_end(a);
	began_ms = clock_boot_ms();
	a = side_begin(rig, &(struct store_redis_settings){.owner_wait_ms = 15000});
	wait_ready(a);
	assert_true(clock_boot_ms() - began_ms < 15000);
	assert_int_equal(a->epoch, 2);
	side_finish(a); /* as if killed */
	began_ms = clock_boot_ms();
	a = side_begin(rig, &(struct store_redis_settings){.owner_wait_ms = 700});
	wait_ready(a);
	assert_true(clock_boot_ms() - began_ms >= 700);
	assert_int_equal(a->epoch, 3);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
		TEST(a_newer_form_of_the_keys_is_refused),
		TEST(eviction_that_could_drop_contacts_is_refused),
		TEST(a_password_is_used),
		TEST(the_promise_is_read_from_redis),
		TEST(a_living_owner_is_not_robbed),
		TEST(a_standby_takes_over_when_the_owner_ends),
		TEST(a_standby_that_lost_its_connection_waits_anew),
		TEST(who_was_killed_is_waited_for_and_who_ended_is_not),
	};

	in_cluster = argc > 1 && strcmp(argv[1], "cluster") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
