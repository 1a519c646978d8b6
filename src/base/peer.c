/*
 * base/peer.c - accepted connections.
 *
 *   accept --caps--> HANDSHAKE --TLS done--> READY --peer_end--> ENDING --drained--> GONE
 *   any --error, deadline, peer_drop--> GONE, freed at the end of the loop turn
 *
 * One timer a second looks after all deadlines: a connection costs no timer of its own.
 */
#include "base/peer.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/peer_inner.h"

static void
list_out(struct peers *peers, struct peer *peer)
{
	if (peer->previous != NULL)
		peer->previous->next = peer->next;
	else
		peers->in[peer->stage] = peer->next;
	if (peer->next != NULL)
		peer->next->previous = peer->previous;
}

static void
list_in(struct peers *peers, struct peer *peer, enum stage stage)
{
	peer->stage = (int)stage;
	peer->previous = NULL;
	peer->next = peers->in[stage];
	if (peer->next != NULL)
		peer->next->previous = peer;
	peers->in[stage] = peer;
}

/* Alone writes the stage, so that lists and counts cannot drift. */
static void
peer_move(struct peer *peer, enum stage to)
{
	peer->door->n_handshakes -= peer->stage == STAGE_HANDSHAKE;
	list_out(peer->door->peers, peer);
	list_in(peer->door->peers, peer, to);
}

/* ---- idle ones give way ---- */

static void
idle_out(struct peer *peer)
{
	struct peer_door *door = peer->door;

	if (peer->give_way == NULL)
		return;
	peer->give_way = NULL;
	if (peer->idle_previous != NULL)
		peer->idle_previous->idle_next = peer->idle_next;
	else
		door->idle = peer->idle_next;
	if (peer->idle_next != NULL)
		peer->idle_next->idle_previous = peer->idle_previous;
	else
		door->idle_last = peer->idle_previous;
	peer->idle_next = peer->idle_previous = NULL;
}

void
peer_idle(struct peer *peer, void (*give_way)(void *arg), void *arg)
{
	struct peer_door *door = peer->door;

	idle_out(peer);
	if (give_way == NULL || peer->local || peer->trusted ||
		peer->stage != STAGE_READY)
		return;
	peer->give_way = give_way;
	peer->give_way_arg = arg;
	peer->idle_previous = door->idle_last;
	if (door->idle_last != NULL)
		door->idle_last->idle_next = peer;
	else
		door->idle = peer;
	door->idle_last = peer;
}

bool
peer_make_room(struct peer_door *door, const char *address)
{
	for (struct peer *p = door->idle; p != NULL; p = p->idle_next) {
		void (*give_way)(void *arg) = p->give_way;

		if (strcmp(p->address, address) != 0)
			continue;
		/* What it does to end is bounded in time, and counts no more. */
		peer_trust(p);
		give_way(p->give_way_arg);
		return true;
	}
	return false;
}

/* Counts per address are kept in the map's value itself: no allocation a peer. */
static void
count_address(struct peer_door *door, const char *address, int change)
{
	intptr_t n = (intptr_t)map_get(&door->by_address, address) + change;

	if (n > 0)
		(void)map_put(&door->by_address, address, (void *)n);
	else
		(void)map_remove(&door->by_address, address);
}

void
peer_trust(struct peer *peer)
{
	if (peer->trusted)
		return;
	idle_out(peer);
	peer->trusted = true;
	peer->door->n_half_open--;
	if (!peer->local)
		count_address(peer->door, peer->address, -1);
}

static void
peer_go(struct peer *peer)
{
	if (peer->stage == STAGE_GONE)
		return;
	idle_out(peer);
	bufferevent_disable(peer->bev, EV_READ | EV_WRITE);
	bufferevent_setcb(peer->bev, NULL, NULL, NULL, NULL);
	peer_move(peer, STAGE_GONE);
	event_active(peer->door->peers->bury, EV_TIMEOUT, 0);
}

static void
peer_free(struct peer *peer)
{
	struct peer_door *door = peer->door;

	peer_trust(peer); /* its counts go with it */
	list_out(door->peers, peer);
	bufferevent_free(peer->bev);
	door->n--;
	door->peers->n--;
	free(peer);
}

static void
on_bury(evutil_socket_t fd, short what, void *arg)
{
	struct peers *peers = arg;

	while (peers->in[STAGE_GONE] != NULL)
		peer_free(peers->in[STAGE_GONE]);
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	static const enum stage timed[] = {STAGE_HANDSHAKE, STAGE_ENDING};
	struct peers *peers = arg;
	int64_t now_ms = clock_boot_ms();

	for (int i = 0; i < 2; i++) {
		struct peer *next;

		for (struct peer *p = peers->in [timed[i]]; p != NULL; p = next) {
			next = p->next;
			if (p->deadline_ms <= now_ms)
				peer_go(p);
		}
	}
}

/* ---- the end ---- */

/* Says goodbye at both layers; what the peer still sends is read and thrown away, since
 * closing over unread input would reset the connection and lose our last words. */
static void
say_goodbye(struct peer *peer)
{
	SSL *ssl = peer->tls ? bufferevent_openssl_get_ssl(peer->bev) : NULL;

	peer->deadline_ms = clock_boot_ms() + PEER_END_MS;
	if (ssl != NULL) {
		SSL_shutdown(ssl);
		ERR_clear_error();
	}
	shutdown(bufferevent_getfd(peer->bev), SHUT_WR);
}

static void
on_end_write(struct bufferevent *bev, void *arg)
{
	struct peer *peer = arg;

	if (evbuffer_get_length(bufferevent_get_output(bev)) != 0)
		return;
	if (peer->deaf) /* it had hung up already: nothing more will come */
		peer_go(peer);
	else
		say_goodbye(peer);
}

static void
on_end_read(struct bufferevent *bev, void *arg)
{
	struct peer *peer = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(input);

	evbuffer_drain(input, n);
	peer->drained += n;
	if (peer->drained > PEER_DRAIN_MAX)
		peer_go(peer);
}

static void
on_end_event(struct bufferevent *bev, short what, void *arg)
{
	struct peer *peer = arg;
	size_t left = evbuffer_get_length(bufferevent_get_output(bev));

	/* One that has closed its side may still be reading our answer. */
	if ((what & BEV_EVENT_EOF) != 0 && left > 0) {
		bufferevent_disable(bev, EV_READ);
		peer->deaf = true;
		return;
	}
	peer_go(peer);
}

void
peer_end(struct peer *peer)
{
	if (peer->stage >= STAGE_ENDING)
		return;
	idle_out(peer);
	peer_move(peer, STAGE_ENDING);
	peer->deadline_ms = clock_boot_ms() + PEER_FLUSH_MS;
	bufferevent_setwatermark(peer->bev, EV_READ, 0, PEER_INPUT_MAX);
	bufferevent_setcb(peer->bev, on_end_read, on_end_write, on_end_event, peer);
	on_end_read(peer->bev, peer);
	if (peer->stage == STAGE_GONE)
		return;
	bufferevent_enable(peer->bev, EV_READ | EV_WRITE);
	if (evbuffer_get_length(bufferevent_get_output(peer->bev)) == 0)
		say_goodbye(peer);
}

void
peer_drop(struct peer *peer)
{
	peer_go(peer);
}

/* ---- the beginning ---- */

void
peer_acknowledge(struct peer *peer)
{
	int on = 1;

	if (!peer->local)
		setsockopt(bufferevent_getfd(peer->bev), IPPROTO_TCP, TCP_QUICKACK, &on,
			sizeof on);
}

static void
become_ready(struct peer *peer)
{
	struct peer_door *door = peer->door;

	peer_move(peer, STAGE_READY);
	peer->deadline_ms = 0;
	bufferevent_disable(peer->bev, EV_READ);
	bufferevent_setcb(peer->bev, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(peer->bev, EV_READ, 0, PEER_INPUT_MAX);
	if (peer->tls) /* no ticket follows, on which the last word could ride */
		peer_acknowledge(peer);
	door->ready(door->owner, peer);
}

static void
on_handshake_event(struct bufferevent *bev, short what, void *arg)
{
	struct peer *peer = arg;

	if ((what & BEV_EVENT_CONNECTED) != 0) {
		become_ready(peer);
		return;
	}
	if (log_wants(LOG_LEVEL_DEBUG)) {
		unsigned long code = bufferevent_get_openssl_error(bev);

		log_debug("peer: no handshake address=%s reason=\"%s\"", peer->address,
			code != 0 ? ERR_reason_error_string(code) : "closed");
	}
	peer_go(peer);
}

static void
set_options(int fd, bool local)
{
	int on = 1, idle_s = 10, every_s = 5, probes = 2;
	unsigned user_timeout_ms = PEER_USER_TIMEOUT_MS;

	if (local)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
		sizeof user_timeout_ms);
}

/* Takes the socket over; NULL: out of memory or TLS state, and the socket is closed. */
static struct bufferevent *
open_bufferevent(struct peer_door *door, evutil_socket_t fd)
{
	struct bufferevent *bev;
	SSL *ssl;

	if (door->tls == NULL) {
		bev = bufferevent_socket_new(
			door->peers->base, fd, BEV_OPT_CLOSE_ON_FREE);
		if (bev == NULL)
			evutil_closesocket(fd);
		return bev;
	}
	ssl = SSL_new(door->tls);
	bev = ssl != NULL ? bufferevent_openssl_socket_new(door->peers->base, fd, ssl,
				    BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
			  : NULL;
	if (bev == NULL) {
		SSL_free(ssl);
		evutil_closesocket(fd);
		return NULL;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

void
peer_begin(struct peer_door *door, int fd, const char *address, bool local)
{
	struct bufferevent *bev;
	struct peer *peer;

	set_options(fd, local);
	bev = open_bufferevent(door, fd);
	if (bev == NULL)
		return;
	peer = xcalloc(1, sizeof *peer);
	peer->bev = bev;
	peer->door = door;
	peer->local = local;
	peer->tls = door->tls != NULL;
	snprintf(peer->address, sizeof peer->address, "%s", address);
	if (!local)
		count_address(door, address, 1);
	door->n++;
	door->n_half_open++;
	door->n_handshakes++;
	door->peers->n++;
	list_in(door->peers, peer, STAGE_HANDSHAKE);
	peer->deadline_ms = clock_boot_ms() + PEER_HANDSHAKE_MS;
	if (!peer->tls) {
		become_ready(peer);
		return;
	}
	bufferevent_setcb(bev, NULL, NULL, on_handshake_event, peer);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

struct peers *
peers_create(struct event_base *base)
{
	struct peers *peers = xcalloc(1, sizeof *peers);
	struct timeval second = {.tv_sec = 1};

	peers->base = base;
	peers->bury = event_new(base, -1, 0, on_bury, peers);
	peers->sweep = event_new(base, -1, EV_PERSIST, on_sweep, peers);
	event_add(peers->sweep, &second);
	return peers;
}

void
peers_destroy(struct peers *peers)
{
	if (peers == NULL)
		return;
	for (int stage = 0; stage < STAGES; stage++)
		while (peers->in[stage] != NULL)
			peer_free(peers->in[stage]);
	while (peers->doors != NULL) {
		struct peer_door *door = peers->doors;

		peers->doors = door->next;
		peer_door_destroy(door);
	}
	event_free(peers->bury);
	event_free(peers->sweep);
	free(peers);
}

int
peers_count(const struct peers *peers)
{
	return peers->n;
}

long
peer_uid(const struct peer *peer)
{
	struct ucred who;
	socklen_t n = sizeof who;

	if (!peer->local || getsockopt(bufferevent_getfd(peer->bev), SOL_SOCKET,
				    SO_PEERCRED, &who, &n) != 0)
		return -1;
	return (long)who.uid;
}
