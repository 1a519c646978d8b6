/* A mailbox's matcher in use: suggest/live. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suggest/live.h"

#define LATE "---\ntitle: Late order\nkeywords: [late, order]\n---\nWe are sorry.\n"
#define CARD                                                                             \
	"---\ntitle: Lost card\nrules:\n  - {all: [card], never_automatic: "             \
	"true}\n---\nWe "                                                                \
	"locked it.\n"

struct rig {
	char folder[64], models[80];
	struct live *live;
};

static void
put_file(const struct rig *rig, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", rig->folder, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(path);
}

static int
setup(void **state)
{
	struct rig *rig = calloc(1, sizeof *rig);
	struct library_problems problems = {0};

	snprintf(rig->folder, sizeof rig->folder, "/tmp/usher-live-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	snprintf(rig->models, sizeof rig->models, "%s/models", rig->folder);
	put_file(rig, "order-late.md", LATE);
	put_file(rig, "card-lost.md", CARD);
	rig->live = live_create(
		&(struct live_settings){"support", rig->folder, rig->models, 0.05});
	assert_true(live_load(rig->live, &problems));
	*state = rig;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *rig = *state;
	char *command = xasprintf("rm -rf %s", rig->folder);

	live_destroy(rig->live);
	assert_int_equal(system(command), 0);
	free(command);
	free(rig);
	return 0;
}

static const struct live_mail about_order = {
	"en", "Where is my order?", "ann@home.test", "It is late."};
static const struct live_mail about_card = {
	"en", "My card", "ann@home.test", "I lost my card today."};
static const struct live_mail about_weather = {
	"en", "Weather", "ann@home.test", "Will it rain in Rome on Friday?"};

static double
p_of(const struct live_found *f, const char *id)
{
	for (int i = 0; i < f->n; i++)
		if (strcmp(f->list[i].id, id) == 0)
			return f->list[i].p;
	return 0;
}

static void
titles_and_rules_propose_before_anything_was_learnt(void **state)
{
	struct rig *rig = *state;
	struct live_found f;

	live_propose(rig->live, &about_order, &f);
	assert_true(f.n > 0);
	assert_string_equal(f.list[0].id, "order-late");
	assert_string_equal(f.list[0].title, "Late order");
	assert_non_null(strstr(f.list[0].why, "order"));
	assert_int_equal(f.model, 0);
	assert_int_equal(strlen(f.library), 16);
	assert_false(f.never_automatic);
	live_found_finish(&f);
	live_propose(rig->live, &about_card, &f);
	assert_true(f.never_automatic);
	live_found_finish(&f);
}

static void
verdicts_move_the_probabilities(void **state)
{
	struct rig *rig = *state;
	struct live_found before, after;

	live_propose(rig->live, &about_weather, &before);
	for (int i = 0; i < 30; i++) {
		live_learn(rig->live, &about_weather, NULL, 1);
		live_learn(rig->live, &about_order, "order-late", 1);
	}
	live_propose(rig->live, &about_weather, &after);
	assert_true(after.none > 0.8);
	assert_true(before.none < after.none);
	live_found_finish(&before);
	live_found_finish(&after);
	live_propose(rig->live, &about_order, &after);
	assert_true(p_of(&after, "order-late") > 0.8);
	assert_true(after.none < 0.2);
	live_found_finish(&after);
}

static void
an_edit_stands_above_its_file_and_a_broken_one_is_told(void **state)
{
	struct rig *rig = *state;
	struct library_problems problems = {0};
	const struct response *r;

	assert_true(live_would_load(rig->live, "order-late",
		"---\ntitle: New title\n---\nNew text.\n", &problems));
	assert_false(live_would_load(
		rig->live, "order-late", "---\ntitel: x\n---\nNo.\n", &problems));
	assert_true(problems.n > 0);
	text_finish(&problems.said);
	live_edit(rig->live, "order-late", "---\ntitle: New title\n---\nNew text.\n");
	problems = (struct library_problems){0};
	assert_true(live_load(rig->live, &problems));
	r = library_find(live_library(rig->live), "order-late");
	assert_string_equal(r->title, "New title");
	assert_int_equal(live_library(rig->live)->n, 2);
	live_edit(rig->live, "order-late", NULL);
	assert_true(live_load(rig->live, &problems));
	r = library_find(live_library(rig->live), "order-late");
	assert_string_equal(r->title, "Late order");
	/* A folder that broke meanwhile changes nothing. */
	put_file(rig, "bad.md", "no head\n");
	assert_false(live_load(rig->live, &problems));
	assert_int_equal(live_library(rig->live)->n, 2);
	text_finish(&problems.said);
}

static void
a_rebuild_is_a_version_that_can_be_rolled_back(void **state)
{
	struct rig *rig = *state;
	struct live_case cases[60];
	char problem[MODEL_PROBLEM];
	struct live_state s[LIVE_LANGUAGES_MAX];
	struct live *again;
	struct library_problems problems = {0};
	struct live_found f;

	for (int i = 0; i < 60; i++)
		cases[i] = i % 3 == 0	? (struct live_case){about_order, "order-late", 1}
			   : i % 3 == 1 ? (struct live_case){about_card, "card-lost", 1}
					: (struct live_case){about_weather, NULL, 1};
	assert_int_equal(live_rebuild(rig->live, "en-GB", cases, 60, problem), 1);
	live_propose(rig->live, &about_order, &f);
	assert_true(p_of(&f, "order-late") > 0.8);
	assert_int_equal(f.model, 1);
	live_found_finish(&f);
	/* A poisoned one, and back. */
	for (int i = 0; i < 60; i++)
		cases[i] = i % 2 == 0 ? (struct live_case){about_order, "card-lost", 1}
				      : (struct live_case){about_card, "order-late", 1};
	assert_int_equal(live_rebuild(rig->live, "en", cases, 60, problem), 2);
	live_propose(rig->live, &about_order, &f);
	assert_true(p_of(&f, "card-lost") > p_of(&f, "order-late"));
	live_found_finish(&f);
	assert_int_equal(live_roll_back(rig->live, "en"), 1);
	live_propose(rig->live, &about_order, &f);
	assert_true(p_of(&f, "order-late") > 0.8);
	live_found_finish(&f);
	assert_int_equal(live_roll_back(rig->live, "en"), 0); /* there is none before */
	assert_int_equal(live_states(rig->live, s, LIVE_LANGUAGES_MAX), 1);
	assert_string_equal(s[0].language, "en");
	assert_int_equal(s[0].version, 1);
	assert_true(s[0].built_ms > 0);
	/* Another start finds it. */
	again = live_create(
		&(struct live_settings){"support", rig->folder, rig->models, 0.05});
	assert_true(live_load(again, &problems));
	live_propose(again, &about_order, &f);
	assert_int_equal(f.model, 1);
	live_found_finish(&f);
	live_destroy(again);
}

static void *
ask_often(void *arg)
{
	struct rig *rig = arg;
	struct live_found f;

	for (int i = 0; i < 300; i++) {
		live_propose(rig->live, i % 2 ? &about_order : &about_card, &f);
		if (f.n == 0)
			abort();
		live_found_finish(&f);
	}
	return NULL;
}

static void
many_threads_ask_while_it_learns_reloads_and_is_rebuilt(void **state)
{
	struct rig *rig = *state;
	struct library_problems problems = {0};
	struct live_case one[2] = {
		{about_order, "order-late", 1}, {about_card, "card-lost", 1}};
	char problem[MODEL_PROBLEM];
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, ask_often, rig);
	for (int i = 0; i < 40; i++) {
		live_learn(rig->live, &about_order, "order-late", 1);
		assert_true(live_load(rig->live, &problems));
		if (i % 10 == 0)
			assert_true(live_rebuild(rig->live, "en", one, 2, problem) > 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

static void
languages_are_apart_and_bounded(void **state)
{
	struct rig *rig = *state;
	struct live_state s[LIVE_LANGUAGES_MAX];
	struct live_mail mail = about_order;
	char tag[4] = "aa";
	struct live_found f;

	for (int i = 0; i < 2 * LIVE_LANGUAGES_MAX; i++) {
		tag[1] = (char)('a' + i % 26);
		tag[0] = (char)('a' + i / 26);
		mail.language = tag;
		live_propose(rig->live, &mail, &f);
		live_found_finish(&f);
	}
	mail.language = "../../etc";
	live_propose(rig->live, &mail, &f);
	live_found_finish(&f);
	assert_int_equal(
		live_states(rig->live, s, LIVE_LANGUAGES_MAX), LIVE_LANGUAGES_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			titles_and_rules_propose_before_anything_was_learnt, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			verdicts_move_the_probabilities, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_edit_stands_above_its_file_and_a_broken_one_is_told, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_rebuild_is_a_version_that_can_be_rolled_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			many_threads_ask_while_it_learns_reloads_and_is_rebuilt, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			languages_are_apart_and_bounded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
