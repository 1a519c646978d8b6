/*
 * model/rule.h - the expression language of rules, over contact, customer and time
 * attributes.
 *
 *   channel == "email" and customer.points >= 80
 *   ivr.menu == "bill" or "invoice" in subject
 *   customer.tags has "press" and not (time.hour < 8)
 *
 * Operators: == != < <= > >= in has and or not, + - * /, parentheses; text in double
 * quotes, numbers, true, false, lists ["a", "b"]. `x in y`: y is a list that holds just
 * x, or text that contains x (case-insensitive ASCII); `y has x` is the same turned
 * round. Types are checked at compile time where both sides are literal or known, else at
 * run time, where a comparison of different types, a missing attribute or a division by
 * zero is false and counted.
 */
#ifndef USHER_MODEL_RULE_H
#define USHER_MODEL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

#define EXPR_TEXT_MAX 4096 /* bytes of an expression */
#define EXPR_NAME_MAX 64   /* bytes of an attribute's name */
#define EXPR_NODES_MAX 256
#define EXPR_DEPTH_MAX 32
#define EXPR_COST_MAX                                                                    \
	100000 /* characters compared in one evaluation; more is an error and counts as  \
		  false */

enum value_kind {
	VALUE_NONE,
	VALUE_BOOL,
	VALUE_NUMBER,
	VALUE_TEXT,
	VALUE_LIST
};

/* A borrowed value. A list holds texts. */
struct value {
	enum value_kind kind;
	bool boolean;
	double number;
	const char *text;
	int n_list;
	const char *const *list;
};

struct expr;

struct expr_error {
	size_t at; /* byte offset into the text */
	char message[160];
};

/* Compiles; NULL with *error filled when the text is wrong. The caller owns the result.
 */
struct expr *expr_compile(const char *text, struct expr_error *error) USHER_MUST_CHECK;
void expr_destroy(struct expr *expr); /* NULL is fine */

/* Looks an attribute up by its dotted name; VALUE_NONE when missing. */
typedef struct value (*expr_lookup)(void *owner, const char *name);

struct expr_counts {
	uint64_t missing;    /* attributes that were not there */
	uint64_t mismatched; /* comparisons of different types, divisions by zero */
	uint64_t too_dear;   /* evaluations cut off at EXPR_COST_MAX */
};

/* True when the expression holds. Never fails: what cannot be decided is false and
 * counted in *counts. */
bool expr_holds(const struct expr *expr, expr_lookup lookup, void *owner,
	struct expr_counts *counts);

/* Calls back for each attribute name used; for checks and documentation. */
void expr_names(const struct expr *expr, void (*each)(void *owner, const char *name),
	void *owner);

/* Calls back for each literal text to which an attribute is compared (== != in), so that
 * the settings can refuse `channel == "emial"`. */
void expr_texts(const struct expr *expr,
	void (*each)(void *owner, const char *name, const char *text), void *owner);

/* The attributes that the router provides itself, i from 0; NULL after the last one. Any
 * other name is an attribute of the contact, or customer.* of its customer. */
const char *expr_builtin(int i);

#endif
