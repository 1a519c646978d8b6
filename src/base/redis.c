/*
 * base/redis.c - the connection to Redis: hiredis on libevent.
 *
 *   PAUSE --timer--> LOOKUP --address--> OPENING --connected--> LOGIN --PONG--> UP
 *     ^                 |                   |                     |             |
 *     +-----------------+-------------------+---------------------+-------------+
 *                            failed, refused, lost, too late
 *
 * hiredis calls back for each unanswered command with NULL while it ends a connection;
 * the state is PAUSE by then, so that what they send is refused. Written for hiredis 0.14
 * and 1.x.
 */
#include "base/redis.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <hiredis/adapters/libevent.h>

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/redis_address.h"
#include "base/redis_tls.h"
#include "base/secret.h"
#include "base/text.h"

#define PAUSE_LEAST_MS 50
#define TELL_MS 10000  /* between two reasons why there is no connection */
#define RING_LEAST 256 /* unanswered commands; a power of two; grows by doubling */
#define WRITTEN_KEPT_MAX 262144 /* bytes of room for commands that a link keeps */

enum rlink_state {
	RLINK_PAUSE,
	RLINK_LOOKUP,
	RLINK_OPENING,
	RLINK_LOGIN,
	RLINK_UP,
};

struct unanswered {
	rlink_reply fn;
	void *owner;
	uint64_t tag;
	int64_t sent_ms;
};

struct rlink {
	struct event_base *base; /* borrowed */
	struct rlink_handler handler;
	struct rlink_address address;
	char *password; /* owned; NULL: none */
	int64_t deadline_ms, back_off_ms, pause_ms;
	int64_t up_ms;	  /* boot time; since when it is up */
	int64_t tried_ms; /* the same; since when it is tried to get it up */
	enum rlink_state state;
	redisAsyncContext *context; /* hiredis'; NULL: none */
	struct rlink_tls *tls;	    /* owned; NULL: plain */
	struct evdns_base *dns;	    /* owned; NULL until a name is looked up */
	struct evdns_getaddrinfo_request *lookup;
	struct event *pause;	/* owned */
	struct event *deadline; /* owned; runs while something is unanswered */
	struct unanswered *ring;
	size_t room, head, n;
	struct text written; /* the command that is being sent; its memory is kept */
	bool ending;	     /* in rlink_destroy */
	int64_t told_ms;     /* when `told` was logged; boot time */
	char reason[200], told[200];
};

static void on_reply(redisAsyncContext *context, void *reply, void *data);

static void
set_timer(struct event *timer, int64_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	evtimer_add(timer, &tv);
}

static void
give_reason(struct rlink *link, const char *reason)
{
	if (link->reason[0] == '\0')
		snprintf(link->reason, sizeof link->reason, "%s", reason);
}

/* Why a connection ends: what TLS says, which knows best, or hiredis, or otherwise. */
static const char *
why_ended(struct rlink *link, const redisAsyncContext *context, const char *otherwise)
{
	const char *why =
		link->tls != NULL ? rlink_tls_complaint(link->tls, false) : NULL;

	if (why != NULL)
		return why;
	/* hiredis' outer copy of the error may be behind. */
	return context->c.err != 0 ? context->c.errstr : otherwise;
}

/* ---- unanswered commands ---- */

static void
ring_grow(struct rlink *link)
{
	size_t room = link->room > 0 ? link->room * 2 : RING_LEAST;
	struct unanswered *ring = xcalloc(room, sizeof *ring);

	for (size_t i = 0; i < link->n; i++)
		ring[i] = link->ring[(link->head + i) & (link->room - 1)];
	free(link->ring);
	link->ring = ring;
	link->room = room;
	link->head = 0;
}

static void
ring_put(struct rlink *link, struct unanswered u)
{
	if (link->n == link->room)
		ring_grow(link);
	if (link->n == 0)
		set_timer(link->deadline, link->deadline_ms);
	link->ring[(link->head + link->n++) & (link->room - 1)] = u;
}

static struct unanswered
ring_take(struct rlink *link)
{
	struct unanswered u = link->ring[link->head];

	link->head = (link->head + 1) & (link->room - 1);
	link->n--;
	return u;
}

/* The deadline is the oldest command's; the timer is set again only when it fires, not
 * for each command. */
static void
on_deadline(evutil_socket_t fd USHER_UNUSED, short what USHER_UNUSED, void *data)
{
	struct rlink *link = data;
	int64_t left_ms = link->deadline_ms - rlink_waiting_ms(link);
	const char *why;

	if (link->state == RLINK_OPENING || link->state == RLINK_LOOKUP) {
		rlink_drop(link, "no connection in time");
		return;
	}
	if (link->n == 0)
		return;
	if (left_ms > 0) {
		set_timer(link->deadline, left_ms);
		return;
	}
	why = link->tls != NULL ? rlink_tls_complaint(link->tls, true) : NULL;
	rlink_drop(link, why != NULL ? why : "no answer in time");
}

/* ---- ends ---- */

/* Calls back for what hiredis has not: only when it never got as far as its own
 * callbacks. */
static void
fail_unanswered(struct rlink *link)
{
	while (link->n > 0) {
		struct unanswered u = ring_take(link);

		u.fn(u.owner, u.tag, NULL);
	}
}

/* Once a reason, now and then where two take turns, and not while a server may still be
 * starting. */
static void
tell_failure(struct rlink *link)
{
	int64_t now_ms = clock_boot_ms();

	if (now_ms - link->tried_ms < 2 * link->back_off_ms ||
		strcmp(link->told, link->reason) == 0 ||
		(link->told[0] != '\0' && now_ms - link->told_ms < TELL_MS))
		return;
	snprintf(link->told, sizeof link->told, "%s", link->reason);
	link->told_ms = now_ms;
	log_warn("redis: cannot connect, trying on address=%s reason=\"%s\"",
		link->address.text, link->reason);
}

static void
link_down(struct rlink *link)
{
	bool was_up = link->state == RLINK_UP;
	unsigned char dice;

	if (link->state == RLINK_PAUSE)
		return;
	link->state = RLINK_PAUSE;
	if (link->context != NULL)
		link->context->data = NULL; /* its callbacks must not find us any more */
	link->context = NULL;
	evtimer_del(link->deadline);
	fail_unanswered(link);
	if (link->ending)
		return;
	/* One that was lost at once again was of no use: that is no success to begin
	 * anew from. */
	if (was_up && clock_boot_ms() - link->up_ms >= link->back_off_ms)
		link->pause_ms = PAUSE_LEAST_MS;
	evutil_secure_rng_get_bytes(&dice, sizeof dice);
	set_timer(link->pause, link->pause_ms + link->pause_ms * dice / 512);
	link->pause_ms *= 2;
	if (link->pause_ms > link->back_off_ms)
		link->pause_ms = link->back_off_ms;
	if (!was_up) {
		tell_failure(link);
		return;
	}
	link->tried_ms = clock_boot_ms();
	link->handler.down(link->handler.owner, link->reason);
}

void
rlink_drop(struct rlink *link, const char *reason)
{
	redisAsyncContext *context = link->context;

	if (link->state == RLINK_PAUSE)
		return;
	give_reason(link, reason);
	if (link->lookup != NULL) {
		evdns_getaddrinfo_cancel(link->lookup);
		link->lookup = NULL;
	}
	link_down(link);
	if (context != NULL)
		redisAsyncFree(context);
}

/* ---- log in ---- */

static void
refused(struct rlink *link, const struct redisReply *reply)
{
	char reason[sizeof link->reason];

	snprintf(reason, sizeof reason, "Redis refuses us: %.150s", reply->str);
	if (strcmp(link->told, reason) != 0)
		log_error("redis: login refused address=%s answer=\"%.150s\"; check "
			  "redis_password_file and the user's rights",
			link->address.text, reply->str);
	snprintf(link->told, sizeof link->told, "%s", reason); /* once */
	rlink_drop(link, reason);
}

static void
on_pong(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct rlink *link = owner;

	if (reply == NULL)
		return;
	/* A Redis that reads its log answers LOADING; whoever uses us sees that too. */
	if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "LOADING", 7) != 0 &&
		strncmp(reply->str, "MASTERDOWN", 10) != 0 &&
		strncmp(reply->str, "BUSY", 4) != 0) {
		refused(link, reply);
		return;
	}
	link->state = RLINK_UP;
	link->up_ms = clock_boot_ms();
	link->reason[0] = link->told[0] = '\0';
	link->handler.up(link->handler.owner);
}

/* Who is not let in by his password is not let in as the default user either. A server
 * without passwords answers ERR, and is warned of alone. */
static void
on_auth(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
		return;
	if (strncmp(reply->str, "ERR ", 4) == 0)
		log_warn("redis: answer to AUTH: %.150s", reply->str);
	else
		refused(owner, reply);
}

/* The command as Redis reads it. hiredis can do that too, but prints the length of each
 * word by a format, and the steps of a turn have a thousand words. */
static void
write_command(struct text *out, int argc, const char *const *argv, const size_t *length)
{
	text_clear(out);
	text_add_n(out, "*", 1);
	text_add_int(out, argc);
	for (int i = 0; i < argc; i++) {
		text_add_n(out, "\r\n$", 3);
		text_add_int(out, (int64_t)length[i]);
		text_add_n(out, "\r\n", 2);
		text_add_n(out, argv[i], length[i]);
	}
	text_add_n(out, "\r\n", 2);
}

static bool
send_now(struct rlink *link, rlink_reply fn, void *owner, uint64_t tag, int argc,
	const char *const *argv, const size_t *length)
{
	struct text *t = &link->written;
	int result;

	write_command(t, argc, argv, length);
	result = redisAsyncFormattedCommand(link->context, on_reply, NULL, t->s, t->n);
	if (t->room > WRITTEN_KEPT_MAX)
		text_finish(t);
	if (result != REDIS_OK)
		return false;
	ring_put(link, (struct unanswered){.fn = fn,
			       .owner = owner,
			       .tag = tag,
			       .sent_ms = clock_boot_ms()});
	return true;
}

static bool
send_words(struct rlink *link, rlink_reply fn, void *owner, uint64_t tag,
	const char *const *words)
{
	size_t length[RLINK_ARGS_MAX];
	int n = 0;

	for (; words[n] != NULL && n < RLINK_ARGS_MAX; n++)
		length[n] = strlen(words[n]);
	return send_now(link, fn, owner, tag, n, words, length);
}

static void
log_in(struct rlink *link)
{
	const char *user = link->address.user;
	const char *both[] = {"AUTH", user, link->password, NULL};
	const char *alone[] = {"AUTH", link->password, NULL};
	const char *ping[] = {"PING", NULL};
	bool sent;

	link->state = RLINK_LOGIN;
	sent = link->password == NULL ||
	       send_words(link, on_auth, link, 0, user != NULL ? both : alone);
	if (link->password != NULL && link->written.s != NULL)
		OPENSSL_cleanse(link->written.s, link->written.room);
	if (sent && send_words(link, on_pong, link, 0, ping))
		return;
	/* hiredis 0.14 must not lose its context in the connect callback. */
	link->state = RLINK_OPENING;
	set_timer(link->deadline, 0);
}

/* ---- hiredis ---- */

static void
on_reply(redisAsyncContext *context, void *reply, void *data USHER_UNUSED)
{
	struct rlink *link = context->data;
	struct unanswered u;

	if (link == NULL)
		return;
	if (reply == NULL) {
		give_reason(link, why_ended(link, context, "connection closed"));
		link_down(link);
		return;
	}
	if (link->n == 0)
		return;
	u = ring_take(link);
	u.fn(u.owner, u.tag, reply);
}

static void
on_connect(const redisAsyncContext *context, int status)
{
	struct rlink *link = context->data;

	if (link == NULL)
		return;
	evtimer_del(link->deadline);
	if (status == REDIS_OK) {
		log_in(link);
		return;
	}
	/* hiredis frees the context itself after this. */
	give_reason(link, why_ended(link, context, "no connection"));
	link_down(link);
}

static void
on_disconnect(const redisAsyncContext *context, int status USHER_UNUSED)
{
	struct rlink *link = context->data;

	if (link == NULL)
		return;
	give_reason(link, why_ended(link, context, "Redis closed it"));
	link_down(link);
}

/* host: a numeric address; NULL for a Unix socket. */
static void
open_context(struct rlink *link, const char *host)
{
	redisAsyncContext *context =
		host == NULL ? redisAsyncConnectUnix(link->address.path)
			     : redisAsyncConnect(host, link->address.port);

	if (context == NULL || context->err != 0) {
		give_reason(link, context != NULL ? context->errstr : "out of memory");
		if (context != NULL)
			redisAsyncFree(context);
		link_down(link);
		return;
	}
	link->state = RLINK_OPENING;
	link->context = context;
	context->data = link;
	if (link->tls != NULL && !rlink_tls_begin(link->tls, context)) {
		rlink_drop(link, why_ended(link, context, "TLS cannot begin"));
		return;
	}
	if (redisLibeventAttach(context, link->base) != REDIS_OK) {
		rlink_drop(link, "libevent did not take the connection");
		return;
	}
	redisAsyncSetConnectCallback(context, on_connect);
	redisAsyncSetDisconnectCallback(context, on_disconnect);
	set_timer(link->deadline, link->deadline_ms);
}

static void
on_lookup(int result, struct evutil_addrinfo *found, void *data)
{
	struct rlink *link = data;
	char host[64] = "";

	link->lookup = NULL;
	if (result == EVUTIL_EAI_CANCEL)
		return;
	if (result == 0 && getnameinfo(found->ai_addr, (socklen_t)found->ai_addrlen, host,
				   sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
		host[0] = '\0';
	if (found != NULL)
		evutil_freeaddrinfo(found);
	evtimer_del(link->deadline);
	if (host[0] == '\0') {
		give_reason(link, result != 0 ? evutil_gai_strerror(result)
					      : "no address of that name");
		link_down(link);
		return;
	}
	open_context(link, host);
}

/* Names are looked up by libevent, since hiredis would stop the loop for it. */
static void
look_up(struct rlink *link)
{
	struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = EVUTIL_AI_ADDRCONFIG};

	if (link->dns == NULL)
		link->dns = evdns_base_new(
			link->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
					    EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (link->dns == NULL) {
		give_reason(link, "no name server is known");
		link_down(link);
		return;
	}
	set_timer(link->deadline, link->deadline_ms);
	link->lookup = evdns_getaddrinfo(
		link->dns, link->address.host, NULL, &hints, on_lookup, link);
}

static void
connect_now(struct rlink *link)
{
	unsigned char number[16];

	link->state = RLINK_LOOKUP;
	link->reason[0] = '\0';
	if (link->address.path != NULL)
		open_context(link, NULL);
	else if (inet_pton(AF_INET, link->address.host, number) == 1 ||
		 inet_pton(AF_INET6, link->address.host, number) == 1)
		open_context(link, link->address.host);
	else
		look_up(link);
}

static void
on_pause(evutil_socket_t fd USHER_UNUSED, short what USHER_UNUSED, void *data)
{
	struct rlink *link = data;

	if (link->state == RLINK_PAUSE)
		connect_now(link);
}

/* ---- the door ---- */

static void
drop_address(struct rlink *link)
{
	rlink_tls_destroy(link->tls);
	link->tls = NULL;
	rlink_address_finish(&link->address);
}

static bool
take_address(struct rlink *link, const char *address, bool with_password, char *error,
	size_t room)
{
	if (!rlink_address_parse(address, &link->address, error, room))
		return false;
	if (!with_password && link->address.user != NULL)
		snprintf(error, room,
			"the user %.60s of Redis needs a password: set "
			"redis_password_file",
			link->address.user);
	else if (!with_password && !rlink_address_is_local(&link->address))
		snprintf(error, room,
			"Redis at %s is not on this machine and needs a password: set "
			"redis_password_file",
			link->address.text);
	else if (!link->address.tls ||
		 (link->tls = rlink_tls_create(link->address.host, error, room)) != NULL)
		return true;
	drop_address(link);
	return false;
}

bool
rlink_check(const char *address, bool with_password, char *error, size_t room)
{
	struct rlink link = {0};
	bool good = take_address(&link, address, with_password, error, room);

	if (good)
		drop_address(&link);
	return good;
}

struct rlink *
rlink_create(struct event_base *base, const struct rlink_settings *settings,
	const struct rlink_handler *handler, char *error, size_t room)
{
	struct rlink *link = xcalloc(1, sizeof *link);

	if (!take_address(link, settings->address, settings->password_file != NULL, error,
		    room))
		goto fail_address;
	if (settings->password_file != NULL) {
		link->password = secret_read(settings->password_file, error, room);
		if (link->password == NULL)
			goto fail_password;
	}
	link->base = base;
	link->handler = *handler;
	link->deadline_ms = settings->deadline_ms;
	link->back_off_ms = settings->back_off_ms;
	link->pause_ms = PAUSE_LEAST_MS;
	link->tried_ms = clock_boot_ms();
	link->pause = evtimer_new(base, on_pause, link);
	link->deadline = evtimer_new(base, on_deadline, link);
	set_timer(link->pause, 0);
	return link;

fail_password:
	drop_address(link);
fail_address:
	free(link);
	return NULL;
}

void
rlink_destroy(struct rlink *link)
{
	if (link == NULL)
		return;
	link->ending = true;
	rlink_drop(link, "ended");
	event_free(link->pause);
	event_free(link->deadline);
	if (link->dns != NULL)
		evdns_base_free(link->dns, 0);
	drop_address(link);
	secret_free(link->password);
	text_finish(&link->written);
	free(link->ring);
	free(link);
}

bool
rlink_send(struct rlink *link, rlink_reply fn, void *owner, uint64_t tag, int argc,
	const char *const *argv, const size_t *length)
{
	return link->state == RLINK_UP &&
	       send_now(link, fn, owner, tag, argc, argv, length);
}

bool
rlink_send_words(struct rlink *link, rlink_reply fn, void *owner, uint64_t tag,
	const char *const *words)
{
	return link->state == RLINK_UP && send_words(link, fn, owner, tag, words);
}

void
rlink_flush(struct rlink *link)
{
	if (link->state == RLINK_UP && link->n > 0)
		redisAsyncHandleWrite(link->context);
}

bool
rlink_is_up(const struct rlink *link)
{
	return link->state == RLINK_UP;
}

void
rlink_hurry(struct rlink *link)
{
	link->pause_ms = PAUSE_LEAST_MS;
	if (link->state == RLINK_PAUSE)
		set_timer(link->pause, 0);
}

int64_t
rlink_unanswered(const struct rlink *link)
{
	return (int64_t)link->n;
}

int64_t
rlink_waiting_ms(const struct rlink *link)
{
	return link->n > 0 ? clock_boot_ms() - link->ring[link->head].sent_ms : 0;
}

/* ---- functions ---- */

static bool
is_text(const struct redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

bool
redis_library_is(const struct redisReply *reply, const char *code)
{
	const struct redisReply *library;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1)
		return false;
	library = reply->element[0]; /* flat: name, value, ... */
	for (size_t i = 0;
		library->type == REDIS_REPLY_ARRAY && i + 1 < library->elements; i += 2) {
		const struct redisReply *name = library->element[i],
					*value = library->element[i + 1];

		if (is_text(name) && is_text(value) &&
			strcmp(name->str, "library_code") == 0)
			return strcmp(value->str, code) == 0;
	}
	return false;
}
