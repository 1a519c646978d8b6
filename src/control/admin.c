/* control/admin.c - settings checked, reloaded and shown over the protocol. */
#include "control/admin.h"

#include <string.h>

#include "base/json.h"
#include "base/moment.h"

#define PART_BYTES (RPC_REPLY_MAX - 32768) /* of the settings in one answer, as JSON */

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

static bool
begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* Bytes of the text that one answer holds: whole lines, where they are not longer. */
static size_t
part_of(const char *text)
{
	size_t n = 0, lines = 0, bytes = 0;

	for (; text[n] != '\0'; n++) {
		unsigned char c = (unsigned char)text[n];

		bytes += c == '"' || c == '\\' || c == '\n' || c == '\t' ? 2
			 : c < 0x20					 ? 6
									 : 1;
		if (bytes > PART_BYTES)
			break;
		if (c == '\n')
			lines = n + 1;
	}
	if (text[n] == '\0' || lines == 0)
		lines = n;
	while (lines > 0 && !begins_character(text[lines]))
		lines--;
	return lines;
}

static void
show(void *owner, const struct rpc_call *call)
{
	const struct admin *admin = owner;
	int64_t after = rpc_integer(call, "after", 0), loaded_ms;
	const char *path, *text;
	uint64_t version;
	char when[MOMENT_TEXT];
	size_t n;
	json_t *o;

	admin->show(admin->owner, &path, &text, &version, &loaded_ms);
	if (after > (int64_t)strlen(text) || !begins_character(text[after])) {
		rpc_refuse_param(call->rpc, call->tag, "after",
			"is `next` of the answer before; begin anew without it");
		return;
	}
	n = part_of(text + after);
	moment_format(when, loaded_ms);
	o = json_pack("{s:s, s:I, s:s, s:s%}", "path", path, "version",
		(json_int_t)version, "loaded_at", when, "text", text + after, n);
	if (text[after + (int64_t)n] != '\0')
		json_object_set_new(o, "next", json_integer(after + (json_int_t)n));
	rpc_answer(call->rpc, call->tag, o);
}

static const struct rpc_param check_params[] = {
	{"text", RPC_TEXT, true, 0, 65536, NULL},
	{"name", RPC_TEXT, false, 0, 1024, NULL},
	{0},
};

static const struct rpc_param no_params[] = {{0}};

static const struct rpc_param show_params[] = {
	{"after", RPC_INTEGER, .least = 0, .most = JSON_INTEGER_MAX},
	{0},
};

const struct rpc_command admin_commands[] = {
	{"config.check", RPC_MAY(RPC_ADMINISTRATOR), check_params, check,
		"Checks a settings text without using it."},
	{"config.reload", RPC_MAY(RPC_ADMINISTRATOR), no_params, reload,
		"Reads the settings file again; all or nothing."},
	{"config.show", RPC_MAY(RPC_ADMINISTRATOR) | RPC_MAY(RPC_AUDITOR), show_params,
		show, "The settings in force as they were read."},
};
const int admin_n_commands = (int)(sizeof admin_commands / sizeof admin_commands[0]);
