/* control/config_customers.c - what the settings say about customers, compiled. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"
#include "control/settings_customers.h"
#include "model/customer.h"

#define VIP_POINTS 40
#define BLOCK_POINTS -1000

/* The kinds that are always there, the surest first; the settings put others, or some of
 * them, before. */
static const struct {
	const char *kind;
	const char *from[IDENTITY_FROM_MAX];
} usual[] = {
	{"account", {"customer.id", "customer.account", "account", "ivr.account"}},
	{"email", {"customer.email", "email.from", "email"}},
	{"phone",
		{"customer.phone", "call.from", "call.number", "caller", "ani", "phone"}},
	{"cookie", {"customer.cookie", "chat.cookie", "cookie"}},
};

#define N_USUAL (int)(sizeof usual / sizeof usual[0])

static char **
names_of(const struct slot *slot, int *n)
{
	char **list = xcalloc((size_t)slot->n + 1, sizeof list[0]);

	*n = slot->n;
	for (int i = 0; i < slot->n; i++)
		list[i] = xstrdup(slot->node->child[i]->text);
	return list;
}

/* ---- identities ---- */

static int
usual_of(const char *name)
{
	int i = 0;

	while (i < N_USUAL && strcmp(usual[i].kind, name) != 0)
		i++;
	return i;
}

static struct identity_kind *
add_kind(struct customer_rules *rules, const char *name)
{
	struct identity_kind *kind = &rules->kinds[rules->n_kinds++];

	kind->kind = xstrdup(name);
	return kind;
}

static void
fill_kind(struct compile *c, struct identity_kind *kind, const struct slot *slot)
{
	if (slot->n > IDENTITY_FROM_MAX)
		tree_error(c->tree, slot->node, "%s: at most %d attributes",
			slot->key->text, IDENTITY_FROM_MAX);
	for (int i = 0; i < slot->n && i < IDENTITY_FROM_MAX; i++)
		kind->from[kind->n_from++] = xstrdup(slot->node->child[i]->text);
}

/* Those that are named, as they are named; then what is left of the usual ones. */
static void
fill_kinds(struct compile *c, struct customer_rules *rules, const struct entry *e)
{
	bool named[N_USUAL + 1] = {false};
	int more = 0; /* than the usual ones */

	for (int i = 0; i < e->n_others; i++) {
		const struct slot *slot = &e->other[i];
		int at = usual_of(slot->key->text);

		if (at < N_USUAL && named[at])
			continue; /* said already: a key stands twice */
		named[at] = true;
		more += at == N_USUAL;
		if (more > IDENTITY_KINDS_MAX - N_USUAL) {
			tree_error(c->tree, slot->key,
				"identities: there are at most %d kinds",
				IDENTITY_KINDS_MAX);
			break;
		}
		fill_kind(c, add_kind(rules, slot->key->text), slot);
	}
	for (int i = 0; i < N_USUAL; i++) {
		struct identity_kind *kind;

		if (named[i])
			continue;
		kind = add_kind(rules, usual[i].kind);
		for (int j = 0; j < IDENTITY_FROM_MAX && usual[i].from[j] != NULL; j++)
			kind->from[kind->n_from++] = xstrdup(usual[i].from[j]);
	}
}

/* ---- points ---- */

static void
fill_term(struct compile *c, struct worth_term *to, const struct entry *e)
{
	const char *name = entry_text(e, TERM_NAME), *figure = entry_text(e, TERM_FIGURE);

	if (name == NULL)
		return; /* said already */
	if (figure == NULL && !id_is_valid(name))
		tree_error(c->tree, e->node,
			"points: \"%s\" is no name of an attribute: say which figure",
			name);
	*to = (struct worth_term){.name = xstrdup(name),
		.figure = xstrdup(figure != NULL ? figure : name),
		.weight = entry_number(e, TERM_WEIGHT),
		.from = entry_number(e, TERM_FROM),
		.least = entry_number(e, TERM_LEAST),
		.most = entry_number(e, TERM_MOST)};
	if (to->least > to->most)
		tree_error(
			c->tree, e->node, "points: least is above most in \"%s\"", name);
}

static void
fill_terms(struct compile *c, struct customer_rules *rules, const struct slot *slot)
{
	if (slot->n > WORTH_TERMS_MAX)
		tree_error(
			c->tree, slot->node, "points: at most %d terms", WORTH_TERMS_MAX);
	rules->terms = xcalloc((size_t)slot->n + 1, sizeof rules->terms[0]);
	for (int i = 0; i < slot->n && i < WORTH_TERMS_MAX; i++) {
		fill_term(c, &rules->terms[rules->n_terms], slot->items[i]);
		rules->n_terms += rules->terms[rules->n_terms].name != NULL;
	}
}

static double
points_or(const struct entry *e, double otherwise)
{
	double points = entry_number(e, LISTED_POINTS);

	return isnan(points) ? otherwise : points;
}

/* ---- retention ---- */

static void
fill_retention(struct compile *c, struct customer_rules *rules, const struct entry *e)
{
	rules->retention = xcalloc((size_t)e->n_others + 1, sizeof rules->retention[0]);
	for (int i = 0; i < e->n_others; i++) {
		const struct slot *slot = &e->other[i];
		const char *name = slot->key->text;
		bool others = strcmp(name, "others") == 0;

		if (!others && compile_find(c, NAME_CHANNEL, slot->key, name) < 0)
			continue;
		rules->retention[rules->n_retention++] = (struct channel_retention){
			xstrdup(others ? "*" : name), llround(slot->number)};
	}
}

void
compile_customers(struct compile *c, struct config *config)
{
	const struct entry *e = entry_section(c->top, TOP_CUSTOMERS);
	const struct entry *block = entry_section(e, CUSTOMERS_BLOCK);
	const struct entry *complaints = entry_section(e, CUSTOMERS_COMPLAINTS);
	struct customer_rules *rules = xcalloc(1, sizeof *rules);
	const char *country = entry_text(e, CUSTOMERS_COUNTRY);

	rules->refs = 1;
	config->customers = rules;
	if (strlen(country) != 2)
		tree_error(c->tree, e->slot[CUSTOMERS_COUNTRY].node,
			"country: \"%s\" is none: write its two letters, as GB", country);
	else
		memcpy(rules->country, country, 3);
	rules->wait_ms = llround(entry_number(e, CUSTOMERS_WAIT));
	fill_kinds(c, rules, entry_section(e, CUSTOMERS_IDENTITIES));
	rules->learn = entry_bool(e, CUSTOMERS_LEARN);
	rules->merge_provisional = entry_bool(e, CUSTOMERS_MERGE_PROVISIONAL);
	rules->sources = names_of(&e->slot[CUSTOMERS_SOURCES], &rules->n_sources);
	fill_terms(c, rules, &e->slot[CUSTOMERS_POINTS]);
	rules->inherit = entry_number(e, CUSTOMERS_INHERIT);
	rules->vip_points = points_or(entry_section(e, CUSTOMERS_VIP), VIP_POINTS);
	rules->block_points = points_or(block, BLOCK_POINTS);
	rules->block_refuses = entry_bool(block, LISTED_REFUSE);
	rules->repeat_ms = llround(entry_number(e, CUSTOMERS_REPEAT));
	rules->cost_per_hour = entry_number(e, CUSTOMERS_COST_PER_HOUR);
	rules->cost_ms = llround(entry_number(e, CUSTOMERS_COST_OVER));
	rules->complaints =
		names_of(&complaints->slot[COMPLAINT_OPEN], &rules->n_complaints);
	rules->settled = names_of(&complaints->slot[COMPLAINT_CLOSE], &rules->n_settled);
	rules->private_names = names_of(&e->slot[CUSTOMERS_PRIVATE], &rules->n_private);
	fill_retention(c, rules, entry_section(e, CUSTOMERS_KEEP));
	rules->provisional_ms = llround(entry_number(e, CUSTOMERS_KEEP_PROVISIONAL));
}
