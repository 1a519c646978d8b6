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
#define WIRE_FRAME_MAX 65536  /* bytes of one WebSocket frame */
#define WIRE_FRAGMENTS_MAX 64 /* frames of one message */
#define WIRE_RATE 50	      /* messages a second */
#define WIRE_BURST 200	      /* messages at once */
#define WIRE_LOGIN_MS 5000    /* until wire_trust */
#define WIRE_PING_MS 10000    /* of silence, then a WebSocket ping; gone after two more */

enum wire_kind {
	WIRE_TCP,
	WIRE_UNIX,
	WIRE_WEBSOCKET
};

struct wire_handler {
	/* A new peer, after TLS and upgrade. Returning false refuses it (closed() is then
	 * not called). path: of the WebSocket URL, without query, else "". */
	bool (*opened)(void *owner, uint64_t id, enum wire_kind kind,
		const char *peer_address, const char *path);
	/* One message, NUL-terminated, valid UTF-8 not checked for lines (jansson does);
	 * never empty.
	 * Borrowed for the call. */
	void (*message)(void *owner, uint64_t id, const char *text, size_t n);
	/* The peer is gone, for whatever reason; called once, at the end of the loop
	 * turn, also after wire_close; not by wires_destroy. */
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
	int half_open;	 /* not yet trusted in all; 0: PEER_HALF_OPEN_MAX; -1: no cap */
	int rate, burst; /* messages a second, at once; 0: WIRE_RATE, WIRE_BURST; -1: no
			    limit */
};

/* Listens for line peers. Returns the port (0 for Unix), or -1 with the reason logged. */
int wires_listen(struct wires *wires, const struct wire_listen *listen,
	const struct wire_handler *handler) USHER_MUST_CHECK;

/* Sends one message (no line end in it). False: the peer is gone or too far behind (then
 * it is closed). */
bool wire_send(struct wires *wires, uint64_t id, const char *text, size_t n);
/* Sends what is queued, then closes. Safe from any callback, twice, for any reason. */
void wire_close(struct wires *wires, uint64_t id, const char *reason);
/* Logged in (or its login is being checked): the cap per address and the login deadline
 * no longer apply. Unix peers are trusted from the start. */
void wire_trust(struct wires *wires, uint64_t id);
/* Messages a second and at once; a peer that says more is read later (its output waits in
 * TCP). rate 0: no limit, for links and intakes that are known. */
void wire_set_rate(struct wires *wires, uint64_t id, int rate, int burst);
/* Credentials of a Unix peer: uid, or -1. */
long wire_peer_uid(struct wires *wires, uint64_t id);
size_t wire_output_pending(struct wires *wires, uint64_t id);
int wires_count(const struct wires *wires);

#endif
