/* intake/maildesk_work.c - notes on the mails that are in work, and their clocks. */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "intake/maildesk_inner.h"

int64_t
desk_time_ms(const struct maildesk *d)
{
	return d->parts.now(d->parts.owner);
}

void
contact_text(char out[NUMBER_ID_TEXT], uint64_t contact)
{
	number_id_format(out, 'c', contact);
}

struct live *
desk_live(const struct maildesk *d, const char *mailbox)
{
	return mailbox != NULL ? d->parts.live(d->parts.owner, mailbox) : NULL;
}

struct live *
desk_next_live(const struct maildesk *d, int *at, const char **mailbox)
{
	struct live *live = NULL;

	while (live == NULL &&
		(*mailbox = d->parts.mailbox(d->parts.owner, (*at)++)) != NULL)
		live = desk_live(d, *mailbox);
	return live;
}

static char *
text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text != NULL && text[0] != '\0' ? xstrdup(text) : NULL;
}

/* A chat that goes on as a mail has none of its own: it is from the customer, about what
 * the chat was about, and whatever answers it begins the thread. False: nobody could be
 * written to. */
static bool
mail_of_contact(
	const struct maildesk *d, uint64_t contact, const json_t *o, struct mail *mail)
{
	const json_t *attributes = json_object_get(o, "attributes");
	const char *address = router_attempts(d->parts.router, contact).number;
	const char *mailbox = d->parts.mailbox(d->parts.owner, 0);

	if (address == NULL || strchr(address, '@') == NULL)
		address =
			json_string_value(json_object_get(attributes, "customer.email"));
	if (address == NULL || address[0] == '\0' || mailbox == NULL)
		return false;
	*mail = (struct mail){.mailbox = xstrdup(mailbox),
		.from = {.name = text_of(attributes, "customer.name"),
			.address = xstrdup(address)},
		.subject = text_of(o, "title"),
		.received_ms = json_integer_value(json_object_get(o, "created_ms"))};
	return true;
}

bool
work_mail(struct maildesk *d, uint64_t contact, struct mail *mail,
	char case_id[NUMBER_ID_TEXT])
{
	int channel = router_contact_channel(d->parts.router, contact);
	json_t *o;
	bool found;

	if (channel < 0 || !d->parts.is_mail(d->parts.owner, channel))
		return false;
	o = router_contact_json(d->parts.router, desk_time_ms(d), contact,
		DESCRIBE_PAYLOAD | DESCRIBE_ATTRIBUTES);
	found = o != NULL && (mail_from_json(json_object_get(o, "payload"), mail) ||
				     mail_of_contact(d, contact, o, mail));
	json_decref(o);
	if (!found)
		return false;
	if (mail->case_id != NULL)
		snprintf(case_id, NUMBER_ID_TEXT, "%s", mail->case_id);
	else
		contact_text(case_id, contact);
	return true;
}

/* ---- notes ---- */

struct mail_note *
work_find(const struct maildesk *d, uint64_t contact)
{
	return idmap_get(&d->works, contact);
}

static void
work_free(struct mail_note *w)
{
	json_decref(w->note);
	free(w);
}

static struct mail_note *
work_add(struct maildesk *d, uint64_t contact, json_t *note)
{
	struct mail_note *w = xcalloc(1, sizeof *w);

	w->contact = contact;
	w->note = note;
	idmap_put(&d->works, contact, w);
	return w;
}

static json_t *
proposals_json(const struct mail_suggest *s)
{
	json_t *list = json_array();

	for (int i = 0; i < s->n; i++)
		json_array_append_new(
			list, json_pack("{s:s*, s:s*, s:f, s:s*}", "id", s->list[i].id,
				      "title", s->list[i].title, "p", s->list[i].p, "why",
				      s->list[i].why));
	return list;
}

struct mail_note *
work_of(struct maildesk *d, uint64_t contact)
{
	struct mail_note *w = work_find(d, contact);
	char text[NUMBER_ID_TEXT], case_id[NUMBER_ID_TEXT];
	struct mail mail;
	int64_t arrived_ms;

	if (w != NULL || d->works.n >= WORKS_MAX)
		return w;
	if (!work_mail(d, contact, &mail, case_id))
		return NULL;
	contact_text(text, contact);
	arrived_ms = mail.received_ms > 0 ? mail.received_ms : desk_time_ms(d);
	w = work_add(d, contact,
		json_pack("{s:s, s:s, s:I, s:I}", "contact", text, "case", case_id,
			"arrived_ms", (json_int_t)arrived_ms, "asked_ms",
			(json_int_t)arrived_ms));
	if (mail.earlier != NULL)
		json_object_set_new(w->note, "came", json_copy(mail.earlier));
	work_came(d, w, &mail);
	if (mail.suggest.n > 0)
		json_object_set_new(w->note, "proposals", proposals_json(&mail.suggest));
	mail_finish(&mail);
	return w;
}

/* ---- the thread in brief ---- */

void
work_came(struct maildesk *d, struct mail_note *w, const struct mail *mail)
{
	json_t *came = json_object_get(w->note, "came");
	char at[MOMENT_TEXT];

	if (came == NULL) {
		came = json_array();
		json_object_set_new(w->note, "came", came);
	}
	moment_format(at, mail->received_ms > 0 ? mail->received_ms : desk_time_ms(d));
	json_array_append_new(
		came, mail_brief(at, mail->from.address, mail->subject, mail->text));
	while (json_array_size(came) > CAME_MOST)
		json_array_remove(came, 0);
}

static const char *
at_of(const json_t *one)
{
	const char *at = json_string_value(json_object_get(one, "at"));

	return at != NULL ? at : "";
}

/* Puts one in by its time; moments in words of one form sort as texts. */
static void
insert(json_t *list, json_t *one)
{
	size_t i = json_array_size(list);

	while (i > 0 && strcmp(at_of(json_array_get(list, i - 1)), at_of(one)) > 0)
		i--;
	json_array_insert_new(list, i, one);
}

json_t *
work_thread(const struct mail_note *w, const json_t *sent)
{
	json_t *list = json_array(), *one;
	const json_t *from;
	size_t i;

	json_array_foreach(json_object_get(w->note, "came"), i, from)
		insert(list, json_copy((json_t *)from));
	json_array_foreach(sent, i, from)
	{
		int64_t ms = json_integer_value(json_object_get(from, "created_ms"));
		const char *by = json_string_value(json_object_get(from, "by"));
		char at[MOMENT_TEXT];

		moment_format(at, ms);
		one = mail_brief(at, NULL,
			json_string_value(json_object_get(from, "subject")),
			json_string_value(json_object_get(from, "text")));
		json_object_set(one, "mail", json_object_get(from, "id"));
		if (by != NULL)
			json_object_set_new(one, "by", json_string(by));
		insert(list, one);
	}
	while (json_array_size(list) > THREAD_MOST)
		json_array_remove(list, 0);
	return list;
}

static void write_note(struct maildesk *d, struct mail_note *w);

static void
on_written(void *owner, uint64_t tag, const redisReply *reply)
{
	struct maildesk *d = owner;
	struct mail_note *w = work_find(d, tag);
	bool kept = reply != NULL && reply->type == REDIS_REPLY_INTEGER;

	if (w == NULL)
		return;
	w->writing = false;
	if (!kept)
		w->dirty = true; /* again when Redis is back */
	if (w->dirty && kept) {
		write_note(d, w);
		return;
	}
	if (w->done != NULL) {
		void (*done)(struct maildesk *, struct mail_note *, uint64_t, bool) =
			w->done;

		w->done = NULL;
		done(d, w, w->tag, kept);
	}
}

static bool
call_note(struct maildesk *d, uint64_t contact, const char *text)
{
	char name[NUMBER_ID_TEXT], life[24], at[24], key[8 + NUMBER_ID_TEXT];
	const char *const keys[] = {key, "works"};
	const char *const args[] = {text, life, name, at};

	contact_text(name, contact);
	snprintf(key, sizeof key, "work:%s", name);
	snprintf(life, sizeof life, "%" PRId64, WORK_LIFE_MS);
	snprintf(at, sizeof at, "%" PRId64, desk_time_ms(d));
	return side_call(d->parts.side, on_written, d, contact, "outbox_note", 2, keys, 4,
		args, NULL);
}

static void
write_note(struct maildesk *d, struct mail_note *w)
{
	struct text text = {0};

	json_write(&text, w->note);
	w->writing = call_note(d, w->contact, text.s);
	w->dirty = !w->writing;
	text_finish(&text);
}

void
work_save(struct maildesk *d, struct mail_note *w)
{
	w->dirty = true;
	if (!w->writing && d->works_read)
		write_note(d, w);
}

/* The contact is over: nobody needs the note any more. */
void
work_end(struct maildesk *d, uint64_t contact)
{
	struct mail_note *w = idmap_remove(&d->works, contact);

	if (w == NULL)
		return;
	if (w->done != NULL)
		w->done(d, w, w->tag, false);
	work_free(w);
	/* Lost when Redis is away; the next start takes it away. */
	if (!call_note(d, contact, ""))
		log_info("mail: a note is left behind for the next start");
}

/* ---- questions and answers ---- */

static int64_t
note_ms(const struct mail_note *w, const char *name)
{
	return json_integer_value(json_object_get(w->note, name));
}

bool
work_is_answered(const struct mail_note *w)
{
	int64_t replied_ms = note_ms(w, "replied_ms");

	return replied_ms > 0 && replied_ms >= note_ms(w, "asked_ms");
}

void
work_asked(struct maildesk *d, struct mail_note *w, int64_t at_ms)
{
	/* A clock that runs already goes on from the first question. */
	bool answered = work_is_answered(w);

	json_object_del(w->note, "awaits");
	if (answered)
		json_object_set_new(w->note, "asked_ms", json_integer(at_ms));
	if (!d->works_read)
		json_object_set_new(w->note, "joined_ms", json_integer(at_ms));
	work_save(d, w);
	if (answered)
		router_respond_by(d->parts.router, desk_time_ms(d), w->contact, at_ms);
}

/* ---- the start ---- */

static bool
holds(const json_t *list, const json_t *one)
{
	const json_t *its;
	size_t i;

	json_array_foreach(list, i, its) if (json_equal(its, one)) return true;
	return false;
}

static void
add_came(json_t *note, const json_t *more)
{
	json_t *came = json_object_get(note, "came");
	const json_t *one;
	size_t i;

	if (came == NULL) {
		came = json_array();
		json_object_set_new(note, "came", came);
	}
	json_array_foreach(more, i, one) if (!holds(came, one))
		json_array_append_new(came, json_copy((json_t *)one));
	while (json_array_size(came) > CAME_MOST)
		json_array_remove(came, 0);
}

/* Something happened to the mail before its note was read: that goes into the note.
 * Agents have not had it meanwhile, so it is what came and what left, and why no answer
 * went out by itself. stored is stolen. */
static void
add_since(struct maildesk *d, struct mail_note *w, json_t *stored)
{
	int64_t joined_ms = note_ms(w, "joined_ms");
	json_t *since = w->note;

	w->note = stored;
	if (json_object_get(since, "replied_ms") != NULL)
		json_object_set(
			stored, "replied_ms", json_object_get(since, "replied_ms"));
	add_came(stored, json_object_get(since, "came"));
	json_object_update_missing(stored, since);
	json_decref(since);
	if (joined_ms != 0)
		work_asked(d, w, joined_ms);
	json_object_del(stored, "joined_ms");
	work_save(d, w);
	d->parts.people->changed(d->parts.people->owner, w->contact);
}

static void
take_note(struct maildesk *d, uint64_t contact, json_t *note)
{
	enum contact_state state = router_contact_state(d->parts.router, contact);
	struct mail_note *w = work_find(d, contact);

	if (w != NULL)
		add_since(d, w, note);
	else
		work_add(d, contact, note);
	if (state == CONTACT_STATES || contact_is_over(state))
		work_end(d, contact);
}

static void
on_note(void *owner, const char *name, const char *text, size_t n)
{
	struct json_problem problem;
	json_t *note = json_read(text, n, &problem);
	uint64_t contact;

	if (note != NULL && number_id_parse(name, 'c', &contact))
		take_note(owner, contact, note);
	else
		json_decref(note);
}

static void
on_notes(void *owner, bool whole)
{
	struct maildesk *d = owner;

	d->works_reading = false;
	if (!whole) {
		log_info("mail: notes are read when Redis is back");
		return;
	}
	d->works_read = true;
	works_flush(d); /* what was to be written meanwhile */
	maildesk_works_read(d);
}

void
works_load(struct maildesk *d)
{
	if (!d->works_read && !d->works_reading)
		d->works_reading = side_read_named(
			d->parts.side, "works", "work", on_note, on_notes, d);
}

void
works_flush(struct maildesk *d)
{
	size_t at = 0;
	void *value;

	while (d->works_read && idmap_next(&d->works, &at, NULL, &value)) {
		struct mail_note *w = value;

		if (w->dirty && !w->writing)
			write_note(d, w);
	}
}

void
works_finish(struct maildesk *d)
{
	size_t at = 0;
	void *value;

	while (idmap_next(&d->works, &at, NULL, &value))
		work_free(value);
	idmap_finish(&d->works);
}

/* ---- clocks ---- */

/* Open time of the channel's calendar between two moments. */
static int64_t
open_ms(struct maildesk *d, int channel, int64_t from_ms, int64_t to_ms)
{
	const struct centre *c = router_centre(d->parts.router);
	int calendar = channel >= 0 && channel < c->n_channels
			       ? c->channels[channel].calendar
			       : -1;

	if (to_ms <= from_ms)
		return 0;
	return calendar >= 0 ? calendar_between_ms(c->calendars[calendar], from_ms, to_ms)
			     : to_ms - from_ms;
}

static json_t *
clock_json(int64_t length_ms, bool runs)
{
	return json_pack("{s:I, s:b}", "open_ms", (json_int_t)length_ms, "running", runs);
}

json_t *
work_clocks(struct maildesk *d, uint64_t contact, const struct mail_note *w)
{
	int64_t now_ms = desk_time_ms(d), first_ms = note_ms(w, "first_reply_ms"),
		asked_ms = note_ms(w, "asked_ms"), replied_ms = note_ms(w, "replied_ms"),
		arrived_ms = note_ms(w, "arrived_ms");
	json_t *o = router_contact_json(d->parts.router, now_ms, contact, 0);
	const char *name = json_string_value(json_object_get(o, "channel"));
	int channel =
		name != NULL ? centre_channel(router_centre(d->parts.router), name) : -1;
	bool answered = work_is_answered(w);

	json_decref(o);
	o = json_object();
	json_object_set_new(o, "first_response",
		clock_json(
			open_ms(d, channel, arrived_ms, first_ms > 0 ? first_ms : now_ms),
			first_ms == 0));
	json_object_set_new(o, "next_response",
		clock_json(open_ms(d, channel, asked_ms, answered ? replied_ms : now_ms),
			!answered));
	json_object_set_new(o, "resolution",
		clock_json(open_ms(d, channel, arrived_ms, now_ms), true));
	return o;
}
