/* desk/tokens.c - login without a password; see tokens.h. */
#include "desk/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "desk/ledger.h"

#define SLACK_LINES 1000 /* out-of-date lines borne before the file is rewritten */

struct tokens {
	struct ledger *ledger; /* owned */
	struct map by_hash;    /* tokens, owned */
	struct map by_id;      /* the same, borrowed */
};

static void
token_destroy(struct token *t)
{
	free(t->agent);
	free(t->account);
	free(t);
}

static void
forget(struct tokens *ts, struct token *t)
{
	map_remove(&ts->by_hash, t->hash);
	if (map_get(&ts->by_id, t->id) == t)
		map_remove(&ts->by_id, t->id);
	token_destroy(t);
}

static void
remember(struct tokens *ts, struct token *t)
{
	memcpy(t->id, t->hash, sizeof t->id - 1);
	t->id[sizeof t->id - 1] = '\0';
	map_put(&ts->by_hash, t->hash, t);
	map_put(&ts->by_id, t->id, t);
}

static json_t *
token_line(const struct token *t)
{
	return json_pack("{s:s, s:s, s:s*, s:s*, s:b, s:b, s:I, s:I}", "hash", t->hash,
		"role", rpc_role_name[t->role], "agent", t->agent, "account", t->account,
		"code", t->code, "passing", t->passing, "created",
		(json_int_t)t->created_ms, "expires", (json_int_t)t->expires_ms);
}

static bool
read_line(void *owner, json_t *o)
{
	struct tokens *ts = owner;
	const char *ended = json_string_value(json_object_get(o, "ended"));
	const char *hash = json_string_value(json_object_get(o, "hash"));
	const char *role = json_string_value(json_object_get(o, "role"));
	struct token *t;

	if (ended != NULL) {
		t = map_get(&ts->by_hash, ended);
		if (t != NULL)
			forget(ts, t);
		return true;
	}
	if (hash == NULL || strlen(hash) != SECRET_HASH_TEXT - 1 || role == NULL ||
		rpc_role_parse(role) == RPC_ROLES || map_get(&ts->by_hash, hash) != NULL)
		return false;
	t = xcalloc(1, sizeof *t);
	memcpy(t->hash, hash, sizeof t->hash);
	t->role = rpc_role_parse(role);
	t->agent = xstrdup(json_string_value(json_object_get(o, "agent")));
	t->account = xstrdup(json_string_value(json_object_get(o, "account")));
	t->code = json_is_true(json_object_get(o, "code"));
	t->passing = json_is_true(json_object_get(o, "passing"));
	t->created_ms = json_integer_value(json_object_get(o, "created"));
	t->expires_ms = json_integer_value(json_object_get(o, "expires"));
	remember(ts, t);
	return true;
}

static bool
rewrite(struct tokens *ts)
{
	struct text all = {0};
	size_t at = 0;
	void *t;
	bool ok;

	while (map_next(&ts->by_hash, &at, NULL, &t))
		ledger_add(&all, token_line(t));
	ok = ledger_replace(ts->ledger, &all);
	text_finish(&all);
	return ok;
}

static bool
is_over(const struct token *t, int64_t wall_ms)
{
	return wall_ms >= t->expires_ms ||
	       (t->sessions == 0 && wall_ms - t->used_ms >= TOKEN_IDLE_MS);
}

void
tokens_sweep(struct tokens *ts, int64_t wall_ms)
{
	size_t at = 0;
	void *t;

	/* Expired lines need no line of their own: each start sweeps them again. */
	while (map_next(&ts->by_hash, &at, NULL, &t)) {
		struct token *token = t;

		if (is_over(token, wall_ms) && token->sessions == 0)
			forget(ts, token);
	}
	if (ledger_lines(ts->ledger) > 2 * ts->by_hash.n + SLACK_LINES && !rewrite(ts))
		log_warn("desk: the file of tokens grows until it can be rewritten");
}

struct tokens *
tokens_open(const char *state_directory, int64_t wall_ms)
{
	struct tokens *ts = xcalloc(1, sizeof *ts);
	char *path = xasprintf("%s/tokens", state_directory);
	size_t at = 0;
	void *t;

	ts->ledger = ledger_open(path, read_line, ts);
	free(path);
	if (ts->ledger == NULL) {
		tokens_close(ts);
		return NULL;
	}
	/* Idle time begins anew: how long it was before a restart is not known. */
	while (map_next(&ts->by_hash, &at, NULL, &t))
		((struct token *)t)->used_ms = wall_ms;
	tokens_sweep(ts, wall_ms);
	return ts;
}

void
tokens_close(struct tokens *ts)
{
	size_t at = 0;
	void *t;

	if (ts == NULL)
		return;
	while (map_next(&ts->by_hash, &at, NULL, &t))
		token_destroy(t);
	map_finish(&ts->by_hash);
	map_finish(&ts->by_id);
	ledger_close(ts->ledger);
	free(ts);
}

static struct token *
token_create(const struct token_wish *wish, int64_t wall_ms, char secret[TOKEN_TEXT])
{
	struct token *t = xcalloc(1, sizeof *t);
	int64_t most = wish->code ? CODE_LIFE_MS : TOKEN_LIFE_MS;

	memcpy(secret, wish->code ? "uc_" : "ut_", 3);
	secret_make(secret + 3, wish->code ? SECRET_BYTES / 2 : SECRET_BYTES);
	secret_hash(t->hash, secret, strlen(secret));
	t->role = wish->role;
	t->agent = xstrdup(wish->agent);
	t->account = xstrdup(wish->account);
	t->code = wish->code;
	t->passing = wish->passing;
	t->created_ms = t->used_ms = wall_ms;
	t->expires_ms =
		wall_ms +
		(wish->life_ms > 0 && wish->life_ms < most ? wish->life_ms : most);
	return t;
}

bool
tokens_make(struct tokens *ts, int64_t wall_ms, const struct token_wish *wishes, int n,
	struct token_made *out)
{
	struct token **fresh = xcalloc((size_t)n, sizeof *fresh);
	struct text change = {0};
	bool ok = ts->by_hash.n + (size_t)n <= TOKENS_MAX;

	for (int i = 0; i < n && ok; i++) {
		fresh[i] = token_create(&wishes[i], wall_ms, out[i].secret);
		ledger_add(&change, token_line(fresh[i]));
	}
	ok = ok && ledger_append(ts->ledger, &change);
	for (int i = 0; i < n && fresh[i] != NULL; i++) {
		out[i].token = ok ? fresh[i] : NULL;
		if (ok)
			remember(ts, fresh[i]);
		else
			token_destroy(fresh[i]);
	}
	text_finish(&change);
	free(fresh);
	return ok;
}

enum token_verdict
tokens_check(struct tokens *ts, int64_t wall_ms, const char *secret, bool code,
	struct token **out)
{
	char hash[SECRET_HASH_TEXT];
	struct token *t;

	*out = NULL;
	secret_hash(hash, secret, strlen(secret));
	/* Looking up a hash tells nothing about the secret by its time. */
	t = map_get(&ts->by_hash, hash);
	if (t == NULL || t->code != code)
		return TOKEN_UNKNOWN;
	if (is_over(t, wall_ms))
		return TOKEN_OVER;
	*out = t;
	return TOKEN_GOOD;
}

void
tokens_use(struct token *t)
{
	t->sessions++;
}

void
tokens_leave(struct token *t, int64_t wall_ms)
{
	t->sessions--;
	t->used_ms = wall_ms;
}

static bool
is_meant(const struct token *t, const char *id, const char *agent, const char *account)
{
	if (id != NULL && strcmp(t->id, id) != 0)
		return false;
	if (agent != NULL && (t->agent == NULL || strcmp(t->agent, agent) != 0))
		return false;
	return account == NULL ||
	       (t->account != NULL && strcmp(t->account, account) == 0);
}

int
tokens_revoke(struct tokens *ts, const char *id, const char *agent, const char *account,
	void (*gone)(void *owner, const struct token *token), void *owner)
{
	struct text change = {0};
	size_t at = 0;
	void *t;
	int n = 0;
	char *own; /* the id may be that of a token that is freed here */

	while (map_next(&ts->by_hash, &at, NULL, &t)) {
		if (is_meant(t, id, agent, account))
			ledger_add(&change,
				json_pack("{s:s}", "ended", ((struct token *)t)->hash));
	}
	if (!ledger_append(ts->ledger, &change)) {
		text_finish(&change);
		return -1;
	}
	text_finish(&change);
	at = 0;
	own = xstrdup(id);
	while (map_next(&ts->by_hash, &at, NULL, &t)) {
		if (!is_meant(t, own, agent, account))
			continue;
		n++;
		if (gone != NULL)
			gone(owner, t);
		forget(ts, t);
	}
	free(own);
	return n;
}

struct token *
tokens_by_id(struct tokens *ts, const char *id)
{
	return map_get(&ts->by_id, id);
}

bool
tokens_next(const struct tokens *ts, size_t *at, const struct token **out)
{
	void *t;

	if (!map_next(&ts->by_hash, at, NULL, &t))
		return false;
	*out = t;
	return true;
}

size_t
tokens_count(const struct tokens *ts)
{
	return ts->by_hash.n;
}
