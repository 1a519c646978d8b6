/* plugins/http_directory/cache.c - a chained hash table and a list by use. */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *chain;	     /* of its slot */
	struct entry *older, *newer; /* by use */
	int64_t until_ms;
	char *key, *body; /* owned */
};

struct cache {
	size_t most, n, n_slots;
	struct entry **slot;
	struct entry *oldest, *newest;
};

/* FNV-1a, 64 bits. */
static uint64_t
hash(const char *key)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
	return h;
}

struct cache *
cache_create(size_t most)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->most = most;
	c->n_slots = most + most / 2 + 1;
	c->slot = calloc(c->n_slots, sizeof(c->slot[0]));
	if (c->slot == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

static void
unlink_use(struct cache *c, struct entry *e)
{
	*(e->older != NULL ? &e->older->newer : &c->oldest) = e->newer;
	*(e->newer != NULL ? &e->newer->older : &c->newest) = e->older;
	e->older = e->newer = NULL;
}

static void
link_newest(struct cache *c, struct entry *e)
{
	e->older = c->newest;
	*(c->newest != NULL ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void
drop(struct cache *c, struct entry *e)
{
	struct entry **at = &c->slot[hash(e->key) % c->n_slots];

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	unlink_use(c, e);
	free(e->key);
	free(e->body);
	free(e);
	c->n--;
}

void
cache_destroy(struct cache *c)
{
	if (c == NULL)
		return;
	while (c->oldest != NULL)
		drop(c, c->oldest);
	free(c->slot);
	free(c);
}

static struct entry *
find(const struct cache *c, const char *key)
{
	struct entry *e = c->slot[hash(key) % c->n_slots];

	while (e != NULL && strcmp(e->key, key) != 0)
		e = e->chain;
	return e;
}

const char *
cache_get(struct cache *c, const char *key, int64_t now_ms)
{
	struct entry *e = find(c, key);

	if (e == NULL)
		return NULL;
	if (e->until_ms <= now_ms) {
		drop(c, e);
		return NULL;
	}
	unlink_use(c, e);
	link_newest(c, e);
	return e->body;
}

void
cache_put(struct cache *c, const char *key, const char *body, int64_t until_ms)
{
	struct entry *e = find(c, key);

	if (e != NULL)
		drop(c, e);
	if (c->most == 0)
		return;
	if (c->n == c->most)
		drop(c, c->oldest);
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return;
	e->key = strdup(key);
	e->body = strdup(body);
	if (e->key == NULL || e->body == NULL) {
		free(e->key);
		free(e->body);
		free(e);
		return;
	}
	e->until_ms = until_ms;
	e->chain = c->slot[hash(key) % c->n_slots];
	c->slot[hash(key) % c->n_slots] = e;
	link_newest(c, e);
	c->n++;
}

size_t
cache_count(const struct cache *c)
{
	return c->n;
}
