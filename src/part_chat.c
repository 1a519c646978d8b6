/* part_chat.c - wires the web chat and the call-me form: WebSocket and routes, their
 * store beside the routing keys, their methods at the desk. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "base/worker.h"
#include "history/said.h"
#include "intake/callme.h"
#include "intake/chat.h"
#include "part_chat_write.h"
#include "usher.h"
#include "web/site.h"

#define BLOB_THREADS 1	  /* uploads are written one after the other */
#define BLOBS_WAITING 256 /* uploads and downloads that wait for it */

/* The widget's frame: nothing from elsewhere, shown by the sites of the settings. */
#define WIDGET_POLICY                                                                    \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "  \
	"img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
/* The demonstration shop has the widget on its page. */
#define DEMO_POLICY                                                                      \
	"default-src 'none'; script-src 'self'; style-src 'self'; frame-src 'self'; "    \
	"img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

struct part_chat {
	struct chats *chats;
	struct callme *callme;
	struct worker_pool *workers;
	struct chat_writes *writes;
	struct idmap swaps; /* struct swapping, owned */
	uint64_t last_swap;
	char *policy; /* owned; of the widget, with the sites */
};

/* A chat on its way to something else. */
struct swapping {
	struct reply reply; /* whose it is */
	char request[33];   /* that was made for it; "" */
};

static void
on_swapped(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct part_chat *part = owner;
	struct swapping *s = idmap_remove(&part->swaps, tag);

	if (s == NULL)
		return;
	if (outcome->kind != OUTCOME_OK && s->request[0] != '\0')
		callme_abandon(part->callme, s->request);
	s->reply.fn(s->reply.owner, s->reply.who, s->reply.tag, outcome);
	free(s);
}

/* A chat goes on as a call-me request, or as an e-mail that an agent writes. */
static bool
swap(void *owner, const struct chat_swap *swap, json_t **answer, struct reply reply)
{
	struct usher *u = owner;
	bool call = strcmp(swap->to, "callback") == 0;
	struct pass_on how = {
		.channel = call ? callme_channel(u->chat->callme)
				: centre_channel(router_centre(u->router), "email"),
		.by_agent = -1,
		.reason = call ? "to_callback" : "to_email"};
	struct callme_adopted adopted = {
		swap->contact, swap->phone, swap->address, swap->about};
	const char *type = "no_channel", *why = "This centre does not go on that way.";
	char token[TICKET_TEXT], id[33];
	struct swapping *pending;

	if (how.channel < 0 || (call && !callme_adopt(u->chat->callme, &adopted, &type,
						&why, token, id))) {
		*answer = json_pack("{s:s, s:s}", "type", type, "message", why);
		return false;
	}
	*answer = call ? json_pack("{s:s, s:s}", "request", id, "token", token)
		       : json_object();
	pending = xcalloc(1, sizeof *pending);
	pending->reply = reply;
	if (call)
		memcpy(pending->request, id, sizeof pending->request);
	idmap_put(&u->chat->swaps, ++u->chat->last_swap, pending);
	if (!call) /* whom the agent writes to, whatever was said at the start */
		router_set_number(u->router, swap->contact, swap->email);
	router_pass_on(u->router, usher_now(u), swap->contact, &how,
		(struct reply){
			.fn = on_swapped, .owner = u->chat, .tag = u->chat->last_swap});
	return true;
}

struct chat_writes *
part_chat_writes(const struct usher *u)
{
	return u->chat->writes;
}

bool
part_chat_calls(const struct usher *u)
{
	return u->chat->callme != NULL && callme_offers(u->chat->callme);
}

static void
on_kept(void *owner, uint64_t tag, bool kept)
{
	const struct usher *u = owner;

	/* The database ends after the chats. */
	if (u->chat != NULL)
		chats_kept(u->chat->chats, tag, kept);
}

/* A rating of 1 to 5 on the scale of the others, 0 to 10. */
static double
satisfaction_of(int rating)
{
	return rating > 0 ? (rating - 1) * 2.5 : (double)NAN;
}

static void
keep(void *owner, const struct chat_record *record, uint64_t tag)
{
	struct usher *u = owner;

	said_keep(u->history, &(struct said){.contact = record->contact,
				      .messages = record->messages,
				      .satisfaction = satisfaction_of(record->rating),
				      .done = on_kept,
				      .owner = u,
				      .tag = tag});
}

static void
open_pages(struct usher *u)
{
	const struct web_list *sites = &u->config->chat.sites;
	struct text policy = {0};
	char *before = u->chat->policy;

	text_add(&policy, WIDGET_POLICY);
	for (int i = 0; i < sites->n; i++)
		text_addf(&policy, " %s", sites->text[i]);
	u->chat->policy = text_take(&policy);
	site_rule(u->site, "/widget", u->chat->policy, true);
	site_rule(u->site, "/web/chat.js", NULL, true);
	site_rule(u->site, "/demo", DEMO_POLICY, false);
	free(before);
}

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
		.owner = u,
		.propose = part_chat_propose,
		.canned = part_chat_canned,
		.mail = part_chat_mail,
		.mails = part_chat_mails,
		.swap = swap,
		.write = part_chat_write,
		.offers = part_chat_offers,
		.keep = keep};
	struct callme_parts callme = {.base = u->base,
		.http = u->http,
		.router = u->router,
		.side = u->side,
		.people = &u->people,
		.clock = &u->clock,
		.secret = u->ticket_secret,
		.not_reached = part_voice_not_reached,
		.dialler = u};

	u->chat = xcalloc(1, sizeof *u->chat);
	u->chat->workers = worker_pool_create(u->base, BLOB_THREADS, BLOBS_WAITING);
	if (u->chat->workers == NULL)
		return false;
	parts.blobs = u->blobs;
	parts.workers = u->chat->workers;
	u->chat->chats = chats_create(&parts, &u->config->chat);
	u->chat->writes = chat_writes_create(u, u->chat->chats);
	u->chat->callme =
		callme_create(&callme, &u->config->callme, &u->config->voice->dialling);
	desk_add_commands(u->desk, callme_commands, callme_n_commands, u->chat->callme);
	router_listen(u->router, callme_event, u->chat->callme);
	desk_add_commands(u->desk, chat_commands, chat_n_commands, u->chat->chats);
	router_listen(u->router, chats_event, u->chat->chats);
	customers_add_part(u->customers, &(struct customer_part){.owner = u->chat->chats,
						 .tell = chats_tell,
						 .forget = chats_forget});
	customers_add_part(u->customers, &(struct customer_part){.owner = u->chat->callme,
						 .tell = callme_tell,
						 .forget = callme_forget});
	open_pages(u);
	if (u->config->http.address != NULL)
		http_websocket(u->http, CHAT_PATH, CHAT_SUBPROTOCOL,
			chats_wire_handler(u->chat->chats));
	return true;
}

void
part_chat_configure(struct usher *u)
{
	if (u->chat == NULL)
		return;
	chats_configure(u->chat->chats, &u->config->chat);
	callme_configure(
		u->chat->callme, &u->config->callme, &u->config->voice->dialling);
	open_pages(u);
}

void
part_chat_close(struct usher *u)
{
	size_t at = 0;
	void *value;

	if (u->chat == NULL)
		return;
	worker_pool_destroy(u->chat->workers, chats_job_drop);
	chat_writes_destroy(u->chat->writes);
	chats_destroy(u->chat->chats);
	callme_destroy(u->chat->callme);
	while (idmap_next(&u->chat->swaps, &at, NULL, &value))
		free(value);
	idmap_finish(&u->chat->swaps);
	free(u->chat->policy);
	free(u->chat);
	u->chat = NULL;
}
