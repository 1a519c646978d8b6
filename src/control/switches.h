/*
 * control/switches.h - the adapters of the switches that the settings name: each switch
 * has a plugin state of its own, with its settings.
 */
#ifndef USHER_CONTROL_SWITCHES_H
#define USHER_CONTROL_SWITCHES_H

#include "control/plugins.h"
#include "model/voice.h"

struct switch_plugin {
	char *name; /* owned; of the switch */
	char *says; /* owned; all that its link depends on, as text: unchanged, it may
		       stay */
	struct plugins *plugins;	    /* owned */
	const struct usher_switch *adapter; /* of the plugin */
	void *state;			    /* of the plugin */
};

struct switch_plugins {
	int n;
	struct switch_plugin list[SWITCHES_MAX];
};

/*
 * switches_load - loads and checks the adapters of all switches.
 *
 * folder    as plugins_load
 * Returns   owned by the caller; NULL when there was an error
 */
struct switch_plugins *switches_load(const char *folder,
	const struct voice_settings *voice, const char *file,
	struct config_problems *problems) USHER_MUST_CHECK;
/* Finds what is wrong in them without starting one, and without their secret files, which
 * are for usher's account alone. */
bool switches_check(const char *folder, const struct voice_settings *voice,
	const char *file, struct config_problems *problems);
void switches_destroy(struct switch_plugins *s); /* NULL is fine */
void switch_plugin_finish(struct switch_plugin *p);

#endif
