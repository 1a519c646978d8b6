/*
 * intake/mail_judge.h - did a person write this to us? Automatic mail is recognised by
 * its envelope and header (RFC 3834, RFC 5230, and what mail servers do), never by its
 * body alone; and what our own border says about the sender is read. Pure.
 */
#ifndef USHER_INTAKE_MAIL_JUDGE_H
#define USHER_INTAKE_MAIL_JUDGE_H

#include "intake/mime.h"

#define MAIL_HOPS_MAX 50 /* Received fields; more is a loop */

/* Who we are; borrowed. */
struct mail_us {
	int n_addresses;
	const char *const *addresses; /* "help@desk.example", of all mailboxes */
	int n_servers;
	const char *const *servers; /* whose Authentication-Results are believed */
};

/*
 * mail_judge - fills automatic, automatic_why, bounce, to_us and proven.
 *
 * mail    with envelope_from and what mime_head() has filled
 */
void mail_judge(const struct mime *mime, const struct mail_us *us, struct mail *mail);

/* Is it one of our addresses, also with a "+tag"? Letters' case does not matter. */
bool mail_is_ours(const struct mail_us *us, const char *address);
/* The same for two addresses: equal but for case and the tag of `given`. */
bool mail_same_address(const char *own, const char *given);

#endif
