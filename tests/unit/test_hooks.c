/* base/hooks.c: passing on, time, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hooks.h"
#include "base/log.h"

/* What the plugins of these tests are told to do. */
struct script {
	enum usher_verdict verdict;
	int points;
	int64_t takes_us;
	const char *why;
	int asked;
};

static int64_t clock_now_us;

static int64_t
test_clock_us(void)
{
	return clock_now_us;
}

static enum usher_verdict
play(struct script *s)
{
	s->asked++;
	clock_now_us += s->takes_us;
	return s->verdict;
}

static enum usher_verdict
on_score(void *state, const struct usher_contact *contact, int *points)
{
	struct script *s = state;

	(void)contact;
	*points += s->points;
	return play(s);
}

static enum usher_verdict
on_match(
	void *state, const struct usher_contact *contact, const struct usher_agent *agent)
{
	(void)contact;
	(void)agent;
	return play(state);
}

static enum usher_verdict
on_offer(void *state, const struct usher_contact *contact,
	const struct usher_agent *agent, char *why, size_t room)
{
	struct script *s = state;

	(void)contact;
	(void)agent;
	strncpy(why, s->why, room);
	return play(s);
}

static void
on_complete(void *state, const struct usher_contact *contact,
	const struct usher_completion *completion)
{
	(void)contact;
	(void)completion;
	play(state);
}

static const struct usher_plugin all_stages = {.name = "all",
	.on_score = on_score,
	.on_match = on_match,
	.on_offer = on_offer,
	.on_complete = on_complete};
static const struct usher_plugin score_alone = {.name = "score", .on_score = on_score};
static const struct usher_contact contact = {.id = 1};
static const struct usher_agent agent = {.id = "a1"};
static const struct usher_completion completion = {.state = "completed"};

static struct hooks *
table(struct script *first, struct script *second)
{
	struct hooks *hooks = hooks_create(test_clock_us);

	assert_true(hooks_add(hooks, &all_stages, first));
	assert_true(hooks_add(hooks, &all_stages, second));
	return hooks;
}

static void
an_empty_table_adds_nothing_and_refuses_nobody(void **state)
{
	struct hooks *empty = hooks_create(NULL);
	struct hooks *tables[] = {NULL, empty};
	char why[USHER_WHY_MAX];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(hooks_score(tables[i], &contact), 0);
		assert_true(hooks_match(tables[i], &contact, &agent));
		assert_false(hooks_offer(tables[i], &contact, &agent, why));
		assert_string_equal(why, "");
		hooks_complete(tables[i], &contact, &completion);
		assert_false(hooks_has(tables[i], HOOK_SCORE));
		assert_int_equal(hooks_count(tables[i]), 0);
	}
	hooks_destroy(empty);
}

static void
declined_passes_on_and_any_other_verdict_ends_the_asking(void **state)
{
	static const struct {
		enum usher_verdict first, second;
		int points;
		bool may;
		int second_asked;
	} cases[] = {
		{USHER_OK, USHER_OK, 10, true, 0},
		{USHER_DECLINED, USHER_OK, 7, true, 1},
		{USHER_DECLINED, USHER_DECLINED, 0, true, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script first = {.verdict = cases[i].first, .points = 10};
		struct script second = {.verdict = cases[i].second, .points = 7};
		struct hooks *hooks = table(&first, &second);

		assert_int_equal(hooks_score(hooks, &contact), cases[i].points);
		assert_int_equal(second.asked, cases[i].second_asked);
		assert_true(hooks_match(hooks, &contact, &agent) == cases[i].may);
		assert_int_equal(second.asked, 2 * cases[i].second_asked);
		hooks_destroy(hooks);
	}
}

static void
a_refusal_keeps_the_agent_from_the_contact(void **state)
{
	struct script first = {.verdict = USHER_DECLINED};
	struct script second = {.verdict = USHER_REFUSED};
	struct hooks *hooks = table(&first, &second);

	(void)state;
	assert_false(hooks_match(hooks, &contact, &agent));
	assert_int_equal(hooks_figures(hooks, 0, HOOK_MATCH)->declined, 1);
	assert_int_equal(hooks_figures(hooks, 1, HOOK_MATCH)->refused, 1);
	assert_int_equal(hooks_faults(hooks, 1), 0);
	hooks_destroy(hooks);
}

static void
a_refusal_is_no_verdict_of_the_score_stage(void **state)
{
	struct script first = {.verdict = USHER_REFUSED, .points = 10};
	struct script second = {.verdict = USHER_OK, .points = 7};
	struct hooks *hooks = table(&first, &second);

	(void)state;
	assert_int_equal(hooks_score(hooks, &contact), 7);
	assert_int_equal(hooks_figures(hooks, 0, HOOK_SCORE)->wrong, 1);
	assert_int_equal(hooks_faults(hooks, 0), 1);
	hooks_destroy(hooks);
}

static void
points_out_of_range_are_a_fault_and_not_used(void **state)
{
	static const int values[] = {USHER_POINTS_MOST + 1, -USHER_POINTS_MOST - 1};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct script first = {.verdict = USHER_OK, .points = values[i]};
		struct script second = {.verdict = USHER_OK, .points = -3};
		struct hooks *hooks = table(&first, &second);

		assert_int_equal(hooks_score(hooks, &contact), -3);
		assert_int_equal(hooks_figures(hooks, 0, HOOK_SCORE)->wrong, 1);
		hooks_destroy(hooks);
	}
}

static void
an_unknown_verdict_is_a_fault(void **state)
{
	struct script first = {.verdict = (enum usher_verdict)77, .why = "x"};
	struct script second = {.verdict = USHER_OK, .why = "because"};
	struct hooks *hooks = table(&first, &second);
	char why[USHER_WHY_MAX];

	(void)state;
	assert_true(hooks_match(hooks, &contact, &agent));
	assert_true(hooks_offer(hooks, &contact, &agent, why));
	assert_string_equal(why, "because");
	assert_int_equal(hooks_faults(hooks, 0), 2);
	hooks_destroy(hooks);
}

static void
a_line_is_one_line_and_ends(void **state)
{
	char endless[USHER_WHY_MAX + 1];
	struct script first = {.verdict = USHER_OK, .why = endless};
	struct script second = {.verdict = USHER_OK, .why = "two\nlines\x1b[31m"};
	struct hooks *hooks = table(&first, &second);
	char why[USHER_WHY_MAX];

	(void)state;
	memset(endless, 'x', sizeof(endless));
	assert_true(hooks_offer(hooks, &contact, &agent, why));
	assert_string_equal(why, "two lines [31m");
	assert_int_equal(hooks_figures(hooks, 0, HOOK_OFFER)->wrong, 1);
	second.why = "";
	first.verdict = USHER_DECLINED;
	assert_false(hooks_offer(hooks, &contact, &agent, why));
	hooks_destroy(hooks);
}

static void
a_call_over_the_limit_is_a_fault_and_not_used(void **state)
{
	struct script first = {.verdict = USHER_OK, .points = 10};
	struct script second = {.verdict = USHER_OK, .points = 7};
	struct hooks *hooks = table(&first, &second);

	(void)state;
	first.takes_us = USHER_HOOK_LIMIT_US;
	assert_int_equal(hooks_score(hooks, &contact), 10);
	first.takes_us = USHER_HOOK_LIMIT_US + 1;
	assert_int_equal(hooks_score(hooks, &contact), 7);
	assert_int_equal(hooks_figures(hooks, 0, HOOK_SCORE)->slow, 1);
	assert_int_equal(hooks_figures(hooks, 0, HOOK_SCORE)->calls, 2);
	assert_int_equal(
		hooks_figures(hooks, 0, HOOK_SCORE)->longest_us, USHER_HOOK_LIMIT_US + 1);
	assert_int_equal(hooks_faults(hooks, 0), 1);
	hooks_destroy(hooks);
}

static void
too_many_faults_disable_a_plugin_at_all_stages(void **state)
{
	struct script first = {.verdict = USHER_REFUSED};
	struct script second = {.verdict = USHER_OK, .points = 7};
	struct hooks *hooks = table(&first, &second);

	(void)state;
	for (int i = 0; i < USHER_FAULTS_MOST + 5; i++) {
		assert_int_equal(hooks_score(hooks, &contact), 7);
		assert_true(hooks_enabled(hooks, 0) == (i + 1 < USHER_FAULTS_MOST));
	}
	assert_int_equal(first.asked, USHER_FAULTS_MOST);
	assert_int_equal(hooks_faults(hooks, 0), USHER_FAULTS_MOST);
	hooks_complete(hooks, &contact, &completion);
	assert_int_equal(first.asked, USHER_FAULTS_MOST);
	assert_true(hooks_has(hooks, HOOK_COMPLETE));
	hooks_destroy(hooks);
}

static void
all_are_told_of_an_end(void **state)
{
	struct script first = {.verdict = USHER_OK}, second = {.verdict = USHER_OK};
	struct hooks *hooks = table(&first, &second);

	(void)state;
	hooks_complete(hooks, &contact, &completion);
	assert_int_equal(first.asked, 1);
	assert_int_equal(second.asked, 1);
	hooks_destroy(hooks);
}

static void
a_stage_without_a_listener_is_known(void **state)
{
	struct script script = {.verdict = USHER_OK};
	struct hooks *hooks = hooks_create(test_clock_us);

	(void)state;
	assert_true(hooks_add(hooks, &score_alone, &script));
	assert_true(hooks_has(hooks, HOOK_SCORE));
	assert_false(hooks_has(hooks, HOOK_MATCH));
	assert_true(hooks_match(hooks, &contact, &agent));
	assert_int_equal(script.asked, 0);
	for (int i = 1; i < HOOKS_PLUGINS_MAX; i++)
		assert_true(hooks_add(hooks, &score_alone, &script));
	assert_false(hooks_add(hooks, &score_alone, &script));
	hooks_destroy(hooks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_adds_nothing_and_refuses_nobody),
		cmocka_unit_test(
			declined_passes_on_and_any_other_verdict_ends_the_asking),
		cmocka_unit_test(a_refusal_keeps_the_agent_from_the_contact),
		cmocka_unit_test(a_refusal_is_no_verdict_of_the_score_stage),
		cmocka_unit_test(points_out_of_range_are_a_fault_and_not_used),
		cmocka_unit_test(an_unknown_verdict_is_a_fault),
		cmocka_unit_test(a_line_is_one_line_and_ends),
		cmocka_unit_test(a_call_over_the_limit_is_a_fault_and_not_used),
		cmocka_unit_test(too_many_faults_disable_a_plugin_at_all_stages),
		cmocka_unit_test(all_are_told_of_an_end),
		cmocka_unit_test(a_stage_without_a_listener_is_known),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
