/*
 * route/estimate.c - place and wait of a waiting contact (ROUTING 7).
 *
 * Wait: the delays of the last three contacts of the same queue, channel and tier to
 * enter service (LES), not below the wait of the present head; before there are any,
 * place x mean handling time / agents. A range, and nothing when the head is older than
 * three times the last delay: then the past says nothing about it.
 */
#include <math.h>
#include <stdlib.h>

#include "base/text.h"
#include "route/able.h"
#include "route/class.h"
#include "route/stage.h"

#define LES_KEPT 3
#define LES_STALE 3	   /* head older than this many LES: no estimate */
#define HANDLE_WEIGHT 0.25 /* of the newest handling time in the mean */
#define RANGE_LOW 0.5	   /* of the likely wait, */
#define RANGE_HIGH 2.0	   /* widened to what the last delays were */

static struct wait_memory *
memory_of(struct router *r, int queue, int channel, int tier, bool make)
{
	struct wait_memory *m;
	struct text *t = &r->scratch;

	text_clear(t);
	text_add_int(t, queue);
	text_add_n(t, " ", 1);
	text_add_int(t, channel);
	text_add_n(t, " ", 1);
	text_add_int(t, tier);
	m = map_get(&r->waits, t->s);
	if (m == NULL && make) {
		m = xcalloc(1, sizeof *m);
		map_put(&r->waits, t->s, m);
	}
	return m;
}

void
wait_remember(struct router *r, const struct contact *c, int64_t waited_ms)
{
	struct wait_memory *m = memory_of(r, c->queue, c->channel, c->tier, true);

	m->last_ms[m->n++ % LES_KEPT] = waited_ms;
}

void
wait_remember_handle(struct router *r, const struct contact *c, int64_t handle_ms)
{
	struct wait_memory *m = memory_of(r, c->queue, c->channel, c->tier, true);

	if (m->mean_handle_ms == 0)
		m->mean_handle_ms = (double)handle_ms;
	else
		m->mean_handle_ms +=
			HANDLE_WEIGHT * ((double)handle_ms - m->mean_handle_ms);
}

static int64_t
position(struct router *r, const struct contact *c, int64_t now_ms)
{
	double score = class_log2_score(r, c->class, c->d_ms, c->t0_ms, now_ms);
	int64_t before = 0;

	for (size_t i = 0; i < r->n_classes; i++)
		if (r->classes[i]->n > 0 && able_share(c->class, r->classes[i]))
			before += class_count_before(
				r, r->classes[i], score, c->t0_ms, c->id, now_ms);
	return before;
}

/* Wait of the oldest member of the group (same queue, channel and tier) that still waits;
 * -1 when none does. */
static int64_t
head_wait_ms(const struct router *r, const struct contact *c, int64_t now_ms)
{
	int64_t longest_ms = -1;

	for (size_t i = 0; i < r->n_classes; i++) {
		const struct class *k = r->classes[i];

		if (k->n > 0 && k->queue == c->queue && k->channel == c->channel &&
			k->tier == c->tier && now_ms - k->first.t0_ms > longest_ms)
			longest_ms = now_ms - k->first.t0_ms;
	}
	return longest_ms;
}

/* Agents who could serve it now, at least 1. A newcomer has no class yet. */
static int
agents_for(const struct router *r, const struct contact *c)
{
	int n = 0;

	for (int i = 0; i < r->n_agents; i++)
		n += r->agents[i].state == AGENT_READY &&
		     (c->class != NULL ? able_has(c->class, i)
				       : able_agent(r, &r->agents[i], c));
	return n > 0 ? n : 1;
}

/* Whole wait from t0: likely, low, high; false when nothing honest can be said. head_ms:
 * as head_wait_ms() says. */
static bool
whole_wait(struct router *r, const struct contact *c, int64_t place, int64_t head_ms,
	double out[3])
{
	const struct wait_memory *m = memory_of(r, c->queue, c->channel, c->tier, false);
	int64_t least = INT64_MAX, most = 0;
	double sum = 0;
	int n = m == NULL ? 0 : m->n < LES_KEPT ? m->n : LES_KEPT;

	for (int i = 0; i < n; i++) {
		sum += (double)m->last_ms[i];
		least = m->last_ms[i] < least ? m->last_ms[i] : least;
		most = m->last_ms[i] > most ? m->last_ms[i] : most;
	}
	if (n == 0) {
		if (m == NULL || m->mean_handle_ms == 0)
			return false;
		out[0] = (double)(place + 1) * m->mean_handle_ms / agents_for(r, c);
		out[1] = out[0] * RANGE_LOW;
		out[2] = out[0] * RANGE_HIGH;
		return true;
	}
	if (head_ms > LES_STALE * (int64_t)(sum / n) && head_ms > 0 && sum > 0)
		return false;
	out[0] = fmax(sum / n, (double)head_ms);
	out[1] = fmin((double)least, out[0] * RANGE_LOW);
	out[2] = fmax((double)most, out[0] * RANGE_HIGH);
	return true;
}

int64_t
estimate_wait_ms(struct router *r, const struct contact *c, int64_t now_ms)
{
	int64_t head_ms = head_wait_ms(r, c, now_ms);
	double wait[3];

	/* Nobody of his group waits: what others waited once says nothing, and were
	 * newcomers refused for it, nothing newer would ever be known. */
	if (head_ms < 0)
		return -1;
	return whole_wait(r, c, r->queue_waiting[c->queue], head_ms, wait)
		       ? (int64_t)wait[0]
		       : -1;
}

bool
router_estimate(struct router *r, int64_t now_ms, uint64_t contact, struct estimate *out)
{
	const struct contact *c = contact_find(r, contact);
	double wait[3];

	if (c == NULL || c->class == NULL)
		return false;
	*out = (struct estimate){.position = position(r, c, now_ms),
		.waited_ms = now_ms - c->t0_ms,
		.low_ms = -1,
		.likely_ms = -1,
		.high_ms = -1};
	if (!whole_wait(r, c, out->position, head_wait_ms(r, c, now_ms), wait))
		return true;
	out->likely_ms = (int64_t)fmax(0, wait[0] - (double)out->waited_ms);
	out->low_ms = (int64_t)fmax(0, wait[1] - (double)out->waited_ms);
	out->high_ms = (int64_t)fmax(0, wait[2] - (double)out->waited_ms);
	return true;
}
