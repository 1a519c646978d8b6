/*
 * history/said.h - what was said in contacts, kept with their records: the lines of chats
 * and the ratings that customers give there.
 */
#ifndef USHER_HISTORY_SAID_H
#define USHER_HISTORY_SAID_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "history/history.h"

/* Lines of a contact on their way into its record. */
struct said {
	uint64_t contact;
	/* Array of {seq, at (Unix ms), from, kind, name, text, code, file: {name}}; card
	 * data has left them. A reference is taken. */
	json_t *messages;
	double satisfaction; /* 0..10; NAN: none was given */
	/* Called once, on the loop. kept: false: not now (the database is away, or the
	 * record is not there yet); the same lines may be given again. Lines of a
	 * customer who was erased or forgotten are dropped: that is `kept` too. */
	void (*done)(void *owner, uint64_t tag, bool kept);
	void *owner;
	uint64_t tag;
};

/* Each line is kept once, however often it is given. */
void said_keep(struct history *history, const struct said *said);

/*
 * satisfaction_keep - one answer about a contact, within a job: joins contact, agent,
 * queue and, by an attribute, the customer.
 *
 * contact  in the tables; party 0: nobody is known
 * source   "survey", "chat"
 * key      names the answer: a second one with it changes nothing
 * at_ms    wall clock
 * Returns  false: there was one already
 */
bool satisfaction_keep(struct database_session *s, int64_t contact, int64_t party,
	double satisfaction, const char *source, const char *key, int64_t at_ms);

/* Lines of a record behind seq `after`, at most so many and as many as fit a message, as
 * they are shown. all: also what staff said among themselves; more: there are more. */
json_t *said_read(struct database_session *s, int64_t contact, int64_t after, int most,
	bool all, bool *more);

#endif
