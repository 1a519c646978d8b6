/*
 * intake/chat_say.c - messages: cleaned, redacted, written, then acknowledged and shown,
 * in the order of their numbers.
 *
 * A reply of Redis that went lost leaves a message of which nobody knows whether it is
 * there: its sender repeats it under its own id, and what was written but not shown is
 * read (chat_fill) before anything newer is.
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/moment.h"
#include "intake/chat_inner.h"

#define FILL_MOST 200 /* messages read at once when some are missing */

/* ---- text ---- */

/* What is no text: C1 control characters go, Unicode's line ends become ours. */
static size_t
odd_bytes(const unsigned char *s)
{
	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
		return 2; /* C1 */
	if (s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9))
		return 3; /* line and paragraph separator */
	return 0;
}

static bool
is_blank(const char *s)
{
	for (; *s != '\0'; s++)
		if (strchr(" \t\n", *s) == NULL)
			return false;
	return true;
}

bool
chat_clean(const char *text, struct text *out)
{
	const unsigned char *s = (const unsigned char *)text;

	for (; *s != '\0'; s++) {
		size_t odd = odd_bytes(s);

		if (odd == 3)
			text_add(out, "\n");
		if (odd > 0) {
			s += odd - 1;
		} else if (*s == '\r') {
			if (s[1] != '\n')
				text_add(out, "\n");
		} else if ((*s >= 0x20 && *s != 0x7f) || *s == '\n' || *s == '\t') {
			text_add_n(out, (const char *)s, 1);
		}
	}
	while (out->n > 0 && strchr(" \t\n", out->s[out->n - 1]) != NULL)
		out->s[--out->n] = '\0';
	return out->n > 0 && !is_blank(out->s);
}

bool
chat_is_public(const json_t *message)
{
	const char *kind = json_string_value(json_object_get(message, "kind"));

	return kind != NULL && strcmp(kind, "note") != 0 && strcmp(kind, "whisper") != 0;
}

/* ---- card numbers ---- */

static int
side_of(enum chat_from from)
{
	return from == FROM_CUSTOMER ? 0 : 1;
}

static bool
has_digit(const char *text)
{
	return strpbrk(text, "0123456789") != NULL;
}

static void
remember_digits(struct chat *chat, int side, int64_t seq)
{
	if (chat->n_digits == CHAT_DIGITS_KEPT) {
		memmove(chat->digits, chat->digits + 1,
			sizeof chat->digits - sizeof chat->digits[0]);
		chat->n_digits--;
	}
	chat->digits[chat->n_digits].seq = seq;
	chat->digits[chat->n_digits++].side = side;
}

/* ---- messages that come again ---- */

/* Ids of one side are none of the other's. */
static void
key_of(char out[CHAT_KEY_TEXT + 16], const struct chat_say *say)
{
	snprintf(
		out, CHAT_KEY_TEXT + 16, "%c:%s", chat_from_name[say->from][0], say->key);
}

static struct chat_repeat *
repeat_of(struct chat *chat, const char *key)
{
	for (int i = chat->n_repeats - 1; i >= 0; i--)
		if (strcmp(chat->repeat[i]->key, key) == 0)
			return chat->repeat[i];
	return NULL;
}

static void
remember_repeat(struct chat *chat, const char *key, const struct redact_join *before)
{
	struct chat_repeat *one;

	if (strlen(key) >= sizeof one->key)
		return;
	if (chat->n_repeats < CHAT_REPEATS_MAX) {
		one = xmalloc(sizeof *one);
	} else {
		one = chat->repeat[0];
		memmove(chat->repeat, chat->repeat + 1,
			(CHAT_REPEATS_MAX - 1) * sizeof(struct chat_repeat *));
		chat->n_repeats--;
	}
	memcpy(one->key, key, strlen(key) + 1);
	one->before = *before;
	one->masked = false;
	chat->repeat[chat->n_repeats++] = one;
}

/* Redacts the text over the joins of messages. Returns what redact_message does. */
static bool
redact_said(struct chat *chat, const struct chat_say *say, const char *key,
	struct text *out, int *earlier_digits)
{
	int side = side_of(say->from);
	size_t n = strlen(say->text);
	struct chat_repeat *known = repeat_of(chat, key);
	struct redact_join before = known != NULL ? known->before : chat->join;
	struct redact_found found = {0};
	bool cut;

	if (known != NULL) {
		/* As the first time; what came after it stands. */
		cut = redact_message(&before, side, say->text, n, out, &found);
		*earlier_digits = known->masked ? 0 : found.earlier_digits;
		return cut;
	}
	cut = redact_message(&chat->join, side, say->text, n, out, &found);
	if (cut || has_digit(say->text))
		remember_repeat(chat, key, &before);
	*earlier_digits = found.earlier_digits;
	return cut;
}

static json_t *
message_of(const struct redisReply *r, int64_t seq)
{
	json_t *message = r != NULL && r->type == REDIS_REPLY_STRING
				  ? json_loadb(r->str, r->len, 0, NULL)
				  : NULL;

	if (message != NULL)
		json_object_set_new(message, "seq", json_integer(seq));
	return message;
}

static void
amend(struct chats *chats, struct chat *chat, int64_t seq, json_t *message)
{
	struct chat_op *op = chat_op_create(chat, NULL);
	struct text text = {0};
	char number[24];

	json_object_del(message, "seq");
	json_write(&text, message);
	snprintf(number, sizeof number, "%" PRId64, seq);
	if (!chat_call(chats, op, "amend", false, 2, (const char *[]){number, text.s}))
		log_error("chat: a card number in two messages could not be taken out "
			  "chat=%s seq=%" PRId64,
			chat->id, seq);
	text_finish(&text);
	json_object_set_new(message, "seq", json_integer(seq));
	chat_tell(chats, chat, "chat.amended",
		json_pack("{s:I, s:O}", "seq", (json_int_t)seq, "text",
			json_object_get(message, "text")));
	chat_tell_staff(chats, chat, "chat.amended",
		json_pack("{s:I, s:O}", "message_seq", (json_int_t)seq, "text",
			json_object_get(message, "text")));
}

/* Newest first: their last digits belong to a card number that a later one completed.
 * op->number: how many; op->message: the numbers of these messages. */
static void
on_earlier(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	int digits = (int)op->number;

	if (chat == NULL || reply == NULL || reply->type != REDIS_REPLY_ARRAY)
		return;
	for (size_t i = 0; i < reply->elements && digits > 0; i++) {
		int64_t seq = json_integer_value(json_array_get(op->message, i));
		json_t *message = message_of(reply->element[i], seq);
		const char *text = json_string_value(json_object_get(message, "text"));
		struct text masked = {0};
		int n;

		if (text == NULL) {
			json_decref(message);
			continue;
		}
		n = redact_ending(text, strlen(text), digits, &masked);
		digits -= n;
		if (n > 0) {
			json_object_set_new(message, "text",
				json_stringn_nocheck(masked.s, masked.n));
			amend(chats, chat, seq, message);
		}
		text_finish(&masked);
		json_decref(message);
	}
}

static void
mask_earlier(struct chats *chats, struct chat *chat, int side, int digits)
{
	struct chat_op *op = chat_op_create(chat, NULL);
	char field[CHAT_DIGITS_KEPT][24];
	const char *fields[CHAT_DIGITS_KEPT];
	int n = 0;

	op->fn = on_earlier;
	op->number = digits;
	op->message = json_array();
	for (int i = chat->n_digits - 1; i >= 0; i--) {
		if (chat->digits[i].side != side)
			continue;
		snprintf(field[n], sizeof field[n], "m:%" PRId64, chat->digits[i].seq);
		fields[n] = field[n];
		n++;
		json_array_append_new(op->message, json_integer(chat->digits[i].seq));
	}
	if (n == 0)
		chat_op_destroy(op);
	else if (!chat_read(chats, op, "HMGET", n, fields))
		log_error("chat: a card number in several messages could not be taken "
			  "out chat=%s",
			chat->id);
}

/* ---- showing ---- */

static enum chat_from
from_of(const json_t *message)
{
	const char *name = json_string_value(json_object_get(message, "from"));

	for (int i = 0; i < 4; i++)
		if (name != NULL && strcmp(chat_from_name[i], name) == 0)
			return (enum chat_from)i;
	return FROM_SYSTEM;
}

/* What is shown: `at` as text. */
static json_t *
shown(const json_t *message)
{
	json_t *copy = json_copy((json_t *)message);
	char at[MOMENT_TEXT];

	json_t *file;

	moment_format(at, json_integer_value(json_object_get(message, "at")));
	json_object_set_new(copy, "at", json_string(at));
	file = json_copy(json_object_get(message, "file"));
	if (file != NULL) {
		json_object_del(file, "blob"); /* where it lies is nobody's to know */
		json_object_set_new(copy, "file", file);
	}
	return copy;
}

static void
show(struct chats *chats, struct chat *chat, const json_t *message)
{
	int64_t seq = json_integer_value(json_object_get(message, "seq"));
	int64_t at_ms = json_integer_value(json_object_get(message, "at"));
	const char *text = json_string_value(json_object_get(message, "text"));
	enum chat_from from = from_of(message);
	bool asked = chat->asked_ms != 0;

	chat->last_seq = seq;
	if (chat_is_public(message)) {
		chat_heard(chat, from, at_ms, seq);
		chat_tell(chats, chat, "chat.message", shown(message));
		/* What he says is an answer to the question whether he is there. */
		if (asked && chat->asked_ms == 0)
			chat_tell_state(chats, chat);
	}
	if (text != NULL && has_digit(text) && from != FROM_SYSTEM)
		remember_digits(chat, side_of(from), seq);
	chat_tell_staff(chats, chat, "chat.message",
		json_pack("{s:o}", "message", shown(message)));
	if (from == FROM_CUSTOMER)
		chat_suggest(chats, chat, message);
}

/* ---- what is missing ---- */

static void
on_missing(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	int64_t first = op->number;

	if (chat == NULL)
		return;
	chat->filling = false;
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
		return;
	for (size_t i = 0; i < reply->elements; i++) {
		int64_t seq = first + (int64_t)i;
		json_t *message = message_of(reply->element[i], seq);

		if (message == NULL)
			break;
		if (seq == chat->last_seq + 1)
			show(chats, chat, message);
		json_decref(message);
		if (i + 1 == reply->elements)
			chat_fill(chats, chat);
	}
}

static void
on_newest(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	char field[FILL_MOST][24];
	const char *fields[FILL_MOST];
	int64_t newest;
	struct chat_op *next;
	int n = 0;

	if (chat == NULL)
		return;
	chat->filling = false;
	if (reply == NULL || reply->type != REDIS_REPLY_STRING)
		return;
	newest = strtoll(reply->str, NULL, 10);
	chat->unsure = newest > chat->last_seq;
	if (!chat->unsure)
		return;
	for (int64_t seq = chat->last_seq + 1; seq <= newest && n < FILL_MOST; seq++) {
		snprintf(field[n], sizeof field[n], "m:%" PRId64, seq);
		fields[n] = field[n];
		n++;
	}
	next = chat_op_create(chat, NULL);
	next->fn = on_missing;
	next->number = chat->last_seq + 1;
	chat->filling = chat_read(chats, next, "HMGET", n, fields);
}

void
chat_fill(struct chats *chats, struct chat *chat)
{
	struct chat_op *op;

	chat->unsure = true;
	if (chat->filling)
		return;
	op = chat_op_create(chat, NULL);
	op->fn = on_newest;
	chat->filling = chat_read(chats, op, "HGET", 1, (const char *[]){"n"});
}

/* ---- writing ---- */

static void
acknowledge(const struct chat_op *op, int64_t seq)
{
	char at[MOMENT_TEXT];

	if (op->rpc == NULL)
		return;
	moment_format(at, json_integer_value(json_object_get(op->message, "at")));
	rpc_answer(op->rpc, op->tag,
		json_pack("{s:b, s:I, s:s}", "accepted", true, "seq", (json_int_t)seq,
			"at", at));
}

static void
on_said(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	int64_t seq;

	if (reply == NULL) {
		chat_refuse_away(op->rpc, op->tag);
		/* Nor may earlier messages have been masked. */
		for (int i = 0; chat != NULL && i < chat->n_repeats; i++)
			chat->repeat[i]->masked = false;
		if (chat != NULL)
			chat->unsure = true;
		return;
	}
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
		if (op->rpc != NULL && reply->type == REDIS_REPLY_INTEGER &&
			reply->integer < 0)
			rpc_refuse(op->rpc, op->tag, RPC_ADMISSION, "chat_full",
				"This chat has as many messages as a chat may have: "
				"begin a new one.",
				NULL);
		else if (op->rpc != NULL)
			rpc_refuse(op->rpc, op->tag, RPC_NOT_FOUND, "no_chat",
				"This chat is no longer kept: begin a new one.", NULL);
		return;
	}
	seq = reply->element[0]->integer;
	acknowledge(op, seq);
	if (chat == NULL || reply->element[1]->integer == 1) {
		/* Known already; was it ever shown? */
		if (chat != NULL && seq > chat->last_seq)
			chat_fill(chats, chat);
		return;
	}
	chats->counts.messages++;
	json_object_set_new(op->message, "seq", json_integer(seq));
	if (seq == chat->last_seq + 1 && !chat->filling)
		show(chats, chat, op->message);
	else if (seq > chat->last_seq)
		chat_fill(chats, chat);
}

/* The message as it is kept; redacted. */
static json_t *
message_json(struct chats *chats, struct chat *chat, const struct chat_say *say,
	const char *key, int *earlier_digits)
{
	json_t *message = json_pack("{s:s, s:s, s:s, s:I}", "from",
		chat_from_name[say->from], "kind", say->kind, "id", say->key, "at",
		(json_int_t)chats_now(chats));

	*earlier_digits = 0;
	if (say->name != NULL)
		json_object_set_new(message, "name", json_string(say->name));
	if (say->text != NULL) {
		struct text text = {0};
		bool out = redact_said(chat, say, key, &text, earlier_digits);

		json_object_set_new(
			message, "text", json_stringn_nocheck(text.s, text.n));
		if (out)
			json_object_set_new(message, "redacted", json_true());
		text_finish(&text);
	}
	if (say->more != NULL) {
		json_object_update(message, say->more);
		json_decref(say->more);
	}
	return message;
}

void
chat_say(struct chats *chats, struct chat *chat, const struct chat_say *say,
	struct chat_op *op)
{
	char key[CHAT_KEY_TEXT + 16], at[24], most[16];
	struct text text = {0};
	int earlier_digits;
	const char *who = strcmp(say->kind, "note") == 0 ||
					  strcmp(say->kind, "whisper") == 0 ||
					  say->from == FROM_SYSTEM
				  ? "system"
			  : say->from == FROM_CUSTOMER ? "customer"
						       : "agent";

	if (op == NULL)
		op = chat_op_create(chat, NULL);
	op->fn = on_said;
	key_of(key, say);
	op->message = message_json(chats, chat, say, key, &earlier_digits);
	snprintf(at, sizeof at, "%" PRId64,
		(int64_t)json_integer_value(json_object_get(op->message, "at")));
	snprintf(most, sizeof most, "%d", chats->settings->messages_most);
	json_write(&text, op->message);
	if (!chat_call(chats, op, "say", false, 5,
		    (const char *[]){key, text.s, who, at, most}))
		log_debug("chat: not kept, Redis is away chat=%s", chat->id);
	else if (earlier_digits > 0) {
		struct chat_repeat *mine = repeat_of(chat, key);

		mask_earlier(chats, chat, side_of(say->from), earlier_digits);
		if (mine != NULL)
			mine->masked = true;
	}
	text_finish(&text);
}

void
chat_say_event(struct chats *chats, struct chat *chat, const char *code, int64_t at_ms,
	json_t *more)
{
	json_t *members = more != NULL ? more : json_object();
	char key[64];
	struct chat_say say = {
		.from = FROM_SYSTEM, .kind = "event", .key = key, .more = members};

	snprintf(key, sizeof key, "%s-%" PRId64, code, at_ms);
	json_object_set_new(members, "code", json_string(code));
	chat_say(chats, chat, &say, NULL);
}

/* ---- reading ---- */

/* op->number: the first; op->message: what the answer holds besides; op->contact: 1 when
 * the customer may not see all. */
static void
on_messages(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	json_t *list, *answer = json_incref(op->message);
	int64_t seq = op->number;
	size_t bytes = 0, i = 0;

	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
		chat_refuse_away(op->rpc, op->tag);
		json_decref(answer);
		return;
	}
	list = json_array();
	for (; i < reply->elements && bytes < RPC_REPLY_MAX / 2; i++, seq++) {
		json_t *message = message_of(reply->element[i], seq);

		if (message == NULL)
			break;
		if (op->contact == 0 || chat_is_public(message)) {
			json_array_append_new(list, shown(message));
			bytes += reply->element[i]->len;
		}
		json_decref(message);
	}
	/* What has happened while they were read was told already: nothing older now. */
	if (chat != NULL && json_object_get(answer, "state") != NULL)
		json_object_set_new(answer, "state", chat_view(chats, chat));
	json_object_set_new(answer, "messages", list);
	json_object_set_new(answer, "next", json_integer(seq - 1));
	json_object_set_new(
		answer, "more", json_boolean(chat != NULL && seq - 1 < chat->last_seq));
	rpc_answer(op->rpc, op->tag, answer);
}

void
chat_answer_messages(struct chats *chats, struct chat *chat, struct chat_op *op,
	int64_t after, bool all, json_t *base)
{
	char field[CHAT_PAGE][24];
	const char *fields[CHAT_PAGE];
	int n = 0;

	if (after < 0 || after > chat->last_seq)
		after = chat->last_seq;
	for (int64_t seq = after + 1; n < CHAT_PAGE && seq <= chat->last_seq; seq++) {
		snprintf(field[n], sizeof field[n], "m:%" PRId64, seq);
		fields[n] = field[n];
		n++;
	}
	if (n == 0) {
		json_object_set_new(base, "messages", json_array());
		json_object_set_new(base, "next", json_integer(after));
		json_object_set_new(base, "more", json_false());
		rpc_answer(op->rpc, op->tag, base);
		chat_op_destroy(op);
		return;
	}
	op->fn = on_messages;
	op->number = after + 1;
	op->contact = all ? 0 : 1;
	op->message = base;
	if (!chat_read(chats, op, "HMGET", n, fields))
		log_debug("chat: not read, Redis is away");
}

void
chat_mark_read(struct chats *chats, struct chat *chat, bool customer, int64_t seq)
{
	int64_t *mark = customer ? &chat->read_customer : &chat->read_agent;
	char value[24];

	if (seq > chat->last_seq)
		seq = chat->last_seq;
	if (seq <= *mark)
		return;
	*mark = seq;
	snprintf(value, sizeof value, "%" PRId64, seq);
	/* A mark that goes lost is set again by the next one. */
	chat_write(chats, chat, "set", false, 2,
		(const char *[]){customer ? "read:customer" : "read:agent", value});
	if (customer)
		chat_tell_staff(chats, chat, "chat.read",
			json_pack("{s:s, s:I}", "who", "customer", "message_seq",
				(json_int_t)seq));
	else
		chat_tell(chats, chat, "chat.read",
			json_pack("{s:I}", "seq", (json_int_t)seq));
}
