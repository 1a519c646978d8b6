/* Telephone numbers as people write them, under a plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "intake/number_plan.h"

static char gb[] = "44", premium[] = "449", personal[] = "4470", one[] = "447000",
	    ie[] = "353", trunk[] = "0", abroad[] = "00";
static struct number_rule rules[] = {
	{gb, true}, {premium, false}, {personal, false}, {one, true}, {ie, true}};
static const struct number_plan plan = {.country = gb,
	.trunk = trunk,
	.international = abroad,
	.least = 8,
	.most = 15,
	.n_rules = 5,
	.rules = rules};

static void
numbers_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *written, *number;
	} cases[] = {
		{"020 7946 0018", "+442079460018"},
		{"+44 (0)20 7946 0018", "+442079460018"},
		{"+44 20-7946.0018", "+442079460018"},
		{"0044 20/79460018", "+442079460018"},
		{"(020) 7946 0018", "+442079460018"},
		{"+353 1 234 5678", "+35312345678"},
	};
	char number[NUMBER_TEXT];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_null(number_read(&plan, cases[i].written, number));
		assert_string_equal(number, cases[i].number);
	}
}

static void
a_plan_that_allows_nothing_is_told_apart(void **state)
{
	struct number_plan none = plan, forbids = plan;
	struct number_rule no[] = {{premium, false}, {personal, false}};

	none.n_rules = 0;
	forbids.rules = no;
	forbids.n_rules = 2;
	assert_true(number_plan_allows_any(&plan));
	assert_false(number_plan_allows_any(&none));
	assert_false(number_plan_allows_any(&forbids));
}

static void
what_is_not_allowed_is_not_called(void **state)
{
	static const char *const refused[] = {"+1 900 555 0100", "0900 123 4567",
		"+44 909 8790000", "070 1234 5678", "+4470123456", "+881 6 1234 5678",
		"999", "+44", "+", "", "call me", "020 7946 0018 ext 5",
		"+44+20 7946 0018", "+44 20 7946 0018 0018 0018 0018", "000",
		"++442079460018", "1234567890123456789012345678901234567890123",
		"\xd9\xa0\xd9\xa2\xd9\xa0 7946 0018", "tel:+442079460018",
		"+44%202079460018", "+442079460018;ext=1", "+442079460018\n"};
	char number[NUMBER_TEXT];

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		assert_non_null(number_read(&plan, refused[i], number));
}

static void
the_longest_beginning_decides_and_of_two_the_one_that_forbids(void **state)
{
	struct number_rule both[] = {{gb, true}, {gb, false}};
	struct number_plan closed = plan;
	char number[NUMBER_TEXT];

	assert_null(number_read(&plan, "07000 123456", number));
	assert_string_equal(number, "+447000123456");
	closed.n_rules = 2;
	closed.rules = both;
	assert_non_null(number_read(&closed, "020 7946 0018", number));
	closed.n_rules = 0;
	assert_non_null(number_read(&closed, "020 7946 0018", number));
}

static void
without_a_country_only_whole_numbers_are_taken(void **state)
{
	struct number_plan open = plan;
	char number[NUMBER_TEXT];

	open.country = NULL;
	assert_non_null(number_read(&open, "020 7946 0018", number));
	assert_null(number_read(&open, "+44 20 7946 0018", number));
}

static void
a_number_is_shown_by_its_ends(void **state)
{
	char shown[NUMBER_TEXT + 8];

	number_mask("+442079460018", shown);
	assert_string_equal(shown, "+44 ... 018");
	number_mask("+12345", shown);
	assert_string_equal(shown, "...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_as_people_write_them),
		cmocka_unit_test(what_is_not_allowed_is_not_called),
		cmocka_unit_test(a_plan_that_allows_nothing_is_told_apart),
		cmocka_unit_test(
			the_longest_beginning_decides_and_of_two_the_one_that_forbids),
		cmocka_unit_test(without_a_country_only_whole_numbers_are_taken),
		cmocka_unit_test(a_number_is_shown_by_its_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
