/* model/agent.c - names of agents' states. */
#include "model/agent.h"

#include <string.h>

const char *const agent_state_name[AGENT_STATES] = {
	"offline", "not_ready", "ready", "not_responding"};

enum agent_state
agent_state_parse(const char *name)
{
	int i = 0;

	while (i < AGENT_STATES && strcmp(name, agent_state_name[i]) != 0)
		i++;
	return (enum agent_state)i;
}
