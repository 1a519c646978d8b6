/* sim/trace.c - reading arrivals, with errors that name line and column. */
#include "sim/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static const char header[] = "seq,t_ms,class,handle_ms,patience_ms";

enum field {
	FIELD_SEQ,
	FIELD_T,
	FIELD_CLASS,
	FIELD_HANDLE,
	FIELD_PATIENCE,
	FIELDS
};

static const char *const field_name[FIELDS] = {
	"seq", "t_ms", "class", "handle_ms", "patience_ms"};

static bool USHER_PRINTF(4, 5)
	fail(struct trace_error *error, int line, int column, const char *format, ...)
{
	va_list args;

	error->line = line;
	error->column = column;
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return false;
}

/* Digits up to the comma or the end of the line; *at moves behind them. */
static bool
read_number(const char *line, size_t *at, int64_t *out)
{
	size_t i = *at;
	int64_t value = 0;

	while (line[i] >= '0' && line[i] <= '9') {
		value = value * 10 + (line[i] - '0');
		if (value > TRACE_NUMBER_MAX)
			return false;
		i++;
	}
	if (i == *at || (line[i] != ',' && line[i] != '\0'))
		return false;
	*at = i;
	*out = value;
	return true;
}

static bool
read_row(const char *line, int number, struct trace_row *row, struct trace_error *error)
{
	int64_t value[FIELDS];
	size_t at = 0;

	for (int i = 0; i < FIELDS; i++) {
		size_t from = at;

		if (i == FIELD_PATIENCE && line[at] == '\0') {
			value[i] = TRACE_FOREVER;
			break;
		}
		if (!read_number(line, &at, &value[i]))
			return fail(error, number, (int)from + 1,
				"%s must be a whole number from 0 to %" PRId64 "%s",
				field_name[i], TRACE_NUMBER_MAX,
				i == FIELD_PATIENCE ? ", or empty for infinite patience"
						    : "");
		if ((line[at] == ',') != (i < FIELDS - 1))
			return fail(error, number, (int)at + 1,
				"a row has %d fields: %s; here is %s", FIELDS, header,
				i < FIELDS - 1 ? "one too few" : "one too many");
		at++;
	}
	if (value[FIELD_CLASS] > INT32_MAX)
		return fail(error, number, 1, "class must be below %d", INT32_MAX);
	*row = (struct trace_row){.seq = value[FIELD_SEQ],
		.t_ms = value[FIELD_T],
		.class = (int)value[FIELD_CLASS],
		.handle_ms = value[FIELD_HANDLE],
		.patience_ms = value[FIELD_PATIENCE],
		.line = number};
	return true;
}

static bool
add_row(struct trace *trace, struct trace_row row, struct trace_error *error)
{
	if (trace->n > 0) {
		const struct trace_row *last = &trace->rows[trace->n - 1];

		if (row.t_ms < last->t_ms ||
			(row.t_ms == last->t_ms && row.seq <= last->seq))
			return fail(error, row.line, 1,
				"rows must be sorted by t_ms, then seq: this one (t_ms "
				"%" PRId64 ", seq %" PRId64
				") belongs before line %d; sort the file",
				row.t_ms, row.seq, last->line);
	}
	if (trace->n == TRACE_ROWS_MAX)
		return fail(error, row.line, 1, "more than %d rows: split the trace",
			TRACE_ROWS_MAX);
	if (trace->n == trace->room) {
		trace->room = trace->room > 0 ? trace->room * 2 : 1024;
		trace->rows =
			xreallocarray(trace->rows, trace->room, sizeof(trace->rows[0]));
	}
	trace->rows[trace->n++] = row;
	return true;
}

static void
chomp(char *line)
{
	size_t n = strlen(line);

	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = '\0';
}

static bool
check_header(char *line, struct trace_error *error)
{
	char *text = line;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	chomp(text);
	if (strcmp(text, header) != 0)
		return fail(error, 1, 1, "the first line must be \"%s\"", header);
	return true;
}

static int
by_seq(const void *a, const void *b)
{
	const struct trace_row *const *x = a, *const *y = b;

	return ((*x)->seq > (*y)->seq) - ((*x)->seq < (*y)->seq);
}

/* Rows of different times may still share a seq. */
static bool
check_unique(const struct trace *trace, struct trace_error *error)
{
	const struct trace_row **order = xcalloc(trace->n + 1, sizeof(const void *));
	bool good = true;

	for (size_t i = 0; i < trace->n; i++)
		order[i] = &trace->rows[i];
	qsort(order, trace->n, sizeof(const void *), by_seq);
	for (size_t i = 1; i < trace->n && good; i++) {
		if (order[i]->seq == order[i - 1]->seq)
			good = fail(error, order[i]->line, 1,
				"seq %" PRId64
				" stands in line %d already: give each row its own",
				order[i]->seq, order[i - 1]->line);
	}
	free(order);
	return good;
}

static bool
read_lines(gzFile file, struct trace *trace, struct trace_error *error)
{
	char line[TRACE_LINE_MAX + 2];
	int blank = 0;

	for (int number = 1; gzgets(file, line, sizeof(line)) != NULL; number++) {
		struct trace_row row = {0};

		if (strlen(line) > TRACE_LINE_MAX)
			return fail(error, number, TRACE_LINE_MAX + 1,
				"a line has at most %d bytes", TRACE_LINE_MAX);
		if (number == 1) {
			if (!check_header(line, error))
				return false;
			continue;
		}
		chomp(line);
		if (line[0] == '\0') {
			blank = blank > 0 ? blank : number;
			continue;
		}
		if (blank > 0)
			return fail(error, blank, 1, "an empty line: remove it");
		if (!read_row(line, number, &row, error) || !add_row(trace, row, error))
			return false;
	}
	return true;
}

static gzFile
open_trace(const char *path)
{
	int fd;

	if (strcmp(path, "-") != 0)
		return gzopen(path, "rbe");
	fd = dup(STDIN_FILENO);
	return fd >= 0 ? gzdopen(fd, "rb") : NULL;
}

bool
trace_load(const char *path, struct trace *out, struct trace_error *error)
{
	gzFile file;
	const char *why;
	bool good;
	int code;

	*out = (struct trace){0};
	errno = 0;
	file = open_trace(path);
	if (file == NULL)
		return fail(error, 0, 0, "cannot be opened: %s",
			errno != 0 ? strerror(errno) : "out of memory");
	gzbuffer(file, 1 << 17);
	good = read_lines(file, out, error);
	/* A stream that was cut off may look like a file with a broken last line. */
	why = gzerror(file, &code);
	if (code == Z_ERRNO)
		good = fail(error, 0, 0, "cannot be read: %s", strerror(errno));
	else if (code != Z_OK && code != Z_STREAM_END)
		good = fail(error, 0, 0, "cannot be read to its end (%s): copy it again",
			why);
	gzclose(file);
	if (good && out->n == 0)
		good = fail(error, 0, 0, "has no rows; the first line must be \"%s\"",
			header);
	if (good)
		good = check_unique(out, error);
	if (!good)
		trace_finish(out);
	return good;
}

void
trace_finish(struct trace *trace)
{
	free(trace->rows);
	*trace = (struct trace){0};
}
