/* control/settings_tree.c - YAML events into nodes. */
#include "control/settings_tree.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/map.h"
#include "base/text.h"

#define BLOCK_BYTES 65536

struct tree_block {
	struct tree_block *next;
	size_t used, room;
	_Alignas(16) char bytes[];
};

void
tree_init(struct tree *tree, struct config_problems *problems)
{
	*tree = (struct tree){.problems = problems};
}

void
tree_finish(struct tree *tree)
{
	struct tree_block *next;

	for (struct tree_block *b = tree->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	for (int i = 0; i < tree->n_files; i++)
		free(tree->file[i]);
	*tree = (struct tree){0};
}

void *
tree_alloc(struct tree *tree, size_t size)
{
	struct tree_block *b = tree->blocks;
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (b == NULL || b->room - b->used < size) {
		size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		b = xcalloc(1, sizeof *b + room);
		b->room = room;
		b->next = tree->blocks;
		tree->blocks = b;
	}
	p = b->bytes + b->used;
	b->used += size;
	return p;
}

char *
tree_printf(struct tree *tree, const char *format, ...)
{
	va_list args;
	char *made = NULL, *kept;
	int n;

	va_start(args, format);
	n = vasprintf(&made, format, args);
	va_end(args);
	kept = tree_alloc(tree, n < 0 ? 1 : (size_t)n + 1);
	if (n > 0)
		memcpy(kept, made, (size_t)n);
	free(n < 0 ? NULL : made);
	return kept;
}

int
tree_add_file(struct tree *tree, const char *name)
{
	if (tree->n_files == TREE_FILES_MAX) {
		tree_error(tree, NULL, "more than %d files are included", TREE_FILES_MAX);
		return -1;
	}
	tree->file[tree->n_files] = xstrdup(name);
	return tree->n_files++;
}

struct node *
tree_get(const struct node *map, const char *key)
{
	for (int i = 0; map != NULL && i < map->n; i++)
		if (strcmp(map->child[2 * i]->text, key) == 0)
			return map->child[2 * i + 1];
	return NULL;
}

/* ---- one text ---- */

struct parse {
	struct tree *tree;
	yaml_parser_t yaml;
	const char *text; /* borrowed */
	size_t n;
	int file;
	bool failed;
};

static struct node
place(const struct parse *p, yaml_mark_t mark)
{
	return (struct node){.file = (short)p->file,
		.line = (int)mark.line + 1,
		.column = (int)mark.column + 1};
}

static void USHER_PRINTF(3, 4)
	refuse(struct parse *p, yaml_mark_t mark, const char *format, ...)
{
	struct node at = place(p, mark);
	va_list args;
	char *message = NULL;

	if (p->failed)
		return;
	p->failed = true;
	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	tree_error(p->tree, &at, "%s", message != NULL ? message : "no memory");
	free(message);
}

/* libyaml gives a byte offset where it could not read, and no line. */
static yaml_mark_t
mark_at_offset(const struct parse *p, size_t offset)
{
	yaml_mark_t mark = {0};

	for (size_t i = 0; i < offset && i < p->n; i++) {
		mark.column++;
		if (p->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static void
refuse_as_yaml(struct parse *p)
{
	const yaml_parser_t *y = &p->yaml;
	const char *problem = y->problem != NULL ? y->problem : "this cannot be read";
	char begun[100] = "";

	if (y->error == YAML_READER_ERROR) {
		refuse(p, mark_at_offset(p, y->problem_offset),
			"%s: settings are UTF-8 text without control characters",
			problem);
		return;
	}
	/* A key without its colon is noticed in the next line only. */
	if (y->context != NULL && strstr(y->context, "simple key") != NULL) {
		refuse(p, y->context_mark, "this key has no \": \" after it");
		return;
	}
	if (y->context != NULL)
		snprintf(begun, sizeof begun, "%s in line %zu, ", y->context,
			y->context_mark.line + 1);
	refuse(p, y->problem_mark,
		"%s%s%s: see that brackets and quotes close, that each key has \": \", "
		"and "
		"that entries stand below each other",
		begun, problem,
		y->problem_mark.index >= p->n ? " (the file ends here)" : "");
}

static bool
next_event(struct parse *p, yaml_event_t *event)
{
	if (p->failed)
		return false;
	if (!yaml_parser_parse(&p->yaml, event)) {
		refuse_as_yaml(p);
		return false;
	}
	return true;
}

static struct node *
new_node(struct parse *p, enum node_kind kind, yaml_mark_t mark)
{
	struct node *node = tree_alloc(p->tree, sizeof *node);

	if (++p->tree->n_nodes > TREE_NODES_MAX)
		refuse(p, mark, "the settings have more than %d values", TREE_NODES_MAX);
	*node = place(p, mark);
	node->kind = kind;
	return node;
}

static struct node *parse_node(struct parse *p, yaml_event_t *event, int depth);

/* Growing children: the arrays live on the heap until the list is complete. */
struct children {
	struct node **list;
	size_t n, room;
};

static void
push(struct children *c, struct node *node)
{
	if (c->n == c->room) {
		c->room = c->room != 0 ? 2 * c->room : 8;
		c->list = xreallocarray(c->list, c->room, sizeof c->list[0]);
	}
	c->list[c->n++] = node;
}

static void
keep_children(struct parse *p, struct node *node, struct children *c)
{
	node->child = tree_alloc(p->tree, (c->n + 1) * sizeof c->list[0]);
	if (c->n > 0)
		memcpy(node->child, c->list, c->n * sizeof c->list[0]);
	node->n = (int)(node->kind == NODE_MAP ? c->n / 2 : c->n);
	free(c->list);
}

/* A key must be new in its map; `seen` says where the first one stands. */
static void
check_key(struct parse *p, const struct node *key, yaml_mark_t mark, struct map *seen)
{
	const struct node *first;

	if (p->failed)
		return;
	if (key->kind != NODE_SCALAR || key->text[0] == '\0') {
		refuse(p, mark, "a key is one word, followed by \": \"");
		return;
	}
	first = map_get(seen, key->text);
	if (first != NULL)
		tree_error(p->tree, key,
			"\"%s\" stands here twice, first in line %d: keep one of them",
			key->text, first->line);
	else
		map_put(seen, key->text, (void *)(uintptr_t)key);
}

static void
parse_children(struct parse *p, struct node *node, int depth, yaml_event_type_t end)
{
	struct children children = {0};
	struct map seen = {0};
	yaml_event_t event;

	while (next_event(p, &event)) {
		yaml_mark_t mark = event.start_mark;
		struct node *child;

		if (event.type == end) {
			yaml_event_delete(&event);
			break;
		}
		child = parse_node(p, &event, depth);
		if (child == NULL)
			break;
		if (node->kind == NODE_MAP && children.n % 2 == 0)
			check_key(p, child, mark, &seen);
		push(&children, child);
	}
	map_finish(&seen);
	keep_children(p, node, &children);
}

static struct node *
parse_scalar(struct parse *p, const yaml_event_t *event)
{
	struct node *node = new_node(p, NODE_SCALAR, event->start_mark);
	size_t n = event->data.scalar.length;

	if (memchr(event->data.scalar.value, '\0', n) != NULL)
		refuse(p, event->start_mark, "a text may not contain the character NUL");
	node->text = tree_alloc(p->tree, n + 1);
	memcpy(node->text, event->data.scalar.value, n);
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return node;
}

static void
refuse_anchors(struct parse *p, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	}
	if (e->type == YAML_ALIAS_EVENT || anchor != NULL)
		refuse(p, e->start_mark,
			"anchors (&) and aliases (*) are not taken: write it out, or put "
			"the text in quotes");
	else if (tag != NULL)
		refuse(p, e->start_mark,
			"tags (!) are not taken: leave it out, or put the "
			"text in quotes");
}

/* Takes the event over. NULL when it begins no node or something is wrong. */
static struct node *
parse_node(struct parse *p, yaml_event_t *event, int depth)
{
	yaml_event_type_t type = event->type;
	struct node *node = NULL;

	refuse_anchors(p, event);
	if (depth > TREE_DEPTH_MAX)
		refuse(p, event->start_mark, "more than %d levels within each other",
			TREE_DEPTH_MAX);
	if (!p->failed && type == YAML_SCALAR_EVENT)
		node = parse_scalar(p, event);
	else if (!p->failed && type == YAML_SEQUENCE_START_EVENT)
		node = new_node(p, NODE_LIST, event->start_mark);
	else if (!p->failed && type == YAML_MAPPING_START_EVENT)
		node = new_node(p, NODE_MAP, event->start_mark);
	yaml_event_delete(event);
	if (node != NULL && node->kind == NODE_LIST)
		parse_children(p, node, depth + 1, YAML_SEQUENCE_END_EVENT);
	else if (node != NULL && node->kind == NODE_MAP)
		parse_children(p, node, depth + 1, YAML_MAPPING_END_EVENT);
	return p->failed ? NULL : node;
}

/* A tab that indents confuses people and libyaml's messages alike. */
static void
refuse_tabs(struct parse *p)
{
	yaml_mark_t mark = {0};
	bool indent = true;

	for (size_t i = 0; i < p->n && !p->failed; i++) {
		if (p->text[i] == '\t' && indent)
			refuse(p, mark, "a tab indents this line: use spaces");
		indent = p->text[i] == '\n' || (indent && p->text[i] == ' ');
		mark.column++;
		if (p->text[i] == '\n')
			mark = (yaml_mark_t){.line = mark.line + 1};
	}
}

static struct node *
parse_document(struct parse *p)
{
	struct node *root = NULL;
	yaml_event_t event;
	bool over = false;
	int documents = 0;

	while (!over && next_event(p, &event)) {
		yaml_mark_t mark = event.start_mark;

		over = event.type == YAML_STREAM_END_EVENT;
		if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
			refuse(p, mark,
				"a second document begins here: a file holds one");
		if (event.type == YAML_SCALAR_EVENT || event.type == YAML_ALIAS_EVENT ||
			event.type == YAML_SEQUENCE_START_EVENT ||
			event.type == YAML_MAPPING_START_EVENT)
			root = parse_node(p, &event, 0);
		else
			yaml_event_delete(&event);
	}
	return p->failed ? NULL : root;
}

struct node *
tree_parse(struct tree *tree, int file, const char *text, size_t n)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct parse p = {.tree = tree, .text = text, .n = n, .file = file};
	struct node *root = NULL;

	if (n >= 3 && memcmp(text, bom, 3) == 0) {
		p.text += 3;
		p.n -= 3;
	}
	refuse_tabs(&p);
	if (p.failed)
		return NULL;
	if (!yaml_parser_initialize(&p.yaml)) {
		refuse(&p, (yaml_mark_t){0}, "no memory is left to read this");
		return NULL;
	}
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)p.text, p.n);
	root = parse_document(&p);
	yaml_parser_delete(&p.yaml);
	return root;
}
