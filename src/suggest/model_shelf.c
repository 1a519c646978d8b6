/* suggest/model_shelf.c - versions of a model in a folder. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "suggest/model_file.h"

#define VERSION_MAX 999999

/* Numbers of the versions that may be loaded, upwards, and the highest ever used. */
struct shelf {
	int n, room, highest;
	int *number; /* owned */
};

static char *
path_of(const char *folder, const char *name, int number, const char *ending)
{
	return xasprintf("%s/%s.%06d.%s", folder, name, number, ending);
}

/* Takes "NAME.NNNNNN.ENDING" apart; 0: it is something else. */
static int
number_of(const char *file, const char *name, const char *ending)
{
	size_t n = strlen(name);
	int number = 0;

	if (strncmp(file, name, n) != 0 || file[n] != '.')
		return 0;
	file += n + 1;
	for (int i = 0; i < 6; i++, file++) {
		if (*file < '0' || *file > '9')
			return 0;
		number = 10 * number + (*file - '0');
	}
	return *file == '.' && strcmp(file + 1, ending) == 0 ? number : 0;
}

static int
compare(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct shelf
look(const char *folder, const char *name)
{
	struct shelf s = {0};
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		int number = number_of(entry->d_name, name, "model");
		int rejected = number_of(entry->d_name, name, "rejected");

		if (number > s.highest || rejected > s.highest)
			s.highest = number > rejected ? number : rejected;
		if (number == 0)
			continue;
		if (s.n == s.room) {
			s.room = 2 * s.room + 8;
			s.number =
				xreallocarray(s.number, (size_t)s.room, sizeof *s.number);
		}
		s.number[s.n++] = number;
	}
	if (dir != NULL)
		closedir(dir);
	if (s.n > 0)
		qsort(s.number, (size_t)s.n, sizeof *s.number, compare);
	return s;
}

int
shelf_save(const struct learner *l, const char *folder, const char *name,
	char problem[MODEL_PROBLEM])
{
	struct shelf s;
	int number;
	char *path;
	bool saved;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		snprintf(problem, MODEL_PROBLEM, "%s", strerror(errno));
		return 0;
	}
	s = look(folder, name);
	number = s.highest + 1;
	path = path_of(folder, name, number, "model");
	if (number > VERSION_MAX || !id_is_valid(name)) {
		snprintf(
			problem, MODEL_PROBLEM, "%s cannot be the name of a model", name);
		saved = false;
	} else {
		saved = model_save(l, path, problem);
	}
	free(path);
	for (int i = 0; saved && i < s.n - (MODEL_VERSIONS_KEPT - 1); i++) {
		path = path_of(folder, name, s.number[i], "model");
		unlink(path);
		free(path);
	}
	free(s.number);
	return saved ? number : 0;
}

struct learner *
shelf_load(const char *folder, const char *name, int *version)
{
	struct shelf s = look(folder, name);
	struct learner *l = NULL;

	*version = 0;
	for (int i = s.n - 1; i >= 0 && l == NULL; i--) {
		char *path = path_of(folder, name, s.number[i], "model");
		char problem[MODEL_PROBLEM];

		l = model_load(path, problem);
		if (l == NULL)
			log_warn("suggest: model left out file=%s reason=\"%s\"", path,
				problem);
		else
			*version = s.number[i];
		free(path);
	}
	free(s.number);
	return l;
}

int
shelf_roll_back(const char *folder, const char *name)
{
	struct shelf s = look(folder, name);
	int now = 0;

	if (s.n >= 2) {
		char *from = path_of(folder, name, s.number[s.n - 1], "model");
		char *to = path_of(folder, name, s.number[s.n - 1], "rejected");

		if (rename(from, to) == 0)
			now = s.number[s.n - 2];
		else
			log_error("suggest: model cannot be rolled back file=%s error=%s",
				from, strerror(errno));
		free(from);
		free(to);
	}
	free(s.number);
	return now;
}
