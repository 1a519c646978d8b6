/*
 * control/plugins.h - loads the plugins that the settings name, checks their ABI and
 * their settings, and fills base/hooks.h's table.
 *
 * All or nothing, like the settings themselves: with one error nothing is loaded and the
 * set in force stays.
 */
#ifndef USHER_CONTROL_PLUGINS_H
#define USHER_CONTROL_PLUGINS_H

#include <jansson.h>

#include "base/hooks.h"
#include "control/config.h"

struct plugins;

/*
 * plugins_load - the plugins of a version of the settings, started.
 *
 * folder    where NAME.so lies (plugins_folder)
 * config    read only; its plugins are loaded in their order
 * file      the settings file, for messages; plugins look for files of theirs beside it
 * problems  errors are added
 * Returns   owned by the caller; NULL when there was an error. Without any plugins an
 *           empty set
 */
struct plugins *plugins_load(const char *folder, const struct config *config,
	const char *file, struct config_problems *problems) USHER_MUST_CHECK;

/* The same without starting one, for a check: ABI and settings. Their table of hooks is
 * empty. */
struct plugins *plugins_open(const char *folder, const struct config *config,
	const char *file, struct config_problems *problems) USHER_MUST_CHECK;

/* Stops them. The table of hooks must not be used afterwards. NULL is fine. */
void plugins_destroy(struct plugins *plugins);

struct hooks *plugins_hooks(struct plugins *plugins); /* borrowed */

/* The i-th plugin that knows customers, its state and its name; NULL: there are no more.
 */
struct usher_channel;
struct usher_identify;
const struct usher_identify *plugins_identify(
	const struct plugins *plugins, int i, void **state, const char **name);
/* The same of those that bring contacts in. */
const struct usher_channel *plugins_channel(
	const struct plugins *plugins, int i, void **state, const char **name);

/* How the plugin of that name speaks to a switch (usher/switch.h), and its state, which
 * stays the set's. NULL: it does not, or was made for another ABI of that stage. */
const struct usher_switch *plugins_telephony(
	const struct plugins *plugins, const char *name, void **state);

/* Where plugins are: "plugins" beside the program when it runs from its build folder,
 * else the installed place. The caller owns it. */
char *plugins_folder(void);

/* [{"name", "version", "enabled", "faults", "stages": {"score": {"calls", ...}}}]; the
 * caller owns it. */
json_t *plugins_json(const struct plugins *plugins);

/* Writes a plugin's settings as a Markdown table. False: it cannot be loaded, which is
 * said on stderr. */
bool plugins_document(const char *folder, const char *name, FILE *out) USHER_MUST_CHECK;

#endif
