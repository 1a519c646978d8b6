/* base/map.h - hash tables from text or 64-bit ids to pointers; open addressing, grows by
 * doubling. */
#ifndef USHER_BASE_MAP_H
#define USHER_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text keys. A zeroed struct is an empty table. Keys are copied; values are borrowed. */
struct map {
	struct map_slot *slot; /* owned */
	size_t n, room, graves;
};

void *map_get(const struct map *m, const char *key); /* NULL when absent */
void *map_put(struct map *m, const char *key,
	void *value); /* value not NULL; returns the old one or NULL */
void *map_remove(struct map *m, const char *key); /* returns the old one or NULL */
void map_finish(struct map *m);			  /* frees the keys, not the values */
/* Walks in no order: start with *at = 0; returns false at the end. The current entry may
 * be removed. */
bool map_next(const struct map *m, size_t *at, const char **key, void **value);

/* Ids; 0 and UINT64_MAX are not ids. A zeroed struct is an empty table. */
struct idmap {
	struct idmap_slot *slot; /* owned */
	size_t n, room, graves;
};

void *idmap_get(const struct idmap *m, uint64_t id);
void *idmap_put(struct idmap *m, uint64_t id, void *value);
void *idmap_remove(struct idmap *m, uint64_t id);
void idmap_finish(struct idmap *m);
bool idmap_next(const struct idmap *m, size_t *at, uint64_t *id, void **value);

#endif
