/* intake/mail_contact.h - a mail as the router is told of it (route/submission.h): queue
 * and skills by the library's rules, else the mailbox's queue; attributes for rules; the
 * mail itself as the payload. */
#ifndef USHER_INTAKE_MAIL_CONTACT_H
#define USHER_INTAKE_MAIL_CONTACT_H

#include "intake/mail_index.h"
#include "intake/mail_work.h"
#include "route/events.h"
#include "route/router.h"

/* work: that copy is picked. agent: who had the case last; "": nobody. The caller's. */
json_t *mail_contact_json(const struct router *router, const struct mail_work *work,
	int copy, const char *agent);

/* An agent has the contact: if it is a mail's, its case is his from now on. */
void mail_contact_served(
	struct router *router, struct mail_index *index, const struct event *event);

#endif
