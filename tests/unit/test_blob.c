/* Files named by their content: base/blob. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/clock.h"

#define ABC                                                                              \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* FIPS 180   \
									    */

struct scene {
	char folder[64], problem[BLOB_PROBLEM];
	struct blobs *blobs;
};

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	assert_non_null(s);
	strcpy(s->folder, "/tmp/usher-blob-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	s->blobs = blobs_open(s->folder, s->problem);
	assert_non_null(s->blobs);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	blobs_close(s->blobs);
	nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s);
	return 0;
}

static int
count_new(const struct scene *s)
{
	char command[128];
	int n = -1;
	FILE *f;

	snprintf(command, sizeof command, "ls %s/blobs/new | wc -l", s->folder);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

static void
a_blob_is_named_by_its_content_and_read_back(void **state)
{
	struct scene *s = *state;
	char name[BLOB_NAME], *content;
	size_t n;
	int64_t size;
	int fd;

	assert_true(blob_put(s->blobs, "abc", 3, name, s->problem));
	assert_string_equal(name, ABC);
	content = blob_read(s->blobs, name, 3, &n);
	assert_non_null(content);
	assert_int_equal(n, 3);
	assert_string_equal(content, "abc");
	free(content);
	assert_null(blob_read(s->blobs, name, 2, &n));
	fd = blob_open(s->blobs, name, &size);
	assert_true(fd >= 0);
	assert_int_equal(size, 3);
	close(fd);
	assert_int_equal(count_new(s), 0);
}

static void
the_same_content_twice_is_one_file_and_pieces_do_not_matter(void **state)
{
	struct scene *s = *state;
	char name[BLOB_NAME], again[BLOB_NAME];
	struct blob_writer *w = blob_begin(s->blobs, 3, s->problem);
	struct blob_sweep swept;

	assert_non_null(w);
	assert_true(blob_add(w, "a", 1));
	assert_true(blob_add(w, "", 0));
	assert_true(blob_add(w, "bc", 2));
	assert_true(blob_end(w, name, s->problem));
	assert_true(blob_put(s->blobs, "abc", 3, again, s->problem));
	assert_string_equal(name, again);
	swept = blobs_sweep(s->blobs, 0);
	assert_int_equal(swept.seen, 1);
	assert_int_equal(swept.removed, 0);
}

static void
more_than_is_allowed_is_refused_and_leaves_nothing(void **state)
{
	struct scene *s = *state;
	struct blob_writer *w = blob_begin(s->blobs, 3, s->problem);
	char name[BLOB_NAME];

	assert_non_null(w);
	assert_true(blob_add(w, "abc", 3));
	assert_false(blob_add(w, "d", 1));
	assert_false(blob_add(w, "", 0)); /* what failed once stays so */
	assert_false(blob_end(w, name, s->problem));
	assert_non_null(strstr(s->problem, "larger"));
	assert_int_equal(count_new(s), 0);
	assert_int_equal(blobs_sweep(s->blobs, 0).seen, 0);
}

static void
names_that_are_no_hashes_reach_no_file(void **state)
{
	struct scene *s = *state;
	static const char *const wrong[] = {"", "..", "../../etc/passwd", "ba7816",
		"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
		ABC "0", "new/1"};
	size_t n;
	int64_t size;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_false(blob_name_is_valid(wrong[i]));
		assert_int_equal(blob_open(s->blobs, wrong[i], &size), -1);
		assert_null(blob_read(s->blobs, wrong[i], 100, &n));
		assert_false(blob_remove(s->blobs, wrong[i]));
	}
	assert_true(blob_name_is_valid(ABC));
	assert_int_equal(blob_open(s->blobs, ABC, &size), -1);
}

static void
a_removed_blob_is_gone_and_one_that_was_not_there_too(void **state)
{
	struct scene *s = *state;
	char name[BLOB_NAME];
	int64_t size;

	assert_true(blob_put(s->blobs, "abc", 3, name, s->problem));
	assert_true(blob_remove(s->blobs, name));
	assert_int_equal(blob_open(s->blobs, name, &size), -1);
	assert_true(blob_remove(s->blobs, name));
}

static void
a_start_clears_what_was_being_written(void **state)
{
	struct scene *s = *state;
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/blobs/new/17-1", s->folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(count_new(s), 1);
	blobs_close(s->blobs);
	s->blobs = blobs_open(s->folder, s->problem);
	assert_non_null(s->blobs);
	assert_int_equal(count_new(s), 0);
}

static bool
keeps_abc(void *owner, const char *name)
{
	(*(int *)owner)++;
	return strcmp(name, ABC) == 0;
}

static void
the_sweep_takes_what_is_old_and_named_by_nobody(void **state)
{
	struct scene *s = *state;
	char abc[BLOB_NAME], other[BLOB_NAME];
	int64_t later_ms = clock_wall_ms() + 60000, size;
	struct blob_sweep swept;
	int asked = 0, fd;

	blob_keep(s->blobs, keeps_abc, &asked);
	assert_true(blob_put(s->blobs, "abc", 3, abc, s->problem));
	assert_true(blob_put(s->blobs, "orphan", 6, other, s->problem));
	swept = blobs_sweep(s->blobs, later_ms - 120000); /* nothing is so old */
	assert_int_equal(swept.removed, 0);
	assert_int_equal(asked, 0);
	swept = blobs_sweep(s->blobs, later_ms);
	assert_int_equal(swept.seen, 2);
	assert_int_equal(swept.removed, 1);
	assert_int_equal(swept.removed_bytes, 6);
	assert_int_equal(asked, 2);
	assert_int_equal(blob_open(s->blobs, other, &size), -1);
	fd = blob_open(s->blobs, abc, &size);
	assert_true(fd >= 0);
	close(fd);
}

static void *
put_many(void *arg)
{
	struct scene *s = arg;
	char problem[BLOB_PROBLEM], name[BLOB_NAME], text[16];

	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof text, "number %d", i);
		if (!blob_put(s->blobs, text, strlen(text), name, problem))
			return s;
	}
	return NULL;
}

static void
threads_that_write_the_same_at_once_do_no_harm(void **state)
{
	struct scene *s = *state;
	pthread_t thread[4];
	void *failed;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, put_many, s), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(blobs_sweep(s->blobs, 0).seen, 20);
	assert_int_equal(count_new(s), 0);
}

static void
a_folder_that_cannot_be_made_is_told(void **state)
{
	char problem[BLOB_PROBLEM] = "";

	assert_null(blobs_open("/nonexistent/state", problem));
	assert_non_null(strstr(problem, "/nonexistent/state/blobs"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_blob_is_named_by_its_content_and_read_back),
		CASE(the_same_content_twice_is_one_file_and_pieces_do_not_matter),
		CASE(more_than_is_allowed_is_refused_and_leaves_nothing),
		CASE(names_that_are_no_hashes_reach_no_file),
		CASE(a_removed_blob_is_gone_and_one_that_was_not_there_too),
		CASE(a_start_clears_what_was_being_written),
		CASE(the_sweep_takes_what_is_old_and_named_by_nobody),
		CASE(threads_that_write_the_same_at_once_do_no_harm),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
