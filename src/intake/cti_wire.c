/* intake/cti_wire.c - see cti_wire.h. */
#include "intake/cti_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define BACKOFF_LEAST_MS 500
#define BACKOFF_MOST_MS 15000
#define STILL_MS 500	 /* between two beats: twice of what they are apart */
#define CALLING_MS 10000 /* to be connected, TLS included */
/* Shares of the silence after which a switch is gone. */
#define GREETED_TIMES 6 /* times: to be up; a switch may still be starting */
#define PING_SHARE 4	/* questions within it */
#define UNREAD_SHARE 2	/* it takes nothing of what we say */
#define DAY_US INT64_C(86400000000)
#define LAG_SETTLE_US 2000000 /* events of a new connection may be old */

const char *const cti_wire_state_name[4] = {"resting", "calling", "greeted", "up"};

/* A copied order. */
struct order {
	struct order *next;
	struct usher_switch_action action;
	char *text; /* owned; what the action's texts point into */
};

struct cti_wire {
	struct cti_wire_parts parts;
	struct cti_wire_settings settings; /* its texts are owned */
	struct cti_link *link;		   /* of the neutral set */
	struct usher_switch_sink sink;
	void *adapter; /* the adapter's link; owned */
	enum cti_wire_state state;
	struct bufferevent *bev; /* owned; NULL while resting */
	int64_t since_ms, heard_ms, pinged_ms, unread_since_ms, retry_ms; /* boot time */
	int64_t beat_ms;	  /* boot time of the last beat */
	int64_t woke_ms, woke_us; /* when we stood still last: until then; boot time, wall
				     clock; 0: never */
	int backoff_ms;
	bool reading; /* the adapter has the floor */
	bool ending;  /* the connection is to be closed when it has said all */
	uint64_t n_pings;
	struct order *orders, **orders_tail; /* owned */
	size_t n_orders;
	struct order *refused,
		**refused_tail; /* owned; to be answered in the next turn */
	struct event *later;
	int64_t base_us;    /* least difference of the two clocks since it came up */
	int64_t settled_us; /* our clock: lag counts from then on */
	struct cti_wire_figures figures;
};

static int64_t
wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
move(struct cti_wire *w, enum cti_wire_state state)
{
	w->state = state;
	w->since_ms = clock_boot_ms();
}

/* ---- the end of a connection ---- */

static void
orders_free(struct order **list, struct order ***tail)
{
	while (*list != NULL) {
		struct order *o = *list;

		*list = o->next;
		free(o->text);
		free(o);
	}
	*tail = list;
}

static void
refuse_order(struct cti_wire *w, struct order *o)
{
	o->next = NULL;
	*w->refused_tail = o;
	w->refused_tail = &o->next;
	w->figures.failed++;
	event_active(w->later, EV_TIMEOUT, 0);
}

static void
hang_up(struct cti_wire *w, const char *why)
{
	enum cti_wire_state was = w->state;

	if (w->reading) {
		/* The adapter is up the stack. */
		if (!w->ending)
			snprintf(
				w->figures.problem, sizeof w->figures.problem, "%s", why);
		w->ending = true;
		return;
	}
	if (was == WIRE_RESTING)
		return;
	snprintf(w->figures.problem, sizeof w->figures.problem, "%s", why);
	if (was == WIRE_UP)
		log_warn("cti: link lost switch=%s address=%s why=\"%s\"", w->settings.on,
			w->settings.address, why);
	else if (w->backoff_ms <= BACKOFF_LEAST_MS)
		log_warn("cti: no link switch=%s address=%s why=\"%s\"", w->settings.on,
			w->settings.address, why);
	if (w->bev != NULL) {
		bufferevent_disable(w->bev, EV_READ | EV_WRITE);
		bufferevent_setcb(w->bev, NULL, NULL, NULL, NULL);
		bufferevent_free(w->bev);
		w->bev = NULL;
	}
	move(w, WIRE_RESTING);
	w->ending = false;
	w->retry_ms = w->since_ms + w->backoff_ms / 2 +
		      (int64_t)(w->n_pings * 7919 % (uint64_t)(w->backoff_ms / 2 + 1));
	w->backoff_ms =
		w->backoff_ms * 2 < BACKOFF_MOST_MS ? w->backoff_ms * 2 : BACKOFF_MOST_MS;
	while (w->orders != NULL) {
		struct order *o = w->orders;

		w->orders = o->next;
		refuse_order(w, o);
	}
	w->orders_tail = &w->orders;
	w->n_orders = 0;
	w->reading = true;
	w->settings.adapter->lost(w->adapter);
	w->reading = false;
	w->ending = false;
}

/* ---- orders ---- */

static const char **
texts_of(struct usher_switch_action *a, int i)
{
	const char **const at[] = {&a->action, &a->call, &a->leg, &a->device, &a->number,
		&a->caller_number, &a->caller_name, &a->offer};

	return i < (int)(sizeof at / sizeof at[0]) ? at[i] : NULL;
}

static struct order *
order_copy(const struct usher_switch_action *action)
{
	struct order *o = xcalloc(1, sizeof *o);
	size_t n = 1, at = 0;
	const char **text;

	o->action = *action;
	for (int i = 0; (text = texts_of(&o->action, i)) != NULL; i++)
		n += *text != NULL ? strlen(*text) + 1 : 0;
	o->text = xmalloc(n);
	for (int i = 0; (text = texts_of(&o->action, i)) != NULL; i++) {
		size_t length = *text != NULL ? strlen(*text) + 1 : 0;

		if (*text == NULL)
			continue;
		memcpy(o->text + at, *text, length);
		*text = o->text + at;
		at += length;
	}
	return o;
}

static void
carry_out(struct cti_wire *w, struct order *o)
{
	char problem[160] = "";

	w->reading = true;
	w->figures.orders++;
	if (w->state == WIRE_UP && w->settings.adapter->act(w->adapter, &o->action,
					   problem, sizeof problem)) {
		free(o->text);
		free(o);
	} else {
		log_debug("cti: order refused switch=%s action=%s why=\"%s\"",
			w->settings.on, o->action.action, problem);
		refuse_order(w, o);
	}
	w->reading = false;
}

static void
carry_out_all(struct cti_wire *w)
{
	while (w->orders != NULL && !w->reading) {
		struct order *o = w->orders;

		w->orders = o->next;
		if (w->orders == NULL)
			w->orders_tail = &w->orders;
		w->n_orders--;
		carry_out(w, o);
	}
}

void
cti_wire_order(struct cti_wire *w, const struct usher_switch_action *action)
{
	struct order *o = order_copy(action);

	o->action.size = sizeof o->action;
	if (w->state != WIRE_UP || w->n_orders == CTI_WIRE_ORDERS_MAX) {
		refuse_order(w, o);
		return;
	}
	*w->orders_tail = o;
	w->orders_tail = &o->next;
	w->n_orders++;
	carry_out_all(w);
	if (w->ending && !w->reading)
		hang_up(w, w->figures.problem);
}

/* Answers to refused orders, in a turn of their own. */
static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	struct cti_wire *w = arg;
	struct order *list = w->refused, *next;

	w->refused = NULL;
	w->refused_tail = &w->refused;
	for (struct order *o = list; o != NULL; o = next) {
		struct usher_switch_event e = {.size = sizeof e,
			.kind = USHER_ACTION_FAILED,
			.action = o->action.action,
			.call = o->action.call,
			.reason = w->state == WIRE_UP ? USHER_REASON_GONE
						      : USHER_REASON_LOST,
			.why = "not sent"};

		next = o->next;
		cti_feed(w->link, &e, wall_us());
		free(o->text);
		free(o);
	}
}

/* ---- what the adapter says ---- */

/* We stood still ourselves (stopped, swapped out, a machine that slept): what was said
 * meanwhile is not read yet, so nobody was silent, and that it is read late is our doing.
 * Beat and reading both look, since either may come first when we go on. */
static void
notice_standstill(struct cti_wire *w, int64_t now_ms)
{
	int64_t still_ms = w->beat_ms != 0 ? now_ms - w->beat_ms : 0;
	int64_t *since[] = {&w->heard_ms, &w->unread_since_ms, &w->since_ms};
	bool begins = w->state == WIRE_CALLING || w->state == WIRE_GREETED;

	if (still_ms <= STILL_MS)
		return;
	for (int i = 0; i < (begins ? 3 : 2); i++)
		*since[i] = *since[i] + still_ms < now_ms ? *since[i] + still_ms : now_ms;
	w->beat_ms = w->woke_ms = now_ms;
	w->woke_us = wall_us();
}

bool
cti_wire_is_behind(const struct cti_wire *w, int64_t now_ms)
{
	return (w->beat_ms != 0 && now_ms - w->beat_ms > STILL_MS) ||
	       (w->woke_ms != 0 && now_ms - w->woke_ms <= STILL_MS);
}

/* The two clocks need not agree: what counts is how much later than the promptest one an
 * event comes. What was said before we stood still waited for us since we woke, no
 * longer. */
static void
measure_lag(struct cti_wire *w, int64_t t_us, int64_t now_us)
{
	int64_t apart_us = now_us - t_us, late_us;

	if (t_us == 0 || apart_us > DAY_US || apart_us < -DAY_US)
		return; /* no clock that could be reckoned with */
	if (w->base_us == INT64_MAX || apart_us < w->base_us)
		w->base_us = apart_us;
	w->figures.lag_us = apart_us - w->base_us;
	if (now_us < w->settled_us)
		return;
	if (w->figures.lag_us > w->figures.lag_most_us)
		w->figures.lag_most_us = w->figures.lag_us;
	late_us = w->figures.lag_us;
	if (now_us - late_us < w->woke_us)
		late_us = now_us - w->woke_us;
	if (late_us > w->settings.lag_ms * 1000)
		hang_up(w, "its events come too late: what it says is no longer true");
}

static void
on_event(void *context, const struct usher_switch_event *e)
{
	struct cti_wire *w = context;
	int64_t now_us = wall_us();

	if (e->kind == USHER_SWITCH_UP) {
		move(w, WIRE_UP);
		w->backoff_ms = BACKOFF_LEAST_MS;
		w->base_us = INT64_MAX;
		w->settled_us = now_us + LAG_SETTLE_US;
		w->figures.connected++;
		w->figures.problem[0] = '\0';
		log_info("cti: link up switch=%s address=%s", w->settings.on,
			w->settings.address);
	} else if (e->kind == USHER_SWITCH_DOWN) {
		if (w->state == WIRE_UP)
			move(w, WIRE_GREETED);
	} else {
		measure_lag(w, e->t_us, now_us);
	}
	cti_feed(w->link, e, now_us);
}

static void
on_send(void *context, const char *bytes, size_t n)
{
	struct cti_wire *w = context;
	size_t unread =
		w->bev != NULL ? evbuffer_get_length(bufferevent_get_output(w->bev)) : 0;

	if (w->bev == NULL)
		return;
	if (unread + n > CTI_WIRE_OUTPUT_MAX) {
		hang_up(w, "it does not read what is said to it");
		return;
	}
	if (unread == 0)
		w->unread_since_ms = clock_boot_ms();
	bufferevent_write(w->bev, bytes, n);
}

/* ---- the connection ---- */

static const char *
problem_of(struct cti_wire *w)
{
	w->figures.adapter =
		(struct usher_switch_figures){.size = sizeof w->figures.adapter};
	w->settings.adapter->figures(w->adapter, &w->figures.adapter);
	return w->figures.adapter.problem[0] != '\0' ? w->figures.adapter.problem
						     : "it is no such switch";
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct cti_wire *w = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	struct evbuffer_iovec piece;
	int64_t now_ms = clock_boot_ms();
	bool good = true;

	notice_standstill(w, now_ms);
	w->heard_ms = now_ms;
	while (good && !w->ending && evbuffer_peek(input, -1, NULL, &piece, 1) > 0 &&
		piece.iov_len > 0) {
		w->reading = true;
		good = w->settings.adapter->receive(
			w->adapter, piece.iov_base, piece.iov_len);
		w->reading = false;
		evbuffer_drain(input, piece.iov_len);
	}
	if (!good)
		hang_up(w, problem_of(w));
	else if (w->ending)
		hang_up(w, w->figures.problem);
	else
		carry_out_all(w);
	if (w->ending && !w->reading)
		hang_up(w, w->figures.problem);
}

static void
on_change(struct bufferevent *bev, short what, void *arg)
{
	struct cti_wire *w = arg;
	unsigned long tls = bufferevent_get_openssl_error(bev);
	int on = 1;

	if ((what & BEV_EVENT_CONNECTED) != 0) {
		setsockopt(
			bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		setsockopt(
			bufferevent_getfd(bev), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
		move(w, WIRE_GREETED);
		w->heard_ms = w->pinged_ms = w->since_ms;
		bufferevent_enable(bev, EV_READ | EV_WRITE);
	} else if ((what & BEV_EVENT_EOF) != 0) {
		hang_up(w, "the switch closed the connection");
	} else if (tls != 0) {
		hang_up(w, ERR_reason_error_string(tls) != NULL
				   ? ERR_reason_error_string(tls)
				   : "TLS failed");
	} else if ((what & BEV_EVENT_ERROR) != 0) {
		int dns = bufferevent_socket_get_dns_error(bev);

		hang_up(w,
			dns != 0 ? evutil_gai_strerror(dns)
				 : evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	}
}

/* "[::1]:5038" and "host:5038". */
static int
split_address(const char *address, char host[256])
{
	const char *colon = strrchr(address, ':');
	size_t n = colon != NULL ? (size_t)(colon - address) : 0;

	if (colon == NULL || n == 0 || n >= 256)
		return 0;
	if (address[0] == '[' && address[n - 1] == ']') {
		memcpy(host, address + 1, n - 2);
		host[n - 2] = '\0';
	} else {
		memcpy(host, address, n);
		host[n] = '\0';
	}
	return atoi(colon + 1);
}

static SSL *
make_ssl(const struct cti_wire *w, const char *host)
{
	const char *name = w->settings.tls_name != NULL ? w->settings.tls_name : host;
	SSL *ssl = SSL_new(w->settings.tls);
	unsigned char numeric[16];
	bool is_numeric = inet_pton(AF_INET, name, numeric) == 1 ||
			  inet_pton(AF_INET6, name, numeric) == 1;

	if (ssl == NULL)
		return NULL;
	if (is_numeric)
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
	else if (SSL_set1_host(ssl, name) != 1 ||
		 SSL_set_tlsext_host_name(ssl, name) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

static void
call(struct cti_wire *w)
{
	char host[256];
	int port = split_address(w->settings.address, host);
	SSL *ssl = w->settings.tls != NULL ? make_ssl(w, host) : NULL;

	if (*w->parts.dns == NULL)
		*w->parts.dns = evdns_base_new(
			w->parts.base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
					       EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (w->settings.tls == NULL)
		w->bev = bufferevent_socket_new(w->parts.base, -1, BEV_OPT_CLOSE_ON_FREE);
	else if (ssl != NULL)
		w->bev = bufferevent_openssl_socket_new(w->parts.base, -1, ssl,
			BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	move(w, WIRE_CALLING);
	w->n_pings++;
	if (w->bev == NULL) {
		hang_up(w, "no memory for a connection");
		return;
	}
	bufferevent_setcb(w->bev, on_read, NULL, on_change, w);
	bufferevent_set_max_single_read(w->bev, 65536);
	if (bufferevent_socket_connect_hostname(
		    w->bev, *w->parts.dns, AF_UNSPEC, host, port) != 0)
		hang_up(w, "the address cannot be reached");
}

/* ---- time ---- */

static void
ping(struct cti_wire *w)
{
	char id[32];
	struct usher_switch_action action = {
		.kind = USHER_ACTION_PING, .position = -1, .wait_ms = -1, .action = id};

	snprintf(id, sizeof id, "ping-%u", (unsigned)(++w->n_pings % 1000000));
	cti_wire_order(w, &action);
	w->figures.orders--; /* an errand of our own */
}

static void
look_after(struct cti_wire *w, int64_t now_ms)
{
	size_t unread = evbuffer_get_length(bufferevent_get_output(w->bev));
	int64_t silence_ms = w->settings.silence_ms;

	if (unread == 0)
		w->unread_since_ms = now_ms;
	if (now_ms - w->unread_since_ms >= silence_ms / UNREAD_SHARE) {
		hang_up(w, "it does not read what is said to it");
	} else if (w->state == WIRE_UP && now_ms - w->heard_ms >= silence_ms) {
		hang_up(w, "it is silent");
	} else if (w->state == WIRE_GREETED &&
		   now_ms - w->since_ms >= GREETED_TIMES * silence_ms) {
		hang_up(w, "it does not get ready");
	} else if (w->state == WIRE_UP &&
		   now_ms - w->pinged_ms >= silence_ms / PING_SHARE) {
		w->pinged_ms = now_ms;
		ping(w);
	}
}

void
cti_wire_beat(struct cti_wire *w, int64_t now_ms)
{
	notice_standstill(w, now_ms);
	w->beat_ms = now_ms;
	switch (w->state) {
	case WIRE_RESTING:
		if (now_ms >= w->retry_ms)
			call(w);
		return;
	case WIRE_CALLING:
		if (now_ms - w->since_ms >= CALLING_MS)
			hang_up(w, "nobody answers there");
		return;
	case WIRE_GREETED:
	case WIRE_UP:
		look_after(w, now_ms);
		return;
	}
}

/* ---- life ---- */

struct cti_wire *
cti_wire_create(
	const struct cti_wire_parts *parts, const struct cti_wire_settings *settings)
{
	struct cti_wire *w = xcalloc(1, sizeof *w);

	w->parts = *parts;
	w->settings = *settings;
	w->settings.on = xstrdup(settings->on);
	w->settings.address = xstrdup(settings->address);
	w->settings.tls_name = xstrdup(settings->tls_name);
	w->link = cti_link_add(parts->cti, settings->on);
	w->sink = (struct usher_switch_sink){
		.size = sizeof w->sink, .context = w, .event = on_event, .send = on_send};
	w->adapter = settings->adapter->open(settings->adapter_state, &w->sink);
	w->orders_tail = &w->orders;
	w->refused_tail = &w->refused;
	w->later = event_new(parts->base, -1, 0, on_later, w);
	w->backoff_ms = BACKOFF_LEAST_MS;
	w->base_us = INT64_MAX;
	move(w, WIRE_RESTING);
	call(w);
	return w;
}

void
cti_wire_destroy(struct cti_wire *w)
{
	if (w == NULL)
		return;
	hang_up(w, "it is no longer wanted");
	orders_free(&w->orders, &w->orders_tail);
	orders_free(&w->refused, &w->refused_tail);
	event_free(w->later);
	w->settings.adapter->close(w->adapter);
	cti_link_remove(w->link);
	SSL_CTX_free(w->settings.tls);
	free((char *)(uintptr_t)w->settings.on);
	free((char *)(uintptr_t)w->settings.address);
	free((char *)(uintptr_t)w->settings.tls_name);
	free(w);
}

void
cti_wire_set_bounds(struct cti_wire *w, int64_t lag_ms, int64_t silence_ms)
{
	w->settings.lag_ms = lag_ms;
	w->settings.silence_ms = silence_ms;
}

enum cti_wire_state
cti_wire_state(const struct cti_wire *w)
{
	return w->state;
}

void
cti_wire_figures(const struct cti_wire *w, int64_t boot_ms, struct cti_wire_figures *out)
{
	*out = w->figures;
	out->address = w->settings.address;
	out->state = w->state;
	out->since_ms = boot_ms - w->since_ms;
	out->unread_bytes =
		w->bev != NULL ? evbuffer_get_length(bufferevent_get_output(w->bev)) : 0;
	out->adapter = (struct usher_switch_figures){.size = sizeof out->adapter};
	w->settings.adapter->figures(w->adapter, &out->adapter);
}
