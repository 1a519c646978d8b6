/* model/agent.h - an agent's states (CONTRACTS 2): offline, ready, not_ready(reason),
 * not_responding. */
#ifndef USHER_MODEL_AGENT_H
#define USHER_MODEL_AGENT_H

enum agent_state {
	AGENT_OFFLINE,
	AGENT_NOT_READY,
	AGENT_READY,
	AGENT_NOT_RESPONDING,
	AGENT_STATES
};
extern const char *const agent_state_name[AGENT_STATES];
enum agent_state agent_state_parse(const char *name); /* AGENT_STATES when unknown */

#define REASON_MAX 64 /* bytes; an id (base/text.h) */

#endif
