/* What the history keeps too long leaves it, by channel, a lot at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config.h"
#include "history/schema.h"
#include "history/trim.h"

#define DAY_MS INT64_C(86400000)
#define NOW (2000 * DAY_MS)
#define GENERATION INT64_C(1)

static const char settings[] = "queues: {general: {}}\n"
			       "agents: [{id: a}]\n"
			       "channels: {chat: {cost: 50}, voice: {cost: 100}}\n"
			       "history: {keep: {chat: 10d}, keep_records: 100d, "
			       "keep_events: 5d, keep_agents: 20d}\n";

static struct bench {
	char folder[64], path[96];
	struct event_base *base;
	struct database *db;
	struct config *config;
	struct trim_counts counts;
	int lots;
} b;

static int
set_up(void **state)
{
	const struct database_group groups[] = {
		{"customers", schema_customers}, {"history", schema_history}};
	struct database_settings how = {.readers = 1, .busy_ms = 100, .retry_ms = 10};
	struct config_problems problems = {0};
	char error[300] = "";

	b = (struct bench){0};
	strcpy(b.folder, "/tmp/usher-trim-XXXXXX");
	assert_non_null(mkdtemp(b.folder));
	snprintf(b.path, sizeof b.path, "%s/t.db", b.folder);
	how.path = b.path;
	b.base = event_base_new();
	b.db = database_open(b.base, &how, groups, 2, error, sizeof error);
	if (b.db == NULL)
		fail_msg("%s", error);
	b.config = config_parse("t", settings, strlen(settings), NULL, 1, &problems);
	assert_non_null(b.config);
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	char path[128];

	database_close(b.db);
	config_destroy(b.config);
	event_base_free(b.base);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", b.path, endings[i]);
		unlink(path);
	}
	rmdir(b.folder);
	return 0;
}

/* Runs one statement with up to two numbers. */
static void
put(struct database_session *s, const char *sql, int64_t one, int64_t two)
{
	struct query *q = query_start(s, sql);

	query_put_int(q, 1, one);
	query_put_int(q, 2, two);
	query_run(q);
}

static int64_t
count(struct database_session *s, const char *sql)
{
	struct query *q = query_start(s, sql);
	int64_t n = query_row(q) ? query_int(q, 0) : -1;

	query_end(q);
	return n;
}

/* A contact with all that hangs on it; ended_ms 0: it lives. */
static void
contact(struct database_session *s, int64_t id, const char *channel, int64_t ended_ms)
{
	struct query *q = query_start(s,
		"INSERT INTO contact (id, closed, state, channel, created_ms, t0_ms, "
		"ended_ms, version) VALUES ($1, $2, 'completed', $3, $4, $4, nullif($5, "
		"0), 1)");

	query_put_int(q, 1, id);
	query_put_int(q, 2, ended_ms != 0);
	query_put_text(q, 3, channel);
	query_put_int(q, 4, ended_ms != 0 ? ended_ms - 1000 : NOW - 900 * DAY_MS);
	query_put_int(q, 5, ended_ms);
	query_run(q);
	put(s,
		"INSERT INTO visit (contact, n, closed, kind, queue, channel, tier, "
		"entered_ms, since_ms, sl_due_ms) VALUES ($1, 1, 1, 'new', 'q', 'c', "
		"'t', $2, $2, $2)",
		id, ended_ms);
	put(s,
		"INSERT INTO leg (contact, n, closed, agent, queue, channel, tier, "
		"offered_ms) VALUES ($1, 1, 1, 'a', 'q', 'c', 't', $2)",
		id, ended_ms);
	put(s, "INSERT INTO contact_person (contact, party) VALUES ($1, $2)", id, 7);
	put(s, "INSERT INTO note (contact, who, at_ms, text) VALUES ($1, 'a', $2, 'x')",
		id, ended_ms);
	put(s,
		"INSERT INTO outcome (contact, kind, value, source, at_ms) VALUES ($1, "
		"'satisfaction', 5, 't', $2)",
		id, ended_ms);
	put(s, "INSERT INTO issue_contact (contact, issue) VALUES ($1, $2)", id, id);
	put(s,
		"INSERT INTO issue (id, state, title, opened_ms, opened_by, changed_ms, "
		"resolved_ms) VALUES ($1, 'resolved', 't', $2, 'a', $2, $2)",
		id, ended_ms);
}

static bool
trim(struct database_session *s, void *arg)
{
	int64_t contact[TRIM_LOT];
	int n;

	do {
		n = trim_due(s, &b.config->keeping, NOW, contact);
		b.lots++;
	} while (trim_lot(s, &b.config->keeping, NOW, contact, n, &b.counts));
	return !session_failed(s);
}

static void
use(bool (*work)(struct database_session *s, void *arg))
{
	assert_int_equal(database_use(b.db, work, NULL), DATABASE_OK);
}

static bool
make_contacts(struct database_session *s, void *arg)
{
	contact(s, 1, "chat", NOW - 11 * DAY_MS);
	contact(s, 2, "chat", NOW - 9 * DAY_MS);
	contact(s, 3, "voice", NOW - 11 * DAY_MS);
	contact(s, 4, "voice", NOW - 101 * DAY_MS);
	contact(s, 5, "voice", 0);
	return true;
}

static bool
look_at_contacts(struct database_session *s, void *arg)
{
	static const int left[] = {2, 3, 5};
	static const char *const tables[] = {
		"SELECT contact FROM visit ORDER BY 1",
		"SELECT contact FROM leg ORDER BY 1",
		"SELECT contact FROM contact_person ORDER BY 1",
		"SELECT contact FROM note ORDER BY 1",
		"SELECT contact FROM outcome ORDER BY 1",
		"SELECT contact FROM issue_contact ORDER BY 1",
		"SELECT id FROM contact ORDER BY 1",
	};

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		struct query *q = query_start(s, tables[i]);

		for (int k = 0; k < 3; k++) {
			assert_true(query_row(q));
			assert_int_equal(query_int(q, 0), left[k]);
		}
		assert_false(query_row(q));
		query_end(q);
	}
	/* The last contact of a resolved case takes it along, when that is old too. */
	assert_int_equal(count(s, "SELECT count(*) FROM issue WHERE id = 4"), 0);
	assert_int_equal(count(s, "SELECT count(*) FROM issue WHERE id = 1"), 1);
	return true;
}

static void
records_go_by_channel_and_what_lives_stays(void **state)
{
	use(make_contacts);
	use(trim);
	use(look_at_contacts);
	assert_int_equal(b.counts.contacts, 2);
	assert_int_equal(b.counts.cases, 1);
}

static bool
make_rows(struct database_session *s, void *arg)
{
	for (int64_t i = 1; i <= 2 * TRIM_LOT + 10; i++)
		put(s,
			"INSERT INTO event (op, sub, generation, at_ms, kind, version) "
			"VALUES ($1, 0, 0, $2, 'contact.queued', 1)",
			i, NOW - 6 * DAY_MS + i);
	put(s,
		"INSERT INTO event (op, sub, generation, at_ms, kind, version) VALUES "
		"($1, 1, 0, $2, 'contact.queued', 1)",
		1, NOW - 4 * DAY_MS);
	put(s,
		"INSERT INTO webhook (name, url, secret, events, private, n) VALUES "
		"('slow', 'u', 's', '', $1, $2)",
		0, 1000);
	put(s,
		"INSERT INTO agent_span (agent, from_ms, op, to_ms, state) VALUES ('a', "
		"1, $1, $2, 'ready')",
		1, NOW - 21 * DAY_MS);
	put(s,
		"INSERT INTO agent_span (agent, from_ms, op, to_ms, state) VALUES ('a', "
		"1, $1, nullif($2, 0), 'ready')",
		2, 0);
	return true;
}

static bool
look_at_rows(struct database_session *s, void *arg)
{
	assert_int_equal(count(s, "SELECT count(*) FROM event"), 1);
	assert_int_equal(count(s, "SELECT op FROM agent_span"), 2);
	return true;
}

static void
events_go_in_lots_and_what_a_webhook_lost_is_counted(void **state)
{
	use(make_rows);
	use(trim);
	use(look_at_rows);
	assert_int_equal(b.counts.events, 2 * TRIM_LOT + 10);
	assert_int_equal(b.counts.unread, 10);
	assert_int_equal(b.counts.spans, 1);
	assert_int_equal(b.lots, 3);
}

/* Redis began anew meanwhile: what it had then will have no end. */
static bool
make_left_over(struct database_session *s, void *arg)
{
	put(s,
		"INSERT INTO progress (id, op, owner, generation, at_ms) VALUES (1, 1, "
		"'o', $1, $2)",
		GENERATION, NOW);
	contact(s, 5, "voice", 0);
	contact(s, GENERATION << 60 | 6, "voice", 0);
	return true;
}

static bool
look_at_left_over(struct database_session *s, void *arg)
{
	assert_int_equal(count(s, "SELECT count(*) FROM contact"), 1);
	assert_int_equal(count(s, "SELECT id & 255 FROM contact"), 6);
	return true;
}

static void
what_can_have_no_end_goes_too(void **state)
{
	use(make_left_over);
	use(trim);
	use(look_at_left_over);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(records_go_by_channel_and_what_lives_stays),
		TEST(events_go_in_lots_and_what_a_webhook_lost_is_counted),
		TEST(what_can_have_no_end_goes_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
