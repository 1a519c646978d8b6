/* tests/unit/shared_data.h - files beside the project that tests read when they are
 * there. */
#ifndef USHER_TEST_SHARED_DATA_H
#define USHER_TEST_SHARED_DATA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"

/* SOURCE/../shared/data/NAME; the caller's; NULL, told on stderr, when it is not there.
 */
static inline char *
shared_path(const char *name)
{
	const char *source = getenv("USHER_SOURCE");
	char *path =
		xasprintf("%s/../shared/data/%s", source != NULL ? source : ".", name);

	if (access(path, R_OK) == 0)
		return path;
	fprintf(stderr, "skipped: %s is not there\n", path);
	free(path);
	return NULL;
}

/* A whole file, NUL-terminated; the caller's; NULL: it cannot be read. */
static inline char *
read_whole(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *data = NULL;
	long size;

	if (f == NULL)
		return NULL;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	if (size >= 0) {
		data = xmalloc((size_t)size + 1);
		*n = fread(data, 1, (size_t)size, f);
		data[*n] = '\0';
	}
	fclose(f);
	return data;
}

#endif
