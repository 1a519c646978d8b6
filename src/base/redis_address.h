/* base/redis_address.h - where a Redis is: unix:/path, redis://[user@]host[:port],
 * rediss://... */
#ifndef USHER_BASE_REDIS_ADDRESS_H
#define USHER_BASE_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/xalloc.h"

#define REDIS_PATH_MAX 107 /* bytes: what a Unix socket's address holds */

/* All owned. */
struct rlink_address {
	char *text; /* as it was given; holds no secret */
	char *path; /* Unix socket; NULL: host and port count */
	char *host; /* name or number, without brackets */
	char *user; /* NULL: the default user */
	int port;
	bool tls;
};

/* False with the reason, and what to do, in error; *out is then empty. */
bool rlink_address_parse(const char *text, struct rlink_address *out, char *error,
	size_t room) USHER_MUST_CHECK;
/* A Unix socket or a loopback host. */
bool rlink_address_is_local(const struct rlink_address *address);
void rlink_address_finish(struct rlink_address *address); /* zeroed is fine */

#endif
