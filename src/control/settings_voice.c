/*
 * control/settings_voice.c - every key of the sections switches, calls and dialling.
 *
 * Defaults lean on FEATURES 5: announcements at least 15 s apart, an abandoned caller's
 * place for 60 s, callbacks agent first, 3 attempts, 10 minutes apart.
 */
#include "control/settings_voice.h"

#include "model/voice.h"

#define DAY_MS 86400000.0
#define KEY(kind, key, ...)                                                              \
	{                                                                                \
		.name = key, .type = SETTING_##kind, .since = "0.2", __VA_ARGS__         \
	}
#define RANGE(from, to) .least = from, .most = to

static const char *const answers[] = {"ring", "auto", NULL};
static const char *const modes[] = {"agent_first", "customer_first", NULL};

static const struct setting switch_value = KEY(TEXT, "setting", .sample = "usher-wait",
	.help = "The plugin's own setting; its README.md lists them.");
static const struct setting switch_settings[] = {
	[SWITCH_PLUGIN] = KEY(NAME, "plugin", .fallback = "asterisk",
		.help = "The adapter that speaks to it: asterisk, or line for a switch "
			"of "
			"another make by the line protocol."),
	[SWITCH_ADDRESS] = KEY(TEXTS, "address", .required = true,
		.sample = "[\"127.0.0.1:5038\"]",
		.help = "Host and port; several where the switch may be reached by "
			"several links at once."),
	[SWITCH_TLS] = KEY(BOOL, "tls", .fallback = "false",
		.help = "Speak TLS. Without it callers' numbers cross the network in the "
			"open."),
	[SWITCH_CA_FILE] = KEY(TEXT, "ca_file", .sample = "/etc/usher/pbx-ca.crt",
		.rule = "the system's authorities",
		.help = "Authorities that may have signed the switch's certificate, in "
			"PEM; relative to this file."),
	[SWITCH_CERT_FILE] = KEY(TEXT, "cert_file", .sample = "/etc/usher/cti.crt",
		.rule = "none",
		.help = "Certificate that we show, for a switch that asks for one; "
			"relative to this file."),
	[SWITCH_KEY_FILE] = KEY(TEXT, "key_file", .sample = "/etc/usher/cti.key",
		.rule = "none",
		.help = "Its private key, readable by usher alone; relative to this "
			"file."),
	[SWITCH_TLS_NAME] = KEY(TEXT, "tls_name", .sample = "pbx.example.com",
		.rule = "the host of address",
		.help = "Name that the switch's certificate must bear."),
	[SWITCH_SECRET_FILE] = KEY(TEXT, "secret_file", .sample = "/etc/usher/pbx.secret",
		.rule = "none",
		.help = "File whose first line is the plugin's setting secret, readable "
			"by usher alone; relative to this file."),
	[SWITCH_CHANNEL] = KEY(
		NAME, "channel", .fallback = "voice", .help = "Channel of its calls."),
	[SWITCH_COUNT_IVR] = KEY(BOOL, "count_ivr", .fallback = "false",
		.help = "Time that a caller spent in the switch's menus counts as "
			"waited."),
	[SWITCH_ANSWER] = KEY(CHOICE, "answer", .choices = answers, .fallback = "ring",
		.help = "auto: telephones that can are asked to pick up by themselves."),
};
static const struct section one_switch = {.title = "a switch",
	.n = SWITCH_KEYS,
	.settings = switch_settings,
	.others = &switch_value,
	.others_are = "setting of the plugin",
	.example = "username"};
static const struct setting switch_setting =
	KEY(SECTION, "switch", .of = &one_switch, .help = "A telephony switch.");
const struct section settings_switches = {.title = "telephony switches",
	.others = &switch_setting,
	.others_are = "switch",
	.example = "pbx"};

static const struct setting calls_settings[] = {
	[CALLS_ANNOUNCE] = KEY(DURATION, "announce", RANGE(0, DAY_MS), .fallback = "0s",
		.help = "Least time between two announcements of place and wait to a "
			"waiting caller, who hears one only if it improved; 0s: none."),
	[CALLS_RESUME] = KEY(DURATION, "abandoned_resume", RANGE(0, DAY_MS),
		.fallback = "60s",
		.help = "A customer who hung up while waiting and rings again within it "
			"has his old place; 0s: never."),
	[CALLS_SHORT] = KEY(DURATION, "short_abandon", RANGE(0, DAY_MS), .fallback = "5s",
		.help = "Who hangs up within it is counted as a short abandon, and in "
			"reports whoever leaves so soon; 0s: nobody is."),
	[CALLS_LINK_GRACE] = KEY(DURATION, "link_grace", RANGE(1000, DAY_MS),
		.fallback = "10m",
		.help = "Calls of a switch that cannot be reached any more are lost "
			"after it."),
	[CALLS_LAG] = KEY(DURATION, "lag", RANGE(1000, DAY_MS), .fallback = "10s",
		.help = "A link whose events are so late is closed and made anew."),
	[CALLS_SILENCE] = KEY(DURATION, "silence", RANGE(1000, DAY_MS), .fallback = "20s",
		.help = "A link on which the switch says nothing for so long, though it "
			"is asked, or takes nothing for half of it, is closed and made "
			"anew."),
};
const struct section settings_calls = {
	.title = "callers", .n = CALLS_KEYS, .settings = calls_settings};

static const struct setting dialling_settings[] = {
	[DIALLING_CHANNEL] = KEY(NAME, "channel", .fallback = "callback",
		.help = "Channel whose contacts are dialled."),
	[DIALLING_SWITCH] = KEY(NAME, "switch", .rule = "the first of switches",
		.sample = "pbx", .help = "Switch that dials."),
	[DIALLING_NUMBER] = KEY(TEXT, "number", .rule = "the switch's own",
		.sample = "\"+15550100\"", .help = "Number shown to customers."),
	[DIALLING_MODE] = KEY(CHOICE, "mode", .choices = modes, .fallback = "agent_first",
		.help = "agent_first: the agent accepts, then the customer is dialled. "
			"customer_first: he is dialled when his turn has come, and waits "
			"at his place once he answered."),
	[DIALLING_ATTEMPTS] = KEY(INT, "attempts", RANGE(1, 20), .fallback = "3",
		.help = "How often a customer is dialled at most."),
	[DIALLING_GAP] = KEY(DURATION, "gap", RANGE(0, 3 * DAY_MS), .fallback = "10m",
		.help = "Between two attempts."),
	[DIALLING_DELAY] = KEY(DURATION, "delay", RANGE(0, 3 * DAY_MS), .fallback = "30s",
		.help = "Before the first attempt for a caller who chose to be called "
			"back, so that he can hang up."),
	[DIALLING_RING] = KEY(DURATION, "ring", RANGE(1000, 300000), .fallback = "30s",
		.help = "How long a customer's telephone rings."),
	[DIALLING_HOURS] = KEY(NAME, "hours", .sample = "office", .rule = "always",
		.help = "Calendar in whose hours customers are dialled."),
	[DIALLING_EARLIEST] = KEY(TEXT, "earliest", .fallback = "08:00",
		.help = "Not before this time of day where the customer is."),
	[DIALLING_LATEST] =
		KEY(TEXT, "latest", .fallback = "21:00", .help = "Nor after this one."),
};
const struct section settings_dialling = {.title = "dialling of callbacks",
	.n = DIALLING_KEYS,
	.settings = dialling_settings};
