/* control/config_channels.c - calendars, channels, tiers, skills and teams. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

/* ---- calendars ---- */

static const char *
day_at(const void *owner, int i)
{
	return days[i];
}

static int
day_number(const char *name, size_t n)
{
	for (int i = 0; days[i] != NULL; i++)
		if (strlen(days[i]) == n && strncmp(days[i], name, n) == 0)
			return i;
	return -1;
}

/* "mon", "mon-fri", "sat-mon", "all" as first and last weekday; the last may be the
 * smaller one. */
static bool
parse_days(const char *text, int *first, int *last)
{
	const char *dash = strchr(text, '-');
	size_t n = dash != NULL ? (size_t)(dash - text) : strlen(text);

	if (strcmp(text, "all") == 0) {
		*first = 0;
		*last = 6;
		return true;
	}
	*first = day_number(text, n);
	*last = dash != NULL ? day_number(dash + 1, strlen(dash + 1)) : *first;
	return *first >= 0 && *last >= 0;
}

/* Two digits. */
static int
two(const char *s)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return -1;
	return 10 * (s[0] - '0') + s[1] - '0';
}

/* "HH:MM" as minutes of the day; -1. */
static int
parse_clock(const char *s)
{
	int hour = two(s), minute;

	if (hour < 0 || s[2] != ':')
		return -1;
	minute = two(s + 3);
	if (minute < 0 || minute > 59 || 60 * hour + minute > 1440)
		return -1;
	return 60 * hour + minute;
}

static bool
parse_interval(struct compile *c, const struct node *at, int *from, int *to)
{
	const char *s = at->text;

	if (strlen(s) == 11 && s[5] == '-') {
		*from = parse_clock(s);
		*to = parse_clock(s + 6);
		if (*from >= 0 && *to > *from)
			return true;
	}
	tree_error(c->tree, at,
		"\"%s\" is no interval: write \"09:00-17:00\" in quotes; over midnight, "
		"write \"22:00-24:00\" and \"00:00-06:00\" on the next day",
		s);
	return false;
}

/* "YYYY-MM-DD" */
static bool
parse_date(const char *s, int *year, int *month, int *day)
{
	if (strlen(s) != 10 || s[4] != '-' || s[7] != '-' || two(s) < 0 || two(s + 2) < 0)
		return false;
	*year = 100 * two(s) + two(s + 2);
	*month = two(s + 5);
	*day = two(s + 8);
	return *month > 0 && *day > 0;
}

static void
add_weekday(
	struct compile *c, struct calendar *calendar, const struct slot *slot, int day)
{
	for (int i = 0; i < slot->n; i++) {
		const struct node *at = slot->node->child[i];
		int from, to;

		if (parse_interval(c, at, &from, &to) &&
			!calendar_add_hours(calendar, day, from, to))
			tree_error(c->tree, at,
				"%s overlaps other hours of %s, or there are more than "
				"%d a day",
				at->text, days[day], CALENDAR_INTERVALS_MAX);
	}
}

static void
add_weekdays(struct compile *c, struct calendar *calendar, const struct entry *hours)
{
	for (int i = 0; i < hours->n_others; i++) {
		const struct slot *slot = &hours->other[i];
		const char *near;
		int first, last;

		if (!parse_days(slot->key->text, &first, &last)) {
			near = settings_nearest(slot->key->text, day_at, NULL);
			tree_error(c->tree, slot->key,
				"\"%s\" is no day: write mon, tue, ..., a range like "
				"mon-fri, or all%s%s%s",
				slot->key->text, near != NULL ? "; did you mean " : "",
				near != NULL ? near : "", near != NULL ? "?" : "");
			continue;
		}
		for (int day = first;; day = (day + 1) % 7) {
			add_weekday(c, calendar, slot, day);
			if (day == last)
				break;
		}
	}
}

/* Closed, or with hours of its own. */
static void
add_date(struct compile *c, struct calendar *calendar, const struct node *at,
	const struct slot *hours)
{
	int from[CALENDAR_INTERVALS_MAX], to[CALENDAR_INTERVALS_MAX], n = 0;
	int year, month, day;

	for (int i = 0; hours != NULL && i < hours->n && n < CALENDAR_INTERVALS_MAX; i++)
		n += parse_interval(c, hours->node->child[i], &from[n], &to[n]);
	if (!parse_date(at->text, &year, &month, &day))
		tree_error(c->tree, at, "\"%s\" is no date: write 2026-12-25", at->text);
	else if (!calendar_add_day(calendar, year, month, day, n, from, to))
		tree_error(c->tree, at,
			"%s does not exist, stands twice in this calendar, has hours "
			"that "
			"overlap, or is one of more than %d",
			at->text, CALENDAR_HOLIDAYS_MAX);
}

/* Closed for ever: what runs in its time never falls due. */
static void
warn_of_no_hours(struct compile *c, const struct slot *slot)
{
	const struct entry *parts[] = {entry_section(slot->entry, CALENDAR_HOURS),
		entry_section(slot->entry, CALENDAR_DAYS)};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		for (int j = 0; j < parts[i]->n_others; j++)
			if (parts[i]->other[j].n > 0)
				return;
	tree_warn(c->tree, slot->key,
		"the calendar %s has no hours and so is never open: write hours: {all: "
		"[\"00:00-24:00\"]} for one that is closed on its holidays alone",
		slot->key->text);
}

void
compile_calendars(struct compile *c)
{
	const struct entry *all = entry_section(c->top, TOP_CALENDARS);
	const char *zone = entry_text(c->top, TOP_TIMEZONE);

	c->centre->timezone = xstrdup(zone);
	c->centre->local = calendar_create(zone);
	if (c->centre->local == NULL) {
		tree_error(c->tree, c->top->slot[TOP_TIMEZONE].node,
			"timezone: \"%s\" is not known to this system: write for example "
			"Europe/London, and see that the package tzdata is installed",
			zone);
		c->centre->local = calendar_create(NULL);
	}
	for (int i = 0; i < all->n_others; i++) {
		const struct slot *slot = &all->other[i];
		const struct slot *holidays = &slot->entry->slot[CALENDAR_HOLIDAYS];
		const struct entry *special = entry_section(slot->entry, CALENDAR_DAYS);
		int index = compile_add(c, NAME_CALENDAR, slot->key, slot->key->text);
		struct calendar *calendar;

		if (index < 0)
			continue;
		calendar = calendar_copy(c->centre->local);
		calendar_destroy(c->centre->calendars[index]);
		c->centre->calendars[index] = calendar;
		add_weekdays(c, calendar, entry_section(slot->entry, CALENDAR_HOURS));
		for (int j = 0; j < holidays->n; j++)
			add_date(c, calendar, holidays->node->child[j], NULL);
		for (int j = 0; j < special->n_others; j++)
			add_date(c, calendar, special->other[j].key, &special->other[j]);
		warn_of_no_hours(c, slot);
	}
}

/* ---- channels ---- */

/* A number of a channel: its own, else that of the default channel of its name. */
static double
channel_number(
	const struct entry *e, const struct entry *preset, int key, double otherwise)
{
	if (!isnan(entry_number(e, key)))
		return entry_number(e, key);
	return preset != NULL && !isnan(entry_number(preset, key))
		       ? entry_number(preset, key)
		       : otherwise;
}

static void
fill_channel(struct compile *c, struct channel *to, const struct entry *e,
	const struct entry *preset)
{
	const struct slot *calendar = &e->slot[CHANNEL_CALENDAR];

	compile_clear_channel(to);
	to->cost_pts = (int)channel_number(e, preset, CHANNEL_COST, 25);
	to->offer_timeout_ms =
		compile_ms(c, channel_number(e, preset, CHANNEL_OFFER_TIMEOUT, 60000));
	to->wrapup_ms = compile_ms(c, channel_number(e, preset, CHANNEL_WRAPUP, 0));
	to->wrapup_cap_ms = compile_ms(c, entry_number(e, CHANNEL_WRAPUP_CAP));
	if (to->wrapup_cap_ms < to->wrapup_ms)
		to->wrapup_cap_ms = to->wrapup_ms;
	to->sla_ms = compile_ms(c, channel_number(e, preset, CHANNEL_SLA, 4 * 3600000.0));
	to->resolve_ms = compile_ms(c, entry_number(e, CHANNEL_RESOLVE));
	to->calendar = -1;
	if (calendar->text != NULL)
		to->calendar =
			compile_find(c, NAME_CALENDAR, calendar->node, calendar->text);
	to->interruptible = entry_bool(e, CHANNEL_INTERRUPTIBLE);
	to->deferrable = entry_bool(e, CHANNEL_DEFERRABLE);
	to->accept_first = entry_bool(e, CHANNEL_ACCEPT_FIRST);
}

/* The four default channels, read from the table like anything else. */
static struct entry *
default_channels(struct compile *c)
{
	const struct setting *s = &settings_top.settings[TOP_CHANNELS];
	struct node *node = tree_parse(c->tree, 0, s->fallback, strlen(s->fallback));

	return settings_read(c->tree, s->of, NULL, node);
}

void
compile_channels(struct compile *c)
{
	const struct entry *all = entry_section(c->top, TOP_CHANNELS);
	const struct entry *presets = default_channels(c);

	for (int i = 0; i < all->n_others; i++) {
		const struct slot *slot = &all->other[i];
		const struct entry *preset = NULL;
		int index = compile_add(c, NAME_CHANNEL, slot->key, slot->key->text);

		for (int j = 0; j < presets->n_others; j++)
			if (strcmp(presets->other[j].key->text, slot->key->text) == 0)
				preset = presets->other[j].entry;
		if (index >= 0)
			fill_channel(c, &c->centre->channels[index], slot->entry, preset);
	}
	if (all->n_others == 0)
		tree_error(c->tree, all->node,
			"channels: there is none; leave the key out for voice, chat, "
			"callback and email");
}

/* ---- tiers ---- */

/* Without any flag the last of several is the top tier (ROUTING 9). */
static void
settle_top_tier(struct compile *c, int last, int n)
{
	for (int i = 0; i < c->centre->n_tiers; i++)
		if (!c->centre->tiers[i].removed && c->centre->tiers[i].never_demoted)
			return;
	if (n > 1 && last >= 0)
		c->centre->tiers[last].never_demoted = true;
}

void
compile_tiers(struct compile *c)
{
	const struct slot *all = &c->top->slot[TOP_TIERS];
	double before = -INFINITY;
	int last = -1;

	c->centre->default_tier = -1;
	for (int i = 0; i < all->n; i++) {
		const struct entry *e = all->items[i];
		const struct slot *name = &e->slot[TIER_NAME];
		double from = entry_number(e, TIER_FROM_POINTS);
		int index = name->text != NULL
				    ? compile_add(c, NAME_TIER, name->node, name->text)
				    : -1;
		struct tier *tier;

		if (index < 0)
			continue;
		tier = &c->centre->tiers[index];
		compile_clear_tier(tier);
		tier->value = entry_number(e, TIER_VALUE);
		tier->from_points = from;
		tier->never_demoted = entry_bool(e, TIER_NEVER_DEMOTED);
		if (from < before)
			tree_warn(c->tree, e->slot[TIER_FROM_POINTS].node,
				"%s begins at fewer points than a tier before it: order "
				"tiers from the lowest to the highest",
				tier->name);
		before = isnan(from) ? before : from;
		last = index;
		if (c->centre->default_tier < 0)
			c->centre->default_tier = index;
	}
	if (all->n == 0)
		tree_error(c->tree, all->node,
			"tiers: there is none; leave the key out for bronze, silver, "
			"gold");
	settle_top_tier(c, last, all->n);
}

/* ---- skills and teams ---- */

void
compile_skills(struct compile *c)
{
	const struct slot *slot = &c->top->slot[TOP_SKILLS];

	c->names[NAME_SKILL].open = slot->key == NULL;
	for (int i = 0; i < slot->n; i++) {
		const struct node *at = slot->node->child[i];

		/* An included file may list what it needs, whatever others list. */
		if (map_get(&c->names[NAME_SKILL].index, at->text) == NULL)
			compile_add(c, NAME_SKILL, at, at->text);
		else if (at->file == slot->node->file)
			tree_warn(c->tree, at, "skills: \"%s\" stands here twice",
				at->text);
	}
}

void
compile_teams(struct compile *c)
{
	const struct slot *slot = &c->top->slot[TOP_TEAMS];

	c->names[NAME_TEAM].open = slot->key == NULL;
	for (int i = 0; i < slot->entry->n_others; i++) {
		const struct slot *one = &slot->entry->other[i];
		const struct slot *names = &one->entry->slot[TEAM_SUPERVISORS];
		int index = compile_add(c, NAME_TEAM, one->key, one->key->text);
		struct team *team;

		if (index < 0)
			continue;
		team = &c->centre->teams[index];
		compile_clear_team(team);
		team->supervisors =
			xcalloc((size_t)names->n + 1, sizeof team->supervisors[0]);
		for (int j = 0; j < names->n; j++)
			team->supervisors[team->n_supervisors++] =
				xstrdup(names->node->child[j]->text);
	}
}
