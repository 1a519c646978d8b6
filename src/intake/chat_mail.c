/*
 * intake/chat_mail.c - what a chat leaves behind or turns into: its transcript by mail,
 * the customer's rating, a call-me request or an e-mail case.
 *
 * A transcript that is asked for while the chat goes on is sent at its end. Its mail has
 * an id of its own, so it is sent once however often that is tried.
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mail.h"
#include "intake/chat_inner.h"

#define TRANSCRIPT_MAX 114688 /* bytes; what comes behind is left out, and said so */
#define TRANSCRIPTS_MAX 2     /* of one chat: a stranger's address is not ours to fill */
#define MAIL_AGAIN_MS 3000    /* until a transcript that was not taken is tried again */
#define TRANSCRIPT_PAGE 200   /* messages read at once */

bool
chat_can_mail(const struct chats *chats)
{
	return chats->parts.mail != NULL && chats->parts.mails(chats->parts.owner);
}

/* ---- the transcript ---- */

struct transcript {
	char *to, *id; /* owned */
	struct text text;
};

static const char *
label_of(const json_t *message)
{
	const char *name = json_string_value(json_object_get(message, "name"));

	return name != NULL ? name : json_string_value(json_object_get(message, "from"));
}

static void
add_line(struct text *out, const json_t *message)
{
	time_t at = (time_t)(json_integer_value(json_object_get(message, "at")) / 1000);
	const char *text = json_string_value(json_object_get(message, "text"));
	const char *code = json_string_value(json_object_get(message, "code"));
	const char *file = json_string_value(
		json_object_get(json_object_get(message, "file"), "name"));
	struct tm tm;
	char when[32];

	gmtime_r(&at, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
	if (text != NULL)
		text_addf(out, "[%s UTC] %s:\n%s\n\n", when, label_of(message), text);
	else if (file != NULL)
		text_addf(
			out, "[%s UTC] %s: (file) %s\n\n", when, label_of(message), file);
	else if (code != NULL)
		text_addf(out, "[%s UTC] -- %s %s\n\n", when, code,
			json_string_value(json_object_get(message, "name")) != NULL
				? json_string_value(json_object_get(message, "name"))
				: "");
}

static void
transcript_destroy(struct transcript *t)
{
	free(t->to);
	free(t->id);
	text_finish(&t->text);
	free(t);
}

static void read_on(
	struct chats *chats, struct chat *chat, struct transcript *t, int64_t after);

static void
mail_transcript(struct chats *chats, struct chat *chat, struct transcript *t)
{
	const char *language =
		json_string_value(json_object_get(chat->about, "language"));
	const char *title = chats->settings->title;
	struct chat_letter letter = {.id = t->id,
		.contact = chat->contact,
		.to = t->to,
		.language = language != NULL ? language : "",
		.subject = title != NULL ? title : "Chat transcript",
		.text = t->text.s};

	if (!chats->parts.mail(chats->parts.owner, &letter))
		log_warn("chat: the transcript waits, the mail does not take it chat=%s",
			chat->id);
	else {
		log_info("chat: transcript handed to the mail chat=%s", chat->id);
		free(chat->mail_to);
		chat->mail_to = NULL;
		chat_save(chats, chat);
	}
}

static void
on_page(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	struct transcript *t = op->data;
	size_t i = 0;

	if (chat == NULL || reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
		log_warn("chat: the transcript could not be read chat=%s", op->chat);
		transcript_destroy(t);
		return;
	}
	for (; i < reply->elements && t->text.n < TRANSCRIPT_MAX; i++) {
		const struct redisReply *r = reply->element[i];
		json_t *message = r->type == REDIS_REPLY_STRING
					  ? json_loadb(r->str, r->len, 0, NULL)
					  : NULL;

		if (message != NULL && chat_is_public(message))
			add_line(&t->text, message);
		json_decref(message);
	}
	if (t->text.n >= TRANSCRIPT_MAX)
		text_add(&t->text, "[...]\n");
	if (t->text.n < TRANSCRIPT_MAX && op->number + (int64_t)i <= chat->last_seq) {
		read_on(chats, chat, t, op->number + (int64_t)i - 1);
		return;
	}
	mail_transcript(chats, chat, t);
	transcript_destroy(t);
}

static void
read_on(struct chats *chats, struct chat *chat, struct transcript *t, int64_t after)
{
	struct chat_op *op = chat_op_create(chat, NULL);
	char field[TRANSCRIPT_PAGE][24];
	const char *fields[TRANSCRIPT_PAGE];
	int n = 0;

	for (int64_t seq = after + 1; n < TRANSCRIPT_PAGE && seq <= chat->last_seq;
		seq++) {
		snprintf(field[n], sizeof field[n], "m:%" PRId64, seq);
		fields[n] = field[n];
		n++;
	}
	op->fn = on_page;
	op->number = after + 1;
	op->data = t;
	if (n == 0 || !chat_read(chats, op, "HMGET", n, fields)) {
		if (n == 0)
			chat_op_destroy(op);
		transcript_destroy(t);
	}
}

void
chat_send_transcript(struct chats *chats, struct chat *chat)
{
	struct transcript *t;

	/* Tried again until it was taken; it has the same name each time. */
	if (chat->mail_to == NULL || !chat_can_mail(chats) ||
		chats_now(chats) < chat->mail_again_ms)
		return;
	chat->mail_again_ms = chats_now(chats) + MAIL_AGAIN_MS;
	t = xcalloc(1, sizeof *t);
	t->to = xstrdup(chat->mail_to);
	t->id = xasprintf("transcript-%s-%d", chat->id, chat->transcripts);
	read_on(chats, chat, t, 0);
}

/* Takes the address down; false: refused. */
static bool
take_address(struct chats *chats, struct chat *chat, const struct rpc_call *call)
{
	const char *to = rpc_text(call, "email");

	if (to == NULL)
		to = json_string_value(json_object_get(chat->about, "email"));
	if (!chat_can_mail(chats)) {
		rpc_refuse(call->rpc, call->tag, RPC_ADMISSION, "no_mail",
			"This centre sends no transcripts.", NULL);
		return false;
	}
	if (to == NULL || !mailer_address_valid(to)) {
		rpc_refuse_param(call->rpc, call->tag, "email",
			"must be an address such as ann@example.com");
		return false;
	}
	if (chat->agent_ms == 0) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			"There is nothing to send: nobody has answered.", NULL);
		return false;
	}
	if (chat->transcripts >= TRANSCRIPTS_MAX) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "rate_limited",
			"The transcript was sent as often as it is sent.", NULL);
		return false;
	}
	chat->transcripts++;
	free(chat->mail_to);
	chat->mail_to = xstrdup(to);
	return true;
}

static void
ask_for_transcript(struct chats *chats, struct chat *chat, const struct rpc_call *call)
{
	bool now = chat->stage == CHAT_OVER;

	if (!take_address(chats, chat, call))
		return;
	chat->mail_again_ms = 0;
	chat_save(chats, chat);
	if (now)
		chat_send_transcript(chats, chat);
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:b, s:s}", "accepted", true, "when", now ? "now" : "end"));
}

void
chat_on_transcript(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);

	if (chat != NULL)
		ask_for_transcript(chats, chat, call);
}

void
chat_staff_mail(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_staff_called(chats, call);

	if (chat != NULL)
		ask_for_transcript(chats, chat, call);
}

/* ---- satisfaction ---- */

void
chat_on_rate(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);
	struct chat_say say = {.from = FROM_SYSTEM, .kind = "note", .key = "rating"};
	const char *comment = rpc_text(call, "comment");
	struct text text = {0};

	if (chat == NULL)
		return;
	if (chat->stage != CHAT_OVER || chat->agent_ms == 0) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			"A chat is rated once it has ended and somebody answered.", NULL);
		return;
	}
	if (chat->rating != 0) {
		rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
		return;
	}
	chat->rating = (int)rpc_integer(call, "score", 0);
	chat_save(chats, chat);
	say.more = json_pack("{s:s, s:i}", "code", "rated", "score", chat->rating);
	if (comment != NULL && chat_clean(comment, &text))
		say.text = text.s;
	chat_say(chats, chat, &say, chat_op_create(chat, call));
	text_finish(&text);
}

/* ---- another channel ---- */

static void
on_swapped(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct chats *chats = owner;
	struct chat_op *op = idmap_remove(&chats->ops, tag);
	struct chat *chat = op != NULL ? chat_find(chats, op->chat) : NULL;
	json_t *answer;

	if (op == NULL)
		return;
	if (outcome->kind != OUTCOME_OK) {
		if (chat != NULL)
			chat->reason[0] = '\0';
		rpc_refuse(op->rpc, op->tag, RPC_CONFLICT, outcome_name(outcome->kind),
			outcome->message != NULL ? outcome->message
						 : "That cannot be done now.",
			NULL);
		chat_op_destroy(op);
		return;
	}
	answer = json_pack("{s:b}", "accepted", true);
	if (op->message != NULL)
		json_object_update(answer, op->message);
	rpc_answer(op->rpc, op->tag, answer);
	if (chat != NULL)
		chat_end(chats, chat, "converted");
	chat_op_destroy(op);
}

static void
convert(struct chats *chats, struct chat *chat, const struct rpc_call *call)
{
	const char *to = rpc_text(call, "to"), *given;
	struct reply reply = {.fn = on_swapped, .owner = chats};
	struct chat_swap swap = {.contact = chat->contact, .to = to};
	json_t *answer = NULL;
	struct chat_op *op;

	if (chats->parts.swap == NULL || chat->stage == CHAT_OVER ||
		chat->stage == CHAT_STARTING) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			"This chat cannot be continued otherwise.", NULL);
		return;
	}
	given = rpc_text(call, "phone");
	swap.phone = given != NULL
			     ? given
			     : json_string_value(json_object_get(chat->about, "phone"));
	given = rpc_text(call, "email");
	swap.email = given != NULL
			     ? given
			     : json_string_value(json_object_get(chat->about, "email"));
	swap.about = chat->about;
	swap.address = chat->address;
	if (strcmp(to, "email") == 0 &&
		(swap.email == NULL || !mailer_address_valid(swap.email))) {
		rpc_refuse_param(call->rpc, call->tag, "email",
			"must be an address such as ann@example.com");
		return;
	}
	if (chat->reason[0] == '\0')
		snprintf(chat->reason, sizeof chat->reason, "%s", to);
	op = chat_op_create(chat, call);
	idmap_put(&chats->ops, ++chats->last_op, op);
	reply.tag = chats->last_op;
	if (!chats->parts.swap(chats->parts.owner, &swap, &answer, reply)) {
		idmap_remove(&chats->ops, reply.tag);
		chat_op_destroy(op);
		chat->reason[0] = '\0';
		rpc_refuse(call->rpc, call->tag, RPC_ADMISSION,
			json_string_value(json_object_get(answer, "type")),
			json_string_value(json_object_get(answer, "message")), NULL);
		json_decref(answer);
	} else if (idmap_get(&chats->ops, reply.tag) == op) {
		op->message = answer;
	} else {
		json_decref(answer);
	}
}

void
chat_on_convert(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);

	if (chat != NULL)
		convert(chats, chat, call);
}

void
chat_staff_convert(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_staff_called(chats, call);

	if (chat != NULL)
		convert(chats, chat, call);
}
