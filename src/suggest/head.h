/* suggest/head.h - YAML of response files and rules.yaml, with places for messages. */
#ifndef USHER_SUGGEST_HEAD_H
#define USHER_SUGGEST_HEAD_H

#include <yaml.h>

#include "suggest/library.h"

struct head {
	const char *file; /* borrowed; for messages */
	int line;	  /* of the file, before the first line of the YAML */
	yaml_document_t document;
	bool loaded;
	struct library_problems *problems; /* borrowed */
};

/*
 * head_parse - reads n bytes; refuses anchors, aliases, tags, and keys that stand twice.
 *
 * Returns  the root, or NULL: empty (no problem) or wrong (said)
 */
yaml_node_t *head_parse(struct head *head, const char *text, size_t n);
void head_finish(struct head *head);

void head_error(struct head *head, const yaml_node_t *at, const char *format, ...)
	USHER_PRINTF(3, 4);
/* A problem of a line of the file; 0: of the file as a whole. */
void problem_add(struct library_problems *problems, const char *file, int line,
	const char *format, ...) USHER_PRINTF(4, 5);

/* The value of a key; NULL: not there. */
yaml_node_t *head_get(struct head *head, const yaml_node_t *map, const char *key);
/* Says each key that is not in the list, which ends with NULL. */
void head_known(struct head *head, const yaml_node_t *map, const char *const *known);

/* The text of a scalar; NULL, said, when it is none. */
const char *head_text(struct head *head, const yaml_node_t *node);
bool head_bool(struct head *head, const yaml_node_t *node);
double head_number(struct head *head, const yaml_node_t *node, double least, double most);
/* One text or a list of texts, `most` at most; returns how many, borrowed. */
int head_texts(struct head *head, yaml_node_t *node, const char **out, int most,
	const char *what);
/* The items of a list; 0, said, when it is none. */
int head_items(struct head *head, const yaml_node_t *node, int most, yaml_node_t **out);

/* ---- library_rules.c ---- */

/* Adds the rules of a list. own: the response whose file it is; NULL: rules.yaml. */
void head_rules(
	struct head *head, yaml_node_t *list, struct rules *rules, const char *own);

#endif
