/* desk/methods_staff.c - what supervisors do about contacts and queues, and figures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "desk/inner.h"

#define LIST_MOST 100			   /* contacts in a list unless asked otherwise */
#define LIST_BYTES (RPC_REPLY_MAX - 32768) /* of contacts in one answer, about */

static struct router *
router_of(const struct desk *desk)
{
	return desk->parts.router;
}

/* ---- contacts ---- */

/* Where a page of contact.list begins, and the next one: who waits, behind a contact or
 * at a place of the order; what agents hold, behind a contact of an agent, by their ids.
 *
 * As text, for `next`: "PLACE/CONTACT,AGENT/CONTACT", each "-" when that list is over. */
struct list_at {
	bool waiting, held; /* there is something (more) to list */
	int place;
	uint64_t last;
	int agent;
	uint64_t last_held;
};

struct list_wish {
	struct desk *desk;
	const struct session *session;
	int queue, agent, most; /* -1: all */
};

static bool
sees(void *owner, int queue)
{
	const struct list_wish *wish = owner;

	return scope_queue(wish->desk, wish->session, queue);
}

/* "LEFT/CONTACT"; left has room for a name. False: it is none. */
static bool
read_pair(const char *text, size_t n, char left[ID_MAX + 1], uint64_t *contact)
{
	char copy[ID_MAX + 1 + NUMBER_ID_TEXT + 1], *slash;

	if (n >= sizeof copy)
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	slash = strchr(copy, '/');
	if (slash == NULL || slash - copy > ID_MAX)
		return false;
	*slash = '\0';
	memcpy(left, copy, (size_t)(slash - copy) + 1);
	*contact = 0;
	return slash[1] == '\0' || number_id_parse(slash + 1, 'c', contact);
}

/* False: it is no cursor of ours, or its agent is not in the settings any more. */
static bool
read_list_at(const struct centre *c, const char *text, struct list_at *at)
{
	const char *comma = strchr(text, ',');
	char left[ID_MAX + 1], *rest;
	size_t n = comma != NULL ? (size_t)(comma - text) : 0;
	long place;

	if (comma == NULL)
		return false;
	if (n == 1 && text[0] == '-')
		at->waiting = false;
	else {
		if (!read_pair(text, n, left, &at->last))
			return false;
		place = strtol(left, &rest, 10);
		if (rest == left || *rest != '\0' || place < 0 ||
			place > WAITING_PLACES_MAX)
			return false;
		at->place = (int)place;
	}
	if (strcmp(comma + 1, "-") == 0) {
		at->held = false;
		return true;
	}
	if (!read_pair(comma + 1, strlen(comma + 1), left, &at->last_held))
		return false;
	at->agent = left[0] != '\0' ? centre_agent(c, left) : 0;
	return at->agent >= 0;
}

static void
write_pair(struct text *out, const char *left, uint64_t contact)
{
	char id[NUMBER_ID_TEXT] = "";

	if (contact != 0)
		number_id_format(id, 'c', contact);
	text_addf(out, "%s/%s", left, id);
}

static json_t *
list_at_json(const struct centre *c, const struct list_at *at)
{
	struct text out = {0};
	char place[24];
	json_t *o;

	snprintf(place, sizeof place, "%d", at->place);
	if (at->waiting)
		write_pair(&out, place, at->last);
	else
		text_add(&out, "-");
	text_add(&out, ",");
	if (at->held)
		write_pair(&out, c->agents[at->agent].id, at->last_held);
	else
		text_add(&out, "-");
	o = json_string(out.s);
	text_finish(&out);
	return o;
}

static int
by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What one agent holds, from the place on; false: the list is full, the place stands
 * before the next one. */
static bool
add_held(const struct list_wish *wish, struct list_at *at, json_t *list, size_t *bytes)
{
	struct desk *desk = wish->desk;
	uint64_t held[HELD_MAX];
	int n = router_agent_held(router_of(desk), at->agent, held, HELD_MAX);

	n = n < HELD_MAX ? n : HELD_MAX;
	qsort(held, (size_t)n, sizeof *held, by_id);
	for (int i = 0; i < n; i++) {
		json_t *contact;

		if (held[i] <= at->last_held ||
			!scope_contact(desk, wish->session, held[i]) ||
			(wish->queue >= 0 && router_contact_queue(router_of(desk),
						     held[i]) != wish->queue))
			continue;
		if ((int)json_array_size(list) == wish->most || *bytes >= LIST_BYTES)
			return false;
		contact = router_contact_json(
			router_of(desk), desk_now_ms(desk), held[i], DESCRIBE_BRIEF);
		at->last_held = held[i];
		if (contact == NULL)
			continue;
		*bytes += json_dumpb(contact, NULL, 0, 0);
		json_array_append_new(list, contact);
	}
	return true;
}

static json_t *
held_json(const struct list_wish *wish, struct list_at *at, size_t bytes)
{
	int n_agents = router_centre(router_of(wish->desk))->n_agents;
	int end = wish->agent >= 0 ? wish->agent + 1 : n_agents;
	json_t *list = json_array();

	if (wish->agent > at->agent)
		at->agent = wish->agent;
	while (at->held && at->agent < end && add_held(wish, at, list, &bytes)) {
		at->agent++;
		at->last_held = 0;
	}
	at->held = at->held && at->agent < end;
	return list;
}

/* The caller's scope chooses first, so that a page is full as long as there is somebody
 * whom he may see. */
static json_t *
waiting_json(struct list_wish *wish, struct list_at *at, bool *far)
{
	struct waiting_page page = {.queue = wish->queue,
		.sees = sees,
		.owner = wish,
		.most = wish->most,
		.bytes = LIST_BYTES,
		.place = at->place,
		.last = at->last};
	json_t *list;

	*far = false;
	if (!at->waiting)
		return json_array();
	list = router_waiting_json(router_of(wish->desk), desk_now_ms(wish->desk), &page);
	*far = page.far;
	at->waiting = page.more;
	at->place = page.place;
	at->last = page.last;
	return list;
}

void
on_contact_list(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct centre *c = router_centre(router_of(desk));
	const char *after = rpc_text(call, "after");
	struct list_wish wish = {.desk = desk,
		.session = desk_session_of(desk, call),
		.most = (int)rpc_integer(call, "most", LIST_MOST)};
	struct list_at at = {.held = rpc_flag(call, "held", true)};
	json_t *waiting, *held, *o;
	bool far;

	if (!find_queue(desk, call, "queue", &wish.queue) ||
		!find_agent(desk, call, "agent", &wish.agent))
		return;
	/* Who asks for one agent's contacts asks for what he holds. */
	at.waiting = rpc_flag(call, "waiting", wish.agent < 0);
	if (after != NULL && !read_list_at(c, after, &at)) {
		rpc_refuse_param(call->rpc, call->tag, "after",
			"is `next` of the answer before; begin anew without it");
		return;
	}
	waiting = waiting_json(&wish, &at, &far);
	if (far) {
		json_decref(waiting);
		rpc_refuse(call->rpc, call->tag, RPC_CONFLICT, "too_large",
			"No list goes on behind 20,000 contacts: name a queue.", NULL);
		return;
	}
	held = held_json(&wish, &at, json_dumpb(waiting, NULL, 0, 0));
	o = json_pack("{s:o, s:o}", "waiting", waiting, "held", held);
	if (at.waiting || at.held)
		json_object_set_new(o, "next", list_at_json(c, &at));
	rpc_answer(call->rpc, call->tag, o);
}

void
on_contact_move(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct contact_change change = {.tier = -1,
		.deadline_ms = -1,
		.points = NAN,
		.reason = rpc_text(call, "reason")};
	enum contact_state state;
	uint64_t contact;
	int queue, agent;

	if (!find_contact(desk, call, &contact) ||
		!find_queue(desk, call, "queue", &queue) ||
		!find_agent(desk, call, "agent", &agent))
		return;
	if ((queue < 0) == (agent < 0)) {
		rpc_refuse_param(call->rpc, call->tag, "queue",
			"or agent must be given, and only one of them");
		return;
	}
	if (!audit(desk, call, rpc_text(call, "contact"),
		    queue >= 0 ? rpc_text(call, "queue") : rpc_text(call, "agent")))
		return;
	state = router_contact_state(router_of(desk), contact);
	change.queue = queue;
	/* Who is sent to a queue waits for nobody by name any more. */
	change.retarget = true;
	change.agent = agent;
	/* Who talks to somebody now is transferred; who waits just waits elsewhere. */
	if (state == CONTACT_CONNECTED || state == CONTACT_PARKED ||
		state == CONTACT_WRAPUP)
		router_transfer(router_of(desk), desk_now_ms(desk), contact, -1, queue,
			agent, desk_reply(desk, call));
	else
		router_change(router_of(desk), desk_now_ms(desk), contact, &change,
			desk_reply(desk, call));
}

void
on_contact_prioritise(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const char *tier = rpc_text(call, "tier");
	struct contact_change change = {.queue = -1,
		.tier = -1,
		.deadline_ms = -1,
		.sooner_ms = rpc_integer(call, "sooner_ms", 0),
		.points = NAN,
		.reason = rpc_text(call, "reason")};
	uint64_t contact;

	if (!find_contact(desk, call, &contact))
		return;
	if (tier != NULL)
		change.tier = centre_tier(router_centre(router_of(desk)), tier);
	if (tier != NULL && change.tier < 0) {
		rpc_refuse(call->rpc, call->tag, RPC_NOT_FOUND, "no_tier",
			"No such tier in the settings.", NULL);
		return;
	}
	if (tier == NULL && change.sooner_ms == 0) {
		rpc_refuse_param(
			call->rpc, call->tag, "sooner_ms", "or tier must be given");
		return;
	}
	if (!audit(desk, call, rpc_text(call, "contact"), change.reason))
		return;
	router_change(router_of(desk), desk_now_ms(desk), contact, &change,
		desk_reply(desk, call));
}

void
on_contact_withdraw(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	uint64_t contact;

	if (!find_contact(desk, call, &contact))
		return;
	if (!audit(desk, call, rpc_text(call, "contact"), rpc_text(call, "reason")))
		return;
	router_cancel(router_of(desk), desk_now_ms(desk), contact,
		rpc_text(call, "reason"), desk_reply(desk, call));
}

/* ---- queues ---- */

void
on_queue_list(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct session *s = desk_session_of(desk, call);
	const struct centre *c = router_centre(router_of(desk));
	const char *after = rpc_text(call, "after");
	int at = after != NULL ? centre_queue(c, after) + 1 : 0, n = 0;
	json_t *list = json_array();

	for (; at < c->n_queues; at++) {
		if (c->queues[at].removed || !scope_queue(desk, s, at))
			continue;
		if (n++ == OBJECTS_PER_FRAME)
			break;
		json_array_append_new(
			list, router_queue_json(router_of(desk), desk_now_ms(desk), at));
	}
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:b}", "queues", list, "more", at < c->n_queues));
}

void
on_queue_show(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	struct waiting_page page = {
		.most = (int)rpc_integer(call, "most", 20), .bytes = LIST_BYTES};

	if (!find_queue(desk, call, "queue", &page.queue))
		return;
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:o, s:o}", "queue",
			router_queue_json(router_of(desk), desk_now_ms(desk), page.queue),
			"waiting",
			router_waiting_json(router_of(desk), desk_now_ms(desk), &page)));
}

static void
set_open(struct desk *desk, const struct rpc_call *call, bool open)
{
	int queue;

	if (!find_queue(desk, call, "queue", &queue))
		return;
	if (!audit(desk, call, rpc_text(call, "queue"), rpc_text(call, "reason")))
		return;
	router_open_queue(
		router_of(desk), desk_now_ms(desk), queue, open, desk_reply(desk, call));
}

void
on_queue_open(void *owner, const struct rpc_call *call)
{
	set_open(owner, call, true);
}

void
on_queue_close(void *owner, const struct rpc_call *call)
{
	set_open(owner, call, false);
}

/* ---- figures ---- */

static json_t *
counts_json(const struct router_counts *c, const struct desk_store *store)
{
	json_t *o = json_object();
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"submitted", c->submitted},
		{"duplicates", c->duplicates},
		{"refused", c->refused},
		{"offered", c->offered},
		{"accepted", c->accepted},
		{"rejected", c->rejected},
		{"timeouts", c->timeouts},
		{"rescinded", c->rescinded},
		{"offers_cancelled", c->offers_cancelled},
		{"connected", c->connected},
		{"completed", c->completed},
		{"abandoned", c->abandoned},
		{"expired", c->expired},
		{"cancelled", c->cancelled},
		{"lost", c->lost},
		{"answered", c->answered},
		{"transferred", c->transferred},
		{"requeued", c->requeued},
		{"parked", c->parked},
		{"steps", c->steps},
		{"decisions", c->decisions},
		{"waiting", (uint64_t)c->waiting},
		{"offered_now", (uint64_t)c->offered_now},
		{"connected_now", (uint64_t)c->connected_now},
		{"wrapup_now", (uint64_t)c->wrapup_now},
		{"parked_now", (uint64_t)c->parked_now},
		{"scheduled_now", (uint64_t)c->scheduled_now},
		{"live", (uint64_t)c->live},
		{"agents_logged_in", (uint64_t)c->agents_logged_in},
		{"agents_ready", (uint64_t)c->agents_ready},
		{"steps_in_flight", (uint64_t)c->steps_in_flight},
		{"steps_replayed", store->replayed},
		{"steps_lost", store->lost},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		json_object_set_new(
			o, rows[i].name, json_integer((json_int_t)rows[i].value));
	return o;
}

void
on_server_status(void *owner, const struct rpc_call *call)
{
	struct desk *desk = owner;
	const struct centre *c = router_centre(router_of(desk));
	const char *promise = NULL, *text = NULL;
	struct desk_store store = desk_store(desk);
	struct router_counts counts;

	router_counts(router_of(desk), &counts);
	if (desk->parts.promise != NULL)
		promise = desk->parts.promise(desk->parts.promise_owner, &text);
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:s, s:s*, s:s*, s:s, s:I, s:I, s:i, s:i, s:o, s:o}",
			"version", desk->parts.version, "promise", promise, "store", text,
			"centre", c->name != NULL ? c->name : "", "config",
			(json_int_t)c->version, "uptime_ms",
			(json_int_t)(clock_boot_ms() - desk->started_ms), "sessions",
			desk->counts.sessions, "away", desk->counts.away, "at",
			desk_time(desk_now_ms(desk)), "counts",
			counts_json(&counts, &store)));
}
