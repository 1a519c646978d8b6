/*
 * intake/voice_control.c - methods call.* and cti.*: what agents and supervisors do with
 * calls, through the switch. The reply says that the switch was asked; what became true
 * comes as an event, from the switch's own word.
 */
#include <string.h>

#include "intake/voice_inner.h"

/* ---- whom it concerns ---- */

/* The call of a contact that the caller may touch. NULL: refused already. */
static struct voice_call *
call_of(struct voice *v, const struct rpc_call *call)
{
	const struct people *people = v->parts.people;
	struct voice_call *c;
	uint64_t contact;

	if (!people->contact(people->owner, call, &contact))
		return NULL;
	c = voice_call_of(v, contact);
	if (c == NULL)
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			"No switch carries this contact: it is no call, or its link is "
			"away.",
			NULL);
	return c;
}

/* The caller's own telephone in it; in a state that the act needs. NULL: refused. */
static struct voice_leg *
leg_of(struct voice *v, const struct rpc_call *call, struct voice_call **c, bool talks)
{
	struct voice_leg *leg;

	*c = call_of(v, call);
	if (*c == NULL)
		return NULL;
	leg = voice_agent_leg(v, *c);
	if (leg == NULL || (leg->state == VOICE_LEG_TALKS) != talks) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			talks ? "The telephone does not talk to the caller now."
			      : "The telephone does not ring for this call now.",
			NULL);
		return NULL;
	}
	return leg;
}

/* ---- the router's answer, and the switch's ---- */

static void
routed(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct voice *v = owner;

	if (outcome->kind == OUTCOME_OK)
		rpc_answer(v->rpc, tag, json_pack("{s:b}", "accepted", 1));
	else
		v->parts.people->refuse(v->parts.people->owner, tag, outcome);
}

static struct reply
reply_to(struct voice *v, const struct rpc_call *call)
{
	v->rpc = call->rpc; /* there is one */
	return (struct reply){routed, v, call->who, call->tag};
}

static void
order(struct voice *v, const struct rpc_call *call, const struct voice_call *c,
	struct usher_switch_action *action)
{
	if (voice_order(v, c->on, action))
		rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", 1));
	else
		rpc_refuse(call->rpc, call->tag, RPC_LATER, "switch_away",
			"The switch cannot be reached now: try again when it is back.",
			NULL);
}

static void
order_for_leg(struct voice *v, const struct rpc_call *call, enum usher_action_kind kind,
	bool talks)
{
	struct usher_switch_action a;
	struct voice_call *c;
	const struct voice_leg *leg = leg_of(v, call, &c, talks);

	if (leg == NULL)
		return;
	a = voice_action(kind, c);
	a.leg = leg->id;
	order(v, call, c, &a);
}

static bool
is_number(const char *text)
{
	size_t n = strspn(text, "+0123456789*#");

	return n > 0 && n <= 32 && text[n] == '\0';
}

/* The number to dial: given, or the telephone of an agent. NULL: refused. */
static const char *
number_of(struct voice *v, const struct rpc_call *call)
{
	const struct people *people = v->parts.people;
	const char *number = rpc_text(call, "number"), *slash;
	int agent;

	if (!people->named_agent(people->owner, call, "agent", &agent))
		return NULL;
	if ((number != NULL) == (agent >= 0)) {
		rpc_refuse_param(call->rpc, call->tag, "number",
			"or agent must be given, and only one of them");
		return NULL;
	}
	if (agent >= 0) {
		number = router_agent_device(v->parts.router, agent);
		slash = number != NULL ? strrchr(number, '/') : NULL;
		number = slash != NULL ? slash + 1 : number;
	}
	if (number == NULL || !is_number(number)) {
		rpc_refuse_param(call->rpc, call->tag, agent >= 0 ? "agent" : "number",
			agent >= 0 ? "has no telephone that can be dialled"
				   : "is none: digits, +, * and # only");
		return NULL;
	}
	return number;
}

/* ---- agents ---- */

static void
on_answer(void *owner, const struct rpc_call *call)
{
	order_for_leg(owner, call, USHER_ACTION_ANSWER, false);
}

static void
on_hold(void *owner, const struct rpc_call *call)
{
	order_for_leg(owner, call, USHER_ACTION_HOLD, true);
}

static void
on_retrieve(void *owner, const struct rpc_call *call)
{
	order_for_leg(owner, call, USHER_ACTION_RETRIEVE, true);
}

static void
on_mute(void *owner, const struct rpc_call *call)
{
	order_for_leg(owner, call,
		rpc_flag(call, "on", true) ? USHER_ACTION_MUTE : USHER_ACTION_UNMUTE,
		true);
}

static void
on_hang_up(void *owner, const struct rpc_call *call)
{
	struct voice *v = owner;
	struct usher_switch_action a;
	struct voice_call *c = call_of(v, call);

	if (c == NULL)
		return;
	if (router_contact_state(v->parts.router, c->contact) != CONTACT_CONNECTED) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			"Only a call that was answered can be hung up.", NULL);
		return;
	}
	a = voice_action(USHER_ACTION_HANG_UP, c);
	order(v, call, c, &a);
}

/* To a queue or an agent of ours the contact goes, with history, age and clock; the
 * caller hears music until then. To a number the switch hands him on. */
static void
transfer_inside(struct voice *v, const struct rpc_call *call, const struct voice_call *c,
	int queue, int agent)
{
	router_transfer(v->parts.router, voice_now_ms(v), c->contact,
		v->parts.people->agent(v->parts.people->owner, call), queue, agent,
		reply_to(v, call));
}

static void
on_transfer(void *owner, const struct rpc_call *call)
{
	struct voice *v = owner;
	const struct people *people = v->parts.people;
	const char *number = rpc_text(call, "number");
	struct usher_switch_action a;
	struct voice_call *c;
	struct voice_leg *leg;
	int queue, agent;
	bool attended = rpc_flag(call, "attended", false);

	if (!people->named_queue(people->owner, call, "queue", &queue) ||
		!people->named_agent(people->owner, call, "agent", &agent))
		return;
	if ((number != NULL) + (queue >= 0) + (agent >= 0) + attended != 1) {
		rpc_refuse_param(call->rpc, call->tag, "number",
			"or queue, or agent, or attended must be given, and only one of "
			"them");
		return;
	}
	leg = leg_of(v, call, &c, true);
	if (leg == NULL)
		return;
	if (queue >= 0 || agent >= 0) {
		transfer_inside(v, call, c, queue, agent);
		return;
	}
	if (number != NULL && !is_number(number)) {
		rpc_refuse_param(call->rpc, call->tag, "number",
			"is none: digits, +, * and # only");
		return;
	}
	a = voice_action(
		attended ? USHER_ACTION_CONSULT_FINISH : USHER_ACTION_TRANSFER, c);
	a.leg = leg->id;
	a.number = number;
	order(v, call, c, &a);
}

static void
on_consult(void *owner, const struct rpc_call *call)
{
	struct voice *v = owner;
	struct usher_switch_action a;
	struct voice_call *c;
	struct voice_leg *leg;

	if (rpc_flag(call, "end", false)) {
		order_for_leg(v, call, USHER_ACTION_CONSULT_END, true);
		return;
	}
	leg = leg_of(v, call, &c, true);
	a = voice_action(USHER_ACTION_CONSULT, c);
	if (leg == NULL || (a.number = number_of(v, call)) == NULL)
		return;
	a.leg = leg->id;
	order(v, call, c, &a);
}

static void
on_conference(void *owner, const struct rpc_call *call)
{
	struct voice *v = owner;
	struct usher_switch_action a;
	struct voice_call *c;
	struct voice_leg *leg = leg_of(v, call, &c, true);

	a = voice_action(USHER_ACTION_CONFERENCE, c);
	if (leg == NULL || (a.number = number_of(v, call)) == NULL)
		return;
	a.leg = leg->id;
	order(v, call, c, &a);
}

/* ---- supervisors ---- */

static bool
is_device(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (!(text[i] >= '0' && text[i] <= '9') &&
			!(text[i] >= 'a' && text[i] <= 'z') &&
			!(text[i] >= 'A' && text[i] <= 'Z') &&
			strchr("/@._+-", text[i]) == NULL)
			return false;
	return n > 0 && n <= 64;
}

/* Whether the caller oversees the agent who has the call, in whichever queue it came.
 * False: refused, which is recorded, too. */
static bool
oversees(struct voice *v, const struct rpc_call *call, const struct voice_call *c)
{
	const struct people *people = v->parts.people;
	int agent = router_contact_agent(v->parts.router, c->contact);

	if (agent < 0 || people->sees_agent(people->owner, call, agent))
		return true;
	if (!people->audit(people->owner, call, rpc_text(call, "contact"),
		    "refused: out of scope"))
		return false;
	rpc_refuse(call->rpc, call->tag, RPC_IDENTITY, "not_permitted",
		"The agent who has this call belongs to teams that you do not supervise.",
		NULL);
	return false;
}

/* Audited before the switch is asked: nobody listens in unseen. */
static void
on_monitor(void *owner, const struct rpc_call *call)
{
	struct voice *v = owner;
	const struct people *people = v->parts.people;
	const char *mode = rpc_text(call, "mode"), *device = rpc_text(call, "device");
	struct usher_switch_action a;
	struct voice_call *c;
	struct voice_leg *leg = leg_of(v, call, &c, true);

	if (leg == NULL || !oversees(v, call, c))
		return;
	if (!is_device(device)) {
		rpc_refuse_param(call->rpc, call->tag, "device",
			"is no telephone: write it as PJSIP/1009 or 1009");
		return;
	}
	if (mode == NULL)
		mode = "monitor";
	if (!people->audit(people->owner, call, rpc_text(call, "contact"), mode))
		return;
	a = voice_action(USHER_ACTION_LISTEN, c);
	a.leg = leg->id;
	a.device = device;
	a.listen = strcmp(mode, "barge") == 0	  ? USHER_LISTEN_BARGE
		   : strcmp(mode, "whisper") == 0 ? USHER_LISTEN_WHISPER
						  : USHER_LISTEN_SILENT;
	order(v, call, c, &a);
}

/* Out of the hands of who has him, to another agent. The caller does not wait for
 * somebody who cannot be rung now: then he stays where he is. */
static void
on_take_over(void *owner, const struct rpc_call *call)
{
	struct voice *v = owner;
	const struct people *people = v->parts.people;
	struct voice_call *c;
	int agent;

	if (!people->named_agent(people->owner, call, "agent", &agent))
		return;
	c = call_of(v, call);
	if (c == NULL || !oversees(v, call, c))
		return;
	if (router_contact_state(v->parts.router, c->contact) != CONTACT_CONNECTED) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "wrong_state",
			"Only a call that an agent has can be taken over.", NULL);
		return;
	}
	if (agent == router_contact_agent(v->parts.router, c->contact) ||
		!router_agent_takes(v->parts.router, agent, c->contact)) {
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "agent_not_free",
			"That agent cannot be rung now: he must be ready, with room for "
			"the call. The caller stays with his agent.",
			NULL);
		return;
	}
	if (!people->audit(people->owner, call, rpc_text(call, "contact"),
		    rpc_text(call, "agent")))
		return;
	router_transfer(v->parts.router, voice_now_ms(v), c->contact, -1, -1, agent,
		reply_to(v, call));
}

static void
on_status(void *owner, const struct rpc_call *call)
{
	rpc_answer(call->rpc, call->tag, voice_json(owner));
}

/* ---- the table ---- */

#define OF_AGENTS RPC_MAY(RPC_AGENT)

static const struct rpc_param no_params[] = {{0}};
static const struct rpc_param of_contact[] = {RPC_THE_CONTACT, {0}};
static const struct rpc_param mute_params[] = {RPC_THE_CONTACT, {"on", RPC_BOOLEAN}, {0}};
static const struct rpc_param transfer_params[] = {RPC_THE_CONTACT,
	{"number", RPC_TEXT, .most = 32}, {"queue", RPC_NAME}, {"agent", RPC_NAME},
	{"attended", RPC_BOOLEAN}, {0}};
static const struct rpc_param consult_params[] = {RPC_THE_CONTACT, RPC_ITS_ID,
	{"number", RPC_TEXT, .most = 32}, {"agent", RPC_NAME}, {"end", RPC_BOOLEAN}, {0}};
static const struct rpc_param conference_params[] = {RPC_THE_CONTACT, RPC_ITS_ID,
	{"number", RPC_TEXT, .most = 32}, {"agent", RPC_NAME}, {0}};
static const struct rpc_param monitor_params[] = {RPC_THE_CONTACT, RPC_ITS_ID,
	{"device", RPC_TEXT, .required = true, .most = 64},
	{"mode", RPC_WORD, .words = "monitor|whisper|barge"}, {0}};
static const struct rpc_param take_over_params[] = {
	RPC_THE_CONTACT, {"agent", RPC_NAME, .required = true}, {0}};

const struct rpc_command voice_commands[] = {
	{"call.answer", OF_AGENTS, of_contact, on_answer,
		"The ringing telephone picks up, where it can be told to."},
	{"call.hold", OF_AGENTS, of_contact, on_hold, "The caller hears music."},
	{"call.retrieve", OF_AGENTS, of_contact, on_retrieve, "Talks to him again."},
	{"call.mute", OF_AGENTS, mute_params, on_mute,
		"The caller does not hear the agent; on: false ends it."},
	{"call.transfer", OF_AGENTS, transfer_params, on_transfer,
		"To a queue or an agent with history and age, to a number by the switch, "
		"or "
		"(attended) to who was consulted."},
	{"call.consult", OF_AGENTS, consult_params, on_consult,
		"Asks a number or an agent while the caller holds; end: back to him."},
	{"call.conference", OF_AGENTS, conference_params, on_conference,
		"A number or an agent joins the call."},
	{"call.hangup", OF_AGENTS, of_contact, on_hang_up, "Ends the call."},
	{"call.monitor", RPC_STAFF, monitor_params, on_monitor,
		"A telephone listens to the agent's call: silent, heard by the agent "
		"alone, or "
		"by all."},
	{"call.take_over", RPC_STAFF, take_over_params, on_take_over,
		"The caller leaves his agent for another one, who must be free to take "
		"him."},
	{"cti.status", RPC_STAFF, no_params, on_status,
		"How the switches and their links stand."},
};
const int voice_n_commands = sizeof voice_commands / sizeof voice_commands[0];
