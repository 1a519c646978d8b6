/* desk/trend.c - counts by minute, in blocks of an hour that are made when needed and
 * used again a day later. */
#include "desk/trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/xalloc.h"

#define BLOCKS (TREND_HOURS + 1)
#define HOUR 60		     /* minutes */
#define TEAMS_MAX 4096	     /* with samples */
#define AGENTS_MAX (1 << 20) /* sanity only: indexes come from the settings */

/* Upper bounds of the buckets of waits; the last has none. */
static const int64_t bound_ms[TREND_WAITS] = {1000, 2000, 5000, 10000, 15000, 20000,
	30000, 45000, 60000, 90000, 120000, 180000, 300000, 900000, 3600000, INT64_MAX};
#define BEYOND_MS (4 * 3600 * INT64_C(1000)) /* stands for the last bucket */

struct minute {
	uint32_t arrived, answered, in_time, abandoned, expired, handled;
	int64_t waited_ms, handled_ms;
	uint16_t waits[TREND_WAITS]; /* stops at its end */
};

struct block {
	int64_t hour;
	uint64_t used; /* a bit for each minute that has something */
	struct minute minute[HOUR];
};

struct series {
	int queue, channel;
	struct series *next;	     /* of the same queue; borrowed */
	struct block *block[BLOCKS]; /* owned; NULL: nothing */
};

struct sample {
	int64_t minute; /* 0: none */
	struct trend_staff staff;
};

struct team_samples {
	int team;
	struct sample sample[TREND_HOURS * HOUR]; /* by minute, in a ring */
};

struct trend {
	struct series **series; /* owned */
	int n_series;
	struct idmap by_key;	     /* struct series */
	struct idmap by_queue;	     /* the first one of a queue, by its index + 1 */
	struct team_samples **teams; /* owned */
	int n_teams;
	struct trend_agent *agents; /* owned, by index */
	int n_agents;
	int64_t day;
};

struct trend *
trend_create(void)
{
	return xcalloc(1, sizeof(struct trend));
}

void
trend_destroy(struct trend *t)
{
	if (t == NULL)
		return;
	for (int i = 0; i < t->n_series; i++) {
		for (int j = 0; j < BLOCKS; j++)
			free(t->series[i]->block[j]);
		free(t->series[i]);
	}
	for (int i = 0; i < t->n_teams; i++)
		free(t->teams[i]);
	for (int i = 0; i < t->n_agents; i++)
		free(t->agents[i].by_channel);
	free(t->series);
	free(t->teams);
	free(t->agents);
	idmap_finish(&t->by_key);
	idmap_finish(&t->by_queue);
	free(t);
}

/* ---- minutes ---- */

static struct series *
series_of(struct trend *t, int queue, int channel)
{
	uint64_t key = ((uint64_t)queue + 1) << 20 | ((uint64_t)channel + 1);
	struct series *s = idmap_get(&t->by_key, key);

	if (s != NULL || t->n_series == TREND_SERIES)
		return s;
	s = xcalloc(1, sizeof *s);
	s->queue = queue;
	s->channel = channel;
	idmap_put(&t->by_key, key, s);
	s->next = idmap_get(&t->by_queue, (uint64_t)queue + 1);
	idmap_put(&t->by_queue, (uint64_t)queue + 1, s);
	t->series = xreallocarray(t->series, (size_t)t->n_series + 1, sizeof *t->series);
	t->series[t->n_series++] = s;
	return s;
}

/* The minute to count in; NULL: no room, or long past. */
static struct minute *
minute_of(struct trend *t, const struct event *e)
{
	int64_t minute = e->at_ms / MINUTE_MS, hour = minute / HOUR;
	struct series *s;
	struct block **b;

	if (e->queue < 0 || e->channel < 0 || e->at_ms <= 0)
		return NULL;
	s = series_of(t, e->queue, e->channel);
	if (s == NULL)
		return NULL;
	b = &s->block[hour % BLOCKS];
	if (*b == NULL)
		*b = xcalloc(1, sizeof **b);
	if ((*b)->hour > hour)
		return NULL;
	if ((*b)->hour < hour) {
		memset(*b, 0, sizeof **b);
		(*b)->hour = hour;
	}
	(*b)->used |= UINT64_C(1) << minute % HOUR;
	return &(*b)->minute[minute % HOUR];
}

static void
count_wait(struct minute *m, int64_t waited_ms)
{
	int i = 0;

	while (waited_ms > bound_ms[i])
		i++;
	if (m->waits[i] < UINT16_MAX)
		m->waits[i]++;
	m->waited_ms += waited_ms;
}

static void
count_minute(struct minute *m, const struct event *e)
{
	bool late = e->due_ms != 0 && e->at_ms > e->due_ms;

	if (e->kind == EVENT_CONTACT_CREATED) {
		m->arrived++;
	} else if (e->kind == EVENT_CONTACT_CONNECTED && e->waited_ms >= 0) {
		m->answered++;
		m->in_time += !late;
		count_wait(m, e->waited_ms);
	} else if (e->kind == EVENT_CONTACT_ABANDONED) {
		m->abandoned++;
	} else if (e->kind == EVENT_CONTACT_EXPIRED) {
		m->expired++;
	} else if (e->kind == EVENT_CONTACT_COMPLETED && e->handled_ms >= 0) {
		m->handled++;
		m->handled_ms += e->handled_ms;
	}
}

static void
add_minute(const struct minute *m, struct trend_sum *sum)
{
	sum->arrived += m->arrived;
	sum->answered += m->answered;
	sum->in_time += m->in_time;
	sum->abandoned += m->abandoned;
	sum->expired += m->expired;
	sum->waited_ms += m->waited_ms;
	sum->handled += m->handled;
	sum->handled_ms += m->handled_ms;
	for (int w = 0; w < TREND_WAITS; w++)
		sum->waits[w] += m->waits[w];
}

/* The minutes first <= minute < end of one hour that have something, as bits. */
static uint64_t
minutes_used(const struct series *s, int64_t hour, int64_t first, int64_t end)
{
	const struct block *b = s->block[hour % BLOCKS];
	uint64_t bits = b != NULL && b->hour == hour ? b->used : 0;

	if (first > hour * HOUR)
		bits &= ~UINT64_C(0) << (first - hour * HOUR);
	if (end < (hour + 1) * HOUR)
		bits &= (UINT64_C(1) << (end - hour * HOUR)) - 1;
	return bits;
}

/* Minutes from first on, to n points of `step` minutes. */
static void
add_series(const struct series *s, int64_t first, int64_t step, int n,
	struct trend_sum *points)
{
	int64_t end = first + step * n;

	for (int64_t hour = first / HOUR; hour * HOUR < end; hour++) {
		uint64_t bits = minutes_used(s, hour, first, end);

		for (; bits != 0; bits &= bits - 1) {
			int at = __builtin_ctzll(bits);

			add_minute(&s->block[hour % BLOCKS]->minute[at],
				&points[(hour * HOUR + at - first) / step]);
		}
	}
}

void
trend_add(const struct trend *t, int queue, int channel, int64_t from_ms, int64_t to_ms,
	struct trend_sum *sum)
{
	int64_t first = from_ms / MINUTE_MS, end = (to_ms + MINUTE_MS - 1) / MINUTE_MS;

	if (queue >= 0) {
		for (const struct series *s =
				idmap_get(&t->by_queue, (uint64_t)queue + 1);
			s != NULL; s = s->next)
			if (channel < 0 || s->channel == channel)
				add_series(s, first, end - first, 1, sum);
		return;
	}
	for (int i = 0; i < t->n_series; i++)
		if (channel < 0 || t->series[i]->channel == channel)
			add_series(t->series[i], first, end - first, 1, sum);
}

void
trend_points(const struct trend *t, int i, int64_t from_ms, int64_t step_ms, int n,
	struct trend_sum *points)
{
	add_series(t->series[i], from_ms / MINUTE_MS, step_ms / MINUTE_MS, n, points);
}

int64_t
trend_quantile_ms(const struct trend_sum *sum, double share)
{
	int64_t all = 0, seen = 0;

	for (int i = 0; i < TREND_WAITS; i++)
		all += sum->waits[i];
	if (all == 0)
		return -1;
	for (int i = 0; i < TREND_WAITS - 1; i++) {
		seen += sum->waits[i];
		if ((double)seen >= share * (double)all)
			return bound_ms[i];
	}
	return BEYOND_MS;
}

double
trend_service_level(const struct trend_sum *sum)
{
	int64_t all = sum->answered + sum->abandoned + sum->expired;

	return all > 0 ? (double)sum->in_time / (double)all : NAN;
}

bool
trend_series_at(const struct trend *t, int i, int *queue, int *channel)
{
	if (i >= t->n_series)
		return false;
	*queue = t->series[i]->queue;
	*channel = t->series[i]->channel;
	return true;
}

/* ---- teams ---- */

static struct team_samples *
team_find(const struct trend *t, int team)
{
	for (int i = 0; i < t->n_teams; i++)
		if (t->teams[i]->team == team)
			return t->teams[i];
	return NULL;
}

void
trend_staff(struct trend *t, int team, const struct trend_staff *staff, int64_t now_ms)
{
	struct team_samples *of = team_find(t, team);
	int64_t minute = now_ms / MINUTE_MS;

	if (of == NULL) {
		if (t->n_teams == TEAMS_MAX)
			return;
		of = xcalloc(1, sizeof *of);
		of->team = team;
		t->teams =
			xreallocarray(t->teams, (size_t)t->n_teams + 1, sizeof *t->teams);
		t->teams[t->n_teams++] = of;
	}
	of->sample[minute % (TREND_HOURS * HOUR)] = (struct sample){minute, *staff};
}

bool
trend_staff_mean(
	const struct trend *t, int team, int64_t from_ms, int64_t to_ms, double out[4])
{
	const struct team_samples *of = team_find(t, team);
	int n = 0;

	memset(out, 0, 4 * sizeof *out);
	for (int64_t at = from_ms / MINUTE_MS; of != NULL && at * MINUTE_MS < to_ms;
		at++) {
		const struct sample *s = &of->sample[at % (TREND_HOURS * HOUR)];

		if (s->minute != at)
			continue;
		n++;
		out[0] += s->staff.logged_in;
		out[1] += s->staff.ready;
		out[2] += s->staff.busy;
		out[3] += s->staff.not_ready;
	}
	for (int i = 0; n > 0 && i < 4; i++)
		out[i] /= n;
	return n > 0;
}

/* ---- agents ---- */

static struct trend_agent *
agent_of(struct trend *t, int agent)
{
	if (agent < 0 || agent >= AGENTS_MAX)
		return NULL;
	if (agent >= t->n_agents) {
		t->agents =
			xreallocarray(t->agents, (size_t)agent + 1, sizeof *t->agents);
		memset(t->agents + t->n_agents, 0,
			(size_t)(agent + 1 - t->n_agents) * sizeof *t->agents);
		t->n_agents = agent + 1;
	}
	return &t->agents[agent];
}

static void
count_channel(struct trend_agent *a, int channel)
{
	if (channel < 0)
		return;
	if (channel >= a->n_channels) {
		a->by_channel = xreallocarray(
			a->by_channel, (size_t)channel + 1, sizeof *a->by_channel);
		memset(a->by_channel + a->n_channels, 0,
			(size_t)(channel + 1 - a->n_channels) * sizeof *a->by_channel);
		a->n_channels = channel + 1;
	}
	a->by_channel[channel]++;
}

static void
count_agent(struct trend *t, const struct event *e)
{
	struct trend_agent *a = agent_of(t, e->agent);

	if (a == NULL)
		return;
	a->offered += e->kind == EVENT_OFFER_CREATED;
	a->accepted += e->kind == EVENT_OFFER_ACCEPTED;
	a->rejected += e->kind == EVENT_OFFER_REJECTED;
	a->timeouts += e->kind == EVENT_OFFER_TIMEOUT;
	a->transferred += e->kind == EVENT_CONTACT_TRANSFERRED;
	if (e->kind != EVENT_CONTACT_COMPLETED)
		return;
	a->completed++;
	count_channel(a, e->channel);
	if (e->handled_ms > 0)
		a->handled_ms += e->handled_ms;
	if (isfinite(e->amount))
		a->amount += e->amount;
}

void
trend_agent_state(struct trend *t, int agent, enum agent_state state, int64_t now_ms)
{
	struct trend_agent *a = agent_of(t, agent);

	if (a == NULL)
		return;
	if (a->since_ms != 0 && now_ms > a->since_ms)
		a->state_ms[a->state] += now_ms - a->since_ms;
	a->state = state;
	a->since_ms = now_ms;
}

const struct trend_agent *
trend_agent(const struct trend *t, int agent)
{
	return agent >= 0 && agent < t->n_agents ? &t->agents[agent] : NULL;
}

void
trend_new_day(struct trend *t, int64_t day, int64_t now_ms)
{
	if (day == t->day)
		return;
	t->day = day;
	for (int i = 0; i < t->n_agents; i++) {
		struct trend_agent *a = &t->agents[i];
		struct trend_agent fresh = {
			.state = a->state, .since_ms = a->since_ms != 0 ? now_ms : 0};

		free(a->by_channel);
		*a = fresh;
	}
}

void
trend_event(struct trend *t, const struct event *e)
{
	struct minute *m = NULL;

	if (e->kind == EVENT_CONTACT_CREATED || e->kind == EVENT_CONTACT_CONNECTED ||
		e->kind == EVENT_CONTACT_ABANDONED || e->kind == EVENT_CONTACT_EXPIRED ||
		e->kind == EVENT_CONTACT_COMPLETED)
		m = minute_of(t, e);
	if (m != NULL)
		count_minute(m, e);
	if (e->agent >= 0)
		count_agent(t, e);
}

/* ---- what was before ---- */

static void
take_minute(struct minute *m, const struct minute *past)
{
	m->arrived += past->arrived;
	m->answered += past->answered;
	m->in_time += past->in_time;
	m->abandoned += past->abandoned;
	m->expired += past->expired;
	m->handled += past->handled;
	m->waited_ms += past->waited_ms;
	m->handled_ms += past->handled_ms;
	for (int w = 0; w < TREND_WAITS; w++) {
		uint32_t sum = (uint32_t)m->waits[w] + past->waits[w];

		m->waits[w] = sum < UINT16_MAX ? (uint16_t)sum : UINT16_MAX;
	}
}

static void
take_series(struct trend *t, const struct series *past)
{
	for (int j = 0; j < BLOCKS; j++) {
		const struct block *b = past->block[j];
		struct event at = {.queue = past->queue, .channel = past->channel};
		struct minute *m;

		for (int i = 0; b != NULL && i < HOUR; i++) {
			if ((b->used & UINT64_C(1) << i) == 0)
				continue;
			at.at_ms = (b->hour * HOUR + i) * MINUTE_MS;
			m = minute_of(t, &at);
			if (m != NULL)
				take_minute(m, &b->minute[i]);
		}
	}
}

static void
take_team(struct trend *t, const struct team_samples *past)
{
	struct team_samples *of = team_find(t, past->team);

	for (int i = 0; i < TREND_HOURS * HOUR; i++) {
		const struct sample *s = &past->sample[i];

		/* A minute that both saw is this process's. */
		if (s->minute != 0 && (of == NULL || of->sample[i].minute < s->minute)) {
			trend_staff(t, past->team, &s->staff, s->minute * MINUTE_MS);
			of = team_find(t, past->team);
		}
	}
}

static void
take_agent(struct trend_agent *a, const struct trend_agent *past, int64_t until_ms)
{
	a->offered += past->offered;
	a->accepted += past->accepted;
	a->rejected += past->rejected;
	a->timeouts += past->timeouts;
	a->completed += past->completed;
	a->transferred += past->transferred;
	a->handled_ms += past->handled_ms;
	a->amount += past->amount;
	for (int i = 0; i < AGENT_STATES; i++)
		a->state_ms[i] += past->state_ms[i];
	if (past->since_ms != 0 && past->since_ms < until_ms)
		a->state_ms[past->state] += until_ms - past->since_ms;
	for (int i = 0; i < past->n_channels; i++)
		for (int64_t n = 0; n < past->by_channel[i]; n++)
			count_channel(a, i);
}

void
trend_take(struct trend *t, const struct trend *past, int64_t until_ms)
{
	for (int i = 0; i < past->n_series; i++)
		take_series(t, past->series[i]);
	for (int i = 0; i < past->n_teams; i++)
		take_team(t, past->teams[i]);
	for (int i = 0; i < past->n_agents; i++)
		take_agent(agent_of(t, i), &past->agents[i], until_ms);
}
