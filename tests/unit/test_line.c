/* The line protocol's adapter: what a switch says, in any chunking, and what it is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "../../plugins/line/link.h"
#include "base/text.h"

extern const struct usher_plugin usher_plugin;

#define SECRET "0123456789abcdef"
#define NONCE "00112233445566778899aabbccddeeff"
#define HELLO "{\"is\":\"hello\",\"line\":1,\"nonce\":\"" NONCE "\"}\n"
#define UP "{\"is\":\"up\",\"seq\":1,\"at\":100,\"instance\":\"i1\"}\n"

static const struct line_settings by_secret = {"usher", SECRET, "hmac"};
static const struct line_settings by_tls = {"usher", "", "tls"};

struct bench {
	struct usher_switch_sink sink;
	struct text told, sent;
	void *link;
};

static const char *
text_of(const char *s)
{
	return s != NULL ? s : "-";
}

/* One line an event: kind, call, leg, device, and what else it says. */
static void
on_event(void *context, const struct usher_switch_event *e)
{
	struct bench *b = context;

	assert_int_equal(e->size, sizeof(*e));
	text_addf(&b->told, "%d %.1f %s/%s %s", (int)e->kind, (double)e->t_us / 1e6,
		text_of(e->call), text_of(e->leg), text_of(e->device));
	if (e->kind == USHER_CALL_WAITING)
		text_addf(&b->told, " %s %s %s why=%s begun=%.1f", text_of(e->number),
			text_of(e->name), text_of(e->dialled), e->why,
			(double)e->begun_us / 1e6);
	if (e->kind == USHER_CALL_GONE)
		text_addf(&b->told, " outcome=%d talk=%.1f hold=%.1f", (int)e->outcome,
			(double)e->talk_us / 1e6, (double)e->hold_us / 1e6);
	if (e->kind == USHER_SNAPSHOT_CALL)
		text_addf(&b->told, " state=%d age=%.1f", (int)e->state,
			(double)e->age_us / 1e6);
	if (e->offer != NULL)
		text_addf(&b->told, " offer=%s", e->offer);
	if (e->consult)
		text_add(&b->told, " consult");
	if (e->kind == USHER_LEG_RELEASED || e->kind == USHER_ACTION_FAILED)
		text_addf(&b->told, " %s reason=%d", text_of(e->action), (int)e->reason);
	if (e->kind == USHER_LEG_TRANSFERRED)
		text_addf(&b->told, " by=%d %s %s", (int)e->by, text_of(e->to_leg),
			text_of(e->target));
	if (e->kind == USHER_DEVICE_STATE)
		text_addf(&b->told, " is=%d", (int)e->device_state);
	if (e->instance != NULL)
		text_addf(&b->told, " %s", e->instance);
	for (size_t i = 0; i < e->n_attributes; i++)
		text_addf(
			&b->told, " %s=%s", e->attributes[i].name, e->attributes[i].text);
	text_add(&b->told, "\n");
}

static void
on_send(void *context, const char *bytes, size_t n)
{
	struct bench *b = context;

	text_add_n(&b->sent, bytes, n);
}

static const struct usher_switch *
adapter(void)
{
	return usher_plugin.telephony;
}

static void
start(struct bench *b, const struct line_settings *settings, bool sends)
{
	*b = (struct bench){.sink = {.size = sizeof(b->sink),
				    .context = b,
				    .event = on_event,
				    .send = sends ? on_send : NULL}};
	b->link = adapter()->open((void *)(uintptr_t)settings, &b->sink);
	text_add(&b->told, "");
	text_add(&b->sent, "");
}

static void
stop(struct bench *b)
{
	adapter()->close(b->link);
	text_finish(&b->told);
	text_finish(&b->sent);
}

static bool
say_in(struct bench *b, const char *text, size_t chunk)
{
	size_t n = strlen(text);
	bool good = true;

	for (size_t at = 0; at < n; at += chunk)
		good = adapter()->receive(
			b->link, text + at, n - at < chunk ? n - at : chunk);
	return good;
}

static bool
say(struct bench *b, const char *text)
{
	return say_in(b, text, strlen(text));
}

static struct usher_switch_figures
figures(const struct bench *b)
{
	struct usher_switch_figures f = {.size = sizeof(f)};

	adapter()->figures(b->link, &f);
	return f;
}

/* A switch that is up, by certificates alone. */
static void
start_up(struct bench *b)
{
	start(b, &by_tls, true);
	assert_true(say(b, "{\"is\":\"hello\",\"line\":1}\n{\"is\":\"welcome\"}\n" UP));
	assert_string_equal(b->sent.s, "{\"is\":\"login\",\"user\":\"usher\"}\n"
				       "{\"is\":\"snapshot\",\"action\":\"snapshot\","
				       "\"seq\":1}\n");
	assert_string_equal(b->told.s, "1 100.0 -/- - i1\n");
	text_clear(&b->told);
	text_clear(&b->sent);
}

/* ---- who is there ---- */

static void
hmac(char out[65], const char *text)
{
	unsigned char digest[32];
	unsigned n = 0;

	assert_non_null(HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET),
		(const unsigned char *)text, strlen(text), digest, &n));
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}

/* Reads the login that was sent; returns whether its proof is right. */
static bool
login_is_right(struct bench *b, char nonce[65])
{
	char text[200], expected[65];
	json_t *login = json_loads(b->sent.s, JSON_DISABLE_EOF_CHECK, NULL);
	const char *theirs, *proof;
	bool right;

	assert_non_null(login);
	theirs = line_text(login, "nonce");
	proof = line_text(login, "proof");
	assert_non_null(theirs);
	assert_int_equal(strlen(theirs), 32);
	snprintf(nonce, 65, "%s", theirs);
	snprintf(text, sizeof(text), "usher-line-1 usher %s %s", NONCE, theirs);
	hmac(expected, text);
	right = strcmp(proof, expected) == 0;
	json_decref(login);
	return right;
}

static void
both_sides_prove_that_they_know_the_secret(void **state)
{
	char nonce[65], last[65], text[200], proof[65];
	struct bench b;

	(void)state;
	start(&b, &by_secret, true);
	assert_true(say(&b, HELLO));
	assert_true(login_is_right(&b, nonce));
	snprintf(text, sizeof(text), "usher-line-1 switch %s %s", nonce, NONCE);
	hmac(proof, text);
	snprintf(text, sizeof(text), "{\"is\":\"welcome\",\"proof\":\"%s\"}\n", proof);
	assert_true(say(&b, text));
	assert_true(say(&b, UP));
	assert_string_equal(b.told.s, "1 100.0 -/- - i1\n");
	/* The next connection has another nonce, so that an old welcome is worth nothing.
	 */
	adapter()->lost(b.link);
	text_clear(&b.sent);
	assert_true(say(&b, HELLO));
	assert_true(login_is_right(&b, last));
	assert_string_not_equal(nonce, last);
	assert_false(say(&b, text));
	assert_non_null(strstr(figures(&b).problem, "proof is wrong"));
	stop(&b);
}

static void
who_proves_nothing_is_refused(void **state)
{
	static const struct line_settings weak = {"usher", "short", "hmac"};
	static const struct {
		const struct line_settings *settings;
		const char *says, *problem;
	} rows[] = {
		{&by_secret, HELLO "{\"is\":\"welcome\"}\n", "proof is wrong"},
		{&by_secret, HELLO "{\"is\":\"refused\"}\n", "refused the login"},
		{&by_secret, "{\"is\":\"hello\",\"line\":1}\n", "no nonce"},
		{&by_secret, "{\"is\":\"hello\",\"line\":1,\"nonce\":\"12\"}\n",
			"no nonce"},
		{&weak, HELLO, "16 bytes"},
		{&by_tls, "{\"is\":\"hello\",\"line\":2}\n", "another version"},
		{&by_tls, "SSH-2.0-OpenSSH_9.2\r\n", "no hello"},
		{&by_tls, "Asterisk Call Manager/9.0.0\r\n", "no hello"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b;

		start(&b, rows[i].settings, true);
		assert_false(say(&b, rows[i].says));
		assert_non_null(strstr(figures(&b).problem, rows[i].problem));
		assert_string_equal(b.told.s, "");
		stop(&b);
	}
}

/* ---- calls ---- */

#define NEW                                                                              \
	"{\"is\":\"new-call\",\"at\":101,\"call\":\"c1\",\"number\":\"+4420\",\"name\":" \
	"\"Rita\",\"dialled\":\"8004\",\"begun\":90.5,\"attributes\":{\"menu\":"         \
	"\"bill\",\"known\":true,\"n\":7}}\n"
#define LEG(event, at, more)                                                             \
	"{\"is\":\"report\",\"event\":\"" event "\",\"at\":" at                          \
	",\"call\":\"c1\",\"leg\":\"l1\",\"device\":\"1001\"" more "}\n"

static void
a_call_from_its_coming_to_its_end_in_any_chunking(void **state)
{
	static const size_t chunks[] = {1, 2, 7, 100, 100000};
	static const char says[] = NEW LEG("ringing", "102", ",\"offer\":\"o1\"") LEG(
		"released", "104",
		",\"reason\":\"no_answer\"") "{\"is\":\"report\",\"event\":"
					     "\"waiting\",\"at\":104.5,"
					     "\"call\":\"c1\",\"why\":\"no_"
					     "answer\"}\r\n" LEG("ringing", "105",
						     "") LEG("answered", "107",
						     ",\"picked_up\":106.9") LEG("held",
						     "108", "") LEG("retrieved", "109.5",
						     "") LEG("released", "112",
						     ",\"reason\":\"hung_"
						     "up\"") "{\"is\":"
							     "\"release\","
							     "\"at\":113,"
							     "\"call\":"
							     "\"c1\"}\n";
	static const char tells[] =
		"3 101.0 c1/- - +4420 Rita 8004 why= begun=90.5 menu=bill known=true\n"
		"6 102.0 c1/l1 1001 offer=o1\n"
		"11 104.0 c1/l1 1001 - reason=2\n"
		"3 104.5 c1/- - - - - why=no_answer begun=0.0\n"
		"6 105.0 c1/l1 1001\n"
		"7 107.0 c1/l1 1001\n"
		"8 108.0 c1/l1 1001\n"
		"9 109.5 c1/l1 1001\n"
		"11 112.0 c1/l1 1001 - reason=1\n"
		"5 113.0 c1/- - outcome=2 talk=5.0 hold=1.5\n";

	(void)state;
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		struct bench b;

		start_up(&b);
		assert_true(say_in(&b, says, chunks[i]));
		assert_string_equal(b.told.s, tells);
		assert_int_equal(figures(&b).refused, 0);
		stop(&b);
	}
}

static void
outcomes_are_said_or_counted(void **state)
{
	struct bench b;

	(void)state;
	start_up(&b);
	assert_true(
		say(&b, NEW "{\"is\":\"release\",\"at\":110,\"call\":\"c1\"}\n"
			    "{\"is\":\"release\",\"at\":111,\"call\":\"c2\",\"outcome\":"
			    "\"failed\",\"talk_ms\":1500,\"hold_ms\":500}\n"));
	assert_non_null(strstr(b.told.s, "5 110.0 c1/- - outcome=1 talk=0.0 hold=0.0\n"
					 "5 111.0 c2/- - outcome=3 talk=1.5 hold=0.5\n"));
	assert_int_equal(figures(&b).unknown_ends, 1);
	stop(&b);
}

static void
a_route_dialogue_is_answered_before_its_deadline(void **state)
{
	struct bench b;

	(void)state;
	start_up(&b);
	assert_true(
		say(&b, "{\"is\":\"new-call\",\"at\":101,\"call\":\"c1\",\"reply_ms\":"
			"3000}\n"));
	assert_string_equal(b.sent.s,
		"{\"is\":\"treatment\",\"call\":\"c1\",\"treatment\":"
		"\"wait\",\"seq\":2}\n");
	stop(&b);
}

static void
consultations_wishes_devices_and_failures(void **state)
{
	struct bench b;

	(void)state;
	start_up(&b);
	assert_true(say(&b,
		"{\"is\":\"report\",\"event\":\"ringing\",\"at\":1,\"call\":\"c1\","
		"\"leg\":"
		"\"l2\",\"device\":\"1002\",\"consult\":true}\n"
		"{\"is\":\"report\",\"event\":\"transferred\",\"at\":2,\"call\":\"c1\","
		"\"leg\":\"l1\",\"device\":\"1001\",\"by\":\"attended\",\"to_leg\":"
		"\"l2\",\"target\":\"1002\"}\n"
		"{\"is\":\"report\",\"event\":\"released\",\"at\":3,\"call\":\"c1\","
		"\"device\":\"1003\",\"reason\":\"unavailable\"}\n"
		"{\"is\":\"ask\",\"call\":\"c9\",\"attributes\":{\"queue\":\"bill\"}}\n"
		"{\"is\":\"callback\",\"call\":\"c1\"}\n"
		"{\"is\":\"device\",\"device\":\"1001\",\"state\":\"away\"}\n"
		"{\"is\":\"failed\",\"action\":\"o7\",\"reason\":\"gone\"}\n"
		"{\"is\":\"failed\",\"action\":\"o8\",\"reason\":\"whatever\"}\n"));
	assert_string_equal(b.told.s, "6 1.0 c1/l2 1002 consult\n"
				      "10 2.0 c1/l1 1001 by=2 l2 1002\n"
				      "11 3.0 c1/- 1003 - reason=4\n"
				      "17 0.0 c9/- - queue=bill\n"
				      "18 0.0 c1/- -\n"
				      "16 0.0 -/- 1001 is=4\n"
				      "15 0.0 -/- - o7 reason=7\n"
				      "15 0.0 -/- - o8 reason=9\n");
	stop(&b);
}

/* ---- the link ---- */

static void
a_snapshot_is_told_whole_or_not_at_all(void **state)
{
	static const char whole[] =
		"{\"is\":\"snapshot-begin\",\"at\":200,\"instance\":\"i1\"}\n"
		"{\"is\":\"call\",\"call\":\"c1\",\"state\":\"waiting\",\"age_ms\":5000}"
		"\n"
		"{\"is\":\"device\",\"device\":\"1001\",\"state\":\"free\"}\n"
		"{\"is\":\"call\",\"call\":\"c2\",\"state\":\"talking\",\"legs\":[{"
		"\"leg\":"
		"\"l1\",\"device\":\"1001\",\"state\":\"talking\",\"offer\":\"o1\"},"
		"{\"leg\":\"l2\",\"device\":\"1002\",\"state\":\"ringing\",\"consult\":"
		"true}]}\n"
		"{\"is\":\"snapshot-end\",\"calls\":2}\n";
	struct bench b;

	(void)state;
	start_up(&b);
	assert_true(say(&b, whole));
	assert_string_equal(b.told.s, "16 0.0 -/- 1001 is=1\n"
				      "12 0.0 -/- - i1\n"
				      "13 0.0 c1/- - state=1 age=5.0\n"
				      "13 0.0 c2/l1 1001 state=3 age=-0.0 offer=o1\n"
				      "13 0.0 c2/l2 1002 state=2 age=-0.0 consult\n"
				      "14 0.0 -/- -\n");
	/* Incomplete, or disturbed: asked for anew, three times at most. */
	for (int i = 0; i < 4; i++) {
		text_clear(&b.told);
		text_clear(&b.sent);
		assert_true(say(&b, "{\"is\":\"snapshot-begin\"}\n"));
		assert_true(say(&b, i % 2 == 0 ? "{\"is\":\"snapshot-end\",\"calls\":1}\n"
					       : "{\"is\":\"report\",\"event\":\"held\","
						 "\"at\":1,\"call\":\"c2\",\"leg\":"
						 "\"l1\"}\n"));
		assert_null(strstr(b.told.s, "12 "));
		assert_int_equal(b.sent.n > 0, i < 2);
	}
	assert_non_null(strstr(figures(&b).problem, "snapshots"));
	stop(&b);
}

static void
a_gap_in_the_numbers_asks_for_a_snapshot_and_a_repetition_does_nothing(void **state)
{
	struct bench b;

	(void)state;
	start_up(&b);
	assert_true(say(&b, "{\"is\":\"device\",\"seq\":2,\"device\":\"1\",\"state\":"
			    "\"free\"}\n"
			    "{\"is\":\"device\",\"seq\":2,\"device\":\"1\",\"state\":"
			    "\"away\"}\n"));
	assert_string_equal(b.told.s, "16 0.0 -/- 1 is=1\n");
	assert_int_equal(figures(&b).late, 1);
	assert_int_equal(b.sent.n, 0);
	assert_true(say(&b, "{\"is\":\"device\",\"seq\":4,\"device\":\"1\",\"state\":"
			    "\"ringing\"}\n"));
	assert_non_null(strstr(b.told.s, "16 0.0 -/- 1 is=2\n"));
	assert_non_null(strstr(b.sent.s, "\"snapshot\""));
	stop(&b);
}

static void
down_and_lost_are_told_once_and_up_again(void **state)
{
	struct bench b;

	(void)state;
	start_up(&b);
	assert_true(say(&b, "{\"is\":\"down\",\"seq\":2,\"at\":150}\n"));
	adapter()->lost(b.link);
	assert_string_equal(b.told.s, "2 150.0 -/- -\n");
	text_clear(&b.told);
	assert_true(say(&b, "{\"is\":\"hello\",\"line\":1}\n{\"is\":\"welcome\"}\n" UP));
	adapter()->lost(b.link);
	assert_string_equal(b.told.s, "1 100.0 -/- - i1\n2 150.0 -/- -\n");
	stop(&b);
}

static void
bad_messages_are_refused_and_the_next_one_counts(void **state)
{
	static const char *const bad[] = {
		"[]",
		"{}",
		"{\"is\":7}",
		"{\"is\":\"nonsense\"}",
		"{\"is\":\"new-call\"}",
		"{\"is\":\"new-call\",\"call\":\"a b\"}",
		"{\"is\":\"new-call\",\"call\":\"\"}",
		"{\"is\":\"new-call\",\"call\":\"c\\n\"}",
		"{\"is\":\"report\",\"call\":\"c\"}",
		"{\"is\":\"report\",\"call\":\"c\",\"event\":\"held\"}",
		"{\"is\":\"report\",\"call\":\"c\",\"event\":\"released\"}",
		"{\"is\":\"release\"}",
		"{\"is\":\"device\"}",
		"{\"is\":\"failed\"}",
		"{\"is\":\"ask\"}",
		"{\"is\":\"call\",\"call\":\"c\"}",
		"{\"is\":\"snapshot-end\",\"calls\":0}",
		"{\"is\":\"hello\",\"line\":1}",
		"{\"is\":\"welcome\"}",
		"{\"is\":\"device\",\"is\":\"device\"}",
		"{\"is\":\"device\",\"device\":\"\xff\"}",
		"{\"is\":\"device\"",
		"{\"is\":\"device\",\"device\":\"a\\u0000b\"}",
		"nonsense",
	};
	char wide[LINE_MAX_BYTES + 100];
	struct bench b;

	(void)state;
	start_up(&b);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(say(&b, bad[i]));
		assert_true(say(&b, "\n"));
		assert_int_equal(figures(&b).refused, i + 1);
		assert_true(figures(&b).problem[0] != '\0');
	}
	memset(wide, 'x', sizeof(wide));
	wide[sizeof(wide) - 1] = '\0';
	assert_true(say(&b, wide));
	assert_true(say(&b, "\n\n\r\n"));
	assert_int_equal(figures(&b).refused, sizeof(bad) / sizeof(bad[0]) + 1);
	assert_string_equal(b.told.s, "");
	assert_true(say(&b, NEW));
	assert_non_null(strstr(b.told.s, "c1"));
	stop(&b);
}

static void
nothing_counts_before_the_switch_is_up(void **state)
{
	struct bench b;

	(void)state;
	start(&b, &by_secret, true);
	assert_true(say(&b, HELLO NEW));
	assert_string_equal(b.told.s, "");
	assert_int_equal(figures(&b).refused, 1);
	stop(&b);
	/* A recording may begin anywhere. */
	start(&b, &by_secret, false);
	assert_true(say(&b, NEW));
	assert_non_null(strstr(b.told.s, "3 101.0 c1"));
	stop(&b);
}

/* ---- orders ---- */

static void
every_order_is_one_message(void **state)
{
	static const struct {
		struct usher_switch_action action;
		const char *sent; /* NULL: refused */
	} rows[] = {
		{{.kind = USHER_ACTION_CONNECT,
			 .call = "c1",
			 .device = "PJSIP/1001",
			 .ring_ms = 15000,
			 .offer = "o1",
			 .answer = true},
			"{\"is\":\"connect\",\"action\":\"a\",\"call\":\"c1\",\"device\":"
			"\"PJSIP/1001\",\"ring_ms\":15000,\"offer\":\"o1\","
			"\"auto_answer\":true,"},
		{{.kind = USHER_ACTION_ANNOUNCE,
			 .call = "c1",
			 .device = "place",
			 .position = 2,
			 .wait_ms = 60000,
			 .callback = true},
			"{\"is\":\"treatment\",\"action\":\"a\",\"call\":\"c1\","
			"\"position\":2,\"wait_ms\":60000,\"callback\":true,"
			"\"treatment\":\"place\","},
		{{.kind = USHER_ACTION_WAIT, .call = "c1"},
			"{\"is\":\"treatment\",\"action\":\"a\",\"call\":\"c1\","
			"\"treatment\":\"wait\","},
		{{.kind = USHER_ACTION_TELL, .call = "c1", .position = -1, .wait_ms = -1},
			"{\"is\":\"tell\",\"action\":\"a\",\"call\":\"c1\",\"callback\":"
			"false,"},
		{{.kind = USHER_ACTION_DIVERT, .call = "c1", .device = "full"},
			"{\"is\":\"divert\",\"action\":\"a\",\"call\":\"c1\",\"why\":"
			"\"full\","},
		{{.kind = USHER_ACTION_ORIGINATE,
			 .call = "usher-1",
			 .device = "1001",
			 .number = "+4420",
			 .caller_number = "100",
			 .caller_name = "Us"},
			"{\"is\":\"originate\",\"action\":\"a\",\"call\":\"usher-1\","
			"\"device\":\"1001\",\"number\":\"+4420\",\"caller_number\":"
			"\"100\",\"caller_name\":\"Us\","},
		{{.kind = USHER_ACTION_DIAL, .call = "usher-1", .number = "+4420"},
			"{\"is\":\"dial\",\"action\":\"a\",\"call\":\"usher-1\","
			"\"number\":\"+4420\","},
		{{.kind = USHER_ACTION_HANG_UP, .call = "c1", .leg = "l1"},
			"{\"is\":\"hang-up\",\"action\":\"a\",\"call\":\"c1\",\"leg\":"
			"\"l1\","},
		{{.kind = USHER_ACTION_HANG_UP, .call = "c1"},
			"{\"is\":\"hang-up\",\"action\":\"a\",\"call\":\"c1\","},
		{{.kind = USHER_ACTION_PING}, "{\"is\":\"ping\",\"action\":\"a\","},
		{{.kind = USHER_ACTION_SNAPSHOT},
			"{\"is\":\"snapshot\",\"action\":\"a\","},
		{{.kind = USHER_ACTION_HOLD, .call = "c1", .leg = "l1"},
			"{\"is\":\"hold\",\"action\":\"a\",\"call\":\"c1\",\"leg\":"
			"\"l1\","},
		{{.kind = USHER_ACTION_CONSULT,
			 .call = "c1",
			 .leg = "l1",
			 .number = "1002"},
			"{\"is\":\"consult\",\"action\":\"a\",\"call\":\"c1\",\"leg\":"
			"\"l1\",\"number\":\"1002\","},
		{{.kind = USHER_ACTION_LISTEN,
			 .call = "c1",
			 .leg = "l1",
			 .device = "1009",
			 .listen = USHER_LISTEN_WHISPER},
			"{\"is\":\"listen\",\"action\":\"a\",\"call\":\"c1\",\"leg\":"
			"\"l1\",\"device\":\"1009\",\"how\":\"whisper\","},
		{{.kind = USHER_ACTION_CONNECT, .call = "c1", .device = "1001\r\nevil"},
			NULL},
		{{.kind = USHER_ACTION_CONNECT, .call = "c1"}, NULL},
		{{.kind = USHER_ACTION_HOLD, .call = "c1"}, NULL},
		{{.kind = USHER_ACTION_DIAL, .call = "c1", .number = "12 34"}, NULL},
		{{.kind = USHER_ACTION_DIAL, .call = "c 1", .number = "1234"}, NULL},
		{{.kind = (enum usher_action_kind)99, .call = "c1"}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct usher_switch_action action = rows[i].action;
		char problem[200] = "";
		struct bench b;

		start_up(&b);
		action.size = sizeof(action);
		action.action = "a";
		assert_int_equal(
			adapter()->act(b.link, &action, problem, sizeof(problem)),
			rows[i].sent != NULL);
		if (rows[i].sent != NULL) {
			assert_int_equal(
				strncmp(b.sent.s, rows[i].sent, strlen(rows[i].sent)), 0);
			assert_non_null(strstr(b.sent.s, "\"seq\":2}\n"));
		} else {
			assert_int_equal(b.sent.n, 0);
			assert_true(problem[0] != '\0');
		}
		adapter()->lost(b.link);
		action.kind = USHER_ACTION_PING;
		assert_false(adapter()->act(b.link, &action, problem, sizeof(problem)));
		stop(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_prove_that_they_know_the_secret),
		cmocka_unit_test(who_proves_nothing_is_refused),
		cmocka_unit_test(a_call_from_its_coming_to_its_end_in_any_chunking),
		cmocka_unit_test(outcomes_are_said_or_counted),
		cmocka_unit_test(a_route_dialogue_is_answered_before_its_deadline),
		cmocka_unit_test(consultations_wishes_devices_and_failures),
		cmocka_unit_test(a_snapshot_is_told_whole_or_not_at_all),
		cmocka_unit_test(
			a_gap_in_the_numbers_asks_for_a_snapshot_and_a_repetition_does_nothing),
		cmocka_unit_test(down_and_lost_are_told_once_and_up_again),
		cmocka_unit_test(bad_messages_are_refused_and_the_next_one_counts),
		cmocka_unit_test(nothing_counts_before_the_switch_is_up),
		cmocka_unit_test(every_order_is_one_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
