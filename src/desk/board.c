/*
 * desk/board.c - live queues and agents for who watches them: a snapshot, then what
 * changed, at most twice a second (queue.subscribe).
 *
 * The board keeps what it told last of each queue and agent. A tick describes those that
 * an event touched (and now and then all, since waits grow without events), finds the
 * members that differ, and tells each watcher those in his scope. Snapshots go out in
 * pieces, one a tick, so that a large centre does not overrun a slow reader.
 */
#include <event2/event.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "desk/inner.h"

#define TICK_MS 500
#define REFRESH_TICKS 4 /* all are described anew every so often */
#define PENDING_MAX                                                                      \
	(WIRE_OUTPUT_MAX / 2) /* a reader farther behind waits for his next piece */

/* What is known of one queue or agent. */
struct cell {
	json_t *last;  /* as it was told; owned; NULL: never described */
	json_t *delta; /* members that differ since; owned; NULL: none */
	bool dirty;
};

struct cells {
	struct cell *cell; /* owned, by index */
	int n;
};

struct board {
	struct desk *desk;
	struct event *timer;
	bool running;
	int ticks;
	struct cells queues, agents;
};

static void
cells_reserve(struct cells *c, int n)
{
	if (n <= c->n)
		return;
	c->cell = xreallocarray(c->cell, (size_t)n, sizeof *c->cell);
	for (int i = c->n; i < n; i++)
		c->cell[i] = (struct cell){.dirty = true};
	c->n = n;
}

static void
cells_finish(struct cells *c)
{
	for (int i = 0; i < c->n; i++) {
		json_decref(c->cell[i].last);
		json_decref(c->cell[i].delta);
	}
	free(c->cell);
}

static void
cells_mark_all(struct cells *c)
{
	for (int i = 0; i < c->n; i++)
		c->cell[i].dirty = true;
}

/* Members that change by themselves: told with others, never alone. */
static bool
runs_by_itself(const char *member)
{
	return strcmp(member, "in_state_ms") == 0 || strcmp(member, "occupancy") == 0;
}

/* Members of now that differ from last, with the name; members that went are null. NULL:
 * none differs. */
static json_t *
difference(json_t *last, json_t *now, const char *name)
{
	json_t *delta = NULL, *member, *was;
	const char *key;

	json_object_foreach(now, key, member)
	{
		was = json_object_get(last, key);
		if (was != NULL && (runs_by_itself(key) || json_equal(was, member)))
			continue;
		if (delta == NULL)
			delta = json_object();
		json_object_set(delta, key, member);
	}
	json_object_foreach(last, key, member)
	{
		if (json_object_get(now, key) != NULL)
			continue;
		if (delta == NULL)
			delta = json_object();
		json_object_set_new(delta, key, json_null());
	}
	if (delta != NULL)
		json_object_set(delta, name, json_object_get(now, name));
	return delta;
}

static void
cell_clear(struct cell *c)
{
	json_decref(c->last);
	json_decref(c->delta);
	*c = (struct cell){.dirty = true};
}

/* Describes it anew; now is stolen. */
static void
cell_refresh(struct cell *c, json_t *now, const char *name)
{
	c->delta = c->last != NULL ? difference(c->last, now, name) : json_incref(now);
	json_decref(c->last);
	c->last = now;
	c->dirty = false;
}

static void
cell_settle(struct cell *c)
{
	json_decref(c->delta);
	c->delta = NULL;
}

static void
refresh_queues(struct board *b)
{
	struct router *router = b->desk->parts.router;
	const struct centre *centre = router_centre(router);
	int64_t now_ms = desk_now_ms(b->desk);

	cells_reserve(&b->queues, centre->n_queues);
	for (int i = 0; i < centre->n_queues; i++) {
		struct cell *c = &b->queues.cell[i];

		cell_settle(c);
		if (centre->queues[i].removed)
			cell_clear(c);
		else if (c->dirty)
			cell_refresh(c, router_queue_json(router, now_ms, i), "name");
	}
}

static void
refresh_agents(struct board *b)
{
	struct router *router = b->desk->parts.router;
	const struct centre *centre = router_centre(router);
	int64_t now_ms = desk_now_ms(b->desk);

	cells_reserve(&b->agents, centre->n_agents);
	for (int i = 0; i < centre->n_agents; i++) {
		struct cell *c = &b->agents.cell[i];

		cell_settle(c);
		if (centre->agents[i].removed)
			cell_clear(c);
		else if (c->dirty)
			cell_refresh(c, router_agent_json(router, now_ms, i), "id");
	}
}

/* ---- telling ---- */

static bool
wants_queue(const struct desk *desk, const struct session *s, int queue)
{
	const struct subscription *sub = s->subscription;

	if (!sub->all) {
		int at = 0;

		while (at < sub->n_queues && sub->queues[at] != queue)
			at++;
		if (at == sub->n_queues)
			return false;
	}
	return scope_queue(desk, s, queue);
}

/* How queues and agents are told. */
struct kind {
	const char *event, *list;
	bool (*wants)(const struct desk *, const struct session *, int);
};

static const struct kind queue_kind = {"queue.updated", "queues", wants_queue};
static const struct kind agent_kind = {"agents.updated", "agents", scope_agent};

/* Sends the list, which is stolen; an empty one only as a snapshot. */
static void
tell_list(struct desk *desk, struct session *s, const struct kind *kind, bool *begun,
	json_t *list)
{
	if (json_array_size(list) == 0 && *begun) {
		json_decref(list);
		return;
	}
	session_tell_json(desk, s, kind->event, desk_now_ms(desk),
		json_pack("{s:b, s:o}", "snapshot", !*begun, kind->list, list));
	*begun = true;
}

/*
 * tell_cells - what one watcher is to be told of queues or agents.
 *
 * at       how far his snapshot has come: cells before it are told as changes, in as many
 *          frames as they need; cells from it on whole, one frame of them a tick
 * begun    whether the snapshot's first frame was sent
 */
static void
tell_cells(struct desk *desk, struct session *s, const struct cells *cells,
	const struct kind *kind, int *at, bool *begun)
{
	json_t *list = json_array();
	int weight = 0, i;

	for (i = 0; i < cells->n; i++) {
		json_t *o = i < *at ? cells->cell[i].delta : cells->cell[i].last;

		if (o == NULL || !kind->wants(desk, s, i))
			continue;
		if (weight >= OBJECTS_PER_FRAME && i >= *at)
			break;
		if (weight >= OBJECTS_PER_FRAME) {
			tell_list(desk, s, kind, begun, list);
			list = json_array();
			weight = 0;
		}
		json_array_append(list, o);
		weight += object_weight(o);
	}
	*at = i < cells->n ? i : INT_MAX;
	tell_list(desk, s, kind, begun, list);
}

/* A watcher who was away or slow begins again with a snapshot. */
static void
start_over(struct subscription *sub)
{
	sub->begun = sub->agents_begun = false;
	sub->queues_at = sub->agents_at = 0;
}

static void
tell(struct board *b, struct session *s)
{
	struct desk *desk = b->desk;

	if (s->wire == 0 ||
		wire_output_pending(desk->parts.wires, s->wire) > PENDING_MAX) {
		start_over(s->subscription);
		return;
	}
	tell_cells(desk, s, &b->queues, &queue_kind, &s->subscription->queues_at,
		&s->subscription->begun);
	if (s->subscription->agents)
		tell_cells(desk, s, &b->agents, &agent_kind, &s->subscription->agents_at,
			&s->subscription->agents_begun);
}

static void
run_timer(struct board *b, bool run)
{
	struct timeval every = {.tv_usec = TICK_MS * 1000};

	if (run == b->running)
		return;
	b->running = run;
	if (run)
		event_add(b->timer, &every);
	else
		event_del(b->timer);
}

static void
count_watchers(const struct board *b, int *queues, int *agents)
{
	size_t at = 0;
	void *value;

	*queues = *agents = 0;
	while (map_next(&b->desk->sessions, &at, NULL, &value)) {
		const struct subscription *sub = ((struct session *)value)->subscription;

		*queues += sub != NULL;
		*agents += sub != NULL && sub->agents;
	}
}

static void
tick(evutil_socket_t fd, short what, void *arg)
{
	struct board *b = arg;
	int watchers, of_agents;
	size_t at = 0;
	void *value;

	count_watchers(b, &watchers, &of_agents);
	if (watchers == 0) {
		run_timer(b, false);
		return;
	}
	if (++b->ticks % REFRESH_TICKS == 0)
		board_mark_all(b);
	refresh_queues(b);
	if (of_agents > 0)
		refresh_agents(b);
	while (map_next(&b->desk->sessions, &at, NULL, &value)) {
		if (((struct session *)value)->subscription != NULL)
			tell(b, value);
	}
}

/* The first piece of a new watcher's snapshot goes at once, and disturbs nobody's deltas:
 * what others were not told yet stays dirty. */
static void
begin(struct board *b, struct session *s)
{
	int watchers, of_agents;

	count_watchers(b, &watchers, &of_agents);
	if (watchers == 1) {
		board_mark_all(b);
		refresh_queues(b);
	}
	if (s->subscription->agents && of_agents == 1) {
		cells_mark_all(&b->agents);
		refresh_agents(b);
	}
	tell(b, s);
	run_timer(b, true);
}

/* ---- the door ---- */

struct board *
board_create(struct desk *desk)
{
	struct board *b = xcalloc(1, sizeof *b);

	b->desk = desk;
	b->timer = event_new(desk->parts.base, -1, EV_PERSIST, tick, b);
	return b;
}

void
board_destroy(struct board *b)
{
	if (b == NULL)
		return;
	event_free(b->timer);
	cells_finish(&b->queues);
	cells_finish(&b->agents);
	free(b);
}

void
board_mark(struct board *b, int queue, int agent)
{
	if (queue >= 0 && queue < b->queues.n)
		b->queues.cell[queue].dirty = true;
	if (agent >= 0 && agent < b->agents.n)
		b->agents.cell[agent].dirty = true;
}

void
board_mark_all(struct board *b)
{
	cells_mark_all(&b->queues);
	cells_mark_all(&b->agents);
}

void
subscription_destroy(struct subscription *s)
{
	if (s == NULL)
		return;
	free(s->queues);
	free(s);
}

/* The queues named, which must all be known. NULL: refused. */
static struct subscription *
read_wish(struct desk *desk, const struct rpc_call *call)
{
	const struct centre *centre = router_centre(desk->parts.router);
	const json_t *names = json_object_get(call->params, "queues");
	struct subscription *s = xcalloc(1, sizeof *s);
	json_t *name;
	size_t i;

	s->all = names == NULL;
	s->agents = rpc_flag(call, "agents", false) && call->role != RPC_AGENT;
	s->queues = xcalloc(json_array_size(names) + 1, sizeof *s->queues);
	json_array_foreach(names, i, name)
	{
		int queue = centre_queue(centre, json_string_value(name));

		if (queue < 0) {
			rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_queue",
				"One of the queues is not known; queue.list names them "
				"all.",
				NULL);
			subscription_destroy(s);
			return NULL;
		}
		s->queues[s->n_queues++] = queue;
	}
	return s;
}

void
on_queue_subscribe(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct session *s = desk_session_of(desk, call);
	struct subscription *wish = read_wish(desk, call);

	if (wish == NULL)
		return;
	subscription_destroy(s->subscription);
	s->subscription = NULL;
	rpc_answer(call->rpc, call->tag, json_pack("{s:b}", "accepted", 1));
	if (!wish->all && wish->n_queues == 0 && !wish->agents) {
		subscription_destroy(wish);
		return;
	}
	s->subscription = wish;
	begin(desk->board, s);
}
