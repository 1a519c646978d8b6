/*
 * intake/mail_tell.c - see mail_tell.h.
 *
 *   contacts, by lots -> what Redis keeps of the mails of each, one item after the other
 *                     -> records, each mail with a record for each of its files
 *
 * The place is "CONTACT ITEM PIECES": of that contact all items up to this one were told,
 * and so many pieces of the next one.
 */
#include "intake/mail_tell.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "intake/mail_file.h"
#include "intake/mail_index_inner.h"

#define LOT 100	       /* contacts of one call */
#define ALL_ITEMS 9000 /* of a contact: mail_functions.lua counts them below it */

struct telling {
	struct mail_index *index;
	const unsigned char *secret;
	int64_t now_ms;
	struct subject_page *page;
	uint64_t contact; /* 0: none yet */
	int item;
	unsigned pieces;
};

static void
told(struct telling *t, enum subject_told how)
{
	if (t->contact != 0)
		snprintf(t->page->place, sizeof t->page->place, "%" PRIu64 " %d %u",
			t->contact, t->item, t->pieces);
	t->page->told(t->page, how);
	free(t);
}

/* ---- records ---- */

static void
add_file(struct telling *t, const json_t *mail, const char *name, const char *blob,
	const json_t *file)
{
	static const char *const copied[] = {"type", "bytes"};
	json_t *record = subject_record("file", t->contact), *given;

	if (blob == NULL || !blob_name_is_valid(blob)) {
		json_decref(record);
		return;
	}
	given = mail_file_given(t->secret, t->now_ms, blob, name != NULL ? name : "");
	json_object_set(record, "message_id", json_object_get(mail, "message_id"));
	json_object_set_new(record, "name", json_string(name != NULL ? name : ""));
	for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++)
		json_object_set(record, copied[i], json_object_get(file, copied[i]));
	json_object_set_new(record, "blob", json_string(blob));
	json_object_update_missing(record, given);
	json_decref(given);
	subject_add(t->page, record);
}

/* What it names: attachments, the mail as it came, a text that is too long for it. */
static void
add_files(struct telling *t, const json_t *mail)
{
	static const char *const lists[] = {"attachments", "files"};
	static const char *const texts[][2] = {
		{"original", "mail.eml"}, {"whole", "mail.txt"}};
	const json_t *file;
	size_t at;

	for (size_t i = 0; i < 2; i++)
		json_array_foreach(json_object_get(mail, lists[i]), at, file) add_file(t,
			mail, json_string_value(json_object_get(file, "name")),
			json_string_value(json_object_get(file, "blob")), file);
	for (size_t i = 0; i < 2; i++)
		add_file(t, mail, texts[i][1],
			json_string_value(json_object_get(mail, texts[i][0])), NULL);
}

/* "created_ms" of what is kept becomes "created_at". */
static void
set_moments(json_t *record)
{
	static const char *const names[][2] = {{"created_ms", "at"},
		{"sent_ms", "sent_at"}, {"due_ms", "due_at"}, {"at_ms", "at"},
		{"arrived_ms", "arrived_at"}, {"asked_ms", "asked_at"}};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		int64_t ms = json_integer_value(json_object_get(record, names[i][0]));

		if (json_object_get(record, names[i][0]) == NULL)
			continue;
		subject_set_moment(record, names[i][1], ms);
		json_object_del(record, names[i][0]);
	}
}

/* A record of what is kept (stolen), without what is told elsewhere. */
static json_t *
record_of(const struct telling *t, char kind, json_t *kept)
{
	static const char *const elsewhere[] = {
		"suggest", "proposals", "came", "earlier", "contact"};
	const char *name = kind == 'd' ? "draft" : kind == 'v' ? "verdict" : "mail";
	json_t *record = subject_record(name, t->contact);

	for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
		json_object_del(kept, elsewhere[i]);
	if (strcmp(name, "mail") == 0)
		json_object_set_new(
			record, "direction", json_string(kind == 'o' ? "out" : "in"));
	if (json_object_get(kept, "kind") != NULL) {
		json_object_set(record, "sort", json_object_get(kept, "kind"));
		json_object_del(kept, "kind");
	}
	json_object_update_missing(record, kept);
	json_decref(kept);
	set_moments(record);
	return record;
}

/* What came in with a contact, as Redis has it, or one thing that is kept beside. The
 * caller's; NULL: it cannot be read, or holds no mail. */
static json_t *
read_kept(char kind, const struct redisReply *text)
{
	json_t *kept = json_loadb(text->str, text->len, 0, NULL), *mail;

	if (kind == 'm') {
		mail = json_object_get(json_object_get(kept, "payload"), "mail");
		json_incref(mail);
		json_decref(kept);
		kept = mail;
	}
	if (json_is_object(kept))
		return kept;
	json_decref(kept);
	return NULL;
}

/* False: the page is full, and the item is not told to its end. */
static bool
add_item(struct telling *t, char kind, const struct redisReply *text)
{
	json_t *kept = read_kept(kind, text), *record;

	if (kept == NULL)
		return true;
	record = json_incref(record_of(t, kind, kept));
	if (!subject_add_long(t->page, record, &t->pieces)) {
		json_decref(record);
		return false;
	}
	add_files(t, record);
	json_decref(record);
	return true;
}

/* ---- what is asked ---- */

static void tell_next(struct telling *t);

/* "CONTACT ITEM KIND"; false: it is none of ours. */
static bool
read_head(const struct redisReply *head, uint64_t *contact, int *item, char *kind)
{
	char id[NUMBER_ID_TEXT];

	return head->type == REDIS_REPLY_STRING &&
	       sscanf(head->str, "%13s %d %c", id, item, kind) == 3 &&
	       number_id_parse(id, 'c', contact);
}

/* An item, and that all up to it was looked at. */
static bool
take_item(struct telling *t, const struct redisReply *head, const struct redisReply *text)
{
	uint64_t contact;
	int item;
	char kind;

	if (!read_head(head, &contact, &item, &kind) || text->type != REDIS_REPLY_STRING)
		return true;
	if (contact != t->contact) {
		t->contact = contact;
		t->item = 0;
		t->pieces = 0;
	}
	if (kind != '.' && !add_item(t, kind, text))
		return false;
	t->item = item;
	return !subject_is_full(t->page);
}

static void
on_told(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct telling *t = owner;

	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) {
		if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
			log_error("mail: an export failed in Redis: %s", reply->str);
		told(t, SUBJECT_LATER);
		return;
	}
	for (size_t i = 0; i + 1 < reply->elements; i += 2)
		if (!take_item(t, reply->element[i], reply->element[i + 1])) {
			told(t, SUBJECT_MORE);
			return;
		}
	tell_next(t);
}

static void
tell_next(struct telling *t)
{
	const struct subject *subject = t->page->subject;
	/* The contact that was begun comes once more, unless it was told to its end. */
	size_t at = subject_behind(subject,
		t->contact > 0 && t->item < ALL_ITEMS ? t->contact - 1 : t->contact);
	char id[LOT][NUMBER_ID_TEXT], room[24], item[24];
	const char *args[LOT + 2] = {room, item};
	int n = 0;

	while (n < LOT && at + (size_t)n < subject->n_contacts) {
		number_id_format(id[n], 'c', subject->contacts[at + (size_t)n]);
		args[2 + n] = id[n];
		n++;
	}
	if (n == 0) {
		told(t, SUBJECT_ALL);
		return;
	}
	if (subject->contacts[at] != t->contact)
		t->pieces = 0;
	snprintf(room, sizeof room, "%zu", t->page->room);
	snprintf(item, sizeof item, "%d",
		subject->contacts[at] == t->contact ? t->item : 0);
	if (!side_call(t->index->side, on_told, t, 0, "mail_tell", 0, NULL, n + 2, args,
		    NULL))
		told(t, SUBJECT_LATER);
}

void
mail_tell(struct mail_index *index, const unsigned char *secret, int64_t now_ms,
	struct subject_page *page)
{
	struct telling *t = xcalloc(1, sizeof *t);

	*t = (struct telling){
		.index = index, .secret = secret, .now_ms = now_ms, .page = page};
	if (sscanf(page->place, "%" SCNu64 " %d %u", &t->contact, &t->item, &t->pieces) !=
		3)
		t->contact = 0;
	tell_next(t);
}
