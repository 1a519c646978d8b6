/* intake/curl_loop.c - sockets and the timer of libcurl's multi interface. */
#include "intake/curl_loop.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/log.h"

struct curl_loop {
	struct event_base *base; /* borrowed */
	void (*done)(void *private, CURLcode code);
	CURLM *multi;
	struct event *timer;
};

static void
check_finished(struct curl_loop *loop)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;
		void *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		curl_multi_remove_handle(loop->multi, easy);
		loop->done(private, code);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *loop = arg;
	int running;

	curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_finished(loop);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *loop = arg;
	int running, how = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
			   ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(loop->multi, fd, how, &running);
	check_finished(loop);
}

static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *socket)
{
	struct curl_loop *loop = owner;
	struct event *event = socket;
	short how = (short)((what != CURL_POLL_OUT ? EV_READ : 0) |
			    (what != CURL_POLL_IN ? EV_WRITE : 0) | EV_PERSIST);

	if (event != NULL)
		event_free(event);
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(loop->multi, fd, NULL);
		return 0;
	}
	event = event_new(loop->base, fd, how, on_ready, loop);
	event_add(event, NULL);
	curl_multi_assign(loop->multi, fd, event);
	return 0;
}

static int
set_timer(CURLM *multi, long ms, void *owner)
{
	struct curl_loop *loop = owner;
	struct timeval wait = {ms / 1000, ms % 1000 * 1000};

	if (ms < 0)
		event_del(loop->timer);
	else
		event_add(loop->timer, &wait);
	return 0;
}

struct curl_loop *
curl_loop_create(
	struct event_base *base, int per_host, void (*done)(void *private, CURLcode code))
{
	struct curl_loop *loop = xcalloc(1, sizeof *loop);

	loop->base = base;
	loop->done = done;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	loop->timer = event_new(base, -1, 0, on_timer, loop);
	loop->multi = curl_multi_init();
	if (loop->multi == NULL) {
		log_error("curl: it cannot be used");
		curl_loop_destroy(loop);
		return NULL;
	}
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)per_host);
	return loop;
}

void
curl_loop_destroy(struct curl_loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->multi != NULL)
		curl_multi_cleanup(loop->multi);
	event_free(loop->timer);
	curl_global_cleanup();
	free(loop);
}

bool
curl_loop_add(struct curl_loop *loop, CURL *easy)
{
	return curl_multi_add_handle(loop->multi, easy) == CURLM_OK;
}

void
curl_loop_remove(struct curl_loop *loop, CURL *easy)
{
	curl_multi_remove_handle(loop->multi, easy);
}
