/*
 * base/wire_lines.c - peers that speak in lines.
 *
 * Without TLS they are read here rather than by their bufferevent, which would ask the
 * kernel before each reading how much has come. Lines are handed over where they lie;
 * what is left goes into the bufferevent's input, and lines that cross it are put
 * together there.
 */
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>

#include "base/wire_inner.h"

#define READ_MAX 16384 /* bytes at once, so that others have their turn */

_Static_assert(READ_MAX <= WIRE_MESSAGE_MAX, "the scratch holds what is read");

/* One line in the scratch, where a NUL may take the place of its end. */
static void
hand_over(struct wire *wire, char *line, size_t n)
{
	if (n > 0 && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	(void)wire_pay(wire); /* pauses after this one */
	if (n > 0)
		wire_hand_over(wire, line, n);
}

/* Takes one line out of the input into the scratch; false: none is complete yet. */
static bool
take_line(struct wire *wire, size_t *n)
{
	struct evbuffer *input = bufferevent_get_input(wire->peer->bev);
	struct evbuffer_ptr from, end;

	if (evbuffer_ptr_set(input, &from, wire->scanned, EVBUFFER_PTR_SET) != 0)
		return false;
	end = evbuffer_search(input, "\n", 1, &from);
	if (end.pos < 0) {
		wire->scanned = evbuffer_get_length(input);
		if (wire->scanned > WIRE_MESSAGE_MAX)
			wire_shut(wire, "line too long", false);
		return false;
	}
	wire->scanned = 0;
	*n = (size_t)end.pos;
	if (*n > WIRE_MESSAGE_MAX) {
		wire_shut(wire, "line too long", false);
		return false;
	}
	evbuffer_remove(input, wire->wires->scratch, *n);
	evbuffer_drain(input, 1);
	return true;
}

void
lines_read(struct wire *wire)
{
	size_t n;

	while (wire->peer != NULL && !wire->paused && take_line(wire, &n))
		hand_over(wire, wire->wires->scratch, n);
}

static void
keep(struct wire *wire, const char *rest, size_t n)
{
	struct evbuffer *input = bufferevent_get_input(wire->peer->bev);

	evbuffer_unfreeze(input, 0);
	evbuffer_add(input, rest, n);
	evbuffer_freeze(input, 0);
}

/* n bytes have come into the scratch, and nothing was left before. */
static void
read_in_place(struct wire *wire, size_t n)
{
	char *line = wire->wires->scratch, *end = line + n, *stop;

	while (wire->peer != NULL && !wire->paused &&
		(stop = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		hand_over(wire, line, (size_t)(stop - line));
		line = stop + 1;
	}
	if (wire->peer != NULL && line < end)
		keep(wire, line, (size_t)(end - line));
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct wire *wire = arg;
	char *scratch = wire->wires->scratch;
	ssize_t n = recv(fd, scratch, READ_MAX, 0);

	if (n == 0) {
		wire_shut(wire, "the peer hung up", false);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		wire_shut(wire, "the connection broke", true);
	} else if (n > 0 &&
		   evbuffer_get_length(bufferevent_get_input(wire->peer->bev)) > 0) {
		keep(wire, scratch, (size_t)n);
		lines_read(wire);
	} else if (n > 0) {
		read_in_place(wire, (size_t)n);
	}
}

void
lines_begin(struct wire *wire)
{
	wire->readable = event_new(wire->wires->base, bufferevent_getfd(wire->peer->bev),
		EV_READ | EV_PERSIST, on_readable, wire);
}
