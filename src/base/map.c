/* base/map.c - open addressing with linear probing; a removed slot leaves a grave until
 * the next growth. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define MAP_LEAST_ROOM 16 /* slots; a power of two */

struct map_slot {
	char *key;   /* owned; NULL and no value: empty; NULL and a value: a grave */
	void *value; /* borrowed */
	uint64_t hash;
};

struct idmap_slot {
	uint64_t id; /* 0: empty; UINT64_MAX: a grave */
	void *value; /* borrowed */
};

static char grave; /* its address marks graves */

/* FNV-1a with a final mix; keys from outside are bounded, and tables are kept half empty.
 */
static uint64_t
hash_text(const char *key)
{
	uint64_t h = 14695981039346656037u;

	for (const unsigned char *p = (const unsigned char *)key; *p != '\0'; p++)
		h = (h ^ *p) * 1099511628211u;
	return h ^ (h >> 29);
}

static uint64_t
hash_id(uint64_t id)
{
	id = (id ^ (id >> 31)) * 0x9e3779b97f4a7c15u;
	return id ^ (id >> 32);
}

static struct map_slot *
find(const struct map *m, const char *key, uint64_t hash)
{
	if (m->room == 0)
		return NULL;
	for (size_t i = hash & (m->room - 1);; i = (i + 1) & (m->room - 1)) {
		struct map_slot *s = &m->slot[i];

		if (s->key == NULL && s->value == NULL)
			return NULL;
		if (s->key != NULL && s->hash == hash && strcmp(s->key, key) == 0)
			return s;
	}
}

static struct map_slot *
free_slot(struct map_slot *slot, size_t room, uint64_t hash)
{
	size_t i = hash & (room - 1);

	while (slot[i].key != NULL)
		i = (i + 1) & (room - 1);
	return &slot[i];
}

static void
grow(struct map *m)
{
	size_t room = MAP_LEAST_ROOM;
	struct map_slot *slot;

	if ((m->n + m->graves + 1) * 2 <= m->room)
		return;
	while (room < (m->n + 1) * 4)
		room *= 2;
	slot = xcalloc(room, sizeof *slot);
	for (size_t i = 0; i < m->room; i++)
		if (m->slot[i].key != NULL)
			*free_slot(slot, room, m->slot[i].hash) = m->slot[i];
	free(m->slot);
	m->slot = slot;
	m->room = room;
	m->graves = 0;
}

void *
map_get(const struct map *m, const char *key)
{
	struct map_slot *s = find(m, key, hash_text(key));

	return s != NULL ? s->value : NULL;
}

void *
map_put(struct map *m, const char *key, void *value)
{
	uint64_t hash = hash_text(key);
	struct map_slot *s = find(m, key, hash);
	void *old = NULL;

	if (s != NULL) {
		old = s->value;
		s->value = value;
		return old;
	}
	grow(m);
	s = free_slot(m->slot, m->room, hash);
	if (s->value == &grave)
		m->graves--;
	*s = (struct map_slot){.key = xstrdup(key), .value = value, .hash = hash};
	m->n++;
	return NULL;
}

void *
map_remove(struct map *m, const char *key)
{
	struct map_slot *s = find(m, key, hash_text(key));
	void *old;

	if (s == NULL)
		return NULL;
	old = s->value;
	free(s->key);
	*s = (struct map_slot){.value = &grave};
	m->n--;
	m->graves++;
	return old;
}

void
map_finish(struct map *m)
{
	for (size_t i = 0; i < m->room; i++)
		free(m->slot[i].key);
	free(m->slot);
	*m = (struct map){0};
}

bool
map_next(const struct map *m, size_t *at, const char **key, void **value)
{
	for (; *at < m->room; (*at)++) {
		const struct map_slot *s = &m->slot[*at];

		if (s->key == NULL)
			continue;
		if (key != NULL)
			*key = s->key;
		if (value != NULL)
			*value = s->value;
		(*at)++;
		return true;
	}
	return false;
}

static struct idmap_slot *
id_find(const struct idmap *m, uint64_t id)
{
	if (m->room == 0 || id == 0 || id == UINT64_MAX)
		return NULL;
	for (size_t i = hash_id(id) & (m->room - 1);; i = (i + 1) & (m->room - 1)) {
		if (m->slot[i].id == 0)
			return NULL;
		if (m->slot[i].id == id)
			return &m->slot[i];
	}
}

static struct idmap_slot *
id_free_slot(struct idmap_slot *slot, size_t room, uint64_t id)
{
	size_t i = hash_id(id) & (room - 1);

	while (slot[i].id != 0 && slot[i].id != UINT64_MAX)
		i = (i + 1) & (room - 1);
	return &slot[i];
}

static void
id_grow(struct idmap *m)
{
	size_t room = MAP_LEAST_ROOM;
	struct idmap_slot *slot;

	if ((m->n + m->graves + 1) * 2 <= m->room)
		return;
	while (room < (m->n + 1) * 4)
		room *= 2;
	slot = xcalloc(room, sizeof *slot);
	for (size_t i = 0; i < m->room; i++)
		if (m->slot[i].id != 0 && m->slot[i].id != UINT64_MAX)
			*id_free_slot(slot, room, m->slot[i].id) = m->slot[i];
	free(m->slot);
	m->slot = slot;
	m->room = room;
	m->graves = 0;
}

void *
idmap_get(const struct idmap *m, uint64_t id)
{
	struct idmap_slot *s = id_find(m, id);

	return s != NULL ? s->value : NULL;
}

void *
idmap_put(struct idmap *m, uint64_t id, void *value)
{
	struct idmap_slot *s = id_find(m, id);
	void *old = NULL;

	if (s != NULL) {
		old = s->value;
		s->value = value;
		return old;
	}
	id_grow(m);
	s = id_free_slot(m->slot, m->room, id);
	if (s->id == UINT64_MAX)
		m->graves--;
	*s = (struct idmap_slot){.id = id, .value = value};
	m->n++;
	return NULL;
}

void *
idmap_remove(struct idmap *m, uint64_t id)
{
	struct idmap_slot *s = id_find(m, id);
	void *old;

	if (s == NULL)
		return NULL;
	old = s->value;
	*s = (struct idmap_slot){.id = UINT64_MAX};
	m->n--;
	m->graves++;
	return old;
}

void
idmap_finish(struct idmap *m)
{
	free(m->slot);
	*m = (struct idmap){0};
}

bool
idmap_next(const struct idmap *m, size_t *at, uint64_t *id, void **value)
{
	for (; *at < m->room; (*at)++) {
		const struct idmap_slot *s = &m->slot[*at];

		if (s->id == 0 || s->id == UINT64_MAX)
			continue;
		if (id != NULL)
			*id = s->id;
		if (value != NULL)
			*value = s->value;
		(*at)++;
		return true;
	}
	return false;
}
