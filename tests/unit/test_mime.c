/* Mails taken apart and judged: intake/mime*, intake/mail_judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>

#include "intake/mail_judge.h"
#include "intake/mail_work.h"
#include "intake/mime_html.h"
#include "intake/mime_text.h"
#include "shared_data.h"

static const char *const own[] = {"help@desk.example"};
static const char *const servers[] = {"mx.desk.example"};
static const struct mail_us us = {1, own, 1, servers};

struct seen {
	struct mime mime;
	struct mail mail;
	struct text whole;
};

static void
understand(struct seen *s, const char *raw, const char *sender)
{
	*s = (struct seen){0};
	mail_understand(raw, strlen(raw), sender, &us, &s->mime, &s->mail, &s->whole);
}

static void
forget(struct seen *s)
{
	mime_finish(&s->mime);
	mail_finish(&s->mail);
	text_finish(&s->whole);
}

#define HEAD                                                                             \
	"From: =?iso-8859-1?q?J=FCrgen?= <j@cust.example>\r\nTo: Help "                  \
	"<help@desk.example>\r\n"                                                        \
	"Message-ID: <m1@cust.example>\r\n"

/* ---- head ---- */

static void
a_head_is_decoded(void **state)
{
	struct seen s;

	understand(&s,
		HEAD "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
		     " =?utf-8?q?_aus?=\r\nCc: a@X.Example, Team: b@y.example, "
		     "c@y.example;\r\n"
		     "Reply-To: other@cust.example\r\nIn-Reply-To: <c1@desk.example>\r\n"
		     "References: <c0@desk.example> <c1@desk.example>\r\n"
		     "Date: Sun, 22 Nov 2026 10:00:00 +0100\r\n\r\nHi\r\n",
		"j@cust.example");
	assert_string_equal(s.mail.from.name, "J\xc3\xbcrgen");
	assert_string_equal(s.mail.from.address, "j@cust.example");
	assert_string_equal(s.mail.subject, "Gr\xc3\xbc\xc3\x9f"
					    "e aus");
	assert_int_equal(s.mail.cc.n, 3);
	assert_string_equal(s.mail.cc.list[0].address, "a@x.example");
	assert_string_equal(mail_answer_address(&s.mail), "other@cust.example");
	assert_int_equal(s.mail.references.n, 2);
	assert_string_equal(s.mail.in_reply_to.list[0], "c1@desk.example");
	assert_int_equal(s.mail.date_ms, 1795338000000);
	assert_true(s.mail.to_us);
	assert_int_equal(s.mail.automatic, MAIL_BY_PERSON);
	forget(&s);
}

static void
a_mail_without_a_name_is_named_by_its_bytes(void **state)
{
	struct seen a, b, c;

	understand(&a, "From: a@x.example\r\n\r\none\r\n", "a@x.example");
	understand(&b, "From: a@x.example\r\n\r\none\r\n", "a@x.example");
	understand(&c, "From: a@x.example\r\n\r\ntwo\r\n", "a@x.example");
	assert_string_equal(a.mail.message_id, b.mail.message_id);
	assert_string_not_equal(a.mail.message_id, c.mail.message_id);
	forget(&a);
	forget(&b);
	forget(&c);
	understand(&a, "Message-ID: <with blank@x>\r\n\r\n", "");
	assert_non_null(strstr(a.mail.message_id, "@unusual.invalid"));
	forget(&a);
	understand(&a, "Message-ID: <never closed\r\n\r\n", "");
	assert_null(strpbrk(a.mail.message_id, "<> "));
	forget(&a);
	understand(&a, "", NULL);
	assert_non_null(strstr(a.mail.message_id, "@missing.invalid"));
	assert_string_equal(a.mail.text, "");
	forget(&a);
}

static void
the_first_of_two_senders_counts_and_neither_is_proven(void **state)
{
	struct seen s;

	understand(&s,
		"Authentication-Results: mx.desk.example; dmarc=pass\r\nFrom: "
		"a@x.example\r\n"
		"From: b@y.example\r\n\r\n",
		"a@x.example");
	assert_string_equal(s.mail.from.address, "a@x.example");
	assert_int_equal(s.mail.proven, MAIL_FAIL);
	forget(&s);
}

static void
only_our_own_border_is_believed(void **state)
{
	static const struct {
		const char *field;
		enum mail_proof proven;
	} cases[] = {{"mx.desk.example; spf=pass smtp.mailfrom=x; dkim=fail", MAIL_PASS},
		{"mx.desk.example; dmarc=fail; spf=pass", MAIL_FAIL},
		{"mx.desk.example; spf=fail", MAIL_FAIL},
		{"mx.desk.example; spf=none", MAIL_UNPROVEN},
		{"mx.evil.example; dmarc=pass", MAIL_UNPROVEN}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *raw = xasprintf(
			"Authentication-Results: %s\r\n" HEAD "\r\n", cases[i].field);
		struct seen s;

		understand(&s, raw, "j@cust.example");
		assert_int_equal(s.mail.proven, cases[i].proven);
		forget(&s);
		free(raw);
	}
}

/* ---- parts ---- */

static void
plain_text_is_preferred_and_files_are_listed_with_their_bare_names(void **state)
{
	struct seen s;

	understand(&s,
		HEAD
		"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: text/plain; charset=iso-8859-15\r\n\r\nF\xfcr 5 "
		"\xa4\r\n"
		"--b\r\nContent-Type: text/html\r\n\r\n<p>other</p>\r\n--b--\r\n"
		"--a\r\nContent-Type: application/pdf; name=x.pdf\r\n"
		"Content-Disposition: attachment; "
		"filename=\"../../etc/\xe2\x80\xaesc.pdf\"\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--a--\r\n",
		"j@cust.example");
	assert_string_equal(s.mail.text, "F\xc3\xbcr 5 \xe2\x82\xac\n");
	assert_false(s.mail.html);
	assert_int_equal(s.mime.n_parts, 3);
	assert_string_equal(s.mime.part[2].name, "sc.pdf");
	assert_int_equal(s.mime.part[2].n, 5);
	assert_memory_equal(s.mime.part[2].data, "%PDF-", 5);
	forget(&s);
}

static void
an_empty_plain_part_gives_way_to_html(void **state)
{
	struct seen s;

	understand(&s,
		HEAD
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: text/plain\r\n\r\n \r\n"
		"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
		"<style>p{}</style><p>Hello<br>there</p><blockquote>old</blockquote>\r\n"
		"--b--\r\n",
		"j@cust.example");
	assert_string_equal(s.mail.text, "Hello\nthere\n");
	assert_string_equal(s.mail.rest, "> old\n");
	assert_true(s.mail.html);
	forget(&s);
}

static void
what_has_no_shape_is_text(void **state)
{
	static const char *const raws[] = {"Just words.\r\nNo head.\r\n",
		"Content-Type: multipart/mixed\r\n\r\nJust words.\r\nNo head.\r\n",
		("Content-Type: multipart/mixed; boundary=b\r\n\r\nJust words.\r\nNo "
		 "head.\r\n"),
		" \r\n\r\nSubject: x\r\n\r\nJust words.\r\nNo head.\r\n"};
	struct seen s;

	for (size_t i = 0; i < sizeof raws / sizeof raws[0]; i++) {
		understand(&s, raws[i], "a@x.example");
		assert_string_equal(s.mail.text, "Just words.\nNo head.\n");
		forget(&s);
	}
	understand(&s,
		"Subject: =?utf-8?B?TXlTdXJ2ZXk=?=\r\n =?utf-8?B?LmNvbQ==?= "
		"Fr\xf6sche\r\n\r\n",
		"a@x.example");
	assert_string_equal(s.mail.subject, "MySurvey.com Fr\xc3\xb6sche");
	forget(&s);
}

static void
card_data_is_taken_out_everywhere_before_anything_is_kept(void **state)
{
	struct seen s;

	understand(&s,
		HEAD "Subject: =?utf-8?q?4111_1111_1111_1111?=\r\n"
		     "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		     "--b\r\n\r\nmy card 5555-5555-5555-4444\r\n"
		     "--b\r\nContent-Type: text/csv; name=c.csv\r\n"
		     "Content-Transfer-Encoding: base64\r\n\r\n"
		     "NDExMTExMTExMTExMTExMQo=\r\n--b--\r\n",
		"j@cust.example");
	assert_int_equal(s.mail.redacted, 3);
	assert_null(strstr(s.mail.subject, "1111 1111"));
	assert_null(strstr(s.mail.text, "5555-5555"));
	assert_null(strstr(s.mime.part[1].data, "41111111"));
	forget(&s);
}

static void
nesting_without_end_is_one_opaque_file(void **state)
{
	struct text t = {0};
	struct seen s;

	text_add(&t, HEAD);
	for (int i = 0; i < 100; i++)
		text_addf(&t,
			"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i,
			i);
	text_add(&t, "\r\ndeep\r\n");
	understand(&s, t.s, "j@cust.example");
	assert_true(s.mime.cut);
	assert_int_equal(s.mime.n_parts, 1);
	assert_string_equal(s.mime.part[0].type, "application/octet-stream");
	forget(&s);
	text_finish(&t);
}

/* ---- text ---- */

static void
charsets_are_what_they_say_or_what_the_bytes_show(void **state)
{
	static const struct {
		const char *charset, *bytes, *text;
	} cases[] = {{"iso-8859-1", "\x80uro", "\xe2\x82\xacuro"},
		{NULL, "\xc3\xbc", "\xc3\xbc"}, {NULL, "\xfc", "\xc3\xbc"},
		{"utf-8", "\xfc", "\xfc"}, {"no-such", "\xfc", "\xc3\xbc"},
		{"us-ascii", "\xc3\xbc", "\xc3\xbc"},
		{"shift_jis", "\x82\xa0", "\xe3\x81\x82"}, {"koi8-r", "\xd0", "\xd0\xbf"},
		{"utf-7", "+ADw-script+AD4-", "+ADw-script+AD4-"},
		{"iso-2022-jp", "\x1b$B$\"\x1b(B", "\xe3\x81\x82"}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text t = {0};

		mime_decode(&t, cases[i].charset, cases[i].bytes, strlen(cases[i].bytes));
		assert_string_equal(t.s, cases[i].text);
		text_finish(&t);
	}
}

static void
text_is_cleaned_of_what_is_no_text(void **state)
{
	static const char dirty[] = "a\r\nb\rc\nd\x01\x1b[1m\t\xff\xe2\x80\xa8"
				    "e\xc2\x9b\xef\xbb\xbf";
	struct text t = {0};
	char *line;

	assert_true(mime_clean(&t, dirty, sizeof dirty - 1, 1000));
	assert_string_equal(t.s, "a\nb\nc\nd[1m\t\xef\xbf\xbd\ne");
	text_clear(&t);
	assert_false(mime_clean(&t, "0123456789", 10, 8));
	assert_true(t.n <= 8);
	line = mime_clean_line("  a\r\n b\xe2\x80\xae"
			       "c ",
		100);
	assert_string_equal(line, "a  bc");
	free(line);
	text_finish(&t);
}

static void
flowed_lines_are_joined(void **state)
{
	struct text t = {0};

	mime_unflow(&t, "one \ntwo\n> old \n> quote\n-- \nme\n from\n", false);
	assert_string_equal(t.s, "one two\n> old quote\n-- \nme\nfrom\n");
	text_finish(&t);
}

static void
html_is_read_and_nothing_of_it_is_shown(void **state)
{
	struct text t = {0};
	static const char html[] =
		"<html><head><title>x</title><script>alert(1)</script></head><body>"
		"<div>One &amp; "
		"<b>two</b></div><div>three<ul><li>a</li><li>b</li></ul></div>"
		"<pre>x\n  y</pre><table><tr><td>1</td><td>2</td></tr></table>"
		"<div class=\"gmail_quote\">On 1 May Ann "
		"wrote:<blockquote>old</blockquote></div>"
		"<img src=x onerror=alert(1)>end";
	char *charset;

	mime_html(&t, html, sizeof html - 1);
	assert_string_equal(t.s, "One & two\nthree\n- a\n- b\nx\n  y\n1 2\n"
				 "> On 1 May Ann wrote:\n>> old\nend\n");
	text_clear(&t);
	for (int i = 0; i < 20000; i++)
		text_add(&t, "<div>");
	{
		struct text deep = {0};

		mime_html(&deep, t.s, t.n);
		text_finish(&deep);
	}
	text_finish(&t);
	charset = mime_html_charset("<meta charset=\"koi8-r\">", 23);
	assert_string_equal(charset, "koi8-r");
	free(charset);
	assert_null(mime_html_charset("<p>", 3));
}

/* ---- judged ---- */

static void
bounces_name_what_came_back(void **state)
{
	struct seen s;

	understand(&s,
		"From: MAILER-DAEMON@mx.example\r\nTo: help@desk.example\r\n"
		"Content-Type: multipart/report; report-type=delivery-status; "
		"boundary=b\r\n\r\n"
		"--b\r\n\r\nIt did not work.\r\n"
		"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
		"Reporting-MTA: dns; mx.example\r\n\r\n"
		"Final-Recipient: rfc822; ann@cust.example\r\nStatus: 5.1.1\r\n"
		"Diagnostic-Code: smtp; 550 no such\r\n user\r\n"
		"--b\r\nContent-Type: message/rfc822\r\n\r\n"
		"From: help@desk.example\r\nMessage-ID: "
		"<c1.x@desk.example>\r\n\r\nHi\r\n--b--\r\n",
		"");
	assert_int_equal(s.mail.automatic, MAIL_BOUNCE);
	assert_string_equal(s.mail.bounce.of, "c1.x@desk.example");
	assert_string_equal(s.mail.bounce.recipient, "ann@cust.example");
	assert_string_equal(s.mail.bounce.status, "5.1.1");
	assert_string_equal(s.mail.bounce.said, "550 no such user");
	forget(&s);
}

static char *
lines_of(const json_t *fields)
{
	struct text t = {0};
	const json_t *one;
	size_t i;

	json_array_foreach(fields, i, one)
	{
		text_addf(&t, "%s: %s\r\n", json_string_value(json_array_get(one, 0)),
			json_string_value(json_array_get(one, 1)));
	}
	text_add(&t, "\r\nHello\r\n");
	return text_take(&t);
}

/* ../shared/data/bad/own/autoreply.jsonl: who may be answered automatically. */
static void
machines_are_told_from_people_as_the_corpus_says(void **state)
{
	char *path = shared_path("bad/own/autoreply.jsonl"), *all, *rest, *line;
	size_t n;
	int seen = 0;

	if (path == NULL)
		return;
	all = rest = read_whole(path, &n);
	while ((line = strsep(&rest, "\n")) != NULL) {
		json_t *one = json_loads(line, 0, NULL);
		const char *wanted = json_string_value(json_object_get(one, "expect"));
		bool person;
		struct seen s;
		char *raw;

		if (json_object_get(one, "headers") == NULL) {
			json_decref(one);
			continue; /* sequences: tests of the whole daemon */
		}
		raw = lines_of(json_object_get(one, "headers"));
		understand(&s, raw,
			json_string_value(json_object_get(one, "envelope_from")));
		person = s.mail.automatic == MAIL_BY_PERSON && s.mail.to_us;
		if (person != (strcmp(wanted, "may-reply") == 0))
			fail_msg("%s: %s", json_string_value(json_object_get(one, "id")),
				s.mail.automatic_why != NULL ? s.mail.automatic_why
							     : "person");
		seen++;
		forget(&s);
		free(raw);
		json_decref(one);
	}
	assert_true(seen > 20);
	free(all);
	free(path);
}

/* Real bounces, without their envelope. */
static void
real_bounces_are_never_taken_for_people(void **state)
{
	char *folder = shared_path("bad/third-party/bounce");
	DIR *d = folder != NULL ? opendir(folder) : NULL;
	const struct dirent *e;
	int n = 0, wrong = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char *path = xasprintf("%s/%s", folder, e->d_name), *raw;
		size_t size = 0;
		struct seen s = {0};

		if (e->d_name[0] == '.' || (raw = read_whole(path, &size)) == NULL) {
			free(path);
			continue;
		}
		mail_understand(raw, size, NULL, &us, &s.mime, &s.mail, &s.whole);
		n++;
		if (s.mail.automatic == MAIL_BY_PERSON) {
			wrong++;
			fprintf(stderr, "%s is taken for a person's: from %s, \"%s\"\n",
				e->d_name, s.mail.from.address, s.mail.subject);
		}
		forget(&s);
		free(raw);
		free(path);
	}
	if (d != NULL)
		closedir(d);
	free(folder);
	assert_int_equal(wrong, 0);
	assert_true(n == 0 || n > 50);
}

static int
start(void **state)
{
	mime_start();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_decoded),
		cmocka_unit_test(a_mail_without_a_name_is_named_by_its_bytes),
		cmocka_unit_test(the_first_of_two_senders_counts_and_neither_is_proven),
		cmocka_unit_test(only_our_own_border_is_believed),
		cmocka_unit_test(
			plain_text_is_preferred_and_files_are_listed_with_their_bare_names),
		cmocka_unit_test(an_empty_plain_part_gives_way_to_html),
		cmocka_unit_test(
			card_data_is_taken_out_everywhere_before_anything_is_kept),
		cmocka_unit_test(what_has_no_shape_is_text),
		cmocka_unit_test(nesting_without_end_is_one_opaque_file),
		cmocka_unit_test(charsets_are_what_they_say_or_what_the_bytes_show),
		cmocka_unit_test(text_is_cleaned_of_what_is_no_text),
		cmocka_unit_test(flowed_lines_are_joined),
		cmocka_unit_test(html_is_read_and_nothing_of_it_is_shown),
		cmocka_unit_test(bounces_name_what_came_back),
		cmocka_unit_test(machines_are_told_from_people_as_the_corpus_says),
		cmocka_unit_test(real_bounces_are_never_taken_for_people),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
