/*
 * intake/outbox.h - mails that leave: each is kept in Redis before it is sent, and what
 * became of it after.
 *
 *   held --approved--> queued --due--> sending --2xx--> sent --returned--> bounced
 *   held, queued --taken back--> cancelled
 *   sending --4xx, no connection--> queued (later each time) --too long--> failed
 *   sending --5xx--> failed
 *   sending --nobody knows--> queued (a person wrote it: once more, as the same message)
 *                             unsure (it went by itself: never twice)
 *
 * `sending` is committed before the relay sees the mail. So after a crash a mail that a
 * person wrote is sent again with the same Message-ID (at least once), and an automatic
 * one is not (at most once, I7).
 *
 * A record is the mail as JSON:
 *   {"id": "5f3a09b1c2d4e6f7", "kind": "reply", "state": "queued", "contact": "c...",
 *    "case": "c...", "mailbox": "support", "from": {"name", "address"}, "envelope":
 * "...", "to": [..], "cc": [..], "subject", "text", "quote", "message_id", "in_reply_to",
 *    "references": [..], "by": "a1", "response": "order-late", "category": "orders",
 *    "attachments": [{"name", "type", "bytes", "blob"}], "created_ms", "due_ms", "tries",
 * "code", "words", "sent_ms", "fates": {address: fate}}
 */
#ifndef USHER_INTAKE_OUTBOX_H
#define USHER_INTAKE_OUTBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/mail.h"
#include "base/side.h"
#include "base/subject.h"
#include "intake/message_id.h"

struct event_base;
struct outbox;

#define OUTBOX_LIBRARY "usher_outbox_1"
#define OUTBOX_TEXT_MAX 131072 /* bytes of a mail's text */
#define OUTBOX_LIVE_MAX 20000  /* mails that are not over; more are refused */
#define OUTBOX_RECENT 2000     /* mails that are over and still at hand */

enum out_state {
	OUT_HELD, /* for a supervisor's approval */
	OUT_QUEUED,
	OUT_SENDING,
	OUT_SENT,
	OUT_FAILED,
	OUT_UNSURE,
	OUT_CANCELLED,
	OUT_BOUNCED,
	OUT_STATES
};
extern const char *const out_state_name[OUT_STATES];

enum out_kind {
	OUT_REPLY,
	OUT_FORWARD,
	OUT_AUTOMATIC,	     /* an answer without an agent */
	OUT_ACKNOWLEDGEMENT, /* "we have your mail" */
	OUT_KINDS
};
extern const char *const out_kind_name[OUT_KINDS];
/* No person wrote it: at most once. */
bool out_is_automatic(const json_t *record);
enum out_state out_state_of(const json_t *record);

struct outbox_parts {
	struct event_base *base;
	struct side *side;
	int threads; /* mails that are handed over at once */
	struct mailer *mailer;
	struct blobs *blobs;	     /* files that go with mails; all borrowed */
	int64_t (*now)(void *owner); /* centre time */
	void *now_owner;
	/* A new state is committed. record: borrowed for the call. */
	void (*changed)(void *owner, const json_t *record);
	/* All that was kept is back in memory. */
	void (*loaded)(void *owner);
	void *owner;
};

struct outbox_settings {
	int64_t give_up_ms;	      /* of mails that people wrote */
	int64_t give_up_automatic_ms; /* of automatic ones, whose contact waits meanwhile
				       */
	int64_t keep_ms;	      /* mails that are over, in Redis */
};

struct outbox *outbox_create(const struct outbox_parts *parts);
void outbox_destroy(struct outbox *outbox);
void outbox_configure(struct outbox *outbox, const struct outbox_settings *settings);
bool outbox_is_loaded(const struct outbox *outbox);

/* Names a new mail: by what asked for it, so that the same act is the same mail; NULL:
 * like no other. */
void outbox_name(char id[OUT_ID_TEXT], const char *act);

enum outbox_kept {
	OUTBOX_KEPT,
	OUTBOX_KNOWN, /* the contact had its automatic answer: nothing was kept */
	OUTBOX_AWAY   /* Redis is away, or the outbox is full: nothing will leave */
};
typedef void (*outbox_done)(void *owner, uint64_t tag, enum outbox_kept kept);

/* Of an automatic mail: by which its like are counted. */
struct outbox_once {
	const char *sender;   /* a hash of the address, without blanks */
	const char *response; /* id, or "-" */
	int64_t oldest_ms;    /* of those that are still counted */
};

/*
 * outbox_put - keeps a mail; it leaves when it is due.
 *
 * record  stolen; state held or queued
 * once    NULL for mails that people wrote
 * done    called once, maybe before this returns. A mail of that name that is there
 *         since before is OUTBOX_KEPT, too: outbox_find() gives it as it is now
 */
void outbox_put(struct outbox *outbox, json_t *record, const struct outbox_once *once,
	outbox_done done, void *owner, uint64_t tag);

/* The record at hand; borrowed until the loop turns. NULL: not at hand. */
const json_t *outbox_find(const struct outbox *outbox, const char *id);

/* Taken back. False: it is gone already, or none. */
bool outbox_cancel(struct outbox *outbox, const char *id) USHER_MUST_CHECK;
/* A held one may leave. */
bool outbox_approve(
	struct outbox *outbox, const char *id, const char *by) USHER_MUST_CHECK;
/* A failed or unsure one once more, by a person's word. */
bool outbox_retry(struct outbox *outbox, const char *id, const char *by) USHER_MUST_CHECK;
/* A report of the outside world says that a mail came back. */
void outbox_bounced(struct outbox *outbox, const char *message_id, const char *said);

/* Records at hand that match, the newest first; a list, the caller's. NULL, OUT_STATES:
 * any. */
json_t *outbox_list(const struct outbox *outbox, const char *contact, const char *case_id,
	enum out_state state, int most);

/* Erasure: mails of these contacts are not at hand any more and do not leave (kept for
 * long enough alone: what is not over stays); in Redis, intake/mail_index.h removes them.
 */
void outbox_forget(struct outbox *outbox, const struct subject *subject);

struct outbox_counts {
	int64_t held, queued, sending; /* now */
	uint64_t sent, failed, unsure, bounced, cancelled, retried;
};
void outbox_counts(const struct outbox *outbox, struct outbox_counts *out);

#endif
