/* base/redis_address.c - addresses of Redis. Passwords are refused here: they come from a
 * file (RELIABILITY S4). */
#include "base/redis_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_DEFAULT 6379
#define HOST_MAX 253 /* bytes of a name (RFC 1035) */

static bool
parse_unix(const char *path, struct rlink_address *out, char *error, size_t room)
{
	if (path[0] != '/' || strlen(path) > REDIS_PATH_MAX) {
		snprintf(error, room,
			"the path of a Unix socket must begin with / and have at most %d "
			"bytes: \"%.120s\" has %zu; choose a shorter directory",
			REDIS_PATH_MAX, path, strlen(path));
		return false;
	}
	out->path = xstrdup(path);
	return true;
}

static bool
parse_port(const char *text, int *port)
{
	char *end;
	long value = strtol(text, &end, 10);

	*port = (int)value;
	return text[0] != '\0' && *end == '\0' && value >= 1 && value <= 65535;
}

/* host, host:port or [::1]:port */
static bool
parse_host(const char *text, struct rlink_address *out)
{
	bool bracket = text[0] == '[';
	const char *host = bracket ? text + 1 : text;
	size_t n = strcspn(host, bracket ? "]" : ":");
	const char *rest = host + n;

	if (n == 0 || n > HOST_MAX || (bracket && *rest != ']'))
		return false;
	out->host = xstrndup(host, n);
	if (bracket)
		rest++;
	if (*rest == '\0')
		return true;
	return *rest == ':' && parse_port(rest + 1, &out->port);
}

static bool
parse_url(const char *text, struct rlink_address *out, char *error, size_t room)
{
	const char *at = strrchr(text, '@');
	const char *host = at != NULL ? at + 1 : text;

	out->port = PORT_DEFAULT;
	if (at != NULL && memchr(text, ':', (size_t)(at - text)) != NULL) {
		snprintf(error, room,
			"a password does not belong into the address of Redis: put it in "
			"a file and name that in redis_password_file");
		return false;
	}
	if (at != NULL && at > text)
		out->user = xstrndup(text, (size_t)(at - text));
	if (strchr(host, '/') != NULL && strcmp(strchr(host, '/'), "/0") != 0 &&
		strcmp(strchr(host, '/'), "/") != 0) {
		snprintf(error, room,
			"usher uses database 0 of Redis: remove \"%.20s\" from the "
			"address (centres are kept apart by their names)",
			strchr(host, '/'));
		return false;
	}
	if (strchr(host, '/') != NULL) {
		char *cut = xstrndup(host, strcspn(host, "/"));
		bool good = parse_host(cut, out);

		free(cut);
		if (good)
			return true;
	} else if (parse_host(host, out)) {
		return true;
	}
	snprintf(error, room,
		"\"%.200s\" is no address of Redis: write redis://host:port", text);
	return false;
}

bool
rlink_address_parse(const char *text, struct rlink_address *out, char *error, size_t room)
{
	bool good = false;

	*out = (struct rlink_address){.text = xstrdup(text)};
	if (strncmp(text, "unix:", 5) == 0) {
		good = parse_unix(text + 5, out, error, room);
	} else if (strncmp(text, "redis://", 8) == 0) {
		good = parse_url(text + 8, out, error, room);
	} else if (strncmp(text, "rediss://", 9) == 0) {
		out->tls = true;
		good = parse_url(text + 9, out, error, room);
	} else if (strncmp(text, "sentinel://", 11) == 0) {
		snprintf(error, room,
			"Sentinel is not supported yet: give the address of one Redis, "
			"redis://host:port");
	} else {
		snprintf(error, room,
			"\"%.200s\" is no address of Redis: write managed, unix:/path, "
			"redis://[user@]host:port or rediss://...",
			text);
	}
	if (!good)
		rlink_address_finish(out);
	return good;
}

bool
rlink_address_is_local(const struct rlink_address *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (address->path != NULL || strcmp(address->host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, address->host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address->host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

void
rlink_address_finish(struct rlink_address *address)
{
	free(address->text);
	free(address->path);
	free(address->host);
	free(address->user);
	*address = (struct rlink_address){0};
}
