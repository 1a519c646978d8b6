/* base/rpc_params.c - params of a request against the table of its method. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/moment.h"
#include "base/rpc.h"

static bool
fail(struct rpc_fault *fault, const char *message)
{
	snprintf(fault->message, sizeof fault->message, "%s", message);
	return false;
}

static bool
word_fits(const char *words, const char *word)
{
	size_t n = strlen(word);

	if (n == 0)
		return false;
	for (const char *at = words; at != NULL; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, word, n) == 0 && (at[n] == '|' || at[n] == '\0'))
			return true;
	}
	return false;
}

static bool
word_check(const struct rpc_param *p, const json_t *value, struct rpc_fault *fault)
{
	const char *word = json_string_value(value);

	if (word != NULL && word_fits(p->words, word))
		return true;
	snprintf(fault->message, sizeof fault->message, "must be one of %s", p->words);
	return false;
}

static bool
text_check(const struct rpc_param *p, const json_t *value, struct rpc_fault *fault)
{
	if (!json_is_string(value))
		return fail(fault, "must be text");
	if ((int64_t)json_string_length(value) <= p->most)
		return true;
	snprintf(fault->message, sizeof fault->message,
		"is longer than %" PRId64 " bytes", p->most);
	return false;
}

static bool
name_check(const json_t *value, struct rpc_fault *fault)
{
	if (json_is_string(value) && id_is_valid(json_string_value(value)))
		return true;
	return fail(fault, "must be a name of 1 to 64 of A-Z a-z 0-9 . _ -");
}

static bool
integer_check(const struct rpc_param *p, const json_t *value, struct rpc_fault *fault)
{
	if (json_is_integer(value) && json_integer_value(value) >= p->least &&
		json_integer_value(value) <= p->most)
		return true;
	snprintf(fault->message, sizeof fault->message,
		"must be an integer from %" PRId64 " to %" PRId64, p->least, p->most);
	return false;
}

static bool
number_check(const struct rpc_param *p, const json_t *value, struct rpc_fault *fault)
{
	double number = json_number_value(value);

	if (!json_is_number(value))
		return fail(fault, "must be a number");
	if (p->least == p->most ||
		(number >= (double)p->least && number <= (double)p->most))
		return true;
	snprintf(fault->message, sizeof fault->message,
		"must be a number from %" PRId64 " to %" PRId64, p->least, p->most);
	return false;
}

static bool
id_check(char letter, const char *what, const json_t *value, struct rpc_fault *fault)
{
	uint64_t number;

	if (json_is_string(value) &&
		number_id_parse(json_string_value(value), letter, &number))
		return true;
	snprintf(fault->message, sizeof fault->message,
		"must be the id of %s, such as %c00040000000a", what, letter);
	return false;
}

static bool
levels_check(const struct rpc_param *p, const json_t *value, struct rpc_fault *fault)
{
	const char *key;
	json_t *level;

	if (!json_is_object(value))
		return fail(fault, "must be an object of names and integers");
	json_object_foreach((json_t *)value, key, level)
	{
		if (!id_is_valid(key) || !integer_check(p, level, fault)) {
			snprintf(fault->message, sizeof fault->message,
				"must hold names with integers from %" PRId64
				" to %" PRId64,
				p->least, p->most);
			return false;
		}
	}
	return true;
}

static bool
list_check(const struct rpc_param *p, const json_t *value, struct rpc_fault *fault)
{
	json_t *item;
	size_t i;

	if (!json_is_array(value))
		return fail(fault, "must be a list");
	if ((int64_t)json_array_size(value) > p->most) {
		snprintf(fault->message, sizeof fault->message,
			"has more than %" PRId64 " entries", p->most);
		return false;
	}
	json_array_foreach(value, i, item)
	{
		if (!(p->type == RPC_NAMES ? name_check(item, fault)
					   : word_check(p, item, fault)))
			return false;
	}
	return true;
}

static bool
value_check(const struct rpc_param *p, const json_t *value, struct rpc_fault *fault)
{
	int64_t ms;

	switch (p->type) {
	case RPC_ANY:
		return true;
	case RPC_TEXT:
		return text_check(p, value, fault);
	case RPC_NAME:
	case RPC_ACT:
		return name_check(value, fault);
	case RPC_WORD:
		return word_check(p, value, fault);
	case RPC_INTEGER:
		return integer_check(p, value, fault);
	case RPC_NUMBER:
		return number_check(p, value, fault);
	case RPC_BOOLEAN:
		return json_is_boolean(value) || fail(fault, "must be true or false");
	case RPC_TIME:
		return (json_is_string(value) &&
			       moment_parse(json_string_value(value), &ms)) ||
		       fail(fault, "must be a moment such as 2026-11-22T09:40:00.000Z");
	case RPC_CONTACT:
		return id_check('c', "a contact", value, fault);
	case RPC_OFFER:
		return id_check('o', "an offer", value, fault);
	case RPC_LEVELS:
		return levels_check(p, value, fault);
	case RPC_NAMES:
	case RPC_WORDS:
		return list_check(p, value, fault);
	}
	return false;
}

static const struct rpc_param *
param_named(const struct rpc_param *table, const char *name)
{
	for (; table->name != NULL; table++) {
		if (strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

/* A name that the table has and that is one slip away from the unknown one. */
static void
explain_unknown(const struct rpc_param *table, const char *name, struct rpc_fault *fault)
{
	for (; table->name != NULL; table++) {
		if (text_distance(table->name, name) <= 2) {
			snprintf(fault->message, sizeof fault->message,
				"is not known here; did you mean %s?", table->name);
			return;
		}
	}
	fail(fault, "is not known here: leave it out");
}

bool
rpc_params_fit(
	const struct rpc_param *table, const json_t *params, struct rpc_fault *fault)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)params, name, value)
	{
		const struct rpc_param *p = param_named(table, name);

		snprintf(fault->field, sizeof fault->field, "%s", name);
		if (p == NULL) {
			explain_unknown(table, name, fault);
			return false;
		}
		if (!value_check(p, value, fault))
			return false;
	}
	for (; table->name != NULL; table++) {
		if (table->required && json_object_get(params, table->name) == NULL) {
			snprintf(fault->field, sizeof fault->field, "%s", table->name);
			return fail(fault, "is missing");
		}
	}
	return true;
}

const char *
rpc_text(const struct rpc_call *call, const char *name)
{
	return json_string_value(json_object_get(call->params, name));
}

int64_t
rpc_integer(const struct rpc_call *call, const char *name, int64_t otherwise)
{
	const json_t *value = json_object_get(call->params, name);

	return value != NULL ? json_integer_value(value) : otherwise;
}

double
rpc_number(const struct rpc_call *call, const char *name)
{
	const json_t *value = json_object_get(call->params, name);

	return value != NULL ? json_number_value(value) : NAN;
}

bool
rpc_flag(const struct rpc_call *call, const char *name, bool otherwise)
{
	const json_t *value = json_object_get(call->params, name);

	return value != NULL ? json_is_true(value) : otherwise;
}

int64_t
rpc_time_ms(const struct rpc_call *call, const char *name)
{
	const char *text = rpc_text(call, name);
	int64_t ms;

	return text != NULL && moment_parse(text, &ms) ? ms : 0;
}

uint64_t
rpc_number_id(const struct rpc_call *call, const char *name)
{
	const char *text = rpc_text(call, name);
	uint64_t number;

	return text != NULL && number_id_parse(text, text[0], &number) ? number : 0;
}
