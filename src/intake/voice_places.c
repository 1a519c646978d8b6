/*
 * intake/voice_places.c - who abandoned a moment ago has his old place when he rings
 * again, by the number that he rings from and by the customer that he is.
 *
 *   UNKNOWN --Redis has told--> KNOWN, each change is written behind
 *           --PLACES_WAIT_MS--> callers are handed in without it
 *   KNOWN --Redis was away--> the copy there is written anew --> KNOWN
 *
 * Memory decides. Redis has a copy, so that a router that is started anew knows them: it
 * hands no caller in before it has read it. A place is over by centre time.
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "intake/voice_inner.h"
#include "route/directory.h"

#define WHO_MAX 160	       /* bytes of what a caller is remembered by */
#define PLACE_MAX 80	       /* bytes of a place as Redis has it */
#define ABANDONERS_MAX 10000   /* remembered; older ones are forgotten */
#define PLACES_WAIT_MS 2000    /* newcomers wait so long for Redis to tell them */
#define PLACES_A_BEAT 500      /* written in one beat, behind an outage */
#define TTL_MARGIN_MS 86400000 /* a TTL only sweeps (RELIABILITY 0.6) */

extern const char voice_functions[]; /* voice_functions.lua */

/* Who hung up while waiting. */
struct abandoner {
	char *who;		/* owned */
	int64_t t0_ms, gone_ms; /* centre time */
	uint64_t contact;	/* that he was */
	bool kept;		/* Redis has it, or is about to */
	TAILQ_ENTRY(abandoner) next;
};

static const char *const places_key[] = {"places"};

/* By the number he rings from; who hides it is known as a customer only. */
static bool
by_number(char out[WHO_MAX], const struct voice_call *c)
{
	return strlen(c->number) >= 3 &&
	       snprintf(out, WHO_MAX, "n%s", c->number) < WHO_MAX;
}

/* By the customer that he is known to be, whichever telephone he uses. */
static bool
by_customer(char out[WHO_MAX], const struct voice *v, const struct voice_call *c)
{
	struct recognised r;

	if (c->contact == 0 || !router_recognised(v->parts.router, c->contact, &r) ||
		r.party == 0)
		return false;
	snprintf(out, WHO_MAX, "c%" PRIu64, (uint64_t)r.party);
	return true;
}

/* ---- the copy in Redis ---- */

static void
keep(struct voice *v, struct abandoner *a)
{
	char ttl[24], place[PLACE_MAX];
	const char *args[] = {ttl, a->who, place};

	if (!v->places.known || a->kept)
		return;
	snprintf(ttl, sizeof ttl, "%" PRId64,
		v->settings->calls.resume_ms + TTL_MARGIN_MS);
	snprintf(place, sizeof place, "%" PRId64 " %" PRId64 " %" PRIu64, a->t0_ms,
		a->gone_ms, a->contact);
	a->kept = side_call(v->parts.side, NULL, v, 0, "usher_voice_1_keep", 1,
		places_key, 3, args, NULL);
	v->places.n_kept += a->kept;
}

/* True: Redis answers fn. */
static bool
unkeep(struct voice *v, const struct abandoner *a, rlink_reply fn, void *owner)
{
	const char *args[] = {a->who};
	bool sent = v->places.known &&
		    side_call(v->parts.side, fn, owner, 0, "usher_voice_1_forget", 1,
			    places_key, 1, args, NULL);

	v->places.differ = v->places.differ || !sent;
	return sent;
}

/* ---- the table ---- */

static void
drop(struct voice *v, struct abandoner *a)
{
	v->places.n_kept -= a->kept;
	TAILQ_REMOVE(&v->places.list, a, next);
	(void)map_remove(&v->places.by_who, a->who);
	free(a->who);
	free(a);
}

static void
forget(struct voice *v, struct abandoner *a)
{
	if (a->kept)
		(void)unkeep(v, a, NULL, NULL);
	drop(v, a);
}

static void
forget_old(struct voice *v, int64_t now_ms)
{
	struct abandoner *a;

	while ((a = TAILQ_FIRST(&v->places.list)) != NULL &&
		(now_ms - a->gone_ms > v->settings->calls.resume_ms ||
			v->places.by_who.n > ABANDONERS_MAX))
		forget(v, a);
}

static struct abandoner *
enter(struct voice *v, const char *who, int64_t t0_ms, int64_t gone_ms, uint64_t contact)
{
	struct abandoner *a = xcalloc(1, sizeof *a);

	a->who = xstrdup(who);
	a->t0_ms = t0_ms;
	a->gone_ms = gone_ms;
	a->contact = contact;
	map_put(&v->places.by_who, a->who, a);
	return a;
}

static void
remember(struct voice *v, const char *who, int64_t t0_ms, uint64_t contact)
{
	struct abandoner *a = map_get(&v->places.by_who, who);

	if (a != NULL)
		drop(v, a); /* what Redis has is overwritten */
	a = enter(v, who, t0_ms, voice_now_ms(v), contact);
	TAILQ_INSERT_TAIL(&v->places.list, a, next);
	keep(v, a);
	forget_old(v, a->gone_ms);
}

void
voice_remember_abandon(struct voice *v, const struct voice_call *c, int64_t t0_ms)
{
	char who[WHO_MAX];

	if (v->settings->calls.resume_ms <= 0)
		return;
	if (by_number(who, c))
		remember(v, who, t0_ms, c->contact);
	if (by_customer(who, v, c))
		remember(v, who, t0_ms, c->contact);
}

/* His first arrival; he is remembered no more. 0: he is not. */
static int64_t
recall(struct voice *v, const char *who)
{
	struct abandoner *a;
	int64_t t0_ms;

	forget_old(v, voice_now_ms(v));
	a = map_get(&v->places.by_who, who);
	if (a == NULL)
		return 0;
	t0_ms = a->t0_ms;
	forget(v, a);
	return t0_ms;
}

/* ---- who comes back ---- */

bool
voice_places_are_known(const struct voice *v)
{
	return v->places.known || v->settings->calls.resume_ms <= 0 ||
	       clock_boot_ms() - v->places.made_ms >= PLACES_WAIT_MS;
}

void
voice_comes_back(struct voice *v, struct voice_call *c)
{
	char who[WHO_MAX];
	int64_t t0_ms = by_number(who, c) ? recall(v, who) : 0;

	if (t0_ms == 0 || t0_ms >= c->begun_centre_ms)
		return;
	c->before_us += (c->begun_centre_ms - t0_ms) * 1000;
	c->begun_centre_ms = t0_ms;
	json_object_set_new(c->attributes, "resumed", json_true());
	v->counts.resumed++;
}

void
voice_is_recognised(struct voice *v, struct voice_call *c)
{
	char who[WHO_MAX];
	int64_t t0_ms = by_customer(who, v, c) ? recall(v, who) : 0;

	if (t0_ms == 0 || t0_ms >= c->begun_centre_ms ||
		!router_backdate(v->parts.router, voice_now_ms(v), c->contact, t0_ms))
		return;
	c->before_us += (c->begun_centre_ms - t0_ms) * 1000;
	c->begun_centre_ms = t0_ms;
	v->counts.resumed++;
}

/* ---- what Redis knows ---- */

static int
by_end(const void *one, const void *other)
{
	const struct abandoner *const *a = one, *const *b = other;

	return ((*a)->gone_ms > (*b)->gone_ms) - ((*a)->gone_ms < (*b)->gone_ms);
}

/* Older than all that were remembered since we started. */
static void
take_in(struct voice *v, const struct redisReply *reply)
{
	struct abandoner **all = xcalloc(reply->elements / 2 + 1, sizeof all[0]);
	size_t n = 0;

	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const char *who = reply->element[i]->str;
		const char *place = reply->element[i + 1]->str;
		int64_t t0_ms, gone_ms;
		uint64_t contact;

		if (map_get(&v->places.by_who, who) != NULL)
			continue; /* since then again */
		if (sscanf(place, "%" SCNd64 " %" SCNd64 " %" SCNu64, &t0_ms, &gone_ms,
			    &contact) != 3) {
			log_error("voice: a place in line is unreadable, and left out");
			v->places.differ = true;
			continue;
		}
		all[n] = enter(v, who, t0_ms, gone_ms, contact);
		all[n]->kept = true;
		v->places.n_kept++;
		n++;
	}
	qsort(all, n, sizeof all[0], by_end);
	while (n > 0) {
		struct abandoner *a = all[--n]; /* a macro's argument is read often */

		TAILQ_INSERT_HEAD(&v->places.list, a, next);
	}
	free(all);
}

static void
on_read(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct voice *v = owner;

	v->places.reading = false;
	if (v->dying || v->places.known || reply == NULL ||
		reply->type != REDIS_REPLY_ARRAY)
		return;
	take_in(v, reply);
	v->places.known = true;
	forget_old(v, voice_now_ms(v));
	log_info("voice: places of those who left are known places=%zu",
		v->places.by_who.n);
	voice_calls_submit(v); /* who waited for it */
}

static void
on_side(void *owner, bool up)
{
	struct voice *v = owner;

	if (!up)
		v->places.differ = v->places.differ || v->places.known;
	else if (!v->places.known && !v->places.reading)
		v->places.reading = side_read(
			v->parts.side, on_read, v, 0, "HGETALL", places_key[0], 0, NULL);
}

static void
write_anew(struct voice *v)
{
	struct abandoner *a;

	if (!side_call(v->parts.side, NULL, v, 0, "usher_voice_1_clear", 1, places_key, 0,
		    NULL, NULL))
		return;
	v->places.differ = false;
	v->places.n_kept = 0;
	for (a = TAILQ_FIRST(&v->places.list); a != NULL; a = TAILQ_NEXT(a, next))
		a->kept = false;
}

void
voice_places_beat(struct voice *v)
{
	struct abandoner *a;
	int n = 0;

	forget_old(v, voice_now_ms(v));
	if (!v->places.known || !side_is_up(v->parts.side))
		return;
	if (v->places.differ)
		write_anew(v);
	if (v->places.n_kept == v->places.by_who.n)
		return;
	for (a = TAILQ_FIRST(&v->places.list); a != NULL; a = TAILQ_NEXT(a, next))
		if (!a->kept && n++ < PLACES_A_BEAT)
			keep(v, a);
}

/* ---- a customer is erased ---- */

struct erasing {
	subject_gone gone;
	void *arg;
	int asked; /* answers that are awaited; 1 more while asking */
	bool failed;
};

static void
answered(struct erasing *e)
{
	if (--e->asked > 0)
		return;
	e->gone(e->arg, !e->failed);
	free(e);
}

static void
on_erased(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct erasing *e = owner;

	e->failed = e->failed || reply == NULL || reply->type == REDIS_REPLY_ERROR;
	answered(e);
}

static bool
is_his(const struct voice *v, const struct abandoner *a, const struct subject *subject)
{
	char number[NUMBER_MOST + 1];

	if (subject_has_contact(subject, a->contact))
		return true;
	return a->who[0] == 'n' &&
	       (subject_is_known_by(subject, "phone", a->who + 1) ||
		       (v->parts.number != NULL &&
			       v->parts.number(v->parts.number_owner, a->who + 1, number,
				       sizeof number) &&
			       subject_is_known_by(subject, "phone", number)));
}

void
voice_forget(void *owner, const struct subject *subject, subject_gone gone, void *arg)
{
	struct voice *v = owner;
	struct abandoner *a, *next;
	struct erasing *e;

	if (!v->places.known || v->places.differ) {
		gone(arg, false);
		return;
	}
	e = xcalloc(1, sizeof *e);
	*e = (struct erasing){gone, arg, 1, false};
	for (a = TAILQ_FIRST(&v->places.list); a != NULL; a = next) {
		next = TAILQ_NEXT(a, next);
		if (!is_his(v, a, subject))
			continue;
		if (unkeep(v, a, on_erased, e))
			e->asked++;
		else
			e->failed = true;
		drop(v, a);
	}
	answered(e);
}

/* ---- his export ---- */

/* One for each number and each customer that he is: a page has all of them. */
void
voice_tell(void *owner, struct subject_page *page)
{
	const struct voice *v = owner;
	const struct abandoner *a;

	if (!v->places.known) {
		page->told(page, SUBJECT_LATER);
		return;
	}
	TAILQ_FOREACH(a, &v->places.list, next)
	{
		json_t *record;

		/* A contact says whose it is. */
		if (a->contact != 0 ? !subject_has_contact(page->subject, a->contact)
				    : !is_his(v, a, page->subject))
			continue;
		record = subject_record("place", a->contact);
		if (a->who[0] == 'n')
			json_object_set_new(record, "number", json_string(a->who + 1));
		subject_set_moment(record, "at", a->t0_ms);
		subject_set_moment(record, "ended_at", a->gone_ms);
		subject_add(page, record);
	}
	page->told(page, SUBJECT_ALL);
}

/* ---- life ---- */

void
voice_places_begin(struct voice *v)
{
	TAILQ_INIT(&v->places.list);
	v->places.made_ms = clock_boot_ms();
	side_add_library(v->parts.side, "usher_voice_1", voice_functions);
	side_listen(v->parts.side, on_side, v);
}

void
voice_places_finish(struct voice *v)
{
	struct abandoner *a;

	/* Redis keeps them for our next life. */
	while ((a = TAILQ_FIRST(&v->places.list)) != NULL)
		drop(v, a);
	map_finish(&v->places.by_who);
}
