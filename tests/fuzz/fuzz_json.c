/* tests/fuzz/fuzz_json.c - JSON from outside: what is taken is within the limits, and is
 * the same when it is written and read again. Moments are tried on the same bytes. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct json_problem problem;
	json_t *first = json_read((const char *)data, n, &problem), *second;
	struct text text = {0}, again = {0};

	check_moment(data, n);
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
