/* part_surveys.c - surveys: the history keeps the answers, the intake's secret signs the
 * links. */
#include <stdlib.h>

#include "history/survey.h"
#include "part_customers.h"

static char *
text_of(const char *contact)
{
	/* Not the text of a customer's ticket: neither does for the other. */
	return xasprintf("survey %s", contact);
}

static void
sign(void *owner, const char *contact, int64_t expires_ms, char out[SURVEY_TOKEN_TEXT])
{
	const struct usher *u = owner;
	char *text = text_of(contact);

	_Static_assert(SURVEY_TOKEN_TEXT >= TICKET_TEXT, "a ticket must fit");
	ticket_make(u->ticket_secret, text, expires_ms, out);
	free(text);
}

static bool
good(void *owner, const char *contact, int64_t now_ms, const char *token)
{
	const struct usher *u = owner;
	char *text = text_of(contact);
	bool valid = ticket_is_valid(u->ticket_secret, text, now_ms, token);

	free(text);
	return valid;
}

static void
answered(void *owner, int64_t party)
{
	customers_refresh(((struct usher *)owner)->customers, party);
}

void
part_surveys_open(struct usher *u)
{
	u->surveys = surveys_create(&(struct surveys_parts){.database = u->database,
		.http = u->http,
		.people = &u->people,
		.router = u->router,
		.clock = &u->clock,
		.sign = sign,
		.good = good,
		.owner = u,
		.answered = answered});
	desk_add_commands(u->desk, survey_commands, survey_n_commands, u->surveys);
}

void
part_surveys_close(struct usher *u)
{
	surveys_destroy(u->surveys);
	u->surveys = NULL;
}
