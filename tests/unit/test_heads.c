/*
 * route/class.c and route/heads.c against brute force: over more than a million random
 * decisions the heads of the classes name the same contact as scoring every waiting one
 * does. The brute force is written from the law's text and shares no code with route/ or
 * model/calendar.c.
 */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"
#include "route/able.h"
#include "route/class.h"
#include "route/heads.h"
#include "route/stage.h"

#define WAITING_MOST 48
#define CLASSES 12 /* kinds of contacts in one world */
#define CLASSES_MOST 64
#define AGENTS 3       /* who ask */
#define DEFERRABLE 1   /* channel that the reserve holds back */
#define RESERVE 5      /* more than there are agents */
#define DECISIONS 1000 /* of one world */
#define WORLDS 1100
#define DAY_MS INT64_C(86400000)
#define MONDAY_MS INT64_C(1609718400000) /* 2021-01-04 00:00 UTC */

/* ---- the world: terms of classes, contacts as the text sees them ---- */

struct kind {
	int64_t T, H;
	double V, e, m, A;
	bool calendar;
	int queue, channel;
};

struct member {
	struct contact *contact; /* owned */
	const struct kind *kind;
	int64_t t0, d; /* d on the clock */
	uint64_t id;
};

struct world {
	struct kind kinds[CLASSES];
	struct member waiting[WAITING_MOST];
	int n;
	int64_t now;
	uint64_t last_id;
	struct centre *centre;
	struct router *router;
};

/* ---- brute force ---- */

/* Mon-Fri 9-17 UTC, counted from a Monday: open ms before a moment. */
static int64_t
open_before(int64_t at)
{
	int64_t day = (at - MONDAY_MS) / DAY_MS, ms = (at - MONDAY_MS) % DAY_MS;
	int64_t weeks = day / 7, weekday = day % 7;
	int64_t open = (weeks * 5 + (weekday < 5 ? weekday : 5)) * 8 * 3600000;

	if (weekday < 5 && ms > 9 * 3600000)
		open += (ms < 17 * 3600000 ? ms : 17 * 3600000) - 9 * 3600000;
	return open;
}

static int64_t
slack(const struct world *w, const struct member *x)
{
	if (!x->kind->calendar)
		return x->d - w->now;
	return open_before(x->d) - open_before(w->now);
}

/* log2 of the score, straight from the definition. */
static long double
score(const struct world *w, const struct member *x)
{
	const struct kind *k = x->kind;
	int64_t s = slack(w, x), s2 = s + llroundl((k->m - 1) * (long double)k->T);

	if (s >= 0)
		return log2l(k->V) - (long double)s / k->H;
	if (s2 >= 0)
		return log2l((long double)k->V * k->e) - (long double)s2 / k->H;
	return log2l((long double)k->V * k->e * (1 + (long double)-s2 / k->A));
}

static bool
cooled(const struct world *w, const struct member *x, int agent)
{
	const struct contact *c = x->contact;

	for (int i = 0; i < c->n_cooldowns; i++)
		if (c->cooldowns[i].agent == agent && c->cooldowns[i].until_ms > w->now)
			return false;
	return true;
}

/* The reserve holds back what is still ahead of the moment at which V 2^(-s/H) is 1/2. */
static bool
let_go(const struct world *w, const struct member *x)
{
	long double s = slack(w, x);

	return s <= 0 || s <= x->kind->H * log2l(2 * x->kind->V);
}

/* The order of the law; scores that only rounding parts count as equal. */
static bool
goes_before(const struct world *w, const struct member *a, const struct member *b)
{
	long double x = score(w, a), y = score(w, b);

	if (fabsl(x - y) > 1e-15L * (1 + fabsl(x)))
		return x > y;
	if (a->t0 != b->t0)
		return a->t0 < b->t0;
	return a->id < b->id;
}

/* held_back: of all (HELD_ALL) or of those of the deferrable channel alone. */
enum held {
	HELD_NONE,
	HELD_ALL,
	HELD_DEFERRABLE
};

static bool
is_held(const struct member *x, enum held held)
{
	return held == HELD_ALL ||
	       (held == HELD_DEFERRABLE && x->kind->channel == DEFERRABLE);
}

static const struct member *
brute_best(const struct world *w, int agent, enum held held)
{
	const struct member *best = NULL;

	for (int i = 0; i < w->n; i++) {
		const struct member *x = &w->waiting[i];

		if (!cooled(w, x, agent) || (is_held(x, held) && !let_go(w, x)))
			continue;
		if (best == NULL || goes_before(w, x, best))
			best = x;
	}
	return best;
}

/* ---- the heads ---- */

static struct candidate
heads_best(struct world *w, int agent, bool held_back)
{
	struct agent asking = {.index = agent};
	struct candidate best = {NULL, 0};

	for (size_t i = 0; i < w->router->n_classes; i++) {
		struct candidate one = class_best(
			w->router, w->router->classes[i], &asking, held_back, w->now);

		if (candidate_before(&one, &best))
			best = one;
	}
	return best;
}

/* ---- making worlds ---- */

static void
make_kind(struct kind *k, const struct world *w)
{
	*k = (struct kind){.H = (int64_t)w->centre->half_life_ms,
		.T = (int64_t)PICK(
			0, 1000, 20000, 20000, 30000, 300000, 900000, 14400000),
		.V = PICK(1, 1, 2, 3, 4, 8, 1e6, 1e12),
		.e = PICK(0.1, 0.25, 0.5, 1),
		.m = PICK(1, 1, 1.5, 2, 3),
		.A = PICK(0.001, 1, 10000, 150000, 600000),
		.calendar = draw(4) == 0,
		.queue = (int)draw(2),
		.channel = (int)draw(2)};
}

static struct calendar *
office(void)
{
	struct calendar *c = calendar_create(NULL);

	for (int day = 0; day < 5; day++)
		assert_true(calendar_add_hours(c, day, 9 * 60, 17 * 60));
	return c;
}

/* As few settings as classes need to be told apart and keyed. */
static struct centre *
make_centre(void)
{
	struct centre *c = xcalloc(1, sizeof(*c));

	c->refs = 1;
	c->version = 1;
	c->half_life_ms = PICK(15000, 60000, 60000, 240000);
	c->speed = 1;
	c->n_queues = 2;
	c->queues = xcalloc(2, sizeof(struct queue));
	c->queues[0].name = xstrdup("one");
	c->queues[1].name = xstrdup("two");
	c->queues[0].reserve = c->queues[1].reserve = RESERVE;
	c->n_channels = 2;
	c->channels = xcalloc(2, sizeof(struct channel));
	c->channels[0].name = xstrdup("voice");
	c->channels[0].cost_pts = 100;
	c->channels[DEFERRABLE].name = xstrdup("email");
	c->channels[DEFERRABLE].cost_pts = 25;
	c->channels[DEFERRABLE].deferrable = true;
	c->n_agents = AGENTS;
	c->agents = xcalloc(AGENTS, sizeof(struct agent_settings));
	for (int i = 0; i < AGENTS; i++) {
		c->agents[i].id = xasprintf("a%d", i);
		c->agents[i].team = -1;
	}
	c->n_tiers = 1;
	c->tiers = xcalloc(1, sizeof(struct tier));
	c->tiers[0].name = xstrdup("only");
	c->n_calendars = 1;
	c->calendars = xcalloc(1, sizeof(struct calendar *));
	c->calendars[0] = office();
	c->calendar_names = xcalloc(1, sizeof(char *));
	c->calendar_names[0] = xstrdup("office");
	return c;
}

static void
make_agents(struct router *r)
{
	r->n_agents = AGENTS;
	r->agents = xcalloc(AGENTS, sizeof(struct agent));
	for (int i = 0; i < AGENTS; i++) {
		struct agent *a = &r->agents[i];

		*a = (struct agent){.index = i,
			.state = AGENT_READY,
			.routable = true,
			.login_ms = 1,
			.capacity_pts = 100,
			.takes_live = true,
			.n_channels = 2,
			.room_slot = (size_t)i};
		a->channel_off = xcalloc(2, sizeof(bool));
		a->channel_cost = xcalloc(2, sizeof(int));
		a->channel_cost[0] = a->channel_cost[1] = -1;
	}
}

static void
make_world(struct world *w)
{
	*w = (struct world){
		.now = MONDAY_MS + 30 * DAY_MS + draw(7 * 86400) * INT64_C(1000)};
	w->centre = make_centre();
	w->router = xcalloc(1, sizeof(*w->router));
	w->router->centre = w->centre;
	w->router->store_up = true;
	make_agents(w->router);
	for (int i = 0; i < CLASSES; i++)
		make_kind(&w->kinds[i], w);
}

static void
leave(struct world *w, int i)
{
	struct contact *c = w->waiting[i].contact;

	class_leave(w->router, c);
	free(c->cooldowns);
	free(c);
	w->waiting[i] = w->waiting[--w->n];
}

static void
end_world(struct world *w)
{
	while (w->n > 0)
		leave(w, w->n - 1);
	class_destroy_all(w->router);
	for (int i = 0; i < AGENTS; i++) {
		free(w->router->agents[i].classes);
		free(w->router->agents[i].bounds);
		free(w->router->agents[i].channel_off);
		free(w->router->agents[i].channel_cost);
	}
	free(w->router->agents);
	free(w->router->scored);
	map_finish(&w->router->class_by_key);
	text_finish(&w->router->scratch);
	free(w->router);
	centre_unref(w->centre);
}

/* Arrived at some time up to now, on a coarse grid: ties are what is tested. */
static void
enter(struct world *w)
{
	const struct kind *k = &w->kinds[draw(CLASSES)];
	struct contact *c = xcalloc(1, sizeof(*c));
	struct member *x = &w->waiting[w->n];
	int64_t age = draw(4) == 0 ? (int64_t)draw(40000) * 1000 : draw(80) * 500;

	*x = (struct member){
		.contact = c, .kind = k, .t0 = w->now - age, .id = ++w->last_id};
	x->d = k->calendar ? calendar_add_ms(w->centre->calendars[0], x->t0, k->T)
			   : x->t0 + k->T;
	c->id = x->id;
	c->state = CONTACT_QUEUED;
	c->queue = k->queue;
	c->channel = k->channel;
	c->t0_ms = x->t0;
	c->d_ms = x->d;
	c->sla_ms = k->T;
	c->value = k->V;
	c->law = (struct law){.late_weight = k->e, .second = k->m, .ageing_ms = k->A};
	c->calendar = k->calendar ? 0 : -1;
	c->target = c->affinity = c->last_agent = c->agent = -1;
	c->due_slot = SIZE_MAX;
	class_enter(w->router, class_for(w->router, c), c);
	w->n++;
}

static void
reject(struct world *w)
{
	struct contact *c = w->waiting[draw((uint32_t)w->n)].contact;
	int agent = (int)draw(AGENTS);

	contact_cool(c, agent, w->now + (int64_t)draw(20) * 500);
}

static void
move_on(struct world *w)
{
	switch (draw(16)) {
	case 0:
		w->now += (int64_t)draw(7200) * 1000;
		break;
	case 1:
		break;
	default:
		w->now += draw(12) * 500;
	}
	/* Arrivals may come before anything else has told the router the time. */
	if (draw(4) != 0)
		w->router->latest_ms = w->now;
	while (w->n < WAITING_MOST && draw(3) != 0)
		enter(w);
	if (w->n > 0 && draw(4) == 0)
		reject(w);
	if (w->n > 0 && draw(3) == 0)
		leave(w, (int)draw((uint32_t)w->n));
}

static int
index_of(const struct world *w, const struct contact *c)
{
	for (int i = 0; i < w->n; i++)
		if (w->waiting[i].contact == c)
			return i;
	return -1;
}

static void
say_difference(struct world *w, const struct member *brute, struct candidate heads)
{
	int i = index_of(w, heads.contact);
	const struct member *h = i >= 0 ? &w->waiting[i] : NULL;

	fail_msg("at %" PRId64 " of %d waiting: brute force says %" PRIu64
		 " (V %g T %" PRId64 " t0 %" PRId64 " log2 %.20Lg), the heads %" PRIu64
		 " (V %g T %" PRId64 " t0 %" PRId64 " log2 %.20Lg)",
		w->now, w->n, brute != NULL ? brute->id : 0,
		brute != NULL ? brute->kind->V : 0, brute != NULL ? brute->kind->T : 0,
		brute != NULL ? brute->t0 : 0, brute != NULL ? score(w, brute) : 0,
		h != NULL ? h->id : 0, h != NULL ? h->kind->V : 0,
		h != NULL ? h->kind->T : 0, h != NULL ? h->t0 : 0,
		h != NULL ? score(w, h) : 0);
}

static void
heads_pick_what_scoring_every_waiting_contact_picks(void **state)
{
	int64_t decisions = 0, taken = 0;

	(void)state;
	for (int number = 0; number < WORLDS; number++) {
		struct world w;

		seed_state = (uint64_t)number + 1;
		make_world(&w);
		for (int i = 0; i < DECISIONS; i++) {
			int agent = (int)draw(AGENTS);
			bool held_back = draw(5) == 0;
			const struct member *brute;
			struct candidate heads;

			move_on(&w);
			brute = brute_best(&w, agent, held_back ? HELD_ALL : HELD_NONE);
			heads = heads_best(&w, agent, held_back);
			if (heads.contact != (brute != NULL ? brute->contact : NULL))
				say_difference(&w, brute, heads);
			decisions++;
			if (heads.contact == NULL || draw(3) == 0)
				continue;
			leave(&w, index_of(&w, heads.contact));
			taken++;
		}
		end_world(&w);
	}
	print_message(
		"%" PRId64 " decisions, %" PRId64 " contacts taken\n", decisions, taken);
	assert_true(decisions > 1000000);
}

/* The next best by asking each class, the winner's among them. */
static int
ask_all(struct world *w, int agent, struct candidate list[CLASSES_MOST])
{
	struct agent *a = &w->router->agents[agent];
	int n = 0;

	for (size_t i = 0; i < w->router->n_classes; i++) {
		struct class *k = w->router->classes[i];
		struct candidate one = class_best(
			w->router, k, a, able_held_back(w->router, k, a), w->now);
		int at = n;

		if (one.contact == NULL)
			continue;
		assert_true(n < CLASSES_MOST);
		while (at > 0 && candidate_before(&one, &list[at - 1])) {
			list[at] = list[at - 1];
			at--;
		}
		list[at] = one;
		n++;
	}
	return n;
}

static void
the_record_names_the_next_best(struct world *w, int agent, const struct heads *h)
{
	struct candidate list[CLASSES_MOST];
	int n = ask_all(w, agent, list);

	assert_int_equal(h->n_rivals, n == 0			   ? 0
				      : n - 1 < EXPLAIN_RIVALS_MAX ? n - 1
								   : EXPLAIN_RIVALS_MAX);
	for (int i = 0; i < h->n_rivals; i++)
		assert_ptr_equal(h->rival[i].candidate.contact, list[i + 1].contact);
	assert_true(h->n >= n);
}

/* What is read of classes is out of date at most times: never too low. */
static void
bounds_lead_to_the_same_contact(void **state)
{

	(void)state;
	for (int number = 0; number < WORLDS / 4; number++) {
		struct world w;

		seed_state = (uint64_t)number + 5000;
		make_world(&w);
		w.router->recording = number % 2 == 0;
		for (int i = 0; i < DECISIONS; i++) {
			int agent = (int)draw(AGENTS);
			const struct member *brute;
			struct heads heads;

			move_on(&w);
			heads_find(w.router, &w.router->agents[agent], w.now, &heads);
			brute = brute_best(&w, agent, HELD_DEFERRABLE);
			if (heads.best.candidate.contact !=
				(brute != NULL ? brute->contact : NULL))
				say_difference(&w, brute, heads.best.candidate);
			/* Asking all makes all bounds true: not each time. */
			if (w.router->recording && draw(8) == 0)
				the_record_names_the_next_best(&w, agent, &heads);
			if (brute != NULL && draw(3) != 0)
				leave(&w, index_of(&w, brute->contact));
		}
		end_world(&w);
	}
}

/* Of every member, not of the heads alone: who stands behind them is a head once they
 * have left. */
static void
no_bound_is_below(struct world *w, int64_t at_ms)
{
	int64_t now = w->now;

	w->now = at_ms;
	for (int i = 0; i < w->n; i++) {
		const struct member *x = &w->waiting[i];
		const struct class *k = x->contact->class;
		const struct class_bound *b = &w->router->bounds[k->bound];
		long double is = score(w, x) * x->kind->H;
		double bound = b->value + b->slope * (double)at_ms;

		if (bound < (double)is - 0.1)
			fail_msg("%" PRId64 " ms later the bound is %.3f, the score "
				 "%.3Lf (V %g T %" PRId64 " H %" PRId64
				 " e %g m %g A %g slack %" PRId64 ")",
				at_ms - now, bound, is, x->kind->V, x->kind->T,
				x->kind->H, x->kind->e, x->kind->m, x->kind->A,
				slack(w, x));
	}
	w->now = now;
}

/* The classes are made anew, as a reload does, and what it cannot change stays. */
static void
make_classes_anew(struct world *w)
{
	for (int i = 0; i < w->n; i++)
		class_leave(w->router, w->waiting[i].contact);
	class_destroy_all(w->router);
	for (int i = 0; i < w->n; i++) {
		struct contact *c = w->waiting[i].contact;

		class_enter(w->router, class_for(w->router, c), c);
	}
}

static void
bounds_hold_for_all_members_and_all_time_to_come(void **state)
{
	(void)state;
	for (int number = 0; number < WORLDS / 16; number++) {
		struct world w;

		seed_state = (uint64_t)number + 9000;
		make_world(&w);
		for (int i = 0; i < DECISIONS; i++) {
			struct agent *asking = &w.router->agents[draw(AGENTS)];
			struct heads heads;

			move_on(&w);
			no_bound_is_below(&w, w.now);
			if (draw(2) == 0)
				heads_find(w.router, asking, w.now, &heads);
			if (w.n > 0 && draw(3) == 0)
				leave(&w, (int)draw((uint32_t)w.n));
			if (draw(50) == 0)
				make_classes_anew(&w);
			no_bound_is_below(&w, w.now + draw(4) * draw(600000));
			no_bound_is_below(&w, w.now + (int64_t)draw(1000) * 3600000);
		}
		end_world(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_pick_what_scoring_every_waiting_contact_picks),
		cmocka_unit_test(bounds_lead_to_the_same_contact),
		cmocka_unit_test(bounds_hold_for_all_members_and_all_time_to_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
