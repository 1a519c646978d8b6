/*
 * web/site.h - the pages: files of this folder, carried in the program, over HTTP.
 *
 * NAME.html is served at /NAME (index.html at /), everything else at /web/PATH. The files
 * were embedded at build time by tools/embed_site.py with their type, their digest and a
 * gzip form; nothing is read at run time. Each answer has an ETag and is asked for again
 * before use, so a new version is seen at the next load.
 *
 * Pages run no inline script and load nothing from elsewhere: the policy of RELIABILITY
 * S13. A page that other sites may frame has a rule of its own.
 */
#ifndef USHER_WEB_SITE_H
#define USHER_WEB_SITE_H

#include <stddef.h>

#include "base/http.h"

/* What a page may do unless a rule says otherwise (RELIABILITY S13). */
#define SITE_POLICY                                                                      \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "  \
	"img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

/* One file; all of them in site_files, sorted by path. */
struct site_file {
	const char *path; /* of the URL */
	const char *type;
	const char *etag; /* with its quotes */
	const unsigned char *raw, *gzip;
	size_t n_raw, n_gzip; /* n_gzip 0: not worth it */
};

extern const struct site_file site_files[];
extern const size_t site_n_files;

struct site;

/* Registers a route for each page and one for /web/. http is borrowed and outlives the
 * site. */
struct site *site_create(struct http_server *http);
void site_destroy(struct site *site);

/*
 * site_rule - another policy for the paths that begin with prefix; the last rule given
 * for a prefix stands, the longest prefix counts.
 *
 * policy      content security policy; NULL: the usual one
 * embeddable  other sites may load it (script tag, frame)
 */
void site_rule(
	struct site *site, const char *prefix, const char *policy, bool embeddable);

/* The file at a path; NULL: none. */
const struct site_file *site_find(const char *path);
/* Fills the answer to a GET with these header fields (NULL: absent). Texts are borrowed
 * from the file and the policy. */
void site_reply(const struct site_file *file, const char *accept_encoding,
	const char *if_none_match, const char *policy, bool embeddable,
	struct http_reply *reply);

#endif
