/*
 * base/rpc.h - JSON-RPC 2.0 for peers that exchange whole text messages: requests are
 * read strictly, looked up in tables of commands, checked against the caller's role and
 * the params of the table, and answered now or later.
 *
 * Each request gets a number (its tag). Who answers later keeps the tag alone: when the
 * peer is gone meanwhile the answer is dropped. The words of the protocol are in
 * docs/protocol.md and schemas/.
 */
#ifndef USHER_BASE_RPC_H
#define USHER_BASE_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "base/xalloc.h"

#define RPC_ID_MAX 64	     /* bytes of a request's id */
#define RPC_WAITING_MAX 64   /* requests of one peer not yet answered; more: busy */
#define RPC_REPLY_MAX 262144 /* bytes of a reply; a larger one becomes too_large */

enum rpc_role {
	RPC_AGENT,
	RPC_SUPERVISOR,
	RPC_ADMINISTRATOR,
	RPC_AUDITOR,
	RPC_LINK,
	RPC_INTAKE,
	RPC_NOBODY, /* before login */
	RPC_ROLES
};

extern const char *const rpc_role_name[RPC_ROLES]; /* "none" for RPC_NOBODY */
enum rpc_role rpc_role_parse(const char *name);	   /* RPC_ROLES when unknown */

#define RPC_MAY(role) (1u << (role))
#define RPC_STAFF (RPC_MAY(RPC_SUPERVISOR) | RPC_MAY(RPC_ADMINISTRATOR))
#define RPC_WATCHERS (RPC_STAFF | RPC_MAY(RPC_AUDITOR))

enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	RPC_IDENTITY = -32000,	/* who you are */
	RPC_CONFLICT = -32001,	/* what is the case */
	RPC_NOT_FOUND = -32002, /* no such thing */
	RPC_ADMISSION = -32003, /* refused at the door */
	RPC_LATER = -32004,	/* try again */
	RPC_ADMIN = -32005	/* accounts and settings */
};

enum rpc_type {
	RPC_ANY,
	RPC_TEXT,    /* most: bytes */
	RPC_NAME,    /* id_is_valid */
	RPC_WORD,    /* one of `words`, split by | */
	RPC_INTEGER, /* least..most */
	RPC_NUMBER,  /* least..most when they differ */
	RPC_BOOLEAN,
	RPC_TIME,    /* RFC 3339 */
	RPC_CONTACT, /* "c" and 12 digits */
	RPC_OFFER,   /* "o" and 12 digits */
	RPC_LEVELS,  /* object: name to integer least..most */
	RPC_NAMES,   /* list of names; most: how many */
	RPC_WORDS,   /* list of `words`; most: how many */
	RPC_ACT	     /* a name by which the asker knows this act: RPC_ITS_ID */
};

/* One member of a method's params. A table ends with a row without a name. */
struct rpc_param {
	const char *name;
	enum rpc_type type;
	bool required;
	int64_t least, most;
	const char *words;
};

/* The row that most methods have. */
#define RPC_THE_CONTACT                                                                  \
	{                                                                                \
		"contact", RPC_CONTACT, .required = true                                 \
	}

/* The row of a method that adds something: the same id of the same asker twice is one
 * act, and gets the same answer (base/rpc_acts.h). */
#define RPC_ITS_ID                                                                       \
	{                                                                                \
		"id", RPC_ACT                                                            \
	}

struct rpc;

/* A request on its way; for the call of its command only. */
struct rpc_call {
	struct rpc *rpc;
	uint64_t who; /* the peer */
	uint64_t tag; /* names the request in rpc_answer and rpc_refuse */
	enum rpc_role role;
	const struct rpc_command *command;
	json_t *params; /* borrowed; an object that fits the table */
};

struct rpc_command {
	const char *name;
	unsigned roles;			/* RPC_MAY() of each that may call it */
	const struct rpc_param *params; /* NULL: checked by the command itself */
	/* Answers or refuses the tag once, now or later. */
	void (*run)(void *owner, const struct rpc_call *call);
	const char *help; /* a sentence */
};

/* Hands a message to a peer; false: it is gone. */
typedef bool (*rpc_send)(void *owner, uint64_t who, const char *text, size_t n);

struct rpc *rpc_create(rpc_send send, void *owner);
void rpc_destroy(struct rpc *rpc);

/* Who a peer is, over all of his connections; NULL: not known. Without it, or while it is
 * not known, each request is an act of its own. */
void rpc_know_by(struct rpc *rpc, const char *(*name)(void *owner, uint64_t who));

/* Adds a table of n commands (borrowed); owner is handed to their run. A name that is
 * known already is replaced. */
void rpc_add(struct rpc *rpc, const struct rpc_command *commands, int n, void *owner);

/* A peer came or went. Requests of a peer that is gone are carried out, not answered. */
void rpc_open(struct rpc *rpc, uint64_t who);
void rpc_close(struct rpc *rpc, uint64_t who);

/* One message of a peer, n bytes, in the role that it has now. */
void rpc_receive(
	struct rpc *rpc, uint64_t who, enum rpc_role role, const char *text, size_t n);

/* Answers a request; result is stolen, NULL: {}. */
void rpc_answer(struct rpc *rpc, uint64_t tag, json_t *result);
/*
 * rpc_refuse - answers a request with an error.
 *
 * type     data.type; a stable word of docs/protocol.md, section 4
 * message  a sentence that says what to do
 * more     further members of data; stolen; NULL: none
 */
void rpc_refuse(struct rpc *rpc, uint64_t tag, enum rpc_code code, const char *type,
	const char *message, json_t *more);
/* The same for a wrong member of params. */
void rpc_refuse_param(
	struct rpc *rpc, uint64_t tag, const char *field, const char *message);

/* Members of checked params; absent ones give the value named. */
const char *rpc_text(const struct rpc_call *call, const char *name); /* NULL */
int64_t rpc_integer(const struct rpc_call *call, const char *name, int64_t otherwise);
double rpc_number(const struct rpc_call *call, const char *name); /* NAN */
bool rpc_flag(const struct rpc_call *call, const char *name, bool otherwise);
int64_t rpc_time_ms(const struct rpc_call *call, const char *name);    /* 0 */
uint64_t rpc_number_id(const struct rpc_call *call, const char *name); /* 0 */

/* What is wrong with params, for tests and the fuzzer; true: nothing. */
struct rpc_fault {
	char field[ID_MAX + 1];
	char message[200];
};
bool rpc_params_fit(const struct rpc_param *table, const json_t *params,
	struct rpc_fault *fault) USHER_MUST_CHECK;

/* Walks all commands, in the order in which they were added. NULL at the end. */
const struct rpc_command *rpc_command_at(const struct rpc *rpc, size_t i);

/* Figures since start, for metrics. */
struct rpc_counts {
	uint64_t requests, notifications, errors;
};
void rpc_counts(const struct rpc *rpc, struct rpc_counts *out);

#endif
