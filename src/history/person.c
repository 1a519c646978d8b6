/* history/person.c - see person.h. */
#include "history/person.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "history/entry.h"

void
person_note(struct database_session *s, int64_t contact, int64_t party, const char *dnis)
{
	/* A number that was taken for a new customer, who had been made meanwhile, is
	 * nobody's. Events of an erased customer may still be on their way when he is
	 * gone. */
	struct query *q = query_start(s,
		"INSERT INTO contact_person (contact, party, dnis) SELECT $1, (SELECT id "
		"FROM party WHERE id = $2), $3 WHERE NOT EXISTS (SELECT 1 FROM erasure "
		"WHERE party = $2) ON "
		"CONFLICT (contact) DO UPDATE SET party = coalesce(excluded.party, "
		"party), dnis = coalesce(excluded.dnis, dnis)");

	query_put_int(q, 1, contact);
	query_put_int(q, 2, party);
	query_put_text(q, 3, dnis);
	query_run(q);
}

void
person_close(struct database_session *s, int64_t contact, const struct person_end *end)
{
	struct json_problem problem;
	json_t *in = end->payload != NULL
			     ? json_read(end->payload, strlen(end->payload), &problem)
			     : NULL;
	char *party = end->record != NULL ? entry_value(end->record, "party") : NULL;
	struct query *q = query_start(s,
		"UPDATE contact_person SET party = coalesce((SELECT id FROM party "
		"WHERE id = $2), party), "
		"customer = $3, external_id = $4, title = $5, channel = $6, ended_ms = "
		"$7 WHERE contact = $1");

	query_put_int(q, 1, contact);
	query_put_int(q, 2, party != NULL ? strtoll(party, NULL, 10) : 0);
	query_put_text(q, 3,
		json_string_value(
			json_object_get(json_object_get(in, "customer"), "id")));
	query_put_text(q, 4, json_string_value(json_object_get(in, "external_id")));
	query_put_text(q, 5, json_string_value(json_object_get(in, "title")));
	query_put_text(q, 6, end->channel);
	query_put_int(q, 7, end->ended_ms);
	query_run(q);
	json_decref(in);
	free(party);
}
