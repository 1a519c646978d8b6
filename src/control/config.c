/* control/config.c - a settings file with its includes becomes a config, or problems. */
#include "control/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config_compile.h"

/* ---- files ---- */

struct file_id {
	dev_t device;
	ino_t inode;
};

struct loader {
	struct tree tree;
	int n_seen;
	struct file_id seen[TREE_FILES_MAX]; /* each file is read once only */
};

/* The folder of a path; the caller owns it. */
static char *
folder_of(const char *path)
{
	char *copy = xstrdup(path), *folder = xstrdup(dirname(copy));

	free(copy);
	return folder;
}

/* Reads a regular file of at most CONFIG_FILE_MAX bytes. `at` is where it is asked for.
 */
static char *
read_file(struct loader *l, const struct node *at, const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	ssize_t got = 1;

	if (fd < 0 || fstat(fd, &st) != 0) {
		tree_error(&l->tree, at, "%s cannot be read: %s", path, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > CONFIG_FILE_MAX) {
		tree_error(&l->tree, at, "%s is %s", path,
			S_ISREG(st.st_mode) ? "longer than 8 MiB" : "no regular file");
		goto out;
	}
	for (int i = 0; i < l->n_seen; i++)
		if (l->seen[i].device == st.st_dev && l->seen[i].inode == st.st_ino) {
			tree_error(&l->tree, at,
				"%s is included twice: name it once, and not in itself",
				path);
			goto out;
		}
	if (l->n_seen < TREE_FILES_MAX)
		l->seen[l->n_seen++] = (struct file_id){st.st_dev, st.st_ino};
	text = xmalloc(CONFIG_FILE_MAX + 1);
	for (*n = 0; got > 0 && *n <= CONFIG_FILE_MAX; *n += (size_t)got) {
		got = read(fd, text + *n, CONFIG_FILE_MAX + 1 - *n);
		if (got < 0)
			break;
	}
	if (got < 0 || *n > CONFIG_FILE_MAX) {
		tree_error(&l->tree, at, "%s cannot be read: %s", path,
			got < 0 ? strerror(errno) : "it grew while it was read");
		free(text);
		text = NULL;
	}
out:
	if (fd >= 0)
		close(fd);
	return text;
}

/* ---- includes ---- */

static void
append_pair(struct tree *tree, struct node *map, struct node *key, struct node *value)
{
	struct node **child =
		tree_alloc(tree, 2 * ((size_t)map->n + 1) * sizeof map->child[0]);

	if (map->n > 0)
		memcpy(child, map->child, 2 * (size_t)map->n * sizeof child[0]);
	child[2 * map->n] = key;
	child[2 * map->n + 1] = value;
	map->child = child;
	map->n++;
}

static void
append_items(struct tree *tree, struct node *list, const struct node *more)
{
	size_t n = (size_t)list->n + (size_t)more->n;
	struct node **child = tree_alloc(tree, (n + 1) * sizeof list->child[0]);

	if (list->n > 0)
		memcpy(child, list->child, (size_t)list->n * sizeof child[0]);
	if (more->n > 0)
		memcpy(child + list->n, more->child, (size_t)more->n * sizeof child[0]);
	list->child = child;
	list->n = (int)n;
}

static void merge(
	struct tree *tree, struct node *into, const struct node *from, int level);

static void
merge_pair(struct tree *tree, struct node *into, struct node *key, struct node *value,
	int level)
{
	struct node *old = tree_get(into, key->text);

	if (old == NULL)
		append_pair(tree, into, key, value);
	else if (level == 0 && old->kind == NODE_MAP && value->kind == NODE_MAP)
		merge(tree, old, value, 1);
	else if (level == 0 && old->kind == NODE_LIST && value->kind == NODE_LIST)
		append_items(tree, old, value);
	else
		tree_error(tree, key,
			"\"%s\" is said already in %s, line %d: keep one of "
			"them",
			key->text, tree->file[old->file], old->line);
}

/* Adds a file's keys as if they stood at the end of `into`. */
static void
merge(struct tree *tree, struct node *into, const struct node *from, int level)
{
	for (int i = 0; i < from->n; i++)
		merge_pair(tree, into, from->child[2 * i], from->child[2 * i + 1], level);
}

static struct node *load_file(
	struct loader *l, const struct node *at, const char *path, int depth);

static void
load_includes(struct loader *l, struct node *root, const char *folder, int depth)
{
	const struct node *include = tree_get(root, "include");

	if (include == NULL || include->kind != NODE_LIST)
		return; /* the table says what is wrong */
	for (int i = 0; i < include->n; i++) {
		const struct node *at = include->child[i];
		struct node *more;
		char *path;

		if (at->kind != NODE_SCALAR || at->text[0] == '\0')
			continue;
		if (folder == NULL) {
			tree_error(&l->tree, at, "include: only files have includes");
			continue;
		}
		path = at->text[0] == '/' ? xstrdup(at->text)
					  : xasprintf("%s/%s", folder, at->text);
		more = load_file(l, at, path, depth + 1);
		free(path);
		if (more != NULL)
			merge(&l->tree, root, more, 0);
	}
}

/* Takes the key `include` out, so that it is not merged upwards. */
static void
drop_includes(struct node *root)
{
	for (int i = 0; i < root->n; i++) {
		if (strcmp(root->child[2 * i]->text, "include") != 0)
			continue;
		memmove(&root->child[2 * i], &root->child[2 * i + 2],
			2 * (size_t)(root->n - i - 1) * sizeof root->child[0]);
		root->n--;
		return;
	}
}

/* Not an error: an editor may leave it out. But it is all that shows of a file cut off
 * between two words. */
static void
warn_of_open_end(struct loader *l, int file, const char *text, size_t n)
{
	struct node end = {.file = (short)file, .line = 1, .column = 1};

	if (n == 0 || text[n - 1] == '\n')
		return;
	for (size_t i = 0; i < n; i++)
		end.line += text[i] == '\n';
	tree_warn(&l->tree, &end, "the last line has no end: was the file cut off?");
}

static struct node *
load_text(struct loader *l, int file, const char *text, size_t n, const char *folder,
	int depth)
{
	struct node *root = tree_parse(&l->tree, file, text, n);

	if (root == NULL)
		return NULL;
	if (root->kind != NODE_MAP) {
		tree_error(&l->tree, root,
			"a settings file has lines of the form "
			"key: value");
		return NULL;
	}
	warn_of_open_end(l, file, text, n);
	load_includes(l, root, folder, depth);
	if (depth > 0)
		drop_includes(root);
	return root;
}

static struct node *
load_file(struct loader *l, const struct node *at, const char *path, int depth)
{
	struct node *root = NULL;
	char *text, *folder;
	size_t n;
	int file = tree_add_file(&l->tree, path);

	if (depth > CONFIG_INCLUDE_DEPTH)
		tree_error(&l->tree, at, "includes go deeper than %d files",
			CONFIG_INCLUDE_DEPTH);
	if (file < 0 || depth > CONFIG_INCLUDE_DEPTH)
		return NULL;
	text = read_file(l, at, path, &n);
	if (text == NULL)
		return NULL;
	folder = folder_of(path);
	root = load_text(l, file, text, n, folder, depth);
	free(folder);
	free(text);
	return root;
}

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
compile(struct tree *tree, const struct node *root, const char *folder,
	const struct centre *previous, double speed)
{
	struct compile c = {
		.tree = tree, .previous = previous, .speed = speed, .folder = folder};
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
	compile_process(&c, config);
	compile_checks(&c);
	compile_names_finish(&c);
	if (tree->errors > 0) {
		config_destroy(config);
		return NULL;
	}
	settings_dump(&dump, c.top);
	config->dump = text_take(&dump);
	return config;
}

static struct config *
finish(struct loader *l, const struct node *root, const char *folder,
	const struct centre *previous, double speed)
{
	struct config *config = NULL;

	if (root != NULL && l->tree.errors == 0)
		config = compile(&l->tree, root, folder, previous, speed);
	else if (l->tree.errors == 0)
		tree_error(&l->tree, NULL,
			"there are no settings in this file: at least "
			"queues: {general: {}} must stand here");
	tree_finish(&l->tree);
	free(l);
	return config;
}

struct config *
config_load(const char *path, const struct centre *previous, double speed,
	struct config_problems *problems)
{
	struct loader *l = xcalloc(1, sizeof *l);
	struct config *config;
	char *folder = folder_of(path);
	struct node *root;

	tree_init(&l->tree, problems);
	root = load_file(l, NULL, path, 0);
	config = finish(l, root, folder, previous, speed);
	free(folder);
	return config;
}

struct config *
config_parse(const char *name, const char *text, size_t n, const struct centre *previous,
	double speed, struct config_problems *problems)
{
	struct loader *l = xcalloc(1, sizeof *l);
	struct node *root;

	tree_init(&l->tree, problems);
	root = load_text(l, tree_add_file(&l->tree, name), text, n, NULL, 0);
	return finish(l, root, NULL, previous, speed);
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
	sim_destroy(config->sim);
	free(config->dump);
	free(config);
}
