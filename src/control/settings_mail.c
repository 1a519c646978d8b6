/* control/settings_mail.c - the keys of `mail:`. */
#include "control/settings_mail.h"

#include "control/settings.h"
#include "control/settings_mailout.h"

#define HOUR_MS 3600000.0
#define DAY_MS 86400000.0
#define KEY(kind, key, ...)                                                              \
	{                                                                                \
		.name = key, .type = SETTING_##kind, .since = "0.2", __VA_ARGS__         \
	}
#define RANGE(from, to) .least = from, .most = to

static const char *const afters[] = {
	"flag", "move", "delete", NULL}; /* enum imap_after */
static const char *const reached_by[] = {"owner", "group", "everyone", NULL}; /* modes */

static const struct setting imap_settings[] = {
	[IMAP_URL] = KEY(TEXT, "url", .rule = "mail is not fetched",
		.sample = "imaps://mail.example.com/INBOX",
		.help = "Folder that is looked into: imaps://HOST[:PORT]/FOLDER, or "
			"imap:// "
			"with STARTTLS."),
	[IMAP_USER] = KEY(TEXT, "user", .sample = "help@example.com",
		.rule = "the first address", .help = "Name to log in with."),
	[IMAP_PASSWORD_FILE] = KEY(TEXT, "password_file",
		.sample = "/etc/usher/imap.password",
		.help = "File with the password, readable by usher alone; relative "
			"to this file."),
	[IMAP_TOKEN_FILE] = KEY(TEXT, "token_file", .sample = "/run/usher/imap.token",
		.help = "File with an OAuth 2 access token (XOAUTH2), read anew at each "
			"login; something else keeps it fresh."),
	[IMAP_CA_FILE] = KEY(TEXT, "ca_file", .sample = "/etc/usher/mail-ca.crt",
		.rule = "the system's",
		.help = "Certificates that are believed, in PEM."),
	[IMAP_INSECURE] = KEY(BOOL, "insecure", .fallback = "false",
		.help = "Log in without TLS, also off loopback. The password and the "
			"mails then cross the network in the open."),
	[IMAP_AFTER] = KEY(CHOICE, "after", .choices = afters, .fallback = "flag",
		.help = "What becomes of a mail once it is a contact: flag marks it as "
			"seen, move puts it into `folder`, delete removes it."),
	[IMAP_FOLDER] = KEY(TEXT, "folder", .fallback = "Usher",
		.help = "Folder for `after: move`; it must exist."),
	[IMAP_EVERY] = KEY(DURATION, "every", RANGE(100, DAY_MS), .fallback = "30s",
		.help = "Time between two looks."),
	[IMAP_BACK_OFF] = KEY(DURATION, "back_off", RANGE(100, DAY_MS), .fallback = "10m",
		.help = "The longest time between two attempts while the server "
			"fails."),
};
static const struct section imap = {.title = "a folder that is looked into",
	.n = IMAP_KEYS,
	.settings = imap_settings,
	.shorthand = 1 + IMAP_URL};

static const struct setting mailbox_settings[] = {
	[MAILBOX_ADDRESSES] = KEY(TEXTS, "addresses", .required = true,
		.sample = "[help@example.com]",
		.help = "Addresses that are this mailbox; the first is the one it writes "
			"from. \"@example.com\" takes all of a domain."),
	[MAILBOX_DISPLAY] = KEY(TEXT, "display", .rule = "none",
		.sample = "Example Support", .help = "Name beside the address."),
	[MAILBOX_CHANNEL] = KEY(
		NAME, "channel", .fallback = "email", .help = "Channel of its contacts."),
	[MAILBOX_QUEUE] = KEY(NAME, "queue", .rule = "by the rules", .sample = "general",
		.help = "Queue of its contacts. A rule of the library that names a queue "
			"stands above it."),
	[MAILBOX_LIBRARY] =
		KEY(TEXT, "library", .rule = "nothing is proposed", .sample = "responses",
			.help = "Folder of stored responses and rules (docs/suggest.md); "
				"relative "
				"to this file. Read again with the settings."),
	[MAILBOX_MODELS] = KEY(TEXT, "models", .rule = "models in the state directory",
		.sample = "/var/lib/usher/models",
		.help = "Folder of what was learnt, one file a mailbox and language."),
	[MAILBOX_LANGUAGE] = KEY(TEXT, "language", .rule = "unknown", .sample = "en",
		.help = "Language of mails that do not show theirs."),
	[MAILBOX_FLOOR] = KEY(NUMBER, "floor", .least = 0, .most = 1, .fallback = "0.05",
		.help = "Proposals less probable than this are not shown."),
	[MAILBOX_ENVELOPE] = KEY(TEXT, "envelope",
		.rule = "mail.out.envelope, else the first address",
		.sample = "help-bounces@example.com",
		.help = "Envelope sender of its answers: where mail that cannot be "
			"delivered comes back to. It should be an address of a mailbox."),
	[MAILBOX_IMAP] = KEY(SECTION, "imap", .of = &imap,
		.help = "Fetch mail from an IMAP server; a plain value is the url."),
};
static const struct section mailbox = {
	.title = "a mailbox", .n = MAILBOX_KEYS, .settings = mailbox_settings};
static const struct setting mailbox_setting =
	KEY(SECTION, "mailbox", .of = &mailbox, .help = "A mailbox.");
static const struct section mailboxes = {.title = "mailboxes",
	.others = &mailbox_setting,
	.others_are = "mailbox",
	.example = "support"};

static const struct setting lmtp_settings[] = {
	[LMTP_ADDRESS] = KEY(TEXT, "address", .at_start = true, .fallback = "off",
		.help = "Where the mail server hands mail over: unix:/PATH, a loopback "
			"address with port, or off."),
	[LMTP_REACHED_BY] = KEY(CHOICE, "reached_by", .at_start = true,
		.choices = reached_by, .fallback = "group",
		.help = "Who of this host may connect to the Unix socket."),
	[LMTP_SIZE] = KEY(INT, "size", .unit = "bytes", RANGE(10000, 200000000),
		.fallback = "26214400", .help = "The largest mail that is taken."),
	[LMTP_CONNECTIONS] = KEY(INT, "connections", .at_start = true, RANGE(1, 1000),
		.fallback = "20", .help = "Connections at once."),
	[LMTP_RATE] = KEY(INT, "rate", .unit = "mails a second", RANGE(0, 100000),
		.fallback = "0",
		.help = "Beyond it the mail server is asked to come back later; 0 is no "
			"limit."),
};
static const struct section lmtp = {.title = "the LMTP listener",
	.n = LMTP_KEYS,
	.settings = lmtp_settings,
	.shorthand = 1 + LMTP_ADDRESS};

static const struct setting mail_settings[] = {
	[MAIL_HOST] = KEY(TEXT, "host", .rule = "the host's name",
		.sample = "desk.example.com",
		.help = "Our name in greetings, and the right side of our Message-IDs."),
	[MAIL_LMTP] = KEY(SECTION, "lmtp", .of = &lmtp,
		.help = "Mail comes in from the site's mail server by LMTP; a plain "
			"value "
			"is the address."),
	[MAIL_WORKERS] = KEY(INT, "workers", .at_start = true, RANGE(1, 64),
		.fallback = "8",
		.help = "Threads that take mails apart and wait for the disk; waits of "
			"several are one."),
	[MAIL_KEEP_ORIGINALS] = KEY(BOOL, "keep_originals", .fallback = "true",
		.help = "Keep each mail as it came, beside what was made of it. One that "
			"holds card data is never kept."),
	[MAIL_KEEP_FILES] = KEY(DURATION, "keep_files", RANGE(HOUR_MS, 36500 * DAY_MS),
		.fallback = "90d",
		.help = "How long originals and attachments are kept; keep_threads at "
			"most, since what no thread names any more could not be found "
			"when a customer is erased."),
	[MAIL_KEEP_THREADS] = KEY(DURATION, "keep_threads",
		RANGE(HOUR_MS, 36500 * DAY_MS), .fallback = "90d",
		.help = "How long an answer finds the mail that it answers."),
	[MAIL_BELIEVED] =
		KEY(TEXTS, "believed", .sample = "[mx.example.com]", .rule = "nobody",
			.help = "Names of our own border servers (authserv-id) whose "
				"Authentication-Results are believed."),
	[MAIL_MAILBOXES] =
		KEY(SECTION, "mailboxes", .of = &mailboxes, .help = "The mailboxes."),
	[MAIL_OUT] = KEY(SECTION, "out", .of = &settings_mailout,
		.help = "Mail that leaves: answers of agents, automatic answers."),
};

const struct section settings_mail = {
	.title = "mail", .n = MAIL_KEYS, .settings = mail_settings};
