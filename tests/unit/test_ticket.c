/* Customers' signed tokens: intake/ticket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intake/ticket.h"

#define NOW_MS INT64_C(1795340400000)

static const unsigned char secret[TICKET_SECRET] = "0123456789abcdef0123456789abcde";

static void
a_ticket_is_good_for_its_contact_until_it_expires(void **state)
{
	char ticket[TICKET_TEXT];

	ticket_make(secret, "c000000000001", NOW_MS + 60000, ticket);
	assert_true(ticket_looks_like_one(ticket));
	assert_true(ticket_is_valid(secret, "c000000000001", NOW_MS, ticket));
	assert_true(ticket_is_valid(secret, "c000000000001", NOW_MS + 59999, ticket));
	assert_false(ticket_is_valid(secret, "c000000000001", NOW_MS + 60000, ticket));
	assert_false(ticket_is_valid(secret, "c000000000002", NOW_MS, ticket));
	assert_false(ticket_is_valid(secret, "", NOW_MS, ticket));
}

static void
a_ticket_with_any_other_byte_is_none(void **state)
{
	char ticket[TICKET_TEXT];
	size_t n;

	ticket_make(secret, "c000000000001", NOW_MS + 60000, ticket);
	n = strlen(ticket);
	for (size_t i = 0; i < n; i++) {
		char was = ticket[i];

		ticket[i] = was == '1' ? '2' : '1';
		assert_false(ticket_is_valid(secret, "c000000000001", NOW_MS, ticket));
		ticket[i] = '\0'; /* cut off */
		assert_false(ticket_is_valid(secret, "c000000000001", NOW_MS, ticket));
		ticket[i] = was;
	}
	assert_true(ticket_is_valid(secret, "c000000000001", NOW_MS, ticket));
}

static void
a_ticket_of_another_secret_is_none(void **state)
{
	unsigned char other[TICKET_SECRET];
	char ticket[TICKET_TEXT];

	memcpy(other, secret, sizeof other);
	other[31] ^= 1;
	ticket_make(other, "c000000000001", NOW_MS + 60000, ticket);
	assert_false(ticket_is_valid(secret, "c000000000001", NOW_MS, ticket));
}

static void
what_has_not_its_form_is_no_ticket(void **state)
{
	static const char *const cases[] = {"", "v1.", "v1..", "v1.1.", "k1.secret",
		"v1.99999999999999999999."
		"0000000000000000000000000000000000000000000000000000000000000000",
		"v1.-1."
		"0000000000000000000000000000000000000000000000000000000000000000"};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_false(ticket_is_valid(secret, "c1", NOW_MS, cases[i]));
	assert_false(ticket_looks_like_one("k1.secret"));
}

static void
the_secret_is_made_once_and_kept_to_its_owner(void **state)
{
	unsigned char first[TICKET_SECRET], second[TICKET_SECRET];
	char file[64], error[256];
	struct stat st;

	snprintf(file, sizeof file, "test_ticket.%d.key", (int)getpid());
	assert_true(ticket_secret_load(file, first, error, sizeof error));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, TICKET_SECRET);
	assert_true(ticket_secret_load(file, second, error, sizeof error));
	assert_memory_equal(first, second, TICKET_SECRET);
	chmod(file, 0640);
	assert_false(ticket_secret_load(file, second, error, sizeof error));
	assert_non_null(strstr(error, "others can read it"));
	chmod(file, 0600);
	assert_int_equal(truncate(file, 31), 0);
	assert_false(ticket_secret_load(file, second, error, sizeof error));
	assert_non_null(strstr(error, "32 bytes"));
	unlink(file);
	assert_true(ticket_secret_load(file, second, error, sizeof error));
	assert_memory_not_equal(first, second, TICKET_SECRET);
	unlink(file);
	assert_false(ticket_secret_load("nowhere/at/all", second, error, sizeof error));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_is_good_for_its_contact_until_it_expires),
		cmocka_unit_test(a_ticket_with_any_other_byte_is_none),
		cmocka_unit_test(a_ticket_of_another_secret_is_none),
		cmocka_unit_test(what_has_not_its_form_is_no_ticket),
		cmocka_unit_test(the_secret_is_made_once_and_kept_to_its_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
