/* base/audit_inner.h - what writing and reading the audit share. */
#ifndef USHER_BASE_AUDIT_INNER_H
#define USHER_BASE_AUDIT_INNER_H

#include "base/audit.h"

#define AUDIT_FOLDER "audit"
#define AUDIT_FILES_MAX 1000000 /* 000001.jsonl .. 999999.jsonl */
#define AUDIT_TORN "audit.torn" /* the act that closes a line which a crash cut off */

/* The path of file `number`; the caller owns it. */
char *audit_path(const char *state_directory, int number);
/* Lowest and highest number there; 0: none. False: the folder cannot be read (errno). */
bool audit_files(const char *state_directory, int *first, int *last) USHER_MUST_CHECK;
void audit_hash(char out[AUDIT_HASH], const char *bytes, size_t n);

/* Walks one file. */
struct audit_walk {
	struct audit_report *report;
	const char *anchor;
	void (*each)(void *owner, json_t *record);
	void *owner;
	size_t unfinished;     /* bytes behind the last line end */
	char torn[AUDIT_HASH]; /* hash of a line that does not read; "": none */
};
bool audit_walk_file(struct audit_walk *walk, const char *path) USHER_MUST_CHECK;

#endif
