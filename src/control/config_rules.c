/* control/config_rules.c - rules: expressions compiled, effects looked up, names checked.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"

/* A rule while its names are looked at. */
struct check {
	struct compile *c;
	const struct node *at;
};

static const char *
builtin_at(const void *owner, int i)
{
	return expr_builtin(i);
}

/* An attribute may have any name; one that is a letter off a built-in one is a slip. */
static void
check_attribute(void *owner, const char *name)
{
	const struct check *check = owner;
	const char *near;

	for (int i = 0; expr_builtin(i) != NULL; i++)
		if (strcmp(expr_builtin(i), name) == 0)
			return;
	near = settings_nearest(name, builtin_at, NULL);
	if (strncmp(name, "time.", 5) == 0)
		tree_error(check->c->tree, check->at,
			"when: there is no attribute %s: time has hour, minute, weekday "
			"(1 = Monday) and date (\"2026-11-22\")",
			name);
	else if (near != NULL && strlen(name) > 3 && text_distance(name, near) == 1)
		tree_warn(check->c->tree, check->at,
			"when: %s is an attribute of the contact; did you mean %s?", name,
			near);
}

/* A channel, tier or queue that does not exist is never equal to anything. */
static void
check_compared(void *owner, const char *name, const char *text)
{
	const struct check *check = owner;

	if (strcmp(name, "channel") == 0)
		compile_find(check->c, NAME_CHANNEL, check->at, text);
	else if (strcmp(name, "tier") == 0)
		compile_find(check->c, NAME_TIER, check->at, text);
	else if (strcmp(name, "queue") == 0)
		compile_find(check->c, NAME_QUEUE, check->at, text);
}

static struct expr *
compile_when(struct compile *c, const struct slot *when)
{
	struct check check = {c, when->node};
	struct expr_error error;
	struct expr *expr;

	if (when->text == NULL)
		return NULL;
	expr = expr_compile(when->text, &error);
	if (expr == NULL) {
		tree_error_in(c->tree, when->node, (int)error.at + when->node->quoted,
			"when: %s", error.message);
		return NULL;
	}
	expr_names(expr, check_attribute, &check);
	expr_texts(expr, check_compared, &check);
	return expr;
}

static int
find(struct compile *c, enum name_kind kind, const struct slot *slot)
{
	return slot->text != NULL ? compile_find(c, kind, slot->node, slot->text) : -1;
}

static struct rule_effect
compile_effect(struct compile *c, const struct entry *e)
{
	double sla = entry_number(e, SET_SLA);

	return (struct rule_effect){
		.queue = find(c, NAME_QUEUE, &e->slot[SET_QUEUE]),
		.tier = find(c, NAME_TIER, &e->slot[SET_TIER]),
		.require = compile_levels(c, entry_section(e, SET_REQUIRE)),
		.points = entry_number(e, SET_POINTS),
		.sla_ms = isnan(sla) ? -1 : compile_ms(c, sla),
	};
}

void
compile_rules(struct compile *c)
{
	const struct slot *all = &c->top->slot[TOP_RULES];

	c->centre->rules = xcalloc((size_t)all->n + 1, sizeof c->centre->rules[0]);
	for (int i = 0; i < all->n; i++) {
		const struct entry *e = all->items[i];
		struct rule *rule = &c->centre->rules[c->centre->n_rules++];
		const char *name = entry_text(e, RULE_NAME);
		const char *when = entry_text(e, RULE_WHEN);

		rule->name = name != NULL ? xstrdup(name) : xasprintf("rule %d", i + 1);
		rule->text = xstrdup(when != NULL ? when : "");
		rule->when = compile_when(c, &e->slot[RULE_WHEN]);
		rule->set = compile_effect(c, entry_section(e, RULE_SET));
		if (e->node != NULL && entry_section(e, RULE_SET)->node != NULL &&
			entry_section(e, RULE_SET)->node->n == 0)
			tree_warn(c->tree, e->node, "this rule has no effect");
	}
}
