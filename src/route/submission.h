/*
 * route/submission.h - what an intake hands to the router: one contact as it came in.
 * Shared by HTTP, the protocol's contact.create, and recovery, so that a contact is read
 * the same way each time. Card data leaves title, attributes and payload (base/redact.h).
 *
 *   {"channel": "email", "source": "shop", "external_id": "m-1",
 *    "queue": "billing", "tier": "gold", "require": {"billing": 3}, "agent": "a1",
 * "last_agent": "a2", "customer": {"id": "c1", "name": "Ann", "points": 80, ...},
 * "title": "Where is my order?", "attributes": {"ivr.menu": "bill", "tags": ["press"]},
 *    "not_before": "2026-11-22T10:00:00Z", "window_ms": 900000, "deadline":
 * "2026-11-22T10:15:00Z", "sla_ms": 20000, "arrived_at": "2026-11-22T09:00:00Z",
 *    "held_until": "2026-11-22T09:05:00Z",
 *    "payload": {...}}
 *
 * Only `channel` is required; unknown members are refused. Members of `customer` become
 * attributes customer.NAME. queue, tier and require stand above rules.
 */
#ifndef USHER_ROUTE_SUBMISSION_H
#define USHER_ROUTE_SUBMISSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/xalloc.h"
#include "model/contact.h"

#define SUBMISSION_TITLE_MAX 998 /* bytes */
#define SUBMISSION_KEY_MAX 512	 /* bytes of an external id (a Message-ID may be long) */

/* All owned; a zeroed struct is empty but for the fields that say otherwise. */
struct submission {
	char *channel;
	char *source;	   /* "api" when not given */
	char *external_id; /* NULL: none; made of printable characters without spaces */
	char *queue, *tier, *agent, *last_agent; /* NULL: not given */
	int n_require;
	struct {
		char *skill;
		int level;
	} require[REQUIRE_MAX];
	char *customer; /* customer.id; NULL: unknown */
	double points;	/* customer.points; NAN: not given */
	char *title;	/* NULL: none */
	int n_attributes;
	struct attribute attributes[ATTRIBUTES_MAX];
	int64_t not_before_ms; /* 0: none; t0 of a contact with a window */
	int64_t held_until_ms; /* not offered before; its age counts all the same; 0 */
	int64_t window_ms;     /* T of that window; 0: none */
	int64_t deadline_ms;   /* d given from outside; 0: none */
	int64_t sla_ms;	       /* T given from outside; -1: none */
	int64_t arrived_ms;    /* t0 where it lies before now (mail received, IVR time
				  counted); 0: now */
	char *payload;	       /* JSON text for the desktop; NULL: none */
	char *text;	       /* the whole as compact JSON, as it is stored; filled by
				  submission_parse */
};

/* What is wrong, for a 400 or an invalid_params. */
struct submission_error {
	char field[ATTRIBUTE_NAME_MAX + 16];
	char message[160];
};

/* Reads and checks; names are looked up by the router. False with *error filled; *out is
 * then empty. */
bool submission_parse(json_t *json, struct submission *out,
	struct submission_error *error) USHER_MUST_CHECK;
/* A copy of its own; to is overwritten. */
void submission_copy(struct submission *to, const struct submission *from);
void submission_finish(struct submission *s); /* a zeroed struct is fine */

#endif
