/*
 * model/rule_parse.c - a Pratt parser that fills an array of nodes.
 *
 *   or  <  and  <  not  <  == != < <= > >= in has  <  + -  <  * /  <  unary -  <  operand
 *
 * Comparisons do not chain. The kind of a node is known at compile time for literals,
 * operators and the attributes that the router provides itself, so that `time.hour ==
 * "8"` is refused when the settings are read and not found out by a waiting customer.
 */
#include <stdlib.h>
#include <string.h>

#include "model/rule_inner.h"

/* Attributes that the router provides itself, with what they are. */
static const struct {
	const char *name;
	enum value_kind kind;
} known[] = {
	{"channel", VALUE_TEXT},
	{"source", VALUE_TEXT},
	{"title", VALUE_TEXT},
	{"subject", VALUE_TEXT},
	{"tier", VALUE_TEXT},
	{"queue", VALUE_TEXT},
	{"dnis", VALUE_NONE},
	{"ani", VALUE_NONE},
	{"customer.id", VALUE_TEXT},
	{"customer.points", VALUE_NUMBER},
	{"time.hour", VALUE_NUMBER},
	{"time.minute", VALUE_NUMBER},
	{"time.weekday", VALUE_NUMBER},
	{"time.date", VALUE_TEXT},
};

const char *
expr_builtin(int i)
{
	return i >= 0 && i < (int)(sizeof known / sizeof known[0]) ? known[i].name : NULL;
}

static enum value_kind
known_kind(const char *name)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].kind;
	return VALUE_NONE;
}

static const char *
kind_name(enum value_kind kind)
{
	static const char *const names[] = {
		"anything", "true or false", "a number", "text", "a list"};

	return names[kind];
}

static void
nodes_finish(struct node *node, int n)
{
	for (int i = 0; i < n; i++) {
		free(node[i].name);
		free((void *)(uintptr_t)node[i].value.text);
		for (int j = 0; j < node[i].value.n_list; j++)
			free((void *)(uintptr_t)node[i].value.list[j]);
		free((void *)(uintptr_t)node[i].value.list);
	}
}

/* Takes the node over and returns its index; 0 after an error (never used then). */
static int
add(struct compiler *c, size_t at, struct node node)
{
	if (c->n == EXPR_NODES_MAX) {
		rule_fail(c, at,
			"the expression has more than %d parts: make several rules",
			EXPR_NODES_MAX);
		nodes_finish(&node, 1);
		return 0;
	}
	c->node[c->n] = node;
	return c->n++;
}

/* The text of a TOKEN_TEXT without its escapes. */
static char *
unescape(const struct compiler *c)
{
	char *out = xmalloc(c->token.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < c->token.n; i++) {
		if (c->text[c->token.at + 1 + i] == '\\')
			i++;
		out[n++] = c->text[c->token.at + 1 + i];
	}
	out[n] = '\0';
	return out;
}

static int
parse_list(struct compiler *c)
{
	size_t at = c->token.at;
	int room = 0, n = 0, index;
	char **list = NULL;

	for (rule_advance(c); c->token.kind == TOKEN_TEXT;) {
		if (n == room) {
			room = room != 0 ? 2 * room : 4;
			list = xreallocarray(list, (size_t)room, sizeof list[0]);
		}
		list[n++] = unescape(c);
		rule_advance(c);
		if (c->token.kind != TOKEN_COMMA)
			break;
		rule_advance(c);
	}
	index = add(c, at,
		(struct node){.op = OP_LITERAL,
			.kind = VALUE_LIST,
			.left = -1,
			.right = -1,
			.value = {.kind = VALUE_LIST,
				.n_list = n,
				.list = (const char *const *)list}});
	if (c->token.kind != TOKEN_LIST_CLOSE)
		rule_fail(c, c->token.at,
			"a list holds texts in quotes, with commas, and ends "
			"with ]");
	rule_advance(c);
	return index;
}

static int parse(struct compiler *c, int power);

static int
parse_literal(struct compiler *c, struct value value)
{
	int index = add(c, c->token.at,
		(struct node){.op = OP_LITERAL,
			.kind = value.kind,
			.left = -1,
			.right = -1,
			.value = value});

	rule_advance(c);
	return index;
}

static int
parse_attribute(struct compiler *c)
{
	char *name = xstrndup(c->text + c->token.at, c->token.n);
	int index = add(c, c->token.at,
		(struct node){.op = OP_ATTRIBUTE,
			.kind = known_kind(name),
			.left = -1,
			.right = -1,
			.name = name});

	rule_advance(c);
	return index;
}

enum { /* binding powers */
	POWER_OR = 1,
	POWER_AND = 2,
	POWER_NOT = 3,
	POWER_COMPARE = 4,
	POWER_SUM = 5,
	POWER_PRODUCT = 6,
	POWER_SIGN = 7,
};

static void
want(struct compiler *c, size_t at, int index, enum value_kind kind, const char *what)
{
	enum value_kind is = c->failed ? VALUE_NONE : c->node[index].kind;

	if (is != VALUE_NONE && is != kind)
		rule_fail(c, at, "%s wants %s, and this is %s", what, kind_name(kind),
			kind_name(is));
}

static int
parse_prefix(struct compiler *c, enum op op, int power, enum value_kind kind)
{
	size_t at = c->token.at;
	int operand;

	rule_advance(c);
	operand = parse(c, power);
	want(c, at, operand, kind, op == OP_NOT ? "not" : "-");
	return add(c, at,
		(struct node){
			.op = op, .kind = kind, .left = (short)operand, .right = -1});
}

static int
parse_operand(struct compiler *c)
{
	struct token t = c->token;
	int index;

	switch (t.kind) {
	case TOKEN_NAME:
		return parse_attribute(c);
	case TOKEN_NUMBER:
		return parse_literal(
			c, (struct value){.kind = VALUE_NUMBER, .number = t.number});
	case TOKEN_TEXT:
		return parse_literal(
			c, (struct value){.kind = VALUE_TEXT, .text = unescape(c)});
	case TOKEN_TRUE:
	case TOKEN_FALSE:
		return parse_literal(c, (struct value){.kind = VALUE_BOOL,
						.boolean = t.kind == TOKEN_TRUE});
	case TOKEN_LIST_OPEN:
		return parse_list(c);
	case TOKEN_OPEN:
		rule_advance(c);
		index = parse(c, 0);
		if (c->token.kind != TOKEN_CLOSE)
			rule_fail(c, c->token.at, "a closing ) is missing");
		rule_advance(c);
		return index;
	case TOKEN_OP:
		if (t.op == OP_NOT)
			return parse_prefix(c, OP_NOT, POWER_NOT, VALUE_BOOL);
		if (t.op == OP_SUB)
			return parse_prefix(c, OP_NEG, POWER_SIGN, VALUE_NUMBER);
		break;
	case TOKEN_END:
	case TOKEN_CLOSE:
	case TOKEN_LIST_CLOSE:
	case TOKEN_COMMA:
		break;
	}
	rule_fail(c, t.at, "a value, an attribute or ( is missing here");
	return 0;
}

static int
power_of(enum op op)
{
	if (op == OP_OR)
		return POWER_OR;
	if (op == OP_AND)
		return POWER_AND;
	if (op >= OP_EQ && op <= OP_HAS)
		return POWER_COMPARE;
	if (op == OP_ADD || op == OP_SUB)
		return POWER_SUM;
	if (op == OP_MUL || op == OP_DIV)
		return POWER_PRODUCT;
	return 0; /* a prefix: ends what stands before it */
}

/* What both sides are, as far as it is known, must fit. */
static void
check_kinds(struct compiler *c, enum op op, size_t at, int left, int right)
{
	enum value_kind l, r;

	if (c->failed)
		return;
	l = c->node[left].kind;
	r = c->node[right].kind;
	if (op == OP_AND || op == OP_OR) {
		want(c, at, left, VALUE_BOOL, op == OP_AND ? "and" : "or");
		want(c, at, right, VALUE_BOOL, op == OP_AND ? "and" : "or");
	} else if (op >= OP_ADD) {
		want(c, at, left, VALUE_NUMBER, "arithmetic");
		want(c, at, right, VALUE_NUMBER, "arithmetic");
	} else if (op == OP_IN || op == OP_HAS) {
		int whole = op == OP_IN ? right : left, part = op == OP_IN ? left : right;

		want(c, at, part, VALUE_TEXT, op == OP_IN ? "x in y" : "y has x");
		if (c->node[whole].kind != VALUE_LIST)
			want(c, at, whole, VALUE_TEXT,
				op == OP_IN ? "x in y" : "y has x");
	} else if (l != VALUE_NONE && r != VALUE_NONE && l != r) {
		rule_fail(c, at, "%s is compared with %s: this can never hold",
			kind_name(l), kind_name(r));
	} else if (op >= OP_LT && (l == VALUE_BOOL || r == VALUE_BOOL ||
					  l == VALUE_LIST || r == VALUE_LIST)) {
		rule_fail(c, at, "only numbers and texts have an order");
	}
}

static int
parse(struct compiler *c, int power)
{
	int left;

	if (++c->depth > EXPR_DEPTH_MAX)
		rule_fail(c, c->token.at, "more than %d levels of parentheses or signs",
			EXPR_DEPTH_MAX);
	left = parse_operand(c);
	while (!c->failed && c->token.kind == TOKEN_OP && power_of(c->token.op) > power) {
		struct token t = c->token;
		int own = power_of(t.op), right;

		rule_advance(c);
		right = parse(c, own);
		check_kinds(c, t.op, t.at, left, right);
		left = add(c, t.at,
			(struct node){.op = t.op,
				.kind = t.op >= OP_ADD ? VALUE_NUMBER : VALUE_BOOL,
				.left = (short)left,
				.right = (short)right});
		if (own == POWER_COMPARE && c->token.kind == TOKEN_OP &&
			power_of(c->token.op) == POWER_COMPARE)
			rule_fail(c, c->token.at,
				"comparisons do not chain: write a < b and b < c");
	}
	c->depth--;
	return left;
}

struct expr *
expr_compile(const char *text, struct expr_error *error)
{
	struct compiler c = {.text = text, .error = error};
	struct expr *expr;
	int root;

	*error = (struct expr_error){0};
	if (strlen(text) > EXPR_TEXT_MAX) {
		rule_fail(&c, EXPR_TEXT_MAX, "an expression has at most %d bytes",
			EXPR_TEXT_MAX);
		return NULL;
	}
	rule_advance(&c);
	root = parse(&c, 0);
	if (c.token.kind != TOKEN_END)
		rule_fail(&c, c.token.at, "an operator is missing here, for example and");
	want(&c, 0, root, VALUE_BOOL, "a rule");
	if (c.failed) {
		nodes_finish(c.node, c.n);
		return NULL;
	}
	expr = xmalloc(sizeof *expr + (size_t)c.n * sizeof expr->node[0]);
	expr->n = c.n;
	memcpy(expr->node, c.node, (size_t)c.n * sizeof expr->node[0]);
	return expr;
}

void
expr_destroy(struct expr *expr)
{
	if (expr == NULL)
		return;
	nodes_finish(expr->node, expr->n);
	free(expr);
}
