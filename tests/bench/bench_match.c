/*
 * tests/bench/bench_match.c - P8, P9: what one decision costs, however many wait.
 *
 * A decision: an agent frees; the heads of the classes that he may serve are scored by
 * the law, the best is taken out of its class, and a new contact enters another, so that
 * the number waiting stays. Beside it, in the same process and in turn, the ceiling: a
 * 4-ary heap a lane with a static key, of which only the head is compared and each agent
 * knows his lanes.
 *
 *   bench_match [DECISIONS [LANES WAITING]]     one JSON line a figure
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "route/able.h"
#include "route/choose.h"
#include "route/class.h"
#include "route/heads.h"

#define AGENTS 1000
#define SKILLS 24
#define ROUNDS 5
#define SAMPLE 16 /* every so many decisions one is timed */

static uint64_t seed_state = 88172645463325252u;

static uint32_t
draw(uint32_t below)
{
	seed_state ^= seed_state << 13;
	seed_state ^= seed_state >> 7;
	seed_state ^= seed_state << 17;
	return (uint32_t)(seed_state >> 16) % below;
}

/* What both sides are made from, so that they have the same work. */
struct world {
	int lanes, waiting;
	uint64_t need[1000];	/* skills of a lane, a bit each */
	uint64_t skill[AGENTS]; /* skills of an agent */
};

static void
make_world(struct world *w, int lanes, int waiting)
{
	*w = (struct world){.lanes = lanes, .waiting = waiting};
	for (int i = 0; i < lanes; i++)
		for (int n = 1 + (int)draw(2); n > 0; n--)
			w->need[i] |= UINT64_C(1) << draw(SKILLS);
	for (int i = 0; i < AGENTS; i++)
		for (int n = 4 + (int)draw(5); n > 0; n--)
			w->skill[i] |= UINT64_C(1) << draw(SKILLS);
}

/* ---- ours ---- */

struct ours {
	const struct world *world;
	struct centre centre;
	struct router router;
	struct contact *contacts;
	struct contact *spare;		  /* the one that waits nowhere */
	struct contact *classes_of[1000]; /* a contact of each class, to find it by */
	int64_t now_ms;
	uint64_t last_id, checksum;
};

static void
make_centre(struct ours *o)
{
	struct centre *c = &o->centre;
	const struct world *w = o->world;

	c->half_life_ms = 60000;
	c->n_queues = 1;
	c->queues = xcalloc(1, sizeof(struct queue));
	c->queues[0].name = xstrdup("q");
	c->n_channels = 1;
	c->channels = xcalloc(1, sizeof(struct channel));
	c->channels[0].name = xstrdup("voice");
	c->channels[0].cost_pts = 100;
	c->n_tiers = 1;
	c->tiers = xcalloc(1, sizeof(struct tier));
	c->tiers[0].name = xstrdup("t");
	c->n_skills = SKILLS;
	c->skills = xcalloc(SKILLS, sizeof(char *));
	for (int i = 0; i < SKILLS; i++)
		c->skills[i] = xasprintf("s%d", i);
	c->n_agents = AGENTS;
	c->agents = xcalloc(AGENTS, sizeof(struct agent_settings));
	o->router.agents = xcalloc(AGENTS, sizeof(struct agent));
	o->router.n_agents = AGENTS;
	for (int i = 0; i < AGENTS; i++) {
		struct agent *a = &o->router.agents[i];

		c->agents[i] = (struct agent_settings){
			.id = xasprintf("a%d", i), .order = i, .team = -1};
		*a = (struct agent){.index = i,
			.state = AGENT_READY,
			.routable = true,
			.login_ms = 1,
			.capacity_pts = 100,
			.takes_live = true,
			.n_channels = 1,
			.room_slot = (size_t)i};
		a->channel_off = xcalloc(1, sizeof(bool));
		a->channel_cost = xcalloc(1, sizeof(int));
		a->channel_cost[0] = -1;
		a->skills = xcalloc(SKILLS, sizeof(struct skill_level));
		for (int s = 0; s < SKILLS; s++)
			if (w->skill[i] >> s & 1)
				a->skills[a->n_skills++] = (struct skill_level){s, 5};
	}
}

/* Terms differ from lane to lane: targets, values, and what is lost by being late. */
static void
set_terms(const struct ours *o, struct contact *c, int lane)
{
	static const int64_t targets_ms[] = {20000, 30000, 300000, 900000, 14400000};
	static const double values[] = {1, 3, 8};

	*c = (struct contact){.state = CONTACT_QUEUED,
		.sla_ms = targets_ms[lane % 5] +
			  lane, /* + lane: no two lanes are one class */
		.value = values[lane % 3],
		.law = {.late_weight = lane % 3 == 2 ? 1 : 0.5,
			.second = lane % 3 == 2 ? 1 : 2,
			.ageing_ms = 150000},
		.calendar = -1,
		.target = -1,
		.last_agent = -1,
		.affinity = -1,
		.agent = -1};
	for (int s = 0; s < SKILLS; s++)
		if (o->world->need[lane] >> s & 1)
			c->need.skill[c->need.n++] = (struct skill_level){s, 1};
}

static void
enter(struct ours *o, struct contact *c, struct class *class)
{
	c->id = ++o->last_id;
	c->t0_ms = o->now_ms;
	c->d_ms = o->now_ms + c->sla_ms;
	class_enter(&o->router, class, c);
}

static void
make_ours(struct ours *o, const struct world *w)
{
	*o = (struct ours){.world = w, .now_ms = INT64_C(1000000000000)};
	make_centre(o);
	o->router.centre = &o->centre;
	o->router.store_up = true;
	o->contacts = xcalloc((size_t)w->waiting + 1, sizeof(struct contact));
	/* Classes first, while they are empty: all agents know all of theirs. */
	for (int lane = 0; lane < w->lanes; lane++) {
		o->classes_of[lane] = xcalloc(1, sizeof(struct contact));
		set_terms(o, o->classes_of[lane], lane);
		class_for(&o->router, o->classes_of[lane]);
	}
	for (int i = 0; i < w->waiting; i++) {
		struct contact *c = &o->contacts[i];

		set_terms(o, c, (int)draw((uint32_t)w->lanes));
		enter(o, c, class_for(&o->router, c));
		o->now_ms++;
	}
	o->spare = &o->contacts[w->waiting];
	set_terms(o, o->spare, 0);
}

static void
finish_ours(struct ours *o)
{
	struct order_at at;

	for (size_t i = 0; i < o->router.n_classes; i++) {
		struct class *k = o->router.classes[i];

		while (k->n > 0)
			class_leave(&o->router, order_first(&k->order, &at)->item);
	}
	class_destroy_all(&o->router);
	for (int i = 0; i < o->world->lanes; i++)
		free(o->classes_of[i]);
	for (int i = 0; i < AGENTS; i++) {
		free(o->centre.agents[i].id);
		free(o->router.agents[i].classes);
		free(o->router.agents[i].bounds);
		free(o->router.agents[i].skills);
		free(o->router.agents[i].channel_off);
		free(o->router.agents[i].channel_cost);
	}
	for (int i = 0; i < SKILLS; i++)
		free(o->centre.skills[i]);
	free(o->centre.skills);
	free(o->centre.queues[0].name);
	free(o->centre.queues);
	free(o->centre.channels[0].name);
	free(o->centre.channels);
	free(o->centre.tiers[0].name);
	free(o->centre.tiers);
	free(o->centre.agents);
	free(o->router.agents);
	free(o->contacts);
	map_finish(&o->router.class_by_key);
	text_finish(&o->router.scratch);
	free(o->router.scored);
}

/* As route/match.c does for a freed agent, with state, room and reserve asked. */
static struct contact *
best_for(struct ours *o, struct agent *a)
{
	struct heads heads;

	heads_find(&o->router, a, o->now_ms, &heads);
	return heads.best.candidate.contact;
}

static void
decide_ours(struct ours *o)
{
	struct agent *a = &o->router.agents[draw(AGENTS)];
	struct contact *c = best_for(o, a);
	struct class *next;

	o->router.latest_ms = ++o->now_ms; /* as router_enter() does */
	if (c == NULL)
		return;
	o->checksum += c->id;
	c->state = CONTACT_OFFERED;
	c->agent = a->index;
	class_leave(&o->router, c);
	/* The one that was served takes the spare place, the spare one enters. */
	next = o->router.classes[draw((uint32_t)o->world->lanes)];
	o->spare->state = CONTACT_QUEUED;
	o->spare->sla_ms = next->terms.sla_ms;
	o->spare->value = next->terms.value;
	o->spare->law = next->terms.law;
	o->spare->need = next->need;
	enter(o, o->spare, next);
	o->spare = c;
}

/* ---- the ceiling ---- */

struct entry {
	double key;
	uint32_t id;
};

struct lane {
	struct entry *entry;
	uint32_t n, room;
};

/* One cache line, as a record that a decision touches. */
struct record {
	uint64_t id;
	double value, t0;
	uint32_t lane, state, agent;
	char pad[28];
};

struct ceiling {
	const struct world *world;
	struct lane *lanes;
	double *slope, *head;
	uint16_t *lanes_of[AGENTS];
	int n_lanes[AGENTS];
	struct record *records;
	uint32_t *free_ids, n_free;
	double now;
	uint64_t checksum;
};

static void
lane_push(struct lane *l, struct entry x)
{
	uint32_t i = l->n++;

	if (l->n > l->room) {
		l->room = l->room > 0 ? l->room * 2 : 64;
		l->entry = xreallocarray(l->entry, l->room, sizeof(struct entry));
	}
	for (; i > 0 && l->entry[(i - 1) >> 2].key < x.key; i = (i - 1) >> 2)
		l->entry[i] = l->entry[(i - 1) >> 2];
	l->entry[i] = x;
}

static struct entry
lane_pop(struct lane *l)
{
	struct entry first = l->entry[0], x = l->entry[--l->n];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 4 * i + 1, best = child;

		if (child >= l->n)
			break;
		for (uint32_t k = child + 1; k < child + 4 && k < l->n; k++)
			if (l->entry[k].key > l->entry[best].key)
				best = k;
		if (l->entry[best].key <= x.key)
			break;
		l->entry[i] = l->entry[best];
		i = best;
	}
	if (l->n > 0)
		l->entry[i] = x;
	return first;
}

static void
ceiling_enter(struct ceiling *c)
{
	uint32_t id = c->free_ids[--c->n_free];
	uint32_t lane = draw((uint32_t)c->world->lanes);
	struct record *r = &c->records[id];

	r->id = id;
	r->lane = lane;
	r->t0 = c->now;
	r->state = 1;
	r->value = draw(1000);
	lane_push(
		&c->lanes[lane], (struct entry){r->value - c->slope[lane] * c->now, id});
	c->head[lane] = c->lanes[lane].entry[0].key;
}

static void
make_ceiling(struct ceiling *c, const struct world *w)
{
	*c = (struct ceiling){.world = w};
	c->lanes = xcalloc((size_t)w->lanes, sizeof(struct lane));
	c->slope = xcalloc((size_t)w->lanes, sizeof(double));
	c->head = xcalloc((size_t)w->lanes, sizeof(double));
	c->records = xcalloc((size_t)w->waiting + 1, sizeof(struct record));
	c->free_ids = xcalloc((size_t)w->waiting + 1, sizeof(uint32_t));
	for (int i = 0; i < w->lanes; i++) {
		c->slope[i] = 0.1 * (1 + draw(20));
		c->head[i] = -1e300;
	}
	for (int i = 0; i < AGENTS; i++) {
		c->lanes_of[i] = xcalloc((size_t)w->lanes, sizeof(uint16_t));
		for (int l = 0; l < w->lanes; l++)
			if ((w->need[l] & ~w->skill[i]) == 0)
				c->lanes_of[i][c->n_lanes[i]++] = (uint16_t)l;
	}
	for (uint32_t i = (uint32_t)w->waiting + 1; i > 0; i--)
		c->free_ids[c->n_free++] = i - 1;
	for (int i = 0; i < w->waiting; i++, c->now += 0.001)
		ceiling_enter(c);
}

static void
finish_ceiling(struct ceiling *c)
{
	for (int i = 0; i < c->world->lanes; i++)
		free(c->lanes[i].entry);
	for (int i = 0; i < AGENTS; i++)
		free(c->lanes_of[i]);
	free(c->lanes);
	free(c->slope);
	free(c->head);
	free(c->records);
	free(c->free_ids);
}

static void
decide_ceiling(struct ceiling *c)
{
	uint32_t agent = draw(AGENTS), best = UINT32_MAX;
	double most = -1e300;
	struct record *r;

	c->now += 0.001;
	for (int i = 0; i < c->n_lanes[agent]; i++) {
		uint32_t l = c->lanes_of[agent][i];
		double score = c->head[l] + c->slope[l] * c->now;

		if (score > most) {
			most = score;
			best = l;
		}
	}
	if (best == UINT32_MAX || c->lanes[best].n == 0)
		return;
	r = &c->records[lane_pop(&c->lanes[best]).id];
	c->head[best] = c->lanes[best].n > 0 ? c->lanes[best].entry[0].key : -1e300;
	r->state = 2;
	r->agent = agent;
	c->checksum += r->id;
	c->free_ids[c->n_free++] = (uint32_t)r->id;
	ceiling_enter(c);
}

/* ---- measuring ---- */

struct result {
	double p50_us, p99_us;
	uint64_t checksum;
};

static struct result
measure(struct ours *o, struct ceiling *c, long decisions)
{
	struct histogram *h = xcalloc(1, sizeof(*h));
	struct result result;

	for (long i = 0; i < decisions; i++) {
		uint64_t began = i % SAMPLE == 0 ? measure_ns() : 0;

		if (o != NULL)
			decide_ours(o);
		else
			decide_ceiling(c);
		if (began != 0)
			histogram_add(h, measure_ns() - began);
	}
	result = (struct result){histogram_us(h, 0.5), histogram_us(h, 0.99),
		o != NULL ? o->checksum : c->checksum};
	free(h);
	return result;
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median(double *list, int n)
{
	qsort(list, (size_t)n, sizeof(double), by_size);
	return list[n / 2];
}

/* P8 for one size; returns our p50 in us. */
static double
run_size(int lanes, int waiting, long decisions)
{
	struct world w;
	struct ours o;
	struct ceiling c;
	double ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS], slow[ROUNDS];
	double p50, ceiling;

	make_world(&w, lanes, waiting);
	make_ours(&o, &w);
	make_ceiling(&c, &w);
	for (int i = 0; i < ROUNDS; i++) {
		struct result a = measure(&o, NULL, decisions);
		struct result b = measure(NULL, &c, decisions);

		ours[i] = a.p50_us;
		theirs[i] = b.p50_us;
		slow[i] = a.p99_us;
		ratio[i] = a.p50_us / b.p50_us;
	}
	p50 = median(ours, ROUNDS);
	ceiling = median(theirs, ROUNDS);
	printf("{\"figure\":\"P8 L%d N%d\",\"value\":%.3f,\"unit\":\"us p50\","
	       "\"reference\":%.3f,\"ratio\":%.2f,\"goal\":\"<= 3, aim 1.5\","
	       "\"p99\":%.3f,\"agents\":%d,\"check\":%" PRIu64 "}\n",
		lanes, waiting, p50, ceiling, median(ratio, ROUNDS), median(slow, ROUNDS),
		AGENTS, (o.checksum + c.checksum) % 97);
	fflush(stdout);
	finish_ours(&o);
	finish_ceiling(&c);
	return p50;
}

int
main(int argc, char **argv)
{
	static const int lanes[] = {100, 1000};
	static const int waiting[] = {1000, 10000, 100000, 1000000};
	long decisions = argc > 1 ? strtol(argv[1], NULL, 10) : 300000;

	if (argc > 3) {
		run_size((int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10),
			decisions);
		return 0;
	}
	for (int l = 0; l < 2; l++) {
		double p50[4];

		for (int n = 0; n < 4; n++)
			p50[n] = run_size(lanes[l], waiting[n], decisions);
		printf("{\"figure\":\"P9 L%d\",\"value\":%.3f,\"unit\":\"us p50 at 1M\","
		       "\"reference\":%.3f,\"ratio\":%.2f,\"goal\":\"<= 8 and 1.5 us, "
		       "aim 5\"}\n",
			lanes[l], p50[3], p50[0], p50[3] / p50[0]);
		fflush(stdout);
	}
	return 0;
}
