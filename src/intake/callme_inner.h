/* intake/callme_inner.h - what the files of the call-me requests share; nobody else
 * includes it. */
#ifndef USHER_INTAKE_CALLME_INNER_H
#define USHER_INTAKE_CALLME_INNER_H

#include "base/map.h"
#include "base/text.h"
#include "intake/callme.h"

#define CALLME_ID_TEXT 28 /* "r", 26 hex digits, NUL */
#define CALLME_DAY_MS 86400000
#define CALLME_HOUR_MS 3600000

struct event;

struct callback {
	char id[CALLME_ID_TEXT];
	char phone[NUMBER_TEXT];
	char *topic;   /* owned; "" */
	json_t *about; /* owned; name, email, language, page, fields, timezone, address */
	uint64_t contact;		    /* 0: not taken in yet */
	char client[65];		    /* digest of the client's own id; "" */
	int64_t created_ms, from_ms, to_ms; /* window; 0: now */
	int moves;    /* names the contact's external id with the id */
	int attempts; /* by hand, without success */
	bool adopted; /* its contact came from elsewhere */
	bool over;
	int64_t ended_ms;
	char end[32];
};

/* A request over HTTP, or a step, that waits. */
struct callme_wait {
	uint64_t request; /* of base/http; 0: nobody waits */
	char id[CALLME_ID_TEXT];
	int status; /* of the answer when it goes well */
	struct rpc *rpc;
	uint64_t tag;
};

struct callme {
	struct callme_parts parts;
	const struct callme_settings *settings; /* borrowed */
	const struct dial_settings *dialling;	/* borrowed */
	struct map by_id;			/* struct callback, owned */
	struct idmap by_contact;		/* the same, borrowed */
	struct map open;			/* "PHONE\nTOPIC" -> struct callback */
	struct idmap waits;			/* struct callme_wait, owned */
	uint64_t last_wait;
	struct event *tick;
	bool loaded, loading;
	struct callme_counts counts;
};

int64_t callme_now(const struct callme *callme);

/* ---- callme.c: the table ---- */

struct callback *callback_create(struct callme *callme, const char *phone,
	const char *topic, json_t *about); /* about is stolen */
void callback_set_contact(struct callme *callme, struct callback *c, uint64_t contact);
void callback_end(struct callme *callme, struct callback *c, const char *how);
void callback_drop(struct callme *callme, struct callback *c);
struct callback *callback_open(
	const struct callme *callme, const char *phone, const char *topic);
/* Writes it; wait is taken over and answered by fn when it is not NULL. False: Redis is
 * away, and wait's request was refused. */
bool callback_save(struct callme *callme, const struct callback *c,
	struct callme_wait *wait, rlink_reply fn) USHER_MUST_CHECK;
/* Hands the contact in (again). */
void callback_submit(struct callme *callme, struct callback *c, struct callme_wait *wait);
/* Beyond how often a number or an address may ask: the type of the refusal; NULL. */
const char *callme_limit(const struct callme *callme, const char *phone,
	const char *address, const char **why);

/* ---- callme_http.c ---- */

void callme_serve(struct callme *callme);
json_t *callback_view(struct callme *callme, const struct callback *c);
void callback_answer(struct callme *callme, uint64_t request, int status,
	const struct callback *c, bool with_token);
void callme_refuse(struct callme *callme, uint64_t request, int status, const char *type,
	const char *message, const char *field);

/* ---- callme_staff.c ---- */

json_t *callback_member(void *owner, uint64_t contact, enum rpc_role role);

#endif
