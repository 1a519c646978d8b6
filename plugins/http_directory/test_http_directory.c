/* The http_directory plugin: its cache, how it reads answers, what settings it refuses.
 * tests/flow/test_directory.py asks a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "answer.h"
#include "cache.h"
#include "control/plugins.h"

static const char *folder; /* of http_directory.so */

static void
the_least_lately_used_answer_goes_first(void **state)
{
	struct cache *c = cache_create(3);

	cache_put(c, "a", "1", 100);
	cache_put(c, "b", "2", 100);
	cache_put(c, "c", "", 100);
	assert_string_equal(cache_get(c, "a", 0), "1");
	cache_put(c, "d", "4", 100);
	assert_null(cache_get(c, "b", 0));
	assert_string_equal(cache_get(c, "a", 0), "1");
	assert_string_equal(cache_get(c, "c", 0), "");
	cache_put(c, "a", "one", 50);
	assert_string_equal(cache_get(c, "a", 49), "one");
	assert_null(cache_get(c, "a", 50));
	assert_int_equal(cache_count(c), 2);
	cache_destroy(c);
}

static void
many_answers_are_found_again(void **state)
{
	struct cache *c = cache_create(1000);
	char key[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "account A%d", i);
		cache_put(c, key, key, 100);
	}
	assert_int_equal(cache_count(c), 1000);
	for (int i = 0; i < 5000; i++) {
		const char *body;

		snprintf(key, sizeof(key), "account A%d", i);
		body = cache_get(c, key, 0);
		assert_int_equal(body != NULL, i >= 4000);
	}
	cache_destroy(c);
}

static void
an_answer_gives_what_it_may(void **state)
{
	static const char body[] =
		"{\"name\": \"Ann\", \"type\": \"person\", \"more\": [1], "
		"\"attributes\": {\"revenue\": 12.5, \"press\": true, \"city\": "
		"\"Leeds\", \"gone\": null, \"list\": [1], \"no name\": 1}}";
	const char *problem;
	struct answer a;

	assert_true(answer_read(&a, body, strlen(body), &problem));
	assert_string_equal(a.found.name, "Ann");
	assert_int_equal(a.found.n_figures, 4);
	assert_true(a.figures[0].number == 12.5);
	assert_int_equal(a.figures[1].kind, USHER_VALUE_BOOL);
	assert_string_equal(a.figures[2].text, "Leeds");
	assert_int_equal(a.figures[3].kind, USHER_VALUE_NONE);
	answer_finish(&a);
}

static void
what_is_no_answer_is_refused(void **state)
{
	static const char *const bodies[] = {"", "[]", "{", "{\"attributes\": 1}",
		"{\"a\": 1, \"a\": 2}", "\"text\"", "<html>"};
	const char *problem;
	struct answer a;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_false(answer_read(&a, bodies[i], strlen(bodies[i]), &problem));
}

/* Loads it with one setting more than none; problem gets the first message. */
static struct plugins *
load(const char *url, const char *key, const char *value, char *problem, size_t room)
{
	char *keys[] = {(char *)(uintptr_t) "url", (char *)(uintptr_t)key};
	char *values[] = {(char *)(uintptr_t)url, (char *)(uintptr_t)value};
	struct config_plugin one = {.name = (char *)(uintptr_t) "http_directory",
		.n_settings = key != NULL ? 2 : 1,
		.keys = keys,
		.values = values,
		.line = 3};
	struct config config = {.n_plugins = 1, .plugins = &one};
	struct config_problems problems = {0};
	struct plugins *p = plugins_load(folder, &config, "/tmp/x.yaml", &problems);

	problem[0] = '\0';
	if (p == NULL)
		snprintf(problem, room, "%s", problems.list[0].message);
	config_problems_finish(&problems);
	return p;
}

static void
settings_that_cannot_work_are_refused_in_words(void **state)
{
	static const struct {
		const char *url, *key, *value, *word;
	} rows[] = {
		{"https://crm.example.com/", NULL, NULL, "{value}"},
		{"http://crm.example.com/{value}", NULL, NULL, "insecure"},
		{"http://127.0.0.1.evil.example/{value}", NULL, NULL, "insecure"},
		{"https://crm.example.com/{value}", "kinds", "a,,b", "commas"},
		{"https://crm.example.com/{value}", "token_file", "/nowhere", "token"},
		{"https://crm.example.com/{value}", "token_file", "/etc/passwd",
			"can be read by others"},
		{"https://crm.example.com/{value}", "timeout", "0s", "timeout"},
	};
	char problem[300];
	struct plugins *p;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p = load(rows[i].url, rows[i].key, rows[i].value, problem,
			sizeof(problem));
		assert_null(p);
		if (strstr(problem, rows[i].word) == NULL)
			fail_msg("row %zu: %s", i, problem);
	}
	p = load("http://crm.example.com/{value}", "insecure", "true", problem,
		sizeof(problem));
	assert_non_null(p);
	plugins_destroy(p);
}

static void
it_is_found_as_one_that_knows_customers(void **state)
{
	char problem[300];
	struct plugins *p =
		load("http://127.0.0.1:1/{value}", NULL, NULL, problem, sizeof(problem));
	const char *name;
	void *plugin_state;

	assert_non_null(p);
	assert_non_null(plugins_identify(p, 0, &plugin_state, &name));
	assert_string_equal(name, "http_directory");
	assert_null(plugins_identify(p, 1, &plugin_state, &name));
	plugins_destroy(p);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_lately_used_answer_goes_first),
		cmocka_unit_test(many_answers_are_found_again),
		cmocka_unit_test(an_answer_gives_what_it_may),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(settings_that_cannot_work_are_refused_in_words),
		cmocka_unit_test(it_is_found_as_one_that_knows_customers),
	};

	if (argc < 2)
		return 2;
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
