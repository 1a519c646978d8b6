/* history/inner.h - what the files of the history's methods share; nobody else includes
 * it. */
#ifndef USHER_HISTORY_INNER_H
#define USHER_HISTORY_INNER_H

#include "base/json.h"
#include "history/history.h"

struct history {
	struct history_parts parts;
	int64_t short_ms; /* who leaves sooner is a short abandon; 0: nobody */
};

/* A place in a timeline; behind it stands what is older, and of one millisecond what has
 * a higher kind, or of its kind a lower number. */
struct timeline_place {
	int64_t at_ms; /* centre time */
	int kind;
	int64_t id;
};

/* A question on its way to the database and back. */
struct asking {
	struct history *history;
	struct rpc *rpc;
	uint64_t tag;
	enum rpc_role role;
	/* On a database thread: fills result, or refused. */
	bool (*work)(struct database_session *s, struct asking *asking);
	/* On the loop, before the answer: when the work was done; NULL. */
	void (*done)(struct asking *asking);
	json_t *params;			    /* a reference */
	json_t *result;			    /* owned until it is answered */
	const char *refused_type, *refused; /* static; NULL: it is not */
	int64_t now_ms;
	char who[ID_MAX + 1];
	char act[3 * ID_MAX + 32];   /* names it over all repeats; "": it has no id */
	int64_t contact;	     /* number in the tables, where one was named; 0 */
	int64_t party;		     /* of the question, filled by who makes it; 0 */
	char secret[129];	     /* likewise */
	int64_t until_ms;	     /* likewise */
	int64_t before_ms;	     /* likewise */
	struct timeline_place place; /* likewise */
};

/* A question of this call; its maker fills what the work needs, then sends it. */
struct asking *asking_create(struct history *h, const struct rpc_call *call,
	bool (*work)(struct database_session *s, struct asking *asking));
/* Has the work carried out by the database and the call answered with what it left.
 * writes: it changes something, in a transaction of the writer. */
void asking_send(struct asking *asking, bool writes);

/* Events behind `after`, at most so many: {events, next, more}; within a read. */
json_t *feed_read(struct database_session *s, int64_t after, int most);

/* The party of a live contact; 0: not known. */
int64_t party_of(const struct history *h, uint64_t contact);

/* "c..." of a number in the tables; owned by the caller. */
json_t *contact_json(int64_t contact);
/* RFC 3339; 0: null. */
json_t *moment_json(int64_t ms);
/* Columns of a row: null where the column is. */
json_t *column_text(struct query *q, int i);
json_t *column_int(struct query *q, int i);
json_t *column_number(struct query *q, int i);
json_t *column_moment(struct query *q, int i);

/* For customer_part.export: what the history keeps. */
bool history_export(void *owner, struct database_session *s, int64_t root,
	char place[SUBJECT_PLACE], size_t room, json_t *list);

#define HISTORY_METHOD(name) void name(void *owner, const struct rpc_call *call)
HISTORY_METHOD(on_history_status);
HISTORY_METHOD(on_report_get);
HISTORY_METHOD(on_webhook_add);
HISTORY_METHOD(on_webhook_list);
HISTORY_METHOD(on_webhook_remove);
HISTORY_METHOD(on_report_accuracy);
HISTORY_METHOD(on_event_list);
HISTORY_METHOD(on_customer_timeline);
HISTORY_METHOD(on_contact_note);
HISTORY_METHOD(on_contact_transcript);
HISTORY_METHOD(on_case_open);
HISTORY_METHOD(on_case_join);
HISTORY_METHOD(on_case_set_state);
HISTORY_METHOD(on_case_list);

struct http_request;
void history_http_report(void *owner, const struct http_request *request);
void history_http_events(void *owner, const struct http_request *request);

#endif
