/*
 * tests/unit/router_world.h - a router under random commands, what is heard of it, and
 * whether that is a legal story of each contact (RELIABILITY 2).
 */
#ifndef USHER_TESTS_ROUTER_WORLD_H
#define USHER_TESTS_ROUTER_WORLD_H

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "route/record.h"
#include "route/stage.h"

#define STORY_LINES 60 /* that are shown with a fault */

/* ---- the world ---- */

/* A contact as its listeners know it. */
struct seen {
	uint64_t id, offer; /* 0: no open offer */
	char agent[16];	    /* who has the offer, or was connected last */
	bool accepted, over;
};

static struct world {
	uint64_t seed, random;
	struct store *store;
	struct router *router;
	struct config *config;
	size_t version;
	bool later, away, reloaded;
	uint32_t epoch;
	int64_t now_ms;
	struct idmap seen;	 /* owned struct seen */
	struct idmap unanswered; /* tags */
	int64_t n_live;		 /* of those seen */
	uint64_t tags;
	int listening; /* commands from within listeners */
	uint64_t last_contact, last_offer;
	char story[STORY_LINES][120];
	int64_t n_story;
} w;

static uint32_t
draw(uint32_t below)
{
	w.random = w.random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((w.random >> 33) % below);
}

static bool
one_in(uint32_t n)
{
	return draw(n) == 0;
}

static void fail_here(const char *format, ...) USHER_PRINTF(1, 2);
static void tell(const char *format, ...) USHER_PRINTF(1, 2);

static void
tell(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(
		w.story[w.n_story++ % STORY_LINES], sizeof w.story[0], format, arguments);
	va_end(arguments);
}

static void
fail_here(const char *format, ...)
{
	int64_t from = w.n_story > STORY_LINES ? w.n_story - STORY_LINES : 0;
	char what[2000];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof what, format, arguments);
	va_end(arguments);
	for (int64_t i = from; i < w.n_story; i++)
		print_message("  %s\n", w.story[i % STORY_LINES]);
	fail_msg("seed %" PRIu64 " line %" PRId64 "%s: %s", w.seed, w.n_story,
		w.later ? " (later)" : "", what);
}

#define SAY_UNLESS(condition, ...)                                                       \
	do {                                                                             \
		if (!(condition))                                                        \
			fail_here(__VA_ARGS__);                                          \
	} while (0)

/* ---- what is heard ---- */

static struct seen *
seen_contact(uint64_t id)
{
	return idmap_get(&w.seen, id);
}

static const char *
agent_name(int agent)
{
	return router_centre(w.router)->agents[agent].id;
}

static void
answered(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	SAY_UNLESS(idmap_remove(&w.unanswered, tag) != NULL, "answered twice");
	if (who == 1 && outcome->kind == OUTCOME_OK)
		SAY_UNLESS(seen_contact(outcome->contact) != NULL,
			"accepted, but nobody heard of contact %" PRIx64 " duplicate %d",
			outcome->contact, outcome->duplicate);
}

static struct reply
reply_for(uint64_t who)
{
	idmap_put(&w.unanswered, ++w.tags, &w);
	return (struct reply){.fn = answered, .who = who, .tag = w.tags};
}

static bool
ends_offer(enum event_kind kind)
{
	return kind == EVENT_OFFER_ACCEPTED || kind == EVENT_OFFER_REJECTED ||
	       kind == EVENT_OFFER_TIMEOUT || kind == EVENT_OFFER_RESCINDED ||
	       kind == EVENT_OFFER_CANCELLED;
}

static bool
ends_contact(enum event_kind kind)
{
	return kind == EVENT_CONTACT_COMPLETED || kind == EVENT_CONTACT_ABANDONED ||
	       kind == EVENT_CONTACT_EXPIRED || kind == EVENT_CONTACT_CANCELLED ||
	       kind == EVENT_CONTACT_LOST || kind == EVENT_CONTACT_ANSWERED;
}

static void
hear_contact(const struct event *e)
{
	struct seen *s = seen_contact(e->contact);
	const char *name = event_name[e->kind];

	if (e->kind == EVENT_CONTACT_CREATED) {
		SAY_UNLESS(s == NULL, "created twice");
		s = xcalloc(1, sizeof *s);
		s->id = e->contact;
		idmap_put(&w.seen, s->id, s);
		w.n_live++;
		w.last_contact = s->id;
		return;
	}
	SAY_UNLESS(s != NULL, "%s of a contact nobody heard of", name);
	SAY_UNLESS(!s->over, "%s after the end", name);
	if (e->kind == EVENT_OFFER_CREATED) {
		SAY_UNLESS(s->offer == 0, "a second open offer");
		/* One that ended before its commit never had an end. */
		SAY_UNLESS(e->expires_ms > 0 ||
				   idmap_get(&w.router->offers, e->offer) == NULL,
			"an offer without an end");
		s->offer = w.last_offer = e->offer;
		snprintf(s->agent, sizeof s->agent, "%s", agent_name(e->agent));
	} else if (ends_offer(e->kind)) {
		SAY_UNLESS(s->offer == e->offer && s->offer != 0, "%s of no open offer",
			name);
		s->offer = 0;
		s->accepted = e->kind == EVENT_OFFER_ACCEPTED;
	} else if (e->kind == EVENT_CONTACT_CONNECTED) {
		SAY_UNLESS(s->accepted && strcmp(s->agent, agent_name(e->agent)) == 0,
			"connected without an accepted offer");
		s->accepted = false;
	} else if (ends_contact(e->kind)) {
		SAY_UNLESS(s->offer == 0, "%s with an open offer", name);
		s->over = true;
		w.n_live--;
	}
}

static void command_from_listener(const struct event *e);

static int64_t heard[EVENT_KINDS]; /* in all worlds */

static void
hear(void *owner, const struct event *e)
{
	heard[e->kind]++;
	if (e->contact != 0)
		hear_contact(e);
	if (w.listening < 3 && one_in(24)) {
		w.listening++;
		command_from_listener(e);
		w.listening--;
	}
}

/* ---- whom and what a command is about ---- */

static uint64_t
some_contact(void)
{
	size_t at = 0;
	void *value;
	struct contact *found[64];
	uint32_t n = 0;

	if (one_in(20))
		return w.last_contact != 0 ? w.last_contact : 7;
	while (n < 64 && idmap_next(&w.router->contacts, &at, NULL, &value))
		found[n++] = value;
	return n > 0 ? found[draw(n)]->id : 7;
}

/* A contact in this state, else any. */
static uint64_t
contact_that_is(enum contact_state state)
{
	uint64_t id = some_contact();

	for (int i = 0; i < 8 && router_contact_state(w.router, id) != state; i++)
		id = some_contact();
	return id;
}

static int
some_agent(void)
{
	return (int)draw((uint32_t)w.router->n_agents);
}

static int
some_queue(void)
{
	return (int)draw((uint32_t)w.router->n_queues);
}

static int
holder_of(uint64_t contact)
{
	if (one_in(4))
		return -1;
	return one_in(20) ? some_agent() : router_contact_agent(w.router, contact);
}

/* ---- memory and store ---- */

static int64_t n_stored;

static bool
compare_contact(void *owner, const struct stored_contact *stored)
{
	const struct contact *c = contact_find(w.router, stored->contact);

	n_stored++;
	SAY_UNLESS(c != NULL, "the store holds contact %" PRIx64 ", memory does not",
		stored->contact);
	SAY_UNLESS(c->state == stored->state, "memory has %s, the store %s",
		contact_state_name[c->state], contact_state_name[stored->state]);
	SAY_UNLESS((c->class == NULL && stored->class_key == NULL) ||
			   strcmp(c->stored_class, stored->class_key) == 0,
		"in class %s", stored->class_key);
	return true;
}

static bool
compare_agent(void *owner, const char *id, const char *record)
{
	int agent = centre_agent(router_centre(w.router), id);
	/* Whom the settings lacked at a start is not read, and offline once he is there.
	 */
	bool known = agent >= 0 &&
		     (w.epoch == 1 || w.router->agents[agent].state != AGENT_OFFLINE);
	char *mine = known ? record_pack_agent(w.router, &w.router->agents[agent]) : NULL;
	const char *const fields[] = {"state", "pending", "drain", "login", "reason"};

	for (size_t i = 0; mine != NULL && i < sizeof fields / sizeof fields[0]; i++) {
		char *a = record_get(mine, fields[i]), *b = record_get(record, fields[i]);

		SAY_UNLESS((a == NULL && b == NULL) ||
				   (a != NULL && b != NULL && strcmp(a, b) == 0),
			"agent %s: %s is %s, stored %s", id, fields[i], a, b);
		free(a);
		free(b);
	}
	free(mine);
	return true;
}

static bool
ignore_queue(void *owner, const char *queue, const char *record)
{
	return true;
}

static void
compare_with_store(void)
{
	struct store_load load = {compare_contact, compare_agent, ignore_queue, NULL};
	struct store_loaded loaded;
	const char *what;

	SAY_UNLESS(store_memory_wrong(w.store, &what) == 0, "%s", what);
	n_stored = 0;
	store_memory_load(w.store, &load, &loaded);
	SAY_UNLESS(n_stored == (int64_t)w.router->contacts.n,
		"the store has %" PRId64 " contacts, memory %zu", n_stored,
		w.router->contacts.n);
	SAY_UNLESS(n_stored == w.n_live,
		"the store has %" PRId64 " contacts, listeners know of %" PRId64,
		n_stored, w.n_live);
	SAY_UNLESS(w.unanswered.n == 0, "%zu commands without an answer", w.unanswered.n);
	SAY_UNLESS(w.router->in_flight == 0, "steps in flight");
}

#endif
