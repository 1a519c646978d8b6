/*
 * intake/chat_start.c - a chat begins: what is asked before it, who the customer is, and
 * its contact.
 *
 *   chat.start -> record in Redis -> first words in Redis -> contact committed -> answer
 *
 * The customer's client_id names the chat, and the chat the contact (external id):
 * whoever repeats chat.start, the customer or we ourselves after a crash, finds what is
 * there.
 */
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/moment.h"
#include "intake/chat_inner.h"

#define TITLE_MAX 160 /* bytes of the contact's title */
#define FIELDS_MAX 16 /* that a site may hand over */
#define FIELD_TEXT_MAX 512
#define URL_MAX 2048
#define CLIENT_ID_LEAST 22 /* 128 bits in base64 */

/* ---- ids ---- */

/* 120 bits of SHA-256 over the client's id: what is logged and stored lets nobody in. */
static void
id_of_client(const char *client_id, char id[CHAT_ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	EVP_Digest(client_id, strlen(client_id), hash, &n, EVP_sha256(), NULL);
	id[0] = 'h';
	for (int i = 0; i < 15; i++) {
		id[1 + 2 * i] = digits[hash[i] >> 4];
		id[2 + 2 * i] = digits[hash[i] & 15];
	}
	id[31] = '\0';
}

/* ---- what is told ---- */

json_t *
chat_alternatives(const struct chats *chats, int queue)
{
	const struct centre *centre = router_centre(chats->parts.router);
	json_t *list = json_array();

	for (int i = 0; queue >= 0 && i < centre->queues[queue].n_alternatives; i++)
		json_array_append_new(list,
			json_string(
				centre->channels[centre->queues[queue].alternatives[i]]
					.name));
	return list;
}

static json_t *
texts_json(const struct web_list *list)
{
	json_t *out = json_array();

	for (int i = 0; i < list->n; i++)
		json_array_append_new(out, json_string(list->text[i]));
	return out;
}

static json_t *
form_json(const struct chats *chats)
{
	const struct chat_settings *s = chats->settings;
	json_t *o = json_object();

	if (s->title != NULL)
		json_object_set_new(o, "title", json_string(s->title));
	json_object_set_new(o, "ask", texts_json(&s->ask));
	json_object_set_new(o, "require", texts_json(&s->require));
	json_object_set_new(o, "topics", texts_json(&s->topics));
	json_object_set_new(o, "transcript", json_boolean(chat_can_mail(chats)));
	json_object_set_new(o, "text_most", json_integer(CHAT_TEXT_MAX));
	if (s->upload_most > 0 && chats->parts.blobs != NULL)
		json_object_set_new(o, "uploads",
			json_pack("{s:I, s:i, s:o}", "most_bytes",
				(json_int_t)s->upload_most, "most", s->uploads_most,
				"types", texts_json(&s->upload_types)));
	return o;
}

static int
entry_queue(const struct chats *chats)
{
	const struct centre *centre = router_centre(chats->parts.router);

	return chats->settings->queue != NULL
		       ? centre_queue(centre, chats->settings->queue)
		       : centre->default_queue;
}

void
chat_on_hello(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	int queue = entry_queue(chats);
	json_t *figures = router_queue_json(chats->parts.router, chats_now(chats), queue);
	bool open = chats_channel(chats) >= 0 &&
		    json_is_true(json_object_get(figures, "open")) &&
		    !json_is_true(json_object_get(figures, "removed"));
	json_t *answer = form_json(chats);

	json_object_set_new(answer, "open", json_boolean(open));
	if (figures != NULL)
		json_object_set(answer, "waiting", json_object_get(figures, "waiting"));
	json_object_set_new(answer, "alternatives", chat_alternatives(chats, queue));
	json_object_set_new(answer, "ways", chat_ways(chats));
	json_decref(figures);
	rpc_answer(call->rpc, call->tag, answer);
}

json_t *
chat_entry(struct chats *chats, const struct chat *chat)
{
	int64_t until_ms = chats_now(chats) + CHAT_TOKEN_LIFE_MS;
	json_t *answer = json_pack("{s:b, s:s}", "accepted", true, "chat", chat->id);
	char token[TICKET_TEXT], at[MOMENT_TEXT], contact[NUMBER_ID_TEXT];

	number_id_format(contact, 'c', chat->contact);
	json_object_set_new(answer, "contact", json_string(contact));
	ticket_make(chats->parts.secret, chat->id, until_ms, token);
	moment_format(at, until_ms);
	json_object_set_new(answer, "token", json_string(token));
	json_object_set_new(answer, "expires_at", json_string(at));
	json_object_set_new(answer, "state", chat_view(chats, chat));
	json_object_set_new(answer, "form", form_json(chats));
	json_object_set_new(answer, "read", json_integer(chat->read_agent));
	return answer;
}

/* ---- reading what was said ---- */

static bool
fault(struct chat_fault *f, const char *field, const char *message)
{
	*f = (struct chat_fault){field, message};
	return false;
}

static bool
take_line(const struct rpc_call *call, const char *name, json_t *about,
	struct chat_fault *f)
{
	const char *given = rpc_text(call, name);
	struct text line = {0};
	bool fine = true;

	if (given == NULL || *given == '\0')
		return true;
	fine = chat_clean(given, &line) && strpbrk(line.s, "\n\t") == NULL;
	if (fine)
		json_object_set_new(about, name, json_stringn_nocheck(line.s, line.n));
	text_finish(&line);
	return fine || fault(f, name, "must be one line of text");
}

/* One "@" with something on both sides, and nothing that ends a line or begins another
 * address. */
static bool
looks_like_address(const char *text)
{
	const char *at = strchr(text, '@');

	return at != NULL && at != text && at[1] != '\0' && strchr(at + 1, '@') == NULL &&
	       strpbrk(text, " ,;<>\"()\\") == NULL && strchr(at, '.') != NULL &&
	       text[0] != '-' && text[strlen(text) - 1] != '.';
}

static bool
looks_like_number(const char *text)
{
	size_t digits = 0;

	for (const char *s = text; *s != '\0'; s++)
		digits += *s >= '0' && *s <= '9';
	return digits >= 5 && digits <= 18 &&
	       text[strspn(text, "+0123456789 ()-./")] == '\0';
}

/* {url, title, referrer}: only the three, whatever else a page may say. */
static bool
take_page(const json_t *page, json_t *about, struct chat_fault *f)
{
	static const char *const names[] = {"url", "title", "referrer"};
	json_t *kept;

	if (page == NULL)
		return true;
	if (!json_is_object(page))
		return fault(f, "page", "must be an object with url, title, referrer");
	kept = json_object();
	for (int i = 0; i < 3; i++) {
		const char *given = json_string_value(json_object_get(page, names[i]));
		struct text line = {0};

		if (given != NULL && strlen(given) <= URL_MAX &&
			chat_clean(given, &line) && strpbrk(line.s, "\n\t") == NULL)
			json_object_set_new(
				kept, names[i], json_stringn_nocheck(line.s, line.n));
		text_finish(&line);
	}
	json_object_set_new(about, "page", kept);
	return true;
}

static bool
take_fields(const json_t *fields, json_t *about, struct chat_fault *f)
{
	const char *name;
	json_t *value;

	if (fields == NULL)
		return true;
	if (!json_is_object(fields) || json_object_size(fields) > FIELDS_MAX)
		return fault(f, "fields", "must be an object of at most 16 members");
	json_object_foreach((json_t *)fields, name, value)
	{
		if (!id_is_valid(name) || strlen(name) > ATTRIBUTE_NAME_MAX - 5)
			return fault(f, "fields",
				"has a name that is none: letters, digits, \".\", \"_\", "
				"\"-\"");
		if (!(json_is_string(value) &&
			    json_string_length(value) <= FIELD_TEXT_MAX) &&
			!json_is_number(value) && !json_is_boolean(value))
			return fault(f, "fields",
				"must be texts of at most 512 bytes, numbers, true or "
				"false");
	}
	if (json_object_size(fields) > 0)
		json_object_set_new(about, "fields", json_deep_copy(fields));
	return true;
}

static bool
is_filled(const json_t *about, const char *name)
{
	return json_object_get(about, name) != NULL;
}

bool
chat_take_about(const struct rpc_call *call, json_t *about, struct chat_fault *f)
{
	static const char *const lines[] = {
		"name", "email", "phone", "topic", "language"};
	const char *given;

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (!take_line(call, lines[i], about, f))
			return false;
	if (!take_page(json_object_get(call->params, "page"), about, f) ||
		!take_fields(json_object_get(call->params, "fields"), about, f))
		return false;
	given = json_string_value(json_object_get(about, "email"));
	if (given != NULL && !looks_like_address(given))
		return fault(f, "email", "must be an address such as ann@example.com");
	given = json_string_value(json_object_get(about, "phone"));
	if (given != NULL && !looks_like_number(given))
		return fault(f, "phone", "must be a telephone number");
	return true;
}

/* The whole of a start but for its identity. about is filled. */
static bool
take_start(struct chats *chats, const struct rpc_call *call, json_t *about,
	struct chat_fault *f)
{
	const struct chat_settings *s = chats->settings;
	const char *question = rpc_text(call, "question");
	struct text text = {0};

	if (!chat_take_about(call, about, f))
		return false;
	if (question != NULL && *question != '\0') {
		if (chat_clean(question, &text))
			json_object_set_new(
				about, "question", json_stringn_nocheck(text.s, text.n));
		text_finish(&text);
	}
	for (int i = 0; i < s->require.n; i++)
		if (!is_filled(about, s->require.text[i]))
			return fault(f, s->require.text[i], "must be filled in");
	return true;
}

/* ---- the contact ---- */

static void
copy_text(json_t *to, const char *name, const json_t *from, const char *member)
{
	json_t *value = json_object_get(from, member);

	if (json_is_string(value) && json_string_length(value) > 0)
		json_object_set(to, name, value);
}

json_t *
chat_attributes(const json_t *about)
{
	const json_t *page = json_object_get(about, "page");
	const json_t *fields = json_object_get(about, "fields");
	json_t *o = json_object(), *value;
	const char *name;

	copy_text(o, "topic", about, "topic");
	copy_text(o, "language", about, "language");
	copy_text(o, "page.url", page, "url");
	copy_text(o, "page.title", page, "title");
	copy_text(o, "page.referrer", page, "referrer");
	if (fields != NULL) {
		json_object_foreach((json_t *)fields, name, value)
		{
			char full[ATTRIBUTE_NAME_MAX + 8];

			snprintf(full, sizeof full, "site.%s", name);
			json_object_set(o, full, value);
		}
	}
	(void)redact_json(o, NULL);
	return o;
}

json_t *
chat_customer(const json_t *about)
{
	json_t *o = json_object();

	copy_text(o, "id", about, "user");
	copy_text(o, "name", about, "name");
	copy_text(o, "email", about, "email");
	copy_text(o, "phone", about, "phone");
	json_object_set_new(o, "verified",
		json_boolean(json_is_true(json_object_get(about, "user_verified"))));
	return o;
}

/* Topic, or the first line of the question; whole characters. */
static json_t *
title_json(const json_t *about)
{
	const char *text = json_string_value(json_object_get(about, "topic"));
	size_t n;

	if (text == NULL)
		text = json_string_value(json_object_get(about, "question"));
	if (text == NULL)
		return NULL;
	text += strspn(text, " \t\n");
	n = strcspn(text, "\n\t");
	if (n > TITLE_MAX) {
		n = TITLE_MAX;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	return n > 0 ? json_stringn(text, n) : NULL;
}

static json_t *
submission_json(const struct chats *chats, const struct chat *chat)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:o}", "channel",
		chats->settings->channel, "source", CHAT_SOURCE, "external_id", chat->id,
		"customer", chat_customer(chat->about), "attributes",
		chat_attributes(chat->about));
	json_t *title = title_json(chat->about);

	if (title != NULL)
		json_object_set_new(o, "title", title);
	if (chats->settings->queue != NULL)
		json_object_set_new(o, "queue", json_string(chats->settings->queue));
	return o;
}

static void
refuse_start(struct chats *chats, struct chat *chat, struct chat_op *op,
	const struct outcome *outcome)
{
	const struct centre *centre = router_centre(chats->parts.router);
	json_t *list = json_array();

	chats->counts.refused++;
	for (int i = 0; i < outcome->n_alternatives; i++)
		json_array_append_new(list,
			json_string(centre->channels[outcome->alternatives[i]].name));
	if (op->rpc != NULL)
		rpc_refuse(op->rpc, op->tag,
			outcome->kind == OUTCOME_STORE_AWAY ? RPC_LATER : RPC_ADMISSION,
			outcome_name(outcome->kind),
			outcome->message != NULL ? outcome->message
						 : "The chat cannot be taken now.",
			json_pack("{s:o}", "alternatives", list));
	else
		json_decref(list);
	/* The record goes too: nobody was told that it exists. */
	chat_write(chats, chat, "forget", true, 1, (const char *[]){chat->id});
	chat_drop(chats, chat);
}

static void
on_submitted(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct chats *chats = owner;
	struct chat_op *op = idmap_remove(&chats->ops, tag);
	struct chat *chat = op != NULL ? chat_find(chats, op->chat) : NULL;
	struct visitor *visitor;

	if (chat == NULL) {
		chat_op_destroy(op);
		return;
	}
	if (outcome->kind != OUTCOME_OK) {
		if (outcome->kind == OUTCOME_STORE_AWAY && op->rpc == NULL)
			log_warn("chat: waits for the store chat=%s", chat->id);
		else
			refuse_start(chats, chat, op, outcome);
		chat_op_destroy(op);
		return;
	}
	chat_set_contact(chats, chat, outcome->contact);
	if (!outcome->duplicate)
		chats->counts.started++;
	chat_save(chats, chat);
	chat_follow(chats, chat);
	visitor = chats_visitor(chats, op->wire);
	if (op->rpc == NULL || visitor == NULL) {
		chat_op_destroy(op);
		return;
	}
	chat_attach(chats, chat, visitor);
	chat_answer_messages(chats, chat, op, 0, false, chat_entry(chats, chat));
}

void
chat_submit(struct chats *chats, struct chat *chat, struct chat_op *op)
{
	json_t *json = submission_json(chats, chat);
	struct submission submission;
	struct submission_error error;
	struct reply reply = {.fn = on_submitted, .owner = chats};

	if (op == NULL)
		op = chat_op_create(chat, NULL);
	if (!submission_parse(json, &submission, &error)) {
		struct outcome outcome = {
			.kind = OUTCOME_BAD_VALUE, .message = error.message};

		refuse_start(chats, chat, op, &outcome);
		chat_op_destroy(op);
		json_decref(json);
		return;
	}
	idmap_put(&chats->ops, ++chats->last_op, op);
	reply.tag = chats->last_op;
	router_submit(chats->parts.router, chats_now(chats), &submission, reply);
	submission_finish(&submission);
	json_decref(json);
}

/* ---- the start ---- */

static void
on_opened(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply)
{
	struct chat_op *next;

	if (reply == NULL || chat == NULL) {
		chat_refuse_away(op->rpc, op->tag);
		if (chat != NULL && chat->contact == 0)
			chat_drop(chats, chat);
		return;
	}
	/* The question was written behind it, in the same turn and order. */
	next = chat_op_create(chat, NULL);
	next->rpc = op->rpc;
	next->tag = op->tag;
	next->wire = op->wire;
	chat_submit(chats, chat, next);
}

static void
open_chat(struct chats *chats, struct chat *chat, const struct rpc_call *call)
{
	struct chat_op *op = chat_op_create(chat, call);
	const char *question =
		json_string_value(json_object_get(chat->about, "question"));
	struct text about = {0};

	op->fn = on_opened;
	json_write(&about, chat->about);
	if (!chat_call(chats, op, "open", true, 3,
		    (const char *[]){chat->id, about.s, "{\"stage\":\"starting\"}"})) {
		chat_drop(chats, chat);
	} else if (question != NULL) {
		struct chat_say say = {.from = FROM_CUSTOMER,
			.kind = "text",
			.key = "question",
			.name = json_string_value(json_object_get(chat->about, "name")),
			.text = question};

		chat_say(chats, chat, &say, NULL);
	}
	text_finish(&about);
}

/* May this address open another chat? Refused when not. */
static bool
has_room(struct chats *chats, const struct visitor *visitor, const struct rpc_call *call)
{
	int most = chats->settings->open_per_address;
	intptr_t open = (intptr_t)map_get(&chats->per_address, visitor->address);

	if (chats->counts.live >= CHAT_MOST) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "busy",
			"There are as many chats as there may be: try again later.",
			NULL);
		return false;
	}
	if (most > 0 && open >= most) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "too_many_chats",
			"There are as many open chats from your address as there may be: "
			"end one of them first.",
			NULL);
		return false;
	}
	return true;
}

static void
begin(struct chats *chats, struct visitor *visitor, const struct rpc_call *call,
	const char *id)
{
	json_t *about = json_object();
	struct chat_fault f;
	struct chat *chat;
	const char *why;

	if (!take_start(chats, call, about, &f)) {
		rpc_refuse_param(call->rpc, call->tag, f.field, f.message);
	} else if (!chat_identify(chats, json_object_get(call->params, "identity"), about,
			   &why)) {
		rpc_refuse(
			call->rpc, call->tag, RPC_IDENTITY, "identity_wrong", why, NULL);
	} else if (chats_channel(chats) < 0) {
		rpc_refuse(call->rpc, call->tag, RPC_ADMISSION, "no_channel",
			"This centre has no chats.", NULL);
	} else if (has_room(chats, visitor, call)) {
		(void)redact_json(about, NULL);
		json_object_set_new(about, "address", json_string(visitor->address));
		chat = chat_create(chats, id, json_incref(about));
		snprintf(chat->address, sizeof chat->address, "%s", visitor->address);
		chat_count_address(chats, chat, 1);
		open_chat(chats, chat, call);
	}
	json_decref(about);
}

void
chat_on_start(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	struct visitor *visitor = chats_visitor(chats, call->who);
	const char *client_id = rpc_text(call, "client_id");
	char id[CHAT_ID_TEXT];
	struct chat *chat;

	if (visitor == NULL)
		return;
	if (!chats->loaded) {
		chat_refuse_away(call->rpc, call->tag);
		return;
	}
	if (strlen(client_id) < CLIENT_ID_LEAST || !id_is_valid(client_id)) {
		rpc_refuse_param(call->rpc, call->tag, "client_id",
			"must be 22 to 64 random letters and digits");
		return;
	}
	id_of_client(client_id, id);
	chat = chat_find(chats, id);
	if (chat == NULL) {
		begin(chats, visitor, call, id);
	} else if (chat->contact == 0) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "busy",
			"This chat is being started: try again in a moment.",
			json_pack("{s:i}", "retry_after_ms", 500));
	} else {
		chat_attach(chats, chat, visitor);
		chats->counts.resumed++;
		chat_answer_messages(chats, chat, chat_op_create(chat, call), 0, false,
			chat_entry(chats, chat));
	}
}
