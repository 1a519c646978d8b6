/*
 * history/survey.h - what a customer says of a contact afterwards: POST /v1/surveys with
 * the token of a signed link. It joins the contact's record, and by it agent, queue and
 * customer.
 */
#ifndef USHER_HISTORY_SURVEY_H
#define USHER_HISTORY_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/people.h"
#include "history/database.h"
#include "route/router.h"

#define SURVEY_TOKEN_TEXT 96
#define SURVEY_DAYS 30 /* a link is good for so long */

struct surveys;

/* All borrowed; they outlive the surveys. */
struct surveys_parts {
	struct database *database;
	struct http_server *http;
	const struct people *people;
	struct router *router;
	const struct centre_clock *clock; /* centre time */
	/* The token of a contact, and whether a token is that of the contact and still
	 * good; in constant time. */
	void (*sign)(void *owner, const char *contact, int64_t expires_ms,
		char out[SURVEY_TOKEN_TEXT]);
	bool (*good)(void *owner, const char *contact, int64_t now_ms, const char *token);
	void *owner;
	/* The customer of the contact was told something new; on the loop. */
	void (*answered)(void *owner, int64_t party);
};

struct surveys *surveys_create(const struct surveys_parts *parts);
void surveys_destroy(struct surveys *surveys); /* after the database was closed */

/* survey.link; owner is the surveys. */
extern const struct rpc_command survey_commands[];
extern const int survey_n_commands;

#endif
