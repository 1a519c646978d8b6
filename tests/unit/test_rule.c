/* The expression language of rules: what holds, what is counted, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/rule.h"

static const char *const tags[] = {"press", "vip"};
static const char *const no_tags[] = {"press"};

static char long_text[8193];

static const struct {
	const char *name;
	struct value value;
} attributes[] = {
	{"channel", {.kind = VALUE_TEXT, .text = "email"}},
	{"subject", {.kind = VALUE_TEXT, .text = "Your Invoice 4711"}},
	{"ivr.menu", {.kind = VALUE_TEXT, .text = "bill"}},
	{"ivr.1", {.kind = VALUE_TEXT, .text = "one"}},
	{"empty", {.kind = VALUE_TEXT, .text = ""}},
	{"customer.points", {.kind = VALUE_NUMBER, .number = 80}},
	{"customer.tags",
		{.kind = VALUE_LIST, .n_list = 2, .list = (const char *const *)tags}},
	{"customer.others",
		{.kind = VALUE_LIST, .n_list = 1, .list = (const char *const *)no_tags}},
	{"customer.vip", {.kind = VALUE_BOOL, .boolean = true}},
	{"time.hour", {.kind = VALUE_NUMBER, .number = 9}},
	{"time.date", {.kind = VALUE_TEXT, .text = "2026-11-22"}},
	{"broken", {.kind = VALUE_NUMBER, .number = NAN}},
	{"long", {.kind = VALUE_TEXT, .text = long_text}},
};

static struct value
look_up(void *owner, const char *name)
{
	int *asked = owner;

	++*asked;
	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
		if (strcmp(attributes[i].name, name) == 0)
			return attributes[i].value;
	return (struct value){.kind = VALUE_NONE};
}

static bool
holds(const char *text, struct expr_counts *counts)
{
	struct expr_error error;
	struct expr *expr = expr_compile(text, &error);
	int asked = 0;
	bool result;

	if (expr == NULL)
		fail_msg("%s: %zu: %s", text, error.at, error.message);
	result = expr_holds(expr, look_up, &asked, counts);
	expr_destroy(expr);
	return result;
}

struct sentence {
	const char *text;
	bool holds;
};

static void
check(const struct sentence *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct expr_counts counts = {0};

		if (holds(list[i].text, &counts) != list[i].holds)
			fail_msg("%s: wanted %d", list[i].text, list[i].holds);
		if (counts.missing + counts.mismatched + counts.too_dear != 0)
			fail_msg("%s: something was counted", list[i].text);
	}
}

#define CHECK(list) check(list, sizeof list / sizeof list[0])

static void
comparisons_hold_as_written(void **state)
{
	static const struct sentence list[] = {
		{"channel == \"email\"", true},
		{"\"email\" == channel", true},
		{"channel != \"email\"", false},
		{"channel == \"Email\"", false},
		{"channel < \"f\"", true},
		{"customer.points >= 80", true},
		{"customer.points > 80", false},
		{"customer.points <= 80", true},
		{"customer.points < 80.5", true},
		{"customer.points == 80.0", true},
		{"customer.points != 80", false},
		{"customer.vip == true", true},
		{"customer.vip != true", false},
		{"customer.vip", true},
		{"not customer.vip", false},
		{"time.date >= \"2026-11-01\" and time.date < \"2026-12-01\"", true},
		{"customer.tags == [\"press\", \"vip\"]", true},
		{"customer.tags != customer.others", true},
		{"ivr.1 == \"one\"", true},
		{"empty == \"\"", true},
		{"true", true},
		{"false", false},
		{"subject == \"a \\\"quoted\\\" \\\\ text\"", false},
	};

	CHECK(list);
}

static void
in_and_has_look_into_lists_and_texts(void **state)
{
	static const struct sentence list[] = {
		{"\"invoice\" in subject", true},
		{"\"INVOICE 47\" in subject", true},
		{"\"4712\" in subject", false},
		{"subject has \"your\"", true},
		{"\"\" in empty", true},
		{"\"x\" in empty", false},
		{"\"4711\" in subject", true},
		{"\"press\" in customer.tags", true},
		{"\"Press\" in customer.tags", false},
		{"customer.tags has \"vip\"", true},
		{"customer.others has \"vip\"", false},
		{"channel in [\"chat\", \"email\"]", true},
		{"channel in [\"chat\"]", false},
		{"channel in []", false},
		{"[\"chat\", \"email\",] has channel", true},
	};

	CHECK(list);
}

static void
operators_bind_as_in_arithmetic(void **state)
{
	static const struct sentence list[] = {
		{"1 + 2 * 3 == 7", true},
		{"(1 + 2) * 3 == 9", true},
		{"10 - 2 - 3 == 5", true},
		{"100 / 10 / 2 == 5", true},
		{"-2 * -3 == 6", true},
		{"2 - -3 == 5", true},
		{"customer.points * 2 - 60 >= 100", true},
		{"false and false or true", true},
		{"true or false and false", true},
		{"not false and false", false},
		{"not (false and false)", true},
		{"not channel == \"chat\"", true},
		{"not not true", true},
		{"customer.tags has \"press\" and not (time.hour < 8)", true},
		{"ivr.menu == \"bill\" or \"invoice\" in subject", true},
	};

	CHECK(list);
}

static void
what_cannot_be_decided_is_false_and_counted(void **state)
{
	static const struct {
		const char *text;
		bool holds;
		unsigned missing, mismatched;
	} list[] = {
		{"nothing == 1", false, 1, 0},
		{"nothing != 1", false, 1, 0},
		{"not (nothing == 1)", true, 1, 0},
		{"nothing", false, 1, 0},
		{"not nothing", true, 1, 0},
		{"nothing + 1 > other", false, 2, 0},
		{"-nothing < 1", false, 1, 0},
		{"\"a\" in nothing", false, 1, 0},
		{"nothing or customer.vip", true, 1, 0},
		{"customer.vip or nothing", true, 0, 0},
		{"ivr.menu == 7", false, 0, 1},
		{"ivr.menu != 7", false, 0, 1},
		{"ivr.menu < 7", false, 0, 1},
		{"ivr.menu", false, 0, 1},
		{"not ivr.menu", true, 0, 1},
		{"ivr.menu + 1 == 2", false, 0, 1},
		{"-ivr.menu == 2", false, 0, 1},
		{"customer.points / (time.hour - 9) > 0", false, 0, 1},
		{"not (1 / 0 == 1)", true, 0, 1},
		{"broken == broken", false, 0, 1},
		{"customer.vip < ivr.menu", false, 0, 1},
		{"customer.tags < customer.others", false, 0, 1},
		{"customer.vip in customer.tags", false, 0, 1},
		{"\"a\" in customer.vip", false, 0, 1},
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct expr_counts counts = {0};

		if (holds(list[i].text, &counts) != list[i].holds ||
			counts.missing != list[i].missing ||
			counts.mismatched != list[i].mismatched || counts.too_dear != 0)
			fail_msg("%s: missing %d, mismatched %d", list[i].text,
				(int)counts.missing, (int)counts.mismatched);
	}
}

static void
mistakes_are_refused_where_they_stand(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *message; /* a part of it */
	} list[] = {
		{"", 0, "missing"},
		{"channel =", 8, "write =="},
		{"channel = \"email\"", 8, "write =="},
		{"channel == 'email'", 11, "double quotes"},
		{"customer.vip && channel == \"a\"", 13, "write and"},
		{"customer.vip || true", 13, "write or"},
		{"!customer.vip", 0, "write not"},
		{"customer.vip AND true", 13, "small letters"},
		{"ivr-menu == \"bill\"", 3, "no hyphens"},
		{"channel == \"email", 11, "closing quote"},
		{"channel == \"e\\n\"", 13, "only \\\""},
		{"(channel == \"email\"", 19, "closing )"},
		{"channel == \"email\")", 18, "operator is missing"},
		{"channel \"email\"", 8, "operator is missing"},
		{"channel ==", 10, "missing"},
		{"and true", 0, "missing"},
		{"1 < 2 < 3", 6, "do not chain"},
		{"time.hour == \"8\"", 10, "never hold"},
		{"time.hour in [\"8\"]", 10, "wants text"},
		{"channel > 5", 8, "never hold"},
		{"\"a\" == 5", 4, "never hold"},
		{"true < false", 5, "order"},
		{"[\"a\"] < [\"b\"]", 6, "order"},
		{"1 + \"a\" == 2", 2, "arithmetic wants a number"},
		{"-\"a\" == 2", 0, "wants a number"},
		{"1 and true", 2, "wants true or false"},
		{"not 1", 0, "wants true or false"},
		{"5", 0, "a rule wants true or false"},
		{"channel", 0, "a rule wants true or false"},
		{"customer.points + 1", 0, "a rule wants true or false"},
		{"channel in [1]", 12, "quotes"},
		{"channel in [\"a\" \"b\"]", 16, "commas"},
		{"channel in [\"a\"", 15, "ends with ]"},
		{"1.2.3 == x", 3, "one point"},
		{"12ab == x", 2, "one point"},
		{"x == 1 $", 7, "no meaning"},
		{"x == 1 ;", 7, "no meaning"},
		{"x == \xc3\xa4", 5, "no meaning"},
		{"a.", 1, "no meaning"},
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct expr_error error;
		struct expr *expr = expr_compile(list[i].text, &error);

		if (expr != NULL)
			fail_msg("%s was taken", list[i].text);
		if (error.at != list[i].at ||
			strstr(error.message, list[i].message) == NULL)
			fail_msg("%s: %zu: %s", list[i].text, error.at, error.message);
	}
}

static char *
repeated(const char *part, int n, const char *end)
{
	char *s = xcalloc(strlen(part) * (size_t)n + strlen(end) + 1, 1);

	for (int i = 0; i < n; i++)
		memcpy(s + strlen(part) * (size_t)i, part, strlen(part));
	strcat(s, end);
	return s;
}

static void
size_and_depth_are_bounded(void **state)
{
	static const struct {
		const char *part;
		int n;
		const char *end, *message; /* NULL: it is taken */
	} list[] = {
		{"true or ", 127, "true", NULL},
		{"true or ", 128, "true", "more than 256 parts"},
		{"not ", 30, "true", NULL},
		{"not ", 200, "true", "levels"},
		{"(", 1000, "true", "levels"},
		{"-", 1000, "1 == 1", "levels"},
		{"\"a\" == \"a\" or ", 400, "true", "at most 4096 bytes"},
		{"abcdefgh", 8, " == 1", NULL},
		{"abcdefgh", 9, " == 1", "at most 64"},
		{"12345678", 5, " == 1", "at most 39 digits"},
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		char *text = repeated(list[i].part, list[i].n, list[i].end);
		struct expr_error error;
		struct expr *expr = expr_compile(text, &error);

		assert_int_equal(expr != NULL, list[i].message == NULL);
		if (expr == NULL && strstr(error.message, list[i].message) == NULL)
			fail_msg("%s: %s", list[i].part, error.message);
		expr_destroy(expr);
		free(text);
	}
}

static void
a_dear_evaluation_is_cut_off_and_false(void **state)
{
	struct expr_counts counts = {0};

	/* aaaa...b is looked for in aaaa...: the worst case of a plain search. */
	memset(long_text, 'a', sizeof long_text - 1);
	assert_false(holds("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaab\" in long", &counts));
	assert_int_equal(counts.too_dear, 1);
	assert_false(holds("not (\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaab\" in long)", &counts));
	assert_int_equal(counts.too_dear, 2);
	assert_true(holds("\"aaaaaaaa\" in long and long != \"a\"", &counts));
	assert_int_equal(counts.too_dear, 2);
}

static void
evaluation_stops_at_the_first_answer(void **state)
{
	struct expr_error error;
	struct expr_counts counts = {0};
	struct expr *expr = expr_compile("customer.vip or a == 1 or b == 2", &error);
	int asked = 0;

	assert_non_null(expr);
	assert_true(expr_holds(expr, look_up, &asked, &counts));
	assert_int_equal(asked, 1);
	expr_destroy(expr);
}

static void
note(void *owner, const char *name)
{
	strcat(strcat(owner, name), " ");
}

static void
note_text(void *owner, const char *name, const char *text)
{
	strcat(strcat(strcat(strcat(owner, name), "="), text), " ");
}

static void
names_and_compared_texts_can_be_listed(void **state)
{
	struct expr_error error;
	struct expr *expr = expr_compile("\"a\" == channel or tier in [\"b\", \"c\"] or "
					 "\"d\" in subject or queue != \"e\"",
		&error);
	char text[200] = "";

	assert_non_null(expr);
	expr_names(expr, note, text);
	assert_string_equal(text, "channel tier subject queue ");
	text[0] = '\0';
	expr_texts(expr, note_text, text);
	assert_string_equal(text, "channel=a tier=b tier=c queue=e ");
	expr_destroy(expr);
	assert_string_equal(expr_builtin(0), "channel");
	assert_null(expr_builtin(100));
	assert_null(expr_builtin(-1));
}

static void
a_chain_is_refused_even_of_truths(void **state)
{
	struct expr_error error;

	assert_null(expr_compile("1 < 2 == true or true", &error));
	expr_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparisons_hold_as_written),
		cmocka_unit_test(in_and_has_look_into_lists_and_texts),
		cmocka_unit_test(operators_bind_as_in_arithmetic),
		cmocka_unit_test(what_cannot_be_decided_is_false_and_counted),
		cmocka_unit_test(mistakes_are_refused_where_they_stand),
		cmocka_unit_test(size_and_depth_are_bounded),
		cmocka_unit_test(a_dear_evaluation_is_cut_off_and_false),
		cmocka_unit_test(evaluation_stops_at_the_first_answer),
		cmocka_unit_test(names_and_compared_texts_can_be_listed),
		cmocka_unit_test(a_chain_is_refused_even_of_truths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
