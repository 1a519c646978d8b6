/* intake/chat_store.c - the chat's calls to Redis: sending them, finding who waits, and
 * reading all chats back at the start. */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "intake/chat_inner.h"

#define LOADING_MAX 256 /* chats being read at once */

/* ---- calls ---- */

struct chat_op *
chat_op_create(const struct chat *chat, const struct rpc_call *call)
{
	struct chat_op *op = xcalloc(1, sizeof *op);

	if (chat != NULL)
		memcpy(op->chat, chat->id, sizeof op->chat);
	if (call != NULL) {
		op->rpc = call->rpc;
		op->tag = call->tag;
		op->wire = call->who;
	}
	return op;
}

void
chat_op_destroy(struct chat_op *op)
{
	if (op == NULL)
		return;
	json_decref(op->message);
	free(op);
}

static void
on_reply(void *owner, uint64_t number, const struct redisReply *reply)
{
	struct chats *chats = owner;
	struct chat_op *op = idmap_remove(&chats->ops, number);

	if (op == NULL)
		return;
	if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
		log_warn("chat: Redis refused chat=%s why=\"%s\"", op->chat, reply->str);
		reply = NULL;
	}
	if (op->fn != NULL)
		op->fn(chats, op, chat_find(chats, op->chat), reply);
	chat_op_destroy(op);
}

static uint64_t
keep(struct chats *chats, struct chat_op *op)
{
	if (chats->ops.n >= CHAT_OPS_MAX)
		return 0;
	idmap_put(&chats->ops, ++chats->last_op, op);
	return chats->last_op;
}

static bool
sent(struct chats *chats, struct chat_op *op, uint64_t number, bool done)
{
	if (done)
		return true;
	if (number != 0)
		idmap_remove(&chats->ops, number);
	chat_refuse_away(op->rpc, op->tag);
	chat_op_destroy(op);
	return false;
}

bool
chat_call(struct chats *chats, struct chat_op *op, const char *function, bool with_set,
	int n_args, const char *const *args)
{
	char key[8 + CHAT_ID_TEXT], name[48];
	const char *keys[2] = {key, "chats"};
	uint64_t number = keep(chats, op);

	snprintf(key, sizeof key, "chat:%s", op->chat);
	snprintf(name, sizeof name, "usher_chat_1_%s", function);
	return sent(chats, op, number,
		number != 0 && side_call(chats->parts.side, on_reply, chats, number, name,
				       with_set ? 2 : 1, keys, n_args, args, NULL));
}

void
chat_write(struct chats *chats, const struct chat *chat, const char *function,
	bool with_set, int n_args, const char *const *args)
{
	if (!chat_call(
		    chats, chat_op_create(chat, NULL), function, with_set, n_args, args))
		log_debug("chat: not written, Redis is away chat=%s what=%s", chat->id,
			function);
}

bool
chat_read(struct chats *chats, struct chat_op *op, const char *command, int n_args,
	const char *const *args)
{
	char key[8 + CHAT_ID_TEXT];
	uint64_t number = keep(chats, op);

	if (op->chat[0] != '\0')
		snprintf(key, sizeof key, "chat:%s", op->chat);
	else
		snprintf(key, sizeof key, "chats");
	return sent(chats, op, number,
		number != 0 && side_read(chats->parts.side, on_reply, chats, number,
				       command, key, n_args, args));
}

/* ---- where a chat stands ---- */

static char *
state_text(const struct chat *chat)
{
	json_t *o = json_pack("{s:s, s:I, s:I, s:i}", "stage",
		chat_stage_name[chat->stage], "contact", (json_int_t)chat->contact,
		"ended_ms", (json_int_t)chat->ended_ms, "rating", chat->rating);
	struct text text = {0};

	if (chat->kept_seq > 0)
		json_object_set_new(o, "kept", json_integer(chat->kept_seq));
	if (chat->kept_rating)
		json_object_set_new(o, "kept_rating", json_true());
	if (chat->reason[0] != '\0')
		json_object_set_new(o, "reason", json_string(chat->reason));
	if (chat->uploads > 0)
		json_object_set_new(o, "uploads", json_integer(chat->uploads));
	if (chat->transcripts > 0)
		json_object_set_new(o, "transcripts", json_integer(chat->transcripts));
	if (chat->mail_to != NULL)
		json_object_set_new(o, "mail_to", json_string(chat->mail_to));
	json_write(&text, o);
	json_decref(o);
	return text_take(&text);
}

void
chat_save(struct chats *chats, struct chat *chat)
{
	char *state = state_text(chat), when[24];

	/* Whether it was written is of no weight: what it says follows from the router's
	 * state and is written again by whoever reads the chat back. */
	if (chat->stage == CHAT_OVER) {
		snprintf(when, sizeof when, "%" PRId64, chat->forget_ms);
		chat_write(chats, chat, "finish", true, 3,
			(const char *[]){chat->id, state, when});
	} else {
		chat_write(
			chats, chat, "set", false, 2, (const char *[]){"state", state});
	}
	free(state);
}

/* ---- reading back ---- */

static json_t *
json_of(const struct redisReply *r)
{
	return r != NULL && r->type == REDIS_REPLY_STRING
		       ? json_loadb(r->str, r->len, 0, NULL)
		       : NULL;
}

static int64_t
number_of(const struct redisReply *r)
{
	return r != NULL && r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : 0;
}

/* "CENTRE-TIME-MS N" */
static void
spoken(const struct redisReply *r, int64_t *at_ms, int64_t *seq)
{
	char *end;

	*at_ms = *seq = 0;
	if (r == NULL || r->type != REDIS_REPLY_STRING)
		return;
	*at_ms = strtoll(r->str, &end, 10);
	*seq = strtoll(end, NULL, 10);
}

static void
restore(struct chats *chats, struct chat *chat, const json_t *state)
{
	const char *stage = json_string_value(json_object_get(state, "stage"));
	const char *reason = json_string_value(json_object_get(state, "reason"));
	const char *address = json_string_value(json_object_get(chat->about, "address"));

	chat_set_contact(chats, chat,
		(uint64_t)json_integer_value(json_object_get(state, "contact")));
	chat->rating = (int)json_integer_value(json_object_get(state, "rating"));
	chat->kept_seq = json_integer_value(json_object_get(state, "kept"));
	chat->kept_rating = json_is_true(json_object_get(state, "kept_rating"));
	chat->uploads = (int)json_integer_value(json_object_get(state, "uploads"));
	chat->ended_ms = json_integer_value(json_object_get(state, "ended_ms"));
	chat->transcripts =
		(int)json_integer_value(json_object_get(state, "transcripts"));
	chat->mail_to = xstrdup(json_string_value(json_object_get(state, "mail_to")));
	snprintf(chat->reason, sizeof chat->reason, "%s", reason != NULL ? reason : "");
	if (stage != NULL && strcmp(stage, "over") == 0) {
		chat->stage = CHAT_OVER;
		chat->forget_ms = chat->ended_ms + chats->settings->keep_ms;
		chats->counts.live--;
		return;
	}
	snprintf(chat->address, sizeof chat->address, "%s",
		address != NULL ? address : "");
	chat_count_address(chats, chat, 1);
}

static void load_next(struct chats *chats);

static void
on_chat(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	json_t *about, *state;

	chats->loading--;
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 8) {
		/* The connection went; chat_side begins anew. */
		return;
	}
	about = json_of(reply->element[0]);
	state = json_of(reply->element[1]);
	if (chat == NULL && about != NULL && state != NULL) {
		chat = chat_create(chats, op->chat, about);
		about = NULL;
		restore(chats, chat, state);
		chat->last_seq = number_of(reply->element[2]);
		spoken(reply->element[3], &chat->customer_ms, &chat->customer_seq);
		spoken(reply->element[4], &chat->agent_ms, &chat->agent_seq);
		chat->read_customer = number_of(reply->element[5]);
		chat->read_agent = number_of(reply->element[6]);
		chat_blobs_read(chats, chat, json_of(reply->element[7]));
		if (chat->stage == CHAT_OVER)
			chat_send_transcript(chats, chat);
		else if (chat->contact == 0)
			chat_submit(chats, chat, NULL);
		else
			chat_follow(chats, chat);
	} else if (chat == NULL) {
		log_error("chat: unreadable, left as it is chat=%s", op->chat);
	}
	json_decref(about);
	json_decref(state);
	load_next(chats);
}

static void
load_next(struct chats *chats)
{
	const char *const fields[] = {"about", "state", "n", "customer", "agent",
		"read:customer", "read:agent", "blobs"};

	while (chats->at_load < chats->n_load && chats->loading < LOADING_MAX) {
		struct chat_op *op = chat_op_create(NULL, NULL);

		snprintf(op->chat, sizeof op->chat, "%s", chats->to_load[chats->at_load]);
		op->fn = on_chat;
		if (!chat_read(chats, op, "HMGET", 8, fields))
			return;
		chats->at_load++;
		chats->loading++;
	}
	if (chats->at_load < chats->n_load || chats->loading > 0 || chats->loaded)
		return;
	chats->loaded = true;
	log_info("chat: loaded chats=%zu live=%d", chats->n_load, chats->counts.live);
	chat_load_finish(chats);
}

static void
on_list(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
		return;
	chat_load_finish(chats);
	chats->to_load = xcalloc(reply->elements + 1, sizeof chats->to_load[0]);
	for (size_t i = 0; i < reply->elements; i++)
		if (reply->element[i]->len < CHAT_ID_TEXT)
			chats->to_load[chats->n_load++] = xstrdup(reply->element[i]->str);
	load_next(chats);
}

void
chat_load_finish(struct chats *chats)
{
	for (size_t i = 0; i < chats->n_load; i++)
		free(chats->to_load[i]);
	free(chats->to_load);
	chats->to_load = NULL;
	chats->n_load = chats->at_load = chats->loading = 0;
}

void
chat_side(void *owner, bool up)
{
	struct chats *chats = owner;
	struct chat_op *op;
	size_t at = 0;
	void *value;

	if (!up)
		return;
	if (!chats->loaded) {
		op = chat_op_create(NULL, NULL);
		op->fn = on_list;
		if (!chat_read(chats, op, "ZRANGE", 2, (const char *[]){"0", "-1"}))
			log_warn("chat: could not be loaded, tries again");
		return;
	}
	while (map_next(&chats->by_id, &at, NULL, &value)) {
		struct chat *chat = value;

		if (chat->unsure)
			chat_fill(chats, chat);
		if (chat->stage == CHAT_TALKING)
			chat->turn_ms = chats_now(chats); /* nobody could speak */
		if (chat->stage == CHAT_STARTING && chat->contact == 0)
			chat_submit(chats, chat, NULL);
	}
}
