/*
 * intake/imap.h - mail fetched from folders of IMAP servers, by libcurl on the loop.
 *
 *   WAITING --every--> SEARCHING --UIDs--> FETCHING --mail--> TAKING --committed-->
 * SETTLING ^                   |none                                  | |
 *      +-------------------+<--------- again, later --------------+<---- next UID ----+
 *   any --error--> WAITING, longer each time
 *
 * Mails are found by UID above the last one taken, which is kept in Redis with the
 * folder's UIDVALIDITY; so what others read or flag makes no difference. Where nothing is
 * known of a folder, or its UIDs were renumbered, the unseen ones are taken.
 */
#ifndef USHER_INTAKE_IMAP_H
#define USHER_INTAKE_IMAP_H

#include "base/side.h"
#include "intake/mail_in.h"
#include "model/mailbox.h"

struct imap;

/* All borrowed. NULL with the reason logged. */
struct imap *imap_create(
	struct event_base *base, struct mail_in *in, struct side *side) USHER_MUST_CHECK;
void imap_destroy(struct imap *imap);
/* Folders that are new begin to be looked into, others end; the same go on. */
void imap_configure(struct imap *imap, struct mail_settings *settings);

#endif
