/* model/mailout.h - settings of mail that leaves: the relay, the outbox, review, answers
 * without an agent, acknowledgements. Plain data, shared by reference. */
#ifndef USHER_MODEL_MAILOUT_H
#define USHER_MODEL_MAILOUT_H

#include <stdbool.h>
#include <stdint.h>

#define MAILOUT_DAYS_MAX 366
#define MAILOUT_COUNTED_MAX 65536 /* automatic mails that are counted */

/* A share of the outgoing answers of a category that a supervisor sees first. */
struct mailout_review {
	char *category; /* owned; "" stands for all that are not named */
	double share;	/* 0..1 */
};

/* An acknowledgement for one day. */
struct mailout_day {
	char date[11]; /* "2026-12-25", in the zone of the calendar, else of the centre */
	char *response; /* owned */
};

/* All owned; NULL: not set. */
struct mailout_settings {
	int refs;
	/* The relay. */
	char *host; /* NULL: nothing is sent */
	int port;
	bool starttls;
	char *ca_file, *user, *password_file, *name;
	int64_t timeout_ms;
	int threads;
	/* The outbox. */
	int64_t undo_ms; /* an answer can be taken back so long */
	int64_t give_up_ms, keep_ms;
	bool quote;	/* the original below the answer */
	char *envelope; /* bounces go here; NULL: the mailbox's address */
	/* Review. */
	int n_review;
	struct mailout_review *review;
	/* Answers without an agent. */
	bool answers;	    /* false: none, whatever responses say */
	double none_most;   /* 0..1 */
	double audit_share; /* 0..1 */
	double customer_points;
	int sender_most; /* automatic mails a sender within sender_ms */
	int64_t sender_ms;
	int response_most; /* a response and day */
	int hourly_most;   /* of all: with as many the breaker opens */
	bool proven;	   /* only senders that the border has proven */
	int64_t hold_ms;   /* a mail is held so long for its automatic answer */
	/* Acknowledgements: ids of responses. */
	char *ack_open, *ack_closed, *ack_calendar;
	int n_days;
	struct mailout_day *days;
	/* Learning. */
	int64_t rebuild_ms; /* pause between two rebuilds; 0: on demand only */
	int verdicts_kept;
};

struct mailout_settings *mailout_settings_create(void); /* defaults; one reference */
struct mailout_settings *mailout_settings_ref(struct mailout_settings *s);
void mailout_settings_unref(struct mailout_settings *s); /* NULL is fine */

/* The share of a category: its own, else that of its parents ("cards/lost", "cards"),
 * else that of "", else 0. */
double mailout_review_share(const struct mailout_settings *s, const char *category);

#endif
