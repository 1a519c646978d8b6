/* history/gather.h - fills a report from the tables; within a read of the database. */
#ifndef USHER_HISTORY_GATHER_H
#define USHER_HISTORY_GATHER_H

#include "history/database.h"
#include "history/figures.h"
#include "model/centre.h"

enum report_by {
	BY_ALL,
	BY_QUEUE,
	BY_CHANNEL,
	BY_TIER,
	BY_DNIS,
	BY_AGENT,
	BY_TEAM,
	REPORT_BYS
};
extern const char *const report_by_name[REPORT_BYS]; /* "all", "queue", ... */

#define REPORT_INTERVALS "15m|30m|hour|day|all"

/* What is asked for. */
struct report_wish {
	enum report_by by;
	const char *interval; /* of REPORT_INTERVALS; static or borrowed */
	int64_t from_ms, to_ms, now_ms;
	int64_t short_ms;	      /* an abandon within it is short */
	const struct calendar *local; /* whose days count */
	/* Names that may be seen; NULL: all. Sorted, borrowed. */
	const char *const *queues, *const *agents;
	int n_queues, n_agents;
};

/* Edges of the intervals. False: more than FIGURES_BINS_MAX, or nothing between. */
bool report_begin(struct report *report, const struct report_wish *wish) USHER_MUST_CHECK;
/* Reads and counts. */
void report_gather(struct report *report, const struct report_wish *wish,
	struct database_session *s);

#endif
