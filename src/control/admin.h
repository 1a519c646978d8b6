/*
 * control/admin.h - the administrator's commands on settings over the protocol:
 * config.check, config.reload, config.show.
 */
#ifndef USHER_CONTROL_ADMIN_H
#define USHER_CONTROL_ADMIN_H

#include "base/rpc.h"
#include "control/config.h"

/* What the commands need of the process; borrowed, outlives the desk. */
struct admin {
	void *owner;
	/* Reads the file again; all or nothing. The settings' version in force
	 * afterwards; problems are filled. */
	uint64_t (*reload)(void *owner, struct config_problems *problems, bool *ok);
	/* Settings in force: path of the file, text as it was read (borrowed), version,
	 * wall-clock ms of the loading. */
	void (*show)(void *owner, const char **path, const char **text, uint64_t *version,
		int64_t *loaded_ms);
	/* The record of an act before it takes place; false: refused already. */
	bool (*audit)(void *audit_owner, const struct rpc_call *call, const char *object,
		const char *detail);
	void *audit_owner;
	const struct centre *(*centre)(
		void *owner); /* in force; a check keeps its indexes out of it */
	double speed;
};

/* The table for desk_add_commands(); its owner is a struct admin. */
extern const struct rpc_command admin_commands[];
extern const int admin_n_commands;

/* [{severity, file, line, column, message}]; the caller owns it. */
json_t *admin_problems_json(const struct config_problems *problems);

#endif
