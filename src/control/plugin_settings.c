/* control/plugin_settings.c - types, ranges and defaults of plugins' settings. */
#include "control/plugin_settings.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/secret.h"
#include "base/text.h"

static bool USHER_PRINTF(3, 4) fail(char *problem, size_t room, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem, room, format, args);
	va_end(args);
	return false;
}

/* ---- the table ---- */

static size_t
field_size(enum usher_setting_type type)
{
	switch (type) {
	case USHER_SETTING_BOOL:
		return sizeof(bool);
	case USHER_SETTING_INTEGER:
	case USHER_SETTING_DURATION:
	case USHER_SETTING_DATE:
		return sizeof(int64_t);
	case USHER_SETTING_NUMBER:
		return sizeof(double);
	case USHER_SETTING_TEXT:
		return sizeof(char *);
	}
	return 0;
}

static bool
setting_sound(const struct usher_plugin *p, const struct usher_setting *s, char *problem,
	size_t room)
{
	size_t size = field_size(s->type);

	if (s->name == NULL || !id_is_valid(s->name))
		return fail(problem, room, "a setting of it has no proper name");
	if (size == 0)
		return fail(problem, room,
			"its setting %s has type %d, which this usher does not know",
			s->name, (int)s->type);
	if (s->offset > p->state_size || p->state_size - s->offset < size)
		return fail(
			problem, room, "its setting %s lies outside its state", s->name);
	if (!(s->low <= s->high) && s->type != USHER_SETTING_BOOL &&
		s->type != USHER_SETTING_DATE)
		return fail(problem, room, "its setting %s has an empty range", s->name);
	if (s->help == NULL)
		return fail(problem, room, "its setting %s has no help", s->name);
	return true;
}

/* A default that is refused would be a trap for whoever leaves the setting out. */
static bool
default_sound(const struct usher_plugin *p, const struct usher_setting *s, char *problem,
	size_t room)
{
	void *state = xcalloc(1, p->state_size + 1);
	char why[160];
	bool good = s->otherwise == NULL ||
		    plugin_setting_put(s, state, s->otherwise, why, sizeof(why));

	plugin_settings_finish(p, state);
	free(state);
	return good || fail(problem, room, "the default of its setting %s is wrong: %s",
			       s->name, why);
}

bool
plugin_settings_sound(const struct usher_plugin *p, char *problem, size_t room)
{
	if (p->n_settings > PLUGIN_SETTINGS_MAX ||
		(p->n_settings > 0 && p->settings == NULL))
		return fail(problem, room, "its table of settings is wrong");
	for (size_t i = 0; i < p->n_settings; i++)
		if (!setting_sound(p, &p->settings[i], problem, room))
			return false;
	for (size_t i = 0; i < p->n_settings; i++)
		if (!default_sound(p, &p->settings[i], problem, room))
			return false;
	return true;
}

const struct usher_setting *
plugin_setting_find(const struct usher_plugin *p, const char *name)
{
	for (size_t i = 0; i < p->n_settings; i++)
		if (strcmp(p->settings[i].name, name) == 0)
			return &p->settings[i];
	return NULL;
}

const char *
plugin_setting_near(const struct usher_plugin *p, const char *name)
{
	const char *near = NULL;
	int least = 3;

	for (size_t i = 0; i < p->n_settings; i++) {
		int distance = text_distance(p->settings[i].name, name);

		if (distance < least) {
			least = distance;
			near = p->settings[i].name;
		}
	}
	return near;
}

/* ---- values ---- */

static void *
field(void *state, const struct usher_setting *s)
{
	return (char *)state + s->offset;
}

/* Copies, since a plugin's struct may be packed as it likes. */
static void
put(void *state, const struct usher_setting *s, const void *value, size_t size)
{
	memcpy(field(state, s), value, size);
}

static bool
put_bool(const struct usher_setting *s, void *state, const char *text, char *problem,
	size_t room)
{
	bool value = strcmp(text, "true") == 0;

	if (!value && strcmp(text, "false") != 0)
		return fail(problem, room, "\"%.60s\" is neither true nor false", text);
	put(state, s, &value, sizeof(value));
	return true;
}

static bool
put_integer(const struct usher_setting *s, void *state, const char *text, char *problem,
	size_t room)
{
	char *end;
	long long read;
	int64_t value;

	errno = 0;
	read = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || (double)read < s->low ||
		(double)read > s->high)
		return fail(problem, room,
			"\"%.60s\" is not a whole number from %.0f to %.0f", text, s->low,
			s->high);
	value = read;
	put(state, s, &value, sizeof(value));
	return true;
}

static bool
put_number(const struct usher_setting *s, void *state, const char *text, char *problem,
	size_t room)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(value) || value < s->low ||
		value > s->high)
		return fail(problem, room, "\"%.60s\" is not a number from %g to %g",
			text, s->low, s->high);
	put(state, s, &value, sizeof(value));
	return true;
}

/* ms in one of the unit that stands behind a number; 0: none such. */
static double
unit_ms(const char *unit)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = {{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].name) == 0)
			return units[i].ms;
	return 0;
}

static bool
put_duration(const struct usher_setting *s, void *state, const char *text, char *problem,
	size_t room)
{
	char *end;
	double value = strtod(text, &end);
	double unit = end != text ? unit_ms(end) : 0;
	int64_t ms;

	if (unit <= 0 || !isfinite(value) || value * unit < s->low ||
		value * unit > s->high)
		return fail(problem, room,
			"\"%.60s\" is not a duration from %.0f ms to %.0f ms; write 20s, "
			"5m, 4h or 2d",
			text, s->low, s->high);
	ms = llround(value * unit);
	put(state, s, &ms, sizeof(ms));
	return true;
}

static bool
put_date(const struct usher_setting *s, void *state, const char *text, char *problem,
	size_t room)
{
	struct tm day = {0};
	int64_t ms = 0;

	if (text[0] != '\0') {
		const char *end = strptime(text, "%Y-%m-%d", &day);
		int of_month = day.tm_mday;

		ms = (int64_t)timegm(&day) * 1000;
		/* The 31st of February became another day. */
		if (end == NULL || *end != '\0' || day.tm_year < 70 ||
			day.tm_mday != of_month)
			return fail(problem, room,
				"\"%.60s\" is not a date; write 2027-03-31", text);
	}
	put(state, s, &ms, sizeof(ms));
	return true;
}

static bool
put_text(const struct usher_setting *s, void *state, const char *text, char *problem,
	size_t room)
{
	size_t n = strlen(text);
	char *copy;

	if (n > PLUGIN_TEXT_MAX || (double)n < s->low || (double)n > s->high)
		return fail(problem, room, "must have %.0f to %.0f bytes, not %zu",
			s->low, s->high < PLUGIN_TEXT_MAX ? s->high : PLUGIN_TEXT_MAX, n);
	memcpy(&copy, field(state, s), sizeof(copy));
	free(copy);
	copy = xstrdup(text);
	put(state, s, &copy, sizeof(copy));
	return true;
}

bool
plugin_setting_put(const struct usher_setting *s, void *state, const char *text,
	char *problem, size_t room)
{
	switch (s->type) {
	case USHER_SETTING_BOOL:
		return put_bool(s, state, text, problem, room);
	case USHER_SETTING_INTEGER:
		return put_integer(s, state, text, problem, room);
	case USHER_SETTING_NUMBER:
		return put_number(s, state, text, problem, room);
	case USHER_SETTING_DURATION:
		return put_duration(s, state, text, problem, room);
	case USHER_SETTING_TEXT:
		return put_text(s, state, text, problem, room);
	case USHER_SETTING_DATE:
		return put_date(s, state, text, problem, room);
	}
	return fail(problem, room, "has a type that this usher does not know");
}

bool
plugin_settings_default(const struct usher_plugin *p, const bool *given, void *state,
	char *problem, size_t room)
{
	for (size_t i = 0; i < p->n_settings; i++) {
		const struct usher_setting *s = &p->settings[i];

		if (given[i])
			continue;
		if (s->otherwise == NULL)
			return fail(problem, room, "setting %s is missing: %s", s->name,
				s->help);
		if (!plugin_setting_put(s, state, s->otherwise, problem, room))
			return false;
	}
	return true;
}

void
plugin_settings_finish(const struct usher_plugin *p, void *state)
{
	for (size_t i = 0; i < p->n_settings; i++) {
		char *text;

		if (p->settings[i].type != USHER_SETTING_TEXT)
			continue;
		memcpy(&text, field(state, &p->settings[i]), sizeof(text));
		secret_free(text); /* some are */
		text = NULL;
		put(state, &p->settings[i], &text, sizeof(text));
	}
}
