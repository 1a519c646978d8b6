/*
 * base/worker.h - threads for what blocks (password hashing, SQLite, mail); the loop
 * never waits for them.
 */
#ifndef USHER_BASE_WORKER_H
#define USHER_BASE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/xalloc.h"

struct event_base;
struct worker_pool;

/*
 * worker_pool_create - starts the threads.
 *
 * base        the loop on which `done` is called; borrowed
 * n           threads, 1..64
 * queue_most  jobs that may wait beside those being worked on; > 0
 * Returns     owned by the caller; NULL with the reason logged when threads are not to be
 *             had
 */
struct worker_pool *worker_pool_create(
	struct event_base *base, int n, int queue_most) USHER_MUST_CHECK;

/*
 * worker_pool_stand_back - from now on its threads leave the processor to the loop and to
 * Redis when there is not enough of it: for work that may be late.
 */
void worker_pool_stand_back(struct worker_pool *pool);
/* The same for the calling thread alone. */
void thread_stand_back(void);

/*
 * worker_pool_destroy - waits for the jobs being worked on, drops the others.
 *
 * drop    called on this thread for the arg of each job whose `done` was not called, so
 *         that it can be freed; NULL: none is
 */
void worker_pool_destroy(struct worker_pool *pool, void (*drop)(void *arg));

/*
 * worker_pool_end - the same, but does not wait for ever: threads that still work after
 * wait_ms are left to themselves, with their jobs and the pool, until the process ends.
 *
 * Returns  false when there were such
 */
bool worker_pool_end(struct worker_pool *pool, void (*drop)(void *arg), int64_t wait_ms);

/*
 * worker_run - has `work` called on a thread and then `done` on the loop's, in the order
 * in which the work ends.
 *
 * arg      handed to both; until done it belongs to the worker
 * Returns  false: the queue is full, nothing will be called; say "try again later"
 */
bool worker_run(struct worker_pool *pool, void (*work)(void *arg),
	void (*done)(void *arg), void *arg) USHER_MUST_CHECK;

#endif
