/* control/plugin_settings.h - a plugin's settings: from text, by its table, into its
 * state. */
#ifndef USHER_CONTROL_PLUGIN_SETTINGS_H
#define USHER_CONTROL_PLUGIN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/xalloc.h"
#include "usher/plugin.h"

#define PLUGIN_SETTINGS_MAX 256
#define PLUGIN_TEXT_MAX 4096 /* bytes of a text setting */

/* Checks the table itself: names, types, offsets within the state, ranges, defaults. */
bool plugin_settings_sound(
	const struct usher_plugin *plugin, char *problem, size_t room) USHER_MUST_CHECK;

/* Its entry; NULL: no such setting. */
const struct usher_setting *plugin_setting_find(
	const struct usher_plugin *plugin, const char *name);
/* The name that is nearest to a misspelt one; NULL: none is near. */
const char *plugin_setting_near(const struct usher_plugin *plugin, const char *name);

/* Reads one value into the state. A text of before is freed. False with what is wrong. */
bool plugin_setting_put(const struct usher_setting *setting, void *state,
	const char *text, char *problem, size_t room) USHER_MUST_CHECK;

/* Fills in what was not given; `given` has one entry for each setting. False with the
 * first that has no default. */
bool plugin_settings_default(const struct usher_plugin *plugin, const bool *given,
	void *state, char *problem, size_t room) USHER_MUST_CHECK;

/* Frees the texts of a state. */
void plugin_settings_finish(const struct usher_plugin *plugin, void *state);

#endif
