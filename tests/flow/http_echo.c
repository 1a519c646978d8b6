/*
 * tests/flow/http_echo.c - a server of base/ alone, for tests of what must hold before
 * any application code: framing, limits, deadlines.
 *
 *   http_echo DIRECTORY
 *
 * Listens on free ports of 127.0.0.1 (HTTP and lines, both plain and with a certificate
 * made in DIRECTORY) and prints one JSON line with them. POST /v1/contacts answers 201
 * with the JSON it was given, /v1/contacts/... wants a key, /desk echoes messages that
 * are JSON and closes on others, /metrics is long.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "base/json.h"
#include "base/log.h"
#include "base/tls.h"
#include "base/wire.h"

#define METRICS_LINES 400 /* some 16 KiB */

struct echo {
	struct event_base *base;
	struct wires *wires;
	struct http_server *http;
	struct ssl_ctx_st *tls;
	char metrics[METRICS_LINES * 48];
};

static void
on_contacts(void *owner, const struct http_request *request)
{
	struct echo *echo = owner;
	struct json_problem problem;
	json_t *json = json_read(request->body, request->n_body, &problem);
	struct text body = {0};
	struct http_reply reply = {.status = 201, .type = "application/json"};

	if (json == NULL) {
		http_answer_error(
			echo->http, request->id, 400, "bad_request", problem.message);
		return;
	}
	json_write(&body, json);
	reply.body = body.s;
	reply.n_body = body.n;
	http_answer(echo->http, request->id, &reply);
	text_finish(&body);
	json_decref(json);
}

static void
on_contact(void *owner, const struct http_request *request)
{
	struct echo *echo = owner;

	http_answer_error(echo->http, request->id, 401, "not_authorized", "send a key");
}

static void
on_metrics(void *owner, const struct http_request *request)
{
	struct echo *echo = owner;
	struct http_reply reply = {.status = 200,
		.type = "text/plain; version=0.0.4",
		.body = echo->metrics,
		.n_body = strlen(echo->metrics)};

	http_answer(echo->http, request->id, &reply);
}

static void
on_health(void *owner, const struct http_request *request)
{
	struct echo *echo = owner;
	struct http_reply reply = {
		.status = 200, .type = "text/plain", .body = "ok\n", .n_body = 3};

	http_answer(echo->http, request->id, &reply);
}

static bool
on_opened(void *owner, uint64_t id, enum wire_kind kind, const char *address,
	const char *path)
{
	return true;
}

static void
on_message(void *owner, uint64_t id, const char *text, size_t n)
{
	struct echo *echo = owner;
	struct json_problem problem;
	json_t *json = json_read(text, n, &problem);

	if (json == NULL) {
		wire_close(echo->wires, id, problem.message);
		return;
	}
	wire_trust(echo->wires, id);
	wire_send(echo->wires, id, text, n);
	json_decref(json);
}

static void
on_closed(void *owner, uint64_t id, const char *reason)
{
	log_debug("echo: closed id=%llu reason=\"%s\"", (unsigned long long)id, reason);
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(arg);
}

static int
listen_http(struct echo *echo, bool tls)
{
	const char *hosts[] = {"usher.test"}, *origins[] = {"https://desk.example"};
	struct http_settings settings = {.address = "127.0.0.1:0",
		.tls = tls ? echo->tls : NULL,
		.n_hosts = 1,
		.hosts = hosts,
		.n_origins = 1,
		.origins = origins,
		.per_address = 0,
		.most = 20000};

	return http_server_listen(echo->http, &settings);
}

static int
listen_lines(struct echo *echo, bool tls, const struct wire_handler *handler)
{
	struct wire_listen at = {.address = "127.0.0.1:0",
		.tls = tls ? echo->tls : NULL,
		.per_address = 0,
		.most = 20000,
		.half_open = -1,
		.rate = -1};

	return wires_listen(echo->wires, &at, handler);
}

static bool
start_tls(struct echo *echo, const char *directory)
{
	char *cert = xasprintf("%s/cert.pem", directory);
	char *key = xasprintf("%s/key.pem", directory);
	char error[256];

	if (tls_make_certificate(cert, key, error, sizeof error))
		echo->tls = tls_server_create(cert, key, error, sizeof error);
	if (echo->tls == NULL)
		log_error("echo: %s", error);
	free(cert);
	free(key);
	return echo->tls != NULL;
}

static void
add_routes(struct echo *echo, const struct wire_handler *handler)
{
	http_route(echo->http, "POST", "/v1/contacts", on_contacts, echo);
	http_route(echo->http, "GET,DELETE", "/v1/contacts/", on_contact, echo);
	http_route(echo->http, "GET", "/metrics", on_metrics, echo);
	http_route(echo->http, "GET", "/healthz", on_health, echo);
	http_websocket(echo->http, "/desk", "usher.v1", handler);
}

int
main(int argc, char **argv)
{
	static struct echo echo;
	struct wire_handler handler = {.opened = on_opened,
		.message = on_message,
		.closed = on_closed,
		.owner = &echo};
	struct event *term;

	if (argc != 2) {
		fprintf(stderr, "usage: http_echo DIRECTORY\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (getenv("ECHO_DEBUG") != NULL)
		log_set_level(LOG_LEVEL_DEBUG);
	if (!start_tls(&echo, argv[1]))
		return 1;
	for (int i = 0; i < METRICS_LINES; i++)
		strcat(echo.metrics + (size_t)i * 39,
			"usher_contacts_total{queue=\"billing\"} 1\n");
	echo.base = event_base_new();
	echo.wires = wires_create(echo.base);
	echo.http = http_server_create(echo.base, echo.wires);
	add_routes(&echo, &handler);
	term = evsignal_new(echo.base, SIGTERM, on_signal, echo.base);
	event_add(term, NULL);
	printf("{\"ready\":true,\"http\":%d,\"https\":%d,\"lines\":%d,\"tls_lines\":%d}"
	       "\n",
		listen_http(&echo, false), listen_http(&echo, true),
		listen_lines(&echo, false, &handler),
		listen_lines(&echo, true, &handler));
	fflush(stdout);
	event_base_dispatch(echo.base);
	http_server_destroy(echo.http);
	wires_destroy(echo.wires);
	tls_destroy(echo.tls);
	event_free(term);
	event_base_free(echo.base);
	return 0;
}
