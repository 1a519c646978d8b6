/* Mails of ours, written: intake/compose, intake/message_id; shares of model/mailout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "intake/compose.h"
#include "intake/message_id.h"
#include "model/mailout.h"

#define AT_MS INT64_C(1795945200000)

static const char *const to[] = {"ann@home.test"};
static const char *const ids[] = {"first@home.test", "second@home.test"};

static struct outgoing
plain(void)
{
	return (struct outgoing){.from_name = "Support",
		.from = "help@desk.test",
		.n_to = 1,
		.to = to,
		.subject = "Re: Where?",
		.text = "Hello\n.\nBye\n",
		.message_id = "c000010000001.0123456789abcdef@desk.test",
		.in_reply_to = ids[1],
		.n_references = 2,
		.references = ids,
		.date_ms = AT_MS};
}

static void
the_same_mail_gives_the_same_bytes(void **state)
{
	struct outgoing mail = plain();
	const char *fault;
	size_t n, m;
	char *first = compose_mail(&mail, &n, &fault),
	     *second = compose_mail(&mail, &m, &fault);

	assert_non_null(first);
	assert_int_equal(n, m);
	assert_memory_equal(first, second, n);
	assert_non_null(strstr(first, "From: Support <help@desk.test>\n"));
	assert_non_null(strstr(first, "In-Reply-To: <second@home.test>\n"));
	assert_non_null(
		strstr(first, "References: <first@home.test> <second@home.test>\n"));
	assert_null(strstr(first, "Auto-Submitted"));
	free(first);
	free(second);
	mail.automatic = true;
	first = compose_mail(&mail, &n, &fault);
	assert_non_null(strstr(first, "Auto-Submitted: auto-replied\n"));
	free(first);
}

static void
files_go_behind_the_text_and_the_bytes_stay_the_same(void **state)
{
	static const struct outgoing_file files[] = {
		{"scan \xc3\xbc.pdf", "application/pdf", "%PDF-1.4 \0 x", 12},
		{"a\nBcc: x@y.test.eml", "message/rfc822", "From: x\n\nboo", 12},
		{"", "text/html; charset=x\nBcc: x@y.test", "<b>", 3},
	};
	struct outgoing mail = plain();
	const char *fault;
	size_t n, m;
	char *first, *second;

	mail.files = files;
	mail.n_files = 3;
	first = compose_mail(&mail, &n, &fault);
	second = compose_mail(&mail, &m, &fault);
	assert_non_null(first);
	assert_int_equal(n, m);
	assert_memory_equal(first, second, n);
	assert_non_null(strstr(first, "multipart/mixed"));
	assert_non_null(strstr(first, "Content-Type: application/pdf"));
	assert_non_null(strstr(first, "JVBERi0xLjQgACB4")); /* bytes as they were */
	assert_null(strstr(first, "message/rfc822"));
	assert_null(strstr(first, "text/html"));
	assert_null(strstr(first, "\nBcc"));
	assert_non_null(strstr(first, "Content-Disposition: attachment"));
	free(first);
	free(second);
	mail.n_files = COMPOSE_FILES_MAX + 1;
	assert_null(compose_mail(&mail, &n, &fault));
	assert_non_null(fault);
}

static void
nothing_from_outside_makes_a_header_field(void **state)
{
	struct outgoing mail = plain();
	const char *bad_id[] = {"a> <b@c.test\nBcc: x@y.test"}, *fault;
	size_t n;
	char *made;

	mail.subject = "Hi\r\nBcc: x@y.test";
	mail.from_name = "A\nBcc: x@y.test";
	mail.references = bad_id;
	mail.n_references = 1;
	mail.in_reply_to = NULL;
	made = compose_mail(&mail, &n, &fault);
	assert_non_null(made);
	assert_null(strstr(made, "\nBcc:"));
	assert_null(strstr(made, "References:"));
	free(made);
}

static void
what_is_not_fit_is_told(void **state)
{
	const char *bad[] = {"ann@home.test", "no address"}, *fault;
	struct outgoing mail = plain();
	size_t n;

	mail.to = bad;
	mail.n_to = 2;
	assert_null(compose_mail(&mail, &n, &fault));
	assert_non_null(strstr(fault, "no address"));
	mail = plain();
	mail.n_to = 0;
	assert_null(compose_mail(&mail, &n, &fault));
	mail = plain();
	mail.text = "\xff";
	assert_null(compose_mail(&mail, &n, &fault));
	mail = plain();
	mail.from = "";
	assert_null(compose_mail(&mail, &n, &fault));
}

static void
a_subject_has_one_prefix_and_one_token(void **state)
{
	static const struct {
		const char *subject, *token, *made;
	} cases[] = {
		{"Where?", "[#c-1]", "Re: Where? [#c-1]"},
		{"Re: Where?", "[#c-1]", "Re: Where? [#c-1]"},
		{"RE: AW: Fwd: Where?", "[#c-1]", "Re: Where? [#c-1]"},
		{"Re: Where? [#c-1]", "[#c-1]", "Re: Where? [#c-1]"},
		{"Where?", "", "Re: Where?"},
		{"", "[#c-1]", "Re: [#c-1]"},
		{NULL, "", "Re: "},
		{"Regarding it", "", "Re: Regarding it"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *made =
			compose_reply_subject(cases[i].subject, "Re: ", cases[i].token);

		assert_string_equal(made, cases[i].made);
		free(made);
	}
}

static void
a_quotation_is_bounded(void **state)
{
	char *made = compose_quote("a\n\n> b\n", "Ann", AT_MS, 1000), *line;

	assert_string_equal(strchr(made, '\n') + 1, "> a\n>\n>> b\n");
	free(made);
	line = calloc(5000, 1);
	memset(line, 'x', 4999);
	made = compose_quote(line, "Ann", AT_MS, 200);
	assert_true(strlen(made) < 220);
	assert_non_null(strstr(made, "[...]"));
	free(made);
	free(line);
}

static void
our_message_ids_name_case_and_mail(void **state)
{
	static const char *const others[] = {"", "x@y.test", "c000010000001@desk.test",
		"c000010000001.0123456789abcdeg@desk.test",
		"c000010000001.0123456789ABCDEF@desk.test",
		"c000010000001.0123456789abcdef", "c000010000001.0123456789abcdef@",
		"d000010000001.0123456789abcdef@desk.test",
		"c00001000000u.0123456789abcdef@desk.test"};
	char case_id[NUMBER_ID_TEXT], out_id[OUT_ID_TEXT];
	const char *domain;
	char *made = message_id_make("c000010000001", "0123456789abcdef", "desk.test");

	assert_true(message_id_read(made, case_id, out_id, &domain));
	assert_string_equal(case_id, "c000010000001");
	assert_string_equal(out_id, "0123456789abcdef");
	assert_string_equal(domain, "desk.test");
	free(made);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (message_id_read(others[i], case_id, out_id, NULL))
			fail_msg("%s", others[i]);
	assert_false(message_id_read(NULL, case_id, out_id, NULL));
}

static void
a_category_has_its_own_share_or_that_of_what_it_is_part_of(void **state)
{
	struct mailout_review list[] = {
		{(char *)"cards", 0.5}, {(char *)"cards/lost", 1}, {(char *)"", 0.1}};
	struct mailout_settings s = {.n_review = 3, .review = list};

	assert_true(mailout_review_share(&s, "cards/lost") == 1);
	assert_true(mailout_review_share(&s, "cards/lost/abroad") == 1);
	assert_true(mailout_review_share(&s, "cards/new") == 0.5);
	assert_true(mailout_review_share(&s, "cardsharp") == 0.1);
	assert_true(mailout_review_share(&s, "") == 0.1);
	assert_true(mailout_review_share(&s, NULL) == 0.1);
	s.n_review = 2;
	assert_true(mailout_review_share(&s, "orders") == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_mail_gives_the_same_bytes),
		cmocka_unit_test(files_go_behind_the_text_and_the_bytes_stay_the_same),
		cmocka_unit_test(nothing_from_outside_makes_a_header_field),
		cmocka_unit_test(what_is_not_fit_is_told),
		cmocka_unit_test(a_subject_has_one_prefix_and_one_token),
		cmocka_unit_test(a_quotation_is_bounded),
		cmocka_unit_test(our_message_ids_name_case_and_mail),
		cmocka_unit_test(
			a_category_has_its_own_share_or_that_of_what_it_is_part_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
