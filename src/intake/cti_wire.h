/*
 * intake/cti_wire.h - a live link to a switch: TCP or TLS, the adapter's bytes both ways,
 * reconnect with back-off, lag measured.
 *
 *   RESTING --back-off over--> CALLING --connected, TLS--> GREETED --switch up--> UP
 *   any --closed, refused, silent, behind, not reading--> RESTING
 *
 * It knows nothing of calls: events go to the neutral set (cti.h), orders come from
 * whoever uses it. An order that cannot be done is answered by USHER_ACTION_FAILED
 * through the same set, never by the call itself.
 */
#ifndef USHER_INTAKE_CTI_WIRE_H
#define USHER_INTAKE_CTI_WIRE_H

#include "intake/cti.h"

#define CTI_WIRE_OUTPUT_MAX 1048576 /* bytes that a switch may leave unread */
#define CTI_WIRE_ORDERS_MAX 16384   /* orders that wait for the end of a read */

struct cti_wire;
struct event_base;
struct evdns_base;
struct ssl_ctx_st;

enum cti_wire_state {
	WIRE_RESTING,
	WIRE_CALLING,
	WIRE_GREETED,
	WIRE_UP
};
extern const char *const cti_wire_state_name[4];

struct cti_wire_settings {
	const char *on;			    /* name of the switch; copied */
	const char *address;		    /* "host:port"; copied */
	struct ssl_ctx_st *tls;		    /* owned from now on; NULL: plain */
	const char *tls_name;		    /* copied; NULL: the host's */
	const struct usher_switch *adapter; /* borrowed, with its state */
	void *adapter_state;
	int64_t lag_ms;	    /* behind the switch by so much it is made anew */
	int64_t silence_ms; /* and when it says nothing for so long, though asked */
};

/* All borrowed. dns is made when it is first needed. */
struct cti_wire_parts {
	struct event_base *base;
	struct evdns_base **dns;
	struct cti *cti;
};

/* Begins to connect. */
struct cti_wire *cti_wire_create(
	const struct cti_wire_parts *parts, const struct cti_wire_settings *settings);
/* Closes it: to the neutral set the link is lost. NULL is fine. */
void cti_wire_destroy(struct cti_wire *wire);

/* Call it four times a second: back-off, keep-alive, silence. boot_ms: clock_boot_ms. */
void cti_wire_beat(struct cti_wire *wire, int64_t boot_ms);

/* We stood still until a moment ago, and may not have read all that it said meanwhile. */
bool cti_wire_is_behind(const struct cti_wire *wire, int64_t boot_ms);

/* Carried out at once, or behind the read in progress; texts are copied where needed. */
void cti_wire_order(struct cti_wire *wire, const struct usher_switch_action *action);

void cti_wire_set_bounds(struct cti_wire *wire, int64_t lag_ms, int64_t silence_ms);

enum cti_wire_state cti_wire_state(const struct cti_wire *wire);

struct cti_wire_figures {
	const char *address; /* borrowed */
	enum cti_wire_state state;
	int64_t since_ms;   /* in that state */
	uint64_t connected; /* times it came up */
	int64_t lag_us, lag_most_us;
	uint64_t orders, failed;
	size_t unread_bytes; /* by the switch */
	char problem[200];   /* of the last end; "" */
	struct usher_switch_figures adapter;
};
void cti_wire_figures(
	const struct cti_wire *wire, int64_t boot_ms, struct cti_wire_figures *out);

#endif
