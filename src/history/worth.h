/*
 * history/worth.h - what a customer is worth: the declared formula over his figures, term
 * by term; which of several sources' values holds. Pure.
 *
 *   points = sum of terms (weight x (figure - from), within least..most)
 *          + sum over links (weight x own points of the other)
 *          + listings (VIP, block)
 */
#ifndef USHER_HISTORY_WORTH_H
#define USHER_HISTORY_WORTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/customer.h"

#define FIGURES_MAX 96 /* attributes of one customer that are looked at */
#define FIGURE_NAME_MAX 64
#define LINKS_MAX 16 /* of one customer from which he inherits */

/* One value of one source. */
struct figure {
	char name[FIGURE_NAME_MAX + 1];
	char source[FIGURE_NAME_MAX + 1];
	json_t *value; /* owned by the list: text, number, true or false */
	int64_t at_ms;
	bool holds;
};

struct figures {
	int n;
	struct figure list[FIGURES_MAX];
};

void figures_finish(struct figures *figures);
/* Takes the value over. False: the list is full (value is released). */
bool figures_add(struct figures *figures, const char *name, const char *source,
	json_t *value, int64_t at_ms);

/* The conflict rule: of each name the most trusted source holds, of equally trusted ones
 * the latest. */
void figures_settle(struct figures *figures, const struct customer_rules *rules);
/* The value that holds (borrowed); NULL: none. */
json_t *figures_value(const struct figures *figures, const char *name);
/* The same as a number: true is 1, a date (RFC 3339 or YYYY-MM-DD) its Unix ms; NAN. */
double figures_number(const struct figures *figures, const char *name);

/* What usher itself knows. */
struct worth_own {
	int64_t now_ms;
	int64_t since_ms;  /* customer since, where no figure `since` says; 0 */
	double handled_ms; /* within cost_over */
	int repeat_contacts;
};

/*
 * worth_of - points by the formula alone.
 *
 * terms    NULL, or an array to which {"term", "figure", "value", "weight", "from",
 *          "points"} is added for each term whose figure is there
 */
double worth_of(const struct customer_rules *rules, const struct figures *figures,
	const struct worth_own *own, json_t *terms);

/* cost_to_serve: the supplied figure and what handling cost. */
double worth_cost(const struct customer_rules *rules, const struct figures *figures,
	const struct worth_own *own);

#endif
