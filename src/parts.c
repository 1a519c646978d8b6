/* parts.c - the parts that answer and listen: made, wired to each other, ended. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "control/ctl.h"
#include "part_chat_write.h"
#include "part_customers.h"
#include "part_mailin.h"
#include "part_mailout.h"
#include "usher-config.h"
#include "usher.h"
#include "web/site.h"

#define DESK_WEBSOCKET_PATH "/desk"
#define SUBPROTOCOL "usher.v1"

static const struct centre *
centre_in_force(void *owner)
{
	return ((struct usher *)owner)->config->centre;
}

/* ---- API keys of the vault, as the intake asks for them ---- */

static void *
key_of_text(void *owner, const char *text)
{
	return keys_check(((struct vault *)owner)->keys, text);
}

static void *
key_of_id(void *owner, const char *id)
{
	return keys_by_id(((struct vault *)owner)->keys, id);
}

static const char *
id_of_key(void *owner, void *key)
{
	return key_id(key);
}

static const char *
source_of_key(void *owner, void *key)
{
	return key_source(key);
}

static bool
key_may_act(void *owner, void *key, enum task_act act)
{
	return key_may(key, (enum key_act)act); /* equal by intake/task.h */
}

static bool
key_takes_both(void *owner, void *key, const char *channel, const char *queue)
{
	return key_takes(key, channel, queue);
}

static bool
key_spends_one(void *owner, void *key, int64_t now_ms)
{
	return key_spend(key, now_ms);
}

/* ---- serving ---- */

static const char *
not_ready(void *owner)
{
	const struct usher *u = owner;

	if (!u->serving)
		return "usherd is starting.";
	return store_redis_is_up(u->redis) ? NULL : "Redis is away.";
}

static bool
may_read_metrics(void *owner, const struct http_request *request)
{
	return task_may_read(owner, request);
}

static bool
listen_http(struct usher *u)
{
	const struct config_listen *l = &u->config->http;
	struct http_settings settings = {.address = l->address,
		.tls = u->http_tls,
		.n_hosts = u->config->n_hosts,
		.hosts = (const char *const *)u->config->hosts,
		.n_origins = u->config->n_origins,
		.origins = (const char *const *)u->config->origins,
		.per_address = u->config->connections_per_address,
		.most = u->config->connections_most};

	if (l->address == NULL)
		return true;
	u->http_port = http_server_listen(u->http, &settings);
	return u->http_port >= 0;
}

static bool
listen_desk(struct usher *u)
{
	const struct config_listen *l = &u->config->desk;
	struct wire_listen settings = {.address = l->address,
		.tls = u->desk_tls,
		.per_address = u->config->connections_per_address,
		.most = u->config->connections_most};
	bool done = ctl_listen(u->wires, u->options.state, desk_wire_handler(u->desk));

	if (done && l->address != NULL) {
		u->desk_port =
			wires_listen(u->wires, &settings, desk_wire_handler(u->desk));
		done = u->desk_port >= 0;
	}
	return done;
}

/* "127.0.0.1:0" with the port that was given. */
static char *
with_port(const char *address, int port)
{
	const char *colon = strrchr(address, ':');

	return xasprintf("%.*s:%d", (int)(colon - address), address, port);
}

void
parts_say_ready(struct usher *u)
{
	char *http = u->config->http.address != NULL
			     ? with_port(u->config->http.address, u->http_port)
			     : NULL;
	char *desk = u->config->desk.address != NULL
			     ? with_port(u->config->desk.address, u->desk_port)
			     : NULL;
	char *url = http != NULL ? xasprintf("%s://%s",
					   u->http_tls != NULL ? "https" : "http", http)
				 : NULL;
	char *ctl = ctl_path(u->options.state), *lmtp = part_mailin_lmtp(u);
	json_t *line = json_pack("{s:b, s:s*, s:s*, s:s*, s:s, s:s, s:s, s:s, s:i}",
		"ready", true, "http", url, "desk", desk, "lmtp", lmtp, "ctl", ctl,
		"redis", store_redis_address(u->redis), "promise",
		store_level_name[store_redis_level(u->redis)], "version", USHER_VERSION,
		"pid", (int)getpid());

	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(line);
	free(http);
	free(desk);
	free(lmtp);
	free(url);
	free(ctl);
}

static bool
open_blobs(struct usher *u)
{
	char problem[BLOB_PROBLEM];

	u->blobs = blobs_open(u->state, problem);
	if (u->blobs == NULL)
		log_error("usherd: %s", problem);
	return u->blobs != NULL;
}

static const char *
promise(void *owner, const char **text)
{
	const struct usher *u = owner;

	*text = store_redis_level_text(u->redis);
	return store_level_name[store_redis_level(u->redis)];
}

static struct desk_store
store_figures(void *owner)
{
	struct store_redis_counts counts;

	store_redis_counts(((struct usher *)owner)->redis, &counts);
	return (struct desk_store){counts.replayed, counts.lost};
}

static void
put_store(void *owner, struct text *out)
{
	struct desk_store store = store_figures(owner);

	metrics_put(out, "usher_store_replayed_total", "counter",
		"Confirmed steps that the store had lost and was given again.",
		(double)store.replayed);
	metrics_put(out, "usher_store_lost_total", "counter",
		"Confirmed steps that the store lost and nobody has any more.",
		(double)store.lost);
}

bool
parts_open(struct usher *u)
{
	struct desk_parts desk = {.base = u->base,
		.wires = u->wires,
		.router = u->router,
		.vault = u->vault,
		.clock = &u->clock,
		.heartbeat_ms = u->config->heartbeat_ms,
		.messages_per_second = u->config->messages_per_second,
		.version = USHER_VERSION,
		.promise = promise,
		.promise_owner = u,
		.store = store_figures,
		.store_owner = u};
	struct task_parts task = {.http = u->http,
		.router = u->router,
		.clock = &u->clock,
		.keys = {u->vault, key_of_text, key_of_id, id_of_key, source_of_key,
			key_may_act, key_takes_both, key_spends_one},
		.secret = u->ticket_secret,
		.not_ready = not_ready,
		.ready_owner = u};
	struct metrics_parts metrics = {.http = u->http,
		.router = u->router,
		.clock = &u->clock,
		.may_read = may_read_metrics,
		.version = USHER_VERSION};

	if (!open_blobs(u) || !part_database_open(u))
		return false;
	u->desk = desk_create(&desk);
	if (u->desk == NULL)
		return false;
	u->people = desk_people(u->desk);
	u->admin = (struct admin){.owner = u,
		.reload = usher_reload,
		.show = usher_show_settings,
		.audit = u->people.audit,
		.audit_owner = u->people.owner,
		.centre = centre_in_force,
		.speed = u->options.speed};
	desk_add_commands(u->desk, admin_commands, admin_n_commands, &u->admin);
	desk_serve_http(u->desk, u->http);
	u->task = task_create(&task);
	metrics.may_owner = u->task;
	u->metrics = metrics_create(&metrics);
	if (!metrics_add(u->metrics, put_store, u))
		log_error("usherd: the store's figures have no place at /metrics");
	router_listen(u->router, desk_event, u->desk);
	router_listen(u->router, metrics_event, u->metrics);
	u->site = site_create(u->http);
	if (u->config->http.address != NULL)
		http_websocket(u->http, DESK_WEBSOCKET_PATH, SUBPROTOCOL,
			desk_wire_handler(u->desk));
	if (!part_customers_open(u) || !part_history_open(u) || !part_chat_open(u) ||
		!part_mailin_open(u) || !part_mailout_open(u) || !part_voice_open(u))
		return false;
	chat_writes_listen(part_chat_writes(u));
	part_trend_open(u);
	return true;
}

bool
parts_listen(struct usher *u)
{
	return listen_http(u) && listen_desk(u) && part_mailin_listen(u);
}

void
parts_configure(struct usher *u)
{
	desk_configure(u->desk, u->config->heartbeat_ms, u->config->messages_per_second);
	part_chat_configure(u);
	part_history_configure(u);
	part_customers_configure(u);
	part_mailin_configure(u);
	part_voice_configure(u);
	part_mailout_configure(u);
}

void
parts_close(struct usher *u)
{
	part_mailout_close(u);
	part_mailin_close(u);
	part_voice_close(u);
	part_chat_close(u);
	/* It tells those who asked it something, so they are still there. */
	part_database_close(u);
	part_trend_close(u);
	part_history_close(u);
	part_customers_close(u);
	desk_destroy(u->desk);
	task_destroy(u->task);
	metrics_destroy(u->metrics);
	site_destroy(u->site);
	blobs_close(u->blobs);
}
