/*
 * usherctl/usherctl.h - the command usherctl: a table of commands, options, a client of
 * the daemon's socket, and output as tables or JSON.
 */
#ifndef USHER_USHERCTL_USHERCTL_H
#define USHER_USHERCTL_USHERCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/text.h"
#include "base/xalloc.h"

/* Exit statuses (CONTRACTS 1, FEATURES): done; refused or failed; wrong usage. */
enum status {
	STATUS_OK,
	STATUS_FAILED,
	STATUS_USAGE
};

#define OPTIONS_MAX 12 /* of one command */
#define WORDS_MAX 16   /* arguments of one command */

struct option_spec {
	const char *name;     /* without the dashes */
	const char *argument; /* shown in help; NULL: a flag */
	const char *help;
};

struct ctl;

struct command {
	const char *noun, *verb; /* verb NULL: the noun alone */
	const char *words;	 /* of the usage: "QUEUE"; "" if none */
	int least, most;	 /* how many words */
	const char *complete; /* what the first word is: "queue", "agent", "file"; NULL */
	const struct option_spec
		*options; /* ends with a row without a name; NULL: none */
	enum status (*run)(struct ctl *ctl);
	bool watchable; /* makes sense again and again */
	const char *help;
};

extern const struct command commands[];
extern const int n_commands;
extern const struct option_spec global_options[];

/* One call of usherctl. */
struct ctl {
	const struct command *command;
	int n_words;
	const char *word[WORDS_MAX]; /* borrowed from argv */
	const char
		*value[OPTIONS_MAX]; /* of the command's options, by their place; flags:
					"" */
	const char *state;	     /* state directory */
	const char *socket;	     /* owned by main; path of the daemon's socket */
	bool json, color;
	double watch_s;	       /* 0: once */
	struct client *client; /* owned; NULL until needed */
};

/* The value of an option; NULL: not given. */
const char *option(const struct ctl *ctl, const char *name);
/* Reads a whole number within a range; false: said why. NULL text gives `otherwise`. */
bool option_number(const struct ctl *ctl, const char *name, int64_t least, int64_t most,
	int64_t otherwise, int64_t *out) USHER_MUST_CHECK;
/* A duration such as 30s, 5m, 1h, or plain ms. */
bool read_duration(const char *text, int64_t *ms) USHER_MUST_CHECK;
void complain(const char *format, ...) USHER_PRINTF(1, 2);

/* ---- client.c ---- */

/* Connects if that was not done. False: said why. */
bool client_open(struct ctl *ctl) USHER_MUST_CHECK;
/* The socket cannot be reached because no daemon runs there (not: no right, busy). */
bool client_daemon_is_down(const struct ctl *ctl);
void client_close(struct client *client);
/*
 * call - one request and its reply; events in between are kept.
 *
 * params   stolen; NULL: none
 * Returns  the result, owned by the caller; NULL: refused or failed, said why (with
 *          --json the error as JSON on standard output)
 */
json_t *call(struct ctl *ctl, const char *method, json_t *params) USHER_MUST_CHECK;
/* The next event; owned by the caller. NULL after wait_ms without one, or when the
 * connection is lost (then *lost). */
json_t *next_event(struct ctl *ctl, int wait_ms, bool *lost);
/* Calls again with `after` until the result has no more; the lists under `name` joined.
 * id: the member of the last one behind which the next page begins; NULL: where that is
 * the result says itself (`next`). */
json_t *call_list(struct ctl *ctl, const char *method, const char *name, const char *id);

/* ---- print.c ---- */

void print_json(const json_t *value); /* indented, with a line end */
/* Prints {"accepted": ...} as nothing but `done` (a sentence); frees the result. */
enum status finish(struct ctl *ctl, json_t *result, const char *done);

struct table;
/* Columns by title, "|" between; a title that begins with ">" is set to the right. */
struct table *table_create(const struct ctl *ctl, const char *titles);
/* The next cell of the row; NULL: empty. Copied, control characters shown as "?". */
void table_cell(struct table *t, const char *text);
void table_number(struct table *t, const json_t *value); /* integer or real */
void table_duration(struct table *t, const json_t *ms);	 /* "4:05", "2h03m" */
/* Prints and frees it. empty: a line instead of a table without rows; NULL: none. */
void table_print(struct table *t, const char *empty);
void duration_text(char out[24], int64_t ms);
const char *member(const json_t *o, const char *name); /* text of a member; NULL */
int64_t member_int(const json_t *o, const char *name); /* 0 when absent */
/* Bold, dim, ... when colours are wanted, else "". */
const char *ansi(const struct ctl *ctl, const char *code);

/* ---- the commands ---- */

enum status do_queue_list(struct ctl *ctl);
enum status do_queue_show(struct ctl *ctl);
enum status do_queue_open(struct ctl *ctl);
enum status do_queue_close(struct ctl *ctl);
enum status do_contact_list(struct ctl *ctl);
enum status do_contact_show(struct ctl *ctl);
enum status do_contact_move(struct ctl *ctl);
enum status do_contact_prioritise(struct ctl *ctl);
enum status do_contact_cancel(struct ctl *ctl);
/* Every agent as agent.list tells; the caller owns it; NULL: the call failed, which was
 * said. */
json_t *all_agents(struct ctl *ctl);
enum status do_agent_list(struct ctl *ctl);
enum status do_agent_set_state(struct ctl *ctl);
enum status do_agent_edit(struct ctl *ctl);
enum status do_explain_contact(struct ctl *ctl);
enum status do_config_check(struct ctl *ctl);
enum status do_config_reload(struct ctl *ctl);
enum status do_config_show_diff(struct ctl *ctl);
enum status do_config_adopt(struct ctl *ctl);
enum status do_config_revert(struct ctl *ctl);
enum status do_config_show(struct ctl *ctl);
enum status do_config_write_document(struct ctl *ctl);
enum status do_account_add(struct ctl *ctl);
enum status do_account_passwd(struct ctl *ctl);
enum status do_account_list(struct ctl *ctl);
enum status do_account_disable(struct ctl *ctl);
enum status do_account_enable(struct ctl *ctl);
enum status do_token_create(struct ctl *ctl);
enum status do_token_list(struct ctl *ctl);
enum status do_token_revoke(struct ctl *ctl);
enum status do_key_create(struct ctl *ctl);
enum status do_key_list(struct ctl *ctl);
enum status do_key_revoke(struct ctl *ctl);
enum status do_report(struct ctl *ctl);
enum status do_audit_verify(struct ctl *ctl);
enum status do_audit_show(struct ctl *ctl);
enum status do_init(struct ctl *ctl);
enum status do_status(struct ctl *ctl);
enum status do_top(struct ctl *ctl);
enum status do_completion(struct ctl *ctl);
enum status do_mail_outbox(struct ctl *ctl);
enum status do_mail_retry(struct ctl *ctl);
enum status do_suggest_report(struct ctl *ctl);
enum status do_suggest_rebuild(struct ctl *ctl);
enum status do_suggest_rollback(struct ctl *ctl);
enum status do_suggest_switch(struct ctl *ctl);
enum status do_suggest_eval(struct ctl *ctl);
enum status do_suggest_train(struct ctl *ctl);
enum status do_suggest_try(struct ctl *ctl);
enum status do_suggest_explain(struct ctl *ctl);
enum status do_suggest_check(struct ctl *ctl);

/* ---- offline.c: accounts without a daemon ---- */

/* The same as the method of that name, on the files of the state directory. NULL: said
 * why. */
json_t *offline_call(struct ctl *ctl, const char *method, const json_t *params);

#endif
