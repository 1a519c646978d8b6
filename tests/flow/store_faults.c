/* tests/flow/store_faults.c - the Redis store when Redis is killed, cut off, frozen, full
 * of errors, empty, newer, or owned by another: nothing confirmed is lost, nothing is
 * done twice. With the argument "cluster": on a cluster of one node. */
#include "store_support.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "route/store_redis_inner.h"

#define T "usher:{t}:"
#define LIVES 1500
#define ABREAST 40
#define STANDSTILL_MS 60000 /* nothing at all has moved */

/* ---- lives that go on whatever happens ---- */

/* Each life: add (with an external id), offer, connect, finish; the next step is made
 * when the one before is answered, as the router does. */
struct lives {
	int begun, over, refused;
	int waiting;	     /* to begin when Redis is back, as intake tries later */
	int step[LIVES + 1]; /* how many steps of a life were committed */
};

static struct lives lives;

static void
begin_life(struct side *side)
{
	uint64_t id;
	char external[32];

	if (!side->is_up) {
		lives.waiting++;
		return;
	}
	if (lives.begun == LIVES)
		return;
	id = (uint64_t)++lives.begun;
	snprintf(external, sizeof external, "web m-%" PRIu64, id);
	do_add(side, id, id % 2 == 0 ? "even" : "odd", external);
}

static void
go_on(struct side *side, struct step *step, enum step_result result)
{
	uint64_t id = step->part[0].contact;
	char external[32];

	if (result != STEP_COMMITTED) {
		/* Only a new contact may be refused, while Redis is away. */
		if (step->kind != STEP_ADD || result != STEP_REFUSED)
			fail_msg("step %s of %" PRIu64 " ended %d", step_name[step->kind],
				id, (int)result);
		lives.refused++;
		lives.over++;
		begin_life(side);
		return;
	}
	snprintf(external, sizeof external, "web m-%" PRIu64, id);
	switch (lives.step[id]++) {
	case 0:
		do_offer(side, id, id % 2 == 0 ? "even" : "odd");
		return;
	case 1:
		do_connect(side, id);
		return;
	case 2:
		do_finish(side, id, external);
		return;
	default:
		lives.over++;
		begin_life(side);
	}
}

static struct side *
side_with_lives(void **state, const char *fsync)
{
	struct side *side =
		side_begin(*state, &(struct store_redis_settings){.fsync = fsync});

	wait_ready(side);
	lives = (struct lives){0};
	side->on_done = go_on;
	while (lives.begun < ABREAST)
		begin_life(side);
	return side;
}

/* As long as it takes, if only they go on. */
static void
wait_lives(struct rig *rig, int n)
{
	int64_t moved_ms = clock_boot_ms();
	int answered = rig->a->n_answers;

	while (lives.over < n) {
		run_ms(rig, 2);
		for (; rig->a->is_up && lives.waiting > 0; lives.waiting--)
			begin_life(rig->a);
		if (rig->a->n_answers != answered) {
			answered = rig->a->n_answers;
			moved_ms = clock_boot_ms();
		}
		if (clock_boot_ms() > moved_ms + STANDSTILL_MS)
			fail_msg("%d of %d lives, and no more", lives.over, n);
	}
}

/* Until the store has noticed so many losses, and is back. */
static void
wait_loss(struct rig *rig, uint64_t n)
{
	int64_t until_ms = clock_boot_ms() + STANDSTILL_MS;
	struct store_redis_counts counts;

	for (;;) {
		store_redis_counts(rig->a->redis, &counts);
		if (counts.losses >= n)
			break;
		if (clock_boot_ms() > until_ms)
			fail_msg("%" PRIu64 " of %" PRIu64 " losses noticed",
				counts.losses, n);
		run_ms(rig, 1);
	}
	wait_for(rig, &rig->a->is_up);
}

/* Redis must hold exactly what was confirmed: each life in its state, each step once. */
static void
check_lives(struct rig *rig)
{
	static const char *const expected[] = {
		"", "queued", "offered", "connected", "completed"};
	int steps = 0, entries = 0, not_done = 0;
	redisReply *stream;

	for (int id = 1; id <= lives.begun; id++) {
		const char *state =
			look_text(rig, "HGET %s s", contact_key((uint64_t)id));

		if (strcmp(state, expected[lives.step[id]]) != 0)
			fail_msg("contact %d is \"%s\" after %d steps", id, state,
				lives.step[id]);
		steps += lives.step[id];
	}
	stream = look(rig, "XRANGE " T "events - +");
	for (size_t i = 0; i < stream->elements; i++) {
		const char *field = stream->element[i]->element[1]->element[0]->str;

		entries += strcmp(field, "e") == 0;
		not_done += strcmp(field, "not_done") == 0;
	}
	assert_int_equal(not_done, 0);
	assert_int_equal(entries, steps); /* each committed step is in it once */
	assert_int_equal(
		look_int(rig, "HLEN " T "external"), lives.begun - lives.refused);
	assert_int_equal(
		look_int(rig, "ZCOUNT " T "held 1 +inf"), lives.over - lives.refused);
	assert_int_equal(look_int(rig, "ZCOUNT " T "held 0 0"), 0);
	assert_int_equal(look_int(rig, "EXISTS " T "q:even"), 0);
}

/* Each step once and in order, but for new contacts, which may be refused ahead. */
static void
check_order(const struct side *side)
{
	int n = side->n_answers < ANSWERS_MAX ? side->n_answers : ANSWERS_MAX;
	uint64_t last = 0, sum = 0, least = UINT64_MAX;

	for (int i = 0; i < n; i++) {
		const struct answer *a = &side->answers[i];

		sum += a->op;
		least = a->op < least ? a->op : least;
		if (a->result == STEP_REFUSED)
			continue;
		assert_true(a->op > last);
		last = a->op;
	}
	assert_int_equal(sum - (uint64_t)n * least, (uint64_t)n * (uint64_t)(n - 1) / 2);
}

static void
kill_redis_often(void **state, const char *fsync)
{
	struct rig *rig = *state;
	struct side *side = side_with_lives(state, fsync);
	struct store_redis_counts counts;

	for (int kills = 1; kills <= 5; kills++) {
		wait_lives(rig, kills * LIVES / 6);
		run_ms(rig, rand() % 7);
		wait_for(rig, &side->is_up);
		store_redis_counts(side->redis, &counts);
		kill(store_redis_server_pid(side->redis), SIGKILL);
		/* The next one must hit the new server. */
		wait_loss(rig, counts.losses + 1);
	}
	wait_lives(rig, LIVES);
	store_redis_counts(side->redis, &counts);
	/* A machine that stands still may cost a connection more. */
	assert_true(counts.losses >= 5);
	assert_int_equal(counts.lost, 0);
	assert_int_equal(counts.misplaced, 0);
	print_message("repeated %" PRIu64 ", read from the stream %" PRIu64
		      ", given again %" PRIu64 "\n",
		counts.repeated, counts.recovered, counts.replayed);
	check_order(side);
	check_lives(rig);
}

static void
killed_redis_loses_and_doubles_nothing_at_always(void **state)
{
	kill_redis_often(state, "always");
}

static void
killed_redis_loses_and_doubles_nothing_at_everysec(void **state)
{
	kill_redis_often(state, "everysec");
}

static void
cut_connections_lose_and_double_nothing(void **state)
{
	struct rig *rig = *state;
	struct side *side = side_with_lives(state, "everysec");
	struct store_redis_counts counts;

	for (int cuts = 1; cuts <= 20; cuts++) {
		wait_lives(rig, cuts * LIVES / 21);
		wait_for(rig, &side->is_up);
		store_redis_counts(side->redis, &counts);
		look(rig, "CLIENT KILL TYPE normal SKIPME yes");
		wait_loss(rig, counts.losses + 1);
	}
	wait_lives(rig, LIVES);
	store_redis_counts(side->redis, &counts);
	assert_true(counts.losses >= 20);
	assert_int_equal(counts.lost, 0);
	assert_true(counts.repeated + counts.recovered > 0);
	print_message("repeated %" PRIu64 ", read from the stream %" PRIu64 "\n",
		counts.repeated, counts.recovered);
	check_order(side);
	check_lives(rig);
}

/* Answers that nobody heard are read from the stream: also the duplicate and the refusal.
 */
static void
unheard_answers_are_read_from_the_stream(void **state)
{
	struct rig *rig = *state;
	struct side *side = side_begin(rig, NULL);
	struct store_redis_counts counts;

	wait_ready(side);
	do_add(side, 1, "k", "web a");
	wait_answers(side, 1);
	do_add(side, 2, "k", "web a");
	do_offer(side, 1, "k");
	do_connect(side, 7);
	do_add(side, 3, "k", "web b");
	/* Redis carries all of it out, and the connection ends before we read. */
	for (int i = 0; i < 3; i++)
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
	while (look_int(rig, "XLEN " T "events") < 6)
		usleep(1000);
	assert_int_equal(side->n_answers, 1);
	rlink_drop(side->redis->link, "the test");
	wait_answers(side, 5);
	assert_int_equal(side->answers[1].result, STEP_DUPLICATE);
	assert_int_equal(side->answers[1].existing, 1);
	assert_int_equal(side->answers[2].result, STEP_COMMITTED);
	assert_int_equal(side->answers[3].result, STEP_REFUSED);
	assert_int_equal(side->answers[4].result, STEP_COMMITTED);
	store_redis_counts(side->redis, &counts);
	assert_int_equal(counts.recovered, 4);
	assert_int_equal(look_int(rig, "ZCARD " T "q:k"), 1);
}

static void
frozen_redis_counts_as_away_and_comes_back(void **state)
{
	struct rig *rig = *state;
	struct side *side =
		side_begin(rig, &(struct store_redis_settings){.deadline_ms = 1500});
	pid_t pid;
	bool down;

	wait_ready(side);
	pid = store_redis_server_pid(side->redis);
	kill(pid, SIGSTOP);
	do_add(side, 1, "k", "web a"); /* sent; nobody knows */
	for (int i = 0; i < 200 && side->is_up; i++)
		run_ms(rig, 20);
	down = !side->is_up;
	do_add(side, 2, "k", NULL); /* refused at once, ahead of the first */
	do_offer(side, 1, "k");
	run_ms(rig, 2000); /* past the deadline: the connection is given up */
	kill(pid, SIGCONT);
	wait_answers(side, 3);
	assert_true(down);
	assert_int_equal(side->answers[0].result, STEP_REFUSED);
	assert_int_equal(side->answers[1].result, STEP_COMMITTED);
	assert_int_equal(side->answers[2].result, STEP_COMMITTED);
	wait_for(rig, &side->is_up);
	assert_string_equal(look_text(rig, "HGET %s s", contact_key(1)), "offered");
	assert_int_equal(look_int(rig, "EXISTS %s", contact_key(2)), 0);
	assert_int_equal(look_int(rig, "XLEN " T "events"), 3);
}

static void
what_redis_lost_is_given_to_it_again(void **state)
{
	struct rig *rig = *state;
	struct side *side =
		side_begin(rig, &(struct store_redis_settings){.fsync = "everysec"});
	struct store_redis_counts counts;

	wait_ready(side);
	for (uint64_t id = 1; id <= 20; id++) {
		do_add(side, id, "k", NULL);
		do_offer(side, id, "k");
	}
	wait_answers(side, 40);
	look(rig, "FLUSHALL"); /* as if an old copy, here an empty one, came back */
	do_connect(side, 1);
	look(rig, "CLIENT KILL TYPE normal SKIPME yes");
	do_connect(side, 2);
	wait_answers(side, 42);
	run_ms(rig, 200);
	store_redis_counts(side->redis, &counts);
	assert_int_equal(counts.lost, 0);
	assert_true(counts.replayed >= 38);
	assert_string_equal(look_text(rig, "HGET %s s", contact_key(2)), "connected");
	assert_string_equal(look_text(rig, "HGET %s s", contact_key(20)), "offered");
	assert_int_equal(look_int(rig, "SISMEMBER " T "classes k"), 1);
	assert_false(side->is_stale);
}

static void
missing_functions_are_loaded_again(void **state)
{
	struct rig *rig = *state;
	struct side *side = side_begin(rig, NULL);

	wait_ready(side);
	do_add(side, 1, "k", NULL);
	wait_answers(side, 1);
	look(rig, "FUNCTION FLUSH");
	do_offer(side, 1, "k");
	do_connect(side, 1);
	wait_answers(side, 3);
	assert_int_equal(side->answers[2].result, STEP_COMMITTED);
	wait_for(rig, &side->is_up);
}

static void
a_replica_takes_nothing_until_it_is_master_again(void **state)
{
	struct rig *rig = *state;
	struct side *side = side_begin(rig, NULL);

	if (in_cluster)
		skip(); /* REPLICAOF is not for clusters */
	wait_ready(side);
	do_add(side, 1, "k", NULL);
	wait_answers(side, 1);
	look(rig, "REPLICAOF 127.0.0.1 1");
	do_offer(side, 1, "k");
	do_connect(side, 1);
	do_add(side, 2, "k", NULL);
	run_ms(rig, 500);
	assert_false(side->is_up);
	assert_int_equal(side->n_answers, 2); /* the new contact's */
	assert_int_equal(side->answers[1].result, STEP_REFUSED);
	look(rig, "REPLICAOF NO ONE");
	wait_answers(side, 4);
	assert_int_equal(side->answers[2].result, STEP_COMMITTED);
	assert_int_equal(side->answers[3].result, STEP_COMMITTED);
	assert_string_equal(look_text(rig, "HGET %s s", contact_key(1)), "connected");
	wait_for(rig, &side->is_up);
}

/* ---- Redis answers, but takes nothing ---- */

/* Makes Redis refuse all calls, and lets it go on. */
struct mood {
	const char *said;
	void (*begin)(struct rig *rig), (*end)(struct rig *rig);
};

static void
read_only_begins(struct rig *rig)
{
	look(rig, "REPLICAOF 127.0.0.1 1");
}

static void
replica_ends(struct rig *rig)
{
	look(rig, "REPLICAOF NO ONE");
}

static redisContext *busy_with;

static void
busy_begins(struct rig *rig)
{
	redisReply *pong;
	char path[128];

	snprintf(path, sizeof path, "%s/redis.sock", rig->dir);
	look(rig, "CONFIG SET busy-reply-threshold 1");
	busy_with = redisConnectUnix(path);
	assert_int_equal(redisAppendCommand(busy_with, "EVAL %s 0", "while true do end"),
		REDIS_OK);
	for (int done = 0; done == 0;)
		assert_int_equal(redisBufferWrite(busy_with, &done), REDIS_OK);
	do {
		pong = look(rig, "PING");
	} while (pong->type != REDIS_REPLY_ERROR);
}

static void
busy_ends(struct rig *rig)
{
	look(rig, "SCRIPT KILL");
	redisFree(busy_with);
}

static void
no_replicas_begins(struct rig *rig)
{
	look(rig, "CONFIG SET min-replicas-to-write 1");
}

static void
no_replicas_ends(struct rig *rig)
{
	look(rig, "CONFIG SET min-replicas-to-write 0");
}

static const struct mood moods[] = {{"READONLY", read_only_begins, replica_ends},
	{"BUSY", busy_begins, busy_ends},
	{"NOREPLICAS", no_replicas_begins, no_replicas_ends}};

/* The answer to a step, by its op; NULL: not yet. */
static const struct answer *
answer_to(const struct side *side, uint64_t op)
{
	for (int i = 0; i < side->n_answers; i++)
		if (side->answers[i].op == op)
			return &side->answers[i];
	return NULL;
}

/* Whoever brings a new contact hears of it at once; what agents did waits, in order. */
static void
hold_in(void **state, const struct mood *mood)
{
	struct rig *rig = *state;
	struct side *side = side_begin(rig, NULL);
	uint64_t op;

	wait_ready(side);
	do_add(side, 1, "k", "web a");
	wait_answers(side, 1);
	op = side->answers[0].op;
	mood->begin(rig);
	/* All in one call: two of them are new contacts. */
	do_offer(side, 1, "k");
	do_add(side, 2, "k", "web b");
	do_connect(side, 1);
	do_add_offer(side, 3, "web c");
	wait_answers(side, 3);
	assert_int_equal(answer_to(side, op + 2)->result, STEP_REFUSED);
	assert_int_equal(answer_to(side, op + 4)->result, STEP_REFUSED);
	assert_null(answer_to(side, op + 1));
	assert_false(side->is_up);
	do_finish(side, 1, "web a");
	do_add(side, 4, "k", "web d");
	assert_int_equal(answer_to(side, op + 6)->result, STEP_REFUSED);
	mood->end(rig);
	wait_answers(side, 7);
	for (uint64_t i = 1; i <= 5; i += 2)
		assert_int_equal(answer_to(side, op + i)->result, STEP_COMMITTED);
	wait_for(rig, &side->is_up);
	/* He tries again, and is in once. */
	do_add(side, 5, "k", "web b");
	do_add(side, 6, "k", "web b");
	wait_answers(side, 9);
	assert_int_equal(answer_to(side, op + 7)->result, STEP_COMMITTED);
	assert_int_equal(answer_to(side, op + 8)->result, STEP_DUPLICATE);
	assert_int_equal(answer_to(side, op + 8)->existing, 5);
	assert_int_equal(look_int(rig, "ZCARD " T "q:k"), 1);
	assert_int_equal(look_int(rig, "EXISTS %s", contact_key(2)), 0);
	assert_int_equal(look_int(rig, "EXISTS %s", contact_key(3)), 0);
	assert_string_equal(look_text(rig, "HGET %s s", contact_key(1)), "completed");
}

static void
who_comes_while_redis_takes_nothing_is_told_at_once(void **state)
{
	for (size_t i = 0; i < sizeof moods / sizeof *moods; i++) {
		if (in_cluster && moods[i].end == replica_ends)
			continue; /* REPLICAOF is not for clusters */
		print_message("%s\n", moods[i].said);
		hold_in(state, &moods[i]);
		rig_end(state);
		rig_begin(state);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
		TEST(killed_redis_loses_and_doubles_nothing_at_always),
		TEST(killed_redis_loses_and_doubles_nothing_at_everysec),
		TEST(cut_connections_lose_and_double_nothing),
		TEST(unheard_answers_are_read_from_the_stream),
		TEST(frozen_redis_counts_as_away_and_comes_back),
		TEST(what_redis_lost_is_given_to_it_again),
		TEST(missing_functions_are_loaded_again),
		TEST(a_replica_takes_nothing_until_it_is_master_again),
		TEST(who_comes_while_redis_takes_nothing_is_told_at_once),
	};

	in_cluster = argc > 1 && strcmp(argv[1], "cluster") == 0;
	srand(20261122);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
