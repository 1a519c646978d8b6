/* history/webhooks.c - see webhooks.h. */
#include "history/webhooks.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/worker.h"
#include "history/inner.h"

#define DEADLINE_MS 10000 /* of a request, with everything */
#define CONNECT_MS 5000
#define FIRST_PAUSE_MS 1000
#define LONGEST_PAUSE_MS 300000
#define THREADS 2
#define SECRET_MAX 128
#define FILTER_MAX 1024	 /* bytes of the names of events a hook wants */
#define ANSWER_MAX 65536 /* bytes of an answer; more ends the request */

enum hook_state {
	HOOK_IDLE,    /* has had everything */
	HOOK_READING, /* asked the database */
	HOOK_SENDING,
	HOOK_KEEPING, /* how far it is, is being written */
	HOOK_PAUSED   /* the last try failed */
};

struct hook {
	struct webhooks *webhooks;
	char name[ID_MAX + 1], secret[SECRET_MAX + 1];
	char url[WEBHOOK_URL_MAX + 1], filter[FILTER_MAX + 1]; /* filter "": all */
	bool is_private, wanted; /* wanted: still in the table */
	enum hook_state state;
	bool again; /* something new came meanwhile */
	int64_t n;  /* had up to it */
	int64_t pause_ms, until_ms;
	/* of the request on its way */
	int64_t next;
	int n_events;
	char *body; /* owned */
	long status;
	char why[CURL_ERROR_SIZE];
};

struct webhooks {
	struct event_base *base;
	struct database *db;
	struct recorder *recorder;
	struct worker_pool *pool;
	struct event *timer;
	struct hook *hook[WEBHOOKS_MAX]; /* owned */
	int n_hooks;
	bool loading, load_again, unread;
	bool closing;	     /* atomic: requests on their way look at it */
	struct hook *loaded; /* owned; of a load on its way */
	int n_loaded;
};

/* ---- what may be asked ---- */

static bool
is_public_v4(uint32_t a)
{
	static const struct {
		uint32_t net;
		int bits;
	} closed[] = {{0x00000000, 8}, {0x0a000000, 8}, {0x64400000, 10}, {0x7f000000, 8},
		{0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24},
		{0xc0a80000, 16}, {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24},
		{0xe0000000, 4}, {0xf0000000, 4}};

	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
		if ((a ^ closed[i].net) >> (32 - closed[i].bits) == 0)
			return false;
	return true;
}

static bool
is_public_v6(const struct in6_addr *a)
{
	const uint8_t *b = a->s6_addr;
	uint32_t v4 = (uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 |
		      (uint32_t)b[14] << 8 | b[15];
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};

	if (IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a) ||
		memcmp(b, nat64, sizeof nat64) == 0)
		return is_public_v4(v4);
	if (b[0] == 0x20 && b[1] == 0x02) /* 6to4 carries the address behind its prefix */
		return is_public_v4((uint32_t)b[2] << 24 | (uint32_t)b[3] << 16 |
				    (uint32_t)b[4] << 8 | b[5]);
	/* Only 2000::/3 is given out; the rest is local, or nobody's. */
	return b[0] >> 5 == 1 &&
	       !(b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8);
}

bool
webhook_address_is_public(const char *text)
{
	struct in_addr four;
	struct in6_addr six;

	if (inet_pton(AF_INET, text, &four) == 1)
		return is_public_v4(ntohl(four.s_addr));
	return inet_pton(AF_INET6, text, &six) == 1 && is_public_v6(&six);
}

const char *
webhook_url_fault(const char *url, bool is_private)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *user = NULL;
	const char *fault = NULL;

	if (parts == NULL || strlen(url) > WEBHOOK_URL_MAX ||
		curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
		curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		fault = "is not an address such as https://example.org/hook";
	else if (strcmp(scheme, "https") != 0 &&
		 !(is_private && strcmp(scheme, "http") == 0))
		fault = "must begin with https:// (http:// goes with private only)";
	else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK)
		fault = "must not hold a user or password";
	curl_free(scheme);
	curl_free(user);
	curl_url_cleanup(parts);
	return fault;
}

/* ---- on a thread: one request ---- */

static curl_socket_t
open_socket(void *owner, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct hook *h = owner;
	char text[INET6_ADDRSTRLEN] = "";
	const void *address =
		to->family == AF_INET
			? (const void *)&((struct sockaddr_in *)(void *)&to->addr)
				  ->sin_addr
			: (const void *)&((struct sockaddr_in6 *)(void *)&to->addr)
				  ->sin6_addr;

	/* The address itself is looked at, whatever name it was found under. */
	if (!h->is_private &&
		(inet_ntop(to->family, address, text, sizeof text) == NULL ||
			!webhook_address_is_public(text)))
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t
take_answer(char *bytes, size_t size, size_t n, void *owner)
{
	size_t *left = owner;

	if (size * n > *left)
		return 0;
	*left -= size * n;
	return size * n; /* nobody reads it */
}

/* Asked every second at least: a request that hangs holds up no end of the process. */
static int
must_end(void *owner, curl_off_t down_most, curl_off_t down, curl_off_t up_most,
	curl_off_t up)
{
	const struct hook *h = owner;

	return __atomic_load_n(&h->webhooks->closing, __ATOMIC_RELAXED);
}

static struct curl_slist *
fields_of(const struct hook *h)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	struct text signed_text = {0}, hex = {0};
	struct curl_slist *fields = NULL;
	char *line;
	int64_t at_s = clock_wall_ms() / 1000;

	text_addf(&signed_text, "%" PRId64 ".%s", at_s, h->body);
	HMAC(EVP_sha256(), h->secret, (int)strlen(h->secret),
		(const unsigned char *)signed_text.s, signed_text.n, mac, &length);
	for (unsigned i = 0; i < length; i++)
		text_addf(&hex, "%02x", mac[i]);
	fields = curl_slist_append(fields, "content-type: application/json");
	fields = curl_slist_append(fields, "expect:");
	line = xasprintf("x-usher-hook: %s", h->name);
	fields = curl_slist_append(fields, line);
	free(line);
	line = xasprintf("x-usher-timestamp: %" PRId64, at_s);
	fields = curl_slist_append(fields, line);
	free(line);
	line = xasprintf("x-usher-signature: sha256=%s", hex.s);
	fields = curl_slist_append(fields, line);
	free(line);
	text_finish(&signed_text);
	text_finish(&hex);
	return fields;
}

static void
send_events(void *arg)
{
	struct hook *h = arg;
	CURL *curl = curl_easy_init();
	struct curl_slist *fields = curl != NULL ? fields_of(h) : NULL;
	size_t left = ANSWER_MAX;

	h->status = 0;
	snprintf(h->why, sizeof h->why, "no memory for the request");
	if (curl == NULL)
		return;
	curl_easy_setopt(curl, CURLOPT_URL, h->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)DEADLINE_MS);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, must_end);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, h);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, h);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &left);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, h->body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(h->body));
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, h->why);
	h->why[0] = '\0';
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &h->status);
	curl_slist_free_all(fields);
	curl_easy_cleanup(curl);
}

/* ---- on the loop: one hook ---- */

static void hook_read(struct hook *h);

/* Set for the first moment at which a hook is tried again. */
static void
set_timer(struct webhooks *w)
{
	int64_t until_ms = INT64_MAX, wait_ms;
	struct timeval wait;

	for (int i = 0; i < w->n_hooks; i++)
		if (w->hook[i]->state == HOOK_PAUSED && w->hook[i]->until_ms < until_ms)
			until_ms = w->hook[i]->until_ms;
	if (until_ms == INT64_MAX)
		return;
	wait_ms = until_ms - clock_boot_ms();
	if (wait_ms < 0)
		wait_ms = 0;
	wait.tv_sec = (time_t)(wait_ms / 1000);
	wait.tv_usec = (suseconds_t)(wait_ms % 1000 * 1000);
	event_add(w->timer, &wait);
}

static void
hook_pause(struct hook *h, const char *why)
{
	h->pause_ms = h->pause_ms > 0 ? 2 * h->pause_ms : FIRST_PAUSE_MS;
	if (h->pause_ms > LONGEST_PAUSE_MS)
		h->pause_ms = LONGEST_PAUSE_MS;
	log_warn("webhook: not taken, again later hook=%s status=%ld pause_ms=%" PRId64
		 " why=\"%s\"",
		h->name, h->status, h->pause_ms, why);
	h->state = HOOK_PAUSED;
	h->until_ms = clock_boot_ms() + h->pause_ms;
	set_timer(h->webhooks);
}

static void
hook_next(struct hook *h)
{
	if (h->webhooks->closing || !h->wanted)
		h->state = HOOK_IDLE;
	else
		hook_read(h);
}

static bool
keep(struct database_session *s, void *arg)
{
	const struct hook *h = arg;
	struct query *q = query_start(s, "UPDATE webhook SET n = $2 WHERE name = $1");

	query_put_text(q, 1, h->name);
	query_put_int(q, 2, h->next);
	query_run(q);
	return true;
}

static void
kept(void *arg, enum database_result result)
{
	struct hook *h = arg;

	h->state = HOOK_IDLE;
	if (result == DATABASE_OK)
		h->n = h->next;
	hook_next(h);
}

static void
hook_keep(struct hook *h)
{
	h->state = HOOK_KEEPING;
	if (!database_write(h->webhooks->db, keep, kept, h, 0))
		hook_pause(h, "the database is busy");
}

static void
sent(void *arg)
{
	struct hook *h = arg;

	free(h->body);
	h->body = NULL;
	if (h->status >= 200 && h->status < 300) {
		h->pause_ms = 0;
		hook_keep(h);
	} else {
		hook_pause(h, h->why[0] != '\0' ? h->why : "the answer is not 2xx");
	}
}

static bool
wants(const struct hook *h, const char *event)
{
	const char *at = h->filter;
	size_t n = strlen(event);

	if (*at == '\0')
		return true;
	while ((at = strstr(at, event)) != NULL) {
		if ((at == h->filter || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
		at += n;
	}
	return false;
}

static bool
read_some(struct database_session *s, void *arg)
{
	struct hook *h = arg;
	json_t *found = feed_read(s, h->n, WEBHOOK_EVENTS_MAX), *list, *one;
	struct text body = {0};
	size_t i;

	h->next = json_integer_value(json_object_get(found, "next"));
	list = json_object_get(found, "events");
	for (i = json_array_size(list); i > 0; i--) {
		one = json_array_get(list, i - 1);
		if (!wants(h, json_string_value(json_object_get(one, "event"))))
			json_array_remove(list, i - 1);
	}
	h->n_events = (int)json_array_size(list);
	json_object_del(found, "more");
	json_write(&body, found);
	free(h->body);
	h->body = text_take(&body);
	json_decref(found);
	return true;
}

static void
was_read(void *arg, enum database_result result)
{
	struct hook *h = arg;

	h->state = HOOK_IDLE;
	if (h->webhooks->closing || !h->wanted)
		return;
	if (result != DATABASE_OK) {
		h->status = 0;
		hook_pause(h, "the history cannot be read");
	} else if (h->next == h->n) {
		if (h->again)
			hook_read(h);
	} else if (h->n_events == 0) {
		hook_keep(h); /* nothing that it wants */
	} else {
		h->state = HOOK_SENDING;
		if (!worker_run(h->webhooks->pool, send_events, sent, h))
			hook_pause(h, "too many requests are on their way");
	}
}

static void
hook_read(struct hook *h)
{
	h->again = false;
	h->state = HOOK_READING;
	if (!database_read(h->webhooks->db, read_some, was_read, h))
		hook_pause(h, "the history is busy");
}

static void
on_timer(evutil_socket_t fd, short what, void *owner)
{
	struct webhooks *w = owner;
	int64_t now_ms = clock_boot_ms();

	for (int i = 0; i < w->n_hooks; i++) {
		struct hook *h = w->hook[i];

		if (h->state == HOOK_PAUSED && h->until_ms <= now_ms)
			hook_next(h);
	}
	set_timer(w);
}

/* A batch was recorded. */
static void
on_recorded(void *owner)
{
	struct webhooks *w = owner;

	if (w->unread && !w->loading)
		webhooks_changed(w);
	for (int i = 0; i < w->n_hooks; i++) {
		w->hook[i]->again = true;
		if (w->hook[i]->state == HOOK_IDLE && w->hook[i]->wanted)
			hook_read(w->hook[i]);
	}
}

/* ---- which hooks there are ---- */

static bool
read_hooks(struct database_session *s, void *arg)
{
	struct webhooks *w = arg;
	struct query *q = query_start(s, "SELECT name, url, secret, events, private, n "
					 "FROM webhook ORDER BY name");

	free(w->loaded);
	w->loaded = xcalloc(WEBHOOKS_MAX, sizeof *w->loaded);
	w->n_loaded = 0;
	while (query_row(q) && w->n_loaded < WEBHOOKS_MAX) {
		struct hook *h = &w->loaded[w->n_loaded++];

		snprintf(h->name, sizeof h->name, "%s", query_text(q, 0));
		snprintf(h->url, sizeof h->url, "%s", query_text(q, 1));
		snprintf(h->secret, sizeof h->secret, "%s", query_text(q, 2));
		snprintf(h->filter, sizeof h->filter, "%s", query_text(q, 3));
		h->is_private = query_int(q, 4) != 0;
		h->n = query_int(q, 5);
	}
	query_end(q);
	return true;
}

/* Those that were removed go when nothing of theirs is on its way. */
static void
drop_unwanted(struct webhooks *w)
{
	int kept_hooks = 0;

	for (int i = 0; i < w->n_hooks; i++) {
		struct hook *h = w->hook[i];

		if (h->wanted || (h->state != HOOK_IDLE && h->state != HOOK_PAUSED)) {
			w->hook[kept_hooks++] = h;
		} else {
			free(h->body);
			free(h);
		}
	}
	w->n_hooks = kept_hooks;
}

/* One that was changed is another one: the old ends with what it has on its way. */
static bool
same_hook(const struct hook *a, const struct hook *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->url, b->url) == 0 &&
	       strcmp(a->secret, b->secret) == 0 && strcmp(a->filter, b->filter) == 0 &&
	       a->is_private == b->is_private;
}

static void
take_hooks(struct webhooks *w)
{
	for (int i = 0; i < w->n_hooks; i++)
		w->hook[i]->wanted = false;
	for (int i = 0; i < w->n_loaded; i++) {
		const struct hook *one = &w->loaded[i];
		struct hook *h = NULL;

		for (int j = 0; j < w->n_hooks; j++)
			if (same_hook(w->hook[j], one))
				h = w->hook[j];
		if (h != NULL) {
			h->wanted = true;
			continue;
		}
		if (w->n_hooks == WEBHOOKS_MAX)
			break;
		h = xcalloc(1, sizeof *h);
		*h = *one;
		h->webhooks = w;
		h->wanted = true;
		w->hook[w->n_hooks++] = h;
	}
	drop_unwanted(w);
}

static void
hooks_read(void *arg, enum database_result result)
{
	struct webhooks *w = arg;

	w->loading = false;
	if (w->closing)
		return;
	w->unread = result != DATABASE_OK; /* then with the next batch */
	if (!w->unread)
		take_hooks(w);
	if (w->load_again)
		webhooks_changed(w);
	on_recorded(w);
}

void
webhooks_changed(struct webhooks *w)
{
	w->load_again = w->loading;
	if (w->loading)
		return;
	w->loading = database_read(w->db, read_hooks, hooks_read, w);
}

struct webhooks *
webhooks_create(struct event_base *base, struct database *db, struct recorder *recorder,
	char *error, size_t room)
{
	struct webhooks *w = xcalloc(1, sizeof *w);

	w->base = base;
	w->db = db;
	w->recorder = recorder;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	w->pool = worker_pool_create(base, THREADS, WEBHOOKS_MAX);
	w->timer = evtimer_new(base, on_timer, w);
	if (w->pool == NULL) {
		snprintf(error, room, "no threads for webhooks");
		webhooks_destroy(w);
		return NULL;
	}
	recorder_listen(recorder, on_recorded, w);
	webhooks_changed(w);
	return w;
}

static void
forget(void *arg)
{
	/* Its hook is freed below. */
}

void
webhooks_destroy(struct webhooks *w)
{
	if (w == NULL)
		return;
	__atomic_store_n(&w->closing, true, __ATOMIC_RELAXED);
	if (w->pool != NULL)
		worker_pool_destroy(w->pool, forget);
	for (int i = 0; i < w->n_hooks; i++) {
		free(w->hook[i]->body);
		free(w->hook[i]);
	}
	event_free(w->timer);
	free(w->loaded);
	free(w);
}
