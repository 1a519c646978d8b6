/* route/store_redis_words.c - steps as the words of one call (functions.lua says which).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "route/store_redis_inner.h"

/* The words of one step at most, keys and arguments. */
#define STEP_WORDS_MAX                                                                   \
	(2 + (3 + 7 + 1) * STEP_PARTS_MAX + 3 + 1 + 2 * STEP_AGENTS_MAX + 2)
#define CALL_WORDS 14 /* of the call itself */
_Static_assert(STEP_WORDS_MAX + CALL_WORDS <= RLINK_ARGS_MAX, "one step always fits");

/* A call that is put together. A word is borrowed, or lies in `own` at an offset, since
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
word_key(struct words *w, const struct store_redis *r, const char *kind, const char *name)
{
	word_begin(w);
	text_add_n(&w->own, r->prefix, r->n_prefix);
	text_add(&w->own, kind);
	text_add(&w->own, name);
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

/* ---- what a step does ---- */

bool
store_is_intake(const struct step *step)
{
	return step->kind == STEP_ADD || step->kind == STEP_ADD_OFFER;
}

/* The letter for where a part's contact goes (functions.lua). */
static char
part_letter(const struct step *step, int i)
{
	const struct step_part *p = &step->part[i];

	if (store_is_intake(step) && i == 0)
		return p->to_class != NULL ? 'a' : 'h';
	if (contact_is_over(p->state) && step->keep_ms <= 0)
		return p->from_class != NULL ? 'g' : 'd';
	if (contact_is_over(p->state))
		return p->from_class != NULL ? 'e' : 'f';
	if (p->from_class == NULL)
		return p->to_class != NULL ? 'i' : 's';
	if (p->to_class == NULL)
		return 'o';
	return strcmp(p->from_class, p->to_class) != 0 ? 'm' : 'u';
}

static bool
part_decides(const struct step_part *p)
{
	return p->decision != NULL && p->n_decisions > 0;
}

/* A class that Redis does not know yet, and that no part before brings. */
static bool
is_new_class(const struct store_redis *r, const struct step *step, int i)
{
	const char *name = step->part[i].to_class;

	return name != NULL && map_get(&r->classes, name) == NULL;
}

static int
count_new_classes(const struct store_redis *r, const struct step *step)
{
	int n = 0;

	for (int i = 0; i < step->n_parts; i++)
		n += is_new_class(r, step, i);
	return n;
}

/* 0: none; 'n': a new one; 'l': one that leaves when its time has come. */
static char
external_kind(const struct step *step)
{
	if (step->n_parts == 0 || step->part[0].external == NULL)
		return 0;
	if (store_is_intake(step))
		return 'n';
	return step->kind == STEP_FINISH ? 'l' : 0;
}

/* ---- keys ---- */

static void
add_keys(struct words *w, const struct store_redis *r, const struct step *step)
{
	char id[NUMBER_ID_TEXT];

	for (int i = 0; i < step->n_parts; i++) {
		const struct step_part *p = &step->part[i];
		char letter = part_letter(step, i);

		number_id_format(id, 'c', p->contact);
		word_key(w, r, "c:", id);
		if (strchr("oemg", letter) != NULL)
			word_key(w, r, "q:", p->from_class);
		if (strchr("aimu", letter) != NULL)
			word_key(w, r, "q:", p->to_class);
		if (letter == 'g' || letter == 'd')
			word(w, r->cursor_key);
	}
	if (count_new_classes(r, step) > 0)
		word(w, r->classes_key);
	if (step->queue != NULL)
		word(w, r->queues_key);
}

/* ---- arguments ---- */

static void
add_shape(struct words *w, const struct store_redis *r, const struct step *step)
{
	char external = external_kind(step);

	word_begin(w);
	for (int i = 0; i < step->n_parts; i++) {
		char letter = part_letter(step, i);

		if (part_decides(&step->part[i]))
			letter = (char)(letter - 'a' + 'A');
		text_add_n(&w->own, &letter, 1);
	}
	text_add_n(&w->own, ";", 1);
	if (external != 0)
		text_add_n(&w->own, &external, 1);
	text_add_n(&w->own, ";", 1);
	text_add_int(&w->own, count_new_classes(r, step));
	text_add_n(&w->own, ";", 1);
	text_add_int(&w->own, step->n_agents);
	text_add(&w->own, step->queue != NULL ? ";q" : ";");
	word_end(w);
}

/* What happened, in the form of the records: name=value, separated by spaces. */
static void
add_event(struct words *w, const struct step *step)
{
	word_begin(w);
	if (step->event == NULL) {
		text_add(&w->own, "e=step.");
		text_add(&w->own, step_name[step->kind]);
	} else {
		text_add(&w->own, step->event);
	}
	word_end(w);
}

static void
add_expected(struct words *w, unsigned mask)
{
	word_begin(w);
	for (int s = 0; mask != 0 && s < CONTACT_STATES; s++) {
		if ((mask & 1u << s) == 0)
			continue;
		text_add(&w->own, contact_state_name[s]);
		text_add_n(&w->own, ",", 1);
	}
	word_end(w);
}

static void
add_score(struct words *w, const struct step *step, const struct step_part *p)
{
	if (p->to_class != NULL) {
		int64_t whole = (int64_t)p->key;

		if ((double)whole == p->key) {
			word_int(w, whole);
			return;
		}
		word_begin(w);
		text_addf(&w->own, "%.17g", p->key);
		word_end(w);
	} else if (contact_is_over(p->state)) {
		/* Above 0, which is where those are that live and are in no class. */
		word_int(w, step->at_ms + step->keep_ms > 0 ? step->at_ms + step->keep_ms
							    : 1);
	} else {
		word_n(w, "0", 1);
	}
}

static void
add_part(struct words *w, const struct step *step, int i)
{
	const struct step_part *p = &step->part[i];

	if (store_is_intake(step) && i == 0)
		word(w, p->payload != NULL ? p->payload : "");
	else
		add_expected(w, p->expect);
	word(w, contact_state_name[p->state]);
	word(w, p->record);
	if (part_decides(p)) {
		word_begin(w);
		text_add_n(&w->own, "x", 1);
		text_add_int(&w->own, p->n_decisions);
		word_end(w);
		word(w, p->decision);
	}
	if (part_letter(step, i) == 's')
		return;
	word_id(w, p->contact);
	add_score(w, step, p);
}

static void
add_external(struct words *w, const struct step *step)
{
	switch (external_kind(step)) {
	case 'n':
		word(w, step->part[0].external);
		word_id(w, step->part[0].contact);
		return;
	case 'l':
		word_begin(w);
		text_add_int(&w->own, step->at_ms + step->external_ttl_ms);
		text_add_n(&w->own, " ", 1);
		text_add(&w->own, step->part[0].external);
		word_end(w);
		return;
	}
}

static void
add_arguments(struct words *w, const struct store_redis *r, const struct step *step)
{
	add_shape(w, r, step);
	add_event(w, step);
	for (int i = 0; i < step->n_parts; i++)
		add_part(w, step, i);
	add_external(w, step);
	for (int i = 0; i < step->n_parts; i++)
		if (is_new_class(r, step, i))
			word(w, step->part[i].to_class);
	for (int i = 0; i < step->n_agents; i++) {
		word(w, step->agent[i].id);
		word(w, step->agent[i].record);
	}
	if (step->queue != NULL) {
		word(w, step->queue);
		word(w, step->queue_record);
	}
}

/* ---- the call ---- */

static const struct slot *
waiting_slot(const struct store_redis *r, size_t i)
{
	return slots_at(&r->steps, r->n_sent + i);
}

static const struct step *
waiting_step(const struct store_redis *r, size_t i)
{
	return waiting_slot(r, i)->step;
}

/* The function's name: the step's own when it is alone, else whether Redis may refuse all
 * of them when its memory is used up. */
static void
add_function(struct words *w, const struct store_redis *r, size_t n)
{
	bool intake = false;

	for (size_t i = 0; i < n && !intake; i++)
		intake = slot_is_intake(waiting_slot(r, i));
	word_begin(w);
	text_add(&w->own, STORE_LIBRARY "_");
	if (n == 1 && !waiting_slot(r, 0)->replayed)
		text_add(&w->own, step_name[waiting_step(r, 0)->kind]);
	else
		text_add(&w->own, intake ? "intake" : "drain");
	word_end(w);
}

/* How many of the first n waiting steps fit into a call. */
static size_t
steps_that_fit(const struct store_redis *r, size_t n)
{
	size_t words = CALL_WORDS, i;

	for (i = 0; i < n; i++) {
		const struct step *step = waiting_step(r, i);

		words += 2 + 11 * (size_t)step->n_parts + 4 + 2 * (size_t)step->n_agents +
			 2;
		if (words > RLINK_ARGS_MAX && i > 0)
			break;
	}
	return i;
}

size_t
store_call_steps(struct store_redis *r, size_t n, rlink_reply fn)
{
	struct words *w;
	int count;

	if (r->words == NULL)
		r->words = xcalloc(1, sizeof *r->words);
	w = r->words;
	w->n = 0;
	text_clear(&w->own);
	n = steps_that_fit(r, n);
	word(w, "FCALL");
	add_function(w, r, n);
	count = w->n++;
	word(w, r->owner_key);
	word(w, r->events_key);
	word(w, r->held_key);
	word(w, r->agents_key);
	word(w, r->external_key);
	word(w, r->leaving_key);
	for (size_t i = 0; i < n; i++)
		add_keys(w, r, waiting_step(r, i));
	/* How many keys there are is known now, and belongs before them. */
	w->word[count] = NULL;
	w->offset[count] = w->own.n;
	text_add_int(&w->own, w->n - count - 1);
	w->length[count] = w->own.n - w->offset[count];
	word(w, r->token);
	word_begin(w);
	text_add_int(&w->own, r->epoch);
	text_add_n(&w->own, "-", 1);
	text_add_int(&w->own, (int64_t)r->sequence + 1);
	word_end(w);
	word_int(w, (int64_t)n);
	for (size_t i = 0; i < n; i++)
		add_arguments(w, r, waiting_step(r, i));
	words_point(w);
	return rlink_send(r->link, fn, r, n, w->n, w->word, w->length) ? n : 0;
}

void
store_words_finish(struct store_redis *r)
{
	if (r->words == NULL)
		return;
	text_finish(&r->words->own);
	free(r->words);
	r->words = NULL;
}
