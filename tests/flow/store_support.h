/* tests/flow/store_support.h - a Redis of the test's own, a store on it, and a record of
 * what the store answered. */
#ifndef TESTS_FLOW_STORE_SUPPORT_H
#define TESTS_FLOW_STORE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "route/store_redis.h"

#define ANSWERS_MAX 40000

struct answer {
	uint64_t op, existing;
	enum step_result result;
};

struct side { /* one store, as a router would have it */
	struct rig *rig;
	struct store_redis *redis;
	bool is_ready, is_up, is_stale, is_ended, is_loaded;
	char failed[600];
	uint32_t epoch;
	int64_t centre_ms, wall_ms;
	int downs;
	struct store_loaded loaded;
	int n_answers;
	struct answer answers[ANSWERS_MAX];
	void (*on_done)(struct side *side, struct step *step, enum step_result result);
	uint64_t next_op;
};

struct rig {
	struct event_base *base;
	char dir[64];
	int64_t now_ms;	   /* centre time */
	redisContext *eye; /* looks at Redis from outside; made when first used */
	struct side *a, *b;
};

extern bool in_cluster; /* the suite runs against a cluster of one node */

int rig_begin(void **state); /* cmocka's setup: a directory, a loop */
int rig_end(void **state);

/* Begins a store on the rig's managed server (b: on the socket of a's). */
struct side *side_begin(struct rig *rig, const struct store_redis_settings *changes);
void side_finish(struct side *side); /* as if killed: nothing is given free */
void side_end(struct side *side);    /* in order */
void wait_ready(struct side *side);
/* Runs the loop until *flag, at most 20 s; then the test fails. */
void wait_for(struct rig *rig, const bool *flag);
void wait_answers(struct side *side, int n);
void run_ms(struct rig *rig, int ms);
void load_into(struct side *side, const struct store_load *load);

/* Commands from outside. The reply is freed by the next call. */
redisReply *look(struct rig *rig, const char *format, ...);
int64_t look_int(struct rig *rig, const char *format, ...);
/* Asks again until the answer is that number, at most 20 s; then the test fails. */
void wait_int(struct rig *rig, int64_t expected, const char *format, ...);
const char *look_text(struct rig *rig, const char *format, ...); /* "" when nil */

/* Steps. ids are small numbers of this epoch. */
struct step *a_step(struct side *side, enum step_kind kind);
struct step_part *a_part(struct step *step, uint64_t contact, unsigned expect,
	enum contact_state state, const char *from, const char *to, double key);
void an_agent(struct step *step, const char *id, const char *record);
void commit(struct side *side, struct step *step);
/* The usual steps of one contact; `class` where it waits. */
void do_add(struct side *side, uint64_t id, const char *class, const char *external);
void do_add_offer(struct side *side, uint64_t id, const char *external);
void do_offer(struct side *side, uint64_t id, const char *class);
void do_back(struct side *side, uint64_t id, const char *class);
void do_connect(struct side *side, uint64_t id);
void do_finish(struct side *side, uint64_t id, const char *external);
const char *contact_key(uint64_t id); /* in Redis; static memory, two at a time */

#define IN(state) (1u << (state))

#endif
