/* A plugin in several shapes, most of them wrong; VARIANT says which (meson.build). */
#include <stdio.h>

#include <usher/plugin.h>

#define RIGHT 0
#define OTHER_ABI 1
#define SHORT 2
#define OTHER_NAME 3
#define BAD_OFFSET 4
#define BAD_DEFAULT 5
#define NO_START 6
#define NAMELESS_EXPORT 7
#define LONGER 8

struct state {
	int64_t number;
	double ratio;
	bool flag;
	int64_t time_ms;
	const char *text;
	bool stopped;
};

static const struct usher_setting settings[] = {
	USHER_SETTING(INTEGER, struct state, number, 1, 9,
		VARIANT == BAD_DEFAULT ? "10" : "5", "a number from 1 to 9"),
	USHER_SETTING(NUMBER, struct state, ratio, 0, 1, "0.5", "a share"),
	USHER_SETTING(BOOL, struct state, flag, 0, 0, "false", "yes or no"),
	USHER_SETTING(DURATION, struct state, time_ms, 0, 3600000, "20s", "a time"),
#if VARIANT == BAD_OFFSET
	{.name = "text",
		.type = USHER_SETTING_TEXT,
		.offset = sizeof(struct state),
		.high = 9,
		.otherwise = "",
		.help = "lies outside"},
#else
	USHER_SETTING(TEXT, struct state, text, 2, 9, NULL, "must be given"),
#endif
};

static bool
start(void *state, const struct usher_host *host, char *problem, size_t room)
{
	const struct state *s = state;

	if (VARIANT == NO_START) {
		snprintf(problem, room, "does not want to");
		return false;
	}
	snprintf(problem, room, "number=%d text=%s in %s", (int)s->number, s->text,
		host->settings);
	host->log(host, USHER_LOG_DEBUG, problem);
	return true;
}

/* Points that show what the settings became. */
static enum usher_verdict
on_score(void *state, const struct usher_contact *contact, int *points)
{
	const struct state *s = state;

	(void)contact;
	*points += (int)s->number + (int)(s->ratio * 100) + (s->flag ? 1000 : 0) +
		   (int)(s->time_ms / 1000);
	return USHER_OK;
}

/* What a later usher's plugin would export: more than this usher knows. */
struct longer {
	struct usher_plugin plugin;
	void *more[4];
};

#define DESCRIPTION                                                                      \
	{                                                                                \
		.abi = VARIANT == OTHER_ABI ? 999 : USHER_PLUGIN_ABI,                    \
		.size = VARIANT == SHORT    ? 16                                         \
			: VARIANT == LONGER ? sizeof(struct longer)                      \
					    : sizeof(struct usher_plugin),               \
		.name = VARIANT == OTHER_NAME ? "somebody" : NAME, .version = "1",       \
		.help = "For tests.", .state_size = sizeof(struct state),                \
		.settings = settings,                                                    \
		.n_settings = sizeof(settings) / sizeof(settings[0]), .start = start,    \
		.on_score = on_score                                                     \
	}

#if VARIANT == LONGER
const struct longer usher_plugin = {.plugin = DESCRIPTION};
#elif VARIANT == NAMELESS_EXPORT
const struct usher_plugin another_name = DESCRIPTION;
#else
const struct usher_plugin usher_plugin = DESCRIPTION;
#endif
