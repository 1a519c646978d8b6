/* control/settings.c - reading a tree by the settings table. */
#include "control/settings.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	double ms;
} units[] = {{"us", 0.001}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000},
	{"d", 86400000}};

#define UNITS (sizeof units / sizeof units[0])

/* ---- words for people ---- */

void
settings_duration_text(struct text *out, double ms)
{
	size_t i = UNITS;

	if (ms <= 0) {
		text_add(out, "0s");
		return;
	}
	/* The largest unit that needs no fraction; else the smallest with one. */
	while (--i > 0)
		if (ms >= units[i].ms && fabs(fmod(ms, units[i].ms)) < 1e-9)
			break;
	text_addf(out, "%.15g%s", i == 0 ? ms * 1000 : ms / units[i].ms, units[i].name);
}

static void
add_number(struct text *out, const struct setting *s, double value)
{
	if (s->type == SETTING_DURATION)
		settings_duration_text(out, value);
	else
		text_addf(out, "%.15g", value);
}

void
settings_type_text(struct text *out, const struct setting *s)
{
	static const char *const names[] = {
		[SETTING_BOOL] = "true or false",
		[SETTING_INT] = "whole number",
		[SETTING_NUMBER] = "number",
		[SETTING_DURATION] = "duration",
		[SETTING_CHOICE] = "one of",
		[SETTING_NAME] = "name",
		[SETTING_TEXT] = "text",
		[SETTING_NAMES] = "list of names",
		[SETTING_TEXTS] = "list of texts",
		[SETTING_VALUE] = "text, number, true, false or list of texts",
		[SETTING_SECTION] = "mapping",
		[SETTING_LIST] = "list of mappings",
	};

	text_add(out, names[s->type]);
	for (int i = 0; s->choices != NULL && s->choices[i] != NULL; i++)
		text_addf(out, "%s %s", i > 0 ? "," : "", s->choices[i]);
	if (s->unit != NULL)
		text_addf(out, " of %s", s->unit);
	if (s->least < s->most) {
		text_add(out, ", ");
		add_number(out, s, s->least);
		text_add(out, " to ");
		add_number(out, s, s->most);
	}
	if (s->word != NULL)
		text_addf(out, ", or %s", s->word);
}

const char *
settings_nearest(const char *word, const char *(*each)(const void *owner, int i),
	const void *owner)
{
	size_t length = strlen(word);
	int most = length > 7 ? 3 : length > 3 ? 2 : 1, best = most + 1;
	const char *found = NULL, *name;

	for (int i = 0; (name = each(owner, i)) != NULL; i++) {
		int d = text_distance(word, name);

		if (d < best) {
			best = d;
			found = name;
		}
	}
	return found;
}

/* ---- scalars ---- */

bool
settings_duration(const char *text, double *ms)
{
	size_t digits = strspn(text, "0123456789"), n = digits;
	char number[32];

	if (text[n] == '.')
		n += 1 + strspn(text + n + 1, "0123456789");
	if (digits == 0 || text[n - 1] == '.' || n >= sizeof number)
		return false;
	memcpy(number, text, n);
	number[n] = '\0';
	*ms = strtod(number, NULL);
	for (size_t i = 0; i < UNITS; i++)
		if (strcmp(text + n, units[i].name) == 0) {
			*ms *= units[i].ms;
			return true;
		}
	/* Nothing has no unit. */
	return text[n] == '\0' && !(*ms > 0);
}

static bool
parse_number(const char *text, double *out)
{
	char *end;

	if (text[strspn(text, "0123456789.eE+-")] != '\0' || text[0] == '\0')
		return false;
	*out = strtod(text, &end);
	return *end == '\0' && isfinite(*out);
}

static void
complain(struct tree *tree, const struct setting *s, const struct node *node,
	const char *why)
{
	struct text wanted = {0};

	settings_type_text(&wanted, s);
	tree_error(tree, node, "%s: %s; wanted: %s", s->name, why, wanted.s);
	text_finish(&wanted);
}

static bool
read_duration(
	struct tree *tree, const struct setting *s, const struct node *node, double *out)
{
	double number;

	if (settings_duration(node->text, out))
		return true;
	if (parse_number(node->text, &number))
		tree_error(tree, node,
			"%s: %s has no unit: write for example %ss (us, ms, s, m, h, d)",
			s->name, node->text, node->text);
	else
		tree_error(tree, node,
			"%s: \"%s\" is no duration: write one number and its unit (us, "
			"ms, s, m, h, d), for example 20s or 1.5h",
			s->name, node->text);
	return false;
}

static bool
read_number(
	struct tree *tree, const struct setting *s, const struct node *node, double *out)
{
	struct text wanted = {0};

	if (s->type == SETTING_DURATION) {
		if (!read_duration(tree, s, node, out))
			return false;
	} else if (!parse_number(node->text, out) ||
		   (s->type == SETTING_INT && floor(*out) < *out)) {
		settings_type_text(&wanted, s);
		tree_error(tree, node, "%s: \"%s\" is not a %s", s->name, node->text,
			wanted.s);
		text_finish(&wanted);
		return false;
	}
	if (*out >= s->least && *out <= s->most)
		return true;
	settings_type_text(&wanted, s);
	tree_error(tree, node, "%s: %s is out of range; wanted: %s", s->name, node->text,
		wanted.s);
	text_finish(&wanted);
	return false;
}

static bool
read_bool(
	struct tree *tree, const struct setting *s, const struct node *node, double *out)
{
	*out = strcmp(node->text, "true") == 0;
	if (*out > 0 || strcmp(node->text, "false") == 0)
		return true;
	tree_error(tree, node, "%s: \"%s\" is neither true nor false: write one of these",
		s->name, node->text);
	return false;
}

static const char *
choice_at(const void *owner, int i)
{
	return ((const char *const *)owner)[i];
}

static bool
read_choice(struct tree *tree, const struct setting *s, const struct node *node,
	struct slot *slot)
{
	struct text all = {0};
	const char *near;

	for (int i = 0; s->choices[i] != NULL; i++) {
		if (strcmp(s->choices[i], node->text) != 0)
			continue;
		slot->number = i;
		slot->text = s->choices[i];
		return true;
	}
	for (int i = 0; s->choices[i] != NULL; i++)
		text_addf(&all, "%s%s", i > 0 ? ", " : "", s->choices[i]);
	near = settings_nearest(node->text, choice_at, s->choices);
	tree_error(tree, node, "%s: \"%s\" is none of %s%s%s%s", s->name, node->text,
		all.s, near != NULL ? "; did you mean " : "", near != NULL ? near : "",
		near != NULL ? "?" : "");
	text_finish(&all);
	return false;
}

static bool
check_text(struct tree *tree, const struct setting *s, const struct node *node, bool name)
{
	if (name && !id_is_valid(node->text)) {
		tree_error(tree, node,
			"%s: \"%s\" is not a name: 1 to %d of A-Z a-z 0-9 . _ -", s->name,
			node->text, ID_MAX);
		return false;
	}
	for (const char *c = node->text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 127) {
			tree_error(tree, node, "%s: control characters are not taken",
				s->name);
			return false;
		}
	return true;
}

/* A word for a number ("auto") reads as -1. */
static bool
is_word(const struct setting *s, const struct node *node)
{
	return s->word != NULL && strcmp(s->word, node->text) == 0;
}

static bool
read_scalar(struct tree *tree, const struct setting *s, const struct node *node,
	struct slot *slot)
{
	switch (s->type) {
	case SETTING_BOOL:
		return read_bool(tree, s, node, &slot->number);
	case SETTING_INT:
	case SETTING_NUMBER:
	case SETTING_DURATION:
		if (is_word(s, node)) {
			slot->number = -1;
			return true;
		}
		return read_number(tree, s, node, &slot->number);
	case SETTING_CHOICE:
		return read_choice(tree, s, node, slot);
	case SETTING_NAME:
	case SETTING_TEXT:
		slot->text = node->text;
		return check_text(tree, s, node, s->type == SETTING_NAME);
	case SETTING_VALUE:
		slot->text = node->text;
		return check_text(tree, s, node, false);
	case SETTING_NAMES:
	case SETTING_TEXTS:
	case SETTING_SECTION:
	case SETTING_LIST:
		break;
	}
	return false;
}

/* ---- mappings and lists ---- */

static void read_slot(struct tree *tree, struct slot *slot, const struct node *node);

/* YAML's ways of writing nothing. */
static bool
is_nothing(const struct node *node)
{
	return node->kind == NODE_SCALAR && !node->quoted &&
	       (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
		       strcmp(node->text, "null") == 0);
}

static bool
read_texts(struct tree *tree, const struct setting *s, const struct node *node,
	struct slot *slot)
{
	bool fine = true;

	if (node->kind != NODE_LIST) {
		tree_error(tree, node, "%s: a list is wanted here: write [%s]", s->name,
			node->kind == NODE_SCALAR ? node->text : "one, two");
		return false;
	}
	for (int i = 0; i < node->n; i++) {
		if (node->child[i]->kind != NODE_SCALAR || is_nothing(node->child[i])) {
			complain(tree, s, node->child[i], "this is not one word");
			fine = false;
		} else if (!check_text(
				   tree, s, node->child[i], s->type == SETTING_NAMES)) {
			fine = false;
		}
	}
	slot->n = fine ? node->n : 0;
	return fine;
}

static bool
read_list(struct tree *tree, const struct setting *s, const struct node *node,
	struct slot *slot)
{
	if (node->kind != NODE_LIST) {
		complain(tree, s, node, "a list is wanted here, each entry after \"- \"");
		return false;
	}
	slot->items = tree_alloc(tree, (size_t)node->n * sizeof slot->items[0] + 1);
	for (int i = 0; i < node->n; i++)
		slot->items[i] = settings_read(tree, s->of, NULL, node->child[i]);
	slot->n = node->n;
	return true;
}

static bool
read_value(struct tree *tree, const struct setting *s, const struct node *node,
	struct slot *slot)
{
	if (is_nothing(node) && s->type != SETTING_SECTION) {
		complain(tree, s, node, "its value is missing");
		return false;
	}
	if (s->type == SETTING_SECTION) {
		slot->entry = settings_read(tree, s->of, slot->key, node);
		return true;
	}
	if (s->type == SETTING_LIST)
		return read_list(tree, s, node, slot);
	if (s->type == SETTING_NAMES || s->type == SETTING_TEXTS ||
		(s->type == SETTING_VALUE && node->kind == NODE_LIST))
		return read_texts(tree, s, node, slot);
	if (node->kind != NODE_SCALAR) {
		complain(tree, s, node,
			node->kind == NODE_MAP ? "this is a mapping" : "this is a list");
		return false;
	}
	return read_scalar(tree, s, node, slot);
}

/* The default as if it were written; only lists and mappings need the parser. */
static void
read_fallback(struct tree *tree, const struct setting *s, struct slot *slot)
{
	struct node scalar = {.text = (char *)(uintptr_t)s->fallback};
	bool fine;

	if (s->type >= SETTING_NAMES && s->type != SETTING_VALUE) {
		slot->node = tree_parse(tree, 0, s->fallback, strlen(s->fallback));
		fine = slot->node != NULL && read_value(tree, s, slot->node, slot);
	} else {
		fine = read_scalar(tree, s, &scalar, slot);
	}
	if (!fine)
		tree_error(tree, NULL, "%s: its default is wrong", s->name);
}

static void
read_slot(struct tree *tree, struct slot *slot, const struct node *node)
{
	const struct setting *s = slot->setting;

	slot->number = NAN;
	if (node != NULL && read_value(tree, s, node, slot)) {
		slot->node = node;
		return;
	}
	slot->number = NAN;
	slot->text = NULL;
	if (s->fallback != NULL)
		read_fallback(tree, s, slot);
	if (s->type == SETTING_SECTION && slot->entry == NULL)
		slot->entry = settings_read(tree, s->of, NULL, NULL);
}

static const char *
key_at(const void *owner, int i)
{
	const struct section *section = owner;

	return i < section->n ? section->settings[i].name : NULL;
}

static int
key_index(const struct section *section, const char *name)
{
	for (int i = 0; i < section->n; i++)
		if (strcmp(section->settings[i].name, name) == 0)
			return i;
	return -1;
}

static void
refuse_key(struct tree *tree, const struct section *section, const struct node *key)
{
	const char *near =
		tree_is_full(tree) ? NULL : settings_nearest(key->text, key_at, section);
	struct text all = {0};

	if (near != NULL) {
		tree_error(tree, key, "\"%s\" is not known here: did you mean %s?",
			key->text, near);
		return;
	}
	for (int i = 0; i < section->n; i++)
		text_addf(&all, "%s%s", i > 0 ? ", " : "", section->settings[i].name);
	tree_error(tree, key, "\"%s\" is not known here; the keys of %s are: %s",
		key->text, section->title, all.s);
	text_finish(&all);
}

/* One key of a mapping: one of the section's own, or a free name. */
static void
read_pair(struct tree *tree, struct entry *e, const struct node *key,
	const struct node *value)
{
	int index = key_index(e->section, key->text);
	struct slot *slot;

	if (index >= 0) {
		slot = &e->slot[index];
	} else if (e->section->others == NULL) {
		refuse_key(tree, e->section, key);
		return;
	} else if (e->section->any_name) {
		slot = &e->other[e->n_others];
		slot->setting = e->section->others;
		if (!check_text(tree, slot->setting, key, false))
			return;
		e->n_others++;
	} else if (!id_is_valid(key->text)) {
		tree_error(tree, key,
			"\"%s\" is not a name: 1 to %d of A-Z a-z 0-9 . _ -", key->text,
			ID_MAX);
		return;
	} else {
		slot = &e->other[e->n_others++];
		slot->setting = e->section->others;
	}
	slot->key = key;
	read_slot(tree, slot, value);
}

/* A plain value may stand for one key: `http: off`, `email: 4h`. */
static const struct node *
expand_shorthand(
	struct tree *tree, const struct section *section, const struct node *node)
{
	struct node *map, *key;

	if (section->shorthand == 0 || node->kind != NODE_SCALAR || is_nothing(node))
		return node;
	map = tree_alloc(tree, sizeof *map);
	key = tree_alloc(tree, sizeof *key);
	*map = *node;
	*key = *node;
	key->text = (char *)(uintptr_t)section->settings[section->shorthand - 1].name;
	map->kind = NODE_MAP;
	map->n = 1;
	map->child = tree_alloc(tree, 2 * sizeof map->child[0]);
	map->child[0] = key;
	map->child[1] = (struct node *)(uintptr_t)node;
	return map;
}

static void
fill_defaults(struct tree *tree, struct entry *e)
{
	for (int i = 0; i < e->section->n; i++) {
		struct slot *slot = &e->slot[i];

		if (slot->key != NULL)
			continue;
		slot->setting = &e->section->settings[i];
		read_slot(tree, slot, NULL);
		if (slot->setting->required && e->node != NULL)
			tree_error(tree, e->key != NULL ? e->key : e->node,
				"%s is missing in %s: %s", slot->setting->name,
				e->section->title, slot->setting->help);
	}
}

struct entry *
settings_read(struct tree *tree, const struct section *section, const struct node *key,
	const struct node *node)
{
	struct entry *e = tree_alloc(tree, sizeof *e);

	e->section = section;
	e->key = key;
	e->slot = tree_alloc(tree, (size_t)section->n * sizeof e->slot[0] + 1);
	for (int i = 0; i < section->n; i++)
		e->slot[i].setting = &section->settings[i];
	if (node != NULL)
		node = expand_shorthand(tree, section, node);
	if (node != NULL && node->kind != NODE_MAP) {
		tree_error(tree, node,
			"%s is written as a mapping: keys and values, with "
			"{} when it is empty",
			section->title);
		node = NULL;
	}
	e->node = node;
	if (node != NULL) {
		e->other = tree_alloc(tree, (size_t)node->n * sizeof e->other[0] + 1);
		for (int i = 0; i < node->n; i++)
			read_pair(tree, e, node->child[2 * i], node->child[2 * i + 1]);
	}
	fill_defaults(tree, e);
	return e;
}
