/*
 * intake/mail.h - a mail as it was understood, and as the payload of its contact:
 *
 *   {"mail": {"mailbox": "support", "recipient": "help@desk.example",
 *     "message_id": "m1@cust.example", "envelope_from": "ann@cust.example",
 *     "from": {"name": "Ann", "address": "ann@cust.example"}, "reply_to": {...},
 *     "to": [{...}], "cc": [{...}], "subject": "Where is my order?",
 *     "date": "2026-11-22T09:40:00.000Z", "received": "2026-11-22T09:40:02.120Z",
 *     "in_reply_to": ["..."], "references": ["..."],
 *     "thread": {"case": "c0000g0000001", "by": "references", "answers":
 * "...@desk.example", "earlier": [{"at", "from", "subject", "text"}]}, "text": "...",
 * "rest": "> ...", "html": false, "cut": false, "whole": "BLOB", "attachments": [{"name":
 * "scan.pdf", "type": "application/pdf", "bytes": 1234, "blob": "BLOB"}], "original":
 * "BLOB", "redacted": 0, "language": "en", "questions": 1, "automatic": {"kind":
 * "vacation", "why": "Auto-Submitted: auto-replied"}, "bounce": {"of":
 * "...@desk.example", "recipient": "...", "status": "5.1.1", "said": "550 no such user"},
 * "to_us": true, "proven": "pass", "hops": 3, "suggest": {"proposals": [{"id":
 * "order-late", "title": "...", "p": 0.93, "why": "rule \"late\", order, where is"}],
 *       "none": 0.02, "never_automatic": false, "library": "1a2b...", "model": 7}}}
 *
 * Members that say nothing (empty lists, unknown values, false) are left out. Message-IDs
 * are without angle brackets. All text is UTF-8 without control characters but line ends
 * (LF) and tabs; card data is already redacted. A first mail has no "thread": the case is
 * then the contact itself.
 *
 * Pure.
 */
#ifndef USHER_INTAKE_MAIL_H
#define USHER_INTAKE_MAIL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/text.h"
#include "suggest/propose.h"

#define MAIL_MESSAGE_ID_MAX 250 /* bytes; a longer one is replaced by its hash */
#define MAIL_ADDRESS_MAX 254	/* bytes (RFC 5321 4.5.3.1) */
#define MAIL_NAME_MAX 128	/* bytes of a display name */
#define MAIL_SUBJECT_MAX 998	/* bytes */
#define MAIL_PEOPLE_MAX 32	/* of each of to, cc; further ones are not listed */
#define MAIL_REFERENCES_MAX 32	/* the first and the latest are kept */
#define MAIL_TEXT_MAX 49152	/* bytes of text in the payload; cut beyond it */
#define MAIL_REST_MAX 24576	/* the same of what was taken off it */
#define MAIL_FILES_MAX 64	/* attachments; further ones lie in the original alone */
#define MAIL_FILE_NAME_MAX 200	/* bytes */
#define MAIL_WHY_MAX 200	/* bytes of a reason */

/* A zeroed one is nobody. */
struct mail_person {
	char *name;    /* owned; NULL: none */
	char *address; /* owned; "local@domain", domain in lower case; NULL: none */
};

struct mail_people {
	int n;
	struct mail_person list[MAIL_PEOPLE_MAX];
};

struct mail_ids {
	int n;
	char *list[MAIL_REFERENCES_MAX]; /* owned */
};

struct mail_file {
	char *name, *type; /* owned; name: "" when it has none */
	int64_t bytes;
	char blob[BLOB_NAME];
};

/* What a mail is if no person wrote it to us; none of these is answered automatically. */
enum mail_automatic {
	MAIL_BY_PERSON,
	MAIL_BOUNCE,   /* a delivery report, or the null return path */
	MAIL_VACATION, /* somebody else's automatic answer */
	MAIL_LIST,
	MAIL_BULK,
	MAIL_MACHINE,  /* from an address that nobody reads, or marked as spam */
	MAIL_LOOP,     /* has passed here already, or is our own */
	MAIL_SUPPRESS, /* maybe a person, who asks for no automatic answer */
	MAIL_AUTOMATICS
};
extern const char *const mail_automatic_name[MAIL_AUTOMATICS];

/* By what a mail was found to belong to a case. */
enum mail_thread {
	MAIL_NO_THREAD,
	MAIL_BY_REFERENCES, /* In-Reply-To or References name a mail of ours */
	MAIL_BY_TOKEN,	    /* the case token in the subject (intake/case_token.h) */
	MAIL_BY_BOUNCE,	    /* the report names a mail of ours */
	MAIL_THREADS
};
extern const char *const mail_thread_name[MAIL_THREADS];

/* What the trusted border says about the sender (Authentication-Results). */
enum mail_proof {
	MAIL_UNPROVEN, /* nobody trusted says anything */
	MAIL_PASS,
	MAIL_FAIL,
	MAIL_PROOFS
};
extern const char *const mail_proof_name[MAIL_PROOFS];

struct mail_bounce {
	char *of;	 /* Message-ID of what came back; NULL: unknown */
	char *recipient; /* who did not get it; NULL: unknown */
	char *status;	 /* "5.1.1"; NULL: unknown */
	char *said;	 /* the other server's words; NULL: none */
};

struct mail_proposal {
	char *id, *title, *why; /* owned; of the response */
	double p;		/* 0..1 */
};

struct mail_suggest {
	int n; /* proposals, the likeliest first; 0: none */
	struct mail_proposal list[PROPOSALS_MAX];
	double none; /* probability that nothing fits */
	bool never_automatic;
	char *library; /* owned; which state of the library; NULL: there was none */
	int model;     /* its version; 0: nothing was learnt */
};

/* A zeroed struct is an empty mail. Texts are owned; NULL: not known. */
struct mail {
	char *mailbox;	     /* name in the settings */
	char *recipient;     /* of the envelope */
	char *message_id;    /* never NULL once read */
	char *envelope_from; /* "": the null path; NULL: unknown (IMAP) */
	struct mail_person from, reply_to;
	struct mail_people to, cc;
	char *subject;
	int64_t date_ms, received_ms; /* Unix ms; 0: unknown */
	struct mail_ids in_reply_to, references;
	enum mail_thread thread;
	char *case_id;	 /* contact id of the case's first contact */
	char *answers;	 /* our Message-ID that it answers */
	json_t *earlier; /* owned; the latest mails of the case before it, in brief; NULL
			  */
	char *text;	 /* without quotations and signature */
	char *rest;	 /* what was taken off */
	bool html;	 /* the text was made of HTML */
	bool cut;	 /* text or rest are longer than is shown: see whole, original */
	char whole[BLOB_NAME];	  /* the whole redacted text; "": as shown */
	char original[BLOB_NAME]; /* as it came; "": not kept, since it held card data */
	int redacted;		  /* pieces of card data taken out */
	int n_files;
	struct mail_file *files;      /* owned */
	char language[WORD_LANG_MAX]; /* "": unknown */
	int questions;
	enum mail_automatic automatic;
	char *automatic_why;
	struct mail_bounce bounce; /* when automatic is MAIL_BOUNCE */
	bool to_us;		   /* an address of ours stands in To or Cc */
	enum mail_proof proven;
	int hops; /* Received fields */
	struct mail_suggest suggest;
};

void mail_finish(struct mail *mail); /* a zeroed struct is fine */

/* The payload; the caller's. */
json_t *mail_to_json(const struct mail *mail);
/* The other way, from a contact's payload. False: it holds no mail; *out is then empty.
 */
bool mail_from_json(const json_t *payload, struct mail *out) USHER_MUST_CHECK;

#define MAIL_BRIEF_TEXT 600 /* bytes of text of a mail in brief */
/* A mail of a thread in brief: {"at", "from", "subject", "text"}. The caller's. */
json_t *mail_brief(
	const char *at, const char *from, const char *subject, const char *text);
/* Puts a text that is cut, at the end of a character, to `most` bytes; none that is empty
 * or NULL. */
void mail_put_cut(json_t *to, const char *name, const char *text, size_t most);

/* Address of whom a person answers: reply_to, else from; NULL: nobody. */
const char *mail_answer_address(const struct mail *mail);

#endif
