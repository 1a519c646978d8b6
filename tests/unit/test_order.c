/* The members of a class against a sorted array: inserted, removed, walked, counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "route/order.h"

#define MOST 1500 /* over ten chunks */
#define STEPS 30000

static struct order_key sorted[MOST + 1];
static size_t n;

static size_t
place_of(struct order_key key)
{
	size_t i = 0;

	while (i < n && order_compare(&sorted[i], &key) < 0)
		i++;
	return i;
}

static void
insert(struct order *o, struct order_key key)
{
	size_t i = place_of(key);

	memmove(&sorted[i + 1], &sorted[i], (n - i) * sizeof sorted[0]);
	sorted[i] = key;
	n++;
	order_insert(o, key, (void *)(uintptr_t)key.id);
}

static void
take(struct order *o, size_t i)
{
	assert_true(order_remove(o, sorted[i]));
	assert_false(order_remove(o, sorted[i]));
	n--;
	memmove(&sorted[i], &sorted[i + 1], (n - i) * sizeof sorted[0]);
}

/* Deadlines and arrivals of few values: ties are the rule here. */
static struct order_key
some_key(uint64_t id)
{
	return (struct order_key){.d_ms = rand() % 400, .t0_ms = rand() % 5, .id = id};
}

static void
is_the_same(const struct order *o)
{
	struct order_at at;
	const struct order_entry *e = order_first(o, &at);
	size_t chunk = 0, base = 0;

	assert_int_equal(o->n, n);
	for (size_t i = 0; i < n; i++, e = order_next(o, &at)) {
		assert_non_null(e);
		assert_int_equal(order_compare(&e->key, &sorted[i]), 0);
		assert_int_equal((uintptr_t)e->item, sorted[i].id);
		assert_ptr_equal(order_nth(o, i, &chunk, &base), e);
		assert_int_equal(order_rank(o, sorted[i]), i);
	}
	assert_true(e == NULL);
	for (size_t i = n; i-- > 0;) /* a search goes back as well */
		assert_int_equal(
			order_compare(&order_nth(o, i, &chunk, &base)->key, &sorted[i]),
			0);
	for (int64_t d = -1; d <= 401; d += 3) {
		size_t i = place_of((struct order_key){d, INT64_MIN, 0});

		e = order_from(o, d, &at);
		if (i == n)
			assert_null(e);
		else
			assert_int_equal(order_compare(&e->key, &sorted[i]), 0);
	}
}

static void
members_stand_as_in_a_sorted_array(void **state)
{
	struct order o = {0};
	uint64_t id = 0;

	(void)state;
	srand(11);
	for (int step = 0; step < STEPS; step++) {
		bool fills = step / 5000 % 2 == 0;

		if (n < MOST && (n == 0 || rand() % 100 < (fills ? 70 : 25)))
			insert(&o, some_key(++id));
		else /* the head mostly, as a router does; now and then anyone */
			take(&o, rand() % 3 != 0 ? 0 : (size_t)rand() % n);
		if (step % 1500 == 0)
			is_the_same(&o);
	}
	is_the_same(&o);
	while (n > 0)
		take(&o, n - 1);
	is_the_same(&o);
	order_finish(&o);
}

static void
arrivals_go_to_the_end_and_heads_come_from_the_front(void **state)
{
	struct order o = {0};
	uint64_t id = 0;

	(void)state;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 300 && n < MOST; i++) {
			id++;
			insert(&o, (struct order_key){.d_ms = (int64_t)id, .id = id});
		}
		for (int i = 0; i < 250; i++)
			take(&o, 0);
		/* One comes back to its old place, before all others. */
		insert(&o, (struct order_key){.d_ms = -round, .id = ++id});
		is_the_same(&o);
	}
	while (n > 0)
		take(&o, 0);
	order_finish(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_stand_as_in_a_sorted_array),
		cmocka_unit_test(arrivals_go_to_the_end_and_heads_come_from_the_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
