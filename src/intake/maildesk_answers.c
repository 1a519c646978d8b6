/*
 * intake/maildesk_answers.c - answers without an agent, and acknowledgements.
 *
 *   held contact --gate open--> mail kept (intent) --sent--> contact answered
 *                |                                 --failed, unsure--> contact released
 *                --any condition fails--> contact released, acknowledged
 *
 * The intent is committed before the mail leaves and stands against a second one for the
 * same contact for ever; what is not known to have left is left to an agent (I7).
 */
#include <ctype.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "intake/maildesk_inner.h"
#include "route/directory.h"

#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)

/* ---- how many there were ---- */

static void
hash_sender(const char *address, char out[SENDER_HASH_TEXT])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char lower[MAIL_ADDRESS_MAX + 1];
	size_t n = 0;

	for (; address[n] != '\0' && n < sizeof lower - 1; n++)
		lower[n] = (char)tolower((unsigned char)address[n]);
	EVP_Digest(lower, n, digest, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < (SENDER_HASH_TEXT - 1) / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static int64_t
longest_ms(const struct maildesk *d)
{
	return d->settings->sender_ms > DAY_MS ? d->settings->sender_ms : DAY_MS;
}

static void
autos_trim(struct maildesk *d)
{
	int64_t oldest_ms = desk_time_ms(d) - longest_ms(d);
	int gone = 0;

	while (gone < d->n_autos && d->autos[gone].at_ms < oldest_ms)
		gone++;
	if (gone == 0)
		return;
	memmove(d->autos, d->autos + gone,
		(size_t)(d->n_autos - gone) * sizeof *d->autos);
	d->n_autos -= gone;
}

static void
autos_add(struct maildesk *d, int64_t at_ms, const char *response, const char *sender)
{
	struct auto_sent *a;

	/* The breaker is open by then; whatever comes all the same, the newest say most.
	 */
	if (d->n_autos == MAILOUT_COUNTED_MAX)
		memmove(d->autos, d->autos + 1, (size_t)--d->n_autos * sizeof *d->autos);
	d->autos = xreallocarray(d->autos, (size_t)d->n_autos + 1, sizeof *d->autos);
	a = &d->autos[d->n_autos++];
	a->at_ms = at_ms;
	snprintf(a->sender, sizeof a->sender, "%s", sender);
	snprintf(a->response, sizeof a->response, "%s", response);
}

static int
count_since(const struct maildesk *d, int64_t since_ms, const char *sender,
	const char *response)
{
	int n = 0;

	for (int i = 0; i < d->n_autos; i++)
		n += d->autos[i].at_ms >= since_ms &&
		     (sender == NULL || strcmp(d->autos[i].sender, sender) == 0) &&
		     (response == NULL || strcmp(d->autos[i].response, response) == 0);
	return n;
}

/* The breaker: told once when it opens. Nothing can be said of a sender or of the hour
 * once the table is full: then it is open, too. */
static bool
too_many(struct maildesk *d)
{
	bool full = d->n_autos == MAILOUT_COUNTED_MAX,
	     open = full || count_since(d, desk_time_ms(d) - HOUR_MS, NULL, NULL) >=
				    d->settings->hourly_most;

	if (open && !d->broken) {
		if (full)
			log_error(
				"mail: %d automatic mails within mail.out.answers.period "
				"and a day, and no more can be counted: none is sent "
				"until there are fewer; make the period shorter",
				MAILOUT_COUNTED_MAX);
		else
			log_error("mail: %d automatic mails within an hour: no more are "
				  "sent until there are fewer; look for a loop",
				d->settings->hourly_most);
		d->parts.people->tell_watchers(d->parts.people->owner, -1, -1,
			"email.breaker",
			json_pack("{s:b, s:i}", "open", true, "hourly_most",
				d->settings->hourly_most));
	} else if (!open && d->broken)
		d->parts.people->tell_watchers(d->parts.people->owner, -1, -1,
			"email.breaker",
			json_pack("{s:b, s:i}", "open", false, "hourly_most",
				d->settings->hourly_most));
	d->broken = open;
	return open;
}

/* ---- the gate ---- */

static const char *
auto_address(const struct mail *mail)
{
	return mail->envelope_from != NULL && mail->envelope_from[0] != '\0'
		       ? mail->envelope_from
		       : mail->from.address;
}

/* What no automatic mail goes to, answer or acknowledgement (S18). */
static void
facts_of_mail(struct maildesk *d, const struct mail *mail, struct gate_mail *g)
{
	const char *address = auto_address(mail);
	char sender[SENDER_HASH_TEXT] = "";

	if (address != NULL)
		hash_sender(address, sender);
	autos_trim(d);
	g->list = mail->automatic == MAIL_LIST;
	g->bulk = mail->automatic == MAIL_BULK;
	g->bounce = mail->automatic == MAIL_BOUNCE ||
		    (mail->envelope_from != NULL && mail->envelope_from[0] == '\0');
	g->automatic = (mail->automatic != MAIL_BY_PERSON && !g->list && !g->bulk) ||
		       address == NULL || d->parts.is_ours(d->parts.owner, address);
	g->not_to_us = !mail->to_us;
	g->unproven = mail->proven == MAIL_FAIL ||
		      (d->settings->proven && mail->proven != MAIL_PASS);
	g->sender_answers =
		count_since(d, desk_time_ms(d) - d->settings->sender_ms, sender, NULL);
	g->breaker = too_many(d);
}

/* Who was not recognised in time may be worth any amount. */
static double
points_of(struct maildesk *d, uint64_t contact)
{
	struct recognised who;

	if (!router_recognised(d->parts.router, contact, &who) ||
		(who.party == 0 && !who.own_points))
		return INFINITY;
	return who.points;
}

static struct gate_settings
gate_settings_of(const struct maildesk *d, const struct response *r)
{
	struct gate_settings s = gate_defaults();

	s.on = d->settings->answers && r->automatic && !r->never_automatic &&
	       map_get(&d->switched_off, r->id) == NULL;
	s.aim = r->aim;
	s.none_most = d->settings->none_most;
	s.audit_share = d->settings->audit_share;
	s.customer_points = d->settings->customer_points;
	s.sender_most = d->settings->sender_most;
	s.response_most = d->settings->response_most;
	return s;
}

static struct gate_threshold
threshold_of(struct maildesk *d, const char *mailbox, const struct response *r)
{
	struct verdict *list;
	int n = verdicts_evidence(d->verdicts, mailbox, r->id, &list);
	struct gate_threshold t = gate_find_threshold(list, n, r->aim);

	free(list);
	return t;
}

static const struct response *
response_of(const struct maildesk *d, const char *mailbox, const char *id)
{
	struct live *live = desk_live(d, mailbox);
	const struct library *library = live != NULL ? live_library(live) : NULL;

	return library != NULL && id != NULL ? library_find(library, id) : NULL;
}

static void
facts_of_response(struct maildesk *d, uint64_t contact, const struct mail *mail,
	const char *case_id, const struct response *r, struct gate_mail *g,
	struct text *text)
{
	struct text missing = {0};

	g->thread = mail->thread != MAIL_NO_THREAD || mail->in_reply_to.n > 0 ||
		    mail->references.n > 0;
	g->attachment = mail->n_files > 0;
	g->never = mail->suggest.never_automatic || r->never_automatic;
	g->placeholder = !answer_fill(d, contact, mail, case_id, r, NULL, text, &missing);
	g->language = !response_speaks(r, mail->language);
	g->questions = mail->questions;
	g->customer_points = points_of(d, contact);
	g->response_answers = count_since(d, desk_time_ms(d) - DAY_MS, NULL, r->id);
	text_finish(&missing);
}

json_t *
answers_gate_json(struct maildesk *d, const char *mailbox, const struct response *r)
{
	struct gate_threshold t = threshold_of(d, mailbox, r);
	struct gate_settings s = gate_settings_of(d, r);
	const char *why = map_get(&d->switched_off, r->id);

	return json_pack("{s:b, s:b, s:f, s:f, s:I, s:I, s:f, s:I, s:s*}", "on", s.on,
		"open", s.on && t.open, "aim", r->aim, "threshold", t.p, "right",
		(json_int_t)t.right, "n", (json_int_t)t.n, "bound", t.bound, "needed",
		(json_int_t)gate_faultless(r->aim), "switched_off", why);
}

int64_t
maildesk_hold_ms(struct maildesk *d, const struct mail *mail)
{
	const struct response *r = mail->suggest.n > 0 ? response_of(d, mail->mailbox,
								 mail->suggest.list[0].id)
						       : NULL;
	struct gate_threshold t;

	if (r == NULL || !gate_settings_of(d, r).on || mail->automatic != MAIL_BY_PERSON)
		return 0;
	t = threshold_of(d, mail->mailbox, r);
	return t.open && mail->suggest.list[0].p >= t.p ? d->settings->hold_ms : 0;
}

/* ---- acknowledgements ---- */

static const char *
special_day(const struct maildesk *d, const char *date)
{
	for (int i = 0; i < d->settings->n_days; i++)
		if (strcmp(d->settings->days[i].date, date) == 0)
			return d->settings->days[i].response;
	return NULL;
}

static const struct calendar *
calendar_named(const struct centre *c, const char *name)
{
	for (int i = 0; name != NULL && i < c->n_calendars; i++)
		if (strcmp(c->calendar_names[i], name) == 0)
			return c->calendars[i];
	return NULL;
}

/* Which acknowledgement is due now: a special day's, else open or closed; NULL: none. */
static const char *
acknowledgement(struct maildesk *d, int64_t now_ms)
{
	const struct centre *c = router_centre(d->parts.router);
	const struct calendar *calendar = calendar_named(c, d->settings->ack_calendar);
	struct calendar_moment m;
	char date[MOMENT_TEXT];
	const char *special;

	calendar_local(calendar != NULL ? calendar : c->local, now_ms, &m);
	snprintf(date, sizeof date, "%04d-%02d-%02d", m.year % 10000, m.month % 100,
		m.day % 100);
	special = special_day(d, date);
	if (special != NULL)
		return special;
	if (calendar != NULL && !calendar_is_open(calendar, now_ms))
		return d->settings->ack_closed;
	return d->settings->ack_open;
}

static void
on_kept(void *owner, uint64_t tag, enum outbox_kept kept)
{
	struct maildesk *d = owner;
	struct reply none = {0};

	if (kept != OUTBOX_KEPT)
		router_release(d->parts.router, desk_time_ms(d), tag, none);
}

static void
on_ack_kept(void *owner, uint64_t tag, enum outbox_kept kept)
{
	/* Without it the mail is answered all the same. */
}

/* An automatic mail: counted first, kept, then sent. */
static bool
send_automatic(struct maildesk *d, uint64_t contact, const struct mail *mail,
	const char *case_id, const struct answer_parts *parts, outbox_done done)
{
	const char *fault, *address = auto_address(mail);
	json_t *record = answer_record(d, contact, mail, case_id, parts, &fault);
	char sender[SENDER_HASH_TEXT];
	struct outbox_once once = {
		sender, parts->response, desk_time_ms(d) - longest_ms(d)};

	if (record == NULL) {
		log_info("mail: no automatic mail contact=%" PRIx64 ": %s", contact,
			fault);
		return false;
	}
	hash_sender(address, sender);
	autos_add(d, desk_time_ms(d), parts->response, sender);
	json_object_set_new(record, "due_ms", json_integer(desk_time_ms(d)));
	outbox_put(d->outbox, record, &once, done, d, contact);
	return true;
}

static void
acknowledge(struct maildesk *d, uint64_t contact, const struct mail *mail,
	const char *case_id)
{
	const char *id = acknowledgement(d, desk_time_ms(d));
	const struct response *r = response_of(d, mail->mailbox, id);
	struct gate_settings s = gate_defaults();
	struct gate_mail g = {0};
	struct text text = {0}, missing = {0};
	struct answer_parts parts = {.kind = OUT_ACKNOWLEDGEMENT};

	if (r == NULL)
		return;
	s.sender_most = d->settings->sender_most;
	s.response_most = INT32_MAX;
	s.customer_points = INFINITY;
	facts_of_mail(d, mail, &g);
	/* One a thread: an answer within it is not acknowledged again. */
	g.thread = mail->thread != MAIL_NO_THREAD || mail->in_reply_to.n > 0;
	if (gate_guards(&g, &s) == 0 &&
		answer_fill(d, contact, mail, case_id, r, NULL, &text, &missing)) {
		parts.text = text.s != NULL ? text.s : "";
		parts.response = r->id;
		if (send_automatic(d, contact, mail, case_id, &parts, on_ack_kept))
			d->counts.acknowledged++;
	}
	text_finish(&text);
	text_finish(&missing);
}

/* ---- a mail came in ---- */

static void
note_gate(struct maildesk *d, uint64_t contact, const char *why)
{
	struct mail_note *w = work_of(d, contact);

	if (w == NULL)
		return;
	json_object_set_new(w->note, "gate", json_string(why));
	work_save(d, w);
}

static const char *
first_guard(unsigned guards)
{
	for (int i = 0; i < GUARDS; i++)
		if ((guards & 1u << i) != 0)
			return gate_guard_text((enum gate_guard)(1u << i));
	return "";
}

/* True: an answer is on its way. */
static bool
answer(struct maildesk *d, uint64_t contact, const struct mail *mail, const char *case_id)
{
	const struct response *r = mail->suggest.n > 0 ? response_of(d, mail->mailbox,
								 mail->suggest.list[0].id)
						       : NULL;
	struct gate_mail g = {0};
	struct gate_settings s;
	struct gate_threshold t;
	struct text text = {0};
	char id[NUMBER_ID_TEXT];
	enum gate_answer decision;
	unsigned guards;
	bool sent = false;

	if (r == NULL)
		return false;
	s = gate_settings_of(d, r);
	t = threshold_of(d, mail->mailbox, r);
	contact_text(id, contact);
	facts_of_mail(d, mail, &g);
	facts_of_response(d, contact, mail, case_id, r, &g, &text);
	guards = gate_guards(&g, &s);
	decision = gate_decide(
		&s, &t, mail->suggest.list[0].p, mail->suggest.none, guards, id);
	if (decision == GATE_OPEN) {
		struct answer_parts parts = {.kind = OUT_AUTOMATIC,
			.text = text.s != NULL ? text.s : "",
			.response = r->id};

		sent = send_automatic(d, contact, mail, case_id, &parts, on_kept);
		d->counts.taken_open += sent;
	} else {
		d->counts.guarded += decision == GATE_GUARDED;
		d->counts.audited += decision == GATE_AUDITED;
		if (decision != GATE_OFF)
			note_gate(d, contact,
				decision == GATE_GUARDED ? first_guard(guards)
							 : gate_answer_text(decision));
	}
	text_finish(&text);
	return sent;
}

void
answers_created(struct maildesk *d, uint64_t contact)
{
	bool held = router_contact_state(d->parts.router, contact) == CONTACT_SCHEDULED,
	     sent = false;
	struct reply none = {0};
	char case_id[NUMBER_ID_TEXT];
	struct mail mail;

	if (!work_mail(d, contact, &mail, case_id))
		return;
	if (mail.message_id == NULL) { /* it came as something else */
		mail_finish(&mail);
		return;
	}
	if (held && outbox_is_loaded(d->outbox) && d->autos_loaded)
		sent = answer(d, contact, &mail, case_id);
	if (held && !sent) {
		d->counts.released++;
		router_release(d->parts.router, desk_time_ms(d), contact, none);
	}
	if (!sent && d->autos_loaded)
		acknowledge(d, contact, &mail, case_id);
	mail_finish(&mail);
}

/* What became of an automatic answer. */
void
answers_changed(struct maildesk *d, const json_t *record)
{
	const char *kind = json_string_value(json_object_get(record, "kind"));
	struct reply none = {0};
	uint64_t contact;

	if (kind == NULL || strcmp(kind, out_kind_name[OUT_AUTOMATIC]) != 0 ||
		!number_id_parse(json_string_value(json_object_get(record, "contact")),
			'c', &contact))
		return;
	switch (out_state_of(record)) {
	case OUT_SENT:
		d->counts.answered++;
		router_answer(d->parts.router, desk_time_ms(d), contact,
			json_string_value(json_object_get(record, "response")), none);
		break;
	case OUT_FAILED:
	case OUT_UNSURE:
	case OUT_CANCELLED:
		d->counts.released++;
		note_gate(d, contact,
			out_state_of(record) == OUT_UNSURE
				? "it may have been answered automatically: nobody knows"
				: "the automatic answer could not be sent");
		router_release(d->parts.router, desk_time_ms(d), contact, none);
		break;
	case OUT_HELD:
	case OUT_QUEUED:
	case OUT_SENDING:
	case OUT_BOUNCED:
	case OUT_STATES:
		break;
	}
}

/* ---- switched off ---- */

void
answers_switch(struct maildesk *d, const char *response, const char *why)
{
	char *key = xasprintf("gate:%s", response);
	const char *const keys[] = {key, "gates"};
	char at[24];
	const char *const args[] = {why != NULL ? why : "", "", response, at};

	snprintf(at, sizeof at, "%" PRId64, desk_time_ms(d));
	free(why != NULL ? map_put(&d->switched_off, response, xstrdup(why))
			 : map_remove(&d->switched_off, response));
	if (!side_call(
		    d->parts.side, NULL, NULL, 0, "outbox_note", 2, keys, 4, args, NULL))
		log_warn("suggest: the switch of a response waits for Redis response=%s",
			response);
	free(key);
}

/* Verdicts on mails that the gate let through, or would have: audits and judgements. */
void
answers_judged(struct maildesk *d, const char *mailbox, const char *response)
{
	const struct response *r = response_of(d, mailbox, response);
	int64_t right = 0, n = 0;
	const json_t *record;
	size_t at = 0;

	if (r == NULL || !r->automatic || map_get(&d->switched_off, response) != NULL)
		return;
	while ((record = verdicts_next(d->verdicts, &at)) != NULL) {
		const char *first = json_string_value(json_object_get(record, "first"));

		if (!json_is_true(json_object_get(record, "audit")) || first == NULL ||
			strcmp(first, response) != 0)
			continue;
		n++;
		right += json_is_true(json_object_get(record, "right"));
	}
	if (n == 0 || !gate_breaks(right, n, r->aim))
		return;
	log_error("suggest: automatic answers switched off response=%s right=%" PRId64
		  " of=%" PRId64,
		response, right, n);
	answers_switch(d, response, "its automatic answers were wrong too often");
	d->parts.people->tell_watchers(d->parts.people->owner, -1, -1, "suggest.switched",
		json_pack("{s:s, s:b, s:s}", "response", response, "on", false, "why",
			"its automatic answers were wrong too often"));
}

/* ---- the start ---- */

static void
on_autos(void *owner, uint64_t tag, const redisReply *reply)
{
	struct maildesk *d = owner;
	char id[OUT_ID_TEXT], response[ID_MAX + 1], sender[SENDER_HASH_TEXT];

	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
		return;
	d->n_autos = 0;
	for (size_t i = 0; i + 1 < reply->elements; i += 2)
		if (sscanf(reply->element[i]->str, "%16s %64s %32s", id, response,
			    sender) == 3)
			autos_add(d, strtoll(reply->element[i + 1]->str, NULL, 10),
				response, sender);
	d->autos_loaded = true;
}

static void
on_gate(void *owner, uint64_t tag, const redisReply *reply)
{
	struct maildesk *d = owner;
	const redisReply *const *e;

	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
		return;
	e = (const redisReply *const *)reply->element;
	for (size_t i = 0; i < reply->elements; i++)
		free(map_put(&d->switched_off, e[i]->str, xstrdup("switched off")));
}

void
answers_load(struct maildesk *d)
{
	static const char *const all[] = {"0", "-1"};
	char newest[16];
	const char *const scores[] = {newest, "-1", "WITHSCORES"};

	if (d->autos_loaded)
		return;
	snprintf(newest, sizeof newest, "-%d", MAILOUT_COUNTED_MAX);
	if (!side_read(d->parts.side, on_autos, d, 0, "ZRANGE", "autos", 3, scores) ||
		!side_read(d->parts.side, on_gate, d, 0, "ZRANGE", "gates", 2, all))
		log_info("mail: automatic answers wait for Redis");
}
