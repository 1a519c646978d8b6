/* control/settings_dump.c - all that holds as lines "path: value". */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/settings.h"

static void dump_entry(struct text *out, struct text *path, const struct entry *e);

static void
add_scalar(struct text *out, const struct slot *slot)
{
	const struct setting *s = slot->setting;

	if (slot->text != NULL)
		text_add(out, slot->text);
	else if (s->type == SETTING_BOOL)
		text_add(out, slot->number > 0 ? "true" : "false");
	else if (s->word != NULL && slot->number < 0)
		text_add(out, s->word);
	else if (s->type == SETTING_DURATION)
		settings_duration_text(out, slot->number);
	else
		text_addf(out, "%.15g", slot->number);
}

static void
add_texts(struct text *out, const struct slot *slot)
{
	text_add(out, "[");
	for (int i = 0; i < slot->n; i++)
		text_addf(out, "%s%s", i > 0 ? ", " : "", slot->node->child[i]->text);
	text_add(out, "]");
}

static bool
has_value(const struct slot *slot)
{
	if (slot->node != NULL && slot->node->kind == NODE_LIST)
		return true;
	return slot->text != NULL || !isnan(slot->number);
}

/* What an item of a list is called: its id or name where it has one, else its place. */
static void
add_item_name(struct text *path, const struct entry *item, int place)
{
	const struct slot *first = &item->slot[0];

	if (first->text != NULL)
		text_addf(path, ".%s", first->text);
	else
		text_addf(path, ".%d", place + 1);
}

static void
dump_list(struct text *out, struct text *path, const struct slot *slot)
{
	size_t n = path->n;

	for (int i = 0; i < slot->n; i++) {
		add_item_name(path, slot->items[i], i);
		dump_entry(out, path, slot->items[i]);
		path->n = n;
		path->s[n] = '\0';
	}
	if (slot->n == 0 || slot->items[0]->section->many)
		return;
	/* The order matters where there are few: tiers, rules, steps, plugins. */
	text_addf(out, "%s: [", path->s);
	for (int i = 0; i < slot->n; i++) {
		struct text name = {0};

		add_item_name(&name, slot->items[i], i);
		text_addf(out, "%s%s", i > 0 ? ", " : "", name.s + 1);
		text_finish(&name);
	}
	text_add(out, "]\n");
}

static void
dump_slot(struct text *out, struct text *path, const struct slot *slot, const char *name,
	bool explicit_only)
{
	size_t n = path->n;

	text_addf(path, "%s%s", n > 0 ? "." : "", name);
	if (slot->setting->type == SETTING_SECTION) {
		/* A default of "none" has nothing to show. */
		if (slot->key != NULL || slot->setting->rule == NULL)
			dump_entry(out, path, slot->entry);
	} else if (slot->setting->type == SETTING_LIST) {
		dump_list(out, path, slot);
	} else if (has_value(slot) && (slot->key != NULL || !explicit_only)) {
		text_addf(out, "%s: ", path->s);
		if (slot->node != NULL && slot->node->kind == NODE_LIST)
			add_texts(out, slot);
		else
			add_scalar(out, slot);
		text_add(out, "\n");
	}
	path->n = n;
	path->s[n] = '\0';
}

static void
dump_entry(struct text *out, struct text *path, const struct entry *e)
{
	for (int i = 0; i < e->section->n; i++)
		dump_slot(out, path, &e->slot[i], e->section->settings[i].name,
			e->section->many);
	for (int i = 0; i < e->n_others; i++) {
		const char *name = e->other[i].key->text;
		size_t before = out->n;

		dump_slot(out, path, &e->other[i], name, false);
		/* It is there even if it says nothing: a team without supervisors. */
		if (out->n == before && e->other[i].entry != NULL)
			text_addf(out, "%s.%s: {}\n", path->s, name);
	}
}

void
settings_dump(struct text *out, const struct entry *top)
{
	struct text path = {0};

	dump_entry(out, &path, top);
	text_finish(&path);
}

bool
settings_at_start(const char *path, size_t n)
{
	const struct section *section = &settings_top;

	while (section != NULL) {
		const char *dot = memchr(path, '.', n);
		size_t size = dot != NULL ? (size_t)(dot - path) : n;
		const struct setting *found = NULL;

		for (int i = 0; i < section->n && found == NULL; i++)
			if (strlen(section->settings[i].name) == size &&
				memcmp(section->settings[i].name, path, size) == 0)
				found = &section->settings[i];
		if (found == NULL || found->at_start || dot == NULL)
			return found != NULL && found->at_start;
		section = found->type == SETTING_SECTION ? found->of : NULL;
		n -= size + 1;
		path = dot + 1;
	}
	return false;
}
