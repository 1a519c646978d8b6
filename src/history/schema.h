/* history/schema.h - the groups of tables: each has a file of its own (schema_NAME.sql),
 * embedded, with versions of its own. */
#ifndef USHER_HISTORY_SCHEMA_H
#define USHER_HISTORY_SCHEMA_H

extern const char schema_customers[]; /* schema_customers.sql */
extern const char schema_history[];   /* schema_history.sql */

#endif
