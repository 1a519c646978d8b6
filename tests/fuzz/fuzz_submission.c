/* tests/fuzz/fuzz_submission.c - a contact as it comes in: what is taken is read again
 * from its stored text as the same contact. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "route/submission.h"

static bool
same_text(const char *a, const char *b)
{
	return (a == NULL && b == NULL) || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same(const struct submission *a, const struct submission *b)
{
	if (!same_text(a->channel, b->channel) || !same_text(a->source, b->source) ||
		!same_text(a->external_id, b->external_id) ||
		!same_text(a->queue, b->queue) || !same_text(a->title, b->title) ||
		!same_text(a->customer, b->customer) || !same_text(a->text, b->text) ||
		a->n_require != b->n_require || a->n_attributes != b->n_attributes ||
		a->not_before_ms != b->not_before_ms || a->window_ms != b->window_ms ||
		a->deadline_ms != b->deadline_ms || a->sla_ms != b->sla_ms ||
		a->arrived_ms != b->arrived_ms)
		return false;
	if (a->points != b->points && !(isnan(a->points) && isnan(b->points)))
		return false;
	for (int i = 0; i < a->n_attributes; i++)
		if (!same_text(a->attributes[i].name, b->attributes[i].name) ||
			!same_text(a->attributes[i].text, b->attributes[i].text) ||
			(a->attributes[i].kind == VALUE_NUMBER &&
				a->attributes[i].number != b->attributes[i].number))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct json_problem problem;
	json_t *json = json_read((const char *)data, n, &problem), *again;
	struct submission first, second;
	struct submission_error error;

	if (json == NULL)
		return 0;
	if (submission_parse(json, &first, &error)) {
		again = json_read(first.text, strlen(first.text), &problem);
		if (again == NULL || !submission_parse(again, &second, &error) ||
			!same(&first, &second))
			abort();
		submission_finish(&first);
		submission_finish(&second);
		json_decref(again);
	} else if (first.channel != NULL || error.message[0] == '\0') {
		abort();
	}
	json_decref(json);
	return 0;
}
