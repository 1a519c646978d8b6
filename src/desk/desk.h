/*
 * desk/desk.h - the protocol of desktops, supervisors, intakes and usherctl
 * (docs/protocol.md): sessions over base/wire, commands to the router, its events back.
 *
 * main.c makes one desk, listens with desk_wire_handler() on TLS TCP, the Unix socket and
 * the WebSocket path, and registers desk_event with router_listen().
 */
#ifndef USHER_DESK_DESK_H
#define USHER_DESK_DESK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/people.h"
#include "base/rpc.h"
#include "base/wire.h"
#include "desk/vault.h"
#include "route/events.h"
#include "route/router.h"

struct desk;
struct event_base;
struct http_server;

struct desk_store {
	uint64_t replayed, lost;
};

/* All borrowed; they outlive the desk. */
struct desk_parts {
	struct event_base *base;
	struct wires *wires;
	struct router *router;
	struct vault *vault;
	const struct centre_clock *clock; /* centre time */
	int64_t heartbeat_ms;		  /* of the settings; 10 s */
	int messages_per_second;	  /* of one desktop; 0: no limit */
	const char *version;		  /* of usher */
	/* What is kept when a thing fails: the level's name, and a sentence about it.
	 * Both borrowed until the loop's next turn. NULL: not said. */
	const char *(*promise)(void *owner, const char **text);
	void *promise_owner;
	/* Steps since the start that the store had confirmed and had lost: what it was
	 * given again, and what nobody has any more; the latter is alarmed. NULL: it
	 * loses none. */
	struct desk_store (*store)(void *owner);
	void *store_owner;
};

/* NULL with the reason logged: no threads for hashing. */
struct desk *desk_create(const struct desk_parts *parts) USHER_MUST_CHECK;
/* Call it when the loop runs no more, before the wires, the router and the vault go. Who
 * is logged in stays so in the store and resumes by token. */
void desk_destroy(struct desk *desk);

/* To listen with. Peers of a Unix socket count as administrators if their uid is root's
 * or the process's own; others are refused. */
const struct wire_handler *desk_wire_handler(struct desk *desk);

/* Adds POST /v1/session, where pages exchange one-time codes for tokens. The server is
 * borrowed and outlives the desk. */
void desk_serve_http(struct desk *desk, struct http_server *http);

/* The listener for router_listen(); owner is the desk. */
void desk_event(void *owner, const struct event *event);

/* The floor's figures begin with the process: what was before it, of the same centre, is
 * added (desk/trend.h). from_ms: when this process began to count; midnight_ms: when its
 * day began. */
struct trend;
int64_t desk_counts_since_ms(const struct desk *desk);
int64_t desk_midnight_ms(const struct desk *desk, int64_t now_ms);
void desk_take_trend(struct desk *desk, const struct trend *past);

/* Settings were reloaded: call it after router_configure(). */
void desk_configure(struct desk *desk, int64_t heartbeat_ms, int messages_per_second);

/* Further commands of other folders (control, suggest, ...), under the same rules. */
void desk_add_commands(
	struct desk *desk, const struct rpc_command *commands, int n, void *owner);

/* The desk as parts with methods of their own know it; valid as long as the desk. */
struct people desk_people(struct desk *desk);

/* All methods with roles and params as JSON, for `usherd --methods` and tests. */
void desk_print_methods(FILE *out);

struct desk_counts {
	int sessions, away;	 /* now */
	uint64_t logins, failed; /* since start */
	uint64_t resumed, reset;
	uint64_t events;
	struct rpc_counts rpc;
};
void desk_counts(const struct desk *desk, struct desk_counts *out);

#endif
