/*
 * route/store_redis.c - the Redis store's life: connected, checked, owner, and its end.
 *
 * The picture is in store_redis_inner.h. After STALE or a fault nothing moves any more;
 * whoever owns us ends.
 */
#include "route/store_redis.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "route/store_redis_inner.h"

#define TICK_MS 250	 /* heartbeats are a whole number of ticks */
#define END_MOST_MS 3000 /* store_redis_end */
#define CALL_WORDS_MAX 16

/* ---- small things ---- */

void
store_set_timer(struct event *timer, int64_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	evtimer_add(timer, &tv);
}

void
store_phase(struct store_redis *r, enum store_phase phase)
{
	if (r->phase != PHASE_ENDED)
		r->phase = phase;
}

void
store_tell(struct store_redis *r, bool up, const char *why)
{
	if (!r->ready)
		return;
	if (r->up != up) {
		r->up = up;
		if (up)
			log_info("store: Redis is back address=%s", r->address);
		else
			log_warn("store: Redis is away reason=\"%s\"", why);
		r->hooks.state(r->hooks.owner, up, why);
	}
	if (!up)
		store_refuse_intake(r, why);
}

void
store_fail(struct store_redis *r, const char *format, ...)
{
	char why[STORE_REASON_MAX * 2];
	va_list args;

	if (r->phase == PHASE_ENDED)
		return;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	store_phase(r, PHASE_ENDED);
	log_error("store: %s", why);
	r->hooks.failed(r->hooks.owner, why);
}

void
store_stale(struct store_redis *r)
{
	if (r->phase == PHASE_ENDED)
		return;
	store_phase(r, PHASE_ENDED);
	log_error("store: another router owns the centre; nothing of ours counts any "
		  "more epoch=%" PRIu32 " steps_dropped=%zu",
		r->epoch, r->steps.n);
	r->hooks.stale(r->hooks.owner);
}

void
store_retry(struct store_redis *r, const char *why)
{
	if (r->phase == PHASE_ENDED)
		return;
	if (strcmp(r->why, why) != 0) {
		snprintf(r->why, sizeof r->why, "%s", why);
		log_warn("store: waiting for Redis reason=\"%s\"", r->why);
	}
	store_phase(r, PHASE_AWAY);
	store_steps_lost(r);
	store_set_timer(r->retry, r->retry_ms);
	r->retry_ms *= 2;
	if (r->retry_ms > STORE_RETRY_MOST_MS)
		r->retry_ms = STORE_RETRY_MOST_MS;
	store_tell(r, false, r->why);
}

bool
store_call(struct store_redis *r, rlink_reply fn, void *owner, const char *name,
	int n_keys, const char *const *words)
{
	const char *all[CALL_WORDS_MAX];
	char function[64], count[16];
	int n = 0;

	snprintf(function, sizeof function, "%s_%s", STORE_LIBRARY, name);
	snprintf(count, sizeof count, "%d", n_keys);
	all[n++] = "FCALL";
	all[n++] = function;
	all[n++] = count;
	while (*words != NULL && n < CALL_WORDS_MAX - 1)
		all[n++] = *words++;
	all[n] = NULL;
	return rlink_send_words(r->link, fn, owner, 0, all);
}

/* What an answer of the ownership functions means; true when it is good to use. */
static bool
answer_is_good(struct store_redis *r, const struct redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ERROR)
		return true;
	if (reply_is_error(reply, "STALE"))
		store_stale(r);
	else if (reply_is_error(reply, "SCHEMA") || reply_is_error(reply, "EPOCH"))
		store_fail(r, "Redis does not give us the centre: %.200s", reply->str);
	else
		store_retry(r, reply->str);
	return false;
}

/* ---- ownership ---- */

static void
owner_is_ours(struct store_redis *r, int64_t centre_ms, int64_t wall_ms)
{
	r->ready = true;
	r->up = true;
	r->sequence = 0;
	r->confirmed = 0;
	r->retry_ms = STORE_RETRY_LEAST_MS;
	store_phase(r, PHASE_FLOWS);
	log_info("store: owner of the centre centre=%s epoch=%" PRIu32, r->centre,
		r->epoch);
	r->hooks.ready(r->hooks.owner, r->epoch, centre_ms, wall_ms);
	if (r->phase == PHASE_ENDED)
		return;
	store_set_timer(r->beat, TICK_MS);
	store_set_timer(r->sweep, STORE_SWEEP_MS);
}

static int64_t
saved_ms(const struct redisReply *reply)
{
	const char *text = reply_text(reply);

	return text != NULL && text[0] != '\0' ? strtoll(text, NULL, 10) : -1;
}

static void look_at_owner(struct store_redis *r);

static void
on_taken(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	if (reply == NULL || r->phase != PHASE_TAKE)
		return;
	if (reply_is_error(reply, "OWNED")) {
		/* Somebody was faster, or our own first try was heard after all. */
		r->seen = false;
		look_at_owner(r);
		return;
	}
	if (!answer_is_good(r, reply))
		return;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
		reply->element[0]->type != REDIS_REPLY_INTEGER) {
		store_fail(r, "Redis gave an unknown answer to take_over");
		return;
	}
	r->epoch = (uint32_t)reply->element[0]->integer;
	snprintf(r->token, sizeof r->token, "%" PRIu32 ":%s", r->epoch, r->run_id);
	owner_is_ours(r, saved_ms(reply->element[1]), saved_ms(reply->element[2]));
}

static void
take_over(struct store_redis *r)
{
	const char *words[] = {r->owner_key, r->epoch_key, r->meta_key, r->events_key,
		r->schema_key, r->seen_owner, r->run_id, NULL};

	store_phase(r, PHASE_TAKE);
	if (!store_call(r, on_taken, r, "take_over", 5, words))
		store_phase(r, PHASE_AWAY);
}

/* The old owner's heartbeat, at the beginning of the wait and at its end. */
static void
judge_owner(
	struct store_redis *r, const char *owner, const char *released, const char *beat)
{
	bool same = r->seen && strcmp(owner, r->seen_owner) == 0;
	bool silent = same && strcmp(beat, r->seen_beat) == 0;

	/* Ours from a take-over whose answer was lost: as good as silent. */
	if (owner[0] == '\0' || strcmp(owner, released) == 0 || silent ||
		strstr(owner, r->run_id) != NULL) {
		snprintf(r->seen_owner, sizeof r->seen_owner, "%s", owner);
		take_over(r);
		return;
	}
	if (r->seen && !r->standby) {
		store_fail(r,
			"another router owns centre \"%s\" and is alive (owner %s): end "
			"it first, or start this one with --standby",
			r->centre, owner);
		return;
	}
	if (!r->seen)
		log_info("store: waiting whether the last owner is alive owner=%s "
			 "wait_ms=%" PRId64,
			owner, r->owner_wait_ms);
	else if (!r->told_standby)
		log_info("store: standing by for owner=%s", owner);
	r->told_standby = r->seen;
	r->seen = true;
	snprintf(r->seen_owner, sizeof r->seen_owner, "%s", owner);
	snprintf(r->seen_beat, sizeof r->seen_beat, "%s", beat);
	store_set_timer(r->watch, r->owner_wait_ms);
}

static const char *
text_or_empty(const struct redisReply *reply)
{
	const char *text = reply_text(reply);

	return text != NULL ? text : "";
}

static void
on_owner(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	if (reply == NULL || r->phase != PHASE_WATCH || !answer_is_good(r, reply))
		return;
	snprintf(r->owner_now, sizeof r->owner_now, "%s", text_or_empty(reply));
}

static void
on_meta(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	if (reply == NULL || r->phase != PHASE_WATCH || !answer_is_good(r, reply))
		return;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		store_fail(r, "Redis gave an unknown answer to HMGET");
	else
		judge_owner(r, r->owner_now, text_or_empty(reply->element[0]),
			text_or_empty(reply->element[1]));
}

static void
look_at_owner(struct store_redis *r)
{
	const char *ask_owner[] = {"GET", r->owner_key, NULL};
	const char *ask_meta[] = {"HMGET", r->meta_key, "released", "beat", NULL};

	store_phase(r, PHASE_WATCH);
	if (!rlink_send_words(r->link, on_owner, r, 0, ask_owner) ||
		!rlink_send_words(r->link, on_meta, r, 0, ask_meta))
		store_phase(r, PHASE_AWAY);
}

static void
on_watch(evutil_socket_t fd USHER_UNUSED, short what USHER_UNUSED, void *data)
{
	struct store_redis *r = data;

	if (r->phase == PHASE_WATCH && rlink_is_up(r->link))
		look_at_owner(r);
}

static void
on_claimed(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	if (reply == NULL || r->phase != PHASE_CLAIM || !answer_is_good(r, reply))
		return;
	if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0)
		store_fail(r, "Redis gave an unknown answer to claim");
	else
		store_settle(r, (uint64_t)reply->integer);
}

void
store_claim(struct store_redis *r)
{
	const char *words[] = {r->owner_key, r->epoch_key, r->meta_key, r->events_key,
		r->schema_key, r->token, NULL};

	store_phase(r, PHASE_CLAIM);
	if (!store_call(r, on_claimed, r, "claim", 5, words))
		store_phase(r, PHASE_AWAY);
}

void
store_checked(struct store_redis *r)
{
	r->why[0] = '\0';
	if (r->ready)
		store_claim(r);
	else
		look_at_owner(r);
}

/* ---- the connection ---- */

static void
on_up(void *owner)
{
	struct store_redis *r = owner;

	if (r->phase == PHASE_ENDED)
		return;
	evtimer_del(r->retry);
	store_check(r);
}

static void
on_down(void *owner, const char *reason)
{
	struct store_redis *r = owner;

	r->counts.losses++;
	r->lost_connection = true;
	if (r->phase == PHASE_ENDED)
		return;
	evtimer_del(r->watch);
	r->seen = false; /* the owner may have been away as well */
	store_phase(r, PHASE_AWAY);
	store_steps_lost(r);
	store_load_lost(r);
	store_tell(r, false, reason);
}

static void
on_retry(evutil_socket_t fd USHER_UNUSED, short what USHER_UNUSED, void *data)
{
	struct store_redis *r = data;

	if (r->phase == PHASE_AWAY && rlink_is_up(r->link))
		store_check(r);
}

static void
on_server_started(void *owner)
{
	struct store_redis *r = owner;

	rlink_hurry(r->link);
}

/* ---- heartbeat ---- */

static void
on_beat_answer(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	if (reply == NULL || r->phase == PHASE_ENDED)
		return;
	if (reply_is_error(reply, "STALE")) {
		store_stale(r);
	} else if (reply->type == REDIS_REPLY_ERROR) {
		store_tell(r, false, reply->str);
	} else if (r->phase == PHASE_FLOWS && !r->resync &&
		   rlink_waiting_ms(r->link) < STORE_STALL_MS) {
		store_tell(r, true, "");
	}
}

static void
send_beat(struct store_redis *r, rlink_reply fn, const char *function)
{
	char centre_ms[24], wall_ms[24];
	const char *words[] = {
		r->owner_key, r->meta_key, r->token, centre_ms, wall_ms, NULL};

	snprintf(
		centre_ms, sizeof centre_ms, "%" PRId64, r->hooks.now_ms(r->hooks.owner));
	snprintf(wall_ms, sizeof wall_ms, "%" PRId64, clock_wall_ms());
	if (!store_call(r, fn, r, function, 2, words))
		log_debug("store: no %s while Redis is away", function);
}

static void
on_tick(evutil_socket_t fd USHER_UNUSED, short what USHER_UNUSED, void *data)
{
	struct store_redis *r = data;

	if (r->phase == PHASE_ENDED)
		return;
	store_set_timer(r->beat, TICK_MS);
	if (rlink_waiting_ms(r->link) >= STORE_STALL_MS)
		store_tell(r, false, "Redis has not answered for a second");
	if (++r->beats % (STORE_HEARTBEAT_MS / TICK_MS) == 0)
		send_beat(r, on_beat_answer, "heartbeat");
}

static void
on_sweep(evutil_socket_t fd USHER_UNUSED, short what USHER_UNUSED, void *data)
{
	struct store_redis *r = data;

	if (r->phase == PHASE_ENDED)
		return;
	store_set_timer(r->sweep, STORE_SWEEP_MS);
	if (r->phase == PHASE_FLOWS && r->up)
		store_sweep(r);
}

/* ---- the end ---- */

static void
tell_ended(struct store_redis *r)
{
	void (*ended)(void *owner) = r->ended;

	r->ended = NULL;
	evtimer_del(r->end);
	store_phase(r, PHASE_ENDED);
	if (ended != NULL)
		ended(r->ended_owner);
}

static void
on_released(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
		log_warn("store: the centre could not be given free: %.150s", reply->str);
	if (reply != NULL)
		tell_ended(r);
}

void
store_drained(struct store_redis *r)
{
	if (r->ended == NULL || r->releasing || r->phase != PHASE_FLOWS || r->steps.n > 0)
		return;
	r->releasing = true;
	send_beat(r, on_released, "release");
}

static void
on_end(evutil_socket_t fd USHER_UNUSED, short what USHER_UNUSED, void *data)
{
	struct store_redis *r = data;

	if (r->steps.n > 0)
		log_warn("store: ends with steps that Redis has not answered steps=%zu",
			r->steps.n);
	tell_ended(r);
}

void
store_redis_end(struct store_redis *r, void (*ended)(void *owner), void *owner)
{
	r->ended = ended;
	r->ended_owner = owner;
	store_set_timer(r->end, r->ready && r->phase != PHASE_ENDED ? END_MOST_MS : 0);
	store_drained(r);
}

/* ---- create, destroy ---- */

static char *
key(const struct store_redis *r, const char *name)
{
	return xasprintf("%s%s", r->prefix, name);
}

static void
name_keys(struct store_redis *r)
{
	/* One hash tag: a centre lives in one slot of a cluster. */
	snprintf(r->prefix, sizeof r->prefix, "usher:{%s}:", r->centre);
	r->n_prefix = strlen(r->prefix);
	r->owner_key = key(r, "owner");
	r->epoch_key = key(r, "epoch");
	r->meta_key = key(r, "meta");
	r->events_key = key(r, "events");
	r->schema_key = key(r, "schema");
	r->held_key = key(r, "held");
	r->classes_key = key(r, "classes");
	r->agents_key = key(r, "agents");
	r->queues_key = key(r, "queues");
	r->cursor_key = key(r, "cursor");
	r->external_key = key(r, "external");
	r->leaving_key = key(r, "leaving");
}

static bool
make_run_id(struct store_redis *r, char *error, size_t room)
{
	unsigned char bytes[16];

	if (RAND_bytes(bytes, sizeof bytes) != 1) {
		snprintf(error, room, "no random numbers from OpenSSL");
		return false;
	}
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(r->run_id + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

static bool
connect_to(struct store_redis *r, const struct store_redis_settings *s, char *error,
	size_t room)
{
	bool managed = strcmp(s->redis, "managed") == 0;
	struct rserver_settings server = {.dir = s->state_dir,
		.fsync = s->fsync,
		.n_more = s->n_server_words,
		.more = s->server_words};
	struct rlink_settings link = {.password_file = managed ? NULL : s->password_file,
		.deadline_ms = s->deadline_ms > 0 ? s->deadline_ms : STORE_DEADLINE_MS,
		.back_off_ms = STORE_BACK_OFF_MS};
	struct rlink_handler handler = {.up = on_up, .down = on_down, .owner = r};

	if (managed) {
		r->server = rserver_create(
			r->base, &server, on_server_started, r, error, room);
		if (r->server == NULL)
			return false;
	}
	r->address = xstrdup(managed ? rserver_address(r->server) : s->redis);
	link.address = r->address;
	r->link = rlink_create(r->base, &link, &handler, error, room);
	return r->link != NULL;
}

struct store_redis *
store_redis_create(struct event_base *base, const struct store_redis_settings *s,
	const struct store_redis_hooks *hooks, char *error, size_t room)
{
	struct store_redis *r;

	if (!id_is_valid(s->centre)) {
		snprintf(error, room,
			"\"%.80s\" cannot name a centre: use letters, digits, dot, dash "
			"and underscore, at most %d",
			s->centre, ID_MAX);
		return NULL;
	}
	r = xcalloc(1, sizeof *r);
	r->base = base;
	r->hooks = *hooks;
	r->store.commit = store_commit;
	r->store.fetch = store_fetch;
	r->centre = xstrdup(s->centre);
	r->standby = s->standby;
	r->stream_length = s->stream_length > STORE_STREAM_LEAST ? s->stream_length
								 : STORE_STREAM_LEAST;
	r->owner_wait_ms = s->owner_wait_ms > 0 ? s->owner_wait_ms : STORE_OWNER_WAIT_MS;
	r->retry_ms = STORE_RETRY_LEAST_MS;
	name_keys(r);
	r->retry = evtimer_new(base, on_retry, r);
	r->beat = evtimer_new(base, on_tick, r);
	r->sweep = evtimer_new(base, on_sweep, r);
	r->watch = evtimer_new(base, on_watch, r);
	r->end = evtimer_new(base, on_end, r);
	r->send = event_new(base, -1, 0, store_on_send, r);
	if (!make_run_id(r, error, room) || !connect_to(r, s, error, room)) {
		store_redis_destroy(r);
		return NULL;
	}
	return r;
}

void
store_redis_destroy(struct store_redis *r)
{
	if (r == NULL)
		return;
	r->phase = PHASE_ENDED;
	rlink_destroy(r->link);
	store_load_finish(r);
	store_steps_finish(r);
	event_free(r->retry);
	event_free(r->beat);
	event_free(r->sweep);
	event_free(r->watch);
	event_free(r->end);
	event_free(r->send);
	rserver_destroy(r->server);
	free(r->owner_key);
	free(r->epoch_key);
	free(r->meta_key);
	free(r->events_key);
	free(r->schema_key);
	free(r->held_key);
	free(r->classes_key);
	free(r->agents_key);
	free(r->queues_key);
	free(r->cursor_key);
	free(r->external_key);
	free(r->leaving_key);
	free(r->address);
	free(r->centre);
	free(r);
}

/* ---- questions ---- */

struct store *
store_redis_door(struct store_redis *r)
{
	return &r->store;
}

enum store_level
store_redis_level(const struct store_redis *r)
{
	return r->level;
}

const char *
store_redis_level_text(const struct store_redis *r)
{
	return r->level_text;
}

const char *
store_redis_address(const struct store_redis *r)
{
	return r->address;
}

const char *
store_redis_token(const struct store_redis *redis)
{
	return redis->token;
}

pid_t
store_redis_server_pid(const struct store_redis *r)
{
	return r->server != NULL ? rserver_pid(r->server) : 0;
}

bool
store_redis_is_up(const struct store_redis *r)
{
	return r->up && r->phase != PHASE_ENDED;
}

int64_t
store_redis_pending(const struct store_redis *r)
{
	return (int64_t)r->steps.n;
}

void
store_redis_counts(const struct store_redis *r, struct store_redis_counts *out)
{
	*out = r->counts;
}
