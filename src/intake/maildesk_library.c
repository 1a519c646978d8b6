/*
 * intake/maildesk_library.c - the methods response.*: the library read, searched, and
 * edited with versions. An edit is a list in Redis, `library:MAILBOX/ID`, one record a
 * version: {"text", "by", "at_ms", "comment"}; the last stands above the file.
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>

#include "intake/maildesk_inner.h"

#define FOUND_MOST 100
#define VERSIONS_MOST 100000

static struct live *
live_of(struct maildesk *d, const struct rpc_call *call, const char **mailbox)
{
	const char *wanted = rpc_text(call, "mailbox");
	struct live *live;
	int at = 0;

	*mailbox = wanted;
	live = wanted != NULL ? desk_live(d, wanted) : desk_next_live(d, &at, mailbox);
	if (live == NULL || live_library(live) == NULL) {
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_mailbox",
			"No such mailbox, or it has no library (mail.mailboxes).", NULL);
		return NULL;
	}
	return live;
}

static json_t *
names_json(const struct name_list *names)
{
	json_t *list = json_array();

	for (int i = 0; i < names->n; i++)
		json_array_append_new(list, json_string(names->list[i]));
	return list;
}

static struct edited *
edit_of(const struct maildesk *d, const char *mailbox, const char *id)
{
	char key[2 * ID_MAX + 2];

	snprintf(key, sizeof key, "%s/%s", mailbox, id);
	return map_get(&d->edits, key);
}

static int
versions_of(const struct maildesk *d, const char *mailbox, const char *id)
{
	const struct edited *e = edit_of(d, mailbox, id);

	return e != NULL ? e->version : 0;
}

static json_t *
response_json(
	struct maildesk *d, const char *mailbox, const struct response *r, bool body)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:b, s:i}", "id", r->id, "title",
		r->title, "category", r->category, "languages", names_json(&r->languages),
		"automatic", r->automatic, "version", versions_of(d, mailbox, r->id));

	if (body) {
		json_object_set_new(o, "keywords", names_json(&r->keywords));
		json_object_set_new(o, "placeholders", names_json(&r->placeholders));
		json_object_set_new(
			o, "never_automatic", json_boolean(r->never_automatic));
		json_object_set_new(o, "aim", json_real(r->aim));
		json_object_set_new(o, "text", json_string(r->body));
		json_object_set_new(o, "gate", answers_gate_json(d, mailbox, r));
	}
	return o;
}

static bool
in_category(const struct response *r, const char *category)
{
	size_t n = category != NULL ? strlen(category) : 0;

	return n == 0 || (strncmp(r->category, category, n) == 0 &&
				 (r->category[n] == '\0' || r->category[n] == '/'));
}

void
on_response_list(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const char *mailbox, *after = rpc_text(call, "after"),
			     *category = rpc_text(call, "category");
	struct live *live = live_of(d, call, &mailbox);
	const struct library *library;
	json_t *list, *o;
	const char *next = NULL;

	if (live == NULL)
		return;
	library = live_library(live);
	list = json_array();
	for (int i = 0; i < library->n; i++) {
		const struct response *r = &library->list[i];

		if ((after != NULL && strcmp(r->id, after) <= 0) ||
			!in_category(r, category))
			continue;
		if (json_array_size(list) == FOUND_MOST) {
			next = json_string_value(json_object_get(
				json_array_get(list, FOUND_MOST - 1), "id"));
			break;
		}
		json_array_append_new(list, response_json(d, mailbox, r, false));
	}
	o = json_pack(
		"{s:s, s:o, s:s*}", "mailbox", mailbox, "responses", list, "next", next);
	rpc_answer(call->rpc, call->tag, o);
}

/* ---- search: how many of the words stand in title, keywords, category or text ---- */

struct hit {
	const struct response *r;
	int score;
};

static int
best_first(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return x->score != y->score ? y->score - x->score : strcmp(x->r->id, y->r->id);
}

static bool
has_word(struct words *words, const char *wanted)
{
	for (int i = 0; i < words->n; i++)
		if (strncmp(word_text(words, i), wanted, strlen(wanted)) == 0)
			return true;
	return false;
}

static int
score_of(struct words_reader *reader, struct words *scratch, const struct words *query,
	const struct response *r)
{
	struct text head = {0};
	int score = 0;

	text_addf(&head, "%s %s %s", r->title, r->category, r->id);
	for (int i = 0; i < r->keywords.n; i++)
		text_addf(&head, " %s", r->keywords.list[i]);
	for (int part = 0; part < 2; part++) {
		const char *text = part == 0 ? head.s : r->body;

		words_clear(scratch);
		words_add(reader, scratch, FIELD_BODY, text, strlen(text));
		for (int i = 0; i < query->n; i++)
			score += has_word(scratch, word_text(query, i)) *
				 (part == 0 ? 3 : 1);
	}
	text_finish(&head);
	return score;
}

void
on_response_search(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const char *mailbox, *text = rpc_text(call, "text"),
			     *language = rpc_text(call, "language");
	struct live *live = live_of(d, call, &mailbox);
	const struct library *library;
	struct words_reader *reader;
	struct words query = {0}, scratch = {0};
	struct hit *hits;
	json_t *list = json_array();
	int n = 0, most = (int)rpc_integer(call, "most", 20);

	if (live == NULL) {
		json_decref(list);
		return;
	}
	library = live_library(live);
	reader = words_reader_create(language);
	hits = xcalloc((size_t)library->n + 1, sizeof *hits);
	if (reader != NULL)
		words_add(reader, &query, FIELD_BODY, text, strlen(text));
	for (int i = 0; reader != NULL && i < library->n; i++) {
		const struct response *r = &library->list[i];
		int score = (language == NULL || response_speaks(r, language)) &&
					    in_category(r, rpc_text(call, "category"))
				    ? score_of(reader, &scratch, &query, r)
				    : 0;

		if (score > 0)
			hits[n++] = (struct hit){r, score};
	}
	qsort(hits, (size_t)n, sizeof *hits, best_first);
	for (int i = 0; i < n && i < most; i++)
		json_array_append_new(list, response_json(d, mailbox, hits[i].r, false));
	free(hits);
	words_finish(&query);
	words_finish(&scratch);
	words_reader_destroy(reader);
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:s, s:o}", "mailbox", mailbox, "responses", list));
}

/* ---- one response, and its versions ---- */

struct asking {
	struct maildesk *d;
	struct rpc *rpc;
	uint64_t tag;
	json_t *answer; /* owned */
	/* Of an edit. */
	char *mailbox, *id, *text;
	int version;
};

static void
asking_free(struct asking *a)
{
	json_decref(a->answer);
	free(a->mailbox);
	free(a->id);
	free(a->text);
	free(a);
}

static json_t *
version_json(const redisReply *reply, int number)
{
	struct json_problem problem;
	json_t *record = reply->type == REDIS_REPLY_STRING
				 ? json_read(reply->str, reply->len, &problem)
				 : NULL;
	char at[MOMENT_TEXT];
	json_t *o;

	if (record == NULL)
		return NULL;
	moment_format(at, json_integer_value(json_object_get(record, "at_ms")));
	o = json_pack("{s:i, s:s, s:s, s:s}", "version", number, "by",
		json_string_value(json_object_get(record, "by")), "at", at, "comment",
		json_string_value(json_object_get(record, "comment")));
	if (o != NULL)
		json_object_set(o, "source", json_object_get(record, "text"));
	json_decref(record);
	return o;
}

static void
on_versions(void *owner, uint64_t tag, const redisReply *reply)
{
	struct asking *a = owner;
	json_t *list = json_array();

	for (size_t i = 0;
		reply != NULL && reply->type == REDIS_REPLY_ARRAY && i < reply->elements;
		i++) {
		json_t *o = version_json(reply->element[i],
			a->version - (int)reply->elements + (int)i + 1);

		if (o != NULL)
			json_array_append_new(list, o);
	}
	json_object_set_new(a->answer, "versions", list);
	rpc_answer(a->rpc, a->tag, json_incref(a->answer));
	asking_free(a);
}

void
on_response_get(void *owner, const struct rpc_call *call)
{
	static const char *const last[] = {"-10", "-1"};
	struct maildesk *d = owner;
	const char *mailbox, *id = rpc_text(call, "response");
	struct live *live = live_of(d, call, &mailbox);
	const struct response *r =
		live != NULL ? library_find(live_library(live), id) : NULL;
	struct asking *a;
	char *key;

	if (live == NULL)
		return;
	if (r == NULL) {
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_response",
			"The mailbox has no such response; see response.list.", NULL);
		return;
	}
	a = xcalloc(1, sizeof *a);
	*a = (struct asking){.d = d,
		.rpc = call->rpc,
		.tag = call->tag,
		.answer = response_json(d, mailbox, r, true),
		.version = versions_of(d, mailbox, id)};
	key = xasprintf("library:%s/%s", mailbox, id);
	if (a->version == 0 ||
		!side_read(d->parts.side, on_versions, a, 0, "LRANGE", key, 2, last)) {
		rpc_answer(call->rpc, call->tag, json_incref(a->answer));
		asking_free(a);
	}
	free(key);
}

/* The last version of a response is known. */
static void
take_edit(struct maildesk *d, const char *mailbox, const char *id, const char *text,
	int version)
{
	struct edited *e = edit_of(d, mailbox, id);
	struct live *live = desk_live(d, mailbox);
	struct library_problems problems = {0};
	char key[2 * ID_MAX + 2];

	if (e == NULL) {
		e = xcalloc(1, sizeof *e);
		e->mailbox = xstrdup(mailbox);
		e->id = xstrdup(id);
		snprintf(key, sizeof key, "%s/%s", mailbox, id);
		map_put(&d->edits, key, e);
	}
	free(e->text);
	e->text = xstrdup(text);
	e->version = version;
	if (live == NULL)
		return;
	live_edit(live, id, text);
	if (!live_load(live, &problems))
		log_error("suggest: library not taken mailbox=%s problems=%d", mailbox,
			problems.n);
	text_finish(&problems.said);
}

void
maildesk_new_live(struct maildesk *d, const char *mailbox, struct live *live)
{
	size_t at = 0;
	void *value;

	while (map_next(&d->edits, &at, NULL, &value)) {
		const struct edited *e = value;

		if (strcmp(e->mailbox, mailbox) == 0)
			live_edit(live, e->id, e->text);
	}
}

void
responses_finish(struct maildesk *d)
{
	size_t at = 0;
	void *value;

	while (map_next(&d->edits, &at, NULL, &value)) {
		struct edited *e = value;

		free(e->mailbox);
		free(e->id);
		free(e->text);
		free(e);
	}
	map_finish(&d->edits);
}

static void
on_edited(void *owner, uint64_t tag, const redisReply *reply)
{
	struct asking *a = owner;

	if (reply == NULL || reply->type != REDIS_REPLY_INTEGER)
		rpc_refuse(a->rpc, a->tag, RPC_LATER, "store_away",
			"Redis is away; try again in a moment.", NULL);
	else if (reply->integer == 0)
		rpc_refuse(a->rpc, a->tag, RPC_CONFLICT, "stale_version",
			"Somebody else changed it meanwhile: read it again.", NULL);
	else {
		take_edit(a->d, a->mailbox, a->id, a->text, a->version);
		rpc_answer(a->rpc, a->tag, json_pack("{s:i}", "version", a->version));
	}
	asking_free(a);
}

/* Checks the text as the folder's are checked. False: refused, with the problems. */
static bool
is_sound(struct maildesk *d, const struct rpc_call *call, struct live *live,
	const char *id, const char *text)
{
	struct library_problems problems = {0};
	bool sound = live_would_load(live, id, text, &problems);

	if (!sound)
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "bad_response",
			"The response has mistakes; nothing was changed.",
			json_pack("{s:s}", "problems",
				problems.said.s != NULL ? problems.said.s : ""));
	text_finish(&problems.said);
	return sound;
}

void
on_response_put(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const struct people *people = d->parts.people;
	const char *mailbox, *id = rpc_text(call, "response"),
			     *text = rpc_text(call, "source"),
			     *comment = rpc_text(call, "comment");
	struct live *live = live_of(d, call, &mailbox);
	int64_t base = rpc_integer(call, "version", -1);
	char number[16], *key, *name;
	struct text record = {0};
	struct asking *a;
	json_t *o;

	if (live == NULL)
		return;
	if (base >= 0 && base != versions_of(d, mailbox, id)) {
		refuse_fault(call, "stale_version",
			"Somebody else changed it meanwhile: read it again.");
		return;
	}
	if (!is_sound(d, call, live, id, text) ||
		!people->audit(people->owner, call, id, comment))
		return;
	a = xcalloc(1, sizeof *a);
	*a = (struct asking){.d = d,
		.rpc = call->rpc,
		.tag = call->tag,
		.mailbox = xstrdup(mailbox),
		.id = xstrdup(id),
		.text = xstrdup(text),
		.version = versions_of(d, mailbox, id) + 1};
	o = json_pack("{s:s, s:s, s:I, s:s}", "text", text, "by",
		people->who(people->owner, call), "at_ms", (json_int_t)desk_time_ms(d),
		"comment", comment != NULL ? comment : "");
	json_write(&record, o);
	json_decref(o);
	snprintf(number, sizeof number, "%d", a->version);
	name = xasprintf("%s/%s", mailbox, id);
	key = xasprintf("library:%s", name);
	const char *const keys[] = {key, "libraries"};
	const char *const args[] = {record.s, number, name};
	if (!side_call(d->parts.side, on_edited, a, 0, "outbox_edit", 2, keys, 3, args,
		    NULL))
		on_edited(a, 0, NULL);
	text_finish(&record);
	free(key);
	free(name);
}

/* ---- the start ---- */

struct loading {
	struct maildesk *d;
	char *mailbox, *id; /* owned */
};

static void
on_last(void *owner, uint64_t tag, const redisReply *reply)
{
	struct loading *l = owner;
	struct json_problem problem;
	json_t *record = NULL;

	if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
		reply->elements <= VERSIONS_MOST)
		record = json_read(reply->element[reply->elements - 1]->str,
			reply->element[reply->elements - 1]->len, &problem);
	if (record != NULL &&
		json_string_value(json_object_get(record, "text")) != NULL) {
		take_edit(l->d, l->mailbox, l->id,
			json_string_value(json_object_get(record, "text")),
			(int)reply->elements);
	}
	json_decref(record);
	free(l->mailbox);
	free(l->id);
	free(l);
}

static void
on_names(void *owner, uint64_t tag, const redisReply *reply)
{
	static const char *const all[] = {"0", "-1"};
	struct maildesk *d = owner;

	for (size_t i = 0;
		reply != NULL && reply->type == REDIS_REPLY_ARRAY && i < reply->elements;
		i++) {
		const char *name = reply->element[i]->str, *slash = strchr(name, '/');
		struct loading *l;
		char *key;

		if (slash == NULL)
			continue;
		l = xcalloc(1, sizeof *l);
		l->d = d;
		l->mailbox = xstrndup(name, (size_t)(slash - name));
		l->id = xstrdup(slash + 1);
		key = xasprintf("library:%s", name);
		if (!side_read(d->parts.side, on_last, l, 0, "LRANGE", key, 2, all))
			on_last(l, 0, NULL);
		free(key);
	}
}

void
responses_load(struct maildesk *d)
{
	if (d->edits.n == 0 && !side_read(d->parts.side, on_names, d, 0, "SMEMBERS",
				       "libraries", 0, NULL))
		log_info("suggest: edited responses are read when Redis is back");
}
