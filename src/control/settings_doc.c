/*
 * control/settings_doc.c - the settings table as a commented YAML file of all defaults
 * and as a reference page. Both are kept in conf/, and a test holds them against the
 * table.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/settings.h"

#define WIDTH 100

/* ---- the YAML file ---- */

struct writer {
	FILE *out;
	int indent;
	int off;   /* column of the # where all lines are comments; -1 */
	bool item; /* the next key begins an item of a list */
};

static void
begin_line(struct writer *w, bool comment)
{
	int indent = w->indent - (w->item && !comment ? 2 : 0);

	if (w->off >= 0)
		fprintf(w->out, "%*s# %*s", w->off, "", indent - w->off, "");
	else
		fprintf(w->out, "%*s", indent, "");
}

/* Text as comment lines of at most WIDTH. */
static void
write_comment(struct writer *w, const char *text)
{
	int room = WIDTH - w->indent - (w->off >= 0 ? 4 : 2);

	while (*text != '\0') {
		int n = (int)strlen(text), cut = n;

		if (n > room)
			for (cut = room; cut > 0 && text[cut] != ' '; cut--)
				;
		begin_line(w, true);
		fprintf(w->out, "# %.*s\n", cut, text);
		text += cut;
		text += strspn(text, " ");
	}
}

/* "whole number of points, 0 to 10000; default 25" */
static void
describe(struct text *out, const struct setting *s)
{
	bool plain = s->type != SETTING_SECTION && s->type != SETTING_LIST;

	if (plain)
		settings_type_text(out, s);
	if (s->rule != NULL)
		text_addf(out, "%sdefault: %s", plain ? "; " : "", s->rule);
	else if (s->required)
		text_addf(out, "%srequired", plain ? "; " : "");
}

static void
add_help(struct text *out, const struct setting *s)
{
	text_addf(out, "%s%s", s->help, s->at_start ? " Read when usherd starts." : "");
}

static void
write_help(struct writer *w, const struct setting *s)
{
	struct text help = {0}, type = {0};

	describe(&type, s);
	add_help(&help, s);
	if (type.n > 0)
		text_addf(&help, " (%s)", type.s);
	write_comment(w, help.s);
	text_finish(&help);
	text_finish(&type);
}

static void write_setting(
	struct writer *w, const struct setting *s, const char *name, bool help);

/* The keys of a section, then an example of its free names. */
static void
write_section(struct writer *w, const struct section *section)
{
	for (int i = 0; i < section->n; i++)
		write_setting(w, &section->settings[i], section->settings[i].name, true);
	if (section->others != NULL)
		write_setting(w, section->others, section->example, section->n > 0);
}

/* Lines of a default, below its key. */
static void
write_block(struct writer *w, const char *text)
{
	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		begin_line(w, false);
		fprintf(w->out, "%.*s\n", (int)(end - text), text);
	}
}

/* `key: value`, commented out where nothing is said by default. */
static void
write_value(struct writer *w, const struct setting *s, const char *name)
{
	bool said = s->fallback != NULL || s->required || w->off >= 0;
	const char *value = s->fallback != NULL ? s->fallback : s->sample;

	begin_line(w, false);
	fprintf(w->out, "%s%s%s: %s\n", w->item ? "- " : "", said ? "" : "# ", name,
		value);
	w->item = false;
}

static void
write_header(struct writer *w, const char *name)
{
	begin_line(w, false);
	fprintf(w->out, "%s%s:\n", w->item ? "- " : "", name);
	w->item = false;
}

/* A mapping is left out as a whole when nothing in it has a default. */
static bool
has_defaults(const struct setting *mapping)
{
	const struct section *section = mapping->of;

	if (mapping->rule != NULL)
		return false;
	for (int i = 0; i < section->n; i++) {
		const struct setting *s = &section->settings[i];

		if (s->fallback != NULL)
			return true;
		if (s->type == SETTING_SECTION && has_defaults(s))
			return true;
	}
	return false;
}

static void
write_inner(struct writer *w, const struct setting *s)
{
	if (s->type == SETTING_LIST) {
		w->item = true;
		w->indent += 4;
	} else {
		w->indent += 2;
	}
	write_section(w, s->of);
	w->indent -= s->type == SETTING_LIST ? 4 : 2;
	w->item = false;
}

static void
write_group(struct writer *w, const struct setting *s, const char *name)
{
	int was_off = w->off;

	if (s->fallback != NULL) {
		write_header(w, name);
		w->indent += 2;
		write_block(w, s->fallback);
		w->indent -= 2;
		write_comment(w, s->type == SETTING_LIST ? "The keys of each, with their "
							   "defaults or an example:"
							 : "The keys of each:");
		w->off = was_off >= 0 ? was_off : w->indent;
		write_inner(w, s);
		w->off = was_off;
		return;
	}
	if (was_off < 0 && !s->shown && (s->type == SETTING_LIST || !has_defaults(s)))
		w->off = w->indent;
	write_header(w, name);
	write_inner(w, s);
	w->off = was_off;
}

static void
write_setting(struct writer *w, const struct setting *s, const char *name, bool help)
{
	if (w->indent == 0)
		fputs("\n", w->out);
	if (help && !w->item)
		write_help(w, s);
	if (s->type == SETTING_SECTION || s->type == SETTING_LIST)
		write_group(w, s, name);
	else
		write_value(w, s, name);
}

static void
document_yaml(FILE *out)
{
	struct writer w = {.out = out, .off = -1};

	write_comment(&w,
		"All settings of usher with their defaults, made from the settings "
		"table. What is commented out has no default, or one "
		"that depends on other settings; the value beside it is an example.");
	write_comment(&w,
		"Durations have one of the units us, ms, s, m, h, d. The reference "
		"with all ranges is README.md beside this file.");
	write_section(&w, &settings_top);
}

/* ---- the reference page ---- */

/* Sections in the order in which they are first used; each is described once. */
struct page {
	FILE *out;
	int n;
	const struct section *list[64];
};

/* What a section with nothing but plain free names is, said in the table itself. */
static bool
is_plain_map(const struct section *section)
{
	return section->n == 0 && section->others->type != SETTING_SECTION;
}

/* The section that a key leads to; NULL when there is no more to say. */
static const struct section *
behind(const struct setting *s)
{
	if (s->type == SETTING_LIST)
		return s->of;
	if (s->type != SETTING_SECTION || is_plain_map(s->of))
		return NULL;
	/* Free names that hold sections: the inner one is what matters. */
	return s->of->n == 0 ? behind(s->of->others) : s->of;
}

static void
remember(struct page *p, const struct section *section)
{
	if (section == NULL || p->n == (int)(sizeof p->list / sizeof p->list[0]))
		return;
	for (int i = 0; i < p->n; i++)
		if (p->list[i] == section)
			return;
	p->list[p->n++] = section;
}

/* A heading's anchor: its words in small letters with hyphens. */
static void
add_link(struct text *out, const struct section *section)
{
	text_addf(out, "[%s](#", section->title);
	for (const char *c = section->title; *c != '\0'; c++) {
		char small = (char)tolower((unsigned char)*c);

		text_add_n(out, *c == ' ' ? "-" : &small, *c == '\'' ? 0 : 1);
	}
	text_add(out, ")");
}

static void
add_kind(struct text *out, const struct setting *s)
{
	if (s->type == SETTING_LIST) {
		text_add(out, "list; each is ");
		add_link(out, s->of);
	} else if (s->type != SETTING_SECTION) {
		settings_type_text(out, s);
	} else if (s->of->n == 0) {
		text_addf(out, "mapping: %s to ", s->of->others_are);
		add_kind(out, s->of->others);
	} else {
		add_link(out, s->of);
	}
}

static void
write_row(struct page *p, const struct setting *s, const char *name)
{
	struct text kind = {0}, help = {0};
	const char *by_default = s->rule != NULL ? s->rule
				 : s->required	 ? "required"
						 : "none";

	add_kind(&kind, s);
	fprintf(p->out, "| %s | %s | ", name, kind.s);
	if (s->fallback != NULL && strchr(s->fallback, '\n') != NULL)
		fprintf(p->out, "see `usher.yaml`");
	else if (s->fallback != NULL)
		fprintf(p->out, "`%s`", s->fallback);
	else
		fprintf(p->out, "%s",
			s->type == SETTING_SECTION && s->rule == NULL && !s->required
				? ""
				: by_default);
	add_help(&help, s);
	fprintf(p->out, " | %s | %s |\n", s->since, help.s);
	text_finish(&help);
	text_finish(&kind);
	remember(p, behind(s));
}

static void
write_table(struct page *p, const struct section *section)
{
	fprintf(p->out, "| key | what it takes | default | since | meaning |\n"
			"| --- | --- | --- | --- | --- |\n");
	for (int i = 0; i < section->n; i++) {
		char *name = xasprintf("`%s`", section->settings[i].name);

		write_row(p, &section->settings[i], name);
		free(name);
	}
	if (section->others != NULL) {
		char *name = xasprintf("*%s*", section->others_are);

		write_row(p, section->others, name);
		free(name);
	}
	if (section->shorthand > 0)
		fprintf(p->out, "\nA plain value stands for `%s` alone.\n",
			section->settings[section->shorthand - 1].name);
}

static void
document_page(FILE *out)
{
	struct page p = {.out = out};

	fprintf(out, "# Settings\n\n"
		     "Made from the settings table.\n\n"
		     "- `usher.yaml` holds every key with its default.\n"
		     "- `minimal.yaml` is the smallest useful file.\n"
		     "- `demo.yaml` is the centre that `tools/run` starts.\n\n"
		     "A file is YAML in UTF-8 without anchors, aliases and tags. "
		     "Durations are "
		     "one number and a unit: `us`, `ms`, `s`, `m`, `h` or `d`, for "
		     "example `1.5h`. "
		     "Names are 1 to 64 of `A-Z a-z 0-9 . _ -`. A key that is not listed "
		     "here is "
		     "refused, and so is a key that stands twice. `usherctl config check "
		     "FILE` "
		     "says what is wrong, with line and column; `usherctl config reload` "
		     "takes a "
		     "changed file over as a whole or not at all.\n\n"
		     "## The top level\n\n");
	write_table(&p, &settings_top);
	for (int i = 0; i < p.n; i++) {
		fprintf(out, "\n## %c%s\n\n", toupper(p.list[i]->title[0]),
			p.list[i]->title + 1);
		write_table(&p, p.list[i]);
	}
	fputs("\n## Conditions of rules\n\n", out);
	fputs("`when` compares attributes: `channel == \"email\" and customer.points >= "
	      "80`.\n\n"
	      "- Operators, weakest first: `or`, `and`, `not`, then `== != < <= > >= in "
	      "has`, "
	      "then `+ -`, `* /`, and `-` as a sign. Comparisons do not chain.\n"
	      "- Values: `\"text\"`, numbers, `true`, `false`, lists `[\"a\", \"b\"]`.\n"
	      "- `x in y`: y is a list that holds just x, or a text that contains x "
	      "whatever "
	      "its case. `y has x` is the same turned round.\n"
	      "- An attribute that is missing, a comparison of different types and a "
	      "division "
	      "by zero make the comparison false; they are counted.\n"
	      "- Any attribute of the contact may be named, `customer.NAME` for those of "
	      "its "
	      "customer. Always there:",
		out);
	for (int i = 0; expr_builtin(i) != NULL; i++)
		fprintf(out, "%s `%s`", i > 0 ? "," : "", expr_builtin(i));
	fputs(".\n  `time.weekday` is 1 on Monday; `time.date` is text like "
	      "\"2026-11-22\".\n",
		out);
}

void
config_document(FILE *out, bool yaml)
{
	if (yaml)
		document_yaml(out);
	else
		document_page(out);
}
