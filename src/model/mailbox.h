/* model/mailbox.h - settings of mail: mailboxes, and by which ways mail comes in. Plain
 * data, shared by reference: who works for a long time keeps the ones he began with. */
#ifndef USHER_MODEL_MAILBOX_H
#define USHER_MODEL_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#define MAILBOXES_MAX 256
#define MAILBOX_ADDRESSES_MAX 32 /* of one */

/* What becomes of a mail on the IMAP server once it is a contact. */
enum imap_after {
	IMAP_FLAG,  /* \Seen */
	IMAP_MOVE,  /* to another folder */
	IMAP_DELETE /* \Deleted, expunged */
};

struct imap_settings {
	char *url; /* "imaps://mail.example.com/INBOX" */
	char *user;
	char *password_file; /* NULL: none */
	char *token_file;    /* XOAUTH2: the access token; NULL: none */
	char *ca_file;	     /* NULL: the system's */
	bool insecure;	     /* no TLS wanted, off loopback too */
	enum imap_after after;
	char *folder; /* of IMAP_MOVE */
	int64_t every_ms, back_off_ms;
};

/* All owned. */
struct mailbox {
	char *name;
	int n_addresses;
	char **addresses; /* the first is the one it writes from */
	char *display;	  /* name beside that address; NULL: none */
	char *channel;
	char *queue;	/* NULL: by the rules */
	char *library;	/* folder of responses; NULL: nothing is proposed */
	char *models;	/* folder; NULL: "models" in the state directory */
	char *envelope; /* sender of the envelope; NULL: mail.out.envelope, or the first
			   address */
	char *language; /* where a mail does not tell; NULL: unknown */
	double floor;	/* 0..1; less probable proposals are not shown */
	bool polled;	/* imap holds */
	struct imap_settings imap;
};

struct mail_settings {
	int refs;
	char *host;	       /* our name: in greetings and Message-IDs */
	char *lmtp;	       /* "unix:/path", "127.0.0.1:24"; NULL: off */
	unsigned lmtp_mode;    /* of the socket's file */
	int64_t size_most;     /* bytes of a mail */
	int connections, rate; /* of LMTP; mails a second, 0: no limit */
	int workers;
	bool keep_originals;
	int64_t keep_ms;    /* files that nobody names any more */
	int64_t threads_ms; /* how long a mail is known by its Message-ID */
	int n_servers;
	char **servers; /* whose Authentication-Results are believed */
	int n_boxes;
	struct mailbox *boxes;
	struct mailout_settings *out; /* owned reference (model/mailout.h) */
};

struct mail_settings *mail_settings_create(void); /* empty; one reference */
struct mail_settings *mail_settings_ref(struct mail_settings *s);
void mail_settings_unref(struct mail_settings *s); /* NULL is fine */

/* NULL: there is none. */
const struct mailbox *mailbox_named(const struct mail_settings *s, const char *name);
/* Are a channel's contacts mails: does a mailbox feed it? */
bool mailbox_feeds(const struct mail_settings *s, const char *channel);

#endif
