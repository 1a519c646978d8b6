/* history/apply.c - events become rows; see apply.h. */
#include "history/apply.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/subject.h"
#include "base/text.h"
#include "history/person.h"

int64_t
apply_contact(int64_t generation, uint64_t contact)
{
	return generation << GENERATION_BITS | (int64_t)contact;
}

uint64_t
apply_number(int64_t contact)
{
	return (uint64_t)contact & ((UINT64_C(1) << GENERATION_BITS) - 1);
}

static bool
is_there(struct database_session *s, int64_t contact)
{
	struct query *q = query_start(s, "SELECT 1 FROM contact WHERE id = $1");
	bool found;

	query_put_int(q, 1, contact);
	found = query_row(q);
	query_end(q);
	return found;
}

size_t
apply_numbers(
	struct database_session *s, const int64_t *contacts, size_t n, uint64_t *out)
{
	struct query *q = query_start(s, "SELECT generation FROM progress WHERE id = 1");
	int64_t generation = query_row(q) ? query_int(q, 0) : 0;
	size_t taken = 0;

	query_end(q);
	for (size_t i = 0; i < n; i++) {
		uint64_t number = apply_number(contacts[i]);
		int64_t now = apply_contact(generation, number);

		if (now == contacts[i] || !is_there(s, now))
			out[taken++] = number;
	}
	return subject_sort(out, taken);
}

static struct query *
start(const struct apply *a, const char *sql)
{
	return query_start(a->session, sql);
}

/* 0 stands for "not there". */
static void
put_id(struct query *q, int i, int64_t id)
{
	if (id != 0)
		query_put_int(q, i, id);
	else
		query_put_text(q, i, NULL);
}

static void
put_ms(struct query *q, int i, int64_t ms)
{
	if (ms >= 0)
		query_put_int(q, i, ms);
	else
		query_put_text(q, i, NULL);
}

/* One number of a contact; 0: nothing is found. */
static int64_t
number_for(const struct apply *a, const char *sql, int64_t contact)
{
	struct query *q = start(a, sql);
	int64_t number;

	query_put_int(q, 1, contact);
	number = query_row(q) ? query_int(q, 0) : 0;
	query_end(q);
	return number;
}

/* ---- every event as it was told ---- */

static void
keep_event(
	const struct apply *a, uint64_t op, const struct entry_event *e, int64_t contact)
{
	struct query *q = start(a,
		"INSERT INTO event (op, sub, generation, at_ms, kind, contact, offer, "
		"agent, "
		"queue, channel, tier, state, reason, waited_ms, handled_ms, amount, "
		"satisfaction, version, alarm, value, bound) VALUES ($1, $2, $3, $4, $5, "
		"$6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, "
		"$21)");

	query_put_int(q, 1, (int64_t)op);
	query_put_int(q, 2, e->sub);
	query_put_int(q, 3, a->generation);
	query_put_int(q, 4, e->at_ms);
	query_put_text(q, 5, event_name[e->kind]);
	put_id(q, 6, contact);
	put_id(q, 7, (int64_t)e->offer);
	query_put_text(q, 8, e->agent);
	query_put_text(q, 9, e->queue);
	query_put_text(q, 10, e->channel);
	query_put_text(q, 11, e->tier);
	query_put_text(q, 12, e->state);
	query_put_text(q, 13, e->reason);
	put_ms(q, 14, e->waited_ms);
	put_ms(q, 15, e->handled_ms);
	query_put_number(q, 16, e->amount);
	query_put_number(q, 17, e->satisfaction);
	query_put_int(q, 18, e->version);
	put_id(q, 19, e->alarm);
	query_put_number(q, 20, e->value);
	query_put_number(q, 21, e->limit);
	query_run(q);
}

/* ---- contacts ---- */

static void
begin_contact(
	const struct apply *a, int64_t contact, const struct entry_event *e, bool whole)
{
	struct query *q = start(a,
		"INSERT INTO contact (id, partial, state, channel, queue, tier, source, "
		"created_ms, t0_ms, version) VALUES ($1, $2, 'new', $3, $4, $5, $6, $7, "
		"$8, "
		"$9)");

	query_put_int(q, 1, contact);
	query_put_int(q, 2, !whole);
	query_put_text(q, 3, e->channel);
	query_put_text(q, 4, e->queue);
	query_put_text(q, 5, e->tier);
	query_put_text(q, 6, e->source);
	query_put_int(q, 7, e->at_ms);
	query_put_int(q, 8, e->t0_ms != 0 ? e->t0_ms : e->at_ms);
	query_put_int(q, 9, e->version);
	query_run(q);
	person_note(a->session, contact, e->party, e->dnis);
}

/* A contact from before the history is known from its first event on. */
static void
know_contact(const struct apply *a, int64_t contact, const struct entry_event *e)
{
	if (number_for(a, "SELECT 1 FROM contact WHERE id = $1", contact) == 0)
		begin_contact(a, contact, e, false);
	else if (e->party != 0)
		person_note(a->session, contact, e->party, NULL);
}

static void
set_state(const struct apply *a, int64_t contact, const char *state,
	const struct entry_event *e)
{
	struct query *q = start(a,
		"UPDATE contact SET state = $2, queue = coalesce($3, queue), tier = "
		"coalesce($4, tier), version = $5 WHERE id = $1");

	query_put_int(q, 1, contact);
	query_put_text(q, 2, state);
	query_put_text(q, 3, e->queue);
	query_put_text(q, 4, e->tier);
	query_put_int(q, 5, e->version);
	query_run(q);
}

/* The promise to be done with it follows queue and tier; it is told with each wait. */
static void
set_promise(const struct apply *a, int64_t contact, const struct entry_event *e)
{
	struct query *q;

	if (e->sl_due_ms == 0)
		return;
	if (e->resolve_due_ms != 0) {
		q = start(a, "UPDATE contact SET resolve_due_ms = $2 WHERE id = $1");
		query_put_int(q, 2, e->resolve_due_ms);
	} else if (e->kind != EVENT_CONTACT_CREATED) {
		q = start(a, "UPDATE contact SET resolve_due_ms = NULL WHERE id = $1 AND "
			     "resolve_due_ms IS NOT NULL");
	} else {
		return;
	}
	query_put_int(q, 1, contact);
	query_run(q);
}

/*
 * What is open is the last one. Told by its whole key a row is changed in place; where
 * several could be meant SQLite keeps a list of them first, which cost as much again.
 */
#define OPEN_VISIT                                                                       \
	" WHERE contact = $1 AND n = (SELECT max(n) FROM visit WHERE contact = $1) AND " \
	"closed = 0"
#define OPEN_LEG                                                                         \
	" WHERE contact = $1 AND n = (SELECT max(n) FROM leg WHERE contact = $1) AND "   \
	"closed = 0"

/* The first wait of a contact at the moment $3, $4 being the switch's word of it. */
#define WAIT "coalesce($4, $3 - t0_ms)"

/* ---- visits ---- */

/* How long he waited is the switch's word, where there is one: but for stays between
 * which only we tell, he just waited on. */
static void
leave_queue(const struct apply *a, int64_t contact, const struct entry_event *e,
	const char *how, const char *agent)
{
	struct query *q = start(a,
		"UPDATE visit SET left_ms = $2, left_how = $3, agent = $4, closed = 1, "
		"queue_ms = CASE WHEN kind IN ('moved', 'overflow') THEN NULL ELSE $5 "
		"END" OPEN_VISIT);

	query_put_int(q, 1, contact);
	query_put_int(q, 2, e->at_ms);
	query_put_text(q, 3, how);
	query_put_text(q, 4, agent);
	put_ms(q, 5, e->queue_ms);
	query_run(q);
}

static void
enter_queue(const struct apply *a, int64_t contact, const char *kind,
	const struct entry_event *e)
{
	int64_t n = number_for(a, "SELECT max(n) FROM visit WHERE contact = $1", contact);
	struct query *q = start(a,
		"INSERT INTO visit (contact, n, kind, queue, channel, tier, dnis, "
		"entered_ms, since_ms, sl_due_ms) VALUES ($1, $9, $2, $3, $4, $5, "
		"(SELECT dnis FROM contact_person WHERE contact = $1), $6, $7, $8)");

	query_put_int(q, 1, contact);
	query_put_text(q, 2, kind);
	query_put_text(q, 3, e->queue != NULL ? e->queue : "");
	query_put_text(q, 4, e->channel != NULL ? e->channel : "");
	query_put_text(q, 5, e->tier != NULL ? e->tier : "");
	query_put_int(q, 6, e->at_ms);
	query_put_int(q, 7, e->t0_ms != 0 ? e->t0_ms : e->at_ms);
	query_put_int(q, 8, e->sl_due_ms != 0 ? e->sl_due_ms : e->at_ms);
	query_put_int(q, 9, n + 1);
	query_run(q);
}

/* The queue that it waits in; the caller owns it; NULL: none. */
static char *
queue_of_visit(const struct apply *a, int64_t contact)
{
	struct query *q =
		start(a, "SELECT queue FROM visit WHERE contact = $1 AND closed = 0");
	char *queue;

	query_put_int(q, 1, contact);
	queue = query_row(q) ? xstrdup(query_text(q, 0)) : NULL;
	query_end(q);
	return queue;
}

/* It waits, after whatever: in the queue where it did, in another one, or again. */
static void
waits(const struct apply *a, int64_t contact, const struct entry_event *e)
{
	char *queue = queue_of_visit(a, contact);
	bool overflow = e->reason != NULL && strcmp(e->reason, "overflow") == 0;

	if (queue == NULL && e->kind == EVENT_CONTACT_QUEUED) {
		enter_queue(a, contact, "return", e);
	} else if (queue != NULL && e->queue != NULL && strcmp(queue, e->queue) != 0) {
		leave_queue(a, contact, e, overflow ? "overflow" : "moved", NULL);
		enter_queue(a, contact, overflow ? "overflow" : "moved", e);
	}
	free(queue);
}

/* The customer waited already, and has his old place. */
static void
waited_already(const struct apply *a, int64_t contact, const struct entry_event *e)
{
	struct query *q = start(a, "UPDATE visit SET since_ms = $2, sl_due_ms = "
				   "$3" OPEN_VISIT);

	query_put_int(q, 1, contact);
	query_put_int(q, 2, e->t0_ms);
	query_put_int(q, 3, e->sl_due_ms);
	query_run(q);
	q = start(a, "UPDATE contact SET t0_ms = $2 WHERE id = $1");
	query_put_int(q, 1, contact);
	query_put_int(q, 2, e->t0_ms);
	query_run(q);
}

/* ---- legs ---- */

static const char *
team_of(const struct apply *a, const char *agent)
{
	int i = a->centre != NULL ? centre_agent(a->centre, agent) : -1;
	int team = i >= 0 ? a->centre->agents[i].team : -1;

	return team >= 0 ? a->centre->teams[team].name : NULL;
}

static void
offer(const struct apply *a, int64_t contact, const struct entry_event *e)
{
	int64_t n = number_for(a, "SELECT max(n) FROM leg WHERE contact = $1", contact);
	struct query *q = start(a,
		"INSERT INTO leg (contact, n, offer, agent, team, queue, channel, tier, "
		"dnis, offered_ms) VALUES ($1, $9, $2, $3, $4, $5, $6, $7, (SELECT dnis "
		"FROM contact_person WHERE contact = $1), $8)");

	query_put_int(q, 1, contact);
	put_id(q, 2, (int64_t)e->offer);
	query_put_text(q, 3, e->agent != NULL ? e->agent : "");
	query_put_text(q, 4, e->agent != NULL ? team_of(a, e->agent) : NULL);
	query_put_text(q, 5, e->queue != NULL ? e->queue : "");
	query_put_text(q, 6, e->channel != NULL ? e->channel : "");
	query_put_text(q, 7, e->tier != NULL ? e->tier : "");
	query_put_int(q, 8, e->at_ms);
	query_put_int(q, 9, n + 1);
	query_run(q);
}

static int64_t
offer_ends(const struct apply *a, int64_t contact, const struct entry_event *e,
	const char *outcome, bool closes)
{
	struct query *q = start(a,
		"UPDATE leg SET outcome = $2, outcome_ms = $3, reason = $4, closed = "
		"$5" OPEN_LEG " AND outcome IS NULL");

	query_put_int(q, 1, contact);
	query_put_text(q, 2, outcome);
	query_put_int(q, 3, e->at_ms);
	query_put_text(q, 4, closes ? e->reason : NULL);
	query_put_int(q, 5, closes);
	return query_run(q);
}

static void
connected(const struct apply *a, int64_t contact, const struct entry_event *e)
{
	struct query *q = start(a,
		"UPDATE leg SET connected_ms = $2" OPEN_LEG " AND connected_ms IS NULL");
	int64_t changed;

	query_put_int(q, 1, contact);
	query_put_int(q, 2, e->at_ms);
	changed = query_run(q);
	if (changed == 0) {
		/* Its offer was before the history. */
		offer(a, contact, e);
		if (offer_ends(a, contact, e, "accepted", false) > 0)
			connected(a, contact, e);
		return;
	}
	leave_queue(a, contact, e, "answered", e->agent);
	q = start(a, "UPDATE contact SET state = 'connected', agent = $2, answered_ms = "
		     "coalesce(answered_ms, $3), wait_ms = coalesce(wait_ms, " WAIT ") "
		     "WHERE id = $1");
	query_put_int(q, 1, contact);
	query_put_text(q, 2, e->agent);
	query_put_int(q, 3, e->at_ms);
	put_ms(q, 4, e->queue_ms);
	query_run(q);
}

/* One moment of the leg that is open: all statements take the contact and the time. */
static void
mark_leg(const struct apply *a, const char *sql, int64_t contact, int64_t at_ms)
{
	struct query *q = start(a, sql);

	query_put_int(q, 1, contact);
	query_put_int(q, 2, at_ms);
	query_run(q);
}

/* By the switch's clock, where a switch carried it. */
#define TALK                                                                             \
	"coalesce(told_talk_ms, $2 - connected_ms - hold_ms - parked_ms - CASE WHEN "    \
	"parked_since_ms IS NULL THEN 0 ELSE $2 - parked_since_ms END)"

static void
leg_ends(const struct apply *a, int64_t contact, const struct entry_event *e,
	const char *how)
{
	struct query *q = start(a,
		"UPDATE leg SET ended_ms = $2, ended_how = $3, closed = 1, talk_ms = "
		"CASE WHEN "
		"wrapup_since_ms IS NULL OR told_talk_ms IS NOT NULL THEN " TALK
		" ELSE talk_ms END, parked_ms = parked_ms + CASE WHEN parked_since_ms IS "
		"NULL "
		"THEN 0 ELSE $2 - parked_since_ms END, parked_since_ms = NULL, wrapup_ms "
		"= "
		"CASE WHEN wrapup_since_ms IS NULL THEN 0 ELSE $2 - wrapup_since_ms "
		"END" OPEN_LEG " AND connected_ms IS NOT NULL");

	query_put_int(q, 1, contact);
	query_put_int(q, 2, e->at_ms);
	query_put_text(q, 3, how);
	query_run(q);
}

/* ---- the end ---- */

static double
number_of(const char *record, const char *name)
{
	char *text = record != NULL ? entry_value(record, name) : NULL;
	double value = text != NULL ? strtod(text, NULL) : NAN;

	free(text);
	return value;
}

static void
put_value(struct query *q, int i, const char *record, const char *name)
{
	char *text = record != NULL ? entry_value(record, name) : NULL;

	query_put_text(q, i, text);
	free(text);
}

/* The decisions as Redis has them, one behind the other in JSON. */
static char *
decisions_of(const struct ended_contact *ended)
{
	json_t *list;
	struct text out = {0};

	if (ended == NULL || ended->n_decisions == 0)
		return NULL;
	list = json_array();
	for (int i = 0; i < ended->n_decisions; i++)
		json_array_append_new(list, json_string(ended->decision[i]));
	json_write(&out, list);
	json_decref(list);
	return text_take(&out);
}

static void
close_contact(const struct apply *a, int64_t contact, const struct entry_event *e,
	const char *state, const struct ended_contact *ended)
{
	const char *record = ended != NULL ? ended->record : NULL;
	char *decisions = decisions_of(ended);
	struct query *q;

	/* "answered" of a stay says that an agent did it. */
	leave_queue(a, contact, e, strcmp(state, "answered") == 0 ? "auto" : state, NULL);
	leg_ends(a, contact, e, state);
	person_close(a->session, contact,
		&(struct person_end){record, ended != NULL ? ended->payload : NULL,
			e->channel, e->at_ms});
	q = start(a,
		"UPDATE contact SET closed = 1, state = $2, ended_ms = $3, wait_ms = "
		"coalesce(wait_ms, " WAIT "), reason = $5, disposition = $6, amount = "
		"$7, "
		"currency = $8, satisfaction = $9, points = $10, decisions = $11, "
		"tier = coalesce($12, tier), ivr_ms = $13, "
		"ring_ms = (SELECT sum(ring_ms) FROM leg WHERE contact = $1), "
		"talk_ms = (SELECT coalesce(sum(talk_ms), 0) FROM leg WHERE contact = "
		"$1), "
		"hold_ms = (SELECT coalesce(sum(hold_ms), 0) FROM leg WHERE contact = "
		"$1), "
		"wrapup_ms = (SELECT coalesce(sum(wrapup_ms), 0) FROM leg WHERE contact "
		"= $1), "
		"offers = (SELECT count(*) FROM leg WHERE contact = $1), "
		"rona = (SELECT count(*) FROM leg WHERE contact = $1 AND outcome = "
		"'timeout'), "
		"rejects = (SELECT count(*) FROM leg WHERE contact = $1 AND outcome = "
		"'rejected'), "
		"transfers = (SELECT count(*) FROM visit WHERE contact = $1 AND kind = "
		"'transfer') WHERE id = $1");
	query_put_int(q, 1, contact);
	query_put_text(q, 2, state);
	query_put_int(q, 3, e->at_ms);
	put_ms(q, 4, e->queue_ms);
	query_put_text(q, 5, e->reason);
	put_value(q, 6, record, "disposition");
	query_put_number(q, 7, e->amount);
	put_value(q, 8, record, "currency");
	query_put_number(q, 9, e->satisfaction);
	query_put_number(q, 10, number_of(record, "points"));
	query_put_text(q, 11, decisions);
	query_put_text(q, 12, e->tier);
	put_ms(q, 13, e->ivr_ms);
	query_run(q);
	free(decisions);
}

/* ---- agents ---- */

static void
agent_state(const struct apply *a, uint64_t op, const struct entry_event *e)
{
	struct query *q;

	if (e->agent == NULL || e->state == NULL)
		return;
	q = start(
		a, "UPDATE agent_span SET to_ms = $2 WHERE agent = $1 AND to_ms IS NULL");
	query_put_text(q, 1, e->agent);
	query_put_int(q, 2, e->at_ms);
	query_run(q);
	if (strcmp(e->state, "offline") == 0)
		return;
	q = start(a, "INSERT INTO agent_span (agent, from_ms, op, team, state, reason) "
		     "VALUES ($1, "
		     "$2, $3, $4, $5, $6) ON CONFLICT (agent, from_ms, op) DO UPDATE SET "
		     "state = "
		     "excluded.state, reason = excluded.reason, to_ms = NULL");
	query_put_text(q, 1, e->agent);
	query_put_int(q, 2, e->at_ms);
	query_put_int(q, 3, (int64_t)op);
	query_put_text(q, 4, team_of(a, e->agent));
	query_put_text(q, 5, e->state);
	query_put_text(q, 6, e->reason);
	query_run(q);
}

/* What the switch measured: over the whole life of the contact, so the legs before are
 * taken off. */
static void
measured(const struct apply *a, int64_t contact, const struct entry_event *e)
{
	struct query *q;

	if (e->talk_ms < 0)
		return;
	q = start(a,
		"UPDATE leg SET hold_ms = max(0, $2 - earlier.hold), told_talk_ms = "
		"max(0, $3 - earlier.talk), ring_ms = max(0, $4 - earlier.ring) FROM "
		"(SELECT coalesce(sum(l.hold_ms), 0) AS hold, coalesce(sum(l.talk_ms), "
		"0) AS talk, coalesce(sum(l.ring_ms), 0) AS ring FROM leg AS l WHERE "
		"l.contact = $1 AND l.closed = 1) AS earlier" OPEN_LEG);
	query_put_int(q, 1, contact);
	query_put_int(q, 2, e->hold_ms);
	query_put_int(q, 3, e->talk_ms);
	query_put_int(q, 4, e->ring_ms);
	query_run(q);
}

/* ---- which event does what ---- */

static void
of_contact(const struct apply *a, int64_t c, const struct entry_event *e,
	const struct ended_contact *ended)
{
	switch (e->kind) {
	case EVENT_CONTACT_CREATED:
		enter_queue(a, c, "new", e);
		set_state(a, c, "queued", e);
		return;
	case EVENT_CONTACT_QUEUED:
		leg_ends(a, c, e, e->reason != NULL ? e->reason : "requeue");
		waits(a, c, e);
		set_state(a, c, "queued", e);
		return;
	case EVENT_CONTACT_UPDATED:
		if (e->t0_ms != 0)
			waited_already(a, c, e);
		else
			waits(a, c, e);
		return;
	case EVENT_CONTACT_TRANSFERRED:
		leg_ends(a, c, e, "transfer");
		leave_queue(a, c, e, "moved", NULL);
		enter_queue(a, c, "transfer", e);
		set_state(a, c, "queued", e);
		return;
	case EVENT_OFFER_CREATED:
		offer(a, c, e);
		return;
	case EVENT_OFFER_ACCEPTED:
		offer_ends(a, c, e, "accepted", false);
		return;
	case EVENT_OFFER_REJECTED:
		offer_ends(a, c, e, "rejected", true);
		return;
	case EVENT_OFFER_TIMEOUT:
		offer_ends(a, c, e, "timeout", true);
		return;
	case EVENT_OFFER_RESCINDED:
		offer_ends(a, c, e, "rescinded", true);
		return;
	case EVENT_OFFER_CANCELLED:
		offer_ends(a, c, e, "cancelled", true);
		return;
	case EVENT_CONTACT_CONNECTED:
		connected(a, c, e);
		return;
	case EVENT_CONTACT_PARKED:
		mark_leg(a,
			"UPDATE leg SET parked_since_ms = $2" OPEN_LEG
			" AND parked_since_ms IS NULL",
			c, e->at_ms);
		set_state(a, c, "parked", e);
		return;
	case EVENT_CONTACT_RESUMED:
		mark_leg(a,
			"UPDATE leg SET parked_ms = parked_ms + $2 - parked_since_ms, "
			"parked_since_ms = NULL" OPEN_LEG
			" AND parked_since_ms IS NOT NULL",
			c, e->at_ms);
		set_state(a, c, "connected", e);
		return;
	case EVENT_CONTACT_WRAPUP:
		mark_leg(a,
			"UPDATE leg SET wrapup_since_ms = $2, talk_ms = " TALK OPEN_LEG
			" AND connected_ms IS NOT NULL AND wrapup_since_ms IS NULL",
			c, e->at_ms);
		set_state(a, c, "wrapup", e);
		return;
	case EVENT_CONTACT_COMPLETED:
		close_contact(a, c, e, e->state != NULL ? e->state : "completed", ended);
		return;
	case EVENT_CONTACT_ABANDONED:
		close_contact(a, c, e, "abandoned", ended);
		return;
	case EVENT_CONTACT_EXPIRED:
		close_contact(a, c, e, "expired", ended);
		return;
	case EVENT_CONTACT_CANCELLED:
		close_contact(a, c, e, "cancelled", ended);
		return;
	case EVENT_CONTACT_LOST:
		close_contact(a, c, e, "lost", ended);
		return;
	case EVENT_CONTACT_ANSWERED:
		close_contact(a, c, e, "answered", ended);
		return;
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

void
apply_event(const struct apply *a, uint64_t op, const struct entry_event *e,
	const struct ended_contact *ended)
{
	int64_t contact = e->contact != 0 ? apply_contact(a->generation, e->contact) : 0;

	keep_event(a, op, e, contact);
	if (e->kind == EVENT_AGENT_STATE)
		agent_state(a, op, e);
	if (contact == 0)
		return;
	if (e->kind == EVENT_CONTACT_CREATED)
		begin_contact(a, contact, e, true);
	else
		know_contact(a, contact, e);
	measured(a, contact, e);
	set_promise(a, contact, e);
	of_contact(a, contact, e, ended);
}
