/*
 * plugins/http_directory/http_directory.c - customers from a site's own CRM: GET of a URL
 * made of what the contact's customer is known by.
 *
 *   ask --kept--> found                       a short time, no network
 *   ask -> queue -> (own thread: curl multi) -> found
 *   failures in a row --> resting, nobody is asked --rest is over--> one trial
 *
 * One thread does all that waits. Under `lock`: queue, cache, breaker, figures.
 */
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <usher/identify.h>

#include "answer.h"
#include "cache.h"

#define KEY_MAX 320	/* bytes of "kind value" */
#define URL_MAX 2048	/* bytes, with the value in percent-encoding */
#define HEADER_MAX 4096 /* bytes of the Authorization header */
#define KINDS_MAX 16
#define POLL_MS 1000

struct settings {
	const char *url, *kinds, *token_file;
	int64_t timeout, keep, keep_unknown, cache, at_once, waiting, failures, rest;
	bool insecure;
	/* made at start */
	const struct usher_host *host;
	char kind[KINDS_MAX][33];
	int n_kinds;
	char *header; /* owned; "Authorization: Bearer ..."; NULL: none */
};

/* One look-up. */
struct look {
	struct look *next, *before; /* of those waiting, or of those running */
	struct directory *directory;
	uint64_t ticket;
	char key[KEY_MAX], url[URL_MAX];
	CURL *easy; /* owned by the thread */
	char *body; /* owned */
	size_t n;
	bool too_long;
};

enum breaker {
	CLOSED,	 /* all are asked */
	RESTING, /* nobody is, until rest_ms */
	TRYING	 /* one is, and decides */
};

struct directory {
	struct settings *settings;
	const struct usher_identify_sink *sink;
	pthread_t thread;
	CURLM *multi;
	struct curl_slist *headers;
	struct look *running; /* the thread's */

	pthread_mutex_t lock;
	bool ending;
	struct look *first, **last; /* waiting */
	int n_waiting, n_running;
	struct cache *cache;
	enum breaker breaker;
	int failures; /* in a row */
	int64_t rest_ms;
	struct usher_identify_figures figures;
};

static const struct usher_setting all_settings[] = {
	USHER_SETTING(TEXT, struct settings, url, 8, 1024, NULL,
		"address to GET, with {kind} and {value} in it: "
		"https://crm.example.com/usher?{kind}={value}"),
	USHER_SETTING(TEXT, struct settings, kinds, 1, 256, "account,email,phone",
		"kinds of identities to ask by, the surest first"),
	USHER_SETTING(TEXT, struct settings, token_file, 0, 1024, "",
		"file with a bearer token, readable by usher alone, beside the settings "
		"file; empty: none"),
	USHER_SETTING(DURATION, struct settings, timeout, 50, 60000, "2s",
		"how long an answer is waited for"),
	USHER_SETTING(DURATION, struct settings, keep, 0, 86400000, "5m",
		"how long an answer is kept and not asked for again"),
	USHER_SETTING(DURATION, struct settings, keep_unknown, 0, 86400000, "1m",
		"the same for customers who are not known there"),
	USHER_SETTING(INTEGER, struct settings, cache, 0, 1000000, "10000",
		"answers that are kept"),
	USHER_SETTING(
		INTEGER, struct settings, at_once, 1, 256, "16", "requests at once"),
	USHER_SETTING(INTEGER, struct settings, waiting, 1, 100000, "1000",
		"questions that may wait; further ones are not asked"),
	USHER_SETTING(INTEGER, struct settings, failures, 1, 1000, "5",
		"failures in a row after which nobody is asked for a while"),
	USHER_SETTING(DURATION, struct settings, rest, 100, 3600000, "30s",
		"how long nobody is asked then; one trial decides whether to go on"),
	USHER_SETTING(BOOL, struct settings, insecure, 0, 0, "false",
		"allow http:// to another machine: customers' data then cross the "
		"network in the open"),
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- start: settings that can only be checked as a whole ---- */

static bool
split_kinds(struct settings *s, char *problem, size_t room)
{
	const char *at = s->kinds;

	while (*at != '\0') {
		size_t n = strcspn(at, ",");

		if (n == 0 || n > 32 || s->n_kinds == KINDS_MAX) {
			snprintf(problem, room,
				"kinds: write up to %d names with commas between: "
				"account,email,phone",
				KINDS_MAX);
			return false;
		}
		memcpy(s->kind[s->n_kinds], at, n);
		s->kind[s->n_kinds++][n] = '\0';
		at += n + (at[n] == ',');
	}
	return true;
}

static bool
read_token(struct settings *s, char *problem, size_t room)
{
	char path[2048], token[HEADER_MAX - 64] = "";
	struct stat st;
	FILE *file;
	size_t n = 0;

	if (s->token_file[0] == '\0')
		return true;
	snprintf(path, sizeof(path), "%s%s%s",
		s->token_file[0] == '/' ? "" : s->host->settings,
		s->token_file[0] == '/' ? "" : "/", s->token_file);
	file = fopen(path, "re");
	if (file == NULL || fstat(fileno(file), &st) != 0)
		snprintf(problem, room, "token_file: cannot read %s: %s", path,
			strerror(errno));
	else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		snprintf(problem, room,
			"token_file: %s can be read by others; run: chmod 600 %s", path,
			path);
	else if (setvbuf(file, NULL, _IONBF, 0) != 0 ||
		 fgets(token, sizeof(token), file) == NULL ||
		 (n = strcspn(token, "\r\n")) == 0 || n == sizeof(token) - 1)
		snprintf(problem, room,
			"token_file: %s must hold the token as its first line, of 1 to "
			"%zu bytes",
			path, sizeof(token) - 2);
	else
		s->header = malloc(n + 32);
	if (s->header != NULL)
		snprintf(s->header, n + 32, "Authorization: Bearer %.*s", (int)n, token);
	explicit_bzero(token, sizeof(token));
	if (file != NULL)
		fclose(file);
	return s->header != NULL;
}

static bool
is_local(const char *url)
{
	static const char *const local[] = {
		"http://127.0.0.1", "http://localhost", "http://[::1]"};

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		size_t n = strlen(local[i]);

		if (strncmp(url, local[i], n) == 0 && strchr(":/?", url[n]) != NULL)
			return true;
	}
	return false;
}

static bool
start(void *state, const struct usher_host *host, char *problem, size_t room)
{
	struct settings *s = state;

	s->host = host;
	if (strstr(s->url, "{value}") == NULL) {
		snprintf(problem, room,
			"url: {value} must stand in it, for what the "
			"customer is known by");
		return false;
	}
	if (strncmp(s->url, "https://", 8) != 0 && !s->insecure && !is_local(s->url)) {
		snprintf(problem, room,
			"url: must begin with https://; http:// to "
			"another machine needs insecure: true");
		return false;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		snprintf(problem, room, "libcurl cannot be used");
		return false;
	}
	return split_kinds(s, problem, room) && read_token(s, problem, room);
}

static void
stop(void *state)
{
	struct settings *s = state;

	if (s->header != NULL)
		explicit_bzero(s->header, strlen(s->header));
	free(s->header);
	s->header = NULL;
	curl_global_cleanup();
}

/* ---- what came back ---- */

static void
tell(struct directory *d, uint64_t ticket, const char *body, size_t n)
{
	struct answer answer;
	const char *problem;

	if (n == 0 || !answer_read(&answer, body, n, &problem)) {
		d->sink->found(d->sink, ticket, NULL);
		return;
	}
	d->sink->found(d->sink, ticket, &answer.found);
	answer_finish(&answer);
}

/* Counts what came of a request; under the lock. */
static void
note_success(struct directory *d)
{
	d->failures = 0;
	d->breaker = CLOSED;
}

static void
note_failure(struct directory *d, const char *problem)
{
	d->figures.failed++;
	snprintf(d->figures.problem, sizeof(d->figures.problem), "%s", problem);
	if (++d->failures < d->settings->failures && d->breaker != TRYING)
		return;
	if (d->breaker != RESTING)
		d->settings->host->log(d->settings->host, USHER_LOG_WARN,
			"too many failures: customers are not asked for a while");
	d->breaker = RESTING;
	d->rest_ms = now_ms() + d->settings->rest;
}

/* 200 with a body that reads, 404: he is not known there; all else is a failure. */
static void
judge(struct directory *d, struct look *l, CURLcode code)
{
	const struct settings *s = d->settings;
	struct answer answer;
	const char *problem = "";
	long status = 0;
	bool known = false;

	curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status == 200) {
		known = answer_read(
			&answer, l->body != NULL ? l->body : "", l->n, &problem);
		if (known)
			answer_finish(&answer);
	} else if (l->too_long) {
		problem = "the answer is longer than 64 KiB";
	} else if (code != CURLE_OK) {
		problem = curl_easy_strerror(code);
	} else {
		problem = "the answer's status is neither 200 nor 404";
	}
	pthread_mutex_lock(&d->lock);
	if (known) {
		note_success(d);
		d->figures.found++;
		cache_put(d->cache, l->key, l->body, now_ms() + s->keep);
	} else if (code == CURLE_OK && status == 404) {
		note_success(d);
		d->figures.unknown++;
		cache_put(d->cache, l->key, "", now_ms() + s->keep_unknown);
	} else {
		note_failure(d, problem);
	}
	d->n_running--;
	pthread_mutex_unlock(&d->lock);
	tell(d, l->ticket, l->body, known ? l->n : 0);
}

static void
look_destroy(struct look *l)
{
	if (l->easy != NULL)
		curl_easy_cleanup(l->easy);
	free(l->body);
	free(l);
}

/* ---- the thread ---- */

static size_t
take_bytes(char *bytes, size_t one, size_t n, void *owner)
{
	struct look *l = owner;
	char *body;

	n *= one;
	if (l->n + n > ANSWER_BYTES_MAX) {
		l->too_long = true;
		return 0;
	}
	body = realloc(l->body, l->n + n + 1);
	if (body == NULL)
		return 0;
	memcpy(body + l->n, bytes, n);
	l->body = body;
	l->n += n;
	body[l->n] = '\0';
	return n;
}

static void
unlink_running(struct directory *d, struct look *l)
{
	*(l->before != NULL ? &l->before->next : &d->running) = l->next;
	if (l->next != NULL)
		l->next->before = l->before;
	l->before = l->next = NULL;
}

static void
link_running(struct directory *d, struct look *l)
{
	l->before = NULL;
	l->next = d->running;
	if (d->running != NULL)
		d->running->before = l;
	d->running = l;
}

static bool
begin(struct directory *d, struct look *l)
{
	CURL *e = l->easy = curl_easy_init();

	link_running(d, l);
	if (e == NULL)
		return false;
	curl_easy_setopt(e, CURLOPT_URL, l->url);
	curl_easy_setopt(e, CURLOPT_PRIVATE, l);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, l);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)d->settings->timeout);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* No other place than the one in the settings is ever asked (SSRF). */
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, d->headers);
	return curl_multi_add_handle(d->multi, e) == CURLM_OK;
}

/* The next question that may be begun; NULL: none now. */
static struct look *
take_look(struct directory *d)
{
	struct look *l = NULL;

	pthread_mutex_lock(&d->lock);
	if (d->first != NULL && d->n_running < d->settings->at_once) {
		l = d->first;
		d->first = l->next;
		if (d->first == NULL)
			d->last = &d->first;
		d->n_waiting--;
		d->n_running++;
	}
	pthread_mutex_unlock(&d->lock);
	return l;
}

static void
finish_looks(struct directory *d)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(d->multi, &left)) != NULL) {
		struct look *l = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&l);
		curl_multi_remove_handle(d->multi, m->easy_handle);
		unlink_running(d, l);
		judge(d, l, m->data.result);
		look_destroy(l);
	}
}

static bool
is_ending(struct directory *d)
{
	bool ending;

	pthread_mutex_lock(&d->lock);
	ending = d->ending;
	pthread_mutex_unlock(&d->lock);
	return ending;
}

static void *
run(void *arg)
{
	struct directory *d = arg;
	struct look *l;
	int running;

	while (!is_ending(d)) {
		while ((l = take_look(d)) != NULL) {
			if (begin(d, l))
				continue;
			unlink_running(d, l);
			judge(d, l, CURLE_OUT_OF_MEMORY);
			look_destroy(l);
		}
		curl_multi_perform(d->multi, &running);
		finish_looks(d);
		curl_multi_poll(d->multi, NULL, 0, POLL_MS, NULL);
	}
	return NULL;
}

/* ---- asked, on usher's thread ---- */

/* Whether the breaker lets a question through; under the lock. */
static bool
may_ask(struct directory *d)
{
	if (d->breaker == CLOSED)
		return true;
	if (d->breaker == TRYING || now_ms() < d->rest_ms)
		return false;
	d->breaker = TRYING;
	return true;
}

/* {kind} and {value} of the URL filled in, percent-encoded (RFC 3986 2.3). */
static bool
write_url(char out[URL_MAX], const char *url, const char *kind, const char *value)
{
	size_t n = 0;

	while (*url != '\0') {
		const char *put = strncmp(url, "{kind}", 6) == 0    ? kind
				  : strncmp(url, "{value}", 7) == 0 ? value
								    : NULL;

		if (n + 4 >= URL_MAX)
			return false;
		if (put == NULL) {
			out[n++] = *url++;
			continue;
		}
		url += put == kind ? 6 : 7;
		for (; *put != '\0' && n + 4 < URL_MAX; put++) {
			if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-._~",
				    *put) != NULL)
				out[n++] = *put;
			else
				n += (size_t)snprintf(
					out + n, 4, "%%%02X", (unsigned char)*put);
		}
		if (*put != '\0')
			return false; /* half a value is another customer's */
	}
	out[n] = '\0';
	return true;
}

/* The surest identity of a kind that is asked by; NULL: none. */
static const struct usher_identity *
choose(const struct settings *s, const struct usher_question *q)
{
	for (int k = 0; k < s->n_kinds; k++)
		for (size_t i = 0; i < q->n_identities; i++)
			if (strcmp(q->identities[i].kind, s->kind[k]) == 0)
				return &q->identities[i];
	return NULL;
}

static bool
enqueue(struct directory *d, const struct usher_question *q,
	const struct usher_identity *by, const char *key)
{
	struct look *l = calloc(1, sizeof(*l));

	/* The breaker comes last: what it lets through as its trial must be asked. */
	if (l == NULL || !write_url(l->url, d->settings->url, by->kind, by->value) ||
		d->n_waiting >= d->settings->waiting || !may_ask(d)) {
		d->figures.refused++;
		free(l);
		return false;
	}
	l->directory = d;
	l->ticket = q->ticket;
	memcpy(l->key, key, strlen(key) + 1);
	*d->last = l;
	d->last = &l->next;
	d->n_waiting++;
	d->figures.asked++;
	return true;
}

static bool
ask(void *directory, const struct usher_question *q)
{
	struct directory *d = directory;
	const struct usher_identity *by = choose(d->settings, q);
	char key[KEY_MAX];
	const char *kept;
	char *body = NULL;
	bool asked = false;

	if (by == NULL || snprintf(key, sizeof(key), "%s %s", by->kind, by->value) >=
				  (int)sizeof(key))
		return false;
	pthread_mutex_lock(&d->lock);
	kept = cache_get(d->cache, key, now_ms());
	if (kept != NULL) {
		d->figures.cached++;
		body = strdup(kept);
	} else {
		asked = enqueue(d, q, by, key);
	}
	pthread_mutex_unlock(&d->lock);
	if (asked)
		curl_multi_wakeup(d->multi);
	if (body != NULL)
		tell(d, q->ticket, body, strlen(body));
	free(body);
	return asked || kept != NULL;
}

/* ---- life ---- */

static void
end(struct directory *d)
{
	struct look *l;

	while ((l = d->first) != NULL) {
		d->first = l->next;
		look_destroy(l);
	}
	cache_destroy(d->cache);
	if (d->multi != NULL)
		curl_multi_cleanup(d->multi);
	curl_slist_free_all(d->headers);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* Signals are usher's: no thread of ours takes them. */
static int
start_thread(struct directory *d)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&d->thread, NULL, run, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static void *
open_directory(
	void *state, const struct usher_identify_sink *sink, char *problem, size_t room)
{
	struct settings *s = state;
	struct directory *d = calloc(1, sizeof(*d));

	snprintf(problem, room, "no memory or no thread for it");
	if (d == NULL)
		return NULL;
	d->settings = s;
	d->sink = sink;
	d->last = &d->first;
	pthread_mutex_init(&d->lock, NULL);
	d->cache = cache_create((size_t)s->cache);
	d->multi = curl_multi_init();
	d->headers = curl_slist_append(NULL, "Accept: application/json");
	if (s->header != NULL)
		d->headers = curl_slist_append(d->headers, s->header);
	if (d->cache != NULL && d->multi != NULL && start_thread(d) == 0)
		return d;
	end(d);
	return NULL;
}

/* Requests on their way are given up: handles are removed by the thread's end. */
static void
close_directory(void *directory)
{
	struct directory *d = directory;
	struct look *l;

	pthread_mutex_lock(&d->lock);
	d->ending = true;
	pthread_mutex_unlock(&d->lock);
	curl_multi_wakeup(d->multi);
	pthread_join(d->thread, NULL);
	while ((l = d->running) != NULL) {
		unlink_running(d, l);
		curl_multi_remove_handle(d->multi, l->easy);
		look_destroy(l);
	}
	end(d);
}

static void
figures(const void *directory, struct usher_identify_figures *out)
{
	struct directory *d = (struct directory *)(uintptr_t)directory;
	uint32_t size = out->size;

	pthread_mutex_lock(&d->lock);
	d->figures.resting = d->breaker != CLOSED;
	memcpy(out, &d->figures, size < sizeof(d->figures) ? size : sizeof(d->figures));
	pthread_mutex_unlock(&d->lock);
	out->size = size;
}

static const struct usher_identify identify = {
	.abi = USHER_IDENTIFY_ABI,
	.size = sizeof(struct usher_identify),
	.open = open_directory,
	.close = close_directory,
	.ask = ask,
	.figures = figures,
};

__attribute__((visibility("default"))) const struct usher_plugin usher_plugin = {
	.abi = USHER_PLUGIN_ABI,
	.size = sizeof(struct usher_plugin),
	.name = "http_directory",
	.version = "0.1.0",
	.help = "Customers from a site's own CRM over HTTP and JSON.",
	.state_size = sizeof(struct settings),
	.settings = all_settings,
	.n_settings = sizeof(all_settings) / sizeof(all_settings[0]),
	.start = start,
	.stop = stop,
	.identify = &identify,
};
