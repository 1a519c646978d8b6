/*
 * intake/maildesk.h - the agents' side of mail: drafts, proposals taken, answers sent,
 * verdicts, review, clocks; and answers without an agent.
 *
 * The methods are email.*, suggestion.*, response.*, review.* and suggest.* of
 * docs/protocol.md; docs/email.md tells how they go together.
 */
#ifndef USHER_INTAKE_MAILDESK_H
#define USHER_INTAKE_MAILDESK_H

#include "base/people.h"
#include "base/subject.h"
#include "intake/outbox.h"
#include "intake/ticket.h"
#include "model/mailout.h"
#include "route/events.h"
#include "route/router.h"
#include "suggest/live.h"

struct maildesk;
struct mail;

/* A mailbox as mail leaves from it; texts are borrowed for the call. */
struct maildesk_box {
	const char *address, *display; /* display: NULL: none */
	const char *domain;	       /* right side of Message-IDs */
	const char *envelope;	       /* sender of the envelope; NULL: none of its own */
};

/* All borrowed; they outlive the mail desk. */
struct maildesk_parts {
	struct event_base *base;
	struct side *side;
	struct router *router;
	struct blobs *blobs;
	const struct people *people;
	/* The matcher of a mailbox; NULL: none. */
	struct live *(*live)(void *owner, const char *mailbox);
	/* Names of the mailboxes, from 0 on; NULL at the end. */
	const char *(*mailbox)(void *owner, int i);
	int64_t (*now)(void *owner); /* centre time */
	/* False: there is no such mailbox. */
	bool (*box)(void *owner, const char *name, struct maildesk_box *out);
	/* Do mails come on this channel (its index)? */
	bool (*is_mail)(void *owner, int channel);
	/* Is it one of our own addresses? */
	bool (*is_ours)(void *owner, const char *address);
	void *owner;
	const unsigned char *ticket_secret; /* TICKET_SECRET bytes */
};

/* NULL with the reason logged. */
struct maildesk *maildesk_create(const struct maildesk_parts *parts) USHER_MUST_CHECK;
void maildesk_destroy(struct maildesk *desk);
/* Can the relay be used, with its files as they are? False with the reason in error. */
bool maildesk_check(const struct mailout_settings *settings, char *error, size_t room);
/* Takes a reference. False with the reason in error: the relay cannot be used, the one
 * before stays. */
bool maildesk_configure(struct maildesk *desk, struct mailout_settings *settings,
	char *error, size_t room) USHER_MUST_CHECK;

void maildesk_event(void *owner, const struct event *event); /* for router_listen() */

extern const struct rpc_command maildesk_commands[];
extern const int maildesk_n_commands;

struct outbox *maildesk_outbox(struct maildesk *desk);

/*
 * maildesk_hold_ms - before a mail is handed to the router: how long its contact is held
 * (submission's held_until) since it may be answered without an agent; 0: not at all.
 */
int64_t maildesk_hold_ms(struct maildesk *desk, const struct mail *mail);

/* Erasure: drafts, mails and verdicts of these contacts are not at hand any more; in
 * Redis, intake/mail_erase.h removes them. Where they were kept for long enough alone,
 * mails that have still to leave stay, and of a verdict what proves its response. */
void maildesk_forget(struct maildesk *desk, const struct subject *subject);

/* A matcher is new: it is told what it has to know before its library is read. */
void maildesk_new_live(struct maildesk *desk, const char *mailbox, struct live *live);

/* A mail joined a contact that is there. */
void maildesk_joined(struct maildesk *desk, const struct mail *mail, uint64_t contact);

/* A bounce of a mail of ours came in. */
void maildesk_bounced(struct maildesk *desk, const char *message_id, const char *said);

/* Prometheus text of the outbox and the answers, added. */
void maildesk_metrics(const struct maildesk *desk, struct text *out);

#endif
