/*
 * history/database.h - the relational store of customers and contact records: one writer
 * thread that batches, readers on threads of their own; the loop never waits for either.
 *
 *   database_write -> waiting -> (thread: one transaction of many) -> committed -> done
 *                                 \-> locked, full, broken disk: kept, tried again
 *   database_read  -> (thread: one consistent view) -> done
 *
 * Today's back end is SQLite in WAL mode (database.c alone includes sqlite3.h). Queries
 * are written in what SQLite and PostgreSQL have in common: parameters $1, $2,
 * ..., ON CONFLICT, no rowid tricks; only the schema files are the back end's own.
 *
 * The tables form groups, each with a schema file of its own and a version of its own, so
 * that one can change without the other.
 */
#ifndef USHER_HISTORY_DATABASE_H
#define USHER_HISTORY_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

#define DATABASE_JOBS_MAX 65536 /* writes that may wait; further ones are refused */
#define DATABASE_BATCH_MAX 2048 /* writes of one transaction */
#define DATABASE_READS_MAX 8192 /* reads that may wait; further ones are refused */
#define DATABASE_GROUPS_MAX 8

struct database;
struct database_session; /* a connection during one job; never kept */
struct query;
struct event_base;

/*
 * A group of tables. `schema` is the text of its file: sections that start with a line
 * "-- version N" (N = 1, 2, ... without gaps); each takes the group from N - 1 to N in
 * one transaction.
 */
struct database_group {
	const char *name;   /* [a-z_]+; names it in the table of versions */
	const char *schema; /* static */
};

enum database_result {
	DATABASE_OK,
	DATABASE_UNDONE, /* the job returned false or broke a constraint: nothing of it
			    was written */
	DATABASE_AWAY,	 /* locked, full or broken for longer than its patience: nothing
			    of it was written */
};

/* Where it may read and write. */
struct database_settings {
	const char *path; /* of the file; ":memory:" is refused: readers share the file */
	int readers;	  /* threads, 1..16 */
	int64_t busy_ms;  /* how long a thread waits for another program's lock */
	int64_t retry_ms; /* between tries of a batch that could not be committed */
	bool full_sync;	  /* each commit reaches the disk (synchronous=FULL) */
};

/*
 * database_open - opens or makes the file, upgrades each group. On the calling thread:
 * before the loop turns.
 *
 * base     the loop on which `done` is called; borrowed
 * groups   borrowed for the call
 * Returns  owned by the caller; NULL with a sentence in error: what is wrong, what to do
 */
struct database *database_open(struct event_base *base,
	const struct database_settings *settings, const struct database_group *groups,
	int n_groups, char *error, size_t room) USHER_MUST_CHECK;

/* Carries out the writes that still wait (one try), ends the threads. done is called for
 * each write with its result, on this thread; NULL is fine. */
void database_close(struct database *db);

/*
 * database_write - has `work` called on the writer's thread inside a transaction, and
 * then `done` on the loop, in the order of the calls.
 *
 * work        may be called again when the transaction could not be committed: it changes
 *             nothing but the database and its own results. False: undo what it wrote.
 * done        NULL: nobody wants to know
 * patience_ms how long it is tried while the file is locked, full or broken; 0: for ever
 * Returns     false: DATABASE_JOBS_MAX wait already; nothing will be called
 */
bool database_write(struct database *db,
	bool (*work)(struct database_session *s, void *arg),
	void (*done)(void *arg, enum database_result result), void *arg,
	int64_t patience_ms) USHER_MUST_CHECK;

/* The same for reading, on a reader's thread: what work sees is one moment's view. Reads
 * run beside each other and end in any order. */
bool database_read(struct database *db,
	bool (*work)(struct database_session *s, void *arg),
	void (*done)(void *arg, enum database_result result), void *arg) USHER_MUST_CHECK;

/* Has what was deleted leave the files of the back end too, soon (after an erasure). */
void database_compact(struct database *db);

/* How it stands, for status and metrics. */
struct database_figures {
	uint64_t written, undone, batches, retries; /* writes since start */
	uint64_t reads;
	int waiting;	      /* writes not yet committed */
	int64_t lag_ms;	      /* age of the oldest of them */
	bool away;	      /* the last try failed */
	char why[160];	      /* of that failure; "" */
	int64_t file_bytes;   /* of the file and its log; 0: unknown */
	int64_t last_read_us; /* of the last read's work */
};
void database_figures(const struct database *db, struct database_figures *out);

/* ---- within a job ---- */

/*
 * query_start - begins a statement; sql is a string constant, prepared once a connection.
 *
 * A session that has failed does nothing more: queries give no rows, and the job is
 * undone whatever it returns. So callers need not check each call.
 */
struct query *query_start(struct database_session *s, const char *sql);
/* Parameters, i from 1. Text is copied; NULL gives null. */
void query_put_int(struct query *q, int i, int64_t value);
void query_put_text(struct query *q, int i, const char *value);
void query_put_number(struct query *q, int i, double value); /* NAN gives null */
/* The next row; false at the end. */
bool query_row(struct query *q);
/* Columns of the row, i from 0. Null is 0, NULL, NAN; text is borrowed until the next
 * row. */
int64_t query_int(struct query *q, int i);
const char *query_text(struct query *q, int i);
double query_number(struct query *q, int i);
bool query_is_null(struct query *q, int i);
/* Ends it; call it once for each start. */
void query_end(struct query *q);
/* Runs it to its end, and ends it. Returns how many rows were changed. */
int64_t query_run(struct query *q);
bool session_failed(const struct database_session *s);

/* Marks what is written from here on; session_undo drops it, and the job goes on. */
void session_mark(struct database_session *s);
void session_keep(struct database_session *s);
void session_undo(struct database_session *s);

/*
 * database_use - runs a job on the calling thread, for programs beside the daemon and
 * tests, never on the loop.
 */
enum database_result database_use(struct database *db,
	bool (*work)(struct database_session *s, void *arg), void *arg) USHER_MUST_CHECK;

#endif
