/*
 * desk/commands.c - the table of methods: who may call each, and its params. A test holds
 * it to schemas/methods.schema.json, which docs/protocol.md is made from.
 */
#include <stdlib.h>

#include "desk/inner.h"

#define AGENT RPC_MAY(RPC_AGENT)
#define SUPERVISOR RPC_MAY(RPC_SUPERVISOR)
#define ADMINISTRATOR RPC_MAY(RPC_ADMINISTRATOR)
#define AUDITOR RPC_MAY(RPC_AUDITOR)
#define LINK RPC_MAY(RPC_LINK)
#define INTAKE RPC_MAY(RPC_INTAKE)
#define NOBODY RPC_MAY(RPC_NOBODY)
#define EVERYBODY (AGENT | RPC_WATCHERS | LINK | INTAKE)

#define REASON                                                                           \
	{                                                                                \
		"reason", RPC_TEXT, .most = 64                                           \
	}
#define THE_OFFER                                                                        \
	{                                                                                \
		"offer", RPC_OFFER, .required = true                                     \
	}
#define THE_QUEUE                                                                        \
	{                                                                                \
		"queue", RPC_NAME, .required = true                                      \
	}
#define THE_AGENT                                                                        \
	{                                                                                \
		"agent", RPC_NAME, .required = true                                      \
	}
#define THE_ACCOUNT                                                                      \
	{                                                                                \
		"account", RPC_NAME, .required = true                                    \
	}
#define SKILLS(name)                                                                     \
	{                                                                                \
		name, RPC_LEVELS, .least = 1, .most = 10                                 \
	}
#define POINTS_MOST 10000 /* COST_MAX */
#define DAY_MS 86400000

static const struct rpc_param none[] = {{NULL}};

static const struct rpc_param after[] = {{"after", RPC_NAME}, {NULL}};

static const struct rpc_param login[] = {
	{"token", RPC_TEXT, .most = 128},
	{"account", RPC_NAME},
	{"password", RPC_TEXT, .most = 1024},
	{"code", RPC_TEXT, .most = 64},
	{"key", RPC_TEXT, .most = 128},
	{"client", RPC_TEXT, .most = 128},
	{"capabilities", RPC_NAMES, .most = 32},
	{"device", RPC_TEXT, .most = 128},
	{NULL},
};

static const struct rpc_param resume[] = {
	{"session", RPC_TEXT, .required = true, .most = 64},
	{"token", RPC_TEXT, .required = true, .most = 128},
	{"seq", RPC_INTEGER, .required = true, .least = 0, .most = JSON_INTEGER_MAX},
	{"client", RPC_TEXT, .most = 128},
	{NULL},
};

static const struct rpc_param ping[] = {
	{"seq", RPC_INTEGER, .least = 0, .most = JSON_INTEGER_MAX},
	{NULL},
};

static const struct rpc_param set_state[] = {
	{"state", RPC_WORD, .required = true, .words = "ready|not_ready"},
	{"reason", RPC_NAME},
	{"after_current", RPC_BOOLEAN},
	{NULL},
};

static const struct rpc_param set_channel[] = {
	{"channel", RPC_NAME, .required = true},
	{"available", RPC_BOOLEAN, .required = true},
	{"cost", RPC_INTEGER, .least = 0, .most = POINTS_MOST},
	{NULL},
};

static const struct rpc_param set_routable[] = {
	{"routable", RPC_BOOLEAN, .required = true},
	{NULL},
};

static const struct rpc_param offer[] = {THE_OFFER, {NULL}};
static const struct rpc_param offer_no[] = {THE_OFFER, REASON, {NULL}};
static const struct rpc_param contact[] = {RPC_THE_CONTACT, {NULL}};

static const struct rpc_param wrapup[] = {
	RPC_THE_CONTACT,
	RPC_ITS_ID,
	{"extend_ms", RPC_INTEGER, .least = 0, .most = DAY_MS},
	{NULL},
};

static const struct rpc_param complete[] = {
	RPC_THE_CONTACT,
	{"disposition", RPC_NAME},
	{"amount", RPC_NUMBER},
	{"currency", RPC_TEXT, .most = 3},
	{"satisfaction", RPC_NUMBER, .least = 0, .most = 10},
	{"note", RPC_TEXT, .most = 8192},
	{NULL},
};

static const struct rpc_param transfer[] = {
	RPC_THE_CONTACT,
	{"queue", RPC_NAME},
	{"agent", RPC_NAME},
	{NULL},
};

static const struct rpc_param park[] = {
	RPC_THE_CONTACT,
	{"until", RPC_TIME},
	{NULL},
};

static const struct rpc_param update[] = {
	RPC_THE_CONTACT,
	{"tier", RPC_NAME},
	SKILLS("require"),
	{"deadline", RPC_TIME},
	{"points", RPC_NUMBER},
	REASON,
	{NULL},
};

static const struct rpc_param get[] = {
	RPC_THE_CONTACT,
	{"payload", RPC_BOOLEAN},
	{NULL},
};

static const struct rpc_param list_contacts[] = {
	{"queue", RPC_NAME},
	{"agent", RPC_NAME},
	{"waiting", RPC_BOOLEAN},
	{"held", RPC_BOOLEAN},
	{"after", RPC_TEXT, .most = 160},
	{"most", RPC_INTEGER, .least = 1, .most = OBJECTS_PER_FRAME},
	{NULL},
};

static const struct rpc_param move[] = {
	RPC_THE_CONTACT,
	{"queue", RPC_NAME},
	{"agent", RPC_NAME},
	REASON,
	{NULL},
};

static const struct rpc_param prioritise[] = {
	RPC_THE_CONTACT,
	RPC_ITS_ID,
	{"sooner_ms", RPC_INTEGER, .least = 1, .most = 30 * (int64_t)DAY_MS},
	{"tier", RPC_NAME},
	REASON,
	{NULL},
};

static const struct rpc_param withdraw[] = {RPC_THE_CONTACT, REASON, {NULL}};

static const struct rpc_param show_queue[] = {
	THE_QUEUE,
	{"most", RPC_INTEGER, .least = 1, .most = OBJECTS_PER_FRAME},
	{NULL},
};

static const struct rpc_param subscribe[] = {
	{"queues", RPC_NAMES, .most = 4096},
	{"agents", RPC_BOOLEAN},
	{NULL},
};

static const struct rpc_param set_queue[] = {THE_QUEUE, REASON, {NULL}};

static const struct rpc_param list_agents[] = {
	{"team", RPC_NAME},
	{"state", RPC_WORD, .words = "offline|not_ready|ready|not_responding"},
	{"after", RPC_NAME},
	{"most", RPC_INTEGER, .least = 1, .most = OBJECTS_PER_FRAME},
	{NULL},
};

static const struct rpc_param force_state[] = {
	THE_AGENT,
	{"state", RPC_WORD, .required = true, .words = "ready|not_ready|offline"},
	{"reason", RPC_NAME},
	{NULL},
};

static const struct rpc_param one_agent[] = {
	{"agent", RPC_NAME, true},
	{0},
};

static const struct rpc_param edit_agent[] = {
	THE_AGENT,
	SKILLS("skills"),
	{"capacity", RPC_INTEGER, .least = 0, .most = POINTS_MOST},
	{NULL},
};

static const struct rpc_param add_account[] = {
	THE_ACCOUNT,
	{"role", RPC_WORD, .required = true,
		.words = "agent|supervisor|administrator|auditor|link"},
	{"agent", RPC_NAME},
	{"name", RPC_TEXT, .most = 128},
	{"password", RPC_TEXT, .required = true, .most = 1024},
	{NULL},
};

static const struct rpc_param passwd[] = {
	THE_ACCOUNT,
	{"password", RPC_TEXT, .required = true, .most = 1024},
	{NULL},
};

static const struct rpc_param disable[] = {
	THE_ACCOUNT,
	{"disabled", RPC_BOOLEAN},
	{NULL},
};

static const struct rpc_param make_token[] = {
	{"role", RPC_WORD, .required = true,
		.words = "agent|supervisor|administrator|auditor|link"},
	{"agent", RPC_TEXT, .most = 130},
	{"account", RPC_NAME},
	{"count", RPC_INTEGER, .least = 1, .most = 1000},
	{"from", RPC_INTEGER, .least = 0, .most = 1000000},
	{"life_ms", RPC_INTEGER, .least = 1000, .most = TOKEN_LIFE_MS},
	{NULL},
};

static const struct rpc_param list_tokens[] = {
	{"role", RPC_WORD, .words = "agent|supervisor|administrator|auditor|link|intake"},
	{"agent", RPC_NAME},
	{"account", RPC_NAME},
	{NULL},
};

static const struct rpc_param revoke_token[] = {
	{"id", RPC_NAME},
	{"agent", RPC_NAME},
	{"account", RPC_NAME},
	{NULL},
};

static const struct rpc_param make_key[] = {
	{"name", RPC_TEXT, .most = 128},
	{"allow", RPC_WORDS, .words = "submit|read|cancel", .most = 3},
	{"channels", RPC_NAMES, .most = KEY_SCOPE_MAX},
	{"queues", RPC_NAMES, .most = KEY_SCOPE_MAX},
	{"source", RPC_NAME},
	{"rate", RPC_INTEGER, .least = 0, .most = KEY_RATE_MAX},
	{NULL},
};

static const struct rpc_param revoke_key[] = {
	{"id", RPC_NAME, .required = true},
	{NULL},
};

static const struct rpc_param make_code[] = {
	{"role", RPC_WORD, .words = "agent|supervisor|administrator|auditor"},
	{"agent", RPC_NAME},
	{"account", RPC_NAME},
	{NULL},
};

static const struct rpc_param trend_get[] = {
	{"minutes", RPC_INTEGER, .least = 1, .most = 1440},
	{"step", RPC_INTEGER, .least = 1, .most = 60},
	{"queue", RPC_NAME},
	{"channel", RPC_NAME},
	{"by", RPC_WORD, .words = "none|queue|channel"},
	{NULL},
};

static const struct rpc_param of_agent[] = {{"agent", RPC_NAME}, {NULL}};

static const struct rpc_param help_request[] = {
	{"contact", RPC_CONTACT},
	{"text", RPC_TEXT, .most = 512},
	{NULL},
};

static const struct rpc_param message_send[] = {
	RPC_ITS_ID,
	{"text", RPC_TEXT, .required = true, .most = 1024},
	{"agent", RPC_NAME},
	{"team", RPC_NAME},
	{NULL},
};

const struct rpc_command desk_commands[] = {
	{"session.login", NOBODY, login, desk_login,
		"Begins a session: by token, by account and password, by one-time code, "
		"or "
		"by API key."},
	{"session.resume", NOBODY, resume, desk_resume,
		"Takes a lost session up again: missed events follow, else session.reset "
		"with a snapshot."},
	{"session.ping", EVERYBODY, ping, desk_ping,
		"Says \"I am here\"; seq tells the server which events need not be kept "
		"for "
		"a resume."},
	{"session.logout", EVERYBODY, none, desk_logout,
		"Ends the session. An agent must hold no contacts."},
	{"session.methods", EVERYBODY, none, on_session_methods,
		"Names of the methods that the caller's role may call on this server."},
	{"agent.set_state", AGENT, set_state, on_agent_set_state,
		"Asks to be ready or not ready; while contacts are held, after_current "
		"makes it pending until they end."},
	{"agent.set_channel", AGENT, set_channel, on_agent_set_channel,
		"Opens or closes one channel for oneself, with an own cost in capacity "
		"points."},
	{"agent.set_routable", AGENT, set_routable, on_agent_set_routable,
		"false: finish what there is and take nothing new."},
	{"offer.accept", AGENT, offer, on_offer_accept,
		"Takes an offer. Twice gives the same answer; late gives offer_gone."},
	{"offer.reject", AGENT, offer_no, on_offer_reject,
		"Declines an offer; the contact keeps its place."},
	{"contact.wrapup", AGENT, wrapup, on_contact_wrapup,
		"Ends the conversation and begins wrap-up, or asks for more time in it."},
	{"contact.complete", AGENT, complete, on_contact_complete,
		"Ends the contact with its outcome."},
	{"contact.transfer", AGENT, transfer, on_contact_transfer,
		"Hands a connected contact to a queue or an agent; age and place are "
		"kept."},
	{"contact.requeue", AGENT | RPC_STAFF, contact, on_contact_requeue,
		"Puts a connected contact back to its queue at its place."},
	{"contact.park", AGENT, park, on_contact_park,
		"Puts a contact aside until a moment, or until it is resumed."},
	{"contact.resume", AGENT, contact, on_contact_resume,
		"Takes a parked contact up again."},
	{"contact.update", AGENT | RPC_STAFF, update, on_contact_update,
		"Changes tier, skills, deadline or value points; place and age are "
		"kept."},
	{"contact.get", EVERYBODY, get, on_contact_get,
		"One contact: state, place, estimate, attributes; payload on request."},
	/* Its params are a submission, which route/submission reads with more care. */
	{"contact.create", LINK | INTAKE, NULL, on_contact_create,
		"Hands a contact in. The same source and external_id give the first "
		"contact "
		"again."},
	{"contact.leave", LINK | INTAKE, contact, on_contact_leave,
		"The customer gives up, hangs up or leaves."},
	{"contact.list", RPC_WATCHERS, list_contacts, on_contact_list,
		"Waiting contacts in the order in which they would be served, and those "
		"held by agents."},
	{"contact.move", RPC_STAFF, move, on_contact_move,
		"Moves a contact to another queue or a named agent."},
	{"contact.prioritise", RPC_STAFF, prioritise, on_contact_prioritise,
		"Makes a waiting contact due sooner, or gives it another tier."},
	{"contact.withdraw", RPC_STAFF, withdraw, on_contact_withdraw,
		"Cancels a contact that waits or is offered."},
	{"queue.list", AGENT | RPC_WATCHERS, after, on_queue_list,
		"All queues with their live figures."},
	{"queue.show", AGENT | RPC_WATCHERS, show_queue, on_queue_show,
		"One queue with the contacts that wait in it."},
	{"queue.subscribe", AGENT | RPC_WATCHERS, subscribe, on_queue_subscribe,
		"queue.updated follows: a snapshot, then changes at most twice a second. "
		"An "
		"empty list ends it."},
	{"queue.open", RPC_STAFF, set_queue, on_queue_open,
		"Lets a queue take contacts again."},
	{"queue.close", RPC_STAFF, set_queue, on_queue_close,
		"Ends admission; what waits is served."},
	{"explain.contact", AGENT | RPC_WATCHERS, contact, on_explain_contact,
		"A contact with its decisions: rules, class, slack, score, rivals, "
		"agents "
		"who could and could not."},
	{"agent.list", RPC_WATCHERS, list_agents, on_agent_list,
		"Agents with state, load, contacts."},
	{"agent.force_state", RPC_STAFF, force_state, on_agent_force_state,
		"Sets an agent ready, not ready or offline."},
	{"agent.edit", RPC_STAFF, edit_agent, on_agent_edit,
		"Changes skills (the whole list) or capacity, above the settings file."},
	{"agent.revert", RPC_STAFF, one_agent, on_agent_revert,
		"Skills and capacity are again what the settings file says."},
	{"queue.outlook", RPC_WATCHERS, after, on_queue_outlook,
		"Queues with their figures of today and of the last half hour, and what "
		"is foreseen: which waiting contacts will miss their deadline, when."},
	{"trend.get", RPC_WATCHERS, trend_get, on_trend_get,
		"The last hours as curves: arrivals, answers, service level, waits, "
		"staff."},
	{"agent.colleagues", AGENT, none, on_agent_colleagues,
		"Agents who are logged in, to transfer to."},
	{"agent.figures", AGENT | RPC_WATCHERS, of_agent, on_agent_figures,
		"What an agent did today; without a name oneself."},
	{"help.request", AGENT, help_request, on_help_request,
		"Calls a supervisor; again: with another text."},
	{"help.end", AGENT | RPC_STAFF, of_agent, on_help_end,
		"The call for help is answered, or not needed any more."},
	{"help.list", RPC_WATCHERS, none, on_help_list, "Open calls for help."},
	{"message.send", RPC_STAFF, message_send, on_message_send,
		"A line to an agent, a team, or all agents of one's scope."},
	{"alarm.list", RPC_WATCHERS, none, on_alarm_list,
		"Alarms that stand, and those that ended lately."},
	{"account.add", ADMINISTRATOR, add_account, on_account_add,
		"Adds an account. A password has at least 12 characters."},
	{"account.passwd", ADMINISTRATOR, passwd, on_account_passwd,
		"Sets a new password; tokens of the account end."},
	{"account.list", ADMINISTRATOR | AUDITOR, after, on_account_list,
		"Accounts, without secrets."},
	{"account.disable", ADMINISTRATOR, disable, on_account_disable,
		"Locks an account out (or in again) and ends its tokens and sessions."},
	{"token.create", ADMINISTRATOR, make_token, on_token_create,
		"Mints tokens. \"%d\" in agent counts up from `from`; else all are for "
		"the "
		"same one."},
	{"token.list", ADMINISTRATOR | AUDITOR, list_tokens, on_token_list,
		"Tokens, without their secrets."},
	{"token.revoke", ADMINISTRATOR, revoke_token, on_token_revoke,
		"Ends tokens at once, and the sessions that use them."},
	{"key.create", ADMINISTRATOR, make_key, on_key_create,
		"Makes an API key for intakes; its secret is shown once."},
	{"key.list", ADMINISTRATOR | AUDITOR, after, on_key_list,
		"API keys, without their secrets."},
	{"key.revoke", ADMINISTRATOR, revoke_key, on_key_revoke,
		"Ends an API key at once."},
	{"code.create", ADMINISTRATOR, make_code, on_code_create,
		"A one-time code for a first login; valid 10 minutes, once."},
	{"server.status", RPC_WATCHERS, none, on_server_status,
		"Version, uptime, figures since the start."},
};

const int desk_n_commands = sizeof desk_commands / sizeof *desk_commands;

static const char *const type_name[] = {
	[RPC_ANY] = "any",
	[RPC_TEXT] = "text",
	[RPC_NAME] = "name",
	[RPC_WORD] = "word",
	[RPC_INTEGER] = "integer",
	[RPC_NUMBER] = "number",
	[RPC_BOOLEAN] = "boolean",
	[RPC_TIME] = "time",
	[RPC_CONTACT] = "contact",
	[RPC_OFFER] = "offer",
	[RPC_LEVELS] = "levels",
	[RPC_NAMES] = "names",
	[RPC_WORDS] = "words",
	[RPC_ACT] = "name",
};

static json_t *
params_json(const struct rpc_param *p)
{
	json_t *list = json_array();

	for (; p->name != NULL; p++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:b, s:I, s:I, s:s*}", "name",
				      p->name, "type", type_name[p->type], "required",
				      p->required, "least", (json_int_t)p->least, "most",
				      (json_int_t)p->most, "words", p->words));
	return list;
}

static json_t *
roles_json(unsigned roles)
{
	json_t *list = json_array();

	for (int role = 0; role < RPC_ROLES; role++) {
		if (roles & RPC_MAY(role))
			json_array_append_new(list, json_string(rpc_role_name[role]));
	}
	return list;
}

void
desk_print_methods(FILE *out)
{
	json_t *o = json_object();

	for (int i = 0; i < desk_n_commands; i++) {
		const struct rpc_command *c = &desk_commands[i];

		json_object_set_new(o, c->name,
			json_pack("{s:s, s:o, s:o*}", "help", c->help, "roles",
				roles_json(c->roles), "params",
				c->params != NULL ? params_json(c->params) : NULL));
	}
	json_dumpf(o, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(o);
}
