/* Accounts, passwords, tokens, keys, back-off, and the files they live in: src/desk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "desk/backoff.h"
#include "desk/ledger.h"
#include "desk/vault.h"

#define NOW INT64_C(1795340400000) /* some moment, Unix ms */
#define MINUTE INT64_C(60000)

struct place {
	char folder[64];
};

static int
begin(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	strcpy(p->folder, "test-accounts-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	*state = p;
	return 0;
}

static int
end(void **state)
{
	static const char *const files[] = {
		"accounts", "tokens", "keys", "vault.lock", "facts", "tokens.new"};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[128];

		snprintf(path, sizeof path, "%s/%s", p->folder, files[i]);
		unlink(path);
	}
	rmdir(p->folder);
	free(p);
	return 0;
}

static void
path_in(const struct place *p, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", p->folder, name);
}

/* ---- the file ---- */

static bool
count_line(void *owner, json_t *o)
{
	++*(int *)owner;
	return json_object_get(o, "n") != NULL;
}

static void
append_numbers(struct ledger *l, int from, int to)
{
	struct text change = {0};

	for (int i = from; i < to; i++)
		ledger_add(&change, json_pack("{s:i}", "n", i));
	assert_true(ledger_append(l, &change));
	text_finish(&change);
}

static void
a_line_that_was_cut_off_is_dropped_and_written_over(void **state)
{
	char path[128];
	struct ledger *l;
	int n = 0, fd;

	path_in(*state, "facts", path);
	l = ledger_open(path, count_line, &n);
	assert_non_null(l);
	append_numbers(l, 0, 3);
	ledger_close(l);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"n\":3", 6), 6);
	close(fd);

	l = ledger_open(path, count_line, &n);
	assert_int_equal(n, 3);
	append_numbers(l, 4, 5);
	ledger_close(l);
	n = 0;
	l = ledger_open(path, count_line, &n);
	assert_int_equal(n, 4);
	ledger_close(l);
}

static void
a_file_that_others_may_read_is_refused(void **state)
{
	char path[128];
	int n = 0;

	path_in(*state, "facts", path);
	ledger_close(ledger_open(path, count_line, &n));
	assert_int_equal(chmod(path, 0640), 0);
	assert_null(ledger_open(path, count_line, &n));
}

static void
a_file_is_replaced_whole(void **state)
{
	struct text all = {0};
	struct ledger *l;
	char path[128];
	int n = 0;

	path_in(*state, "facts", path);
	l = ledger_open(path, count_line, &n);
	append_numbers(l, 0, 100);
	ledger_add(&all, json_pack("{s:i}", "n", 1));
	assert_true(ledger_replace(l, &all));
	append_numbers(l, 2, 3);
	ledger_close(l);
	text_finish(&all);
	l = ledger_open(path, count_line, &n);
	assert_int_equal(n, 2);
	ledger_close(l);
}

static void
only_one_process_holds_the_accounts(void **state)
{
	const struct place *p = *state;
	struct vault *first = vault_open(p->folder, NOW), *second;

	assert_non_null(first);
	second = vault_open(p->folder, NOW);
	assert_null(second);
	vault_close(first);
	second = vault_open(p->folder, NOW);
	assert_non_null(second);
	vault_close(second);
}

/* ---- passwords ---- */

static void
a_weak_password_is_refused(void **state)
{
	static const struct {
		const char *password, *account;
		bool fits;
	} cases[] = {
		{"short", "ann", false},
		{"elevenchars", "ann", false},
		{"twelve chars", "ann", true},
		{"Password1234", "ann", false},
		{"aaaaaaaaaaaaaaaa", "ann", false},
		{"supervisor99", "supervisor", false},
		{"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "ann", false},
		{"a long walk in the rain", "ann", true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *fault = password_fault(cases[i].password, cases[i].account);

		if ((fault == NULL) != cases[i].fits)
			fail_msg("%s: %s", cases[i].password,
				fault != NULL ? fault : "taken");
	}
}

static void
a_password_matches_its_hash_alone(void **state)
{
	char *hash = password_hash("a long walk in the rain");
	char *other = password_hash("a long walk in the rain");

	assert_int_equal(strncmp(hash, "$y$", 3), 0);
	assert_string_not_equal(hash, other);
	assert_true(password_matches("a long walk in the rain", hash));
	assert_false(password_matches("a long walk in the sun", hash));
	assert_false(password_matches("", hash));
	assert_false(password_matches("a long walk in the rain", NULL));
	assert_false(password_matches("x", "*0"));
	free(hash);
	free(other);
}

static void
an_account_is_found_again_as_it_was_left(void **state)
{
	const struct place *p = *state;
	struct accounts *as = accounts_open(p->folder);
	struct account a = {.account = (char *)"s1",
		.name = (char *)"Sue",
		.hash = (char *)"$y$x",
		.role = RPC_SUPERVISOR,
		.created_ms = NOW};
	const struct account *found;

	assert_true(accounts_put(as, &a));
	a.account = (char *)"a9";
	a.agent = (char *)"a9";
	a.role = RPC_AGENT;
	assert_true(accounts_put(as, &a));
	a.disabled = true;
	assert_true(accounts_put(as, &a));
	accounts_close(as);

	as = accounts_open(p->folder);
	assert_int_equal(accounts_count(as), 2);
	found = accounts_after(as, NULL);
	assert_string_equal(found->account, "a9");
	assert_string_equal(found->agent, "a9");
	assert_true(found->disabled);
	found = accounts_after(as, "a9");
	assert_string_equal(found->account, "s1");
	assert_int_equal(found->role, RPC_SUPERVISOR);
	assert_null(found->agent);
	assert_null(accounts_after(as, "s1"));
	accounts_close(as);
}

/* ---- tokens ---- */

static struct token_made
make(struct tokens *ts, const struct token_wish *wish)
{
	struct token_made made;

	assert_true(tokens_make(ts, NOW, wish, 1, &made));
	return made;
}

#define TOKENS_FEW 64

/* Under the address sanitizer this is also about what is looked at after it was freed. */
static void
a_token_is_ended_by_its_own_id_and_no_other_is(void **state)
{
	const struct place *p = *state;
	struct tokens *ts = tokens_open(p->folder, NOW);
	struct token_wish wish = {.role = RPC_AGENT, .agent = "a17"};
	struct token_made made[TOKENS_FEW];

	for (int i = 0; i < TOKENS_FEW; i++)
		made[i] = make(ts, &wish);
	for (int i = 0; i < TOKENS_FEW; i++) {
		assert_int_equal(
			tokens_revoke(ts, made[i].token->id, NULL, NULL, NULL, NULL), 1);
		assert_int_equal(tokens_count(ts), TOKENS_FEW - 1 - i);
	}
	tokens_close(ts);
}

static void
a_token_outlives_a_restart_and_ends_when_it_must(void **state)
{
	const struct place *p = *state;
	struct tokens *ts = tokens_open(p->folder, NOW);
	struct token_wish wish = {.role = RPC_AGENT, .agent = "a17"};
	struct token_made made = make(ts, &wish);
	struct token *t;

	tokens_close(ts);
	ts = tokens_open(p->folder, NOW + MINUTE);
	assert_int_equal(
		tokens_check(ts, NOW + MINUTE, made.secret, false, &t), TOKEN_GOOD);
	assert_string_equal(t->agent, "a17");
	assert_int_equal(t->role, RPC_AGENT);
	tokens_use(t);
	assert_int_equal(
		tokens_check(ts, NOW + TOKEN_LIFE_MS - 1, made.secret, false, &t),
		TOKEN_GOOD);
	assert_int_equal(tokens_check(ts, NOW + TOKEN_LIFE_MS, made.secret, false, &t),
		TOKEN_OVER);
	tokens_close(ts);
	ts = tokens_open(p->folder, NOW + TOKEN_LIFE_MS);
	assert_int_equal(tokens_count(ts), 0);
	tokens_close(ts);
}

static void
a_token_that_nobody_uses_ends_early(void **state)
{
	const struct place *p = *state;
	struct tokens *ts = tokens_open(p->folder, NOW);
	struct token_wish wish = {.role = RPC_SUPERVISOR, .account = "s1"};
	struct token_made made = make(ts, &wish);
	struct token *t;

	assert_int_equal(tokens_check(ts, NOW + TOKEN_IDLE_MS, made.secret, false, &t),
		TOKEN_OVER);
	assert_int_equal(
		tokens_check(ts, NOW + TOKEN_IDLE_MS - 1, made.secret, false, &t),
		TOKEN_GOOD);
	tokens_use(t);
	assert_int_equal(
		tokens_check(ts, NOW + 2 * TOKEN_IDLE_MS, made.secret, false, &t),
		TOKEN_GOOD);
	tokens_leave(t, NOW + 2 * TOKEN_IDLE_MS);
	tokens_sweep(ts, NOW + 2 * TOKEN_IDLE_MS + MINUTE);
	assert_int_equal(tokens_count(ts), 1);
	tokens_close(ts);
}

static void
note(void *owner, const struct token *token)
{
	++*(int *)owner;
}

static void
a_revoked_token_stays_revoked(void **state)
{
	const struct place *p = *state;
	struct tokens *ts = tokens_open(p->folder, NOW);
	struct token_wish one = {.role = RPC_AGENT, .agent = "a1"},
			  two = {.role = RPC_AGENT, .agent = "a2"};
	struct token_made first = make(ts, &one), second = make(ts, &one),
			  other = make(ts, &two);
	struct token *t;
	int told = 0;

	assert_int_equal(tokens_revoke(ts, NULL, "a1", NULL, note, &told), 2);
	assert_int_equal(told, 2);
	assert_int_equal(tokens_revoke(ts, NULL, "a1", NULL, note, &told), 0);
	tokens_close(ts);
	ts = tokens_open(p->folder, NOW);
	assert_int_equal(tokens_check(ts, NOW, first.secret, false, &t), TOKEN_UNKNOWN);
	assert_int_equal(tokens_check(ts, NOW, second.secret, false, &t), TOKEN_UNKNOWN);
	assert_int_equal(tokens_check(ts, NOW, other.secret, false, &t), TOKEN_GOOD);
	assert_int_equal(tokens_revoke(ts, t->id, NULL, NULL, NULL, NULL), 1);
	tokens_close(ts);
}

static void
a_code_is_no_token_and_a_token_no_code(void **state)
{
	const struct place *p = *state;
	struct tokens *ts = tokens_open(p->folder, NOW);
	struct token_wish code = {
		.role = RPC_ADMINISTRATOR, .account = "admin", .code = true};
	struct token_wish token = {.role = RPC_ADMINISTRATOR, .account = "admin"};
	struct token_made c = make(ts, &code), t = make(ts, &token);
	struct token *out;

	assert_int_equal(tokens_check(ts, NOW, c.secret, false, &out), TOKEN_UNKNOWN);
	assert_int_equal(tokens_check(ts, NOW, t.secret, true, &out), TOKEN_UNKNOWN);
	assert_int_equal(tokens_check(ts, NOW, c.secret, true, &out), TOKEN_GOOD);
	assert_int_equal(
		tokens_check(ts, NOW + CODE_LIFE_MS, c.secret, true, &out), TOKEN_OVER);
	tokens_close(ts);
}

static void
ten_thousand_tokens_are_one_write(void **state)
{
	enum {
		MANY = 10000
	};
	const struct place *p = *state;
	struct tokens *ts = tokens_open(p->folder, NOW);
	struct token_wish *wishes = calloc(MANY, sizeof *wishes);
	struct token_made *made = calloc(MANY, sizeof *made);
	struct token *t;

	for (int i = 0; i < MANY; i++)
		wishes[i] = (struct token_wish){.role = RPC_AGENT, .agent = "a1"};
	assert_true(tokens_make(ts, NOW, wishes, MANY, made));
	tokens_close(ts);
	ts = tokens_open(p->folder, NOW);
	assert_int_equal(tokens_count(ts), MANY);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(
			tokens_check(ts, NOW, made[i].secret, false, &t), TOKEN_GOOD);
	tokens_close(ts);
	free(wishes);
	free(made);
}

static void
what_is_out_of_date_does_not_fill_the_file(void **state)
{
	enum {
		ROUND = 500
	};
	const struct place *p = *state;
	struct tokens *ts = tokens_open(p->folder, NOW);
	struct token_wish wishes[ROUND];
	struct token_made made[ROUND];
	char path[128];
	struct stat before, after;

	for (int i = 0; i < ROUND; i++)
		wishes[i] = (struct token_wish){.role = RPC_AGENT, .agent = "a1"};
	for (int round = 0; round < 4; round++) {
		assert_true(tokens_make(ts, NOW, wishes, ROUND, made));
		assert_int_equal(tokens_revoke(ts, NULL, "a1", NULL, NULL, NULL), ROUND);
	}
	path_in(p, "tokens", path);
	stat(path, &before);
	tokens_sweep(ts, NOW);
	stat(path, &after);
	assert_true(before.st_size > 100000);
	assert_int_equal(after.st_size, 0);
	tokens_close(ts);
}

/* ---- keys ---- */

static void
a_key_does_what_it_is_for_and_nothing_else(void **state)
{
	const struct place *p = *state;
	struct keys *ks = keys_open(p->folder);
	json_t *wish = json_pack("{s:s, s:[s], s:[s], s:[ss], s:i}", "source", "shop",
		"allow", "submit", "channels", "email", "queues", "billing", "general",
		"rate", 10);
	char text[KEY_TEXT], id[32];
	struct key *k;

	assert_true(keys_make(ks, NOW, wish, text));
	json_decref(wish);
	keys_close(ks);
	ks = keys_open(p->folder);
	k = keys_check(ks, text);
	assert_non_null(k);
	assert_true(key_may(k, KEY_SUBMIT));
	assert_false(key_may(k, KEY_READ));
	assert_string_equal(key_source(k), "shop");
	assert_true(key_takes(k, "email", "billing"));
	assert_false(key_takes(k, "voice", "billing"));
	assert_false(key_takes(k, "email", "other"));
	assert_false(key_takes(k, "email", NULL));
	text[strlen(text) - 1] ^= 1;
	assert_null(keys_check(ks, text));
	assert_null(keys_check(ks, "nodot"));
	assert_null(keys_check(ks, "."));
	snprintf(id, sizeof id, "%s", key_id(k));
	assert_true(keys_revoke(ks, id));
	assert_null(keys_by_id(ks, id));
	keys_close(ks);
	ks = keys_open(p->folder);
	assert_null(keys_by_id(ks, id));
	keys_close(ks);
}

static void
a_keys_rate_is_held_over_two_seconds(void **state)
{
	const struct place *p = *state;
	struct keys *ks = keys_open(p->folder);
	json_t *wish = json_pack("{s:i}", "rate", 10);
	char text[KEY_TEXT];
	struct key *k;
	int n = 0;

	assert_true(keys_make(ks, NOW, wish, text));
	k = keys_check(ks, text);
	for (int i = 0; i < 100; i++)
		n += key_spend(k, 1000000);
	assert_int_equal(n, 20);
	for (int i = 0; i < 100; i++)
		n += key_spend(k, 1000500);
	assert_int_equal(n, 25);
	json_decref(wish);
	keys_close(ks);
}

static void
a_list_of_keys_holds_no_secret(void **state)
{
	const struct place *p = *state;
	struct keys *ks = keys_open(p->folder);
	json_t *wish = json_object(), *list;
	char text[KEY_TEXT], *dump;
	bool more;

	for (int i = 0; i < 3; i++)
		assert_true(keys_make(ks, NOW, wish, text));
	list = keys_json(ks, NULL, &more);
	assert_int_equal(json_array_size(list), 3);
	assert_false(more);
	dump = json_dumps(list, 0);
	assert_null(strstr(dump, strchr(text, '.') + 1));
	assert_null(strstr(dump, "hash"));
	free(dump);
	json_decref(list);
	json_decref(wish);
	keys_close(ks);
}

/* ---- back-off ---- */

static void
wrong_passwords_make_the_next_try_wait_longer(void **state)
{
	static const int64_t waits[] = {
		0, 0, 0, 0, 15000, 30000, 60000, 120000, 240000, 480000, 900000, 900000};
	struct backoff b = {0};

	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		backoff_failed(&b, MINUTE, "ann", "192.0.2.1");
		assert_int_equal(
			backoff_wait_ms(&b, MINUTE, "ann", "192.0.2.1"), waits[i]);
	}
	assert_int_equal(
		backoff_wait_ms(&b, MINUTE + 600000, "ann", "192.0.2.1"), 300000);
	assert_int_equal(backoff_wait_ms(&b, MINUTE + 900000, "ann", "192.0.2.1"), 0);
	/* An outsider does not lock Ann out from where she sits. */
	assert_int_equal(backoff_wait_ms(&b, MINUTE, "ann", "192.0.2.2"), 0);
	assert_int_equal(backoff_wait_ms(&b, MINUTE, "bob", "192.0.2.1"), 0);
	backoff_passed(&b, "ann", "192.0.2.1");
	assert_int_equal(backoff_wait_ms(&b, MINUTE, "ann", "192.0.2.1"), 0);
	backoff_finish(&b);
}

static void
an_address_that_tries_many_names_waits_too(void **state)
{
	struct backoff b = {0};
	char name[16];

	for (int i = 0; i < BACKOFF_FREE_ADDRESS; i++) {
		snprintf(name, sizeof name, "n%d", i);
		backoff_failed(&b, MINUTE, name, "192.0.2.1");
	}
	assert_int_equal(backoff_wait_ms(&b, MINUTE, "fresh", "192.0.2.1"), 15000);
	assert_int_equal(
		backoff_wait_ms(&b, MINUTE + BACKOFF_FORGET_MS, "fresh", "192.0.2.1"), 0);
	backoff_finish(&b);
}

static void
what_back_off_remembers_is_bounded(void **state)
{
	struct backoff b = {0};
	char address[32];

	/* Each failure is two entries: of the name there, and of the address. */
	for (int i = 0; i < BACKOFF_ENTRIES_MAX / 2 + 20; i++) {
		snprintf(address, sizeof address, "192.0.%d.%d", i / 250, i % 250);
		backoff_failed(&b, MINUTE + i, "ann", address);
	}
	assert_true(b.tries.n > BACKOFF_ENTRIES_MAX / 2);
	assert_true(b.tries.n <= BACKOFF_ENTRIES_MAX);
	backoff_finish(&b);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_line_that_was_cut_off_is_dropped_and_written_over),
		TEST(a_file_that_others_may_read_is_refused),
		TEST(a_file_is_replaced_whole),
		TEST(only_one_process_holds_the_accounts),
		TEST(a_weak_password_is_refused),
		TEST(a_password_matches_its_hash_alone),
		TEST(an_account_is_found_again_as_it_was_left),
		TEST(a_token_is_ended_by_its_own_id_and_no_other_is),
		TEST(a_token_outlives_a_restart_and_ends_when_it_must),
		TEST(a_token_that_nobody_uses_ends_early),
		TEST(a_revoked_token_stays_revoked),
		TEST(a_code_is_no_token_and_a_token_no_code),
		TEST(ten_thousand_tokens_are_one_write),
		TEST(what_is_out_of_date_does_not_fill_the_file),
		TEST(a_key_does_what_it_is_for_and_nothing_else),
		TEST(a_keys_rate_is_held_over_two_seconds),
		TEST(a_list_of_keys_holds_no_secret),
		TEST(wrong_passwords_make_the_next_try_wait_longer),
		TEST(an_address_that_tries_many_names_waits_too),
		TEST(what_back_off_remembers_is_bounded),
	};

	umask(077);
	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
