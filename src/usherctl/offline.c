/*
 * usherctl/offline.c - accounts, tokens, keys and codes on the files of the state
 * directory, while no daemon holds them. The names of methods and params are the
 * protocol's, so that a command does not see the difference.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/moment.h"
#include "desk/vault.h"
#include "usherctl/usherctl.h"

static json_t *
time_json(int64_t ms)
{
	char text[MOMENT_TEXT];

	moment_format(text, ms);
	return json_string(text);
}

static json_t *
accepted(bool ok)
{
	if (!ok)
		complain("it could not be stored; is there room on the disk?");
	return ok ? json_pack("{s:b}", "accepted", 1) : NULL;
}

/* ---- accounts ---- */

static json_t *
put_account(struct vault *v, const struct account *wish, const char *password)
{
	const char *fault = password_fault(password, wish->account);
	struct account a = *wish;
	json_t *result;

	if (fault != NULL) {
		complain("%s", fault);
		return NULL;
	}
	a.hash = password_hash(password);
	result = accepted(a.hash != NULL && accounts_put(v->accounts, &a));
	free(a.hash);
	return result;
}

static json_t *
add_account(struct vault *v, const json_t *p)
{
	const char *role = member(p, "role"), *name = member(p, "name");
	struct account a = {
		.account = (char *)member(p, "account"),
		.name = (char *)(name != NULL ? name : ""),
		.agent = (char *)member(p, "agent"),
		.role = rpc_role_parse(role),
		.created_ms = clock_wall_ms(),
	};

	if (!id_is_valid(a.account) || a.role >= RPC_INTAKE) {
		complain(
			"an account has a name of A-Z a-z 0-9 . _ - and one of the roles "
			"agent, supervisor, administrator, auditor, link");
		return NULL;
	}
	if ((a.role == RPC_AGENT) != (a.agent != NULL)) {
		complain("--agent goes with the role agent, and only with it");
		return NULL;
	}
	if (accounts_find(v->accounts, a.account) != NULL) {
		complain("there is such an account: use account passwd, or another name");
		return NULL;
	}
	return put_account(v, &a, member(p, "password"));
}

static json_t *
change_account(struct vault *v, const json_t *p, const char *password)
{
	const struct account *old = accounts_find(v->accounts, member(p, "account"));
	struct account a;

	if (old == NULL) {
		complain("there is no such account");
		return NULL;
	}
	a = *old;
	if (tokens_revoke(v->tokens, NULL, NULL, a.account, NULL, NULL) < 0)
		return accepted(false);
	if (password != NULL)
		return put_account(v, &a, password);
	a.disabled = json_is_true(json_object_get(p, "disabled"));
	return accepted(accounts_put(v->accounts, &a));
}

static json_t *
list_accounts(struct vault *v)
{
	json_t *list = json_array();

	for (const struct account *a = accounts_after(v->accounts, NULL); a != NULL;
		a = accounts_after(v->accounts, a->account))
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s*, s:s, s:b, s:o}", "account",
				      a->account, "role", rpc_role_name[a->role], "agent",
				      a->agent, "name", a->name, "disabled", a->disabled,
				      "created_at", time_json(a->created_ms)));
	return json_pack("{s:o}", "accounts", list);
}

/* ---- tokens ---- */

static json_t *
made_json(struct token_made *made)
{
	json_t *o = json_pack("{s:s, s:s, s:s*, s:s*, s:o}", "id", made->token->id,
		"token", made->secret, "agent", made->token->agent, "account",
		made->token->account, "expires_at", time_json(made->token->expires_ms));

	secret_forget(made->secret);
	return o;
}

/* All with one write to the disk. */
static json_t *
make_tokens(struct vault *v, const struct token_wish *wishes, int n)
{
	struct token_made *made = xcalloc((size_t)n, sizeof *made);
	bool ok = tokens_make(v->tokens, clock_wall_ms(), wishes, n, made);
	json_t *list = json_array();

	for (int i = 0; ok && i < n; i++)
		json_array_append_new(list, made_json(&made[i]));
	free(made);
	if (ok)
		return json_pack("{s:o}", "tokens", list);
	json_decref(list);
	return accepted(false);
}

static json_t *
create_tokens(struct vault *v, const json_t *p)
{
	const char *form = member(p, "agent");
	int n = (int)member_int(p, "count");
	struct token_wish wish = {
		.role = rpc_role_parse(member(p, "role")),
		.account = member(p, "account"),
		.life_ms = member_int(p, "life_ms"),
	};
	struct token_wish *wishes;
	char(*names)[ID_MAX + 1];
	json_t *result = NULL;
	int i;

	if (wish.role >= RPC_INTAKE || (wish.role == RPC_AGENT) != (form != NULL) ||
		(form == NULL && wish.account == NULL)) {
		complain("role agent goes with --agent; supervisor, administrator, "
			 "auditor and "
			 "link with --account");
		return NULL;
	}
	wishes = xcalloc((size_t)n, sizeof *wishes);
	names = xcalloc((size_t)n, sizeof *names);
	for (i = 0; i < n; i++) {
		wishes[i] = wish;
		if (form == NULL)
			continue;
		if (!id_numbered(names[i], form, member_int(p, "from") + i))
			break;
		wishes[i].agent = names[i];
	}
	if (i < n)
		complain("%s makes no agents' ids", form);
	else
		result = make_tokens(v, wishes, n);
	free(names);
	free(wishes);
	return result;
}

static json_t *
list_tokens(struct vault *v)
{
	const struct token *t;
	json_t *list = json_array();
	size_t at = 0;

	while (tokens_next(v->tokens, &at, &t))
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s*, s:s*, s:b, s:o, s:o, s:i}", "id",
				t->id, "role", rpc_role_name[t->role], "agent", t->agent,
				"account", t->account, "code", t->code, "created_at",
				time_json(t->created_ms), "expires_at",
				time_json(t->expires_ms), "sessions", 0));
	return json_pack("{s:o}", "tokens", list);
}

static json_t *
revoke_tokens(struct vault *v, const json_t *p)
{
	int n = tokens_revoke(v->tokens, member(p, "id"), member(p, "agent"),
		member(p, "account"), NULL, NULL);

	if (n != 0)
		return accepted(n > 0);
	complain("no such token");
	return NULL;
}

static json_t *
create_code(struct vault *v, const json_t *p)
{
	const char *role = member(p, "role"), *account = member(p, "account");
	struct token_wish wish = {
		.role = role != NULL ? rpc_role_parse(role) : RPC_ADMINISTRATOR,
		.agent = member(p, "agent"),
		.account = account,
		.code = true,
	};
	struct token_made made;

	if (wish.role != RPC_ADMINISTRATOR && wish.role != RPC_SUPERVISOR &&
		wish.role != RPC_AUDITOR && wish.role != RPC_AGENT) {
		complain("a code is for an administrator, supervisor, auditor or agent");
		return NULL;
	}
	if ((wish.role == RPC_AGENT) != (wish.agent != NULL)) {
		complain("agent is given with the role agent, and only then");
		return NULL;
	}
	if (account == NULL && wish.role != RPC_AGENT)
		wish.account = "admin";
	if (!tokens_make(v->tokens, clock_wall_ms(), &wish, 1, &made))
		return accepted(false);
	return json_pack("{s:s, s:o}", "code", made.secret, "expires_at",
		time_json(made.token->expires_ms));
}

/* ---- API keys ---- */

static json_t *
create_key(struct vault *v, const json_t *p)
{
	char text[KEY_TEXT];

	if (!keys_make(v->keys, clock_wall_ms(), p, text))
		return accepted(false);
	return json_pack("{s:s%, s:s}", "id", text, strcspn(text, "."), "key", text);
}

static json_t *
list_keys(struct vault *v)
{
	json_t *all = json_array();
	bool more = true;

	while (more) {
		const json_t *last = json_array_get(all, json_array_size(all) - 1);
		json_t *list = keys_json(
			v->keys, last != NULL ? member(last, "id") : NULL, &more);

		json_array_extend(all, list);
		json_decref(list);
	}
	return json_pack("{s:o}", "keys", all);
}

static json_t *
revoke_key(struct vault *v, const json_t *p)
{
	if (keys_by_id(v->keys, member(p, "id")) != NULL)
		return accepted(keys_revoke(v->keys, member(p, "id")));
	complain("there is no such key");
	return NULL;
}

static json_t *
run(struct vault *v, const char *method, const json_t *p)
{
	if (strcmp(method, "account.add") == 0)
		return add_account(v, p);
	if (strcmp(method, "account.passwd") == 0)
		return change_account(v, p, member(p, "password"));
	if (strcmp(method, "account.disable") == 0)
		return change_account(v, p, NULL);
	if (strcmp(method, "account.list") == 0)
		return list_accounts(v);
	if (strcmp(method, "token.create") == 0)
		return create_tokens(v, p);
	if (strcmp(method, "token.list") == 0)
		return list_tokens(v);
	if (strcmp(method, "token.revoke") == 0)
		return revoke_tokens(v, p);
	if (strcmp(method, "code.create") == 0)
		return create_code(v, p);
	if (strcmp(method, "key.create") == 0)
		return create_key(v, p);
	if (strcmp(method, "key.list") == 0)
		return list_keys(v);
	if (strcmp(method, "key.revoke") == 0)
		return revoke_key(v, p);
	complain("%s needs a running daemon", method);
	return NULL;
}

/* What changes something is in the audit before it is done. */
static bool
record_act(struct vault *v, const char *method, const json_t *p)
{
	static const char *const names[] = {"account", "agent", "id", "name"};
	char who[32];
	struct audit_act act = {.who = who,
		.role = rpc_role_name[RPC_ADMINISTRATOR],
		.from = "local",
		.what = method,
		.detail = member(p, "role"),
		.outcome = "begun"};

	if (strstr(method, ".list") != NULL)
		return true;
	snprintf(who, sizeof who, "uid %u", (unsigned)getuid());
	for (size_t i = 0; i < sizeof names / sizeof *names && act.object == NULL; i++)
		act.object = member(p, names[i]);
	if (audit_write(v->audit, &act, clock_wall_ms()))
		return true;
	complain("the audit cannot be written, so nothing was done");
	return false;
}

json_t *
offline_call(struct ctl *ctl, const char *method, const json_t *params)
{
	struct vault *vault = vault_open(ctl->state, clock_wall_ms());
	json_t *result = vault != NULL && record_act(vault, method, params)
				 ? run(vault, method, params)
				 : NULL;

	vault_close(vault);
	return result;
}
