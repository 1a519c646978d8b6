/* The neutral CTI events: each fact once, whatever is repeated, late, early or lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "intake/cti.h"

#define S INT64_C(1000000) /* a second in microseconds */

static struct text told;

static void
on_told(void *context, const struct cti_event *event)
{
	const struct usher_switch_event *e = event->is;

	(void)context;
	text_addf(&told, "%s%s%s", event->resync ? "resync " : "", cti_kind_name(e->kind),
		e->call != NULL ? " " : "");
	text_addf(&told, "%s", e->call != NULL ? e->call : "");
	if (e->leg != NULL)
		text_addf(&told, "/%s", e->leg);
	if (e->kind == USHER_CALL_GONE)
		text_addf(&told, " %s", cti_outcome_name(e->outcome));
	if (e->kind == USHER_LEG_RELEASED)
		text_addf(&told, " %s", cti_reason_name(e->reason));
	text_add(&told, "\n");
}

static struct cti *
start(struct cti_link **link)
{
	struct cti *cti = cti_create(on_told, NULL);

	text_clear(&told);
	*link = cti_link_add(cti, "pbx");
	return cti;
}

/* What was told since it was asked last. */
static void
expect(const char *expected)
{
	assert_string_equal(told.s != NULL ? told.s : "", expected);
	text_clear(&told);
}

static void
feed(struct cti_link *link, enum usher_switch_kind kind, int64_t t_s, const char *call,
	const char *leg)
{
	struct usher_switch_event e = {.size = sizeof(e),
		.kind = kind,
		.t_us = t_s * S,
		.call = call,
		.leg = leg};

	if (kind == USHER_CALL_GONE)
		e.outcome = USHER_OUTCOME_ABANDONED;
	if (kind == USHER_LEG_RELEASED)
		e.reason = USHER_REASON_HUNG_UP;
	cti_feed(link, &e, t_s * S);
}

static void
list(struct cti_link *link, const char *call, enum usher_call_state state,
	const char *leg)
{
	struct usher_switch_event e = {.size = sizeof(e),
		.kind = USHER_SNAPSHOT_CALL,
		.call = call,
		.leg = leg,
		.state = state};

	cti_feed(link, &e, 50 * S);
}

static void
bound(struct cti_link *link, enum usher_switch_kind kind, const char *instance)
{
	struct usher_switch_event e = {
		.size = sizeof(e), .kind = kind, .instance = instance};

	cti_feed(link, &e, 50 * S);
}

static const enum usher_switch_kind life[] = {USHER_CALL_WAITING, USHER_LEG_RINGING,
	USHER_LEG_ANSWERED, USHER_LEG_HELD, USHER_LEG_RETRIEVED, USHER_LEG_TRANSFERRED,
	USHER_LEG_RELEASED, USHER_CALL_GONE};
#define LIFE (sizeof(life) / sizeof(life[0]))
#define WHOLE_LIFE                                                                       \
	"call.waiting c1\nagent.ringing c1/a1\nagent.answered c1/a1\nagent.held "        \
	"c1/a1\nagent.retrieved c1/a1\nagent.transferred c1/a1\nagent.released "         \
	"c1/a1 hung_up\ncall.gone c1 ended\n"

static void
feed_step(struct cti_link *link, size_t i)
{
	feed(link, life[i], 10 + (int64_t)i, "c1",
		life[i] >= USHER_LEG_RINGING ? "a1" : NULL);
}

static void
a_life_said_twice_in_any_way_is_told_once(void **state)
{
	struct cti_link *link, *other;
	struct cti *cti;

	(void)state;
	/* Each step twice; by two links; and the whole once more at the end. */
	cti = start(&link);
	other = cti_link_add(cti, "pbx");
	for (size_t i = 0; i < LIFE; i++) {
		feed_step(link, i);
		feed_step(other, i);
	}
	for (size_t i = 0; i < LIFE; i++)
		feed_step(other, i);
	expect(WHOLE_LIFE);
	assert_int_equal(cti_figures(cti).told, LIFE);
	assert_int_equal(cti_figures(cti).duplicate + cti_figures(cti).late, 2 * LIFE);
	assert_int_equal(cti_figures(cti).calls, 0);
	cti_destroy(cti);
}

static void
switches_of_other_names_have_calls_of_their_own(void **state)
{
	struct cti_link *link, *other;
	struct cti *cti = start(&link);

	(void)state;
	other = cti_link_add(cti, "pbx2");
	feed(link, USHER_CALL_WAITING, 1, "c1", NULL);
	feed(other, USHER_CALL_WAITING, 1, "c1", NULL);
	feed(other, USHER_CALL_GONE, 2, "c1", NULL);
	expect("call.waiting c1\ncall.waiting c1\ncall.gone c1 abandoned\n");
	assert_int_equal(cti_figures(cti).calls, 1);
	cti_destroy(cti);
}

static void
any_order_of_two_neighbours_loses_no_call_and_no_end(void **state)
{
	(void)state;
	for (size_t swap = 0; swap + 1 < LIFE; swap++) {
		struct cti_link *link;
		struct cti *cti = start(&link);

		for (size_t i = 0; i < LIFE; i++)
			feed_step(link, i == swap ? i + 1 : i == swap + 1 ? i - 1 : i);
		assert_non_null(strstr(told.s, "call.waiting c1\n"));
		assert_non_null(strstr(told.s, "call.gone c1 ended\n"));
		assert_non_null(strstr(told.s, "agent.released c1/a1 hung_up\n"));
		assert_int_equal(cti_figures(cti).calls, 0);
		cti_destroy(cti);
	}
}

static void
an_end_before_its_beginning_is_remembered_for_ten_seconds(void **state)
{
	struct cti_link *link;
	struct cti *cti = start(&link);

	(void)state;
	feed(link, USHER_CALL_GONE, 10, "c1", NULL);
	feed(link, USHER_CALL_GONE, 10, "c1", NULL);
	expect("");
	feed(link, USHER_CALL_WAITING, 20, "c1", NULL);
	expect("call.waiting c1\ncall.gone c1 abandoned\n");
	assert_int_equal(cti_figures(cti).early, 1);
	assert_int_equal(cti_figures(cti).unknown_ends, 0);
	/* After that it is the end of nobody: counted, and forgotten. */
	feed(link, USHER_CALL_GONE, 30, "c2", NULL);
	cti_expire(cti, 40 * S);
	assert_int_equal(cti_figures(cti).unknown_ends, 0);
	cti_expire(cti, 40 * S + 1);
	assert_int_equal(cti_figures(cti).unknown_ends, 1);
	feed(link, USHER_CALL_WAITING, 41, "c2", NULL);
	expect("call.waiting c2\n");
	cti_destroy(cti);
}

static void
legs_before_their_call_are_told_behind_it(void **state)
{
	struct cti_link *link;
	struct cti *cti = start(&link);

	(void)state;
	feed(link, USHER_LEG_RINGING, 1, "c1", "a1");
	feed(link, USHER_LEG_ANSWERED, 2, "c1", "a1");
	feed(link, USHER_LEG_RELEASED, 3, "c1", "a1");
	expect("");
	feed(link, USHER_CALL_WAITING, 0, "c1", NULL);
	feed(link, USHER_CALL_GONE, 4, "c1", NULL);
	expect("call.waiting c1\nagent.ringing c1/a1\nagent.answered c1/a1\n"
	       "agent.released c1/a1 hung_up\ncall.gone c1 ended\n");
	cti_destroy(cti);
}

static void
a_caller_waits_again_after_an_attempt_but_not_by_a_copy(void **state)
{
	struct cti_link *link;
	struct cti *cti = start(&link);

	(void)state;
	feed(link, USHER_CALL_WAITING, 1, "c1", NULL);
	feed(link, USHER_CALL_WAITING, 2, "c1", NULL);
	feed(link, USHER_LEG_RINGING, 3, "c1", "a1");
	feed(link, USHER_CALL_WAITING, 1, "c1", NULL); /* late copy of the first */
	expect("call.waiting c1\nagent.ringing c1/a1\n");
	feed(link, USHER_LEG_RELEASED, 4, "c1", "a1");
	feed(link, USHER_CALL_WAITING, 4, "c1", NULL);
	feed(link, USHER_CALL_WAITING, 4, "c1", NULL);
	feed(link, USHER_LEG_RINGING, 5, "c1", "a2");
	feed(link, USHER_LEG_ANSWERED, 6, "c1", "a2");
	feed(link, USHER_LEG_RELEASED, 7, "c1", "a2");
	feed(link, USHER_CALL_WAITING, 8, "c1", NULL);
	feed(link, USHER_CALL_GONE, 9, "c1", NULL);
	/* He waited when he left, though he had talked before. */
	expect("agent.released c1/a1 hung_up\ncall.waiting c1\nagent.ringing "
	       "c1/a2\nagent.answered c1/a2\nagent.released c1/a2 hung_up\n"
	       "call.waiting c1\ncall.gone c1 abandoned\n");
	cti_destroy(cti);
}

static void
a_telephone_is_freed_though_its_call_is_over(void **state)
{
	struct cti_link *link;
	struct cti *cti = start(&link);

	(void)state;
	feed(link, USHER_CALL_WAITING, 1, "c1", NULL);
	feed(link, USHER_LEG_ANSWERED, 2, "c1", "a1");
	feed(link, USHER_LEG_RINGING, 2, "c1", "a2");
	feed(link, USHER_CALL_GONE, 3, "c1", NULL);
	feed(link, USHER_LEG_RELEASED, 4, "c1", "a1");
	feed(link, USHER_LEG_ANSWERED, 5, "c1", "a2");
	expect("call.waiting c1\nagent.answered c1/a1\nagent.ringing c1/a2\n"
	       "call.gone c1 ended\nagent.released c1/a1 hung_up\n");
	/* One whose end is never seen does not keep its agent for ever. */
	cti_expire(cti, 3 * S + CTI_KEEP_US + 1);
	expect("resync agent.released c1/a2 lost\n");
	cti_destroy(cti);
}

static void
a_snapshot_ends_as_lost_what_it_does_not_name(void **state)
{
	struct cti_link *link;
	struct cti *cti = start(&link);

	(void)state;
	feed(link, USHER_CALL_WAITING, 1, "waits", NULL);
	feed(link, USHER_CALL_WAITING, 1, "rings", NULL);
	feed(link, USHER_LEG_RINGING, 2, "rings", "a1");
	feed(link, USHER_CALL_WAITING, 1, "talks", NULL);
	feed(link, USHER_LEG_ANSWERED, 2, "talks", "a2");
	feed(link, USHER_CALL_WAITING, 1, "over", NULL);
	feed(link, USHER_LEG_ANSWERED, 2, "over", "a3");
	feed(link, USHER_CALL_WAITING, 1, "back", NULL);
	feed(link, USHER_LEG_RINGING, 2, "back", "a4");
	text_clear(&told);
	bound(link, USHER_SNAPSHOT_BEGIN, "first life");
	list(link, "waits", USHER_STATE_WAITING, NULL);
	list(link, "rings", USHER_STATE_TALKING, "a1");
	list(link, "talks", USHER_STATE_TALKING, "a2");
	list(link, "back", USHER_STATE_WAITING, NULL);
	list(link, "new", USHER_STATE_WAITING, NULL);
	list(link, "newer", USHER_STATE_TALKING, "a5");
	list(link, "newer", USHER_STATE_RINGING, "a6");
	expect("resync agent.answered rings/a1\nresync call.waiting new\n"
	       "resync call.waiting newer\nresync agent.answered newer/a5\n"
	       "resync agent.ringing newer/a6\n");
	bound(link, USHER_SNAPSHOT_END, NULL);
	assert_non_null(strstr(told.s,
		"resync agent.released over/a3 lost\nresync call.gone over lost\n"));
	assert_non_null(strstr(told.s, "resync agent.released back/a4 "
				       "lost\nresync call.waiting back\n"));
	assert_null(strstr(told.s, "waits"));
	assert_null(strstr(told.s, "talks"));
	assert_int_equal(cti_figures(cti).lost, 1);
	assert_int_equal(cti_figures(cti).calls, 6);
	/* The same once more says nothing. */
	text_clear(&told);
	bound(link, USHER_SNAPSHOT_BEGIN, "first life");
	list(link, "waits", USHER_STATE_WAITING, NULL);
	list(link, "rings", USHER_STATE_TALKING, "a1");
	list(link, "talks", USHER_STATE_TALKING, "a2");
	list(link, "back", USHER_STATE_WAITING, NULL);
	list(link, "new", USHER_STATE_WAITING, NULL);
	list(link, "newer", USHER_STATE_TALKING, "a5");
	list(link, "newer", USHER_STATE_RINGING, "a6");
	bound(link, USHER_SNAPSHOT_END, NULL);
	expect("resync snapshot\n");
	cti_destroy(cti);
}

/* A switch whose caller c1 waits. */
static struct cti *
start_first_life(struct cti_link **link)
{
	struct cti *cti = start(link);

	bound(*link, USHER_SNAPSHOT_BEGIN, "first life");
	bound(*link, USHER_SNAPSHOT_END, NULL);
	feed(*link, USHER_CALL_WAITING, 1, "c1", NULL);
	return cti;
}

static void
no_call_outlives_its_switch(void **state)
{
	struct cti_link *link;
	struct cti *cti = start_first_life(&link);

	(void)state;
	feed(link, USHER_LEG_ANSWERED, 2, "c1", "a1");
	text_clear(&told);
	/* Not even one that bears the same id. */
	bound(link, USHER_SNAPSHOT_BEGIN, "second life");
	list(link, "c1", USHER_STATE_TALKING, "a1");
	bound(link, USHER_SNAPSHOT_END, NULL);
	expect("resync agent.released c1/a1 lost\nresync call.gone c1 lost\n"
	       "resync snapshot\n");
	cti_destroy(cti);
}

static void
who_comes_before_the_first_snapshot_of_a_new_life_stays(void **state)
{
	struct cti_link *link;
	struct cti *cti = start_first_life(&link);

	(void)state;
	bound(link, USHER_SWITCH_UP, NULL);
	feed(link, USHER_CALL_WAITING, 51, "c2", NULL);
	text_clear(&told);
	bound(link, USHER_SNAPSHOT_BEGIN, "second life");
	list(link, "c2", USHER_STATE_WAITING, NULL);
	bound(link, USHER_SNAPSHOT_END, NULL);
	expect("resync call.gone c1 lost\nresync snapshot\n");
	feed(link, USHER_CALL_GONE, 60, "c2", NULL);
	expect("call.gone c2 abandoned\n");
	cti_destroy(cti);
}

static void
a_switch_is_up_while_one_of_its_links_is(void **state)
{
	struct cti_link *link, *other;
	struct cti *cti = start(&link);

	(void)state;
	other = cti_link_add(cti, "pbx");
	bound(link, USHER_SWITCH_UP, NULL);
	bound(link, USHER_SWITCH_UP, NULL);
	bound(other, USHER_SWITCH_UP, NULL);
	bound(link, USHER_SWITCH_DOWN, NULL);
	bound(link, USHER_SWITCH_DOWN, NULL);
	expect("switch.up\n");
	bound(other, USHER_SWITCH_DOWN, NULL);
	expect("switch.down\n");
	cti_destroy(cti);
}

/* The second link's list was made before the call came, and is read behind what the first
 * one said of it (now: second 50). */
static void
an_older_list_of_one_link_ends_nothing_that_another_has_told(void **state)
{
	struct cti_link *link, *other;
	struct cti *cti = start(&link);

	(void)state;
	other = cti_link_add(cti, "pbx");
	bound(link, USHER_SWITCH_UP, NULL);
	feed(link, USHER_CALL_WAITING, 20, "before", NULL);
	bound(other, USHER_SWITCH_UP, NULL);
	feed(link, USHER_CALL_WAITING, 60, "c1", NULL);
	feed(link, USHER_CALL_WAITING, 60, "c2", NULL);
	feed(link, USHER_LEG_RINGING, 61, "c2", "a1");
	text_clear(&told);
	bound(other, USHER_SNAPSHOT_BEGIN, NULL);
	list(other, "c2", USHER_STATE_WAITING, NULL);
	bound(other, USHER_SNAPSHOT_END, NULL);
	expect("resync call.gone before lost\nresync snapshot\n");
	/* What was said before a link came up does not count against its list. */
	feed(other, USHER_LEG_ANSWERED, 63, "c1", "a2");
	text_clear(&told);
	bound(link, USHER_SWITCH_DOWN, NULL);
	cti_feed(link,
		&(struct usher_switch_event){.size = sizeof(struct usher_switch_event),
			.kind = USHER_SWITCH_UP},
		70 * S);
	bound(link, USHER_SNAPSHOT_BEGIN, NULL);
	list(link, "c1", USHER_STATE_TALKING, "a2");
	bound(link, USHER_SNAPSHOT_END, NULL);
	expect("resync agent.released c2/a1 lost\nresync call.gone c2 lost\n"
	       "resync snapshot\n");
	cti_destroy(cti);
}

static void
ids_that_can_be_none_are_refused(void **state)
{
	char longest[CTI_ID_MAX + 2];
	const char *bad[] = {NULL, "", "a b", "a\nb", "\x7f", "\xc3\xa9", longest};
	struct cti_link *link;
	struct cti *cti = start(&link);

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		feed(link, USHER_CALL_WAITING, 1, bad[i], NULL);
		feed(link, USHER_LEG_RINGING, 1, "c1", bad[i]);
	}
	expect("");
	assert_int_equal(cti_figures(cti).refused, 14);
	longest[CTI_ID_MAX] = '\0';
	feed(link, USHER_CALL_WAITING, 1, longest, NULL);
	assert_int_equal(cti_figures(cti).refused, 14);
	cti_destroy(cti);
}

static void
text_is_made_sound_or_dropped(void **state)
{
	static const struct {
		const char *text, *clean; /* NULL: dropped */
	} rows[] = {
		{NULL, ""},
		{"Bob", "Bob"},
		{"  Zo\xc3\xab  ", "Zo\xc3\xab"},
		{"Bob\r\nEvent: Hangup", NULL},
		{"x\n2026-01-01 INFO admin logged in", NULL},
		{"\xc2\x85"
		 "Event: Hangup",
			NULL},
		{"a\xe2\x80\xa8"
		 "b",
			NULL},
		{"a\tb", NULL},
		{"\x7f", NULL},
		{"\xef\xbb\xbf+15550100", "+15550100"},
		{"+1555\xe2\x80\x8b"
		 "0100",
			"+15550100"},
		{"\xe2\x80\xae"
		 "evil",
			"evil"},
		{"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc3", "\xef\xbf\xbd"},
		{"\xc0\x8a", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\"><img src=x onerror=alert(1)>", "\"><img src=x onerror=alert(1)>"},
		{"%n%n%s%s%x", "%n%n%s%s%x"},
	};
	char out[64], full[9];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool good = cti_clean(out, sizeof(out), rows[i].text);

		assert_int_equal(good, rows[i].clean != NULL);
		assert_string_equal(out, good ? rows[i].clean : "");
	}
	assert_true(cti_clean(full, sizeof(full), "12345678"));
	assert_false(cti_clean(full, sizeof(full), "123456789"));
	assert_string_equal(full, "");
}

static void
a_value_that_is_dropped_does_not_keep_the_call_from_waiting(void **state)
{
	char longest[CTI_CALLER_MAX + 2];
	struct cti_link *link;
	struct cti *cti = start(&link);
	struct usher_attribute attributes[] = {
		{.name = "menu", .kind = USHER_VALUE_TEXT, .text = "1-3"},
		{.name = "bad name", .kind = USHER_VALUE_TEXT, .text = "x"},
		{.name = "evil", .kind = USHER_VALUE_TEXT, .text = "a\r\nb"},
	};
	struct usher_switch_event e = {.size = sizeof(e),
		.kind = USHER_CALL_WAITING,
		.call = "c1",
		.name = "Bob\r\nEvent: Hangup\r\nUniqueid: 1",
		.number = longest,
		.attributes = attributes,
		.n_attributes = 3};

	(void)state;
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cti_feed(link, &e, 1);
	expect("call.waiting c1\n");
	assert_int_equal(cti_figures(cti).cleaned, 4);
	cti_destroy(cti);
}

static void
events_of_an_older_or_younger_adapter_are_understood(void **state)
{
	struct cti_link *link;
	struct cti *cti = start(&link);
	struct {
		struct usher_switch_event e;
		char more[64];
	} young = {
		.e = {.size = sizeof(young), .kind = USHER_CALL_WAITING, .call = "c1"}};
	struct usher_switch_event old = {.size = offsetof(struct usher_switch_event, leg),
		.kind = USHER_CALL_GONE,
		.call = "c1",
		.leg = (const char *)(uintptr_t)1};

	(void)state;
	memset(young.more, 0xff, sizeof(young.more));
	cti_feed(link, &young.e, 1);
	cti_feed(link, &old, 2);
	young.e.kind = (enum usher_switch_kind)99;
	cti_feed(link, &young.e, 3);
	expect("call.waiting c1\ncall.gone c1 \n");
	assert_int_equal(cti_figures(cti).refused, 1);
	cti_destroy(cti);
}

static void
lag_is_our_clock_behind_the_switchs(void **state)
{
	struct cti_link *link;
	struct cti *cti = start(&link);
	struct usher_switch_event e = {.size = sizeof(e),
		.kind = USHER_CALL_WAITING,
		.call = "c1",
		.t_us = 10 * S};

	(void)state;
	cti_feed(link, &e, 10 * S + 2500);
	e.call = "c2";
	e.t_us = 11 * S;
	cti_feed(link, &e, 11 * S + 400);
	/* No time, no lag; a time of the far future is not believed in. */
	e.call = "c3";
	e.t_us = 0;
	cti_feed(link, &e, 12 * S);
	assert_int_equal(cti_figures(cti).lag_us, 400);
	assert_int_equal(cti_figures(cti).lag_most_us, 2500);
	cti_destroy(cti);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_said_twice_in_any_way_is_told_once),
		cmocka_unit_test(switches_of_other_names_have_calls_of_their_own),
		cmocka_unit_test(any_order_of_two_neighbours_loses_no_call_and_no_end),
		cmocka_unit_test(
			an_end_before_its_beginning_is_remembered_for_ten_seconds),
		cmocka_unit_test(legs_before_their_call_are_told_behind_it),
		cmocka_unit_test(a_caller_waits_again_after_an_attempt_but_not_by_a_copy),
		cmocka_unit_test(a_telephone_is_freed_though_its_call_is_over),
		cmocka_unit_test(a_snapshot_ends_as_lost_what_it_does_not_name),
		cmocka_unit_test(no_call_outlives_its_switch),
		cmocka_unit_test(who_comes_before_the_first_snapshot_of_a_new_life_stays),
		cmocka_unit_test(a_switch_is_up_while_one_of_its_links_is),
		cmocka_unit_test(
			an_older_list_of_one_link_ends_nothing_that_another_has_told),
		cmocka_unit_test(ids_that_can_be_none_are_refused),
		cmocka_unit_test(text_is_made_sound_or_dropped),
		cmocka_unit_test(
			a_value_that_is_dropped_does_not_keep_the_call_from_waiting),
		cmocka_unit_test(events_of_an_older_or_younger_adapter_are_understood),
		cmocka_unit_test(lag_is_our_clock_behind_the_switchs),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	text_finish(&told);
	return failed;
}
