/* intake/cti_calls.h - calls and legs as cti.c and cti_snapshot.c know them. */
#ifndef USHER_INTAKE_CTI_CALLS_H
#define USHER_INTAKE_CTI_CALLS_H

#include <sys/queue.h>

#include "base/map.h"
#include "intake/cti.h"

/*  EARLY --waiting, placed--> ALIVE --gone--> GONE --(CTI_KEEP_US)--> forgotten
 *  EARLY --(CTI_EARLY_US)--> forgotten, counted */
enum call_life {
	CALL_EARLY, /* heard of, but not begun: nothing of it was told */
	CALL_ALIVE,
	CALL_GONE
};

enum leg_life {
	LEG_RINGS,
	LEG_TALKS,
	LEG_OVER
};

struct leg {
	char *id, *device; /* owned */
	enum leg_life life;
	bool consult, held, transferred, listed;
	bool rang, answered; /* said so */
	int64_t rang_us, answered_us, picked_up_us;
	int64_t ended_us; /* of an early one */
	enum usher_leg_reason reason;
	char *why;   /* owned */
	char *offer; /* owned; NULL: none had it rung */
};

struct call {
	char *key; /* owned; switch, then id */
	const char *id;
	struct cti_switch *on;
	enum call_life life;
	bool waiting; /* no telephone rang since it was told to wait */
	bool talked;  /* with somebody, since it waited last */
	bool listed;
	enum usher_call_state listed_as;
	int64_t waiting_us, fault_us;  /* clock of the switch */
	int64_t since_us;	       /* our clock: when its life began */
	int last_link;		       /* that said something of it; 0: none */
	int64_t last_us, other_us;     /* our clock: when; and when another one did */
	bool ended_early;	       /* of an early one */
	struct usher_switch_event end; /* then; without texts */
	struct leg *leg;	       /* owned */
	int n_legs;
	TAILQ_ENTRY(call) next; /* among those of its life that end by time */
};
TAILQ_HEAD(call_list, call);

struct cti_switch {
	char *name;	/* owned */
	char *instance; /* owned; NULL: not known */
	int n_up;	/* links that say it is up */
	int64_t up_us;	/* our clock: since when one does */
	bool listing;	/* between the begin and the end of a snapshot */
	struct cti_switch *next;
};

struct cti_link {
	struct cti *cti;
	struct cti_switch *on;
	int number; /* from 1 on */
	bool up;
	int64_t up_us; /* our clock: since when */
	struct cti_link *next;
};

struct cti {
	void (*tell)(void *context, const struct cti_event *event);
	void *context;
	struct map calls;	      /* key to struct call; owned */
	struct call_list early, gone; /* oldest first */
	struct cti_switch *switches;  /* owned */
	struct cti_link *links;	      /* owned */
	int n_links;		      /* that there ever were */
	struct cti_figures figures;
};

void calls_finish(struct cti *cti);
void call_tell(struct cti *cti, const struct call *c, bool resync,
	const struct usher_switch_event *e);
void call_tell_leg(struct cti *cti, const struct call *c, const struct leg *leg,
	bool resync, struct usher_switch_event e);
/* NULL: there is none. */
struct call *call_find(struct cti *cti, const struct cti_switch *on, const char *id);
/* NULL: there are too many, which is counted. */
struct call *call_add(struct cti *cti, struct cti_switch *on, const char *id,
	enum call_life life, int64_t now_us);
/* Another life; out of one list, into another. */
void call_move(struct cti *cti, struct call *c, enum call_life life, int64_t now_us);
struct leg *call_leg(struct call *c, const char *id);
struct leg *call_add_leg(struct cti *cti, struct call *c, const char *id,
	const char *device, bool consult, enum leg_life life);
void call_release_leg(struct cti *cti, struct call *c, struct leg *leg, bool resync,
	struct usher_switch_event e);
/* It ended, nobody saw how: its legs are free. */
void call_lose(struct cti *cti, struct call *c, int64_t now_us);

/* cti_snapshot.c */
void snapshot_begin(
	struct cti *cti, struct cti_switch *on, const char *instance, int64_t now_us);
/* None of its calls is heard of again. */
void snapshot_lose(struct cti *cti, const struct cti_switch *on, int64_t now_us);
void snapshot_call(struct cti *cti, struct cti_switch *on,
	const struct usher_switch_event *e, int64_t now_us);
void snapshot_end(
	struct cti_link *link, const struct usher_switch_event *e, int64_t now_us);

#endif
