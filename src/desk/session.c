/* desk/session.c - sessions: their states, their events, what is kept for a resume. The
 * picture is in inner.h. */
#include <event2/event.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/moment.h"
#include "desk/inner.h"

int64_t
desk_now_ms(const struct desk *desk)
{
	return centre_clock_now_ms(desk->parts.clock);
}

struct caller *
desk_caller(struct desk *desk, uint64_t wire)
{
	return idmap_get(&desk->callers, wire);
}

/* The caller's session; a command that needs a role is never run without one. */
struct session *
desk_session_of(struct desk *desk, const struct rpc_call *call)
{
	struct caller *caller = desk_caller(desk, call->who);

	return caller != NULL ? caller->session : NULL;
}

struct session *
desk_agent_session(const struct desk *desk, int agent)
{
	return agent >= 0 && agent < desk->n_agents ? desk->at_agent[agent] : NULL;
}

/* ---- what is kept for a resume ---- */

static void
kept_drop_first(struct kept *k)
{
	struct kept_frame *f = &k->frame[k->first];

	k->bytes -= f->n;
	free(f->text);
	f->text = NULL;
	k->first = (k->first + 1) % KEPT_EVENTS_MAX;
	k->first_seq++;
	k->n--;
}

static void
kept_destroy(struct kept *k)
{
	while (k != NULL && k->n > 0)
		kept_drop_first(k);
	free(k);
}

static void
keep(struct session *s, const struct text *frame)
{
	struct kept *k = s->kept;

	if (k == NULL)
		k = s->kept = xcalloc(1, sizeof *k);
	if (k->n == 0)
		k->first_seq = s->seq;
	while (k->n == KEPT_EVENTS_MAX ||
		(k->n > 0 && k->bytes + frame->n > KEPT_BYTES_MAX))
		kept_drop_first(k);
	k->frame[(k->first + k->n) % KEPT_EVENTS_MAX] =
		(struct kept_frame){xstrndup(frame->s, frame->n), frame->n};
	k->n++;
	k->bytes += frame->n;
}

void
session_seen(struct session *s, int64_t seq)
{
	while (s->kept != NULL && s->kept->n > 0 && s->kept->first_seq <= seq)
		kept_drop_first(s->kept);
	/* Idle desktops cost nothing: the ring itself goes, too. */
	if (s->kept != NULL && s->kept->n == 0) {
		free(s->kept);
		s->kept = NULL;
	}
}

bool
session_can_replay(const struct session *s, int64_t seq)
{
	const struct kept *k = s->kept;

	return s->ready && (seq == s->seq || (seq < s->seq && k != NULL && k->n > 0 &&
						     seq + 1 >= k->first_seq));
}

void
session_replay(struct desk *desk, struct session *s, int64_t seq)
{
	const struct kept *k = s->kept;

	for (int i = 0; k != NULL && i < k->n; i++) {
		const struct kept_frame *f = &k->frame[(k->first + i) % KEPT_EVENTS_MAX];

		if (k->first_seq + i > seq)
			wire_send(desk->parts.wires, s->wire, f->text, f->n);
	}
}

/* ---- events ---- */

const struct text *
desk_members(struct desk *desk, json_t *object)
{
	struct text *t = &desk->members;

	text_clear(t);
	json_write(t, object);
	json_decref(object);
	/* {"a":1} becomes "a":1 */
	t->n -= 2;
	memmove(t->s, t->s + 1, t->n);
	t->s[t->n] = '\0';
	return t;
}

void
session_tell(struct desk *desk, struct session *s, const char *event, int64_t at_ms,
	const struct text *members)
{
	struct text *t = &desk->frame;
	char at[MOMENT_TEXT];

	if (s->state == SESSION_GONE || !s->ready)
		return;
	moment_format(at, at_ms);
	text_clear(t);
	text_add(t, "{\"jsonrpc\":\"2.0\",\"method\":\"");
	text_add(t, event);
	text_add(t, "\",\"params\":{\"seq\":");
	text_add_int(t, ++s->seq);
	text_add(t, ",\"at\":\"");
	text_add(t, at);
	text_add(t, members->n > 0 ? "\"," : "\"");
	text_add_n(t, members->s != NULL ? members->s : "", members->n);
	text_add(t, "}}");
	desk->counts.events++;
	if (!s->local)
		keep(s, t);
	/* The wire may close at this (too far behind); closed() then comes in its own
	 * turn. */
	if (s->wire != 0)
		wire_send(desk->parts.wires, s->wire, t->s, t->n);
}

/* What is left out of contacts, in this order, until an event fits a message. */
enum omission {
	OMIT_ATTRIBUTES,
	OMIT_ADDED, /* what other parts add: cards, threads */
	OMIT_TITLES,
	OMISSIONS
};

/* contact.get has what was left out. */
static void
truncate(const struct desk *desk, json_t *contact, enum omission what)
{
	if (what == OMIT_ATTRIBUTES)
		json_object_del(contact, "attributes");
	else if (what == OMIT_TITLES)
		json_object_del(contact, "title");
	for (int i = 0; what == OMIT_ADDED && i < desk->n_members_added; i++)
		json_object_del(contact, desk->member[i].name);
	json_object_set_new(contact, "truncated", json_true());
}

static void
truncate_all(const struct desk *desk, json_t *object, enum omission what)
{
	json_t *contact, *offer;
	size_t i;

	if (json_object_get(object, "contact") != NULL)
		truncate(desk, json_object_get(object, "contact"), what);
	json_array_foreach(json_object_get(object, "contacts"), i, contact)
	{
		truncate(desk, contact, what);
	}
	json_array_foreach(json_object_get(object, "offers"), i, offer)
	{
		truncate(desk, json_object_get(offer, "contact"), what);
	}
}

void
session_tell_json(struct desk *desk, struct session *s, const char *event, int64_t at_ms,
	json_t *object)
{
	const struct text *members;

	json_incref(object);
	members = desk_members(desk, object);
	for (int what = 0; what < OMISSIONS && members->n > EVENT_BYTES_MAX; what++) {
		truncate_all(desk, object, (enum omission)what);
		json_incref(object);
		members = desk_members(desk, object);
	}
	json_decref(object);
	session_tell(desk, s, event, at_ms, members);
}

static json_t *
names_of_reasons(const struct centre *c)
{
	json_t *list = json_array();

	for (int i = 0; i < c->n_reasons; i++)
		json_array_append_new(list, json_string(c->reasons[i]));
	return list;
}

static json_t *
names_of_channels(const struct centre *c)
{
	json_t *list = json_array();

	for (int i = 0; i < c->n_channels; i++) {
		if (!c->channels[i].removed)
			json_array_append_new(list, json_string(c->channels[i].name));
	}
	return list;
}

/* Contacts that the agent has accepted; open offers are told apart from them. One whose
 * acceptance is not committed yet is not in a snapshot: its event follows. */
static json_t *
held_json(struct desk *desk, int agent)
{
	struct router *router = desk->parts.router;
	uint64_t held[HELD_MAX];
	int n = router_agent_held(router, agent, held, HELD_MAX);
	json_t *list = json_array();

	for (int i = 0; i < n && i < HELD_MAX; i++) {
		json_t *contact;

		if (router_contact_state(router, held[i]) == CONTACT_OFFERED ||
			!router_contact_stands(router, held[i]))
			continue;
		contact = router_contact_json(
			router, desk_now_ms(desk), held[i], DESCRIBE_ATTRIBUTES);
		desk_enrich(desk, held[i], RPC_AGENT, contact);
		if (contact != NULL)
			json_array_append_new(list, contact);
	}
	return list;
}

void
session_snapshot(struct desk *desk, struct session *s)
{
	const struct centre *centre = router_centre(desk->parts.router);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I}", "session", s->name, "role",
		rpc_role_name[s->role], "server", desk->parts.version, "centre",
		centre->name != NULL ? centre->name : "", "config",
		(json_int_t)centre->version);

	if (s->role == RPC_AGENT) {
		json_object_set_new(o, "agent",
			router_agent_json(
				desk->parts.router, desk_now_ms(desk), s->agent));
		json_object_set_new(o, "contacts", held_json(desk, s->agent));
		json_object_set_new(o, "offers", desk_offers_json(desk, s->agent));
		json_object_set_new(o, "reasons", names_of_reasons(centre));
		json_object_set_new(o, "channels", names_of_channels(centre));
	}
	s->ready = true;
	s->seq = 0;
	session_seen(s, INT64_MAX);
	session_tell_json(desk, s, s->reset ? "session.reset" : "session.ready",
		desk_now_ms(desk), o);
	if (s->reset)
		desk->counts.reset++;
}

/* ---- life ---- */

static void
session_destroy(struct session *s)
{
	kept_destroy(s->kept);
	subscription_destroy(s->subscription);
	secret_forget(s->fresh_token);
	free(s->fresh_token);
	free(s->who);
	free(s->account);
	free(s);
}

void
desk_bury(struct desk *desk)
{
	while (desk->gone != NULL) {
		struct session *s = desk->gone;

		desk->gone = s->next_gone;
		session_destroy(s);
	}
}

/* A known link or intake speaks for many customers (a key has its own rate), and usherctl
 * is the daemon's own. */
void
session_set_rate(struct desk *desk, const struct session *s)
{
	bool free = s->local || s->role == RPC_LINK || s->role == RPC_INTAKE;
	int rate = free ? 0 : desk->parts.messages_per_second;

	wire_set_rate(desk->parts.wires, s->wire, rate, 4 * rate);
}

void
session_attach(struct desk *desk, struct session *s, struct caller *caller)
{
	if (s->state == SESSION_AWAY) {
		s->state = SESSION_LIVE;
		desk->counts.away--;
	}
	s->wire = caller->wire;
	s->heard_ms = clock_boot_ms();
	s->heartbeat_ms = desk->parts.heartbeat_ms;
	memcpy(s->address, caller->address, sizeof s->address);
	caller->session = s;
	wire_trust(desk->parts.wires, caller->wire);
	session_set_rate(desk, s);
}

struct session *
session_create(
	struct desk *desk, struct caller *caller, enum rpc_role role, const char *who)
{
	struct session *s = xcalloc(1, sizeof *s);

	memcpy(s->name, "s-", 2);
	secret_make(s->name + 2, (SESSION_NAME - 3) / 2);
	s->role = role;
	s->agent = -1;
	s->who = xstrdup(who);
	s->local = caller->kind == WIRE_UNIX;
	session_attach(desk, s, caller);
	map_put(&desk->sessions, s->name, s);
	desk->counts.sessions++;
	return s;
}

static void
seat_reserve(struct desk *desk, int agent)
{
	int room = desk->n_agents != 0 ? desk->n_agents : 64;

	if (agent < desk->n_agents)
		return;
	while (room <= agent)
		room *= 2;
	desk->at_agent =
		xreallocarray(desk->at_agent, (size_t)room, sizeof(struct session *));
	for (int i = desk->n_agents; i < room; i++)
		desk->at_agent[i] = NULL;
	desk->n_agents = room;
}

void
session_seat(struct desk *desk, struct session *s, int agent)
{
	struct session *old;

	seat_reserve(desk, agent);
	old = desk->at_agent[agent];
	/* Settled first: ending the old one must not take the agent from the router. */
	desk->at_agent[agent] = s;
	s->agent = agent;
	if (old == NULL || old == s)
		return;
	session_tell_json(desk, old, "session.replaced", desk_now_ms(desk),
		json_pack("{s:s}", "reason", "The same agent logged in elsewhere."));
	session_end(desk, old, "replaced by a new login");
}

/* Cuts the connection off; what is queued on it still goes out. */
static void
detach(struct desk *desk, struct session *s, const char *reason)
{
	struct caller *caller = desk_caller(desk, s->wire);

	if (caller != NULL)
		caller->session = NULL;
	if (s->wire != 0)
		wire_close(desk->parts.wires, s->wire, reason);
	s->wire = 0;
}

void
session_end(struct desk *desk, struct session *s, const char *reason)
{
	bool here = s->state == SESSION_LIVE;
	struct token *token;

	if (s->state == SESSION_GONE)
		return;
	if (!here)
		desk->counts.away--;
	s->state = SESSION_GONE;
	desk->counts.sessions--;
	/* usherctl comes and goes with each command; what it does is in the audit. */
	log_line(s->local ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		"desk: session ended role=%s who=%s from=%s reason=\"%s\"",
		rpc_role_name[s->role], s->who, s->address, reason);
	map_remove(&desk->sessions, s->name);
	token = s->token[0] != '\0' ? tokens_by_id(desk->parts.vault->tokens, s->token)
				    : NULL;
	if (token != NULL)
		tokens_leave(token, clock_wall_ms());
	detach(desk, s, reason);
	if (s->agent >= 0 && desk->at_agent[s->agent] == s) {
		desk->at_agent[s->agent] = NULL;
		if (here)
			router_desk_lost(desk->parts.router, desk_now_ms(desk), s->agent);
	}
	/* Callers up the stack still hold s. */
	s->next_gone = desk->gone;
	desk->gone = s;
	event_active(desk->bury, EV_TIMEOUT, 0);
}

void
session_lost(struct desk *desk, struct session *s)
{
	s->wire = 0;
	/* An intake or usherctl holds no work; who is not ready yet has nothing to
	 * resume. */
	if (s->local || !s->ready || s->role == RPC_INTAKE) {
		session_end(desk, s, "connection lost");
		return;
	}
	s->state = SESSION_AWAY;
	s->away_ms = clock_boot_ms();
	desk->counts.away++;
	log_info("desk: connection lost role=%s who=%s from=%s", rpc_role_name[s->role],
		s->who, s->address);
	if (s->agent >= 0)
		router_desk_lost(desk->parts.router, desk_now_ms(desk), s->agent);
}

static void
warn_of_token(struct desk *desk, struct session *s, int64_t wall_ms)
{
	char at[MOMENT_TEXT];

	if (s->warned || s->expires_ms == 0 || wall_ms < s->expires_ms - TOKEN_WARN_MS)
		return;
	s->warned = true;
	moment_format(at, s->expires_ms);
	session_tell_json(desk, s, "session.token_expiring", desk_now_ms(desk),
		json_pack("{s:s}", "expires_at", at));
}

void
session_beat(struct desk *desk, struct session *s, int64_t boot_ms, int64_t wall_ms)
{
	int64_t grace_ms = router_centre(desk->parts.router)->desk_grace_ms;

	switch (s->state) {
	case SESSION_LIVE:
		if (s->expires_ms != 0 && wall_ms >= s->expires_ms)
			session_end(desk, s, "token is over");
		else if (!s->local && boot_ms - s->heard_ms > 2 * s->heartbeat_ms)
			wire_close(
				desk->parts.wires, s->wire, "silent for two heartbeats");
		else
			warn_of_token(desk, s, wall_ms);
		return;
	case SESSION_AWAY:
		if (boot_ms - s->away_ms >= grace_ms)
			session_end(desk, s, "not back within the grace time");
		return;
	case SESSION_GONE:
		return;
	}
}
