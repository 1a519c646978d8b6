/* intake/chat_inner.h - what the files of the chat share; nobody else includes it. */
#ifndef USHER_INTAKE_CHAT_INNER_H
#define USHER_INTAKE_CHAT_INNER_H

#include <pthread.h>

#include "base/map.h"
#include "base/peer.h"
#include "base/redact.h"
#include "base/text.h"
#include "intake/chat.h"

struct event;
struct redisReply;

#define CHAT_ID_TEXT 32	    /* "h", 30 hex digits, NUL */
#define CHAT_KEY_TEXT 96    /* bytes of a sender's own id of a message, with its prefix */
#define CHAT_WIRES_MAX 4    /* tabs of one customer; the oldest is closed */
#define CHAT_OPS_MAX 8192   /* calls on their way; more: try again later */
#define CHAT_DIGITS_KEPT 8  /* messages with digits, for card numbers over joins */
#define CHAT_REPEATS_MAX 32 /* messages with digits that may come once more */
#define CHAT_WATCHERS_MAX 4
#define CHAT_SESSION_TEXT 40 /* bytes of a session's name */
#define CHAT_PAGE 100	     /* messages in one reply */
#define CHAT_TICK_MS 250
#define CHAT_PLACE_MS 2000 /* how often a waiting customer's place is looked at */
#define CHAT_PART_MAX                                                                    \
	49152 /* characters of base64 in one part of an upload: a part fits a frame */

enum chat_from {
	FROM_CUSTOMER,
	FROM_AGENT,
	FROM_SUPERVISOR,
	FROM_SYSTEM
};
extern const char *const chat_from_name[4];

enum chat_stage {
	CHAT_STARTING,
	CHAT_WAITING,
	CHAT_TALKING,
	CHAT_OVER
};
extern const char *const chat_stage_name[4];

/* A token bucket. */
struct chat_bucket {
	double tokens;
	int64_t filled_ms; /* boot time; 0: full */
};

struct chat_upload; /* chat_file.c */

/* A message with digits, by its sender's own id: should it come again since its answer
 * was lost, its digits are not those of a second message. */
struct chat_repeat {
	char key[CHAT_KEY_TEXT];
	struct redact_join before;
	bool masked; /* what it showed of earlier messages was taken out of them */
};

struct chat {
	char id[CHAT_ID_TEXT];
	enum chat_stage stage;
	uint64_t contact; /* 0: not taken in yet */
	int agent;	  /* who talks; -1 */
	json_t *about;	  /* owned; what customer and site said at the start */
	uint64_t wire[CHAT_WIRES_MAX];
	int n_wires;
	int64_t last_seq; /* the newest message that was shown */
	int64_t read_customer, read_agent;
	int64_t customer_ms, customer_seq; /* spoke last; 0: never */
	int64_t agent_ms, agent_seq;
	bool agents_turn;	     /* the customer waits for an answer */
	int64_t turn_ms;	     /* since when it is whose turn it is */
	int64_t away_ms;	     /* without connection since; 0: there */
	int64_t asked_ms, warned_ms; /* 0: not */
	int64_t ended_ms, forget_ms;
	char reason[32];	  /* of the end */
	int rating;		  /* 1..5; 0: none */
	int64_t kept_seq;	  /* messages that the contact's record has */
	bool kept_rating;	  /* likewise */
	bool keeping;		  /* some are on their way there */
	int64_t keep_again_ms;	  /* when it is tried again */
	char *mail_to;		  /* owned; who gets the transcript at the end; NULL */
	int transcripts;	  /* asked for */
	int64_t mail_again_ms;	  /* when it is tried again to hand it over */
	bool unsure;		  /* a message may be in Redis that was not shown */
	bool filling;		  /* what is missing is being read */
	bool other_told;	  /* other ways were offered */
	bool requeueing, leaving; /* asked of the router */
	struct estimate told;	  /* the place told last */
	bool told_place;
	int64_t place_ms; /* when it is looked at next */
	struct chat_bucket bucket;
	struct redact_join join;
	struct chat_repeat *repeat[CHAT_REPEATS_MAX]; /* owned; the oldest first */
	int n_repeats;
	struct {
		int64_t seq;
		int side;
	} digits[CHAT_DIGITS_KEPT];
	int n_digits;
	int uploads;
	json_t *blobs;		    /* owned; names of its files' blobs; NULL: none */
	struct chat_upload *upload; /* owned; NULL: none under way */
	char words[2048];	    /* what the customer said since he was answered */
	char address[PEER_ADDRESS_MAX];
	int n_watchers; /* supervisors who read along, by their session */
	char watcher[CHAT_WATCHERS_MAX][CHAT_SESSION_TEXT];
};

/* A connection of a customer. */
struct visitor {
	uint64_t wire;
	char address[PEER_ADDRESS_MAX];
	char chat[CHAT_ID_TEXT];   /* "": none yet */
	struct chat_bucket bucket; /* of what costs before a chat is there */
};

struct chat_op;
typedef void (*chat_done)(struct chats *chats, struct chat_op *op, struct chat *chat,
	const struct redisReply *reply);

/* A call on its way. What it is about is looked up again when the answer comes. */
struct chat_op {
	chat_done fn;		 /* chat: NULL when it is gone; reply: NULL when lost */
	char chat[CHAT_ID_TEXT]; /* "": none */
	struct rpc *rpc;	 /* borrowed; to answer; NULL: nobody waits */
	uint64_t tag;
	uint64_t wire;	 /* of the customer who asked; 0 */
	json_t *message; /* owned; NULL */
	int64_t number;	 /* whatever fn needs */
	void *data;	 /* of fn alone */
	uint64_t contact;
};

struct chats {
	struct chat_parts parts;
	const struct chat_settings *settings; /* borrowed */
	struct rpc *rpc;		      /* owned; of the customers */
	struct wire_handler handler;
	struct map by_id;	 /* struct chat, owned */
	struct idmap by_contact; /* the same, borrowed */
	struct idmap visitors;	 /* struct visitor by wire, owned */
	struct map per_address;	 /* live chats: (void *)(count) */
	struct map writers;	 /* struct chat_bucket by address, owned */
	struct idmap ops;	 /* struct chat_op, owned */
	uint64_t last_op;
	struct event *tick;
	char **to_load; /* owned ids, owned list */
	size_t n_load, at_load, loading;
	bool loaded;
	unsigned char identity_key[256];
	size_t n_identity_key; /* 0: identities are refused */
	int64_t upload_bytes;  /* room taken by uploads under way */
	struct map blobs;      /* by name: (void *)(how many name it); under the lock */
	pthread_mutex_t blobs_lock;
	struct chat_counts counts;
};

int64_t chats_now(const struct chats *chats); /* centre time */
int chats_channel(const struct chats *chats); /* index; -1: there is none */

/* ---- chat.c: the table ---- */

struct chat *chat_find(const struct chats *chats, const char *id);
struct chat *chat_of_contact(const struct chats *chats, uint64_t contact);
/* A new one in the table; about is stolen. */
struct chat *chat_create(struct chats *chats, const char *id, json_t *about);
void chat_drop(struct chats *chats, struct chat *chat); /* out of memory */
void chat_set_contact(struct chats *chats, struct chat *chat, uint64_t contact);
void chat_count_address(struct chats *chats, struct chat *chat, int by);
/* Pays one; false: too fast. rate a second, burst at once. */
bool chat_pay(struct chat_bucket *bucket, double rate, int burst);

struct visitor *chats_visitor(const struct chats *chats, uint64_t wire);
/* The chat of a customer's call; NULL: refused already. */
struct chat *chat_of_call(struct chats *chats, const struct rpc_call *call);
void chat_attach(struct chats *chats, struct chat *chat, struct visitor *visitor);
/* An event to all tabs of the customer; the object is stolen. */
void chat_tell(
	struct chats *chats, const struct chat *chat, const char *event, json_t *params);
void chat_tell_wire(
	struct chats *chats, uint64_t wire, const char *event, json_t *params);
void chat_refuse_away(struct rpc *rpc, uint64_t tag);

/* ---- chat_store.c: calls to Redis ---- */

struct chat_op *chat_op_create(const struct chat *chat, const struct rpc_call *call);
void chat_op_destroy(struct chat_op *op);
/* Takes op over. False: Redis is away; op is gone, and who waits was refused. */
bool chat_call(struct chats *chats, struct chat_op *op, const char *function,
	bool with_set, int n_args, const char *const *args) USHER_MUST_CHECK;
/* The same where nobody waits: what is lost is written again by what comes next. */
void chat_write(struct chats *chats, const struct chat *chat, const char *function,
	bool with_set, int n_args, const char *const *args);
bool chat_read(struct chats *chats, struct chat_op *op, const char *command, int n_args,
	const char *const *args) USHER_MUST_CHECK;
/* Where the chat stands, written; nobody waits for it. */
void chat_save(struct chats *chats, struct chat *chat);
void chat_side(void *owner, bool up); /* the listener of base/side */
void chat_load_finish(struct chats *chats);

/* ---- chat_say.c: messages ---- */

struct chat_say {
	enum chat_from from;
	const char *kind; /* text, file, event, note, whisper */
	const char *key;  /* the sender's own id of it */
	const char *name; /* of the sender, as shown; NULL */
	const char *text; /* NULL: none */
	json_t *more;	  /* further members; stolen; NULL */
};
/* Cleans, redacts and stores it; then it is shown. op is taken over, NULL: nobody waits.
 */
void chat_say(struct chats *chats, struct chat *chat, const struct chat_say *say,
	struct chat_op *op);
/* Something happened that both sides read. more: stolen; NULL. */
void chat_say_event(struct chats *chats, struct chat *chat, const char *code,
	int64_t at_ms, json_t *more);
/* Reads and shows what may be missing. */
void chat_fill(struct chats *chats, struct chat *chat);
/* Is a message one that the customer may see? */
bool chat_is_public(const json_t *message);
/* Messages after seq, at most CHAT_PAGE, to the call of op (taken over). all: also what
 * the customer may not see. base: members of the answer; stolen. */
void chat_answer_messages(struct chats *chats, struct chat *chat, struct chat_op *op,
	int64_t after, bool all, json_t *base);
/* Lines end with LF, control characters go. False: nothing is left. The caller owns it.
 */
bool chat_clean(const char *text, struct text *out) USHER_MUST_CHECK;
void chat_mark_read(struct chats *chats, struct chat *chat, bool customer, int64_t seq);

/* ---- chat_visit.c, chat_start.c: what customers ask ---- */

extern const struct rpc_command chat_visit_commands[];
extern const int chat_n_visit_commands;
void chat_on_start(void *owner, const struct rpc_call *call);
void chat_on_hello(void *owner, const struct rpc_call *call);
/* Hands the contact in (again). op: who waits, taken over; NULL. */
void chat_submit(struct chats *chats, struct chat *chat, struct chat_op *op);
/* Place and wait of a waiting customer; false: he does not wait. */
bool chat_place(const struct chats *chats, const struct chat *chat, struct estimate *e);
/* What a customer is told of his chat. The caller's. */
json_t *chat_view(struct chats *chats, const struct chat *chat);
/* The same with a token; to start and resume by. */
json_t *chat_entry(struct chats *chats, const struct chat *chat);
json_t *chat_alternatives(const struct chats *chats, int queue);
/* What a page may offer instead: "callback", "email". The caller's. */
json_t *chat_ways(const struct chats *chats);
/* What is wrong with what a customer said. Both static. */
struct chat_fault {
	const char *field, *message;
};
/* name, email, phone, topic, language, page, fields of a call, into about. */
bool chat_take_about(const struct rpc_call *call, json_t *about,
	struct chat_fault *f) USHER_MUST_CHECK;
json_t *chat_attributes(const json_t *about); /* of the contact; the caller's */
json_t *chat_customer(const json_t *about);   /* the same */
/* Puts the identity that the site vouches for into about; false with a sentence in why.
 */
bool chat_identify(struct chats *chats, const json_t *identity, json_t *about,
	const char **why) USHER_MUST_CHECK;
void chat_load_identity_key(struct chats *chats);

/* ---- chat_follow.c: the router's events, time ---- */

void chat_follow(struct chats *chats, struct chat *chat); /* as the router has it now */
void chat_end(struct chats *chats, struct chat *chat, const char *reason);
void chat_tell_state(struct chats *chats, struct chat *chat);
void chat_tick(int fd, short what, void *owner);
/* Somebody spoke at this moment: the other side's turn. */
void chat_heard(struct chat *chat, enum chat_from from, int64_t at_ms, int64_t seq);
/* The customer leaves, or is taken for gone. op: who waits, taken over; NULL. */
void chat_leave(
	struct chats *chats, struct chat *chat, const char *reason, struct chat_op *op);
/* Until a chat whose customer waits goes back to its queue; at least 0. */
int64_t chat_left_ms(const struct chats *chats, const struct chat *chat);
const char *chat_agent_name(const struct chats *chats, int agent); /* NULL */

/* ---- chat_write.c ---- */

void chat_on_write(void *owner, const struct rpc_call *call);
void chat_writes_finish(struct chats *chats);

/* ---- chat_staff.c ---- */

/* An event to the agent who has the chat and to those who read along; stolen. */
void chat_tell_staff(
	struct chats *chats, const struct chat *chat, const char *event, json_t *params);
/* The chat of a desk's call in the caller's scope; NULL: refused already. */
struct chat *chat_staff_called(struct chats *chats, const struct rpc_call *call);
json_t *chat_member(void *owner, uint64_t contact, enum rpc_role role);
void chat_suggest(struct chats *chats, struct chat *chat, const json_t *message);

/* ---- chat_file.c ---- */

void chat_on_upload(void *owner, const struct rpc_call *call);
void chat_on_file(void *owner, const struct rpc_call *call);
void chat_upload_destroy(struct chat_upload *upload);
/* The connection is gone from the chat: what came over it is not gone on with. */
void chat_upload_lost(struct chat *chat, uint64_t wire);
/* One that stands still gives its room back. */
void chat_upload_look(struct chats *chats, struct chat *chat);
void chat_serve_files(struct chats *chats);
bool chat_keeps_blob(void *owner, const char *name);
/* A blob that the chat names from now on, remembered. */
void chat_blob_named(struct chats *chats, struct chat *chat, const char *name);
void chat_blobs_read(struct chats *chats, struct chat *chat, json_t *list); /* stolen */
void chat_blobs_forget(struct chats *chats, struct chat *chat);
void chat_staff_file(struct chats *chats, struct chat *chat, const struct rpc_call *call);
/* What the file of a message is fetched by: {"path", "token"}. Whoever asks has been
 * found to be allowed. The caller's. */
json_t *chat_file_given(struct chats *chats, const struct chat *chat, int64_t seq);

/* ---- chat_forget.c ---- */

/* Whether what a customer said of himself at the start of his chat names this one. */
bool chat_names(const struct chat *chat, const struct subject *subject);

/* ---- chat_keep.c: into the contact's record ---- */

/* Whether all of it is there. */
bool chat_is_kept(const struct chats *chats, const struct chat *chat);
/* The next page of a chat that is over, unless one is on its way. */
void chat_keep_on(struct chats *chats, struct chat *chat, int64_t now_ms);

/* ---- chat_mail.c ---- */

bool chat_can_mail(const struct chats *chats);
void chat_send_transcript(struct chats *chats, struct chat *chat);
void chat_on_transcript(void *owner, const struct rpc_call *call);
void chat_on_convert(void *owner, const struct rpc_call *call);
void chat_on_rate(void *owner, const struct rpc_call *call);
void chat_staff_mail(void *owner, const struct rpc_call *call);
void chat_staff_convert(void *owner, const struct rpc_call *call);

#endif
