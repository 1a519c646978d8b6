/* desk/methods_admin.c - accounts, tokens, API keys, one-time codes. */
#include <stdlib.h>
#include <string.h>

#include "base/moment.h"
#include "desk/inner.h"

#define TOKENS_MOST 800 /* in one reply: within WIRE_MESSAGE_MAX */

static void
accept(struct desk *desk, uint64_t tag)
{
	rpc_answer(desk->rpc, tag, json_pack("{s:b}", "accepted", 1));
}

static void
refuse_storage(struct desk *desk, uint64_t tag)
{
	rpc_refuse(desk->rpc, tag, RPC_ADMIN, "storage",
		"It could not be stored: see the server's log; the disk may be full.",
		NULL);
}

/* Ends the sessions of a token that is about to be forgotten. */
static void
end_sessions(void *owner, const struct token *token)
{
	struct desk *desk = owner;
	size_t at = 0;
	void *value;

	while (map_next(&desk->sessions, &at, NULL, &value)) {
		struct session *s = value;

		if (strcmp(s->token, token->id) == 0)
			session_end(desk, s, "token revoked");
	}
}

/* ---- accounts ---- */

static bool
refuse_weak(struct desk *desk, const struct rpc_call *call, const char *account,
	const char *password)
{
	const char *fault = password_fault(password, account);

	if (fault == NULL)
		return false;
	rpc_refuse(desk->rpc, call->tag, RPC_ADMIN, "weak_password", fault,
		json_pack("{s:s}", "field", "password"));
	return true;
}

static void
added(struct desk *desk, struct password_job *job)
{
	const json_t *p = job->params;
	const char *name = json_string_value(json_object_get(p, "name"));
	struct account a = {
		.account = job->account,
		.name = (char *)(name != NULL ? name : ""),
		.agent = (char *)json_string_value(json_object_get(p, "agent")),
		.hash = job->made,
		.role = rpc_role_parse(json_string_value(json_object_get(p, "role"))),
		.created_ms = clock_wall_ms(),
	};

	if (job->made == NULL || !accounts_put(desk->parts.vault->accounts, &a))
		refuse_storage(desk, job->tag);
	else
		accept(desk, job->tag);
}

void
on_account_add(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const char *account = rpc_text(call, "account");
	bool agent = strcmp(rpc_text(call, "role"), "agent") == 0;
	struct password_job *job;

	if (agent != (rpc_text(call, "agent") != NULL)) {
		rpc_refuse_param(call->rpc, call->tag, "agent",
			"goes with the role agent, and only with it");
		return;
	}
	if (accounts_find(desk->parts.vault->accounts, account) != NULL) {
		rpc_refuse(call->rpc, call->tag, RPC_ADMIN, "exists",
			"There is such an account: use account.passwd, or another name.",
			NULL);
		return;
	}
	if (refuse_weak(desk, call, account, rpc_text(call, "password")))
		return;
	if (!audit(desk, call, account, rpc_text(call, "role")))
		return;
	job = password_job_create(desk, call, account, rpc_text(call, "password"));
	job->make = true;
	job->done = added;
	if (!password_job_run(desk, job))
		return;
}

static const struct account *
find_account(struct desk *desk, const struct rpc_call *call)
{
	const struct account *a =
		accounts_find(desk->parts.vault->accounts, rpc_text(call, "account"));

	if (a == NULL)
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_account",
			"There is no such account; account.list names them all.", NULL);
	return a;
}

static void
changed(struct desk *desk, struct password_job *job)
{
	const struct account *old =
		accounts_find(desk->parts.vault->accounts, job->account);
	struct account a;

	if (old == NULL || job->made == NULL) {
		refuse_storage(desk, job->tag);
		return;
	}
	a = *old;
	a.hash = job->made;
	if (!accounts_put(desk->parts.vault->accounts, &a) ||
		tokens_revoke(desk->parts.vault->tokens, NULL, NULL, job->account,
			end_sessions, desk) < 0)
		refuse_storage(desk, job->tag);
	else
		accept(desk, job->tag);
}

void
on_account_passwd(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct account *a = find_account(desk, call);
	struct password_job *job;

	if (a == NULL || refuse_weak(desk, call, a->account, rpc_text(call, "password")))
		return;
	if (!audit(desk, call, a->account, NULL))
		return;
	job = password_job_create(desk, call, a->account, rpc_text(call, "password"));
	job->make = true;
	job->done = changed;
	if (!password_job_run(desk, job))
		return;
}

void
on_account_list(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct accounts *accounts = desk->parts.vault->accounts;
	const struct account *a = accounts_after(accounts, rpc_text(call, "after"));
	json_t *list = json_array();

	for (int n = 0; a != NULL && n < OBJECTS_PER_FRAME; n++) {
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s*, s:s, s:b, s:o}", "account",
				      a->account, "role", rpc_role_name[a->role], "agent",
				      a->agent, "name", a->name, "disabled", a->disabled,
				      "created_at", desk_time(a->created_ms)));
		a = accounts_after(accounts, a->account);
	}
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:b}", "accounts", list, "more", a != NULL));
}

void
on_account_disable(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct account *old = find_account(desk, call);
	struct account a;

	if (old == NULL)
		return;
	a = *old;
	a.disabled = rpc_flag(call, "disabled", true);
	if (!audit(desk, call, a.account, a.disabled ? "disabled" : "enabled"))
		return;
	if ((a.disabled && tokens_revoke(desk->parts.vault->tokens, NULL, NULL, a.account,
				   end_sessions, desk) < 0) ||
		!accounts_put(desk->parts.vault->accounts, &a))
		refuse_storage(desk, call->tag);
	else
		accept(desk, call->tag);
}

/* ---- tokens ---- */

static json_t *
made_json(const struct token_made *made)
{
	return json_pack("{s:s, s:s, s:s*, s:s*, s:o}", "id", made->token->id, "token",
		made->secret, "agent", made->token->agent, "account",
		made->token->account, "expires_at", desk_time(made->token->expires_ms));
}

/* Names of the agents; refuses those that the settings do not have. */
static bool
name_agents(struct desk *desk, const struct rpc_call *call, int64_t from, int n,
	struct token_wish *wishes, char (*names)[ID_MAX + 1])
{
	const struct centre *c = router_centre(desk->parts.router);
	const char *form = rpc_text(call, "agent");

	for (int i = 0; form != NULL && i < n; i++) {
		char text[ID_MAX + 80];

		if (id_numbered(names[i], form, from + i) &&
			centre_agent(c, names[i]) >= 0) {
			wishes[i].agent = names[i];
			continue;
		}
		snprintf(text, sizeof text,
			"There is no agent %.70s in the settings: add him first.",
			names[i][0] != '\0' ? names[i] : form);
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_agent", text, NULL);
		return false;
	}
	return true;
}

static void
make_tokens(
	struct desk *desk, const struct rpc_call *call, struct token_wish *wishes, int n)
{
	struct token_made *made = xcalloc((size_t)n, sizeof *made);
	json_t *list;

	if (!tokens_make(desk->parts.vault->tokens, clock_wall_ms(), wishes, n, made)) {
		refuse_storage(desk, call->tag);
		free(made);
		return;
	}
	list = json_array();
	for (int i = 0; i < n; i++) {
		json_array_append_new(list, made_json(&made[i]));
		secret_forget(made[i].secret);
	}
	rpc_answer(call->rpc, call->tag, json_pack("{s:o}", "tokens", list));
	free(made);
}

/* Role agent goes with an agent, supervisor with an account (teams name him by it). */
static bool
role_fits(const struct rpc_call *call, enum rpc_role role)
{
	bool agent = rpc_text(call, "agent") != NULL;

	if ((role == RPC_AGENT) != agent) {
		rpc_refuse_param(call->rpc, call->tag, "agent",
			"goes with the role agent, and only with it");
		return false;
	}
	if (role != RPC_AGENT && rpc_text(call, "account") == NULL) {
		rpc_refuse_param(call->rpc, call->tag, "account",
			"is missing: the name under which this token acts");
		return false;
	}
	return true;
}

void
on_token_create(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	enum rpc_role role = rpc_role_parse(rpc_text(call, "role"));
	int n = (int)rpc_integer(call, "count", 1);
	struct token_wish *wishes;
	char(*names)[ID_MAX + 1];

	if (!role_fits(call, role))
		return;
	wishes = xcalloc((size_t)n, sizeof *wishes);
	names = xcalloc((size_t)n, sizeof *names);
	for (int i = 0; i < n; i++)
		wishes[i] = (struct token_wish){.role = role,
			.account = rpc_text(call, "account"),
			.life_ms = rpc_integer(call, "life_ms", 0)};
	if (name_agents(desk, call, rpc_integer(call, "from", 1), n, wishes, names) &&
		audit(desk, call,
			role == RPC_AGENT ? rpc_text(call, "agent")
					  : rpc_text(call, "account"),
			rpc_role_name[role]))
		make_tokens(desk, call, wishes, n);
	free(names);
	free(wishes);
}

static bool
is_meant(const struct rpc_call *call, const struct token *t)
{
	const char *role = rpc_text(call, "role"), *agent = rpc_text(call, "agent");
	const char *account = rpc_text(call, "account");

	return (role == NULL || strcmp(rpc_role_name[t->role], role) == 0) &&
	       (agent == NULL || (t->agent != NULL && strcmp(t->agent, agent) == 0)) &&
	       (account == NULL ||
		       (t->account != NULL && strcmp(t->account, account) == 0));
}

void
on_token_list(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct token *t;
	json_t *list = json_array();
	bool more = false;
	size_t at = 0;

	while (!more && tokens_next(desk->parts.vault->tokens, &at, &t)) {
		if (!is_meant(call, t))
			continue;
		more = json_array_size(list) >= TOKENS_MOST;
		if (more)
			break;
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s*, s:s*, s:b, s:o, s:o, s:i}", "id",
				t->id, "role", rpc_role_name[t->role], "agent", t->agent,
				"account", t->account, "code", t->code, "created_at",
				desk_time(t->created_ms), "expires_at",
				desk_time(t->expires_ms), "sessions", t->sessions));
	}
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:b}", "tokens", list, "more", more));
}

void
on_token_revoke(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const char *id = rpc_text(call, "id"), *agent = rpc_text(call, "agent");
	const char *account = rpc_text(call, "account");
	int n;

	if (id == NULL && agent == NULL && account == NULL) {
		rpc_refuse_param(
			call->rpc, call->tag, "id", "or agent or account must be given");
		return;
	}
	if (!audit(desk, call, id != NULL ? id : agent != NULL ? agent : account, NULL))
		return;
	n = tokens_revoke(
		desk->parts.vault->tokens, id, agent, account, end_sessions, desk);
	if (n < 0)
		refuse_storage(desk, call->tag);
	else if (n == 0)
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_token",
			"No such token: it may be over already.", NULL);
	else
		rpc_answer(call->rpc, call->tag,
			json_pack("{s:b, s:i}", "accepted", 1, "revoked", n));
}

void
on_code_create(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const char *role = rpc_text(call, "role");
	const char *account = rpc_text(call, "account");
	struct token_wish wish = {
		.role = role != NULL ? rpc_role_parse(role) : RPC_ADMINISTRATOR,
		.agent = rpc_text(call, "agent"),
		.account = account,
		.code = true,
	};
	struct token_made made;

	if ((wish.role == RPC_AGENT) != (wish.agent != NULL)) {
		rpc_refuse_param(call->rpc, call->tag, "agent",
			"is given with the role agent, and only then");
		return;
	}
	if (account == NULL && wish.role != RPC_AGENT)
		wish.account = "admin";
	if (!audit(desk, call, wish.agent != NULL ? wish.agent : wish.account,
		    rpc_role_name[wish.role]))
		return;
	if (!tokens_make(desk->parts.vault->tokens, clock_wall_ms(), &wish, 1, &made)) {
		refuse_storage(desk, call->tag);
		return;
	}
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:s, s:o}", "code", made.secret, "expires_at",
			desk_time(made.token->expires_ms)));
	secret_forget(made.secret);
}

/* ---- API keys ---- */

/* Whether the settings have all that a key shall be limited to: a misspelt name would
 * make a key that may do nothing. False: refused. */
static bool
has_names(const struct desk *desk, const struct rpc_call *call, const char *param,
	int (*find)(const struct centre *, const char *))
{
	const struct centre *c = router_centre(desk->parts.router);
	json_t *name;
	size_t i;

	json_array_foreach(json_object_get(call->params, param), i, name)
	{
		if (find(c, json_string_value(name)) >= 0)
			continue;
		rpc_refuse_param(call->rpc, call->tag, param,
			"names one that the settings do not have; they list them all");
		return false;
	}
	return true;
}

void
on_key_create(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	char text[KEY_TEXT], *dot;
	json_t *result;

	if (!has_names(desk, call, "channels", centre_channel) ||
		!has_names(desk, call, "queues", centre_queue) ||
		!audit(desk, call, rpc_text(call, "name"), NULL))
		return;
	if (!keys_make(desk->parts.vault->keys, clock_wall_ms(), call->params, text)) {
		refuse_storage(desk, call->tag);
		return;
	}
	dot = strchr(text, '.');
	result = json_pack("{s:s%, s:s}", "id", text, (size_t)(dot - text), "key", text);
	secret_forget(text);
	rpc_answer(call->rpc, call->tag, result);
}

void
on_key_list(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	bool more;
	json_t *list = keys_json(desk->parts.vault->keys, rpc_text(call, "after"), &more);

	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:b}", "keys", list, "more", more));
}

void
on_key_revoke(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const char *id = rpc_text(call, "id");
	size_t at = 0;
	void *value;

	if (keys_by_id(desk->parts.vault->keys, id) == NULL) {
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_key",
			"There is no such key; key.list names them all.", NULL);
		return;
	}
	if (!audit(desk, call, id, NULL))
		return;
	if (!keys_revoke(desk->parts.vault->keys, id)) {
		refuse_storage(desk, call->tag);
		return;
	}
	while (map_next(&desk->sessions, &at, NULL, &value)) {
		struct session *s = value;

		if (strcmp(s->key, id) == 0)
			session_end(desk, s, "key revoked");
	}
	accept(desk, call->tag);
}
