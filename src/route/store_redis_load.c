/*
 * route/store_redis_load.c - everything that Redis holds, read back; and one contact
 * looked up.
 *
 *   RECORDS (agents, queues, classes) -> CLASSES, a page at a time -> HELD -> OVER
 *   -> STRAYS -> LAST
 *
 * The next page is asked for while the contacts of the last are still coming, so that
 * Redis always has something to do. On the way invariant I11 is put right: each live
 * contact is in exactly one sorted set. What was in none is found by walking the keys,
 * unless there are too many.
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "route/store_redis_inner.h"

#define PAGE "500" /* contacts */
#define PAGE_N 500
#define AHEAD_MAX 1500	       /* contacts asked for and not come */
#define STRAYS_KEYS_MAX 300000 /* keys of the database that are walked for strays */

enum load_part {
	LOAD_RECORDS,
	LOAD_CLASSES,
	LOAD_HELD,
	LOAD_OVER, /* the ids of finished ones: no strays */
	LOAD_STRAYS,
	LOAD_LAST, /* only answers are awaited */
};

struct load_work {
	struct store_redis *r; /* borrowed */
	struct store_load load;
	void (*done)(void *owner, const struct store_loaded *loaded);
	void *owner;
	enum load_part part;
	char **classes; /* owned */
	size_t n_classes, at_class;
	int64_t offset;	     /* of the next page */
	bool asking;	     /* for a page */
	int64_t asked;	     /* contacts not come yet */
	char cursor[24];     /* of the walk */
	struct idmap seen;   /* ids that were loaded, or are over */
	struct idmap astray; /* ids that a class held although they do not wait */
	struct store_loaded loaded;
};

/* What was asked for a contact: where it was found. */
struct found_at {
	struct load_work *work; /* borrowed */
	size_t class;		/* index; SIZE_MAX: held, or a stray */
	bool stray;
};

static void load_next(struct load_work *w);

static void
load_failed(struct load_work *w, const char *why)
{
	store_fail(w->r, "the centre cannot be loaded: %s; start again", why);
}

/* ---- contacts ---- */

/* Fields of a contact's hash as a struct; decisions are pointers into the reply, to be
 * freed by the caller. False when it is none of ours. */
static bool
read_contact(uint64_t id, const struct redisReply *reply, struct stored_contact *out,
	const char ***decisions)
{
	size_t most = reply->elements / 2;

	*out = (struct stored_contact){.contact = id, .state = CONTACT_STATES};
	*decisions = xcalloc(most + 1, sizeof **decisions);
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const char *name = reply_text(reply->element[i]);
		const char *value = reply_text(reply->element[i + 1]);
		int n;

		if (name == NULL || value == NULL)
			continue;
		if (strcmp(name, "s") == 0)
			out->state = contact_state_parse(value);
		else if (strcmp(name, "r") == 0)
			out->record = value;
		else if (strcmp(name, "p") == 0)
			out->payload = value;
		else if (name[0] == 'x' && (n = atoi(name + 1)) >= 1 &&
			 (size_t)n <= most) {
			(*decisions)[n - 1] = value;
			if (n > out->n_decisions)
				out->n_decisions = n;
		}
	}
	for (int i = 0; i < out->n_decisions; i++)
		if ((*decisions)[i] == NULL)
			(*decisions)[i] = "";
	out->decisions = *decisions;
	return out->state != CONTACT_STATES && out->record != NULL;
}

static void
on_repaired(void *owner USHER_UNUSED, uint64_t id, const struct redisReply *reply)
{
	char text[NUMBER_ID_TEXT];

	number_id_format(text, 'c', id);
	if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
		log_error("store: contact's place cannot be put right contact=%s "
			  "answer=\"%.120s\"",
			text, reply->str);
}

/* class NULL: held. what: "drop" or "hold" (functions.lua). */
static void
put_right(struct load_work *w, uint64_t id, const char *class, const char *what,
	const char *why)
{
	struct store_redis *r = w->r;
	char text[NUMBER_ID_TEXT];
	char *set = class != NULL ? xasprintf("%sq:%s", r->prefix, class)
				  : xstrdup(r->held_key);
	char *contact;
	const char *words[] = {r->owner_key, set, NULL, r->token, what, text, NULL};

	number_id_format(text, 'c', id);
	contact = xasprintf("%sc:%s", r->prefix, text);
	words[2] = contact;
	w->loaded.repaired++;
	log_warn("store: contact in the wrong place contact=%s set=\"%s\" repair=%s "
		 "reason=\"%s\"",
		text, class != NULL ? class : "held", what, why);
	if (!store_call(r, on_repaired, NULL, "repair", 3, words))
		log_debug("store: no repair while Redis is away");
	free(contact);
	free(set);
}

static void
hand_over(struct load_work *w, const struct stored_contact *found)
{
	w->loaded.contacts++;
	if (!w->load.contact(w->load.owner, found))
		w->loaded.unreadable++;
}

/* A contact of a class that does not wait belongs to those held. It is loaded when it is
 * found there, or as a stray. */
static void
came(struct load_work *w, const struct found_at *at, uint64_t id,
	const struct redisReply *reply)
{
	const char *class = at->class != SIZE_MAX ? w->classes[at->class] : NULL;
	struct stored_contact found;
	const char **decisions = NULL;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
		!read_contact(id, reply, &found, &decisions)) {
		put_right(w, id, class, "drop", "there is no such contact");
	} else if (contact_is_over(found.state)) {
		if (!at->stray)
			put_right(w, id, class, "drop", "it is over");
	} else if (class != NULL && found.state != CONTACT_QUEUED) {
		put_right(w, id, class, "drop", "it does not wait");
		idmap_put(&w->astray, id, w);
	} else if (idmap_put(&w->seen, id, w) != NULL) {
		if (!at->stray)
			put_right(w, id, class, "drop", "it is in two places");
	} else {
		if (at->stray)
			put_right(w, id, NULL, "hold", "it is in no place");
		found.class_key = class;
		hand_over(w, &found);
	}
	free(decisions);
}

static void
on_contact(void *owner, uint64_t id, const struct redisReply *reply)
{
	struct found_at *at = owner;
	struct load_work *w = at->work;

	if (w == NULL || reply == NULL) {
		free(at);
		return;
	}
	w->asked--;
	if (reply->type == REDIS_REPLY_ERROR)
		load_failed(w, reply->str);
	else
		came(w, at, id, reply);
	free(at);
	load_next(w);
}

static void
ask_contact(struct load_work *w, const char *text, size_t class, bool stray)
{
	struct found_at *at;
	char *key;
	uint64_t id;
	const char *words[] = {"HGETALL", NULL, NULL};

	if (!number_id_parse(text, 'c', &id)) {
		log_warn("store: not the id of a contact: \"%.40s\"", text);
		return;
	}
	at = xcalloc(1, sizeof *at);
	*at = (struct found_at){.work = w, .class = class, .stray = stray};
	key = xasprintf("%sc:%s", w->r->prefix, text);
	words[1] = key;
	if (rlink_send_words(w->r->link, on_contact, at, id, words))
		w->asked++;
	else
		free(at);
	free(key);
}

/* ---- pages ---- */

static void
on_page(void *owner, uint64_t class, const struct redisReply *reply)
{
	struct load_work *w = owner;

	if (reply == NULL)
		return;
	w->asking = false;
	if (reply->type != REDIS_REPLY_ARRAY) {
		load_failed(w, reply->str != NULL ? reply->str : "no list");
		return;
	}
	for (size_t i = 0; i < reply->elements; i++) {
		const char *text = reply_text(reply->element[i]);

		if (text != NULL)
			ask_contact(w, text, (size_t) class, false);
	}
	w->offset += (int64_t)reply->elements;
	if (reply->elements < PAGE_N) {
		w->offset = 0;
		if (w->part == LOAD_CLASSES)
			w->at_class++;
		else
			w->part = LOAD_OVER;
	}
	load_next(w);
}

static void
ask_class(struct load_work *w)
{
	char from[24], to[24];
	char *key = xasprintf("%sq:%s", w->r->prefix, w->classes[w->at_class]);
	const char *words[] = {"ZRANGE", key, from, to, NULL};

	snprintf(from, sizeof from, "%" PRId64, w->offset);
	snprintf(to, sizeof to, "%" PRId64, w->offset + PAGE_N - 1);
	w->asking = rlink_send_words(w->r->link, on_page, w, w->at_class, words);
	free(key);
}

static void
ask_held(struct load_work *w)
{
	char from[24];
	/* Those that are over have a score above 0. */
	const char *words[] = {
		"ZRANGEBYSCORE", w->r->held_key, "-inf", "0", "LIMIT", from, PAGE, NULL};

	snprintf(from, sizeof from, "%" PRId64, w->offset);
	w->asking = rlink_send_words(w->r->link, on_page, w, SIZE_MAX, words);
}

/* ---- strays ---- */

static void
ask_astray(struct load_work *w)
{
	char text[NUMBER_ID_TEXT];
	size_t at = 0;
	uint64_t id;

	while (idmap_next(&w->astray, &at, &id, NULL)) {
		number_id_format(text, 'c', id);
		if (idmap_get(&w->seen, id) == NULL)
			ask_contact(w, text, SIZE_MAX, true);
	}
}

static void
on_over(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct load_work *w = owner;
	uint64_t id;

	if (reply == NULL)
		return;
	w->asking = false;
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
		const char *text = reply_text(reply->element[i]);

		if (text != NULL && number_id_parse(text, 'c', &id))
			idmap_put(&w->seen, id, w);
	}
	w->part = LOAD_STRAYS;
	load_next(w);
}

/* All sets were read: what they did not show is looked for. */
static void
begin_strays(struct load_work *w)
{
	const char *words[] = {"ZRANGEBYSCORE", w->r->held_key, "1", "+inf", NULL};

	ask_astray(w);
	if (w->r->facts.keys <= STRAYS_KEYS_MAX) {
		w->asking = rlink_send_words(w->r->link, on_over, w, 0, words);
		return;
	}
	log_info("store: too many keys to look for stray contacts keys=%" PRId64,
		w->r->facts.keys);
	w->part = LOAD_LAST;
	if (w->asked == 0)
		load_next(w);
}

static void
on_walk(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct load_work *w = owner;
	const struct redisReply *keys;
	const char *cursor;

	if (reply == NULL)
		return;
	w->asking = false;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
		(cursor = reply_text(reply->element[0])) == NULL) {
		load_failed(w, reply->str != NULL ? reply->str : "no keys");
		return;
	}
	keys = reply->element[1];
	for (size_t i = 0; i < keys->elements; i++) {
		const char *key = reply_text(keys->element[i]);
		const char *text = key != NULL ? key + strlen(w->r->prefix) + 2 : "";
		uint64_t id;

		if (number_id_parse(text, 'c', &id) && idmap_get(&w->seen, id) == NULL)
			ask_contact(w, text, SIZE_MAX, true);
	}
	snprintf(w->cursor, sizeof w->cursor, "%s", cursor);
	if (strcmp(cursor, "0") == 0)
		w->part = LOAD_LAST;
	load_next(w);
}

static void
walk(struct load_work *w)
{
	char *match = xasprintf("%sc:*", w->r->prefix);
	const char *words[] = {"SCAN", w->cursor, "MATCH", match, "COUNT", PAGE, NULL};

	w->asking = rlink_send_words(w->r->link, on_walk, w, 0, words);
	free(match);
}

/* ---- records ---- */

static void
take_records(struct load_work *w, const struct redisReply *reply,
	bool (*fn)(void *, const char *, const char *), int64_t *count)
{
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const char *id = reply_text(reply->element[i]);
		const char *record = reply_text(reply->element[i + 1]);

		if (id == NULL || record == NULL)
			continue;
		++*count;
		if (!fn(w->load.owner, id, record))
			w->loaded.unreadable++;
	}
}

static void
take_classes(struct load_work *w, const struct redisReply *reply)
{
	w->classes = xcalloc(reply->elements + 1, sizeof *w->classes);
	for (size_t i = 0; i < reply->elements; i++) {
		const char *name = reply_text(reply->element[i]);

		if (name == NULL)
			continue;
		w->classes[w->n_classes++] = xstrdup(name);
		map_put(&w->r->classes, name, w->r);
	}
}

enum records {
	RECORDS_AGENTS,
	RECORDS_QUEUES,
	RECORDS_CLASSES
};

static void
on_records(void *owner, uint64_t which, const struct redisReply *reply)
{
	struct load_work *w = owner;

	if (reply == NULL)
		return;
	if (reply->type != REDIS_REPLY_ARRAY) {
		load_failed(w, reply->str != NULL ? reply->str : "no records");
		return;
	}
	switch ((enum records)which) {
	case RECORDS_AGENTS:
		take_records(w, reply, w->load.agent, &w->loaded.agents);
		return;
	case RECORDS_QUEUES:
		take_records(w, reply, w->load.queue, &w->loaded.queues);
		return;
	case RECORDS_CLASSES:
		take_classes(w, reply);
		w->part = LOAD_CLASSES;
		load_next(w);
		return;
	}
}

/* ---- order ---- */

static void
load_end(struct load_work *w)
{
	struct store_redis *r = w->r;
	void (*done)(void *owner, const struct store_loaded *loaded) = w->done;
	void *owner = w->owner;
	struct store_loaded loaded = w->loaded;

	log_info("store: loaded contacts=%" PRId64 " agents=%" PRId64 " queues=%" PRId64
		 " not_loaded=%" PRId64 " repaired=%" PRId64,
		loaded.contacts, loaded.agents, loaded.queues, loaded.unreadable,
		loaded.repaired);
	store_load_finish(r);
	done(owner, &loaded);
}

static void
load_next(struct load_work *w)
{
	if (w->r->phase == PHASE_ENDED || w->asking || w->asked > AHEAD_MAX)
		return;
	if (w->part == LOAD_CLASSES && w->at_class == w->n_classes)
		w->part = LOAD_HELD;
	/* What is astray is known only when all that was asked for has come. */
	if (w->part == LOAD_OVER && w->asked > 0)
		return;
	switch (w->part) {
	case LOAD_RECORDS:
		return;
	case LOAD_CLASSES:
		ask_class(w);
		return;
	case LOAD_HELD:
		ask_held(w);
		return;
	case LOAD_OVER:
		begin_strays(w);
		return;
	case LOAD_STRAYS:
		walk(w);
		return;
	case LOAD_LAST:
		if (w->asked == 0)
			load_end(w);
		return;
	}
}

void
store_redis_load(struct store_redis *r, const struct store_load *load,
	void (*done)(void *owner, const struct store_loaded *loaded), void *owner)
{
	struct load_work *w = xcalloc(1, sizeof *w);
	const char *agents[] = {"HGETALL", r->agents_key, NULL};
	const char *queues[] = {"HGETALL", r->queues_key, NULL};
	const char *classes[] = {"SMEMBERS", r->classes_key, NULL};

	*w = (struct load_work){
		.r = r, .load = *load, .done = done, .owner = owner, .cursor = "0"};
	r->load = w;
	if (!rlink_send_words(r->link, on_records, w, RECORDS_AGENTS, agents) ||
		!rlink_send_words(r->link, on_records, w, RECORDS_QUEUES, queues) ||
		!rlink_send_words(r->link, on_records, w, RECORDS_CLASSES, classes))
		load_failed(w, "Redis went away");
}

void
store_load_lost(struct store_redis *r)
{
	if (r->load != NULL)
		load_failed(r->load, "Redis went away meanwhile");
}

void
store_load_finish(struct store_redis *r)
{
	struct load_work *w = r->load;

	if (w == NULL)
		return;
	r->load = NULL;
	for (size_t i = 0; i < w->n_classes; i++)
		free(w->classes[i]);
	free(w->classes);
	idmap_finish(&w->seen);
	idmap_finish(&w->astray);
	free(w);
}

/* ---- one contact ---- */

struct fetch {
	store_found fn;
	void *owner;
};

static void
on_fetched(void *owner, uint64_t id, const struct redisReply *reply)
{
	struct fetch *f = owner;
	struct stored_contact found;
	const char **decisions = NULL;

	if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
		read_contact(id, reply, &found, &decisions))
		f->fn(f->owner, &found, false);
	else
		/* An error (it reads its log) says as little as a lost connection. */
		f->fn(f->owner, NULL, reply == NULL || reply->type != REDIS_REPLY_ARRAY);
	free(decisions);
	free(f);
}

void
store_fetch(struct store *store, uint64_t contact, store_found fn, void *owner)
{
	struct store_redis *r = (struct store_redis *)store;
	char text[NUMBER_ID_TEXT];
	char *key;
	const char *words[] = {"HGETALL", NULL, NULL};
	struct fetch *f = xmalloc(sizeof *f);

	*f = (struct fetch){.fn = fn, .owner = owner};
	number_id_format(text, 'c', contact);
	key = xasprintf("%sc:%s", r->prefix, text);
	words[1] = key;
	if (!rlink_send_words(r->link, on_fetched, f, contact, words)) {
		free(f);
		fn(owner, NULL, true);
	}
	free(key);
}
