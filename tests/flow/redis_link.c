/* tests/flow/redis_link.c - the connection to Redis against a server that lies, stalls,
 * and hangs up: each command is answered once, and it comes back by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/redis.h"

#define DEADLINE_MS 300

struct rig {
	struct event_base *base;
	struct evconnlistener *listener;
	struct rlink *link;
	char dir[64], path[100];
	/* What the server says after the PING of the login, for each command; NULL: it
	 * says nothing; "": it hangs up. */
	const char *answer;
	const char *login; /* to the PING */
	struct bufferevent *peer;
	int accepted, ups, downs;
	int nulls, answers;
	char last[200], why[200];
};

static void
on_read(struct bufferevent *peer, void *data)
{
	struct rig *rig = data;
	struct evbuffer *in = bufferevent_get_input(peer);
	size_t n = evbuffer_get_length(in);
	char *text = malloc(n + 1);

	evbuffer_remove(in, text, n);
	text[n] = '\0';
	if (strstr(text, "PING") != NULL) {
		bufferevent_write(peer, rig->login, strlen(rig->login));
	} else if (rig->answer != NULL && rig->answer[0] == '\0') {
		bufferevent_free(peer);
		rig->peer = NULL;
	} else if (rig->answer != NULL) {
		bufferevent_write(peer, rig->answer, strlen(rig->answer));
	}
	free(text);
}

static void
on_gone(struct bufferevent *peer, short what, void *data)
{
	struct rig *rig = data;

	if (rig->peer == peer)
		rig->peer = NULL;
	bufferevent_free(peer);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	int n, void *data)
{
	struct rig *rig = data;

	rig->accepted++;
	rig->peer = bufferevent_socket_new(rig->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(rig->peer, on_read, NULL, on_gone, rig);
	bufferevent_enable(rig->peer, EV_READ | EV_WRITE);
}

static void
on_up(void *owner)
{
	((struct rig *)owner)->ups++;
}

static void
on_down(void *owner, const char *reason)
{
	struct rig *rig = owner;

	rig->downs++;
	snprintf(rig->why, sizeof rig->why, "%s", reason);
}

static void
on_answer(void *owner, uint64_t tag, const struct redisReply *reply)
{
	struct rig *rig = owner;

	if (reply == NULL) {
		rig->nulls++;
		return;
	}
	rig->answers++;
	snprintf(rig->last, sizeof rig->last, "%d:%d:%s", (int)tag, reply->type,
		reply->str != NULL ? reply->str : "");
}

static int
rig_begin(void **state)
{
	struct rig *rig = xcalloc(1, sizeof *rig);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *tmp = getenv("TMPDIR");

	signal(SIGPIPE, SIG_IGN);
	snprintf(rig->dir, sizeof rig->dir, "%.40s/usher-XXXXXX",
		tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(rig->dir) == NULL)
		return -1;
	snprintf(rig->path, sizeof rig->path, "%s/redis.sock", rig->dir);
	strcpy(address.sun_path, rig->path);
	rig->base = event_base_new();
	rig->listener = evconnlistener_new_bind(rig->base, on_accept, rig,
		LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&address, sizeof address);
	rig->login = "+PONG\r\n";
	*state = rig;
	return rig->listener != NULL ? 0 : -1;
}

static int
rig_end(void **state)
{
	struct rig *rig = *state;

	rlink_destroy(rig->link);
	if (rig->peer != NULL)
		bufferevent_free(rig->peer);
	if (rig->listener != NULL)
		evconnlistener_free(rig->listener);
	event_base_free(rig->base);
	unlink(rig->path);
	rmdir(rig->dir);
	free(rig);
	libevent_global_shutdown();
	return 0;
}

static void
open_link(struct rig *rig)
{
	char address[128], error[300];
	struct rlink_settings settings = {
		.address = address, .deadline_ms = DEADLINE_MS, .back_off_ms = 200};
	struct rlink_handler handler = {on_up, on_down, rig};

	snprintf(address, sizeof address, "unix:%s", rig->path);
	rig->link = rlink_create(rig->base, &settings, &handler, error, sizeof error);
	if (rig->link == NULL)
		fail_msg("%s", error);
}

static void
run_until(struct rig *rig, const int *count, int n)
{
	int64_t until_ms = clock_boot_ms() + 10000;
	struct timeval tick = {0, 10000};

	while (*count < n) {
		event_base_loopexit(rig->base, &tick);
		event_base_dispatch(rig->base);
		if (clock_boot_ms() > until_ms)
			fail_msg("not in time");
	}
}

static void
ask(struct rig *rig, int n)
{
	const char *words[] = {"GET", "x", NULL};

	for (int i = 1; i <= n; i++)
		if (!rlink_send_words(rig->link, on_answer, rig, (uint64_t)i, words))
			fail_msg("not sent");
}

static void
answers_come_in_order(void **state)
{
	struct rig *rig = *state;

	rig->answer = "$1\r\na\r\n:2\r\n-ERR no\r\n";
	open_link(rig);
	run_until(rig, &rig->ups, 1);
	ask(rig, 3);
	assert_int_equal(rlink_unanswered(rig->link), 3);
	run_until(rig, &rig->answers, 3);
	assert_string_equal(rig->last, "3:6:ERR no");
	assert_int_equal(rlink_unanswered(rig->link), 0);
	assert_int_equal(rlink_waiting_ms(rig->link), 0);
}

static void
lies_and_hang_ups_end_in_a_new_connection(void **state)
{
	static const char *const answers[] = {"!what\r\n", "$100\r\nabc", "*-7\r\n", "",
		"$99999999999999999999\r\n", "*2\r\n*2\r\n", ":12a\r\n", "\r\n",
		"$-5\r\n\r\n", "+OK"};
	struct rig *rig = *state;

	open_link(rig);
	run_until(rig, &rig->ups, 1);
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		int before = rig->nulls + rig->answers;

		rig->answer = answers[i];
		ask(rig, 2);
		run_until(rig, &rig->ups, (int)i + 2);
		assert_int_equal(rig->nulls + rig->answers, before + 2);
		assert_int_equal(rig->downs, i + 1);
	}
	/* Afterwards it works as before. */
	rig->answer = "+fine\r\n";
	ask(rig, 1);
	rig->last[0] = '\0';
	run_until(rig, &rig->answers, rig->answers + 1);
	assert_string_equal(rig->last, "1:5:fine");
}

static void
silence_has_a_deadline(void **state)
{
	struct rig *rig = *state;
	int64_t began_ms;

	open_link(rig);
	run_until(rig, &rig->ups, 1);
	ask(rig, 5);
	began_ms = clock_boot_ms();
	run_until(rig, &rig->downs, 1);
	assert_true(clock_boot_ms() - began_ms >= DEADLINE_MS - 20);
	assert_int_equal(rig->nulls, 5);
	assert_string_equal(rig->why, "no answer in time");
	assert_false(rlink_send_words(
		rig->link, on_answer, rig, 1, (const char *[]){"GET", "x", NULL}));
	run_until(rig, &rig->ups, 2);
}

static void
a_silent_login_is_given_up(void **state)
{
	struct rig *rig = *state;

	rig->login = "";
	open_link(rig);
	run_until(rig, &rig->accepted, 3);
	assert_int_equal(rig->ups, 0);
	rig->login = "+PONG\r\n";
	run_until(rig, &rig->ups, 1);
}

static void
a_refused_login_never_counts_as_up(void **state)
{
	struct rig *rig = *state;

	rig->login = "-NOAUTH Authentication required.\r\n";
	open_link(rig);
	run_until(rig, &rig->accepted, 3);
	assert_int_equal(rig->ups, 0);
	assert_int_equal(rig->downs, 0);
}

static void
a_server_that_loads_is_up(void **state)
{
	struct rig *rig = *state;

	rig->login = "-LOADING Redis is loading the dataset in memory\r\n";
	open_link(rig);
	run_until(rig, &rig->ups, 1);
}

static void
destroying_it_answers_what_is_open(void **state)
{
	struct rig *rig = *state;

	open_link(rig);
	run_until(rig, &rig->ups, 1);
	ask(rig, 4);
	rlink_destroy(rig->link);
	rig->link = NULL;
	assert_int_equal(rig->nulls, 4);
	assert_int_equal(rig->downs, 0);
}

static void
drop_on_answer(void *owner, uint64_t tag, const struct redisReply *reply)
{
	struct rig *rig = owner;

	rig->answers += reply != NULL;
	rig->nulls += reply == NULL;
	if (tag == 1 && reply != NULL)
		rlink_drop(rig->link, "by its user");
}

static void
it_may_be_dropped_within_an_answer(void **state)
{
	struct rig *rig = *state;
	const char *words[] = {"GET", "x", NULL};

	rig->answer = "+1\r\n+2\r\n+3\r\n";
	open_link(rig);
	run_until(rig, &rig->ups, 1);
	for (uint64_t i = 1; i <= 3; i++)
		assert_true(rlink_send_words(rig->link, drop_on_answer, rig, i, words));
	run_until(rig, &rig->ups, 2);
	assert_int_equal(rig->answers, 1);
	assert_int_equal(rig->nulls, 2);
	assert_string_equal(rig->why, "by its user");
}

static void
drop_when_up(void *owner)
{
	struct rig *rig = owner;

	rig->ups++;
	rlink_drop(rig->link, "of no use");
}

/* Who finds it of no use (Redis reads its log, or takes no functions) would connect
 * twenty times a second. */
static void
one_that_is_of_no_use_is_tried_less_and_less_often(void **state)
{
	struct rig *rig = *state;
	struct rlink_handler handler = {drop_when_up, on_down, rig};
	struct rlink_settings settings = {.deadline_ms = DEADLINE_MS, .back_off_ms = 400};
	char address[128], error[300];
	int64_t began_ms = clock_boot_ms();

	snprintf(address, sizeof address, "unix:%s", rig->path);
	settings.address = address;
	rig->link = rlink_create(rig->base, &settings, &handler, error, sizeof error);
	assert_non_null(rig->link);
	run_until(rig, &rig->ups, 6);
	/* 50 + 100 + 200 + 400 + 400 ms at least */
	assert_true(clock_boot_ms() - began_ms >= 1150);
}

static void
passwords_come_from_a_file_of_ones_own(void **state)
{
	struct rig *rig = *state;
	struct rlink_handler handler = {on_up, on_down, rig};
	struct rlink_settings settings = {.address = "redis://10.1.2.3",
		.deadline_ms = DEADLINE_MS,
		.back_off_ms = 200};
	char error[300] = "", file[128];
	FILE *out;

	assert_null(rlink_create(rig->base, &settings, &handler, error, sizeof error));
	assert_non_null(strstr(error, "redis_password_file"));
	snprintf(file, sizeof file, "%s/password", rig->dir);
	settings.password_file = file;
	assert_null(rlink_create(rig->base, &settings, &handler, error, sizeof error));
	assert_non_null(strstr(error, "cannot read"));
	out = fopen(file, "w");
	fputs("secret\n", out);
	fclose(out);
	chmod(file, 0644);
	assert_null(rlink_create(rig->base, &settings, &handler, error, sizeof error));
	assert_non_null(strstr(error, "chmod 600"));
	chmod(file, 0600);
	rig->link = rlink_create(rig->base, &settings, &handler, error, sizeof error);
	assert_non_null(rig->link);
	unlink(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)
		TEST(answers_come_in_order),
		TEST(lies_and_hang_ups_end_in_a_new_connection),
		TEST(silence_has_a_deadline),
		TEST(a_silent_login_is_given_up),
		TEST(a_refused_login_never_counts_as_up),
		TEST(a_server_that_loads_is_up),
		TEST(destroying_it_answers_what_is_open),
		TEST(it_may_be_dropped_within_an_answer),
		TEST(one_that_is_of_no_use_is_tried_less_and_less_often),
		TEST(passwords_come_from_a_file_of_ones_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
