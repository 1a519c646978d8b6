/* route/match.c - which contact for a freed agent, which agent for a contact (ROUTING 7,
 * 9). */
#include <stdlib.h>
#include <string.h>

#include "route/able.h"
#include "route/ask.h"
#include "route/choose.h"
#include "route/explain.h"
#include "route/heads.h"
#include "route/stage.h"

void
match_agent(struct router *r, struct agent *a, int64_t now_ms, const char *trigger)
{
	struct heads h;

	while (r->store_up && a->room_slot != SIZE_MAX) {
		struct contact *c;
		char *why;
		bool parks;

		heads_find(r, a, now_ms, &h);
		c = h.best.candidate.contact;
		if (c == NULL)
			return;
		if (carry_summons(r, c, now_ms, NULL))
			continue;
		r->counts.decisions++;
		if (agent_room(r, a, c->channel, &parks) != ABLE_FREE)
			return; /* cannot be: find_heads asked the same */
		why = explain_why_contact(r, c, h.best.candidate.log2_score,
			h.n_rivals > 0 ? &h.rival[0] : NULL, h.n, now_ms);
		if (r->recording)
			explain_contact_choice(r, c, a, trigger,
				h.best.candidate.log2_score, h.rival, h.n_rivals, h.n,
				now_ms);
		why = ask_offer(r, c, a, why, now_ms);
		offer_make(r, c, a, parks, now_ms, NULL, why);
		free(why);
	}
}

bool
match_contact(struct router *r, struct contact *c, int64_t now_ms, struct step *add,
	const char *trigger)
{
	struct choices choices;
	struct choice *winner = &choices.best;
	char *why;

	if (!r->store_up || c->state != CONTACT_QUEUED || r->n_with_room == 0)
		return false;
	choose_agent(r, c, now_ms, &choices);
	if (winner->agent == NULL || carry_summons(r, c, now_ms, add))
		return false;
	r->counts.decisions++;
	why = explain_why_agent(r, c, &choices);
	if (r->recording)
		explain_agent_choice(r, c, &choices, trigger, now_ms);
	why = ask_offer(r, c, winner->agent, why, now_ms);
	offer_make(r, c, winner->agent, winner->parks, now_ms, add, why);
	free(why);
	return true;
}

/* Its head may not go to those who are free, but others behind it may. */
static void
match_able(struct router *r, const struct class *k, int64_t now_ms)
{
	int n = k->n_able, *able = xcalloc((size_t)n, sizeof able[0]);

	memcpy(able, k->able, (size_t)n * sizeof able[0]); /* the class may be freed */
	for (int i = 0; i < n; i++)
		match_agent(r, agent_at(r, able[i]), now_ms, "reserve");
	free(able);
}

static void
match_held_back_class(struct router *r, struct class *k, int64_t now_ms)
{
	while (k->n > 0 && r->n_with_room > 0) {
		struct candidate best =
			class_best(r, k, NULL, able_held_back(r, k, NULL), now_ms);
		bool last = k->n == 1; /* the class may be freed with it */

		if (best.contact == NULL)
			return;
		if (!match_contact(r, best.contact, now_ms, NULL, "reserve")) {
			if (!last && (best.contact->n_cooldowns > 0 || r->hooks != NULL))
				match_able(r, k, now_ms);
			return;
		}
		if (last)
			return;
	}
}

void
match_held_back(struct router *r, int64_t now_ms)
{
	for (size_t i = r->n_classes; i > 0; i--)
		if (i <= r->n_classes && r->classes[i - 1]->deferrable)
			match_held_back_class(r, r->classes[i - 1], now_ms);
}

void
match_held_back_for(struct router *r, const struct agent *a, int64_t now_ms)
{
	for (int i = a->n_classes; i > 0; i--)
		if (i <= a->n_classes && a->classes[i - 1]->deferrable &&
			a->classes[i - 1]->n > 0)
			match_held_back_class(r, a->classes[i - 1], now_ms);
	/* What is held for another agent is kept by the same reserve. */
	for (size_t i = r->n_held_classes > 0 ? r->n_classes : 0; i > 0; i--)
		if (i <= r->n_classes && r->classes[i - 1]->deferrable &&
			r->classes[i - 1]->only >= 0 &&
			r->classes[i - 1]->only != a->index)
			match_held_back_class(r, r->classes[i - 1], now_ms);
}

static int
by_score(const void *a, const void *b)
{
	const struct contact *const *left = a, *const *right = b;
	struct candidate x = {(struct contact *)*left, (*left)->log2_score};
	struct candidate y = {(struct contact *)*right, (*right)->log2_score};

	return candidate_before(&x, &y) ? -1 : candidate_before(&y, &x) ? 1 : 0;
}

/* How many contacts of the class the agents with room could take at most. */
static size_t
room_for_class(const struct router *r, const struct class *k)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_with_room; i++) {
		const struct agent *a = r->with_room[i];
		int cost = agent_cost_pts(r, a, k->channel);

		if (!able_has(k, a->index))
			continue;
		n += cost > 0 ? (size_t)(a->capacity_pts / cost) : k->n;
	}
	return n;
}

/* Members that the reserve lets go by now join what time made possible; no more than
 * could find an agent. */
static void
gather_released(struct router *r, int64_t now_ms)
{
	r->release_at_ms = INT64_MAX;
	for (size_t i = 0; i < r->n_classes; i++) {
		struct class *k = r->classes[i];
		const struct order_entry *e;
		struct order_at at;
		size_t left;

		if (k->release_at_ms > now_ms) {
			if (k->release_at_ms < r->release_at_ms)
				r->release_at_ms = k->release_at_ms;
			continue;
		}
		left = room_for_class(r, k);
		e = order_from(&k->order, k->released_d_ms, &at);
		while (e != NULL && left > 0 &&
			class_slack_ms(r, k, e->key.d_ms, now_ms) <= k->release_ms) {
			struct contact *c = e->item;

			/* Those whom an agent may not have take nobody's room. */
			left -= c->n_cooldowns == 0 && r->hooks == NULL;
			contact_dirty(r, c);
			e = order_next(&k->order, &at);
		}
		class_plan_release(r, k, now_ms, true);
	}
}

void
match_dirty(struct router *r, int64_t now_ms)
{
	struct contact **list;
	size_t n = 0;

	if (r->release_at_ms <= now_ms)
		gather_released(r, now_ms);
	if (r->n_dirty == 0)
		return;
	/* Best first; a list of our own, since matching may dirty others. */
	list = r->dirty;
	r->dirty = NULL;
	for (size_t i = 0; i < r->n_dirty; i++) {
		struct contact *c = list[i];

		if (c == NULL)
			continue;
		c->dirty = false;
		if (c->state != CONTACT_QUEUED)
			continue;
		c->log2_score = class_log2_score(r, c->class, c->d_ms, c->t0_ms, now_ms);
		list[n++] = c;
	}
	r->n_dirty = r->room_dirty = 0;
	qsort(list, n, sizeof(struct contact *), by_score);
	for (size_t i = 0; i < n; i++)
		match_contact(r, list[i], now_ms, NULL, "time");
	free(list);
}
