/*
 * base/mail.h - the one door by which mail leaves: whole messages are handed to a relay
 * (the site's MTA, or a mail provider's submission port) by libesmtp on threads of their
 * own, and the truth about each recipient comes back on the loop.
 *
 * The library tells less than the truth and checks nothing, so this does: sent means that
 * the message and the recipient both had a 2xx answer; a connection that was lost before
 * the message began leaves nothing in doubt, one that was lost after it does; addresses
 * and headers are checked before the library sees them; TLS is 1.2, as 1.3 makes it hang,
 * with our own context that checks chain and name; the message goes out with CRLF, and
 * its dots doubled by the library.
 */
#ifndef USHER_BASE_MAIL_H
#define USHER_BASE_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/xalloc.h"

struct event_base;
struct mailer;

#define MAILER_ADDRESS_MAX 254	  /* bytes of an address (RFC 5321, 4.5.3.1.3, less <>) */
#define MAILER_RECIPIENTS_MAX 50  /* of one message */
#define MAILER_BYTES_MAX 26214400 /* of one message */
#define MAILER_LINE_MAX 998	  /* bytes of a line without its end (RFC 5322, 2.1.1) */
#define MAILER_HEADER_MAX 102400  /* bytes of a message's header */
#define MAILER_WORDS_MAX 256	  /* bytes of what a server said that are kept */
#define MAILER_THREADS_MAX 16

/* ---- where mail goes ---- */

enum mailer_security {
	MAILER_PLAIN,	/* for an MTA on loopback; elsewhere it must be spelled out */
	MAILER_STARTTLS /* required: nothing is sent without it */
};

/* Copied. */
struct mailer_relay {
	const char *host; /* name or address; the certificate must be for it */
	int port;	  /* 25, 587 */
	enum mailer_security security;
	const char *ca_file;	   /* PEM; NULL: the system's */
	const char *user;	   /* NULL: no login */
	const char *password_file; /* its first line; with user */
	const char *name;	   /* our own in EHLO; NULL: the host's */
	/* Without a word from the server; > 0. All that it says before the message and
	 * after it takes four times this at most, each; the connection itself is waited
	 * for as long as the system does. */
	int64_t timeout_ms;
};

/* ---- what goes ---- */

/* Copied; checked by mailer_send. */
struct mailer_mail {
	const char *from;      /* envelope sender; "": the null path <> */
	const char *const *to; /* envelope recipients */
	int n_to;	       /* 1..MAILER_RECIPIENTS_MAX */
	/* The message, header and all; lines end with LF or CRLF. NULL: `make` gives it.
	 */
	const char *text;
	size_t n; /* 1..MAILER_BYTES_MAX */
	/* Makes the message on the sending thread, where it may wait for the disk: *n
	 * bytes, freed by the mailer; NULL with a sentence, static, in *fault, and the
	 * mail is refused. drop frees arg, on the loop, once, when mailer_send has said
	 * true. */
	char *(*make)(void *arg, size_t *n, const char **fault);
	void (*drop)(void *arg);
	void *arg;
};

enum mailer_fate {
	MAILER_SENT,	/* the relay has it and answered 2xx */
	MAILER_LATER,	/* it certainly has it not; worth trying again */
	MAILER_REFUSED, /* it will not have it (5xx), or the mail is not fit to be sent */
	MAILER_UNSURE	/* the connection was lost while it took it: nobody knows */
};
extern const char *const mailer_fate_name[4]; /* "sent", "later", "refused", "unsure" */

struct mailer_result {
	enum mailer_fate fate;	      /* the worst of the recipients' in the order SENT,
					 REFUSED, LATER, UNSURE */
	int code;		      /* SMTP's; 0: none */
	char words[MAILER_WORDS_MAX]; /* the server's, or ours: a sentence, printable */
	int n_to;
	enum mailer_fate each[MAILER_RECIPIENTS_MAX]; /* by recipient, as given */
	int codes[MAILER_RECIPIENTS_MAX];
};

/* Called on the loop, once for each mail that mailer_send took. result: borrowed. */
typedef void (*mailer_done)(
	void *owner, uint64_t tag, const struct mailer_result *result);

/*
 * mailer_create - starts the threads.
 *
 * relay    NULL: none yet; mails are then kept back by whoever asks mailer_is_ready()
 * threads  1..MAILER_THREADS_MAX; as many mails are on their way at once
 * Returns  owned by the caller; NULL with the reason in error
 */
struct mailer *mailer_create(struct event_base *base, const struct mailer_relay *relay,
	int threads, char *error, size_t room) USHER_MUST_CHECK;

/* Can the relay's files be used? False with the reason in error. */
bool mailer_try(const struct mailer_relay *relay, char *error, size_t room);
/* The relay of the mails that are handed over from now on; NULL: none. False: it cannot
 * be used, the reason is in error, and the one before stays. */
bool mailer_use(struct mailer *mailer, const struct mailer_relay *relay, char *error,
	size_t room) USHER_MUST_CHECK;

/* There is a relay, and a thread is free. */
bool mailer_is_ready(const struct mailer *mailer);

/*
 * mailer_send - hands a mail over.
 *
 * done     may be called before this returns only when the result is false, and is not
 *          then
 * Returns  false: not ready, or not fit (*fault says why, when not NULL): done is not
 *          called
 */
bool mailer_send(struct mailer *mailer, const struct mailer_mail *mail, mailer_done done,
	void *owner, uint64_t tag, const char **fault) USHER_MUST_CHECK;

/* Waits a moment for mails on their way; done is not called any more. */
void mailer_destroy(struct mailer *mailer);

/* ---- checks (RELIABILITY S17), pure ---- */

/*
 * mailer_address_valid - may this be an envelope address or stand in a header?
 *
 * One mailbox, `local@domain`, ASCII: a dot-atom or a quoted string without control
 * characters, no leading "-", a domain of letters, digits and hyphens, or an address
 * literal. NULL and "" are not.
 */
bool mailer_address_valid(const char *address);
/* May it stand in a header field that we write: no control characters (C1, too), no line
 * ends of any kind (U+2028, U+2029), no bidirectional marks, valid UTF-8. */
bool mailer_text_valid(const char *text);
/* The same made so: what may not stand there becomes a blank. At most room - 1 bytes. */
void mailer_text_clean(const char *text, char *out, size_t room);

/*
 * mailer_check - is a message fit to be sent: a header with From and Message-ID, no line
 * too long, no NUL, every header line a field or its continuation, sizes within bounds.
 *
 * Returns  NULL when it is, else a sentence, static
 */
const char *mailer_check(const char *text, size_t n);

/* The message with every line end (CR, LF, CRLF) as CRLF, and one at its end. The caller
 * owns it; *length bytes. */
char *mailer_with_crlf(const char *text, size_t n, size_t *length);

#endif
