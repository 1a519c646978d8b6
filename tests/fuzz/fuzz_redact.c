/* tests/fuzz/fuzz_redact.c - card data out of any bytes: what is taken out is not there
 * any more, a second time changes nothing, joins of messages and entries of the event
 * stream are read whatever they hold. */
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "history/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
over_messages(const char *text, size_t n)
{
	struct redact_join join = {0};
	struct redact_found found = {0};
	size_t at = 0;

	for (int side = 0; at < n; side = 1 - side) {
		const char *end = memchr(text + at, '\0', n - at);
		size_t length = end != NULL ? (size_t)(end - text) - at : n - at;
		struct text out = {0};

		found.earlier_digits = 0;
		redact_message(&join, side, text + at, length, &out, &found);
		if (found.earlier_digits < 0 || found.earlier_digits >= REDACT_DIGITS_MAX)
			abort();
		text_finish(&out);
		at += length + 1;
	}
}

static void
as_entry(const char *text, size_t n)
{
	char *copy = xstrndup(text, n);
	struct entry entry;

	if (!entry_read(&entry, "3-17", copy) || entry.n > ENTRY_EVENTS_MAX)
		abort();
	for (int i = 0; i < entry.n; i++)
		if (entry.event[i].kind >= EVENT_KINDS || entry.event[i].sub < i)
			abort();
	entry_finish(&entry);
	free(entry_value(copy, "a"));
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	struct text once = {0}, twice = {0};
	bool any = redact_text(text, n, &once, NULL);

	if (any == (once.n == n && (n == 0 || memcmp(once.s, text, n) == 0)))
		abort();
	redact_text(once.n > 0 ? once.s : "", once.n, &twice, NULL);
	text_finish(&once);
	text_finish(&twice);
	over_messages(text, n);
	as_entry(text, n);
	return 0;
}
