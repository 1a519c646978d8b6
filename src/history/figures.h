/*
 * history/figures.h - interval figures: what is counted, in which interval, and the
 * formulas (docs/figures.md is their document). Pure.
 */
#ifndef USHER_HISTORY_FIGURES_H
#define USHER_HISTORY_FIGURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/text.h"

#define FIGURES_ROWS_MAX 20000 /* of one report; more are refused */
#define FIGURES_BINS_MAX 4000  /* intervals of one report */
#define FIGURES_CURRENCIES_MAX 8

/* Counts of one group in one interval; times in ms. Each is counted in the interval in
 * which it happened. */
struct interval_figures {
	/* stays in queues */
	int64_t offered, transferred_in, overflowed_in, moved_in, returned;
	int64_t answered, answered_wait_ms, longest_wait_ms;
	int64_t abandoned, short_abandoned, abandoned_wait_ms;
	int64_t expired, cancelled, lost, answered_auto, moved_out;
	int64_t in_time, abandoned_in_time, passed; /* service level events */
	int64_t first_met, first_missed;	    /* first waits, at the answer */
	int64_t next_met, next_missed;		    /* waits after the first one */
	/* offers and legs */
	int64_t offers, accepted, rona, rejected, rescinded, withdrawn;
	int64_t handled, talk_ms, hold_ms, wrapup_ms, transferred_out;
	/* contacts that ended */
	int64_t completed, first_contacts, resolved_first;
	int64_t resolve_met, resolve_missed; /* completed in the promised time */
	int64_t satisfied;		     /* answers */
	double satisfaction;		     /* their sum */
	int n_currencies;
	struct {
		char name[16];
		double amount;
	} currency[FIGURES_CURRENCIES_MAX];
	/* agents' time */
	int64_t logged_in_ms, ready_ms, not_ready_ms, not_responding_ms;
	int64_t busy_ms, idle_ms; /* idle: ready and with nothing */
};

/* A report being made. A zeroed struct is empty. */
struct report {
	int64_t from_ms, to_ms, now_ms;
	int n_bins;
	int64_t *bin;	 /* owned; n_bins + 1 edges */
	bool by_agent;	 /* agents or teams: what queues have alone is left out */
	struct map rows; /* "BIN KEY" -> struct report_row, owned */
	bool overflow;	 /* more than FIGURES_ROWS_MAX */
};

struct report_row {
	int bin;
	char *key; /* owned */
	struct interval_figures figures;
};

void report_finish(struct report *report);
/* The interval in which a moment lies; -1: in none. */
int report_bin(const struct report *report, int64_t at_ms);
/* The figures of a group in an interval; NULL: overflow, or bin is -1. */
struct interval_figures *report_at(struct report *report, int bin, const char *key);
void figures_add_amount(struct interval_figures *f, double amount, const char *currency);

/* Rows in order of time and group, as JSON or CSV (safe against formulas); `what` is the
 * heading of the group's column. */
json_t *report_json(const struct report *report, const char *what);
void report_csv(const struct report *report, const char *what, struct text *out);
/* One cell of CSV. */
void csv_text(struct text *out, const char *value);

#endif
