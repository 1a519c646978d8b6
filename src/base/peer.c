/*
 * base/peer.c - accepted connections.
 *
 *   accept --caps--> HANDSHAKE --TLS done--> READY --peer_end--> ENDING --drained--> GONE
 *   any --error, deadline, peer_drop--> GONE, freed at the end of the loop turn
 *
 * One timer a second looks after all deadlines: a connection costs no timer of its own.
 */
#include "base/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"

#define BACKLOG 1024
#define ACCEPT_PAUSE_MS                                                                  \
	100		  /* after EMFILE and its kin, so that accepting does not spin */
#define COMPLAIN_MS 10000 /* between two log lines of one listener */

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
	char *unlink; /* owned; a Unix socket's path; NULL: none */
	int64_t complained_ms;
};

struct peers {
	struct event_base *base; /* borrowed */
	struct peer_door *doors;
	struct peer *in[STAGES]; /* lists */
	struct event *bury, *sweep;
	int n;
};

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

static void
name_address(const struct sockaddr *from, char out[PEER_ADDRESS_MAX])
{
	if (from->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, out,
			PEER_ADDRESS_MAX);
	} else if (from->sa_family == AF_INET6) {
		const struct in6_addr *a =
			&((const struct sockaddr_in6 *)from)->sin6_addr;

		if (IN6_IS_ADDR_V4MAPPED(a)) /* the same host as by IPv4 */
			inet_ntop(AF_INET, &a->s6_addr[12], out, PEER_ADDRESS_MAX);
		else
			inet_ntop(AF_INET6, a, out, PEER_ADDRESS_MAX);
	} else {
		snprintf(out, PEER_ADDRESS_MAX, "unix");
	}
}

/* Why one more connection from this address is too much; NULL: it is welcome. */
static const char *
over_cap(const struct peer_door *door, const char *address, bool local)
{
	if (door->most > 0 && door->n >= door->most)
		return "the total cap";
	if (door->half_open > 0 && door->n_half_open >= door->half_open)
		return "the cap of connections without login";
	if (door->tls != NULL && door->n_handshakes >= PEER_HANDSHAKES_MAX)
		return "the cap of TLS handshakes";
	if (!local && door->per_address > 0 &&
		(intptr_t)map_get(&door->by_address, address) >= door->per_address)
		return "the cap of one address";
	return NULL;
}

/* A flood must not become a flood of log lines. */
static bool
may_complain(struct peer_door *door)
{
	int64_t now_ms = clock_boot_ms();

	if (door->complained_ms != 0 && now_ms - door->complained_ms < COMPLAIN_MS)
		return false;
	door->complained_ms = now_ms;
	return true;
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

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
	int n_from, void *arg)
{
	struct peer_door *door = arg;
	bool local = from->sa_family == AF_UNIX;
	char address[PEER_ADDRESS_MAX];
	struct bufferevent *bev;
	struct peer *peer;
	const char *why;

	name_address(from, address);
	why = over_cap(door, address, local);
	if (why != NULL) {
		if (may_complain(door))
			log_warn("peer: refused connections address=%s reason=\"%s is "
				 "reached\" open=%d",
				address, why, door->n);
		evutil_closesocket(fd);
		return;
	}
	set_options(fd, local);
	bev = open_bufferevent(door, fd);
	if (bev == NULL)
		return;
	peer = xcalloc(1, sizeof *peer);
	peer->bev = bev;
	peer->door = door;
	peer->local = local;
	peer->tls = door->tls != NULL;
	memcpy(peer->address, address, sizeof address);
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

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct peer_door *door = arg;

	evconnlistener_enable(door->listener);
}

static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct peer_door *door = arg;
	struct timeval pause = {.tv_usec = ACCEPT_PAUSE_MS * 1000};

	if (may_complain(door))
		log_warn("peer: accepting pauses reason=\"%s\" open=%d; raise the "
			 "limit of open files",
			strerror(errno), door->n);
	evconnlistener_disable(listener);
	event_add(door->resume, &pause);
}

/* ---- listeners ---- */

/* A socket file of a process that is gone is removed; a living one is left alone. */
static bool
clear_path(const struct sockaddr_un *at)
{
	struct stat st;
	int fd, taken;

	if (lstat(at->sun_path, &st) != 0)
		return errno == ENOENT;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	taken = connect(fd, (const struct sockaddr *)at, sizeof *at);
	close(fd);
	if (taken == 0) {
		errno = EADDRINUSE;
		return false;
	}
	return unlink(at->sun_path) == 0;
}

/* "ADDRESS:PORT"; libevent's own parser does not take port 0. */
static bool
parse_internet(const char *text, struct sockaddr_storage *out, int *n)
{
	const char *colon = strrchr(text, ':');
	char host[PEER_ADDRESS_MAX + 2], *end;
	long port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof host || colon[1] == '\0' ||
		strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	port = strtol(colon + 1, &end, 10);
	if (port > 65535 ||
		evutil_parse_sockaddr_port(host, (struct sockaddr *)out, n) != 0)
		return false;
	if (out->ss_family == AF_INET)
		((struct sockaddr_in *)out)->sin_port = htons((uint16_t)port);
	else
		((struct sockaddr_in6 *)out)->sin6_port = htons((uint16_t)port);
	return true;
}

static bool
parse_address(const char *text, struct sockaddr_storage *out, int *n)
{
	struct sockaddr_un *local = (struct sockaddr_un *)out;

	memset(out, 0, sizeof *out);
	*n = sizeof *out;
	if (strncmp(text, "unix:", 5) != 0)
		return parse_internet(text, out, n);
	if (strlen(text + 5) == 0 || strlen(text + 5) >= sizeof local->sun_path)
		return false;
	local->sun_family = AF_UNIX;
	strcpy(local->sun_path, text + 5);
	*n = sizeof *local;
	return true;
}

static int
bound_port(evutil_socket_t fd)
{
	struct sockaddr_storage at;
	socklen_t n = sizeof at;

	if (getsockname(fd, (struct sockaddr *)&at, &n) != 0)
		return -1;
	if (at.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&at)->sin_port);
	if (at.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
	return 0;
}

static struct evconnlistener *
bind_listener(struct peer_door *door, const struct sockaddr_storage *at, int n_at)
{
	unsigned flags =
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
	bool local = at->ss_family == AF_UNIX;
	struct evconnlistener *listener;
	mode_t mask;

	if (local && !clear_path((const struct sockaddr_un *)at))
		return NULL;
	mask = umask(0177); /* a Unix socket is the owner's alone */
	listener = evconnlistener_new_bind(door->peers->base, on_accept, door, flags,
		BACKLOG, (const struct sockaddr *)at, n_at);
	umask(mask);
	return listener;
}

int
peers_listen(struct peers *peers, const struct peer_listen *listen, peer_ready ready,
	void *owner)
{
	struct sockaddr_storage at;
	struct peer_door *door;
	int n_at;

	if (!parse_address(listen->address, &at, &n_at)) {
		log_error("peer: \"%s\" is no address to listen on; write "
			  "127.0.0.1:PORT, [::1]:PORT or unix:/path",
			listen->address);
		return -1;
	}
	door = xcalloc(1, sizeof *door);
	*door = (struct peer_door){.peers = peers,
		.tls = listen->tls,
		.ready = ready,
		.owner = owner,
		.per_address = listen->per_address,
		.most = listen->most,
		.half_open = listen->half_open};
	door->listener = bind_listener(door, &at, n_at);
	if (door->listener == NULL) {
		log_error("peer: cannot listen on %s: %s", listen->address,
			strerror(errno));
		free(door);
		return -1;
	}
	evconnlistener_set_error_cb(door->listener, on_accept_error);
	door->resume = evtimer_new(peers->base, on_resume, door);
	if (at.ss_family == AF_UNIX)
		door->unlink = xstrdup(((struct sockaddr_un *)&at)->sun_path);
	door->next = peers->doors;
	peers->doors = door;
	return bound_port(evconnlistener_get_fd(door->listener));
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

static void
door_destroy(struct peer_door *door)
{
	evconnlistener_free(door->listener);
	event_free(door->resume);
	if (door->unlink != NULL)
		unlink(door->unlink);
	free(door->unlink);
	map_finish(&door->by_address);
	free(door);
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
		door_destroy(door);
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
