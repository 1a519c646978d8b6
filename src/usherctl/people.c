/* usherctl/people.c - accounts, tokens, API keys, the first login. All of it works with
 * the daemon, and without one on the files of the state directory. */
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "usherctl/usherctl.h"

#define TOKENS_A_CALL 1000 /* the method's own bound */
#define TOKENS_MOST 1000000

/* The method, by the daemon or without one. */
static json_t *
ask(struct ctl *ctl, const char *method, json_t *params)
{
	json_t *result;

	if (!client_daemon_is_down(ctl))
		return call(ctl, method, params);
	result = offline_call(ctl, method, params);
	json_decref(params);
	return result;
}

static void
set_text(json_t *o, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(o, name, json_string(text));
}

/* "a,b,c" as a list. */
static void
set_list(json_t *o, const char *name, const char *text)
{
	char *copy = xstrdup(text), *rest = copy;
	json_t *list;

	if (text == NULL)
		return;
	list = json_array();
	for (char *one; (one = strsep(&rest, ",")) != NULL;) {
		if (one[0] != '\0')
			json_array_append_new(list, json_string(one));
	}
	json_object_set_new(o, name, list);
	free(copy);
}

/* ---- passwords ---- */

/* A line without its end; false: there is none. */
static bool
read_line(FILE *f, char *out, size_t size)
{
	if (fgets(out, (int)size, f) == NULL)
		return false;
	out[strcspn(out, "\r\n")] = '\0';
	return true;
}

static bool
ask_hidden(const char *prompt, char *out, size_t size)
{
	struct termios old, quiet;
	bool ok;

	fputs(prompt, stderr);
	fflush(stderr);
	tcgetattr(STDIN_FILENO, &old);
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	ok = read_line(stdin, out, size);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputc('\n', stderr);
	return ok;
}

/* From the file named, the terminal (twice), or standard input; never from the command
 * line, which others can see. */
static bool
read_password(struct ctl *ctl, char *out, size_t size)
{
	const char *path = option(ctl, "password-file");
	char again[1024];
	FILE *f;
	bool ok;

	if (path != NULL) {
		f = fopen(path, "r");
		ok = f != NULL && read_line(f, out, size);
		if (f != NULL)
			fclose(f);
		if (!ok)
			complain("cannot read a password from %s", path);
		return ok;
	}
	if (!isatty(STDIN_FILENO)) {
		ok = read_line(stdin, out, size);
		if (!ok)
			complain("no password on standard input");
		return ok;
	}
	if (!ask_hidden("Password (at least 12 characters): ", out, size) ||
		!ask_hidden("Again: ", again, sizeof again))
		return false;
	ok = strcmp(out, again) == 0;
	explicit_bzero(again, sizeof again);
	if (!ok)
		complain("the two are not the same");
	return ok;
}

/* ---- accounts ---- */

enum status
do_account_add(struct ctl *ctl)
{
	char password[1024];
	json_t *params;

	if (option(ctl, "role") == NULL) {
		complain("name --role agent, supervisor, administrator, auditor or link");
		return STATUS_USAGE;
	}
	if (!read_password(ctl, password, sizeof password))
		return STATUS_FAILED;
	params = json_pack("{s:s, s:s, s:s}", "account", ctl->word[0], "role",
		option(ctl, "role"), "password", password);
	explicit_bzero(password, sizeof password);
	set_text(params, "agent", option(ctl, "agent"));
	set_text(params, "name", option(ctl, "name"));
	return finish(ctl, ask(ctl, "account.add", params), "Added.");
}

enum status
do_account_passwd(struct ctl *ctl)
{
	char password[1024];
	json_t *params;

	if (!read_password(ctl, password, sizeof password))
		return STATUS_FAILED;
	params = json_pack("{s:s, s:s}", "account", ctl->word[0], "password", password);
	explicit_bzero(password, sizeof password);
	return finish(ctl, ask(ctl, "account.passwd", params),
		"Changed; its tokens have ended.");
}

/* A list that the daemon gives in pieces. */
static json_t *
ask_list(struct ctl *ctl, const char *method, const char *name, const char *id)
{
	json_t *result, *list;

	if (!client_daemon_is_down(ctl))
		return call_list(ctl, method, name, id);
	result = offline_call(ctl, method, NULL);
	list = json_incref(json_object_get(result, name));
	json_decref(result);
	return list;
}

enum status
do_account_list(struct ctl *ctl)
{
	json_t *list = ask_list(ctl, "account.list", "accounts", "account"), *a;
	struct table *t;
	size_t i;

	if (list == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(list);
		json_decref(list);
		return STATUS_OK;
	}
	t = table_create(ctl, "ACCOUNT|ROLE|AGENT|NAME|STATE|CREATED");
	json_array_foreach(list, i, a)
	{
		table_cell(t, member(a, "account"));
		table_cell(t, member(a, "role"));
		table_cell(t, member(a, "agent"));
		table_cell(t, member(a, "name"));
		table_cell(t,
			json_is_true(json_object_get(a, "disabled")) ? "disabled" : "");
		table_cell(t, member(a, "created_at"));
	}
	table_print(t, "No accounts; see usherctl account add --help.");
	json_decref(list);
	return STATUS_OK;
}

static enum status
set_disabled(struct ctl *ctl, bool disabled)
{
	json_t *params =
		json_pack("{s:s, s:b}", "account", ctl->word[0], "disabled", disabled);

	return finish(ctl, ask(ctl, "account.disable", params),
		disabled ? "Disabled; its sessions have ended." : "Enabled.");
}

enum status
do_account_disable(struct ctl *ctl)
{
	return set_disabled(ctl, true);
}

enum status
do_account_enable(struct ctl *ctl)
{
	return set_disabled(ctl, false);
}

/* ---- tokens ---- */

static void
print_tokens(struct ctl *ctl, const json_t *tokens)
{
	struct table *t;
	json_t *one;
	size_t i;

	if (option(ctl, "plain") != NULL) {
		json_array_foreach(tokens, i, one)
		{
			printf("%s\n", member(one, "token"));
		}
		return;
	}
	t = table_create(ctl, "ID|FOR|EXPIRES|TOKEN");
	json_array_foreach(tokens, i, one)
	{
		table_cell(t, member(one, "id"));
		table_cell(t, member(one, "agent") != NULL ? member(one, "agent")
							   : member(one, "account"));
		table_cell(t, member(one, "expires_at"));
		table_cell(t, member(one, "token"));
	}
	table_print(t, NULL);
}

static json_t *
token_params(struct ctl *ctl, int64_t life_ms)
{
	json_t *params = json_object();

	set_text(params, "role", option(ctl, "role"));
	set_text(params, "agent", option(ctl, "agent"));
	set_text(params, "account", option(ctl, "account"));
	if (life_ms > 0)
		json_object_set_new(params, "life_ms", json_integer(life_ms));
	return params;
}

/* Many are made a thousand at a time: a reply has a largest size. */
static json_t *
make_tokens(struct ctl *ctl, int64_t from, int64_t count, int64_t life_ms)
{
	json_t *all = json_array();

	while (count > 0) {
		int64_t n = count < TOKENS_A_CALL ? count : TOKENS_A_CALL;
		json_t *params = token_params(ctl, life_ms), *result;

		json_object_set_new(params, "count", json_integer(n));
		json_object_set_new(params, "from", json_integer(from));
		result = ask(ctl, "token.create", params);
		if (result == NULL) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(all, json_object_get(result, "tokens"));
		json_decref(result);
		from += n;
		count -= n;
	}
	return all;
}

enum status
do_token_create(struct ctl *ctl)
{
	const char *life = option(ctl, "life");
	int64_t count, from, life_ms = 0;
	json_t *tokens;

	if (option(ctl, "role") == NULL) {
		complain("name --role, and --agent or --account");
		return STATUS_USAGE;
	}
	if (!option_number(ctl, "count", 1, TOKENS_MOST, 1, &count) ||
		!option_number(ctl, "from", 0, TOKENS_MOST, 1, &from))
		return STATUS_USAGE;
	if (life != NULL && !read_duration(life, &life_ms)) {
		complain("--life takes a duration such as 30m or 8h, not %s", life);
		return STATUS_USAGE;
	}
	tokens = make_tokens(ctl, from, count, life_ms);
	if (tokens == NULL)
		return STATUS_FAILED;
	if (ctl->json)
		print_json(tokens);
	else
		print_tokens(ctl, tokens);
	json_decref(tokens);
	return STATUS_OK;
}

enum status
do_token_list(struct ctl *ctl)
{
	json_t *result = ask(ctl, "token.list", token_params(ctl, 0)), *one;
	struct table *t;
	size_t i;

	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(json_object_get(result, "tokens"));
		json_decref(result);
		return STATUS_OK;
	}
	t = table_create(ctl, "ID|ROLE|FOR|CREATED|EXPIRES|>SESSIONS");
	json_array_foreach(json_object_get(result, "tokens"), i, one)
	{
		table_cell(t, member(one, "id"));
		table_cell(t, json_is_true(json_object_get(one, "code"))
				      ? "one-time code"
				      : member(one, "role"));
		table_cell(t, member(one, "agent") != NULL ? member(one, "agent")
							   : member(one, "account"));
		table_cell(t, member(one, "created_at"));
		table_cell(t, member(one, "expires_at"));
		table_number(t, json_object_get(one, "sessions"));
	}
	table_print(t, "No tokens.");
	if (json_is_true(json_object_get(result, "more")))
		printf("There are more: narrow it with --role, --agent or --account.\n");
	json_decref(result);
	return STATUS_OK;
}

enum status
do_token_revoke(struct ctl *ctl)
{
	json_t *params = json_object();

	if (ctl->n_words == 0 && option(ctl, "agent") == NULL &&
		option(ctl, "account") == NULL) {
		complain("name the token's id, or --agent, or --account");
		json_decref(params);
		return STATUS_USAGE;
	}
	set_text(params, "id", ctl->n_words > 0 ? ctl->word[0] : NULL);
	set_text(params, "agent", option(ctl, "agent"));
	set_text(params, "account", option(ctl, "account"));
	return finish(ctl, ask(ctl, "token.revoke", params), "Revoked.");
}

/* ---- API keys ---- */

enum status
do_key_create(struct ctl *ctl)
{
	json_t *params = json_object(), *result;
	int64_t rate;

	if (!option_number(ctl, "rate", 0, 100000, -1, &rate)) {
		json_decref(params);
		return STATUS_USAGE;
	}
	set_text(params, "name", option(ctl, "name"));
	set_text(params, "source", option(ctl, "source"));
	set_list(params, "allow", option(ctl, "allow"));
	set_list(params, "channels", option(ctl, "channels"));
	set_list(params, "queues", option(ctl, "queues"));
	if (rate >= 0)
		json_object_set_new(params, "rate", json_integer(rate));
	result = ask(ctl, "key.create", params);
	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json)
		print_json(result);
	else if (option(ctl, "plain") != NULL)
		printf("%s\n", member(result, "key"));
	else
		printf("%s\nKeep it: it is not shown again. Its id is %s.\n",
			member(result, "key"), member(result, "id"));
	json_decref(result);
	return STATUS_OK;
}

static void
cell_of_list(struct table *t, const json_t *list)
{
	struct text text = {0};
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		text_addf(&text, "%s%s", i > 0 ? "," : "", json_string_value(item));
	}
	table_cell(t, text.n > 0 ? text.s : "all");
	text_finish(&text);
}

enum status
do_key_list(struct ctl *ctl)
{
	json_t *list = ask_list(ctl, "key.list", "keys", "id"), *one;
	struct table *t;
	size_t i;

	if (list == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(list);
		json_decref(list);
		return STATUS_OK;
	}
	t = table_create(ctl, "ID|NAME|ALLOW|CHANNELS|QUEUES|SOURCE|>RATE|CREATED");
	json_array_foreach(list, i, one)
	{
		table_cell(t, member(one, "id"));
		table_cell(t, member(one, "name"));
		cell_of_list(t, json_object_get(one, "allow"));
		cell_of_list(t, json_object_get(one, "channels"));
		cell_of_list(t, json_object_get(one, "queues"));
		table_cell(t, member(one, "source"));
		table_number(t, json_object_get(one, "rate"));
		table_cell(t, member(one, "created_at"));
	}
	table_print(t, "No API keys.");
	json_decref(list);
	return STATUS_OK;
}

enum status
do_key_revoke(struct ctl *ctl)
{
	return finish(ctl, ask(ctl, "key.revoke", json_pack("{s:s}", "id", ctl->word[0])),
		"Revoked.");
}

/* ---- the first login ---- */

enum status
do_init(struct ctl *ctl)
{
	json_t *params = json_object(), *result;
	const char *url = option(ctl, "url");

	set_text(params, "role", option(ctl, "role"));
	set_text(params, "account", option(ctl, "account"));
	set_text(params, "agent", option(ctl, "agent"));
	result = ask(ctl, "code.create", params);
	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json) {
		print_json(result);
	} else {
		/* In the fragment a browser keeps the code to itself. */
		if (url != NULL)
			printf("%s#code=%s\n", url, member(result, "code"));
		printf("%sOne-time code, valid until %s: %s\n", url != NULL ? "or " : "",
			member(result, "expires_at"), member(result, "code"));
	}
	json_decref(result);
	return STATUS_OK;
}
