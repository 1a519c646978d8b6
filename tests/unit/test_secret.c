/* tests/unit/test_secret.c - files with secrets: whose they are and what they hold. */
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

#include "base/secret.h"

#define ERROR_MAX 300

static char path[64];

static int
path_begin(void **state)
{
	snprintf(path, sizeof path, "test_secret.%d", (int)getpid());
	return 0;
}

static int
path_end(void **state)
{
	return unlink(path);
}

static void
hold(const char *text, size_t n, mode_t mode)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, n, out), n);
	fclose(out);
	chmod(path, mode);
}

static void
refuses(const char *words)
{
	char error[ERROR_MAX] = "";

	assert_null(secret_read(path, error, sizeof error));
	if (strstr(error, words) == NULL || strstr(error, path) == NULL)
		fail_msg("wanted %s, got %s", words, error);
}

static void
gives(const char *expected)
{
	char error[ERROR_MAX] = "", *secret = secret_read(path, error, sizeof error);

	assert_string_equal(error, "");
	assert_string_equal(secret, expected);
	secret_free(secret);
}

static void
the_first_line_is_the_secret(void **state)
{
	static const char *const texts[] = {
		"pass word", "pass word\n", "pass word\r\n", "pass word\nmore\n"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		hold(texts[i], strlen(texts[i]), 0600);
		gives("pass word");
	}
	secret_free(NULL);
}

static void
others_must_not_read_it(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0601};

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		hold("word\n", 5, modes[i]);
		refuses("run: chmod 600");
	}
	hold("word\n", 5, 0400);
	gives("word");
}

static void
it_has_bounds(void **state)
{
	char *longest = xcalloc(1, SECRET_BYTES_MAX + 2);

	hold("", 0, 0600);
	refuses("as its first line, of 1 to");
	hold("\nword\n", 6, 0600);
	refuses("as its first line");
	hold("\0word\n", 6, 0600);
	refuses("as its first line");
	memset(longest, 'x', SECRET_BYTES_MAX);
	hold(longest, SECRET_BYTES_MAX, 0600);
	gives(longest);
	longest[SECRET_BYTES_MAX] = 'x';
	hold(longest, SECRET_BYTES_MAX + 1, 0600);
	refuses("as its first line");
	free(longest);
}

static void
what_is_not_there_is_said(void **state)
{
	char error[ERROR_MAX] = "";

	hold("", 0, 0600);
	assert_null(secret_read("/nonexistent/secret", error, sizeof error));
	assert_string_equal(
		error, "cannot read /nonexistent/secret: No such file or directory");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, path_begin, path_end)
		TEST(the_first_line_is_the_secret),
		TEST(others_must_not_read_it),
		TEST(it_has_bounds),
		TEST(what_is_not_there_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
