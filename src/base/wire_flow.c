/*
 * base/wire_flow.c - how fast a wire may speak and how it is spoken to: one write a turn
 * of the loop, and a bucket of tokens for what comes in.
 */
#include <event2/event.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/wire_inner.h"

#define REFILL_MS 20	   /* how often paused wires are looked at */
#define SAID_KEPT_MAX 4096 /* bytes of output room that a quiet wire keeps */

/* ---- output of a turn ---- */

/* Moves what was said into the connection's own output, which the loop writes. */
void
wire_hand_to_peer(struct wire *wire)
{
	if (wire->said.n > 0)
		bufferevent_write(wire->peer->bev, wire->said.s, wire->said.n);
	text_clear(&wire->said);
}

void
wire_unlink_said(struct wire *wire)
{
	struct wire **at = &wire->wires->said;

	if (!wire->has_said)
		return;
	while (*at != wire)
		at = &(*at)->next_said;
	*at = wire->next_said;
	wire->has_said = false;
}

/* One write a turn, without asking the kernel first whether there is room: there nearly
 * always is. The rest goes the way of bufferevents, and so does an error. */
static void
write_out(struct wire *wire)
{
	struct text *said = &wire->said;
	struct bufferevent *bev = wire->peer->bev;
	ssize_t done = 0;

	if (!wire->peer->tls && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		done = send(bufferevent_getfd(bev), said->s, said->n, MSG_NOSIGNAL);
	if (done > 0 && (size_t)done < said->n)
		bufferevent_write(bev, said->s + done, said->n - (size_t)done);
	if (done > 0)
		text_clear(said);
	wire_hand_to_peer(wire);
	if (said->room > SAID_KEPT_MAX)
		text_finish(said);
}

void
wires_on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct wires *wires = arg;

	while (wires->said != NULL) {
		struct wire *wire = wires->said;

		wires->said = wire->next_said;
		wire->has_said = false;
		write_out(wire);
	}
}

void
wire_say(struct wire *wire, const char *data, size_t n)
{
	struct wires *wires = wire->wires;

	text_add_n(&wire->said, data, n);
	if (wire->has_said)
		return;
	if (wires->said == NULL)
		event_active(wires->flush, EV_TIMEOUT, 0);
	wire->has_said = true;
	wire->next_said = wires->said;
	wires->said = wire;
}

size_t
wire_pending(const struct wire *wire)
{
	return wire->said.n +
	       evbuffer_get_length(bufferevent_get_output(wire->peer->bev));
}

/* ---- the rate ---- */

void
wire_hear(struct wire *wire, bool on)
{
	if (wire->readable == NULL && on)
		bufferevent_enable(wire->peer->bev, EV_READ);
	else if (wire->readable == NULL)
		bufferevent_disable(wire->peer->bev, EV_READ);
	else if (on)
		event_add(wire->readable, NULL);
	else
		event_del(wire->readable);
}

void
wire_unlink_paused(struct wire *wire)
{
	struct wire **at = &wire->wires->paused;

	while (*at != NULL && *at != wire)
		at = &(*at)->next;
	if (*at == wire)
		*at = wire->next;
	wire->paused = false;
}

static void
refill(struct wire *wire, int64_t now_ms)
{
	int64_t most = (int64_t)wire->burst * 1000;

	wire->tokens_milli += (now_ms - wire->refilled_ms) * wire->rate;
	wire->refilled_ms = now_ms;
	if (wire->tokens_milli > most)
		wire->tokens_milli = most;
}

static void
pause_reading(struct wire *wire)
{
	struct wires *wires = wire->wires;
	struct timeval soon = {.tv_usec = REFILL_MS * 1000};

	if (wires->paused == NULL)
		event_add(wires->refill, &soon);
	wire->paused = true;
	wire->next = wires->paused;
	wires->paused = wire;
	wire_hear(wire, false);
}

bool
wire_pay(struct wire *wire)
{
	int64_t now_ms = clock_boot_ms();

	wire->heard_ms = now_ms;
	if (wire->rate == 0 || wire->peer == NULL)
		return wire->peer != NULL;
	refill(wire, now_ms);
	wire->tokens_milli -= 1000;
	if (wire->tokens_milli > 0)
		return true;
	if (!wire->paused)
		pause_reading(wire);
	return false;
}

void
wires_on_refill(evutil_socket_t fd, short what, void *arg)
{
	struct wires *wires = arg;
	struct timeval soon = {.tv_usec = REFILL_MS * 1000};
	struct wire *list = wires->paused, *next;
	int64_t now_ms = clock_boot_ms();

	wires->paused = NULL;
	for (struct wire *wire = list; wire != NULL; wire = next) {
		next = wire->next;
		refill(wire, now_ms);
		wire->next = wires->paused;
		wires->paused = wire;
	}
	/* A wire that reads on may end others: take the first payer, then look again. */
	for (struct wire *wire = wires->paused; wire != NULL;) {
		if (wire->tokens_milli <= 0 && wire->rate != 0) {
			wire = wire->next;
			continue;
		}
		wire_unlink_paused(wire);
		wire_hear(wire, true);
		wire_read(wire);
		wire = wires->paused;
	}
	if (wires->paused != NULL)
		event_add(wires->refill, &soon);
}
