/*
 * base/log.h - one line a fact on stderr: "level module: what key=value ...".
 *
 * error: someone must repair it; warn: usher got over it; info: an operator counts it;
 * debug: moves. Control characters in the finished line are escaped (\xNN), so text from
 * outside cannot forge lines. Bodies are never logged. Under systemd (JOURNAL_STREAM set)
 * lines start with <N>.
 */
#ifndef USHER_BASE_LOG_H
#define USHER_BASE_LOG_H

#include <stdbool.h>

#include "base/xalloc.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

void log_set_level(enum log_level least);
bool log_level_parse(const char *name, enum log_level *out) USHER_MUST_CHECK;
bool log_wants(enum log_level level);
void log_line(enum log_level level, const char *format, ...) USHER_PRINTF(2, 3);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                   \
	do {                                                                             \
		if (log_wants(LOG_LEVEL_DEBUG))                                          \
			log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                          \
	} while (0)

#endif
