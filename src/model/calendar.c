/*
 * model/calendar.c - open time.
 *
 * Time is cut into chunks of 2^35 ms (398 days). A chunk holds its open intervals as
 * Unix ms, merged and with a running sum, and is made at its first use; every question
 * is then a binary search or two. Clock changes come from the system's time zone data
 * through GLib's GTimeZone, which is immutable and needs no TZ in the environment.
 *
 * Moments before 1970 and after 2248 count as closed.
 */
#include "model/calendar.h"

#include <glib.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SHIFT 35
#define CHUNKS 256
#define CHUNK_MS (INT64_C(1) << CHUNK_SHIFT)
#define DAY_MS INT64_C(86400000)
#define MINUTE_MS INT64_C(60000)
#define TWO_YEARS_MS (INT64_C(731) * DAY_MS)
#define DAY_OF_1970 INT64_C(719163) /* as GDate counts */
#define SEGMENTS_MAX                                                                     \
	64 /* offsets in force within one chunk; zones change it 2-4 times               \
	    */

/* Open hours of a day, minutes of local time, ascending. */
struct hours {
	int n;
	int from[CALENDAR_INTERVALS_MAX], to[CALENDAR_INTERVALS_MAX];
};

struct special {
	int64_t day; /* since 1970-01-01 */
	struct hours hours;
};

struct interval {
	int64_t open, close; /* Unix ms */
	int64_t before;	     /* open ms of this chunk before `open` */
};

/* What is open within a chunk. An interval that crosses its edge is cut there. */
struct chunk {
	int n;
	int64_t total;
	struct interval interval[];
};

struct calendar {
	GTimeZone *zone;
	struct hours week[7];
	int n_special;
	struct special *special; /* owned; by day */
	/* Made at first use, even by a reader; published once and then constant. */
	_Atomic(struct chunk *) chunk[CHUNKS];
};

/* An offset and the moments, in seconds, in which it is in force. */
struct segment {
	int64_t from, to;
	int64_t offset;
};

/* ---- making and filling ---- */

static bool
zone_name_is_valid(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789_+-/");

	return n > 0 && n < 64 && name[n] == '\0' && name[0] != '/';
}

struct calendar *
calendar_create(const char *zone)
{
	GTimeZone *found;
	struct calendar *c;

	/* GLib reads files by this name, and takes "+01" too, which knows no summer. */
	if (zone != NULL && (!zone_name_is_valid(zone) || strchr("+-0123456789", *zone)))
		return NULL;
	found = zone != NULL ? g_time_zone_new_identifier(zone) : g_time_zone_new_utc();
	if (found == NULL)
		return NULL;
	c = xcalloc(1, sizeof *c);
	c->zone = found;
	return c;
}

static void
forget_chunks(struct calendar *c)
{
	for (int i = 0; i < CHUNKS; i++)
		free(atomic_exchange(&c->chunk[i], NULL));
}

void
calendar_destroy(struct calendar *c)
{
	if (c == NULL)
		return;
	forget_chunks(c);
	g_time_zone_unref(c->zone);
	free(c->special);
	free(c);
}

struct calendar *
calendar_copy(const struct calendar *from)
{
	struct calendar *c = xcalloc(1, sizeof *c);

	c->zone = g_time_zone_ref(from->zone);
	memcpy(c->week, from->week, sizeof c->week);
	c->n_special = from->n_special;
	c->special = xcalloc((size_t)c->n_special + 1, sizeof c->special[0]);
	if (from->n_special > 0)
		memcpy(c->special, from->special,
			(size_t)c->n_special * sizeof c->special[0]);
	return c;
}

/* Keeps the order; touching intervals become one later. */
static bool
hours_add(struct hours *h, int from_min, int to_min)
{
	int at = 0;

	if (from_min < 0 || from_min >= to_min || to_min > 1440 ||
		h->n == CALENDAR_INTERVALS_MAX)
		return false;
	while (at < h->n && h->from[at] < from_min)
		at++;
	if ((at > 0 && h->to[at - 1] > from_min) || (at < h->n && h->from[at] < to_min))
		return false;
	for (int i = h->n++; i > at; i--) {
		h->from[i] = h->from[i - 1];
		h->to[i] = h->to[i - 1];
	}
	h->from[at] = from_min;
	h->to[at] = to_min;
	return true;
}

bool
calendar_add_hours(struct calendar *c, int weekday, int from_min, int to_min)
{
	forget_chunks(c);
	return weekday >= 0 && weekday < 7 &&
	       hours_add(&c->week[weekday], from_min, to_min);
}

/* Place of the first special day at or after `day`. */
static int
special_at(const struct calendar *c, int64_t day)
{
	int low = 0, high = c->n_special;

	while (low < high) {
		int middle = (low + high) / 2;

		if (c->special[middle].day < day)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
calendar_add_day(struct calendar *c, int year, int month, int day, int n_intervals,
	const int from_min[], const int to_min[])
{
	struct special special = {0};
	GDate date;
	int at;

	if (year < 1970 || year > 2248 || month < 1 || month > 12 || day < 1 ||
		!g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year) ||
		c->n_special == CALENDAR_HOLIDAYS_MAX)
		return false;
	g_date_clear(&date, 1);
	g_date_set_dmy(&date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
	special.day = (int64_t)g_date_get_julian(&date) - DAY_OF_1970;
	for (int i = 0; i < n_intervals; i++)
		if (!hours_add(&special.hours, from_min[i], to_min[i]))
			return false;
	at = special_at(c, special.day);
	if (at < c->n_special && c->special[at].day == special.day)
		return false;
	forget_chunks(c);
	c->special =
		xreallocarray(c->special, (size_t)c->n_special + 1, sizeof c->special[0]);
	memmove(&c->special[at + 1], &c->special[at],
		(size_t)(c->n_special - at) * sizeof c->special[0]);
	c->special[at] = special;
	c->n_special++;
	return true;
}

/* ---- local time ---- */

static int
zone_interval(const struct calendar *c, int64_t at_s)
{
	return g_time_zone_find_interval(c->zone, G_TIME_TYPE_UNIVERSAL, at_s);
}

/* The offsets in force in [from, to), seconds. GLib tells an interval's number only, so
 * its end is found by halving. */
static int
find_segments(const struct calendar *c, int64_t from, int64_t to,
	struct segment out[SEGMENTS_MAX])
{
	int n = 0;

	while (from < to && n < SEGMENTS_MAX) {
		int here = zone_interval(c, from);
		int64_t low = from, high = to;

		while (high - low > 1) {
			int64_t middle = low + (high - low) / 2;

			if (zone_interval(c, middle) == here)
				low = middle;
			else
				high = middle;
		}
		out[n++] = (struct segment){
			from, high, g_time_zone_get_offset(c->zone, here)};
		from = high;
	}
	return n;
}

/* When local time L (seconds) first comes; the end of the gap where it is skipped. */
static int64_t
first_moment(const struct segment *s, int n, int64_t local)
{
	int i = 0;

	while (i < n - 1 && local - s[i].offset >= s[i].to)
		i++;
	return local - s[i].offset > s[i].from ? local - s[i].offset : s[i].from;
}

/* When it last comes; likewise. */
static int64_t
last_moment(const struct segment *s, int n, int64_t local)
{
	int i = n - 1;

	while (i > 0 && local - s[i].offset < s[i].from)
		i--;
	return local - s[i].offset < s[i].to ? local - s[i].offset : s[i].to;
}

static const struct hours *
hours_of(const struct calendar *c, int64_t day)
{
	int at = special_at(c, day);

	if (at < c->n_special && c->special[at].day == day)
		return &c->special[at].hours;
	return &c->week[((day + 3) % 7 + 7) % 7]; /* 1970-01-01 was a Thursday */
}

/* ---- chunks ---- */

/* Appends [open, close) cut to the chunk; what touches or overlaps (a doubled hour) is
 * joined. */
static void
chunk_append(struct chunk *k, int64_t from, int64_t to, int64_t open, int64_t close)
{
	struct interval *last = k->n > 0 ? &k->interval[k->n - 1] : NULL;

	open = open > from ? open : from;
	close = close < to ? close : to;
	if (last != NULL && open <= last->close) {
		if (close > last->close) {
			k->total += close - last->close;
			last->close = close;
		}
	} else if (open < close) {
		k->interval[k->n++] = (struct interval){open, close, k->total};
		k->total += close - open;
	}
}

static struct chunk *
chunk_make(const struct calendar *c, int index)
{
	int64_t from = (int64_t)index << CHUNK_SHIFT, to = from + CHUNK_MS;
	/* Two days around it: offsets reach up to 15 hours. */
	int64_t first = from / DAY_MS - 2, last = to / DAY_MS + 2;
	struct segment segment[SEGMENTS_MAX];
	int n = find_segments(c, first * 86400 - 86400, (last + 2) * 86400, segment);
	int room = 1;
	struct chunk *k;

	for (int64_t day = first; day <= last; day++)
		room += hours_of(c, day)->n;
	k = xcalloc(1, sizeof *k + (size_t)room * sizeof k->interval[0]);
	for (int64_t day = first; day <= last; day++) {
		const struct hours *h = hours_of(c, day);

		for (int i = 0; i < h->n; i++)
			chunk_append(k, from, to,
				1000 * first_moment(
					       segment, n, day * 86400 + h->from[i] * 60),
				1000 * last_moment(
					       segment, n, day * 86400 + h->to[i] * 60));
	}
	return k;
}

/* The chunk of this index, made when it is the first time; NULL outside all time. */
static const struct chunk *
chunk_get(const struct calendar *constant, int64_t index)
{
	struct calendar *c = (struct calendar *)(uintptr_t)constant;
	struct chunk *k, *none = NULL;

	if (index < 0 || index >= CHUNKS)
		return NULL;
	k = atomic_load_explicit(&c->chunk[index], memory_order_acquire);
	if (k != NULL)
		return k;
	k = chunk_make(c, (int)index);
	if (atomic_compare_exchange_strong(&c->chunk[index], &none, k))
		return k;
	free(k); /* another thread was faster */
	return none;
}

/* How many intervals of the chunk open at or before the moment. */
static int
opened_by(const struct chunk *k, int64_t at_ms)
{
	int low = 0, high = k->n;

	while (low < high) {
		int middle = (low + high) / 2;

		if (k->interval[middle].open <= at_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Open ms of the chunk before the moment. */
static int64_t
elapsed(const struct chunk *k, int64_t at_ms)
{
	int opened = opened_by(k, at_ms);
	const struct interval *v;

	if (opened == 0)
		return 0;
	v = &k->interval[opened - 1];
	return v->before + (at_ms < v->close ? at_ms : v->close) - v->open;
}

/* ---- questions ---- */

bool
calendar_is_open(const struct calendar *c, int64_t at_ms)
{
	const struct chunk *k = chunk_get(c, at_ms >> CHUNK_SHIFT);
	int i = k != NULL ? opened_by(k, at_ms) - 1 : -1;

	return i >= 0 && at_ms < k->interval[i].close;
}

int64_t
calendar_next_open_ms(const struct calendar *c, int64_t at_ms)
{
	int64_t last;

	if (at_ms >= CALENDAR_FOREVER_MS)
		return CALENDAR_FOREVER_MS;
	if (calendar_is_open(c, at_ms))
		return at_ms;
	last = (at_ms + TWO_YEARS_MS) >> CHUNK_SHIFT;
	for (int64_t index = at_ms >> CHUNK_SHIFT; index <= last; index++) {
		const struct chunk *k = chunk_get(c, index);
		int i = k != NULL ? opened_by(k, at_ms) : 0;

		if (k != NULL && i < k->n)
			return k->interval[i].open <= at_ms + TWO_YEARS_MS
				       ? k->interval[i].open
				       : CALENDAR_FOREVER_MS;
	}
	return CALENDAR_FOREVER_MS;
}

int64_t
calendar_next_change_ms(const struct calendar *c, int64_t at_ms)
{
	int64_t end, at = at_ms;

	if (!calendar_is_open(c, at_ms))
		return calendar_next_open_ms(c, at_ms);
	end = at_ms + TWO_YEARS_MS;
	/* An interval cut at a chunk's edge goes on in the next one. */
	while (at < end && calendar_is_open(c, at)) {
		const struct chunk *k = chunk_get(c, at >> CHUNK_SHIFT);

		at = k->interval[opened_by(k, at) - 1].close;
	}
	return at < end ? at : CALENDAR_FOREVER_MS;
}

/* The last closing time at or before from_ms, or from_ms itself. */
static int64_t
last_close(const struct calendar *c, int64_t from_ms)
{
	int64_t first = (from_ms - TWO_YEARS_MS) >> CHUNK_SHIFT;

	for (int64_t index = from_ms >> CHUNK_SHIFT; index >= first; index--) {
		const struct chunk *k = chunk_get(c, index);
		int i = k != NULL ? opened_by(k, from_ms - 1) - 1 : -1;

		if (i < 0)
			continue;
		if (k->interval[i].close < from_ms - TWO_YEARS_MS)
			break;
		return k->interval[i].close < from_ms ? k->interval[i].close : from_ms;
	}
	return from_ms;
}

/* The first moment of the chunk by which `open_ms` > 0 of it have passed; there are that
 * many. */
static int64_t
reach(const struct chunk *k, int64_t open_ms)
{
	int low = 0, high = k->n - 1;

	/* The last interval with less before it than is asked for. */
	while (low < high) {
		int middle = (low + high + 1) / 2;

		if (k->interval[middle].before < open_ms)
			low = middle;
		else
			high = middle - 1;
	}
	return k->interval[low].open + open_ms - k->interval[low].before;
}

int64_t
calendar_add_ms(const struct calendar *c, int64_t from_ms, int64_t open_ms)
{
	int64_t index = from_ms >> CHUNK_SHIFT, closed = 0;
	const struct chunk *k;

	if (from_ms >= CALENDAR_FOREVER_MS)
		return CALENDAR_FOREVER_MS;
	if (open_ms <= 0)
		return last_close(c, from_ms);
	k = chunk_get(c, index);
	if (k != NULL)
		open_ms += elapsed(k, from_ms);
	for (index = index < 0 ? 0 : index; index < CHUNKS; index++) {
		k = chunk_get(c, index);
		if (k->total >= open_ms)
			return reach(k, open_ms);
		open_ms -= k->total;
		closed = k->total > 0 ? 0 : closed + CHUNK_MS;
		if (closed > TWO_YEARS_MS)
			break;
	}
	return CALENDAR_FOREVER_MS;
}

int64_t
calendar_between_ms(const struct calendar *c, int64_t a_ms, int64_t b_ms)
{
	int64_t first, last, sum;

	if (b_ms < a_ms)
		return -calendar_between_ms(c, b_ms, a_ms);
	if (b_ms >= CALENDAR_FOREVER_MS) /* never: further off than anything */
		return a_ms >= CALENDAR_FOREVER_MS ? 0 : CALENDAR_FOREVER_MS;
	a_ms = a_ms > 0 ? a_ms : 0;
	b_ms = b_ms > 0 ? b_ms : 0;
	first = a_ms >> CHUNK_SHIFT;
	last = b_ms >> CHUNK_SHIFT;
	if (first >= CHUNKS)
		return 0;
	sum = -elapsed(chunk_get(c, first), a_ms);
	for (int64_t index = first; index < last && index < CHUNKS; index++)
		sum += chunk_get(c, index)->total;
	return last < CHUNKS ? sum + elapsed(chunk_get(c, last), b_ms) : sum;
}

static int64_t
whole_seconds(int64_t at_ms)
{
	return (at_ms - (at_ms % 1000 + 1000) % 1000) / 1000;
}

static int64_t
local_seconds(const struct calendar *c, int64_t at_s)
{
	return at_s + g_time_zone_get_offset(c->zone, zone_interval(c, at_s));
}

int64_t
calendar_midnight_ms(const struct calendar *c, int64_t at_ms)
{
	int64_t at_s = whole_seconds(at_ms), local = local_seconds(c, at_s);
	struct segment segment[SEGMENTS_MAX];
	int n = find_segments(c, at_s - 2 * 86400, at_s + 1, segment);

	return 1000 * first_moment(segment, n, local - (local % 86400 + 86400) % 86400);
}

void
calendar_local(const struct calendar *c, int64_t at_ms, struct calendar_moment *out)
{
	int64_t local = local_seconds(c, whole_seconds(at_ms));
	int64_t day = (local - (local % 86400 + 86400) % 86400) / 86400;
	int64_t rest = local - day * 86400;
	int64_t julian = day + DAY_OF_1970 > 1 ? day + DAY_OF_1970 : 1;
	GDate date;

	g_date_clear(&date, 1);
	g_date_set_julian(&date, (guint32)(julian < 20000000 ? julian : 20000000));
	*out = (struct calendar_moment){
		.year = g_date_get_year(&date),
		.month = (int)g_date_get_month(&date),
		.day = g_date_get_day(&date),
		.hour = (int)(rest / 3600),
		.minute = (int)(rest / 60 % 60),
		.weekday = (int)g_date_get_weekday(&date),
	};
}
