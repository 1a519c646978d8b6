/*
 * desk/vault.h - accounts, tokens and API keys of a state directory, and the audit, held
 * by one process at a time: the daemon while it runs, else usherctl.
 */
#ifndef USHER_DESK_VAULT_H
#define USHER_DESK_VAULT_H

#include <stdint.h>

#include "base/audit.h"
#include "desk/accounts.h"
#include "desk/keys.h"
#include "desk/tokens.h"

struct vault {
	int lock; /* descriptor of STATE/vault.lock, locked */
	struct accounts *accounts;
	struct tokens *tokens;
	struct keys *keys;
	struct audit_log *audit; /* what is done with them, and all else */
};

/* Opens them all. NULL with the reason logged: another process holds them, rights are
 * too wide, a file is damaged. wall_ms: wall clock, Unix ms. */
struct vault *vault_open(const char *state_directory, int64_t wall_ms) USHER_MUST_CHECK;
void vault_close(struct vault *vault);

#endif
