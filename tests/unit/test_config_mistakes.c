/* The settings file: what is refused or warned of, where and how. */
#include "config_case.h"

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
		{Q "mail: {out: {relay: {address: \"mail.example.com:25\", starttls: "
		   "false}}}\n",
			3, 31, "has no TLS"},
		{Q "mail: {out: {relay: \"nonsense:99999\"}}\n", 3, 21, "is no address"},
		{Q "mail: {out: {relay: {address: \"127.0.0.1:25\", user: x}}}\n", 3, 21,
			"belong together"},
		{Q "mail: {out: {acknowledge: {days: {tomorrow: x}}}}\n", 3, 35,
			"is no date"},
		{Q "mail: {out: {acknowledge: {calendar: nowhere}}}\n", 3, 38,
			"there is no calendar"},
		{Q "mail: {out: {envelope: nobody}}\n", 3, 24, "is no address"},
		{Q "mail: {out: {review: {cards: 3}}}\n", 3, 30, "out of range"},
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
		{Q "events: {keep: 9999}\n", 3, 16, "out of range"},
		{Q "redis: localhost\n", 3, 8, "write managed, unix:/path"},
		{Q "redis: \"redis://:secret@host:1\"\n", 3, 8, "redis_password_file"},
		{Q "redis: \"redis://host:1\"\n", 3, 8, "set redis_password_file"},
		{Q "redis: redis://usher@localhost\n", 3, 8,
			"the user usher of Redis needs"},
		{Q "redis: \"redis://localhost:66000\"\n", 3, 8, "no address of Redis"},
		{Q "redis: sentinel://name@host:1\n", 3, 8, "give the address of one"},
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
		{"queues: {a: {channels: [voice]}}\nagents: [{id: x}]\nmail: {mailboxes: "
		 "{m: {addresses: [a@b.c], queue: a}}}\n",
			3, 51, "a does not take email"},
		{"queues: {a: {channels: [voice]}}\nagents: [{id: x}]\nmail: {mailboxes: "
		 "{m: {addresses: [a@b.c], queue: a, channel: chat}}}\n",
			3, 51, "a does not take chat"},
		{"queues: {a: {channels: [voice]}}\nagents: [{id: x}]\nchat: {queue: "
		 "a}\n",
			3, 15, "a does not take chat"},
		{"queues: {a: {channels: [voice]}}\nagents: [{id: x}]\ncallme: {queue: "
		 "a}\n",
			3, 17, "add callback to the channels"},
		{Q "chat: {queue: genral}\n", 3, 15, "did you mean general?"},
		{Q "chat: {channel: chta}\n", 3, 17, "did you mean chat?"},
		{Q "callme: {channel: calback}\n", 3, 19, "did you mean callback?"},
		{"queues: {a: {teams: [z], steps: [{after: 1s, add: [team:t0, team:t1, "
		 "team:t2, team:t3, team:t4, team:t5]}, {after: 2s, add: [team:t6, "
		 "team:t7, team:t8, team:t9, team:t10]}]}}\n",
			1, 162, "more than 10 teams in all"},
		{Q "chat: {ask: [name], require: [name, email]}\n", 3, 37,
			"email is not asked for"},
		{Q "chat: {require: [phone]}\n", 3, 18, "add it to ask"},
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
		{"queues: {a: {overflow: {after: 1m, to: b}}, b: {overflow: {after: 1m, "
		 "to: c}}, c: {}}\ndefault_queue: a\nagents: [{id: x}]\n",
			1, 32, "what comes to b is passed on to c at once"},
		{"queues: {a: {overflow: {after: 1m, to: b}}, b: {limits: {wait: {chat: "
		 "60s}}}}\ndefault_queue: a\nagents: [{id: x}]\n",
			1, 32, "chat expires the moment it comes to b"},
		{"queues: {a: {limits: {wait: {chat: 60s}}, overflow: {after: 1m, to: "
		 "b}}, b: {}}\ndefault_queue: a\nagents: [{id: x}]\n",
			1, 61, "no chat comes from a to b"},
		{Q "calendars: {o: {holidays: [2026-12-25]}}\n", 3, 13,
			"the calendar o has no hours"},
		{"queues: {a: {}, b: {channels: [chat], resolve: {voice: "
		 "2h}}}\ndefault_queue: a\nagents: [{id: x}]\n",
			1, 49, "does not take voice"},
		{"queues: {a: {}}\nagents: [{id: x, skills: {billing: 5}}]\nrules: "
		 "[{set: {require: {biling: 1}}}]\n",
			3, 26, "did you mean billing?"},
		{"queues: {a: {steps: [{after: 9s, lower: {billing: 6}}]}}\nagents: "
		 "[{id: x, skills: {billing: 5}}]\nrules: [{set: {require: {billing: "
		 "8}}}]\n",
			3, 35, "no agent has billing at more than 5"},
		{Q "switches: {pbx: {address: [\"127.0.0.1:5038\"]}}\n", 3, 1,
			"each callback is unreachable"},
	};

	CHECK_MISTAKES(list, true);
}

static void
what_is_right_is_not_warned_of(void **state)
{
	static const char *const list[] = {
		/* Channels left out of the centre are no mistake of the defaults. */
		"channels: {voice: {}}\nqueues: {a: {}}\nagents: [{id: x}]\n",
		"queues: {a: {}, b: {channels: [chat]}}\ndefault_queue: a\n"
		"agents: [{id: x}]\nchat: {queue: b}\n",
		/* Times that grow from queue to queue. */
		"queues: {a: {limits: {wait: {chat: 61s}}, overflow: {after: 1m, to: "
		"b}}, "
		"b: {limits: {wait: {chat: 3m}}, overflow: {after: 2m, to: c}}, c: {}}\n"
		"default_queue: a\nagents: [{id: x}]\n",
		/* What steps relax may be required. */
		"queues: {a: {steps: [{after: 9s, lower: {billing: 5}, drop: "
		"[french]}]}}\n"
		"agents: [{id: x, skills: {billing: 5}}]\n"
		"rules: [{set: {require: {billing: 8, french: 3}}}]\n",
		/* Ten teams in all. */
		"queues: {a: {teams: [t], steps: [{after: 1s, add: [team:b, team:c, "
		"team:d, "
		"team:e, team:f]}, {after: 2s, add: [team:g, team:h, team:i, team:j, "
		"team:k]}]}}\nagents: [{id: x, team: t}]\n",
		/* A number plan, or nobody to call back. */
		Q "switches: {pbx: {address: [\"127.0.0.1:5038\"]}}\n"
		  "callme: {allow: [\"+44\"]}\n",
		"channels: {voice: {}}\nqueues: {a: {}}\nagents: [{id: x}]\n"
		"switches: {pbx: {address: [\"127.0.0.1:5038\"]}}\n",
		/* Open on one day. */
		Q "calendars: {o: {days: {2026-12-24: [\"09:00-12:00\"]}}}\n",
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct config_problems problems;
		struct config *config = parse(list[i], NULL, 1, &problems);

		config_problems_print(&problems, stderr);
		assert_non_null(config);
		assert_int_equal(problems.n, 0);
		config_destroy(config);
	}
}

static void
a_day_too_many_is_refused(void **state)
{
	struct config_problems problems;
	struct text text = {0};

	text_add(&text, Q "mail: {out: {acknowledge: {days: {\n");
	for (int i = 0; i < 367; i++)
		text_addf(&text, "\"%04d-01-01\": x,\n", 2000 + i);
	text_add(&text, "}}}}\n");
	assert_null(parse(text.s, NULL, 1, &problems));
	assert_int_equal(problems.n, 1);
	assert_int_equal(problems.list[0].line, 4 + 366);
	assert_non_null(strstr(problems.list[0].message, "more than 366"));
	config_problems_finish(&problems);
	text_finish(&text);
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
what_holds_for_several_days_is_said_once(void **state)
{
	struct config_problems problems;

	assert_null(parse(Q "calendars: {o: {hours: {mon-fri: [\"17:00-09:00\"]}}}\n",
		NULL, 1, &problems));
	assert_int_equal(problems.n, 1);
	config_problems_finish(&problems);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_of_form_are_refused_where_they_stand),
		cmocka_unit_test(mistakes_of_meaning_are_refused_with_a_hint),
		cmocka_unit_test(odd_settings_are_warned_of),
		cmocka_unit_test(what_is_right_is_not_warned_of),
		cmocka_unit_test(a_day_too_many_is_refused),
		cmocka_unit_test(fifty_problems_are_told_and_the_rest_counted),
		cmocka_unit_test(what_holds_for_several_days_is_said_once),
		cmocka_unit_test(
			a_file_cut_anywhere_is_refused_or_whole_as_far_as_it_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
