/* part_chat_mail.c - transcripts of chats, handed to the outbox: from the first mailbox,
 * as automatic mail, each once. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "intake/chat.h"
#include "intake/message_id.h"
#include "model/mailbox.h"
#include "model/mailout.h"
#include "part_mailout.h"
#include "usher.h"

bool
part_chat_mails(void *owner)
{
	const struct usher *u = owner;
	const struct mail_settings *s = u->config->mail;

	return u->mailout != NULL && s != NULL && s->n_boxes > 0 &&
	       s->boxes[0].n_addresses > 0 && s->out != NULL && s->out->host != NULL;
}

/* The same transcript has the same name. */
static void
name_of(const char *id, char out[OUT_ID_TEXT])
{
	unsigned char hash[EVP_MAX_MD_SIZE];

	EVP_Digest(id, strlen(id), hash, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < (OUT_ID_TEXT - 1) / 2; i++)
		snprintf(out + (ptrdiff_t)2 * i, 3, "%02x", hash[i]);
}

static void
on_kept(void *owner, uint64_t tag, enum outbox_kept kept)
{
	if (kept == OUTBOX_AWAY)
		log_warn("chat: a transcript was not kept, Redis is away");
}

static json_t *
record_of(
	struct usher *u, const struct chat_letter *letter, const char out_id[OUT_ID_TEXT])
{
	const struct mail_settings *s = u->config->mail;
	const struct mailbox *box = &s->boxes[0];
	int64_t now_ms = usher_now(u);
	char contact[NUMBER_ID_TEXT], *message_id;
	json_t *record;

	number_id_format(contact, 'c', letter->contact);
	message_id = message_id_make(contact, out_id, s->host);
	record = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:s, s:s, s:[], s:{s:s, "
		"s:s*}, s:s, s:s, s:I, s:I}",
		"id", out_id, "kind", out_kind_name[OUT_ACKNOWLEDGEMENT], "state",
		out_state_name[OUT_QUEUED], "contact", contact, "case", contact,
		"mailbox", box->name, "to", letter->to, "message_id", message_id,
		"envelope", "", "references", "from", "address", box->addresses[0],
		"name", box->display, "subject", letter->subject, "text", letter->text,
		"created_ms", (json_int_t)now_ms, "due_ms", (json_int_t)now_ms);
	free(message_id);
	return record;
}

bool
part_chat_mail(void *owner, const struct chat_letter *letter)
{
	struct usher *u = owner;
	struct outbox *outbox = part_mailout_outbox(u);
	char out_id[OUT_ID_TEXT];
	json_t *record;

	if (!part_chat_mails(u) || !outbox_is_loaded(outbox) ||
		strlen(letter->text) > OUTBOX_TEXT_MAX)
		return false;
	name_of(letter->id, out_id);
	if (outbox_find(outbox, out_id) != NULL)
		return true;
	record = record_of(u, letter, out_id);
	if (record == NULL)
		return false; /* a text that is not UTF-8 */
	outbox_put(outbox, record, NULL, on_kept, NULL, 0);
	return true;
}
