/*
 * model/voice.h - settings of the telephony switches and of what callers get, as they are
 * compiled (control/config_voice.c). Durations in ms; those of a play are divided by its
 * speed already.
 */
#ifndef USHER_MODEL_VOICE_H
#define USHER_MODEL_VOICE_H

#include <stdbool.h>
#include <stdint.h>

#define SWITCHES_MAX 32	       /* of a centre */
#define SWITCH_ADDRESSES_MAX 4 /* links to one switch */
#define SWITCH_SETTINGS_MAX 64 /* settings of its plugin */

/* All owned. */
struct switch_settings {
	char *name; /* of the switch; also the source of its contacts */
	char *plugin;
	int n_addresses;
	char **addresses; /* "host:port" */
	bool tls;
	char *ca_file;		    /* NULL: the system's authorities */
	char *cert_file, *key_file; /* of ours, for a switch that asks; NULL: none */
	char *tls_name;		    /* that its certificate must bear; NULL: the host's */
	char *secret_file; /* first line: the plugin's setting `secret`; NULL: none */
	char *channel;	   /* of its calls; "voice" */
	bool count_ivr;	   /* time in the switch's menus counts as waited */
	bool answer;	   /* telephones are asked to pick up by themselves */
	int n_settings;	   /* of the plugin */
	char **keys, **values;
	int line; /* in the settings file */
};

struct call_settings {
	int64_t announce_ms; /* least time between two announcements; 0: none */
	int64_t resume_ms;   /* who abandoned and rings again within it has his old place;
				0:   never */
	int64_t short_ms;    /* abandoned within it: counted apart; 0: never */
	int64_t link_grace_ms; /* a lost link's callers are `lost` after it */
	int64_t lag_ms; /* a link that is so far behind the switch is closed and made anew
			 */
	int64_t silence_ms; /* and one on which it says nothing, though asked */
};

struct dial_settings {
	char *channel; /* of callbacks; "callback" */
	char *on;      /* switch that dials; NULL: the first */
	char *number;  /* of ours, shown to customers; NULL: the switch's own */
	bool customer_first;
	int attempts;
	int64_t gap_ms;	  /* between two attempts */
	int64_t delay_ms; /* before the first, so that a caller can hang up */
	int64_t ring_ms;
	int calendar; /* of the centre, of permitted hours; -1: always */
	int earliest_min,
		latest_min; /* of the day, in the customer's time zone; 0, 1440 */
};

struct voice_settings {
	int n_switches;
	struct switch_settings *switches; /* owned */
	struct call_settings calls;
	struct dial_settings dialling;
};

/* NULL is fine; frees the settings too. */
void voice_settings_destroy(struct voice_settings *s);

#endif
