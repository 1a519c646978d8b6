/*
 * base/http_conn.c - the HTTP server's connections: bytes in, requests to handlers,
 * answers out, deadlines. The state's picture is in http_inner.h.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/http_inner.h"
#include "base/log.h"
#include "base/wire_inner.h"

/* Alone writes the state, with the moment from which its deadline counts. */
static void
conn_move(struct http_conn *conn, enum http_state to)
{
	conn->state = to;
	conn->began_ms = clock_boot_ms();
}

/* Safe from any callback, twice; the connection itself is base/peer's again. */
void
http_conn_close(struct http_conn *conn, bool drop)
{
	struct http_server *server = conn->server;
	struct peer *peer = conn->peer;

	if (conn->state == CONN_GONE)
		return;
	if (conn->state == CONN_ASKED)
		(void)idmap_remove(&server->asked, conn->request);
	conn_move(conn, CONN_GONE);
	conn->peer = NULL;
	if (conn->previous != NULL)
		conn->previous->next = conn->next;
	else
		server->conns = conn->next;
	if (conn->next != NULL)
		conn->next->previous = conn->previous;
	conn->next = server->gone;
	server->gone = conn;
	if (peer != NULL) {
		bufferevent_set_timeouts(peer->bev, NULL, NULL);
		if (drop)
			peer_drop(peer);
		else
			peer_end(peer);
	}
	event_active(server->bury, EV_TIMEOUT, 0);
}

/* ---- answers ---- */

static bool
conn_keeps(const struct http_conn *conn)
{
	return conn->parse.keep_alive && !conn->parse.minor_0;
}

/* It asks nothing now: a connection of the same address that would may have its place. */
static void
give_way(void *arg)
{
	struct http_conn *conn = arg;

	log_debug("http: an idle connection gives way address=%s", conn->peer->address);
	http_conn_close(conn, false);
}

/* The answer is queued: what next? */
static void
conn_answered(struct http_conn *conn, bool keep)
{
	if (conn->state == CONN_ASKED)
		(void)idmap_remove(&conn->server->asked, conn->request);
	http_parse_reset(&conn->parse);
	conn->route = NULL;
	conn_move(conn, CONN_IDLE);
	if (!keep) {
		http_conn_close(conn, false);
		return;
	}
	peer_idle(conn->peer, give_way, conn);
	/* The next request may be here already; it is begun from the loop, not from
	 * within whoever answered this one. */
	if (!conn->stepping)
		bufferevent_trigger(conn->peer->bev, EV_READ,
			BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static void
conn_refuse(struct http_conn *conn, const struct http_refusal *refusal, bool keep)
{
	if (refusal->status >= 400)
		log_debug("http: refused address=%s status=%d type=%s",
			conn->peer->address, refusal->status, refusal->type);
	http_write_error(conn->server, bufferevent_get_output(conn->peer->bev), refusal,
		keep, strcmp(conn->parse.method, "HEAD") == 0, conn->peer->tls);
	conn_answered(conn, keep);
}

void
http_answer(struct http_server *server, uint64_t request, const struct http_reply *reply)
{
	struct http_conn *conn = idmap_get(&server->asked, request);
	bool keep;

	if (conn == NULL)
		return; /* gone meanwhile: normal */
	keep = conn_keeps(conn);
	http_write_reply(server, bufferevent_get_output(conn->peer->bev), reply, keep,
		strcmp(conn->parse.method, "HEAD") == 0, conn->peer->tls);
	conn_answered(conn, keep);
}

void
http_answer_error(struct http_server *server, uint64_t request, int status,
	const char *type, const char *message)
{
	struct http_conn *conn = idmap_get(&server->asked, request);
	struct http_refusal refusal = {
		.status = status, .type = type, .message = message};

	if (conn == NULL)
		return;
	if (status == 401) {
		refusal.field = "www-authenticate";
		refusal.value = "Bearer";
	}
	conn_refuse(conn, &refusal, conn_keeps(conn));
}

void
http_trust(struct http_server *server, uint64_t request)
{
	struct http_conn *conn = idmap_get(&server->asked, request);

	if (conn != NULL)
		peer_trust(conn->peer);
}

/* ---- requests ---- */

static void
conn_ask(struct http_conn *conn)
{
	const struct http_parse *p = &conn->parse;
	const struct http_route *route = conn->route;
	struct http_request request = {.id = ++conn->server->last_request,
		.method = p->method,
		.path = p->path,
		.query = p->query,
		.peer_address = conn->peer->address,
		.tls = conn->peer->tls,
		.n_fields = p->n_fields,
		.body = p->body.s != NULL ? p->body.s : "",
		.n_body = p->body.n};

	memcpy(request.fields, p->fields, (size_t)p->n_fields * sizeof *p->fields);
	conn->request = request.id;
	conn->n_requests++;
	(void)idmap_put(&conn->server->asked, request.id, conn);
	conn_move(conn, CONN_ASKED);
	route->fn(route->owner, &request);
}

/* From here on the connection speaks WebSocket and is no longer ours. */
static void
conn_upgrade(struct http_conn *conn)
{
	const struct http_route *route = conn->route;
	const struct http_parse *p = &conn->parse;
	struct peer *peer = conn->peer;
	struct wires *wires = conn->server->wires;
	bool asked = http_parse_field(p, "sec-websocket-protocol") != NULL;
	char *path = xstrdup(p->path);

	http_write_upgrade(bufferevent_get_output(peer->bev),
		http_parse_field(p, "sec-websocket-key"),
		asked ? route->subprotocol : NULL);
	bufferevent_set_timeouts(peer->bev, NULL, NULL);
	bufferevent_disable(peer->bev, EV_READ);
	conn->peer = NULL;
	http_conn_close(conn, false);
	wire_adopt_websocket(wires, peer, &route->wire, path);
	free(path);
}

/* The head is whole: everything that needs no body is decided before it comes. */
static void
conn_judge(struct http_conn *conn)
{
	struct http_parse *p = &conn->parse;
	struct http_refusal refusal = {0};
	struct evbuffer *input = bufferevent_get_input(conn->peer->bev);

	conn_move(conn, CONN_BODY);
	switch (http_judge(
		conn->server, conn->door, p, conn->peer->tls, &conn->route, &refusal)) {
	case VERDICT_PASS:
		/* Who has begun to send does not wait for the invitation. */
		if (!p->has_body || evbuffer_get_length(input) > 0)
			return;
		if (p->wants_continue)
			bufferevent_write(
				conn->peer->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
		else
			peer_acknowledge(conn->peer);
		return;
	case VERDICT_UPGRADE:
		conn_upgrade(conn);
		return;
	case VERDICT_REFUSE:
		/* A body that is not read would be taken for the next request. */
		conn_refuse(conn, &refusal, conn_keeps(conn) && !p->has_body);
		return;
	}
}

static void
conn_bad(struct http_conn *conn)
{
	const struct http_parse *p = &conn->parse;
	struct http_refusal refusal = {
		.status = p->status,
		.type = p->status == 413 || p->status == 414 || p->status == 431
				? "too_large"
				: "bad_request",
		.message = p->error,
	};

	conn_refuse(conn, &refusal, false);
}

/* Feeds what has come to the parser, once; false: there is nothing to do now. */
static bool
conn_feed(struct http_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->peer->bev);
	struct evbuffer_iovec piece = {.iov_base = (void *)"", .iov_len = 0};
	size_t used;
	enum http_step step;

	(void)evbuffer_peek(input, -1, NULL, &piece, 1);
	if (conn->state == CONN_IDLE) {
		if (piece.iov_len == 0)
			return false;
		peer_idle(conn->peer, NULL, NULL);
		conn_move(conn, CONN_HEAD);
	}
	step = http_parse_feed(&conn->parse, piece.iov_base, piece.iov_len, &used);
	evbuffer_drain(input, used);
	switch (step) {
	case HTTP_STEP_MORE:
		return used > 0;
	case HTTP_STEP_HEAD:
		conn_judge(conn);
		return true;
	case HTTP_STEP_DONE:
		conn_ask(conn);
		return true;
	case HTTP_STEP_BAD:
		conn_bad(conn);
		return true;
	}
	return false;
}

static void
conn_step(struct http_conn *conn)
{
	conn->stepping = true;
	while (conn->state < CONN_ASKED && conn_feed(conn)) {
		/* One that asks and asks and never reads the answers. */
		if (conn->state == CONN_IDLE &&
			evbuffer_get_length(bufferevent_get_output(conn->peer->bev)) >
				HTTP_OUTPUT_MAX) {
			log_info("http: closed address=%s reason=\"reads too slowly\"",
				conn->peer->address);
			http_conn_close(conn, true);
		}
	}
	conn->stepping = false;
	if (conn->finished && conn->state < CONN_ASKED)
		http_conn_close(conn, conn->state != CONN_IDLE);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct http_conn *conn = arg;

	if (conn->state < CONN_ASKED)
		conn_step(conn);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct http_conn *conn = arg;

	if ((what & BEV_EVENT_EOF) != 0) {
		/* It may still be waiting for what it asked. */
		conn->finished = true;
		if (conn->state < CONN_ASKED)
			conn_step(conn);
		return;
	}
	http_conn_close(conn, true);
}

/* ---- deadlines ---- */

static void
conn_time_out(struct http_conn *conn, int status, const char *type, const char *message)
{
	struct http_refusal refusal = {
		.status = status, .type = type, .message = message};

	conn_refuse(conn, &refusal, false);
}

void
http_conn_look_after(struct http_conn *conn, int64_t now_ms)
{
	int64_t age_ms = now_ms - conn->began_ms;
	int64_t body = (int64_t)conn->parse.n_body_raw;

	switch (conn->state) {
	case CONN_IDLE:
		if (evbuffer_get_length(bufferevent_get_output(conn->peer->bev)) > 0)
			return; /* HTTP_STALL_MS looks after that */
		if (age_ms >= (conn->n_requests == 0 ? HTTP_FIRST_MS : HTTP_IDLE_MS))
			http_conn_close(conn, false);
		return;
	case CONN_HEAD:
		if (age_ms >= HTTP_HEADER_MS)
			conn_time_out(conn, 408, "timeout",
				"the request's head did not come within 10 s");
		return;
	case CONN_BODY:
		if (age_ms >= HTTP_BODY_MS ||
			(age_ms >= HTTP_BODY_GRACE_MS &&
				body * 1000 < age_ms * HTTP_BODY_RATE))
			conn_time_out(conn, 408, "timeout", "the body comes too slowly");
		return;
	case CONN_ASKED:
		if (age_ms >= HTTP_ANSWER_MS) {
			log_warn("http: no answer in time path=%s", conn->parse.path);
			conn_time_out(conn, 503, "unavailable", "try again later");
		}
		return;
	case CONN_GONE:
		return;
	}
}

/* ---- the beginning ---- */

void
http_conn_begin(void *owner, struct peer *peer)
{
	static const struct timeval stall = {.tv_sec = HTTP_STALL_MS / 1000};
	struct http_door *door = owner;
	struct http_server *server = door->server;
	struct http_conn *conn = xcalloc(1, sizeof *conn);

	conn->server = server;
	conn->door = door;
	conn->peer = peer;
	http_parse_init(&conn->parse);
	conn_move(conn, CONN_IDLE);
	conn->next = server->conns;
	if (conn->next != NULL)
		conn->next->previous = conn;
	server->conns = conn;
	bufferevent_setcb(peer->bev, on_read, NULL, on_event, conn);
	bufferevent_set_timeouts(peer->bev, NULL, &stall);
	bufferevent_enable(peer->bev, EV_READ | EV_WRITE);
}
