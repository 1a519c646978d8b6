/* Corners of a contact's life in which the router once went wrong: one sentence a test.
 */
#include "router_case.h"

/* ---- the tests ---- */

static const char one_agent[] = CHANNELS "queues: {general: {}}\nagents: [{id: a1}]\n";

static void
a_reload_is_a_step_that_the_store_takes(void **state)
{
	begin(one_agent, false);
	reload(T0 + 1, one_agent);
	assert_int_equal(store_memory_wrong(f.store, NULL), 0);
	assert_int_equal(times_heard(EVENT_CONFIGURED), 1);
}

static void
an_agent_whose_work_is_parked_is_not_busy(void **state)
{
	const struct agent *a;
	uint64_t mail;

	begin(one_agent, false);
	a = &f.router->agents[0];
	ready(T0, 0);
	mail = submit(T0, "{\"channel\": \"email\"}");
	accept(T0 + 10, mail);
	router_park(f.router, T0 + 1000, mail, 0, 0, ask);
	assert_int_equal(state_of(mail), CONTACT_PARKED);
	assert_int_equal(a->busy_since_ms, 0);
	assert_int_equal(a->busy_ms, 1000);
	restart(T0 + 2000, one_agent);
	assert_int_equal(state_of(mail), CONTACT_PARKED);
	assert_int_equal(f.router->agents[0].busy_since_ms, 0);
	tick(T0 + 2000);
}

static void
a_shorter_grace_holds_at_once(void **state)
{
	begin(one_agent, false);
	ready(T0, 0);
	router_desk_lost(f.router, T0 + 1000, 0);
	reload(T0 + 5000, CHANNELS "queues: {general: {}}\nagents: [{id: a1}]\n"
				   "desk_grace: 2s\n");
	tick(T0 + 5000);
	assert_int_equal(router_agent_state(f.router, 0), AGENT_OFFLINE);
}

static void
work_that_a_reload_makes_uninterruptible_makes_no_room(void **state)
{
	uint64_t mail, call;

	begin(one_agent, false);
	ready(T0, 0);
	mail = submit(T0, "{\"channel\": \"email\"}");
	accept(T0 + 10, mail);
	reload(T0 + 20, "channels:\n"
			"  voice: {cost: 100, sla: 20s}\n"
			"  chat: {cost: 50, sla: 30s}\n"
			"  email: {cost: 25, sla: 4h}\n"
			"queues: {general: {}}\nagents: [{id: a1}]\n");
	call = submit(T0 + 1000, "{\"channel\": \"voice\"}");
	assert_int_equal(state_of(call), CONTACT_QUEUED);
	router_complete(f.router, T0 + 2000, mail, 0, NULL, ask);
	assert_int_equal(state_of(call), CONTACT_OFFERED);
	assert_int_equal(f.router->agents[0].load_pts, 100);
	assert_int_equal(f.router->agents[0].parkable_pts, 0);
}

/* One agent of two is kept for calls, both are ready. */
static const char reserved[] = "channels:\n"
			       "  voice: {cost: 100, sla: 20s}\n"
			       "  email: {cost: 25, sla: 100s, deferrable: true}\n"
			       "queues: {general: {reserve: 2}}\n"
			       "agents: [{id: a1}, {id: a2}]\n";

static void
who_is_let_go_late_is_let_go_nevertheless(void **state)
{
	uint64_t mail;

	begin(reserved, false);
	ready(T0, 0);
	ready(T0, 1);
	mail = submit(T0, "{\"channel\": \"email\"}");
	assert_int_equal(state_of(mail), CONTACT_QUEUED);
	/* The reserve lets go 60 s before the deadline. */
	assert_int_equal(router_next_ms(f.router), T0 + 40000);
	tick(T0 + 100001);
	assert_int_equal(state_of(mail), CONTACT_OFFERED);
}

static void
an_arrival_does_not_hide_who_is_let_go_at_that_moment(void **state)
{
	uint64_t mail, other;

	begin(reserved, false);
	ready(T0, 0);
	ready(T0, 1);
	mail = submit(T0, "{\"channel\": \"email\"}");
	other = submit(T0 + 40001, "{\"channel\": \"email\"}");
	tick(T0 + 40001);
	assert_int_equal(state_of(mail), CONTACT_OFFERED);
	assert_int_equal(state_of(other), CONTACT_QUEUED);
}

static void
a_reload_takes_effect_when_a_contact_returns(void **state)
{
	static const char before[] =
		CHANNELS "queues: {general: {require: {english: 2}}}\n"
			 "agents: [{id: a1, skills: {english: 5}}]\n";
	static const char after[] =
		CHANNELS "queues: {general: {require: {english: 7}, sla: {voice: 60s}}}\n"
			 "agents: [{id: a1, skills: {english: 5}}]\n";
	uint64_t call;

	begin(before, false);
	ready(T0, 0);
	call = submit(T0, "{\"channel\": \"voice\"}");
	assert_int_equal(state_of(call), CONTACT_OFFERED);
	reload(T0 + 1000, after);
	assert_int_equal(state_of(call), CONTACT_OFFERED);
	tick(T0 + 15000);
	router_set_state(f.router, T0 + 16000, 0, AGENT_READY, NULL, false, ask);
	/* It wants more English now than he has, and within another time. */
	assert_int_equal(state_of(call), CONTACT_QUEUED);
	assert_int_equal(contact_find(f.router, call)->d_ms, T0 + 60000);
}

static void
after_a_restart_without_his_agent_nobody_serves_who_was_served(void **state)
{
	static const char before[] =
		"channels: {voice: {cost: 100, wrapup: 60s, sla: 20s}}\n"
		"queues: {general: {}}\nagents: [{id: a1}, {id: a2}]\n";
	static const char after[] =
		"channels: {voice: {cost: 100, wrapup: 60s, sla: 20s}}\n"
		"queues: {general: {}}\nagents: [{id: a3}]\n";
	uint64_t served, offered;

	begin(before, false);
	ready(T0, 0);
	served = submit(T0, "{\"channel\": \"voice\"}");
	accept(T0, served);
	router_wrapup(f.router, T0 + 1000, served, 0, 0, ask);
	ready(T0 + 1000, 1);
	offered = submit(T0 + 2000, "{\"channel\": \"voice\"}");
	assert_int_equal(state_of(offered), CONTACT_OFFERED);
	f.n_heard = 0;
	restart(T0 + 3000, after);
	assert_int_equal(state_of(served), CONTACT_STATES);
	assert_int_equal(times_heard(EVENT_CONTACT_COMPLETED), 1);
	assert_int_equal(state_of(offered), CONTACT_QUEUED);
	assert_int_equal(times_heard(EVENT_OFFER_CANCELLED), 1);
}

#define AGAIN "{\"channel\": \"voice\", \"external_id\": \"call-1\"}"

/* The store knows the external id of a contact that is over. */
static uint64_t
first_of_its_name(void)
{
	uint64_t first = submit(T0, AGAIN);

	assert_int_not_equal(first, 0);
	router_leave(f.router, T0 + 1, first, ask);
	store_memory_run(f.store);
	f.n_heard = f.n_replies = 0;
	return first;
}

static void
of_an_intake_that_is_a_duplicate_nobody_hears_more(void **state)
{
	uint64_t first;

	begin(one_agent, true);
	router_login(f.router, T0, 0, NULL, ask);
	first = first_of_its_name();
	submit_uncommitted(T0 + 10, AGAIN);
	/* Before the store says so it is offered, and sent once more. */
	router_set_state(f.router, T0 + 11, 0, AGENT_READY, NULL, false, ask);
	submit_uncommitted(T0 + 12, AGAIN);
	store_memory_run(f.store);
	assert_int_equal(f.n_replies, 3);
	assert_true(f.last.duplicate);
	assert_int_equal(f.last.contact, first);
	assert_int_equal(times_heard(EVENT_OFFER_CREATED), 0);
	assert_int_equal(times_heard(EVENT_CONTACT_CREATED), 0);
	assert_int_equal(f.router->agents[0].load_pts, 0);
	assert_int_equal(f.router->not_taken.n, 0);
}

static void
work_parked_for_a_duplicate_goes_on_and_can_end(void **state)
{
	const struct contact *c;
	uint64_t one, two;

	begin(one_agent, true);
	first_of_its_name();
	ready(T0 + 2, 0);
	one = submit(T0 + 3, "{\"channel\": \"email\"}");
	two = submit(T0 + 4, "{\"channel\": \"email\"}");
	router_accept(f.router, T0 + 5, contact_find(f.router, one)->offer, 0, ask);
	router_accept(f.router, T0 + 5, contact_find(f.router, two)->offer, 0, ask);
	store_memory_run(f.store);
	submit_uncommitted(T0 + 10, AGAIN);
	assert_int_equal(state_of(one), CONTACT_PARKED);
	assert_int_equal(state_of(two), CONTACT_PARKED);
	router_complete(f.router, T0 + 20, one, 0, NULL, ask);
	store_memory_run(f.store);
	assert_int_equal(state_of(one), CONTACT_STATES);
	c = contact_find(f.router, two);
	assert_int_equal(c->state, CONTACT_CONNECTED);
	assert_int_not_equal(c->connected_ms, 0);
	assert_int_equal(c->due_ms, INT64_MAX);
	assert_int_equal(f.router->agents[0].load_pts, 25);
	restart(T0 + 30, one_agent);
	assert_int_equal(state_of(one), CONTACT_STATES);
	assert_int_equal(state_of(two), CONTACT_CONNECTED);
}

static void
a_shorter_park_limit_holds_for_what_is_parked(void **state)
{
	uint64_t mail;

	begin(one_agent, false);
	ready(T0, 0);
	mail = submit(T0, "{\"channel\": \"email\"}");
	accept(T0, mail);
	router_park(f.router, T0, mail, 0, 0, ask);
	reload(T0 + 1000, CHANNELS "queues: {general: {}}\nagents: [{id: a1}]\n"
				   "park_limit: 30s\n");
	tick(T0 + 29999);
	assert_int_equal(state_of(mail), CONTACT_PARKED);
	tick(T0 + 30000);
	assert_int_not_equal(state_of(mail), CONTACT_PARKED);
}

/* A call is held for a1, who is busy; a2 is idle. */
static const char with_affinity[] = CHANNELS
	"queues: {general: {affinity: 15s, require: {english: 1}}}\n"
	"agents: [{id: a1, skills: {english: 5}}, {id: a2, skills: {english: 5}}]\n";

static uint64_t
held_call(void)
{
	uint64_t call;

	begin(with_affinity, false);
	ready(T0, 0);
	accept(T0, submit(T0, "{\"channel\": \"voice\"}"));
	ready(T0, 1);
	call = submit(T0, "{\"channel\": \"voice\", \"last_agent\": \"a1\"}");
	assert_int_equal(state_of(call), CONTACT_QUEUED);
	return call;
}

static void
nobody_is_held_for_who_shut_the_channel(void **state)
{
	uint64_t call = held_call();

	router_set_channel(f.router, T0 + 1000, 0, 0, false, -1, ask);
	tick(T0 + 1000);
	assert_int_equal(state_of(call), CONTACT_OFFERED);
}

static void
nobody_is_held_for_who_lost_the_skill(void **state)
{
	uint64_t call = held_call();
	struct require none = {0};

	router_edit_agent(f.router, T0 + 1000, 0, &none, -1, ask);
	tick(T0 + 1000);
	assert_int_equal(state_of(call), CONTACT_OFFERED);
}

static void
one_more_idle_agent_lets_go_what_is_held_for_another(void **state)
{
	uint64_t mail;

	begin("channels:\n"
	      "  voice: {cost: 100, sla: 20s}\n"
	      "  email: {cost: 25, sla: 10m, deferrable: true}\n"
	      "queues: {general: {reserve: 1, affinity: 60s}}\n"
	      "agents: [{id: a1}, {id: a2}]\n",
		false);
	ready(T0, 0);
	mail = submit(T0, "{\"channel\": \"email\", \"last_agent\": \"a1\"}");
	assert_int_equal(state_of(mail), CONTACT_QUEUED);
	ready(T0 + 1000, 1);
	tick(T0 + 1000);
	assert_int_equal(state_of(mail), CONTACT_OFFERED);
	assert_int_equal(router_contact_agent(f.router, mail), 0);
}

/* a2 cannot take e-mail, but counts as idle; a1 rejected the first. The second waits. */
static void
reject_first(const char *text, uint64_t mail[2])
{
	begin(text, false);
	ready(T0, 0);
	ready(T0, 1);
	router_set_channel(f.router, T0, 1, 1, false, -1, ask);
	mail[0] = submit(T0, "{\"channel\": \"email\"}");
	router_reject(
		f.router, T0 + 10, contact_find(f.router, mail[0])->offer, 0, NULL, ask);
	router_set_state(f.router, T0 + 20, 1, AGENT_NOT_READY, NULL, false, ask);
	mail[1] = submit(T0 + 1000, "{\"channel\": \"email\"}");
	assert_int_equal(state_of(mail[0]), CONTACT_QUEUED);
	assert_int_equal(state_of(mail[1]), CONTACT_QUEUED);
}

static const char one_kept[] = "channels:\n"
			       "  voice: {cost: 100, sla: 20s}\n"
			       "  email: {cost: 100, sla: 10m, deferrable: true}\n"
			       "queues: {general: {reserve: 1}}\n"
			       "reject_cooldown: 1h\n"
			       "agents: [{id: a1}, {id: a2}]\n";

static void
behind_a_rejected_head_the_reserve_lets_go_the_next(void **state)
{
	uint64_t mail[2];

	reject_first(one_kept, mail);
	router_set_state(f.router, T0 + 2000, 1, AGENT_READY, NULL, false, ask);
	tick(T0 + 2000);
	assert_int_equal(state_of(mail[0]), CONTACT_QUEUED);
	assert_int_equal(state_of(mail[1]), CONTACT_OFFERED);
}

static void
a_rejected_contact_takes_no_place_among_those_let_go(void **state)
{
	uint64_t mail[2];

	reject_first(one_kept, mail);
	/* Both are let go 60 s before their deadlines, and looked at together. */
	tick(T0 + 541000);
	assert_int_equal(state_of(mail[0]), CONTACT_QUEUED);
	assert_int_equal(state_of(mail[1]), CONTACT_OFFERED);
}

static void
a_skill_lost_makes_an_automatic_reserve_smaller(void **state)
{
	struct text t = {0};
	struct require none = {0};
	uint64_t mail;

	text_add(&t, CHANNELS "queues: {general: {require: {english: 1}}}\nagents:\n");
	for (int i = 1; i <= 20; i++)
		text_addf(&t, "  - {id: a%d, skills: {english: 5}}\n", i);
	begin(t.s, false);
	text_finish(&t);
	ready(T0, 0);
	for (int i = 1; i < 20; i++)
		router_login(f.router, T0, i, NULL, ask);
	mail = submit(T0, "{\"channel\": \"email\"}");
	assert_int_equal(state_of(mail), CONTACT_QUEUED);
	/* Of 20 one idle agent is kept, of 19 none. */
	router_edit_agent(f.router, T0 + 10, 7, &none, -1, ask);
	assert_int_equal(state_of(mail), CONTACT_OFFERED);
}

static void
members_of_a_class_at_different_steps_each_skip_theirs(void **state)
{
	struct contact_change sooner = {
		.queue = -1, .tier = -1, .sooner_ms = 60000, .points = NAN, .agent = -1};
	uint64_t stays, skips;

	begin(CHANNELS "queues:\n"
		       "  general: {require: {billing: 2}, steps: [{after: 10s, lower: "
		       "{billing: 1}},\n"
		       "    {after: 10m, drop: [billing]}]}\n"
		       "agents: [{id: a1}]\n",
		false);
	skips = submit(T0, "{\"channel\": \"voice\"}");
	tick(T0 + 10000);
	stays = submit(
		T0 + 11000, "{\"channel\": \"voice\", \"require\": {\"billing\": 1}}");
	router_change(f.router, T0 + 11000, stays, &sooner, ask);
	assert_ptr_equal(contact_find(f.router, skips)->class,
		contact_find(f.router, stays)->class);
	/* Without a skill he could serve after the next step of one of them. */
	ready(T0 + 12000, 0);
	tick(T0 + 12000);
	assert_int_equal(state_of(skips), CONTACT_OFFERED);
	assert_int_equal(state_of(stays), CONTACT_QUEUED);
}

static void
classes_that_nobody_enters_are_not_made(void **state)
{
	char text[120];

	begin(CHANNELS "queues: {general: {steps: [{after: 1h, add: [\"team:first\"]}], "
		       "teams: [second]}}\n"
		       "teams: {first: {}, second: {}}\n"
		       "agents: [{id: a1, team: second}]\n",
		false);
	ready(T0, 0);
	accept(T0, submit(T0, "{\"channel\": \"voice\"}"));
	for (int i = 1; i < CLASSES_KEPT + 100; i++) {
		uint64_t call;

		snprintf(text, sizeof text,
			"{\"channel\": \"voice\", \"sla_ms\": %d, \"last_agent\": "
			"\"a1\"}",
			100000 + i);
		call = submit(T0 + i, text);
		assert_int_equal(contact_find(f.router, call)->affinity, 0);
		router_leave(f.router, T0 + i, call, ask);
	}
	assert_true(f.router->n_classes < 10);
}

static void
long_requirements_are_read_back(void **state)
{
	static const char name[] =
		"a-skill-whose-name-is-nearly-as-long-as-a-name-may-be-%d";
	struct text t = {0}, wanted = {0};
	uint64_t call;

	text_add(&t, CHANNELS "queues: {general: {}}\nagents: [{id: a1}]\nskills: [");
	text_add(&wanted, "{\"channel\": \"voice\", \"require\": {");
	for (int i = 10; i < 10 + REQUIRE_MAX; i++) {
		char skill[80];

		snprintf(skill, sizeof skill, name, i);
		text_addf(&t, "%s%s", i > 10 ? ", " : "", skill);
		text_addf(&wanted, "%s\"%s\": 7", i > 10 ? ", " : "", skill);
	}
	text_add(&t, "]\n");
	text_add(&wanted, "}}");
	begin(t.s, false);
	call = submit(T0, wanted.s);
	assert_int_equal(contact_find(f.router, call)->need.n, REQUIRE_MAX);
	restart(T0 + 1, t.s);
	assert_int_equal(contact_find(f.router, call)->need.n, REQUIRE_MAX);
	text_finish(&t);
	text_finish(&wanted);
}

static void
who_leaves_resumes_nothing(void **state)
{
	uint64_t mail, call;

	begin("channels:\n"
	      "  voice: {cost: 100, wrapup: 30s, sla: 20s}\n"
	      "  email: {cost: 25, sla: 4h, interruptible: true}\n"
	      "queues: {general: {}}\nagents: [{id: a1}]\n",
		false);
	ready(T0, 0);
	mail = submit(T0, "{\"channel\": \"email\"}");
	accept(T0, mail);
	call = submit(T0, "{\"channel\": \"voice\"}");
	assert_int_equal(state_of(call), CONTACT_OFFERED);
	assert_int_equal(state_of(mail), CONTACT_PARKED);
	router_logout(f.router, T0 + 2000, 0, ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	assert_int_equal(state_of(mail), CONTACT_QUEUED);
	assert_int_equal(times_heard(EVENT_CONTACT_RESUMED), 0);
}

static void
the_last_of_many_teams_serves_the_queue(void **state)
{
	struct text t = {0};
	uint64_t call;

	text_add(&t, CHANNELS "teams: {");
	for (int i = 0; i < 40; i++)
		text_addf(&t, "%st%d: {}", i > 0 ? ", " : "", i);
	text_add(&t, "}\nqueues: {general: {teams: [");
	for (int i = 0; i < 40; i++)
		text_addf(&t, "%st%d", i > 0 ? ", " : "", i);
	text_add(&t, "]}}\nagents: [{id: a1, team: t39}]\n");
	begin(t.s, false);
	text_finish(&t);
	ready(T0, 0);
	call = submit(T0, "{\"channel\": \"voice\"}");
	assert_int_equal(state_of(call), CONTACT_OFFERED);
}

static void
what_cannot_be_parked_at_once_keeps_its_room(void **state)
{
	uint64_t call;

	begin("channels:\n"
	      "  voice: {cost: 100, sla: 20s}\n"
	      "  email: {cost: 5, sla: 4h, interruptible: true}\n"
	      "queues: {general: {}}\nagents: [{id: a1}]\n",
		false);
	ready(T0, 0);
	for (int i = 0; i < 20; i++)
		accept(T0, submit(T0, "{\"channel\": \"email\"}"));
	/* One step moves 15 beside the call: 75 points are not enough. */
	call = submit(T0 + 1, "{\"channel\": \"voice\"}");
	assert_int_equal(state_of(call), CONTACT_QUEUED);
	assert_int_equal(f.router->agents[0].load_pts, 100);
}

static void
a_hold_that_is_over_does_not_begin_anew(void **state)
{
	uint64_t call = held_call();

	tick(T0 + 6000); /* 0.3 T */
	assert_int_equal(router_contact_agent(f.router, call), 1);
	router_reject(
		f.router, T0 + 7000, contact_find(f.router, call)->offer, 1, NULL, ask);
	assert_int_equal(state_of(call), CONTACT_QUEUED);
	assert_int_equal(contact_find(f.router, call)->affinity, -1);
}

static void
a_hold_goes_on_after_a_restart(void **state)
{
	uint64_t call = held_call();

	restart(T0 + 1000, with_affinity);
	router_desk_back(f.router, T0 + 1500, 1);
	tick(T0 + 5999);
	assert_int_equal(state_of(call), CONTACT_QUEUED);
	tick(T0 + 6000);
	assert_int_equal(router_contact_agent(f.router, call), 1);
}

static void
a_removed_queue_takes_no_overflow(void **state)
{
	uint64_t call;

	begin(CHANNELS "queues:\n"
		       "  general: {}\n"
		       "  first: {overflow: {after: 10s, to: second}}\n"
		       "  second: {}\n"
		       "agents: [{id: a1}]\n",
		false);
	call = submit(T0, "{\"channel\": \"voice\", \"queue\": \"first\"}");
	reload(T0 + 1000, one_agent);
	tick(T0 + 10000);
	assert_int_equal(state_of(call), CONTACT_QUEUED);
	assert_int_equal(router_contact_queue(f.router, call),
		centre_queue(router_centre(f.router), "first"));
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reload_is_a_step_that_the_store_takes),
		TEST(an_agent_whose_work_is_parked_is_not_busy),
		TEST(a_shorter_grace_holds_at_once),
		TEST(work_that_a_reload_makes_uninterruptible_makes_no_room),
		TEST(who_is_let_go_late_is_let_go_nevertheless),
		TEST(an_arrival_does_not_hide_who_is_let_go_at_that_moment),
		TEST(a_reload_takes_effect_when_a_contact_returns),
		TEST(after_a_restart_without_his_agent_nobody_serves_who_was_served),
		TEST(of_an_intake_that_is_a_duplicate_nobody_hears_more),
		TEST(work_parked_for_a_duplicate_goes_on_and_can_end),
		TEST(a_shorter_park_limit_holds_for_what_is_parked),
		TEST(nobody_is_held_for_who_shut_the_channel),
		TEST(nobody_is_held_for_who_lost_the_skill),
		TEST(one_more_idle_agent_lets_go_what_is_held_for_another),
		TEST(behind_a_rejected_head_the_reserve_lets_go_the_next),
		TEST(a_rejected_contact_takes_no_place_among_those_let_go),
		TEST(a_skill_lost_makes_an_automatic_reserve_smaller),
		TEST(members_of_a_class_at_different_steps_each_skip_theirs),
		TEST(classes_that_nobody_enters_are_not_made),
		TEST(long_requirements_are_read_back),
		TEST(who_leaves_resumes_nothing),
		TEST(the_last_of_many_teams_serves_the_queue),
		TEST(what_cannot_be_parked_at_once_keeps_its_room),
		TEST(a_hold_that_is_over_does_not_begin_anew),
		TEST(a_hold_goes_on_after_a_restart),
		TEST(a_removed_queue_takes_no_overflow),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("router faults", tests, NULL, NULL);
}
