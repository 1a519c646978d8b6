/* Calls: what the switch says ends offers, connects, and puts off (route/carry.c). */
#include "route/record.h"
#include "router_case.h"

#define SETTINGS                                                                         \
	CHANNELS "queues: {general: {}}\n"                                               \
		 "reject_cooldown: 10s\n"                                                \
		 "agents: [{id: a1, device: \"PJSIP/1001\"}, {id: a2}]\n"

static struct {
	int n;
	uint64_t contact, offer;
} asked;

static void
overdue(void *owner, uint64_t contact, uint64_t offer)
{
	asked.n++;
	asked.contact = contact;
	asked.offer = offer;
}

static int64_t opening_ms; /* nothing may be offered before it */

static int64_t
opens(void *owner, uint64_t contact, int64_t at_ms)
{
	return at_ms > opening_ms ? at_ms : opening_ms;
}

static int
setup(void **state)
{
	const struct carrier carrier = {.overdue = overdue, .opens_ms = opens};

	begin(SETTINGS, false);
	asked.n = 0;
	opening_ms = 0;
	router_use_carrier(f.router, &carrier);
	for (int i = 0; i < 2; i++)
		router_login(f.router, T0, i, i == 0 ? NULL : "1002", ask);
	router_set_state(f.router, T0, 0, AGENT_READY, NULL, false, ask);
	return 0;
}

static uint64_t
call(int64_t now_ms, const char *id)
{
	struct submission s = {0};
	struct submission_error error;
	json_t *json = json_pack("{s:s, s:s, s:s, s:{s:s}}", "channel", "voice", "source",
		"pbx", "external_id", id, "attributes", "ani", "5550100");
	uint64_t contact;

	assert_true(submission_parse(json, &s, &error));
	json_decref(json);
	router_submit(f.router, now_ms, &s, ask);
	submission_finish(&s);
	contact = f.last.contact;
	router_carry(f.router, contact, true);
	return contact;
}

static void
the_telephones_answer_accepts_and_the_desktops_does_not(void **state)
{
	uint64_t c = call(T0, "c1"), offer = router_contact_offer(f.router, c);

	assert_true(offer != 0);
	router_accept(f.router, T0 + 1, offer, 0, ask);
	assert_int_equal(f.last.kind, OUTCOME_WRONG_STATE);
	router_answered(f.router, T0 + 2, offer, ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_CONNECTED);
	router_answered(f.router, T0 + 3, offer, ask);
	assert_int_equal(f.last.kind, OUTCOME_OFFER_GONE);
}

static void
our_own_timer_asks_to_withdraw_and_requeues_nothing(void **state)
{
	uint64_t c = call(T0, "c1"), offer = router_contact_offer(f.router, c);

	router_tick(f.router, T0 + 16999);
	assert_int_equal(asked.n, 0);
	router_tick(f.router, T0 + 17000);
	assert_int_equal(asked.n, 1);
	assert_true(asked.contact == c && asked.offer == offer);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
	router_tick(f.router, T0 + 19000);
	assert_int_equal(asked.n, 2);
	router_answered(f.router, T0 + 19500, offer, ask);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_CONNECTED);
}

static void
each_dial_result_has_its_consequence(void **state)
{
	static const struct {
		enum offer_state how;
		const char *fault;
		enum agent_state then;
		bool again; /* offered to him at once */
	} rows[] = {
		{OFFER_TIMEOUT, NULL, AGENT_NOT_RESPONDING, false},
		{OFFER_REJECTED, NULL, AGENT_READY, false},
		{OFFER_CANCELLED, "device", AGENT_NOT_READY, false},
		{OFFER_CANCELLED, NULL, AGENT_READY, true},
	};

	for (int i = 0; i < 4; i++) {
		int64_t t = T0 + i * 60000;
		char id[8];
		uint64_t c;

		snprintf(id, sizeof id, "c%d", i);
		router_set_state(f.router, t, 0, AGENT_READY, NULL, false, ask);
		c = call(t, id);
		router_offer_failed(f.router, t + 5, router_contact_offer(f.router, c),
			rows[i].how, "result", rows[i].fault, 0, ask);
		assert_int_equal(router_agent_state(f.router, 0), rows[i].then);
		assert_int_equal(router_contact_state(f.router, c),
			rows[i].again ? CONTACT_OFFERED : CONTACT_QUEUED);
		router_leave(f.router, t + 10, c, ask);
	}
}

static void
who_is_shown_to_talk_is_connected_whatever_was_decided(void **state)
{
	uint64_t c = call(T0, "c1");

	/* offered to a1, but a2 picked it up */
	router_seize(f.router, T0 + 5, c, 1, "switch", ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	assert_int_equal(times_heard(EVENT_OFFER_CANCELLED), 1);
	assert_int_equal(router_contact_agent(f.router, c), 1);
	/* handed on at the telephone to a1 */
	router_seize(f.router, T0 + 9, c, 0, "switch", ask);
	assert_int_equal(times_heard(EVENT_CONTACT_TRANSFERRED), 1);
	assert_int_equal(router_contact_agent(f.router, c), 0);
	assert_int_equal(router_agent_held(f.router, 1, NULL, 0), 0);
	/* and out of the queue itself */
	router_transfer(f.router, T0 + 12, c, 0, -1, -1, ask);
	router_seize(f.router, T0 + 13, c, 1, "switch", ask);
	assert_int_equal(router_contact_agent(f.router, c), 1);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_CONNECTED);
}

/* Who is counted must be counted on every way in, since it is taken off on the way out.
 */
static void
a_call_that_was_picked_up_elsewhere_makes_room_while_it_lasts(void **state)
{
	uint64_t c;

	reload(T0, "channels: {voice: {cost: 100, wrapup: 0s, interruptible: true}}\n"
		   "queues: {general: {}}\n"
		   "agents: [{id: a1}, {id: a2}]\n");
	c = call(T0, "c1");
	router_seize(f.router, T0 + 5, c, 1, "switch", ask);
	assert_int_equal(f.router->agents[1].parkable_pts, 100);
	router_complete(f.router, T0 + 10, c, 1, NULL, ask);
	assert_int_equal(router_agent_held(f.router, 1, NULL, 0), 0);
	assert_int_equal(f.router->agents[1].parkable_pts, 0);
}

static void
what_cannot_be_served_keeps_its_place_and_goes_to_nobody(void **state)
{
	uint64_t first, second;
	json_t *told;

	router_set_state(f.router, T0, 0, AGENT_NOT_READY, NULL, false, ask);
	first = call(T0, "c1");
	second = call(T0 + 1, "c2");
	router_suspend(f.router, T0 + 2, first, INT64_MAX, "link_down", ask);
	assert_int_equal(router_contact_state(f.router, first), CONTACT_SCHEDULED);
	told = router_contact_json(f.router, T0 + 2, first, 0);
	assert_null(json_object_get(told, "eligible_ms")); /* no moment is known */
	json_decref(told);
	router_set_state(f.router, T0 + 3, 0, AGENT_READY, NULL, false, ask);
	assert_int_equal(router_contact_state(f.router, second), CONTACT_OFFERED);
	router_offer_failed(f.router, T0 + 4, router_contact_offer(f.router, second),
		OFFER_CANCELLED, "link_down", "device", 0, ask);
	router_wake(f.router, T0 + 5, first, "link_up", ask);
	router_set_state(f.router, T0 + 6, 0, AGENT_READY, NULL, false, ask);
	assert_int_equal(router_contact_state(f.router, first), CONTACT_OFFERED);
}

static void
a_call_outside_takes_the_agents_room(void **state)
{
	uint64_t c;

	router_occupy(f.router, T0, 0, 100);
	c = call(T0 + 1, "c1");
	assert_int_equal(router_contact_state(f.router, c), CONTACT_QUEUED);
	router_occupy(f.router, T0 + 2, 0, 0);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
}

static void
measures_and_legs_are_in_the_record(void **state)
{
	uint64_t c = call(T0, "c1");
	struct measures m = {1000, 2000, 3000, 0, 1, 4000};
	struct leg_record leg = {"a1", "Local/1001@x", "hung_up", T0, 2000, 3000, 0};
	struct contact back = {.amount = NAN, .satisfaction = NAN};
	char *record;

	router_measure(f.router, c, &m);
	router_leg(f.router, c, &leg);
	leg.agent[0] = '\0';
	router_leg(f.router, c, &leg);
	record = record_pack_contact(f.router, contact_find(f.router, c));
	assert_true(record_unpack_contact(f.router, record, &back));
	assert_memory_equal(&back.measured, &m, sizeof m);
	assert_int_equal(back.n_legs, 2);
	assert_string_equal(back.legs[0].agent, "a1");
	assert_string_equal(back.legs[1].agent, "");
	assert_string_equal(back.legs[1].end, "hung_up");
	assert_string_equal(back.legs[1].device, "Local/1001@x");
	assert_int_equal(back.legs[1].talk_ms, 3000);
	free(back.legs);
	free(record);
}

static void
a_desktop_that_is_lost_while_he_talks_loses_no_call(void **state)
{
	uint64_t c = call(T0, "c1");

	router_answered(f.router, T0 + 2, router_contact_offer(f.router, c), ask);
	router_desk_lost(f.router, T0 + 10, 0);
	router_tick(f.router, T0 + 200000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_CONNECTED);
	router_leave(f.router, T0 + 200001, c, ask);
	router_tick(f.router, T0 + 210000);
	assert_int_equal(router_agent_state(f.router, 0), AGENT_OFFLINE);
}

static void
a_contact_is_found_by_its_call(void **state)
{
	uint64_t c = call(T0, "c1");

	assert_true(router_find(f.router, "pbx", "c1") == c);
	assert_true(router_find(f.router, "pbx", "c2") == 0);
	assert_string_equal(router_contact_text(f.router, c, "ani"), "5550100");
	assert_string_equal(router_agent_device(f.router, 0), "PJSIP/1001");
	assert_string_equal(router_agent_device(f.router, 1), "1002");
}

static void
what_may_not_be_offered_yet_is_scheduled_on_every_way_in(void **state)
{
	struct pass_on later = {
		.channel = -1, .by_agent = -1, .until_ms = T0 + 3000, .reason = "later"};
	uint64_t c;

	opening_ms = T0 + 1000;
	c = call(T0, "c1");
	assert_int_equal(router_contact_state(f.router, c), CONTACT_SCHEDULED);
	assert_int_equal(times_heard(EVENT_OFFER_CREATED), 0);
	router_tick(f.router, T0 + 999);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_SCHEDULED);
	router_tick(f.router, T0 + 1000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
	/* It wakes in open time only, though asked for an earlier moment, ... */
	opening_ms = T0 + 5000;
	router_pass_on(f.router, T0 + 2000, c, &later, ask);
	router_tick(f.router, T0 + 4999);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_SCHEDULED);
	/* ... and if the hours changed meanwhile it is put off again. */
	opening_ms = T0 + 6000;
	router_tick(f.router, T0 + 5000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_SCHEDULED);
	router_tick(f.router, T0 + 6000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
	/* Nor is what comes back from an agent offered again. */
	opening_ms = T0 + 9000;
	router_offer_failed(f.router, T0 + 7000, router_contact_offer(f.router, c),
		OFFER_CANCELLED, "withdrawn", NULL, 0, ask);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_SCHEDULED);
	assert_int_equal(times_heard(EVENT_OFFER_CREATED), 2);
	router_tick(f.router, T0 + 9000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_telephones_answer_accepts_and_the_desktops_does_not),
		TEST(our_own_timer_asks_to_withdraw_and_requeues_nothing),
		TEST(each_dial_result_has_its_consequence),
		TEST(who_is_shown_to_talk_is_connected_whatever_was_decided),
		TEST(a_call_that_was_picked_up_elsewhere_makes_room_while_it_lasts),
		TEST(what_cannot_be_served_keeps_its_place_and_goes_to_nobody),
		TEST(what_may_not_be_offered_yet_is_scheduled_on_every_way_in),
		TEST(a_call_outside_takes_the_agents_room),
		TEST(measures_and_legs_are_in_the_record),
		TEST(a_desktop_that_is_lost_while_he_talks_loses_no_call),
		TEST(a_contact_is_found_by_its_call),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
