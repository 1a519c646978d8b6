/*
 * control/settings_customers.c - what the settings say about customers.
 *
 * Sources: FEATURES B and section 2 (value = declared formula of supplied figures; cost
 * to serve fed back; repeat contacts and complaints raise it), ROUTING 8.
 */
#include "control/settings_customers.h"

#define HOUR_MS 3600000.0
#define DAY_MS 86400000.0
#define LONGEST_MS (36500 * DAY_MS)
#define KEY(kind, key, ...)                                                              \
	{                                                                                \
		.name = key, .type = SETTING_##kind, .since = "0.1", __VA_ARGS__         \
	}
#define RANGE(from, to) .least = from, .most = to

static const struct setting identity =
	KEY(NAMES, "identity", .sample = "[customer.loyalty]",
		.help = "Attributes of a contact that give it, the first that is there.");
static const struct section identities = {.title = "identities",
	.others = &identity,
	.others_are = "kind of identity",
	.example = "loyalty"};

static const struct setting term_settings[] = {
	[TERM_NAME] = KEY(TEXT, "name", .required = true, .sample = "revenue",
		.help = "What explanations call it."),
	[TERM_FIGURE] = KEY(NAME, "figure", .rule = "its name", .sample = "revenue",
		.help = "The figure: an attribute of the customer (true counts as 1), or "
			"tenure_years, cost_to_serve, repeat_contacts or complaints, "
			"which usher keeps itself."),
	[TERM_WEIGHT] = KEY(NUMBER, "weight", .unit = "points a unit of the figure",
		RANGE(-1e9, 1e9), .fallback = "1",
		.help = "What a unit of the figure is worth."),
	[TERM_FROM] = KEY(NUMBER, "from", RANGE(-1e12, 1e12), .fallback = "0",
		.help = "Where counting starts: weight x (figure - from)."),
	[TERM_LEAST] = KEY(NUMBER, "least", .unit = "points", RANGE(-1e6, 1e6),
		.fallback = "-1000", .help = "The term is never below."),
	[TERM_MOST] = KEY(NUMBER, "most", .unit = "points", RANGE(-1e6, 1e6),
		.fallback = "1000", .help = "The term is never above."),
};
static const struct section term = {
	.title = "a term of the value points", .n = TERM_KEYS, .settings = term_settings};

static const struct setting listed_settings[] = {
	[LISTED_POINTS] = KEY(NUMBER, "points", .unit = "points", RANGE(-1e6, 1e6),
		.rule = "40 for VIPs, -1000 for the blocked", .sample = "40",
		.help = "Added to the value points of whoever is on the list."),
	[LISTED_REFUSE] = KEY(BOOL, "refuse", .fallback = "false",
		.help = "Refuse the contacts of the blocked at the door; otherwise they "
			"wait with their points, and rules read customer.blocked."),
};
static const struct section vip = {
	.title = "the VIP list", .n = LISTED_REFUSE, .settings = listed_settings};
static const struct section block = {
	.title = "the block list", .n = LISTED_KEYS, .settings = listed_settings};

static const struct setting complaint_settings[] = {
	[COMPLAINT_OPEN] = KEY(NAMES, "open", .fallback = "[complaint]",
		.help = "Dispositions that open a complaint."),
	[COMPLAINT_CLOSE] = KEY(NAMES, "close", .fallback = "[complaint_settled]",
		.help = "Dispositions that close the customer's complaints."),
};
static const struct section complaints = {
	.title = "complaints", .n = COMPLAINT_KEYS, .settings = complaint_settings};

static const struct setting keep_setting = KEY(DURATION, "keep", .sample = "365d",
	RANGE(HOUR_MS, LONGEST_MS), .help = "How long ended contacts are remembered.");
static const struct section keep = {.title = "retention",
	.others = &keep_setting,
	.others_are = "channel, or others",
	.example = "chat"};

static const char default_points[] =
	"- {name: revenue, weight: 0.01, most: 40}\n"
	"- {name: margin, weight: 0.02, least: -20, most: 30}\n"
	"- {name: cost to serve, figure: cost_to_serve, weight: -0.05, least: -20}\n"
	"- {name: tenure, figure: tenure_years, weight: 1, most: 10}\n"
	"- {name: churn risk, figure: churn_risk, weight: 15, most: 15}\n"
	"- {name: open complaint, figure: complaints, weight: 15, most: 30}\n"
	"- {name: repeat contact, figure: repeat_contacts, weight: 5, most: 15}\n"
	"- {name: debt, weight: -0.02, least: -30}\n";

static const struct setting customers_settings[] = {
	[CUSTOMERS_COUNTRY] = KEY(NAME, "country", .fallback = "GB",
		.help = "Country (ISO 3166) of telephone numbers that name none."),
	[CUSTOMERS_WAIT] = KEY(DURATION, "wait", RANGE(0, 1000), .fallback = "20ms",
		.help = "How long a contact waits for the directory on its way in, so "
			"that the last agent and the card are known when it is offered. "
			"What comes later scores it again. Nobody waits while the "
			"directory is late."),
	[CUSTOMERS_IDENTITIES] = KEY(SECTION, "identities", .of = &identities,
		.rule = "account, email, phone and cookie, by their usual attributes",
		.help = "By what customers are known, beside the default four or in "
			"place of one. Those named first are the surest, the others of "
			"the "
			"four come after them."),
	[CUSTOMERS_LEARN] = KEY(BOOL, "learn", .fallback = "true",
		.help = "An identity that is nobody's joins the customer whom the same "
			"contact names by another one."),
	[CUSTOMERS_MERGE_PROVISIONAL] = KEY(BOOL, "merge_provisional", .fallback = "true",
		.help = "A customer made from contacts alone merges into the one "
			"whom a contact names by another identity. All others "
			"merge by staff only."),
	[CUSTOMERS_SOURCES] = KEY(NAMES, "sources", .fallback = "[staff]",
		.help = "Sources of attributes, the most trusted first. Where several "
			"disagree the most trusted holds, among those not named the "
			"latest."),
	[CUSTOMERS_POINTS] = KEY(LIST, "points", .of = &term, .fallback = default_points,
		.help = "The value points: the sum of these terms."),
	[CUSTOMERS_INHERIT] = KEY(NUMBER, "inherit", RANGE(-10, 10), .fallback = "0.5",
		.help = "Part of a household's or business' own points that a linked "
			"customer inherits, where the link names none."),
	[CUSTOMERS_VIP] = KEY(SECTION, "vip", .of = &vip, .help = "The VIP list."),
	[CUSTOMERS_BLOCK] =
		KEY(SECTION, "block", .of = &block, .help = "The block list."),
	[CUSTOMERS_REPEAT] = KEY(DURATION, "repeat", RANGE(0, LONGEST_MS),
		.fallback = "7d",
		.help = "Contacts that ended within this time are repeat_contacts."),
	[CUSTOMERS_COST_PER_HOUR] =
		KEY(NUMBER, "cost_per_hour", RANGE(0, 1e9), .fallback = "30",
			.help = "What an hour of handling costs; feeds cost_to_serve."),
	[CUSTOMERS_COST_OVER] = KEY(DURATION, "cost_over", RANGE(0, LONGEST_MS),
		.fallback = "365d", .help = "The time over which it is summed."),
	[CUSTOMERS_COMPLAINTS] = KEY(SECTION, "complaints", .of = &complaints,
		.help = "Dispositions that count."),
	[CUSTOMERS_PRIVATE] = KEY(NAMES, "private", .fallback = "[margin, churn_risk]",
		.help = "Attributes and terms that agents do not see."),
	[CUSTOMERS_KEEP] = KEY(SECTION, "keep", .of = &keep, .rule = "for ever",
		.help = "By channel: how long ended contacts and all that belongs to "
			"them are kept. `others` stands for channels not named."),
	[CUSTOMERS_KEEP_PROVISIONAL] = KEY(DURATION, "keep_provisional",
		RANGE(HOUR_MS, LONGEST_MS), .fallback = "90d",
		.help = "How long a customer made from contacts alone is kept "
			"without any further one."),
};

const struct section settings_customers = {
	.title = "customers", .n = CUSTOMERS_KEYS, .settings = customers_settings};
