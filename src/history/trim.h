/*
 * history/trim.h - what has been kept for as long as the settings say leaves the tables,
 * a lot at a time, so that the writer is never held for long.
 */
#ifndef USHER_HISTORY_TRIM_H
#define USHER_HISTORY_TRIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/subject.h"
#include "history/database.h"
#include "model/keeping.h"

#define TRIM_LOT 500 /* contacts, or rows of another table, of one lot */

struct trim;
struct event_base;

/* All borrowed but the settings. */
struct trim_parts {
	struct event_base *base;
	struct database *db;
	int64_t (*now_ms)(void *owner); /* centre time */
	void *owner;
	const struct keeping *keeping; /* copied */
	/* What others keep of contacts is to go before their records do
	 * (customers_forget). NULL: nobody keeps anything. */
	void (*forget)(void *forget_owner, const struct subject *subject,
		subject_gone gone, void *arg);
	void *forget_owner;
};

/* Looks a minute after the start, soon after new settings, and every hour. */
struct trim *trim_create(const struct trim_parts *parts);
void trim_destroy(struct trim *trim); /* after the database; NULL is fine */
void trim_configure(struct trim *trim, const struct keeping *keeping);

/* Rows that left. */
struct trim_counts {
	int64_t contacts, events, spans, estimates, cases;
	int64_t unread; /* of the events: those that a webhook had not got */
};

/* Contacts whose records have been kept for long enough, a lot at most, within a job of
 * the database. Returns how many. */
int trim_due(struct database_session *s, const struct keeping *keeping, int64_t now_ms,
	int64_t contact[TRIM_LOT]);

/*
 * trim_lot - removes at most a lot of each kind, within a job of the database.
 *
 * now_ms   centre time
 * contact  n of them, whose records go
 * counts   added to
 * Returns  true: there may be more
 */
bool trim_lot(struct database_session *s, const struct keeping *keeping, int64_t now_ms,
	const int64_t *contact, int n, struct trim_counts *counts);

#endif
