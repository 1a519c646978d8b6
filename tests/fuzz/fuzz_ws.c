/*
 * tests/fuzz/fuzz_ws.c - what may come behind a WebSocket's upgrade, and over a line
 * peer, through real sockets of this process (base/wire, base/wire_ws, base/peer).
 *
 * The first byte chooses: even, frames; odd, lines. The second is the length of the
 * pieces. Messages that arrive must be within their limits, and when the peer has hung up
 * nothing of it may be left.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/http.h"
#include "base/log.h"
#include "base/wire.h"

static const char upgrade[] = "GET /desk HTTP/1.1\r\nHost: localhost\r\n"
			      "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			      "Sec-WebSocket-Version: 13\r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static struct event_base *base;
static struct wires *wires;
static struct http_server *http;
static char paths[2][64];
static int open_peers;

static bool
on_opened(void *owner, uint64_t id, enum wire_kind kind, const char *address,
	const char *path)
{
	wire_set_rate(wires, id, 0, 0);
	open_peers++;
	return true;
}

static void
on_message(void *owner, uint64_t id, const char *text, size_t n)
{
	if (n == 0 || n > WIRE_MESSAGE_MAX || text[n] != '\0')
		abort();
	wire_send(wires, id, text, n);
	if (text[0] == 'c')
		wire_close(wires, id, "asked to");
}

static void
on_closed(void *owner, uint64_t id, const char *reason)
{
	open_peers--;
}

static void
prepare(void)
{
	static const struct wire_handler handler = {
		on_opened, on_message, on_closed, NULL};
	char address[80];

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR);
	base = event_base_new();
	wires = wires_create(base);
	http = http_server_create(base, wires);
	http_websocket(http, "/desk", "usher.v1", &handler);
	for (int i = 0; i < 2; i++) {
		struct wire_listen lines = {.address = address};
		struct http_settings frames = {.address = address};

		snprintf(paths[i], sizeof paths[i], "fuzz_ws.%d.%d", (int)getpid(), i);
		snprintf(address, sizeof address, "unix:%s", paths[i]);
		if ((i == 0 ? http_server_listen(http, &frames)
			    : wires_listen(wires, &lines, &handler)) < 0)
			abort();
	}
}

/* Sends all of it, letting the server read; false: it hung up. */
static bool
say(int fd, const char *data, size_t n)
{
	char waste[4096];

	while (n > 0) {
		ssize_t done = send(fd, data, n, 0);

		if (done < 0 && errno != EAGAIN)
			return false;
		if (done > 0) {
			data += done;
			n -= (size_t)done;
		}
		event_base_loop(base, EVLOOP_NONBLOCK);
		while (recv(fd, waste, sizeof waste, 0) > 0)
			;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t piece;
	int fd;

	if (base == NULL)
		prepare();
	if (n < 3)
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(to.sun_path, paths[data[0] & 1]);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		abort();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if ((data[0] & 1) == 0 && !say(fd, upgrade, sizeof upgrade - 1))
		abort();
	/* Small pieces for small inputs only: each costs a turn of the loop. */
	piece = n < 512 && data[1] != 0 ? data[1] : n;
	for (size_t at = 2; at < n; at += piece)
		if (!say(fd, (const char *)data + at, n - at < piece ? n - at : piece))
			break;
	close(fd);
	for (int i = 0; i < 20 && open_peers > 0; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	if (open_peers != 0 || wires_count(wires) != 0)
		abort();
	return 0;
}
