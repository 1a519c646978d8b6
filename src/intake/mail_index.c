/* intake/mail_index.c - asking and telling Redis about mails. */
#include "intake/mail_index_inner.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/log.h"
#include "intake/message_id.h"

#define LIBRARY "usher_mail_1"
#define KEY_TEXT MAIL_INDEX_KEY_TEXT
#define IDS_MAX (2 * MAIL_REFERENCES_MAX + 2) /* that one mail names */
#define HASH_HEX 32 /* digits of a hash that are used: 128 bits */

extern const char mail_functions[];

/* A question on its way. */
struct asked {
	mail_found_fn found;
	mail_joined_fn joined;
	void (*thread)(void *owner, uint64_t tag, const json_t *list);
	void *owner;
	uint64_t tag;
	char *sender; /* owned; of the mail */
	char token_case[NUMBER_ID_TEXT];
	bool bounce;
	struct mail_found so_far; /* while the case itself is asked for */
	int n;			  /* ids asked for, in this order */
	struct {
		char id[MAIL_MESSAGE_ID_MAX + 1];
		char case_id[NUMBER_ID_TEXT]; /* of ours; "" */
		bool is_own, is_bounced;
	} name[IDS_MAX];
};

/* ---- names of keys ---- */

static void
hash_key(char out[KEY_TEXT], const char *prefix, const char *a, const char *b)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct text t = {0};
	size_t n;

	text_addf(&t, "%s\n%s", a, b);
	SHA256((const unsigned char *)t.s, t.n, hash);
	text_finish(&t);
	n = (size_t)snprintf(out, KEY_TEXT, "%s", prefix);
	for (size_t i = 0; i < HASH_HEX / 2; i++)
		n += (size_t)snprintf(out + n, KEY_TEXT - n, "%02x", hash[i]);
}

void
mail_index_in_key(char out[KEY_TEXT], const char *mailbox, const char *message_id)
{
	hash_key(out, "mail:in:", mailbox, message_id);
}

void
mail_index_id_key(char out[KEY_TEXT], const char *message_id)
{
	hash_key(out, "mail:id:", message_id, "");
}

static void
case_key(char out[KEY_TEXT], const char *what, const char *case_id)
{
	snprintf(out, KEY_TEXT, "mail:%s:%s", what, case_id);
}

/* ---- questions ---- */

static struct asked *
ask(struct mail_index *index, void *owner, uint64_t tag, uint64_t *number)
{
	struct asked *asked = xcalloc(1, sizeof *asked);

	asked->owner = owner;
	asked->tag = tag;
	*number = ++index->last;
	(void)idmap_put(&index->asked, *number, asked);
	return asked;
}

static struct asked *
take(struct mail_index *index, uint64_t number)
{
	return idmap_remove(&index->asked, number);
}

static void
asked_free(struct asked *asked)
{
	free(asked->sender);
	free(asked);
}

static const char *
text_at(const struct redisReply *reply, size_t i)
{
	return i < reply->elements && reply->element[i]->type == REDIS_REPLY_STRING
		       ? reply->element[i]->str
		       : "";
}

static uint64_t
contact_of(const char *id)
{
	uint64_t number;

	return number_id_parse(id, 'c', &number) ? number : 0;
}

/* "CASE ADDRESS" of a mail that came in: the case, if it is the same sender's. */
static bool
same_sender(const struct asked *asked, const char *value, char case_id[NUMBER_ID_TEXT])
{
	size_t n = strcspn(value, " ");

	if (n != NUMBER_ID_TEXT - 1 || value[n] != ' ' || asked->sender == NULL ||
		strcasecmp(value + n + 1, asked->sender) != 0)
		return false;
	memcpy(case_id, value, n);
	case_id[n] = '\0';
	return contact_of(case_id) != 0;
}

/* The first of the named mails that is known decides. */
static void
judge(const struct asked *asked, const struct redisReply *reply, struct mail_found *f)
{
	for (int i = 0; i < asked->n && f->by == MAIL_NO_THREAD; i++) {
		const char *value = text_at(reply, 3 + (size_t)i);

		if (value[0] == '\0')
			continue;
		if (asked->name[i].is_own) {
			f->own = asked->name[i].case_id[0] != '\0';
			continue;
		}
		if (asked->name[i].case_id[0] != '\0')
			memcpy(f->case_id, asked->name[i].case_id, NUMBER_ID_TEXT);
		else if (!same_sender(asked, value, f->case_id))
			continue;
		else
			f->by = MAIL_BY_REFERENCES;
		f->by = asked->name[i].is_bounced ? MAIL_BY_BOUNCE : MAIL_BY_REFERENCES;
		if (asked->name[i].case_id[0] != '\0')
			snprintf(f->answers, sizeof f->answers, "%s", asked->name[i].id);
	}
	if (f->by == MAIL_NO_THREAD && asked->token_case[0] != '\0') {
		f->by = MAIL_BY_TOKEN;
		memcpy(f->case_id, asked->token_case, NUMBER_ID_TEXT);
	}
}

static void
take_before(const char *value, struct mail_found *f)
{
	const char *blank = strchr(value, ' ');

	if (blank == NULL)
		return;
	f->came_before = true;
	f->settled = strncmp(value, "contact", 7) == 0;
	f->contact = contact_of(blank + 1);
}

static void
take_case(const char *contact, const char *agent, struct mail_found *f)
{
	f->case_contact = contact_of(contact);
	if (strlen(agent) <= ID_MAX)
		snprintf(f->agent, sizeof f->agent, "%s", agent);
}

/* An entry of a thread in brief. */
static json_t *
brief_of(const char *text)
{
	json_t *entry = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const json_t *from = json_object_get(entry, "from");
	json_t *one = mail_brief(json_string_value(json_object_get(entry, "received")),
		json_string_value(json_object_get(from, "address")),
		json_string_value(json_object_get(entry, "subject")),
		json_string_value(json_object_get(entry, "text")));

	json_decref(entry);
	return one;
}

/* The latest mails of the case: the last that is asked for. */
static void
on_earlier(void *owner, uint64_t number, const struct redisReply *reply)
{
	struct mail_index *index = owner;
	struct asked *asked = take(index, number);
	struct mail_found *f;

	if (asked == NULL)
		return;
	f = &asked->so_far;
	if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
		f->earlier = json_array();
		for (size_t i = 0; i < reply->elements; i++)
			json_array_append_new(f->earlier, brief_of(text_at(reply, i)));
	}
	f->known &= reply != NULL;
	asked->found(asked->owner, asked->tag, f);
	json_decref(f->earlier);
	asked_free(asked);
}

static void
ask_earlier(struct mail_index *index, struct asked *asked)
{
	static const char *const latest[] = {"-5", "-1"};
	uint64_t number = ++index->last;
	char key[KEY_TEXT];

	(void)idmap_put(&index->asked, number, asked);
	case_key(key, "thread", asked->so_far.case_id);
	if (!side_read(index->side, on_earlier, index, number, "LRANGE", key, 2, latest))
		on_earlier(index, number, NULL);
}

/* The case's contact and agent, where it was not known before which case it is. */
static void
on_case(void *owner, uint64_t number, const struct redisReply *reply)
{
	struct mail_index *index = owner;
	struct asked *asked = take(index, number);

	if (asked == NULL)
		return;
	if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
		take_case(text_at(reply, 0), text_at(reply, 1), &asked->so_far);
	else
		asked->so_far.known = false;
	ask_earlier(index, asked);
}

static void
ask_case(struct mail_index *index, struct asked *asked, const struct mail_found *f)
{
	static const char *const fields[] = {"contact", "agent"};
	uint64_t number = ++index->last;
	char key[KEY_TEXT];

	asked->so_far = *f;
	(void)idmap_put(&index->asked, number, asked);
	case_key(key, "case", f->case_id);
	if (!side_read(index->side, on_case, index, number, "HMGET", key, 2, fields))
		on_case(index, number, NULL);
}

static void
on_found(void *owner, uint64_t number, const struct redisReply *reply)
{
	struct mail_index *index = owner;
	struct asked *asked = take(index, number);
	struct mail_found f = {0};

	if (asked == NULL)
		return;
	if (reply != NULL && reply->type == REDIS_REPLY_ARRAY &&
		reply->elements >= 3 + (size_t)asked->n) {
		f.known = true;
		take_before(text_at(reply, 0), &f);
		judge(asked, reply, &f);
		if (f.by != MAIL_NO_THREAD && f.by != MAIL_BY_TOKEN) {
			ask_case(index, asked, &f);
			return;
		}
		take_case(text_at(reply, 1), text_at(reply, 2), &f);
		if (f.by != MAIL_NO_THREAD) {
			asked->so_far = f;
			ask_earlier(index, asked);
			return;
		}
	} else if (reply != NULL) {
		log_warn("mail: Redis answered what was not asked");
	}
	asked->found(asked->owner, asked->tag, &f);
	asked_free(asked);
}

static void
add_name(struct asked *asked, const char *id, bool own, bool bounced)
{
	char out[OUT_ID_TEXT];
	int i = asked->n;

	if (id == NULL || id[0] == '\0' || strlen(id) > MAIL_MESSAGE_ID_MAX ||
		i == IDS_MAX)
		return;
	for (int k = 0; k < i; k++)
		if (strcmp(asked->name[k].id, id) == 0)
			return;
	snprintf(asked->name[i].id, sizeof asked->name[i].id, "%s", id);
	if (!message_id_read(id, asked->name[i].case_id, out, NULL))
		asked->name[i].case_id[0] = '\0';
	asked->name[i].is_own = own;
	asked->name[i].is_bounced = bounced;
	asked->n++;
}

/* out:ID of one that left here, else mail:id:HASH. */
static void
name_key(char key[KEY_TEXT], const char *id)
{
	char case_id[NUMBER_ID_TEXT], out[OUT_ID_TEXT];

	if (message_id_read(id, case_id, out, NULL))
		snprintf(key, KEY_TEXT, "out:%s", out);
	else
		mail_index_id_key(key, id);
}

void
mail_index_find(struct mail_index *index, const char *mailbox, const struct mail *mail,
	const char *token_case, mail_found_fn fn, void *owner, uint64_t tag)
{
	char key[IDS_MAX + 2][KEY_TEXT];
	const char *keys[IDS_MAX + 2];
	struct asked *asked;
	uint64_t number;

	asked = ask(index, owner, tag, &number);
	asked->found = fn;
	asked->sender = xstrdup(mail->from.address);
	asked->bounce = mail->automatic == MAIL_BOUNCE;
	snprintf(asked->token_case, sizeof asked->token_case, "%s", token_case);
	add_name(asked, mail->message_id, true, false);
	if (asked->bounce)
		add_name(asked, mail->bounce.of, false, true);
	for (int i = 0; i < mail->in_reply_to.n; i++)
		add_name(asked, mail->in_reply_to.list[i], false, asked->bounce);
	for (int i = mail->references.n - 1; i >= 0; i--)
		add_name(asked, mail->references.list[i], false, asked->bounce);
	mail_index_in_key(key[0], mailbox, mail->message_id);
	case_key(key[1], "case", token_case[0] != '\0' ? token_case : "none");
	for (int i = 0; i < asked->n; i++)
		name_key(key[2 + i], asked->name[i].id);
	for (int i = 0; i < asked->n + 2; i++)
		keys[i] = key[i];
	if (!side_call(index->side, on_found, index, number, "mail_find", asked->n + 2,
		    keys, 0, NULL, NULL))
		on_found(index, number, NULL);
}

/* ---- telling ---- */

json_t *
mail_thread_entry(const struct mail *mail, uint64_t contact)
{
	json_t *payload = mail_to_json(mail), *m = json_object_get(payload, "mail");
	static const char *const copied[] = {"message_id", "from", "to", "cc", "subject",
		"date", "received", "original", "whole", "automatic", "bounce",
		"language", "envelope_from"};
	json_t *entry = json_object(), *files = json_object_get(m, "attachments"), *some;
	char id[NUMBER_ID_TEXT];

	number_id_format(id, 'c', contact);
	json_object_set_new(entry, "contact", json_string(id));
	for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++)
		if (json_object_get(m, copied[i]) != NULL)
			json_object_set(entry, copied[i], json_object_get(m, copied[i]));
	mail_put_cut(entry, "text", mail->text, MAIL_THREAD_TEXT);
	if (files != NULL) {
		some = json_array();
		for (size_t i = 0; i < json_array_size(files) && i < MAIL_FILES_MAX; i++)
			json_array_append(some, json_array_get(files, i));
		json_object_set_new(entry, "attachments", some);
	}
	json_decref(payload);
	return entry;
}

static bool
tell(struct mail_index *index, const char *function, const char *mailbox,
	const struct mail *mail, const char *case_id, uint64_t contact, rlink_reply fn,
	uint64_t number)
{
	char key[5][KEY_TEXT], ms[24], id[NUMBER_ID_TEXT];
	const char *keys[5] = {key[0], key[1], key[2], key[3], key[4]}, *args[5];
	json_t *entry = mail_thread_entry(mail, contact);
	struct text value = {0}, line = {0};
	bool sent;

	mail_index_in_key(key[0], mailbox, mail->message_id);
	mail_index_id_key(key[1], mail->message_id);
	case_key(key[2], "thread", case_id);
	case_key(key[3], "case", case_id);
	snprintf(ms, sizeof ms, "%" PRId64, index->threads_ms);
	text_addf(&value, "%s %s", case_id,
		mail->from.address != NULL ? mail->from.address : "-");
	json_write(&line, entry);
	number_id_format(id, 'c', contact);
	case_key(key[4], "of", id);
	args[0] = ms;
	args[1] = value.s;
	args[2] = line.s;
	args[3] = id;
	args[4] = case_id;
	sent = side_call(
		index->side, fn, index, number, function, 5, keys, 5, args, NULL);
	json_decref(entry);
	text_finish(&value);
	text_finish(&line);
	return sent;
}

void
mail_index_note(struct mail_index *index, const char *mailbox, const struct mail *mail,
	const char *case_id, uint64_t contact)
{
	if (!tell(index, "mail_note", mailbox, mail, case_id, contact, NULL, 0))
		log_debug("mail: its thread is not noted");
}

static void
on_joined(void *owner, uint64_t number, const struct redisReply *reply)
{
	struct mail_index *index = owner;
	struct asked *asked = take(index, number);
	enum mail_joined joined = MAIL_JOIN_UNKNOWN;

	if (asked == NULL)
		return;
	if (reply != NULL && reply->type == REDIS_REPLY_STRING)
		joined = reply->str[0] == '\0'			  ? MAIL_JOINED
			 : strncmp(reply->str, "contact", 7) == 0 ? MAIL_JOINED_BEFORE
								  : MAIL_JOINED_MAYBE;
	asked->joined(asked->owner, asked->tag, joined);
	asked_free(asked);
}

void
mail_index_join(struct mail_index *index, const char *mailbox, const struct mail *mail,
	const char *case_id, uint64_t contact, mail_joined_fn fn, void *owner,
	uint64_t tag)
{
	uint64_t number;

	ask(index, owner, tag, &number)->joined = fn;
	if (!tell(index, "mail_join", mailbox, mail, case_id, contact, on_joined, number))
		on_joined(index, number, NULL);
}

void
mail_index_settle(struct mail_index *index, const char *mailbox, const struct mail *mail,
	uint64_t contact)
{
	char key[KEY_TEXT], ms[24], id[NUMBER_ID_TEXT];
	const char *keys[] = {key}, *args[] = {ms, id};

	mail_index_in_key(key, mailbox, mail->message_id);
	snprintf(ms, sizeof ms, "%" PRId64, index->threads_ms);
	number_id_format(id, 'c', contact);
	if (!side_call(index->side, NULL, NULL, 0, "mail_settle", 1, keys, 2, args, NULL))
		log_debug("mail: a join is not settled");
}

void
mail_index_served(struct mail_index *index, const char *case_id, const char *agent,
	uint64_t contact)
{
	char key[KEY_TEXT], ms[24], id[NUMBER_ID_TEXT];
	const char *keys[] = {key}, *args[] = {ms, agent, id};

	case_key(key, "case", case_id);
	snprintf(ms, sizeof ms, "%" PRId64, index->threads_ms);
	number_id_format(id, 'c', contact);
	if (!side_call(index->side, NULL, NULL, 0, "mail_served", 1, keys, 3, args, NULL))
		log_debug("mail: who serves a case is not noted");
}

/* ---- the thread ---- */

static void
on_thread(void *owner, uint64_t number, const struct redisReply *reply)
{
	struct mail_index *index = owner;
	struct asked *asked = take(index, number);
	json_t *list = NULL;

	if (asked == NULL)
		return;
	if (reply != NULL && reply->type == REDIS_REPLY_ARRAY) {
		list = json_array();
		for (size_t i = 0; i < reply->elements; i++) {
			const char *s = text_at(reply, i);

			json_array_append_new(
				list, json_loads(s, JSON_REJECT_DUPLICATES, NULL));
		}
	}
	asked->thread(asked->owner, asked->tag, list);
	json_decref(list);
	asked_free(asked);
}

bool
mail_index_thread(struct mail_index *index, const char *case_id,
	void (*fn)(void *owner, uint64_t tag, const json_t *list), void *owner,
	uint64_t tag)
{
	static const char *const all[] = {"0", "-1"};
	char key[KEY_TEXT];
	uint64_t number;

	case_key(key, "thread", case_id);
	ask(index, owner, tag, &number)->thread = fn;
	if (side_read(index->side, on_thread, index, number, "LRANGE", key, 2, all))
		return true;
	asked_free(take(index, number));
	return false;
}

/* ---- life ---- */

struct mail_index *
mail_index_create(struct side *side, int64_t threads_ms)
{
	struct mail_index *index = xcalloc(1, sizeof *index);

	index->side = side;
	index->threads_ms = threads_ms;
	side_add_library(side, LIBRARY, mail_functions);
	return index;
}

void
mail_index_configure(struct mail_index *index, int64_t threads_ms)
{
	index->threads_ms = threads_ms;
}

void
mail_index_destroy(struct mail_index *index)
{
	size_t at = 0;
	uint64_t number;
	void *value;

	if (index == NULL)
		return;
	while (idmap_next(&index->asked, &at, &number, &value))
		asked_free(value);
	idmap_finish(&index->asked);
	free(index);
}
