/* base/audit_check.c - reads the audit's chain and says whether it holds. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "base/audit_inner.h"
#include "base/json.h"

static const char hash_mark[] = ",\"hash\":\"";

char *
audit_path(const char *state_directory, int number)
{
	return xasprintf("%s/" AUDIT_FOLDER "/%06d.jsonl", state_directory, number);
}

bool
audit_files(const char *state_directory, int *first, int *last)
{
	char *path = xasprintf("%s/" AUDIT_FOLDER, state_directory);
	DIR *dir = opendir(path);
	struct dirent *entry;

	free(path);
	*first = *last = 0;
	if (dir == NULL)
		return errno == ENOENT;
	while ((entry = readdir(dir)) != NULL) {
		char *rest;
		long number = strtol(entry->d_name, &rest, 10);

		if (rest != entry->d_name + 6 || strcmp(rest, ".jsonl") != 0 ||
			number < 1)
			continue;
		*first = *first == 0 || number < *first ? (int)number : *first;
		*last = number > *last ? (int)number : *last;
	}
	closedir(dir);
	return true;
}

void
audit_hash(char out[AUDIT_HASH], const char *bytes, size_t n)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (EVP_Digest(bytes, n, hash, &length, EVP_sha256(), NULL) != 1)
		length = 0;
	for (unsigned i = 0; i < length; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

void
audit_digest(char out[AUDIT_HASH], const char *text)
{
	audit_hash(out, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

static void USHER_PRINTF(2, 3) fault(struct audit_report *report, const char *format, ...)
{
	va_list args;

	if (report->wrong[0] != '\0')
		return; /* the first one is where to look */
	va_start(args, format);
	vsnprintf(report->wrong, sizeof report->wrong, format, args);
	va_end(args);
}

/* A record that reads; chain and number are looked at. */
static void
take_record(struct audit_walk *walk, json_t *record, const char *at, const char *hash)
{
	struct audit_report *r = walk->report;
	const char *prev = json_string_value(json_object_get(record, "prev"));
	const char *what = json_string_value(json_object_get(record, "what"));
	const char *detail = json_string_value(json_object_get(record, "detail"));
	int64_t n = json_integer_value(json_object_get(record, "n"));

	if (r->records > 0 && (prev == NULL || strcmp(prev, r->head) != 0))
		fault(r, "%s: the record does not follow the one before it", at);
	if (r->records > 0 && n != r->last + 1)
		fault(r, "%s: record %lld stands where %lld belongs", at, (long long)n,
			(long long)r->last + 1);
	if (walk->torn[0] != '\0' &&
		(what == NULL || detail == NULL || strcmp(what, AUDIT_TORN) != 0 ||
			strcmp(detail, walk->torn) != 0))
		fault(r, "%s: the line before it does not read", at);
	else if (walk->torn[0] != '\0')
		r->torn++;
	walk->torn[0] = '\0';
	if (r->first == 0)
		r->first = n;
	r->last = n;
	r->records++;
	snprintf(r->head, sizeof r->head, "%s", hash);
	if (walk->anchor != NULL && strcmp(walk->anchor, hash) == 0)
		r->anchored = true;
	if (walk->each != NULL && r->wrong[0] == '\0')
		walk->each(walk->owner, record);
}

/* One line of n bytes without its end. */
static void
take_line(struct audit_walk *walk, const char *line, size_t n, const char *at)
{
	struct json_problem problem;
	json_t *record = json_read(line, n, &problem);
	const char *hash = json_string_value(json_object_get(record, "hash"));
	size_t behind = sizeof hash_mark - 1 + AUDIT_HASH - 1 + 2; /* ,"hash":"..."} */
	char real[AUDIT_HASH];

	if (walk->torn[0] != '\0' && hash == NULL)
		fault(walk->report, "%s: two lines that do not read", at);
	if (hash == NULL || n < behind ||
		memcmp(line + n - behind, hash_mark, sizeof hash_mark - 1) != 0) {
		audit_hash(walk->torn, line, n);
		json_decref(record);
		return;
	}
	audit_hash(real, line, n - behind);
	if (strcmp(real, hash) != 0)
		fault(walk->report, "%s: the record was changed", at);
	take_record(walk, record, at, hash);
	json_decref(record);
}

bool
audit_walk_file(struct audit_walk *walk, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, at[160];
	const char *name = strrchr(path, '/');
	size_t room = 0;
	ssize_t n;
	long number = 0;

	walk->unfinished = 0;
	if (f == NULL) {
		fault(walk->report, "%s: %s", path, strerror(errno));
		return false;
	}
	while ((n = getline(&line, &room, f)) > 0) {
		snprintf(at, sizeof at, "%.120s:%ld", name != NULL ? name + 1 : path,
			++number);
		if (line[n - 1] == '\n')
			take_line(walk, line, (size_t)n - 1, at);
		else
			walk->unfinished = (size_t)n;
		if (walk->unfinished > 0)
			audit_hash(walk->torn, line, (size_t)n);
	}
	free(line);
	fclose(f);
	walk->report->files++;
	return true;
}

bool
audit_verify(const char *state_directory, const char *anchor,
	void (*each)(void *owner, json_t *record), void *owner, struct audit_report *out)
{
	struct audit_walk walk = {
		.report = out, .anchor = anchor, .each = each, .owner = owner};
	int first, last;

	*out = (struct audit_report){.wrong = ""};
	if (!audit_files(state_directory, &first, &last)) {
		fault(out, "%s/" AUDIT_FOLDER ": %s", state_directory, strerror(errno));
		return false;
	}
	for (int i = first; i > 0 && i <= last; i++) {
		char *path = audit_path(state_directory, i);
		bool read = audit_walk_file(&walk, path);

		free(path);
		if (!read)
			break;
	}
	if (walk.torn[0] != '\0' && walk.unfinished == 0)
		fault(out, "the last line does not read");
	if (anchor != NULL && !out->anchored)
		fault(out,
			"the hash %.64s is not in the chain: its end was cut off, or it "
			"was "
			"written anew",
			anchor);
	return true;
}
