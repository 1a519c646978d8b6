/* The settings file: what is read, what is refused and how, and what reloads keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "control/config.h"
#include "control/settings.h"

#define HOUR_MS INT64_C(3600000)

/* The whole example of the contract. */
static const char example[] =
	"centre: demo\n"
	"timezone: Europe/London\n"
	"redis: managed                # or unix:/path\n"
	"promise: balanced\n"
	"law: {half_life: 60s, late_weight: 0.5, second_promise: 2, ageing: 150s}\n"
	"channels:\n"
	"  voice:    {cost: 100, offer_timeout: 15s, wrapup: 30s, sla: 20s}\n"
	"  chat:     {cost: 50,  offer_timeout: 30s, wrapup: 10s, sla: 30s}\n"
	"  callback: {cost: 100, offer_timeout: 30s, wrapup: 30s, sla: 15m}\n"
	"  email:    {cost: 25,  offer_timeout: 120s, wrapup: 0s, sla: 4h, calendar: "
	"office, "
	"interruptible: true, deferrable: true}\n"
	"  letter:   {cost: 25,  sla: 16h, calendar: office, interruptible: true, "
	"deferrable: true}\n"
	"tiers:\n"
	"  - {name: bronze, value: 1}\n"
	"  - {name: silver, value: 3, from_points: 40}\n"
	"  - {name: gold,   value: 8, from_points: 80, never_demoted: true}\n"
	"skills: [english, french, billing]\n"
	"calendars:\n"
	"  office: {hours: {mon-fri: [\"09:00-17:00\"]}, holidays: [2026-12-25]}\n"
	"queues:\n"
	"  billing:\n"
	"    channels: [voice, chat, callback, email]\n"
	"    require: {billing: 1}\n"
	"    sla: {voice: 20s, email: {default: 4h, gold: 5m}}\n"
	"    strategy: longest_idle\n"
	"    scarce_last: true\n"
	"    reserve: auto\n"
	"    affinity: 15s\n"
	"    steps:\n"
	"      - {after: 20s, lower: {billing: 1}}\n"
	"      - {after: 60s, drop: [french]}\n"
	"      - {after: 120s, add: [team:overflow]}\n"
	"    limits: {length: 500, wait: {voice: 30m, chat: 30m}}\n"
	"    overflow: {after: 10m, to: general}\n"
	"    dispositions: {required: true, codes: [solved, sale, follow_up]}\n"
	"    law: {late_weight: 1, second_promise: 1, ageing: 150s}\n"
	"  general: {channels: [voice, chat, callback, email, letter]}\n"
	"rules:\n"
	"  - {when: 'channel == \"email\" and customer.points >= 80', set: {tier: "
	"gold}}\n"
	"  - {when: 'ivr.menu == \"bill\" or \"invoice\" in subject', set: {queue: "
	"billing, "
	"require: {billing: 3}}}\n"
	"default_queue: general\n"
	"agents:\n"
	"  - {id: a1, name: Ann, team: first, skills: {billing: 5, english: 9}, "
	"capacity: 100, "
	"rank: 1, device: \"PJSIP/1001\"}\n"
	"teams: {first: {supervisors: [s1]}, overflow: {}}\n";

static struct config *
parse(const char *text, const struct centre *previous, double speed,
	struct config_problems *problems)
{
	*problems = (struct config_problems){0};
	return config_parse("t.yaml", text, strlen(text), previous, speed, problems);
}

/* Settings that must be right. */
static struct config *
good(const char *text, const struct centre *previous, double speed)
{
	struct config_problems problems;
	struct config *config = parse(text, previous, speed, &problems);

	if (config == NULL) {
		config_problems_print(&problems, stderr);
		fail();
	}
	config_problems_finish(&problems);
	return config;
}

static struct config *
plain(const char *text)
{
	return good(text, NULL, 1);
}

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

static const char least[] = "queues: {general: {}}\nagents: [{id: a1}]\n";

static void
everything_but_queues_has_a_default(void **state)
{
	struct config *config = plain(least);
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
		char *text = xasprintf("tiers: %s\n%s", list[i].tiers, least);
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

/* ---- what is refused ---- */

struct mistake {
	const char *text;
	int line, column;
	const char *message; /* a part of it */
};

static void
check_mistakes(const struct mistake *list, size_t n, bool warning)
{
	for (size_t i = 0; i < n; i++) {
		struct config_problems problems;
		struct config *config = parse(list[i].text, NULL, 1, &problems);
		bool found = false;

		for (int j = 0; j < problems.n; j++) {
			const struct config_problem *p = &problems.list[j];

			found = found ||
				(p->warning == warning && p->line == list[i].line &&
					p->column == list[i].column &&
					strstr(p->message, list[i].message) != NULL);
		}
		if (!found || (config != NULL) != warning) {
			fprintf(stderr, "--- %s\nwanted %d:%d %s, got\n", list[i].text,
				list[i].line, list[i].column, list[i].message);
			config_problems_print(&problems, stderr);
			fail();
		}
		config_destroy(config);
		config_problems_finish(&problems);
	}
}

#define CHECK_MISTAKES(list, warning)                                                    \
	check_mistakes(list, sizeof list / sizeof list[0], warning)

#define Q "queues: {general: {}}\nagents: [{id: a1}]\n"

static void
mistakes_of_form_are_refused_where_they_stand(void **state)
{
	static const struct mistake list[] = {
		{"", 1, 1, "no settings"},
		{"# nothing\n", 1, 1, "no settings"},
		{"queues\n", 1, 1, "key: value"},
		{"[a, b]\n", 1, 1, "key: value"},
		{Q "queues: {x: {}}\n", 3, 1, "twice, first in line 1"},
		{"queues: {a: {}, b: {}, a: {}}\n", 1, 24, "twice, first in line 1"},
		{"queues:\n  a: {}\n\tb: {}\n", 3, 1, "a tab indents"},
		{"queues: {a: {}\n", 2, 1, "the file ends here"},
		{"queues: {a: {}}\ncentre: \"de", 2, 12, "the file ends here"},
		{"queues: {a: {}}\ncen", 2, 1, "\": \""},
		{"queues: {a: {}}\n---\ncentre: b\n", 2, 1, "second document"},
		{"queues: &q {a: {}}\n", 1, 9, "anchors"},
		{"centre: *x\n", 1, 9, "anchors"},
		{"centre: !!str x\n", 1, 9, "tags"},
		{"queues: {? [a] : b}\n", 1, 12, "a key is one word"},
		{"queues: {\"\": {}}\n", 1, 10, "a key is one word"},
		{"centre: \xff\xfe\n", 1, 9, "UTF-8"},
		{"centre: \xc0\xaf\n", 1, 9, "UTF-8"},
		{"centre: a\x01\n", 1, 10, "UTF-8"},
		{"centre: \"a\\0b\"\n", 1, 9, "NUL"},
		{"a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: {o: {p: {q: {r: "
		 "{s: {t: {u: {v: {w: {x: {y: {z: 1}}}}}}}}}}}}}}}}}}}}}}}}}\n",
			1, 97, "levels"},
	};

	CHECK_MISTAKES(list, false);
}

static void
mistakes_of_meaning_are_refused_with_a_hint(void **state)
{
	static const struct mistake list[] = {
		{Q "chanels: {}\n", 3, 1, "did you mean channels?"},
		{Q "zzz: 1\n", 3, 1, "the keys of the settings file are: centre, "},
		{"queues: {a: {reqiure: {}}}\n", 1, 14, "did you mean require?"},
		{"queues:\n", 1, 8, "a mapping"},
		{"queues: {}\n", 1, 1, "there is none"},
		{"centre: x\n", 1, 1, "queues is missing"},
		{Q "centre:\n", 3, 8, "its value is missing"},
		{Q "centre: ~\n", 3, 9, "its value is missing"},
		{Q "centre: a b\n", 3, 9, "not a name"},
		{Q "centre: {a: b}\n", 3, 9, "this is a mapping"},
		{Q "centre: [a]\n", 3, 9, "this is a list"},
		{Q "skills: english\n", 3, 9, "write [english]"},
		{Q "skills: {a: 1}\n", 3, 9, "a list is wanted"},
		{Q "skills: [[a]]\n", 3, 10, "not one word"},
		{Q "skills: [a,]\nrules: {}\n", 4, 8, "a list is wanted"},
		{Q "heartbeat: 10\n", 3, 12, "write for example 10s"},
		{Q "heartbeat: ten\n", 3, 12, "no duration"},
		{Q "heartbeat: 1ms\n", 3, 12,
			"out of range; wanted: duration, 100ms to 1h"},
		{Q "promise: fare\n", 3, 10, "did you mean fair?"},
		{Q "law: {late_weight: 2}\n", 3, 20, "out of range"},
		{Q "law: {late_weight: 0}\n", 3, 20, "out of range"},
		{Q "law: {late_weight: half}\n", 3, 20, "not a number"},
		{Q "law: {half_life: 0s}\n", 3, 18, "out of range"},
		{Q "law: {golden: {late_weight: 1}}\n", 3, 7, "did you mean gold?"},
		{Q "law: {gold: {half_life: 1s}}\n", 3, 14, "not known here"},
		{Q "tiers: []\n", 3, 8, "there is none"},
		{Q "tiers: [{value: 1}]\n", 3, 9, "name is missing in a tier"},
		{Q "tiers: [{name: a, value: 0}]\n", 3, 26, "out of range"},
		{Q "tiers: [{name: a, value: 2e12}]\n", 3, 26, "out of range"},
		{Q "tiers: [{name: a}, {name: a}]\n", 3, 27, "stands here twice"},
		{Q "channels: {}\n", 3, 11, "there is none"},
		{Q "channels: {voice: {cost: 1.5}}\n", 3, 26, "not a whole number"},
		{Q "channels: {voice: {cost: 1e9}}\n", 3, 26, "out of range"},
		{Q "channels: {voice: {deferrable: yes}}\n", 3, 32, "true nor false"},
		{Q "channels: {voice: {calendar: ofice}}\n", 3, 30,
			"there is no calendar"},
		{Q "channels: {\"a b\": {}}\n", 3, 12, "not a name"},
		{Q "timezone: Europe/Lodnon\n", 3, 11, "not known to this system"},
		{Q "default_queue: genral\n", 3, 16, "did you mean general?"},
		{"queues: {a: {channels: [vioce]}}\n", 1, 25, "did you mean voice?"},
		{"queues: {a: {strategy: random}}\n", 1, 24, "none of longest_idle"},
		{"queues: {a: {reserve: some}}\n", 1, 23, "or auto"},
		{"queues: {a: {limits: {length: 0}}}\n", 1, 31, "out of range"},
		{"queues: {a: {limits: {wait: {fax: 1m}}}}\n", 1, 30,
			"no channel \"fax\""},
		{"queues: {a: {sla: {email: {gild: 4h}}}}\n", 1, 28,
			"did you mean gold?"},
		{"queues: {a: {sla: {email: 4}}}\n", 1, 27, "has no unit"},
		{"queues: {a: {overflow: {to: a}}}\n", 1, 14, "after is missing"},
		{"queues: {a: {overflow: {after: 1m, to: b}}}\n", 1, 40,
			"no queue \"b\""},
		{"queues: {a: {overflow: {after: 1m, to: a}}}\nagents: [{id: x}]\n", 1,
			40, "comes back to itself"},
		{"queues: {a: {overflow: {after: 1m, to: b}}, b: {overflow: {after: 1m, "
		 "to: "
		 "a}}}\nagents: [{id: x}]\n",
			1, 75, "comes back to itself"},
		{"queues: {a: {steps: [{drop: [x]}]}}\n", 1, 22, "after is missing"},
		{"queues: {a: {steps: [{after: 9s, add: [x]}]}}\n", 1, 40,
			"write team:NAME"},
		{"queues: {a: {steps: [{after: 9s, drop: [x]}, {after: 8s, drop: "
		 "[y]}]}}\n",
			1, 54, "order of time"},
		{"queues: {a: {require: {x: 11}}}\n", 1, 27, "1 to 10"},
		{"queues: {a: {require: {x: 0}}}\n", 1, 27, "1 to 10"},
		{Q "skills: [english]\nrules: [{set: {require: {englsh: 1}}}]\n", 4, 26,
			"did you mean english?"},
		{Q "teams: {first: {}}\nrules: [{set: {queue: general, tear: x}}]\n", 4,
			32, "did you mean tier?"},
		{Q "rules: [{when: 'channel = \"a\"', set: {}}]\n", 3, 25, "write =="},
		{Q "rules: [{when: 'channel == \"emial\"', set: {}}]\n", 3, 16,
			"did you mean email?"},
		{Q "rules: [{when: 'tier in [\"gold\", \"sliver\"]', set: {}}]\n", 3, 16,
			"did you mean silver?"},
		{Q "rules: [{when: 'time.our > 3', set: {}}]\n", 3, 16, "time has hour"},
		{Q "rules: [{when: 'true'}]\n", 3, 9, "set is missing"},
		{"queues: {a: {}}\nagents: [{id: a b}]\n", 2, 15, "not a name"},
		{"queues: {a: {}}\nagents: [{name: b}]\n", 2, 10, "id is missing"},
		{"queues: {a: {}}\nagents: [{id: x}, {id: x}]\n", 2, 24,
			"stands here twice"},
		{"queues: {a: {}}\nagents: [{id: x, count: 2}]\n", 2, 18,
			"not known here"},
		{"queues: {a: {}}\nagents: [{id: x, costs: {fax: 1}}]\n", 2, 26,
			"no channel \"fax\""},
		{"queues: {a: {}}\nteams: {b: {}}\nagents: [{id: x, team: c}]\n", 3, 24,
			"no team \"c\""},
		{Q "calendars: {o: {hours: {moon: [\"09:00-17:00\"]}}}\n", 3, 25,
			"did you mean mon?"},
		{Q "calendars: {o: {hours: {mon: [\"9-17\"]}}}\n", 3, 31, "no interval"},
		{Q "calendars: {o: {hours: {mon: [\"17:00-09:00\"]}}}\n", 3, 31,
			"midnight"},
		{Q "calendars: {o: {hours: {mon: [\"09:00-24:01\"]}}}\n", 3, 31,
			"no interval"},
		{Q "calendars: {o: {hours: {mon: [\"09:00-12:00\", \"11:00-13:00\"]}}}\n",
			3, 46, "overlaps"},
		{Q "calendars: {o: {holidays: [2026-02-29]}}\n", 3, 28, "does not exist"},
		{Q "calendars: {o: {holidays: [25.12.2026]}}\n", 3, 28, "no date"},
		{Q "calendars: {o: {days: {2026-12-24: 9}}}\n", 3, 36,
			"a list is wanted"},
		{Q "redis: localhost\n", 3, 8, "redis://host:port"},
		{Q "redis: \"redis://:secret@host:1\"\n", 3, 8, "redis_password_file"},
		{Q "http: 0.0.0.0:8443\n", 3, 7, "name cert_file and key_file"},
		{Q "http: {address: \"0.0.0.0:80\", tls: false}\n", 3, 17,
			"insecure: true"},
		{Q "http: {cert_file: x}\n", 3, 7, "belong together"},
		{Q "desk: localhost:1\n", 3, 7, "127.0.0.1:8443"},
		{Q "desk: 127.0.0.1:70000\n", 3, 7, "127.0.0.1:8443"},
		{Q "desk: {hosts: [a]}\n", 3, 8, "not known here"},
		{Q "include: [other.yaml]\n", 3, 11, "only files have includes"},
		{Q "plugins: [{bonus: 3}]\n", 3, 11, "name is missing"},
		{Q "plugins: [{name: vip, bonus: [3]}]\n", 3, 30, "this is a list"},
		{Q "sim: {classes: {x: {channel: voice}}}\n", 3, 17, "no class"},
		{Q "sim: {classes: {0: {queue: general}}}\n", 3, 17,
			"channel is missing"},
		{Q "sim: {start: noon}\n", 3, 14, "no moment"},
		{Q "sim: {agents: [{id: x, count: 2}]}\n", 3, 21, "need a %d"},
		{"queues: {a: {channels: [chat]}}\nagents: [{id: x}]\n"
		 "sim: {classes: {0: {queue: a, channel: voice}}}\n",
			3, 28, "does not take voice"},
	};

	CHECK_MISTAKES(list, false);
}

static void
odd_settings_are_warned_of(void **state)
{
	static const struct mistake list[] = {
		{"queues: {a: {}}\n", 1, 1, "nobody can serve"},
		{"queues: {a: {}}\nagents: [{id: x}]", 2, 1, "cut off"},
		{"queues: {a: {}, b: {}}\nagents: [{id: x}]\n", 1, 1,
			"default_queue is not"},
		{"queues: {a: {require: {x: 2}}}\nagents: [{id: x, skills: {x: 1}}]\n", 1,
			10, "no agent can serve the queue a"},
		{"queues: {a: {teams: [t]}}\nagents: [{id: x}]\n", 1, 10,
			"no agent can serve"},
		{"queues: {a: {}}\nagents: [{id: x, channels: [voice, chat, email]}]\n",
			1, 10, "no agent can serve callback in the queue a"},
		{"queues: {a: {}}\nagents: [{id: x, capacity: 50}]\n", 1, 10,
			"no agent can serve voice in the queue a"},
		{"queues: {a: {channels: [voice]}}\nagents: [{id: x}]\n", 1, 10,
			"does not take chat"},
		{"queues: {a: {overflow: {after: 1m, to: b}}, b: {channels: [chat]}}\n"
		 "default_queue: a\nagents: [{id: x}]\n",
			1, 40, "b does not take voice"},
		{"queues: {a: {}, b: {channels: [chat], sla: {voice: 2s}}}\n"
		 "default_queue: a\nagents: [{id: x}]\n",
			1, 45, "does not take voice"},
		{"queues: {a: {steps: [{after: 9s, add: [team:t]}]}}\nagents: [{id: "
		 "x}]\n",
			1, 39, "open to every team"},
		{"queues: {a: {steps: [{after: 9s}]}}\nagents: [{id: x}]\n", 1, 22,
			"changes nothing"},
		{Q "rules: [{when: 'chanel == \"x\"', set: {tier: gold}}]\n", 3, 16,
			"did you mean channel?"},
		{Q "rules: [{when: 'customer.point > 3', set: {tier: gold}}]\n", 3, 16,
			"did you mean customer.points?"},
		{Q "rules: [{when: 'true', set: {}}]\n", 3, 9, "no effect"},
		{Q "skills: [a, a]\n", 3, 13, "twice"},
		{"queues: {a: {alternatives: [chat, chat]}}\nagents: [{id: x}]\n", 1, 35,
			"twice"},
		{Q "tiers: [{name: a, from_points: 9}, {name: b, from_points: 3}]\n", 3,
			59, "fewer points"},
		{Q "http: {address: \"0.0.0.0:80\", tls: false, insecure: true}\n", 3, 17,
			"in the open"},
	};

	CHECK_MISTAKES(list, true);
}

static void
fifty_problems_are_told_and_the_rest_counted(void **state)
{
	struct config_problems problems;
	struct text text = {0};
	char *buffer = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&buffer, &n);

	/* Warnings give way to errors. */
	for (int i = 0; i < 60; i++)
		text_addf(&text, "%sx%d, x%d", i == 0 ? "skills: [" : ", ", i / 2, i / 2);
	text_add(&text, "]\n" Q);
	for (int i = 0; i < 70; i++)
		text_addf(&text, "wrong%d: 1\n", i);
	assert_null(parse(text.s, NULL, 1, &problems));
	assert_int_equal(problems.n, CONFIG_PROBLEMS_MAX);
	assert_true(problems.more >= 20);
	for (int i = 0; i < problems.n; i++)
		assert_false(problems.list[i].warning);
	config_problems_print(&problems, out);
	fclose(out);
	assert_non_null(strstr(buffer, "t.yaml:4:1: error: \"wrong0\""));
	assert_non_null(strstr(buffer, "more; repair these first"));
	free(buffer);
	config_problems_finish(&problems);
	text_finish(&text);
}

static void
a_file_cut_anywhere_is_refused_or_whole_as_far_as_it_goes(void **state)
{
	/* No byte of it may lead to a crash; most lead to an error. */
	for (size_t n = 0; n < sizeof example; n++) {
		struct config_problems problems = {0};
		struct config *config =
			config_parse("t.yaml", example, n, NULL, 1, &problems);

		assert_true(config != NULL || problems.n > 0);
		config_destroy(config);
		config_problems_finish(&problems);
	}
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

/* ---- files ---- */

static char *
write_file(const char *folder, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", folder, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void
includes_add_to_lists_and_mappings(void **state)
{
	char folder[] = "/tmp/usher-config-XXXXXX";
	struct config_problems problems = {0};
	char *top, *agents, *more, *twice;
	struct config *config;

	assert_non_null(mkdtemp(folder));
	top = write_file(folder, "top.yaml",
		"include: [agents.yaml, more.yaml]\ncentre: x\nqueues: {a: {}}\n"
		"skills: [one]\nhttp: {cert_file: c.pem, key_file: k.pem}\n");
	agents = write_file(folder, "agents.yaml",
		"agents:\n  - {id: a1, skills: {one: 1}}\n  - {id: a2}\n");
	more = write_file(folder, "more.yaml",
		"queues: {b: {}}\nagents: [{id: a3}]\nskills: [one, two]\n"
		"default_queue: b\n");
	config = config_load(top, NULL, 1, &problems);
	config_problems_print(&problems, stderr);
	assert_non_null(config);
	assert_int_equal(problems.n, 0);
	assert_int_equal(config->centre->n_agents, 3);
	assert_int_equal(config->centre->n_queues, 2);
	assert_int_equal(config->centre->n_skills, 2);
	assert_int_equal(config->centre->default_queue, 1);
	assert_memory_equal(config->http.cert_file, folder, strlen(folder));
	config_destroy(config);

	/* Where the second file is wrong, it is named. */
	twice = write_file(folder, "more.yaml", "centre: y\nqueues: {a: {}}\n");
	assert_null(config_load(top, NULL, 1, &problems));
	assert_int_equal(problems.n, 2);
	assert_string_equal(problems.list[0].file, more);
	assert_non_null(strstr(problems.list[0].message, "said already"));
	assert_int_equal(problems.list[1].line, 2);
	config_problems_finish(&problems);
	free(twice);

	/* A circle ends. */
	twice = write_file(folder, "more.yaml", "include: [top.yaml]\n");
	assert_null(config_load(top, NULL, 1, &problems));
	assert_non_null(strstr(problems.list[0].message, "included twice"));
	config_problems_finish(&problems);
	unlink(agents);
	assert_null(config_load(top, NULL, 1, &problems));
	assert_non_null(strstr(problems.list[0].message, "No such file"));
	assert_int_equal(problems.list[0].line, 1);
	assert_int_equal(problems.list[0].column, 11);
	config_problems_finish(&problems);
	unlink(top);
	unlink(more);
	free(top);
	free(agents);
	free(more);
	free(twice);
	assert_null(config_load(folder, NULL, 1, &problems));
	assert_non_null(strstr(problems.list[0].message, "no regular file"));
	config_problems_finish(&problems);
	rmdir(folder);
}

static void
a_file_of_eight_mebibytes_is_the_longest(void **state)
{
	char path[] = "/tmp/usher-config-XXXXXX";
	struct config_problems problems = {0};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
	close(fd);
	assert_null(config_load(path, NULL, 1, &problems));
	assert_non_null(strstr(problems.list[0].message, "longer than 8 MiB"));
	config_problems_finish(&problems);
	unlink(path);
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

static char *
diff(const char *a, const char *b, bool *differs)
{
	struct config *old = plain(a), *new = plain(b);
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	*differs = config_diff(out, old, new);
	fclose(out);
	config_destroy(old);
	config_destroy(new);
	return text;
}

static void
a_diff_tells_each_setting_that_changes(void **state)
{
	bool differs;
	char *text = diff("queues: {a: {affinity: 10s}}\nagents: [{id: x}]\n",
		"queues: {a: {reserve: 2}, b: {}}\ndefault_queue: a\nagents: [{id: y, "
		"rank: "
		"2}]\ntiers: [{name: t}]\n",
		&differs);

	assert_true(differs);
	assert_non_null(strstr(text, "~ queues.a.affinity: 10s -> 15s\n"));
	assert_non_null(strstr(text, "~ queues.a.reserve: auto -> 2\n"));
	assert_non_null(strstr(text, "+ queues.b.affinity: 15s\n"));
	assert_non_null(strstr(text, "- agents.x.id: x\n"));
	assert_non_null(strstr(text, "+ agents.y.rank: 2\n"));
	assert_non_null(strstr(text, "~ tiers: [bronze, silver, gold] -> [t]\n"));
	assert_null(strstr(text, "centre"));
	free(text);
	/* Saying a default is no change; nor is the order of keys. */
	text = diff("centre: main\n" Q,
		"agents: [{id: a1}]\nqueues: {general: {affinity: "
		"15s, require: {}}}\nheartbeat: 10000ms\n",
		&differs);
	assert_string_equal(text, "");
	assert_false(differs);
	free(text);
	text = diff(example, example, &differs);
	assert_false(differs);
	free(text);
}

/* ---- conf/ ---- */

/* The project's folder, from meson. */
static char *
project_file(const char *name)
{
	const char *top = getenv("USHER_SOURCE");

	assert_non_null(top);
	return xasprintf("%s/%s", top, name);
}

static void
every_file_in_conf_loads_without_a_warning(void **state)
{
	static const char *const names[] = {
		"conf/usher.yaml", "conf/minimal.yaml", "conf/demo.yaml"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct config_problems problems = {0};
		char *path = project_file(names[i]);
		struct config *config = config_load(path, NULL, 1, &problems);

		config_problems_print(&problems, stderr);
		assert_non_null(config);
		assert_int_equal(problems.n, 0);
		config_destroy(config);
		free(path);
	}
}

/* With USHER_REWRITE set the file is made anew instead. */
static void
assert_generated(const char *name, bool yaml)
{
	bool rewrite = getenv("USHER_REWRITE") != NULL;
	char *path = project_file(name), *made = NULL, *kept;
	size_t n = 0, room = 1 << 20, got;
	FILE *out = open_memstream(&made, &n), *file = fopen(path, rewrite ? "w+" : "r");

	assert_non_null(file);
	config_document(out, yaml);
	fclose(out);
	if (rewrite) {
		fwrite(made, 1, n, file);
		rewind(file);
	}
	kept = xcalloc(room, 1);
	got = fread(kept, 1, room - 1, file);
	fclose(file);
	if (got != n || memcmp(kept, made, n) != 0)
		fail_msg(
			"%s is not what the settings table says: make it anew by running "
			"this test with USHER_REWRITE=1",
			name);
	free(kept);
	free(made);
	free(path);
}

static void
the_documents_are_those_of_the_table(void **state)
{
	assert_generated("conf/usher.yaml", true);
	assert_generated("conf/README.md", false);
}

static void
the_commented_default_says_what_the_defaults_are(void **state)
{
	char *path = project_file("conf/usher.yaml"), *text = NULL;
	struct config_problems problems = {0};
	struct config *said = config_load(path, NULL, 1, &problems),
		      *silent = plain(least);
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	/* The file spells its example of an agent out; nothing else differs. */
	assert_true(config_diff(out, silent, said));
	fclose(out);
	assert_string_equal(text, "+ agents.a1.capacity: 100\n+ agents.a1.rank: 1\n");
	free(text);
	free(path);
	config_destroy(said);
	config_destroy(silent);
}

static void check_section(const struct section *section, int depth);

static void
check_setting(const struct setting *s, int depth)
{
	bool group = s->type == SETTING_SECTION || s->type == SETTING_LIST;

	if (s->help == NULL || s->since == NULL)
		fail_msg("%s has no help", s->name);
	if (group != (s->of != NULL))
		fail_msg("%s and its section", s->name);
	if (!group && s->fallback == NULL && s->sample == NULL)
		fail_msg("%s has neither default nor sample", s->name);
	if ((s->type == SETTING_CHOICE) != (s->choices != NULL))
		fail_msg("%s and its choices", s->name);
	if ((s->type == SETTING_INT || s->type == SETTING_NUMBER ||
		    s->type == SETTING_DURATION) != (s->least < s->most))
		fail_msg("%s and its range", s->name);
	if (group)
		check_section(s->of, depth + 1);
}

static void
check_section(const struct section *section, int depth)
{
	assert_true(depth < 12);
	assert_non_null(section->title);
	if ((section->others != NULL) != (section->example != NULL))
		fail_msg("%s has no example", section->title);
	for (int i = 0; i < section->n; i++)
		check_setting(&section->settings[i], depth);
	if (section->others != NULL)
		check_setting(section->others, depth);
}

static void
the_table_is_complete(void **state)
{
	check_section(&settings_top, 0);
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
		cmocka_unit_test(mistakes_of_form_are_refused_where_they_stand),
		cmocka_unit_test(mistakes_of_meaning_are_refused_with_a_hint),
		cmocka_unit_test(odd_settings_are_warned_of),
		cmocka_unit_test(fifty_problems_are_told_and_the_rest_counted),
		cmocka_unit_test(
			a_file_cut_anywhere_is_refused_or_whole_as_far_as_it_goes),
		cmocka_unit_test(a_reload_keeps_indexes_and_drains_what_is_removed),
		cmocka_unit_test(names_of_removed_things_are_unknown_to_new_settings),
		cmocka_unit_test(includes_add_to_lists_and_mappings),
		cmocka_unit_test(a_file_of_eight_mebibytes_is_the_longest),
		cmocka_unit_test(a_simulation_makes_agents_from_templates),
		cmocka_unit_test(plugins_get_their_settings_as_they_stand),
		cmocka_unit_test(json_is_read_as_the_yaml_that_it_is),
		cmocka_unit_test(a_diff_tells_each_setting_that_changes),
		cmocka_unit_test(every_file_in_conf_loads_without_a_warning),
		cmocka_unit_test(the_documents_are_those_of_the_table),
		cmocka_unit_test(the_commented_default_says_what_the_defaults_are),
		cmocka_unit_test(the_table_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
