/* How long a contact waits, is served and wrapped up: limits, what is given back, and who
 * is kept for calls. */
#include "router_case.h"

/* A call in the hands of the first agent since T0. */
static uint64_t
begin_call(const char *text)
{
	uint64_t call;

	begin(text, false);
	ready(T0, 0);
	call = submit(T0, "{\"channel\": \"voice\"}");
	accept(T0, call);
	return call;
}

static void
a_wrapup_extended_in_its_last_moment_goes_on(void **state)
{
	uint64_t call =
		begin_call("channels: {voice: {cost: 100, wrapup: 10s, sla: 20s}}\n"
			   "queues: {general: {}}\nagents: [{id: a1}]\n");

	router_wrapup(f.router, T0 + 1000, call, 0, 0, ask);
	/* Its end is now, but nobody has looked yet. */
	router_wrapup(f.router, T0 + 11000, call, 0, 20000, ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	router_tick(f.router, T0 + 11000);
	assert_int_equal(state_of(call), CONTACT_WRAPUP);
	tick(T0 + 31000);
	assert_int_equal(state_of(call), CONTACT_STATES);
}

/* The cap is for what agents ask; a queue's own wrap-up may be longer. */
static void
a_queues_own_wrapup_is_never_cut(void **state)
{
	uint64_t call = begin_call(
		"channels: {voice: {cost: 100, wrapup_cap: 10s, sla: 20s}}\n"
		"queues: {general: {wrapup: {voice: 60s}}}\nagents: [{id: a1}]\n");

	router_wrapup(f.router, T0, call, 0, 5000, ask);
	tick(T0 + 59000);
	assert_int_equal(state_of(call), CONTACT_WRAPUP);
	router_wrapup(f.router, T0 + 59000, call, 0, 5000, ask);
	assert_int_equal(f.last.kind, OUTCOME_BAD_VALUE);
	tick(T0 + 60000);
	assert_int_equal(state_of(call), CONTACT_STATES);
}

static void
without_a_cap_nobody_asks_for_wrapup(void **state)
{
	uint64_t call = begin_call(
		"channels: {voice: {cost: 100, wrapup: 0s, wrapup_cap: 0s, sla: 20s}}\n"
		"queues: {general: {}}\nagents: [{id: a1}]\n");

	router_wrapup(f.router, T0, call, 0, 86400000, ask);
	assert_int_equal(state_of(call), CONTACT_STATES);
}

static const char one_kept[] = "channels:\n"
			       "  voice: {cost: 100, sla: 20s}\n"
			       "  email: {cost: 25, sla: 100s, deferrable: true}\n"
			       "queues: {general: {reserve: 1}}\n"
			       "agents: [{id: a1}, {id: a2}]\n";

static void
who_closed_his_live_channels_is_not_kept_for_calls(void **state)
{
	uint64_t mail;

	begin(one_kept, false);
	ready(T0, 0);
	mail = submit(T0, "{\"channel\": \"email\"}");
	assert_int_equal(state_of(mail), CONTACT_QUEUED);
	router_set_channel(f.router, T0, 0, 0, false, -1, ask);
	assert_int_equal(state_of(mail), CONTACT_OFFERED);
	assert_int_equal(contact_find(f.router, mail)->agent, 0);
	/* It outlives a restart, and opening the channel ends it. */
	restart(T0 + 1000, one_kept);
	assert_false(f.router->agents[0].takes_live);
	assert_true(f.router->agents[1].takes_live);
	router_set_channel(f.router, T0 + 1000, 0, 0, true, -1, ask);
	assert_true(f.router->agents[0].takes_live);
}

static const char parked_work[] =
	"channels: {email: {cost: 100, wrapup: 0s, sla: 40m, interruptible: true}}\n"
	"queues: {general: {}}\npark_limit: 30m\nagents: [{id: a1}]\n";

/* ROUTING 9: nobody is punished for having been served, parked or not, restart or not. */
static void
time_served_before_a_park_is_given_back(void **state)
{
	const int64_t minute = 60000;
	uint64_t mail;

	begin(parked_work, false);
	ready(T0, 0);
	mail = submit(T0, "{\"channel\": \"email\"}");
	accept(T0, mail);
	router_park(f.router, T0 + 20 * minute, mail, 0, 0, ask);
	assert_int_equal(contact_find(f.router, mail)->d_ms, T0 + 40 * minute);
	restart(T0 + 21 * minute, parked_work);
	tick(T0 + 50 * minute);
	assert_int_equal(state_of(mail), CONTACT_QUEUED);
	assert_int_equal(contact_find(f.router, mail)->d_ms, T0 + 60 * minute);
}

/* Waits of at most a minute are taken. */
static const char one_minute[] = "channels: {voice: {cost: 100, wrapup: 0s, sla: 20s}}\n"
				 "queues: {general: {limits: {wait: {voice: 60s}}}}\n"
				 "agents: [{id: a1}, {id: a2}, {id: a3}]\n";

static void
time_served_is_no_time_waited(void **state)
{
	uint64_t call;

	begin(one_minute, false);
	ready(T0, 0);
	call = submit(T0, "{\"channel\": \"voice\"}");
	accept(T0 + 5000, call);
	router_set_state(f.router, T0 + 6000, 0, AGENT_NOT_READY, NULL, false, ask);
	router_transfer(f.router, T0 + 605000, call, 0, -1, -1, ask);
	tick(T0 + 605000);
	assert_int_equal(state_of(call), CONTACT_QUEUED);
	tick(T0 + 659999);
	assert_int_equal(state_of(call), CONTACT_QUEUED);
	tick(T0 + 660000);
	assert_int_equal(state_of(call), CONTACT_STATES);
	assert_int_equal(times_heard(EVENT_CONTACT_EXPIRED), 1);
}

static void
long_waits_of_once_refuse_nobody_now(void **state)
{
	begin(one_minute, false);
	ready(T0, 0);
	for (int i = 0; i < 3; i++) {
		int64_t at_ms = T0 + i * 1000000;
		uint64_t call = submit(at_ms, "{\"channel\": \"voice\"}");

		accept(at_ms, call);
		router_transfer(f.router, at_ms + 900000, call, 0, -1, -1, ask);
		accept(at_ms + 900000, call);
		router_complete(f.router, at_ms + 900001, call, 0, NULL, ask);
	}
	assert_int_not_equal(submit(T0 + 3000000, "{\"channel\": \"voice\"}"), 0);
	assert_int_not_equal(submit(T0 + 3000001, "{\"channel\": \"voice\"}"), 0);
	assert_int_not_equal(submit(T0 + 3000002, "{\"channel\": \"voice\"}"), 0);
}

/* An e-mail that nobody can serve must not keep long waits of once alive for calls. */
static void
others_who_wait_do_not_refuse_callers(void **state)
{
	begin("channels: {voice: {cost: 100, wrapup: 0s, sla: 20s}, email: {cost: 25}}\n"
	      "queues: {general: {limits: {wait: {voice: 60s}}}}\n"
	      "agents: [{id: a1, channels: [voice]}]\n",
		false);
	ready(T0, 0);
	assert_int_not_equal(submit(T0, "{\"channel\": \"email\"}"), 0);
	for (int i = 0; i < 3; i++) {
		int64_t at_ms = T0 + i * 1000000;
		uint64_t first = submit(at_ms, "{\"channel\": \"voice\"}");
		uint64_t second = submit(at_ms, "{\"channel\": \"voice\"}");

		accept(at_ms, first);
		router_complete(f.router, at_ms + 59000, first, 0, NULL, ask);
		accept(at_ms + 59000, second);
		router_complete(f.router, at_ms + 159000, second, 0, NULL, ask);
	}
	for (int i = 0; i < 5; i++) {
		int64_t at_ms = T0 + 5000000 + i * 1000000;
		uint64_t call = submit(at_ms, "{\"channel\": \"voice\"}");

		assert_int_not_equal(call, 0);
		accept(at_ms, call);
		router_complete(f.router, at_ms + 1000, call, 0, NULL, ask);
	}
}

static void
a_newcomers_wait_is_shared_by_all_agents(void **state)
{
	uint64_t call;

	begin(one_minute, false);
	for (int i = 0; i < 3; i++)
		ready(T0, i);
	call = submit(T0, "{\"channel\": \"voice\"}");
	accept(T0, call);
	/* As after a restart: how long calls take is known, but not how long they wait.
	 */
	restart(T0 + 1000, one_minute);
	for (int i = 0; i < 3; i++)
		router_desk_back(f.router, T0 + 1000, i);
	router_complete(f.router, T0 + 40000, call, -1, NULL, ask);
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(submit(T0 + 41000, "{\"channel\": \"voice\"}"), 0);
	/* Two would wait 2 x 40 s for one agent, but there are three. */
	assert_int_not_equal(submit(T0 + 41000, "{\"channel\": \"voice\"}"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, end)
		TEST(a_wrapup_extended_in_its_last_moment_goes_on),
		TEST(a_queues_own_wrapup_is_never_cut),
		TEST(without_a_cap_nobody_asks_for_wrapup),
		TEST(who_closed_his_live_channels_is_not_kept_for_calls),
		TEST(time_served_before_a_park_is_given_back),
		TEST(time_served_is_no_time_waited),
		TEST(long_waits_of_once_refuse_nobody_now),
		TEST(others_who_wait_do_not_refuse_callers),
		TEST(a_newcomers_wait_is_shared_by_all_agents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
