/*
 * intake/task.h - contacts over HTTP (schemas/openapi.yaml): any configured channel is
 * handed in, asked for and given up here; queues and agents can be listed.
 *
 * "Accepted" is answered only after the router's commit. Who may do what is decided by
 * API keys, of which this folder knows nothing but the functions below, and by the
 * tickets that it signs itself.
 */
#ifndef USHER_INTAKE_TASK_H
#define USHER_INTAKE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/http.h"
#include "intake/ticket.h"
#include "route/router.h"

#define TASK_TOKEN_LIFE_MS (INT64_C(7) * 24 * 3600 * 1000) /* default */
#define TASK_WAITING_MAX 10000 /* requests that wait for a commit; more: 503 */

/* What a key may be allowed to do; values as in the key store. */
enum task_act {
	TASK_SUBMIT = 1,
	TASK_READ = 2,
	TASK_CANCEL = 4 /* also: give up in the customer's name */
};

/* The store of API keys. A key is borrowed for the call in which it was found. */
struct key_check {
	void *owner;
	void *(*find)(void *owner, const char *text); /* "id.secret"; NULL: none such */
	void *(*by_id)(void *owner, const char *id);  /* NULL: revoked */
	const char *(*id)(void *owner, void *key);
	const char *(*source)(void *owner, void *key); /* its contacts' source; NULL:
							  any */
	bool (*may)(void *owner, void *key, enum task_act act);
	/* NULL for either: without a name yet; then only a key without such a list
	 * takes it. */
	bool (*takes)(void *owner, void *key, const char *channel, const char *queue);
	/* Pays for one contact at boot time now_ms; false: beyond the key's rate. */
	bool (*spend)(void *owner, void *key, int64_t now_ms);
};

/* All borrowed; they outlive the task API. */
struct task_parts {
	struct http_server *http;
	struct router *router;
	const struct centre_clock *clock;
	struct key_check keys;
	const unsigned char *secret; /* TICKET_SECRET bytes */
	int64_t token_life_ms;	     /* of a customer's token; 0: TASK_TOKEN_LIFE_MS */
	/* Why no contact can be taken now, a sentence; NULL: ready. */
	const char *(*not_ready)(void *owner);
	void *ready_owner;
};

struct task;

/* Adds the routes /v1/..., /healthz and /readyz. */
struct task *task_create(const struct task_parts *parts);
/* After the last run of the loop. */
void task_destroy(struct task *task);

/* May this request read figures (metrics)? From loopback it may; else by a key that reads
 * everything. */
bool task_may_read(struct task *task, const struct http_request *request);

struct task_counts {
	uint64_t accepted, duplicates, refused, unauthorized, rate_limited;
	int waiting; /* now */
};
void task_counts(const struct task *task, struct task_counts *out);

#endif
