/* history/customers_inner.h - what the customers*.c files share; nobody else includes it.
 */
#ifndef USHER_HISTORY_CUSTOMERS_INNER_H
#define USHER_HISTORY_CUSTOMERS_INNER_H

#include "base/map.h"
#include "history/customers.h"

#define LOOKUPS_MOST 20000 /* in all; beyond it contacts go on unknown */
#define AGAIN_AT_ONCE 64   /* look-ups of a walk over live contacts */
#define TOLD_AT_ONCE 64	   /* contacts of one customer, in a turn of the loop */
#define CARDS_MOST 20000   /* kept for offers; the oldest goes */
#define LATENCIES 4096	   /* look-ups whose times are kept */
#define PATIENCE_MS 10000  /* of a change that somebody waits for */

struct event;

/* A live contact that is somebody's; in the group of his root. */
struct live {
	uint64_t contact;
	int64_t party;
	struct group *group;	    /* borrowed */
	struct live *before, *next; /* in the group */
	uint64_t number;	    /* of the look-up whose answer holds */
	uint64_t looked; /* of the last look-up for the group that it had part in */
};

/* Live contacts of one customer, and his card. */
struct group {
	int64_t root;
	struct live *first;
	json_t *card;	 /* owned; NULL: not known now */
	uint64_t number; /* of the look-up that it is of */
	bool asking;	 /* a look-up for the card is on its way */
	uint64_t lookup; /* for all of them, on its way; 0: none */
	uint64_t round;	 /* look-ups from this number on are new enough for all */
	bool again;	 /* what was asked meanwhile, when the round is over */
	struct group *older, *newer; /* among those with cards */
};

/* One question on its way; the threads of the database see identities, party, rules and
 * the results. */
struct lookup {
	struct customers *customers;
	struct customer_rules *rules; /* a reference */
	uint64_t ticket;	      /* of the router; 0: none, or answered */
	uint64_t contact;	      /* 0: not in yet */
	uint64_t number;	      /* later ones have higher numbers */
	int64_t asked_ms;	      /* boot time */
	int64_t asked_us;
	bool arrives; /* of a contact on its way in */
	bool waiting; /* its contact waits for it on its way in */
	bool overdue;
	bool walk;		      /* of a walk over live contacts */
	struct lookup *before, *next; /* of those waiting */
	char channel[ID_MAX + 1], source[ID_MAX + 1];
	struct identities identities;
	int64_t party; /* asked for by number; 0: by identities */
	int64_t of;    /* root whose live contacts it is for; 0: for `contact` alone */

	/* results */
	int64_t found[IDENTITIES_MAX], root[IDENTITIES_MAX]; /* 0: nobody's */
	bool provisional[IDENTITIES_MAX];
	struct party_view *view; /* owned; NULL: nobody */
	json_t *card;		 /* owned; NULL */
};

/* VIP and block lists, in memory. */
struct listing {
	int64_t id;
	bool vip;
	char kind[IDENTITY_KIND_TEXT];
	char pattern[IDENTITY_VALUE_TEXT];
	double points;	  /* NAN: of the settings */
	int64_t until_ms; /* wall clock; 0: for ever */
	char *reason;	  /* owned; NULL */
};

struct customers {
	struct customers_parts parts;
	struct customer_rules *rules; /* a reference */
	struct directory directory;
	const struct customers_source *source; /* borrowed; NULL */
	const struct customers_eraser *eraser; /* borrowed; NULL */
	int n_parts;
	struct customer_part part[CUSTOMER_PARTS_MAX];
	bool stopped;

	struct lookup *first, **last; /* waiting, oldest first */
	struct lookup *last_one;
	struct event *late; /* when the oldest's time is over */
	int n_lookups, n_overdue;

	struct idmap live;	       /* struct live by contact, owned */
	struct idmap groups;	       /* struct group by root, owned */
	bool (*complete)(void *owner); /* the records; NULL: nobody keeps any */
	void *complete_owner;
	struct idmap ended; /* root (as pointer) by contact that is not recorded yet */
	int n_gathering;    /* who reads which contacts are whose (customers_traces.c) */
	struct idmap recorded; /* the same of those recorded since one of them began */
	struct idmap erased;   /* parties whose rows go, or went, while look-ups that may
				  have read them were on their way */
	struct group *oldest, *newest;
	size_t n_cards;

	uint64_t *walk; /* owned; live contacts still to be looked at again */
	size_t n_walk, at_walk;
	int walking;

	int64_t next_party; /* atomic: the import's thread takes numbers too */
	uint64_t n_tickets; /* of questions to plugins */
	struct idmap asked; /* their tickets: party (as pointer) */

	struct listing **listing; /* owned, each */
	int n_listings;
	struct map listed;  /* "vip kind value" -> struct listing, borrowed: exact ones */
	struct event *tidy; /* expiry of what is kept */
	bool tidying;

	struct customers_figures figures;
	uint32_t
		took_us[LATENCIES]; /* of the last look-ups of contacts on their way in */
	uint64_t n_took;
};

int64_t customers_take_number(struct customers *c);

/* ---- customers_lookup.c ---- */

bool lookup_ask(void *owner, uint64_t ticket, const struct directory_question *q);
/* Looks a live contact up again; by its question (party 0) or by party. */
void lookup_contact(struct customers *c, uint64_t contact, int64_t party, bool walk);
/* Looks a party up once for the live contacts of a root; live_looked() follows. Returns
 * its number; 0: it cannot be asked now. */
uint64_t lookup_group(struct customers *c, int64_t root, int64_t party);
void lookup_on_late(int fd, short what, void *owner);
void lookups_release_all(struct customers *c);
/* An erasure is over: nothing is remembered of it once no look-up can name him. */
void lookups_erased(struct customers *c);

/* ---- customers_live.c ---- */

struct live *live_get(const struct customers *c, uint64_t contact);
void live_put(struct customers *c, uint64_t contact, int64_t party, int64_t root);
void live_remove(struct customers *c, uint64_t contact);
void live_finish(struct customers *c);
/* No card came of the look-up for this contact. */
void live_asked(struct customers *c, uint64_t contact);
/* The card of a root, of the look-up of that number; stolen. One of an earlier look-up,
 * which the database answered later, changes nothing. */
void live_card(struct customers *c, int64_t root, json_t *card, uint64_t number);
/* All live contacts of a root are told anew, soon. */
void live_refresh(struct customers *c, int64_t root);
/* Contacts of the root whose turn it is to be told what the look-up found of their party,
 * `room` at most. Returns how many. */
size_t live_due(struct customers *c, const struct lookup *lookup, uint64_t *contacts,
	size_t room);
/* Whether the root's contacts were to be told anew since their look-up began. */
bool live_again(const struct customers *c, int64_t root);
/* The look-up for the root's contacts is over; the next one begins. */
void live_looked(struct customers *c, int64_t root, uint64_t number, bool answered);
void live_walk(struct customers *c); /* over all of them */
void live_walk_on(struct customers *c);

/* ---- customers_lists.c ---- */

void lists_finish(struct customers *c);
void lists_reload(struct customers *c); /* from the database, soon */
bool lists_load(struct database_session *s, void *customers); /* before the loop */
/* Adds what lists say of these identities and this customer to his card's "why", its
 * points and "lists". blocked: a block list holds. Returns the points. */
double lists_apply(const struct customers *c, const struct identities *identities,
	json_t *card, int64_t root, bool *vip, bool *blocked);
void lists_put(struct customers *c, const struct listing *listing); /* copies */
void lists_drop(struct customers *c, bool vip, const char *kind, const char *pattern);
/* A page of those that hold, behind the key `after` (NULL: from the beginning), with
 * `next` where there are more: a message takes some thousand, the lists have
 * LISTINGS_MAX. */
json_t *lists_json(const struct customers *c, const char *after);

/* ---- customers_write.c ---- */

/* Writes that nobody waits for. */
/* The record of a contact whose customer was known late, or when it was over, gets him,
 * and so do its notes and its case. */
void write_over(struct customers *c, uint64_t contact, int64_t party);
/* late: the contact went on unknown before. */
void write_provisional(struct customers *c, int64_t party, const char *source,
	const struct identities *identities, uint64_t contact, bool late);
void write_learned(struct customers *c, const struct lookup *lookup);

/* ---- customers_traces.c ---- */

/* By what all that is kept of a customer is found. A zeroed one is nobody's. */
struct traces {
	int64_t root; /* 0: there is no such customer */
	int n_merged;
	int64_t merged[MERGED_MAX];
	size_t n_contacts, room;
	uint64_t *contacts; /* owned */
	size_t n_identities;
	struct subject_identity *identities; /* owned, with their texts */
	struct subject subject;		     /* the same, as parts are told */
};

/* Around what follows, on the loop: what is recorded meanwhile is not missed. */
void traces_begin(struct customers *c);
void traces_end(struct customers *c);
/* On a thread of the database: identities and records. */
void traces_read(struct database_session *s, int64_t party, struct traces *traces);
/* On the loop: what lives, and what has ended without a record yet; then `subject`. */
void traces_settle(const struct customers *c, struct traces *traces);
void traces_finish(struct traces *traces);

/* ---- customers_import.c, customers_export.c, customers_subject.c ---- */

void on_customer_import(void *owner, const struct rpc_call *call);
void on_customer_export(void *owner, const struct rpc_call *call);
void on_customer_erase(void *owner, const struct rpc_call *call);
void on_customer_list_add(void *owner, const struct rpc_call *call);
void on_customer_list_remove(void *owner, const struct rpc_call *call);
void on_customer_lists(void *owner, const struct rpc_call *call);
void on_customer_status(void *owner, const struct rpc_call *call);
void customers_tidy(int fd, short what, void *owner);
/* Takes out of a card what agents do not see. */
void customers_hide(const struct customers *c, json_t *card);

/* ---- customers_card.c ---- */

/*
 * card_part - leaves of a card what one answer has room for.
 *
 * room    bytes of JSON, about; the piece that makes it full, of 50,000 at most, is still
 *         in it
 * place   in: where the part begins, 0: the first one; out: where the next one does
 * Returns true: there is a next one
 */
bool card_part(json_t *card, size_t room, int64_t *place) USHER_MUST_CHECK;
/* A place as it stands in `next` and `after` (NULL: the beginning). False: it is none. */
bool card_place_read(const char *text, int64_t *place) USHER_MUST_CHECK;

/* ---- customers_methods.c ---- */

/* The customer named by a param ("k..." or a live contact's); false: refused already. */
bool find_customer(struct customers *c, const struct rpc_call *call, const char *param,
	int64_t *out);
bool may_see_customer(struct customers *c, const struct rpc_call *call, int64_t party);

#endif
