/* intake/task_list.c - queues and agents, for keys that may read. */
#include <string.h>

#include "intake/task_inner.h"

/* A queue is seen by a key that takes any of its channels there. */
static bool
sees_queue(struct task *task, void *key, int queue)
{
	const struct centre *centre = router_centre(task->parts.router);
	const struct key_check *keys = &task->parts.keys;
	const struct queue *q = &centre->queues[queue];

	for (int i = 0; i < centre->n_channels; i++)
		if (queue_takes(q, i) &&
			keys->takes(keys->owner, key, centre->channels[i].name, q->name))
			return true;
	return false;
}

static bool
admit_reader(struct task *task, const struct http_request *request, void **key)
{
	return task_admit(task, request, "", key) &&
	       task_allow(task, request->id, *key, TASK_READ);
}

void
task_on_queues(void *owner, const struct http_request *request)
{
	struct task *task = owner;
	const struct centre *centre = router_centre(task->parts.router);
	json_t *list, *whole;
	void *key;

	if (!admit_reader(task, request, &key))
		return;
	list = json_array();
	for (int i = 0; i < centre->n_queues; i++)
		if (!centre->queues[i].removed && sees_queue(task, key, i))
			json_array_append_new(list, router_queue_json(task->parts.router,
							    task_now_ms(task), i));
	whole = json_object();
	json_object_set_new(whole, "queues", list);
	task_answer(task, request->id, 200, whole);
}

void
task_on_queue(void *owner, const struct http_request *request)
{
	struct task *task = owner;
	const char *name = request->path + strlen("/v1/queues/");
	int queue;
	void *key;

	if (!admit_reader(task, request, &key))
		return;
	queue = centre_queue(router_centre(task->parts.router), name);
	if (queue < 0 || !sees_queue(task, key, queue)) {
		task_answer_error(task, request->id, 404, "no_queue",
			"There is no such queue; GET /v1/queues lists them.", NULL);
		return;
	}
	task_answer(task, request->id, 200,
		router_queue_json(task->parts.router, task_now_ms(task), queue));
}

void
task_on_agents(void *owner, const struct http_request *request)
{
	struct task *task = owner;
	const struct centre *centre = router_centre(task->parts.router);
	const struct key_check *keys = &task->parts.keys;
	json_t *list, *whole;
	void *key;

	if (!admit_reader(task, request, &key))
		return;
	/* Agents belong to no channel: only a key for everything sees them. */
	if (!keys->takes(keys->owner, key, NULL, NULL)) {
		task_answer_error(task, request->id, 403, "not_permitted",
			"Agents are shown to keys without limits of channels and queues.",
			NULL);
		return;
	}
	list = json_array();
	for (int i = 0; i < centre->n_agents; i++)
		if (!centre->agents[i].removed)
			json_array_append_new(list, router_agent_json(task->parts.router,
							    task_now_ms(task), i));
	whole = json_object();
	json_object_set_new(whole, "agents", list);
	task_answer(task, request->id, 200, whole);
}
