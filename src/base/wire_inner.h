/* base/wire_inner.h - what wire.c, wire_ws.c and the HTTP upgrade share; nobody else
 * includes it. */
#ifndef USHER_BASE_WIRE_INNER_H
#define USHER_BASE_WIRE_INNER_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "base/map.h"
#include "base/peer.h"
#include "base/text.h"
#include "base/wire.h"

struct wslay_event_context;

struct wire {
	uint64_t id;
	enum wire_kind kind;
	struct wires *wires; /* borrowed */
	struct peer *peer; /* borrowed from base/peer; NULL: given back, the wire is gone
			    */
	struct wire_handler handler;
	struct wire *next;			/* in wires->gone or wires->paused */
	struct wire *next_said;			/* in wires->said */
	struct text said;			/* owned; what this turn says */
	struct wslay_event_context *ws;		/* owned; NULL: lines */
	char *reason;				/* owned; of the end */
	struct event *readable;			/* owned; NULL: the bufferevent reads */
	size_t scanned;				/* bytes of input without a line end */
	int64_t opened_ms, heard_ms, pinged_ms; /* boot time */
	int64_t tokens_milli, refilled_ms;	/* the rate's bucket */
	int rate, burst;			/* rate 0: no limit */
	int fragments;
	bool trusted, paused;
	bool has_said; /* it is in wires->said */
	bool refused;  /* opened() said no: no closed() */
};

struct wires {
	struct event_base *base; /* borrowed */
	struct peers *peers;	 /* owned */
	struct idmap open;	 /* wires, owned */
	struct wire *gone, *paused;
	struct wire *said; /* with output of this turn */
	struct event *bury, *sweep, *refill, *flush;
	struct wire_door *doors;
	uint64_t last_id;
	int n;
	char scratch[WIRE_MESSAGE_MAX + 1]; /* the message being handed over */
};

/* Wraps a ready peer; returns NULL when the handler refused it. */
struct wire *wire_open(struct wires *wires, struct peer *peer, enum wire_kind kind,
	const struct wire_handler *handler, const char *path, int rate, int burst);
/* Takes an upgraded connection over, with what is in its input already. */
void wire_adopt_websocket(struct wires *wires, struct peer *peer,
	const struct wire_handler *handler, const char *path);

/* wire_flow.c: adds bytes to what this turn says; moves it into the connection's own
 * output; forgets it; how much is not yet with the kernel. */
void wire_say(struct wire *wire, const char *data, size_t n);
void wire_hand_to_peer(struct wire *wire);
void wire_unlink_said(struct wire *wire);
size_t wire_pending(const struct wire *wire);
void wire_unlink_paused(struct wire *wire);
void wire_hear(struct wire *wire, bool on); /* reads from the connection, or not */
void wires_on_flush(evutil_socket_t fd, short what, void *wires);
void wires_on_refill(evutil_socket_t fd, short what, void *wires);

/* Ends a wire: what is queued still goes out, unless `drop`. */
void wire_shut(struct wire *wire, const char *reason, bool drop);
/* One message or ping was heard: pays for it; false when the wire may say no more now. */
bool wire_pay(struct wire *wire);
/* Hands one message over; text may be wires->scratch. */
void wire_hand_over(struct wire *wire, const char *text, size_t n);
/* Goes on reading what has come. */
void wire_read(struct wire *wire);

/* wire_lines.c: lines without TLS are read by it; hands over the lines that have come. */
void lines_begin(struct wire *wire);
void lines_read(struct wire *wire);

/* wire_ws.c */
bool ws_begin(struct wire *wire) USHER_MUST_CHECK;
void ws_read(struct wire *wire);
bool ws_send(struct wire *wire, const char *text, size_t n) USHER_MUST_CHECK;
void ws_ping(struct wire *wire);
void ws_say_close(struct wire *wire, int code);
void ws_finish(struct wire *wire);

#endif
