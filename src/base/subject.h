/*
 * base/subject.h - the person whose traces are to go: what parts that keep content of
 * contacts (chats, mails, files) are told when a customer is erased (RELIABILITY I15).
 *
 * The directory of customers asks one part after the other; each removes what it keeps of
 * these contacts, and of this person where it knows him by his identities alone, and says
 * once that it is gone, or that it could not be done now. Then nothing of the directory's
 * own was removed yet and the whole is asked for again, so a part does what is left.
 */
#ifndef USHER_BASE_SUBJECT_H
#define USHER_BASE_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the form in which the directory keeps them: "email" in lower case, "phone" in E.164
 * with "+", "account" and "cookie" as they came. */
struct subject_identity {
	const char *kind, *value;
};

/* All borrowed until the part has called `gone`. */
struct subject {
	const uint64_t *contacts; /* rising; all of his that are known, over or withdrawn
				     now: none is live */
	size_t n_contacts;
	const struct subject_identity *identities;
	size_t n_identities;
};

/* Called once on the loop. gone: false: not now; a later erasure does the rest. */
typedef void (*subject_gone)(void *arg, bool gone);

bool subject_has_contact(const struct subject *subject, uint64_t contact);

/* value NULL: no. E-mail addresses are compared without case, phones by their digits
 * behind "+". */
bool subject_is_known_by(
	const struct subject *subject, const char *kind, const char *value);

#endif
