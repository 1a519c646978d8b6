/*
 * desk/exchange.c - POST /v1/session: a page exchanges the one-time code of its link's
 * fragment for a token, with which it then logs in over the WebSocket (CONTRACTS 1).
 */
#include "base/http.h"
#include "base/log.h"
#include "desk/inner.h"

#define NO_NAME "code" /* under which wrong codes of an address are counted */

static void
answer(struct http_server *http, uint64_t request, json_t *object)
{
	struct text body = {0};

	json_write(&body, object);
	json_decref(object);
	http_answer(http, request,
		&(struct http_reply){.status = 200,
			.type = "application/json",
			.body = body.s,
			.n_body = body.n});
	secret_forget(body.s);
	text_finish(&body);
}

/* The code of the body; NULL: refused. Borrowed from *body, which the caller frees. */
static const char *
read_code(struct http_server *http, const struct http_request *r, json_t **body)
{
	struct json_problem problem;
	const char *code;

	*body = json_read(r->body, r->n_body, &problem);
	if (*body == NULL) {
		http_answer_error(http, r->id, 400, "parse_error", problem.message);
		return NULL;
	}
	code = json_string_value(json_object_get(*body, "code"));
	if (code != NULL && json_object_size(*body) == 1)
		return code;
	http_answer_error(http, r->id, 422, "invalid_params",
		"Send {\"code\": \"...\"} and nothing else.");
	return NULL;
}

static void
exchange(struct desk *desk, const struct http_request *r, const char *secret)
{
	struct tokens *tokens = desk->parts.vault->tokens;
	int64_t wall_ms = clock_wall_ms();
	struct token_wish wish = {.passing = true};
	struct token_made made;
	struct token *code;

	if (tokens_check(tokens, wall_ms, secret, true, &code) != TOKEN_GOOD) {
		backoff_failed(&desk->backoff, clock_boot_ms(), NO_NAME, r->peer_address);
		audit_login(desk, NULL, NULL, r->peer_address, "code refused");
		http_answer_error(desk->http, r->id, 401, "login_failed",
			"This code is not known, used already or over: run usherctl init "
			"again.");
		return;
	}
	wish.role = code->role;
	wish.agent = code->agent;
	wish.account = code->account;
	/* Used up before the token is told. */
	if (!tokens_make(tokens, wall_ms, &wish, 1, &made) ||
		tokens_revoke(tokens, code->id, NULL, NULL, NULL, NULL) != 1) {
		http_answer_error(desk->http, r->id, 500, "storage",
			"The login could not be stored: see the server's log.");
		return;
	}
	audit_login(desk,
		made.token->agent != NULL     ? made.token->agent
		: made.token->account != NULL ? made.token->account
					      : "code",
		rpc_role_name[made.token->role], r->peer_address, "code exchanged");
	answer(desk->http, r->id,
		json_pack("{s:s, s:s, s:s*, s:s*, s:o}", "token", made.secret, "role",
			rpc_role_name[made.token->role], "account", made.token->account,
			"agent", made.token->agent, "expires_at",
			desk_time(made.token->expires_ms)));
	secret_forget(made.secret);
}

static void
on_session(void *owner, const struct http_request *r)
{
	struct desk *desk = owner;
	json_t *body = NULL;
	const char *code;

	if (backoff_wait_ms(&desk->backoff, clock_boot_ms(), NO_NAME, r->peer_address) >
		0) {
		http_answer_error(desk->http, r->id, 429, "rate_limited",
			"Too many wrong codes: wait before the next try.");
		return;
	}
	code = read_code(desk->http, r, &body);
	if (code != NULL)
		exchange(desk, r, code);
	json_decref(body);
}

void
desk_serve_http(struct desk *desk, struct http_server *http)
{
	desk->http = http;
	http_route(http, "POST", "/v1/session", on_session, desk);
}
