/* intake/chat_visit.c - what a customer may say to his chat (docs/chat.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "intake/chat_inner.h"

/* ---- what he is told ---- */

bool
chat_place(const struct chats *chats, const struct chat *chat, struct estimate *e)
{
	struct router *router = chats->parts.router;
	int64_t now_ms = chats_now(chats);

	if (router_estimate(router, now_ms, chat->contact, e))
		return true;
	/* An agent is looking at it: nobody is before it any more. */
	*e = (struct estimate){.likely_ms = -1, .low_ms = -1, .high_ms = -1};
	return router_contact_state(router, chat->contact) == CONTACT_OFFERED;
}

static void
put_place(struct chats *chats, const struct chat *chat, json_t *o)
{
	struct estimate e;

	if (!chat_place(chats, chat, &e))
		return;
	json_object_set_new(o, "position", json_integer((json_int_t)e.position));
	if (e.waited_ms > 0)
		json_object_set_new(
			o, "waited_ms", json_integer((json_int_t)e.waited_ms));
	if (e.likely_ms >= 0)
		json_object_set_new(o, "estimated_wait_ms",
			json_pack("{s:I, s:I, s:I}", "low", (json_int_t)e.low_ms,
				"likely", (json_int_t)e.likely_ms, "high",
				(json_int_t)e.high_ms));
}

json_t *
chat_view(struct chats *chats, const struct chat *chat)
{
	json_t *o = json_pack("{s:s}", "stage", chat_stage_name[chat->stage]);
	const char *name;

	if (chat->stage == CHAT_WAITING) {
		put_place(chats, chat, o);
		if (chat->other_told)
			json_object_set_new(o, "alternatives",
				chat_alternatives(
					chats, router_contact_queue(chats->parts.router,
						       chat->contact)));
	}
	if (chat->stage == CHAT_TALKING) {
		name = chat_agent_name(chats, chat->agent);
		json_object_set_new(o, "agent",
			name != NULL ? json_pack("{s:s}", "name", name) : json_object());
		if (chat->asked_ms != 0)
			json_object_set_new(o, "asked", json_true());
	}
	if (chat->stage == CHAT_OVER) {
		json_object_set_new(o, "reason", json_string(chat->reason));
		json_object_set_new(o, "may_rate",
			json_boolean(chat->agent_ms != 0 && chat->rating == 0));
	}
	return o;
}

/* ---- resume ---- */

static void
on_resume(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct visitor *visitor = chats_visitor(chats, call->who);
	const char *token = rpc_text(call, "token"), *id = rpc_text(call, "chat");
	struct chat *chat;

	if (visitor == NULL)
		return;
	if (!chats->loaded) {
		chat_refuse_away(call->rpc, call->tag);
		return;
	}
	if (strlen(id) >= CHAT_ID_TEXT ||
		!ticket_is_valid(chats->parts.secret, id, chats_now(chats), token)) {
		rpc_refuse(call->rpc, call->tag, RPC_IDENTITY, "token_wrong",
			"The token does not fit this chat, or is too old: begin a new "
			"one.",
			NULL);
		return;
	}
	chat = chat_find(chats, id);
	if (chat == NULL || chat->contact == 0) {
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_chat",
			"This chat is no longer kept: begin a new one.", NULL);
		return;
	}
	chat_attach(chats, chat, visitor);
	chats->counts.resumed++;
	chat_answer_messages(chats, chat, chat_op_create(chat, call),
		rpc_integer(call, "after", 0), false, chat_entry(chats, chat));
}

static void
on_history(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);

	if (chat != NULL)
		chat_answer_messages(chats, chat, chat_op_create(chat, call),
			rpc_integer(call, "after", 0), false, json_object());
}

/* ---- messages ---- */

static bool
may_speak(struct chats *chats, const struct chat *chat, const struct rpc_call *call)
{
	if (chat->stage != CHAT_OVER)
		return true;
	rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "chat_over",
		"This chat has ended: begin a new one.", NULL);
	return false;
}

static void
on_say(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);
	struct chat_say say = {.from = FROM_CUSTOMER, .kind = "text"};
	struct text text = {0};

	if (chat == NULL || !may_speak(chats, chat, call))
		return;
	if (!chat_clean(rpc_text(call, "text"), &text)) {
		rpc_refuse_param(call->rpc, call->tag, "text", "says nothing");
	} else if (!chat_pay(&chat->bucket, chats->settings->messages_per_second,
			   chats->settings->messages_burst)) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "rate_limited",
			"That was too fast: send it again in a moment, with the same id.",
			json_pack("{s:i}", "retry_after_ms", 1000));
	} else {
		say.key = rpc_text(call, "id");
		say.name = json_string_value(json_object_get(chat->about, "name"));
		say.text = text.s;
		chat_say(chats, chat, &say, chat_op_create(chat, call));
	}
	text_finish(&text);
}

static void
on_typing(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);

	if (chat == NULL)
		return;
	/* One who types is there. */
	if (!chat->agents_turn && chat->asked_ms == 0)
		chat->turn_ms = chats_now(chats);
	if (chat->stage == CHAT_TALKING)
		chat_tell_staff(chats, chat, "chat.typing",
			json_pack("{s:b}", "on", (int)rpc_flag(call, "on", true)));
	rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
}

static void
on_read(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);

	if (chat == NULL)
		return;
	chat_mark_read(chats, chat, true, rpc_integer(call, "seq", 0));
	rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
}

/* "I am here": the silence begins anew. */
static void
on_here(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);

	if (chat == NULL)
		return;
	if (chat->asked_ms != 0 && chat->stage == CHAT_TALKING) {
		chat->asked_ms = 0;
		chat->turn_ms = chats_now(chats);
		chat_tell_state(chats, chat);
	}
	rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
}

/* ---- leaving ---- */

static void
on_leave(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_call(chats, call);

	if (chat == NULL)
		return;
	if (chat->stage == CHAT_OVER)
		rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
	else
		chat_leave(chats, chat, "customer", chat_op_create(chat, call));
}

static void
on_ping(void *owner, const struct rpc_call *call)
{
	rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
}

/* ---- the table ---- */

#define EVERYBODY                                                                        \
	RPC_MAY(RPC_NOBODY) /* a customer is known by his chat, not by a role            \
			     */

#define KEY(name)                                                                        \
	{                                                                                \
		name, RPC_NAME, .required = true                                         \
	}

static const struct rpc_param none[] = {{NULL}};
static const struct rpc_param hello[] = {
	{"language", RPC_TEXT, .most = 16},
	{NULL},
};
static const struct rpc_param start[] = {
	{"client_id", RPC_TEXT, .required = true, .most = 64},
	{"name", RPC_TEXT, .most = CHAT_NAME_MAX},
	{"email", RPC_TEXT, .most = 254},
	{"phone", RPC_TEXT, .most = 32},
	{"topic", RPC_TEXT, .most = 128},
	{"language", RPC_TEXT, .most = 16},
	{"question", RPC_TEXT, .most = CHAT_TEXT_MAX},
	{"page", RPC_ANY},
	{"fields", RPC_ANY},
	{"identity", RPC_ANY},
	{NULL},
};
static const struct rpc_param write_params[] = {
	{"client_id", RPC_TEXT, .required = true, .most = 64},
	{"name", RPC_TEXT, .most = CHAT_NAME_MAX},
	{"email", RPC_TEXT, .most = 254},
	{"phone", RPC_TEXT, .most = 32},
	{"topic", RPC_TEXT, .most = 128},
	{"language", RPC_TEXT, .most = 16},
	{"text", RPC_TEXT, .required = true, .most = CHAT_TEXT_MAX},
	{"page", RPC_ANY},
	{"fields", RPC_ANY},
	{"identity", RPC_ANY},
	{NULL},
};
static const struct rpc_param resume[] = {
	KEY("chat"),
	{"token", RPC_TEXT, .required = true, .most = TICKET_TEXT},
	{"after", RPC_INTEGER, .least = 0, .most = INT32_MAX},
	{NULL},
};
static const struct rpc_param history[] = {
	{"after", RPC_INTEGER, .least = 0, .most = INT32_MAX},
	{NULL},
};
static const struct rpc_param say_params[] = {
	KEY("id"),
	{"text", RPC_TEXT, .required = true, .most = CHAT_TEXT_MAX},
	{NULL},
};
static const struct rpc_param typing[] = {
	{"on", RPC_BOOLEAN},
	{NULL},
};
static const struct rpc_param read_params[] = {
	{"seq", RPC_INTEGER, .required = true, .least = 0, .most = INT32_MAX},
	{NULL},
};
static const struct rpc_param upload[] = {
	KEY("id"),
	{"name", RPC_TEXT, .required = true, .most = 128},
	{"size", RPC_INTEGER, .required = true, .least = 1, .most = INT32_MAX},
	{"part", RPC_INTEGER, .required = true, .least = 0, .most = 4096},
	{"data", RPC_TEXT, .required = true, .most = CHAT_PART_MAX},
	{NULL},
};
static const struct rpc_param file[] = {
	{"seq", RPC_INTEGER, .required = true, .least = 1, .most = INT32_MAX},
	{NULL},
};
static const struct rpc_param transcript[] = {
	RPC_ITS_ID,
	{"email", RPC_TEXT, .most = 254},
	{NULL},
};
static const struct rpc_param rate[] = {
	{"score", RPC_INTEGER, .required = true, .least = 1, .most = 5},
	{"comment", RPC_TEXT, .most = 1024},
	{NULL},
};
static const struct rpc_param convert[] = {
	RPC_ITS_ID,
	{"to", RPC_WORD, .required = true, .words = "callback|email"},
	{"phone", RPC_TEXT, .most = 32},
	{"email", RPC_TEXT, .most = 254},
	{"text", RPC_TEXT, .most = CHAT_TEXT_MAX},
	{NULL},
};

const struct rpc_command chat_visit_commands[] = {
	{"chat.hello", EVERYBODY, hello, chat_on_hello,
		"Whether chats are open, what to ask before one, and what else there "
		"is."},
	{"chat.start", EVERYBODY, start, chat_on_start,
		"Begins a chat. The same client_id again finds the same chat."},
	{"chat.write", EVERYBODY, write_params, chat_on_write,
		"Leaves a message that is answered by mail, instead of a chat. The same "
		"client_id again is the same message."},
	{"chat.resume", EVERYBODY, resume, on_resume,
		"Takes a chat up again by its token; messages after `after` come with "
		"the "
		"answer."},
	{"chat.history", EVERYBODY, history, on_history,
		"Messages after a number, at most 100."},
	{"chat.say", EVERYBODY, say_params, on_say,
		"A message. Its id is the customer's own; the same id twice is one "
		"message."},
	{"chat.typing", EVERYBODY, typing, on_typing,
		"The customer types, or has stopped."},
	{"chat.read", EVERYBODY, read_params, on_read,
		"The customer has seen everything up to this message."},
	{"chat.here", EVERYBODY, none, on_here,
		"Answers the question whether somebody is still there."},
	{"chat.leave", EVERYBODY, none, on_leave, "The customer ends the chat."},
	{"chat.upload", EVERYBODY, upload, chat_on_upload,
		"A file, in parts of base64; the last part's answer has its message."},
	{"chat.file", EVERYBODY, file, chat_on_file,
		"A token by which a file of this chat is fetched over HTTP."},
	{"chat.transcript", EVERYBODY, transcript, chat_on_transcript,
		"Sends what was said by mail."},
	{"chat.rate", EVERYBODY, rate, chat_on_rate,
		"How satisfied the customer is, once the chat has ended."},
	{"chat.convert", EVERYBODY, convert, chat_on_convert,
		"Asks to be called or written to instead; the place is kept."},
	{"chat.ping", EVERYBODY, none, on_ping, "Says that the page is still there."},
};
const int chat_n_visit_commands =
	(int)(sizeof chat_visit_commands / sizeof *chat_visit_commands);
