/* tests/fuzz/fuzz_rule.c - expressions of rules: compiled or refused at a place in the
 * text, evaluated over attributes of every kind, the same each time. */
#include <stdlib.h>
#include <string.h>

#include "model/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const list[] = {"a", "press", ""};

/* Names tell the kind, so that mutations find every combination. */
static struct value
look_up(void *owner, const char *name)
{
	size_t n = strlen(name);

	(void)owner;
	if (n == 0 || n > EXPR_NAME_MAX)
		abort();
	switch (name[n - 1] % 5) {
	case 0:
		return (struct value){.kind = VALUE_BOOL, .boolean = n % 2 == 0};
	case 1:
		return (struct value){.kind = VALUE_NUMBER, .number = (double)n - 5};
	case 2:
		return (struct value){.kind = VALUE_TEXT, .text = name};
	case 3:
		return (struct value){.kind = VALUE_LIST,
			.n_list = (int)(n % 4),
			.list = (const char *const *)list};
	default:
		return (struct value){.kind = VALUE_NONE};
	}
}

static void
count_name(void *owner, const char *name)
{
	*(size_t *)owner += strlen(name);
}

static void
count_text(void *owner, const char *name, const char *text)
{
	*(size_t *)owner += strlen(name) + strlen(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = xstrndup((const char *)data, n);
	struct expr_error error;
	struct expr *expr = expr_compile(text, &error);
	struct expr_counts first = {0}, second = {0};
	size_t sum = 0;

	if (expr == NULL) {
		if (error.at > strlen(text) || error.message[0] == '\0')
			abort();
		free(text);
		return 0;
	}
	expr_names(expr, count_name, &sum);
	expr_texts(expr, count_text, &sum);
	if (expr_holds(expr, look_up, NULL, &first) !=
			expr_holds(expr, look_up, NULL, &second) ||
		memcmp(&first, &second, sizeof first) != 0 || first.too_dear > 1)
		abort();
	expr_destroy(expr);
	free(text);
	return 0;
}
