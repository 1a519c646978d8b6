/* history/database_sqlite.c - SQLite as the back end: connections, statements,
 * transactions. */
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "history/database_inner.h"

#define MARKS_MAX 4	      /* nested session_mark */
#define PARAMETERS_MAX 40     /* of a statement */
#define CACHE_KIB 32768	      /* of pages, a connection */
#define CHECKPOINT_PAGES 4000 /* of the write-ahead log, then it is copied back */

struct query {
	struct database_session *session; /* borrowed */
	sqlite3_stmt *statement;	  /* owned; NULL: it could not be prepared */
	const char *sql;		  /* static */
	bool open;
	int place[PARAMETERS_MAX + 1]; /* of $1, $2, ... */
};

struct database_session {
	sqlite3 *db;	    /* owned */
	struct map queries; /* by sql; owned struct query */
	int code;	    /* SQLITE_OK, or why it failed */
	int marks;
	char why[160];
};

/* ---- failures ---- */

/* What another try may mend. */
static bool
is_away(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_NOMEM:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_PROTOCOL:
	case SQLITE_INTERRUPT:
		return true;
	default:
		return false;
	}
}

static void
fail(struct database_session *s, int code, const char *sql)
{
	if (s->code != SQLITE_OK)
		return; /* the first one counts */
	s->code = code;
	snprintf(s->why, sizeof s->why, "%s", sqlite3_errmsg(s->db));
	if (!is_away(code) && (code & 0xff) != SQLITE_CONSTRAINT)
		log_error("database: a statement is wrong: %s: %.120s", s->why,
			sql != NULL ? sql : "");
}

static enum backend_result
result_of(int code)
{
	if (code == SQLITE_OK)
		return BACKEND_OK;
	return is_away(code) ? BACKEND_AWAY : BACKEND_WRONG;
}

static int
execute(struct database_session *s, const char *sql)
{
	int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	if (code != SQLITE_OK)
		fail(s, code, sql);
	return code;
}

bool
session_failed(const struct database_session *s)
{
	return s->code != SQLITE_OK;
}

const char *
backend_why(const struct database_session *s)
{
	return s->why;
}

/* ---- connections ---- */

static bool
set_up(struct database_session *s, const struct database_settings *settings,
	bool read_only)
{
	char pragmas[512];

	sqlite3_busy_timeout(s->db, (int)settings->busy_ms);
	sqlite3_extended_result_codes(s->db, 1);
	snprintf(pragmas, sizeof pragmas,
		"PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; "
		"PRAGMA cache_size=-%d; PRAGMA temp_store=MEMORY; "
		"PRAGMA trusted_schema=OFF;",
		CACHE_KIB);
	if (execute(s, pragmas) != SQLITE_OK)
		return false;
	if (read_only)
		return execute(s, "PRAGMA query_only=ON;") == SQLITE_OK;
	snprintf(pragmas, sizeof pragmas,
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; "
		"PRAGMA wal_autocheckpoint=%d; PRAGMA journal_size_limit=67108864;",
		settings->full_sync ? "FULL" : "NORMAL", CHECKPOINT_PAGES);
	return execute(s, pragmas) == SQLITE_OK;
}

struct database_session *
backend_open(const struct database_settings *settings, bool read_only, char *error,
	size_t room)
{
	struct database_session *s = xcalloc(1, sizeof *s);
	/* Readers open for writing too: they must be able to make the shared index of the
	 * write-ahead log; query_only keeps them from changing anything. */
	int code = sqlite3_open_v2(settings->path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code == SQLITE_OK && set_up(s, settings, read_only))
		return s;
	snprintf(error, room,
		"cannot open the database %s: %s; see that the file and its folder may "
		"be written and that no other program holds it",
		settings->path, s->db != NULL ? sqlite3_errmsg(s->db) : "no memory");
	backend_close(s);
	return NULL;
}

void
backend_close(struct database_session *s)
{
	size_t at = 0;
	const char *key;
	void *value;

	if (s == NULL)
		return;
	while (map_next(&s->queries, &at, &key, &value)) {
		sqlite3_finalize(((struct query *)value)->statement);
		free(value);
	}
	map_finish(&s->queries);
	sqlite3_close(s->db);
	free(s);
}

/* ---- transactions ---- */

enum backend_result
backend_begin(struct database_session *s, bool read_only)
{
	s->code = SQLITE_OK;
	s->marks = 0;
	return result_of(execute(s, read_only ? "BEGIN" : "BEGIN IMMEDIATE"));
}

enum backend_result
backend_commit(struct database_session *s)
{
	s->code = SQLITE_OK;
	return result_of(execute(s, "COMMIT"));
}

void
backend_roll_back(struct database_session *s)
{
	/* A failed COMMIT or a full disk may have ended the transaction already. */
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->marks = 0;
}

void
session_mark(struct database_session *s)
{
	static const char *const sql[MARKS_MAX] = {
		"SAVEPOINT m0", "SAVEPOINT m1", "SAVEPOINT m2", "SAVEPOINT m3"};

	if (s->code != SQLITE_OK)
		return;
	if (s->marks == MARKS_MAX)
		abort(); /* a fault of the job */
	query_run(query_start(s, sql[s->marks]));
	s->marks++;
}

void
session_keep(struct database_session *s)
{
	static const char *const sql[MARKS_MAX] = {
		"RELEASE m0", "RELEASE m1", "RELEASE m2", "RELEASE m3"};

	if (s->code != SQLITE_OK)
		return;
	s->marks--;
	query_run(query_start(s, sql[s->marks]));
}

void
session_undo(struct database_session *s)
{
	static const char *const back[MARKS_MAX] = {
		"ROLLBACK TO m0", "ROLLBACK TO m1", "ROLLBACK TO m2", "ROLLBACK TO m3"};

	if (is_away(s->code) || sqlite3_get_autocommit(s->db))
		return;	     /* the whole transaction is lost and tried again */
	s->code = SQLITE_OK; /* a broken constraint is undone with the rest */
	query_run(query_start(s, back[s->marks - 1]));
	session_keep(s);
}

bool
backend_compact(struct database_session *s)
{
	/* What was deleted is zeroed in its pages (secure_delete); older copies of them
	 * stand in the log until it is emptied. */
	return sqlite3_wal_checkpoint_v2(
		       s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK;
}

enum backend_result
backend_job(struct database_session *s,
	bool (*work)(struct database_session *s, void *arg), void *arg, bool *kept)
{
	bool good;

	session_mark(s);
	good = work(s, arg);
	if (is_away(s->code) || sqlite3_get_autocommit(s->db))
		return BACKEND_AWAY;
	s->marks = 1; /* whatever the job left open */
	*kept = good && s->code == SQLITE_OK;
	if (*kept)
		session_keep(s);
	else
		session_undo(s);
	return result_of(s->code);
}

/* ---- statements ---- */

/* $1, $2, ... in any order: SQLite numbers parameters as it meets them, PostgreSQL by
 * name.
 */
static bool
find_parameters(struct query *q)
{
	int n = sqlite3_bind_parameter_count(q->statement);
	char name[16];

	for (int i = 1; i <= n && i <= PARAMETERS_MAX; i++) {
		snprintf(name, sizeof name, "$%d", i);
		q->place[i] = sqlite3_bind_parameter_index(q->statement, name);
		if (q->place[i] == 0)
			return false;
	}
	return n <= PARAMETERS_MAX;
}

static void
prepare(struct database_session *s, struct query *q)
{
	int code = sqlite3_prepare_v3(
		s->db, q->sql, -1, SQLITE_PREPARE_PERSISTENT, &q->statement, NULL);

	if (code != SQLITE_OK) {
		fail(s, code, q->sql);
		sqlite3_finalize(q->statement);
		q->statement = NULL;
		return;
	}
	if (!find_parameters(q)) {
		log_error("database: parameters are not $1, $2, ...: %.120s", q->sql);
		abort(); /* a fault of ours, found by the first test that runs it */
	}
}

struct query *
query_start(struct database_session *s, const char *sql)
{
	struct query *q = map_get(&s->queries, sql);

	if (q == NULL) {
		q = xcalloc(1, sizeof *q);
		*q = (struct query){.session = s, .sql = sql};
		map_put(&s->queries, sql, q);
	}
	if (q->open) {
		log_error("database: statement started twice: %.120s", sql);
		abort(); /* a fault of the job */
	}
	if (q->statement == NULL && s->code == SQLITE_OK)
		prepare(s, q);
	q->open = true;
	return q;
}

static bool
usable(const struct query *q)
{
	return q->statement != NULL && q->session->code == SQLITE_OK;
}

static void
bound(struct query *q, int code)
{
	if (code != SQLITE_OK)
		fail(q->session, code, q->sql);
}

void
query_put_int(struct query *q, int i, int64_t value)
{
	if (usable(q))
		bound(q, sqlite3_bind_int64(q->statement, q->place[i], value));
}

void
query_put_text(struct query *q, int i, const char *value)
{
	if (usable(q))
		bound(q, value != NULL ? sqlite3_bind_text(q->statement, q->place[i],
						 value, -1, SQLITE_TRANSIENT)
				       : sqlite3_bind_null(q->statement, q->place[i]));
}

void
query_put_number(struct query *q, int i, double value)
{
	if (usable(q))
		bound(q, isnan(value)
				 ? sqlite3_bind_null(q->statement, q->place[i])
				 : sqlite3_bind_double(q->statement, q->place[i], value));
}

bool
query_row(struct query *q)
{
	int code;

	if (!usable(q))
		return false;
	code = sqlite3_step(q->statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		fail(q->session, code, q->sql);
	return code == SQLITE_ROW;
}

int64_t
query_int(struct query *q, int i)
{
	return sqlite3_column_int64(q->statement, i);
}

const char *
query_text(struct query *q, int i)
{
	return (const char *)sqlite3_column_text(q->statement, i);
}

double
query_number(struct query *q, int i)
{
	return query_is_null(q, i) ? NAN : sqlite3_column_double(q->statement, i);
}

bool
query_is_null(struct query *q, int i)
{
	return sqlite3_column_type(q->statement, i) == SQLITE_NULL;
}

void
query_end(struct query *q)
{
	q->open = false;
	if (q->statement == NULL)
		return;
	sqlite3_reset(q->statement);
	sqlite3_clear_bindings(q->statement);
}

int64_t
query_run(struct query *q)
{
	struct database_session *s = q->session;
	int64_t changed = 0;

	while (query_row(q))
		;
	if (s->code == SQLITE_OK)
		changed = sqlite3_changes64(s->db);
	query_end(q);
	return changed;
}

/* ---- schema ---- */

static int64_t
version_of(struct database_session *s, const char *group)
{
	struct query *q = query_start(
		s, "SELECT version FROM schema_version WHERE group_name = $1");
	int64_t version = 0;

	query_put_text(q, 1, group);
	if (query_row(q))
		version = query_int(q, 0);
	query_end(q);
	return version;
}

static void
set_version(struct database_session *s, const char *group, int64_t version)
{
	struct query *q = query_start(s,
		"INSERT INTO schema_version (group_name, version) VALUES ($1, $2) "
		"ON CONFLICT (group_name) DO UPDATE SET version = excluded.version");

	query_put_text(q, 1, group);
	query_put_int(q, 2, version);
	query_run(q);
}

/* The section of version n: owned text; NULL when there is none. */
static char *
section(const char *schema, int64_t n)
{
	char mark[40];
	const char *at, *end;

	snprintf(mark, sizeof mark, "-- version %" PRId64 "\n", n);
	at = strstr(schema, mark);
	if (at == NULL)
		return NULL;
	at += strlen(mark);
	end = strstr(at, "-- version ");
	return end != NULL ? xstrndup(at, (size_t)(end - at)) : xstrdup(at);
}

static bool
upgrade_to(struct database_session *s, const struct database_group *group, int64_t n)
{
	char *sql = section(group->schema, n);
	bool done = backend_begin(s, false) == BACKEND_OK;

	if (done) {
		done = execute(s, sql) == SQLITE_OK;
		set_version(s, group->name, n);
		done = done && s->code == SQLITE_OK && backend_commit(s) == BACKEND_OK;
		if (!done)
			backend_roll_back(s);
	}
	free(sql);
	return done;
}

bool
backend_upgrade(struct database_session *s, const struct database_group *group,
	char *error, size_t room)
{
	int64_t latest = 0, now;
	char *sql;

	while ((sql = section(group->schema, latest + 1)) != NULL) {
		free(sql);
		latest++;
	}
	if (execute(s, "CREATE TABLE IF NOT EXISTS schema_version ("
		       "group_name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT") !=
		SQLITE_OK)
		goto fail_upgrade;
	now = version_of(s, group->name);
	if (now > latest) {
		snprintf(error, room,
			"the database's tables `%s` have version %" PRId64
			", this usher knows %" PRId64
			"; use the newer usher, or a copy of the file from before",
			group->name, now, latest);
		return false;
	}
	while (now < latest) {
		if (!upgrade_to(s, group, now + 1))
			goto fail_upgrade;
		now++;
		log_info(
			"database: upgraded group=%s version=%" PRId64, group->name, now);
	}
	return true;
fail_upgrade:
	snprintf(error, room, "cannot upgrade the database's tables `%s`: %s",
		group->name, s->why);
	return false;
}
