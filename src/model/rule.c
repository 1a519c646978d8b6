/*
 * model/rule.c - the expression language of rules: a Pratt parser that fills an array of
 * nodes, and an evaluator that walks it without allocating.
 *
 *   or  <  and  <  not  <  == != < <= > >= in has  <  + -  <  * /  <  unary -  <  operand
 *
 * Comparisons do not chain. The kind of a node is known at compile time for literals,
 * operators and the attributes that the router provides itself, so that `time.hour ==
 * "8"` is refused when the settings are read and not found out by a waiting customer.
 */
#include "model/rule.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum op {
	OP_LITERAL,
	OP_ATTRIBUTE,
	OP_OR,
	OP_AND,
	OP_NOT,
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_IN,
	OP_HAS,
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_NEG,
};

struct node {
	enum op op;
	enum value_kind kind; /* of the result; VALUE_NONE: known at run time only */
	short left, right;    /* indexes; -1: none. Operands stand before their node */
	char *name;	      /* owned; OP_ATTRIBUTE */
	struct value value;   /* OP_LITERAL; its text and list are owned */
};

struct expr {
	int n;
	struct node node[]; /* the last one is the root */
};

/* ---- words ---- */

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_TEXT,
	TOKEN_OP,
	TOKEN_TRUE,
	TOKEN_FALSE,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_LIST_OPEN,
	TOKEN_LIST_CLOSE,
	TOKEN_COMMA,
};

struct token {
	enum token_kind kind;
	enum op op;
	size_t at, n; /* place in the text */
	double number;
};

struct compiler {
	const char *text;
	size_t at;
	struct token token; /* the one looked at */
	struct expr_error *error;
	bool failed;
	int depth;
	int n;
	struct node node[EXPR_NODES_MAX];
};

static const struct {
	const char *word;
	enum op op;
	const char *hint; /* not ours: what to write instead */
} operators[] = {
	/* longest first */
	{"==", OP_EQ, NULL},
	{"!=", OP_NE, NULL},
	{"<=", OP_LE, NULL},
	{">=", OP_GE, NULL},
	{"<>", OP_NE, "write != for \"differs\""},
	{"=~", OP_EQ, "there are no patterns; write \"part\" in attribute"},
	{"&&", OP_AND, "write and"},
	{"||", OP_OR, "write or"},
	{"<", OP_LT, NULL},
	{">", OP_GT, NULL},
	{"+", OP_ADD, NULL},
	{"-", OP_SUB, NULL},
	{"*", OP_MUL, NULL},
	{"/", OP_DIV, NULL},
	{"=", OP_EQ, "write == to compare"},
	{"!", OP_NOT, "write not"},
	{"'", OP_LITERAL, "write text in double quotes"},
};

static const struct {
	const char *word;
	enum token_kind kind;
	enum op op;
} words[] = {
	{"and", TOKEN_OP, OP_AND},
	{"or", TOKEN_OP, OP_OR},
	{"not", TOKEN_OP, OP_NOT},
	{"in", TOKEN_OP, OP_IN},
	{"has", TOKEN_OP, OP_HAS},
	{"true", TOKEN_TRUE, OP_LITERAL},
	{"false", TOKEN_FALSE, OP_LITERAL},
};

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

/* The first error stands; what follows it would only confuse. */
static void USHER_PRINTF(3, 4)
	fail(struct compiler *c, size_t at, const char *format, ...)
{
	va_list args;

	if (c->failed)
		return;
	c->failed = true;
	c->error->at = at;
	va_start(args, format);
	vsnprintf(c->error->message, sizeof c->error->message, format, args);
	va_end(args);
	/* Parsing stops at the end of the text, wherever it stood. */
	c->token = (struct token){.kind = TOKEN_END, .at = at};
	c->at = strlen(c->text);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_name(char c)
{
	return is_letter(c) || is_digit(c);
}

static void
scan_number(struct compiler *c)
{
	const char *s = c->text + c->at;
	size_t n = 0;
	char digits[40];

	while (is_digit(s[n]))
		n++;
	if (s[n] == '.' && is_digit(s[n + 1]))
		for (n++; is_digit(s[n]);)
			n++;
	if (is_name(s[n]) || s[n] == '.') {
		fail(c, c->at + n, "a number has digits and one point only");
		return;
	}
	if (n >= sizeof digits) {
		fail(c, c->at, "a number has at most %zu digits", sizeof digits - 1);
		return;
	}
	memcpy(digits, s, n);
	digits[n] = '\0';
	c->token = (struct token){.kind = TOKEN_NUMBER,
		.at = c->at,
		.n = n,
		.number = strtod(digits, NULL)};
	c->at += n;
}

static void
scan_text(struct compiler *c)
{
	size_t from = c->at, at = c->at + 1;

	while (c->text[at] != '\0' && c->text[at] != '"') {
		if (c->text[at] == '\\' && c->text[at + 1] != '"' &&
			c->text[at + 1] != '\\') {
			fail(c, at, "only \\\" and \\\\ are known in text");
			return;
		}
		at += c->text[at] == '\\' ? 2 : 1;
	}
	if (c->text[at] == '\0') {
		fail(c, from, "the text that begins here has no closing quote");
		return;
	}
	c->token = (struct token){.kind = TOKEN_TEXT, .at = from, .n = at - from - 1};
	c->at = at + 1;
}

/* a.b_c.1; a word of the language where it is one. */
static void
scan_name(struct compiler *c)
{
	const char *s = c->text + c->at;
	size_t n = 0;

	while (is_name(s[n]) || (s[n] == '.' && is_name(s[n + 1])))
		n++;
	c->token = (struct token){.kind = TOKEN_NAME, .at = c->at, .n = n};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strlen(words[i].word) != n || strncasecmp(words[i].word, s, n) != 0)
			continue;
		if (strncmp(words[i].word, s, n) != 0) {
			fail(c, c->at, "write %s in small letters", words[i].word);
			return;
		}
		c->token.kind = words[i].kind;
		c->token.op = words[i].op;
	}
	if (c->token.kind == TOKEN_NAME && s[n] == '-' && is_letter(s[n + 1])) {
		fail(c, c->at + n,
			"names have no hyphens: write _ instead, or \"a - b\" to "
			"subtract");
		return;
	}
	if (n > EXPR_NAME_MAX) {
		fail(c, c->at, "a name has at most %d characters", EXPR_NAME_MAX);
		return;
	}
	c->at += n;
}

static void
scan_operator(struct compiler *c)
{
	static const char marks[] = "()[],";
	static const enum token_kind kinds[] = {
		TOKEN_OPEN, TOKEN_CLOSE, TOKEN_LIST_OPEN, TOKEN_LIST_CLOSE, TOKEN_COMMA};
	const char *s = c->text + c->at, *mark = strchr(marks, *s);

	if (mark != NULL) {
		c->token = (struct token){.kind = kinds[mark - marks], .at = c->at++};
		return;
	}
	for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
		size_t n = strlen(operators[i].word);

		if (strncmp(s, operators[i].word, n) != 0)
			continue;
		if (operators[i].hint != NULL)
			fail(c, c->at, "%.*s is not known here: %s", (int)n, s,
				operators[i].hint);
		else
			c->token = (struct token){
				.kind = TOKEN_OP, .op = operators[i].op, .at = c->at};
		c->at += c->failed ? 0 : n;
		return;
	}
	if (*s > ' ' && *s <= '~')
		fail(c, c->at, "'%c' has no meaning here", *s);
	else
		fail(c, c->at, "a character that has no meaning outside quotes");
}

static void
advance(struct compiler *c)
{
	while (c->text[c->at] == ' ' || c->text[c->at] == '\n' ||
		c->text[c->at] == '\t' || c->text[c->at] == '\r')
		c->at++;
	if (c->failed || c->text[c->at] == '\0')
		c->token = (struct token){.kind = TOKEN_END, .at = c->at};
	else if (is_digit(c->text[c->at]))
		scan_number(c);
	else if (c->text[c->at] == '"')
		scan_text(c);
	else if (is_letter(c->text[c->at]))
		scan_name(c);
	else
		scan_operator(c);
}

/* ---- the parser ---- */

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
		fail(c, at, "the expression has more than %d parts: make several rules",
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

	for (advance(c); c->token.kind == TOKEN_TEXT;) {
		if (n == room) {
			room = room != 0 ? 2 * room : 4;
			list = xreallocarray(list, (size_t)room, sizeof list[0]);
		}
		list[n++] = unescape(c);
		advance(c);
		if (c->token.kind != TOKEN_COMMA)
			break;
		advance(c);
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
		fail(c, c->token.at,
			"a list holds texts in quotes, with commas, and ends "
			"with ]");
	advance(c);
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

	advance(c);
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

	advance(c);
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
		fail(c, at, "%s wants %s, and this is %s", what, kind_name(kind),
			kind_name(is));
}

static int
parse_prefix(struct compiler *c, enum op op, int power, enum value_kind kind)
{
	size_t at = c->token.at;
	int operand;

	advance(c);
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
		advance(c);
		index = parse(c, 0);
		if (c->token.kind != TOKEN_CLOSE)
			fail(c, c->token.at, "a closing ) is missing");
		advance(c);
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
	fail(c, t.at, "a value, an attribute or ( is missing here");
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
		fail(c, at, "%s is compared with %s: this can never hold", kind_name(l),
			kind_name(r));
	} else if (op >= OP_LT && (l == VALUE_BOOL || r == VALUE_BOOL ||
					  l == VALUE_LIST || r == VALUE_LIST)) {
		fail(c, at, "only numbers and texts have an order");
	}
}

static int
parse(struct compiler *c, int power)
{
	int left;

	if (++c->depth > EXPR_DEPTH_MAX)
		fail(c, c->token.at, "more than %d levels of parentheses or signs",
			EXPR_DEPTH_MAX);
	left = parse_operand(c);
	while (!c->failed && c->token.kind == TOKEN_OP && power_of(c->token.op) > power) {
		struct token t = c->token;
		int own = power_of(t.op), right;

		advance(c);
		right = parse(c, own);
		check_kinds(c, t.op, t.at, left, right);
		left = add(c, t.at,
			(struct node){.op = t.op,
				.kind = t.op >= OP_ADD ? VALUE_NUMBER : VALUE_BOOL,
				.left = (short)left,
				.right = (short)right});
		if (own == POWER_COMPARE && c->token.kind == TOKEN_OP &&
			power_of(c->token.op) == POWER_COMPARE)
			fail(c, c->token.at,
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
		fail(&c, EXPR_TEXT_MAX, "an expression has at most %d bytes",
			EXPR_TEXT_MAX);
		return NULL;
	}
	advance(&c);
	root = parse(&c, 0);
	if (c.token.kind != TOKEN_END)
		fail(&c, c.token.at, "an operator is missing here, for example and");
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

/* ---- evaluation ---- */

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
