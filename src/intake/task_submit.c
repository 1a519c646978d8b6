/* intake/task_submit.c - POST /v1/contacts: one contact comes in. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "intake/task_inner.h"

static void
refuse(struct task *task, uint64_t request, int status, const char *type,
	const char *message, const char *field)
{
	task->counts.refused++;
	task_answer_error(task, request, status, type, message, field);
}

/* Sets a member from outside the body, unless the body says something else. */
static bool
set_member(json_t *body, const char *name, const char *value)
{
	const json_t *given = json_object_get(body, name);

	if (given == NULL)
		return json_object_set_new(body, name, json_string(value)) == 0;
	return json_is_string(given) && strcmp(json_string_value(given), value) == 0;
}

/* The header is another way to say external_id (I9: a re-send finds the first). */
static bool
take_idempotency_key(struct task *task, const struct http_request *request, json_t *body)
{
	const char *key = http_field(request, "idempotency-key");

	if (key == NULL || set_member(body, "external_id", key))
		return true;
	refuse(task, request->id, 422, "invalid_params",
		"Idempotency-Key and external_id differ; send one of them.",
		"external_id");
	return false;
}

static bool
take_source(struct task *task, uint64_t request, void *key, json_t *body)
{
	const struct key_check *keys = &task->parts.keys;
	const char *source = keys->source(keys->owner, key);

	if (source == NULL || set_member(body, "source", source))
		return true;
	refuse(task, request, 403, "not_permitted",
		"This key's contacts carry another source; leave source out.", "source");
	return false;
}

/* The first queue, in the settings' order, that takes the channel and that the key may
 * fill; NULL: none. */
static const char *
queue_of_key(struct task *task, void *key, const char *channel)
{
	const struct centre *centre = router_centre(task->parts.router);
	const struct key_check *keys = &task->parts.keys;
	int number = centre_channel(centre, channel);

	for (int i = 0; number >= 0 && i < centre->n_queues; i++) {
		const struct queue *q = &centre->queues[i];

		if (!q->removed && queue_takes(q, number) &&
			keys->takes(keys->owner, key, channel, q->name))
			return q->name;
	}
	return NULL;
}

/* A key of certain queues must not reach others by leaving the queue to the rules. */
static bool
take_scope(struct task *task, uint64_t request, void *key, json_t *body)
{
	const struct key_check *keys = &task->parts.keys;
	const char *channel = json_string_value(json_object_get(body, "channel"));
	const char *queue = json_string_value(json_object_get(body, "queue"));

	if (channel == NULL) /* submission_parse says what is missing */
		return true;
	if (keys->takes(keys->owner, key, channel, queue))
		return true;
	if (queue == NULL) {
		queue = queue_of_key(task, key, channel);
		if (queue != NULL)
			return set_member(body, "queue", queue);
	}
	refuse(task, request, 403, "not_permitted",
		"This key may not fill that channel or queue.",
		queue == NULL ? "channel" : "queue");
	return false;
}

static void
put_place(struct task *task, uint64_t contact, json_t *answer)
{
	struct estimate e;

	if (!router_estimate(task->parts.router, task_now_ms(task), contact, &e))
		return;
	json_object_set_new(answer, "position", json_integer((json_int_t)e.position));
	if (e.likely_ms >= 0)
		json_object_set_new(answer, "estimated_wait_ms",
			json_pack("{s:I, s:I, s:I}", "low", (json_int_t)e.low_ms,
				"likely", (json_int_t)e.likely_ms, "high",
				(json_int_t)e.high_ms));
}

/* The committed contact as the asker gets it. */
static json_t *
accepted_json(struct task *task, const struct outcome *outcome)
{
	enum contact_state state =
		router_contact_state(task->parts.router, outcome->contact);
	char id[NUMBER_ID_TEXT], ticket[TICKET_TEXT];
	json_t *answer = json_object();

	number_id_format(id, 'c', outcome->contact);
	ticket_make(task->parts.secret, id, task_now_ms(task) + task->parts.token_life_ms,
		ticket);
	json_object_set_new(answer, "id", json_string(id));
	if (state != CONTACT_STATES)
		json_object_set_new(
			answer, "state", json_string(contact_state_name[state]));
	put_place(task, outcome->contact, answer);
	json_object_set_new(answer, "token", json_string(ticket));
	json_object_set_new(answer, "duplicate", json_boolean(outcome->duplicate));
	return answer;
}

/* A duplicate is answered with what the first one is now, which may be over: then only
 * the store knows its state. */
static void
on_fetched(void *owner, uint64_t who, uint64_t tag, json_t *contact, bool away)
{
	struct task *task = owner;
	struct asked *asked = task_take(task, tag);
	struct outcome outcome = {.kind = OUTCOME_OK, .duplicate = true};
	const struct key_check *keys = &task->parts.keys;
	void *key;
	json_t *answer;

	if (asked == NULL)
		return;
	outcome.contact = asked->contact;
	key = keys->by_id(keys->owner, asked->key);
	if (key == NULL || (contact != NULL && !task_key_takes(task, key, contact))) {
		refuse(task, asked->request, 409, "exists",
			"The external id is taken by a contact out of this key's reach; "
			"choose another source or id.",
			"external_id");
		free(asked);
		return;
	}
	answer = accepted_json(task, &outcome);
	if (json_object_get(answer, "state") == NULL && contact != NULL)
		json_object_set(answer, "state", json_object_get(contact, "state"));
	task_answer(task, asked->request, 200, answer);
	free(asked);
}

static void
on_committed(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct task *task = owner;
	struct asked *asked = idmap_get(&task->asked, tag);

	if (asked == NULL)
		return;
	if (outcome->kind == OUTCOME_OK && outcome->duplicate) {
		task->counts.duplicates++;
		asked->contact = outcome->contact;
		router_fetch_json(task->parts.router, task_now_ms(task), outcome->contact,
			false, on_fetched, task, who, tag);
		return;
	}
	asked = task_take(task, tag);
	if (outcome->kind == OUTCOME_OK) {
		task->counts.accepted++;
		task_answer(task, asked->request, 201, accepted_json(task, outcome));
	} else {
		task->counts.refused++;
		task_answer_outcome(task, asked->request, outcome);
	}
	free(asked);
}

static void
hand_in(struct task *task, const struct http_request *request, void *key, json_t *body)
{
	struct submission submission;
	struct submission_error error;
	struct reply reply = {.fn = on_committed, .owner = task, .who = request->id};

	if (!submission_parse(body, &submission, &error)) {
		refuse(task, request->id, 422, "invalid_params", error.message,
			error.field);
		return;
	}
	reply.tag = task_keep(task, request->id, 0, key);
	if (reply.tag != 0)
		router_submit(task->parts.router, task_now_ms(task), &submission, reply);
	submission_finish(&submission);
}

void
task_on_submit(void *owner, const struct http_request *request)
{
	struct task *task = owner;
	const struct key_check *keys = &task->parts.keys;
	struct json_problem problem;
	json_t *body;
	void *key;

	if (!task_admit(task, request, "", &key) ||
		!task_allow(task, request->id, key, TASK_SUBMIT))
		return;
	if (!keys->spend(keys->owner, key, clock_boot_ms())) {
		task->counts.rate_limited++;
		task_answer_error(task, request->id, 429, "rate_limited",
			"This key hands in more contacts a second than it may.", NULL);
		return;
	}
	body = json_read(request->body, request->n_body, &problem);
	if (body == NULL) {
		refuse(task, request->id, 400, "parse_error", problem.message, NULL);
		return;
	}
	/* What is no object is refused by hand_in. */
	if (!json_is_object(body) || (take_idempotency_key(task, request, body) &&
					     take_source(task, request->id, key, body) &&
					     take_scope(task, request->id, key, body)))
		hand_in(task, request, key, body);
	json_decref(body);
}
