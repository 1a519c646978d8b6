/* Card data leaves texts: base/redact. The numbers are the card schemes' public test
 * numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/redact.h"

static char *
without(const char *text, struct redact_found *found)
{
	struct text out = {0};
	bool any = redact_text(text, strlen(text), &out, found);
	char *copy = text_take(&out);

	assert_int_equal(any, strcmp(copy, text) != 0);
	return copy;
}

static void
card_numbers_leave_however_they_are_written(void **state)
{
	static const struct {
		const char *text, *copy;
	} cases[] = {
		{"4111111111111111", "[card number ending 1111]"},
		{"my card is 4111 1111 1111 1111, thanks",
			"my card is [card number ending 1111], thanks"},
		{"visa4111111111111111.", "visa[card number ending 1111]."},
		{"5500-0000-0000-0004", "[card number ending 0004]"},
		{"3400.000000.00009", "[card number ending 0009]"},
		{"4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "[card number ending 1111]"},
		{"4111\r\n> 1111\r\n> 1111\r\n> 1111", "[card number ending 1111]"},
		{"4111<b>1111</b>1111&#49;111", "[card number ending 1111]"},
		{"4111&nbsp;1111&#x20;1111 1111", "[card number ending 1111]"},
		{"4111\xe2\x80\x8b"
		 "1111\xc2\xa0"
		 "1111\xe2\x80\x93"
		 "1111",
			"[card number ending 1111]"},
		{"\xd9\xa4\xd9\xa1\xd9\xa1\xd9\xa1 \xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1 "
		 "\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1 \xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1",
			"[card number ending 1111]"},
		{"order 12345 4111 1111 1111 1111",
			"order 12345 [card number ending 1111]"},
		{"4111111111111111 4012888888881881",
			"[card number ending 1111] [card number ending 1881]"},
		{"2223003122003222", "[card number ending 3222]"},
		{"6011000990139424 / 3530111333300000",
			"[card number ending 9424] / [card number ending 0000]"},
		{"30569309025904", "[card number ending 5904]"},
		{"6200000000000005", "[card number ending 0005]"},
		{"pan=4111%201111%201111%201111", "pan=[card number ending 1111]"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *copy = without(cases[i].text, NULL);

		assert_string_equal(copy, cases[i].copy);
		free(copy);
	}
}

static void
verification_codes_leave(void **state)
{
	static const struct {
		const char *text, *copy;
	} cases[] = {
		{"my cvv is 123", "my cvv is [code removed]"},
		{"CVC2: 1234!", "CVC2: [code removed]!"},
		{"the security code on the back is 987",
			"the security code on the back is [code removed]"},
		{"123 is my cvv", "[code removed] is my cvv"},
		{"Pr\xc3\xbc"
		 "fziffer 9 8 7",
			"Pr\xc3\xbc"
			"fziffer [code removed]"},
		{"verification code 481516", "verification code [code removed]"},
		{"pan=4012888888881881&cvv=123",
			"pan=[card number ending 1881]&cvv=[code removed]"},
		{"4111 1111 1111 1111 12/29 123",
			"[card number ending 1111] 12/29 [code removed]"},
		{"4111111111111111, exp 12/2029, 123",
			"[card number ending 1111], exp 12/2029, [code removed]"},
		{"378282246310005 1234", "[card number ending 0005] [code removed]"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *copy = without(cases[i].text, NULL);

		assert_string_equal(copy, cases[i].copy);
		free(copy);
	}
}

static void
other_numbers_stay(void **state)
{
	static const char *const cases[] = {"exp 12/29", "order 4111111111111112",
		"+44 20 7946 0958", "41111111-1111-4111-8111-111111111111",
		"1700000000000000", "41111111111111111111111111",
		"4,111,111,111,111,111.00", "0x4111111111111111",
		"sha1 4111111111111111aabbccddeeff00112233",
		"call me at 10:30 on 12 May 2027", "I paid 123 pounds", "cvv",
		"my pin code is 560001", "20 cats. My cvv was not asked for.", "",
		"+341111111111111", "4111 1111 1111 and then 1111"};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *copy = without(cases[i], NULL);

		assert_string_equal(copy, cases[i]);
		free(copy);
	}
}

/* Says the next message; the caller frees the copy. */
static char *
say(struct redact_join *join, int side, const char *text, struct redact_found *found)
{
	struct text out = {0};

	*found = (struct redact_found){0};
	redact_message(join, side, text, strlen(text), &out, found);
	return text_take(&out);
}

static void
numbers_are_joined_over_messages_of_one_side(void **state)
{
	struct redact_join join = {0};
	struct redact_found found;
	struct text out = {0};
	char *copy = say(&join, 0, "it is 4111 1111 ...", &found);

	assert_string_equal(copy, "it is 4111 1111 ...");
	free(copy);
	copy = say(&join, 1, "yes? 1234", &found);
	assert_string_equal(copy, "yes? 1234");
	free(copy);
	copy = say(&join, 0, "one moment", &found);
	free(copy);
	copy = say(&join, 0, "and 1111 1111. Right?", &found);
	assert_string_equal(copy, "and [card number removed]. Right?");
	assert_int_equal(found.earlier_digits, 8);
	assert_int_equal(redact_ending("it is 4111 1111 ...", 19, 8, &out), 8);
	assert_string_equal(out.s, "it is **** **** ...");
	text_finish(&out);
	free(copy);
	copy = say(&join, 0, "4111", &found);
	assert_int_equal(found.cards, 0);
	free(copy);
}

/* 2345678910111213 could be a card number: it leaves in any form but that of a count. */
static void
who_counts_gives_no_card_number(void **state)
{
	static const char *const leave[] = {"2345678910111213", "2345 6789 1011 1213",
		"2 3 4 5 6 7 8 9 1 0 1 1 1 2 1 3"};
	struct redact_join join = {0};
	char *copy = without("2 3 4 5 6 7 8 9 10 11 12 13", NULL), text[8];

	assert_string_equal(copy, "2 3 4 5 6 7 8 9 10 11 12 13");
	free(copy);
	copy = without("22-21-20-19-18-17-16-15", NULL);
	assert_string_equal(copy, "22-21-20-19-18-17-16-15");
	free(copy);
	for (int i = 0; i <= 30; i++) {
		struct redact_found found = {0};

		snprintf(text, sizeof text, "%d", i);
		copy = say(&join, 0, text, &found);
		assert_string_equal(copy, text);
		assert_int_equal(found.cards, 0);
		free(copy);
	}
	for (size_t i = 0; i < sizeof leave / sizeof *leave; i++) {
		copy = without(leave[i], NULL);
		assert_string_equal(copy, "[card number ending 1213]");
		free(copy);
	}
	/* Digit by digit, message by message. */
	join = (struct redact_join){0};
	for (const char *digit = leave[0]; *digit != '\0'; digit++) {
		struct redact_found found = {0};

		snprintf(text, sizeof text, "%c", *digit);
		copy = say(&join, 0, text, &found);
		assert_int_equal(found.cards, digit[1] == '\0');
		free(copy);
	}
}

static void
a_code_that_was_asked_for_leaves_the_answer(void **state)
{
	struct redact_join join = {0};
	struct redact_found found;
	char *copy = say(&join, 1, "And the security code, please?", &found);

	free(copy);
	copy = say(&join, 0, "let me see", &found);
	free(copy);
	copy = say(&join, 0, "it's 123", &found);
	assert_string_equal(copy, "it's [code removed]");
	assert_int_equal(found.codes, 1);
	free(copy);
	copy = say(&join, 0, "456", &found);
	assert_string_equal(copy, "456");
	free(copy);
}

static void
json_is_searched_to_its_leaves(void **state)
{
	struct json_problem problem;
	const char *text = "{\"a\":[\"4111 1111 1111 1111\",{\"b\":4111111111111111}],"
			   "\"c\":12,\"d\":\"x\"}";
	json_t *value = json_read(text, strlen(text), &problem);
	struct redact_found found = {0};
	struct text out = {0};

	assert_true(redact_json(value, &found));
	json_write(&out, value);
	assert_string_equal(out.s, "{\"a\":[\"[card number ending 1111]\",{\"b\":\"[card "
				   "number ending 1111]\"}"
				   "],\"c\":12,\"d\":\"x\"}");
	assert_int_equal(found.cards, 2);
	assert_false(redact_json(value, &found));
	json_decref(value);
	text_finish(&out);
}

/* A long table of numbers: what is found does not depend on where windows end. */
static void
long_runs_of_numbers_are_searched_whole(void **state)
{
	for (int before = 0; before < 600; before += 7) {
		struct text in = {0}, out = {0};
		struct redact_found found = {0};

		for (int i = 0; i < before; i++)
			text_add(&in, "10 ");
		text_add(&in, "4111 1111 1111 1111");
		for (int i = 0; i < 300; i++)
			text_add(&in, " 10");
		assert_true(redact_text(in.s, in.n, &out, &found));
		assert_null(strstr(out.s, "1111 1111"));
		assert_int_equal(found.cards, 1);
		text_finish(&in);
		text_finish(&out);
	}
}

/* The cases kept beside the project, when they are there. */
static void
the_cases_of_the_shared_corpus_hold(void **state)
{
	const char *source = getenv("USHER_SOURCE");
	char *path = xasprintf(
		"%s/../shared/data/bad/own/pan.jsonl", source != NULL ? source : ".");
	FILE *f = fopen(path, "r");
	char line[4096];

	free(path);
	if (f == NULL) {
		print_message("../shared/data/bad is not there\n");
		skip();
	}
	while (fgets(line, sizeof line, f) != NULL) {
		json_t *one = json_loads(line, 0, NULL);
		const char *expect = json_string_value(json_object_get(one, "expect"));
		const char *value = json_string_value(json_object_get(one, "value"));

		if (value != NULL) {
			char *copy = without(value, NULL);

			if ((strcmp(expect, "redact") == 0) != (strcmp(copy, value) != 0))
				fail_msg("%s: %s became %s", expect, value, copy);
			free(copy);
		}
		json_decref(one);
	}
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(card_numbers_leave_however_they_are_written),
		cmocka_unit_test(verification_codes_leave),
		cmocka_unit_test(other_numbers_stay),
		cmocka_unit_test(numbers_are_joined_over_messages_of_one_side),
		cmocka_unit_test(who_counts_gives_no_card_number),
		cmocka_unit_test(a_code_that_was_asked_for_leaves_the_answer),
		cmocka_unit_test(json_is_searched_to_its_leaves),
		cmocka_unit_test(long_runs_of_numbers_are_searched_whole),
		cmocka_unit_test(the_cases_of_the_shared_corpus_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
