/* The audit's chain: base/audit. Files in a folder of its own under the temporary one. */
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

#include "base/audit.h"
#include "base/text.h"

static char folder[] = "/tmp/usher-audit-XXXXXX";

static char *
file_path(int number)
{
	return xasprintf("%s/audit/%06d.jsonl", folder, number);
}

static int
begin(void **state)
{
	strcpy(strrchr(folder, '-'), "-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
end(void **state)
{
	char *path = xasprintf("rm -rf %s", folder);
	int status = system(path);

	free(path);
	return status;
}

static void
write_some(int n)
{
	struct audit_log *log = audit_open(folder);

	assert_non_null(log);
	for (int i = 0; i < n; i++) {
		struct audit_act act = {.who = "ann",
			.role = "supervisor",
			.from = "127.0.0.1",
			.what = "contact.move",
			.object = "c000000000001",
			.outcome = "done"};

		assert_true(audit_write(log, &act, INT64_C(1790000000000) + i));
	}
	audit_close(log);
}

/* The whole of a file; the caller frees it. */
static char *
content(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	char *text = xcalloc(1, 1 << 20);

	assert_non_null(f);
	*n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

static void
put_content(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void
the_chain_holds_over_openings(void **state)
{
	struct audit_report report;
	struct stat st;
	char *path = file_path(1);

	write_some(3);
	write_some(2);
	assert_true(audit_verify(folder, NULL, NULL, NULL, &report));
	assert_string_equal(report.wrong, "");
	assert_int_equal(report.records, 5);
	assert_int_equal(report.last, 5);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(path);
}

static void
a_second_writer_is_refused(void **state)
{
	struct audit_log *log = audit_open(folder);

	assert_non_null(log);
	assert_null(audit_open(folder));
	audit_close(log);
}

/* Each byte of the file, changed or cut out, is noticed. */
static void
any_change_is_noticed(void **state)
{
	struct audit_report report;
	char *path = file_path(1), *text;
	size_t n;

	write_some(4);
	text = content(path, &n);
	for (size_t i = 0; i < n; i += 3) {
		char old = text[i];

		text[i] = old == 'x' ? 'y' : 'x';
		put_content(path, text, n);
		text[i] = old;
		assert_true(audit_verify(folder, NULL, NULL, NULL, &report));
		/* The last line end alone may go: the record before it stands. */
		if (report.wrong[0] == '\0' && i < n - 1)
			fail_msg("byte %zu was changed unnoticed", i);
	}
	free(text);
	free(path);
}

static void
a_record_taken_out_is_noticed_and_a_cut_end_by_its_anchor(void **state)
{
	struct audit_report report;
	char *path = file_path(1), *text, *second, *third, head[AUDIT_HASH];
	size_t n;

	write_some(4);
	assert_true(audit_verify(folder, NULL, NULL, NULL, &report));
	strcpy(head, report.head);
	text = content(path, &n);
	second = strchr(text, '\n') + 1;
	third = strchr(second, '\n') + 1;
	put_content(path, text, (size_t)(third - text));
	assert_true(audit_verify(folder, NULL, NULL, NULL, &report));
	assert_string_equal(report.wrong, "");
	assert_true(audit_verify(folder, head, NULL, NULL, &report));
	assert_non_null(strstr(report.wrong, "not in the chain"));
	memmove(second, third, n - (size_t)(third - text) + 1);
	put_content(path, text, n - (size_t)(third - second));
	assert_true(audit_verify(folder, NULL, NULL, NULL, &report));
	assert_non_null(strstr(report.wrong, "000001.jsonl:2"));
	free(text);
	free(path);
}

/* A crash may cut a line anywhere; the next opening closes it. */
static void
a_line_cut_off_by_a_crash_is_closed(void **state)
{
	struct audit_report report;
	char *path = file_path(1), *text;
	size_t n, last;

	write_some(3);
	text = content(path, &n);
	last = n - 1;
	while (text[last - 1] != '\n')
		last--;
	for (size_t cut = last + 1; cut < n - 1; cut += 29) {
		put_content(path, text, cut);
		write_some(1);
		assert_true(audit_verify(folder, NULL, NULL, NULL, &report));
		assert_string_equal(report.wrong, "");
		assert_int_equal(report.torn, 1);
		assert_int_equal(report.records, 4);
	}
	free(text);
	free(path);
}

static void
count(void *owner, json_t *record)
{
	++*(int *)owner;
	assert_non_null(json_object_get(record, "hash"));
}

static void
long_and_odd_text_is_cut_and_escaped(void **state)
{
	struct audit_log *log = audit_open(folder);
	struct audit_report report;
	char *text = xcalloc(1, 5000);
	struct audit_act act = {.who = "a\nb\"c",
		.what = text,
		.detail = "\xff\xfe",
		.outcome = "refused"};
	int n = 0;

	memset(text, 'e', 4999);
	memcpy(text + AUDIT_TEXT_MAX - 1, "\xc3\xbc", 2);
	assert_true(audit_write(log, &act, 0));
	audit_close(log);
	assert_true(audit_verify(folder, NULL, count, &n, &report));
	assert_string_equal(report.wrong, "");
	assert_int_equal(n, 1);
	free(text);
}

static void
a_file_goes_on_from_the_one_before(void **state)
{
	struct audit_report report;
	char *path = file_path(1);

	write_some(2);
	free(path);
	path = file_path(2);
	put_content(path, "", 0);
	chmod(path, 0600);
	write_some(2);
	assert_true(audit_verify(folder, NULL, NULL, NULL, &report));
	assert_string_equal(report.wrong, "");
	assert_int_equal(report.files, 2);
	assert_int_equal(report.records, 4);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_chain_holds_over_openings, begin, end),
		cmocka_unit_test_setup_teardown(a_second_writer_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(any_change_is_noticed, begin, end),
		cmocka_unit_test_setup_teardown(
			a_record_taken_out_is_noticed_and_a_cut_end_by_its_anchor, begin,
			end),
		cmocka_unit_test_setup_teardown(
			a_line_cut_off_by_a_crash_is_closed, begin, end),
		cmocka_unit_test_setup_teardown(
			long_and_odd_text_is_cut_and_escaped, begin, end),
		cmocka_unit_test_setup_teardown(
			a_file_goes_on_from_the_one_before, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
