/* control/admin.c - settings checked, reloaded and shown over the protocol. */
#include "control/admin.h"

#include <string.h>

#include "base/moment.h"

json_t *
admin_problems_json(const struct config_problems *problems)
{
	json_t *list = json_array();

	for (int i = 0; i < problems->n; i++) {
		const struct config_problem *p = &problems->list[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i, s:i, s:s}", "severity",
				      p->warning ? "warning" : "error", "file",
				      p->file != NULL ? p->file : "", "line", p->line,
				      "column", p->column, "message", p->message));
	}
	return list;
}

static void
check(void *owner, const struct rpc_call *call)
{
	const struct admin *admin = owner;
	struct config_problems problems = {0};
	const char *text = json_string_value(json_object_get(call->params, "text"));
	const char *name = json_string_value(json_object_get(call->params, "name"));
	struct config *config = config_parse(name != NULL ? name : "settings", text,
		strlen(text), admin->centre(admin->owner), admin->speed, &problems);

	rpc_answer(call->rpc, call->tag,
		json_pack("{s:b, s:o}", "ok", config != NULL, "problems",
			admin_problems_json(&problems)));
	config_destroy(config);
	config_problems_finish(&problems);
}

static void
reload(void *owner, const struct rpc_call *call)
{
	const struct admin *admin = owner;
	struct config_problems problems = {0};
	bool ok = false;
	uint64_t version;

	if (!admin->audit(admin->audit_owner, call, "settings", NULL))
		return;
	version = admin->reload(admin->owner, &problems, &ok);
	if (ok)
		rpc_answer(call->rpc, call->tag,
			json_pack("{s:b, s:I, s:o}", "accepted", true, "version",
				(json_int_t)version, "problems",
				admin_problems_json(&problems)));
	else
		rpc_refuse(call->rpc, call->tag, RPC_ADMIN, "config_invalid",
			"The settings have errors and were not loaded; those in force "
			"stay.",
			json_pack("{s:o}", "problems", admin_problems_json(&problems)));
	config_problems_finish(&problems);
}

static void
show(void *owner, const struct rpc_call *call)
{
	const struct admin *admin = owner;
	const char *path, *text;
	uint64_t version;
	int64_t loaded_ms;
	char when[MOMENT_TEXT];

	admin->show(admin->owner, &path, &text, &version, &loaded_ms);
	moment_format(when, loaded_ms);
	rpc_answer(call->rpc, call->tag,
		json_pack("{s:s, s:I, s:s, s:s}", "path", path, "version",
			(json_int_t)version, "loaded_at", when, "text", text));
}

static const struct rpc_param check_params[] = {
	{"text", RPC_TEXT, true, 0, 65536, NULL},
	{"name", RPC_TEXT, false, 0, 1024, NULL},
	{0},
};

static const struct rpc_param no_params[] = {{0}};

const struct rpc_command admin_commands[] = {
	{"config.check", RPC_MAY(RPC_ADMINISTRATOR), check_params, check,
		"Checks a settings text without using it."},
	{"config.reload", RPC_MAY(RPC_ADMINISTRATOR), no_params, reload,
		"Reads the settings file again; all or nothing."},
	{"config.show", RPC_MAY(RPC_ADMINISTRATOR) | RPC_MAY(RPC_AUDITOR), no_params,
		show, "The settings in force as they were read."},
};
const int admin_n_commands = (int)(sizeof admin_commands / sizeof admin_commands[0]);
