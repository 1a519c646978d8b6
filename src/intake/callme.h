/*
 * intake/callme.h - call-me requests over HTTP (docs/callme.md): POST /v1/callbacks by
 * anybody's page, then state, moving and withdrawal by the token that it gave.
 *
 *   OPEN (its contact waits, is scheduled, called) --contact's end--> OVER, kept a day
 *
 * A request is written before its contact is handed in, under an external id that it
 * names, so that after a crash between the two the contact is handed in again and found.
 * The dialling is the switch's part (intake/voice*); without a switch the agent dials and
 * reports (callback.report).
 */
#ifndef USHER_INTAKE_CALLME_H
#define USHER_INTAKE_CALLME_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/people.h"
#include "base/rpc.h"
#include "base/side.h"
#include "base/subject.h"
#include "intake/number_plan.h"
#include "intake/ticket.h"
#include "model/voice.h"
#include "model/web.h"
#include "route/router.h"

#define CALLME_SOURCE "callme"		/* of the contacts */
#define CALLME_KEPT_MAX 100000		/* requests; more are refused */
#define CALLME_TOKEN_LIFE_MS 2764800000 /* 32 days: windows lie up to 30 ahead */

struct callme;

/* All borrowed; they outlive it. */
struct callme_parts {
	struct event_base *base;
	struct http_server *http;
	struct router *router;
	struct side *side;
	const struct people *people;
	const struct centre_clock *clock;
	const unsigned char *secret; /* TICKET_SECRET bytes */
	/* The call that a switch dialled for the contact reached nobody: it ends, and the
	 * customer is tried again, or no more. False: no switch has such a call. NULL:
	 * none dials. */
	bool (*not_reached)(void *dialler, uint64_t contact, const char *result);
	void *dialler;
};

struct callme *callme_create(const struct callme_parts *parts,
	const struct callme_settings *settings, const struct dial_settings *dialling);
void callme_destroy(struct callme *callme);
/* Settings are borrowed until the next call. */
void callme_configure(struct callme *callme, const struct callme_settings *settings,
	const struct dial_settings *dialling);
/* The listener for router_listen(). */
void callme_event(void *owner, const struct event *event);

/* The contact of the open request for a number, however it is written; 0: none. */
uint64_t callme_open_for(const struct callme *callme, const char *phone);

/*
 * callme_adopt - a live contact that became a call-me request by itself (a chat).
 *
 * phone    as it was written; checked under the plan and the limits
 * Returns  false with a sentence in why: nothing was changed
 */
struct callme_adopted {
	uint64_t contact;
	const char *phone, *address;
	const json_t *about; /* name, email, topic, language, page */
};
bool callme_adopt(struct callme *callme, const struct callme_adopted *adopted,
	const char **type, const char **why, char token[TICKET_TEXT], char id[33]);
/* It did not become one after all. */
void callme_abandon(struct callme *callme, const char *id);
/* For the erasure of a customer; owner is the callme. */
void callme_forget(
	void *owner, const struct subject *subject, subject_gone gone, void *arg);
/* For his export; likewise. */
void callme_tell(void *owner, struct subject_page *page);
/* Whether calls can be asked for: there is a channel, and the number plan allows any
 * number. */
bool callme_offers(const struct callme *callme);
/* The channel of requests; -1: there is none. */
int callme_channel(const struct callme *callme);

/* Methods of agents; their owner is the callme. */
extern const struct rpc_command callme_commands[];
extern const int callme_n_commands;

struct callme_counts {
	int open; /* now */
	uint64_t taken, joined, refused;
};
void callme_counts(const struct callme *callme, struct callme_counts *out);

#endif
