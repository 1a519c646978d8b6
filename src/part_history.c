/* part_history.c - the history: contact records made of the event stream. */
#include <strings.h>

#include "base/log.h"
#include "history/accuracy.h"
#include "history/history.h"
#include "history/trim.h"
#include "history/webhooks.h"
#include "part_history.h"

/* A key that reads everything; nobody is let in for being near. */
static bool
may_read(void *owner, const struct http_request *request)
{
	const struct usher *u = owner;
	const char *field = http_field(request, "authorization");
	struct key *key;

	if (field == NULL || strncasecmp(field, "bearer ", 7) != 0)
		return false;
	key = keys_check(u->vault->keys, field + 7);
	return key != NULL && key_may(key, KEY_READ) && key_takes(key, NULL, NULL);
}

static void
forget(void *owner, const struct subject *subject, subject_gone gone, void *arg)
{
	customers_forget(owner, subject, gone, arg);
}

static int64_t
now_ms(void *owner)
{
	return usher_now(owner);
}

bool
part_history_open(struct usher *u)
{
	char error[512];
	struct recorder_settings settings = {.base = u->base,
		.db = u->database,
		.side = u->side,
		.redis = store_redis_address(u->redis),
		.password_file = u->config->redis_password_file,
		.token = store_redis_token(u->redis),
		.centre = u->config->centre};

	u->recorder = recorder_create(&settings, error, sizeof error);
	if (u->recorder == NULL) {
		log_error("usherd: %s", error);
		return false;
	}
	router_listen(u->router, recorder_hear, u->recorder);
	recorder_on_ended(u->recorder, customers_recorded, u->customers);
	customers_use_records(u->customers, recorder_is_past_start, u->recorder);
	u->webhooks =
		webhooks_create(u->base, u->database, u->recorder, error, sizeof error);
	if (u->webhooks == NULL) {
		log_error("usherd: %s", error);
		return false;
	}
	u->history = history_create(&(struct history_parts){.base = u->base,
		.db = u->database,
		.recorder = u->recorder,
		.router = u->router,
		.customers = u->customers,
		.people = &u->people,
		.clock = &u->clock,
		.webhooks = u->webhooks,
		.http = u->http,
		.may_read = may_read,
		.may_owner = u});
	history_configure(u->history, u->config->voice->calls.short_ms);
	u->trim = trim_create(&(struct trim_parts){.base = u->base,
		.db = u->database,
		.now_ms = now_ms,
		.owner = u,
		.keeping = &u->config->keeping,
		.forget = forget,
		.forget_owner = u->customers});
	u->accuracy = accuracy_create(u->database, u->recorder, u->router);
	router_listen(u->router, accuracy_hear, u->accuracy);
	desk_add_commands(u->desk, history_commands, history_n_commands, u->history);
	return metrics_add(u->metrics, part_history_metrics, u);
}

void
part_history_configure(struct usher *u)
{
	recorder_configure(u->recorder, u->config->centre);
	trim_configure(u->trim, &u->config->keeping);
	history_configure(u->history, u->config->voice->calls.short_ms);
}

void
part_history_close(struct usher *u)
{
	trim_destroy(u->trim);
	u->trim = NULL;
	accuracy_destroy(u->accuracy);
	u->accuracy = NULL;
	webhooks_destroy(u->webhooks);
	u->webhooks = NULL;
	history_destroy(u->history);
	u->history = NULL;
	recorder_destroy(u->recorder);
	u->recorder = NULL;
}
