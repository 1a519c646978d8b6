/* Peers that exchange whole messages, as lines and as WebSocket frames: base/wire,
 * base/peer, through real sockets of this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/http.h"
#include "base/text.h"
#include "base/wire.h"

struct bench {
	struct event_base *base;
	struct wires *wires;
	struct http_server *http;
	struct wire_handler handler;
	int lines_port, http_port;
	char unix_path[64];
	/* what the handler saw */
	struct text heard; /* messages, each followed by "|" */
	struct text ends;  /* reasons, each followed by "|" */
	uint64_t id;	   /* the last opened */
	enum wire_kind kind;
	int opened, closed, messages;
	bool refuse, echo, close_on_message;
	long uid;
};

static bool
on_opened(void *owner, uint64_t id, enum wire_kind kind, const char *address,
	const char *path)
{
	struct bench *b = owner;

	b->opened++;
	b->id = id;
	b->kind = kind;
	b->uid = wire_peer_uid(b->wires, id);
	assert_string_equal(path, kind == WIRE_WEBSOCKET ? "/desk" : "");
	return !b->refuse;
}

static void
on_message(void *owner, uint64_t id, const char *text, size_t n)
{
	struct bench *b = owner;

	b->messages++;
	assert_int_equal(text[n], '\0');
	if (n < 100) {
		text_add_n(&b->heard, text, n);
		text_add(&b->heard, "|");
	}
	if (b->echo)
		wire_send(b->wires, id, text, n);
	if (b->close_on_message) {
		wire_close(b->wires, id, "asked to");
		wire_close(b->wires, id, "twice");
		assert_false(wire_send(b->wires, id, "x", 1));
	}
}

static void
on_closed(void *owner, uint64_t id, const char *reason)
{
	struct bench *b = owner;

	b->closed++;
	text_add(&b->ends, reason);
	text_add(&b->ends, "|");
	assert_false(wire_send(b->wires, id, "x", 1));
	wire_close(b->wires, id, "gone already");
}

static int
begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct wire_listen lines = {
		.address = "127.0.0.1:0", .per_address = 3, .most = 8};
	struct http_settings http = {
		.address = "127.0.0.1:0", .per_address = 8, .most = 8};

	signal(SIGPIPE, SIG_IGN);
	b->base = event_base_new();
	b->wires = wires_create(b->base);
	b->http = http_server_create(b->base, b->wires);
	b->handler = (struct wire_handler){on_opened, on_message, on_closed, b};
	b->lines_port = wires_listen(b->wires, &lines, &b->handler);
	http_websocket(b->http, "/desk", "usher.v1", &b->handler);
	b->http_port = http_server_listen(b->http, &http);
	snprintf(b->unix_path, sizeof b->unix_path, "test_wire.%d.sock", (int)getpid());
	assert_true(b->lines_port > 0 && b->http_port > 0);
	*state = b;
	return 0;
}

static int
end(void **state)
{
	struct bench *b = *state;

	http_server_destroy(b->http);
	wires_destroy(b->wires);
	event_base_free(b->base);
	text_finish(&b->heard);
	text_finish(&b->ends);
	free(b);
	return 0;
}

/* Lets the loop run until it has nothing to do at once. */
static void
run(struct bench *b)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(b->base, EVLOOP_NONBLOCK);
}

static int
dial(struct bench *b, int port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	/* Each piece is a segment of its own. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	run(b);
	return fd;
}

/* Sends everything, letting the server read meanwhile; false: it hung up. */
static bool
say(struct bench *b, int fd, const void *data, size_t n)
{
	const char *at = data;

	while (n > 0) {
		ssize_t done = send(fd, at, n, 0);

		if (done < 0 && errno != EAGAIN)
			return false;
		if (done > 0) {
			at += done;
			n -= (size_t)done;
		}
		run(b);
	}
	return true;
}

/* What has come; sets *gone when the server hung up. */
static size_t
hear(struct bench *b, int fd, char *out, size_t room, bool *gone)
{
	size_t n = 0;

	*gone = false;
	for (int i = 0; i < 50 && n < room; i++) {
		ssize_t got = recv(fd, out + n, room - n, 0);

		run(b);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			*gone = true;
			break;
		}
		if (got > 0)
			n += (size_t)got;
	}
	return n;
}

static bool
is_gone(struct bench *b, int fd)
{
	char rest[4096];
	bool gone;

	(void)hear(b, fd, rest, sizeof rest, &gone);
	return gone;
}

/* ---- lines ---- */

static void
lines_are_the_same_in_any_chunking(void **state)
{
	static const char text[] = "{\"a\":1}\n\n\r\nsecond\r\nthird line\nlast";
	struct bench *b = *state;

	for (size_t piece = 1; piece < sizeof text; piece++) {
		int fd = dial(b, b->lines_port);

		text_clear(&b->heard);
		for (size_t at = 0; at < sizeof text - 1; at += piece) {
			size_t left = sizeof text - 1 - at;

			assert_true(say(b, fd, text + at, left < piece ? left : piece));
		}
		assert_string_equal(b->heard.s, "{\"a\":1}|second|third line|");
		close(fd);
		run(b);
	}
	assert_int_equal(b->closed, (int)sizeof text - 1);
	assert_int_equal(wires_count(b->wires), 0);
}

static void
the_longest_line_is_taken_and_a_longer_one_ends_the_peer(void **state)
{
	char *line = malloc(WIRE_MESSAGE_MAX + 2);
	struct bench *b = *state;

	memset(line, 'x', WIRE_MESSAGE_MAX + 1);
	line[WIRE_MESSAGE_MAX] = '\n';
	for (int cut = 0; cut < 2; cut++) {
		int fd = dial(b, b->lines_port);

		assert_true(say(b, fd, line, WIRE_MESSAGE_MAX + 1));
		assert_int_equal(b->messages, 1 + cut);
		/* One byte more, with and without its end. */
		line[WIRE_MESSAGE_MAX] = 'x';
		line[WIRE_MESSAGE_MAX + 1] = '\n';
		(void)say(b, fd, line, WIRE_MESSAGE_MAX + 2 - (size_t)cut);
		assert_true(is_gone(b, fd));
		assert_int_equal(b->messages, 1 + cut);
		line[WIRE_MESSAGE_MAX] = '\n';
		close(fd);
	}
	assert_string_equal(b->ends.s, "line too long|line too long|");
	free(line);
}

static void
what_is_sent_before_closing_arrives(void **state)
{
	struct bench *b = *state;
	int fd = dial(b, b->lines_port);
	char got[64] = "";
	bool gone;

	b->echo = b->close_on_message = true;
	assert_true(say(b, fd, "bye\nignored\n", 12));
	assert_int_equal(hear(b, fd, got, sizeof got, &gone), 4);
	assert_string_equal(got, "bye\n");
	assert_true(gone);
	assert_int_equal(b->messages, 1);
	assert_string_equal(b->ends.s, "asked to|");
	close(fd);
}

static void
a_refused_peer_is_hung_up_on_without_closed(void **state)
{
	struct bench *b = *state;
	int fd;

	b->refuse = true;
	fd = dial(b, b->lines_port);
	assert_true(is_gone(b, fd));
	assert_int_equal(b->opened, 1);
	assert_int_equal(b->closed, 0);
	assert_int_equal(wires_count(b->wires), 0);
	close(fd);
}

static void
an_address_has_its_cap_until_its_peers_are_trusted(void **state)
{
	struct bench *b = *state;
	int fd[5];

	for (int i = 0; i < 4; i++)
		fd[i] = dial(b, b->lines_port);
	assert_int_equal(b->opened, 3);
	assert_true(is_gone(b, fd[3]));
	wire_trust(b->wires, b->id);
	wire_trust(b->wires, b->id);
	fd[4] = dial(b, b->lines_port);
	assert_int_equal(b->opened, 4);
	close(fd[0]);
	run(b);
	close(fd[3]);
	fd[3] = dial(b, b->lines_port);
	assert_int_equal(b->opened, 5);
	for (int i = 1; i < 5; i++)
		close(fd[i]);
}

static void
too_many_messages_are_read_later_not_lost(void **state)
{
	struct bench *b = *state;
	int fd = dial(b, b->lines_port);
	struct text many = {0};

	for (int i = 0; i < 2 * WIRE_BURST; i++)
		text_add(&many, "m\n");
	assert_true(say(b, fd, many.s, many.n));
	assert_true(b->messages >= WIRE_BURST && b->messages < 2 * WIRE_BURST);
	wire_set_rate(b->wires, b->id, 0, 0);
	for (int i = 0; i < 100 && b->messages < 2 * WIRE_BURST; i++)
		event_base_loop(b->base, EVLOOP_ONCE);
	assert_int_equal(b->messages, 2 * WIRE_BURST);
	text_finish(&many);
	close(fd);
}

static void
who_does_not_read_is_closed(void **state)
{
	struct bench *b = *state;
	int fd = dial(b, b->lines_port);
	char *line = calloc(1, 65536);
	int sent = 0;

	memset(line, 'y', 65535);
	while (sent < 1000 && wire_send(b->wires, b->id, line, 65535)) {
		sent++;
		run(b);
	}
	assert_true(sent < 1000);
	assert_int_equal(wire_output_pending(b->wires, b->id), 0);
	run(b);
	assert_string_equal(b->ends.s, "reads too slowly|");
	free(line);
	close(fd);
}

static void
a_unix_peer_is_known_by_its_user(void **state)
{
	struct bench *b = *state;
	char *address = xasprintf("unix:%s", b->unix_path);
	struct wire_listen at = {.address = address};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(wires_listen(b->wires, &at, &b->handler), 0);
	assert_int_equal(wires_listen(b->wires, &at, &b->handler), -1); /* in use */
	strcpy(to.sun_path, b->unix_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	run(b);
	assert_int_equal(b->kind, WIRE_UNIX);
	assert_int_equal(b->uid, (long)getuid());
	close(fd);
	free(address);
}

static void
an_address_that_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {"", "x", "127.0.0.1", "127.0.0.1:", ":80",
		"127.0.0.1:99999", "127.0.0.1:8x", "unix:", "localhost:80", "[::1:80"};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct wire_listen at = {.address = wrong[i]};

		assert_int_equal(wires_listen(b->wires, &at, &b->handler), -1);
	}
}

/* ---- WebSocket ---- */

static const char upgrade[] =
	"GET /desk?x=1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
	"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	"Sec-WebSocket-Protocol: usher.v1\r\n\r\n";

/* A client's frame: masked with zeros, so that the payload stays readable. */
static void
add_frame(struct text *out, int first_byte, const char *payload, size_t n)
{
	unsigned char head[14] = {(unsigned char)first_byte};
	size_t n_head = 2;

	if (n < 126) {
		head[1] = (unsigned char)(0x80 | n);
	} else {
		int bytes = n < 65536 ? 2 : 8;

		head[1] = (unsigned char)(0x80 | (bytes == 2 ? 126 : 127));
		for (int i = bytes - 1; i >= 0; i--)
			head[n_head++] = (unsigned char)(n >> (8 * i));
	}
	n_head += 4; /* the mask */
	text_add_n(out, (const char *)head, n_head);
	text_add_n(out, payload, n);
}

static int
dial_websocket(struct bench *b)
{
	int fd = dial(b, b->http_port);
	char head[1024] = "";
	bool gone;

	assert_true(say(b, fd, upgrade, sizeof upgrade - 1));
	(void)hear(b, fd, head, sizeof head - 1, &gone);
	assert_false(gone);
	assert_non_null(strstr(head, " 101 "));
	assert_non_null(strstr(head, "sec-websocket-protocol: usher.v1\r\n"));
	assert_int_equal(b->kind, WIRE_WEBSOCKET);
	return fd;
}

static void
frames_are_the_same_in_any_chunking(void **state)
{
	struct bench *b = *state;
	struct text all = {0};

	text_add_n(&all, upgrade, sizeof upgrade - 1);
	add_frame(&all, 0x81, "one", 3);
	add_frame(&all, 0x01, "t", 1); /* fragments, a ping between them */
	add_frame(&all, 0x89, "ping", 4);
	add_frame(&all, 0x00, "w", 1);
	add_frame(&all, 0x80, "o", 1);
	add_frame(&all, 0x8a, "", 0);
	add_frame(&all, 0x81, "", 0);
	add_frame(&all, 0x81, "\xc3\xbc", 2);
	for (size_t piece = 1; piece <= all.n; piece += piece < 20 ? 1 : 37) {
		int fd = dial(b, b->http_port);

		text_clear(&b->heard);
		for (size_t at = 0; at < all.n; at += piece)
			assert_true(say(b, fd, all.s + at,
				all.n - at < piece ? all.n - at : piece));
		assert_string_equal(b->heard.s, "one|two|\xc3\xbc|");
		close(fd);
		run(b);
	}
	assert_int_equal(wires_count(b->wires), 0);
	text_finish(&all);
}

static void
what_the_server_says_is_one_text_frame(void **state)
{
	struct bench *b = *state;
	int fd = dial_websocket(b);
	char got[16] = "";
	bool gone;

	assert_true(wire_send(b->wires, b->id, "hello", 5));
	assert_int_equal(hear(b, fd, got, sizeof got, &gone), 7);
	assert_memory_equal(got, "\x81\x05hello", 7);
	wire_close(b->wires, b->id, "enough");
	assert_int_equal(hear(b, fd, got, sizeof got, &gone), 4);
	assert_memory_equal(got, "\x88\x02\x03\xe8", 4);
	assert_true(gone);
	close(fd);
}

/* Sends a frame that must end the peer; returns the close code it was told. */
static int
code_for(struct bench *b, const struct text *frames)
{
	int fd = dial_websocket(b), code = 0;
	char got[256];
	size_t n;
	bool gone;

	(void)say(b, fd, frames->s, frames->n);
	n = hear(b, fd, got, sizeof got, &gone);
	if (!gone)
		fail_msg("still open after 0x%02x", (unsigned char)frames->s[0]);
	for (size_t i = 0; i + 3 < n; i++)
		if ((unsigned char)got[i] == 0x88 && got[i + 1] >= 2)
			code = (unsigned char)got[i + 2] * 256 +
			       (unsigned char)got[i + 3];
	close(fd);
	run(b);
	return code;
}

static void
frames_out_of_order_end_the_peer_with_the_right_code(void **state)
{
	/* 0: no code, as wslay ends what is no frame at all. */
	static const struct {
		const char *bytes;
		size_t n;
		int code;
	} cases[] = {
		{"\x81\x02hi", 4, 1002},       /* not masked */
		{"\xc1\x80\0\0\0\0", 6, 1002}, /* RSV1 */
		{"\x8b\x80\0\0\0\0", 6, 1002}, /* unknown control */
		{"\x83\x80\0\0\0\0", 6, 1002}, /* unknown data */
		{"\x09\x80\0\0\0\0", 6, 0},    /* fragmented ping */
		{"\x80\x80\0\0\0\0", 6, 1002}, /* continuation of nothing */
		{"\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 12,
			1002},			       /* new one within another */
		{"\x88\x81\0\0\0\0x", 7, 0},	       /* close code of one byte */
		{"\x88\x82\0\0\0\0\x03\xe7", 8, 1002}, /* close code 999 */
		{"\x81\x81\0\0\0\0\xff", 7, 1007},
		{"\x81\x82\0\0\0\0\xe2\x82", 8, 1007},
		{"\x82\x81\0\0\0\0x", 7, 1003},
		{"\x81\xff\0\0\0\0\0\x01\0\x01\0\0\0\0x", 15, 1009}, /* 65537 bytes */
		{"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, 0},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct text frames = {0};
		int code;

		text_add_n(&frames, cases[i].bytes, cases[i].n);
		code = code_for(b, &frames);
		if (code != cases[i].code)
			fail_msg("case %zu: code %d", i, code);
		text_finish(&frames);
	}
	assert_int_equal(b->messages, 0);
	assert_int_equal(b->closed, (int)(sizeof cases / sizeof *cases));
}

static void
messages_and_fragments_have_their_ends(void **state)
{
	struct bench *b = *state;
	char *payload = calloc(1, WIRE_FRAME_MAX + 1);
	struct text frames = {0};
	int fd;

	memset(payload, 'x', WIRE_FRAME_MAX + 1);
	/* Four of the longest frames are the longest message. */
	for (int i = 0; i < 4; i++)
		add_frame(&frames, (i == 0 ? 1 : 0) | (i == 3 ? 0x80 : 0), payload,
			WIRE_FRAME_MAX);
	fd = dial_websocket(b);
	assert_true(say(b, fd, frames.s, frames.n));
	assert_int_equal(b->messages, 1);
	close(fd);
	text_clear(&frames);
	for (int i = 0; i < 5; i++)
		add_frame(&frames, i == 0 ? 1 : 0, payload, WIRE_FRAME_MAX);
	assert_int_equal(code_for(b, &frames), 1009);
	text_clear(&frames);
	add_frame(&frames, 0x81, payload, WIRE_FRAME_MAX + 1);
	assert_int_equal(code_for(b, &frames), 1009);
	text_clear(&frames);
	for (int i = 0; i < WIRE_FRAGMENTS_MAX; i++)
		add_frame(&frames,
			(i == 0 ? 1 : 0) | (i == WIRE_FRAGMENTS_MAX - 1 ? 0x80 : 0), "x",
			1);
	fd = dial_websocket(b);
	assert_true(say(b, fd, frames.s, frames.n));
	assert_int_equal(b->messages, 2);
	close(fd);
	frames.s[(WIRE_FRAGMENTS_MAX - 1) * 7] = 0;
	add_frame(&frames, 0x80, "x", 1);
	assert_int_equal(code_for(b, &frames), 1009);
	assert_int_equal(b->messages, 2);
	text_finish(&frames);
	free(payload);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_the_same_in_any_chunking),
		TEST(the_longest_line_is_taken_and_a_longer_one_ends_the_peer),
		TEST(what_is_sent_before_closing_arrives),
		TEST(a_refused_peer_is_hung_up_on_without_closed),
		TEST(an_address_has_its_cap_until_its_peers_are_trusted),
		TEST(too_many_messages_are_read_later_not_lost),
		TEST(who_does_not_read_is_closed),
		TEST(a_unix_peer_is_known_by_its_user),
		TEST(an_address_that_is_none_is_refused),
		TEST(frames_are_the_same_in_any_chunking),
		TEST(what_the_server_says_is_one_text_frame),
		TEST(frames_out_of_order_end_the_peer_with_the_right_code),
		TEST(messages_and_fragments_have_their_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
