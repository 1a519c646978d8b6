/*
 * intake/chat_write.c - a customer leaves a message instead of a chat: when chats are
 * closed, or the wait is too long. Whoever is wired in makes a mail of it, or a contact.
 *
 *   chat.write -> checked, limits -> a contact of the channel email -> committed ->
 * answer
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mail.h"
#include "intake/chat_inner.h"

#define CLIENT_ID_LEAST 22    /* 128 bits in base64 */
#define WRITERS_MAX 16384     /* addresses that are remembered; more: try again later */
#define HOUR_S 3600.0	      /* over which the limit of an address is reckoned */
#define SUBJECT_MAX 160	      /* bytes of the text's first line as a subject */
#define REMEMBERED_MS 3600000 /* an address that wrote nothing so long is forgotten */

json_t *
chat_ways(const struct chats *chats)
{
	static const char *const ways[] = {"callback", "email"};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (chats->parts.offers != NULL &&
			chats->parts.offers(chats->parts.owner, ways[i]))
			json_array_append_new(list, json_string(ways[i]));
	return list;
}

/* ---- limits ---- */

static void
forget_writers(struct chats *chats, int64_t before_ms)
{
	const char *address;
	size_t at = 0;
	void *value;

	while (map_next(&chats->writers, &at, &address, &value)) {
		struct chat_bucket *bucket = value;

		if (bucket->filled_ms > before_ms)
			continue;
		(void)map_remove(&chats->writers, address);
		free(bucket);
	}
}

void
chat_writes_finish(struct chats *chats)
{
	forget_writers(chats, INT64_MAX);
	map_finish(&chats->writers);
}

/* Pays for one more message of the address; false: too many. */
static bool
pay(struct chats *chats, const char *address)
{
	int most = chats->settings->written_per_address;
	struct chat_bucket *bucket = map_get(&chats->writers, address);

	if (most == 0)
		return true;
	if (bucket == NULL) {
		if (chats->writers.n >= WRITERS_MAX)
			forget_writers(chats, clock_boot_ms() - REMEMBERED_MS);
		if (chats->writers.n >= WRITERS_MAX)
			return false;
		bucket = xcalloc(1, sizeof *bucket);
		map_put(&chats->writers, address, bucket);
	}
	return chat_pay(bucket, most / HOUR_S, most);
}

/* ---- the answer ---- */

void
chats_written(struct chats *chats, uint64_t tag, const char *contact, bool again)
{
	struct chat_op *op = idmap_remove(&chats->ops, tag);

	if (op == NULL)
		return;
	if (contact != NULL)
		rpc_answer(op->rpc, op->tag,
			json_pack("{s:b, s:s}", "accepted", true, "contact", contact));
	else if (again)
		chat_refuse_away(op->rpc, op->tag);
	else
		rpc_refuse(op->rpc, op->tag, RPC_ADMISSION, "not_taken",
			"The message cannot be taken: write to us by mail.", NULL);
	chat_op_destroy(op);
}

/* ---- the message ---- */

/* SHA-256 over the client's id: what is stored and sent lets nobody in. */
static void
id_of_client(const char *client_id, char id[33])
{
	unsigned char hash[EVP_MAX_MD_SIZE];

	EVP_Digest(client_id, strlen(client_id), hash, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 16; i++)
		snprintf(id + (ptrdiff_t)2 * i, 3, "%02x", hash[i]);
}

/* Topic, or the first line; whole characters. The caller owns it. */
static char *
subject_of(const json_t *about, const char *text)
{
	const char *topic = json_string_value(json_object_get(about, "topic"));
	size_t n;

	if (topic != NULL)
		return xstrdup(topic);
	text += strspn(text, " \t\n");
	n = strcspn(text, "\n\t");
	if (n > SUBJECT_MAX) {
		n = SUBJECT_MAX;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	return xasprintf("%.*s", (int)n, text);
}

static void
hand_over(struct chats *chats, const struct rpc_call *call, const json_t *about,
	const char *text, const char *id)
{
	struct chat_op *op = chat_op_create(NULL, call);
	char *subject = subject_of(about, text);
	json_t *attributes = chat_attributes(about), *customer = chat_customer(about);
	struct chat_note_in note = {.id = id,
		.name = json_string_value(json_object_get(about, "name")),
		.email = json_string_value(json_object_get(about, "email")),
		.subject = subject,
		.text = text,
		.language = json_string_value(json_object_get(about, "language")),
		.attributes = attributes,
		.customer = customer};

	idmap_put(&chats->ops, ++chats->last_op, op);
	chats->parts.write(chats->parts.owner, &note, chats->last_op);
	json_decref(attributes);
	json_decref(customer);
	free(subject);
}

static bool
may_write(struct chats *chats, const struct rpc_call *call)
{
	if (chats->parts.write != NULL && chats->parts.offers != NULL &&
		chats->parts.offers(chats->parts.owner, "email"))
		return true;
	rpc_refuse(call->rpc, call->tag, RPC_ADMISSION, "no_channel",
		"This centre takes no messages here.", NULL);
	return false;
}

static void
write_message(struct chats *chats, const struct rpc_call *call,
	const struct visitor *visitor, const char *client_id)
{
	json_t *about = json_object();
	struct text text = {0};
	struct chat_fault f;
	const char *why, *email;
	char id[33];

	if (!chat_take_about(call, about, &f)) {
		rpc_refuse_param(call->rpc, call->tag, f.field, f.message);
	} else if (!chat_identify(chats, json_object_get(call->params, "identity"), about,
			   &why)) {
		rpc_refuse(
			call->rpc, call->tag, RPC_IDENTITY, "identity_wrong", why, NULL);
	} else if (email = json_string_value(json_object_get(about, "email")),
		email == NULL || !mailer_address_valid(email)) {
		rpc_refuse_param(call->rpc, call->tag, "email",
			"must be an address such as ann@example.com: the answer goes "
			"there");
	} else if (!chat_clean(rpc_text(call, "text"), &text)) {
		rpc_refuse_param(call->rpc, call->tag, "text", "says nothing");
	} else if (!pay(chats, visitor->address)) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "rate_limited",
			"As many messages were left from your address as may be: try "
			"again in an hour, or write to us by mail.",
			NULL);
	} else {
		(void)redact_json(about, NULL);
		id_of_client(client_id, id);
		hand_over(chats, call, about, text.s, id);
	}
	text_finish(&text);
	json_decref(about);
}

void
chat_on_write(void *owner, const struct rpc_call *call)
{
	struct chats *chats = owner;
	const struct visitor *visitor = chats_visitor(chats, call->who);
	const char *client_id = rpc_text(call, "client_id");

	if (visitor == NULL || !may_write(chats, call))
		return;
	if (strlen(client_id) < CLIENT_ID_LEAST || !id_is_valid(client_id))
		rpc_refuse_param(call->rpc, call->tag, "client_id",
			"must be 22 to 64 random letters and digits");
	else
		write_message(chats, call, visitor, client_id);
}
