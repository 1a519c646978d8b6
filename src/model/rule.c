/* model/rule.c - evaluation of compiled expressions: walks the nodes, allocates nothing.
 */
#include "model/rule.h"

#include <math.h>
#include <string.h>

#include "model/rule_inner.h"

struct run {
	const struct expr *expr;
	expr_lookup lookup;
	void *owner;
	struct expr_counts *counts;
	int cost;
};

static const struct value nothing = {.kind = VALUE_NONE};

static struct value
truth(bool holds)
{
	return (struct value){.kind = VALUE_BOOL, .boolean = holds};
}

/* Pays for characters looked at. False when the evaluation has become too dear. */
static bool
pay(struct run *run, size_t characters)
{
	if (run->cost > EXPR_COST_MAX)
		return false;
	run->cost = characters > EXPR_COST_MAX ? EXPR_COST_MAX + 1
					       : run->cost + 1 + (int)characters;
	if (run->cost <= EXPR_COST_MAX)
		return true;
	run->counts->too_dear++;
	return false;
}

/* Like strcmp, paid for. */
static int
compare_text(struct run *run, const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && a[n] == b[n])
		n++;
	return pay(run, n) ? (unsigned char)a[n] - (unsigned char)b[n] : 0;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool
text_has(struct run *run, const char *whole, const char *part)
{
	for (const char *from = whole;; from++) {
		size_t n = 0;

		while (part[n] != '\0' && lower(from[n]) == lower(part[n]))
			n++;
		if (!pay(run, n))
			return false;
		if (part[n] == '\0')
			return true;
		if (from[n] == '\0')
			return false;
	}
}

static bool
list_has(struct run *run, const struct value *list, const char *part)
{
	for (int i = 0; i < list->n_list; i++)
		if (compare_text(run, list->list[i], part) == 0)
			return run->cost <= EXPR_COST_MAX;
	return false;
}

static struct value
mismatch(struct run *run)
{
	run->counts->mismatched++;
	return nothing;
}

static struct value
holds_in(struct run *run, const struct value *part, const struct value *whole)
{
	if (part->kind != VALUE_TEXT)
		return mismatch(run);
	if (whole->kind == VALUE_LIST)
		return truth(list_has(run, whole, part->text));
	if (whole->kind == VALUE_TEXT)
		return truth(text_has(run, whole->text, part->text));
	return mismatch(run);
}

static bool
same_list(struct run *run, const struct value *a, const struct value *b)
{
	if (a->n_list != b->n_list)
		return false;
	for (int i = 0; i < a->n_list; i++)
		if (compare_text(run, a->list[i], b->list[i]) != 0)
			return false;
	return true;
}

/* How a stands to b: below, at or above 0. False when the two have no order. */
static bool
order(struct run *run, enum op op, const struct value *a, const struct value *b, int *out)
{
	bool equality = op == OP_EQ || op == OP_NE;

	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case VALUE_NUMBER:
		if (isnan(a->number) || isnan(b->number))
			return false;
		*out = (a->number > b->number) - (a->number < b->number);
		return true;
	case VALUE_TEXT:
		*out = compare_text(run, a->text, b->text);
		return true;
	case VALUE_BOOL:
		*out = a->boolean - b->boolean;
		return equality;
	case VALUE_LIST:
		*out = !same_list(run, a, b);
		return equality;
	case VALUE_NONE:
		break;
	}
	return false;
}

static struct value
compared(struct run *run, enum op op, const struct value *a, const struct value *b)
{
	int sign;

	if (!order(run, op, a, b, &sign))
		return mismatch(run);
	if (op == OP_EQ)
		return truth(sign == 0);
	if (op == OP_NE)
		return truth(sign != 0);
	if (op == OP_LT)
		return truth(sign < 0);
	if (op == OP_LE)
		return truth(sign <= 0);
	return truth(op == OP_GT ? sign > 0 : sign >= 0);
}

static struct value
calculated(struct run *run, enum op op, const struct value *a, const struct value *b)
{
	struct value out = {.kind = VALUE_NUMBER};

	if (a->kind != VALUE_NUMBER || b->kind != VALUE_NUMBER)
		return mismatch(run);
	if (op == OP_DIV && !(b->number < 0) && !(b->number > 0))
		return mismatch(run);
	if (op == OP_ADD)
		out.number = a->number + b->number;
	else if (op == OP_SUB)
		out.number = a->number - b->number;
	else if (op == OP_MUL)
		out.number = a->number * b->number;
	else
		out.number = a->number / b->number;
	return out;
}

static struct value evaluate(struct run *run, int index);

/* Whether a part of and, or, not or the whole holds; what has no value does not. */
static bool
holds(struct run *run, int index)
{
	struct value v = evaluate(run, index);

	if (v.kind != VALUE_BOOL && v.kind != VALUE_NONE)
		run->counts->mismatched++;
	return v.kind == VALUE_BOOL && v.boolean;
}

static struct value
evaluate_pair(struct run *run, const struct node *node)
{
	struct value a = evaluate(run, node->left), b = evaluate(run, node->right);

	if (a.kind == VALUE_NONE || b.kind == VALUE_NONE)
		return nothing; /* counted where it was missing */
	if (node->op == OP_IN)
		return holds_in(run, &a, &b);
	if (node->op == OP_HAS)
		return holds_in(run, &b, &a);
	return node->op >= OP_ADD ? calculated(run, node->op, &a, &b)
				  : compared(run, node->op, &a, &b);
}

/* Recursion ends: operands stand before their node, and there are EXPR_NODES_MAX. */
static struct value
evaluate(struct run *run, int index)
{
	const struct node *node = &run->expr->node[index];
	struct value v;

	if (!pay(run, 0))
		return nothing;
	if (node->op == OP_LITERAL)
		return node->value;
	if (node->op == OP_ATTRIBUTE) {
		v = run->lookup(run->owner, node->name);
		run->counts->missing += v.kind == VALUE_NONE;
		return v;
	}
	if (node->op == OP_OR)
		return truth(holds(run, node->left) || holds(run, node->right));
	if (node->op == OP_AND)
		return truth(holds(run, node->left) && holds(run, node->right));
	if (node->op == OP_NOT)
		return truth(!holds(run, node->left));
	if (node->op != OP_NEG)
		return evaluate_pair(run, node);
	v = evaluate(run, node->left);
	if (v.kind != VALUE_NUMBER)
		return v.kind == VALUE_NONE ? nothing : mismatch(run);
	v.number = -v.number;
	return v;
}

bool
expr_holds(const struct expr *expr, expr_lookup lookup, void *owner,
	struct expr_counts *counts)
{
	struct run run = {
		.expr = expr, .lookup = lookup, .owner = owner, .counts = counts};
	bool result = holds(&run, expr->n - 1);

	/* `not` must not turn a cut-off evaluation into a match. */
	return result && run.cost <= EXPR_COST_MAX;
}

void
expr_names(
	const struct expr *expr, void (*each)(void *owner, const char *name), void *owner)
{
	for (int i = 0; i < expr->n; i++)
		if (expr->node[i].op == OP_ATTRIBUTE)
			each(owner, expr->node[i].name);
}

void
expr_texts(const struct expr *expr,
	void (*each)(void *owner, const char *name, const char *text), void *owner)
{
	for (int i = 0; i < expr->n; i++) {
		const struct node *node = &expr->node[i], *name, *value;

		if (node->op != OP_EQ && node->op != OP_NE && node->op != OP_IN)
			continue;
		name = &expr->node[node->left];
		value = &expr->node[node->right];
		if (node->op != OP_IN && name->op == OP_LITERAL) {
			name = value;
			value = &expr->node[node->left];
		}
		if (name->op != OP_ATTRIBUTE || value->op != OP_LITERAL)
			continue;
		if (value->kind == VALUE_TEXT && node->op != OP_IN)
			each(owner, name->name, value->value.text);
		for (int j = 0; j < value->value.n_list; j++)
			each(owner, name->name, value->value.list[j]);
	}
}
