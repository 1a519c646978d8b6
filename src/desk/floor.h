/* desk/floor.h - what floor.c and floor_methods.c share; nobody else includes it. */
#ifndef USHER_DESK_FLOOR_H
#define USHER_DESK_FLOOR_H

#include "desk/inner.h"
#include "desk/trend.h"

#define FORESEEN_MAX 1000 /* contacts that are looked at, in the order of service */

/* An agent's open call for help. */
struct help {
	int agent;
	int64_t since_ms;
	uint64_t contact; /* 0: none */
	char *text;	  /* owned */
	struct help *next;
};

struct floor {
	struct desk *desk;
	struct event *timer;
	int64_t began_ms;      /* centre time; what is older is history's */
	struct trend *trend;   /* owned */
	struct alarms *alarms; /* owned */
	int64_t sampled_ms, foreseen_ms;
	int n_outlooks;
	struct outlook *outlook; /* owned, by queue */
	int n_waiting;
	struct waiting_contact waiting[FORESEEN_MAX];
	int64_t expected_ms[FORESEEN_MAX]; /* beside waiting; 0: unknown */
	struct help *helps;		   /* owned */
	struct curves *curves;		   /* owned; answers that are put together */
	int n_curves;
	struct event *turn; /* owned; for the first of them */
};

/* A number that changes at midnight of the centre, and that midnight. */
int64_t floor_day(const struct desk *desk, int64_t now_ms);
int64_t floor_midnight_ms(const struct desk *desk, int64_t now_ms);

json_t *floor_figures_json(const struct trend_sum *sum);

/* ---- curves.c ---- */

struct curves;
void floor_curves_begin(struct floor *f);
void floor_curves_finish(struct floor *f);

/* The agent's call for help is over; by: who ended it, NULL: nobody in person. False:
 * there was none. */
bool floor_help_over(struct floor *f, int agent, const char *by);
void floor_help_finish(struct floor *f);

#endif
