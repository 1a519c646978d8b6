/* base/json.c - strict reading and compact writing of JSON. */
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Nesting and number of values, from the bytes alone: what would blow the parser up is
 * refused before it is parsed. */
static bool
scan(const char *text, size_t n, struct json_problem *problem)
{
	size_t values = 1;
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (quoted) {
			i += c == '\\';
			quoted = c != '"';
			continue;
		}
		quoted = c == '"';
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

static bool
within(const json_t *value, struct json_problem *problem)
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
		json_object_foreach((json_t *)value, key, member)
		{
			if (strlen(key) > JSON_TEXT_MAX) {
				snprintf(problem->message, sizeof problem->message,
					"a member's name is longer than %d bytes",
					JSON_TEXT_MAX);
				return false;
			}
			if (!within(member, problem))
				return false;
		}
		return true;
	case JSON_ARRAY:
		json_array_foreach(value, i, member)
		{
			if (!within(member, problem))
				return false;
		}
		return true;
	case JSON_STRING:
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

json_t *
json_read(const char *text, size_t n, struct json_problem *problem)
{
	json_error_t error;
	json_t *value;

	if (!scan(text, n, problem))
		return NULL;
	value = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
	if (value == NULL) {
		snprintf(problem->message, sizeof problem->message,
			"not JSON at byte %d: %s", error.position, error.text);
		return NULL;
	}
	if (!within(value, problem)) { /* scan() has bounded the recursion */
		json_decref(value);
		return NULL;
	}
	return value;
}

static int
add(const char *part, size_t n, void *out)
{
	text_add_n(out, part, n);
	return 0;
}

void
json_write(struct text *out, const json_t *value)
{
	/* 15 digits: every decimal that a person wrote comes back as he wrote it. */
	const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);

	if (value == NULL || json_dump_callback(value, add, out, flags) != 0)
		text_add(out, "null");
}
