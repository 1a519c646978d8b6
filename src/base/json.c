/* base/json.c - strict reading and compact writing of JSON. */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many bytes of a quoted text stand for themselves: up to the first quote, backslash
 * or control character; with `ascii` also up to the first byte that is not ASCII. Eight
 * at a time: most of what is read and written is text. */
static inline size_t
run_of(const char *s, size_t n, bool ascii)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	const uint64_t beyond = ascii ? high : 0;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t word, quote, slash;

		memcpy(&word, s + i, 8);
		quote = word ^ ones * '"';
		slash = word ^ ones * '\\';
		/* A zero byte, or one below 32, sets its high bit here; so may one above
		 * such a byte, which does no harm. */
		if ((((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
			    ((word - ones * 32) & ~word)) &
				high ||
			(word & beyond) != 0)
			break;
	}
	while (i < n && s[i] != '"' && s[i] != '\\' && (unsigned char)s[i] >= 32 &&
		(!ascii || (unsigned char)s[i] < 128))
		i++;
	return i;
}

static size_t
plain_run(const char *s, size_t n)
{
	return run_of(s, n, false);
}

/*
 * Reading: jansson takes a text apart byte by byte, at some 140 instructions each, and
 * most of a message is text. Values that stand for themselves (ASCII without escapes) are
 * therefore lifted out of it, so that jansson reads "" in their places, and put back into
 * what it has read. Both are as valid as each other, byte for byte outside of them.
 */
#define LIFT_LEAST 4 /* bytes; shorter ones are read as fast where they are */
#define LIFT_MOST 64 /* values; those behind stay where they are */

struct lifted {
	size_t place;  /* which one it is of the texts that are values, in their order */
	const char *s; /* borrowed from the message */
	size_t n;
};

struct lean {
	struct text text; /* the message without what was lifted, but for its end */
	size_t copied;	  /* bytes of the message that are in there, or were lifted */
	size_t values;	  /* texts that are values, seen so far */
	struct lifted lifted[LIFT_MOST];
	int n, back; /* how many were lifted, and are back in their places */
};

/* The text between the quotes before and at text[end] stands for itself. */
static void
lift(struct lean *lean, const char *text, size_t from, size_t end)
{
	if (end - from < LIFT_LEAST || lean->n == LIFT_MOST)
		return;
	lean->lifted[lean->n++] = (struct lifted){lean->values, text + from, end - from};
	text_add_n(&lean->text, text + lean->copied, from - lean->copied);
	lean->copied = end;
}

/* Passes over the text whose first quote is at text[at]. Returns where its last one is,
 * n when it has none. */
static size_t
pass_text(const char *text, size_t n, size_t at, struct lean *lean)
{
	size_t from = at + 1, end = from + run_of(text + from, n - from, true), next;
	bool plain = end < n && text[end] == '"';

	while (end < n && text[end] != '"') {
		end += text[end] == '\\' ? 2 : 1;
		if (end < n)
			end += plain_run(text + end, n - end);
	}
	if (end >= n)
		return n;
	next = end + 1;
	while (next < n && strchr(" \t\r\n", text[next]) != NULL && text[next] != '\0')
		next++;
	if (next < n && text[next] == ':')
		return end; /* the name of a member */
	if (plain)
		lift(lean, text, from, end);
	lean->values++;
	return end;
}

/* Nesting and number of values, from the bytes alone: what would blow the parser up is
 * refused before it is parsed. */
static bool
scan(const char *text, size_t n, struct lean *lean, struct json_problem *problem)
{
	size_t values = 1;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '"') {
			i = pass_text(text, n, i, lean);
			continue;
		}
		depth += (c == '[' || c == '{') - (c == ']' || c == '}');
		values += c == ',' || c == '[' || c == '{';
		if (depth > JSON_DEPTH_MAX) {
			snprintf(problem->message, sizeof problem->message,
				"nested deeper than %d: flatten it", JSON_DEPTH_MAX);
			return false;
		}
		if (values > JSON_VALUES_MAX) {
			snprintf(problem->message, sizeof problem->message,
				"more than %d values: send fewer", JSON_VALUES_MAX);
			return false;
		}
	}
	return true;
}

/* jansson keeps members in the order of the text, so that the texts come here in it. */
static void
put_back(json_t *value, struct lean *lean)
{
	const struct lifted *l = &lean->lifted[lean->back];

	if (lean->back < lean->n && l->place == lean->values) {
		json_string_setn_nocheck(value, l->s, l->n);
		lean->back++;
	}
	lean->values++;
}

/* Checks the values against the limits, on the way on which lifted texts are put back. */
static bool
within(json_t *value, struct lean *lean, struct json_problem *problem)
{
	const char *key;
	json_t *member;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		if (json_object_size(value) > JSON_MEMBERS_MAX) {
			snprintf(problem->message, sizeof problem->message,
				"an object has more than %d members", JSON_MEMBERS_MAX);
			return false;
		}
		json_object_foreach(value, key, member)
		{
			if (strlen(key) > JSON_TEXT_MAX) {
				snprintf(problem->message, sizeof problem->message,
					"a member's name is longer than %d bytes",
					JSON_TEXT_MAX);
				return false;
			}
			if (!within(member, lean, problem))
				return false;
		}
		return true;
	case JSON_ARRAY:
		json_array_foreach(value, i, member)
		{
			if (!within(member, lean, problem))
				return false;
		}
		return true;
	case JSON_STRING:
		put_back(value, lean);
		if (json_string_length(value) <= JSON_TEXT_MAX)
			return true;
		snprintf(problem->message, sizeof problem->message,
			"a text is longer than %d bytes", JSON_TEXT_MAX);
		return false;
	case JSON_INTEGER:
		if (json_integer_value(value) <= JSON_INTEGER_MAX &&
			json_integer_value(value) >= -JSON_INTEGER_MAX)
			return true;
		snprintf(problem->message, sizeof problem->message,
			"the integer %" JSON_INTEGER_FORMAT
			" is beyond 2^53: send it as text",
			json_integer_value(value));
		return false;
	case JSON_REAL: /* jansson refuses what is not finite */
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		return true;
	}
	return false;
}

/* What jansson reads, lifted texts missing; NULL: the message is not JSON. */
static json_t *
load(const char *text, size_t n, struct lean *lean, struct json_problem *problem)
{
	json_error_t error;
	json_t *value = NULL;

	if (lean->n > 0) {
		text_add_n(&lean->text, text + lean->copied, n - lean->copied);
		value = json_loadb(
			lean->text.s, lean->text.n, JSON_REJECT_DUPLICATES, &error);
		if (value != NULL)
			return value;
		lean->n = 0; /* the message itself tells where it is wrong */
	}
	value = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
	if (value == NULL && json_error_code(&error) == json_error_null_character)
		snprintf(problem->message, sizeof problem->message,
			"\\u0000 is in a text before byte %d: leave it out",
			error.position);
	else if (value == NULL)
		snprintf(problem->message, sizeof problem->message,
			"not JSON at byte %d: %s", error.position, error.text);
	return value;
}

json_t *
json_read(const char *text, size_t n, struct json_problem *problem)
{
	struct lean lean;
	json_t *value = NULL;

	lean.text = (struct text){0};
	lean.copied = lean.values = 0;
	lean.n = lean.back = 0;
	if (scan(text, n, &lean, problem))
		value = load(text, n, &lean, problem);
	text_finish(&lean.text);
	lean.values = 0;
	if (value != NULL && !within(value, &lean, problem)) {
		json_decref(value); /* scan() has bounded the recursion */
		value = NULL;
	}
	return value;
}

/*
 * Writing: jansson decodes each character again and hands its output over in pieces of a
 * few bytes, which was a third of the time of a contact's whole life. Its values are
 * valid UTF-8 already, so the text is copied in runs.
 */

/* How a byte is written within quotes: 0 as it is, 'u' as \u00XX, else behind a
 * backslash. */
static const char escape_of[256] = {
	['"'] = '"',
	['\\'] = '\\',
	['\b'] = 'b',
	['\f'] = 'f',
	['\n'] = 'n',
	['\r'] = 'r',
	['\t'] = 't',
	[0] = 'u',
	[1] = 'u',
	[2] = 'u',
	[3] = 'u',
	[4] = 'u',
	[5] = 'u',
	[6] = 'u',
	[7] = 'u',
	[11] = 'u',
	[14] = 'u',
	[15] = 'u',
	[16] = 'u',
	[17] = 'u',
	[18] = 'u',
	[19] = 'u',
	[20] = 'u',
	[21] = 'u',
	[22] = 'u',
	[23] = 'u',
	[24] = 'u',
	[25] = 'u',
	[26] = 'u',
	[27] = 'u',
	[28] = 'u',
	[29] = 'u',
	[30] = 'u',
	[31] = 'u',
};

static void
write_text(struct text *out, const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t run = 0;

	text_add_n(out, "\"", 1);
	for (size_t i = plain_run(s, n); i < n;
		i += 1 + plain_run(s + i + 1, n - i - 1)) {
		unsigned char c = (unsigned char)s[i];
		char how = escape_of[c];

		text_add_n(out, s + run, i - run);
		run = i + 1;
		if (how == 'u')
			text_add_n(out,
				(char[]){'\\', 'u', '0', '0', digits[c >> 4],
					digits[c & 15]},
				6);
		else
			text_add_n(out, (char[]){'\\', how}, 2);
	}
	text_add_n(out, s + run, n - run);
	text_add_n(out, "\"", 1);
}

static void
write_real(struct text *out, double value)
{
	char digits[40];
	int n;

	/* Most are whole numbers. */
	if (fabs(value) < 1e15 && (double)(int64_t)value == value && !signbit(value)) {
		text_add_int(out, (int64_t)value);
		text_add_n(out, ".0", 2);
		return;
	}
	/* 15 digits: a decimal that a person wrote comes back as he wrote it; 17 where
	 * the value is finer than that. */
	n = snprintf(digits, sizeof digits, "%.15g", value);
	if (strtod(digits, NULL) != value)
		n = snprintf(digits, sizeof digits, "%.17g", value);
	text_add_n(out, digits, (size_t)n);
	/* It stays a real when it is read again. */
	if (strpbrk(digits, ".e") == NULL)
		text_add_n(out, ".0", 2);
}

static void
write_object(struct text *out, const json_t *object)
{
	const char *key;
	json_t *member;
	char before = '{';

	json_object_foreach((json_t *)object, key, member)
	{
		text_add_n(out, &before, 1);
		write_text(out, key, strlen(key));
		text_add_n(out, ":", 1);
		json_write(out, member);
		before = ',';
	}
	text_add(out, before == '{' ? "{}" : "}");
}

static void
write_list(struct text *out, const json_t *list)
{
	json_t *item;
	size_t i;

	text_add_n(out, "[", 1);
	json_array_foreach(list, i, item)
	{
		if (i > 0)
			text_add_n(out, ",", 1);
		json_write(out, item);
	}
	text_add_n(out, "]", 1);
}

void
json_write(struct text *out, const json_t *value)
{
	if (value == NULL) {
		text_add_n(out, "null", 4);
		return;
	}
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		write_object(out, value);
		return;
	case JSON_ARRAY:
		write_list(out, value);
		return;
	case JSON_STRING:
		write_text(out, json_string_value(value), json_string_length(value));
		return;
	case JSON_INTEGER:
		text_add_int(out, json_integer_value(value));
		return;
	case JSON_REAL:
		write_real(out, json_real_value(value));
		return;
	case JSON_TRUE:
		text_add_n(out, "true", 4);
		return;
	case JSON_FALSE:
		text_add_n(out, "false", 5);
		return;
	case JSON_NULL:
		text_add_n(out, "null", 4);
		return;
	}
}
