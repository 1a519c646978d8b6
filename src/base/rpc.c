/* base/rpc.c - JSON-RPC 2.0: requests in, replies out; see rpc.h. */
#include "base/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rpc_acts.h"

const char *const rpc_role_name[RPC_ROLES] = {
	"agent",
	"supervisor",
	"administrator",
	"auditor",
	"link",
	"intake",
	"none",
};

struct entry {
	const struct rpc_command *command; /* borrowed */
	void *owner;
};

struct peer {
	int waiting; /* requests not yet answered, at most RPC_WAITING_MAX */
};

/* A request that waits for its answer. */
struct waiting {
	uint64_t who;
	char *id;  /* owned; as JSON text, quotes included; NULL: a notification */
	char *act; /* owned; the key of what it does; NULL: none that is known */
};

struct rpc {
	rpc_send send;
	const char *(*name)(void *owner, uint64_t who); /* NULL */
	void *owner;
	struct acts acts;
	struct map by_name; /* to struct entry, index + 1 */
	struct entry *entries;
	size_t n_entries;
	struct idmap peers;   /* to struct peer, owned */
	struct idmap waiting; /* to struct waiting, owned */
	uint64_t last_tag;
	struct text out; /* the frame being written; its memory is kept */
	struct rpc_counts counts;
};

enum rpc_role
rpc_role_parse(const char *name)
{
	int role = 0;

	while (role < RPC_NOBODY && strcmp(rpc_role_name[role], name) != 0)
		role++;
	return role < RPC_NOBODY ? (enum rpc_role)role : RPC_ROLES;
}

struct rpc *
rpc_create(rpc_send send, void *owner)
{
	struct rpc *rpc = xcalloc(1, sizeof *rpc);

	rpc->send = send;
	rpc->owner = owner;
	return rpc;
}

static void
waiting_destroy(struct waiting *w)
{
	free(w->id);
	free(w->act);
	free(w);
}

void
rpc_destroy(struct rpc *rpc)
{
	size_t at = 0;
	uint64_t id;
	void *value;

	if (rpc == NULL)
		return;
	while (idmap_next(&rpc->peers, &at, &id, &value))
		free(value);
	at = 0;
	while (idmap_next(&rpc->waiting, &at, &id, &value))
		waiting_destroy(value);
	idmap_finish(&rpc->peers);
	idmap_finish(&rpc->waiting);
	map_finish(&rpc->by_name);
	acts_finish(&rpc->acts);
	free(rpc->entries);
	text_finish(&rpc->out);
	free(rpc);
}

void
rpc_know_by(struct rpc *rpc, const char *(*name)(void *owner, uint64_t who))
{
	rpc->name = name;
}

void
rpc_add(struct rpc *rpc, const struct rpc_command *commands, int n, void *owner)
{
	for (int i = 0; i < n; i++) {
		uintptr_t at = (uintptr_t)map_get(&rpc->by_name, commands[i].name);

		if (at == 0) {
			at = ++rpc->n_entries;
			rpc->entries =
				xreallocarray(rpc->entries, at, sizeof *rpc->entries);
			map_put(&rpc->by_name, commands[i].name, (void *)at);
		}
		rpc->entries[at - 1] = (struct entry){&commands[i], owner};
	}
}

const struct rpc_command *
rpc_command_at(const struct rpc *rpc, size_t i)
{
	return i < rpc->n_entries ? rpc->entries[i].command : NULL;
}

void
rpc_open(struct rpc *rpc, uint64_t who)
{
	free(idmap_put(&rpc->peers, who, xcalloc(1, sizeof(struct peer))));
}

void
rpc_close(struct rpc *rpc, uint64_t who)
{
	free(idmap_remove(&rpc->peers, who));
}

void
rpc_counts(const struct rpc *rpc, struct rpc_counts *out)
{
	*out = rpc->counts;
}

/* ---- replies ---- */

static void
frame_begin(struct rpc *rpc, const char *id)
{
	text_clear(&rpc->out);
	text_add(&rpc->out, "{\"jsonrpc\":\"2.0\",\"id\":");
	text_add(&rpc->out, id != NULL ? id : "null");
}

static void
frame_send(struct rpc *rpc, uint64_t who)
{
	text_add(&rpc->out, "}");
	rpc->send(rpc->owner, who, rpc->out.s, rpc->out.n);
}

static void
send_error(struct rpc *rpc, uint64_t who, const char *id, enum rpc_code code,
	const char *type, const char *message, json_t *more)
{
	json_t *data = more != NULL ? more : json_object();
	json_t *error;

	rpc->counts.errors++;
	json_object_set_new(data, "type", json_string(type));
	error = json_pack("{s:i, s:s%, s:o}", "code", (int)code, "message", message,
		strlen(message), "data", data);
	if (error == NULL) /* a message that is not UTF-8 */
		error = json_pack("{s:i, s:s, s:{s:s}}", "code", (int)code, "message",
			"The request is refused.", "data", "type", type);
	frame_begin(rpc, id);
	text_add(&rpc->out, ",\"error\":");
	json_write(&rpc->out, error);
	json_decref(error);
	frame_send(rpc, who);
}

/* Takes the request out of the table; NULL: it was answered already. */
static struct waiting *
take(struct rpc *rpc, uint64_t tag)
{
	struct waiting *w = idmap_remove(&rpc->waiting, tag);
	struct peer *peer = w != NULL ? idmap_get(&rpc->peers, w->who) : NULL;

	if (peer != NULL)
		peer->waiting--;
	return w;
}

static bool
wants_answer(const struct rpc *rpc, const struct waiting *w)
{
	return w->id != NULL && idmap_get(&rpc->peers, w->who) != NULL;
}

void
rpc_answer(struct rpc *rpc, uint64_t tag, json_t *result)
{
	struct waiting *w = take(rpc, tag);

	if (w != NULL && wants_answer(rpc, w)) {
		frame_begin(rpc, w->id);
		text_add(&rpc->out, ",\"result\":");
		if (result != NULL)
			json_write(&rpc->out, result);
		else
			text_add(&rpc->out, "{}");
		if (rpc->out.n < RPC_REPLY_MAX)
			frame_send(rpc, w->who);
		else
			send_error(rpc, w->who, w->id, RPC_CONFLICT, "too_large",
				"The answer is larger than a message may be: ask for "
				"less.",
				NULL);
	}
	if (w != NULL) {
		uint64_t repeats[ACTS_REPEATS_MAX];
		int n = w->act != NULL ? acts_end(&rpc->acts, w->act, result, repeats)
				       : 0;

		for (int i = 0; i < n; i++)
			rpc_answer(rpc, repeats[i], json_incref(result));
		waiting_destroy(w);
	}
	json_decref(result);
}

void
rpc_refuse(struct rpc *rpc, uint64_t tag, enum rpc_code code, const char *type,
	const char *message, json_t *more)
{
	struct waiting *w = take(rpc, tag);
	uint64_t repeats[ACTS_REPEATS_MAX];
	int n = w != NULL && w->act != NULL ? acts_end(&rpc->acts, w->act, NULL, repeats)
					    : 0;

	for (int i = 0; i < n; i++)
		rpc_refuse(rpc, repeats[i], code, type, message, json_deep_copy(more));
	if (w != NULL && wants_answer(rpc, w))
		send_error(rpc, w->who, w->id, code, type, message, more);
	else
		json_decref(more);
	if (w != NULL)
		waiting_destroy(w);
}

void
rpc_refuse_param(struct rpc *rpc, uint64_t tag, const char *field, const char *message)
{
	char text[RPC_ID_MAX + 300];
	json_t *more = json_object();

	snprintf(text, sizeof text, "%s %s", field, message);
	json_object_set_new(more, "field", json_string(field));
	rpc_refuse(rpc, tag, RPC_INVALID_PARAMS, "invalid_params", text, more);
}

/* ---- requests ---- */

/* The request's id as JSON text. False: it is there and wrong; *out NULL: none. */
static bool
read_id(const json_t *message, char **out)
{
	const json_t *id = json_object_get(message, "id");
	struct text text = {0};

	*out = NULL;
	if (id == NULL)
		return true;
	if (!json_is_string(id) || json_string_length(id) == 0 ||
		json_string_length(id) > RPC_ID_MAX)
		return false;
	json_write(&text, id);
	*out = text_take(&text);
	return true;
}

/* What is wrong with the envelope, or NULL. */
static const char *
envelope_fault(const json_t *message)
{
	const char *version = json_string_value(json_object_get(message, "jsonrpc"));
	const json_t *params = json_object_get(message, "params");
	const char *name;
	json_t *member;

	if (version == NULL || strcmp(version, "2.0") != 0)
		return "The member jsonrpc must be \"2.0\".";
	if (!json_is_string(json_object_get(message, "method")))
		return "The member method must be the name of a method.";
	if (params != NULL && !json_is_object(params))
		return "The member params must be an object.";
	json_object_foreach((json_t *)message, name, member)
	{
		if (strcmp(name, "jsonrpc") != 0 && strcmp(name, "id") != 0 &&
			strcmp(name, "method") != 0 && strcmp(name, "params") != 0)
			return "A request has the members jsonrpc, id, method and params "
			       "only.";
	}
	return NULL;
}

static void
refuse_unknown(struct rpc *rpc, uint64_t tag, const char *method)
{
	const char *near = NULL;
	int least = 4;
	char text[200];

	for (size_t i = 0; i < rpc->n_entries; i++) {
		int d = text_distance(rpc->entries[i].command->name, method);

		if (d < least) {
			least = d;
			near = rpc->entries[i].command->name;
		}
	}
	if (near != NULL)
		snprintf(text, sizeof text, "No such method; did you mean %s?", near);
	else
		snprintf(text, sizeof text,
			"No such method; docs/protocol.md lists them all.");
	rpc_refuse(rpc, tag, RPC_METHOD_NOT_FOUND, "method_not_found", text, NULL);
}

static void
refuse_role(struct rpc *rpc, const struct rpc_call *call)
{
	char text[200];

	if (call->role == RPC_NOBODY) {
		rpc_refuse(rpc, call->tag, RPC_IDENTITY, "not_logged_in",
			"Log in first: session.login.", NULL);
		return;
	}
	if (call->command->roles == RPC_MAY(RPC_NOBODY))
		snprintf(text, sizeof text,
			"This connection is logged in already: open another one.");
	else
		snprintf(text, sizeof text, "The role %s may not call %s.",
			rpc_role_name[call->role], call->command->name);
	rpc_refuse(rpc, call->tag, RPC_IDENTITY, "not_permitted", text, NULL);
}

/* The asker's id of what he asks for; NULL: the method takes none, or he gave none. */
static const char *
act_of(const struct rpc_call *call)
{
	const struct rpc_param *p = call->command->params;

	while (p != NULL && p->name != NULL && p->type != RPC_ACT)
		p++;
	return p != NULL && p->name != NULL ? rpc_text(call, p->name) : NULL;
}

/* Was it asked for before? Then it is, or will be, answered as it was. */
static bool
repeats(struct rpc *rpc, const struct rpc_call *call)
{
	const char *id = act_of(call);
	const char *name =
		id != NULL && rpc->name != NULL ? rpc->name(rpc->owner, call->who) : NULL;
	struct waiting *w = idmap_get(&rpc->waiting, call->tag);
	json_t *result;
	char *key;

	if (name == NULL)
		return false;
	key = xasprintf(
		"%s %s %s %s", rpc_role_name[call->role], name, call->command->name, id);
	switch (acts_begin(&rpc->acts, key, call->tag, &result)) {
	case ACT_NEW:
		w->act = key;
		return false;
	case ACT_DONE:
		rpc_answer(rpc, call->tag, json_incref(result));
		break;
	case ACT_BUSY:
		rpc_refuse(rpc, call->tag, RPC_LATER, "busy",
			"It is being done; ask again in a moment.", NULL);
		break;
	case ACT_GOES_ON:
		break;
	}
	free(key);
	return true;
}

static void
run(struct rpc *rpc, struct rpc_call *call, const char *method)
{
	uintptr_t at = (uintptr_t)map_get(&rpc->by_name, method);
	struct rpc_fault fault;

	if (at == 0) {
		refuse_unknown(rpc, call->tag, method);
		return;
	}
	call->command = rpc->entries[at - 1].command;
	/* Deny by default: a command without the role's bit is refused, whatever it is.
	 */
	if ((call->command->roles & RPC_MAY(call->role)) == 0) {
		refuse_role(rpc, call);
		return;
	}
	if (call->command->params != NULL &&
		!rpc_params_fit(call->command->params, call->params, &fault)) {
		rpc_refuse_param(rpc, call->tag, fault.field, fault.message);
		return;
	}
	if (!repeats(rpc, call))
		call->command->run(rpc->entries[at - 1].owner, call);
}

/* Gives the request its number. False: the peer has too many unanswered ones. */
static bool
enter(struct rpc *rpc, uint64_t who, char *id, uint64_t *tag)
{
	struct peer *peer = idmap_get(&rpc->peers, who);
	struct waiting *w;

	if (peer == NULL || peer->waiting >= RPC_WAITING_MAX)
		return false;
	peer->waiting++;
	w = xcalloc(1, sizeof *w);
	w->who = who;
	w->id = id;
	*tag = ++rpc->last_tag;
	idmap_put(&rpc->waiting, *tag, w);
	if (id != NULL)
		rpc->counts.requests++;
	else
		rpc->counts.notifications++;
	return true;
}

static void
receive_object(struct rpc *rpc, uint64_t who, enum rpc_role role, json_t *message)
{
	struct rpc_call call = {.rpc = rpc, .who = who, .role = role};
	const char *fault = envelope_fault(message);
	json_t *none = NULL;
	char *id;

	if (!read_id(message, &id)) {
		send_error(rpc, who, NULL, RPC_INVALID_REQUEST, "invalid_request",
			"The member id must be text of 1 to 64 bytes: send \"1\", not 1.",
			NULL);
		return;
	}
	if (fault != NULL) {
		send_error(rpc, who, id, RPC_INVALID_REQUEST, "invalid_request", fault,
			NULL);
		free(id);
		return;
	}
	if (!enter(rpc, who, id, &call.tag)) {
		if (id != NULL)
			send_error(rpc, who, id, RPC_LATER, "busy",
				"Too many requests wait for their answers: wait for "
				"some.",
				NULL);
		free(id);
		return;
	}
	call.params = json_object_get(message, "params");
	if (call.params == NULL)
		call.params = none = json_object();
	run(rpc, &call, json_string_value(json_object_get(message, "method")));
	json_decref(none);
}

void
rpc_receive(struct rpc *rpc, uint64_t who, enum rpc_role role, const char *text, size_t n)
{
	struct json_problem problem;
	json_t *message = json_read(text, n, &problem);

	if (message == NULL)
		send_error(rpc, who, NULL, RPC_PARSE_ERROR, "parse_error",
			problem.message, NULL);
	else if (!json_is_object(message))
		send_error(rpc, who, NULL, RPC_INVALID_REQUEST, "invalid_request",
			"Batches are not taken: send one request a message.", NULL);
	else
		receive_object(rpc, who, role, message);
	json_decref(message);
}
