/* desk/keys.c - API keys; see keys.h. A key is kept as the JSON object of its line. */
#include "desk/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/moment.h"
#include "desk/ledger.h"
#include "desk/secret.h"

#define KEY_RATE_DEFAULT 100 /* contacts a second */
#define LIST_BYTES 102400    /* of one list, so that it fits a message */

struct key {
	json_t *line; /* owned: id, hash, name, allow, channels, queues, source, rate */
	const char *id, *hash, *source; /* into line */
	unsigned may;
	int64_t rate;		       /* contacts a second; 0: no cap */
	int64_t tokens_milli, last_ms; /* of the bucket; it holds two seconds' worth */
};

struct keys {
	struct ledger *ledger; /* owned */
	struct map by_id;      /* to struct key, owned */
};

static void
key_destroy(struct key *k)
{
	if (k == NULL)
		return;
	json_decref(k->line);
	free(k);
}

static unsigned
acts(const json_t *allow)
{
	unsigned may = 0;
	json_t *word;
	size_t i;

	json_array_foreach(allow, i, word)
	{
		const char *act = json_string_value(word);

		if (act != NULL && strcmp(act, "submit") == 0)
			may |= KEY_SUBMIT;
		if (act != NULL && strcmp(act, "read") == 0)
			may |= KEY_READ;
		if (act != NULL && strcmp(act, "cancel") == 0)
			may |= KEY_CANCEL;
	}
	return may;
}

static bool
read_line(void *owner, json_t *o)
{
	struct keys *ks = owner;
	const char *ended = json_string_value(json_object_get(o, "ended"));
	const char *id = json_string_value(json_object_get(o, "id"));
	const char *hash = json_string_value(json_object_get(o, "hash"));
	struct key *k;

	if (ended != NULL) {
		key_destroy(map_remove(&ks->by_id, ended));
		return true;
	}
	if (id == NULL || hash == NULL || strlen(hash) != SECRET_HASH_TEXT - 1)
		return false;
	k = xcalloc(1, sizeof *k);
	k->line = json_incref(o);
	k->id = id;
	k->hash = hash;
	k->source = json_string_value(json_object_get(o, "source"));
	k->may = acts(json_object_get(o, "allow"));
	k->rate = json_integer_value(json_object_get(o, "rate"));
	k->tokens_milli = 2000 * k->rate;
	key_destroy(map_put(&ks->by_id, id, k));
	return true;
}

struct keys *
keys_open(const char *state_directory)
{
	struct keys *ks = xcalloc(1, sizeof *ks);
	char *path = xasprintf("%s/keys", state_directory);

	ks->ledger = ledger_open(path, read_line, ks);
	free(path);
	if (ks->ledger == NULL) {
		keys_close(ks);
		return NULL;
	}
	return ks;
}

void
keys_close(struct keys *ks)
{
	size_t at = 0;
	void *k;

	if (ks == NULL)
		return;
	while (map_next(&ks->by_id, &at, NULL, &k))
		key_destroy(k);
	map_finish(&ks->by_id);
	ledger_close(ks->ledger);
	free(ks);
}

struct key *
keys_by_id(struct keys *ks, const char *id)
{
	return map_get(&ks->by_id, id);
}

struct key *
keys_check(struct keys *ks, const char *text)
{
	char id[32], hash[SECRET_HASH_TEXT];
	const char *dot = strchr(text, '.');
	struct key *k;

	if (dot == NULL || (size_t)(dot - text) >= sizeof id)
		return NULL;
	memcpy(id, text, (size_t)(dot - text));
	id[dot - text] = '\0';
	k = map_get(&ks->by_id, id);
	secret_hash(hash, dot + 1, strlen(dot + 1));
	return k != NULL && secret_same(hash, k->hash) ? k : NULL;
}

const char *
key_id(const struct key *key)
{
	return key->id;
}

const char *
key_source(const struct key *key)
{
	return key->source;
}

bool
key_may(const struct key *key, enum key_act act)
{
	return (key->may & act) != 0;
}

static bool
list_has(const json_t *list, const char *name)
{
	json_t *item;
	size_t i;

	if (json_array_size(list) == 0)
		return true;
	json_array_foreach(list, i, item)
	{
		if (name != NULL && strcmp(json_string_value(item), name) == 0)
			return true;
	}
	return false;
}

bool
key_takes(const struct key *key, const char *channel, const char *queue)
{
	return list_has(json_object_get(key->line, "channels"), channel) &&
	       list_has(json_object_get(key->line, "queues"), queue);
}

bool
key_spend(struct key *key, int64_t now_ms)
{
	if (key->rate == 0)
		return true;
	key->tokens_milli += (now_ms - key->last_ms) * key->rate;
	key->last_ms = now_ms;
	if (key->tokens_milli > 2000 * key->rate)
		key->tokens_milli = 2000 * key->rate;
	if (key->tokens_milli < 1000)
		return false;
	key->tokens_milli -= 1000;
	return true;
}

static void
take_over(json_t *line, const json_t *wish, const char *name)
{
	json_t *value = json_object_get(wish, name);

	if (value != NULL)
		json_object_set(line, name, value);
}

static json_t *
new_line(const json_t *wish, int64_t wall_ms, char text[KEY_TEXT])
{
	char id[13], secret[SECRET_TEXT], hash[SECRET_HASH_TEXT];
	json_t *line;

	secret_make(id, 6);
	secret_make(secret, SECRET_BYTES);
	secret_hash(hash, secret, strlen(secret));
	snprintf(text, KEY_TEXT, "k%s.%s", id, secret);
	line = json_pack("{s:s+, s:s, s:[sss], s:i, s:I}", "id", "k", id, "hash", hash,
		"allow", "submit", "read", "cancel", "rate", KEY_RATE_DEFAULT, "created",
		(json_int_t)wall_ms);
	take_over(line, wish, "name");
	take_over(line, wish, "channels");
	take_over(line, wish, "queues");
	take_over(line, wish, "source");
	take_over(line, wish, "rate");
	if (json_array_size(json_object_get(wish, "allow")) > 0)
		take_over(line, wish, "allow");
	return line;
}

bool
keys_make(struct keys *ks, int64_t wall_ms, const json_t *wish, char text[KEY_TEXT])
{
	struct text change = {0};
	json_t *line;
	bool ok;

	if (ks->by_id.n >= KEYS_MAX)
		return false;
	line = new_line(wish, wall_ms, text);
	ledger_add(&change, json_incref(line));
	ok = ledger_append(ks->ledger, &change) && read_line(ks, line);
	text_finish(&change);
	json_decref(line);
	return ok;
}

bool
keys_revoke(struct keys *ks, const char *id)
{
	struct text change = {0};
	bool ok;

	ledger_add(&change, json_pack("{s:s}", "ended", id));
	ok = ledger_append(ks->ledger, &change);
	text_finish(&change);
	if (ok)
		key_destroy(map_remove(&ks->by_id, id));
	return ok;
}

static const struct key *
key_after(const struct keys *ks, const char *after)
{
	const struct key *next = NULL;
	size_t at = 0;
	void *value;

	while (map_next(&ks->by_id, &at, NULL, &value)) {
		const struct key *k = value;

		if ((after == NULL || strcmp(k->id, after) > 0) &&
			(next == NULL || strcmp(k->id, next->id) < 0))
			next = k;
	}
	return next;
}

static json_t *
key_json(const struct key *k)
{
	json_t *one = json_copy(k->line);
	char created[MOMENT_TEXT];

	moment_format(created, json_integer_value(json_object_get(one, "created")));
	json_object_del(one, "created");
	json_object_set_new(one, "created_at", json_string(created));
	json_object_del(one, "hash");
	return one;
}

json_t *
keys_json(const struct keys *ks, const char *after, bool *more)
{
	const struct key *k = key_after(ks, after);
	json_t *list = json_array();
	size_t bytes = 0;

	for (; k != NULL && bytes < LIST_BYTES; k = key_after(ks, k->id)) {
		json_t *one = key_json(k);

		bytes += json_dumpb(one, NULL, 0, JSON_COMPACT);
		json_array_append_new(list, one);
	}
	*more = k != NULL;
	return list;
}
