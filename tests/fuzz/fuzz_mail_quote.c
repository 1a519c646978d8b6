/*
 * tests/fuzz/fuzz_mail_quote.c - any text: each of its lines is either a person's or the
 * rest, none is made up, and HTML becomes clean text. The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "intake/mail_language.h"
#include "intake/mail_quote.h"
#include "intake/mime_html.h"
#include "intake/mime_text.h"

/* Bytes that are no blanks; an empty line of them may go, no-break spaces included. */
static size_t
weight(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		if (strncmp(s, "\xc2\xa0", 2) == 0)
			s++;
		else
			n += strchr(" \t\n", *s) == NULL;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct text clean = {0}, made = {0}, own = {0}, rest = {0};
	char lang[WORD_LANG_MAX];

	if (n < 1)
		return 0;
	if ((data[0] & 1) != 0) {
		mime_html(&made, (const char *)data + 1, n - 1);
		(void)mime_clean(&clean, made.s, made.n, 1 << 20);
	} else {
		(void)mime_clean(&clean, (const char *)data + 1, n - 1, 1 << 20);
	}
	mail_quote_split(clean.s, &own, &rest);
	if (weight(own.s) + weight(rest.s) != weight(clean.s))
		abort();
	mail_language_guess(clean.s, own.s, lang);
	text_finish(&clean);
	text_finish(&made);
	text_finish(&own);
	text_finish(&rest);
	return 0;
}
