/*
 * history/history.h - what desktops, supervisors and programs ask of the history: methods
 * over the protocol and HTTP. The records themselves are the recorder's.
 */
#ifndef USHER_HISTORY_HISTORY_H
#define USHER_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/people.h"
#include "history/customers.h"
#include "history/database.h"
#include "history/recorder.h"
#include "route/router.h"

struct history;
struct http_request;
struct http_server;
struct webhooks;

/* All borrowed; they outlive the history. */
struct history_parts {
	struct event_base *base;
	struct database *db;
	struct recorder *recorder;
	struct router *router;
	struct customers *customers; /* NULL: nobody is known */
	const struct people *people;
	const struct centre_clock *clock; /* centre time */
	struct webhooks *webhooks;
	struct http_server *http;
	/* Does this request carry a key that reads everything? */
	bool (*may_read)(void *owner, const struct http_request *request);
	void *may_owner;
};

struct history *history_create(const struct history_parts *parts);
void history_destroy(struct history *history); /* NULL is fine */
/* calls.short_abandon, which reports go by where nobody names another; 0: no abandon is
 * short. */
void history_configure(struct history *history, int64_t short_ms);

/* Centre time of now. */
int64_t history_now_ms(const struct history *history);

/* What it keeps of a customer: contacts, notes, cases. */
extern const struct customer_part history_part;

/* The tables for desk_add_commands(); their owner is the history. */
extern const struct rpc_command history_commands[];
extern const int history_n_commands;

#endif
