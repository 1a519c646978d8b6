/* suggest/head.c - libyaml's document with checks. */
#include "suggest/head.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void
problem_add(struct library_problems *problems, const char *file, int line,
	const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	if (line > 0)
		text_addf(&problems->said, "%s:%d: %s\n", file, line, message);
	else
		text_addf(&problems->said, "%s: %s\n", file, message);
	problems->n++;
}

void
head_error(struct head *head, const yaml_node_t *at, const char *format, ...)
{
	char message[400];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	problem_add(head->problems, head->file, head->line + 1 + (int)at->start_mark.line,
		"%s", message);
}

/* ---- parsing ---- */

static void
refuse_as_yaml(struct head *head, const yaml_parser_t *y)
{
	problem_add(head->problems, head->file,
		head->line + 1 + (int)y->problem_mark.line,
		"%s: see that brackets and quotes close, that each key has \": \", and "
		"that "
		"entries stand below each other",
		y->problem != NULL ? y->problem : "this cannot be read");
}

/* Anchors and aliases can make little text grow without end; tags mean nothing here. */
static bool
refuse_anchors(struct head *head, const char *text, size_t n)
{
	yaml_parser_t y;
	bool over = false, fine = true;

	if (!yaml_parser_initialize(&y))
		return false;
	yaml_parser_set_encoding(&y, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y, (const unsigned char *)text, n);
	while (!over) {
		yaml_token_t token;

		if (!yaml_parser_scan(&y, &token))
			break; /* told when the document is read */
		if (fine && (token.type == YAML_ANCHOR_TOKEN ||
				    token.type == YAML_ALIAS_TOKEN ||
				    token.type == YAML_TAG_TOKEN)) {
			fine = false;
			problem_add(head->problems, head->file,
				head->line + 1 + (int)token.start_mark.line,
				"anchors (&), aliases (*) and tags (!) are not taken: "
				"put the "
				"text in quotes");
		}
		over = token.type == YAML_STREAM_END_TOKEN || token.type == YAML_NO_TOKEN;
		yaml_token_delete(&token);
	}
	yaml_parser_delete(&y);
	return fine;
}

static const char *
key_at(struct head *head, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	yaml_node_t *key = yaml_document_get_node(&head->document, pair->key);

	return key->type == YAML_SCALAR_NODE ? (const char *)key->data.scalar.value
					     : NULL;
}

static bool
check_keys(struct head *head, const yaml_node_t *map)
{
	const yaml_node_pair_t *begin = map->data.mapping.pairs.start,
			       *end = map->data.mapping.pairs.top;
	bool fine = true;

	for (const yaml_node_pair_t *p = begin; p < end; p++) {
		const char *key = key_at(head, map, p);
		const yaml_node_t *at = yaml_document_get_node(&head->document, p->key);

		if (key == NULL) {
			head_error(head, at, "a key is one word, followed by \": \"");
			fine = false;
		}
		for (const yaml_node_pair_t *q = begin; key != NULL && q < p; q++) {
			const char *other = key_at(head, map, q);

			if (other == NULL || strcmp(other, key) != 0)
				continue;
			head_error(head, at, "\"%s\" stands here twice: keep one of them",
				key);
			fine = false;
			break;
		}
	}
	return fine;
}

#define KEYS_MAX 256 /* of one map: no head has so many */

/* All maps: their keys must be words and stand once. */
static bool
check_maps(struct head *head)
{
	int n = (int)(head->document.nodes.top - head->document.nodes.start);
	bool fine = true;

	for (int i = 0; i < n; i++) {
		const yaml_node_t *node = &head->document.nodes.start[i];

		if (node->type != YAML_MAPPING_NODE)
			continue;
		if (node->data.mapping.pairs.top - node->data.mapping.pairs.start >
			KEYS_MAX) {
			head_error(head, node, "more than %d keys", KEYS_MAX);
			fine = false;
		} else if (!check_keys(head, node)) {
			fine = false;
		}
	}
	return fine;
}

yaml_node_t *
head_parse(struct head *head, const char *text, size_t n)
{
	yaml_parser_t y;

	if (!refuse_anchors(head, text, n) || !yaml_parser_initialize(&y))
		return NULL;
	yaml_parser_set_encoding(&y, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y, (const unsigned char *)text, n);
	head->loaded = yaml_parser_load(&y, &head->document) != 0;
	if (!head->loaded)
		refuse_as_yaml(head, &y);
	yaml_parser_delete(&y);
	if (!head->loaded || !check_maps(head))
		return NULL;
	return yaml_document_get_root_node(&head->document);
}

void
head_finish(struct head *head)
{
	if (head->loaded)
		yaml_document_delete(&head->document);
	head->loaded = false;
}

/* ---- reading ---- */

yaml_node_t *
head_get(struct head *head, const yaml_node_t *map, const char *key)
{
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start;
		p < map->data.mapping.pairs.top; p++)
		if (strcmp(key_at(head, map, p), key) == 0)
			return yaml_document_get_node(&head->document, p->value);
	return NULL;
}

static const char *
nearest(const char *key, const char *const *known)
{
	const char *near = NULL;
	int least = 3;

	for (; *known != NULL; known++) {
		int d = text_distance(key, *known);

		if (d < least) {
			least = d;
			near = *known;
		}
	}
	return near;
}

void
head_known(struct head *head, const yaml_node_t *map, const char *const *known)
{
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start;
		p < map->data.mapping.pairs.top; p++) {
		const char *key = key_at(head, map, p), *near;
		int i = 0;

		while (known[i] != NULL && strcmp(known[i], key) != 0)
			i++;
		if (known[i] != NULL)
			continue;
		near = nearest(key, known);
		head_error(head, yaml_document_get_node(&head->document, p->key),
			"there is no key \"%.60s\" here%s%s%s", key,
			near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
			near != NULL ? "\"?" : "");
	}
}

const char *
head_text(struct head *head, const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE) {
		head_error(head, node, "one text is wanted here, not a list");
		return NULL;
	}
	text = (const char *)node->data.scalar.value;
	if (strlen(text) != node->data.scalar.length) {
		head_error(head, node, "a text may not contain the character NUL");
		return NULL;
	}
	return text;
}

bool
head_bool(struct head *head, const yaml_node_t *node)
{
	const char *text = head_text(head, node);

	if (text == NULL)
		return false;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		head_error(
			head, node, "true or false is wanted here, not \"%.40s\"", text);
	return strcmp(text, "true") == 0;
}

double
head_number(struct head *head, const yaml_node_t *node, double least, double most)
{
	const char *text = head_text(head, node);
	char *end = NULL;
	double number = text != NULL ? strtod(text, &end) : least;

	if (text == NULL)
		return least;
	if (end != text && *end == '\0' && number >= least && number <= most)
		return number;
	head_error(head, node, "a number from %g to %g is wanted here, not \"%.40s\"",
		least, most, text);
	return least;
}

int
head_items(struct head *head, const yaml_node_t *node, int most, yaml_node_t **out)
{
	int n = 0;

	if (node->type != YAML_SEQUENCE_NODE) {
		head_error(head, node, "a list is wanted here");
		return 0;
	}
	for (const yaml_node_item_t *i = node->data.sequence.items.start;
		i < node->data.sequence.items.top; i++) {
		if (n == most) {
			head_error(head, node, "%d entries are the most here", most);
			return 0;
		}
		out[n++] = yaml_document_get_node(&head->document, *i);
	}
	return n;
}

int
head_texts(struct head *head, yaml_node_t *node, const char **out, int most,
	const char *what)
{
	yaml_node_t *item[RULE_PHRASES_MAX];
	int n = 1, kept = 0;

	item[0] = node;
	if (node->type != YAML_SCALAR_NODE)
		n = head_items(head, node,
			most < RULE_PHRASES_MAX ? most : RULE_PHRASES_MAX, item);
	for (int i = 0; i < n; i++) {
		const char *text = head_text(head, item[i]);

		if (text != NULL && text[0] == '\0')
			head_error(head, item[i], "an empty text in \"%s\"", what);
		else if (text != NULL)
			out[kept++] = text;
	}
	return kept;
}
