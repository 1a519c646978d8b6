/* Requests, replies, limits and moments: base/rpc, base/json, base/moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/moment.h"
#include "base/rpc.h"

struct bench {
	struct rpc *rpc;
	char last[4096]; /* the last frame sent */
	int sent;
	uint64_t kept; /* tag of a request answered later */
	int acts;      /* that were done */
};

static bool
catch_frame(void *owner, uint64_t who, const char *text, size_t n)
{
	struct bench *b = owner;

	assert_true(n < sizeof b->last);
	memcpy(b->last, text, n);
	b->last[n] = '\0';
	b->sent++;
	return true;
}

static void
echo(void *owner, const struct rpc_call *call)
{
	rpc_answer(call->rpc, call->tag, json_deep_copy(call->params));
}

static void
keep(void *owner, const struct rpc_call *call)
{
	struct bench *b = owner;

	b->kept = call->tag;
}

static void
act(void *owner, const struct rpc_call *call)
{
	struct bench *b = owner;

	b->acts++;
	b->kept = call->tag;
}

static const struct rpc_param echo_params[] = {
	{"name", RPC_NAME, .required = true},
	{"text", RPC_TEXT, .most = 8},
	{"word", RPC_WORD, .words = "ready|not_ready"},
	{"whole", RPC_INTEGER, .least = 1, .most = 10},
	{"number", RPC_NUMBER, .least = 0, .most = 10},
	{"flag", RPC_BOOLEAN},
	{"time", RPC_TIME},
	{"contact", RPC_CONTACT},
	{"offer", RPC_OFFER},
	{"levels", RPC_LEVELS, .least = 1, .most = 10},
	{"names", RPC_NAMES, .most = 2},
	{"words", RPC_WORDS, .words = "submit|read", .most = 2},
	{NULL},
};

static const struct rpc_param act_params[] = {RPC_ITS_ID, {NULL}};

static const struct rpc_command commands[] = {
	{"test.echo", RPC_MAY(RPC_AGENT), echo_params, echo, "Says it again."},
	{"test.keep", RPC_MAY(RPC_AGENT), NULL, keep, "Answers later."},
	{"test.login", RPC_MAY(RPC_NOBODY), NULL, echo, "Before login."},
	{"test.act", RPC_MAY(RPC_AGENT), act_params, act, "Is done once."},
};

/* Peers 1 and 2 are the connections of one agent. */
static const char *
name_of(void *owner, uint64_t who)
{
	return who <= 2 ? "a1" : "a2";
}

static int
begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	b->rpc = rpc_create(catch_frame, b);
	rpc_know_by(b->rpc, name_of);
	rpc_add(b->rpc, commands, 4, b);
	rpc_open(b->rpc, 1);
	*state = b;
	return 0;
}

static int
end(void **state)
{
	struct bench *b = *state;

	rpc_destroy(b->rpc);
	free(b);
	return 0;
}

static const char *
say(struct bench *b, enum rpc_role role, const char *text)
{
	b->last[0] = '\0';
	rpc_receive(b->rpc, 1, role, text, strlen(text));
	return b->last;
}

static void
a_request_is_answered_with_its_id(void **state)
{
	assert_string_equal(say(*state, RPC_AGENT,
				    "{\"jsonrpc\":\"2.0\",\"id\":\"x\\\"1\",\"method\":"
				    "\"test.echo\",\"params\":{\"name\":\"a1\"}}"),
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\\\"1\",\"result\":{\"name\":\"a1\"}}");
}

static void
what_is_not_a_request_is_refused_with_a_code(void **state)
{
	static const struct {
		const char *text, *code;
	} cases[] = {
		{"", "-32700"},
		{"{", "-32700"},
		{"nul", "-32700"},
		{"{\"a\":1,\"a\":2}", "-32700"},
		{"{\"a\":\"\\u0000\"}", "-32700"},
		{"{\"a\":\"\xff\"}", "-32700"},
		{"{\"a\":9007199254740993}", "-32700"},
		{"{\"a\":1e999}", "-32700"},
		{"{\"a\":1} x", "-32700"},
		{"[]", "-32600"},
		{"[{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"test.echo\"}]",
			"-32600"},
		{"{}", "-32600"},
		{"{\"jsonrpc\":\"1.0\",\"id\":\"1\",\"method\":\"test.echo\"}", "-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test.echo\"}", "-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"test.echo\"}", "-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"test.echo\"}", "-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":1}", "-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"test.echo\",\"params\":["
		 "]}",
			"-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"test.echo\",\"more\":1}",
			"-32600"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"test.ecko\"}", "-32601"},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"test.echo\"}", "-32602"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got = say(*state, RPC_AGENT, cases[i].text);

		if (strstr(got, cases[i].code) == NULL)
			fail_msg("%s gave %s", cases[i].text, got);
	}
}

static void
a_misspelt_method_or_member_is_named(void **state)
{
	assert_non_null(strstr(
		say(*state, RPC_AGENT,
			"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"test.ecko\"}"),
		"did you mean test.echo?"));
	assert_non_null(strstr(say(*state, RPC_AGENT,
				       "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":"
				       "\"test.echo\",\"params\":{\"nam\":\"a\"}}"),
		"did you mean name?"));
}

static void
a_role_without_the_right_is_refused(void **state)
{
	const char *echo_it =
		"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"test.echo\","
		"\"params\":{\"name\":\"a\"}}";

	for (int role = 0; role < RPC_ROLES; role++) {
		const char *got = say(*state, (enum rpc_role)role, echo_it);

		if (role == RPC_AGENT)
			assert_non_null(strstr(got, "result"));
		else
			assert_non_null(strstr(got,
				role == RPC_NOBODY ? "not_logged_in" : "not_permitted"));
	}
}

static void
each_kind_of_param_holds_its_bounds(void **state)
{
	static const struct {
		const char *params;
		bool fits;
	} cases[] = {
		{"{\"name\":\"a\",\"text\":\"12345678\"}", true},
		{"{\"name\":\"a\",\"text\":\"123456789\"}", false},
		{"{\"name\":\"a b\"}", false},
		{"{\"name\":1}", false},
		{"{\"name\":\"a\",\"word\":\"ready\"}", true},
		{"{\"name\":\"a\",\"word\":\"read\"}", false},
		{"{\"name\":\"a\",\"word\":\"\"}", false},
		{"{\"name\":\"a\",\"word\":\"not_ready\"}", true},
		{"{\"name\":\"a\",\"whole\":10}", true},
		{"{\"name\":\"a\",\"whole\":11}", false},
		{"{\"name\":\"a\",\"whole\":0}", false},
		{"{\"name\":\"a\",\"whole\":1.5}", false},
		{"{\"name\":\"a\",\"number\":9.5}", true},
		{"{\"name\":\"a\",\"number\":-1}", false},
		{"{\"name\":\"a\",\"number\":\"1\"}", false},
		{"{\"name\":\"a\",\"flag\":true}", true},
		{"{\"name\":\"a\",\"flag\":0}", false},
		{"{\"name\":\"a\",\"time\":\"2026-11-22T09:40:00Z\"}", true},
		{"{\"name\":\"a\",\"time\":\"2026-11-31T09:40:00Z\"}", false},
		{"{\"name\":\"a\",\"contact\":\"c00040000000a\"}", true},
		{"{\"name\":\"a\",\"contact\":\"o00040000000a\"}", false},
		{"{\"name\":\"a\",\"contact\":\"c0004000000il\"}", false},
		{"{\"name\":\"a\",\"offer\":\"o00040000000a\"}", true},
		{"{\"name\":\"a\",\"levels\":{\"french\":10}}", true},
		{"{\"name\":\"a\",\"levels\":{\"french\":11}}", false},
		{"{\"name\":\"a\",\"levels\":{\"fr ench\":1}}", false},
		{"{\"name\":\"a\",\"names\":[\"a\",\"b\"]}", true},
		{"{\"name\":\"a\",\"names\":[\"a\",\"b\",\"c\"]}", false},
		{"{\"name\":\"a\",\"names\":[1]}", false},
		{"{\"name\":\"a\",\"words\":[\"read\"]}", true},
		{"{\"name\":\"a\",\"words\":[\"write\"]}", false},
		{"{\"name\":\"a\",\"other\":1}", false},
		{"{}", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_problem problem;
		struct rpc_fault fault;
		json_t *params =
			json_read(cases[i].params, strlen(cases[i].params), &problem);

		assert_non_null(params);
		if (rpc_params_fit(echo_params, params, &fault) != cases[i].fits)
			fail_msg("%s", cases[i].params);
		json_decref(params);
	}
}

static void
an_answer_after_the_peer_is_gone_is_dropped(void **state)
{
	struct bench *b = *state;
	int sent;

	say(b, RPC_AGENT, "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"test.keep\"}");
	sent = b->sent;
	rpc_close(b->rpc, 1);
	rpc_answer(b->rpc, b->kept, NULL);
	rpc_answer(b->rpc, b->kept, NULL); /* a second answer is none */
	assert_int_equal(b->sent, sent);
}

static void
a_notification_is_carried_out_and_not_answered(void **state)
{
	struct bench *b = *state;

	say(b, RPC_AGENT, "{\"jsonrpc\":\"2.0\",\"method\":\"test.keep\"}");
	assert_true(b->kept != 0);
	rpc_refuse(b->rpc, b->kept, RPC_CONFLICT, "wrong_state", "No.", NULL);
	assert_int_equal(b->sent, 0);
}

static void
a_peer_with_too_many_open_requests_is_told_to_wait(void **state)
{
	const char *ask = "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"test.keep\"}";
	struct bench *b = *state;

	for (int i = 0; i < RPC_WAITING_MAX; i++)
		assert_string_equal(say(b, RPC_AGENT, ask), "");
	assert_non_null(strstr(say(b, RPC_AGENT, ask), "\"busy\""));
	rpc_answer(b->rpc, b->kept, NULL);
	assert_string_equal(say(b, RPC_AGENT, ask), "");
}

static void
json_beyond_a_limit_is_refused(void **state)
{
	struct text deep = {0}, wide = {0}, lengthy = {0};
	struct json_problem problem;
	json_t *value;

	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		text_add(&deep, "[");
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		text_add(&deep, "]");
	value = json_read(deep.s, deep.n, &problem);
	assert_non_null(value);
	json_decref(value);
	text_clear(&deep);
	for (int i = 0; i <= JSON_DEPTH_MAX; i++)
		text_add(&deep, "[");
	for (int i = 0; i <= JSON_DEPTH_MAX; i++)
		text_add(&deep, "]");
	assert_null(json_read(deep.s, deep.n, &problem));

	text_add(&wide, "{");
	for (int i = 0; i <= JSON_MEMBERS_MAX; i++)
		text_addf(&wide, "%s\"m%d\":0", i > 0 ? "," : "", i);
	text_add(&wide, "}");
	assert_null(json_read(wide.s, wide.n, &problem));

	text_add(&lengthy, "[\"");
	for (int i = 0; i <= JSON_TEXT_MAX; i++)
		text_add(&lengthy, "x");
	text_add(&lengthy, "\"]");
	assert_null(json_read(lengthy.s, lengthy.n, &problem));
	text_finish(&deep);
	text_finish(&wide);
	text_finish(&lengthy);
}

static void
moments_are_read_and_written_exactly(void **state)
{
	static const struct {
		const char *in;
		int64_t ms; /* -1: refused */
		const char *out;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"},
		{"2026-11-22T09:40:00.123Z", 1795340400123, "2026-11-22T09:40:00.123Z"},
		{"2026-11-22T10:40:00.1239+01:00", 1795340400123,
			"2026-11-22T09:40:00.123Z"},
		{"2024-02-29T23:59:59.5-00:30", 1709252999500,
			"2024-03-01T00:29:59.500Z"},
		{"2026-02-29T00:00:00Z", -1, ""},
		{"2026-11-22 09:40:00Z", -1, ""},
		{"2026-11-22T24:00:00Z", -1, ""},
		{"2026-11-22T09:40:00", -1, ""},
		{"2026-11-22T09:40:00.Z", -1, ""},
		{"2026-11-22T09:40:00Zx", -1, ""},
		{"1969-12-31T23:59:59Z", -1, ""},
		{"", -1, ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[MOMENT_TEXT];
		int64_t ms;
		bool read = moment_parse(cases[i].in, &ms);

		assert_int_equal(read, cases[i].ms >= 0);
		if (!read)
			continue;
		assert_int_equal(ms, cases[i].ms);
		moment_format(out, ms);
		assert_string_equal(out, cases[i].out);
	}
}

static void
say_act(struct bench *b, uint64_t who, const char *id)
{
	char text[200];
	int n = snprintf(text, sizeof text,
		"{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"test.act\","
		"\"params\":{\"id\":\"%s\"}}",
		id);

	b->last[0] = '\0';
	rpc_receive(b->rpc, who, RPC_AGENT, text, (size_t)n);
}

static void
an_act_that_is_asked_for_again_is_done_once_and_answered_the_same(void **state)
{
	static const char answer[] =
		"{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"result\":{\"n\":7}}";
	struct bench *b = *state;

	rpc_open(b->rpc, 2);
	rpc_open(b->rpc, 3);
	say_act(b, 1, "press");
	/* The line breaks before the answer: it is asked for again, and told by both. */
	rpc_close(b->rpc, 1);
	say_act(b, 2, "press");
	assert_int_equal(b->acts, 1);
	assert_int_equal(b->sent, 0);
	rpc_answer(b->rpc, b->kept, json_pack("{s:i}", "n", 7));
	assert_int_equal(b->sent, 1);
	assert_string_equal(b->last, answer);
	/* And once more when it is done long since. */
	say_act(b, 2, "press");
	assert_int_equal(b->acts, 1);
	assert_string_equal(b->last, answer);
	/* Somebody else's id, and another one of his, are other acts. */
	say_act(b, 3, "press");
	say_act(b, 2, "press-2");
	assert_int_equal(b->acts, 3);
}

static void
an_act_that_was_refused_may_be_asked_for_anew(void **state)
{
	struct bench *b = *state;

	rpc_open(b->rpc, 2);
	say_act(b, 1, "press");
	say_act(b, 2, "press");
	rpc_refuse(b->rpc, b->kept, RPC_LATER, "store_away", "Later.",
		json_pack("{s:i}", "retry_ms", 5));
	assert_int_equal(b->sent, 2);
	assert_non_null(strstr(b->last, "\"retry_ms\":5"));
	say_act(b, 2, "press");
	assert_int_equal(b->acts, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_request_is_answered_with_its_id, begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_not_a_request_is_refused_with_a_code, begin, end),
		cmocka_unit_test_setup_teardown(
			a_misspelt_method_or_member_is_named, begin, end),
		cmocka_unit_test_setup_teardown(
			a_role_without_the_right_is_refused, begin, end),
		cmocka_unit_test(each_kind_of_param_holds_its_bounds),
		cmocka_unit_test_setup_teardown(
			an_answer_after_the_peer_is_gone_is_dropped, begin, end),
		cmocka_unit_test_setup_teardown(
			a_notification_is_carried_out_and_not_answered, begin, end),
		cmocka_unit_test_setup_teardown(
			a_peer_with_too_many_open_requests_is_told_to_wait, begin, end),
		cmocka_unit_test_setup_teardown(
			an_act_that_is_asked_for_again_is_done_once_and_answered_the_same,
			begin, end),
		cmocka_unit_test_setup_teardown(
			an_act_that_was_refused_may_be_asked_for_anew, begin, end),
		cmocka_unit_test(json_beyond_a_limit_is_refused),
		cmocka_unit_test(moments_are_read_and_written_exactly),
	};

	return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}
