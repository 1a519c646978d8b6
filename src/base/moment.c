/* base/moment.c - RFC 3339 by arithmetic on the proleptic Gregorian calendar. */
#include "base/moment.h"

#include <ctype.h>
#include <stddef.h>

#define DAY_MS INT64_C(86400000)

/* Days since 1970-01-01; the year begins in March so that the leap day is its last. */
static int64_t
days_from(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void
date_from(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static void
put(char *out, int value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
}

void
moment_format(char out[MOMENT_TEXT], int64_t ms)
{
	const int64_t first = days_from(0, 1, 1) * DAY_MS;
	const int64_t last = days_from(10000, 1, 1) * DAY_MS - 1;
	static const char form[] = "0000-00-00T00:00:00.000Z";
	int year, month, day, rest;
	int64_t days;

	ms = ms < first ? first : ms > last ? last : ms;
	days = ms / DAY_MS - (ms % DAY_MS < 0);
	rest = (int)(ms - days * DAY_MS);
	date_from(days, &year, &month, &day);
	for (size_t i = 0; i < sizeof form; i++)
		out[i] = form[i];
	put(out, year, 4);
	put(out + 5, month, 2);
	put(out + 8, day, 2);
	put(out + 11, rest / 3600000, 2);
	put(out + 14, rest / 60000 % 60, 2);
	put(out + 17, rest / 1000 % 60, 2);
	put(out + 20, rest % 1000, 3);
}

/* Reads exactly `digits` digits; -1: they are not all there. */
static int
take(const char **at, int digits)
{
	int value = 0;

	for (; digits > 0; digits--, ++*at) {
		if (!isdigit((unsigned char)**at))
			return -1;
		value = value * 10 + (**at - '0');
	}
	return value;
}

static bool
skip(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

static int
month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* ".25" as 250; none is 0. */
static bool
take_fraction(const char **at, int *ms)
{
	int scale = 100;

	*ms = 0;
	if (!skip(at, '.'))
		return true;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); ++*at) {
		*ms += (**at - '0') * scale;
		scale /= 10;
	}
	return true;
}

/* "Z" or "+01:00", in minutes east of UTC. */
static bool
take_offset(const char **at, int *minutes)
{
	int sign = **at == '-' ? -1 : 1, h, m;

	*minutes = 0;
	if (skip(at, 'Z') || skip(at, 'z'))
		return true;
	if (!skip(at, '+') && !skip(at, '-'))
		return false;
	h = take(at, 2);
	if (h < 0 || h > 23 || !skip(at, ':'))
		return false;
	m = take(at, 2);
	if (m < 0 || m > 59)
		return false;
	*minutes = sign * (h * 60 + m);
	return true;
}

bool
moment_parse(const char *text, int64_t *ms)
{
	int year, month, day, hour, minute, second, fraction, offset;
	const char *at = text;

	year = take(&at, 4);
	if (year < 0 || !skip(&at, '-'))
		return false;
	month = take(&at, 2);
	if (month < 1 || month > 12 || !skip(&at, '-'))
		return false;
	day = take(&at, 2);
	if (day < 1 || day > month_days(year, month) ||
		(!skip(&at, 'T') && !skip(&at, 't')))
		return false;
	hour = take(&at, 2);
	if (hour < 0 || hour > 23 || !skip(&at, ':'))
		return false;
	minute = take(&at, 2);
	if (minute < 0 || minute > 59 || !skip(&at, ':'))
		return false;
	second = take(&at, 2);
	if (second < 0 || second > 60 || !take_fraction(&at, &fraction) ||
		!take_offset(&at, &offset) || *at != '\0')
		return false;
	second = second == 60 ? 59 : second;
	*ms = days_from(year, month, day) * DAY_MS +
	      ((hour * 60 + minute - offset) * INT64_C(60) + second) * 1000 + fraction;
	return *ms >= 0;
}
