/*
 * intake/chat_follow.c - what the router's events and time do to a chat.
 *
 *   the agent's turn    --warn--> a warning --limit--> back to the queue, at its place
 *   the customer's turn --ask--> "are you still there?" --limit--> the end
 *   no connection       --away--> the customer has left
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "intake/chat_inner.h"

#define PLACE_SLACK_MS 5000    /* an estimate that is off by less is not told anew */
#define PLACE_SLACK 0.2	       /* or by this share of itself */
#define SILENT_REASON "silent" /* why an agent who let a customer wait is not ready */

const char *
chat_agent_name(const struct chats *chats, int agent)
{
	const struct centre *centre = router_centre(chats->parts.router);

	return agent >= 0 && agent < centre->n_agents &&
			       centre->agents[agent].name[0] != '\0'
		       ? centre->agents[agent].name
		       : NULL;
}

void
chat_tell_state(struct chats *chats, struct chat *chat)
{
	chat_tell(chats, chat, "chat.state", chat_view(chats, chat));
}

void
chat_heard(struct chat *chat, enum chat_from from, int64_t at_ms, int64_t seq)
{
	if (from == FROM_CUSTOMER) {
		chat->customer_ms = at_ms;
		chat->customer_seq = seq;
		chat->asked_ms = 0;
		/* The first unanswered word counts, not the latest "hello?". */
		if (!chat->agents_turn)
			chat->turn_ms = at_ms;
		chat->agents_turn = true;
	} else if (from != FROM_SYSTEM) {
		chat->agent_ms = at_ms;
		chat->agent_seq = seq;
		chat->warned_ms = 0;
		chat->agents_turn = false;
		chat->turn_ms = at_ms;
	}
}

/* ---- stages ---- */

static void
enter_waiting(struct chats *chats, struct chat *chat)
{
	chat->stage = CHAT_WAITING;
	chat->agent = -1;
	chat->asked_ms = chat->warned_ms = 0;
	chat->told_place = false;
	chat->place_ms = 0;
	chat->requeueing = false;
	chat_tell_state(chats, chat);
}

static void
enter_talking(struct chats *chats, struct chat *chat, int agent, int64_t at_ms)
{
	const char *name = chat_agent_name(chats, agent);
	json_t *more = json_object();

	chat->stage = CHAT_TALKING;
	chat->agent = agent;
	chat->asked_ms = chat->warned_ms = 0;
	chat->agents_turn = true;
	chat->turn_ms = at_ms;
	chat->read_agent = 0;
	if (name != NULL)
		json_object_set_new(more, "name", json_string(name));
	chat_say_event(chats, chat, "joined", at_ms, more);
	chat_tell_state(chats, chat);
}

void
chat_end(struct chats *chats, struct chat *chat, const char *reason)
{
	json_t *more = json_object();
	int64_t now_ms = chats_now(chats);

	if (chat->stage == CHAT_OVER)
		return;
	/* Who left says why; what the router calls it comes second. */
	if (chat->reason[0] == '\0')
		snprintf(chat->reason, sizeof chat->reason, "%s", reason);
	json_object_set_new(more, "reason", json_string(chat->reason));
	chat_say_event(chats, chat, "ended", now_ms, more);
	chat->stage = CHAT_OVER;
	chat->ended_ms = now_ms;
	chat->forget_ms = now_ms + chats->settings->keep_ms;
	chat->asked_ms = 0;
	chat_upload_destroy(chat->upload);
	chat->upload = NULL;
	chat_count_address(chats, chat, -1);
	chats->counts.live--;
	chats->counts.over++;
	chat_save(chats, chat);
	chat_send_transcript(chats, chat);
	chat_tell_state(chats, chat);
	log_info("chat: over chat=%s reason=%s", chat->id, chat->reason);
}

void
chat_follow(struct chats *chats, struct chat *chat)
{
	struct router *router = chats->parts.router;
	enum contact_state state = router_contact_state(router, chat->contact);
	int64_t since_ms;

	switch (state) {
	case CONTACT_NEW:
	case CONTACT_QUEUED:
	case CONTACT_SCHEDULED:
	case CONTACT_OFFERED:
	case CONTACT_PENDING:
		enter_waiting(chats, chat);
		return;
	case CONTACT_CONNECTED:
	case CONTACT_PARKED:
		chat->stage = CHAT_TALKING;
		chat->agent = router_contact_agent(router, chat->contact);
		chat->agents_turn = chat->customer_seq >= chat->agent_seq;
		since_ms = chat->agents_turn ? chat->customer_ms : chat->agent_ms;
		/* Nobody is silent for the time that we were away. */
		chat->turn_ms =
			since_ms > 0 && chats->loaded ? since_ms : chats_now(chats);
		chat_tell_state(chats, chat);
		return;
	case CONTACT_WRAPUP:
	case CONTACT_COMPLETED:
	case CONTACT_ANSWERED:
	case CONTACT_ABANDONED:
	case CONTACT_EXPIRED:
	case CONTACT_CANCELLED:
	case CONTACT_UNREACHABLE:
	case CONTACT_LOST:
	case CONTACT_ERASED:
	case CONTACT_STATES:
		chat_end(chats, chat, "ended");
		return;
	}
}

void
chats_event(void *owner, const struct event *e)
{
	struct chats *chats = owner;
	struct chat *chat = chat_of_contact(chats, e->contact);

	if (chat == NULL || chat->stage == CHAT_OVER)
		return;
	switch (e->kind) {
	case EVENT_CONTACT_CONNECTED:
	case EVENT_CONTACT_RESUMED:
		if (chat->stage != CHAT_TALKING || chat->agent != e->agent)
			enter_talking(chats, chat, e->agent, e->at_ms);
		return;
	case EVENT_CONTACT_TRANSFERRED:
		chat_say_event(chats, chat, "transferred", e->at_ms, NULL);
		enter_waiting(chats, chat);
		return;
	case EVENT_CONTACT_QUEUED:
		/* One that leaves or becomes something else waits for nobody here. */
		if (chat->stage != CHAT_TALKING || chat->reason[0] != '\0')
			return;
		chat_say_event(chats, chat, "requeued", e->at_ms, NULL);
		enter_waiting(chats, chat);
		return;
	case EVENT_CONTACT_WRAPUP:
	case EVENT_CONTACT_COMPLETED:
	case EVENT_CONTACT_ANSWERED:
		chat_end(chats, chat, "agent");
		return;
	case EVENT_CONTACT_ABANDONED:
		chat_end(chats, chat, "customer");
		return;
	case EVENT_CONTACT_EXPIRED:
		chat_end(chats, chat, "expired");
		return;
	case EVENT_CONTACT_CANCELLED:
		/* Nothing of an erased customer is sent any more. */
		if (e->reason != NULL && strcmp(e->reason, "erased") == 0) {
			free(chat->mail_to);
			chat->mail_to = NULL;
		}
		chat_end(chats, chat, "cancelled");
		return;
	case EVENT_CONTACT_LOST:
		chat_end(chats, chat, "lost");
		return;
	case EVENT_CONTACT_CREATED:
	case EVENT_CONTACT_UPDATED:
	case EVENT_CONTACT_PARKED:
	case EVENT_OFFER_CREATED:
	case EVENT_OFFER_ACCEPTED:
	case EVENT_OFFER_REJECTED:
	case EVENT_OFFER_TIMEOUT:
	case EVENT_OFFER_RESCINDED:
	case EVENT_OFFER_CANCELLED:
	case EVENT_AGENT_STATE:
	case EVENT_AGENT_CHANNEL:
	case EVENT_AGENT_SKILLS:
	case EVENT_QUEUE_STATE:
	case EVENT_CONFIGURED:
	case EVENT_ALARM_RAISED:
	case EVENT_ALARM_CLEARED:
	case EVENT_KINDS:
		return;
	}
}

/* ---- leaving ---- */

static void
on_left(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct chats *chats = owner;
	struct chat_op *op = idmap_remove(&chats->ops, tag);
	struct chat *chat = op != NULL ? chat_find(chats, op->chat) : NULL;
	bool left = outcome->kind == OUTCOME_OK || outcome->kind == OUTCOME_NO_CONTACT;

	if (op == NULL)
		return;
	if (chat != NULL) {
		chat->leaving = false;
		if (left)
			chat_end(chats, chat, "customer");
		else
			chat->reason[0] = '\0';
	}
	if (!left)
		chat_refuse_away(op->rpc, op->tag);
	else if (op->rpc != NULL)
		rpc_answer(op->rpc, op->tag, json_pack("{s:b}", "accepted", true));
	chat_op_destroy(op);
}

void
chat_leave(struct chats *chats, struct chat *chat, const char *reason, struct chat_op *op)
{
	struct reply reply = {.fn = on_left, .owner = chats};

	if (op == NULL)
		op = chat_op_create(chat, NULL);
	if (chat->reason[0] == '\0')
		snprintf(chat->reason, sizeof chat->reason, "%s", reason);
	chat->leaving = true;
	idmap_put(&chats->ops, ++chats->last_op, op);
	reply.tag = chats->last_op;
	router_leave(chats->parts.router, chats_now(chats), chat->contact, reply);
}

/* ---- time: a waiting customer ---- */

static bool
differs(const struct chat *chat, const struct estimate *e, int64_t since_ms)
{
	double slack_ms = fmax(PLACE_SLACK_MS, PLACE_SLACK * (double)e->likely_ms);

	if (!chat->told_place || chat->told.position != e->position ||
		(chat->told.likely_ms < 0) != (e->likely_ms < 0))
		return true;
	/* The page counts down by itself. */
	return e->likely_ms >= 0 &&
	       fabs((double)(chat->told.likely_ms - since_ms - e->likely_ms)) > slack_ms;
}

static void
look_at_place(struct chats *chats, struct chat *chat, int64_t now_ms)
{
	int64_t other_ms = chats->settings->other_ms;
	struct estimate e;
	bool tell;

	chat->place_ms = now_ms + CHAT_PLACE_MS;
	if (chat->n_wires == 0 || !chat_place(chats, chat, &e))
		return;
	tell = differs(chat, &e, e.waited_ms - chat->told.waited_ms);
	if (other_ms > 0 && !chat->other_told &&
		(e.likely_ms > other_ms || e.waited_ms > other_ms)) {
		chat->other_told = true;
		tell = true;
	}
	if (!tell)
		return;
	chat->told = e;
	chat->told_place = true;
	chat_tell_state(chats, chat);
}

/* ---- time: silence ---- */

static void
take_back(struct chats *chats, struct chat *chat, int64_t now_ms)
{
	struct reply none = {0};
	int agent = chat->agent;

	log_info("chat: taken back from a silent agent chat=%s agent=%s", chat->id,
		router_centre(chats->parts.router)->agents[agent].id);
	chat->requeueing = true;
	/* First he takes nothing more, or it would come straight back to him. */
	router_set_state(chats->parts.router, now_ms, agent, AGENT_NOT_READY,
		SILENT_REASON, false, none);
	router_transfer(chats->parts.router, now_ms, chat->contact, -1, -1, -1, none);
}

int64_t
chat_left_ms(const struct chats *chats, const struct chat *chat)
{
	const struct chat_settings *s = chats->settings;
	int64_t left_ms =
		s->agent_warn_ms + s->agent_limit_ms - (chats_now(chats) - chat->turn_ms);

	return left_ms > 0 ? left_ms : 0;
}

static void
agents_silence(struct chats *chats, struct chat *chat, int64_t now_ms)
{
	const struct chat_settings *s = chats->settings;
	int64_t silent_ms = now_ms - chat->turn_ms;

	if (s->agent_limit_ms > 0 && silent_ms >= s->agent_warn_ms + s->agent_limit_ms) {
		if (!chat->requeueing)
			take_back(chats, chat, now_ms);
	} else if (s->agent_warn_ms > 0 && silent_ms >= s->agent_warn_ms &&
		   chat->warned_ms == 0) {
		chat->warned_ms = now_ms;
		chat_tell_staff(chats, chat, "chat.warning",
			json_pack("{s:I, s:I}", "silent_ms", (json_int_t)silent_ms,
				"left_ms", (json_int_t)chat_left_ms(chats, chat)));
	}
}

static void
customers_silence(struct chats *chats, struct chat *chat, int64_t now_ms)
{
	const struct chat_settings *s = chats->settings;

	if (chat->asked_ms != 0) {
		if (s->customer_limit_ms > 0 &&
			now_ms - chat->asked_ms >= s->customer_limit_ms)
			chat_leave(chats, chat, "silent", NULL);
	} else if (s->customer_ask_ms > 0 &&
		   now_ms - chat->turn_ms >= s->customer_ask_ms) {
		chat->asked_ms = now_ms;
		chat_tell_state(chats, chat);
		chat_tell_staff(chats, chat, "chat.asked", json_object());
	}
}

static bool
is_live(const struct chats *chats, const struct chat *chat)
{
	enum contact_state state =
		router_contact_state(chats->parts.router, chat->contact);

	return chat->contact != 0 && state != CONTACT_STATES && !contact_is_over(state);
}

static void
look_at(struct chats *chats, struct chat *chat, int64_t now_ms)
{
	if (chat->stage == CHAT_OVER) {
		chat_send_transcript(chats, chat);
		chat_keep_on(chats, chat, now_ms);
		/* One that goes on as a call or a mail is read until that has ended. */
		if (now_ms < chat->forget_ms || is_live(chats, chat) ||
			!chat_is_kept(chats, chat))
			return;
		chat_write(chats, chat, "forget", true, 1, (const char *[]){chat->id});
		chat_drop(chats, chat);
		return;
	}
	chat_upload_look(chats, chat);
	if (chat->contact == 0 || chat->leaving)
		return;
	if (chat->away_ms != 0 && now_ms - chat->away_ms >= chats->settings->away_ms)
		chat_leave(chats, chat, "away", NULL);
	else if (chat->stage == CHAT_WAITING && now_ms >= chat->place_ms)
		look_at_place(chats, chat, now_ms);
	else if (chat->stage == CHAT_TALKING && chat->agents_turn)
		agents_silence(chats, chat, now_ms);
	else if (chat->stage == CHAT_TALKING)
		customers_silence(chats, chat, now_ms);
}

void
chat_tick(int fd, short what, void *owner)
{
	struct chats *chats = owner;
	int64_t now_ms = chats_now(chats);
	size_t at = 0;
	void *value;

	/* While Redis is away no silence counts and nobody is forgotten. */
	if (!chats->loaded || !side_is_up(chats->parts.side))
		return;
	while (map_next(&chats->by_id, &at, NULL, &value))
		look_at(chats, value, now_ms);
}
