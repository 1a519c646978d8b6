/* usherctl/suggest_csv.h - tables of mails for training and measuring: CSV as RFC 4180.
 */
#ifndef USHER_USHERCTL_SUGGEST_CSV_H
#define USHER_USHERCTL_SUGGEST_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/xalloc.h"

#define CSV_BYTES_MAX (256 << 20) /* of a file */
#define CSV_COLUMNS_MAX 64
#define CSV_ROWS_MAX 2000000

struct csv {
	char *bytes; /* owned; cells point into it */
	char *column[CSV_COLUMNS_MAX];
	int n_columns;
	char **cell; /* owned; n_rows * n_columns of them; NUL-terminated */
	int *line;   /* owned; where each row begins, from 1 */
	int n_rows;
};

/*
 * csv_read - reads a whole file: UTF-8, a first line of column names, cells in quotes may
 * hold commas, line ends and doubled quotes.
 *
 * Returns  false: said on standard error what is wrong in which line
 */
bool csv_read(struct csv *csv, const char *path) USHER_MUST_CHECK;
void csv_finish(struct csv *csv);

/* Place of a column; -1: there is none of that name. */
int csv_column(const struct csv *csv, const char *name);
/* "" for a column that is not there. */
const char *csv_cell(const struct csv *csv, int row, int column);

#endif
