/*
 * base/wire_ws.c - WebSocket framing of a wire, by wslay.
 *
 * wslay checks masks, reserved bits, control frames, close codes and UTF-8, and queues
 * the close frame that belongs to what it found; the limits of frames and fragments are
 * ours. No extension is offered.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/wire_inner.h"

/* Moves what wslay has queued into the connection's output. */
static void
flush(struct wire *wire)
{
	if (wire->peer != NULL && wslay_event_want_write(wire->ws))
		(void)wslay_event_send(wire->ws);
}

/* Refuses what came, saying why by a close code. */
static void
fail(struct wire *wire, int code, const char *reason)
{
	if (wire->peer == NULL)
		return;
	ws_say_close(wire, code);
	wire_shut(wire, reason, false);
}

static ssize_t
on_recv(wslay_event_context_ptr ws, uint8_t *buffer, size_t n, int flags, void *arg)
{
	struct wire *wire = arg;
	int got;

	if (wire->peer == NULL) {
		wslay_event_set_error(ws, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	got = wire->paused ? 0
			   : evbuffer_remove(
				     bufferevent_get_input(wire->peer->bev), buffer, n);
	if (got <= 0) {
		wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	return got;
}

static ssize_t
on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t n, int flags, void *arg)
{
	struct wire *wire = arg;

	if (wire->peer == NULL) {
		wslay_event_set_error(ws, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	wire_say(wire, (const char *)data, n);
	return (ssize_t)n;
}

static void
on_frame(wslay_event_context_ptr ws,
	const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
	struct wire *wire = arg;

	if (frame->payload_length > WIRE_FRAME_MAX) {
		fail(wire, WSLAY_CODE_MESSAGE_TOO_BIG, "frame too long");
		return;
	}
	if (frame->opcode == WSLAY_CONTINUATION_FRAME)
		wire->fragments++;
	else if (!wslay_is_ctrl_frame(frame->opcode))
		wire->fragments = 1;
	if (wire->fragments > WIRE_FRAGMENTS_MAX)
		fail(wire, WSLAY_CODE_MESSAGE_TOO_BIG, "too many fragments");
}

static void
on_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *message,
	void *arg)
{
	struct wire *wire = arg;
	char *scratch = wire->wires->scratch;
	size_t n = message->msg_length;

	if (wire->peer == NULL)
		return;
	(void)wire_pay(wire); /* pings are not free either */
	if (wslay_is_ctrl_frame(message->opcode))
		return; /* wslay answers pings and closes */
	if (message->opcode != WSLAY_TEXT_FRAME) {
		fail(wire, WSLAY_CODE_UNSUPPORTED_DATA, "binary message");
		return;
	}
	if (n == 0)
		return;
	memcpy(scratch, message->msg, n); /* wslay holds it to WIRE_MESSAGE_MAX */
	scratch[n] = '\0';
	wire_hand_over(wire, scratch, n);
}

bool
ws_begin(struct wire *wire)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_recv,
		.send_callback = on_send,
		.on_frame_recv_start_callback = on_frame,
		.on_msg_recv_callback = on_message,
	};

	if (wslay_event_context_server_init(&wire->ws, &callbacks, wire) != 0)
		return false;
	wslay_event_config_set_max_recv_msg_length(wire->ws, WIRE_MESSAGE_MAX);
	return true;
}

void
ws_read(struct wire *wire)
{
	bool broken = wslay_event_recv(wire->ws) != 0;

	if (wire->peer == NULL)
		return;
	flush(wire);
	if (broken)
		wire_shut(wire, "WebSocket error", false);
	else if (wslay_event_get_close_received(wire->ws))
		wire_shut(wire, "closed by the peer", false);
	else if (!wslay_event_get_read_enabled(wire->ws))
		wire_shut(wire, "WebSocket protocol error", false);
}

bool
ws_send(struct wire *wire, const char *text, size_t n)
{
	struct wslay_event_msg message = {.opcode = WSLAY_TEXT_FRAME,
		.msg = (const uint8_t *)text,
		.msg_length = n};

	if (wslay_event_queue_msg(wire->ws, &message) != 0)
		return false; /* a close frame is out already */
	flush(wire);
	return wire->peer != NULL;
}

void
ws_ping(struct wire *wire)
{
	struct wslay_event_msg ping = {.opcode = WSLAY_PING};

	if (wslay_event_queue_msg(wire->ws, &ping) == 0)
		flush(wire);
}

void
ws_say_close(struct wire *wire, int code)
{
	if (wslay_event_queue_close(wire->ws, (uint16_t)code, NULL, 0) == 0)
		flush(wire);
}

void
ws_finish(struct wire *wire)
{
	if (wire->ws != NULL)
		wslay_event_context_free(wire->ws);
	wire->ws = NULL;
}
