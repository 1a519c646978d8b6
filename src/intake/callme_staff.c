/* intake/callme_staff.c - call-me requests at the desk: what an agent sees of one, and
 * the result of a call that he dialled by hand, where no switch dials. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/moment.h"
#include "intake/callme_inner.h"

#define AGENT RPC_MAY(RPC_AGENT)

json_t *
callback_member(void *owner, uint64_t contact, enum rpc_role role)
{
	struct callme *callme = owner;
	const struct callback *c = idmap_get(&callme->by_contact, contact);
	char from[MOMENT_TEXT], to[MOMENT_TEXT];
	const char *zone;
	json_t *o;

	if (c == NULL)
		return NULL;
	o = json_pack("{s:s, s:s, s:i}", "request", c->id, "number", c->phone, "attempts",
		c->attempts);
	if (*c->topic != '\0')
		json_object_set_new(o, "topic", json_string(c->topic));
	zone = json_string_value(json_object_get(c->about, "timezone"));
	if (zone != NULL)
		json_object_set_new(o, "timezone", json_string(zone));
	if (c->from_ms > 0) {
		moment_format(from, c->from_ms);
		moment_format(to, c->to_ms);
		json_object_set_new(
			o, "when", json_pack("{s:s, s:s}", "from", from, "to", to));
	}
	return o;
}

static void
on_reported(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct callme *callme = owner;
	struct callme_wait *wait = idmap_remove(&callme->waits, tag);
	struct callback *c = wait != NULL ? map_get(&callme->by_id, wait->id) : NULL;

	if (wait == NULL)
		return;
	if (outcome->kind != OUTCOME_OK) {
		if (c != NULL)
			c->attempts--;
		callme->parts.people->refuse(
			callme->parts.people->owner, wait->tag, outcome);
	} else {
		if (c != NULL && !callback_save(callme, c, NULL, NULL))
			log_debug("callme: not written, Redis is away request=%s", c->id);
		rpc_answer(wait->rpc, wait->tag,
			json_pack("{s:b, s:i}", "accepted", true, "attempts",
				c != NULL ? c->attempts : 0));
	}
	free(wait);
}

static struct reply
reply_to(struct callme *callme, const struct callback *c, const struct rpc_call *call)
{
	struct callme_wait *wait = xcalloc(1, sizeof *wait);
	struct reply reply = {.fn = on_reported, .owner = callme};

	memcpy(wait->id, c->id, sizeof wait->id);
	wait->rpc = call->rpc;
	wait->tag = call->tag;
	reply.tag = ++callme->last_wait;
	idmap_put(&callme->waits, reply.tag, wait);
	return reply;
}

/* Not reached: later again, at its age; after the last attempt it ends. */
static void
not_reached(struct callme *callme, struct callback *c, const struct rpc_call *call,
	int agent, const char *result)
{
	struct reply reply = reply_to(callme, c, call);
	int64_t now_ms = callme_now(callme);

	c->attempts++;
	if (c->attempts >= callme->dialling->attempts ||
		strcmp(result, "wrong_number") == 0) {
		snprintf(c->end, sizeof c->end, "unreachable");
		router_unreachable(
			callme->parts.router, now_ms, c->contact, agent, result, reply);
	} else {
		struct pass_on how = {.channel = -1,
			.until_ms = now_ms + callme->dialling->gap_ms,
			.by_agent = agent,
			.reason = result};

		router_pass_on(callme->parts.router, now_ms, c->contact, &how, reply);
	}
}

static void
on_report(void *owner, const struct rpc_call *call)
{
	struct callme *callme = owner;
	const struct people *people = callme->parts.people;
	const char *result = rpc_text(call, "result");
	struct callback *c;
	uint64_t contact;
	int agent, attempts;

	if (!people->contact(people->owner, call, &contact))
		return;
	agent = people->agent(people->owner, call);
	attempts = router_attempts(callme->parts.router, contact).n;
	/* One that the switch dialled has its attempts there. */
	if (callme->parts.not_reached != NULL && strcmp(result, "reached") != 0 &&
		callme->parts.not_reached(callme->parts.dialler, contact, result)) {
		rpc_answer(call->rpc, call->tag,
			json_pack("{s:b, s:i}", "accepted", true, "attempts", attempts));
		return;
	}
	c = idmap_get(&callme->by_contact, contact);
	if (c == NULL || c->over) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			"This contact is no open call-me request.", NULL);
	} else if (router_contact_state(callme->parts.router, contact) !=
		   CONTACT_CONNECTED) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			"Accept the request first, then dial and report.", NULL);
	} else if (strcmp(result, "reached") == 0) {
		/* What was said is wrapped up as any contact is. */
		rpc_answer(call->rpc, call->tag,
			json_pack(
				"{s:b, s:i}", "accepted", true, "attempts", c->attempts));
	} else {
		not_reached(callme, c, call, agent, result);
	}
}

static const struct rpc_param report[] = {
	{"contact", RPC_CONTACT, .required = true},
	{"result", RPC_WORD, .required = true,
		.words = "reached|no_answer|busy|machine|wrong_number"},
	{NULL},
};

const struct rpc_command callme_commands[] = {
	{"callback.report", AGENT, report, on_report,
		"How a call to a customer went, whoever dialled it. Not reached (an "
		"answering machine is nobody), he is tried again later, as often as "
		"the settings allow (dialling.attempts, dialling.gap)."},
};
const int callme_n_commands = (int)(sizeof callme_commands / sizeof *callme_commands);
