/* history/figures.c - see figures.h. */
#include "history/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/moment.h"

/* ---- rows ---- */

void
report_finish(struct report *report)
{
	size_t at = 0;
	void *value;

	while (map_next(&report->rows, &at, NULL, &value)) {
		struct report_row *row = value;

		free(row->key);
		free(row);
	}
	map_finish(&report->rows);
	free(report->bin);
	*report = (struct report){0};
}

int
report_bin(const struct report *report, int64_t at_ms)
{
	int low = 0, high = report->n_bins;

	if (high == 0 || at_ms < report->bin[0] || at_ms >= report->bin[high])
		return -1;
	while (high - low > 1) {
		int middle = (low + high) / 2;

		if (report->bin[middle] <= at_ms)
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct interval_figures *
report_at(struct report *report, int bin, const char *key)
{
	struct report_row *row;
	char *name;

	if (bin < 0)
		return NULL;
	name = xasprintf("%06d %s", bin, key);
	row = map_get(&report->rows, name);
	if (row == NULL && report->rows.n >= FIGURES_ROWS_MAX) {
		report->overflow = true;
	} else if (row == NULL) {
		row = xcalloc(1, sizeof *row);
		row->bin = bin;
		row->key = xstrdup(key);
		map_put(&report->rows, name, row);
	}
	free(name);
	return row != NULL ? &row->figures : NULL;
}

void
figures_add_amount(struct interval_figures *f, double amount, const char *currency)
{
	const char *name = currency != NULL ? currency : "";
	int i = 0;

	while (i < f->n_currencies && strcmp(f->currency[i].name, name) != 0)
		i++;
	if (i == FIGURES_CURRENCIES_MAX || strlen(name) >= sizeof f->currency[0].name)
		return;
	if (i == f->n_currencies) {
		f->n_currencies++;
		strcpy(f->currency[i].name, name);
	}
	f->currency[i].amount += amount;
}

/* ---- formulas ---- */

/* NAN where there is nothing to divide by. */
static double
share(double part, double whole)
{
	return whole > 0 ? part / whole : NAN;
}

static int64_t
sl_events(const struct interval_figures *f)
{
	return f->in_time + f->abandoned_in_time + f->passed;
}

/* Abandoned in time do not count at all. */
static double
sl_ignore(const struct interval_figures *f)
{
	return share((double)f->in_time, (double)(sl_events(f) - f->abandoned_in_time));
}

/* Abandoned in time count as missed. */
static double
sl_negative(const struct interval_figures *f)
{
	return share((double)f->in_time, (double)sl_events(f));
}

/* Abandoned in time count as served. */
static double
sl_positive(const struct interval_figures *f)
{
	return share((double)(f->in_time + f->abandoned_in_time), (double)sl_events(f));
}

static double
asa_ms(const struct interval_figures *f)
{
	return share((double)f->answered_wait_ms, (double)f->answered);
}

static double
aht_ms(const struct interval_figures *f)
{
	return share(
		(double)(f->talk_ms + f->hold_ms + f->wrapup_ms), (double)f->handled);
}

static double
abandon_rate(const struct interval_figures *f)
{
	return share((double)f->abandoned, (double)f->offered);
}

static double
occupancy(const struct interval_figures *f)
{
	return share((double)f->busy_ms, (double)(f->busy_ms + f->idle_ms));
}

static double
first_contact_resolution(const struct interval_figures *f)
{
	return share((double)f->resolved_first, (double)f->first_contacts);
}

static double
satisfaction(const struct interval_figures *f)
{
	return share(f->satisfaction, (double)f->satisfied);
}

static double
first_share(const struct interval_figures *f)
{
	return share((double)f->first_met, (double)(f->first_met + f->first_missed));
}

static double
resolve_share(const struct interval_figures *f)
{
	return share(
		(double)f->resolve_met, (double)(f->resolve_met + f->resolve_missed));
}

static double
next_share(const struct interval_figures *f)
{
	return share((double)f->next_met, (double)(f->next_met + f->next_missed));
}

/* ---- columns ---- */

enum side {
	OF_QUEUES, /* left out where agents are the groups */
	OF_AGENTS, /* left out where queues are */
	OF_BOTH
};

#define COUNT(name) offsetof(struct interval_figures, name)

/* In the order of docs/figures.md. */
static const struct column {
	const char *name;
	enum side side;
	size_t at;					     /* of a count */
	double (*formula)(const struct interval_figures *f); /* NULL: a count */
} columns[] = {
	{"offered", OF_QUEUES, COUNT(offered), NULL},
	{"transferred_in", OF_QUEUES, COUNT(transferred_in), NULL},
	{"overflowed_in", OF_QUEUES, COUNT(overflowed_in), NULL},
	{"moved_in", OF_QUEUES, COUNT(moved_in), NULL},
	{"returned", OF_QUEUES, COUNT(returned), NULL},
	{"answered", OF_QUEUES, COUNT(answered), NULL},
	{"abandoned", OF_QUEUES, COUNT(abandoned), NULL},
	{"short_abandoned", OF_QUEUES, COUNT(short_abandoned), NULL},
	{"abandon_rate", OF_QUEUES, 0, abandon_rate},
	{"expired", OF_QUEUES, COUNT(expired), NULL},
	{"cancelled", OF_QUEUES, COUNT(cancelled), NULL},
	{"lost", OF_QUEUES, COUNT(lost), NULL},
	{"answered_auto", OF_QUEUES, COUNT(answered_auto), NULL},
	{"moved_out", OF_QUEUES, COUNT(moved_out), NULL},
	{"in_time", OF_QUEUES, COUNT(in_time), NULL},
	{"abandoned_in_time", OF_QUEUES, COUNT(abandoned_in_time), NULL},
	{"passed", OF_QUEUES, COUNT(passed), NULL},
	{"sl_ignore", OF_QUEUES, 0, sl_ignore},
	{"sl_negative", OF_QUEUES, 0, sl_negative},
	{"sl_positive", OF_QUEUES, 0, sl_positive},
	{"first_met", OF_BOTH, COUNT(first_met), NULL},
	{"first_missed", OF_BOTH, COUNT(first_missed), NULL},
	{"sl_first", OF_BOTH, 0, first_share},
	{"next_met", OF_BOTH, COUNT(next_met), NULL},
	{"next_missed", OF_BOTH, COUNT(next_missed), NULL},
	{"sl_next", OF_BOTH, 0, next_share},
	{"resolve_met", OF_BOTH, COUNT(resolve_met), NULL},
	{"resolve_missed", OF_BOTH, COUNT(resolve_missed), NULL},
	{"sl_resolve", OF_BOTH, 0, resolve_share},
	{"asa_ms", OF_QUEUES, 0, asa_ms},
	{"longest_wait_ms", OF_QUEUES, COUNT(longest_wait_ms), NULL},
	{"abandoned_wait_ms", OF_QUEUES, COUNT(abandoned_wait_ms), NULL},
	{"offers", OF_BOTH, COUNT(offers), NULL},
	{"accepted", OF_BOTH, COUNT(accepted), NULL},
	{"rona", OF_BOTH, COUNT(rona), NULL},
	{"rejected", OF_BOTH, COUNT(rejected), NULL},
	{"rescinded", OF_BOTH, COUNT(rescinded), NULL},
	{"withdrawn", OF_BOTH, COUNT(withdrawn), NULL},
	{"handled", OF_BOTH, COUNT(handled), NULL},
	{"talk_ms", OF_BOTH, COUNT(talk_ms), NULL},
	{"hold_ms", OF_BOTH, COUNT(hold_ms), NULL},
	{"wrapup_ms", OF_BOTH, COUNT(wrapup_ms), NULL},
	{"aht_ms", OF_BOTH, 0, aht_ms},
	{"transferred_out", OF_BOTH, COUNT(transferred_out), NULL},
	{"completed", OF_BOTH, COUNT(completed), NULL},
	{"first_contacts", OF_BOTH, COUNT(first_contacts), NULL},
	{"resolved_first", OF_BOTH, COUNT(resolved_first), NULL},
	{"fcr", OF_BOTH, 0, first_contact_resolution},
	{"satisfaction_answers", OF_BOTH, COUNT(satisfied), NULL},
	{"satisfaction", OF_BOTH, 0, satisfaction},
	{"logged_in_ms", OF_AGENTS, COUNT(logged_in_ms), NULL},
	{"ready_ms", OF_AGENTS, COUNT(ready_ms), NULL},
	{"not_ready_ms", OF_AGENTS, COUNT(not_ready_ms), NULL},
	{"not_responding_ms", OF_AGENTS, COUNT(not_responding_ms), NULL},
	{"busy_ms", OF_AGENTS, COUNT(busy_ms), NULL},
	{"idle_ms", OF_AGENTS, COUNT(idle_ms), NULL},
	{"occupancy", OF_AGENTS, 0, occupancy},
};

#define N_COLUMNS (sizeof columns / sizeof *columns)

static bool
is_shown(const struct report *report, const struct column *c)
{
	return c->side == OF_BOTH || (c->side == OF_AGENTS) == report->by_agent;
}

static int64_t
count_of(const struct column *c, const struct interval_figures *f)
{
	return *(const int64_t *)(const void *)((const char *)f + c->at);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of the rows in order; the caller frees the list, not the names. */
static const char **
row_names(const struct report *report)
{
	const char **names = xcalloc(report->rows.n + 1, sizeof *names);
	size_t at = 0, n = 0;

	while (map_next(&report->rows, &at, &names[n], NULL))
		n++;
	qsort(names, n, sizeof *names, by_name);
	return names;
}

/* ---- JSON ---- */

static json_t *
amounts_json(const struct interval_figures *f)
{
	json_t *o = json_object();

	for (int i = 0; i < f->n_currencies; i++)
		json_object_set_new(
			o, f->currency[i].name, json_real(f->currency[i].amount));
	return o;
}

static json_t *
row_json(const struct report *report, const struct report_row *row, const char *what)
{
	json_t *o = json_object();
	char from[MOMENT_TEXT], to[MOMENT_TEXT];

	moment_format(from, report->bin[row->bin]);
	moment_format(to, report->bin[row->bin + 1]);
	json_object_set_new(o, "from", json_string(from));
	json_object_set_new(o, "to", json_string(to));
	json_object_set_new(o, what, json_string(row->key));
	for (size_t i = 0; i < N_COLUMNS; i++) {
		const struct column *c = &columns[i];
		double value;

		if (!is_shown(report, c))
			continue;
		if (c->formula == NULL) {
			json_object_set_new(
				o, c->name, json_integer(count_of(c, &row->figures)));
			continue;
		}
		value = c->formula(&row->figures);
		json_object_set_new(
			o, c->name, isnan(value) ? json_null() : json_real(value));
	}
	json_object_set_new(o, "amounts", amounts_json(&row->figures));
	return o;
}

json_t *
report_json(const struct report *report, const char *what)
{
	const char **names = row_names(report);
	json_t *list = json_array();

	for (size_t i = 0; i < report->rows.n; i++)
		json_array_append_new(
			list, row_json(report, map_get(&report->rows, names[i]), what));
	free(names);
	return list;
}

/* ---- CSV ---- */

void
csv_text(struct text *out, const char *value)
{
	bool quote = strpbrk(value, ",\"\r\n") != NULL;

	/* A spreadsheet would take it for a formula (RELIABILITY S15). */
	bool formula = value[0] != '\0' && strchr("=+-@\t\r", value[0]) != NULL;

	quote = quote || formula;
	if (quote)
		text_add(out, "\"");
	if (formula)
		text_add(out, "'");
	for (const char *p = value; *p != '\0'; p++) {
		if (*p == '"')
			text_add(out, "\"");
		text_add_n(out, p, 1);
	}
	if (quote)
		text_add(out, "\"");
}

static void
csv_amounts(struct text *out, const struct interval_figures *f)
{
	struct text cell = {0};

	for (int i = 0; i < f->n_currencies; i++)
		text_addf(&cell, "%s%.2f%s%s", i > 0 ? "; " : "", f->currency[i].amount,
			f->currency[i].name[0] != '\0' ? " " : "", f->currency[i].name);
	csv_text(out, cell.n > 0 ? cell.s : "");
	text_finish(&cell);
}

static void
csv_row(const struct report *report, const struct report_row *row, struct text *out)
{
	char from[MOMENT_TEXT], to[MOMENT_TEXT];

	moment_format(from, report->bin[row->bin]);
	moment_format(to, report->bin[row->bin + 1]);
	text_addf(out, "%s,%s,", from, to);
	csv_text(out, row->key);
	for (size_t i = 0; i < N_COLUMNS; i++) {
		const struct column *c = &columns[i];
		double value;

		if (!is_shown(report, c))
			continue;
		text_add(out, ",");
		if (c->formula == NULL) {
			text_add_int(out, count_of(c, &row->figures));
			continue;
		}
		value = c->formula(&row->figures);
		if (!isnan(value))
			text_addf(out, "%.6g", value);
	}
	text_add(out, ",");
	csv_amounts(out, &row->figures);
	text_add(out, "\r\n");
}

void
report_csv(const struct report *report, const char *what, struct text *out)
{
	const char **names = row_names(report);

	text_addf(out, "from,to,%s", what);
	for (size_t i = 0; i < N_COLUMNS; i++)
		if (is_shown(report, &columns[i]))
			text_addf(out, ",%s", columns[i].name);
	text_add(out, ",amounts\r\n");
	for (size_t i = 0; i < report->rows.n; i++)
		csv_row(report, map_get(&report->rows, names[i]), out);
	free(names);
}
