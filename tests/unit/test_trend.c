/* The last day minute by minute: desk/trend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "desk/trend.h"

#define NOON (INT64_C(1764417600000)) /* a full hour */

static struct event
at(enum event_kind kind, int queue, int channel, int64_t at_ms)
{
	return (struct event){.kind = kind,
		.at_ms = at_ms,
		.queue = queue,
		.channel = channel,
		.agent = -1,
		.waited_ms = -1,
		.handled_ms = -1,
		.amount = NAN,
		.satisfaction = NAN};
}

static void
tell(struct trend *t, enum event_kind kind, int queue, int channel, int64_t at_ms,
	int64_t waited_ms, int64_t due_ms)
{
	struct event e = at(kind, queue, channel, at_ms);

	e.waited_ms = waited_ms;
	e.due_ms = due_ms;
	trend_event(t, &e);
}

static void
sums_are_those_of_the_minutes_asked_for(void **state)
{
	struct trend *t = trend_create();
	struct trend_sum all = {0}, one = {0}, later = {0};

	for (int i = 0; i < 120; i++) {
		tell(t, EVENT_CONTACT_CREATED, i % 2, i % 3, NOON + i * MINUTE_MS, -1, 0);
		tell(t, EVENT_CONTACT_CONNECTED, i % 2, i % 3, NOON + i * MINUTE_MS + 500,
			500, NOON + i * MINUTE_MS + (i < 30 ? 0 : 1000));
	}
	trend_add(t, -1, -1, NOON, NOON + 120 * MINUTE_MS, &all);
	assert_int_equal(all.arrived, 120);
	assert_int_equal(all.answered, 120);
	assert_int_equal(all.in_time, 90);
	assert_true(fabs(trend_service_level(&all) - 0.75) < 1e-9);
	trend_add(t, 1, 0, NOON, NOON + 120 * MINUTE_MS, &one);
	assert_int_equal(one.arrived, 20);
	trend_add(t, -1, -1, NOON + 100 * MINUTE_MS, NOON + 110 * MINUTE_MS, &later);
	assert_int_equal(later.arrived, 10);
	trend_destroy(t);
}

/* Minutes of points that begin within an hour, over several, and of none. */
static void
points_are_the_sums_of_their_minutes(void **state)
{
	struct trend *t = trend_create();
	struct trend_sum points[30] = {{0}};
	int64_t from = NOON + 7 * MINUTE_MS;

	for (int i = 0; i < 300; i += 1 + i % 5)
		tell(t, EVENT_CONTACT_CREATED, 3, 1, NOON + i * MINUTE_MS + i, -1, 0);
	trend_points(t, 0, from, 11 * MINUTE_MS, 30, points);
	for (int i = 0; i < 30; i++) {
		struct trend_sum sum = {0};

		trend_add(t, 3, 1, from + i * 11 * MINUTE_MS,
			from + (i + 1) * 11 * MINUTE_MS, &sum);
		assert_int_equal(points[i].arrived, sum.arrived);
	}
	assert_true(points[0].arrived > 0);
	assert_int_equal(points[29].arrived, 0);
	trend_destroy(t);
}

static void
percentiles_are_bounds_of_what_was_waited(void **state)
{
	struct trend *t = trend_create();
	struct trend_sum sum = {0}, none = {0};

	for (int i = 1; i <= 100; i++)
		tell(t, EVENT_CONTACT_CONNECTED, 0, 0, NOON, i * 1000, 0);
	trend_add(t, 0, 0, NOON, NOON + 1, &sum);
	assert_int_equal(trend_quantile_ms(&sum, 0.5), 60000);
	assert_int_equal(trend_quantile_ms(&sum, 0.9), 90000);
	assert_int_equal(trend_quantile_ms(&sum, 0.05), 5000);
	assert_int_equal(trend_quantile_ms(&none, 0.5), -1);
	assert_true(isnan(trend_service_level(&none)));
	tell(t, EVENT_CONTACT_CONNECTED, 1, 0, NOON, INT64_C(1) << 50, 0);
	trend_add(t, 1, 0, NOON, NOON + 1, &none);
	assert_true(trend_quantile_ms(&none, 0.5) > 3600000);
	trend_destroy(t);
}

/* Memory is that of a day, whatever comes. */
static void
a_day_later_the_old_counts_are_gone(void **state)
{
	struct trend *t = trend_create();
	struct trend_sum old = {0}, new = {0}, past = {0};
	const int64_t day = TREND_HOURS * 60 * MINUTE_MS;

	tell(t, EVENT_CONTACT_CREATED, 0, 0, NOON, -1, 0);
	for (int h = 1; h <= TREND_HOURS + 1; h++)
		tell(t, EVENT_CONTACT_CREATED, 0, 0, NOON + h * 60 * MINUTE_MS, -1, 0);
	trend_add(t, 0, 0, NOON, NOON + MINUTE_MS, &old);
	assert_int_equal(old.arrived, 0);
	trend_add(t, 0, 0, NOON + 60 * MINUTE_MS, NOON + day + 61 * MINUTE_MS, &new);
	assert_int_equal(new.arrived, TREND_HOURS + 1);
	/* An event out of the past finds its hour taken. */
	tell(t, EVENT_CONTACT_CREATED, 0, 0, NOON, -1, 0);
	trend_add(t, 0, 0, NOON, NOON + MINUTE_MS, &past);
	assert_int_equal(past.arrived, 0);
	trend_destroy(t);
}

/* 25 hours that begin and end within an hour of centre time. */
static void
the_longest_day_is_kept_whole(void **state)
{
	struct trend *t = trend_create();
	struct trend_sum day = {0};
	int64_t midnight = NOON + 30 * MINUTE_MS, end = midnight + 25 * 60 * MINUTE_MS;

	for (int64_t now = midnight; now < end; now += MINUTE_MS)
		tell(t, EVENT_CONTACT_CREATED, 0, 0, now, -1, 0);
	trend_add(t, 0, 0, midnight, end, &day);
	assert_int_equal(day.arrived, 25 * 60);
	trend_destroy(t);
}

static void
what_is_lost_counts_against_the_service_level(void **state)
{
	struct trend *t = trend_create();
	struct trend_sum sum = {0};

	tell(t, EVENT_CONTACT_CONNECTED, 0, 0, NOON, 10, NOON + 1000);
	tell(t, EVENT_CONTACT_ABANDONED, 0, 0, NOON, -1, 0);
	tell(t, EVENT_CONTACT_EXPIRED, 0, 0, NOON, -1, 0);
	tell(t, EVENT_CONTACT_CONNECTED, 0, 0, NOON, 10, NOON - 1000);
	trend_add(t, 0, 0, NOON, NOON + 1, &sum);
	assert_true(fabs(trend_service_level(&sum) - 0.25) < 1e-9);
	trend_destroy(t);
}

static void
an_agents_day_adds_up(void **state)
{
	struct trend *t = trend_create();
	struct event e = at(EVENT_CONTACT_COMPLETED, 0, 2, NOON);
	const struct trend_agent *a;

	trend_new_day(t, 1, NOON);
	trend_agent_state(t, 3, AGENT_NOT_READY, NOON);
	trend_agent_state(t, 3, AGENT_READY, NOON + 60000);
	trend_agent_state(t, 3, AGENT_READY, NOON + 90000);
	e.agent = 3;
	e.handled_ms = 5000;
	e.amount = 12.5;
	trend_event(t, &e);
	trend_event(t, &e);
	a = trend_agent(t, 3);
	assert_int_equal(a->completed, 2);
	assert_int_equal(a->by_channel[2], 2);
	assert_int_equal(a->handled_ms, 10000);
	assert_true(fabs(a->amount - 25) < 1e-9);
	assert_int_equal(a->state_ms[AGENT_NOT_READY], 60000);
	assert_int_equal(a->state_ms[AGENT_READY], 30000);
	trend_new_day(t, 2, NOON + 100000);
	a = trend_agent(t, 3);
	assert_int_equal(a->completed, 0);
	assert_int_equal(a->state, AGENT_READY);
	assert_int_equal(a->since_ms, NOON + 100000);
	assert_null(trend_agent(t, 99));
	trend_destroy(t);
}

static void
staff_is_the_mean_of_its_samples(void **state)
{
	struct trend *t = trend_create();
	double mean[4];

	assert_false(trend_staff_mean(t, -1, NOON, NOON + MINUTE_MS, mean));
	for (int i = 0; i < 10; i++)
		trend_staff(
			t, 4, &(struct trend_staff){10, i, 2, 1}, NOON + i * MINUTE_MS);
	assert_true(trend_staff_mean(t, 4, NOON, NOON + 10 * MINUTE_MS, mean));
	assert_true(fabs(mean[0] - 10) < 1e-9);
	assert_true(fabs(mean[1] - 4.5) < 1e-9);
	assert_false(trend_staff_mean(
		t, 4, NOON + 10 * MINUTE_MS, NOON + 20 * MINUTE_MS, mean));
	trend_destroy(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_those_of_the_minutes_asked_for),
		cmocka_unit_test(points_are_the_sums_of_their_minutes),
		cmocka_unit_test(percentiles_are_bounds_of_what_was_waited),
		cmocka_unit_test(a_day_later_the_old_counts_are_gone),
		cmocka_unit_test(the_longest_day_is_kept_whole),
		cmocka_unit_test(what_is_lost_counts_against_the_service_level),
		cmocka_unit_test(an_agents_day_adds_up),
		cmocka_unit_test(staff_is_the_mean_of_its_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
