/* The life of a contact in the router, with the store in memory: one sentence a test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "route/router.h"

#define MOST_EVENTS 512
#define T0 INT64_C(1000000000) /* centre time is never 0 */

struct heard {
	enum event_kind kind;
	uint64_t contact, offer;
	int agent;
};

struct fixture {
	struct store *store;
	struct router *router;
	struct centre *centre;
	struct heard heard[MOST_EVENTS];
	int n_heard;
	struct outcome last;
	int n_replies;
};

static struct fixture f;

static void
hear(void *owner, const struct event *e)
{
	if (f.n_heard < MOST_EVENTS)
		f.heard[f.n_heard++] =
			(struct heard){e->kind, e->contact, e->offer, e->agent};
}

static void
answer(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	f.last = *outcome;
	f.n_replies++;
}

static const struct reply ask = {.fn = answer};

/* A small centre: voice, chat and e-mail, three tiers, two skills, one queue, two agents.
 */
static struct centre *
small_centre(int n_agents)
{
	struct centre *c = xcalloc(1, sizeof *c);
	const char *const channels[] = {"voice", "chat", "email"};
	const char *const tiers[] = {"bronze", "silver", "gold"};
	const double values[] = {1, 3, 8};

	c->refs = 1;
	c->version = 1;
	c->name = xstrdup("test");
	c->half_life_ms = 60000;
	c->speed = 1;
	c->n_channels = 3;
	c->channels = xcalloc(3, sizeof *c->channels);
	for (int i = 0; i < 3; i++) {
		c->channels[i] = (struct channel){.name = xstrdup(channels[i]),
			.cost_pts = i == 0   ? 100
				    : i == 1 ? 50
					     : 25,
			.offer_timeout_ms = 15000,
			.wrapup_ms = i == 0 ? 30000 : 0,
			.wrapup_cap_ms = 120000,
			.sla_ms = i == 0   ? 20000
				  : i == 1 ? 30000
					   : 14400000,
			.calendar = -1,
			.interruptible = i == 2,
			.deferrable = i == 2};
		map_put(&c->channel_by_name, channels[i], (void *)(intptr_t)(i + 1));
	}
	c->n_tiers = 3;
	c->tiers = xcalloc(3, sizeof *c->tiers);
	for (int i = 0; i < 3; i++) {
		c->tiers[i] = (struct tier){.name = xstrdup(tiers[i]),
			.value = values[i],
			.from_points = i == 0 ? NAN : i * 40,
			.never_demoted = i == 2};
		map_put(&c->tier_by_name, tiers[i], (void *)(intptr_t)(i + 1));
	}
	c->n_skills = 2;
	c->skills = xcalloc(2, sizeof(char *));
	c->skills[0] = xstrdup("english");
	c->skills[1] = xstrdup("billing");
	map_put(&c->skill_by_name, "english", (void *)1);
	map_put(&c->skill_by_name, "billing", (void *)2);
	c->n_queues = 1;
	c->queues = xcalloc(1, sizeof *c->queues);
	c->queues[0] = (struct queue){.name = xstrdup("general"),
		.length_limit = 1000,
		.scarce_last = true,
		.overflow_to = -1,
		.hours = -1,
		.admit_empty = true,
		.n_laws = 3,
		.laws = xcalloc(3, sizeof(struct law)),
		.weight = 1,
		.affinity_ms = 15000,
		.target_wait_ms = 60000};
	for (int i = 0; i < 3; i++)
		c->queues[0].laws[i] =
			(struct law){i == 2 ? 1 : 0.5, i == 2 ? 1 : 2, 150000};
	map_put(&c->queue_by_name, "general", (void *)1);
	c->n_agents = n_agents;
	c->agents = xcalloc((size_t)n_agents, sizeof *c->agents);
	for (int i = 0; i < n_agents; i++) {
		struct agent_settings *a = &c->agents[i];

		*a = (struct agent_settings){.id = xasprintf("a%d", i + 1),
			.name = xstrdup(""),
			.order = i,
			.team = -1,
			.n_skills = 1,
			.skills = xcalloc(2, sizeof(struct skill_level)),
			.capacity_pts = 100};
		a->skills[0] = (struct skill_level){0, 5};
		map_put(&c->agent_by_id, a->id, (void *)(intptr_t)(i + 1));
	}
	c->reject_cooldown_ms = 10000;
	c->desk_grace_ms = 120000;
	c->park_limit_ms = 1800000;
	c->keep_finished_ms = 3600000;
	c->external_id_ms = 604800000;
	return c;
}

static int
setup_n(int n_agents, int n_ready)
{
	struct reply none = {0};

	memset(&f, 0, sizeof f);
	f.store = store_memory_create(false);
	f.router = router_create(f.store, 1);
	f.centre = small_centre(n_agents);
	router_listen(f.router, hear, NULL);
	router_configure(f.router, T0 + 0, f.centre);
	router_start(f.router, T0 + 0);
	for (int i = 0; i < n_ready; i++) {
		router_login(f.router, T0 + 0, i, NULL, none);
		router_set_state(f.router, T0 + 0, i, AGENT_READY, NULL, false, none);
	}
	f.n_heard = 0;
	return 0;
}

static int
setup(void **state)
{
	return setup_n(2, 1);
}

static int
setup_two_ready(void **state)
{
	return setup_n(2, 2);
}

static int
setup_nobody(void **state)
{
	return setup_n(2, 0);
}

static int
teardown(void **state)
{
	router_destroy(f.router);
	store_memory_destroy(f.store);
	centre_unref(f.centre);
	return 0;
}

static uint64_t
submit(int64_t now_ms, const char *json_text)
{
	json_t *json = json_loads(json_text, 0, NULL);
	struct submission s = {0};
	struct submission_error error;

	assert_non_null(json);
	if (!submission_parse(json, &s, &error))
		fail_msg("%s: %s", error.field, error.message);
	json_decref(json);
	router_submit(f.router, now_ms, &s, ask);
	submission_finish(&s);
	return f.last.kind == OUTCOME_OK ? f.last.contact : 0;
}

static const struct heard *
last_heard(enum event_kind kind)
{
	for (int i = f.n_heard - 1; i >= 0; i--)
		if (f.heard[i].kind == kind)
			return &f.heard[i];
	return NULL;
}

static uint64_t
offer_of(uint64_t contact)
{
	for (int i = f.n_heard - 1; i >= 0; i--)
		if (f.heard[i].kind == EVENT_OFFER_CREATED &&
			f.heard[i].contact == contact)
			return f.heard[i].offer;
	return 0;
}

static void
a_contact_goes_through_its_life(void **state)
{
	uint64_t c = submit(T0 + 1000, "{\"channel\": \"voice\"}"), offer = offer_of(c);

	assert_int_not_equal(offer, 0);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
	router_accept(f.router, T0 + 2000, offer, 0, ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_CONNECTED);
	router_wrapup(f.router, T0 + 60000, c, 0, 0, ask);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_WRAPUP);
	assert_int_equal(router_next_ms(f.router), T0 + 90000);
	router_tick(f.router, T0 + 90000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_STATES);
	assert_non_null(last_heard(EVENT_CONTACT_COMPLETED));
}

static void
a_freed_agent_gets_the_most_urgent(void **state)
{
	uint64_t first = submit(T0 + 0, "{\"channel\": \"voice\"}"), plain, gold;

	router_accept(f.router, T0 + 0, offer_of(first), 0, ask);
	plain = submit(T0 + 1000, "{\"channel\": \"voice\"}");
	gold = submit(T0 + 2000, "{\"channel\": \"voice\", \"tier\": \"gold\"}");
	router_complete(f.router, T0 + 3000, first, 0, NULL, ask);
	assert_int_equal(router_contact_state(f.router, gold), CONTACT_OFFERED);
	assert_int_equal(router_contact_state(f.router, plain), CONTACT_QUEUED);
}

static void
a_timed_out_offer_is_rona_and_returns_to_its_place(void **state)
{
	uint64_t c = submit(T0 + 0, "{\"channel\": \"voice\"}"), offer = offer_of(c);

	router_tick(f.router, T0 + 15000);
	assert_non_null(last_heard(EVENT_OFFER_TIMEOUT));
	assert_int_equal(router_agent_state(f.router, 0), AGENT_NOT_RESPONDING);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_QUEUED);
	router_accept(f.router, T0 + 15001, offer, 0, ask);
	assert_int_equal(f.last.kind, OUTCOME_OFFER_GONE);
	router_set_state(f.router, T0 + 20000, 0, AGENT_READY, NULL, false, ask);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
}

static void
a_rejected_contact_comes_back_to_its_agent_after_the_cool_down(void **state)
{
	uint64_t c = submit(T0 + 0, "{\"channel\": \"voice\"}");

	router_reject(f.router, T0 + 1000, offer_of(c), 0, "busy", ask);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_QUEUED);
	assert_int_equal(router_next_ms(f.router), T0 + 11000);
	router_tick(f.router, T0 + 10999);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_QUEUED);
	router_tick(f.router, T0 + 11000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
}

static void
a_customer_who_leaves_rescinds_the_offer(void **state)
{
	uint64_t c = submit(T0 + 0, "{\"channel\": \"voice\"}"), next;

	router_leave(f.router, T0 + 500, c, ask);
	assert_non_null(last_heard(EVENT_OFFER_RESCINDED));
	assert_non_null(last_heard(EVENT_CONTACT_ABANDONED));
	next = submit(T0 + 600, "{\"channel\": \"voice\"}");
	assert_int_equal(router_contact_state(f.router, next), CONTACT_OFFERED);
}

/* T0 is 1970-01-12T13:46:40Z. */
#define HELD "{\"channel\": \"email\", \"held_until\": \"1970-01-12T13:47:40Z\"}"

static void
a_held_contact_is_offered_when_its_time_comes_as_old_as_it_is(void **state)
{
	uint64_t held = submit(T0, HELD), other;
	json_t *o;

	assert_int_equal(router_contact_state(f.router, held), CONTACT_SCHEDULED);
	assert_int_equal(router_next_ms(f.router), T0 + 60000);
	o = router_contact_json(f.router, T0, held, DESCRIBE_PLACE);
	other = submit(T0 + 1, "{\"channel\": \"voice\"}");
	assert_int_equal(router_contact_state(f.router, other), CONTACT_OFFERED);
	router_leave(f.router, T0 + 2, other, ask);
	router_tick(f.router, T0 + 60000);
	assert_int_equal(router_contact_state(f.router, held), CONTACT_OFFERED);
	/* Its deadline never moved: it counts from the arrival. */
	json_t *later = router_contact_json(f.router, T0 + 60000, held, DESCRIBE_PLACE);
	assert_true(json_equal(json_object_get(o, "deadline_ms"),
		json_object_get(later, "deadline_ms")));
	json_decref(o);
	json_decref(later);
}

static void
a_held_contact_is_released_or_answered(void **state)
{
	uint64_t first = submit(T0, HELD), second = submit(T0, HELD);

	router_release(f.router, T0 + 5, first, ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	assert_int_equal(router_contact_state(f.router, first), CONTACT_OFFERED);
	router_release(f.router, T0 + 6, first, ask); /* as it is */
	assert_int_equal(f.last.kind, OUTCOME_OK);
	router_answer(f.router, T0 + 7, first, "order-late", ask);
	assert_int_equal(f.last.kind, OUTCOME_WRONG_STATE);
	router_answer(f.router, T0 + 8, second, "order-late", ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	assert_non_null(last_heard(EVENT_CONTACT_ANSWERED));
	assert_int_equal(router_contact_state(f.router, second), CONTACT_STATES);
	router_answer(f.router, T0 + 9, second, "order-late", ask);
	assert_int_equal(f.last.kind, OUTCOME_NO_CONTACT);
	router_release(f.router, T0 + 9, second, ask);
	assert_int_equal(f.last.kind, OUTCOME_NO_CONTACT);
}

static void
accepting_twice_gives_the_same_answer(void **state)
{
	uint64_t c = submit(T0 + 0, "{\"channel\": \"voice\"}"), offer = offer_of(c);

	router_accept(f.router, T0 + 1, offer, 0, ask);
	router_accept(f.router, T0 + 2, offer, 0, ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	assert_int_equal(f.last.contact, c);
	router_accept(f.router, T0 + 3, offer, 1, ask);
	assert_int_equal(f.last.kind, OUTCOME_NOT_YOURS);
}

static void
the_same_external_id_is_one_contact(void **state)
{
	uint64_t c = submit(T0 + 0, "{\"channel\": \"email\", \"source\": \"shop\", "
				    "\"external_id\": \"m1\"}");
	uint64_t again = submit(T0 + 1, "{\"channel\": \"email\", \"source\": \"shop\", "
					"\"external_id\": \"m1\"}");

	assert_int_equal(c, again);
	assert_true(f.last.duplicate);
}

static void
a_call_parks_an_email_that_resumes_after_its_wrapup(void **state)
{
	uint64_t mail = submit(T0 + 0, "{\"channel\": \"email\"}"), call;

	router_accept(f.router, T0 + 1, offer_of(mail), 0, ask);
	call = submit(T0 + 1000, "{\"channel\": \"voice\"}");
	assert_int_equal(router_contact_state(f.router, call), CONTACT_OFFERED);
	assert_int_equal(router_contact_state(f.router, mail), CONTACT_PARKED);
	router_accept(f.router, T0 + 1001, offer_of(call), 0, ask);
	router_wrapup(f.router, T0 + 2000, call, 0, 0, ask);
	assert_int_equal(router_contact_state(f.router, mail), CONTACT_PARKED);
	router_tick(f.router, T0 + 32000);
	assert_int_equal(router_contact_state(f.router, mail), CONTACT_CONNECTED);
}

static void
two_chats_fit_one_agent_and_a_third_waits(void **state)
{
	uint64_t one = submit(T0 + 0, "{\"channel\": \"chat\"}"),
		 two = submit(T0 + 1, "{\"channel\": \"chat\"}");
	uint64_t three = submit(T0 + 2, "{\"channel\": \"chat\"}");

	assert_int_equal(router_contact_state(f.router, one), CONTACT_OFFERED);
	assert_int_equal(router_contact_state(f.router, two), CONTACT_OFFERED);
	assert_int_equal(router_contact_state(f.router, three), CONTACT_QUEUED);
}

static void
a_named_agent_is_waited_for_then_anybody_serves(void **state)
{
	uint64_t c = submit(T0 + 0, "{\"channel\": \"voice\", \"agent\": \"a2\"}");

	assert_int_equal(router_contact_state(f.router, c), CONTACT_QUEUED);
	assert_int_equal(router_next_ms(f.router), T0 + 60000);
	router_tick(f.router, T0 + 60000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
	assert_int_equal(router_contact_agent(f.router, c), 0);
}

static void
the_last_agent_is_preferred_and_waited_for(void **state)
{
	uint64_t call = submit(
			 T0 + 0, "{\"channel\": \"voice\", \"last_agent\": \"a2\"}"),
		 again;

	assert_int_equal(router_contact_agent(f.router, call), 1);
	router_accept(f.router, T0 + 0, offer_of(call), 1, ask);
	again = submit(T0 + 10, "{\"channel\": \"voice\", \"last_agent\": \"a2\"}");
	assert_int_equal(router_contact_state(f.router, again), CONTACT_QUEUED);
	/* min(0.3 T, 15 s) = 6 s */
	assert_int_equal(router_next_ms(f.router), T0 + 6010);
	router_tick(f.router, T0 + 6010);
	assert_int_equal(router_contact_agent(f.router, again), 0);
}

static void
a_skill_nobody_has_waits_and_an_edit_frees_it(void **state)
{
	uint64_t c =
		submit(T0 + 0, "{\"channel\": \"voice\", \"require\": {\"billing\": 3}}");
	struct require skills = {.n = 2, .skill = {{0, 5}, {1, 3}}};

	assert_int_equal(router_contact_state(f.router, c), CONTACT_QUEUED);
	router_edit_agent(f.router, T0 + 10, 0, &skills, -1, ask);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
}

static void
a_lost_desktop_keeps_its_work_for_the_grace_then_gives_it_back(void **state)
{
	uint64_t c = submit(T0 + 0, "{\"channel\": \"voice\"}");

	router_accept(f.router, T0 + 0, offer_of(c), 0, ask);
	router_desk_lost(f.router, T0 + 1000, 0);
	router_tick(f.router, T0 + 120999);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_CONNECTED);
	router_tick(f.router, T0 + 121000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_QUEUED);
	assert_int_equal(router_agent_state(f.router, 0), AGENT_OFFLINE);
}

static void
a_transfer_keeps_the_age_and_moves_the_deadline_by_the_time_served(void **state)
{
	uint64_t c = submit(T0 + 0, "{\"channel\": \"voice\"}");
	json_t *o;

	router_accept(f.router, T0 + 5000, offer_of(c), 0, ask);
	router_transfer(f.router, T0 + 35000, c, 0, -1, 1, ask);
	assert_int_equal(
		f.last.kind, OUTCOME_WRONG_STATE); /* a2 is not logged in: it stays */
	router_transfer(f.router, T0 + 35000, c, 0, -1, -1, ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
	o = router_contact_json(f.router, T0 + 35000, c, 0);
	assert_int_equal(
		json_integer_value(json_object_get(o, "deadline_ms")), T0 + 50000);
	assert_int_equal(json_integer_value(json_object_get(o, "sla_ms")), 20000);
	json_decref(o);
}

static void
while_the_store_is_away_intake_is_refused_and_offers_stand_still(void **state)
{
	uint64_t c = submit(T0 + 0, "{\"channel\": \"voice\"}");

	router_store_state(f.router, T0 + 1000, false);
	submit(T0 + 2000, "{\"channel\": \"voice\"}");
	assert_int_equal(f.last.kind, OUTCOME_STORE_AWAY);
	router_tick(f.router, T0 + 50000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
	router_store_state(f.router, T0 + 61000, true);
	router_tick(f.router, T0 + 74999);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_OFFERED);
	router_tick(f.router, T0 + 75000);
	assert_int_equal(router_contact_state(f.router, c), CONTACT_QUEUED);
}

static void
not_ready_while_busy_is_pending_until_the_work_ends(void **state)
{
	uint64_t c = submit(T0 + 0, "{\"channel\": \"voice\"}");

	router_accept(f.router, T0 + 0, offer_of(c), 0, ask);
	router_set_state(f.router, T0 + 10, 0, AGENT_NOT_READY, "lunch", true, ask);
	assert_int_equal(router_agent_state(f.router, 0), AGENT_READY);
	router_complete(f.router, T0 + 20, c, 0, NULL, ask);
	assert_int_equal(router_agent_state(f.router, 0), AGENT_NOT_READY);
}

static void
a_vip_email_close_to_its_deadline_goes_before_a_new_call(void **state)
{
	uint64_t busy = submit(T0 + 0, "{\"channel\": \"voice\"}"), mail, call;

	router_accept(f.router, T0 + 0, offer_of(busy), 0, ask);
	mail = submit(
		0, "{\"channel\": \"email\", \"tier\": \"gold\", \"sla_ms\": 300000}");
	call = submit(T0 + 120000, "{\"channel\": \"voice\"}");
	/* ROUTING 3: from 200 s before its deadline the e-mail goes before a new ordinary
	 * call. */
	router_complete(f.router, T0 + 120001, busy, 0, NULL, ask);
	assert_int_equal(router_contact_state(f.router, mail), CONTACT_OFFERED);
	assert_int_equal(router_contact_state(f.router, call), CONTACT_QUEUED);
}

static void
position_counts_those_served_before(void **state)
{
	uint64_t first = submit(T0 + 0, "{\"channel\": \"voice\"}"),
		 second = submit(T0 + 10, "{\"channel\": \"voice\"}");
	uint64_t gold = submit(T0 + 20, "{\"channel\": \"voice\", \"tier\": \"gold\"}");
	struct estimate e;

	assert_true(router_estimate(f.router, T0 + 30, gold, &e));
	assert_int_equal(e.position, 0);
	assert_true(router_estimate(f.router, T0 + 30, first, &e));
	assert_int_equal(e.position, 1);
	assert_true(router_estimate(f.router, T0 + 30, second, &e));
	assert_int_equal(e.position, 2);
}

static json_t *fetched_json;

static void
take_json(void *owner, uint64_t who, uint64_t tag, json_t *contact, bool away)
{
	assert_false(away);
	fetched_json = json_incref(contact);
}

static void
a_decision_record_names_the_rivals_and_by_how_much(void **state)
{
	uint64_t busy = submit(T0 + 0, "{\"channel\": \"voice\"}"), gold, plain;
	json_t *decision, *rival;

	router_accept(f.router, T0 + 0, offer_of(busy), 0, ask);
	plain = submit(T0 + 1000, "{\"channel\": \"voice\"}");
	gold = submit(T0 + 1000, "{\"channel\": \"voice\", \"tier\": \"gold\"}");
	router_complete(f.router, T0 + 2000, busy, 0, NULL, ask);
	router_fetch_json(f.router, T0 + 2000, gold, true, take_json, NULL, 0, 0);
	decision = json_array_get(json_object_get(fetched_json, "decisions"), 0);
	assert_string_equal(json_string_value(json_object_get(decision, "agent")), "a1");
	rival = json_array_get(json_object_get(decision, "rivals"), 0);
	/* Equal deadlines: 8 : 1 is a head start of 60 s x log2 8. */
	assert_true(
		fabs(json_real_value(json_object_get(rival, "behind_s")) - 180) < 1e-6);
	assert_int_not_equal(plain, 0);
	json_decref(fetched_json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_contact_goes_through_its_life, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_freed_agent_gets_the_most_urgent, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_timed_out_offer_is_rona_and_returns_to_its_place, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_rejected_contact_comes_back_to_its_agent_after_the_cool_down,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_customer_who_leaves_rescinds_the_offer, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_held_contact_is_offered_when_its_time_comes_as_old_as_it_is,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_held_contact_is_released_or_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(
			accepting_twice_gives_the_same_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_same_external_id_is_one_contact, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_call_parks_an_email_that_resumes_after_its_wrapup, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			two_chats_fit_one_agent_and_a_third_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_named_agent_is_waited_for_then_anybody_serves, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_last_agent_is_preferred_and_waited_for, setup_two_ready,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_skill_nobody_has_waits_and_an_edit_frees_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_lost_desktop_keeps_its_work_for_the_grace_then_gives_it_back,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_transfer_keeps_the_age_and_moves_the_deadline_by_the_time_served,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			while_the_store_is_away_intake_is_refused_and_offers_stand_still,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			not_ready_while_busy_is_pending_until_the_work_ends, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_vip_email_close_to_its_deadline_goes_before_a_new_call, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			position_counts_those_served_before, setup_nobody, teardown),
		cmocka_unit_test_setup_teardown(
			a_decision_record_names_the_rivals_and_by_how_much, setup,
			teardown),
	};

	return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
