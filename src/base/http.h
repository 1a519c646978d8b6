/*
 * base/http.h - HTTP/1.1 server: llhttp (strict) on bufferevents, TLS, WebSocket upgrades
 * handed to base/wire.
 *
 * Limits (RELIABILITY 6): header block 16 KiB, 64 fields, URI 4 KiB, body 1 MiB; header
 * deadline 10 s absolute, body 60 s and at least 500 B/s, idle 30 s; both framings, two
 * lengths, unknown coding, missing or doubled Host, empty field name, absolute or ".."
 * path: 400 and close. Host must be on the list (DNS rebinding): 421. Requests of one
 * connection are handled one after the other; what is pipelined waits.
 *
 * State-changing requests (all but GET, HEAD, OPTIONS) with an Origin must come from an
 * allowed one (403), and with a body must say application/json (415). The only
 * Authorization taken is "Bearer ..." (401).
 */
#ifndef USHER_BASE_HTTP_H
#define USHER_BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

struct http_server;

#define HTTP_FIELDS_MAX 64

struct http_field {
	const char *name; /* lower case */
	const char *value;
};

struct http_request {
	uint64_t id; /* answer it by this id, now or later; unknown once the peer is gone
		      */
	const char *method;
	const char *path;  /* decoded, no query, starts with "/" */
	const char *query; /* raw, "" when none */
	const char *peer_address;
	bool tls;
	int n_fields;
	struct http_field fields[HTTP_FIELDS_MAX];
	const char *body; /* NUL-terminated */
	size_t n_body;
};

const char *http_field(
	const struct http_request *r, const char *lower_name); /* NULL: absent */
/* Decoded value of a query parameter; the caller owns it; NULL: absent. */
char *http_query(const struct http_request *r, const char *name);

struct http_reply {
	int status;
	const char *type; /* content type; NULL: none */
	const void *body;
	size_t n_body;
	int n_fields; /* further header fields, names in lower case; values are checked
		       * for CR and LF. They replace the usual content-security-policy,
		       * cache-control, ...; an empty value leaves that field out */
	struct http_field fields[16];
};

typedef void (*http_handler)(void *owner, const struct http_request *request);

struct http_settings {
	const char *address;	/* as wire_listen */
	struct ssl_ctx_st *tls; /* borrowed; NULL: plain */
	int n_hosts; /* accepted Host names without port; loopback names and addresses
			always are */
	const char *const *hosts;
	int n_origins; /* exact origins for WebSocket and state-changing requests with an
			  Origin; own host always is */
	const char *const *origins;
	int per_address, most; /* connections of one address (0: no cap), in all */
};

/* wires: borrowed; outlives the server, and the loop does not run between the two ends.
 */
struct http_server *http_server_create(struct event_base *base, struct wires *wires);
void http_server_destroy(struct http_server *server);
int http_server_listen(struct http_server *server,
	const struct http_settings *settings) USHER_MUST_CHECK; /* port or -1 */

/* Longest matching prefix wins ("/v1/contacts/"), or exact when it does not end in "/".
 * methods: "GET,POST". */
void http_route(struct http_server *server, const char *methods, const char *path,
	http_handler fn, void *owner);
/* Upgrades on this path become wires that speak `subprotocol`. */
void http_websocket(struct http_server *server, const char *path, const char *subprotocol,
	const struct wire_handler *handler);

void http_answer(
	struct http_server *server, uint64_t request, const struct http_reply *reply);
/* The caller's key was verified: the cap per address no longer counts its connection. */
void http_trust(struct http_server *server, uint64_t request);
/* {"error": {"type": ..., "message": ...}} */
void http_answer_error(struct http_server *server, uint64_t request, int status,
	const char *type, const char *message);

#endif
