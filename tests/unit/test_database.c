/* The relational store: batches, what is undone, what another program's lock does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "history/database.h"
#include "history/schema.h"

#define WRITES 5000

static const char first_schema[] = "-- version 1\n"
				   "CREATE TABLE item (n INTEGER PRIMARY KEY, word TEXT "
				   "NOT NULL) STRICT;\n";
static const char second_schema[] =
	"-- version 1\n"
	"CREATE TABLE item (n INTEGER PRIMARY KEY, word TEXT NOT NULL) STRICT;\n"
	"-- version 2\n"
	"ALTER TABLE item ADD COLUMN amount REAL;\n"
	"UPDATE item SET amount = n * 0.5;\n";
static const char broken_schema[] =
	"-- version 1\n"
	"CREATE TABLE item (n INTEGER PRIMARY KEY, word TEXT NOT NULL) STRICT;\n"
	"-- version 2\n"
	"CREATE TABLE other (n INTEGER PRIMARY KEY) STRICT;\n"
	"ALTER TABLE nowhere ADD COLUMN amount REAL;\n";

struct bench {
	char folder[64], path[96];
	struct event_base *base;
	struct database *db;
	char error[200];
	int done, undone, away, last;
	int64_t sum, rows;
};

static struct database *
open_with(struct bench *b, const char *schema, int64_t busy_ms)
{
	struct database_settings settings = {
		.path = b->path, .readers = 2, .busy_ms = busy_ms, .retry_ms = 5};
	struct database_group group = {"things", schema};

	b->error[0] = '\0';
	b->db = database_open(b->base, &settings, &group, 1, b->error, sizeof b->error);
	return b->db;
}

static int
set_up(void **state)
{
	struct bench *b = xcalloc(1, sizeof *b);

	strcpy(b->folder, "/tmp/usher-database-XXXXXX");
	if (mkdtemp(b->folder) == NULL)
		return -1;
	snprintf(b->path, sizeof b->path, "%s/t.db", b->folder);
	b->base = event_base_new();
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	struct bench *b = *state;
	char path[128];

	database_close(b->db);
	event_base_free(b->base);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", b->path, endings[i]);
		unlink(path);
	}
	rmdir(b->folder);
	free(b);
	return 0;
}

struct item {
	struct bench *bench;
	int n;
	const char *word; /* NULL breaks a constraint */
	bool refuse;
	enum database_result result;
};

static bool
put_item(struct database_session *s, void *arg)
{
	const struct item *item = arg;
	struct query *q = query_start(s, "INSERT INTO item (n, word) VALUES ($1, $2)");

	query_put_int(q, 1, item->n);
	query_put_text(q, 2, item->word);
	query_run(q);
	return !item->refuse;
}

static void
item_done(void *arg, enum database_result result)
{
	struct item *item = arg;
	struct bench *b = item->bench;

	item->result = result;
	b->done++;
	b->undone += result == DATABASE_UNDONE;
	b->away += result == DATABASE_AWAY;
	b->last = item->n;
}

static bool
count(struct database_session *s, void *arg)
{
	struct bench *b = arg;
	struct query *q = query_start(s, "SELECT count(*), sum(n) FROM item");

	if (query_row(q)) {
		b->rows = query_int(q, 0);
		b->sum = query_int(q, 1);
	}
	query_end(q);
	return true;
}

static void
stop(void *arg, enum database_result result)
{
	struct bench *b = arg;

	assert_int_equal(result, DATABASE_OK);
	event_base_loopbreak(b->base);
}

static void
turn_until(struct bench *b, int done)
{
	while (b->done < done)
		event_base_loop(b->base, EVLOOP_ONCE);
}

static void
writes_are_committed_in_order_and_in_few_batches(void **state)
{
	struct bench *b = *state;
	struct item *items = xcalloc(WRITES, sizeof *items);
	struct database_figures f;

	assert_non_null(open_with(b, first_schema, 100));
	for (int i = 0; i < WRITES; i++) {
		items[i] = (struct item){.bench = b, .n = i + 1, .word = "w"};
		assert_true(database_write(b->db, put_item, item_done, &items[i], 0));
	}
	turn_until(b, WRITES);
	assert_int_equal(b->last, WRITES);
	database_figures(b->db, &f);
	assert_int_equal(f.written, WRITES);
	assert_true(f.batches < WRITES / 100);
	assert_int_equal(f.waiting, 0);
	assert_true(database_read(b->db, count, stop, b));
	event_base_dispatch(b->base);
	assert_int_equal(b->rows, WRITES);
	assert_int_equal(b->sum, (int64_t)WRITES * (WRITES + 1) / 2);
	free(items);
}

static void
what_a_job_refuses_is_undone_and_its_neighbours_stand(void **state)
{
	struct bench *b = *state;
	struct item items[] = {{b, 1, "a"}, {b, 2, NULL}, {b, 3, "c", .refuse = true},
		{b, 1, "again"}, {b, 5, "e"}};
	const enum database_result want[] = {DATABASE_OK, DATABASE_UNDONE,
		DATABASE_UNDONE, DATABASE_UNDONE, DATABASE_OK};

	assert_non_null(open_with(b, first_schema, 100));
	for (int i = 0; i < 5; i++)
		assert_true(database_write(b->db, put_item, item_done, &items[i], 0));
	turn_until(b, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(items[i].result, want[i]);
	assert_true(database_read(b->db, count, stop, b));
	event_base_dispatch(b->base);
	assert_int_equal(b->rows, 2);
	assert_int_equal(b->sum, 6);
}

/* A second connection holds the write lock, as a careless backup would. */
struct holder {
	struct bench *bench;
	struct item patient, impatient;
};

static bool
hold(struct database_session *s, void *arg)
{
	struct holder *holder = arg;
	struct bench *b = holder->bench;
	struct database_figures f;

	query_run(query_start(s, "UPDATE item SET word = word"));
	assert_true(database_write(b->db, put_item, item_done, &holder->patient, 0));
	assert_true(database_write(b->db, put_item, item_done, &holder->impatient, 1));
	turn_until(b, 1);
	assert_int_equal(holder->impatient.result, DATABASE_AWAY);
	database_figures(b->db, &f);
	assert_true(f.away);
	assert_int_equal(f.waiting, 1);
	assert_true(f.retries >= 1);
	assert_true(f.lag_ms >= 0);
	return true;
}

static void
a_locked_file_delays_patient_writes_and_loses_none(void **state)
{
	struct bench *b = *state;
	struct bench other = *b;
	struct holder holder = {.bench = b,
		.patient = {.bench = b, .n = 1, .word = "a"},
		.impatient = {.bench = b, .n = 2, .word = "b"}};

	assert_non_null(open_with(b, first_schema, 1));
	assert_non_null(open_with(&other, first_schema, 1));
	assert_int_equal(database_use(other.db, hold, &holder), DATABASE_OK);
	database_close(other.db);
	turn_until(b, 2);
	assert_int_equal(holder.patient.result, DATABASE_OK);
	assert_int_equal(database_use(b->db, count, b), DATABASE_OK);
	assert_int_equal(b->rows, 1);
}

static void
closing_makes_the_writes_that_wait(void **state)
{
	struct bench *b = *state;
	struct item items[100];

	assert_non_null(open_with(b, first_schema, 100));
	for (int i = 0; i < 100; i++) {
		items[i] = (struct item){.bench = b, .n = i + 1, .word = "w"};
		assert_true(database_write(b->db, put_item, item_done, &items[i], 0));
	}
	database_close(b->db);
	assert_int_equal(b->done, 100);
	assert_int_equal(b->away + b->undone, 0);
	assert_non_null(open_with(b, first_schema, 100));
	assert_int_equal(database_use(b->db, count, b), DATABASE_OK);
	assert_int_equal(b->rows, 100);
}

/* Whoever is told that his write is done writes again. */
static void
item_done_writes_on(void *arg, enum database_result result)
{
	struct item *item = arg, *next = item + 1;

	item_done(item, result);
	assert_true(database_write(item->bench->db, put_item,
		next->word == NULL ? item_done : item_done_writes_on, next, 0));
	database_compact(item->bench->db);
}

static void
who_is_told_may_write_at_once(void **state)
{
	struct bench *b = *state;
	struct item chain[] = {{b, 1, "a"}, {b, 2, "b"}, {b, 3, NULL}};
	struct item others[50];

	assert_non_null(open_with(b, first_schema, 100));
	assert_true(database_write(b->db, put_item, item_done_writes_on, &chain[0], 0));
	for (int i = 0; i < 50; i++) {
		others[i] = (struct item){.bench = b, .n = i + 10, .word = "w"};
		assert_true(database_write(b->db, put_item, item_done, &others[i], 0));
	}
	turn_until(b, 53);
	assert_int_equal(chain[1].result, DATABASE_OK);
	assert_int_equal(chain[2].result, DATABASE_UNDONE); /* it breaks a constraint */
	assert_int_equal(b->undone, 1);
	assert_true(database_read(b->db, count, stop, b));
	event_base_dispatch(b->base);
	assert_int_equal(b->rows, 52);
}

static bool
amount_of_two(struct database_session *s, void *arg)
{
	struct query *q = query_start(s, "SELECT amount FROM item WHERE n = $1");

	query_put_int(q, 1, 2);
	if (query_row(q))
		*(double *)arg = query_number(q, 0);
	query_end(q);
	return true;
}

static void
tables_are_upgraded_in_place_and_never_downgraded(void **state)
{
	struct bench *b = *state;
	struct item item = {.bench = b, .n = 2, .word = "w"};
	double amount = 0;

	assert_non_null(open_with(b, first_schema, 100));
	assert_int_equal(database_use(b->db, put_item, &item), DATABASE_OK);
	database_close(b->db);
	assert_null(open_with(b, broken_schema, 100)); /* and nothing of it stands */
	assert_non_null(strstr(b->error, "things"));
	assert_non_null(open_with(b, second_schema, 100));
	assert_int_equal(database_use(b->db, amount_of_two, &amount), DATABASE_OK);
	assert_true(amount == 1.0);
	database_close(b->db);
	assert_null(open_with(b, first_schema, 100));
	assert_non_null(strstr(b->error, "newer usher"));
}

static bool
write_in_a_read(struct database_session *s, void *arg)
{
	query_run(query_start(s, "UPDATE item SET word = word"));
	return true;
}

static void
say_result(void *arg, enum database_result result)
{
	struct bench *b = arg;

	b->last = (int)result;
	event_base_loopbreak(b->base);
}

static void
a_read_cannot_write(void **state)
{
	struct bench *b = *state;

	assert_non_null(open_with(b, first_schema, 100));
	assert_true(database_read(b->db, write_in_a_read, say_result, b));
	event_base_dispatch(b->base);
	assert_int_equal(b->last, DATABASE_AWAY);
}

/* Somebody who reads on while the log is to be emptied. */
struct reader {
	int began[2], end[2]; /* pipes */
};

static bool
read_on(struct database_session *s, void *arg)
{
	const struct reader *r = arg;
	struct query *q = query_start(s, "SELECT count(*) FROM item");
	char byte = 0;
	bool good = query_row(q) && write(r->began[1], &byte, 1) == 1 &&
		    read(r->end[0], &byte, 1) == 1;

	query_end(q);
	return good;
}

static int64_t
log_bytes(const struct bench *b)
{
	char path[sizeof b->path + 8];
	struct stat st;

	snprintf(path, sizeof path, "%s-wal", b->path);
	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static void
a_log_that_is_read_in_is_emptied_when_it_is_not_any_more(void **state)
{
	struct bench *b = *state;
	struct item item = {.bench = b, .n = 1, .word = "planted"};
	struct database_figures f = {0};
	struct reader reader;
	char byte = 0;

	assert_non_null(open_with(b, first_schema, 1));
	assert_true(database_write(b->db, put_item, item_done, &item, 0));
	turn_until(b, 1);
	assert_int_equal(pipe(reader.began) | pipe(reader.end), 0);
	assert_true(database_read(b->db, read_on, NULL, &reader));
	assert_int_equal(read(reader.began[0], &byte, 1), 1);
	database_compact(b->db);
	while (f.batches < 2) { /* it was tried */
		event_base_loop(b->base, EVLOOP_ONCE);
		database_figures(b->db, &f);
	}
	assert_true(log_bytes(b) > 0);
	assert_int_equal(write(reader.end[1], &byte, 1), 1);
	while (log_bytes(b) > 0)
		assert_int_equal(event_base_loop(b->base, EVLOOP_ONCE), 0);
	for (int i = 0; i < 2; i++) {
		close(reader.began[i]);
		close(reader.end[i]);
	}
}

static void
the_shipped_schema_is_taken_in(void **state)
{
	struct bench *b = *state;

	assert_non_null(open_with(b, schema_customers, 100));
	database_close(b->db);
	assert_non_null(open_with(b, schema_customers, 100));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(writes_are_committed_in_order_and_in_few_batches),
		T(what_a_job_refuses_is_undone_and_its_neighbours_stand),
		T(a_locked_file_delays_patient_writes_and_loses_none),
		T(closing_makes_the_writes_that_wait),
		T(who_is_told_may_write_at_once),
		T(tables_are_upgraded_in_place_and_never_downgraded),
		T(a_read_cannot_write),
		T(a_log_that_is_read_in_is_emptied_when_it_is_not_any_more),
		T(the_shipped_schema_is_taken_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
