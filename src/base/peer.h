/*
 * base/peer.h - accepted connections: listeners, caps, TLS handshake with its deadline,
 * and an orderly end. What is said over them is known to base/wire and base/http.
 *
 * A peer belongs to its user from ready() until peer_end() or peer_drop(); both may be
 * called from any callback of its bufferevent, since freeing waits for the end of the
 * loop turn.
 */
#ifndef USHER_BASE_PEER_H
#define USHER_BASE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

struct bufferevent;
struct event_base;
struct ssl_ctx_st;

#define PEER_ADDRESS_MAX 48	   /* bytes of an address as text, with the NUL */
#define PEER_HANDSHAKE_MS 5000	   /* TLS handshake, absolute (RELIABILITY S5) */
#define PEER_FLUSH_MS 30000	   /* to take the last output */
#define PEER_END_MS 3000	   /* and then to hang up */
#define PEER_DRAIN_MAX 2097152	   /* bytes thrown away while a peer hangs up */
#define PEER_INPUT_MAX 65536	   /* bytes read ahead of the parser */
#define PEER_HALF_OPEN_MAX 256	   /* not yet trusted, of one listener */
#define PEER_HANDSHAKES_MAX 256	   /* TLS handshakes at once, of one listener */
#define PEER_USER_TIMEOUT_MS 20000 /* unacknowledged output (RELIABILITY 6) */

struct peers; /* all of a process */

struct peer {
	struct bufferevent *bev;	/* owned */
	char address[PEER_ADDRESS_MAX]; /* "unix" for Unix sockets */
	bool tls, local;		/* local: a Unix socket */
	/* the module's own */
	struct peer_door *door; /* borrowed */
	struct peer *next, *previous;
	int64_t deadline_ms; /* boot time; 0: none */
	size_t drained;
	int stage;		     /* enum stage of peer.c */
	void (*give_way)(void *arg); /* NULL: not idle */
	void *give_way_arg;
	struct peer *idle_next, *idle_previous; /* the longest idle first */
	bool trusted;
	bool deaf; /* it closed its side; our last output still goes out */
};

struct peer_listen {
	const char *address;	/* "127.0.0.1:7443", "[::1]:0", or "unix:/path" */
	struct ssl_ctx_st *tls; /* borrowed; NULL: plain */
	int per_address; /* not yet trusted connections of one address; 0: no cap */
	int most;	 /* connections in all; 0: no cap */
	int half_open;	 /* not yet trusted in all; 0: no cap */
};

/* A peer that may be spoken with (after TLS). The user sets bev's callbacks and enables
 * it; reading is off. */
typedef void (*peer_ready)(void *owner, struct peer *peer);

struct peers *peers_create(struct event_base *base);
void peers_destroy(struct peers *peers); /* hangs up on all of them at once */

/*
 * peers_listen - opens one listener.
 *
 * listen   copied but for tls, which is borrowed
 * Returns  the port (0 for Unix), or -1 with the reason logged
 */
int peers_listen(struct peers *peers, const struct peer_listen *listen, peer_ready ready,
	void *owner) USHER_MUST_CHECK;

/* Known: the caps per address and of half-open connections no longer count it. */
void peer_trust(struct peer *peer);
/*
 * peer_idle - the user says that nothing is going on: where another connection of the
 * same address would be refused by the cap of one address, this one gives way.
 *
 * give_way called to end it, at most once; NULL: it is busy again. arg is borrowed
 */
void peer_idle(struct peer *peer, void (*give_way)(void *arg), void *arg);
/* Sends what is queued (PEER_FLUSH_MS), closes TLS and TCP in order (PEER_END_MS). The
 * caller forgets the peer. */
void peer_end(struct peer *peer);
/* Hangs up without sending the rest. The caller forgets the peer. */
void peer_drop(struct peer *peer);
/* Acknowledges what has come at once, where the peer is known to have more to say before
 * it is answered: with Nagle's algorithm it would wait 40 ms for that. */
void peer_acknowledge(struct peer *peer);
long peer_uid(const struct peer *peer); /* of a Unix peer; else -1 */
int peers_count(const struct peers *peers);

#endif
