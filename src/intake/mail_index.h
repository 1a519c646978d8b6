/*
 * intake/mail_index.h - which mails are known, to which case they belong, who has it:
 * kept in Redis beside the routing keys (base/side.h).
 *
 *   mail:in:HASH      a mail came into a mailbox: "contact ID", or "joined ID" while
 * nobody has looked whether that contact was still live mail:id:HASH      a Message-ID
 * that came in: "CASE ADDRESS", the sender's mail:thread:CASE  list of the mails that
 * came into a case, as JSON, the oldest first mail:case:CASE    hash: the case's latest
 * contact, and the agent who had it last mail:of:CONTACT   the case of a contact that is
 * not its case's first
 *
 *   mail:file:BLOB    set: the contacts whose mails name a file; mail:files:CONTACT the
 * other way round
 *
 * Mails that left here are known by intake/outbox.h (out:ID); their Message-IDs carry
 * case and id.
 */
#ifndef USHER_INTAKE_MAIL_INDEX_H
#define USHER_INTAKE_MAIL_INDEX_H

#include "base/side.h"
#include "intake/mail.h"

#define MAIL_INDEX_KEY 65     /* bytes of a name of a key's last part, with the NUL */
#define MAIL_THREAD_TEXT 4096 /* bytes of each mail's text in a thread's list */

struct mail_index;

/* All borrowed. threads_ms: how long a mail is known. */
struct mail_index *mail_index_create(struct side *side, int64_t threads_ms);
void mail_index_configure(struct mail_index *index, int64_t threads_ms);
void mail_index_destroy(struct mail_index *index);

/* ---- what is known ---- */

struct mail_found {
	bool known;	  /* false: Redis is away, or was lost meanwhile */
	bool came_before; /* into this mailbox */
	bool settled;	  /* and is a contact without doubt */
	uint64_t contact; /* that contact; 0 */
	enum mail_thread by;
	char case_id[NUMBER_ID_TEXT];	       /* "": in no case */
	char answers[MAIL_MESSAGE_ID_MAX + 1]; /* our mail; "" */
	bool own;		/* the mail's own Message-ID is one that left here */
	uint64_t case_contact;	/* the case's latest; 0: not known */
	char agent[ID_MAX + 1]; /* who had the case last; "" */
	json_t *earlier; /* borrowed for the call: the case's latest mails in brief, the
			    oldest first; NULL: none */
};

typedef void (*mail_found_fn)(void *owner, uint64_t tag, const struct mail_found *found);

/*
 * mail_index_find - to which case does a mail belong, and was it here before?
 *
 * mailbox     into which it comes
 * mail        its ids, sender, bounce; borrowed for the call
 * token_case  the case that the subject's token names; "": none
 * fn          called once, maybe before this returns
 */
void mail_index_find(struct mail_index *index, const char *mailbox,
	const struct mail *mail, const char *token_case, mail_found_fn fn, void *owner,
	uint64_t tag);

/* ---- what becomes known ---- */

/* The mail is a contact of this case. Nobody waits for it: what is lost with it is that
 * answers to the customer's own mail find the case. */
void mail_index_note(struct mail_index *index, const char *mailbox,
	const struct mail *mail, const char *case_id, uint64_t contact);

enum mail_joined {
	MAIL_JOINED,
	MAIL_JOINED_BEFORE, /* the same mail, and it is settled */
	MAIL_JOINED_MAYBE,  /* the same mail, and nobody has looked */
	MAIL_JOIN_UNKNOWN   /* Redis is away or was lost */
};
typedef void (*mail_joined_fn)(void *owner, uint64_t tag, enum mail_joined joined);

/* The mail joins a contact. fn: called once, maybe before this returns. */
void mail_index_join(struct mail_index *index, const char *mailbox,
	const struct mail *mail, const char *case_id, uint64_t contact, mail_joined_fn fn,
	void *owner, uint64_t tag);
/* That contact was live after it: the same mail is a duplicate from now on. */
void mail_index_settle(struct mail_index *index, const char *mailbox,
	const struct mail *mail, uint64_t contact);

/* An agent has the case's contact now. */
void mail_index_served(struct mail_index *index, const char *case_id, const char *agent,
	uint64_t contact);

/* ---- erasure ---- */

/* All that Redis keeps of the mails of contacts whose customer is erased, or which were
 * kept for long enough: what came in, what left, drafts, verdicts. */
struct mail_index_erasure {
	const uint64_t *contacts; /* rising; borrowed until done */
	size_t n;
	bool by_time; /* kept for long enough: what has still to leave stays, and verdicts
		       */
	const char *const *mailboxes; /* names, ended by NULL; borrowed for the call: into
					 which the mails may have come */
	/* Called for each file that no other contact's mail names, before done; NULL:
	 * nobody asks. */
	void (*file)(void *owner, const char *name);
	/* Called once, maybe before the call returns; false: Redis is away, or was lost
	 * meanwhile, and something may be left: erase them again. */
	void (*done)(void *owner, bool gone);
	void *owner;
};
/* Names the files alone, which go first: what is gone from Redis names none any more. */
void mail_index_look(struct mail_index *index, const struct mail_index_erasure *erasure);
void mail_index_erase(struct mail_index *index, const struct mail_index_erasure *erasure);

/* ---- the thread ---- */

/* The mails of a case that came in, as a list of JSON objects, the oldest first: {"at",
 * "contact", "message_id", "from", "subject", "text", "attachments", ...}. fn gets NULL
 * when Redis is away; it owns nothing. False: Redis is away, fn is not called. */
bool mail_index_thread(struct mail_index *index, const char *case_id,
	void (*fn)(void *owner, uint64_t tag, const json_t *list), void *owner,
	uint64_t tag) USHER_MUST_CHECK;

/* A mail as an entry of that list; the caller's. */
json_t *mail_thread_entry(const struct mail *mail, uint64_t contact);

#endif
