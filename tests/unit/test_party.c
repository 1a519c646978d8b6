/* Customers in the database: merged and taken apart, inherited from, forgotten in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/config.h"
#include "history/customers_inner.h"
#include "history/history.h"
#include "history/said.h"
#include "history/schema.h"

#define DAY_MS INT64_C(86400000)

static const char settings[] =
	"queues: {general: {}}\n"
	"agents: [{id: a}]\n"
	"channels: {chat: {cost: 50}, voice: {cost: 100}, letter: {cost: 25}}\n"
	"customers:\n"
	"  points: [{name: revenue, weight: 0.01}]\n"
	"  inherit: 0.5\n"
	"  keep: {chat: 10d, others: 100d}\n"
	"  keep_provisional: 30d\n";

static struct bench {
	char folder[64], path[96];
	struct event_base *base;
	struct database *db;
	struct config *config;
	bool (*work)(struct database_session *s);
} b;

static int
set_up(void **state)
{
	const struct database_group groups[] = {
		{"customers", schema_customers}, {"history", schema_history}};
	struct database_settings how = {.readers = 1, .busy_ms = 100, .retry_ms = 10};
	struct config_problems problems = {0};
	char error[300] = "";

	strcpy(b.folder, "/tmp/usher-party-XXXXXX");
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

static bool
run(struct database_session *s, void *arg)
{
	return b.work(s);
}

static void
use(bool (*work)(struct database_session *s))
{
	b.work = work;
	assert_int_equal(database_use(b.db, run, NULL), DATABASE_OK);
}

static void
make(struct database_session *s, int64_t party, const char *account)
{
	struct identity identity = {.kind = "account"};
	int64_t other = 0;

	snprintf(identity.value, sizeof identity.value, "%s", account);
	party_create(s, party, NULL, account, false, 1);
	assert_int_equal(
		party_add_identity(s, party, &identity, "test", 1, &other), PARTY_OK);
}

/* Every order of merging and taking apart ends where it began. */
static bool
merge_at_random(struct database_session *s)
{
	uint64_t random = 1999;
	int64_t into[9] = {0};

	for (int64_t p = 1; p <= 8; p++) {
		char account[16];

		snprintf(account, sizeof account, "A%d", (int)p);
		make(s, p, account);
	}
	for (int i = 0; i < 500; i++) {
		int64_t a, c;

		random = random * 6364136223846793005u + 1442695040888963407u;
		a = 1 + (int64_t)(random >> 33) % 8;
		c = 1 + (int64_t)(random >> 45) % 8;
		if (random >> 62 != 0) {
			int64_t to = party_root(s, a), from = party_root(s, c);
			enum party_result result = party_merge(s, a, c, "test", i);

			assert_int_equal(result, to == from ? PARTY_SAME : PARTY_OK);
			if (result == PARTY_OK)
				into[from] = to;
		} else {
			enum party_result result = party_unmerge(s, a);

			assert_int_equal(
				result, into[a] != 0 ? PARTY_OK : PARTY_NOT_MERGED);
			into[a] = 0;
		}
		for (int64_t p = 1; p <= 8; p++) {
			int64_t root = p;

			while (into[root] != 0)
				root = into[root];
			assert_int_equal(party_root(s, p), root);
		}
	}
	for (int64_t p = 1; p <= 8; p++)
		(void)party_unmerge(s, p);
	for (int64_t p = 1; p <= 8; p++)
		assert_int_equal(party_root(s, p), p);
	return true;
}

static void
merging_and_taking_apart_is_exact(void **state)
{
	use(merge_at_random);
}

static double
points_of(struct database_session *s, int64_t party)
{
	struct party_view *v = xcalloc(1, sizeof *v);
	double points;

	assert_true(party_read(s, party, b.config->customers, 1000, v));
	points = v->points;
	party_view_finish(v);
	free(v);
	return points;
}

static bool
inherit_in_a_circle(struct database_session *s)
{
	json_t *revenue = json_integer(1000);

	make(s, 1, "A1");
	make(s, 2, "H1");
	party_set_attribute(s, 2, "revenue", "crm", revenue, 1);
	assert_int_equal(party_link(s, 1, 2, "member_of", NAN, "test", 1), PARTY_OK);
	assert_int_equal(party_link(s, 2, 1, "owner_of", 1, "test", 1), PARTY_OK);
	assert_int_equal(party_link(s, 1, 1, "self", 1, "test", 1), PARTY_SAME);
	assert_true(points_of(s, 1) == 5);
	assert_true(points_of(s, 2) == 10);
	assert_int_equal(party_link(s, 1, 2, "member_of", 0.25, "test", 1), PARTY_OK);
	assert_true(points_of(s, 1) == 2.5);
	/* Merged with his household he inherits nothing of himself. */
	assert_int_equal(party_merge(s, 2, 1, "test", 1), PARTY_OK);
	assert_true(points_of(s, 1) == 10);
	json_decref(revenue);
	return true;
}

static void
what_is_inherited_is_not_inherited_on(void **state)
{
	use(inherit_in_a_circle);
}

static int64_t
count(struct database_session *s, const char *sql)
{
	struct query *q = query_start(s, sql);
	int64_t n = query_row(q) ? query_int(q, 0) : -1;

	query_end(q);
	return n;
}

static void
serve(struct database_session *s, int64_t contact, int64_t party, const char *channel,
	int64_t days_ago)
{
	int64_t ended_ms = clock_wall_ms() - days_ago * DAY_MS;
	struct query *q = query_start(s,
		"INSERT INTO contact (id, closed, state, channel, agent, created_ms, "
		"t0_ms, ended_ms, talk_ms, version) VALUES ($1, 1, 'completed', $2, 'a', "
		"$3, $3, $3, 1000, 1)");

	query_put_int(q, 1, contact);
	query_put_text(q, 2, channel);
	query_put_int(q, 3, ended_ms);
	query_run(q);
	q = query_start(s, "INSERT INTO contact_person (contact, party, channel, "
			   "ended_ms) VALUES ($1, $2, $3, $4)");
	query_put_int(q, 1, contact);
	query_put_int(q, 2, party);
	query_put_text(q, 3, channel);
	query_put_int(q, 4, ended_ms);
	query_run(q);
}

static bool
fill_old(struct database_session *s)
{
	make(s, 1, "A1");
	serve(s, 1, 1, "chat", 9);
	serve(s, 2, 1, "chat", 11);
	serve(s, 3, 1, "voice", 99);
	serve(s, 4, 1, "voice", 101);
	party_create(s, 2, NULL, NULL, true, clock_wall_ms() - 31 * DAY_MS);
	party_create(s, 3, NULL, NULL, true, clock_wall_ms() - 29 * DAY_MS);
	party_create(s, 4, NULL, NULL, true, clock_wall_ms() - 31 * DAY_MS);
	serve(s, 5, 4, "voice", 1);
	return true;
}

static bool
look_at_rest(struct database_session *s)
{
	assert_int_equal(count(s, "SELECT count(*) FROM contact_person"), 3);
	assert_int_equal(count(s, "SELECT count(*) FROM contact_person WHERE contact IN "
				  "(1, 3, 5)"),
		3);
	assert_int_equal(count(s, "SELECT count(*) FROM contact"), 5);
	assert_int_equal(count(s, "SELECT count(*) FROM party"), 3);
	assert_int_equal(count(s, "SELECT count(*) FROM party WHERE id = 2"), 0);
	return true;
}

static void
what_is_kept_too_long_is_forgotten_by_channel(void **state)
{
	struct customers c = {.parts = {.database = b.db}, .rules = b.config->customers};
	struct database_figures f = {0};

	use(fill_old);
	customers_add_part(&c, &history_part);
	c.tidy = evtimer_new(b.base, customers_tidy, &c);
	customers_tidy(-1, 0, &c);
	while (f.batches < 2) { /* it is done, and has left the log */
		event_base_loop(b.base, EVLOOP_ONCE);
		database_figures(b.db, &f);
	}
	event_free(c.tidy);
	use(look_at_rest);
}

static void
tell(struct database_session *s, const char *sql)
{
	query_run(query_start(s, sql));
}

/* A case that was opened before it was known whose the contact is names nobody. */
static bool
erase_with_cases(struct database_session *s)
{
	const int64_t party = 1;
	json_t *counts = json_object();

	make(s, 1, "A1");
	make(s, 2, "A2");
	serve(s, 1, 1, "chat", 1);
	serve(s, 2, 2, "chat", 1);
	tell(s, "INSERT INTO issue (id, party, state, title, opened_ms, opened_by, "
		"changed_ms) VALUES (1, NULL, 'open', 'planted', 1, 'a', 1), (2, 1, "
		"'open', 'planted', 1, 'a', 1), (3, NULL, 'open', 'another', 1, 'a', 1)");
	tell(s, "INSERT INTO issue_contact (contact, issue) VALUES (1, 1), (2, 3)");
	tell(s, "INSERT INTO issue_change (issue, n, state, who, at_ms, reason) VALUES "
		"(1, 1, 'open', 'a', 1, 'planted'), (2, 1, 'open', 'a', 1, 'planted'), "
		"(3, 1, 'open', 'a', 1, 'another')");
	history_part.erase(NULL, s, &party, 1, counts);
	assert_int_equal(json_integer_value(json_object_get(counts, "cases")), 2);
	assert_int_equal(count(s, "SELECT count(*) FROM issue WHERE title = ''"), 2);
	assert_int_equal(
		count(s, "SELECT count(*) FROM issue_change WHERE reason IS NULL"), 2);
	assert_int_equal(
		count(s, "SELECT count(*) FROM issue WHERE title = 'another'"), 1);
	json_decref(counts);
	return true;
}

static void
an_erasure_takes_in_cases_that_were_opened_before_he_was_known(void **state)
{
	use(erase_with_cases);
}

/* Redis began anew: contact 1 of today is somebody else's, 2 did not come again. */
static bool
number_again(struct database_session *s)
{
	struct traces t = {0};

	make(s, 1, "A1");
	make(s, 2, "A2");
	serve(s, 1, 1, "chat", 1);
	serve(s, 2, 1, "chat", 1);
	traces_read(s, 1, &t);
	assert_int_equal(t.n_contacts, 2);
	assert_int_equal(t.n_identities, 1);
	tell(s, "INSERT INTO progress (id, op, owner, generation, at_ms) VALUES (1, 1, "
		"'o', 1, 1)");
	serve(s, (INT64_C(1) << 60) + 1, 2, "chat", 1);
	traces_read(s, 1, &t);
	assert_int_equal(t.n_contacts, 1);
	assert_int_equal(t.contacts[0], 2);
	traces_read(s, 2, &t);
	assert_int_equal(t.n_contacts, 1);
	assert_int_equal(t.contacts[0], 1);
	traces_finish(&t);
	return true;
}

static void
a_number_that_came_again_is_not_that_of_whoever_had_it_before(void **state)
{
	use(number_again);
}

#define LINES 50

static bool
read_long_lines(struct database_session *s)
{
	char text[8192 + 1];
	int64_t after = 0;
	bool more = true;

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (int i = 1; i <= LINES; i++) {
		struct query *q = query_start(s,
			"INSERT INTO said (contact, seq, at_ms, who, kind, text) "
			"VALUES (1, $1, 1, 'customer', 'text', $2)");

		query_put_int(q, 1, i);
		query_put_text(q, 2, text);
		query_run(q);
	}
	while (more) {
		json_t *page = said_read(s, 1, after, 100, true, &more);
		size_t n = json_array_size(page);

		assert_true(n > 0 && json_dumpb(page, NULL, 0, 0) < RPC_REPLY_MAX);
		after = json_integer_value(
			json_object_get(json_array_get(page, n - 1), "seq"));
		json_decref(page);
	}
	assert_int_equal(after, LINES);
	return true;
}

static void
a_page_of_what_was_said_fits_a_message_however_long_the_lines_are(void **state)
{
	use(read_long_lines);
}

#define OLD_MANY (CUSTOMER_EXPIRE_LOT + 1) /* contacts: more than one look takes */

static bool
fill_many(struct database_session *s)
{
	make(s, 1, "A1");
	for (int i = 1; i <= OLD_MANY; i++)
		serve(s, i, 1, "chat", 11);
	return true;
}

static bool
look_for_none(struct database_session *s)
{
	assert_int_equal(count(s, "SELECT count(*) FROM contact_person"), 0);
	return true;
}

static int64_t
log_bytes(void)
{
	char path[sizeof b.path + 8];
	struct stat st;

	snprintf(path, sizeof path, "%s-wal", b.path);
	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static void
what_one_look_does_not_forget_the_next_does_soon(void **state)
{
	struct customers c = {.parts = {.database = b.db}, .rules = b.config->customers};
	struct database_figures f = {0};
	struct timeval next, now;

	use(fill_many);
	customers_add_part(&c, &history_part);
	c.tidy = evtimer_new(b.base, customers_tidy, &c);
	customers_tidy(-1, 0, &c);
	while (f.batches < 1) {
		event_base_loop(b.base, EVLOOP_ONCE);
		database_figures(b.db, &f);
	}
	assert_true(event_pending(c.tidy, EV_TIMEOUT, &next));
	evutil_gettimeofday(&now, NULL);
	assert_true(next.tv_sec - now.tv_sec < 60); /* not in an hour */
	assert_true(log_bytes() > 0);
	while (f.batches < 3) {
		event_base_loop(b.base, EVLOOP_ONCE);
		database_figures(b.db, &f);
	}
	assert_int_equal(log_bytes(), 0); /* it has left the files */
	event_free(c.tidy);
	use(look_for_none);
}

/* Look-ups run beside each other: what an earlier one found may come later. */
static void
a_card_of_an_earlier_look_up_takes_no_later_ones_place(void **state)
{
	struct customers c = {.rules = b.config->customers};
	json_t *card;

	live_put(&c, 1, 7, 7);
	live_card(&c, 7, json_pack("{s:i}", "notes", 0), 1);
	live_card(&c, 7, json_pack("{s:i}", "notes", 2), 3);
	live_card(&c, 7, json_pack("{s:i}", "notes", 1), 2);
	card = live_get(&c, 1)->group->card;
	assert_int_equal(json_integer_value(json_object_get(card, "notes")), 2);
	live_card(&c, 7, json_pack("{s:i}", "notes", 3), 4);
	card = live_get(&c, 1)->group->card;
	assert_int_equal(json_integer_value(json_object_get(card, "notes")), 3);
	live_finish(&c);
}

#define LISTED 3000

/* A list of which no message could take the whole is told page by page. */
static void
lists_are_told_in_pages_that_fit_a_message(void **state)
{
	struct customers c = {.rules = b.config->customers};
	struct listing one = {.vip = true, .kind = "email", .points = NAN};
	bool seen[LISTED] = {false};
	char after[300] = "", reason[200];
	int n = 0;

	memset(reason, 'r', sizeof reason - 1);
	reason[sizeof reason - 1] = '\0';
	one.reason = reason;
	for (int i = 0; i < LISTED; i++) {
		one.vip = i % 2 == 0;
		snprintf(one.pattern, sizeof one.pattern, "%d@a.example", i);
		lists_put(&c, &one);
	}
	do {
		json_t *page = lists_json(&c, after), *entry;
		const char *next = json_string_value(json_object_get(page, "next"));
		size_t i;

		assert_true(json_dumpb(page, NULL, 0, 0) < RPC_REPLY_MAX);
		json_array_foreach(json_object_get(page, "lists"), i, entry)
		{
			int at = atoi(
				json_string_value(json_object_get(entry, "pattern")));

			assert_false(seen[at]);
			seen[at] = true;
			n++;
		}
		snprintf(after, sizeof after, "%s", next != NULL ? next : "");
		json_decref(page);
	} while (after[0] != '\0');
	assert_int_equal(n, LISTED);
	lists_finish(&c);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(merging_and_taking_apart_is_exact),
		T(what_is_inherited_is_not_inherited_on),
		T(what_is_kept_too_long_is_forgotten_by_channel),
		T(a_card_of_an_earlier_look_up_takes_no_later_ones_place),
		T(lists_are_told_in_pages_that_fit_a_message),
		T(a_page_of_what_was_said_fits_a_message_however_long_the_lines_are),
		T(what_one_look_does_not_forget_the_next_does_soon),
		T(an_erasure_takes_in_cases_that_were_opened_before_he_was_known),
		T(a_number_that_came_again_is_not_that_of_whoever_had_it_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
