/*
 * history/customers_redis.c - contacts of a customer in Redis: what came in with them,
 * for his export, and out of it when he is erased.
 *
 *   contacts, by lots -> external ids that outlive them -> their names in the list of
 *   what leaves -> the append-only file is written anew, without any of it
 */
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/side.h"
#include "base/text.h"
#include "history/customers.h"

#define LOT 100 /* contacts or names of one call; words of a call are bounded */
#define REWRITE_AGAIN_MS 200 /* while Redis writes its log anew already */
#define REWRITE_TRIES 3000   /* ten minutes of that */

extern const char customers_functions[]; /* customers.lua */

struct customers_redis {
	struct event_base *base; /* borrowed */
	struct side *side;
	struct customers_eraser eraser;
};

enum phase {
	PHASE_CONTACTS,
	PHASE_NAMES,
	PHASE_LEAVING,
	PHASE_REWRITE
};

/* One erasure on its way. */
struct erasing {
	struct customers_redis *redis;
	void (*done)(void *arg, bool removed);
	void *arg;
	enum phase phase;
	size_t n_contacts, at;
	char (*id)[NUMBER_ID_TEXT]; /* owned */
	size_t n_names, name_at;
	char **name; /* owned, each */
	char cursor[32];
	struct event *again; /* owned; NULL */
	int tries;
};

static void
end(struct erasing *e, bool removed)
{
	e->done(e->arg, removed);
	for (size_t i = 0; i < e->n_names; i++)
		free(e->name[i]);
	free(e->name);
	free(e->id);
	if (e->again != NULL)
		event_free(e->again);
	free(e);
}

static void step(struct erasing *e);

static void
keep_name(struct erasing *e, const char *name)
{
	e->name = xreallocarray(e->name, e->n_names + 1, sizeof e->name[0]);
	e->name[e->n_names++] = xstrdup(name);
}

static size_t
lot_of(size_t at, size_t n)
{
	return n - at < LOT ? n - at : LOT;
}

/* ---- answers ---- */

/* Names from the i-th element on; false: an error, or one that lives. */
static bool
take_names(struct erasing *e, const redisReply *reply, size_t from)
{
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
		log_error("customers: an erasure failed in Redis: %s",
			reply != NULL && reply->type == REDIS_REPLY_ERROR
				? reply->str
				: "the connection was lost");
		return false;
	}
	for (size_t i = from; i < reply->elements; i++) {
		if (strcmp(reply->element[i]->str, "LIVE") == 0) {
			log_warn("customers: a contact of the erasure lives again");
			return false;
		}
		keep_name(e, reply->element[i]->str);
	}
	return true;
}

static void
on_contacts(void *owner, uint64_t tag, const redisReply *reply)
{
	struct erasing *e = owner;

	if (!take_names(e, reply, 0)) {
		end(e, false);
		return;
	}
	e->at += lot_of(e->at, e->n_contacts);
	if (e->at == e->n_contacts) {
		e->phase = PHASE_NAMES;
		e->at = 0;
	}
	step(e);
}

static void
on_names(void *owner, uint64_t tag, const redisReply *reply)
{
	struct erasing *e = owner;

	if (!take_names(e, reply, 1) || reply->elements == 0) {
		end(e, false);
		return;
	}
	snprintf(e->cursor, sizeof e->cursor, "%s", reply->element[0]->str);
	if (strcmp(e->cursor, "0") == 0) {
		e->at += lot_of(e->at, e->n_contacts);
		if (e->at == e->n_contacts) {
			e->phase = e->n_names > 0 ? PHASE_LEAVING : PHASE_REWRITE;
			e->at = 0;
		}
	}
	step(e);
}

static void
on_leaving(void *owner, uint64_t tag, const redisReply *reply)
{
	struct erasing *e = owner;

	if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
		end(e, false);
		return;
	}
	snprintf(e->cursor, sizeof e->cursor, "%lld",
		reply->integer < 0 ? 0 : reply->integer);
	if (reply->integer < 0) {
		e->name_at += lot_of(e->name_at, e->n_names);
		if (e->name_at == e->n_names)
			e->phase = PHASE_REWRITE;
	}
	step(e);
}

static void
on_again(evutil_socket_t fd, short what, void *owner)
{
	step(owner);
}

/* One that is being written already may have him in it: ours begins behind it. */
static bool
is_writing(const redisReply *reply)
{
	return reply != NULL && reply->type == REDIS_REPLY_ERROR &&
	       strstr(reply->str, "in progress") != NULL;
}

static void
on_rewrite(void *owner, uint64_t tag, const redisReply *reply)
{
	struct erasing *e = owner;
	struct timeval wait = {0, REWRITE_AGAIN_MS * 1000};

	if (is_writing(reply) && ++e->tries < REWRITE_TRIES) {
		if (e->again == NULL)
			e->again = evtimer_new(e->redis->base, on_again, e);
		event_add(e->again, &wait);
		return;
	}
	if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
		log_warn("customers: Redis did not begin to write its log anew: %s",
			reply->str);
	end(e, reply != NULL);
}

/* ---- questions ---- */

static bool
ask_contacts(struct erasing *e)
{
	size_t n = lot_of(e->at, e->n_contacts);
	const char *keys[LOT + 2] = {"held", "external"}, *ids[LOT];
	char key[LOT][NUMBER_ID_TEXT + 2];

	for (size_t i = 0; i < n; i++) {
		ids[i] = e->id[e->at + i];
		snprintf(key[i], sizeof key[i], "c:%s", ids[i]);
		keys[2 + i] = key[i];
	}
	return side_call(e->redis->side, on_contacts, e, 0, "usher_customers_1_erase",
		(int)n + 2, keys, (int)n, ids, NULL);
}

static bool
ask_names(struct erasing *e)
{
	size_t n = lot_of(e->at, e->n_contacts);
	const char *keys[] = {"external"}, *args[LOT + 1] = {e->cursor};

	for (size_t i = 0; i < n; i++)
		args[1 + i] = e->id[e->at + i];
	return side_call(e->redis->side, on_names, e, 0, "usher_customers_1_names", 1,
		keys, (int)n + 1, args, NULL);
}

static bool
ask_leaving(struct erasing *e)
{
	size_t n = lot_of(e->name_at, e->n_names);
	const char *keys[] = {"leaving"}, *args[LOT + 1] = {e->cursor};

	for (size_t i = 0; i < n; i++)
		args[1 + i] = e->name[e->name_at + i];
	return side_call(e->redis->side, on_leaving, e, 0, "usher_customers_1_leaving", 1,
		keys, (int)n + 1, args, NULL);
}

static void
step(struct erasing *e)
{
	bool sent = false;

	switch (e->phase) {
	case PHASE_CONTACTS:
		sent = ask_contacts(e);
		break;
	case PHASE_NAMES:
		sent = ask_names(e);
		break;
	case PHASE_LEAVING:
		sent = ask_leaving(e);
		break;
	case PHASE_REWRITE:
		sent = side_rewrite(e->redis->side, on_rewrite, e, 0);
		break;
	}
	if (sent)
		return;
	log_warn("customers: an erasure cannot ask Redis now phase=%d", (int)e->phase);
	end(e, false);
}

static void
erase(void *owner, const uint64_t *contacts, size_t n,
	void (*done)(void *arg, bool removed), void *arg)
{
	struct erasing *e = xcalloc(1, sizeof *e);

	*e = (struct erasing){.redis = owner,
		.done = done,
		.arg = arg,
		/* His content may be gone from Redis where no contact of his is known. */
		.phase = n > 0 ? PHASE_CONTACTS : PHASE_REWRITE,
		.n_contacts = n,
		.cursor = "0"};
	e->id = xcalloc(n + 1, sizeof e->id[0]);
	for (size_t i = 0; i < n; i++)
		number_id_format(e->id[i], 'c', contacts[i]);
	step(e);
}

/* ---- what came in, for the export ---- */

struct telling {
	struct customers_redis *redis;
	struct subject_page *page;
	size_t at, n;	 /* contacts that were asked for */
	unsigned pieces; /* told of the one at `at` */
};

/* The place is "CONTACT PIECES": behind that contact, so much of the next one. */
static void
set_place(struct telling *t)
{
	snprintf(t->page->place, sizeof t->page->place, "%" PRIu64 " %u",
		t->at > 0 ? t->page->subject->contacts[t->at - 1] : 0, t->pieces);
}

static void
told(struct telling *t, enum subject_told how)
{
	t->page->told(t->page, how);
	free(t);
}

/* The mail of one is told by those who keep mails. False: not all of it. */
static bool
add_details(struct telling *t, uint64_t contact, const redisReply *reply)
{
	json_t *o = reply->type == REDIS_REPLY_STRING
			    ? json_loadb(reply->str, reply->len, 0, NULL)
			    : NULL;
	json_t *record, *payload;

	if (!json_is_object(o)) {
		json_decref(o);
		return true;
	}
	record = subject_record("details", contact);
	payload = json_object_get(o, "payload");
	json_object_del(payload, "mail");
	if (json_object_size(payload) == 0)
		json_object_del(o, "payload");
	json_object_update_missing(record, o);
	json_decref(o);
	return subject_add_long(t->page, record, &t->pieces);
}

static void tell_next(struct telling *t);

static void
on_told(void *owner, uint64_t tag, const redisReply *reply)
{
	struct telling *t = owner;
	struct subject_page *page = t->page;

	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
		reply->elements > t->n) {
		told(t, SUBJECT_LATER);
		return;
	}
	for (size_t i = 0; i < reply->elements && !subject_is_full(page); i++) {
		if (!add_details(t, page->subject->contacts[t->at], reply->element[i]))
			break;
		t->at++;
	}
	set_place(t);
	if (json_array_size(page->records) > 0)
		told(t, SUBJECT_MORE);
	else
		tell_next(t);
}

static void
tell_next(struct telling *t)
{
	const struct subject *subject = t->page->subject;
	const char *keys[LOT], *args[1];
	char key[LOT][NUMBER_ID_TEXT + 2], room[24];

	t->n = lot_of(t->at, subject->n_contacts);
	if (t->n == 0) {
		told(t, SUBJECT_ALL);
		return;
	}
	for (size_t i = 0; i < t->n; i++) {
		snprintf(key[i], sizeof key[i], "c:");
		number_id_format(key[i] + 2, 'c', subject->contacts[t->at + i]);
		keys[i] = key[i];
	}
	snprintf(room, sizeof room, "%zu", t->page->room);
	args[0] = room;
	if (!side_call(t->redis->side, on_told, t, 0, "usher_customers_1_tell", (int)t->n,
		    keys, 1, args, NULL))
		told(t, SUBJECT_LATER);
}

void
customers_redis_tell(void *owner, struct subject_page *page)
{
	const struct customers_eraser *eraser = owner;
	struct telling *t = xcalloc(1, sizeof *t);
	uint64_t behind = 0;

	*t = (struct telling){.redis = eraser->owner, .page = page};
	if (sscanf(page->place, "%" SCNu64 " %u", &behind, &t->pieces) != 2)
		behind = 0;
	t->at = subject_behind(page->subject, behind);
	tell_next(t);
}

const struct customers_eraser *
customers_redis_create(struct event_base *base, struct side *side)
{
	struct customers_redis *r = xcalloc(1, sizeof *r);

	r->base = base;
	r->side = side;
	r->eraser = (struct customers_eraser){erase, r};
	side_add_library(side, "usher_customers_1", customers_functions);
	return &r->eraser;
}

void
customers_redis_destroy(const struct customers_eraser *eraser)
{
	if (eraser != NULL)
		free(eraser->owner);
}
