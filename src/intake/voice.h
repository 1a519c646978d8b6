/*
 * intake/voice.h - calls: what switches say becomes contacts and their fates, what the
 * router decides becomes orders to switches (CONTRACTS 2, Voice).
 *
 *   switch -> cti_wire -> adapter -> cti (each fact once) -> voice -> router
 *   router -> voice (offer: connect; returned: back to music; over: hang up) -> switch
 *
 * One voice for all switches. It listens to the router and is its carrier.
 */
#ifndef USHER_INTAKE_VOICE_H
#define USHER_INTAKE_VOICE_H

#include <jansson.h>

#include "base/clock.h"
#include "base/people.h"
#include "base/side.h"
#include "base/subject.h"
#include "intake/cti.h"
#include "model/voice.h"
#include "route/router.h"

struct voice;
struct event_base;
struct ssl_ctx_st;

/* All borrowed; they outlive it. */
struct voice_parts {
	struct event_base *base;
	struct router *router;
	const struct centre_clock *clock;
	const struct people *people;
	struct side *side;
	/* The number plan: a number as people write it, made E.164; false: it may not be
	 * dialled. NULL: there is none. */
	bool (*number)(void *owner, const char *text, char *out, size_t room);
	bool (*any_number)(void *owner); /* does it allow any? NULL: yes */
	void *number_owner;
};

/* A switch as it is to be; the texts of `settings` are borrowed until the next
 * configuration. */
struct voice_switch_wish {
	const struct switch_settings *settings;
	const struct usher_switch *adapter; /* with its state outlives the link */
	void *adapter_state;
	bool keep; /* nothing that its links depend on has changed */
};

/* Before the loop runs: it brings functions for Redis (base/side.h). */
struct voice *voice_create(const struct voice_parts *parts);
void voice_destroy(struct voice *voice); /* NULL is fine */

/*
 * voice_configure - the switches as they are to be from now on.
 *
 * settings  borrowed until the next one
 * wishes    one for each of settings->switches. Links of switches that are not among
 * them, or are not to be kept, are closed before this returns Returns   false with the
 * reason logged: a certificate cannot be used; that switch has no link then
 */
bool voice_configure(struct voice *voice, const struct voice_settings *settings,
	const struct voice_switch_wish *wishes) USHER_MUST_CHECK;

/* The agent says that the call dialled for a contact reached nobody (an answering
 * machine, a wrong number). False: no such call is in his hands. */
bool voice_not_reached(
	struct voice *voice, uint64_t contact, const char *result) USHER_MUST_CHECK;

/* The listener for router_listen(); owner is the voice. */
void voice_event(void *owner, const struct event *event);

/* Methods call.* and cti.*, for desk_add_commands(); owner is the voice. */
extern const struct rpc_command voice_commands[];
extern const int voice_n_commands;

/* A part of the directory (base/subject.h): forgets places in line of a customer who is
 * erased. */
void voice_forget(
	void *owner, const struct subject *subject, subject_gone gone, void *arg);
/* For his export; likewise. */
void voice_tell(void *owner, struct subject_page *page);

/* {"switches": [...], "calls": {...}}; the caller owns it. */
json_t *voice_json(const struct voice *voice);

#endif
