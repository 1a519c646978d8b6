/* base/peer_listen.c - listeners: addresses, caps, and accepting without spinning. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/peer_inner.h"

#define BACKLOG 1024
#define ACCEPT_PAUSE_MS 100 /* after EMFILE and its kin: accepting must not spin */
#define COMPLAIN_MS 10000   /* between two log lines of one listener */

/* ---- accepting ---- */

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
over_cap(struct peer_door *door, const char *address, bool local)
{
	if (door->most > 0 && door->n >= door->most)
		return "the total cap";
	if (door->half_open > 0 && door->n_half_open >= door->half_open)
		return "the cap of connections without login";
	if (door->tls != NULL && door->n_handshakes >= PEER_HANDSHAKES_MAX)
		return "the cap of TLS handshakes";
	if (!local && door->per_address > 0 &&
		(intptr_t)map_get(&door->by_address, address) >= door->per_address &&
		!peer_make_room(door, address))
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

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
	int n_from, void *arg)
{
	struct peer_door *door = arg;
	bool local = from->sa_family == AF_UNIX;
	char address[PEER_ADDRESS_MAX];
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
	peer_begin(door, fd, address, local);
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

/* ---- addresses ---- */

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

void
peer_door_destroy(struct peer_door *door)
{
	evconnlistener_free(door->listener);
	event_free(door->resume);
	if (door->unlink != NULL)
		unlink(door->unlink);
	free(door->unlink);
	map_finish(&door->by_address);
	free(door);
}
