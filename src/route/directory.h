/*
 * route/directory.h - the door by which the router asks who a customer is. It never
 * waits: the directory answers when it knows, or says "go on" when its time is over.
 *
 *   router_submit -> ask -> (directory: soon, whatever happens) router_identified
 *                               -> classified, scored, matched
 *   known later, merged, worth something else now: router_recognise -> scored again
 *
 * history/ implements it; without one every contact is who its intake says.
 */
#ifndef USHER_ROUTE_DIRECTORY_H
#define USHER_ROUTE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/contact.h"

#define DIRECTORY_ATTRIBUTES_MAX 32 /* of one answer */
#define ARRIVALS_MAX 16384 /* contacts that wait for an answer; no more are asked for */

struct router;

/* What is known of a contact when the question is put; borrowed for the call. */
struct directory_question {
	const char *channel, *source;
	const char *customer; /* the id that the intake gave; NULL: none */
	int n_attributes;     /* as the intake gave them, customer.* among them */
	const struct attribute *attributes;
};

/* Who it is; all borrowed for the call. A zeroed one says "unknown". */
struct directory_answer {
	uint64_t party;		/* of the directory; 0: unknown */
	const char *customer;	/* the id by which rules and plugins know him; NULL */
	double points;		/* value points; 0 when nothing is known */
	const char *last_agent; /* who served him last; NULL */
	const char *refused;	/* a sentence: a block list refuses him; NULL */
	int n_attributes; /* named "customer.NAME"; up to DIRECTORY_ATTRIBUTES_MAX */
	const struct attribute *attributes;
};

struct directory {
	/*
	 * Who is it? Before the contact is classified.
	 *
	 * ticket   to be given to router_identified() once, now or later, whatever
	 *          happens: until then the intake has no answer
	 * Returns  false: there is nothing to look up, and the ticket is not used
	 */
	bool (*ask)(void *owner, uint64_t ticket, const struct directory_question *q);
	void *owner;
};

/* Borrowed, outlives the router; NULL: nobody is asked. */
void router_use_directory(struct router *router, const struct directory *directory);

/*
 * router_identified - the contact of this ticket goes on its way.
 *
 * answer   NULL: not known yet
 * Returns  the contact, to recognise it later; 0 when it was refused or known already
 */
uint64_t router_identified(struct router *router, int64_t now_ms, uint64_t ticket,
	const struct directory_answer *answer);

/*
 * router_recognise - what is known of the customer of a contact that is in already. A
 * waiting one is classified and scored again at its place and age; for one in an agent's
 * hands the points are noted. Nothing happens when nothing changed.
 *
 * What the intake gave itself (id, points, last agent, customer.* members) stands above
 * the answer.
 */
void router_recognise(struct router *router, int64_t now_ms, uint64_t contact,
	const struct directory_answer *answer);

/* Asks again about a live contact: fn is called before it returns. False: not live. */
bool router_ask_again(const struct router *router, uint64_t contact,
	void (*fn)(void *owner, uint64_t contact, const struct directory_question *q),
	void *owner);

/* Who a live contact is of, as the router holds it. */
struct recognised {
	uint64_t party;	      /* 0: unknown */
	const char *customer; /* borrowed; NULL */
	int channel, queue, tier;
	int agent; /* who holds it or has its offer; -1 */
	double points;
	double base_points; /* without what rules and plugins add */
	bool own_points;    /* the intake or staff gave them */
};
bool router_recognised(
	const struct router *router, uint64_t contact, struct recognised *out);

/* Live contacts, in no order; returns how many there are, which may be more than room. */
size_t router_live(const struct router *router, uint64_t *contacts, size_t room);

#endif
