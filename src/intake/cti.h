/*
 * intake/cti.h - the neutral set of CTI events, as usher takes it: from any adapter
 * (usher/switch.h), made sound, and each fact told once.
 *
 * Adapters may say things twice, late or out of order, and two links may report one call;
 * none of it does harm:
 * - a call is known by the name of its switch and its id, whichever link reports it;
 * - what was told already, or is about what is over, is counted and dropped;
 * - what belongs to a call that has not begun is remembered for CTI_EARLY_US and told
 *   when it begins; if it never does, it is counted (RELIABILITY F19, CONTRACTS 8.4);
 * - after a new connection the switch tells all its calls: those that are not among them
 *   are lost, which is no abandonment, and their telephones are free (CTI 3.2).
 *
 * No clock: the caller says what time it is.
 */
#ifndef USHER_INTAKE_CTI_H
#define USHER_INTAKE_CTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"
#include "usher/switch.h"

#define CTI_ID_MAX 128	      /* bytes of a call's or leg's id; printable ASCII */
#define CTI_CALLER_MAX 128    /* bytes of a caller's number or name */
#define CTI_TEXT_MAX 256      /* bytes of a device, a reason, ... */
#define CTI_VALUE_MAX 1024    /* bytes of an attribute's value */
#define CTI_ATTRIBUTES_MAX 32 /* of a call */
#define CTI_LEGS_MAX 64	      /* of a call; further ones are refused */
#define CTI_EARLY_US INT64_C(10000000) /* how long an end waits for its beginning */
#define CTI_KEEP_US INT64_C(60000000)  /* how long an ended call is remembered */
#define CTI_CALLS_MAX 100000	       /* of all switches; further ones are refused */

/* A fact that is new. Borrowed for the call; texts are UTF-8 without control characters,
 * and "" when not known; ids of legs are NULL then. */
struct cti_event {
	const char *on; /* name of the switch */
	/* Found out by a snapshot: its moment is not known. A call that is told to wait
	 * so may be served already: state says it, age_us since when it is there. */
	bool resync;
	const struct usher_switch_event *is;
};

struct cti_figures {
	uint64_t events;       /* taken from adapters */
	uint64_t told;	       /* of them, and by snapshots, told as new */
	uint64_t duplicate;    /* said before */
	uint64_t late;	       /* about what is over */
	uint64_t early;	       /* about what began afterwards */
	uint64_t unknown_ends; /* ends of what did not begin within CTI_EARLY_US */
	uint64_t refused;      /* ids that cannot be ids, or more than a bound */
	uint64_t cleaned; /* values that were dropped: control characters, too long */
	uint64_t lost;	  /* calls that ended unseen */
	size_t calls;	  /* alive now */
	int64_t lag_us;	  /* of the last event behind its moment on the switch */
	int64_t lag_most_us;
};

struct cti;	 /* all switches */
struct cti_link; /* one link to one of them */

struct cti *cti_create(
	void (*tell)(void *context, const struct cti_event *event), void *context);
void cti_destroy(struct cti *cti);

/* Several links may name the same switch. Owned by the cti. */
struct cti_link *cti_link_add(struct cti *cti, const char *on);

/* The link is no more; what its switch told stays known. NULL is fine. */
void cti_link_remove(struct cti_link *link);
/* Ends the calls of a switch as `lost`: it will not be heard of again. */
void cti_lose_switch(struct cti *cti, const char *on, int64_t now_us);

/*
 * cti_feed - one event of an adapter.
 *
 * event    borrowed for the call; nothing in it is trusted
 * now_us   Unix microseconds of our own clock
 */
void cti_feed(
	struct cti_link *link, const struct usher_switch_event *event, int64_t now_us);

/* Ends remembering: call it now and then, once a second is often enough. */
void cti_expire(struct cti *cti, int64_t now_us);

struct cti_figures cti_figures(const struct cti *cti);

/*
 * cti_clean - text of a switch made sound: bytes that are no UTF-8 become U+FFFD; marks
 * that cannot be seen (zero width, direction, byte order) and spaces around go.
 *
 * out      room bytes, of which the last is for the NUL
 * Returns  false, with out "": it holds control characters or a line end, or is longer
 *          than room
 */
bool cti_clean(char *out, size_t room, const char *text) USHER_MUST_CHECK;

/* "call.waiting", "agent.ringing", ... */
const char *cti_kind_name(enum usher_switch_kind kind);
const char *cti_outcome_name(enum usher_call_outcome outcome);
const char *cti_reason_name(enum usher_leg_reason reason);

#endif
