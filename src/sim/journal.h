/* sim/journal.h - a store in front of another that writes down each decision as it is
 * committed. */
#ifndef USHER_SIM_JOURNAL_H
#define USHER_SIM_JOURNAL_H

#include <stdio.h>

#include "route/store.h"

struct journal {
	struct store store;  /* first: the door */
	struct store *inner; /* borrowed */
	FILE *out;	     /* borrowed */
};

/*
 * journal_init - writes one JSON line a decision: {"contact", "offer_seq", ...} as
 * explain.contact shows it.
 *
 * inner, out  borrowed; outlive the journal
 * Returns     the store to hand to the router; part of *journal
 */
struct store *journal_init(struct journal *journal, struct store *inner, FILE *out);

#endif
