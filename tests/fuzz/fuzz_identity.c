/* tests/fuzz/fuzz_identity.c - what customers are known by, a plugin's answers, patterns:
 * a form once found stays as it is, a value fits itself and "*", masks keep the length.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "history/identity.h"
#include "plugins/http_directory/answer.h"

static void
one_form(const char *kind, const char *value)
{
	struct identity first, second;
	char mask[IDENTITY_VALUE_TEXT];
	const char *why;

	if (!identity_normalise(&first, kind, value, "GB", &why))
		return;
	/* No country is needed once a number has its form. */
	if (!identity_normalise(&second, kind, first.value, "ZZ", &why) ||
		strcmp(first.value, second.value) != 0)
		abort();
	if (strchr(first.value, '*') == NULL && !identity_fits(first.value, first.value))
		abort();
	if (!identity_fits("*", first.value))
		abort();
	identity_mask(mask, &first);
	if (strlen(mask) != strlen(first.value))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first byte says what the rest is. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const kinds[] = {"phone", "email", "account", "loyalty"};
	const char *problem;
	struct answer answer;
	char *text, *tab;

	if (n < 1)
		return 0;
	text = xstrndup((const char *)data + 1, n - 1);
	if (data[0] % 8 < 4) {
		one_form(kinds[data[0] % 4], text);
	} else if (data[0] % 8 == 4) {
		tab = strchr(text, '\t');
		if (tab != NULL) {
			*tab = '\0';
			(void)identity_fits(text, tab + 1);
		}
	} else if (answer_read(&answer, (const char *)data + 1, n - 1, &problem)) {
		answer_finish(&answer);
	}
	free(text);
	return 0;
}
