/* history/methods.c - the table of methods, and how a question goes to the database and
 * back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "base/moment.h"
#include "history/apply.h"
#include "history/inner.h"

#define AWAY_MS 5000 /* a write is tried so long before its caller is told */
#define ACT_LIFE_MS INT64_C(86400000) /* so long an act is known by its id */

/* ---- questions ---- */

static void
asking_destroy(struct asking *a)
{
	json_decref(a->result);
	json_decref(a->params);
	free(a);
}

static void
answer(void *arg, enum database_result result)
{
	struct asking *a = arg;

	if (result == DATABASE_AWAY) {
		rpc_refuse(a->rpc, a->tag, RPC_LATER, "history_away",
			"The history cannot be read or written now; try again later.",
			json_pack("{s:i}", "retry_ms", 1000));
	} else if (a->refused != NULL) {
		rpc_refuse(
			a->rpc, a->tag, RPC_NOT_FOUND, a->refused_type, a->refused, NULL);
	} else if (result != DATABASE_OK) {
		rpc_refuse(a->rpc, a->tag, RPC_INTERNAL_ERROR, "internal",
			"The history's database did not take it; see the server's log.",
			NULL);
	} else {
		if (a->done != NULL)
			a->done(a);
		rpc_answer(a->rpc, a->tag, a->result);
		a->result = NULL;
	}
	asking_destroy(a);
}

/* What came of an act that was asked for before; NULL: it was not. */
static json_t *
known_act(struct database_session *s, const char *act)
{
	struct query *q = query_start(s, "SELECT result FROM act WHERE name = $1");
	json_t *result = NULL;

	query_put_text(q, 1, act);
	if (query_row(q))
		result = json_loads(query_text(q, 0), 0, NULL);
	query_end(q);
	return result;
}

/* Committed with what the act did, or not at all. */
static void
keep_act(struct database_session *s, const char *act, const json_t *result)
{
	int64_t now_ms = clock_wall_ms();
	struct query *q = query_start(s, "DELETE FROM act WHERE at_ms < $1");
	struct text text = {0};

	query_put_int(q, 1, now_ms - ACT_LIFE_MS);
	query_run(q);
	json_write(&text, result);
	q = query_start(s, "INSERT INTO act (name, at_ms, result) VALUES ($1, $2, $3)");
	query_put_text(q, 1, act);
	query_put_int(q, 2, now_ms);
	query_put_text(q, 3, text.s);
	query_run(q);
	text_finish(&text);
}

static bool
work(struct database_session *s, void *arg)
{
	struct asking *a = arg;

	json_decref(a->result); /* of a try that could not be committed */
	a->result = a->act[0] != '\0' ? known_act(s, a->act) : NULL;
	a->refused = NULL;
	if (a->result != NULL)
		return true;
	if (!a->work(s, a) || a->refused != NULL)
		return false;
	if (a->act[0] != '\0')
		keep_act(s, a->act, a->result);
	return true;
}

struct asking *
asking_create(struct history *h, const struct rpc_call *call,
	bool (*fn)(struct database_session *s, struct asking *asking))
{
	struct asking *a = xcalloc(1, sizeof *a);
	uint64_t contact = rpc_number_id(call, "contact");

	*a = (struct asking){.history = h,
		.rpc = call->rpc,
		.tag = call->tag,
		.role = call->role,
		.work = fn,
		.params = json_incref(call->params),
		.now_ms = history_now_ms(h),
		.contact =
			contact != 0 ? recorder_contact(h->parts.recorder, contact) : 0};
	snprintf(a->who, sizeof a->who, "%s",
		h->parts.people->who(h->parts.people->owner, call));
	if (rpc_text(call, "id") != NULL)
		snprintf(a->act, sizeof a->act, "%s %s %s %s", rpc_role_name[call->role],
			a->who, call->command->name, rpc_text(call, "id"));
	return a;
}

void
asking_send(struct asking *a, bool writes)
{
	struct database *db = a->history->parts.db;
	bool sent = writes ? database_write(db, work, answer, a, AWAY_MS)
			   : database_read(db, work, answer, a);

	if (!sent)
		answer(a, DATABASE_AWAY);
}

int64_t
party_of(const struct history *h, uint64_t contact)
{
	struct recognised who;

	return router_recognised(h->parts.router, contact, &who) ? (int64_t)who.party : 0;
}

/* ---- values ---- */

json_t *
contact_json(int64_t contact)
{
	char id[NUMBER_ID_TEXT];

	number_id_format(id, 'c', apply_number(contact));
	return json_string(id);
}

json_t *
moment_json(int64_t ms)
{
	char text[MOMENT_TEXT];

	moment_format(text, ms);
	return json_string(text);
}

json_t *
column_text(struct query *q, int i)
{
	return query_is_null(q, i) ? json_null() : json_string(query_text(q, i));
}

json_t *
column_int(struct query *q, int i)
{
	return query_is_null(q, i) ? json_null() : json_integer(query_int(q, i));
}

json_t *
column_number(struct query *q, int i)
{
	return query_is_null(q, i) ? json_null() : json_real(query_number(q, i));
}

json_t *
column_moment(struct query *q, int i)
{
	return query_is_null(q, i) ? json_null() : moment_json(query_int(q, i));
}

/* ---- how it stands ---- */

void
on_history_status(void *owner, const struct rpc_call *call)
{
	struct history *h = owner;
	struct recorder_figures r;
	struct database_figures d;

	recorder_figures(h->parts.recorder, &r);
	database_figures(h->parts.db, &d);
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:b, s:b, s:s*, s:I, s:I, s:I, s:I, s:I}", "connected",
			r.connected, "writing", !d.away, "why", d.away ? d.why : NULL,
			"lag_ms", (json_int_t)r.lag_ms, "entries", (json_int_t)r.entries,
			"events", (json_int_t)r.events, "skipped", (json_int_t)r.skipped,
			"file_bytes", (json_int_t)d.file_bytes));
}

int64_t
history_now_ms(const struct history *h)
{
	return centre_clock_now_ms(h->parts.clock);
}

struct history *
history_create(const struct history_parts *parts)
{
	struct history *h = xcalloc(1, sizeof *h);

	h->parts = *parts;
	http_route(parts->http, "GET", "/v1/reports", history_http_report, h);
	http_route(parts->http, "GET", "/v1/events", history_http_events, h);
	if (parts->customers != NULL)
		customers_add_part(parts->customers, &history_part);
	return h;
}

void
history_destroy(struct history *h)
{
	free(h);
}

void
history_configure(struct history *h, int64_t short_ms)
{
	h->short_ms = short_ms;
}

static const struct rpc_param none[] = {{0}};

static const struct rpc_param event_params[] = {
	{"after", RPC_INTEGER, .least = 0, .most = JSON_INTEGER_MAX},
	{"most", RPC_INTEGER, .least = 1, .most = 500},
	{0},
};

static const struct rpc_param timeline_params[] = {
	{"customer", RPC_TEXT, .most = 64},
	{"contact", RPC_CONTACT},
	{"before", RPC_TIME},
	{"after", RPC_TEXT, .most = 64},
	{"most", RPC_INTEGER, .least = 1, .most = 200},
	{0},
};

static const struct rpc_param note_params[] = {
	RPC_THE_CONTACT,
	RPC_ITS_ID,
	{"text", RPC_TEXT, .required = true, .most = 8192},
	{0},
};

static const struct rpc_param transcript_params[] = {
	{"of", RPC_CONTACT, .required = true},
	{"contact", RPC_CONTACT},
	{"after", RPC_INTEGER, .least = 0, .most = JSON_INTEGER_MAX},
	{0},
};

static const struct rpc_param case_open_params[] = {
	RPC_THE_CONTACT,
	RPC_ITS_ID,
	{"title", RPC_TEXT, .required = true, .most = 512},
	{0},
};

static const struct rpc_param case_join_params[] = {
	RPC_THE_CONTACT,
	{"case", RPC_INTEGER, .required = true, .least = 1, .most = JSON_INTEGER_MAX},
	{0},
};

static const struct rpc_param case_state_params[] = {
	RPC_ITS_ID,
	{"case", RPC_INTEGER, .required = true, .least = 1, .most = JSON_INTEGER_MAX},
	{"state", RPC_WORD, .required = true, .words = "open|pending|resolved"},
	{"contact", RPC_CONTACT},
	{"reason", RPC_TEXT, .most = 512},
	{0},
};

static const struct rpc_param case_list_params[] = {
	{"contact", RPC_CONTACT},
	{"customer", RPC_TEXT, .most = 64},
	{"state", RPC_WORD, .words = "open|pending|resolved"},
	{0},
};

static const struct rpc_param span_params[] = {
	{"from", RPC_TIME},
	{"to", RPC_TIME},
	{0},
};

static const struct rpc_param hook_params[] = {
	{"name", RPC_NAME, .required = true},
	{"url", RPC_TEXT, .required = true, .most = 1024},
	{"events", RPC_NAMES, .most = 64},
	{"private", RPC_BOOLEAN},
	{0},
};

static const struct rpc_param hook_name_params[] = {
	{"name", RPC_NAME, .required = true},
	{0},
};

static const struct rpc_param report_params[] = {
	{"by", RPC_WORD, .words = "all|queue|channel|tier|dnis|agent|team"},
	{"interval", RPC_WORD, .words = "15m|30m|hour|day|all"},
	{"from", RPC_TIME},
	{"to", RPC_TIME},
	{"short_ms", RPC_INTEGER, .least = 0, .most = 600000},
	{"csv", RPC_BOOLEAN},
	{0},
};

const struct rpc_command history_commands[] = {
	{"history.status", RPC_WATCHERS, none, on_history_status,
		"How far the contact records are behind, and whether they can be "
		"written."},
	{"event.list", RPC_MAY(RPC_ADMINISTRATOR) | RPC_MAY(RPC_AUDITOR), event_params,
		on_event_list,
		"Every state change from a cursor on, as it was recorded."},
	{"customer.timeline", RPC_WATCHERS | RPC_MAY(RPC_AGENT), timeline_params,
		on_customer_timeline,
		"Contacts, notes and cases of a customer over all channels; an agent's "
		"only while he serves him."},
	{"contact.transcript", RPC_WATCHERS | RPC_MAY(RPC_AGENT), transcript_params,
		on_contact_transcript,
		"What was said in a contact that has ended; an agent's only of the "
		"customer whom he serves."},
	{"contact.note", RPC_STAFF | RPC_MAY(RPC_AGENT), note_params, on_contact_note,
		"Writes a note on a live contact and its customer."},
	{"case.open", RPC_STAFF | RPC_MAY(RPC_AGENT), case_open_params, on_case_open,
		"Opens a case with a live contact."},
	{"case.join", RPC_STAFF | RPC_MAY(RPC_AGENT), case_join_params, on_case_join,
		"Puts a live contact into a case of its customer."},
	{"case.set_state", RPC_STAFF | RPC_MAY(RPC_AGENT), case_state_params,
		on_case_set_state,
		"Sets a case open, pending (the customer) or resolved."},
	{"case.list", RPC_WATCHERS | RPC_MAY(RPC_AGENT), case_list_params, on_case_list,
		"Cases of a customer with their changes and contacts."},
	{"report.accuracy", RPC_WATCHERS, span_params, on_report_accuracy,
		"How good the wait estimates were, beside two baselines."},
	{"webhook.add", RPC_MAY(RPC_ADMINISTRATOR), hook_params, on_webhook_add,
		"Has events posted to an address, signed; answers with the secret."},
	{"webhook.list", RPC_MAY(RPC_ADMINISTRATOR) | RPC_MAY(RPC_AUDITOR), none,
		on_webhook_list, "Hooks with how far each is, without secrets."},
	{"webhook.remove", RPC_MAY(RPC_ADMINISTRATOR), hook_name_params,
		on_webhook_remove, "Ends a hook."},
	{"report.get", RPC_WATCHERS, report_params, on_report_get,
		"Interval figures by queue, agent, team, channel, tier or number "
		"dialled."},
};
const int history_n_commands =
	(int)(sizeof history_commands / sizeof history_commands[0]);
