/*
 * desk/trend.h - the last day minute by minute, in memory: what came, was answered and
 * was lost by queue and channel; how the agents stood by team; what each agent did today.
 *
 * It is for live charts and service levels; the record of what was is history's, and what
 * was before this process is taken from there (trend_take). Pure but for memory: time is
 * an argument. Minutes are of centre time.
 */
#ifndef USHER_DESK_TREND_H
#define USHER_DESK_TREND_H

#include <stdbool.h>
#include <stdint.h>

#include "route/events.h"

#define TREND_HOURS 25	  /* kept: the longest day, when clocks go back */
#define TREND_WAITS 16	  /* buckets of waits */
#define TREND_SERIES 4096 /* queues by channels; further ones are not drawn */
#define MINUTE_MS INT64_C(60000)

struct trend;

struct trend *trend_create(void);
void trend_destroy(struct trend *trend);

void trend_event(struct trend *trend, const struct event *event);

/* How the agents of a team (-1: of none) stand now; once a minute is enough. */
struct trend_staff {
	int logged_in, ready, busy, not_ready; /* busy: with a contact in hand */
};
void trend_staff(
	struct trend *trend, int team, const struct trend_staff *staff, int64_t now_ms);

/* Sums over some minutes, queues and channels. */
struct trend_sum {
	int64_t arrived, answered, in_time, abandoned, expired;
	int64_t waited_ms; /* of those answered */
	int64_t handled, handled_ms;
	int64_t waits[TREND_WAITS];
};

/* Adds what fits: from_ms <= minute < to_ms. queue, channel: -1 for all. */
void trend_add(const struct trend *trend, int queue, int channel, int64_t from_ms,
	int64_t to_ms, struct trend_sum *sum);
/* The same of the i-th series (trend_series_at) for n points of step_ms (full minutes),
 * one behind the other from from_ms (a full minute) on. */
void trend_points(const struct trend *trend, int i, int64_t from_ms, int64_t step_ms,
	int n, struct trend_sum *points);
/* The wait that this share (0..1) of the answered did not exceed: the upper bound of its
 * bucket; -1 when none was answered. */
int64_t trend_quantile_ms(const struct trend_sum *sum, double share);
/* Answered in time, of those that were answered or lost late (abandons count as missed
 * once the promise was broken; FEATURES, "negative"); NAN when there were none. */
double trend_service_level(const struct trend_sum *sum);

/* Mean of the samples of these minutes. False: no sample. */
bool trend_staff_mean(const struct trend *trend, int team, int64_t from_ms, int64_t to_ms,
	double out[4]);

/* The walk over what is known: queues and channels that had something. */
bool trend_series_at(const struct trend *trend, int i, int *queue, int *channel);

/* What one agent did since his day began (trend_new_day). */
struct trend_agent {
	int64_t offered, accepted, rejected, timeouts, completed, transferred;
	int64_t handled_ms;
	int64_t state_ms[AGENT_STATES]; /* up to since_ms */
	enum agent_state state;
	int64_t since_ms; /* 0: unknown */
	double amount;	  /* of outcomes */
	int n_channels;
	int64_t *by_channel; /* owned by the trend: completed, by channel index */
};
/* NULL: he did nothing. Borrowed until the next event. */
const struct trend_agent *trend_agent(const struct trend *trend, int agent);
/* The state that he is in; called when it is known or changes. */
void trend_agent_state(
	struct trend *trend, int agent, enum agent_state state, int64_t now_ms);
/* Begins the agents' counts anew when `day` (any number that changes at midnight) is
 * another one. */
void trend_new_day(struct trend *trend, int64_t day, int64_t now_ms);

/* Adds what another one has; both are of the same day. until_ms: where its agents' open
 * states end. past: left as it is. */
void trend_take(struct trend *trend, const struct trend *past, int64_t until_ms);

#endif
