/* Settings in files: includes, differences, and what lies in conf/. */
#include "config_case.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/settings.h"
#include "model/mailbox.h"
#include "model/mailout.h"

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
	char folder[] = P_tmpdir "/usher-config-XXXXXX";
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

/* A folder for the test, and one below it; returns that one's path, the caller's. */
static char *
make_folders(char *folder, const char *name)
{
	char *below;

	assert_non_null(mkdtemp(folder));
	below = xasprintf("%s/%s", folder, name);
	assert_int_equal(mkdir(below, 0700), 0);
	return below;
}

static void
assert_lies(const char *path, const char *folder, const char *name)
{
	char *wanted = xasprintf("%s/%s", folder, name);

	assert_string_equal(path, wanted);
	free(wanted);
}

static void
paths_are_relative_to_the_file_in_which_they_stand(void **state)
{
	char folder[] = P_tmpdir "/usher-config-XXXXXX";
	struct config_problems problems = {0};
	char *top, *below, *more;
	struct config *config;

	below = make_folders(folder, "more");
	top = write_file(folder, "top.yaml",
		Q
		"include: [more/more.yaml]\nhttp: {cert_file: c.pem, key_file: /k.pem}\n"
		"mail: {mailboxes: {one: {addresses: [a@b.c], library: lib}}}\n");
	more = write_file(below, "more.yaml",
		"redis_password_file: r\nchat: {identity_key_file: k}\n"
		"mail: {out: {relay: {address: \"127.0.0.1:25\", ca_file: ca}}}\n"
		"callme: {country: \"44\"}\n"
		"switches: {pbx: {address: [\"127.0.0.1:5038\"], secret_file: s}}\n");
	config = config_load(top, NULL, 1, &problems);
	config_problems_print(&problems, stderr);
	assert_non_null(config);
	assert_int_equal(problems.n, 0);
	assert_lies(config->http.cert_file, folder, "c.pem");
	assert_string_equal(config->http.key_file, "/k.pem");
	assert_lies(config->mail->boxes[0].library, folder, "lib");
	assert_lies(config->redis_password_file, below, "r");
	assert_lies(config->chat.identity_key_file, below, "k");
	assert_lies(config->mail->out->ca_file, below, "ca");
	assert_lies(config->voice->switches[0].secret_file, below, "s");
	config_destroy(config);
	unlink(more);
	unlink(top);
	rmdir(below);
	rmdir(folder);
	free(more);
	free(top);
	free(below);
}

static void
a_file_of_eight_mebibytes_is_the_longest(void **state)
{
	char path[] = P_tmpdir "/usher-config-XXXXXX";
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

/* ---- libraries ---- */

static void
a_share_of_review_without_a_response_is_warned_of(void **state)
{
	char folder[] = P_tmpdir "/usher-config-XXXXXX";
	struct config_problems problems = {0};
	char *top, *below, *response;
	struct config *config;

	below = make_folders(folder, "cards");
	response = write_file(below, "lost.txt", "---\ntitle: Lost card\n---\nDear\n");
	top = write_file(folder, "top.yaml",
		Q "mail:\n  mailboxes: {m: {addresses: [a@b.c], library: .}}\n"
		  "  out: {review: {cards: 1, card: 1, cards/lost: 1, other: 1}}\n");
	/* The settings lie in the library's folder: only .txt and .md are read there. */
	config = config_load(top, NULL, 1, &problems);
	assert_non_null(config);
	assert_true(config_check_libraries(config, top, &problems));
	assert_int_equal(problems.n, 2);
	assert_true(problems.list[0].warning && problems.list[1].warning);
	assert_non_null(strstr(problems.list[0].message, "the category \"card\""));
	assert_non_null(strstr(problems.list[1].message, "the category \"cards/lost\""));
	config_problems_finish(&problems);
	config_destroy(config);
	unlink(response);
	rmdir(below);
	unlink(top);
	rmdir(folder);
	free(response);
	free(below);
	free(top);
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
	struct config *said = config_load(path, NULL, 1, &problems), *silent = plain(Q);
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	/* The file spells its example of an agent out; nothing else differs. */
	assert_true(config_diff(out, silent, said));
	fclose(out);
	assert_string_equal(text, "+ agents.a1.answer: switch\n"
				  "+ agents.a1.capacity: 100\n+ agents.a1.rank: 1\n");
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
		cmocka_unit_test(includes_add_to_lists_and_mappings),
		cmocka_unit_test(paths_are_relative_to_the_file_in_which_they_stand),
		cmocka_unit_test(a_file_of_eight_mebibytes_is_the_longest),
		cmocka_unit_test(a_diff_tells_each_setting_that_changes),
		cmocka_unit_test(a_share_of_review_without_a_response_is_warned_of),
		cmocka_unit_test(every_file_in_conf_loads_without_a_warning),
		cmocka_unit_test(the_documents_are_those_of_the_table),
		cmocka_unit_test(the_commented_default_says_what_the_defaults_are),
		cmocka_unit_test(the_table_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
