/* test_router_drain.c - what settings no longer name, and what they say otherwise, over
 * reloads and restarts: nothing is lost, place and age stay. */
#include "router_case.h"

#define DRAINS                                                                           \
	"channels:\n"                                                                    \
	"  chat: {cost: 50, offer_timeout: 30s, sla: 30s}\n"                             \
	"agents:\n"                                                                      \
	"  - {id: a1}\n"

static const char both[] = "channels:\n"
			   "  chat: {cost: 50, offer_timeout: 30s, sla: 30s}\n"
			   "  fax: {cost: 50, offer_timeout: 30s, sla: 1h}\n"
			   "queues: {general: {}, billing: {sla: {chat: 10m}}}\n"
			   "default_queue: general\n"
			   "rules: [{when: 'kind == \"bill\"', set: {queue: billing}}]\n"
			   "agents:\n"
			   "  - {id: a1}\n";

static void
what_was_removed_before_a_restart_drains(void **state)
{
	static const char less[] = "queues: {general: {channels: [chat]}}\n" DRAINS;
	const struct contact *c;
	uint64_t fax, bill;

	begin(both, false);
	fax = submit(T0, "{\"channel\": \"fax\"}");
	bill = submit(T0 + 1, "{\"channel\": \"chat\", \"attributes\": {\"kind\": "
			      "\"bill\"}}");
	restart(T0 + 1000, less);
	c = contact_find(f.router, fax);
	assert_non_null(c);
	assert_string_equal(f.router->centre->channels[c->channel].name, "fax");
	assert_int_equal(c->state, CONTACT_QUEUED);
	assert_int_equal(c->t0_ms, T0);
	assert_int_equal(c->d_ms, T0 + 3600000);
	c = contact_find(f.router, bill);
	assert_string_equal(f.router->centre->queues[c->queue].name, "billing");
	assert_true(f.router->centre->queues[c->queue].removed);
	assert_int_equal(c->d_ms, T0 + 1 + 600000);
	/* Nothing new comes in. */
	assert_int_equal(submit(T0 + 1001, "{\"channel\": \"fax\"}"), 0);
	assert_int_equal(f.last.kind, OUTCOME_NO_CHANNEL);
	assert_int_equal(submit(T0 + 1002, "{\"channel\": \"chat\", \"queue\": "
					   "\"billing\"}"),
		0);
	assert_int_equal(f.last.kind, OUTCOME_NO_QUEUE);
	/* They stay over a reload and one more restart, and are served. */
	reload(T0 + 2000, less);
	restart(T0 + 3000, less);
	assert_int_equal(contact_find(f.router, fax)->d_ms, T0 + 3600000);
	ready(T0 + 4000, 0);
	accept(T0 + 4001, fax);
	accept(T0 + 4002, bill);
	/* Named again, they are whole again. */
	reload(T0 + 5000, both);
	assert_int_not_equal(submit(T0 + 5001, "{\"channel\": \"fax\"}"), 0);
	assert_int_equal(store_memory_wrong(f.store, NULL), 0);
}

static void
a_restart_with_other_rules_classifies_again(void **state)
{
#define TIERS                                                                            \
	DRAINS "tiers: [{name: bronze, value: 1}, {name: gold, value: 8}]\n"             \
	       "queues: {general: {sla: {chat: {default: 30s, gold: 10s}}}}\n"
	static const char before[] = TIERS;
	static const char after[] =
		TIERS "rules: [{when: 'kind == \"bill\"', set: {tier: gold}}]\n";
	const struct contact *c;
	uint64_t bill;

	begin(before, false);
	bill = submit(
		T0, "{\"channel\": \"chat\", \"attributes\": {\"kind\": \"bill\"}}");
	assert_int_equal(contact_find(f.router, bill)->d_ms, T0 + 30000);
	restart(T0 + 1000, after);
	c = contact_find(f.router, bill);
	assert_string_equal(f.router->centre->tiers[c->tier].name, "gold");
	assert_int_equal(c->t0_ms, T0);
	assert_int_equal(c->sla_ms, 10000);
	assert_int_equal(c->d_ms, T0 + 10000);
	assert_int_equal(f.router->counts.steps, 1);
	/* The same settings: nothing is to be said. */
	restart(T0 + 2000, after);
	assert_int_equal(contact_find(f.router, bill)->d_ms, T0 + 10000);
	assert_int_equal(f.router->counts.steps, 0);
}

/* A rule that depends on the hour is not asked again by a restart alone. */
static void
a_restart_with_the_same_settings_moves_nothing(void **state)
{
	char *text =
		xasprintf("%squeues: {general: {}, late: {}}\n"
			  "default_queue: general\n"
			  "rules: [{when: 'time.minute < 15', set: {queue: late}}]\n",
			DRAINS);
	const int64_t quarter = T0 - T0 % 3600000 + 14 * 60000;
	const struct contact *c;
	uint64_t id;

	begin(text, false);
	id = submit(quarter, "{\"channel\": \"chat\"}");
	c = contact_find(f.router, id);
	assert_string_equal(f.router->centre->queues[c->queue].name, "late");
	restart(quarter + 120000, text);
	c = contact_find(f.router, id);
	assert_string_equal(f.router->centre->queues[c->queue].name, "late");
	free(text);
}

static void
a_queue_removed_with_its_rule_keeps_its_contacts(void **state)
{
	static const char less[] = "queues: {general: {channels: [chat]}, new: {}}\n"
				   "default_queue: general\n"
				   "rules: [{when: 'kind == \"new\"', set: {queue: "
				   "new}}]\n" DRAINS;
	const struct contact *c;
	uint64_t fax, bill;

	begin(both, false);
	bill = submit(
		T0, "{\"channel\": \"chat\", \"attributes\": {\"kind\": \"bill\"}}");
	fax = submit(T0 + 1, "{\"channel\": \"fax\"}");
	reload(T0 + 1000, less);
	c = contact_find(f.router, bill);
	assert_string_equal(f.router->centre->queues[c->queue].name, "billing");
	assert_int_equal(c->d_ms, T0 + 600000);
	assert_int_equal(state_of(fax), CONTACT_QUEUED);
	ready(T0 + 2000, 0);
	accept(T0 + 2001, bill);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_was_removed_before_a_restart_drains, end),
		cmocka_unit_test_teardown(
			a_restart_with_other_rules_classifies_again, end),
		cmocka_unit_test_teardown(
			a_restart_with_the_same_settings_moves_nothing, end),
		cmocka_unit_test_teardown(
			a_queue_removed_with_its_rule_keeps_its_contacts, end),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("router drain", tests, NULL, NULL);
}
