/*
 * Every plugin that is shipped, loaded as usherd loads it: its README holds the table of
 * its settings, and the adapters, nobody else, speak to a switch.
 *
 *   test_shipped FOLDER-OF-MODULES FOLDER-OF-SOURCES PLUGIN...
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/plugins.h"
#include "usher/switch.h"

#define README_MAX 65536

static const char *modules, *sources;
static char **names; /* up to NULL */

static struct plugins *
load(char *name)
{
	struct config_plugin plugin = {.name = name};
	struct config config = {.n_plugins = 1, .plugins = &plugin};
	struct config_problems problems = {0};
	struct plugins *plugins = plugins_load(modules, &config, "usher.yaml", &problems);

	config_problems_finish(&problems);
	return plugins;
}

static void
adapters_speak_to_a_switch_and_others_do_not(void **state)
{
	static char asterisk[] = "asterisk", line[] = "line", vip[] = "vip";
	char *adapters[] = {asterisk, line};
	struct plugins *plugins;
	void *own = NULL;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct usher_switch *telephony;

		plugins = load(adapters[i]);
		assert_non_null(plugins);
		telephony = plugins_telephony(plugins, adapters[i], &own);
		assert_non_null(telephony);
		assert_non_null(own);
		assert_int_equal(telephony->abi, USHER_SWITCH_ABI);
		assert_null(plugins_telephony(plugins, vip, &own));
		plugins_destroy(plugins);
	}
	plugins = load(vip);
	assert_non_null(plugins);
	assert_null(plugins_telephony(plugins, vip, &own));
	plugins_destroy(plugins);
}

static void
each_readme_holds_the_settings_table(void **state)
{
	char *readme = xcalloc(1, README_MAX);

	(void)state;
	assert_non_null(names[0]);
	for (char **name = names; *name != NULL; name++) {
		char *path = xasprintf("%s/%s/README.md", sources, *name), *table = NULL;
		size_t n = 0, size;
		FILE *out = open_memstream(&table, &n), *in = fopen(path, "r");

		assert_true(plugins_document(modules, *name, out));
		fclose(out);
		assert_non_null(in);
		size = fread(readme, 1, README_MAX - 1, in);
		readme[size] = '\0';
		fclose(in);
		if (n == 0 || strstr(readme, table) == NULL)
			fail_msg("%s does not hold this table:\n%s", path, table);
		free(table);
		free(path);
	}
	free(readme);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adapters_speak_to_a_switch_and_others_do_not),
		cmocka_unit_test(each_readme_holds_the_settings_table),
	};

	if (argc < 4) {
		fputs("usage: test_shipped FOLDER-OF-MODULES FOLDER-OF-SOURCES "
		      "PLUGIN...\n",
			stderr);
		return 2;
	}
	modules = argv[1];
	sources = argv[2];
	names = argv + 3;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
