/* base/redis_tls.h - rediss://, where hiredis has TLS (1.0 and newer, with its library
 * hiredis_ssl). */
#ifndef USHER_BASE_REDIS_TLS_H
#define USHER_BASE_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/xalloc.h"

struct redisAsyncContext;
struct rlink_tls;

/* TLS towards host, checked against the system's certificates and the host's name. NULL
 * with the reason, and what to do, in error; always so where hiredis has no TLS. */
struct rlink_tls *rlink_tls_create(
	const char *host, char *error, size_t room) USHER_MUST_CHECK;
/* Begins TLS on a connection that was just opened; before the loop sees it. */
bool rlink_tls_begin(
	struct rlink_tls *tls, struct redisAsyncContext *context) USHER_MUST_CHECK;
/*
 * rlink_tls_complaint - what TLS has against the connection that was begun last, and what
 * to do; hiredis has no words for these.
 *
 * silent   nothing came until the deadline
 * Returns  NULL: nothing. Valid until the next call
 */
const char *rlink_tls_complaint(struct rlink_tls *tls, bool silent);
void rlink_tls_destroy(struct rlink_tls *tls);

#endif
