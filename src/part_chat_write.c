/* part_chat_write.c - messages that customers leave instead of a chat. Where a mailbox is
 * set up they go the way of a mail to it, with its case, its proposals and its matcher;
 * else they become contacts of the channel email as they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "intake/callme.h"
#include "intake/chat.h"
#include "intake/compose.h"
#include "intake/mail_in.h"
#include "model/mailbox.h"
#include "part_chat_write.h"
#include "part_mailin.h"
#include "route/submission.h"
#include "usher.h"

#define WAY_EMAIL "email"
#define FORM_SOURCE "chat.form" /* of contacts that no mailbox takes */
#define ID_BEFORE "form-"	/* of the Message-ID: form-ID@HOST */
/* A stranger may have named somebody else's address: nothing is answered by itself. */
#define NO_AUTOMATIC_ANSWER "X-Auto-Response-Suppress: All\n"

struct chat_writes {
	struct usher *usher; /* borrowed */
	struct chats *chats; /* borrowed */
	struct map by_id;    /* struct written, owned; on their way through the mailbox */
	struct idmap by_tag; /* the same, borrowed */
};

struct written {
	char id[33];
	json_t *attributes, *customer; /* owned */
};

static void
written_free(struct written *w)
{
	json_decref(w->attributes);
	json_decref(w->customer);
	free(w);
}

/* The mailbox that takes them; NULL: there is none. */
static const struct mailbox *
box_of(const struct usher *u)
{
	const struct mail_settings *s = u->config->mail;

	if (u->mailin == NULL || s == NULL)
		return NULL;
	for (int i = 0; i < s->n_boxes; i++)
		if (s->boxes[i].n_addresses > 0 && s->boxes[i].addresses[0][0] != '@')
			return &s->boxes[i];
	return NULL;
}

bool
part_chat_offers(void *owner, const char *way)
{
	const struct usher *u = owner;

	if (strcmp(way, WAY_EMAIL) == 0)
		return box_of(u) != NULL ||
		       centre_channel(router_centre(u->router), WAY_EMAIL) >= 0;
	return part_chat_calls(u);
}

/* ---- through a mailbox ---- */

/* What the page said beside the message goes along with its contact. */
static void
on_submit(void *owner, const struct mail *mail, json_t *contact)
{
	struct chat_writes *writes = owner;
	size_t n = strlen(ID_BEFORE);
	struct written *w;
	char id[33] = "";

	if (mail->message_id == NULL || strncmp(mail->message_id, ID_BEFORE, n) != 0 ||
		strcspn(mail->message_id + n, "@") != sizeof id - 1)
		return;
	memcpy(id, mail->message_id + n, sizeof id - 1);
	w = map_get(&writes->by_id, id);
	if (w == NULL)
		return;
	json_object_update(json_object_get(contact, "attributes"), w->attributes);
	json_object_set_new(
		json_object_get(contact, "attributes"), "mail.kind", json_string("form"));
	json_object_set_new(
		json_object_get(contact, "attributes"), "mail.automatic", json_false());
	json_object_update(json_object_get(contact, "customer"), w->customer);
}

static void
on_said(void *owner, struct mail_arrival *arrival, int recipient, enum mail_taken taken,
	const char *words)
{
	struct chat_writes *writes = owner;
	struct written *w = idmap_remove(&writes->by_tag, arrival->tag);

	if (w != NULL) {
		if (map_get(&writes->by_id, w->id) == w)
			(void)map_remove(&writes->by_id, w->id);
		written_free(w);
	}
	chats_written(writes->chats, arrival->tag, taken == MAIL_TAKEN ? words : NULL,
		taken == MAIL_LATER &&
			(words == NULL ||
				strcmp(words, outcome_name(OUTCOME_STORE_AWAY)) == 0));
}

static char *
letter_of(const struct usher *u, const struct mailbox *box,
	const struct chat_note_in *note, size_t *n)
{
	const char *to[] = {box->addresses[0]}, *fault;
	char *id = xasprintf("%s%s@%s", ID_BEFORE, note->id, u->config->mail->host);
	struct outgoing mail = {.from_name = note->name,
		.from = note->email,
		.n_to = 1,
		.to = to,
		.subject = note->subject,
		.text = note->text,
		.message_id = id,
		.date_ms = clock_wall_ms()};
	char *made = compose_mail(&mail, n, &fault), *whole = NULL;

	if (made != NULL) {
		whole = xasprintf("%s%s", NO_AUTOMATIC_ANSWER, made);
		*n = strlen(whole);
	} else
		log_warn("chat: a message makes no mail why=\"%s\"", fault);
	free(made);
	free(id);
	return whole;
}

static void
write_mail(struct chat_writes *writes, const struct mailbox *box,
	const struct chat_note_in *note, uint64_t tag)
{
	struct mail_arrival *a;
	struct written *w;
	size_t n;
	char *content = letter_of(writes->usher, box, note, &n);

	if (content == NULL) {
		chats_written(writes->chats, tag, NULL, false);
		return;
	}
	w = xcalloc(1, sizeof *w);
	snprintf(w->id, sizeof w->id, "%s", note->id);
	w->attributes = json_deep_copy(note->attributes);
	w->customer = json_deep_copy(note->customer);
	/* The same message twice at once: both are in by_tag. */
	(void)map_put(&writes->by_id, w->id, w);
	idmap_put(&writes->by_tag, tag, w);
	a = xcalloc(1, sizeof *a);
	a->content = content;
	a->n = n;
	a->mailbox = xstrdup(box->name);
	a->n_recipients = 1;
	a->recipient[0] = xstrdup(box->addresses[0]);
	a->said = on_said;
	a->owner = writes;
	a->tag = tag;
	mail_in_take(part_mailin_in(writes->usher), a);
}

/* ---- as it is ---- */

static void
on_submitted(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct chat_writes *writes = owner;
	char id[NUMBER_ID_TEXT];

	number_id_format(id, 'c', outcome->contact);
	chats_written(writes->chats, tag, outcome->kind == OUTCOME_OK ? id : NULL,
		outcome->kind == OUTCOME_STORE_AWAY);
}

static void
write_contact(struct chat_writes *writes, const struct chat_note_in *note, uint64_t tag)
{
	struct reply reply = {.fn = on_submitted, .owner = writes, .tag = tag};
	struct submission submission;
	struct submission_error error;
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:{s:s}}", "channel",
		WAY_EMAIL, "source", FORM_SOURCE, "external_id", note->id, "title",
		note->subject, "attributes", note->attributes, "customer", note->customer,
		"payload", "text", note->text);

	if (o == NULL || !submission_parse(o, &submission, &error)) {
		chats_written(writes->chats, tag, NULL, false);
		json_decref(o);
		return;
	}
	router_submit(
		writes->usher->router, usher_now(writes->usher), &submission, reply);
	submission_finish(&submission);
	json_decref(o);
}

void
part_chat_write(void *owner, const struct chat_note_in *note, uint64_t tag)
{
	struct chat_writes *writes = part_chat_writes(owner);
	const struct mailbox *box = box_of(writes->usher);

	if (box != NULL)
		write_mail(writes, box, note, tag);
	else
		write_contact(writes, note, tag);
}

/* ---- life ---- */

struct chat_writes *
chat_writes_create(struct usher *u, struct chats *chats)
{
	struct chat_writes *writes = xcalloc(1, sizeof *writes);

	writes->usher = u;
	writes->chats = chats;
	return writes;
}

void
chat_writes_listen(struct chat_writes *writes)
{
	mail_in_on_submit(part_mailin_in(writes->usher), on_submit, writes);
}

void
chat_writes_destroy(struct chat_writes *writes)
{
	size_t at = 0;
	void *value;

	if (writes == NULL)
		return;
	while (idmap_next(&writes->by_tag, &at, NULL, &value))
		written_free(value);
	idmap_finish(&writes->by_tag);
	map_finish(&writes->by_id);
	free(writes);
}
