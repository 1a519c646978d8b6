/*
 * model/contact.h - one unit of work of one customer on one channel, and its states
 * (CONTRACTS 2).
 *
 *   new -> queued -> offered -> connected -> wrapup -> completed
 *   new -> scheduled -> queued          (not eligible before a window opens)
 *   offered -> queued                   (rejected, timeout, cancelled: at its old place)
 *   connected -> queued | parked        (transfer, requeue | put aside, comes back)
 *   any wait -> abandoned | expired | cancelled;  connected -> lost (switch or link
 * failure)
 */
#ifndef USHER_MODEL_CONTACT_H
#define USHER_MODEL_CONTACT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/centre.h"

#define ATTRIBUTES_MAX 64	/* of a contact */
#define ATTRIBUTE_NAME_MAX 64	/* bytes */
#define ATTRIBUTE_TEXT_MAX 8192 /* bytes of one value */
#define PAYLOAD_MAX 262144	/* bytes of JSON handed through to the desktop */

enum contact_state {
	CONTACT_NEW,
	CONTACT_QUEUED,
	CONTACT_SCHEDULED,
	CONTACT_OFFERED,
	CONTACT_CONNECTED,
	CONTACT_PARKED,
	CONTACT_PENDING,
	CONTACT_WRAPUP,
	CONTACT_COMPLETED, /* the first terminal state */
	CONTACT_ANSWERED,
	CONTACT_ABANDONED,
	CONTACT_EXPIRED,
	CONTACT_CANCELLED,
	CONTACT_UNREACHABLE,
	CONTACT_LOST,
	CONTACT_ERASED,
	CONTACT_STATES, /* how many */
};

extern const char *const contact_state_name[CONTACT_STATES];
enum contact_state contact_state_parse(
	const char *name); /* CONTACT_STATES when unknown */

static inline bool
contact_is_over(enum contact_state state)
{
	return state >= CONTACT_COMPLETED;
}

/* What the switch's own clock says of a call, ms; -1: it said nothing. Later values stand
 * for the whole life of the contact, over all its legs. */
struct measures {
	int64_t ivr_ms;	 /* from the switch's first word of the call until it waited */
	int64_t ring_ms; /* telephones rang, answered or not */
	int64_t talk_ms; /* with an agent, without the holds */
	int64_t hold_ms;
	int transfers;
	int64_t queue_ms; /* its wait that is going on, or was the last one; of the first
			   * since t0: menus and an old place may count */
};

#define MEASURES_NONE ((struct measures){-1, -1, -1, -1, 0, -1})

/* One telephone's part in a call. */
#define LEGS_KEPT 16 /* of a contact; older ones are dropped */
struct leg_record {
	char agent[65];	 /* id; "": nobody of ours */
	char device[65]; /* as the switch names it, cut */
	char end[17];	 /* how it ended: hung_up, no_answer, ...; "": it goes on */
	int64_t at_ms;	 /* centre time of its beginning */
	int64_t ring_ms, talk_ms, hold_ms;
};

enum offer_state {
	OFFER_OPEN,
	OFFER_ACCEPTED,
	OFFER_REJECTED,
	OFFER_TIMEOUT,
	OFFER_RESCINDED,
	OFFER_CANCELLED
};
extern const char *const offer_state_name[6];

/* One attribute; what kinds there are, model/rule.h says. All owned. */
struct attribute {
	char *name;
	enum value_kind kind;
	bool boolean;
	double number;
	char *text;
	int n_list;
	char **list;
};

void attribute_finish(struct attribute *a);
void attribute_copy(
	struct attribute *to, const struct attribute *from); /* to is overwritten */
struct value attribute_value(const struct attribute *a);     /* borrows from a */

#endif
