/* The LMTP session: intake/lmtp. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "intake/lmtp.h"

#define MOST 1000

struct scene {
	struct lmtp *lmtp;
	struct text said, content;
	char sender[LMTP_ADDRESS_MAX + 1];
	int recipients, wholes, dropped, ended;
	bool busy, full, wait;
};

static void
on_say(void *owner, const char *data, size_t n)
{
	text_add_n(&((struct scene *)owner)->said, data, n);
}

static enum lmtp_verdict
on_sender(void *owner, const char *sender)
{
	struct scene *s = owner;

	strcpy(s->sender, sender);
	text_clear(&s->content);
	return s->busy ? LMTP_LATER : LMTP_OK;
}

static enum lmtp_verdict
on_recipient(void *owner, const char *recipient)
{
	struct scene *s = owner;

	s->recipients++;
	return strstr(recipient, "@desk.example") != NULL ? LMTP_OK : LMTP_UNKNOWN;
}

static bool
on_content(void *owner, const char *data, size_t n)
{
	struct scene *s = owner;

	text_add_n(&s->content, data, n);
	return !s->full;
}

static void
on_whole(void *owner, int n)
{
	struct scene *s = owner;

	s->wholes++;
	for (int i = n - 1; !s->wait && i >= 0; i--)
		lmtp_answer(s->lmtp, i, i == 1 ? LMTP_LATER : LMTP_OK, NULL);
}

static void
on_dropped(void *owner)
{
	((struct scene *)owner)->dropped++;
}

static void
on_ended(void *owner)
{
	((struct scene *)owner)->ended++;
}

static int
set_up(void **state)
{
	struct scene *s = xcalloc(1, sizeof *s);
	struct lmtp_handler handler = {s, on_say, on_sender, on_recipient, on_content,
		on_whole, on_dropped, on_ended};

	s->lmtp = lmtp_create(&handler, "desk.example", MOST);
	lmtp_begin(s->lmtp);
	text_clear(&s->said);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	lmtp_destroy(s->lmtp);
	text_finish(&s->said);
	text_finish(&s->content);
	free(s);
	return 0;
}

/* Byte by byte, so that no cut of the stream matters. */
static void
feed(struct scene *s, const char *data)
{
	for (; *data != '\0'; data++)
		if (lmtp_feed(s->lmtp, data, 1) == 0)
			return;
}

/* The codes that were said, "250 354 ", one a reply. */
static void
expect(struct scene *s, const char *codes)
{
	struct text seen = {0};

	text_add(&seen, "");
	for (const char *at = s->said.s; at != NULL && *at != '\0';) {
		const char *end = strstr(at, "\r\n");

		assert_non_null(end);
		if (at[3] == ' ')
			text_addf(&seen, "%.3s ", at);
		at = end + 2;
	}
	assert_string_equal(seen.s, codes);
	text_finish(&seen);
	text_clear(&s->said);
}

#define BEGIN                                                                            \
	"LHLO mx\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<help@desk.example>\r\nDATA\r\n"

static void
a_mail_is_answered_for_each_recipient_in_their_order(void **state)
{
	struct scene *s = *state;

	feed(s, "LHLO mx\r\n");
	assert_non_null(strstr(s->said.s, "250-PIPELINING\r\n"));
	assert_non_null(strstr(s->said.s, "250-SIZE 1000\r\n"));
	assert_null(strstr(s->said.s, "STARTTLS"));
	feed(s, "mail from:<a@b.example> SIZE=10 BODY=8BITMIME\r\n"
		"RCPT TO:<help@desk.example>\r\nRCPT TO:<x@y.example>\r\n"
		"RCPT TO:<sales@desk.example>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n"
		"QUIT\r\n");
	expect(s, "250 250 250 550 250 354 250 451 221 ");
	assert_string_equal(s->content.s, "Subject: x\r\n\r\n.dot\r\n");
	assert_int_equal(s->ended, 1);
	assert_int_equal(s->wholes, 1);
}

static void
what_is_sent_behind_a_mail_waits_for_its_answers(void **state)
{
	struct scene *s = *state;
	const char *rest = "NOOP\r\n";

	s->wait = true;
	feed(s, BEGIN "x\r\n.\r\n");
	expect(s, "250 250 250 354 ");
	assert_true(lmtp_waits(s->lmtp));
	assert_int_equal(lmtp_feed(s->lmtp, rest, strlen(rest)), 0);
	lmtp_answer(s->lmtp, 0, LMTP_OK, "c1");
	assert_int_equal(lmtp_feed(s->lmtp, rest, strlen(rest)), strlen(rest));
	expect(s, "250 250 ");
}

static void
only_crlf_dot_crlf_ends_a_mail(void **state)
{
	static const char *const ends[] = {"x\n.\n", "x\n.\r\n", "x\r\n.\n",
		"x\r\n.\rNOOP\r\n", "x\r\n.\r\r\n", "x\r\n. \r\n"};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct scene *s = *state;

		text_clear(&s->said);
		s->wholes = 0;
		feed(s, BEGIN);
		text_clear(&s->said);
		feed(s, ends[i]);
		assert_int_equal(s->wholes, 0);
		assert_true(lmtp_is_in_data(s->lmtp));
		feed(s, "\r\n.\r\n");
		/* Bare line ends make it refused when its true end has come. */
		expect(s, strcmp(ends[i], "x\r\n. \r\n") == 0 ? "250 " : "554 ");
	}
}

static void
too_much_is_refused_when_its_end_has_come(void **state)
{
	struct scene *s = *state;

	feed(s, "LHLO mx\r\nMAIL FROM:<a@b.example> SIZE=1001\r\n");
	expect(s, "250 552 ");
	feed(s, BEGIN);
	for (int i = 0; i < 200; i++)
		feed(s, "0123456\r\n");
	assert_true(s->content.n <= MOST);
	text_clear(&s->said);
	feed(s, ".\r\n");
	expect(s, "552 ");
	assert_int_equal(s->wholes, 0);
	feed(s, BEGIN "x\r\n.\r\n");
	expect(s, "250 250 250 354 250 ");
}

static void
what_cannot_be_kept_is_asked_for_later(void **state)
{
	struct scene *s = *state;

	s->busy = true;
	feed(s, "LHLO mx\r\nMAIL FROM:<>\r\n");
	expect(s, "250 451 ");
	s->busy = false;
	s->full = true;
	feed(s, BEGIN "x\r\n.\r\n");
	expect(s, "250 250 250 354 451 ");
	assert_int_equal(s->dropped, 1);
}

static void
commands_out_of_turn_and_unknown_ones_are_refused(void **state)
{
	struct scene *s = *state;

	feed(s, "MAIL FROM:<a@b>\r\nEHLO mx\r\nHELO mx\r\nLHLO\r\n");
	expect(s, "503 500 500 501 ");
	feed(s, "LHLO mx\r\nDATA\r\nRCPT TO:<help@desk.example>\r\nFOO\r\nVRFY ann\r\n");
	expect(s, "250 503 503 500 252 ");
	feed(s, "MAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nDATA\r\n");
	expect(s, "250 503 250 503 ");
	feed(s, "MAIL FROM:a@b\r\nMAIL FROM:<a b@c>\r\nMAIL FROM:<a@b> X=1\r\n"
		"MAIL FROM:<\xc3\xbf@b>\r\nMAIL FROM:<\xc3\xbf@b> SMTPUTF8\r\n");
	expect(s, "501 501 555 553 250 ");
}

static void
errors_without_end_end_the_session(void **state)
{
	struct scene *s = *state;

	for (int i = 0; i < LMTP_ERRORS_MAX + 5; i++)
		feed(s, "FOO\r\n");
	assert_int_equal(s->ended, 1);
	assert_non_null(strstr(s->said.s, "421 "));
}

static void
what_is_not_lmtp_is_hung_up_on(void **state)
{
	struct scene *s = *state;

	feed(s, "POST / HTTP/1.1\r\nMAIL FROM:<a@a>\r\n");
	expect(s, "421 ");
	assert_int_equal(s->ended, 1);
}

static void
plain_text_behind_starttls_is_never_obeyed(void **state)
{
	struct scene *s = *state;

	feed(s, "LHLO mx\r\nSTARTTLS\r\nMAIL FROM:<a@b.example>\r\n");
	expect(s, "250 421 ");
	assert_string_equal(s->sender, "");
}

static void
lines_have_a_longest_length_and_no_control_characters(void **state)
{
	struct scene *s = *state;

	feed(s, "LHLO mx\r\nNOOP");
	for (int i = 0; i < LMTP_LINE_MAX; i++)
		feed(s, "x");
	feed(s, "\r\nNOOP\r\nNOOP \x01\r\nNOOP\n");
	expect(s, "250 500 250 500 500 ");
}

static void
paths_may_be_quoted_and_routed(void **state)
{
	struct scene *s = *state;

	feed(s, "LHLO mx\r\nMAIL FROM:<\"a > b\"@c.example>\r\n");
	expect(s, "250 250 ");
	assert_string_equal(s->sender, "\"a > b\"@c.example");
	feed(s, "RSET\r\nMAIL FROM:<@hop.example:a@c.example>\r\n");
	expect(s, "250 250 ");
	assert_string_equal(s->sender, "a@c.example");
	feed(s, "RCPT TO:<>\r\n");
	expect(s, "501 ");
}

static void
recipients_have_a_number_beyond_which_they_are_asked_for_later(void **state)
{
	struct scene *s = *state;

	feed(s, "LHLO mx\r\nMAIL FROM:<a@b.example>\r\n");
	for (int i = 0; i <= LMTP_RECIPIENTS_MAX; i++)
		feed(s, "RCPT TO:<help@desk.example>\r\n");
	assert_int_equal(s->recipients, LMTP_RECIPIENTS_MAX);
	assert_non_null(strstr(s->said.s, "452 "));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_mail_is_answered_for_each_recipient_in_their_order),
		CASE(what_is_sent_behind_a_mail_waits_for_its_answers),
		CASE(only_crlf_dot_crlf_ends_a_mail),
		CASE(too_much_is_refused_when_its_end_has_come),
		CASE(what_cannot_be_kept_is_asked_for_later),
		CASE(commands_out_of_turn_and_unknown_ones_are_refused),
		CASE(errors_without_end_end_the_session),
		CASE(what_is_not_lmtp_is_hung_up_on),
		CASE(plain_text_behind_starttls_is_never_obeyed),
		CASE(lines_have_a_longest_length_and_no_control_characters),
		CASE(paths_may_be_quoted_and_routed),
		CASE(recipients_have_a_number_beyond_which_they_are_asked_for_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
