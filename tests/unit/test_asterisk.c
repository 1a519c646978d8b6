/* What the Asterisk adapter makes of events; each trap of CTI 3.1 that is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asterisk_bench.h"

static void
trap_1_a_caller_of_two_channels_waits_once(void **state)
{
	(void)state;
	gives("Newchannel|0.1|Uniqueid=c0|Channel=Local/8004@t-01;1|CallerIDNum=5550100\n"
	      "Newchannel|0.1|Uniqueid=c1|Channel=Local/8004@t-01;2|CallerIDNum=5550100\n"
	      "DialBegin|0.2|DestUniqueid=c0|DestChannel=Local/8004@t-01;1\n"
	      "DialEnd|0.3|DestUniqueid=c0|DialStatus=ANSWER\n" WAITS
	      "Hangup|5|Uniqueid=c0|Cause=0\n"
	      "Hangup|5.1|Uniqueid=c1|Cause=0\n",
		SAYS_WAITS "5.100 gone c1 abandoned talk=0.000 hold=0.000\n");
}

static void
trap_2_an_originate_response_may_overtake_the_answer(void **state)
{
	static const char *const orders[] = {
		"OriginateResponse|2|ActionID=x|Response=Success|Reason=4|Uniqueid=usher-"
		"7\n"
		"DialEnd|2|DestUniqueid=usher-7|DialStatus=ANSWER\n",
		"DialEnd|2|DestUniqueid=usher-7|DialStatus=ANSWER\n"
		"OriginateResponse|2|ActionID=x|Response=Success|Reason=4|Uniqueid=usher-"
		"7\n",
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct text script = {0};

		text_add(&script, "DialBegin|1|DestUniqueid=usher-7|DestChannel=PJSIP/"
				  "1001-02\n");
		text_add(&script, orders[i]);
		gives(script.s, "1.000 placed usher-7\n"
				"1.000 ringing usher-7/usher-7 PJSIP/1001\n"
				"2.000 answered usher-7/usher-7 PJSIP/1001\n");
		text_finish(&script);
	}
}

static void
trap_3_the_first_of_two_ends_of_a_dial_counts(void **state)
{
	(void)state;
	gives(WAITS RINGS "DialEnd|8|Uniqueid=c1|DestUniqueid=a1|DialStatus=NOANSWER\n"
			  "DialEnd|8|Uniqueid=c1|DestUniqueid=a1|DialStatus=CANCEL\n"
			  "UserEvent|8.1|Uniqueid=c1|UserEvent=UsherDialEnd|Agent=1001|"
			  "Status=NOANSWER\n"
			  "Hangup|8.2|Uniqueid=a1|Cause=0\n"
			  "Hangup|8.2|Uniqueid=a1|Cause=0\n",
		SAYS_WAITS SAYS_RINGS "8.000 released c1/a1 PJSIP/1001 no_answer\n");
}

static void
trap_4_a_device_that_is_not_registered_is_told_by_the_dialplan(void **state)
{
	(void)state;
	gives(WAITS
		"UserEvent|2.002|Uniqueid=c1|UserEvent=UsherDialEnd|Agent=1009|"
		"Status=CHANUNAVAIL\n"
		"UserEvent|2.002|Uniqueid=c1|UserEvent=UsherDialEnd|Agent=1009|"
		"Status=CHANUNAVAIL\n"
		"UserEvent|2.003|Uniqueid=c1|UserEvent=UsherWait|Reason=CHANUNAVAIL\n",
		SAYS_WAITS "2.002 released c1/- 1009 unavailable\n"
			   "2.003 waiting c1 - to - after CHANUNAVAIL\n");
}

static void
trap_5_no_cause_tells_abandoned_from_ended(void **state)
{
	static const char *const causes[] = {"0", "3", "16", "19"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct text script = {0};

		text_addf(&script, WAITS "Hangup|5|Uniqueid=c1|Cause=%s\n", causes[i]);
		gives(script.s,
			SAYS_WAITS "5.000 gone c1 abandoned talk=0.000 hold=0.000\n");
		text_clear(&script);
		text_addf(&script, WAITS RINGS ANSWERS "Hangup|5|Uniqueid=c1|Cause=%s\n",
			causes[i]);
		gives(script.s, SAYS_WAITS SAYS_RINGS SAYS_ANSWERS
			"5.000 gone c1 ended talk=1.800 hold=0.000\n");
		text_finish(&script);
	}
	/* Picked up, but he had left before they were put through. */
	gives(WAITS RINGS "DialEnd|3|Uniqueid=c1|DestUniqueid=a1|DialStatus=ANSWER\n"
			  "BridgeEnter|3.1|BridgeUniqueid=b1|Uniqueid=a1\n"
			  "Hangup|3.1|Uniqueid=c1|Cause=16\n"
			  "Hangup|3.2|Uniqueid=a1|Cause=16\n",
		SAYS_WAITS SAYS_RINGS "3.100 gone c1 abandoned talk=0.000 hold=0.000\n"
				      "3.200 released c1/a1 PJSIP/1001 cancelled\n");
}

static void
trap_6_a_telephone_that_dies_is_released_when_the_caller_hangs_up(void **state)
{
	(void)state;
	gives(WAITS RINGS ANSWERS "BridgeLeave|60|BridgeUniqueid=b1|Uniqueid=c1\n"
				  "BridgeLeave|60.1|BridgeUniqueid=b1|Uniqueid=a1\n"
				  "Hangup|60.2|Uniqueid=c1|Cause=16\n"
				  "Hangup|60.3|Uniqueid=a1|Cause=16\n",
		SAYS_WAITS SAYS_RINGS SAYS_ANSWERS
		"60.200 gone c1 ended talk=56.800 hold=0.000\n"
		"60.300 released c1/a1 PJSIP/1001 hung_up\n");
}

static void
trap_7_a_blind_transfer_with_its_extra_unhold(void **state)
{
	(void)state;
	gives(WAITS RINGS ANSWERS
		"Hold|4|Uniqueid=a1\n"
		"Unhold|5|Uniqueid=a1\n"
		"Unhold|5|Uniqueid=a1\n"
		"BridgeLeave|6|BridgeUniqueid=b1|Uniqueid=c1\n"
		"BlindTransfer|6.1|Result=Success|TransfererUniqueid=a1|"
		"TransfererChannel=PJSIP/1001-02|TransfereeUniqueid=c1|"
		"TransfereeChannel=PJSIP/trunk-01|IsExternal=Yes|Extension=1002\n"
		"BridgeLeave|6.1|BridgeUniqueid=b1|Uniqueid=a1\n"
		"Hangup|6.2|Uniqueid=a1|Cause=16\n"
		"DialBegin|6.3|Uniqueid=c1|Linkedid=c1|DestUniqueid=a2|DestChannel=PJSIP/"
		"1002-03\n"
		"DialEnd|7|Uniqueid=c1|DestUniqueid=a2|DialStatus=ANSWER\n"
		"BridgeEnter|7|BridgeUniqueid=b2|Uniqueid=a2\n"
		"BridgeEnter|7.1|BridgeUniqueid=b2|Uniqueid=c1\n"
		"BridgeLeave|9.1|BridgeUniqueid=b2|Uniqueid=c1\n"
		"Hangup|9.2|Uniqueid=c1|Cause=16\n"
		"Hangup|9.3|Uniqueid=a2|Cause=16\n",
		SAYS_WAITS SAYS_RINGS SAYS_ANSWERS
		"4.000 held c1/a1 PJSIP/1001\n"
		"5.000 retrieved c1/a1 PJSIP/1001\n"
		"6.100 transferred c1/a1 PJSIP/1001 blind to - 1002\n"
		"6.200 released c1/a1 PJSIP/1001 hung_up\n"
		"6.300 ringing c1/a2 PJSIP/1002\n"
		"7.100 answered c1/a2 PJSIP/1002\n"
		"9.200 gone c1 ended talk=4.800 hold=1.000\n"
		"9.300 released c1/a2 PJSIP/1002 hung_up\n");
}

/* A telephone transfers by itself: its second call is one of its own, with a Linkedid of
 * its own, until the two are merged. */
static void
trap_8_talk_is_the_time_in_the_callers_bridge(void **state)
{
	(void)state;
	gives(WAITS RINGS ANSWERS
		"Hold|10|Uniqueid=a1\n"
		"Newchannel|10.1|Uniqueid=x1|Channel=PJSIP/1001-05|Linkedid=x1\n"
		"DialBegin|10.2|Uniqueid=x1|Channel=PJSIP/1001-05|Linkedid=x1|"
		"DestUniqueid=a2|DestChannel=PJSIP/1002-06|DestLinkedid=x1\n"
		"DialEnd|11|Uniqueid=x1|DestUniqueid=a2|DialStatus=ANSWER\n"
		"BridgeEnter|11|BridgeUniqueid=b2|Uniqueid=a2|Linkedid=x1\n"
		"BridgeEnter|11|BridgeUniqueid=b2|Uniqueid=x1|Linkedid=x1\n"
		"BridgeMerge|13|ToBridgeUniqueid=b1|FromBridgeUniqueid=b2\n"
		"BridgeLeave|13|BridgeUniqueid=b1|Uniqueid=a1\n"
		"BridgeLeave|13|BridgeUniqueid=b2|Uniqueid=a2\n"
		"BridgeEnter|13.5|BridgeUniqueid=b1|Uniqueid=a2|Channel=PJSIP/1002-06|"
		"Linkedid=c1\n"
		"AttendedTransfer|13.5|Result=Success|OrigTransfererUniqueid=a1|"
		"OrigTransfererChannel=PJSIP/1001-02|SecondTransfererUniqueid=x1|"
		"SecondTransfererChannel=PJSIP/1001-05|TransfereeUniqueid=c1|"
		"TransferTargetUniqueid=a2|TransferTargetChannel=PJSIP/1002-06\n"
		"Hangup|13.6|Uniqueid=a1|Cause=16\n"
		"Hangup|13.6|Uniqueid=x1|Cause=16\n"
		"BridgeLeave|15.5|BridgeUniqueid=b1|Uniqueid=a2\n"
		"Hangup|15.6|Uniqueid=a2|Cause=16\n"
		"Hangup|15.7|Uniqueid=c1|Cause=16\n",
		SAYS_WAITS SAYS_RINGS SAYS_ANSWERS
		"10.000 held c1/a1 PJSIP/1001\n"
		"13.500 answered c1/a2 PJSIP/1002\n"
		"13.500 transferred c1/a1 PJSIP/1001 attended to a2 PJSIP/1002\n"
		"13.600 released c1/a1 PJSIP/1001 hung_up\n"
		"15.600 released c1/a2 PJSIP/1002 hung_up\n"
		"15.700 gone c1 ended talk=11.800 hold=3.500\n");
}

/* The second caller's Linkedid becomes the older one's; only the next event shows it. */
static void
trap_9_a_linkedid_that_changed_still_finds_its_call(void **state)
{
	(void)state;
	gives(WAITS RINGS ANSWERS
		"BridgeEnter|4|BridgeUniqueid=b1|Uniqueid=c1|Linkedid=old\n"
		"Newchannel|4.1|Uniqueid=x1|Channel=Local/1002@i-07;2|Linkedid=old\n"
		"DialBegin|5|Uniqueid=x1|Channel=Local/1002@i-07;2|Linkedid=old|"
		"DestUniqueid=a2|DestChannel=PJSIP/1002-06\n"
		"Hangup|6|Uniqueid=a2|Cause=17\n",
		SAYS_WAITS SAYS_RINGS SAYS_ANSWERS
		"5.000 ringing c1/a2 PJSIP/1002 consult\n"
		"6.000 released c1/a2 PJSIP/1002 consult busy\n");
}

static void
trap_11_what_fills_the_line_says_nothing(void **state)
{
	(void)state;
	gives(WAITS "VarSet|1.1|Uniqueid=c1|Variable=RTPAUDIOQOS|Value=ssrc=1;lp=0\n"
		    "RTCPSent|1.2|Uniqueid=c1|PT=200(SR)\n"
		    "Newexten|1.3|Uniqueid=c1|Application=Wait\n"
		    "MusicOnHoldStart|1.4|Uniqueid=c1|Class=default\n"
		    "VarSet|1.5|Uniqueid=never-seen|Variable=X|Value=\n",
		SAYS_WAITS);
}

static void
trap_13_any_byte_may_come(void **state)
{
	(void)state;
	gives("UserEvent|1|Uniqueid=c1|UserEvent=UsherWait|Ani=\xff\xfe|"
	      "Enc-menu=a%2Cb%0d%0A|Enc-bad=%zz|Enc-nul=%00|digits=12\n",
		"1.000 waiting c1 \xff\xfe to - menu=a,b\r\n digits=12\n");
}

static void
trap_14_durations_are_the_timestamps(void **state)
{
	(void)state;
	gives(WAITS RINGS ANSWERS
		"AgentComplete|3.201|HoldTime=9|TalkTime=9|Reason=transfer\n"
		"BridgeLeave|3.9876|BridgeUniqueid=b1|Uniqueid=a1\n"
		"Hangup|4|Uniqueid=a1|Cause=16\n"
		"Hangup|4|Uniqueid=c1|Cause=16\n",
		SAYS_WAITS SAYS_RINGS SAYS_ANSWERS
		"4.000 released c1/a1 PJSIP/1001 hung_up\n"
		"4.000 gone c1 ended talk=0.788 hold=0.000\n");
}

static void
repeated_events_change_nothing(void **state)
{
	(void)state;
	gives(WAITS WAITS RINGS RINGS ANSWERS ANSWERS
		"Hold|4|Uniqueid=a1\nHold|4|Uniqueid=a1\n"
		"Unhold|5|Uniqueid=a1\nUnhold|5|Uniqueid=a1\n"
		"Hangup|6|Uniqueid=a1\nHangup|6|Uniqueid=a1\n"
		"UserEvent|7|Uniqueid=c1|UserEvent=UsherGone\n"
		"UserEvent|7|Uniqueid=c1|UserEvent=UsherGone\n"
		"Hangup|7|Uniqueid=c1\nHangup|7|Uniqueid=c1\n" WAITS RINGS ANSWERS,
		SAYS_WAITS SAYS_RINGS SAYS_ANSWERS
		"4.000 held c1/a1 PJSIP/1001\n"
		"5.000 retrieved c1/a1 PJSIP/1001\n"
		"6.000 released c1/a1 PJSIP/1001 hung_up\n"
		"7.000 gone c1 ended talk=2.800 hold=1.000\n");
}

static void
an_end_that_overtakes_its_beginning_is_told_after_it(void **state)
{
	(void)state;
	gives("Hangup|2|Uniqueid=c1|Cause=16\n" WAITS WAITS,
		SAYS_WAITS "2.000 gone c1 abandoned talk=0.000 hold=0.000\n");
}

static void
who_waits_is_gone_when_he_hangs_up(void **state)
{
	(void)state;
	/* The dialplan's extension h may take its time. */
	gives(WAITS "HangupRequest|2|Uniqueid=c1|Cause=16\n"
		    "HangupRequest|2.5|Uniqueid=c1|Cause=16\n"
		    "UserEvent|3|Uniqueid=c1|UserEvent=UsherGone\n"
		    "Hangup|3|Uniqueid=c1\n",
		SAYS_WAITS "2.000 gone c1 abandoned talk=0.000 hold=0.000\n");
	/* That of a channel which goes on, and the end of a talk, say nothing of it. */
	gives(WAITS "SoftHangupRequest|2|Uniqueid=c1|Cause=16\n"
		    "Hangup|3|Uniqueid=c1\n",
		SAYS_WAITS "3.000 gone c1 abandoned talk=0.000 hold=0.000\n");
	gives(WAITS RINGS ANSWERS "HangupRequest|4|Uniqueid=c1|Cause=16\n"
				  "BridgeLeave|4|BridgeUniqueid=b1|Uniqueid=a1\n"
				  "Hangup|4.2|Uniqueid=a1\n"
				  "Hangup|4.3|Uniqueid=c1\n",
		SAYS_WAITS SAYS_RINGS SAYS_ANSWERS
		"4.200 released c1/a1 PJSIP/1001 hung_up\n"
		"4.300 gone c1 ended talk=0.800 hold=0.000\n");
}

static void
either_may_enter_the_bridge_first(void **state)
{
	(void)state;
	gives(WAITS RINGS "BridgeEnter|3.1|BridgeUniqueid=b1|Uniqueid=c1\n"
			  "BridgeEnter|3.2|BridgeUniqueid=b1|Uniqueid=a1\n"
			  "DialEnd|3|Uniqueid=c1|DestUniqueid=a1|DialStatus=ANSWER\n",
		SAYS_WAITS SAYS_RINGS SAYS_ANSWERS);
	/* Parked callers share a bridge, but nobody is put through. */
	gives(WAITS
		"BridgeEnter|2|BridgeUniqueid=p|BridgeTechnology=holding_bridge|Uniqueid="
		"c1\n"
		"BridgeEnter|2|BridgeUniqueid=p|BridgeTechnology=holding_bridge|Uniqueid="
		"c2\n"
		"Hangup|3|Uniqueid=c1\n",
		SAYS_WAITS "3.000 gone c1 abandoned talk=0.000 hold=0.000\n");
}

static void
a_local_pair_in_front_of_a_telephone_is_one_leg(void **state)
{
	(void)state;
	gives(WAITS
		"DialBegin|2|Uniqueid=c1|DestUniqueid=l1|DestChannel=Local/1001@p-9;1|"
		"DestLinkedid=c1\n"
		"Newchannel|2|Uniqueid=l2|Channel=Local/1001@p-9;2|Linkedid=c1\n"
		"DialBegin|2.1|Uniqueid=l2|Channel=Local/1001@p-9;2|Linkedid=c1|"
		"DestUniqueid=a1|DestChannel=PJSIP/1001-02\n",
		SAYS_WAITS "2.000 ringing c1/l1 Local/1001@p\n");
}

static void
each_word_of_a_dial_has_its_reason(void **state)
{
	static const struct {
		const char *status, *reason;
	} rows[] = {
		{"NOANSWER", "no_answer"},
		{"BUSY", "busy"},
		{"CHANUNAVAIL", "unavailable"},
		{"CONGESTION", "congestion"},
		{"CANCEL", "cancelled"},
		{"", "other"},
		{"SOMETHING", "other"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text script = {0}, expected = {0};

		text_addf(&script,
			WAITS RINGS
			"DialEnd|4|Uniqueid=c1|DestUniqueid=a1|DialStatus=%s\n",
			rows[i].status);
		text_addf(&expected,
			SAYS_WAITS SAYS_RINGS "4.000 released c1/a1 PJSIP/1001 %s\n",
			rows[i].reason);
		gives(script.s, expected.s);
		text_finish(&script);
		text_finish(&expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trap_1_a_caller_of_two_channels_waits_once),
		cmocka_unit_test(trap_2_an_originate_response_may_overtake_the_answer),
		cmocka_unit_test(trap_3_the_first_of_two_ends_of_a_dial_counts),
		cmocka_unit_test(
			trap_4_a_device_that_is_not_registered_is_told_by_the_dialplan),
		cmocka_unit_test(trap_5_no_cause_tells_abandoned_from_ended),
		cmocka_unit_test(
			trap_6_a_telephone_that_dies_is_released_when_the_caller_hangs_up),
		cmocka_unit_test(trap_7_a_blind_transfer_with_its_extra_unhold),
		cmocka_unit_test(trap_8_talk_is_the_time_in_the_callers_bridge),
		cmocka_unit_test(trap_9_a_linkedid_that_changed_still_finds_its_call),
		cmocka_unit_test(trap_11_what_fills_the_line_says_nothing),
		cmocka_unit_test(trap_13_any_byte_may_come),
		cmocka_unit_test(trap_14_durations_are_the_timestamps),
		cmocka_unit_test(repeated_events_change_nothing),
		cmocka_unit_test(an_end_that_overtakes_its_beginning_is_told_after_it),
		cmocka_unit_test(who_waits_is_gone_when_he_hangs_up),
		cmocka_unit_test(either_may_enter_the_bridge_first),
		cmocka_unit_test(a_local_pair_in_front_of_a_telephone_is_one_leg),
		cmocka_unit_test(each_word_of_a_dial_has_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
