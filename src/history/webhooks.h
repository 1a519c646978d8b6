/*
 * history/webhooks.h - events handed to other programs over HTTP: each hook gets the
 * recorded events that it asked for, in order, at least once, signed (RELIABILITY S9).
 *
 *   READING (database) --some--> SENDING (thread) --2xx--> KEEPING (how far it is) -->
 * READING
 *        \--none: until the next batch is recorded    \--else: again later, 1 s to 5 min
 *
 * POST URL with {"events": [...], "next": N}, content-type application/json, and
 *   x-usher-hook: NAME
 *   x-usher-timestamp: UNIX-SECONDS
 *   x-usher-signature: sha256=HEX   HMAC-SHA-256 over TIMESTAMP "." BODY with the hook's
 * secret Redirects are not followed; addresses that are not public are refused unless the
 * hook was added with `private`.
 */
#ifndef USHER_HISTORY_WEBHOOKS_H
#define USHER_HISTORY_WEBHOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "history/database.h"
#include "history/recorder.h"

#define WEBHOOKS_MAX 32
#define WEBHOOK_URL_MAX 1024
#define WEBHOOK_EVENTS_MAX 100 /* of one request */

struct webhooks;
struct event_base;

/* All borrowed; they outlive it. NULL with the reason in error. */
struct webhooks *webhooks_create(struct event_base *base, struct database *db,
	struct recorder *recorder, char *error, size_t room) USHER_MUST_CHECK;
/* Waits for the request that is on its way (at most its deadline). NULL is fine. */
void webhooks_destroy(struct webhooks *webhooks);
/* A hook was added or removed. */
void webhooks_changed(struct webhooks *webhooks);

/* Whether an address may be asked by a hook that is not private: a public one of IPv4 or
 * IPv6. text: as inet_pton() reads it. */
bool webhook_address_is_public(const char *text);
/* "https://host/path"; a sentence about what is wrong, or NULL. */
const char *webhook_url_fault(const char *url, bool is_private);

#endif
