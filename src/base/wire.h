/*
 * base/wire.h - a peer that sends and gets whole text messages: one a line over (TLS) TCP
 * or a Unix socket, one a text frame over WebSocket (subprotocol asked for is echoed).
 * Who uses it does not see which.
 *
 * Limits (RELIABILITY 6): message 256 KiB, WebSocket frame 64 KiB and 64 fragments,
 * output buffer 1 MiB, 50 messages/s with a burst of 200, handshake 5 s, silence ended by
 * WebSocket ping or TCP keep-alive and TCP_USER_TIMEOUT 20 s. A wire is known by its id,
 * which is never used again; after wire_close (or closed()) the id is simply unknown.
 */
#ifndef USHER_BASE_WIRE_H
#define USHER_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

struct event_base;
struct ssl_ctx_st;

#define WIRE_MESSAGE_MAX 262144
#define WIRE_OUTPUT_MAX 1048576

enum wire_kind {
	WIRE_TCP,
	WIRE_UNIX,
	WIRE_WEBSOCKET
};

struct wire_handler {
	/* A new peer, after TLS and upgrade. Returning false refuses it. path: of the
	 * WebSocket URL, else "". */
	bool (*opened)(void *owner, uint64_t id, enum wire_kind kind,
		const char *peer_address, const char *path);
	/* One message, NUL-terminated, valid UTF-8 not checked for lines (jansson does).
	 * Borrowed for the call. */
	void (*message)(void *owner, uint64_t id, const char *text, size_t n);
	/* The peer is gone, for whatever reason; called once, also after wire_close. */
	void (*closed)(void *owner, uint64_t id, const char *reason);
	void *owner;
};

struct wires; /* all wires of a process */

struct wires *wires_create(struct event_base *base);
void wires_destroy(struct wires *wires);

struct wire_listen {
	const char *address;	/* "127.0.0.1:7443", "[::1]:0", or "unix:/path" */
	struct ssl_ctx_st *tls; /* borrowed; NULL: plain (loopback and Unix only, the
				   caller has checked) */
	int per_address;	/* connections of one address before login; 0: no cap */
	int most;		/* connections in all */
};

/* Listens for line peers. Returns the port (0 for Unix), or -1 with the reason logged. */
int wires_listen(struct wires *wires, const struct wire_listen *listen,
	const struct wire_handler *handler) USHER_MUST_CHECK;

/* Sends one message (no line end in it). False: the peer is gone or too far behind (then
 * it is closed). */
bool wire_send(struct wires *wires, uint64_t id, const char *text, size_t n);
/* Sends what is queued, then closes. Safe from any callback, twice, for any reason. */
void wire_close(struct wires *wires, uint64_t id, const char *reason);
/* Logged in: the cap per address and the login deadline no longer apply. */
void wire_trust(struct wires *wires, uint64_t id);
/* Credentials of a Unix peer: uid, or -1. */
long wire_peer_uid(struct wires *wires, uint64_t id);
size_t wire_output_pending(struct wires *wires, uint64_t id);
int wires_count(const struct wires *wires);

#endif
