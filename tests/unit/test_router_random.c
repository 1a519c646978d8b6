/*
 * The router under random commands: after each one its memory agrees with itself, once
 * nothing is due nobody waits beside an agent who could have him, what is heard is a
 * legal story of each contact, and a crash loses nothing that was said.
 *
 * USHER_RANDOM_WORLDS and USHER_RANDOM_SEED choose how many worlds and the first seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/config.h"
#include "router_check.h"
#include "router_settings.h"
#include "router_world.h"

#define WORLDS 60
#define COMMANDS 2000  /* of one world */
#define LIVE_MOST 60   /* contacts, about */
#define TICKS_MOST 500 /* at one moment; more is a loop */
#define FRIDAY_MS                                                                        \
	INT64_C(1700236800000) /* 2023-11-17 16:00 UTC: the office closes soon */

/* ---- commands ---- */

static void add_member(struct text *t, const char *format, ...) USHER_PRINTF(2, 3);

static void
add_member(struct text *t, const char *format, ...)
{
	char part[120];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(part, sizeof part, format, arguments);
	va_end(arguments);
	text_addf(t, ", %s", part);
}

static void
write_submission(struct text *t)
{
	static const char *const channels[] = {"voice", "chat", "email", "note"};
	static const char *const kinds[] = {"bill", "sale", "other"};
	static const char *const skills[] = {"english", "french", "billing"};
	const struct centre *s = router_centre(w.router);

	text_addf(t, "{\"channel\": \"%s\"", channels[draw(4)]);
	add_member(t, "\"attributes\": {\"kind\": \"%s\"}", kinds[draw(3)]);
	if (one_in(3))
		add_member(t, "\"queue\": \"%s\"", s->queues[some_queue()].name);
	if (one_in(4))
		add_member(t, "\"customer\": {\"points\": %u}", draw(100));
	if (one_in(8))
		add_member(t, "\"tier\": \"%s\"", one_in(2) ? "bronze" : "gold");
	if (one_in(8))
		add_member(t, "\"require\": {\"%s\": %u}", skills[draw(3)], 1 + draw(6));
	if (one_in(10))
		add_member(t, "\"agent\": \"%s\"", agent_name(some_agent()));
	if (one_in(3))
		add_member(t, "\"last_agent\": \"%s\"", agent_name(some_agent()));
	if (one_in(12))
		add_member(t, "\"sla_ms\": %u", draw(60000));
	if (one_in(3))
		add_member(t, "\"external_id\": \"x%u\"", draw(200));
	text_add_n(t, "}", 1);
}

static void
submit(void)
{
	struct text t = {0};
	struct submission s = {0};
	struct submission_error error;
	json_t *json;

	write_submission(&t);
	tell("%" PRId64 " submit %s", w.now_ms, t.s);
	json = json_loads(t.s, 0, NULL);
	if (!submission_parse(json, &s, &error))
		fail_here("%s", error.message);
	json_decref(json);
	text_finish(&t);
	if (one_in(12)) {
		s.not_before_ms = w.now_ms + draw(200000) - 50000;
		s.window_ms = s.sla_ms < 0 && one_in(2) ? 1 + draw(100000) : 0;
	} else if (one_in(12) && s.sla_ms < 0) {
		s.deadline_ms = w.now_ms + draw(100000) - 20000;
	} else if (one_in(12)) {
		s.arrived_ms = w.now_ms - draw(100000);
	}
	/* Recovery reads the text again; times above are of no account there. */
	router_submit(w.router, w.now_ms, &s, reply_for(1));
	submission_finish(&s);
}

static void
answer_offer(void)
{
	uint64_t contact = contact_that_is(CONTACT_OFFERED);
	const struct seen *s = seen_contact(contact);
	uint64_t offer = s != NULL && s->offer != 0 ? s->offer : w.last_offer;
	int agent = router_contact_agent(w.router, contact);

	if (offer == 0)
		return;
	if (agent < 0 || one_in(20))
		agent = some_agent();
	if (!one_in(4)) {
		tell("%" PRId64 " accept %" PRIx64 " by %s", w.now_ms, offer,
			agent_name(agent));
		router_accept(w.router, w.now_ms, offer, agent, reply_for(0));
	} else {
		tell("%" PRId64 " reject %" PRIx64 " by %s", w.now_ms, offer,
			agent_name(agent));
		router_reject(w.router, w.now_ms, offer, agent, "busy", reply_for(0));
	}
}

static void
end_contact(void)
{
	uint64_t contact = some_contact();

	tell("%" PRId64 " leave, cancel or lose %" PRIx64, w.now_ms, contact);
	switch (draw(6)) {
	case 0:
		router_cancel(w.router, w.now_ms, contact, "test", reply_for(0));
		break;
	case 1:
		router_lose(w.router, w.now_ms, contact, reply_for(0));
		break;
	default:
		router_leave(w.router, w.now_ms, contact, reply_for(0));
	}
}

static void
finish_work(void)
{
	uint64_t contact =
		contact_that_is(one_in(3) ? CONTACT_WRAPUP : CONTACT_CONNECTED);
	struct disposition d = {.code = one_in(4) ? NULL : "done", .amount = 3};
	int by = holder_of(contact);

	if (one_in(3)) {
		tell("%" PRId64 " wrap up %" PRIx64, w.now_ms, contact);
		router_wrapup(w.router, w.now_ms, contact, by,
			one_in(2) ? 0 : draw(30000), reply_for(0));
	} else {
		tell("%" PRId64 " complete %" PRIx64, w.now_ms, contact);
		router_complete(w.router, w.now_ms, contact, by, one_in(3) ? NULL : &d,
			reply_for(0));
	}
}

static void
transfer(void)
{
	uint64_t contact = contact_that_is(CONTACT_CONNECTED);
	int queue = one_in(2) ? some_queue() : -1, agent = one_in(3) ? some_agent() : -1;

	tell("%" PRId64 " transfer %" PRIx64 " to queue %d agent %d", w.now_ms, contact,
		queue, agent);
	router_transfer(w.router, w.now_ms, contact, holder_of(contact), queue, agent,
		reply_for(0));
}

static void
park(void)
{
	uint64_t contact =
		contact_that_is(one_in(2) ? CONTACT_CONNECTED : CONTACT_PARKED);

	if (router_contact_state(w.router, contact) == CONTACT_PARKED) {
		tell("%" PRId64 " resume %" PRIx64, w.now_ms, contact);
		router_resume(
			w.router, w.now_ms, contact, holder_of(contact), reply_for(0));
	} else {
		tell("%" PRId64 " park %" PRIx64, w.now_ms, contact);
		router_park(w.router, w.now_ms, contact, holder_of(contact),
			one_in(2) ? 0 : w.now_ms + draw(60000), reply_for(0));
	}
}

static void
change(void)
{
	uint64_t contact = some_contact();
	struct require given = {1, {{(int)draw(3), 1 + (int)draw(4)}}};
	struct contact_change to = {.queue = one_in(3) ? some_queue() : -1,
		.tier = one_in(3) ? (int)draw(2) : -1,
		.require = one_in(3) ? &given : NULL,
		.deadline_ms = one_in(5) ? w.now_ms + draw(60000) : 0,
		.sooner_ms = one_in(5) ? draw(60000) : 0,
		.points = one_in(5) ? draw(100) : NAN,
		.retarget = one_in(5),
		.agent = one_in(3) ? -1 : some_agent(),
		.reason = "test"};

	tell("%" PRId64 " change %" PRIx64
	     " queue %d tier %d require %d retarget %d to %d",
		w.now_ms, contact, to.queue, to.tier, to.require != NULL, to.retarget,
		to.agent);
	router_change(w.router, w.now_ms, contact, &to, reply_for(0));
}

static void
come_or_go(void)
{
	int agent = some_agent();
	const struct agent *a = &w.router->agents[agent];

	if (a->login_ms == 0 || one_in(20)) {
		tell("%" PRId64 " login %s", w.now_ms, agent_name(agent));
		router_login(w.router, w.now_ms, agent, "phone", reply_for(0));
	} else if (one_in(8)) {
		tell("%" PRId64 " logout %s", w.now_ms, agent_name(agent));
		router_logout(w.router, w.now_ms, agent, reply_for(0));
	} else if (a->lost_ms != 0) {
		tell("%" PRId64 " desk back %s", w.now_ms, agent_name(agent));
		router_desk_back(w.router, w.now_ms, agent);
	} else if (one_in(6)) {
		tell("%" PRId64 " desk lost %s", w.now_ms, agent_name(agent));
		router_desk_lost(w.router, w.now_ms, agent);
	}
}

static void
set_agent(void)
{
	int agent = some_agent(), channel;
	const struct agent *a = &w.router->agents[agent];
	bool ready = a->state != AGENT_READY || one_in(3), on;

	switch (draw(6)) {
	case 0:
		on = one_in(2);
		channel = (int)draw((uint32_t)w.router->centre->n_channels);
		tell("%" PRId64 " channel %d of %s %d", w.now_ms, channel,
			agent_name(agent), on);
		router_set_channel(w.router, w.now_ms, agent, channel, on,
			one_in(4) ? (int)draw(120) : -1, reply_for(0));
		break;
	case 1:
		on = !a->routable || one_in(3);
		tell("%" PRId64 " routable %s %d", w.now_ms, agent_name(agent), on);
		router_set_routable(w.router, w.now_ms, agent, on, reply_for(0));
		break;
	default:
		tell("%" PRId64 " %s is %s", w.now_ms, agent_name(agent),
			ready ? "ready" : "not ready");
		router_set_state(w.router, w.now_ms, agent,
			ready ? AGENT_READY : AGENT_NOT_READY, "lunch", one_in(2),
			reply_for(0));
	}
}

static void
edit_agent(void)
{
	int agent = some_agent();
	struct require skills = {0};

	for (int i = 0; i < 4; i++)
		if (one_in(2))
			skills.skill[skills.n++] =
				(struct skill_level){i, 1 + (int)draw(9)};
	tell("%" PRId64 " edit %s", w.now_ms, agent_name(agent));
	if (one_in(3))
		router_revert_agent(w.router, w.now_ms, agent, reply_for(0));
	else
		router_edit_agent(w.router, w.now_ms, agent, one_in(3) ? NULL : &skills,
			one_in(2) ? (int)draw(200) : -1, reply_for(0));
}

static void
store_comes_and_goes(void)
{
	if (!w.away && !one_in(5))
		return;
	w.away = !w.away;
	tell("%" PRId64 " store %s", w.now_ms, w.away ? "away" : "back");
	router_store_state(w.router, w.now_ms, !w.away);
}

static void
close_queue(void)
{
	int queue = some_queue();
	bool open = !one_in(3);

	tell("%" PRId64 " queue %d open %d", w.now_ms, queue, open);
	router_open_queue(w.router, w.now_ms, queue, open, reply_for(0));
}

static struct config *
read_version(size_t version, const struct centre *previous)
{
	struct config_problems problems = {0};
	struct config *config = config_parse("settings", settings[version],
		strlen(settings[version]), previous, 1, &problems);

	if (config == NULL) {
		config_problems_print(&problems, stderr);
		fail_here("the settings cannot be read");
	}
	config_problems_finish(&problems);
	return config;
}

static void
reload(void)
{
	struct config *old = w.config;

	if (!one_in(12))
		return;
	w.version = draw(VERSIONS);
	w.reloaded = true;
	tell("%" PRId64 " reload %zu", w.now_ms, w.version);
	w.config = read_version(w.version, old->centre);
	router_configure(w.router, w.now_ms, w.config->centre);
	config_destroy(old);
}

static void
tick(void)
{
	tell("%" PRId64 " tick", w.now_ms);
	router_tick(w.router, w.now_ms);
}

struct kind_of_command {
	uint32_t weight;
	void (*fn)(void);
};

static const struct kind_of_command commands[] = {{20, submit}, {22, answer_offer},
	{4, end_contact}, {14, finish_work}, {4, transfer}, {5, park}, {4, change},
	{8, come_or_go}, {10, set_agent}, {2, edit_agent}, {1, store_comes_and_goes},
	{1, close_queue}, {1, reload}, {4, tick}};

static void
command(void)
{
	uint32_t at = draw(100);

	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (at < commands[i].weight) {
			if (commands[i].fn != submit || w.router->contacts.n < LIVE_MOST)
				commands[i].fn();
			return;
		}
		at -= commands[i].weight;
	}
}

static void
command_from_listener(const struct event *e)
{
	tell("  from %s:", event_name[e->kind]);
	if (e->kind == EVENT_OFFER_CREATED && one_in(2))
		router_accept(w.router, w.now_ms, e->offer, e->agent, reply_for(0));
	else
		command();
}

/* ---- crash ---- */

/* What a decision needs of a contact whose last step is committed. */
struct remembered {
	uint64_t id;
	char *record;
};

static void
cut_field(char *text, const char *name)
{
	char *from = strstr(text, name), *end;

	if (from == NULL)
		return;
	end = strchr(from + 1, ' ');
	memmove(from, end != NULL ? end : "", end != NULL ? strlen(end) + 1 : 1);
}

static char *
essence(const struct contact *c)
{
	char *text = record_pack_contact(w.router, c);

	/* Settings are numbered anew by each process; teams follow from steps. */
	cut_field(text, " version=");
	while (strstr(text, " team=") != NULL)
		cut_field(text, " team=");
	return text;
}

static struct remembered *
remember(size_t *n)
{
	struct remembered *list = xcalloc(w.router->contacts.n + 1, sizeof *list);
	size_t at = 0;
	void *value;

	*n = 0;
	while (idmap_next(&w.router->contacts, &at, NULL, &value)) {
		const struct contact *c = value;

		if (c->inflight != NULL || c->state == CONTACT_QUEUED)
			continue;
		list[(*n)++] = (struct remembered){c->id, essence(c)};
	}
	return list;
}

static void
check_remembered(struct remembered *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct contact *c = contact_find(w.router, list[i].id);
		char *now = c != NULL ? essence(c) : NULL;

		SAY_UNLESS(now != NULL && strcmp(now, list[i].record) == 0,
			"read back otherwise:\n%s\nwas\n%s",
			now != NULL ? now : "nothing", list[i].record);
		free(now);
		free(list[i].record);
	}
	free(list);
}

static void
check_heard(void)
{
	size_t at = 0;
	void *value;

	while (idmap_next(&w.seen, &at, NULL, &value)) {
		const struct seen *s = value;
		const struct contact *c = contact_find(w.router, s->id);

		SAY_UNLESS(s->over == (c == NULL), "contact %" PRIx64 " over %d", s->id,
			s->over);
		SAY_UNLESS(c == NULL || (s->offer != 0) == (c->state == CONTACT_OFFERED),
			"%" PRIx64 " with offer %" PRIx64 " is %s after the crash", s->id,
			s->offer, contact_state_name[c->state]);
		SAY_UNLESS(c == NULL || s->offer == 0 || s->offer == c->offer,
			"another offer after the crash");
	}
}

static bool
load_contact(void *owner, const struct stored_contact *stored)
{
	return router_load_contact(w.router, stored);
}

static bool
load_agent(void *owner, const char *id, const char *record)
{
	return router_load_agent(w.router, id, record);
}

static bool
load_queue(void *owner, const char *queue, const char *record)
{
	return router_load_queue(w.router, queue, record);
}

static void
make_router(void)
{
	w.router = router_create(w.store, ++w.epoch);
	router_listen(w.router, hear, NULL);
	router_configure(w.router, w.now_ms, w.config->centre);
}

static void
crash(void)
{
	struct store_load load = {load_contact, load_agent, load_queue, NULL};
	struct store_loaded loaded;
	struct config *old = w.config;
	struct remembered *list;
	size_t n;

	list = remember(&n);
	store_memory_crash(w.store);
	router_destroy(w.router);
	idmap_finish(&w.unanswered);
	w.unanswered = (struct idmap){0};
	w.away = false;
	if (w.reloaded || one_in(3)) {
		/* Other settings: what they lack cannot be read back. */
		w.version = draw(VERSIONS);
		w.reloaded = false;
		while (n > 0)
			free(list[--n].record);
	}
	tell("%" PRId64 " crash, settings %zu", w.now_ms, w.version);
	w.config = read_version(w.version, NULL);
	config_destroy(old);
	make_router();
	store_memory_load(w.store, &load, &loaded);
	check_remembered(list, n);
	check_heard();
	w.now_ms += draw(30000);
	router_start(w.router, w.now_ms);
}

/* ---- a world ---- */

static void
pass_time(void)
{
	switch (draw(100)) {
	case 0:
		w.now_ms += draw(12 * 3600) * INT64_C(1000);
		break;
	case 1:
	case 2:
	case 3:
		w.now_ms += draw(300000);
		break;
	default:
		w.now_ms += one_in(3) ? draw(3000) : one_in(2) ? draw(300) : 0;
	}
}

static void
run_store(void)
{
	int rounds = 0;

	/* Listeners may command more. */
	do
		store_memory_run(w.store);
	while (w.router->in_flight > 0 && ++rounds < TICKS_MOST);
	SAY_UNLESS(rounds < TICKS_MOST, "steps without end");
}

static void
settle(void)
{
	int ticks = 0;

	if (w.away)
		return;
	while (router_next_ms(w.router) <= w.now_ms && ++ticks < TICKS_MOST) {
		router_tick(w.router, w.now_ms);
		if (w.later)
			run_store();
	}
	SAY_UNLESS(ticks < TICKS_MOST, "ticks without end");
	if (w.later)
		run_store();
	while (router_next_ms(w.router) <= w.now_ms && ++ticks < TICKS_MOST)
		router_tick(w.router, w.now_ms);
	if (w.away)
		return; /* a listener said so */
	SAY_UNLESS(router_agrees(w.router), "%s", wrong);
	SAY_UNLESS(router_settled(w.router, w.now_ms), "%s", wrong);
}

static void
one_command(void)
{
	pass_time();
	if (w.away && one_in(10))
		store_comes_and_goes();
	command();
	SAY_UNLESS(router_agrees(w.router), "%s", wrong);
	if (w.later && one_in(3)) {
		run_store();
		SAY_UNLESS(router_agrees(w.router), "%s", wrong);
	}
	if (!one_in(4))
		settle();
	if (one_in(30) && !(w.later && w.away)) {
		if (w.later)
			run_store();
		compare_with_store();
	}
	if (w.later && one_in(150))
		crash();
}

static void
begin_world(uint64_t seed)
{
	w = (struct world){.seed = seed,
		.random = seed,
		.now_ms = FRIDAY_MS,
		.later = seed % 2 == 0,
		.version = seed % VERSIONS};
	w.store = store_memory_create(w.later);
	w.config = read_version(w.version, NULL);
	make_router();
	router_start(w.router, w.now_ms);
}

static void
end_world(void)
{
	size_t at = 0;
	void *value;

	store_memory_crash(w.store);
	router_destroy(w.router);
	store_memory_destroy(w.store);
	config_destroy(w.config);
	while (idmap_next(&w.seen, &at, NULL, &value))
		free(value);
	idmap_finish(&w.seen);
	idmap_finish(&w.unanswered);
}

static uint64_t
number_from(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : fallback;
}

static void
random_commands_keep_the_router_right(void **state)
{
	uint64_t worlds = number_from("USHER_RANDOM_WORLDS", WORLDS);
	uint64_t first = number_from("USHER_RANDOM_SEED", 1);
	int64_t n = 0;

	for (uint64_t seed = first; seed < first + worlds; seed++) {
		begin_world(seed);
		for (int i = 0; i < COMMANDS; i++) {
			one_command();
			n++;
		}
		end_world();
	}
	print_message("%" PRId64 " commands; heard", n);
	for (int i = 0; i < EVENT_KINDS; i++)
		print_message(" %s %" PRId64, event_name[i], heard[i]);
	print_message("\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_commands_keep_the_router_right),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name(
		"router under random commands", tests, NULL, NULL);
}
