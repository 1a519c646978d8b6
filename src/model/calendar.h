/*
 * model/calendar.h - open time: several intervals a day, holidays, a time zone.
 *
 * All points are Unix ms of the wall clock. Closed time does not count: an SLA of one
 * hour that starts Friday 16:30 in Mon-Fri 9-17 ends Monday 09:30 (ROUTING 8, 9). A local
 * time that a clock change skips maps to the end of the gap; a doubled one opens at its
 * first and closes at its second occurrence. Pure: no clock is read.
 */
#ifndef USHER_MODEL_CALENDAR_H
#define USHER_MODEL_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/xalloc.h"

#define CALENDAR_INTERVALS_MAX 12 /* a day */
#define CALENDAR_HOLIDAYS_MAX 1000
#define CALENDAR_FOREVER_MS                                                              \
	(INT64_C(1) << 52) /* "never again": a calendar without an opening */

struct calendar;

/*
 * calendar_create - an empty (always closed) calendar.
 *
 * zone    IANA name, for example "Europe/London"; NULL: UTC
 * Returns owned by the caller; NULL when the zone is unknown
 */
struct calendar *calendar_create(const char *zone) USHER_MUST_CHECK;
void calendar_destroy(struct calendar *calendar); /* NULL is fine */
struct calendar *calendar_copy(const struct calendar *calendar);

/* Adds open hours to a weekday (0 = Monday). Minutes of the local day, 0 <= from < to <=
 * 1440. False on overlap. */
bool calendar_add_hours(
	struct calendar *c, int weekday, int from_min, int to_min) USHER_MUST_CHECK;
/* A day that is closed (n_intervals 0) or has hours of its own ("special day"). */
bool calendar_add_day(struct calendar *c, int year, int month, int day, int n_intervals,
	const int from_min[], const int to_min[]) USHER_MUST_CHECK;

bool calendar_is_open(const struct calendar *c, int64_t at_ms); /* [open, close) */
/* Next moment >= at_ms at which it is open; CALENDAR_FOREVER_MS when there is none within
 * two years. */
int64_t calendar_next_open_ms(const struct calendar *c, int64_t at_ms);
int64_t calendar_next_change_ms(
	const struct calendar *c, int64_t at_ms); /* next opening or closing > at_ms */

/*
 * calendar_add_ms - the moment by which `open_ms` of open time have passed since from_ms.
 *
 * Canonical: a result that falls on a closing time stays there (Friday 17:00, not Monday
 * 09:00); adding 0 in closed time gives the last closing time at or before from_ms, and
 * if none is found within two years from_ms itself. Moments with no open time between
 * them thus give one result, so that deadlines order as slack does.
 */
int64_t calendar_add_ms(const struct calendar *c, int64_t from_ms, int64_t open_ms);

/* Open time from a to b in ms; negative when b < a. */
int64_t calendar_between_ms(const struct calendar *c, int64_t a_ms, int64_t b_ms);

/* A moment in the calendar's zone. */
struct calendar_moment {
	int year, month, day; /* month and day from 1 */
	int hour, minute;
	int weekday; /* 1 = Monday */
};
void calendar_local(const struct calendar *c, int64_t at_ms, struct calendar_moment *out);
/* When the local day of at_ms began: 23 or 25 hours before its end where the clocks
 * change in it, and after the gap where they skip its midnight. */
int64_t calendar_midnight_ms(const struct calendar *c, int64_t at_ms);

#endif
