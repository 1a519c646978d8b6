/* control/config_problems.c - what is wrong with a settings file, in its order of
 * finding. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/settings_tree.h"

void
config_problems_print(const struct config_problems *problems, FILE *out)
{
	for (int i = 0; i < problems->n; i++) {
		const struct config_problem *p = &problems->list[i];

		fprintf(out, "%s:%d:%d: %s: %s\n", p->file, p->line, p->column,
			p->warning ? "warning" : "error", p->message);
	}
	if (problems->more > 0)
		fprintf(out, "and %d more; repair these first\n", problems->more);
}

void
config_problems_finish(struct config_problems *problems)
{
	for (int i = 0; i < problems->n; i++) {
		free(problems->list[i].file);
		free(problems->list[i].message);
	}
	*problems = (struct config_problems){0};
}

/* Room for one more; an error takes the place of the last warning when all is full. */
static struct config_problem *
make_room(struct config_problems *problems, bool warning)
{
	if (problems->n < CONFIG_PROBLEMS_MAX)
		return &problems->list[problems->n++];
	problems->more++;
	for (int i = problems->n - 1; i >= 0 && !warning; i--) {
		struct config_problem *p = &problems->list[i];

		if (!p->warning)
			continue;
		free(p->file);
		free(p->message);
		return p;
	}
	return NULL;
}

static char *__attribute__((format(printf, 1, 0)))
message_of(const char *format, va_list args)
{
	char *message = NULL;

	return vasprintf(&message, format, args) >= 0
		       ? message
		       : xstrdup("this is wrong, and there is no memory to say how");
}

void
config_problems_add(struct config_problems *problems, bool warning, const char *file,
	int line, const char *format, ...)
{
	struct config_problem *p = make_room(problems, warning);
	va_list args;

	if (p == NULL)
		return;
	va_start(args, format);
	*p = (struct config_problem){
		warning, xstrdup(file), line, 1, message_of(format, args)};
	va_end(args);
}

/* Whether the same was said of the same place: one entry may hold for several days,
 * queues or channels. */
static bool
is_said(const struct config_problems *problems, const char *file, int line, int column,
	const char *message)
{
	for (int i = 0; i < problems->n; i++) {
		const struct config_problem *p = &problems->list[i];

		if (p->line == line && p->column == column &&
			strcmp(p->file, file) == 0 && strcmp(p->message, message) == 0)
			return true;
	}
	return false;
}

static void __attribute__((format(printf, 5, 0)))
add(struct tree *tree, const struct node *at, int columns, bool warning,
	const char *format, va_list args)
{
	const char *file =
		tree->n_files > 0 ? tree->file[at != NULL ? at->file : 0] : "?";
	int line = at != NULL ? at->line : 1;
	int column = (at != NULL ? at->column : 1) + columns;
	struct config_problem *p;
	char *message = message_of(format, args);

	tree->errors += !warning;
	p = is_said(tree->problems, file, line, column, message)
		    ? NULL
		    : make_room(tree->problems, warning);
	if (p == NULL) {
		free(message);
		return;
	}
	*p = (struct config_problem){warning, xstrdup(file), line, column, message};
}

bool
tree_is_full(const struct tree *tree)
{
	return tree->problems->more > 0;
}

void
tree_error(struct tree *tree, const struct node *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(tree, at, 0, false, format, args);
	va_end(args);
}

void
tree_error_in(
	struct tree *tree, const struct node *at, int columns, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(tree, at, columns, false, format, args);
	va_end(args);
}

void
tree_warn(struct tree *tree, const struct node *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(tree, at, 0, true, format, args);
	va_end(args);
}
