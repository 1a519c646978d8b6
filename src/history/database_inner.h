/* history/database_inner.h - what database.c and database_sqlite.c share: the back end as
 * seen by the threads. */
#ifndef USHER_HISTORY_DATABASE_INNER_H
#define USHER_HISTORY_DATABASE_INNER_H

#include "history/database.h"

enum backend_result {
	BACKEND_OK,
	BACKEND_AWAY, /* locked, full, broken: try again later */
	BACKEND_WRONG /* a constraint or a wrong statement: trying again is no use */
};

/* A connection; used by one thread at a time. NULL with a sentence in error. */
struct database_session *backend_open(const struct database_settings *settings,
	bool read_only, char *error, size_t room) USHER_MUST_CHECK;
void backend_close(struct database_session *s);

/* Schema sections of one group that are newer than the file's. */
bool backend_upgrade(struct database_session *s, const struct database_group *group,
	char *error, size_t room) USHER_MUST_CHECK;

enum backend_result backend_begin(struct database_session *s, bool read_only);
enum backend_result backend_commit(struct database_session *s);
void backend_roll_back(struct database_session *s);

/* One job inside a transaction: undone as a whole when it fails. */
enum backend_result backend_job(struct database_session *s,
	bool (*work)(struct database_session *s, void *arg), void *arg, bool *kept);

/* Copies the log back and empties it; outside of transactions. False: somebody reads in
 * it; it stands as it was. */
bool backend_compact(struct database_session *s);

/* A sentence about the last failure; borrowed. */
const char *backend_why(const struct database_session *s);

#endif
