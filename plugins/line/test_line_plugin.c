/* The line plugin, loaded as usherd loads it: its stage and its document. */
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

static const char *folder; /* of line.so */

static struct plugins *
load(const char *name)
{
	struct config_plugin plugin = {.name = (char *)(uintptr_t)name};
	struct config config = {.n_plugins = 1, .plugins = &plugin};
	struct config_problems problems = {0};
	struct plugins *plugins = plugins_load(folder, &config, "usher.yaml", &problems);

	config_problems_finish(&problems);
	return plugins;
}

static void
it_speaks_to_a_switch(void **state)
{
	struct plugins *plugins = load("line");
	const struct usher_switch *telephony;
	void *own = NULL;

	(void)state;
	assert_non_null(plugins);
	telephony = plugins_telephony(plugins, "line", &own);
	assert_non_null(telephony);
	assert_non_null(own);
	assert_int_equal(telephony->abi, USHER_SWITCH_ABI);
	plugins_destroy(plugins);
}

static void
readme_holds_the_settings_table(void **state)
{
	char *table = NULL, *readme;
	size_t n = 0, room = 65536;
	FILE *out = open_memstream(&table, &n), *in;

	(void)state;
	assert_true(plugins_document(folder, "line", out));
	fclose(out);
	in = fopen(LINE_README, "r");
	assert_non_null(in);
	readme = xcalloc(1, room);
	assert_true(fread(readme, 1, room - 1, in) > 0);
	fclose(in);
	assert_non_null(strstr(readme, table));
	free(readme);
	free(table);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_speaks_to_a_switch),
		cmocka_unit_test(readme_holds_the_settings_table),
	};

	if (argc != 2) {
		fputs("usage: test_line_plugin FOLDER-OF-LINE.SO\n", stderr);
		return 2;
	}
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
