/* base/xalloc.c - allocation that does not fail. */
#include "base/xalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
check(void *p, size_t size)
{
	if (p == NULL && size != 0) {
		fprintf(stderr, "error memory: %zu bytes are not to be had; ending\n",
			size);
		abort();
	}
	return p;
}

void *
xmalloc(size_t size)
{
	return check(malloc(size), size);
}

void *
xcalloc(size_t n, size_t size)
{
	return check(calloc(n, size), n != 0 && size != 0 ? n : 0);
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	return check(reallocarray(p, n, size), n != 0 && size != 0 ? n : 0);
}

char *
xstrdup(const char *s)
{
	return s != NULL ? check(strdup(s), 1) : NULL;
}

char *
xstrndup(const char *s, size_t n)
{
	return check(strndup(s, n), 1);
}

char *
xasprintf(const char *format, ...)
{
	va_list args;
	char *out = NULL;

	va_start(args, format);
	if (vasprintf(&out, format, args) < 0)
		out = NULL;
	va_end(args);
	return check(out, 1);
}
