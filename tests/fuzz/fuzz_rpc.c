/*
 * tests/fuzz/fuzz_rpc.c - messages of peers, through the real table of methods: each is
 * answered at most once, an answer is JSON-RPC, and a command runs only with params that
 * fit its table and in a role that it names.
 *
 * The first byte chooses the role; the rest is one message a line.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "desk/inner.h"

struct peer {
	int frames; /* since the last message began */
	enum rpc_role role;
};

static bool
catch_frame(void *owner, uint64_t who, const char *text, size_t n)
{
	struct peer *peer = owner;
	json_t *frame = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);

	if (frame == NULL || json_object_get(frame, "jsonrpc") == NULL ||
		json_object_get(frame, "id") == NULL ||
		(json_object_get(frame, "result") == NULL) ==
			(json_object_get(frame, "error") == NULL))
		abort();
	json_decref(frame);
	if (++peer->frames > 1)
		abort();
	return true;
}

static void
run(void *owner, const struct rpc_call *call)
{
	const struct peer *peer = owner;
	struct rpc_fault fault;

	if (call->role != peer->role || (call->command->roles & RPC_MAY(call->role)) == 0)
		abort();
	if (call->command->params != NULL &&
		!rpc_params_fit(call->command->params, call->params, &fault))
		abort();
	rpc_answer(call->rpc, call->tag, json_deep_copy(call->params));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct rpc_command table[128];
	struct peer peer = {0};
	struct rpc *rpc;

	if (n < 2 || n > WIRE_MESSAGE_MAX)
		return 0;
	for (int i = 0; i < desk_n_commands; i++) {
		table[i] = desk_commands[i];
		table[i].run = run;
	}
	peer.role = (enum rpc_role)(data[0] % RPC_ROLES);
	rpc = rpc_create(catch_frame, &peer);
	rpc_add(rpc, table, desk_n_commands, &peer);
	rpc_open(rpc, 1);
	for (const uint8_t *at = data + 1, *end = data + n, *line; at < end;
		at = line + 1) {
		line = memchr(at, '\n', (size_t)(end - at));
		if (line == NULL)
			line = end;
		peer.frames = 0;
		rpc_receive(rpc, 1, peer.role, (const char *)at, (size_t)(line - at));
	}
	rpc_destroy(rpc);
	return 0;
}
