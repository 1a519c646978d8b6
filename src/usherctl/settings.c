/* usherctl/settings.c - the settings file: checked here, reloaded and shown by the
 * daemon. */
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/switches.h"
#include "usherctl/usherctl.h"

static json_t *
problems_json(const struct config_problems *problems)
{
	json_t *list = json_array();

	for (int i = 0; i < problems->n; i++) {
		const struct config_problem *p = &problems->list[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i, s:i, s:s}", "severity",
				      p->warning ? "warning" : "error", "file",
				      p->file != NULL ? p->file : "", "line", p->line,
				      "column", p->column, "message", p->message));
	}
	return list;
}

/* What a start would refuse, but for what a plugin looks at when it is started and for
 * what only usher's account can read. */
static bool
check_file(const char *file, struct config_problems *problems)
{
	struct config *config = config_load(file, NULL, 1, problems);
	char *folder = plugins_folder();
	struct plugins *plugins = NULL;
	bool good = false;

	if (config != NULL) {
		plugins = plugins_open(folder, config, file, problems);
		good = switches_check(folder, config->voice, file, problems);
		good = config_check_libraries(config, file, problems) && good &&
		       plugins != NULL;
	}
	plugins_destroy(plugins);
	config_destroy(config);
	free(folder);
	return good;
}

enum status
do_config_check(struct ctl *ctl)
{
	struct config_problems problems = {0};
	bool ok = check_file(ctl->word[0], &problems);
	json_t *o;

	if (ctl->json) {
		o = json_pack(
			"{s:b, s:o}", "ok", ok, "problems", problems_json(&problems));
		print_json(o);
		json_decref(o);
	} else {
		config_problems_print(&problems, stderr);
		if (ok)
			printf("%s can be used.\n", ctl->word[0]);
	}
	config_problems_finish(&problems);
	return ok ? STATUS_OK : STATUS_FAILED;
}

enum status
do_config_reload(struct ctl *ctl)
{
	json_t *result = call(ctl, "config.reload", NULL), *p;
	char done[80];
	size_t i;

	json_array_foreach(json_object_get(result, "problems"), i, p)
	{
		if (!ctl->json)
			fprintf(stderr, "%s:%lld:%lld: %s: %s\n", member(p, "file"),
				(long long)member_int(p, "line"),
				(long long)member_int(p, "column"), member(p, "severity"),
				member(p, "message"));
	}
	snprintf(done, sizeof done, "Reloaded: settings version %lld is in force.",
		(long long)member_int(result, "version"));
	return finish(ctl, result, done);
}

/* The settings in force, part by part; anew where they were reloaded meanwhile. NULL:
 * said why. */
static json_t *
settings_shown(struct ctl *ctl)
{
	json_t *whole = NULL, *next = NULL;
	struct text text = {0};

	do {
		json_t *part = call(ctl, "config.show",
			next != NULL ? json_pack("{s:o}", "after", next) : NULL);

		next = NULL;
		if (part == NULL) {
			json_decref(whole);
			text_finish(&text);
			return NULL;
		}
		if (whole != NULL &&
			member_int(part, "version") != member_int(whole, "version")) {
			json_decref(whole);
			whole = NULL;
			text_clear(&text);
			next = json_integer(0);
		} else {
			if (whole == NULL)
				whole = json_incref(part);
			text_add(&text, member(part, "text"));
			next = json_incref(json_object_get(part, "next"));
		}
		json_decref(part);
	} while (next != NULL);
	json_object_set_new(whole, "text", json_string(text.s != NULL ? text.s : ""));
	json_object_del(whole, "next");
	text_finish(&text);
	return whole;
}

enum status
do_config_show(struct ctl *ctl)
{
	json_t *result = settings_shown(ctl);

	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json)
		print_json(result);
	else
		printf("# %s, version %lld, read %s\n%s", member(result, "path"),
			(long long)member_int(result, "version"),
			member(result, "loaded_at"), member(result, "text"));
	json_decref(result);
	return STATUS_OK;
}

/* Settings in force and those of the file; NULL: said why. */
static struct config *
load(const char *name, const char *text, struct config_problems *problems)
{
	struct config *config =
		text != NULL ? config_parse(name, text, strlen(text), NULL, 1, problems)
			     : config_load(name, NULL, 1, problems);

	if (config == NULL)
		config_problems_print(problems, stderr);
	config_problems_finish(problems);
	return config;
}

enum status
do_config_show_diff(struct ctl *ctl)
{
	struct config_problems problems = {0};
	json_t *shown = settings_shown(ctl);
	struct config *now, *then;
	enum status s = STATUS_FAILED;

	if (shown == NULL)
		return STATUS_FAILED;
	now = load(member(shown, "path"), member(shown, "text"), &problems);
	problems = (struct config_problems){0};
	then = load(ctl->word[0], NULL, &problems);
	if (now != NULL && then != NULL) {
		s = STATUS_OK;
		if (!config_diff(stdout, now, then))
			printf("Nothing would change.\n");
	}
	config_destroy(now);
	config_destroy(then);
	json_decref(shown);
	return s;
}

enum status
do_config_write_document(struct ctl *ctl)
{
	config_document(stdout, option(ctl, "yaml") != NULL);
	return STATUS_OK;
}

/* ---- live edits of agents: into the file, or dropped ---- */

static bool
is_edited(const json_t *agent)
{
	return json_is_true(json_object_get(agent, "edited"));
}

static void
print_entry(const json_t *agent)
{
	json_t *level;
	const char *skill, *between = "";

	printf("  - {id: %s, skills: {", member(agent, "id"));
	json_object_foreach(json_object_get(agent, "skills"), skill, level)
	{
		printf("%s%s: %lld", between, skill,
			(long long)json_integer_value(level));
		between = ", ";
	}
	printf("}, capacity: %lld}\n", (long long)member_int(agent, "capacity"));
}

enum status
do_config_adopt(struct ctl *ctl)
{
	json_t *all = all_agents(ctl), *agent;
	size_t i;
	int n = 0;

	if (all == NULL)
		return STATUS_FAILED;
	json_array_foreach(all, i, agent)
	{
		if (!is_edited(agent))
			continue;
		if (n++ == 0)
			printf("# put these skills and capacities into the entries of "
			       "your "
			       "settings file,\n# then: usherctl config "
			       "reload\nagents:\n");
		print_entry(agent);
	}
	if (n == 0)
		fprintf(stderr, "No agent is edited; the settings file holds for all.\n");
	json_decref(all);
	return STATUS_OK;
}

enum status
do_config_revert(struct ctl *ctl)
{
	json_t *all = all_agents(ctl), *agent, *result;
	size_t i;
	int n = 0;

	if (all == NULL)
		return STATUS_FAILED;
	json_array_foreach(all, i, agent)
	{
		if (!is_edited(agent) ||
			(ctl->n_words > 0 &&
				strcmp(ctl->word[0], member(agent, "id")) != 0))
			continue;
		result = call(ctl, "agent.revert",
			json_pack("{s:s}", "agent", member(agent, "id")));
		if (result == NULL) {
			json_decref(all);
			return STATUS_FAILED;
		}
		json_decref(result);
		n++;
	}
	json_decref(all);
	if (n == 0)
		printf("No such agent is edited.\n");
	else
		printf("Done for %d; the settings file holds again.\n", n);
	return STATUS_OK;
}
