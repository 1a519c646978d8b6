/*
 * desk/accounts.h - people who log in with a password: STATE/accounts, yescrypt by
 * libxcrypt (RELIABILITY S6).
 *
 * Hashing takes a quarter of a second on purpose: password_hash and password_matches are
 * for a worker thread (or usherctl), and touch nothing but their arguments.
 */
#ifndef USHER_DESK_ACCOUNTS_H
#define USHER_DESK_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rpc.h"

#define PASSWORD_MIN 12	 /* characters */
#define PASSWORD_MAX 512 /* bytes; libxcrypt's own limit */
#define ACCOUNTS_MAX 50000

struct account {
	char *account; /* owned; id_is_valid */
	char *name;    /* owned; "" if none */
	char *agent;   /* owned; role agent: whose desktop it opens; else NULL */
	char *hash;    /* owned; crypt(3) text */
	enum rpc_role role;
	bool disabled;
	int64_t created_ms; /* wall clock */
};

struct accounts;

struct accounts *accounts_open(const char *state_directory) USHER_MUST_CHECK;
void accounts_close(struct accounts *accounts);

/* NULL: unknown. Borrowed until the next change. */
const struct account *accounts_find(const struct accounts *accounts, const char *account);
/* Adds or replaces; `account` is copied. False: ACCOUNTS_MAX, or the disk. */
bool accounts_put(
	struct accounts *accounts, const struct account *account) USHER_MUST_CHECK;
/* The next in the order of names behind `after` (NULL: the first). NULL: there is none.
 */
const struct account *accounts_after(const struct accounts *accounts, const char *after);
size_t accounts_count(const struct accounts *accounts);

/* What is wrong with a new password for this account, as a sentence; NULL: nothing. */
const char *password_fault(const char *password, const char *account);
/* crypt(3) text of a new password, yescrypt; the caller owns it. NULL: libxcrypt has
 * refused, logged. */
char *password_hash(const char *password) USHER_MUST_CHECK;
/* hash NULL: an unknown account; takes the same time and is never true. */
bool password_matches(const char *password, const char *hash) USHER_MUST_CHECK;

#endif
