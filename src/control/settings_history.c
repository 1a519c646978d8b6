/* control/settings_history.c - `history`: how long records are kept. */
#include "control/settings.h"

#define KEY(kind, key, ...)                                                              \
	{                                                                                \
		.name = key, .type = SETTING_##kind, .since = "0.2", __VA_ARGS__         \
	}
#define RANGE(from, to) .least = from, .most = to
#define HOUR_MS 3600000.0
#define LONGEST_MS (36500 * 24 * HOUR_MS)

static const struct setting keep_setting =
	KEY(DURATION, "keep", .sample = "730d", RANGE(HOUR_MS, LONGEST_MS),
		.help = "How long records of ended contacts are kept.");
static const struct section keep = {.title = "the keeping of records",
	.others = &keep_setting,
	.others_are = "channel",
	.example = "chat"};

static const struct setting history[] = {
	[HISTORY_KEEP] = KEY(SECTION, "keep", .of = &keep, .rule = "keep_records",
		.help = "By channel, where it differs from keep_records."),
	[HISTORY_KEEP_RECORDS] = KEY(DURATION, "keep_records", RANGE(HOUR_MS, LONGEST_MS),
		.fallback = "1095d",
		.help = "How long the record of an ended contact is kept, with its stays "
			"in queues and legs: reports reach back so far. What is known of "
			"the person may go earlier (customers: keep). With either go its "
			"mails, chats, files and scans."),
	[HISTORY_KEEP_EVENTS] = KEY(DURATION, "keep_events", RANGE(HOUR_MS, LONGEST_MS),
		.fallback = "90d",
		.help = "How long single events stand in the feed. Who reads it, and "
			"webhooks, must not be further behind."),
	[HISTORY_KEEP_AGENTS] = KEY(DURATION, "keep_agents", RANGE(HOUR_MS, LONGEST_MS),
		.fallback = "1095d",
		.help = "How long it is kept in what state agents were."),
};

const struct section settings_history = {
	.title = "history", .n = HISTORY_KEYS, .settings = history};
