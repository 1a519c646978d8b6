/* Open time: weekdays, holidays, clock changes, and the arithmetic over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/calendar.h"

#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)

/* "2026-11-22 16:30" in UTC as Unix ms. */
static int64_t
utc(const char *text)
{
	struct tm tm = {0};

	if (sscanf(text, "%d-%d-%d %d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		    &tm.tm_hour, &tm.tm_min) != 5)
		fail_msg("not a time: %s", text);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return (int64_t)timegm(&tm) * 1000;
}

static void
assert_at(int64_t ms, const char *text)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char is[40];

	gmtime_r(&s, &tm);
	strftime(is, sizeof is, "%Y-%m-%d %H:%M", &tm);
	if (strcmp(is, text) != 0 || ms % 60000 != 0)
		fail_msg("it is %s, not %s", is, text);
}

static struct calendar *
make(const char *zone)
{
	struct calendar *c = calendar_create(zone);

	assert_non_null(c);
	return c;
}

/* Monday to Friday, 9 to 17. */
static struct calendar *
office(const char *zone)
{
	struct calendar *c = make(zone);

	for (int day = 0; day < 5; day++)
		assert_true(calendar_add_hours(c, day, 9 * 60, 17 * 60));
	return c;
}

static void
an_hour_from_friday_1630_ends_on_monday_0930(void **state)
{
	struct calendar *c = office("Europe/London");

	assert_at(
		calendar_add_ms(c, utc("2026-01-09 16:30"), HOUR_MS), "2026-01-12 09:30");
	/* Summer: one hour earlier in UTC. */
	assert_at(
		calendar_add_ms(c, utc("2026-07-10 15:30"), HOUR_MS), "2026-07-13 08:30");
	/* The week-end between them is the one of the clock change. */
	assert_at(
		calendar_add_ms(c, utc("2026-03-27 16:30"), HOUR_MS), "2026-03-30 08:30");
	calendar_destroy(c);
}

static void
a_result_on_a_closing_time_stays_there(void **state)
{
	struct calendar *c = office(NULL);
	int64_t friday = utc("2026-01-09 17:00");

	assert_at(calendar_add_ms(c, utc("2026-01-09 16:30"), HOUR_MS / 2),
		"2026-01-09 17:00");
	/* All moments from Friday's close to Monday's opening are one. */
	assert_int_equal(calendar_add_ms(c, friday, 0), friday);
	assert_int_equal(calendar_add_ms(c, utc("2026-01-10 12:00"), 0), friday);
	assert_int_equal(calendar_add_ms(c, utc("2026-01-12 09:00"), 0), friday);
	assert_at(calendar_add_ms(c, utc("2026-01-12 09:01"), 0), "2026-01-12 09:01");
	assert_int_equal(calendar_add_ms(c, friday, 1), utc("2026-01-12 09:00") + 1);
	calendar_destroy(c);
}

static void
holidays_and_special_days_replace_the_weekday(void **state)
{
	struct calendar *c = office("Europe/London");
	const int from[] = {10 * 60}, to[] = {12 * 60};

	assert_true(calendar_add_day(c, 2026, 12, 25, 0, NULL, NULL));
	assert_true(calendar_add_day(c, 2026, 12, 26, 1, from, to)); /* a Saturday */
	assert_at(
		calendar_add_ms(c, utc("2026-12-24 16:30"), HOUR_MS), "2026-12-26 10:30");
	assert_at(
		calendar_next_change_ms(c, utc("2026-12-26 11:00")), "2026-12-26 12:00");
	assert_at(calendar_next_open_ms(c, utc("2026-12-26 12:00")), "2026-12-28 09:00");
	assert_false(calendar_is_open(c, utc("2026-12-25 12:00")));
	assert_false(calendar_add_day(c, 2026, 12, 25, 0, NULL, NULL)); /* twice */
	assert_false(calendar_add_day(c, 2026, 2, 29, 0, NULL, NULL));
	assert_true(calendar_add_day(c, 2028, 2, 29, 0, NULL, NULL));
	assert_false(calendar_add_day(c, 1969, 12, 31, 0, NULL, NULL));
	calendar_destroy(c);
}

static void
a_day_may_have_several_intervals_in_any_order(void **state)
{
	struct calendar *c = make(NULL);

	assert_true(calendar_add_hours(c, 0, 13 * 60, 17 * 60));
	assert_true(calendar_add_hours(c, 0, 8 * 60, 12 * 60));
	assert_true(calendar_add_hours(c, 0, 12 * 60 + 30, 13 * 60));
	assert_false(calendar_add_hours(c, 0, 11 * 60, 12 * 60 + 10));
	assert_false(calendar_add_hours(c, 0, 7 * 60, 8 * 60 + 1));
	assert_false(calendar_add_hours(c, 0, 5 * 60, 5 * 60));
	assert_false(calendar_add_hours(c, 0, 23 * 60, 1441));
	assert_false(calendar_add_hours(c, 7, 0, 60));
	assert_at(
		calendar_add_ms(c, utc("2026-01-05 11:30"), HOUR_MS), "2026-01-05 13:00");
	/* 12:30-13:00 and 13:00-17:00 touch: no closing time lies between them. */
	assert_at(
		calendar_next_change_ms(c, utc("2026-01-05 12:45")), "2026-01-05 17:00");
	assert_int_equal(
		calendar_between_ms(c, utc("2026-01-05 00:00"), utc("2026-01-06 00:00")),
		8 * HOUR_MS + HOUR_MS / 2);
	calendar_destroy(c);
}

static void
nights_join_over_midnight(void **state)
{
	struct calendar *c = make("Europe/London");

	assert_true(calendar_add_hours(c, 4, 22 * 60, 24 * 60));
	assert_true(calendar_add_hours(c, 5, 0, 6 * 60));
	assert_at(
		calendar_next_change_ms(c, utc("2026-01-09 23:00")), "2026-01-10 06:00");
	assert_at(
		calendar_add_ms(c, utc("2026-01-09 23:00"), HOUR_MS), "2026-01-10 00:00");
	calendar_destroy(c);
}

static void
a_skipped_local_time_is_the_end_of_the_gap(void **state)
{
	struct calendar *london = make("Europe/London"), *york = make("America/New_York");

	/* London: Sunday 2026-03-29, 01:00 GMT becomes 02:00 BST. */
	assert_true(calendar_add_hours(london, 6, 90, 180));
	assert_at(calendar_next_open_ms(london, utc("2026-03-28 00:00")),
		"2026-03-29 01:00");
	assert_at(calendar_next_change_ms(london, utc("2026-03-29 01:00")),
		"2026-03-29 02:00");
	/* New York: Sunday 2026-03-08, 02:00 EST becomes 03:00 EDT. Closing at 02:30. */
	assert_true(calendar_add_hours(york, 6, 60, 150));
	assert_at(
		calendar_next_open_ms(york, utc("2026-03-08 00:00")), "2026-03-08 06:00");
	assert_at(calendar_next_change_ms(york, utc("2026-03-08 06:30")),
		"2026-03-08 07:00");
	calendar_destroy(london);
	calendar_destroy(york);
}

static void
an_interval_within_the_gap_does_not_open(void **state)
{
	struct calendar *c = make("Europe/London");

	assert_true(calendar_add_hours(c, 6, 75, 105)); /* 01:15-01:45 */
	assert_at(calendar_next_open_ms(c, utc("2026-03-28 00:00")), "2026-04-05 00:15");
	calendar_destroy(c);
}

static void
a_doubled_local_time_opens_first_and_closes_second(void **state)
{
	struct calendar *london = make("Europe/London"), *york = make("America/New_York");

	/* London: Sunday 2026-10-25, 02:00 BST becomes 01:00 GMT. */
	assert_true(calendar_add_hours(london, 6, 75, 105)); /* 01:15-01:45 */
	assert_at(calendar_next_open_ms(london, utc("2026-10-24 12:00")),
		"2026-10-25 00:15");
	assert_at(calendar_next_change_ms(london, utc("2026-10-25 00:30")),
		"2026-10-25 01:45");
	/* New York: Sunday 2026-11-01, 02:00 EDT becomes 01:00 EST. */
	assert_true(calendar_add_hours(york, 6, 60, 120));
	assert_at(
		calendar_next_open_ms(york, utc("2026-10-31 12:00")), "2026-11-01 05:00");
	assert_at(calendar_next_change_ms(york, utc("2026-11-01 05:00")),
		"2026-11-01 07:00");
	/* Two intervals whose doubled hours overlap count once. */
	assert_true(calendar_add_hours(london, 6, 110, 120)); /* 01:50-02:00 */
	assert_int_equal(calendar_between_ms(london, utc("2026-10-25 00:00"),
				 utc("2026-10-25 12:00")),
		105 * MINUTE_MS);
	calendar_destroy(london);
	calendar_destroy(york);
}

static void
closed_for_ever_has_no_next_opening(void **state)
{
	struct calendar *c = make("Europe/London"), *always = make("Europe/London");
	int64_t now = utc("2026-01-09 16:30");

	assert_false(calendar_is_open(c, now));
	assert_true(calendar_next_open_ms(c, now) == CALENDAR_FOREVER_MS);
	assert_true(calendar_next_change_ms(c, now) == CALENDAR_FOREVER_MS);
	assert_true(calendar_add_ms(c, now, 1) == CALENDAR_FOREVER_MS);
	assert_true(calendar_add_ms(c, CALENDAR_FOREVER_MS, 1) == CALENDAR_FOREVER_MS);
	assert_true(calendar_add_ms(c, now, 0) == now);
	assert_int_equal(calendar_between_ms(c, now, 2 * now), 0);
	assert_true(
		calendar_between_ms(c, now, CALENDAR_FOREVER_MS) == CALENDAR_FOREVER_MS);
	for (int day = 0; day < 7; day++)
		assert_true(calendar_add_hours(always, day, 0, 1440));
	assert_true(calendar_next_change_ms(always, now) == CALENDAR_FOREVER_MS);
	assert_int_equal(calendar_between_ms(always, now, now + 123456789), 123456789);
	assert_int_equal(calendar_add_ms(always, now, 123456789), now + 123456789);
	assert_int_equal(calendar_add_ms(always, now, 0), now);
	calendar_destroy(c);
	calendar_destroy(always);
}

static void
moments_before_1970_are_closed(void **state)
{
	struct calendar *c = make(NULL);

	for (int day = 0; day < 7; day++)
		assert_true(calendar_add_hours(c, day, 0, 1440));
	assert_false(calendar_is_open(c, -1));
	assert_true(calendar_is_open(c, 0));
	assert_int_equal(calendar_between_ms(c, -1000, 1000), 1000);
	assert_int_equal(calendar_add_ms(c, -1000, 1000), 1000);
	assert_false(calendar_is_open(c, CALENDAR_FOREVER_MS));
	assert_true(calendar_next_open_ms(c, INT64_MAX) == CALENDAR_FOREVER_MS);
	calendar_destroy(c);
}

static void
unknown_zones_are_refused(void **state)
{
	static const char *const list[] = {"", "No/Such", "Europe/Lodnon",
		"../etc/passwd", "/etc/localtime", "+01", "Europe/London ",
		"Europe/\nLondon"};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
		if (calendar_create(list[i]) != NULL)
			fail_msg("%s was taken", list[i]);
	calendar_destroy(NULL);
}

static uint64_t
random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Each quarter of an hour of some years, against libc's own idea of local time. */
static void
office_hours_are_those_of_libc_in_every_zone(void **state)
{
	static const char *const zones[] = {"Europe/London", "America/New_York",
		"Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Auckland",
		"America/Asuncion", "UTC"};

	for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
		struct calendar *c = office(zones[i]);

		assert_int_equal(setenv("TZ", zones[i], 1), 0);
		tzset();
		for (int64_t at = utc("2024-12-01 00:00"); at < utc("2027-02-01 00:00");
			at += 15 * MINUTE_MS) {
			time_t s = (time_t)(at / 1000);
			struct tm tm;
			bool open;

			localtime_r(&s, &tm);
			open = tm.tm_wday >= 1 && tm.tm_wday <= 5 && tm.tm_hour >= 9 &&
			       tm.tm_hour < 17;
			if (calendar_is_open(c, at) != open)
				fail_msg("%s at %lld", zones[i], (long long)at);
		}
		calendar_destroy(c);
	}
	unsetenv("TZ");
	tzset();
}

static struct calendar *
random_calendar(uint64_t *seed)
{
	static const char *const zones[] = {
		"Europe/London", "America/New_York", "Asia/Tokyo", "America/Havana"};
	struct calendar *c = make(zones[random_next(seed) % 4]);

	for (int n = 1 + (int)(random_next(seed) % 20); n > 0; n--) {
		int from = (int)(random_next(seed) % 1440);
		int to = from + 1 + (int)(random_next(seed) % (uint64_t)(1440 - from));

		/* An overlap is refused; the rest is a fine calendar. */
		if (!calendar_add_hours(c, (int)(random_next(seed) % 7), from, to))
			continue;
	}
	for (int n = (int)(random_next(seed) % 30); n > 0; n--)
		if (!calendar_add_day(c, 2020 + (int)(random_next(seed) % 10),
			    1 + (int)(random_next(seed) % 12),
			    1 + (int)(random_next(seed) % 28), 0, NULL, NULL))
			continue;
	return c;
}

static void
what_is_added_lies_between(void **state)
{
	uint64_t seed = 88172645463325252u;

	for (int i = 0; i < 300; i++) {
		struct calendar *c = random_calendar(&seed);

		for (int j = 0; j < 300; j++) {
			int64_t a = utc("2020-01-01 00:00") +
				    (int64_t)(random_next(&seed) % 315360000000);
			int64_t x = (int64_t)(random_next(&seed) %
					      (j % 3 == 0 ? 4000000000u : 40000000u));
			int64_t y = (int64_t)(random_next(&seed) % 100000000u);
			int64_t b = calendar_add_ms(c, a, x),
				d = calendar_add_ms(c, a, x + y);

			assert_int_equal(calendar_between_ms(c, a, b), x);
			assert_int_equal(calendar_between_ms(c, b, a), -x);
			assert_int_equal(calendar_between_ms(c, b, d), y);
			assert_true(b <= d);
			/* Canonical: adding in two steps, or from the result, is the
			 * same. */
			assert_int_equal(calendar_add_ms(c, b, y), d);
			assert_int_equal(calendar_add_ms(c, b, 0), b);
			if (x > 0)
				assert_true(calendar_is_open(c, b - 1));
		}
		calendar_destroy(c);
	}
}

/* Walks from change to change and adds the open stretches up. */
static void
changes_and_sums_tell_the_same(void **state)
{
	uint64_t seed = 123456789;

	for (int i = 0; i < 100; i++) {
		struct calendar *c = random_calendar(&seed);
		int64_t from = utc("2025-06-01 00:00"), to = utc("2027-06-01 00:00"),
			sum = 0;

		for (int64_t at = from, next; at < to; at = next) {
			next = calendar_next_change_ms(c, at);
			assert_true(next > at);
			assert_true(next == CALENDAR_FOREVER_MS ||
				    calendar_is_open(c, at) != calendar_is_open(c, next));
			if (calendar_is_open(c, at))
				sum += (next < to ? next : to) - at;
		}
		assert_int_equal(calendar_between_ms(c, from, to), sum);
		calendar_destroy(c);
	}
}

static void
local_time_is_that_of_the_zone(void **state)
{
	static const struct {
		const char *zone, *at;
		struct calendar_moment is;
	} list[] = {
		{"Europe/London", "2026-07-10 23:30", {2026, 7, 11, 0, 30, 6}},
		{"America/New_York", "2026-01-01 04:59", {2025, 12, 31, 23, 59, 3}},
		{"Asia/Kolkata", "2024-02-28 18:45", {2024, 2, 29, 0, 15, 4}},
		{"UTC", "1969-12-31 23:59", {1969, 12, 31, 23, 59, 3}},
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct calendar *c = make(list[i].zone);
		struct calendar_moment is;

		calendar_local(c, utc(list[i].at) + 1, &is);
		assert_memory_equal(&is, &list[i].is, sizeof is);
		calendar_destroy(c);
	}
}

static void
a_copy_is_a_calendar_of_its_own(void **state)
{
	struct calendar *c = office("Europe/London"), *copy;

	assert_true(calendar_add_day(c, 2026, 12, 25, 0, NULL, NULL));
	assert_true(calendar_is_open(c, utc("2026-12-24 12:00")));
	copy = calendar_copy(c);
	assert_true(calendar_add_hours(c, 5, 600, 660));
	calendar_destroy(c);
	assert_true(calendar_is_open(copy, utc("2026-12-24 12:00")));
	assert_false(calendar_is_open(copy, utc("2026-12-25 12:00")));
	assert_false(calendar_is_open(copy, utc("2026-12-26 10:30")));
	calendar_destroy(copy);
}

/* When the day of a moment began. */
static void
assert_began(const char *zone, const char *moment, const char *midnight)
{
	struct calendar *c = make(zone);

	assert_at(calendar_midnight_ms(c, utc(moment)), midnight);
	calendar_destroy(c);
}

static void
a_day_begins_at_midnight_also_when_the_clocks_change_in_it(void **state)
{
	assert_began(NULL, "2026-03-29 23:59", "2026-03-29 00:00");
	/* 23 hours, then 25: before the change, behind it, and to the last minute. */
	assert_began("Europe/London", "2026-03-29 00:30", "2026-03-29 00:00");
	assert_began("Europe/London", "2026-03-29 12:00", "2026-03-29 00:00");
	assert_began("Europe/London", "2026-03-29 22:59", "2026-03-29 00:00");
	assert_began("Europe/London", "2026-03-29 23:00", "2026-03-29 23:00");
	assert_began("Europe/London", "2026-10-24 23:00", "2026-10-24 23:00");
	assert_began("Europe/London", "2026-10-25 00:30", "2026-10-24 23:00");
	assert_began("Europe/London", "2026-10-25 01:30", "2026-10-24 23:00");
	assert_began("Europe/London", "2026-10-25 23:59", "2026-10-24 23:00");
	assert_began("Europe/London", "2026-10-26 00:00", "2026-10-26 00:00");
	/* Clocks that skip midnight, and that come to it twice. */
	assert_began("Asia/Beirut", "2026-03-29 12:00", "2026-03-28 22:00");
	assert_began("Asia/Beirut", "2026-10-24 21:30", "2026-10-23 21:00");
	assert_began("Asia/Beirut", "2026-10-24 22:00", "2026-10-24 22:00");
	/* Half an hour. */
	assert_began("Australia/Lord_Howe", "2026-04-05 12:00", "2026-04-04 13:00");
}

/* Prints what a question costs; nothing is asserted about it. */
static void
questions_are_cheap(void **state)
{
	struct calendar *c = office("Europe/London");
	int64_t now = utc("2026-01-09 16:30"), sum = 0;
	struct timespec a, b;

	calendar_between_ms(c, now, now + 400 * 24 * HOUR_MS);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 1000000; i++)
		sum += calendar_between_ms(c, now, calendar_add_ms(c, now, i * 100));
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(sum == INT64_C(49999950000000));
	print_message("an addition and a difference take %.0f ns\n",
		((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) /
			1e6);
	calendar_destroy(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_hour_from_friday_1630_ends_on_monday_0930),
		cmocka_unit_test(a_result_on_a_closing_time_stays_there),
		cmocka_unit_test(holidays_and_special_days_replace_the_weekday),
		cmocka_unit_test(a_day_may_have_several_intervals_in_any_order),
		cmocka_unit_test(nights_join_over_midnight),
		cmocka_unit_test(a_skipped_local_time_is_the_end_of_the_gap),
		cmocka_unit_test(an_interval_within_the_gap_does_not_open),
		cmocka_unit_test(a_doubled_local_time_opens_first_and_closes_second),
		cmocka_unit_test(closed_for_ever_has_no_next_opening),
		cmocka_unit_test(moments_before_1970_are_closed),
		cmocka_unit_test(unknown_zones_are_refused),
		cmocka_unit_test(office_hours_are_those_of_libc_in_every_zone),
		cmocka_unit_test(what_is_added_lies_between),
		cmocka_unit_test(changes_and_sums_tell_the_same),
		cmocka_unit_test(local_time_is_that_of_the_zone),
		cmocka_unit_test(
			a_day_begins_at_midnight_also_when_the_clocks_change_in_it),
		cmocka_unit_test(a_copy_is_a_calendar_of_its_own),
		cmocka_unit_test(questions_are_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
