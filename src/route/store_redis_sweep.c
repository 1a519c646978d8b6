/* route/store_redis_sweep.c - finished contacts and external ids leave when their time is
 * over, and the event stream is cut; contacts and stream never beyond history's cursor
 * (CONTRACTS 8.5). */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "route/store_redis_inner.h"

#define SWEEP_MAX 100	 /* contacts a call, so that Redis is never held up for long */
#define FORGET_MAX "500" /* external ids a call */
#define FORGET_MAX_N 500
#define KEYS_BEFORE 4
#define WORDS_BEFORE (3 + KEYS_BEFORE)

static void
on_swept(void *owner, uint64_t asked, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	r->sweeping = false;
	if (reply == NULL || r->phase == PHASE_ENDED)
		return;
	if (reply_is_error(reply, "STALE")) {
		store_stale(r);
	} else if (reply->type == REDIS_REPLY_ERROR) {
		log_warn("store: cannot remove what is finished: %.150s", reply->str);
	} else if (reply->type == REDIS_REPLY_INTEGER) {
		r->counts.swept += (uint64_t)reply->integer;
		if (asked == SWEEP_MAX && reply->integer > 0 && r->phase == PHASE_FLOWS)
			store_sweep(r); /* there may be more */
	}
}

/* Sends the function for the contacts of the list; none of them only cuts the stream. */
static void
call_sweep(struct store_redis *r, const struct redisReply *due)
{
	const char *words[WORDS_BEFORE + 3 + 2 * SWEEP_MAX];
	size_t length[WORDS_BEFORE + 3 + 2 * SWEEP_MAX];
	char count[16], now_ms[24], keep[24];
	char *keys[SWEEP_MAX];
	size_t n = due->elements < SWEEP_MAX ? due->elements : SWEEP_MAX, at = 0;

	snprintf(count, sizeof count, "%zu", KEYS_BEFORE + n);
	snprintf(now_ms, sizeof now_ms, "%" PRId64, r->hooks.now_ms(r->hooks.owner));
	snprintf(keep, sizeof keep, "%" PRId64, r->stream_length);
	words[at++] = "FCALL";
	words[at++] = STORE_LIBRARY "_sweep";
	words[at++] = count;
	words[at++] = r->owner_key;
	words[at++] = r->events_key;
	words[at++] = r->held_key;
	words[at++] = r->cursor_key;
	for (size_t i = 0; i < n; i++) {
		const char *id = reply_text(due->element[i]);

		keys[i] = xasprintf("%sc:%s", r->prefix, id != NULL ? id : "");
		words[at++] = keys[i];
	}
	words[at++] = r->token;
	words[at++] = now_ms;
	words[at++] = keep;
	for (size_t i = 0; i < n; i++)
		words[at++] = keys[i] + strlen(r->prefix) + 2;
	for (size_t i = 0; i < at; i++)
		length[i] = strlen(words[i]);
	r->sweeping = rlink_send(r->link, on_swept, r, n, (int)at, words, length);
	for (size_t i = 0; i < n; i++)
		free(keys[i]);
}

static void
on_due(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	r->sweeping = false;
	if (reply == NULL || r->phase != PHASE_FLOWS || reply->type != REDIS_REPLY_ARRAY)
		return;
	call_sweep(r, reply);
}

static void forget(struct store_redis *r);

static void
on_forgotten(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	r->forgetting = false;
	if (reply == NULL || r->phase == PHASE_ENDED)
		return;
	if (reply_is_error(reply, "STALE"))
		store_stale(r);
	else if (reply->type == REDIS_REPLY_ERROR)
		log_warn("store: cannot forget external ids: %.150s", reply->str);
	else if (reply->type == REDIS_REPLY_INTEGER && reply->integer == FORGET_MAX_N &&
		 r->phase == PHASE_FLOWS)
		forget(r); /* there may be more */
}

static void
forget(struct store_redis *r)
{
	char now_ms[24];
	const char *words[] = {r->owner_key, r->external_key, r->leaving_key, r->token,
		now_ms, FORGET_MAX, NULL};

	snprintf(now_ms, sizeof now_ms, "%" PRId64, r->hooks.now_ms(r->hooks.owner));
	r->forgetting = store_call(r, on_forgotten, r, "forget", 3, words);
}

void
store_sweep(struct store_redis *r)
{
	char now_ms[24], most[16];
	/* Those that live have score 0. */
	const char *words[] = {
		"ZRANGEBYSCORE", r->held_key, "1", now_ms, "LIMIT", "0", most, NULL};

	if (!r->forgetting)
		forget(r);
	if (r->sweeping)
		return;
	snprintf(now_ms, sizeof now_ms, "%" PRId64, r->hooks.now_ms(r->hooks.owner));
	snprintf(most, sizeof most, "%d", SWEEP_MAX);
	r->sweeping = rlink_send_words(r->link, on_due, r, 0, words);
}
