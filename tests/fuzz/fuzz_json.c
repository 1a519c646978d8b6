/* tests/fuzz/fuzz_json.c - JSON from outside: what is taken is within the limits, is what
 * jansson alone makes of it, and is the same when it is written and read again. Moments
 * are tried on the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/moment.h"

static void
check_moment(const uint8_t *data, size_t n)
{
	char *text = xstrndup((const char *)data, n), back[MOMENT_TEXT];
	int64_t ms, again;

	if (moment_parse(text, &ms)) {
		moment_format(back, ms);
		if (!moment_parse(back, &again) || again != ms)
			abort();
	}
	free(text);
}

/* mine: what json_read made of it; NULL: it was refused, as the message says. */
static void
check_against_jansson(const uint8_t *data, size_t n, const json_t *mine,
	const struct json_problem *problem)
{
	json_t *plain = json_loadb((const char *)data, n, JSON_REJECT_DUPLICATES, NULL);
	struct text one = {0}, other = {0};

	if (mine == NULL) {
		/* Beyond a limit, or no JSON for either of them. */
		if (plain != NULL && strncmp(problem->message, "not JSON", 8) == 0)
			abort();
		json_decref(plain);
		return;
	}
	if (plain == NULL)
		abort();
	json_write(&one, mine);
	json_write(&other, plain);
	if (one.n != other.n || memcmp(one.s, other.s, one.n) != 0)
		abort();
	text_finish(&one);
	text_finish(&other);
	json_decref(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct json_problem problem;
	json_t *first = json_read((const char *)data, n, &problem), *second;
	struct text text = {0}, again = {0};

	check_moment(data, n);
	check_against_jansson(data, n, first, &problem);
	if (first == NULL)
		return 0;
	json_write(&text, first);
	second = json_read(text.s, text.n, &problem);
	if (second == NULL)
		abort();
	json_write(&again, second);
	if (text.n != again.n || memcmp(text.s, again.s, text.n) != 0)
		abort();
	text_finish(&text);
	text_finish(&again);
	json_decref(first);
	json_decref(second);
	return 0;
}
