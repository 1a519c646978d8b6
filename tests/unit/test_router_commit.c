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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			where_a_contact_is_stands_while_something_else_of_it_changes,
			end),
	};

	return cmocka_run_group_tests_name("router_commit", tests, NULL, NULL);
}
