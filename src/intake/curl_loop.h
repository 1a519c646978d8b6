/* intake/curl_loop.h - libcurl's transfers on the event loop. */
#ifndef USHER_INTAKE_CURL_LOOP_H
#define USHER_INTAKE_CURL_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/xalloc.h"

struct event_base;
struct curl_loop;

/* per_host: connections to one host at once. done: a transfer ended; private is what its
 * handle has as CURLOPT_PRIVATE. NULL with the reason logged. */
struct curl_loop *curl_loop_create(struct event_base *base, int per_host,
	void (*done)(void *private, CURLcode code)) USHER_MUST_CHECK;
/* After curl_loop_remove() of what is still under way. NULL is fine. */
void curl_loop_destroy(struct curl_loop *loop);

bool curl_loop_add(struct curl_loop *loop, CURL *easy) USHER_MUST_CHECK;
/* Ends a transfer unheard; one that is not under way is fine. */
void curl_loop_remove(struct curl_loop *loop, CURL *easy);

#endif
