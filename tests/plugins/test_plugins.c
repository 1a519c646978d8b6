/* control/plugins.c: what is loaded, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "control/plugins.h"

static const char *folder;

static struct plugins *
load(struct config_plugin *list, int n, struct config_problems *problems)
{
	struct config config = {.n_plugins = n, .plugins = list};

	return plugins_load(folder, &config, "conf/usher.yaml", problems);
}

/* Refused, and the messages hold the words. */
static void
refused(struct config_plugin *list, int n, const char *words)
{
	struct config_problems problems = {0};

	assert_null(load(list, n, &problems));
	assert_true(problems.n >= 1);
	if (strstr(problems.list[0].message, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", problems.list[0].message, words);
	assert_false(problems.list[0].warning);
	assert_string_equal(problems.list[0].file, "conf/usher.yaml");
	config_problems_finish(&problems);
}

static int
score(struct plugins *plugins)
{
	struct usher_contact contact = {.size = sizeof(contact), .id = 1};

	return hooks_score(plugins_hooks(plugins), &contact);
}

static char *text_key[] = {(char *)"text"};
static char *text_value[] = {(char *)"abc"};

static struct config_plugin
named(const char *name)
{
	return (struct config_plugin){.name = (char *)(uintptr_t)name,
		.n_settings = 1,
		.keys = text_key,
		.values = text_value,
		.line = 12};
}

static void
settings_of_every_type_reach_the_plugin(void **state)
{
	char *keys[] = {(char *)"number", (char *)"ratio", (char *)"flag",
		(char *)"time_ms", (char *)"text"};
	char *values[] = {
		(char *)"3", (char *)"0.25", (char *)"true", (char *)"2m", (char *)"abc"};
	struct config_plugin right = {.name = (char *)"right",
		.n_settings = 5,
		.keys = keys,
		.values = values,
		.line = 1};
	struct config_problems problems = {0};
	struct plugins *p = load(&right, 1, &problems);

	(void)state;
	assert_non_null(p);
	assert_int_equal(score(p), 3 + 25 + 1000 + 120);
	plugins_destroy(p);
}

static void
defaults_fill_in_what_is_not_given(void **state)
{
	struct config_plugin right = named("right");
	struct config_problems problems = {0};
	struct plugins *p = load(&right, 1, &problems);

	(void)state;
	assert_non_null(p);
	assert_int_equal(score(p), 5 + 50 + 20);
	plugins_destroy(p);
}

static void
a_description_that_is_longer_than_ours_is_taken(void **state)
{
	struct config_plugin longer = named("longer");
	struct config_problems problems = {0};
	struct plugins *p = load(&longer, 1, &problems);

	(void)state;
	assert_non_null(p);
	assert_int_equal(score(p), 75);
	plugins_destroy(p);
}

static void
what_is_wrong_with_a_plugin_is_said(void **state)
{
	static const struct {
		const char *name, *words;
	} cases[] = {
		{"other_abi", "was made for plugin ABI 999, this usher has 1"},
		{"short", "its description has 16 bytes"},
		{"other_name", "calls itself \"somebody\""},
		{"bad_offset", "its setting text lies outside its state"},
		{"bad_default", "the default of its setting number is wrong"},
		{"no_start", "does not want to"},
		{"nameless_export", "exports no usher_plugin"},
		{"absent", "there is no plugin absent"},
		{"../right", "letters, digits, - and _ only"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_plugin one = named(cases[i].name);

		refused(&one, 1, cases[i].words);
	}
}

static void
settings_that_are_wrong_are_said(void **state)
{
	static const struct {
		const char *key, *value, *words;
	} cases[] = {
		{"number", "10", "\"10\" is not a whole number from 1 to 9"},
		{"number", "1e1", "is not a whole number"},
		{"ratio", "nan", "is not a number from 0 to 1"},
		{"ratio", "1.01", "is not a number from 0 to 1"},
		{"flag", "yes", "neither true nor false"},
		{"time_ms", "20", "is not a duration"},
		{"time_ms", "2h", "is not a duration"},
		{"text", "a", "must have 2 to 9 bytes, not 1"},
		{"txt", "abc", "did you mean \"text\"?"},
		{"number", "5", "setting text is missing: must be given"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *keys[] = {(char *)(uintptr_t)cases[i].key};
		char *values[] = {(char *)(uintptr_t)cases[i].value};
		struct config_plugin one = {.name = (char *)"right",
			.n_settings = 1,
			.keys = keys,
			.values = values,
			.line = 3};

		refused(&one, 1, cases[i].words);
	}
}

static void
one_wrong_plugin_keeps_all_out_and_stops_the_started(void **state)
{
	struct config_plugin both[] = {named("right"), named("other_abi")};
	struct config_plugin twice[] = {named("right"), named("right")};

	(void)state;
	refused(both, 2, "ABI 999");
	refused(twice, 2, "named twice");
}

static void
figures_are_shown(void **state)
{
	struct config_plugin right = named("right");
	struct config_problems problems = {0};
	struct plugins *p = load(&right, 1, &problems);
	json_t *json;
	const char *name;
	int enabled, calls, faults;

	(void)state;
	assert_non_null(p);
	score(p);
	score(p);
	json = plugins_json(p);
	assert_int_equal(json_unpack(json, "[{s:s, s:b, s:i, s:{s:{s:i}}}]", "name",
				 &name, "enabled", &enabled, "faults", &faults, "stages",
				 "score", "calls", &calls),
		0);
	assert_string_equal(name, "right");
	assert_int_equal(calls, 2);
	assert_int_equal(faults, 0);
	assert_true(enabled);
	json_decref(json);
	plugins_destroy(p);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_of_every_type_reach_the_plugin),
		cmocka_unit_test(defaults_fill_in_what_is_not_given),
		cmocka_unit_test(a_description_that_is_longer_than_ours_is_taken),
		cmocka_unit_test(what_is_wrong_with_a_plugin_is_said),
		cmocka_unit_test(settings_that_are_wrong_are_said),
		cmocka_unit_test(one_wrong_plugin_keeps_all_out_and_stops_the_started),
		cmocka_unit_test(figures_are_shown),
	};

	if (argc != 2) {
		fputs("usage: test_plugins FOLDER\n", stderr);
		return 2;
	}
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
