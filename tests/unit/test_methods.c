/*
 * The table of methods against schemas/methods.schema.json: every method has a schema and
 * the other way round, with the same roles and the same params; and each role is let in
 * or kept out of each method as the table says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/admin.h"
#include "desk/inner.h"
#include "history/customers.h"
#include "history/history.h"
#include "history/survey.h"
#include "intake/callme.h"
#include "intake/chat.h"
#include "intake/mail_file.h"
#include "intake/maildesk.h"
#include "intake/voice.h"

#define COMMANDS_MAX 256

static struct rpc_command all[COMMANDS_MAX];
static int n_all;

static json_t *
load(const char *name)
{
	const char *source = getenv("USHER_SOURCE");
	char path[1024];
	json_error_t error;
	json_t *o;

	assert_non_null(source);
	snprintf(path, sizeof path, "%s/schemas/%s.schema.json", source, name);
	o = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (o == NULL)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	return o;
}

static json_t *common; /* the $defs that methods refer to */

/* What stands behind a $ref, or the shape itself; borrowed. */
static const json_t *
follow(const json_t *shape)
{
	const char *ref = json_string_value(json_object_get(shape, "$ref"));

	return ref != NULL ? json_object_get(json_object_get(common, "$defs"),
				     strrchr(ref, '/') + 1)
			   : shape;
}

static const char *
ref_name(const json_t *shape)
{
	const char *ref = json_string_value(json_object_get(shape, "$ref"));

	return ref != NULL ? strrchr(ref, '/') + 1 : "";
}

static void
gather(void)
{
	n_all = 0;
	for (int i = 0; i < desk_n_commands; i++)
		all[n_all++] = desk_commands[i];
	for (int i = 0; i < admin_n_commands; i++)
		all[n_all++] = admin_commands[i];
	for (int i = 0; i < maildesk_n_commands; i++)
		all[n_all++] = maildesk_commands[i];
	for (int i = 0; i < chat_n_commands; i++)
		all[n_all++] = chat_commands[i];
	for (int i = 0; i < mail_file_n_commands; i++)
		all[n_all++] = mail_file_commands[i];
	for (int i = 0; i < callme_n_commands; i++)
		all[n_all++] = callme_commands[i];
	for (int i = 0; i < history_n_commands; i++)
		all[n_all++] = history_commands[i];
	for (int i = 0; i < survey_n_commands; i++)
		all[n_all++] = survey_commands[i];
	for (int i = 0; i < customers_n_commands; i++)
		all[n_all++] = customers_commands[i];
	for (int i = 0; i < voice_n_commands; i++)
		all[n_all++] = voice_commands[i];
}

static const struct rpc_command *
command_named(const char *name)
{
	for (int i = 0; i < n_all; i++) {
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	}
	return NULL;
}

static bool
has_word(const json_t *list, const char *word)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (strcmp(json_string_value(item), word) == 0)
			return true;
	}
	return false;
}

static void
each_method_has_a_schema_and_each_schema_a_method(void **state)
{
	json_t *methods = json_object_get(*state, "$defs"), *entry;
	const char *name;

	json_object_foreach(methods, name, entry)
	{
		if (command_named(name) == NULL)
			fail_msg("schema %s has no method", name);
	}
	for (int i = 0; i < n_all; i++) {
		if (json_object_get(methods, all[i].name) == NULL)
			fail_msg("method %s has no schema", all[i].name);
	}
}

static void
roles_and_help_are_those_of_the_schema(void **state)
{
	for (int i = 0; i < n_all; i++) {
		const json_t *entry =
			json_object_get(json_object_get(*state, "$defs"), all[i].name);
		const json_t *roles = json_object_get(entry, "x-roles");

		for (int role = 0; role < RPC_ROLES; role++) {
			if (((all[i].roles & RPC_MAY(role)) != 0) !=
				has_word(roles, rpc_role_name[role]))
				fail_msg("%s: role %s differs", all[i].name,
					rpc_role_name[role]);
		}
		assert_string_equal(all[i].help,
			json_string_value(json_object_get(entry, "description")));
	}
}

static int64_t
bound(const json_t *shape, const char *name)
{
	return json_integer_value(json_object_get(shape, name));
}

static bool
words_fit(const char *words, const json_t *shape)
{
	struct text joined = {0};
	json_t *item;
	size_t i;
	bool same;

	json_array_foreach(json_object_get(shape, "enum"), i, item)
	{
		text_addf(&joined, "%s%s", i > 0 ? "|" : "", json_string_value(item));
	}
	same = joined.s != NULL && strcmp(joined.s, words) == 0;
	text_finish(&joined);
	return same;
}

/* Does the member's shape in the schema say what its row in the table says? */
static bool
same_shape(const struct rpc_param *p, const json_t *raw)
{
	const json_t *shape = follow(raw), *items = json_object_get(shape, "items");
	const char *type = json_string_value(json_object_get(shape, "type"));

	switch (p->type) {
	case RPC_ANY:
		return type == NULL;
	case RPC_TEXT:
		return strcmp(type, "string") == 0 &&
		       bound(shape, "maxLength") == p->most;
	case RPC_NAME:
		return strcmp(ref_name(raw), "name") == 0;
	case RPC_ACT:
		return strcmp(ref_name(raw), "act_id") == 0;
	case RPC_WORD:
		return words_fit(p->words, shape);
	case RPC_INTEGER:
		return strcmp(type, "integer") == 0 &&
		       bound(shape, "minimum") == p->least &&
		       bound(shape, "maximum") == p->most;
	case RPC_NUMBER:
		return strcmp(type, "number") == 0 &&
		       bound(shape, "minimum") == p->least &&
		       bound(shape, "maximum") == p->most;
	case RPC_BOOLEAN:
		return strcmp(type, "boolean") == 0;
	case RPC_TIME:
		return strcmp(ref_name(raw), "time") == 0;
	case RPC_CONTACT:
		return strcmp(ref_name(raw), "contact_id") == 0;
	case RPC_OFFER:
		return strcmp(ref_name(raw), "offer_id") == 0;
	case RPC_LEVELS:
		return strcmp(ref_name(raw), "skills") == 0;
	case RPC_NAMES:
		return strcmp(ref_name(items), "name") == 0 &&
		       bound(shape, "maxItems") == p->most;
	case RPC_WORDS:
		return words_fit(p->words, items) && bound(shape, "maxItems") == p->most;
	}
	return false;
}

static void
compare_params(const struct rpc_command *c, const json_t *params)
{
	json_t *properties = json_object_get(params, "properties");
	const struct rpc_param *p = c->params;
	size_t n = 0;

	if (!json_is_false(json_object_get(params, "additionalProperties")))
		fail_msg("%s: the schema lets unknown members in", c->name);
	for (; p->name != NULL; p++, n++) {
		const json_t *shape = json_object_get(properties, p->name);

		if (shape == NULL || !same_shape(p, shape))
			fail_msg(
				"%s: param %s differs from the schema", c->name, p->name);
		if (p->required != has_word(json_object_get(params, "required"), p->name))
			fail_msg("%s: param %s: required differs", c->name, p->name);
	}
	if (n != json_object_size(properties))
		fail_msg("%s: the schema has params that the table has not", c->name);
}

static void
params_are_those_of_the_schema(void **state)
{
	for (int i = 0; i < n_all; i++) {
		const json_t *entry =
			json_object_get(json_object_get(*state, "$defs"), all[i].name);
		const json_t *params =
			json_object_get(json_object_get(entry, "properties"), "params");

		/* A submission is read with more care by route/submission. */
		if (all[i].params == NULL)
			assert_string_equal(ref_name(params), "submission");
		else
			compare_params(&all[i], params);
	}
}

static void
each_event_that_is_sent_has_a_schema(void **state)
{
	static const char *const own[] = {"session.ready", "session.reset",
		"session.replaced", "session.token_expiring", "queue.updated",
		"agents.updated"};
	json_t *events = load("events");
	json_t *defs = json_object_get(events, "$defs");

	for (int kind = 0; kind < EVENT_KINDS; kind++) {
		/* Those of no single agent are not sent to desktops. */
		if (kind == EVENT_CONTACT_CREATED || kind == EVENT_QUEUE_STATE ||
			kind == EVENT_CONFIGURED)
			continue;
		if (json_object_get(defs, event_name[kind]) == NULL)
			fail_msg("event %s has no schema", event_name[kind]);
	}
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		assert_non_null(json_object_get(defs, own[i]));
	json_decref(events);
}

/* ---- role x method ---- */

struct gate {
	bool ran;
	char last[1024];
};

static void
was_run(void *owner, const struct rpc_call *call)
{
	((struct gate *)owner)->ran = true;
	rpc_answer(call->rpc, call->tag, NULL);
}

static bool
catch_frame(void *owner, uint64_t who, const char *text, size_t n)
{
	struct gate *gate = owner;

	snprintf(gate->last, sizeof gate->last, "%.*s", (int)n, text);
	return true;
}

static void
a_role_runs_what_the_table_gives_it_and_nothing_else(void **state)
{
	static struct rpc_command bare[COMMANDS_MAX];
	struct gate gate = {0};
	struct rpc *rpc = rpc_create(catch_frame, &gate);
	int checked = 0;

	for (int i = 0; i < n_all; i++) {
		bare[i] = all[i];
		bare[i].run = was_run;
		bare[i].params = NULL;
	}
	rpc_add(rpc, bare, n_all, &gate);
	rpc_open(rpc, 1);
	for (int i = 0; i < n_all; i++) {
		char text[200];
		int n = snprintf(text, sizeof text,
			"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"%s\"}",
			all[i].name);

		for (int role = 0; role < RPC_ROLES; role++) {
			bool may = (all[i].roles & RPC_MAY(role)) != 0;

			gate.ran = false;
			rpc_receive(rpc, 1, (enum rpc_role)role, text, (size_t)n);
			if (gate.ran != may)
				fail_msg("%s as %s: %s", all[i].name, rpc_role_name[role],
					gate.last);
			if (!may && strstr(gate.last, role == RPC_NOBODY
							      ? "not_logged_in"
							      : "not_permitted") == NULL)
				fail_msg("%s as %s: %s", all[i].name, rpc_role_name[role],
					gate.last);
			checked++;
		}
	}
	assert_int_equal(checked, n_all * RPC_ROLES);
	rpc_destroy(rpc);
}

static void
nobody_but_an_administrator_touches_accounts_and_settings(void **state)
{
	static const char *const fields[] = {
		"account.", "token.", "key.", "code.", "config."};

	for (int i = 0; i < n_all; i++) {
		const char *verb = strchr(all[i].name, '.') + 1;
		bool reads = strcmp(verb, "list") == 0 || strcmp(verb, "show") == 0;

		for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
			unsigned most = RPC_MAY(RPC_ADMINISTRATOR) |
					(reads ? RPC_MAY(RPC_AUDITOR) : 0);

			if (strncmp(all[i].name, fields[f], strlen(fields[f])) == 0 &&
				(all[i].roles & ~most) != 0)
				fail_msg("%s is open to others", all[i].name);
		}
	}
}

static int
begin(void **state)
{
	gather();
	common = load("common");
	*state = load("methods");
	return 0;
}

static int
end(void **state)
{
	json_decref(*state);
	json_decref(common);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_method_has_a_schema_and_each_schema_a_method),
		cmocka_unit_test(roles_and_help_are_those_of_the_schema),
		cmocka_unit_test(params_are_those_of_the_schema),
		cmocka_unit_test(each_event_that_is_sent_has_a_schema),
		cmocka_unit_test(a_role_runs_what_the_table_gives_it_and_nothing_else),
		cmocka_unit_test(
			nobody_but_an_administrator_touches_accounts_and_settings),
	};

	return cmocka_run_group_tests_name("methods", tests, begin, end);
}
