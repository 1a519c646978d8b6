/* base/xalloc.h - memory that is there, or the end of the program (STYLE: sizes are
 * bounded before use). */
#ifndef USHER_BASE_XALLOC_H
#define USHER_BASE_XALLOC_H

#include <stdarg.h>
#include <stddef.h>

#define USHER_MUST_CHECK __attribute__((warn_unused_result))
#define USHER_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define USHER_UNUSED __attribute__((unused))

/* All of these end the program with a message when memory is gone. The caller owns what
 * is returned; free() it. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *format, ...) USHER_PRINTF(1, 2);

#endif
