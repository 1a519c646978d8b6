/* tests/unit/test_redis_address.c - addresses of Redis, and when a password is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/redis_address.h"

static void
good_addresses_are_read(void **state)
{
	static const struct {
		const char *text, *path, *host, *user;
		int port;
		bool tls, local;
	} cases[] = {
		{"unix:/run/redis.sock", "/run/redis.sock", NULL, NULL, 0, false, true},
		{"redis://127.0.0.1", NULL, "127.0.0.1", NULL, 6379, false, true},
		{"redis://localhost:7000", NULL, "localhost", NULL, 7000, false, true},
		{"redis://127.8.9.1:1", NULL, "127.8.9.1", NULL, 1, false, true},
		{"redis://[::1]:65535/", NULL, "::1", NULL, 65535, false, true},
		{"redis://[2001:db8::7]", NULL, "2001:db8::7", NULL, 6379, false, false},
		{"redis://ann@db.example:6380/0", NULL, "db.example", "ann", 6380, false,
			false},
		{"rediss://db.example", NULL, "db.example", NULL, 6379, true, false},
		{"redis://128.0.0.1", NULL, "128.0.0.1", NULL, 6379, false, false},
		{"redis://localhost.example", NULL, "localhost.example", NULL, 6379,
			false, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rlink_address a;
		char error[300];

		if (!rlink_address_parse(cases[i].text, &a, error, sizeof error))
			fail_msg("%s: %s", cases[i].text, error);
		assert_string_equal(a.text, cases[i].text);
		if (cases[i].path != NULL) {
			assert_string_equal(a.path, cases[i].path);
		} else {
			assert_string_equal(a.host, cases[i].host);
			assert_int_equal(a.port, cases[i].port);
		}
		if (cases[i].user != NULL)
			assert_string_equal(a.user, cases[i].user);
		else
			assert_null(a.user);
		assert_int_equal(a.tls, cases[i].tls);
		assert_int_equal(rlink_address_is_local(&a), cases[i].local);
		rlink_address_finish(&a);
	}
}

static void
bad_addresses_are_refused_with_advice(void **state)
{
	static const struct {
		const char *text, *advice;
	} cases[] = {
		{"", "write managed"},
		{"localhost:6379", "write managed"},
		{"unix:redis.sock", "must begin with /"},
		{"unix:", "must begin with /"},
		{"redis://", "write redis://host:port"},
		{"redis://:6379", "write redis://host:port"},
		{"redis://host:", "write redis://host:port"},
		{"redis://host:0", "write redis://host:port"},
		{"redis://host:65536", "write redis://host:port"},
		{"redis://host:12x", "write redis://host:port"},
		{"redis://[::1", "write redis://host:port"},
		{"redis://[::1]x", "write redis://host:port"},
		{"redis://host/3", "database 0"},
		{"redis://:secret@host", "redis_password_file"},
		{"redis://ann:secret@host:1", "redis_password_file"},
		{"sentinel://name@h1:1,h2:2", "redis://host:port"},
	};
	char error[300], longest[400] = "unix:/";

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rlink_address a;

		if (rlink_address_parse(cases[i].text, &a, error, sizeof error))
			fail_msg("%s was read", cases[i].text);
		assert_null(a.text);
		if (strstr(error, cases[i].advice) == NULL)
			fail_msg("%s: %s", cases[i].text, error);
		assert_null(strstr(error, "secret"));
	}
	memset(longest + 6, 'a', REDIS_PATH_MAX - 1);
	for (int more = 0; more <= 1; more++) {
		struct rlink_address a;

		longest[5 + REDIS_PATH_MAX + more] = '\0';
		if (more)
			longest[5 + REDIS_PATH_MAX] = 'a';
		assert_int_equal(
			rlink_address_parse(longest, &a, error, sizeof error), !more);
		rlink_address_finish(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_addresses_are_read),
		cmocka_unit_test(bad_addresses_are_refused_with_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
