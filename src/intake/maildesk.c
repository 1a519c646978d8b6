/*
 * intake/maildesk.c - the mail desk's life: made, told of events, told of Redis.
 */
#include "intake/maildesk.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/worker.h"
#include "intake/maildesk_inner.h"

#define REBUILD_THREADS 1
#define REBUILDS_WAITING 4
#define FILERS 2
#define FILES_WAITING 64

/* ---- mails that change ---- */

static void
tell_delivery(struct maildesk *d, const json_t *record)
{
	const struct people *people = d->parts.people;
	const char *by = json_string_value(json_object_get(record, "by"));
	const struct centre *centre = router_centre(d->parts.router);
	int agent = by != NULL ? centre_agent(centre, by) : -1;
	enum out_state state = out_state_of(record);
	json_t *o = json_object();

	json_object_set_new(o, "mail", record_brief(record, false));
	if (agent >= 0)
		people->tell_agent(
			people->owner, agent, "email.delivery", json_incref(o));
	/* What somebody must look at. */
	if (state == OUT_HELD || state == OUT_FAILED || state == OUT_UNSURE ||
		state == OUT_BOUNCED)
		people->tell_watchers(
			people->owner, -1, agent, "email.delivery", json_incref(o));
	json_decref(o);
}

/* The clocks: when it was answered. */
static void
note_reply(struct maildesk *d, const json_t *record)
{
	uint64_t contact;
	struct mail_note *w;
	int64_t at_ms = json_integer_value(json_object_get(record, "sent_ms"));

	if (!number_id_parse(
		    json_string_value(json_object_get(record, "contact")), 'c', &contact))
		return;
	w = d->works_read ? work_find(d, contact) : work_of(d, contact);
	if (w == NULL)
		return;
	if (json_integer_value(json_object_get(w->note, "first_reply_ms")) == 0)
		json_object_set_new(w->note, "first_reply_ms", json_integer(at_ms));
	json_object_set_new(w->note, "replied_ms", json_integer(at_ms));
	work_save(d, w);
	/* What its agent has put aside meanwhile is due no sooner than he comes to it. */
	if (work_is_answered(w))
		router_respond_by(d->parts.router, desk_time_ms(d), contact, 0);
	d->parts.people->changed(d->parts.people->owner, contact);
}

static void
on_changed(void *owner, const json_t *record)
{
	struct maildesk *d = owner;
	json_t *verdict = json_object_get(record, "verdict");
	const char *kind = json_string_value(json_object_get(record, "kind"));

	tell_delivery(d, record);
	if (out_is_automatic(record)) {
		answers_changed(d, record);
		return;
	}
	if (out_state_of(record) != OUT_SENT)
		return;
	if (kind != NULL && strcmp(kind, out_kind_name[OUT_REPLY]) == 0)
		note_reply(d, record);
	/* Only what went out is a verdict: what was taken back or refused is none. */
	if (verdict != NULL &&
		verdicts_find(d->verdicts,
			json_string_value(json_object_get(verdict, "contact"))) == NULL)
		verdict_learn(d, json_deep_copy(verdict));
}

/* ---- Redis ---- */

static void
on_outbox_loaded(void *owner)
{
	/* Contacts that are still held from before this start wake by themselves. */
}

/* When the model that answers in a language was built; 0: never. */
static int64_t
built_ms(const struct live *live, const char *language)
{
	struct live_state states[LIVE_LANGUAGES_MAX];
	int n = live_states(live, states, LIVE_LANGUAGES_MAX);
	size_t length = language != NULL ? strcspn(language, "-") : 0;

	for (int i = 0; i < n; i++)
		if (strncmp(states[i].language, language != NULL ? language : "",
			    length) == 0 &&
			strlen(states[i].language) == length)
			return states[i].built_ms;
	return 0;
}

/* Teaches a mailbox's matcher (NULL: every one) what came after its models were built.
 */
static void
teach_again(struct maildesk *d, const char *mailbox)
{
	const json_t *record;
	size_t at = 0;

	while ((record = verdicts_next(d->verdicts, &at)) != NULL) {
		const char *its = json_string_value(json_object_get(record, "mailbox"));
		struct live *live = desk_live(d, its);

		if (live != NULL && (mailbox == NULL || strcmp(its, mailbox) == 0) &&
			json_integer_value(json_object_get(record, "at_ms")) >=
				built_ms(live, json_string_value(json_object_get(
						       record, "language"))))
			verdict_teach(d, record);
	}
}

static void
on_verdicts_loaded(void *owner)
{
	teach_again(owner, NULL);
}

static void
on_side(void *owner, bool up)
{
	struct maildesk *d = owner;

	if (!up)
		return;
	responses_load(d);
	verdicts_load(d->verdicts);
	works_load(d);
	works_flush(d);
	answers_load(d);
}

/* ---- events ---- */

/* A customer wrote again: what was put aside for it is over, the new mail goes on. */
static void
join_case(struct maildesk *d, uint64_t contact, const char *case_id)
{
	size_t at = 0;
	void *value;

	while (idmap_next(&d->works, &at, NULL, &value)) {
		struct mail_note *w = value;
		const char *its = json_string_value(json_object_get(w->note, "case"));
		struct reply none = {0};

		if (w->contact == contact || its == NULL || strcmp(its, case_id) != 0 ||
			!json_is_true(json_object_get(w->note, "awaits")) ||
			router_contact_state(d->parts.router, w->contact) !=
				CONTACT_PARKED)
			continue;
		log_info("mail: answer came contact=%" PRIx64 " joins=%" PRIx64,
			w->contact, contact);
		json_object_del(w->note, "awaits");
		router_complete(
			d->parts.router, desk_time_ms(d), w->contact, -1, NULL, none);
		return; /* the table may have changed */
	}
}

void
maildesk_works_read(struct maildesk *d)
{
	size_t at = 0;
	void *value;

	while (idmap_next(&d->works, &at, NULL, &value)) {
		struct mail_note *w = value;
		const char *its = json_string_value(json_object_get(w->note, "case"));

		if (!w->joins || its == NULL)
			continue;
		w->joins = false;
		join_case(d, w->contact, its);
		at = 0; /* the table may have changed */
	}
}

static void
on_created(struct maildesk *d, uint64_t contact)
{
	char case_id[NUMBER_ID_TEXT];
	struct mail_note *w;
	struct mail mail;
	bool threaded;

	if (!work_mail(d, contact, &mail, case_id))
		return;
	threaded = mail.thread != MAIL_NO_THREAD && mail.automatic == MAIL_BY_PERSON;
	mail_finish(&mail);
	if (threaded && d->works_read)
		join_case(d, contact, case_id);
	else if (threaded && (w = work_of(d, contact)) != NULL)
		w->joins = true;
	answers_created(d, contact);
}

/* The customer wrote again: the next response is due, and what was put aside for it waits
 * no more. */
void
maildesk_joined(struct maildesk *d, const struct mail *mail, uint64_t contact)
{
	struct mail_note *w = work_of(d, contact);

	if (w == NULL)
		return;
	work_came(d, w, mail);
	if (mail->automatic != MAIL_BY_PERSON) {
		work_save(d, w);
		return;
	}
	work_asked(d, w, desk_time_ms(d));
	d->parts.people->changed(d->parts.people->owner, contact);
}

void
maildesk_event(void *owner, const struct event *e)
{
	struct maildesk *d = owner;

	if (!d->parts.is_mail(d->parts.owner, e->channel))
		return;
	if (e->kind == EVENT_CONTACT_CREATED)
		on_created(d, e->contact);
	else if (e->kind == EVENT_CONTACT_COMPLETED ||
		 e->kind == EVENT_CONTACT_ABANDONED || e->kind == EVENT_CONTACT_EXPIRED ||
		 e->kind == EVENT_CONTACT_CANCELLED || e->kind == EVENT_CONTACT_LOST ||
		 e->kind == EVENT_CONTACT_ANSWERED)
		work_end(d, e->contact);
}

/* What an agent sees with the contact. */
static json_t *
on_member(void *owner, uint64_t contact, enum rpc_role role)
{
	struct maildesk *d = owner;
	struct mail_note *w = work_of(d, contact);
	char id[NUMBER_ID_TEXT];
	json_t *o, *sent, *list = json_array(), *one;
	size_t i;

	if (w == NULL) {
		json_decref(list);
		return NULL;
	}
	contact_text(id, contact);
	o = json_pack("{s:O, s:o}", "case", json_object_get(w->note, "case"), "clocks",
		work_clocks(d, contact, w));
	if (json_object_get(w->note, "draft") != NULL)
		json_object_set(o, "draft", json_object_get(w->note, "draft"));
	if (json_array_size(json_object_get(w->note, "files")) > 0)
		json_object_set(o, "files", json_object_get(w->note, "files"));
	if (json_object_get(w->note, "gate") != NULL)
		json_object_set(o, "gate", json_object_get(w->note, "gate"));
	if (json_object_get(w->note, "handed") != NULL)
		json_object_set(o, "handed", json_object_get(w->note, "handed"));
	sent = outbox_list(d->outbox, NULL,
		json_string_value(json_object_get(w->note, "case")), OUT_STATES, 20);
	json_array_foreach(sent, i, one)
		json_array_append_new(list, record_brief(one, false));
	json_object_set_new(o, "mails", list);
	if (json_object_get(w->note, "proposals") != NULL)
		json_object_set(o, "proposals", json_object_get(w->note, "proposals"));
	list = work_thread(w, sent);
	if (json_array_size(list) > 0)
		json_object_set(o, "thread", list);
	json_decref(list);
	json_decref(sent);
	return o;
}

/* ---- rebuilding by itself ---- */

/* One model after the other, of every mailbox and language that learnt something. */
void
maildesk_rebuild(struct maildesk *d)
{
	while (!d->rebuilding && d->next_box >= 0) {
		struct live_state states[LIVE_LANGUAGES_MAX];
		int after = d->next_box, n, k = d->next_language;
		const char *mailbox;
		struct live *live = desk_next_live(d, &after, &mailbox);

		n = live != NULL ? live_states(live, states, LIVE_LANGUAGES_MAX) : 0;
		while (k < n && states[k].cases == 0)
			k++;
		if (k < n) {
			d->next_language = k + 1;
			if (!verdict_start_rebuild(
				    d, mailbox, states[k].language, 0, NULL))
				log_debug("suggest: nothing to build from mailbox=%s",
					mailbox);
		} else {
			d->next_box = live != NULL ? after : -1;
			d->next_language = 0;
		}
	}
}

static void
on_daily(evutil_socket_t fd, short what, void *owner)
{
	struct maildesk *d = owner;

	if (d->next_box >= 0)
		return; /* those of the last time are not through */
	d->next_box = d->next_language = 0;
	maildesk_rebuild(d);
}

/* ---- erasure ---- */

void
maildesk_forget(struct maildesk *d, const struct subject *subject)
{
	char id[NUMBER_ID_TEXT];

	outbox_forget(d->outbox, subject);
	for (size_t i = 0; i < subject->n_contacts; i++) {
		contact_text(id, subject->contacts[i]);
		if (subject->by_time)
			verdicts_bare(d->verdicts, id);
		else
			(void)verdicts_remove(d->verdicts, id);
		work_end(d, subject->contacts[i]);
	}
}

/* ---- life ---- */

struct outbox *
maildesk_outbox(struct maildesk *d)
{
	return d->outbox;
}

void
maildesk_bounced(struct maildesk *d, const char *message_id, const char *said)
{
	outbox_bounced(d->outbox, message_id, said);
}

static struct mailer_relay
relay_of(const struct mailout_settings *s)
{
	return (struct mailer_relay){.host = s->host,
		.port = s->port,
		.security = s->starttls ? MAILER_STARTTLS : MAILER_PLAIN,
		.ca_file = s->ca_file,
		.user = s->user,
		.password_file = s->password_file,
		.name = s->name,
		.timeout_ms = s->timeout_ms};
}

bool
maildesk_check(const struct mailout_settings *s, char *error, size_t room)
{
	struct mailer_relay relay = relay_of(s);

	return s->host == NULL || mailer_try(&relay, error, room);
}

bool
maildesk_configure(
	struct maildesk *d, struct mailout_settings *s, char *error, size_t room)
{
	struct outbox_settings outbox = {s->give_up_ms, s->hold_ms / 2, s->keep_ms};
	struct mailer_relay relay = relay_of(s);
	struct timeval pause = {(time_t)(s->rebuild_ms / 1000),
		(suseconds_t)(s->rebuild_ms % 1000 * 1000)};
	bool waits = event_pending(d->daily, EV_TIMEOUT, NULL) &&
		     s->rebuild_ms == d->settings->rebuild_ms;

	if (!mailer_use(d->mailer, s->host != NULL ? &relay : NULL, error, room))
		return false;
	mailout_settings_ref(s);
	mailout_settings_unref(d->settings);
	d->settings = s;
	outbox_configure(d->outbox, &outbox);
	verdicts_configure(d->verdicts, s->verdicts_kept);
	if (!waits)
		event_del(d->daily);
	if (!waits && s->rebuild_ms > 0)
		event_add(d->daily, &pause);
	return true;
}

struct maildesk *
maildesk_create(const struct maildesk_parts *parts)
{
	struct maildesk *d = xcalloc(1, sizeof *d);
	struct outbox_parts outbox = {.base = parts->base,
		.side = parts->side,
		.blobs = parts->blobs,
		.now = parts->now,
		.changed = on_changed,
		.loaded = on_outbox_loaded,
		.owner = d};
	char error[256];

	d->parts = *parts;
	d->next_box = -1;
	d->settings = mailout_settings_create();
	d->mailer = mailer_create(
		parts->base, NULL, d->settings->threads, error, sizeof error);
	d->workers = worker_pool_create(parts->base, REBUILD_THREADS, REBUILDS_WAITING);
	d->filers = worker_pool_create(parts->base, FILERS, FILES_WAITING);
	if (d->mailer == NULL || d->workers == NULL || d->filers == NULL) {
		if (d->mailer == NULL)
			log_error("mail: %s", error);
		maildesk_destroy(d);
		return NULL;
	}
	outbox.mailer = d->mailer;
	outbox.threads = d->settings->threads;
	/* The clock is asked of the wiring's owner, changes are told to this one. */
	outbox.now_owner = parts->owner;
	d->daily = event_new(parts->base, -1, EV_PERSIST, on_daily, d);
	d->outbox = outbox_create(&outbox);
	d->verdicts = verdicts_create(parts->side, on_verdicts_loaded, d);
	parts->people->enrich(parts->people->owner, "email", on_member, d);
	side_listen(parts->side, on_side, d);
	if (side_is_up(parts->side))
		on_side(d, true);
	return d;
}

void
maildesk_destroy(struct maildesk *d)
{
	size_t at = 0;
	void *value;

	if (d == NULL)
		return;
	worker_pool_destroy(d->workers, verdict_drop_rebuild);
	worker_pool_destroy(d->filers, files_drop);
	files_finish(d);
	mailer_destroy(d->mailer);
	outbox_destroy(d->outbox);
	verdicts_destroy(d->verdicts);
	works_finish(d);
	while (map_next(&d->switched_off, &at, NULL, &value))
		free(value);
	map_finish(&d->switched_off);
	responses_finish(d);
	free(d->autos);
	if (d->daily != NULL)
		event_free(d->daily);
	mailout_settings_unref(d->settings);
	free(d);
}

static void
put(struct text *out, const char *name, const char *help, const char *kind, double value)
{
	text_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, kind,
		name, value);
}

void
maildesk_metrics(const struct maildesk *d, struct text *out)
{
	struct outbox_counts c;

	outbox_counts(d->outbox, &c);
	put(out, "usher_mail_queued", "Mails that wait to be sent.", "gauge",
		(double)c.queued);
	put(out, "usher_mail_held", "Mails that wait for approval.", "gauge",
		(double)c.held);
	put(out, "usher_mail_sent_total", "Mails that the relay took.", "counter",
		(double)c.sent);
	put(out, "usher_mail_failed_total", "Mails given up.", "counter",
		(double)c.failed);
	put(out, "usher_mail_unsure_total", "Automatic mails nobody knows of.", "counter",
		(double)c.unsure);
	put(out, "usher_mail_bounced_total", "Mails that came back.", "counter",
		(double)c.bounced);
	put(out, "usher_mail_retried_total", "Tries that were put off.", "counter",
		(double)c.retried);
	put(out, "usher_mail_answered_total", "Mails answered without an agent.",
		"counter", (double)d->counts.answered);
	put(out, "usher_mail_acknowledged_total", "Acknowledgements.", "counter",
		(double)d->counts.acknowledged);
	put(out, "usher_mail_guarded_total", "Automatic answers that a guard stopped.",
		"counter", (double)d->counts.guarded);
	put(out, "usher_mail_breaker_open", "1: too many automatic mails.", "gauge",
		d->broken ? 1 : 0);
}
