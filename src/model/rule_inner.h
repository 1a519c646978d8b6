/* model/rule_inner.h - inside of model/rule*.c: nodes of an expression, and its words. */
#ifndef USHER_MODEL_RULE_INNER_H
#define USHER_MODEL_RULE_INNER_H

#include "model/rule.h"

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

/* Reads the next word of c->text into c->token. */
void rule_advance(struct compiler *c);
/* The first error stands; reading ends at the end of the text, wherever it stood. */
void rule_fail(struct compiler *c, size_t at, const char *format, ...) USHER_PRINTF(3, 4);

#endif
