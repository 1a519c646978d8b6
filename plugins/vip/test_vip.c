/* The vip plugin, loaded as usherd loads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/plugins.h"

#define MARCH_2027_MS INT64_C(1805932800000) /* 2027-03-25 */
#define APRIL_2027_MS INT64_C(1806624000000) /* 2027-04-02 */

static const char *folder; /* of vip.so */
static char place[256];	   /* of the settings file */

static void
write_list(const char *text)
{
	char path[400];
	FILE *file;

	snprintf(path, sizeof(path), "%s/vip.csv", place);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* Loads with up to four settings; problem gets the first message. NULL when refused. */
static struct plugins *
load(int n, char *keys[], char *values[], char *problem, size_t room)
{
	struct config_plugin vip = {.name = (char *)"vip",
		.n_settings = n,
		.keys = keys,
		.values = values,
		.line = 7};
	struct config config = {.n_plugins = 1, .plugins = &vip};
	struct config_problems problems = {0};
	char file[400];
	struct plugins *plugins;

	snprintf(file, sizeof(file), "%s/usher.yaml", place);
	plugins = plugins_load(folder, &config, file, &problems);
	if (plugins == NULL) {
		assert_true(problems.n > 0);
		assert_int_equal(problems.list[0].line, 7);
		assert_string_equal(problems.list[0].file, file);
		snprintf(problem, room, "%s", problems.list[0].message);
	}
	config_problems_finish(&problems);
	return plugins;
}

static int
points(struct plugins *plugins, const char *customer, int64_t now_ms,
	const struct usher_attribute *attribute)
{
	struct usher_contact contact = {.size = sizeof(contact),
		.id = 1,
		.channel = "voice",
		.queue = "",
		.tier = "",
		.customer_id = customer,
		.source = "api",
		.external_id = "",
		.title = "",
		.now_ms = now_ms,
		.arrived_ms = now_ms,
		.attributes = attribute,
		.n_attributes = attribute != NULL};

	return hooks_score(plugins_hooks(plugins), &contact);
}

static void
a_prefix_gives_its_points_until_its_day(void **state)
{
	char *keys[] = {(char *)"prefix", (char *)"points", (char *)"until"};
	char *values[] = {(char *)"gold-", (char *)"35", (char *)"2027-04-01"};
	struct plugins *p = load(3, keys, values, NULL, 0);

	(void)state;
	assert_non_null(p);
	assert_int_equal(points(p, "gold-7", MARCH_2027_MS, NULL), 35);
	assert_int_equal(points(p, "silver-7", MARCH_2027_MS, NULL), 0);
	assert_int_equal(points(p, "", MARCH_2027_MS, NULL), 0);
	assert_int_equal(points(p, "gold-7", APRIL_2027_MS, NULL), 0);
	plugins_destroy(p);
}

static void
a_list_names_customers_their_points_and_their_last_day(void **state)
{
	char *keys[] = {(char *)"list"};
	char *values[] = {(char *)"vip.csv"};
	struct plugins *p;

	(void)state;
	write_list("# the list\nc-3,,2027-04-01\nc-1\n\nc-2,50\nc-4,80,2027-04-01\n");
	p = load(1, keys, values, NULL, 0);
	assert_non_null(p);
	assert_int_equal(points(p, "c-1", MARCH_2027_MS, NULL), 20);
	assert_int_equal(points(p, "c-2", APRIL_2027_MS, NULL), 50);
	assert_int_equal(points(p, "c-3", MARCH_2027_MS, NULL), 20);
	assert_int_equal(points(p, "c-3", APRIL_2027_MS, NULL), 0);
	assert_int_equal(points(p, "c-4", MARCH_2027_MS, NULL), 80);
	assert_int_equal(points(p, "c-5", MARCH_2027_MS, NULL), 0);
	plugins_destroy(p);
}

static void
a_list_that_is_wrong_is_refused_with_file_and_line(void **state)
{
	static const struct {
		const char *list, *message;
	} cases[] = {
		{"c-1\nc-2,many\n", "vip.csv:2: the line has points"},
		{"c-1,5,31.3.2027\n", "vip.csv:1: the line has no date"},
		{"c-1,5,2027-02-31\n", "vip.csv:1: the line has no date"},
		{"c-1,5,2027-03-31,x\n", "vip.csv:1: the line has more than three"},
		{"c-1,0\n", "vip.csv:1: the line has points"},
		{"c-1\nc-2\nc-1,5\n", "customer c-1 stands in it twice"},
	};
	char *keys[] = {(char *)"list"};
	char *values[] = {(char *)"vip.csv"};
	char problem[400];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_list(cases[i].list);
		assert_null(load(1, keys, values, problem, sizeof(problem)));
		if (strstr(problem, cases[i].message) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", problem, cases[i].message);
	}
}

static void
a_list_that_is_not_there_is_refused(void **state)
{
	char *keys[] = {(char *)"list"};
	char *values[] = {(char *)"nowhere.csv"};
	char problem[400];

	(void)state;
	assert_null(load(1, keys, values, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "nowhere.csv: cannot be opened"));
}

static void
an_attribute_gives_points_when_true_or_its_number(void **state)
{
	char *keys[] = {(char *)"attribute"};
	char *values[] = {(char *)"press"};
	struct plugins *p = load(1, keys, values, NULL, 0);
	struct usher_attribute yes = {
		.name = "press", .kind = USHER_VALUE_BOOL, .boolean = true};
	struct usher_attribute no = {.name = "press", .kind = USHER_VALUE_BOOL};
	struct usher_attribute many = {
		.name = "press", .kind = USHER_VALUE_NUMBER, .number = 44};
	struct usher_attribute too_many = {
		.name = "press", .kind = USHER_VALUE_NUMBER, .number = 1e9};
	struct usher_attribute other = {
		.name = "presse", .kind = USHER_VALUE_BOOL, .boolean = true};

	(void)state;
	assert_non_null(p);
	assert_int_equal(points(p, "c-1", MARCH_2027_MS, &yes), 20);
	assert_int_equal(points(p, "c-1", MARCH_2027_MS, &no), 0);
	assert_int_equal(points(p, "c-1", MARCH_2027_MS, &many), 44);
	assert_int_equal(points(p, "c-1", MARCH_2027_MS, &too_many), 0);
	assert_int_equal(points(p, "c-1", MARCH_2027_MS, &other), 0);
	plugins_destroy(p);
}

static void
settings_are_checked_by_name_type_and_range(void **state)
{
	static const struct {
		const char *key, *value, *message;
	} cases[] = {
		{"point", "5", "no setting \"point\"; did you mean \"points\"?"},
		{"colour", "5", "no setting \"colour\""},
		{"points", "5x", "points: \"5x\" is not a whole number from 1 to 1000"},
		{"points", "0", "is not a whole number from 1 to 1000"},
		{"points", "1001", "is not a whole number from 1 to 1000"},
		{"until", "soon", "\"soon\" is not a date; write 2027-03-31"},
		{"until", "2027-02-31", "is not a date"},
	};
	char problem[400];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *keys[] = {(char *)(uintptr_t)cases[i].key};
		char *values[] = {(char *)(uintptr_t)cases[i].value};

		assert_null(load(1, keys, values, problem, sizeof(problem)));
		if (strstr(problem, cases[i].message) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", problem, cases[i].message);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_gives_its_points_until_its_day),
		cmocka_unit_test(a_list_names_customers_their_points_and_their_last_day),
		cmocka_unit_test(a_list_that_is_wrong_is_refused_with_file_and_line),
		cmocka_unit_test(a_list_that_is_not_there_is_refused),
		cmocka_unit_test(an_attribute_gives_points_when_true_or_its_number),
		cmocka_unit_test(settings_are_checked_by_name_type_and_range),
	};
	char path[400];
	int failed;

	if (argc != 2) {
		fputs("usage: test_vip FOLDER-OF-VIP.SO\n", stderr);
		return 2;
	}
	folder = argv[1];
	snprintf(place, sizeof(place), "%s/test_vip.XXXXXX",
		getenv("TMPDIR") != NULL ? getenv("TMPDIR") : P_tmpdir);
	if (mkdtemp(place) == NULL)
		return 2;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(path, sizeof(path), "%s/vip.csv", place);
	unlink(path);
	rmdir(place);
	return failed;
}
