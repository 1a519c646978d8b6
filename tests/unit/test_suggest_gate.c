/* When a mail may be answered by itself: suggest/gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "suggest/gate.h"

/* ---- evidence ---- */

static void
the_bound_is_wilsons(void **state)
{
	static const struct {
		int64_t right, n;
		double bound; /* by a second formula, to six places */
	} rows[] = {{0, 0, 0}, {0, 10, 0}, {1, 1, 0.206549}, {5, 10, 0.236593},
		{98, 100, 0.929988}, {980, 1000, 0.969310}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_true(fabs(wilson_lower(rows[i].right, rows[i].n) - rows[i].bound) <
			    1e-6);
}

static void
errors_among_few_answers_break_the_circuit(void **state)
{
	assert_false(gate_breaks(0, 0, 0.98));
	assert_false(gate_breaks(100, 100, 0.98));
	assert_true(gate_breaks(0, 1, 0.98));
	assert_true(gate_breaks(4, 5, 0.98));
	assert_false(gate_breaks(9, 10, 0.98));
	assert_true(gate_breaks(17, 20, 0.98));
	assert_false(gate_breaks(49, 50, 0.98));
	for (int n = 1; n < 300; n++)
		for (int right = 0; right <= n; right++)
			assert_true(wilson_lower(right, n) <= (double)right / n + 1e-12 &&
				    (double)right / n <= wilson_upper(right, n) + 1e-12);
}

static void
aims_take_their_number_of_faultless_cases(void **state)
{
	assert_int_equal(gate_faultless(0.98), 189);
	assert_int_equal(gate_faultless(0.99), 381);
	assert_int_equal(gate_faultless(0.995), 765);
	for (double aim = 0.5; aim < 0.9999; aim += 0.0007) {
		int64_t n = gate_faultless(aim);

		assert_true(wilson_lower(n, n) >= aim);
		assert_true(wilson_lower(n - 1, n - 1) < aim);
	}
}

static struct gate_threshold
of_verdicts(int right, int wrong, double p_wrong, double aim)
{
	struct verdict *list = xcalloc((size_t)(right + wrong) + 1, sizeof *list);
	struct gate_threshold t;

	for (int i = 0; i < right + wrong; i++)
		list[i] = (struct verdict){
			.p = i < right ? 0.9 : p_wrong, .right = i < right};
	t = gate_find_threshold(list, right + wrong, aim);
	free(list);
	return t;
}

static void
faultless_verdicts_open_the_gate_and_an_error_closes_it(void **state)
{
	static const struct {
		double aim;
		int n;
	} rows[] = {{0.98, 189}, {0.99, 381}, {0.995, 765}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int n = rows[i].n;

		assert_false(of_verdicts(n - 1, 0, 0, rows[i].aim).open);
		assert_true(of_verdicts(n, 0, 0, rows[i].aim).open);
		assert_false(of_verdicts(n, 1, 0.9, rows[i].aim).open);
		assert_false(of_verdicts(n, 1, 0.95, rows[i].aim).open);
	}
	assert_false(of_verdicts(0, 0, 0, 0.98).open);
}

static void
the_threshold_leaves_errors_below_it(void **state)
{
	struct gate_threshold t = of_verdicts(200, 50, 0.5, 0.98);

	assert_true(t.open && t.p == 0.9);
	assert_int_equal(t.n, 200);
	assert_true(fabs(t.coverage - 0.8) < 1e-12);
	/* A single error among many below the others does not hurt the aim. */
	t = of_verdicts(1000, 1, 0.5, 0.98);
	assert_true(t.open && t.p == 0.5 && t.n == 1001 && t.right == 1000);
	assert_true(t.bound == wilson_lower(1000, 1001));
}

static void
verdicts_of_equal_probability_are_taken_together(void **state)
{
	struct verdict list[400];

	for (int i = 0; i < 400; i++)
		list[i] = (struct verdict){.p = 0.7, .right = i < 390};
	assert_false(gate_find_threshold(list, 400, 0.98).open);
}

/* Against the plainest search, over logs of all kinds. */
static void
the_threshold_is_the_lowest_that_proves_the_aim(void **state)
{
	struct verdict list[300];
	uint32_t random = 5;

	for (int round = 0; round < 300; round++) {
		double best = 2;
		struct gate_threshold t;

		for (int i = 0; i < 300; i++) {
			random = random * 1664525u + 1013904223u;
			list[i].p = (double)(random >> 24) / 256;
			list[i].right =
				(random >> 8 & 0xff) < 200 + 56 * list[i].p - round % 40;
		}
		t = gate_find_threshold(list, 300, 0.8);
		for (int i = 0; i < 300; i++) {
			int64_t n = 0, right = 0;

			for (int k = 0; k < 300; k++) {
				n += list[k].p >= list[i].p;
				right += list[k].p >= list[i].p && list[k].right;
			}
			if (wilson_lower(right, n) >= 0.8)
				best = fmin(best, list[i].p);
		}
		assert_int_equal(t.open, best < 2);
		assert_true(t.p == (best < 2 ? best : 1));
	}
}

/* ---- guards ---- */

static void
every_guard_is_hit_by_its_fact_alone(void **state)
{
	const struct gate_settings s = gate_defaults();
	const struct {
		struct gate_mail mail;
		unsigned guards;
	} rows[] = {
		{{0}, 0},
		{{.automatic = true}, GUARD_AUTOMATIC},
		{{.bulk = true}, GUARD_BULK},
		{{.list = true}, GUARD_LIST},
		{{.bounce = true}, GUARD_BOUNCE},
		{{.thread = true}, GUARD_THREAD},
		{{.attachment = true}, GUARD_ATTACHMENT},
		{{.questions = 1}, 0},
		{{.questions = 2}, GUARD_QUESTIONS},
		{{.customer_points = 79.9}, 0},
		{{.customer_points = 80}, GUARD_CUSTOMER},
		{{.never = true}, GUARD_NEVER},
		{{.sender_answers = 1}, GUARD_SENDER},
		{{.placeholder = true}, GUARD_PLACEHOLDER},
		{{.response_answers = 99}, 0},
		{{.response_answers = 100}, GUARD_DAY},
		{{.language = true}, GUARD_LANGUAGE},
		{{.bulk = true, .list = true}, GUARD_BULK | GUARD_LIST},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(gate_guards(&rows[i].mail, &s), rows[i].guards);
	for (int i = 0; i < GUARDS; i++)
		assert_true(gate_guard_text((enum gate_guard)(1 << i))[0] != '\0');
}

static void
questions_are_counted_but_not_those_of_links(void **state)
{
	static const struct {
		const char *text;
		int questions;
	} rows[] = {
		{"", 0},
		{"Where is my card", 0},
		{"Where is my card?", 1},
		{"Where is my card???", 1},
		{"What?! ? !", 1},
		{"Where is it? And when will it come?", 2},
		{"Is it \"lost\"? (or stolen?)", 2},
		{"see https://example.org/?a=b?c for it", 0},
		{"卡在哪里？什么时候到？", 2},
		{"أين البطاقة؟", 1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(gate_questions(rows[i].text, strlen(rows[i].text)),
			rows[i].questions);
}

/* ---- audit ---- */

static void
the_audited_are_their_share_and_stay_the_same(void **state)
{
	static const double shares[] = {0, 0.05, 0.5, 1};

	for (size_t s = 0; s < sizeof shares / sizeof *shares; s++) {
		int n = 0;

		for (int i = 0; i < 20000; i++) {
			char id[20];

			snprintf(id, sizeof id, "c%012d", i);
			n += gate_is_audited(id, shares[s]);
			assert_int_equal(gate_is_audited(id, shares[s]),
				gate_is_audited(id, shares[s]));
		}
		assert_true(fabs(n / 20000.0 - shares[s]) < 0.01);
		assert_true(shares[s] > 0 || n == 0);
		assert_true(shares[s] < 1 || n == 20000);
	}
}

/* ---- all together ---- */

static void
all_four_conditions_must_hold(void **state)
{
	struct gate_settings on = gate_defaults(), all = gate_defaults();
	const struct gate_threshold open = {.open = true, .p = 0.9}, closed = {.p = 1};

	on.on = all.on = true;
	on.audit_share = 0;
	all.audit_share = 1;
	assert_false(gate_defaults().on);
	assert_int_equal(gate_decide(&on, &open, 0.9, 0.05, 0, "c1"), GATE_OPEN);
	assert_int_equal(
		gate_decide(&(struct gate_settings){0}, &open, 1, 0, 0, "c1"), GATE_OFF);
	assert_int_equal(gate_decide(&on, &open, 1, 0, GUARD_LIST, "c1"), GATE_GUARDED);
	assert_int_equal(gate_decide(&on, &closed, 1, 0, 0, "c1"), GATE_UNPROVEN);
	assert_int_equal(gate_decide(&on, &open, 0.89, 0, 0, "c1"), GATE_UNSURE);
	assert_int_equal(gate_decide(&on, &open, NAN, 0, 0, "c1"), GATE_UNSURE);
	assert_int_equal(gate_decide(&on, &open, 1, 0.06, 0, "c1"), GATE_NONE);
	assert_int_equal(gate_decide(&on, &open, 1, NAN, 0, "c1"), GATE_NONE);
	assert_int_equal(gate_decide(&all, &open, 1, 0, 0, "c1"), GATE_AUDITED);
	for (int i = GATE_OPEN; i <= GATE_AUDITED; i++)
		assert_true(gate_answer_text((enum gate_answer)i)[0] != '\0');
}

static void
calibration_is_the_mean_distance(void **state)
{
	struct verdict list[100];
	struct calibration_bin bins[CALIBRATION_BINS];
	int n = 0;

	for (int i = 0; i < 100; i++)
		list[i] = (struct verdict){.p = 0.8, .right = i < 80};
	assert_true(calibration_error(list, 100, NULL) < 1e-9);
	for (int i = 0; i < 100; i++)
		list[i] = (struct verdict){.p = i < 50 ? 1 : 0.5, .right = i < 40};
	assert_true(fabs(calibration_error(list, 100, bins) - (0.5 * 0.2 + 0.5 * 0.5)) <
		    1e-9);
	for (int b = 0; b < CALIBRATION_BINS; b++)
		n += bins[b].n;
	assert_int_equal(n, 100);
	assert_int_equal(bins[CALIBRATION_BINS - 1].right, 40);
	assert_true(calibration_error(NULL, 0, NULL) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bound_is_wilsons),
		cmocka_unit_test(errors_among_few_answers_break_the_circuit),
		cmocka_unit_test(aims_take_their_number_of_faultless_cases),
		cmocka_unit_test(faultless_verdicts_open_the_gate_and_an_error_closes_it),
		cmocka_unit_test(the_threshold_leaves_errors_below_it),
		cmocka_unit_test(verdicts_of_equal_probability_are_taken_together),
		cmocka_unit_test(the_threshold_is_the_lowest_that_proves_the_aim),
		cmocka_unit_test(every_guard_is_hit_by_its_fact_alone),
		cmocka_unit_test(questions_are_counted_but_not_those_of_links),
		cmocka_unit_test(the_audited_are_their_share_and_stay_the_same),
		cmocka_unit_test(all_four_conditions_must_hold),
		cmocka_unit_test(calibration_is_the_mean_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
