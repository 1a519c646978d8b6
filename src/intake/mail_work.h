/* intake/mail_work.h - what a worker thread does to a mail: everything but deciding where
 * it goes. */
#ifndef USHER_INTAKE_MAIL_WORK_H
#define USHER_INTAKE_MAIL_WORK_H

#include "intake/mail_judge.h"
#include "intake/mail_shelf.h"
#include "model/mailbox.h"

#define MAIL_ROUTES_MAX 100    /* recipients of one mail */
#define MAIL_WORK_BOXES_MAX 16 /* mailboxes that one mail goes to */

/* A mail for one mailbox. */
struct mail_copy {
	const struct mailbox *box;    /* borrowed from the settings */
	const char *recipient;	      /* borrowed; the first that led here */
	bool routes[MAIL_ROUTES_MAX]; /* the recipients that lead here */
	struct mail_suggest suggest;
	struct mail_effects effects;
};

struct mail_work {
	/* for the worker; borrowed, and kept by the owner until it is done */
	struct blobs *blobs;
	struct mail_shelf *shelf;
	struct mail_settings *settings; /* a reference, given back by mail_work_free() */
	const char *content;
	size_t n;
	const char *sender; /* NULL: unknown */
	int64_t received_ms;
	/* what it makes */
	struct mail mail;
	int n_copies;
	struct mail_copy copy[MAIL_WORK_BOXES_MAX];
	bool kept; /* false: files could not be kept */
	char problem[BLOB_PROBLEM];
};

/* Blocks: parsing, the disk. */
void mail_work_do(struct mail_work *work);
void mail_work_free(struct mail_work *work);

/* work->mail is what the mailbox of that copy sees, until another is picked: mailbox,
 * recipient and suggest are borrowed from the copy. */
void mail_work_pick(struct mail_work *work, int copy);

/* The same without files and proposals, to look at what is made of a mail. */
void mail_understand(const char *content, size_t n, const char *sender,
	const struct mail_us *us, struct mime *mime, struct mail *mail,
	struct text *whole);

#endif
