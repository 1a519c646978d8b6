/* desk/login.c - how a session begins, is resumed and ends. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/moment.h"
#include "desk/inner.h"

static void
login_failed(struct desk *desk, const struct rpc_call *call, const char *type,
	const char *message)
{
	struct caller *caller = desk_caller(desk, call->who);

	desk->counts.failed++;
	rpc_refuse(call->rpc, call->tag, RPC_IDENTITY, type, message, NULL);
	if (caller == NULL)
		return;
	audit_login(desk, NULL, NULL, caller->address, type);
	if (++caller->wrong >= LOGIN_TRIES)
		wire_close(desk->parts.wires, caller->wire, "too many wrong logins");
}

/* The reply to login and resume. */
static json_t *
session_json(struct desk *desk, struct session *s, bool resumed)
{
	const struct centre *centre = router_centre(desk->parts.router);
	json_t *o = json_pack("{s:b, s:s, s:s, s:I, s:I, s:b, s:s*, s:s*}", "accepted", 1,
		"session", s->name, "role", rpc_role_name[s->role], "heartbeat_ms",
		(json_int_t)desk->parts.heartbeat_ms, "grace_ms",
		(json_int_t)centre->desk_grace_ms, "resumed", resumed, "account",
		s->account, "token", s->fresh_token);
	char at[MOMENT_TEXT];

	if (s->agent >= 0)
		json_object_set_new(o, "agent", json_string(centre->agents[s->agent].id));
	if (s->expires_ms != 0) {
		moment_format(at, s->expires_ms);
		json_object_set_new(o, "expires_at", json_string(at));
	}
	secret_forget(s->fresh_token);
	free(s->fresh_token);
	s->fresh_token = NULL;
	return o;
}

static void
session_open(struct desk *desk, struct session *s, uint64_t tag)
{
	s->login_tag = 0;
	desk->counts.logins++;
	audit_login(desk, s->who, rpc_role_name[s->role], s->address, "done");
	rpc_answer(desk->rpc, tag, session_json(desk, s, false));
	session_snapshot(desk, s);
}

/* The router has committed (or refused) the agent's login. */
static void
agent_logged_in(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct desk *desk = owner;
	struct caller *caller = desk_caller(desk, who);
	struct session *s = caller != NULL ? caller->session : NULL;

	if (s == NULL || s->login_tag != tag) {
		rpc_answer(desk->rpc, tag, NULL); /* gone meanwhile: dropped */
		return;
	}
	if (outcome->kind == OUTCOME_OK) {
		session_open(desk, s, tag);
		return;
	}
	desk_refuse_outcome(desk, tag, outcome);
	session_end(desk, s, "the router refused the login");
}

/* Whom a token or an account stands for must be in the settings. False: refused. */
static bool
agent_fits(struct desk *desk, const struct rpc_call *call, enum rpc_role role,
	const char *name)
{
	const struct centre *c = router_centre(desk->parts.router);
	int agent = name != NULL ? centre_agent(c, name) : -1;

	if (role != RPC_AGENT || (agent >= 0 && !c->agents[agent].removed))
		return true;
	rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_agent",
		"The agent of this login is not in the settings: add him, or log in as "
		"another one.",
		NULL);
	return false;
}

/* Who has a good token, and stands for somebody, gets a session: at once, or for an agent
 * when the router has committed that he is there. */
static void
begin(struct desk *desk, const struct rpc_call *call, struct token *token, bool reset,
	char *fresh_token)
{
	struct router *router = desk->parts.router;
	struct caller *caller = desk_caller(desk, call->who);
	const char *who = token->agent != NULL	   ? token->agent
			  : token->account != NULL ? token->account
						   : "code";
	int agent = token->agent != NULL
			    ? centre_agent(router_centre(router), token->agent)
			    : -1;
	struct session *s;

	s = session_create(desk, caller, token->role, who);
	s->account = xstrdup(token->account);
	s->reset = reset;
	s->fresh_token = fresh_token;
	s->expires_ms = token->expires_ms;
	memcpy(s->token, token->id, sizeof s->token);
	tokens_use(token);
	if (token->role != RPC_AGENT) {
		session_open(desk, s, call->tag);
		return;
	}
	session_seat(desk, s, agent);
	if (router_agent_state(router, agent) != AGENT_OFFLINE &&
		rpc_text(call, "device") == NULL) {
		/* Logged in before the connection or the server was lost: he inherits his
		 * work. */
		router_desk_back(router, desk_now_ms(desk), agent);
		session_open(desk, s, call->tag);
		return;
	}
	s->login_tag = call->tag;
	router_login(router, desk_now_ms(desk), agent, rpc_text(call, "device"),
		(struct reply){agent_logged_in, desk, call->who, call->tag});
}

/* ---- by token, code, key ---- */

static void
login_token(struct desk *desk, const struct rpc_call *call, const char *secret)
{
	struct token *token;

	switch (tokens_check(
		desk->parts.vault->tokens, clock_wall_ms(), secret, false, &token)) {
	case TOKEN_GOOD:
		if (agent_fits(desk, call, token->role, token->agent))
			begin(desk, call, token, false, NULL);
		return;
	case TOKEN_UNKNOWN:
		login_failed(desk, call, "login_failed",
			"This token is not known, or was revoked: get a new one.");
		return;
	case TOKEN_OVER:
		login_failed(desk, call, "token_expired",
			"This token is over: log in with a password or get a new token.");
		return;
	}
}

/* A token made for who came by password or code. False: refused already. */
static bool
mint(struct desk *desk, const struct rpc_call *call, enum rpc_role role,
	const char *agent, const char *account, struct token_made *made)
{
	struct token_wish wish = {
		.role = role, .agent = agent, .account = account, .passing = true};

	if (tokens_make(desk->parts.vault->tokens, clock_wall_ms(), &wish, 1, made))
		return true;
	rpc_refuse(call->rpc, call->tag, RPC_ADMIN, "storage",
		"The login could not be stored: an administrator must look at the log.",
		NULL);
	return false;
}

static void
login_minted(struct desk *desk, const struct rpc_call *call, struct token_made *made)
{
	struct token *token = tokens_by_id(desk->parts.vault->tokens, made->token->id);

	begin(desk, call, token, false, xstrdup(made->secret));
	secret_forget(made->secret);
}

static void
login_code(struct desk *desk, const struct rpc_call *call, const char *secret)
{
	struct tokens *tokens = desk->parts.vault->tokens;
	struct token_made made;
	struct token *code;
	char id[SECRET_ID_TEXT];

	if (tokens_check(tokens, clock_wall_ms(), secret, true, &code) != TOKEN_GOOD) {
		login_failed(desk, call, "login_failed",
			"This code is not known, used already or over: run usherctl init "
			"again.");
		return;
	}
	memcpy(id, code->id, sizeof id);
	/* Whatever is refused is refused before the code is used up. */
	if (!agent_fits(desk, call, code->role, code->agent) ||
		!mint(desk, call, code->role, code->agent, code->account, &made))
		return;
	/* Used up before it opens anything. */
	if (tokens_revoke(tokens, id, NULL, NULL, NULL, NULL) != 1) {
		rpc_refuse(call->rpc, call->tag, RPC_ADMIN, "storage",
			"The code could not be used up: an administrator must look at "
			"the "
			"log.",
			NULL);
		return;
	}
	login_minted(desk, call, &made);
}

static void
login_key(struct desk *desk, const struct rpc_call *call, const char *text)
{
	struct key *key = keys_check(desk->parts.vault->keys, text);
	struct session *s;

	if (key == NULL) {
		login_failed(desk, call, "login_failed",
			"This API key is not known, or was revoked.");
		return;
	}
	s = session_create(desk, desk_caller(desk, call->who), RPC_INTAKE, key_id(key));
	memcpy(s->key, key_id(key), strlen(key_id(key)) + 1);
	session_open(desk, s, call->tag);
}

/* ---- by password ---- */

static void
password_ok(struct desk *desk, const struct rpc_call *call, const struct account *a)
{
	struct token_made made;
	bool agent = a->role == RPC_AGENT;

	if (agent_fits(desk, call, a->role, a->agent) &&
		mint(desk, call, a->role, agent ? a->agent : NULL, a->account, &made))
		login_minted(desk, call, &made);
}

static void
password_checked(struct desk *desk, struct password_job *job)
{
	struct caller *caller = desk_caller(desk, job->wire);
	const struct account *a =
		accounts_find(desk->parts.vault->accounts, job->account);
	struct rpc_call call = {.rpc = desk->rpc,
		.who = job->wire,
		.tag = job->tag,
		.role = RPC_NOBODY,
		.params = job->params};

	if (caller == NULL || caller->session != NULL) {
		rpc_answer(desk->rpc, job->tag, NULL);
		return;
	}
	caller->hashing = false;
	/* The account may have changed while the thread was at work. */
	if (job->matches && a != NULL && !a->disabled &&
		strcmp(a->hash, job->hash) == 0) {
		backoff_passed(&desk->backoff, job->account, caller->address);
		password_ok(desk, &call, a);
	} else {
		backoff_failed(
			&desk->backoff, clock_boot_ms(), job->account, caller->address);
		login_failed(
			desk, &call, "login_failed", "Account and password do not fit.");
	}
}

static void
login_password(struct desk *desk, const struct rpc_call *call, const char *name)
{
	const struct account *a = accounts_find(desk->parts.vault->accounts, name);
	struct caller *caller = desk_caller(desk, call->who);
	const char *password = rpc_text(call, "password");
	struct password_job *job;
	int64_t wait_ms =
		backoff_wait_ms(&desk->backoff, clock_boot_ms(), name, caller->address);

	if (password == NULL) {
		rpc_refuse_param(call->rpc, call->tag, "password", "is missing");
		return;
	}
	if (wait_ms > 0 || caller->hashing) {
		desk_refuse_later(desk, call->tag, "rate_limited",
			"Too many wrong passwords: wait before the next try.",
			wait_ms > 0 ? wait_ms : 1000);
		return;
	}
	job = password_job_create(desk, call, name, password);
	job->hash = a != NULL && !a->disabled ? xstrdup(a->hash) : NULL;
	job->done = password_checked;
	caller->hashing = password_job_run(desk, job);
}

void
desk_login(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const char *token = rpc_text(call, "token"), *account = rpc_text(call, "account");
	const char *code = rpc_text(call, "code"), *key = rpc_text(call, "key");

	if ((token != NULL) + (account != NULL) + (code != NULL) + (key != NULL) != 1)
		rpc_refuse_param(call->rpc, call->tag, "token",
			"or account with password, or code, or key must be given, and "
			"only one of them");
	else if (token != NULL)
		login_token(desk, call, token);
	else if (code != NULL)
		login_code(desk, call, code);
	else if (key != NULL)
		login_key(desk, call, key);
	else
		login_password(desk, call, account);
}

/* ---- resume, ping, logout ---- */

static bool
same_person(const struct session *s, const struct token *t)
{
	const char *who = t->agent != NULL ? t->agent : t->account;

	return s->role == t->role && who != NULL && strcmp(s->who, who) == 0;
}

/* The same client is back: what it missed follows the reply. */
static void
take_up(struct desk *desk, const struct rpc_call *call, struct session *s)
{
	struct caller *caller = desk_caller(desk, call->who);
	struct caller *old = desk_caller(desk, s->wire);

	if (old != NULL) {
		/* The old connection hangs half-open: this one takes its place. */
		old->session = NULL;
		wire_close(desk->parts.wires, s->wire, "resumed on another connection");
	}
	session_attach(desk, s, caller);
	if (s->agent >= 0)
		router_desk_back(desk->parts.router, desk_now_ms(desk), s->agent);
	desk->counts.resumed++;
	log_info("desk: resumed role=%s who=%s from=%s", rpc_role_name[s->role], s->who,
		s->address);
	rpc_answer(desk->rpc, call->tag, session_json(desk, s, true));
	session_replay(desk, s, rpc_integer(call, "seq", 0));
}

void
desk_resume(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct session *s = map_get(&desk->sessions, rpc_text(call, "session"));
	struct token *token;

	switch (tokens_check(desk->parts.vault->tokens, clock_wall_ms(),
		rpc_text(call, "token"), false, &token)) {
	case TOKEN_GOOD:
		break;
	case TOKEN_UNKNOWN:
	case TOKEN_OVER:
		login_failed(desk, call, "token_expired",
			"This token is over or was revoked: log in anew.");
		return;
	}
	if (s != NULL && !same_person(s, token))
		s = NULL;
	if (s != NULL && session_can_replay(s, rpc_integer(call, "seq", 0))) {
		take_up(desk, call, s);
		return;
	}
	/* An agent's older session gives way to the new one in session_seat. */
	if (s != NULL && s->agent < 0)
		session_end(desk, s, "resumed too late");
	if (agent_fits(desk, call, token->role, token->agent))
		begin(desk, call, token, true, NULL);
}

void
desk_ping(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct session *s = desk_session_of(desk, call);
	char at[MOMENT_TEXT];

	session_seen(s, rpc_integer(call, "seq", 0));
	moment_format(at, desk_now_ms(desk));
	rpc_answer(call->rpc, call->tag, json_pack("{s:s}", "at", at));
}

static void
end_logged_out(struct desk *desk, struct session *s, uint64_t tag)
{
	const struct token *token = tokens_by_id(desk->parts.vault->tokens, s->token);

	rpc_answer(desk->rpc, tag, json_pack("{s:b}", "accepted", 1));
	if (s->agent >= 0)
		desk->at_agent[s->agent] = NULL;
	/* A token that a login made is of no further use; one made by an administrator
	 * stays. */
	if (token != NULL && token->passing)
		tokens_revoke(
			desk->parts.vault->tokens, s->token, NULL, NULL, NULL, NULL);
	session_end(desk, s, "logout");
}

static void
agent_logged_out(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct desk *desk = owner;
	struct caller *caller = desk_caller(desk, who);

	if (outcome->kind != OUTCOME_OK)
		desk_refuse_outcome(desk, tag, outcome);
	else if (caller == NULL || caller->session == NULL)
		rpc_answer(desk->rpc, tag, NULL);
	else
		end_logged_out(desk, caller->session, tag);
}

void
desk_logout(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct session *s = desk_session_of(desk, call);

	if (s->agent < 0) {
		end_logged_out(desk, s, call->tag);
		return;
	}
	router_logout(desk->parts.router, desk_now_ms(desk), s->agent,
		(struct reply){agent_logged_out, desk, call->who, call->tag});
}

/* A page shows what there is: parts that are not built or not set up have no methods. */
void
on_session_methods(void *owner, const struct rpc_call *call)
{
	json_t *list = json_array();
	const struct rpc_command *c;

	for (size_t i = 0; (c = rpc_command_at(call->rpc, i)) != NULL; i++)
		if (c->roles & RPC_MAY(call->role))
			json_array_append_new(list, json_string(c->name));
	rpc_answer(call->rpc, call->tag, json_pack("{s:o}", "methods", list));
}
