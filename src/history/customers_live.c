/*
 * history/customers_live.c - live contacts by customer, and the cards that are shown with
 * them. A card is kept while a contact of the customer lives, up to CARDS_MOST of them;
 * where it is missing the offer goes without, and an update follows.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "history/customers_inner.h"

/* ---- groups ---- */

static void
card_unlink(struct customers *c, struct group *g)
{
	if (g->card == NULL)
		return;
	json_decref(g->card);
	g->card = NULL;
	c->n_cards--;
	*(g->older != NULL ? &g->older->newer : &c->oldest) = g->newer;
	*(g->newer != NULL ? &g->newer->older : &c->newest) = g->older;
	g->older = g->newer = NULL;
}

static void
card_link(struct customers *c, struct group *g, json_t *card)
{
	card_unlink(c, g);
	g->card = card;
	g->older = c->newest;
	*(c->newest != NULL ? &c->newest->newer : &c->oldest) = g;
	c->newest = g;
	c->n_cards++;
	if (c->n_cards > CARDS_MOST)
		card_unlink(c, c->oldest);
}

static struct group *
group_of(struct customers *c, int64_t root)
{
	struct group *g = idmap_get(&c->groups, (uint64_t)root);

	if (g != NULL)
		return g;
	g = xcalloc(1, sizeof *g);
	g->root = root;
	idmap_put(&c->groups, (uint64_t)root, g);
	return g;
}

static void
leave(struct customers *c, struct live *live)
{
	struct group *g = live->group;

	*(live->before != NULL ? &live->before->next : &g->first) = live->next;
	if (live->next != NULL)
		live->next->before = live->before;
	live->before = live->next = NULL;
	live->group = NULL;
	if (g->first != NULL)
		return;
	card_unlink(c, g);
	idmap_remove(&c->groups, (uint64_t)g->root);
	free(g);
}

static void
join(struct group *g, struct live *live)
{
	live->group = g;
	live->next = g->first;
	if (g->first != NULL)
		g->first->before = live;
	g->first = live;
}

struct live *
live_get(const struct customers *c, uint64_t contact)
{
	return idmap_get(&c->live, contact);
}

void
live_put(struct customers *c, uint64_t contact, int64_t party, int64_t root)
{
	struct live *live = live_get(c, contact);
	struct group *g;

	if (live == NULL) {
		live = xcalloc(1, sizeof *live);
		live->contact = contact;
		idmap_put(&c->live, contact, live);
	}
	live->party = party;
	if (live->group != NULL && live->group->root == root)
		return;
	g = group_of(c, root); /* before the old one may go */
	if (live->group != NULL)
		leave(c, live);
	join(g, live);
}

void
live_remove(struct customers *c, uint64_t contact)
{
	struct live *live = idmap_remove(&c->live, contact);

	if (live == NULL)
		return;
	leave(c, live);
	free(live);
}

void
live_finish(struct customers *c)
{
	size_t at = 0;
	void *value;

	while (idmap_next(&c->live, &at, NULL, &value))
		live_remove(c, ((struct live *)value)->contact);
	idmap_finish(&c->live);
	idmap_finish(&c->groups);
	free(c->walk);
}

int64_t
customers_party(const struct customers *c, uint64_t contact)
{
	const struct live *live = live_get(c, contact);

	return live != NULL ? live->party : 0;
}

/* ---- cards ---- */

void
live_asked(struct customers *c, uint64_t contact)
{
	struct live *live = live_get(c, contact);

	if (live != NULL)
		live->group->asking = false;
}

void
live_card(struct customers *c, int64_t root, json_t *card, uint64_t number)
{
	struct group *g = idmap_get(&c->groups, (uint64_t)root);

	if (g == NULL || g->first == NULL || (g->card != NULL && g->number > number)) {
		json_decref(card);
		return;
	}
	g->asking = false;
	g->number = number;
	card_link(c, g, card);
}

static bool
is_hidden(const struct customers *c, const json_t *term)
{
	const char *name = json_string_value(json_object_get(term, "term"));
	const char *figure = json_string_value(json_object_get(term, "figure"));

	return (name != NULL && customer_is_private(c->rules, name)) ||
	       (figure != NULL && customer_is_private(c->rules, figure));
}

/* What an agent does not see: private figures, and the terms that they give. */
void
customers_hide(const struct customers *c, json_t *card)
{
	json_t *attributes = json_object_get(card, "attributes");
	json_t *why = json_object_get(card, "why");

	for (int i = 0; i < c->rules->n_private; i++) {
		json_object_del(attributes, c->rules->private_names[i]);
		json_object_del(card, c->rules->private_names[i]);
	}
	for (size_t i = json_array_size(why); i > 0; i--)
		if (is_hidden(c, json_array_get(why, i - 1)))
			json_array_remove(why, i - 1);
}

static void
put_tier(const struct customers *c, uint64_t contact, json_t *card)
{
	const struct centre *centre = router_centre(c->parts.router);
	struct recognised who;

	if (!router_recognised(c->parts.router, contact, &who))
		return;
	json_object_set_new(card, "tier", json_string(centre->tiers[who.tier].name));
	if (who.own_points)
		json_object_set_new(card, "points_given", json_real(who.base_points));
	if (who.points != who.base_points)
		json_object_set_new(
			card, "points_of_rules", json_real(who.points - who.base_points));
}

json_t *
customers_member(void *owner, uint64_t contact, enum rpc_role role)
{
	struct customers *c = owner;
	struct live *live = live_get(c, contact);
	json_t *card;

	if (live == NULL)
		return NULL;
	if (live->group->card == NULL) {
		if (!live->group->asking) {
			live->group->asking = true;
			lookup_contact(c, contact, live->party, false);
		}
		return NULL;
	}
	card = json_deep_copy(live->group->card);
	if (role == RPC_AGENT)
		customers_hide(c, card);
	put_tier(c, contact, card);
	return card;
}

/* ---- again ---- */

/*
 * All contacts of a customer are told by one look-up after the other, some with each, so
 * that somebody with hundreds of them keeps one reader busy and no turn of the loop long:
 *
 *   refresh --> look-up --answered--> some are told --some are left--> look-up
 *                                           |--none is left, asked again--> refresh
 *                                           +--none is left--> at rest
 */
static void
look_on(struct customers *c, struct group *g)
{
	const struct live *live = g->first;

	while (live != NULL && live->looked >= g->round)
		live = live->next;
	if (live == NULL && g->again) {
		g->again = false;
		g->round = c->figures.asked + 1;
		live = g->first;
	}
	g->lookup = live != NULL ? lookup_group(c, g->root, live->party) : 0;
}

void
live_refresh(struct customers *c, int64_t root)
{
	struct group *g = idmap_get(&c->groups, (uint64_t)root);

	if (g == NULL)
		return;
	if (g->lookup != 0) {
		g->again = true;
		return;
	}
	g->round = c->figures.asked + 1;
	look_on(c, g);
}

/* Parties that are one customer have one answer; who was taken out again has his own. */
static bool
is_about(const struct lookup *l, int64_t party)
{
	if (party == l->party)
		return true;
	for (int i = 0; l->view != NULL && i < l->view->n_merged; i++)
		if (party == l->view->merged[i])
			return true;
	return false;
}

size_t
live_due(struct customers *c, const struct lookup *l, uint64_t *contacts, size_t room)
{
	struct group *g = idmap_get(&c->groups, (uint64_t)l->of);
	size_t n = 0;

	for (struct live *live = g != NULL ? g->first : NULL; live != NULL && n < room;
		live = live->next) {
		if (live->looked >= g->round || !is_about(l, live->party))
			continue;
		live->looked = l->number;
		contacts[n++] = live->contact;
	}
	return n;
}

bool
live_again(const struct customers *c, int64_t root)
{
	const struct group *g = idmap_get(&c->groups, (uint64_t)root);

	return g != NULL && g->again;
}

void
live_looked(struct customers *c, int64_t root, uint64_t number, bool answered)
{
	struct group *g = idmap_get(&c->groups, (uint64_t)root);
	bool again;

	if (g == NULL || g->lookup != number)
		return; /* they have ended, or are another's now */
	if (answered) {
		look_on(c, g);
		return;
	}
	again = g->again;
	g->lookup = 0;
	g->again = false;
	if (again)
		live_refresh(c, root);
}

void
customers_refresh(struct customers *c, int64_t party)
{
	size_t at = 0;
	void *value;

	if (idmap_get(&c->groups, (uint64_t)party) != NULL) {
		live_refresh(c, party);
		return;
	}
	/* A merged one stands under his root. */
	while (idmap_next(&c->live, &at, NULL, &value)) {
		const struct live *live = value;

		if (live->party != party)
			continue;
		live_refresh(c, live->group->root);
		return;
	}
}

void
live_walk_on(struct customers *c)
{
	while (c->walking < AGAIN_AT_ONCE && c->at_walk < c->n_walk) {
		uint64_t contact = c->walk[c->at_walk++];
		const struct live *live = live_get(c, contact);

		lookup_contact(c, contact, live != NULL ? live->party : 0, true);
	}
	if (c->at_walk < c->n_walk || c->walk == NULL)
		return;
	free(c->walk);
	c->walk = NULL;
	c->n_walk = c->at_walk = 0;
}

void
live_walk(struct customers *c)
{
	size_t n = router_live(c->parts.router, NULL, 0);

	free(c->walk);
	c->walk = xcalloc(n + 1, sizeof c->walk[0]);
	c->n_walk = router_live(c->parts.router, c->walk, n);
	c->at_walk = 0;
	live_walk_on(c);
}
