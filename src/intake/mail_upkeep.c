/* intake/mail_upkeep.c - the sweep of old files, some minutes after a start and four
 * times a day. */
#include "intake/mail_upkeep.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/worker.h"

#define FIRST_S 600   /* after the start */
#define EVERY_S 21600 /* a quarter of a day */

struct mail_upkeep {
	struct worker_pool *workers; /* borrowed */
	struct blobs *blobs;	     /* borrowed */
	struct event *tick;
	int64_t keep_ms;
	bool busy; /* a sweep is under way; it has what follows */
	int64_t before_ms;
	struct blob_sweep swept;
};

static void
sweep(void *arg)
{
	struct mail_upkeep *u = arg;

	u->swept = blobs_sweep(u->blobs, u->before_ms);
}

static void
swept(void *arg)
{
	struct mail_upkeep *u = arg;

	u->busy = false;
	if (u->swept.removed > 0)
		log_info("mail: files removed that nobody names files=%" PRId64
			 " bytes=%" PRId64,
			u->swept.removed, u->swept.removed_bytes);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct mail_upkeep *u = arg;
	struct timeval next = {EVERY_S, 0};

	event_add(u->tick, &next);
	if (u->busy)
		return;
	u->before_ms = clock_wall_ms() - u->keep_ms;
	u->busy = worker_run(u->workers, sweep, swept, u);
}

struct mail_upkeep *
mail_upkeep_create(
	struct event_base *base, struct worker_pool *workers, struct blobs *blobs)
{
	struct mail_upkeep *u = xcalloc(1, sizeof *u);
	struct timeval first = {FIRST_S, 0};

	u->workers = workers;
	u->blobs = blobs;
	u->tick = event_new(base, -1, 0, on_tick, u);
	event_add(u->tick, &first);
	return u;
}

void
mail_upkeep_configure(struct mail_upkeep *u, int64_t keep_ms)
{
	u->keep_ms = keep_ms;
}

void
mail_upkeep_destroy(struct mail_upkeep *u)
{
	if (u == NULL)
		return;
	event_free(u->tick);
	free(u);
}
