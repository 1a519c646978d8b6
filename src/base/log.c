/* base/log.c - log lines to stderr, one write a line. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 2048 /* bytes; a longer line is cut and ends in "..." */

static enum log_level least_level = LOG_LEVEL_INFO;
static const char *const level_name[] = {"error", "warn", "info", "debug"};
static const int level_syslog[] = {3, 4, 6, 7};

void
log_set_level(enum log_level least)
{
	least_level = least;
}

bool
log_level_parse(const char *name, enum log_level *out)
{
	for (int i = 0; i < 4; i++) {
		if (strcmp(name, level_name[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool
log_wants(enum log_level level)
{
	return level <= least_level;
}

/* Copies text to out with control characters as \xNN; returns the bytes written, at most
 * room. */
static size_t
escape(char *out, size_t room, const char *text)
{
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p >= 0x20 && *p != 0x7f) {
			if (n + 1 > room)
				break;
			out[n++] = (char)*p;
		} else {
			if (n + 5 > room)
				break;
			n += (size_t)snprintf(out + n, room - n, "\\x%02x", *p);
		}
	}
	return n;
}

void
log_line(enum log_level level, const char *format, ...)
{
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX + 80];
	va_list args;
	size_t n = 0;

	if (!log_wants(level))
		return;
	va_start(args, format);
	if (vsnprintf(text, sizeof text, format, args) >= (int)sizeof text)
		memcpy(text + sizeof text - 4, "...", 4);
	va_end(args);
	if (getenv("JOURNAL_STREAM") != NULL) {
		n = (size_t)snprintf(line, sizeof line, "<%d>", level_syslog[level]);
	} else {
		struct timespec now;
		struct tm tm;

		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &tm);
		n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
		n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ %s ",
			now.tv_nsec / 1000000, level_name[level]);
	}
	n += escape(line + n, sizeof line - n - 1, text);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nowhere to report that */
}
