/* Both tables against an array that is looked through: nothing is lost, doubled or kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"

#define KEYS 700     /* so few that each is put and removed many times */
#define STEPS 200000 /* with growth and graves on the way */

static int value[2][KEYS]; /* what may stand in a table: their addresses */

static void
key_of(char out[16], int i)
{
	snprintf(out, 16, "%s-%d", i % 3 == 0 ? "q" : "agent", i);
}

static void
text_keys_are_kept_as_an_array_keeps_them(void **state)
{
	struct map m = {0};
	void *held[KEYS] = {0}, *found;
	size_t n = 0, at = 0, walked = 0;
	const char *key;
	char text[16];

	(void)state;
	srand(7);
	for (int step = 0; step < STEPS; step++) {
		int i = rand() % KEYS;
		void *mine = &value[step % 2][i];

		key_of(text, i);
		assert_ptr_equal(map_get(&m, text), held[i]);
		/* It fills up, empties, and fills again. */
		if (rand() % 100 < (step / 20000 % 2 == 0 ? 60 : 30)) {
			assert_ptr_equal(map_put(&m, text, mine), held[i]);
			n += held[i] == NULL;
			held[i] = mine;
		} else {
			assert_ptr_equal(map_remove(&m, text), held[i]);
			n -= held[i] != NULL;
			held[i] = NULL;
		}
		assert_int_equal(m.n, n);
	}
	while (map_next(&m, &at, &key, &found)) {
		int i = atoi(strchr(key, '-') + 1);

		key_of(text, i);
		assert_string_equal(key, text);
		assert_ptr_equal(found, held[i]);
		walked++;
		if (walked % 2 == 0) /* the current one may go while one walks */
			assert_ptr_equal(map_remove(&m, text), found);
	}
	assert_int_equal(walked, n);
	assert_int_equal(m.n, n - n / 2);
	map_finish(&m);
	assert_null(map_get(&m, "q-0"));
}

static void
ids_are_kept_as_an_array_keeps_them(void **state)
{
	/* Neighbours, and ids that differ in their upper bits alone, as epochs do. */
	const uint64_t step_of[] = {1, UINT64_C(1) << 36};
	size_t walked, at;
	uint64_t id;
	void *found;

	(void)state;
	srand(8);
	for (int kind = 0; kind < 2; kind++) {
		struct idmap m = {0};
		void *held[KEYS] = {0};
		size_t n = 0;

		for (int step = 0; step < STEPS; step++) {
			int i = rand() % KEYS;
			void *mine = &value[step % 2][i];

			id = ((uint64_t)i + 1) * step_of[kind];
			assert_ptr_equal(idmap_get(&m, id), held[i]);
			if (rand() % 100 < (step / 20000 % 2 == 0 ? 60 : 30)) {
				assert_ptr_equal(idmap_put(&m, id, mine), held[i]);
				n += held[i] == NULL;
				held[i] = mine;
			} else {
				assert_ptr_equal(idmap_remove(&m, id), held[i]);
				n -= held[i] != NULL;
				held[i] = NULL;
			}
			assert_int_equal(m.n, n);
		}
		for (at = walked = 0; idmap_next(&m, &at, &id, &found); walked++)
			assert_ptr_equal(found, held[id / step_of[kind] - 1]);
		assert_int_equal(walked, n);
		idmap_finish(&m);
	}
}

static void
an_empty_table_has_nothing(void **state)
{
	struct map m = {0};
	struct idmap ids = {0};
	size_t at = 0;
	const char *key;
	uint64_t id;
	void *found;

	(void)state;
	assert_null(map_get(&m, ""));
	assert_null(map_remove(&m, "x"));
	assert_false(map_next(&m, &at, &key, &found));
	at = 0;
	assert_null(idmap_get(&ids, 1));
	assert_null(idmap_remove(&ids, 1));
	assert_false(idmap_next(&ids, &at, &id, &found));
	assert_null(map_put(&m, "", &at)); /* the empty text is a key */
	assert_ptr_equal(map_get(&m, ""), &at);
	map_finish(&m);
	idmap_finish(&ids);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_keys_are_kept_as_an_array_keeps_them),
		cmocka_unit_test(ids_are_kept_as_an_array_keeps_them),
		cmocka_unit_test(an_empty_table_has_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
