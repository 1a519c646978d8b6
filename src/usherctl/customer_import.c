/*
 * usherctl/customer_import.c - customers from a file to the daemon: CSV with a line of
 * names, or a JSON object a line. Read as a stream, sent in lots; lines that are wrong
 * are told and skipped.
 *
 * Columns of CSV: name, kind, household, business, link_weight; account, email, phone,
 * cookie and id.KIND for further kinds of identity, several of one kind with ";" between
 * (or email2, phone2, ...); all others are attributes.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "usherctl/customer.h"

#define LOT_BYTES 24000	 /* of a request; quoting doubles it at worst */
#define RECORD_MAX 32768 /* bytes of one line */
#define COLUMNS_MAX 128
#define CELL_MAX 4096 /* bytes */

const struct option_spec customer_import_options[] = {
	{"dry-run", NULL, "check the whole file and keep nothing"},
	{"source", "NAME", "source of the attributes; default import"},
	{0},
};

struct column {
	char *name; /* owned */
	enum column_kind {
		COLUMN_ATTRIBUTE,
		COLUMN_IDENTITY,
		COLUMN_TEXT
	} kind;
};

struct import {
	struct ctl *ctl;
	const char *path, *source;
	bool dry, csv, quiet;
	FILE *file;
	int64_t line, bytes, size; /* read so far; of the file, 0: unknown */
	struct column column[COLUMNS_MAX];
	int n_columns;

	struct text lot;
	int64_t lot_line;  /* of its first line */
	int64_t next_line; /* that it would hold next */

	int64_t created, updated, bad, rows;
	double began_s, said_s;
};

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- progress ---- */

static void
say_progress(struct import *i, bool last)
{
	double now = now_s(), took = now - i->began_s;

	if (i->quiet || (!last && now - i->said_s < 1))
		return;
	i->said_s = now;
	fprintf(stderr, "%s%lld lines", last ? "" : "\r", (long long)i->rows);
	if (i->size > 0)
		fprintf(stderr, ", %3.0f %%", 100.0 * (double)i->bytes / (double)i->size);
	fprintf(stderr, ", %lld new, %lld known, %lld wrong, %.0f a second   %s",
		(long long)i->created, (long long)i->updated, (long long)i->bad,
		took > 0 ? (double)i->rows / took : 0, last ? "\n" : "");
	fflush(stderr);
}

static void
tell_bad(struct import *i, int64_t line, const char *message)
{
	fprintf(stderr, "%s%s:%lld: %s\n", i->quiet ? "" : "\r", i->path, (long long)line,
		message);
}

/* ---- lots ---- */

static bool
send_lot(struct import *i)
{
	json_t *params, *result, *one;
	size_t k;

	if (i->lot.n == 0)
		return true;
	params = json_pack("{s:s, s:I, s:b}", "rows", i->lot.s, "line",
		(json_int_t)i->lot_line, "dry_run", i->dry);
	if (i->source != NULL)
		json_object_set_new(params, "source", json_string(i->source));
	result = call(i->ctl, "customer.import", params);
	text_clear(&i->lot);
	if (result == NULL) {
		complain("stopped before line %lld; what came before is in, so the same "
			 "command goes on from there",
			(long long)i->lot_line);
		return false;
	}
	i->created += member_int(result, "created");
	i->updated += member_int(result, "updated");
	i->bad += member_int(result, "bad");
	json_array_foreach(json_object_get(result, "problems"), k, one)
		tell_bad(i, member_int(one, "line"), member(one, "message"));
	json_decref(result);
	say_progress(i, false);
	return true;
}

/* Adds a row that stands in this line; lines between are empty ones. */
static bool
add_row(struct import *i, int64_t line, const char *text, size_t n)
{
	if (i->lot.n > 0 && (i->lot.n + n > LOT_BYTES || line - i->next_line > 1000) &&
		!send_lot(i))
		return false;
	if (i->lot.n == 0)
		i->lot_line = i->next_line = line;
	while (i->next_line < line) {
		text_add_n(&i->lot, "\n", 1);
		i->next_line++;
	}
	text_add_n(&i->lot, text, n);
	text_add_n(&i->lot, "\n", 1);
	i->next_line++;
	i->rows++;
	return true;
}

/* ---- CSV ---- */

/* A record may go over several lines inside quotes. Returns its bytes without the line
 * end; -1 at the end of the file, -2 when it is too long (skipped to the next line). */
static ssize_t
read_record(struct import *i, char *out, int64_t *first)
{
	bool quoted = false, long_one = false;
	ssize_t n = 0;
	int c;

	*first = i->line + 1;
	while ((c = getc_unlocked(i->file)) != EOF) {
		i->bytes++;
		if (c == '"')
			quoted = !quoted;
		if (c == '\n') {
			i->line++;
			if (!quoted || long_one)
				break;
		}
		if (n + 1 >= RECORD_MAX)
			long_one = true;
		else
			out[n++] = (char)c;
	}
	if (c == EOF) {
		if (n == 0)
			return -1;
		i->line++;
	}
	if (n > 0 && out[n - 1] == '\r')
		n--;
	out[n] = '\0';
	return long_one ? -2 : n;
}

/* The next cell of a record into out; false: there is none or it is wrong (*why). */
static bool
next_cell(const char **at, char out[CELL_MAX], const char **why)
{
	const char *s = *at;
	size_t n = 0;
	bool quoted = *s == '"';

	s += quoted;
	for (; *s != '\0'; s++) {
		if (quoted && s[0] == '"' && s[1] != '"')
			break;
		if (quoted && *s == '"')
			s++; /* doubled */
		if (!quoted && *s == ',')
			break;
		if (n + 1 == CELL_MAX) {
			*why = "a cell is longer than 4095 bytes";
			return false;
		}
		out[n++] = *s;
	}
	out[n] = '\0';
	if (quoted && *s != '"') {
		*why = "a quoted cell never ends";
		return false;
	}
	s += quoted;
	if (*s != ',' && *s != '\0') {
		*why = "text stands behind a quoted cell";
		return false;
	}
	*at = *s == ',' ? s + 1 : NULL;
	return true;
}

static enum column_kind
kind_of(char *name)
{
	static const char *const texts[] = {
		"name", "kind", "household", "business", "link_weight"};
	static const char *const identities[] = {"account", "email", "phone", "cookie"};
	size_t n;

	if (strncmp(name, "id.", 3) == 0 && name[3] != '\0') {
		memmove(name, name + 3, strlen(name + 3) + 1);
		return COLUMN_IDENTITY;
	}
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (strcmp(name, texts[i]) == 0)
			return COLUMN_TEXT;
	for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
		n = strlen(identities[i]);
		/* phone2, phone3, ... are further ones. */
		if (strncmp(name, identities[i], n) == 0 &&
			name[n + strspn(name + n, "0123456789")] == '\0') {
			name[n] = '\0';
			return COLUMN_IDENTITY;
		}
	}
	return COLUMN_ATTRIBUTE;
}

static bool
read_header(struct import *i, char *record)
{
	char cell[CELL_MAX];
	const char *why, *at = record;

	if (strncmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3; /* a mark that some programs write */
	while (at != NULL) {
		if (i->n_columns == COLUMNS_MAX || !next_cell(&at, cell, &why) ||
			cell[0] == '\0') {
			complain("%s: the first line must name up to %d columns, as "
				 "account,name,email,phone,revenue",
				i->path, COLUMNS_MAX);
			return false;
		}
		i->column[i->n_columns].name = xstrdup(cell);
		i->column[i->n_columns].kind = kind_of(i->column[i->n_columns].name);
		i->n_columns++;
	}
	return true;
}

/* Adds an identity; "a;b" are two. */
static void
add_identities(json_t *row, const char *kind, char *cell)
{
	json_t *list = json_object_get(row, kind);
	char *rest = cell, *one;

	if (list == NULL) {
		list = json_array();
		json_object_set_new(row, kind, list);
	}
	while ((one = strsep(&rest, ";")) != NULL)
		json_array_append_new(list, json_string(one));
}

static json_t *
value_of(const char *text)
{
	char *end;
	double number = strtod(text, &end);

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return json_boolean(text[0] == 't');
	/* 007 is a name, 7 a number. */
	if (*end == '\0' && isfinite(number) && text[0] != '+' &&
		!(text[0] == '0' && text[1] >= '0' && text[1] <= '9') &&
		strpbrk(text, "xX") == NULL)
		return number == floor(number) && fabs(number) < 9e15
			       ? json_integer((json_int_t)number)
			       : json_real(number);
	return json_string(text);
}

static void
add_cell(json_t *row, json_t *attributes, const struct column *column, char *cell)
{
	if (cell[0] == '\0')
		return; /* not known: what is there stays */
	if (column->kind == COLUMN_IDENTITY)
		add_identities(row, column->name, cell);
	else if (column->kind == COLUMN_TEXT)
		json_object_set_new(row, column->name,
			strcmp(column->name, "link_weight") == 0 ? value_of(cell)
								 : json_string(cell));
	else
		json_object_set_new(attributes, column->name, value_of(cell));
}

/* The row as a JSON object; NULL with the reason in *why. */
static json_t *
row_of(const struct import *i, const char *record, const char **why)
{
	json_t *row = json_object(), *attributes = json_object();
	const char *at = record;
	char cell[CELL_MAX];
	int n = 0;

	*why = NULL;
	for (; at != NULL && *why == NULL; n++) {
		if (n == i->n_columns)
			*why = "there are more cells than columns";
		else if (next_cell(&at, cell, why))
			add_cell(row, attributes, &i->column[n], cell);
	}
	if (*why == NULL && n < i->n_columns)
		*why = "there are fewer cells than columns";
	json_object_set_new(row, "attributes", attributes);
	if (*why == NULL)
		return row;
	json_decref(row);
	return NULL;
}

static bool
import_csv(struct import *i)
{
	char *record = xmalloc(RECORD_MAX);
	struct text text = {0};
	bool good = true;
	int64_t line;
	ssize_t n = read_record(i, record, &line);

	good = n >= 0 && read_header(i, record);
	if (n < 0)
		complain("%s: is empty", i->path);
	while (good && (n = read_record(i, record, &line)) != -1) {
		const char *why = "the line is longer than 32767 bytes";
		json_t *row;

		if (n == 0)
			continue;
		row = n > 0 ? row_of(i, record, &why) : NULL;
		if (row == NULL) {
			tell_bad(i, line, why);
			i->bad++;
			i->rows++;
			continue;
		}
		text_clear(&text);
		json_write(&text, row);
		json_decref(row);
		good = add_row(i, line, text.s, text.n);
	}
	free(record);
	text_finish(&text);
	return good && send_lot(i);
}

/* ---- JSON lines ---- */

static bool
import_lines(struct import *i)
{
	char *record = NULL;
	size_t room = 0;
	ssize_t n;
	bool good = true;

	while (good && (n = getline(&record, &room, i->file)) >= 0) {
		i->line++;
		i->bytes += n;
		while (n > 0 && (record[n - 1] == '\n' || record[n - 1] == '\r'))
			n--;
		if (n >= RECORD_MAX) {
			tell_bad(i, i->line, "the line is longer than 32767 bytes");
			i->bad++;
			i->rows++;
		} else if (n > 0) {
			good = add_row(i, i->line, record, (size_t)n);
		}
	}
	free(record);
	return good && send_lot(i);
}

/* ---- the command ---- */

static bool
ends(const char *path, const char *ending)
{
	size_t n = strlen(path), m = strlen(ending);

	return n > m && strcmp(path + n - m, ending) == 0;
}

static enum status
say_end(struct import *i)
{
	json_t *figures = json_pack("{s:I, s:I, s:I, s:I, s:f, s:b}", "lines",
		(json_int_t)i->rows, "created", (json_int_t)i->created, "updated",
		(json_int_t)i->updated, "bad", (json_int_t)i->bad, "seconds",
		now_s() - i->began_s, "dry_run", i->dry);

	if (i->ctl->json)
		print_json(figures);
	else
		say_progress(i, true);
	json_decref(figures);
	if (i->dry && !i->ctl->json)
		printf("Nothing was kept: it was a dry run.\n");
	return i->bad > 0 ? STATUS_FAILED : STATUS_OK;
}

enum status
do_customer_import(struct ctl *ctl)
{
	struct import i = {.ctl = ctl,
		.path = ctl->word[0],
		.source = option(ctl, "source"),
		.dry = option(ctl, "dry-run") != NULL};
	enum status status = STATUS_FAILED;
	bool good;

	i.csv = ends(i.path, ".csv");
	if (!i.csv && !ends(i.path, ".jsonl")) {
		complain("%s: must be .csv (first line: names of columns) or .jsonl (a "
			 "JSON object a line)",
			i.path);
		return STATUS_USAGE;
	}
	i.file = fopen(i.path, "rb");
	if (i.file == NULL) {
		complain("%s: %s", i.path, strerror(errno));
		return STATUS_FAILED;
	}
	if (fseeko(i.file, 0, SEEK_END) == 0) {
		i.size = (int64_t)ftello(i.file);
		rewind(i.file);
	}
	i.quiet = ctl->json || !isatty(STDERR_FILENO);
	i.began_s = i.said_s = now_s();
	good = i.csv ? import_csv(&i) : import_lines(&i);
	i.quiet = ctl->json;
	if (good)
		status = say_end(&i);
	for (int k = 0; k < i.n_columns; k++)
		free(i.column[k].name);
	text_finish(&i.lot);
	fclose(i.file);
	return status;
}
