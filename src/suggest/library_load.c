/* suggest/library_load.c - the folder of responses, and what a learner knows of them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "suggest/head.h"

/* Does a response that was there before stand for this file's? */
static bool
stands_above(const struct map *over, const char *file, const char *text, size_t n)
{
	struct library_problems ignored = {0};
	struct library *alone;
	bool above;

	if (over->n == 0 || strcmp(file, "rules.yaml") == 0)
		return false;
	alone = library_create();
	library_read(alone, file, text, n, &ignored);
	above = alone->n == 1 && map_get(over, alone->list[0].id) != NULL;
	text_finish(&ignored.said);
	library_destroy(alone);
	return above;
}

static void
read_file(struct library *library, const struct map *over, const char *folder,
	const char *file, struct library_problems *problems)
{
	char *path = xasprintf("%s/%s", folder, file), *text;
	FILE *f = fopen(path, "rbe");
	size_t n;

	free(path);
	if (f == NULL) {
		problem_add(problems, file, 0, "%s", strerror(errno));
		return;
	}
	text = xmalloc(RESPONSE_BYTES_MAX + 1);
	n = fread(text, 1, RESPONSE_BYTES_MAX + 1, f);
	if (ferror(f))
		problem_add(problems, file, 0, "%s", strerror(errno));
	else if (n > RESPONSE_BYTES_MAX)
		problem_add(problems, file, 0, "is longer than %d KiB",
			RESPONSE_BYTES_MAX / 1024);
	else if (!stands_above(over, file, text, n))
		library_read(library, file, text, n, problems);
	free(text);
	fclose(f);
}

static bool
ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n > k && strcmp(name + n - k, end) == 0;
}

static bool
is_of_library(const char *name, bool top)
{
	return ends_with(name, ".txt") || ends_with(name, ".md") ||
	       (top && strcmp(name, "rules.yaml") == 0);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Reads a folder and those below it; within: its path from the top, "" or "cards/". */
static void
read_folder(struct library *library, const struct map *over, const char *folder,
	const char *within, int depth, struct library_problems *problems)
{
	char *path = xasprintf("%s/%s", folder, within);
	struct dirent **entry = NULL;
	int n = scandir(path, &entry, not_hidden, by_name);

	if (n < 0)
		problem_add(problems, path, 0, "%s", strerror(errno));
	for (int i = 0; i < n; i++) {
		char *file = xasprintf("%s%s", within, entry[i]->d_name);
		char *whole = xasprintf("%s/%s", folder, file), *deeper;
		struct stat st;
		bool there = stat(whole, &st) == 0;

		if (there && S_ISDIR(st.st_mode) && depth == LIBRARY_DEPTH_MAX) {
			problem_add(problems, file, 0,
				"more than %d folders within each other",
				LIBRARY_DEPTH_MAX);
		} else if (there && S_ISDIR(st.st_mode)) {
			deeper = xasprintf("%s/", file);
			read_folder(library, over, folder, deeper, depth + 1, problems);
			free(deeper);
		} else if (there && S_ISREG(st.st_mode) &&
			   is_of_library(entry[i]->d_name, depth == 0)) {
			read_file(library, over, folder, file, problems);
		}
		free(whole);
		free(file);
		free(entry[i]);
	}
	free(entry);
	free(path);
}

/* Rules of one file may be about the response of another, so this comes last. */
static void
check_targets(const struct library *library, struct library_problems *problems)
{
	for (int i = 0; i < rules_count(library->rules); i++) {
		const char *place, *id = rules_response(library->rules, i, &place);

		if (id == NULL || library_find(library, id) != NULL)
			continue;
		problem_add(problems, place != NULL ? place : "rules", 0,
			"there is no response \"%s\": see the ids and file names of the "
			"folder",
			id);
	}
}

struct library *
library_load(const char *folder, struct library_problems *problems)
{
	struct library *library = library_create();

	library_add(library, folder, problems);
	if (library_check(library, problems))
		return library;
	library_destroy(library);
	return NULL;
}

void
library_add(
	struct library *library, const char *folder, struct library_problems *problems)
{
	struct map over = {0};

	for (int i = 0; i < library->n; i++)
		map_put(&over, library->list[i].id, library);
	read_folder(library, &over, folder, "", 0, problems);
	map_finish(&over);
}

bool
library_check(const struct library *library, struct library_problems *problems)
{
	if (problems->n == 0)
		check_targets(library, problems);
	return problems->n == 0;
}

/* ---- the learner ---- */

/* What a response would be asked for: its title with its keywords, and its text. */
static void
teach(struct learner *l, struct words_reader *reader, const struct response *r, int label)
{
	struct words words = {0};
	struct features features = {0};
	struct text text = {0};

	text_addf(&text, "%s\n", r->title);
	for (int i = 0; i < r->keywords.n; i++)
		text_addf(&text, "%s\n", r->keywords.list[i]);
	for (int pass = 0; pass < 2; pass++) {
		struct bag bag = {0};
		const char *one = pass == 0 ? text.s : r->body;

		words_clear(&words);
		words_add(reader, &words, FIELD_BODY, one, strlen(one));
		features_make(&features, &words);
		bag_make(&bag, &features);
		learner_learn(
			l, &(struct learner_case){&bag, &label, 1, pass == 0 ? 1 : 0.3f});
		bag_finish(&bag);
	}
	text_finish(&text);
	features_finish(&features);
	words_finish(&words);
}

int
library_seed(const struct library *library, struct learner *l)
{
	struct words_reader *reader = words_reader_create(learner_language(l));
	int taught = 0;

	for (int k = 1; k < learner_labels(l); k++) {
		const struct response *r = library_find(library, learner_name(l, k));

		learner_list(l, k, r != NULL && response_speaks(r, learner_language(l)));
	}
	for (int i = 0; reader != NULL && i < library->n; i++) {
		const struct response *r = &library->list[i];
		int label;

		if (!response_speaks(r, learner_language(l)))
			continue;
		label = learner_label(l, r->id, true);
		if (label < 0 || learner_seen(l, label) > 0)
			continue;
		teach(l, reader, r, label);
		taught++;
	}
	words_reader_destroy(reader);
	return taught;
}
