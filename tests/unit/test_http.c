/* Requests from bytes in any chunking, and what a front door refuses: base/http_parse,
 * base/http_policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http_inner.h"

#define HOST "Host: localhost\r\n"

/* Feeds text in pieces of `piece` bytes; the step is the last one, used what it took. */
static enum http_step
feed(struct http_parse *p, const char *text, size_t n, size_t piece, size_t *used)
{
	enum http_step step = HTTP_STEP_MORE;

	*used = 0;
	for (;;) {
		size_t some = n - *used < piece ? n - *used : piece, took;

		step = http_parse_feed(p, text + *used, some, &took);
		assert_true(took <= some);
		*used += took;
		if (step == HTTP_STEP_DONE || step == HTTP_STEP_BAD)
			return step;
		if (step == HTTP_STEP_MORE && *used == n)
			return step;
	}
}

static void
a_request_is_the_same_in_any_chunking(void **state)
{
	static const char text[] =
		"\r\nPOST /v1/contacts?dry=1 HTTP/1.1\r\n" HOST
		"Content-Type: application/json \r\nX-Empty:\r\n"
		"Content-Length: 11\r\n\r\nhello worldGET /next HTTP/1.1\r\n";
	const size_t n = sizeof text - 1, whole = n - 20;

	for (size_t piece = 1; piece <= n; piece++) {
		struct http_parse p;
		size_t used;

		http_parse_init(&p);
		assert_int_equal(feed(&p, text, n, piece, &used), HTTP_STEP_DONE);
		assert_int_equal(used, whole);
		assert_string_equal(p.method, "POST");
		assert_string_equal(p.path, "/v1/contacts");
		assert_string_equal(p.query, "dry=1");
		assert_int_equal(p.n_fields, 4);
		assert_string_equal(
			http_parse_field(&p, "content-type"), "application/json");
		assert_string_equal(http_parse_field(&p, "x-empty"), "");
		assert_null(http_parse_field(&p, "x-none"));
		assert_string_equal(p.body.s, "hello world");
		assert_true(p.keep_alive);
		http_parse_finish(&p);
	}
}

static void
a_chunked_body_is_the_same_in_any_chunking(void **state)
{
	static const char text[] =
		"POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nHost: evil\r\n\r\nrest";
	const size_t n = sizeof text - 1;

	for (size_t piece = 1; piece <= n; piece++) {
		struct http_parse p;
		size_t used;

		http_parse_init(&p);
		assert_int_equal(feed(&p, text, n, piece, &used), HTTP_STEP_DONE);
		assert_int_equal(used, n - 4);
		assert_string_equal(p.body.s, "hello world");
		assert_string_equal(http_parse_field(&p, "host"), "localhost");
		assert_int_equal(p.n_fields, 2);
		http_parse_finish(&p);
	}
}

static void
one_parser_reads_many_requests(void **state)
{
	static const char text[] =
		"GET /a HTTP/1.1\r\n" HOST "\r\n"
		"DELETE /b HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi"
		"GET /c HTTP/1.0\r\n" HOST "\r\n";
	static const char *const paths[] = {"/a", "/b", "/c"};
	struct http_parse p;
	size_t at = 0;

	http_parse_init(&p);
	for (int i = 0; i < 3; i++) {
		size_t used;

		assert_int_equal(feed(&p, text + at, sizeof text - 1 - at, 7, &used),
			HTTP_STEP_DONE);
		at += used;
		assert_string_equal(p.path, paths[i]);
		assert_int_equal(p.keep_alive, i < 2);
		http_parse_reset(&p);
		assert_false(http_parse_begun(&p));
	}
	assert_int_equal(at, sizeof text - 1);
	http_parse_finish(&p);
}

#define POST "POST /x HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

/* Everything here must be refused, and by the status named, however it is cut. */
static const struct {
	const char *text;
	int status;
} refused[] = {
	{"GET /\r\n", 400},
	{"GET / HTTP/0.9\r\n", 505},
	{"GET / HTTP/2.0\r\n", 505},
	{"GET / HTTP/1.1.1\r\n", 400},
	{"GET / HTTP/4294967297.1\r\n", 400},
	{"GET / http/1.1\r\n", 400},
	{"PRI * HTTP/2.0\r\n", 505},
	{"get / HTTP/1.1\r\n", 400},
	{"FETCH / HTTP/1.1\r\n" HOST "\r\n", 501},
	{"G\x16T / HTTP/1.1\r\n", 400},
	{"\x16\x03\x01\x02", 400},
	{" GET / HTTP/1.1\r\n", 400},
	{"\r\n\r\n\r\n", 400},
	{"GET  / HTTP/1.1\r\n", 400},
	{"GET / HTTP/1.1 \r\n", 400},
	{"GET /\xc3\xbc HTTP/1.1\r\n", 400},
	{"GET / HTTP/1.1\n", 400},
	{"GET / HTTP/1.1\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: u@localhost\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST ": empty\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "X : a\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "X: a\rY: b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "X: a\nY: b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n" HOST "X(: a\r\n\r\n", 400},
	{"GET http://localhost/ HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET * HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET x HTTP/1.1\r\n" HOST "\r\n", 400},
	{"CONNECT localhost:1 HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /../x HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a/.. HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a/./b HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /%2e%2e/x HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /%c0%ae%c0%ae/x HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a%2fb HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a\\b HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a%5Cb HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a%00b HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a%0d%0ab HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a%zz HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a% HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a%4 HTTP/1.1\r\n" HOST "\r\n", 400},
	{"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400},
	{POST "Content-Length: +5\r\n\r\nhello", 400},
	{POST "Content-Length: -5\r\n\r\nhello", 400},
	{POST "Content-Length: 0x5\r\n\r\nhello", 400},
	{POST "Content-Length: 5 5\r\n\r\nhello", 400},
	{POST "Content-Length: 5,5\r\n\r\nhello", 400},
	{POST "Content-Length: \r\n\r\nhello", 400},
	{POST "Content-Length: NaN\r\n\r\nhello", 400},
	{POST "Content-Length : 5\r\n\r\nhello", 400},
	{POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
	{POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400},
	{POST "Content-Length: 99999999999999999999\r\n\r\n", 400},
	{POST "Content-Length: 1048577\r\n\r\n", 413},
	{POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{POST "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n", 400},
	{POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
	{POST "Transfer-Encoding: identity\r\n\r\n", 400},
	{POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
	{POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
	{POST "Transfer-Encoding: chunked chunked\r\n\r\n0\r\n\r\n", 400},
	{POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400},
	{POST "Transfer-Encoding: \r\n\r\n0\r\n\r\n", 400},
	{POST "Transfer-Encoding: chunked\x0c\r\n\r\n0\r\n\r\n", 400},
	{POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
	{"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{POST "Expect: 200-maybe\r\nContent-Length: 5\r\n\r\nhello", 417},
	{CHUNKED " 5\r\nhello\r\n0\r\n\r\n", 400},
	{CHUNKED "5 \r\nhello\r\n0\r\n\r\n", 400},
	{CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", 400},
	{CHUNKED "-5\r\nhello\r\n0\r\n\r\n", 400},
	{CHUNKED "\r\nhello\r\n0\r\n\r\n", 400},
	{CHUNKED "FFFFFFFFFFFFFFFF\r\nhello", 413},
	{CHUNKED "FFFFFFFFFFFFFFFFF\r\nhello", 400},
	{CHUNKED "5\nhello\n0\n\n", 400},
	{CHUNKED "5\r\nhelloXX0\r\n\r\n", 400},
	{CHUNKED "5\rhello\r\n0\r\n\r\n", 400},
	{CHUNKED "5\r\nhello\r\n0\r\nX: a\n\r\n", 400},
	{CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n", 400},
};

static void
what_is_not_plain_http_is_refused(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const char *text = refused[i].text;
		size_t n = strlen(text);

		for (size_t piece = 1; piece <= n; piece += piece < 8 ? 1 : n) {
			struct http_parse p;
			size_t used;

			http_parse_init(&p);
			if (feed(&p, text, n, piece, &used) != HTTP_STEP_BAD ||
				p.status != refused[i].status)
				fail_msg("status %d by %zu: %s", p.status, piece, text);
			assert_non_null(p.error);
			assert_false(p.keep_alive);
			http_parse_finish(&p);
		}
	}
}

/* Feeds `text` again and again until the parser ends it; returns the status. */
static int
flood(const char *head, const char *text, size_t most)
{
	struct http_parse p;
	size_t used, n = strlen(text), sent = 0;
	enum http_step step;
	int status;

	http_parse_init(&p);
	step = feed(&p, head, strlen(head), 4096, &used);
	while (step == HTTP_STEP_MORE && sent < most) {
		step = feed(&p, text, n, n, &used);
		sent += n;
	}
	assert_int_equal(step, HTTP_STEP_BAD);
	assert_true(p.body.n <= HTTP_BODY_MAX + 1);
	assert_true(p.head.n <= HTTP_HEAD_MAX);
	status = p.status;
	http_parse_finish(&p);
	return status;
}

static void
everything_that_can_grow_has_an_end(void **state)
{
	const size_t plenty = 4 * HTTP_BODY_MAX;

	assert_int_equal(flood("GET /", "aaaaaaaaaaaaaaaa", plenty), 414);
	assert_int_equal(flood("GET / HTTP/1.1\r\n", "X: y\r\n", plenty), 431);
	assert_int_equal(flood("GET / HTTP/1.1\r\nX: ", "aaaaaaaaaaaaaaaa", plenty), 431);
	assert_int_equal(flood(CHUNKED, "1\r\na\r\n", plenty), 413);
	assert_int_equal(flood(CHUNKED "1;", "aaaaaaaaaaaaaaaa", plenty), 413);
	assert_int_equal(flood(CHUNKED "0\r\n", "X: y\r\n", plenty), 413);
	assert_int_equal(flood(CHUNKED "FFFFFFF\r\n", "aaaaaaaaaaaaaaaa", plenty), 413);
}

static void
the_longest_target_and_body_are_taken(void **state)
{
	char *text = malloc(HTTP_TARGET_MAX + 100);
	struct http_parse p;
	size_t used;

	for (size_t more = 0; more < 2; more++) {
		size_t n_target = HTTP_TARGET_MAX + more;

		memcpy(text, "GET /", 5);
		memset(text + 5, 'a', n_target - 1);
		strcpy(text + 4 + n_target, " HTTP/1.1\r\n" HOST "\r\n");
		http_parse_init(&p);
		assert_int_equal(feed(&p, text, strlen(text), 1000, &used),
			more == 0 ? HTTP_STEP_DONE : HTTP_STEP_BAD);
		http_parse_finish(&p);
	}
	free(text);
	text = malloc(HTTP_BODY_MAX);
	memset(text, 'b', HTTP_BODY_MAX);
	http_parse_init(&p);
	assert_int_equal(feed(&p, POST "Content-Length: 1048576\r\n\r\n",
				 sizeof POST - 1 + 27, 4096, &used),
		HTTP_STEP_MORE);
	assert_int_equal(feed(&p, text, HTTP_BODY_MAX, 65536, &used), HTTP_STEP_DONE);
	assert_int_equal(p.body.n, HTTP_BODY_MAX);
	http_parse_finish(&p);
	free(text);
}

static void
an_upgrade_is_a_request_like_any_other_here(void **state)
{
	static const char text[] =
		"GET /desk HTTP/1.1\r\n" HOST "Connection: keep-alive, Upgrade\r\n"
		"Upgrade: websocket\r\n\r\n\x81\x80";
	struct http_parse p;
	size_t used;

	http_parse_init(&p);
	assert_int_equal(feed(&p, text, sizeof text - 1, 50, &used), HTTP_STEP_DONE);
	assert_int_equal(used, sizeof text - 3);
	assert_true(p.wants_upgrade);
	http_parse_finish(&p);
}

/* ---- policy ---- */

static char host_0[] = "usher.example", origin_0[] = "https://desk.example",
	    origin_1[] = "https://usher.example:8443";
static char *listed_hosts[] = {host_0};
static char *listed_origins[] = {origin_0, origin_1};
static struct http_door door = {
	.n_hosts = 1, .hosts = listed_hosts, .n_origins = 2, .origins = listed_origins};

static void
hosts_are_names_listed_and_addresses(void **state)
{
	static const struct {
		const char *host;
		bool ours;
	} cases[] = {
		{"localhost", true},
		{"LocalHost:8443", true},
		{"127.0.0.1", true},
		{"127.0.0.1:1", true},
		{"[::1]:8443", true},
		{"192.168.1.5", true},
		{"usher.example", true},
		{"USHER.example:99", true},
		{"usher.example.", false},
		{"usher.example.evil", false},
		{"attacker.example", false},
		{"localhost.attacker.example", false},
		{"127.0.0.1.attacker.example", false},
		{"usher.example:", true},
		{"usher.example:x", false},
		{"[::1", false},
		{"[::1]x", false},
		{":80", false},
		{"", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (http_host_is_ours(&door, cases[i].host) != cases[i].ours)
			fail_msg("host %s", cases[i].host);
}

static void
origins_are_equal_or_not_ours(void **state)
{
	static const struct {
		const char *origin;
		bool tls, ours;
	} cases[] = {
		{"https://localhost:8443", true, true},
		{"http://localhost:8443", true, false},
		{"http://localhost:8443", false, true},
		{"https://localhost", true, false},
		{"https://desk.example", true, true},
		{"https://desk.example.evil", true, false},
		{"https://desk.exampl", true, false},
		{"https://usher.example:8443", false, true},
		{"null", true, false},
		{"", true, false},
		{"https://", true, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (http_origin_is_ours(&door, cases[i].origin, "localhost:8443",
			    cases[i].tls) != cases[i].ours)
			fail_msg("origin %s", cases[i].origin);
}

static void
lists_have_whole_tokens_only(void **state)
{
	assert_true(http_list_has("a, usher.v1 ,b", "usher.v1"));
	assert_true(http_list_has("USHER.V1", "usher.v1"));
	assert_false(http_list_has("usher.v10", "usher.v1"));
	assert_false(http_list_has("", "usher.v1"));
	assert_false(http_list_has(",,,", "usher.v1"));
	assert_true(http_list_has(",,x", "x"));
}

static void
ignore(void *owner, const struct http_request *request)
{
}

/* A server with three routes, without a loop. */
static void
add_routes(struct http_server *server)
{
	const struct wire_handler none = {0};

	http_route(server, "POST", "/v1/contacts", ignore, NULL);
	http_route(server, "GET,DELETE", "/v1/contacts/", ignore, NULL);
	http_websocket(server, "/desk", "usher.v1", &none);
}

#define UPGRADE                                                                          \
	"GET /desk HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"
#define CONTACTS "POST /v1/contacts HTTP/1.1\r\n" HOST

static void
the_front_door_decides_before_any_handler(void **state)
{
	static const struct {
		const char *head;
		enum http_verdict verdict;
		int status;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: evil.example\r\n", VERDICT_REFUSE, 421},
		{"GET / HTTP/1.1\r\n" HOST, VERDICT_REFUSE, 404},
		{"OPTIONS * HTTP/1.1\r\n" HOST, VERDICT_REFUSE, 204},
		{"OPTIONS /v1/contacts HTTP/1.1\r\n" HOST, VERDICT_REFUSE, 204},
		{"GET /v1/contacts HTTP/1.1\r\n" HOST, VERDICT_REFUSE, 405},
		{"TRACE /v1/contacts HTTP/1.1\r\n" HOST, VERDICT_REFUSE, 405},
		{"HEAD /v1/contacts/c1 HTTP/1.1\r\n" HOST, VERDICT_PASS, 0},
		{"GET /v1/contacts/ HTTP/1.1\r\n" HOST, VERDICT_REFUSE, 404},
		{"GET /v1/contacts/c1 HTTP/1.1\r\n" HOST, VERDICT_PASS, 0},
		{"GET /v1/contacts/c1 HTTP/1.1\r\n" HOST "Authorization: Basic !!!!\r\n",
			VERDICT_REFUSE, 401},
		{"GET /v1/contacts/c1 HTTP/1.1\r\n" HOST "Authorization: Bearer \r\n",
			VERDICT_REFUSE, 401},
		{"GET /v1/contacts/c1 HTTP/1.1\r\n" HOST "Authorization: bearer a.b\r\n",
			VERDICT_PASS, 0},
		{CONTACTS JSON_TYPE "Content-Length: 2\r\n", VERDICT_PASS, 0},
		{CONTACTS "Content-Type: application/json; charset=utf-8\r\n"
			  "Content-Length: 2\r\n",
			VERDICT_PASS, 0},
		{CONTACTS "Content-Length: 2\r\n", VERDICT_REFUSE, 415},
		{CONTACTS "Content-Type: application/jsonx\r\nContent-Length: 2\r\n",
			VERDICT_REFUSE, 415},
		{CONTACTS "Content-Type: text/plain\r\nContent-Length: 2\r\n",
			VERDICT_REFUSE, 415},
		{CONTACTS JSON_TYPE "Content-Encoding: gzip\r\nContent-Length: 2\r\n",
			VERDICT_REFUSE, 415},
		{CONTACTS JSON_TYPE "Origin: https://evil.example\r\n", VERDICT_REFUSE,
			403},
		{CONTACTS JSON_TYPE "Origin: null\r\n", VERDICT_REFUSE, 403},
		{CONTACTS JSON_TYPE "Origin: https://desk.example\r\n", VERDICT_PASS, 0},
		{UPGRADE KEY VERSION, VERDICT_UPGRADE, 0},
		{UPGRADE KEY VERSION "Origin: http://localhost\r\n", VERDICT_UPGRADE, 0},
		{UPGRADE KEY VERSION "Origin: null\r\n", VERDICT_REFUSE, 403},
		{UPGRADE KEY VERSION "Sec-WebSocket-Protocol: usher.v1\r\n",
			VERDICT_UPGRADE, 0},
		{UPGRADE KEY VERSION "Sec-WebSocket-Protocol: mqtt\r\n", VERDICT_REFUSE,
			400},
		{UPGRADE VERSION, VERDICT_REFUSE, 400},
		{UPGRADE VERSION "Sec-WebSocket-Key: short\r\n", VERDICT_REFUSE, 400},
		{UPGRADE KEY, VERDICT_REFUSE, 426},
		{UPGRADE KEY "Sec-WebSocket-Version: 8\r\n", VERDICT_REFUSE, 426},
		{UPGRADE KEY VERSION "Content-Length: 5\r\n", VERDICT_REFUSE, 400},
		{"GET /desk HTTP/1.1\r\n" HOST, VERDICT_REFUSE, 426},
		{"POST /desk HTTP/1.1\r\n" HOST, VERDICT_REFUSE, 400},
	};
	struct event_base *base = event_base_new();
	struct http_server *server = http_server_create(base, NULL);

	add_routes(server);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct http_route *route = NULL;
		struct http_refusal refusal = {0};
		enum http_verdict verdict;
		struct http_parse p;
		size_t used;

		http_parse_init(&p);
		assert_int_equal(
			http_parse_feed(&p, cases[i].head, strlen(cases[i].head), &used),
			HTTP_STEP_MORE);
		assert_int_equal(http_parse_feed(&p, "\r\n", 2, &used), HTTP_STEP_HEAD);
		verdict = http_judge(server, &door, &p, false, &route, &refusal);
		if (verdict != cases[i].verdict || refusal.status != cases[i].status)
			fail_msg("status %d: %s", refusal.status, cases[i].head);
		http_parse_finish(&p);
	}
	http_server_destroy(server);
	event_base_free(base);
}

/* ---- answers ---- */

static char *
written(const struct http_reply *reply, bool keep, bool head_only, bool tls)
{
	struct http_server server = {0};
	struct evbuffer *out = evbuffer_new();
	size_t n;
	char *text;

	http_write_reply(&server, out, reply, keep, head_only, tls);
	n = evbuffer_get_length(out);
	text = calloc(1, n + 1);
	evbuffer_remove(out, text, n);
	evbuffer_free(out);
	return text;
}

static void
an_answer_carries_what_pages_of_others_must_not_do(void **state)
{
	struct http_reply reply = {.status = 200,
		.type = "application/json",
		.body = "{}",
		.n_body = 2,
		.n_fields = 3,
		.fields = {{"cache-control", "max-age=60"}, {"x-bad", "a\r\nx-evil: 1"},
			{"cross-origin-opener-policy", ""}}};
	char *text = written(&reply, true, false, true);

	assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(text, "content-length: 2\r\n"));
	assert_non_null(strstr(text, "x-content-type-options: nosniff\r\n"));
	assert_non_null(strstr(text, "referrer-policy: no-referrer\r\n"));
	assert_non_null(strstr(text, "content-security-policy: default-src 'none'"));
	assert_non_null(strstr(text, "strict-transport-security: max-age="));
	assert_non_null(strstr(text, "cache-control: max-age=60\r\n"));
	assert_null(strstr(text, "no-store"));
	assert_null(strstr(text, "x-evil"));
	assert_null(strstr(text, "cross-origin-opener-policy"));
	assert_null(strstr(text, "connection: close"));
	assert_non_null(strstr(text, "\r\n\r\n{}"));
	free(text);
	text = written(&reply, false, true, false);
	assert_non_null(strstr(text, "content-length: 2\r\n"));
	assert_non_null(strstr(text, "connection: close\r\n"));
	assert_null(strstr(text, "strict-transport-security"));
	assert_null(strstr(text, "{}"));
	free(text);
}

static void
the_upgrade_answers_the_key(void **state)
{
	struct evbuffer *out = evbuffer_new();
	char text[512] = "";

	http_write_upgrade(out, "dGhlIHNhbXBsZSBub25jZQ==", "usher.v1"); /* RFC 6455 */
	evbuffer_remove(out, text, sizeof text - 1);
	evbuffer_free(out);
	assert_non_null(
		strstr(text, "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_non_null(strstr(text, "sec-websocket-protocol: usher.v1\r\n"));
}

static void
query_values_are_decoded_or_refused(void **state)
{
	struct http_request r = {.query = "a=1&b=x+y%20z&c&d=%zz&ab=2&e=%c3%bc"};
	static const struct {
		const char *name, *value;
	} cases[] = {{"a", "1"}, {"b", "x y z"}, {"c", ""}, {"d", NULL}, {"ab", "2"},
		{"e", "\xc3\xbc"}, {"f", NULL}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *value = http_query(&r, cases[i].name);

		if (cases[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, cases[i].value);
		free(value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_the_same_in_any_chunking),
		cmocka_unit_test(a_chunked_body_is_the_same_in_any_chunking),
		cmocka_unit_test(one_parser_reads_many_requests),
		cmocka_unit_test(what_is_not_plain_http_is_refused),
		cmocka_unit_test(everything_that_can_grow_has_an_end),
		cmocka_unit_test(the_longest_target_and_body_are_taken),
		cmocka_unit_test(an_upgrade_is_a_request_like_any_other_here),
		cmocka_unit_test(hosts_are_names_listed_and_addresses),
		cmocka_unit_test(origins_are_equal_or_not_ours),
		cmocka_unit_test(lists_have_whole_tokens_only),
		cmocka_unit_test(the_front_door_decides_before_any_handler),
		cmocka_unit_test(an_answer_carries_what_pages_of_others_must_not_do),
		cmocka_unit_test(the_upgrade_answers_the_key),
		cmocka_unit_test(query_values_are_decoded_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
