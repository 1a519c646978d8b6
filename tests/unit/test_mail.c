/* A mail as a payload, and case tokens: intake/mail, intake/case_token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intake/case_token.h"
#include "intake/mail.h"

#define HASH "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const unsigned char secret[TICKET_SECRET] = "0123456789abcdef0123456789abcde";

/* One with every member set. */
static struct mail
full_mail(void)
{
	struct mail m = {.mailbox = xstrdup("support"),
		.recipient = xstrdup("help@desk.example"),
		.message_id = xstrdup("m1@cust.example"),
		.envelope_from = xstrdup(""),
		.from = {xstrdup("Ann"), xstrdup("ann@cust.example")},
		.reply_to = {NULL, xstrdup("ann@else.example")},
		.to = {1, {{NULL, xstrdup("help@desk.example")}}},
		.cc = {1, {{xstrdup("Bob"), xstrdup("bob@cust.example")}}},
		.subject = xstrdup("Where is my order?"),
		.date_ms = 1795340400000,
		.received_ms = 1795340402120,
		.in_reply_to = {1, {xstrdup("c1.x@desk.example")}},
		.references = {1, {xstrdup("c0.x@desk.example")}},
		.thread = MAIL_BY_REFERENCES,
		.case_id = xstrdup("c0000g0000001"),
		.answers = xstrdup("c1.x@desk.example"),
		.text = xstrdup("Hello\n"),
		.rest = xstrdup("> old\n"),
		.html = true,
		.cut = true,
		.whole = HASH,
		.original = HASH,
		.redacted = 2,
		.language = "en",
		.questions = 1,
		.automatic = MAIL_BOUNCE,
		.automatic_why = xstrdup("a delivery report"),
		.bounce = {xstrdup("of@x"), xstrdup("z@x.example"), xstrdup("5.1.1"),
			xstrdup("550 no such user")},
		.to_us = true,
		.proven = MAIL_PASS,
		.hops = 3,
		.suggest = {.n = 1,
			.list = {{xstrdup("late"), xstrdup("Late"), xstrdup("order"),
				0.93}},
			.none = 0.02,
			.never_automatic = true,
			.library = xstrdup("1a"),
			.model = 7}};

	m.n_files = 1;
	m.files = xcalloc(1, sizeof m.files[0]);
	m.files[0] = (struct mail_file){
		xstrdup("scan.pdf"), xstrdup("application/pdf"), 1234, HASH};
	return m;
}

static void
a_payload_is_read_back_as_it_was_written(void **state)
{
	struct mail m = full_mail(), again;
	json_t *payload = mail_to_json(&m), *second;

	assert_true(mail_from_json(payload, &again));
	second = mail_to_json(&again);
	assert_true(json_equal(payload, second));
	assert_string_equal(again.files[0].blob, HASH);
	assert_string_equal(again.envelope_from, "");
	assert_string_equal(mail_answer_address(&again), "ann@else.example");
	assert_true(again.suggest.list[0].p == 0.93);
	json_decref(payload);
	json_decref(second);
	mail_finish(&m);
	mail_finish(&again);
}

static void
what_says_nothing_is_left_out_and_what_is_no_mail_is_refused(void **state)
{
	struct mail m = {.message_id = xstrdup("m1@x")}, again;
	json_t *payload = mail_to_json(&m);

	assert_int_equal(json_object_size(json_object_get(payload, "mail")), 2);
	assert_true(mail_from_json(payload, &again));
	assert_null(again.envelope_from);
	assert_null(mail_answer_address(&again));
	mail_finish(&again);
	json_decref(payload);
	payload = json_pack("{s:{s:i}}", "mail", "message_id", 7);
	assert_false(mail_from_json(payload, &again));
	json_decref(payload);
	assert_false(mail_from_json(NULL, &again));
	mail_finish(&m);
}

static void
a_token_names_its_case_wherever_it_stands_in_the_subject(void **state)
{
	char token[CASE_TOKEN_TEXT], subject[200], id[NUMBER_ID_TEXT];

	case_token_make(secret, "c0000g0000001", token);
	assert_int_equal(strlen(token), CASE_TOKEN_TEXT - 1);
	snprintf(subject, sizeof subject, "AW: RE: %s Order [#1]", token);
	assert_true(case_token_find(secret, subject, id));
	assert_string_equal(id, "c0000g0000001");
	assert_true(case_token_find(secret, token, id));
}

static void
a_token_that_was_guessed_cut_or_signed_by_others_is_none(void **state)
{
	unsigned char other[TICKET_SECRET] = "another";
	char token[CASE_TOKEN_TEXT], id[NUMBER_ID_TEXT];

	case_token_make(secret, "not an id", token);
	assert_string_equal(token, "");
	case_token_make(secret, "c0000g0000001", token);
	assert_false(case_token_find(other, token, id));
	token[CASE_TOKEN_TEXT - 3] = token[CASE_TOKEN_TEXT - 3] == 'a' ? 'b' : 'a';
	assert_false(case_token_find(secret, token, id));
	case_token_make(secret, "c0000g0000001", token);
	for (size_t n = strlen(token); n-- > 0;) {
		token[n] = '\0';
		assert_false(case_token_find(secret, token, id));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_payload_is_read_back_as_it_was_written),
		cmocka_unit_test(
			what_says_nothing_is_left_out_and_what_is_no_mail_is_refused),
		cmocka_unit_test(
			a_token_names_its_case_wherever_it_stands_in_the_subject),
		cmocka_unit_test(
			a_token_that_was_guessed_cut_or_signed_by_others_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
