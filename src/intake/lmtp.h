/*
 * intake/lmtp.h - LMTP (RFC 2033) as a server speaks it: bytes in, commands understood,
 * answers out. Pure: no sockets, no clock.
 *
 *   HELLO --LHLO--> READY --MAIL--> SENDER --RCPT--> RCPTS --DATA--> DATA --CRLF.CRLF-->
 *   ANSWERS --an answer for each recipient--> READY
 *   any --QUIT, too many errors, wrong from the start--> ENDED
 *
 * PIPELINING, SIZE, 8BITMIME, ENHANCEDSTATUSCODES and SMTPUTF8 are offered; STARTTLS,
 * AUTH, CHUNKING are not. Only CRLF.CRLF ends a message; one that holds a bare CR or LF
 * is refused when its true end has come (RELIABILITY S19).
 */
#ifndef USHER_INTAKE_LMTP_H
#define USHER_INTAKE_LMTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/xalloc.h"

#define LMTP_LINE_MAX 2048	    /* bytes of a command with its line end */
#define LMTP_ADDRESS_MAX 320	    /* bytes of a path between < and > */
#define LMTP_RECIPIENTS_MAX 100	    /* of one mail; RFC 5321 4.5.3.1.8 */
#define LMTP_ERRORS_MAX 20	    /* then 421 */
#define LMTP_IDLE_COMMANDS_MAX 1000 /* between two mails; then 421 */

/* What the owner says of a sender, a recipient or a whole mail. */
enum lmtp_verdict {
	LMTP_OK,      /* 250; of a mail: it is committed */
	LMTP_LATER,   /* 451: cannot be kept now */
	LMTP_UNKNOWN, /* 550: no such mailbox */
	LMTP_BAD,     /* 554: can never be taken */
	LMTP_VERDICTS
};

struct lmtp_handler {
	void *owner;
	/* Bytes for the peer; borrowed for the call. */
	void (*say)(void *owner, const char *data, size_t n);
	/* MAIL FROM: may a mail begin? sender: "" for the null path. */
	enum lmtp_verdict (*sender)(void *owner, const char *sender);
	/* RCPT TO: is it one of ours? */
	enum lmtp_verdict (*recipient)(void *owner, const char *recipient);
	/* Content of the mail, dots unstuffed, line ends CRLF. False: it cannot be kept;
	 * the rest is read and thrown away, and all recipients get 451. */
	bool (*content)(void *owner, const char *data, size_t n);
	/* The whole mail has come and is sound: lmtp_answer() follows, now or later, once
	 * for each of the n recipients. */
	void (*whole)(void *owner, int n);
	/* The mail in hand is over without whole(): refused, RSET, the end. */
	void (*dropped)(void *owner);
	/* No more is read: say what is queued and hang up. */
	void (*ended)(void *owner);
};

struct lmtp;

/* host: our own name, for the greeting; borrowed for the call. most: bytes of a mail. */
struct lmtp *lmtp_create(
	const struct lmtp_handler *handler, const char *host, size_t most);
void lmtp_destroy(struct lmtp *lmtp);
/* Greets. */
void lmtp_begin(struct lmtp *lmtp);

/* Takes n bytes; returns how many were used. Fewer: it waits for answers, or has ended;
 * the rest is given again afterwards. */
size_t lmtp_feed(struct lmtp *lmtp, const char *data, size_t n) USHER_MUST_CHECK;

/*
 * lmtp_answer - what became of the mail for recipient i (0..n-1); each once.
 *
 * text     a few words behind the code, ASCII without control characters; NULL: the usual
 *          ones
 */
void lmtp_answer(struct lmtp *lmtp, int i, enum lmtp_verdict verdict, const char *text);

/* Takes commands, and waits for none of our answers. */
bool lmtp_is_idle(const struct lmtp *lmtp);
bool lmtp_is_in_data(const struct lmtp *lmtp);
bool lmtp_waits(const struct lmtp *lmtp); /* for lmtp_answer */
/* Says 421 with the text and ends, from any state. */
void lmtp_give_up(struct lmtp *lmtp, const char *text);

#endif
