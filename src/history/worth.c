/* history/worth.c - what a customer is worth, term by term. */
#include "history/worth.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/moment.h"

#define YEAR_MS (365.25 * 24 * 3600 * 1000)
#define HOUR_MS 3600000.0

/* ---- figures ---- */

void
figures_finish(struct figures *figures)
{
	for (int i = 0; i < figures->n; i++)
		json_decref(figures->list[i].value);
	figures->n = 0;
}

bool
figures_add(struct figures *figures, const char *name, const char *source, json_t *value,
	int64_t at_ms)
{
	struct figure *f = &figures->list[figures->n];

	if (value == NULL || figures->n == FIGURES_MAX) {
		json_decref(value);
		return false;
	}
	snprintf(f->name, sizeof f->name, "%s", name);
	snprintf(f->source, sizeof f->source, "%s", source);
	f->value = value;
	f->at_ms = at_ms;
	f->holds = false;
	figures->n++;
	return true;
}

/* Whether a stands above b. */
static bool
stands_above(const struct customer_rules *rules, const struct figure *a,
	const struct figure *b)
{
	int rank_a = customer_source_rank(rules, a->source);
	int rank_b = customer_source_rank(rules, b->source);

	if (rank_a != rank_b)
		return rank_a < rank_b;
	if (a->at_ms != b->at_ms)
		return a->at_ms > b->at_ms;
	return strcmp(a->source, b->source) < 0;
}

void
figures_settle(struct figures *figures, const struct customer_rules *rules)
{
	for (int i = 0; i < figures->n; i++) {
		struct figure *f = &figures->list[i];

		f->holds = true;
		for (int j = 0; j < figures->n && f->holds; j++)
			if (j != i && strcmp(figures->list[j].name, f->name) == 0)
				f->holds = stands_above(rules, f, &figures->list[j]);
	}
}

json_t *
figures_value(const struct figures *figures, const char *name)
{
	for (int i = 0; i < figures->n; i++)
		if (figures->list[i].holds && strcmp(figures->list[i].name, name) == 0)
			return figures->list[i].value;
	return NULL;
}

static double
number_of(const json_t *value)
{
	char whole[40];
	int64_t ms;

	if (json_is_number(value))
		return json_number_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? 1 : 0;
	if (!json_is_string(value))
		return NAN;
	if (moment_parse(json_string_value(value), &ms))
		return (double)ms;
	if (json_string_length(value) != 10)
		return NAN;
	snprintf(whole, sizeof whole, "%sT00:00:00Z", json_string_value(value));
	return moment_parse(whole, &ms) ? (double)ms : NAN;
}

double
figures_number(const struct figures *figures, const char *name)
{
	return number_of(figures_value(figures, name));
}

/* ---- the formula ---- */

double
worth_cost(const struct customer_rules *rules, const struct figures *figures,
	const struct worth_own *own)
{
	double supplied = figures_number(figures, "cost_to_serve");

	return (isnan(supplied) ? 0 : supplied) +
	       own->handled_ms / HOUR_MS * rules->cost_per_hour;
}

static double
tenure(const struct figures *figures, const struct worth_own *own)
{
	double since = figures_number(figures, "since");

	if (isnan(since))
		since = (double)own->since_ms;
	if (since <= 0 || since >= (double)own->now_ms)
		return 0;
	return ((double)own->now_ms - since) / YEAR_MS;
}

static double
complaints(const struct figures *figures)
{
	double n = figures_number(figures, "complaints");
	double supplied = figures_number(figures, "open_complaint");

	return (isnan(n) ? 0 : n) + (isnan(supplied) ? 0 : supplied);
}

static double
figure(const struct customer_rules *rules, const struct figures *figures,
	const struct worth_own *own, const char *name)
{
	if (strcmp(name, "tenure_years") == 0)
		return tenure(figures, own);
	if (strcmp(name, "cost_to_serve") == 0)
		return worth_cost(rules, figures, own);
	if (strcmp(name, "repeat_contacts") == 0)
		return own->repeat_contacts;
	if (strcmp(name, "complaints") == 0)
		return complaints(figures);
	return figures_number(figures, name);
}

static double
term_points(const struct worth_term *term, double x)
{
	double points = term->weight * (x - term->from);

	if (points < term->least)
		points = term->least;
	return points > term->most ? term->most : points;
}

/* Points to a thousandth: what is shown is what counts. */
static double
rounded(double points)
{
	return round(points * 1000) / 1000;
}

double
worth_of(const struct customer_rules *rules, const struct figures *figures,
	const struct worth_own *own, json_t *terms)
{
	double sum = 0;

	for (int i = 0; i < rules->n_terms; i++) {
		const struct worth_term *term = &rules->terms[i];
		double x = figure(rules, figures, own, term->figure), points;

		if (!isfinite(x))
			continue; /* nothing is known */
		points = rounded(term_points(term, x));
		sum += points;
		if (terms != NULL && points != 0)
			json_array_append_new(terms,
				json_pack("{s:s, s:s, s:f, s:f, s:f, s:f}", "term",
					term->name, "figure", term->figure, "value",
					rounded(x), "weight", term->weight, "from",
					term->from, "points", points));
	}
	return rounded(sum);
}
