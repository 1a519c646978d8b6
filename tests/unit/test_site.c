/* The pages as they are served: web/site. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "web/site.h"

static const char *
field(const struct http_reply *reply, const char *name)
{
	for (int i = 0; i < reply->n_fields; i++)
		if (strcmp(reply->fields[i].name, name) == 0)
			return reply->fields[i].value;
	return NULL;
}

static void
every_file_is_found_by_its_path_and_only_so(void **state)
{
	assert_true(site_n_files > 0);
	for (size_t i = 0; i < site_n_files; i++) {
		assert_ptr_equal(site_find(site_files[i].path), &site_files[i]);
		if (i > 0)
			assert_true(
				strcmp(site_files[i - 1].path, site_files[i].path) < 0);
	}
	assert_non_null(site_find("/"));
	assert_non_null(site_find("/web/base.css"));
	assert_null(site_find("/web/"));
	assert_null(site_find("/web/site.c"));
	assert_null(site_find("/web/package.json"));
	assert_null(site_find("/index.html"));
}

static void
the_gzip_form_goes_to_those_who_take_it(void **state)
{
	static const struct {
		const char *accept;
		bool gzip;
	} rows[] = {
		{"gzip", true},
		{"br, gzip;q=0.5", true},
		{"GZIP", true},
		{"deflate , gzip", true},
		{"gzip;q=0", false},
		{"gzip;q=0.000", false},
		{"xgzip", false},
		{"gzipped", false},
		{"br", false},
		{"", false},
		{",,,", false},
		{"*", false},
		{NULL, false},
	};
	const struct site_file *file = site_find("/web/base.css");

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct http_reply reply;
		const char *coding;

		site_reply(file, rows[i].accept, NULL, NULL, false, &reply);
		coding = field(&reply, "content-encoding");
		assert_int_equal(coding != NULL, rows[i].gzip);
		assert_int_equal(reply.n_body, rows[i].gzip ? file->n_gzip : file->n_raw);
		assert_string_equal(field(&reply, "vary"), "accept-encoding");
	}
	/* What the gzip form begins with: RFC 1952, 2.3.1. */
	assert_memory_equal(file->gzip, "\x1f\x8b\x08", 3);
}

static void
who_has_the_same_version_gets_no_body(void **state)
{
	const struct site_file *file = site_find("/");
	char list[200];
	struct http_reply reply;

	snprintf(list, sizeof list, "\"other\", W/%s", file->etag);
	site_reply(file, "gzip", list, NULL, false, &reply);
	assert_int_equal(reply.status, 304);
	assert_int_equal(reply.n_body, 0);
	assert_null(field(&reply, "content-encoding"));
	assert_string_equal(field(&reply, "etag"), file->etag);
	site_reply(file, NULL, "*", NULL, false, &reply);
	assert_int_equal(reply.status, 304);
	site_reply(file, NULL, "\"other\"", NULL, false, &reply);
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.n_body, file->n_raw);
}

static void
pages_may_do_what_the_policy_says_and_no_more(void **state)
{
	const struct site_file *file = site_find("/");
	struct http_reply reply;

	site_reply(file, NULL, NULL, NULL, false, &reply);
	assert_string_equal(field(&reply, "content-security-policy"), SITE_POLICY);
	assert_null(strstr(SITE_POLICY, "unsafe"));
	assert_null(field(&reply, "cross-origin-resource-policy"));
	site_reply(file, NULL, NULL, "default-src 'self'", true, &reply);
	assert_string_equal(
		field(&reply, "content-security-policy"), "default-src 'self'");
	assert_string_equal(
		field(&reply, "cross-origin-resource-policy"), "cross-origin");
}

/* A policy without 'unsafe-inline' stops them; so none may be written. */
static void
no_page_has_an_inline_script_or_style(void **state)
{
	for (size_t i = 0; i < site_n_files; i++) {
		const char *text = (const char *)site_files[i].raw;

		if (strncmp(site_files[i].type, "text/html", 9) != 0)
			continue;
		for (const char *at = text; (at = strstr(at, "<script")) != NULL; at++) {
			const char *end = strchr(at, '>');

			assert_non_null(end);
			assert_non_null(memmem(at, (size_t)(end - at), "src=\"/", 6));
			assert_int_equal(strncmp(end, "></script>", 10), 0);
		}
		assert_null(strstr(text, "<style"));
		assert_null(strstr(text, " style="));
		assert_null(strstr(text, " onclick="));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_file_is_found_by_its_path_and_only_so),
		cmocka_unit_test(the_gzip_form_goes_to_those_who_take_it),
		cmocka_unit_test(who_has_the_same_version_gets_no_body),
		cmocka_unit_test(pages_may_do_what_the_policy_says_and_no_more),
		cmocka_unit_test(no_page_has_an_inline_script_or_style),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
