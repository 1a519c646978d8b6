/* control/switches.c - see switches.h. */
#include "control/switches.h"

#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/xalloc.h"

#define ERROR_MAX 400 /* bytes of what is said of a secret file */

static char *
text_of(const struct switch_settings *s, const char *secret)
{
	char digest[AUDIT_HASH];
	const char *const parts[] = {s->plugin, s->tls ? "tls" : "", s->ca_file,
		s->cert_file, s->key_file, s->tls_name, digest};
	struct text t = {0};

	audit_digest(digest, secret);

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		text_addf(&t, "%s\n", parts[i] != NULL ? parts[i] : "");
	for (int i = 0; i < s->n_addresses; i++)
		text_addf(&t, "%s\n", s->addresses[i]);
	for (int i = 0; i < s->n_settings; i++)
		text_addf(&t, "%s=%s\n", s->keys[i], s->values[i]);
	return text_take(&t);
}

/* runs: with the secret, and started; else it is only looked at. */
static bool
load_one(struct switch_plugin *p, const char *folder, const struct switch_settings *s,
	const char *file, bool runs, struct config_problems *problems)
{
	char *secret = NULL, *keys[SWITCH_SETTINGS_MAX + 1],
	     *values[SWITCH_SETTINGS_MAX + 1], error[ERROR_MAX];
	struct config_plugin plugin = {.name = s->plugin,
		.n_settings = s->n_settings,
		.keys = keys,
		.values = values,
		.line = s->line};
	struct config config = {.n_plugins = 1, .plugins = &plugin};
	bool good = true;

	for (int i = 0; i < s->n_settings; i++) {
		keys[i] = s->keys[i];
		values[i] = s->values[i];
	}
	if (s->secret_file != NULL) {
		secret = runs ? secret_read(s->secret_file, error, sizeof error)
			      : xstrdup("in place of the secret");
		good = secret != NULL;
		if (!good)
			config_problems_add(problems, false, file, s->line,
				"switch %s: %s", s->name, error);
		keys[plugin.n_settings] = (char *)(uintptr_t) "secret";
		values[plugin.n_settings++] = secret;
	}
	p->name = xstrdup(s->name);
	p->says = text_of(s, secret);
	if (good)
		p->plugins = (runs ? plugins_load : plugins_open)(
			folder, &config, file, problems);
	if (p->plugins != NULL)
		p->adapter = plugins_telephony(p->plugins, s->plugin, &p->state);
	if (p->plugins != NULL && p->adapter == NULL)
		config_problems_add(problems, false, file, s->line,
			"switch %s: plugin %s speaks to no switch, or was made for "
			"another usher",
			s->name, s->plugin);
	secret_free(secret);
	return p->adapter != NULL;
}

static struct switch_plugins *
load(const char *folder, const struct voice_settings *voice, const char *file, bool runs,
	struct config_problems *problems)
{
	struct switch_plugins *all = xcalloc(1, sizeof *all);
	bool good = true;

	for (int i = 0; i < voice->n_switches; i++)
		good = load_one(&all->list[all->n++], folder, &voice->switches[i], file,
			       runs, problems) &&
		       good;
	if (good)
		return all;
	switches_destroy(all);
	return NULL;
}

struct switch_plugins *
switches_load(const char *folder, const struct voice_settings *voice, const char *file,
	struct config_problems *problems)
{
	return load(folder, voice, file, true, problems);
}

bool
switches_check(const char *folder, const struct voice_settings *voice, const char *file,
	struct config_problems *problems)
{
	struct switch_plugins *all = load(folder, voice, file, false, problems);
	bool good = all != NULL;

	switches_destroy(all);
	return good;
}

void
switch_plugin_finish(struct switch_plugin *p)
{
	free(p->name);
	free(p->says);
	plugins_destroy(p->plugins);
	*p = (struct switch_plugin){0};
}

void
switches_destroy(struct switch_plugins *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < s->n; i++)
		switch_plugin_finish(&s->list[i]);
	free(s);
}
