/*
 * tests/bench/peer_beanstalkd.c - lives a second through beanstalkd: 50 workers reserve
 * and delete, and for each life ended one is put.
 *
 *   peer_beanstalkd PORT SECONDS       one JSON line
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "measure.h"

#define WORKERS 50
#define CONTACT_BYTES 1000

struct bench {
	struct event_base *base;
	struct bufferevent *producer;
	struct bufferevent *workers[WORKERS];
	char contact[CONTACT_BYTES + 1];
	unsigned priority;
	uint64_t done, begun, began_ns;
	long seconds;
};

static void
put(struct bench *bench)
{
	bench->priority = bench->priority * 1103515245u + 12345u;
	evbuffer_add_printf(bufferevent_get_output(bench->producer),
		"put %u 0 60 %d\r\n%s\r\n", bench->priority >> 16 & 1023, CONTACT_BYTES,
		bench->contact);
}

static void
on_producer(struct bufferevent *stream, void *owner)
{
	struct evbuffer *input = bufferevent_get_input(stream);

	evbuffer_drain(input, evbuffer_get_length(input)); /* INSERTED id */
}

/* RESERVED id bytes, then the bytes; DELETED. What is not whole yet is left for later. */
static bool
take_answer(struct bench *bench, struct bufferevent *stream)
{
	struct evbuffer *input = bufferevent_get_input(stream);
	struct evbuffer_ptr end =
		evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_CRLF_STRICT);
	unsigned long long id;
	char line[128] = "";

	if (end.pos < 0 || end.pos >= (ssize_t)sizeof line)
		return false;
	evbuffer_copyout(input, line, (size_t)end.pos);
	if (sscanf(line, "RESERVED %llu", &id) == 1) {
		size_t whole = (size_t)end.pos + 2 + CONTACT_BYTES + 2;

		if (evbuffer_get_length(input) < whole)
			return false;
		evbuffer_drain(input, whole);
		evbuffer_add_printf(
			bufferevent_get_output(stream), "delete %llu\r\n", id);
		return true;
	}
	evbuffer_drain(input, (size_t)end.pos + 2);
	if (strcmp(line, "DELETED") != 0) {
		fprintf(stderr, "peer_beanstalkd: unexpected answer: %s\n", line);
		exit(1);
	}
	bench->done++;
	put(bench);
	bufferevent_write(stream, "reserve\r\n", 9);
	return true;
}

static void
on_worker(struct bufferevent *stream, void *owner)
{
	while (take_answer(owner, stream))
		;
}

static struct bufferevent *
connect_to(struct bench *bench, int port, bufferevent_data_cb on_read)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct bufferevent *stream =
		bufferevent_socket_new(bench->base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (bufferevent_socket_connect(
		    stream, (struct sockaddr *)&address, sizeof address) != 0) {
		fprintf(stderr, "peer_beanstalkd: cannot connect\n");
		exit(1);
	}
	bufferevent_setcb(stream, on_read, NULL, NULL, bench);
	bufferevent_enable(stream, EV_READ | EV_WRITE);
	return stream;
}

static void
on_end(evutil_socket_t fd, short what, void *owner)
{
	struct bench *bench = owner;

	event_base_loopbreak(bench->base);
}

static void
on_begin(evutil_socket_t fd, short what, void *owner)
{
	struct bench *bench = owner;
	struct timeval end = {bench->seconds, 0};

	bench->begun = bench->done;
	bench->began_ns = measure_ns();
	event_base_once(bench->base, -1, EV_TIMEOUT, on_end, bench, &end);
}

int
main(int argc, char **argv)
{
	static struct bench bench;
	struct timeval begin = {1, 0};
	int port = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;

	bench.seconds = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
	if (port == 0 || bench.seconds <= 0) {
		fprintf(stderr, "usage: peer_beanstalkd PORT SECONDS\n");
		return 2;
	}
	memset(bench.contact, 'x', CONTACT_BYTES);
	bench.base = event_base_new();
	bench.producer = connect_to(&bench, port, on_producer);
	for (int i = 0; i < WORKERS; i++) {
		bench.workers[i] = connect_to(&bench, port, on_worker);
		bufferevent_write(bench.workers[i], "reserve\r\n", 9);
		put(&bench);
	}
	event_base_once(bench.base, -1, EV_TIMEOUT, on_begin, &bench, &begin);
	event_base_dispatch(bench.base);
	printf("{\"lives_s\": %.1f}\n",
		(double)(bench.done - bench.begun) /
			((double)(measure_ns() - bench.began_ns) / 1e9));
	return 0;
}
