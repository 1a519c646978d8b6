/* What may be told of a contact while a step of it is on its way to the store. */
#include "router_case.h"

static const char one_agent[] = CHANNELS "queues: {general: {}}\nagents: [{id: a1}]\n";

/* What a desktop's snapshot has: not what is still on its way to somebody, but what is
 * his while something else of it is. */
static void
where_a_contact_is_stands_while_something_else_of_it_changes(void **state)
{
	uint64_t mail;

	begin(one_agent, true);
	ready(T0, 0);
	mail = submit(T0, "{\"channel\": \"email\"}");
	assert_int_equal(state_of(mail), CONTACT_OFFERED);
	assert_true(router_contact_stands(f.router, mail));
	router_accept(f.router, T0 + 10, router_contact_offer(f.router, mail), 0, ask);
	assert_false(router_contact_stands(f.router, mail));
	router_respond_by(f.router, T0 + 11, mail, T0 + 11);
	assert_false(router_contact_stands(f.router, mail));
	store_memory_run(f.store);
	assert_int_equal(state_of(mail), CONTACT_CONNECTED);
	router_respond_by(f.router, T0 + 20, mail, T0 + 20);
	assert_false(router_contact_settled(f.router, mail));
	assert_true(router_contact_stands(f.router, mail));
	store_memory_run(f.store);
	restart(T0 + 1000, one_agent);
	router_respond_by(f.router, T0 + 1000, mail, T0 + 1000);
	assert_false(router_contact_settled(f.router, mail));
	assert_true(router_contact_stands(f.router, mail));
	store_memory_run(f.store);
}

static int64_t answered_ms; /* when the store's answers come */

static int64_t
clock_of_answers(void *owner)
{
	return answered_ms;
}

/* Redis stood still, or its answers were lost and are read from the stream: they come
 * while the store still counts as away. */
static void
an_offer_committed_while_the_store_was_away_does_not_outlive_its_time(void **state)
{
	uint64_t call;

	begin(one_agent, true);
	router_use_clock(f.router, clock_of_answers, NULL);
	answered_ms = T0;
	ready(T0, 0);
	store_memory_run(f.store);
	submit_uncommitted(T0, "{\"channel\": \"voice\"}");
	router_store_state(f.router, T0 + 1000, false);
	answered_ms = T0 + 61000;
	store_memory_run(f.store);
	call = f.last.contact;
	assert_int_equal(state_of(call), CONTACT_OFFERED);
	router_store_state(f.router, T0 + 61500, true);
	answered_ms = T0 + 76499;
	tick(T0 + 76499);
	assert_int_equal(state_of(call), CONTACT_OFFERED);
	answered_ms = T0 + 76500;
	tick(T0 + 76500);
	assert_int_equal(state_of(call), CONTACT_QUEUED);
	store_memory_run(f.store);
}

/* What Redis has lost is served from memory; its offers end as others do. */
static void
an_offer_that_the_store_refuses_has_its_time_nevertheless(void **state)
{
	uint64_t call;

	begin(one_agent, true);
	submit_uncommitted(T0, "{\"channel\": \"voice\"}");
	store_memory_crash(f.store);
	call = (uint64_t)1 << 36 | 1;
	ready(T0, 0);
	store_memory_run(f.store);
	assert_int_equal(state_of(call), CONTACT_OFFERED);
	assert_int_equal(times_heard(EVENT_OFFER_CREATED), 1);
	assert_int_equal(store_memory_wrong(f.store, NULL), 1);
	tick(T0 + 15000);
	assert_int_equal(state_of(call), CONTACT_QUEUED);
}

/* The fault was wanted. */
static int
end_refused(void **state)
{
	return end(state) > 0 ? 0 : 1;
}

/* Redis keeps the names of all classes that were ever used. */
static void
deadlines_of_contacts_make_no_classes_in_the_store(void **state)
{
	char text[80];
	char *class = NULL;

	begin(one_agent, false);
	for (int i = 0; i < 5; i++) {
		uint64_t call;

		snprintf(text, sizeof text, "{\"channel\": \"voice\", \"sla_ms\": %d}",
			100000 + i);
		call = submit(T0, text);
		if (class == NULL)
			class = xstrdup(store_memory_class(f.store, call));
		assert_string_equal(store_memory_class(f.store, call), class);
	}
	free(class);
}

/* It is stored though the name of the class is as before. */
static void
a_promise_that_a_reload_changes_outlives_a_restart(void **state)
{
	static const char longer[] = "channels: {voice: {sla: 90s}}\nqueues: {general: "
				     "{}}\nagents: [{id: a1}]\n";
	uint64_t call;

	begin("channels: {voice: {sla: 20s}}\nqueues: {general: {}}\nagents: [{id: "
	      "a1}]\n",
		false);
	call = submit(T0, "{\"channel\": \"voice\"}");
	assert_int_equal(contact_find(f.router, call)->d_ms, T0 + 20000);
	reload(T0 + 1000, longer);
	assert_int_equal(contact_find(f.router, call)->d_ms, T0 + 90000);
	restart(T0 + 2000, longer);
	assert_int_equal(contact_find(f.router, call)->d_ms, T0 + 90000);
	assert_int_equal(contact_find(f.router, call)->sla_ms, 90000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			where_a_contact_is_stands_while_something_else_of_it_changes,
			end),
		cmocka_unit_test_teardown(
			an_offer_committed_while_the_store_was_away_does_not_outlive_its_time,
			end),
		cmocka_unit_test_teardown(
			an_offer_that_the_store_refuses_has_its_time_nevertheless,
			end_refused),
		cmocka_unit_test_teardown(
			deadlines_of_contacts_make_no_classes_in_the_store, end),
		cmocka_unit_test_teardown(
			a_promise_that_a_reload_changes_outlives_a_restart, end),
	};

	return cmocka_run_group_tests_name("router_commit", tests, NULL, NULL);
}
