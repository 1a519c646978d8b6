/*
 * base/worker.c - a bounded queue, threads, and an eventfd that wakes the loop.
 *
 *   worker_run -> waiting -> (thread: work) -> finished -> (loop: done)
 */
#include "base/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define THREADS_MAX 64
#define MODEST_NICE 10 /* about a tenth of a processor that is fought for */

struct job {
	struct job *next;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg; /* borrowed */
};

struct job_list {
	struct job *first, **last;
};

struct worker_pool {
	pthread_mutex_t lock; /* over all below but the event */
	pthread_cond_t more;
	struct job_list waiting, finished; /* owned */
	int n_waiting, queue_most;
	bool stopping, modest;
	int n_threads;
	pthread_t threads[THREADS_MAX];
	int wake; /* eventfd; threads write, the loop reads */
	struct event *woken;
};

static void
list_init(struct job_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void
list_add(struct job_list *list, struct job *job)
{
	job->next = NULL;
	*list->last = job;
	list->last = &job->next;
}

static struct job *
list_take(struct job_list *list)
{
	struct job *job = list->first;

	if (job == NULL)
		return NULL;
	list->first = job->next;
	if (list->first == NULL)
		list->last = &list->first;
	return job;
}

static void
wake_loop(struct worker_pool *pool)
{
	uint64_t one = 1;

	/* It can fail only when the counter is full: then the loop is awake anyway. */
	if (write(pool->wake, &one, sizeof one) < 0 && errno != EAGAIN)
		log_error("worker: cannot wake the loop: %s", strerror(errno));
}

/* On Linux a priority is a thread's. Where it is forbidden, nothing is lost but the
 * modesty. */
void
thread_stand_back(void)
{
	if (setpriority(PRIO_PROCESS, (id_t)gettid(), MODEST_NICE) != 0)
		log_info("worker: priority stays as it is: %s", strerror(errno));
}

static void *
run(void *arg)
{
	struct worker_pool *pool = arg;
	struct job *job;
	bool modest = false;

	pthread_mutex_lock(&pool->lock);
	while (!pool->stopping) {
		if (pool->modest && !modest) {
			modest = true;
			thread_stand_back();
		}
		job = list_take(&pool->waiting);
		if (job == NULL) {
			pthread_cond_wait(&pool->more, &pool->lock);
			continue;
		}
		pool->n_waiting--;
		pthread_mutex_unlock(&pool->lock);
		job->work(job->arg);
		pthread_mutex_lock(&pool->lock);
		list_add(&pool->finished, job);
		wake_loop(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static struct job *
take_finished(struct worker_pool *pool)
{
	struct job *job;

	pthread_mutex_lock(&pool->lock);
	job = list_take(&pool->finished);
	pthread_mutex_unlock(&pool->lock);
	return job;
}

static void
on_woken(evutil_socket_t fd, short what, void *arg)
{
	struct worker_pool *pool = arg;
	struct job *job;
	uint64_t n;

	if (read(pool->wake, &n, sizeof n) < 0 && errno != EAGAIN)
		log_error("worker: cannot read the wake-up: %s", strerror(errno));
	while ((job = take_finished(pool)) != NULL) {
		job->done(job->arg);
		free(job);
	}
}

bool
worker_run(struct worker_pool *pool, void (*work)(void *arg), void (*done)(void *arg),
	void *arg)
{
	struct job *job = xcalloc(1, sizeof *job);
	bool room;

	*job = (struct job){.work = work, .done = done, .arg = arg};
	pthread_mutex_lock(&pool->lock);
	room = pool->n_waiting < pool->queue_most && !pool->stopping;
	if (room) {
		list_add(&pool->waiting, job);
		pool->n_waiting++;
		pthread_cond_signal(&pool->more);
	}
	pthread_mutex_unlock(&pool->lock);
	if (!room)
		free(job);
	return room;
}

/* Signals are the loop's: no thread of ours takes them. */
static int
start_thread(struct worker_pool *pool)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&pool->threads[pool->n_threads], NULL, run, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		pool->n_threads++;
	return error;
}

struct worker_pool *
worker_pool_create(struct event_base *base, int n, int queue_most)
{
	struct worker_pool *pool = xcalloc(1, sizeof *pool);

	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->more, NULL);
	list_init(&pool->waiting);
	list_init(&pool->finished);
	pool->queue_most = queue_most;
	pool->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (pool->wake < 0) {
		log_error("worker: no eventfd: %s", strerror(errno));
		worker_pool_destroy(pool, NULL);
		return NULL;
	}
	pool->woken = event_new(base, pool->wake, EV_READ | EV_PERSIST, on_woken, pool);
	event_add(pool->woken, NULL);
	for (int i = 0; i < n && i < THREADS_MAX; i++) {
		int error = start_thread(pool);

		if (error != 0) {
			log_error("worker: no thread: %s", strerror(error));
			worker_pool_destroy(pool, NULL);
			return NULL;
		}
	}
	return pool;
}

void
worker_pool_stand_back(struct worker_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->modest = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->lock);
}

static void
drop_all(struct job_list *list, void (*drop)(void *arg))
{
	struct job *job;

	while ((job = list_take(list)) != NULL) {
		if (drop != NULL)
			drop(job->arg);
		free(job);
	}
}

/* Asks the threads to end and waits for them, until end (NULL: for ever). */
static bool
join_all(struct worker_pool *pool, const struct timespec *end)
{
	bool all = true;

	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->n_threads; i++) {
		if (end == NULL)
			pthread_join(pool->threads[i], NULL);
		else if (pthread_timedjoin_np(pool->threads[i], NULL, end) != 0) {
			pthread_detach(pool->threads[i]);
			all = false;
		}
	}
	return all;
}

static void
free_pool(struct worker_pool *pool)
{
	if (pool->woken != NULL)
		event_free(pool->woken);
	if (pool->wake >= 0)
		close(pool->wake);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void
worker_pool_destroy(struct worker_pool *pool, void (*drop)(void *arg))
{
	if (pool == NULL)
		return;
	join_all(pool, NULL);
	drop_all(&pool->finished, drop);
	drop_all(&pool->waiting, drop);
	free_pool(pool);
}

bool
worker_pool_end(struct worker_pool *pool, void (*drop)(void *arg), int64_t wait_ms)
{
	struct timespec end;

	if (pool == NULL)
		return true;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += (time_t)(wait_ms / 1000);
	end.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	if (join_all(pool, &end)) {
		drop_all(&pool->finished, drop);
		drop_all(&pool->waiting, drop);
		free_pool(pool);
		return true;
	}
	/* A thread still uses the pool and wakes a loop that is no more: the descriptor
	 * stays, nobody reads it. */
	pthread_mutex_lock(&pool->lock);
	drop_all(&pool->finished, drop);
	drop_all(&pool->waiting, drop);
	pthread_mutex_unlock(&pool->lock);
	event_free(pool->woken);
	pool->woken = NULL;
	return false;
}
