/* sim/drive.c - the virtual clock, and what customers and agents do on it. */
#include "sim/drive.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "route/router.h"
#include "sim/agenda.h"
#include "sim/journal.h"

/* Contacts that nobody can serve may wait for ever, and calendars open every day: the
 * play ends when for so long nothing happened. */
#define QUIET_MOST_MS (INT64_C(2) * 366 * 86400000)
/* Where the trace begins when the scenario names no moment: a Monday, 00:00 UTC. */
#define START_MS INT64_C(978307200000) /* 2001-01-01 */
/* From here on (March 1973) a first t_ms must be Unix time itself. */
#define UNIX_FROM_MS INT64_C(100000000000)
/* Turns at one instant; each needs a contact of no handling time or a timer. */
#define TURNS_MOST 100000000

enum stage {
	STAGE_ABSENT,
	STAGE_WAITING,
	STAGE_OFFERED,
	STAGE_CONNECTED,
	STAGE_PARKED,
	STAGE_WRAPUP,
	STAGE_OVER
};

/* A contact on its way. */
struct caller {
	uint64_t contact, offer;
	enum stage stage;
	int agent;	  /* has the offer or holds it */
	int64_t left_ms;  /* handling still to do */
	int64_t since_ms; /* connected, or wrap-up, since */
	uint64_t turn;	  /* agenda entries of older turns are stale */
};

struct drive {
	const struct config *config;
	const struct centre *centre;
	const struct trace *trace;
	struct router *router;
	struct drive_run *run;
	struct submission *submissions; /* owned array by sim class; texts are the
					   config's */
	int64_t base_ms;		/* the router's clock at the trace's 0 */
	int64_t now_ms;			/* the router's clock */
	int64_t stirred_ms;	/* when something last happened; the router's clock */
	size_t next;		/* row that arrives next */
	size_t arriving;	/* row that is being handed over; SIZE_MAX: none */
	struct caller *callers; /* owned; by row */
	struct idmap rows;	/* contact id -> caller */
	struct agenda ends, answers, hangups;
	int *held;	     /* owned; by agent: contacts in hand */
	int64_t *held_since; /* owned; by agent */
};

static size_t
row_of(const struct drive *d, const struct caller *caller)
{
	return (size_t)(caller - d->callers);
}

/* ---- what the router says ---- */

static void
take_in_hand(struct drive *d, struct caller *caller)
{
	caller->since_ms = d->now_ms;
	if (d->held[caller->agent]++ == 0)
		d->held_since[caller->agent] = d->now_ms;
}

static void
put_down(struct drive *d, struct caller *caller)
{
	struct drive_result *result = &d->run->results[row_of(d, caller)];

	result->worked_ms += d->now_ms - caller->since_ms;
	if (--d->held[caller->agent] == 0)
		d->run->busy_ms[caller->agent] +=
			d->now_ms - d->held_since[caller->agent];
}

/* Its agent will be done with it then: with handling, or with wrap-up. */
static void
add_end(struct drive *d, struct caller *caller, int64_t at_ms)
{
	size_t row = row_of(d, caller);

	agenda_add(&d->ends, (struct agenda_entry){.at_ms = at_ms,
				     .first = d->centre->agents[caller->agent].order,
				     .second = d->trace->rows[row].seq,
				     .row = row,
				     .turn = caller->turn});
}

/* From here on the agent works on it: its end is known. */
static void
work(struct drive *d, struct caller *caller)
{
	caller->stage = STAGE_CONNECTED;
	caller->turn++;
	take_in_hand(d, caller);
	add_end(d, caller, d->now_ms + caller->left_ms);
}

/* Lays work down before its end; what is left of the handling stays. */
static void
interrupt(struct drive *d, struct caller *caller, enum stage stage)
{
	if (caller->stage == STAGE_CONNECTED) {
		caller->left_ms -= d->now_ms - caller->since_ms;
		put_down(d, caller);
	}
	caller->turn++;
	caller->stage = stage;
}

static void
begin_offer(struct drive *d, struct caller *caller, const struct event *event)
{
	size_t row = row_of(d, caller);

	caller->stage = STAGE_OFFERED;
	caller->agent = event->agent;
	caller->offer = event->offer;
	caller->turn++;
	agenda_add(&d->answers,
		(struct agenda_entry){.at_ms = d->now_ms + d->config->sim->accept_ms,
			.first = d->centre->agents[event->agent].order,
			.second = d->trace->rows[row].seq,
			.row = row,
			.turn = caller->turn});
}

/* Open time counts where the channel's SLA runs in a calendar. */
static bool
is_in_time(const struct drive *d, const struct drive_result *result)
{
	int calendar = d->centre->channels[result->channel].calendar;

	if (calendar < 0)
		return d->now_ms <= result->due_ms;
	return calendar_between_ms(
		       d->centre->calendars[calendar], result->due_ms, d->now_ms) <= 0;
}

static void
connected(struct drive *d, struct caller *caller, const struct event *event)
{
	struct drive_result *result = &d->run->results[row_of(d, caller)];

	caller->agent = event->agent;
	if (result->start_ms == DRIVE_NEVER) {
		result->start_ms = d->now_ms - d->base_ms;
		result->agent = event->agent;
		result->in_time = is_in_time(d, result);
		result->end = DRIVE_SERVED;
	}
	work(d, caller);
}

static void
over(struct drive *d, struct caller *caller, enum drive_end end)
{
	struct drive_result *result = &d->run->results[row_of(d, caller)];

	if (caller->stage == STAGE_CONNECTED || caller->stage == STAGE_WRAPUP)
		put_down(d, caller);
	if (result->start_ms == DRIVE_NEVER)
		result->end = end;
	caller->stage = STAGE_OVER;
	caller->turn++;
	idmap_remove(&d->rows, caller->contact);
}

static struct caller *
created(struct drive *d, const struct event *event)
{
	struct caller *caller;
	struct drive_result *result;

	if (d->arriving == SIZE_MAX)
		return NULL;
	caller = &d->callers[d->arriving];
	result = &d->run->results[d->arriving];
	caller->contact = event->contact;
	caller->stage = STAGE_WAITING;
	result->due_ms = event->due_ms;
	result->tier = event->tier;
	idmap_put(&d->rows, event->contact, caller);
	return caller;
}

static void
heard(void *owner, const struct event *event)
{
	struct drive *d = owner;
	struct caller *caller =
		event->contact != 0 ? idmap_get(&d->rows, event->contact) : NULL;

	if (caller == NULL && event->kind == EVENT_CONTACT_CREATED)
		caller = created(d, event);
	if (caller == NULL)
		return;
	d->stirred_ms = d->now_ms;
	switch (event->kind) {
	case EVENT_OFFER_CREATED:
		begin_offer(d, caller, event);
		break;
	case EVENT_CONTACT_CONNECTED:
		connected(d, caller, event);
		break;
	case EVENT_CONTACT_PARKED:
		interrupt(d, caller, STAGE_PARKED);
		break;
	case EVENT_CONTACT_RESUMED:
		work(d, caller);
		break;
	case EVENT_CONTACT_QUEUED:
	case EVENT_CONTACT_TRANSFERRED:
		interrupt(d, caller, STAGE_WAITING);
		break;
	case EVENT_CONTACT_WRAPUP:
		caller->stage = STAGE_WRAPUP;
		caller->turn++;
		add_end(d, caller, event->expires_ms);
		break;
	case EVENT_CONTACT_COMPLETED:
		over(d, caller, DRIVE_SERVED);
		break;
	case EVENT_CONTACT_ABANDONED:
		over(d, caller, DRIVE_ABANDONED);
		break;
	case EVENT_CONTACT_EXPIRED:
		over(d, caller, DRIVE_EXPIRED);
		break;
	case EVENT_CONTACT_CANCELLED:
	case EVENT_CONTACT_LOST:
		over(d, caller, DRIVE_LOST);
		break;
	case EVENT_CONTACT_CREATED:
	case EVENT_CONTACT_UPDATED:
	case EVENT_OFFER_ACCEPTED:
	case EVENT_OFFER_REJECTED:
	case EVENT_OFFER_TIMEOUT:
	case EVENT_OFFER_RESCINDED:
	case EVENT_OFFER_CANCELLED:
	case EVENT_AGENT_STATE:
	case EVENT_AGENT_CHANNEL:
	case EVENT_AGENT_SKILLS:
	case EVENT_QUEUE_STATE:
	case EVENT_CONFIGURED:
	case EVENT_KINDS:
		break;
	}
}

static void
expect_ok(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	const struct drive *d = owner;

	if (outcome->kind == OUTCOME_OK)
		return;
	if (tag < d->trace->n)
		log_warn("sim: refused line=%d what=%s reason=\"%s\"",
			d->trace->rows[tag].line, outcome_name(outcome->kind),
			outcome->message != NULL ? outcome->message : "");
	else
		log_warn("sim: refused agent=%s what=%s reason=\"%s\"",
			d->centre->agents[who].id, outcome_name(outcome->kind),
			outcome->message != NULL ? outcome->message : "");
}

/* ---- what customers and agents do ---- */

static const struct agenda_entry *
due(struct drive *d, struct agenda *agenda)
{
	const struct agenda_entry *first;

	while ((first = agenda_first(agenda)) != NULL) {
		const struct caller *caller = &d->callers[first->row];

		/* Patience has one turn only: it runs from the arrival to the start. */
		if (agenda == &d->hangups ? caller->stage == STAGE_WAITING ||
						    caller->stage == STAGE_OFFERED
					  : caller->turn == first->turn)
			return first;
		agenda_drop(agenda);
	}
	return NULL;
}

static bool
is_due(struct drive *d, struct agenda *agenda)
{
	const struct agenda_entry *first = due(d, agenda);

	return first != NULL && first->at_ms <= d->now_ms;
}

static struct reply
must_work(struct drive *d, size_t row)
{
	return (struct reply){.fn = expect_ok, .owner = d, .tag = row};
}

static void
answer(struct drive *d)
{
	size_t row = agenda_first(&d->answers)->row;
	const struct caller *caller = &d->callers[row];

	agenda_drop(&d->answers);
	router_accept(
		d->router, d->now_ms, caller->offer, caller->agent, must_work(d, row));
}

/* With accept 0 an offer is answered before anything else happens. */
static void
settle(struct drive *d)
{
	while (d->config->sim->accept_ms == 0 && is_due(d, &d->answers))
		answer(d);
}

static void
end_handling(struct drive *d)
{
	size_t row = agenda_first(&d->ends)->row;
	struct caller *caller = &d->callers[row];
	int queue = router_contact_queue(d->router, caller->contact);
	const struct queue *settings = queue >= 0 ? &d->centre->queues[queue] : NULL;
	struct disposition done = {.amount = NAN, .satisfaction = NAN};

	agenda_drop(&d->ends);
	caller->left_ms = 0;
	if (settings != NULL && d->config->sim->wrapup &&
		caller->stage == STAGE_CONNECTED &&
		queue_wrapup_ms(d->centre, settings, d->run->results[row].channel) > 0) {
		router_wrapup(d->router, d->now_ms, caller->contact, caller->agent, 0,
			must_work(d, row));
		return;
	}
	if (settings != NULL && settings->n_dispositions > 0)
		done.code = settings->dispositions[0];
	router_complete(d->router, d->now_ms, caller->contact, caller->agent, &done,
		must_work(d, row));
}

static void
hang_up(struct drive *d)
{
	size_t row = agenda_first(&d->hangups)->row;

	agenda_drop(&d->hangups);
	router_leave(d->router, d->now_ms, d->callers[row].contact, must_work(d, row));
}

static void
submitted(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct drive *d = owner;

	if (outcome->kind != OUTCOME_OK)
		d->run->results[tag].end = DRIVE_REFUSED;
}

static int
class_index(const struct config_sim *sim, int number)
{
	int i = 0;

	while (i < sim->n_classes && sim->classes[i].number != number)
		i++;
	return i;
}

static void
arrive(struct drive *d)
{
	size_t row = d->next++;
	const struct trace_row *from = &d->trace->rows[row];
	struct caller *caller = &d->callers[row];
	int class = class_index(d->config->sim, from->class);

	caller->left_ms = from->handle_ms;
	d->run->results[row] = (struct drive_result){.start_ms = DRIVE_NEVER,
		.agent = -1,
		.tier = -1,
		.channel = centre_channel(
			d->centre, d->config->sim->classes[class].channel)};
	d->arriving = row;
	router_submit(d->router, d->now_ms, &d->submissions[class],
		(struct reply){.fn = submitted, .owner = d, .tag = row});
	d->arriving = SIZE_MAX;
	if (from->patience_ms != TRACE_FOREVER)
		agenda_add(&d->hangups,
			(struct agenda_entry){.at_ms = d->now_ms + from->patience_ms,
				.first = from->seq,
				.row = row});
}

/* ---- time ---- */

static int64_t
least(int64_t a, const struct agenda_entry *b)
{
	return b != NULL && b->at_ms < a ? b->at_ms : a;
}

/* The next moment at which anything happens; INT64_MAX: none. */
static int64_t
next_moment(struct drive *d)
{
	int64_t next = INT64_MAX, tick = router_next_ms(d->router);

	if (d->next < d->trace->n)
		next = d->base_ms + d->trace->rows[d->next].t_ms;
	next = least(next, due(d, &d->ends));
	next = least(next, due(d, &d->answers));
	next = least(next, due(d, &d->hangups));
	if (next == INT64_MAX && tick != INT64_MAX &&
		tick - d->stirred_ms > QUIET_MOST_MS)
		return INT64_MAX;
	if (tick < next)
		next = tick;
	return next < d->now_ms ? d->now_ms : next;
}

static void
play_instant(struct drive *d)
{
	while (d->next < d->trace->n &&
		d->base_ms + d->trace->rows[d->next].t_ms == d->now_ms) {
		arrive(d);
		settle(d);
	}
	for (;;) {
		if (is_due(d, &d->ends))
			end_handling(d);
		else if (is_due(d, &d->answers))
			answer(d);
		else
			break;
		settle(d);
	}
	while (is_due(d, &d->hangups)) {
		hang_up(d);
		settle(d);
	}
	if (router_next_ms(d->router) <= d->now_ms) {
		router_tick(d->router, d->now_ms);
		settle(d);
	}
}

static void
play(struct drive *d)
{
	int64_t turns = 0;

	for (;;) {
		int64_t next = next_moment(d);

		if (next == INT64_MAX)
			return;
		turns = next == d->now_ms ? turns + 1 : 0;
		if (turns > TURNS_MOST) {
			log_error("sim: the clock stands still at_ms=%" PRId64,
				d->now_ms - d->base_ms);
			abort();
		}
		d->now_ms = next;
		play_instant(d);
	}
}

/* ---- setting up ---- */

static void
prepare_submissions(struct drive *d)
{
	const struct config_sim *sim = d->config->sim;

	d->submissions = xcalloc((size_t)sim->n_classes + 1, sizeof(struct submission));
	for (int i = 0; i < sim->n_classes; i++) {
		const struct config_sim_class *from = &sim->classes[i];
		struct submission *to = &d->submissions[i];

		to->channel = from->channel;
		to->queue = from->queue;
		to->tier = from->tier;
		to->source = (char *)"sim";
		to->text = (char *)"{}";
		to->points = NAN;
		to->sla_ms = -1;
		to->n_attributes = from->n_attributes;
		if (from->n_attributes > 0)
			memcpy(to->attributes, from->attributes,
				(size_t)from->n_attributes * sizeof(struct attribute));
	}
}

/* All agents are there and idle from the start, in file order. */
static void
log_agents_in(struct drive *d)
{
	for (int i = 0; i < d->centre->n_agents; i++) {
		struct reply reply = {.fn = expect_ok,
			.owner = d,
			.who = (uint64_t)i,
			.tag = UINT64_MAX};

		if (d->centre->agents[i].removed)
			continue;
		router_login(d->router, d->now_ms, i, NULL, reply);
		router_set_state(
			d->router, d->now_ms, i, AGENT_READY, NULL, false, reply);
	}
}

static void
prepare(struct drive *d)
{
	size_t n = d->trace->n;
	size_t n_agents = (size_t)d->centre->n_agents + 1;

	*d->run = (struct drive_run){.n = n, .n_agents = d->centre->n_agents};
	d->run->results = xcalloc(n + 1, sizeof(struct drive_result));
	d->run->busy_ms = xcalloc(n_agents, sizeof(int64_t));
	d->callers = xcalloc(n + 1, sizeof(struct caller));
	d->held = xcalloc(n_agents, sizeof(int));
	d->held_since = xcalloc(n_agents, sizeof(int64_t));
	prepare_submissions(d);
}

static void
finish(struct drive *d)
{
	d->run->first_ms = d->trace->rows[0].t_ms;
	d->run->last_ms = d->stirred_ms - d->base_ms;
	for (int i = 0; i < d->centre->n_agents; i++) {
		if (d->held[i] > 0)
			d->run->busy_ms[i] += d->now_ms - d->held_since[i];
	}
	free(d->submissions);
	free(d->callers);
	free(d->held);
	free(d->held_since);
	idmap_finish(&d->rows);
	agenda_finish(&d->ends);
	agenda_finish(&d->answers);
	agenda_finish(&d->hangups);
}

/* The router's clock at the trace's 0. */
static int64_t
base_of(const struct config_sim *sim, const struct trace *trace)
{
	if (sim->start_ms != 0)
		return sim->start_ms;
	return trace->rows[0].t_ms >= UNIX_FROM_MS ? 0 : START_MS;
}

static int64_t
virtual_clock(void *owner)
{
	const struct drive *d = owner;

	return d->now_ms;
}

void
drive(const struct config *config, const struct trace *trace, FILE *explain,
	struct drive_run *run)
{
	struct drive d = {.config = config,
		.centre = config->centre,
		.trace = trace,
		.run = run,
		.arriving = SIZE_MAX};
	struct router_counts counts = {0};
	struct journal journal;
	struct store *memory = store_memory_create(false);
	struct store *store =
		explain != NULL ? journal_init(&journal, memory, explain) : memory;

	prepare(&d);
	d.base_ms = base_of(config->sim, trace);
	d.now_ms = d.stirred_ms = d.base_ms > 0 ? d.base_ms : 1; /* 0: not logged in */
	d.router = router_create(store, 1);
	router_record(d.router, explain != NULL);
	router_use_clock(d.router, virtual_clock, &d);
	router_listen(d.router, heard, &d);
	router_configure(d.router, d.now_ms, config->centre);
	router_start(d.router, d.now_ms);
	log_agents_in(&d);
	play(&d);
	router_counts(d.router, &counts);
	run->decisions = counts.decisions;
	router_destroy(d.router);
	store_memory_destroy(memory);
	finish(&d);
}

void
drive_run_finish(struct drive_run *run)
{
	free(run->results);
	free(run->busy_ms);
	*run = (struct drive_run){0};
}

/* An offer that is answered later than it lasts is never accepted. */
static bool
check_accept(const struct config *config, char *message, size_t room)
{
	for (int i = 0; i < config->centre->n_channels; i++) {
		const struct channel *channel = &config->centre->channels[i];

		if (channel->removed ||
			config->sim->accept_ms < channel->offer_timeout_ms)
			continue;
		snprintf(message, room,
			"sim.accept (%" PRId64
			" ms) must be shorter than the offer_timeout of channel %s "
			"(%" PRId64 " ms), or no offer is ever accepted",
			config->sim->accept_ms, channel->name, channel->offer_timeout_ms);
		return false;
	}
	return true;
}

bool
drive_check(const struct config *config, const struct trace *trace, int *line,
	char *message, size_t room)
{
	*line = 0;
	if (config->sim == NULL) {
		snprintf(message, room,
			"there is no sim: section; add classes and agents "
			"(usher-sim --print-scenario shows one)");
		return false;
	}
	if (!check_accept(config, message, room))
		return false;
	for (size_t i = 0; i < trace->n; i++) {
		int number = trace->rows[i].class;

		if (class_index(config->sim, number) < config->sim->n_classes)
			continue;
		*line = trace->rows[i].line;
		snprintf(message, room,
			"class %d is not in the scenario: add it to sim.classes, for "
			"example %d: {channel: voice}",
			number, number);
		return false;
	}
	return true;
}
