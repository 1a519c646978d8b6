/*
 * tests/bench/ceiling_socket.c - the ceiling X: how many exchanges a second a libevent
 * server reaches that does nothing but send a line of 400 bytes (an offer) and read one
 * of 80 (its acceptance), with 50 connections. A lifecycle needs three of them.
 *
 *   ceiling_socket [SECONDS]
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#define CONNECTIONS 50
#define OFFER_BYTES 400

static const char answer[] = "{\"m\":\"accept\",\"contact\":123456,\"agent\":\"agent-"
			     "000042\",\"t\":1234567890123}\n";

struct server {
	struct event_base *base;
	char offer[OFFER_BYTES];
	uint64_t sent_ns[1024]; /* by descriptor */
	uint64_t exchanges, began_ns, began_exchanges;
	double began_cpu;
	struct histogram turn;
};

static void
send_offer(struct server *server, struct bufferevent *peer)
{
	server->sent_ns[bufferevent_getfd(peer) & 1023] = measure_ns();
	bufferevent_write(peer, server->offer, OFFER_BYTES);
}

static void
on_read(struct bufferevent *peer, void *owner)
{
	struct server *server = owner;
	struct evbuffer *input = bufferevent_get_input(peer);
	char *line;

	while ((line = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF)) != NULL) {
		uint64_t ns =
			measure_ns() - server->sent_ns[bufferevent_getfd(peer) & 1023];

		if (strstr(line, "\"accept\"") != NULL)
			server->exchanges++;
		histogram_add(&server->turn, ns);
		free(line);
		send_offer(server, peer);
	}
}

static void
on_end(struct bufferevent *peer, short what, void *owner)
{
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(peer);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	int n, void *owner)
{
	struct server *server = owner;
	struct bufferevent *peer;
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	peer = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(peer, on_read, NULL, on_end, server);
	bufferevent_enable(peer, EV_READ | EV_WRITE);
	send_offer(server, peer);
}

/* The other process: answers each whole line it gets. */
static void
answer_lines(const struct sockaddr_in *address)
{
	int poll = epoll_create1(0), one = 1;
	struct epoll_event ready[CONNECTIONS];
	char buffer[8192];

	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		struct epoll_event watch = {.events = EPOLLIN, .data.fd = fd};

		if (connect(fd, (const void *)address, sizeof *address) != 0)
			_exit(1);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		epoll_ctl(poll, EPOLL_CTL_ADD, fd, &watch);
	}
	for (;;) {
		int n = epoll_wait(poll, ready, CONNECTIONS, -1);

		for (int i = 0; i < n; i++) {
			ssize_t got = read(ready[i].data.fd, buffer, sizeof buffer);

			if (got <= 0)
				_exit(0);
			if (buffer[got - 1] == '\n' &&
				write(ready[i].data.fd, answer, sizeof answer - 1) < 0)
				_exit(0);
		}
	}
}

static void
on_begin(evutil_socket_t fd, short what, void *owner)
{
	struct server *server = owner;

	server->began_ns = measure_ns();
	server->began_exchanges = server->exchanges;
	server->began_cpu = measure_cpu(getpid());
	memset(&server->turn, 0, sizeof server->turn);
}

static void
on_finish(evutil_socket_t fd, short what, void *owner)
{
	struct server *server = owner;

	event_base_loopbreak(server->base);
}

static void
report(const struct server *server)
{
	double seconds = (double)(measure_ns() - server->began_ns) / 1e9;
	double n = (double)(server->exchanges - server->began_exchanges);

	printf("{\"figure\":\"X\",\"value\":%.0f,\"unit\":\"exchanges/s\",\"reference\":"
	       "null,\"ratio\":null,\"p50_us\":%.0f,\"p99_us\":%.0f,\"server_cpu_us\":%."
	       "2f}\n",
		n / seconds, histogram_us(&server->turn, 0.5),
		histogram_us(&server->turn, 0.99),
		(measure_cpu(getpid()) - server->began_cpu) * 1e6 / n);
}

int
main(int argc, char **argv)
{
	long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 3;
	struct timeval begin = {0, 500000}, finish = {seconds > 0 ? seconds : 3, 500000};
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static struct server server;
	struct evconnlistener *listener;
	socklen_t n = sizeof address;
	pid_t child;

	memset(server.offer, 'x', OFFER_BYTES);
	memcpy(server.offer, "{\"m\":\"offer\",\"pad\":\"", 20);
	memcpy(server.offer + OFFER_BYTES - 3, "\"}\n", 3);
	server.base = event_base_new();
	listener = evconnlistener_new_bind(server.base, on_accept, &server,
		LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE, CONNECTIONS, (void *)&address,
		sizeof address);
	if (listener == NULL) {
		perror("ceiling_socket: cannot listen on loopback");
		return 1;
	}
	getsockname(evconnlistener_get_fd(listener), (void *)&address, &n);
	child = fork();
	if (child == 0)
		answer_lines(&address);
	event_base_once(server.base, -1, EV_TIMEOUT, on_begin, &server, &begin);
	event_base_once(server.base, -1, EV_TIMEOUT, on_finish, &server, &finish);
	event_base_dispatch(server.base);
	report(&server);
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	evconnlistener_free(listener);
	event_base_free(server.base);
	return 0;
}
