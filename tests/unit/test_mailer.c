/* What may leave as mail: base/mail_check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mail.h"

static void
addresses_are_one_mailbox_and_nothing_else(void **state)
{
	static const struct {
		const char *address;
		bool valid;
	} cases[] = {
		{"ann@home.test", true},
		{"ann.b+tag@sub.home-1.test", true},
		{"o'brien@home.test", true},
		{"\"an n\"@home.test", true},
		{"\"a\\\"n\"@home.test", true},
		{"ann@[127.0.0.1]", true},
		{"ann@[IPv6:::1]", true},
		{"a@b", true},
		{"", false},
		{"ann", false},
		{"@home.test", false},
		{"ann@", false},
		{"-ann@home.test", false},
		{"ann@home.test\r\nRCPT TO:<b@c.test>", false},
		{"ann@home.test>", false},
		{"<ann@home.test>", false},
		{"ann b@home.test", false},
		{"ann..b@home.test", false},
		{".ann@home.test", false},
		{"ann.@home.test", false},
		{"ann@home..test", false},
		{"ann@-home.test", false},
		{"ann@home-.test", false},
		{"ann@home.test.", false},
		{"\"ann@home.test", false},
		{"\"a\"n\"@home.test", false},
		{"\"a\\\"@home.test", false},
		{"\"a\nb\"@home.test", false},
		{"ann@home.t\xc3\xa4st", false},
		{"ann@[127.0.0.1\r\n]", false},
		{"a@b,c@d.test", false},
	};
	char long_local[80 + 16], long_all[MAILER_ADDRESS_MAX + 16];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (mailer_address_valid(cases[i].address) != cases[i].valid)
			fail_msg("%s", cases[i].address);
	assert_false(mailer_address_valid(NULL));
	memset(long_local, 'a', sizeof long_local);
	memcpy(long_local + 65, "@b.test", 8);
	assert_false(mailer_address_valid(long_local));
	assert_true(mailer_address_valid(long_local + 1));
	memset(long_all, 'a', sizeof long_all);
	memcpy(long_all, "x@", 2);
	for (size_t i = 10; i < MAILER_ADDRESS_MAX; i += 10)
		long_all[i] = '.';
	long_all[MAILER_ADDRESS_MAX + 1] = '\0';
	assert_false(mailer_address_valid(long_all));
	long_all[MAILER_ADDRESS_MAX] = '\0';
	assert_true(mailer_address_valid(long_all));
}

static void
header_text_has_no_line_ends_of_any_kind(void **state)
{
	static const struct {
		const char *text, *clean;
	} cases[] = {
		{"Gr\xc3\xbc\xc3\x9f"
		 "e",
			"Gr\xc3\xbc\xc3\x9f"
			"e"},
		{"a\r\nBcc: b@c.test", "a  Bcc: b@c.test"},
		{"a\xc2\x85z", "a z"},
		{"a\xe2\x80\xa8z", "a z"},
		{"a\xe2\x80\xaez", "a z"},
		{"a\x7fz", "a z"},
		{"a\xffz", "a z"},
		{"a\xc0\x8az", "a  z"},
		{"a\xed\xa0\x80z", "a   z"},
		{"a\xf0\x9f\x98\x80z", "a\xf0\x9f\x98\x80z"},
		{"a\xe2\x80", "a  "},
	};
	char out[64];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		mailer_text_clean(cases[i].text, out, sizeof out);
		assert_string_equal(out, cases[i].clean);
		assert_int_equal(mailer_text_valid(cases[i].text),
			strcmp(cases[i].text, cases[i].clean) == 0);
		assert_true(mailer_text_valid(out));
	}
	mailer_text_clean("ab\xc3\xbc", out, 4); /* no half characters */
	assert_string_equal(out, "ab");
}

static void
a_message_has_a_header_that_is_one(void **state)
{
#define HEAD "From: a@b.test\nMessage-ID: <x@y>\n"
	static const struct {
		const char *text;
		bool fine;
	} cases[] = {
		{HEAD "\nHello", true},
		{HEAD "Subject: a\n folded\n\nHello", true},
		{"From: a@b.test\r\nMessage-ID: <x@y>\r\n\r\nHello", true},
		{"From: a@b.test\rMessage-ID: <x@y>\r\rHello", true},
		{"message-id: <x@y>\nfrom: a@b.test\n\n", true},
		{HEAD "\nBcc: in the body", true},
		{"", false},
		{"Hello", false},
		{HEAD, false},
		{"Message-ID: <x@y>\n\nx", false},
		{"From: a@b.test\n\nx", false},
		{" From: a@b.test\n" HEAD "\nx", false},
		{HEAD "no field\n\nx", false},
		{HEAD ": empty name\n\nx", false},
		{HEAD "X\x01Y: z\n\nx", false},
		{HEAD "BCC: c@d.test\n\nx", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if ((mailer_check(cases[i].text, strlen(cases[i].text)) == NULL) !=
			cases[i].fine)
			fail_msg("%s", cases[i].text);
	assert_non_null(mailer_check(HEAD "\na\0b", sizeof HEAD + 3));
}

static void
lines_and_sizes_are_bounded(void **state)
{
	size_t n = sizeof HEAD + 1 + MAILER_LINE_MAX;
	char *text = calloc(MAILER_BYTES_MAX + 128, 1);

	memcpy(text, HEAD "\n", sizeof HEAD);
	memset(text + sizeof HEAD, 'x', MAILER_LINE_MAX);
	assert_null(mailer_check(text, sizeof HEAD + MAILER_LINE_MAX));
	text[n - 1] = 'x';
	assert_non_null(mailer_check(text, n));
	memset(text + sizeof HEAD, '\n', MAILER_BYTES_MAX);
	assert_null(mailer_check(text, MAILER_BYTES_MAX));
	assert_non_null(mailer_check(text, MAILER_BYTES_MAX + 1));
	/* A header without end. */
	for (size_t i = sizeof HEAD - 1; i + 3 < MAILER_HEADER_MAX * 2; i += 3)
		memcpy(text + i, "a:\n", 3);
	assert_non_null(mailer_check(text, MAILER_HEADER_MAX * 2));
	free(text);
}

static void
every_line_end_becomes_crlf(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"a\nb", "a\r\nb\r\n"},
		{"a\r\nb\r\n", "a\r\nb\r\n"},
		{"a\rb\r", "a\r\nb\r\n"},
		{"\n.\n", "\r\n.\r\n"},
		{"\r\r\n\n", "\r\n\r\n\r\n"},
		{"", "\r\n"},
	};
	size_t n;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *out = mailer_with_crlf(cases[i].in, strlen(cases[i].in), &n);

		assert_string_equal(out, cases[i].out);
		assert_int_equal(n, strlen(out));
		free(out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_one_mailbox_and_nothing_else),
		cmocka_unit_test(header_text_has_no_line_ends_of_any_kind),
		cmocka_unit_test(a_message_has_a_header_that_is_one),
		cmocka_unit_test(lines_and_sizes_are_bounded),
		cmocka_unit_test(every_line_end_becomes_crlf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
