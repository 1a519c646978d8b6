/* plugins/http_directory/cache.h - answers kept for a while, the least lately used goes
 * first. Not for several threads at once. */
#ifndef HTTP_DIRECTORY_CACHE_H
#define HTTP_DIRECTORY_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;

/* NULL when memory is gone. */
struct cache *cache_create(size_t most);
void cache_destroy(struct cache *cache); /* NULL is fine */

/* The body kept for a key (borrowed until the next call); "" when it is known that nobody
 * is there. NULL: not kept, or too old. */
const char *cache_get(struct cache *cache, const char *key, int64_t now_ms);

/* Copies both; body "": nobody is there. Where memory is gone nothing is kept. */
void cache_put(struct cache *cache, const char *key, const char *body, int64_t until_ms);

size_t cache_count(const struct cache *cache);

#endif
