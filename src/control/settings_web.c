/*
 * control/settings_web.c - the keys of `chat:` and `callme:`.
 *
 * Sources: RELIABILITY 6 for the limits, FEATURES G and H for what is expected.
 */
#include "control/settings_web.h"

#define MINUTE_MS 60000.0
#define HOUR_MS 3600000.0
#define DAY_MS 86400000.0
#define KEY(kind, key, ...)                                                              \
	{                                                                                \
		.name = key, .type = SETTING_##kind, .since = "0.1", __VA_ARGS__         \
	}
#define RANGE(from, to) .least = from, .most = to

static const struct setting chat_settings[] = {
	[CHAT_CHANNEL] = KEY(NAME, "channel", .fallback = "chat",
		.help = "The channel of web chats; without it there are none."),
	[CHAT_QUEUE] = KEY(NAME, "queue", .sample = "general", .rule = "by the rules",
		.help = "Queue of all chats, above the rules."),
	[CHAT_TITLE] = KEY(TEXT, "title", .sample = "Example Ltd",
		.rule = "the widget's own words", .help = "What the widget is headed."),
	[CHAT_SITES] = KEY(TEXTS, "sites", .sample = "[\"https://www.example.com\"]",
		.rule = "pages of usher itself",
		.help = "Origins of the sites whose pages may show the widget; \"*\" is "
			"every site."),
	[CHAT_ASK] = KEY(NAMES, "ask", .fallback = "[name, email, question]",
		.help = "What is asked before a chat: name, email, phone, topic, "
			"question."),
	[CHAT_REQUIRE] = KEY(NAMES, "require", .rule = "none", .sample = "[name]",
		.help = "Those of `ask` without which no chat begins."),
	[CHAT_TOPICS] = KEY(TEXTS, "topics", .sample = "[Orders, Invoices]",
		.rule = "free text", .help = "Topics to choose from."),
	[CHAT_IDENTITY_KEY_FILE] = KEY(TEXT, "identity_key_file",
		.sample = "/etc/usher/chat.key", .rule = "none: identities are refused",
		.help = "Secret shared with the site's server, which vouches with it for "
			"its customers; readable by usher alone; relative to this file."),
	[CHAT_AGENT_WARN] = KEY(DURATION, "agent_warn", RANGE(0, DAY_MS),
		.fallback = "90s",
		.help = "An agent who leaves a customer without an answer so long is "
			"warned; 0s: never, and `agent_limit` counts from the "
			"customer's words."),
	[CHAT_AGENT_LIMIT] = KEY(DURATION, "agent_limit", RANGE(0, DAY_MS),
		.fallback = "60s",
		.help = "So long after the warning (where there is none, after the "
			"customer's words) the chat goes back to its queue, at "
			"its place, and the agent is not ready; 0s: never."),
	[CHAT_CUSTOMER_ASK] = KEY(DURATION, "customer_ask", RANGE(0, DAY_MS),
		.fallback = "3m",
		.help = "A customer who is silent so long is asked whether he is still "
			"there; 0s: never, and no chat ends for his silence."),
	[CHAT_CUSTOMER_LIMIT] =
		KEY(DURATION, "customer_limit", RANGE(0, DAY_MS), .fallback = "2m",
			.help = "So long after that question the chat ends; 0s: never. "
				"Where nobody is asked no chat ends so."),
	[CHAT_AWAY] = KEY(DURATION, "away", RANGE(1000, DAY_MS), .fallback = "2m",
		.help = "A customer whose page is gone is waited for so long."),
	[CHAT_OTHER_AFTER] =
		KEY(DURATION, "other_after", RANGE(0, DAY_MS), .fallback = "3m",
			.help = "A likely wait beyond which the queue's alternatives are "
				"offered; 0s: never."),
	[CHAT_KEEP] = KEY(DURATION, "keep", RANGE(1000, 30 * DAY_MS), .fallback = "1h",
		.help = "How long an ended chat can be read, rated and mailed."),
	[CHAT_OPEN_PER_ADDRESS] = KEY(INT, "open_per_address", RANGE(0, 1000000),
		.fallback = "3",
		.help = "Chats of one address that are open at once; 0 is no limit."),
	[CHAT_MESSAGES_PER_SECOND] = KEY(NUMBER, "messages_per_second", RANGE(0, 1000),
		.fallback = "1",
		.help = "Messages of one customer in the long run; 0 is no limit."),
	[CHAT_MESSAGES_BURST] = KEY(INT, "messages_burst", RANGE(1, 1000),
		.fallback = "10", .help = "Messages of one customer at once."),
	[CHAT_MESSAGES] = KEY(INT, "messages", RANGE(10, 100000), .fallback = "1000",
		.help = "Messages that one chat may have."),
	[CHAT_UPLOAD_SIZE] = KEY(INT, "upload_size", .unit = "bytes", RANGE(0, 52428800),
		.fallback = "5242880",
		.help = "Bytes of one file that a customer sends; 0: none are taken."),
	[CHAT_UPLOADS] = KEY(INT, "uploads", RANGE(1, 1000), .fallback = "10",
		.help = "Files that one chat may have."),
	[CHAT_UPLOAD_TYPES] = KEY(NAMES, "upload_types",
		.fallback = "[png, jpg, jpeg, gif, webp, pdf, txt]",
		.help = "Kinds of files that are taken: png, jpg, jpeg, gif, webp, pdf, "
			"txt, docx, xlsx, odt. What is in them must be that."),
	[CHAT_SUGGEST] = KEY(BOOL, "suggest", .fallback = "true",
		.help = "Propose stored responses to the agent while the customer "
			"writes."),
	[CHAT_WRITTEN] = KEY(INT, "written_per_address", RANGE(0, 1000000),
		.fallback = "5",
		.help = "Messages that are left instead of a chat from one address an "
			"hour; 0 is no limit."),
};
const struct section settings_chat = {
	.title = "the web chat", .n = CHAT_KEYS, .settings = chat_settings};

static const struct setting callme_settings[] = {
	[CALLME_CHANNEL] = KEY(NAME, "channel", .fallback = "callback",
		.help = "The channel of call-me requests; without it there are none."),
	[CALLME_QUEUE] = KEY(NAME, "queue", .sample = "general", .rule = "by the rules",
		.help = "Queue of all requests, above the rules."),
	[CALLME_COUNTRY] = KEY(TEXT, "country", .sample = "\"44\"",
		.rule = "none: only numbers with + that allow names are taken",
		.help = "Country code of numbers that are given without one. Without it "
			"and without allow nobody is called back, neither from the form "
			"nor by dialling."),
	[CALLME_TRUNK] = KEY(TEXT, "trunk", .fallback = "0",
		.help = "What national numbers begin with, dropped behind the country "
			"code; none: nothing."),
	[CALLME_INTERNATIONAL] = KEY(TEXT, "international", .fallback = "00",
		.help = "What stands for + in front of a country code."),
	[CALLME_ALLOW] = KEY(TEXTS, "allow", .sample = "[\"+44\", \"+353\"]",
		.rule = "the country alone; without one, nothing",
		.help = "Beginnings of numbers that may be called. The longest of allow "
			"and forbid that a number begins with decides."),
	[CALLME_FORBID] = KEY(TEXTS, "forbid", .sample = "[\"+449\", \"+4470\"]",
		.rule = "none",
		.help = "Beginnings of numbers that are never called: premium rate, "
			"personal numbers, satellites."),
	[CALLME_DIGITS_LEAST] = KEY(INT, "digits_least", RANGE(4, 15), .fallback = "8",
		.help = "Digits of a number with its country code, at least."),
	[CALLME_DIGITS_MOST] = KEY(INT, "digits_most", RANGE(4, 15), .fallback = "15",
		.help = "And at most (E.164: 15)."),
	[CALLME_HOURS] = KEY(NAME, "hours", .sample = "office", .rule = "always",
		.help = "Calendar within which customers are called."),
	[CALLME_WINDOW] = KEY(DURATION, "window", RANGE(MINUTE_MS, DAY_MS),
		.fallback = "15m", .help = "The shortest window that may be asked for."),
	[CALLME_AHEAD] = KEY(DURATION, "ahead", RANGE(HOUR_MS, 366 * DAY_MS),
		.fallback = "30d", .help = "How far ahead a window may lie."),
	[CALLME_PER_NUMBER] = KEY(INT, "per_number", RANGE(0, 1000000), .fallback = "3",
		.help = "Requests for one number a day; 0 is no limit."),
	[CALLME_PER_ADDRESS] = KEY(INT, "per_address", RANGE(0, 1000000), .fallback = "5",
		.help = "Requests from one address an hour; 0 is no limit."),
	[CALLME_TOPICS] = KEY(TEXTS, "topics", .sample = "[Orders, Invoices]",
		.rule = "free text", .help = "Topics to choose from."),
	[CALLME_CONSENT] = KEY(BOOL, "consent", .fallback = "true",
		.help = "Take requests only from those who agree to be called."),
};
const struct section settings_callme = {
	.title = "the call-me form", .n = CALLME_KEYS, .settings = callme_settings};
