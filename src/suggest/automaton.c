/* suggest/automaton.c - a trie with failure links. */
#include "suggest/automaton.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/xalloc.h"

struct state {
	uint32_t parent, symbol; /* how it is reached */
	uint32_t fail;		 /* the longest proper suffix that is a state */
	uint32_t ends; /* the nearest state, by fail links, at which a phrase ends; 0:
			  none */
	int phrase;    /* that ends here; -1: none */
	int depth;
};

struct automaton {
	struct state *state; /* owned; [0] is the start */
	uint32_t n, room;
	struct idmap
		child; /* by state << 32 | symbol; the value is the state's number + 1 */
	int *length;   /* owned; symbols of each phrase */
	int n_phrases, room_phrases;
};

struct automaton *
automaton_create(void)
{
	struct automaton *a = xcalloc(1, sizeof *a);

	a->room = 64;
	a->state = xcalloc(a->room, sizeof *a->state);
	a->state[0].phrase = -1;
	a->n = 1;
	return a;
}

void
automaton_destroy(struct automaton *a)
{
	if (a == NULL)
		return;
	idmap_finish(&a->child);
	free(a->state);
	free(a->length);
	free(a);
}

static uint64_t
edge(uint32_t state, uint32_t symbol)
{
	return (uint64_t)state << 32 | symbol;
}

/* 0: there is no such child; the start is nobody's. */
static uint32_t
child(const struct automaton *a, uint32_t state, uint32_t symbol)
{
	uintptr_t found =
		symbol != 0 ? (uintptr_t)idmap_get(&a->child, edge(state, symbol)) : 0;

	return (uint32_t)found;
}

static uint32_t
add_child(struct automaton *a, uint32_t state, uint32_t symbol)
{
	if (a->n == a->room) {
		a->room *= 2;
		a->state = xreallocarray(a->state, a->room, sizeof *a->state);
	}
	a->state[a->n] = (struct state){.parent = state,
		.symbol = symbol,
		.phrase = -1,
		.depth = a->state[state].depth + 1};
	idmap_put(&a->child, edge(state, symbol), (void *)(uintptr_t)a->n);
	return a->n++;
}

static int
new_phrase(struct automaton *a, int n)
{
	if (a->n_phrases == a->room_phrases) {
		a->room_phrases = 2 * a->room_phrases + 16;
		a->length = xreallocarray(
			a->length, (size_t)a->room_phrases, sizeof *a->length);
	}
	a->length[a->n_phrases] = n;
	return a->n_phrases++;
}

int
automaton_add(struct automaton *a, const uint32_t *symbol, int n)
{
	uint32_t at = AUTOMATON_START;

	for (int i = 0; i < n; i++) {
		uint32_t next = child(a, at, symbol[i]);

		if (next == 0 && a->n == AUTOMATON_STATES_MAX)
			return -1;
		at = next != 0 ? next : add_child(a, at, symbol[i]);
	}
	if (a->state[at].phrase < 0)
		a->state[at].phrase = new_phrase(a, n);
	return a->state[at].phrase;
}

uint32_t
automaton_step(const struct automaton *a, uint32_t state, uint32_t symbol)
{
	uint32_t next;

	while ((next = child(a, state, symbol)) == 0 && state != AUTOMATON_START)
		state = a->state[state].fail;
	return next;
}

/* States by depth: a failure link leads to one that is less deep, so is ready. */
static uint32_t *
by_depth(const struct automaton *a)
{
	uint32_t *order = xcalloc(a->n, sizeof *order), *begin;
	int deepest = 0;

	for (uint32_t i = 0; i < a->n; i++)
		if (a->state[i].depth > deepest)
			deepest = a->state[i].depth;
	begin = xcalloc((size_t)deepest + 2, sizeof *begin);
	for (uint32_t i = 0; i < a->n; i++)
		begin[a->state[i].depth + 1]++;
	for (int d = 1; d <= deepest; d++)
		begin[d] += begin[d - 1];
	for (uint32_t i = 0; i < a->n; i++)
		order[begin[a->state[i].depth]++] = i;
	free(begin);
	return order;
}

void
automaton_build(struct automaton *a)
{
	uint32_t *order = by_depth(a);

	for (uint32_t i = 1; i < a->n; i++) {
		struct state *s = &a->state[order[i]];
		const struct state *fail;

		if (s->depth > 1)
			s->fail = automaton_step(a, a->state[s->parent].fail, s->symbol);
		fail = &a->state[s->fail];
		s->ends = fail->phrase >= 0 ? s->fail : fail->ends;
	}
	free(order);
}

int
automaton_phrases(const struct automaton *a)
{
	return a->n_phrases;
}

int
automaton_length(const struct automaton *a, int phrase)
{
	return a->length[phrase];
}

int
automaton_next(const struct automaton *a, uint32_t *state, int phrase)
{
	/* The state's own phrase first, then those at the ends of its suffixes. */
	if (phrase < 0 && a->state[*state].phrase >= 0)
		return a->state[*state].phrase;
	*state = a->state[*state].ends;
	return *state != 0 ? a->state[*state].phrase : -1;
}
