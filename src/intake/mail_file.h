/*
 * intake/mail_file.h - the mails of a case, their attachments and originals, for those
 * alone who may see the contact:
 *
 *   email.thread {contact} -> {mails, more}         what came into its case
 *   email.file {contact, blob} -> {path, token}     who may see the contact
 *   GET path with X-Usher-Token: token              within TOKEN_LIFE, as an attachment
 *
 * A file is never shown inline and never with the type that its sender gave it
 * (LIBRARIES 6).
 */
#ifndef USHER_INTAKE_MAIL_FILE_H
#define USHER_INTAKE_MAIL_FILE_H

#include "base/http.h"
#include "base/worker.h"
#include "intake/mail_in.h"

#define MAIL_FILE_TOKEN_MS 600000 /* ten minutes */

struct mail_files;

/* All borrowed. */
struct mail_files_parts {
	struct event_base *base;
	struct http_server *http;
	struct router *router;
	struct mail_index *index;
	struct blobs *blobs;
	const struct people *people;
	const unsigned char *secret; /* TICKET_SECRET bytes */
	int64_t (*now)(void *owner); /* centre time */
	void *owner;
};

/* What a file is fetched by: {"path", "token"}. Whoever asks has been found to be
 * allowed. secret: TICKET_SECRET bytes. The caller's. */
json_t *mail_file_given(
	const unsigned char *secret, int64_t now_ms, const char *blob, const char *name);

/* NULL with the reason logged. */
struct mail_files *mail_files_create(
	const struct mail_files_parts *parts) USHER_MUST_CHECK;
void mail_files_destroy(struct mail_files *files);

extern const struct rpc_command mail_file_commands[];
extern const int mail_file_n_commands;

#endif
