/* history/recorder.c - see recorder.h. */
#include "history/recorder.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "history/apply.h"
#include "history/reader.h"

#define EPOCH_SHIFT 36
#define GENERATION_MAX 7
#define AGAIN_MS 1000 /* after a batch that the database refused whole */
#define LISTENERS_MAX 8

extern const char history_functions[]; /* functions.lua */

struct recorder {
	struct recorder_settings settings; /* the texts are not kept */
	struct centre *centre;		   /* a reference */
	char *token;			   /* owned */
	struct reader *reader;
	struct event *again;
	uint64_t op; /* recorded up to it */
	int64_t generation;
	struct record_job *job; /* owned; being written; NULL */
	int64_t said_ms,
		recorded_ms; /* centre time of the last event, told and recorded */
	struct recorder_figures figures;
	void (*ended)(void *owner, uint64_t contact); /* NULL: nobody asks */
	void *ended_owner;
	int n_listeners;
	struct {
		void (*fn)(void *owner);
		void *owner;
	} listener[LISTENERS_MAX];
};

/* A batch on its way into the database. */
struct record_job {
	struct recorder *recorder;
	struct batch *batch;   /* owned */
	struct centre *centre; /* a reference */
	char *token;	       /* owned */
	int64_t generation, at_ms;
	uint64_t op;
	uint64_t events, skipped; /* result */
};

/* ---- on the database's thread ---- */

static void
keep_progress(struct database_session *s, const struct record_job *job)
{
	struct query *q = query_start(s,
		"INSERT INTO progress (id, op, owner, generation, at_ms) VALUES (1, $1, "
		"$2, "
		"$3, $4) ON CONFLICT (id) DO UPDATE SET op = excluded.op, owner = "
		"excluded.owner, generation = excluded.generation, at_ms = "
		"excluded.at_ms");

	query_put_int(q, 1, (int64_t)job->op);
	query_put_text(q, 2, job->token);
	query_put_int(q, 3, job->generation);
	query_put_int(q, 4, job->at_ms);
	query_run(q);
}

static void
apply_entry(
	const struct apply *a, const struct record_job *job, const struct entry *entry)
{
	for (int i = 0; i < entry->n && !session_failed(a->session); i++)
		apply_event(a, entry->op, &entry->event[i],
			batch_ended(job->batch, entry->event[i].contact));
}

/* A mark costs as much as an entry: the batch is tried with a single one. */
static bool
record_all(const struct apply *a, struct record_job *job)
{
	uint64_t events = 0;

	session_mark(a->session);
	for (int i = 0; i < job->batch->n && !session_failed(a->session); i++) {
		apply_entry(a, job, &job->batch->entry[i]);
		events += (uint64_t)job->batch->entry[i].n;
	}
	if (session_failed(a->session)) {
		session_undo(a->session);
		return false;
	}
	session_keep(a->session);
	job->events = events;
	return true;
}

/* What the tables do not take must not hold up what follows. */
static void
record_entry(const struct apply *a, struct record_job *job, const struct entry *entry)
{
	session_mark(a->session);
	apply_entry(a, job, entry);
	if (!session_failed(a->session)) {
		session_keep(a->session);
		job->events += (uint64_t)entry->n;
		return;
	}
	session_undo(a->session);
	if (!session_failed(a->session)) {
		log_error("history: an entry was left out op=%" PRIu64, entry->op);
		job->skipped++;
	}
}

static bool
record(struct database_session *s, void *arg)
{
	struct record_job *job = arg;
	struct apply a = {s, job->centre, job->generation};

	job->events = job->skipped = 0; /* it may be the second try */
	if (!record_all(&a, job))
		for (int i = 0; i < job->batch->n && !session_failed(s); i++)
			record_entry(&a, job, &job->batch->entry[i]);
	keep_progress(s, job);
	return true;
}

/* ---- on the loop ---- */

static void
job_destroy(struct record_job *job)
{
	if (job == NULL)
		return;
	batch_destroy(job->batch);
	centre_unref(job->centre);
	free(job->token);
	free(job);
}

static void
tell_cursor(struct recorder *r)
{
	char id[ENTRY_ID_MAX];
	const char *keys[] = {"cursor"}, *args[] = {id};

	entry_id(id, r->op);
	/* When Redis is away the next batch tells it. */
	if (!side_call(r->settings.side, NULL, NULL, 0, "usher_history_1_cursor", 1, keys,
		    1, args, NULL))
		log_debug("history: the cursor waits for Redis");
}

static void write_job(struct recorder *r);

static void
recorded(void *arg, enum database_result result)
{
	struct record_job *job = arg;
	struct recorder *r = job->recorder;
	struct timeval wait = {AGAIN_MS / 1000, AGAIN_MS % 1000 * 1000};

	if (result == DATABASE_UNDONE) {
		log_error(
			"history: the database refused a batch, trying again op=%" PRIu64,
			job->op);
		event_add(r->again, &wait);
		return;
	}
	r->job = NULL;
	if (result == DATABASE_OK) {
		r->op = job->op;
		r->recorded_ms = job->at_ms;
		r->figures.entries += (uint64_t)job->batch->n;
		r->figures.events += job->events;
		r->figures.skipped += job->skipped;
		r->figures.batches++;
		for (int i = 0; i < job->batch->n_ended && r->ended != NULL; i++)
			r->ended(r->ended_owner, job->batch->ended[i].contact);
	}
	job_destroy(job);
	if (result != DATABASE_OK)
		return; /* the database is being closed; nothing is lost: it is read again
			 */
	tell_cursor(r);
	for (int i = 0; i < r->n_listeners; i++)
		r->listener[i].fn(r->listener[i].owner);
	reader_next(r->reader, r->op);
}

static void
write_job(struct recorder *r)
{
	struct timeval wait = {AGAIN_MS / 1000, AGAIN_MS % 1000 * 1000};

	if (!database_write(r->settings.db, record, recorded, r->job, 0))
		event_add(r->again, &wait);
}

static void
on_again(evutil_socket_t fd, short what, void *owner)
{
	struct recorder *r = owner;

	if (r->job != NULL)
		write_job(r);
}

static int64_t
latest_of(const struct batch *batch, int64_t otherwise)
{
	for (int i = batch->n - 1; i >= 0; i--)
		if (batch->entry[i].n > 0)
			return batch->entry[i].event[batch->entry[i].n - 1].at_ms;
	return otherwise;
}

static void
on_batch(void *owner, struct batch *batch)
{
	struct recorder *r = owner;

	if (batch->n == 0) { /* nothing of it could be read */
		batch_destroy(batch);
		reader_next(r->reader, r->op);
		return;
	}
	r->job = xcalloc(1, sizeof *r->job);
	*r->job = (struct record_job){.recorder = r,
		.batch = batch,
		.centre = centre_ref(r->centre),
		.token = xstrdup(r->token),
		.generation = r->generation,
		.at_ms = latest_of(batch, r->recorded_ms),
		.op = batch->entry[batch->n - 1].op};
	write_job(r);
}

static void
on_state(void *owner, bool up, const char *why)
{
	struct recorder *r = owner;

	r->figures.connected = up;
	if (!up)
		log_warn("history: the event stream is away why=\"%s\"", why);
}

static void
on_side(void *owner, bool up)
{
	if (up)
		tell_cursor(owner);
}

void
recorder_hear(void *owner, const struct event *event)
{
	struct recorder *r = owner;

	r->said_ms = event->at_ms;
}

/* ---- life ---- */

struct progress {
	bool found;
	uint64_t op;
	int64_t generation, at_ms;
	bool ours; /* this owner wrote it */
	const char *token;
};

static bool
read_progress(struct database_session *s, void *arg)
{
	struct progress *p = arg;
	struct query *q =
		query_start(s, "SELECT op, owner, generation, at_ms FROM progress");

	p->found = query_row(q);
	if (p->found) {
		p->op = (uint64_t)query_int(q, 0);
		p->ours = strcmp(query_text(q, 1), p->token) == 0;
		p->generation = query_int(q, 2);
		p->at_ms = query_int(q, 3);
	}
	query_end(q);
	return true;
}

/* Where to go on. A Redis that began anew (it was emptied, or an older copy was put in
 * its place) counts its owners from a lower number: what it has from before is recorded
 * already, and its numbers of contacts come again. */
static bool
begin(struct recorder *r, char *error, size_t room)
{
	struct progress p = {.token = r->token};
	uint64_t epoch = strtoull(r->token, NULL, 10);

	if (database_use(r->settings.db, read_progress, &p) != DATABASE_OK) {
		snprintf(error, room, "the history's database cannot be read");
		return false;
	}
	r->op = p.op;
	r->generation = p.generation;
	r->recorded_ms = p.at_ms;
	if (p.found && !p.ours && p.op >> EPOCH_SHIFT >= epoch) {
		log_warn(
			"history: Redis began anew or is an older copy; its contacts are "
			"numbered apart");
		r->op = epoch << EPOCH_SHIFT;
		r->generation++;
	}
	if (r->generation > GENERATION_MAX) {
		snprintf(error, room,
			"Redis began anew %d times beside this database; move history.db "
			"away to begin a new one",
			GENERATION_MAX);
		return false;
	}
	return true;
}

struct recorder *
recorder_create(const struct recorder_settings *settings, char *error, size_t room)
{
	struct recorder *r = xcalloc(1, sizeof *r);
	struct reader_settings reader = {.redis = settings->redis,
		.password_file = settings->password_file,
		.centre = settings->centre->name,
		.batch = on_batch,
		.state = on_state,
		.owner = r};

	r->settings = *settings;
	r->centre = centre_ref(settings->centre);
	r->token = xstrdup(settings->token);
	r->again = evtimer_new(settings->base, on_again, r);
	if (begin(r, error, room))
		r->reader = reader_create(settings->base, &reader, error, room);
	if (r->reader == NULL) {
		recorder_destroy(r);
		return NULL;
	}
	side_add_library(settings->side, "usher_history_1", history_functions);
	side_listen(settings->side, on_side, r);
	reader_next(r->reader, r->op);
	return r;
}

void
recorder_destroy(struct recorder *r)
{
	if (r == NULL)
		return;
	reader_destroy(r->reader);
	if (r->again != NULL)
		event_free(r->again);
	centre_unref(r->centre);
	free(r->token);
	free(r);
}

void
recorder_configure(struct recorder *r, struct centre *centre)
{
	centre_unref(r->centre);
	r->centre = centre_ref(centre);
}

void
recorder_listen(struct recorder *r, void (*fn)(void *owner), void *owner)
{
	if (r->n_listeners == LISTENERS_MAX) {
		log_error("history: too many listeners");
		abort(); /* they are counted at build time */
	}
	r->listener[r->n_listeners].fn = fn;
	r->listener[r->n_listeners++].owner = owner;
}

void
recorder_on_ended(
	struct recorder *r, void (*fn)(void *owner, uint64_t contact), void *owner)
{
	r->ended = fn;
	r->ended_owner = owner;
}

bool
recorder_is_past_start(void *recorder)
{
	const struct recorder *r = recorder;

	/* Our first entry says that the owner changed. */
	return r->op >> EPOCH_SHIFT >= strtoull(r->token, NULL, 10);
}

int64_t
recorder_contact(const struct recorder *r, uint64_t contact)
{
	return apply_contact(r->generation, contact);
}

void
recorder_figures(const struct recorder *r, struct recorder_figures *out)
{
	*out = r->figures;
	out->generation = r->generation;
	out->lag_ms = r->said_ms > r->recorded_ms ? r->said_ms - r->recorded_ms : 0;
}
