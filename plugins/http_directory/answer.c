/* plugins/http_directory/answer.c - the body of an answer, read strictly. */
#include "answer.h"

#include <math.h>
#include <string.h>

#define TEXT_MAX 1024 /* bytes of a value */

static bool
is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "0123456789._-");

	return n > 0 && n <= 64 && s[n] == '\0';
}

static bool
fill(struct usher_figure *f, const char *name, const json_t *value)
{
	*f = (struct usher_figure){.name = name};
	if (!is_name(name))
		return false;
	if (json_is_boolean(value)) {
		f->kind = USHER_VALUE_BOOL;
		f->boolean = json_is_true(value);
	} else if (json_is_number(value)) {
		f->kind = USHER_VALUE_NUMBER;
		f->number = json_number_value(value);
		return isfinite(f->number);
	} else if (json_is_string(value)) {
		f->kind = USHER_VALUE_TEXT;
		f->text = json_string_value(value);
		return json_string_length(value) <= TEXT_MAX;
	} else {
		return json_is_null(value); /* not known any more */
	}
	return true;
}

bool
answer_read(struct answer *a, const char *body, size_t n, const char **problem)
{
	const json_t *attributes;
	const char *name;
	json_t *value;

	memset(a, 0, sizeof(*a));
	*problem = "the answer is no JSON object; see README.md for its form";
	a->json = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(a->json)) {
		answer_finish(a);
		return false;
	}
	attributes = json_object_get(a->json, "attributes");
	*problem = "\"attributes\" of the answer is no object";
	if (attributes != NULL && !json_is_object(attributes)) {
		answer_finish(a);
		return false;
	}
	a->found = (struct usher_found){.size = sizeof(a->found),
		.name = json_string_value(json_object_get(a->json, "name")),
		.type = json_string_value(json_object_get(a->json, "type")),
		.figures = a->figures};
	json_object_foreach((json_t *)(uintptr_t)attributes, name, value)
	{
		if (a->found.n_figures == USHER_FIGURES_MOST)
			break;
		if (fill(&a->figures[a->found.n_figures], name, value))
			a->found.n_figures++;
	}
	return true;
}

void
answer_finish(struct answer *a)
{
	json_decref(a->json);
	a->json = NULL;
}
