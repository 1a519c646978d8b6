/*
 * base/json.h - JSON from outside, read strictly by jansson, and written to growing text.
 *
 * Limits (RELIABILITY 6): nesting 32, 256 members an object, 64 KiB a text, numbers
 * finite, integers exact (within 2^53), no member twice, UTF-8 strict, no NUL in text,
 * and 32768 values in all, since a value costs many times the two bytes it takes to send.
 */
#ifndef USHER_BASE_JSON_H
#define USHER_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define JSON_DEPTH_MAX 32
#define JSON_MEMBERS_MAX 256
#define JSON_TEXT_MAX 65536
#define JSON_VALUES_MAX 32768
#define JSON_INTEGER_MAX (INT64_C(1) << 53)

struct json_problem {
	char message[200]; /* a sentence: what is wrong and where */
};

/*
 * json_read - one JSON value (object or list) from n bytes of text.
 *
 * Returns  owned by the caller; NULL with *problem filled when it is not JSON or beyond a
 *          limit above. The size of the text is bounded by who received it.
 */
json_t *json_read(
	const char *text, size_t n, struct json_problem *problem) USHER_MUST_CHECK;

/* Adds the value in its shortest form; NULL is written as null. Reals are
 * exact, with 15 digits where these are enough. As
 * deep as the value is nested: of values made here, or within JSON_DEPTH_MAX. */
void json_write(struct text *out, const json_t *value);

#endif
