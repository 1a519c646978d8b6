/* route/admit.c - admission: closed, full, too long, nobody there; definite answers
 * (FEATURES A7). */
#include "route/able.h"
#include "route/stage.h"

enum outcome_kind
admit(struct router *r, const struct contact *c, int64_t now_ms, const char **message)
{
	const struct queue *q = &r->centre->queues[c->queue];
	int64_t limit_ms = queue_wait_limit_ms(q, c->channel), wait_ms;

	if (r->queue_closed[c->queue] || q->removed) {
		*message = "The queue is closed.";
		return OUTCOME_QUEUE_CLOSED;
	}
	if (q->hours >= 0 && !calendar_is_open(r->centre->calendars[q->hours], now_ms)) {
		*message = "The queue is outside its opening hours.";
		return OUTCOME_QUEUE_CLOSED;
	}
	if (r->queue_waiting[c->queue] >= q->length_limit) {
		*message = "The queue is full.";
		return OUTCOME_QUEUE_FULL;
	}
	if (!q->admit_empty && !able_anyone(r, c)) {
		*message = "Nobody who could serve this is logged in.";
		return OUTCOME_NO_AGENTS;
	}
	wait_ms = limit_ms > 0 ? estimate_wait_ms(r, c, now_ms) : -1;
	if (wait_ms > limit_ms) {
		*message = "The wait would be longer than the queue's limit.";
		return OUTCOME_WAIT_TOO_LONG;
	}
	return OUTCOME_OK;
}
