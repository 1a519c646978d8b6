/* desk/backoff.c - wrong passwords make the next try wait; see backoff.h. */
#include "desk/backoff.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

struct
try {
	int failures;
	int64_t last_ms;
};

#define KEY_MAX (ID_MAX + 80)

static const char *
key_of(char out[KEY_MAX], const char *name, const char *address)
{
	snprintf(out, KEY_MAX, "%.64s %.64s", name, address);
	return out;
}

static int64_t
wait_of(const struct try *t, int64_t now_ms, int free_tries)
{
	int64_t wait_ms = BACKOFF_FIRST_MS;

	if (t == NULL || t->failures < free_tries ||
		now_ms - t->last_ms >= BACKOFF_FORGET_MS)
		return 0;
	for (int i = free_tries; i < t->failures && wait_ms < BACKOFF_MOST_MS; i++)
		wait_ms *= 2;
	if (wait_ms > BACKOFF_MOST_MS)
		wait_ms = BACKOFF_MOST_MS;
	wait_ms -= now_ms - t->last_ms;
	return wait_ms > 0 ? wait_ms : 0;
}

int64_t
backoff_wait_ms(
	const struct backoff *b, int64_t now_ms, const char *name, const char *address)
{
	char key[KEY_MAX];
	int64_t own = wait_of(
		map_get(&b->tries, key_of(key, name, address)), now_ms, BACKOFF_FREE);
	int64_t all = wait_of(map_get(&b->tries, key_of(key, "*", address)), now_ms,
		BACKOFF_FREE_ADDRESS);

	return own > all ? own : all;
}

/* Makes room: drops what is forgotten anyway, or else the oldest. */
static void
shrink(struct backoff *b, int64_t now_ms)
{
	const char *key, *oldest = NULL;
	int64_t oldest_ms = INT64_MAX;
	size_t at = 0;
	void *value;

	while (map_next(&b->tries, &at, &key, &value)) {
		struct try *t = value;

		if (now_ms - t->last_ms >= BACKOFF_FORGET_MS) {
			free(map_remove(&b->tries, key));
		} else if (t->last_ms < oldest_ms) {
			oldest_ms = t->last_ms;
			oldest = key;
		}
	}
	if (b->tries.n >= BACKOFF_ENTRIES_MAX && oldest != NULL)
		free(map_remove(&b->tries, oldest));
}

static void
count(struct backoff *b, int64_t now_ms, const char *key)
{
	struct try *t = map_get(&b->tries, key);

	if (t == NULL) {
		if (b->tries.n >= BACKOFF_ENTRIES_MAX)
			shrink(b, now_ms);
		t = xcalloc(1, sizeof *t);
		map_put(&b->tries, key, t);
	}
	if (now_ms - t->last_ms >= BACKOFF_FORGET_MS)
		t->failures = 0;
	t->failures++;
	t->last_ms = now_ms;
}

void
backoff_failed(struct backoff *b, int64_t now_ms, const char *name, const char *address)
{
	char key[KEY_MAX];

	count(b, now_ms, key_of(key, name, address));
	count(b, now_ms, key_of(key, "*", address));
}

void
backoff_passed(struct backoff *b, const char *name, const char *address)
{
	char key[KEY_MAX];

	free(map_remove(&b->tries, key_of(key, name, address)));
}

void
backoff_finish(struct backoff *b)
{
	size_t at = 0;
	void *value;

	while (map_next(&b->tries, &at, NULL, &value))
		free(value);
	map_finish(&b->tries);
}
