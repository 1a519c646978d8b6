/* intake/task.c - the task API's routes, who may use them, and its answers. */
#include "intake/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "intake/task_inner.h"

#define RETRY_STORE_S "2"      /* Retry-After while the store is away */
#define RETRY_ADMISSION_S "30" /* after an admission refused */
#define RETRY_RATE_S "1"

int64_t
task_now_ms(const struct task *task)
{
	return centre_clock_now_ms(task->parts.clock);
}

/* ---- who asks ---- */

/* The credentials: X-Usher-Token, or what follows "Bearer " (base/http has checked the
 * form); NULL: none. */
static const char *
credentials(const struct http_request *request)
{
	const char *token = http_field(request, "x-usher-token");
	const char *bearer = http_field(request, "authorization");

	return token != NULL ? token : bearer != NULL ? bearer + strlen("Bearer ") : NULL;
}

bool
task_admit(struct task *task, const struct http_request *request, const char *contact,
	void **key)
{
	const struct key_check *keys = &task->parts.keys;
	const char *text = credentials(request);

	*key = NULL;
	if (text != NULL && ticket_looks_like_one(text)) {
		if (*contact != '\0' && ticket_is_valid(task->parts.secret, contact,
						task_now_ms(task), text))
			return true;
	} else if (text != NULL) {
		*key = keys->find(keys->owner, text);
	}
	if (*key != NULL) {
		http_trust(task->parts.http, request->id);
		return true;
	}
	task->counts.unauthorized++;
	http_answer_error(task->parts.http, request->id, 401, "not_authorized",
		"Send Authorization: Bearer with an API key (usherctl key create), or "
		"with the contact's own token.");
	return false;
}

bool
task_allow(struct task *task, uint64_t request, void *key, enum task_act act)
{
	const struct key_check *keys = &task->parts.keys;

	if (keys->may(keys->owner, key, act))
		return true;
	task_answer_error(task, request, 403, "not_permitted",
		"This key is not allowed to do that; make one that is.", NULL);
	return false;
}

bool
task_key_takes(struct task *task, void *key, const json_t *contact)
{
	const struct key_check *keys = &task->parts.keys;

	return keys->takes(keys->owner, key,
		json_string_value(json_object_get(contact, "channel")),
		json_string_value(json_object_get(contact, "queue")));
}

bool
task_may_read(struct task *task, const struct http_request *request)
{
	const struct key_check *keys = &task->parts.keys;
	const char *text = credentials(request);
	void *key;

	if (text == NULL)
		return strncmp(request->peer_address, "127.", 4) == 0 ||
		       strcmp(request->peer_address, "::1") == 0;
	key = keys->find(keys->owner, text);
	return key != NULL && keys->may(keys->owner, key, TASK_READ) &&
	       keys->takes(keys->owner, key, NULL, NULL);
}

/* ---- requests that wait ---- */

uint64_t
task_keep(struct task *task, uint64_t request, uint64_t contact, void *key)
{
	const struct key_check *keys = &task->parts.keys;
	struct asked *asked;

	if (task->counts.waiting >= TASK_WAITING_MAX) {
		task_answer_error(task, request, 503, "busy",
			"Too many requests are waiting; try again later.", NULL);
		return 0;
	}
	asked = xcalloc(1, sizeof *asked);
	asked->request = request;
	asked->contact = contact;
	if (key != NULL)
		snprintf(asked->key, sizeof asked->key, "%s", keys->id(keys->owner, key));
	(void)idmap_put(&task->asked, ++task->last_tag, asked);
	task->counts.waiting++;
	return task->last_tag;
}

struct asked *
task_take(struct task *task, uint64_t tag)
{
	struct asked *asked = idmap_remove(&task->asked, tag);

	if (asked != NULL)
		task->counts.waiting--;
	return asked;
}

/* ---- answers ---- */

static void
answer(struct task *task, uint64_t request, int status, json_t *value, const char *retry)
{
	struct text body = {0};
	struct http_reply reply = {.status = status, .type = "application/json"};

	json_write(&body, value);
	text_add(&body, "\n");
	reply.body = body.s;
	reply.n_body = body.n;
	if (retry != NULL)
		reply.fields[reply.n_fields++] =
			(struct http_field){"retry-after", retry};
	http_answer(task->parts.http, request, &reply);
	text_finish(&body);
	json_decref(value);
}

void
task_answer(struct task *task, uint64_t request, int status, json_t *value)
{
	answer(task, request, status, value, NULL);
}

static void
put_text(json_t *o, const char *name, const char *value)
{
	if (value != NULL)
		json_object_set_new(o, name, json_string(value));
}

static json_t *
error_json(const char *type, const char *message)
{
	json_t *error = json_object();

	put_text(error, "type", type);
	put_text(error, "message", message);
	return error;
}

void
task_answer_error(struct task *task, uint64_t request, int status, const char *type,
	const char *message, const char *field)
{
	json_t *error = error_json(type, message), *whole = json_object();

	put_text(error, "field", field != NULL && *field != '\0' ? field : NULL);
	json_object_set_new(whole, "error", error);
	answer(task, request, status, whole,
		status == 429	? RETRY_RATE_S
		: status == 503 ? RETRY_STORE_S
				: NULL);
}

struct answer_to {
	int status;
	const char *field; /* of the submission; NULL: none */
	const char *retry;
};

static struct answer_to
answer_to(enum outcome_kind kind)
{
	switch (kind) {
	case OUTCOME_OK:
		return (struct answer_to){200, NULL, NULL};
	case OUTCOME_NO_CONTACT:
		return (struct answer_to){404, NULL, NULL};
	case OUTCOME_NO_AGENT:
		return (struct answer_to){422, "agent", NULL};
	case OUTCOME_NO_QUEUE:
		return (struct answer_to){422, "queue", NULL};
	case OUTCOME_NO_CHANNEL:
		return (struct answer_to){422, "channel", NULL};
	case OUTCOME_NO_TIER:
		return (struct answer_to){422, "tier", NULL};
	case OUTCOME_NO_SKILL:
		return (struct answer_to){422, "require", NULL};
	case OUTCOME_BAD_VALUE:
	case OUTCOME_DISPOSITION:
		return (struct answer_to){422, NULL, NULL};
	case OUTCOME_BLOCKED:
		return (struct answer_to){403, NULL, NULL};
	case OUTCOME_OFFER_GONE:
	case OUTCOME_NOT_YOURS:
	case OUTCOME_WRONG_STATE:
		return (struct answer_to){409, NULL, NULL};
	case OUTCOME_QUEUE_FULL:
	case OUTCOME_WAIT_TOO_LONG:
	case OUTCOME_NO_AGENTS:
	case OUTCOME_QUEUE_CLOSED:
		return (struct answer_to){503, NULL, RETRY_ADMISSION_S};
	case OUTCOME_STORE_AWAY:
		return (struct answer_to){503, NULL, RETRY_STORE_S};
	case OUTCOME_KINDS:
		break;
	}
	return (struct answer_to){500, NULL, NULL};
}

void
task_answer_outcome(struct task *task, uint64_t request, const struct outcome *outcome)
{
	const struct centre *centre = router_centre(task->parts.router);
	struct answer_to to = answer_to(outcome->kind);
	json_t *error = error_json(outcome_name(outcome->kind),
		outcome->message != NULL ? outcome->message : "That cannot be done now.");
	json_t *whole = json_object();

	put_text(error, "field", to.field);
	if (outcome->n_alternatives > 0) {
		json_t *list = json_array();

		for (int i = 0; i < outcome->n_alternatives; i++)
			json_array_append_new(list,
				json_string(
					centre->channels[outcome->alternatives[i]].name));
		json_object_set_new(error, "alternatives", list);
	}
	json_object_set_new(whole, "error", error);
	answer(task, request, to.status, whole, to.retry);
}

json_t *
task_customer_view(const json_t *contact)
{
	static const char *const shown[] = {
		"id", "state", "channel", "position", "estimated_wait_ms"};
	json_t *view = json_object();

	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		json_t *value = json_object_get(contact, shown[i]);

		if (value != NULL)
			json_object_set(view, shown[i], value);
	}
	return view;
}

/* ---- health ---- */

static void
on_health(void *owner, const struct http_request *request)
{
	task_answer(owner, request->id, 200, json_pack("{s:s}", "status", "ok"));
}

static void
on_ready(void *owner, const struct http_request *request)
{
	struct task *task = owner;
	const char *why = task->parts.not_ready != NULL
				  ? task->parts.not_ready(task->parts.ready_owner)
				  : NULL;

	if (why == NULL)
		task_answer(task, request->id, 200, json_pack("{s:b}", "ready", 1));
	else
		task_answer_error(task, request->id, 503, "not_ready", why, NULL);
}

/* ---- life ---- */

struct task *
task_create(const struct task_parts *parts)
{
	struct task *task = xcalloc(1, sizeof *task);
	struct http_server *http = parts->http;

	task->parts = *parts;
	if (task->parts.token_life_ms == 0)
		task->parts.token_life_ms = TASK_TOKEN_LIFE_MS;
	http_route(http, "POST", "/v1/contacts", task_on_submit, task);
	http_route(http, "GET,DELETE", "/v1/contacts/", task_on_contact, task);
	http_route(http, "GET", "/v1/queues", task_on_queues, task);
	http_route(http, "GET", "/v1/queues/", task_on_queue, task);
	http_route(http, "GET", "/v1/agents", task_on_agents, task);
	http_route(http, "GET", "/healthz", on_health, task);
	http_route(http, "GET", "/readyz", on_ready, task);
	return task;
}

void
task_destroy(struct task *task)
{
	size_t at = 0;
	void *asked;

	if (task == NULL)
		return;
	while (idmap_next(&task->asked, &at, NULL, &asked))
		free(asked);
	idmap_finish(&task->asked);
	free(task);
}

void
task_counts(const struct task *task, struct task_counts *out)
{
	*out = task->counts;
}
