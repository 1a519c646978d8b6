/* route/class.c - classes and their heads. */
#include "route/class.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hooks.h"
#include "route/able.h"
#include "route/ask.h"

#define ROUNDING 4e-15 /* relative; some units in the last place of a double */
#define NOBODY_WAITS ((struct class_bound){-INFINITY, 0})
#define NO_KEY ((struct order_key){INT64_MAX, INT64_MAX, UINT64_MAX})

/* ---- keys ---- */

static void
add_number(struct text *t, double value)
{
	int64_t bits;

	memcpy(&bits, &value, sizeof bits);
	text_add_int(t, bits);
	text_add_n(t, ",", 1);
}

static void
add_int(struct text *t, int64_t value)
{
	text_add_int(t, value);
	text_add_n(t, ",", 1);
}

static int
hold_agent(const struct contact *c)
{
	return c->target >= 0 ? c->target : c->affinity;
}

/* Everything that members share. */
static void
write_key(struct text *t, const struct contact *c, double half_life_ms)
{
	add_int(t, c->queue);
	add_int(t, c->channel);
	add_int(t, c->tier);
	add_int(t, c->sla_ms);
	add_int(t, c->calendar);
	add_number(t, c->value);
	add_number(t, c->law.late_weight);
	add_number(t, c->law.second);
	add_number(t, c->law.ageing_ms);
	add_number(t, half_life_ms);
	add_int(t, c->target);
	for (int i = 0; i < c->need.n; i++) {
		add_int(t, c->need.skill[i].skill);
		add_int(t, c->need.skill[i].level);
	}
	text_add_n(t, "|", 1);
	add_int(t, hold_agent(c));
	for (int i = 0; i < c->n_teams; i++)
		add_int(t, c->teams[i]);
}

/* The store's sorted set: coarser than the class, and by names, since indexes do not
 * outlive the process. Without the teams of steps, affinity, and T, of which there are as
 * many as contacts with a deadline of their own: Redis keeps all names ever used. */
static char *
store_key(const struct router *r, const struct contact *c)
{
	const struct centre *s = r->centre;
	struct text t = {0};
	uint64_t h = 14695981039346656037u;

	/* The hash keeps apart what the readable part does not show. */
	text_addf(&t, "%.17g %.17g %.17g %.17g %d", c->value, c->law.late_weight,
		c->law.second, c->law.ageing_ms, c->calendar);
	for (int i = 0; i < c->need.n; i++)
		text_addf(&t, " %s%d", s->skills[c->need.skill[i].skill],
			c->need.skill[i].level);
	if (c->target >= 0)
		text_addf(&t, " @%s", s->agents[c->target].id);
	for (size_t i = 0; i < t.n; i++)
		h = (h ^ (unsigned char)t.s[i]) * 1099511628211u;
	text_clear(&t);
	text_addf(&t, "%s:%s:%s:%08" PRIx32, s->queues[c->queue].name,
		s->channels[c->channel].name, s->tiers[c->tier].name,
		(uint32_t)(h ^ (h >> 32)));
	return text_take(&t);
}

/* The terms as decision records carry them (route/explain.c reads them back). */
static char *
terms_text(const struct router *r, const struct class *k)
{
	const struct centre *s = r->centre;
	struct text t = {0};

	text_addf(&t, "%s,%s,%s,%.17g,%" PRId64 ",%.17g,%.17g,%.17g,%s,",
		s->queues[k->queue].name, s->channels[k->channel].name,
		s->tiers[k->tier].name, k->terms.value, k->terms.sla_ms,
		k->terms.law.late_weight, k->terms.law.second, k->terms.law.ageing_ms,
		k->calendar >= 0 ? s->calendar_names[k->calendar] : "-");
	for (int i = 0; i < k->need.n; i++)
		text_addf(&t, "%s%s:%d", i > 0 ? "+" : "",
			s->skills[k->need.skill[i].skill], k->need.skill[i].level);
	if (k->need.n == 0)
		text_add(&t, "-");
	text_addf(&t, ",%s", k->only >= 0 ? s->agents[k->only].id : "-");
	return text_take(&t);
}

/* ---- making and freeing ---- */

/* How many tiers are worth less: fixed priorities go by what a tier is worth, wherever it
 * stands in the file. */
static int
tiers_below(const struct centre *s, double value)
{
	int below = 0;

	for (int i = 0; i < s->n_tiers; i++)
		below += s->tiers[i].value < value;
	return below;
}

/* What a comparator ranks by first, above the age (ROUTING 8). */
static double
comparator_rank(const struct centre *s, const struct contact *c)
{
	switch (s->kind) {
	case LAW_STRICT_TIER:
		return tiers_below(s, c->value) * 1000.0 - c->channel;
	case LAW_FIXED_PRIORITY:
		return tiers_below(s, c->value);
	case LAW_QUEUE_WEIGHTS:
		return s->queues[c->queue].weight;
	case LAW_DPV:
	case LAW_FCFS:
	case LAW_APQ:
	case LAW_EDF:
		break;
	}
	return 0;
}

static bool
is_held(const struct class *k)
{
	return k->deferrable && k->only >= 0;
}

/* A place for its bound. */
static uint32_t
bound_take(struct router *r)
{
	if (r->n_free_bounds > 0)
		return r->free_bounds[--r->n_free_bounds];
	if (r->n_bounds == r->room_bounds) {
		r->room_bounds = r->room_bounds != 0 ? r->room_bounds * 2 : 32;
		r->bounds = xreallocarray(r->bounds, r->room_bounds, sizeof r->bounds[0]);
		r->bound_owner = xreallocarray(
			r->bound_owner, r->room_bounds, sizeof r->bound_owner[0]);
		/* All of them may be free at once. */
		r->free_bounds = xreallocarray(
			r->free_bounds, r->room_bounds, sizeof r->free_bounds[0]);
	}
	return r->n_bounds++;
}

static struct class *
class_create(struct router *r, const struct contact *c, const char *key)
{
	struct class *k = xcalloc(1, sizeof *k);

	k->terms = (struct law_terms){.kind = r->centre->kind,
		.value = c->value,
		.half_life_ms = r->centre->half_life_ms,
		.law = c->law,
		.sla_ms = c->sla_ms,
		.rank = comparator_rank(r->centre, c)};
	law_settle(&k->terms);
	k->calendar = c->calendar;
	k->queue = c->queue;
	k->channel = c->channel;
	k->tier = c->tier;
	k->need = c->need;
	k->only = hold_agent(c);
	if (c->target >= 0)
		k->need.n = 0; /* a named agent serves it whatever his skills */
	k->n_teams = c->n_teams;
	memcpy(k->teams, c->teams, (size_t)c->n_teams * sizeof c->teams[0]);
	k->deferrable = r->centre->channels[c->channel].deferrable;
	k->release_ms = law_release_ms(&k->terms);
	k->release_at_ms = INT64_MAX;
	k->released_d_ms = INT64_MIN;
	k->key = xstrdup(key);
	k->store_key = store_key(r, c);
	k->terms_text = terms_text(r, k);
	if (r->n_classes == r->room_classes) {
		r->room_classes = r->room_classes != 0 ? r->room_classes * 2 : 32;
		r->classes = xreallocarray(
			r->classes, r->room_classes, sizeof(struct class *));
	}
	k->index = r->n_classes;
	r->classes[r->n_classes++] = k;
	r->n_held_classes += is_held(k);
	k->bound = bound_take(r);
	r->bounds[k->bound] = NOBODY_WAITS;
	r->bound_owner[k->bound] = (struct bound_owner){k, k->channel};
	map_put(&r->class_by_key, k->key, k);
	able_add_class(r, k);
	return k;
}

static void
class_destroy(struct router *r, struct class *k)
{
	able_remove_class(r, k);
	r->n_held_classes -= is_held(k);
	map_remove(&r->class_by_key, k->key);
	r->classes[k->index] = r->classes[--r->n_classes];
	r->classes[k->index]->index = k->index;
	r->free_bounds[r->n_free_bounds++] = k->bound;
	order_finish(&k->order);
	free(k->key);
	free(k->store_key);
	free(k->terms_text);
	free(k->able);
	free(k->able_bits);
	free(k);
}

struct class *
class_known(struct router *r, const struct contact *c)
{
	struct text *t = &r->scratch;

	text_clear(t);
	write_key(t, c, r->centre->half_life_ms);
	return map_get(&r->class_by_key, t->s);
}

struct class *
class_for(struct router *r, const struct contact *c)
{
	struct class *k = class_known(r, c);

	return k != NULL ? k : class_create(r, c, r->scratch.s);
}

void
class_destroy_all(struct router *r)
{
	while (r->n_classes > 0)
		class_destroy(r, r->classes[r->n_classes - 1]);
	free(r->classes);
	free(r->bounds);
	free(r->bound_owner);
	free(r->free_bounds);
	r->classes = NULL;
	r->bounds = NULL;
	r->bound_owner = NULL;
	r->free_bounds = NULL;
	r->room_classes = 0;
	r->n_bounds = r->room_bounds = r->n_free_bounds = 0;
}

/* ---- bounds ---- */

static struct class_bound
bound_from(struct law_bound bound, int64_t now_ms)
{
	return (struct class_bound){
		bound.value - bound.slope * (double)now_ms, bound.slope};
}

static struct law_bound
bound_of_head(const struct router *r, const struct class *k, const struct order_key *key,
	int64_t now_ms)
{
	int64_t slack_ms = class_slack_ms(r, k, key->d_ms, now_ms);

	return law_bound(&k->terms, slack_ms, slack_ms + k->terms.second_ms);
}

/*
 * What no head of a class is above: its late one, and the one in time. Members in time
 * score V at most, and once late they stand behind the late head; so a late head that
 * scores V is above all of them for good.
 */
static struct law_bound
bound_of_both(const struct class *k, struct law_bound late, struct law_bound in_time)
{
	if (late.value >= k->terms.head_ms)
		return late;
	return (struct law_bound){fmax(late.value, in_time.value), 1};
}

/* A new member is there, of whom nothing but d is known to matter: he may be in time or
 * late already. */
static void
loosen(struct router *r, struct class *k, int64_t d_ms, bool is_head)
{
	struct class_bound *bound = &r->bounds[k->bound];
	double now_ms = (double)r->latest_ms, value = class_bound_at(bound, now_ms);

	if (k->terms.kind != LAW_DPV || k->calendar >= 0) {
		bound->value = INFINITY;
	} else if (is_head || value < k->terms.head_ms) {
		double own = law_bound(&k->terms, 0, k->terms.second_ms).value + now_ms -
			     (double)d_ms;

		*bound =
			bound_from((struct law_bound){fmax(value, own), 1}, r->latest_ms);
	}
}

/* The head has left: the bound falls to that of the next one, or every agent who frees
 * would find this class at the top and score it in vain. The latest moment seen will do:
 * bounds hold from their moment on. */
static void
tighten(struct router *r, struct class *k)
{
	int64_t now_ms = r->latest_ms;
	struct class_bound *present = &r->bounds[k->bound];
	struct law_bound bound;

	if (k->terms.kind != LAW_DPV || k->calendar >= 0)
		return;
	bound = bound_of_head(r, k, &k->first, now_ms);
	if (k->first.d_ms < now_ms) {
		/* Those in time: at most V at their own deadline, which is not over. */
		struct law_bound in_time = {k->terms.head_ms, 0};

		if (k->in_time_known && k->in_time_item == NULL)
			in_time.value = -INFINITY;
		else if (k->in_time_known && k->in_time.d_ms >= now_ms)
			in_time = bound_of_head(r, k, &k->in_time, now_ms);
		bound = bound_of_both(k, bound, in_time);
	}
	if (bound.value < class_bound_at(present, (double)now_ms))
		*present = bound_from(bound, now_ms);
}

/* ---- members ---- */

static struct order_key
key_of(const struct contact *c)
{
	return (struct order_key){c->d_ms, c->t0_ms, c->id};
}

void
class_enter(struct router *r, struct class *k, struct contact *c)
{
	struct order_key key = key_of(c);
	bool is_head = k->n == 0 || order_compare(&key, &k->first) < 0;

	order_insert(&k->order, key, c);
	k->cooled = (k->n > 0 && k->cooled) || c->n_cooldowns > 0;
	k->n = k->order.n;
	c->class = k;
	if (is_head) {
		k->first = key;
		k->first_item = c;
	}
	loosen(r, k, c->d_ms, is_head);
	if (k->in_time_known &&
		(k->in_time_item == NULL || order_compare(&key, &k->in_time) < 0))
		k->in_time_known = false;
}

void
class_leave(struct router *r, struct contact *c)
{
	struct class *k = c->class;
	struct order_at at;

	order_remove(&k->order, key_of(c));
	k->n = k->order.n;
	c->class = NULL;
	if (k->in_time_item == c)
		k->in_time_known = false;
	if (k->n == 0) {
		k->in_time_known = false;
		r->bounds[k->bound] = NOBODY_WAITS;
		if (k->only >= 0 || r->n_classes > CLASSES_KEPT)
			class_destroy(r, k);
	} else if (k->first_item == c) {
		const struct order_entry *e = order_first(&k->order, &at);

		k->first = e->key;
		k->first_item = e->item;
		tighten(r, k);
	}
}

/* ---- slack and score ---- */

static const struct calendar *
calendar_of(const struct router *r, const struct class *k)
{
	return k->calendar >= 0 ? r->centre->calendars[k->calendar] : NULL;
}

int64_t
class_in_time_from_ms(const struct router *r, const struct class *k, int64_t now_ms)
{
	const struct calendar *calendar = calendar_of(r, k);

	return calendar != NULL ? calendar_add_ms(calendar, now_ms, 0) : now_ms;
}

int64_t
class_slack_ms(
	const struct router *r, const struct class *k, int64_t d_ms, int64_t now_ms)
{
	const struct calendar *calendar = calendar_of(r, k);

	return calendar != NULL ? calendar_between_ms(calendar, now_ms, d_ms)
				: d_ms - now_ms;
}

int64_t
class_slack2_ms(
	const struct router *r, const struct class *k, int64_t d_ms, int64_t now_ms)
{
	/* d2 lies (m-1) T of open time behind d, so its slack is that much more. */
	return class_slack_ms(r, k, d_ms, now_ms) + law_second_ms(&k->terms);
}

double
class_log2_score(const struct router *r, const struct class *k, int64_t d_ms,
	int64_t t0_ms, int64_t now_ms)
{
	int64_t slack_ms = class_slack_ms(r, k, d_ms, now_ms);

	return law_log2_score(
		&k->terms, slack_ms, slack_ms + law_second_ms(&k->terms), now_ms - t0_ms);
}

bool
candidate_before(const struct candidate *a, const struct candidate *b)
{
	if (a->contact == NULL || b->contact == NULL)
		return a->contact != NULL;
	/* Scores that are equal in the law may differ by rounding: V e (1 + x/A) can be
	 * reached in several ways. */
	if (fabs(a->log2_score - b->log2_score) > ROUNDING * (1 + fabs(a->log2_score)))
		return a->log2_score > b->log2_score;
	if (a->contact->t0_ms != b->contact->t0_ms)
		return a->contact->t0_ms < b->contact->t0_ms;
	return a->contact->id < b->contact->id;
}

bool
contact_cooled(const struct contact *c, int agent, int64_t now_ms)
{
	for (int i = 0; i < c->n_cooldowns; i++)
		if (c->cooldowns[i].agent == agent && c->cooldowns[i].until_ms > now_ms)
			return false;
	return true;
}

/* The first allowed entry from e on that lies before d_end; NULL when there is none. */
static struct contact *
pass_over(struct router *r, struct class *k, const struct order_entry *e,
	struct order_at *at, const struct agent *agent, int64_t d_end_ms, int64_t now_ms)
{
	while (e != NULL && e->key.d_ms < d_end_ms) {
		struct contact *c = e->item;

		if (agent == NULL || (contact_cooled(c, agent->index, now_ms) &&
					     ask_match(r, c, agent, now_ms)))
			return c;
		e = order_next(&k->order, at);
	}
	return NULL;
}

/* key: of c; the matcher reads no contact but where two scores are equal. */
static void
offer_head(struct router *r, struct class *k, struct contact *c,
	const struct order_key *key, int64_t now_ms, struct candidate *best)
{
	struct candidate head = {c, 0};

	if (c == NULL)
		return;
	head.log2_score = class_log2_score(r, k, key->d_ms, key->t0_ms, now_ms);
	if (candidate_before(&head, best))
		*best = head;
}

/* Finds the first member in time again, once the moment has passed the one found last. */
static void
refresh_in_time(struct class *k, int64_t from_ms)
{
	const struct order_entry *e;
	struct order_at at;

	if (k->in_time_known && (k->in_time_item == NULL || k->in_time.d_ms >= from_ms))
		return;
	e = order_from(&k->order, from_ms, &at);
	k->in_time_known = true;
	k->in_time_item = e != NULL ? e->item : NULL;
	k->in_time = e != NULL ? e->key : NO_KEY;
}

/* Those behind a head of either group never score higher than it. Cool-downs and the
 * reserve end by time alone, so that they do not count. */
static struct class_bound
bound_of_heads(const struct router *r, const struct class *k, bool late, int64_t now_ms)
{
	struct law_bound bound = {-INFINITY, 1}, in_time = {-INFINITY, 1};

	if (k->terms.kind != LAW_DPV)
		return (struct class_bound){INFINITY, 0};
	if (k->in_time_item != NULL)
		in_time = bound_of_head(r, k, &k->in_time, now_ms);
	if (late)
		bound = bound_of_head(r, k, &k->first, now_ms);
	return bound_from(bound_of_both(k, bound, in_time), now_ms);
}

/* Overload is the usual state of long queues: a late head that scores more than anybody
 * in time can (V) wins without the first one in time being looked for, which may lie deep
 * in memory. False: not so. */
static bool
late_head_wins(struct router *r, struct class *k, int64_t now_ms, struct candidate *best)
{
	if (k->terms.kind != LAW_DPV)
		return false;
	best->contact = k->first_item;
	best->log2_score = class_log2_score(r, k, k->first.d_ms, k->first.t0_ms, now_ms);
	if (!(best->log2_score > k->terms.log2_value))
		return false;
	r->bounds[k->bound] = bound_from(bound_of_head(r, k, &k->first, now_ms), now_ms);
	return true;
}

struct candidate
class_best(struct router *r, struct class *k, const struct agent *agent, bool held_back,
	int64_t now_ms)
{
	struct candidate best = {NULL, 0};
	/* He may not have the very head: cool-downs, or plugins that refuse him. */
	bool picky = k->cooled || (agent != NULL && hooks_has(r->hooks, HOOK_MATCH));
	struct order_key late_key = k->first, in_time_key;
	struct contact *late = NULL, *in_time;
	struct order_at at;
	int64_t from_ms;

	if (k->n == 0)
		return best;
	/* Whoever wins is touched, and lies where nothing was touched since he came. */
	__builtin_prefetch(k->first_item);
	from_ms = class_in_time_from_ms(r, k, now_ms);
	if (k->first.d_ms < from_ms) {
		late = k->first_item;
		if (!picky && late_head_wins(r, k, now_ms, &best))
			return best;
		best = (struct candidate){NULL, 0};
	}
	refresh_in_time(k, from_ms);
	r->bounds[k->bound] = bound_of_heads(r, k, late != NULL, now_ms);
	in_time = k->in_time_item;
	in_time_key = k->in_time;
	if (picky && late != NULL) {
		late = pass_over(
			r, k, order_first(&k->order, &at), &at, agent, from_ms, now_ms);
		late_key = late != NULL ? key_of(late) : NO_KEY;
	}
	if (picky && in_time != NULL) {
		in_time = pass_over(r, k, order_from(&k->order, from_ms, &at), &at, agent,
			INT64_MAX, now_ms);
		in_time_key = in_time != NULL ? key_of(in_time) : NO_KEY;
	}
	if (held_back && in_time != NULL &&
		class_slack_ms(r, k, in_time_key.d_ms, now_ms) > k->release_ms)
		in_time = NULL;
	offer_head(r, k, late, &late_key, now_ms, &best);
	offer_head(r, k, in_time, &in_time_key, now_ms, &best);
	return best;
}

/* Entries of [low, high) of d whose score, t0 and id go before; the group is ordered, so
 * the first miss ends it. */
static int64_t
count_group(struct router *r, struct class *k, int64_t low_ms, int64_t high_ms,
	double log2_score, int64_t t0_ms, uint64_t id, int64_t now_ms)
{
	struct contact asked = {.t0_ms = t0_ms, .id = id};
	struct candidate other = {&asked, log2_score};
	int64_t begin =
		(int64_t)order_rank(&k->order, (struct order_key){low_ms, INT64_MIN, 0});
	int64_t end = high_ms == INT64_MAX
			      ? (int64_t)k->order.n
			      : (int64_t)order_rank(&k->order,
					(struct order_key){high_ms, INT64_MIN, 0});
	int64_t from = begin, to = end;
	size_t chunk_base = 0, chunk = 0;

	/* Binary search over ranks; entries are reached through the chunk counts. */
	while (from < to) {
		int64_t middle = (from + to) / 2;
		const struct order_entry *e =
			order_nth(&k->order, (size_t)middle, &chunk, &chunk_base);
		struct candidate member = {e->item,
			class_log2_score(r, k, e->key.d_ms, e->key.t0_ms, now_ms)};

		if (candidate_before(&member, &other))
			from = middle + 1;
		else
			to = middle;
	}
	return from - begin;
}

int64_t
class_count_before(struct router *r, struct class *k, double log2_score, int64_t t0_ms,
	uint64_t id, int64_t now_ms)
{
	int64_t from_ms = class_in_time_from_ms(r, k, now_ms);

	if (k->n == 0)
		return 0;
	return count_group(r, k, INT64_MIN, from_ms, log2_score, t0_ms, id, now_ms) +
	       count_group(r, k, from_ms, INT64_MAX, log2_score, t0_ms, id, now_ms);
}

void
class_plan_release(struct router *r, struct class *k, int64_t now_ms, bool done)
{
	const struct calendar *calendar = calendar_of(r, k);
	const struct order_entry *e;
	struct order_at at;
	int64_t ahead_ms;

	k->release_at_ms = INT64_MAX;
	if (!k->deferrable)
		return;
	if (done)
		k->released_d_ms = 1 + (calendar != NULL ? calendar_add_ms(calendar,
								   now_ms, k->release_ms)
							 : now_ms + k->release_ms);
	/* The first member that was not let go yet; its moment may have passed. */
	e = k->n > 0 ? order_from(&k->order, k->released_d_ms, &at) : NULL;
	if (e == NULL)
		return;
	ahead_ms = class_slack_ms(r, k, e->key.d_ms, now_ms) - k->release_ms;
	if (ahead_ms <= 0)
		k->release_at_ms = now_ms + done;
	else
		k->release_at_ms = calendar != NULL
					   ? calendar_add_ms(calendar, now_ms, ahead_ms)
					   : now_ms + ahead_ms;
	if (k->release_at_ms < r->release_at_ms)
		r->release_at_ms = k->release_at_ms;
}
