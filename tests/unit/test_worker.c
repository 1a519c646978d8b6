/* Threads for what blocks: base/worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/worker.h"

#define JOBS 2000

struct bench {
	struct event_base *base;
	struct worker_pool *pool;
	pthread_t loop;
	int done, dropped, others;
	sem_t started, go;
};

struct job {
	struct bench *bench;
	int in, out;
};

static void
square(void *arg)
{
	struct job *job = arg;

	job->out = job->in * job->in;
	if (!pthread_equal(pthread_self(), job->bench->loop))
		__atomic_add_fetch(&job->bench->others, 1, __ATOMIC_RELAXED);
}

static void
count(void *arg)
{
	struct job *job = arg;
	struct bench *b = job->bench;

	assert_int_equal(job->out, job->in * job->in);
	assert_true(pthread_equal(pthread_self(), b->loop));
	free(job);
	if (++b->done == JOBS)
		event_base_loopbreak(b->base);
}

static void
hold(void *arg)
{
	struct job *job = arg;

	sem_post(&job->bench->started);
	sem_wait(&job->bench->go);
}

static void
drop(void *arg)
{
	struct job *job = arg;

	job->bench->dropped++;
	free(job);
}

static struct job *
new_job(struct bench *b, int in)
{
	struct job *job = calloc(1, sizeof *job);

	*job = (struct job){.bench = b, .in = in};
	return job;
}

static int
begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	b->base = event_base_new();
	b->loop = pthread_self();
	sem_init(&b->started, 0, 0);
	sem_init(&b->go, 0, 0);
	*state = b;
	return 0;
}

static int
end(void **state)
{
	struct bench *b = *state;

	event_base_free(b->base);
	sem_destroy(&b->started);
	sem_destroy(&b->go);
	free(b);
	return 0;
}

static void
work_is_done_elsewhere_and_told_on_the_loop(void **state)
{
	struct bench *b = *state;

	b->pool = worker_pool_create(b->base, 4, JOBS);
	assert_non_null(b->pool);
	for (int i = 0; i < JOBS; i++)
		assert_true(worker_run(b->pool, square, count, new_job(b, i)));
	event_base_dispatch(b->base);
	assert_int_equal(b->done, JOBS);
	assert_int_equal(b->others, JOBS);
	worker_pool_destroy(b->pool, drop);
	assert_int_equal(b->dropped, 0);
}

static void
a_full_queue_says_so_and_what_is_left_is_dropped(void **state)
{
	struct bench *b = *state;
	struct job *extra = new_job(b, 9);

	b->pool = worker_pool_create(b->base, 1, 2);
	assert_non_null(b->pool);
	assert_true(worker_run(b->pool, hold, count, new_job(b, 0)));
	sem_wait(&b->started); /* it is no longer waiting */
	assert_true(worker_run(b->pool, square, count, new_job(b, 1)));
	assert_true(worker_run(b->pool, square, count, new_job(b, 2)));
	assert_false(worker_run(b->pool, square, count, extra));
	free(extra);
	sem_post(&b->go);
	worker_pool_destroy(b->pool, drop);
	assert_int_equal(b->done, 0);
	assert_int_equal(b->dropped, 3);
}

static void
nothing_is_a_pool_that_can_be_destroyed(void **state)
{
	worker_pool_destroy(NULL, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			work_is_done_elsewhere_and_told_on_the_loop, begin, end),
		cmocka_unit_test_setup_teardown(
			a_full_queue_says_so_and_what_is_left_is_dropped, begin, end),
		cmocka_unit_test(nothing_is_a_pool_that_can_be_destroyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
