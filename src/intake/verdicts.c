/* intake/verdicts.c - the log of verdicts, in memory and in Redis. */
#include "intake/verdicts.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"

struct entry {
	json_t *record; /* owned */
	int64_t at_ms;
	uint64_t first; /* hash of the response proposed first: most are of others */
	bool unwritten; /* Redis has not confirmed it */
};

struct verdicts {
	struct side *side; /* borrowed */
	void (*loaded)(void *owner);
	void *owner;
	struct entry **list; /* owned, each; by time */
	size_t n, room;
	struct map by_contact; /* struct entry */
	int most;
	bool is_loaded, loading;
};

static const char *
text_of(const json_t *record, const char *name)
{
	return json_string_value(json_object_get(record, name));
}

static bool
fits(const json_t *record)
{
	return text_of(record, "contact") != NULL && text_of(record, "what") != NULL &&
	       json_is_integer(json_object_get(record, "at_ms"));
}

static uint64_t
hash_of(const char *text)
{
	uint64_t hash = 14695981039346656037u;

	for (; text != NULL && *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	return hash;
}

static struct entry *
entry_create(json_t *record, bool unwritten)
{
	struct entry *e = xcalloc(1, sizeof *e);

	*e = (struct entry){record, json_integer_value(json_object_get(record, "at_ms")),
		hash_of(text_of(record, "first")), unwritten};
	return e;
}

static void
entry_free(struct entry *e)
{
	json_decref(e->record);
	free(e);
}

static void
insert(struct verdicts *v, struct entry *e)
{
	size_t i;

	if (v->n == v->room) {
		v->room = v->room > 0 ? 2 * v->room : 256;
		v->list = xreallocarray(v->list, v->room, sizeof *v->list);
	}
	for (i = v->n; i > 0 && v->list[i - 1]->at_ms > e->at_ms; i--)
		v->list[i] = v->list[i - 1];
	v->list[i] = e;
	v->n++;
	map_put(&v->by_contact, text_of(e->record, "contact"), e);
}

static void
take_out(struct verdicts *v, struct entry *e)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->list[i] == e) {
			memmove(&v->list[i], &v->list[i + 1],
				(v->n - i - 1) * sizeof *v->list);
			v->n--;
			break;
		}
	map_remove(&v->by_contact, text_of(e->record, "contact"));
	entry_free(e);
}

/* ---- Redis ---- */

static void
on_written(void *owner, uint64_t tag, const redisReply *reply)
{
	struct verdicts *v = owner;
	char contact[NUMBER_ID_TEXT];
	struct entry *e;

	number_id_format(contact, 'c', tag);
	e = map_get(&v->by_contact, contact);
	if (e != NULL && reply != NULL && reply->type == REDIS_REPLY_INTEGER)
		e->unwritten = false;
}

static void
write_entry(struct verdicts *v, struct entry *e, const char *text)
{
	const char *contact = text_of(e->record, "contact");
	char at[24], *key = xasprintf("verdict:%s", contact);
	const char *const keys[] = {key, "verdicts"};
	const char *const args[] = {text, "", contact, at};
	uint64_t number;

	snprintf(at, sizeof at, "%" PRId64, e->at_ms);
	if (number_id_parse(contact, 'c', &number) &&
		!side_call(v->side, on_written, v, number, "outbox_note", 2, keys, 4,
			args, NULL))
		log_warn("suggest: a verdict waits for Redis contact=%s", contact);
	free(key);
}

static void
write_record(struct verdicts *v, struct entry *e)
{
	struct text text = {0};

	json_write(&text, e->record);
	write_entry(v, e, text.s);
	text_finish(&text);
}

static void
forget_oldest(struct verdicts *v)
{
	while (v->n > (size_t)v->most) {
		struct entry *e = v->list[0];
		char *key = xasprintf("verdict:%s", text_of(e->record, "contact"));
		const char *const keys[] = {"verdicts", key};
		const char *const args[] = {text_of(e->record, "contact")};

		if (!side_call(v->side, NULL, NULL, 0, "outbox_forget", 2, keys, 1, args,
			    NULL)) {
			free(key);
			return; /* with the next one */
		}
		free(key);
		take_out(v, e);
	}
}

static void
on_record(void *owner, const char *name, const char *text, size_t n)
{
	struct verdicts *v = owner;
	struct json_problem problem;
	json_t *record = json_read(text, n, &problem);

	if (record == NULL || !fits(record) ||
		map_get(&v->by_contact, text_of(record, "contact")) != NULL) {
		json_decref(record);
		return;
	}
	insert(v, entry_create(record, false));
}

static void
on_records(void *owner, bool whole)
{
	struct verdicts *v = owner;

	v->loading = false; /* all again when Redis is back */
	if (!whole)
		return;
	v->is_loaded = true;
	log_info("suggest: verdicts loaded n=%zu", v->n);
	v->loaded(v->owner);
}

void
verdicts_load(struct verdicts *v)
{
	if (v->is_loaded) {
		for (size_t i = 0; i < v->n; i++)
			if (v->list[i]->unwritten)
				write_record(v, v->list[i]);
	} else if (!v->loading)
		v->loading = side_read_named(
			v->side, "verdicts", "verdict", on_record, on_records, v);
}

/* ---- the log ---- */

void
verdicts_put(struct verdicts *v, json_t *record)
{
	struct entry *e;

	if (!fits(record)) {
		json_decref(record);
		return;
	}
	e = map_get(&v->by_contact, text_of(record, "contact"));
	if (e != NULL)
		take_out(v, e);
	e = entry_create(record, true);
	insert(v, e);
	write_record(v, e);
	forget_oldest(v);
}

const json_t *
verdicts_find(const struct verdicts *v, const char *contact)
{
	const struct entry *e = map_get(&v->by_contact, contact);

	return e != NULL ? e->record : NULL;
}

bool
verdicts_remove(struct verdicts *v, const char *contact)
{
	struct entry *e = map_get(&v->by_contact, contact);

	if (e == NULL)
		return false;
	write_entry(v, e, "");
	take_out(v, e);
	return true;
}

void
verdicts_bare(struct verdicts *v, const char *contact)
{
	static const char *const his[] = {"subject", "sender", "text"};
	const struct entry *e = map_get(&v->by_contact, contact);
	json_t *record;

	if (e == NULL || text_of(e->record, "text") == NULL)
		return;
	record = json_copy(e->record);
	for (size_t i = 0; i < sizeof his / sizeof his[0]; i++)
		json_object_del(record, his[i]);
	verdicts_put(v, record);
}

const json_t *
verdicts_next(const struct verdicts *v, size_t *at)
{
	return *at < v->n ? v->list[(*at)++]->record : NULL;
}

size_t
verdicts_count(const struct verdicts *v)
{
	return v->n;
}

int
verdicts_evidence(const struct verdicts *v, const char *mailbox, const char *response,
	struct verdict **out)
{
	uint64_t wanted = hash_of(response);
	int n = 0;

	*out = xcalloc(v->n + 1, sizeof **out);
	for (size_t i = 0; i < v->n; i++) {
		const json_t *r = v->list[i]->record,
			     *right = v->list[i]->first == wanted
					      ? json_object_get(r, "right")
					      : NULL;
		const char *first, *box;

		if (!json_is_boolean(right))
			continue;
		first = text_of(r, "first");
		box = text_of(r, "mailbox");
		if (first == NULL || strcmp(first, response) != 0 ||
			(mailbox != NULL && (box == NULL || strcmp(box, mailbox) != 0)))
			continue;
		(*out)[n++] =
			(struct verdict){.p = json_number_value(json_object_get(r, "p")),
				.none = json_number_value(json_object_get(r, "none")),
				.right = json_is_true(right)};
	}
	return n;
}

void
verdicts_configure(struct verdicts *v, int most)
{
	v->most = most < VERDICTS_MAX ? most : VERDICTS_MAX;
	if (v->is_loaded)
		forget_oldest(v);
}

struct verdicts *
verdicts_create(struct side *side, void (*loaded)(void *owner), void *owner)
{
	struct verdicts *v = xcalloc(1, sizeof *v);

	v->side = side;
	v->loaded = loaded;
	v->owner = owner;
	v->most = VERDICTS_MAX;
	return v;
}

void
verdicts_destroy(struct verdicts *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->n; i++)
		entry_free(v->list[i]);
	free(v->list);
	map_finish(&v->by_contact);
	free(v);
}
