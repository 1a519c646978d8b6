/* web/site.c - finds the file, picks its form, says what the page may do. */
#include "web/site.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"

#define GZIP_HEADER_MAX 1024 /* bytes of Accept-Encoding that are looked at */

struct rule {
	char *prefix; /* owned */
	char *policy; /* owned; NULL: the usual one */
	bool embeddable;
	struct rule *next;
};

struct site {
	struct http_server *http;
	struct rule *rules; /* owned */
};

static int
by_path(const void *path, const void *file)
{
	return strcmp(path, ((const struct site_file *)file)->path);
}

const struct site_file *
site_find(const char *path)
{
	return bsearch(path, site_files, site_n_files, sizeof *site_files, by_path);
}

/* Does the list of codings name gzip with a weight above zero (RFC 9110, 12.5.3)? */
static bool
takes_gzip(const char *list)
{
	if (list == NULL || strlen(list) > GZIP_HEADER_MAX)
		return false;
	while (*list != '\0') {
		size_t n = strcspn(list, ",");
		const char *item = list + strspn(list, " \t");
		size_t name = strcspn(item, " \t;,");
		const char *q = memmem(item, n - (size_t)(item - list), "q=", 2);

		if (name == 4 && strncasecmp(item, "gzip", 4) == 0)
			return q == NULL || strtod(q + 2, NULL) > 0;
		list += n + (list[n] == ',');
	}
	return false;
}

/* Weak comparison, as If-None-Match wants it (RFC 9110, 13.1.2). */
static bool
etag_is_listed(const char *list, const char *etag)
{
	size_t n = strlen(etag);

	if (list == NULL)
		return false;
	if (strcmp(list, "*") == 0)
		return true;
	for (const char *at = list; (at = strstr(at, etag)) != NULL; at++)
		if (at[n] == '\0' || at[n] == ',' || at[n] == ' ')
			return true;
	return false;
}

static void
add(struct http_reply *reply, const char *name, const char *value)
{
	reply->fields[reply->n_fields++] = (struct http_field){name, value};
}

void
site_reply(const struct site_file *file, const char *accept_encoding,
	const char *if_none_match, const char *policy, bool embeddable,
	struct http_reply *reply)
{
	bool gzip = file->n_gzip > 0 && takes_gzip(accept_encoding);

	*reply = (struct http_reply){.status = 200,
		.type = file->type,
		.body = gzip ? file->gzip : file->raw,
		.n_body = gzip ? file->n_gzip : file->n_raw};
	add(reply, "content-security-policy", policy != NULL ? policy : SITE_POLICY);
	add(reply, "cache-control", "no-cache");
	add(reply, "etag", file->etag);
	if (file->n_gzip > 0)
		add(reply, "vary", "accept-encoding");
	if (embeddable)
		add(reply, "cross-origin-resource-policy", "cross-origin");
	if (etag_is_listed(if_none_match, file->etag)) {
		reply->status = 304;
		reply->type = NULL;
		reply->n_body = 0;
	} else if (gzip) {
		add(reply, "content-encoding", "gzip");
	}
}

static const struct rule *
rule_for(const struct site *site, const char *path)
{
	const struct rule *best = NULL;

	for (const struct rule *r = site->rules; r != NULL; r = r->next)
		if (strncmp(path, r->prefix, strlen(r->prefix)) == 0 &&
			(best == NULL || strlen(r->prefix) > strlen(best->prefix)))
			best = r;
	return best;
}

static void
on_get(void *owner, const struct http_request *r)
{
	struct site *site = owner;
	const struct site_file *file = site_find(r->path);
	const struct rule *rule = rule_for(site, r->path);
	struct http_reply reply;

	if (file == NULL) {
		http_answer_error(site->http, r->id, 404, "not_found",
			"There is no page at this path.");
		return;
	}
	site_reply(file, http_field(r, "accept-encoding"), http_field(r, "if-none-match"),
		rule != NULL ? rule->policy : NULL, rule != NULL && rule->embeddable,
		&reply);
	http_answer(site->http, r->id, &reply);
}

struct site *
site_create(struct http_server *http)
{
	struct site *site = xcalloc(1, sizeof *site);

	site->http = http;
	for (size_t i = 0; i < site_n_files; i++)
		if (strncmp(site_files[i].path, "/web/", 5) != 0)
			http_route(http, "GET", site_files[i].path, on_get, site);
	http_route(http, "GET", "/web/", on_get, site);
	return site;
}

void
site_destroy(struct site *site)
{
	if (site == NULL)
		return;
	for (struct rule *r = site->rules, *next; r != NULL; r = next) {
		next = r->next;
		free(r->prefix);
		free(r->policy);
		free(r);
	}
	free(site);
}

void
site_rule(struct site *site, const char *prefix, const char *policy, bool embeddable)
{
	struct rule *r = site->rules;

	while (r != NULL && strcmp(r->prefix, prefix) != 0)
		r = r->next;
	if (r == NULL) {
		r = xcalloc(1, sizeof *r);
		r->prefix = xstrdup(prefix);
		r->next = site->rules;
		site->rules = r;
	}
	free(r->policy);
	r->policy = policy != NULL ? xstrdup(policy) : NULL;
	r->embeddable = embeddable;
}
