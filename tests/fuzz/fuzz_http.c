/*
 * tests/fuzz/fuzz_http.c - requests in any chunking (base/http_parse) and the front
 * door's decision on them (base/http_policy).
 *
 * The first byte is the length of the pieces. What comes out must not depend on it.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/http_inner.h"

struct result {
	enum http_step step;
	int status;
	size_t used, n_body;
	int n_fields;
	char path[64];
};

static struct http_server *server;
static struct http_door door;

static void
ignore(void *owner, const struct http_request *request)
{
}

static void
judge(const struct http_parse *p)
{
	const struct http_route *route = NULL;
	struct http_refusal refusal = {0};

	if (http_judge(server, &door, p, false, &route, &refusal) != VERDICT_REFUSE &&
		(strstr(p->path, "..") == p->path + 1 || p->path[0] != '/'))
		abort(); /* a path that climbs must never get here */
}

static struct result
parse(const char *data, size_t n, size_t piece)
{
	struct result r = {.step = HTTP_STEP_MORE};
	struct http_parse p;

	http_parse_init(&p);
	for (;;) {
		size_t some = n - r.used < piece ? n - r.used : piece, took;

		r.step = http_parse_feed(&p, data + r.used, some, &took);
		if (took > some)
			abort();
		r.used += took;
		if (r.step == HTTP_STEP_HEAD)
			judge(&p);
		if (r.step == HTTP_STEP_DONE || r.step == HTTP_STEP_BAD ||
			(r.step == HTTP_STEP_MORE && r.used == n))
			break;
	}
	r.status = p.status;
	r.n_fields = p.n_fields;
	r.n_body = p.body.n;
	if (p.path != NULL)
		strncpy(r.path, p.path, sizeof r.path - 1);
	http_parse_finish(&p);
	return r;
}

static void
prepare(void)
{
	const struct wire_handler none = {0};

	server = http_server_create(event_base_new(), NULL);
	http_route(server, "POST", "/v1/contacts", ignore, NULL);
	http_route(server, "GET,DELETE", "/v1/contacts/", ignore, NULL);
	http_websocket(server, "/desk", "usher.v1", &none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct result whole, pieces;

	if (server == NULL)
		prepare();
	if (n < 2)
		return 0;
	whole = parse((const char *)data + 1, n - 1, n);
	pieces = parse((const char *)data + 1, n - 1, data[0] == 0 ? 1 : data[0]);
	if (whole.step != pieces.step || whole.status != pieces.status ||
		strcmp(whole.path, pieces.path) != 0)
		abort();
	/* How far a broken body was read is not the same, what is taken is. */
	if (whole.step == HTTP_STEP_DONE &&
		(whole.used != pieces.used || whole.n_body != pieces.n_body ||
			whole.n_fields != pieces.n_fields))
		abort();
	return 0;
}
