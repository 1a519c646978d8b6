/* Who a customer is: asked before a contact is classified, and learnt later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "route/directory.h"
#include "route/router.h"

#define T0 INT64_C(1000000000000)

static const char settings[] =
	"channels: {chat: {cost: 50, offer_timeout: 30s, sla: 30s}}\n"
	"tiers: [{name: bronze, value: 1}, {name: silver, value: 3, from_points: 40},\n"
	"  {name: gold, value: 8, from_points: 80}]\n"
	"queues:\n"
	"  general: {affinity: 15s, reserve: 0}\n"
	"  debtors: {}\n"
	"default_queue: general\n"
	"rules:\n"
	"  - {when: 'customer.debt > 100', set: {queue: debtors}}\n"
	"agents: [{id: a1}, {id: a2}]\n";

static struct bench {
	struct store *store;
	struct router *router;
	struct config *config;
	int64_t now_ms;
	uint64_t tickets[8];
	int n_asked;
	bool decline;
	struct outcome last;
	int n_replies, n_updated, n_created;
	int offered_to;
} b;

static bool
ask(void *owner, uint64_t ticket, const struct directory_question *q)
{
	assert_string_equal(q->channel, "chat");
	if (b.decline)
		return false;
	b.tickets[b.n_asked++] = ticket;
	return true;
}

static const struct directory directory = {.ask = ask};

static void
hear(void *owner, const struct event *e)
{
	b.n_created += e->kind == EVENT_CONTACT_CREATED;
	b.n_updated += e->kind == EVENT_CONTACT_UPDATED;
	if (e->kind == EVENT_OFFER_CREATED)
		b.offered_to = e->agent;
}

static void
answered(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	b.last = *outcome;
	b.n_replies++;
}

static const struct reply reply = {.fn = answered};

static int
set_up(void **state)
{
	struct config_problems problems = {0};

	memset(&b, 0, sizeof b);
	b.now_ms = T0;
	b.offered_to = -1;
	b.config = config_parse("test", settings, strlen(settings), NULL, 1, &problems);
	assert_non_null(b.config);
	b.store = store_memory_create(false);
	b.router = router_create(b.store, 1);
	router_use_directory(b.router, &directory);
	router_listen(b.router, hear, NULL);
	router_configure(b.router, b.now_ms, b.config->centre);
	router_start(b.router, b.now_ms);
	return 0;
}

static int
tear_down(void **state)
{
	router_destroy(b.router);
	store_memory_destroy(b.store);
	config_destroy(b.config);
	return 0;
}

static void
submit(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	struct submission s;
	struct submission_error error;

	assert_true(submission_parse(json, &s, &error));
	router_submit(b.router, b.now_ms, &s, reply);
	submission_finish(&s);
	json_decref(json);
}

static void
ready(int agent)
{
	router_login(b.router, b.now_ms, agent, NULL, (struct reply){0});
	router_set_state(
		b.router, b.now_ms, agent, AGENT_READY, NULL, false, (struct reply){0});
}

static struct directory_answer
gold(void)
{
	return (struct directory_answer){
		.party = 7, .customer = "k1", .points = 90, .last_agent = "a2"};
}

static const char *
tier_of(uint64_t contact, struct recognised *who)
{
	assert_true(router_recognised(b.router, contact, who));
	return b.config->centre->tiers[who->tier].name;
}

static void
an_intake_is_answered_when_the_directory_has_answered(void **state)
{
	struct directory_answer answer = gold();
	struct recognised who;
	uint64_t contact;

	submit("{\"channel\": \"chat\"}");
	assert_int_equal(b.n_replies, 0);
	assert_int_equal(b.n_created, 0);
	b.now_ms += 15;
	contact = router_identified(b.router, b.now_ms, b.tickets[0], &answer);
	assert_int_equal(b.n_replies, 1);
	assert_int_equal(b.last.contact, contact);
	assert_string_equal(tier_of(contact, &who), "gold");
	assert_int_equal(who.party, 7);
	assert_true(who.points == 90);
	assert_string_equal(who.customer, "k1");
}

static void
waiting_for_the_directory_counts_as_waiting(void **state)
{
	struct estimate estimate;
	uint64_t contact;

	submit("{\"channel\": \"chat\"}");
	b.now_ms += 15;
	contact = router_identified(b.router, b.now_ms, b.tickets[0], NULL);
	assert_true(router_estimate(b.router, b.now_ms, contact, &estimate));
	assert_int_equal(estimate.waited_ms, 15);
}

static void
the_last_agent_is_taken_before_one_who_idles_longer(void **state)
{
	struct directory_answer answer = gold();

	ready(0);
	b.now_ms += 1000;
	ready(1);
	submit("{\"channel\": \"chat\"}");
	router_identified(b.router, b.now_ms, b.tickets[0], &answer);
	assert_int_equal(b.offered_to, centre_agent(b.config->centre, "a2"));
}

static void
a_late_answer_scores_a_waiting_contact_again_at_its_age(void **state)
{
	struct directory_answer answer = gold();
	struct recognised who;
	struct waiting_page page = {.queue = -1, .most = 2};
	uint64_t first, second;
	json_t *waiting, *one;

	submit("{\"channel\": \"chat\"}");
	first = router_identified(b.router, b.now_ms, b.tickets[0], NULL);
	submit("{\"channel\": \"chat\"}");
	second = router_identified(b.router, b.now_ms, b.tickets[1], NULL);
	assert_string_equal(tier_of(second, &who), "bronze");
	b.now_ms += 1000;
	router_recognise(b.router, b.now_ms, second, &answer);
	assert_string_equal(tier_of(second, &who), "gold");
	assert_int_equal(b.n_updated, 1);
	waiting = router_waiting_json(b.router, b.now_ms, &page);
	one = json_array_get(waiting, 0);
	assert_true(json_integer_value(json_object_get(one, "waited_ms")) == 1000);
	assert_string_equal(json_string_value(json_object_get(one, "tier")), "gold");
	json_decref(waiting);
	/* The same again is no news; the other one is untouched. */
	router_recognise(b.router, b.now_ms, second, &answer);
	assert_int_equal(b.n_updated, 1);
	assert_string_equal(tier_of(first, &who), "bronze");
	/* Unmerged: he is worth what he was. */
	router_recognise(b.router, b.now_ms, second, &(struct directory_answer){0});
	assert_string_equal(tier_of(second, &who), "bronze");
	assert_true(who.points == 0);
}

static void
what_the_intake_gave_stands_above_the_answer(void **state)
{
	struct attribute name = {.name = (char *)(uintptr_t) "customer.name",
		.kind = VALUE_TEXT,
		.text = (char *)(uintptr_t) "Directory"};
	struct directory_answer answer = gold();
	struct recognised who;
	uint64_t contact;
	json_t *o;

	answer.n_attributes = 1;
	answer.attributes = &name;
	submit("{\"channel\": \"chat\", \"customer\": {\"id\": \"c9\", \"points\": 50, "
	       "\"name\": \"Ann\"}}");
	contact = router_identified(b.router, b.now_ms, b.tickets[0], &answer);
	assert_string_equal(tier_of(contact, &who), "silver");
	assert_string_equal(who.customer, "c9");
	assert_int_equal(who.party, 7);
	o = router_contact_json(b.router, b.now_ms, contact, DESCRIBE_ATTRIBUTES);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(o, "attributes"), "customer.name")),
		"Ann");
	json_decref(o);
}

static void
rules_read_what_the_directory_knows(void **state)
{
	struct attribute debt = {.name = (char *)(uintptr_t) "customer.debt",
		.kind = VALUE_NUMBER,
		.number = 500};
	struct directory_answer answer = {
		.party = 8, .n_attributes = 1, .attributes = &debt};
	struct recognised who;
	uint64_t contact;

	submit("{\"channel\": \"chat\"}");
	contact = router_identified(b.router, b.now_ms, b.tickets[0], NULL);
	router_recognise(b.router, b.now_ms, contact, &answer);
	assert_true(router_recognised(b.router, contact, &who));
	assert_int_equal(who.queue, centre_queue(b.config->centre, "debtors"));
}

static void
one_in_an_agents_hands_is_noted_and_not_moved(void **state)
{
	struct directory_answer answer = gold();
	struct recognised who;
	uint64_t contact;

	ready(0);
	submit("{\"channel\": \"chat\"}");
	contact = router_identified(b.router, b.now_ms, b.tickets[0], NULL);
	assert_int_equal(b.offered_to, 0);
	router_recognise(b.router, b.now_ms, contact, &answer);
	assert_true(router_recognised(b.router, contact, &who));
	assert_int_equal(who.agent, 0);
	assert_true(who.points == 90);
	assert_int_equal(router_contact_state(b.router, contact), CONTACT_OFFERED);
}

static void
a_blocked_customer_is_refused_in_words(void **state)
{
	struct directory_answer answer = {
		.party = 9, .refused = "This customer is blocked."};

	submit("{\"channel\": \"chat\"}");
	assert_int_equal(router_identified(b.router, b.now_ms, b.tickets[0], &answer), 0);
	assert_int_equal(b.last.kind, OUTCOME_BLOCKED);
	assert_int_equal(b.n_created, 0);
}

static void
a_resend_that_overtakes_finds_the_first_contact(void **state)
{
	uint64_t first;

	submit("{\"channel\": \"chat\", \"external_id\": \"x\"}");
	submit("{\"channel\": \"chat\", \"external_id\": \"x\"}");
	first = router_identified(b.router, b.now_ms, b.tickets[1], NULL);
	assert_true(first != 0);
	assert_int_equal(router_identified(b.router, b.now_ms, b.tickets[0], NULL), 0);
	assert_true(b.last.duplicate);
	assert_int_equal(b.last.contact, first);
}

static void
where_there_is_nothing_to_ask_nobody_waits(void **state)
{
	b.decline = true;
	submit("{\"channel\": \"chat\"}");
	assert_int_equal(b.n_replies, 1);
	assert_int_equal(b.n_created, 1);
}

static bool
count_one(void *owner, const struct stored_contact *stored)
{
	return router_load_contact(owner, stored);
}

static bool
no_agent(void *owner, const char *id, const char *record)
{
	return true;
}

static void
who_it_is_is_known_after_a_restart(void **state)
{
	struct directory_answer answer = gold();
	struct store_load load = {count_one, no_agent, no_agent, NULL};
	struct store_loaded found;
	struct recognised who;
	uint64_t contact;

	submit("{\"channel\": \"chat\"}");
	contact = router_identified(b.router, b.now_ms, b.tickets[0], &answer);
	router_destroy(b.router);
	b.router = router_create(b.store, 2);
	router_configure(b.router, b.now_ms, b.config->centre);
	load.owner = b.router;
	store_memory_load(b.store, &load, &found);
	router_start(b.router, b.now_ms);
	assert_string_equal(tier_of(contact, &who), "gold");
	assert_int_equal(who.party, 7);
}

/* The rules of other settings are asked when the directory has answered: before, what
 * they read is not there. */
static void
after_a_restart_with_other_rules_the_directory_is_waited_for(void **state)
{
	struct attribute debt = {.name = (char *)(uintptr_t) "customer.debt",
		.kind = VALUE_NUMBER,
		.number = 500};
	struct directory_answer answer = {
		.party = 8, .n_attributes = 1, .attributes = &debt};
	struct store_load load = {count_one, no_agent, no_agent, NULL};
	struct config_problems problems = {0};
	struct store_loaded found;
	struct recognised who;
	char *other = xasprintf("reject_cooldown: 3s\n%s", settings);
	uint64_t contact;

	submit("{\"channel\": \"chat\"}");
	contact = router_identified(b.router, b.now_ms, b.tickets[0], &answer);
	router_destroy(b.router);
	config_destroy(b.config);
	b.config = config_parse("test", other, strlen(other), NULL, 1, &problems);
	assert_non_null(b.config);
	free(other);
	b.router = router_create(b.store, 2);
	router_configure(b.router, b.now_ms, b.config->centre);
	load.owner = b.router;
	store_memory_load(b.store, &load, &found);
	router_start(b.router, b.now_ms);
	assert_true(router_recognised(b.router, contact, &who));
	assert_int_equal(who.queue, centre_queue(b.config->centre, "debtors"));
	/* He owes nothing by now. */
	answer.n_attributes = 0;
	router_recognise(b.router, b.now_ms, contact, &answer);
	assert_true(router_recognised(b.router, contact, &who));
	assert_int_equal(who.queue, centre_queue(b.config->centre, "general"));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(an_intake_is_answered_when_the_directory_has_answered),
		T(waiting_for_the_directory_counts_as_waiting),
		T(the_last_agent_is_taken_before_one_who_idles_longer),
		T(a_late_answer_scores_a_waiting_contact_again_at_its_age),
		T(what_the_intake_gave_stands_above_the_answer),
		T(rules_read_what_the_directory_knows),
		T(one_in_an_agents_hands_is_noted_and_not_moved),
		T(a_blocked_customer_is_refused_in_words),
		T(a_resend_that_overtakes_finds_the_first_contact),
		T(where_there_is_nothing_to_ask_nobody_waits),
		T(who_it_is_is_known_after_a_restart),
		T(after_a_restart_with_other_rules_the_directory_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
