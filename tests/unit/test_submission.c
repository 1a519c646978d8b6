/* A contact as it comes in: route/submission. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "route/submission.h"

static bool
parse(const char *text, struct submission *s, struct submission_error *error)
{
	struct json_problem problem;
	json_t *json = json_read(text, strlen(text), &problem);
	bool ok;

	assert_non_null(json);
	ok = submission_parse(json, s, error);
	json_decref(json);
	return ok;
}

static void
a_channel_is_enough(void **state)
{
	struct submission_error error;
	struct submission s;

	assert_true(parse("{\"channel\":\"chat\"}", &s, &error));
	assert_string_equal(s.channel, "chat");
	assert_string_equal(s.source, "api");
	assert_null(s.external_id);
	assert_true(isnan(s.points));
	assert_int_equal(s.sla_ms, -1);
	assert_int_equal(s.arrived_ms, 0);
	assert_string_equal(s.text, "{\"channel\":\"chat\"}");
	submission_finish(&s);
}

/* A number that Luhn likes stands in Message-IDs by chance; whatever else has one loses
 * it. */
static void
message_ids_of_a_mail_stay_as_they_are_and_its_text_does_not(void **state)
{
	struct submission_error error;
	struct submission s;

	assert_true(
		parse("{\"channel\":\"email\",\"payload\":{\"mail\":{\"message_id\":"
		      "\"1.4086726962392381694@cust.example\",\"references\":[\"a@b\","
		      "\"4111111111111111@cust.example\"],\"in_reply_to\":[\"Call 4111 "
		      "1111 1111 "
		      "1111 @ "
		      "home\"],\"text\":\"4111111111111111\",\"thread\":{\"case\":\"c1\","
		      "\"answers\":\"x.4111111111111111@desk.example\"}}}}",
			&s, &error));
	assert_non_null(strstr(s.text, "\"1.4086726962392381694@cust.example\""));
	assert_non_null(strstr(s.text, "\"4111111111111111@cust.example\""));
	assert_non_null(strstr(s.text, "\"x.4111111111111111@desk.example\""));
	assert_null(strstr(s.text, "\"4111111111111111\""));
	assert_null(strstr(s.text, "4111 1111"));
	submission_finish(&s);
}

static void
every_member_is_read(void **state)
{
	struct submission_error error;
	struct submission s;

	assert_true(parse(
		"{\"channel\":\"voice\",\"source\":\"pbx\",\"external_id\":\"<m@x>\","
		"\"queue\":\"billing\",\"tier\":\"gold\",\"require\":{\"billing\":3},"
		"\"agent\":\"a1\",\"last_agent\":\"a2\",\"title\":\"Wo ist es? "
		"\xc3\xbc\","
		"\"customer\":{\"id\":\"c1\",\"name\":\"Ann\",\"points\":80.5},"
		"\"attributes\":{\"ivr.menu\":\"bill\",\"tags\":[\"press\",\"b\"],"
		"\"vip\":true,\"n\":3},\"not_before\":\"1970-01-01T00:00:02Z\","
		"\"window_ms\":900000,\"arrived_at\":\"1970-01-01T00:00:01.5Z\","
		"\"payload\":{\"any\":[1,null]}}",
		&s, &error));
	assert_string_equal(s.external_id, "<m@x>");
	assert_string_equal(s.require[0].skill, "billing");
	assert_int_equal(s.require[0].level, 3);
	assert_string_equal(s.customer, "c1");
	assert_true(s.points == 80.5);
	assert_int_equal(s.n_attributes, 7);
	assert_string_equal(s.attributes[0].name, "customer.id");
	assert_string_equal(s.attributes[1].text, "Ann");
	assert_true(s.attributes[2].number == 80.5);
	assert_string_equal(s.attributes[3].name, "ivr.menu");
	assert_int_equal(s.attributes[4].n_list, 2);
	assert_string_equal(s.attributes[4].list[1], "b");
	assert_true(s.attributes[5].boolean);
	assert_int_equal(s.not_before_ms, 2000);
	assert_int_equal(s.arrived_ms, 1500);
	assert_int_equal(s.window_ms, 900000);
	assert_string_equal(s.payload, "{\"any\":[1,null]}");
	submission_finish(&s);
	assert_null(s.channel);
}

static void
what_is_stored_is_read_again_as_the_same(void **state)
{
	static const char *const numbers[] = {"0.1", "5e-324", "1e12", "-1",
		"0.30000000000000004", "123456789.12345679"};
	struct submission_error error;
	struct submission first, second;
	char text[160];

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		snprintf(text, sizeof text,
			"{\"channel\":\"chat\",\"customer\":{\"points\":%s}}",
			numbers[i]);
		assert_true(parse(text, &first, &error));
		assert_true(parse(first.text, &second, &error));
		assert_true(first.points == second.points);
		assert_string_equal(first.text, second.text);
		submission_finish(&first);
		submission_finish(&second);
	}
}

static void
what_is_wrong_is_refused_by_its_name(void **state)
{
	static const struct {
		const char *text, *field, *words;
	} cases[] = {
		{"[]", "", "object"},
		{"{}", "channel", "required"},
		{"{\"channel\":7}", "channel", "name"},
		{"{\"channel\":\"a b\"}", "channel", "name"},
		{"{\"channel\":\"chat\",\"titel\":\"x\"}", "titel",
			"did you mean \"title\""},
		{"{\"channel\":\"chat\",\"zzzzzzzz\":1}", "zzzzzzzz", "attributes"},
		{"{\"channel\":\"chat\",\"external_id\":\"a b\"}", "external_id",
			"spaces"},
		{"{\"channel\":\"chat\",\"external_id\":\"\"}", "external_id",
			"1 to 512"},
		{"{\"channel\":\"chat\",\"title\":\"a\\r\\nBcc: x\"}", "title",
			"printable"},
		{"{\"channel\":\"chat\",\"title\":\"a\\u2028b\"}", "title", "printable"},
		{"{\"channel\":\"chat\",\"title\":\"a\\u0085b\"}", "title", "printable"},
		{"{\"channel\":\"chat\",\"require\":{\"billing\":11}}", "require",
			"1 to 10"},
		{"{\"channel\":\"chat\",\"require\":{\"billing\":1.5}}", "require",
			"1 to 10"},
		{"{\"channel\":\"chat\",\"require\":[]}", "require", "object"},
		{"{\"channel\":\"chat\",\"sla_ms\":-5}", "sla_ms", "whole number"},
		{"{\"channel\":\"chat\",\"deadline\":\"tomorrow\"}", "deadline",
			"RFC 3339"},
		{"{\"channel\":\"chat\",\"deadline\":5}", "deadline", "RFC 3339"},
		{"{\"channel\":\"chat\",\"window_ms\":5}", "window_ms", "not_before"},
		{"{\"channel\":\"chat\",\"sla_ms\":5,\"deadline\":\"2026-01-01T00:00:"
		 "00Z\"}",
			"deadline", "not several"},
		{"{\"channel\":\"chat\",\"attributes\":{\"a\":{\"b\":1}}}", "a",
			"outer.inner"},
		{"{\"channel\":\"chat\",\"attributes\":{\"a\":null}}", "a", "leave"},
		{"{\"channel\":\"chat\",\"attributes\":{\"a b\":1}}", "attributes",
			"names"},
		{"{\"channel\":\"chat\",\"attributes\":{\"customer.points\":1}}",
			"attributes", "member of `customer`"},
		{"{\"channel\":\"chat\",\"attributes\":{\"a\":[1]}}", "a", "texts"},
		{"{\"channel\":\"chat\",\"customer\":{\"id\":\"../../x\"}}",
			"customer.id", "name"},
		{"{\"channel\":\"chat\",\"customer\":{\"id\":\"*\"}}", "customer.id",
			"name"},
		{"{\"channel\":\"chat\",\"customer\":{\"points\":\"9\"}}",
			"customer.points", "number"},
		{"{\"channel\":\"chat\",\"customer\":{\"points\":1e300}}",
			"customer.points", "1e12"},
		{"{\"channel\":\"chat\",\"customer\":[]}", "customer", "object"},
	};
	struct submission_error error;
	struct submission s;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(&error, 0, sizeof error);
		if (parse(cases[i].text, &s, &error))
			fail_msg("taken: %s", cases[i].text);
		assert_string_equal(error.field, cases[i].field);
		if (strstr(error.message, cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].text, error.message);
		assert_null(s.channel);
		assert_null(s.text);
	}
}

/* A printf whose form is data: -Wformat=2 rightly wants literals. */
static char *
with_text(const char *form, const char *fill)
{
	const char *at = strstr(form, "%s");

	return xasprintf("%.*s%s%s", (int)(at - form), form, fill, at + 2);
}

static void
bounds_hold_to_the_byte(void **state)
{
	static const struct {
		const char *form;
		size_t most;
	} cases[] = {
		{"{\"channel\":\"%s\"}", 64},
		{"{\"channel\":\"chat\",\"external_id\":\"%s\"}", SUBMISSION_KEY_MAX},
		{"{\"channel\":\"chat\",\"title\":\"%s\"}", SUBMISSION_TITLE_MAX},
		{"{\"channel\":\"chat\",\"attributes\":{\"a\":\"%s\"}}",
			ATTRIBUTE_TEXT_MAX},
		{"{\"channel\":\"chat\",\"attributes\":{\"a\":[\"%s\"]}}", 256},
		{"{\"channel\":\"chat\",\"attributes\":{\"%s\":1}}", ATTRIBUTE_NAME_MAX},
		{"{\"channel\":\"chat\",\"customer\":{\"%s\":1}}",
			ATTRIBUTE_NAME_MAX - 9},
	};
	struct submission_error error;
	struct submission s;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (size_t more = 0; more < 2; more++) {
			char *fill = calloc(1, cases[i].most + 2), *text = NULL;

			memset(fill, 'x', cases[i].most + more);
			text = with_text(cases[i].form, fill);
			if (parse(text, &s, &error) != (more == 0))
				fail_msg("%s with %zu", cases[i].form,
					cases[i].most + more);
			submission_finish(&s);
			free(fill);
			free(text);
		}
	}
}

static void
at_most_64_attributes_are_taken(void **state)
{
	struct submission_error error;
	struct submission s;

	for (int n = ATTRIBUTES_MAX; n <= ATTRIBUTES_MAX + 1; n++) {
		struct text text = {0};

		text_add(&text, "{\"channel\":\"chat\",\"attributes\":{");
		for (int i = 0; i < n; i++)
			text_addf(&text, "%s\"a%d\":%d", i > 0 ? "," : "", i, i);
		text_add(&text, "}}");
		assert_int_equal(parse(text.s, &s, &error), n == ATTRIBUTES_MAX);
		submission_finish(&s);
		text_finish(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_channel_is_enough),
		cmocka_unit_test(
			message_ids_of_a_mail_stay_as_they_are_and_its_text_does_not),
		cmocka_unit_test(every_member_is_read),
		cmocka_unit_test(what_is_stored_is_read_again_as_the_same),
		cmocka_unit_test(what_is_wrong_is_refused_by_its_name),
		cmocka_unit_test(bounds_hold_to_the_byte),
		cmocka_unit_test(at_most_64_attributes_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
