/*
 * intake/mail_erase.h - mails of erased customers, and those that were kept for long
 * enough: their files, then all that Redis keeps of them (RELIABILITY I15). What one part
 * of it cannot do now, the next erasure does.
 *
 *   files that are named --> removed on a worker --> Redis --> gone
 */
#ifndef USHER_INTAKE_MAIL_ERASE_H
#define USHER_INTAKE_MAIL_ERASE_H

#include "base/blob.h"
#include "base/subject.h"
#include "intake/mail_index.h"
#include "model/mailbox.h"

struct event_base;
struct mail_eraser;

/* All borrowed. NULL: no thread is to be had. */
struct mail_eraser *mail_eraser_create(struct event_base *base, struct mail_index *index,
	struct blobs *blobs) USHER_MUST_CHECK;
/* Before the index; those who wait are told that it is not done. NULL is fine. */
void mail_eraser_destroy(struct mail_eraser *eraser);

/*
 * mail_erase - takes away what is kept of these contacts' mails.
 *
 * settings  their mailboxes are where the mails came in
 * subject   its contacts: none is live; copied
 * done      called once on the loop, maybe before this returns; false: not all could be
 *           removed now
 */
void mail_erase(struct mail_eraser *eraser, const struct mail_settings *settings,
	const struct subject *subject, void (*done)(void *owner, bool gone), void *owner);

#endif
