/* base/peer_inner.h - what peer.c and peer_listen.c share; nobody else includes it. */
#ifndef USHER_BASE_PEER_INNER_H
#define USHER_BASE_PEER_INNER_H

#include "base/map.h"
#include "base/peer.h"

struct event;
struct evconnlistener;

enum stage {
	STAGE_HANDSHAKE,
	STAGE_READY,
	STAGE_ENDING,
	STAGE_GONE,
	STAGES
};

struct peer_door {
	struct peers *peers; /* borrowed */
	struct peer_door *next;
	struct evconnlistener *listener; /* owned */
	struct event *resume;		 /* owned; accepts again after a pause */
	struct ssl_ctx_st *tls;		 /* borrowed */
	peer_ready ready;
	void *owner;
	struct map by_address; /* counts of untrusted peers, as pointers' numbers */
	int per_address, most, half_open;
	int n, n_half_open, n_handshakes;
	struct peer *idle, *idle_last; /* not yet trusted, the longest idle first */
	char *unlink;		       /* owned; a Unix socket's path; NULL: none */
	int64_t complained_ms;
};

struct peers {
	struct event_base *base; /* borrowed */
	struct peer_door *doors;
	struct peer *in[STAGES]; /* lists */
	struct event *bury, *sweep;
	int n;
};

/* The longest idle connection of the address ends; false: none is idle. */
bool peer_make_room(struct peer_door *door, const char *address) USHER_MUST_CHECK;
/* Takes an accepted socket over, whose welcome was decided. */
void peer_begin(struct peer_door *door, int fd, const char *address, bool local);
void peer_door_destroy(struct peer_door *door);

#endif
