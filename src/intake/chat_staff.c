/* intake/chat_staff.c - chats as agents and supervisors see them: methods of the desk's
 * protocol and the events that go with them (docs/chat.md, section 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "intake/chat_inner.h"

#define AGENT RPC_MAY(RPC_AGENT)
#define READERS (AGENT | RPC_WATCHERS)

/* ---- events ---- */

static json_t *
contact_json(uint64_t contact)
{
	char id[NUMBER_ID_TEXT];

	number_id_format(id, 'c', contact);
	return json_pack("{s:s}", "id", id);
}

void
chat_tell_staff(
	struct chats *chats, const struct chat *chat, const char *event, json_t *params)
{
	const struct people *people = chats->parts.people;

	if (chat->contact == 0) {
		json_decref(params);
		return;
	}
	json_object_set_new(params, "contact", contact_json(chat->contact));
	for (int i = 0; i < chat->n_watchers; i++)
		(void)people->tell_session(
			people->owner, chat->watcher[i], event, json_deep_copy(params));
	if (chat->agent >= 0)
		(void)people->tell_agent(
			people->owner, chat->agent, event, json_incref(params));
	json_decref(params);
}

/* What an offered chat and one in hand show besides the contact itself. */
json_t *
chat_member(void *owner, uint64_t contact, enum rpc_role role)
{
	struct chats *chats = owner;
	const struct chat *chat = chat_of_contact(chats, contact);
	json_t *o;

	if (chat == NULL)
		return NULL;
	o = json_pack("{s:s, s:b, s:I, s:I, s:I}", "stage", chat_stage_name[chat->stage],
		"online", chat->n_wires > 0, "last_seq", (json_int_t)chat->last_seq,
		"read", (json_int_t)chat->read_agent, "customer_read",
		(json_int_t)chat->read_customer);
	json_object_set_new(o, "verified",
		json_boolean(
			json_is_true(json_object_get(chat->about, "user_verified"))));
	if (chat->rating > 0)
		json_object_set_new(o, "rating", json_integer(chat->rating));
	if (chat->stage == CHAT_TALKING && chat->warned_ms != 0)
		json_object_set_new(
			o, "left_ms", json_integer(chat_left_ms(chats, chat)));
	return o;
}

/* ---- suggestions ---- */

static const char *
language_of(const struct chat *chat)
{
	const char *language =
		json_string_value(json_object_get(chat->about, "language"));

	return language != NULL ? language : "";
}

/* What the customer said since he was answered, as far as it is kept. */
static void
remember_words(struct chat *chat, const char *text)
{
	size_t n = strlen(text), had = strlen(chat->words);

	if (had + n + 2 > sizeof chat->words) {
		had = 0;
		if (n + 1 > sizeof chat->words)
			n = sizeof chat->words - 1;
	}
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	if (had > 0)
		chat->words[had++] = '\n';
	memcpy(chat->words + had, text, n);
	chat->words[had + n] = '\0';
}

static json_t *
proposals(struct chats *chats, const struct chat *chat)
{
	return chats->parts.propose != NULL && chats->settings->suggest &&
			       chat->words[0] != '\0'
		       ? chats->parts.propose(
				 chats->parts.owner, language_of(chat), chat->words)
		       : NULL;
}

void
chat_suggest(struct chats *chats, struct chat *chat, const json_t *message)
{
	const char *text = json_string_value(json_object_get(message, "text"));
	json_t *list;

	if (text != NULL)
		remember_words(chat, text);
	if (chat->stage != CHAT_TALKING)
		return;
	list = proposals(chats, chat);
	if (json_array_size(list) > 0)
		chat_tell_staff(chats, chat, "chat.suggested",
			json_pack("{s:I, s:O}", "message_seq",
				(json_int_t)chat->customer_seq, "proposals", list));
	json_decref(list);
}

/* ---- who may do what ---- */

/* The chat of a call in the caller's scope; NULL: refused already. */
static struct chat *
called(struct chats *chats, const struct rpc_call *call)
{
	const struct people *people = chats->parts.people;
	struct chat *chat;
	uint64_t contact;

	if (!people->contact(people->owner, call, &contact))
		return NULL;
	chat = chat_of_contact(chats, contact);
	if (chat == NULL && !chats->loaded)
		chat_refuse_away(call->rpc, call->tag); /* it may be among them */
	else if (chat == NULL)
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			"This contact is no chat of ours.", NULL);
	return chat;
}

/* The same for one who speaks with the customer. */
static struct chat *
spoken_with(struct chats *chats, const struct rpc_call *call)
{
	const struct people *people = chats->parts.people;
	struct chat *chat = called(chats, call);

	if (chat == NULL)
		return NULL;
	if (chat->stage == CHAT_TALKING &&
		chat->agent == people->agent(people->owner, call))
		return chat;
	if (chat->stage == CHAT_OVER)
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "chat_over",
			"This chat has ended; a note can still be made.", NULL);
	else
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			"You are not connected with this customer: accept the offer "
			"first.",
			NULL);
	return NULL;
}

static void
accept(const struct rpc_call *call)
{
	rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
}

/* ---- speaking ---- */

static void
say_as(struct chats *chats, struct chat *chat, const struct rpc_call *call,
	struct chat_say *say)
{
	struct text text = {0};

	if (!chat_clean(rpc_text(call, "text"), &text)) {
		rpc_refuse_param(call->rpc, call->tag, "text", "says nothing");
	} else {
		say->key = rpc_text(call, "id");
		say->text = text.s;
		chat_say(chats, chat, say, chat_op_create(chat, call));
	}
	text_finish(&text);
}

static void
on_message(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = spoken_with(chats, call);
	struct chat_say say = {.from = FROM_AGENT, .kind = "text"};

	if (chat == NULL)
		return;
	say.name = chat_agent_name(chats, chat->agent);
	chat->words[0] = '\0';
	say_as(chats, chat, call, &say);
}

/* Notes and whispers: never the customer's to see. */
static void
say_privately(struct chats *chats, const struct rpc_call *call, const char *kind)
{
	const struct people *people = chats->parts.people;
	struct chat *chat = called(chats, call);
	struct chat_say say = {.kind = kind};
	int agent;

	if (chat == NULL)
		return;
	agent = people->agent(people->owner, call);
	say.from = agent >= 0 ? FROM_AGENT : FROM_SUPERVISOR;
	say.name = agent >= 0 ? chat_agent_name(chats, agent)
			      : people->who(people->owner, call);
	say_as(chats, chat, call, &say);
}

static void
on_note(void *owner, const struct rpc_call *call)
{
	say_privately(owner, call, "note");
}

static void
on_whisper(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	const struct people *people = chats->parts.people;

	if (people->audit(people->owner, call, rpc_text(call, "contact"), "whisper"))
		say_privately(chats, call, "whisper");
}

static void
on_typing(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = spoken_with(chats, call);
	bool on = rpc_flag(call, "on", true);

	if (chat == NULL)
		return;
	/* A long answer is being written: that is no silence. */
	if (on && chat->agents_turn) {
		chat->turn_ms = chats_now(chats);
		chat->warned_ms = 0;
	}
	chat_tell(chats, chat, "chat.typing", json_pack("{s:b}", "on", (int)on));
	accept(call);
}

static void
on_read(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = called(chats, call);

	if (chat == NULL)
		return;
	if (chat->stage == CHAT_TALKING)
		chat_mark_read(chats, chat, false, rpc_integer(call, "seq", 0));
	accept(call);
}

/* ---- reading ---- */

static void
on_transcript(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	const struct people *people = chats->parts.people;
	struct chat *chat = called(chats, call);
	json_t *base;

	if (chat == NULL)
		return;
	if (call->role != RPC_AGENT &&
		!people->audit(people->owner, call, rpc_text(call, "contact"), "read"))
		return;
	base = json_pack("{s:o}", "contact", contact_json(chat->contact));
	json_object_set_new(base, "chat", chat_member(chats, chat->contact, call->role));
	chat_answer_messages(chats, chat, chat_op_create(chat, call),
		rpc_integer(call, "after", 0), true, base);
}

static void
unwatch(struct chat *chat, const char *session)
{
	int n = 0;

	for (int i = 0; i < chat->n_watchers; i++)
		if (strcmp(chat->watcher[i], session) != 0)
			memmove(chat->watcher[n++], chat->watcher[i],
				sizeof chat->watcher[i]);
	chat->n_watchers = n;
}

static void
on_watch(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	const struct people *people = chats->parts.people;
	struct chat *chat = called(chats, call);
	const char *session = people->session(people->owner, call);
	bool on = rpc_flag(call, "on", true);

	if (chat == NULL)
		return;
	unwatch(chat, session);
	if (on && chat->n_watchers == CHAT_WATCHERS_MAX) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "busy",
			"As many as may do read along with this chat.", NULL);
		return;
	}
	if (!people->audit(people->owner, call, rpc_text(call, "contact"),
		    on ? "reads along" : "reads along no more"))
		return;
	if (on)
		snprintf(chat->watcher[chat->n_watchers++], CHAT_SESSION_TEXT, "%s",
			session);
	accept(call);
}

static void
on_suggest(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = called(chats, call);
	json_t *list;

	if (chat == NULL)
		return;
	list = proposals(chats, chat);
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o}", "proposals", list != NULL ? list : json_array()));
}

static void
on_canned(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	const char *query = rpc_text(call, "query");
	const char *language = rpc_text(call, "language");
	json_t *list = NULL;

	if (chats->parts.canned != NULL)
		list = chats->parts.canned(chats->parts.owner,
			language != NULL ? language : "", query != NULL ? query : "");
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o}", "responses", list != NULL ? list : json_array()));
}

static void
on_file(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = called(chats, call);

	if (chat != NULL)
		chat_staff_file(chats, chat, call);
}

/* ---- the end ---- */

static void
on_closed(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct chats *chats = owner;
	struct chat_op *op = idmap_remove(&chats->ops, tag);

	if (op == NULL)
		return;
	if (outcome->kind == OUTCOME_OK)
		rpc_answer(op->rpc, op->tag, json_pack("{s:b}", "accepted", true));
	else
		chats->parts.people->refuse(chats->parts.people->owner, op->tag, outcome);
	chat_op_destroy(op);
}

static void
on_close(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct chat *chat = spoken_with(chats, call);
	struct reply reply = {.fn = on_closed, .owner = chats};
	struct chat_op *op;

	if (chat == NULL)
		return;
	op = chat_op_create(chat, call);
	idmap_put(&chats->ops, ++chats->last_op, op);
	reply.tag = chats->last_op;
	router_wrapup(chats->parts.router, chats_now(chats), chat->contact, chat->agent,
		0, reply);
}

/* ---- the table ---- */

#define ID                                                                               \
	{                                                                                \
		"id", RPC_NAME, .required = true                                         \
	}
#define TEXT                                                                             \
	{                                                                                \
		"text", RPC_TEXT, .required = true, .most = CHAT_TEXT_MAX                \
	}

static const struct rpc_param speak[] = {RPC_THE_CONTACT, ID, TEXT, {NULL}};
static const struct rpc_param flag[] = {RPC_THE_CONTACT, {"on", RPC_BOOLEAN}, {NULL}};
static const struct rpc_param mark[] = {
	RPC_THE_CONTACT,
	{"seq", RPC_INTEGER, .required = true, .least = 0, .most = INT32_MAX},
	{NULL},
};
static const struct rpc_param page[] = {
	RPC_THE_CONTACT,
	{"after", RPC_INTEGER, .least = 0, .most = INT32_MAX},
	{NULL},
};
static const struct rpc_param one[] = {RPC_THE_CONTACT, {NULL}};
static const struct rpc_param canned[] = {
	{"query", RPC_TEXT, .most = 128},
	{"language", RPC_TEXT, .most = 16},
	{NULL},
};
static const struct rpc_param file[] = {
	RPC_THE_CONTACT,
	{"seq", RPC_INTEGER, .required = true, .least = 1, .most = INT32_MAX},
	{NULL},
};
static const struct rpc_param mail[] = {
	RPC_THE_CONTACT,
	RPC_ITS_ID,
	{"email", RPC_TEXT, .most = 254},
	{NULL},
};
static const struct rpc_param convert[] = {
	RPC_THE_CONTACT,
	{"to", RPC_WORD, .required = true, .words = "callback|email"},
	{"phone", RPC_TEXT, .most = 32},
	{"email", RPC_TEXT, .most = 254},
	{NULL},
};

const struct rpc_command chat_commands[] = {
	{"chat.message", AGENT, speak, on_message,
		"Says something to the customer. The same id twice is one message."},
	{"chat.typing", AGENT, flag, on_typing,
		"Shows the customer that an answer is being written."},
	{"chat.read", AGENT, mark, on_read, "Everything up to this message was seen."},
	{"chat.close", AGENT, one, on_close, "Ends the conversation; wrap-up begins."},
	{"chat.note", AGENT | RPC_STAFF, speak, on_note,
		"A note in the chat that the customer never sees; it goes along with a "
		"transfer."},
	{"chat.whisper", RPC_STAFF, speak, on_whisper,
		"A word to the agent alone, in the middle of his chat."},
	{"chat.transcript", READERS, page, on_transcript,
		"Messages after a number, with notes and whispers; at most 100."},
	{"chat.watch", RPC_STAFF, flag, on_watch,
		"Reads along: the chat's events come to this session too."},
	{"chat.suggest", READERS, one, on_suggest,
		"Proposals for an answer to what the customer said last."},
	{"chat.canned", READERS, canned, on_canned,
		"Stored responses whose id, title or keywords have the words."},
	{"chat.file", READERS, file, on_file,
		"A token by which a file of the chat is fetched over HTTP."},
	{"chat.mail", AGENT, mail, chat_staff_mail,
		"Sends the transcript to the customer by mail."},
	{"chat.convert", AGENT, convert, chat_staff_convert,
		"The customer will be called or written to instead; the contact stays "
		"the "
		"same."},
};
const int chat_n_commands = (int)(sizeof chat_commands / sizeof *chat_commands);

struct chat *
chat_staff_called(struct chats *chats, const struct rpc_call *call)
{
	return called(chats, call);
}
