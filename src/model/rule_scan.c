/* model/rule_scan.c - words of an expression. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/rule_inner.h"

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

/* The first error stands; what follows it would only confuse. */
void
rule_fail(struct compiler *c, size_t at, const char *format, ...)
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
		rule_fail(c, c->at + n, "a number has digits and one point only");
		return;
	}
	if (n >= sizeof digits) {
		rule_fail(c, c->at, "a number has at most %zu digits", sizeof digits - 1);
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
			rule_fail(c, at, "only \\\" and \\\\ are known in text");
			return;
		}
		at += c->text[at] == '\\' ? 2 : 1;
	}
	if (c->text[at] == '\0') {
		rule_fail(c, from, "the text that begins here has no closing quote");
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
			rule_fail(c, c->at, "write %s in small letters", words[i].word);
			return;
		}
		c->token.kind = words[i].kind;
		c->token.op = words[i].op;
	}
	if (c->token.kind == TOKEN_NAME && s[n] == '-' && is_letter(s[n + 1])) {
		rule_fail(c, c->at + n,
			"names have no hyphens: write _ instead, or \"a - b\" to "
			"subtract");
		return;
	}
	if (n > EXPR_NAME_MAX) {
		rule_fail(c, c->at, "a name has at most %d characters", EXPR_NAME_MAX);
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
			rule_fail(c, c->at, "%.*s is not known here: %s", (int)n, s,
				operators[i].hint);
		else
			c->token = (struct token){
				.kind = TOKEN_OP, .op = operators[i].op, .at = c->at};
		c->at += c->failed ? 0 : n;
		return;
	}
	if (*s > ' ' && *s <= '~')
		rule_fail(c, c->at, "'%c' has no meaning here", *s);
	else
		rule_fail(c, c->at, "a character that has no meaning outside quotes");
}

void
rule_advance(struct compiler *c)
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
