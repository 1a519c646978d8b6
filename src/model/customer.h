/*
 * model/customer.h - what the settings say about customers: how they are known, what they
 * are worth, how long is kept what is known of them.
 *
 * Made by control/config_customers.c, immutable afterwards, held by reference count since
 * threads of the database read it too.
 */
#ifndef USHER_MODEL_CUSTOMER_H
#define USHER_MODEL_CUSTOMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/xalloc.h"

#define WORTH_TERMS_MAX 32
#define IDENTITY_KINDS_MAX 16
#define IDENTITY_FROM_MAX 8 /* attributes that give one kind */

/*
 * A term of the value points: weight x (figure - from), within least..most. A figure is
 * an attribute of the customer with a number (or true = 1), or one that usher keeps:
 * tenure_years, cost_to_serve, repeat_contacts, complaints.
 */
struct worth_term {
	char *name;
	char *figure;
	double weight; /* points a unit */
	double from;
	double least, most; /* points */
};

/* Where identities of a kind stand in a contact: attributes, the first that is there. */
struct identity_kind {
	char *kind;
	int n_from;
	char *from[IDENTITY_FROM_MAX];
};

struct channel_retention {
	char *channel; /* "*": all that are not named */
	int64_t ms;
};

struct customer_rules {
	int refs;	 /* atomic */
	char country[3]; /* of phone numbers without "+"; ISO 3166 */
	int64_t wait_ms; /* that a contact waits for the directory on its way in */
	int n_kinds;
	struct identity_kind kinds[IDENTITY_KINDS_MAX]; /* the surest first */
	bool learn; /* an unknown identity joins the customer who is known by another */
	bool merge_provisional; /* customers made of contacts alone merge by themselves */
	int n_sources;
	char **sources; /* the most trusted first; others follow, the latest first */
	int n_terms;
	struct worth_term *terms;
	double inherit;	      /* weight of a link that names none */
	double vip_points;    /* of a VIP listing that names none */
	double block_points;  /* likewise of a block listing */
	bool block_refuses;   /* a blocked customer is refused at the door */
	int64_t repeat_ms;    /* contacts that ended within count as repeat contacts */
	double cost_per_hour; /* of handling; feeds cost_to_serve */
	int64_t cost_ms;      /* over which cost_to_serve is summed */
	int n_complaints;
	char **complaints; /* dispositions that open a complaint */
	int n_settled;
	char **settled; /* dispositions that close it */
	int n_private;
	char **private_names; /* attributes and terms that agents do not see */
	int n_retention;
	struct channel_retention *retention;
	int64_t provisional_ms; /* provisional customers without contacts are kept */
};

struct customer_rules *customer_rules_ref(struct customer_rules *rules);
void customer_rules_unref(struct customer_rules *rules); /* NULL is fine; any thread */

/* Place of a source in the order of trust; n_sources for those that are not named. */
int customer_source_rank(const struct customer_rules *rules, const char *source);
bool customer_is_private(const struct customer_rules *rules, const char *name);
/* How long contacts of a channel are kept; 0: for ever. */
int64_t customer_retention_ms(const struct customer_rules *rules, const char *channel);

#endif
