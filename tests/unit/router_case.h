/* tests/unit/router_case.h - a router with the store in memory, settings as text. */
#ifndef USHER_TESTS_ROUTER_CASE_H
#define USHER_TESTS_ROUTER_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/config.h"
#include "route/class.h"
#include "route/stage.h"

#define T0 INT64_C(1700000000000)
#define MOST_EVENTS 256

/* Settings that most tests share; what follows are queues, agents and what they want. */
#define CHANNELS                                                                         \
	"channels:\n"                                                                    \
	"  voice: {cost: 100, offer_timeout: 15s, wrapup: 0s, sla: 20s}\n"               \
	"  chat: {cost: 50, offer_timeout: 30s, wrapup: 0s, sla: 30s}\n"                 \
	"  email: {cost: 25, offer_timeout: 60s, wrapup: 0s, sla: 4h, interruptible: "   \
	"true, deferrable: true}\n"

static struct fixture {
	struct store *store;
	struct router *router;
	struct config *config;
	enum event_kind heard[MOST_EVENTS];
	int n_heard;
	struct outcome last;
	int n_replies;
} f;

static void
hear(void *owner, const struct event *e)
{
	if (f.n_heard < MOST_EVENTS)
		f.heard[f.n_heard++] = e->kind;
}

static USHER_UNUSED int
times_heard(enum event_kind kind)
{
	int n = 0;

	for (int i = 0; i < f.n_heard; i++)
		n += f.heard[i] == kind;
	return n;
}

static void
answer(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	f.last = *outcome;
	f.n_replies++;
}

static const struct reply ask = {.fn = answer};

static struct config *
parse(const char *text, const struct centre *previous)
{
	struct config_problems problems = {0};
	struct config *config =
		config_parse("settings", text, strlen(text), previous, 1, &problems);

	if (config == NULL)
		config_problems_print(&problems, stderr);
	config_problems_finish(&problems);
	assert_non_null(config);
	return config;
}

/* later: steps are committed by store_memory_run. */
static void
begin(const char *text, bool later)
{
	f = (struct fixture){.store = store_memory_create(later)};
	f.router = router_create(f.store, 1);
	f.config = parse(text, NULL);
	router_listen(f.router, hear, NULL);
	router_configure(f.router, T0, f.config->centre);
	router_start(f.router, T0);
}

static int
end(void **state)
{
	const char *what;
	int n = store_memory_wrong(f.store, &what);

	store_memory_run(f.store);
	if (n != 0)
		print_message("%s\n", what);
	router_destroy(f.router);
	store_memory_destroy(f.store);
	config_destroy(f.config);
	return n;
}

static USHER_UNUSED void
reload(int64_t now_ms, const char *text)
{
	struct config *old = f.config;

	f.config = parse(text, old->centre);
	router_configure(f.router, now_ms, f.config->centre);
	config_destroy(old);
}

static USHER_UNUSED bool
load_contact(void *owner, const struct stored_contact *stored)
{
	return router_load_contact(f.router, stored);
}

static USHER_UNUSED bool
load_agent(void *owner, const char *id, const char *record)
{
	return router_load_agent(f.router, id, record);
}

static USHER_UNUSED bool
load_queue(void *owner, const char *queue, const char *record)
{
	return router_load_queue(f.router, queue, record);
}

/* The process ends here and starts anew, with these settings. */
static USHER_UNUSED void
restart(int64_t now_ms, const char *text)
{
	struct store_load load = {load_contact, load_agent, load_queue, NULL};
	struct store_loaded loaded;

	store_memory_crash(f.store);
	router_destroy(f.router);
	config_destroy(f.config);
	f.router = router_create(f.store, 2);
	f.config = parse(text, NULL);
	router_listen(f.router, hear, NULL);
	router_configure(f.router, now_ms, f.config->centre);
	store_memory_load(f.store, &load, &loaded);
	router_start(f.router, now_ms);
}

static USHER_UNUSED void
ready(int64_t now_ms, int agent)
{
	router_login(f.router, now_ms, agent, NULL, ask);
	router_set_state(f.router, now_ms, agent, AGENT_READY, NULL, false, ask);
}

/* Its step is on its way to a store that commits later. */
static USHER_UNUSED void
submit_uncommitted(int64_t now_ms, const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	struct submission s = {0};
	struct submission_error error;

	assert_non_null(json);
	assert_true(submission_parse(json, &s, &error));
	json_decref(json);
	router_submit(f.router, now_ms, &s, ask);
	submission_finish(&s);
}

static USHER_UNUSED uint64_t
submit(int64_t now_ms, const char *text)
{
	submit_uncommitted(now_ms, text);
	store_memory_run(f.store);
	return f.last.kind == OUTCOME_OK ? f.last.contact : 0;
}

static USHER_UNUSED enum contact_state
state_of(uint64_t contact)
{
	return router_contact_state(f.router, contact);
}

static USHER_UNUSED void
accept(int64_t now_ms, uint64_t contact)
{
	const struct contact *c = contact_find(f.router, contact);

	assert_non_null(c);
	assert_int_equal(c->state, CONTACT_OFFERED);
	router_accept(f.router, now_ms, c->offer, c->agent, ask);
	assert_int_equal(f.last.kind, OUTCOME_OK);
}

/* All that is due by then, one moment after the other. */
static USHER_UNUSED void
tick(int64_t now_ms)
{
	for (int i = 0; i < 100 && router_next_ms(f.router) <= now_ms; i++)
		router_tick(f.router, now_ms);
	assert_true(router_next_ms(f.router) > now_ms);
}

#endif
