/* The reader of the Asterisk Manager Interface: bounds, bad messages, any chunking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asterisk_bench.h"

/* Feeds bytes behind the greeting, then a caller who waits: what came before may not
 * keep him from being seen. Returns the reader's word on it; freed with the bench. */
static struct usher_switch_figures
after(const char *bytes, size_t n, size_t chunk)
{
	struct bench b;
	struct usher_switch_figures f;

	bench_start(&b, false);
	bench_receive_text(&b, GREETING);
	bench_receive(&b, bytes, n, chunk);
	bench_play(&b, "UserEvent|1|Uniqueid=c9|UserEvent=UsherWait\n");
	assert_string_equal(bench_told(&b), "1.000 waiting c9 - to -\n");
	f = bench_figures(&b);
	bench_stop(&b);
	return f;
}

static void
a_message_that_breaks_a_rule_is_refused_and_the_next_one_is_read(void **state)
{
	static const struct {
		const char *bytes, *problem;
		size_t n;
	} rows[] = {
#define ROW(bytes, problem) {bytes, problem, sizeof(bytes) - 1}
		ROW("Event: UserEvent\r\nno colon\r\n\r\n", "a line is not"),
		ROW("Event\nfoo\n\n", "a line is not"),
		ROW(": empty key\r\n\r\n", "a line is not"),
		ROW("Event: Hang\0up\r\n\r\n", "a line holds a NUL"),
		ROW("Event: UserEvent\r\nUserEvent: UsherWait\r\nCallerIDName: "
		    "Bob\r\nEvent: "
		    "Hangup\r\nUniqueid: 1\r\n\r\n",
			"in two ways"),
		ROW("Event: Hangup\r\nUniqueid: 1\r\nuniqueid: 2\r\n\r\n", "in two ways"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t chunk = 1; chunk < 9; chunk += 7) {
			struct usher_switch_figures f =
				after(rows[i].bytes, rows[i].n, chunk);

			assert_int_equal(f.refused, 1);
			assert_non_null(strstr(f.problem, rows[i].problem));
		}
	}
}

static void
lines_headers_and_messages_have_bounds(void **state)
{
	struct text bytes = {0};

	(void)state;
	/* The longest line is good, one byte more is not; neither at any chunk. */
	for (int more = 0; more < 2; more++) {
		text_clear(&bytes);
		text_add(&bytes, "Event: X\r\nKey: ");
		for (int i = 0; i < AMI_LINE_MAX - 5 + more; i++)
			text_add(&bytes, "v");
		text_add(&bytes, "\r\n\r\n");
		assert_int_equal(after(bytes.s, bytes.n, 1).refused, more);
		assert_int_equal(after(bytes.s, bytes.n, 8192).refused, more);
	}
	for (int more = 0; more < 2; more++) {
		text_clear(&bytes);
		for (int i = 0; i < AMI_HEADERS_MAX + more; i++)
			text_addf(&bytes, "Variable: %d\n", i);
		text_add(&bytes, "\n");
		assert_int_equal(after(bytes.s, bytes.n, 4096).refused, more);
	}
	/* Without an end it takes no more room than a message may. */
	text_clear(&bytes);
	for (int i = 0; i < 200; i++) {
		text_add(&bytes, "Variable: ");
		for (int k = 0; k < 8000; k++)
			text_add(&bytes, "v");
		text_add(&bytes, "\r\n");
	}
	text_add(&bytes, "\r\n");
	assert_true(bytes.n > 4 * AMI_MESSAGE_MAX);
	assert_int_equal(after(bytes.s, bytes.n, 4096).refused, 1);
	text_finish(&bytes);
}

static void
a_message_cut_off_at_its_bound_does_not_end_there(void **state)
{
	struct text bytes = {0};

	(void)state;
	/* Whatever byte is the one too many, also the CR of a line's end: what follows in
	 * the same message must not be read as a message of its own. */
	for (int k = 0; k < 12; k++) {
		text_clear(&bytes);
		while (bytes.n < AMI_MESSAGE_MAX - 4100)
			text_add(&bytes, "Variable: 0123456789012345678901234567890123456"
					 "789\r\n");
		text_add(&bytes, "Variable: ");
		while (bytes.n < AMI_MESSAGE_MAX - 6 + (size_t)k)
			text_add(&bytes, "v");
		text_add(&bytes, "\r\nEvent: UserEvent\r\nUserEvent: "
				 "UsherWait\r\nUniqueid: evil\r\n\r\n");
		assert_int_equal(after(bytes.s, bytes.n, 4096).refused, 1);
	}
	text_finish(&bytes);
}

static void
lines_may_end_without_cr_and_keys_may_have_any_case(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, false);
	bench_receive_text(&b,
		"Asterisk Call Manager/5.0\nEVENT: UserEvent\nuniqueid: c1\n"
		"Userevent: UsherWait\nANI:5550100\n\n\n\n");
	assert_string_equal(bench_told(&b), "waiting c1 5550100 to -\n");
	assert_int_equal(bench_figures(&b).refused, 0);
	bench_stop(&b);
}

static void
what_is_no_asterisk_is_refused_at_its_first_line(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, true);
	assert_false(adapter()->receive(b.link, "SSH-2.0-OpenSSH\r\n", 17));
	assert_non_null(strstr(bench_figures(&b).problem, "greeting"));
	assert_int_equal(b.sent.n, 0);
	bench_stop(&b);
}

static void
times_are_read_to_the_microsecond_or_not_at_all(void **state)
{
	(void)state;
	assert_true(ami_time_us("1795335025.462242") == INT64_C(1795335025462242));
	assert_true(ami_time_us("1795335025.4") == INT64_C(1795335025400000));
	assert_true(ami_time_us("1795335025") == INT64_C(1795335025000000));
	assert_true(ami_time_us("99999999999.9") == INT64_C(99999999999900000));
	assert_true(ami_time_us("999999999999.9") == 0);
	assert_true(ami_time_us("17953350251795335025.1") == 0);
	assert_true(ami_time_us("-1") == 0);
	assert_true(ami_time_us("1.2x") == 0);
	assert_true(ami_time_us("") == 0);
	assert_true(ami_time_us(NULL) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_message_that_breaks_a_rule_is_refused_and_the_next_one_is_read),
		cmocka_unit_test(lines_headers_and_messages_have_bounds),
		cmocka_unit_test(a_message_cut_off_at_its_bound_does_not_end_there),
		cmocka_unit_test(lines_may_end_without_cr_and_keys_may_have_any_case),
		cmocka_unit_test(what_is_no_asterisk_is_refused_at_its_first_line),
		cmocka_unit_test(times_are_read_to_the_microsecond_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
