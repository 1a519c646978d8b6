/* tests/flow/store_steps.c - what each function of the Redis store checks and writes, on
 * a real Redis. With the argument "cluster": on a cluster of one node, which refuses keys
 * outside of the centre's slot. */
#include "store_support.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define T "usher:{t}:"
#define QUEUED IN(CONTACT_QUEUED)

static struct side *
ready_side(void **state)
{
	struct side *side = side_begin(*state, NULL);

	wait_ready(side);
	return side;
}

static enum step_result
last_result(const struct side *side)
{
	return side->answers[side->n_answers - 1].result;
}

static const char *
state_of(struct rig *rig, uint64_t id)
{
	return look_text(rig, "HGET %s s", contact_key(id));
}

static bool
in_set(struct rig *rig, const char *set, uint64_t id)
{
	char text[NUMBER_ID_TEXT];

	number_id_format(text, 'c', id);
	return look(rig, "ZSCORE " T "%s %s", set, text)->type == REDIS_REPLY_STRING;
}

static void
a_life_is_written_step_by_step(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);

	do_add(side, 7, "billing:voice", "web m-1");
	wait_answers(side, 1);
	assert_int_equal(last_result(side), STEP_COMMITTED);
	assert_string_equal(state_of(rig, 7), "queued");
	assert_string_equal(
		look_text(rig, "HGET %s p", contact_key(7)), "{\"contact\":7}");
	assert_true(in_set(rig, "q:billing:voice", 7));
	assert_int_equal(look_int(rig, "SISMEMBER " T "classes billing:voice"), 1);
	assert_string_equal(
		look_text(rig, "HGET " T "external %s", "web m-1"), "c000000000007");

	do_offer(side, 7, "billing:voice");
	do_back(side, 7, "billing:voice");
	do_offer(side, 7, "billing:voice");
	do_connect(side, 7);
	wait_answers(side, 5);
	assert_string_equal(state_of(rig, 7), "connected");
	assert_string_equal(look_text(rig, "HGET %s x1", contact_key(7)), "because");
	assert_false(in_set(rig, "q:billing:voice", 7));
	assert_true(in_set(rig, "held", 7));

	do_finish(side, 7, "web m-1");
	wait_answers(side, 6);
	assert_string_equal(state_of(rig, 7), "completed");
	assert_string_equal(look_text(rig, "HGET " T "agents a1"), "idle");
	assert_string_equal(look_text(rig, "LINDEX " T "leaving 0"),
		"1790604800000 web m-1"); /* seven days later */
	assert_int_equal(look_int(rig, "ZCOUNT " T "held 1 +inf"), 1);
	for (int i = 0; i < 6; i++)
		assert_int_equal(side->answers[i].result, STEP_COMMITTED);
	/* One entry a step, numbered without a gap, after the one of the take-over. */
	assert_int_equal(look_int(rig, "XLEN " T "events"), 7);
	assert_string_equal(look(rig, "XREVRANGE " T "events + - COUNT 1")
				    ->element[0]
				    ->element[0]
				    ->str,
		"1-6");
}

static void
a_step_that_finds_another_state_changes_nothing(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);

	do_add(side, 1, "k", NULL);
	do_connect(side, 1); /* it was never offered */
	do_finish(side, 1, NULL);
	do_connect(side, 99); /* there is none */
	do_offer(side, 1, "k");
	wait_answers(side, 5);
	assert_int_equal(side->answers[0].result, STEP_COMMITTED);
	assert_int_equal(side->answers[1].result, STEP_REFUSED);
	assert_int_equal(side->answers[2].result, STEP_REFUSED);
	assert_int_equal(side->answers[3].result, STEP_REFUSED);
	assert_int_equal(side->answers[4].result, STEP_COMMITTED);
	assert_string_equal(state_of(rig, 1), "offered");
	assert_int_equal(look_int(rig, "EXISTS %s", contact_key(99)), 0);
	assert_int_equal(look_int(rig, "EXISTS " T "agents"), 0);
}

static void
a_known_external_id_gets_the_first_contact(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);

	do_add(side, 1, "k", "web same");
	do_add(side, 2, "k", "web same");
	do_add_offer(side, 3, "web same");
	do_add_offer(side, 4, "web other");
	wait_answers(side, 4);
	assert_int_equal(side->answers[0].result, STEP_COMMITTED);
	assert_int_equal(side->answers[1].result, STEP_DUPLICATE);
	assert_int_equal(side->answers[1].existing, 1);
	assert_int_equal(side->answers[2].result, STEP_DUPLICATE);
	assert_int_equal(side->answers[3].result, STEP_COMMITTED);
	assert_int_equal(
		look_int(rig, "EXISTS %s %s", contact_key(2), contact_key(3)), 0);
	assert_int_equal(look_int(rig, "ZCARD " T "q:k"), 1);
}

static void
an_external_id_outlives_its_contact(void **state)
{
	struct side *side = ready_side(state);

	do_add_offer(side, 1, "web m");
	do_connect(side, 1);
	do_finish(side, 1, "web m");
	do_add(side, 2, "k", "web m");
	wait_answers(side, 4);
	assert_int_equal(last_result(side), STEP_DUPLICATE);
	assert_int_equal(side->answers[3].existing, 1);
	/* Seven days later it is free, by centre time. */
	side->rig->now_ms += 7 * 86400000LL - 1;
	run_ms(side->rig, 1300);
	do_add(side, 3, "k", "web m");
	wait_answers(side, 5);
	assert_int_equal(last_result(side), STEP_DUPLICATE);
	side->rig->now_ms += 1;
	wait_int(side->rig, 0, "EXISTS " T "leaving");
	do_add(side, 4, "k", "web m");
	wait_answers(side, 6);
	assert_int_equal(last_result(side), STEP_COMMITTED);
}

static void
what_is_not_kept_leaves_when_it_ends_unless_history_reads(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);

	for (uint64_t id = 1; id <= 2; id++) {
		struct step *step;

		do_add(side, id, "k", NULL);
		step = a_step(side, STEP_FINISH);
		step->keep_ms = 0;
		a_part(step, id, QUEUED, CONTACT_ABANDONED, "k", NULL, 0);
		commit(side, step);
		do_add_offer(side, id + 10, NULL);
		do_connect(side, id + 10);
		step = a_step(side, STEP_FINISH);
		step->keep_ms = 0;
		a_part(step, id + 10, IN(CONTACT_CONNECTED), CONTACT_COMPLETED, NULL,
			NULL, 0);
		commit(side, step);
		wait_answers(side, 5 * (int)id);
		assert_int_equal(last_result(side), STEP_COMMITTED);
		/* At first there is no history, then there is. */
		assert_int_equal(look_int(rig, "EXISTS %s %s", contact_key(id),
					 contact_key(id + 10)),
			id == 1 ? 0 : 2);
		assert_int_equal(
			look_int(rig, "ZCOUNT " T "held 1 +inf"), id == 1 ? 0 : 2);
		look(rig, "SET " T "cursor 1-1");
	}
	assert_int_equal(look_int(rig, "EXISTS " T "q:k"), 0);
}

static void
several_parts_are_written_together_or_not_at_all(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);
	struct step *step;

	/* A call is offered to one who holds two mails, which are parked for it. */
	for (uint64_t mail = 1; mail <= 2; mail++) {
		do_add_offer(side, mail, NULL);
		do_connect(side, mail);
	}
	do_add(side, 3, "voice", NULL);
	step = a_step(side, STEP_OFFER);
	a_part(step, 3, QUEUED, CONTACT_OFFERED, "voice", NULL, 0)->decision =
		xstrdup("why");
	step->part[0].n_decisions = 1;
	a_part(step, 1, IN(CONTACT_CONNECTED), CONTACT_PARKED, NULL, NULL, 0);
	a_part(step, 2, IN(CONTACT_CONNECTED), CONTACT_PARKED, NULL, NULL, 0);
	an_agent(step, "a1", "busy");
	an_agent(step, "a2", "free");
	commit(side, step);
	wait_answers(side, 6);
	assert_int_equal(last_result(side), STEP_COMMITTED);
	assert_string_equal(state_of(rig, 1), "parked");
	assert_string_equal(state_of(rig, 2), "parked");
	assert_string_equal(look_text(rig, "HGET " T "agents a2"), "free");

	/* All three return, each to a class of its own; one does not fit. */
	for (int fits = 0; fits <= 1; fits++) {
		step = a_step(side, STEP_BACK);
		a_part(step, 3, IN(CONTACT_OFFERED), CONTACT_QUEUED, NULL, "voice", 5);
		a_part(step, 1, IN(CONTACT_PARKED), CONTACT_QUEUED, NULL, "new1", 6.5);
		a_part(step, 2, fits ? IN(CONTACT_PARKED) : IN(CONTACT_WRAPUP),
			CONTACT_QUEUED, NULL, "new2", 7);
		commit(side, step);
		wait_answers(side, 7 + fits);
		assert_int_equal(last_result(side), fits ? STEP_COMMITTED : STEP_REFUSED);
		assert_string_equal(state_of(rig, 3), fits ? "queued" : "offered");
		assert_int_equal(look_int(rig, "SCARD " T "classes"), fits ? 3 : 1);
	}
	assert_int_equal(look_int(rig, "ZCARD " T "held"), 0);
	assert_true(in_set(rig, "q:new2", 2));
	assert_string_equal(look_text(rig, "ZSCORE " T "q:new1 c000000000001"), "6.5");
}

static void
a_move_changes_class_or_place(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);
	struct step *step;

	do_add(side, 1, "a", NULL);
	step = a_step(side, STEP_MOVE);
	a_part(step, 1, QUEUED, CONTACT_QUEUED, "a", "b", 3);
	commit(side, step);
	step = a_step(side, STEP_MOVE);
	a_part(step, 1, QUEUED, CONTACT_QUEUED, "b", "b", 1790000000000.125);
	commit(side, step);
	/* Put off, and back. */
	step = a_step(side, STEP_MOVE);
	a_part(step, 1, QUEUED, CONTACT_SCHEDULED, "b", NULL, 0);
	commit(side, step);
	wait_answers(side, 4);
	assert_string_equal(state_of(rig, 1), "scheduled");
	assert_true(in_set(rig, "held", 1));
	step = a_step(side, STEP_MOVE);
	a_part(step, 1, IN(CONTACT_SCHEDULED), CONTACT_QUEUED, NULL, "a",
		1790000000000.125);
	commit(side, step);
	/* Abandoned while it waits. */
	do_add(side, 2, "a", NULL);
	step = a_step(side, STEP_FINISH);
	a_part(step, 2, QUEUED, CONTACT_ABANDONED, "a", NULL, 0);
	commit(side, step);
	wait_answers(side, 7);
	for (int i = 0; i < 7; i++)
		assert_int_equal(side->answers[i].result, STEP_COMMITTED);
	assert_string_equal(
		look_text(rig, "ZSCORE " T "q:a c000000000001"), "1790000000000.125");
	assert_int_equal(look_int(rig, "EXISTS " T "q:b"), 0);
	assert_int_equal(look_int(rig, "ZCOUNT " T "held 0 0"), 0);
	assert_int_equal(look_int(rig, "ZCOUNT " T "held 1 +inf"), 1);
}

static void
records_of_agents_and_queues_stand_alone(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);
	struct step *step = a_step(side, STEP_AGENT);

	an_agent(step, "ann", "one");
	an_agent(step, "bob", "two");
	commit(side, step);
	step = a_step(side, STEP_QUEUE);
	step->queue = xstrdup("billing");
	step->queue_record = xstrdup("closed=1");
	commit(side, step);
	wait_answers(side, 2);
	assert_int_equal(side->answers[0].result, STEP_COMMITTED);
	assert_int_equal(side->answers[1].result, STEP_COMMITTED);
	assert_string_equal(look_text(rig, "HGET " T "agents bob"), "two");
	assert_string_equal(look_text(rig, "HGET " T "queues billing"), "closed=1");
}

static void
a_step_without_event_is_counted_in_the_stream(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);
	struct step *step = a_step(side, STEP_ADD);

	free(step->event);
	step->event = NULL;
	a_part(step, 1, 0, CONTACT_QUEUED, NULL, "k", 1);
	commit(side, step);
	wait_answers(side, 1);
	assert_int_equal(last_result(side), STEP_COMMITTED);
	assert_int_equal(look_int(rig, "XLEN " T "events"), 2);
}

static void
binary_text_comes_back_as_it_was(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);
	const char *odd = "{\"t\":\"\\u0000 a b\r\n$5\r\nhello\xff\xc3\xa9 ' \\\" %s\"}";
	struct step *step = a_step(side, STEP_ADD);
	struct step_part *p = a_part(step, 1, 0, CONTACT_QUEUED, NULL, "k k", 1);

	free(p->payload);
	p->payload = xstrdup(odd);
	p->external = xstrdup("mail <a b@c>\r\nx");
	commit(side, step);
	wait_answers(side, 1);
	assert_string_equal(look_text(rig, "HGET %s p", contact_key(1)), odd);
	assert_int_equal(
		look_int(rig, "HEXISTS " T "external %s", "mail <a b@c>\r\nx"), 1);
	assert_int_equal(look_int(rig, "ZCARD %s", T "q:k k"), 1);
}

static void
who_does_not_own_the_centre_does_nothing(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);

	do_add(side, 1, "k", NULL);
	wait_answers(side, 1);
	look(rig, "SET " T "owner 2:somebodyelse");
	do_offer(side, 1, "k");
	do_connect(side, 1);
	wait_for(rig, &side->is_stale);
	do_add(side, 2, "k", NULL);
	run_ms(rig, 100);
	assert_int_equal(side->n_answers, 1);
	assert_string_equal(state_of(rig, 1), "queued");
	assert_int_equal(look_int(rig, "EXISTS %s", contact_key(2)), 0);
	assert_int_equal(look_int(rig, "XLEN " T "events"), 2);
}

static void
an_idle_router_learns_that_it_is_stale(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);

	look(rig, "SET " T "owner 2:somebodyelse");
	wait_for(rig, &side->is_stale);
}

static void
full_memory_refuses_intake_and_lets_the_rest_drain(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);
	struct step *step;

	do_add_offer(side, 1, NULL);
	do_add(side, 2, "k", NULL);
	wait_answers(side, 2);
	look(rig, "CONFIG SET maxmemory 1");
	do_add(side, 3, "k", "web late");
	do_connect(side, 1);
	do_add_offer(side, 4, NULL);
	do_offer(side, 2, "k");
	do_back(side, 2, "k");
	do_finish(side, 1, NULL);
	step = a_step(side, STEP_AGENT);
	an_agent(step, "ann", "one");
	commit(side, step);
	wait_answers(side, 9);
	for (int i = 0; i < 9; i++)
		assert_int_equal(side->answers[i].result,
			i == 2 || i == 4 ? STEP_REFUSED : STEP_COMMITTED);
	for (int i = 1; i < 9; i++)
		assert_true(side->answers[i].op > side->answers[i - 1].op);
	assert_string_equal(state_of(rig, 1), "completed");
	assert_int_equal(look_int(rig, "HEXISTS " T "external %s", "web late"), 0);
	look(rig, "CONFIG SET maxmemory 0");
	run_ms(rig, 150); /* intake is refused for a moment without asking */
	do_add(side, 5, "k", "web late");
	wait_answers(side, 10);
	assert_int_equal(last_result(side), STEP_COMMITTED);
	assert_false(side->is_stale);
}

static void
finished_contacts_leave_behind_historys_cursor(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);

	for (uint64_t id = 1; id <= 3; id++) {
		do_add_offer(side, id, NULL);
		do_connect(side, id);
		do_finish(side, id, NULL);
		/* Contact 1 ends with entry 3, contact 2 with 6, contact 3 with 9. */
	}
	wait_answers(side, 9);
	look(rig, "SET " T "cursor 1-6");
	run_ms(rig, 1300);
	assert_int_equal(look_int(rig, "ZCARD " T "held"), 3); /* not due yet */
	rig->now_ms += 3600001;
	wait_int(rig, 1, "ZCARD " T "held");
	run_ms(rig, 1300);
	assert_int_equal(look_int(rig, "ZCARD " T "held"), 1);
	assert_int_equal(
		look_int(rig, "EXISTS %s %s", contact_key(1), contact_key(2)), 0);
	assert_int_equal(look_int(rig, "EXISTS %s", contact_key(3)), 1);
	look(rig, "DEL " T "cursor");
	wait_int(rig, 0, "EXISTS " T "held");
	assert_int_equal(look_int(rig, "EXISTS %s", contact_key(3)), 0);
}

static void
the_stream_is_cut_behind_historys_cursor(void **state)
{
	struct rig *rig = *state;
	struct side *side = ready_side(state);
	int n = STORE_STREAM_LEAST + 2000;

	look(rig, "SET " T "cursor 1-500");
	for (int i = 0; i < n; i++) {
		struct step *step = a_step(side, STEP_AGENT);

		an_agent(step, "ann", "one");
		commit(side, step);
	}
	wait_answers(side, n);
	while (look_int(rig, "XLEN " T "events") > n)
		run_ms(rig, 50);
	run_ms(rig, 1300);
	assert_true(look_int(rig, "XLEN " T "events") >= n - 500);
	look(rig, "SET " T "cursor 1-%d", n);
	while (look_int(rig, "XLEN " T "events") > STORE_STREAM_LEAST + 200)
		run_ms(rig, 50); /* it is cut in whole nodes */
	run_ms(rig, 1300);
	assert_true(look_int(rig, "XLEN " T "events") >= STORE_STREAM_LEAST);
	look(rig, "DEL " T "cursor");
	do_add(side, 1, "k", NULL);
	wait_answers(side, n + 1);
	assert_int_equal(last_result(side), STEP_COMMITTED);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
		TEST(a_life_is_written_step_by_step),
		TEST(a_step_that_finds_another_state_changes_nothing),
		TEST(a_known_external_id_gets_the_first_contact),
		TEST(an_external_id_outlives_its_contact),
		TEST(what_is_not_kept_leaves_when_it_ends_unless_history_reads),
		TEST(several_parts_are_written_together_or_not_at_all),
		TEST(a_move_changes_class_or_place),
		TEST(records_of_agents_and_queues_stand_alone),
		TEST(a_step_without_event_is_counted_in_the_stream),
		TEST(binary_text_comes_back_as_it_was),
		TEST(who_does_not_own_the_centre_does_nothing),
		TEST(an_idle_router_learns_that_it_is_stale),
		TEST(full_memory_refuses_intake_and_lets_the_rest_drain),
		TEST(finished_contacts_leave_behind_historys_cursor),
		TEST(the_stream_is_cut_behind_historys_cursor),
	};

	in_cluster = argc > 1 && strcmp(argv[1], "cluster") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
