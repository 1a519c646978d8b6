/*
 * base/subject.h - a person, as parts that keep content of contacts (chats, mails, files)
 * are asked about him: to tell what they keep (his export), and to remove it (his
 * erasure, RELIABILITY I15).
 *
 * The directory of customers asks one part after the other. To forget, each removes what
 * it keeps of these contacts, and of this person where it knows him by his identities
 * alone, and says once that it is gone, or that it could not be done now. Then nothing of
 * the directory's own was removed yet and the whole is asked for again, so a part does
 * what is left. What was kept for long enough (retention) goes by the same door. To tell,
 * each adds records to a page, and says where the next one begins.
 */
#ifndef USHER_BASE_SUBJECT_H
#define USHER_BASE_SUBJECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

/* In the form in which the directory keeps them: "email" in lower case, "phone" in E.164
 * with "+", "account" and "cookie" as they came. */
struct subject_identity {
	const char *kind, *value;
};

/* All borrowed until the part has answered. */
struct subject {
	const uint64_t *contacts; /* rising; all of his that are known. To forget: none is
				     live, what waited is withdrawn */
	size_t n_contacts;
	const struct subject_identity *identities;
	size_t n_identities;
	/* To forget: he is not erased, these contacts were kept for long enough. What a
	 * part still needs of one that is over (a mail that has to leave) it keeps. */
	bool by_time;
};

/* Called once on the loop. gone: false: not now; a later erasure does the rest. */
typedef void (*subject_gone)(void *arg, bool gone);

bool subject_has_contact(const struct subject *subject, uint64_t contact);
/* Brings contacts into the order of a subject, each once. Returns how many there are. */
size_t subject_sort(uint64_t *contacts, size_t n);
/* Index of the first contact behind that one; n_contacts at the end. */
size_t subject_behind(const struct subject *subject, uint64_t contact);

/* value NULL: no. E-mail addresses are compared without case, phones by their digits
 * behind "+". */
bool subject_is_known_by(
	const struct subject *subject, const char *kind, const char *value);

/* ---- what is told of him ---- */

#define SUBJECT_PLACE 64	      /* bytes of a part's place, with the NUL */
#define SUBJECT_RECORD_MAX (96 << 10) /* bytes of one record as JSON; more is cut up */
#define SUBJECT_PIECE (24 << 10)      /* bytes of a piece of one */

enum subject_told {
	SUBJECT_ALL,  /* there is nothing behind this page */
	SUBJECT_MORE, /* there may be; the page may be empty */
	SUBJECT_LATER /* Redis is away, or not all was read back yet */
};

/* A page of what one part keeps of him. Its owner is who asks; a part has it until it has
 * called `told`, once, on the loop, now or later. */
struct subject_page {
	const struct subject *subject;
	/* Behind which the page begins, and, moved on by the part, the next one; its own
	 * text, "" at first. */
	char place[SUBJECT_PLACE];
	size_t room, used; /* bytes of JSON, about: what fills it is still in it */
	json_t *records;   /* owned; list of objects with a member "kind" */
	void (*told)(struct subject_page *page, enum subject_told told);
};

void subject_add(struct subject_page *page, json_t *record); /* stolen; short ones */
/*
 * subject_add_long - adds a record of any size.
 *
 * One that is larger than SUBJECT_RECORD_MAX is told in pieces, {"kind": "piece", "of":
 * its kind, "n": 0.., "text", "last": true with the last}: their texts, one behind the
 * other, are its JSON.
 *
 * record   stolen
 * pieces   how many of its pieces earlier pages had; moved on, or 0 when all is told
 * Returns  false: the page is full, and the same record goes on with the next one
 */
bool subject_add_long(
	struct subject_page *page, json_t *record, unsigned *pieces) USHER_MUST_CHECK;
bool subject_is_full(const struct subject_page *page);
/* A moment in words, unless it is 0. */
void subject_set_moment(json_t *record, const char *name, int64_t ms);
/* {"kind": kind, "contact": "c..."}; contact 0: none yet. The caller's. */
json_t *subject_record(const char *kind, uint64_t contact);

#endif
