/* control/config_files.c - a settings file and what it includes become one tree. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config_compile.h"

struct file_id {
	dev_t device;
	ino_t inode;
};

struct loader {
	struct tree *tree; /* borrowed */
	int n_seen;
	struct file_id seen[TREE_FILES_MAX]; /* each file is read once only */
};

char *
config_folder(const char *path)
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
		tree_error(l->tree, at, "%s cannot be read: %s", path, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > CONFIG_FILE_MAX) {
		tree_error(l->tree, at, "%s is %s", path,
			S_ISREG(st.st_mode) ? "longer than 8 MiB" : "no regular file");
		goto out;
	}
	for (int i = 0; i < l->n_seen; i++)
		if (l->seen[i].device == st.st_dev && l->seen[i].inode == st.st_ino) {
			tree_error(l->tree, at,
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
		tree_error(l->tree, at, "%s cannot be read: %s", path,
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

/* Room for so many pairs more. */
static void
widen(struct tree *tree, struct node *map, int more)
{
	struct node **child = tree_alloc(
		tree, 2 * ((size_t)map->n + (size_t)more + 1) * sizeof map->child[0]);

	if (map->n > 0)
		memcpy(child, map->child, 2 * (size_t)map->n * sizeof child[0]);
	map->child = child;
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
	struct tree *tree, struct node *into, const struct node *from, bool top);

/* The same key in both: lists and mappings of the top level grow. */
static void
merge_value(struct tree *tree, struct node *old, const struct node *key,
	const struct node *value, bool top)
{
	if (top && old->kind == NODE_MAP && value->kind == NODE_MAP)
		merge(tree, old, value, false);
	else if (top && old->kind == NODE_LIST && value->kind == NODE_LIST)
		append_items(tree, old, value);
	else
		tree_error(tree, key,
			"\"%s\" is said already in %s, line %d: keep one of them",
			key->text, tree->file[old->file], old->line);
}

/* Adds a file's keys as if they stood at the end of `into`. */
static void
merge(struct tree *tree, struct node *into, const struct node *from, bool top)
{
	struct map known = {0};

	widen(tree, into, from->n);
	for (int i = 0; i < into->n; i++)
		map_put(&known, into->child[2 * i]->text, into->child[2 * i + 1]);
	for (int i = 0; i < from->n; i++) {
		struct node *key = from->child[2 * i], *value = from->child[2 * i + 1];
		struct node *old = map_get(&known, key->text);

		if (old != NULL) {
			merge_value(tree, old, key, value, top);
			continue;
		}
		into->child[2 * into->n] = key;
		into->child[2 * into->n + 1] = value;
		into->n++;
	}
	map_finish(&known);
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
			tree_error(l->tree, at, "include: only files have includes");
			continue;
		}
		path = at->text[0] == '/' ? xstrdup(at->text)
					  : xasprintf("%s/%s", folder, at->text);
		more = load_file(l, at, path, depth + 1);
		free(path);
		if (more != NULL)
			merge(l->tree, root, more, true);
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
	tree_warn(l->tree, &end, "the last line has no end: was the file cut off?");
}

static struct node *
load_text(struct loader *l, int file, const char *text, size_t n, const char *folder,
	int depth)
{
	struct node *root = tree_parse(l->tree, file, text, n);

	if (root == NULL)
		return NULL;
	if (root->kind != NODE_MAP) {
		tree_error(l->tree, root,
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
	int file = tree_add_file(l->tree, path);

	if (depth > CONFIG_INCLUDE_DEPTH)
		tree_error(l->tree, at, "includes go deeper than %d files",
			CONFIG_INCLUDE_DEPTH);
	if (file < 0 || depth > CONFIG_INCLUDE_DEPTH)
		return NULL;
	text = read_file(l, at, path, &n);
	if (text == NULL)
		return NULL;
	folder = config_folder(path);
	root = load_text(l, file, text, n, folder, depth);
	free(folder);
	free(text);
	return root;
}

struct node *
config_read_file(struct tree *tree, const char *path)
{
	struct loader *l = xcalloc(1, sizeof *l);
	struct node *root;

	l->tree = tree;
	root = load_file(l, NULL, path, 0);
	free(l);
	return root;
}

struct node *
config_read_text(struct tree *tree, const char *name, const char *text, size_t n)
{
	struct loader *l = xcalloc(1, sizeof *l);
	struct node *root;

	l->tree = tree;
	root = load_text(l, tree_add_file(tree, name), text, n, NULL, 0);
	free(l);
	return root;
}
