/*
 * control/config_laws.c - the law's numbers of each queue and tier (ROUTING 2, 8, 9).
 *
 * From the general to the particular: the preset, the centre's `law`, the queue's `law`;
 * then the top tier is exempted from late weight and second promise; then what `law` says
 * of a tier by name, of the centre and of the queue.
 */
#include <math.h>
#include <string.h>

#include "control/config_compile.h"

enum promise {
	PROMISE_BALANCED,
	PROMISE_KEEP_MOST,
	PROMISE_FAIR
};

static struct law
preset(enum promise promise)
{
	struct law law = {.late_weight = 0.5, .second = 2, .ageing_ms = 150000};

	if (promise == PROMISE_KEEP_MOST)
		law.late_weight = 0.25;
	if (promise == PROMISE_FAIR) {
		law.late_weight = 1;
		law.second = 1;
	}
	return law;
}

static void
override(const struct compile *c, struct law *law, const struct entry *e)
{
	if (!isnan(entry_number(e, LAW_LATE_WEIGHT)))
		law->late_weight = entry_number(e, LAW_LATE_WEIGHT);
	if (!isnan(entry_number(e, LAW_SECOND)))
		law->second = entry_number(e, LAW_SECOND);
	if (!isnan(entry_number(e, LAW_AGEING)))
		law->ageing_ms = entry_number(e, LAW_AGEING) / c->speed;
}

/* What an entry `law` says of a tier by its name. */
static void
override_by_name(
	const struct compile *c, struct law *law, const struct entry *e, const char *tier)
{
	for (int i = 0; i < e->n_others; i++)
		if (strcmp(e->other[i].key->text, tier) == 0)
			override(c, law, e->other[i].entry);
}

static struct law
law_of(const struct compile *c, const struct entry *queue, const struct tier *tier)
{
	const struct entry *general = entry_section(c->top, TOP_LAW);
	const struct entry *own = queue != NULL ? entry_section(queue, QUEUE_LAW) : NULL;
	struct law law = preset((enum promise)entry_number(c->top, TOP_PROMISE));

	law.ageing_ms /= c->speed;
	override(c, &law, general);
	if (own != NULL)
		override(c, &law, own);
	if (tier->never_demoted) {
		law.late_weight = 1;
		law.second = 1;
	}
	override_by_name(c, &law, general, tier->name);
	if (own != NULL)
		override_by_name(c, &law, own, tier->name);
	return law;
}

static void
check_tier_names(struct compile *c, const struct entry *law)
{
	for (int i = 0; i < law->n_others; i++)
		compile_find(c, NAME_TIER, law->other[i].key, law->other[i].key->text);
}

/* The entry of a queue in the file; NULL for one that is removed. */
static const struct entry *
queue_entry(const struct compile *c, const struct queue *queue)
{
	const struct entry *all = entry_section(c->top, TOP_QUEUES);

	if (queue->removed)
		return NULL;
	return all->other[queue->order].entry;
}

void
compile_laws(struct compile *c)
{
	struct centre *centre = c->centre;

	centre->half_life_ms =
		entry_number(entry_section(c->top, TOP_LAW), LAW_HALF_LIFE) / c->speed;
	check_tier_names(c, entry_section(c->top, TOP_LAW));
	for (int i = 0; i < centre->n_queues; i++) {
		struct queue *q = &centre->queues[i];
		const struct entry *e = queue_entry(c, q);
		/* A removed queue drains under the laws that it had. */
		int from = q->removed ? q->n_laws : 0;

		if (e != NULL)
			check_tier_names(c, entry_section(e, QUEUE_LAW));
		q->laws = xreallocarray(
			q->laws, (size_t)centre->n_tiers + 1, sizeof q->laws[0]);
		for (int t = from; t < centre->n_tiers; t++)
			q->laws[t] = law_of(c, e, &centre->tiers[t]);
		q->n_laws = centre->n_tiers;
	}
}
