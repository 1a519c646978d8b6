/* intake/lmtp_server.c - sessions on connections. */
#include "intake/lmtp_server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/peer.h"

#define SWEEP_MS 1000

struct lmtp_session {
	struct lmtp_server *server; /* borrowed */
	struct lmtp_session *next_gone;
	uint64_t id;
	struct peer *peer; /* NULL: gone */
	struct lmtp *lmtp;
	struct lmtp_mail *mail; /* owned; the one that is coming */
	size_t room;		/* of mail->content */
	int64_t since_ms;	/* boot time: of the state it is in, see sweep() */
	bool was_idle;
	bool feeding; /* feed() is up the stack */
};

struct lmtp_server {
	struct event_base *base; /* borrowed */
	struct lmtp_server_hooks hooks;
	struct peers *peers; /* owned */
	struct event *sweep, *bury;
	struct idmap open;	   /* id -> session */
	struct lmtp_session *gone; /* freed at the end of the turn */
	uint64_t last;
	char *host; /* owned */
	size_t most;
	int port, rate;
	int64_t held; /* bytes of the mails that are coming */
	int64_t tokens_milli, filled_ms;
};

/* ---- a mail in memory ---- */

void
lmtp_mail_free(struct lmtp_mail *mail)
{
	if (mail == NULL)
		return;
	for (int i = 0; i < mail->n_recipients; i++)
		free(mail->recipient[i]);
	free(mail->sender);
	free(mail->content);
	free(mail);
}

static void
drop_mail(struct lmtp_session *s)
{
	if (s->mail != NULL)
		s->server->held -= (int64_t)s->room;
	lmtp_mail_free(s->mail);
	s->mail = NULL;
	s->room = 0;
}

/* ---- what the session asks ---- */

static void
on_say(void *owner, const char *data, size_t n)
{
	struct lmtp_session *s = owner;

	if (s->peer != NULL)
		bufferevent_write(s->peer->bev, data, n);
}

static bool
pay(struct lmtp_server *server)
{
	int64_t now_ms = clock_boot_ms(), most = (int64_t)server->rate * 2000;

	if (server->rate == 0)
		return true;
	server->tokens_milli += (now_ms - server->filled_ms) * server->rate;
	server->filled_ms = now_ms;
	if (server->tokens_milli > most)
		server->tokens_milli = most;
	if (server->tokens_milli < 1000)
		return false;
	server->tokens_milli -= 1000;
	return true;
}

static enum lmtp_verdict
on_sender(void *owner, const char *sender)
{
	struct lmtp_session *s = owner;
	struct lmtp_server *server = s->server;

	if (!server->hooks.ready(server->hooks.owner) || server->held > LMTP_HELD_MAX ||
		!pay(server))
		return LMTP_LATER;
	drop_mail(s);
	s->mail = xcalloc(1, sizeof *s->mail);
	s->mail->session = s->id;
	s->mail->sender = xstrdup(sender);
	return LMTP_OK;
}

static enum lmtp_verdict
on_recipient(void *owner, const char *recipient)
{
	struct lmtp_session *s = owner;
	struct lmtp_server *server = s->server;

	if (!server->hooks.knows(server->hooks.owner, recipient))
		return LMTP_UNKNOWN;
	s->mail->recipient[s->mail->n_recipients++] = xstrdup(recipient);
	return LMTP_OK;
}

/* Room grows by doubling, within the size of a mail, which bounds n. */
static bool
on_content(void *owner, const char *data, size_t n)
{
	struct lmtp_session *s = owner;
	struct lmtp_mail *m = s->mail;
	size_t room = s->room != 0 ? s->room : 8192;

	while (room < m->n + n + 1)
		room *= 2;
	if (room != s->room) {
		if (s->server->held + (int64_t)(room - s->room) > LMTP_HELD_MAX)
			return false;
		s->server->held += (int64_t)(room - s->room);
		m->content = xreallocarray(m->content, room, 1);
		s->room = room;
	}
	memcpy(m->content + m->n, data, n);
	m->n += n;
	m->content[m->n] = '\0';
	return true;
}

static void
on_whole(void *owner, int n)
{
	struct lmtp_session *s = owner;
	struct lmtp_mail *mail = s->mail;

	if (mail->content == NULL)
		mail->content = xcalloc(1, 1);
	s->server->held -= (int64_t)s->room; /* the owner counts it from here on */
	s->mail = NULL;
	s->room = 0;
	s->server->hooks.mail(s->server->hooks.owner, mail);
}

static void
on_dropped(void *owner)
{
	drop_mail(owner);
}

static void
bury_later(struct lmtp_session *s)
{
	struct lmtp_server *server = s->server;

	s->peer = NULL;
	(void)idmap_remove(&server->open, s->id);
	s->next_gone = server->gone;
	server->gone = s;
	/* The session is still up the stack, so the freeing waits for its own turn. */
	event_active(server->bury, EV_TIMEOUT, 0);
}

static void
on_ended(void *owner)
{
	struct lmtp_session *s = owner;
	struct peer *peer = s->peer;

	if (peer == NULL)
		return;
	bufferevent_setcb(peer->bev, NULL, NULL, NULL, NULL);
	bury_later(s);
	peer_end(peer);
}

static void
session_free(struct lmtp_session *s)
{
	drop_mail(s);
	lmtp_destroy(s->lmtp);
	free(s);
}

static void
on_bury(evutil_socket_t fd, short what, void *arg)
{
	struct lmtp_server *server = arg;

	while (server->gone != NULL) {
		struct lmtp_session *s = server->gone;

		server->gone = s->next_gone;
		session_free(s);
	}
}

/* ---- the connection ---- */

/* Feeds what has come; what is left waits in the input for our answers. */
static void
feed(struct lmtp_session *s)
{
	struct evbuffer *input = bufferevent_get_input(s->peer->bev);
	struct evbuffer_iovec piece;

	if (s->feeding)
		return; /* answered before it returned: it goes on by itself */
	s->feeding = true;
	while (s->peer != NULL && !lmtp_waits(s->lmtp) &&
		evbuffer_peek(input, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
		size_t used = lmtp_feed(s->lmtp, piece.iov_base, piece.iov_len);

		if (s->peer != NULL)
			evbuffer_drain(input, used);
		if (used == 0)
			break;
	}
	s->feeding = false;
}

/* The state's clock begins anew with each command and each mail, not with each byte. */
static void
note_progress(struct lmtp_session *s)
{
	bool idle = lmtp_is_idle(s->lmtp);

	if (idle || s->was_idle || lmtp_waits(s->lmtp))
		s->since_ms = clock_boot_ms();
	s->was_idle = idle;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct lmtp_session *s = arg;

	feed(s);
	if (s->peer != NULL)
		note_progress(s);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct lmtp_session *s = arg;
	struct peer *peer = s->peer;

	if (peer == NULL || (what & BEV_EVENT_CONNECTED) != 0)
		return;
	bufferevent_setcb(peer->bev, NULL, NULL, NULL, NULL);
	bury_later(s);
	peer_drop(peer);
}

static void
on_peer(void *owner, struct peer *peer)
{
	struct lmtp_server *server = owner;
	struct lmtp_session *s = xcalloc(1, sizeof *s);
	struct lmtp_handler handler = {s, on_say, on_sender, on_recipient, on_content,
		on_whole, on_dropped, on_ended};

	s->server = server;
	s->id = ++server->last;
	s->peer = peer;
	s->lmtp = lmtp_create(&handler, server->host, server->most);
	s->since_ms = clock_boot_ms();
	s->was_idle = true;
	(void)idmap_put(&server->open, s->id, s);
	peer_trust(peer);
	bufferevent_setcb(peer->bev, on_read, NULL, on_event, s);
	bufferevent_enable(peer->bev, EV_READ | EV_WRITE);
	lmtp_begin(s->lmtp);
}

/* ---- deadlines ---- */

static int64_t
deadline_ms(const struct lmtp_session *s)
{
	if (lmtp_is_in_data(s->lmtp))
		return s->since_ms + LMTP_CONTENT_MS +
		       (int64_t)(s->mail != NULL ? s->mail->n : 0) * 1000 /
			       LMTP_CONTENT_RATE;
	if (lmtp_waits(s->lmtp))
		return INT64_MAX; /* it is our turn */
	return s->since_ms + (lmtp_is_idle(s->lmtp) ? LMTP_IDLE_MS : LMTP_COMMAND_MS);
}

static void
sweep(evutil_socket_t fd, short what, void *arg)
{
	struct lmtp_server *server = arg;
	int64_t now_ms = clock_boot_ms();
	size_t at = 0;
	uint64_t id;
	void *value;

	while (idmap_next(&server->open, &at, &id, &value))
		if (deadline_ms(value) < now_ms)
			lmtp_give_up(((struct lmtp_session *)value)->lmtp, "too slow");
}

/* ---- life ---- */

struct lmtp_server *
lmtp_server_create(struct event_base *base, const struct lmtp_server_settings *settings,
	const struct lmtp_server_hooks *hooks)
{
	struct lmtp_server *server = xcalloc(1, sizeof *server);
	struct peer_listen listen = {.address = settings->address,
		.most = settings->connections,
		.half_open = settings->connections};
	struct timeval each = {SWEEP_MS / 1000, SWEEP_MS % 1000 * 1000};

	server->base = base;
	server->hooks = *hooks;
	server->peers = peers_create(base);
	server->bury = event_new(base, -1, 0, on_bury, server);
	server->sweep = event_new(base, -1, EV_PERSIST, sweep, server);
	event_add(server->sweep, &each);
	lmtp_server_configure(server, settings);
	server->port = peers_listen(server->peers, &listen, on_peer, server);
	if (server->port < 0) {
		lmtp_server_destroy(server);
		return NULL;
	}
	if (strncmp(settings->address, "unix:", 5) == 0 &&
		chmod(settings->address + 5, settings->mode) != 0)
		log_warn("lmtp: the mode of %s cannot be set; the mail server may not "
			 "reach it",
			settings->address + 5);
	return server;
}

void
lmtp_server_destroy(struct lmtp_server *server)
{
	size_t at = 0;
	uint64_t id;
	void *value;

	if (server == NULL)
		return;
	event_free(server->sweep);
	while (idmap_next(&server->open, &at, &id, &value))
		session_free(value);
	idmap_finish(&server->open);
	on_bury(-1, 0, server);
	event_free(server->bury);
	peers_destroy(server->peers);
	free(server->host);
	free(server);
}

int
lmtp_server_port(const struct lmtp_server *server)
{
	return server->port;
}

void
lmtp_server_configure(
	struct lmtp_server *server, const struct lmtp_server_settings *settings)
{
	free(server->host);
	server->host = xstrdup(settings->host);
	server->most = settings->most;
	if (server->rate != settings->rate)
		server->tokens_milli = (int64_t)settings->rate * 2000;
	server->rate = settings->rate;
	server->filled_ms = clock_boot_ms();
}

void
lmtp_server_answer(struct lmtp_server *server, uint64_t session, int i,
	enum lmtp_verdict verdict, const char *words)
{
	struct lmtp_session *s = idmap_get(&server->open, session);

	if (s == NULL)
		return;
	lmtp_answer(s->lmtp, i, verdict, words);
	if (s->peer == NULL || lmtp_waits(s->lmtp))
		return;
	s->since_ms = clock_boot_ms();
	s->was_idle = true;
	feed(s); /* what was pipelined behind the mail */
	if (s->peer != NULL)
		note_progress(s);
}
