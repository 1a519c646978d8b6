/*
 * base/blob.h - files beside Redis: mails as they came, attachments, uploads. Named by
 * what is in them.
 *
 *   STATE/blobs/ab/cdef...   the rest of the 64 hex digits of SHA-256 of the content
 *   STATE/blobs/new/...      being written; removed at the next start
 *
 * A file is written beside its place, flushed to the disk, renamed, and its folder
 * flushed: when blob_end() has returned a name, the content survives a power cut, so a
 * commit may name it. The same content twice is one file, which makes a retry cheap and
 * leaves no orphan behind: a refused mail that comes again claims what it wrote before.
 *
 * Who names a blob keeps it alive by saying so when the sweep asks (blob_keep); what
 * nobody names and nobody has written or asked for since a while goes.
 *
 * Everything here blocks on the disk and is for worker threads, unless it says otherwise;
 * several threads may use one store at once.
 */
#ifndef USHER_BASE_BLOB_H
#define USHER_BASE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

#define BLOB_NAME 65			  /* bytes of a name with the NUL */
#define BLOB_MAX (INT64_C(256) << 20)	  /* bytes of one; more is refused */
#define BLOB_PROBLEM 256		  /* bytes of a message */
#define BLOB_FREE_MIN (INT64_C(64) << 20) /* bytes of the disk that are left to Redis */

struct blobs;

/*
 * blobs_open - the store of a state directory; made if it is not there.
 *
 * Returns  owned by the caller; NULL with a sentence in problem
 */
struct blobs *blobs_open(
	const char *state_dir, char problem[BLOB_PROBLEM]) USHER_MUST_CHECK;
void blobs_close(struct blobs *blobs);

/* 64 lower-case hex digits; nothing else reaches the file system. Pure. */
bool blob_name_is_valid(const char *name);

/* ---- writing ---- */

struct blob_writer;

/*
 * blob_begin - a new file of at most `most` bytes (1..BLOB_MAX).
 *
 * Returns  owned by the caller until blob_end or blob_abandon; NULL with the reason in
 *          problem: the disk is full or broken
 */
struct blob_writer *blob_begin(
	struct blobs *blobs, int64_t most, char problem[BLOB_PROBLEM]) USHER_MUST_CHECK;
/* False, said by blob_end: too much, or the disk. Further calls do nothing. */
bool blob_add(struct blob_writer *w, const void *data, size_t n);
/* Makes it last and names it; w is gone. False with the reason: nothing was kept. */
bool blob_end(struct blob_writer *w, char name[BLOB_NAME],
	char problem[BLOB_PROBLEM]) USHER_MUST_CHECK;
void blob_abandon(struct blob_writer *w); /* NULL is fine */

/* The three above for content that is at hand. */
bool blob_put(struct blobs *blobs, const void *data, size_t n, char name[BLOB_NAME],
	char problem[BLOB_PROBLEM]) USHER_MUST_CHECK;

/* ---- reading and removing ---- */

/* A descriptor to read from, the caller's, and the size; -1: no such blob. Does not
 * wait for the disk beyond the open itself, so the loop may call it. */
int blob_open(const struct blobs *blobs, const char *name, int64_t *size);
/* The content, NUL-terminated, the caller's; NULL: none such, or more than `most` bytes.
 */
char *blob_read(const struct blobs *blobs, const char *name, size_t most, size_t *n);
/* Erasure: false when it is still there. One that is not there is gone. */
bool blob_remove(struct blobs *blobs, const char *name) USHER_MUST_CHECK;
/* Erasure of what one has named and somebody else may name too: stays where a keeper
 * still does. False when it is still there and nobody does. */
bool blob_forget(struct blobs *blobs, const char *name) USHER_MUST_CHECK;

/* ---- orphans ---- */

/* Does anybody still name this blob? Called on the thread that sweeps. */
typedef bool (*blob_keeper)(void *owner, const char *name);
/* Several may be added, before the first sweep. */
void blob_keep(struct blobs *blobs, blob_keeper fn, void *owner);

struct blob_sweep {
	int64_t seen, removed, removed_bytes;
};

/*
 * blobs_sweep - removes what was not written since before_ms (Unix ms of the wall clock)
 * and no keeper names.
 */
struct blob_sweep blobs_sweep(struct blobs *blobs, int64_t before_ms);

#endif
