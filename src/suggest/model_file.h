/*
 * suggest/model_file.h - a learner as a file, and the versions of it in a folder.
 *
 * A file is written beside its place, flushed to the disk, and only then renamed, so that
 * a crash leaves the old one. It carries a checksum: a torn file is never loaded. It
 * holds weights by hashed features, labels and counts, and no text of any mail.
 *
 * Versions are NAME.NNNNNN.model, counted upwards; the newest that can be read is in use.
 * One that was rolled back becomes NAME.NNNNNN.rejected, and its number is not used
 * again.
 */
#ifndef USHER_SUGGEST_MODEL_FILE_H
#define USHER_SUGGEST_MODEL_FILE_H

#include <stdio.h>

#include "suggest/learner.h"

#define MODEL_VERSIONS_KEPT 5
#define MODEL_PROBLEM 256 /* bytes of a message */

/*
 * model_save - writes the learner to path, all of it or nothing.
 *
 * problem  filled when false: a sentence
 */
bool model_save(const struct learner *l, const char *path,
	char problem[MODEL_PROBLEM]) USHER_MUST_CHECK;

/* The learner of a file; owned by the caller. NULL: there is none that can be trusted,
 * see problem. */
struct learner *model_load(
	const char *path, char problem[MODEL_PROBLEM]) USHER_MUST_CHECK;

/* The same on an open stream. */
bool model_write(const struct learner *l, FILE *f) USHER_MUST_CHECK;
struct learner *model_read(FILE *f, char problem[MODEL_PROBLEM]) USHER_MUST_CHECK;

/* ---- versions ---- */

/*
 * shelf_save - saves as the next version and removes those beyond MODEL_VERSIONS_KEPT.
 *
 * folder   made if it is not there
 * name     of mailbox and language, an id (base/text.h)
 * Returns  the version's number; 0: not saved, see problem
 */
int shelf_save(const struct learner *l, const char *folder, const char *name,
	char problem[MODEL_PROBLEM]) USHER_MUST_CHECK;

/* The newest version that can be read, its number in *version; what cannot be read is
 * logged and left. NULL: there is none. */
struct learner *shelf_load(
	const char *folder, const char *name, int *version) USHER_MUST_CHECK;

/* Rejects the newest version, so that the one before is loaded next. Returns the number
 * of that one; 0: there is none, and nothing was rejected. */
int shelf_roll_back(const char *folder, const char *name);

#endif
