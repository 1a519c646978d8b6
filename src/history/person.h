/* history/person.h - what an erasure takes away of a contact record: who it was, and what
 * was said. Within a job of the database only. */
#ifndef USHER_HISTORY_PERSON_H
#define USHER_HISTORY_PERSON_H

#include "history/database.h"

/* What is known while it lives; party 0, dnis NULL: not (yet). */
void person_note(
	struct database_session *s, int64_t contact, int64_t party, const char *dnis);

/* A contact that ended; what is not there is NULL. */
struct person_end {
	const char *record;  /* as Redis has it */
	const char *payload; /* what came in (JSON) */
	const char *channel;
	int64_t ended_ms;
};
void person_close(
	struct database_session *s, int64_t contact, const struct person_end *end);

#endif
