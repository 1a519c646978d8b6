/* base/http.c - the HTTP server: listeners, routes, and what handlers ask. */
#include "base/http.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/http_inner.h"
#include "base/wire_inner.h"

/* ---- listeners ---- */

static char **
copy_list(int n, const char *const *list)
{
	char **copy = xcalloc((size_t)n + 1, sizeof *copy);

	for (int i = 0; i < n; i++)
		copy[i] = xstrdup(list[i]);
	return copy;
}

static void
door_destroy(struct http_door *door)
{
	for (int i = 0; i < door->n_hosts; i++)
		free(door->hosts[i]);
	for (int i = 0; i < door->n_origins; i++)
		free(door->origins[i]);
	free(door->hosts);
	free(door->origins);
	free(door);
}

int
http_server_listen(struct http_server *server, const struct http_settings *settings)
{
	struct http_door *door = xcalloc(1, sizeof *door);
	struct peer_listen at = {.address = settings->address,
		.tls = settings->tls,
		.per_address = settings->per_address,
		.most = settings->most};
	int port;

	*door = (struct http_door){.server = server,
		.n_hosts = settings->n_hosts,
		.n_origins = settings->n_origins,
		.hosts = copy_list(settings->n_hosts, settings->hosts),
		.origins = copy_list(settings->n_origins, settings->origins)};
	port = peers_listen(server->wires->peers, &at, http_conn_begin, door);
	if (port < 0) {
		door_destroy(door);
		return -1;
	}
	door->next = server->doors;
	server->doors = door;
	return port;
}

/* ---- routes ---- */

static struct http_route *
add_route(struct http_server *server, const char *path)
{
	struct http_route *route = xcalloc(1, sizeof *route);

	route->path = xstrdup(path);
	route->next = server->routes;
	server->routes = route;
	return route;
}

void
http_route(struct http_server *server, const char *methods, const char *path,
	http_handler fn, void *owner)
{
	struct http_route *route = add_route(server, path);

	route->methods = xstrdup(methods);
	route->fn = fn;
	route->owner = owner;
}

void
http_websocket(struct http_server *server, const char *path, const char *subprotocol,
	const struct wire_handler *handler)
{
	struct http_route *route = add_route(server, path);

	route->subprotocol = xstrdup(subprotocol);
	route->wire = *handler;
}

/* ---- life ---- */

static void
on_bury(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *server = arg;

	while (server->gone != NULL) {
		struct http_conn *conn = server->gone;

		server->gone = conn->next;
		http_parse_finish(&conn->parse);
		free(conn);
	}
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *server = arg;
	int64_t now_ms = clock_boot_ms();
	struct http_conn *next;

	for (struct http_conn *conn = server->conns; conn != NULL; conn = next) {
		next = conn->next;
		http_conn_look_after(conn, now_ms);
	}
}

struct http_server *
http_server_create(struct event_base *base, struct wires *wires)
{
	struct http_server *server = xcalloc(1, sizeof *server);
	struct timeval second = {.tv_sec = 1};

	server->base = base;
	server->wires = wires;
	server->bury = event_new(base, -1, 0, on_bury, server);
	server->sweep = event_new(base, -1, EV_PERSIST, on_sweep, server);
	event_add(server->sweep, &second);
	return server;
}

void
http_server_destroy(struct http_server *server)
{
	if (server == NULL)
		return;
	while (server->conns != NULL)
		http_conn_close(server->conns, true);
	on_bury(-1, 0, server);
	while (server->doors != NULL) {
		struct http_door *door = server->doors;

		server->doors = door->next;
		door_destroy(door);
	}
	while (server->routes != NULL) {
		struct http_route *route = server->routes;

		server->routes = route->next;
		free(route->path);
		free(route->methods);
		free(route->subprotocol);
		free(route);
	}
	event_free(server->bury);
	event_free(server->sweep);
	idmap_finish(&server->asked);
	free(server);
}

/* ---- what handlers ask ---- */

const char *
http_field(const struct http_request *r, const char *lower_name)
{
	for (int i = 0; i < r->n_fields; i++)
		if (strcmp(r->fields[i].name, lower_name) == 0)
			return r->fields[i].value;
	return NULL;
}

char *
http_query(const struct http_request *r, const char *name)
{
	size_t n_name = strlen(name);

	for (const char *at = r->query; *at != '\0'; at += strcspn(at, "&")) {
		size_t n;

		at += *at == '&';
		n = strcspn(at, "&");
		if (n >= n_name && strncmp(at, name, n_name) == 0 &&
			(n == n_name || at[n_name] == '='))
			return n == n_name ? xstrdup("")
					   : http_query_decode(
						     at + n_name + 1, n - n_name - 1);
	}
	return NULL;
}
