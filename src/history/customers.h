/*
 * history/customers.h - the directory of customers: who a contact is of, what he is
 * worth, and the card that is shown with it. Implements route/directory.h over the
 * database; the loop never waits for it.
 *
 *   asked --known in time--> identified
 *         --late--> goes on unknown --known--> recognised (scored again)
 *         --nobody's--> a provisional customer is made
 */
#ifndef USHER_HISTORY_CUSTOMERS_H
#define USHER_HISTORY_CUSTOMERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/people.h"
#include "base/subject.h"
#include "history/database.h"
#include "history/party.h"
#include "model/customer.h"
#include "route/directory.h"
#include "route/events.h"
#include "route/router.h"

#define CUSTOMER_PARTS_MAX 12
#define CUSTOMER_EXPIRE_LOT 500 /* contacts that one look forgets at most */
#define CARD_BYTES_MAX 32768	/* of a card as it is shown with a contact */

struct customers;
struct event_base;

/* All borrowed; they outlive the customers. */
struct customers_parts {
	struct event_base *base;
	struct database *database;
	struct router *router;
	struct people people;
	int64_t (*now_ms)(void *owner); /* centre time, for the router */
	void *owner;
	struct customer_rules *rules; /* a reference is taken */
};

/*
 * A part of the card that another file keeps: contacts, cases, notes. The functions run
 * on threads of the database; `parties` are all that are merged into the customer. NULL:
 * nothing to do.
 */
struct customer_part {
	void *owner; /* whatever they need; not touched by the loop meanwhile */
	/* Adds members to the card. */
	void (*card)(void *owner, struct database_session *s, const int64_t *parties,
		int n, json_t *card);
	/* Adds what is kept, for the customer himself (customer.export): records behind
	 * `place` ("" at first; the part's own text, moved on) until about `room` bytes
	 * of JSON are used. True: there is more. */
	bool (*export)(void *owner, struct database_session *s, int64_t root,
		char place[SUBJECT_PLACE], size_t room, json_t *records);
	/* The same of what it keeps elsewhere (chats, mails, files). On the loop; the
	 * page is answered once, now or later. Instead of `export`. */
	void (*tell)(void *owner, struct subject_page *page);
	/* Removes or empties all that belongs to him; adds how much to counts. */
	void (*erase)(void *owner, struct database_session *s, const int64_t *parties,
		int n, json_t *counts);
	/* Contacts of the channel ("*": of all that are not in `but`, n_but of them) that
	 * ended before and are still known, the oldest first, `room` at most. Returns how
	 * many. */
	int (*due)(void *owner, struct database_session *s, const char *channel,
		int64_t before_ms, const char *const *but, int n_but, int64_t *contacts,
		int room);
	/* Forgets who these were, and what was said. */
	void (*expire)(
		void *owner, struct database_session *s, const int64_t *contacts, int n);
	/* Removes what it keeps of this person elsewhere (chats, mails, files), before
	 * his contacts leave Redis, or their records the tables. On the loop, not on a
	 * thread; `gone` is called once, now or later. */
	void (*forget)(
		void *owner, const struct subject *subject, subject_gone gone, void *arg);
};

/* NULL with a sentence in error. */
struct customers *customers_create(
	const struct customers_parts *parts, char *error, size_t room) USHER_MUST_CHECK;
void customers_destroy(struct customers *customers); /* after the database was closed */

/* Contacts on their way in go on now; nothing is asked for any more. Before the router's
 * last steps are written. */
void customers_stop(struct customers *customers);

/* Settings were reloaded: takes a reference; what is live is looked at again. */
void customers_configure(struct customers *customers, struct customer_rules *rules);

/* For router_use_directory(); owner is the customers. */
const struct directory *customers_directory(struct customers *customers);
/* The listener for router_listen(). */
void customers_event(void *owner, const struct event *event);
/* For recorder_on_ended(): the record of a contact that ended is there. */
void customers_recorded(void *owner, uint64_t contact);
/* Asked before an erasure: is all recorded that ended before this process? */
void customers_use_records(
	struct customers *customers, bool (*complete)(void *owner), void *owner);
/* Asks about contacts that were live before the start. */
void customers_start(struct customers *customers);

/* Before the loop runs. */
void customers_add_part(struct customers *customers, const struct customer_part *part);

/* One part after the other removes what it keeps elsewhere of this person, or of these
 * contacts, so that nothing is half done when one cannot. subject is borrowed until gone
 * is called, once. On the loop. */
void customers_forget(struct customers *customers, const struct subject *subject,
	subject_gone gone, void *arg);

/* The member `customer` of contacts (people.enrich); owner is the customers. */
json_t *customers_member(void *owner, uint64_t contact, enum rpc_role role);

/* Something that the card shows has changed (a note, a case): live contacts of the
 * customer are told anew. On the loop. */
void customers_refresh(struct customers *customers, int64_t party);

/* The party of a live contact; 0. */
int64_t customers_party(const struct customers *customers, uint64_t contact);

/* What plugins that look customers up elsewhere are asked, and their answer. */
struct customers_source {
	/* Starts a look-up; answers by customers_found() once. False: it does not. */
	bool (*ask)(void *owner, uint64_t ticket, const char *channel,
		const struct identities *identities);
	void *owner;
};
void customers_use_source(
	struct customers *customers, const struct customers_source *source);
/* figures: object of name to text, number, true, false; stolen; NULL: not found. */
void customers_found(struct customers *customers, uint64_t ticket, const char *source,
	const char *name, const char *kind, json_t *figures);

/* Removes contacts from Redis, wherever they stand there. On the loop; done once. */
struct customers_eraser {
	void (*contacts)(void *owner, const uint64_t *contacts, size_t n,
		void (*done)(void *arg, bool removed), void *arg);
	void *owner;
};
void customers_use_eraser(
	struct customers *customers, const struct customers_eraser *eraser);

/* The eraser for Redis (customers_redis.c); owned by the caller. */
struct side;
const struct customers_eraser *customers_redis_create(
	struct event_base *base, struct side *side);
/* For customer_part.tell; owner is the eraser: what came in with contacts that Redis
 * still has. */
void customers_redis_tell(void *owner, struct subject_page *page);
void customers_redis_destroy(const struct customers_eraser *eraser); /* NULL is fine */

struct customers_figures {
	uint64_t asked, known, unknown, late, failed, provisional;
	uint64_t recognised, sources_asked, sources_found;
	int waiting; /* contacts on their way in */
	int late_now;
	size_t live, cards;
};
void customers_figures(const struct customers *customers, struct customers_figures *out);

/* Methods of the protocol (customers_methods.c); owner is the customers. */
extern const struct rpc_command customers_commands[];
extern const int customers_n_commands;

#endif
