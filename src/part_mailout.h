/* part_mailout.h - the mail desk and mail that leaves. */
#ifndef USHER_PART_MAILOUT_H
#define USHER_PART_MAILOUT_H

#include "intake/maildesk.h"
#include "usher.h"

/* Looks whether the relay of new settings can be used; false: a problem was added. */
bool part_mailout_prepare(struct usher *u, const struct config *config,
	struct config_problems *problems) USHER_MUST_CHECK;
bool part_mailout_open(struct usher *u) USHER_MUST_CHECK; /* after part_mailin_open() */
void part_mailout_configure(struct usher *u);
/* Borrowed; while the part is open. */
struct outbox *part_mailout_outbox(struct usher *u);
/* Erasure and retention: nothing of these contacts' mails is at hand any more. */
void part_mailout_forget(struct usher *u, const struct subject *subject);
void part_mailout_close(struct usher *u); /* before part_mailin_close() */

#endif
