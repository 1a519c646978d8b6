/*
 * base/audit.h - who did what: an append-only file, each record chained to the one before
 * by SHA-256 (RELIABILITY I14, S23).
 *
 * STATE/audit/000001.jsonl and so on, a new file every AUDIT_FILE_MAX bytes, mode 600;
 * one JSON object a line. A record is written before the effect of the act is visible; a
 * thread of its own syncs the disk within a moment, so that routing never waits for it.
 * "hash" is the SHA-256 of the line's bytes in front of it, among them "prev", the hash
 * of the record before. A line that a crash cut off is closed by a record which says so.
 */
#ifndef USHER_BASE_AUDIT_H
#define USHER_BASE_AUDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/xalloc.h"

#define AUDIT_FILE_MAX (64 << 20) /* bytes; then a new file is begun */
#define AUDIT_TEXT_MAX 512	  /* bytes of one member; longer ones are cut */
#define AUDIT_HASH 65		  /* a SHA-256 in hexadecimal, with the NUL */
#define AUDIT_LINE_MAX 16384	  /* bytes of a record */

struct audit_log;

/* One act; NULL members are left out. No secrets, no content: ids, names, digests. */
struct audit_act {
	const char *who;	    /* account, agent, key, uid, or "usherd" */
	const char *role, *from;    /* from: address */
	const char *what, *object;  /* method or act, and what it is about */
	const char *detail;	    /* a few words */
	const char *before, *after; /* SHA-256 of what was changed, or short values */
	const char *outcome;	    /* done, refused, failed */
};

/*
 * audit_open - opens the chain of a state directory for writing, or begins one.
 *
 * Returns  owned by the caller; NULL with the reason logged: another process writes it,
 *          rights are too wide, the last record does not read
 */
struct audit_log *audit_open(const char *state_directory) USHER_MUST_CHECK;
void audit_close(struct audit_log *log);

/*
 * audit_write - appends one record.
 *
 * wall_ms  wall clock, Unix ms
 * Returns  false: it could not be written (logged); the act must not take place
 */
bool audit_write(struct audit_log *log, const struct audit_act *act,
	int64_t wall_ms) USHER_MUST_CHECK;

/* SHA-256 of a text as hexadecimal; for before and after. NULL text: of nothing. */
void audit_digest(char out[AUDIT_HASH], const char *text);

/* ---- reading; nobody needs to write meanwhile ---- */

struct audit_report {
	int64_t records, files;
	int64_t first, last;   /* numbers of records; 0: none */
	char head[AUDIT_HASH]; /* hash of the last one; keep it elsewhere */
	char wrong[300]; /* the first fault, with file and line; "": the chain holds */
	int64_t torn;	 /* lines cut off by a crash and closed by a record */
	bool anchored;	 /* the hash asked for is in the chain */
};

/*
 * audit_verify - walks the chain of a state directory.
 *
 * anchor   a hash kept elsewhere that must be in it; NULL: none
 * each     gets every record that holds, borrowed; NULL: nobody
 * Returns  false when the folder cannot be read at all; then `wrong` says why
 */
bool audit_verify(const char *state_directory, const char *anchor,
	void (*each)(void *owner, json_t *record), void *owner,
	struct audit_report *out) USHER_MUST_CHECK;

#endif
