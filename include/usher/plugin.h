/*
 * usher/plugin.h - all that a plugin sees of usher. Versioned: USHER_PLUGIN_ABI.
 *
 * A plugin is one shared object that exports
 *
 *     const struct usher_plugin usher_plugin = {
 *             .abi = USHER_PLUGIN_ABI, .size = sizeof(struct usher_plugin),
 *             .name = "vip", ...
 *     };
 *
 * and hooks stages by name (on_score, on_match, on_offer, on_complete). At each stage the
 * plugins are asked in the order of the settings' `plugins:`; USHER_DECLINED passes on to
 * the next one, any other verdict ends the asking (on_complete is told to all).
 *
 * Rules:
 * - Hooks run on the one thread that routes. They never block: no file, no network, no
 *   lock that another thread may hold, no sleep. A call over USHER_HOOK_LIMIT_US is a
 *   fault; so is a value out of its range, or an unknown verdict. What a faulty call said
 *   is not used. After USHER_FAULTS_MOST faults the plugin is asked no more until the
 *   settings are reloaded; usherctl status shows it.
 * - What a hook is given is borrowed for the call and must not be changed or kept.
 * - start and stop may take their time: they run when settings are loaded.
 *
 * The ABI number changes when a member changes its meaning; new members are added at the
 * end, which `size` tells apart: a member that lies beyond the size of whoever made the
 * struct reads as zero, so that an older plugin runs in a newer usher. A plugin must
 * check `size` of a struct before it reads a member that its own ABI did not have from
 * the start.
 */
#ifndef USHER_PLUGIN_H
#define USHER_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define USHER_PLUGIN_ABI 1
#define USHER_HOOK_LIMIT_US 50000 /* a hook's call takes at most this long */
#define USHER_FAULTS_MOST 20	  /* then the plugin is asked no more */
#define USHER_POINTS_MOST 10000	  /* value points that one hook may add or take away */
#define USHER_WHY_MAX 160	  /* bytes of a line, with its NUL */

enum usher_verdict {
	USHER_OK = 0,	    /* done: what the hook said stands */
	USHER_DECLINED = 1, /* not mine: the next plugin is asked */
	USHER_REFUSED = 2,  /* on_match alone: this agent may not have this contact */
};

/* ---- what hooks are shown; read only, borrowed for the call ---- */

enum usher_value_kind {
	USHER_VALUE_NONE = 0,
	USHER_VALUE_BOOL = 1,
	USHER_VALUE_NUMBER = 2,
	USHER_VALUE_TEXT = 3,
	USHER_VALUE_LIST = 4, /* of texts */
};

struct usher_attribute {
	const char *name; /* dotted: "ivr.menu" */
	enum usher_value_kind kind;
	bool boolean;
	double number;
	const char *text;
	size_t n_list;
	const char *const *list;
};

struct usher_contact {
	uint32_t size;		 /* of this struct */
	uint64_t id;		 /* rises with each contact */
	const char *channel;	 /* "voice" */
	const char *queue;	 /* "" before it is known (on_score) */
	const char *tier;	 /* "" before it is known (on_score) */
	const char *customer_id; /* "" when unknown */
	const char *source;	 /* who handed it in */
	const char *external_id; /* "" if none */
	const char *title;	 /* "" if none */
	double value_pts;	 /* the customer's value points so far */
	int64_t now_ms;		 /* centre time of the decision, Unix ms */
	int64_t arrived_ms;	 /* t0, Unix ms */
	int64_t due_ms;		 /* first promise, Unix ms; 0 before it is known */
	const struct usher_attribute *attributes;
	size_t n_attributes;
};

struct usher_agent {
	uint32_t size; /* of this struct */
	const char *id;
	const char *name; /* "" if none */
	const char *team; /* "" if none */
	int load_pts, capacity_pts;
};

struct usher_completion {
	uint32_t size;	     /* of this struct */
	const char *state;   /* how it ended: "completed", "abandoned", ... */
	const char *agent;   /* id; "" when nobody served it */
	int64_t waited_ms;   /* until it was served or ended */
	int64_t handled_ms;  /* connected time; 0 if none */
	const char *code;    /* disposition; "" if none */
	double amount;	     /* outcome; NAN: none */
	double satisfaction; /* 0..10; NAN: none */
};

/* ---- settings ---- */

enum usher_setting_type {
	USHER_SETTING_BOOL = 1,	    /* bool */
	USHER_SETTING_INTEGER = 2,  /* int64_t; low..high */
	USHER_SETTING_NUMBER = 3,   /* double; low..high */
	USHER_SETTING_DURATION = 4, /* int64_t ms; low..high; written 20s, 5m, ... */
	USHER_SETTING_TEXT = 5,	    /* const char *, owned by usher; low..high bytes */
	USHER_SETTING_DATE = 6,	    /* int64_t Unix ms of its midnight, UTC; 0 for "" */
};

/* A setting is read, checked and written to the state before start is called. */
struct usher_setting {
	const char *name;
	enum usher_setting_type type;
	size_t offset;	       /* of its field in the state */
	double low, high;      /* range, both included; of a text: its bytes */
	const char *otherwise; /* default, as it would be written; NULL: must be given */
	const char *help;      /* one sentence, with the unit */
};

#define USHER_SETTING(kind, state, field, from, to, default_text, sentence)              \
	{                                                                                \
		.name = #field, .type = USHER_SETTING_##kind,                            \
		.offset = offsetof(state, field), .low = (from), .high = (to),           \
		.otherwise = (default_text), .help = (sentence)                          \
	}

/* ---- what usher does for a plugin ---- */

enum usher_log_level {
	USHER_LOG_ERROR = 0,
	USHER_LOG_WARN = 1,
	USHER_LOG_INFO = 2,
	USHER_LOG_DEBUG = 3
};

struct usher_host {
	uint32_t abi, size;
	/* Writes one line to usher's log, behind the plugin's name. */
	void (*log)(const struct usher_host *host, enum usher_log_level level,
		const char *text);
	const char *plugin;   /* its name */
	const char *settings; /* folder of the settings file: other files lie there */
};

/* ---- the plugin ---- */

struct usher_switch;
struct usher_channel;
struct usher_identify;

struct usher_plugin {
	uint32_t abi;  /* USHER_PLUGIN_ABI */
	uint32_t size; /* sizeof(struct usher_plugin) */

	const char *name; /* of the file without its ending: [a-z0-9_-]{1,64} */
	const char *version;
	const char *help; /* one sentence */

	size_t state_size; /* zeroed memory that all hooks are given; owned by usher */
	const struct usher_setting *settings;
	size_t n_settings;

	/*
	 * start - settings are in the state; get ready. NULL: nothing to do.
	 *
	 * host     kept alive until stop has returned
	 * problem  room for a sentence that says what is wrong and what to do
	 * Returns  false: the settings are refused, with the problem; stop is not called
	 */
	bool (*start)(
		void *state, const struct usher_host *host, char *problem, size_t room);
	void (*stop)(void *state); /* NULL: nothing to do */

	/*
	 * on_score - what the customer is worth; before the tier is chosen.
	 *
	 * points   0 at the call; to add to the customer's value points,
	 *          -USHER_POINTS_MOST..USHER_POINTS_MOST
	 * Returns  USHER_OK or USHER_DECLINED
	 */
	enum usher_verdict (*on_score)(
		void *state, const struct usher_contact *contact, int *points);

	/*
	 * on_match - may this agent have this contact? Asked of agents who could serve
	 * it by skills, team, channel and room, maybe often; the answer should stay the
	 * same while the contact waits, since it is not asked again by time alone.
	 *
	 * Returns  USHER_OK: yes; USHER_REFUSED: no; USHER_DECLINED: the next is asked,
	 *          and if all decline, yes
	 */
	enum usher_verdict (*on_match)(void *state, const struct usher_contact *contact,
		const struct usher_agent *agent);

	/*
	 * on_offer - the contact is about to be offered; a line for the agent to read.
	 *
	 * why      room bytes for a sentence, "" at the call; stays NUL-terminated
	 * Returns  USHER_OK (why stands, if any) or USHER_DECLINED
	 */
	enum usher_verdict (*on_offer)(void *state, const struct usher_contact *contact,
		const struct usher_agent *agent, char *why, size_t room);

	/* on_complete - the contact is over, one way or the other; all are told. */
	void (*on_complete)(void *state, const struct usher_contact *contact,
		const struct usher_completion *completion);

	/* Speaks to a telephony switch: usher/switch.h. NULL: does not. */
	const struct usher_switch *telephony;

	/* Knows customers: usher/identify.h. NULL: does not. */
	const struct usher_identify *identify;

	/* Brings contacts in: usher/channel.h. NULL: does not. */
	const struct usher_channel *channel;
};

/* The attribute of that name; NULL: there is none. */
static inline const struct usher_attribute *
usher_attribute(const struct usher_contact *contact, const char *name)
{
	for (size_t i = 0; i < contact->n_attributes; i++) {
		const char *a = contact->attributes[i].name, *b = name;

		while (*a != '\0' && *a == *b) {
			a++;
			b++;
		}
		if (*a == *b)
			return &contact->attributes[i];
	}
	return NULL;
}

#ifdef __cplusplus
}
#endif

#endif
