/* control/config.c - a settings file with its includes becomes a config, or problems. */
#include "control/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_compile.h"
#include "model/mailbox.h"

/* ---- the whole ---- */

static void
compile_times(struct compile *c)
{
	const struct entry *top = c->top;
	struct centre *centre = c->centre;
	const struct slot *reasons = &top->slot[TOP_REASONS];

	centre->name = xstrdup(entry_text(top, TOP_CENTRE));
	centre->kind = LAW_DPV;
	centre->speed = c->speed;
	centre->version = c->previous != NULL ? c->previous->version + 1 : 1;
	centre->reject_cooldown_ms =
		compile_ms(c, entry_number(top, TOP_REJECT_COOLDOWN));
	centre->park_limit_ms = compile_ms(c, entry_number(top, TOP_PARK_LIMIT));
	/* Grace and keeping are of the real world, whatever is played. */
	centre->desk_grace_ms = llround(entry_number(top, TOP_DESK_GRACE));
	centre->keep_finished_ms = llround(entry_number(top, TOP_KEEP_FINISHED));
	centre->external_id_ms = llround(entry_number(top, TOP_KEEP_EXTERNAL_IDS));
	centre->reasons = xcalloc((size_t)reasons->n + 1, sizeof centre->reasons[0]);
	for (int i = 0; i < reasons->n; i++)
		centre->reasons[centre->n_reasons++] =
			xstrdup(reasons->node->child[i]->text);
}

static struct config *
compile(struct tree *tree, const struct node *root, bool in_files,
	const struct centre *previous, double speed)
{
	struct compile c = {
		.tree = tree, .previous = previous, .speed = speed, .in_files = in_files};
	struct config *config = xcalloc(1, sizeof *config);
	struct text dump = {0};

	c.top = settings_read(tree, &settings_top, NULL, root);
	c.centre = xcalloc(1, sizeof *c.centre);
	c.centre->refs = 1;
	config->centre = c.centre;
	compile_keep(&c);
	compile_times(&c);
	compile_calendars(&c);
	compile_channels(&c);
	compile_tiers(&c);
	compile_skills(&c);
	compile_teams(&c);
	compile_queues(&c);
	compile_laws(&c);
	compile_rules(&c);
	compile_agents(&c);
	compile_alarms(&c);
	compile_process(&c, config);
	compile_web(&c, config);
	compile_customers(&c, config);
	compile_history(&c, config);
	config->mail = compile_mail(&c);
	compile_voice(&c, config);
	compile_checks(&c);
	compile_names_finish(&c);
	if (tree->errors > 0) {
		config_destroy(config);
		return NULL;
	}
	settings_dump(&dump, c.top);
	c.centre->digest = text_digest(dump.s, dump.n);
	config->dump = text_take(&dump);
	return config;
}

static struct config *
finish(struct tree *tree, const struct node *root, bool in_files,
	const struct centre *previous, double speed)
{
	struct config *config = NULL;

	if (root != NULL && tree->errors == 0)
		config = compile(tree, root, in_files, previous, speed);
	else if (tree->errors == 0)
		tree_error(tree, NULL,
			"there are no settings in this file: at least "
			"queues: {general: {}} must stand here");
	tree_finish(tree);
	return config;
}

struct config *
config_load(const char *path, const struct centre *previous, double speed,
	struct config_problems *problems)
{
	struct tree tree;
	struct node *root;

	tree_init(&tree, problems);
	root = config_read_file(&tree, path);
	return finish(&tree, root, true, previous, speed);
}

struct config *
config_parse(const char *name, const char *text, size_t n, const struct centre *previous,
	double speed, struct config_problems *problems)
{
	struct tree tree;
	struct node *root;

	tree_init(&tree, problems);
	root = config_read_text(&tree, name, text, n);
	return finish(&tree, root, false, previous, speed);
}

/* ---- the end ---- */

static void
listen_finish(struct config_listen *l)
{
	free(l->address);
	free(l->cert_file);
	free(l->key_file);
}

static void
texts_free(char **list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void
sim_destroy(struct config_sim *sim)
{
	if (sim == NULL)
		return;
	for (int i = 0; i < sim->n_classes; i++) {
		struct config_sim_class *class = &sim->classes[i];

		free(class->queue);
		free(class->channel);
		free(class->tier);
		for (int j = 0; j < class->n_attributes; j++)
			attribute_finish(&class->attributes[j]);
		free(class->attributes);
	}
	free(sim->classes);
	free(sim);
}

void
config_destroy(struct config *config)
{
	if (config == NULL)
		return;
	centre_unref(config->centre);
	listen_finish(&config->http);
	listen_finish(&config->desk);
	texts_free(config->hosts, config->n_hosts);
	texts_free(config->origins, config->n_origins);
	free(config->redis);
	free(config->redis_password_file);
	free(config->redis_fsync);
	free(config->log_level);
	for (int i = 0; i < config->n_plugins; i++) {
		free(config->plugins[i].name);
		texts_free(config->plugins[i].keys, config->plugins[i].n_settings);
		texts_free(config->plugins[i].values, config->plugins[i].n_settings);
	}
	free(config->plugins);
	chat_settings_finish(&config->chat);
	callme_settings_finish(&config->callme);
	customer_rules_unref(config->customers);
	keeping_finish(&config->keeping);
	sim_destroy(config->sim);
	mail_settings_unref(config->mail);
	voice_settings_destroy(config->voice);
	free(config->dump);
	free(config);
}
