/* intake/outbox_inner.h - what the files of the outbox share; nobody else includes it. */
#ifndef USHER_INTAKE_OUTBOX_INNER_H
#define USHER_INTAKE_OUTBOX_INNER_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "intake/outbox.h"

struct item {
	char id[OUT_ID_TEXT];
	json_t *record; /* owned */
	enum out_state state;
	int64_t due_ms;
	bool kept; /* Redis has it */
	bool writing,
		dirty;	 /* a write is on its way; it is newer than what was written */
	bool on_way;	 /* the mailer has it */
	uint64_t number; /* in the order in which they came */
	/* Until it is kept. */
	outbox_done done;
	void *owner;
	uint64_t tag;
	char *once; /* owned: "ID RESPONSE SENDER" */
	int64_t oldest_ms;
};

struct outbox {
	struct outbox_parts parts;
	struct outbox_settings settings;
	struct map items; /* by id, owned */
	struct event *tick;
	uint64_t next_number;
	bool loaded, loading;
	struct outbox_counts counts;
	int live;
};

/* ---- outbox.c ---- */
struct item *out_find(const struct outbox *o, const char *id); /* NULL */
struct item *out_add(struct outbox *o, json_t *record);	       /* stolen */
/* A new state, written as soon as can be; what it causes follows its commit. */
void out_move(struct outbox *o, struct item *m, enum out_state state, int64_t due_ms);
void out_plan(struct outbox *o); /* wakes up for what is due next */
const char *out_text(const json_t *record, const char *name);
int64_t out_number(const json_t *record, const char *name);
void out_set_number(json_t *record, const char *name, int64_t value);
bool out_is_over(enum out_state state);
int64_t out_now_ms(const struct outbox *o);

/* ---- outbox_send.c ---- */
void out_hand_over(struct outbox *o, struct item *m); /* `sending` is committed */
/* After its making: so long it is tried. */
int64_t out_give_up_ms(const struct outbox *o, const json_t *record);
void out_fail(struct outbox *o, struct item *m, enum out_state state);
void out_say(struct item *m, int code, const char *words);
bool out_reached_anybody(const json_t *record);

#endif
