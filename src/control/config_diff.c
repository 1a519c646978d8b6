/* control/config_diff.c - what changes between two settings, line by line of their dumps.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "control/config.h"
#include "control/settings.h"

struct line {
	const char *text; /* borrowed from the dump */
	size_t path;	  /* bytes before ": " */
	size_t n;	  /* bytes without the newline */
};

struct lines {
	struct line *list; /* owned; sorted by path */
	size_t n;
};

static int
by_path(const void *a, const void *b)
{
	const struct line *l = a, *r = b;
	size_t n = l->path < r->path ? l->path : r->path;
	int sign = memcmp(l->text, r->text, n);

	if (sign != 0)
		return sign;
	return (l->path > r->path) - (l->path < r->path);
}

static struct lines
lines_of(const char *dump)
{
	struct lines lines = {0};
	size_t room = 0;

	for (const char *s = dump, *end; (end = strchr(s, '\n')) != NULL; s = end + 1) {
		const char *colon = strstr(s, ": ");

		if (lines.n == room) {
			room = room != 0 ? 2 * room : 256;
			lines.list =
				xreallocarray(lines.list, room, sizeof lines.list[0]);
		}
		lines.list[lines.n++] = (struct line){s,
			colon != NULL && colon < end ? (size_t)(colon - s)
						     : (size_t)(end - s),
			(size_t)(end - s)};
	}
	if (lines.n > 0)
		qsort(lines.list, lines.n, sizeof lines.list[0], by_path);
	return lines;
}

static void
print(FILE *out, char mark, const struct line *line)
{
	fprintf(out, "%c %.*s\n", mark, (int)line->n, line->text);
}

static bool
same(const struct line *a, const struct line *b)
{
	return a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
}

bool
config_diff(FILE *out, const struct config *a, const struct config *b)
{
	struct lines old = lines_of(a->dump), new = lines_of(b->dump);
	size_t i = 0, j = 0;
	bool differs = false;

	while (i < old.n || j < new.n) {
		int sign = i == old.n	? 1
			   : j == new.n ? -1
					: by_path(&old.list[i], &new.list[j]);

		if (sign == 0 && !same(&old.list[i], &new.list[j]))
			fprintf(out, "~ %.*s -> %.*s\n", (int)old.list[i].n,
				old.list[i].text,
				(int)(new.list[j].n - new.list[j].path - 2),
				new.list[j].text + new.list[j].path + 2);
		else if (sign < 0)
			print(out, '-', &old.list[i]);
		else if (sign > 0)
			print(out, '+', &new.list[j]);
		differs = differs || sign != 0 || !same(&old.list[i], &new.list[j]);
		i += sign <= 0;
		j += sign >= 0;
	}
	free(old.list);
	free(new.list);
	return differs;
}

/* ---- what a reload cannot change ---- */

static void
warn_of_start(struct config_problems *problems, const char *file, const struct line *line)
{
	config_problems_add(problems, true, file, 1,
		"%.*s is read when usherd starts; what it was started with holds until "
		"it is started anew",
		(int)line->path, line->text);
}

void
config_warn_of_start(const char *started, const struct config *config, const char *file,
	struct config_problems *problems)
{
	struct lines old = lines_of(started), new = lines_of(config->dump);
	size_t i = 0, j = 0;

	while (i < old.n || j < new.n) {
		int sign = i == old.n	? 1
			   : j == new.n ? -1
					: by_path(&old.list[i], &new.list[j]);
		const struct line *line = sign <= 0 ? &old.list[i] : &new.list[j];

		if (settings_at_start(line->text, line->path) &&
			(sign != 0 || !same(&old.list[i], &new.list[j])))
			warn_of_start(problems, file, line);
		i += sign <= 0;
		j += sign >= 0;
	}
	free(old.list);
	free(new.list);
}
