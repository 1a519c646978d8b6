/*
 * intake/chat_keep.c - what was said in a chat that is over goes into the contact's
 * record, with the customer's rating: a page at a time, until all of it is there.
 *
 *   OVER --lines that are not in the record--> read from Redis --> given to the record
 *     ^-------------------- kept, or not now: tried again ---------------'
 *
 * How far it is stands with the chat, so a restart goes on; a line that is given twice is
 * one line there. A chat is not forgotten before its lines are kept.
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "intake/chat_inner.h"

#define KEEP_AGAIN_MS 2000 /* after a page that was not taken */

bool
chat_is_kept(const struct chats *chats, const struct chat *chat)
{
	return chats->parts.keep == NULL || chat->contact == 0 ||
	       (chat->kept_seq >= chat->last_seq &&
		       chat->kept_rating == (chat->rating != 0));
}

static void
try_later(struct chats *chats, struct chat *chat)
{
	chat->keeping = false;
	chat->keep_again_ms = chats_now(chats) + KEEP_AGAIN_MS;
}

void
chats_kept(struct chats *chats, uint64_t tag, bool kept)
{
	struct chat_op *op = idmap_remove(&chats->ops, tag);
	struct chat *chat = op != NULL ? chat_find(chats, op->chat) : NULL;

	if (chat != NULL && kept) {
		chat->keeping = false;
		chat->kept_seq = op->number;
		chat->kept_rating = op->contact != 0;
		chat_save(chats, chat);
	} else if (chat != NULL) {
		try_later(chats, chat);
	}
	chat_op_destroy(op);
}

static void
give(struct chats *chats, struct chat *chat, json_t *messages, int64_t to_seq)
{
	struct chat_op *op = chat_op_create(chat, NULL);
	struct chat_record record = {
		.contact = chat->contact, .messages = messages, .rating = chat->rating};

	op->number = to_seq;
	op->contact = chat->rating != 0;
	idmap_put(&chats->ops, ++chats->last_op, op);
	chats->parts.keep(chats->parts.owner, &record, chats->last_op);
}

static void
on_page(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	json_t *messages;

	if (chat == NULL)
		return;
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
		try_later(chats, chat);
		return;
	}
	messages = json_array();
	for (size_t i = 0; i < reply->elements; i++) {
		const struct redisReply *r = reply->element[i];
		json_t *message = r->type == REDIS_REPLY_STRING
					  ? json_loadb(r->str, r->len, 0, NULL)
					  : NULL;

		if (message == NULL)
			continue;
		json_object_set_new(
			message, "seq", json_integer(chat->kept_seq + 1 + (json_int_t)i));
		json_array_append_new(messages, message);
	}
	give(chats, chat, messages, chat->kept_seq + (int64_t)reply->elements);
	json_decref(messages);
}

void
chat_keep_on(struct chats *chats, struct chat *chat, int64_t now_ms)
{
	char field[CHAT_PAGE][24];
	const char *fields[CHAT_PAGE];
	struct chat_op *op;
	int n = 0;

	if (chat->keeping || chat->unsure || now_ms < chat->keep_again_ms ||
		chat_is_kept(chats, chat))
		return;
	chat->keeping = true;
	while (n < CHAT_PAGE && chat->kept_seq + n < chat->last_seq) {
		snprintf(field[n], sizeof field[n], "m:%" PRId64, chat->kept_seq + 1 + n);
		fields[n] = field[n];
		n++;
	}
	if (n == 0) { /* the rating alone */
		json_t *none = json_array();

		give(chats, chat, none, chat->kept_seq);
		json_decref(none);
		return;
	}
	op = chat_op_create(chat, NULL);
	op->fn = on_page;
	if (!chat_read(chats, op, "HMGET", n, fields))
		try_later(chats, chat);
}
