/* route/explain_wait.c - why a contact waits: what goes before it and by how much, who
 * could serve it and why nobody does. */
#include <stdlib.h>

#include "route/able.h"
#include "route/explain.h"
#include "route/stage.h"

/* The members that stand before c at one end of a class, first ones first. */
static void
collect(struct router *r, struct class *k, const struct order_entry *e,
	struct order_at *at, int64_t end_ms, const struct candidate *c, int64_t now_ms,
	struct rival *list, int *n)
{
	for (int i = 0; i < EXPLAIN_RIVALS_MAX && e != NULL && e->key.d_ms < end_ms;
		i++) {
		struct rival one = {k, {e->item, class_log2_score(r, k, e->key.d_ms,
							 e->key.t0_ms, now_ms)}};
		int to = *n;

		if (!candidate_before(&one.candidate, c))
			return;
		while (to > 0 &&
			candidate_before(&one.candidate, &list[to - 1].candidate))
			to--;
		if (to == EXPLAIN_RIVALS_MAX)
			return;
		if (*n < EXPLAIN_RIVALS_MAX)
			(*n)++;
		for (int j = *n - 1; j > to; j--)
			list[j] = list[j - 1];
		list[to] = one;
		e = order_next(&k->order, at);
	}
}

static json_t *
before_json(struct router *r, const struct contact *c, const struct candidate *self,
	int64_t now_ms)
{
	struct rival list[EXPLAIN_RIVALS_MAX];
	json_t *out = json_array();
	int n = 0;

	for (size_t i = 0; i < r->n_classes; i++) {
		struct class *k = r->classes[i];
		int64_t from_ms;
		struct order_at at;

		if (k->n == 0 || !able_share(c->class, k))
			continue;
		from_ms = class_in_time_from_ms(r, k, now_ms);
		collect(r, k, order_first(&k->order, &at), &at, from_ms, self, now_ms,
			list, &n);
		collect(r, k, order_from(&k->order, from_ms, &at), &at, INT64_MAX, self,
			now_ms, list, &n);
	}
	for (int i = 0; i < n; i++) {
		json_t *one = explain_standing_json(
			r, list[i].class, &list[i].candidate, now_ms);

		if (r->centre->kind == LAW_DPV)
			json_object_set_new(one, "ahead_s",
				json_real((list[i].candidate.log2_score -
						  self->log2_score) *
					  r->centre->half_life_ms / 1000));
		json_array_append_new(out, one);
	}
	return out;
}

/* Able agents who are here, by reason why they have not got it; the first few by name.
 * Who is not logged in is counted alone. */
static void
put_agents(json_t *out, const struct router *r, const struct contact *c, int64_t now_ms)
{
	json_t *unable = json_array(), *counts = json_object();
	int by_reason[ABLE_REASONS] = {0};

	for (int i = 0; i < c->class->n_able; i++) {
		const struct agent *a = &r->agents[c->class->able[i]];
		bool parks;
		enum able_reason why = agent_room_for(r, a, c, now_ms, &parks);

		by_reason[why]++;
		if (json_array_size(unable) < CHOICE_RIVALS_MAX && why != ABLE_FREE &&
			why != ABLE_OFFLINE)
			json_array_append_new(
				unable, json_pack("{s:s, s:s}", "agent",
						r->centre->agents[a->index].id, "reason",
						able_reason_name[why]));
	}
	for (int i = 0; i < ABLE_REASONS; i++)
		if (by_reason[i] > 0)
			json_object_set_new(
				counts, able_reason_name[i], json_integer(by_reason[i]));
	json_object_set_new(out, "able_agents",
		json_integer(c->class->n_able - by_reason[ABLE_OFFLINE]));
	json_object_set_new(out, "unable", unable);
	json_object_set_new(out, "unable_counts", counts);
}

json_t *
explain_waiting_json(struct router *r, const struct contact *c, int64_t now_ms)
{
	struct candidate self;
	struct estimate e;
	json_t *out, *rules;

	if (c->class == NULL)
		return NULL;
	self = (struct candidate){(struct contact *)(uintptr_t)c,
		class_log2_score(r, c->class, c->d_ms, c->t0_ms, now_ms)};
	out = explain_standing_json(r, c->class, &self, now_ms);
	json_object_set_new(out, "at_ms", json_integer(now_ms));
	json_object_set_new(out, "version", json_integer((json_int_t)r->centre->version));
	if (router_estimate(r, now_ms, c->id, &e))
		json_object_set_new(out, "position", json_integer(e.position));
	json_object_set_new(out, "before", before_json(r, c, &self, now_ms));
	put_agents(out, r, c, now_ms);
	if (c->affinity >= 0 || c->target >= 0)
		json_object_set_new(out, "waits_for",
			json_string(
				r->centre
					->agents[c->target >= 0 ? c->target : c->affinity]
					.id));
	json_object_set_new(out, "reserved",
		json_boolean(able_held_back(r, c->class, NULL) &&
			     class_slack_ms(r, c->class, c->d_ms, now_ms) >
				     c->class->release_ms));
	rules = json_array();
	for (int i = 0; i < c->n_rules && c->version == r->centre->version; i++)
		json_array_append_new(
			rules, json_string(r->centre->rules[c->rules[i]].name));
	json_object_set_new(out, "rules", rules);
	return out;
}
