/* intake/maildesk_inner.h - what the files of the mail desk share; nobody else includes
 * it. */
#ifndef USHER_INTAKE_MAILDESK_INNER_H
#define USHER_INTAKE_MAILDESK_INNER_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/moment.h"
#include "intake/case_token.h"
#include "intake/mail.h"
#include "intake/maildesk.h"
#include "intake/verdicts.h"
#include "suggest/feedback.h"
#include "suggest/gate.h"

#define WORKS_MAX 20000	    /* mails in work at once; further ones keep no drafts */
#define DRAFT_MAX 65536	    /* bytes of a draft */
#define SENDER_HASH_TEXT 33 /* a hash of an address, with the NUL */
#define WORK_LIFE_MS (400 * INT64_C(86400000)) /* of a note that nobody takes away */

/*
 * The work on one live mail contact, kept in Redis as `work:CONTACT`:
 *   {"contact", "case", "draft": {"text", "subject", "to", "cc"},
 *    "files": [{"name", "type", "bytes", "blob"}], that go with the answer,
 *    "taken": {"response", "text", "how": "take"|"choose"}, "ruled": true,
 *    "arrived_ms", "asked_ms", "first_reply_ms", "replied_ms", "awaits": true,
 *    "joined_ms": he asked again before the stored note was read,
 *    "gate": "why it was not answered without an agent",
 *    "handed": {"by", "at", "note"}: with what it was handed on,
 *    "came": [{"at", "from", "subject", "text"}], this mail, and what came into the case
 *    before and beside it, "proposals": [{"id", "title", "p", "why"}]}
 */
struct mail_note {
	uint64_t contact;
	json_t *note; /* owned */
	bool writing, dirty;
	bool joins; /* its case is to be looked for once all notes are read */
	/* Waits for the write to be done. */
	void (*done)(struct maildesk *d, struct mail_note *w, uint64_t tag, bool kept);
	uint64_t tag;
	/* Of one that is handed on once its note is kept; -1: not so. */
	int to_queue, to_agent, by_agent;
};

/* A response that supervisors changed. */
struct edited {
	char *mailbox, *id, *text; /* owned; of the last version */
	int version;
};

/* An automatic mail that counts against the caps. */
struct auto_sent {
	int64_t at_ms;
	char sender[SENDER_HASH_TEXT];
	char response[ID_MAX + 1];
};

struct maildesk {
	struct maildesk_parts parts;
	struct mailout_settings *settings; /* a reference; never NULL */
	struct mailer *mailer;		   /* owned */
	struct outbox *outbox;		   /* owned */
	struct verdicts *verdicts;	   /* owned */
	struct worker_pool *workers;	   /* owned; rebuilds */
	struct worker_pool *filers;	   /* owned; keep files */
	struct mail_upload *uploads;	   /* owned; files on their way */
	struct idmap works;		   /* struct mail_note by contact, owned */
	/* Notes from before this start; until all are read, none is written. */
	bool works_reading, works_read;
	/* Automatic mails within the longest window, the oldest first, at most
	 * MAILOUT_COUNTED_MAX: with as many none leaves any more. */
	struct auto_sent *autos; /* owned */
	int n_autos;
	bool autos_loaded;
	struct map switched_off; /* responses that may not answer; why, owned */
	struct map edits;	 /* struct edited by "MAILBOX/ID", owned */
	bool broken;		 /* the breaker is open */
	struct event *daily;
	bool rebuilding;
	/* The models that are built one after another: the next mailbox, and how many of
	 * its languages were looked at; -1: none is due. */
	int next_box, next_language;
	struct rpc *rpc; /* of the desk, borrowed; for answers that come later */
	struct {
		uint64_t taken_open, guarded, answered, audited, released, acknowledged;
	} counts;
};

/* ---- maildesk_work.c ---- */

int64_t desk_time_ms(const struct maildesk *d);
struct live *desk_live(const struct maildesk *d, const char *mailbox); /* NULL */
/* The first mailbox with a matcher from *at on, which moves behind it; NULL: no more. */
struct live *desk_next_live(const struct maildesk *d, int *at, const char **mailbox);
/* The mail of a live contact, decoded; false: it has none. Its case in case_id. */
bool work_mail(struct maildesk *d, uint64_t contact, struct mail *mail,
	char case_id[NUMBER_ID_TEXT]);
struct mail_note *work_find(const struct maildesk *d, uint64_t contact); /* or NULL */
/* The same, made when it is not there; NULL: no live mail contact. */
struct mail_note *work_of(struct maildesk *d, uint64_t contact);
void work_save(struct maildesk *d, struct mail_note *w);
void work_end(struct maildesk *d, uint64_t contact);
void works_load(struct maildesk *d);
void works_flush(struct maildesk *d);
void works_finish(struct maildesk *d);
/* A mail has joined the contact: it belongs to the thread in brief. */
void work_came(struct maildesk *d, struct mail_note *w, const struct mail *mail);
/* What came into the case up to now, and what left, in brief, the oldest first. sent:
 * records of the outbox. The caller's. */
json_t *work_thread(const struct mail_note *w, const json_t *sent);
#define CAME_MOST 6   /* mails that are remembered so */
#define THREAD_MOST 8 /* that are shown */
/* The customer asked something at this moment: the next response is due. */
void work_asked(struct maildesk *d, struct mail_note *w, int64_t at_ms);
/* maildesk.c: the next model that is due, once none is being built. */
void maildesk_rebuild(struct maildesk *d);
/* maildesk.c: all notes are there. */
void maildesk_works_read(struct maildesk *d);
/* Nothing that the customer asked is without an answer. */
bool work_is_answered(const struct mail_note *w);
/* {"first_response": {...}, "next_response": {...}, "resolution": {...}} */
json_t *work_clocks(struct maildesk *d, uint64_t contact, const struct mail_note *w);
void contact_text(char out[NUMBER_ID_TEXT], uint64_t contact);

/* ---- maildesk_compose.c ---- */

/* The answer to a mail as a record for the outbox. NULL with *fault. text: redacted here.
 */
struct answer_parts {
	enum out_kind kind;
	const char *name;	    /* of the record; NULL: like no other */
	const char *text, *subject; /* subject NULL: of the mail */
	const json_t *to, *cc;	    /* lists; NULL: whom the mail is from */
	const char *by;		    /* agent; NULL: nobody */
	const char *response;	    /* id; NULL: none */
	const json_t *files; /* list of {"name", "type", "bytes", "blob"}; NULL: none */
	bool quote;
};
#define ATTACH_PART_MAX                                                                  \
	49152		/* bytes of base64 of a part: a WebSocket frame holds 64 KiB */
#define ATTACHED_MAX 20 /* files that an agent adds to an answer */
#define ATTACHED_BYTES_MAX 18874368 /* of a mail's files: base64 makes 25 MiB of them */
/* The files of a mail that came in, as such a list; the caller's. */
json_t *files_json(const struct mail *mail);
json_t *answer_record(struct maildesk *d, uint64_t contact, const struct mail *mail,
	const char *case_id, const struct answer_parts *parts, const char **fault);
/* A response's text for a contact; missing: unfilled placeholders are added. False: the
 * response is not there. */
bool answer_fill(struct maildesk *d, uint64_t contact, const struct mail *mail,
	const char *case_id, const struct response *r, const char *agent,
	struct text *out, struct text *missing);

/* A mail of ours that did not leave: what was written is the draft again. */
void draft_again(struct maildesk *d, const json_t *record);

/* ---- maildesk_files.c ---- */

void files_finish(struct maildesk *d);
void files_drop(void *upload); /* its worker never came to it */

/* ---- maildesk_verdict.c ---- */

/* What an agent's answer says of the proposals: the verdict's record, the caller's; NULL:
 * nothing. sent: NULL for `none` and for a rejection. */
json_t *verdict_make(struct maildesk *d, uint64_t contact, const struct mail *mail,
	enum feedback what, const char *response, const char *base, const char *sent,
	const char *by);
void verdict_learn(struct maildesk *d, json_t *record); /* stolen */
void verdict_teach(struct maildesk *d, const json_t *record);
bool verdict_start_rebuild(struct maildesk *d, const char *mailbox, const char *language,
	uint64_t tag, struct rpc *rpc);
void verdict_drop_rebuild(void *rebuild); /* its worker never came to it */
json_t *verdict_report(struct maildesk *d, const char *mailbox, const char *response);

/* ---- maildesk_answers.c ---- */

void answers_created(struct maildesk *d, uint64_t contact);
void answers_changed(struct maildesk *d, const json_t *record);
void answers_load(struct maildesk *d);
void answers_switch(struct maildesk *d, const char *response, const char *why);
/* What the gate says of a response now. */
json_t *answers_gate_json(
	struct maildesk *d, const char *mailbox, const struct response *r);
void answers_judged(struct maildesk *d, const char *mailbox, const char *response);

/* ---- the methods ---- */

#define MAIL_METHOD(name) void name(void *owner, const struct rpc_call *call)
MAIL_METHOD(on_email_get);
MAIL_METHOD(on_email_draft);
MAIL_METHOD(on_email_reply);
MAIL_METHOD(on_email_undo);
MAIL_METHOD(on_email_attach);
MAIL_METHOD(on_email_detach);
MAIL_METHOD(on_email_attachment);
MAIL_METHOD(on_email_forward);
MAIL_METHOD(on_email_split);
MAIL_METHOD(on_email_transfer);
MAIL_METHOD(on_email_resolve);
MAIL_METHOD(on_email_park);
MAIL_METHOD(on_email_outbox);
MAIL_METHOD(on_email_retry);
MAIL_METHOD(on_suggestion_take);
MAIL_METHOD(on_suggestion_edit);
MAIL_METHOD(on_suggestion_choose);
MAIL_METHOD(on_suggestion_reject);
MAIL_METHOD(on_suggestion_none);
MAIL_METHOD(on_suggestion_judge);
MAIL_METHOD(on_response_list);
MAIL_METHOD(on_response_search);
MAIL_METHOD(on_response_get);
MAIL_METHOD(on_response_put);
MAIL_METHOD(on_review_list);
MAIL_METHOD(on_review_approve);
MAIL_METHOD(on_review_reject);
MAIL_METHOD(on_suggest_report);
MAIL_METHOD(on_suggest_rebuild);
MAIL_METHOD(on_suggest_rollback);
MAIL_METHOD(on_suggest_switch);

/* The agent's own mail: a live contact in his hands, with its mail. False: refused. */
struct held_mail {
	uint64_t contact;
	int agent;
	const char *name; /* of the agent; borrowed for the call */
	struct mail mail; /* owned */
	char case_id[NUMBER_ID_TEXT];
	struct mail_note *work; /* borrowed */
};
bool held_mail(struct maildesk *d, const struct rpc_call *call, struct held_mail *out);
void held_mail_finish(struct held_mail *held);
void refuse_fault(const struct rpc_call *call, const char *type, const char *message);
/* `then` is called once the note is kept, or could not be; it answers the call. */
void save_then(struct maildesk *d, const struct rpc_call *call, struct mail_note *w,
	void (*then)(struct maildesk *d, struct mail_note *w, uint64_t tag, bool kept));
/* Answers {} once the note is kept. */
void answer_when_kept(
	struct maildesk *d, const struct rpc_call *call, struct mail_note *w);
json_t *record_brief(const json_t *record, bool text);
/* Reads edited responses from Redis; later changes are kept by on_response_put. */
void responses_load(struct maildesk *d);
void responses_finish(struct maildesk *d);

#endif
