/* route/law.c: what the text says of the score (ROUTING 3, 4) holds of it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dice.h"
#include "route/law.h"

static struct law_terms
terms_of(double value, double e, double m, double ageing_ms, int64_t sla_ms)
{
	struct law_terms t = {.kind = LAW_DPV,
		.value = value,
		.half_life_ms = 60000,
		.law = {.late_weight = e, .second = m, .ageing_ms = ageing_ms},
		.sla_ms = sla_ms};

	law_settle(&t);
	return t;
}

static double
score_at(const struct law_terms *t, int64_t waited_ms)
{
	int64_t s = t->sla_ms - waited_ms;

	return law_log2_score(t, s, s + law_second_ms(t), waited_ms);
}

static void
a_fair_score_never_falls(void **state)
{
	(void)state;
	seed_state = 4711;
	for (int i = 0; i < 20000; i++) {
		struct law_terms t = terms_of(PICK(0.5, 1, 3, 8, 1e12), 1, 1,
			PICK(0.001, 1, 150000, 600000),
			(int64_t)PICK(0, 20000, 14400000));
		int64_t waited = draw(20000000);
		int64_t later = waited + draw(600000);

		assert_true(score_at(&t, later) >= score_at(&t, waited));
	}
}

static void
a_score_falls_once_at_the_breach_and_by_the_stated_factor(void **state)
{
	static const struct {
		double e, m;
		int64_t T;
	} cases[] = {
		{0.25, 2, 20000}, {0.5, 2, 20000}, {0.5, 1.5, 300000}, {0.1, 3, 60000}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct law_terms t =
			terms_of(3, cases[i].e, cases[i].m, 150000, cases[i].T);
		double at = score_at(&t, cases[i].T), before = at, fell = 0;
		double factor =
			log2(cases[i].e) - (cases[i].m - 1) * (double)cases[i].T / 60000;

		for (int64_t waited = 0; waited < 4 * cases[i].T; waited++) {
			double now = score_at(&t, waited);

			if (waited > 0 && now < before) {
				assert_int_equal(waited, cases[i].T + 1);
				fell += before - now;
			}
			before = now;
		}
		assert_float_equal(fell, -factor, 1e-3);
		assert_float_equal(exp2(at), 3, 1e-9);
	}
}

/* The worked examples of ROUTING 3: H 60, e 0.25, A 600. */
static void
worked_examples_come_out_as_the_text_says(void **state)
{
	static const struct {
		double value, e, m;
		int64_t T, waited;
		double score;
	} rows[] = {
		{1, 0.25, 2, 20, 0, 0.79},
		{1, 0.25, 2, 20, 10, 0.89},
		{1, 0.25, 2, 20, 20, 1.00},
		{1, 0.25, 2, 20, 21, 0.20},
		{1, 0.25, 2, 20, 40, 0.25},
		{1, 0.25, 2, 20, 100, 0.275},
		{1, 0.25, 2, 20, 640, 0.50},
		{3, 0.25, 2, 20, 0, 2.38},
		{3, 0.25, 2, 20, 21, 0.60},
		{3, 0.25, 2, 20, 40, 0.75},
		{8, 1, 1, 10, 0, 7.13},
		{8, 1, 1, 10, 10, 8.00},
		{8, 1, 1, 10, 20, 8.13},
		{8, 1, 1, 10, 70, 8.80},
		{8, 1, 1, 300, 0, 0.25},
		{8, 1, 1, 300, 120, 1.00},
		{8, 1, 1, 300, 180, 2.00},
		{8, 1, 1, 300, 240, 4.00},
		{8, 1, 1, 300, 300, 8.00},
		{8, 1, 1, 300, 360, 8.80},
		{8, 1, 1, 300, 900, 16.0},
		{1, 0.25, 2, 14400, 14280, 0.25},
		{1, 0.25, 2, 14400, 14340, 0.50},
		{1, 0.25, 2, 14400, 14400, 1.00},
		{1, 0.25, 2, 14400, 28800, 0.25},
		{1, 0.25, 2, 14400, 29400, 0.50},
		{1, 0.25, 2, 900, 840, 0.50},
		{1, 0.25, 2, 900, 900, 1.00},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct law_terms t = terms_of(
			rows[i].value, rows[i].e, rows[i].m, 600000, rows[i].T * 1000);

		assert_float_equal(
			exp2(score_at(&t, rows[i].waited * 1000)), rows[i].score, 0.0051);
	}
}

/* ROUTING 4.3: overdue past d2 by A (Vmax/(e V) - 1) nothing in time goes before it. */
static void
nobody_starves(void **state)
{
	static const struct {
		double highest;
		int64_t after_s;
	} rows[] = {{1, 150}, {3, 750}, {8, 2250}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct law_terms ordinary = terms_of(1, 0.5, 2, 150000, 20000);
		struct law_terms best = terms_of(rows[i].highest, 1, 1, 150000, 20000);
		int64_t waited = 40000 + rows[i].after_s * 1000;

		assert_true(score_at(&ordinary, waited + 1) > score_at(&best, 20000));
		assert_true(score_at(&ordinary, waited - 1) < score_at(&best, 20000));
	}
}

static void
the_reserve_lets_go_at_half_the_weight_or_at_the_deadline(void **state)
{
	static const struct {
		double value;
		int64_t release_ms;
	} rows[] = {{1, 60000}, {8, 240000}, {2, 120000}, {0.5, 0}, {0.1, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct law_terms t = terms_of(rows[i].value, 0.5, 2, 150000, 14400000);

		assert_int_equal(law_release_ms(&t), rows[i].release_ms);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fair_score_never_falls),
		cmocka_unit_test(
			a_score_falls_once_at_the_breach_and_by_the_stated_factor),
		cmocka_unit_test(worked_examples_come_out_as_the_text_says),
		cmocka_unit_test(nobody_starves),
		cmocka_unit_test(
			the_reserve_lets_go_at_half_the_weight_or_at_the_deadline),
	};

	return cmocka_run_group_tests_name("law", tests, NULL, NULL);
}
