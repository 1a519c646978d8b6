/* intake/maildesk_email.c - the methods email.*: what an agent does with a mail. */
#include <inttypes.h>
#include <stdio.h>

#include "base/redact.h"
#include "intake/compose.h"
#include "intake/mail_file.h"
#include "intake/maildesk_inner.h"

#define LIST_MOST 100 /* mails in one answer */

/* ---- common ---- */

void
refuse_fault(const struct rpc_call *call, const char *type, const char *message)
{
	rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, type, message, NULL);
}

bool
held_mail(struct maildesk *d, const struct rpc_call *call, struct held_mail *out)
{
	const struct people *people = d->parts.people;
	enum contact_state state;

	memset(out, 0, sizeof *out);
	if (!people->contact(people->owner, call, &out->contact))
		return false;
	out->agent = people->agent(people->owner, call);
	out->name = people->who(people->owner, call);
	state = router_contact_state(d->parts.router, out->contact);
	if (router_contact_agent(d->parts.router, out->contact) != out->agent ||
		(state != CONTACT_CONNECTED && state != CONTACT_WRAPUP &&
			state != CONTACT_PARKED)) {
		refuse_fault(call, "not_yours", "The mail is not in your hands.");
		return false;
	}
	out->name = router_centre(d->parts.router)->agents[out->agent].id;
	if (!d->works_read) {
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "busy",
			"Drafts and files of before the start are still being read; ask "
			"again in a moment.",
			NULL);
		return false;
	}
	if (!work_mail(d, out->contact, &out->mail, out->case_id)) {
		refuse_fault(call, "no_mail", "The contact is no mail.");
		return false;
	}
	out->work = work_of(d, out->contact);
	if (out->work != NULL)
		return true;
	mail_finish(&out->mail);
	rpc_refuse(call->rpc, call->tag, RPC_LATER, "busy",
		"Too many mails are in work; finish some first.", NULL);
	return false;
}

void
held_mail_finish(struct held_mail *held)
{
	mail_finish(&held->mail);
}

json_t *
record_brief(const json_t *record, bool text)
{
	static const char *const names[] = {"id", "kind", "state", "contact", "case",
		"to", "cc", "subject", "by", "response", "category", "words",
		"message_id", "approved_by", "redacted", "attachments", NULL};
	static const char *const times[] = {"created", "due", "sent", NULL};
	json_t *o = json_object();

	for (int i = 0; names[i] != NULL; i++)
		if (json_object_get(record, names[i]) != NULL)
			json_object_set(o, names[i], json_object_get(record, names[i]));
	for (int i = 0; times[i] != NULL; i++) {
		char name[16], at[MOMENT_TEXT];
		int64_t ms;

		snprintf(name, sizeof name, "%s_ms", times[i]);
		ms = json_integer_value(json_object_get(record, name));
		if (ms <= 0)
			continue;
		moment_format(at, ms);
		snprintf(name, sizeof name, "%s_at", times[i]);
		json_object_set_new(o, name, json_string(at));
	}
	if (json_integer_value(json_object_get(record, "tries")) > 0)
		json_object_set(o, "tries", json_object_get(record, "tries"));
	if (json_integer_value(json_object_get(record, "code")) > 0)
		json_object_set(o, "code", json_object_get(record, "code"));
	if (text)
		json_object_set(o, "text", json_object_get(record, "text"));
	return o;
}

/* A list of texts as a param. False: refused. NULL stays NULL. */
static bool
text_list(const struct rpc_call *call, const char *name, const json_t **out)
{
	const json_t *list = json_object_get(call->params, name), *one;
	size_t i;

	*out = list;
	if (list == NULL)
		return true;
	if (!json_is_array(list) || json_array_size(list) > MAILER_RECIPIENTS_MAX ||
		json_array_size(list) == 0) {
		rpc_refuse_param(call->rpc, call->tag, name,
			"must be a list of 1 to 50 addresses");
		return false;
	}
	json_array_foreach(list, i, one)
	{
		if (mailer_address_valid(json_string_value(one)))
			continue;
		rpc_refuse_param(call->rpc, call->tag, name,
			"holds something that is no address: write name@example.com");
		return false;
	}
	return true;
}

/* A note is kept: answer the request that waited for it. */
static void
note_kept(struct maildesk *d, struct mail_note *w, uint64_t tag, bool kept)
{
	struct rpc *rpc = d->rpc;

	if (kept)
		rpc_answer(rpc, tag, json_pack("{s:b}", "accepted", true));
	else
		rpc_refuse(rpc, tag, RPC_LATER, "store_away",
			"Redis is away; try again in a moment.", NULL);
	d->parts.people->changed(d->parts.people->owner, w->contact);
}

/* One waits at a time; an earlier one is answered with it. */
void
save_then(struct maildesk *d, const struct rpc_call *call, struct mail_note *w,
	void (*then)(struct maildesk *d, struct mail_note *w, uint64_t tag, bool kept))
{
	void (*before)(struct maildesk *, struct mail_note *, uint64_t, bool) = w->done;
	uint64_t tag = w->tag;

	d->rpc = call->rpc;
	w->done = NULL;
	if (before != NULL)
		before(d, w, tag, true);
	w->done = then;
	w->tag = call->tag;
	work_save(d, w);
	if (!w->writing && w->done != NULL) {
		w->done = NULL;
		then(d, w, call->tag, false);
	}
}

void
answer_when_kept(struct maildesk *d, const struct rpc_call *call, struct mail_note *w)
{
	save_then(d, call, w, note_kept);
}

/* ---- reading ---- */

void
on_email_get(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const struct people *people = d->parts.people;
	char case_id[NUMBER_ID_TEXT], token[CASE_TOKEN_TEXT];
	struct mail mail;
	struct mail_note *w;
	uint64_t contact;
	json_t *o, *list, *one, *mails = json_array(), *verdict;
	char id[NUMBER_ID_TEXT];
	size_t i;

	if (!people->contact(people->owner, call, &contact)) {
		json_decref(mails);
		return;
	}
	if (!work_mail(d, contact, &mail, case_id)) {
		json_decref(mails);
		refuse_fault(call, "no_mail", "The contact is no mail.");
		return;
	}
	w = work_of(d, contact);
	contact_text(id, contact);
	case_token_make(d->parts.ticket_secret, case_id, token);
	o = mail_to_json(&mail);
	json_object_set_new(o, "contact", json_string(id));
	json_object_set_new(o, "case", json_string(case_id));
	json_object_set_new(o, "token", json_string(token));
	if (w != NULL) {
		json_object_set_new(o, "clocks", work_clocks(d, contact, w));
		if (json_object_get(w->note, "draft") != NULL)
			json_object_set(o, "draft", json_object_get(w->note, "draft"));
		if (json_array_size(json_object_get(w->note, "files")) > 0)
			json_object_set(o, "files", json_object_get(w->note, "files"));
		if (json_object_get(w->note, "taken") != NULL)
			json_object_set(o, "taken", json_object_get(w->note, "taken"));
		if (json_object_get(w->note, "gate") != NULL)
			json_object_set(o, "gate", json_object_get(w->note, "gate"));
		if (json_object_get(w->note, "handed") != NULL)
			json_object_set(o, "handed", json_object_get(w->note, "handed"));
	}
	list = outbox_list(d->outbox, NULL, case_id, OUT_STATES, LIST_MOST);
	json_array_foreach(list, i, one)
		json_array_append_new(mails, record_brief(one, i < 5));
	json_decref(list);
	json_object_set_new(o, "mails", mails);
	verdict = (json_t *)verdicts_find(d->verdicts, id);
	if (verdict != NULL)
		json_object_set(o, "verdict", json_object_get(verdict, "what"));
	mail_finish(&mail);
	rpc_answer(call->rpc, call->tag, o);
}

void
on_email_outbox(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const char *state = rpc_text(call, "state"), *contact = rpc_text(call, "contact");
	enum out_state wanted = OUT_STATES;
	json_t *found, *list = json_array(), *one;
	struct outbox_counts c;
	size_t i;

	for (int k = 0; state != NULL && k < OUT_STATES; k++)
		if (strcmp(out_state_name[k], state) == 0)
			wanted = (enum out_state)k;
	found = outbox_list(d->outbox, contact, NULL, wanted,
		(int)rpc_integer(call, "most", LIST_MOST));
	json_array_foreach(found, i, one)
		json_array_append_new(list, record_brief(one, false));
	json_decref(found);
	outbox_counts(d->outbox, &c);
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:b}", "mails", list, "queued",
			(json_int_t)c.queued, "held", (json_int_t)c.held, "sent",
			(json_int_t)c.sent, "failed", (json_int_t)c.failed, "bounced",
			(json_int_t)c.bounced, "breaker", d->broken));
}

/* ---- drafts ---- */

void
on_email_draft(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const char *text = rpc_text(call, "text"), *subject = rpc_text(call, "subject");
	const json_t *to, *cc;
	struct held_mail held;
	json_t *draft;

	if (!text_list(call, "to", &to) || !text_list(call, "cc", &cc) ||
		!held_mail(d, call, &held))
		return;
	draft = json_pack("{s:s}", "text", text);
	if (subject != NULL)
		json_object_set_new(draft, "subject", json_string(subject));
	if (to != NULL)
		json_object_set(draft, "to", (json_t *)to);
	if (cc != NULL)
		json_object_set(draft, "cc", (json_t *)cc);
	redact_json(draft, NULL);
	if (text[0] != '\0')
		json_object_set_new(held.work->note, "draft", draft);
	else {
		json_object_del(held.work->note, "draft");
		json_decref(draft);
	}
	answer_when_kept(d, call, held.work);
	held_mail_finish(&held);
}

/* ---- sending ---- */

/* Waits for the outbox; the request is answered after its commit. */
struct sending {
	struct maildesk *d;
	struct rpc *rpc;
	uint64_t tag, contact;
	char id[OUT_ID_TEXT];
	int agent;
	bool resolve, is_reply;
	char *disposition; /* owned; NULL */
	struct reply reply;
};

/* The mail is kept: an answer's draft has served, and the contact ends if it shall. */
static void
after_put(const struct sending *s)
{
	struct maildesk *d = s->d;
	struct mail_note *w = work_find(d, s->contact);
	struct reply none = {0};

	if (w != NULL && s->is_reply) {
		json_object_del(w->note, "draft");
		json_object_del(w->note, "files");
		work_save(d, w);
	}
	if (s->resolve) {
		struct disposition end = {
			.code = s->disposition, .amount = NAN, .satisfaction = NAN};

		router_complete(d->parts.router, desk_time_ms(d), s->contact, s->agent,
			&end, none);
	} else
		d->parts.people->changed(d->parts.people->owner, s->contact);
}

static void
on_put(void *owner, uint64_t tag, enum outbox_kept kept)
{
	struct sending *s = owner;
	struct maildesk *d = s->d;
	const json_t *record = outbox_find(d->outbox, s->id);

	if (kept != OUTBOX_KEPT || record == NULL)
		rpc_refuse(s->rpc, s->tag, RPC_LATER, "store_away",
			"The mail was not kept: Redis is away or the outbox is full. "
			"Your "
			"draft is still there; try again in a moment.",
			NULL);
	else {
		rpc_answer(s->rpc, s->tag,
			json_pack("{s:o}", "mail", record_brief(record, false)));
		after_put(s);
	}
	free(s->disposition);
	free(s);
}

static bool
is_reply(const json_t *record)
{
	return strcmp(json_string_value(json_object_get(record, "kind")),
		       out_kind_name[OUT_REPLY]) == 0;
}

/* Names the mail that a call asks for, by his own id of it where there is one. True: the
 * mail is there already, since usherd ended before it was answered; it is answered now.
 */
static bool
is_there(struct maildesk *d, const struct rpc_call *call, char name[OUT_ID_TEXT])
{
	const struct people *people = d->parts.people;
	const char *id = rpc_text(call, "id");
	struct sending s = {.d = d,
		.contact = rpc_number_id(call, "contact"),
		.agent = people->agent(people->owner, call),
		.resolve = rpc_flag(call, "resolve", false),
		.disposition = (char *)rpc_text(call, "disposition")};
	const json_t *record;
	char *act;

	if (id == NULL) {
		outbox_name(name, NULL);
		return false;
	}
	act = xasprintf("%s %s %s %s", call->command->name, rpc_text(call, "contact"),
		people->who(people->owner, call), id);
	outbox_name(name, act);
	free(act);
	record = outbox_find(d->outbox, name);
	if (record == NULL)
		return false;
	s.is_reply = is_reply(record);
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o}", "mail", record_brief(record, false)));
	after_put(&s);
	return true;
}

/* What the answer says of the proposals. NULL: nothing. */
static json_t *
verdict_of_reply(struct maildesk *d, const struct held_mail *held, const char *sent)
{
	const json_t *taken = json_object_get(held->work->note, "taken");
	const char *response = json_string_value(json_object_get(taken, "response")),
		   *base = json_string_value(json_object_get(taken, "text")),
		   *how = json_string_value(json_object_get(taken, "how"));
	enum feedback what;

	if (json_is_true(json_object_get(held->work->note, "ruled")))
		return NULL; /* "none fits" was said already */
	if (response == NULL)
		return held->mail.suggest.n > 0
			       ? verdict_make(d, held->contact, &held->mail,
					 FEEDBACK_IGNORED, NULL, NULL, NULL, held->name)
			       : NULL;
	what = base == NULL || strcmp(base, sent) == 0
		       ? how != NULL && strcmp(how, "choose") == 0 ? FEEDBACK_CHOSEN
								   : FEEDBACK_SENT
		       : FEEDBACK_EDITED;
	return verdict_make(
		d, held->contact, &held->mail, what, response, base, sent, held->name);
}

static const struct response *
response_for(struct maildesk *d, const struct mail *mail, const char *id)
{
	struct live *live = desk_live(d, mail->mailbox);
	const struct library *library = live != NULL ? live_library(live) : NULL;

	return library != NULL && id != NULL ? library_find(library, id) : NULL;
}

/* Is it among those that a supervisor sees first? The same contact, the same answer. */
static bool
is_reviewed(struct maildesk *d, const struct held_mail *held, const struct response *r)
{
	char id[NUMBER_ID_TEXT + 8];

	snprintf(id, sizeof id, "review-");
	number_id_format(id + strlen(id), 'c', held->contact);
	return gate_is_audited(
		id, mailout_review_share(d->settings, r != NULL ? r->category : ""));
}

static void
send_record(struct maildesk *d, const struct rpc_call *call, struct held_mail *held,
	json_t *record, bool resolve)
{
	struct sending *s = xcalloc(1, sizeof *s);

	*s = (struct sending){.d = d,
		.rpc = call->rpc,
		.tag = call->tag,
		.contact = held->contact,
		.agent = held->agent,
		.resolve = resolve,
		.is_reply = is_reply(record),
		.disposition = xstrdup(rpc_text(call, "disposition"))};
	snprintf(s->id, sizeof s->id, "%s",
		json_string_value(json_object_get(record, "id")));
	json_object_set_new(
		record, "due_ms", json_integer(desk_time_ms(d) + d->settings->undo_ms));
	outbox_put(d->outbox, record, NULL, on_put, s, 0);
}

static const char *
draft_text(const struct held_mail *held, const char *name)
{
	const json_t *draft = json_object_get(held->work->note, "draft");

	return json_string_value(json_object_get(draft, name));
}

/* A resolution that the queue would not take is refused before the mail is kept. */
static bool
may_resolve(struct maildesk *d, const struct rpc_call *call, uint64_t contact)
{
	const struct centre *c = router_centre(d->parts.router);
	int queue = router_contact_queue(d->parts.router, contact);

	if (!rpc_flag(call, "resolve", false) || queue < 0 ||
		!c->queues[queue].disposition_required ||
		rpc_text(call, "disposition") != NULL)
		return true;
	refuse_fault(call, "disposition_required",
		"This queue wants a disposition; give one of its codes.");
	return false;
}

void
on_email_reply(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	char name[OUT_ID_TEXT];
	struct answer_parts parts = {
		.kind = OUT_REPLY, .name = name, .text = rpc_text(call, "text")};
	const struct response *r;
	struct held_mail held;
	const char *fault = NULL;
	const json_t *taken, *draft;
	json_t *record, *verdict;

	if (!text_list(call, "to", &parts.to) || !text_list(call, "cc", &parts.cc) ||
		is_there(d, call, name) || !held_mail(d, call, &held))
		return;
	taken = json_object_get(held.work->note, "taken");
	draft = json_object_get(held.work->note, "draft");
	if (parts.text == NULL)
		parts.text = draft_text(&held, "text");
	if (parts.text == NULL)
		parts.text = json_string_value(json_object_get(taken, "text"));
	parts.subject = rpc_text(call, "subject");
	if (parts.subject == NULL)
		parts.subject = draft_text(&held, "subject");
	if (parts.to == NULL)
		parts.to = json_object_get(draft, "to");
	if (parts.cc == NULL)
		parts.cc = json_object_get(draft, "cc");
	parts.by = held.name;
	parts.response = json_string_value(json_object_get(taken, "response"));
	parts.files = json_object_get(held.work->note, "files");
	parts.quote = rpc_flag(call, "quote", d->settings->quote);
	if (parts.text == NULL || parts.text[strspn(parts.text, " \t\r\n")] == '\0') {
		rpc_refuse_param(call->rpc, call->tag, "text",
			"there is nothing to send: give a text, save a draft or take a "
			"proposal");
		held_mail_finish(&held);
		return;
	}
	if (!may_resolve(d, call, held.contact)) {
		held_mail_finish(&held);
		return;
	}
	record = answer_record(d, held.contact, &held.mail, held.case_id, &parts, &fault);
	if (record == NULL) {
		refuse_fault(call, "bad_mail", fault);
		held_mail_finish(&held);
		return;
	}
	r = response_for(d, &held.mail, parts.response);
	if (r != NULL)
		json_object_set_new(record, "category", json_string(r->category));
	verdict = verdict_of_reply(d, &held, parts.text);
	if (verdict != NULL)
		json_object_set_new(record, "verdict", verdict);
	if (is_reviewed(d, &held, r))
		json_object_set_new(
			record, "state", json_string(out_state_name[OUT_HELD]));
	send_record(d, call, &held, record, rpc_flag(call, "resolve", false));
	held_mail_finish(&held);
}

void
on_email_forward(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	char name[OUT_ID_TEXT];
	struct answer_parts parts = {.kind = OUT_FORWARD,
		.name = name,
		.text = rpc_text(call, "text"),
		.quote = true};
	struct held_mail held;
	const char *fault = NULL;
	json_t *record, *files;

	if (!text_list(call, "to", &parts.to) || is_there(d, call, name) ||
		!held_mail(d, call, &held))
		return;
	if (parts.text == NULL)
		parts.text = "";
	parts.by = held.name;
	files = rpc_flag(call, "files", true) ? files_json(&held.mail) : NULL;
	parts.files = files;
	record = answer_record(d, held.contact, &held.mail, held.case_id, &parts, &fault);
	json_decref(files);
	if (record == NULL)
		refuse_fault(call, "bad_mail", fault);
	else
		send_record(d, call, &held, record, false);
	held_mail_finish(&held);
}

/* The mail of a request in the outbox, if the caller may touch it; NULL: refused. */
static const json_t *
own_mail(struct maildesk *d, const struct rpc_call *call)
{
	const struct people *people = d->parts.people;
	const json_t *record = outbox_find(d->outbox, rpc_text(call, "mail"));
	const char *by = json_string_value(json_object_get(record, "by"));
	int agent = people->agent(people->owner, call);

	if (record != NULL &&
		(call->role != RPC_AGENT ||
			(by != NULL && agent >= 0 &&
				strcmp(router_centre(d->parts.router)->agents[agent].id,
					by) == 0)))
		return record;
	rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_mail",
		"No such mail of yours is at hand.", NULL);
	return NULL;
}

/* A file that went, or is to go, with a mail of ours: for its author, and for whoever is
 * to approve it. */
void
on_email_attachment(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const json_t *record = own_mail(d, call), *one;
	const char *wanted = rpc_text(call, "blob");
	size_t i;

	if (record == NULL)
		return;
	json_array_foreach(json_object_get(record, "attachments"), i, one)
	{
		const char *blob = json_string_value(json_object_get(one, "blob"));

		if (blob == NULL || strcmp(blob, wanted) != 0)
			continue;
		rpc_answer(call->rpc, call->tag,
			mail_file_given(d->parts.ticket_secret, desk_time_ms(d), blob,
				json_string_value(json_object_get(one, "name"))));
		return;
	}
	rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_file",
		"No such file goes with that mail.", NULL);
}

/* Its text, and its files, while the contact is still in somebody's hands. */
void
draft_again(struct maildesk *d, const json_t *record)
{
	const json_t *files = json_object_get(record, "attachments"), *one;
	struct mail_note *w;
	uint64_t contact;
	size_t i;

	if (!number_id_parse(json_string_value(json_object_get(record, "contact")), 'c',
		    &contact) ||
		(w = work_find(d, contact)) == NULL)
		return;
	json_object_set_new(w->note, "draft",
		json_pack("{s:O}", "text", json_object_get(record, "text")));
	if (json_array_size(files) > 0 && json_object_get(w->note, "files") == NULL)
		json_object_set_new(w->note, "files", json_array());
	json_array_foreach(files, i, one)
		json_array_append(json_object_get(w->note, "files"), (json_t *)one);
	work_save(d, w);
	d->parts.people->changed(d->parts.people->owner, contact);
}

/* Taken back. */
void
on_email_undo(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	json_t *record = (json_t *)own_mail(d, call);

	if (record == NULL)
		return;
	json_incref(record);
	if (outbox_cancel(d->outbox, rpc_text(call, "mail"))) {
		draft_again(d, record);
		rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
	} else
		refuse_fault(call, "too_late",
			"It is on its way or gone; write another mail to put it right.");
	json_decref(record);
}

void
on_email_retry(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const struct people *people = d->parts.people;
	const char *id = rpc_text(call, "mail");

	if (own_mail(d, call) == NULL)
		return;
	if (!people->audit(people->owner, call, id, NULL))
		return;
	if (outbox_retry(d->outbox, id, people->who(people->owner, call)))
		rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
	else
		refuse_fault(
			call, "wrong_state", "Only a mail that failed is sent again.");
}
