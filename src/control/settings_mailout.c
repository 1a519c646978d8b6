/* control/settings_mailout.c - the keys of `mail.out`. */
#include "control/settings_mailout.h"

#include "control/settings.h"

#define HOUR_MS 3600000.0
#define DAY_MS 86400000.0
#define KEY(kind, key, ...)                                                              \
	{                                                                                \
		.name = key, .type = SETTING_##kind, .since = "0.2", __VA_ARGS__         \
	}
#define RANGE(from, to) .least = from, .most = to

static const struct setting relay_settings[] = {
	[RELAY_ADDRESS] =
		KEY(TEXT, "address", .rule = "nothing is sent", .sample = "127.0.0.1:25",
			.help = "Host and port of the mail server that takes our mail."),
	[RELAY_STARTTLS] = KEY(BOOL, "starttls", .rule = "true off loopback",
		.sample = "true",
		.help = "Nothing is sent without TLS; the certificate must be trusted "
			"and be for the host."),
	[RELAY_INSECURE] = KEY(BOOL, "insecure", .fallback = "false",
		.help = "Allow a host off loopback without TLS. Mails and the password "
			"then cross the network in the open."),
	[RELAY_CA_FILE] = KEY(TEXT, "ca_file", .sample = "/etc/usher/mail-ca.crt",
		.rule = "the system's",
		.help = "Certificates that are trusted, in PEM; relative to this file."),
	[RELAY_USER] = KEY(TEXT, "user", .rule = "no login", .sample = "usher",
		.help = "Name to log in with."),
	[RELAY_PASSWORD_FILE] = KEY(TEXT, "password_file",
		.sample = "/etc/usher/relay.password",
		.help = "File with the password, readable by usher alone; relative to "
			"this file."),
	[RELAY_NAME] = KEY(TEXT, "name", .rule = "the host's name",
		.sample = "desk.example.com", .help = "Our own name in EHLO."),
	[RELAY_TIMEOUT] =
		KEY(DURATION, "timeout", RANGE(1000, HOUR_MS), .fallback = "30s",
			.help = "Without a word from the server the try is given up."),
};
static const struct section relay = {.title = "the relay",
	.n = RELAY_KEYS,
	.settings = relay_settings,
	.shorthand = 1 + RELAY_ADDRESS};

static const struct setting share = KEY(NUMBER, "share", .sample = "0.1", RANGE(0, 1),
	.help = "Share of the answers that a supervisor sees first.");
static const struct section shares = {.title = "shares by category",
	.others = &share,
	.others_are = "category",
	.example = "cards/lost",
	.any_name = true};

static const struct setting answers_settings[] = {
	[ANSWERS_ON] = KEY(BOOL, "on", .fallback = "true",
		.help = "Responses that say `automatic: true` may be sent without an "
			"agent once verdicts prove them; false: none."),
	[ANSWERS_NONE] = KEY(NUMBER, "none", RANGE(0, 1), .fallback = "0.05",
		.help = "A mail that more probably has no fitting response goes to an "
			"agent."),
	[ANSWERS_AUDIT] = KEY(NUMBER, "audit", RANGE(0, 1), .fallback = "0.05",
		.help = "Share of the mails that an agent answers all the same, so that "
			"evidence keeps coming."),
	[ANSWERS_POINTS] = KEY(NUMBER, "points", .unit = "points", RANGE(0, 1e9),
		.fallback = "80",
		.help = "Customers of this value and more are answered by agents."),
	[ANSWERS_SENDER] = KEY(INT, "sender", .unit = "mails", RANGE(0, 1000),
		.fallback = "1",
		.help = "Automatic mails, acknowledgements among them, that one sender "
			"gets within `period`."),
	[ANSWERS_PERIOD] = KEY(DURATION, "period", RANGE(1000, 365 * DAY_MS),
		.fallback = "1d",
		.help = "Time over which a sender's are counted. With 65536 automatic "
			"mails within it, or within a day, none leaves until there are "
			"fewer."),
	[ANSWERS_DAILY] =
		KEY(INT, "daily", .unit = "mails", RANGE(0, 1000000), .fallback = "100",
			.help = "Automatic answers by one response within a day."),
	[ANSWERS_HOURLY] = KEY(INT, "hourly", .unit = "mails", RANGE(0, 1000000),
		.fallback = "100",
		.help = "Automatic mails of all kinds within an hour; beyond it the "
			"breaker opens, and supervisors are told."),
	[ANSWERS_PROVEN] = KEY(BOOL, "proven", .fallback = "false",
		.help = "Answer only senders whom our own border server has proven "
			"(mail.believed)."),
	[ANSWERS_HOLD] = KEY(DURATION, "hold", RANGE(1000, HOUR_MS), .fallback = "5m",
		.help = "So long a mail waits for its automatic answer to leave; then "
			"agents get it."),
};
static const struct section answers = {.title = "answers without an agent",
	.n = ANSWERS_KEYS,
	.settings = answers_settings};

static const struct setting day = KEY(NAME, "day", .sample = "holiday-greeting",
	.help = "Response that is sent on that day.");
static const struct section days = {.title = "special days",
	.others = &day,
	.others_are = "date",
	.example = "2026-12-25",
	.any_name = true};

static const struct setting ack_settings[] = {
	[ACK_OPEN] = KEY(NAME, "open", .rule = "none", .sample = "received",
		.help = "Response that confirms a new mail while we are open."),
	[ACK_CLOSED] = KEY(NAME, "closed", .rule = "none", .sample = "received-closed",
		.help = "The same while we are closed."),
	[ACK_CALENDAR] = KEY(NAME, "calendar", .rule = "always open", .sample = "office",
		.help = "When we are open."),
	[ACK_DAYS] = KEY(SECTION, "days", .of = &days,
		.help = "Responses for single days, by the calendar's time zone, else "
			"the centre's; they stand above the others."),
};
static const struct section acknowledge = {
	.title = "acknowledgements", .n = ACK_KEYS, .settings = ack_settings};

static const struct setting out_settings[] = {
	[OUT_RELAY] = KEY(SECTION, "relay", .of = &relay,
		.help = "Where our mail is handed to; a plain value is the address."),
	[OUT_UNDO] = KEY(DURATION, "undo", RANGE(0, HOUR_MS), .fallback = "10s",
		.help = "An answer stays so long in the outbox and can be taken back."),
	[OUT_QUOTE] = KEY(BOOL, "quote", .fallback = "true",
		.help = "Put the customer's mail below the answer, unless the agent says "
			"otherwise."),
	[OUT_ENVELOPE] = KEY(TEXT, "envelope", .rule = "the mailbox's address",
		.sample = "bounces@example.com",
		.help = "Envelope sender of answers from mailboxes that name none: where "
			"mail that cannot be delivered comes back to. It should be an "
			"address of a mailbox."),
	[OUT_GIVE_UP] = KEY(DURATION, "give_up", RANGE(60000, 30 * DAY_MS),
		.fallback = "2d",
		.help = "A mail that the relay will not take is tried again so long."),
	[OUT_KEEP] =
		KEY(DURATION, "keep", RANGE(HOUR_MS, 36500 * DAY_MS), .fallback = "90d",
			.help = "So long a mail that was sent is kept beside its case."),
	[OUT_REVIEW] = KEY(SECTION, "review", .of = &shares,
		.help = "Share of outgoing answers, by category of the response, that "
			"wait for a supervisor's approval; `other` stands for all else."),
	[OUT_ANSWERS] = KEY(SECTION, "answers", .of = &answers,
		.help = "Answers without an agent (docs/email.md)."),
	[OUT_ACKNOWLEDGE] = KEY(SECTION, "acknowledge", .of = &acknowledge,
		.help = "Confirm the first mail of a thread."),
	[OUT_REBUILD] = KEY(DURATION, "rebuild", RANGE(0, 365 * DAY_MS), .fallback = "1d",
		.help = "Pause between two rebuilds of the models from the verdicts; 0: "
			"only by `usherctl suggest rebuild`."),
	[OUT_VERDICTS] = KEY(INT, "verdicts", .unit = "verdicts", RANGE(100, 100000),
		.fallback = "5000",
		.help = "Verdicts that are kept; the oldest go first."),
};
const struct section settings_mailout = {
	.title = "mail that leaves", .n = OUT_KEYS, .settings = out_settings};
