/*
 * route/store_redis_steps.c - steps to Redis and their answers, in order, each once.
 *
 * The first n_sent steps are with Redis (or refused beforehand), numbered one after the
 * other; the rest waits. Answers come in order, so it is always the first step that is
 * answered. When one was not carried out, those behind it were not either (they say GAP):
 * their answers are awaited, what was done is read from the stream, and the rest gets new
 * numbers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/log.h"
#include "route/store_redis_inner.h"

#define SLOTS_LEAST 256
#define KEEP_MS 2500   /* Redis' everysec loses 2 s at most */
#define KEEP_MAX 16384 /* confirmed steps kept */
#define OOM_MS 100     /* so long intake is refused here after Redis did */
#define KEYS_MAX (2 + 3 * STEP_PARTS_MAX + 3)
#define SHAPE_MAX (STEP_PARTS_MAX + 16)

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

static bool
is_intake(const struct step *step)
{
	return step->kind == STEP_ADD || step->kind == STEP_ADD_OFFER;
}

/* ---- as words ---- */

/* A command that is put together. Words are borrowed, or lie in `own` at an offset, since
 * that may move while it grows. */
struct words {
	int n;
	const char *word[RLINK_ARGS_MAX];
	size_t length[RLINK_ARGS_MAX];
	size_t offset[RLINK_ARGS_MAX]; /* counts where word is NULL */
	struct text own;
};

static void
word_n(struct words *w, const char *s, size_t n)
{
	w->word[w->n] = s;
	w->length[w->n++] = n;
}

static void
word(struct words *w, const char *s)
{
	word_n(w, s, strlen(s));
}

/* Begins a word in `own`; what is added there until word_end belongs to it. */
static void
word_begin(struct words *w)
{
	w->word[w->n] = NULL;
	w->offset[w->n] = w->own.n;
}

static void
word_end(struct words *w)
{
	w->length[w->n] = w->own.n - w->offset[w->n];
	w->n++;
}

static void
word_key(struct words *w, const struct store_redis *r, const char *name, const char *rest)
{
	word_begin(w);
	text_add(&w->own, r->prefix);
	text_add(&w->own, name);
	text_add(&w->own, rest);
	word_end(w);
}

static void
word_int(struct words *w, int64_t value)
{
	word_begin(w);
	text_add_int(&w->own, value);
	word_end(w);
}

static void
word_id(struct words *w, uint64_t contact)
{
	char id[NUMBER_ID_TEXT];

	number_id_format(id, 'c', contact);
	word_begin(w);
	text_add_n(&w->own, id, NUMBER_ID_TEXT - 1);
	word_end(w);
}

static void
words_point(struct words *w)
{
	for (int i = 0; i < w->n; i++)
		if (w->word[i] == NULL)
			w->word[i] = w->own.s + w->offset[i];
}

/* What a part does to the sorted sets (functions.lua names the letters). */
struct place {
	char letter;
	bool leaves, enters;
	const char *from, *to; /* classes; NULL: held */
};

static struct place
place_of(const struct step *step, int i)
{
	const struct step_part *p = &step->part[i];
	bool adds = is_intake(step) && i == 0, over = contact_is_over(p->state);
	struct place place = {.letter = 's', .from = p->from_class, .to = p->to_class};

	if (!adds && p->from_class == NULL && p->to_class == NULL && !over)
		return place; /* held before and after */
	place.enters = true;
	if (!adds && (p->from_class != NULL || p->to_class != NULL))
		place.leaves = p->from_class == NULL || p->to_class == NULL ||
			       strcmp(p->from_class, p->to_class) != 0;
	place.letter = over ? (place.leaves ? 'l' : 'f') : (place.leaves ? 'm' : 'e');
	return place;
}

static bool
part_decides(const struct step_part *p)
{
	return p->decision != NULL && p->n_decisions > 0;
}

/* Classes of the step that Redis does not know yet. */
static int
new_classes(const struct store_redis *r, const struct step *step,
	const char *names[STEP_PARTS_MAX])
{
	int n = 0;

	for (int i = 0; i < step->n_parts; i++) {
		const char *name = step->part[i].to_class;

		if (name != NULL && map_get(&r->classes, name) == NULL)
			names[n++] = name;
	}
	return n;
}

/* 0, 'n' for a new one, 'k' for one that is kept for a time. */
static char
external_kind(const struct step *step)
{
	if (step->n_parts == 0 || step->part[0].external == NULL)
		return 0;
	if (is_intake(step))
		return 'n';
	return step->kind == STEP_FINISH ? 'k' : 0;
}

static void
word_set(struct words *w, const struct store_redis *r, const char *class)
{
	if (class != NULL)
		word_key(w, r, "q:", class);
	else
		word(w, r->held_key);
}

/* Number of keys first, then the keys. */
static void
add_keys(struct words *w, const struct store_redis *r, const struct step *step,
	int n_classes)
{
	char id[NUMBER_ID_TEXT];
	int count = w->n, n_records = step->n_agents + (step->queue != NULL);

	word(w, "");
	word(w, r->owner_key);
	word(w, r->events_key);
	for (int i = 0; i < step->n_parts; i++) {
		struct place place = place_of(step, i);

		number_id_format(id, 'c', step->part[i].contact);
		word_key(w, r, "c:", id);
		if (place.leaves)
			word_set(w, r, place.from);
		if (place.enters)
			word_set(w, r, place.to);
	}
	if (external_kind(step) != 0)
		word_key(w, r, "x:", step->part[0].external);
	if (n_classes > 0)
		word(w, r->classes_key);
	if (n_records > 0)
		word(w, step->kind == STEP_QUEUE ? r->queues_key : r->agents_key);
	word_int(w, w->n - count - 1);
	/* The count was made last and belongs first. */
	w->n--;
	w->word[count] = NULL;
	w->offset[count] = w->offset[w->n];
	w->length[count] = w->length[w->n];
}

static void
add_shape(struct words *w, const struct step *step, int n_classes)
{
	char shape[SHAPE_MAX];
	int n = 0;

	for (int i = 0; i < step->n_parts; i++) {
		char letter = place_of(step, i).letter;

		shape[n++] = part_decides(&step->part[i]) ? (char)(letter - 'a' + 'A')
							  : letter;
	}
	shape[n++] = ';';
	if (external_kind(step) != 0)
		shape[n++] = external_kind(step);
	word_begin(w);
	text_add_n(&w->own, shape, (size_t)n);
	text_addf(&w->own, ";%d;%d", n_classes,
		step->n_agents + (step->queue != NULL ? 1 : 0));
	word_end(w);
}

static void
add_expected(struct words *w, unsigned mask)
{
	word_begin(w);
	for (int s = 0; s < CONTACT_STATES; s++) {
		if ((mask & 1u << s) == 0)
			continue;
		text_add(&w->own, contact_state_name[s]);
		text_add_n(&w->own, ",", 1);
	}
	word_end(w);
}

static void
add_part(struct words *w, const struct step *step, int i)
{
	const struct step_part *p = &step->part[i];

	if (is_intake(step) && i == 0)
		word(w, p->payload != NULL ? p->payload : "");
	else
		add_expected(w, p->expect);
	word(w, contact_state_name[p->state]);
	word(w, p->record);
	if (part_decides(p)) {
		word_begin(w);
		text_addf(&w->own, "x%d", p->n_decisions);
		word_end(w);
		word(w, p->decision);
	}
	if (!place_of(step, i).enters)
		return;
	word_id(w, p->contact);
	if (p->to_class != NULL) {
		word_begin(w);
		text_addf(&w->own, "%.17g", p->key);
		word_end(w);
	} else if (contact_is_over(p->state)) {
		/* Above 0, where those live that are in no class. */
		word_int(w, step->at_ms + step->keep_ms > 0 ? step->at_ms + step->keep_ms
							    : 1);
	} else {
		word(w, "0");
	}
}

static void
add_event(struct words *w, const struct step *step)
{
	if (step->event == NULL || step->event->n == 0) {
		word(w, "e");
		word_begin(w);
		text_addf(&w->own, "step.%s", step_name[step->kind]);
		word_end(w);
		return;
	}
	for (int i = 0; i < step->event->n; i++) {
		word(w, step->event->pair[i].name);
		word(w, step->event->pair[i].value);
	}
}

static void
step_words(struct words *w, const struct store_redis *r, const struct step *step,
	uint64_t sequence)
{
	const char *classes[STEP_PARTS_MAX];
	int n_classes = new_classes(r, step, classes);

	word(w, "FCALL");
	word_begin(w);
	text_addf(&w->own, "%s_%s", STORE_LIBRARY, step_name[step->kind]);
	word_end(w);
	add_keys(w, r, step, n_classes);
	word(w, r->token);
	word_begin(w);
	text_addf(&w->own, "%" PRIu32 "-%" PRIu64, r->epoch, sequence);
	word_end(w);
	add_shape(w, step, n_classes);
	for (int i = 0; i < step->n_parts; i++)
		add_part(w, step, i);
	if (external_kind(step) == 'n')
		word_id(w, step->part[0].contact);
	else if (external_kind(step) == 'k')
		word_int(w, step->external_ttl_ms > 0 ? step->external_ttl_ms : 1);
	for (int i = 0; i < n_classes; i++)
		word(w, classes[i]);
	for (int i = 0; i < step->n_agents; i++) {
		word(w, step->agent[i].id);
		word(w, step->agent[i].record);
	}
	if (step->queue != NULL) {
		word(w, step->queue);
		word(w, step->queue_record);
	}
	add_event(w, step);
	words_point(w);
}

/* ---- answers ---- */

static void
keep_confirmed(struct store_redis *r, struct slot slot)
{
	int64_t now_ms = clock_boot_ms();

	/* With appendfsync always nothing that was confirmed can be lost. */
	if (r->level == STORE_LEVEL_DISK) {
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
	if (!slot.refused && slot.sequence > r->confirmed)
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

/* Steps refused beforehand are answered when it is their turn. */
static void
answer_refused(struct store_redis *r)
{
	while (r->phase != PHASE_ENDED && r->steps.n > 0 &&
		slots_at(&r->steps, 0)->refused)
		answer_first(r, STEP_REFUSED, 0);
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

/* Redis would not, or could not, carry the first step out. */
static void
not_carried_out(struct store_redis *r, const struct redisReply *reply)
{
	struct slot *first = slots_at(&r->steps, 0);
	const char *said = reply->str;

	r->resync = true;
	if (reply_is_error(reply, "GAP"))
		return;
	first->sequence = 0; /* no entry of the stream has it */
	if (is_intake(first->step)) {
		if (reply_is_error(reply, "OOM"))
			r->refuse_until_ms = clock_boot_ms() + OOM_MS;
		log_warn("store: new contact refused answer=\"%.120s\"", said);
		answer_first(r, STEP_REFUSED, 0);
		return;
	}
	if (reply_is_transient(reply)) {
		snprintf(r->trouble, sizeof r->trouble, "%.200s", said);
		return;
	}
	log_error("store: step refused by Redis step=%s op=%" PRIu64 " answer=\"%.200s\"",
		step_name[first->step->kind], first->step->op, said);
	answer_first(r, STEP_REFUSED, 0);
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

static void
on_step(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	if (reply == NULL || r->phase != PHASE_FLOWS)
		return; /* store_steps_lost sees to it */
	r->n_in_flight--;
	if (reply_is_error(reply, "STALE")) {
		store_stale(r);
		return;
	}
	if (!r->resync && reply->type == REDIS_REPLY_ERROR)
		not_carried_out(r, reply);
	else if (!r->resync)
		carried_out(r, reply);
	answer_refused(r);
	settle_when_quiet(r);
	store_send_waiting(r);
	store_drained(r);
}

/* ---- sending ---- */

static bool
send_step(struct store_redis *r, struct slot *slot)
{
	struct words w;
	bool sent;

	w.n = 0;
	w.own = r->words;
	text_clear(&w.own);
	step_words(&w, r, slot->step, r->sequence + 1);
	sent = rlink_send(r->link, on_step, r, 0, w.n, w.word, w.length);
	r->words = w.own;
	if (!sent)
		return false;
	if (slot->sequence != 0)
		r->counts.repeated++;
	slot->sequence = ++r->sequence;
	return true;
}

void
store_send_waiting(struct store_redis *r)
{
	if (r->phase != PHASE_FLOWS || r->resync)
		return;
	while (r->n_sent < r->steps.n && r->n_in_flight < STORE_WINDOW_MAX) {
		struct slot *slot = slots_at(&r->steps, r->n_sent);

		if (!slot->refused) {
			if (!send_step(r, slot))
				return;
			r->n_in_flight++;
		}
		r->n_sent++;
	}
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
	slot.refused =
		is_intake(step) && (!r->up || r->steps.n >= STORE_INTAKE_MAX ||
					   (r->refuse_until_ms != 0 &&
						   clock_boot_ms() < r->refuse_until_ms));
	slots_put(&r->steps, slot);
	answer_refused(r);
	store_send_waiting(r);
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
	answer_refused(r);
	store_send_waiting(r);
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

		if (first->refused) {
			answer_first(r, STEP_REFUSED, 0);
			continue;
		}
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
	uint64_t first = 0;
	char from[48], to[48];
	const char *words[] = {"XRANGE", r->events_key, from, to, NULL};

	for (size_t i = 0; i < r->n_sent && first == 0; i++)
		if (!slots_at(&r->steps, i)->refused)
			first = slots_at(&r->steps, i)->sequence;
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
	text_finish(&r->words);
	map_finish(&r->classes);
}
