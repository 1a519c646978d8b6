/*
 * route/store_redis_steps.c - steps to Redis and their answers, in order, each once.
 *
 * The first n_sent steps are with Redis, numbered one after the other; the rest waits.
 * All steps of one turn of the loop leave together. Answers come in order, so it is
 * always the first step that is answered. When one was not carried out, those behind it
 * were not either (they say GAP): their answers are awaited, what was done is read from
 * the stream, and the rest gets new numbers.
 *
 * While Redis is away, new contacts that it has certainly not got are refused, ahead of
 * what waits before them: whoever brings one is to hear "later", not to wait. What was
 * sent and is not answered stays, since it may have been carried out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/log.h"
#include "route/store_redis_inner.h"

#define SLOTS_LEAST 256
#define KEEP_MS 5000  /* everysec loses 2 s; the machine may stand still, too */
#define KEEP_MAX 8192 /* confirmed steps kept */
#define OOM_MS 100    /* so long intake is refused here after Redis did */
#define APART_MS 1000 /* so long intake and the rest have calls of their own */

/* ---- steps in order ---- */

static void
slots_grow(struct slots *s)
{
	size_t room = s->room > 0 ? s->room * 2 : SLOTS_LEAST;
	struct slot *slot;

	if (s->n < s->room)
		return;
	slot = xcalloc(room, sizeof *slot);
	for (size_t i = 0; i < s->n; i++)
		slot[i] = *slots_at(s, i);
	free(s->slot);
	s->slot = slot;
	s->room = room;
	s->head = 0;
}

static void
slots_put(struct slots *s, struct slot slot)
{
	slots_grow(s);
	s->n++;
	*slots_at(s, s->n - 1) = slot;
}

static void
slots_put_first(struct slots *s, struct slot slot)
{
	slots_grow(s);
	s->head = (s->head + s->room - 1) & (s->room - 1);
	s->n++;
	*slots_at(s, 0) = slot;
}

static struct slot
slots_take(struct slots *s)
{
	struct slot slot = *slots_at(s, 0);

	s->head = (s->head + 1) & (s->room - 1);
	s->n--;
	return slot;
}

static void
slots_finish(struct slots *s)
{
	while (s->n > 0)
		step_destroy(slots_take(s).step);
	free(s->slot);
	*s = (struct slots){0};
}

/* ---- answers ---- */

static void
keep_confirmed(struct store_redis *r, struct slot slot)
{
	int64_t now_ms = clock_boot_ms();

	/* With appendfsync always nothing that was confirmed can be lost, and without a
	 * log all of it is, so that the newest would not help. */
	if (r->level != STORE_LEVEL_SECOND) {
		step_destroy(slot.step);
		return;
	}
	slot.confirmed_ms = now_ms;
	slots_put(&r->kept, slot);
	while (r->kept.n > KEEP_MAX ||
		slots_at(&r->kept, 0)->confirmed_ms + KEEP_MS < now_ms)
		step_destroy(slots_take(&r->kept).step);
}

/* The first step has its answer. */
static void
answer_first(struct store_redis *r, enum step_result result, uint64_t existing)
{
	struct slot slot = slots_take(&r->steps);

	if (r->n_sent > 0)
		r->n_sent--;
	if (slot.sequence > r->confirmed)
		r->confirmed = slot.sequence;
	r->counts.steps++;
	if (result == STEP_REFUSED)
		r->counts.refused++;
	else if (result == STEP_DUPLICATE)
		r->counts.duplicates++;
	else
		for (int i = 0; i < slot.step->n_parts; i++)
			if (slot.step->part[i].to_class != NULL)
				map_put(&r->classes, slot.step->part[i].to_class, r);
	if (!slot.replayed)
		r->store.done(r->store.router, slot.step, result, existing);
	if (result == STEP_COMMITTED) {
		keep_confirmed(r, slot);
	} else {
		step_destroy(slot.step);
	}
}

static void
refuse(struct store_redis *r, struct step *step)
{
	r->counts.steps++;
	r->counts.refused++;
	r->store.done(r->store.router, step, STEP_REFUSED, 0);
	step_destroy(step);
}

void
store_refuse_intake(struct store_redis *r, const char *why)
{
	struct slots gone = {0};
	size_t left = r->n_sent;

	if (r->phase == PHASE_ENDED)
		return;
	/* Out of the list first: whoever hears of it may bring further steps. */
	for (size_t i = r->n_sent; i < r->steps.n; i++) {
		struct slot slot = *slots_at(&r->steps, i);

		if (slot_is_intake(&slot))
			slots_put(&gone, slot);
		else
			*slots_at(&r->steps, left++) = slot;
	}
	r->steps.n = left;
	if (gone.n > 0)
		log_warn("store: new contacts refused n=%zu reason=\"%.120s\"", gone.n,
			why);
	while (gone.n > 0)
		refuse(r, slots_take(&gone).step);
	slots_finish(&gone);
}

/* All answers are in: what was done, what not? */
static void
settle_when_quiet(struct store_redis *r)
{
	if (!r->resync || r->n_in_flight > 0 || r->phase != PHASE_FLOWS)
		return;
	if (r->trouble[0] != '\0')
		store_retry(r, r->trouble);
	else
		store_claim(r);
}

static bool
is_mixed(const struct store_redis *r, size_t n)
{
	bool intake = slot_is_intake(slots_at(&r->steps, 0));

	for (size_t i = 1; i < n; i++)
		if (slot_is_intake(slots_at(&r->steps, i)) != intake)
			return true;
	return false;
}

/* Redis would not, or could not, carry the next n steps out; they came in one call. */
static void
not_carried_out(struct store_redis *r, size_t n, const struct redisReply *reply)
{
	const struct step *first = slots_at(&r->steps, 0)->step;
	bool intake = slot_is_intake(slots_at(&r->steps, 0));
	bool is_full = reply_is_error(reply, "OOM");
	const char *said = reply->str;

	r->resync = true;
	if (reply_is_error(reply, "GAP"))
		return;
	if (reply_is_transient(reply) && !(is_full && (intake || is_mixed(r, n)))) {
		/* It ran nothing of this call, and whatever is behind it says GAP. */
		snprintf(r->trouble, sizeof r->trouble, "%.200s", said);
		r->n_sent = 0;
		return;
	}
	if (is_mixed(r, n)) {
		r->apart_until_ms = clock_boot_ms() + APART_MS; /* which of them is it? */
		return;
	}
	if (intake) {
		if (is_full)
			r->refuse_until_ms = clock_boot_ms() + OOM_MS;
		log_warn("store: new contacts refused n=%zu answer=\"%.120s\"", n, said);
	} else if (n > 1) {
		r->n_alone = n; /* which one was it? */
		return;
	} else {
		log_error("store: step refused by Redis step=%s op=%" PRIu64
			  " answer=\"%.200s\"",
			step_name[first->kind], first->op, said);
	}
	while (n-- > 0) {
		slots_at(&r->steps, 0)->sequence = 0; /* the stream has no entry of it */
		answer_first(r, STEP_REFUSED, 0);
	}
}

static void
carried_out(struct store_redis *r, const struct redisReply *reply)
{
	const struct step *step = slots_at(&r->steps, 0)->step;
	uint64_t existing = 0;

	r->trouble[0] = '\0';
	r->retry_ms = STORE_RETRY_LEAST_MS;
	if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 0) {
		log_error("store: step refused, the store holds another state step=%s "
			  "op=%" PRIu64 " contact=%" PRIu64,
			step_name[step->kind], step->op,
			step->n_parts > 0 ? step->part[0].contact : 0);
		answer_first(r, STEP_REFUSED, 0);
	} else if (reply->type == REDIS_REPLY_INTEGER) {
		if (reply->integer == 2) {
			r->counts.misplaced++;
			log_error("store: contact was not in the set that it leaves "
				  "step=%s op=%" PRIu64 " contact=%" PRIu64,
				step_name[step->kind], step->op, step->part[0].contact);
		}
		answer_first(r, STEP_COMMITTED, 0);
	} else if (reply_text(reply) != NULL &&
		   number_id_parse(reply_text(reply), 'c', &existing)) {
		answer_first(r, STEP_DUPLICATE, existing);
	} else {
		store_fail(r, "Redis gave an answer to a step that is none of ours; is "
			      "another program using its functions?");
	}
}

/* The answer to a call of n steps: one for each, or an error for all. */
static void
take_answers(struct store_redis *r, size_t n, const struct redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ERROR) {
		not_carried_out(r, n, reply);
	} else if (n == 1) {
		carried_out(r, reply);
	} else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == n) {
		for (size_t i = 0; i < n && r->phase == PHASE_FLOWS; i++)
			carried_out(r, reply->element[i]);
	} else {
		store_fail(r, "Redis gave %zu answers to %zu steps", reply->elements, n);
	}
}

static void
on_steps(void *owner, uint64_t n, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	if (reply == NULL || r->phase != PHASE_FLOWS)
		return; /* store_steps_lost sees to it */
	r->n_in_flight -= n;
	if (reply_is_error(reply, "STALE")) {
		store_stale(r);
		return;
	}
	if (!r->resync)
		take_answers(r, n, reply);
	settle_when_quiet(r);
	store_send_soon(r);
	store_drained(r);
}

/* ---- sending ---- */

/* How many of the waiting steps go into the next call: of one kind after Redis has
 * refused both together, so that it can refuse intake by itself. */
static size_t
next_call(const struct store_redis *r)
{
	size_t n = 0, most = r->n_alone > 0 ? 1 : STORE_CALL_MAX;
	bool apart = r->apart_until_ms != 0 && clock_boot_ms() < r->apart_until_ms;
	bool intake = false;

	for (size_t i = r->n_sent; i < r->steps.n && n < most; i++) {
		const struct slot *slot = slots_at(&r->steps, i);

		if (n > 0 && apart && slot_is_intake(slot) != intake)
			break;
		intake = slot_is_intake(slot);
		n++;
	}
	return n;
}

static bool
send_call(struct store_redis *r, size_t n)
{
	n = store_call_steps(r, n, on_steps);
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct slot *slot = slots_at(&r->steps, r->n_sent++);

		if (slot->sequence != 0)
			r->counts.repeated++;
		slot->sequence = ++r->sequence;
		r->n_in_flight++;
	}
	if (r->n_alone > 0)
		r->n_alone--;
	return true;
}

static void
send_waiting(struct store_redis *r)
{
	if (r->phase != PHASE_FLOWS || r->resync)
		return;
	while (r->n_sent < r->steps.n && r->n_in_flight < STORE_WINDOW_MAX)
		if (!send_call(r, next_call(r)))
			return;
}

void
store_on_send(int fd USHER_UNUSED, short what USHER_UNUSED, void *data)
{
	struct store_redis *r = data;

	send_waiting(r);
	rlink_flush(r->link);
}

void
store_send_soon(struct store_redis *r)
{
	/* At the end of this turn of the loop: all steps of a turn go together. */
	if (r->phase == PHASE_FLOWS && !r->resync && r->n_sent < r->steps.n)
		event_active(r->send, EV_TIMEOUT, 0);
}

void
store_commit(struct store *store, struct step *step)
{
	struct store_redis *r = (struct store_redis *)store;
	struct slot slot = {.step = step};

	step->next = NULL;
	if (r->phase == PHASE_ENDED) {
		step_destroy(step);
		return;
	}
	if (store_is_intake(step) &&
		(!r->up || r->steps.n >= STORE_INTAKE_MAX ||
			(r->refuse_until_ms != 0 &&
				clock_boot_ms() < r->refuse_until_ms))) {
		refuse(r, step);
		return;
	}
	slots_put(&r->steps, slot);
	store_send_soon(r);
}

/* ---- after a loss ---- */

void
store_steps_lost(struct store_redis *r)
{
	r->n_in_flight = 0;
	r->resync = false;
}

/* Redis is behind what it has confirmed: an older copy came back. What we still have is
 * given to it again, silently. */
static void
replay_lost(struct store_redis *r, uint64_t top)
{
	uint64_t behind = r->confirmed - top, given = 0;

	while (r->kept.n > 0) {
		struct slot slot = *slots_at(&r->kept, r->kept.n - 1);

		r->kept.n--;
		if (slot.sequence <= top) {
			step_destroy(slot.step);
			continue;
		}
		slot.replayed = true;
		slots_put_first(&r->steps, slot);
		given++;
	}
	map_finish(&r->classes);
	r->counts.replayed += given;
	r->counts.lost += behind > given ? behind - given : 0;
	log_error("store: Redis has lost steps that it had confirmed lost=%" PRIu64
		  " given_again=%" PRIu64 "%s",
		behind, given,
		behind > given ? "; contacts are missing there: check its log, and its "
				 "appendonly and appendfsync settings"
			       : "");
}

static void
flow_on(struct store_redis *r, uint64_t top)
{
	/* What is left was not carried out and gets new numbers. */
	r->n_sent = 0;
	r->n_in_flight = 0;
	r->resync = false;
	r->trouble[0] = '\0';
	if (top < r->confirmed)
		replay_lost(r, top);
	r->sequence = top;
	r->confirmed = top;
	store_phase(r, PHASE_FLOWS);
	store_tell(r, true, "");
	store_send_soon(r);
	store_drained(r);
}

/* The sequence of an entry's id in this epoch, or 0. */
static uint64_t
entry_sequence(const struct store_redis *r, const struct redisReply *entry)
{
	const char *id = entry->type == REDIS_REPLY_ARRAY && entry->elements == 2
				 ? reply_text(entry->element[0])
				 : NULL;
	uint32_t epoch = 0;
	uint64_t sequence = 0;

	if (id == NULL || sscanf(id, "%" SCNu32 "-%" SCNu64, &epoch, &sequence) != 2 ||
		epoch != r->epoch)
		return 0;
	return sequence;
}

/* What an entry says about its step. */
static enum step_result
entry_result(const struct redisReply *entry, uint64_t *existing)
{
	const struct redisReply *fields = entry->element[1];
	const char *first, *why, *detail;

	if (fields->type != REDIS_REPLY_ARRAY || fields->elements < 4)
		return STEP_COMMITTED;
	first = reply_text(fields->element[0]);
	why = reply_text(fields->element[1]);
	detail = reply_text(fields->element[3]);
	if (first == NULL || why == NULL || strcmp(first, "not_done") != 0)
		return STEP_COMMITTED;
	if (strcmp(why, "duplicate") == 0 && detail != NULL &&
		number_id_parse(detail, 'c', existing))
		return STEP_DUPLICATE;
	return STEP_REFUSED;
}

static void
on_settled(void *owner, uint64_t top, const struct redisReply *reply)
{
	struct store_redis *r = owner;
	size_t at = 0;

	if (reply == NULL || r->phase != PHASE_SETTLE)
		return;
	if (reply->type != REDIS_REPLY_ARRAY) {
		store_retry(r, reply->str != NULL ? reply->str : "no stream");
		return;
	}
	while (r->phase == PHASE_SETTLE && r->n_sent > 0) {
		const struct slot *first = slots_at(&r->steps, 0);
		enum step_result result;
		uint64_t existing = 0;

		while (at < reply->elements &&
			entry_sequence(r, reply->element[at]) < first->sequence)
			at++;
		if (at == reply->elements ||
			entry_sequence(r, reply->element[at]) != first->sequence)
			break;
		result = entry_result(reply->element[at], &existing);
		r->counts.recovered++;
		answer_first(r, result, existing);
	}
	if (r->phase == PHASE_SETTLE)
		flow_on(r, top);
}

void
store_settle(struct store_redis *r, uint64_t top)
{
	uint64_t first = r->n_sent > 0 ? slots_at(&r->steps, 0)->sequence : 0;
	char from[48], to[48];
	const char *words[] = {"XRANGE", r->events_key, from, to, NULL};

	store_phase(r, PHASE_SETTLE);
	if (first == 0 || first > top) {
		flow_on(r, top);
		return;
	}
	snprintf(from, sizeof from, "%" PRIu32 "-%" PRIu64, r->epoch, first);
	snprintf(to, sizeof to, "%" PRIu32 "-%" PRIu64, r->epoch, top);
	if (!rlink_send_words(r->link, on_settled, r, top, words))
		store_phase(r, PHASE_AWAY);
}

void
store_steps_finish(struct store_redis *r)
{
	slots_finish(&r->steps);
	slots_finish(&r->kept);
	store_words_finish(r);
	map_finish(&r->classes);
}
