/* intake/outbox_people.c - what people do with mails in the outbox: taken back, approved,
 * sent again, listed; and those that came back. */
#include <hiredis/hiredis.h>

#include "intake/outbox_inner.h"

const json_t *
outbox_find(const struct outbox *o, const char *id)
{
	struct item *m = out_find(o, id);

	return m != NULL && m->kept ? m->record : NULL;
}

bool
outbox_cancel(struct outbox *o, const char *id)
{
	struct item *m = out_find(o, id);

	if (m == NULL || !m->kept || (m->state != OUT_HELD && m->state != OUT_QUEUED))
		return false;
	/* Somebody may have it already when a try reached some of the recipients. */
	if (out_reached_anybody(m->record))
		return false;
	o->counts.cancelled++;
	out_move(o, m, OUT_CANCELLED, 0);
	return true;
}

bool
outbox_approve(struct outbox *o, const char *id, const char *by)
{
	struct item *m = out_find(o, id);

	if (m == NULL || !m->kept || m->state != OUT_HELD)
		return false;
	json_object_set_new(m->record, "approved_by", json_string(by));
	out_move(o, m, OUT_QUEUED, out_now_ms(o));
	out_plan(o);
	return true;
}

bool
outbox_retry(struct outbox *o, const char *id, const char *by)
{
	struct item *m = out_find(o, id);
	int64_t now_ms = out_now_ms(o);

	if (m == NULL || !m->kept || (m->state != OUT_FAILED && m->state != OUT_UNSURE))
		return false;
	json_object_set_new(m->record, "retried_by", json_string(by));
	json_object_del(m->record, "fates");
	out_set_number(m->record, "tries", 0);
	out_set_number(m->record, "created_ms", now_ms);
	out_move(o, m, OUT_QUEUED, now_ms);
	out_plan(o);
	return true;
}

static void
mark_bounced(struct outbox *o, struct item *m, const char *said)
{
	if (m->state == OUT_BOUNCED || !out_is_over(m->state))
		return;
	o->counts.bounced++;
	json_object_set_new(m->record, "words", json_string(said));
	log_info("mail: came back id=%s contact=%s", m->id,
		out_text(m->record, "contact"));
	out_move(o, m, OUT_BOUNCED, 0);
}

struct bounce {
	struct outbox *outbox;
	char *said;
};

static void
on_bounced_read(void *owner, uint64_t tag, const redisReply *reply)
{
	struct bounce *b = owner;
	struct json_problem problem;
	json_t *record = reply != NULL && reply->type == REDIS_REPLY_STRING
				 ? json_read(reply->str, reply->len, &problem)
				 : NULL;
	struct item *m;

	if (record != NULL && out_text(record, "id") != NULL &&
		out_state_of(record) != OUT_STATES &&
		out_find(b->outbox, out_text(record, "id")) == NULL) {
		m = out_add(b->outbox, record);
		m->kept = true;
		mark_bounced(b->outbox, m, b->said);
	} else
		json_decref(record);
	free(b->said);
	free(b);
}

void
outbox_bounced(struct outbox *o, const char *message_id, const char *said)
{
	char case_id[NUMBER_ID_TEXT], id[OUT_ID_TEXT], words[MAILER_WORDS_MAX], *key;
	struct bounce *b;
	struct item *m;

	if (!message_id_read(message_id, case_id, id, NULL))
		return;
	mailer_text_clean(said != NULL ? said : "It came back.", words, sizeof words);
	m = out_find(o, id);
	if (m != NULL) {
		mark_bounced(o, m, words);
		return;
	}
	b = xcalloc(1, sizeof *b);
	b->outbox = o;
	b->said = xstrdup(words);
	key = xasprintf("out:%s", id);
	if (!side_read(o->parts.side, on_bounced_read, b, 0, "GET", key, 0, NULL)) {
		free(b->said);
		free(b);
	}
	free(key);
}

static int
newest_first(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;

	return x->number < y->number ? 1 : x->number > y->number ? -1 : 0;
}

static bool
is_of(const json_t *record, const char *name, const char *wanted)
{
	const char *have = out_text(record, name);

	return wanted == NULL || (have != NULL && strcmp(have, wanted) == 0);
}

json_t *
outbox_list(const struct outbox *o, const char *contact, const char *case_id,
	enum out_state state, int most)
{
	struct item **found = xcalloc(o->items.n + 1, sizeof *found);
	json_t *list = json_array();
	size_t at = 0, n = 0;
	void *value;

	while (map_next(&o->items, &at, NULL, &value)) {
		struct item *m = value;

		if (m->kept && (state == OUT_STATES || m->state == state) &&
			is_of(m->record, "contact", contact) &&
			is_of(m->record, "case", case_id))
			found[n++] = m;
	}
	qsort(found, n, sizeof *found, newest_first);
	for (size_t i = 0; i < n && i < (size_t)most; i++)
		json_array_append(list, found[i]->record);
	free(found);
	return list;
}

void
outbox_counts(const struct outbox *o, struct outbox_counts *out)
{
	*out = o->counts;
}
