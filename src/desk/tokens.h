/*
 * desk/tokens.h - who may log in without a password: 256 random bits, kept as SHA-256 in
 * STATE/tokens, bound to a role and an agent or account.
 *
 * A token lives at most 12 h, and ends after 4 h in which no session used it. One-time
 * codes are tokens that live 10 minutes and end with their first use (CONTRACTS 1). Times
 * are Unix ms of the wall clock, since they outlive the process.
 */
#ifndef USHER_DESK_TOKENS_H
#define USHER_DESK_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rpc.h"
#include "base/text.h"
#include "desk/secret.h"

#define TOKEN_LIFE_MS (12 * 3600 * INT64_C(1000))
#define TOKEN_IDLE_MS (4 * 3600 * INT64_C(1000))
#define TOKEN_WARN_MS (600 * INT64_C(1000)) /* session.token_expiring comes so early */
#define CODE_LIFE_MS (600 * INT64_C(1000))
#define TOKENS_MAX 200000
#define TOKEN_TEXT (3 + SECRET_TEXT) /* "ut_" or "uc_" and the secret */

struct token {
	char id[SECRET_ID_TEXT]; /* public: the first digits of the hash */
	char hash[SECRET_HASH_TEXT];
	enum rpc_role role;
	char *agent;   /* owned; role agent only, else NULL */
	char *account; /* owned; NULL: none */
	bool code;     /* ends with its first use */
	bool passing;  /* made by a login: ends with its logout */
	int64_t created_ms, expires_ms;
	int64_t used_ms; /* end of the last use; in memory only */
	int sessions;	 /* that use it now */
};

struct tokens;

struct tokens *tokens_open(const char *state_directory, int64_t wall_ms) USHER_MUST_CHECK;
void tokens_close(struct tokens *tokens);

struct token_wish {
	enum rpc_role role;
	const char *agent, *account; /* NULL: none */
	bool code, passing;
	int64_t life_ms; /* 0: the most there is */
};

/* One that was made; secret is for the asker's eyes only. */
struct token_made {
	char secret[TOKEN_TEXT];
	const struct token *token; /* borrowed until the next call */
};

/* Makes n tokens with one write and one sync. False: TOKENS_MAX, or the disk; none is
 * made. */
bool tokens_make(struct tokens *tokens, int64_t wall_ms, const struct token_wish *wishes,
	int n, struct token_made *out) USHER_MUST_CHECK;

enum token_verdict {
	TOKEN_GOOD,
	TOKEN_UNKNOWN,
	TOKEN_OVER
};
/* Looks a secret up. A code is taken only where `code` is true, and is not used up by
 * this. */
enum token_verdict tokens_check(struct tokens *tokens, int64_t wall_ms,
	const char *secret, bool code, struct token **out);

void tokens_use(struct token *token);			 /* a session began */
void tokens_leave(struct token *token, int64_t wall_ms); /* a session ended */

/* Ends tokens: of an id (a token's own may be given), of an agent, of an account; what is
 * NULL does not matter.
 * Returns how many; -1: the disk. The ids of those ended go to gone(), before they are
 * freed. */
int tokens_revoke(struct tokens *tokens, const char *id, const char *agent,
	const char *account, void (*gone)(void *owner, const struct token *token),
	void *owner);
struct token *tokens_by_id(struct tokens *tokens, const char *id);
/* Drops what is over. */
void tokens_sweep(struct tokens *tokens, int64_t wall_ms);
bool tokens_next(const struct tokens *tokens, size_t *at, const struct token **out);
size_t tokens_count(const struct tokens *tokens);

#endif
