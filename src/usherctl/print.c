/* usherctl/print.c - tables, durations, JSON. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "usherctl/usherctl.h"

#define COLUMNS_MAX 16

struct table {
	const struct ctl *ctl;
	int n_columns, at;
	bool right[COLUMNS_MAX];
	char *title[COLUMNS_MAX]; /* owned */
	int width[COLUMNS_MAX];
	char **cell; /* owned, rows one after the other */
	int n_cells;
};

void
complain(const char *format, ...)
{
	va_list args;

	fputs("usherctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

const char *
ansi(const struct ctl *ctl, const char *code)
{
	return ctl->color ? code : "";
}

const char *
member(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

int64_t
member_int(const json_t *o, const char *name)
{
	const json_t *value = json_object_get(o, name);

	return json_is_integer(value) ? json_integer_value(value)
				      : (int64_t)json_number_value(value);
}

void
print_json(const json_t *value)
{
	json_dumpf(value, stdout,
		JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	fputc('\n', stdout);
}

enum status
finish(struct ctl *ctl, json_t *result, const char *done)
{
	if (result == NULL)
		return STATUS_FAILED;
	if (ctl->json)
		print_json(result);
	else
		printf("%s\n", done);
	json_decref(result);
	return STATUS_OK;
}

void
duration_text(char out[24], int64_t ms)
{
	const char *sign = ms < 0 ? "-" : "";
	int64_t s = (ms < 0 ? -ms : ms) / 1000;

	if (s < 3600)
		snprintf(out, 24, "%s%" PRId64 ":%02" PRId64, sign, s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, 24, "%s%" PRId64 "h%02" PRId64 "m", sign, s / 3600,
			s / 60 % 60);
	else
		snprintf(out, 24, "%s%" PRId64 "d%02" PRId64 "h", sign, s / 86400,
			s / 3600 % 24);
}

/* Columns that text takes on a terminal. */
static int
width_of(const char *text)
{
	size_t n = mbstowcs(NULL, text, 0);
	wchar_t *wide;
	int width;

	if (n == (size_t)-1)
		return (int)strlen(text);
	wide = xcalloc(n + 1, sizeof *wide);
	mbstowcs(wide, text, n + 1);
	width = wcswidth(wide, n);
	free(wide);
	return width >= 0 ? width : (int)n;
}

struct table *
table_create(const struct ctl *ctl, const char *titles)
{
	struct table *t = xcalloc(1, sizeof *t);
	char *copy = xstrdup(titles), *rest = copy;

	t->ctl = ctl;
	for (char *title;
		t->n_columns < COLUMNS_MAX && (title = strsep(&rest, "|")) != NULL;) {
		t->right[t->n_columns] = title[0] == '>';
		t->title[t->n_columns] = xstrdup(title + t->right[t->n_columns]);
		t->width[t->n_columns] = width_of(t->title[t->n_columns]);
		t->n_columns++;
	}
	free(copy);
	return t;
}

void
table_cell(struct table *t, const char *text)
{
	char *copy = xstrdup(text != NULL ? text : "");
	int width;

	/* Text of customers must not steer the terminal. */
	for (char *c = copy; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	t->cell = xreallocarray(t->cell, (size_t)t->n_cells + 1, sizeof *t->cell);
	t->cell[t->n_cells++] = copy;
	width = width_of(copy);
	if (width > t->width[t->at])
		t->width[t->at] = width;
	t->at = (t->at + 1) % t->n_columns;
}

void
table_number(struct table *t, const json_t *value)
{
	char text[32] = "";

	if (json_is_integer(value))
		snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT,
			json_integer_value(value));
	else if (json_is_real(value))
		snprintf(text, sizeof text, "%.2f", json_real_value(value));
	table_cell(t, text);
}

void
table_duration(struct table *t, const json_t *ms)
{
	char text[24] = "";

	if (json_is_number(ms))
		duration_text(text, (int64_t)json_number_value(ms));
	table_cell(t, text);
}

static void
put_cell(const struct table *t, int column, const char *text)
{
	int space = t->width[column] - width_of(text);
	bool last = column == t->n_columns - 1;

	if (t->right[column])
		printf("%*s%s", space, "", text);
	else
		printf("%s%*s", text, last ? 0 : space, "");
	fputs(last ? "\n" : "  ", stdout);
}

void
table_print(struct table *t, const char *empty)
{
	if (t->n_cells == 0 && empty != NULL) {
		printf("%s\n", empty);
	} else {
		fputs(ansi(t->ctl, "\033[1m"), stdout);
		for (int i = 0; i < t->n_columns; i++)
			put_cell(t, i, t->title[i]);
		fputs(ansi(t->ctl, "\033[0m"), stdout);
	}
	for (int i = 0; i < t->n_cells; i++) {
		put_cell(t, i % t->n_columns, t->cell[i]);
		free(t->cell[i]);
	}
	for (int i = 0; i < t->n_columns; i++)
		free(t->title[i]);
	free(t->cell);
	free(t);
}
