/* sim/floor.c - what the router says, and what follows from it. */
#include "sim/floor.h"

#include <stdlib.h>

static size_t
row_of(const struct floor *f, const struct caller *caller)
{
	return (size_t)(caller - f->callers);
}

/* ---- what the router says ---- */

static void
take_in_hand(struct floor *f, struct caller *caller)
{
	caller->since_ms = f->now_ms;
	if (f->held[caller->agent]++ == 0)
		f->held_since[caller->agent] = f->now_ms;
}

static void
put_down(struct floor *f, struct caller *caller)
{
	struct drive_result *result = &f->run->results[row_of(f, caller)];

	result->worked_ms += f->now_ms - caller->since_ms;
	if (--f->held[caller->agent] == 0)
		f->run->busy_ms[caller->agent] +=
			f->now_ms - f->held_since[caller->agent];
}

/* Its agent will be done with it then: with handling, or with wrap-up. */
static void
add_end(struct floor *f, struct caller *caller, int64_t at_ms)
{
	size_t row = row_of(f, caller);

	agenda_add(&f->ends, (struct agenda_entry){.at_ms = at_ms,
				     .first = f->centre->agents[caller->agent].order,
				     .second = f->trace->rows[row].seq,
				     .row = row,
				     .turn = caller->turn});
}

/* From here on the agent works on it: its end is known. */
static void
work(struct floor *f, struct caller *caller)
{
	caller->stage = STAGE_CONNECTED;
	caller->turn++;
	take_in_hand(f, caller);
	add_end(f, caller, f->now_ms + caller->left_ms);
}

/* Lays work down before its end; what is left of the handling stays. */
static void
interrupt(struct floor *f, struct caller *caller, enum stage stage)
{
	if (caller->stage == STAGE_CONNECTED) {
		caller->left_ms -= f->now_ms - caller->since_ms;
		put_down(f, caller);
	}
	caller->turn++;
	caller->stage = stage;
}

static void
begin_offer(struct floor *f, struct caller *caller, const struct event *event)
{
	size_t row = row_of(f, caller);

	caller->stage = STAGE_OFFERED;
	caller->agent = event->agent;
	caller->offer = event->offer;
	caller->turn++;
	agenda_add(&f->answers,
		(struct agenda_entry){.at_ms = f->now_ms + f->config->sim->accept_ms,
			.first = f->centre->agents[event->agent].order,
			.second = f->trace->rows[row].seq,
			.row = row,
			.turn = caller->turn});
}

/* Open time counts where the channel's SLA runs in a calendar. */
static bool
is_in_time(const struct floor *f, const struct drive_result *result)
{
	int calendar = f->centre->channels[result->channel].calendar;

	if (calendar < 0)
		return f->now_ms <= result->due_ms;
	return calendar_between_ms(
		       f->centre->calendars[calendar], result->due_ms, f->now_ms) <= 0;
}

static void
connected(struct floor *f, struct caller *caller, const struct event *event)
{
	struct drive_result *result = &f->run->results[row_of(f, caller)];

	caller->agent = event->agent;
	if (result->start_ms == DRIVE_NEVER) {
		result->start_ms = f->now_ms - f->base_ms;
		result->agent = event->agent;
		result->in_time = is_in_time(f, result);
		result->end = DRIVE_SERVED;
	}
	work(f, caller);
}

static void
over(struct floor *f, struct caller *caller, enum drive_end end)
{
	struct drive_result *result = &f->run->results[row_of(f, caller)];

	if (caller->stage == STAGE_CONNECTED || caller->stage == STAGE_WRAPUP)
		put_down(f, caller);
	if (result->start_ms == DRIVE_NEVER)
		result->end = end;
	caller->stage = STAGE_OVER;
	caller->turn++;
	idmap_remove(&f->rows, caller->contact);
}

static struct caller *
created(struct floor *f, const struct event *event)
{
	struct caller *caller;
	struct drive_result *result;

	if (f->arriving == SIZE_MAX)
		return NULL;
	caller = &f->callers[f->arriving];
	result = &f->run->results[f->arriving];
	caller->contact = event->contact;
	caller->stage = STAGE_WAITING;
	result->due_ms = event->due_ms;
	result->tier = event->tier;
	idmap_put(&f->rows, event->contact, caller);
	return caller;
}

void
floor_heard(void *owner, const struct event *event)
{
	struct floor *f = owner;
	struct caller *caller =
		event->contact != 0 ? idmap_get(&f->rows, event->contact) : NULL;

	if (caller == NULL && event->kind == EVENT_CONTACT_CREATED)
		caller = created(f, event);
	if (caller == NULL)
		return;
	f->stirred_ms = f->now_ms;
	switch (event->kind) {
	case EVENT_OFFER_CREATED:
		begin_offer(f, caller, event);
		break;
	case EVENT_CONTACT_CONNECTED:
		connected(f, caller, event);
		break;
	case EVENT_CONTACT_PARKED:
		interrupt(f, caller, STAGE_PARKED);
		break;
	case EVENT_CONTACT_RESUMED:
		work(f, caller);
		break;
	case EVENT_CONTACT_QUEUED:
	case EVENT_CONTACT_TRANSFERRED:
		interrupt(f, caller, STAGE_WAITING);
		break;
	case EVENT_CONTACT_WRAPUP:
		caller->stage = STAGE_WRAPUP;
		caller->turn++;
		add_end(f, caller, event->expires_ms);
		break;
	case EVENT_CONTACT_COMPLETED:
		over(f, caller, DRIVE_SERVED);
		break;
	case EVENT_CONTACT_ABANDONED:
		over(f, caller, DRIVE_ABANDONED);
		break;
	case EVENT_CONTACT_EXPIRED:
		over(f, caller, DRIVE_EXPIRED);
		break;
	case EVENT_CONTACT_CANCELLED:
	case EVENT_CONTACT_LOST:
	case EVENT_CONTACT_ANSWERED:
		over(f, caller, DRIVE_LOST);
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
	case EVENT_ALARM_RAISED:
	case EVENT_ALARM_CLEARED:
	case EVENT_KINDS:
		break;
	}
}

void
floor_init(struct floor *f, const struct config *config, const struct trace *trace,
	struct drive_run *run)
{
	size_t n = trace->n, n_agents = (size_t)config->centre->n_agents + 1;

	*f = (struct floor){.config = config,
		.centre = config->centre,
		.trace = trace,
		.run = run,
		.arriving = SIZE_MAX};
	*run = (struct drive_run){
		.n = n, .n_agents = config->centre->n_agents, .unnamed_queue = -1};
	run->results = xcalloc(n + 1, sizeof(struct drive_result));
	run->busy_ms = xcalloc(n_agents, sizeof(int64_t));
	f->callers = xcalloc(n + 1, sizeof(struct caller));
	f->held = xcalloc(n_agents, sizeof(int));
	f->held_since = xcalloc(n_agents, sizeof(int64_t));
}

void
floor_finish(struct floor *f)
{
	for (int i = 0; i < f->centre->n_agents; i++) {
		if (f->held[i] > 0)
			f->run->busy_ms[i] += f->now_ms - f->held_since[i];
	}
	f->run->first_ms = f->trace->rows[0].t_ms;
	f->run->last_ms = f->stirred_ms - f->base_ms;
	free(f->callers);
	free(f->held);
	free(f->held_since);
	idmap_finish(&f->rows);
	agenda_finish(&f->ends);
	agenda_finish(&f->answers);
}

const struct agenda_entry *
floor_next(struct floor *f, struct agenda *agenda)
{
	const struct agenda_entry *first;

	while ((first = agenda_first(agenda)) != NULL &&
		f->callers[first->row].turn != first->turn)
		agenda_drop(agenda);
	return first;
}

bool
floor_is_waiting(const struct floor *f, size_t row)
{
	enum stage stage = f->callers[row].stage;

	/* Work that was put back was served before: patience ended with its start. */
	return (stage == STAGE_WAITING || stage == STAGE_OFFERED) &&
	       f->run->results[row].start_ms == DRIVE_NEVER;
}
