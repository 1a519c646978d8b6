/* intake/mail_in.c - mails on their way from their arrival to their contact. */
#include "intake/mail_in.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/worker.h"
#include "intake/case_token.h"
#include "intake/mail_contact.h"
#include "intake/mail_judge.h"
#include "intake/mail_upkeep.h"

#define ASKERS_MAX 4
#define COMPLAIN_MS 10000 /* between two lines about mails that are not taken */

/* A mail for one mailbox, on its way through Redis and router. */
struct delivery {
	struct mail_in *m;
	struct mail_arrival *arrival;
	int copy;
	uint64_t tag;
	struct mail_found found;
	uint64_t joining; /* contact; 0: it becomes one of its own */
};

struct mail_in {
	struct mail_in_parts parts;
	struct mail_settings *settings; /* a reference */
	struct mail_index *index;	/* owned */
	struct worker_pool *workers;	/* owned */
	struct idmap deliveries;	/* tag -> struct delivery, owned */
	uint64_t last;
	int64_t complained_ms;	       /* boot time */
	int64_t held;		       /* bytes in hand */
	struct mail_upkeep *upkeep;    /* owned */
	struct upkeep *keeping;	       /* under way; NULL */
	struct mail_arrival *arrivals; /* in hand, owned */
	int n_bounced, n_submitting;
	struct {
		void (*fn)(void *owner, const struct mail *mail);
		void *owner;
	} bounced[ASKERS_MAX];
	struct {
		void (*fn)(void *owner, const struct mail *mail, json_t *contact);
		void *owner;
	} submitting[ASKERS_MAX];
	struct {
		void (*fn)(void *owner, const struct mail *mail, uint64_t contact);
		void *owner;
	} joined; /* fn NULL: nobody asks */
	struct mail_in_counts counts;
};

/* ---- the end of an arrival ---- */

void
mail_arrival_free(struct mail_arrival *a)
{
	if (a == NULL)
		return;
	for (int i = 0; i < a->n_recipients; i++)
		free(a->recipient[i]);
	mail_work_free(a->work);
	free(a->content);
	free(a->sender);
	free(a->mailbox);
	free(a);
}

static void
count(struct mail_in *m, enum mail_taken taken)
{
	m->counts.taken += taken == MAIL_TAKEN;
	m->counts.later += taken == MAIL_LATER;
	m->counts.refused += taken == MAIL_REFUSED;
}

static void
say_one(struct mail_in *m, struct mail_arrival *a, int i, enum mail_taken taken,
	const char *words)
{
	a->n_said++;
	count(m, taken);
	a->said(a->owner, a, i, taken, words);
}

static void
end_arrival(struct mail_in *m, struct mail_arrival *a)
{
	if (a->n_said < a->n_recipients)
		return;
	m->held -= (int64_t)a->n;
	m->counts.now--;
	*a->here = a->next;
	if (a->next != NULL)
		a->next->here = a->here;
	if (a->over != NULL)
		a->over(a->owner, a);
	mail_arrival_free(a);
}

static bool
goes_to(const struct mail_in *m, const struct mail_arrival *a, int recipient,
	const struct mailbox *box)
{
	const struct mailbox *own;

	if (a->mailbox != NULL)
		return strcmp(a->mailbox, box->name) == 0;
	own = mail_in_mailbox(m, a->recipient[recipient]);
	return own != NULL && strcmp(own->name, box->name) == 0;
}

/* The same word for all recipients of one mailbox. */
static void
say(struct mail_in *m, struct delivery *d, enum mail_taken taken, const char *words)
{
	struct mail_arrival *a = d->arrival;
	struct mail_copy *copy = &a->work->copy[d->copy];

	(void)idmap_remove(&m->deliveries, d->tag);
	for (int i = 0; i < a->n_recipients; i++)
		if (copy->routes[i])
			say_one(m, a, i, taken, words);
	free(d);
	end_arrival(m, a);
}

static void
say_all(struct mail_in *m, struct mail_arrival *a, enum mail_taken taken,
	const char *words)
{
	for (int i = 0; i < a->n_recipients; i++)
		say_one(m, a, i, taken, words);
	end_arrival(m, a);
}

/* ---- a contact of its own ---- */

static void
note_contact(struct mail_in *m, struct delivery *d, uint64_t contact)
{
	struct mail_work *w = d->arrival->work;
	char id[NUMBER_ID_TEXT];

	number_id_format(id, 'c', contact);
	mail_work_pick(w, d->copy);
	mail_index_note(m->index, w->mail.mailbox, &w->mail,
		w->mail.case_id != NULL ? w->mail.case_id : id, contact);
}

/* What a refusal means to a mail server: it keeps the mail and comes again. What the
 * router can never take is a fault of ours, and the mail must not be lost by it. */
static void
say_refusal(struct mail_in *m, struct delivery *d, const struct outcome *outcome)
{
	int64_t now_ms = clock_boot_ms();

	/* A mail server that comes again and again must not fill the log. */
	if (outcome->kind != OUTCOME_STORE_AWAY &&
		now_ms - m->complained_ms >= COMPLAIN_MS) {
		m->complained_ms = now_ms;
		log_warn("mail: not taken now mailbox=%s kind=%s why=\"%s\"",
			d->arrival->work->copy[d->copy].box->name,
			outcome_name(outcome->kind),
			outcome->message != NULL ? outcome->message : "");
	}
	say(m, d, MAIL_LATER, outcome_name(outcome->kind));
}

static void
on_submitted(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct mail_in *m = owner;
	struct delivery *d = idmap_get(&m->deliveries, tag);
	char id[NUMBER_ID_TEXT];

	if (d == NULL)
		return;
	if (outcome->kind != OUTCOME_OK) {
		say_refusal(m, d, outcome);
		return;
	}
	number_id_format(id, 'c', outcome->contact);
	m->counts.duplicates += outcome->duplicate;
	log_info("mail: %s contact=%s mailbox=%s bytes=%zu",
		outcome->duplicate ? "known" : "taken", id,
		d->arrival->work->copy[d->copy].box->name, d->arrival->n);
	note_contact(m, d, outcome->contact);
	say(m, d, MAIL_TAKEN, id);
}

static void
submit(struct mail_in *m, struct delivery *d)
{
	struct mail_work *w = d->arrival->work;
	struct reply reply = {.fn = on_submitted, .owner = m, .tag = d->tag};
	struct submission submission;
	struct submission_error error;
	json_t *contact;
	bool sound;

	mail_work_pick(w, d->copy);
	contact = mail_contact_json(m->parts.router, w, d->copy, d->found.agent);
	for (int i = 0; i < m->n_submitting; i++)
		m->submitting[i].fn(m->submitting[i].owner, &w->mail, contact);
	sound = submission_parse(contact, &submission, &error);
	json_decref(contact);
	if (!sound) {
		log_error("mail: it makes no contact mailbox=%s field=%s why=\"%s\"",
			w->copy[d->copy].box->name, error.field, error.message);
		say(m, d, MAIL_LATER, "usher cannot take this mail; see its log");
		return;
	}
	router_submit(m->parts.router, m->parts.now(m->parts.owner), &submission, reply);
	submission_finish(&submission);
}

/* ---- joining one ---- */

static bool
can_be_joined(const struct mail_in *m, uint64_t contact)
{
	switch (router_contact_state(m->parts.router, contact)) {
	case CONTACT_NEW:
	case CONTACT_QUEUED:
	case CONTACT_OFFERED:
	case CONTACT_CONNECTED:
	case CONTACT_PARKED:
	case CONTACT_PENDING:
		return true;
	case CONTACT_SCHEDULED: /* held for its automatic answer: a person reads this one
				 */
	case CONTACT_WRAPUP:
	case CONTACT_COMPLETED:
	case CONTACT_ANSWERED:
	case CONTACT_ABANDONED:
	case CONTACT_EXPIRED:
	case CONTACT_CANCELLED:
	case CONTACT_UNREACHABLE:
	case CONTACT_LOST:
	case CONTACT_ERASED:
	case CONTACT_STATES:
		break;
	}
	return false;
}

/* Its agent has no hand free: anybody may go on with it, now. */
static void
on_resumed(void *owner, uint64_t who, uint64_t contact, const struct outcome *outcome)
{
	struct mail_in *m = owner;
	struct reply none = {0};

	if (outcome->kind == OUTCOME_WRONG_STATE &&
		router_contact_state(m->parts.router, contact) == CONTACT_PARKED)
		router_transfer(m->parts.router, m->parts.now(m->parts.owner), contact,
			-1, -1, -1, none);
}

/* Whoever has the contact hears of it; one put aside comes back when a person wrote. */
static void
tell_joined(struct mail_in *m, struct delivery *d)
{
	const struct people *people = m->parts.people;
	const struct mail *mail = &d->arrival->work->mail;
	int64_t now_ms = m->parts.now(m->parts.owner);
	int agent = router_contact_agent(m->parts.router, d->joining);
	struct reply resumed = {.fn = on_resumed, .owner = m, .tag = d->joining};
	json_t *event;
	char id[NUMBER_ID_TEXT];

	if (m->joined.fn != NULL)
		m->joined.fn(m->joined.owner, mail, d->joining);
	if (router_contact_state(m->parts.router, d->joining) == CONTACT_PARKED &&
		mail->automatic == MAIL_BY_PERSON)
		router_resume(m->parts.router, now_ms, d->joining, agent, resumed);
	if (people == NULL || agent < 0)
		return;
	number_id_format(id, 'c', d->joining);
	event = json_object();
	json_object_set_new(event, "contact", json_pack("{s:s}", "id", id));
	json_object_set_new(event, "mail", mail_thread_entry(mail, d->joining));
	(void)people->tell_agent(people->owner, agent, "email.received", event);
}

static void
end_joined(struct mail_in *m, struct delivery *d)
{
	struct mail_work *w = d->arrival->work;
	char id[NUMBER_ID_TEXT];

	number_id_format(id, 'c', d->joining);
	m->counts.joined++;
	log_info("mail: joined contact=%s mailbox=%s bytes=%zu kind=%s", id,
		w->copy[d->copy].box->name, d->arrival->n,
		mail_automatic_name[w->mail.automatic]);
	mail_work_pick(w, d->copy);
	mail_index_settle(m->index, w->mail.mailbox, &w->mail, d->joining);
	tell_joined(m, d);
	say(m, d, MAIL_TAKEN, id);
}

/* An absence or a list mail never opens a case again; everything else does. */
static bool
opens(const struct mail *mail)
{
	return mail->automatic == MAIL_BY_PERSON || mail->automatic == MAIL_BOUNCE ||
	       mail->automatic == MAIL_SUPPRESS || mail->thread == MAIL_NO_THREAD;
}

static void
on_joined(void *owner, uint64_t tag, enum mail_joined joined)
{
	struct mail_in *m = owner;
	struct delivery *d = idmap_get(&m->deliveries, tag);
	char id[NUMBER_ID_TEXT];

	if (d == NULL)
		return;
	switch (joined) {
	case MAIL_JOIN_UNKNOWN:
		say(m, d, MAIL_LATER, NULL);
		return;
	case MAIL_JOINED_BEFORE:
		m->counts.duplicates++;
		number_id_format(id, 'c', d->joining);
		say(m, d, MAIL_TAKEN, id);
		return;
	case MAIL_JOINED:
	case MAIL_JOINED_MAYBE:
		break;
	}
	/* Its contact may have ended meanwhile, and nobody would read the mail. */
	if (can_be_joined(m, d->joining) || !opens(&d->arrival->work->mail))
		end_joined(m, d);
	else
		submit(m, d);
}

static void
join(struct mail_in *m, struct delivery *d)
{
	struct mail_work *w = d->arrival->work;

	mail_work_pick(w, d->copy);
	mail_index_join(m->index, w->mail.mailbox, &w->mail, d->found.case_id, d->joining,
		on_joined, m, d->tag);
}

/* ---- which way ---- */

static void
take_thread(struct mail *mail, const struct mail_found *found)
{
	free(mail->case_id);
	free(mail->answers);
	mail->thread = found->by;
	mail->case_id = found->by != MAIL_NO_THREAD ? xstrdup(found->case_id) : NULL;
	json_decref(mail->earlier);
	mail->earlier = json_incref(found->earlier);
	mail->answers = found->answers[0] != '\0' ? xstrdup(found->answers) : NULL;
	if (found->own && mail->automatic == MAIL_BY_PERSON) {
		mail->automatic = MAIL_LOOP;
		free(mail->automatic_why);
		mail->automatic_why = xstrdup("it is a mail that left here");
	}
}

static void
say_bounce(struct mail_in *m, struct delivery *d)
{
	struct mail_work *w = d->arrival->work;

	mail_work_pick(w, d->copy);
	for (int i = 0; i < m->n_bounced; i++)
		m->bounced[i].fn(m->bounced[i].owner, &w->mail);
}

static void
on_found(void *owner, uint64_t tag, const struct mail_found *found)
{
	struct mail_in *m = owner;
	struct delivery *d = idmap_get(&m->deliveries, tag);
	struct mail *mail;
	char id[NUMBER_ID_TEXT];

	if (d == NULL)
		return;
	if (!found->known) {
		say(m, d, MAIL_LATER, NULL);
		return;
	}
	d->found = *found;
	d->found.earlier = NULL;
	mail = &d->arrival->work->mail;
	if (found->came_before && found->settled) {
		m->counts.duplicates++;
		number_id_format(id, 'c', found->contact);
		log_info("mail: known contact=%s mailbox=%s", id,
			d->arrival->work->copy[d->copy].box->name);
		say(m, d, MAIL_TAKEN, id);
		return;
	}
	take_thread(mail, found);
	if (mail->automatic == MAIL_BOUNCE)
		say_bounce(m, d);
	d->joining = found->came_before		   ? found->contact
		     : found->by == MAIL_NO_THREAD ? 0
						   : found->case_contact;
	if (d->joining != 0 && (can_be_joined(m, d->joining) || !opens(mail)))
		join(m, d);
	else
		submit(m, d);
}

static void
find_thread(struct mail_in *m, struct mail_arrival *a, int copy)
{
	struct delivery *d = xcalloc(1, sizeof *d);
	char token_case[NUMBER_ID_TEXT] = "";
	const char *subject = a->work->mail.subject;

	d->m = m;
	d->arrival = a;
	d->copy = copy;
	d->tag = ++m->last;
	(void)idmap_put(&m->deliveries, d->tag, d);
	if (subject == NULL || !case_token_find(m->parts.secret, subject, token_case))
		token_case[0] = '\0';
	mail_index_find(m->index, a->work->copy[copy].box->name, &a->work->mail,
		token_case, on_found, m, d->tag);
}

/* ---- the worker ---- */

static void
work(void *arg)
{
	struct mail_arrival *a = arg;

	mail_work_do(a->work);
}

static void
worked(void *arg)
{
	struct mail_arrival *a = arg;
	struct mail_in *m = a->mail_in;
	int n = a->work->n_copies;

	if (!a->work->kept) {
		log_error("mail: files cannot be kept why=\"%s\"", a->work->problem);
		say_all(m, a, MAIL_LATER, NULL);
		return;
	}
	m->counts.bytes += a->n;
	m->counts.automatic += a->work->mail.automatic != MAIL_BY_PERSON;
	m->counts.redacted += a->work->mail.redacted > 0;
	/* The arrival ends with its last word, which may come before this loop's end. */
	for (int i = 0; i < n; i++)
		find_thread(m, a, i);
}

/* ---- in ---- */

const struct mailbox *
mail_in_mailbox(const struct mail_in *m, const char *address)
{
	const struct mailbox *whole_domain = NULL;
	const char *at = strrchr(address, '@');

	for (int i = 0; at != NULL && i < m->settings->n_boxes; i++) {
		const struct mailbox *box = &m->settings->boxes[i];

		for (int k = 0; k < box->n_addresses; k++) {
			if (box->addresses[k][0] == '@') {
				if (strcasecmp(box->addresses[k], at) == 0)
					whole_domain = box;
			} else if (mail_same_address(box->addresses[k], address)) {
				return box;
			}
		}
	}
	return whole_domain;
}

bool
mail_in_ready(const struct mail_in *m)
{
	return m->counts.now < MAIL_ARRIVALS_MAX && m->held < MAIL_HELD_MAX &&
	       side_is_up(m->parts.side) && m->parts.ready(m->parts.owner);
}

/* The mailboxes that it goes to, each once. */
static void
list_copies(struct mail_in *m, struct mail_arrival *a)
{
	struct mail_work *w = a->work;

	for (int b = 0; b < w->settings->n_boxes; b++) {
		const struct mailbox *box = &w->settings->boxes[b];
		struct mail_copy *copy = &w->copy[w->n_copies];
		bool any = false;

		if (w->n_copies == MAIL_WORK_BOXES_MAX)
			break;
		for (int i = 0; i < a->n_recipients; i++) {
			copy->routes[i] = goes_to(m, a, i, box);
			if (copy->routes[i] && !any)
				copy->recipient = a->recipient[i];
			any |= copy->routes[i];
		}
		copy->box = box;
		w->n_copies += any;
	}
}

/* Recipients that lead nowhere any more: the settings changed, or too many mailboxes. */
static void
say_lost(struct mail_in *m, struct mail_arrival *a)
{
	for (int i = 0; i < a->n_recipients; i++) {
		bool leads = false;

		for (int k = 0; k < a->work->n_copies; k++)
			leads |= a->work->copy[k].routes[i];
		if (!leads)
			say_one(m, a, i, MAIL_LATER, NULL);
	}
}

void
mail_in_take(struct mail_in *m, struct mail_arrival *a)
{
	struct mail_work *w = xcalloc(1, sizeof *w);
	bool ready = mail_in_ready(m);

	m->counts.now++;
	m->held += (int64_t)a->n;
	a->mail_in = m;
	a->work = w;
	a->next = m->arrivals;
	a->here = &m->arrivals;
	if (a->next != NULL)
		a->next->here = &a->next;
	m->arrivals = a;
	w->blobs = m->parts.blobs;
	w->shelf = m->parts.shelf;
	w->settings = mail_settings_ref(m->settings);
	w->content = a->content;
	w->n = a->n;
	w->sender = a->sender;
	w->received_ms =
		a->received_ms > 0 ? a->received_ms : m->parts.now(m->parts.owner);
	if (!ready) {
		say_all(m, a, MAIL_LATER, NULL);
		return;
	}
	list_copies(m, a);
	say_lost(m, a);
	if (a->n_said == a->n_recipients)
		end_arrival(m, a);
	else if (!worker_run(m->workers, work, worked, a)) {
		for (int i = 0; i < a->n_recipients; i++)
			for (int k = 0; k < w->n_copies; k++)
				if (w->copy[k].routes[i])
					say_one(m, a, i, MAIL_LATER, NULL);
		end_arrival(m, a);
	}
}

void
mail_in_event(void *owner, const struct event *event)
{
	const struct mail_in *m = owner;
	const struct centre *centre = router_centre(m->parts.router);

	if (event->kind == EVENT_CONTACT_CONNECTED && event->agent >= 0 &&
		event->channel >= 0 &&
		mailbox_feeds(m->settings, centre->channels[event->channel].name))
		mail_contact_served(m->parts.router, m->index, event);
}

/* ---- life ---- */

void
mail_in_on_bounce(struct mail_in *m,
	void (*bounced)(void *owner, const struct mail *mail), void *owner)
{
	if (m->n_bounced == ASKERS_MAX)
		abort();
	m->bounced[m->n_bounced].fn = bounced;
	m->bounced[m->n_bounced++].owner = owner;
}

void
mail_in_on_submit(struct mail_in *m,
	void (*submitting)(void *owner, const struct mail *mail, json_t *contact),
	void *owner)
{
	if (m->n_submitting == ASKERS_MAX)
		abort();
	m->submitting[m->n_submitting].fn = submitting;
	m->submitting[m->n_submitting++].owner = owner;
}

void
mail_in_on_join(struct mail_in *m,
	void (*joined)(void *owner, const struct mail *mail, uint64_t contact),
	void *owner)
{
	m->joined.fn = joined;
	m->joined.owner = owner;
}

struct mail_in *
mail_in_create(const struct mail_in_parts *parts, struct mail_settings *settings)
{
	struct mail_in *m = xcalloc(1, sizeof *m);

	mime_start();
	m->parts = *parts;
	m->settings = mail_settings_ref(settings);
	m->index = mail_index_create(parts->side, settings->threads_ms);
	m->workers =
		worker_pool_create(parts->base, settings->workers, MAIL_ARRIVALS_MAX);
	if (m->workers == NULL) {
		mail_in_destroy(m);
		return NULL;
	}
	m->upkeep = mail_upkeep_create(parts->base, m->workers, parts->blobs);
	mail_upkeep_configure(m->upkeep, settings->keep_ms);
	return m;
}

void
mail_in_destroy(struct mail_in *m)
{
	size_t at = 0;
	uint64_t tag;
	void *value;

	if (m == NULL)
		return;
	worker_pool_destroy(m->workers, NULL); /* jobs are known here */
	mail_upkeep_destroy(m->upkeep);
	while (m->arrivals != NULL) {
		struct mail_arrival *a = m->arrivals;

		m->arrivals = a->next;
		mail_arrival_free(a);
	}
	while (idmap_next(&m->deliveries, &at, &tag, &value))
		free(value);
	idmap_finish(&m->deliveries);
	mail_index_destroy(m->index);
	mail_settings_unref(m->settings);
	free(m);
}

void
mail_in_configure(struct mail_in *m, struct mail_settings *settings)
{
	mail_settings_unref(m->settings);
	m->settings = mail_settings_ref(settings);
	mail_index_configure(m->index, settings->threads_ms);
	mail_upkeep_configure(m->upkeep, settings->keep_ms);
}

struct mail_index *
mail_in_index(struct mail_in *m)
{
	return m->index;
}

void
mail_in_counts(const struct mail_in *m, struct mail_in_counts *out)
{
	*out = m->counts;
}
