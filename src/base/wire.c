/*
 * base/wire.c - what line and WebSocket peers have in common.
 *
 *   open --wire_close, end of stream, error, limit, silence--> gone, freed after this
 * turn open <--tokens-- paused (too many messages: not read for a while)
 */
#include "base/wire.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wire_inner.h"

struct wire_door {
	struct wire_door *next;
	struct wires *wires; /* borrowed */
	struct wire_handler handler;
	int rate, burst;
};

static struct wire *
find(struct wires *wires, uint64_t id)
{
	return idmap_get(&wires->open, id);
}

/* ---- the end of a wire ---- */

void
wire_shut(struct wire *wire, const char *reason, bool drop)
{
	struct wires *wires = wire->wires;
	struct peer *peer = wire->peer;

	if (peer == NULL)
		return;
	if (wire->paused)
		wire_unlink_paused(wire);
	if (!drop)
		wire_hand_to_peer(wire);
	wire_unlink_said(wire);
	if (wire->readable != NULL)
		event_free(wire->readable);
	wire->readable = NULL;
	wire->peer = NULL;
	wire->reason = xstrdup(reason);
	(void)idmap_remove(&wires->open, wire->id);
	wires->n--;
	wire->next = wires->gone;
	wires->gone = wire;
	if (drop)
		peer_drop(peer);
	else
		peer_end(peer);
	/* Callers up the stack still hold the wire, so the freeing waits for its turn. */
	event_active(wires->bury, EV_TIMEOUT, 0);
}

static void
wire_free(struct wire *wire)
{
	ws_finish(wire);
	if (wire->readable != NULL)
		event_free(wire->readable);
	text_finish(&wire->said);
	free(wire->reason);
	free(wire);
}

static void
on_bury(evutil_socket_t fd, short what, void *arg)
{
	struct wires *wires = arg;

	while (wires->gone != NULL) {
		struct wire *wire = wires->gone;

		wires->gone = wire->next;
		if (!wire->refused)
			wire->handler.closed(wire->handler.owner, wire->id, wire->reason);
		wire_free(wire);
	}
}

/* ---- reading ---- */

void
wire_hand_over(struct wire *wire, const char *text, size_t n)
{
	wire->handler.message(wire->handler.owner, wire->id, text, n);
}

void
wire_read(struct wire *wire)
{
	if (wire->ws != NULL)
		ws_read(wire);
	else
		lines_read(wire);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct wire *wire = arg;

	if (wire->peer != NULL && !wire->paused)
		wire_read(wire);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct wire *wire = arg;

	if ((what & BEV_EVENT_EOF) != 0)
		wire_shut(wire, "the peer hung up", false);
	else if ((what & BEV_EVENT_TIMEOUT) == 0)
		wire_shut(wire, "the connection broke", true);
}

/* ---- sending ---- */

bool
wire_send(struct wires *wires, uint64_t id, const char *text, size_t n)
{
	struct wire *wire = find(wires, id);

	if (wire == NULL)
		return false;
	if (wire_pending(wire) + n + 1 > WIRE_OUTPUT_MAX) {
		log_info("wire: closed id=%" PRIu64
			 " reason=\"reads too slowly\" pending=%zu",
			id, wire_pending(wire));
		wire_shut(wire, "reads too slowly", true);
		return false;
	}
	if (wire->ws != NULL)
		return ws_send(wire, text, n);
	wire_say(wire, text, n);
	wire_say(wire, "\n", 1);
	return true;
}

void
wire_close(struct wires *wires, uint64_t id, const char *reason)
{
	struct wire *wire = find(wires, id);

	if (wire == NULL)
		return;
	if (wire->ws != NULL)
		ws_say_close(wire, 1000);
	wire_shut(wire, reason, false);
}

void
wire_set_rate(struct wires *wires, uint64_t id, int rate, int burst)
{
	struct wire *wire = find(wires, id);

	if (wire == NULL)
		return;
	if (burst < 1)
		burst = rate > 1 ? rate : 1;
	wire->rate = rate;
	wire->burst = burst;
	wire->tokens_milli = (int64_t)burst * 1000;
	wire->refilled_ms = clock_boot_ms();
}

void
wire_trust(struct wires *wires, uint64_t id)
{
	struct wire *wire = find(wires, id);

	if (wire == NULL || wire->trusted)
		return;
	wire->trusted = true;
	peer_trust(wire->peer);
}

long
wire_peer_uid(struct wires *wires, uint64_t id)
{
	struct wire *wire = find(wires, id);

	return wire != NULL ? peer_uid(wire->peer) : -1;
}

size_t
wire_output_pending(struct wires *wires, uint64_t id)
{
	struct wire *wire = find(wires, id);

	return wire != NULL ? wire_pending(wire) : 0;
}

int
wires_count(const struct wires *wires)
{
	return wires->n;
}

/* ---- silence ---- */

static void
look_after(struct wire *wire, int64_t now_ms)
{
	if (!wire->trusted && now_ms - wire->opened_ms >= WIRE_LOGIN_MS) {
		if (wire->ws != NULL)
			ws_say_close(wire, 1008);
		wire_shut(wire, "no login in time", false);
		return;
	}
	/* A line peer's silence is ended by TCP (base/peer.c) and by the heartbeat of
	 * its own protocol. A paused one is not read, so its silence says nothing. */
	if (wire->ws == NULL || wire->paused)
		return;
	if (now_ms - wire->heard_ms >= 3 * (int64_t)WIRE_PING_MS) {
		wire_shut(wire, "silent", true);
	} else if (now_ms - wire->heard_ms >= WIRE_PING_MS &&
		   now_ms - wire->pinged_ms >= WIRE_PING_MS) {
		wire->pinged_ms = now_ms;
		ws_ping(wire);
	}
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct wires *wires = arg;
	int64_t now_ms = clock_boot_ms();
	size_t at = 0;
	void *wire;

	while (idmap_next(&wires->open, &at, NULL, &wire))
		look_after(wire, now_ms);
}

/* ---- the beginning ---- */

struct wire *
wire_open(struct wires *wires, struct peer *peer, enum wire_kind kind,
	const struct wire_handler *handler, const char *path, int rate, int burst)
{
	struct wire *wire = xcalloc(1, sizeof *wire);

	wire->id = ++wires->last_id;
	wire->kind = kind;
	wire->wires = wires;
	wire->peer = peer;
	wire->handler = *handler;
	wire->rate = rate;
	wire->burst = burst;
	wire->tokens_milli = (int64_t)burst * 1000;
	wire->opened_ms = wire->heard_ms = wire->refilled_ms = clock_boot_ms();
	(void)idmap_put(&wires->open, wire->id, wire);
	wires->n++;
	bufferevent_setcb(peer->bev, on_read, NULL, on_event, wire);
	bufferevent_setwatermark(peer->bev, EV_READ, 0, WIRE_MESSAGE_MAX + 4096);
	if (kind != WIRE_WEBSOCKET && !peer->tls)
		lines_begin(wire);
	if (kind == WIRE_WEBSOCKET && !ws_begin(wire)) {
		wire->refused = true;
		wire_shut(wire, "out of memory", true);
		return NULL;
	}
	if (kind == WIRE_UNIX)
		wire_trust(wires, wire->id);
	if (!handler->opened(handler->owner, wire->id, kind, peer->address, path)) {
		wire->refused = true;
		if (wire->peer != NULL && wire->ws != NULL)
			ws_say_close(wire, 1013); /* try again later */
		wire_shut(wire, "refused", false);
		return NULL;
	}
	if (wire->peer != NULL) {
		bufferevent_enable(peer->bev, EV_WRITE);
		wire_hear(wire, true);
	}
	return wire;
}

static void
on_ready(void *owner, struct peer *peer)
{
	struct wire_door *door = owner;

	wire_open(door->wires, peer, peer->local ? WIRE_UNIX : WIRE_TCP, &door->handler,
		"", door->rate, door->burst);
}

void
wire_adopt_websocket(struct wires *wires, struct peer *peer,
	const struct wire_handler *handler, const char *path)
{
	struct wire *wire = wire_open(
		wires, peer, WIRE_WEBSOCKET, handler, path, WIRE_RATE, WIRE_BURST);

	/* What came right behind the upgrade is in the input already. */
	if (wire != NULL && wire->peer != NULL)
		wire_read(wire);
}

/* 0 is the default, -1 none. */
static int
choose(int given, int usual)
{
	return given == 0 ? usual : given < 0 ? 0 : given;
}

int
wires_listen(struct wires *wires, const struct wire_listen *listen,
	const struct wire_handler *handler)
{
	struct wire_door *door = xcalloc(1, sizeof *door);
	struct peer_listen at = {.address = listen->address,
		.tls = listen->tls,
		.per_address = listen->per_address,
		.most = listen->most,
		.half_open = choose(listen->half_open, PEER_HALF_OPEN_MAX)};
	int port;

	*door = (struct wire_door){.wires = wires,
		.handler = *handler,
		.rate = choose(listen->rate, WIRE_RATE),
		.burst = choose(listen->burst, WIRE_BURST)};
	port = peers_listen(wires->peers, &at, on_ready, door);
	if (port < 0) {
		free(door);
		return -1;
	}
	door->next = wires->doors;
	wires->doors = door;
	return port;
}

struct wires *
wires_create(struct event_base *base)
{
	struct wires *wires = xcalloc(1, sizeof *wires);
	struct timeval second = {.tv_sec = 1};

	wires->base = base;
	wires->peers = peers_create(base);
	wires->bury = event_new(base, -1, 0, on_bury, wires);
	wires->sweep = event_new(base, -1, EV_PERSIST, on_sweep, wires);
	wires->refill = evtimer_new(base, wires_on_refill, wires);
	wires->flush = event_new(base, -1, 0, wires_on_flush, wires);
	event_add(wires->sweep, &second);
	return wires;
}

void
wires_destroy(struct wires *wires)
{
	size_t at = 0;
	void *wire;

	if (wires == NULL)
		return;
	while (idmap_next(&wires->open, &at, NULL, &wire))
		wire_free(wire);
	while (wires->gone != NULL) {
		wire = wires->gone;
		wires->gone = wires->gone->next;
		wire_free(wire);
	}
	idmap_finish(&wires->open);
	peers_destroy(wires->peers);
	while (wires->doors != NULL) {
		struct wire_door *door = wires->doors;

		wires->doors = door->next;
		free(door);
	}
	event_free(wires->bury);
	event_free(wires->sweep);
	event_free(wires->refill);
	event_free(wires->flush);
	free(wires);
}
