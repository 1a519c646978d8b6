/* The Asterisk adapter on a link that writes: login, snapshots, actions and answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asterisk_bench.h"

/* A switch that is up, with one caller who waits, on a link that may write. */
static void
start_live(struct bench *b)
{
	bench_start(b, true);
	bench_receive_text(b, GREETING "Response: Success\r\nActionID: login\r\n\r\n"
				       "Event: FullyBooted\r\n\r\n");
	bench_play(b, WAITS);
	text_clear(&b->told);
	text_clear(&b->sent);
}

static bool
act(struct bench *b, struct usher_switch_action action, char problem[200])
{
	action.size = sizeof(action);
	return adapter()->act(b->link, &action, problem, 200);
}

static void
trap_10_a_redirect_too_late_says_that_the_caller_is_gone(void **state)
{
	struct bench b;
	char problem[200];

	(void)state;
	start_live(&b);
	assert_true(act(&b,
		(struct usher_switch_action){.kind = USHER_ACTION_CONNECT,
			.action = "o17",
			.call = "c1",
			.device = "1001"},
		problem));
	assert_string_equal(b.sent.s,
		"Action: Redirect\r\nActionID: a-o17\r\nChannel: PJSIP/trunk-01\r\n"
		"Context: usher-agent\r\nExten: 1001\r\nPriority: 1\r\n\r\n");
	bench_play(&b, "Response=Error|ActionID=a-o17|Message=Channel does not exist: "
		       "PJSIP/trunk-01\n");
	assert_string_equal(bench_told(&b), "failed o17 gone\n");
	/* Answers to what others asked, or to our own errands, are not usher's. */
	text_clear(&b.told);
	bench_play(&b, "Response=Error|ActionID=u4|Message=Channel does not exist: x\n"
		       "Response=Success|ActionID=a-o18|Message=Redirect successful\n");
	assert_string_equal(bench_told(&b), "");
	/* Once he is known to be gone nothing is even sent. */
	bench_play(&b, "Hangup|5|Uniqueid=c1|Cause=0\n");
	text_clear(&b.sent);
	assert_false(act(&b,
		(struct usher_switch_action){.kind = USHER_ACTION_CONNECT,
			.action = "o19",
			.call = "c1",
			.device = "1001"},
		problem));
	assert_non_null(strstr(problem, "no such call"));
	assert_int_equal(b.sent.n, 0);
	bench_stop(&b);
}

static void
trap_12_a_login_before_the_switch_is_ready(void **state)
{
	struct bench b;

	(void)state;
	bench_start(&b, true);
	bench_receive_text(&b, GREETING);
	assert_string_equal(b.sent.s, "Action: Login\r\nActionID: login\r\n"
				      "Username: usher\r\nSecret: s3cret\r\n\r\n");
	text_clear(&b.sent);
	bench_receive_text(&b, "Response: Success\r\nActionID: login\r\nMessage: "
			       "Authentication "
			       "accepted\r\n\r\n");
	assert_int_equal(b.sent.n, 0);
	assert_string_equal(bench_told(&b), "");
	bench_receive_text(&b, "Status: Fully Booted\r\nUptime: 1\r\nEvent: "
			       "FullyBooted\r\n\r\n");
	bench_receive_text(&b, "Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n");
	assert_string_equal(bench_told(&b), "up\n");
	assert_string_equal(b.sent.s, "Action: CoreStatus\r\nActionID: status\r\n\r\n"
				      "Action: CoreShowChannels\r\nActionID: "
				      "list\r\n\r\n"
				      "Action: DeviceStateList\r\nActionID: "
				      "devices\r\n\r\n");
	bench_stop(&b);
}

static void
a_login_that_is_refused_closes_the_link(void **state)
{
	static const char answer[] = "Response: Error\r\nActionID: login\r\nMessage: "
				     "Authentication failed\r\n\r\n";
	struct bench b;

	(void)state;
	bench_start(&b, true);
	bench_receive_text(&b, GREETING);
	assert_false(adapter()->receive(b.link, answer, sizeof(answer) - 1));
	assert_non_null(strstr(bench_figures(&b).problem, "manager.conf"));
	adapter()->lost(b.link);
	assert_string_equal(bench_told(&b), "");
	/* The next connection begins anew. */
	bench_receive_text(&b, GREETING "Event: FullyBooted\r\n\r\n");
	assert_string_equal(bench_told(&b), "up\n");
	bench_stop(&b);
}

static void
trap_13_no_line_end_reaches_the_switch(void **state)
{
	static const char *const bad[] = {"1001\r\nAction: Hangup", "1001\nX: y", "1\r",
		"", "1001,2", "PJSIP/1001&PJSIP/1002", "1001 "};
	struct bench b;
	char problem[200];

	(void)state;
	start_live(&b);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(act(&b,
			(struct usher_switch_action){.kind = USHER_ACTION_CONNECT,
				.action = "o1",
				.call = "c1",
				.device = bad[i],
				.ring_ms = 15000},
			problem));
		assert_false(act(&b,
			(struct usher_switch_action){.kind = USHER_ACTION_ORIGINATE,
				.action = "o1",
				.call = "usher-1",
				.device = "PJSIP/1001",
				.number = bad[i]},
			problem));
	}
	assert_false(act(&b,
		(struct usher_switch_action){
			.kind = USHER_ACTION_PING, .action = "o1\r\nAction: Logoff"},
		problem));
	assert_int_equal(b.sent.n, 0);
	bench_stop(&b);
}

/* ---- snapshots ---- */

#define LIST(uniqueid, channel, context, application, bridge)                            \
	"CoreShowChannel|ActionID=list|Uniqueid=" uniqueid "|Channel=" channel           \
	"|ChannelState=6|CallerIDNum=5550100|Context=" context                           \
	"|Exten=s|Linkedid=" uniqueid "|Application=" application                        \
	"|Duration=01:02:03|BridgeId=" bridge "\n"
#define LIST_END(n)                                                                      \
	"CoreShowChannelsComplete|ActionID=list|EventList=Complete|ListItems=" n "\n"
#define STARTED                                                                          \
	"Response=Success|ActionID=status|CoreStartupDate=2026-11-22|CoreStartupTime="   \
	"08:10:12\n"

static void
a_list_of_channels_becomes_a_snapshot_of_calls(void **state)
{
	struct bench b;

	(void)state;
	start_live(&b);
	bench_play(&b,
		STARTED LIST("c1", "PJSIP/trunk-01", "usher-wait", "MusicOnHold",
			"") LIST("c2", "PJSIP/trunk-02", "usher-agent", "Dial", "b2")
			LIST("a2", "PJSIP/1002-03", "phones", "AppDial", "b2") LIST("c3",
				"PJSIP/trunk-04", "usher-agent", "Dial",
				"") LIST("x", "PJSIP/1009-05", "phones", "Wait", "")
				LIST("c4", "PJSIP/trunk-06", "phones",
					"Queue|ApplicationData=sales,,,,120",
					"") "Hangup|7|Uniqueid=c3\n" LIST_END("6"));
	assert_string_equal(bench_told(&b), "begin 2026-11-22 08:10:12\n"
					    "call c1 waiting - - age=3723\n"
					    "call c2 talking a2 PJSIP/1002 age=3723\n"
					    "call c4 waiting - - age=3723 in sales\n"
					    "end\n");
	bench_stop(&b);
}

static void
a_list_with_items_missing_is_not_used(void **state)
{
	struct bench b;

	(void)state;
	start_live(&b);
	bench_play(&b, LIST("c1", "PJSIP/trunk-01", "usher-wait", "MusicOnHold", "")
			       LIST_END("2"));
	assert_string_equal(bench_told(&b), "");
	assert_non_null(strstr(bench_figures(&b).problem, "incomplete"));
	/* A list that somebody else asked for is not ours either. */
	bench_play(&b,
		"CoreShowChannelsComplete|ActionID=u4|EventList=Complete|ListItems=0\n");
	assert_string_equal(bench_told(&b), "");
	bench_stop(&b);
}

static void
a_call_is_known_again_after_the_link_was_lost(void **state)
{
	struct bench b;

	(void)state;
	start_live(&b);
	bench_play(&b, RINGS ANSWERS);
	text_clear(&b.told);
	bench_receive_text(&b, "Event: Hang");
	adapter()->lost(b.link);
	adapter()->lost(b.link);
	assert_string_equal(bench_told(&b), "3.200 down closed\n");
	text_clear(&b.told);
	bench_receive_text(&b, GREETING "Event: FullyBooted\r\n\r\n");
	/* He was handed on meanwhile, to where no context tells what he is. */
	bench_play(&b, STARTED LIST("c1", "PJSIP/trunk-01", "phones", "Dial", "b7") LIST(
			       "a7", "PJSIP/1007-09", "phones", "AppDial", "b7")
			       LIST_END("2") "Hangup|9|Uniqueid=a7\nHangup|9|Uniqueid="
					     "c1\n");
	assert_string_equal(bench_told(&b),
		"up\nbegin 2026-11-22 08:10:12\n"
		"call c1 talking a7 PJSIP/1007 age=3723\nend\n"
		"9.000 released c1/a7 PJSIP/1007 hung_up\n"
		"9.000 gone c1 ended talk=5.800 hold=0.000\n");
	bench_stop(&b);
}

/* ---- actions ---- */

#define SET(name, value)                                                                 \
	"Action: Setvar\r\nActionID: set\r\nChannel: PJSIP/trunk-01\r\nVariable: " name  \
	"\r\nValue: " value "\r\n\r\n"
#define PLACE(position, seconds, minutes, callback)                                      \
	SET("USHER_POSITION", position)                                                  \
	SET("USHER_WAIT_SECONDS", seconds)                                               \
	SET("USHER_WAIT_MINUTES", minutes) SET("USHER_CALLBACK", callback)
#define REDIRECT(context, extension)                                                     \
	"Action: Redirect\r\nActionID: a-o1\r\nChannel: "                                \
	"PJSIP/trunk-01\r\nContext: " context "\r\nExten: " extension                    \
	"\r\nPriority: 1\r\n\r\n"

static void
actions_are_written_as_the_switch_reads_them(void **state)
{
	static const struct {
		struct usher_switch_action action;
		const char *sent;
	} rows[] = {
		{{.kind = USHER_ACTION_CONNECT,
			 .call = "c1",
			 .device = "1001",
			 .ring_ms = 14500},
			"Action: Setvar\r\nActionID: set\r\nChannel: PJSIP/trunk-01\r\n"
			"Variable: USHER_RING\r\nValue: 15\r\n\r\n"
			"Action: Redirect\r\nActionID: a-o1\r\nChannel: "
			"PJSIP/trunk-01\r\n"
			"Context: usher-agent\r\nExten: 1001\r\nPriority: 1\r\n\r\n"},
		{{.kind = USHER_ACTION_CONNECT,
			 .call = "c1",
			 .device = "Local/3001@phones",
			 .offer = "o17",
			 .answer = true},
			SET("USHER_DEVICE", "Local/3001@phones")
				SET("__USHER_OFFER", "o17") SET("__USHER_AUTO", "1")
					REDIRECT("usher-agent", "3001")},
		{{.kind = USHER_ACTION_ANNOUNCE,
			 .call = "c1",
			 .device = "position",
			 .position = 2,
			 .wait_ms = 61000},
			PLACE("3", "61", "2", "") REDIRECT("usher-wait", "position")},
		{{.kind = USHER_ACTION_ANNOUNCE,
			 .call = "c1",
			 .position = -1,
			 .wait_ms = -1,
			 .callback = true},
			PLACE("", "", "", "1") REDIRECT("usher-wait", "announce")},
		{{.kind = USHER_ACTION_TELL, .call = "c1", .wait_ms = 1},
			PLACE("1", "1", "1",
				"") "Action: Setvar\r\nActionID: a-o1\r\n"
				    "Channel: PJSIP/trunk-01\r\nVariable: USHER_TOLD\r\n"
				    "Value: 1\r\n\r\n"},
		{{.kind = USHER_ACTION_WAIT, .call = "c1"}, REDIRECT("usher-wait", "s")},
		{{.kind = USHER_ACTION_DIVERT, .call = "c1", .device = "queue_full"},
			SET("USHER_WHY", "queue_full") REDIRECT("usher-wait", "divert")},
		{{.kind = USHER_ACTION_DIAL,
			 .call = "usher-9",
			 .number = "+15550100",
			 .ring_ms = 20000},
			"Action: Originate\r\nActionID: a-o1\r\n"
			"Channel: Local/+15550100@usher-out/n\r\nChannelId: usher-9\r\n"
			"Context: usher-wait\r\nExten: s\r\nPriority: 1\r\nAsync: "
			"true\r\nTimeout: 20000\r\nVariable: "
			"__USHER_OUT_RING=20\r\n\r\n"},
		{{.kind = USHER_ACTION_HOLD, .call = "c1", .leg = "a1"},
			"Action: Redirect\r\nActionID: a-o1\r\nChannel: "
			"PJSIP/trunk-01\r\nContext: usher-hold\r\nExten: s\r\n"
			"Priority: 1\r\nExtraChannel: PJSIP/1001-02\r\nExtraContext: "
			"usher-hold\r\nExtraExten: leg\r\nExtraPriority: 1\r\n\r\n"},
		{{.kind = USHER_ACTION_RETRIEVE, .call = "c1", .leg = "a1"},
			"Action: Bridge\r\nActionID: a-o1\r\nChannel1: "
			"PJSIP/trunk-01\r\nChannel2: PJSIP/1001-02\r\n\r\n"},
		{{.kind = USHER_ACTION_MUTE, .call = "c1", .leg = "a1"},
			"Action: MuteAudio\r\nActionID: a-o1\r\nChannel: "
			"PJSIP/1001-02\r\nDirection: in\r\nState: on\r\n\r\n"},
		{{.kind = USHER_ACTION_ANSWER, .call = "c1", .leg = "a1"},
			"Action: PJSIPNotify\r\nActionID: a-o1\r\nEndpoint: "
			"1001\r\nVariable: Event=talk\r\n\r\n"},
		{{.kind = USHER_ACTION_TRANSFER,
			 .call = "c1",
			 .leg = "a1",
			 .number = "5550177"},
			"Action: BlindTransfer\r\nActionID: a-o1\r\nChannel: "
			"PJSIP/1001-02\r\nContext: usher-out\r\nExten: "
			"5550177\r\n\r\n"},
		{{.kind = USHER_ACTION_CONSULT,
			 .call = "c1",
			 .leg = "a1",
			 .number = "1002"},
			"Action: Atxfer\r\nActionID: a-o1\r\nChannel: "
			"PJSIP/1001-02\r\nContext: usher-out\r\nExten: "
			"1002\r\nPriority: 1\r\n\r\n"},
		{{.kind = USHER_ACTION_LISTEN,
			 .call = "c1",
			 .leg = "a1",
			 .device = "PJSIP/1009",
			 .listen = USHER_LISTEN_WHISPER},
			"Action: Originate\r\nActionID: a-o1\r\nChannel: "
			"PJSIP/1009\r\nApplication: ChanSpy\r\nData: "
			"PJSIP/1001-02,qESw\r\nAsync: true\r\n\r\n"},
		{{.kind = USHER_ACTION_HANG_UP, .call = "c1"},
			"Action: Hangup\r\nActionID: a-o1\r\nChannel: PJSIP/trunk-01\r\n"
			"Cause: 16\r\n\r\n"},
		{{.kind = USHER_ACTION_ORIGINATE,
			 .call = "usher-9",
			 .device = "PJSIP/1001",
			 .number = "+15550100",
			 .caller_number = "15550199",
			 .ring_ms = 20000},
			"Action: Originate\r\nActionID: a-o1\r\nChannel: PJSIP/1001\r\n"
			"ChannelId: usher-9\r\nContext: usher-out\r\nExten: "
			"+15550100\r\n"
			"Priority: 1\r\nAsync: true\r\nCallerID: 15550199\r\nTimeout: "
			"20000\r\nVariable: __USHER_OUT_RING=20\r\n\r\n"},
		{{.kind = USHER_ACTION_PING},
			"Action: Setvar\r\nActionID: set\r\nVariable: "
			"USHER_ALIVE\r\nValue: a-o1\r\n\r\nAction: Ping\r\nActionID: "
			"a-o1\r\n\r\n"},
		{{.kind = USHER_ACTION_SNAPSHOT},
			"Action: CoreStatus\r\nActionID: status\r\n\r\n"
			"Action: CoreShowChannels\r\nActionID: list\r\n\r\n"
			"Action: DeviceStateList\r\nActionID: devices\r\n\r\n"},
	};
	char problem[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct usher_switch_action action = rows[i].action;
		struct bench b;

		start_live(&b);
		bench_play(&b, RINGS);
		action.action = "o1";
		assert_true(act(&b, action, problem));
		assert_string_equal(b.sent.s, rows[i].sent);
		bench_stop(&b);
	}
}

static void
an_md5_login_does_not_send_the_secret(void **state)
{
	struct bench b;
	struct asterisk md5 = bench_settings;

	(void)state;
	md5.auth = "md5";
	bench_start_with(&b, true, &md5);
	bench_receive_text(&b, GREETING);
	assert_string_equal(b.sent.s,
		"Action: Challenge\r\nActionID: challenge\r\nAuthType: MD5\r\n\r\n");
	text_clear(&b.sent);
	bench_receive_text(&b, "Response: Success\r\nActionID: challenge\r\nChallenge: "
			       "840415273\r\n\r\n");
	/* md5("840415273s3cret") */
	assert_string_equal(b.sent.s,
		"Action: Login\r\nActionID: login\r\nAuthType: MD5\r\nUsername: "
		"usher\r\nKey: "
		"d7994fd8cd10e2224514d095d0fd3f7b"
		"\r\n\r\n");
	assert_false(adapter()->receive(b.link,
		"Response: Error\r\nActionID: challenge\r\nMessage: x\r\n\r\n", 53));
	bench_stop(&b);
}

static void
a_hold_by_order_is_told_when_the_switch_agrees(void **state)
{
	struct bench b;
	char problem[200];
	struct usher_switch_action hold = {
		.kind = USHER_ACTION_HOLD, .action = "h1", .call = "c1", .leg = "a1"};

	(void)state;
	start_live(&b);
	bench_play(&b, RINGS ANSWERS);
	text_clear(&b.told);
	assert_true(act(&b, hold, problem));
	bench_play(&b, "BridgeLeave|4|BridgeUniqueid=b1|Uniqueid=c1\n"
		       "BridgeLeave|4|BridgeUniqueid=b1|Uniqueid=a1\n"
		       "Response=Success|ActionID=a-h1|Message=ok\n");
	assert_string_equal(bench_told(&b), "4.000 held c1/a1 PJSIP/1001\n");
	text_clear(&b.told);
	hold.kind = USHER_ACTION_RETRIEVE;
	hold.action = "h2";
	assert_true(act(&b, hold, problem));
	bench_play(&b, "BridgeEnter|6|BridgeUniqueid=b2|Uniqueid=c1\n"
		       "BridgeEnter|6|BridgeUniqueid=b2|Uniqueid=a1\n"
		       "Response=Success|ActionID=a-h2|Message=ok\n"
		       "Response=Success|ActionID=a-h2|Message=ok\n"
		       "Hangup|8|Uniqueid=c1\n");
	/* Talk includes the hold, as it does when a telephone holds. */
	assert_string_equal(bench_told(&b),
		"6.000 retrieved c1/a1 PJSIP/1001\n"
		"8.000 gone c1 ended talk=4.800 hold=2.000\n");
	bench_stop(&b);
}

static void
a_leg_bears_the_offer_that_had_it_rung(void **state)
{
	struct bench b;
	char problem[200];
	struct usher_switch_action a = {.kind = USHER_ACTION_CONNECT,
		.action = "o1",
		.offer = "o1",
		.call = "c1",
		.device = "PJSIP/1001"};

	(void)state;
	start_live(&b);
	assert_true(act(&b, a, problem));
	a.action = a.offer = "o2";
	a.device = "PJSIP/1002";
	assert_true(act(&b, a, problem));
	/* The first was under way when it was withdrawn. */
	bench_play(&b,
		RINGS "DialBegin|2.1|Uniqueid=c1|Channel=PJSIP/trunk-01|DestUniqueid=a2|"
		      "DestChannel=PJSIP/1002-03|DestLinkedid=c1\n");
	assert_string_equal(bench_told(&b), "2.000 ringing c1/a1 PJSIP/1001 o1\n"
					    "2.100 ringing c1/a2 PJSIP/1002 o2\n");
	bench_stop(&b);
}

static void
devices_and_wishes_are_told(void **state)
{
	struct bench b;

	(void)state;
	start_live(&b);
	bench_play(&b, "DeviceStateChange|2|Device=PJSIP/1001|State=INUSE\n"
		       "DeviceStateChange|2|Device=PJSIP/1001|State=NOT_INUSE\n"
		       "DeviceStateChange|2|Device=PJSIP/1001|State=UNAVAILABLE\n"
		       "UserEvent|3|Uniqueid=c1|UserEvent=UsherAsk|queue=billing\n"
		       "UserEvent|4|Uniqueid=c1|UserEvent=UsherCallback|Number=5550199\n"
		       "UserEvent|4|Uniqueid=c9|UserEvent=UsherCallback\n");
	assert_string_equal(bench_told(&b), "2.000 device PJSIP/1001 3\n"
					    "2.000 device PJSIP/1001 1\n"
					    "2.000 device PJSIP/1001 4\n"
					    "3.000 asks c1\n"
					    "4.000 wants_callback c1 5550199\n");
	bench_stop(&b);
}

static void
an_action_needs_a_switch_that_is_ready_and_an_id_of_ours(void **state)
{
	struct bench b;
	char problem[200];

	(void)state;
	start_live(&b);
	assert_false(act(&b,
		(struct usher_switch_action){.kind = USHER_ACTION_ORIGINATE,
			.action = "o1",
			.call = "c7",
			.device = "PJSIP/1001",
			.number = "5550100"},
		problem));
	assert_non_null(strstr(problem, "id_prefix"));
	adapter()->lost(b.link);
	assert_false(act(&b,
		(struct usher_switch_action){.kind = USHER_ACTION_PING, .action = "o2"},
		problem));
	assert_non_null(strstr(problem, "not ready"));
	assert_int_equal(b.sent.n, 0);
	bench_stop(&b);
}

static void
an_originate_that_fails_says_why(void **state)
{
	struct bench b;

	(void)state;
	start_live(&b);
	bench_play(&b, "OriginateResponse|2|ActionID=a-o1|Response=Failure|Reason=3\n"
		       "OriginateResponse|2|ActionID=a-o2|Response=Failure|Reason=5\n"
		       "OriginateResponse|2|ActionID=u3|Response=Failure|Reason=3\n");
	assert_string_equal(
		bench_told(&b), "2.000 failed o1 no_answer\n2.000 failed o2 busy\n");
	bench_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			trap_10_a_redirect_too_late_says_that_the_caller_is_gone),
		cmocka_unit_test(trap_12_a_login_before_the_switch_is_ready),
		cmocka_unit_test(a_login_that_is_refused_closes_the_link),
		cmocka_unit_test(trap_13_no_line_end_reaches_the_switch),
		cmocka_unit_test(a_list_of_channels_becomes_a_snapshot_of_calls),
		cmocka_unit_test(a_list_with_items_missing_is_not_used),
		cmocka_unit_test(a_call_is_known_again_after_the_link_was_lost),
		cmocka_unit_test(actions_are_written_as_the_switch_reads_them),
		cmocka_unit_test(
			an_action_needs_a_switch_that_is_ready_and_an_id_of_ours),
		cmocka_unit_test(an_originate_that_fails_says_why),
		cmocka_unit_test(an_md5_login_does_not_send_the_secret),
		cmocka_unit_test(a_hold_by_order_is_told_when_the_switch_agrees),
		cmocka_unit_test(a_leg_bears_the_offer_that_had_it_rung),
		cmocka_unit_test(devices_and_wishes_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
