/* plugins/line/calls.c - times of calls, in a table that grows. */
#include "calls.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64

static size_t
hash(const char *id)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	for (; *id != '\0'; id++)
		h = (h ^ (unsigned char)*id) * UINT64_C(1099511628211);
	return (size_t)(h ^ (h >> 32));
}

static void *
alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		abort();
	return p;
}

struct call_times *
times_find(const struct calls *c, const char *id)
{
	struct call_times *t = c->n_slots > 0 ? c->slot[hash(id) % c->n_slots] : NULL;

	while (t != NULL && strcmp(t->id, id) != 0)
		t = t->next;
	return t;
}

static void
grow(struct calls *c)
{
	size_t n = c->n_slots > 0 ? 2 * c->n_slots : SLOTS_FIRST;
	struct call_times **slot = alloc(n, sizeof(struct call_times *));

	for (size_t i = 0; i < c->n_slots; i++) {
		struct call_times *next;

		for (struct call_times *t = c->slot[i]; t != NULL; t = next) {
			struct call_times **place = &slot[hash(t->id) % n];

			next = t->next;
			t->next = *place;
			*place = t;
		}
	}
	free(c->slot);
	c->slot = slot;
	c->n_slots = n;
}

struct call_times *
times_have(struct calls *c, const char *id)
{
	struct call_times *t = times_find(c, id), **place;

	if (t != NULL || c->n >= CALLS_MAX || strlen(id) >= CALLS_ID)
		return t;
	if (c->n >= c->n_slots)
		grow(c);
	place = &c->slot[hash(id) % c->n_slots];
	t = alloc(1, sizeof(*t));
	memcpy(t->id, id, strlen(id) + 1);
	t->next = *place;
	*place = t;
	c->n++;
	return t;
}

void
times_drop(struct calls *c, const char *id)
{
	struct call_times **place =
		c->n_slots > 0 ? &c->slot[hash(id) % c->n_slots] : NULL;

	while (place != NULL && *place != NULL && strcmp((*place)->id, id) != 0)
		place = &(*place)->next;
	if (place != NULL && *place != NULL) {
		struct call_times *t = *place;

		*place = t->next;
		free(t);
		c->n--;
	}
}

void
times_finish(struct calls *c)
{
	for (size_t i = 0; i < c->n_slots; i++) {
		struct call_times *next;

		for (struct call_times *t = c->slot[i]; t != NULL; t = next) {
			next = t->next;
			free(t);
		}
	}
	free(c->slot);
	*c = (struct calls){0};
}

/* ---- times; a moment that is not known, or goes back, adds nothing ---- */

static void
add(int64_t *total, int64_t since, int64_t at_us)
{
	if (since > 0 && at_us > since)
		*total += at_us - since;
}

void
times_talks(struct call_times *t, int64_t at_us)
{
	t->put_through = true;
	if (t->talking++ == 0)
		t->talk_since = at_us;
}

void
times_talks_no_more(struct call_times *t, int64_t at_us)
{
	if (t->talking > 0 && --t->talking == 0)
		add(&t->talk_us, t->talk_since, at_us);
}

void
times_held(struct call_times *t, int64_t at_us)
{
	if (t->holding++ == 0)
		t->hold_since = at_us;
}

void
times_retrieved(struct call_times *t, int64_t at_us)
{
	if (t->holding > 0 && --t->holding == 0)
		add(&t->hold_us, t->hold_since, at_us);
}

void
times_alone(struct call_times *t, int64_t at_us)
{
	if (t->talking > 0)
		add(&t->talk_us, t->talk_since, at_us);
	if (t->holding > 0)
		add(&t->hold_us, t->hold_since, at_us);
	t->talking = t->holding = 0;
}
