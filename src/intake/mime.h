/*
 * intake/mime.h - a mail taken apart: header fields, the text a person wrote,
 * attachments. GMime reads; here is decided what counts, with bounds on everything.
 *
 * text/plain is preferred; HTML is made text (intake/mime_html.h) and is never kept as
 * something that could be shown. Whatever is broken in a mail, something is made of it:
 * a mail that came is a contact.
 *
 * Blocks for as long as it takes to read (about 20 MB a second), so it is for worker
 * threads. Pure besides.
 */
#ifndef USHER_INTAKE_MIME_H
#define USHER_INTAKE_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intake/mail.h"

#define MIME_DEPTH_MAX 20   /* multiparts within each other; what is deeper is a file */
#define MIME_PARTS_MAX 200  /* further ones are in the original only */
#define MIME_FIELDS_MAX 400 /* of the head; further ones are not looked at */
#define MIME_VALUE_MAX 8192 /* bytes of a field's value that are looked at */
#define MIME_TEXT_MAX (1 << 20)	  /* bytes of text of all parts; the rest is cut */
#define MIME_HTML_MAX (256 << 10) /* bytes of one HTML part; the rest is cut */

/* Names in lower case, values unfolded and as they came (encoded words are left). */
struct mime_field {
	char *name, *value; /* owned */
};

struct mime_part {
	char *type;	   /* owned; "text/plain" */
	char *name;	   /* owned; of the file; "": none */
	char *charset;	   /* owned; NULL: not said */
	char *disposition; /* owned, lower case; NULL: not said */
	bool is_text;	   /* went into the text */
	bool leaf;	   /* no multipart */
	char *data; /* owned; decoded; of texts that became part of the text NULL */
	size_t n;
	unsigned char hash[32]; /* SHA-256 of the decoded content */
};

/* A zeroed struct is empty. */
struct mime {
	int n_fields;
	struct mime_field field[MIME_FIELDS_MAX];
	int n_parts;
	struct mime_part part[MIME_PARTS_MAX]; /* leaves, in their order */
	struct text text;	   /* UTF-8, LF, cleaned; with quotations and signature */
	bool html;		   /* all of it was made of HTML */
	bool cut;		   /* something was beyond a bound */
	char *root_type;	   /* owned; "multipart/report" */
	char *report;		   /* owned; its report-type; NULL: none */
	struct mail_bounce bounce; /* of a delivery report; owned */
	int hops;
};

/* Once a process, before any thread reads. */
void mime_start(void);

/* raw: n bytes, line ends of any kind. */
void mime_read(const char *raw, size_t n, struct mime *out);
void mime_finish(struct mime *mime);

/* The first field of that name (lower case); NULL: there is none. */
const char *mime_field(const struct mime *mime, const char *name);
int mime_field_count(const struct mime *mime, const char *name);

/*
 * mime_head - what the fields say, into the mail: people, subject, ids, dates.
 *
 * raw, n   for the name of a mail that has none: the hash of its bytes
 */
void mime_head(const struct mime *mime, const char *raw, size_t n, struct mail *mail);

/* Addresses of a field's value, as struct mail_people. */
void mime_addresses(const char *value, struct mail_people *out);

#endif
