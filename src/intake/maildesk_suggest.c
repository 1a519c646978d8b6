/* intake/maildesk_suggest.c - the methods suggestion.*, review.* and suggest.*. */
#include <stdio.h>

#include "base/redact.h"
#include "intake/maildesk_inner.h"

/* ---- proposals ---- */

static const struct response *
response_for(struct maildesk *d, const struct mail *mail, const char *id)
{
	struct live *live = desk_live(d, mail->mailbox);
	const struct library *library = live != NULL ? live_library(live) : NULL;

	return library != NULL && id != NULL ? library_find(library, id) : NULL;
}

static bool
was_proposed(const struct mail *mail, const char *id)
{
	for (int i = 0; i < mail->suggest.n; i++)
		if (strcmp(mail->suggest.list[i].id, id) == 0)
			return true;
	return false;
}

/* Fills a response for the mail and makes it the ground of the answer. */
static void
take(struct maildesk *d, const struct rpc_call *call, bool choose)
{
	const char *id = rpc_text(call, "response");
	const struct response *r;
	struct held_mail held;
	struct text text = {0}, missing = {0};
	json_t *o;

	if (!held_mail(d, call, &held))
		return;
	r = response_for(d, &held.mail, id);
	if (r == NULL)
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_response",
			"The mailbox has no such response; see response.list.", NULL);
	else if (!choose && !was_proposed(&held.mail, id))
		refuse_fault(call, "not_proposed",
			"It was not proposed; pick it with suggestion.choose.");
	else {
		const struct centre *c = router_centre(d->parts.router);

		answer_fill(d, held.contact, &held.mail, held.case_id, r,
			c->agents[held.agent].name != NULL ? c->agents[held.agent].name
							   : held.name,
			&text, &missing);
		json_object_set_new(held.work->note, "taken",
			json_pack("{s:s, s:s, s:s}", "response", id, "text",
				text.s != NULL ? text.s : "", "how",
				choose && !was_proposed(&held.mail, id) ? "choose"
									: "take"));
		/* He thought again. */
		json_object_del(held.work->note, "ruled");
		work_save(d, held.work);
		o = json_pack("{s:s, s:s, s:s}", "response", id, "title", r->title,
			"text", text.s != NULL ? text.s : "");
		if (missing.n > 0)
			json_object_set_new(o, "missing", json_string(missing.s));
		rpc_answer(call->rpc, call->tag, o);
	}
	text_finish(&text);
	text_finish(&missing);
	held_mail_finish(&held);
}

void
on_suggestion_take(void *owner, const struct rpc_call *call)
{
	take(owner, call, false);
}

void
on_suggestion_choose(void *owner, const struct rpc_call *call)
{
	take(owner, call, true);
}

/* The text as it is being changed; the draft of the answer. */
void
on_suggestion_edit(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	struct held_mail held;
	json_t *draft;

	if (!held_mail(d, call, &held))
		return;
	if (json_object_get(held.work->note, "taken") == NULL)
		refuse_fault(call, "not_taken", "Take or choose a response first.");
	else {
		draft = json_object_get(held.work->note, "draft");
		draft = draft != NULL ? json_copy(draft) : json_object();
		json_object_set_new(draft, "text", json_string(rpc_text(call, "text")));
		redact_json(draft, NULL);
		json_object_set_new(held.work->note, "draft", draft);
		answer_when_kept(d, call, held.work);
	}
	held_mail_finish(&held);
}

static void
say_verdict(struct maildesk *d, const struct rpc_call *call, bool none)
{
	const char *id = rpc_text(call, "response");
	struct held_mail held;
	json_t *verdict;

	if (!held_mail(d, call, &held))
		return;
	if (held.mail.suggest.n == 0 && !none) {
		refuse_fault(call, "not_proposed", "Nothing was proposed for this mail.");
	} else if (!none && !was_proposed(&held.mail, id)) {
		refuse_fault(call, "not_proposed", "It was not proposed for this mail.");
	} else if (none && json_is_true(json_object_get(held.work->note, "ruled"))) {
		/* Said twice it is learnt once. */
		answer_when_kept(d, call, held.work);
	} else {
		json_object_del(held.work->note, "taken");
		if (none || strcmp(held.mail.suggest.list[0].id, id) == 0) {
			/* A rejection of the first says only that it was wrong. */
			verdict = verdict_make(d, held.contact, &held.mail,
				none ? FEEDBACK_NONE : FEEDBACK_IGNORED, NULL, NULL, NULL,
				held.name);
			if (!none)
				json_object_set_new(verdict, "right", json_false());
			json_object_set_new(
				verdict, "what", json_string(none ? "none" : "rejected"));
			verdict_learn(d, verdict);
		}
		if (none)
			json_object_set_new(held.work->note, "ruled", json_true());
		answer_when_kept(d, call, held.work);
	}
	held_mail_finish(&held);
}

void
on_suggestion_reject(void *owner, const struct rpc_call *call)
{
	say_verdict(owner, call, false);
}

void
on_suggestion_none(void *owner, const struct rpc_call *call)
{
	say_verdict(owner, call, true);
}

/* Was a verdict, or an automatic answer, right after all? By a supervisor. */
void
on_suggestion_judge(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const struct people *people = d->parts.people;
	const char *contact = rpc_text(call, "contact");
	const json_t *known = verdicts_find(d->verdicts, contact);
	bool right = rpc_flag(call, "right", true);
	json_t *record;

	if (known == NULL) {
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_verdict",
			"Nothing is logged about that contact.", NULL);
		return;
	}
	if (!people->audit(people->owner, call, contact, right ? "upheld" : "corrected"))
		return;
	/* Said twice it is learnt once. */
	if (json_is_boolean(json_object_get(known, "upheld")) &&
		json_is_true(json_object_get(known, "upheld")) == right) {
		rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
		return;
	}
	record = json_deep_copy(known);
	json_object_set_new(record, "upheld", json_boolean(right));
	json_object_set_new(
		record, "judged_by", json_string(people->who(people->owner, call)));
	if (!right) {
		/* What was learnt from it is forgotten by the next rebuild. */
		json_object_set_new(record, "right", json_false());
		json_object_set_new(record, "weight", json_real(0));
	}
	json_object_set_new(record, "audit", json_true());
	verdict_learn(d, record);
	rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
}

/* ---- review ---- */

void
on_review_list(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	json_t *found = outbox_list(
		d->outbox, NULL, NULL, OUT_HELD, (int)rpc_integer(call, "most", 50));
	json_t *list = json_array(), *one;
	size_t i;

	json_array_foreach(found, i, one)
		json_array_append_new(list, record_brief(one, true));
	json_decref(found);
	rpc_answer(call->rpc, call->tag, json_pack("{s:o}", "mails", list));
}

void
on_review_approve(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const struct people *people = d->parts.people;
	const char *id = rpc_text(call, "mail");

	if (!people->audit(people->owner, call, id, "approved"))
		return;
	if (outbox_approve(d->outbox, id, people->who(people->owner, call)))
		rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
	else
		refuse_fault(
			call, "wrong_state", "That mail does not wait for approval.");
}

/* Back to its author: his draft again while he has the contact; he is told in any case.
 */
void
on_review_reject(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const struct people *people = d->parts.people;
	const char *id = rpc_text(call, "mail"), *reason = rpc_text(call, "reason");
	const json_t *record = outbox_find(d->outbox, id);
	const char *by = json_string_value(json_object_get(record, "by"));
	struct mail_note *w;
	uint64_t contact;
	int agent;
	json_t *o;

	if (record == NULL || out_state_of(record) != OUT_HELD) {
		refuse_fault(
			call, "wrong_state", "That mail does not wait for approval.");
		return;
	}
	if (!people->audit(people->owner, call, id, reason))
		return;
	json_incref((json_t *)record);
	if (!outbox_cancel(d->outbox, id)) {
		json_decref((json_t *)record);
		refuse_fault(
			call, "wrong_state", "That mail does not wait for approval.");
		return;
	}
	if (number_id_parse(json_string_value(json_object_get(record, "contact")), 'c',
		    &contact) &&
		(w = work_find(d, contact)) != NULL)
		json_object_set_new(w->note, "review", json_string(reason));
	draft_again(d, record);
	agent = by != NULL ? centre_agent(router_centre(d->parts.router), by) : -1;
	o = json_pack("{s:o, s:s, s:s}", "mail", record_brief(record, true), "reason",
		reason, "by", people->who(people->owner, call));
	if (agent >= 0)
		people->tell_agent(people->owner, agent, "review.rejected", o);
	else
		json_decref(o);
	json_decref((json_t *)record);
	rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
}

/* ---- the matcher ---- */

static const char *
the_mailbox(struct maildesk *d, const struct rpc_call *call)
{
	const char *mailbox = rpc_text(call, "mailbox");
	int at = 0;

	/* The first one that has a matcher, where none is named. */
	if (mailbox != NULL ? desk_live(d, mailbox) != NULL
			    : desk_next_live(d, &at, &mailbox) != NULL)
		return mailbox;
	rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_mailbox",
		"No such mailbox; the settings list them under mail.mailboxes.", NULL);
	return NULL;
}

void
on_suggest_report(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const char *mailbox = the_mailbox(d, call);

	if (mailbox != NULL)
		rpc_answer(call->rpc, call->tag,
			verdict_report(d, mailbox, rpc_text(call, "response")));
}

void
on_suggest_rebuild(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const char *mailbox = the_mailbox(d, call),
		   *language = rpc_text(call, "language");

	if (mailbox == NULL)
		return;
	if (d->rebuilding)
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "busy",
			"A model is being built already; try again when it is done.",
			NULL);
	else if (!verdict_start_rebuild(d, mailbox, language != NULL ? language : "",
			 call->tag, call->rpc))
		refuse_fault(call, "not_built",
			"There are no verdicts in that language to build from.");
}

void
on_suggest_rollback(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const struct people *people = d->parts.people;
	const char *mailbox = the_mailbox(d, call),
		   *language = rpc_text(call, "language");
	int version;

	if (mailbox == NULL || !people->audit(people->owner, call, mailbox, language))
		return;
	version = live_roll_back(desk_live(d, mailbox), language != NULL ? language : "");
	if (version > 0)
		rpc_answer(call->rpc, call->tag,
			json_pack("{s:s, s:i}", "mailbox", mailbox, "version", version));
	else
		refuse_fault(call, "no_version",
			"There is no version before; nothing was changed.");
}

void
on_suggest_switch(void *owner, const struct rpc_call *call)
{
	struct maildesk *d = owner;
	const struct people *people = d->parts.people;
	const char *response = rpc_text(call, "response");
	bool on = rpc_flag(call, "on", true);

	if (!people->audit(people->owner, call, response, on ? "on" : "off"))
		return;
	answers_switch(d, response, on ? NULL : "switched off by a person");
	people->tell_watchers(people->owner, -1, -1, "suggest.switched",
		json_pack("{s:s, s:b, s:s}", "response", response, "on", on, "why",
			"by a person"));
	rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", true));
}
