/* The settings file: what is read, what it means, and what reloads keep. */
#include "config_case.h"

#include <math.h>

#include "control/settings.h"

#define HOUR_MS INT64_C(3600000)

static void
the_example_of_the_contract_loads(void **state)
{
	struct config *config = plain(example);
	const struct centre *c = config->centre;
	const struct queue *billing = &c->queues[centre_queue(c, "billing")];
	int gold = centre_tier(c, "gold"), email = centre_channel(c, "email");
	const struct agent_settings *ann = &c->agents[centre_agent(c, "a1")];

	assert_int_equal(c->version, 1);
	assert_string_equal(c->name, "demo");
	assert_int_equal(c->n_channels, 5);
	assert_int_equal(c->channels[email].calendar, 0);
	assert_true(c->channels[email].interruptible);
	assert_int_equal(
		c->channels[centre_channel(c, "letter")].offer_timeout_ms, 60000);
	assert_int_equal(c->default_tier, centre_tier(c, "bronze"));
	assert_int_equal(c->default_queue, centre_queue(c, "general"));
	assert_true(isnan(c->tiers[0].from_points));
	assert_int_equal(queue_sla_ms(c, billing, email, gold), 300000);
	assert_int_equal(queue_sla_ms(c, billing, email, 0), 4 * HOUR_MS);
	assert_int_equal(billing->reserve, -1);
	assert_int_equal(billing->n_steps, 3);
	assert_int_equal(billing->steps[1].drop[0], centre_skill(c, "french"));
	assert_int_equal(billing->steps[2].add[0], centre_team(c, "overflow"));
	assert_int_equal(
		queue_wait_limit_ms(billing, centre_channel(c, "chat")), HOUR_MS / 2);
	assert_int_equal(queue_wait_limit_ms(billing, email), 0);
	assert_int_equal(billing->overflow_to, c->default_queue);
	assert_true(billing->disposition_required);
	assert_int_equal(billing->n_dispositions, 3);
	assert_int_equal(c->n_rules, 2);
	assert_string_equal(c->rules[1].name, "rule 2");
	assert_int_equal(
		require_level(&c->rules[1].set.require, centre_skill(c, "billing")), 3);
	assert_int_equal(ann->n_skills, 2);
	assert_int_equal(ann->team, centre_team(c, "first"));
	assert_string_equal(ann->device, "PJSIP/1001");
	assert_string_equal(c->teams[ann->team].supervisors[0], "s1");
	assert_true(calendar_is_open(c->calendars[0], INT64_C(1767776400000)));
	config_destroy(config);
}

static void
everything_but_queues_has_a_default(void **state)
{
	struct config *config = plain(Q);
	const struct centre *c = config->centre;
	const struct queue *q = &c->queues[0];

	assert_string_equal(config->http.address, "127.0.0.1:8443");
	assert_string_equal(config->desk.address, "127.0.0.1:7443");
	assert_true(config->http.tls);
	assert_string_equal(config->redis, "managed");
	assert_string_equal(config->redis_fsync, "always");
	assert_int_equal(config->heartbeat_ms, 10000);
	assert_null(config->sim);
	assert_int_equal(c->n_channels, 4);
	assert_true(c->channels[centre_channel(c, "email")].deferrable);
	assert_int_equal(c->channels[0].cost_pts, 100);
	assert_int_equal(c->n_tiers, 3);
	assert_true(c->tiers[2].never_demoted);
	assert_int_equal(c->default_queue, 0);
	assert_true(fabs(c->half_life_ms - 60000) < 1e-9);
	assert_int_equal(c->reject_cooldown_ms, 10000);
	assert_int_equal(c->desk_grace_ms, 120000);
	assert_int_equal(c->park_limit_ms, HOUR_MS / 2);
	assert_int_equal(c->keep_finished_ms, HOUR_MS);
	assert_int_equal(c->external_id_ms, 7 * 24 * HOUR_MS);
	assert_int_equal(q->length_limit, 500);
	assert_int_equal(q->affinity_ms, 15000);
	assert_int_equal(q->target_wait_ms, 60000);
	assert_true(q->admit_empty);
	assert_true(q->scarce_last);
	assert_int_equal(q->overflow_to, -1);
	assert_int_equal(q->hours, -1);
	assert_int_equal(c->agents[0].capacity_pts, 100);
	assert_int_equal(c->agents[0].team, -1);
	config_destroy(config);
}

static void
listed_channels_take_missing_numbers_from_the_four(void **state)
{
	struct config *config = plain("channels: {voice: {sla: 5s}, fax: {}, email: {}}\n"
				      "queues: {general: {}}\nagents: [{id: a1}]\n");
	const struct centre *c = config->centre;
	const struct channel *voice = &c->channels[centre_channel(c, "voice")];
	const struct channel *fax = &c->channels[centre_channel(c, "fax")];

	assert_int_equal(c->n_channels, 3);
	assert_int_equal(centre_channel(c, "chat"), -1);
	assert_int_equal(voice->sla_ms, 5000);
	assert_int_equal(voice->cost_pts, 100);
	assert_int_equal(voice->offer_timeout_ms, 15000);
	assert_int_equal(voice->wrapup_ms, 30000);
	assert_int_equal(fax->cost_pts, 25);
	assert_int_equal(fax->offer_timeout_ms, 60000);
	assert_int_equal(fax->wrapup_ms, 0);
	assert_int_equal(fax->sla_ms, 4 * HOUR_MS);
	/* Flags are not taken from the four. */
	assert_false(c->channels[centre_channel(c, "email")].interruptible);
	config_destroy(config);
}

/* ---- the law ---- */

static void
laws_go_from_the_general_to_the_particular(void **state)
{
	static const struct {
		const char *settings;
		/* late weight, second promise, ageing in s; of bronze and of gold (top)
		 */
		double bronze[3], gold[3];
	} list[] = {
		{"", {.5, 2, 150}, {1, 1, 150}},
		{"promise: keep_most\n", {.25, 2, 150}, {1, 1, 150}},
		{"promise: fair\n", {1, 1, 150}, {1, 1, 150}},
		{"law: {late_weight: 0.1, ageing: 10s}\n", {.1, 2, 10}, {1, 1, 10}},
		{"law: {gold: {late_weight: 0.7}}\n", {.5, 2, 150}, {.7, 1, 150}},
		{"queues: {general: {law: {late_weight: 0.2, second_promise: 3, ageing: "
		 "1us}}}\n",
			{.2, 3, 1e-6}, {1, 1, 1e-6}},
		{"queues: {general: {law: {late_weight: 0.2, gold: {second_promise: 4}, "
		 "bronze: {late_weight: 0.3}}}}\n",
			{.3, 2, 150}, {1, 4, 150}},
		{"promise: fair\nlaw: {late_weight: 0.9, bronze: {ageing: 5s}}\nqueues: "
		 "{general: {law: {bronze: {late_weight: 0.8}}}}\n",
			{.8, 1, 5}, {1, 1, 150}},
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct text text = {0};
		struct config *config;
		const struct law *law;

		text_addf(&text, "%s%sagents: [{id: a1}]\n", list[i].settings,
			strstr(list[i].settings, "queues") == NULL
				? "queues: {general: {}}\n"
				: "");
		config = plain(text.s);
		law = config->centre->queues[0].laws;
		for (int j = 0; j < 2; j++) {
			const double *want = j == 0 ? list[i].bronze : list[i].gold;
			const struct law *l = &law[2 * j];

			if (fabs(l->late_weight - want[0]) > 1e-9 ||
				fabs(l->second - want[1]) > 1e-9 ||
				fabs(l->ageing_ms - 1000 * want[2]) > 1e-9)
				fail_msg("%s: tier %d: %g %g %g", list[i].settings, j,
					l->late_weight, l->second, l->ageing_ms);
		}
		config_destroy(config);
		text_finish(&text);
	}
}

static void
the_last_of_several_tiers_is_top_unless_one_says_so(void **state)
{
	static const struct {
		const char *tiers;
		int top; /* -1: none */
	} list[] = {
		{"[{name: a}]", -1},
		{"[{name: a, never_demoted: true}]", 0},
		{"[{name: a}, {name: b}]", 1},
		{"[{name: a, never_demoted: true}, {name: b}]", 0},
		{"[{name: a, value: 1e12}, {name: b, value: 0.5}, {name: c}]", 2},
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		char *text = xasprintf("tiers: %s\n%s", list[i].tiers, Q);
		struct config *config = plain(text);

		for (int j = 0; j < config->centre->n_tiers; j++)
			assert_int_equal(
				config->centre->tiers[j].never_demoted, j == list[i].top);
		config_destroy(config);
		free(text);
	}
}

/* ---- units, speed ---- */

static void
durations_have_a_number_and_a_unit(void **state)
{
	static const struct {
		const char *text;
		double ms; /* -1: refused */
	} list[] = {
		{"15s", 15000},
		{"1.5h", 5400000},
		{"250ms", 250},
		{"1us", 0.001},
		{"2m", 120000},
		{"7d", 604800000},
		{"0s", 0},
		{"0", 0},
		{"0.25d", 21600000},
		{"15", -1},
		{"1h30m", -1},
		{"s", -1},
		{"-5s", -1},
		{"+5s", -1},
		{"5 s", -1},
		{".5s", -1},
		{"5.s", -1},
		{"5S", -1},
		{"5sec", -1},
		{"1e3s", -1},
		{"0x10s", -1},
		{"nan", -1},
		{"infs", -1},
		{"", -1},
		{"99999999999999999999999999999999999s", -1},
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		double ms = 0;
		bool fine = settings_duration(list[i].text, &ms);

		if (fine != (list[i].ms >= 0) ||
			(fine && fabs(ms - list[i].ms) > 1e-9 * (1 + ms)))
			fail_msg("%s: %g", list[i].text, ms);
	}
}

static void
durations_are_written_in_their_largest_whole_unit(void **state)
{
	static const struct {
		double ms;
		const char *text;
	} list[] = {{15000, "15s"}, {90000, "90s"}, {120000, "2m"}, {0, "0s"},
		{0.001, "1us"}, {1500, "1500ms"}, {86400000, "1d"}, {5400000, "90m"}};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct text text = {0};

		settings_duration_text(&text, list[i].ms);
		assert_string_equal(text.s, list[i].text);
		text_finish(&text);
	}
}

static void
a_play_divides_its_durations_and_not_those_of_the_world(void **state)
{
	struct config *config = good(example, NULL, 10);
	const struct centre *c = config->centre;
	const struct queue *q = &c->queues[0];

	assert_int_equal(c->channels[0].offer_timeout_ms, 1500);
	assert_int_equal(c->channels[0].wrapup_ms, 3000);
	assert_int_equal(c->channels[0].sla_ms, 2000);
	assert_int_equal(queue_sla_ms(c, q, 3, 2), 30000);
	assert_true(fabs(c->half_life_ms - 6000) < 1e-9);
	assert_true(fabs(q->laws[0].ageing_ms - 15000) < 1e-9);
	assert_int_equal(q->steps[0].after_ms, 2000);
	assert_int_equal(q->affinity_ms, 1500);
	assert_int_equal(q->overflow_ms, 60000);
	assert_int_equal(q->wait_limits[0].ms, 180000);
	assert_int_equal(c->reject_cooldown_ms, 1000);
	assert_int_equal(c->park_limit_ms, 180000);
	assert_int_equal(c->desk_grace_ms, 120000);
	assert_int_equal(c->keep_finished_ms, HOUR_MS);
	assert_int_equal(config->heartbeat_ms, 10000);
	config_destroy(config);
	/* What is short does not vanish. */
	config = good("law: {ageing: 1us}\n"
		      "channels: {voice: {sla: 1ms, wrapup: 0s}}\n"
		      "queues: {general: {}}\nagents: [{id: a1}]\n",
		NULL, 200);
	assert_int_equal(config->centre->channels[0].sla_ms, 1);
	assert_int_equal(config->centre->channels[0].wrapup_ms, 0);
	assert_true(config->centre->queues[0].laws[0].ageing_ms > 0);
	config_destroy(config);
}

/* ---- reloads ---- */

static void
a_reload_keeps_indexes_and_drains_what_is_removed(void **state)
{
	struct config *old = plain(example), *new, *again;
	const struct centre *c;
	const struct queue *billing;

	new = good("timezone: UTC\n"
		   "channels: {fax: {}, voice: {}}\n"
		   "tiers: [{name: gold, value: 5}, {name: basic}]\n"
		   "skills: [spanish, billing]\n"
		   "queues: {fresh: {require: {spanish: 2}}, general: {}}\n"
		   "default_queue: fresh\n"
		   "agents: [{id: a2, skills: {spanish: 3}}]\n",
		old->centre, 1);
	c = new->centre;
	billing = &c->queues[centre_queue(c, "billing")];
	assert_int_equal(c->version, 2);
	assert_int_equal(centre_queue(c, "billing"), 0);
	assert_int_equal(centre_queue(c, "general"), 1);
	assert_int_equal(centre_queue(c, "fresh"), 2);
	assert_true(billing->removed);
	assert_int_equal(billing->n_dispositions, 3);
	assert_int_equal(billing->overflow_ms, 600000);
	assert_int_equal(billing->n_laws, c->n_tiers);
	assert_true(fabs(billing->laws[0].late_weight - 1) < 1e-9);
	assert_false(c->queues[1].removed);
	assert_int_equal(c->queues[1].n_channels, 0);
	assert_int_equal(c->queues[2].order, 0);
	assert_int_equal(c->default_queue, 2);
	assert_int_equal(centre_channel(c, "voice"), 0);
	assert_int_equal(centre_channel(c, "fax"), 5);
	assert_true(c->channels[1].removed);
	assert_int_equal(c->channels[1].cost_pts, 50);
	assert_int_equal(centre_tier(c, "gold"), 2);
	assert_true(c->tiers[0].removed);
	assert_int_equal(c->default_tier, 2);
	assert_true(c->tiers[3].never_demoted); /* basic is the last */
	assert_false(c->tiers[2].never_demoted);
	assert_int_equal(centre_skill(c, "billing"), 2);
	assert_int_equal(centre_skill(c, "spanish"), 3);
	assert_true(c->agents[0].removed);
	assert_string_equal(c->agents[0].name, "Ann");
	assert_false(c->agents[1].removed);
	assert_true(c->teams[0].removed);
	assert_int_equal(c->n_calendars, 1);
	/* And back again. */
	again = good(example, c, 1);
	assert_int_equal(again->centre->version, 3);
	assert_int_equal(centre_queue(again->centre, "billing"), 0);
	assert_false(again->centre->queues[0].removed);
	assert_true(again->centre->queues[2].removed);
	assert_int_equal(again->centre->n_queues, 3);
	assert_false(again->centre->agents[0].removed);
	assert_true(again->centre->agents[1].removed);
	config_destroy(old);
	config_destroy(new);
	config_destroy(again);
}

static void
names_of_removed_things_are_unknown_to_new_settings(void **state)
{
	struct config *old = plain(example);
	struct config_problems problems;

	assert_null(parse("queues: {a: {overflow: {after: 1m, to: billing}}}\n",
		old->centre, 1, &problems));
	assert_non_null(strstr(problems.list[0].message, "no queue \"billing\""));
	config_problems_finish(&problems);
	config_destroy(old);
}

/* ---- the rest ---- */

static void
a_simulation_makes_agents_from_templates(void **state)
{
	struct config *config =
		plain("queues: {billing: {require: {english: 3}}, other: {}}\n"
		      "default_queue: other\n"
		      "sim:\n"
		      "  start: 2026-01-05T08:00:00Z\n"
		      "  accept: 1500ms\n"
		      "  classes:\n"
		      "    0: {queue: billing, channel: voice, tier: gold, attributes: "
		      "{ivr.menu: "
		      "bill, n: 5, flag: true, quoted: \"5\", list: [a, b]}}\n"
		      "    12: {channel: email}\n"
		      "  agents:\n"
		      "    - {count: 18, id: \"en-%d\", skills: {english: 5}, rank: 1}\n"
		      "    - {id: solo}\n");
	const struct config_sim *sim = config->sim;
	const struct attribute *a = sim->classes[0].attributes;

	assert_int_equal(config->centre->n_agents, 19);
	assert_string_equal(config->centre->agents[0].id, "en-1");
	assert_string_equal(config->centre->agents[17].id, "en-18");
	assert_int_equal(config->centre->agents[18].order, 18);
	assert_int_equal(sim->start_ms, INT64_C(1767600000000));
	assert_int_equal(sim->accept_ms, 1500);
	assert_false(sim->wrapup);
	assert_int_equal(sim->n_classes, 2);
	assert_int_equal(sim->classes[1].number, 12);
	assert_null(sim->classes[1].queue);
	assert_int_equal(sim->classes[0].n_attributes, 5);
	assert_int_equal(a[0].kind, VALUE_TEXT);
	assert_int_equal(a[1].kind, VALUE_NUMBER);
	assert_int_equal(a[2].kind, VALUE_BOOL);
	assert_int_equal(a[3].kind, VALUE_TEXT);
	assert_int_equal(a[4].kind, VALUE_LIST);
	assert_int_equal(a[4].n_list, 2);
	config_destroy(config);
}

static void
plugins_get_their_settings_as_they_stand(void **state)
{
	struct config *config =
		plain(Q "plugins:\n  - name: vip\n    prefix: \"7\"\n    bonus: 10\n");

	assert_int_equal(config->n_plugins, 1);
	assert_string_equal(config->plugins[0].name, "vip");
	assert_int_equal(config->plugins[0].line, 4);
	assert_int_equal(config->plugins[0].n_settings, 2);
	assert_string_equal(config->plugins[0].keys[1], "bonus");
	assert_string_equal(config->plugins[0].values[1], "10");
	config_destroy(config);
}

#define BOX "mailboxes: {support: {addresses: [help@desk.example]}}"

static void
a_reload_tells_what_it_cannot_change(void **state)
{
	static const char *const told[] = {
		"http.address ", "limits.connections ", "mail.lmtp.address ", "redis "};
	struct config *old = plain(Q "mail: {" BOX "}\n");
	struct config *new =
		plain(Q "http: off\nredis: unix:/run/redis\nheartbeat: 3s\n"
			"limits: {connections: 100, messages_per_second: 3}\n"
			"mail: {lmtp: {address: 127.0.0.1:24, rate: 3}, " BOX "}\n");
	struct config_problems problems = {0};
	size_t n = sizeof told / sizeof *told;

	config_warn_of_start(old->dump, new, "t.yaml", &problems);
	assert_int_equal(problems.n, n);
	for (size_t i = 0; i < n; i++)
		assert_ptr_equal(strstr(problems.list[i].message, told[i]),
			problems.list[i].message);
	config_problems_finish(&problems);
	config_destroy(old);
	config_destroy(new);
}

static void
json_is_read_as_the_yaml_that_it_is(void **state)
{
	struct config *config =
		plain("{\n \"http\": {\"address\": \"127.0.0.1:0\", \"tls\": false},\n"
		      " \"desk\": \"off\",\n"
		      " \"queues\": {\"a\": {\"reserve\": 0, \"affinity\": \"0s\"}},\n"
		      " \"tiers\": [{\"name\": \"t\", \"value\": 1000000000}],\n"
		      " \"agents\": [{\"id\": \"x\", \"capacity\": 150}]\n}\n");

	assert_false(config->http.tls);
	assert_null(config->desk.address);
	assert_int_equal(config->centre->queues[0].reserve, 0);
	assert_int_equal(config->centre->agents[0].capacity_pts, 150);
	config_destroy(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_contract_loads),
		cmocka_unit_test(everything_but_queues_has_a_default),
		cmocka_unit_test(listed_channels_take_missing_numbers_from_the_four),
		cmocka_unit_test(laws_go_from_the_general_to_the_particular),
		cmocka_unit_test(the_last_of_several_tiers_is_top_unless_one_says_so),
		cmocka_unit_test(durations_have_a_number_and_a_unit),
		cmocka_unit_test(durations_are_written_in_their_largest_whole_unit),
		cmocka_unit_test(a_play_divides_its_durations_and_not_those_of_the_world),
		cmocka_unit_test(a_reload_keeps_indexes_and_drains_what_is_removed),
		cmocka_unit_test(names_of_removed_things_are_unknown_to_new_settings),
		cmocka_unit_test(a_simulation_makes_agents_from_templates),
		cmocka_unit_test(plugins_get_their_settings_as_they_stand),
		cmocka_unit_test(a_reload_tells_what_it_cannot_change),
		cmocka_unit_test(json_is_read_as_the_yaml_that_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
