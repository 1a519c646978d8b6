/* base/moment.h - moments as text: RFC 3339 with milliseconds. Pure. */
#ifndef USHER_BASE_MOMENT_H
#define USHER_BASE_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/xalloc.h"

#define MOMENT_TEXT 25 /* bytes of "2026-11-22T09:40:00.000Z" with the NUL */

/* Unix ms as UTC. Years outside 0000..9999 are written as the nearest end of that range.
 */
void moment_format(char out[MOMENT_TEXT], int64_t ms);

/*
 * moment_parse - RFC 3339 date and time ("T" or "t", any offset, fraction optional).
 *
 * Fractions beyond milliseconds are cut off; a leap second counts as the one before.
 * Returns  false when it is not a date, or before 1970
 */
bool moment_parse(const char *text, int64_t *ms) USHER_MUST_CHECK;

#endif
