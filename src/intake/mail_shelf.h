/*
 * intake/mail_shelf.h - the matcher of each mailbox (suggest/live.h), by its name.
 *
 * Mails are ranked on worker threads while the settings are read anew: whoever works with
 * a matcher holds it, and one that the settings replaced lives until nobody does.
 */
#ifndef USHER_INTAKE_MAIL_SHELF_H
#define USHER_INTAKE_MAIL_SHELF_H

#include "intake/mail.h"
#include "model/mailbox.h"
#include "suggest/live.h"

struct mail_shelf;

/* What the library's rules do to a mail besides ranking. */
struct mail_effects {
	char queue[ID_MAX + 1]; /* "": no rule names one */
	int n_skills;
	char skill[PROPOSE_SKILLS_MAX][ID_MAX + 1];
};

struct mail_shelf *mail_shelf_create(const char *state_dir);
void mail_shelf_destroy(struct mail_shelf *shelf);

/*
 * fn is called for each matcher that is made, before its library is read: edited
 * responses and verdicts that it has to know. On the loop's thread; before the first
 * configure.
 */
void mail_shelf_on_new(struct mail_shelf *shelf,
	void (*fn)(void *owner, const char *mailbox, struct live *live), void *owner);

/* Makes the matchers of the settings' mailboxes and reads their libraries again. One with
 * mistakes keeps what it had, and the log says them. On the loop's thread. */
void mail_shelf_configure(struct mail_shelf *shelf, const struct mail_settings *settings);

/* The matcher of a mailbox; on the loop's thread, borrowed until it turns. NULL: none. */
struct live *mail_shelf_live(struct mail_shelf *shelf, const char *mailbox);

/* The same for other threads: held until it is given back. */
struct live *mail_shelf_hold(struct mail_shelf *shelf, const char *mailbox);
void mail_shelf_release(struct mail_shelf *shelf, struct live *live);

/* Fills mail->suggest by its subject, text, sender and language. From any thread. */
void mail_shelf_propose(struct mail_shelf *shelf, const char *mailbox, struct mail *mail,
	struct mail_effects *effects);

#endif
