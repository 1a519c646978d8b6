/*
 * base/redis_server.h - a private redis-server as our child, on a Unix socket in the
 * state directory, kept running.
 *
 *   DIR/redis.sock, DIR/appendonlydir, DIR/redis.log (8 MiB, then redis.log.1),
 *   DIR/redis.lock  locked by the child for as long as it lives (CONTRACTS 8.11), so that
 *                   two servers never share one log; a start waits for the lock to fall
 *
 * The child ends with this process, however that ends. When it ends by itself it is
 * started again, after 0.1 s at first, doubling up to 5 s.
 */
#ifndef USHER_BASE_REDIS_SERVER_H
#define USHER_BASE_REDIS_SERVER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/xalloc.h"

struct event_base;
struct rserver;

#define RSERVER_LOG_MAX 8388608 /* bytes */

struct rserver_settings {
	const char *dir;     /* absolute; exists */
	const char *fsync;   /* "always", "everysec", "no" */
	const char *program; /* NULL: redis-server from PATH */
	int n_more;	     /* further words of the command line, for tests */
	const char *const *more;
};

/*
 * rserver_create - begins to start the server. Call it from the main thread: the child
 * ends with the thread that made it.
 *
 * started  called each time a child was made; it may need some time before it answers
 * Returns  NULL with the reason, and what to do, in error
 */
struct rserver *rserver_create(struct event_base *base,
	const struct rserver_settings *settings, void (*started)(void *owner),
	void *owner, char *error, size_t room) USHER_MUST_CHECK;
/* Asks the child to end and waits for it, at most 10 s; then it is killed. */
void rserver_destroy(struct rserver *server);

const char *rserver_address(const struct rserver *server); /* "unix:DIR/redis.sock" */
pid_t rserver_pid(const struct rserver *server);	   /* 0: none at the moment */

#endif
