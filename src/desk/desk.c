/* desk/desk.c - connections come and go, messages go to their commands; see desk.h. */
#include "desk/desk.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/worker.h"
#include "desk/inner.h"

#define BEAT_MOST_MS 500     /* between looks at silence, grace and tokens */
#define SWEEP_EVERY_MS 60000 /* of tokens that are over */

/* ---- connections ---- */

static void
greet_local(struct desk *desk, struct caller *caller, long uid)
{
	char who[32];
	struct session *s;

	snprintf(who, sizeof who, "uid:%ld", uid);
	snprintf(caller->address, sizeof caller->address, "local");
	s = session_create(desk, caller, RPC_ADMINISTRATOR, who);
	s->ready = true; /* no snapshot: usherctl asks for what it wants */
}

static bool
opened(void *owner, uint64_t id, enum wire_kind kind, const char *peer_address,
	const char *path)
{
	struct desk *desk = owner;
	long uid = kind == WIRE_UNIX ? wire_peer_uid(desk->parts.wires, id) : -1;
	struct caller *caller;

	if (kind == WIRE_UNIX && uid != 0 && uid != (long)geteuid()) {
		log_warn("desk: refused local peer uid=%ld", uid);
		return false;
	}
	caller = xcalloc(1, sizeof *caller);
	caller->wire = id;
	caller->kind = kind;
	snprintf(caller->address, sizeof caller->address, "%s", peer_address);
	idmap_put(&desk->callers, id, caller);
	rpc_open(desk->rpc, id);
	if (kind == WIRE_UNIX)
		greet_local(desk, caller, uid);
	return true;
}

static void
message(void *owner, uint64_t id, const char *text, size_t n)
{
	struct desk *desk = owner;
	struct caller *caller = desk_caller(desk, id);

	if (caller == NULL)
		return;
	if (caller->session != NULL)
		caller->session->heard_ms = clock_boot_ms();
	rpc_receive(desk->rpc, id,
		caller->session != NULL ? caller->session->role : RPC_NOBODY, text, n);
}

static void
closed(void *owner, uint64_t id, const char *reason)
{
	struct desk *desk = owner;
	struct caller *caller = idmap_remove(&desk->callers, id);

	rpc_close(desk->rpc, id);
	if (caller == NULL)
		return;
	if (caller->session != NULL)
		session_lost(desk, caller->session);
	free(caller);
}

/* ---- time ---- */

static void
bury(evutil_socket_t fd, short what, void *arg)
{
	desk_bury(arg);
}

static void
beat(evutil_socket_t fd, short what, void *arg)
{
	struct desk *desk = arg;
	int64_t boot_ms = clock_boot_ms(), wall_ms = clock_wall_ms();
	size_t at = 0;
	void *s;

	while (map_next(&desk->sessions, &at, NULL, &s))
		session_beat(desk, s, boot_ms, wall_ms);
	if (boot_ms - desk->swept_ms >= SWEEP_EVERY_MS) {
		desk->swept_ms = boot_ms;
		tokens_sweep(desk->parts.vault->tokens, wall_ms);
	}
}

static void
set_beat(struct desk *desk)
{
	int64_t ms = desk->parts.heartbeat_ms / 4;
	struct timeval every;

	ms = ms > BEAT_MOST_MS ? BEAT_MOST_MS : ms < 10 ? 10 : ms;
	every.tv_sec = ms / 1000;
	every.tv_usec = ms % 1000 * 1000;
	event_add(desk->beat, &every);
}

/* ---- life ---- */

static bool
send_frame(void *owner, uint64_t who, const char *text, size_t n)
{
	struct desk *desk = owner;

	return wire_send(desk->parts.wires, who, text, n);
}

static const char *
name_of(void *owner, uint64_t who)
{
	const struct caller *caller = desk_caller(owner, who);

	return caller != NULL && caller->session != NULL ? caller->session->who : NULL;
}

struct desk *
desk_create(const struct desk_parts *parts)
{
	struct desk *desk = xcalloc(1, sizeof *desk);

	desk->parts = *parts;
	desk->handler = (struct wire_handler){opened, message, closed, desk};
	desk->workers = worker_pool_create(parts->base, HASH_THREADS, HASHES_WAITING_MAX);
	if (desk->workers == NULL) {
		free(desk);
		return NULL;
	}
	desk->rpc = rpc_create(send_frame, desk);
	rpc_know_by(desk->rpc, name_of);
	rpc_add(desk->rpc, desk_commands, desk_n_commands, desk);
	desk->started_ms = desk->swept_ms = clock_boot_ms();
	desk->bury = event_new(parts->base, -1, 0, bury, desk);
	desk->beat = event_new(parts->base, -1, EV_PERSIST, beat, desk);
	desk->board = board_create(desk);
	desk->floor = floor_create(desk);
	set_beat(desk);
	return desk;
}

void
desk_destroy(struct desk *desk)
{
	size_t at = 0;
	void *value;

	if (desk == NULL)
		return;
	worker_pool_destroy(desk->workers, password_job_destroy);
	while (map_next(&desk->sessions, &at, NULL, &value)) {
		struct session *s = value;

		/* The agent keeps his work: he will be back after the restart. */
		if (s->agent >= 0)
			desk->at_agent[s->agent] = NULL;
		session_end(desk, s, "the server ends");
	}
	desk_bury(desk);
	at = 0;
	while (idmap_next(&desk->callers, &at, NULL, &value))
		free(value);
	desk_offers_finish(desk);
	board_destroy(desk->board);
	floor_destroy(desk->floor);
	event_free(desk->bury);
	event_free(desk->beat);
	rpc_destroy(desk->rpc);
	backoff_finish(&desk->backoff);
	idmap_finish(&desk->callers);
	map_finish(&desk->sessions);
	free(desk->at_agent);
	text_finish(&desk->members);
	text_finish(&desk->frame);
	free(desk);
}

const struct wire_handler *
desk_wire_handler(struct desk *desk)
{
	return &desk->handler;
}

struct desk_store
desk_store(const struct desk *desk)
{
	return desk->parts.store != NULL ? desk->parts.store(desk->parts.store_owner)
					 : (struct desk_store){0};
}

void
desk_configure(struct desk *desk, int64_t heartbeat_ms, int messages_per_second)
{
	size_t at = 0;
	void *s;

	desk->parts.messages_per_second = messages_per_second;
	desk->parts.heartbeat_ms = heartbeat_ms;
	while (map_next(&desk->sessions, &at, NULL, &s))
		if (((struct session *)s)->state == SESSION_LIVE)
			session_set_rate(desk, s);
	set_beat(desk);
	board_mark_all(desk->board);
}

void
desk_add_commands(
	struct desk *desk, const struct rpc_command *commands, int n, void *owner)
{
	rpc_add(desk->rpc, commands, n, owner);
}

void
desk_counts(const struct desk *desk, struct desk_counts *out)
{
	*out = desk->counts;
	rpc_counts(desk->rpc, &out->rpc);
}
