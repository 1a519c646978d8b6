/*
 * intake/mail_in.h - a mail becomes a contact, or joins one.
 *
 *   arrival -> worker: taken apart, redacted, judged, files kept (fsync), proposals
 * ranked
 *           -> which case? (Redis) -> a contact of it is live: join it; else: a new
 * contact
 *           -> committed -> answered
 *
 * "Taken" is answered after the commit only; what cannot be kept is asked for again later
 * (RELIABILITY I1, I9, I17). The same mail twice, into the same mailbox, is one contact.
 */
#ifndef USHER_INTAKE_MAIL_IN_H
#define USHER_INTAKE_MAIL_IN_H

#include "base/blob.h"
#include "base/people.h"
#include "base/side.h"
#include "intake/mail_index.h"
#include "intake/mail_shelf.h"
#include "intake/mail_work.h"
#include "intake/ticket.h"
#include "model/mailbox.h"
#include "route/router.h"

#define MAIL_ARRIVALS_MAX 512 /* mails in hand; more are asked for again later */
#define MAIL_HELD_MAX (INT64_C(256) << 20) /* their bytes */

struct event_base;
struct mail_in;

enum mail_taken {
	MAIL_TAKEN,   /* committed */
	MAIL_LATER,   /* not kept; try again */
	MAIL_REFUSED, /* never */
};

/* A mail on its way in. The maker fills what stands before the line. */
struct mail_arrival {
	char *content; /* owned */
	size_t n;
	char *sender; /* owned; of the envelope; NULL: unknown */
	int n_recipients;
	char *recipient[MAIL_ROUTES_MAX]; /* owned; known addresses */
	char *mailbox;	     /* owned; NULL: by the recipients; else all go there */
	int64_t received_ms; /* centre time; 0: now */
	/* What became of it, for each recipient, once; the arrival lives until all are
	 * said and is freed then. words: borrowed; NULL: none. */
	void (*said)(void *owner, struct mail_arrival *arrival, int recipient,
		enum mail_taken taken, const char *words);
	/* The last word was said; the arrival goes. NULL: nobody asks. */
	void (*over)(void *owner, struct mail_arrival *arrival);
	void *owner;
	uint64_t tag; /* the maker's */
	/* ---- mail_in's own ---- */
	struct mail_in *mail_in;
	struct mail_work *work;
	int n_said;
	struct mail_arrival *next, **here; /* among those in hand */
};

struct mail_in_parts {
	struct event_base *base;
	struct router *router;
	struct side *side;
	struct blobs *blobs;
	struct mail_shelf *shelf;
	const struct people *people;
	const unsigned char *secret; /* TICKET_SECRET bytes; all borrowed */
	int64_t (*now)(void *owner); /* centre time */
	bool (*ready)(void *owner);  /* the store is up, and mails can be kept */
	void *owner;
};

struct mail_in *mail_in_create(const struct mail_in_parts *parts,
	struct mail_settings *settings) USHER_MUST_CHECK;
void mail_in_destroy(struct mail_in *m);
void mail_in_configure(struct mail_in *m, struct mail_settings *settings);
/* Before the loop runs. A mail of ours came back: said once that is known, which may be
 * more than once for the same report. */
void mail_in_on_bounce(struct mail_in *m,
	void (*bounced)(void *owner, const struct mail *mail), void *owner);
/* A mail is about to become a contact: what the router is told (route/submission.h) may
 * be changed. */
void mail_in_on_submit(struct mail_in *m,
	void (*submitting)(void *owner, const struct mail *mail, json_t *contact),
	void *owner);

/* A mail has joined a contact that is live, or whose end it cannot open again; one asks.
 */
void mail_in_on_join(struct mail_in *m,
	void (*joined)(void *owner, const struct mail *mail, uint64_t contact),
	void *owner);

/* Is it one of our addresses? With the mailbox it belongs to; NULL: it is not. */
const struct mailbox *mail_in_mailbox(const struct mail_in *m, const char *address);
/* Could one more mail be taken now? */
bool mail_in_ready(const struct mail_in *m);

/* Takes the arrival over; its words may be said before this returns. */
void mail_in_take(struct mail_in *m, struct mail_arrival *arrival);
void mail_arrival_free(struct mail_arrival *arrival); /* one that was not taken over */

/* To be called for each event: who serves a case is remembered. */
void mail_in_event(void *m, const struct event *event);

struct mail_index *mail_in_index(struct mail_in *m);

struct mail_in_counts {
	uint64_t taken, duplicates, joined, later, refused, automatic, redacted;
	uint64_t bytes;
	int now; /* in hand */
};
void mail_in_counts(const struct mail_in *m, struct mail_in_counts *out);

#endif
