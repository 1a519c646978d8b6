/*
 * base/http_policy.c - what a request must be before any handler sees it: the right Host,
 * a known path and method, an allowed Origin, JSON, and an upgrade that is one.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/http_inner.h"

#define PROTOCOLS_MAX 1024 /* bytes of Sec-WebSocket-Protocol */
#define HOST_MAX 255	   /* bytes of a name without port */

static enum http_verdict
refuse(struct http_refusal *refusal, int status, const char *type, const char *message)
{
	*refusal =
		(struct http_refusal){.status = status, .type = type, .message = message};
	return VERDICT_REFUSE;
}

/* ---- Host and Origin ---- */

/* Takes the name out of "name:port" or "[address]:port". */
static bool
host_name(const char *host, char *out, size_t room)
{
	const char *end;
	size_t n;

	if (host[0] == '[') {
		end = strchr(host, ']');
		if (end == NULL)
			return false;
		host++;
		n = (size_t)(end - host);
		end++;
	} else {
		n = strcspn(host, ":");
		end = host + n;
	}
	if (n == 0 || n >= room || (*end != '\0' && *end != ':'))
		return false;
	if (*end == ':' && strspn(end + 1, "0123456789") != strlen(end + 1))
		return false;
	memcpy(out, host, n);
	out[n] = '\0';
	return true;
}

/* A page of another site can make a name point here (DNS rebinding), but not an address:
 * addresses and localhost are always taken. */
bool
http_host_is_ours(const struct http_door *door, const char *host)
{
	char name[HOST_MAX + 1];
	unsigned char address[16];

	if (!host_name(host, name, sizeof name))
		return false;
	if (strcasecmp(name, "localhost") == 0 ||
		inet_pton(AF_INET, name, address) == 1 ||
		inet_pton(AF_INET6, name, address) == 1)
		return true;
	for (int i = 0; i < door->n_hosts; i++)
		if (strcasecmp(name, door->hosts[i]) == 0)
			return true;
	return false;
}

/* Equality, never a prefix; "null" is nobody's origin (RELIABILITY S11). */
bool
http_origin_is_ours(
	const struct http_door *door, const char *origin, const char *host, bool tls)
{
	const char *scheme = tls ? "https://" : "http://";
	size_t n = strlen(scheme);

	if (strncasecmp(origin, scheme, n) == 0 && strcasecmp(origin + n, host) == 0)
		return true;
	for (int i = 0; i < door->n_origins; i++)
		if (strcasecmp(origin, door->origins[i]) == 0)
			return true;
	return false;
}

/* ---- routes ---- */

static bool
path_matches(const char *route, const char *path)
{
	size_t n = strlen(route);

	if (route[n - 1] == '/' && n > 1)
		return strncmp(route, path, n) == 0 && path[n] != '\0';
	return strcmp(route, path) == 0;
}

static const struct http_route *
find_route(const struct http_server *server, const char *path)
{
	const struct http_route *best = NULL;
	size_t n_best = 0;

	for (const struct http_route *r = server->routes; r != NULL; r = r->next) {
		size_t n = strlen(r->path);

		if (n > n_best && path_matches(r->path, path)) {
			best = r;
			n_best = n;
		}
	}
	return best;
}

static bool
method_allowed(const struct http_route *route, const char *method)
{
	if (http_list_has(route->methods, method))
		return true;
	return strcmp(method, "HEAD") == 0 && http_list_has(route->methods, "GET");
}

static bool
changes_state(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
	       strcmp(method, "OPTIONS") != 0;
}

/* ---- upgrades ---- */

/* 24 characters that decode to 16 bytes. */
static bool
key_is_valid(const char *key)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";

	return key != NULL && strlen(key) == 24 && strspn(key, digits) == 22 &&
	       key[22] == '=' && key[23] == '=';
}

static bool
asks_for_websocket(const struct http_parse *p)
{
	const char *upgrade = http_parse_field(p, "upgrade");

	return p->wants_upgrade && upgrade != NULL && http_list_has(upgrade, "websocket");
}

static enum http_verdict
judge_websocket(const struct http_route *route, const struct http_parse *p,
	struct http_refusal *refusal)
{
	const char *version = http_parse_field(p, "sec-websocket-version");
	const char *protocols = http_parse_field(p, "sec-websocket-protocol");

	if (strcmp(p->method, "GET") != 0 || p->minor_0 || p->has_body)
		return refuse(refusal, 400, "bad_request",
			"a WebSocket begins with GET, HTTP/1.1, without a body");
	if (!asks_for_websocket(p) || version == NULL || strcmp(version, "13") != 0) {
		refuse(refusal, 426, "upgrade_required",
			"this path speaks WebSocket version 13");
		refusal->field = "sec-websocket-version";
		refusal->value = "13";
		return VERDICT_REFUSE;
	}
	if (!key_is_valid(http_parse_field(p, "sec-websocket-key")))
		return refuse(refusal, 400, "bad_request",
			"Sec-WebSocket-Key must be 16 bytes in base64");
	if (protocols != NULL &&
		(strlen(protocols) > PROTOCOLS_MAX || route->subprotocol == NULL ||
			!http_list_has(protocols, route->subprotocol)))
		return refuse(refusal, 400, "bad_request",
			"none of the subprotocols is spoken here; see the protocol's "
			"document");
	return VERDICT_UPGRADE;
}

/* ---- the whole ---- */

static enum http_verdict
judge_origin(const struct http_door *door, const struct http_parse *p, bool tls,
	struct http_refusal *refusal)
{
	const char *origin = http_parse_field(p, "origin");

	if (origin == NULL ||
		http_origin_is_ours(door, origin, http_parse_field(p, "host"), tls))
		return VERDICT_PASS;
	return refuse(refusal, 403, "origin_not_allowed",
		"pages of this origin may not do that; add it to the list of origins");
}

static enum http_verdict
judge_body(const struct http_parse *p, struct http_refusal *refusal)
{
	static const char json[] = "application/json";
	const char *type = http_parse_field(p, "content-type");
	const char *coding = http_parse_field(p, "content-encoding");
	size_t n = sizeof json - 1;

	if (coding != NULL && strcasecmp(coding, "identity") != 0)
		return refuse(refusal, 415, "unsupported_media_type",
			"send the body without Content-Encoding");
	if (type == NULL || strncasecmp(type, json, n) != 0 ||
		(type[n] != '\0' && type[n] != ';' && type[n] != ' '))
		return refuse(refusal, 415, "unsupported_media_type",
			"send the body with Content-Type: application/json");
	return VERDICT_PASS;
}

/* No other scheme is in use here, so another one is a mistake to be told at once. */
static bool
authorization_is_bearer(const struct http_parse *p)
{
	const char *value = http_parse_field(p, "authorization");

	return value == NULL ||
	       (strncasecmp(value, "Bearer ", 7) == 0 && value[7] != '\0' &&
		       strpbrk(value + 7, " \t") == NULL);
}

static enum http_verdict
judge_method(const struct http_route *route, const struct http_parse *p,
	struct http_refusal *refusal)
{
	if (strcmp(p->method, "OPTIONS") == 0) {
		*refusal = (struct http_refusal){
			.status = 204, .field = "allow", .value = route->methods};
		return VERDICT_REFUSE;
	}
	if (method_allowed(route, p->method))
		return VERDICT_PASS;
	refuse(refusal, 405, "method_not_allowed",
		"this path does not take that method; see Allow");
	refusal->field = "allow";
	refusal->value = route->methods;
	return VERDICT_REFUSE;
}

enum http_verdict
http_judge(const struct http_server *server, const struct http_door *door,
	const struct http_parse *p, bool tls, const struct http_route **route,
	struct http_refusal *refusal)
{
	enum http_verdict verdict;

	if (!http_host_is_ours(door, http_parse_field(p, "host")))
		return refuse(refusal, 421, "unknown_host",
			"this Host is not served here; add it to the list of hosts");
	if (strcmp(p->path, "*") == 0) {
		*refusal = (struct http_refusal){.status = 204};
		return VERDICT_REFUSE;
	}
	*route = find_route(server, p->path);
	if (!authorization_is_bearer(p)) {
		refuse(refusal, 401, "not_authorized",
			"send Authorization: Bearer with a key or token");
		refusal->field = "www-authenticate";
		refusal->value = "Bearer";
		return VERDICT_REFUSE;
	}
	if (changes_state(p->method) || (*route != NULL && (*route)->methods == NULL)) {
		verdict = judge_origin(door, p, tls, refusal);
		if (verdict != VERDICT_PASS)
			return verdict;
	}
	if (*route == NULL)
		return refuse(refusal, 404, "not_found", "there is nothing at this path");
	if ((*route)->methods == NULL)
		return judge_websocket(*route, p, refusal);
	verdict = judge_method(*route, p, refusal);
	if (verdict == VERDICT_PASS && p->has_body && changes_state(p->method))
		verdict = judge_body(p, refusal);
	return verdict;
}
