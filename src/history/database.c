/*
 * history/database.c - writes in batches on one thread, reads on others.
 *
 * A batch is one job of a worker pool with a single thread: it takes what waits, commits
 * it as one transaction, and its `done` tells each write on the loop. What could not be
 * committed stays first in line and is tried again by a timer, so the order holds and
 * nothing sleeps on the thread.
 */
#include "history/database.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/worker.h"
#include "history/database_inner.h"

#define READERS_MAX 16
#define SAY_AGAIN_MS 60000   /* a failure that lasts is logged so often */
#define COMPACT_AGAIN_MS 500 /* while somebody reads in the log */

struct write {
	struct write *next;
	bool (*work)(struct database_session *s, void *arg);
	void (*done)(void *arg, enum database_result result);
	void *arg; /* borrowed */
	int64_t asked_ms;
	int64_t patience_ms; /* 0: for ever */
	bool kept;
};

struct write_list {
	struct write *first, **last;
	int n;
};

struct read {
	struct database *db;
	bool (*work)(struct database_session *s, void *arg);
	void (*done)(void *arg, enum database_result result);
	void *arg; /* borrowed */
	enum database_result result;
};

struct database {
	struct database_settings settings;
	char *path; /* owned */
	struct worker_pool *writer_pool, *reader_pool;
	struct database_session *writer; /* the writer thread's while it works */
	struct event *again;		 /* after a failure */
	struct event *compact_again;	 /* when the log could not be emptied */

	/* the loop's */
	struct write_list waiting;
	struct write_list batch; /* the writer thread's while `working` */
	bool working, closing;
	bool compact, compacting; /* the log is emptied after the next batch */
	struct database_figures figures;
	int64_t said_ms;

	/* results of a batch, the thread's while `working` */
	enum backend_result committed;
	bool compacted;
	char why[160];

	pthread_mutex_t lock; /* over the readers' connections, reads and last_read_us */
	struct database_session *idle[READERS_MAX];
	int n_idle;
	uint64_t reads;
	int64_t last_read_us;
};

static void
list_init(struct write_list *list)
{
	list->first = NULL;
	list->last = &list->first;
	list->n = 0;
}

static void
list_add(struct write_list *list, struct write *write)
{
	write->next = NULL;
	*list->last = write;
	list->last = &write->next;
	list->n++;
}

static struct write *
list_take(struct write_list *list)
{
	struct write *write = list->first;

	if (write == NULL)
		return NULL;
	list->first = write->next;
	if (list->first == NULL)
		list->last = &list->first;
	list->n--;
	return write;
}

/* ---- writing ---- */

/* On the writer's thread. */
static void
work_batch(void *arg)
{
	struct database *db = arg;
	enum backend_result r = backend_begin(db->writer, false);

	for (struct write *w = db->batch.first; w != NULL && r != BACKEND_AWAY;
		w = w->next) {
		w->kept = false;
		r = backend_job(db->writer, w->work, w->arg, &w->kept);
	}
	/* A job that was undone is not the batch's failure. */
	if (r != BACKEND_AWAY)
		r = backend_commit(db->writer);
	db->compacted = r == BACKEND_OK && db->compacting && backend_compact(db->writer);
	if (r != BACKEND_OK) {
		snprintf(db->why, sizeof db->why, "%s", backend_why(db->writer));
		backend_roll_back(db->writer);
	}
	db->committed = r;
}

static void
tell(struct write *write, enum database_result result)
{
	if (write->done != NULL)
		write->done(write->arg, result);
	free(write);
}

static void
tell_batch(struct database *db)
{
	struct write *write;

	db->figures.batches++;
	while ((write = list_take(&db->batch)) != NULL) {
		if (write->kept)
			db->figures.written++;
		else
			db->figures.undone++;
		tell(write, write->kept ? DATABASE_OK : DATABASE_UNDONE);
	}
}

/* Impatient writes are told; the others stay where they are. */
static void
drop_impatient(struct write_list *list, int64_t now_ms)
{
	struct write_list stay;
	struct write *write;

	list_init(&stay);
	while ((write = list_take(list)) != NULL) {
		if (write->patience_ms == 0 ||
			now_ms - write->asked_ms < write->patience_ms)
			list_add(&stay, write);
		else
			tell(write, DATABASE_AWAY);
	}
	*list = stay;
	if (stay.first == NULL)
		list->last = &list->first;
}

static void
say_away(struct database *db, int64_t now_ms)
{
	db->figures.retries++;
	snprintf(db->figures.why, sizeof db->figures.why, "%s", db->why);
	if (db->figures.away && now_ms - db->said_ms < SAY_AGAIN_MS)
		return;
	db->said_ms = now_ms;
	log_error("database: cannot write, trying again waiting=%d why=\"%s\"",
		db->batch.n + db->waiting.n, db->why);
	db->figures.away = true;
}

static void start_batch(struct database *db);

static void
on_compact_again(evutil_socket_t fd, short what, void *arg)
{
	database_compact(arg);
}

/* On the loop. */
static void
batch_done(void *arg)
{
	struct database *db = arg;
	int64_t now_ms = clock_boot_ms();
	struct timeval wait = {(time_t)(db->settings.retry_ms / 1000),
		(suseconds_t)(db->settings.retry_ms % 1000 * 1000)};
	struct timeval compact = {0, COMPACT_AGAIN_MS * 1000};

	/* What was deleted is in the log until it is emptied: a reader delays that. */
	if (db->compacting && !db->compacted)
		event_add(db->compact_again, &compact);
	/* Whoever is told may write at once: that waits for the next batch, not in the
	 * list of this one. */
	if (db->committed == BACKEND_OK) {
		if (db->figures.away)
			log_info("database: writes again waiting=%d",
				db->batch.n + db->waiting.n);
		db->figures.away = false;
		db->figures.why[0] = '\0';
		tell_batch(db);
		db->working = false;
		start_batch(db);
		return;
	}
	say_away(db, now_ms);
	drop_impatient(&db->batch, now_ms);
	drop_impatient(&db->waiting, now_ms);
	db->working = false;
	event_add(db->again, &wait);
}

static void
start_batch(struct database *db)
{
	if (db->working || db->closing)
		return;
	while (db->batch.n < DATABASE_BATCH_MAX && db->waiting.n > 0)
		list_add(&db->batch, list_take(&db->waiting));
	if (db->batch.n == 0 && !db->compact)
		return;
	db->compacting = db->compact;
	db->compact = false;
	db->committed = BACKEND_AWAY; /* until it is */
	db->working = worker_run(db->writer_pool, work_batch, batch_done, db);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	start_batch(arg);
}

bool
database_write(struct database *db, bool (*work)(struct database_session *s, void *arg),
	void (*done)(void *arg, enum database_result result), void *arg,
	int64_t patience_ms)
{
	struct write *write;

	if (db->closing || db->waiting.n >= DATABASE_JOBS_MAX)
		return false;
	write = xcalloc(1, sizeof *write);
	*write = (struct write){.work = work,
		.done = done,
		.arg = arg,
		.asked_ms = clock_boot_ms(),
		.patience_ms = patience_ms};
	list_add(&db->waiting, write);
	/* While it fails the timer decides, so that a full disk is not asked each time.
	 */
	if (!event_pending(db->again, EV_TIMEOUT, NULL))
		start_batch(db);
	return true;
}

void
database_compact(struct database *db)
{
	db->compact = true;
	if (!event_pending(db->again, EV_TIMEOUT, NULL))
		start_batch(db);
}

/* ---- reading ---- */

static struct database_session *
take_reader(struct database *db)
{
	struct database_session *s = NULL;
	char error[200];

	pthread_mutex_lock(&db->lock);
	if (db->n_idle > 0)
		s = db->idle[--db->n_idle];
	pthread_mutex_unlock(&db->lock);
	if (s == NULL) {
		s = backend_open(&db->settings, true, error, sizeof error);
		if (s == NULL)
			log_error("database: %s", error);
	}
	return s;
}

static void
give_reader(struct database *db, struct database_session *s, int64_t took_us)
{
	pthread_mutex_lock(&db->lock);
	db->reads++;
	db->last_read_us = took_us;
	if (db->n_idle < READERS_MAX) {
		db->idle[db->n_idle++] = s;
		s = NULL;
	}
	pthread_mutex_unlock(&db->lock);
	backend_close(s);
}

/* On a reader's thread. */
static void
work_read(void *arg)
{
	struct read *read = arg;
	int64_t began_us = clock_boot_us();
	struct database_session *s = take_reader(read->db);
	bool good;

	read->result = DATABASE_AWAY;
	if (s == NULL)
		return;
	if (backend_begin(s, true) == BACKEND_OK) {
		good = read->work(s, read->arg);
		if (session_failed(s))
			read->result = DATABASE_AWAY;
		else
			read->result = good ? DATABASE_OK : DATABASE_UNDONE;
	}
	backend_roll_back(s); /* it read only */
	give_reader(read->db, s, clock_boot_us() - began_us);
}

static void
read_done(void *arg)
{
	struct read *read = arg;

	if (read->done != NULL)
		read->done(read->arg, read->result);
	free(read);
}

bool
database_read(struct database *db, bool (*work)(struct database_session *s, void *arg),
	void (*done)(void *arg, enum database_result result), void *arg)
{
	struct read *read;

	if (db->closing)
		return false;
	read = xcalloc(1, sizeof *read);
	*read = (struct read){.db = db, .work = work, .done = done, .arg = arg};
	if (worker_run(db->reader_pool, work_read, read_done, read))
		return true;
	free(read);
	return false;
}

/* ---- life ---- */

static bool
upgrade(struct database *db, const struct database_group *groups, int n_groups,
	char *error, size_t room)
{
	for (int i = 0; i < n_groups; i++)
		if (!backend_upgrade(db->writer, &groups[i], error, room))
			return false;
	return true;
}

struct database *
database_open(struct event_base *base, const struct database_settings *settings,
	const struct database_group *groups, int n_groups, char *error, size_t room)
{
	struct database *db = xcalloc(1, sizeof *db);

	db->path = xstrdup(settings->path);
	db->settings = *settings;
	db->settings.path = db->path;
	list_init(&db->waiting);
	list_init(&db->batch);
	pthread_mutex_init(&db->lock, NULL);
	db->writer = backend_open(&db->settings, false, error, room);
	if (db->writer == NULL || !upgrade(db, groups, n_groups, error, room))
		goto fail_database;
	db->writer_pool = worker_pool_create(base, 1, 1);
	db->reader_pool = worker_pool_create(base, settings->readers, DATABASE_READS_MAX);
	if (db->writer_pool == NULL || db->reader_pool == NULL) {
		snprintf(error, room, "no threads for the database");
		goto fail_database;
	}
	worker_pool_stand_back(db->writer_pool);
	db->again = evtimer_new(base, on_again, db);
	db->compact_again = evtimer_new(base, on_compact_again, db);
	return db;
fail_database:
	database_close(db);
	return NULL;
}

static void
drop_read(void *arg)
{
	struct read *read = arg;

	read->result = DATABASE_AWAY;
	read_done(read);
}

/* What waits still is tried once, on this thread. */
static void
flush(struct database *db)
{
	struct write *write;

	if (db->working && db->committed == BACKEND_OK)
		tell_batch(db); /* committed, but the loop did not turn any more */
	db->working = false;
	do {
		while (db->batch.n < DATABASE_BATCH_MAX && db->waiting.n > 0)
			list_add(&db->batch, list_take(&db->waiting));
		if (db->batch.n == 0)
			return;
		work_batch(db);
		if (db->committed == BACKEND_OK)
			tell_batch(db);
	} while (db->committed == BACKEND_OK);
	log_error("database: closed with writes not made n=%d why=\"%s\"",
		db->batch.n + db->waiting.n, db->why);
	while ((write = list_take(&db->batch)) != NULL ||
		(write = list_take(&db->waiting)) != NULL)
		tell(write, DATABASE_AWAY);
}

static void
drop_nothing(void *arg)
{
}

void
database_close(struct database *db)
{
	if (db == NULL)
		return;
	db->closing = true;
	worker_pool_destroy(db->writer_pool, drop_nothing);
	worker_pool_destroy(db->reader_pool, drop_read);
	if (db->writer != NULL)
		flush(db);
	for (int i = 0; i < db->n_idle; i++)
		backend_close(db->idle[i]);
	backend_close(db->writer);
	if (db->again != NULL)
		event_free(db->again);
	if (db->compact_again != NULL)
		event_free(db->compact_again);
	pthread_mutex_destroy(&db->lock);
	free(db->path);
	free(db);
}

enum database_result
database_use(struct database *db, bool (*work)(struct database_session *s, void *arg),
	void *arg)
{
	struct write one = {.work = work, .arg = arg};
	enum database_result result = DATABASE_AWAY;

	if (backend_begin(db->writer, false) == BACKEND_OK &&
		backend_job(db->writer, work, arg, &one.kept) != BACKEND_AWAY &&
		backend_commit(db->writer) == BACKEND_OK)
		result = one.kept ? DATABASE_OK : DATABASE_UNDONE;
	else
		backend_roll_back(db->writer);
	return result;
}

static int64_t
bytes_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

void
database_figures(const struct database *db, struct database_figures *out)
{
	struct database *locked = (struct database *)(uintptr_t)db;
	char *log = xasprintf("%s-wal", db->path);
	int64_t oldest_ms = 0;

	*out = db->figures;
	out->waiting = db->batch.n + db->waiting.n;
	/* While a batch is worked on its list is read, not changed. */
	if (db->batch.n > 0)
		oldest_ms = db->batch.first->asked_ms;
	else if (db->waiting.n > 0)
		oldest_ms = db->waiting.first->asked_ms;
	out->lag_ms = oldest_ms != 0 ? clock_boot_ms() - oldest_ms : 0;
	out->file_bytes = bytes_of(db->path) + bytes_of(log);
	pthread_mutex_lock(&locked->lock);
	out->reads = db->reads;
	out->last_read_us = db->last_read_us;
	pthread_mutex_unlock(&locked->lock);
	free(log);
}
