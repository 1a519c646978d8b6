/* intake/maildesk_case.c - what becomes of a mail's contact: split, parked, resolved. */
#include <inttypes.h>
#include <stdio.h>

#include "base/redact.h"
#include "intake/maildesk_inner.h"

#define AWAIT_MS 2592000000LL /* "until an answer": 30 days at most */

/* The router's answer as the answer to the request. */
static void
on_outcome(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct maildesk *d = owner;
	char id[NUMBER_ID_TEXT];

	if (outcome->kind != OUTCOME_OK)
		d->parts.people->refuse(d->parts.people->owner, tag, outcome);
	else if (who != 0)
		rpc_answer(d->rpc, tag, json_pack("{s:b}", "accepted", true));
	else {
		contact_text(id, outcome->contact);
		rpc_answer(d->rpc, tag, json_pack("{s:s}", "contact", id));
	}
}

static struct reply
reply_to(struct maildesk *d, const struct rpc_call *call, bool plain)
{
	d->rpc = call->rpc;
	return (struct reply){on_outcome, d, plain, call->tag};
}

/* A second contact of the same mail, for what else is asked in it. */
void
on_email_split(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const char *title = rpc_text(call, "title"), *text = rpc_text(call, "text"),
		   *queue = rpc_text(call, "queue");
	struct submission_error error;
	struct submission s;
	struct held_mail held;
	const char *act = rpc_text(call, "id");
	char external[SUBMISSION_KEY_MAX], id[OUT_ID_TEXT], contact[NUMBER_ID_TEXT];
	json_t *o, *whole, *mail;

	if (!held_mail(d, call, &held))
		return;
	outbox_name(id, NULL);
	contact_text(contact, held.contact);
	/* Asked for again under its id it is found as the same contact. */
	snprintf(external, sizeof external, "split-%s-%s", contact,
		act != NULL ? act : id);
	whole = router_contact_json(d->parts.router, desk_time_ms(d), held.contact,
		DESCRIBE_PAYLOAD | DESCRIBE_ATTRIBUTES);
	mail = json_object_get(json_object_get(whole, "payload"), "mail");
	if (mail == NULL) {
		refuse_fault(call, "no_mail", "The contact came as no mail.");
		json_decref(whole);
		held_mail_finish(&held);
		return;
	}
	if (text != NULL)
		json_object_set_new(mail, "text", json_string(text));
	json_object_set_new(mail, "subject", json_string(title));
	json_object_del(mail, "suggest"); /* of the whole mail, not of this part */
	json_object_set_new(mail, "thread",
		json_pack("{s:s, s:s}", "case", held.case_id, "by", "references"));
	o = json_pack("{s:O, s:s, s:s, s:s, s:O}", "channel",
		json_object_get(whole, "channel"), "source", "split", "external_id",
		external, "title", title, "payload", json_object_get(whole, "payload"));
	json_object_set_new(o, "queue",
		queue != NULL ? json_string(queue)
			      : json_incref(json_object_get(whole, "queue")));
	if (json_object_get(whole, "tier") != NULL)
		json_object_set(o, "tier", json_object_get(whole, "tier"));
	if (submission_parse(o, &s, &error)) {
		router_submit(
			d->parts.router, desk_time_ms(d), &s, reply_to(d, call, false));
		submission_finish(&s);
	} else
		rpc_refuse_param(call->rpc, call->tag, error.field, error.message);
	json_decref(o);
	json_decref(whole);
	held_mail_finish(&held);
}

/* The note is kept: hand it on. */
static void
hand_on(struct maildesk *d, struct mail_note *w, uint64_t tag, bool kept)
{
	if (kept)
		router_transfer(d->parts.router, desk_time_ms(d), w->contact, w->by_agent,
			w->to_queue, w->to_agent,
			(struct reply){on_outcome, d, true, tag});
	else
		rpc_refuse(d->rpc, tag, RPC_LATER, "store_away",
			"Redis is away; the mail stays with you. Try again in a moment.",
			NULL);
}

void
on_email_transfer(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const struct people *people = d->parts.people;
	const char *note = rpc_text(call, "note");
	char at[MOMENT_TEXT];
	struct held_mail held;
	json_t *handed;
	int queue, agent;

	if (!people->named_queue(people->owner, call, "queue", &queue) ||
		!people->named_agent(people->owner, call, "agent", &agent))
		return;
	if ((queue < 0) == (agent < 0)) {
		rpc_refuse_param(call->rpc, call->tag, "queue",
			"or agent must be given, and only one of them");
		return;
	}
	if (!held_mail(d, call, &held))
		return;
	moment_format(at, desk_time_ms(d));
	handed = json_pack("{s:s, s:s, s:s}", "by", held.name, "at", at, "note", note);
	redact_json(handed, NULL);
	json_object_set_new(held.work->note, "handed", handed);
	held.work->to_queue = queue;
	held.work->to_agent = agent;
	held.work->by_agent = held.agent;
	save_then(d, call, held.work, hand_on);
	held_mail_finish(&held);
}

void
on_email_park(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	bool answer = rpc_flag(call, "answer", false);
	int64_t until_ms = rpc_time_ms(call, "until"), now_ms = desk_time_ms(d);
	struct held_mail held;
	bool answered;

	if (until_ms == 0 && !answer) {
		rpc_refuse_param(call->rpc, call->tag, "until",
			"say until when, or answer: true to wait for the customer");
		return;
	}
	if (until_ms != 0 && until_ms <= now_ms) {
		rpc_refuse_param(call->rpc, call->tag, "until", "lies in the past");
		return;
	}
	if (!held_mail(d, call, &held))
		return;
	if (answer)
		json_object_set_new(held.work->note, "awaits", json_true());
	else
		json_object_del(held.work->note, "awaits");
	work_save(d, held.work);
	answered = work_is_answered(held.work);
	router_park(d->parts.router, now_ms, held.contact, held.agent,
		until_ms != 0 ? until_ms : now_ms + AWAIT_MS, reply_to(d, call, true));
	if (answered)
		router_respond_by(d->parts.router, now_ms, held.contact, 0);
	held_mail_finish(&held);
}

void
on_email_resolve(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	struct disposition end = {.code = rpc_text(call, "disposition"),
		.note = rpc_text(call, "note"),
		.amount = NAN,
		.satisfaction = NAN};
	struct held_mail held;

	if (!held_mail(d, call, &held))
		return;
	router_complete(d->parts.router, desk_time_ms(d), held.contact, held.agent, &end,
		reply_to(d, call, true));
	held_mail_finish(&held);
}
