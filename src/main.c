/*
 * main.c - usherd: wires the parts together and turns the loop.
 *
 *   settings -> Redis (own, load) -> router -> desk, HTTP, usherctl -> ready
 *
 * The one struct usher (usher.h) is the only state of the process outside its parts.
 */
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/tls.h"
#include "part_customers.h"
#include "part_mailout.h"
#include "usher-config.h"
#include "usher.h"

#define DRAIN_MS 4000 /* steps on their way are waited for at the end */

/* Read by jemalloc, where usherd is linked with it: memory of a burst goes back to the
 * system half a minute later, not at once and page by page. */
extern const char *malloc_conf;
const char *malloc_conf = "dirty_decay_ms:30000,muzzy_decay_ms:0";

int64_t
usher_now(const struct usher *u)
{
	return centre_clock_now_ms(&u->clock);
}

static int64_t
centre_now(void *owner)
{
	return usher_now(owner);
}

void
usher_stop(struct usher *u, int status)
{
	u->stopping = true;
	u->exit_status = status;
	event_base_loopbreak(u->base);
}

/* ---- settings ---- */

static void
remember_text(struct usher *u)
{
	FILE *f = fopen(u->options.config, "r");
	size_t n;

	free(u->config_text);
	u->config_text = xcalloc(CONFIG_FILE_MAX + 1, 1);
	n = f != NULL ? fread(u->config_text, 1, CONFIG_FILE_MAX, f) : 0;
	u->config_text[n] = '\0';
	u->config_text = xreallocarray(u->config_text, n + 1, 1);
	if (f != NULL)
		fclose(f);
	u->config_loaded_ms = clock_wall_ms();
}

/* The file and its plugins; all or nothing. */
static bool
read_settings(struct usher *u, struct config_problems *problems)
{
	const struct centre *previous = u->config != NULL ? u->config->centre : NULL;
	struct config *config =
		config_load(u->options.config, previous, u->options.speed, problems);
	/* At the start a library with mistakes is left out, and contacts are served; a
	 * reload that brings one is refused, and the settings in force stay. */
	bool sound = config != NULL &&
		     (u->config == NULL ||
			     config_check_libraries(config, u->options.config, problems));
	char *folder = plugins_folder();
	struct plugins *plugins =
		sound ? plugins_load(folder, config, u->options.config, problems) : NULL;
	struct plugins *old = u->plugins;
	enum log_level level;

	free(folder);
	if (plugins == NULL || !part_mailout_prepare(u, config, problems) ||
		!part_voice_prepare(u, config, problems)) {
		plugins_destroy(plugins);
		config_destroy(config);
		return false;
	}
	if (u->router != NULL)
		router_use_hooks(u->router, plugins_hooks(plugins));
	u->plugins = plugins;
	if (log_level_parse(config->log_level, &level))
		log_set_level(level);
	/* The old settings live on through the references of those who use them. */
	if (u->router != NULL)
		router_configure(u->router, centre_now(u), config->centre);
	if (u->config == NULL)
		u->started_with = xstrdup(config->dump);
	else
		config_warn_of_start(
			u->started_with, config, u->options.config, problems);
	config_destroy(u->config);
	u->config = config;
	if (u->desk != NULL)
		parts_configure(u);
	/* Parts that used the old ones use the new ones by now. */
	plugins_destroy(old);
	remember_text(u);
	return true;
}

uint64_t
usher_reload(void *owner, struct config_problems *problems, bool *ok)
{
	struct usher *u = owner;
	char before[AUDIT_HASH], after[AUDIT_HASH];
	struct audit_act act = {.who = "usherd",
		.what = "config.loaded",
		.object = u->options.config,
		.before = before,
		.after = after};

	audit_digest(before, u->config_text);
	*ok = read_settings(u, problems);
	audit_digest(after, u->config_text);
	act.outcome = *ok ? "done" : "refused";
	/* Who stands by holds no audit. */
	if (u->vault != NULL && !audit_write(u->vault->audit, &act, clock_wall_ms()))
		log_error("config: the reload could not be recorded");
	log_info("config: %s version=%" PRIu64,
		*ok ? "reloaded" : "kept, the new one has errors",
		u->config->centre->version);
	return u->config->centre->version;
}

void
usher_show_settings(void *owner, const char **path, const char **text, uint64_t *version,
	int64_t *loaded_ms)
{
	const struct usher *u = owner;

	*path = u->options.config;
	*text = u->config_text;
	*version = u->config->centre->version;
	*loaded_ms = u->config_loaded_ms;
}

/* ---- Redis ---- */

static bool
load_contact(void *owner, const struct stored_contact *stored)
{
	return router_load_contact(((struct usher *)owner)->router, stored);
}

static bool
load_agent(void *owner, const char *id, const char *record)
{
	return router_load_agent(((struct usher *)owner)->router, id, record);
}

static bool
load_queue(void *owner, const char *name, const char *record)
{
	return router_load_queue(((struct usher *)owner)->router, name, record);
}

static void
stale(void *owner)
{
	log_error("usherd: another router owns the centre; ending without effects");
	_exit(3); /* nothing of ours may leave any more (CONTRACTS 8.10) */
}

static const char *
owner_token(void *owner)
{
	return store_redis_token(((struct usher *)owner)->redis);
}

/* All parts can keep what they are told: begin to serve. */
static void
side_state(void *owner, bool up)
{
	struct usher *u = owner;

	if (!up || u->serving || u->stopping)
		return;
	if (!parts_listen(u)) {
		usher_stop(u, 1);
		return;
	}
	u->serving = true;
	start_notify("READY=1");
	log_info("usherd: ready version=%s promise=%s: %s", USHER_VERSION,
		store_level_name[store_redis_level(u->redis)],
		store_redis_level_text(u->redis));
	parts_say_ready(u);
}

static bool
open_side(struct usher *u)
{
	struct side_settings settings = {.address = store_redis_address(u->redis),
		.password_file = u->config->redis_password_file,
		.centre = u->config->centre->name,
		.token = owner_token,
		.stale = stale,
		.owner = u};
	char error[512];

	u->side = side_create(u->base, &settings, error, sizeof error);
	if (u->side == NULL) {
		log_error("usherd: %s", error);
		return false;
	}
	side_listen(u->side, side_state, u);
	return true;
}

/* Everything is back in memory. */
static void
loaded(void *owner, const struct store_loaded *found)
{
	struct usher *u = owner;

	log_info("usherd: loaded contacts=%" PRId64 " agents=%" PRId64
		 " not_loaded=%" PRId64 " repaired=%" PRId64,
		found->contacts, found->agents, found->unreadable, found->repaired);
	if (found->unreadable > 0)
		log_warn("usherd: what these settings do not know, or what cannot be "
			 "read, "
			 "stays in the store; the lines above name it");
	router_start(u->router, usher_now(u));
	if (!open_side(u) || !parts_open(u))
		usher_stop(u, 1);
}

/* The centre is ours. */
static void
owned(void *owner, uint32_t epoch, int64_t centre_ms, int64_t wall_ms)
{
	struct usher *u = owner;
	struct store_load load = {load_contact, load_agent, load_queue, u};
	int64_t back_ms;

	if (u->vault == NULL)
		u->vault = vault_open(u->options.state, clock_wall_ms());
	if (u->vault == NULL) {
		usher_stop(u, 1);
		return;
	}
	if (centre_ms >= 0) {
		back_ms = centre_clock_carry(&u->clock, centre_ms, wall_ms);
		if (back_ms > 0)
			log_error("usherd: the wall clock went back by %" PRId64
				  " ms while usherd was away; check it",
				back_ms);
	}
	u->router = router_create(store_redis_door(u->redis), epoch);
	router_use_clock(u->router, centre_now, u);
	router_use_hooks(u->router, plugins_hooks(u->plugins));
	router_configure(u->router, centre_now(u), u->config->centre);
	store_redis_load(u->redis, &load, loaded, u);
}

static void
store_state(void *owner, bool up, const char *why)
{
	struct usher *u = owner;

	if (up)
		log_info("usherd: Redis is back");
	else
		log_error("usherd: Redis is away, new contacts are refused why=\"%s\"",
			why);
	if (u->serving)
		router_store_state(u->router, centre_now(u), up);
}

static void
failed(void *owner, const char *why)
{
	log_error("usherd: %s", why);
	usher_stop(owner, 1);
}

static bool
open_redis(struct usher *u)
{
	struct store_redis_settings settings = {.redis = u->config->redis,
		.password_file = u->config->redis_password_file,
		.fsync = u->config->redis_fsync,
		.state_dir = u->options.state,
		.centre = u->config->centre->name,
		.stream_length = u->config->stream_length,
		.standby = u->options.standby};
	struct store_redis_hooks hooks = {
		owned, store_state, stale, failed, centre_now, u};
	char error[512];

	u->redis = store_redis_create(u->base, &settings, &hooks, error, sizeof error);
	if (u->redis == NULL)
		log_error("usherd: %s", error);
	return u->redis != NULL;
}

/* ---- the loop ---- */

static void
on_signal(evutil_socket_t signal_number, short what, void *owner)
{
	struct usher *u = owner;
	struct config_problems problems = {0};
	bool ok;

	if (signal_number != SIGHUP) {
		log_info("usherd: ending signal=%d", (int)signal_number);
		usher_stop(u, 0);
		return;
	}
	usher_reload(u, &problems, &ok);
	config_problems_print(&problems, stderr);
	config_problems_finish(&problems);
}

static void
on_tick(evutil_socket_t fd, short what, void *owner)
{
	/* It only wakes the loop: turn() does the work. */
}

/* After each turn of the loop: what time has made due, and when to wake up for the next.
 */
static void
turn(struct usher *u)
{
	struct timeval wait = {0};
	int64_t now_ms, next_ms;

	if (!u->serving)
		return;
	now_ms = centre_now(u);
	if (router_next_ms(u->router) <= now_ms)
		router_tick(u->router, now_ms);
	next_ms = router_next_ms(u->router);
	if (next_ms == INT64_MAX) {
		event_del(u->tick);
		return;
	}
	next_ms = next_ms > now_ms ? next_ms - now_ms : 0;
	wait.tv_sec = (time_t)(next_ms / 1000);
	wait.tv_usec = (suseconds_t)(next_ms % 1000 * 1000);
	event_add(u->tick, &wait);
}

/* From the loop itself, so that a loop that is stuck is started anew. */
static void
on_watchdog(evutil_socket_t fd, short what, void *owner)
{
	start_notify("WATCHDOG=1");
}

static void
run(struct usher *u)
{
	const int signals[3] = {SIGTERM, SIGINT, SIGHUP};
	struct timeval beat = {
		start_watchdog_ms() / 1000, start_watchdog_ms() % 1000 * 1000};

	for (int i = 0; i < 3; i++) {
		u->signals[i] = evsignal_new(u->base, signals[i], on_signal, u);
		event_add(u->signals[i], NULL);
	}
	u->tick = evtimer_new(u->base, on_tick, u);
	if (start_watchdog_ms() > 0) {
		u->watchdog = event_new(u->base, -1, EV_PERSIST, on_watchdog, NULL);
		event_add(u->watchdog, &beat);
	}
	while (!u->stopping && event_base_loop(u->base, EVLOOP_ONCE) >= 0)
		turn(u);
}

static void
centre_is_free(void *owner)
{
	((struct usher *)owner)->freed = true;
}

/* What was decided reaches the store, and the centre is given free: the next router need
 * not wait for our heartbeat to stop. */
static void
drain(struct usher *u)
{
	int64_t end_ms = clock_boot_ms() + DRAIN_MS;
	struct timeval wait = {0, 20000};

	part_customers_stop(u);
	store_redis_end(u->redis, centre_is_free, u);
	while (!u->freed && clock_boot_ms() < end_ms) {
		event_add(u->tick, &wait);
		event_base_loop(u->base, EVLOOP_ONCE);
	}
}

static void
finish(struct usher *u)
{
	start_notify("STOPPING=1");
	if (u->serving)
		drain(u);
	side_stop(u->side); /* its last answers are for the parts */
	parts_close(u);
	side_destroy(u->side);
	http_server_destroy(u->http);
	wires_destroy(u->wires);
	router_destroy(u->router);
	store_redis_destroy(u->redis);
	plugins_destroy(u->plugins);
	vault_close(u->vault);
	config_destroy(u->config);
	free(u->config_text);
	free(u->started_with);
	for (int i = 0; i < 3; i++)
		if (u->signals[i] != NULL)
			event_free(u->signals[i]);
	if (u->watchdog != NULL)
		event_free(u->watchdog);
	if (u->tick != NULL)
		event_free(u->tick);
	tls_destroy(u->http_tls);
	tls_destroy(u->desk_tls);
	if (u->base != NULL)
		event_base_free(u->base);
	free(u->state);
	if (u->lock >= 0)
		close(u->lock);
}

/* Changes of what is waited for are told to the kernel once a turn, not one by one. */
static struct event_base *
make_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static bool
open_parts(struct usher *u)
{
	char error[256], *secret = xasprintf("%s/ticket.key", u->options.state);
	bool done = ticket_secret_load(secret, u->ticket_secret, error, sizeof error);

	if (!done)
		fprintf(stderr, "usherd: %s: %s\n", secret, error);
	free(secret);
	done = done &&
	       start_tls("http", &u->config->http, u->options.state, &u->http_tls) &&
	       start_tls("desk", &u->config->desk, u->options.state, &u->desk_tls);
	if (!done)
		return false;
	u->vault = vault_open(u->options.state, clock_wall_ms());
	if (u->vault == NULL)
		return false;
	if (u->options.standby) {
		/* Sound as it is. It may change until it is needed: it is read then. */
		vault_close(u->vault);
		u->vault = NULL;
	}
	u->base = make_base();
	u->wires = wires_create(u->base);
	u->http = http_server_create(u->base, u->wires);
	return open_redis(u);
}

static bool
begin(struct usher *u)
{
	struct config_problems problems = {0};
	bool done;

	u->lock = start_state_directory(u->options.state);
	if (u->lock < 0)
		return false;
	u->state = realpath(u->options.state, NULL);
	if (u->state == NULL)
		u->state = xstrdup(u->options.state);
	u->options.state = u->state;
	if (!start_drop_rights(u->options.user, u->options.state))
		return false;
	start_limits();
	centre_clock_init(&u->clock);
	done = read_settings(u, &problems);
	config_problems_print(&problems, stderr);
	config_problems_finish(&problems);
	if (done && u->options.standby && strcmp(u->config->redis, "managed") == 0) {
		log_error("usherd: --standby is for a Redis that several usherd share, "
			  "and this one is managed; name its address under `redis:`");
		return false;
	}
	done = done && open_parts(u);
	if (done && u->options.standby)
		start_notify("READY=1"); /* to take over, for as long as it may last */
	return done;
}

int
main(int argc, char **argv)
{
	struct usher u = {.lock = -1};
	int status = start_arguments(argc, argv, &u.options);

	if (status >= 0)
		return status;
	if (u.options.methods) {
		desk_print_methods(stdout);
		return 0;
	}
	if (begin(&u))
		run(&u);
	else
		u.exit_status = 1;
	finish(&u);
	return u.exit_status;
}
