/*
 * plugins/line/link.h - a link to one switch by usher's line protocol; shared by the
 * files of this folder.
 *
 *   hello -> (login) -> welcome -> up -> (snapshot) -> reports and orders
 *
 * line.c reads lines, greet.c makes sure who is there, reports.c and snapshot.c make
 * events of what the switch says, orders.c writes what usher asks.
 */
#ifndef USHER_LINE_LINK_H
#define USHER_LINE_LINK_H

#include <jansson.h>

#include <usher/switch.h>

#include "calls.h"

#define LINE_VERSION 1
#define LINE_MAX_BYTES 8192 /* of a message without its end (RELIABILITY 6) */
#define LINE_NONCE_BYTES 16 /* ours; theirs has at least as many, in hexadecimal */
#define LINE_NONCE_MAX 128  /* hexadecimal digits of theirs */
#define LINE_PROOF 65	    /* HMAC-SHA-256 in hexadecimal digits, with the NUL */
#define LINE_SECRET_MIN 16  /* bytes: 128 bit (RELIABILITY S8) */
#define LINE_ATTRIBUTES_MAX 32
#define LINE_LEGS_MAX 64	/* of a call in a snapshot */
#define LINE_SNAPSHOT_MAX 65536 /* calls in one */
#define LINE_SNAPSHOT_TRIES 3	/* of one that something came between */
#define LINE_ID_MAX 128

/* The plugin's settings. */
struct line_settings {
	const char *user, *secret;
	const char *auth; /* hmac or tls */
};

enum line_stage {
	LINE_HELLO,   /* nothing was said yet */
	LINE_WELCOME, /* we logged in */
	LINE_READY,   /* it let us in */
	LINE_UP,      /* it is ready to work */
};

struct link {
	const struct line_settings *settings; /* borrowed */
	const struct usher_switch_sink *sink; /* borrowed */
	struct usher_switch_figures figures;
	enum line_stage stage;
	bool closed;	     /* nothing more is taken of this connection */
	const char *problem; /* of ours; NULL: none */
	char nonce[2 * LINE_NONCE_BYTES + 1], theirs[LINE_NONCE_MAX + 1];
	int64_t t_us;	     /* of the message at hand; 0: it told none */
	int64_t heard, sent; /* sequence numbers: the last of each side */
	char instance[65];   /* of the switch's life; "": not said */
	struct calls calls;

	/* the unfinished line */
	char line[LINE_MAX_BYTES];
	size_t n;
	bool too_long;

	/* the snapshot at hand */
	bool listing;
	int tries;
	json_t *listed; /* owned; list of calls; NULL: none */
};

/* What a message says wrong, in a sentence; NULL: nothing. */
typedef const char *line_rule(struct link *l, const json_t *m);

/* A text member; NULL: it is not there, is empty, or is no text. */
const char *line_text(const json_t *m, const char *name);
/* 1 to LINE_ID_MAX printable ASCII characters without blanks. */
bool line_is_id(const char *id);
/* An id member; NULL: there is no sound one. */
const char *line_id(const json_t *m, const char *name);
/* Seconds of the switch's clock as microseconds; 0: not there. */
int64_t line_moment(const json_t *m, const char *name);
/* Milliseconds, 0 and more; `none` when it is not there. */
int64_t line_ms(const json_t *m, const char *name, int64_t none);
void line_emit(struct link *l, struct usher_switch_event *e);
/* Writes a message and lets go of it; its sequence number is added once we are in. */
void line_send(struct link *l, json_t *message);
void line_close(struct link *l, const char *problem);

/* greet.c */
line_rule greet_hello, greet_welcome, greet_refused;

/* reports.c */
const char *report(struct link *l, const char *is, const json_t *m);
enum usher_leg_reason line_reason(const char *word);
size_t line_attributes(const json_t *m, struct usher_attribute *out);

/* snapshot.c */
line_rule listing_begin, listing_call, listing_end;
void listing_ask(struct link *l, const char *action);
void listing_forget(struct link *l);
/* Something else came between its lines: it is no moment's truth, and asked for anew. */
void listing_disturbed(struct link *l);

/* orders.c */
bool line_act(
	void *link, const struct usher_switch_action *a, char *problem, size_t room);

#endif
