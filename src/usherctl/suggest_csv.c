/* usherctl/suggest_csv.c - reads CSV in one piece, cells in place. */
#include "usherctl/suggest_csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherctl/usherctl.h"

static char *
read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	size_t room = 1 << 16, got;
	char *bytes;

	if (f == NULL) {
		complain("%s: %s", path, strerror(errno));
		return NULL;
	}
	bytes = xmalloc(room + 1);
	*n = 0;
	while ((got = fread(bytes + *n, 1, room - *n, f)) > 0) {
		*n += got;
		if (*n == room && room < CSV_BYTES_MAX) {
			room *= 2;
			bytes = xreallocarray(bytes, room + 1, 1);
		}
	}
	bytes[*n] = '\0';
	if (ferror(f) || !feof(f)) {
		complain("%s: %s", path,
			ferror(f) ? strerror(errno) : "is larger than 256 MiB: split it");
		free(bytes);
		bytes = NULL;
	}
	fclose(f);
	return bytes;
}

struct scan {
	const char *path;
	char *at, *end;
	int line;
	bool row_ended;
};

/*
 * The next cell, unquoted in place, which only shortens it. NULL: a quote is wrong, said
 * so.
 */
static char *
next_cell(struct scan *s)
{
	char *cell = s->at, *out = s->at;
	bool quoted = s->at < s->end && *s->at == '"', closed = false;
	int began = s->line;

	if (quoted) {
		for (s->at++; s->at < s->end && !closed; s->at++) {
			s->line += *s->at == '\n';
			closed = s->at[0] == '"' && s->at[1] != '"';
			s->at += s->at[0] == '"' && !closed;
			if (!closed)
				*out++ = *s->at;
		}
		if (!closed) {
			complain("%s line %d: a quoted cell begins here and never ends",
				s->path, began);
			return NULL;
		}
	} else {
		while (s->at < s->end && *s->at != ',' && *s->at != '\n')
			*out++ = *s->at++;
		if (out > cell && out[-1] == '\r' && (s->at == s->end || *s->at == '\n'))
			out--;
	}
	if (quoted && s->at < s->end && *s->at == '\r')
		s->at++;
	if (s->at < s->end && *s->at != ',' && *s->at != '\n') {
		complain("%s line %d: text behind the closing quote of a cell", s->path,
			s->line);
		return NULL;
	}
	s->row_ended = s->at >= s->end || *s->at == '\n';
	s->line += s->at < s->end && *s->at == '\n';
	s->at += s->at < s->end;
	*out = '\0';
	return cell;
}

static bool
read_head(struct csv *csv, struct scan *s)
{
	do {
		if (csv->n_columns == CSV_COLUMNS_MAX) {
			complain("%s: more than %d columns", s->path, CSV_COLUMNS_MAX);
			return false;
		}
		csv->column[csv->n_columns] = next_cell(s);
		if (csv->column[csv->n_columns++] == NULL)
			return false;
	} while (!s->row_ended);
	return true;
}

/* One row into its cells; rows that are blank lines are left out. */
static bool
read_row(struct csv *csv, struct scan *s)
{
	char **cell = csv->cell + (size_t)csv->n_rows * (size_t)csv->n_columns;
	int n = 0;

	csv->line[csv->n_rows] = s->line;
	do {
		char *one = next_cell(s);

		if (one == NULL)
			return false;
		if (n < csv->n_columns)
			cell[n] = one;
		n++;
	} while (!s->row_ended);
	if (n == 1 && cell[0][0] == '\0')
		return true;
	if (n != csv->n_columns) {
		complain("%s line %d: %d cells, but the first line names %d columns",
			s->path, csv->line[csv->n_rows], n, csv->n_columns);
		return false;
	}
	csv->n_rows++;
	return true;
}

static bool
read_rows(struct csv *csv, struct scan *s)
{
	int room = 0;

	while (s->at < s->end) {
		if (csv->n_rows == CSV_ROWS_MAX) {
			complain("%s: more than %d rows", s->path, CSV_ROWS_MAX);
			return false;
		}
		if (csv->n_rows == room) {
			room = room != 0 ? 2 * room : 1024;
			csv->cell = xreallocarray(csv->cell,
				(size_t)room * (size_t)csv->n_columns, sizeof *csv->cell);
			csv->line =
				xreallocarray(csv->line, (size_t)room, sizeof *csv->line);
		}
		if (!read_row(csv, s))
			return false;
	}
	return true;
}

bool
csv_read(struct csv *csv, const char *path)
{
	struct scan s = {.path = path, .line = 1};
	size_t n = 0;

	*csv = (struct csv){.bytes = read_file(path, &n)};
	if (csv->bytes == NULL)
		return false;
	s.at = csv->bytes;
	s.end = s.at + n;
	if (n >= 3 && memcmp(s.at, "\xef\xbb\xbf", 3) == 0)
		s.at += 3;
	if (memchr(csv->bytes, '\0', n) != NULL)
		complain("%s: holds a NUL byte: it is not a text file", path);
	else if (s.at == s.end)
		complain("%s: is empty: the first line names the columns", path);
	else if (read_head(csv, &s) && read_rows(csv, &s))
		return true;
	csv_finish(csv);
	return false;
}

void
csv_finish(struct csv *csv)
{
	free(csv->bytes);
	free(csv->cell);
	free(csv->line);
	*csv = (struct csv){0};
}

int
csv_column(const struct csv *csv, const char *name)
{
	for (int i = 0; i < csv->n_columns; i++)
		if (strcmp(csv->column[i], name) == 0)
			return i;
	return -1;
}

const char *
csv_cell(const struct csv *csv, int row, int column)
{
	if (column < 0)
		return "";
	return csv->cell[(size_t)row * (size_t)csv->n_columns + (size_t)column];
}
