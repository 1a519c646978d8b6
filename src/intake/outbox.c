/*
 * intake/outbox.c - the outbox's mails in memory, their commits, and time.
 *
 * A mail's record is changed in memory and marked dirty; it is written when no write of
 * it is on its way and Redis is there, as often as that takes; what a state causes begins
 * after its commit (after_commit).
 */
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "intake/outbox_inner.h"

#define LIFE_OF_CASE_MS (400 * INT64_C(86400000)) /* list of a case's mails */
#define LIFE_OF_AUTO_MS (30 * INT64_C(86400000))  /* "had its automatic answer" */
#define CENTURY_MS (36500 * INT64_C(86400000))

extern const char outbox_functions[]; /* of outbox.lua */

const char *const out_state_name[OUT_STATES] = {
	"held", "queued", "sending", "sent", "failed", "unsure", "cancelled", "bounced"};
const char *const out_kind_name[OUT_KINDS] = {
	"reply", "forward", "automatic", "acknowledgement"};

static void write_item(struct outbox *o, struct item *m);

/* ---- records ---- */

const char *
out_text(const json_t *record, const char *name)
{
	return json_string_value(json_object_get(record, name));
}

int64_t
out_number(const json_t *record, const char *name)
{
	return json_integer_value(json_object_get(record, name));
}

void
out_set_number(json_t *record, const char *name, int64_t value)
{
	json_object_set_new(record, name, json_integer(value));
}

enum out_state
out_state_of(const json_t *record)
{
	const char *state = out_text(record, "state");

	for (int i = 0; state != NULL && i < OUT_STATES; i++)
		if (strcmp(out_state_name[i], state) == 0)
			return (enum out_state)i;
	return OUT_STATES;
}

bool
out_is_automatic(const json_t *record)
{
	const char *kind = out_text(record, "kind");

	return kind != NULL &&
	       (strcmp(kind, out_kind_name[OUT_AUTOMATIC]) == 0 ||
		       strcmp(kind, out_kind_name[OUT_ACKNOWLEDGEMENT]) == 0);
}

int64_t
out_now_ms(const struct outbox *o)
{
	return o->parts.now(o->parts.now_owner);
}

bool
out_is_over(enum out_state state)
{
	return state >= OUT_SENT;
}

void
outbox_name(char id[OUT_ID_TEXT], const char *act)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];

	if (act != NULL ? EVP_Digest(act, strlen(act), bytes, NULL, EVP_sha256(), NULL) !=
				  1
			: RAND_bytes(bytes, (OUT_ID_TEXT - 1) / 2) != 1)
		abort(); /* no randomness: nothing of ours would be safe */
	for (size_t i = 0; i < (OUT_ID_TEXT - 1) / 2; i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

/* ---- items ---- */

struct item *
out_find(const struct outbox *o, const char *id)
{
	return id != NULL ? map_get(&o->items, id) : NULL;
}

static void
count_state(struct outbox *o, enum out_state state, int by)
{
	if (state == OUT_HELD)
		o->counts.held += by;
	else if (state == OUT_QUEUED)
		o->counts.queued += by;
	else if (state == OUT_SENDING)
		o->counts.sending += by;
	if (!out_is_over(state))
		o->live += by;
}

struct item *
out_add(struct outbox *o, json_t *record)
{
	struct item *m = xcalloc(1, sizeof *m);

	snprintf(m->id, sizeof m->id, "%s", out_text(record, "id"));
	m->record = record;
	m->state = out_state_of(record);
	m->due_ms = out_number(record, "due_ms");
	m->number = o->next_number++;
	map_put(&o->items, m->id, m);
	count_state(o, m->state, 1);
	return m;
}

static void
item_free(struct item *m)
{
	json_decref(m->record);
	free(m->once);
	free(m);
}

static void
item_remove(struct outbox *o, struct item *m)
{
	count_state(o, m->state, -1);
	map_remove(&o->items, m->id);
	item_free(m);
}

/* Those that have been over longest make room. */
static void
trim(struct outbox *o)
{
	size_t at = 0;
	struct item *oldest = NULL;
	void *value;

	if (o->items.n <= (size_t)o->live + OUTBOX_RECENT)
		return;
	while (map_next(&o->items, &at, NULL, &value)) {
		struct item *m = value;

		if (out_is_over(m->state) && !m->writing && !m->dirty &&
			(oldest == NULL || m->number < oldest->number))
			oldest = m;
	}
	if (oldest != NULL)
		item_remove(o, oldest);
}

void
out_move(struct outbox *o, struct item *m, enum out_state state, int64_t due_ms)
{
	count_state(o, m->state, -1);
	m->state = state;
	m->due_ms = due_ms;
	count_state(o, state, 1);
	json_object_set_new(m->record, "state", json_string(out_state_name[state]));
	out_set_number(m->record, "due_ms", due_ms);
	m->dirty = true;
	write_item(o, m);
}

/* ---- commits ---- */

static void
after_commit(struct outbox *o, struct item *m)
{
	o->parts.changed(o->parts.owner, m->record);
	if (m->state == OUT_SENDING && !m->on_way)
		out_hand_over(o, m);
	trim(o);
	out_plan(o);
}

/* It was not kept. */
static void
drop(struct outbox *o, struct item *m, enum outbox_kept why)
{
	outbox_done done = m->done;
	void *owner = m->owner;
	uint64_t tag = m->tag;

	item_remove(o, m);
	done(owner, tag, why);
}

/* An act that came again, after a restart: its mail left long since, and is at hand again
 * as Redis has it. False: it cannot be read. */
static bool
take_earlier(struct outbox *o, struct item *m, const redisReply *reply)
{
	struct json_problem problem;
	json_t *record = json_read(reply->str, reply->len, &problem);

	if (record == NULL || out_state_of(record) == OUT_STATES) {
		log_error("mail: a record of the outbox cannot be read id=%s", m->id);
		json_decref(record);
		return false;
	}
	count_state(o, m->state, -1);
	json_decref(m->record);
	m->record = record;
	m->state = out_state_of(record);
	m->due_ms = out_number(record, "due_ms");
	count_state(o, m->state, 1);
	m->kept = true;
	m->dirty = false;
	return true;
}

static void
on_written(void *owner, uint64_t tag, const redisReply *reply)
{
	struct outbox *o = owner;
	char id[OUT_ID_TEXT];
	struct item *m;

	snprintf(id, sizeof id, "%016" PRIx64, tag);
	m = out_find(o, id);
	if (m == NULL)
		return;
	m->writing = false;
	if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
		if (reply != NULL)
			log_error(
				"mail: Redis refuses a record id=%s: %s", id, reply->str);
		m->dirty = true; /* once more when it is back */
		if (!m->kept && reply != NULL) {
			drop(o, m, OUTBOX_AWAY);
			return;
		}
		out_plan(o);
		return;
	}
	if (!m->kept && reply->type == REDIS_REPLY_STRING) {
		if (take_earlier(o, m, reply)) {
			m->done(m->owner, m->tag, OUTBOX_KEPT);
			trim(o);
			out_plan(o);
		} else
			drop(o, m, OUTBOX_AWAY);
		return;
	}
	if (!m->kept && reply->integer == 0) {
		drop(o, m, OUTBOX_KNOWN);
		return;
	}
	if (!m->kept) {
		m->kept = true;
		m->done(m->owner, m->tag, OUTBOX_KEPT);
		m = out_find(o, id);
		if (m == NULL)
			return;
	}
	if (m->dirty)
		write_item(o, m);
	else
		after_commit(o, m);
}

static bool
send_put(struct outbox *o, struct item *m, const char *text)
{
	char due[24], life[24], now[24], oldest[24], life_auto[24], created[24];
	char *out_key = xasprintf("out:%s", m->id),
	     *case_key = xasprintf("case:%s", out_text(m->record, "case")),
	     *auto_key = xasprintf("auto:%s", out_text(m->record, "contact"));
	const char *const keys[] = {"outbox", out_key, case_key, auto_key, "autos"};
	const char *const person[] = {m->id, due, text, life, created};
	const char *const automatic[] = {
		m->id, due, text, life, now, m->once, oldest, life_auto};
	bool done;

	snprintf(due, sizeof due, "%" PRId64, m->due_ms);
	snprintf(life, sizeof life, "%" PRId64, LIFE_OF_CASE_MS);
	snprintf(now, sizeof now, "%" PRId64, out_now_ms(o));
	snprintf(oldest, sizeof oldest, "%" PRId64, m->oldest_ms);
	snprintf(life_auto, sizeof life_auto, "%" PRId64, LIFE_OF_AUTO_MS);
	snprintf(
		created, sizeof created, "%" PRId64, out_number(m->record, "created_ms"));
	done = side_call(o->parts.side, on_written, o, strtoull(m->id, NULL, 16),
		"outbox_put", m->once != NULL ? 5 : 3, keys, m->once != NULL ? 8 : 5,
		m->once != NULL ? automatic : person, NULL);
	free(out_key);
	free(case_key);
	free(auto_key);
	return done;
}

static bool
send_change(struct outbox *o, struct item *m, const char *text)
{
	char due[24] = "", keep[24] = "", *out_key = xasprintf("out:%s", m->id);
	const char *const keys[] = {"outbox", out_key};
	const char *const args[] = {m->id, due, text, keep};
	bool done;

	if (out_is_over(m->state))
		snprintf(keep, sizeof keep, "%" PRId64,
			o->settings.keep_ms > 0 ? o->settings.keep_ms : CENTURY_MS);
	else
		snprintf(due, sizeof due, "%" PRId64, m->due_ms);
	done = side_call(o->parts.side, on_written, o, strtoull(m->id, NULL, 16),
		"outbox_change", 2, keys, 4, args, NULL);
	free(out_key);
	return done;
}

static void
write_item(struct outbox *o, struct item *m)
{
	struct text text = {0};

	if (m->writing)
		return; /* on_written goes on */
	m->dirty = true;
	if (!side_is_up(o->parts.side))
		return;
	json_write(&text, m->record);
	m->writing = m->kept ? send_change(o, m, text.s) : send_put(o, m, text.s);
	m->dirty = !m->writing;
	text_finish(&text);
}

void
outbox_put(struct outbox *o, json_t *record, const struct outbox_once *once,
	outbox_done done, void *owner, uint64_t tag)
{
	struct item *m;

	if (!o->loaded || !side_is_up(o->parts.side) || o->live >= OUTBOX_LIVE_MAX ||
		out_find(o, out_text(record, "id")) != NULL) {
		json_decref(record);
		done(owner, tag, OUTBOX_AWAY);
		return;
	}
	m = out_add(o, record);
	m->done = done;
	m->owner = owner;
	m->tag = tag;
	if (once != NULL) {
		m->once = xasprintf("%s %s %s", m->id, once->response, once->sender);
		m->oldest_ms = once->oldest_ms;
	}
	write_item(o, m);
	if (!m->writing) {
		item_remove(o, m);
		done(owner, tag, OUTBOX_AWAY);
	}
}

static bool
is_of(const struct item *m, const struct subject *subject)
{
	const char *its = out_text(m->record, "contact");
	uint64_t contact;

	return its != NULL && number_id_parse(its, 'c', &contact) &&
	       subject_has_contact(subject, contact) &&
	       (!subject->by_time || (out_is_over(m->state) && m->kept));
}

/* What is on its way comes back to no record, and says nothing. */
static void
item_forget(struct outbox *o, struct item *m)
{
	outbox_done done = m->kept ? NULL : m->done;
	void *owner = m->owner;
	uint64_t tag = m->tag;

	item_remove(o, m);
	if (done != NULL)
		done(owner, tag, OUTBOX_AWAY);
}

void
outbox_forget(struct outbox *o, const struct subject *subject)
{
	char(*found)[OUT_ID_TEXT] = xcalloc(o->items.n + 1, sizeof *found);
	size_t at = 0, n = 0;
	struct item *m;
	void *value;

	while (map_next(&o->items, &at, NULL, &value))
		if (is_of(value, subject))
			memcpy(found[n++], ((struct item *)value)->id, OUT_ID_TEXT);
	for (size_t i = 0; i < n; i++)
		if ((m = out_find(o, found[i])) != NULL)
			item_forget(o, m);
	free(found);
}

/* ---- time ---- */

/* An automatic mail that waited too long: an agent has its contact by now, or soon. */
static bool
too_late(const struct outbox *o, const struct item *m, int64_t now_ms)
{
	return m->state == OUT_QUEUED && m->kept && !m->writing &&
	       out_is_automatic(m->record) &&
	       now_ms - out_number(m->record, "created_ms") >
		       out_give_up_ms(o, m->record);
}

static void
on_tick(evutil_socket_t fd, short what, void *owner)
{
	struct outbox *o = owner;
	int64_t now_ms = out_now_ms(o);
	size_t at = 0;
	void *value;

	if (!o->loaded || !side_is_up(o->parts.side))
		return;
	while (map_next(&o->items, &at, NULL, &value)) {
		struct item *m = value;

		if (m->dirty && !m->writing)
			write_item(o, m);
		else if (too_late(o, m, now_ms)) {
			out_say(m, 0, "It came too late to leave by itself.");
			out_fail(o, m, OUT_FAILED);
		} else if (m->state == OUT_QUEUED && m->kept && !m->writing &&
			   m->due_ms <= now_ms && o->counts.sending < o->parts.threads &&
			   mailer_is_ready(o->parts.mailer))
			out_move(o, m, OUT_SENDING, m->due_ms);
	}
	out_plan(o);
}

/* Wakes up for the next that is due. While no thread is free, or there is no relay, the
 * end of a mail or new settings do. */
void
out_plan(struct outbox *o)
{
	int64_t now_ms = out_now_ms(o), next_ms = INT64_MAX;
	struct timeval wait;
	size_t at = 0;
	void *value;

	while (map_next(&o->items, &at, NULL, &value)) {
		const struct item *m = value;

		if (m->dirty && !m->writing)
			next_ms = now_ms;
		else if (m->state == OUT_QUEUED && m->kept && m->due_ms < next_ms &&
			 mailer_is_ready(o->parts.mailer))
			next_ms = m->due_ms;
	}
	if (next_ms == INT64_MAX || !side_is_up(o->parts.side)) {
		event_del(o->tick);
		return;
	}
	next_ms = next_ms > now_ms ? next_ms - now_ms : 0;
	wait.tv_sec = (time_t)(next_ms / 1000);
	wait.tv_usec = (suseconds_t)(next_ms % 1000 * 1000);
	event_add(o->tick, &wait);
}

/* ---- the start ---- */

static void
all_loaded(struct outbox *o)
{
	size_t at = 0;
	void *value;

	o->loaded = true;
	while (map_next(&o->items, &at, NULL, &value)) {
		struct item *m = value;

		if (m->state != OUT_SENDING)
			continue;
		/* It was on its way when usherd ended: nobody knows. */
		if (out_is_automatic(m->record)) {
			out_say(m, 0, "usherd ended while it was being sent.");
			out_fail(o, m, OUT_UNSURE);
		} else
			out_move(o, m, OUT_QUEUED, out_now_ms(o));
	}
	log_info("mail: outbox loaded live=%d", o->live);
	if (o->parts.loaded != NULL)
		o->parts.loaded(o->parts.owner);
	out_plan(o);
}

static void
on_record(void *owner, const char *name, const char *text, size_t n)
{
	struct outbox *o = owner;
	struct json_problem problem = {0};
	json_t *record = json_read(text, n, &problem);

	if (record != NULL && out_text(record, "id") != NULL &&
		out_state_of(record) != OUT_STATES &&
		out_find(o, out_text(record, "id")) == NULL) {
		out_add(o, record)->kept = true;
		return;
	}
	if (record == NULL)
		log_error("mail: a record of the outbox cannot be read: %s",
			problem.message);
	json_decref(record);
}

static void
on_records(void *owner, bool whole)
{
	struct outbox *o = owner;

	o->loading = false; /* all again when Redis is back */
	if (whole)
		all_loaded(o);
}

static void
on_side(void *owner, bool up)
{
	struct outbox *o = owner;

	if (up && !o->loaded && !o->loading)
		o->loading = side_read_named(
			o->parts.side, "outbox", "out", on_record, on_records, o);
	out_plan(o);
}

struct outbox *
outbox_create(const struct outbox_parts *parts)
{
	struct outbox *o = xcalloc(1, sizeof *o);

	o->parts = *parts;
	o->settings = (struct outbox_settings){172800000, 240000, 90 * INT64_C(86400000)};
	o->tick = evtimer_new(parts->base, on_tick, o);
	side_add_library(parts->side, OUTBOX_LIBRARY, outbox_functions);
	side_listen(parts->side, on_side, o);
	if (side_is_up(parts->side))
		on_side(o, true);
	return o;
}

void
outbox_configure(struct outbox *o, const struct outbox_settings *settings)
{
	o->settings = *settings;
	out_plan(o);
}

bool
outbox_is_loaded(const struct outbox *o)
{
	return o->loaded;
}

void
outbox_destroy(struct outbox *o)
{
	size_t at = 0;
	void *value;

	if (o == NULL)
		return;
	while (map_next(&o->items, &at, NULL, &value))
		item_free(value);
	map_finish(&o->items);
	event_free(o->tick);
	free(o);
}
