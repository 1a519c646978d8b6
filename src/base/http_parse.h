/*
 * base/http_parse.h - bytes to one HTTP/1.1 request, in any chunking. Pure: no I/O, no
 * clock.
 *
 * llhttp (strict) reads the message; this layer stands before it for what a front door
 * must not leave open: bare CR or LF, control bytes, folded lines, a missing or doubled
 * Host, anything but one plain framing, paths with "..", and the limits of RELIABILITY 6.
 */
#ifndef USHER_BASE_HTTP_PARSE_H
#define USHER_BASE_HTTP_PARSE_H

#include <llhttp.h>

#include "base/http.h"
#include "base/text.h"

#define HTTP_HEAD_MAX 16384   /* bytes of request line and fields */
#define HTTP_TARGET_MAX 4096  /* bytes of the request target */
#define HTTP_BODY_MAX 1048576 /* bytes of a body, with its chunk framing and trailers */
#define HTTP_METHOD_MAX 16    /* bytes */

enum http_step {
	HTTP_STEP_MORE, /* feed on */
	HTTP_STEP_HEAD, /* the head is complete; feed on (also with nothing) for the body
			 */
	HTTP_STEP_DONE, /* the request is complete */
	HTTP_STEP_BAD	/* error says which status and why; close after the answer */
};

struct http_parse {
	struct llhttp__internal_s llhttp;
	int phase;	  /* enum phase of http_parse.c */
	struct text head; /* owned; the raw head while it comes in */
	size_t line_at;	  /* where the current line starts in head */
	int n_lines;	  /* lines complete */
	int n_empty;	  /* empty lines before the first */
	bool after_cr;
	size_t n_body_raw; /* body bytes seen, with framing */

	/* The request, valid from HTTP_STEP_HEAD (body: HTTP_STEP_DONE) until
	 * http_parse_reset. */
	char method[HTTP_METHOD_MAX + 1];
	char *target;	   /* owned; as sent */
	char *path;	   /* owned; decoded */
	const char *query; /* into target */
	struct text names; /* owned; all names and values, each NUL-terminated */
	int n_fields;
	size_t name_at[HTTP_FIELDS_MAX], value_at[HTTP_FIELDS_MAX]; /* into names */
	struct http_field fields[HTTP_FIELDS_MAX];
	struct text body; /* owned */
	bool keep_alive, chunked, has_body;
	bool wants_continue;	 /* Expect: 100-continue */
	bool wants_upgrade;	 /* Connection: upgrade and Upgrade: ... */
	bool minor_0;		 /* HTTP/1.0 */
	uint64_t content_length; /* 0 when chunked */

	int status;	   /* of HTTP_STEP_BAD */
	const char *error; /* static; of HTTP_STEP_BAD */
};

void http_parse_init(struct http_parse *p);
void http_parse_finish(struct http_parse *p); /* zeroed is fine */
void http_parse_reset(struct http_parse *p);  /* ready for the next request */

/*
 * http_parse_feed - takes bytes in.
 *
 * data, n  what came; n may be 0
 * used     how many of them belong to this request; the rest is the next one's
 * Returns  see enum http_step; after HTTP_STEP_DONE or HTTP_STEP_BAD nothing more is
 * taken until http_parse_reset
 */
enum http_step http_parse_feed(
	struct http_parse *p, const char *data, size_t n, size_t *used);

const char *http_parse_field(const struct http_parse *p, const char *lower_name);
/* Has any byte of a request come? */
bool http_parse_begun(const struct http_parse *p);

/* Decodes %XX; NULL when malformed, when it hides "/", "\", control bytes or "..", or is
 * no UTF-8. The caller owns it. */
char *http_path_decode(const char *path, size_t n);
/* Decodes a query value ("+" is a space); NULL when malformed. The caller owns it. */
char *http_query_decode(const char *value, size_t n);
/* Is `token` an element of a comma-separated list (case-insensitive)? */
bool http_list_has(const char *list, const char *token);

#endif
