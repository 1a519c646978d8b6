/*
 * control/settings_tree.h - YAML text as a tree of nodes with places, by libyaml's
 * events.
 *
 * Refused here: duplicate keys, anchors and aliases (nothing can grow when it is read),
 * tags, several documents, tabs that indent, text that is not UTF-8, and files that end
 * in the middle. Nothing is typed here: what a scalar means, the settings table says.
 */
#ifndef USHER_CONTROL_SETTINGS_TREE_H
#define USHER_CONTROL_SETTINGS_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "control/config.h"

#define TREE_NODES_MAX 3000000 /* of all files together */
#define TREE_DEPTH_MAX 24
#define TREE_FILES_MAX 256

enum node_kind {
	NODE_SCALAR,
	NODE_LIST,
	NODE_MAP
};

/* Owned by the tree. A map's children are key, value, key, value, ... */
struct node {
	enum node_kind kind;
	bool quoted;
	short file;	  /* index into the tree's files */
	int line, column; /* from 1 */
	int n;		  /* children; of a map: pairs */
	struct node **child;
	char *text; /* scalar; UTF-8 without NUL inside */
};

struct tree {
	struct config_problems *problems; /* borrowed */
	int errors;
	int n_nodes, n_files;
	char *file[TREE_FILES_MAX]; /* owned; names for messages */
	struct tree_block
		*blocks; /* owned: the memory of nodes and of what is read from them */
};

void tree_init(struct tree *tree, struct config_problems *problems);
void tree_finish(struct tree *tree);

/* Zeroed memory that lives as long as the tree. */
void *tree_alloc(struct tree *tree, size_t size);
char *tree_printf(struct tree *tree, const char *format, ...) USHER_PRINTF(2, 3);

/* Makes a file's name known to messages; -1 with an error when there are too many. */
int tree_add_file(struct tree *tree, const char *name);

/* Parses one text; NULL when it is empty (not an error) or wrong (said in problems). */
struct node *tree_parse(struct tree *tree, int file, const char *text, size_t n);

/* The value of a key of a map; NULL when absent. */
struct node *tree_get(const struct node *map, const char *key);

/* Says what is wrong at a node (NULL: at the first file as a whole). */
void tree_error(struct tree *tree, const struct node *at, const char *format, ...)
	USHER_PRINTF(3, 4);
void tree_warn(struct tree *tree, const struct node *at, const char *format, ...)
	USHER_PRINTF(3, 4);
/* The same, some columns further right: for an error within an expression. */
void tree_error_in(struct tree *tree, const struct node *at, int columns,
	const char *format, ...) USHER_PRINTF(4, 5);
/* No further problem will be told, only counted. */
bool tree_is_full(const struct tree *tree);

#endif
