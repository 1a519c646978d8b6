/*
 * intake/compose.h - a mail of ours as it goes over the wire, made by GMime: header
 * fields cleaned and encoded (RFC 2047), the text as UTF-8 in lines that any relay takes,
 * In-Reply-To and References, Auto-Submitted (RFC 3834) on what no person wrote.
 *
 * The same mail gives the same bytes each time, so that a second try is the same message.
 */
#ifndef USHER_INTAKE_COMPOSE_H
#define USHER_INTAKE_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mail.h"

#define COMPOSE_REFERENCES_MAX 20 /* written; the first and the latest are kept */

#define COMPOSE_FILES_MAX 64 /* of one mail */

/* A file that goes with a mail; borrowed. */
struct outgoing_file {
	const char *name; /* "" when it has none */
	const char *type; /* "application/pdf"; what is none becomes octet-stream */
	const char *data;
	size_t n;
};

/* All borrowed. Addresses are checked, texts are cleaned. Message-IDs without <>. */
struct outgoing {
	const char *from_name; /* NULL: none */
	const char *from;
	int n_to, n_cc;
	const char *const *to, *const *cc;
	const char *subject;
	const char *text; /* UTF-8, lines end with LF */
	const char *message_id;
	const char *in_reply_to; /* NULL: none */
	int n_references;
	const char *const *references; /* the oldest first */
	int n_files;		       /* 0..COMPOSE_FILES_MAX */
	const struct outgoing_file *files;
	int64_t date_ms; /* wall clock */
	bool automatic;	 /* Auto-Submitted: auto-replied */
};

/*
 * compose_mail - the message, header and all, lines ending with LF.
 *
 * fault    set when NULL is returned: a sentence, static
 * Returns  owned by the caller, *n bytes
 */
char *compose_mail(
	const struct outgoing *mail, size_t *n, const char **fault) USHER_MUST_CHECK;

/* "Re: Where is my order? [#TOKEN]": one Re:, the token once. The caller owns it. */
char *compose_reply_subject(const char *subject, const char *prefix, const char *token);

/* The text with "> " before each line, after "On DATE, NAME wrote:"; what would make it
 * longer than `most` bytes is left out. The caller owns it. */
char *compose_quote(const char *text, const char *who, int64_t date_ms, size_t most);

#endif
