/*
 * sim/floor.h - contacts and agents as a simulation sees them: it hears what the router
 * did and enters what follows from it into agendas (answers to offers, ends of handling).
 *
 *   absent --created--> waiting --offer--> offered --connected--> connected --> wrapup
 * --> over ^  ^__ended offer____|      parked <--v--^  resumed
 *                        |____________requeued______________|
 */
#ifndef USHER_SIM_FLOOR_H
#define USHER_SIM_FLOOR_H

#include "base/map.h"
#include "control/config.h"
#include "route/events.h"
#include "sim/agenda.h"
#include "sim/drive.h"
#include "sim/trace.h"

enum stage {
	STAGE_ABSENT,
	STAGE_WAITING,
	STAGE_OFFERED,
	STAGE_CONNECTED,
	STAGE_PARKED,
	STAGE_WRAPUP,
	STAGE_OVER
};

/* A contact on its way. */
struct caller {
	uint64_t contact, offer;
	enum stage stage;
	int agent;	  /* has the offer or holds it */
	int64_t left_ms;  /* handling still to do */
	int64_t since_ms; /* connected, or wrap-up, since */
	uint64_t turn;	  /* agenda entries of older turns are stale */
};

struct floor {
	const struct config *config; /* borrowed */
	const struct centre *centre; /* borrowed */
	const struct trace *trace;   /* borrowed */
	struct drive_run *run;	     /* borrowed; results and busy times are kept there */
	int64_t base_ms;	     /* the router's clock at the trace's 0 */
	int64_t now_ms;		     /* the router's clock */
	int64_t stirred_ms;	/* when something last happened; the router's clock */
	size_t arriving;	/* row that is being handed over; SIZE_MAX: none */
	struct caller *callers; /* owned; by row */
	struct idmap rows;	/* contact id -> caller */
	struct agenda ends, answers; /* in file order of the agents, then seq */
	int *held;		     /* owned; by agent: contacts in hand */
	int64_t *held_since;	     /* owned; by agent */
};

void floor_init(struct floor *floor, const struct config *config,
	const struct trace *trace, struct drive_run *run);
/* Closes the agents' busy times; keeps *run. */
void floor_finish(struct floor *floor);

/* An event_listener of the router; owner is the floor. */
void floor_heard(void *owner, const struct event *event);

/* The first entry that is not stale; NULL: none. */
const struct agenda_entry *floor_next(struct floor *floor, struct agenda *agenda);

/* Whether the customer is still without an agent, so that his patience counts. */
bool floor_is_waiting(const struct floor *floor, size_t row);

#endif
