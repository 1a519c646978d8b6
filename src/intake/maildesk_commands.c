/* intake/maildesk_commands.c - the table of the mail desk's methods. A test holds it to
 * schemas/methods.schema.json. */
#include "intake/maildesk_inner.h"

#define AGENT RPC_MAY(RPC_AGENT)
#define ADMINISTRATOR RPC_MAY(RPC_ADMINISTRATOR)

#define THE_MAIL                                                                         \
	{                                                                                \
		"mail", RPC_NAME, .required = true                                       \
	}
#define THE_RESPONSE                                                                     \
	{                                                                                \
		"response", RPC_NAME, .required = true                                   \
	}
#define A_MAILBOX                                                                        \
	{                                                                                \
		"mailbox", RPC_NAME                                                      \
	}
#define A_LANGUAGE                                                                       \
	{                                                                                \
		"language", RPC_NAME                                                     \
	}
#define A_DISPOSITION                                                                    \
	{                                                                                \
		"disposition", RPC_NAME                                                  \
	}
#define SUBJECT_MAX 998
#define SOURCE_MAX 65536

static const struct rpc_param contact[] = {RPC_THE_CONTACT, {NULL}};
static const struct rpc_param draft[] = {
	RPC_THE_CONTACT,
	{"text", RPC_TEXT, .required = true, .most = DRAFT_MAX},
	{"subject", RPC_TEXT, .most = SUBJECT_MAX},
	{"to", RPC_ANY},
	{"cc", RPC_ANY},
	{NULL},
};
static const struct rpc_param reply[] = {
	RPC_THE_CONTACT,
	RPC_ITS_ID,
	{"text", RPC_TEXT, .most = DRAFT_MAX},
	{"subject", RPC_TEXT, .most = SUBJECT_MAX},
	{"to", RPC_ANY},
	{"cc", RPC_ANY},
	{"quote", RPC_BOOLEAN},
	{"resolve", RPC_BOOLEAN},
	A_DISPOSITION,
	{NULL},
};
static const struct rpc_param mail[] = {THE_MAIL, {NULL}};
static const struct rpc_param forward[] = {
	RPC_THE_CONTACT,
	RPC_ITS_ID,
	{"to", RPC_ANY, .required = true},
	{"text", RPC_TEXT, .most = DRAFT_MAX},
	{"files", RPC_BOOLEAN},
	{NULL},
};
static const struct rpc_param attach[] = {
	RPC_THE_CONTACT,
	{"id", RPC_NAME, .required = true},
	{"part", RPC_INTEGER, .required = true, .least = 0, .most = 100000},
	{"name", RPC_TEXT, .most = 256},
	{"size", RPC_INTEGER, .least = 1, .most = ATTACHED_BYTES_MAX},
	{"data", RPC_TEXT, .required = true, .most = ATTACH_PART_MAX},
	{NULL},
};
static const struct rpc_param detach[] = {
	RPC_THE_CONTACT,
	{"blob", RPC_TEXT, .required = true, .most = BLOB_NAME - 1},
	{NULL},
};
static const struct rpc_param attachment[] = {
	THE_MAIL,
	{"blob", RPC_TEXT, .required = true, .most = BLOB_NAME - 1},
	{NULL},
};
static const struct rpc_param split[] = {
	RPC_THE_CONTACT,
	RPC_ITS_ID,
	{"title", RPC_TEXT, .required = true, .most = SUBJECT_MAX},
	{"text", RPC_TEXT, .most = DRAFT_MAX},
	{"queue", RPC_NAME},
	{NULL},
};
static const struct rpc_param transfer[] = {
	RPC_THE_CONTACT,
	{"queue", RPC_NAME},
	{"agent", RPC_NAME},
	{"note", RPC_TEXT, .required = true, .most = 8192},
	{NULL},
};
static const struct rpc_param park[] = {
	RPC_THE_CONTACT,
	{"until", RPC_TIME},
	{"answer", RPC_BOOLEAN},
	{NULL},
};
static const struct rpc_param resolve[] = {
	RPC_THE_CONTACT,
	A_DISPOSITION,
	{"note", RPC_TEXT, .most = 8192},
	{NULL},
};
static const struct rpc_param outbox[] = {
	{"state", RPC_WORD,
		.words = "held|queued|sending|sent|failed|unsure|cancelled|bounced"},
	{"contact", RPC_NAME},
	{"most", RPC_INTEGER, .least = 1, .most = 100},
	{NULL},
};
static const struct rpc_param take[] = {RPC_THE_CONTACT, THE_RESPONSE, {NULL}};
static const struct rpc_param edit[] = {
	RPC_THE_CONTACT,
	{"text", RPC_TEXT, .required = true, .most = DRAFT_MAX},
	{NULL},
};
static const struct rpc_param judge[] = {
	{"contact", RPC_NAME, .required = true},
	{"right", RPC_BOOLEAN, .required = true},
	{NULL},
};
static const struct rpc_param list[] = {
	A_MAILBOX,
	{"category", RPC_TEXT, .most = 256},
	{"after", RPC_NAME},
	{NULL},
};
static const struct rpc_param search[] = {
	{"text", RPC_TEXT, .required = true, .most = 1024},
	A_MAILBOX,
	A_LANGUAGE,
	{"category", RPC_TEXT, .most = 256},
	{"most", RPC_INTEGER, .least = 1, .most = 100},
	{NULL},
};
static const struct rpc_param get[] = {THE_RESPONSE, A_MAILBOX, {NULL}};
static const struct rpc_param put[] = {
	THE_RESPONSE,
	RPC_ITS_ID,
	{"source", RPC_TEXT, .required = true, .most = SOURCE_MAX},
	A_MAILBOX,
	{"version", RPC_INTEGER, .least = 0, .most = 1000000},
	{"comment", RPC_TEXT, .most = 256},
	{NULL},
};
static const struct rpc_param review[] = {
	{"most", RPC_INTEGER, .least = 1, .most = 100},
	{NULL},
};
static const struct rpc_param reject[] = {
	THE_MAIL,
	{"reason", RPC_TEXT, .required = true, .most = 256},
	{NULL},
};
static const struct rpc_param report[] = {A_MAILBOX, {"response", RPC_NAME}, {NULL}};
static const struct rpc_param model[] = {A_MAILBOX, A_LANGUAGE, {NULL}};
static const struct rpc_param rollback[] = {RPC_ITS_ID, A_MAILBOX, A_LANGUAGE, {NULL}};
static const struct rpc_param set_switch[] = {
	THE_RESPONSE,
	{"on", RPC_BOOLEAN, .required = true},
	{NULL},
};

const struct rpc_command maildesk_commands[] = {
	{"email.get", AGENT | RPC_WATCHERS, contact, on_email_get,
		"A mail with its case: what was sent, the draft, clocks, why it was not "
		"answered by itself."},
	{"email.draft", AGENT, draft, on_email_draft,
		"Keeps a draft of the answer; an empty text takes it away."},
	{"email.reply", AGENT, reply, on_email_reply,
		"Sends an answer: the text given, else the draft, else the response "
		"taken."},
	{"email.undo", AGENT, mail, on_email_undo,
		"Takes a mail back that has not left yet; its text is the draft again."},
	{"email.attach", AGENT, attach, on_email_attach,
		"Adds a file to the answer, part by part; it goes with email.reply."},
	{"email.detach", AGENT, detach, on_email_detach, "Takes a file off the answer."},
	{"email.attachment", AGENT | RPC_STAFF, attachment, on_email_attachment,
		"A token by which a file of a mail of ours is fetched over HTTP."},
	{"email.forward", AGENT, forward, on_email_forward,
		"Sends the mail on to somebody else, with a text above it and its "
		"files behind."},
	{"email.split", AGENT, split, on_email_split,
		"Makes a second contact of what else is asked in a mail."},
	{"email.transfer", AGENT, transfer, on_email_transfer,
		"Hands a mail on to a queue or an agent, with a note for whoever gets "
		"it."},
	{"email.park", AGENT, park, on_email_park,
		"Puts a mail aside until a moment, or until the customer answers."},
	{"email.resolve", AGENT, resolve, on_email_resolve,
		"Ends the contact of a mail with its outcome."},
	{"email.outbox", RPC_WATCHERS, outbox, on_email_outbox,
		"Mails that leave, with their states and the servers' words."},
	{"email.retry", AGENT | RPC_STAFF, mail, on_email_retry,
		"Sends a failed mail once more."},
	{"suggestion.take", AGENT, take, on_suggestion_take,
		"Takes a proposal as the ground of the answer; its text comes back "
		"filled."},
	{"suggestion.edit", AGENT, edit, on_suggestion_edit,
		"Keeps the changed text of what was taken, as the draft."},
	{"suggestion.choose", AGENT, take, on_suggestion_choose,
		"Takes another response of the library."},
	{"suggestion.reject", AGENT, take, on_suggestion_reject,
		"Says that a proposal is wrong."},
	{"suggestion.none", AGENT, contact, on_suggestion_none,
		"Says that no stored response fits."},
	{"suggestion.judge", RPC_STAFF, judge, on_suggestion_judge,
		"Upholds or corrects the verdict on a contact."},
	{"response.list", AGENT | RPC_WATCHERS, list, on_response_list,
		"Stored responses of a mailbox."},
	{"response.search", AGENT | RPC_WATCHERS, search, on_response_search,
		"Stored responses that hold the words, the best first."},
	{"response.get", AGENT | RPC_WATCHERS, get, on_response_get,
		"One response with its text, its gate and its last versions."},
	{"response.put", RPC_STAFF, put, on_response_put,
		"A new version of a response, head and body as in a file; it is checked "
		"first."},
	{"review.list", RPC_STAFF, review, on_review_list,
		"Answers that wait for approval."},
	{"review.approve", RPC_STAFF, mail, on_review_approve, "Lets an answer leave."},
	{"review.reject", RPC_STAFF, reject, on_review_reject,
		"Gives an answer back to its author."},
	{"suggest.report", RPC_WATCHERS, report, on_suggest_report,
		"What verdicts say of the proposals: coverage, precision, calibration, "
		"gates."},
	{"suggest.rebuild", ADMINISTRATOR, model, on_suggest_rebuild,
		"Builds a mailbox's model of a language anew from the verdicts."},
	{"suggest.rollback", ADMINISTRATOR, rollback, on_suggest_rollback,
		"Takes the version before of a model."},
	{"suggest.switch", RPC_STAFF, set_switch, on_suggest_switch,
		"Switches the automatic answers of a response on or off."},
};

const int maildesk_n_commands = sizeof maildesk_commands / sizeof *maildesk_commands;
