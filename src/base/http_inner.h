/* base/http_inner.h - what the files of the HTTP server share; nobody else includes it.
 */
#ifndef USHER_BASE_HTTP_INNER_H
#define USHER_BASE_HTTP_INNER_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "base/http.h"
#include "base/http_parse.h"
#include "base/map.h"
#include "base/peer.h"

#define HTTP_FIRST_MS 10000	/* a new connection's first head, absolute */
#define HTTP_HEADER_MS 10000	/* a head, from its first byte, absolute */
#define HTTP_BODY_MS 60000	/* a body, from the end of its head, absolute */
#define HTTP_BODY_RATE 500	/* bytes a second that a body must come with ... */
#define HTTP_BODY_GRACE_MS 5000 /* ... after this time */
#define HTTP_IDLE_MS 30000	/* between two requests of a connection */
#define HTTP_ANSWER_MS 30000	/* for a handler to answer; then 503 */
#define HTTP_STALL_MS 30000	/* without the peer taking a byte of output */
#define HTTP_OUTPUT_MAX                                                                  \
	WIRE_OUTPUT_MAX /* unread output at which no further request is                  \
			 * begun: the peer is closed */

struct http_route {
	struct http_route *next;
	char *path;	   /* owned */
	char *methods;	   /* owned; "GET,POST"; NULL: a WebSocket */
	char *subprotocol; /* owned; of a WebSocket */
	http_handler fn;
	void *owner;
	struct wire_handler wire;
};

/* One listener's settings. */
struct http_door {
	struct http_door *next;
	struct http_server *server; /* borrowed */
	int n_hosts, n_origins;
	char **hosts, **origins; /* owned */
};

/* IDLE --first byte--> HEAD --head whole--> BODY --whole--> ASKED --answered--> IDLE
 * any --error, deadline, end of stream--> GONE, freed after this turn */
enum http_state {
	CONN_IDLE,
	CONN_HEAD,
	CONN_BODY,
	CONN_ASKED,
	CONN_GONE
};

struct http_conn {
	struct http_server *server; /* borrowed */
	struct http_door *door;	    /* borrowed */
	struct peer *peer;	    /* borrowed from base/peer; NULL: given back */
	struct http_conn *next, *previous;
	enum http_state state;
	struct http_parse parse;
	const struct http_route *route; /* of the request being read or asked */
	uint64_t request;		/* id of the one that waits for its answer */
	int64_t began_ms;		/* boot time of the state's start */
	int n_requests;
	bool stepping; /* conn_step is on the stack */
	bool finished; /* the peer said all it has to say */
};

struct http_server {
	struct event_base *base; /* borrowed */
	struct wires *wires;	 /* borrowed */
	struct http_door *doors;
	struct http_route *routes;
	struct http_conn *conns, *gone;
	struct idmap asked; /* request id -> conn */
	struct event *bury, *sweep;
	uint64_t last_request;
	time_t date_s;
	char date[32]; /* "Sun, 06 Nov 1994 08:49:37 GMT", of date_s */
};

/* http_conn.c */
void http_conn_begin(void *server_door, struct peer *peer); /* a peer_ready */
/* Safe from any callback, twice. drop: without sending the rest. */
void http_conn_close(struct http_conn *conn, bool drop);
void http_conn_look_after(struct http_conn *conn, int64_t now_ms); /* its deadlines */

/* http_policy.c - what may come in at all. Pure but for its reply fields. */
enum http_verdict {
	VERDICT_PASS,
	VERDICT_UPGRADE,
	VERDICT_REFUSE
};

struct http_refusal {
	int status;
	const char *type;	   /* of the error */
	const char *message;	   /* what to do */
	const char *field, *value; /* one more header field; NULL: none */
};

enum http_verdict http_judge(const struct http_server *server,
	const struct http_door *door, const struct http_parse *parse, bool tls,
	const struct http_route **route, struct http_refusal *refusal);
bool http_host_is_ours(const struct http_door *door, const char *host);
bool http_origin_is_ours(
	const struct http_door *door, const char *origin, const char *host, bool tls);

/* http_reply.c - the answer's bytes. */
void http_write_reply(struct http_server *server, struct evbuffer *out,
	const struct http_reply *reply, bool keep_alive, bool head_only, bool tls);
void http_write_error(struct http_server *server, struct evbuffer *out,
	const struct http_refusal *refusal, bool keep_alive, bool head_only, bool tls);
/* The 101; key is the request's Sec-WebSocket-Key; subprotocol NULL: none was asked. */
void http_write_upgrade(struct evbuffer *out, const char *key, const char *subprotocol);

#endif
