/*
 * plugins/vip/vip.c - value points for customers who are known to matter: by the
 * beginning of their id, by a list, by an attribute; each with a date after which it
 * ends.
 *
 * Of several reasons the one with the most points stands.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <usher/plugin.h>

#define ID_MAX 64	   /* bytes of a customer's id */
#define LINE_MAX_BYTES 256 /* of the list */
#define ROWS_MAX 1000000   /* of the list */
#define POINTS_MAX 1000

/* One line of the list. */
struct row {
	char id[ID_MAX + 1];
	int points;
	int64_t until_ms; /* Unix ms from which it holds no more; 0: always */
};

struct vip {
	/* settings; filled by usher */
	int64_t points;
	const char *prefix;
	const char *list;
	const char *attribute;
	int64_t until;
	/* the list; owned, sorted by id */
	struct row *rows;
	size_t n;
};

static const struct usher_setting vip_settings[] = {
	USHER_SETTING(INTEGER, struct vip, points, 1, POINTS_MAX, "20",
		"value points that a customer is given, where the list names none"),
	USHER_SETTING(TEXT, struct vip, prefix, 0, ID_MAX, "",
		"customers whose id begins so; empty: none"),
	USHER_SETTING(TEXT, struct vip, list, 0, 1024, "",
		"file of customers, one a line: id[,points[,until]]; beside the "
		"settings file; empty: none"),
	USHER_SETTING(TEXT, struct vip, attribute, 0, ID_MAX, "",
		"attribute of the contact that makes its customer one when it is true, "
		"or the number of points; empty: none"),
	USHER_SETTING(DATE, struct vip, until, 0, 0, "",
		"first day (UTC) on which prefix and attribute count no more; empty: "
		"always"),
};

/* ---- the list ---- */

static bool
parse_points(const char *text, int *out)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end != '\0' || value < 1 || value > POINTS_MAX)
		return false;
	*out = (int)value;
	return true;
}

/* A date becomes its own midnight, UTC: "until 2027-04-01" ends with March. */
static bool
parse_until(const char *text, int64_t *out)
{
	struct tm day = {0};
	const char *end = strptime(text, "%Y-%m-%d", &day);
	int of_month = day.tm_mday;

	if (end == NULL || *end != '\0' || day.tm_year < 70)
		return false;
	*out = (int64_t)timegm(&day) * 1000;
	return day.tm_mday == of_month; /* the 31st of February became another day */
}

/* Cuts a line at its commas; returns what is wrong, NULL: nothing. */
static const char *
parse_row(char *line, int otherwise, struct row *row)
{
	char *id = strsep(&line, ","), *points = strsep(&line, ","),
	     *until = strsep(&line, ",");

	if (line != NULL)
		return "has more than three fields; write id,points,until";
	if (strlen(id) > ID_MAX)
		return "has an id of more than 64 bytes";
	*row = (struct row){.points = otherwise};
	memcpy(row->id, id, strlen(id));
	if (points != NULL && points[0] != '\0' && !parse_points(points, &row->points))
		return "has points that are not a whole number from 1 to 1000";
	if (until != NULL && until[0] != '\0' && !parse_until(until, &row->until_ms))
		return "has no date as its third field; write 2027-03-31";
	return NULL;
}

static bool
add_row(struct vip *v, const struct row *row)
{
	if ((v->n & (v->n - 1)) == 0) {
		size_t room = v->n > 0 ? v->n * 2 : 1;
		struct row *rows = reallocarray(v->rows, room, sizeof(*rows));

		if (rows == NULL)
			return false;
		v->rows = rows;
	}
	v->rows[v->n++] = *row;
	return true;
}

static void
trim(char *line)
{
	size_t n = strlen(line);

	while (n > 0 && strchr(" \t\r\n", line[n - 1]) != NULL)
		line[--n] = '\0';
}

static bool
read_rows(struct vip *v, FILE *file, const char *path, char *problem, size_t room)
{
	char line[LINE_MAX_BYTES + 2];

	for (int number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
		struct row row;
		const char *wrong;

		if (strlen(line) > LINE_MAX_BYTES) {
			snprintf(problem, room, "%s:%d: the line is too long", path,
				number);
			return false;
		}
		trim(line);
		if (line[0] == '\0' || line[0] == '#')
			continue;
		wrong = parse_row(line, (int)v->points, &row);
		if (wrong == NULL && v->n == ROWS_MAX)
			wrong = "is one too many: a list has at most 1,000,000";
		if (wrong == NULL && !add_row(v, &row))
			wrong = "does not fit into memory";
		if (wrong != NULL) {
			snprintf(
				problem, room, "%s:%d: the line %s", path, number, wrong);
			return false;
		}
	}
	if (ferror(file)) {
		snprintf(problem, room, "%s: cannot be read", path);
		return false;
	}
	return true;
}

static int
by_id(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static bool
is_sorted_once(const struct vip *v, const char *path, char *problem, size_t room)
{
	for (size_t i = 1; i < v->n; i++) {
		if (strcmp(v->rows[i - 1].id, v->rows[i].id) != 0)
			continue;
		snprintf(problem, room, "%s: customer %s stands in it twice: remove one",
			path, v->rows[i].id);
		return false;
	}
	return true;
}

static void
vip_stop(void *state)
{
	struct vip *v = state;

	free(v->rows);
	v->rows = NULL;
	v->n = 0;
}

static bool
vip_start(void *state, const struct usher_host *host, char *problem, size_t room)
{
	struct vip *v = state;
	char path[4096], text[80];
	FILE *file;
	bool good;

	if (v->list[0] == '\0')
		return true;
	snprintf(path, sizeof(path), "%s%s%s", v->list[0] == '/' ? "" : host->settings,
		v->list[0] == '/' ? "" : "/", v->list);
	file = fopen(path, "re");
	if (file == NULL) {
		snprintf(
			problem, room, "%s: cannot be opened: %s", path, strerror(errno));
		return false;
	}
	good = read_rows(v, file, path, problem, room);
	fclose(file);
	if (good && v->n > 0) {
		qsort(v->rows, v->n, sizeof(v->rows[0]), by_id);
		good = is_sorted_once(v, path, problem, room);
	}
	if (!good) {
		vip_stop(v);
		return false;
	}
	snprintf(text, sizeof(text), "read customers=%zu", v->n);
	host->log(host, USHER_LOG_INFO, text);
	return true;
}

/* ---- the hook ---- */

static int
points_by_list(const struct vip *v, const struct usher_contact *c)
{
	struct row key = {0};
	const struct row *row;
	size_t n = strlen(c->customer_id);

	if (v->n == 0 || n == 0 || n > ID_MAX)
		return 0;
	memcpy(key.id, c->customer_id, n);
	row = bsearch(&key, v->rows, v->n, sizeof(key), by_id);
	if (row == NULL || (row->until_ms != 0 && c->now_ms >= row->until_ms))
		return 0;
	return row->points;
}

static int
points_by_attribute(const struct vip *v, const struct usher_contact *c)
{
	const struct usher_attribute *a = usher_attribute(c, v->attribute);

	if (a == NULL)
		return 0;
	if (a->kind == USHER_VALUE_BOOL)
		return a->boolean ? (int)v->points : 0;
	/* What comes from outside may be any number; beyond the range it is none. */
	if (a->kind == USHER_VALUE_NUMBER && a->number >= 1 && a->number <= POINTS_MAX)
		return (int)a->number;
	return 0;
}

static int
larger(int a, int b)
{
	return a > b ? a : b;
}

static enum usher_verdict
vip_on_score(void *state, const struct usher_contact *c, int *points)
{
	const struct vip *v = state; /* owned by usher, filled from vip_settings */
	bool holds = v->until == 0 || c->now_ms < v->until;
	int best = points_by_list(v, c);

	if (holds && v->prefix[0] != '\0' && c->customer_id[0] != '\0' &&
		strncmp(c->customer_id, v->prefix, strlen(v->prefix)) == 0)
		best = larger(best, (int)v->points);
	if (holds && v->attribute[0] != '\0')
		best = larger(best, points_by_attribute(v, c));
	if (best == 0)
		return USHER_DECLINED; /* the next plugin is asked */
	*points += best;
	return USHER_OK;
}

const struct usher_plugin usher_plugin = {
	.abi = USHER_PLUGIN_ABI,
	.size = sizeof(struct usher_plugin),
	.name = "vip",
	.version = "1.0",
	.help = "Value points for customers who are known to matter.",
	.state_size = sizeof(struct vip),
	.settings = vip_settings,
	.n_settings = sizeof(vip_settings) / sizeof(vip_settings[0]),
	.start = vip_start,
	.stop = vip_stop,
	.on_score = vip_on_score,
};
