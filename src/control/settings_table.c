/*
 * control/settings_table.c - every key of the settings file.
 *
 * Sources: CONTRACTS 3 and 4 for the names, ROUTING 2, 8 and 9 for the law, FEATURES 5
 * for defaults. Inner sections stand before the sections that use them.
 */
#include "control/settings.h"
#include "control/settings_customers.h"
#include "control/settings_mail.h"
#include "control/settings_voice.h"
#include "control/settings_web.h"

#define HOUR_MS 3600000.0
#define DAY_MS 86400000.0
#define LONGEST_MS (36500 * DAY_MS) /* a hundred years: "practically never" */
/* Since when: all of these came with the first release. */
#define KEY(kind, key, ...)                                                              \
	{                                                                                \
		.name = key, .type = SETTING_##kind, .since = "0.1", __VA_ARGS__         \
	}
#define RANGE(from, to) .least = from, .most = to

static const char *const promises[] = {"balanced", "keep_most", "fair", NULL};
static const char *const fsyncs[] = {"always", "everysec", "no", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
/* In the order of enum strategy. */
static const char *const strategies[] = {"longest_idle", "ranked", "least_occupied",
	"most_skilled", "least_skilled", "round_robin", "fewest_contacts", NULL};

/* ---- free names with one value each ---- */

static const struct setting level = KEY(INT, "level", .sample = "1",
	RANGE(1, SKILL_LEVEL_MAX), .help = "Level of a skill.");
static const struct section levels = {.title = "a list of skills",
	.others = &level,
	.others_are = "skill",
	.example = "billing"};

static const struct setting wait = KEY(
	DURATION, "wait", .sample = "30m", RANGE(1, LONGEST_MS), .help = "Longest wait.");
static const struct section waits = {.title = "limits of waiting",
	.others = &wait,
	.others_are = "channel",
	.example = "voice"};

static const struct setting wrapup = KEY(DURATION, "wrapup", .sample = "30s",
	RANGE(0, DAY_MS), .help = "Time for closing work.");
static const struct section wrapups = {.title = "wrap-up times",
	.others = &wrapup,
	.others_are = "channel",
	.example = "voice"};

static const struct setting cost = KEY(INT, "cost", .sample = "34", .unit = "points",
	RANGE(0, COST_MAX), .help = "Points of capacity.");
static const struct section costs = {.title = "costs of channels",
	.others = &cost,
	.others_are = "channel",
	.example = "chat"};

static const struct setting attribute =
	KEY(VALUE, "attribute", .sample = "bill", .help = "Value of an attribute.");
static const struct section attributes = {.title = "attributes",
	.others = &attribute,
	.others_are = "attribute",
	.example = "ivr.menu",
	.any_name = true};

/* ---- the process ---- */

static const struct setting events_settings[] = {
	[EVENTS_KEEP] = KEY(INT, "keep", .unit = "entries", RANGE(10000, 100000000),
		.fallback = "200000",
		.help = "Length at which the event stream in Redis is trimmed, from its "
			"oldest end. Entries that history has not read yet are kept "
			"longer."),
};
static const struct section events = {
	.title = "the event stream", .n = EVENTS_KEYS, .settings = events_settings};

#define LISTEN_SETTINGS(where, what)                                                     \
	[LISTEN_ADDRESS] = KEY(TEXT, "address", .fallback = where,                       \
		.help = "Address and port of " what                                      \
			"; port 0 takes a free one, off listens nowhere."),              \
	[LISTEN_TLS] = KEY(BOOL, "tls", .fallback = "true", .help = "Speak TLS only."),  \
	[LISTEN_INSECURE] = KEY(BOOL, "insecure", .fallback = "false",                   \
		.help = "Allow an address off loopback without TLS. Passwords and "      \
			"customers' data then cross the network in the open."),          \
	[LISTEN_CERT_FILE] = KEY(TEXT, "cert_file", .sample = "/etc/usher/tls.crt",      \
		.rule = "self-made, for loopback only",                                  \
		.help = "Certificate chain in PEM; relative to this file."),             \
	[LISTEN_KEY_FILE] = KEY(TEXT, "key_file", .sample = "/etc/usher/tls.key",        \
		.rule = "self-made, for loopback only",                                  \
		.help = "Its private key in PEM, readable by usher alone; relative to "  \
			"this file.")

static const struct setting http_settings[] = {
	LISTEN_SETTINGS("127.0.0.1:8443", "HTTP, the pages and WebSocket"),
	[LISTEN_HOSTS] = KEY(TEXTS, "hosts", .sample = "[usher.example.com]",
		.rule = "localhost and loopback addresses",
		.help = "Host names under which browsers may reach it (Host header)."),
	[LISTEN_ORIGINS] = KEY(TEXTS, "origins",
		.sample = "[\"https://usher.example.com\"]", .rule = "its own address",
		.help = "Origins whose pages may open WebSockets and change things."),
};
static const struct section http = {.title = "the HTTP listener",
	.n = LISTEN_KEYS,
	.settings = http_settings,
	.shorthand = 1 + LISTEN_ADDRESS};

static const struct setting desk_settings[] = {
	LISTEN_SETTINGS(
		"127.0.0.1:7443", "the desktops' protocol, one JSON object a line"),
};
static const struct section desk = {.title = "the desktops' listener",
	.n = LISTEN_HOSTS,
	.settings = desk_settings,
	.shorthand = 1 + LISTEN_ADDRESS};

static const struct setting limits_settings[] = {
	[LIMITS_CONNECTIONS] = KEY(INT, "connections", .at_start = true,
		RANGE(16, 1000000), .fallback = "16000",
		.help = "Connections of each listener (http, desk) in all. The process "
			"needs as many file "
			"descriptors."),
	[LIMITS_PER_ADDRESS] = KEY(INT, "connections_per_address", .at_start = true,
		RANGE(0, 1000000), .fallback = "20",
		.help = "Connections of one address to one listener that have not logged "
			"in; 0 "
			"is no limit."),
	[LIMITS_MESSAGES] =
		KEY(INT, "messages_per_second", RANGE(0, 1000000), .fallback = "50",
			.help = "Messages of one desktop, at once four times as many; "
				"beyond it is read more slowly; 0 is no limit."),
};
static const struct section limits = {
	.title = "limits of connections", .n = LIMITS_KEYS, .settings = limits_settings};

/* ---- the law ---- */

#define LAW_SETTINGS                                                                     \
	[LAW_LATE_WEIGHT] = KEY(NUMBER, "late_weight", .least = 1e-6, .most = 1,         \
		.rule = "by promise; top tier 1", .sample = "0.5",                       \
		.help = "Weight left once the first promise is broken (e)."),            \
	[LAW_SECOND] =                                                                   \
		KEY(NUMBER, "second_promise", .unit = "times the SLA", .least = 1,       \
			.most = 1000, .rule = "by promise; top tier 1", .sample = "2",   \
			.help = "When the second promise falls due (m); 1 is no second " \
				"promise."),                                             \
	[LAW_AGEING] = KEY(DURATION, "ageing", .least = 0.001, .most = LONGEST_MS,       \
		.rule = "150s", .sample = "150s",                                        \
		.help = "After the last promise the score gains one full late weight "   \
			"per "                                                           \
			"this time (A).")

static const struct setting tier_law_settings[] = {LAW_SETTINGS};
static const struct section tier_law = {
	.title = "the law of a tier", .n = LAW_HALF_LIFE, .settings = tier_law_settings};
static const struct setting tier_law_setting = KEY(SECTION, "tier", .of = &tier_law,
	.help = "The same three for one tier, the top tier included.");

static const struct setting law_settings[] = {
	LAW_SETTINGS,
	[LAW_HALF_LIFE] = KEY(DURATION, "half_life", RANGE(0.001, LONGEST_MS),
		.fallback = "60s",
		.help = "So long before its deadline a contact has half its weight (H). "
			"Doubling a tier's value is worth as much head start."),
};
static const struct section law = {.title = "the law",
	.n = LAW_KEYS,
	.settings = law_settings,
	.others = &tier_law_setting,
	.others_are = "tier",
	.example = "gold"};
static const struct section queue_law = {.title = "the law of a queue",
	.n = LAW_HALF_LIFE,
	.settings = tier_law_settings,
	.others = &tier_law_setting,
	.others_are = "tier",
	.example = "gold"};

/* ---- channels, tiers, calendars, teams ---- */

static const struct setting channel_settings[] = {
	[CHANNEL_COST] = KEY(INT, "cost", .unit = "points", RANGE(0, COST_MAX),
		.rule = "as in the four of the default; else 25", .sample = "25",
		.help = "What a contact takes of an agent's capacity, offer and wrap-up "
			"included. Below the capacity several run at once."),
	[CHANNEL_OFFER_TIMEOUT] = KEY(DURATION, "offer_timeout", RANGE(10, DAY_MS),
		.rule = "as in the four of the default; else 60s", .sample = "60s",
		.help = "How long an offer stands before the agent counts as not "
			"responding."),
	[CHANNEL_WRAPUP] = KEY(DURATION, "wrapup", RANGE(0, DAY_MS),
		.rule = "as in the four of the default; else 0s", .sample = "0s",
		.help = "Time for closing work after a contact; 0s is none."),
	[CHANNEL_WRAPUP_CAP] = KEY(DURATION, "wrapup_cap", RANGE(0, DAY_MS),
		.fallback = "10m",
		.help = "The longest wrap-up for which an agent may ask; a queue "
			"whose own is longer keeps that. 0s: he may ask for none."),
	[CHANNEL_SLA] = KEY(DURATION, "sla", RANGE(0, LONGEST_MS),
		.rule = "as in the four of the default; else 4h", .sample = "4h",
		.help = "Promised wait (T) where the queue names none."),
	[CHANNEL_RESOLVE] =
		KEY(DURATION, "resolve", RANGE(0, LONGEST_MS), .fallback = "0s",
			.help = "Promised time from the arrival until the contact is "
				"completed, where the queue names none; 0s: none."),
	[CHANNEL_CALENDAR] =
		KEY(NAME, "calendar", .sample = "office", .rule = "always open",
			.help = "Calendar in whose open time the promise runs."),
	[CHANNEL_INTERRUPTIBLE] = KEY(BOOL, "interruptible", .fallback = "false",
		.help = "May be parked by a contact that is not interruptible, and "
			"resumes after it."),
	[CHANNEL_DEFERRABLE] = KEY(BOOL, "deferrable", .fallback = "false",
		.help = "Waits while the queue's reserve of idle agents is needed for "
			"live channels."),
	[CHANNEL_ACCEPT_FIRST] = KEY(BOOL, "accept_first", .fallback = "false",
		.help = "Voice: the desktop accepts before the telephone rings."),
};
static const struct section channel = {
	.title = "a channel", .n = CHANNEL_KEYS, .settings = channel_settings};
static const struct setting channel_setting =
	KEY(SECTION, "channel", .of = &channel, .help = "A channel.");
static const struct section channels = {.title = "channels",
	.others = &channel_setting,
	.others_are = "channel",
	.example = "letter"};

static const struct setting tier_settings[] = {
	[TIER_NAME] = KEY(
		NAME, "name", .required = true, .sample = "gold", .help = "Its name."),
	[TIER_VALUE] = KEY(NUMBER, "value", RANGE(1e-6, 1e12), .fallback = "1",
		.help = "Worth of keeping the promise to its customers (V)."),
	[TIER_FROM_POINTS] =
		KEY(NUMBER, "from_points", .unit = "points", RANGE(-1e12, 1e12),
			.rule = "given by rules and intakes only", .sample = "80",
			.help = "Customers' value points from which the tier holds."),
	[TIER_NEVER_DEMOTED] = KEY(BOOL, "never_demoted",
		.rule = "true for the last of several tiers when none says so, else "
			"false",
		.sample = "true", .help = "Top tier: a broken promise costs no weight."),
};
static const struct section tier = {
	.title = "a tier", .n = TIER_KEYS, .settings = tier_settings};

static const struct setting hours_setting = KEY(TEXTS, "hours",
	.sample = "[\"09:00-17:00\"]",
	.help = "Open intervals \"HH:MM-HH:MM\" of local time; 24:00 is midnight.");
static const struct section hours = {.title = "opening hours",
	.others = &hours_setting,
	.others_are = "day (mon) or days (mon-fri)",
	.example = "mon-fri",
	.any_name = true};
static const struct section special_days = {.title = "special days",
	.others = &hours_setting,
	.others_are = "date (2026-12-24)",
	.example = "2026-12-24",
	.any_name = true};

static const struct setting calendar_settings[] = {
	[CALENDAR_HOURS] = KEY(SECTION, "hours", .of = &hours,
		.help = "Open hours by weekday: mon, tue, wed, thu, fri, sat, sun, "
			"ranges of them, or all."),
	[CALENDAR_HOLIDAYS] = KEY(TEXTS, "holidays", .sample = "[2026-12-25]",
		.help = "Dates on which it is closed."),
	[CALENDAR_DAYS] = KEY(SECTION, "days", .of = &special_days,
		.help = "Dates with hours of their own."),
};
static const struct section calendar = {
	.title = "a calendar", .n = CALENDAR_KEYS, .settings = calendar_settings};
static const struct setting calendar_setting =
	KEY(SECTION, "calendar", .of = &calendar, .help = "A calendar.");
static const struct section calendars = {.title = "calendars",
	.others = &calendar_setting,
	.others_are = "calendar",
	.example = "office"};

static const struct setting team_settings[] = {
	[TEAM_SUPERVISORS] = KEY(NAMES, "supervisors", .sample = "[s1]",
		.help = "Accounts that see and steer the team."),
};
static const struct section team = {
	.title = "a team", .n = TEAM_KEYS, .settings = team_settings};
static const struct setting team_setting =
	KEY(SECTION, "team", .of = &team, .help = "A team.");
static const struct section teams = {.title = "teams",
	.others = &team_setting,
	.others_are = "team",
	.example = "first"};

/* ---- queues ---- */

static const struct setting sla_tier = KEY(DURATION, "sla", .sample = "5m",
	RANGE(0, LONGEST_MS), .help = "Promised time of a tier.");
static const struct setting sla_settings[] = {
	[SLA_DEFAULT] = KEY(DURATION, "default", RANGE(0, LONGEST_MS),
		.rule = "the channel's", .sample = "4h",
		.help = "Promised time of tiers that are not named here."),
};
static const struct section sla = {.title = "the SLA of a channel",
	.n = SLA_KEYS,
	.settings = sla_settings,
	.others = &sla_tier,
	.others_are = "tier",
	.example = "gold",
	.shorthand = 1 + SLA_DEFAULT};
static const struct setting sla_setting = KEY(SECTION, "sla", .of = &sla,
	.help = "Promised time: a duration, or durations by tier.");
static const struct section slas = {.title = "the SLA of a queue",
	.others = &sla_setting,
	.others_are = "channel",
	.example = "email"};

static const struct setting step_settings[] = {
	[STEP_AFTER] = KEY(DURATION, "after", .required = true, RANGE(0, LONGEST_MS),
		.sample = "20s",
		.help = "Since the contact was first queued, in open time."),
	[STEP_LOWER] = KEY(SECTION, "lower", .of = &levels,
		.help = "Levels that suffice from now on."),
	[STEP_DROP] = KEY(NAMES, "drop", .sample = "[french]",
		.help = "Skills that are no longer required."),
	[STEP_ADD_TEAMS] = KEY(TEXTS, "add", .sample = "[team:overflow]",
		.help = "Teams that may serve it too, each as team:NAME; at most 10 in "
			"all steps."),
};
static const struct section step = {
	.title = "a relaxation step", .n = RELAX_KEYS, .settings = step_settings};

static const struct setting queue_limits_settings[] = {
	[LIMIT_LENGTH] = KEY(INT, "length", .unit = "contacts", RANGE(1, 10000000),
		.fallback = "500",
		.help = "Waiting contacts at which new ones are refused."),
	[LIMIT_WAIT] = KEY(SECTION, "wait", .of = &waits,
		.help = "By channel: a contact that waited so long since it came in, in "
			"whatever queues, expires. Channels that are not named never "
			"expire."),
};
static const struct section queue_limits = {.title = "the limits of a queue",
	.n = LIMIT_KEYS,
	.settings = queue_limits_settings};

static const struct setting overflow_settings[] = {
	[OVERFLOW_AFTER] = KEY(DURATION, "after", .required = true, RANGE(1, LONGEST_MS),
		.sample = "10m",
		.help = "How long a contact has waited by then, since it came in and in "
			"whatever queues."),
	[OVERFLOW_TO] = KEY(NAME, "to", .required = true, .sample = "general",
		.help = "Queue that takes it then, at its place and with its deadline."),
};
static const struct section overflow = {
	.title = "an overflow", .n = OVERFLOW_KEYS, .settings = overflow_settings};

static const struct setting disposition_settings[] = {
	[DISPOSITION_REQUIRED] = KEY(BOOL, "required", .fallback = "false",
		.help = "No agent completes a contact without one; the end of its "
			"wrap-up "
			"does. Where there is no wrap-up it has the channel's "
			"wrapup_cap."),
	[DISPOSITION_CODES] = KEY(NAMES, "codes", .sample = "[solved, sale, follow_up]",
		.rule = "any name", .help = "The codes that agents may give."),
};
static const struct section dispositions = {
	.title = "dispositions", .n = DISPOSITION_KEYS, .settings = disposition_settings};

static const struct setting queue_settings[] = {
	[QUEUE_CHANNELS] = KEY(NAMES, "channels", .sample = "[voice, chat]",
		.rule = "all", .help = "Channels that it takes."),
	[QUEUE_TEAMS] = KEY(NAMES, "teams", .sample = "[first]", .rule = "every team",
		.help = "Teams whose agents serve it."),
	[QUEUE_REQUIRE] = KEY(SECTION, "require", .of = &levels,
		.help = "Skills that an agent must have, with the least level."),
	[QUEUE_SLA] = KEY(SECTION, "sla", .of = &slas, .rule = "the channel's",
		.help = "Promised waits by channel, and by tier where they differ."),
	[QUEUE_RESOLVE] = KEY(SECTION, "resolve", .of = &slas, .rule = "the channel's",
		.help = "Promised times until contacts are completed, likewise."),
	[QUEUE_LAW] = KEY(SECTION, "law", .of = &queue_law, .rule = "the centre's",
		.help = "The law's numbers for this queue, also by tier: {gold: {...}}. "
			"Late weight and second promise leave the top tier alone unless "
			"it is named."),
	[QUEUE_STRATEGY] =
		KEY(CHOICE, "strategy", .choices = strategies, .fallback = "longest_idle",
			.help = "Which of several free agents is chosen. ranked: the "
				"lowest rank."),
	[QUEUE_SCARCE_LAST] = KEY(BOOL, "scarce_last", .fallback = "true",
		.help = "Agents whose skills are scarce are chosen last; not with "
			"ranked."),
	[QUEUE_RESERVE] = KEY(INT, "reserve", .unit = "agents", RANGE(0, 50000),
		.word = "auto", .fallback = "auto",
		.help = "Idle agents kept free for live channels; auto is one of twenty, "
			"0 none."),
	[QUEUE_AFFINITY] = KEY(DURATION, "affinity", RANGE(0, DAY_MS), .fallback = "15s",
		.help = "How long the customer's last agent is waited for, at most 0.3 "
			"of the SLA."),
	[QUEUE_TARGET_WAIT] =
		KEY(DURATION, "target_wait", RANGE(0, LONGEST_MS), .fallback = "60s",
			.help = "How long a contact that names an agent waits for him; "
				"then any agent of the queue may have it. 0s: for ever."),
	[QUEUE_STEPS] = KEY(LIST, "steps", .of = &step,
		.help = "Relaxation, at most 10 steps: who else may serve a contact that "
			"waits."),
	[QUEUE_LIMITS] = KEY(SECTION, "limits", .of = &queue_limits,
		.help = "Length, and longest waits by channel."),
	[QUEUE_OVERFLOW] = KEY(SECTION, "overflow", .of = &overflow, .rule = "none",
		.help = "Another queue for contacts that wait too long."),
	[QUEUE_WRAPUP] = KEY(SECTION, "wrapup", .of = &wrapups, .rule = "the channel's",
		.help = "Wrap-up times by channel."),
	[QUEUE_HOURS] = KEY(NAME, "hours", .sample = "office", .rule = "always open",
		.help = "Calendar outside of which new contacts are refused; what waits "
			"is served."),
	[QUEUE_ADMIT_EMPTY] = KEY(BOOL, "admit_empty", .fallback = "true",
		.help = "Take contacts while nobody who could serve them is logged in."),
	[QUEUE_ALTERNATIVES] = KEY(NAMES, "alternatives", .sample = "[callback, email]",
		.help = "Channels named to a customer who is refused, best first."),
	[QUEUE_DISPOSITIONS] = KEY(SECTION, "dispositions", .of = &dispositions,
		.help = "What agents say about the outcome."),
	[QUEUE_WEIGHT] = KEY(NUMBER, "weight", RANGE(1e-6, 1e6), .fallback = "1",
		.help = "For usher-sim --compare queue_weights alone: our law has no "
			"weights."),
};
static const struct section queue = {
	.title = "a queue", .n = QUEUE_KEYS, .settings = queue_settings};
static const struct setting queue_setting =
	KEY(SECTION, "queue", .of = &queue, .help = "A queue.");
static const struct section queues = {.title = "queues",
	.others = &queue_setting,
	.others_are = "queue",
	.example = "general"};

/* ---- rules ---- */

static const struct setting set_settings[] = {
	[SET_QUEUE] = KEY(NAME, "queue", .sample = "billing",
		.help = "Queue; of several rules the first stands."),
	[SET_TIER] = KEY(NAME, "tier", .sample = "gold",
		.help = "Tier; of several rules the first stands."),
	[SET_REQUIRE] = KEY(SECTION, "require", .of = &levels,
		.help = "Skills with levels beside the queue's; the highest stands."),
	[SET_POINTS] = KEY(NUMBER, "points", .unit = "points", RANGE(-1e12, 1e12),
		.fallback = "0", .help = "Added to the customer's value points."),
	[SET_SLA] = KEY(DURATION, "sla", RANGE(0, LONGEST_MS), .rule = "the queue's",
		.sample = "1h", .help = "Promised wait of the contact."),
};
static const struct section set = {
	.title = "the effects of a rule", .n = SET_KEYS, .settings = set_settings};

static const struct setting rule_settings[] = {
	[RULE_NAME] = KEY(TEXT, "name", .rule = "rule and its number",
		.sample = "invoices", .help = "What explanations call it."),
	[RULE_WHEN] = KEY(TEXT, "when", .rule = "always",
		.sample = "'\"invoice\" in subject'",
		.help = "Condition over attributes of contact, customer and time."),
	[RULE_SET] = KEY(SECTION, "set", .of = &set, .required = true,
		.help = "What it does then."),
};
static const struct section rule = {
	.title = "a rule", .n = RULE_KEYS, .settings = rule_settings};

/* ---- agents ---- */

static const char *const agent_answers[] = {"switch", "ring", "auto", NULL};

#define AGENT_SETTINGS                                                                   \
	[AGENT_ID] = KEY(TEXT, "id", .required = true, .sample = "a1",                   \
		.help = "Name of the agent in every command, and of his account."),      \
	[AGENT_NAME] = KEY(TEXT, "name", .sample = "Ann", .help = "Name for people."),   \
	[AGENT_TEAM] = KEY(NAME, "team", .sample = "first", .help = "His team."),        \
	[AGENT_SKILLS] =                                                                 \
		KEY(SECTION, "skills", .of = &levels, .help = "Skills with levels."),    \
	[AGENT_CAPACITY] = KEY(INT, "capacity", .unit = "points", .least = 1,            \
		.most = COST_MAX, .fallback = "100",                                     \
		.help = "The costs of what he holds never exceed it."),                  \
	[AGENT_RANK] = KEY(INT, "rank", .least = 0, .most = 1000000, .fallback = "1",    \
		.help = "For strategy ranked; the lowest is chosen first."),             \
	[AGENT_DEVICE] = KEY(TEXT, "device", .sample = "\"PJSIP/1001\"",                 \
		.help = "His telephone, in the switch's words."),                        \
	[AGENT_ANSWER] = KEY(CHOICE, "answer", .choices = agent_answers,                 \
		.fallback = "switch",                                                    \
		.help = "auto: it is asked to pick up by itself, ring: it is not; "      \
			"switch: as the settings of the switch say."),                   \
	[AGENT_CHANNELS] = KEY(NAMES, "channels", .sample = "[voice, chat]",             \
		.rule = "all", .help = "Channels that he takes."),                       \
	[AGENT_COSTS] = KEY(SECTION, "costs", .of = &costs, .rule = "the channels'",     \
		.help = "Costs of his own by channel.")

static const struct setting agent_settings[] = {AGENT_SETTINGS};
static const struct section agent = {
	.title = "an agent", .n = AGENT_COUNT, .settings = agent_settings, .many = true};

static const struct setting sim_agent_settings[] = {
	AGENT_SETTINGS,
	[AGENT_COUNT] = KEY(INT, "count", .unit = "agents", RANGE(1, CENTRE_AGENTS_MAX),
		.fallback = "1", .help = "So many of them; %d in the id counts from 1."),
};
static const struct section sim_agent = {.title = "simulated agents",
	.n = AGENT_KEYS,
	.settings = sim_agent_settings,
	.many = true};

/* ---- plugins, simulation ---- */

static const struct setting plugin_value =
	KEY(TEXT, "setting", .sample = "10", .help = "The plugin's own setting.");
static const struct setting plugin_settings[] = {
	[PLUGIN_NAME] = KEY(NAME, "name", .required = true, .sample = "vip",
		.help = "Its name; the file is NAME.so in the plugin folder."),
};
static const struct section plugin = {.title = "a plugin",
	.n = PLUGIN_KEYS,
	.settings = plugin_settings,
	.others = &plugin_value,
	.others_are = "setting of the plugin",
	.example = "bonus"};

static const struct setting class_settings[] = {
	[CLASS_QUEUE] = KEY(NAME, "queue", .rule = "by the rules", .sample = "billing",
		.help = "Queue."),
	[CLASS_CHANNEL] = KEY(
		NAME, "channel", .required = true, .sample = "voice", .help = "Channel."),
	[CLASS_TIER] = KEY(
		NAME, "tier", .rule = "by the rules", .sample = "gold", .help = "Tier."),
	[CLASS_ATTRIBUTES] = KEY(SECTION, "attributes", .of = &attributes,
		.help = "Attributes for the rules."),
};
static const struct section class = {
	.title = "a class of the trace", .n = CLASS_KEYS, .settings = class_settings};
static const struct setting class_setting =
	KEY(SECTION, "class", .of = &class, .help = "What the contacts of a class are.");
static const struct section classes = {.title = "classes of the trace",
	.others = &class_setting,
	.others_are = "number in the trace's class column",
	.example = "0"};

static const struct setting sim_settings[] = {
	[SIM_START] = KEY(TEXT, "start", .fallback = "0",
		.help = "The moment of t_ms 0: Unix ms, or as 2026-11-23T08:00:00Z."),
	[SIM_ACCEPT] = KEY(DURATION, "accept", RANGE(0, DAY_MS), .fallback = "0s",
		.help = "Time from offer to answer."),
	[SIM_WRAPUP] = KEY(BOOL, "wrapup", .fallback = "false",
		.help = "Take the wrap-up times of the channels."),
	[SIM_CLASSES] = KEY(SECTION, "classes", .of = &classes,
		.help = "What each number in the trace's class column stands for."),
	[SIM_AGENTS] = KEY(LIST, "agents", .of = &sim_agent, .rule = "those of agents",
		.help = "Agents of the simulation, in place of agents."),
};
static const struct section sim = {
	.title = "a simulation", .n = SIM_KEYS, .settings = sim_settings};

/* ---- the whole ---- */

static const char default_channels[] =
	"voice: {cost: 100, offer_timeout: 15s, wrapup: 30s, sla: 20s}\n"
	"chat: {cost: 50, offer_timeout: 30s, wrapup: 10s, sla: 30s}\n"
	"callback: {cost: 100, offer_timeout: 30s, wrapup: 30s, sla: 15m}\n"
	"email: {cost: 25, offer_timeout: 120s, wrapup: 0s, sla: 4h, interruptible: "
	"true, deferrable: true}\n";

static const char default_tiers[] =
	"- {name: bronze, value: 1}\n"
	"- {name: silver, value: 3, from_points: 40}\n"
	"- {name: gold, value: 8, from_points: 80, never_demoted: true}\n";

static const struct setting top_settings[] = {
	[TOP_CENTRE] = KEY(NAME, "centre", .at_start = true, .fallback = "main",
		.help = "Name of the centre; all its keys in Redis carry it."),
	[TOP_TIMEZONE] = KEY(TEXT, "timezone", .fallback = "UTC",
		.help = "IANA time zone of calendars and of time.* in rules."),
	[TOP_INCLUDE] = KEY(TEXTS, "include", .sample = "[agents.yaml]",
		.help = "Further files, relative to this one, as if their entries stood "
			"at its end. Lists and mappings grow; anything else may be said "
			"once only."),
	[TOP_REDIS] = KEY(TEXT, "redis", .at_start = true, .fallback = "managed",
		.help = "managed (a private redis-server, nothing to set up), "
			"unix:/path, redis://[user@]host:port, or rediss:// for TLS."),
	[TOP_REDIS_PASSWORD_FILE] = KEY(TEXT, "redis_password_file", .at_start = true,
		.sample = "/etc/usher/redis.password",
		.help = "File with the password of Redis, readable by usher "
			"alone; relative to this file."),
	[TOP_REDIS_FSYNC] = KEY(CHOICE, "redis_fsync", .at_start = true,
		.choices = fsyncs, .fallback = "always",
		.help = "When the managed Redis writes to the disk: always keeps "
			"all that was accepted through a power cut, everysec may "
			"lose two seconds."),
	[TOP_EVENTS] = KEY(SECTION, "events", .at_start = true, .of = &events,
		.help = "The event stream."),
	[TOP_HTTP] = KEY(SECTION, "http", .at_start = true, .of = &http,
		.help = "The HTTP listener; a plain value is its address."),
	[TOP_DESK] = KEY(SECTION, "desk", .at_start = true, .of = &desk,
		.help = "The desktops' listener; a plain value is its address."),
	[TOP_LIMITS] =
		KEY(SECTION, "limits", .of = &limits, .help = "Limits of connections."),
	[TOP_HEARTBEAT] =
		KEY(DURATION, "heartbeat", RANGE(100, HOUR_MS), .fallback = "10s",
			.help = "How often desktops are asked for a sign of life; two "
				"misses and they are gone."),
	[TOP_LOG_LEVEL] = KEY(CHOICE, "log_level", .choices = log_levels,
		.fallback = "info", .help = "The least weighty lines that are logged."),
	[TOP_PROMISE] = KEY(CHOICE, "promise", .choices = promises,
		.fallback = "balanced",
		.help = "Preset of the law. balanced: late weight 0.5, second promise 2. "
			"keep_most: 0.25 and 2, keeps the most promises at the price of "
			"some long waits. fair: 1 and 1, nobody ever loses weight."),
	[TOP_LAW] = KEY(SECTION, "law", .of = &law,
		.help = "Numbers of the law that differ from the preset."),
	[TOP_CHANNELS] =
		KEY(SECTION, "channels", .of = &channels, .fallback = default_channels,
			.help = "The channels. Where this stands, only those named here "
				"exist; one of the four below takes numbers that it "
				"leaves out from there."),
	[TOP_TIERS] = KEY(LIST, "tiers", .of = &tier, .fallback = default_tiers,
		.help = "Tiers of customers; the first is the default."),
	[TOP_SKILLS] =
		KEY(NAMES, "skills", .rule = "those that queues, rules and agents name",
			.sample = "[english, french, billing]",
			.help = "All skills. Where this stands, a skill that is not here "
				"is a mistake."),
	[TOP_CALENDARS] = KEY(SECTION, "calendars", .of = &calendars,
		.help = "Business hours, in the centre's time zone."),
	[TOP_TEAMS] = KEY(SECTION, "teams", .of = &teams,
		.rule = "those that queues and agents name",
		.help = "All teams. Where this stands, a team that is not here is a "
			"mistake."),
	[TOP_QUEUES] = KEY(SECTION, "queues", .shown = true, .of = &queues,
		.required = true, .help = "The queues."),
	[TOP_DEFAULT_QUEUE] = KEY(NAME, "default_queue", .rule = "the first queue",
		.sample = "general", .help = "Queue of contacts that no rule places."),
	[TOP_RULES] = KEY(LIST, "rules", .of = &rule,
		.help = "Rules in order. All that hold take effect; the first queue and "
			"the first tier stand, the highest levels, and points add up."),
	[TOP_AGENTS] =
		KEY(LIST, "agents", .shown = true, .of = &agent, .help = "The agents."),
	[TOP_REASONS] = KEY(NAMES, "reasons", .sample = "[break, lunch, training]",
		.rule = "any name",
		.help = "Reasons that agents may give for being not ready."),
	[TOP_ALARMS] = KEY(SECTION, "alarms", .of = &settings_alarms,
		.help = "When supervisors are alarmed."),
	[TOP_REJECT_COOLDOWN] =
		KEY(DURATION, "reject_cooldown", RANGE(0, HOUR_MS), .fallback = "10s",
			.help = "A rejected contact is not offered to the same agent for "
				"so long."),
	[TOP_DESK_GRACE] =
		KEY(DURATION, "desk_grace", RANGE(0, DAY_MS), .fallback = "120s",
			.help = "A lost desktop's work is kept for so long, then "
				"requeued at its place."),
	[TOP_PARK_LIMIT] = KEY(DURATION, "park_limit", RANGE(1, LONGEST_MS),
		.fallback = "30m", .help = "Parked work is requeued after so long."),
	[TOP_KEEP_FINISHED] = KEY(DURATION, "keep_finished", RANGE(0, LONGEST_MS),
		.fallback = "1h", .help = "How long a finished contact stays in Redis."),
	[TOP_KEEP_EXTERNAL_IDS] = KEY(DURATION, "keep_external_ids", RANGE(0, LONGEST_MS),
		.fallback = "7d",
		.help = "How long after a contact's end its external id still finds it."),
	[TOP_CHAT] = KEY(SECTION, "chat", .of = &settings_chat, .help = "The web chat."),
	[TOP_CALLME] = KEY(
		SECTION, "callme", .of = &settings_callme, .help = "The call-me form."),
	[TOP_CUSTOMERS] = KEY(SECTION, "customers", .of = &settings_customers,
		.help = "Who customers are, what they are worth, and how long that is "
			"kept."),
	[TOP_HISTORY] = KEY(SECTION, "history", .of = &settings_history,
		.help = "How long records of what happened are kept."),
	[TOP_PLUGINS] = KEY(LIST, "plugins", .of = &plugin,
		.help = "Plugins in the order in which they are asked."),
	[TOP_MAIL] = KEY(SECTION, "mail", .of = &settings_mail,
		.help = "E-mail coming in (docs/mail.md)."),
	[TOP_SWITCHES] = KEY(SECTION, "switches", .of = &settings_switches,
		.rule = "none", .help = "Telephony switches, by name."),
	[TOP_CALLS] =
		KEY(SECTION, "calls", .of = &settings_calls, .help = "What callers get."),
	[TOP_DIALLING] = KEY(SECTION, "dialling", .of = &settings_dialling,
		.help = "How customers are called back: at numbers that callme.country "
			"and "
			"callme.allow let through, whoever asked for the call."),
	[TOP_SIM] = KEY(SECTION, "sim", .rule = "none", .of = &sim,
		.help = "For usher-sim alone."),
};

const struct section settings_top = {
	.title = "the settings file", .n = TOP_KEYS, .settings = top_settings};
