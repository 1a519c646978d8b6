/* JSON from outside, its limits, and numbers and moments as text: base/json, base/text,
 * base/moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/moment.h"

/* Reads n bytes; the text they are written back as, or NULL and the message. */
static char *
again(const char *text, size_t n, struct json_problem *problem)
{
	json_t *value = json_read(text, n, problem);
	struct text out = {0};

	if (value == NULL)
		return NULL;
	json_write(&out, value);
	json_decref(value);
	return text_take(&out);
}

static void
json_is_taken_as_it_is(void **state)
{
	static const struct {
		const char *text, *back;
	} cases[] = {
		{"{}", "{}"},
		{" [ 1 , 2 ] \r\n\t", "[1,2]"},
		{"[0.1,1e3,-0.5]", "[0.1,1000.0,-0.5]"},
		{"[9007199254740992,-9007199254740992]",
			"[9007199254740992,-9007199254740992]"},
		{"[\"\xc3\xbc \xf0\x9f\x90\x8e\"]", "[\"\xc3\xbc \xf0\x9f\x90\x8e\"]"},
		{"[\"\\u00fc\\ud83d\\udc0e\"]", "[\"\xc3\xbc\xf0\x9f\x90\x8e\"]"},
		{"[\"\\\"\\\\\\/\\n\"]", "[\"\\\"\\\\/\\n\"]"},
		{"{\"a\":{\"b\":[true,false,null]}}",
			"{\"a\":{\"b\":[true,false,null]}}"},
	};
	struct json_problem problem;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *back = again(cases[i].text, strlen(cases[i].text), &problem);

		assert_non_null(back);
		assert_string_equal(back, cases[i].back);
		free(back);
	}
}

static void
what_is_not_json_is_refused(void **state)
{
	static const char *const cases[] = {"", " ", "1", "\"a\"", "null", "{", "[",
		"[1,]", "{\"a\":1,}", "{'a':1}", "{a:1}", "{} {}", "[1]x", "[NaN]",
		"[Infinity]", "[-]", "[01]", "[1.]", "[.5]", "[+1]", "[0x10]", "[1e400]",
		"[\"\t\"]", "[\"\\x\"]", "[\"\\ud800\"]", "[\"\\u0000\"]", "[\"\xff\"]",
		"[\"\xc0\xaf\"]", "[\"\xed\xa0\x80\"]", "[\"\xf4\x90\x80\x80\"]",
		"[\"\xe2\x82\"]", "{\"a\":1,\"a\":1}", "\xef\xbb\xbf{}",
		"[9007199254740993]", "[-9007199254740993]", "[9223372036854775808]",
		"[1] // c", "]", "}", "]]]][[[["};
	struct json_problem problem;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		problem.message[0] = '\0';
		if (json_read(cases[i], strlen(cases[i]), &problem) != NULL)
			fail_msg("taken: %s", cases[i]);
		assert_true(problem.message[0] != '\0');
	}
	assert_null(json_read("[\"a\\u0000\"]", 10, &problem));
	assert_non_null(strstr(problem.message, "leave it out"));
	assert_null(json_read("[1]\0", 4, &problem));
	assert_null(json_read("\xff\xfe{\0}\0", 6, &problem));
}

/* [[[...]]] */
static char *
nested(int depth)
{
	char *text = calloc(1, (size_t)depth * 2 + 1);

	memset(text, '[', (size_t)depth);
	memset(text + depth, ']', (size_t)depth);
	return text;
}

static char *
of_members(int n)
{
	struct text text = {0};

	text_add(&text, "{");
	for (int i = 0; i < n; i++)
		text_addf(&text, "%s\"k%d\":1", i > 0 ? "," : "", i);
	text_add(&text, "}");
	return text_take(&text);
}

static char *
of_values(int n)
{
	struct text text = {0};

	text_add(&text, "[0");
	for (int i = 3; i <= n; i++)
		text_add(&text, ",0");
	text_add(&text, "]");
	return text_take(&text);
}

static char *
of_text(int n)
{
	char *text = calloc(1, (size_t)n + 5);

	memset(text, 'x', (size_t)n + 4);
	memcpy(text, "[\"", 2);
	memcpy(text + 2 + n, "\"]", 2);
	return text;
}

static char *
of_name(int n)
{
	char *text = calloc(1, (size_t)n + 8);

	memset(text, 'x', (size_t)n + 4);
	memcpy(text, "{\"", 2);
	memcpy(text + 2 + n, "\":1}", 4);
	return text;
}

static void
limits_hold_to_the_last_one(void **state)
{
	static const struct {
		char *(*make)(int n);
		int most;
	} cases[] = {{nested, JSON_DEPTH_MAX}, {of_members, JSON_MEMBERS_MAX},
		{of_values, JSON_VALUES_MAX}, {of_text, JSON_TEXT_MAX},
		{of_name, JSON_TEXT_MAX}};
	struct json_problem problem;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int more = 0; more < 2; more++) {
			char *text = cases[i].make(cases[i].most + more);
			json_t *value = json_read(text, strlen(text), &problem);

			if ((value != NULL) != (more == 0))
				fail_msg("case %zu with %d more", i, more);
			json_decref(value);
			free(text);
		}
	}
}

static void
a_bomb_is_refused_before_it_is_parsed(void **state)
{
	const size_t n = 1 << 20;
	char *text = malloc(n);
	struct json_problem problem;

	memset(text, '[', n);
	assert_null(json_read(text, n, &problem));
	assert_non_null(strstr(problem.message, "nested deeper"));
	for (size_t i = 1; i < n; i++)
		text[i] = i % 2 != 0 ? '0' : ',';
	assert_null(json_read(text, n, &problem));
	assert_non_null(strstr(problem.message, "values"));
	free(text);
}

static void
brackets_in_text_do_not_nest(void **state)
{
	struct json_problem problem;
	struct text text = {0};
	char *back;

	text_add(&text, "[\"");
	for (int i = 0; i < 100; i++)
		text_add(&text, "[{\\\",");
	text_add(&text, "\"]");
	back = again(text.s, text.n, &problem);
	assert_string_equal(back, text.s);
	free(back);
	text_finish(&text);
}

/* ---- long texts are lifted out before jansson reads: it makes no difference ---- */

static uint32_t
draw(uint32_t below)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % below;
}

static void
add_blanks(struct text *t)
{
	while (draw(4) == 0)
		text_add_n(t, &" \t\r\n"[draw(4)], 1);
}

/* What texts are made of; the last ones make no JSON. */
static const char *const pieces[] = {"x", "1234567", "12345678",
	"a plain text of some length, ", "\x7f", "{[,:]}", "\\\"", "\\\\", "\\n",
	"\\u00fc", "\\ud83d\\udc0e", "\xc3\xbc", "\xf0\x9f\x90\x8e",
	"0123456789abcde\xc3\xbc", "\xff", "\x01", "\\x", "\\ud800", "\""};

#define PIECES (sizeof pieces / sizeof *pieces)
#define GOOD_PIECES (PIECES - 5)

static void
add_quoted(struct text *t)
{
	text_add(t, "\"");
	for (uint32_t n = draw(5); n > 0; n--)
		text_add(t, pieces[draw(draw(100) == 0 ? PIECES : GOOD_PIECES)]);
	text_add(t, "\"");
}

static void
add_value(struct text *t, int depth)
{
	static const char *const others[] = {
		"0", "-1.5e3", "true", "false", "null", "\"\""};
	bool named = draw(2) == 0;

	add_blanks(t);
	if (depth > 0 && draw(3) > 0) {
		add_quoted(t);
	} else if (depth == 5 || (depth > 0 && draw(2) == 0)) {
		text_add(t, others[draw(6)]);
	} else {
		text_add(t, named ? "{" : "[");
		for (uint32_t i = 0, n = draw(6); i < n; i++) {
			text_add(t, i > 0 ? "," : "");
			add_blanks(t);
			if (named) {
				add_quoted(t);
				add_blanks(t);
				text_add(t, ":");
			}
			add_value(t, depth + 1);
		}
		text_add(t, named ? "}" : "]");
	}
	add_blanks(t);
}

/* Reads it both ways. True when it is JSON. */
static bool
is_read_as_jansson_reads_it(const struct text *text)
{
	struct json_problem problem;
	char *back = again(text->s, text->n, &problem);
	json_error_t error;
	json_t *value = json_loadb(text->s, text->n, JSON_REJECT_DUPLICATES, &error);
	struct text plain = {0};

	if (value != NULL)
		json_write(&plain, value);
	else
		text_addf(&plain, "not JSON at byte %d: %s", error.position, error.text);
	if ((back != NULL) != (value != NULL) ||
		strcmp(back != NULL ? back : problem.message, plain.s) != 0)
		fail_msg("%s: %s, not %s", text->s, back != NULL ? back : problem.message,
			plain.s);
	free(back);
	text_finish(&plain);
	json_decref(value);
	return back != NULL;
}

static void
any_text_is_read_as_jansson_reads_it(void **state)
{
	int good = 0, bad = 0;

	for (int i = 0; i < 30000; i++) {
		struct text text = {0};

		add_value(&text, 0);
		/* Every other one is damaged. */
		if (i % 4 == 1)
			text.s[draw((uint32_t)text.n)] = "\"\\{}[]:, x"[draw(10)];
		if (i % 4 == 3)
			text.n = draw((uint32_t)text.n);
		*(is_read_as_jansson_reads_it(&text) ? &good : &bad) += 1;
		text_finish(&text);
	}
	assert_true(good > 5000 && bad > 5000);
}

static void
more_long_texts_than_are_lifted_keep_their_places(void **state)
{
	struct text text = {0};

	text_add(&text, "[");
	for (int i = 0; i < 300; i++)
		text_addf(&text,
			"%s{\"a name as long as a value\" : \"short\", \"n\":\"the text "
			"number %d\"}",
			i > 0 ? "," : "", i);
	text_add(&text, "]");
	assert_true(is_read_as_jansson_reads_it(&text));
	text_finish(&text);
}

static void
is_written_as_printf_writes_it(int64_t value)
{
	struct text text = {0};
	char expected[24];

	snprintf(expected, sizeof expected, "%" PRId64, value);
	text_add_int(&text, value);
	assert_string_equal(text.s, expected);
	assert_int_equal(text.n, strlen(expected));
	text_finish(&text);
}

static void
integers_have_all_their_digits(void **state)
{
	is_written_as_printf_writes_it(INT64_MAX);
	is_written_as_printf_writes_it(INT64_MIN);
	for (int bits = 0; bits < 63; bits++)
		for (int64_t near = -2; near <= 2; near++) {
			is_written_as_printf_writes_it((INT64_C(1) << bits) + near);
			is_written_as_printf_writes_it(-(INT64_C(1) << bits) + near);
		}
	for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10)
		for (int64_t near = -2; near <= 2; near++) {
			is_written_as_printf_writes_it(power + near);
			is_written_as_printf_writes_it(-power + near);
		}
}

static void
formatted_text_is_whole_however_long_it_is(void **state)
{
	struct text text = {0};
	char piece[301] = "";

	memset(piece, 'x', 300);
	for (int n = 0; n <= 300; n++) {
		size_t before = text.n;

		text_addf(&text, "%.*s|", n, piece);
		assert_int_equal(text.n, before + (size_t)n + 1);
		assert_int_equal(strlen(text.s), text.n);
		assert_memory_equal(text.s + before, piece, (size_t)n);
	}
	text_finish(&text);
}

static void
moments_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
		const char *back;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"},
		{"2026-11-22T09:40:00.5Z", 1795340400500, "2026-11-22T09:40:00.500Z"},
		{"2026-11-22T10:40:00.1239+01:00", 1795340400123,
			"2026-11-22T09:40:00.123Z"},
		{"2024-02-29t23:59:59-00:30", 1709252999000, "2024-03-01T00:29:59.000Z"},
		{"9999-12-31T23:59:59.999Z", 253402300799999, "9999-12-31T23:59:59.999Z"},
	};
	static const char *const wrong[] = {"", "tomorrow", "2026-11-22",
		"2026-11-22 09:40:00Z", "2026-11-22T09:40:00", "2026-13-01T00:00:00Z",
		"2026-02-29T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T09:60:00Z",
		"2026-11-22T09:40:00.Z", "2026-11-22T09:40:00Zx",
		"2026-11-22T09:40:00+24:00", "1969-12-31T23:59:59Z",
		"-026-11-22T09:40:00Z", "2026-11-22T09:40:00+1:00"};
	char text[MOMENT_TEXT];
	int64_t ms;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(moment_parse(cases[i].text, &ms));
		assert_int_equal(ms, cases[i].ms);
		moment_format(text, ms);
		assert_string_equal(text, cases[i].back);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (moment_parse(wrong[i], &ms))
			fail_msg("taken: %s", wrong[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_taken_as_it_is),
		cmocka_unit_test(what_is_not_json_is_refused),
		cmocka_unit_test(limits_hold_to_the_last_one),
		cmocka_unit_test(a_bomb_is_refused_before_it_is_parsed),
		cmocka_unit_test(brackets_in_text_do_not_nest),
		cmocka_unit_test(any_text_is_read_as_jansson_reads_it),
		cmocka_unit_test(more_long_texts_than_are_lifted_keep_their_places),
		cmocka_unit_test(integers_have_all_their_digits),
		cmocka_unit_test(formatted_text_is_whole_however_long_it_is),
		cmocka_unit_test(moments_are_read_and_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
