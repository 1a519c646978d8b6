/* control/settings_alarms.c - `alarms`: when supervisors are alarmed (FEATURES I5). */
#include "control/settings.h"

#define KEY(kind, key, ...)                                                              \
	{                                                                                \
		.name = key, .type = SETTING_##kind, .since = "0.2", __VA_ARGS__         \
	}
#define RANGE(from, to) .least = from, .most = to
#define CONTACTS_MOST 10000000

static const struct setting alarms[] = {
	[ALARM_LATE] = KEY(INT, "late", .unit = "contacts", RANGE(0, CONTACTS_MOST),
		.fallback = "3",
		.help = "So many contacts of a queue are past their deadline; 0: never. "
			"Each alarm ends when its number is a fifth better again."),
	[ALARM_FORECAST] = KEY(INT, "forecast", .unit = "contacts",
		RANGE(0, CONTACTS_MOST), .fallback = "5",
		.help = "So many waiting contacts of a queue are foreseen to miss their "
			"deadline; 0: never."),
	[ALARM_WAITING] = KEY(INT, "waiting", .unit = "contacts", RANGE(0, CONTACTS_MOST),
		.fallback = "0", .help = "So many contacts wait in a queue; 0: never."),
	[ALARM_SERVICE_LEVEL] = KEY(NUMBER, "service_level", .unit = "percent",
		RANGE(0, 100), .fallback = "80",
		.help = "Less of a queue's contacts of the last half hour were served in "
			"time (once there were ten); 0: never. It is also the target "
			"that the dashboard shows."),
	[ALARM_NOT_RESPONDING] = KEY(INT, "not_responding", .unit = "agents",
		RANGE(0, 100000), .fallback = "1",
		.help = "So many agents let an offer lapse and are not back; 0: never."),
	[ALARM_HOLD] = KEY(DURATION, "hold", RANGE(0, 3600000), .fallback = "15s",
		.help = "So long it must be so before the alarm is raised, and no more "
			"so before it ends."),
};

const struct section settings_alarms = {
	.title = "alarms", .n = ALARM_KEYS, .settings = alarms};
