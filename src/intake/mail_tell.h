/*
 * intake/mail_tell.h - what is kept of a customer's mails, for his export: those that
 * came in, those that left, their files, drafts, and what agents said of proposals. What
 * erasure finds (intake/mail_erase.h) is told.
 */
#ifndef USHER_INTAKE_MAIL_TELL_H
#define USHER_INTAKE_MAIL_TELL_H

#include "base/subject.h"
#include "intake/mail_index.h"

/*
 * mail_tell - a page of it.
 *
 * index    borrowed until the page is answered
 * secret   TICKET_SECRET bytes, likewise: by which files are fetched (mail_file_given)
 * now_ms   centre time
 * page     answered once, maybe before this returns
 */
void mail_tell(struct mail_index *index, const unsigned char *secret, int64_t now_ms,
	struct subject_page *page);

#endif
