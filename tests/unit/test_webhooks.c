/* Which addresses a webhook may ask: history/webhooks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "history/webhooks.h"

static void
addresses_that_are_not_public_are_known(void **state)
{
	static const struct {
		const char *address;
		bool is_public;
	} cases[] = {{"93.184.216.34", true}, {"8.8.8.8", true}, {"172.32.0.1", true},
		{"127.0.0.1", false}, {"10.1.2.3", false}, {"172.16.0.1", false},
		{"172.31.255.255", false}, {"192.168.1.1", false},
		{"169.254.169.254", false}, {"100.64.0.1", false}, {"0.0.0.0", false},
		{"224.0.0.1", false}, {"255.255.255.255", false}, {"198.18.0.1", false},
		{"::1", false}, {"::", false}, {"fe80::1", false}, {"fc00::1", false},
		{"fd12::1", false}, {"ff02::1", false}, {"::ffff:127.0.0.1", false},
		{"::ffff:8.8.8.8", true}, {"::7f00:1", false}, {"64:ff9b::7f00:1", false},
		{"64:ff9b::808:808", true}, {"2002:7f00:1::", false},
		{"2002:808:808::", true}, {"2001:db8::1", false},
		{"2606:2800:220:1:248:1893:25c8:1946", true}, {"localhost", false},
		{"", false}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (webhook_address_is_public(cases[i].address) != cases[i].is_public)
			fail_msg("%s", cases[i].address);
}

static void
addresses_are_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *url;
		bool is_private, good;
	} cases[] = {{"https://example.org/hook", false, true},
		{"https://example.org:8443/a?b=c", false, true},
		{"http://example.org/", false, false},
		{"http://127.0.0.1:80/", true, true},
		{"https://me:secret@example.org/", false, false},
		{"file:///etc/passwd", true, false},
		{"gopher://example.org/", true, false}, {"example", false, false},
		{"", false, false}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if ((webhook_url_fault(cases[i].url, cases[i].is_private) == NULL) !=
			cases[i].good)
			fail_msg("%s", cases[i].url);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_that_are_not_public_are_known),
		cmocka_unit_test(addresses_are_refused_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
