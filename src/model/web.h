/*
 * model/web.h - settings of the web chat and of the call-me form, as they are compiled
 * (control/config_web.c). Durations in ms, divided by the speed of a play already.
 */
#ifndef USHER_MODEL_WEB_H
#define USHER_MODEL_WEB_H

#include <stdbool.h>
#include <stdint.h>

/* A list of texts; owned with each. */
struct web_list {
	int n;
	char **text;
};

/* All owned. */
struct chat_settings {
	char *channel;	       /* of chats; "chat" */
	char *queue;	       /* NULL: by the rules */
	char *title;	       /* of the widget; NULL: its own words */
	struct web_list sites; /* origins whose pages may embed the widget */
	struct web_list ask;   /* fields of the pre-chat form: name, email, phone, topic,
				  question */
	struct web_list require; /* those of them that must be filled */
	struct web_list topics;	 /* to choose from; none: free text */
	char *identity_key_file; /* NULL: identities are refused */
	int64_t agent_warn_ms;	/* the customer waits for an answer so long: a warning; 0:
				   never */
	int64_t agent_limit_ms; /* then back to the queue; 0: never */
	int64_t customer_ask_ms; /* the agent waits for an answer so long: are you there?
				    0: never */
	int64_t customer_limit_ms; /* then the end; 0: never */
	int64_t away_ms;	   /* a customer without connection is waited for */
	int64_t other_ms;	   /* likely wait beyond which other ways are offered */
	int64_t keep_ms;	   /* after the end: rating, transcript, resume */
	int open_per_address;	   /* 0: no limit */
	double messages_per_second;
	int messages_burst;
	int messages_most;	      /* of one chat */
	int64_t upload_most;	      /* bytes of one file; 0: no uploads */
	int uploads_most;	      /* of one chat */
	struct web_list upload_types; /* endings: "pdf", "png" */
	bool suggest;		 /* proposals for the agent from the customer's words */
	int written_per_address; /* messages left instead, an hour; 0: no limit */
};

void chat_settings_finish(struct chat_settings *s);

/* One rule of the number plan; the longest prefix that a number begins with decides. */
struct number_rule {
	char *prefix; /* digits of E.164 without "+"; "" is every number */
	bool allowed;
};

struct number_plan {
	char *country;	     /* "44": of numbers without "+" or the international prefix;
			      * NULL: such numbers are refused */
	char *trunk;	     /* "0": dropped in front of a national number; "" */
	char *international; /* "00" */
	int least, most;     /* digits with country code */
	int n_rules;
	struct number_rule *rules; /* owned */
};

/* Whether there is any number that may be called. */
bool number_plan_allows_any(const struct number_plan *plan);

struct callme_settings {
	char *channel; /* "callback" */
	char *queue;   /* NULL: by the rules */
	struct number_plan plan;
	int calendar; /* of the centre: when customers may be called; -1: always */
	int64_t window_least_ms, ahead_most_ms;
	int per_number_day, per_address_hour; /* 0: no limit */
	struct web_list topics;
	bool consent; /* must be given */
};

void callme_settings_finish(struct callme_settings *s);

/* Is it in the list? */
bool web_list_has(const struct web_list *list, const char *text);

#endif
