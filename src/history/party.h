/*
 * history/party.h - customers in the database: found, made, merged, linked, described.
 * All run within a job of the database (on its threads).
 *
 * A customer is shown by his root: merging points the roots of one at the other, and
 * moves nothing, so that unmerging is exact.
 */
#ifndef USHER_HISTORY_PARTY_H
#define USHER_HISTORY_PARTY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "history/database.h"
#include "history/identity.h"
#include "history/worth.h"

#define MERGED_MAX 64		/* parties that one customer may be made of */
#define PARTY_NAME_MAX 256	/* bytes */
#define ATTRIBUTE_JSON_MAX 8192 /* bytes of one value as JSON */
#define LISTINGS_MAX 10000	/* VIP and block lists together */

enum party_result {
	PARTY_OK,
	PARTY_NONE, /* no such customer */
	PARTY_SAME, /* they are one already */
	PARTY_NOT_MERGED,
	PARTY_TOO_MANY, /* MERGED_MAX */
	PARTY_TAKEN,	/* the identity is another's: merge, or remove it there first */
	PARTY_BAD,	/* a wrong value; the caller has said which */
};

const char *party_result_name(enum party_result result);
/* A sentence that says what to do. */
const char *party_result_text(enum party_result result);

/* What is known of one customer as seen from one of his parties. */
struct party_view {
	int64_t party; /* asked for */
	int64_t root;  /* of the merged ones; 0: there is none */
	int n_merged;
	int64_t merged[MERGED_MAX]; /* all parties of this root, it among them */
	bool provisional;
	char kind[16];
	char name[PARTY_NAME_MAX + 1]; /* "" */
	struct figures figures;
	struct worth_own own;
	double own_points;	     /* by his own figures alone */
	double points;		     /* with what links add; without listings */
	json_t *terms;		     /* owned; list */
	char last_agent[ID_MAX + 1]; /* "" */
};

/* The party and root of an identity; false: nobody's. */
bool party_of_identity(struct database_session *s, const struct identity *identity,
	int64_t *party, int64_t *root);
/* Root of a party; 0: there is none. */
int64_t party_root(struct database_session *s, int64_t party);

/* Reads all but identities, links and listings. False: there is no such party. */
bool party_read(struct database_session *s, int64_t party,
	const struct customer_rules *rules, int64_t now_ms, struct party_view *out);
void party_view_finish(struct party_view *view);

/* The card: docs/customers.md. Masks and tier are added when it is shown. */
json_t *party_card(struct database_session *s, const struct party_view *view,
	const struct customer_rules *rules);

/* Makes a party under a given number. */
void party_create(struct database_session *s, int64_t party, const char *kind,
	const char *name, bool provisional, int64_t now_ms);
/* Highest number that was ever given. */
int64_t party_highest(struct database_session *s);
/* Changes name, kind (NULL: as it is); touches updated_ms and ends being provisional. */
void party_update(struct database_session *s, int64_t party, const char *kind,
	const char *name, int64_t now_ms);

/* Adds an identity; PARTY_TAKEN when it is another customer's (*other says whose). */
enum party_result party_add_identity(struct database_session *s, int64_t party,
	const struct identity *identity, const char *source, int64_t now_ms,
	int64_t *other);
bool party_remove_identity(struct database_session *s, const struct identity *identity);

/* Sets one source's value; NULL or null removes it. */
void party_set_attribute(struct database_session *s, int64_t party, const char *name,
	const char *source, json_t *value, int64_t at_ms);

enum party_result party_merge(struct database_session *s, int64_t into, int64_t from,
	const char *by, int64_t now_ms);
/* Takes a merged party out again, with those that were merged into it before. */
enum party_result party_unmerge(struct database_session *s, int64_t party);

/* weight NAN: that of the settings. */
enum party_result party_link(struct database_session *s, int64_t party, int64_t other,
	const char *kind, double weight, const char *source, int64_t now_ms);
bool party_unlink(
	struct database_session *s, int64_t party, int64_t other, const char *kind);

/* Roots of those who are linked to this root and inherit from it; returns how many. */
int party_heirs(struct database_session *s, int64_t root, int64_t *heirs, int room);

void party_id_format(char out[NUMBER_ID_TEXT], int64_t party);
bool party_id_parse(const char *text, int64_t *party) USHER_MUST_CHECK;

#endif
