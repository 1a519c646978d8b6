/* usherctl/commands.c - the table of commands: help, completion and the manual page
 * follow it. */
#include "usherctl/cti.h"
#include "usherctl/customer.h"
#include "usherctl/usherctl.h"

static const struct option_spec show_queue[] = {
	{"most", "N", "contacts to show, 1 to 200; default 20"},
	{0},
};

static const struct option_spec reason[] = {
	{"reason", "TEXT", "why, for the record"},
	{0},
};

static const struct option_spec list_contacts[] = {
	{"queue", "QUEUE", "of this queue only"},
	{"agent", "AGENT", "held by this agent"},
	{"most", "N", "of each kind, 1 to 20000; default 100"},
	{0},
};

static const struct option_spec show_contact[] = {
	{"payload", NULL, "with what the source sent along"},
	{0},
};

static const struct option_spec move_contact[] = {
	{"queue", "QUEUE", "to this queue"},
	{"agent", "AGENT", "to this agent"},
	{"reason", "TEXT", "why, for the record"},
	{0},
};

static const struct option_spec prioritise[] = {
	{"sooner", "DURATION", "due so much earlier: 30s, 5m, 1h"},
	{"tier", "TIER", "or treated as of this tier"},
	{"reason", "TEXT", "why, for the record"},
	{0},
};

static const struct option_spec list_agents[] = {
	{"team", "TEAM", "of this team only"},
	{"state", "STATE", "offline, not_ready, ready or not_responding"},
	{0},
};

static const struct option_spec edit_agent[] = {
	{"skills", "LIST", "all skills from now on: english:5,billing:3"},
	{"capacity", "POINTS", "capacity, 0 to 10000"},
	{0},
};

static const struct option_spec document[] = {
	{"yaml", NULL, "as a commented settings file of all defaults"},
	{0},
};

static const struct option_spec add_account[] = {
	{"role", "ROLE", "agent, supervisor, administrator, auditor or link"},
	{"agent", "AGENT", "with role agent: whose desktop it opens"},
	{"name", "TEXT", "the person's name"},
	{"password-file", "FILE", "first line is the password; else it is asked for"},
	{0},
};

static const struct option_spec passwd[] = {
	{"password-file", "FILE", "first line is the password; else it is asked for"},
	{0},
};

static const struct option_spec create_token[] = {
	{"role", "ROLE", "agent, supervisor, administrator, auditor or link"},
	{"agent", "AGENT", "of this agent; a%d counts from 1"},
	{"account", "ACCOUNT", "other roles: the name it acts under"},
	{"count", "N", "so many; default 1"},
	{"from", "N", "%d counts from N"},
	{"life", "DURATION", "at most 12h, which is the default"},
	{"plain", NULL, "print the tokens alone, one a line"},
	{0},
};

static const struct option_spec list_tokens[] = {
	{"role", "ROLE", "of this role only"},
	{"agent", "AGENT", "of this agent only"},
	{"account", "ACCOUNT", "of this account only"},
	{0},
};

static const struct option_spec revoke_token[] = {
	{"agent", "AGENT", "all of this agent"},
	{"account", "ACCOUNT", "all of this account"},
	{0},
};

static const struct option_spec create_key[] = {
	{"name", "TEXT", "what it is for"},
	{"allow", "LIST", "submit,read,cancel; default all"},
	{"channels", "LIST", "on these channels only"},
	{"queues", "LIST", "to these queues only"},
	{"source", "NAME", "its contacts carry this source"},
	{"rate", "N", "contacts a second; 0: no cap; default 100"},
	{"plain", NULL, "print the key alone"},
	{0},
};

static const struct option_spec report_options[] = {
	{"by", "GROUP", "all, queue (default), channel, tier, dnis, agent or team"},
	{"interval", "LENGTH", "15m, 30m, hour (default), day or all"},
	{"from", "TIME", "2026-11-29T08:00:00Z; default: a day before --to"},
	{"to", "TIME", "default: now"},
	{"csv", NULL, "all columns, as comma-separated values"},
	{0},
};

static const struct option_spec audit_verify_options[] = {
	{"anchor", "HASH", "a hash kept elsewhere that must be in the chain"},
	{0},
};

static const struct option_spec audit_show_options[] = {
	{"who", "TEXT", "whose name has this in it"},
	{"what", "TEXT", "acts whose name has this in it"},
	{"object", "TEXT", "about what has this in its name"},
	{"since", "TIME", "from this moment: 2026-11-29T08:00:00Z"},
	{"most", "N", "the last N of them; default 50"},
	{0},
};

static const struct option_spec init_options[] = {
	{"role", "ROLE", "administrator (default), supervisor, auditor or agent"},
	{"account", "ACCOUNT", "the name it acts under; default admin"},
	{"agent", "AGENT", "with the role agent: who it is"},
	{"url", "URL", "address of the pages, for a link with the code"},
	{0},
};

static const struct option_spec suggest_eval[] = {
	{"train", "FILE", "mails to learn from: CSV with id,split,lang,label,text"},
	{"test", "FILE", "mails to answer, the same columns"},
	{"out", "FILE", "the answers, one JSON object a line"},
	{"where", "COLUMN=VALUE", "learn from these rows only: split=train"},
	{"titles", "FILE", "a line of text for each label: CSV with label,description"},
	{"online", NULL, "learn in one pass, as from live verdicts"},
	{"aim", "PERCENT", "precision of automatic answers; with --calib"},
	{"calib", "FILE", "mails on which the threshold is chosen"},
	{0},
};

static const struct option_spec suggest_train[] = {
	{"train", "FILE", "mails to learn from: CSV with id,split,lang,label,text"},
	{"model", "FILE", "where the model is saved"},
	{"where", "COLUMN=VALUE", "learn from these rows only: split=train"},
	{"titles", "FILE", "a line of text for each label: CSV with label,description"},
	{"lang", "LANGUAGE", "if the mails are in several"},
	{"library", "FOLDER", "teach its responses that no mail was answered by"},
	{0},
};

static const struct option_spec suggest_try[] = {
	{"model", "FILE", "a model that suggest train saved"},
	{"library", "FOLDER", "responses and rules; alone or with a model"},
	{"text", "TEXT", "the mail, instead of FILE or standard input"},
	{"subject", "TEXT", "its subject"},
	{"sender", "TEXT", "who sent it"},
	{"lang", "LANGUAGE", "of the mail, without a model"},
	{0},
};

static const struct option_spec mail_outbox_options[] = {
	{"state", "STATE",
		"held, queued, sending, sent, failed, unsure, cancelled or bounced"},
	{0},
};

static const struct option_spec suggest_report_options[] = {
	{"mailbox", "NAME", "of this mailbox; else the first"},
	{"response", "ID", "this response only"},
	{0},
};

static const struct option_spec suggest_model_options[] = {
	{"mailbox", "NAME", "of this mailbox; else the first"},
	{"language", "LANGUAGE", "of mails in this language; else of those unknown"},
	{0},
};

const struct command commands[] = {
	{"status", NULL, "", 0, 0, NULL, NULL, do_status, true,
		"version, uptime and figures since the start"},
	{"top", NULL, "", 0, 0, NULL, NULL, do_top, true,
		"queues and agents, live; --watch sets the pace, q ends it"},
	{"queue", "list", "", 0, 0, NULL, NULL, do_queue_list, true,
		"all queues with their figures"},
	{"queue", "show", "QUEUE", 1, 1, "queue", show_queue, do_queue_show, true,
		"one queue and who waits in it, next first"},
	{"queue", "open", "QUEUE", 1, 1, "queue", reason, do_queue_open, false,
		"let a queue take contacts again"},
	{"queue", "close", "QUEUE", 1, 1, "queue", reason, do_queue_close, false,
		"end admission; what waits is served"},
	{"contact", "list", "", 0, 0, NULL, list_contacts, do_contact_list, true,
		"waiting contacts, next first, and those that agents hold"},
	{"contact", "show", "CONTACT", 1, 1, "contact", show_contact, do_contact_show,
		true, "one contact"},
	{"contact", "move", "CONTACT", 1, 1, "contact", move_contact, do_contact_move,
		false, "move a contact to another queue or to an agent"},
	{"contact", "prioritise", "CONTACT", 1, 1, "contact", prioritise,
		do_contact_prioritise, false, "make a waiting contact due sooner"},
	{"contact", "cancel", "CONTACT", 1, 1, "contact", reason, do_contact_cancel,
		false, "withdraw a contact that waits or is offered"},
	{"agent", "list", "", 0, 0, NULL, list_agents, do_agent_list, true,
		"agents with state, load and contacts"},
	{"agent", "set-state", "AGENT STATE", 2, 2, "agent", reason, do_agent_set_state,
		false, "ready, not_ready or offline"},
	{"agent", "edit", "AGENT", 1, 1, "agent", edit_agent, do_agent_edit, false,
		"change skills or capacity, above the settings file"},
	{"explain", "contact", "CONTACT", 1, 1, "contact", NULL, do_explain_contact, true,
		"why a contact went where it went, or waits"},
	{"config", "check", "FILE", 1, 1, "file", NULL, do_config_check, false,
		"check a settings file; needs no daemon"},
	{"config", "reload", "", 0, 0, NULL, NULL, do_config_reload, false,
		"have the daemon read its settings file again"},
	{"config", "diff", "FILE", 1, 1, "file", NULL, do_config_show_diff, false,
		"what FILE would change of the settings in force"},
	{"config", "show", "", 0, 0, NULL, NULL, do_config_show, false,
		"the settings in force, as they were read"},
	{"config", "adopt", "", 0, 0, NULL, NULL, do_config_adopt, false,
		"agents' live edits as lines for the settings file"},
	{"config", "revert", "[AGENT]", 0, 1, "agent", NULL, do_config_revert, false,
		"drop live edits of agents: the settings file holds again"},
	{"config", "document", "", 0, 0, NULL, document, do_config_write_document, false,
		"the table of all settings; needs no daemon"},
	{"customer", "import", "FILE", 1, 1, "file", customer_import_options,
		do_customer_import, false,
		"take in customers from FILE.csv or FILE.jsonl; known ones are updated"},
	{"customer", "find", "WHO", 1, 1, NULL, NULL, do_customer_find, false,
		"by KIND:VALUE, an address, a number, or the beginning of a name"},
	{"customer", "show", "CUSTOMER", 1, 1, NULL, NULL, do_customer_show, true,
		"his card: value points term by term, identities, attributes"},
	{"customer", "set", "CUSTOMER NAME=VALUE...", 2, WORDS_MAX, NULL, NULL,
		do_customer_set, false,
		"change name, kind or attributes; NAME= removes one"},
	{"customer", "merge", "CUSTOMER FROM", 2, 2, NULL, NULL, do_customer_merge, false,
		"make two customers one; FROM goes into CUSTOMER"},
	{"customer", "unmerge", "CUSTOMER", 1, 1, NULL, NULL, do_customer_unmerge, false,
		"take a merged customer out again, with all that is his"},
	{"customer", "link", "CUSTOMER OTHER [KIND]", 2, 3, NULL, customer_link_options,
		do_customer_link, false,
		"to a household or business whose value he inherits"},
	{"customer", "unlink", "CUSTOMER OTHER [KIND]", 2, 3, NULL, NULL,
		do_customer_unlink, false, "remove a link"},
	{"customer", "add-identity", "CUSTOMER KIND VALUE", 3, 3, NULL, NULL,
		do_customer_add_identity, false, "add what he is known by"},
	{"customer", "remove-identity", "CUSTOMER KIND VALUE", 3, 3, NULL, NULL,
		do_customer_remove_identity, false, "remove what he is known by"},
	{"customer", "export", "CUSTOMER", 1, 1, NULL, NULL, do_customer_export, false,
		"all that is kept about him, as JSON"},
	{"customer", "erase", "CUSTOMER", 1, 1, NULL, customer_erase_options,
		do_customer_erase, false,
		"remove all that is kept about him, everywhere"},
	{"customer", "lists", "", 0, 0, NULL, NULL, do_customer_lists, true,
		"who is on the VIP and block lists"},
	{"customer", "list-add", "LIST KIND PATTERN", 3, 3, NULL, customer_list_options,
		do_customer_list_add, false,
		"put an identity, a pattern with * or a customer on a list"},
	{"customer", "list-remove", "LIST KIND PATTERN", 3, 3, NULL, NULL,
		do_customer_list_remove, false, "take it off the list"},
	{"cti", "status", "", 0, 0, NULL, NULL, do_cti_status, true,
		"how the switches and their links stand"},
	{"cti", "replay", "FILE...", 1, WORDS_MAX, "file", cti_replay_options,
		do_cti_replay, false,
		"a switch's recorded bytes as neutral events; needs no daemon"},
	{"account", "add", "ACCOUNT", 1, 1, NULL, add_account, do_account_add, false,
		"add somebody who logs in with a password"},
	{"account", "passwd", "ACCOUNT", 1, 1, "account", passwd, do_account_passwd,
		false, "set a password; tokens of the account end"},
	{"account", "list", "", 0, 0, NULL, NULL, do_account_list, true,
		"accounts, without secrets"},
	{"account", "disable", "ACCOUNT", 1, 1, "account", NULL, do_account_disable,
		false, "lock an account out and end its sessions"},
	{"account", "enable", "ACCOUNT", 1, 1, "account", NULL, do_account_enable, false,
		"let an account in again"},
	{"token", "create", "", 0, 0, NULL, create_token, do_token_create, false,
		"make tokens, with which programs log in without a password"},
	{"token", "list", "", 0, 0, NULL, list_tokens, do_token_list, true,
		"tokens, without their secrets"},
	{"token", "revoke", "[ID]", 0, 1, NULL, revoke_token, do_token_revoke, false,
		"end tokens and their sessions at once"},
	{"key", "create", "", 0, 0, NULL, create_key, do_key_create, false,
		"make an API key for an intake"},
	{"key", "list", "", 0, 0, NULL, NULL, do_key_list, true,
		"API keys, without their secrets"},
	{"key", "revoke", "ID", 1, 1, NULL, NULL, do_key_revoke, false,
		"end an API key at once"},
	{"report", NULL, "", 0, 0, NULL, report_options, do_report, true,
		"interval figures by queue, agent, team, channel, tier or number "
		"dialled"},
	{"audit", "verify", "", 0, 0, NULL, audit_verify_options, do_audit_verify, false,
		"whether the audit's chain of hashes holds; needs no daemon"},
	{"audit", "show", "", 0, 0, NULL, audit_show_options, do_audit_show, true,
		"who did what, the last ones; needs no daemon"},
	{"init", NULL, "", 0, 0, NULL, init_options, do_init, false,
		"a one-time code for the first login"},
	{"suggest", "eval", "", 0, 0, NULL, suggest_eval, do_suggest_eval, false,
		"measure the e-mail matcher on files; needs no daemon"},
	{"suggest", "train", "", 0, 0, NULL, suggest_train, do_suggest_train, false,
		"make a model of answered mails; needs no daemon"},
	{"suggest", "try", "[FILE]", 0, 1, "file", suggest_try, do_suggest_try, false,
		"what a model or library proposes for a mail; needs no daemon"},
	{"suggest", "check", "FOLDER", 1, 1, "file", NULL, do_suggest_check, false,
		"check a folder of responses and rules; needs no daemon"},
	{"suggest", "explain", "[FILE]", 0, 1, "file", suggest_try, do_suggest_explain,
		false, "the same with all words that pull; needs no daemon"},
	{"suggest", "report", "", 0, 0, NULL, suggest_report_options, do_suggest_report,
		true, "what agents' verdicts say of the proposals, and the gates"},
	{"suggest", "rebuild", "", 0, 0, NULL, suggest_model_options, do_suggest_rebuild,
		false, "build a mailbox's model anew from the verdicts"},
	{"suggest", "rollback", "", 0, 0, NULL, suggest_model_options,
		do_suggest_rollback, false, "take the model's version before"},
	{"suggest", "switch", "RESPONSE on|off", 2, 2, NULL, NULL, do_suggest_switch,
		false, "a response's automatic answers"},
	{"mail", "outbox", "", 0, 0, NULL, mail_outbox_options, do_mail_outbox, true,
		"mails that leave, with the servers' words"},
	{"mail", "retry", "MAIL", 1, 1, NULL, NULL, do_mail_retry, false,
		"send a failed mail once more"},
	{"completion", NULL, "SHELL", 1, 1, NULL, NULL, do_completion, false,
		"completion for bash, zsh or fish, on standard output"},
};

const int n_commands = sizeof commands / sizeof *commands;
