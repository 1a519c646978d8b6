/* intake/mail_index_erase.c - mails of erased customers, and those that were kept for
 * long enough, out of Redis.
 *
 *   contacts, by lots -> what is kept under their names and their cases'
 *                     -> what is kept under the hashes of the Message-IDs found there
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/subject.h"
#include "intake/mail_index_inner.h"

#define LOT 100	      /* contacts of one call */
#define KEYS_MOST 200 /* of one call */

struct erasing {
	struct mail_index *index;
	bool only_look, by_time;
	struct subject of; /* borrowed: the contacts */
	void (*file)(void *owner, const char *name);
	void (*done)(void *owner, bool gone);
	void *owner;
	int awaited; /* answers, and 1 while calls are made */
	bool failed;
	size_t n_boxes;
	char **box; /* owned, each */
};

static void
settle(struct erasing *e)
{
	if (--e->awaited > 0)
		return;
	e->done(e->owner, !e->failed);
	for (size_t i = 0; i < e->n_boxes; i++)
		free(e->box[i]);
	free(e->box);
	free(e);
}

static void
on_forgotten(void *owner, uint64_t tag, const struct redisReply *reply)
{
	struct erasing *e = owner;

	e->failed |= reply == NULL || reply->type == REDIS_REPLY_ERROR;
	settle(e);
}

static void
forget(struct erasing *e, char (*key)[MAIL_INDEX_KEY_TEXT], int n)
{
	const char *keys[KEYS_MOST];

	for (int i = 0; i < n; i++)
		keys[i] = key[i];
	if (n == 0)
		return;
	e->awaited++;
	if (side_call(e->index->side, on_forgotten, e, 0, "mail_forget", n, keys, 0, NULL,
		    NULL))
		return;
	e->failed = true;
	settle(e);
}

/* The keys of each mail that was named: one by its Message-ID, one a mailbox. */
static void
forget_mails(struct erasing *e, const struct redisReply *reply)
{
	char(*key)[MAIL_INDEX_KEY_TEXT] = xcalloc(KEYS_MOST, sizeof *key);
	int n = 0;

	for (size_t i = 0; i < reply->elements; i++) {
		const char *said = reply->element[i]->str;

		if (reply->element[i]->type != REDIS_REPLY_STRING || said[0] != 'm')
			continue;
		for (size_t k = 0; k <= e->n_boxes; k++) {
			if (n == KEYS_MOST) {
				forget(e, key, n);
				n = 0;
			}
			if (k < e->n_boxes)
				mail_index_in_key(key[n++], e->box[k], said + 2);
			else
				mail_index_id_key(key[n++], said + 2);
		}
	}
	forget(e, key, n);
	free(key);
}

/* "f NAME", or "s NAME CONTACT..." of one that others name, too: it goes if all of them
 * are erased. */
static void
take_file(struct erasing *e, const char *said)
{
	char name[BLOB_NAME];
	const char *other;
	uint64_t contact;

	snprintf(name, sizeof name, "%.*s", (int)strcspn(said + 2, " "), said + 2);
	for (other = strchr(said + 2, ' '); other != NULL;
		other = strchr(other + 1, ' ')) {
		char id[NUMBER_ID_TEXT];

		snprintf(id, sizeof id, "%.*s", (int)strcspn(other + 1, " "), other + 1);
		if (!number_id_parse(id, 'c', &contact) ||
			!subject_has_contact(&e->of, contact))
			return;
	}
	e->file(e->owner, name);
}

static void
on_erased(void *owner, uint64_t tag, const struct redisReply *reply)
{
	struct erasing *e = owner;

	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
		if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
			log_error("mail: an erasure failed in Redis: %s", reply->str);
		e->failed = true;
		settle(e);
		return;
	}
	for (size_t i = 0; i < reply->elements; i++)
		if (e->file != NULL && reply->element[i]->type == REDIS_REPLY_STRING &&
			strchr("fs", reply->element[i]->str[0]) != NULL)
			take_file(e, reply->element[i]->str);
	if (!e->only_look)
		forget_mails(e, reply);
	settle(e);
}

static bool
ask(struct erasing *e, const uint64_t *contacts, size_t n)
{
	const char *args[LOT + 2] = {
		e->only_look ? "look" : "erase", e->by_time ? "over" : "all"};
	char id[LOT][NUMBER_ID_TEXT];

	for (size_t i = 0; i < n; i++) {
		number_id_format(id[i], 'c', contacts[i]);
		args[2 + i] = id[i];
	}
	return side_call(e->index->side, on_erased, e, 0, "mail_erase", 0, NULL,
		(int)n + 2, args, NULL);
}

static void
begin(struct mail_index *index, const struct mail_index_erasure *given, bool only_look)
{
	struct erasing *e = xcalloc(1, sizeof *e);

	*e = (struct erasing){.index = index,
		.only_look = only_look,
		.by_time = given->by_time,
		.of = {.contacts = given->contacts, .n_contacts = given->n},
		.file = given->file,
		.done = given->done,
		.owner = given->owner,
		.awaited = 1};
	while (given->mailboxes[e->n_boxes] != NULL)
		e->n_boxes++;
	e->box = xcalloc(e->n_boxes + 1, sizeof *e->box);
	for (size_t i = 0; i < e->n_boxes; i++)
		e->box[i] = xstrdup(given->mailboxes[i]);
	for (size_t at = 0; at < given->n; at += LOT) {
		e->awaited++;
		if (ask(e, given->contacts + at,
			    given->n - at < LOT ? given->n - at : LOT))
			continue;
		e->failed = true;
		settle(e);
	}
	settle(e);
}

void
mail_index_look(struct mail_index *index, const struct mail_index_erasure *erasure)
{
	begin(index, erasure, true);
}

void
mail_index_erase(struct mail_index *index, const struct mail_index_erasure *erasure)
{
	begin(index, erasure, false);
}
