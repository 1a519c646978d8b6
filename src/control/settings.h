/*
 * control/settings.h - the settings table: type, unit, range, default, help of each key.
 * The table alone drives reading, checking, defaults, the reference page and the
 * commented default file; a key that is not in it does not exist.
 *
 * A section is a mapping with keys of its own, and maybe with free names besides
 * (`others`: names of queues, skills, ...). What was read is an entry: a slot a key.
 */
#ifndef USHER_CONTROL_SETTINGS_H
#define USHER_CONTROL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"
#include "control/settings_tree.h"

enum setting_type {
	SETTING_BOOL,
	SETTING_INT,
	SETTING_NUMBER,
	SETTING_DURATION, /* read as ms, with fractions down to us */
	SETTING_CHOICE,	  /* one of `choices`; read as its place */
	SETTING_NAME,	  /* id_is_valid (base/text.h) */
	SETTING_TEXT,	  /* one line, not empty */
	SETTING_NAMES,	  /* a list of names */
	SETTING_TEXTS,	  /* a list of texts */
	SETTING_VALUE,	  /* an attribute: text, number, true/false or a list of texts */
	SETTING_SECTION,
	SETTING_LIST, /* of sections */
};

struct section;

struct setting {
	const char *name;
	enum setting_type type;
	bool required;
	const char *unit;   /* of a number, for people: "points"; NULL: none */
	double least, most; /* range of numbers; durations in ms */
	const char *word;   /* a word that may stand for a number ("auto"); reads as -1 */
	const char *const *choices; /* ends with NULL */
	const struct section *of;   /* of a section, or of a list's items */
	const char *fallback;	    /* the default as YAML; NULL: none */
	const char *rule;	    /* the default in words where it depends on others */
	const char
		*sample; /* of a value: what documents show where there is no default */
	bool shown;	 /* of a mapping or list: the default file has an example of it */
	bool at_start;	 /* it is read when usherd starts, with all in it: no reload
			  * changes it */
	const char *help;
	const char *since;
};

struct section {
	const char *title; /* of the reference page, for example "A queue" */
	int n;
	const struct setting *settings;
	const struct setting *others; /* what a free name holds; NULL: none are taken */
	const char *others_are;	      /* for people: "queue" */
	const char *example;	      /* a free name, for documents */
	bool any_name; /* free names need not be ids: dates, days, dotted names */
	int shorthand; /* 1 + the key that a plain value stands for; 0: none */
	bool many;     /* there may be thousands: a dump leaves defaults out */
};

extern const struct section settings_top;
extern const struct section settings_alarms;  /* settings_alarms.c */
extern const struct section settings_history; /* settings_history.c */

/* What was read for one key. */
struct slot {
	const struct setting *setting;
	const struct node *key; /* borrowed from the tree; NULL: the default holds */
	const struct node
		*node; /* its value, maybe of the default; NULL: there is none */
	double number; /* bool, int, number, duration in ms, choice; NAN: none; -1: word
			*/
	const char *text;     /* choice, name, text */
	struct entry *entry;  /* section; always there */
	int n;		      /* list, names, texts */
	struct entry **items; /* list */
};

struct entry {
	const struct section *section;
	const struct node *key;	 /* the free name's node; NULL: none */
	const struct node *node; /* NULL: nothing was written */
	struct slot *slot;	 /* section->n */
	int n_others;
	struct slot *other; /* free names in order; other[i].key->text is the name */
};

/*
 * settings_read - checks a mapping against a section.
 *
 * tree     owns what is returned; errors go to its problems
 * node     the mapping; NULL: all defaults
 * Returns  never NULL; after errors what is wrong holds its default
 */
struct entry *settings_read(struct tree *tree, const struct section *section,
	const struct node *key, const struct node *node);

/* Reads a duration ("1.5h") as ms. False when it is none. */
bool settings_duration(const char *text, double *ms) USHER_MUST_CHECK;
/* Writes ms in its largest whole unit: "90s". */
void settings_duration_text(struct text *out, double ms);

/* "a duration, 0s to 1d" */
void settings_type_text(struct text *out, const struct setting *setting);

/* The name nearest to `word` among those that `each(owner, i)` gives until NULL; NULL
 * when none is near. */
const char *settings_nearest(const char *word,
	const char *(*each)(const void *owner, int i), const void *owner);

/* Whether the path of a dump's line (n bytes: "http.address") is of a setting that is
 * read when usherd starts. */
bool settings_at_start(const char *path, size_t n);

/* Appends "path: value" lines of all that holds, defaults included (but see `many`). */
void settings_dump(struct text *out, const struct entry *top);

/* Shortcuts of those who compile entries. */
static inline double
entry_number(const struct entry *e, int key)
{
	return e->slot[key].number;
}

static inline bool
entry_bool(const struct entry *e, int key)
{
	return e->slot[key].number > 0;
}

static inline const char *
entry_text(const struct entry *e, int key)
{
	return e->slot[key].text;
}

static inline struct entry *
entry_section(const struct entry *e, int key)
{
	return e->slot[key].entry;
}

/* The keys of the sections, in the order of their tables. */
enum {
	TOP_CENTRE,
	TOP_TIMEZONE,
	TOP_INCLUDE,
	TOP_REDIS,
	TOP_REDIS_PASSWORD_FILE,
	TOP_REDIS_FSYNC,
	TOP_EVENTS,
	TOP_HTTP,
	TOP_DESK,
	TOP_LIMITS,
	TOP_HEARTBEAT,
	TOP_LOG_LEVEL,
	TOP_PROMISE,
	TOP_LAW,
	TOP_CHANNELS,
	TOP_TIERS,
	TOP_SKILLS,
	TOP_CALENDARS,
	TOP_TEAMS,
	TOP_QUEUES,
	TOP_DEFAULT_QUEUE,
	TOP_RULES,
	TOP_AGENTS,
	TOP_REASONS,
	TOP_ALARMS,
	TOP_REJECT_COOLDOWN,
	TOP_DESK_GRACE,
	TOP_PARK_LIMIT,
	TOP_KEEP_FINISHED,
	TOP_KEEP_EXTERNAL_IDS,
	TOP_CHAT,
	TOP_CALLME,
	TOP_CUSTOMERS,
	TOP_HISTORY,
	TOP_PLUGINS,
	TOP_MAIL,
	TOP_SWITCHES,
	TOP_CALLS,
	TOP_DIALLING,
	TOP_SIM,
	TOP_KEYS
};

enum {
	ALARM_LATE,
	ALARM_FORECAST,
	ALARM_WAITING,
	ALARM_SERVICE_LEVEL,
	ALARM_NOT_RESPONDING,
	ALARM_HOLD,
	ALARM_KEYS
};
enum {
	HISTORY_KEEP,
	HISTORY_KEEP_RECORDS,
	HISTORY_KEEP_EVENTS,
	HISTORY_KEEP_AGENTS,
	HISTORY_KEYS
};
enum {
	EVENTS_KEEP,
	EVENTS_KEYS
};
enum {
	LISTEN_ADDRESS,
	LISTEN_TLS,
	LISTEN_INSECURE,
	LISTEN_CERT_FILE,
	LISTEN_KEY_FILE,
	LISTEN_HOSTS, /* http only, from here */
	LISTEN_ORIGINS,
	LISTEN_KEYS
};
enum {
	LIMITS_CONNECTIONS,
	LIMITS_PER_ADDRESS,
	LIMITS_MESSAGES,
	LIMITS_KEYS
};
/* A tier's law has no half-life, so it begins with the others. */
enum {
	LAW_LATE_WEIGHT,
	LAW_SECOND,
	LAW_AGEING,
	LAW_HALF_LIFE,
	LAW_KEYS
};
enum {
	CHANNEL_COST,
	CHANNEL_OFFER_TIMEOUT,
	CHANNEL_WRAPUP,
	CHANNEL_WRAPUP_CAP,
	CHANNEL_SLA,
	CHANNEL_RESOLVE,
	CHANNEL_CALENDAR,
	CHANNEL_INTERRUPTIBLE,
	CHANNEL_DEFERRABLE,
	CHANNEL_ACCEPT_FIRST,
	CHANNEL_KEYS
};
enum {
	TIER_NAME,
	TIER_VALUE,
	TIER_FROM_POINTS,
	TIER_NEVER_DEMOTED,
	TIER_KEYS
};
enum {
	CALENDAR_HOURS,
	CALENDAR_HOLIDAYS,
	CALENDAR_DAYS,
	CALENDAR_KEYS
};
enum {
	TEAM_SUPERVISORS,
	TEAM_KEYS
};
enum {
	QUEUE_CHANNELS,
	QUEUE_TEAMS,
	QUEUE_REQUIRE,
	QUEUE_SLA,
	QUEUE_RESOLVE,
	QUEUE_LAW,
	QUEUE_STRATEGY,
	QUEUE_SCARCE_LAST,
	QUEUE_RESERVE,
	QUEUE_AFFINITY,
	QUEUE_TARGET_WAIT,
	QUEUE_STEPS,
	QUEUE_LIMITS,
	QUEUE_OVERFLOW,
	QUEUE_WRAPUP,
	QUEUE_HOURS,
	QUEUE_ADMIT_EMPTY,
	QUEUE_ALTERNATIVES,
	QUEUE_DISPOSITIONS,
	QUEUE_WEIGHT,
	QUEUE_KEYS
};
enum {
	SLA_DEFAULT,
	SLA_KEYS
};
enum {
	STEP_AFTER,
	STEP_LOWER,
	STEP_DROP,
	STEP_ADD_TEAMS,
	RELAX_KEYS
};
enum {
	LIMIT_LENGTH,
	LIMIT_WAIT,
	LIMIT_KEYS
};
enum {
	OVERFLOW_AFTER,
	OVERFLOW_TO,
	OVERFLOW_KEYS
};
enum {
	DISPOSITION_REQUIRED,
	DISPOSITION_CODES,
	DISPOSITION_KEYS
};
enum {
	RULE_NAME,
	RULE_WHEN,
	RULE_SET,
	RULE_KEYS
};
enum {
	SET_QUEUE,
	SET_TIER,
	SET_REQUIRE,
	SET_POINTS,
	SET_SLA,
	SET_KEYS
};
enum {
	AGENT_ID,
	AGENT_NAME,
	AGENT_TEAM,
	AGENT_SKILLS,
	AGENT_CAPACITY,
	AGENT_RANK,
	AGENT_DEVICE,
	AGENT_ANSWER,
	AGENT_CHANNELS,
	AGENT_COSTS,
	AGENT_COUNT, /* of a simulation only */
	AGENT_KEYS
};
enum {
	PLUGIN_NAME,
	PLUGIN_KEYS
};
enum {
	SIM_START,
	SIM_ACCEPT,
	SIM_WRAPUP,
	SIM_CLASSES,
	SIM_AGENTS,
	SIM_KEYS
};
enum {
	CLASS_QUEUE,
	CLASS_CHANNEL,
	CLASS_TIER,
	CLASS_ATTRIBUTES,
	CLASS_KEYS
};

#endif
