/*
 * usher.h - the one struct of the process outside its parts, and how the parts are wired.
 *
 * main.c has the life of the process, parts.c the parts that answer and listen; a part
 * that needs more than a few lines of wiring has src/part_NAME.c with
 *   bool part_NAME_open(u)       the router has started, nothing listens yet
 *   void part_NAME_configure(u)  the settings were reloaded, the router follows them
 *   void part_NAME_close(u)      the loop runs no more; also after a failed open
 * which parts.c calls. Only files of this folder know several of intake, desk, history
 * and control.
 */
#ifndef USHER_USHER_H
#define USHER_USHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/clock.h"
#include "base/http.h"
#include "base/people.h"
#include "base/side.h"
#include "base/wire.h"
#include "control/admin.h"
#include "control/config.h"
#include "control/metrics.h"
#include "control/plugins.h"
#include "desk/desk.h"
#include "intake/task.h"
#include "route/router.h"
#include "route/store_redis.h"
#include "start.h"

struct part_chat;
struct part_trend;
struct customers;
struct database;
struct channels;
struct customers_eraser;
struct surveys;
struct trim;
struct identify;
struct site;
struct part_voice;

struct usher {
	struct start_options options;
	char *state; /* owned; the state directory's absolute path */
	int lock;
	int exit_status;
	bool stopping, serving;
	bool freed; /* the centre, at the end */

	struct config *config;
	char *config_text;  /* as it was read last */
	char *started_with; /* owned; the dump of the settings at the start */
	int64_t config_loaded_ms;
	struct plugins *plugins;
	struct admin admin;

	struct event_base *base;
	struct event *tick, *watchdog, *signals[3];
	struct centre_clock clock;
	struct ssl_ctx_st *http_tls, *desk_tls;
	struct store_redis *redis;
	struct side *side;   /* what parts keep beside the routing keys */
	struct blobs *blobs; /* files beside Redis */
	struct router *router;
	struct wires *wires;
	struct http_server *http;
	struct vault *vault;
	struct database *database; /* customers, contact records */
	struct recorder *recorder;
	struct history *history;
	struct webhooks *webhooks;
	struct accuracy *accuracy; /* of wait estimates */
	struct trim *trim;	   /* of what is kept too long */
	struct desk *desk;
	struct people people; /* of the desk, for parts with methods of their own */
	struct customers *customers;	       /* the directory */
	const struct customers_eraser *eraser; /* of contacts in Redis */
	struct surveys *surveys;
	struct channels *channels; /* plugins that bring contacts in */
	struct identify *identify; /* plugins that know customers */
	struct task *task;
	struct metrics *metrics;
	struct part_chat *chat;
	struct part_trend *trend;
	struct part_mailin *mailin;   /* part_mailin.h */
	struct part_mailout *mailout; /* part_mailout.h */
	struct part_voice *voice;     /* owned; switches and calls */
	struct site *site;	      /* the pages; parts add rules for theirs */
	unsigned char ticket_secret[TICKET_SECRET];
	int http_port, desk_port;
};

/* ---- main.c ---- */

int64_t usher_now(const struct usher *u); /* centre time */
void usher_stop(struct usher *u, int status);
/* Reads the settings again; all or nothing. The version in force afterwards. */
uint64_t usher_reload(void *u, struct config_problems *problems, bool *ok);
void usher_show_settings(void *u, const char **path, const char **text, uint64_t *version,
	int64_t *loaded_ms);

/* ---- part_*.c ---- */

bool part_chat_open(struct usher *u) USHER_MUST_CHECK;
void part_chat_configure(struct usher *u);
void part_chat_close(struct usher *u);
/* part_chat_suggest.c: stored responses; the caller owns the list; NULL: there are none.
 */
json_t *part_chat_propose(void *u, const char *language, const char *text);
json_t *part_chat_canned(void *u, const char *language, const char *query);
/* part_chat_mail.c: transcripts. */
struct chat_letter;
bool part_chat_mails(void *u);
bool part_chat_mail(void *u, const struct chat_letter *letter);
bool part_database_open(struct usher *u) USHER_MUST_CHECK;
void part_database_close(struct usher *u);
void part_trend_open(struct usher *u);
void part_trend_close(struct usher *u);
bool part_history_open(struct usher *u) USHER_MUST_CHECK;
void part_history_configure(struct usher *u);
void part_history_close(struct usher *u);

/* ---- parts.c ---- */

bool parts_open(struct usher *u) USHER_MUST_CHECK;
bool parts_listen(struct usher *u) USHER_MUST_CHECK;
void parts_configure(struct usher *u);
void parts_say_ready(struct usher *u);
void parts_close(struct usher *u);

/* ---- part_voice.c ---- */

bool part_voice_prepare(struct usher *u, const struct config *config,
	struct config_problems *problems) USHER_MUST_CHECK;
bool part_voice_open(struct usher *u) USHER_MUST_CHECK;
/* For callme; owner is the usher. */
bool part_voice_not_reached(void *u, uint64_t contact, const char *result);
void part_voice_configure(struct usher *u);
void part_voice_close(struct usher *u);

#endif
