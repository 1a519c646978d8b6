/* history/webhook_methods.c - hooks are added, listed and removed by administrators. */
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "history/inner.h"
#include "history/webhooks.h"

#define SECRET_BYTES 32

static void
changed(struct asking *a)
{
	webhooks_changed(a->history->parts.webhooks);
}

/* The names of the events, a space between; the caller owns it; NULL: one is no event. */
static char *
filter_of(const json_t *events)
{
	struct text out = {0};
	json_t *one;
	size_t i;

	json_array_foreach(events, i, one)
	{
		const char *name = json_string_value(one);
		int kind = 0;

		while (kind < EVENT_KINDS && strcmp(event_name[kind], name) != 0)
			kind++;
		if (kind == EVENT_KINDS) {
			text_finish(&out);
			return NULL;
		}
		if (out.n > 0)
			text_add(&out, " ");
		text_add(&out, name);
	}
	return text_take(&out);
}

static bool
add(struct database_session *s, struct asking *a)
{
	const char *secret = a->secret;
	char *filter = filter_of(json_object_get(a->params, "events"));
	struct query *q = query_start(s, "SELECT count(*) FROM webhook");
	bool full = query_row(q) && query_int(q, 0) >= WEBHOOKS_MAX;

	query_end(q);
	if (full) {
		a->refused_type = "too_many";
		a->refused = "There are 32 hooks already; remove one.";
		free(filter);
		return false;
	}
	/* It begins with what happens from now on. */
	q = query_start(s, "INSERT INTO webhook (name, url, secret, events, private, n) "
			   "VALUES ($1, $2, $3, "
			   "$4, $5, (SELECT coalesce(max(n), 0) FROM event)) ON CONFLICT "
			   "(name) DO UPDATE "
			   "SET url = excluded.url, secret = excluded.secret, events = "
			   "excluded.events, "
			   "private = excluded.private");
	query_put_text(q, 1, json_string_value(json_object_get(a->params, "name")));
	query_put_text(q, 2, json_string_value(json_object_get(a->params, "url")));
	query_put_text(q, 3, secret);
	query_put_text(q, 4, filter);
	query_put_int(q, 5, json_is_true(json_object_get(a->params, "private")));
	query_run(q);
	free(filter);
	a->result = json_pack("{s:b, s:s}", "accepted", 1, "secret", secret);
	return true;
}

void
on_webhook_add(void *owner, const struct rpc_call *call)
{
	struct history *h = owner;
	const struct people *p = h->parts.people;
	const char *fault = webhook_url_fault(
		rpc_text(call, "url"), rpc_flag(call, "private", false));
	char *filter = filter_of(json_object_get(call->params, "events"));
	bool known = filter != NULL;
	unsigned char bytes[SECRET_BYTES];
	struct asking *a;

	free(filter);
	if (fault != NULL || !known) {
		rpc_refuse_param(call->rpc, call->tag, fault != NULL ? "url" : "events",
			fault != NULL
				? fault
				: "names an event that does not exist; event.list shows "
				  "their names");
		return;
	}
	if (RAND_bytes(bytes, sizeof bytes) != 1 ||
		!p->audit(p->owner, call, rpc_text(call, "name"), rpc_text(call, "url")))
		return;
	a = asking_create(h, call, add);
	for (int i = 0; i < SECRET_BYTES; i++)
		snprintf(a->secret + 2 * i, 3, "%02x", bytes[i]);
	a->done = changed;
	asking_send(a, true);
}

static bool
list(struct database_session *s, struct asking *a)
{
	struct query *q = query_start(s, "SELECT name, url, events, private, n, (SELECT "
					 "coalesce(max(n), 0) FROM event) FROM "
					 "webhook ORDER BY name");
	json_t *hooks = json_array();

	while (query_row(q))
		json_array_append_new(hooks,
			json_pack("{s:o, s:o, s:o, s:b, s:o, s:I}", "name",
				column_text(q, 0), "url", column_text(q, 1), "events",
				column_text(q, 2), "private", query_int(q, 3) != 0,
				"after", column_int(q, 4), "behind",
				(json_int_t)(query_int(q, 5) - query_int(q, 4))));
	query_end(q);
	a->result = json_pack("{s:o}", "webhooks", hooks);
	return true;
}

void
on_webhook_list(void *owner, const struct rpc_call *call)
{
	asking_send(asking_create(owner, call, list), false);
}

static bool
remove_hook(struct database_session *s, struct asking *a)
{
	struct query *q = query_start(s, "DELETE FROM webhook WHERE name = $1");

	query_put_text(q, 1, json_string_value(json_object_get(a->params, "name")));
	if (query_run(q) == 0) {
		a->refused_type = "no_webhook";
		a->refused = "There is no such hook; webhook.list names them all.";
		return false;
	}
	a->result = json_pack("{s:b}", "accepted", 1);
	return true;
}

void
on_webhook_remove(void *owner, const struct rpc_call *call)
{
	struct history *h = owner;
	const struct people *p = h->parts.people;
	struct asking *a;

	if (!p->audit(p->owner, call, rpc_text(call, "name"), NULL))
		return;
	a = asking_create(h, call, remove_hook);
	a->done = changed;
	asking_send(a, true);
}
