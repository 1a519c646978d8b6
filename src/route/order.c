/* route/order.c - sorted chunks of sorted entries. */
#include "route/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

int
order_compare(const struct order_key *a, const struct order_key *b)
{
	if (a->d_ms != b->d_ms)
		return a->d_ms < b->d_ms ? -1 : 1;
	if (a->t0_ms != b->t0_ms)
		return a->t0_ms < b->t0_ms ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return 0;
}

static const struct order_entry *
last_of(const struct order_chunk *c)
{
	return &c->entry[c->from + c->n - 1];
}

/* The first chunk whose last entry is >= key; n_chunks when there is none. */
static size_t
find_chunk(const struct order *o, const struct order_key *key)
{
	size_t low = 0, high = o->n_chunks;

	/* Arrivals come in order: look at the end first. */
	if (high == 0 || order_compare(&last_of(&o->chunk[high - 1])->key, key) < 0)
		return high;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (order_compare(&last_of(&o->chunk[middle])->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first slot (from 0) of c with an entry >= key. Its ends are looked at first: heads
 * are taken from the front, arrivals go to the back, and what lies between is not in the
 * cache. */
static size_t
find_slot(const struct order_chunk *c, const struct order_key *key)
{
	size_t low = 0, high = c->n;

	if (high == 0 || order_compare(&c->entry[c->from].key, key) >= 0)
		return 0;
	if (order_compare(&last_of(c)->key, key) < 0)
		return high;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (order_compare(&c->entry[c->from + middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct order_chunk *
add_chunk(struct order *o, size_t at)
{
	if (o->n_chunks == o->room) {
		o->room = o->room != 0 ? o->room * 2 : 4;
		o->chunk = xreallocarray(o->chunk, o->room, sizeof o->chunk[0]);
	}
	memmove(&o->chunk[at + 1], &o->chunk[at],
		(o->n_chunks - at) * sizeof o->chunk[0]);
	o->chunk[at] = (struct order_chunk){
		.entry = xmalloc(ORDER_CHUNK * sizeof(struct order_entry))};
	o->n_chunks++;
	return &o->chunk[at];
}

/* Makes room in a full chunk by moving its upper half to a new one. */
static void
split(struct order *o, size_t at)
{
	struct order_chunk *upper = add_chunk(o, at + 1);
	struct order_chunk *c = &o->chunk[at];
	uint32_t half = c->n / 2;

	upper->n = c->n - half;
	memcpy(upper->entry, &c->entry[c->from + half], upper->n * sizeof c->entry[0]);
	c->n = half;
}

/* Makes room for one more at that slot (0 to c->n) of a chunk that is not full. */
static struct order_entry *
open_slot(struct order_chunk *c, size_t slot)
{
	if (slot == 0 && c->from > 0) {
		c->from--; /* the room that removals at the front have left */
	} else {
		if (c->from + c->n == ORDER_CHUNK) {
			memmove(c->entry, &c->entry[c->from], c->n * sizeof c->entry[0]);
			c->from = 0;
		}
		memmove(&c->entry[c->from + slot + 1], &c->entry[c->from + slot],
			(c->n - slot) * sizeof c->entry[0]);
	}
	c->n++;
	return &c->entry[c->from + slot];
}

void
order_insert(struct order *o, struct order_key key, void *item)
{
	size_t at = find_chunk(o, &key), slot;

	if (at == o->n_chunks) {
		/* Behind all: append, in a new chunk when the last one is full. */
		if (at == 0 || o->chunk[at - 1].n == ORDER_CHUNK)
			add_chunk(o, at);
		else
			at--;
		slot = o->chunk[at].n;
	} else {
		if (o->chunk[at].n == ORDER_CHUNK) {
			split(o, at);
			if (order_compare(&last_of(&o->chunk[at])->key, &key) < 0)
				at++;
		}
		slot = find_slot(&o->chunk[at], &key);
	}
	*open_slot(&o->chunk[at], slot) = (struct order_entry){key, item};
	o->n++;
}

bool
order_remove(struct order *o, struct order_key key)
{
	size_t at = 0, slot;
	struct order_chunk *c;

	if (o->n_chunks == 0)
		return false;
	if (order_compare(&o->chunk[0].entry[o->chunk[0].from].key, &key) != 0)
		at = find_chunk(o, &key);
	if (at == o->n_chunks)
		return false;
	c = &o->chunk[at];
	slot = find_slot(c, &key);
	if (slot == c->n || order_compare(&c->entry[c->from + slot].key, &key) != 0)
		return false;
	if (slot == 0)
		c->from++;
	else
		memmove(&c->entry[c->from + slot], &c->entry[c->from + slot + 1],
			(c->n - slot - 1) * sizeof c->entry[0]);
	c->n--;
	o->n--;
	if (c->n == 0) {
		free(c->entry);
		o->n_chunks--;
		memmove(c, c + 1, (o->n_chunks - at) * sizeof *c);
	}
	return true;
}

void
order_finish(struct order *o)
{
	for (size_t i = 0; i < o->n_chunks; i++)
		free(o->chunk[i].entry);
	free(o->chunk);
	*o = (struct order){0};
}

const struct order_entry *
order_first(const struct order *o, struct order_at *at)
{
	*at = (struct order_at){0, 0};
	return o->n != 0 ? &o->chunk[0].entry[o->chunk[0].from] : NULL;
}

const struct order_entry *
order_next(const struct order *o, struct order_at *at)
{
	if (++at->slot == o->chunk[at->chunk].n) {
		at->slot = 0;
		if (++at->chunk == o->n_chunks)
			return NULL;
	}
	return &o->chunk[at->chunk].entry[o->chunk[at->chunk].from + at->slot];
}

const struct order_entry *
order_from(const struct order *o, int64_t d_ms, struct order_at *at)
{
	struct order_key key = {d_ms, INT64_MIN, 0};
	const struct order_chunk *c;

	at->chunk = find_chunk(o, &key);
	if (at->chunk == o->n_chunks)
		return NULL;
	c = &o->chunk[at->chunk];
	at->slot = find_slot(c, &key);
	return &c->entry[c->from + at->slot];
}

size_t
order_rank(const struct order *o, struct order_key key)
{
	size_t at = find_chunk(o, &key), before = 0;

	for (size_t i = 0; i < at; i++)
		before += o->chunk[i].n;
	return at < o->n_chunks ? before + find_slot(&o->chunk[at], &key) : before;
}

const struct order_entry *
order_nth(const struct order *o, size_t rank, size_t *chunk, size_t *base)
{
	while (rank < *base)
		*base -= o->chunk[--*chunk].n;
	while (rank >= *base + o->chunk[*chunk].n)
		*base += o->chunk[(*chunk)++].n;
	return &o->chunk[*chunk].entry[o->chunk[*chunk].from + (rank - *base)];
}
