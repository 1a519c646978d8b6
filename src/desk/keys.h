/*
 * desk/keys.h - API keys of intakes: "id.secret", the secret kept as SHA-256 in
 * STATE/keys, with what the key may do (RELIABILITY S9).
 */
#ifndef USHER_DESK_KEYS_H
#define USHER_DESK_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

#define KEYS_MAX 10000
#define KEY_SCOPE_MAX 64 /* channels or queues of one key */
#define KEY_RATE_MAX 100000
#define KEY_TEXT 128 /* "k" and 12 digits, a dot, 64 digits, and the NUL fit */

enum key_act {
	KEY_SUBMIT = 1,
	KEY_READ = 2,
	KEY_CANCEL = 4
};

struct key; /* one key */
struct keys;

struct keys *keys_open(const char *state_directory) USHER_MUST_CHECK;
void keys_close(struct keys *keys);

/* The key behind "id.secret"; NULL: none such. Borrowed until a key is revoked. */
struct key *keys_check(struct keys *keys, const char *text);
struct key *keys_by_id(struct keys *keys, const char *id);

const char *key_id(const struct key *key);
const char *key_source(const struct key *key); /* NULL: any */
bool key_may(const struct key *key, enum key_act act);
/* Scopes by name; a key without a list takes all. queue NULL: not known yet, allowed only
 * when the key has no list of queues. */
bool key_takes(const struct key *key, const char *channel, const char *queue);
/* Pays for one contact at boot time now_ms; false: beyond the key's rate. */
bool key_spend(struct key *key, int64_t now_ms);

/*
 * keys_make - a new key.
 *
 * wish     {name, allow, channels, queues, source, rate}, all optional, checked by the
 *          command's table
 * text     "id.secret", for the asker's eyes only
 * Returns  false: KEYS_MAX, or the disk
 */
bool keys_make(struct keys *keys, int64_t wall_ms, const json_t *wish,
	char text[KEY_TEXT]) USHER_MUST_CHECK;
bool keys_revoke(struct keys *keys, const char *id); /* false: the disk */
/* A list without secrets, in the order of ids, behind `after` (NULL: from the first); the
 * caller's. It ends at about 100 KiB: then *more. */
json_t *keys_json(const struct keys *keys, const char *after, bool *more);

#endif
