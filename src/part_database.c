/* part_database.c - the relational store beside Redis: customers and contact records. */
#include <stdlib.h>

#include "base/log.h"
#include "history/database.h"
#include "history/schema.h"
#include "usher.h"

#define READERS 2
#define BUSY_MS 250  /* a lock of another program is waited for so long at a time */
#define RETRY_MS 500 /* between tries while it is locked, full or broken */

bool
part_database_open(struct usher *u)
{
	char *path = xasprintf("%s/history.db", u->state), error[512];
	struct database_settings settings = {.path = path,
		.readers = READERS,
		.busy_ms = BUSY_MS,
		.retry_ms = RETRY_MS};
	const struct database_group groups[] = {
		{"customers", schema_customers}, {"history", schema_history}};

	u->database = database_open(u->base, &settings, groups,
		(int)(sizeof groups / sizeof *groups), error, sizeof error);
	if (u->database == NULL)
		log_error("usherd: %s: %s", path, error);
	free(path);
	return u->database != NULL;
}

void
part_database_close(struct usher *u)
{
	database_close(u->database);
	u->database = NULL;
}
