/*
 * route/store_redis_check.c - is this Redis what we need, what does it promise, and are
 * our functions there? Asked after each connection, in one round trip.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "route/store_redis_inner.h"

#define REDIS_MAJOR_LEAST 7

const char *const store_level_name[STORE_LEVELS] = {
	"unknown", "memory", "second", "disk"};

enum question {
	ASK_KILL,
	ASK_ID,
	ASK_NAME,
	ASK_INFO,
	ASK_CONFIG,
	ASK_SCHEMA,
	ASK_LIBRARY,
};

bool
reply_is_error(const struct redisReply *reply, const char *word)
{
	return reply->type == REDIS_REPLY_ERROR &&
	       strncmp(reply->str, word, strlen(word)) == 0;
}

bool
reply_is_transient(const struct redisReply *reply)
{
	static const char *const words[] = {"LOADING", "BUSY", "MISCONF", "READONLY",
		"NOREPLICAS", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "OOM", "NOAUTH",
		"NOPERM", "WRONGPASS", "UNBLOCKED", "ERR Function not found"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (reply_is_error(reply, words[i]))
			return true;
	return false;
}

const char *
reply_text(const struct redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS
		       ? reply->str
		       : NULL;
}

/* ---- reading the answers ---- */

/* Copies the value of "name:value\r\n" out of INFO; empty when it is not there. */
static void
info_text(const char *info, const char *name, char *out, size_t room)
{
	char line[64];
	const char *at;

	snprintf(line, sizeof line, "\n%s:", name);
	at = strstr(info, line);
	out[0] = '\0';
	if (at == NULL)
		return;
	at += strlen(line);
	snprintf(out, room, "%.*s", (int)strcspn(at, "\r\n"), at);
}

static int64_t
info_number(const char *info, const char *name)
{
	char text[24];

	info_text(info, name, text, sizeof text);
	return strtoll(text, NULL, 10);
}

static void
read_info(struct store_facts *f, const char *info)
{
	char role[16], status[16], keys[24];

	info_text(info, "redis_version", f->version, sizeof f->version);
	info_text(info, "role", role, sizeof role);
	info_text(info, "maxmemory_policy", f->policy, sizeof f->policy);
	info_text(info, "aof_last_write_status", status, sizeof status);
	info_text(info, "db0", keys, sizeof keys); /* keys=12,expires=... */
	f->major = atoi(f->version);
	f->replica = strcmp(role, "slave") == 0;
	f->loading = info_number(info, "loading") != 0;
	f->aof = info_number(info, "aof_enabled") != 0;
	f->replicas = info_number(info, "connected_slaves");
	f->write_error = strcmp(status, "err") == 0;
	f->keys = strncmp(keys, "keys=", 5) == 0 ? strtoll(keys + 5, NULL, 10) : 0;
}

static void
read_config(struct store_facts *f, const struct redisReply *reply)
{
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const char *name = reply_text(reply->element[i]);
		const char *value = reply_text(reply->element[i + 1]);

		if (name != NULL && value != NULL && strcmp(name, "appendfsync") == 0)
			snprintf(f->fsync, sizeof f->fsync, "%s", value);
	}
}

static void
take_answer(struct store_redis *r, enum question question, const struct redisReply *reply)
{
	struct store_facts *f = &r->facts;
	bool optional = question == ASK_KILL || question == ASK_ID ||
			question == ASK_NAME || question == ASK_CONFIG;

	if (reply->type == REDIS_REPLY_ERROR && f->error[0] == '\0' &&
		(!optional || reply_is_error(reply, "LOADING"))) {
		snprintf(f->error, sizeof f->error, "%.150s", reply->str);
		f->is_transient = reply_is_transient(reply);
	}
	switch (question) {
	case ASK_KILL:
	case ASK_NAME:
		return;
	case ASK_ID:
		r->client_id = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
		return;
	case ASK_INFO:
		if (reply_text(reply) != NULL)
			read_info(f, reply->str);
		return;
	case ASK_CONFIG:
		if (reply->type == REDIS_REPLY_ARRAY)
			read_config(f, reply);
		return;
	case ASK_SCHEMA:
		if (reply_text(reply) != NULL)
			f->schema = strtoll(reply->str, NULL, 10);
		return;
	case ASK_LIBRARY:
		f->library_there = redis_library_is(reply, store_functions);
		return;
	}
}

/* ---- judging them ---- */

static void
judge_level(struct store_redis *r)
{
	const struct store_facts *f = &r->facts;
	const char *fsync = f->fsync[0] != '\0' ? f->fsync : "unknown";
	enum store_level before = r->level;
	char text[STORE_REASON_MAX];
	int n;

	if (!f->aof || strcmp(fsync, "no") == 0)
		r->level = STORE_LEVEL_MEMORY;
	else if (strcmp(fsync, "always") == 0)
		r->level = STORE_LEVEL_DISK;
	else
		r->level = STORE_LEVEL_SECOND;
	n = snprintf(text, sizeof text, "Redis %s, ", f->version);
	if (f->aof)
		n += snprintf(text + n, sizeof text - (size_t)n,
			"append-only file with appendfsync %s", fsync);
	else
		n += snprintf(text + n, sizeof text - (size_t)n, "no append-only file");
	if (f->replicas > 0)
		n += snprintf(text + n, sizeof text - (size_t)n,
			", %" PRId64 " replicas (not waited for)", f->replicas);
	if (strncmp(f->policy, "noeviction", 10) != 0)
		snprintf(text + n, sizeof text - (size_t)n, ", maxmemory-policy %s",
			f->policy);
	if (before == r->level && strcmp(text, r->level_text) == 0)
		return;
	snprintf(r->level_text, sizeof r->level_text, "%s", text);
	log_info("store: promise level=%s %s", store_level_name[r->level], text);
	if (r->level == STORE_LEVEL_MEMORY)
		log_warn("store: what is accepted can be lost when Redis or the machine "
			 "ends; set appendonly yes and appendfsync always");
}

/* What is evicted would be contacts, or the memory of their external ids. */
static bool
judge_policy(struct store_redis *r)
{
	const char *policy = r->facts.policy;

	if (strncmp(policy, "volatile", 8) == 0)
		log_warn("store: maxmemory-policy %s lets Redis forget external ids, so "
			 "that a contact sent again could enter twice; set noeviction",
			policy);
	if (strncmp(policy, "allkeys", 7) != 0)
		return true;
	if (r->ready) {
		log_error("store: maxmemory-policy %s lets Redis drop contacts; set "
			  "noeviction now",
			policy);
		return true;
	}
	store_fail(r,
		"Redis has maxmemory-policy %s, which lets it drop contacts: set "
		"maxmemory-policy noeviction",
		policy);
	return false;
}

static void
on_loaded(void *owner, uint64_t tag USHER_UNUSED, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	if (reply == NULL || r->phase != PHASE_CHECK)
		return;
	if (reply->type != REDIS_REPLY_ERROR) {
		log_info("store: functions loaded library=%s", STORE_LIBRARY);
		store_checked(r);
	} else if (reply_is_transient(reply) || r->ready) {
		store_retry(r, reply->str);
	} else {
		store_fail(r, "Redis does not take our functions: %.200s", reply->str);
	}
}

static void
load_library(struct store_redis *r)
{
	const char *words[] = {"FUNCTION", "LOAD", "REPLACE", store_functions, NULL};

	if (!rlink_send_words(r->link, on_loaded, r, 0, words))
		store_phase(r, PHASE_AWAY);
}

static void
judge(struct store_redis *r)
{
	struct store_facts *f = &r->facts;

	if (f->loading || (f->error[0] != '\0' && f->is_transient)) {
		store_retry(r, f->loading ? "Redis is reading its log" : f->error);
	} else if (f->major < REDIS_MAJOR_LEAST) {
		store_fail(r, "Redis 7.0 or newer is needed, this one is \"%s\" %s",
			f->version, f->error);
	} else if (f->error[0] != '\0') {
		store_fail(r, "Redis cannot be used: %s", f->error);
	} else if (f->schema > STORE_SCHEMA) {
		store_fail(r,
			"Redis holds this centre in form %" PRId64
			", written by a newer usher; this one knows form %d: start the "
			"newer one, or name another centre",
			f->schema, STORE_SCHEMA);
	} else if (f->replica) {
		store_retry(r, "this Redis is a replica and takes no writes");
	} else if (judge_policy(r)) {
		judge_level(r);
		if (f->library_there)
			store_checked(r);
		else
			load_library(r);
	}
}

static void
on_answer(void *owner, uint64_t question, const struct redisReply *reply)
{
	struct store_redis *r = owner;

	if (reply == NULL || r->phase != PHASE_CHECK)
		return;
	take_answer(r, (enum question)question, reply);
	if (--r->facts.unanswered == 0)
		judge(r);
}

static void
ask(struct store_redis *r, enum question question, const char *const *words)
{
	if (rlink_send_words(r->link, on_answer, r, question, words))
		r->facts.unanswered++;
}

void
store_check(struct store_redis *r)
{
	char id[24], name[sizeof "usher-" + ID_MAX];
	const char *ask_kill[] = {"CLIENT", "KILL", "ID", id, NULL};
	const char *ask_id[] = {"CLIENT", "ID", NULL};
	const char *ask_name[] = {"CLIENT", "SETNAME", name, NULL};
	const char *ask_info[] = {"INFO", NULL};
	const char *ask_config[] = {"CONFIG", "GET", "appendfsync", NULL};
	const char *ask_schema[] = {"GET", r->schema_key, NULL};
	const char *ask_library[] = {
		"FUNCTION", "LIST", "LIBRARYNAME", STORE_LIBRARY, "WITHCODE", NULL};

	store_phase(r, PHASE_CHECK);
	r->facts = (struct store_facts){0};
	/* What an earlier connection sent may still lie unread in Redis; it must not be
	 * carried out after we have asked how far our steps came. */
	snprintf(id, sizeof id, "%" PRId64, r->client_id);
	if (r->client_id != 0 && r->lost_connection)
		ask(r, ASK_KILL, ask_kill);
	r->lost_connection = false;
	snprintf(name, sizeof name, "usher-%s", r->centre);
	ask(r, ASK_ID, ask_id);
	ask(r, ASK_NAME, ask_name);
	ask(r, ASK_INFO, ask_info);
	ask(r, ASK_CONFIG, ask_config);
	ask(r, ASK_SCHEMA, ask_schema);
	ask(r, ASK_LIBRARY, ask_library);
}
