/*
 * intake/chat.h - customers' chats (docs/chat.md): a WebSocket of their own, messages
 * kept in Redis, and the methods by which agents and supervisors take part.
 *
 *   STARTING --contact committed--> WAITING <--> TALKING --> OVER, kept for a while
 *        \--refused at the door--> gone
 *
 * A message is acknowledged and shown after its commit; the sender's own id of it makes a
 * repetition harmless. The contact is the router's: the chat only follows its events.
 */
#ifndef USHER_INTAKE_CHAT_H
#define USHER_INTAKE_CHAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/clock.h"
#include "base/http.h"
#include "base/people.h"
#include "base/rpc.h"
#include "base/side.h"
#include "base/subject.h"
#include "base/wire.h"
#include "intake/ticket.h"
#include "model/web.h"
#include "route/router.h"

#define CHAT_SUBPROTOCOL "usher.chat.v1"
#define CHAT_PATH "/chat"
#define CHAT_SOURCE "chat"	    /* of the contacts */
#define CHAT_TEXT_MAX 8192	    /* bytes of a message (RELIABILITY 6) */
#define CHAT_NAME_MAX 128	    /* bytes of a name (RELIABILITY 6) */
#define CHAT_TOKEN_LIFE_MS 86400000 /* of the token to resume by */
#define CHAT_MOST 20000		    /* live chats; more are refused */

struct chats;
struct worker_pool;

/* Proposals for a text; NULL: none. The caller owns it. */
typedef json_t *(*chat_propose)(void *owner, const char *language, const char *text);
/* Stored responses whose title or words have `query`, for that language. */
typedef json_t *(*chat_canned)(void *owner, const char *language, const char *query);

/* A mail of a chat. All borrowed. */
struct chat_letter {
	const char *id; /* the same id twice is one mail */
	uint64_t contact;
	const char *to, *language, *subject, *text;
};
/* Hands it to whoever sends; false: not now. */
typedef bool (*chat_mailer)(void *owner, const struct chat_letter *letter);

/* What was said in a chat that is over, for the contact's record. All borrowed. */
struct chat_record {
	uint64_t contact;
	json_t *messages; /* array, each with its `seq`; a reference may be taken */
	int rating;	  /* 1..5; 0: none (yet) */
};
/* Answered once by chats_kept(chats, tag, ...). */
typedef void (*chat_keeper)(void *owner, const struct chat_record *record, uint64_t tag);

/* A chat that goes on as something else. All borrowed; what is not known is NULL. */
struct chat_swap {
	uint64_t contact;
	const char *to; /* "callback", "email" */
	const char *phone, *email, *address;
	const json_t *about; /* as the chat began: name, topic, language, ... */
};
/* False: it cannot be; *answer (the caller's) has type and message. Else reply is called
 * when the contact has become that, and *answer holds further members for the customer.
 */
typedef bool (*chat_swapper)(
	void *owner, const struct chat_swap *swap, json_t **answer, struct reply reply);

/* A message that a customer leaves instead of a chat, to be answered by mail. All
 * borrowed; name, subject, language may be NULL. */
struct chat_note_in {
	const char *id; /* hex; the same id twice is one message */
	const char *name, *email, *subject, *text, *language;
	const json_t *attributes, *customer; /* as of a contact (route/submission.h) */
};
/* Makes a contact of it; chats_written() is called with the tag, maybe before this
 * returns. */
typedef void (*chat_writer)(void *owner, const struct chat_note_in *note, uint64_t tag);

/* All borrowed; they outlive the chats. What may be NULL says so. */
struct chat_parts {
	struct event_base *base;
	struct wires *wires;
	struct http_server *http;
	struct router *router;
	struct side *side;
	const struct people *people;
	const struct centre_clock *clock;
	const unsigned char *secret; /* TICKET_SECRET bytes; signs tokens */
	struct blobs *blobs;	     /* NULL: no uploads */
	struct worker_pool *workers; /* for blobs; NULL: no uploads */
	void *owner;		     /* of the functions below */
	chat_propose propose;	     /* NULL: no suggestions */
	chat_canned canned;	     /* NULL: none */
	chat_mailer mail;	     /* NULL: no transcripts by mail */
	bool (*mails)(void *owner);  /* does anybody send? with mail */
	chat_swapper swap;	     /* NULL: a chat stays a chat */
	chat_writer write;	     /* NULL: no messages instead of chats */
	/* May a customer have this instead ("callback", "email")? NULL: neither. */
	bool (*offers)(void *owner, const char *way);
	chat_keeper keep; /* NULL: nobody keeps records */
};

/* The library must be added to side before the loop runs, so this is called at once. */
struct chats *chats_create(
	const struct chat_parts *parts, const struct chat_settings *settings);
/* For worker_pool_destroy(), before chats_destroy(): a job that was not done. */
void chats_job_drop(void *job);
void chats_destroy(struct chats *chats);
/* Settings are borrowed until the next call. */
void chats_configure(struct chats *chats, const struct chat_settings *settings);

const struct wire_handler *chats_wire_handler(struct chats *chats);
/* The listener for router_listen(). */
void chats_event(void *owner, const struct event *event);

/* The answer to a keeper. kept: false: not now, it is given again. */
void chats_kept(struct chats *chats, uint64_t tag, bool kept);

/* For the erasure of a customer; owner is the chats. */
void chats_forget(
	void *owner, const struct subject *subject, subject_gone gone, void *arg);
/* For his export; likewise. */
void chats_tell(void *owner, struct subject_page *page);
/* What became of a message that was left. contact: its id, or NULL: it was not kept; then
 * again: it may be tried again. */
void chats_written(struct chats *chats, uint64_t tag, const char *contact, bool again);

/* Methods of agents and supervisors; their owner is the chats. */
extern const struct rpc_command chat_commands[];
extern const int chat_n_commands;

struct chat_counts {
	int live, waiting, talking, connections; /* now */
	uint64_t started, messages, resumed, refused, over;
};
void chats_counts(const struct chats *chats, struct chat_counts *out);

/* The methods of customers as JSON, for tests and documents. The caller's. */
json_t *chats_methods(void);

#endif
