/* history/survey.c - satisfaction told by a signed link. */
#include "history/survey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/moment.h"
#include "history/apply.h"
#include "history/party.h"
#include "history/said.h"

#define BODY_MAX 2048 /* bytes of an answer */
#define DAY_MS INT64_C(86400000)
#define PATIENCE_MS 10000

struct surveys {
	struct surveys_parts parts;
	struct idmap asked; /* struct asked by request, owned */
};

/* One answer on its way to the database. */
struct answer {
	struct surveys *surveys;
	uint64_t request; /* of HTTP */
	uint64_t contact;
	double satisfaction;
	bool known, again; /* the contact has a record; it was answered before */
	int64_t party;
};

/* ---- the database ---- */

static int64_t
generation(struct database_session *s)
{
	struct query *q = query_start(s, "SELECT generation FROM progress WHERE id = 1");
	int64_t n = 0;

	if (query_row(q))
		n = query_int(q, 0);
	query_end(q);
	return n;
}

static bool
find_record(struct database_session *s, struct answer *a, int64_t id)
{
	struct query *q = query_start(s,
		"SELECT p.party FROM contact c LEFT JOIN contact_person p ON p.contact = "
		"c.id WHERE c.id = $1");

	query_put_int(q, 1, id);
	a->known = query_row(q);
	a->party = a->known ? query_int(q, 0) : 0;
	query_end(q);
	return a->known;
}

/* The first answer counts; a second one changes nothing. */
static bool
write_answer(struct database_session *s, void *arg)
{
	struct answer *a = arg;
	int64_t id = apply_contact(generation(s), a->contact), now_ms = clock_wall_ms();
	char key[NUMBER_ID_TEXT + 16], number[NUMBER_ID_TEXT];

	if (!find_record(s, a, id))
		return true;
	number_id_format(number, 'c', a->contact);
	snprintf(key, sizeof key, "survey %s", number);
	a->again = !satisfaction_keep(
		s, id, a->party, a->satisfaction, "survey", key, now_ms);
	return true;
}

static void
written(void *arg, enum database_result result)
{
	static const char thanks[] = "{\"accepted\":true}",
			  before[] = "{\"accepted\":true,\"again\":true}";
	struct answer *a = arg;
	struct surveys_parts *p = &a->surveys->parts;
	const char *body = a->again ? before : thanks;
	struct http_reply reply = {.status = 200,
		.type = "application/json",
		.body = body,
		.n_body = strlen(body)};

	if (result != DATABASE_OK)
		http_answer_error(p->http, a->request, 503, "database_away",
			"The answer cannot be kept now; try again later.");
	else if (!a->known)
		http_answer_error(p->http, a->request, 404, "no_contact",
			"There is no record of this contact (any more, or yet).");
	else
		http_answer(p->http, a->request, &reply);
	if (result == DATABASE_OK && a->known && !a->again && a->party != 0)
		p->answered(p->owner, a->party);
	free(a);
}

/* ---- HTTP ---- */

static void
on_post(void *owner, const struct http_request *r)
{
	struct surveys *surveys = owner;
	struct surveys_parts *p = &surveys->parts;
	struct json_problem problem = {"the answer is too long"};
	json_t *o =
		r->n_body <= BODY_MAX ? json_read(r->body, r->n_body, &problem) : NULL;
	const char *contact = json_string_value(json_object_get(o, "contact"));
	const char *token = json_string_value(json_object_get(o, "token"));
	const json_t *satisfaction = json_object_get(o, "satisfaction");
	struct answer *a;
	uint64_t number = 0;

	if (!json_is_object(o)) {
		http_answer_error(p->http, r->id, 400, "invalid_request",
			o == NULL ? problem.message : "The body must be an object.");
	} else if (contact == NULL || token == NULL ||
		   !number_id_parse(contact, 'c', &number) ||
		   !p->good(p->owner, contact, clock_wall_ms(), token)) {
		http_answer_error(p->http, r->id, 401, "not_permitted",
			"The link is not good (any more).");
	} else if (!json_is_number(satisfaction) ||
		   !(json_number_value(satisfaction) >= 0 &&
			   json_number_value(satisfaction) <= 10)) {
		http_answer_error(p->http, r->id, 422, "invalid_params",
			"satisfaction must be a number from 0 to 10.");
	} else {
		a = xcalloc(1, sizeof *a);
		*a = (struct answer){.surveys = surveys,
			.request = r->id,
			.contact = number,
			.satisfaction = json_number_value(satisfaction)};
		if (!database_write(p->database, write_answer, written, a, PATIENCE_MS))
			written(a, DATABASE_AWAY);
	}
	json_decref(o);
}

/* ---- the link ---- */

/* A link asked for a contact that has ended: whose it was is looked up, in the store as
 * long as it is there, then in the records. */
struct asked {
	struct surveys *surveys;
	struct rpc *rpc;
	uint64_t who, tag, contact;
	json_t *record; /* owned; NULL: there is none */
};

static void
asked_destroy(struct asked *a)
{
	json_decref(a->record);
	free(a);
}

static void
give(struct surveys *surveys, struct rpc *rpc, uint64_t tag, uint64_t number)
{
	struct surveys_parts *p = &surveys->parts;
	char contact[NUMBER_ID_TEXT], token[SURVEY_TOKEN_TEXT], until[MOMENT_TEXT];
	int64_t expires_ms = clock_wall_ms() + SURVEY_DAYS * DAY_MS;

	number_id_format(contact, 'c', number);
	p->sign(p->owner, contact, expires_ms, token);
	moment_format(until, expires_ms);
	rpc_answer(rpc, tag,
		json_pack("{s:s, s:s, s:s, s:s}", "contact", contact, "token", token,
			"until", until, "post", "/v1/surveys"));
}

static void
give_if_his(const struct asked *a, const json_t *contact)
{
	const struct people *people = a->surveys->parts.people;

	if (people->sees_ended(people->owner, a->who, contact))
		give(a->surveys, a->rpc, a->tag, a->contact);
	else
		rpc_refuse(a->rpc, a->tag, RPC_IDENTITY, "not_permitted",
			"This contact is not yours to ask about.", NULL);
}

static bool
read_record(struct database_session *s, void *arg)
{
	struct asked *a = arg;
	struct query *q =
		query_start(s, "SELECT queue, channel, agent FROM contact WHERE id = $1");

	query_put_int(q, 1, apply_contact(generation(s), a->contact));
	if (query_row(q))
		a->record = json_pack("{s:s*, s:s*, s:s*}", "queue", query_text(q, 0),
			"channel", query_text(q, 1), "agent", query_text(q, 2));
	query_end(q);
	return true;
}

static void
record_read(void *arg, enum database_result result)
{
	struct asked *a = arg;

	if (result != DATABASE_OK)
		rpc_refuse(a->rpc, a->tag, RPC_LATER, "database_away",
			"The records cannot be read now; try again later.",
			json_pack("{s:i}", "retry_ms", 1000));
	else if (a->record == NULL)
		rpc_refuse(a->rpc, a->tag, RPC_NOT_FOUND, "no_contact",
			"There is no record of this contact (any more, or yet).", NULL);
	else
		give_if_his(a, a->record);
	asked_destroy(a);
}

static void
fetched(void *owner, uint64_t who, uint64_t tag, json_t *contact, bool away)
{
	struct surveys *surveys = owner;
	struct asked *a = idmap_remove(&surveys->asked, tag);

	if (a == NULL)
		return;
	if (contact != NULL) {
		give_if_his(a, contact);
		asked_destroy(a);
	} else if (away) {
		rpc_refuse(a->rpc, a->tag, RPC_LATER, "store_away",
			"Redis is away, so it is not known whose it was; try again "
			"later.",
			json_pack("{s:i}", "retry_ms", 1000));
		asked_destroy(a);
	} else if (!database_read(surveys->parts.database, read_record, record_read, a))
		record_read(a, DATABASE_AWAY);
}

/* Staff's links are on record, as all that they do; false: refused. */
static bool
is_audited(const struct people *people, const struct rpc_call *call)
{
	return (RPC_MAY(call->role) & RPC_STAFF) == 0 ||
	       people->audit(
		       people->owner, call, rpc_text(call, "contact"), "survey link");
}

static void
on_link(void *owner, const struct rpc_call *call)
{
	struct surveys *surveys = owner;
	struct surveys_parts *p = &surveys->parts;
	uint64_t contact = rpc_number_id(call, "contact");
	struct asked *a;

	if (router_contact_state(p->router, contact) != CONTACT_STATES) {
		if (p->people->contact(p->people->owner, call, &contact) &&
			is_audited(p->people, call))
			give(surveys, call->rpc, call->tag, contact);
		return;
	}
	if (!is_audited(p->people, call))
		return;
	a = xcalloc(1, sizeof *a);
	*a = (struct asked){.surveys = surveys,
		.rpc = call->rpc,
		.who = call->who,
		.tag = call->tag,
		.contact = contact};
	idmap_put(&surveys->asked, call->tag, a);
	router_fetch_json(p->router, centre_clock_now_ms(p->clock), contact, false,
		fetched, surveys, call->who, call->tag);
}

static const struct rpc_param link_params[] = {
	{"contact", RPC_CONTACT, true, 0, 0, NULL}, {0}};

const struct rpc_command survey_commands[] = {
	{"survey.link", RPC_STAFF | RPC_MAY(RPC_LINK) | RPC_MAY(RPC_INTAKE), link_params,
		on_link, "A signed token by which a customer rates one contact."},
};
const int survey_n_commands = (int)(sizeof survey_commands / sizeof survey_commands[0]);

/* ---- life ---- */

struct surveys *
surveys_create(const struct surveys_parts *parts)
{
	struct surveys *surveys = xcalloc(1, sizeof *surveys);

	surveys->parts = *parts;
	http_route(parts->http, "POST", "/v1/surveys", on_post, surveys);
	return surveys;
}

void
surveys_destroy(struct surveys *surveys)
{
	size_t at = 0;
	uint64_t tag;
	void *value;

	while (surveys != NULL && idmap_next(&surveys->asked, &at, &tag, &value))
		asked_destroy(value);
	if (surveys != NULL)
		idmap_finish(&surveys->asked);
	free(surveys);
}
