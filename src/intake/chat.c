/* intake/chat.c - the chats of a process: their table, their customers' connections, and
 * who may say how much. */
#include "intake/chat.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "intake/chat_inner.h"

const char *const chat_from_name[4] = {"customer", "agent", "supervisor", "system"};
const char *const chat_stage_name[4] = {"starting", "waiting", "talking", "over"};

int64_t
chats_now(const struct chats *chats)
{
	return centre_clock_now_ms(chats->parts.clock);
}

int
chats_channel(const struct chats *chats)
{
	const struct centre *centre = router_centre(chats->parts.router);
	int channel = centre_channel(centre, chats->settings->channel);

	return channel >= 0 && !centre->channels[channel].removed ? channel : -1;
}

/* ---- the table ---- */

struct chat *
chat_find(const struct chats *chats, const char *id)
{
	return map_get(&chats->by_id, id);
}

struct chat *
chat_of_contact(const struct chats *chats, uint64_t contact)
{
	return contact != 0 ? idmap_get(&chats->by_contact, contact) : NULL;
}

void
chat_count_address(struct chats *chats, struct chat *chat, int by)
{
	intptr_t n;

	if (chat->address[0] == '\0')
		return;
	n = (intptr_t)map_get(&chats->per_address, chat->address) + by;
	if (n > 0)
		map_put(&chats->per_address, chat->address, (void *)n);
	else
		map_remove(&chats->per_address, chat->address);
}

struct chat *
chat_create(struct chats *chats, const char *id, json_t *about)
{
	struct chat *chat = xcalloc(1, sizeof *chat);

	snprintf(chat->id, sizeof chat->id, "%s", id);
	chat->about = about;
	chat->agent = -1;
	chat->away_ms = chats_now(chats);
	map_put(&chats->by_id, id, chat);
	chats->counts.live++;
	return chat;
}

void
chat_set_contact(struct chats *chats, struct chat *chat, uint64_t contact)
{
	if (chat->contact != 0 && chat->contact != contact &&
		idmap_get(&chats->by_contact, chat->contact) == chat)
		idmap_remove(&chats->by_contact, chat->contact);
	chat->contact = contact;
	if (contact != 0)
		idmap_put(&chats->by_contact, contact, chat);
}

static void
chat_free(struct chat *chat)
{
	chat_upload_destroy(chat->upload);
	json_decref(chat->about);
	json_decref(chat->blobs);
	free(chat->mail_to);
	for (int i = 0; i < chat->n_repeats; i++)
		free(chat->repeat[i]);
	free(chat);
}

void
chat_drop(struct chats *chats, struct chat *chat)
{
	for (int i = 0; i < chat->n_wires; i++) {
		struct visitor *v = chats_visitor(chats, chat->wire[i]);

		if (v != NULL)
			v->chat[0] = '\0';
	}
	if (chat->contact != 0 && chat_of_contact(chats, chat->contact) == chat)
		idmap_remove(&chats->by_contact, chat->contact);
	if (chat->stage != CHAT_OVER) {
		chat_count_address(chats, chat, -1);
		chats->counts.live--;
	}
	map_remove(&chats->by_id, chat->id);
	chat_blobs_forget(chats, chat);
	chat_free(chat);
}

bool
chat_pay(struct chat_bucket *bucket, double rate, int burst)
{
	int64_t now_ms = clock_boot_ms();

	if (rate <= 0)
		return true;
	if (bucket->filled_ms == 0)
		bucket->tokens = burst;
	else
		bucket->tokens += (double)(now_ms - bucket->filled_ms) * rate / 1000;
	if (bucket->tokens > burst)
		bucket->tokens = burst;
	bucket->filled_ms = now_ms;
	if (bucket->tokens < 1)
		return false;
	bucket->tokens--;
	return true;
}

/* ---- connections ---- */

struct visitor *
chats_visitor(const struct chats *chats, uint64_t wire)
{
	return idmap_get(&chats->visitors, wire);
}

static bool
on_opened(void *owner, uint64_t wire, enum wire_kind kind, const char *address,
	const char *path)
{
	struct chats *chats = owner;
	struct visitor *v = xcalloc(1, sizeof *v);

	v->wire = wire;
	snprintf(v->address, sizeof v->address, "%s", address);
	free(idmap_put(&chats->visitors, wire, v));
	rpc_open(chats->rpc, wire);
	return true;
}

static void
on_message(void *owner, uint64_t wire, const char *text, size_t n)
{
	struct chats *chats = owner;

	rpc_receive(chats->rpc, wire, RPC_NOBODY, text, n);
}

static void
detach(struct chats *chats, struct chat *chat, uint64_t wire)
{
	int n = 0;

	for (int i = 0; i < chat->n_wires; i++)
		if (chat->wire[i] != wire)
			chat->wire[n++] = chat->wire[i];
	chat->n_wires = n;
	chat_upload_lost(chat, wire);
	if (n > 0)
		return;
	chat->away_ms = chats_now(chats);
	if (chat->stage == CHAT_TALKING)
		chat_tell_staff(chats, chat, "chat.customer",
			json_pack("{s:b}", "online", false));
}

static void
on_closed(void *owner, uint64_t wire, const char *reason)
{
	struct chats *chats = owner;
	struct visitor *v = idmap_remove(&chats->visitors, wire);
	struct chat *chat = v != NULL ? chat_find(chats, v->chat) : NULL;

	rpc_close(chats->rpc, wire);
	if (chat != NULL)
		detach(chats, chat, wire);
	free(v);
}

void
chat_attach(struct chats *chats, struct chat *chat, struct visitor *visitor)
{
	struct chat *before = chat_find(chats, visitor->chat);

	if (before == chat)
		return;
	if (before != NULL)
		detach(chats, before, visitor->wire);
	if (chat->n_wires == CHAT_WIRES_MAX) {
		uint64_t oldest = chat->wire[0];
		struct visitor *old = chats_visitor(chats, oldest);

		if (old != NULL)
			old->chat[0] = '\0';
		detach(chats, chat, oldest);
		chat_tell_wire(chats, oldest, "chat.replaced", json_object());
		wire_close(chats->parts.wires, oldest, "too many tabs");
	}
	chat->wire[chat->n_wires++] = visitor->wire;
	memcpy(visitor->chat, chat->id, sizeof visitor->chat);
	if (chat->away_ms != 0 && chat->stage == CHAT_TALKING)
		chat_tell_staff(
			chats, chat, "chat.customer", json_pack("{s:b}", "online", true));
	chat->away_ms = 0;
	wire_trust(chats->parts.wires, visitor->wire);
}

struct chat *
chat_of_call(struct chats *chats, const struct rpc_call *call)
{
	struct visitor *v = chats_visitor(chats, call->who);
	struct chat *chat =
		v != NULL && v->chat[0] != '\0' ? chat_find(chats, v->chat) : NULL;

	if (chat == NULL)
		rpc_refuse(call->rpc, call->tag, RPC_IDENTITY, "not_started",
			"Begin with chat.start, or with chat.resume and its token.",
			NULL);
	return chat;
}

void
chat_tell_wire(struct chats *chats, uint64_t wire, const char *event, json_t *params)
{
	struct text frame = {0};

	text_add(&frame, "{\"jsonrpc\":\"2.0\",\"method\":\"");
	text_add(&frame, event);
	text_add(&frame, "\",\"params\":");
	json_write(&frame, params);
	text_add(&frame, "}");
	(void)wire_send(chats->parts.wires, wire, frame.s, frame.n);
	text_finish(&frame);
	json_decref(params);
}

void
chat_tell(struct chats *chats, const struct chat *chat, const char *event, json_t *params)
{
	/* Sending may close a wire, which changes the list only later (on_closed). */
	for (int i = 0; i < chat->n_wires; i++)
		chat_tell_wire(chats, chat->wire[i], event, json_incref(params));
	json_decref(params);
}

void
chat_refuse_away(struct rpc *rpc, uint64_t tag)
{
	if (rpc != NULL)
		rpc_refuse(rpc, tag, RPC_LATER, "store_away",
			"It cannot be kept just now: try again in a moment, with the "
			"same id.",
			json_pack("{s:i}", "retry_after_ms", 2000));
}

static bool
send_reply(void *owner, uint64_t wire, const char *text, size_t n)
{
	return wire_send(((struct chats *)owner)->parts.wires, wire, text, n);
}

/* Over all of his connections a customer is his chat. */
static const char *
name_of(void *owner, uint64_t wire)
{
	const struct visitor *v = chats_visitor(owner, wire);

	return v != NULL && v->chat[0] != '\0' ? v->chat : NULL;
}

/* ---- life ---- */

extern const char chat_functions[]; /* chat_functions.lua */

struct chats *
chats_create(const struct chat_parts *parts, const struct chat_settings *settings)
{
	const struct timeval every = {0, CHAT_TICK_MS * 1000};
	struct chats *chats = xcalloc(1, sizeof *chats);

	chats->parts = *parts;
	chats->settings = settings;
	chats->handler = (struct wire_handler){on_opened, on_message, on_closed, chats};
	chats->rpc = rpc_create(send_reply, chats);
	rpc_know_by(chats->rpc, name_of);
	rpc_add(chats->rpc, chat_visit_commands, chat_n_visit_commands, chats);
	chat_load_identity_key(chats);
	side_add_library(parts->side, "usher_chat_1", chat_functions);
	side_listen(parts->side, chat_side, chats);
	parts->people->enrich(parts->people->owner, "chat", chat_member, chats);
	chats->tick = event_new(parts->base, -1, EV_PERSIST, chat_tick, chats);
	event_add(chats->tick, &every);
	chat_serve_files(chats);
	return chats;
}

void
chats_configure(struct chats *chats, const struct chat_settings *settings)
{
	chats->settings = settings;
	chat_load_identity_key(chats);
}

void
chats_destroy(struct chats *chats)
{
	size_t at = 0;
	void *value;

	if (chats == NULL)
		return;
	event_free(chats->tick);
	while (map_next(&chats->by_id, &at, NULL, &value))
		chat_free(value);
	map_finish(&chats->by_id);
	idmap_finish(&chats->by_contact);
	for (at = 0; idmap_next(&chats->visitors, &at, NULL, &value);)
		free(value);
	idmap_finish(&chats->visitors);
	for (at = 0; idmap_next(&chats->ops, &at, NULL, &value);)
		chat_op_destroy(value);
	idmap_finish(&chats->ops);
	map_finish(&chats->per_address);
	chat_writes_finish(chats);
	map_finish(&chats->blobs);
	if (chats->parts.blobs != NULL)
		pthread_mutex_destroy(&chats->blobs_lock);
	chat_load_finish(chats);
	rpc_destroy(chats->rpc);
	free(chats);
}

const struct wire_handler *
chats_wire_handler(struct chats *chats)
{
	return &chats->handler;
}

void
chats_counts(const struct chats *chats, struct chat_counts *out)
{
	size_t at = 0;
	void *value;

	*out = chats->counts;
	out->connections = (int)chats->visitors.n;
	while (map_next(&chats->by_id, &at, NULL, &value)) {
		const struct chat *chat = value;

		out->waiting += chat->stage == CHAT_WAITING;
		out->talking += chat->stage == CHAT_TALKING;
	}
}

json_t *
chats_methods(void)
{
	json_t *list = json_array();

	for (int i = 0; i < chat_n_visit_commands; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "name", chat_visit_commands[i].name,
				      "help", chat_visit_commands[i].help));
	return list;
}
