/*
 * desk/ledger.h - a small file of facts in the state directory: one JSON object a line,
 * appended and synced; later lines stand above earlier ones; rewritten whole (new file,
 * fsync, rename) when much of it is out of date.
 *
 * A last line without its end was never confirmed and is dropped. The file is the
 * daemon's alone (0600): one that group or others may read is refused.
 */
#ifndef USHER_DESK_LEDGER_H
#define USHER_DESK_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct ledger;

/*
 * ledger_open_file - opens a private file (0600) for reading and writing, made if it is
 * not there.
 *
 * Root makes it the property of who owns its folder, so that usherctl can prepare the
 * state directory of a daemon that runs under an account of its own.
 * Returns  a descriptor; -1 with errno
 */
int ledger_open_file(const char *path, int more_flags) USHER_MUST_CHECK;

/*
 * ledger_open - reads a file, or begins an empty one.
 *
 * line     gets each object in order; false: it means nothing, and is logged and skipped
 * Returns  owned by the caller; NULL with the reason logged (rights, damaged inside,
 * disk)
 */
struct ledger *ledger_open(const char *path, bool (*line)(void *owner, json_t *object),
	void *owner) USHER_MUST_CHECK;
void ledger_close(struct ledger *ledger);

/* Lines of one change, gathered first. The object is stolen. */
void ledger_add(struct text *change, json_t *object);

/* Writes the change behind what there is, and syncs it. False: nothing is kept; the
 * reason is logged. */
bool ledger_append(struct ledger *ledger, const struct text *change) USHER_MUST_CHECK;
/* Puts `all` in the place of the file's content, at once or not at all. */
bool ledger_replace(struct ledger *ledger, const struct text *all) USHER_MUST_CHECK;
/* Lines in the file; what is worth keeping may be fewer. */
size_t ledger_lines(const struct ledger *ledger);

#endif
