/* Growing text, numbers in it, ids, and how far two words are apart. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define MANY 200000

/* Of any number of digits alike, so that short ones are seen, too. */
static uint64_t
some(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed >> (*seed & 63);
}

static void
whole_numbers_are_those_of_printf(void **state)
{
	static const int64_t edges[] = {0, 1, -1, 9, 10, 99, 100, 101, -100, INT64_MAX,
		INT64_MIN, INT64_MIN + 1, 999999999999, 1000000000000};
	size_t n_edges = sizeof edges / sizeof edges[0];
	uint64_t seed = 20270101;
	struct text text = {0};

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		int64_t value = i < n_edges ? edges[i] : (int64_t)some(&seed);
		char wanted[24];

		if (i >= n_edges && (i & 1) != 0)
			value = -(value & INT64_MAX);
		snprintf(wanted, sizeof wanted, "%" PRId64, value);
		text_clear(&text);
		text_add_int(&text, value);
		assert_string_equal(text.s, wanted);
		assert_int_equal(text.n, strlen(wanted));
	}
	text_finish(&text);
}

static void
numbers_keep_twelve_decimals_below_a_thousand_and_nine_above(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "0"},
		{0.5, "0.5"},
		{-2.25, "-2.25"},
		{0.1, "0.1"},
		{999.9999999999999, "1000"},
		{-0.9999999999999, "-1"},
		{1234.5, "1234.5"},
		{0.000001, "0.000001"},
		{1e-7, "9.9999999999999995e-08"},
		{1e15, "1000000000000000"},
		{123456789012345.0, "123456789012345"},
	};
	uint64_t seed = 4711;
	struct text text = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		text_clear(&text);
		text_add_number(&text, cases[i].value);
		assert_string_equal(text.s, cases[i].text);
	}
	for (int i = 0; i < MANY; i++) {
		double value = (double)some(&seed) / 4096.0 * (i % 2 == 0 ? 1 : -1);
		double size = fabs(value), back;
		double within = size < 1000 ? 1e-12 : size < 1e15 ? 1e-9 : 0;

		text_clear(&text);
		text_add_number(&text, value);
		back = strtod(text.s, NULL);
		/* The decimals, and what a double of that size has at all. */
		if (fabs(back - value) > within + size * 1e-15)
			fail_msg("%.17g is written as %s", value, text.s);
	}
	text_finish(&text);
}

static void
an_id_has_letters_digits_dots_lines_and_at_most_64_of_them(void **state)
{
	char longest[ID_MAX + 2];

	(void)state;
	memset(longest, 'a', sizeof longest);
	longest[ID_MAX] = '\0';
	assert_true(id_is_valid(longest));
	longest[ID_MAX] = 'a';
	longest[ID_MAX + 1] = '\0';
	assert_false(id_is_valid(longest));
	assert_true(id_is_valid("A-1._z"));
	assert_false(id_is_valid(""));
	assert_false(id_is_valid("a b"));
	assert_false(id_is_valid("a/b"));
	assert_false(id_is_valid("\xc3\xa4"));
}

static void
a_form_numbers_ids_and_nothing_else_of_printf(void **state)
{
	char out[ID_MAX + 1] = "untouched", form[ID_MAX + 8];

	(void)state;
	assert_true(id_numbered(out, "a%d", 17));
	assert_string_equal(out, "a17");
	assert_true(id_numbered(out, "x%d-y", INT64_MAX));
	assert_string_equal(out, "x9223372036854775807-y");
	assert_true(id_numbered(out, "ann", 3));
	assert_string_equal(out, "ann");
	assert_false(id_numbered(out, "a%s", 3));
	assert_false(id_numbered(out, "a%d%d", 3));
	assert_false(id_numbered(out, "", 3));
	memset(form, 'a', sizeof form);
	memcpy(form + ID_MAX - 1, "%d", 3);
	assert_true(id_numbered(out, form, 9));
	assert_int_equal(strlen(out), ID_MAX);
	assert_false(id_numbered(out, form, 10));
}

static void
numbered_ids_come_back_and_stand_in_the_order_of_their_numbers(void **state)
{
	const uint64_t most = (UINT64_C(1) << 60) - 1;
	char text[NUMBER_ID_TEXT], last[NUMBER_ID_TEXT] = "";
	uint64_t seed = 99, back;

	(void)state;
	for (uint64_t n = 1; n < most - most / 5000; n += most / 5000) {
		number_id_format(text, 'c', n);
		assert_true(number_id_parse(text, 'c', &back));
		assert_true(back == n);
		assert_true(strcmp(last, text) < 0);
		memcpy(last, text, sizeof last);
	}
	for (int i = 0; i < MANY; i++) {
		uint64_t n = (some(&seed) & most) | 1;

		number_id_format(text, 'o', n);
		assert_true(number_id_parse(text, 'o', &back));
		assert_true(back == n);
	}
	assert_false(number_id_parse(text, 'c', &back));
	assert_false(number_id_parse("o00000000000", 'o', &back));
	assert_false(number_id_parse("o0000000000000", 'o', &back));
	assert_false(number_id_parse("o000000000000", 'o', &back)); /* 0 is none */
	assert_false(number_id_parse("o00000000000l", 'o', &back));
	assert_false(number_id_parse("", 'o', &back));
}

static void
a_typing_mistake_is_near(void **state)
{
	(void)state;
	assert_int_equal(text_distance("queues", "queues"), 0);
	assert_int_equal(text_distance("queues", "queus"), 1);
	assert_int_equal(text_distance("queues", "qeuues"), 1);
	assert_int_equal(text_distance("agent", "urgent"), 2);
	assert_true(text_distance("agent", "timezone") >= 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers_are_those_of_printf),
		cmocka_unit_test(
			numbers_keep_twelve_decimals_below_a_thousand_and_nine_above),
		cmocka_unit_test(
			an_id_has_letters_digits_dots_lines_and_at_most_64_of_them),
		cmocka_unit_test(a_form_numbers_ids_and_nothing_else_of_printf),
		cmocka_unit_test(
			numbered_ids_come_back_and_stand_in_the_order_of_their_numbers),
		cmocka_unit_test(a_typing_mistake_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
