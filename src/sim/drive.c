/* sim/drive.c - the virtual clock, and what customers and agents do on it. */
#include "sim/drive.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "route/router.h"
#include "sim/agenda.h"
#include "sim/floor.h"
#include "sim/journal.h"
#include "sim/scenario.h"

/* Contacts that nobody can serve may wait for ever, and calendars open every day: the
 * play ends when for so long nothing happened. */
#define QUIET_MOST_MS (INT64_C(2) * 366 * 86400000)
/* Turns at one instant; each needs a contact of no handling time or a timer. */
#define TURNS_MOST 100000000

struct drive {
	struct floor floor;
	struct router *router;
	const int *classes; /* index into submissions, by row */
	struct submission *submissions;
	struct agenda hangups; /* in seq order */
	size_t next;	       /* row that arrives next */
};

/* ---- what the router answers ---- */

/* Tags of agents' commands lie above those of rows. */
#define AGENT_TAG (UINT64_C(1) << 32)

static void
expect_ok(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	const struct drive *d = owner;
	const char *why = outcome->message != NULL ? outcome->message : "";

	if (outcome->kind == OUTCOME_OK)
		return;
	if (tag < AGENT_TAG)
		log_warn("sim: refused line=%d what=%s reason=\"%s\"",
			d->floor.trace->rows[tag].line, outcome_name(outcome->kind), why);
	else
		log_warn("sim: refused agent=%s what=%s reason=\"%s\"",
			d->floor.centre->agents[tag - AGENT_TAG].id,
			outcome_name(outcome->kind), why);
}

static struct reply
must_work(struct drive *d, uint64_t tag)
{
	return (struct reply){.fn = expect_ok, .owner = d, .tag = tag};
}

static void
submitted(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct drive *d = owner;
	struct drive_run *run = d->floor.run;

	if (outcome->kind == OUTCOME_OK)
		return;
	run->results[tag].end = DRIVE_REFUSED;
	if (outcome->kind < OUTCOME_QUEUE_FULL || outcome->kind > OUTCOME_QUEUE_CLOSED)
		return;
	run->results[tag].tier = outcome->tier;
	if (outcome->kind == OUTCOME_QUEUE_FULL && run->unnamed_queue < 0 &&
		!d->floor.centre->queues[outcome->queue].length_given) {
		run->unnamed_queue = outcome->queue;
		run->unnamed_row = tag;
	}
}

/* ---- what customers and agents do ---- */

static const struct agenda_entry *
next_hangup(struct drive *d)
{
	const struct agenda_entry *first;

	while ((first = agenda_first(&d->hangups)) != NULL &&
		!floor_is_waiting(&d->floor, first->row))
		agenda_drop(&d->hangups);
	return first;
}

static bool
is_due(const struct drive *d, const struct agenda_entry *entry)
{
	return entry != NULL && entry->at_ms <= d->floor.now_ms;
}

static bool
answer_due(struct drive *d)
{
	return is_due(d, floor_next(&d->floor, &d->floor.answers));
}

static void
answer(struct drive *d)
{
	size_t row = agenda_first(&d->floor.answers)->row;
	const struct caller *caller = &d->floor.callers[row];

	agenda_drop(&d->floor.answers);
	router_accept(d->router, d->floor.now_ms, caller->offer, caller->agent,
		must_work(d, row));
}

/* With accept 0 an offer is answered before anything else happens. */
static void
settle(struct drive *d)
{
	while (d->floor.config->sim->accept_ms == 0 && answer_due(d))
		answer(d);
}

static bool
wraps_up(const struct drive *d, const struct caller *caller, const struct queue *queue,
	int channel)
{
	return d->floor.config->sim->wrapup && caller->stage == STAGE_CONNECTED &&
	       queue_wrapup_ms(d->floor.centre, queue, channel) > 0;
}

/* Of handling: wrap-up begins, or it is done. Of wrap-up: it is done. */
static void
end_work(struct drive *d)
{
	size_t row = agenda_first(&d->floor.ends)->row;
	struct caller *caller = &d->floor.callers[row];
	const struct queue *queue =
		&d->floor.centre
			 ->queues[router_contact_queue(d->router, caller->contact)];
	struct disposition done = {.amount = NAN, .satisfaction = NAN};

	agenda_drop(&d->floor.ends);
	caller->left_ms = 0;
	if (wraps_up(d, caller, queue, d->floor.run->results[row].channel)) {
		router_wrapup(d->router, d->floor.now_ms, caller->contact, caller->agent,
			0, must_work(d, row));
		return;
	}
	if (queue->n_dispositions > 0)
		done.code = queue->dispositions[0];
	router_complete(d->router, d->floor.now_ms, caller->contact, caller->agent, &done,
		must_work(d, row));
}

static void
hang_up(struct drive *d)
{
	size_t row = agenda_first(&d->hangups)->row;

	agenda_drop(&d->hangups);
	router_leave(d->router, d->floor.now_ms, d->floor.callers[row].contact,
		must_work(d, row));
}

static void
arrive(struct drive *d)
{
	struct floor *f = &d->floor;
	size_t row = d->next++;
	const struct trace_row *from = &f->trace->rows[row];
	const struct submission *submission = &d->submissions[d->classes[row]];

	f->callers[row].left_ms = from->handle_ms;
	f->run->results[row] = (struct drive_result){.start_ms = DRIVE_NEVER,
		.agent = -1,
		.tier = -1,
		.channel = centre_channel(f->centre, submission->channel)};
	f->arriving = row;
	router_submit(d->router, f->now_ms, submission,
		(struct reply){.fn = submitted, .owner = d, .tag = row});
	f->arriving = SIZE_MAX;
	if (from->patience_ms != TRACE_FOREVER)
		agenda_add(&d->hangups,
			(struct agenda_entry){.at_ms = f->now_ms + from->patience_ms,
				.first = from->seq,
				.row = row});
}

/* ---- time ---- */

static int64_t
least(int64_t a, const struct agenda_entry *b)
{
	return b != NULL && b->at_ms < a ? b->at_ms : a;
}

static bool
arrival_due(const struct drive *d)
{
	return d->next < d->floor.trace->n &&
	       d->floor.base_ms + d->floor.trace->rows[d->next].t_ms <= d->floor.now_ms;
}

/* The next moment at which anything happens; INT64_MAX: none. */
static int64_t
next_moment(struct drive *d)
{
	struct floor *f = &d->floor;
	int64_t next = INT64_MAX, tick = router_next_ms(d->router);

	if (d->next < f->trace->n)
		next = f->base_ms + f->trace->rows[d->next].t_ms;
	next = least(next, floor_next(f, &f->ends));
	next = least(next, floor_next(f, &f->answers));
	next = least(next, next_hangup(d));
	if (next == INT64_MAX && tick != INT64_MAX &&
		tick - f->stirred_ms > QUIET_MOST_MS)
		return INT64_MAX;
	if (tick < next)
		next = tick;
	return next < f->now_ms ? f->now_ms : next;
}

/* Arrivals, ends, hang-ups, then what time alone makes possible (CONTRACTS 4). */
static void
play_instant(struct drive *d)
{
	struct floor *f = &d->floor;

	while (arrival_due(d)) {
		arrive(d);
		settle(d);
	}
	for (;;) {
		if (is_due(d, floor_next(f, &f->ends)))
			end_work(d);
		else if (answer_due(d))
			answer(d);
		else
			break;
		settle(d);
	}
	while (is_due(d, next_hangup(d))) {
		hang_up(d);
		settle(d);
	}
	if (router_next_ms(d->router) <= f->now_ms) {
		router_tick(d->router, f->now_ms);
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
		turns = next == d->floor.now_ms ? turns + 1 : 0;
		if (turns > TURNS_MOST) {
			log_error("sim: the clock stands still at_ms=%" PRId64,
				d->floor.now_ms - d->floor.base_ms);
			abort();
		}
		d->floor.now_ms = next;
		play_instant(d);
	}
}

/* All agents are there and idle from the start, in file order. */
static void
log_agents_in(struct drive *d)
{
	const struct centre *centre = d->floor.centre;

	for (int i = 0; i < centre->n_agents; i++) {
		struct reply reply = must_work(d, AGENT_TAG + (uint64_t)i);

		if (centre->agents[i].removed)
			continue;
		router_login(d->router, d->floor.now_ms, i, NULL, reply);
		router_set_state(
			d->router, d->floor.now_ms, i, AGENT_READY, NULL, false, reply);
	}
}

static int64_t
virtual_clock(void *owner)
{
	const struct drive *d = owner;

	return d->floor.now_ms;
}

void
drive(const struct config *config, const struct trace *trace, struct hooks *hooks,
	FILE *explain, struct drive_run *run)
{
	struct drive d = {0};
	struct router_counts counts = {0};
	struct journal journal;
	struct store *memory = store_memory_create(false);
	struct store *store =
		explain != NULL ? journal_init(&journal, memory, explain) : memory;
	int *classes = scenario_classes(config->sim, trace);

	floor_init(&d.floor, config, trace, run);
	d.floor.base_ms = scenario_base_ms(config->sim, trace);
	/* A moment of 0 says "not" to the router. */
	d.floor.now_ms = d.floor.stirred_ms = d.floor.base_ms > 0 ? d.floor.base_ms : 1;
	d.classes = classes;
	d.submissions = scenario_submissions(config->sim);
	d.router = router_create(store, 1);
	router_record(d.router, explain != NULL);
	router_use_hooks(d.router, hooks);
	router_use_clock(d.router, virtual_clock, &d);
	router_listen(d.router, floor_heard, &d.floor);
	router_configure(d.router, d.floor.now_ms, config->centre);
	router_start(d.router, d.floor.now_ms);
	log_agents_in(&d);
	play(&d);
	router_counts(d.router, &counts);
	run->decisions = counts.decisions;
	router_destroy(d.router);
	store_memory_destroy(memory);
	floor_finish(&d.floor);
	agenda_finish(&d.hangups);
	free(d.submissions);
	free(classes);
}

void
drive_run_finish(struct drive_run *run)
{
	free(run->results);
	free(run->busy_ms);
	*run = (struct drive_run){0};
}
