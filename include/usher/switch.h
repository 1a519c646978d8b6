/*
 * usher/switch.h - the switch stage of a plugin: an adapter that turns the bytes of one
 * telephony switch into neutral events, and neutral actions into bytes.
 *
 * A plugin that speaks to a switch sets usher_plugin.telephony to one of these tables:
 *
 *     static const struct usher_switch telephony = {
 *             .abi = USHER_SWITCH_ABI, .size = sizeof(struct usher_switch), ...
 *     };
 *
 * usher opens the connection, reads and writes it, and keeps the time; the adapter does
 * no I/O, has no clock and no threads. All calls of one link come from one thread, and
 * none of them blocks. Texts in events are borrowed for the call; NULL stands for "not
 * known". They may hold any bytes but NUL: usher itself makes them sound before use.
 *
 * Versioned as usher/plugin.h is: new members are added at the end, `size` tells which
 * are there, and what lies beyond it reads as zero.
 */
#ifndef USHER_SWITCH_H
#define USHER_SWITCH_H

#include <usher/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define USHER_SWITCH_ABI 1

/* ---- neutral events ---- */

enum usher_switch_kind {
	/* The switch is ready to work (again); instance, if it is known. */
	USHER_SWITCH_UP = 1,
	/* It said that it stops, or the connection ended; why. What its calls do
	 * from now on is not known. */
	USHER_SWITCH_DOWN = 2,
	/* A caller waits: number, name, dialled, attributes; why: "" the first time, else
	 * how the attempt to serve him ended. place: name of the switch's own queue that
	 * hands him out; NULL: he waits for usher. */
	USHER_CALL_WAITING = 3,
	/* We had the switch dial: the call begins without a caller. */
	USHER_CALL_PLACED = 4,
	/* The call is over: outcome; talk_us, hold_us. */
	USHER_CALL_GONE = 5,
	/* A telephone rings for the call: leg, device. */
	USHER_LEG_RINGING = 6,
	/* It was picked up (picked_up_us) and, at t_us, the two could talk. */
	USHER_LEG_ANSWERED = 7,
	USHER_LEG_HELD = 8,
	USHER_LEG_RETRIEVED = 9,
	/* The leg handed the call on: by; to_leg or target. It is released by itself. */
	USHER_LEG_TRANSFERRED = 10,
	/* The leg is over: reason, why in the switch's own word. leg NULL: the device
	 * never rang. May come after the call is gone. */
	USHER_LEG_RELEASED = 11,
	/* After a new connection: all calls of the switch follow; instance. */
	USHER_SNAPSHOT_BEGIN = 12,
	/* One call as it stands: state, leg and device if any, age_us; once more for
	 * each further leg, with the state of that leg. */
	USHER_SNAPSHOT_CALL = 13,
	USHER_SNAPSHOT_END = 14,
	/* An action could not be done: action, reason, why. */
	USHER_ACTION_FAILED = 15,
	/* A telephone of the switch, whether usher had it rung or not: device,
	 * device_state. Told at each change, and for all of them after a connection. */
	USHER_DEVICE_STATE = 16,
	/* A call's menu asks for its place, its wait, and whether it may be called back;
	 * USHER_ACTION_TELL answers. attributes as in USHER_CALL_WAITING. */
	USHER_CALL_ASKS = 17,
	/* The waiting caller wants to be called back instead: number ("": his own). */
	USHER_CALL_WANTS_CALLBACK = 18,
};

enum usher_call_outcome {
	USHER_OUTCOME_NONE = 0,
	USHER_OUTCOME_ABANDONED = 1, /* he left while he waited, or rang */
	USHER_OUTCOME_ENDED = 2,     /* he had been put through */
	USHER_OUTCOME_FAILED = 3,    /* a call of ours that nobody answered */
	USHER_OUTCOME_LOST = 4,	     /* nobody knows: link or switch failed */
};

enum usher_leg_reason {
	USHER_REASON_NONE = 0,
	USHER_REASON_HUNG_UP = 1,     /* after it was answered */
	USHER_REASON_NO_ANSWER = 2,   /* it rang for as long as it may */
	USHER_REASON_BUSY = 3,	      /* busy, or turned down at the telephone */
	USHER_REASON_UNAVAILABLE = 4, /* not registered, no such device */
	USHER_REASON_CONGESTION = 5,  /* the switch or a line to the device is full */
	USHER_REASON_CANCELLED = 6,   /* the caller left, or we withdrew */
	USHER_REASON_GONE = 7,	      /* the call that an action named is over */
	USHER_REASON_LOST = 8,	      /* link or switch failed */
	USHER_REASON_OTHER = 9,
};

enum usher_device_state {
	USHER_DEVICE_UNKNOWN = 0,
	USHER_DEVICE_FREE = 1,
	USHER_DEVICE_RINGING = 2,
	USHER_DEVICE_IN_USE = 3, /* talks, dials or holds */
	USHER_DEVICE_AWAY = 4,	 /* not registered */
};

enum usher_call_state {
	USHER_STATE_NONE = 0,
	USHER_STATE_WAITING = 1,
	USHER_STATE_RINGING = 2,
	USHER_STATE_TALKING = 3,
};

enum usher_transfer {
	USHER_TRANSFER_NONE = 0,
	USHER_TRANSFER_BLIND = 1,
	USHER_TRANSFER_ATTENDED = 2,
};

struct usher_switch_event {
	uint32_t size; /* of this struct */
	enum usher_switch_kind kind;
	int64_t t_us;	    /* clock of the switch, Unix microseconds; 0: it said none */
	const char *call;   /* id of the call, unique on its switch for ever */
	const char *leg;    /* id of a telephone's part in a call */
	const char *device; /* of the leg, in the switch's words: "PJSIP/1001" */
	bool consult;	    /* the leg was dialled by another leg, not for the caller */
	const char *to_leg, *target; /* whom the call was handed to */
	enum usher_transfer by;
	const char *number, *name; /* of the caller */
	const char *dialled;	   /* number he dialled */
	const char *place;
	const char *why;
	const char *instance; /* another one: the switch was started anew */
	const char *action;   /* id of the action */
	enum usher_call_outcome outcome;
	enum usher_leg_reason reason;
	enum usher_call_state state;
	int64_t picked_up_us; /* clock of the switch; 0: not known */
	int64_t age_us;	      /* of the call in a snapshot; -1: not known */
	int64_t talk_us,
		hold_us; /* durations: in a bridge with somebody; held by a leg */
	const struct usher_attribute *attributes; /* texts; from the IVR */
	size_t n_attributes;
	/* Of a leg: the offer that the action named which had it rung; NULL: none did. */
	const char *offer;
	/* When the switch first knew of a waiting call, which is before its menus; clock
	 * of the switch, Unix microseconds; 0: not known. */
	int64_t begun_us;
	enum usher_device_state device_state;
};

/* ---- neutral actions: a closed list ---- */

enum usher_action_kind {
	USHER_ACTION_CONNECT = 1, /* ring device for the call; ring_ms, offer, answer */
	/* Play a treatment to a waiting caller: device names it, position and wait_ms are
	 * what it may say. He waits on by himself. */
	USHER_ACTION_ANNOUNCE = 2,
	USHER_ACTION_ORIGINATE = 3, /* dial device, then number, as call; ring_ms */
	USHER_ACTION_HANG_UP = 4,   /* end the call, or the leg if one is named */
	USHER_ACTION_SNAPSHOT = 5,  /* tell all calls again */
	USHER_ACTION_PING = 6,	    /* to see that the switch is there */
	/* Back to waiting, with music: what rings or talks for him ends. */
	USHER_ACTION_WAIT = 7,
	/* Answers USHER_CALL_ASKS: position, wait_ms, callback. */
	USHER_ACTION_TELL = 8,
	/* usher does not take the call, or gives it up: device names why, the switch does
	 * with it what it does without usher. */
	USHER_ACTION_DIVERT = 9,
	USHER_ACTION_DIAL = 10, /* dial number, as call; who answers waits; ring_ms */
	/* of a leg that talks */
	USHER_ACTION_ANSWER = 11, /* of one that rings: pick it up, where it can */
	USHER_ACTION_HOLD = 12,
	USHER_ACTION_RETRIEVE = 13,
	USHER_ACTION_MUTE = 14, /* what the leg says is heard no more */
	USHER_ACTION_UNMUTE = 15,
	USHER_ACTION_TRANSFER = 16,	  /* blind, to number */
	USHER_ACTION_CONSULT = 17,	  /* ask number while the caller holds */
	USHER_ACTION_CONSULT_END = 18,	  /* back to the caller */
	USHER_ACTION_CONSULT_FINISH = 19, /* the caller to who was asked */
	USHER_ACTION_CONFERENCE = 20,	  /* number joins the call and the leg */
	/* device listens to a leg: listen says how */
	USHER_ACTION_LISTEN = 21,
};

enum usher_listen {
	USHER_LISTEN_SILENT = 0,
	USHER_LISTEN_WHISPER = 1, /* the leg hears device, the caller does not */
	USHER_LISTEN_BARGE = 2	  /* all hear all */
};

struct usher_switch_action {
	uint32_t size; /* of this struct */
	enum usher_action_kind kind;
	const char *action; /* its id: [A-Za-z0-9._-]{1,64}; comes back if it fails */
	const char *call, *leg, *device, *number;
	const char *caller_number, *caller_name; /* shown to who is dialled */
	int64_t ring_ms;
	/* since the first version */
	const char *offer; /* comes back with the legs' events; as an action's id */
	bool answer;	   /* the telephone is to pick up by itself */
	int64_t position;  /* 0: next; -1: not known */
	int64_t wait_ms;   /* -1: not known */
	bool callback;	   /* a callback is on offer */
	enum usher_listen listen;
};

/* ---- the adapter ---- */

/* What usher does for a link. */
struct usher_switch_sink {
	uint32_t size; /* of this struct */
	void *context; /* given back */
	/* Takes one event. It may not call the adapter. */
	void (*event)(void *context, const struct usher_switch_event *event);
	/* Puts bytes on the wire, in their order. NULL for a link that only listens. */
	void (*send)(void *context, const char *bytes, size_t n);
};

/* Counted since open. */
struct usher_switch_figures {
	uint32_t size; /* room for this struct, set by the caller */
	uint64_t bytes, messages, events;
	uint64_t refused;      /* messages that broke a rule of the protocol or a bound */
	uint64_t late;	       /* events about what was over: harmless */
	uint64_t unknown_ends; /* ends of what had not begun */
	int64_t first_us;      /* first time that the switch told; 0: none */
	int64_t first_channel_us; /* of the first call or telephone that appeared */
	int64_t last_us;	  /* latest time that the switch told */
	char problem[160];	  /* of the last refused message; "" if none */
};

struct usher_switch {
	uint32_t abi;  /* USHER_SWITCH_ABI */
	uint32_t size; /* sizeof(struct usher_switch) */

	/*
	 * open - makes a link to one switch; there is no connection yet.
	 *
	 * state   the plugin's, with its settings; outlives the link
	 * sink    outlives the link. Without `send` the link only listens: its bytes are
	 *         a recording, or another program's session, whose answers it takes for
	 *         its own
	 * Returns owned by usher until close; never NULL
	 */
	void *(*open)(void *state, const struct usher_switch_sink *sink);
	void (*close)(void *link);

	/*
	 * receive - bytes of the switch, cut anywhere.
	 *
	 * Returns  false: what comes can be no such switch, or it refuses us; usher
	 * closes the connection and calls lost. figures has the problem
	 */
	bool (*receive)(void *link, const char *bytes, size_t n);

	/* The connection ended, for any reason. Bytes that follow are a new one's. */
	void (*lost)(void *link);

	/*
	 * act - writes an action through `send`.
	 *
	 * Returns  false: it cannot be written, with the problem in a sentence; nothing
	 *          was sent. True: it went out; USHER_ACTION_FAILED tells if it fails
	 */
	bool (*act)(void *link, const struct usher_switch_action *action, char *problem,
		size_t room);

	void (*figures)(const void *link, struct usher_switch_figures *out);
};

#ifdef __cplusplus
}
#endif

#endif
