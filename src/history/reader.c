/*
 * history/reader.c - reads the event stream on a thread of its own; see reader.h.
 *
 * The loop and the thread pass orders and answers in boxes under a lock, and wake each
 * other through event descriptors. The thread's states:
 *
 *   IDLE --order--> ASKING (XREAD blocks) --entries--> FETCHING (HGETALL each) --all-->
 * IDLE any --connection lost--> what was asked for is asked anew when it is back
 *
 * After a thin batch it waits for GATHER_MS before it asks: a batch costs Redis and the
 * database about the same whether it holds one entry or fifty. The thread stands back
 * behind the router's loop and Redis, and while the loop takes more than half a core it
 * leaves the stream where it is, for LATE_MS at most: history may be late, routing may
 * not.
 *
 *   ordered --thin: GATHER_MS--> may it? --loop busy: GATHER_MS--> may it? --...-->
 * ASKING
 */
#include "history/reader.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/redis.h"
#include "base/text.h"
#include "base/worker.h"

#define BLOCK_MS "5000"	  /* that Redis lets the thread sleep at most */
#define DEADLINE_MS 15000 /* without an answer: the connection is given up */
#define BACK_OFF_MS 1000
#define GATHER_MS 100
#define THIN (READER_ENTRIES_MAX / 2)
#define BUSY_SHARE 0.5 /* of a core, taken by the loop */
#define LATE_MS 15000
#define FETCH_MAX 32 /* contacts asked for at once: a payload may have 256 KiB */

struct reader {
	struct reader_settings settings; /* texts owned below */
	char *redis, *password_file, *prefix;
	pthread_t thread;
	bool started;

	int to_thread, to_loop; /* event descriptors */
	struct event *answered; /* on the loop */

	pthread_mutex_t lock; /* over the boxes */
	bool ordered, ending;
	uint64_t order;
	struct batch *answer; /* owned */
	int state_told;	      /* 1: came, -1: went; 0: nothing new */
	char why[160];

	/* the thread's */
	struct event_base *base;
	struct event *woken, *gathered;
	struct rlink *link;
	bool asking, thin;
	clockid_t loop_cpu;    /* what the loop's thread has used */
	double cpu_s, clock_s; /* when last looked at */
	double waits_since_s;  /* for a loop that is less busy; 0: it does not */
	bool catching_up;      /* it waited long enough */
	uint64_t from;
	struct batch *batch; /* owned; being filled */
	int fetched, fetching;
};

/* ---- batches ---- */

void
batch_destroy(struct batch *batch)
{
	if (batch == NULL)
		return;
	for (int i = 0; i < batch->n; i++)
		entry_finish(&batch->entry[i]);
	for (int i = 0; i < batch->n_ended; i++) {
		struct ended_contact *c = &batch->ended[i];

		for (int j = 0; j < c->n_decisions; j++)
			free(c->decision[j]);
		free(c->decision);
		free(c->record);
		free(c->payload);
	}
	free(batch->entry);
	free(batch->ended);
	free(batch);
}

const struct ended_contact *
batch_ended(const struct batch *batch, uint64_t contact)
{
	for (int i = 0; i < batch->n_ended; i++)
		if (batch->ended[i].contact == contact)
			return &batch->ended[i];
	return NULL;
}

static bool
is_end(enum event_kind kind)
{
	return kind == EVENT_CONTACT_COMPLETED || kind == EVENT_CONTACT_ABANDONED ||
	       kind == EVENT_CONTACT_EXPIRED || kind == EVENT_CONTACT_CANCELLED ||
	       kind == EVENT_CONTACT_LOST || kind == EVENT_CONTACT_ANSWERED;
}

static void
note_ends(struct batch *batch, const struct entry *entry)
{
	for (int i = 0; i < entry->n; i++) {
		if (!is_end(entry->event[i].kind) || entry->event[i].contact == 0 ||
			batch_ended(batch, entry->event[i].contact) != NULL)
			continue;
		batch->ended = xreallocarray(
			batch->ended, (size_t)batch->n_ended + 1, sizeof *batch->ended);
		batch->ended[batch->n_ended++] =
			(struct ended_contact){.contact = entry->event[i].contact};
	}
}

/* ---- on the thread ---- */

static void
wake(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof one) != sizeof one)
		log_warn("history: a thread cannot be woken");
}

static void
hand_over(struct reader *r)
{
	pthread_mutex_lock(&r->lock);
	r->answer = r->batch;
	r->thin = r->batch->n < THIN;
	pthread_mutex_unlock(&r->lock);
	r->batch = NULL;
	r->asking = false;
	wake(r->to_loop);
}

static void fetch(struct reader *r);

static char *
copy_of(const struct redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING ? xstrndup(reply->str, reply->len)
						 : NULL;
}

/* The fields of a contact: record, payload, decisions by their number. */
static void
take_fields(struct ended_contact *c, const struct redisReply *reply)
{
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const char *name = reply->element[i]->str;
		const struct redisReply *value = reply->element[i + 1];

		if (name == NULL)
			continue;
		if (strcmp(name, "r") == 0 && c->record == NULL) {
			c->record = copy_of(value);
		} else if (strcmp(name, "p") == 0 && c->payload == NULL) {
			c->payload = copy_of(value);
		} else if (name[0] == 'x' && value->type == REDIS_REPLY_STRING) {
			c->decision = xreallocarray(c->decision,
				(size_t)c->n_decisions + 1, sizeof *c->decision);
			c->decision[c->n_decisions++] = copy_of(value);
		}
	}
}

static void
on_contact(void *owner, uint64_t i, const struct redisReply *reply)
{
	struct reader *r = owner;

	if (reply == NULL || r->batch == NULL)
		return; /* lost: asked anew */
	if (reply->type == REDIS_REPLY_ARRAY)
		take_fields(&r->batch->ended[i], reply);
	r->fetching--;
	fetch(r);
}

/* The contacts that ended, some at a time. */
static void
fetch(struct reader *r)
{
	while (r->fetched < r->batch->n_ended && r->fetching < FETCH_MAX) {
		char id[NUMBER_ID_TEXT], *key;
		bool sent;

		number_id_format(id, 'c', r->batch->ended[r->fetched].contact);
		key = xasprintf("%sc:%s", r->prefix, id);
		sent = rlink_send_words(r->link, on_contact, r, (uint64_t)r->fetched,
			(const char *const[]){"HGETALL", key, NULL});
		free(key);
		if (!sent)
			return; /* `down` begins anew */
		r->fetched++;
		r->fetching++;
	}
	if (r->fetched == r->batch->n_ended && r->fetching == 0)
		hand_over(r);
}

static const struct redisReply *
field_of(const struct redisReply *fields, const char *name)
{
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (fields->element[i]->str != NULL &&
			strcmp(fields->element[i]->str, name) == 0)
			return fields->element[i + 1];
	return NULL;
}

static void
take_entry(struct batch *batch, const struct redisReply *one)
{
	const struct redisReply *text;

	if (one->type != REDIS_REPLY_ARRAY || one->elements != 2 ||
		one->element[0]->str == NULL)
		return;
	text = one->element[1]->type == REDIS_REPLY_ARRAY ? field_of(one->element[1], "e")
							  : NULL;
	if (!entry_read(&batch->entry[batch->n], one->element[0]->str,
		    text != NULL ? text->str : NULL)) {
		log_warn("history: an entry without a number id=\"%.40s\"",
			one->element[0]->str);
		return;
	}
	note_ends(batch, &batch->entry[batch->n]);
	batch->n++;
}

static void ask(struct reader *r);

static void
on_entries(void *owner, uint64_t tag, const struct redisReply *reply)
{
	struct reader *r = owner;
	const struct redisReply *entries = NULL;

	if (reply == NULL)
		return; /* asked anew when the connection is back */
	if (reply->type == REDIS_REPLY_ERROR)
		log_warn("history: the stream cannot be read: %.150s", reply->str);
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
		reply->element[0]->type == REDIS_REPLY_ARRAY &&
		reply->element[0]->elements == 2)
		entries = reply->element[0]->element[1];
	if (reply->type == REDIS_REPLY_ERROR) {
		rlink_drop(r->link, "the stream cannot be read");
		return;
	}
	if (entries == NULL || entries->type != REDIS_REPLY_ARRAY ||
		entries->elements == 0) {
		ask(r);
		return;
	}
	r->batch = xcalloc(1, sizeof *r->batch);
	r->batch->entry = xcalloc(entries->elements, sizeof *r->batch->entry);
	for (size_t i = 0; i < entries->elements; i++)
		take_entry(r->batch, entries->element[i]);
	r->fetched = r->fetching = 0;
	fetch(r);
}

static void
ask(struct reader *r)
{
	char id[ENTRY_ID_MAX], count[16], *key;

	entry_id(id, r->from);
	snprintf(count, sizeof count, "%d", READER_ENTRIES_MAX);
	key = xasprintf("%sevents", r->prefix);
	if (!rlink_send_words(r->link, on_entries, r, 0,
		    (const char *const[]){"XREAD", "COUNT", count, "BLOCK", BLOCK_MS,
			    "STREAMS", key, id, NULL}))
		log_debug("history: Redis is away, the stream waits");
	free(key);
}

static void
tell_state(struct reader *r, bool up, const char *why)
{
	pthread_mutex_lock(&r->lock);
	r->state_told = up ? 1 : -1;
	snprintf(r->why, sizeof r->why, "%s", why);
	pthread_mutex_unlock(&r->lock);
	wake(r->to_loop);
}

static void
up(void *owner)
{
	struct reader *r = owner;

	tell_state(r, true, "");
	if (r->asking)
		ask(r);
}

static void
down(void *owner, const char *reason)
{
	struct reader *r = owner;

	batch_destroy(r->batch);
	r->batch = NULL;
	tell_state(r, false, reason);
}

static double
seconds_of(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Has the loop been busy since this was asked last? */
static bool
loop_is_busy(struct reader *r)
{
	double now_s = seconds_of(CLOCK_MONOTONIC), cpu_s = seconds_of(r->loop_cpu);
	bool busy = cpu_s - r->cpu_s > (now_s - r->clock_s) * BUSY_SHARE;

	r->clock_s = now_s;
	r->cpu_s = cpu_s;
	return busy;
}

/* Should the stream wait a little longer? */
static bool
must_wait(struct reader *r)
{
	bool busy = loop_is_busy(r);

	if (r->thin)
		r->catching_up = false;
	if (!busy || r->catching_up) {
		r->waits_since_s = 0;
		return false;
	}
	if (r->waits_since_s == 0)
		r->waits_since_s = r->clock_s;
	r->catching_up = r->clock_s - r->waits_since_s > LATE_MS / 1000.0;
	r->thin = false; /* there will be more than that */
	return !r->catching_up;
}

static void
on_gathered(evutil_socket_t fd, short what, void *owner)
{
	const struct timeval pause = {0, GATHER_MS * 1000};
	struct reader *r = owner;

	if (must_wait(r)) {
		event_add(r->gathered, &pause);
		return;
	}
	r->asking = true;
	if (rlink_is_up(r->link))
		ask(r);
}

/* An order, or the end. */
static void
on_order(evutil_socket_t fd, short what, void *owner)
{
	const struct timeval pause = {0, GATHER_MS * 1000};
	struct reader *r = owner;
	bool ordered, ending;
	uint64_t n;

	if (read(fd, &n, sizeof n) != sizeof n)
		return;
	pthread_mutex_lock(&r->lock);
	ordered = r->ordered;
	ending = r->ending;
	r->ordered = false;
	if (ordered)
		r->from = r->order;
	pthread_mutex_unlock(&r->lock);
	if (ending) {
		event_base_loopbreak(r->base);
		return;
	}
	if (!ordered)
		return;
	if (r->thin)
		event_add(r->gathered, &pause);
	else
		on_gathered(-1, EV_TIMEOUT, r);
}

static void *
run(void *owner)
{
	struct reader *r = owner;

	thread_stand_back();
	event_base_dispatch(r->base);
	return NULL;
}

/* ---- on the loop ---- */

static void
on_answer(evutil_socket_t fd, short what, void *owner)
{
	struct reader *r = owner;
	struct batch *batch;
	char why[sizeof r->why];
	int state;
	uint64_t n;

	if (read(fd, &n, sizeof n) != sizeof n)
		return;
	pthread_mutex_lock(&r->lock);
	batch = r->answer;
	r->answer = NULL;
	state = r->state_told;
	r->state_told = 0;
	memcpy(why, r->why, sizeof why);
	pthread_mutex_unlock(&r->lock);
	if (state != 0)
		r->settings.state(r->settings.owner, state > 0, why);
	if (batch != NULL)
		r->settings.batch(r->settings.owner, batch);
}

void
reader_next(struct reader *r, uint64_t op)
{
	pthread_mutex_lock(&r->lock);
	r->ordered = true;
	r->order = op;
	pthread_mutex_unlock(&r->lock);
	wake(r->to_thread);
}

static bool
start(struct reader *r, char *error, size_t room)
{
	struct rlink_settings link = {.address = r->redis,
		.password_file = r->password_file,
		.deadline_ms = DEADLINE_MS,
		.back_off_ms = BACK_OFF_MS};
	struct rlink_handler handler = {up, down, r};

	r->base = event_base_new();
	if (r->to_thread < 0 || r->to_loop < 0 || r->base == NULL) {
		snprintf(error, room, "no descriptors for the history's thread");
		return false;
	}
	r->link = rlink_create(r->base, &link, &handler, error, room);
	if (r->link == NULL)
		return false;
	r->woken = event_new(r->base, r->to_thread, EV_READ | EV_PERSIST, on_order, r);
	event_add(r->woken, NULL);
	r->gathered = evtimer_new(r->base, on_gathered, r);
	r->started = pthread_create(&r->thread, NULL, run, r) == 0;
	if (!r->started)
		snprintf(error, room, "no thread for the history");
	return r->started;
}

struct reader *
reader_create(struct event_base *base, const struct reader_settings *settings,
	char *error, size_t room)
{
	struct reader *r = xcalloc(1, sizeof *r);

	r->settings = *settings;
	if (pthread_getcpuclockid(pthread_self(), &r->loop_cpu) != 0)
		r->loop_cpu = CLOCK_PROCESS_CPUTIME_ID;
	r->redis = xstrdup(settings->redis);
	r->password_file = xstrdup(settings->password_file);
	r->prefix = xasprintf("usher:{%s}:", settings->centre);
	pthread_mutex_init(&r->lock, NULL);
	r->to_thread = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->to_loop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!start(r, error, room)) {
		reader_destroy(r);
		return NULL;
	}
	r->answered = event_new(base, r->to_loop, EV_READ | EV_PERSIST, on_answer, r);
	event_add(r->answered, NULL);
	return r;
}

void
reader_destroy(struct reader *r)
{
	if (r == NULL)
		return;
	if (r->started) {
		pthread_mutex_lock(&r->lock);
		r->ending = true;
		pthread_mutex_unlock(&r->lock);
		wake(r->to_thread);
		pthread_join(r->thread, NULL);
	}
	rlink_destroy(r->link);
	if (r->woken != NULL)
		event_free(r->woken);
	if (r->gathered != NULL)
		event_free(r->gathered);
	if (r->answered != NULL)
		event_free(r->answered);
	if (r->base != NULL)
		event_base_free(r->base);
	if (r->to_thread >= 0)
		close(r->to_thread);
	if (r->to_loop >= 0)
		close(r->to_loop);
	batch_destroy(r->batch);
	batch_destroy(r->answer);
	pthread_mutex_destroy(&r->lock);
	free(r->redis);
	free(r->password_file);
	free(r->prefix);
	free(r);
}
