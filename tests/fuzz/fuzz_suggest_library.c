/*
 * tests/fuzz/fuzz_suggest_library.c - any bytes as a response file, and as rules.yaml:
 * what is taken has its bounds, compiles, and its placeholders can be filled.
 */
#include <stdlib.h>
#include <string.h>

#include "suggest/propose.h"

static const char *
value_of(void *owner, const char *name)
{
	if (strlen(name) > PLACEHOLDER_MAX)
		abort();
	return name[0] % 2 ? "x" : NULL;
}

static void
try_response(const struct response *r)
{
	struct text out = {0}, missing = {0};
	bool filled = response_fill(r, value_of, NULL, &out, &missing);

	if (filled != (missing.n == 0) || !(r->aim >= 0.5 && r->aim < 1) ||
		!id_is_valid(r->id) || r->title[0] == '\0')
		abort();
	text_finish(&out);
	text_finish(&missing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const files[] = {"cards/a.md", "rules.yaml"};
	static struct words_reader *reader;

	if (reader == NULL)
		reader = words_reader_create("en");
	for (int i = 0; i < 2; i++) {
		struct library *library = library_create();
		struct library_problems problems = {0};
		struct rule_matcher *m;
		struct words words = {0};
		struct suggestions made;

		library_read(library, files[i], (const char *)data, n, &problems);
		if (library->n > 1 || (problems.n == 0 && i == 0 && library->n != 1))
			abort();
		if (library->n == 1)
			try_response(&library->list[0]);
		m = rule_matcher_create(library->rules, "en");
		words_add(reader, &words, FIELD_BODY, (const char *)data, n);
		propose(&(struct proposer){.matcher = m, .library = library}, &words,
			NULL, &made);
		words_finish(&words);
		rule_matcher_destroy(m);
		text_finish(&problems.said);
		library_destroy(library);
	}
	return 0;
}
