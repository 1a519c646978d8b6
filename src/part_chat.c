/* part_chat.c - wires the web chat: its WebSocket, its store beside the routing keys, its
 * methods at the desk. */
#include <stdlib.h>

#include "base/worker.h"
#include "intake/chat.h"
#include "usher.h"

#define BLOB_THREADS 1	  /* uploads are written one after the other */
#define BLOBS_WAITING 256 /* uploads and downloads that wait for it */

struct part_chat {
	struct chats *chats;
	struct worker_pool *workers;
};

bool
part_chat_open(struct usher *u)
{
	struct chat_parts parts = {.base = u->base,
		.wires = u->wires,
		.http = u->http,
		.router = u->router,
		.side = u->side,
		.people = &u->people,
		.clock = &u->clock,
		.secret = u->ticket_secret,
		.owner = u};

	u->chat = xcalloc(1, sizeof *u->chat);
	u->chat->workers = worker_pool_create(u->base, BLOB_THREADS, BLOBS_WAITING);
	if (u->chat->workers == NULL)
		return false;
	parts.blobs = u->blobs;
	parts.workers = u->chat->workers;
	u->chat->chats = chats_create(&parts, &u->config->chat);
	desk_add_commands(u->desk, chat_commands, chat_n_commands, u->chat->chats);
	router_listen(u->router, chats_event, u->chat->chats);
	if (u->config->http.address != NULL)
		http_websocket(u->http, CHAT_PATH, CHAT_SUBPROTOCOL,
			chats_wire_handler(u->chat->chats));
	return true;
}

void
part_chat_configure(struct usher *u)
{
	if (u->chat != NULL)
		chats_configure(u->chat->chats, &u->config->chat);
}

void
part_chat_close(struct usher *u)
{
	if (u->chat == NULL)
		return;
	worker_pool_destroy(u->chat->workers, chats_job_drop);
	chats_destroy(u->chat->chats);
	free(u->chat);
	u->chat = NULL;
}
