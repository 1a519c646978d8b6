/*
 * intake/chat_tell.c - what chats keep of a customer, for his export (base/subject.h):
 * each chat of his, its files, and what was said in it and is not in its record yet.
 *
 *   chats by their ids --> the chat --> its messages, a part at a time --> the next chat
 *
 * The place is "CHAT SEQ": up to that message of that chat all was told.
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intake/chat_inner.h"

#define TELL_LOT 32 /* messages that are asked for at once: 256 KiB at most */

struct telling {
	struct subject_page *page;
	char chat[CHAT_ID_TEXT]; /* "": none yet */
	int64_t seq;		 /* told up to this message */
	int64_t kept_seq;	 /* in the record already, up to it */
};

static void
told(struct telling *t, enum subject_told how)
{
	if (t->chat[0] != '\0')
		snprintf(t->page->place, sizeof t->page->place, "%s %" PRId64, t->chat,
			t->seq);
	t->page->told(t->page, how);
	free(t);
}

/* A contact says whose it is; before there is one, what he said of himself does. */
static bool
is_his(const struct chat *chat, const struct subject *subject)
{
	return chat->contact != 0 ? subject_has_contact(subject, chat->contact)
				  : chat_names(chat, subject);
}

/* The next one of his by its id; NULL: none. */
static struct chat *
chat_behind(const struct chats *chats, const struct subject *subject, const char *id)
{
	struct chat *next = NULL;
	size_t at = 0;
	void *value;

	while (map_next(&chats->by_id, &at, NULL, &value)) {
		struct chat *chat = value;

		if (strcmp(chat->id, id) > 0 &&
			(next == NULL || strcmp(chat->id, next->id) < 0) &&
			is_his(chat, subject))
			next = chat;
	}
	return next;
}

static void
add_chat(struct subject_page *page, const struct chat *chat)
{
	json_t *record = subject_record("chat", chat->contact);

	json_object_set_new(record, "stage", json_string(chat_stage_name[chat->stage]));
	json_object_set_new(record, "about", json_deep_copy(chat->about));
	subject_set_moment(record, "ended_at", chat->ended_ms);
	if (chat->reason[0] != '\0')
		json_object_set_new(record, "reason", json_string(chat->reason));
	if (chat->rating != 0)
		json_object_set_new(record, "rating", json_integer(chat->rating));
	if (chat->mail_to != NULL)
		json_object_set_new(record, "mail_to", json_string(chat->mail_to));
	subject_add(page, record);
}

/* A file, with what it is fetched by. */
static void
add_file(struct chats *chats, struct subject_page *page, const struct chat *chat,
	int64_t seq, const json_t *file)
{
	json_t *record = subject_record("file", chat->contact);
	json_t *given = chat_file_given(chats, chat, seq);

	json_object_set_new(record, "seq", json_integer(seq));
	json_object_set(record, "name", json_object_get(file, "name"));
	json_object_set(record, "type", json_object_get(file, "type"));
	json_object_set(record, "bytes", json_object_get(file, "size"));
	json_object_set(record, "blob", json_object_get(file, "blob"));
	json_object_update_missing(record, given);
	json_decref(given);
	subject_add(page, record);
}

/* As the record has it (history/export.c). */
static void
add_said(struct subject_page *page, const struct chat *chat, int64_t seq,
	const json_t *message)
{
	static const char *const words[] = {"text", "code"};
	json_t *record = subject_record("said", chat->contact);

	json_object_set_new(record, "seq", json_integer(seq));
	subject_set_moment(
		record, "at", json_integer_value(json_object_get(message, "at")));
	json_object_set(record, "from", json_object_get(message, "from"));
	json_object_set(record, "said", json_object_get(message, "kind"));
	json_object_set(record, "name", json_object_get(message, "name"));
	for (size_t i = 0; i < 2 && json_object_get(record, "text") == NULL; i++)
		json_object_set(record, "text", json_object_get(message, words[i]));
	subject_add(page, record);
}

static void tell_next(struct chats *chats, struct telling *t);

static void
on_messages(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	struct telling *t = op->data;
	struct subject_page *page = t->page;

	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
		told(t, SUBJECT_LATER);
		return;
	}
	for (size_t i = 0; chat != NULL && i < reply->elements && !subject_is_full(page);
		i++) {
		const struct redisReply *r = reply->element[i];
		json_t *message = r->type == REDIS_REPLY_STRING
					  ? json_loadb(r->str, r->len, 0, NULL)
					  : NULL;
		const json_t *file = json_object_get(message, "file");

		t->seq++;
		if (file != NULL)
			add_file(chats, page, chat, t->seq, file);
		if (message != NULL && file == NULL && t->seq > t->kept_seq)
			add_said(page, chat, t->seq, message);
		json_decref(message);
	}
	tell_next(chats, t);
}

/* False: all of them were. */
static bool
ask_messages(struct chats *chats, struct telling *t, const struct chat *chat)
{
	char field[TELL_LOT][24];
	const char *fields[TELL_LOT];
	struct chat_op *op;
	int n = 0;

	while (n < TELL_LOT && t->seq + n < chat->last_seq) {
		snprintf(field[n], sizeof field[n], "m:%" PRId64, t->seq + 1 + n);
		fields[n] = field[n];
		n++;
	}
	if (n == 0)
		return false;
	t->kept_seq = chat->kept_seq;
	op = chat_op_create(chat, NULL);
	op->fn = on_messages;
	op->data = t;
	if (!chat_read(chats, op, "HMGET", n, fields))
		told(t, SUBJECT_LATER);
	return true;
}

static void
tell_next(struct chats *chats, struct telling *t)
{
	const struct chat *chat;

	for (;;) {
		if (subject_is_full(t->page)) {
			told(t, SUBJECT_MORE);
			return;
		}
		chat = t->chat[0] != '\0' ? chat_find(chats, t->chat) : NULL;
		if (chat != NULL && ask_messages(chats, t, chat))
			return;
		chat = chat_behind(chats, t->page->subject, t->chat);
		if (chat == NULL) {
			told(t, SUBJECT_ALL);
			return;
		}
		memcpy(t->chat, chat->id, sizeof t->chat);
		t->seq = 0;
		add_chat(t->page, chat);
	}
}

void
chats_tell(void *owner, struct subject_page *page)
{
	struct chats *chats = owner;
	struct telling *t;

	/* Until all are read back nobody knows which are his. */
	if (!chats->loaded) {
		page->told(page, SUBJECT_LATER);
		return;
	}
	t = xcalloc(1, sizeof *t);
	t->page = page;
	if (page->place[0] != '\0' &&
		sscanf(page->place, "%31s %" SCNd64, t->chat, &t->seq) != 2)
		t->chat[0] = '\0';
	tell_next(chats, t);
}
