/*
 * plugins/asterisk/link.h - a link to one switch; shared by the files of this folder.
 *
 * adapter.c reads events, snapshot.c lists of channels, actions.c writes.
 */
#ifndef USHER_ASTERISK_LINK_H
#define USHER_ASTERISK_LINK_H

#include <usher/switch.h>

#include "ami.h"
#include "channels.h"

/* ActionIDs of our own; usher's are its own ids behind a prefix. */
#define ACTION_CHALLENGE "challenge"
#define ACTION_LOGIN "login"
#define ACTION_STATUS "status"
#define ACTION_LIST "list"
#define ACTION_DEVICES "devices"
#define ACTION_QUIET "set" /* whose failure shows in what follows */
#define ACTION_OF_USHER "a-"

/* The plugin's settings. */
struct asterisk {
	const char *username, *secret;
	const char *wait_context, *agent_context;
	const char *id_prefix;
	bool app_queue;
	const char *auth; /* "md5", "plain" */
	const char *out_context, *hold_context, *conference_context;
	const char *device_prefix;
};

/* Orders whose success must be told, since the switch has no event for it. */
#define SENT_KEPT 64
struct sent {
	enum usher_action_kind kind;
	char action[CHANNEL_ID_MAX + 1];
	char leg[CHANNEL_ID_MAX + 1];
};

struct link {
	const struct asterisk *settings;      /* borrowed */
	const struct usher_switch_sink *sink; /* borrowed */
	struct ami_reader reader;
	struct channels channels;
	struct usher_switch_figures figures;
	unsigned session; /* counts connections */
	bool up, login_sent;
	bool turned_away;    /* the login was refused */
	int64_t t_us;	     /* time of the message at hand; 0: it has none */
	char instance[64];   /* when the switch was started; "": not known yet */
	const char *problem; /* of ours, beside the reader's; NULL: none */

	struct sent sent[SENT_KEPT]; /* a ring */
	unsigned n_sent;

	/* the list of channels at hand */
	bool listing;
	char list[CHANNEL_ID_MAX + 1]; /* its ActionID */
	int64_t listed;
	uint64_t refused_before; /* messages, when it was asked for */
};

/* Copies what fits, with a NUL. */
void copy_text(char *out, size_t room, const char *text);
/* NULL for what Asterisk writes when it does not know. */
const char *known(const char *value);
void emit(struct link *l, struct usher_switch_event *e);
void tell_down(struct link *l, const char *why);

/* snapshot.c */
void on_core_show_channel(struct link *l, const struct ami_message *m);
void on_core_show_channels_complete(struct link *l, const struct ami_message *m);

/* dial.c: legs and bridges */
void on_dial_begin(struct link *l, const struct ami_message *m);
void on_dial_end(struct link *l, const struct ami_message *m);
void on_bridge_enter(struct link *l, const struct ami_message *m);
void on_bridge_leave(struct link *l, const struct ami_message *m);
void on_hold(struct link *l, const struct ami_message *m);
void on_unhold(struct link *l, const struct ami_message *m);
void on_blind_transfer(struct link *l, const struct ami_message *m);
void on_attended_transfer(struct link *l, const struct ami_message *m);
/* Makes a channel a leg that rings. */
void leg_begin(struct link *l, struct channel *leg, const struct channel *call,
	const char *dialler, bool consult);
/* Tells the end of a leg, once. False: it was told before. */
bool leg_release(struct link *l, struct channel *leg, enum usher_leg_reason reason,
	const char *why);
/* Ends those legs of a call that only ring. Returns how many. */
int legs_give_up(struct link *l, const struct channel *call, enum usher_leg_reason reason,
	const char *why);
enum usher_leg_reason reason_of_status(const char *status);
enum usher_leg_reason reason_of_cause(const char *cause);
/* "PJSIP/1001-0000002a" to "PJSIP/1001". */
void device_of(char out[CHANNEL_NAME_MAX + 1], const char *name);
/* An order of ours took the leg and the caller apart, or together again. */
void hold_apart(struct link *l, struct channel *leg, bool held);
/* Which order had a telephone of this device rung for the call; NULL: none. */
const char *offer_of(const struct channel *call, const char *device);
/* Out of its bridge, with the times of who is left. */
void bridge_leave(struct link *l, struct channel *ch);

/* The channel that a message is about, brought up to date; prefix: "" or "Dest".
 * NULL: there is none, it is dead, or it is unknown and `make` is false. */
struct channel *see(
	struct link *l, const struct ami_message *m, const char *prefix, bool make);
/* A header with the prefix before its name. */
const char *get_of(const struct ami_message *m, const char *prefix, const char *name);

/* devices.c */
void on_device_state(struct link *l, const struct ami_message *m);

/* orders.c */
bool link_act(
	void *link, const struct usher_switch_action *a, char *problem, size_t room);
/* "PJSIP/1001" to "1001"; the whole, when there is no technology before it. */
void extension_of(char out[CHANNEL_NAME_MAX + 1], const char *device);

/* actions.c */
void send_login(struct link *l);
void send_snapshot(struct link *l);
void on_response(struct link *l, const struct ami_message *m);
void on_originate_response(struct link *l, const struct ami_message *m);

#endif
