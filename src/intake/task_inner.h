/* intake/task_inner.h - what the files of the task API share; nobody else includes it. */
#ifndef USHER_INTAKE_TASK_INNER_H
#define USHER_INTAKE_TASK_INNER_H

#include "base/map.h"
#include "base/text.h"
#include "intake/task.h"

/* A request that waits for the router or the store, known by its tag. */
struct asked {
	uint64_t request; /* of base/http */
	uint64_t contact;
	char key[ID_MAX + 1]; /* id of its API key; "": by ticket */
	bool by_staff;
};

struct task {
	struct task_parts parts;
	struct idmap asked; /* tag -> struct asked, owned */
	uint64_t last_tag;
	struct task_counts counts;
};

int64_t task_now_ms(const struct task *task);

/* Who asks: a key, or a ticket for `contact` ("": tickets are of no use here). When
 * neither, 401 is answered and false returned. *key: NULL for a ticket. */
bool task_admit(struct task *task, const struct http_request *request,
	const char *contact, void **key) USHER_MUST_CHECK;
/* Answers 403 unless the key may. */
bool task_allow(struct task *task, uint64_t request, void *key,
	enum task_act act) USHER_MUST_CHECK;
bool task_key_takes(struct task *task, void *key, const json_t *contact);

/* Keeps what an answer needs; 0 when too many wait (503 was answered). */
uint64_t task_keep(struct task *task, uint64_t request, uint64_t contact, void *key);
struct asked *task_take(struct task *task, uint64_t tag); /* the caller frees it */

/* Answers; value is stolen. */
void task_answer(struct task *task, uint64_t request, int status, json_t *value);
void task_answer_error(struct task *task, uint64_t request, int status, const char *type,
	const char *message, const char *field);
void task_answer_outcome(
	struct task *task, uint64_t request, const struct outcome *outcome);
/* What a customer may see of a contact: id, state, channel, position, estimate. The
 * caller's. */
json_t *task_customer_view(const json_t *contact);

/* task_submit.c, task_contact.c, task_list.c */
void task_on_submit(void *owner, const struct http_request *request);
void task_on_contact(void *owner, const struct http_request *request);
void task_on_queues(void *owner, const struct http_request *request);
void task_on_queue(void *owner, const struct http_request *request);
void task_on_agents(void *owner, const struct http_request *request);

#endif
