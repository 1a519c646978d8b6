/* control/plugins.c - shared objects to hooks.
 *
 *   named in the settings -> opened -> ABI checked -> settings in its state -> started
 *   any step wrong: said with file and line; what was started before is stopped again */
#include "control/plugins.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "control/plugin_settings.h"
#include "usher-config.h"
#include "usher/channel.h"
#include "usher/identify.h"
#include "usher/switch.h"

/* Bytes that the description had when ABI 1 was made; with fewer it is none. */
#define PLUGIN_SIZE_LEAST                                                                \
	(offsetof(struct usher_plugin, on_complete) + sizeof(void (*)(void)))
#define PLUGIN_SIZE_MOST 65536

struct loaded {
	void *handle;		    /* owned; of dlopen */
	struct usher_plugin plugin; /* a copy: what lies beyond its size reads as zero */
	void *state;		    /* owned */
	struct usher_host host;
	bool started;
};

struct plugins {
	int n;
	struct loaded list[HOOKS_PLUGINS_MAX];
	char *folder; /* owned; of the settings file */
	struct hooks *hooks;
};

/* ---- what a plugin may ask of us ---- */

static void
host_log(const struct usher_host *host, enum usher_log_level level, const char *text)
{
	static const enum log_level levels[] = {
		LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};

	if ((unsigned)level > USHER_LOG_DEBUG)
		level = USHER_LOG_INFO;
	if (log_wants(levels[level]))
		log_line(levels[level], "plugin.%s: %.400s", host->plugin, text);
}

/* ---- opening ---- */

static bool
is_plugin_name(const char *name)
{
	/* No dots: the name becomes a part of a path. */
	return id_is_valid(name) && strchr(name, '.') == NULL;
}

/* Opens NAME.so and checks what it says of itself. False with why. */
static bool
open_plugin(const char *folder, const char *name, struct loaded *out, char *problem,
	size_t room)
{
	char path[PATH_MAX];
	const struct usher_plugin *found;
	void *handle;

	if (!is_plugin_name(name)) {
		snprintf(problem, room,
			"a plugin's name has letters, digits, - and _ only, not "
			"\"%.60s\"",
			name);
		return false;
	}
	snprintf(path, sizeof(path), "%s/%s.so", folder, name);
	if (access(path, R_OK) != 0) {
		snprintf(problem, room, "there is no plugin %s: %.200s: %s", name, path,
			strerror(errno));
		return false;
	}
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		snprintf(problem, room, "plugin %s cannot be opened: %.200s", name,
			dlerror());
		return false;
	}
	found = dlsym(handle, "usher_plugin");
	if (found == NULL)
		snprintf(problem, room,
			"plugin %s exports no usher_plugin: it is not one of usher's",
			name);
	else if (found->abi != USHER_PLUGIN_ABI)
		snprintf(problem, room,
			"plugin %s was made for plugin ABI %" PRIu32
			", this usher has %d: compile it again",
			name, found->abi, USHER_PLUGIN_ABI);
	else if (found->size < PLUGIN_SIZE_LEAST || found->size > PLUGIN_SIZE_MOST)
		snprintf(problem, room,
			"plugin %s says that its description has %" PRIu32
			" bytes: compile it again",
			name, found->size);
	else {
		memcpy(&out->plugin, found,
			found->size < sizeof(out->plugin) ? found->size
							  : sizeof(out->plugin));
		out->handle = handle;
		return true;
	}
	dlclose(handle);
	return false;
}

static bool
check_description(
	const struct usher_plugin *p, const char *name, char *problem, size_t room)
{
	char why[300];

	if (p->name == NULL || strcmp(p->name, name) != 0) {
		snprintf(problem, room, "plugin %s calls itself \"%.60s\": rename it",
			name, p->name != NULL ? p->name : "");
		return false;
	}
	if (p->version == NULL || p->help == NULL) {
		snprintf(problem, room, "plugin %s has no version or no help", name);
		return false;
	}
	if (p->state_size > (size_t)1 << 20) {
		snprintf(problem, room, "plugin %s wants a state of more than 1 MiB",
			name);
		return false;
	}
	if (plugin_settings_sound(p, why, sizeof(why)))
		return true;
	snprintf(problem, room, "plugin %s: %s", name, why);
	return false;
}

/* ---- settings ---- */

static void
say_unknown(const struct loaded *l, const struct config_plugin *from, const char *key,
	const char *file, struct config_problems *problems)
{
	const char *near = plugin_setting_near(&l->plugin, key);

	config_problems_add(problems, false, file, from->line,
		"plugin %s has no setting \"%.64s\"%s%s%s", from->name, key,
		near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		near != NULL ? "\"?" : "");
}

/* Returns false when anything was wrong; goes on to say all of it. */
static bool
read_settings(struct loaded *l, const struct config_plugin *from, const char *file,
	struct config_problems *problems)
{
	bool given[PLUGIN_SETTINGS_MAX] = {false};
	char problem[300];
	bool good = true;

	for (int i = 0; i < from->n_settings; i++) {
		const struct usher_setting *s =
			plugin_setting_find(&l->plugin, from->keys[i]);

		if (s == NULL) {
			say_unknown(l, from, from->keys[i], file, problems);
			good = false;
			continue;
		}
		given[s - l->plugin.settings] = true;
		if (!plugin_setting_put(
			    s, l->state, from->values[i], problem, sizeof(problem))) {
			config_problems_add(problems, false, file, from->line,
				"plugin %s: %s: %s", from->name, s->name, problem);
			good = false;
		}
	}
	if (!plugin_settings_default(
		    &l->plugin, given, l->state, problem, sizeof(problem))) {
		config_problems_add(problems, false, file, from->line, "plugin %s: %s",
			from->name, problem);
		good = false;
	}
	return good;
}

static bool
start(struct loaded *l, const struct config_plugin *from, const char *file,
	struct config_problems *problems)
{
	char problem[300] = "";

	if (l->plugin.start != NULL &&
		!l->plugin.start(l->state, &l->host, problem, sizeof(problem))) {
		problem[sizeof(problem) - 1] = '\0';
		config_problems_add(problems, false, file, from->line, "plugin %s: %s",
			from->name, problem[0] != '\0' ? problem : "does not start");
		return false;
	}
	l->started = true;
	return true;
}

/* ---- the set ---- */

static void
unload(struct loaded *l)
{
	if (l->started && l->plugin.stop != NULL)
		l->plugin.stop(l->state);
	if (l->state != NULL)
		plugin_settings_finish(&l->plugin, l->state);
	free(l->state);
	if (l->handle != NULL)
		dlclose(l->handle);
	*l = (struct loaded){0};
}

static bool
open_one(struct plugins *plugins, const char *folder, const struct config_plugin *from,
	const char *file, struct config_problems *problems)
{
	struct loaded *l = &plugins->list[plugins->n];
	char problem[400];

	for (int i = 0; i < plugins->n; i++) {
		if (strcmp(plugins->list[i].plugin.name, from->name) == 0) {
			config_problems_add(problems, false, file, from->line,
				"plugin %s is named twice: remove one", from->name);
			return false;
		}
	}
	*l = (struct loaded){0};
	plugins->n++;
	if (!open_plugin(folder, from->name, l, problem, sizeof(problem)) ||
		!check_description(&l->plugin, from->name, problem, sizeof(problem))) {
		config_problems_add(problems, false, file, from->line, "%s", problem);
		unload(l);
		plugins->n--;
		return false;
	}
	l->state = xcalloc(1, l->plugin.state_size + 1);
	l->host = (struct usher_host){.abi = USHER_PLUGIN_ABI,
		.size = sizeof(l->host),
		.log = host_log,
		.plugin = l->plugin.name,
		.settings = plugins->folder};
	return read_settings(l, from, file, problems);
}

static char *
folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash != NULL ? xstrndup(file, (size_t)(slash - file) + (slash == file))
			     : xstrdup(".");
}

/* Opens and checks them; runs: starts them, too. */
static struct plugins *
load(const char *folder, const struct config *config, const char *file, bool runs,
	struct config_problems *problems)
{
	struct plugins *plugins = xcalloc(1, sizeof(*plugins));
	bool good = true;

	plugins->folder = folder_of(file);
	plugins->hooks = hooks_create(NULL);
	for (int i = 0; i < config->n_plugins; i++) {
		const struct config_plugin *from = &config->plugins[i];
		struct loaded *l = &plugins->list[plugins->n];

		if (i == HOOKS_PLUGINS_MAX) {
			config_problems_add(problems, false, file, from->line,
				"there can be %d plugins at most", HOOKS_PLUGINS_MAX);
			good = false;
			break;
		}
		if (!open_one(plugins, folder, from, file, problems) ||
			(runs && (!start(l, from, file, problems) ||
					 !hooks_add(
						 plugins->hooks, &l->plugin, l->state))))
			good = false;
	}
	if (good)
		return plugins;
	plugins_destroy(plugins);
	return NULL;
}

struct plugins *
plugins_load(const char *folder, const struct config *config, const char *file,
	struct config_problems *problems)
{
	return load(folder, config, file, true, problems);
}

struct plugins *
plugins_open(const char *folder, const struct config *config, const char *file,
	struct config_problems *problems)
{
	return load(folder, config, file, false, problems);
}

void
plugins_destroy(struct plugins *plugins)
{
	if (plugins == NULL)
		return;
	hooks_destroy(plugins->hooks);
	for (int i = plugins->n - 1; i >= 0; i--)
		unload(&plugins->list[i]);
	free(plugins->folder);
	free(plugins);
}

struct hooks *
plugins_hooks(struct plugins *plugins)
{
	return plugins->hooks;
}

const struct usher_channel *
plugins_channel(const struct plugins *plugins, int i, void **state, const char **name)
{
	for (int k = 0; k < plugins->n; k++) {
		const struct usher_channel *d = plugins->list[k].plugin.channel;

		if (d == NULL || d->abi != USHER_CHANNEL_ABI || d->size < sizeof(*d) ||
			i-- > 0)
			continue;
		*state = plugins->list[k].state;
		*name = plugins->list[k].plugin.name;
		return d;
	}
	return NULL;
}

const struct usher_identify *
plugins_identify(const struct plugins *plugins, int i, void **state, const char **name)
{
	for (int k = 0; k < plugins->n; k++) {
		const struct usher_identify *d = plugins->list[k].plugin.identify;

		if (d == NULL || d->abi != USHER_IDENTIFY_ABI || d->size < sizeof(*d) ||
			i-- > 0)
			continue;
		*state = plugins->list[k].state;
		*name = plugins->list[k].plugin.name;
		return d;
	}
	return NULL;
}

const struct usher_switch *
plugins_telephony(const struct plugins *plugins, const char *name, void **state)
{
	for (int i = 0; i < plugins->n; i++) {
		const struct usher_switch *t = plugins->list[i].plugin.telephony;

		if (strcmp(plugins->list[i].plugin.name, name) != 0)
			continue;
		*state = plugins->list[i].state;
		return t != NULL && t->abi == USHER_SWITCH_ABI && t->size >= sizeof(*t)
			       ? t
			       : NULL;
	}
	return NULL;
}

char *
plugins_folder(void)
{
	char exe[PATH_MAX], *slash, *beside;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n > 0) {
		exe[n] = '\0';
		slash = strrchr(exe, '/');
		beside = xasprintf(
			"%.*s/plugins", slash != NULL ? (int)(slash - exe) : 0, exe);
		if (access(beside, R_OK | X_OK) == 0)
			return beside;
		free(beside);
	}
	return xstrdup(USHER_PLUGINDIR);
}

/* ---- what is shown ---- */

static json_t *
stage_json(const struct hook_figures *f)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "calls",
		(json_int_t)f->calls, "declined", (json_int_t)f->declined, "refused",
		(json_int_t)f->refused, "slow", (json_int_t)f->slow, "wrong",
		(json_int_t)f->wrong, "total_us", (json_int_t)f->total_us, "longest_us",
		(json_int_t)f->longest_us);
}

static json_t *
plugin_json(const struct plugins *plugins, int i)
{
	const struct usher_plugin *p = &plugins->list[i].plugin;
	json_t *stages = json_object();

	for (int stage = 0; stage < HOOK_STAGES; stage++) {
		const struct hook_figures *f =
			hooks_figures(plugins->hooks, i, (enum hook_stage)stage);

		if (f->calls > 0)
			json_object_set_new(
				stages, hook_stage_name[stage], stage_json(f));
	}
	return json_pack("{s:s, s:s, s:b, s:I, s:o}", "name", p->name, "version",
		p->version, "enabled", hooks_enabled(plugins->hooks, i), "faults",
		(json_int_t)hooks_faults(plugins->hooks, i), "stages", stages);
}

json_t *
plugins_json(const struct plugins *plugins)
{
	json_t *list = json_array();

	for (int i = 0; i < plugins->n; i++)
		json_array_append_new(list, plugin_json(plugins, i));
	return list;
}

static const char *
type_name(enum usher_setting_type type)
{
	switch (type) {
	case USHER_SETTING_BOOL:
		return "true or false";
	case USHER_SETTING_INTEGER:
		return "whole number";
	case USHER_SETTING_NUMBER:
		return "number";
	case USHER_SETTING_DURATION:
		return "duration";
	case USHER_SETTING_TEXT:
		return "text";
	case USHER_SETTING_DATE:
		return "date";
	}
	return "";
}

bool
plugins_document(const char *folder, const char *name, FILE *out)
{
	struct loaded l = {0};
	char problem[400];
	bool good = open_plugin(folder, name, &l, problem, sizeof(problem)) &&
		    check_description(&l.plugin, name, problem, sizeof(problem));

	if (!good)
		fprintf(stderr, "%s\n", problem);
	else
		fputs("| setting | type | default | meaning |\n| --- | --- | --- | --- "
		      "|\n",
			out);
	for (size_t i = 0; good && i < l.plugin.n_settings; i++) {
		const struct usher_setting *s = &l.plugin.settings[i];

		fprintf(out, "| `%s` | %s | %s%s%s | %s |\n", s->name, type_name(s->type),
			s->otherwise != NULL && s->otherwise[0] != '\0' ? "`" : "",
			s->otherwise != NULL ? s->otherwise : "must be given",
			s->otherwise != NULL && s->otherwise[0] != '\0' ? "`" : "",
			s->help);
	}
	unload(&l);
	return good;
}
