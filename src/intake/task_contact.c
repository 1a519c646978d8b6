/* intake/task_contact.c - GET and DELETE of one contact. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "intake/task_inner.h"

static void
answer_unknown(struct task *task, uint64_t request, bool away)
{
	const char *why = task->parts.not_ready != NULL
				  ? task->parts.not_ready(task->parts.ready_owner)
				  : NULL;

	/* Finished ones are known to the store alone: while it is away "no such contact"
	 * could be a lie. It may have gone a moment ago, so that nobody knows yet. */
	if (away || why != NULL) {
		task_answer_error(task, request, 503, "store_away",
			why != NULL ? why : "Redis is away; try again later.", NULL);
		return;
	}
	task_answer_error(task, request, 404, "no_contact",
		"There is no such contact; finished ones are kept for a while only.",
		NULL);
}

/* What the asker may see; NULL: nothing at all. The caller's. */
static json_t *
view(struct task *task, const struct asked *asked, json_t *contact)
{
	const struct key_check *keys = &task->parts.keys;
	void *key;

	if (contact == NULL)
		return NULL;
	if (asked->key[0] == '\0')
		return task_customer_view(contact);
	key = keys->by_id(keys->owner, asked->key);
	/* Out of the key's reach is the same as not there. */
	return key != NULL && task_key_takes(task, key, contact) ? json_incref(contact)
								 : NULL;
}

static void
on_found(void *owner, uint64_t who, uint64_t tag, json_t *contact, bool away)
{
	struct task *task = owner;
	struct asked *asked = task_take(task, tag);
	json_t *seen;

	if (asked == NULL)
		return;
	seen = view(task, asked, contact);
	if (seen != NULL)
		task_answer(task, asked->request, 200, seen);
	else
		answer_unknown(task, asked->request, away);
	free(asked);
}

/* ---- giving up ---- */

static void
on_ended(void *owner, uint64_t who, uint64_t tag, const struct outcome *outcome)
{
	struct task *task = owner;
	struct asked *asked = idmap_get(&task->asked, tag);

	if (asked == NULL)
		return;
	if (outcome->kind == OUTCOME_OK) {
		router_fetch_json(task->parts.router, task_now_ms(task), asked->contact,
			false, on_found, task, who, tag);
		return;
	}
	asked = task_take(task, tag);
	task_answer_outcome(task, asked->request, outcome);
	free(asked);
}

static void
answer_over(struct task *task, uint64_t request, const json_t *contact)
{
	const char *state = json_string_value(json_object_get(contact, "state"));
	char *message = xasprintf("The contact is over already: %s.", state);

	task_answer_error(task, request, 409, "wrong_state", message, NULL);
	free(message);
}

/* The contact to be ended was looked up, so that its scope is known. */
static void
on_found_to_end(void *owner, uint64_t who, uint64_t tag, json_t *contact, bool away)
{
	struct task *task = owner;
	struct router *router = task->parts.router;
	struct asked *asked = idmap_get(&task->asked, tag);
	struct reply reply = {.fn = on_ended, .owner = task, .who = who, .tag = tag};
	json_t *seen;

	if (asked == NULL)
		return;
	seen = view(task, asked, contact);
	if (seen == NULL ||
		router_contact_state(router, asked->contact) == CONTACT_STATES) {
		asked = task_take(task, tag);
		if (seen == NULL)
			answer_unknown(task, asked->request, away);
		else
			answer_over(task, asked->request, contact);
		free(asked);
	} else if (asked->by_staff) {
		router_cancel(
			router, task_now_ms(task), asked->contact, "withdrawn", reply);
	} else {
		router_leave(router, task_now_ms(task), asked->contact, reply);
	}
	json_decref(seen);
}

/* "?by=staff" withdraws, "?by=customer" or nothing gives up. */
static bool
who_ends(struct task *task, const struct http_request *request, void *key, bool *by_staff)
{
	char *by = http_query(request, "by");

	*by_staff = by != NULL && strcmp(by, "staff") == 0;
	if (by != NULL && !*by_staff && strcmp(by, "customer") != 0) {
		task_answer_error(task, request->id, 422, "invalid_params",
			"by is \"customer\" (gives up) or \"staff\" (withdraws)", "by");
		free(by);
		return false;
	}
	free(by);
	if (*by_staff && key == NULL) {
		task_answer_error(task, request->id, 403, "not_permitted",
			"A customer's token can give the contact up, not withdraw it.",
			"by");
		return false;
	}
	return key == NULL || task_allow(task, request->id, key, TASK_CANCEL);
}

void
task_on_contact(void *owner, const struct http_request *request)
{
	struct task *task = owner;
	const char *id = request->path + strlen("/v1/contacts/");
	bool ends = strcmp(request->method, "DELETE") == 0, by_staff = false;
	uint64_t contact, tag;
	void *key;

	if (!task_admit(task, request, id, &key))
		return;
	if (ends ? !who_ends(task, request, key, &by_staff)
		 : key != NULL && !task_allow(task, request->id, key, TASK_READ))
		return;
	if (!number_id_parse(id, 'c', &contact)) {
		answer_unknown(task, request->id, false);
		return;
	}
	tag = task_keep(task, request->id, contact, key);
	if (tag == 0)
		return;
	((struct asked *)idmap_get(&task->asked, tag))->by_staff = by_staff;
	router_fetch_json(task->parts.router, task_now_ms(task), contact, false,
		ends ? on_found_to_end : on_found, task, request->id, tag);
}
