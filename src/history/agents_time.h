/* history/agents_time.h - how agents spent their time, by interval; within a read. */
#ifndef USHER_HISTORY_AGENTS_TIME_H
#define USHER_HISTORY_AGENTS_TIME_H

#include "history/database.h"
#include "history/figures.h"

/* Of one agent in one interval. busy: he holds at least one conversation or wraps one up,
 * counted once however many they are; idle: he is ready and holds none. */
struct agent_time {
	int64_t logged_in_ms, ready_ms, not_ready_ms, not_responding_ms;
	int64_t busy_ms, idle_ms;
};

/* Calls fn for each agent and interval in which he was logged in or busy. team: NULL:
 * none. */
void agents_time(struct database_session *s, const struct report *report,
	void (*fn)(void *owner, const char *agent, const char *team, int bin,
		const struct agent_time *time),
	void *owner);

#endif
