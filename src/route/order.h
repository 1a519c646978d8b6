/*
 * route/order.h - the waiting contacts of a class in (d, t0, id) order: sorted chunks of
 * sorted entries.
 *
 * Insertion near the end (the usual case) and removal at the front are O(1); elsewhere a
 * binary search and a move of at most ORDER_CHUNK entries. Rank costs one pass over the
 * chunks' counts.
 */
#ifndef USHER_ROUTE_ORDER_H
#define USHER_ROUTE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_CHUNK 128 /* entries */

struct order_key {
	int64_t d_ms;  /* deadline, Unix ms */
	int64_t t0_ms; /* ties: the earlier one first, */
	uint64_t id;   /* then the smaller id (ROUTING 9) */
};

struct order_entry {
	struct order_key key;
	void *item; /* borrowed */
};

/* Its live entries are [from, from + n), so the front is cut off for free. These numbers
 * lie beside those of the other chunks: nothing is fetched from memory to find an entry.
 */
struct order_chunk {
	struct order_entry *entry; /* owned; room for ORDER_CHUNK */
	uint32_t from, n;
};

/* A zeroed struct is empty. */
struct order {
	struct order_chunk *chunk; /* owned */
	size_t n_chunks, room;
	size_t n; /* entries */
};

/* A place; valid until the next insertion or removal. */
struct order_at {
	size_t chunk, slot;
};

int order_compare(const struct order_key *a, const struct order_key *b);
void order_insert(struct order *o, struct order_key key,
	void *item); /* the key must not be there yet */
bool order_remove(struct order *o, struct order_key key); /* false: was not there */
void order_finish(struct order *o);

/* NULL at the end. */
const struct order_entry *order_first(const struct order *o, struct order_at *at);
const struct order_entry *order_next(const struct order *o, struct order_at *at);
/* First entry with d >= d_ms. */
const struct order_entry *order_from(
	const struct order *o, int64_t d_ms, struct order_at *at);
/* The entry of that rank; *chunk and *base carry the search on (start with 0, 0). rank <
 * n. */
const struct order_entry *order_nth(
	const struct order *o, size_t rank, size_t *chunk, size_t *base);
/* How many entries stand before the first one with key >= key. */
size_t order_rank(const struct order *o, struct order_key key);

#endif
