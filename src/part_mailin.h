/* part_mailin.h - mail coming in, as its neighbours among the parts need it. */
#ifndef USHER_PART_MAILIN_H
#define USHER_PART_MAILIN_H

#include "intake/mail_in.h"
#include "usher.h"

bool part_mailin_open(struct usher *u) USHER_MUST_CHECK;
bool part_mailin_listen(struct usher *u) USHER_MUST_CHECK;
void part_mailin_configure(struct usher *u);
void part_mailin_close(struct usher *u);

/* Borrowed; from part_mailin_open() to part_mailin_close(). */
struct mail_in *part_mailin_in(struct usher *u);
struct mail_shelf *part_mailin_shelf(struct usher *u);
/* Where LMTP is listened on, for the line of readiness: the caller's; NULL: nowhere. */
char *part_mailin_lmtp(const struct usher *u);

#endif
