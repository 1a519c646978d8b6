/* part_trend.c - the floor's curves and figures of today go on over a restart: once the
 * records have caught up, what was before this process is counted from them, on a thread
 * that reads the database, and added to what the desk has counted since. */
#include <event2/event.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "desk/desk.h"
#include "desk/trend.h"
#include "history/past.h"
#include "history/recorder.h"
#include "usher.h"

#define LOOK_MS 500	  /* between looks at whether the records have caught up */
#define LOOKS_BUSY 10	  /* from then on they may go on growing */
#define LOOKS_MOST 240	  /* then what there is is taken */
#define CAUGHT_UP_MS 1000 /* behind by less */
#define HOURS_MS (TREND_HOURS * INT64_C(3600000))

/* Names as they were when the reading began: the thread sees nothing of the router. */
struct names {
	struct map queues, channels, agents; /* index + 1, as pointers' numbers */
	int n_agents, n_teams;
	int *team; /* owned; of each agent */
};

struct part_trend {
	struct usher *usher; /* borrowed */
	struct event *look;  /* owned; NULL: done */
	int looks;
	uint64_t entries; /* that were recorded by the last look */
	/* Of the reading; the thread's while it runs. */
	struct names names;
	struct trend *past; /* owned */
	int64_t midnight_ms, until_ms;
	bool today;
	int64_t minute;		 /* up to which the staff was sampled */
	enum agent_state *state; /* owned; by agent */
	int *held;		 /* owned; contacts in hand */
	struct idmap holder;	 /* index + 1 of who has a contact */
};

/* ---- on the thread ---- */

static int
index_of(const struct map *names, const char *name)
{
	return name != NULL ? (int)(intptr_t)map_get(names, name) - 1 : -1;
}

static void
sample(struct part_trend *p, int64_t minute)
{
	struct trend_staff *staff = xcalloc((size_t)p->names.n_teams + 1, sizeof *staff);
	bool any = false;

	for (int i = 0; i < p->names.n_agents; i++) {
		struct trend_staff *of = &staff[p->names.team[i] + 1];

		if (p->state[i] == AGENT_OFFLINE)
			continue;
		any = true;
		of->logged_in++;
		of->busy += p->held[i] > 0;
		of->ready += p->held[i] == 0 && p->state[i] == AGENT_READY;
		of->not_ready += p->held[i] == 0 && p->state[i] != AGENT_READY;
	}
	for (int i = -1; any && i < p->names.n_teams; i++)
		trend_staff(p->past, i, &staff[i + 1], minute * MINUTE_MS);
	free(staff);
}

/* All minutes that ended before this moment, each as its last moment was. */
static void
sample_until(struct part_trend *p, int64_t at_ms)
{
	int64_t minute = at_ms / MINUTE_MS;

	for (; p->minute != 0 && p->minute < minute; p->minute++)
		sample(p, p->minute);
	p->minute = minute;
}

static void
let_go(struct part_trend *p, int64_t contact)
{
	int agent = (int)(intptr_t)idmap_remove(&p->holder, (uint64_t)contact) - 1;

	if (agent >= 0)
		p->held[agent]--;
}

static void
follow_hands(struct part_trend *p, const struct past_event *e, int agent)
{
	switch (e->kind) {
	case EVENT_CONTACT_CONNECTED:
		let_go(p, e->contact);
		if (agent < 0)
			return;
		p->held[agent]++;
		idmap_put(
			&p->holder, (uint64_t)e->contact, (void *)((intptr_t)agent + 1));
		return;
	case EVENT_CONTACT_QUEUED:
	case EVENT_CONTACT_TRANSFERRED:
	case EVENT_CONTACT_COMPLETED:
	case EVENT_CONTACT_ABANDONED:
	case EVENT_CONTACT_EXPIRED:
	case EVENT_CONTACT_CANCELLED:
	case EVENT_CONTACT_LOST:
	case EVENT_CONTACT_ANSWERED:
		let_go(p, e->contact);
		return;
	case EVENT_CONTACT_CREATED:
	case EVENT_CONTACT_UPDATED:
	case EVENT_OFFER_CREATED:
	case EVENT_OFFER_ACCEPTED:
	case EVENT_OFFER_REJECTED:
	case EVENT_OFFER_TIMEOUT:
	case EVENT_OFFER_RESCINDED:
	case EVENT_OFFER_CANCELLED:
	case EVENT_CONTACT_PARKED:
	case EVENT_CONTACT_RESUMED:
	case EVENT_CONTACT_WRAPUP:
	case EVENT_AGENT_STATE:
	case EVENT_AGENT_CHANNEL:
	case EVENT_AGENT_SKILLS:
	case EVENT_QUEUE_STATE:
	case EVENT_CONFIGURED:
	case EVENT_ALARM_RAISED:
	case EVENT_ALARM_CLEARED:
	case EVENT_KINDS:
		return;
	}
}

static void
follow_state(struct part_trend *p, const struct past_event *e, int agent)
{
	for (int i = 0; e->state != NULL && i < AGENT_STATES; i++) {
		if (strcmp(agent_state_name[i], e->state) != 0)
			continue;
		p->state[agent] = (enum agent_state)i;
		trend_agent_state(p->past, agent, (enum agent_state)i, e->at_ms);
	}
}

/* Agents' figures are of today: counted anew at midnight. */
static void
begin_day(struct part_trend *p)
{
	if (!p->today)
		trend_new_day(p->past, 1, p->midnight_ms);
	p->today = true;
}

static void
tell(void *arg, const struct past_event *past)
{
	struct part_trend *p = arg;
	struct event e = {.kind = past->kind,
		.at_ms = past->at_ms,
		.agent = index_of(&p->names.agents, past->agent),
		.queue = index_of(&p->names.queues, past->queue),
		.channel = index_of(&p->names.channels, past->channel),
		.waited_ms = past->waited_ms,
		.handled_ms = past->handled_ms,
		.due_ms = past->due_ms,
		.amount = past->amount};

	if (e.at_ms >= p->midnight_ms)
		begin_day(p);
	sample_until(p, e.at_ms);
	if (e.kind == EVENT_AGENT_STATE && e.agent >= 0)
		follow_state(p, past, e.agent);
	if (past->contact > 0)
		follow_hands(p, past, e.agent);
	trend_event(p->past, &e);
}

/* ---- on the loop ---- */

static void
forget(struct part_trend *p)
{
	map_finish(&p->names.queues);
	map_finish(&p->names.channels);
	map_finish(&p->names.agents);
	free(p->names.team);
	memset(&p->names, 0, sizeof p->names);
	trend_destroy(p->past);
	free(p->state);
	free(p->held);
	idmap_finish(&p->holder);
	p->past = NULL;
	p->state = NULL;
	p->held = NULL;
}

static void
on_read(void *arg, bool whole)
{
	struct part_trend *p = arg;

	if (whole && p->usher->desk != NULL) {
		begin_day(p);
		sample_until(p, p->until_ms);
		desk_take_trend(p->usher->desk, p->past);
	} else if (!whole) {
		log_warn("trend: what was before the start could not be read");
	}
	forget(p);
}

static void
note(struct map *names, const char *name, int i)
{
	(void)map_put(names, name, (void *)((intptr_t)i + 1));
}

static void
learn_names(struct part_trend *p)
{
	const struct centre *c = router_centre(p->usher->router);

	for (int i = 0; i < c->n_queues; i++)
		note(&p->names.queues, c->queues[i].name, i);
	for (int i = 0; i < c->n_channels; i++)
		note(&p->names.channels, c->channels[i].name, i);
	p->names.n_agents = c->n_agents;
	p->names.n_teams = c->n_teams;
	p->names.team = xcalloc((size_t)c->n_agents + 1, sizeof *p->names.team);
	p->state = xcalloc((size_t)c->n_agents + 1, sizeof *p->state);
	p->held = xcalloc((size_t)c->n_agents + 1, sizeof *p->held);
	for (int i = 0; i < c->n_agents; i++) {
		note(&p->names.agents, c->agents[i].id, i);
		p->names.team[i] = c->agents[i].team;
		p->state[i] = AGENT_OFFLINE;
	}
}

static void
begin(struct part_trend *p)
{
	struct usher *u = p->usher;

	learn_names(p);
	p->past = trend_create();
	p->until_ms = desk_counts_since_ms(u->desk);
	p->midnight_ms = desk_midnight_ms(u->desk, p->until_ms);
	if (!past_read(
		    u->database, p->until_ms - HOURS_MS, p->until_ms, tell, on_read, p))
		forget(p);
}

/* What was not recorded when the process before ended is read from the stream first:
 * nothing more came, or they are at the heels of what is said now. */
static bool
has_caught_up(struct part_trend *p)
{
	struct recorder_figures figures;
	uint64_t before = p->entries;

	recorder_figures(p->usher->recorder, &figures);
	p->entries = figures.entries;
	return figures.connected && p->looks > 1 &&
	       (figures.entries == before ||
		       (p->looks > LOOKS_BUSY && figures.lag_ms < CAUGHT_UP_MS));
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct part_trend *p = arg;

	p->looks++;
	if (!has_caught_up(p) && p->looks < LOOKS_MOST)
		return;
	event_free(p->look);
	p->look = NULL;
	begin(p);
}

void
part_trend_open(struct usher *u)
{
	const struct timeval every = {.tv_usec = LOOK_MS * 1000};
	struct part_trend *p = xcalloc(1, sizeof *p);

	u->trend = p;
	p->usher = u;
	p->look = event_new(u->base, -1, EV_PERSIST, on_look, p);
	event_add(p->look, &every);
}

/* The database is closed already: nothing reads any more. */
void
part_trend_close(struct usher *u)
{
	struct part_trend *p = u->trend;

	if (p == NULL)
		return;
	if (p->look != NULL)
		event_free(p->look);
	forget(p);
	free(p);
	u->trend = NULL;
}
