/* A contact goes on as another channel, or later: the same contact, as old as it was. */
#include "router_case.h"

#define SETTINGS                                                                         \
	"channels:\n"                                                                    \
	"  chat: {cost: 50, offer_timeout: 30s, wrapup: 0s, sla: 30s}\n"                 \
	"  callback: {cost: 100, offer_timeout: 30s, wrapup: 0s, sla: 15m}\n"            \
	"  email: {cost: 25, offer_timeout: 60s, wrapup: 0s, sla: 4h}\n"                 \
	"queues: {general: {channels: [chat, callback]}}\n"                              \
	"agents: [{id: a1}]\n"

static int
setup(void **state)
{
	begin(SETTINGS, false);
	return 0;
}

static const struct contact *
at(uint64_t contact)
{
	const struct contact *c = contact_find(f.router, contact);

	assert_non_null(c);
	return c;
}

static int
channel(const char *name)
{
	return centre_channel(f.config->centre, name);
}

static void
pass(int64_t now_ms, uint64_t contact, const char *to, int64_t until_ms)
{
	struct pass_on how = {.channel = to != NULL ? channel(to) : -1,
		.until_ms = until_ms,
		.by_agent = -1,
		.reason = "converted"};

	router_pass_on(f.router, now_ms, contact, &how, ask);
}

static void
a_waiting_chat_becomes_a_callback_of_the_same_age(void **state)
{
	uint64_t c = submit(T0, "{\"channel\": \"chat\"}");

	pass(T0 + 60000, c, "callback", 0);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	assert_int_equal(state_of(c), CONTACT_QUEUED);
	assert_int_equal(at(c)->channel, channel("callback"));
	assert_int_equal(at(c)->t0_ms, T0);
	assert_int_equal(at(c)->d_ms, T0 + 15 * 60000);
	ready(T0 + 61000, 0);
	accept(T0 + 61000, c);
	assert_int_equal(at(c)->cost_pts, 100);
}

static void
one_in_an_agents_hands_leaves_them_and_what_moved_its_deadline_stays(void **state)
{
	uint64_t c;

	ready(T0, 0);
	c = submit(T0, "{\"channel\": \"chat\"}");
	accept(T0 + 1000, c);
	pass(T0 + 61000, c, "callback", T0 + 600000);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	assert_int_equal(state_of(c), CONTACT_SCHEDULED);
	assert_int_equal(router_contact_agent(f.router, c), -1);
	assert_int_equal(at(c)->d_ms, T0 + 15 * 60000 + 60000);
	assert_int_equal(f.router->agents[0].load_pts, 0);
	tick(T0 + 600000);
	assert_int_equal(state_of(c), CONTACT_OFFERED);
}

static void
an_offered_one_is_taken_back_first(void **state)
{
	uint64_t c;

	ready(T0, 0);
	c = submit(T0, "{\"channel\": \"chat\"}");
	assert_int_equal(state_of(c), CONTACT_OFFERED);
	pass(T0 + 1000, c, NULL, T0 + 5000);
	assert_int_equal(state_of(c), CONTACT_SCHEDULED);
	assert_int_equal(times_heard(EVENT_OFFER_CANCELLED), 1);
	assert_int_equal(f.router->agents[0].load_pts, 0);
}

static void
a_channel_that_no_queue_takes_changes_nothing(void **state)
{
	uint64_t c = submit(T0, "{\"channel\": \"chat\"}");

	pass(T0 + 1000, c, "email", 0);
	assert_int_equal(f.last.kind, OUTCOME_NO_CHANNEL);
	assert_int_equal(at(c)->channel, channel("chat"));
	pass(T0 + 1000, c + 1, "callback", 0);
	assert_int_equal(f.last.kind, OUTCOME_NO_CONTACT);
}

static void
who_was_not_reached_ends_so(void **state)
{
	uint64_t c;

	ready(T0, 0);
	c = submit(T0, "{\"channel\": \"callback\"}");
	accept(T0 + 1000, c);
	router_unreachable(f.router, T0 + 2000, c, 1, "no_answer", ask);
	assert_int_equal(f.last.kind, OUTCOME_NOT_YOURS);
	router_unreachable(f.router, T0 + 2000, c, 0, "no_answer", ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	assert_int_equal(state_of(c), CONTACT_STATES);
	assert_int_equal(f.router->agents[0].load_pts, 0);
}

static void
it_survives_a_restart(void **state)
{
	uint64_t c = submit(T0, "{\"channel\": \"chat\"}");

	pass(T0 + 1000, c, "callback", T0 + 60000);
	restart(T0 + 2000, SETTINGS);
	assert_int_equal(state_of(c), CONTACT_SCHEDULED);
	assert_int_equal(at(c)->channel, channel("callback"));
	assert_int_equal(at(c)->d_ms, T0 + 15 * 60000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_waiting_chat_becomes_a_callback_of_the_same_age),
		TEST(one_in_an_agents_hands_leaves_them_and_what_moved_its_deadline_stays),
		TEST(an_offered_one_is_taken_back_first),
		TEST(a_channel_that_no_queue_takes_changes_nothing),
		TEST(who_was_not_reached_ends_so),
		TEST(it_survives_a_restart),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
