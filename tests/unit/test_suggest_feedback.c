/* How much is learnt from what an agent did: suggest/feedback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "suggest/feedback.h"

static void
what_is_kept_is_a_share_of_both_texts(void **state)
{
	static const struct {
		const char *response, *sent;
		double kept;
	} rows[] = {
		{"", "", 1},
		{"a b c", "a b c", 1},
		{"a b c", "a\n b   c ", 1},
		{"a b c d", "", 0},
		{"", "a", 0},
		{"a b c d", "a x c d", 0.75},
		{"a b c", "c b a", 1.0 / 3},
		{"a b", "hello a b bye", 2.0 / 3},
		{"a b c d", "x y z v", 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		double kept = feedback_kept(rows[i].response, rows[i].sent);

		assert_true(fabs(kept - rows[i].kept) < 1e-12);
		assert_true(kept == feedback_kept(rows[i].sent, rows[i].response));
	}
}

static void
long_texts_have_a_bound(void **state)
{
	struct text text = {0};

	for (int i = 0; i < 2 * FEEDBACK_WORDS_MAX; i++)
		text_add(&text, i < FEEDBACK_WORDS_MAX ? "a " : "b ");
	assert_true(feedback_kept(text.s, text.s) == 1);
	text_finish(&text);
}

static void
trust_falls_with_corrections(void **state)
{
	assert_true(feedback_trust(0, 0) == 1);
	assert_true(feedback_trust(1000, 10) == 1);
	assert_true(feedback_trust(0, 1) < 1 && feedback_trust(0, 1) > 0.8);
	assert_true(feedback_trust(90, 10) < 0.95 && feedback_trust(90, 10) > 0.8);
	assert_true(feedback_trust(0, 100) == 0);
	for (int n = 0; n < 100; n++)
		assert_true(feedback_trust(50, n) >= feedback_trust(50, n + 1));
}

static void
verdicts_weigh_by_kind_share_and_trust(void **state)
{
	assert_true(feedback_weight(FEEDBACK_SENT, 0, 1) == 1);
	assert_true(feedback_weight(FEEDBACK_CHOSEN, 0, 0.5) == 0.5);
	assert_true(feedback_weight(FEEDBACK_NONE, 0, 0.5) == 0.5);
	assert_true(feedback_weight(FEEDBACK_EDITED, 0.6, 0.5) == 0.3);
	assert_true(feedback_weight(FEEDBACK_EDITED, 0.1, 1) == 0);
	assert_true(feedback_weight(FEEDBACK_IGNORED, 1, 1) == 0);
	assert_true(feedback_weight(FEEDBACK_AUDITED, 0, 0) == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_a_share_of_both_texts),
		cmocka_unit_test(long_texts_have_a_bound),
		cmocka_unit_test(trust_falls_with_corrections),
		cmocka_unit_test(verdicts_weigh_by_kind_share_and_trust),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
