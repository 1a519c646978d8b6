/*
 * desk/inner.h - what the files of the desk share; nobody else includes it.
 *
 * A caller is a connection; a session is who logged in on it, and outlives it by the
 * grace time. The session's states:
 *
 *   LIVE --connection lost--> AWAY --resume--> LIVE
 *   LIVE, AWAY --logout, replaced, revoked, grace over--> GONE, freed after this turn
 */
#ifndef USHER_DESK_INNER_H
#define USHER_DESK_INNER_H

#include "base/json.h"
#include "base/map.h"
#include "base/people.h"
#include "base/text.h"
#include "desk/backoff.h"
#include "desk/desk.h"

struct event;

#define KEPT_EVENTS_MAX 128  /* events kept for a resume */
#define KEPT_BYTES_MAX 65536 /* and their size; older ones are dropped */
#define SESSION_NAME 35	     /* "s-", 32 digits, NUL */
#define ADDRESS_MAX 64	     /* bytes of a peer's address */
#define LOGIN_TRIES 5	     /* wrong logins on one connection */
#define HASH_THREADS 2
#define HASHES_WAITING_MAX 64 /* passwords being checked or waiting for it */
#define HELD_MAX 256	      /* contacts of one agent that are looked at */
#define EVENT_BYTES_MAX (WIRE_MESSAGE_MAX - 1024) /* of an event's members */
#define MEMBERS_MAX 16				  /* that other parts add to contacts */
#define OBJECTS_PER_FRAME                                                                \
	200 /* queues, agents, ... in one event or reply, so that it fits a message */

enum session_state {
	SESSION_LIVE,
	SESSION_AWAY,
	SESSION_GONE
};

/* Events kept for a resume: a ring of whole frames, the oldest first. */
struct kept {
	struct kept_frame {
		char *text; /* owned */
		size_t n;
	} frame[KEPT_EVENTS_MAX];
	int first, n;
	size_t bytes;
	int64_t first_seq; /* of the oldest */
};

/* What queue.subscribe asked for. */
struct subscription {
	bool all; /* queues */
	bool agents;
	int n_queues;		  /* when not all */
	int *queues;		  /* owned; indexes */
	int queues_at, agents_at; /* how far the snapshot has come; INT_MAX: done */
	bool begun;		  /* its first frame was sent */
	bool agents_begun;
};

struct session {
	enum session_state state;
	char name[SESSION_NAME];
	enum rpc_role role;
	int agent;		    /* index; -1: none */
	char *who;		    /* owned; for the audit: account, agent, key or uid */
	char *account;		    /* owned; NULL: none */
	char token[SECRET_ID_TEXT]; /* id; "": none */
	char key[32];		    /* id; "": none */
	char address[ADDRESS_MAX];
	uint64_t wire;		   /* 0: away */
	bool local;		   /* Unix socket: no heartbeat, no resume */
	bool ready;		   /* its snapshot was sent; events follow it */
	bool reset;		   /* the snapshot is a session.reset */
	bool warned;		   /* session.token_expiring was sent */
	uint64_t login_tag;	   /* request that waits for the router; 0: none */
	char *fresh_token;	   /* owned; to be told in the reply; NULL: none */
	int64_t expires_ms;	   /* of the token, wall clock; 0: never */
	int64_t heard_ms, away_ms; /* boot time */
	int64_t heartbeat_ms;	   /* what its desktop was told to keep */
	int64_t seq;		   /* of the last event */
	struct kept *kept;	   /* owned; NULL: nothing is kept */
	struct subscription *subscription; /* owned; NULL: none */
	struct session *next_gone;
};

struct caller {
	uint64_t wire;
	enum wire_kind kind;
	char address[ADDRESS_MAX];
	struct session *session; /* borrowed; NULL before login */
	int wrong;		 /* logins that failed */
	bool hashing;		 /* a password is being checked */
};

/* An open offer, as it was told; a contact has one at most. */
struct open_offer {
	uint64_t offer;
	int64_t expires_ms; /* centre time */
	char *why;	    /* owned; NULL */
};

struct board;
struct floor;

/* A member that another part adds to contacts (base/people.h). */
struct member {
	const char *name; /* borrowed */
	people_member fn;
	void *owner; /* borrowed */
};

struct desk {
	struct desk_parts parts;
	struct wire_handler handler;
	struct rpc *rpc;	   /* owned */
	struct idmap callers;	   /* by wire; owned */
	struct map sessions;	   /* by name; owned */
	struct session **at_agent; /* by agent index; borrowed; NULL: none */
	int n_agents;		   /* room of at_agent */
	struct idmap offers;	   /* struct open_offer by contact, owned */
	struct backoff backoff;
	struct worker_pool *workers; /* owned; hashes passwords */
	struct session *gone;	     /* freed by bury */
	struct event *bury, *beat;
	struct http_server *http; /* borrowed; NULL: pages do not log in here */
	struct board *board;	  /* owned */
	struct floor *floor;	  /* owned */
	struct member member[MEMBERS_MAX];
	int n_members_added;
	struct text members; /* of the event being written; memory is kept */
	struct text frame;
	int64_t started_ms; /* boot time */
	int64_t swept_ms;
	struct desk_counts counts;
};

/* ---- session.c ---- */

struct desk_store desk_store(const struct desk *desk); /* zeros: it loses none */
int64_t desk_now_ms(const struct desk *desk);	       /* centre time */
struct caller *desk_caller(struct desk *desk, uint64_t wire);
struct session *desk_session_of(struct desk *desk, const struct rpc_call *call);
struct session *desk_agent_session(const struct desk *desk, int agent);

struct session *session_create(
	struct desk *desk, struct caller *caller, enum rpc_role role, const char *who);
/* Ends it for whatever reason; its connection is closed. Twice is fine. */
void session_end(struct desk *desk, struct session *s, const char *reason);
/* The connection is gone. */
void session_lost(struct desk *desk, struct session *s);
/* Takes over the connection of caller. */
void session_attach(struct desk *desk, struct session *s, struct caller *caller);
/* Its messages a second by the settings; while it is live. */
void session_set_rate(struct desk *desk, const struct session *s);
/* Binds the session to an agent; an older session of that agent is told and ended. */
void session_seat(struct desk *desk, struct session *s, int agent);
void session_beat(struct desk *desk, struct session *s, int64_t boot_ms, int64_t wall_ms);
void desk_bury(struct desk *desk);

/* Sends an event: members is JSON text without the outer braces, "" for none. */
void session_tell(struct desk *desk, struct session *s, const char *event, int64_t at_ms,
	const struct text *members);
/* The same from an object, which is stolen. */
void session_tell_json(struct desk *desk, struct session *s, const char *event,
	int64_t at_ms, json_t *object);
/* Members of an object as text in desk->members; the object is stolen. */
const struct text *desk_members(struct desk *desk, json_t *object);
/* Whether all that came after seq is still kept; session_replay sends it again. */
bool session_can_replay(const struct session *s, int64_t seq);
void session_replay(struct desk *desk, struct session *s, int64_t seq);
/* The client has seen everything up to seq. */
void session_seen(struct session *s, int64_t seq);
/* session.ready or session.reset; events follow from now on. */
void session_snapshot(struct desk *desk, struct session *s);

/* ---- password.c: hashing on worker threads ---- */

/* One password on its way; the thread sees password, hash and the results only. Text
 * owned. */
struct password_job {
	struct desk *desk;
	uint64_t wire, tag;
	char *account, *password;
	char *hash;   /* to compare with; NULL: the account is unknown, or make is set */
	bool make;    /* a new hash is wanted */
	bool matches; /* result */
	char *made;   /* result; NULL: libxcrypt failed */
	json_t *params; /* of the request, for whoever made the job; NULL */
	void (*done)(struct desk *desk, struct password_job *job); /* on the loop */
};

struct password_job *password_job_create(struct desk *desk, const struct rpc_call *call,
	const char *account, const char *password);
/* Takes the job over. False: too many wait; refused already, the job is gone. */
bool password_job_run(struct desk *desk, struct password_job *job) USHER_MUST_CHECK;
void password_job_destroy(void *job);
void desk_refuse_later(struct desk *desk, uint64_t tag, const char *type,
	const char *message, int64_t retry_ms);

/* ---- login.c ---- */
void desk_login(void *owner, const struct rpc_call *call);
void desk_resume(void *owner, const struct rpc_call *call);
void desk_ping(void *owner, const struct rpc_call *call);
void desk_logout(void *owner, const struct rpc_call *call);

/* ---- scope.c: who may touch what; sentences for refusals ---- */
bool scope_agent(const struct desk *desk, const struct session *s, int agent);
bool scope_team(
	const struct desk *desk, const struct session *s, int team); /* -1: none */
bool scope_queue(const struct desk *desk, const struct session *s, int queue);
bool scope_contact(const struct desk *desk, const struct session *s, uint64_t contact);
/* Look up a name of the params and check the scope; -1 when it is absent. False: refused
 * already. */
bool find_agent(
	struct desk *desk, const struct rpc_call *call, const char *param, int *out);
bool find_queue(
	struct desk *desk, const struct rpc_call *call, const char *param, int *out);
/* The same for a team, whose scope is its agents' affair. */
bool find_team(
	struct desk *desk, const struct rpc_call *call, const char *param, int *out);
/* A live contact in the session's scope. False: refused already. */
bool find_contact(struct desk *desk, const struct rpc_call *call, uint64_t *out);
/* The same for one that has ended, by its record; false also when the asker is gone. */
bool may_see_ended(struct desk *desk, uint64_t who, const json_t *contact);
/* The record of an act, before its effect is visible: who, role, from where, what, which.
 * False: it could not be written and the call was refused; do nothing. */
bool audit(struct desk *desk, const struct rpc_call *call, const char *object,
	const char *detail) USHER_MUST_CHECK;
/* A login or an attempt; who: NULL when it is not known. */
void audit_login(struct desk *desk, const char *who, const char *role, const char *from,
	const char *outcome);

/* ---- replies.c: what the router answers ---- */
struct reply desk_reply(struct desk *desk, const struct rpc_call *call);
void desk_refuse_outcome(struct desk *desk, uint64_t tag, const struct outcome *outcome);
json_t *desk_contact_id(uint64_t contact);
json_t *desk_time(int64_t ms);

/* How much of OBJECTS_PER_FRAME an agent or queue takes: those with many contacts more.
 */
int object_weight(const json_t *object);

/* ---- people.c ---- */
/* Adds the members of other parts to a contact's object, as the role may see them. */
void desk_enrich(struct desk *desk, uint64_t contact, enum rpc_role role, json_t *object);

/* ---- announce.c ---- */
json_t *desk_offers_json(struct desk *desk, int agent);
void desk_offers_finish(struct desk *desk);

/* ---- board.c ---- */
struct board *board_create(struct desk *desk);
void board_destroy(struct board *board);
void board_mark(struct board *board, int queue, int agent);
void board_mark_all(struct board *board);
void subscription_destroy(struct subscription *s);

/* ---- floor.c: figures of the day, what is to come, help, messages ---- */
struct floor *floor_create(struct desk *desk);
void floor_destroy(struct floor *floor);
void floor_event(struct floor *floor, const struct event *event);

/* What is to come of one queue, as far as it can be foreseen. */
struct outlook {
	int64_t waiting, late, will_miss; /* contacts; of those looked at */
	double rate_per_ms;		  /* served lately; 0: unknown */
	int64_t first_miss_ms;		  /* centre time; 0: none */
};
const struct outlook *floor_outlook(struct floor *floor, int queue); /* NULL: none */
const struct trend *floor_trend(const struct floor *floor);

/* ---- alarms.c ---- */
struct alarms;
struct alarms *alarms_create(struct desk *desk);
void alarms_destroy(struct alarms *alarms);
void alarms_look(struct alarms *alarms, int64_t now_ms); /* every second or so */
void alarms_answer(struct alarms *alarms, const struct rpc_call *call);
/* For the door of parts (base/people.h) and the desk's own news: to staff in whose scope
 * they are and who subscribed. The object is stolen. */
void desk_tell_watchers(
	struct desk *desk, int queue, int agent, const char *event, json_t *object);

/* ---- the tables ---- */
extern const struct rpc_command desk_commands[];
extern const int desk_n_commands;

/* methods_agent.c, methods_contact.c, methods_staff.c, methods_admin.c: on_NAME for each
 * method. */
#define DESK_METHOD(name) void name(void *owner, const struct rpc_call *call)
DESK_METHOD(on_session_methods);
DESK_METHOD(on_agent_set_state);
DESK_METHOD(on_agent_set_channel);
DESK_METHOD(on_agent_set_routable);
DESK_METHOD(on_agent_list);
DESK_METHOD(on_agent_force_state);
DESK_METHOD(on_agent_edit);
DESK_METHOD(on_agent_revert);
DESK_METHOD(on_offer_accept);
DESK_METHOD(on_offer_reject);
DESK_METHOD(on_contact_wrapup);
DESK_METHOD(on_contact_complete);
DESK_METHOD(on_contact_transfer);
DESK_METHOD(on_contact_requeue);
DESK_METHOD(on_contact_park);
DESK_METHOD(on_contact_resume);
DESK_METHOD(on_contact_update);
DESK_METHOD(on_contact_get);
DESK_METHOD(on_contact_create);
DESK_METHOD(on_contact_leave);
DESK_METHOD(on_contact_list);
DESK_METHOD(on_contact_move);
DESK_METHOD(on_contact_prioritise);
DESK_METHOD(on_contact_withdraw);
DESK_METHOD(on_explain_contact);
DESK_METHOD(on_queue_list);
DESK_METHOD(on_queue_show);
DESK_METHOD(on_queue_subscribe);
DESK_METHOD(on_queue_open);
DESK_METHOD(on_queue_close);
DESK_METHOD(on_queue_outlook);
DESK_METHOD(on_trend_get);
DESK_METHOD(on_agent_colleagues);
DESK_METHOD(on_agent_figures);
DESK_METHOD(on_help_request);
DESK_METHOD(on_help_end);
DESK_METHOD(on_help_list);
DESK_METHOD(on_message_send);
DESK_METHOD(on_alarm_list);
DESK_METHOD(on_account_add);
DESK_METHOD(on_account_passwd);
DESK_METHOD(on_account_list);
DESK_METHOD(on_account_disable);
DESK_METHOD(on_token_create);
DESK_METHOD(on_token_list);
DESK_METHOD(on_token_revoke);
DESK_METHOD(on_key_create);
DESK_METHOD(on_key_list);
DESK_METHOD(on_key_revoke);
DESK_METHOD(on_code_create);
DESK_METHOD(on_server_status);

#endif
