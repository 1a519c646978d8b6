/*
 * history/apply.h - events become contact records: what one event of the stream changes
 * in the tables of the group `history`. Within a job of the database only.
 *
 *   visit  a stay in a queue: new, transfer, overflow, moved, return -> answered or left
 *   leg    an offer to one agent: outcome, and when accepted talk, hold, wrap-up, end
 */
#ifndef USHER_HISTORY_APPLY_H
#define USHER_HISTORY_APPLY_H

#include "history/database.h"
#include "history/reader.h"
#include "model/centre.h"

#define GENERATION_BITS                                                                  \
	60 /* a contact's number in the tables: GENERATION << 60 | number */

struct apply {
	struct database_session *session;
	const struct centre *centre; /* whose agents' teams are noted */
	int64_t generation;	     /* 0..7 */
};

/* The number of a contact in the tables, and back. */
int64_t apply_contact(int64_t generation, uint64_t contact);
uint64_t apply_number(int64_t contact);
/*
 * apply_numbers - the numbers by which those beside the tables know contacts.
 *
 * Where Redis began anew, numbers came again: that of a contact of before is left out
 * when it is another's now.
 *
 * out      room for n; rising, as a subject has them
 * Returns  how many
 */
size_t apply_numbers(
	struct database_session *s, const int64_t *contacts, size_t n, uint64_t *out);

/* One event of an entry. ended: what Redis holds of a contact that ended by it; NULL. */
void apply_event(const struct apply *a, uint64_t op, const struct entry_event *e,
	const struct ended_contact *ended);

#endif
