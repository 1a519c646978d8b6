/* The asterisk plugin, loaded as usherd loads it: its stage and its document. */
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

static const char *folder; /* of asterisk.so */

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
it_speaks_to_a_switch_and_others_do_not(void **state)
{
	struct plugins *plugins = load("asterisk");
	const struct usher_switch *telephony;
	void *own = NULL;

	(void)state;
	assert_non_null(plugins);
	telephony = plugins_telephony(plugins, "asterisk", &own);
	assert_non_null(telephony);
	assert_non_null(own);
	assert_int_equal(telephony->abi, USHER_SWITCH_ABI);
	assert_null(plugins_telephony(plugins, "vip", &own));
	plugins_destroy(plugins);
	plugins = load("vip");
	assert_non_null(plugins);
	assert_null(plugins_telephony(plugins, "vip", &own));
	plugins_destroy(plugins);
}

static void
readme_holds_the_settings_table(void **state)
{
	char *table = NULL, *readme;
	size_t n = 0, room = 65536;
	FILE *out = open_memstream(&table, &n), *in;

	(void)state;
	assert_true(plugins_document(folder, "asterisk", out));
	fclose(out);
	in = fopen(ASTERISK_README, "r");
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
		cmocka_unit_test(it_speaks_to_a_switch_and_others_do_not),
		cmocka_unit_test(readme_holds_the_settings_table),
	};

	if (argc != 2) {
		fputs("usage: test_asterisk_plugin FOLDER-OF-ASTERISK.SO\n", stderr);
		return 2;
	}
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
