/*
 * intake/lmtp_server.h - the LMTP listener: sessions (intake/lmtp.h) on connections, with
 * deadlines, rates and bounds of memory. What a mail is and where it goes, its owner
 * says.
 *
 * Deadlines are absolute: a command that was begun must be whole within 30 s, a client
 * that says nothing is let go after 5 minutes, a mail's content has a minute and then 500
 * bytes a second at least (RELIABILITY 6).
 */
#ifndef USHER_INTAKE_LMTP_SERVER_H
#define USHER_INTAKE_LMTP_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "intake/lmtp.h"

#define LMTP_COMMAND_MS 30000
#define LMTP_IDLE_MS 300000
#define LMTP_CONTENT_MS 60000
#define LMTP_CONTENT_RATE 500		   /* bytes a second */
#define LMTP_HELD_MAX (INT64_C(256) << 20) /* bytes of mails in memory; more: 451 */

struct event_base;
struct lmtp_server;

/* A whole mail; owned by who is handed it: lmtp_mail_free(). */
struct lmtp_mail {
	uint64_t session;
	char *sender; /* "": the null path */
	int n_recipients;
	char *recipient[LMTP_RECIPIENTS_MAX];
	char *content; /* CRLF line ends; NUL-terminated, and may hold NULs */
	size_t n;
};
void lmtp_mail_free(struct lmtp_mail *mail);

struct lmtp_server_settings {
	const char *address; /* "unix:/path" or loopback "127.0.0.1:24"; borrowed */
	mode_t mode;	     /* of the socket's file */
	const char *host;    /* our own name; borrowed */
	size_t most;	     /* bytes of a mail */
	int connections;     /* at once; > 0 */
	int rate;	     /* mails a second over all connections; 0: no limit */
};

struct lmtp_server_hooks {
	void *owner;
	/* Can mails be kept now? */
	bool (*ready)(void *owner);
	/* Is this one of our addresses? */
	bool (*knows)(void *owner, const char *address);
	/* A mail is here: it is the owner's, who answers each recipient. */
	void (*mail)(void *owner, struct lmtp_mail *mail);
};

/* Begins to listen. NULL with the reason logged. */
struct lmtp_server *lmtp_server_create(struct event_base *base,
	const struct lmtp_server_settings *settings,
	const struct lmtp_server_hooks *hooks) USHER_MUST_CHECK;
void lmtp_server_destroy(struct lmtp_server *server);
int lmtp_server_port(const struct lmtp_server *server); /* 0: a Unix socket */

/* New limits hold at once; the address stays. */
void lmtp_server_configure(
	struct lmtp_server *server, const struct lmtp_server_settings *settings);

/* What became of a mail; a session that is gone hears nothing. */
void lmtp_server_answer(struct lmtp_server *server, uint64_t session, int i,
	enum lmtp_verdict verdict, const char *words);

#endif
